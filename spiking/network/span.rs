// SPDX-License-Identifier: GPL-2.0

//! Many steps of a neuron at once.
//!
//! Between its spikes an [exponential neuron](super::exact::Exponential) is a linear system, so
//! that nothing forces an update in every step. Time is cut into *spans* of up to [`LONGEST`]
//! steps. What is kept of a neuron is not its present state but that state traced back to the
//! begin of the span; there an input adds to it, whenever it arrives, and nothing else changes it:
//!
//! ```text
//! at step n of a span, input x[k] (gain[k] times the weights that arrive)
//!     I[k] = I[k] + x[k] / P11[k](n)        V = V - x[k] P21[k](n) / (P11[k](n) P22(n))
//! membrane after n steps
//!     v(n) = P22(n) V + P21[0](n) I[0] + P21[1](n) I[1] + D(n)
//! ```
//!
//! where `P(n)` is the propagator of `n` steps and `D(n)` what the drive adds in `n` steps, from a
//! table with a row for each `n` ([`Row`]). The two parts of an input cancel in its own step and
//! act on the membrane from the next one on, as they should. At the end of a span `v(n)` and
//! `P11[k](n) I[k]` are truncated to units and begin the next one.
//!
//! Sums of integers do not depend on when somebody looks at `v(n)`. So the definition is that of a
//! model in steps, with `v(n)` compared with the threshold in each of them, and leaving steps out
//! cannot change a result if the membrane was below the threshold in them. Neither can the way in
//! which steps are divided into runs, nor a probe.
//!
//! # When to look
//!
//! A look at step `n` says until when the membrane stays below the threshold for certain. While
//! `v` is above its present value `v(n)`, no step raises it by more than
//!
//! ```text
//! rise = drive - (1 - P22) v(n) + P21[0] (i[0] + extra) + P21[1] i[1]       (i[k] if positive)
//! ```
//!
//! if the first current is not above what it would be with `extra` more of it now: currents decay,
//! negative ones only lower the membrane, and so does the leak above `v(n)`. Hence there is no
//! spike in the next `(threshold - v(n)) / rise` steps. The look notes a step, one bit in a table
//! with a row for each step of a span, and the current up to which the note holds. A neuron is
//! looked at in the step noted, at the end of each span, when an input takes its first current
//! above the limit, when an input of the other sort is positive, and when a value was cut. All
//! that is O(1) for each input and each look.
//!
//! `extra` costs a shorter time in return for fewer looks at inputs; it is what makes `rise` half
//! as large again.
//!
//! # Error bounds
//!
//! A row comes from the propagators of one step by repeated multiplication, truncated at 2^-62: its
//! entries are within 2^-53 of the powers. A factor that traces back is below 2^5, within 2^-56 of
//! what the row inverts. Hence, with `|v|` and `|i|` up to 2^50 units, a span adds at most two units
//! for each input to each of `V` and `I`, three for its end, and one for its rows, where a model
//! that truncates in every step adds one for each of 128 steps. Inputs in the same step count once.
//!
//! The look must not be late by rounding. Its error and that of the `v(n)` to come is at most
//! 2^60 2^-53 for each of three terms, four units and 2^-54 of the input for each of 128 arrivals,
//! whose sum is below 2^62, and four units of `rise` for each of 128 steps: below 2^12 together.
//! It compares with a threshold that is [`MARGIN`] lower.
//!
//! Which populations: those of at least [`LEAST_NEURONS`] exponential neurons that share their
//! parameters, so that tables stay small, whose currents raise the membrane, and whose propagators
//! do not decay below 2^-5 in so many steps; the span is the greatest power of two up to
//! [`LONGEST`] for which that holds. All others go step by step, which is the same as spans of one
//! step: truncation in every step.
//!
//! `V` and `I` saturate at +-2^60: `i` at 2^60 at the begin of a span, at 2^55 or more at its end.
//!
//! Pure functions: any context; the lock of the network that owns the states.

use core::num::NonZeroU64;

