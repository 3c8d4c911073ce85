// SPDX-License-Identifier: GPL-2.0

//! Neurons whose linear equations are solved exactly from step to step.
//!
//! Integrate-and-fire neurons, leaky or not, with inputs that make the membrane jump ([`Jump`]) or
//! that decay as two exponential currents ([`Exponential`]); an integrator is one that never
//! fires. The method is that of Rotter and Diesmann, "Exact digital simulation of time-invariant
//! linear systems with applications to neuronal modeling", Biological Cybernetics 81, 1999: the
//! state after a step is a fixed linear function, the *propagator*, of the state before it.
//!
//! Everything is relative to the rest potential, in units that the caller chooses: a threshold
//! of some 2^50 units leaves 2^10 times its size before the range of +-2^60 units ends. A current
//! is measured by the potential that it would hold the membrane at.
//!
//! ```text
//! Jump          v = P22 v + drive + gain[0] * input
//! Exponential   v = P22 v + P21[0] i[0] + P21[1] i[1] + drive
//!               i[k] = P11[k] i[k] + gain[k] * input[k]
//! both          v >= threshold: spike, v = reset, held there for refractory_steps steps
//! ```
//!
//! with `P22 = exp(-h / tau_m)`, `P11 = exp(-h / tau_s)` and
//! `P21 = (exp(-h / tau_s) - exp(-h / tau_m)) tau_s / (tau_s - tau_m)` for a step of `h`. As in
//! NEST's `iaf_psc_exp` and `iaf_psc_delta`, an input current acts on the membrane from the next
//! step on, a jump acts in its own step; currents go on in the refractory period, jumps in it are
//! lost.
//!
//! Many exponential neurons with parameters in common are computed many steps at once, with bounds
//! of their own: see `span.rs`.
//!
//! # Error bounds
//!
//! A propagator is an integer of 2^-62, a sum of products is taken in 128 bits and truncated
//! toward zero once: an error below one unit a step for `v` and for each current. Truncation,
//! unlike rounding to nearest, lets a decaying state reach 0, where its updates can be skipped.
//! A propagator made by [`Propagators::new`] is wrong by at most 2^-60, `P21` by at most 2^-51 of
//! the ratio of step and membrane time constant (see there). With `|v|` and `|i|` up to 2^50
//! units and that ratio below 2^-7 these add less than 2^-5 units a step, and since the effect of
//! an error leaks away with the membrane, the sum over all steps is at most `1.04 / (1 - P22)`
//! units, and `P21 / ((1 - P22) (1 - P11))` more carried in from each current. For a membrane of
//! 20 ms and currents of 5 and 10 ms at steps of 0.1 ms that is below 400 units: 4e-13 of a
//! threshold of 2^50.
//!
//! Pure functions: any context; the lock of the network that owns the states.

use core::num::NonZeroU64;

use super::super::fixed::Leak;
use super::model::{Model, Tally};

/// Binary digits of a propagator.
pub const PROPAGATOR_BITS: u32 = 62;

/// A propagator of 1.
pub const ONE: i64 = 1 << PROPAGATOR_BITS;

/// Potentials and currents saturate at plus and minus this.
pub const LIMIT: i64 = 1 << 60;

/// The threshold of a neuron that never fires.
pub const NEVER: i64 = i64::MAX;

/// The propagators of a membrane and of two currents, in 2^-62.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Propagators {
    /// Membrane to membrane: 0 to [`ONE`].
    pub p22: i64,
    /// Current to itself: 0 to [`ONE`].
    pub p11: [i64; 2],
    /// Current to membrane: up to [`ONE`] in magnitude.
    pub p21: [i64; 2],
}

