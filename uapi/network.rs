// SPDX-License-Identifier: GPL-2.0

//! The calls on spiking networks, as `uapi/lightos.h` lays them out.
//!
//! Layouts and numbers: any context, no lock.

use super::*;

pub(crate) const MAX_INPUTS: u32 = 65536;
pub(crate) const MAX_CODERS: u32 = 4;

pub(crate) const TABLE_NETWORK: u32 = 0;
pub(crate) const TABLE_POPULATIONS: u32 = 1;
pub(crate) const TABLE_LOIHI_PARAMS: u32 = 2;
pub(crate) const TABLE_EXACT_PARAMS: u32 = 3;
pub(crate) const TABLE_DELAYS: u32 = 4;
pub(crate) const TABLE_STARTS: u32 = 5;
pub(crate) const TABLE_SYNAPSES: u32 = 6;
pub(crate) const TABLE_BLOCKS: u32 = 7;
pub(crate) const TABLE_WEIGHTS: u32 = 8;
pub(crate) const TABLE_PROBES: u32 = 9;

pub(crate) const RING_INPUT: u32 = 0;
pub(crate) const RING_SPIKES: u32 = 1;
pub(crate) const RING_VOLTAGES: u32 = 2;
pub(crate) const MAX_RING_ENTRIES: u32 = 1 << 22;
pub(crate) const DEFAULT_RING_ENTRIES: u32 = 1 << 16;
/// Bytes from the start of a ring to its first record.
pub(crate) const RING_RECORDS: u32 = 4096;

pub(crate) const NEXT_STEP: u64 = u64::MAX;

pub(crate) const PARAMS_TIME_CONSTANTS: u32 = 1 << 0;

pub(crate) const PROBLEM_UNKNOWN: u32 = 5;

pub(crate) const RUN_UNTIL_STEP: u32 = 1 << 0;
pub(crate) const RUN_UNTIL_TIME: u32 = 1 << 1;
pub(crate) const RUN_REAL_TIME: u32 = 1 << 2;
pub(crate) const RUN_KEEP_OUTPUT: u32 = 1 << 3;
pub(crate) const RUN_WAIT: u32 = 1 << 4;
pub(crate) const RUN_EVENTFD: u32 = 1 << 5;

pub(crate) const STATE_WRITE: u32 = 1 << 0;

pub(crate) const NETWORK_RESET_STATE: u32 = 1 << 0;
pub(crate) const NETWORK_RESET_COUNTERS: u32 = 1 << 1;
pub(crate) const NETWORK_RESET_RINGS: u32 = 1 << 2;

pub(crate) const ENCODER_NONE: u32 = 0;
pub(crate) const ENCODER_RATE: u32 = 1;
pub(crate) const ENCODER_LATENCY: u32 = 2;
pub(crate) const ENCODER_SEND_ON_DELTA: u32 = 3;
pub(crate) const ENCODER_DIFFERENCE: u32 = 4;

pub(crate) const ENCODER_LOGARITHMIC: u32 = 1 << 0;
pub(crate) const ENCODER_NORMALIZE: u32 = 1 << 1;
pub(crate) const ENCODER_CLIP: u32 = 1 << 2;
pub(crate) const ENCODER_OFF_SPIKE: u32 = 1 << 3;
pub(crate) const ENCODER_PADDING: u32 = 1 << 4;

pub(crate) const DECODER_NONE: u32 = 0;
pub(crate) const DECODER_COUNT: u32 = 1;
pub(crate) const DECODER_FIRST: u32 = 2;
pub(crate) const DECODER_SUM: u32 = 3;
pub(crate) const DECODER_RATE: u32 = 4;

pub(crate) const NO_CHANNEL: u32 = u32::MAX;

abi_struct!(
    /// `struct lightos_population`
    Population {
        first: u32,
        count: u32,
        kind: u32,
        params: u32,
        params_count: u32,
        reserved: u32,
    }
);

abi_struct!(
    /// `struct lightos_loihi_params`
    LoihiParams {
        current_decay: u32,
        voltage_decay: u32,
        threshold: i32,
        bias: i32,
        refractory_steps: u32,
        reserved: u32,
    }
);

abi_struct!(
    /// `struct lightos_exact_params`
    ExactParams {
        flags: u32,
        refractory_steps: u32,
        membrane: i64,
        current: [i64; 2],
        coupling: [i64; 2],
        drive: i64,
        gain: [i64; 2],
        threshold: i64,
        reset: i64,
    }
);