use super::description::{Kind, Memory, Parts, Population};
use super::exact::{cut, quotient, times, units, wide, Params, Propagators, State};
use super::exact::{LIMIT, ONE, PROPAGATOR_BITS};
use super::model::Tally;

/// The most steps of a span.
pub const LONGEST: u32 = 128;

/// A population of fewer neurons goes step by step.
pub const LEAST_NEURONS: u32 = 256;

/// Nothing decays to less than 2^-5 within a span.
const DECAY_BITS: u32 = 5;

/// Binary digits of the factors that trace back, which are at most 2^5.
const BACK_BITS: u32 = PROPAGATOR_BITS - DECAY_BITS;

/// A factor of 1 that traces back.
const BACK_ONE: i64 = 1 << BACK_BITS;

/// Binary digits of a sum of up to [`LONGEST`] propagators.
const SUM_BITS: u32 = PROPAGATOR_BITS - 7;

/// The drive of a neuron in spans is at most this in magnitude.
const MOST_DRIVE: i64 = LIMIT >> 7;

/// How far below the threshold the membrane is kept by a prediction, in units.
const MARGIN: i64 = 1 << 16;

/// How a population is computed.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Steps of a span, a power of two; 1 for step by step.
    pub steps: u32,
    /// Its first row in the table of rows; it has one more than steps in a span.
    pub first: u32,
}

/// What `n` steps of a span do.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The propagators of `n` steps.
    pub by: Propagators,
    /// What the drive adds to the membrane in `n` steps, in units.
    pub drive: i64,
    /// The inverse of `P22`, in 2^-57.
    pub back22: i64,
    /// The inverses of `P11`.
    pub back11: [i64; 2],
    /// `P21 / (P11 P22)`.
    pub back21: [i64; 2],
}

impl Row {
    /// No step at all.
    pub const NONE: Self = Self {
        by: Propagators {
            p22: ONE,
            p11: [ONE; 2],
            p21: [0; 2],
        },
        drive: 0,
        back22: BACK_ONE,
        back11: [BACK_ONE; 2],
        back21: [0; 2],
    };
}

/// The propagators of one step more than `so_far`.
fn one_more(so_far: &Propagators, step: &Propagators) -> Propagators {
    let p21 = |k: usize| -> i64 {
        let (Some(&old), Some(&own), Some(&current)) =
            (so_far.p21.get(k), step.p21.get(k), so_far.p11.get(k))
        else {
            return 0;
        };
        times(step.p22, old).wrapping_add(times(own, current))
    };
    Propagators {
        p22: times(step.p22, so_far.p22),
        p11: [
            times(step.p11[0], so_far.p11[0]),
            times(step.p11[1], so_far.p11[1]),
        ],
        p21: [p21(0), p21(1)],
    }
}

/// Whether all that decays in so many steps, and all that traces back, is within bounds.
fn traces_back(by: &Propagators) -> bool {
    let least = ONE >> DECAY_BITS;
    let currents = by.p11.iter().zip(by.p21);
    by.p22 >= least
        && currents.into_iter().all(|(&p11, p21)| {
            p11 >= least
                && (0..=ONE).contains(&p21)
                && times(by.p22, p11) > p21 >> DECAY_BITS
        })
}

/// Steps of the spans of a population; 1 if it goes step by step. For any description, be it
/// checked or not.
pub fn steps_of(population: &Population, params: &[Params]) -> u32 {
    let shared = population.params_count == 1 && population.count >= LEAST_NEURONS;
    let all = population.params_in(params);
    let Some([own]) = all.filter(|_| shared && population.kind == Kind::Exponential) else {
        return 1;
    };
    if own.wrong_field().is_some() || !(-MOST_DRIVE..=MOST_DRIVE).contains(&own.drive) {
        return 1;
    }
    let (mut by, mut steps) = (own.propagators, 1);
    for n in 1..=LONGEST {
        if !traces_back(&by) {
            break;
        }
        if n.is_power_of_two() {
            steps = n;
        }
        by = one_more(&by, &own.propagators);
    }
    steps
}

