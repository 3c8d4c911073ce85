// SPDX-License-Identifier: GPL-2.0

//! Products that a processor is asked for.

use std::time::Duration;

use super::vectors::Vectors;
use crate::sys;

/// How a product is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Powers instead of amplitudes: direct detection.
    pub direct: bool,
    /// Rather fail than run throttled.
    pub unthrottled: bool,
    /// Bit w: compute at wavelength w; 0 stands for wavelength 0 alone. All vectors
    /// are computed at the lowest, then at the next.
    pub wavelengths: u64,
    /// After this time the job ends; `None` for ten seconds.
    pub timeout: Option<Duration>,
}

impl Options {
    /// How many wavelengths.
    pub(super) fn colours(&self) -> usize {
        self.wavelengths.count_ones().max(1) as usize
    }

    /// The bits of the ABI.
    pub(super) fn flags(&self) -> u32 {
        let bit = |set: bool, bit: u32| if set { bit } else { 0 };
        bit(self.direct, sys::PHOTONIC_DIRECT) | bit(self.unthrottled, sys::PHOTONIC_UNTHROTTLED)
    }

    /// The timeout as the ABI carries it.
    pub(super) fn timeout_ns(&self) -> u64 {
        // 0 stands for the default there.
        self.timeout
            .map_or(0, |timeout| nanoseconds(timeout).max(1))
    }
}

/// A duration as the ABI carries it.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A job that was submitted. Its result is kept until somebody waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "the module keeps the result until it is waited for"]
pub struct Job {
    pub(super) id: u64,
    /// Vectors of the result, over all wavelengths.
    pub(super) vectors: usize,
}

impl Job {
    /// Its number, as in events.
    pub fn id(&self) -> u64 {
        self.id
    }
}

/// The result of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// As many vectors as were submitted, for each wavelength. With direct detection
    /// the real parts are powers and the imaginary parts 0.
    pub output: Vectors,
    /// Vectors that were cut at full scale even at the least gain.
    pub saturated: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_at_all_is_not_the_default() {
        let mut options = Options::default();
        assert_eq!((options.timeout_ns(), options.colours()), (0, 1));
        options.timeout = Some(Duration::ZERO);
        options.wavelengths = 0b1011;
        assert_eq!((options.timeout_ns(), options.colours()), (1, 3));
        options.timeout = Some(Duration::MAX);
        assert_eq!(options.timeout_ns(), u64::MAX);
    }
}
