// SPDX-License-Identifier: GPL-2.0

//! The description of a network, and what can be wrong with it.
//!
//! [`Parts`] holds all tables of a network, described and working ones. [`Parts::check`] looks at
//! every entry before anything runs and names the first field that is wrong.
//!
//! Process context; the tables belong to the caller.

use core::ops::DerefMut;

use super::synapses::{self, weights_of, Block, Synapse, MAX_DELAY, MAX_FAN_IN};
use super::wheel::wheel_words;
use super::{exact, loihi, span};

/// The most neurons, and the most inputs, of a network.
pub const MAX_NEURONS: u32 = 1 << 16;

/// The most sparse synapses, and the most pairs in all dense blocks.
pub const MAX_SYNAPSES: u64 = 1 << 28;

/// Weights in a network of [`Kind::Loihi`] neurons: nine bits with sign.
pub const LOIHI_WEIGHTS: core::ops::RangeInclusive<i32> = -256..=255;

/// The kind of the neurons of a population.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// The integer rules of Loihi. Not together with the other kinds.
    Loihi = 0,
    /// Exact leaky (or not) integration, inputs that make the membrane jump.
    Jump = 1,
    /// Exact leaky (or not) integration of two exponential currents.
    Exponential = 2,
}

/// Neurons of one kind that follow each other.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Population {
    /// The first neuron: the end of the population before.
    pub first: u32,
    /// How many neurons, at least 1.
    pub count: u32,
    /// Their kind.
    pub kind: Kind,
    /// The parameters of the first neuron, an index into the table of its kind.
    pub params: u32,
    /// How many parameters: 1 for all neurons together, or `count`.
    pub params_count: u32,
}

impl Population {
    /// The end (exclusive) of its neurons.
    pub const fn end(&self) -> u64 {
        (self.first as u64).wrapping_add(self.count as u64)
    }

    /// Its parameters in the table `all`.
    #[inline]
    pub fn params_in<'a, P>(&self, all: &'a [P]) -> Option<&'a [P]> {
        let first = self.params as usize;
        all.get(first..first.checked_add(self.params_count as usize)?)
    }
}

/// Where tables live: `Vec` on the host, virtually contiguous memory in the kernel.
pub trait Memory {
    /// A table of `T`.
    type Of<T: Copy + 'static>: DerefMut<Target = [T]>;
}

/// All tables of a network.
pub struct Parts<M: Memory> {
    /// Number of inputs: sources of spikes from outside, numbered after the neurons.
    pub inputs: u32,
    /// The populations; together they are the neurons.
    pub populations: M::Of<Population>,
    /// Parameters of [`Kind::Loihi`].
    pub loihi_params: M::Of<loihi::Params>,
    /// Parameters of the exact kinds.
    pub exact_params: M::Of<exact::Params>,
    /// The delays of sparse synapses, ascending.
    pub delays: M::Of<u32>,
    /// Where the synapses of each source and delay begin: an entry for each delay of the first
    /// source, then of the second, and so on, and one for the end.
    pub starts: M::Of<u32>,
    /// The sparse synapses, by source, then by delay.
    pub synapses: M::Of<Synapse>,
    /// The dense blocks.
    pub blocks: M::Of<Block>,
    /// The weights of the dense blocks.
    pub weights: M::Of<u8>,
    /// Neurons whose voltage is read in each step.
    pub probes: M::Of<u32>,
    /// Working memory: states of [`Kind::Loihi`], as long as [`Working`] says.
    pub loihi_states: M::Of<loihi::State>,
    /// Working memory: states of the exact kinds.
    pub exact_states: M::Of<exact::State>,
    /// Working memory: the delay wheel.
    pub wheel: M::Of<u64>,
    /// Working memory: the sums of the weights that arrive in a step.
    pub sums: M::Of<i32>,
    /// Working memory: a bit for each neuron that is not at rest.
    pub awake: M::Of<u64>,
    /// Working memory: a bit for each neuron that gets input in a step.
    pub touched: M::Of<u64>,
    /// Working memory: how each population is computed.
    pub plans: M::Of<span::Plan>,
    /// Working memory: the rows of all populations that are computed in spans.
    pub rows: M::Of<span::Row>,
    /// Working memory: for every few steps of a span, a bit for each neuron to be looked at.
    pub due: M::Of<u64>,
    /// Working memory: for each neuron, the positive weight up to which that holds.
    pub limits: M::Of<i32>,
}