/// Rows that a span of `steps` takes.
pub const fn rows_for(steps: u32) -> u32 {
    if steps > 1 {
        steps.wrapping_add(1)
    } else {
        0
    }
}

/// Fills the plans and the rows of `parts`, which are as long as they should be.
pub fn prepare<M: Memory>(parts: &mut Parts<M>) {
    let mut first: u32 = 0;
    for (population, plan) in parts.populations.iter().zip(parts.plans.iter_mut()) {
        let steps = steps_of(population, &parts.exact_params);
        *plan = Plan { steps, first };
        let end = first.wrapping_add(rows_for(steps));
        let rows = parts.rows.get_mut(first as usize..end as usize);
        let params = parts.exact_params.get(population.params as usize);
        if let (Some(rows), Some(params), true) = (rows, params, steps > 1) {
            fill(rows, params);
        }
        first = end;
    }
}

/// Fills the rows of a population.
fn fill(rows: &mut [Row], params: &Params) {
    let (mut by, mut sum) = (Row::NONE.by, 0i128);
    for row in rows {
        // Below 2^53 times 2^62.
        let driven = i128::from(params.drive).wrapping_mul(sum >> (PROPAGATOR_BITS - SUM_BITS));
        *row = Row {
            by,
            drive: (driven >> SUM_BITS) as i64,
            back22: ratio(BACK_ONE, ONE, by.p22),
            back11: by.p11.map(|p11| ratio(BACK_ONE, ONE, p11)),
            back21: [0; 2],
        };
        for (back, (back11, p21)) in row.back21.iter_mut().zip(row.back11.iter().zip(by.p21)) {
            *back = ratio(*back11, p21, by.p22);
        }
        sum = sum.wrapping_add(i128::from(by.p22));
        by = one_more(&by, &params.propagators);
    }
}

/// `a * b / divisor`, truncated; none of them negative.
fn ratio(a: i64, b: i64, divisor: i64) -> i64 {
    let divisor = NonZeroU64::new(divisor as u64).unwrap_or(NonZeroU64::MAX);
    quotient((a as u128).wrapping_mul(b as u128), divisor) as i64
}

/// What `x` units become when traced back by `factor`, rounded down.
#[inline(always)]
fn traced(x: i64, factor: i64) -> i64 {
    // At most 2^60 * 2^62.
    (i128::from(x).wrapping_mul(i128::from(factor)) >> BACK_BITS) as i64
}

/// What an input of `weight` adds, cut to +-[`LIMIT`].
#[inline(always)]
fn gained(weight: i32, gain: i64) -> i64 {
    match i64::from(weight).checked_mul(gain) {
        Some(product) => product.clamp(-LIMIT, LIMIT),
        None if (weight < 0) == (gain < 0) => LIMIT,
        None => -LIMIT,
    }
}

/// What a look at a neuron finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// It spikes.
    pub spiked: bool,
    /// The step of the span to look again at the latest; beyond its end for none.
    pub next: u32,
}

/// A step of a span.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// The parameters of the population.
    pub params: &'a Params,
    /// What the steps up to this one do.
    pub row: &'a Row,
    /// How many these are: 0 at the end of a span, which is the begin of the next.
    pub n: u32,
    /// Steps of a span.
    pub steps: u32,
}

