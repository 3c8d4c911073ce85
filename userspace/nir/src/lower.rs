// SPDX-License-Identifier: GPL-2.0

//! Lowering: from a graph to populations, projections and readouts.

use std::collections::BTreeMap;

use crate::graph::{Graph, Node};
use crate::linear::{each, Entry, Map};
use crate::shape::Shapes;
use crate::{Error, Limits};

/// What the elements of a population do; equations at [`Node`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// Repeats what comes from outside.
    Input,
    /// Leaky integrate-and-fire.
    Lif,
    /// Current-based leaky integrate-and-fire.
    CubaLif,
    /// Integrate-and-fire.
    If,
    /// Leaky integrator; it does not spike.
    Li,
}

/// Neurons or inputs of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    /// Name of the node.
    pub name: String,
    /// What its elements do.
    pub model: Model,
    /// Number of elements.
    pub size: usize,
    /// Shape of the signal, for display; its product is `size`.
    pub shape: Vec<usize>,
    /// Parameters by NIR's name, each with one value for all or one an element:
    /// tau, tau_syn, tau_mem in seconds; r, v_leak, v_threshold, v_reset, w_in.
    pub parameters: Vec<(&'static str, Vec<f64>)>,
    /// Constant current into each element, from biases; empty for none.
    pub bias: Vec<f64>,
}

impl Population {
    /// Parameter `name` of element `i`; `None` if the model has no such one.
    pub fn parameter(&self, name: &str, i: usize) -> Option<f64> {
        let (_, values) = self.parameters.iter().find(|(n, _)| *n == name)?;
        (i < self.size).then(|| each(values, i))
    }
}

/// A weighted connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Synapse {
    /// Element of the source population.
    pub source: u32,
    /// Element of the target.
    pub target: u32,
    /// Current for one spike, in the units of the graph.
    pub weight: f64,
    /// Seconds from spike to arrival, on top of what a step takes.
    pub delay: f64,
}

/// Synapses between two populations.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// Index of the source population.
    pub source: usize,
    /// Index of the target population.
    pub target: usize,
    /// Ordered by source, delay, target; no two have these in common.
    pub synapses: Vec<Synapse>,
}

/// What goes out at an Output node: sums of weighted spikes or values.
#[derive(Clone, Debug, PartialEq)]
pub struct Readout {
    /// Name of the Output node.
    pub name: String,
    /// Number of outputs.
    pub size: usize,
    /// Shape of the signal.
    pub shape: Vec<usize>,
    /// By source population (index) what each output adds up; `target` is the
    /// output.
    pub sources: Vec<(usize, Vec<Synapse>)>,
    /// Constant added to each output; empty for none.
    pub bias: Vec<f64>,
}

impl Readout {
    /// The population that the output simply repeats, if that is all it does.
    pub fn repeats(&self) -> Option<usize> {
        let [(population, synapses)] = &self.sources[..] else {
            return None;
        };
        let same = |(i, s): (usize, &Synapse)| {
            (s.source as usize, s.target as usize) == (i, i) && s.weight == 1.0 && s.delay == 0.0
        };
        (self.bias.is_empty()
            && synapses.len() == self.size
            && synapses.iter().enumerate().all(same))
        .then_some(*population)
    }
}

/// What LightOS runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// Populations, by name.
    pub populations: Vec<Population>,
    /// Synapses, by source and target.
    pub projections: Vec<Projection>,
    /// Outputs, by name.
    pub readouts: Vec<Readout>,
}

impl Network {
    /// Index of the population `name`.
    pub fn population(&self, name: &str) -> Option<usize> {
        self.populations.iter().position(|p| p.name == name)
    }

    /// Number of neurons, inputs not counted.
    pub fn neurons(&self) -> usize {
        let neurons = self.populations.iter().filter(|p| p.model != Model::Input);
        neurons.map(|p| p.size).sum()
    }

    /// Number of synapses, readouts not counted.
    pub fn synapses(&self) -> usize {
        self.projections.iter().map(|p| p.synapses.len()).sum()
    }
}

/// Where the sums of a path end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Population(usize),
    Readout(usize),
}

