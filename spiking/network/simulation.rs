// SPDX-License-Identifier: GPL-2.0

//! A network that runs, step by step.
//!
//! A step delivers the spikes whose delay is over, updates all neurons, hands out their spikes and
//! reads the probes. Its result depends on nothing but the description, the state and the input:
//! sums are integers, so that no order of synapses, spikes or inputs within a step matters, and an
//! update is left out only where it could not have changed anything.
//!
//! Process context; the lock of the network.

use core::mem::take;
use core::ops::DerefMut;

use super::description::{Fault, Kind, Memory, Parts, Population};
use super::exact::{self, Exponential, Jump};
use super::loihi::{self, Loihi};
use super::model::{Chosen, Model, Neurons, Tally};
use super::span::{self, Moment, Plan};
use super::synapses::{deliver_dense, deliver_sparse, Sparse, Touched, MAX_FAN_IN};
use super::wheel::{Wheel, BATCH};

/// Where the inputs of a run come from and its spikes and voltages go.
pub trait Exchange {
    /// Called before `step` is computed: the place to give input to it.
    fn before(&mut self, step: u64, inputs: &mut dyn Inputs) {
        let _ = (step, inputs);
    }

    /// `neuron` spiked in `step`. Called in ascending order of neurons.
    fn spike(&mut self, step: u64, neuron: u32) {
        let _ = (step, neuron);
    }

    /// Probe number `probe` read `value` after `step`: in units; as the chip counts for
    /// [`Kind::Loihi`].
    fn voltage(&mut self, step: u64, probe: u32, value: i64) {
        let _ = (step, probe, value);
    }

    /// Asked before each step: whether to stop instead.
    fn stop(&mut self) -> bool {
        false
    }
}

/// Input to the step that comes next.
pub trait Inputs {
    /// Input `input` spikes in this step; its synapses act from the next one on, after their
    /// delays. A second spike of one input in one step is counted as merged.
    fn spike(&mut self, input: u32) -> Result<(), UnknownError>;

    /// Adds `weight` to what arrives at `neuron` in this step. Sums from outside are cut at
    /// +-([`MAX_FAN_IN`] - 1), and cuts are counted as saturations.
    fn inject(&mut self, neuron: u32, weight: i32) -> Result<(), UnknownError>;
}

/// There is no such input or neuron.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownError;

/// What a network counts, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Steps computed.
    pub steps: u64,
    /// Spikes of inputs.
    pub input_spikes: u64,
    /// Spikes of an input that had spiked in the same step.
    pub merged: u64,
    /// Spikes of neurons.
    pub spikes: u64,
    /// Synapses, zero weights of dense blocks included, that carried a spike.
    pub synaptic_events: u64,
    /// Updates, wraps and saturations.
    pub tally: Tally,
}

/// A network.
pub struct Network<M: Memory> {
    parts: Parts<M>,
    wheel: Wheel<M::Of<u64>>,
    neurons: u32,
    sources: u32,
    lanes: usize,
    step: u64,
    /// The step in which all spans began together.
    begin: u64,
    skip: bool,
    totals: Totals,
}

impl<M: Memory> Network<M> {
    /// Checks `parts` and makes a network of them, all neurons at rest. `empty` takes the place
    /// of the wheel in `parts`; it may have any length.
    pub fn new(mut parts: Parts<M>, empty: M::Of<u64>) -> Result<Self, Fault> {
        parts.check()?;
        Ok(Self::of_checked(parts, empty))
    }

    /// The same for parts that [`Parts::check`] found no fault in. Of others the network is safe,
    /// but what it computes means nothing.
    pub fn of_checked(mut parts: Parts<M>, empty: M::Of<u64>) -> Self {
        let words = core::mem::replace(&mut parts.wheel, empty);
        let mut network = Self {
            wheel: Wheel::new(words, parts.sources(), parts.max_delay()),
            neurons: parts.neurons(),
            sources: parts.sources(),
            lanes: parts.lanes(),
            parts,
            step: 0,
            begin: 0,
            skip: true,
            totals: Totals::default(),
        };
        span::prepare(&mut network.parts);
        network.reset();
        network
    }