/// The parameters of a neuron. What a kind of neuron does not use may be 0.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// The propagators of a step.
    pub propagators: Propagators,
    /// Added to the membrane in each step: `(1 - P22)` times the potential that a constant
    /// current would hold it at. Up to [`LIMIT`] in magnitude.
    pub drive: i64,
    /// What one unit of weight adds to the current of its sign: of positive and of negative
    /// weights. A negative weight stays negative. For jumps, to the membrane: the first, for all
    /// weights. Up to [`LIMIT`] in magnitude.
    pub gain: [i64; 2],
    /// The least potential that fires; for a strict `v > theta` give `theta + 1`; [`NEVER`] for
    /// an integrator.
    pub threshold: i64,
    /// Where a spike puts the membrane. Up to [`LIMIT`] in magnitude.
    pub reset: i64,
    /// For how many steps after that of a spike the membrane is held at reset.
    pub refractory_steps: u32,
    /// Must be 0.
    pub reserved: u32,
}

impl Params {
    /// The first field out of its range, if any.
    pub fn wrong_field(&self) -> Option<&'static str> {
        let by = &self.propagators;
        let within = |x: i64| (-LIMIT..=LIMIT).contains(&x);
        if !(0..=ONE).contains(&by.p22) {
            Some("p22")
        } else if !by.p11.iter().all(|p| (0..=ONE).contains(p)) {
            Some("p11")
        } else if !by.p21.iter().all(|p| (-ONE..=ONE).contains(p)) {
            Some("p21")
        } else if !within(self.drive) {
            Some("drive")
        } else if !self.gain.iter().all(|&gain| within(gain)) {
            Some("gain")
        } else if !within(self.reset) {
            Some("reset")
        } else if self.reserved != 0 {
            Some("reserved")
        } else {
            None
        }
    }
}

/// The state of a neuron: 32 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The membrane, relative to rest.
    pub membrane: i64,
    /// The currents of positive and of negative weights.
    pub currents: [i64; 2],
    /// Steps left of the refractory period.
    pub refractory: u32,
}

impl State {
    /// A neuron at rest.
    pub const REST: Self = Self {
        membrane: 0,
        currents: [0; 2],
        refractory: 0,
    };
}

impl Propagators {
    /// The propagators of a step of `step_ns` for a membrane with time constant `membrane_ns` and
    /// currents with `current_ns`. `None` stands for no leak: an infinite time constant.
    ///
    /// With `a = h / tau_m`, `b = h / tau_s`, `m` the lesser and `x` the distance of the two,
    /// `P21 = a exp(-m) (1 - exp(-x)) / x`, free of the singularity at equal time constants; for
    /// `x` below 2^-8 it is computed so, the quotient by its series. Above, the difference of the
    /// exponentials times `tau_s / (tau_s - tau_m) = a / x` multiplies their errors by `a` 2^8 at
    /// most. `P22` and `P11` are within 2^-60, `P21` within `(1 + a)` 2^-60 below and `a` 2^-51
    /// above.
    ///
    /// A membrane without leak has no potential that a current would hold it at: `P21` is
    /// `1 - P11` then, and a current is measured by what it adds to the membrane in all.
    pub fn new(
        step_ns: u64,
        membrane_ns: Option<NonZeroU64>,
        current_ns: [Option<NonZeroU64>; 2],
    ) -> Self {
        let p22 = decay(step_ns, membrane_ns);
        let p11 = current_ns.map(|tau| decay(step_ns, tau));
        let p21 = current_ns.map(|tau| match (membrane_ns, tau) {
            (Some(membrane), Some(current)) => coupling(step_ns, membrane, current),
            (Some(_), None) => ONE.wrapping_sub(p22),
            (None, _) => ONE.wrapping_sub(decay(step_ns, tau)),
        });
        Self { p22, p11, p21 }
    }
}

/// What a constant current adds to the membrane in a step that would hold it at `potential`, up to
/// [`LIMIT`] in magnitude: `(1 - P22) potential`, truncated toward zero.
pub fn share(potential: i64, p22: i64) -> i64 {
    let rest = ONE.saturating_sub(p22.clamp(0, ONE));
    units(wide(potential.clamp(-LIMIT, LIMIT), rest))
}

/// `exp(-step / tau)` in 2^-62.
fn decay(step_ns: u64, tau_ns: Option<NonZeroU64>) -> i64 {
    tau_ns.map_or(ONE, |tau| Leak::new(tau).decay(ONE, step_ns))
}

