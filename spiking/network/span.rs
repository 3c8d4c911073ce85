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
//! `P11[k](n) I[k]` are truncated to units and begin the next one. In the refractory period inputs
//! add to `I` alone; in its last step `V` is set so that `v(n)` is the reset potential.
//!
//! Sums of integers do not depend on when somebody looks at `v(n)`. So the definition is that of a
//! model in steps, with `v(n)` compared with the threshold in each of them, and leaving steps out
//! cannot change a result if the membrane was below the threshold in them. Neither can the way in
//! which steps are divided into runs, nor a probe.
//!
//! # When to look
//!
//! A look at step `n` says until when the membrane stays below the threshold for certain, if no
//! more than some positive weight arrives. Leak and drive alone take the membrane from `v(n)` one
//! way, up or down, so that on a stretch of steps it is highest at one of the ends. A positive
//! current adds at most the greatest `P21` of the stretch, a negative one takes off at least the
//! least: `P21` rises to one peak and falls. The stretches are the two halves of what is left of
//! the span; in the first one nothing is taken off for a negative current. Between the highest
//! value and the threshold is room for more weight, of which a unit adds at most `gain[0]` times
//! the greatest `P21`, whenever it arrives. If the first half does not pass, the bound is a rise in
//! each step: while `v` is above `v(n)` no step raises it by more than
//!
//! ```text
//! rise = drive - (1 - P22) v(n) + P21[0] (i[0] + extra) + P21[1] i[1]
//! ```
//!
//! with `i[0]` as it is, if it is positive, and `i[1]` as it will be at the end of that half, if it
//! is negative: currents decay. So there is no spike in the next `(threshold - v(n)) / rise` steps;
//! `extra` is chosen to make `rise` half as large again.
//!
//! A look notes the step to look again, one bit in a table with a row for every four steps of a
//! span, and the weight. A neuron is looked at in the step noted or one of the three before it, at
//! the end of each span, when more weight has arrived, and when a sum was cut. All that is O(1) for
//! each input and each look.
//!
//! # Error bounds
//!
//! A row comes from the propagators of one step by repeated multiplication, truncated at 2^-62: its
//! entries are within 2^-55 of the powers, `P21(n)` within 2^-53. What a unit of weight adds to `I`
//! is rounded to the nearest unit, of at least 2^32 ([`GAINS`]); what it takes from `V` is rounded
//! down, so that in its own step the two leave up to one unit of the membrane. So an input of
//! `weight` is off by at most 2^-32 of itself: `weight / 2` units of current, `weight` units of the
//! membrane. `v(n)` is low by up to three units for its products and one for the drive, and
//! truncated to one unit at the end of a span. With `|v|` and `|i|` up to 2^50 units that is
//!
//! ```text
//! 5 units for a look, 3 for the end of a span (1.3 for each current), weight units an input
//! ```
//!
//! where a model that truncates in every step adds one unit for each of up to 128. All of it leaks
//! away with the membrane. Gains of 2^41, as for weights of 1/100 of a threshold of 2^48, make that
//! 2^-41 of an input.
//!
//! A look must not come late by rounding. From a look to the next, the rows of `V` and `I` up to
//! 2^60 account for 2^9 units, and as much in the look; the weights for one unit each: those of one
//! sign have added at most 2^61 to `I`, so that they come to at most 2^29, both signs to 2^30; the
//! room for weight, of 2^60 units, for 2^28; and `rise`, four units for each step and what the
//! error of `v(n)` leaks, for 2^12. All is below [`MARGIN`], by which the threshold is lowered for
//! the bounds.
//!
//! # Which neurons
//!
//! Populations of at least [`LEAST_NEURONS`] exponential neurons that share their parameters, so
//! that tables stay small beside the neurons; whose reset lies below the threshold, whose inputs act
//! in the direction of their sign with gains in [`GAINS`], and whose propagators do not decay below
//! 2^-5 in so many steps. The span is
//! the greatest power of two up to [`LONGEST`] for which that holds: 128 steps of 0.1 ms for
//! currents of 5 ms. All others go step by step, which is the same as spans of one step.
//!
//! `V` and `I` saturate at +-2^60, `i` at 2^60 in the begin of a span and at 2^55 or more at its
//! end. The membrane is cut at the end of a span, which is not counted.
//!
//! Pure functions: any context; the lock of the network that owns the states.

use core::num::NonZeroU64;

use super::description::{Kind, Memory, Parts, Population};
use super::exact::{quotient, times, units, wide, Params, Propagators, State};
use super::exact::{LIMIT, NEVER, ONE, PROPAGATOR_BITS};
use super::model::{Chosen, Tally};
use super::synapses::MAX_FAN_IN;

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