    /// Puts all neurons at rest, with no spike under way and step 0 to come. Totals stay.
    pub fn reset(&mut self) {
        self.step = 0;
        self.begin = 0;
        self.wheel.clear_all();
        self.parts.sums.fill(0);
        self.parts.due.fill(0);
        self.parts.touched.fill(0);
        self.parts.awake.fill(u64::MAX);
        self.parts.loihi_states.fill(loihi::State::REST);
        self.parts.exact_states.fill(exact::State::REST);
    }

    /// Counts from zero again.
    pub fn clear_totals(&mut self) {
        self.totals = Totals::default();
    }

    /// The description. Its working tables are the network's own.
    pub fn parts(&self) -> &Parts<M> {
        &self.parts
    }

    /// Whether to leave out updates that change nothing; so it is unless told otherwise. No
    /// result but the split between updates and skipped updates depends on it.
    pub fn set_skipping(&mut self, skip: bool) {
        self.skip = skip;
    }

    /// The number of the next step.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Number of neurons.
    pub fn neurons(&self) -> u32 {
        self.neurons
    }

    /// How each population is computed: in spans of how many steps.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.parts.plans.iter()
    }

    /// What was counted.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Bytes of all tables.
    pub fn bytes(&self) -> u64 {
        let wheel = self.wheel.bytes() as u64;
        self.parts.bytes().saturating_add(wheel)
    }

    /// States of [`Kind::Loihi`], to read or to set initial values between runs; values beyond 24
    /// bits wrap or saturate in the next step.
    pub fn loihi_states(&mut self) -> &mut [loihi::State] {
        self.parts.awake.fill(u64::MAX);
        &mut self.parts.loihi_states
    }

    /// States of the exact kinds, to read or to set initial values between runs, within
    /// +-[`exact::LIMIT`].
    ///
    /// Begins new spans (see `span.rs`): as at the end of one, what is kept of a neuron is
    /// truncated to units. [`Network::exact_state`] reads without that.
    pub fn exact_states(&mut self) -> &mut [exact::State] {
        let passed = self.step.wrapping_sub(self.begin);
        let parts = &mut self.parts;
        for (population, plan) in parts.populations.iter().zip(parts.plans.iter()) {
            let range = population.first as usize..population.end() as usize;
            let moment = Moment::new(population, *plan, passed, &parts.exact_params, &parts.rows);
            if let (Some(states), Some(moment)) = (parts.exact_states.get_mut(range), moment) {
                states.iter_mut().for_each(|s| *s = moment.present(s));
            }
        }
        self.begin = self.step;
        self.parts.due.fill(0);
        self.parts.awake.fill(u64::MAX);
        &mut self.parts.exact_states
    }

    /// The state of a neuron of an exact kind after the last step. Changes nothing.
    pub fn exact_state(&self, neuron: u32) -> Option<exact::State> {
        let (parts, passed) = (&self.parts, self.step.wrapping_sub(self.begin));
        self.present(neuron, passed)
            .or_else(|| parts.exact_states.get(neuron as usize).copied())
    }

    /// Computes `steps` steps, or fewer if `exchange` says stop. Returns how many.
    pub fn run<E: Exchange>(&mut self, steps: u64, exchange: &mut E) -> u64 {
        let mut done: u64 = 0;
        while done < steps && !exchange.stop() {
            exchange.before(self.step, self);
            self.deliver();
            self.update(exchange);
            self.read_probes(exchange);
            self.step = self.step.wrapping_add(1);
            self.totals.steps = self.totals.steps.wrapping_add(1);
            // The oldest slot is the next step's.
            self.wheel.clear(self.step);
            done = done.wrapping_add(1);
        }
        done
    }

    /// Adds up the weights that arrive in this step.
    fn deliver(&mut self) {
        let events = if self.lanes == 2 {
            self.deliver_in::<2>()
        } else {
            self.deliver_in::<1>()
        };
        let total = &mut self.totals.synaptic_events;
        *total = total.wrapping_add(events);
    }

    fn deliver_in<const LANES: usize>(&mut self) -> u64 {
        let (parts, mut batch) = (&mut self.parts, [0; BATCH]);
        let mut touched = Touched::new(&mut parts.touched);
        let mut events: u64 = 0;
        let sparse = Sparse {
            delays: parts.delays.len(),
            starts: &parts.starts,
            synapses: &parts.synapses,
        };
        for (number, &delay) in parts.delays.iter().enumerate() {
            let Some(sent) = self.step.checked_sub(u64::from(delay)) else {
                break;
            };
            let mut spikes = self.wheel.spikes(sent, 0, self.sources);
            loop {
                let batch = spikes.fill(&mut batch);
                if batch.is_empty() {
                    break;
                }
                let run =
                    deliver_sparse::<LANES>(batch, number, &sparse, &mut parts.sums, &mut touched);
                events = events.wrapping_add(run);
            }
        }
        for block in parts.blocks.iter() {
            let Some(sent) = self.step.checked_sub(u64::from(block.delay)) else {
                continue;
            };
            let end = block.source_end() as u32;
            let mut spikes = self.wheel.spikes(sent, block.source_first, end);
            loop {
                let batch = spikes.fill(&mut batch);
                if batch.is_empty() {
                    break;
                }
                let run = deliver_dense::<LANES>(
                    batch,
                    block,
                    &parts.weights,
                    &mut parts.sums,
                    &mut touched,
                );
                events = events.wrapping_add(run);
            }
        }
        events
    }

    /// Updates all neurons.
    fn update<E: Exchange>(&mut self, exchange: &mut E) {
        let parts = &mut self.parts;
        let passed = self.step.wrapping_add(1).wrapping_sub(self.begin);
        let mut update = Update {
            sums: &mut parts.sums,
            awake: &mut parts.awake,
            touched: &parts.touched,
            due: &mut parts.due,
            limits: &mut parts.limits,
            wheel: &mut self.wheel,
            totals: &mut self.totals,
            exchange,
            step: self.step,
            skip: self.skip,
        };
        let before = update.totals.tally.updates;
        for (p, &plan) in parts.populations.iter().zip(parts.plans.iter()) {
            let (loihi, exact) = (&mut parts.loihi_states, &mut parts.exact_states);
            if let Some(moment) = Moment::new(p, plan, passed, &parts.exact_params, &parts.rows) {
                update.spans(p, exact, &moment);
                continue;
            }
            match (p.kind, self.lanes) {
                (Kind::Loihi, _) => update.all::<Loihi, 1>(p, loihi, &parts.loihi_params),
                (Kind::Jump, 1) => update.all::<Jump, 1>(p, exact, &parts.exact_params),
                (Kind::Jump, _) => update.all::<Jump, 2>(p, exact, &parts.exact_params),
                (Kind::Exponential, _) => {
                    update.all::<Exponential, 2>(p, exact, &parts.exact_params);
                }
            }
        }
        let tally = &mut self.totals.tally;
        let updated = tally.updates.wrapping_sub(before);
        let skipped = u64::from(self.neurons).wrapping_sub(updated);
        tally.skipped = tally.skipped.wrapping_add(skipped);
        parts.touched.fill(0);
    }

    /// The state of a neuron `passed` steps after spans began together, if it is computed so.
    fn present(&self, neuron: u32, passed: u64) -> Option<exact::State> {
        let parts = &self.parts;
        let after = parts.populations.partition_point(|p| p.first <= neuron);
        let index = after.checked_sub(1)?;
        let (population, &plan) = (parts.populations.get(index)?, parts.plans.get(index)?);
        let moment = Moment::new(population, plan, passed, &parts.exact_params, &parts.rows)?;
        parts
            .exact_states
            .get(neuron as usize)
            .map(|state| moment.present(state))
    }

    /// Reads the probes.
    fn read_probes<E: Exchange>(&mut self, exchange: &mut E) {
        let passed = self.step.wrapping_add(1).wrapping_sub(self.begin);
        for (probe, &neuron) in self.parts.probes.iter().enumerate() {
            let bits = self.wheel.get(self.step, neuron as usize / 64);
            let spiked = bits.wrapping_shr(neuron) & 1 != 0;
            let value = if let Some(state) = self.parts.loihi_states.get(neuron as usize) {
                Loihi::reading(state, spiked)
            } else if let Some(state) = self.present(neuron, passed) {
                state.membrane
            } else if let Some(state) = self.parts.exact_states.get(neuron as usize) {
                Jump::reading(state, spiked)
            } else {
                continue;
            };
            exchange.voltage(self.step, probe as u32, value);
        }
    }
}