/// Entries of the working tables of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Working {
    /// Of `loihi_states`.
    pub loihi_states: usize,
    /// Of `exact_states`.
    pub exact_states: usize,
    /// Of `wheel`.
    pub wheel: usize,
    /// Of `sums`.
    pub sums: usize,
    /// Of `awake`.
    pub awake: usize,
    /// Of `touched`.
    pub touched: usize,
    /// Of `plans`.
    pub plans: usize,
    /// Of `rows`.
    pub rows: usize,
    /// Of `due`.
    pub due: usize,
    /// Of `limits`.
    pub limits: usize,
}

/// A table of [`Parts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Table {
    /// The network as a whole.
    Network = 0,
    /// `populations`.
    Populations = 1,
    /// `loihi_params`.
    LoihiParams = 2,
    /// `exact_params`.
    ExactParams = 3,
    /// `delays`.
    Delays = 4,
    /// `starts`.
    Starts = 5,
    /// `synapses`.
    Synapses = 6,
    /// `blocks`.
    Blocks = 7,
    /// `weights`.
    Weights = 8,
    /// `probes`.
    Probes = 9,
    /// One of the working tables.
    Working = 10,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Problem {
    /// Less or more than is allowed.
    Range = 0,
    /// Does not follow the entry before.
    Order = 1,
    /// Points outside its table.
    Bounds = 2,
    /// The table has the wrong length.
    Length = 3,
    /// Kinds that cannot be together.
    Mixture = 4,
}

/// The first thing wrong with a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// In which table.
    pub table: Table,
    /// In which entry; of `weights`, the byte.
    pub entry: u64,
    /// In which field, by its name.
    pub field: &'static str,
    /// What is wrong.
    pub problem: Problem,
}

/// A fault as an error.
fn fault<T>(table: Table, entry: usize, field: &'static str, problem: Problem) -> Result<T, Fault> {
    Err(Fault {
        table,
        entry: entry as u64,
        field,
        problem,
    })
}

/// The entries of a table with their numbers. Unlike `enumerate` it has no overflow to check.
fn numbered<T>(table: &[T]) -> impl Iterator<Item = (usize, &T)> {
    (0..table.len()).zip(table)
}

/// `Ok` if `fine`, else the fault that the rest describes.
fn demand(
    fine: bool,
    table: Table,
    entry: usize,
    field: &'static str,
    problem: Problem,
) -> Result<(), Fault> {
    if fine {
        Ok(())
    } else {
        fault(table, entry, field, problem)
    }
}

impl<M: Memory> Parts<M> {
    /// Number of neurons; right once the populations are checked.
    pub fn neurons(&self) -> u32 {
        let end = self.populations.last().map_or(0, Population::end);
        end.min(u64::from(MAX_NEURONS)) as u32
    }

    /// Number of sources of spikes: neurons and inputs.
    pub fn sources(&self) -> u32 {
        self.neurons().wrapping_add(self.inputs.min(MAX_NEURONS))
    }

    /// Sums of input for each neuron: two where a neuron has two synapse types.
    pub fn lanes(&self) -> usize {
        let two = self.populations.iter().any(|p| p.kind == Kind::Exponential);
        usize::from(two).wrapping_add(1)
    }

    /// The longest delay in use, at most [`MAX_DELAY`].
    pub fn max_delay(&self) -> u32 {
        let dense = self.blocks.iter().map(|b| b.delay).max().unwrap_or(0);
        let sparse = self.delays.last().copied().unwrap_or(0);
        dense.max(sparse).min(MAX_DELAY)
    }

    /// Whether the neurons follow the rules of Loihi; else they are exact.
    pub fn is_loihi(&self) -> bool {
        let first = self.populations.first();
        first.is_some_and(|p| p.kind == Kind::Loihi)
    }

    /// What the working tables need. The described tables must be in place.
    pub fn working(&self) -> Working {
        let neurons = self.neurons() as usize;
        let loihi = self.is_loihi();
        let words = neurons.div_ceil(64);
        let (mut rows, mut longest, mut counted) = (0usize, 0, 0u64);
        for population in self.populations.iter() {
            // Not checked yet: no more tables than for as many neurons as there may be.
            counted = counted.saturating_add(u64::from(population.count));
            if counted > u64::from(MAX_NEURONS) {
                break;
            }
            let steps = span::steps_of(population, &self.exact_params);
            rows = rows.wrapping_add(span::rows_for(steps) as usize);
            longest = longest.max(span::rows_of_looks(steps));
        }
        Working {
            loihi_states: if loihi { neurons } else { 0 },
            exact_states: if loihi { 0 } else { neurons },
            wheel: wheel_words(self.sources(), self.max_delay()).unwrap_or(usize::MAX),
            sums: neurons.wrapping_mul(self.lanes()),
            awake: words,
            touched: words,
            plans: self.populations.len(),
            rows,
            due: words.wrapping_mul(longest),
            limits: if longest > 0 { neurons } else { 0 },
        }
    }

