// SPDX-License-Identifier: GPL-2.0

//! Figures of routing, under the names that the field gives them.
//!
//! All are whole numbers of millionths ([`MICRO`]), to the nearest, within one of the exact value.
//!
//! Pure functions: any context, no lock.

use core::num::NonZeroU64;

use crate::spiking::encode::logarithm::{ln, LN_BITS};

use super::capacity::Assignment;
use super::gate::Tally;
use super::power;
use super::real::Real;

/// Figures are in units of one divided by this.
pub const MICRO: u64 = 1_000_000;

/// log2(e).
const LOG2_E: Real = Real::new(power::LOG2_E, 63);

/// How evenly a layer's experts are loaded. All 0 without a load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Mean load by greatest load: 1 is even, 1 / experts is all to one.
    pub balancedness: u64,
    /// MaxVio, greatest load by mean load, less 1: 0 is even.
    pub max_violation: u64,
    /// CV^2, variance of the loads by the square of their mean: 0 is even.
    pub cv_squared: u64,
    /// Entropy of the shares in the load, in bits: log2(experts) is even.
    pub entropy: u64,
    /// Experts with a load, by experts.
    pub used: u64,
}

/// `part / whole` in millionths; 0 for a whole of 0.
pub fn ratio(part: u64, whole: u64) -> u64 {
    micro(Real::new(part, 0).times(Real::new(whole, 0).reciprocal()))
}

fn micro(value: Real) -> u64 {
    value.times(Real::new(MICRO, 0)).scaled(0)
}

/// `a - b`, at least 0, by `whole`.
fn excess(a: u128, b: u128, whole: u128) -> u64 {
    let difference = Real::wide(a.saturating_sub(b), 0);
    micro(difference.times(Real::wide(whole, 0).reciprocal()))
}

impl Balance {
    /// The balance of up to 1,024 loads, each below 2^48.
    pub fn of(loads: &[u64]) -> Self {
        let (mut total, mut greatest, mut used) = (0u64, 0u64, 0u64);
        let (mut squares, mut logarithms) = (0u128, 0u128);
        for load in loads.iter().filter_map(|&load| NonZeroU64::new(load)) {
            total = total.saturating_add(load.get());
            greatest = greatest.max(load.get());
            used = used.wrapping_add(1);
            let wide = u128::from(load.get());
            squares = squares.saturating_add(wide.wrapping_mul(wide));
            // Below 2^(48 + 70), and 2^128 for all.
            logarithms = logarithms.saturating_add(wide.wrapping_mul(ln(load)));
        }
        let Some(all) = NonZeroU64::new(total) else {
            return Self::default();
        };
        let experts = loads.len() as u64;
        let whole = u128::from(total);
        let square = whole.saturating_mul(whole);
        let even = u128::from(greatest).wrapping_mul(u128::from(experts));
        Self {
            balancedness: ratio(total, greatest.saturating_mul(experts)),
            max_violation: excess(even, whole, whole),
            cv_squared: excess(squares.saturating_mul(experts.into()), square, square),
            entropy: entropy(all, logarithms),
            used: ratio(used, experts),
        }
    }
}

/// `log2 T - sum(load log2 load) / T` from the sum of `load ln load`, Q64.
fn entropy(total: NonZeroU64, logarithms: u128) -> u64 {
    /// Digits of the difference.
    const BITS: u32 = 56;

    let inverse = Real::new(total.get(), 0).reciprocal();
    let mean = Real::wide(logarithms, LN_BITS).times(inverse);
    let whole = Real::wide(ln(total), LN_BITS);
    let nats = whole.scaled(BITS).saturating_sub(mean.scaled(BITS));
    micro(Real::new(nats, BITS).times(LOG2_E))
}

/// Choices dropped for want of capacity, by choices.
pub fn drop_rate(assignment: &Assignment) -> u64 {
    ratio(assignment.dropped, assignment.choices)
}

/// Slots of all experts by choices: the capacity factor after minimum, alignment and, where
/// nothing is dropped, the greatest load.
pub fn realised_factor(assignment: &Assignment, experts: u32) -> u64 {
    let slots = u64::from(assignment.capacity).wrapping_mul(u64::from(experts));
    ratio(slots, assignment.choices)
}

/// Pairs of a token and an expert that were not computed, by all such pairs.
pub fn expert_sparsity(tally: &Tally, experts: u32) -> u64 {
    let pairs = tally.tokens.saturating_mul(u64::from(experts));
    ratio(pairs.saturating_sub(tally.activations), pairs)
}
