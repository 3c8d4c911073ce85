// SPDX-License-Identifier: GPL-2.0

//! What a run gave, for people and for programs.

use std::time::Duration;

use lightos::network::Stats;
use serde_json::{json, Value};

use super::energy::Operations;
use super::events::Input;
use super::plan::Plan;
use super::session::{readings, Outcome, Reading};

/// Most values of a readout that are printed for people.
const SHOWN: usize = 32;

/// The counters of a network.
pub(crate) fn stats_json(stats: &Stats) -> Value {
    json!({
        "steps": stats.steps,
        "events": stats.events,
        "late": stats.late,
        "rejected": stats.rejected,
        "input_spikes": stats.input_spikes,
        "merged": stats.merged,
        "synaptic_events": stats.synaptic_events,
        "spikes": stats.spikes,
        "updates": stats.updates,
        "skipped": stats.skipped,
        "wraps": stats.wraps,
        "saturations": stats.saturations,
        "dropped_spikes": stats.dropped_spikes,
        "dropped_voltages": stats.dropped_voltages,
        "missed": stats.missed,
        "busy_ns": stats.busy_ns,
        "bytes": stats.bytes,
        "synapses": stats.synapses,
        "neurons": stats.neurons,
        "inputs": stats.inputs,
        "arithmetic": if stats.exact { "exact" } else { "loihi" },
    })
}

fn reading_json(reading: &Reading) -> Value {
    json!({
        "name": reading.name,
        "what": reading.what,
        "values": reading.values,
        "winner": reading.winner(),
    })
}

/// A run, for programs.
pub(crate) fn run_json(place: &str, plan: &Plan, input: &Input, outcome: &Outcome) -> Value {
    let readings = readings(plan, &outcome.output);
    let outputs: Vec<Value> = readings.iter().map(reading_json).collect();
    json!({
        "ran_in": place,
        "steps": outcome.steps,
        "step_ns": plan.description.step_ns,
        "recording": {
            "events": input.read,
            "outside": input.outside,
            "after_the_end": input.after,
        },
        "outputs": outputs,
        "stats": stats_json(&outcome.stats),
        "operations": Operations::of(&outcome.stats, outcome.steps).json(),
    })
}

/// A run, for people.
pub(crate) fn run_text(
    place: &str,
    plan: &Plan,
    input: &Input,
    outcome: &Outcome,
) -> Vec<(String, String)> {
    let stats = &outcome.stats;
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
    let arithmetic = if stats.exact { "exact" } else { "loihi" };
    row("network", network_text(stats));
    row("ran in", format!("the {place}, {arithmetic} arithmetic"));
    let step = Duration::from_nanos(plan.description.step_ns);
    let time = plan.description.step_ns.saturating_mul(outcome.steps);
    let time = Duration::from_nanos(time);
    row("steps", format!("{} of {step:?} ({time:?})", outcome.steps));
    row("events", events_text(input, stats));
    row("spikes of neurons", spikes_text(plan, outcome));
    for (name, value) in Operations::of(stats, outcome.steps).rows() {
        row(name, value);
    }
    row("busy", format!("{:.3} ms", stats.busy_ns as f64 / 1e6));
    for (name, count) in [
        ("late events", stats.late),
        ("rejected events", stats.rejected),
        ("currents wrapped", stats.wraps),
        ("values saturated", stats.saturations),
        ("spikes dropped", stats.dropped_spikes),
        ("voltages dropped", stats.dropped_voltages),
        ("steps missed", stats.missed),
    ] {
        if count > 0 {
            row(name, count.to_string());
        }
    }
    for reading in readings(plan, &outcome.output) {
        row(&reading.name, reading_text(&reading));
        if reading.values.len() > 1 {
            let winner = reading
                .winner()
                .map_or("none".to_owned(), |w| w.to_string());
            row("winner", winner);
        }
    }
    rows
}

fn network_text(stats: &Stats) -> String {
    format!(
        "{} inputs, {} neurons, {} synapses, {} bytes",
        stats.inputs, stats.neurons, stats.synapses, stats.bytes
    )
}

fn events_text(input: &Input, stats: &Stats) -> String {
    let mut text = format!("{} read, {} input spikes", input.read, stats.input_spikes);
    for (count, what) in [
        (stats.merged, "merged"),
        (input.outside, "outside"),
        (input.after, "after the end"),
    ] {
        if count > 0 {
            text += &format!(", {count} {what}");
        }
    }
    text
}

fn spikes_text(plan: &Plan, outcome: &Outcome) -> String {
    let layers = plan.layers.iter().enumerate().map(|(number, layer)| {
        let counts = super::session::counts(plan, number, &outcome.output.spikes);
        format!("{} {}", layer.name, counts.iter().sum::<f64>())
    });
    let layers: Vec<String> = layers.collect();
    format!("{} ({})", outcome.stats.spikes, layers.join(", "))
}

fn reading_text(reading: &Reading) -> String {
    let values = reading.values.iter().take(SHOWN);
    let values: Vec<String> = values.map(|value| value.to_string()).collect();
    let more = reading.values.len().saturating_sub(SHOWN);
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}: {}{rest}", reading.what, values.join(" "))
}
