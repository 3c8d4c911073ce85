// SPDX-License-Identifier: GPL-2.0

//! Mirror of `uapi/lightos.h`: layouts, limits and ioctl codes.
//!
//! The test `tests/header.rs` compiles the header and compares every size,
//! offset and code with this file. Holes of the v0.2.0 structures are not
//! named, as there: the module ignores them on input.

use rustix::ioctl::{opcode, Opcode};

mod moe;
mod network;
mod photonic;

pub use moe::*;
pub use network::*;
pub use photonic::*;

/// Neurons of the engine.
pub const MAX_NEURONS: u32 = 65_536;
/// Events that may wait in the queue.
pub const MAX_PENDING_EVENTS: u32 = 4_096;
/// Devices that the registry can hold.
pub const MAX_DEVICES: u32 = 256;
/// Links that the registry can hold.
pub const MAX_LINKS: u32 = 1_024;
/// What 0 in [`SpikingConfig::max_events_per_cycle`] stands for.
pub const DEFAULT_EVENTS_PER_CYCLE: u32 = 1_000;
/// What 0 in [`SpikingConfig::processing_interval_us`] stands for.
pub const DEFAULT_INTERVAL_US: u32 = 1_000;
/// What 0 in [`SpikingConfig::target_sparsity_percent`] stands for.
pub const DEFAULT_SPARSITY_PERCENT: u32 = 69;
/// Least processing interval, in microseconds.
pub const MIN_INTERVAL_US: u32 = 50;
/// Greatest processing interval, in microseconds.
pub const MAX_INTERVAL_US: u32 = 1_000_000;
/// An event further ahead of now than this, in ns, is applied at once.
pub const MAX_AHEAD_NS: u64 = 60_000_000_000;

/// Bit of [`Query::features`]: the spiking engine is present.
pub const FEATURE_SPIKING: u64 = 1 << 0;
/// Bit of [`Query::features`]: mixture-of-experts gating is present.
pub const FEATURE_MOE: u64 = 1 << 1;
/// Bit of [`Query::features`]: photonic devices are present.
pub const FEATURE_PHOTONIC: u64 = 1 << 2;
/// Bit of [`Query::features`]: the device registry is present.
pub const FEATURE_REGISTRY: u64 = 1 << 3;
/// Bit of [`Query::features`]: networks of neurons are present.
pub const FEATURE_NETWORKS: u64 = 1 << 4;

/// Bit of [`SpikingReset::flags`]: every neuron at rest, never used.
pub const RESET_NEURONS: u32 = 1 << 0;
/// Bit of [`SpikingReset::flags`]: the queue empty.
pub const RESET_PENDING: u32 = 1 << 1;
/// Bit of [`SpikingReset::flags`]: all counters zero.
pub const RESET_COUNTERS: u32 = 1 << 2;

/// `struct lightos_device_state`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct DeviceState {
    pub device_id: u32,
    pub device_type: u32,
    pub utilization_percent: u32,
    pub power_watts: u32,
    pub memory_used_bytes: u64,
    pub memory_total_bytes: u64,
}

/// `struct lightos_spiking_config`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct SpikingConfig {
    pub encoding: u32,
    pub enabled: u32,
    pub max_events_per_cycle: u32,
    pub processing_interval_us: u32,
    pub target_sparsity_percent: u32,
    pub current_sparsity_percent: u32,
    pub total_events_processed: u64,
    pub events_dropped: u64,
}

/// `struct lightos_spike_event`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct SpikeEvent {
    pub neuron_id: u32,
    pub timestamp_ns: u64,
    pub amplitude_mv: i32,
    pub synapse_count: u32,
}

/// `struct lightos_neuron_state`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct NeuronState {
    pub neuron_id: u32,
    pub state: u32,
    pub membrane_potential_mv: i32,
    pub total_spikes: u64,
    pub current_rate_hz: u32,
}

/// `struct lightos_query`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct Query {
    pub size: u32,
    pub flags: u32,
    pub features: u64,
    pub module_version: u32,
    pub legacy_version: u32,
    pub spiking_backend: u32,
    pub photonic_backend: u32,
    pub max_neurons: u32,
    pub max_pending_events: u32,
    pub min_interval_us: u32,
    pub max_interval_us: u32,
    pub max_devices: u32,
    pub max_links: u32,
}