impl<M: Memory> Inputs for Network<M> {
    fn spike(&mut self, input: u32) -> Result<(), UnknownError> {
        if input >= self.sources.wrapping_sub(self.neurons) {
            return Err(UnknownError);
        }
        let source = self.neurons.wrapping_add(input);
        let bit = 1u64.wrapping_shl(source);
        let known = self.wheel.set(self.step, source as usize / 64, bit) != 0;
        let count = if known {
            &mut self.totals.merged
        } else {
            &mut self.totals.input_spikes
        };
        *count = count.wrapping_add(1);
        Ok(())
    }

    fn inject(&mut self, neuron: u32, weight: i32) -> Result<(), UnknownError> {
        if neuron >= self.neurons {
            return Err(UnknownError);
        }
        let lane = if self.lanes == 2 && weight < 0 { 1 } else { 0 };
        let at = (neuron as usize)
            .wrapping_mul(self.lanes)
            .wrapping_add(lane);
        let sum = self.parts.sums.get_mut(at).ok_or(UnknownError)?;
        let wanted = i64::from(*sum).wrapping_add(i64::from(weight));
        // With all synapses of the neuron added the sum still fits.
        let limit = i64::from(MAX_FAN_IN.wrapping_sub(1));
        let cut = wanted.clamp(-limit, limit);
        *sum = cut as i32;
        if let Some(bits) = self.parts.touched.get_mut(neuron as usize / 64) {
            *bits |= 1u64.wrapping_shl(neuron);
        }
        let count = &mut self.totals.tally.saturations;
        *count = count.wrapping_add(u64::from(cut != wanted));
        Ok(())
    }
}

