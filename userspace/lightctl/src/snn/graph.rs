// SPDX-License-Identifier: GPL-2.0

//! From a NIR graph to the tables of a network, and what that does to its numbers.
//!
//! Equations and their solution, for a step of `h`, an input current held for a
//! step, and potentials relative to v_leak:
//!
//! ```text
//! LIF, LI   v = P22 v + (1 - P22) r (w + bias)            P22 = exp(-h / tau)
//! IF        v = v + h r (w + bias)
//! CubaLIF   v = P22 v + P21 i + (1 - P22) r w_in bias     P22 = exp(-h / tau_mem)
//!           i = P11 i + (1 - P11) r w_in w                P11 = exp(-h / tau_syn)
//! v > v_threshold - v_leak: spike, v = v_reset - v_leak
//! ```
//!
//! A bias of a CubaLIF is taken at its steady state: it acts on the membrane from
//! the first step on. Weights become integers of 16 bits, scaled for each
//! population of targets by a power of two; so do potentials.

use std::path::Path;
use std::time::Duration;

use lightos::network::{Builder, Connection, Exponential, Inputs, Jump, Population, Source};
use lightos_host::spiking::network::exact::{Propagators, ONE};
use lightos_nir::{self as nir, Graph, Limits, Model};
use serde_json::{json, Value};

use super::plan::{Layer, Plan, Readout, Sums};
use crate::failure::Failure;

/// Digits of a threshold, and of the greatest potential that inputs can hold.
const THRESHOLD_BITS: f64 = 52.0;
const BOUND_BITS: f64 = 59.0;

/// Most weight that a neuron can take in a step, of the sum of all magnitudes.
const FAN_IN: f64 = (1u32 << 30) as f64;

/// Reads the graph `path` and describes it in steps of `dt`.
pub(crate) fn open(path: &Path, dt: Duration) -> Result<Plan, Failure> {
    let limits = Limits::default();
    let wrong = |source| Failure::Graph {
        path: path.to_owned(),
        source,
    };
    let graph = Graph::open(path, &limits).map_err(wrong)?;
    let network = graph.lower(&limits).map_err(wrong)?;
    let mut plan = describe(&network, dt)?;
    plan.about["format"] = json!("nir");
    plan.about["version"] = json!(graph.version);
    plan.about["nodes"] = nodes(&graph);
    Ok(plan)
}

/// The tables of a lowered graph, in steps of `dt`.
pub(super) fn describe(network: &nir::Network, dt: Duration) -> Result<Plan, Failure> {
    Lowering::new(network, dt)?.plan()
}

fn nodes(graph: &Graph) -> Value {
    let shapes = graph.shapes(&Limits::default()).ok();
    let node = |(name, node): (&String, &nir::Node)| {
        let shape = shapes.as_ref().and_then(|shapes| shapes.get(name.as_str()));
        json!({
            "name": name,
            "type": node.kind(),
            "input": shape.map(|s| &s.input),
            "output": shape.map(|s| &s.output),
        })
    };
    graph.nodes.iter().map(node).collect()
}

/// What was chosen for a population of neurons.
#[derive(Clone, Copy, Debug)]
struct Scales {
    /// Integer for a weight of 1.
    weight: f64,
    /// Units for a potential of 1.
    unit: f64,
}

/// Where a population of the graph is in the network.
#[derive(Clone, Copy, Debug)]
enum Place {
    Inputs(Inputs),
    Neurons { neurons: Population, layer: usize },
}

impl Place {
    /// The source of element `index`, which is below the size of the population.
    fn source(self, index: u32) -> Source {
        match self {
            Self::Inputs(inputs) => Source::Input(inputs.first() + index),
            Self::Neurons { neurons, .. } => Source::Neuron(neurons.first() + index),
        }
    }
}

struct Lowering<'a> {
    network: &'a nir::Network,
    dt: Duration,
    step_ns: u64,
    scales: Vec<Scales>,
}

