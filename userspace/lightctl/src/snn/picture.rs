// SPDX-License-Identifier: GPL-2.0

//! Spikes and voltages as a picture.

use std::path::Path;

use lightos_plot::{Group, Raster, Size, Trace};

use super::events::Input;
use super::plan::Plan;
use super::session::Outcome;
use crate::failure::Failure;

/// Refuses names that [`write()`] cannot write, before the work.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("svg" | "png") => Ok(()),
        _ => Err(Failure::Usage(format!(
            "{}: its ending says no format; use .svg or .png",
            path.display()
        ))),
    }
}

/// The drawing: a band for the input and for each layer, a panel for each probe.
pub(crate) fn raster(title: &str, plan: &Plan, input: &Input, outcome: &Outcome) -> Raster {
    let ms = |step: u64| step as f64 * plan.description.step_ns as f64 / 1e6;
    let inputs = plan.description.inputs;
    let mut groups = vec![Group {
        name: "input".to_owned(),
        neurons: inputs,
    }];
    groups.extend(plan.layers.iter().map(|layer| Group {
        name: layer.name.clone(),
        neurons: layer.neurons.count(),
    }));
    let mut spikes: Vec<(f64, u32)> = Vec::new();
    for event in &input.events {
        if let lightos::network::Event::Spike { step, input } = *event {
            spikes.push((ms(step), input));
        }
    }
    let neurons = outcome.output.spikes.iter();
    spikes.extend(neurons.map(|spike| (ms(spike.step), inputs + spike.neuron)));
    Raster {
        title: title.to_owned(),
        t_max: ms(outcome.steps),
        time_unit: "ms".to_owned(),
        groups,
        spikes,
        voltages: traces(plan, outcome),
    }
}

fn traces(plan: &Plan, outcome: &Outcome) -> Vec<Trace> {
    let mut traces: Vec<Trace> = Vec::new();
    for (probe, &neuron) in plan.description.probes.iter().enumerate() {
        let Some((layer, index)) = plan.layer_of(neuron) else {
            continue;
        };
        let own = outcome.output.voltages.iter();
        let own = own.filter(|voltage| voltage.probe as usize == probe);
        let ms = |step: u64| step as f64 * plan.description.step_ns as f64 / 1e6;
        traces.push(Trace {
            name: format!("{}:{index}", layer.name),
            unit: String::new(),
            threshold: plan.threshold(neuron),
            points: own
                .map(|v| (ms(v.step), layer.potential(index, v.value)))
                .collect(),
        });
    }
    traces
}

/// Draws into `path`, as SVG or PNG by its ending, `width` pixels wide.
pub(crate) fn write(path: &Path, raster: &Raster, width: u32) -> Result<(), Failure> {
    let wrong = |error: lightos_plot::Error| Failure::Usage(format!("the picture: {error}"));
    let size: Size = raster.size(width).map_err(wrong)?;
    let bytes = if path.extension().is_some_and(|ending| ending == "png") {
        raster.to_png(size).map_err(wrong)?
    } else {
        raster.to_svg(size).into_bytes()
    };
    std::fs::write(path, bytes).map_err(|source| Failure::Write {
        path: path.to_owned(),
        source,
    })
}
