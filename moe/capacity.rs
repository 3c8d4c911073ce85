// SPDX-License-Identifier: GPL-2.0

//! Capacity: how many tokens of a batch an expert takes, which ones, and in which slot.
//!
//! With `T` tokens, `k` choices a token and `E` experts, an expert takes
//!
//! ```text
//! C = ceil(T k factor / E), at most T, at least the minimum, rounded up to the alignment
//! ```
//!
//! (Switch: Fedus et al. 2022, with k = 1; Megatron Core; the alignment is Tutel's.) A choice beyond
//! the capacity of its expert is dropped: the token goes without that expert. Slots are handed
//! out to all first choices in the order of tokens, then to all second choices, and so on, the
//! order of GShard and Tutel. Which choices stay where there are too many:
//!
//! - by position: the first ones in that order;
//! - by probability: those with the greatest weights, and of equal ones the first in that order.
//!   Slots are numbered in the same order among those that stay. Weights are compared, never logits:
//!   a weight is 0 or more, and a choice that a token does not have (id [`NO_EXPERT`]) takes no
//!   part, so that nothing that was not chosen outranks what was.
//!
//! For the greatest weights of an expert with too many choices its weights are looked through
//! eight times, four binary digits each, for all such experts at once: no sorting, and no memory but
//! a [`Room`] for each expert.
//!
//! Process context; the memory belongs to the caller.

use super::config::{demand, Fault, Problem, SCALE_BITS, SCALE_ONE};

/// No expert: the id at a place that a token does not use.
pub const NO_EXPERT: u16 = 0xffff;

/// No slot: of a dropped choice, and of no expert.
pub const NO_SLOT: u32 = u32::MAX;

/// The greatest minimum and alignment.
const MAX_PART: u32 = 1 << 16;

/// Which choices stay where an expert has too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Drop {
    /// None is dropped: the capacity is the greatest load.
    Never = 0,
    /// The first ones stay.
    ByPosition = 1,
    /// The ones with the greatest weights stay.
    ByProbability = 2,
}

/// The capacity of the experts of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Which choices stay.
    pub drop: Drop,
    /// The factor, Q16.16, above 0 unless nothing is dropped.
    pub factor: u32,
    /// The least capacity, up to 65,536.
    pub minimum: u32,
    /// The capacity is a multiple of this, 1 to 65,536.
    pub alignment: u32,
}

impl Capacity {
    /// No bound.
    pub const DROPLESS: Self = Self {
        drop: Drop::Never,
        factor: SCALE_ONE,
        minimum: 0,
        alignment: 1,
    };

    /// Looks at every field, for layer `entry`.
    pub(super) fn check(&self, entry: usize) -> Result<(), Fault> {
        let bounded = self.drop != Drop::Never;
        let factor = !bounded || self.factor > 0;
        demand(factor, entry, "capacity.factor", Problem::Range)?;
        let minimum = self.minimum <= MAX_PART;
        demand(minimum, entry, "capacity.minimum", Problem::Range)?;
        let aligned = (1..=MAX_PART).contains(&self.alignment);
        demand(aligned, entry, "capacity.alignment", Problem::Range)
    }

    /// The capacity of an expert for `choices` choices of `tokens` tokens (`T k`, also where not
    /// all were made) among `experts`. For [`Drop::Never`] the loads decide, see [`assign`].
    pub fn of(&self, tokens: u32, top_k: u32, experts: u32) -> u32 {
        // 2^16 tokens, 2^5 choices, a factor below 2^32: below 2^53.
        let choices = u64::from(tokens).wrapping_mul(u64::from(top_k));
        let wanted = choices.saturating_mul(u64::from(self.factor));
        let share = wanted.div_ceil(u64::from(experts.max(1)) << SCALE_BITS);
        self.aligned(share.min(u64::from(tokens)) as u32)
    }

    /// A capacity of at least `share` and the minimum, rounded up to the alignment. For
    /// [`Drop::Never`] `share` is the greatest load.
    pub fn aligned(&self, share: u32) -> u32 {
        let alignment = self.alignment.max(1);
        let blocks = share.max(self.minimum).div_ceil(alignment);
        blocks.saturating_mul(alignment)
    }
}

/// What [`assign`] keeps for an expert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Choices of it.
    pub load: u32,
    /// Choices that stayed.
    pub kept: u32,
    /// Whether there is a threshold.
    crowded: bool,
    /// Weights above this stay; as bits of an `f32`.
    threshold: u32,
    /// Of the weights equal to it so many stay.
    equals: u32,
    /// Choices by the next digits of their weights.
    bins: [u32; 1 << DIGIT_BITS],
}

impl Room {
    /// Without a choice.
    pub const EMPTY: Self = Self {
        load: 0,
        kept: 0,
        crowded: false,
        threshold: 0,
        equals: 0,
        bins: [0; 1 << DIGIT_BITS],
    };
}

/// Binary digits of weights that are looked at together.
const DIGIT_BITS: u32 = 4;

/// Looks for the threshold.
const DIGITS: u32 = u32::BITS / DIGIT_BITS;

/// A batch of choices: `top_k` places for each token.
#[derive(Clone, Copy, Debug)]
pub struct Choices<'a> {
    /// Expert ids, [`NO_EXPERT`] where there is none.
    pub ids: &'a [u16],
    /// Their weights as bits of `f32`, 0 or more.
    pub weights: &'a [u32],
    /// Places of a token.
    pub top_k: usize,
}