/// `numerator / denominator`, truncated. Bit by bit: the kernel has no 128-bit division, and this
/// is done a few times for a set of parameters.
pub(super) fn quotient(numerator: u128, denominator: NonZeroU64) -> u128 {
    let denominator = u128::from(denominator.get());
    let (mut rest, mut quotient): (u128, u128) = (0, 0);
    let mut bit = 128u32;
    while bit > 0 {
        bit = bit.wrapping_sub(1);
        // Less than twice the denominator, which has 64 bits.
        rest = rest << 1 | (numerator.wrapping_shr(bit) & 1);
        quotient <<= 1;
        if rest >= denominator {
            rest = rest.wrapping_sub(denominator);
            quotient |= 1;
        }
    }
    quotient
}

/// `P21` in 2^-62; see [`Propagators::new`].
fn coupling(step_ns: u64, membrane_ns: NonZeroU64, current_ns: NonZeroU64) -> i64 {
    /// Below this the series is used: 2^-8.
    const SMALL: u128 = 1 << (PROPAGATOR_BITS - 8);

    let (short, long) = (membrane_ns.min(current_ns), membrane_ns.max(current_ns));
    let apart = long.get().wrapping_sub(short.get());
    // The greater exponential, that of m; 0 from 45 time constants on.
    let greater = decay(step_ns, Some(long));
    if greater == 0 {
        return 0;
    }
    // h / long < 2^6, and apart < long, so that the product is below h 2^62.
    let m = quotient(u128::from(step_ns) << PROPAGATOR_BITS, long);
    let x = quotient(m.wrapping_mul(u128::from(apart)), short);
    let Some(apart) = NonZeroU64::new(apart).filter(|_| x >= SMALL) else {
        let whole = u128::from(step_ns).wrapping_mul(greater as u128);
        return times(quotient(whole, membrane_ns) as i64, mean_decay(x as i64));
    };
    let difference = greater.wrapping_sub(decay(step_ns, Some(short)));
    let product = (difference.max(0) as u128).wrapping_mul(u128::from(current_ns.get()));
    quotient(product, apart).min(ONE as u128) as i64
}

/// `(1 - exp(-x)) / x` for `x` from 0 to 2^-8, all in 2^-62, by the series to `x^8 / 9!`.
fn mean_decay(x: i64) -> i64 {
    let mut sum = ONE;
    let mut n: i64 = 9;
    while n > 1 {
        sum = ONE.wrapping_sub(times(x, sum).wrapping_div(n));
        n = n.wrapping_sub(1);
    }
    sum
}

/// The product of two numbers in 2^-62, each from 0 to 1.
pub(super) fn times(a: i64, b: i64) -> i64 {
    (i128::from(a).wrapping_mul(i128::from(b)) >> PROPAGATOR_BITS) as i64
}

/// `a` units times the propagator `b`, in 2^-64 units, for `|a|` up to 2^60: below 2^124. The
/// point at a whole word saves a shift of two words, which is slow on some processors.
#[inline(always)]
pub(super) fn wide(a: i64, b: i64) -> i128 {
    i128::from(a << (64 - PROPAGATOR_BITS)).wrapping_mul(i128::from(b))
}

/// A sum of at most three such products in units, truncated toward zero: at most 3 * 2^60.
#[inline(always)]
pub(super) fn units(sum: i128) -> i64 {
    // An arithmetic shift rounds down; this makes it truncate.
    let correction = (sum >> 127) & i128::from(u64::MAX);
    (sum.wrapping_add(correction) >> 64) as i64
}

/// What an input of `weight` adds, at most [`LIMIT`] in magnitude.
#[inline(always)]
fn gained(weight: i32, gain: i64) -> i64 {
    let product = i128::from(weight).wrapping_mul(i128::from(gain));
    product.clamp(-i128::from(LIMIT), i128::from(LIMIT)) as i64
}

