// SPDX-License-Identifier: GPL-2.0

//! Presents a recording to a network and tells what came out.

use std::time::Duration;

use lightos::network::{Event, Spike, Stats};

use super::backend::{Backend, Job, Output};
use super::events::Input;
use super::plan::{Plan, Readout, Sums};
use super::progress::Progress;
use crate::failure::Failure;

/// What a presentation gave.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// Spikes and voltages, in the steps of the user.
    pub(crate) output: Output,
    /// The network's counters for it.
    pub(crate) stats: Stats,
    /// Steps of the user.
    pub(crate) steps: u64,
}

/// A value for each output of a readout.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    /// Name of the readout.
    pub(crate) name: String,
    /// What the values are.
    pub(crate) what: &'static str,
    /// One an output.
    pub(crate) values: Vec<f64>,
}

impl Reading {
    /// The first of the greatest, as NumPy's argmax; none if all are 0.
    pub(crate) fn winner(&self) -> Option<usize> {
        let greatest = self
            .values
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        let silent = self.values.iter().all(|&value| value == 0.0);
        let first = self.values.iter().position(|&value| value == greatest);
        first.filter(|_| !silent)
    }
}

/// Presents `input` to a network at rest for `steps` steps.
pub(crate) fn present(
    plan: &Plan,
    backend: &mut dyn Backend,
    input: &Input,
    steps: u64,
    interval: Option<Duration>,
) -> Result<Outcome, Failure> {
    let mut output = Output::default();
    let mut events = &input.events[..];
    let total = plan.steps(steps);
    // As often as a hundredth is worth it; the results are those of one run.
    let stride = match interval {
        None => (total / 100).max(10_000),
        Some(_) => u64::MAX,
    };
    let mut progress = Progress::new("steps", total);
    let mut step = 0;
    while step < total {
        let until = if step == 0 && plan.lead_in {
            1
        } else {
            step.saturating_add(stride).min(total)
        };
        let (now, later) = split(events, until);
        let job = Job {
            events: now,
            until,
            interval,
        };
        backend.run(&job, &mut output)?;
        if step == 0 && plan.lead_in && has_drive(plan) {
            // The currents of biases begin with the input, not before it.
            backend.rest()?;
        }
        events = later;
        step = until;
        progress.at(step);
    }
    if plan.lead_in {
        skip_lead_in(&mut output);
    }
    Ok(Outcome {
        output,
        stats: backend.stats()?,
        steps,
    })
}

/// The events before step `until`, and the others.
fn split(events: &[Event], until: u64) -> (&[Event], &[Event]) {
    events.split_at(events.partition_point(|event| event.step() < until))
}

fn has_drive(plan: &Plan) -> bool {
    plan.description.exact_params.iter().any(|p| p.drive != 0)
}

/// Numbers steps by the input that they answer.
fn skip_lead_in(output: &mut Output) {
    output.spikes.retain_mut(|spike| {
        let step = spike.step.checked_sub(1);
        step.inspect(|&step| spike.step = step).is_some()
    });
    output.voltages.retain_mut(|voltage| {
        let step = voltage.step.checked_sub(1);
        step.inspect(|&step| voltage.step = step).is_some()
    });
}

/// What each readout of the network reads.
pub(crate) fn readings(plan: &Plan, output: &Output) -> Vec<Reading> {
    let read = |(name, readout): &(String, Readout)| {
        let (what, values) = match readout {
            Readout::Spikes(layer) => ("spikes", counts(plan, *layer, &output.spikes)),
            Readout::Potentials(layer) => ("greatest potential", peaks(plan, *layer, output)),
            Readout::Sums(sums) => ("sum of weighted spikes", added(sums, &output.spikes)),
        };
        Reading {
            name: name.clone(),
            what,
            values,
        }
    };
    plan.readouts.iter().map(read).collect()
}

/// Spikes of each neuron of a layer.
pub(crate) fn counts(plan: &Plan, layer: usize, spikes: &[Spike]) -> Vec<f64> {
    let neurons = plan.layers[layer].neurons;
    let mut counts = vec![0.0; neurons.count() as usize];
    for spike in spikes {
        let index = spike.neuron.checked_sub(neurons.first());
        if let Some(count) = index.and_then(|index| counts.get_mut(index as usize)) {
            *count += 1.0;
        }
    }
    counts
}

/// The greatest potential of each neuron of a layer, of those that are probed.
fn peaks(plan: &Plan, layer: usize, output: &Output) -> Vec<f64> {
    let neurons = plan.layers[layer].neurons;
    let mut peaks = vec![f64::NEG_INFINITY; neurons.count() as usize];
    for voltage in &output.voltages {
        let neuron = plan.description.probes.get(voltage.probe as usize);
        let index = neuron.and_then(|n| n.checked_sub(neurons.first()));
        let Some(index) = index.filter(|&index| index < neurons.count()) else {
            continue;
        };
        let value = plan.layers[layer].potential(index, voltage.value);
        peaks[index as usize] = peaks[index as usize].max(value);
    }
    peaks
        .iter()
        .map(|&peak| if peak.is_finite() { peak } else { 0.0 })
        .collect()
}

fn added(sums: &Sums, spikes: &[Spike]) -> Vec<f64> {
    let mut values = vec![0.0; sums.size as usize];
    for spike in spikes {
        let from = sums
            .weights
            .partition_point(|&(neuron, _, _)| neuron < spike.neuron);
        let own = sums.weights[from..].iter();
        for &(_, output, weight) in own.take_while(|w| w.0 == spike.neuron) {
            if let Some(value) = values.get_mut(output as usize) {
                *value += weight;
            }
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_greatest_wins() {
        let reading = |values: &[f64]| Reading {
            name: String::new(),
            what: "spikes",
            values: values.to_vec(),
        };
        assert_eq!(reading(&[1.0, 3.0, 3.0]).winner(), Some(1));
        assert_eq!(reading(&[0.0, 0.0]).winner(), None);
        assert_eq!(reading(&[-2.0, -1.0]).winner(), Some(1));
        assert_eq!(reading(&[]).winner(), None);
    }

    #[test]
    fn weighted_spikes_are_added() {
        let sums = Sums {
            size: 2,
            weights: vec![(0, 0, 0.5), (0, 1, -1.0), (3, 1, 4.0)],
        };
        let spikes = [0, 1, 3, 0].map(|neuron| Spike { step: 0, neuron });
        assert_eq!(added(&sums, &spikes), [1.0, 2.0]);
    }
}
