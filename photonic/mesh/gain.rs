// SPDX-License-Identifier: GPL-2.0

//! How much the outputs of a batch are amplified.
//!
//! The ADCs have few bits, and what comes out of a mesh is much smaller than what the inputs would
//! allow: each output gets its part only. The gain is found by trying. A mesh never adds power, so
//! the power of the inputs gives a gain that is safe ([`safe`]). From there, or from what the batch
//! before has found, a batch is run; if it saturates, the gain falls half of the way to one that is
//! known to be good and it is run again; if it leaves a bit or more unused, the gain rises once and
//! it is run again. At most [`MAX_RUNS`] runs.
//!
//! Process context; no lock.

use super::super::registers::GAIN_MAX;
use super::calibration::FULL_TRANSMISSION;
use super::vector::{Detection, FULL_SCALE_BITS};

/// The most runs of a batch: four falls from gain 15 to 0, a rise, and as many falls again.
pub const MAX_RUNS: u32 = 10;

/// The greatest word that is aimed at when the gain rises: 7/8 of full scale, for the noise.
const AIM: u32 = 7 << 28;

/// The greatest gain at which vectors of at most this power (2^-30) cannot saturate.
///
/// No output has more than the power of all inputs: full scale, `2^(3-g)`, is at least that.
pub fn safe(power: u64, transmission: u32) -> u32 {
    let loss = u64::from(transmission.min(FULL_TRANSMISSION)).div_ceil(1 << 16);
    // At most 2^6 * 2^30, 2^15 twice.
    let amplified = power.saturating_mul(loss).div_ceil(1 << 15);
    let arriving = amplified.saturating_mul(loss).div_ceil(1 << 15).max(1);
    // The greatest g with 4^(3-g) 2^30 >= arriving.
    let full = 30 + 2 * FULL_SCALE_BITS as u32;
    let bits = u64::BITS - (arriving - 1).leading_zeros();
    (full.saturating_sub(bits) / 2).min(GAIN_MAX)
}

/// What to do with a batch that was run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its results are as good as they get.
    Keep,
    /// It is to be run again, at the gain as it is now.
    Again,
}

/// The search for the gain of one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    gain: u32,
    /// The greatest gain that is known not to saturate.
    good: u32,
    /// The least gain that saturated.
    too_much: u32,
    /// Whether it has been raised.
    raised: bool,
    runs: u32,
    detection: Detection,
}

impl Search {
    /// A search from `learned`, or else from the gain that is `safe`.
    pub fn new(detection: Detection, safe: u32, learned: Option<u32>) -> Self {
        let safe = safe.min(GAIN_MAX);
        Self {
            gain: learned.unwrap_or(safe).max(safe).min(GAIN_MAX),
            good: safe,
            too_much: GAIN_MAX + 1,
            raised: false,
            runs: 0,
            detection,
        }
    }

    /// The gain to run at; after the last run what the next batch can begin with.
    pub const fn gain(&self) -> u32 {
        self.gain
    }

    /// Judges a run at that gain: whether it saturated, and its largest word in magnitude.
    pub fn judge(&mut self, saturated: bool, peak: u32) -> Verdict {
        self.runs = self.runs.saturating_add(1);
        if self.runs >= MAX_RUNS {
            return Verdict::Keep;
        }
        match saturated {
            true => self.fall(),
            false => self.rise(peak),
        }
    }

    fn fall(&mut self) -> Verdict {
        self.too_much = self.gain;
        if self.gain == 0 {
            return Verdict::Keep;
        }
        // Noise can make even a safe gain saturate.
        self.gain = match self.gain.checked_sub(self.good) {
            Some(above @ 1..) => self.good + above / 2,
            _ => self.gain - 1,
        };
        Verdict::Again
    }

    fn rise(&mut self, peak: u32) -> Verdict {
        self.good = self.gain;
        let unused = AIM.checked_div(peak).and_then(u32::checked_ilog2);
        // A step of the gain doubles amplitudes, and powers twice.
        let steps = match self.detection {
            Detection::Coherent => unused.unwrap_or(0),
            Detection::Direct => unused.unwrap_or(0) / 2,
        };
        let gain = self.gain.saturating_add(steps);
        let gain = gain.min(GAIN_MAX).min(self.too_much.saturating_sub(1));
        if self.raised || gain <= self.gain {
            return Verdict::Keep;
        }
        self.gain = gain;
        self.raised = true;
        Verdict::Again
    }
}