abi_struct!(
    /// `struct lightos_block`
    Block {
        source_first: u32,
        source_count: u32,
        target_first: u32,
        target_count: u32,
        delay: u32,
        width: u32,
        offset: u64,
    }
);

abi_struct!(
    /// `struct lightos_network_fault`
    NetworkFault {
        table: u32,
        problem: u32,
        entry: u64,
        field: [u8; 24],
    }
);

abi_struct!(
    /// `struct lightos_network_begin`
    NetworkBegin {
        size: u32,
        flags: u32,
        inputs: u32,
        reserved: u32,
        step_ns: u64,
        populations: u64,
        loihi_params: u64,
        exact_params: u64,
        delays: u64,
        starts: u64,
        synapses: u64,
        blocks: u64,
        weights: u64,
        probes: u64,
    }
);

abi_struct!(
    /// `struct lightos_network_write`
    NetworkWrite {
        size: u32,
        flags: u32,
        table: u32,
        reserved: u32,
        first: u64,
        count: u64,
        data: u64,
        fault: NetworkFault,
    }
);

abi_struct!(
    /// `struct lightos_network_commit`
    NetworkCommit {
        size: u32,
        flags: u32,
        bytes: u64,
        fault: NetworkFault,
    }
);

abi_struct!(
    /// `struct lightos_network_event`
    NetworkEvent {
        step: u64,
        index: u32,
        weight: i32,
    }
);

abi_struct!(
    /// `struct lightos_network_spike`
    NetworkSpike {
        step: u64,
        neuron: u32,
        reserved: u32,
    }
);

abi_struct!(
    /// `struct lightos_network_voltage`
    NetworkVoltage {
        step: u64,
        probe: u32,
        reserved: u32,
        value: i64,
    }
);

abi_struct!(
    /// `struct lightos_network_rings`
    NetworkRings {
        size: u32,
        flags: u32,
        input_entries: u32,
        spike_entries: u32,
        voltage_entries: u32,
        reserved: u32,
    }
);

abi_struct!(
    /// `struct lightos_network_run`
    NetworkRun {
        size: u32,
        flags: u32,
        target: u64,
        interval_ns: u64,
        eventfd: i32,
        reserved: u32,
        run: u64,
    }
);

abi_struct!(
    /// `struct lightos_network_completion`
    NetworkCompletion {
        run: u64,
        step: u64,
        steps: u64,
        busy_ns: u64,
        reason: u32,
        missed: u32,
    }
);

abi_struct!(
    /// `struct lightos_network_stop`
    NetworkStop {
        size: u32,
        flags: u32,
    }
);

abi_struct!(
    /// `struct lightos_network_transfer`
    NetworkTransfer {
        size: u32,
        flags: u32,
        ring: u32,
        reserved: u32,
        count: u64,
        data: u64,
        done: u64,
    }
);

abi_struct!(
    /// `struct lightos_neuron_variables`
    NeuronVariables {
        membrane: i64,
        current: [i64; 2],
        refractory: u32,
        reserved: u32,
    }
);

abi_struct!(
    /// `struct lightos_network_state`
    NetworkState {
        size: u32,
        flags: u32,
        first: u32,
        count: u32,
        data: u64,
    }
);

abi_struct!(
    /// `struct lightos_network_reset`
    NetworkReset {
        size: u32,
        flags: u32,
    }
);

abi_struct!(
    /// `struct lightos_network_stats`
    NetworkStats {
        size: u32,
        flags: u32,
        step: u64,
        steps: u64,
        events: u64,
        late: u64,
        rejected: u64,
        input_spikes: u64,
        merged: u64,
        synaptic_events: u64,
        spikes: u64,
        updates: u64,
        skipped: u64,
        wraps: u64,
        saturations: u64,
        dropped_spikes: u64,
        dropped_voltages: u64,
        missed: u64,
        busy_ns: u64,
        bytes: u64,
        synapses: u64,
        runs: u64,
        neurons: u32,
        inputs: u32,
        running: u32,
        arithmetic: u32,
    }
);

abi_struct!(
    /// `struct lightos_network_encoder`
    NetworkEncoder {
        size: u32,
        flags: u32,
        slot: u32,
        kind: u32,
        first_input: u32,
        channels: u32,
        seed: u64,
        gain: i32,
        offset: i32,
        threshold: u32,
        epsilon: u32,
        tau: u32,
        steps: u32,
        first_step: u32,
        reserved: u32,
    }
);

abi_struct!(
    /// `struct lightos_network_samples`
    NetworkSamples {
        size: u32,
        flags: u32,
        slot: u32,
        count: u32,
        data: u64,
    }
);

