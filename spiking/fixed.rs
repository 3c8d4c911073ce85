// SPDX-License-Identifier: GPL-2.0

//! Fixed-point membrane potentials and their exponential leak.
//!
//! A potential is an `i64` in units of 2^-24 nV ([`UNITS_PER_NV`]), measured from the rest
//! potential of its neuron. Twice the membrane range of +-10 V is 2^58.3 units, so that the
//! difference of any two membranes and the sum of a membrane and a clamped input fit.
//!
//! # The leak
//!
//! Between inputs the membrane follows `tau dv/dt = -v`, whose solution over a gap is
//! `v(t + gap) = v(t) exp(-gap / tau) = v(t) 2^-x` with `x = gap log2(e) / tau`
//! (Rotter and Diesmann, "Exact digital simulation of time-invariant linear systems",
//! Biological Cybernetics 81, 1999). With `x = n + f`, `n` whole and `0 <= f < 1`, `2^-n` is a
//! shift and
//!
//! ```text
//! 2^-f = COARSE[f1] * FINE[f2] * exp(-y)      f = f1 2^-8 + f2 2^-16 + r,  y = r ln 2 < 2^-16.5
//! exp(-y) = 1 - y + y^2/2 - y^3/6
//! ```
//!
//! the split of Tang, "Table-lookup algorithms for elementary functions and their error
//! analysis", ARITH 10, 1991.
//!
//! # Error bounds
//!
//! All in units of `u` = 2^-63, the last bit of the Q1.63 format of `2^-f`:
//!
//! | source | bound |
//! |---|---|
//! | `COARSE` and `FINE`, rounded to nearest: 0.5 each, factors at most 1 | 1.0 u |
//! | their product, rounded to nearest | 0.5 u |
//! | the polynomial: `y^4/24` < 2^-70, its own truncations < 2^-77 | 0.01 u |
//! | the product with the polynomial, truncated | 1.0 u |
//! | `f` truncated to 64 bits: 2^-64 ln 2 | 0.35 u |
//! | **`2^-f`, [`exp2_neg`] and its argument** | **2.9 u** |
//! | [`Leak`]'s reciprocal: relative 2^-63 in `x`, times `max x ln 2 2^-x` = 1/e | 0.37 u |
//! | **the factor `exp(-gap / tau)`** | **3.3 u** |
//!
//! A membrane of at most 2^58.3 units (20 V from rest) thus gets an error of at most
//! 3.3 * 2^-4.7 = 0.13 units from the factor and 0.5 units from the final rounding to nearest:
//! **0.63 units, 3.8e-8 nV, an update**. The leak never enlarges an error made earlier, so that
//! after `k` updates the membrane is within `k * 3.8e-8` nV of the exact one, and within
//! `3.8e-8 / (1 - exp(-gap / tau))` nV for inputs `gap` apart. Ten nanovolts would take more
//! than 2.6e8 updates of one neuron without a spike in between; each spike starts from an exact
//! potential again.
//!
//! Pure functions: any context, no lock.

use core::num::NonZeroU64;

/// Binary digits below the nanovolt.
pub const FRACTION_BITS: u32 = 24;

/// Units of a potential in one nanovolt.
pub const UNITS_PER_NV: i64 = 1 << FRACTION_BITS;

/// Units of a potential in one millivolt.
pub const UNITS_PER_MV: i64 = 1_000_000 * UNITS_PER_NV;

/// The membrane lies within plus and minus this many nanovolts: 10 V.
pub const RANGE_NV: i64 = 10_000_000_000;

/// Inputs are cut to plus and minus this many millivolts, twice the span of the membrane.
/// A larger input takes any membrane to the same end of its range.
const INPUT_LIMIT_MV: i32 = 40_000;

