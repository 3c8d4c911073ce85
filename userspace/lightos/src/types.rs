// SPDX-License-Identifier: GPL-2.0

//! The arguments and results of the calls, typed.

use std::fmt;

use crate::{sys, Error};

/// Declares an enumeration of the ABI with its conversions.
macro_rules! abi_enum {
    ($(#[$meta:meta])* $name:ident ($field:literal) {
        $($(#[$doc:meta])* $variant:ident = $value:literal, $text:literal;)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// The value in the ABI.
            pub const fn as_u32(self) -> u32 {
                match self {
                    $(Self::$variant => $value,)+
                }
            }
        }

        impl TryFrom<u32> for $name {
            type Error = $crate::Error;

            fn try_from(value: u32) -> Result<Self, $crate::Error> {
                match value {
                    $($value => Ok(Self::$variant),)+
                    _ => Err($crate::Error::UnknownValue { field: $field, value }),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(match self {
                    $(Self::$variant => $text,)+
                })
            }
        }
    };
}

pub(crate) use abi_enum;

abi_enum! {
    /// Kind of a device of the registry.
    DeviceType ("device_type") {
        /// Graphics processor.
        Gpu = 0, "GPU";
        /// Tensor processor.
        Tpu = 1, "TPU";
        /// Neural processor; the spiking engine is one.
        Npu = 2, "NPU";
        /// Photonic processor.
        Photonic = 3, "photonic";
    }
}

abi_enum! {
    /// Meaning of the events that a program submits.
    Encoding ("encoding") {
        /// Every event adds its amplitude to the membrane.
        Rate = 0, "rate";
        /// A neuron fires at most once a cycle.
        Temporal = 1, "temporal";
        /// Events are changes of a signal and are summed up to a threshold.
        Delta = 2, "delta";
    }
}

abi_enum! {
    /// What a neuron is doing.
    Activity ("state") {
        /// Less than 0.5 mV away from the rest potential.
        Resting = 0, "resting";
        /// Away from rest, able to take input.
        Integrating = 1, "integrating";
        /// Fired within the last processing interval.
        Spiking = 2, "spiking";
        /// Held at the reset potential, deaf to input.
        Refractory = 3, "refractory";
    }
}

abi_enum! {
    /// What carries out the work of a subsystem.
    Backend ("backend") {
        /// The subsystem is absent.
        None = 0, "none";
        /// The kernel, on the host's processors.
        Cpu = 1, "cpu";
        /// A device model.
        Model = 2, "model";
        /// A device.
        Silicon = 3, "silicon";
    }
}

abi_enum! {
    /// A configuration of the engine for a purpose.
    Profile ("profile") {
        /// Rate encoding, cycles of 1000 us.
        Default = 0, "default";
        /// Delta encoding, cycles of 500 us.
        LowLatency = 1, "low-latency";
        /// Delta encoding, cycles of 1000 us, target sparsity 80 %.
        MaxEfficiency = 2, "max-efficiency";
    }
}

/// State of one device of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceState {
    /// Its number; 0 is the module's own spiking engine.
    pub id: u32,
    /// Its kind.
    pub kind: DeviceType,
    /// How busy it is, 0 to 100.
    pub utilization_percent: u32,
    /// What it draws; 0 where the device has no power sensor.
    pub power_watts: u32,
    /// Memory in use.
    pub memory_used_bytes: u64,
    /// Memory in all.
    pub memory_total_bytes: u64,
}

impl TryFrom<sys::DeviceState> for DeviceState {
    type Error = Error;

    fn try_from(raw: sys::DeviceState) -> Result<Self, Error> {
        Ok(Self {
            id: raw.device_id,
            kind: raw.device_type.try_into()?,
            utilization_percent: raw.utilization_percent,
            power_watts: raw.power_watts,
            memory_used_bytes: raw.memory_used_bytes,
            memory_total_bytes: raw.memory_total_bytes,
        })
    }
}

/// Configuration of the engine. One engine serves the whole system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Meaning of the events.
    pub encoding: Encoding,
    /// Whether the engine may be started; `false` stops a running one.
    pub enabled: bool,
    /// Events that one cycle may apply; 0 means 1000.
    pub max_events_per_cycle: u32,
    /// Time between cycles, 50 to 1,000,000 microseconds; 0 means 1000.
    pub interval_us: u32,
    /// Target of delta encoding, 0 to 100; 0 means 69.
    pub target_sparsity_percent: u32,
}

impl Default for Config {
    /// What the module starts with: rate encoding, disabled, all defaults.
    fn default() -> Self {
        Self {
            encoding: Encoding::Rate,
            enabled: false,
            max_events_per_cycle: sys::DEFAULT_EVENTS_PER_CYCLE,
            interval_us: sys::DEFAULT_INTERVAL_US,
            target_sparsity_percent: sys::DEFAULT_SPARSITY_PERCENT,
        }
    }
}

impl From<Config> for sys::SpikingConfig {
    fn from(config: Config) -> Self {
        Self {
            encoding: config.encoding.as_u32(),
            enabled: config.enabled.into(),
            max_events_per_cycle: config.max_events_per_cycle,
            processing_interval_us: config.interval_us,
            target_sparsity_percent: config.target_sparsity_percent,
            ..Self::default()
        }
    }
}

/// Configuration and statistics of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// The configuration in force, defaults filled in.
    pub config: Config,
    /// Share of neuron updates not needed over the sliding window, 0 to 100.
    pub sparsity_percent: u32,
    /// Events taken from the queue since load.
    pub events_processed: u64,
    /// Events refused for a full queue since load.
    pub events_dropped: u64,
}

