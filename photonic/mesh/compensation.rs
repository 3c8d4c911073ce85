// SPDX-License-Identifier: GPL-2.0

//! When the die has drifted so far that the codes must be computed anew.
//!
//! A decision alone: whoever runs the device says what the sensor reads, asks, and does the rest.
//!
//! The temperature is filtered first (the mean of some sixteen readings), since sensors have
//! noise; a reading that is a step or more away is taken as it is, so that the filter does not lag
//! behind where there are few readings. Codes are due when it is a step away from the temperature that they were computed for,
//! and that becomes the new middle: a temperature that swings by less than a step around any value
//! makes at most one recomputation. A step is the drift that turns the quickest phase by a quarter
//! of the converter's step, but neither below what sensors can tell nor above one degree.
//!
//! Process context; the lock of the tables' owner (`optics` in `photonic/device/mod.rs`).

use super::heater::{Dac, TURN};

/// The least step, in millidegrees: some three deviations of a filtered sensor.
pub const MIN_STEP_MC: u32 = 50;
/// The greatest.
pub const MAX_STEP_MC: u32 = 1000;
/// Readings that the filter spans, as a power of two.
const FILTER_BITS: u32 = 4;
/// Binary digits of the filter below a millidegree.
const FRACTION_BITS: u32 = 16;

/// The state of the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compensation {
    step_mc: u32,
    /// Filtered temperature, 2^-16 millidegrees; `None` before the first reading.
    filtered: Option<i64>,
    /// What the present codes were computed for.
    solved_mc: Option<i32>,
}

/// The step for heaters that drift by at most `tempco` (2^-32 turns per degree).
pub fn step_mc(tempco: u32, dac: Dac) -> u32 {
    // Of a step where the phase is a turn, in 2^-28 turns: 16 units of the drift each.
    let quarter = u64::from(dac.half_step(TURN)) / 2;
    let step = (quarter * 16 * 1000).checked_div(u64::from(tempco));
    step.map_or(MAX_STEP_MC, |step| {
        step.clamp(u64::from(MIN_STEP_MC), u64::from(MAX_STEP_MC)) as u32
    })
}

impl Compensation {
    /// Nothing read, nothing computed.
    pub const fn new(step_mc: u32) -> Self {
        Self {
            step_mc,
            filtered: None,
            solved_mc: None,
        }
    }

    /// Takes a reading of the die's temperature, in millidegrees.
    pub fn read(&mut self, temperature_mc: i32) {
        let reading = i64::from(temperature_mc) << FRACTION_BITS;
        let step = i64::from(self.step_mc) << FRACTION_BITS;
        self.filtered = Some(match self.filtered {
            Some(mean) if (reading - mean).abs() < step => mean + ((reading - mean) >> FILTER_BITS),
            _ => reading,
        });
    }

    /// The temperature to compute for, in millidegrees; `None` before the first reading.
    pub fn temperature_mc(&self) -> Option<i32> {
        let rounded = self.filtered? + (1 << (FRACTION_BITS - 1));
        Some((rounded >> FRACTION_BITS) as i32)
    }

    /// Whether codes are due.
    pub fn due(&self) -> bool {
        match (self.temperature_mc(), self.solved_mc) {
            (Some(now), Some(then)) => now.abs_diff(then) >= self.step_mc,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// Codes were computed for `temperature_mc`.
    pub fn solved(&mut self, temperature_mc: i32) {
        self.solved_mc = Some(temperature_mc);
    }

    /// Another calibration: its step, and codes are due.
    pub fn restart(&mut self, step_mc: u32) {
        self.step_mc = step_mc;
        self.solved_mc = None;
    }
}
