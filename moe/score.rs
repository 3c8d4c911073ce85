// SPDX-License-Identifier: GPL-2.0

//! Score functions: from a logit to how much an expert matters.
//!
//! ```text
//! softmax         p_i = exp(x_i - max x) / sum_j exp(x_j - max x)
//! sigmoid         s(x) = 1 / (1 + exp(-x))
//! sqrt-softplus   g(x) = sqrt(ln(1 + exp(x)))
//! ```
//!
//! Each score exists in two forms. [`sigmoid`] and [`sqrt_softplus`] are [`Real`]: small relative
//! error at any size, for the weights of the few experts that were chosen. A *deciding key* has
//! [`KEY_BITS`] digits after the point: small absolute error, for comparing all experts.
//!
//! # Errors
//!
//! exp(x) is within 2^-31 of itself, the truncation of the logit included ([`super::power`]). The
//! scores as `Real` are within 2^-29: the sigmoid's quotient adds 2^-30, and sqrt-softplus 2^-36,
//! where for exp(x) near 2^-24 few digits of the logarithm are left.
//!
//! | key | source | bound |
//! |---|---|---|
//! | sigmoid, see [`super::sigmoid`] | the cubics | 2^-34 |
//! | | a logit in fixed point, slope at most 1/4 | 2^-34 |
//! | | **together** | **2^-33** |
//! | sqrt-softplus | exp(x) within 2^-31, slope below 0.33 | 2^-32.6 |
//! | | rounding to 2^-36 | 2^-37 |
//! | | **together** | **2^-32.5** |
//! | softmax | exp(x) within 2^-31, slope at most 1/4, over and under the line | 2^-32 |
//!
//! Two keys with bias are thus within 2^-31 of their true distance, and two sums of two within 2^-30:
//! what the selection promises.
//!
//! Pure functions: any context, no lock.

use core::num::NonZeroU64;

use crate::spiking::encode::logarithm::{ln, LN_BITS};

use super::number::FIXED_BITS;
use super::power::{power, POWER_BITS};
use super::real::Real;

/// Binary digits after the point of a deciding key.
pub const KEY_BITS: u32 = 36;

/// The key of 1.
pub const KEY_ONE: i64 = 1 << KEY_BITS;

/// Logits above 2^28 count as that in sqrt-softplus, whose keys so stay within 2^14.
const SOFTPLUS_LIMIT: i64 = 1 << (28 + FIXED_BITS);

/// The score function of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Score {
    /// Over all experts of the layer, chosen or not.
    Softmax = 0,
    /// Each expert for itself.
    Sigmoid = 1,
    /// The square root of softplus, each expert for itself.
    SqrtSoftplus = 2,
}

/// The sigmoid of a logit in fixed point.
#[inline]
pub fn sigmoid(x: i64) -> Real {
    let (power, halves) = power(x.unsigned_abs());
    let sum = (power >> halves.min(63)).wrapping_add(1 << POWER_BITS);
    let inverse = Real::new(sum, POWER_BITS).rough_reciprocal();
    if x < 0 {
        inverse.times(Real::exp_neg(x.unsigned_abs()))
    } else {
        inverse
    }
}

/// `ln(1 + power)` for `power` up to 1.
fn ln_one_plus(power: Real) -> Real {
    /// 1 in the logarithm's argument.
    const ONE: u64 = 1 << 62;

    if power.exponent() < -24 {
        // power (1 - power / 2); the next term is below 2^-49 of the result.
        let factor = (1u64 << 63).wrapping_sub(power.scaled(62));
        return Real::new(factor, 63).times(power);
    }
    let argument = ONE.wrapping_add(power.scaled(62));
    let one = NonZeroU64::MIN.saturating_add(ONE.wrapping_sub(1));
    let argument = NonZeroU64::new(argument).unwrap_or(one);
    Real::wide(ln(argument).saturating_sub(ln(one)), LN_BITS)
}

/// The square root of the softplus of a logit in fixed point.
pub fn sqrt_softplus(x: i64) -> Real {
    let x = x.min(SOFTPLUS_LIMIT);
    let logarithm = ln_one_plus(Real::exp_neg(x.unsigned_abs()));
    if x <= 0 {
        return logarithm.square_root();
    }
    // max(x, 0) + ln(1 + exp(-|x|)): below 2^93.
    let digits = u128::from(logarithm.scaled(62)) << 2;
    let sum = ((x as u128) << (64 - FIXED_BITS)).wrapping_add(digits);
    Real::wide(sum, 64).square_root()
}

/// The deciding key of [`sqrt_softplus`]: within 2^-33.
#[inline]
pub fn sqrt_softplus_key(x: i64) -> i64 {
    sqrt_softplus(x).scaled(KEY_BITS) as i64
}
