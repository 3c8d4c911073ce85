// SPDX-License-Identifier: GPL-2.0

//! `lightctl moe stats`.

use lightos::moe::Gate;
use serde_json::{json, Value};

use super::backend::named;
use super::print_lines;
use super::report::{experts_json, pair, stats_json, stats_row, Table, STATS_HEAD};
use super::rule::{layer_json, layer_text};
use crate::failure::Failure;
use crate::show::print_json;

/// Arguments of `lightctl moe stats`.
#[derive(clap::Args)]
pub(crate) struct StatsArgs {
    /// Name of the gate
    #[arg(value_name = "NAME")]
    gate: String,
    /// Only this layer
    #[arg(long, value_name = "N")]
    layer: Option<u32>,
    /// Figures of the last batch, not of all
    #[arg(long)]
    last: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Carries the command out.
pub(crate) fn command(args: &StatsArgs) -> Result<(), Failure> {
    let gate = named(&args.gate)?;
    let layers = match args.layer {
        Some(layer) => vec![layer],
        None => (0..gate.layers()?).collect(),
    };
    if args.json {
        print_json(&report_json(args, &gate, &layers)?)
    } else {
        print_lines(&report(args, &gate, &layers)?)
    }
}

fn report(args: &StatsArgs, gate: &Gate, layers: &[u32]) -> Result<Vec<String>, Failure> {
    let mut lines = vec![pair("gate", &args.gate)];
    let mut table = Table::new(&STATS_HEAD);
    let mut before = None;
    for &layer in layers {
        let info = gate.layer(layer)?;
        if before != Some(info.rule) {
            lines.push(pair(&format!("from layer {layer}"), layer_text(&info.rule)));
        }
        before = Some(info.rule);
        let name = format!("{layer}{}", if info.skipped { " (skipped)" } else { "" });
        table.row(stats_row(&name, &gate.stats(layer, args.last)?));
    }
    lines.extend(table.lines());
    Ok(lines)
}

fn report_json(args: &StatsArgs, gate: &Gate, layers: &[u32]) -> Result<Value, Failure> {
    let mut values = Vec::new();
    for &layer in layers {
        let info = gate.layer(layer)?;
        values.push(json!({
            "layer": layer,
            "skipped": info.skipped,
            "rule": layer_json(&info.rule),
            "stats": stats_json(&gate.stats(layer, args.last)?),
            "experts": experts_json(&gate.experts(layer)?),
        }));
    }
    Ok(json!({ "gate": args.gate, "layers": values }))
}