impl<'a> Lowering<'a> {
    fn new(network: &'a nir::Network, dt: Duration) -> Result<Self, Failure> {
        let mut lowering = Self {
            network,
            dt,
            step_ns: u64::try_from(dt.as_nanos()).unwrap_or(u64::MAX),
            scales: Vec::new(),
        };
        for (number, population) in network.populations.iter().enumerate() {
            check(population)?;
            let scales = lowering.scales_of(number);
            lowering.scales.push(scales);
        }
        Ok(lowering)
    }

    fn plan(&self) -> Result<Plan, Failure> {
        let mut builder = Builder::new(self.dt);
        let (mut places, mut layers) = (Vec::new(), Vec::new());
        for (number, population) in self.network.populations.iter().enumerate() {
            if population.model == Model::Input {
                let inputs = builder.inputs(size(population))?;
                places.push(Place::Inputs(inputs));
                continue;
            }
            let neurons = self.add(&mut builder, number)?;
            let layer = layers.len();
            places.push(Place::Neurons { neurons, layer });
            layers.push(Layer {
                name: population.name.clone(),
                neurons,
                unit: self.scales[number].unit,
                rest: values(population, "v_leak"),
            });
        }
        let readouts = self.readouts(&places);
        self.probe(&mut builder, &readouts, &layers)?;
        let description = builder.build_with(self.connections(&places)?)?;
        Ok(Plan {
            description,
            layers,
            readouts,
            lead_in: true,
            about: self.about(),
        })
    }

