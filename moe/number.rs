// SPDX-License-Identifier: GPL-2.0

//! Logits, read as bits: four number formats and their order.
//!
//! A logit becomes a *key*, a `u32` that orders as the numbers do, and from the key a fixed-point
//! number for the score functions. No floating-point instruction is needed for either.
//!
//! The order of the keys of `f32`, `f16` and `bf16` is IEEE comparison, denormals included: the
//! digits without the sign, as a whole number, order as magnitudes do; with the sign they are a
//! whole number again, where -0 is 0; and 2^31 more makes that positive. Keys at or below
//! [`Format::LEAST`] are never selected: -inf, and in Q16.16, which has no infinity, the least number
//! of all. NaN and +inf have keys outside of what [`Format::is_number`] allows.
//!
//! Pure functions: any context, no lock.

/// Binary digits after the point of a logit in fixed point.
pub const FIXED_BITS: u32 = 32;

/// The magnitude at which a logit in fixed point stays: 2^30. Neighbours among `f32` are 128
/// apart from there on, so that of two different ones the lesser has no share in a softmax.
pub const FIXED_LIMIT: i64 = 1 << (30 + FIXED_BITS);

/// A number format of logits.
pub trait Format {
    /// The bits of a number.
    type Word: Copy;

    /// See [`Format::magnitude`].
    const PLAIN: u32;

    /// The greatest key that is never selected.
    const LEAST: u32;

    /// The key of a number: the greater, the greater the number.
    fn key(word: Self::Word) -> u32;

    /// The number as a binary32, if every number of the format is one.
    fn binary32(word: Self::Word) -> Option<u32>;

    /// Greater than [`Format::PLAIN`] for whatever is no finite number.
    fn magnitude(word: Self::Word) -> u32;

    /// Whether this is the key of a number that may be a logit: no NaN, no +inf.
    fn is_number(key: u32) -> bool;

    /// The number with this key, with [`FIXED_BITS`] digits after the point, truncated toward
    /// zero, at most [`FIXED_LIMIT`] in magnitude.
    fn fixed(key: u32) -> i64;

    /// [`Format::fixed`] of a number as it came; -[`FIXED_LIMIT`] for -inf.
    #[inline(always)]
    fn fixed_of(word: Self::Word) -> i64 {
        let key = Self::key(word);
        if key > Self::LEAST {
            Self::fixed(key)
        } else {
            -FIXED_LIMIT
        }
    }
}

/// IEEE 754 binary32, as `u32`.
#[derive(Debug)]
pub enum F32 {}

/// IEEE 754 binary16, as `u16`.
#[derive(Debug)]
pub enum F16 {}

/// bfloat16, the upper half of a binary32, as `u16`.
#[derive(Debug)]
pub enum Bf16 {}

/// Sixteen binary digits after the point, as `i32`. `i32::MIN` stands for -inf.
#[derive(Debug)]
pub enum Q16 {}

/// The sign of a binary32.
const SIGN: u32 = 1 << 31;

/// The bits of +inf.
const INFINITY_BITS: u32 = 0x7f80_0000;

/// The key of -inf.
const MINUS_INFINITY: u32 = SIGN - INFINITY_BITS;

/// The key of +inf.
const INFINITY: u32 = SIGN + INFINITY_BITS;

/// Digits of the significand of a binary32, the leading one included.
const DIGITS: u32 = 24;

impl Format for F32 {
    type Word = u32;

    const PLAIN: u32 = INFINITY_BITS - 1;
    const LEAST: u32 = MINUS_INFINITY;

    #[inline(always)]
    fn key(word: u32) -> u32 {
        let negative = word as i32 >> 31;
        let magnitude = (word & !SIGN) as i32;
        let signed = (magnitude ^ negative).wrapping_sub(negative);
        signed as u32 ^ SIGN
    }

    #[inline(always)]
    fn magnitude(word: u32) -> u32 {
        word & !SIGN
    }

    #[inline(always)]
    fn binary32(word: u32) -> Option<u32> {
        Some(word)
    }

    #[inline(always)]
    fn is_number(key: u32) -> bool {
        key.wrapping_sub(MINUS_INFINITY) < INFINITY.wrapping_sub(MINUS_INFINITY)
    }

    #[inline(always)]
    fn fixed(key: u32) -> i64 {
        let signed = (key ^ SIGN) as i32;
        Self::fixed_of(signed.unsigned_abs() | signed as u32 & SIGN)
    }