/// `struct lightos_nop`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct Nop {
    pub size: u32,
    pub flags: u32,
    pub cookie: u64,
    pub reserved: u64,
}

/// `struct lightos_spiking_counters`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct SpikingCounters {
    pub size: u32,
    pub flags: u32,
    pub events_submitted: u64,
    pub events_processed: u64,
    pub events_dropped: u64,
    pub events_late: u64,
    pub events_refractory: u64,
    pub events_suppressed: u64,
    pub synaptic_ops: u64,
    pub spikes: u64,
    pub saturations: u64,
    pub neuron_updates: u64,
    pub cycles: u64,
    pub timer_fires: u64,
    pub busy_ns: u64,
    pub neurons_used: u32,
    pub events_pending: u32,
    pub delta_threshold_mv: u32,
    pub running: u32,
}

/// `struct lightos_spiking_reset`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct SpikingReset {
    pub size: u32,
    pub flags: u32,
}

/// The ioctl type of the module.
pub const IOC_MAGIC: u8 = b'L';

/// `LIGHTOS_IOC_GET_DEVICE_STATE`.
pub const GET_DEVICE_STATE: Opcode = opcode::read_write::<DeviceState>(IOC_MAGIC, 0x01);
/// `LIGHTOS_IOC_SPIKING_CONFIG`.
pub const SPIKING_CONFIG: Opcode = opcode::read_write::<SpikingConfig>(IOC_MAGIC, 0x02);
/// `LIGHTOS_IOC_SPIKING_START`.
pub const SPIKING_START: Opcode = opcode::none(IOC_MAGIC, 0x03);
/// `LIGHTOS_IOC_SPIKING_STOP`.
pub const SPIKING_STOP: Opcode = opcode::none(IOC_MAGIC, 0x04);
/// `LIGHTOS_IOC_SPIKING_SUBMIT_EVENT`.
pub const SPIKING_SUBMIT_EVENT: Opcode = opcode::write::<SpikeEvent>(IOC_MAGIC, 0x05);
/// `LIGHTOS_IOC_SPIKING_GET_STATS`.
pub const SPIKING_GET_STATS: Opcode = opcode::read::<SpikingConfig>(IOC_MAGIC, 0x06);
/// `LIGHTOS_IOC_GET_NEURON_STATE`.
pub const GET_NEURON_STATE: Opcode = opcode::read_write::<NeuronState>(IOC_MAGIC, 0x07);
/// `LIGHTOS_IOC_QUERY`.
pub const QUERY: Opcode = opcode::read_write::<Query>(IOC_MAGIC, 0x20);
/// `LIGHTOS_IOC_NOP`.
pub const NOP: Opcode = opcode::write::<Nop>(IOC_MAGIC, 0x21);
/// `LIGHTOS_IOC_SPIKING_COUNTERS`.
pub const SPIKING_COUNTERS: Opcode = opcode::read_write::<SpikingCounters>(IOC_MAGIC, 0x40);
/// `LIGHTOS_IOC_SPIKING_RESET`.
pub const SPIKING_RESET: Opcode = opcode::write::<SpikingReset>(IOC_MAGIC, 0x41);

/// The size of `T` as an extended structure states it in its first member.
pub(crate) const fn size_of_u32<T>() -> u32 {
    let size = size_of::<T>();
    assert!(size <= 0x3fff); // what an ioctl code can carry
    size as u32
}

// The v0.2.0 contract for 64-bit programs.
#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<DeviceState>() == 32);
    assert!(size_of::<SpikingConfig>() == 40);
    assert!(size_of::<SpikeEvent>() == 24);
    assert!(size_of::<NeuronState>() == 32);
    assert!(GET_DEVICE_STATE == 0xC020_4C01);
    assert!(SPIKING_CONFIG == 0xC028_4C02);
    assert!(SPIKING_START == 0x0000_4C03);
    assert!(SPIKING_STOP == 0x0000_4C04);
    assert!(SPIKING_SUBMIT_EVENT == 0x4018_4C05);
    assert!(SPIKING_GET_STATS == 0x8028_4C06);
    assert!(GET_NEURON_STATE == 0xC020_4C07);
};

// The extended structures are the same for 64-bit and 32-bit programs.
const _: () = {
    assert!(size_of::<Query>() == 56);
    assert!(size_of::<Nop>() == 24);
    assert!(size_of::<SpikingCounters>() == 128);
    assert!(size_of::<SpikingReset>() == 8);
};
