// SPDX-License-Identifier: GPL-2.0

//! exp(-x), cheap enough for every expert of every token.
//!
//! As `2^-t` with `t = x log2(e) = n + f`: `2^-n` is left to the caller, and for `2^-f` the first eight
//! digits `i` of `f` select a power from a table (Tang 1991):
//!
//! ```text
//! 2^-f = 2^(-i/256) exp(-y)      f = i 2^-8 + r 2^-8,  y = r 2^-8 ln 2 < 2^-8.5
//! exp(-y) = 1 - y + y^2/2 - y^3/6
//! ```
//!
//! The products fit 64 bits; only `x log2(e)` needs a double word. Relative error: y^4/24 < 2^-38.7;
//! `f` to 32 digits, 2^-32.5 at most but no more than the logit's own; the rest below 2^-39.
//! Together with the truncated logits: **2^-31**.
//!
//! Pure functions: any context, no lock.

use super::number::FIXED_BITS;

/// Binary digits after the point of a power.
pub const POWER_BITS: u32 = 52;

/// log2(e) in Q1.63, rounded to nearest.
pub const LOG2_E: u64 = 0xb8aa_3b29_5c17_f0bc;

/// ln 2 in Q0.62, rounded to nearest.
const LN2_Q62: i128 = 0x2c5c_85fd_f473_de6b;

/// 2^(-i/256) in Q0.52, rounded to nearest.
static POWERS: [u64; 256] = powers();

/// Runs at compile time only: all in Q62, an error of 2^-53 at the last entry.
const fn powers() -> [u64; 256] {
    const ONE: i128 = 1 << 62;

    // exp(-ln 2 / 256) by Horner's rule.
    let y = LN2_Q62 >> 8;
    let mut step = ONE;
    let mut n = 14;
    while n > 0 {
        step = ONE - ((y * step) >> 62) / n;
        n -= 1;
    }
    let mut table = [0; 256];
    let mut power = ONE;
    let mut i = 0;
    while i < table.len() {
        table[i] = ((power + (1 << 9)) >> 10) as u64;
        power = (power * step) >> 62;
        i += 1;
    }
    table
}

/// The coefficients of `1 - exp(-y)` by `r`: ln 2 / 256, its square by 2, its cube by 6; Q0.40.
const COEFFICIENTS: [u64; 3] = {
    let a = LN2_Q62 >> 8;
    let square = (a * a) >> 62;
    let cube = (square * a) >> 62;
    [
        (a >> 22) as u64,
        (square >> 23) as u64,
        ((cube / 6) >> 22) as u64,
    ]
};

/// `exp(-distance) = power * 2^-halves`: the power in Q0.52, above 1/2, at most 1. The distance has
/// [`FIXED_BITS`] digits after the point; any will do.
#[inline(always)]
pub fn power(distance: u64) -> (u64, u64) {
    /// Digits of `r`.
    const R_BITS: u32 = 24;

    let product = u128::from(distance).wrapping_mul(u128::from(LOG2_E));
    // 2^33 at most before the point.
    let halves = (product >> (FIXED_BITS + 63)) as u64;
    let fraction = (product >> 63) as u32;
    let r = u64::from(fraction & ((1 << R_BITS) - 1));
    let [first, second, third] = COEFFICIENTS;
    let bend = second.wrapping_sub(third.wrapping_mul(r) >> R_BITS);
    let slope = first.wrapping_sub(bend.wrapping_mul(r) >> R_BITS);
    // 1 - exp(-y) in Q0.40, below 2^-8.5.
    let loss = slope.wrapping_mul(r) >> R_BITS;
    let whole = POWERS[(fraction >> R_BITS) as usize];
    // 31 digits of the power times those of the loss: below 2^63.
    let lost = (whole >> 21).wrapping_mul(loss) >> (31 + 40 - POWER_BITS);
    (whole.wrapping_sub(lost), halves)
}

// 1, and the square root of one half: a slip in a constant does not compile.
const _: () = assert!(POWERS[0] == 1 << POWER_BITS && POWERS[128] == 0xb_504f_333f_9de6);
