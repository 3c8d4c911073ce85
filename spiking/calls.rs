// SPDX-License-Identifier: GPL-2.0

//! The ioctls that reach the spiking engine: copy in, check, apply, copy out.
//!
//! Process context. User memory is never touched with the engine's lock held:
//! a page fault there can take as long as user space likes.

use super::{
    engine::{Config, Counters, Input, NeuronReport, Profile, Reset, StartError, SubmitError},
    Context, Engine,
};
use crate::{rust::uaccess::UserArg, uapi};
use kernel::{
    prelude::*,
    sync::Arc,
    transmute::{AsBytes, FromBytes},
};

/// The engine as a device of `GET_DEVICE_STATE`.
pub(crate) fn device_state(context: &Arc<Context>) -> uapi::DeviceState {
    context.with_engine_up_to_date(|engine, now| uapi::DeviceState {
        device_id: 0,
        device_type: uapi::DEVICE_NPU,
        utilization_percent: engine.utilization_percent(now),
        // No sensor measures what the engine draws.
        power_watts: 0,
        memory_used_bytes: engine.memory().used,
        memory_total_bytes: engine.memory().total,
    })
}

/// `SPIKING_CONFIG`. `EINVAL` for a value out of range.
pub(crate) fn config(context: &Arc<Context>, arg: UserArg) -> Result {
    let request: uapi::SpikingConfig = arg.read()?;
    let config = Config::new(
        request.encoding,
        request.enabled,
        request.max_events_per_cycle,
        request.processing_interval_us,
        request.target_sparsity_percent,
    )
    .map_err(|_| EINVAL)?;
    // The reply goes out first: a caller who cannot be given it must not have
    // changed the engine, and from here on nothing can fail.
    let present = context.with_engine(stats_of);
    arg.write(&uapi::SpikingConfig {
        current_sparsity_percent: present.current_sparsity_percent,
        total_events_processed: present.total_events_processed,
        events_dropped: present.events_dropped,
        ..config.into()
    })?;
    context.with_engine(|engine, now| engine.configure(config, now));
    Ok(())
}

/// `SPIKING_START`. `EINVAL` while disabled, `EALREADY` while running.
pub(crate) fn start(context: &Arc<Context>) -> Result {
    context
        .with_engine(|engine, now| engine.start(now))
        .map_err(|err| match err {
            StartError::Disabled => EINVAL,
            StartError::AlreadyRunning => EALREADY,
        })
}

/// `SPIKING_STOP`.
pub(crate) fn stop(context: &Arc<Context>) -> Result {
    context.with_engine(|engine, now| engine.stop(now));
    Ok(())
}

/// `SPIKING_SUBMIT_EVENT`, for the layout `T`. `EINVAL` for an unknown neuron,
/// `ENOSPC` while the queue is full.
pub(crate) fn submit<T: FromBytes + Into<Input>>(context: &Arc<Context>, arg: UserArg) -> Result {
    let event: Input = arg.read::<T>()?.into();
    context
        .with_engine(|engine, now| engine.submit(event, now))
        .map_err(|err| match err {
            SubmitError::UnknownNeuron => EINVAL,
            SubmitError::QueueFull => ENOSPC,
        })
}

/// `SPIKING_GET_STATS`.
pub(crate) fn stats(context: &Arc<Context>, arg: UserArg) -> Result {
    arg.write(&context.with_engine_up_to_date(stats_of))
}

/// `GET_NEURON_STATE`, for the layout `T`. `EINVAL` for an unknown neuron.
pub(crate) fn neuron_state<T>(context: &Arc<Context>, arg: UserArg) -> Result
where
    T: FromBytes + AsBytes + From<(u32, NeuronReport)>,
{
    // The id comes first in every layout, but all of it must be readable.
    arg.read::<T>()?;
    let id: u32 = arg.read()?;
    if id >= uapi::MAX_NEURONS {
        return Err(EINVAL);
    }
    let report = context
        .with_engine_up_to_date(|engine, now| engine.neuron_report(id, now))
        .ok_or(EINVAL)?;
    arg.write(&T::from((id, report)))
}

/// `SPIKING_COUNTERS`, which leaves the engine as it is.
pub(crate) fn counters(context: &Arc<Context>, arg: UserArg) -> Result {
    let request: uapi::SpikingCounters = arg.read_extensible()?;
    if request.flags != 0 {
        return Err(EINVAL);
    }
    let counters = context.with_engine(|engine, now| engine.counters(now));
    arg.write_extensible(uapi::SpikingCounters {
        size: request.size,
        ..counters.into()
    })
}

