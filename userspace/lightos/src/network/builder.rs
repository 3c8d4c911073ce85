// SPDX-License-Identifier: GPL-2.0

//! From populations and connections to the tables of a network.

use std::time::Duration;

use super::description::Description;
use super::params::Neuron;
use crate::sys;

/// Neurons that were added together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Population {
    first: u32,
    count: u32,
}

impl Population {
    /// The number of its first neuron.
    pub const fn first(self) -> u32 {
        self.first
    }

    /// How many neurons.
    pub const fn count(self) -> u32 {
        self.count
    }

    /// The number of neuron `index` of it.
    pub fn neuron(self, index: u32) -> Option<u32> {
        (index < self.count).then(|| self.first + index)
    }
}

/// Inputs that were added together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inputs {
    first: u32,
    count: u32,
}

impl Inputs {
    /// The number of its first input.
    pub const fn first(self) -> u32 {
        self.first
    }

    /// How many inputs.
    pub const fn count(self) -> u32 {
        self.count
    }

    /// The number of input `index` of it.
    pub fn input(self, index: u32) -> Option<u32> {
        (index < self.count).then(|| self.first + index)
    }
}

/// Sources of spikes that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Neurons.
    Neurons(Population),
    /// Inputs.
    Inputs(Inputs),
}

impl From<Population> for Group {
    fn from(population: Population) -> Self {
        Self::Neurons(population)
    }
}

impl From<Inputs> for Group {
    fn from(inputs: Inputs) -> Self {
        Self::Inputs(inputs)
    }
}

/// A source of spikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The neuron of this number.
    Neuron(u32),
    /// The input of this number.
    Input(u32),
}

/// A sparse synapse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Whose spikes it carries.
    pub source: Source,
    /// The neuron it ends at.
    pub target: u32,
    /// Its weight; -256 to 255 onto [`Loihi`](super::Loihi).
    pub weight: i16,
    /// Steps from a spike of the source to its effect: 1 to
    /// [`sys::MAX_DELAY`].
    pub delay: u32,
}

/// The weights of a dense block: a row for each source.
#[derive(Clone, Copy, Debug)]
pub enum Weights<'a> {
    /// One byte a weight.
    Bytes(&'a [i8]),
    /// Two bytes a weight.
    Words(&'a [i16]),
}

impl Weights<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Bytes(weights) => weights.len(),
            Self::Words(weights) => weights.len(),
        }
    }

    fn width(&self) -> u32 {
        match self {
            Self::Bytes(_) => 1,
            Self::Words(_) => 2,
        }
    }
}

/// Why a network cannot be described.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A population without a neuron, or too many neurons.
    #[error("{0} more neurons; a population has at least 1, a network at most {max}", max = sys::MAX_NEURONS)]
    Neurons(u64),
    /// A group without an input, or too many inputs.
    #[error("{0} more inputs; a group has at least 1, a network at most {max}", max = sys::MAX_INPUTS)]
    Inputs(u64),
    /// The step is no whole number of ns from 1 to 10^12.
    #[error("a step of {0:?}; it must be from 1 ns to 1000 s")]
    Step(Duration),
    /// A time constant of zero, or one beyond 292 years.
    #[error("a time constant of {0:?}; leave it out for no decay")]
    TimeConstant(Duration),
    /// A delay that no synapse can have.
    #[error("a delay of {0} steps; it must be from 1 to {max}", max = sys::MAX_DELAY)]
    Delay(u32),
    /// A connection from a neuron or input that is not there.
    #[error("{0:?} is not there")]
    Source(Source),
    /// A connection or probe at a neuron that is not there.
    #[error("neuron {0} is not there")]
    Target(u32),
    /// A dense block with the wrong number of weights.
    #[error("{found} weights for a block of {expected}")]
    Weights {
        /// Sources times targets.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// More sparse synapses than a network can have.
    #[error("more than {max} synapses", max = sys::MAX_SYNAPSES)]
    Synapses,
}

/// Makes a [`Description`].
///
/// Populations, inputs and dense blocks come first, in any order;
/// [`build_with`](Builder::build_with) adds the sparse synapses and the probes.
#[derive(Clone, Debug)]
pub struct Builder {
    description: Description,
    step: Duration,
    blocks: Vec<(Group, sys::Block)>,
}

impl Builder {
    /// A network without neurons, with steps of `step` (whole ns).
    pub fn new(step: Duration) -> Self {
        Self {
            description: Description::default(),
            step,
            blocks: Vec::new(),
        }
    }

