// SPDX-License-Identifier: GPL-2.0

//! The part of the mirror for networks and profiles: numbers 0x42 to 0x56.

use rustix::ioctl::{opcode, Opcode};

use super::IOC_MAGIC;

/// Inputs of a network, at most.
pub const MAX_INPUTS: u32 = 65_536;
/// The longest delay of a synapse, in steps.
pub const MAX_DELAY: u32 = 1_024;
/// Sparse synapses of a network, at most; and pairs in its dense blocks.
pub const MAX_SYNAPSES: u64 = 1 << 28;
/// The longest step, in ns.
pub const MAX_STEP_NS: u64 = 1_000_000_000_000;

/// Bit of [`ExactParams::flags`]: time constants in ns instead of propagators.
pub const PARAMS_TIME_CONSTANTS: u32 = 1 << 0;
/// [`ExactParams::threshold`] of a neuron that never fires.
pub const THRESHOLD_NEVER: i64 = i64::MAX;
/// Potentials and currents saturate at plus and minus this.
pub const POTENTIAL_LIMIT: i64 = 1 << 60;
/// A propagator of 1.
pub const PROPAGATOR_ONE: i64 = 1 << 62;

/// Number and place of the input ring.
pub const RING_INPUT: u32 = 0;
/// Number and place of the ring of spikes.
pub const RING_SPIKES: u32 = 1;
/// Number and place of the ring of voltages.
pub const RING_VOLTAGES: u32 = 2;
/// Records of a ring, at most.
pub const MAX_RING_ENTRIES: u32 = 1 << 22;
/// Records of a ring, at least.
pub const MIN_RING_ENTRIES: u32 = 64;
/// Records of a ring unless told otherwise.
pub const DEFAULT_RING_ENTRIES: u32 = 1 << 16;
/// Bytes from the start of a mapping to its first record.
pub const RING_RECORDS: u32 = 4_096;

/// The offset to map ring number `ring` at.
pub const fn ring_offset(ring: u32) -> u64 {
    (ring as u64) << 32
}

/// [`NetworkEvent::step`]: the step that comes next.
pub const NEXT_STEP: u64 = u64::MAX;

/// Bit of [`NetworkRun::flags`]: the target is a step.
pub const RUN_UNTIL_STEP: u32 = 1 << 0;
/// Bit of [`NetworkRun::flags`]: the target is a time.
pub const RUN_UNTIL_TIME: u32 = 1 << 1;
/// Bit of [`NetworkRun::flags`]: a step every interval of the clock.
pub const RUN_REAL_TIME: u32 = 1 << 2;
/// Bit of [`NetworkRun::flags`]: stop before output is lost.
pub const RUN_KEEP_OUTPUT: u32 = 1 << 3;
/// Bit of [`NetworkRun::flags`]: compute in the calling thread.
pub const RUN_WAIT: u32 = 1 << 4;
/// Bit of [`NetworkRun::flags`]: signal an eventfd at the end.
pub const RUN_EVENTFD: u32 = 1 << 5;

/// Bit of [`NetworkState::flags`]: write.
pub const STATE_WRITE: u32 = 1 << 0;

/// Bit of [`NetworkReset::flags`]: neurons, spikes under way, step, coders.
pub const NETWORK_RESET_STATE: u32 = 1 << 0;
/// Bit of [`NetworkReset::flags`]: counters.
pub const NETWORK_RESET_COUNTERS: u32 = 1 << 1;
/// Bit of [`NetworkReset::flags`]: rings.
pub const NETWORK_RESET_RINGS: u32 = 1 << 2;

/// Slots for encoders, and as many for decoders.
pub const MAX_CODERS: u32 = 4;
/// Bit of [`NetworkEncoder::flags`]: latency, logarithmic.
pub const ENCODER_LOGARITHMIC: u32 = 1 << 0;
/// Bit of [`NetworkEncoder::flags`]: latency, normalised.
pub const ENCODER_NORMALIZE: u32 = 1 << 1;
/// Bit of [`NetworkEncoder::flags`]: latency, samples below the threshold silent.
pub const ENCODER_CLIP: u32 = 1 << 2;
/// Bit of [`NetworkEncoder::flags`]: difference, spikes for falls too.
pub const ENCODER_OFF_SPIKE: u32 = 1 << 3;
/// Bit of [`NetworkEncoder::flags`]: difference, the first sample is its own predecessor.
pub const ENCODER_PADDING: u32 = 1 << 4;
/// [`NetworkDecoded::winner`] when there is none.
pub const NO_CHANNEL: u32 = u32::MAX;

/// `struct lightos_population`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct Population {
    pub first: u32,
    pub count: u32,
    pub kind: u32,
    pub params: u32,
    pub params_count: u32,
    pub reserved: u32,
}