impl TryFrom<sys::SpikingConfig> for Stats {
    type Error = Error;

    fn try_from(raw: sys::SpikingConfig) -> Result<Self, Error> {
        Ok(Self {
            config: Config {
                encoding: raw.encoding.try_into()?,
                enabled: raw.enabled != 0,
                max_events_per_cycle: raw.max_events_per_cycle,
                interval_us: raw.processing_interval_us,
                target_sparsity_percent: raw.target_sparsity_percent,
            },
            sparsity_percent: raw.current_sparsity_percent,
            events_processed: raw.total_events_processed,
            events_dropped: raw.events_dropped,
        })
    }
}

/// One input event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which neuron receives it.
    pub neuron_id: u32,
    /// When it happens, in ns of CLOCK_MONOTONIC; 0 means now.
    pub timestamp_ns: u64,
    /// What it adds to the membrane, in millivolts.
    pub amplitude_mv: i32,
    /// Synapses that it stands for; 0 means 1. Only counted.
    pub synapse_count: u32,
}

impl Event {
    /// An event that happens when it is submitted.
    pub const fn now(neuron_id: u32, amplitude_mv: i32) -> Self {
        Self {
            neuron_id,
            timestamp_ns: 0,
            amplitude_mv,
            synapse_count: 1,
        }
    }
}

impl From<Event> for sys::SpikeEvent {
    fn from(event: Event) -> Self {
        Self {
            neuron_id: event.neuron_id,
            timestamp_ns: event.timestamp_ns,
            amplitude_mv: event.amplitude_mv,
            synapse_count: event.synapse_count,
        }
    }
}

/// State of one neuron at the time of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeuronState {
    /// Which neuron.
    pub id: u32,
    /// What it is doing.
    pub activity: Activity,
    /// Its membrane, nearest millivolt.
    pub membrane_mv: i32,
    /// Its spikes since load or since a reset of the neurons.
    pub total_spikes: u64,
    /// Its spikes a second over the last second.
    pub rate_hz: u32,
}

impl TryFrom<sys::NeuronState> for NeuronState {
    type Error = Error;

    fn try_from(raw: sys::NeuronState) -> Result<Self, Error> {
        Ok(Self {
            id: raw.neuron_id,
            activity: raw.state.try_into()?,
            membrane_mv: raw.membrane_potential_mv,
            total_spikes: raw.total_spikes,
            rate_hz: raw.current_rate_hz,
        })
    }
}

/// A version, major << 16 | minor << 8 | patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(word) = *self;
        write!(f, "{}.{}.{}", word >> 16, word >> 8 & 0xff, word & 0xff)
    }
}

/// The subsystems that are present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features(pub u64);

impl Features {
    /// The names of the subsystems that this library knows.
    pub fn names(self) -> Vec<&'static str> {
        [
            (sys::FEATURE_SPIKING, "spiking"),
            (sys::FEATURE_MOE, "moe"),
            (sys::FEATURE_PHOTONIC, "photonic"),
            (sys::FEATURE_REGISTRY, "registry"),
            (sys::FEATURE_NETWORKS, "networks"),
        ]
        .into_iter()
        .filter(|(bit, _)| self.0 & bit != 0)
        .map(|(_, name)| name)
        .collect()
    }
}

/// What the module is and can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// The subsystems that are present.
    pub features: Features,
    /// Version of the module.
    pub module_version: Version,
    /// Version of the legacy contract that it keeps.
    pub legacy_version: Version,
    /// What the spiking engine runs on.
    pub spiking_backend: Backend,
    /// What the photonic devices run on.
    pub photonic_backend: Backend,
    /// Neurons of the engine.
    pub max_neurons: u32,
    /// Events that may wait in its queue.
    pub max_pending_events: u32,
    /// Least processing interval, in microseconds.
    pub min_interval_us: u32,
    /// Greatest processing interval, in microseconds.
    pub max_interval_us: u32,
    /// Devices that the registry can hold.
    pub max_devices: u32,
    /// Links that the registry can hold.
    pub max_links: u32,
}

impl TryFrom<sys::Query> for Query {
    type Error = Error;

