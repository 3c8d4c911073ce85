// SPDX-License-Identifier: GPL-2.0

//! Encoders: from samples to spikes, one sample at a time.
//!
//! | file                  | code                                                         |
//! |-----------------------|--------------------------------------------------------------|
//! | `encode/rate.rs`      | rate: a Bernoulli trial for each step                        |
//! | `encode/latency.rs`   | temporal: the step of the first spike, linear or logarithmic |
//! | `encode/delta.rs`     | changes: send-on-delta, and the plain difference             |
//! | `encode/logarithm.rs` | the logarithm that the logarithmic code needs                |
//!
//! A [`Sample`] is an `i32` with 16 binary digits after the point (Q16.16): from -32,768 to
//! 32,768 in steps of 1.5e-5. Fractions of one are `u32` with 32 digits after the point
//! (Q0.32). What the sample measures is the caller's business; the codes that expect the unit
//! interval say so.
//!
//! No encoder keeps anything to itself: what must last from one sample to the next is a state
//! that the caller owns and passes in, so that a million channels need no more than a million
//! states. The work of a call is bounded, by a constant or by a number that the caller chose.
//!
//! Pure functions: any context, no lock.

pub mod delta;
pub mod latency;
pub mod logarithm;
pub mod rate;

/// A sample in Q16.16; any value is allowed.
pub type Sample = i32;

/// Binary digits after the point of a [`Sample`].
pub const SAMPLE_BITS: u32 = 16;

/// The sample 1.0.
pub const ONE: Sample = 1 << SAMPLE_BITS;

/// The sign of a change: the two kinds of event of an event camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polarity {
    /// Upwards.
    On,
    /// Downwards.
    Off,
}

impl Polarity {
    /// 1 for [`Polarity::On`], -1 for [`Polarity::Off`].
    #[inline]
    pub const fn sign(self) -> i64 {
        match self {
            Self::On => 1,
            Self::Off => -1,
        }
    }
}
