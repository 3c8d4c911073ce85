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
//! exp(x) is within 2^-31 of itself, the truncation of the logit included ([`super::power`]), and so
//! is each score; sqrt-softplus adds less than 2^-36, where for exp(x) near 2^-24 few digits of the
//! logarithm are left.
//!
//! | key | source | bound |
//! |---|---|---|
//! | sigmoid | logit, slope at most 1/4 | 2^-34 |
//! | | cubic at nodes 2^-6 apart: r^4/24 times max of the fourth derivative, 1/8 | 2^-35.6 |
//! | | coefficients, products, rounding to 2^-36 | 2^-35.4 |
//! | | beyond 24: exp(-24) | 2^-34.6 |
//! | | **together** | **2^-33** |
//! | sqrt-softplus | logit, slope below 0.33 | 2^-33.6 |
//! | | exp(x) | 2^-34.5 |
//! | | rounding to 2^-36 | 2^-37 |
//! | | **together** | **2^-33** |
//! | softmax | logits, slope at most 1/4, two of them | 2^-33 |
//!
//! Two keys with bias are thus within 2^-32 of their true distance, two sums of two within 2^-31:
//! below the 2^-30 that the selection promises.
//!
//! Pure functions: any context, no lock.

use core::num::NonZeroU64;

use crate::spiking::encode::logarithm::{ln, LN_BITS};

use super::number::FIXED_BITS;
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
    let power = Real::exp_neg(x.unsigned_abs());
    let inverse = Real::sum(&[Real::ONE, power]).reciprocal();
    if x < 0 {
        inverse.times(power)
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

/// A piece of the sigmoid around a node: the coefficients of a cubic.
#[derive(Clone, Copy)]
struct Piece {
    /// The sigmoid, [`KEY_BITS`] digits.
    value: i64,
    /// Its derivatives, divided by 1, 2 and 6: Q0.32.
    slopes: [i32; 3],
}

/// Nodes lie this power of two apart.
const NODE_BITS: u32 = 6;

/// The last node; from there on the sigmoid counts as 1.
const LAST_NODE: u64 = 24;

/// The pieces for logits from 0 to [`LAST_NODE`].
static PIECES: [Piece; (LAST_NODE << NODE_BITS) as usize + 1] = pieces();

/// Runs at compile time only: all in Q62, an error of 2^-50 at the last node.
const fn pieces() -> [Piece; (LAST_NODE << NODE_BITS) as usize + 1] {
    const BITS: u32 = 62;
    const ONE: i128 = 1 << BITS;

    // exp(-2^-NODE_BITS) by Horner's rule.
    let mut step = ONE;
    let mut n = 12;
    while n > 0 {
        step = ONE - (step >> NODE_BITS) / n;
        n -= 1;
    }
    let none = Piece {
        value: 0,
        slopes: [0; 3],
    };
    let mut table = [none; (LAST_NODE << NODE_BITS) as usize + 1];
    let mut power = ONE;
    let mut i = 0;
    while i < table.len() {
        let s = (ONE << BITS) / (ONE + power);
        let first = (s * (ONE - s)) >> BITS;
        let second = ((first * (ONE - 2 * s)) >> BITS) / 2;
        let third = ((first * (ONE - 6 * first)) >> BITS) / 6;
        table[i] = Piece {
            value: rounded(s, BITS - KEY_BITS) as i64,
            slopes: [
                rounded(first, BITS - 32) as i32,
                rounded(second, BITS - 32) as i32,
                rounded(third, BITS - 32) as i32,
            ],
        };
        power = (power * step) >> BITS;
        i += 1;
    }
    table
}

/// `value` without its last `bits` digits, to the nearest.
const fn rounded(value: i128, bits: u32) -> i128 {
    (value + (1 << (bits - 1))) >> bits
}

/// The deciding key of [`sigmoid`]: within 2^-33.
#[inline]
pub fn sigmoid_key(x: i64) -> i64 {
    const SPACING: u32 = FIXED_BITS - NODE_BITS;

    let magnitude = x.unsigned_abs();
    let node = magnitude.wrapping_add(1 << (SPACING - 1)) >> SPACING;
    let key = match PIECES.get(node as usize) {
        Some(piece) => {
            // From the nearest node: at most 2^25 in magnitude, so that no product passes 2^57.
            let r = magnitude.wrapping_sub(node << SPACING) as i64;
            let [first, second, third] = piece.slopes.map(i64::from);
            let bend = second.wrapping_add(third.wrapping_mul(r) >> FIXED_BITS);
            let slope = first.wrapping_add(bend.wrapping_mul(r) >> FIXED_BITS);
            piece
                .value
                .wrapping_add(slope.wrapping_mul(r) >> (64 - KEY_BITS))
        }
        None => KEY_ONE,
    };
    if x < 0 {
        KEY_ONE.wrapping_sub(key)
    } else {
        key
    }
}

/// The deciding key of [`sqrt_softplus`]: within 2^-33.
#[inline]
pub fn sqrt_softplus_key(x: i64) -> i64 {
    sqrt_softplus(x).scaled(KEY_BITS) as i64
}

// A half, a quarter: a slip in a constant does not compile.
const _: () = assert!(PIECES[0].value == KEY_ONE / 2 && PIECES[0].slopes[0] == 1 << 30);
