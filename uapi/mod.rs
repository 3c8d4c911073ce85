// SPDX-License-Identifier: GPL-2.0

//! `uapi/lightos.h` as Rust sees it.
//!
//! The header is the source; this file repeats its layouts, with the holes of
//! the legacy structures named so that they are written as zero. What i386
//! lays out differently, because it aligns a 64-bit member to 4 bytes, is in
//! [`compat`]. The assertions at the end, a KUnit suite and the selftests hold
//! the two together.

use crate::rust::uaccess::Extensible;
use core::mem::size_of;
use kernel::{
    ioctl::{_IO, _IOC_NR, _IOC_TYPE, _IOR, _IOW, _IOWR},
    transmute::{AsBytes, FromBytes},
};

/// The letter of LightOS's ioctls.
pub(crate) const MAGIC: u32 = b'L' as u32;

pub(crate) const MAX_DEVICES: u32 = 256;
pub(crate) const MAX_LINKS: u32 = 1024;
pub(crate) const MAX_NEURONS: u32 = 65536;
pub(crate) const MAX_PENDING_EVENTS: u32 = 4096;

pub(crate) const DEVICE_NPU: u32 = 2;
pub(crate) const DEVICE_PHOTONIC: u32 = 3;

pub(crate) const FEATURE_SPIKING: u64 = 1 << 0;
pub(crate) const FEATURE_MOE: u64 = 1 << 1;
pub(crate) const FEATURE_PHOTONIC: u64 = 1 << 2;
pub(crate) const FEATURE_NETWORKS: u64 = 1 << 4;

pub(crate) const BACKEND_NONE: u32 = 0;
pub(crate) const BACKEND_CPU: u32 = 1;
pub(crate) const BACKEND_MODEL: u32 = 2;
pub(crate) const BACKEND_SILICON: u32 = 3;

pub(crate) const RESET_NEURONS: u32 = 1 << 0;
pub(crate) const RESET_PENDING: u32 = 1 << 1;
pub(crate) const RESET_COUNTERS: u32 = 1 << 2;