/// Gains of neurons in spans: a unit of weight is exact to 2^-33, and traced back below 2^58.
const GAINS: core::ops::RangeInclusive<i64> = 1 << 32..=1 << 52;

/// How far below the threshold the membrane is kept by a prediction, in units.
const MARGIN: i64 = 1 << 31;

/// The most weight that a look allows for; a step brings no more ([`MAX_FAN_IN`]).
const MOST_ROOM: i64 = MAX_FAN_IN as i64;

/// Steps of a span that share a row of the table of looks: a look comes early by less.
const STEPS_A_ROW: u32 = 4;

/// The row of the table of looks that holds those of step `n`.
pub const fn row_of_looks(n: u32) -> usize {
    (n / STEPS_A_ROW) as usize
}

/// Rows of that table for spans of `steps`.
pub const fn rows_of_looks(steps: u32) -> usize {
    if steps > 1 {
        steps.div_ceil(STEPS_A_ROW) as usize
    } else {
        0
    }
}

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
    /// What a unit of weight that arrives at step `n` adds to `I`, in units.
    pub current: [i64; 2],
    /// What it takes from `V`.
    pub membrane: [i64; 2],
    /// `1 / P22`, in 2^-57.
    pub back22: i64,
    /// The greatest `P21` of up to `n` steps.
    pub peak: [i64; 2],
    /// Weights of up to this in magnitude add at most 2^60.
    pub most: u64,
    /// How much positive weight raises the membrane by a unit at most, in 2^-62: until the end of
    /// the span, until half the steps to it have passed, and in the next step.
    pub room: [i64; 3],
}

impl Row {
    /// No step at all, and no input.
    pub const NONE: Self = Self {
        by: Propagators {
            p22: ONE,
            p11: [ONE; 2],
            p21: [0; 2],
        },
        drive: 0,
        current: [0; 2],
        membrane: [0; 2],
        back22: BACK_ONE,
        peak: [0; 2],
        most: 0,
        room: [0; 3],
    };

    /// The row of the steps `by`, of which `peak` are the greatest of all before, and whose drive
    /// adds up to `drive`.
    fn new(by: Propagators, peak: [i64; 2], drive: i64, gain: [i64; 2]) -> Self {
        let back = by.p11.map(|p11| ratio(BACK_ONE, ONE, p11));
        let current = [nearest(gain[0], back[0]), nearest(gain[1], back[1])];
        let membrane = [
            ratio(current[0], by.p21[0], by.p22),
            ratio(current[1], by.p21[1], by.p22),
        ];
        let greatest = current.into_iter().chain(membrane).max().unwrap_or(0);
        Self {
            by,
            drive,
            current,
            membrane,
            back22: ratio(BACK_ONE, ONE, by.p22),
            peak: [peak[0].max(by.p21[0]), peak[1].max(by.p21[1])],
            most: (LIMIT as u64).checked_div(greatest as u64).unwrap_or(0),
            room: [0; 3],
        }
    }
}

/// The weight that adds a unit if a current lets `p21` through, in 2^-62; at most 1.
fn room(gain: i64, p21: i64) -> i64 {
    let a_unit = times(gain, p21);
    ratio(1, ONE, a_unit.wrapping_add(1))
}

