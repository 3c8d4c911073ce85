// SPDX-License-Identifier: GPL-2.0

//! Measurements that have been made.

use num_complex::Complex64;

/// What was measured under one setting of the heaters.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// Share of full power of each heater.
    pub(super) drive: Vec<f64>,
    /// Of the die, in degrees Celsius.
    pub(super) temperature: f64,
    /// The inputs, as the modulators put them out.
    pub(super) inputs: Vec<Vec<Complex64>>,
    /// For each input the powers at both outputs of each crossing.
    pub(super) taps: Vec<Vec<[f64; 2]>>,
    /// For each input the amplitudes at the outputs.
    pub(super) outputs: Vec<Vec<Complex64>>,
}

/// Readings from here on may have been cut, before noise was added to them.
pub(super) const CUT: f64 = 0.98;

/// Whether a reading of a tap may have been cut: by what it says, or by what it should say, where
/// what was cut looks smaller.
pub(super) fn cut(reading: f64, predicted: f64) -> bool {
    reading >= CUT || predicted >= 0.9
}