/// What the update of all populations in a step has in common.
struct Update<'a, W, E> {
    sums: &'a mut [i32],
    awake: &'a mut [u64],
    touched: &'a [u64],
    due: &'a mut [u64],
    limits: &'a mut [i32],
    wheel: &'a mut Wheel<W>,
    totals: &'a mut Totals,
    exchange: &'a mut E,
    step: u64,
    skip: bool,
}

/// The words of bits in which neurons of `population` lie: the number of each, and all its bits
/// of the population, as they stand for its neurons.
fn words_of(population: &Population) -> impl Iterator<Item = (usize, Chosen)> {
    let (first, end) = (population.first as usize, population.end() as usize);
    (first / 64..end.div_ceil(64)).map(move |word| {
        let begin = word.wrapping_mul(64);
        let before = first.saturating_sub(begin) as u32;
        let behind = begin.wrapping_add(64).saturating_sub(end) as u32;
        let all = Chosen {
            first: begin.wrapping_sub(first),
            bits: u64::MAX.wrapping_shl(before) & u64::MAX.wrapping_shr(behind),
        };
        (word, all)
    })
}

impl<W: DerefMut<Target = [u64]>, E: Exchange> Update<'_, W, E> {
    /// Updates the neurons of `population` step by step.
    fn all<N: Model, const LANES: usize>(
        &mut self,
        population: &Population,
        states: &mut [N::State],
        params: &[N::Params],
    ) {
        let (first, end) = (population.first as usize, population.end() as usize);
        let sums = first.wrapping_mul(LANES)..end.wrapping_mul(LANES);
        let (Some(states), Some(sums), Some(params)) = (
            states.get_mut(first..end),
            self.sums.get_mut(sums),
            population.params_in(params),
        ) else {
            return;
        };
        let mut neurons = Neurons::<N> {
            states,
            sums,
            params,
        };
        for (word, all) in words_of(population) {
            let (Some(awake), Some(&touched)) = (self.awake.get_mut(word), self.touched.get(word))
            else {
                return;
            };
            let mut busy = *awake & all.bits;
            if !self.skip {
                busy = all.bits;
            } else if busy != all.bits {
                let first = all.first;
                let bits = touched & all.bits;
                busy |= neurons.reached::<LANES>(Chosen { first, bits });
            }
            if busy == 0 {
                continue;
            }
            let first = all.first;
            let chosen = Chosen { first, bits: busy };
            let (spikes, wakeful) = neurons.update::<LANES>(chosen, &mut self.totals.tally);
            *awake = *awake & !all.bits | wakeful;
            if spikes != 0 {
                emit(
                    word,
                    spikes,
                    self.step,
                    self.wheel,
                    self.totals,
                    self.exchange,
                );
            }
        }
    }

    /// Updates the neurons of `population`, whose spans have come to `moment`: ends spans, takes
    /// input, and looks at those that might spike.
    fn spans(&mut self, population: &Population, states: &mut [exact::State], moment: &Moment<'_>) {
        let (first, last) = (population.first as usize, population.end() as usize);
        let lanes = first.wrapping_mul(2)..last.wrapping_mul(2);
        // Lent to the neurons, and put back in the end.
        let (limits, sums) = (take(&mut self.limits), take(&mut self.sums));
        let mut neurons = span::Neurons {
            states: states.get_mut(first..last).unwrap_or(&mut []),
            limits: limits.get_mut(first..last).unwrap_or(&mut []),
            sums: sums.get_mut(lanes).unwrap_or(&mut []),
        };
        if moment.n == 0 {
            neurons.begin(moment);
        }
        self.arrive(population, &mut neurons, moment);
        self.look(population, &mut neurons, moment);
        (self.limits, self.sums) = (limits, sums);
    }

    /// Takes the input of a population in spans. Who must be looked at for that is due.
    fn arrive(
        &mut self,
        population: &Population,
        neurons: &mut span::Neurons<'_>,
        moment: &Moment<'_>,
    ) {
        let row = self.awake.len().wrapping_mul(span::row_of_looks(moment.n));
        let due = self.due.get_mut(row..).unwrap_or(&mut []);
        let mut tally = Tally::default();
        for (word, Chosen { first, bits }) in words_of(population) {
            let (Some(&touched), Some(due)) = (self.touched.get(word), due.get_mut(word)) else {
                break;
            };
            let bits = bits & touched;
            *due |= neurons.arrive(Chosen { first, bits }, moment, &mut tally);
        }
        self.totals.tally.add(&tally);
    }

    /// Looks at the neurons of a population in spans that are due, or at all.
    fn look(
        &mut self,
        population: &Population,
        neurons: &mut span::Neurons<'_>,
        moment: &Moment<'_>,
    ) {
        let words = self.awake.len();
        let row = words.wrapping_mul(span::row_of_looks(moment.n));
        let all = if moment.n == 0 || !self.skip {
            u64::MAX
        } else {
            0
        };
        let mut tally = Tally::default();
        for (word, Chosen { first, bits: mask }) in words_of(population) {
            let (Some(awake), Some(&touched), Some(due)) = (
                self.awake.get_mut(word),
                self.touched.get(word),
                self.due.get_mut(row.wrapping_add(word)),
            ) else {
                break;
            };
            let bits = (*awake | *due | all) & mask;
            if bits == 0 {
                continue;
            }
            *awake &= !mask;
            *due &= !mask;
            let due = &mut *self.due;
            let note = |bit: u64, step: u32| {
                let row = words.wrapping_mul(span::row_of_looks(step));
                if let Some(due) = due.get_mut(row.wrapping_add(word)) {
                    *due |= bit;
                }
            };
            let chosen = Chosen { first, bits };
            let spikes = neurons.look(chosen, touched, moment, &mut tally, note);
            if spikes != 0 {
                emit(
                    word,
                    spikes,
                    self.step,
                    self.wheel,
                    self.totals,
                    self.exchange,
                );
            }
        }
        self.totals.tally.add(&tally);
    }
}

/// Notes and hands out the spikes of `step` of the neurons of `word`.
fn emit<W: DerefMut<Target = [u64]>, E: Exchange>(
    word: usize,
    spikes: u64,
    step: u64,
    wheel: &mut Wheel<W>,
    totals: &mut Totals,
    exchange: &mut E,
) {
    wheel.set(step, word, spikes);
    totals.spikes = totals.spikes.wrapping_add(u64::from(spikes.count_ones()));
    let mut rest = spikes;
    while rest != 0 {
        let neuron = word
            .wrapping_mul(64)
            .wrapping_add(rest.trailing_zeros() as usize);
        exchange.spike(step, neuron as u32);
        rest &= rest.wrapping_sub(1);
    }
}