    /// Adds `count` inputs.
    ///
    /// # Errors
    ///
    /// [`BuildError::Inputs`].
    pub fn inputs(&mut self, count: u32) -> Result<Inputs, BuildError> {
        let first = self.description.inputs;
        let end = u64::from(first) + u64::from(count);
        if count == 0 || end > u64::from(sys::MAX_INPUTS) {
            return Err(BuildError::Inputs(count.into()));
        }
        self.description.inputs = first + count;
        Ok(Inputs { first, count })
    }

    /// Adds `count` neurons with the same parameters.
    ///
    /// # Errors
    ///
    /// [`BuildError::Neurons`], [`BuildError::TimeConstant`].
    pub fn population<N: Neuron>(
        &mut self,
        count: u32,
        neuron: N,
    ) -> Result<Population, BuildError> {
        self.add(count.into(), std::slice::from_ref(&neuron))
    }

    /// Adds neurons with parameters of their own, one for each.
    ///
    /// # Errors
    ///
    /// [`BuildError::Neurons`], [`BuildError::TimeConstant`].
    pub fn population_of<N: Neuron>(&mut self, neurons: &[N]) -> Result<Population, BuildError> {
        self.add(neurons.len() as u64, neurons)
    }

    fn add<N: Neuron>(&mut self, count: u64, neurons: &[N]) -> Result<Population, BuildError> {
        let first = self.description.neurons();
        let end = u64::from(first) + count;
        if count == 0 || end > u64::from(sys::MAX_NEURONS) {
            return Err(BuildError::Neurons(count));
        }
        let params = match N::KIND {
            super::Kind::Loihi => self.description.loihi_params.len(),
            _ => self.description.exact_params.len(),
        };
        for neuron in neurons {
            neuron.append(&mut self.description)?;
        }
        // All below 2^16.
        let count = count as u32;
        self.description.populations.push(sys::Population {
            first,
            count,
            kind: N::KIND.as_u32(),
            params: params as u32,
            params_count: neurons.len() as u32,
            reserved: 0,
        });
        Ok(Population { first, count })
    }

    /// Connects each of `sources` to each of `targets`, with one delay in steps.
    ///
    /// `weights` has a row of weights for each source.
    ///
    /// # Errors
    ///
    /// [`BuildError::Weights`], [`BuildError::Delay`].
    pub fn dense(
        &mut self,
        sources: impl Into<Group>,
        targets: Population,
        delay: u32,
        weights: Weights<'_>,
    ) -> Result<(), BuildError> {
        let sources = sources.into();
        let (first, count) = match sources {
            Group::Neurons(p) => (p.first, p.count),
            Group::Inputs(i) => (i.first, i.count),
        };
        let expected = u64::from(count) * u64::from(targets.count);
        if weights.len() as u64 != expected {
            let found = weights.len() as u64;
            return Err(BuildError::Weights { expected, found });
        }
        check_delay(delay)?;
        let table = &mut self.description.weights;
        let block = sys::Block {
            source_first: first,
            source_count: count,
            target_first: targets.first,
            target_count: targets.count,
            delay,
            width: weights.width(),
            offset: table.len() as u64,
        };
        match weights {
            Weights::Bytes(weights) => table.extend(weights.iter().map(|&w| w as u8)),
            Weights::Words(weights) => table.extend(weights.iter().flat_map(|w| w.to_le_bytes())),
        }
        self.blocks.push((sources, block));
        Ok(())
    }

    /// Reads the voltage of `neuron` in each step. Probes are numbered from 0.
    ///
    /// # Errors
    ///
    /// [`BuildError::Target`]: the neuron was not added yet.
    pub fn probe(&mut self, neuron: u32) -> Result<u32, BuildError> {
        if neuron >= self.description.neurons() {
            return Err(BuildError::Target(neuron));
        }
        let probe = self.description.probes.len() as u32;
        self.description.probes.push(neuron);
        Ok(probe)
    }

    /// The tables of a network without sparse synapses.
    ///
    /// # Errors
    ///
    /// [`BuildError::Step`].
    pub fn build(self) -> Result<Description, BuildError> {
        self.build_with(std::iter::empty())
    }