struct Lowering<'a> {
    graph: &'a Graph,
    shapes: BTreeMap<&'a str, Shapes>,
    next: BTreeMap<&'a str, Vec<&'a str>>,
    targets: BTreeMap<&'a str, Target>,
    /// Map of each linear node, multiplied out once it was asked for: to every
    /// target that follows.
    ahead: BTreeMap<&'a str, BTreeMap<Target, Map>>,
    /// Edges from populations into each linear node that are still to be followed.
    uses: BTreeMap<&'a str, usize>,
    limits: &'a Limits,
    network: Network,
}

impl Graph {
    /// Validates the graph and turns it into populations and synapses.
    ///
    /// Linear nodes in a row are multiplied out. Paths that differ in delay stay
    /// apart; others between the same two elements are added up.
    ///
    /// # Errors
    /// As [`Graph::shapes`]; also [`Error::Node`] for a cycle of linear nodes
    /// without a neuron in it, and [`Error::Limit`].
    pub fn lower(&self, limits: &Limits) -> Result<Network, Error> {
        let shapes = self.shapes(limits)?;
        let mut lowering = Lowering {
            graph: self,
            shapes,
            next: BTreeMap::new(),
            targets: BTreeMap::new(),
            ahead: BTreeMap::new(),
            uses: BTreeMap::new(),
            limits,
            network: Network::default(),
        };
        for (from, to) in &self.edges {
            lowering.next.entry(from).or_default().push(to);
            if self.nodes[from].is_population() {
                *lowering.uses.entry(to).or_default() += 1;
            }
        }
        lowering.populations();
        lowering.linear_nodes()?;
        lowering.projections()?;
        Ok(lowering.network)
    }
}

impl<'a> Lowering<'a> {
    fn populations(&mut self) {
        for (name, node) in &self.graph.nodes {
            let shape = self.shapes[name.as_str()].input.clone();
            let size = shape.iter().product();
            if let Node::Output { .. } = node {
                let index = self.network.readouts.len();
                self.targets.insert(name, Target::Readout(index));
                self.network.readouts.push(Readout {
                    name: name.clone(),
                    size,
                    shape,
                    sources: Vec::new(),
                    bias: Vec::new(),
                });
            } else if node.is_population() {
                let index = self.network.populations.len();
                self.targets.insert(name, Target::Population(index));
                self.network
                    .populations
                    .push(population(name, node, shape, size));
            }
        }
    }

    /// Multiplies out the linear nodes, each after those that follow it.
    fn linear_nodes(&mut self) -> Result<(), Error> {
        let linear = |name: &&str| !self.targets.contains_key(name);
        let mut left: Vec<&str> = self.graph.nodes.keys().map(String::as_str).collect();
        left.retain(linear);
        while !left.is_empty() {
            let before = left.len();
            let mut waiting = Vec::new();
            for name in left {
                let ready =
                    |to: &&str| self.targets.contains_key(to) || self.ahead.contains_key(to);
                if self
                    .next
                    .get(name)
                    .is_none_or(|next| next.iter().all(ready))
                {
                    let maps = self.multiply(name)?;
                    self.ahead.insert(name, maps);
                } else {
                    waiting.push(name);
                }
            }
            if waiting.len() == before {
                return Err(Error::node(
                    waiting[0],
                    "leads to itself without a neuron between",
                ));
            }
            left = waiting;
        }
        Ok(())
    }

    /// Maps from the input of the linear node `name` to every target after it.
    fn multiply(&self, name: &'a str) -> Result<BTreeMap<Target, Map>, Error> {
        let node = &self.graph.nodes[name];
        let mut own = Map::of(name, node, &self.shapes[name], self.limits)?;
        own.merge();
        let mut maps = BTreeMap::new();
        let next = self.next.get(name).map_or(&[][..], Vec::as_slice);
        for (i, to) in next.iter().enumerate() {
            match self.targets.get(to) {
                Some(&target) => {
                    let last = i + 1 == next.len();
                    let map = if last {
                        std::mem::take(&mut own)
                    } else {
                        own.clone()
                    };
                    add(&mut maps, target, map, name, self.limits)?;
                }
                None => {
                    for (&target, map) in &self.ahead[to] {
                        let product = own.then(map, self.size(target), name, self.limits)?;
                        add(&mut maps, target, product, name, self.limits)?;
                    }
                }
            }
        }
        Ok(maps)
    }