/// `sum` within its range; counts a cut.
#[inline(always)]
fn cut(sum: i64, tally: &mut Tally) -> i64 {
    if (-LIMIT..=LIMIT).contains(&sum) {
        return sum;
    }
    tally.saturations = tally.saturations.wrapping_add(1);
    sum.clamp(-LIMIT, LIMIT)
}

/// Puts the membrane at `sum` (its clamped value), or at reset after a spike. True for a spike.
#[inline(always)]
fn settle(state: &mut State, sum: i64, params: &Params, tally: &mut Tally) -> bool {
    let membrane = cut(sum, tally);
    if membrane >= params.threshold {
        state.membrane = params.reset;
        state.refractory = params.refractory_steps;
        return true;
    }
    state.membrane = membrane;
    false
}

/// Adds `inputs` to the currents. Apart, since in most steps nothing arrives at a neuron, and the
/// update without it keeps what it needs in registers.
#[inline(never)]
fn arrive(state: &mut State, inputs: [i32; 2], params: &Params, tally: &mut Tally) {
    let currents = state.currents.iter_mut();
    for ((current, input), gain) in currents.zip(inputs).zip(params.gain) {
        // At most 2^61.
        *current = cut(current.wrapping_add(gained(input, gain)), tally);
    }
}

/// Whether a neuron at rest stays there.
#[inline(always)]
fn rests(params: &Params) -> bool {
    params.drive == 0 && params.threshold > 0
}

/// Whether nothing of `state` differs from rest.
#[inline(always)]
fn at_rest(state: &State) -> bool {
    let [positive, negative] = state.currents;
    state.membrane | positive | negative == 0 && state.refractory == 0
}

/// Neurons whose membrane an input moves at once: leaky ones, integrators (`P22` 1).
pub struct Jump;

impl Model for Jump {
    type Params = Params;
    type State = State;

    #[inline(always)]
    fn stays_at_rest(params: &Params) -> bool {
        rests(params)
    }

    #[inline(always)]
    fn is_at_rest(state: &State) -> bool {
        at_rest(state)
    }

    #[inline(always)]
    fn update(
        state: &mut State,
        positive: i32,
        negative: i32,
        params: &Params,
        tally: &mut Tally,
    ) -> bool {
        if state.refractory != 0 {
            state.refractory = state.refractory.wrapping_sub(1);
            return false;
        }
        let mut sum = units(wide(state.membrane, params.propagators.p22));
        sum = sum.wrapping_add(params.drive);
        // The signs differ: no overflow. At most three times 2^60.
        let input = positive.wrapping_add(negative);
        if input != 0 {
            sum = sum.wrapping_add(gained(input, params.gain[0]));
        }
        settle(state, sum, params, tally)
    }

    #[inline]
    fn reading(state: &State, _spiked: bool) -> i64 {
        state.membrane
    }
}

/// Neurons with two exponential currents, one for each sign of weights.
pub struct Exponential;

impl Model for Exponential {
    type Params = Params;
    type State = State;

    #[inline(always)]
    fn stays_at_rest(params: &Params) -> bool {
        rests(params)
    }

    #[inline(always)]
    fn is_at_rest(state: &State) -> bool {
        at_rest(state)
    }

    #[inline(always)]
    fn update(
        state: &mut State,
        positive: i32,
        negative: i32,
        params: &Params,
        tally: &mut Tally,
    ) -> bool {
        let [rising, falling] = state.currents;
        let by = &params.propagators;
        let flow = wide(state.membrane, by.p22)
            .wrapping_add(wide(rising, by.p21[0]))
            .wrapping_add(wide(falling, by.p21[1]));
        state.currents = [
            units(wide(rising, by.p11[0])),
            units(wide(falling, by.p11[1])),
        ];
        if positive | negative != 0 {
            arrive(state, [positive, negative], params, tally);
        }
        if state.refractory != 0 {
            state.refractory = state.refractory.wrapping_sub(1);
            return false;
        }
        // At most four times 2^60.
        settle(state, units(flow).wrapping_add(params.drive), params, tally)
    }

    #[inline]
    fn reading(state: &State, _spiked: bool) -> i64 {
        state.membrane
    }
}
