// SPDX-License-Identifier: GPL-2.0

//! Delta codes: a spike where the sample changes.
//!
//! # Send-on-delta
//!
//! What an event camera's pixel does (Miskowicz, "Send-on-delta concept: an event-based data
//! reporting strategy", Sensors 6, 2006; Lichtsteiner, Posch and Delbruck, IEEE Journal of
//! Solid-State Circuits 43, 2008). With the reference `r` and the threshold `thr`,
//!
//! ```text
//! n  = floor(|x - r| / thr)
//! n events of the sign of x - r
//! r <- r + sign(x - r) n thr
//! ```
//!
//! A decoder that starts at the same reference and adds `thr` with each event's sign holds `r`
//! ([`Sigma`](super::super::decode::Sigma)). **Bound: `|r - x| < thr`** after each sample, because
//! `n thr` is the largest multiple of `thr` that does not exceed `|x - r|`; slow drift is not
//! lost. All in whole units of the sample: the bound is exact, not rounded.
//!
//! One sample emits at most as many events as the encoder's cap. The rest is owed: `r` moves by
//! what was emitted and no further, so that the next call goes on from there, towards the newest
//! sample, and events that a sample on its way back makes needless are never sent. With `k`
//! events owed, `k thr <= |r - x| < (k + 1) thr`.
//!
//! # Difference
//!
//! `snntorch.spikegen.delta` of snnTorch 1.0.0:
//!
//! ```text
//! d = x[t] - x[t - 1]         x[-1] = 0, or x[0] with padding
//! s = [d >= thr] - [d <= -thr]           the second term with off_spike only
//! ```
//!
//! Exact. It is no substitute for send-on-delta: drift slower than `thr` a step is lost, and
//! a jump of many `thr` yields one spike.
//!
//! Plain arithmetic over a caller's state: any context, the caller's lock.

use super::{Polarity, Sample};
use core::num::NonZeroU32;

/// A send-on-delta encoder; one serves any number of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendOnDelta {
    /// The threshold in units of a sample (Q16.16).
    pub threshold: NonZeroU32,
    /// The most events that one call emits.
    pub max_events: NonZeroU32,
}

/// What send-on-delta keeps for a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Track {
    reference: Sample,
    target: Sample,
}

impl Track {
    /// A channel whose decoder starts at `reference`.
    pub const fn new(reference: Sample) -> Self {
        Self {
            reference,
            target: reference,
        }
    }

    /// What the decoder holds after the events emitted so far.
    pub const fn reference(&self) -> Sample {
        self.reference
    }
}

impl SendOnDelta {
    /// Takes a sample; at most `max_events` calls of `sink`. Returns the number of events owed.
    pub fn encode(&self, track: &mut Track, sample: Sample, sink: impl FnMut(Polarity)) -> u32 {
        track.target = sample;
        self.drain(track, sink)
    }

    /// Emits owed events, at most `max_events`, without a new sample. Returns how many are
    /// still owed.
    pub fn drain(&self, track: &mut Track, mut sink: impl FnMut(Polarity)) -> u32 {
        let owed = self.owed(track);
        let emitted = owed.min(self.max_events.get());
        let polarity = if track.target < track.reference {
            Polarity::Off
        } else {
            Polarity::On
        };
        for _ in 0..emitted {
            sink(polarity);
        }
        // At most |target - reference|: the sum lies between the two and thus fits. The
        // product is below 2^32, and modulo 2^32 is all that the sum needs.
        let moved = emitted.wrapping_mul(self.threshold.get());
        track.reference = match polarity {
            Polarity::On => track.reference.wrapping_add_unsigned(moved),
            Polarity::Off => track.reference.wrapping_sub_unsigned(moved),
        };
        owed.wrapping_sub(emitted)
    }

    /// How many events the channel owes: 0 where the decoder is within a threshold.
    pub fn owed(&self, track: &Track) -> u32 {
        track.target.abs_diff(track.reference) / self.threshold.get()
    }
}

/// An encoder of plain differences; one serves any number of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The threshold in units of a sample (Q16.16). With 0 and `off_spike` a sample that does
    /// not change meets both conditions, which cancel, as in the published form.
    pub threshold: u32,
    /// Whether a fall fires as well.
    pub off_spike: bool,
    /// Whether the first sample is compared with itself, not with 0.
    pub padding: bool,
}

impl Difference {
    /// Takes a sample; `previous` is the one before, `None` at first. Constant work.
    pub fn encode(&self, previous: &mut Option<Sample>, sample: Sample) -> Option<Polarity> {
        let before = previous.unwrap_or(if self.padding { sample } else { 0 });
        *previous = Some(sample);

        let difference = i64::from(sample).wrapping_sub(i64::from(before));
        let threshold = i64::from(self.threshold);
        let on = difference >= threshold;
        let off = self.off_spike && difference <= threshold.wrapping_neg();
        match (on, off) {
            (true, false) => Some(Polarity::On),
            (false, true) => Some(Polarity::Off),
            _ => None,
        }
    }
}
