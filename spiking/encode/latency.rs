// SPDX-License-Identifier: GPL-2.0

//! The temporal code: one spike a channel, the earlier the larger the sample.
//!
//! `snntorch.spikegen.latency` of snnTorch 1.0.0. The logarithmic form is the time that a leaky
//! integrator with time constant `tau` under the constant input `x` takes to `thr`. With `N`
//! steps, `first` the first spike time and `x' = max(x, thr + epsilon)`:
//!
//! ```text
//! logarithmic              t = tau ln(x' / (x' - thr)) + first
//! logarithmic, normalised  t = (N - 1 - first) L(x) / L(lowest) + first
//!                              with L(x) = ln(x' / (x' - thr))
//! linear                   t = min(-tau (x - 1), -tau (thr - 1)) + first
//! linear, normalised       the same with tau = N - 1 - first
//! step = round(t), halves to even; no spike where step > N - 1; with clip none where x < thr
//! ```
//!
//! `lowest` is the smallest sample of the presentation. A caller that does not know it in
//! advance passes 0: samples at the threshold then fire at the last step.
//!
//! Ranges: `thr`, `epsilon` in Q0.32, above 0 and below 1; `tau` in Q16.16 steps, above 0;
//! `first < N`. snnTorch demands samples from 0 to 1. Here any sample is allowed: those below
//! `thr`, negative ones too, count as `thr` as they do there, and those above 1 follow the
//! formula; where the linear one gives a step before 0, the outcome is [`FirstSpike::Early`].
//!
//! # Error
//!
//! The linear form is exact, ties included: the step is `round(t)` of the true `t`. In the
//! logarithmic form `L` is the difference of two values of [`ln`], each within 3.7 * 2^-64: `L`
//! is within **7.4 * 2^-64**. All that follows is exact. So `t` is within
//!
//! - `7.4 * 2^-64 tau`, at most **2.7e-14** steps for any `tau` up to 65,536;
//! - normalised, `(N - 1 - first) 14.8 * 2^-64 / L(lowest)`. As `L(lowest) > thr` for samples up
//!   to 1, that is at most **5.3e-11** steps for `N` to 65,536 and `thr` from 0.001, and 5.3e-8
//!   for `thr` from 10^-6.
//!
//! and the step is `round(t)` of the true `t` except where that lies so near to a tie. Double
//! precision does worse: it loses the last digits of `x' / (x' - thr)`.
//!
//! Pure functions: any context, no lock.

use super::logarithm::{ln, LN_BITS};
use super::{Sample, ONE, SAMPLE_BITS};
use core::num::{NonZeroU32, NonZeroU64};

/// Digits after the point of a threshold.
const THRESHOLD_BITS: u32 = 32;

/// From the digits of a sample to those of a threshold.
const WIDEN_BITS: u32 = THRESHOLD_BITS - SAMPLE_BITS;

/// The law from sample to time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// Time falls linearly with the sample.
    Linear,
    /// The charging time of a leaky integrator.
    Logarithmic,
}

/// What a latency encoder is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencyConfig {
    /// Linear or logarithmic.
    pub law: Law,
    /// The threshold, Q0.32.
    pub threshold: NonZeroU32,
    /// What a sample at the threshold is above it, Q0.32; logarithmic only.
    pub epsilon: NonZeroU32,
    /// The time constant in steps, Q16.16; not used by the normalised forms.
    pub tau: NonZeroU32,
    /// The number of steps `N`.
    pub steps: NonZeroU32,
    /// The time of the earliest spike, in steps.
    pub first: u32,
    /// Whether times are scaled to end at the last step.
    pub normalize: bool,
    /// Whether samples below the threshold stay silent; else they fire last.
    pub clip: bool,
}

impl LatencyConfig {
    /// snnTorch's defaults, threshold 0.01, epsilon 1e-7, tau 1, for a number of steps.
    pub const fn new(law: Law, steps: NonZeroU32) -> Self {
        Self {
            law,
            threshold: DEFAULT_THRESHOLD,
            epsilon: DEFAULT_EPSILON,
            tau: DEFAULT_TAU,
            steps,
            first: 0,
            normalize: false,
            clip: false,
        }
    }
}

/// 0.01, to the nearest 2^-32.
const DEFAULT_THRESHOLD: NonZeroU32 = at_least_one(42_949_673);

/// 1e-7, to the nearest 2^-32.
const DEFAULT_EPSILON: NonZeroU32 = at_least_one(429);

/// One step.
const DEFAULT_TAU: NonZeroU32 = at_least_one(1 << 16);

const fn at_least_one(value: u32) -> NonZeroU32 {
    match NonZeroU32::new(value) {
        Some(value) => value,
        None => NonZeroU32::MIN,
    }
}

/// `first` was not below the number of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstTooLate;

/// When a channel fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstSpike {
    /// At this step, below the number of steps.
    At(u32),
    /// Never: below the threshold, with `clip`.
    Clipped,
    /// Never: after the last step.
    Late,
    /// Never: before step 0. Linear only, samples above 1 only.
    Early,
}

/// A latency encoder for one presentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    config: LatencyConfig,
    /// `L(lowest)`, Q6.64.
    slowest: u128,
}