    #[inline(always)]
    fn fixed_of(word: u32) -> i64 {
        /// Left of the point when shifted to the top of 62 digits.
        const TOP: u32 = 62 - DIGITS;
        /// The exponent field at which nothing need be shifted back: 2^29 to 2^30.
        const EVEN: u32 = 127 + 29;

        let exponent = word >> 23 & 0xff;
        // A denormal has no leading digit, but none of its digits counts either.
        let significand = i64::from(word & 0x007f_ffff | 0x0080_0000) << TOP;
        let magnitude = if exponent <= EVEN {
            // From 63 on nothing is left, whatever the rest.
            significand >> EVEN.wrapping_sub(exponent).min(63)
        } else {
            FIXED_LIMIT
        };
        // All ones for a negative number. No branch: signs are what a processor cannot guess.
        let negative = i64::from(word as i32 >> 31);
        (magnitude ^ negative).wrapping_sub(negative)
    }
}

/// A binary16 as a binary32: every one has its exact counterpart.
#[inline(always)]
fn widened(half: u16) -> u32 {
    let (sign, rest) = (u32::from(half & 0x8000) << 16, u32::from(half & 0x7fff));
    let bits = match rest >> 10 {
        // Infinity or NaN.
        0x1f => 0x7f80_0000 | (rest & 0x03ff) << 13,
        0 if rest == 0 => 0,
        // Denormal: `rest` times 2^-24, its leading digit to be moved to place 23.
        0 => {
            let zeros = rest.leading_zeros();
            let significand = rest << (zeros.wrapping_sub(8) & 31);
            // 2^-24 has the field 103; the leading digit is that of 2^(31 - zeros).
            (134u32.wrapping_sub(zeros) << 23) | (significand & 0x007f_ffff)
        }
        // The exponents differ by 127 - 15.
        _ => (rest << 13).wrapping_add(112 << 23),
    };
    sign | bits
}

impl Format for F16 {
    type Word = u16;

    const PLAIN: u32 = INFINITY_BITS - 1;
    const LEAST: u32 = MINUS_INFINITY;

    #[inline(always)]
    fn key(word: u16) -> u32 {
        F32::key(widened(word))
    }

    #[inline(always)]
    fn magnitude(word: u16) -> u32 {
        F32::magnitude(widened(word))
    }

    #[inline(always)]
    fn binary32(word: u16) -> Option<u32> {
        Some(widened(word))
    }

    #[inline(always)]
    fn is_number(key: u32) -> bool {
        F32::is_number(key)
    }

    #[inline(always)]
    fn fixed_of(word: u16) -> i64 {
        F32::fixed_of(widened(word))
    }

    #[inline(always)]
    fn fixed(key: u32) -> i64 {
        F32::fixed(key)
    }
}

impl Format for Bf16 {
    type Word = u16;

    const PLAIN: u32 = INFINITY_BITS - 1;
    const LEAST: u32 = MINUS_INFINITY;

    #[inline(always)]
    fn key(word: u16) -> u32 {
        F32::key(u32::from(word) << 16)
    }

    #[inline(always)]
    fn magnitude(word: u16) -> u32 {
        F32::magnitude(u32::from(word) << 16)
    }

    #[inline(always)]
    fn binary32(word: u16) -> Option<u32> {
        Some(u32::from(word) << 16)
    }

    #[inline(always)]
    fn is_number(key: u32) -> bool {
        F32::is_number(key)
    }

    #[inline(always)]
    fn fixed_of(word: u16) -> i64 {
        F32::fixed_of(u32::from(word) << 16)
    }

    #[inline(always)]
    fn fixed(key: u32) -> i64 {
        F32::fixed(key)
    }
}

impl Format for Q16 {
    type Word = i32;

    const PLAIN: u32 = 0;
    const LEAST: u32 = 0;

    #[inline(always)]
    fn key(word: i32) -> u32 {
        word as u32 ^ SIGN
    }

    #[inline(always)]
    fn magnitude(word: i32) -> u32 {
        u32::from(word == i32::MIN)
    }

    #[inline(always)]
    fn binary32(_word: i32) -> Option<u32> {
        None
    }

    #[inline(always)]
    fn is_number(_key: u32) -> bool {
        true
    }

    #[inline(always)]
    fn fixed(key: u32) -> i64 {
        i64::from((key ^ SIGN) as i32) << (FIXED_BITS - 16)
    }
}
