// SPDX-License-Identifier: GPL-2.0

//! `lightctl snn load`: what a network is, what happens to its numbers, and whether
//! it can be.

use serde_json::{json, Value};

use super::backend::Place;
use super::plan::{self, NetworkArgs, Plan};
use super::{print_rows, Common};
use crate::failure::Failure;
use crate::show::print_json;

/// A network.
#[derive(clap::Args)]
pub(crate) struct LoadArgs {
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    common: Common,
}

/// `lightctl snn load`.
pub(crate) fn command(args: &LoadArgs) -> Result<(), Failure> {
    let plan = plan::open(&args.network)?;
    // Without a module the same checks are made here.
    let mut place = match Place::open(args.common.host) {
        Err(Failure::NoModule(_)) => Place::Host,
        other => other?,
    };
    let name = place.name();
    let bytes = super::load(&mut place, &plan)?.stats()?.bytes;
    if args.common.json {
        print_json(&as_json(&plan, name, bytes))
    } else {
        print_rows(&as_text(&plan, name, bytes))
    }
}

fn as_json(plan: &Plan, place: &str, bytes: u64) -> Value {
    let d = &plan.description;
    let outputs: Vec<&String> = plan.readouts.iter().map(|(name, _)| name).collect();
    json!({
        "checked_by": place,
        "step_ns": d.step_ns,
        "inputs": d.inputs,
        "neurons": d.neurons(),
        "synapses": d.synapse_count(),
        "delays": d.delays,
        "bytes": bytes,
        "outputs": outputs,
        "network": plan.about,
    })
}

fn as_text(plan: &Plan, place: &str, bytes: u64) -> Vec<(String, String)> {
    let d = &plan.description;
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
    row("format", text(&plan.about["format"]));
    let step = std::time::Duration::from_nanos(d.step_ns);
    row("step", format!("{step:?}"));
    row(
        "size",
        format!(
            "{} inputs, {} neurons, {} synapses, {bytes} bytes",
            d.inputs,
            d.neurons(),
            d.synapse_count()
        ),
    );
    for node in items(&plan.about["nodes"]) {
        row(
            &format!("node {}", text(&node["name"])),
            format!(
                "{} {} -> {}",
                text(&node["type"]),
                text(&node["input"]),
                text(&node["output"])
            ),
        );
    }
    for population in items(&plan.about["populations"]) {
        row(&text(&population["name"]), population_text(population));
    }
    for projection in items(&plan.about["projections"]) {
        let name = format!(
            "{} to {}",
            text(&projection["source"]),
            text(&projection["target"])
        );
        let size = format!(
            "{} synapses, delays up to {}",
            projection["synapses"], projection["longest_delay_steps"]
        );
        row(&name, format!("{size}, {}", weights_text(projection)));
    }
    for layer in items(&plan.about["layers"]) {
        let size = format!("{} x {}", layer["sources"], layer["neurons"]);
        row(
            &text(&layer["name"]),
            format!("{size}, {}", weights_text(layer)),
        );
    }
    let outputs: Vec<&str> = plan
        .readouts
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    row("outputs", outputs.join(" "));
    row("checked by", format!("the {place}: no fault"));
    rows
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A string without its quotation marks.
fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn population_text(population: &Value) -> String {
    let mut line = format!("{} {}", text(&population["model"]), population["size"]);
    if let Some(parameters) = population["parameters"].as_object() {
        for (name, value) in parameters {
            line += &format!(", {name} {value}");
        }
    }
    if let Some(unit) = population["units_per_potential"].as_f64() {
        line += &format!("; 2^{} units for a potential of 1", unit.log2());
    }
    line
}

fn weights_text(of: &Value) -> String {
    let weights = &of["weights"];
    let error = weights["largest_error"].as_f64().unwrap_or(0.0);
    let mut line = format!(
        "weights up to {}, times {}, ",
        weights["largest"], weights["scale"]
    );
    line += &if error == 0.0 {
        "exact".to_owned()
    } else {
        format!("rounded by at most {error:.1e}")
    };
    for what in ["saturated", "vanished"] {
        if weights[what].as_u64().is_some_and(|count| count > 0) {
            line += &format!(", {} {what}", weights[what]);
        }
    }
    line
}