impl Latency {
    /// An encoder for samples of which `lowest` is the smallest; only the normalised logarithmic
    /// form looks at it, and 0 will do.
    pub fn new(config: LatencyConfig, lowest: Sample) -> Result<Self, FirstTooLate> {
        if config.first >= config.steps.get() {
            return Err(FirstTooLate);
        }
        Ok(Self {
            config,
            slowest: charging_time(&config, lowest),
        })
    }

    /// When a channel with this sample fires. Constant work, but for the normalised logarithmic
    /// form: a long division of as many rounds as its result has bits, 104 at most.
    pub fn encode(&self, sample: Sample) -> FirstSpike {
        if self.config.clip && widen(sample) < i64::from(self.config.threshold.get()) {
            return FirstSpike::Clipped;
        }
        let step = match (self.config.law, self.config.normalize) {
            (Law::Linear, _) => self.linear(sample),
            (Law::Logarithmic, false) => self.logarithmic(sample),
            (Law::Logarithmic, true) => self.normalized(sample),
        };
        if step < 0 {
            return FirstSpike::Early;
        }
        match u32::try_from(step) {
            Ok(step) if step < self.config.steps.get() => FirstSpike::At(step),
            _ => FirstSpike::Late,
        }
    }

    /// `N - 1 - first`.
    fn span(&self) -> u32 {
        let last = self.config.steps.get().wrapping_sub(1);
        last.saturating_sub(self.config.first)
    }

    fn linear(&self, sample: Sample) -> i128 {
        // In Q16.16; below 2^48.
        let tau = if self.config.normalize {
            i128::from(self.span()) << 16
        } else {
            i128::from(self.config.tau.get())
        };
        // 1 - max(x, thr), in Q32.32; below 2^48 in magnitude.
        let x = widen(sample).max(i64::from(self.config.threshold.get()));
        let below_one = widen(ONE).wrapping_sub(x);
        let time = tau
            .wrapping_mul(i128::from(below_one))
            .wrapping_add(i128::from(self.config.first) << (16 + THRESHOLD_BITS));
        round_half_even(time, 16 + THRESHOLD_BITS)
    }

    fn logarithmic(&self, sample: Sample) -> i128 {
        // Below 2^70 * 2^32 and 2^112, in Q.80.
        let charging = charging_time(&self.config, sample);
        let time = charging
            .wrapping_mul(u128::from(self.config.tau.get()))
            .wrapping_add(u128::from(self.config.first) << (16 + LN_BITS));
        round_half_even(time as i128, 16 + LN_BITS)
    }

    fn normalized(&self, sample: Sample) -> i128 {
        if self.slowest == 0 {
            return i128::from(self.config.first);
        }
        // Two products below 2^70 * 2^32.
        let charging = charging_time(&self.config, sample);
        let numerator = charging
            .wrapping_mul(u128::from(self.span()))
            .wrapping_add(self.slowest.wrapping_mul(u128::from(self.config.first)));
        divide_half_even(numerator, self.slowest) as i128
    }
}

/// A sample with the digits of a threshold.
fn widen(sample: Sample) -> i64 {
    i64::from(sample) << WIDEN_BITS
}

/// `L(x) = ln(x' / (x' - thr))` with `x' = max(x, thr + epsilon)`, in Q6.64.
fn charging_time(config: &LatencyConfig, sample: Sample) -> u128 {
    let threshold = u64::from(config.threshold.get());
    let least = threshold.saturating_add(u64::from(config.epsilon.get()));
    let x = u64::try_from(widen(sample)).unwrap_or(0).max(least);

    // Both at least epsilon, which is not 0.
    match (
        NonZeroU64::new(x),
        NonZeroU64::new(x.wrapping_sub(threshold)),
    ) {
        (Some(x), Some(above)) => ln(x).saturating_sub(ln(above)),
        _ => 0,
    }
}

/// `value 2^-bits` to the nearest whole number, halves to even; `bits` from 1 to 126, `value`
/// below 2^126 in magnitude.
fn round_half_even(value: i128, bits: u32) -> i128 {
    let floor = value >> bits;
    let half = 1i128 << (bits.wrapping_sub(1));
    let rest = value.wrapping_sub(floor << bits);
    let odd = floor & 1 != 0;
    let up = rest > half || (rest == half && odd);
    floor.wrapping_add(i128::from(up))
}

/// `numerator / divisor` to the nearest whole number, halves to even, for operands below 2^126;
/// 0 for a divisor of 0. Long division, bit by bit: the kernel has no 128-bit division.
fn divide_half_even(numerator: u128, divisor: u128) -> u128 {
    if divisor == 0 {
        return 0;
    }
    let shift = divisor
        .leading_zeros()
        .saturating_sub(numerator.leading_zeros());
    let mut part = divisor << (shift & 127);
    let mut rest = numerator;
    let mut quotient: u128 = 0;
    for _ in 0..=shift {
        quotient <<= 1;
        if rest >= part {
            rest = rest.wrapping_sub(part);
            quotient |= 1;
        }
        part >>= 1;
    }

    let twice = rest << 1;
    let odd = quotient & 1 != 0;
    let up = twice > divisor || (twice == divisor && odd);
    quotient.wrapping_add(u128::from(up))
}
