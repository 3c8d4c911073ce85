// SPDX-License-Identifier: GPL-2.0

//! `lightctl moe route`.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use lightos::moe::Routes;
use lightos_recordings::npy::write_records;
use serde_json::{json, Value};

use super::report::{
    compared_json, experts_json, pair, percent, place_lines, stats_json, stats_row, Table,
    STATS_HEAD,
};
use super::rule::{layer_json, layer_text};
use super::runner::Runner;
use super::source::{Source, SourceArgs, Tokens};
use super::{print_lines, Common};
use crate::failure::Failure;
use crate::show::print_json;
use crate::snn::progress::Progress;

/// Arguments of `lightctl moe route`.
#[derive(clap::Args)]
pub(crate) struct RouteArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Write the routes as .npy: records of id, weight, fixed, slot with the shape
    /// [layers, tokens, top-k]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// The routes of all tokens of a layer, as the file has them.
#[derive(Default)]
struct Records {
    bytes: Vec<u8>,
    tokens: usize,
    top_k: usize,
}

impl Records {
    fn add(&mut self, routes: &Routes) {
        self.top_k = routes.top_k;
        self.tokens += routes.ids.len() / routes.top_k.max(1);
        let weights = routes.ids.iter().zip(&routes.weights);
        let slots = routes.fixed.iter().zip(&routes.slots);
        for ((id, weight), (fixed, slot)) in weights.zip(slots) {
            self.bytes.extend(id.to_le_bytes());
            self.bytes.extend(weight.to_le_bytes());
            self.bytes.extend(fixed.to_le_bytes());
            self.bytes.extend(slot.to_le_bytes());
        }
    }
}

/// Places of recorded choices that the routes have too, and all places.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Kept {
    pub(crate) same: u64,
    pub(crate) all: u64,
}

impl Kept {
    /// Counts the choices of a batch whose first token is `first`.
    pub(crate) fn count(&mut self, tokens: &Tokens, first: usize, routes: &Routes) {
        let Some(record) = &tokens.record else {
            return;
        };
        let rows = record.ids.chunks(record.top_k.max(1)).skip(first);
        for (ids, recorded) in routes.ids.chunks(routes.top_k.max(1)).zip(rows) {
            let kept = recorded.iter().filter(|id| ids.contains(id));
            self.same += kept.count() as u64;
            self.all += recorded.len() as u64;
        }
    }

    /// The share, where there was something to keep.
    pub(crate) fn share(self) -> Option<f64> {
        (self.all > 0).then(|| self.same as f64 / self.all as f64)
    }
}

/// Carries the command out.
pub(crate) fn command(args: &RouteArgs) -> Result<(), Failure> {
    if let Some(path) = &args.output {
        if path.extension().is_none_or(|ending| ending != "npy") {
            let path = path.display();
            return Err(Failure::Usage(format!(
                "{path}: routes are written as .npy"
            )));
        }
    }
    let source = args.source.read(None)?;
    let mut runner = Runner::of(args.common, &source)?;
    let total = source.tokens.iter().map(|t| t.count as u64).sum();
    let mut progress = Progress::new("tokens routed", total);
    let (mut records, mut kept) = (Vec::new(), Vec::new());
    let mut done = 0;
    for (layer, tokens) in (0..).zip(&source.tokens) {
        let (mut of_layer, mut kept_here) = (Records::default(), Kept::default());
        let batch = source.batch.unwrap_or(lightos::sys::MOE_MAX_TOKENS);
        runner.route_all(layer, tokens, batch, false, |first, routes| {
            kept_here.count(tokens, first, routes);
            if args.output.is_some() {
                of_layer.add(routes);
            }
            done += (routes.ids.len() / routes.top_k.max(1)) as u64;
            progress.at(done);
        })?;
        records.push(of_layer);
        kept.push(kept_here);
    }
    drop(progress);
    if let Some(path) = &args.output {
        write(path, &records)?;
    }
    if args.common.json {
        print_json(&report_json(&source, &runner, &kept)?)?;
    } else {
        print_lines(&report(&source, &runner, &kept)?)?;
    }
    runner.verdict()
}

/// Writes routes, where all layers have as many.
fn write(path: &Path, records: &[Records]) -> Result<(), Failure> {
    let first = records.first().map_or((0, 0), |r| (r.tokens, r.top_k));
    if records.iter().any(|r| (r.tokens, r.top_k) != first) {
        return Err(Failure::Usage(format!(
            "{}: the layers have not as many tokens or experts a token as each other; route \
             them one by one",
            path.display()
        )));
    }
    let wrong = |source| Failure::Write {
        path: path.to_owned(),
        source,
    };
    let file = BufWriter::new(File::create(path).map_err(wrong)?);
    let fields = [
        ("id", "<u2"),
        ("weight", "<f4"),
        ("fixed", "<u4"),
        ("slot", "<u4"),
    ];
    let shape = [records.len(), first.0, first.1].map(|n| n as u64);
    let bytes: Vec<u8> = records.iter().flat_map(|r| &r.bytes).copied().collect();
    write_records(file, &fields, &shape, &bytes).map_err(|error| match error {
        lightos_recordings::Error::Write(source) => wrong(source),
        other => Failure::Usage(format!("{}: {other}", path.display())),
    })
}

fn report(source: &Source, runner: &Runner, kept: &[Kept]) -> Result<Vec<String>, Failure> {
    let mut lines = place_lines(runner);
    if let Some(rule) = source.rules.first() {
        lines.push(pair("rule", layer_text(rule)));
    }
    let mut head = STATS_HEAD.to_vec();
    let recorded = kept.iter().any(|k| k.all > 0);
    if recorded {
        head.push("as recorded");
    }
    let mut table = Table::new(&head);
    for ((layer, tokens), kept) in (0..).zip(&source.tokens).zip(kept) {
        let mut row = stats_row(&tokens.name, &runner.gate.stats(layer, false)?);
        if recorded {
            row.push(kept.share().map_or(String::new(), percent));
        }
        table.row(row);
    }
    lines.extend(table.lines());
    Ok(lines)
}

fn report_json(source: &Source, runner: &Runner, kept: &[Kept]) -> Result<Value, Failure> {
    let mut layers = Vec::new();
    for ((layer, tokens), kept) in (0..).zip(&source.tokens).zip(kept) {
        layers.push(json!({
            "name": tokens.name,
            "rule": source.rules.get(layer as usize).map(layer_json),
            "stats": stats_json(&runner.gate.stats(layer, false)?),
            "experts": experts_json(&runner.gate.experts(layer)?),
            "as_recorded": kept.share(),
        }));
    }
    Ok(json!({
        "routed_in": runner.place.name(),
        "compared": compared_json(runner),
        "layers": layers,
    }))
}