/// An input of `amplitude_mv` millivolts in units of a potential.
///
/// Any `i32` is allowed; beyond +-40 V the result stays at +-40 V, which clamps every membrane
/// just as the true value would.
#[inline]
pub const fn input_units(amplitude_mv: i32) -> i64 {
    let cut = if amplitude_mv > INPUT_LIMIT_MV {
        INPUT_LIMIT_MV
    } else if amplitude_mv < -INPUT_LIMIT_MV {
        -INPUT_LIMIT_MV
    } else {
        amplitude_mv
    };
    // At most 2^59.3 in magnitude.
    (cut as i64).wrapping_mul(UNITS_PER_MV)
}

/// The millivolt nearest to `units`, halves away from zero.
#[inline]
pub const fn nearest_mv(units: i64) -> i32 {
    let half = if units < 0 {
        -UNITS_PER_MV / 2
    } else {
        UNITS_PER_MV / 2
    };
    // At most 2^63 / 2^43 in magnitude.
    (units.saturating_add(half) / UNITS_PER_MV) as i32
}

/// ln 2 * 2^128, rounded to nearest.
const LN2_Q128: u128 = 0xb172_17f7_d1cf_79ab_c9e3_b398_03f2_f6af;

/// ln 2 * 2^64, rounded to nearest.
const LN2_Q64: u64 = ((LN2_Q128 >> 64) as u64) + ((LN2_Q128 >> 63) as u64 & 1);

/// log2(e) * 2^127, rounded to nearest.
const LOG2_E_Q127: u128 = 0xb8aa_3b29_5c17_f0bb_be87_fed0_691d_3e89;

/// 2^(-i/256) in Q1.63.
static COARSE: [u64; 256] = powers(8);

/// 2^(-i/65536) in Q1.63.
static FINE: [u64; 256] = powers(16);

/// `2^(-i * 2^-scale)` for `i` from 0 to 255, in Q1.63, rounded to nearest.
///
/// Runs at compile time only. The first power comes from the series of `exp`, by Horner's rule,
/// the others by multiplication, all in Q1.127: an error of some 2^-118 at the last entry, far
/// too small to turn a rounding except within 2^-55 of a tie.
const fn powers(scale: u32) -> [u64; 256] {
    const ONE_Q127: u128 = 1 << 127;

    let y = (LN2_Q128 >> 1) >> scale;
    let mut step = ONE_Q127;
    let mut n = 24;
    while n > 0 {
        step = ONE_Q127 - mul_q127(y, step) / n;
        n -= 1;
    }

    let mut table = [0; 256];
    let mut power = ONE_Q127;
    let mut i = 0;
    while i < table.len() {
        table[i] = ((power + (1 << 63)) >> 64) as u64;
        power = mul_q127(power, step);
        i += 1;
    }
    table
}

/// `a * b` for `a`, `b` from 0 to 1 in Q1.127, at most 2^-126 too small. Compile time only.
const fn mul_q127(a: u128, b: u128) -> u128 {
    const LOW: u128 = u64::MAX as u128;

    let (a1, a0) = (a >> 64, a & LOW);
    let (b1, b0) = (b >> 64, b & LOW);
    let middle = ((a1 * b0) >> 1) + ((a0 * b1) >> 1) + ((a0 * b0) >> 65);
    ((a1 * b1) << 1) + (middle >> 62)
}

/// The upper half of a 64 by 64 bit product.
#[inline(always)]
const fn mul_high(a: u64, b: u64) -> u64 {
    ((a as u128).wrapping_mul(b as u128) >> 64) as u64
}