impl Moment<'_> {
    /// The membrane.
    #[inline(always)]
    pub fn membrane(&self, state: &State) -> i64 {
        let ([rising, falling], by) = (state.currents, &self.row.by);
        let flow = wide(state.membrane, by.p22)
            .wrapping_add(wide(rising, by.p21[0]))
            .wrapping_add(wide(falling, by.p21[1]));
        // At most four times 2^60.
        let sum = units(flow).wrapping_add(self.row.drive);
        sum.clamp(-LIMIT, LIMIT)
    }

    /// The state at this step, as one that begins a span.
    pub fn present(&self, state: &State) -> State {
        let currents = state.currents.iter().zip(self.row.by.p11);
        let mut present = State {
            membrane: self.membrane(state),
            currents: [0; 2],
            refractory: state.refractory.saturating_sub(self.n),
        };
        for (now, (&current, p11)) in present.currents.iter_mut().zip(currents) {
            *now = units(wide(current, p11));
        }
        if state.refractory != 0 {
            present.membrane = self.params.reset;
        }
        present
    }

    /// Adds what arrives to `state`. True if the neuron must be looked at.
    #[inline(always)]
    pub fn arrive(&self, state: &mut State, inputs: [i32; 2], limit: i64, tally: &mut Tally) -> bool {
        let before = tally.saturations;
        let [rising, falling] = [
            gained(inputs[0], self.params.gain[0]),
            gained(inputs[1], self.params.gain[1]),
        ];
        let (row, currents) = (self.row, &mut state.currents);
        currents[0] = cut(currents[0].wrapping_add(traced(rising, row.back11[0])), tally);
        currents[1] = cut(currents[1].wrapping_add(traced(falling, row.back11[1])), tally);
        if state.refractory == 0 {
            let off = traced(rising, row.back21[0]).wrapping_add(traced(falling, row.back21[1]));
            state.membrane = cut(state.membrane.wrapping_sub(off), tally);
        }
        state.currents[0] > limit || falling > 0 || tally.saturations != before
    }

    /// Compares with the threshold unless `held`, ends the refractory period, and says when to
    /// look again. `limit` becomes the first current up to which that holds.
    #[inline(always)]
    pub fn look(&self, state: &mut State, held: bool, limit: &mut i64, tally: &mut Tally) -> Look {
        if state.refractory != 0 {
            return self.look_refractory(state, limit, tally);
        }
        let membrane = self.membrane(state);
        if membrane >= self.params.threshold && !held {
            return self.spike(state, limit, tally);
        }
        Look {
            spiked: false,
            next: self.predict(state, membrane, limit),
        }
    }

    /// A spike.
    #[cold]
    fn spike(&self, state: &mut State, limit: &mut i64, tally: &mut Tally) -> Look {
        *limit = i64::MAX;
        state.refractory = match self.params.refractory_steps {
            0 => 0,
            steps => steps.saturating_add(self.n),
        };
        let next = match state.refractory {
            0 => self.release(state, limit, tally),
            until => until,
        };
        Look { spiked: true, next }
    }

    /// A look in the refractory period.
    #[cold]
    fn look_refractory(&self, state: &mut State, limit: &mut i64, tally: &mut Tally) -> Look {
        let next = if state.refractory > self.n {
            *limit = i64::MAX;
            state.refractory
        } else {
            state.refractory = 0;
            self.release(state, limit, tally)
        };
        Look { spiked: false, next }
    }

    /// Puts the membrane at reset: traced back to the begin of the span.
    fn release(&self, state: &mut State, limit: &mut i64, tally: &mut Tally) -> u32 {
        let reset = self.params.reset;
        state.membrane = 0;
        let others = self.membrane(state);
        // At most 2^61 times 2^62.
        let traced = traced(reset.wrapping_sub(others), self.row.back22);
        state.membrane = cut(traced, tally);
        self.predict(state, self.membrane(state), limit)
    }

    /// Until when there is no spike for certain; see "When to look".
    #[inline(always)]
    fn predict(&self, state: &State, membrane: i64, limit: &mut i64) -> u32 {
        let (step, row) = (&self.params.propagators, self.row);
        let slack = self.params.threshold.saturating_sub(MARGIN);
        let slack = slack.saturating_sub(membrane).max(0);
        let [rising, falling] = state.currents;
        let raised = |traced: i64, p11: i64, p21: i64| {
            units(wide(units(wide(traced.max(0), p11)), p21))
        };
        let mut rise = self.params.drive.wrapping_sub(membrane);
        rise = rise.wrapping_add(units(wide(membrane, step.p22)));
        rise = rise.wrapping_add(raised(rising, row.by.p11[0], step.p21[0]));
        if falling > 0 {
            rise = rise.wrapping_add(raised(falling, row.by.p11[1], step.p21[1]));
        }
        // Each of the terms is off by less than a unit.
        rise = rise.wrapping_add(4);
        // Slower than that takes longer than a span.
        let least = slack >> 7;
        let assumed = rise.wrapping_add(rise >> 1).max(least).max(1);
        // 2^-places is above P21, so that the extra current raises by less than the difference.
        let places = step.p21[0].leading_zeros().wrapping_sub(1).min(62);
        let spare = assumed.wrapping_sub(rise) >> 1;
        let extra = if spare.leading_zeros() > places.wrapping_add(7) {
            spare << places
        } else {
            LIMIT >> DECAY_BITS
        };
        let extra = extra.min(LIMIT >> DECAY_BITS);
        *limit = rising.wrapping_add(traced(extra, row.back11[0]));
        let steps = (slack as u64).checked_div(assumed as u64).unwrap_or(0);
        (steps.min(u64::from(LONGEST)) as u32).wrapping_add(self.n).wrapping_add(1)
    }
}