/// `struct lightos_loihi_params`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct LoihiParams {
    pub current_decay: u32,
    pub voltage_decay: u32,
    pub threshold: i32,
    pub bias: i32,
    pub refractory_steps: u32,
    pub reserved: u32,
}

/// `struct lightos_exact_params`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct ExactParams {
    pub flags: u32,
    pub refractory_steps: u32,
    pub membrane: i64,
    pub current: [i64; 2],
    pub coupling: [i64; 2],
    pub drive: i64,
    pub gain: [i64; 2],
    pub threshold: i64,
    pub reset: i64,
}

/// `struct lightos_block`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct Block {
    pub source_first: u32,
    pub source_count: u32,
    pub target_first: u32,
    pub target_count: u32,
    pub delay: u32,
    pub width: u32,
    pub offset: u64,
}

/// `struct lightos_network_fault`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NetworkFault {
    pub table: u32,
    pub problem: u32,
    pub entry: u64,
    pub field: [u8; 24],
}

/// `struct lightos_network_begin`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NetworkBegin {
    pub size: u32,
    pub flags: u32,
    pub inputs: u32,
    pub reserved: u32,
    pub step_ns: u64,
    pub populations: u64,
    pub loihi_params: u64,
    pub exact_params: u64,
    pub delays: u64,
    pub starts: u64,
    pub synapses: u64,
    pub blocks: u64,
    pub weights: u64,
    pub probes: u64,
}

/// `struct lightos_network_write`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NetworkWrite {
    pub size: u32,
    pub flags: u32,
    pub table: u32,
    pub reserved: u32,
    pub first: u64,
    pub count: u64,
    pub data: u64,
    pub fault: NetworkFault,
}

/// `struct lightos_network_commit`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NetworkCommit {
    pub size: u32,
    pub flags: u32,
    pub bytes: u64,
    pub fault: NetworkFault,
}

/// `struct lightos_ring`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct Ring {
    pub head: u32,
    pub pad0: [u32; 15],
    pub tail: u32,
    pub pad1: [u32; 15],
    pub entries: u32,
    pub record_bytes: u32,
    pub dropped: u64,
}

/// `struct lightos_network_event`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NetworkEvent {
    pub step: u64,
    pub index: u32,
    pub weight: i32,
}

/// `struct lightos_network_spike`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NetworkSpike {
    pub step: u64,
    pub neuron: u32,
    pub reserved: u32,
}

/// `struct lightos_network_voltage`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NetworkVoltage {
    pub step: u64,
    pub probe: u32,
    pub reserved: u32,
    pub value: i64,
}

/// `struct lightos_network_rings`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NetworkRings {
    pub size: u32,
    pub flags: u32,
    pub input_entries: u32,
    pub spike_entries: u32,
    pub voltage_entries: u32,
    pub reserved: u32,
}

/// `struct lightos_network_run`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NetworkRun {
    pub size: u32,
    pub flags: u32,
    pub target: u64,
    pub interval_ns: u64,
    pub eventfd: i32,
    pub reserved: u32,
    pub run: u64,
}

/// `struct lightos_network_completion`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NetworkCompletion {
    pub run: u64,
    pub step: u64,
    pub steps: u64,
    pub busy_ns: u64,
    pub reason: u32,
    pub missed: u32,
}

/// `struct lightos_network_stop`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NetworkStop {
    pub size: u32,
    pub flags: u32,
}

/// `struct lightos_network_transfer`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NetworkTransfer {
    pub size: u32,
    pub flags: u32,
    pub ring: u32,
    pub reserved: u32,
    pub count: u64,
    pub data: u64,
    pub done: u64,
}

/// `struct lightos_neuron_variables`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NeuronVariables {
    pub membrane: i64,
    pub current: [i64; 2],
    pub refractory: u32,
    pub reserved: u32,
}

/// `struct lightos_network_state`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NetworkState {
    pub size: u32,
    pub flags: u32,
    pub first: u32,
    pub count: u32,
    pub data: u64,
}

/// `struct lightos_network_reset`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NetworkReset {
    pub size: u32,
    pub flags: u32,
}

/// `struct lightos_network_stats`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NetworkStats {
    pub size: u32,
    pub flags: u32,
    pub step: u64,
    pub steps: u64,
    pub events: u64,
    pub late: u64,
    pub rejected: u64,
    pub input_spikes: u64,
    pub merged: u64,
    pub synaptic_events: u64,
    pub spikes: u64,
    pub updates: u64,
    pub skipped: u64,
    pub wraps: u64,
    pub saturations: u64,
    pub dropped_spikes: u64,
    pub dropped_voltages: u64,
    pub missed: u64,
    pub busy_ns: u64,
    pub bytes: u64,
    pub synapses: u64,
    pub runs: u64,
    pub neurons: u32,
    pub inputs: u32,
    pub running: u32,
    pub arithmetic: u32,
}

