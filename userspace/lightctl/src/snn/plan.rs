// SPDX-License-Identifier: GPL-2.0

//! A network that can be loaded, with what its numbers mean.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use lightos::network::{Description, Population};
use serde_json::Value;

use super::{dense, graph};
use crate::failure::Failure;

/// Neurons with a name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layer {
    /// Of the node of a graph, or of the file of weights.
    pub(crate) name: String,
    /// Where its neurons are.
    pub(crate) neurons: Population,
    /// Units of a potential of 1; 1 for Loihi, whose potentials are integers.
    pub(crate) unit: f64,
    /// The potential at rest, by neuron; one for all; none for 0.
    pub(crate) rest: Vec<f64>,
}

impl Layer {
    /// A reading of neuron `index` in the potentials of the user.
    pub(crate) fn potential(&self, index: u32, value: i64) -> f64 {
        let rest = match self.rest[..] {
            [one] => one,
            _ => self.rest.get(index as usize).copied().unwrap_or(0.0),
        };
        value as f64 / self.unit + rest
    }
}

/// A sum of weighted spikes, of an output that is no layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sums {
    /// How many sums.
    pub(crate) size: u32,
    /// (neuron, output, weight), by neuron.
    pub(crate) weights: Vec<(u32, u32, f64)>,
}

/// What a user looks at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Readout {
    /// The spikes of a layer, by its number.
    Spikes(usize),
    /// The greatest potential of each neuron of a layer that does not spike.
    Potentials(usize),
    /// Sums of weighted spikes.
    Sums(Sums),
}

/// A network with what its numbers mean.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The tables.
    pub(crate) description: Description,
    /// The neurons, in order.
    pub(crate) layers: Vec<Layer>,
    /// What comes out, by name.
    pub(crate) readouts: Vec<(String, Readout)>,
    /// Its first step stands before the first of the input: spikes of inputs act in
    /// the step that the user gave them, not one later.
    pub(crate) lead_in: bool,
    /// What it is, for reports.
    pub(crate) about: Value,
}

impl Plan {
    /// The layer and index of a neuron.
    pub(crate) fn layer_of(&self, neuron: u32) -> Option<(&Layer, u32)> {
        self.layers.iter().find_map(|layer| {
            let index = neuron.checked_sub(layer.neurons.first())?;
            (index < layer.neurons.count()).then_some((layer, index))
        })
    }

    /// The threshold of a neuron, in the potentials of the user; none for one that
    /// never fires.
    pub(crate) fn threshold(&self, neuron: u32) -> Option<f64> {
        let (layer, index) = self.layer_of(neuron)?;
        let of = |p: &&lightos::sys::Population| {
            neuron.checked_sub(p.first).is_some_and(|i| i < p.count)
        };
        let population = self.description.populations.iter().find(of)?;
        let own = if population.params_count > 1 {
            neuron - population.first
        } else {
            0
        };
        let at = (population.params + own) as usize;
        let units = if let Some(loihi) = self.description.loihi_params.get(at) {
            loihi.threshold.into()
        } else {
            self.description.exact_params.get(at)?.threshold
        };
        (units != lightos::sys::THRESHOLD_NEVER).then(|| layer.potential(index, units))
    }

    /// The neuron that `text` names: a number, or LAYER:INDEX.
    pub(crate) fn neuron(&self, text: &str) -> Result<u32, Failure> {
        let unknown = || {
            let names: Vec<String> = self
                .layers
                .iter()
                .map(|layer| format!("{}:0..{}", layer.name, layer.neurons.count()))
                .collect();
            Failure::Usage(format!(
                "there is no neuron {text}; there are 0..{}: {}",
                self.description.neurons(),
                names.join(", ")
            ))
        };
        if let Ok(neuron) = text.parse() {
            return if neuron < self.description.neurons() {
                Ok(neuron)
            } else {
                Err(unknown())
            };
        }
        let (name, index) = text.rsplit_once(':').ok_or_else(unknown)?;
        let index = index.parse().map_err(|_| unknown())?;
        let layer = self.layers.iter().find(|layer| layer.name == name);
        let neuron = layer.and_then(|layer| layer.neurons.neuron(index));
        neuron.ok_or_else(unknown)
    }

    /// Steps that a run of `steps` steps of input takes.
    pub(crate) fn steps(&self, steps: u64) -> u64 {
        steps.saturating_add(u64::from(self.lead_in))
    }
}

/// The rules of the neurons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arithmetic {
    /// The integer rules of the Loihi chip
    #[default]
    Loihi,
    /// Exact solution in fixed point
    Exact,
}

/// Which network.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct NetworkArgs {
    /// A NIR graph (.nir), or weights of dense layers in order (.npy, one row a neuron)
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Length of a step, such as 1ms or 100us
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1ms")]
    pub(crate) dt: Duration,
    #[command(flatten)]
    pub(crate) neurons: NeuronArgs,
}

/// Neurons of dense layers; a graph has its own.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Neurons of .npy layers")]
pub(crate) struct NeuronArgs {
    /// Rules of the neurons
    #[arg(long, value_enum, default_value_t)]
    pub(crate) arithmetic: Arithmetic,
    /// Loihi: share of the current lost in a step, in 1/4096
    #[arg(long, value_name = "N", default_value_t = 1024)]
    pub(crate) current_decay: u32,
    /// Loihi: share of the voltage lost in a step, in 1/4096
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub(crate) voltage_decay: u32,
    /// Spikes above this [default: 5120 for loihi, 1 for exact]
    #[arg(long, value_name = "X")]
    pub(crate) threshold: Option<f64>,
    /// Exact: time constant of the membrane
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "20ms")]
    pub(crate) tau: Duration,
    /// Exact: time constant of the currents [default: input moves the membrane at once]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) tau_syn: Option<Duration>,
    /// Steps after that of a spike in which a neuron is held
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) refractory: u32,
}

/// A time such as `1ms`, `100us`, `0.5ms`, `250ns`, `2s`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, f64); 4] = [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9)];

    let wrong = || format!("{text:?} is no time such as 1ms or 100us");
    let (unit, scale) = UNITS
        .iter()
        .find(|(unit, _)| text.ends_with(unit))
        .ok_or_else(wrong)?;
    let number = text.strip_suffix(unit).unwrap_or(text).trim();
    let ns = number.parse::<f64>().map_err(|_| wrong())? * scale;
    if (1.0..=1e12).contains(&ns.round()) {
        Ok(Duration::from_nanos(ns.round() as u64))
    } else {
        Err(format!("{text:?} is not between 1ns and 1000s"))
    }
}

/// Reads the network that the command line names.
pub(crate) fn open(args: &NetworkArgs) -> Result<Plan, Failure> {
    let is_graph = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "nir");
    let mut plan = match &args.files[..] {
        [path] if is_graph(path) => graph::open(path, args.dt)?,
        files if files.iter().any(is_graph) => {
            return Err(Failure::Usage(
                "a NIR graph is a whole network: give no other file with it".into(),
            ))
        }
        files => dense::open(files, args)?,
    };
    super::host::resolve(&mut plan.description);
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(duration("1ms"), Ok(Duration::from_millis(1)));
        assert_eq!(duration("0.1ms"), Ok(Duration::from_micros(100)));
        assert_eq!(duration("100 us"), Ok(Duration::from_micros(100)));
        assert_eq!(duration("2s"), Ok(Duration::from_secs(2)));
        for wrong in ["1", "ms", "-1ms", "0ns", "1e9s", "1h", "nans", "infs"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