    /// The tables of the network with these sparse synapses.
    ///
    /// The connections come three times: to find the delays in use, to count,
    /// and to place (a counting sort). So they need no memory but the table of
    /// synapses, 4 bytes each, and that of starts, 4 bytes for each source and
    /// delay. Connections of one source and delay keep their order.
    ///
    /// # Errors
    ///
    /// [`BuildError::Step`], [`BuildError::Source`], [`BuildError::Target`],
    /// [`BuildError::Delay`], [`BuildError::Synapses`].
    pub fn build_with(
        mut self,
        connections: impl Iterator<Item = Connection> + Clone,
    ) -> Result<Description, BuildError> {
        let step_ns = u64::try_from(self.step.as_nanos()).unwrap_or(u64::MAX);
        if !(1..=sys::MAX_STEP_NS).contains(&step_ns) {
            return Err(BuildError::Step(self.step));
        }
        self.description.step_ns = step_ns;
        let neurons = self.description.neurons();
        self.description.blocks = self
            .blocks
            .iter()
            .map(|&(group, block)| sys::Block {
                source_first: match group {
                    Group::Neurons(_) => block.source_first,
                    Group::Inputs(_) => neurons + block.source_first,
                },
                ..block
            })
            .collect();
        self.sort(connections)?;
        Ok(self.description)
    }

    fn sort(
        &mut self,
        connections: impl Iterator<Item = Connection> + Clone,
    ) -> Result<(), BuildError> {
        let (neurons, inputs) = (self.description.neurons(), self.description.inputs);
        let (delays, total) = survey(connections.clone(), neurons, inputs)?;
        if total == 0 {
            return Ok(());
        }
        // The place of each delay in use; the others are not asked for.
        let mut place = vec![0; sys::MAX_DELAY as usize + 1];
        for (index, &delay) in delays.iter().enumerate() {
            place[delay as usize] = index;
        }
        let sources = neurons as usize + inputs as usize;
        let run = |c: &Connection| {
            let source = match c.source {
                Source::Neuron(n) => n as usize,
                Source::Input(i) => neurons as usize + i as usize,
            };
            source * delays.len() + place[c.delay as usize]
        };
        let runs = sources * delays.len();
        let mut starts = vec![0u32; runs + 1];
        for c in connections.clone() {
            starts[run(&c) + 1] += 1;
        }
        for at in 0..runs {
            starts[at + 1] += starts[at];
        }
        let mut synapses = vec![0u32; total];
        for c in connections {
            // Moves each start to its end, which is the next one's start.
            let start = &mut starts[run(&c)];
            synapses[*start as usize] = c.target | u32::from(c.weight as u16) << 16;
            *start += 1;
        }
        starts.copy_within(..runs, 1);
        starts[0] = 0;
        self.description.delays = delays;
        self.description.starts = starts;
        self.description.synapses = synapses;
        Ok(())
    }
}

/// The delays in use, ascending, and the number of connections, once all of them
/// were looked at.
fn survey(
    connections: impl Iterator<Item = Connection>,
    neurons: u32,
    inputs: u32,
) -> Result<(Vec<u32>, usize), BuildError> {
    let mut used = vec![false; sys::MAX_DELAY as usize + 1];
    let mut total = 0;
    for c in connections {
        let known = match c.source {
            Source::Neuron(n) => n < neurons,
            Source::Input(i) => i < inputs,
        };
        if !known {
            return Err(BuildError::Source(c.source));
        }
        if c.target >= neurons {
            return Err(BuildError::Target(c.target));
        }
        check_delay(c.delay)?;
        used[c.delay as usize] = true;
        total += 1;
        if total as u64 > sys::MAX_SYNAPSES {
            return Err(BuildError::Synapses);
        }
    }
    let delays = (1..=sys::MAX_DELAY).filter(|&d| used[d as usize]);
    Ok((delays.collect(), total))
}