/// `gain` traced back, to the nearest unit.
fn nearest(gain: i64, back: i64) -> i64 {
    let product = i128::from(gain).wrapping_mul(i128::from(back));
    (product.wrapping_add(1 << (BACK_BITS - 1)) >> BACK_BITS) as i64
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
            p11 >= least && (0..=ONE).contains(&p21) && times(by.p22, p11) > p21 >> DECAY_BITS
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
    let threshold = (-LIMIT..=LIMIT).contains(&own.threshold) || own.threshold == NEVER;
    // So that the end of a refractory period at the end of a span is no spike.
    let threshold = threshold && own.reset < own.threshold;
    let gains = own.gain.iter().all(|gain| GAINS.contains(gain));
    let drive = (-MOST_DRIVE..=MOST_DRIVE).contains(&own.drive);
    if own.wrong_field().is_some() || !gains || !drive || !threshold {
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
    let (mut by, mut sum, mut peak) = (Row::NONE.by, 0i128, [0; 2]);
    for row in rows.iter_mut() {
        // Below 2^53 times 2^62.
        let driven = i128::from(params.drive).wrapping_mul(sum >> (PROPAGATOR_BITS - SUM_BITS));
        *row = Row::new(by, peak, (driven >> SUM_BITS) as i64, params.gain);
        peak = row.peak;
        sum = sum.wrapping_add(i128::from(by.p22));
        by = one_more(&by, &params.propagators);
    }
    for n in 0..rows.len() {
        let left = rows.len().wrapping_sub(n).wrapping_sub(1);
        let peak = |steps: usize| rows.get(steps).map_or(0, |row| row.peak[0]);
        let peaks = [peak(left), peak(left.div_ceil(2)), peak(1)];
        if let Some(row) = rows.get_mut(n) {
            row.room = peaks.map(|peak| room(params.gain[0], peak));
        }
    }
}

/// `a * b / divisor`, truncated; none of them negative.
fn ratio(a: i64, b: i64, divisor: i64) -> i64 {
    let divisor = NonZeroU64::new(divisor as u64).unwrap_or(NonZeroU64::MAX);
    quotient((a as u128).wrapping_mul(b as u128), divisor) as i64
}

/// `sum` within +-2^60; counts a cut.
fn cut(sum: i128, tally: &mut Tally) -> i64 {
    let cut = sum.clamp(-i128::from(LIMIT), i128::from(LIMIT));
    tally.saturations = tally.saturations.wrapping_add(u64::from(cut != sum));
    cut as i64
}

/// `x` times the propagator `p`, rounded down. `|x|` up to 2^60.
#[inline(always)]
fn high(x: i64, p: i64) -> i64 {
    (wide(x, p) >> 64) as i64
}

/// Whether all of `values` are from -2^60 to 2^60, the latter excluded.
#[inline(always)]
fn within(values: [i64; 3]) -> bool {
    let raised = values.map(|value| value.wrapping_add(LIMIT) as u64);
    (raised[0] | raised[1] | raised[2]) >> 61 == 0
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
    /// What half of the steps from this one to the end of the span will do, rounded up.
    pub half: &'a Row,
    /// What all of them will do.
    pub whole: &'a Row,
    /// How many steps up to this one: 0 at the end of a span, which is the begin of the next.
    pub n: u32,
    /// Steps of a span.
    pub steps: u32,
}

impl<'a> Moment<'a> {
    /// Where a population is in its span, `passed` steps after all began together. `None` if it
    /// goes step by step.
    #[inline]
    pub fn new(
        population: &Population,
        plan: Plan,
        passed: u64,
        params: &'a [Params],
        rows: &'a [Row],
    ) -> Option<Self> {
        if plan.steps < 2 {
            return None;
        }
        let n = passed as u32 & plan.steps.wrapping_sub(1);
        let rows = rows.get(plan.first as usize..)?;
        let left = plan.steps.wrapping_sub(n);
        Some(Self {
            params: params.get(population.params as usize)?,
            row: rows.get(n as usize)?,
            half: rows.get(left.div_ceil(2) as usize)?,
            whole: rows.get(left as usize)?,
            n,
            steps: plan.steps,
        })
    }

    /// The membrane, up to three units too low. Below 2^62 in magnitude.
    #[inline(always)]
    fn membrane(&self, state: &State) -> i64 {
        let ([rising, falling], by) = (state.currents, &self.row.by);
        high(state.membrane, by.p22)
            .wrapping_add(high(rising, by.p21[0]))
            .wrapping_add(high(falling, by.p21[1]))
            .wrapping_add(self.row.drive)
    }

    /// The state at this step, as one that begins a span.
    pub fn present(&self, state: &State) -> State {
        let ([rising, falling], by) = (state.currents, &self.row.by);
        let flow = wide(state.membrane, by.p22)
            .wrapping_add(wide(rising, by.p21[0]))
            .wrapping_add(wide(falling, by.p21[1]));
        // At most four times 2^60.
        let membrane = units(flow).wrapping_add(self.row.drive);
        State {
            membrane: if state.refractory == 0 {
                membrane.clamp(-LIMIT, LIMIT)
            } else {
                self.params.reset
            },
            currents: [
                units(wide(rising, by.p11[0])),
                units(wide(falling, by.p11[1])),
            ],
            refractory: state.refractory.saturating_sub(self.n),
        }
    }

    /// Adds the weights `positive` and `negative` to `state`. All bits set if the neuron must be
    /// looked at, else none: a mask, as a branch would often be guessed wrong.
    #[inline(always)]
    fn arrive(
        &self,
        state: &mut State,
        [positive, negative]: [i32; 2],
        limit: &mut i32,
        tally: &mut Tally,
    ) -> u64 {
        // From at least 0, less at most 2^31 - 1.
        *limit = limit.wrapping_sub(positive);
        let (positive, negative) = (i64::from(positive), i64::from(negative));
        let row = self.row;
        let off = positive
            .wrapping_mul(row.membrane[0])
            .wrapping_add(negative.wrapping_mul(row.membrane[1]));
        // In the refractory period too: at its end the membrane is set, whatever it was.
        let membrane = state.membrane.wrapping_sub(off);
        let currents = [
            state.currents[0].wrapping_add(positive.wrapping_mul(row.current[0])),
            state.currents[1].wrapping_add(negative.wrapping_mul(row.current[1])),
        ];
        // Their signs differ.
        let weight = positive.wrapping_sub(negative) as u64;
        if weight > row.most || !within([membrane, currents[0], currents[1]]) {
            return self.arrive_beyond(state, [positive, negative], tally);
        }
        state.membrane = membrane;
        state.currents = currents;
        i64::from(*limit >> 31) as u64
    }

    /// The same beyond the ranges: what is above 2^60 is cut.
    #[cold]
    fn arrive_beyond(&self, state: &mut State, weights: [i64; 2], tally: &mut Tally) -> u64 {
        let product = |weight: i64, by: i64| i128::from(weight).wrapping_mul(i128::from(by));
        let mut membrane = i128::from(state.membrane);
        let by = self.row.current.into_iter().zip(self.row.membrane);
        for ((current, weight), (adds, takes)) in state.currents.iter_mut().zip(weights).zip(by) {
            *current = cut(
                i128::from(*current).wrapping_add(product(weight, adds)),
                tally,
            );
            membrane = membrane.wrapping_sub(product(weight, takes));
        }
        if state.refractory == 0 {
            state.membrane = cut(membrane, tally);
        }
        u64::MAX
    }

    /// Compares with the threshold, ends the refractory period, and says when to look again.
    /// `limit` becomes the positive weight up to which that holds.
    #[inline(always)]
    pub fn look(&self, state: &mut State, limit: &mut i32, tally: &mut Tally) -> Look {
        if state.refractory != 0 {
            return self.look_refractory(state, limit, tally);
        }
        let membrane = self.membrane(state);
        if membrane >= self.params.threshold {
            return self.spike(state, limit, tally);
        }
        Look {
            spiked: false,
            next: self.predict(state, membrane, limit),
        }
    }

    /// A spike.
    #[cold]
    fn spike(&self, state: &mut State, limit: &mut i32, tally: &mut Tally) -> Look {
        *limit = MAX_FAN_IN;
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
    fn look_refractory(&self, state: &mut State, limit: &mut i32, tally: &mut Tally) -> Look {
        let next = if state.refractory > self.n {
            *limit = MAX_FAN_IN;
            state.refractory
        } else {
            state.refractory = 0;
            self.release(state, limit, tally)
        };
        Look {
            spiked: false,
            next,
        }
    }

    /// Puts the membrane at reset: traced back to the begin of the span.
    fn release(&self, state: &mut State, limit: &mut i32, tally: &mut Tally) -> u32 {
        let reset = self.params.reset;
        state.membrane = 0;
        let rest = i128::from(reset.wrapping_sub(self.membrane(state)));
        let traced = rest.wrapping_mul(i128::from(self.row.back22)) >> BACK_BITS;
        state.membrane = cut(traced, tally);
        self.predict(state, self.membrane(state), limit)
    }

    /// Until when there is no spike for certain; see "When to look".
    #[inline(always)]
    fn predict(&self, state: &State, membrane: i64, limit: &mut i32) -> u32 {
        let ([rising, falling], row) = (state.currents, self.row);
        let (half, whole) = (self.half, self.whole);
        // A membrane at the limit is above every threshold that counts.
        let membrane = membrane.clamp(-LIMIT, LIMIT);
        let slack = self.params.threshold.min(2 * LIMIT).wrapping_sub(MARGIN);
        let rising_now = high(rising.max(0), row.by.p11[0]);
        // Without currents.
        let middle = high(membrane, half.by.p22).wrapping_add(half.drive);
        let end = high(membrane, whole.by.p22).wrapping_add(whole.drive);
        let first = middle
            .max(membrane)
            .wrapping_add(high(rising_now, half.peak[0]));
        // In the second half a negative current has lowered the membrane.
        let falling_now = high(falling, row.by.p11[1]);
        let least = half.by.p21[1].min(whole.by.p21[1]);
        let second = middle
            .max(end)
            .wrapping_add(high(rising_now, whole.peak[0]))
            .wrapping_add(high(falling_now, least));
        let spare = slack.wrapping_sub(first.max(second));
        if spare > 0 && falling <= 0 {
            *limit = weight(spare, row.room[0]);
            return self.steps;
        }
        let spare = slack.wrapping_sub(first);
        let ahead = self.steps.wrapping_sub(self.n).div_ceil(2);
        if spare > 0 && falling <= 0 {
            *limit = weight(spare, row.room[1]);
            return self.n.wrapping_add(ahead).wrapping_add(1);
        }
        // A negative current is least at the end of that half, a positive one now.
        let falling_then = high(falling_now.min(0), half.by.p11[1]);
        let falling_least = falling_then.wrapping_add(falling_now.max(0));
        self.near(membrane, [rising_now, falling_least], ahead, limit)
    }

    /// The same for a neuron that may spike in the first half, `ahead` steps, with the greatest
    /// currents in that half.
    fn near(&self, membrane: i64, [rising, falling]: [i64; 2], ahead: u32, limit: &mut i32) -> u32 {
        let step = &self.params.propagators;
        let slack = self.params.threshold.min(2 * LIMIT).wrapping_sub(MARGIN);
        let slack = slack.wrapping_sub(membrane).max(0);
        // Each of the terms is off by less than a unit.
        let rise = self
            .params
            .drive
            .wrapping_sub(membrane)
            .wrapping_add(high(membrane, step.p22))
            .wrapping_add(high(rising, step.p21[0]))
            .wrapping_add(high(falling, step.p21[1]))
            .wrapping_add(4);
        // Slower than that takes longer than a span.
        let assumed = rise.wrapping_add(rise >> 1).max(slack >> 7).max(1);
        *limit = weight(assumed.wrapping_sub(rise), self.row.room[2]);
        let steps = (slack as u64).checked_div(assumed as u64).unwrap_or(0);
        (steps.min(u64::from(ahead)) as u32)
            .wrapping_add(self.n)
            .wrapping_add(1)
    }
}

/// The weight for which `spare` units, not negative, leave `room`.
#[inline(always)]
fn weight(spare: i64, room: i64) -> i32 {
    high(spare.min(LIMIT), room).min(MOST_ROOM) as i32
}

/// The neurons of a population that is computed in spans.
#[derive(Debug)]
pub struct Neurons<'a> {
    /// Their states.
    pub states: &'a mut [State],
    /// The positive weights up to which the steps noted hold.
    pub limits: &'a mut [i32],
    /// The sums of what arrived, two for each neuron.
    pub sums: &'a mut [i32],
}

impl Neurons<'_> {
    /// Ends the spans of all, and begins new ones.
    pub fn begin(&mut self, moment: &Moment<'_>) {
        let end = Moment {
            row: moment.whole,
            n: moment.steps,
            ..*moment
        };
        for state in self.states.iter_mut() {
            *state = end.present(state);
        }
    }

    /// Takes the input of `chosen` and puts their sums back to zero. Returns a bit for each that
    /// must be looked at for that.
    #[inline(always)]
    pub fn arrive(&mut self, chosen: Chosen, moment: &Moment<'_>, tally: &mut Tally) -> u64 {
        let (mut looks, mut updates) = (0, 0u64);
        for (bit, index) in chosen {
            let sums = self.sums.get_mut(index.wrapping_mul(2)..);
            let (Some(sums), Some(state), Some(limit)) = (
                sums.and_then(|sums| sums.first_chunk_mut()),
                self.states.get_mut(index),
                self.limits.get_mut(index),
            ) else {
                break;
            };
            looks |= bit & moment.arrive(state, core::mem::take(sums), limit, tally);
            updates = updates.wrapping_add(1);
        }
        tally.updates = tally.updates.wrapping_add(updates);
        looks
    }

    /// Looks at `chosen`; those in `counted` do not count as updates once more. Returns a bit for
    /// each that spikes; `note` takes the bit of a neuron and the step of the span to look again,
    /// if it is before the end.
    #[inline(always)]
    pub fn look(
        &mut self,
        chosen: Chosen,
        counted: u64,
        moment: &Moment<'_>,
        tally: &mut Tally,
        mut note: impl FnMut(u64, u32),
    ) -> u64 {
        let (mut spikes, mut updates) = (0, 0u64);
        for (bit, index) in chosen {
            let (Some(state), Some(limit)) =
                (self.states.get_mut(index), self.limits.get_mut(index))
            else {
                break;
            };
            let look = moment.look(state, limit, tally);
            spikes |= if look.spiked { bit } else { 0 };
            if look.next < moment.steps {
                note(bit, look.next);
            }
            updates = updates.wrapping_add(u64::from(bit & counted == 0));
        }
        tally.updates = tally.updates.wrapping_add(updates);
        spikes
    }
}