    /// The synapses of all projections.
    fn connections<'p>(
        &'p self,
        places: &'p [Place],
    ) -> Result<impl Iterator<Item = Connection> + Clone + 'p, Failure> {
        for synapse in self.network.projections.iter().flat_map(|p| &p.synapses) {
            let steps = self.delay(synapse.delay);
            if steps > u64::from(lightos::sys::MAX_DELAY) {
                return Err(Failure::Usage(format!(
                    "a delay of {} s is {steps} steps; at most {}: take a longer --dt",
                    synapse.delay,
                    lightos::sys::MAX_DELAY
                )));
            }
        }
        let all = self.network.projections.iter().flat_map(move |projection| {
            let (from, to) = (places[projection.source], places[projection.target]);
            let scale = self.scales[projection.target].weight;
            projection.synapses.iter().map(move |synapse| Connection {
                source: from.source(synapse.source),
                target: match to.source(synapse.target) {
                    Source::Neuron(neuron) | Source::Input(neuron) => neuron,
                },
                weight: integer(synapse.weight, scale),
                // Checked above.
                delay: self.delay(synapse.delay) as u32,
            })
        });
        Ok(all)
    }

    /// Steps of a synapse: the one that every spike takes, and those of a delay.
    fn delay(&self, seconds: f64) -> u64 {
        let steps = (seconds * 1e9 / self.step_ns as f64).round();
        // Saturates.
        (steps.max(0.0) as u64).saturating_add(1)
    }

    fn readouts(&self, places: &[Place]) -> Vec<(String, Readout)> {
        let of = |readout: &nir::Readout| {
            if let Some(Place::Neurons { layer, .. }) = readout.repeats().map(|i| places[i]) {
                let number = readout.repeats().unwrap_or(0);
                return match self.network.populations[number].model {
                    Model::Li => Readout::Potentials(layer),
                    _ => Readout::Spikes(layer),
                };
            }
            let mut sums = Sums {
                size: u32::try_from(readout.size).unwrap_or(u32::MAX),
                weights: Vec::new(),
            };
            for (source, synapses) in &readout.sources {
                let Place::Neurons { neurons, .. } = places[*source] else {
                    continue;
                };
                let weights = synapses
                    .iter()
                    .map(|s| (neurons.first() + s.source, s.target, s.weight));
                sums.weights.extend(weights);
            }
            sums.weights
                .sort_by_key(|&(neuron, output, _)| (neuron, output));
            Readout::Sums(sums)
        };
        let readouts = self.network.readouts.iter();
        readouts
            .map(|readout| (readout.name.clone(), of(readout)))
            .collect()
    }

    /// Probes on the neurons whose potential is what comes out.
    fn probe(
        &self,
        builder: &mut Builder,
        readouts: &[(String, Readout)],
        layers: &[Layer],
    ) -> Result<(), Failure> {
        for (_, readout) in readouts {
            if let Readout::Potentials(layer) = *readout {
                let neurons = layers[layer].neurons;
                for neuron in neurons.first()..neurons.first() + neurons.count() {
                    builder.probe(neuron)?;
                }
            }
        }
        Ok(())
    }

    /// The scales of population `number`.
    fn scales_of(&self, number: usize) -> Scales {
        let population = &self.network.populations[number];
        if population.model == Model::Input {
            let (weight, unit) = (1.0, 1.0);
            return Scales { weight, unit };
        }
        let mut sums = vec![0.0f64; population.size];
        let mut extent = nir::scale::Extent::default();
        let towards = |p: &&nir::Projection| p.target == number;
        for projection in self.network.projections.iter().filter(towards) {
            for synapse in &projection.synapses {
                sums[synapse.target as usize] += synapse.weight.abs();
            }
            let weights = projection.synapses.iter().map(|s| s.weight);
            let own = nir::scale::Extent::of(weights);
            extent.largest = extent.largest.max(own.largest);
        }
        let most = sums.iter().copied().fold(0.0, f64::max);
        let mut weight = extent.power_of_two(16);
        while most * weight > FAN_IN {
            weight /= 2.0;
        }
        Scales {
            weight: self.least_exact(number, weight),
            unit: self.unit(population, &sums),
        }
    }

    /// The least scale that keeps the weights as exact as `scale` does.
    fn least_exact(&self, number: usize, mut scale: f64) -> f64 {
        let exact = |scale: f64| {
            let towards = |p: &&nir::Projection| p.target == number;
            let synapses = self.network.projections.iter().filter(towards);
            let mut weights = synapses.flat_map(|p| &p.synapses).map(|s| s.weight);
            weights.all(|w| (w * scale).fract() == 0.0)
        };
        while scale > 1e-300 && exact(scale) && exact(scale / 2.0) {
            scale /= 2.0;
            if scale < 1.0 / 65_536.0 {
                break;
            }
        }
        scale
    }

    /// Units of a potential of 1: the threshold gets 52 binary digits, unless the
    /// potentials that inputs can hold leave the range then.
    fn unit(&self, population: &nir::Population, sums: &[f64]) -> f64 {
        let (mut reference, mut bound) = (0.0f64, 0.0f64);
        for (i, sum) in sums.iter().enumerate() {
            let leak = at(population, "v_leak", i).unwrap_or(0.0);
            for name in ["v_threshold", "v_reset"] {
                if let Some(value) = at(population, name, i) {
                    reference = reference.max((value - leak).abs());
                }
            }
            let held = self.per_weight(population, i) * (sum + bias(population, i).abs());
            bound = bound.max(held.abs());
        }
        let digits = |value: f64, digits: f64| {
            if value > 0.0 {
                digits - value.log2()
            } else {
                f64::INFINITY
            }
        };
        let exponent = digits(reference, THRESHOLD_BITS).min(digits(bound, BOUND_BITS));
        if exponent.is_finite() {
            2f64.powi(exponent.floor().clamp(-900.0, 900.0) as i32)
        } else {
            2f64.powi(50)
        }
    }

    /// The potential that a current of 1 holds neuron `i` at; without a leak, what
    /// it adds in a step.
    fn per_weight(&self, population: &nir::Population, i: usize) -> f64 {
        let r = at(population, "r", i).unwrap_or(1.0);
        match population.model {
            Model::CubaLif => r * at(population, "w_in", i).unwrap_or(1.0),
            Model::If => r * self.dt.as_secs_f64(),
            _ => r,
        }
    }

    /// Adds the neurons of population `number`.
    fn add(&self, builder: &mut Builder, number: usize) -> Result<Population, Failure> {
        let population = &self.network.populations[number];
        // One set of parameters where the graph has one.
        let alike = population.parameters.iter().all(|(_, v)| v.len() == 1);
        let count = if alike && population.bias.is_empty() {
            1
        } else {
            population.size
        };
        let size = size(population);
        if population.model == Model::CubaLif {
            let neurons: Vec<Exponential> =
                (0..count).map(|i| self.exponential(number, i)).collect();
            return Ok(match neurons[..] {
                [one] => builder.population(size, one)?,
                _ => builder.population_of(&neurons)?,
            });
        }
        let neurons: Vec<Jump> = (0..count).map(|i| self.jump(number, i)).collect();
        Ok(match neurons[..] {
            [one] => builder.population(size, one)?,
            _ => builder.population_of(&neurons)?,
        })
    }

    fn jump(&self, number: usize, i: usize) -> Jump {
        let (population, scales) = (&self.network.populations[number], self.scales[number]);
        let held = self.per_weight(population, i) * scales.unit;
        let tau = tau(population, "tau", i);
        let share = tau.map_or(1.0, |tau| self.share(tau));
        Jump {
            membrane: tau,
            drive: units(held * bias(population, i)),
            gain: units(share * held / scales.weight),
            threshold: threshold(population, i, scales.unit),
            reset: reset(population, i, scales.unit),
            refractory_steps: 0,
        }
    }

    fn exponential(&self, number: usize, i: usize) -> Exponential {
        let (population, scales) = (&self.network.populations[number], self.scales[number]);
        let held = self.per_weight(population, i) * scales.unit;
        let tau_syn = tau(population, "tau_syn", i);
        let share = tau_syn.map_or(1.0, |tau| self.share(tau));
        Exponential {
            membrane: tau(population, "tau_mem", i),
            currents: [tau_syn; 2],
            drive: units(held * bias(population, i)),
            gain: [units(share * held / scales.weight); 2],
            threshold: threshold(population, i, scales.unit),
            reset: reset(population, i, scales.unit),
            refractory_steps: 0,
        }
    }

    /// `1 - exp(-h / tau)`, from the propagator that the network uses.
    fn share(&self, tau: Duration) -> f64 {
        let ns = u64::try_from(tau.as_nanos()).ok();
        let membrane = ns.and_then(std::num::NonZeroU64::new);
        let by = Propagators::new(self.step_ns, membrane, [None; 2]);
        (ONE - by.p22) as f64 / ONE as f64
    }

    fn about(&self) -> Value {
        let network = self.network;
        let population = |(number, p): (usize, &nir::Population)| {
            let parameters: serde_json::Map<String, Value> = p
                .parameters
                .iter()
                .map(|(name, values)| ((*name).to_owned(), range(values)))
                .collect();
            let mut about = json!({
                "name": p.name,
                "model": model(p.model),
                "size": p.size,
                "shape": p.shape,
            });
            if p.model != Model::Input {
                about["parameters"] = parameters.into();
                about["units_per_potential"] = json!(self.scales[number].unit);
            }
            if !p.bias.is_empty() {
                about["parameters"]["bias"] = range(&p.bias);
            }
            about
        };
        let populations: Vec<Value> = network
            .populations
            .iter()
            .enumerate()
            .map(population)
            .collect();
        let projections: Vec<Value> = network
            .projections
            .iter()
            .map(|p| self.about_projection(p))
            .collect();
        json!({ "populations": populations, "projections": projections })
    }

    /// What rounding did to the weights of a projection.
    fn about_projection(&self, projection: &nir::Projection) -> Value {
        let scale = self.scales[projection.target].weight;
        let (mut error, mut saturated, mut vanished) = (0.0f64, 0u64, 0u64);
        let (mut largest, mut longest) = (0.0f64, 1);
        for synapse in &projection.synapses {
            let weight = integer(synapse.weight, scale);
            error = error.max((synapse.weight - f64::from(weight) / scale).abs());
            saturated += u64::from((synapse.weight * scale).round() != f64::from(weight));
            vanished += u64::from(weight == 0 && synapse.weight != 0.0);
            largest = largest.max(synapse.weight.abs());
            longest = longest.max(self.delay(synapse.delay));
        }
        json!({
            "source": self.network.populations[projection.source].name,
            "target": self.network.populations[projection.target].name,
            "synapses": projection.synapses.len(),
            "longest_delay_steps": longest,
            "weights": {
                "largest": largest,
                "scale": scale,
                "largest_error": error,
                "saturated": saturated,
                "vanished": vanished,
            },
        })
    }
}

