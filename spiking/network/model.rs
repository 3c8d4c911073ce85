// SPDX-License-Identifier: GPL-2.0

//! What the stepping of a network asks of a kind of neuron.
//!
//! Any context; the lock of the network that owns the states.

/// What updates count besides spikes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Updates executed.
    pub updates: u64,
    /// Updates that could not have changed anything and were not executed.
    pub skipped: u64,
    /// Currents that wrapped.
    pub wraps: u64,
    /// Voltages and currents that were cut at the end of their range.
    pub saturations: u64,
}

impl Tally {
    /// Adds what `other` counted.
    #[inline]
    pub fn add(&mut self, other: &Self) {
        self.updates = self.updates.wrapping_add(other.updates);
        self.skipped = self.skipped.wrapping_add(other.skipped);
        self.wraps = self.wraps.wrapping_add(other.wraps);
        self.saturations = self.saturations.wrapping_add(other.saturations);
    }
}

/// A kind of neuron.
pub trait Model {
    /// What does not change, for a population or for each of its neurons.
    type Params: Copy;
    /// What changes.
    type State: Copy;

    /// Whether a neuron with these parameters that [is at rest](Model::is_at_rest) and gets no
    /// input stays so, without a spike.
    fn stays_at_rest(params: &Self::Params) -> bool;

    /// Whether the neuron has neither current nor voltage and is not refractory.
    fn is_at_rest(state: &Self::State) -> bool;

    /// One step with the sums of the positive and of the negative weights that arrived. True if
    /// the neuron spikes.
    fn update(
        state: &mut Self::State,
        positive: i32,
        negative: i32,
        params: &Self::Params,
        tally: &mut Tally,
    ) -> bool;

    /// What a voltage probe reads after a step.
    fn reading(state: &Self::State, spiked: bool) -> i64;
}

/// Some neurons of a population, at most 64: the lowest bit of a word stands for `first`, the
/// others for those that follow. The first word of a population may begin before its first neuron;
/// `first` is negative then, wrapped, and the bits in front are not set.
#[derive(Clone, Copy, Debug)]
pub struct Chosen {
    /// The neuron of the lowest bit.
    pub first: usize,
    /// The neurons.
    pub bits: u64,
}

impl Iterator for Chosen {
    type Item = (u64, usize);

    /// The next neuron: its bit and its number.
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.bits == 0 {
            return None;
        }
        let bit = self.bits & self.bits.wrapping_neg();
        let index = self.first.wrapping_add(self.bits.trailing_zeros() as usize);
        self.bits ^= bit;
        Some((bit, index))
    }
}

/// The neurons of a population.
pub struct Neurons<'a, M: Model> {
    /// Their states.
    pub states: &'a mut [M::State],
    /// The sums of what arrived: one or two for each neuron. Left all zero.
    pub sums: &'a mut [i32],
    /// Their parameters: one entry for all, or one for each.
    pub params: &'a [M::Params],
}

impl<M: Model> Neurons<'_, M> {
    /// Updates `chosen`. Returns a bit for each that spiked, and a bit for each that is not known
    /// to stay at rest without input.
    #[inline]
    pub fn update<const LANES: usize>(&mut self, chosen: Chosen, tally: &mut Tally) -> (u64, u64) {
        // Counted here and added once: a count in memory would cost as much as an update.
        let mut counted = Tally {
            updates: u64::from(chosen.bits.count_ones()),
            ..Tally::default()
        };
        let bits = if chosen.bits == u64::MAX {
            self.update_word::<LANES>(chosen.first, &mut counted)
        } else {
            self.update_some::<LANES>(chosen, &mut counted)
        };
        tally.add(&counted);
        bits
    }

    /// Updates 64 neurons from `first` on.
    #[inline]
    fn update_word<const LANES: usize>(&mut self, first: usize, tally: &mut Tally) -> (u64, u64) {
        let end = first.wrapping_add(64);
        let sums = first.wrapping_mul(LANES)..end.wrapping_mul(LANES);
        let (Some(states), Some(sums)) = (self.states.get_mut(first..end), self.sums.get_mut(sums))
        else {
            return (0, 0);
        };
        let neurons = states.iter_mut().zip(sums.chunks_exact_mut(LANES));
        let (mut spikes, mut awake, mut bit) = (0, 0, 1u64);
        let mut note = |(spiked, wakeful)| {
            spikes |= if spiked { bit } else { 0 };
            awake |= if wakeful { bit } else { 0 };
            bit = bit.wrapping_shl(1);
        };
        if let [shared] = *self.params {
            let rests = M::stays_at_rest(&shared);
            for (state, sums) in neurons {
                note(update_one::<M>(state, sums, &shared, rests, tally));
            }
        } else {
            let params = self.params.get(first..end).unwrap_or(&[]);
            for ((state, sums), own) in neurons.zip(params) {
                let rests = M::stays_at_rest(own);
                note(update_one::<M>(state, sums, own, rests, tally));
            }
        }
        (spikes, awake)
    }

    /// Updates the neurons `chosen`.
    #[inline]
    fn update_some<const LANES: usize>(&mut self, chosen: Chosen, tally: &mut Tally) -> (u64, u64) {
        let (mut spikes, mut awake) = (0, 0);
        let shared = self.params.len() == 1;
        for (bit, index) in chosen {
            let lanes = index.wrapping_mul(LANES);
            let sums = self.sums.get_mut(lanes..lanes.wrapping_add(LANES));
            let params = self.params.get(if shared { 0 } else { index });
            let (Some(state), Some(sums), Some(params)) =
                (self.states.get_mut(index), sums, params)
            else {
                break;
            };
            let rests = M::stays_at_rest(params);
            let (spiked, wakeful) = update_one::<M>(state, sums, params, rests, tally);
            spikes |= if spiked { bit } else { 0 };
            awake |= if wakeful { bit } else { 0 };
        }
        (spikes, awake)
    }

    /// A bit for each of `chosen` to which something arrived.
    #[inline]
    pub fn reached<const LANES: usize>(&self, chosen: Chosen) -> u64 {
        let first = chosen.first.wrapping_mul(LANES);
        let sums = first..first.wrapping_add(64 * LANES);
        match self.sums.get(sums) {
            Some(sums) if chosen.bits == u64::MAX => nonzero::<LANES>(sums),
            _ => chosen.bits,
        }
    }
}

/// A bit for each group of `LANES` sums, at most 64, that are not all zero.
#[inline]
fn nonzero<const LANES: usize>(sums: &[i32]) -> u64 {
    let mut mask = 0;
    // From the last to the first, so that each bit moves up from the lowest place.
    for sums in sums.chunks_exact(LANES).rev() {
        let any = sums.iter().fold(0, |any, sum| any | sum);
        mask = mask << 1 | u64::from(any != 0);
    }
    mask
}

/// Updates one neuron and takes its input: whether it spiked, and whether it is awake. `rests`
/// says whether its parameters let it stay at rest.
#[inline(always)]
fn update_one<M: Model>(
    state: &mut M::State,
    sums: &mut [i32],
    params: &M::Params,
    rests: bool,
    tally: &mut Tally,
) -> (bool, bool) {
    let (positive, negative) = match *sums {
        [sum] => (sum, 0),
        [positive, negative] => (positive, negative),
        _ => (0, 0),
    };
    sums.fill(0);
    let spiked = M::update(state, positive, negative, params, tally);
    (spiked, !(rests && M::is_at_rest(state)))
}