/// Some neurons, at most 64, in a step. The lowest bits of words stand for the first.
#[derive(Debug)]
pub struct Group<'a> {
    /// Their states.
    pub states: &'a mut [State],
    /// The currents up to which the steps noted hold.
    pub limits: &'a mut [i64],
    /// The sums of what arrived, two for each neuron. Left all zero.
    pub sums: &'a mut [i32],
    /// A bit for each to be looked at.
    pub looks: u64,
    /// A bit for each that got input.
    pub touched: u64,
    /// A bit for each whose refractory period ended at the end of a span, now.
    pub held: u64,
}

impl Group<'_> {
    /// Ends the spans of all, whose last row is `last`, and begins new ones.
    pub fn begin(&mut self, last: &Row, moment: &Moment<'_>) {
        let end = Moment {
            row: last,
            n: moment.steps,
            ..*moment
        };
        let mut bit = 1u64;
        for state in self.states.iter_mut() {
            let before = state.refractory;
            *state = end.present(state);
            self.held |= if before != 0 && state.refractory == 0 { bit } else { 0 };
            bit = bit.wrapping_shl(1);
        }
    }

    /// Takes the input of those that got some; adds those that must be looked at for that.
    #[inline]
    pub fn arrive(&mut self, moment: &Moment<'_>, tally: &mut Tally) {
        let mut rest = self.touched;
        while rest != 0 {
            let (bit, index) = lowest(&mut rest);
            let (Some(state), Some(&limit), Some(sums)) = (
                self.states.get_mut(index),
                self.limits.get(index),
                self.sums.get_mut(index.wrapping_mul(2)..).and_then(|s| s.first_chunk_mut()),
            ) else {
                return;
            };
            let inputs = core::mem::take(sums);
            if moment.arrive(state, inputs, limit, tally) {
                self.looks |= bit;
            }
        }
    }

    /// Looks at those to be looked at. Returns a bit for each that spiked; `note` takes the bit of
    /// a neuron and the step of the span to look again, if there is one before its end.
    #[inline]
    pub fn look(
        &mut self,
        moment: &Moment<'_>,
        tally: &mut Tally,
        mut note: impl FnMut(u64, u32),
    ) -> u64 {
        let (mut rest, mut spikes) = (self.looks, 0);
        while rest != 0 {
            let (bit, index) = lowest(&mut rest);
            let (Some(state), Some(limit)) =
                (self.states.get_mut(index), self.limits.get_mut(index))
            else {
                break;
            };
            let look = moment.look(state, self.held & bit != 0, limit, tally);
            spikes |= if look.spiked { bit } else { 0 };
            if look.next < moment.steps {
                note(bit, look.next);
            }
        }
        spikes
    }
}

/// Takes the lowest bit of `bits`, which is not zero: the bit and its number.
#[inline(always)]
fn lowest(bits: &mut u64) -> (u64, usize) {
    let bit = *bits & bits.wrapping_neg();
    let index = bits.trailing_zeros() as usize;
    *bits ^= bit;
    (bit, index)
}
