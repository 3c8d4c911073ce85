// SPDX-License-Identifier: GPL-2.0

//! The commands that look at the module without changing anything.

use std::io::{self, Write};

use lightos::{Counters, Device, DeviceState, NeuronState, Profile, Query, Stats};
use serde_json::{json, Value};

use crate::failure::Failure;

/// `lightctl status`.
pub(crate) fn status(device: &Device, as_json: bool) -> Result<(), Failure> {
    let query = device.query()?;
    let stats = device.stats()?;
    let counters = device.counters()?;
    if as_json {
        print_json(&status_json(&query, &stats, &counters))
    } else {
        print_text(&status_text(&query, &stats, &counters))
    }
}

/// `lightctl profile`.
pub(crate) fn profile(device: &Device, profile: Profile, as_json: bool) -> Result<(), Failure> {
    let stats = device.profile(profile)?;
    if as_json {
        print_json(&config_json(&stats))
    } else {
        let mut rows = vec![("profile", profile.to_string())];
        rows.extend(engine_rows(&stats, device.counters()?.running));
        print_text(&rows)
    }
}

/// `lightctl device`.
pub(crate) fn device(device: &Device, id: u32, as_json: bool) -> Result<(), Failure> {
    let state = device.device_state(id)?;
    if as_json {
        print_json(&device_json(&state))
    } else {
        print_text(&device_text(&state))
    }
}

/// `lightctl neuron`.
pub(crate) fn neuron(device: &Device, id: u32, as_json: bool) -> Result<(), Failure> {
    let state = device.neuron_state(id).map_err(|error| match error {
        lightos::Error::OutOfRange { .. } => Failure::Usage(format!("there is no neuron {id}")),
        other => other.into(),
    })?;
    if as_json {
        print_json(&neuron_json(&state))
    } else {
        print_text(&neuron_text(&state))
    }
}

/// Prints one JSON object and a line end.
pub(crate) fn print_json(value: &Value) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{value:#}")?;
    Ok(())
}

/// Prints names and values in two columns.
pub(crate) fn print_text(rows: &[(&str, String)]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for (name, value) in rows {
        writeln!(out, "{name:<20} {value}")?;
    }
    Ok(())
}

fn status_json(query: &Query, stats: &Stats, counters: &Counters) -> Value {
    json!({
        "module": {
            "version": query.module_version.to_string(),
            "legacy_version": query.legacy_version.to_string(),
            "features": query.features.names(),
            "spiking_backend": query.spiking_backend.to_string(),
            "photonic_backend": query.photonic_backend.to_string(),
        },
        "limits": {
            "neurons": query.max_neurons,
            "pending_events": query.max_pending_events,
            "min_interval_us": query.min_interval_us,
            "max_interval_us": query.max_interval_us,
            "devices": query.max_devices,
            "links": query.max_links,
        },
        "config": config_json(stats),
        "stats": {
            "sparsity_percent": stats.sparsity_percent,
            "events_processed": stats.events_processed,
            "events_dropped": stats.events_dropped,
        },
        "counters": counters_json(counters),
    })
}

fn config_json(stats: &Stats) -> Value {
    json!({
        "encoding": stats.config.encoding.to_string(),
        "enabled": stats.config.enabled,
        "max_events_per_cycle": stats.config.max_events_per_cycle,
        "interval_us": stats.config.interval_us,
        "target_sparsity_percent": stats.config.target_sparsity_percent,
    })
}

fn counters_json(counters: &Counters) -> Value {
    json!({
        "events_submitted": counters.events_submitted,
        "events_processed": counters.events_processed,
        "events_dropped": counters.events_dropped,
        "events_late": counters.events_late,
        "events_refractory": counters.events_refractory,
        "events_suppressed": counters.events_suppressed,
        "synaptic_ops": counters.synaptic_ops,
        "spikes": counters.spikes,
        "saturations": counters.saturations,
        "neuron_updates": counters.neuron_updates,
        "cycles": counters.cycles,
        "timer_fires": counters.timer_fires,
        "busy_ns": counters.busy_ns,
        "neurons_used": counters.neurons_used,
        "events_pending": counters.events_pending,
        "delta_threshold_mv": counters.delta_threshold_mv,
        "running": counters.running,
    })
}

fn status_text(query: &Query, stats: &Stats, counters: &Counters) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        (
            "module",
            format!(
                "{} (keeps the contract of {})",
                query.module_version, query.legacy_version
            ),
        ),
        ("features", query.features.names().join(" ")),
        ("spiking back end", query.spiking_backend.to_string()),
        ("photonic back end", query.photonic_backend.to_string()),
    ];
    rows.extend(engine_rows(stats, counters.running));
    let used = format!("{} of {}", counters.neurons_used, query.max_neurons);
    let pending = format!(
        "{} of {}",
        counters.events_pending, query.max_pending_events
    );
    rows.push(("neurons used", used));
    rows.push(("events pending", pending));
    rows.extend(counter_rows(counters));
    rows
}