abi_struct!(
    /// `struct lightos_network_decoder`
    NetworkDecoder {
        size: u32,
        flags: u32,
        slot: u32,
        kind: u32,
        first_neuron: u32,
        channels: u32,
        threshold: u32,
        reserved: u32,
        tau_ns: u64,
    }
);

abi_struct!(
    /// `struct lightos_network_decoded`
    NetworkDecoded {
        size: u32,
        flags: u32,
        slot: u32,
        count: u32,
        data: u64,
        winner: u32,
        reserved: u32,
    }
);

abi_struct!(
    /// `struct lightos_spiking_profile`
    SpikingProfile {
        size: u32,
        flags: u32,
        profile: u32,
        encoding: u32,
        max_events_per_cycle: u32,
        processing_interval_us: u32,
        target_sparsity_percent: u32,
        reserved: u32,
    }
);

extensible! {
    NetworkBegin: 96,
    NetworkWrite: 80,
    NetworkCommit: 56,
    NetworkRings: 24,
    NetworkRun: 40,
    NetworkStop: 8,
    NetworkTransfer: 40,
    NetworkState: 24,
    NetworkReset: 8,
    NetworkStats: 184,
    NetworkEncoder: 64,
    NetworkSamples: 24,
    NetworkDecoder: 40,
    NetworkDecoded: 32,
    SpikingProfile: 32,
}

pub(crate) const NR_SPIKING_PROFILE: u32 = 0x42;
pub(crate) const NR_NETWORK_BEGIN: u32 = 0x48;
pub(crate) const NR_NETWORK_WRITE: u32 = 0x49;
pub(crate) const NR_NETWORK_COMMIT: u32 = 0x4a;
pub(crate) const NR_NETWORK_RINGS: u32 = 0x4b;
pub(crate) const NR_NETWORK_RUN: u32 = 0x4c;
pub(crate) const NR_NETWORK_STOP: u32 = 0x4d;
pub(crate) const NR_NETWORK_INPUT: u32 = 0x4e;
pub(crate) const NR_NETWORK_OUTPUT: u32 = 0x4f;
pub(crate) const NR_NETWORK_STATE: u32 = 0x50;
pub(crate) const NR_NETWORK_RESET: u32 = 0x51;
pub(crate) const NR_NETWORK_STATS: u32 = 0x52;
pub(crate) const NR_NETWORK_ENCODER: u32 = 0x53;
pub(crate) const NR_NETWORK_SAMPLES: u32 = 0x54;
pub(crate) const NR_NETWORK_DECODER: u32 = 0x55;
pub(crate) const NR_NETWORK_DECODED: u32 = 0x56;

/// The code of the call with the number `nr`, if it is one on networks.
#[inline]
pub(super) fn network_code(nr: u32) -> Option<u32> {
    Some(match nr {
        NR_SPIKING_PROFILE => _IOWR::<SpikingProfile>(MAGIC, nr),
        NR_NETWORK_BEGIN => _IOW::<NetworkBegin>(MAGIC, nr),
        NR_NETWORK_WRITE => _IOWR::<NetworkWrite>(MAGIC, nr),
        NR_NETWORK_COMMIT => _IOWR::<NetworkCommit>(MAGIC, nr),
        NR_NETWORK_RINGS => _IOW::<NetworkRings>(MAGIC, nr),
        NR_NETWORK_RUN => _IOWR::<NetworkRun>(MAGIC, nr),
        NR_NETWORK_STOP => _IOW::<NetworkStop>(MAGIC, nr),
        NR_NETWORK_INPUT => _IOWR::<NetworkTransfer>(MAGIC, nr),
        NR_NETWORK_OUTPUT => _IOWR::<NetworkTransfer>(MAGIC, nr),
        NR_NETWORK_STATE => _IOW::<NetworkState>(MAGIC, nr),
        NR_NETWORK_RESET => _IOW::<NetworkReset>(MAGIC, nr),
        NR_NETWORK_STATS => _IOWR::<NetworkStats>(MAGIC, nr),
        NR_NETWORK_ENCODER => _IOW::<NetworkEncoder>(MAGIC, nr),
        NR_NETWORK_SAMPLES => _IOW::<NetworkSamples>(MAGIC, nr),
        NR_NETWORK_DECODER => _IOW::<NetworkDecoder>(MAGIC, nr),
        NR_NETWORK_DECODED => _IOWR::<NetworkDecoded>(MAGIC, nr),
        _ => return None,
    })
}
