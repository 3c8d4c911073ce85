// SPDX-License-Identifier: GPL-2.0

//! Decoders: from spikes to decisions and values, one spike at a time.
//!
//! | decoder | result | error |
//! |---|---|---|
//! | [`count`], [`argmax`] | the channel with the most spikes | none |
//! | [`First`] | the channel that fired first | none |
//! | [`Sigma`] | the running sum of signed events | none |
//! | [`RateFilter`] | a firing rate, exponentially filtered | see there |
//!
//! All keep their state in the caller's memory and do constant work for a spike. Plain
//! arithmetic: any context, the caller's lock.

use super::encode::Polarity;
use super::fixed::Leak;
use core::num::NonZeroU64;

/// Counts a spike of `channel`: `counts[channel] += 1`. `false`, and nothing counted, where there
/// is no such channel or its count stands at `u32::MAX`.
///
/// Counting and the largest count are the usual read-out of a rate code, `argmax(sum over t of
/// s[t])`: `snntorch.functional.acc.accuracy_rate` of snnTorch 1.0.0.
pub fn count(counts: &mut [u32], channel: u32) -> bool {
    let Some(count) = usize::try_from(channel)
        .ok()
        .and_then(|channel| counts.get_mut(channel))
    else {
        return false;
    };
    match count.checked_add(1) {
        Some(more) => {
            *count = more;
            true
        }
        None => false,
    }
}

/// The position and value of the largest count; of equal ones the lowest position, as in NumPy.
/// `None` for an empty slice. A largest count of 0 says that nothing fired: the decision, then,
/// is the caller's.
pub fn argmax(counts: &[u32]) -> Option<(usize, u32)> {
    let mut best = None;
    for (position, &count) in counts.iter().enumerate() {
        match best {
            Some((_, most)) if count <= most => {}
            _ => best = Some((position, count)),
        }
    }
    best
}

/// Which channel fired first, the read-out of a temporal code
/// (`snntorch.functional.acc.accuracy_temporal` of snnTorch 1.0.0): the least of `(time,
/// channel)`. Of channels that fire at the same time the lowest wins. Spikes may come in any
/// order. snnTorch takes a silent channel for one that fires at the last step; here it has not
/// fired, and where none has there is no decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct First {
    earliest: Option<(u64, u32)>,
}

impl First {
    /// No spike yet.
    pub const EMPTY: Self = Self { earliest: None };

    /// Takes a spike; `time` in any unit, steps or nanoseconds.
    pub fn observe(&mut self, time: u64, channel: u32) {
        let spike = (time, channel);
        self.earliest = Some(match self.earliest {
            Some(earliest) if earliest <= spike => earliest,
            _ => spike,
        });
    }

    /// The first spike's time and channel; `None` before any spike.
    pub const fn decision(&self) -> Option<(u64, u32)> {
        self.earliest
    }
}

/// The running sum of signed events, the inverse of a delta code: Lava's sigma,
/// `y[t] = y[t-1] + s[t]`.
///
/// Units: those of a sample, Q16.16, in 64 bits. Exact until the sum would leave 64 bits, which
/// takes more than 2^31 events of the largest threshold. Behind a send-on-delta encoder with the
/// same threshold and start, the sum differs from the sample by less than the threshold
/// (`encode/delta.rs`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sigma {
    value: i64,
}

impl Sigma {
    /// A sum that starts at `value`.
    pub const fn new(value: i64) -> Self {
        Self { value }
    }

    /// Adds an event worth `threshold`; `false` where the sum stopped at an end of its range.
    pub fn event(&mut self, polarity: Polarity, threshold: u32) -> bool {
        self.add(polarity.sign().wrapping_mul(i64::from(threshold)))
    }

    /// Adds a graded event; `false` where the sum stopped at an end of its range.
    pub fn add(&mut self, amount: i64) -> bool {
        let sum = self.value.checked_add(amount);
        self.value = self.value.saturating_add(amount);
        sum.is_some()
    }

    /// The sum.
    pub const fn value(&self) -> i64 {
        self.value
    }
}

/// Digits after the point of a filter's level.
const LEVEL_BITS: u32 = 36;

/// One spike in a filter's level.
pub const SPIKE: i64 = 1 << LEVEL_BITS;

/// The level stops here: 2^22 spikes, some four million within one time constant.
pub const MOST_LEVEL: i64 = 1 << (22 + LEVEL_BITS);

/// An exponentially filtered firing rate.
///
/// ```text
/// level(t) = sum over spikes t_k <= t of exp(-(t - t_k) / tau)
/// rate(t)  = level(t) / tau
/// ```
///
/// The causal exponential kernel of unit area (Dayan and Abbott, "Theoretical Neuroscience",
/// MIT Press 2001, section 1.2). `tau` from 1 ns to `u64::MAX` ns; a regular train of a rate well
/// above `1 / tau` reads as its rate.
///
/// # Error
///
/// The level has 36 binary digits after the point. By the bound of `fixed.rs` one decay of a
/// level of at most 2^58 units errs by at most 0.63 units, **9.2e-12 spikes**, and never
/// enlarges an earlier error; adding a spike is exact. After `k` spikes and one reading the level
/// is within `(k + 1) * 9.2e-12` spikes, and, for spikes at least `gap` apart, within
/// `9.2e-12 / (1 - exp(-gap / tau)) + 9.2e-12` however many there were. A spike that comes late,
/// with a time before the last one's, adds its decayed share and costs as much as any.
///
/// [`RateFilter::millihertz`] divides that by `tau` and rounds, to within 0.5 mHz and another
/// `1 mHz / tau` in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateFilter {
    level: i64,
    last_ns: u64,
}

impl RateFilter {
    /// A filter that has seen no spike.
    pub const EMPTY: Self = Self {
        level: 0,
        last_ns: 0,
    };

    /// Takes a spike at `time_ns`. `false` where the level stopped at [`MOST_LEVEL`].
    pub fn spike(&mut self, leak: &Leak, time_ns: u64) -> bool {
        let sum = if time_ns >= self.last_ns {
            let level = self.level(leak, time_ns);
            self.last_ns = time_ns;
            level.saturating_add(SPIKE)
        } else {
            let share = leak.decay(SPIKE, self.last_ns.wrapping_sub(time_ns));
            self.level.saturating_add(share)
        };
        self.level = sum.min(MOST_LEVEL);
        sum <= MOST_LEVEL
    }

    /// The level at `now_ns` in units of 2^-36 spikes. A time before the last spike's counts as
    /// that.
    pub fn level(&self, leak: &Leak, now_ns: u64) -> i64 {
        leak.decay(self.level, now_ns.saturating_sub(self.last_ns))
    }

    /// The rate at `now_ns` in thousandths of a hertz; `tau_ns` is the one `leak` was made for.
    pub fn millihertz(&self, leak: &Leak, tau_ns: NonZeroU64, now_ns: u64) -> u64 {
        const MILLIHERTZ_PER_NS: u128 = 1_000_000_000_000;

        let level = self.level(leak, now_ns).unsigned_abs();
        // At most 2^22 * 10^12, below 2^62.
        let scaled = (u128::from(level).wrapping_mul(MILLIHERTZ_PER_NS) >> LEVEL_BITS) as u64;
        let rest = scaled % tau_ns.get();
        let up = rest >= tau_ns.get().wrapping_sub(rest);
        (scaled / tau_ns.get()).wrapping_add(u64::from(up))
    }
}
