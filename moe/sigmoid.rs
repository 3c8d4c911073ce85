// SPDX-License-Identifier: GPL-2.0

//! Deciding keys of the sigmoid, cheap enough for every expert of every token.
//!
//! Cubics over pieces of the logit's magnitude. The pieces are those of a floating-point number:
//! each octave from 2^-6 to 2^5 has 128, and a binary32's exponent and first seven digits are the
//! number of its piece, the other sixteen the place in it. So a logit is used as it comes, and
//! what is no number, or too great or small for the table, falls out where the piece is looked up.
//!
//! Each cubic is the Taylor polynomial at the middle of its piece. With `w` the piece's width its
//! error is at most `(w/2)^4 / 24` times the fourth derivative: below 2^-34.4 (worst at 4, where
//! `w` = 2^-5 and the derivative is 2^-5.8). The coefficients, with 46 digits, and the products
//! add 2^-44; the final rounding 2^-36. Together **2^-34**. Below 2^-6 the series `1/2 + x/4 -
//! x^3/48` is within 2^-38; from 32 on 1 is within 2^-46.
//!
//! Pure functions: any context, no lock.

use super::number::FIXED_BITS;
use super::score::{KEY_BITS, KEY_ONE};

/// Binary digits that number the pieces of an octave.
const PIECE_BITS: u32 = 7;

/// The first octave begins at 2^-6.
const FIRST_OCTAVE: i32 = -6;

/// Octaves in the table.
const OCTAVES: usize = 11;

/// Pieces in the table.
const PIECES: usize = OCTAVES << PIECE_BITS;

/// Digits of a coefficient.
const BITS: u32 = 46;

/// A cubic, by the place in the piece from 0 to 1; [`BITS`] digits.
#[derive(Clone, Copy)]
struct Piece {
    constant: i64,
    linear: i64,
    square: i32,
    cube: i32,
}

static TABLE: [Piece; PIECES] = table();

/// Digits while the table is made, at compile time only.
const WIDE: u32 = 62;

/// 1 with that many digits.
const ONE: i128 = 1 << WIDE;

/// `exp(-x)`: series after halving, then squared as often.
const fn exp_neg(x: i128) -> i128 {
    let y = x >> 8;
    let mut sum = ONE;
    let mut n = 16;
    while n > 0 {
        sum = ONE - ((y * sum) >> WIDE) / n;
        n -= 1;
    }
    let mut times = 0;
    while times < 8 {
        sum = (sum * sum) >> WIDE;
        times += 1;
    }
    sum
}

/// The Taylor polynomial at `middle` over a width, as a polynomial from the piece's beginning.
const fn piece(middle: i128, width: i128) -> Piece {
    let s = (ONE << WIDE) / (ONE + exp_neg(middle));
    let first = (s * (ONE - s)) >> WIDE;
    let second = ((first * (ONE - 2 * s)) >> WIDE) / 2;
    let third = ((first * (ONE - 6 * first)) >> WIDE) / 6;
    let a = (first * width) >> WIDE;
    let b = (((second * width) >> WIDE) * width) >> WIDE;
    let c = (((((third * width) >> WIDE) * width) >> WIDE) * width) >> WIDE;
    // With q = place - 1/2: s + a q + b q^2 + c q^3.
    Piece {
        constant: rounded(s - a / 2 + b / 4 - c / 8) as i64,
        linear: rounded(a - b + 3 * c / 4) as i64,
        square: rounded(b - 3 * c / 2) as i32,
        cube: rounded(c) as i32,
    }
}

const fn rounded(value: i128) -> i128 {
    (value + (1 << (WIDE - BITS - 1))) >> (WIDE - BITS)
}

const fn table() -> [Piece; PIECES] {
    let mut table = [Piece {
        constant: 0,
        linear: 0,
        square: 0,
        cube: 0,
    }; PIECES];
    let mut i = 0;
    while i < PIECES {
        let octave = FIRST_OCTAVE + (i >> PIECE_BITS) as i32;
        let width = 1 << (WIDE as i32 + octave - PIECE_BITS as i32);
        let place = (1 << PIECE_BITS) + (i as i128 & ((1 << PIECE_BITS) - 1));
        table[i] = piece(width * place + width / 2, width);
        i += 1;
    }
    table
}

impl Piece {
    /// The key at `place`, which has `DIGITS` digits after the point: at most 26.
    #[inline(always)]
    fn key<const DIGITS: u32>(&self, place: u32) -> i64 {
        // Coefficients are below 2^36.8, 2^31 and 2^31, the sums too: no product reaches 2^63.
        let place = i64::from(place);
        let sum = i64::from(self.cube).wrapping_mul(place) >> DIGITS;
        let sum = sum.wrapping_add(i64::from(self.square)).wrapping_mul(place) >> DIGITS;
        let sum = sum.wrapping_add(self.linear).wrapping_mul(place) >> DIGITS;
        sum.wrapping_add(self.constant) >> (BITS - KEY_BITS)
    }
}

/// The sigmoid of `-x` for a negative number, from that of its magnitude. No branch: signs are what
/// a processor cannot guess.
#[inline(always)]
fn mirrored(key: i64, negative: bool) -> i64 {
    let mask = i64::from(negative).wrapping_neg();
    (key ^ mask).wrapping_sub(mask).wrapping_add(KEY_ONE & mask)
}

/// The key of a binary32 from 2^-6 to 32 in magnitude; of no other.
#[inline(always)]
pub fn key_of_binary32(bits: u32) -> Option<i64> {
    const PLACE_BITS: u32 = 23 - PIECE_BITS;
    const FIRST: u32 = ((127 + FIRST_OCTAVE) as u32) << PIECE_BITS;

    let magnitude = bits & 0x7fff_ffff;
    let piece = TABLE.get((magnitude >> PLACE_BITS).wrapping_sub(FIRST) as usize)?;
    let key = piece.key::<PLACE_BITS>(magnitude & ((1 << PLACE_BITS) - 1));
    Some(mirrored(key, bits >> 31 != 0))
}

/// The key of a logit in fixed point.
#[inline]
pub fn sigmoid_key(x: i64) -> i64 {
    const PLACE_BITS: u32 = 26;
    /// 2^-6.
    const LEAST: u64 = 1 << (FIXED_BITS as i32 + FIRST_OCTAVE);

    let magnitude = x.unsigned_abs();
    if magnitude < LEAST {
        // x, x^2 and x^3 / 12 with the digits of a key; no product passes 2^52.
        let square = magnitude.wrapping_mul(magnitude) >> (2 * FIXED_BITS - KEY_BITS);
        let bend = (magnitude.wrapping_mul(square) >> FIXED_BITS).wrapping_div(12);
        let slope = (magnitude << (KEY_BITS - FIXED_BITS)).wrapping_sub(bend) >> 2;
        return mirrored((KEY_ONE / 2).wrapping_add(slope as i64), x < 0);
    }
    // The leading digit, then those of the piece, then those of the place.
    let zeros = magnitude.leading_zeros();
    let digits = magnitude << (zeros & 63) << 1;
    let octave = (FIXED_BITS as i32 + FIRST_OCTAVE).unsigned_abs();
    let octave = 63u32.wrapping_sub(zeros).wrapping_sub(octave);
    let index = u64::from(octave) << PIECE_BITS | digits >> (64 - PIECE_BITS);
    let place = (digits << PIECE_BITS >> (64 - PLACE_BITS)) as u32;
    let key = TABLE
        .get(index as usize)
        .map_or(KEY_ONE, |piece| piece.key::<PLACE_BITS>(place));
    mirrored(key, x < 0)
}
