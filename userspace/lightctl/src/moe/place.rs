// SPDX-License-Identifier: GPL-2.0

//! `lightctl moe place`.

use lightos::moe::{Cluster, Placement};
use serde_json::{json, Value};

use super::backend::Backend;
use super::host::HostGate;
use super::report::{pair, place_lines, Table};
use super::runner::Runner;
use super::source::SourceArgs;
use super::{print_lines, Common};
use crate::failure::Failure;
use crate::show::print_json;

/// Arguments of `lightctl moe place`.
#[derive(clap::Args)]
pub(crate) struct PlaceArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Loads of the experts of one layer, instead of routing a file
    #[arg(
        long,
        value_name = "N,..",
        value_delimiter = ',',
        conflicts_with = "files"
    )]
    loads: Vec<u64>,
    /// Places for experts [default: one for each expert, in whole devices]
    #[arg(long, value_name = "N")]
    replicas: Option<u32>,
    /// Groups of experts that should stay on a node
    #[arg(long, value_name = "N", default_value_t = 1)]
    expert_groups: u32,
    /// Nodes
    #[arg(long, value_name = "N", default_value_t = 1)]
    nodes: u32,
    /// Devices of all nodes
    #[arg(long, value_name = "N")]
    devices: u32,
    #[command(flatten)]
    common: Common,
}

/// A layer that was placed.
struct Placed {
    name: String,
    loads: Vec<u64>,
    placement: Placement,
}

/// Carries the command out.
pub(crate) fn command(args: &PlaceArgs) -> Result<(), Failure> {
    let plain = [lightos::moe::Layer::softmax(1, 1)];
    let mut layers = Vec::new();
    let runner = if args.loads.is_empty() {
        let source = args.source.read(None)?;
        let mut runner = Runner::of(args.common, &source)?;
        for (layer, tokens) in (0..).zip(&source.tokens) {
            let batch = source.batch.unwrap_or(lightos::sys::MOE_MAX_TOKENS);
            runner.route_all(layer, tokens, batch, false, |_, _| ())?;
            let experts = runner.gate.experts(layer)?;
            layers.push((
                tokens.name.clone(),
                experts.iter().map(|e| e.load).collect(),
            ));
        }
        runner
    } else {
        layers.push(("loads".to_owned(), args.loads.clone()));
        Runner::new(args.common, &plain)?
    };
    let mut placed = Vec::new();
    for (name, loads) in layers {
        let placement = place(args, &runner, &loads)?;
        placed.push(Placed {
            name,
            loads,
            placement,
        });
    }
    if args.common.json {
        print_json(&report_json(args, &runner, &placed))?;
    } else {
        print_lines(&report(args, &runner, &placed))?;
    }
    runner.verdict()
}

fn place(args: &PlaceArgs, runner: &Runner, loads: &[u64]) -> Result<Placement, Failure> {
    let experts = u32::try_from(loads.len()).unwrap_or(u32::MAX);
    let cluster = Cluster {
        replicas: args
            .replicas
            .unwrap_or(experts.next_multiple_of(args.devices.max(1))),
        groups: args.expert_groups,
        nodes: args.nodes,
        devices: args.devices,
    };
    let placement = runner.gate.place(loads, &cluster)?;
    if args.common.compare {
        let host = HostGate::new(&[lightos::moe::Layer::softmax(1, 1)])?;
        if host.place(loads, &cluster)? != placement {
            let what = "the placement differs between module and host";
            return Err(Failure::Result(what.to_owned()));
        }
    }
    Ok(placement)
}

impl Placed {
    /// Places of a device.
    fn of_device(&self, devices: u32) -> usize {
        self.placement.experts.len() / devices.max(1) as usize
    }

    /// The load of each device, an expert's shared evenly by its replicas.
    fn device_loads(&self, devices: u32) -> Vec<f64> {
        let share = |&expert: &u16| {
            let expert = usize::from(expert);
            let load = self.loads.get(expert).copied().unwrap_or(0) as f64;
            load / f64::from(self.placement.counts.get(expert).copied().unwrap_or(1))
        };
        let devices = self
            .placement
            .experts
            .chunks(self.of_device(devices).max(1));
        devices.map(|d| d.iter().map(share).sum()).collect()
    }

    /// Greatest by mean load of devices; 1 is even.
    fn uneven(&self, devices: u32) -> f64 {
        uneven(&self.device_loads(devices))
    }
}

fn uneven(loads: &[f64]) -> f64 {
    let mean = loads.iter().sum::<f64>() / loads.len().max(1) as f64;
    let greatest = loads.iter().copied().fold(0.0, f64::max);
    if mean > 0.0 {
        greatest / mean
    } else {
        1.0
    }
}

/// The same with the experts in their order and none twice, where they divide.
fn in_order(loads: &[u64], devices: u32) -> Option<f64> {
    let size = loads.len().checked_div(devices as usize)?;
    if size == 0 || !loads.len().is_multiple_of(devices as usize) {
        return None;
    }
    let sums = loads.chunks(size).map(|d| d.iter().sum::<u64>() as f64);
    Some(uneven(&sums.collect::<Vec<f64>>()))
}

fn report(args: &PlaceArgs, runner: &Runner, placed: &[Placed]) -> Vec<String> {
    let mut lines = place_lines(runner);
    for layer in placed {
        let replicas = layer.placement.experts.len();
        lines.push(pair(
            "placed",
            format!(
                "{}: {} experts in {replicas} places of {} devices, {} nodes",
                layer.name,
                layer.loads.len(),
                args.devices,
                args.nodes
            ),
        ));
        let plain = in_order(&layer.loads, args.devices);
        let plain = plain.map_or(String::new(), |x| format!("; {x:.3} with experts in order"));
        let uneven = layer.uneven(args.devices);
        lines.push(pair("greatest / mean", format!("{uneven:.3}{plain}")));
        let mut table = Table::new(&["device", "load", "experts"]);
        let devices = layer
            .placement
            .experts
            .chunks(layer.of_device(args.devices).max(1));
        let loads = layer.device_loads(args.devices);
        for ((device, experts), load) in devices.enumerate().zip(loads) {
            let experts: Vec<String> = experts.iter().map(ToString::to_string).collect();
            table.row(vec![
                device.to_string(),
                format!("{load:.1}"),
                experts.join(" "),
            ]);
        }
        lines.extend(table.lines());
    }
    lines
}

fn report_json(args: &PlaceArgs, runner: &Runner, placed: &[Placed]) -> Value {
    let layer = |layer: &Placed| {
        json!({
            "name": layer.name,
            "loads": layer.loads,
            "experts": layer.placement.experts,
            "numbers": layer.placement.numbers,
            "counts": layer.placement.counts,
            "device_loads": layer.device_loads(args.devices),
            "greatest_by_mean": layer.uneven(args.devices),
        })
    };
    json!({
        "placed_in": runner.place.name(),
        "devices": args.devices,
        "nodes": args.nodes,
        "layers": placed.iter().map(layer).collect::<Vec<Value>>(),
    })
}