impl Choices<'_> {
    /// Calls `each` with place, expert and weight of each choice: all first ones, then all second
    /// ones, and so on. The place is `top_k * token + choice`.
    #[inline(always)]
    fn in_order(&self, mut each: impl FnMut(usize, u16, u32)) {
        for choice in 0..self.top_k {
            let places = (choice..self.ids.len()).step_by(self.top_k.max(1));
            let ids = self.ids.get(choice..).unwrap_or(&[]);
            let weights = self.weights.get(choice..).unwrap_or(&[]);
            let ids = ids.iter().step_by(self.top_k.max(1));
            let weights = weights.iter().step_by(self.top_k.max(1));
            for ((place, &id), &weight) in places.zip(ids).zip(weights) {
                if id != NO_EXPERT {
                    each(place, id, weight);
                }
            }
        }
    }
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    /// The capacity of each expert.
    pub capacity: u32,
    /// Choices that were made.
    pub choices: u64,
    /// Choices that were dropped.
    pub dropped: u64,
}

/// Gives each choice a slot of its expert, or [`NO_SLOT`], in `slots`, and calls `dropped` with the
/// token and the number of each choice that gets none. `rooms` has an entry for each expert; choices
/// of others get no slot and are not counted.
pub fn assign(
    rule: &Capacity,
    choices: &Choices<'_>,
    rooms: &mut [Room],
    slots: &mut [u32],
    mut dropped: impl FnMut(u32, u32),
) -> Assignment {
    rooms.fill(Room::EMPTY);
    slots.fill(NO_SLOT);
    let mut made: u64 = 0;
    choices.in_order(|_, id, _| {
        if let Some(room) = rooms.get_mut(usize::from(id)) {
            room.load = room.load.wrapping_add(1);
            made = made.wrapping_add(1);
        }
    });
    let top_k = choices.top_k.max(1);
    let tokens = choices.ids.len().wrapping_div(top_k) as u32;
    let capacity = match rule.drop {
        Drop::Never => rule.aligned(rooms.iter().map(|r| r.load).max().unwrap_or(0)),
        _ => rule.of(tokens, top_k as u32, rooms.len() as u32),
    };
    if rule.drop == Drop::ByProbability {
        find_thresholds(choices, rooms, capacity);
    }
    let mut lost: u64 = 0;
    choices.in_order(|place, id, weight| {
        let Some(room) = rooms.get_mut(usize::from(id)) else {
            return;
        };
        if let (true, Some(slot)) = (room.admits(weight, capacity), slots.get_mut(place)) {
            *slot = room.kept;
            room.kept = room.kept.wrapping_add(1);
        } else {
            lost = lost.wrapping_add(1);
            let token = place.wrapping_div(top_k);
            let choice = place.wrapping_sub(token.wrapping_mul(top_k));
            dropped(token as u32, choice as u32);
        }
    });
    Assignment {
        capacity,
        choices: made,
        dropped: lost,
    }
}

impl Room {
    /// Whether a choice of this weight stays; counts it among the equals.
    #[inline(always)]
    fn admits(&mut self, weight: u32, capacity: u32) -> bool {
        if !self.crowded {
            return self.kept < capacity;
        }
        let equal = weight == self.threshold && self.equals > 0;
        self.equals = self.equals.wrapping_sub(u32::from(equal));
        equal || weight > self.threshold
    }
}

/// Finds, for each expert with too many choices, the least weight that stays, and how many of that
/// weight do.
fn find_thresholds(choices: &Choices<'_>, rooms: &mut [Room], capacity: u32) {
    for room in rooms.iter_mut() {
        room.crowded = room.load > capacity;
        room.equals = capacity;
    }
    if !rooms.iter().any(|r| r.crowded) {
        return;
    }
    for digit in (0..DIGITS).rev() {
        let shift = digit.wrapping_mul(DIGIT_BITS);
        choices.in_order(|_, id, weight| {
            if let Some(room) = rooms.get_mut(usize::from(id)).filter(|r| r.crowded) {
                room.count(weight, shift);
            }
        });
        for room in rooms.iter_mut().filter(|r| r.crowded) {
            room.narrow(shift);
        }
    }
}

impl Room {
    /// Counts a weight whose digits above those at `shift` are the threshold's.
    #[inline(always)]
    fn count(&mut self, weight: u32, shift: u32) {
        let differs = (weight ^ self.threshold) >> (shift & 31) >> DIGIT_BITS;
        let digit = weight >> (shift & 31) & ((1 << DIGIT_BITS) - 1);
        if let (0, Some(bin)) = (differs, self.bins.get_mut(digit as usize)) {
            *bin = bin.wrapping_add(1);
        }
    }

    /// Sets the threshold's digit: that of the weight with `equals` minus one greater ones.
    fn narrow(&mut self, shift: u32) {
        for (digit, bin) in (0..1 << DIGIT_BITS).zip(self.bins.iter_mut()).rev() {
            let count = core::mem::take(bin);
            if self.equals > count {
                self.equals = self.equals.wrapping_sub(count);
                continue;
            }
            self.threshold |= digit << (shift & 31);
            break;
        }
        self.bins = [0; 1 << DIGIT_BITS];
    }
}
