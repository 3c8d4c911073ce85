// SPDX-License-Identifier: GPL-2.0

//! Numbers to modulator words, ADC words to numbers.
//!
//! A vector of the ABI has N complex numbers, real and imaginary part as fractions of 2^31, and
//! one exponent: its numbers times two to the power of that. Words have the same form.
//!
//! # Inputs
//!
//! All numbers of a vector are multiplied by one power of two such that the largest part is at
//! least 1/2 in magnitude, then rounded to the nearest multiple of the modulator's step, halves
//! up. The error of a part is at most half a step; at the upper end of the range, where there is
//! no word for 1, less than a step.
//!
//! # Outputs
//!
//! A word w at gain g stands for the amplitude `w 2^-31 2^(3-g)`, in direct detection for the
//! power `w 2^-31 4^(3-g)`. It is divided by the transmission (the power by its square), the power
//! of two of the input taken back, and the vector normalised again: its largest part is at least
//! 1/2. One rounding to nearest: at most half of 2^-31, of the vector's full scale. The one of the
//! transmission's square in direct detection adds 2^-32 of the value.
//!
//! Process context; no lock.

use super::calibration::FULL_TRANSMISSION;

/// Log2 of the amplitude that is full scale at gain 0.
pub const FULL_SCALE_BITS: i32 = 3;

/// The largest part of `numbers` in magnitude.
pub fn peak(numbers: &[i32]) -> u32 {
    let magnitudes = numbers.iter().map(|number| number.unsigned_abs());
    magnitudes.max().unwrap_or(0)
}

/// Places by which numbers of at most `peak` can be shifted to the left within 32 bits.
const fn room(peak: u32) -> u32 {
    match peak {
        0 => 0,
        // -2^31 fits as it is; that its power is the greatest costs it nothing.
        _ => peak.leading_zeros().saturating_sub(1),
    }
}

/// The word of `bits` bits nearest to `number`.
const fn word(number: i32, bits: u32) -> i32 {
    let spare = 32u32.saturating_sub(bits);
    if spare == 0 || spare > 31 {
        return number;
    }
    let rounded = (number as i64 + (1 << (spare - 1))) >> spare;
    let greatest = i32::MAX >> spare;
    let kept = if rounded > greatest as i64 {
        greatest
    } else {
        rounded as i32
    };
    kept << spare
}

/// Makes words for modulators of `bits` bits of `numbers`; the shorter one of the two slices
/// counts. Returns by how many powers of two they are larger.
pub fn modulate(numbers: &[i32], bits: u32, words: &mut [i32]) -> u32 {
    let shift = room(peak(numbers));
    for (word_out, &number) in words.iter_mut().zip(numbers) {
        *word_out = word(number << shift, bits);
    }
    shift
}

/// An upper bound of the sum of the squares of `words`, 2^-30: their optical power.
pub fn power(words: &[i32]) -> u64 {
    let squares = words.iter().map(|word| {
        let magnitude = u64::from(word.unsigned_abs() >> 16) + 1;
        // At most 2^15 + 1, squared.
        magnitude * magnitude
    });
    squares.fold(0, u64::wrapping_add)
}

/// How light was detected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detection {
    /// Amplitudes, both quadratures.
    Coherent,
    /// Powers.
    Direct,
}

/// From words to numbers, for one kind of detection and one transmission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detector {
    detection: Detection,
    /// What words are divided by, 2^31 to 2^32 - 1, and the power of two that it lacks.
    divisor: u32,
    exponent: i32,
}

impl Detector {
    /// For a transmission (an amplitude, 2^-31) above 0; 0 is taken for 1.
    pub const fn new(detection: Detection, transmission: u32) -> Self {
        let whole = match (transmission, detection) {
            (0, _) => (FULL_TRANSMISSION as u64) << 31,
            (amplitude, Detection::Coherent) => (amplitude as u64) << 31,
            (amplitude, Detection::Direct) => (amplitude as u64).wrapping_mul(amplitude as u64),
        };
        // In 2^-62. Normalised to 2^-31 with the upper bit set, rounded to nearest.
        let zeros = whole.leading_zeros();
        let normal = (whole << zeros).saturating_add(1 << 31) >> 32;
        Self {
            detection,
            divisor: normal as u32,
            exponent: 1 - zeros as i32,
        }
    }

    /// Makes numbers of the words of one vector; the shorter one of the two slices counts.
    ///
    /// The words came at `gain` of inputs that are by `shift` powers of two larger than the
    /// numbers, whose exponent was `exponent`. Returns the exponent of the result, 0 if all of it
    /// is 0.
    pub fn numbers(
        &self,
        words: &[i32],
        gain: u32,
        shift: u32,
        exponent: i32,
        numbers: &mut [i32],
    ) -> i32 {
        let peak = peak(words);
        if peak == 0 {
            numbers.fill(0);
            return 0;
        }
        let left = room(peak);
        // One place more where the quotient has room for it. The divisor is at least 2^31.
        let more = ((u64::from(peak) << left) << 1) < u64::from(self.divisor);
        let places = 31 + u32::from(more);
        let divisor = i64::from(self.divisor);
        for (number, &word) in numbers.iter_mut().zip(words) {
            // Below 2^63, as the quotient is below 2^31.
            let dividend = i64::from(word << left) << places;
            *number = round_div(dividend, divisor);
        }
        let scale = FULL_SCALE_BITS
            .wrapping_sub(gain as i32)
            .wrapping_add(exponent)
            .wrapping_sub(shift as i32);
        let scale = match self.detection {
            Detection::Coherent => scale,
            Detection::Direct => scale.wrapping_mul(2),
        };
        scale
            .wrapping_sub(self.exponent)
            .wrapping_sub(left as i32)
            .wrapping_sub(i32::from(more))
    }
}

/// The quotient rounded to nearest, halves away from 0, within 32 bits.
const fn round_div(dividend: i64, divisor: i64) -> i32 {
    let half = if dividend < 0 {
        -(divisor / 2)
    } else {
        divisor / 2
    };
    let quotient = match dividend.saturating_add(half).checked_div(divisor) {
        Some(quotient) => quotient,
        None => 0,
    };
    if quotient > i32::MAX as i64 {
        i32::MAX
    } else if quotient < i32::MIN as i64 {
        i32::MIN
    } else {
        quotient as i32
    }
}
