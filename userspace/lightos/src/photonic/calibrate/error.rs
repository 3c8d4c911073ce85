// SPDX-License-Identifier: GPL-2.0

//! Why a calibration failed.

use super::probe::ProbeError;

/// Which of the two taps of a crossing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// The upper; of an attenuator, what is kept.
    Top,
    /// The lower; of an attenuator, what is dumped.
    Bottom,
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Top => "top",
            Self::Bottom => "bottom",
        })
    }
}

/// Why a calibration failed. There is no result then.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A measurement failed.
    #[error("measurement failed: {0}")]
    Probe(#[from] ProbeError),
    /// What the processor says of itself makes no sense.
    #[error("the processor says it has {0}")]
    Info(String),
    /// Less was measured than was asked for.
    #[error("a measurement is incomplete")]
    Incomplete,
    /// The die did not get as warm as it was asked to.
    #[error("the die got {degrees:.2} degrees warmer instead of {warmer:.2}")]
    Temperature {
        /// By how much it did.
        degrees: f64,
        /// By how much it should.
        warmer: f64,
    },
    /// No tap sees light.
    #[error("no tap sees light: the laser is dark")]
    Dark,
    /// A tap reads the same whatever the heaters do.
    #[error("the {output} tap of crossing {crossing} does not follow the light (channels {}, {})", 2 * .crossing, 2 * .crossing + 1)]
    DeadTap {
        /// Of which crossing.
        crossing: usize,
        /// Which of its taps.
        output: Output,
    },
    /// A tap reads full scale too often.
    #[error("the {output} tap of crossing {crossing} is saturated (channels {}, {})", 2 * .crossing, 2 * .crossing + 1)]
    SaturatedTap {
        /// Of which crossing.
        crossing: usize,
        /// Which of its taps.
        output: Output,
    },
    /// A phase does not follow the code of its heater, or by far too much or too little.
    #[error("the heater of channel {channel} does not do its work: {efficiency:.3} of nominal, visibility {visibility:.3}")]
    DeadHeater {
        /// Of which channel.
        channel: usize,
        /// What it was found to do, where nominal is 1.
        efficiency: f64,
        /// How much of the fringe was seen, where 1 is all of it.
        visibility: f64,
    },
    /// An output does not follow the light.
    #[error("output {mode} does not follow the light (channel {channel})")]
    DeadOutput {
        /// Which.
        mode: usize,
        /// Channel of its screen.
        channel: usize,
    },
    /// What was found does not explain what was measured.
    #[error("channel {channel}: measurements differ by {residual:.4} rms from what its calibration predicts, more than {limit:.4}")]
    Residual {
        /// Which.
        channel: usize,
        /// Rms, where 1 is the power or amplitude of a full input.
        residual: f64,
        /// What is allowed.
        limit: f64,
    },
}