fn engine_rows(stats: &Stats, running: bool) -> Vec<(&'static str, String)> {
    let config = &stats.config;
    let state = match (config.enabled, running) {
        (_, true) => "running",
        (true, false) => "stopped",
        (false, false) => "disabled",
    };
    vec![
        ("engine", state.to_owned()),
        ("encoding", config.encoding.to_string()),
        (
            "cycle",
            format!(
                "every {} us, at most {} events",
                config.interval_us, config.max_events_per_cycle
            ),
        ),
        (
            "sparsity",
            format!(
                "{} % (target {} %)",
                stats.sparsity_percent, config.target_sparsity_percent
            ),
        ),
    ]
}

fn counter_rows(counters: &Counters) -> Vec<(&'static str, String)> {
    [
        ("events submitted", counters.events_submitted),
        ("events processed", counters.events_processed),
        ("events dropped", counters.events_dropped),
        ("events late", counters.events_late),
        ("events refractory", counters.events_refractory),
        ("events suppressed", counters.events_suppressed),
        ("synaptic operations", counters.synaptic_ops),
        ("spikes", counters.spikes),
        ("saturations", counters.saturations),
        ("neuron updates", counters.neuron_updates),
        ("cycles", counters.cycles),
        ("timer fires", counters.timer_fires),
        ("busy ns", counters.busy_ns),
        ("delta threshold mV", counters.delta_threshold_mv.into()),
    ]
    .into_iter()
    .map(|(name, value)| (name, value.to_string()))
    .collect()
}

fn device_json(state: &DeviceState) -> Value {
    json!({
        "id": state.id,
        "type": state.kind.to_string(),
        "utilization_percent": state.utilization_percent,
        "power_watts": state.power_watts,
        "memory_used_bytes": state.memory_used_bytes,
        "memory_total_bytes": state.memory_total_bytes,
    })
}

fn device_text(state: &DeviceState) -> Vec<(&'static str, String)> {
    vec![
        ("device", state.id.to_string()),
        ("type", state.kind.to_string()),
        ("utilization", format!("{} %", state.utilization_percent)),
        (
            "power",
            match state.power_watts {
                0 => "no sensor".to_owned(),
                watts => format!("{watts} W"),
            },
        ),
        (
            "memory",
            format!(
                "{} of {} bytes used",
                state.memory_used_bytes, state.memory_total_bytes
            ),
        ),
    ]
}

fn neuron_json(state: &NeuronState) -> Value {
    json!({
        "id": state.id,
        "state": state.activity.to_string(),
        "membrane_mv": state.membrane_mv,
        "total_spikes": state.total_spikes,
        "rate_hz": state.rate_hz,
    })
}

fn neuron_text(state: &NeuronState) -> Vec<(&'static str, String)> {
    vec![
        ("neuron", state.id.to_string()),
        ("state", state.activity.to_string()),
        ("membrane", format!("{} mV", state.membrane_mv)),
        ("spikes", state.total_spikes.to_string()),
        ("rate", format!("{} Hz", state.rate_hz)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use lightos::{Activity, Backend, Config, DeviceType, Features, Version};

    fn query() -> Query {
        Query {
            features: Features(1),
            module_version: Version(0x000300),
            legacy_version: Version(0x000200),
            spiking_backend: Backend::Cpu,
            photonic_backend: Backend::None,
            max_neurons: 65_536,
            max_pending_events: 4_096,
            min_interval_us: 50,
            max_interval_us: 1_000_000,
            max_devices: 256,
            max_links: 1_024,
        }
    }

    #[test]
    fn status_says_whether_the_engine_runs() {
        let stats = Stats {
            config: Config::default(),
            sparsity_percent: 100,
            events_processed: 0,
            events_dropped: 0,
        };
        let engine = |stats: &Stats, running| {
            let counters = Counters {
                running,
                ..Counters::default()
            };
            let rows = status_text(&query(), stats, &counters);
            rows.into_iter().find(|row| row.0 == "engine").unwrap().1
        };
        assert_eq!(engine(&stats, false), "disabled");
        let mut enabled = stats;
        enabled.config.enabled = true;
        assert_eq!(engine(&enabled, false), "stopped");
        assert_eq!(engine(&enabled, true), "running");
    }

    #[test]
    fn json_carries_names_and_numbers() {
        let counters = Counters {
            events_late: 3,
            ..Counters::default()
        };
        let stats = Stats {
            config: Config::default(),
            sparsity_percent: 97,
            events_processed: 8,
            events_dropped: 0,
        };
        let value = status_json(&query(), &stats, &counters);
        assert_eq!(value["module"]["version"], "0.3.0");
        assert_eq!(value["config"]["encoding"], "rate");
        assert_eq!(value["stats"]["sparsity_percent"], 97);
        assert_eq!(value["counters"]["events_late"], 3);
        let value = neuron_json(&NeuronState {
            id: 42,
            activity: Activity::Refractory,
            membrane_mv: -80,
            total_spikes: 1,
            rate_hz: 1,
        });
        assert_eq!(value["state"], "refractory");
        assert_eq!(value["membrane_mv"], -80);
    }

    #[test]
    fn a_device_without_power_sensor_says_so() {
        let state = DeviceState {
            id: 0,
            kind: DeviceType::Npu,
            utilization_percent: 1,
            power_watts: 0,
            memory_used_bytes: 64,
            memory_total_bytes: 4_194_304,
        };
        let rows = device_text(&state);
        assert!(rows.contains(&("power", "no sensor".to_owned())));
        assert_eq!(device_json(&state)["type"], "NPU");
    }
}