    fn try_from(raw: sys::Query) -> Result<Self, Error> {
        Ok(Self {
            features: Features(raw.features),
            module_version: Version(raw.module_version),
            legacy_version: Version(raw.legacy_version),
            spiking_backend: raw.spiking_backend.try_into()?,
            photonic_backend: raw.photonic_backend.try_into()?,
            max_neurons: raw.max_neurons,
            max_pending_events: raw.max_pending_events,
            min_interval_us: raw.min_interval_us,
            max_interval_us: raw.max_interval_us,
            max_devices: raw.max_devices,
            max_links: raw.max_links,
        })
    }
}

/// Counters of the engine since load or since a reset of the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Events accepted into the queue.
    pub events_submitted: u64,
    /// Events taken from the queue.
    pub events_processed: u64,
    /// Events refused for a full queue.
    pub events_dropped: u64,
    /// Events applied at once, being too old or too far ahead.
    pub events_late: u64,
    /// Events that met a refractory neuron.
    pub events_refractory: u64,
    /// Events withheld by the encoding.
    pub events_suppressed: u64,
    /// Sum of the synapse counts of the events processed.
    pub synaptic_ops: u64,
    /// Output spikes.
    pub spikes: u64,
    /// Updates after which the membrane was clamped to +-10 V.
    pub saturations: u64,
    /// Distinct (neuron, cycle) pairs that were computed.
    pub neuron_updates: u64,
    /// Processing intervals that passed while the engine ran.
    pub cycles: u64,
    /// How many of them woke the engine.
    pub timer_fires: u64,
    /// Processor time spent applying events, in ns.
    pub busy_ns: u64,
    /// Neurons that ever received an event.
    pub neurons_used: u32,
    /// Events waiting now.
    pub events_pending: u32,
    /// Present delta threshold in mV, 0 unless delta encoding.
    pub delta_threshold_mv: u32,
    /// Whether the engine runs.
    pub running: bool,
}

impl From<sys::SpikingCounters> for Counters {
    fn from(raw: sys::SpikingCounters) -> Self {
        Self {
            events_submitted: raw.events_submitted,
            events_processed: raw.events_processed,
            events_dropped: raw.events_dropped,
            events_late: raw.events_late,
            events_refractory: raw.events_refractory,
            events_suppressed: raw.events_suppressed,
            synaptic_ops: raw.synaptic_ops,
            spikes: raw.spikes,
            saturations: raw.saturations,
            neuron_updates: raw.neuron_updates,
            cycles: raw.cycles,
            timer_fires: raw.timer_fires,
            busy_ns: raw.busy_ns,
            neurons_used: raw.neurons_used,
            events_pending: raw.events_pending,
            delta_threshold_mv: raw.delta_threshold_mv,
            running: raw.running != 0,
        }
    }
}

/// What to bring back to the state after load; at least one must be chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reset {
    /// Every neuron at rest, never used.
    pub neurons: bool,
    /// The queue empty.
    pub pending: bool,
    /// All counters and the sliding window zero.
    pub counters: bool,
}

impl Reset {
    /// The bits of the ABI.
    pub const fn flags(self) -> u32 {
        let mut flags = 0;
        if self.neurons {
            flags |= sys::RESET_NEURONS;
        }
        if self.pending {
            flags |= sys::RESET_PENDING;
        }
        if self.counters {
            flags |= sys::RESET_COUNTERS;
        }
        flags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enumerations_keep_their_values() {
        for value in 0..4 {
            assert_eq!(DeviceType::try_from(value).unwrap().as_u32(), value);
            assert_eq!(Activity::try_from(value).unwrap().as_u32(), value);
            assert_eq!(Backend::try_from(value).unwrap().as_u32(), value);
        }
        assert_eq!(Encoding::try_from(2).unwrap(), Encoding::Delta);
        let error = Encoding::try_from(3).unwrap_err().to_string();
        assert!(error.contains("3 for encoding"), "{error}");
    }

    #[test]
    fn configuration_survives_the_way_to_the_module() {
        let config = Config {
            encoding: Encoding::Delta,
            enabled: true,
            max_events_per_cycle: 7,
            interval_us: 50,
            target_sparsity_percent: 100,
        };
        let stats = Stats::try_from(sys::SpikingConfig {
            total_events_processed: 5,
            ..config.into()
        })
        .unwrap();
        assert_eq!(stats.config, config);
        assert_eq!(stats.events_processed, 5);
    }

    #[test]
    fn versions_and_features_read_as_text() {
        assert_eq!(Version(0x0000_0200).to_string(), "0.2.0");
        assert_eq!(Version(0x0001_0a03).to_string(), "1.10.3");
        let features = Features(sys::FEATURE_SPIKING | sys::FEATURE_REGISTRY | 1 << 40);
        assert_eq!(features.names(), ["spiking", "registry"]);
    }

    #[test]
    fn reset_flags_are_the_bits_of_the_abi() {
        assert_eq!(Reset::default().flags(), 0);
        let all = Reset {
            neurons: true,
            pending: true,
            counters: true,
        };
        assert_eq!(all.flags(), 7);
        let one = Reset {
            pending: true,
            ..Reset::default()
        };
        assert_eq!(one.flags(), 2);
    }
}
