// SPDX-License-Identifier: GPL-2.0

//! `lightctl moe configure`.

use lightos::moe::{Layer, Leave, Open};
use serde_json::{json, Value};

use super::backend::configured;
use super::host::HostGate;
use super::print_lines;
use super::report::pair;
use super::rule::{layer_json, layer_text, Hint, RuleArgs};
use crate::failure::Failure;
use crate::show::print_json;

/// Arguments of `lightctl moe configure`.
#[derive(clap::Args)]
pub(crate) struct ConfigureArgs {
    #[command(flatten)]
    rule: RuleArgs,
    /// How many layers of this rule
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    layers: Option<u32>,
    /// Give the rules to this named gate, which others have open
    #[arg(long, value_name = "NAME")]
    gate: Option<String>,
    /// Make the gate if need be, and keep it until this program is ended
    #[arg(long, requires = "gate")]
    hold: bool,
    /// With --hold: other users may look at the gate
    #[arg(long, requires = "hold")]
    others_query: bool,
    /// With --hold: other users may change the gate and route
    #[arg(long, requires = "hold")]
    others_change: bool,
    /// Print one JSON object, which --config reads
    #[arg(long)]
    json: bool,
}

/// Carries the command out.
pub(crate) fn command(args: &ConfigureArgs) -> Result<(), Failure> {
    let count = args.layers.map(|n| n as usize);
    let layers = args.rule.layers(count, Hint::default())?;
    // The checks of the module, here.
    HostGate::new(&layers)?;
    let leave = Leave {
        query: args.others_query,
        change: args.others_change,
    };
    let open = if args.hold {
        Open::Create(leave)
    } else {
        Open::Existing
    };
    let gate = args
        .gate
        .as_ref()
        .map(|name| configured(name, open, &layers));
    let gate = gate.transpose()?;
    if args.json {
        print_json(&report_json(&layers))?;
    } else {
        print_lines(&report(&layers))?;
    }
    if args.hold {
        loop {
            std::thread::park();
        }
    }
    drop(gate);
    Ok(())
}

/// Layers of one rule after the other, in a line.
fn report(layers: &[Layer]) -> Vec<String> {
    let mut lines = vec![pair("layers", layers.len())];
    let mut first = 0;
    for run in layers.chunk_by(|a, b| a == b) {
        let last = first + run.len() - 1;
        let name = if first == last {
            format!("layer {first}")
        } else {
            format!("layers {first} to {last}")
        };
        lines.extend(run.first().map(|layer| pair(&name, layer_text(layer))));
        first = last + 1;
    }
    lines
}

fn report_json(layers: &[Layer]) -> Value {
    let runs = layers.chunk_by(|a, b| a == b);
    let layers = runs.filter_map(|run| {
        let mut value = layer_json(run.first()?);
        let object = value.as_object_mut()?;
        object.insert("count".to_owned(), run.len().into());
        Some(value)
    });
    json!({ "layers": layers.collect::<Vec<Value>>() })
}
