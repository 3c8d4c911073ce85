// SPDX-License-Identifier: GPL-2.0

//! A network that runs, step by step.
//!
//! A step delivers the spikes whose delay is over, updates all neurons, hands out their spikes and
//! reads the probes. Its result depends on nothing but the description, the state and the input:
//! sums are integers, so that no order of synapses, spikes or inputs within a step matters, and an
//! update is left out only where it could not have changed anything.
//!
//! Process context; the lock of the network.

use core::ops::DerefMut;

use super::description::{Fault, Kind, Memory, Parts, Population};
use super::exact::{self, Exponential, Jump};
use super::loihi::{self, Loihi};
use super::model::{Group, Model, Tally};
use super::synapses::{deliver_dense, deliver_sparse, Sparse, MAX_FAN_IN};
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
    skip: bool,
    arrived: bool,
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
            skip: true,
            arrived: false,
            totals: Totals::default(),
        };
        network.reset();
        network
    }

    /// Puts all neurons at rest, with no spike under way and step 0 to come. Totals stay.
    pub fn reset(&mut self) {
        self.step = 0;
        self.arrived = false;
        self.wheel.clear_all();
        self.parts.sums.fill(0);
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
    pub fn exact_states(&mut self) -> &mut [exact::State] {
        self.parts.awake.fill(u64::MAX);
        &mut self.parts.exact_states
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
        self.arrived |= events != 0;
        let total = &mut self.totals.synaptic_events;
        *total = total.wrapping_add(events);
    }

    fn deliver_in<const LANES: usize>(&mut self) -> u64 {
        let (parts, mut batch) = (&mut self.parts, [0; BATCH]);
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
                let run = deliver_sparse::<LANES>(batch, number, &sparse, &mut parts.sums);
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
                let run = deliver_dense::<LANES>(batch, block, &parts.weights, &mut parts.sums);
                events = events.wrapping_add(run);
            }
        }
        events
    }

    /// Updates all neurons.
    fn update<E: Exchange>(&mut self, exchange: &mut E) {
        let parts = &mut self.parts;
        let mut update = Update {
            sums: &mut parts.sums,
            awake: &mut parts.awake,
            arrived: self.arrived,
            wheel: &mut self.wheel,
            totals: &mut self.totals,
            exchange,
            step: self.step,
            skip: self.skip,
        };
        for p in parts.populations.iter() {
            let (loihi, exact) = (&mut parts.loihi_states, &mut parts.exact_states);
            match (p.kind, self.lanes) {
                (Kind::Loihi, _) => update.all::<Loihi, 1>(p, loihi, &parts.loihi_params),
                (Kind::Jump, 1) => update.all::<Jump, 1>(p, exact, &parts.exact_params),
                (Kind::Jump, _) => update.all::<Jump, 2>(p, exact, &parts.exact_params),
                (Kind::Exponential, _) => {
                    update.all::<Exponential, 2>(p, exact, &parts.exact_params);
                }
            }
        }
        self.arrived = false;
    }

    /// Reads the probes.
    fn read_probes<E: Exchange>(&mut self, exchange: &mut E) {
        for (probe, &neuron) in self.parts.probes.iter().enumerate() {
            let bits = self.wheel.get(self.step, neuron as usize / 64);
            let spiked = bits.wrapping_shr(neuron) & 1 != 0;
            let value = if let Some(state) = self.parts.loihi_states.get(neuron as usize) {
                Loihi::reading(state, spiked)
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
        self.arrived = true;
        let count = &mut self.totals.tally.saturations;
        *count = count.wrapping_add(u64::from(cut != wanted));
        Ok(())
    }
}

/// What the update of all populations in a step has in common.
struct Update<'a, W, E> {
    sums: &'a mut [i32],
    awake: &'a mut [u64],
    arrived: bool,
    wheel: &'a mut Wheel<W>,
    totals: &'a mut Totals,
    exchange: &'a mut E,
    step: u64,
    skip: bool,
}

impl<W: DerefMut<Target = [u64]>, E: Exchange> Update<'_, W, E> {
    /// Updates the neurons of `population`, those of one word of the wheel at a time.
    fn all<N: Model, const LANES: usize>(
        &mut self,
        population: &Population,
        states: &mut [N::State],
        params: &[N::Params],
    ) {
        let (mut first, end) = (population.first as usize, population.end() as usize);
        let mut params = population.params_in(params).unwrap_or(&[]);
        while first < end {
            let next = (first / 64).wrapping_add(1).wrapping_mul(64).min(end);
            let mut own = params;
            if params.len() > 1 {
                let count = next.wrapping_sub(first);
                (own, params) = params.split_at_checked(count).unwrap_or((&[], &[]));
            }
            let sums = first.wrapping_mul(LANES)..next.wrapping_mul(LANES);
            let (Some(states), Some(sums), Some(&awake)) = (
                states.get_mut(first..next),
                self.sums.get_mut(sums),
                self.awake.get(first / 64),
            ) else {
                return;
            };
            let mut group = Group::<N> {
                states,
                sums,
                params: own,
                awake: if self.skip {
                    awake.wrapping_shr(first as u32)
                } else {
                    u64::MAX
                },
                arrived: self.arrived,
            };
            let mask = group.mask().wrapping_shl(first as u32);
            let spikes = group.update::<LANES>(&mut self.totals.tally);
            let awake = awake & !mask | group.awake.wrapping_shl(first as u32) & mask;
            if let Some(place) = self.awake.get_mut(first / 64) {
                *place = awake;
            }
            if spikes != 0 {
                self.emit(first, spikes);
            }
            first = next;
        }
    }

    /// Notes and hands out the spikes of the neurons from `first` on.
    fn emit(&mut self, first: usize, spikes: u64) {
        let bits = spikes.wrapping_shl(first as u32);
        self.wheel.set(self.step, first / 64, bits);
        let count = &mut self.totals.spikes;
        *count = count.wrapping_add(u64::from(spikes.count_ones()));
        let mut rest = spikes;
        while rest != 0 {
            let neuron = first.wrapping_add(rest.trailing_zeros() as usize);
            self.exchange.spike(self.step, neuron as u32);
            rest &= rest.wrapping_sub(1);
        }
    }
}