/// `2^-f` for `f = fraction * 2^-64`, in Q1.63: from `2^62` exclusive to `2^63` inclusive, the
/// latter exactly for `fraction` 0. Error: at most 2.6 * 2^-63 (see the module's table).
#[inline]
pub fn exp2_neg(fraction: u64) -> u64 {
    const SIXTH_Q64: u64 = u64::MAX / 6;

    let coarse = COARSE[(fraction >> 56) as usize];
    let fine = FINE[(fraction >> 48 & 0xff) as usize];
    let power = (u128::from(coarse)
        .wrapping_mul(u128::from(fine))
        .wrapping_add(1 << 62)
        >> 63) as u64;

    // w = 2^16 y, and p = 2^16 (1 - exp(-y)) = w - w^2 2^-17 + w^3/6 2^-32, in Q0.64.
    let w = mul_high(fraction << 16, LN2_Q64);
    let w2 = mul_high(w, w);
    let w3_sixth = mul_high(mul_high(w2, w), SIXTH_Q64);
    let p = w.wrapping_sub(w2 >> 17).wrapping_add(w3_sixth >> 32);

    power.wrapping_sub(mul_high(power, p) >> 16)
}

/// `log2(e) / tau` as a normalised reciprocal, `mantissa * 2^-(63 + exponent)`.
///
/// The mantissa lies from 2^63 to 2^64 exclusive, the exponent from 0 (`tau` 1 ns) to 64.
/// Truncation makes the reciprocal at most 2^-63, relatively, too small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leak {
    mantissa: u64,
    exponent: u32,
}

impl Leak {
    /// The leak with time constant `tau_ns` nanoseconds, from 1 to `u64::MAX`.
    ///
    /// Long division, bit by bit: the kernel has no 128-bit division. Done once for each set of
    /// parameters, never for an event.
    pub const fn new(tau_ns: NonZeroU64) -> Self {
        let zeros = tau_ns.leading_zeros();
        let divisor = (tau_ns.get() << (zeros & 63)) as u128;

        // quotient = LOG2_E_Q127 / divisor, from 2^63 exclusive to 2^65 exclusive.
        let mut rest = LOG2_E_Q127 >> 64;
        let mut quotient: u128 = 0;
        if rest >= divisor {
            rest = rest.wrapping_sub(divisor);
            quotient = 1;
        }
        let mut bit = 64u32;
        while bit > 0 {
            bit = bit.wrapping_sub(1);
            rest = rest << 1 | (LOG2_E_Q127.wrapping_shr(bit) & 1);
            quotient <<= 1;
            if rest >= divisor {
                rest = rest.wrapping_sub(divisor);
                quotient |= 1;
            }
        }

        // log2(e) / tau = quotient * 2^(zeros - 127).
        if quotient >> 64 != 0 {
            Self {
                mantissa: (quotient >> 1) as u64,
                exponent: 63u32.wrapping_sub(zeros),
            }
        } else {
            Self {
                mantissa: quotient as u64,
                exponent: 64u32.wrapping_sub(zeros),
            }
        }
    }

    /// `potential * exp(-gap_ns / tau)`, to the nearest unit.
    ///
    /// For any arguments: a gap of 0 returns `potential` itself; from a gap of 64 half-lives on
    /// (44.4 `tau`) the result is 0; the sign never changes and the magnitude never grows.
    #[inline]
    pub fn decay(&self, potential: i64, gap_ns: u64) -> i64 {
        let product = u128::from(gap_ns).wrapping_mul(u128::from(self.mantissa));
        let whole = product.wrapping_shr(self.exponent.wrapping_add(63));
        if whole >= 64 {
            return 0;
        }
        // The bit that the left shift may lose would land above the 64 kept.
        let fraction = (product << 1).wrapping_shr(self.exponent) as u64;

        let shift = (whole as u32).wrapping_add(63);
        let half = 1u128.wrapping_shl(shift.wrapping_sub(1));
        let scaled = u128::from(potential.unsigned_abs())
            .wrapping_mul(u128::from(exp2_neg(fraction)))
            .wrapping_add(half)
            .wrapping_shr(shift) as i64;
        if potential < 0 {
            scaled.wrapping_neg()
        } else {
            scaled
        }
    }
}

// 1 and the square root of one half: a slip in a constant does not compile.
const _: () = assert!(powers(8)[0] == 1 << 63 && powers(8)[128] == 0x5a82_7999_fcef_3242);