/// Declares a structure of the ABI: C layout, plain old data.
macro_rules! abi_struct {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Default)]
        pub(crate) struct $name { $($(#[$field_meta])* pub(crate) $field: $type,)* }

        // SAFETY: All fields are integers or arrays of them: any bytes will do.
        unsafe impl FromBytes for $name {}
        // SAFETY: The fields are integers and, as the assertion below shows,
        // fill the structure without a hole.
        unsafe impl AsBytes for $name {}
        const _: () = assert!(size_of::<$name>() == 0 $(+ size_of::<$type>())*);
    };
}

/// Implements [`Extensible`] for structures whose first field is `size`.
macro_rules! extensible {
    ($($name:ident: $first_size:literal,)*) => {
        $(impl Extensible for $name {
            const FIRST_SIZE: usize = $first_size;
            fn size_mut(&mut self) -> &mut u32 {
                &mut self.size
            }
        }
        const _: () = assert!(size_of::<$name>() >= $first_size);)*
    };
}

mod moe;
mod network;
mod photonic;

pub(crate) use moe::*;
pub(crate) use network::*;
pub(crate) use photonic::*;

abi_struct!(
    /// `struct lightos_device_state`
    DeviceState {
        device_id: u32,
        device_type: u32,
        utilization_percent: u32,
        power_watts: u32,
        memory_used_bytes: u64,
        memory_total_bytes: u64,
    }
);

abi_struct!(
    /// `struct lightos_spiking_config`
    SpikingConfig {
        encoding: u32,
        enabled: u32,
        max_events_per_cycle: u32,
        processing_interval_us: u32,
        target_sparsity_percent: u32,
        current_sparsity_percent: u32,
        total_events_processed: u64,
        events_dropped: u64,
    }
);

abi_struct!(
    /// `struct lightos_spike_event`
    SpikeEvent {
        neuron_id: u32,
        hole: u32,
        timestamp_ns: u64,
        amplitude_mv: i32,
        synapse_count: u32,
    }
);

abi_struct!(
    /// `struct lightos_neuron_state`
    NeuronState {
        neuron_id: u32,
        state: u32,
        membrane_potential_mv: i32,
        hole: u32,
        total_spikes: u64,
        current_rate_hz: u32,
        tail_hole: u32,
    }
);

abi_struct!(
    /// `struct lightos_query`
    Query {
        size: u32,
        flags: u32,
        features: u64,
        module_version: u32,
        legacy_version: u32,
        spiking_backend: u32,
        photonic_backend: u32,
        max_neurons: u32,
        max_pending_events: u32,
        min_interval_us: u32,
        max_interval_us: u32,
        max_devices: u32,
        max_links: u32,
    }
);

abi_struct!(
    /// `struct lightos_nop`
    Nop {
        size: u32,
        flags: u32,
        cookie: u64,
        reserved: u64,
    }
);

abi_struct!(
    /// `struct lightos_spiking_counters`
    SpikingCounters {
        size: u32,
        flags: u32,
        events_submitted: u64,
        events_processed: u64,
        events_dropped: u64,
        events_late: u64,
        events_refractory: u64,
        events_suppressed: u64,
        synaptic_ops: u64,
        spikes: u64,
        saturations: u64,
        neuron_updates: u64,
        cycles: u64,
        timer_fires: u64,
        busy_ns: u64,
        neurons_used: u32,
        events_pending: u32,
        delta_threshold_mv: u32,
        running: u32,
    }
);

abi_struct!(
    /// `struct lightos_spiking_reset`
    SpikingReset {
        size: u32,
        flags: u32,
    }
);

/// The structures whose layout differs on i386. Other 32-bit programs, those of
/// Arm among them, have the layouts above.
#[cfg(all(CONFIG_COMPAT, CONFIG_X86))]
pub(crate) mod compat {
    use super::*;

    abi_struct!(
        /// `struct lightos_spike_event` on i386
        SpikeEvent {
            neuron_id: u32,
            timestamp_ns: [u32; 2],
            amplitude_mv: i32,
            synapse_count: u32,
        }
    );

    abi_struct!(
        /// `struct lightos_neuron_state` on i386
        NeuronState {
            neuron_id: u32,
            state: u32,
            membrane_potential_mv: i32,
            total_spikes: [u32; 2],
            current_rate_hz: u32,
        }
    );

    pub(crate) const SPIKING_SUBMIT_EVENT: u32 = _IOW::<SpikeEvent>(MAGIC, 0x05);
    pub(crate) const GET_NEURON_STATE: u32 = _IOWR::<NeuronState>(MAGIC, 0x07);

    const _: () = assert!(SPIKING_SUBMIT_EVENT == 0x4014_4C05);
    const _: () = assert!(GET_NEURON_STATE == 0xC018_4C07);
}

extensible! {
    Query: 56,
    Nop: 24,
    SpikingCounters: 128,
    SpikingReset: 8,
}

pub(crate) const GET_DEVICE_STATE: u32 = _IOWR::<DeviceState>(MAGIC, 0x01);
pub(crate) const SPIKING_CONFIG: u32 = _IOWR::<SpikingConfig>(MAGIC, 0x02);
pub(crate) const SPIKING_START: u32 = _IO(MAGIC, 0x03);
pub(crate) const SPIKING_STOP: u32 = _IO(MAGIC, 0x04);
pub(crate) const SPIKING_SUBMIT_EVENT: u32 = _IOW::<SpikeEvent>(MAGIC, 0x05);
pub(crate) const SPIKING_GET_STATS: u32 = _IOR::<SpikingConfig>(MAGIC, 0x06);
pub(crate) const GET_NEURON_STATE: u32 = _IOWR::<NeuronState>(MAGIC, 0x07);

// Extended calls are recognised by number: their size may grow.
pub(crate) const NR_QUERY: u32 = 0x20;
pub(crate) const NR_NOP: u32 = 0x21;
pub(crate) const NR_SPIKING_COUNTERS: u32 = 0x40;
pub(crate) const NR_SPIKING_RESET: u32 = 0x41;

/// The number of an extended call, `None` for any other command.
///
/// Every extended call takes a structure, so its direction says at least
/// "write"; the size is left to the call.
#[inline]
pub(crate) fn extended_nr(cmd: u32) -> Option<u32> {
    const ANY_SIZE: u32 = !(kernel::uapi::_IOC_SIZEMASK << kernel::uapi::_IOC_SIZESHIFT);
    let nr = _IOC_NR(cmd);
    let code = match nr {
        NR_QUERY => _IOWR::<Query>(MAGIC, nr),
        NR_NOP => _IOW::<Nop>(MAGIC, nr),
        NR_SPIKING_COUNTERS => _IOWR::<SpikingCounters>(MAGIC, nr),
        NR_SPIKING_RESET => _IOW::<SpikingReset>(MAGIC, nr),
        _ => network::network_code(nr)
            .or_else(|| moe::moe_code(nr))
            .or_else(|| photonic::photonic_code(nr))?,
    };
    (_IOC_TYPE(cmd) == MAGIC && cmd & ANY_SIZE == code & ANY_SIZE).then_some(nr)
}

// The codes of the contract.
const _: () = {
    assert!(GET_DEVICE_STATE == 0xC020_4C01);
    assert!(SPIKING_CONFIG == 0xC028_4C02);
    assert!(SPIKING_START == 0x0000_4C03);
    assert!(SPIKING_STOP == 0x0000_4C04);
    assert!(SPIKING_SUBMIT_EVENT == 0x4018_4C05);
    assert!(SPIKING_GET_STATS == 0x8028_4C06);
    assert!(GET_NEURON_STATE == 0xC020_4C07);
};

#[cfg(CONFIG_LIGHTOS_KUNIT_TEST)]
#[kernel::prelude::kunit_tests(lightos_uapi)]
mod tests {
    use super::*;

    #[test]
    fn extended_calls_are_known_by_number_whatever_their_size() {
        assert_eq!(extended_nr(_IOWR::<Query>(MAGIC, 0x20)), Some(NR_QUERY));
        assert_eq!(extended_nr(_IOWR::<[u64; 99]>(MAGIC, 0x20)), Some(NR_QUERY));
        assert_eq!(extended_nr(_IOW::<Nop>(MAGIC, 0x21)), Some(NR_NOP));
    }

    #[test]
    fn other_commands_are_unknown() {
        assert_eq!(extended_nr(_IOWR::<Query>(MAGIC + 1, 0x20)), None);
        assert_eq!(extended_nr(_IOR::<Query>(MAGIC, 0x20)), None);
        assert_eq!(extended_nr(_IO(MAGIC, 0x20)), None);
        assert_eq!(extended_nr(_IOWR::<Query>(MAGIC, 0x22)), None);
        assert_eq!(extended_nr(SPIKING_CONFIG), None);
    }
}