    /// Bytes of all tables.
    pub fn bytes(&self) -> u64 {
        let described = size_of_val::<[_]>(&self.populations)
            .saturating_add(size_of_val::<[_]>(&self.loihi_params))
            .saturating_add(size_of_val::<[_]>(&self.exact_params))
            .saturating_add(size_of_val::<[_]>(&self.delays))
            .saturating_add(size_of_val::<[_]>(&self.starts))
            .saturating_add(size_of_val::<[_]>(&self.synapses))
            .saturating_add(size_of_val::<[_]>(&self.blocks))
            .saturating_add(size_of_val::<[_]>(&self.weights))
            .saturating_add(size_of_val::<[_]>(&self.probes));
        let working = size_of_val::<[_]>(&self.loihi_states)
            .saturating_add(size_of_val::<[_]>(&self.exact_states))
            .saturating_add(size_of_val::<[_]>(&self.wheel))
            .saturating_add(size_of_val::<[_]>(&self.awake))
            .saturating_add(size_of_val::<[_]>(&self.touched))
            .saturating_add(size_of_val::<[_]>(&self.plans))
            .saturating_add(size_of_val::<[_]>(&self.rows))
            .saturating_add(size_of_val::<[_]>(&self.due))
            .saturating_add(size_of_val::<[_]>(&self.limits))
            .saturating_add(size_of_val::<[_]>(&self.sums));
        described.saturating_add(working) as u64
    }

    /// Looks at everything. Uses `sums` as scratch memory; O(entries of all tables).
    pub fn check(&mut self) -> Result<(), Fault> {
        let inputs = self.inputs <= MAX_NEURONS;
        demand(inputs, Table::Network, 0, "inputs", Problem::Range)?;
        self.check_populations()?;
        self.check_params()?;
        self.check_delays()?;
        self.check_starts()?;
        self.check_blocks()?;
        self.check_working()?;
        self.check_synapses()?;
        self.check_weights()?;
        for (entry, &neuron) in numbered(&self.probes) {
            let known = neuron < self.neurons();
            demand(known, Table::Probes, entry, "neuron", Problem::Bounds)?;
        }
        self.sums.fill(0);
        Ok(())
    }

    fn check_populations(&self) -> Result<(), Fault> {
        const TABLE: Table = Table::Populations;

        let mut end: u64 = 0;
        demand(
            !self.populations.is_empty(),
            Table::Network,
            0,
            "populations",
            Problem::Length,
        )?;
        for (entry, p) in numbered(&self.populations) {
            let follows = u64::from(p.first) == end;
            demand(follows, TABLE, entry, "first", Problem::Order)?;
            end = p.end();
            let few = p.count > 0 && end <= u64::from(MAX_NEURONS);
            demand(few, TABLE, entry, "count", Problem::Range)?;
            let alike = (p.kind == Kind::Loihi) == self.is_loihi();
            demand(alike, TABLE, entry, "kind", Problem::Mixture)?;
            let counts = p.params_count == 1 || p.params_count == p.count;
            demand(counts, TABLE, entry, "params_count", Problem::Range)?;
            let found = match p.kind {
                Kind::Loihi => p.params_in(&self.loihi_params).is_some(),
                Kind::Jump | Kind::Exponential => p.params_in(&self.exact_params).is_some(),
            };
            demand(found, TABLE, entry, "params", Problem::Bounds)?;
        }
        Ok(())
    }

    fn check_params(&self) -> Result<(), Fault> {
        for (entry, p) in numbered(&self.loihi_params) {
            if let Some(field) = p.wrong_field() {
                return fault(Table::LoihiParams, entry, field, Problem::Range);
            }
        }
        for (entry, p) in numbered(&self.exact_params) {
            if let Some(field) = p.wrong_field() {
                return fault(Table::ExactParams, entry, field, Problem::Range);
            }
        }
        Ok(())
    }

    fn check_delays(&self) -> Result<(), Fault> {
        let mut before = 0;
        for (entry, &delay) in numbered(&self.delays) {
            let ordered = delay > before;
            let possible = (1..=MAX_DELAY).contains(&delay);
            demand(possible, Table::Delays, entry, "delay", Problem::Range)?;
            demand(ordered, Table::Delays, entry, "delay", Problem::Order)?;
            before = delay;
        }
        Ok(())
    }

