// SPDX-License-Identifier: GPL-2.0

//! Positive numbers with 64 digits and an exponent, for scores and weights.
//!
//! A score may be as small as exp(-2^30) and still be half of a token's weight, where all chosen
//! ones are small; fixed point would lose it. A [`Real`] keeps 64 binary digits at any size. Each
//! operation is within a few units of the last digit but [`Real::reciprocal`], which is within
//! 2^-55 of its result, [`Real::rough_reciprocal`] and [`Real::exp_neg`].
//!
//! Pure functions: any context, no lock.

use super::power::{power, POWER_BITS};

/// `mantissa * 2^(exponent - 63)`: the highest bit of the mantissa is set, or all is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Real {
    mantissa: u64,
    exponent: i32,
}

/// The upper half of a 64 by 64 bit product.
#[inline(always)]
const fn mul_high(a: u64, b: u64) -> u64 {
    ((a as u128).wrapping_mul(b as u128) >> 64) as u64
}

impl Real {
    /// Nought.
    pub const ZERO: Self = Self {
        mantissa: 0,
        exponent: 0,
    };

    /// One.
    pub const ONE: Self = Self {
        mantissa: 1 << 63,
        exponent: 0,
    };

    /// `value * 2^-bits`.
    #[inline]
    pub const fn new(value: u64, bits: u32) -> Self {
        if value == 0 {
            return Self::ZERO;
        }
        let zeros = value.leading_zeros();
        Self {
            mantissa: value << (zeros & 63),
            exponent: 63i32.wrapping_sub(zeros as i32).wrapping_sub(bits as i32),
        }
    }

    /// Whether this is nought.
    #[inline]
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// `exp(-distance)`, see [`power`].
    #[inline(always)]
    pub fn exp_neg(distance: u64) -> Self {
        let (power, halves) = power(distance);
        // Above a half, at most 1.
        let whole = (power >> POWER_BITS) as u32;
        let zeros = (64 - POWER_BITS).wrapping_sub(whole);
        Self {
            mantissa: power << (zeros & 63),
            exponent: (whole as i32)
                .wrapping_sub(1)
                .wrapping_sub(halves.min(1 << 30) as i32),
        }
    }

    /// Half of it `halves` times.
    #[inline]
    pub const fn halved(self, halves: u32) -> Self {
        Self {
            mantissa: self.mantissa,
            exponent: self.exponent.wrapping_sub(halves as i32),
        }
    }

    /// The product, truncated.
    #[inline(always)]
    pub const fn times(self, other: Self) -> Self {
        let high = mul_high(self.mantissa, other.mantissa);
        if high == 0 {
            return Self::ZERO;
        }
        // The product of two numbers from 1 to 2 is below 4: one leading zero at most.
        let zeros = (high >> 63) as u32 ^ 1;
        Self {
            mantissa: high << zeros,
            exponent: self
                .exponent
                .wrapping_add(other.exponent)
                .wrapping_add(1)
                .wrapping_sub(zeros as i32),
        }
    }

    /// One divided by it, within 2^-55 of the result; nought for nought.
    #[inline]
    pub fn reciprocal(self) -> Self {
        // Below 2^32, and not 0 but for nought.
        let Some(estimate) = u64::MAX.checked_div(self.mantissa >> 32) else {
            return Self::ZERO;
        };
        // 2^96 / mantissa, too great by 2^-31 of it at most; one step of Newton's rule squares
        // that. The miss is below 2^66, its part that counts below 2^26.
        let product = u128::from(self.mantissa).wrapping_mul(u128::from(estimate));
        let miss = (1u128 << 96).wrapping_sub(product) as i128 >> 40;
        let step = (estimate as i64).wrapping_mul(miss as i64) >> 26;
        let inverse = (estimate << 30).wrapping_add_signed(step);
        // 2^126 / mantissa: above 2^62, at most 2^63.
        let whole = (inverse >> 63) as u32;
        Self {
            mantissa: inverse << (whole ^ 1),
            exponent: (whole as i32).wrapping_sub(1).wrapping_sub(self.exponent),
        }
    }