/// `SPIKING_RESET`. `EINVAL` for no or unknown flags.
pub(crate) fn reset(context: &Arc<Context>, arg: UserArg) -> Result {
    const KNOWN: u32 = uapi::RESET_NEURONS | uapi::RESET_PENDING | uapi::RESET_COUNTERS;

    let request: uapi::SpikingReset = arg.read_extensible()?;
    if request.flags == 0 || request.flags & !KNOWN != 0 {
        return Err(EINVAL);
    }
    let what = Reset {
        neurons: request.flags & uapi::RESET_NEURONS != 0,
        pending: request.flags & uapi::RESET_PENDING != 0,
        counters: request.flags & uapi::RESET_COUNTERS != 0,
    };
    context.with_engine(|engine, now| engine.reset(what, now));
    Ok(())
}

/// `SPIKING_PROFILE`. `EINVAL` for an unknown profile.
pub(crate) fn profile(context: &Arc<Context>, arg: UserArg) -> Result {
    let request: uapi::SpikingProfile = arg.read_extensible()?;
    if request.flags != 0 || request.reserved != 0 {
        return Err(EINVAL);
    }
    let profile = Profile::from_u32(request.profile).ok_or(EINVAL)?;
    // As with SPIKING_CONFIG: the reply goes out first.
    let config = context.with_engine(|engine, _| profile.config(engine.config().enabled()));
    arg.write_extensible(uapi::SpikingProfile {
        encoding: config.encoding().as_u32(),
        max_events_per_cycle: config.max_events_per_cycle(),
        processing_interval_us: config.interval_us(),
        target_sparsity_percent: config.target_sparsity_percent(),
        ..request
    })?;
    context.with_engine(|engine, now| {
        let config = profile.config(engine.config().enabled());
        engine.configure(config, now);
    });
    Ok(())
}

fn stats_of(engine: &mut Engine, now: u64) -> uapi::SpikingConfig {
    let counters = engine.counters(now);
    uapi::SpikingConfig {
        current_sparsity_percent: engine.sparsity_percent(now),
        total_events_processed: counters.events_processed,
        events_dropped: counters.events_dropped,
        ..engine.config().into()
    }
}

impl From<Config> for uapi::SpikingConfig {
    fn from(config: Config) -> Self {
        Self {
            encoding: config.encoding().as_u32(),
            enabled: config.enabled().into(),
            max_events_per_cycle: config.max_events_per_cycle(),
            processing_interval_us: config.interval_us(),
            target_sparsity_percent: config.target_sparsity_percent(),
            ..Self::default()
        }
    }
}

impl From<uapi::SpikeEvent> for Input {
    fn from(event: uapi::SpikeEvent) -> Self {
        Self {
            neuron_id: event.neuron_id,
            timestamp_ns: event.timestamp_ns,
            amplitude_mv: event.amplitude_mv,
            synapse_count: event.synapse_count,
        }
    }
}

impl From<(u32, NeuronReport)> for uapi::NeuronState {
    fn from((neuron_id, report): (u32, NeuronReport)) -> Self {
        Self {
            neuron_id,
            state: report.activity.as_u32(),
            membrane_potential_mv: report.membrane_mv,
            total_spikes: report.total_spikes,
            current_rate_hz: report.rate_hz,
            ..Self::default()
        }
    }
}

impl From<Counters> for uapi::SpikingCounters {
    fn from(c: Counters) -> Self {
        Self {
            size: 0,
            flags: 0,
            events_submitted: c.events_submitted,
            events_processed: c.events_processed,
            events_dropped: c.events_dropped,
            events_late: c.events_late,
            events_refractory: c.events_refractory,
            events_suppressed: c.events_suppressed,
            synaptic_ops: c.synaptic_ops,
            spikes: c.spikes,
            saturations: c.saturations,
            neuron_updates: c.neuron_updates,
            cycles: c.cycles,
            timer_fires: c.timer_fires,
            busy_ns: c.busy_ns,
            neurons_used: c.neurons_used,
            events_pending: c.events_pending,
            delta_threshold_mv: c.delta_threshold_mv,
            running: c.running.into(),
        }
    }
}

/// A 64-bit number as i386 lays it out: two halves, low one first.
#[cfg(all(CONFIG_COMPAT, CONFIG_X86))]
fn halves(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

#[cfg(all(CONFIG_COMPAT, CONFIG_X86))]
impl From<uapi::compat::SpikeEvent> for Input {
    fn from(event: uapi::compat::SpikeEvent) -> Self {
        let [low, high] = event.timestamp_ns;
        Self {
            neuron_id: event.neuron_id,
            timestamp_ns: u64::from(high) << 32 | u64::from(low),
            amplitude_mv: event.amplitude_mv,
            synapse_count: event.synapse_count,
        }
    }
}

#[cfg(all(CONFIG_COMPAT, CONFIG_X86))]
impl From<(u32, NeuronReport)> for uapi::compat::NeuronState {
    fn from((neuron_id, report): (u32, NeuronReport)) -> Self {
        Self {
            neuron_id,
            state: report.activity.as_u32(),
            membrane_potential_mv: report.membrane_mv,
            total_spikes: halves(report.total_spikes),
            current_rate_hz: report.rate_hz,
        }
    }
}