    fn check_starts(&self) -> Result<(), Fault> {
        let length = synapses::starts_len(self.delays.len(), self.sources());
        let (starts, total) = (&self.starts, self.synapses.len());
        let fits = length == Some(starts.len());
        demand(fits, Table::Starts, starts.len(), "starts", Problem::Length)?;
        let few = total as u64 <= MAX_SYNAPSES;
        demand(few, Table::Synapses, total, "synapses", Problem::Length)?;
        let mut before = 0;
        for (entry, &start) in numbered(starts) {
            let ordered = start >= before && (entry > 0 || start == 0);
            demand(ordered, Table::Starts, entry, "start", Problem::Order)?;
            before = start;
        }
        let end = starts.len().saturating_sub(1);
        let complete = before as usize == total;
        demand(complete, Table::Starts, end, "start", Problem::Bounds)
    }

    fn check_blocks(&self) -> Result<(), Fault> {
        const TABLE: Table = Table::Blocks;

        let mut total: u64 = 0;
        for (entry, b) in numbered(&self.blocks) {
            let sources = b.source_count > 0 && b.source_end() <= u64::from(self.sources());
            demand(sources, TABLE, entry, "source_count", Problem::Bounds)?;
            let targets = b.target_count > 0 && b.target_end() <= u64::from(self.neurons());
            demand(targets, TABLE, entry, "target_count", Problem::Bounds)?;
            let possible = (1..=MAX_DELAY).contains(&b.delay);
            demand(possible, TABLE, entry, "delay", Problem::Range)?;
            let found = b.rows(&self.weights).is_some();
            demand(found, TABLE, entry, "offset", Problem::Bounds)?;
            // 2^17 * 2^16 at most; several blocks may share weights.
            let pairs = u64::from(b.source_count).wrapping_mul(u64::from(b.target_count));
            total = total.saturating_add(pairs);
            let few = total <= MAX_SYNAPSES;
            demand(few, TABLE, entry, "source_count", Problem::Range)?;
        }
        Ok(())
    }

    fn check_working(&self) -> Result<(), Fault> {
        let needed = self.working();
        let tables = [
            ("loihi_states", self.loihi_states.len(), needed.loihi_states),
            ("exact_states", self.exact_states.len(), needed.exact_states),
            ("wheel", self.wheel.len(), needed.wheel),
            ("sums", self.sums.len(), needed.sums),
            ("awake", self.awake.len(), needed.awake),
            ("touched", self.touched.len(), needed.touched),
            ("plans", self.plans.len(), needed.plans),
            ("rows", self.rows.len(), needed.rows),
            ("due", self.due.len(), needed.due),
            ("limits", self.limits.len(), needed.limits),
        ];
        for (name, length, needed) in tables {
            let fits = length == needed;
            demand(fits, Table::Working, length, name, Problem::Length)?;
        }
        Ok(())
    }

    /// Targets and weights of sparse synapses; begins the sums of magnitudes.
    fn check_synapses(&mut self) -> Result<(), Fault> {
        const TABLE: Table = Table::Synapses;

        let (loihi, neurons) = (self.is_loihi(), self.neurons() as usize);
        self.sums.fill(0);
        for (entry, synapse) in numbered(&self.synapses) {
            let allowed = !loihi || LOIHI_WEIGHTS.contains(&synapse.weight());
            demand(allowed, TABLE, entry, "weight", Problem::Range)?;
            let target = synapse.target();
            let sum = self.sums.get_mut(target).filter(|_| target < neurons);
            let Some(sum) = sum else {
                return fault(TABLE, entry, "target", Problem::Bounds);
            };
            // Both are at most 2^30 + 2^15.
            *sum = sum.wrapping_add(synapse.weight().abs());
            demand(*sum <= MAX_FAN_IN, TABLE, entry, "weight", Problem::Range)?;
        }
        Ok(())
    }

    /// Weights of dense blocks; continues the sums of magnitudes.
    fn check_weights(&mut self) -> Result<(), Fault> {
        const TABLE: Table = Table::Weights;

        let loihi = self.is_loihi();
        for b in self.blocks.iter() {
            let rows = b.rows(&self.weights).unwrap_or(&[]);
            let targets = b.target_first as usize..b.target_end() as usize;
            let sums = self.sums.get_mut(targets).unwrap_or(&mut []);
            let mut at = b.offset as usize;
            for row in rows.chunks_exact(b.row_bytes().max(1) as usize) {
                for (weight, sum) in weights_of(row, b.width).zip(sums.iter_mut()) {
                    let allowed = !loihi || LOIHI_WEIGHTS.contains(&weight);
                    *sum = sum.wrapping_add(weight.abs());
                    let fine = allowed && *sum <= MAX_FAN_IN;
                    demand(fine, TABLE, at, "weight", Problem::Range)?;
                    at = at.wrapping_add(b.width as usize);
                }
            }
        }
        Ok(())
    }
}