/// The weight as an integer of 16 bits.
fn integer(weight: f64, scale: f64) -> i16 {
    // Casts saturate.
    (weight * scale).round() as i16
}

/// A potential in units, within what a network can hold.
fn units(value: f64) -> i64 {
    let limit = lightos::sys::POTENTIAL_LIMIT;
    (value.round() as i64).clamp(-limit, limit)
}

fn size(population: &nir::Population) -> u32 {
    u32::try_from(population.size).unwrap_or(u32::MAX)
}

fn at(population: &nir::Population, name: &str, i: usize) -> Option<f64> {
    population.parameter(name, i)
}

fn values(population: &nir::Population, name: &str) -> Vec<f64> {
    let found = population.parameters.iter().find(|(n, _)| *n == name);
    found.map_or(Vec::new(), |(_, values)| values.clone())
}

fn bias(population: &nir::Population, i: usize) -> f64 {
    match population.bias[..] {
        [one] => one,
        _ => population.bias.get(i).copied().unwrap_or(0.0),
    }
}

/// A time constant in whole ns, at least 1.
fn tau(population: &nir::Population, name: &str, i: usize) -> Option<Duration> {
    let seconds = at(population, name, i)?;
    Some(Duration::from_nanos((seconds * 1e9).round().max(1.0) as u64))
}