    fn size(&self, target: Target) -> usize {
        match target {
            Target::Population(i) => self.network.populations[i].size,
            Target::Readout(i) => self.network.readouts[i].size,
        }
    }

    fn projections(&mut self) -> Result<(), Error> {
        let mut total = 0usize;
        for source in 0..self.network.populations.len() {
            let name = self.network.populations[source].name.clone();
            let size = self.network.populations[source].size;
            let mut maps = BTreeMap::new();
            let after = self.next.get(name.as_str()).cloned().unwrap_or_default();
            for to in after {
                match self.targets.get(to) {
                    Some(&target) => {
                        add(&mut maps, target, Map::identity(size), &name, self.limits)?;
                    }
                    None => {
                        for (target, map) in take(&mut self.ahead, &mut self.uses, to) {
                            add(&mut maps, target, map, &name, self.limits)?;
                        }
                    }
                }
            }
            for (target, map) in maps {
                if let Target::Population(_) = target {
                    total += map.entries.len();
                }
                if total > self.limits.synapses {
                    let most = self.limits.synapses;
                    return Err(Error::limit(&name, format!("more than {most} synapses")));
                }
                self.connect(source, target, map);
            }
        }
        Ok(())
    }

    fn connect(&mut self, source: usize, target: Target, mut map: Map) {
        map.merge();
        let synapses = map.entries.iter().map(synapse).collect();
        let bias = match target {
            Target::Population(target) => {
                self.network.projections.push(Projection {
                    source,
                    target,
                    synapses,
                });
                &mut self.network.populations[target].bias
            }
            Target::Readout(i) => {
                self.network.readouts[i].sources.push((source, synapses));
                &mut self.network.readouts[i].bias
            }
        };
        let longest = bias.len().max(map.bias.len());
        bias.resize(longest, 0.0);
        for (sum, b) in bias.iter_mut().zip(&map.bias) {
            *sum += b;
        }
    }
}

/// The maps of the linear node `name`: a copy, or the maps themselves for the last
/// who asks, as they may be large.
fn take<'a>(
    ahead: &mut BTreeMap<&'a str, BTreeMap<Target, Map>>,
    uses: &mut BTreeMap<&'a str, usize>,
    name: &'a str,
) -> BTreeMap<Target, Map> {
    let left = uses.entry(name).or_default();
    *left = left.saturating_sub(1);
    if *left == 0 {
        ahead.remove(name).unwrap_or_default()
    } else {
        ahead.get(name).cloned().unwrap_or_default()
    }
}

fn synapse(entry: &Entry) -> Synapse {
    Synapse {
        source: entry.from,
        target: entry.to,
        weight: entry.weight,
        delay: entry.delay,
    }
}

fn population(name: &str, node: &Node, shape: Vec<usize>, size: usize) -> Population {
    let model = match node {
        Node::Lif { .. } => Model::Lif,
        Node::CubaLif { .. } => Model::CubaLif,
        Node::If { .. } => Model::If,
        Node::Li { .. } => Model::Li,
        _ => Model::Input,
    };
    let parameters = node.parameters().into_iter();
    Population {
        name: name.to_owned(),
        model,
        size,
        shape,
        parameters: parameters.map(|(n, t)| (n, t.values.clone())).collect(),
        bias: Vec::new(),
    }
}

/// Adds `map` to what already leads to `target`.
fn add(
    maps: &mut BTreeMap<Target, Map>,
    target: Target,
    map: Map,
    name: &str,
    limits: &Limits,
) -> Result<(), Error> {
    let sum = maps.entry(target).or_default();
    if sum.entries.len().saturating_add(map.entries.len()) > limits.synapses {
        let most = limits.synapses;
        return Err(Error::limit(name, format!("more than {most} synapses")));
    }
    if sum.entries.is_empty() {
        sum.entries = map.entries;
    } else {
        sum.entries.extend(map.entries);
    }
    let longest = sum.bias.len().max(map.bias.len());
    sum.bias.resize(longest, 0.0);
    for (s, b) in sum.bias.iter_mut().zip(&map.bias) {
        *s += b;
    }
    sum.merge();
    Ok(())
}
