// SPDX-License-Identifier: GPL-2.0

//! `lightctl moe map`.

use std::path::{Path, PathBuf};

use lightos_plot::{HeatMap, Size};
use serde_json::json;

use super::backend::named;
use super::report::pair;
use super::runner::Runner;
use super::source::SourceArgs;
use super::{print_lines, Common};
use crate::failure::Failure;
use crate::show::print_json;
use crate::snn::progress::Progress;

/// Arguments of `lightctl moe map`.
#[derive(clap::Args)]
pub(crate) struct MapArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Draw the loads of this named gate instead of routing a file
    #[arg(long, value_name = "NAME", conflicts_with = "files")]
    gate: Option<String>,
    /// The picture: .svg or .png; may be given for both
    #[arg(long, short, value_name = "FILE", required = true)]
    output: Vec<PathBuf>,
    /// Its width in pixels
    #[arg(long, value_name = "N", default_value_t = 1200)]
    width: u32,
    /// Its title [default: the name of the file or gate]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// Loads of each layer's experts.
struct Loads {
    name: String,
    layers: Vec<Vec<u64>>,
}

/// Carries the command out.
pub(crate) fn command(args: &MapArgs) -> Result<(), Failure> {
    for path in &args.output {
        crate::snn::picture::check(path)?;
    }
    let loads = match &args.gate {
        Some(name) => of_gate(name)?,
        None => of_source(args)?,
    };
    let title = args.title.clone().unwrap_or_else(|| loads.name.clone());
    let map = drawing(&title, &loads);
    let size = size(args.width, map.rows)?;
    for path in &args.output {
        write(path, &map, size)?;
    }
    let names: Vec<String> = args
        .output
        .iter()
        .map(|p| p.display().to_string())
        .collect();
    let greatest = map.values.iter().copied().fold(0.0, f64::max);
    if args.common.json {
        return print_json(&json!({
            "layers": map.rows,
            "experts": map.columns,
            "greatest": greatest,
            "loads": loads.layers,
            "pictures": names,
        }));
    }
    print_lines(&[
        pair(
            "cells",
            format!("{} layers, {} experts", map.rows, map.columns),
        ),
        pair("greatest", format!("{greatest:.2} times the mean load")),
        pair("written", names.join(", ")),
    ])
}

fn of_gate(name: &str) -> Result<Loads, Failure> {
    let gate = named(name)?;
    let mut layers = Vec::new();
    for layer in 0..gate.layers()? {
        layers.push(gate.experts(layer)?.iter().map(|e| e.load).collect());
    }
    Ok(Loads {
        name: name.to_owned(),
        layers,
    })
}

fn of_source(args: &MapArgs) -> Result<Loads, Failure> {
    let source = args.source.read(None)?;
    let mut runner = Runner::of(args.common, &source)?;
    let total = source.tokens.iter().map(|t| t.count as u64).sum();
    let mut progress = Progress::new("tokens routed", total);
    let (mut layers, mut done) = (Vec::new(), 0);
    for (layer, tokens) in (0..).zip(&source.tokens) {
        let batch = source.batch.unwrap_or(lightos::sys::MOE_MAX_TOKENS);
        runner.route_all(layer, tokens, batch, false, |_, routes| {
            done += (routes.ids.len() / routes.top_k.max(1)) as u64;
            progress.at(done);
        })?;
        let experts = runner.gate.experts(layer)?;
        layers.push(experts.iter().map(|e| e.load).collect());
    }
    runner.verdict()?;
    Ok(Loads {
        name: args.source.name(),
        layers,
    })
}

/// A row for each layer; loads in units of the layer's mean.
fn drawing(title: &str, loads: &Loads) -> HeatMap {
    let columns = loads.layers.iter().map(Vec::len).max().unwrap_or(0);
    let mut values = Vec::with_capacity(columns * loads.layers.len());
    for layer in &loads.layers {
        let mean = layer.iter().sum::<u64>() as f64 / layer.len().max(1) as f64;
        // A layer without a load has no value; nor have experts that are not there.
        values.extend(layer.iter().map(|&load| load as f64 / mean));
        values.extend(std::iter::repeat_n(f64::NAN, columns - layer.len()));
    }
    HeatMap {
        title: title.to_owned(),
        x_label: "expert".to_owned(),
        y_label: "layer".to_owned(),
        columns: u32::try_from(columns).unwrap_or(u32::MAX),
        rows: u32::try_from(loads.layers.len()).unwrap_or(u32::MAX),
        values,
        unit: "load / mean".to_owned(),
    }
}

/// High enough for the rows.
fn size(width: u32, rows: u32) -> Result<Size, Failure> {
    let height = (rows.saturating_mul(14) + 170).clamp(260, 2000);
    Size::new(width, height).map_err(|error| Failure::Usage(format!("the picture: {error}")))
}

fn write(path: &Path, map: &HeatMap, size: Size) -> Result<(), Failure> {
    let bytes = if path.extension().is_some_and(|ending| ending == "png") {
        map.to_png(size)
            .map_err(|error| Failure::Usage(format!("the picture: {error}")))?
    } else {
        map.to_svg(size).into_bytes()
    };
    std::fs::write(path, bytes).map_err(|source| Failure::Write {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_in_units_of_their_layers_mean() {
        let loads = Loads {
            name: String::new(),
            layers: vec![vec![1, 3], vec![0, 4, 8], vec![0, 0]],
        };
        let map = drawing("t", &loads);
        assert_eq!((map.columns, map.rows), (3, 3));
        assert_eq!(map.values[..2], [0.5, 1.5]);
        assert!(map.values[2].is_nan());
        assert_eq!(map.values[3..6], [0.0, 1.0, 2.0]);
        assert!(map.values[6..].iter().all(|v| v.is_nan()));
    }
}
