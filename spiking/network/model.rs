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

/// Some neurons, at most 64, in a step. The lowest bits of words stand for the first.
pub struct Group<'a, M: Model> {
    /// Their states.
    pub states: &'a mut [M::State],
    /// The sums of what arrived: one or two for each neuron. Left all zero.
    pub sums: &'a mut [i32],
    /// Their parameters: one entry for all, or one for each.
    pub params: &'a [M::Params],
    /// A bit for each that is not known to stay at rest without input.
    pub awake: u64,
    /// A bit for each that may have got input.
    pub touched: u64,
}

impl<M: Model> Group<'_, M> {
    /// A bit for each neuron.
    #[inline]
    pub fn mask(&self) -> u64 {
        match self.states.len() {
            count @ 0..64 => 1u64.wrapping_shl(count as u32).wrapping_sub(1),
            _ => u64::MAX,
        }
    }

    /// Updates those that are awake or got input, and returns a bit for each that spiked. All
    /// others stay as they are: an update would not change them. Skipped ones are not counted.
    #[inline]
    pub fn update<const LANES: usize>(&mut self, tally: &mut Tally) -> u64 {
        let all = self.mask();
        let (mut busy, touched) = (self.awake & all, self.touched & all);
        busy |= if touched == all && busy != all {
            // All are touched where nobody took notes.
            nonzero::<LANES>(self.sums)
        } else {
            touched
        };
        // Counted here and added once: a count in memory would cost as much as an update.
        let mut counted = Tally {
            updates: u64::from(busy.count_ones()),
            ..Tally::default()
        };
        let spikes = if busy == all {
            self.update_all::<LANES>(&mut counted)
        } else {
            self.update_some::<LANES>(busy, &mut counted)
        };
        tally.add(&counted);
        spikes
    }

    /// Updates every neuron.
    #[inline]
    fn update_all<const LANES: usize>(&mut self, tally: &mut Tally) -> u64 {
        let neurons = self.states.iter_mut();
        let neurons = neurons.zip(self.sums.chunks_exact_mut(LANES));
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
            for ((state, sums), own) in neurons.zip(self.params) {
                let rests = M::stays_at_rest(own);
                note(update_one::<M>(state, sums, own, rests, tally));
            }
        }
        self.awake = awake;
        spikes
    }

    /// Updates the neurons in `busy`.
    #[inline]
    fn update_some<const LANES: usize>(&mut self, busy: u64, tally: &mut Tally) -> u64 {
        let (mut spikes, mut awake, mut rest) = (0, 0, busy);
        let shared = self.params.len() == 1;
        while rest != 0 {
            let bit = rest & rest.wrapping_neg();
            let index = rest.trailing_zeros() as usize;
            rest ^= bit;
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
        self.awake = awake;
        spikes
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