    /// One divided by it, within 2^-30 of the result; nought for nought.
    #[inline(always)]
    pub fn rough_reciprocal(self) -> Self {
        // Below 2^32, and not 0 but for nought.
        let Some(inverse) = (u64::MAX >> 1).checked_div(self.mantissa >> 32) else {
            return Self::ZERO;
        };
        // 2^95 / mantissa: at least 2^31, below 2^32.
        Self {
            mantissa: inverse << 32,
            exponent: (-1i32).wrapping_sub(self.exponent),
        }
    }

    /// The sum of all, each truncated to the last of 58 digits of the greatest. At most 64 terms.
    #[inline]
    pub fn sum(terms: &[Self]) -> Self {
        let positive = terms.iter().filter(|t| !t.is_zero());
        let Some(top) = positive.map(|t| t.exponent).max() else {
            return Self::ZERO;
        };
        let mut sum: u64 = 0;
        for term in terms {
            let below = top.wrapping_sub(term.exponent).clamp(0, 57) as u32;
            sum = sum.wrapping_add(term.mantissa >> (below.wrapping_add(6) & 63));
        }
        Self::new(sum, 57).halved(top.wrapping_neg() as u32)
    }

    /// The square root, truncated.
    #[inline]
    pub fn square_root(self) -> Self {
        if self.is_zero() {
            return self;
        }
        // From 1 to 4 in Q2.62, and an even exponent.
        let odd = self.exponent & 1;
        let radicand = self.mantissa >> (1 ^ odd);
        let root = radicand.isqrt().max(1);
        // At most twice the root, below 2^33: root + rest / (2 root) is within 2^-64 of it.
        let rest = radicand.wrapping_sub(root.wrapping_mul(root));
        let digits = (rest << 31).wrapping_div(root);
        Self {
            mantissa: (root << 32).saturating_add(digits),
            exponent: self.exponent.wrapping_sub(odd) >> 1,
        }
    }

    /// `value * 2^-bits` for 128 bits; the lowest may be lost.
    #[inline]
    pub const fn wide(value: u128, bits: u32) -> Self {
        let high = (value >> 64) as u64;
        if high == 0 {
            return Self::new(value as u64, bits);
        }
        let shift = 64u32.wrapping_sub(high.leading_zeros());
        Self::new((value >> (shift & 127)) as u64, bits.wrapping_sub(shift))
    }

    /// It times `2^bits` as a whole number, to the nearest, at most `u64::MAX >> 1`.
    #[inline(always)]
    pub const fn scaled(self, bits: u32) -> u64 {
        const MOST: u64 = u64::MAX >> 1;

        let places = (bits as i32).wrapping_add(self.exponent);
        if self.mantissa == 0 || places < -1 {
            0
        } else if places >= 63 {
            MOST
        } else {
            // Of the digits to be lost one is kept for rounding.
            let shift = 62u32.wrapping_sub(places as u32);
            let doubled = self.mantissa.wrapping_shr(shift);
            (doubled >> 1).wrapping_add(doubled & 1)
        }
    }

    /// The bits of the nearest `f32`, ties to even. Below the least normal one, 2^-126, it is 0;
    /// above the greatest finite one that.
    #[inline(always)]
    pub const fn to_f32(self) -> u32 {
        /// Digits of the mantissa, but one, that a binary32 has no room for.
        const LOST: u32 = 39;

        let field = self.exponent.wrapping_add(126);
        if self.mantissa == 0 || field < 0 {
            return 0;
        }
        if field > 253 {
            return 0x7f7f_ffff;
        }
        // Half of the last digit kept; a tie adds up only to an odd one.
        let odd = self.mantissa >> (LOST + 1) & 1;
        let half = (1u64 << (LOST - 1)).wrapping_sub(1).wrapping_add(odd);
        let kept = (self.mantissa >> 1).wrapping_add(half) >> LOST;
        // The leading digit, and a carry, add to the exponent.
        ((field as u32) << 23).wrapping_add(kept as u32)
    }

    /// Whether it is at least `other`.
    #[inline]
    pub const fn at_least(self, other: Self) -> bool {
        if other.mantissa == 0 {
            true
        } else if self.mantissa == 0 || self.exponent != other.exponent {
            self.mantissa != 0 && self.exponent > other.exponent
        } else {
            self.mantissa >= other.mantissa
        }
    }

    /// The binary exponent: it lies from `2^exponent` to twice that.
    #[inline]
    pub const fn exponent(self) -> i32 {
        self.exponent
    }
}