fn check_delay(delay: u32) -> Result<(), BuildError> {
    if (1..=sys::MAX_DELAY).contains(&delay) {
        Ok(())
    } else {
        Err(BuildError::Delay(delay))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Exponential, Jump, Loihi};
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn connection(source: Source, target: u32, weight: i16, delay: u32) -> Connection {
        Connection {
            source,
            target,
            weight,
            delay,
        }
    }

    #[test]
    fn connections_are_sorted_by_source_and_delay() {
        let mut builder = Builder::new(MS);
        builder.inputs(1).unwrap();
        builder.population(2, Loihi::default()).unwrap();
        let list = [
            connection(Source::Input(0), 1, -1, 9),
            connection(Source::Neuron(1), 0, 5, 9),
            connection(Source::Neuron(1), 1, 6, 2),
            connection(Source::Neuron(1), 0, 7, 2),
        ];
        let tables = builder.build_with(list.into_iter()).unwrap();
        assert_eq!(tables.delays, [2, 9]);
        assert_eq!(tables.starts, [0, 0, 0, 2, 3, 3, 4]);
        let synapses = [1 | 6 << 16, 7 << 16, 5 << 16, 1 | 0xffff << 16];
        assert_eq!(tables.synapses, synapses);
    }

    #[test]
    fn blocks_of_inputs_follow_the_neurons() {
        let mut builder = Builder::new(MS);
        let inputs = builder.inputs(2).unwrap();
        let first = builder.population(1, Loihi::default()).unwrap();
        let bytes = Weights::Bytes(&[-1, 2]);
        builder.dense(inputs, first, 1, bytes).unwrap();
        let second = builder.population(3, Loihi::default()).unwrap();
        let words = Weights::Words(&[1, -2, 256]);
        builder.dense(first, second, 3, words).unwrap();
        assert_eq!(builder.probe(3), Ok(0));
        let tables = builder.build().unwrap();
        assert_eq!(tables.weights, [255, 2, 1, 0, 254, 255, 0, 1]);
        assert_eq!(tables.blocks[0].source_first, 4);
        assert_eq!(tables.blocks[1].source_first, 0);
        assert_eq!((tables.blocks[1].offset, tables.blocks[1].width), (2, 2));
        assert_eq!(tables.synapse_count(), 5);
        assert_eq!(tables.step_ns, 1_000_000);
    }

    #[test]
    fn parameters_of_each_neuron() {
        let jump = Jump {
            membrane: Some(Duration::from_millis(20)),
            drive: 0,
            gain: 3,
            threshold: None,
            reset: -1,
            refractory_steps: 2,
        };
        let mut builder = Builder::new(MS);
        builder
            .population_of(&[jump, Jump { gain: 4, ..jump }])
            .unwrap();
        let exponential = Exponential {
            membrane: None,
            currents: [Some(MS), None],
            drive: 1,
            gain: [1, 2],
            threshold: Some(7),
            reset: 0,
            refractory_steps: 0,
        };
        let p = builder.population(5, exponential).unwrap();
        assert_eq!(
            (p.first(), p.count(), p.neuron(4), p.neuron(5)),
            (2, 5, Some(6), None)
        );
        let tables = builder.build().unwrap();
        assert_eq!(tables.populations[1].params, 2);
        assert_eq!(tables.populations[0].params_count, 2);
        assert_eq!(tables.exact_params[0].membrane, 20_000_000);
        assert_eq!(tables.exact_params[0].threshold, i64::MAX);
        assert_eq!(tables.exact_params[2].current, [1_000_000, 0]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let mut builder = Builder::new(MS);
        assert_eq!(builder.inputs(0), Err(BuildError::Inputs(0)));
        let over = sys::MAX_NEURONS + 1;
        let error = builder.population(over, Loihi::default());
        assert_eq!(error, Err(BuildError::Neurons(over.into())));
        let one = builder.population(1, Loihi::default()).unwrap();
        let error = builder.dense(one, one, 0, Weights::Bytes(&[1]));
        assert_eq!(error, Err(BuildError::Delay(0)));
        let error = builder.dense(one, one, 1, Weights::Words(&[1, 2]));
        let (expected, found) = (1, 2);
        assert_eq!(error, Err(BuildError::Weights { expected, found }));
        assert_eq!(builder.probe(1), Err(BuildError::Target(1)));
        for (bad, error) in [
            (
                connection(Source::Input(0), 0, 1, 1),
                BuildError::Source(Source::Input(0)),
            ),
            (
                connection(Source::Neuron(1), 0, 1, 1),
                BuildError::Source(Source::Neuron(1)),
            ),
            (
                connection(Source::Neuron(0), 1, 1, 1),
                BuildError::Target(1),
            ),
            (
                connection(Source::Neuron(0), 0, 1, 1025),
                BuildError::Delay(1025),
            ),
        ] {
            let built = builder.clone().build_with([bad].into_iter());
            assert_eq!(built.unwrap_err(), error);
        }
        let long = Duration::from_secs(1001);
        assert_eq!(
            Builder::new(long).build().unwrap_err(),
            BuildError::Step(long)
        );
    }
}
