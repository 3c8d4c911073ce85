// SPDX-License-Identifier: GPL-2.0

//! Measurements with raw codes: what calibration works with.

use num_complex::Complex64;

use crate::sys;

/// The code of one heater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Which heater.
    pub channel: u32,
    /// What its DAC gets, at most [`Info::code_limit`](super::Info::code_limit).
    pub code: u32,
}

impl From<Setting> for sys::PhotonicSetting {
    fn from(setting: Setting) -> Self {
        Self {
            channel: setting.channel,
            code: setting.code,
        }
    }
}

/// What is put in to be measured: vectors of fractions of a full input, -1 to 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeInput {
    pub(super) vectors: usize,
    pub(super) words: Vec<i32>,
}

impl ProbeInput {
    /// Vectors of `modes` numbers each; parts beyond -1 to 1 are cut.
    pub fn new(modes: usize, values: &[Complex64]) -> Self {
        let word = |part: f64| (part * 2f64.powi(31)).round() as i32;
        Self {
            vectors: values.len() / modes.max(1),
            words: values
                .iter()
                .flat_map(|z| [word(z.re), word(z.im)])
                .collect(),
        }
    }

    /// Each of `inputs` alone, with an amplitude of 1.
    pub fn basis(modes: usize, inputs: impl IntoIterator<Item = usize>) -> Self {
        let mut values = Vec::new();
        for input in inputs {
            values.extend((0..modes).map(|n| Complex64::from(f64::from(u8::from(n == input)))));
        }
        Self::new(modes, &values)
    }

    /// How many vectors.
    pub fn len(&self) -> usize {
        self.vectors
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.vectors == 0
    }

    /// Real and imaginary parts, fractions of 2^31.
    pub fn words(&self) -> &[i32] {
        &self.words
    }
}

/// A measurement to be made.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    /// Codes of heaters, handed over by one commit.
    pub settings: &'a [Setting],
    /// Whether heaters that are not named get code 0; else they keep theirs.
    pub clear: bool,
    /// What is put in: 1 to 64 vectors.
    pub input: &'a ProbeInput,
    /// The first crossing whose taps are wanted.
    pub first_tap: u32,
    /// How many crossings; 0 for none.
    pub taps: u32,
    /// Measurements that each value is the mean of; 1 to 256.
    pub averages: u32,
    /// At which wavelength.
    pub wavelength: u32,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// A vector of amplitudes for each that was put in; 1 is that of a full input.
    pub output: Vec<Complex64>,
    /// For each vector that was put in, the powers at the top and at the bottom
    /// output of each crossing; 1 is that of a full input.
    pub taps: Vec<[f64; 2]>,
    /// Temperature of the die meanwhile, in millidegrees Celsius.
    pub temperature_mc: i32,
}

impl Measurement {
    /// From what the module wrote.
    pub(super) fn new(output: &[i32], taps: &[u32], temperature_mc: i32) -> Self {
        let amplitude = |word: i32| f64::from(word) * 2f64.powi(-28);
        let power = |word: u32| f64::from(word) * 2f64.powi(-32);
        Self {
            output: output
                .chunks_exact(2)
                .map(|pair| Complex64::new(amplitude(pair[0]), amplitude(pair[1])))
                .collect(),
            taps: taps
                .chunks_exact(2)
                .map(|pair| [power(pair[0]), power(pair[1])])
                .collect(),
            temperature_mc,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_fractions_of_a_full_one() {
        let input = ProbeInput::basis(2, [1, 0]);
        assert_eq!(input.len(), 2);
        assert_eq!(input.words, [0, 0, i32::MAX, 0, i32::MAX, 0, 0, 0]);
        let input = ProbeInput::new(1, &[Complex64::new(-0.5, -3.0)]);
        assert_eq!(input.words, [-(1 << 30), i32::MIN]);
    }

    #[test]
    fn outputs_are_in_units_of_a_full_input() {
        let measured = Measurement::new(&[1 << 28, -(1 << 27)], &[1 << 31, 0], 45_000);
        assert_eq!(measured.output, [Complex64::new(1.0, -0.5)]);
        assert_eq!(measured.taps, [[0.5, 0.0]]);
    }
}