/// The least potential above the threshold; none for an integrator.
fn threshold(population: &nir::Population, i: usize, unit: f64) -> Option<i64> {
    let value = at(population, "v_threshold", i)? - at(population, "v_leak", i).unwrap_or(0.0);
    Some(units((value * unit).floor()) + 1)
}

fn reset(population: &nir::Population, i: usize, unit: f64) -> i64 {
    let leak = at(population, "v_leak", i).unwrap_or(0.0);
    at(population, "v_reset", i).map_or(0, |value| units((value - leak) * unit))
}

/// Parameters that no network can have.
fn check(population: &nir::Population) -> Result<(), Failure> {
    for (name, values) in &population.parameters {
        for &value in values {
            let wrong = !value.is_finite() || (name.starts_with("tau") && value <= 0.0);
            if wrong || (name.starts_with("tau") && value > 1e9) {
                return Err(Failure::Usage(format!(
                    "node {}: {name} is {value}",
                    population.name
                )));
            }
        }
    }
    Ok(())
}

/// One value, or the least and the greatest.
fn range(values: &[f64]) -> Value {
    match values {
        [one] => json!(one),
        _ => {
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            if least == greatest {
                json!(least)
            } else {
                json!([least, greatest])
            }
        }
    }
}

fn model(model: Model) -> &'static str {
    match model {
        Model::Input => "Input",
        Model::Lif => "LIF",
        Model::CubaLif => "CubaLIF",
        Model::If => "IF",
        Model::Li => "LI",
    }
}
