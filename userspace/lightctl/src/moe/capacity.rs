// SPDX-License-Identifier: GPL-2.0

//! `lightctl moe capacity`.

use lightos::moe::{Drop, Layer, Routes};
use lightos::sys::{MOE_NO_EXPERT, MOE_NO_SLOT};
use serde_json::{json, Value};

use super::report::{compared_json, pair, percent, place_lines, Table};
use super::rule::layer_text;
use super::runner::Runner;
use super::source::{Source, SourceArgs};
use super::{print_lines, Common};
use crate::failure::Failure;
use crate::show::print_json;
use crate::snn::progress::Progress;

/// Arguments of `lightctl moe capacity`.
#[derive(clap::Args)]
pub(crate) struct CapacityArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Capacity factors
    #[arg(long, value_name = "X,..", value_delimiter = ',', default_values_t = [1.0, 1.25, 1.5, 2.0])]
    factors: Vec<f64>,
    #[command(flatten)]
    common: Common,
}

/// What was dropped.
#[derive(Clone, Copy, Debug, Default)]
struct Lost {
    /// Choices, by choices.
    rate: f64,
    /// Weight, by all weight.
    weight: f64,
}

/// A layer at a factor.
struct Cell {
    factor: f64,
    by_position: Lost,
    by_probability: Lost,
}

/// Carries the command out.
pub(crate) fn command(args: &CapacityArgs) -> Result<(), Failure> {
    let bad = |factor: &&f64| !(**factor > 0.0 && **factor < 65_536.0);
    if let Some(factor) = args.factors.iter().find(bad) {
        let what = format!("--factors {factor}: above 0, below 65536");
        return Err(Failure::Usage(what));
    }
    let source = args.source.read(None)?;
    let mut runner = Runner::of(args.common, &source)?;
    let layers = run(args, &source, &mut runner)?;
    if args.common.json {
        print_json(&report_json(&source, &runner, &layers))?;
    } else {
        print_lines(&report(args, &source, &runner, &layers))?;
    }
    runner.verdict()
}

/// A cell for each layer and factor.
fn run(
    args: &CapacityArgs,
    source: &Source,
    runner: &mut Runner,
) -> Result<Vec<Vec<Cell>>, Failure> {
    let tokens: usize = source.tokens.iter().map(|t| t.count).sum();
    let mut progress = Progress::new("tokens routed", (tokens * args.factors.len() * 2) as u64);
    let mut done = 0;
    let mut layers: Vec<Vec<Cell>> = source.tokens.iter().map(|_| Vec::new()).collect();
    for &factor in &args.factors {
        let mut by = [Vec::new(), Vec::new()];
        for (lost, drop) in by.iter_mut().zip([Drop::ByPosition, Drop::ByProbability]) {
            let bound = |rule: &Layer| rule.capacity(drop, factor);
            let rules: Vec<Layer> = source.rules.iter().map(bound).collect();
            runner.configure(&rules)?;
            for (layer, biases) in (0..).zip(&source.biases) {
                runner.set_biases(layer, biases)?;
            }
            runner.set_tables(source)?;
            for (layer, tokens) in (0..).zip(&source.tokens) {
                let mut weight = (0.0, 0.0);
                let batch = source.batch.unwrap_or(lightos::sys::MOE_MAX_TOKENS);
                runner.route_all(layer, tokens, batch, false, |_, routes| {
                    add_weights(routes, &mut weight);
                    done += (routes.ids.len() / routes.top_k.max(1)) as u64;
                    progress.at(done);
                })?;
                lost.push(Lost {
                    rate: runner.gate.stats(layer, false)?.drop_rate,
                    weight: if weight.1 > 0.0 {
                        weight.0 / weight.1
                    } else {
                        0.0
                    },
                });
            }
        }
        let [position, probability] = by;
        for ((cells, by_position), by_probability) in
            layers.iter_mut().zip(position).zip(probability)
        {
            cells.push(Cell {
                factor,
                by_position,
                by_probability,
            });
        }
    }
    Ok(layers)
}

/// Adds the weights of what was dropped, and of everything.
fn add_weights(routes: &Routes, sums: &mut (f64, f64)) {
    let places = routes.ids.iter().zip(&routes.weights).zip(&routes.slots);
    for ((&id, &weight), &slot) in places {
        let weight = f64::from(weight);
        sums.0 += if id != MOE_NO_EXPERT && slot == MOE_NO_SLOT {
            weight
        } else {
            0.0
        };
        sums.1 += weight;
    }
}

fn report(
    args: &CapacityArgs,
    source: &Source,
    runner: &Runner,
    layers: &[Vec<Cell>],
) -> Vec<String> {
    let mut lines = place_lines(runner);
    if let Some(rule) = source.rules.first() {
        lines.push(pair("rule", layer_text(rule)));
    }
    lines.push(pair(
        "dropped",
        "choices (weight lost by position / by probability)",
    ));
    let names: Vec<String> = args.factors.iter().map(|f| format!("factor {f}")).collect();
    let mut head = vec!["layer", "tokens"];
    head.extend(names.iter().map(String::as_str));
    let mut table = Table::new(&head);
    for (tokens, cells) in source.tokens.iter().zip(layers) {
        let cell = |cell: &Cell| {
            format!(
                "{} ({:.1} / {:.1})",
                percent(cell.by_position.rate),
                100.0 * cell.by_position.weight,
                100.0 * cell.by_probability.weight
            )
        };
        let mut row = vec![tokens.name.clone(), tokens.count.to_string()];
        row.extend(cells.iter().map(cell));
        table.row(row);
    }
    lines.extend(table.lines());
    lines
}

fn report_json(source: &Source, runner: &Runner, layers: &[Vec<Cell>]) -> Value {
    let lost = |lost: &Lost| json!({ "drop_rate": lost.rate, "weight": lost.weight });
    let cell = |cell: &Cell| {
        json!({
            "factor": cell.factor,
            "by_position": lost(&cell.by_position),
            "by_probability": lost(&cell.by_probability),
        })
    };
    let layers = source.tokens.iter().zip(layers).map(|(tokens, cells)| {
        json!({
            "name": tokens.name,
            "tokens": tokens.count,
            "factors": cells.iter().map(cell).collect::<Vec<Value>>(),
        })
    });
    json!({
        "routed_in": runner.place.name(),
        "compared": compared_json(runner),
        "layers": layers.collect::<Vec<Value>>(),
    })
}