/// `struct lightos_network_encoder`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NetworkEncoder {
    pub size: u32,
    pub flags: u32,
    pub slot: u32,
    pub kind: u32,
    pub first_input: u32,
    pub channels: u32,
    pub seed: u64,
    pub gain: i32,
    pub offset: i32,
    pub threshold: u32,
    pub epsilon: u32,
    pub tau: u32,
    pub steps: u32,
    pub first_step: u32,
    pub reserved: u32,
}

/// `struct lightos_network_samples`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NetworkSamples {
    pub size: u32,
    pub flags: u32,
    pub slot: u32,
    pub count: u32,
    pub data: u64,
}

/// `struct lightos_network_decoder`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NetworkDecoder {
    pub size: u32,
    pub flags: u32,
    pub slot: u32,
    pub kind: u32,
    pub first_neuron: u32,
    pub channels: u32,
    pub threshold: u32,
    pub reserved: u32,
    pub tau_ns: u64,
}

/// `struct lightos_network_decoded`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NetworkDecoded {
    pub size: u32,
    pub flags: u32,
    pub slot: u32,
    pub count: u32,
    pub data: u64,
    pub winner: u32,
    pub reserved: u32,
}

/// `struct lightos_spiking_profile`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct SpikingProfile {
    pub size: u32,
    pub flags: u32,
    pub profile: u32,
    pub encoding: u32,
    pub max_events_per_cycle: u32,
    pub processing_interval_us: u32,
    pub target_sparsity_percent: u32,
    pub reserved: u32,
}

/// `LIGHTOS_IOC_SPIKING_PROFILE`.
pub const SPIKING_PROFILE: Opcode = opcode::read_write::<SpikingProfile>(IOC_MAGIC, 0x42);
/// `LIGHTOS_IOC_NETWORK_BEGIN`.
pub const NETWORK_BEGIN: Opcode = opcode::write::<NetworkBegin>(IOC_MAGIC, 0x48);
/// `LIGHTOS_IOC_NETWORK_WRITE`.
pub const NETWORK_WRITE: Opcode = opcode::read_write::<NetworkWrite>(IOC_MAGIC, 0x49);
/// `LIGHTOS_IOC_NETWORK_COMMIT`.
pub const NETWORK_COMMIT: Opcode = opcode::read_write::<NetworkCommit>(IOC_MAGIC, 0x4a);
/// `LIGHTOS_IOC_NETWORK_RINGS`.
pub const NETWORK_RINGS: Opcode = opcode::write::<NetworkRings>(IOC_MAGIC, 0x4b);
/// `LIGHTOS_IOC_NETWORK_RUN`.
pub const NETWORK_RUN: Opcode = opcode::read_write::<NetworkRun>(IOC_MAGIC, 0x4c);
/// `LIGHTOS_IOC_NETWORK_STOP`.
pub const NETWORK_STOP: Opcode = opcode::write::<NetworkStop>(IOC_MAGIC, 0x4d);
/// `LIGHTOS_IOC_NETWORK_INPUT`.
pub const NETWORK_INPUT: Opcode = opcode::read_write::<NetworkTransfer>(IOC_MAGIC, 0x4e);
/// `LIGHTOS_IOC_NETWORK_OUTPUT`.
pub const NETWORK_OUTPUT: Opcode = opcode::read_write::<NetworkTransfer>(IOC_MAGIC, 0x4f);
/// `LIGHTOS_IOC_NETWORK_STATE`.
pub const NETWORK_STATE: Opcode = opcode::write::<NetworkState>(IOC_MAGIC, 0x50);
/// `LIGHTOS_IOC_NETWORK_RESET`.
pub const NETWORK_RESET: Opcode = opcode::write::<NetworkReset>(IOC_MAGIC, 0x51);
/// `LIGHTOS_IOC_NETWORK_STATS`.
pub const NETWORK_STATS: Opcode = opcode::read_write::<NetworkStats>(IOC_MAGIC, 0x52);
/// `LIGHTOS_IOC_NETWORK_ENCODER`.
pub const NETWORK_ENCODER: Opcode = opcode::write::<NetworkEncoder>(IOC_MAGIC, 0x53);
/// `LIGHTOS_IOC_NETWORK_SAMPLES`.
pub const NETWORK_SAMPLES: Opcode = opcode::write::<NetworkSamples>(IOC_MAGIC, 0x54);
/// `LIGHTOS_IOC_NETWORK_DECODER`.
pub const NETWORK_DECODER: Opcode = opcode::write::<NetworkDecoder>(IOC_MAGIC, 0x55);
/// `LIGHTOS_IOC_NETWORK_DECODED`.
pub const NETWORK_DECODED: Opcode = opcode::read_write::<NetworkDecoded>(IOC_MAGIC, 0x56);
