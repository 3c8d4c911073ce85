// SPDX-License-Identifier: GPL-2.0

//! `lightctl moe balance`.

use lightos::moe::{Drop, Layer};
use serde_json::{json, Value};

use super::report::{compared_json, pair, percent, place_lines, Table};
use super::route::Kept;
use super::rule::layer_text;
use super::runner::Runner;
use super::source::{Source, SourceArgs};
use super::{print_lines, Common};
use crate::failure::Failure;
use crate::show::print_json;
use crate::snn::progress::Progress;

/// Arguments of `lightctl moe balance`.
#[derive(clap::Args)]
pub(crate) struct BalanceArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// How far an update moves a bias, in units of the score
    #[arg(long, short, value_name = "U", default_value_t = 1e-4)]
    u: f64,
    /// Passes over all tokens
    #[arg(long, value_name = "N", default_value_t = 150)]
    passes: u32,
    /// Seed of the scores of experts that were not chosen
    #[arg(long, value_name = "N", default_value_t = 8)]
    seed: u64,
    /// Fail if a layer's MaxVio stays above this
    #[arg(long, value_name = "X")]
    at_most: Option<f64>,
    #[command(flatten)]
    common: Common,
}

/// Tokens of a batch, after each of which biases are updated.
const BATCH: u32 = 64;

/// The capacity factor of the drop rates, where the rule has none.
const FACTOR: f64 = 1.25;

/// What a layer came to.
struct Outcome {
    name: String,
    tokens: usize,
    /// MaxVio and drop rate without biases, and with those of the end.
    before: (f64, f64),
    after: (f64, f64),
    /// MaxVio of each pass, while biases moved.
    passes: Vec<f64>,
    kept: Kept,
}

/// Carries the command out.
pub(crate) fn command(args: &BalanceArgs) -> Result<(), Failure> {
    if !(args.u > 0.0 && args.u < 1.0) {
        return Err(Failure::Usage(format!("--u {}: above 0, below 1", args.u)));
    }
    let mut source = args.source.read(Some(args.seed))?;
    for rule in &mut source.rules {
        *rule = adapting(rule, args.u);
    }
    let mut runner = Runner::of(args.common, &source)?;
    let outcomes = run(args, &source, &mut runner)?;
    if args.common.json {
        print_json(&report_json(args, &source, &runner, &outcomes))?;
    } else {
        print_lines(&report(args, &source, &runner, &outcomes))?;
    }
    runner.verdict()?;
    verdict(args, &outcomes)
}

/// A rule whose biases move by `u`, and that drops what is beyond a capacity.
fn adapting(rule: &Layer, u: f64) -> Layer {
    let rule = rule.biased(u);
    match rule.drop {
        Drop::Never => rule.capacity(Drop::ByPosition, FACTOR),
        _ => rule,
    }
}

fn run(args: &BalanceArgs, source: &Source, runner: &mut Runner) -> Result<Vec<Outcome>, Failure> {
    let batch = source.batch.unwrap_or(BATCH);
    let tokens: usize = source.tokens.iter().map(|t| t.count).sum();
    let total = tokens as u64 * (u64::from(args.passes) + 2);
    let mut progress = Progress::new("tokens routed", total);
    let mut done = 0;
    let mut outcomes = Vec::new();
    for (layer, of) in (0..).zip(&source.tokens) {
        let mut pass = |runner: &mut Runner, adapt, kept: &mut Kept| {
            runner.forget()?;
            runner.route_all(layer, of, batch, adapt, |first, routes| {
                kept.count(of, first, routes);
                done += (routes.ids.len() / routes.top_k.max(1)) as u64;
                progress.at(done);
            })?;
            let stats = runner.gate.stats(layer, false)?;
            Ok::<_, Failure>((stats.max_violation, stats.drop_rate))
        };
        let before = pass(runner, false, &mut Kept::default())?;
        let mut passes = Vec::new();
        for _ in 0..args.passes {
            passes.push(pass(runner, true, &mut Kept::default())?.0);
        }
        // The biases stay as they are now.
        let mut kept = Kept::default();
        let after = pass(runner, false, &mut kept)?;
        outcomes.push(Outcome {
            name: of.name.clone(),
            tokens: of.count,
            before,
            after,
            passes,
            kept,
        });
    }
    Ok(outcomes)
}

/// The passes that people get to see: the first, the last, and 2, 5, 10, 20, 50, ...
fn shown(passes: usize) -> Vec<usize> {
    let decades = (0..6).map(|n| 10usize.pow(n));
    let steps = decades.flat_map(|n| [n, 2 * n, 5 * n]);
    let mut shown: Vec<usize> = steps.filter(|&n| n < passes).collect();
    shown.extend((passes > 0).then_some(passes));
    shown
}

fn report(
    args: &BalanceArgs,
    source: &Source,
    runner: &Runner,
    outcomes: &[Outcome],
) -> Vec<String> {
    let mut lines = place_lines(runner);
    if let Some(rule) = source.rules.first() {
        lines.push(pair("rule", layer_text(rule)));
    }
    let batch = source.batch.unwrap_or(BATCH);
    let how = format!(
        "{} passes, u = {}, an update every {batch} tokens",
        args.passes, args.u
    );
    lines.push(pair("biases", how));
    let mut table = Table::new(&[
        "layer",
        "tokens",
        "MaxVio before",
        "after",
        "dropped before",
        "after",
        "choices kept",
    ]);
    for of in outcomes {
        table.row(vec![
            of.name.clone(),
            of.tokens.to_string(),
            format!("{:.3}", of.before.0),
            format!("{:.3}", of.after.0),
            percent(of.before.1),
            percent(of.after.1),
            of.kept.share().map_or(String::new(), percent),
        ]);
    }
    lines.extend(table.lines());
    let numbers = shown(args.passes as usize);
    let names: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    let mut head = vec!["MaxVio of pass"];
    head.extend(names.iter().map(String::as_str));
    let mut table = Table::new(&head);
    for of in outcomes {
        let value = |n: &usize| {
            of.passes
                .get(n - 1)
                .map_or(String::new(), |v| format!("{v:.3}"))
        };
        let mut row = vec![of.name.clone()];
        row.extend(numbers.iter().map(value));
        table.row(row);
    }
    lines.extend(table.lines());
    lines
}

fn report_json(
    args: &BalanceArgs,
    source: &Source,
    runner: &Runner,
    outcomes: &[Outcome],
) -> Value {
    let layer = |of: &Outcome| {
        json!({
            "name": of.name,
            "tokens": of.tokens,
            "max_violation": { "before": of.before.0, "after": of.after.0, "passes": of.passes },
            "drop_rate": { "before": of.before.1, "after": of.after.1 },
            "kept": of.kept.share(),
        })
    };
    let layers: Vec<Value> = outcomes.iter().map(layer).collect();
    json!({
        "routed_in": runner.place.name(),
        "compared": compared_json(runner),
        "u": args.u,
        "passes": args.passes,
        "batch": source.batch.unwrap_or(BATCH),
        "seed": args.seed,
        "layers": layers,
    })
}

fn verdict(args: &BalanceArgs, outcomes: &[Outcome]) -> Result<(), Failure> {
    let most = args.at_most.unwrap_or(f64::INFINITY);
    match outcomes.iter().find(|of| of.after.0 > most) {
        Some(of) => Err(Failure::Result(format!(
            "{}: MaxVio {:.3} is above {most}",
            of.name, of.after.0
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_passes_are_shown() {
        assert!(shown(0).is_empty());
        assert_eq!(shown(1), [1]);
        assert_eq!(shown(100), [1, 2, 5, 10, 20, 50, 100]);
        assert_eq!(shown(7), [1, 2, 5, 7]);
    }
}
