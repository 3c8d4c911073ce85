// SPDX-License-Identifier: GPL-2.0

//! The guard's own time: what passed between two ticks, and how many were missed.
//!
//! It only goes forward. A missed tick is never made up for; it counts, and tightens the guard
//! for as long as [`Ticks::level`] says: by [`MISSED_LEVEL`] each, less one for every tick.
//!
//! Any context, hard interrupts included; the guard's lock, which its caller holds
//! (`guarded` in `photonic/device/mod.rs`).

/// From one tick to the next, in nanoseconds.
pub const PERIOD_NS: u64 = 1_000_000;
/// A tick that comes so long after the last has missed some.
pub const LATE_NS: u64 = 1_500_000;
/// What each missed tick adds to the level.
pub const MISSED_LEVEL: u32 = 100;
/// The level that is latched: ten missed ticks at once, or eleven within a tenth of a second.
pub const LATCH_LEVEL: u32 = 1_000;
/// No gap counts for more missed ticks than this.
const GAP_MAX_NS: u64 = 4_000_000_000;

/// What passed since the last tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Microseconds, 4 seconds at most.
    pub us: u32,
    /// Nanoseconds, the same.
    pub ns: u64,
    /// Ticks that should have been between.
    pub missed: u32,
}

/// The time.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    last: Option<u64>,
    total_ns: u64,
    level: u32,
}

impl Ticks {
    /// Before the first tick.
    pub const fn none() -> Self {
        Self {
            last: None,
            total_ns: 0,
            level: 0,
        }
    }

    /// A tick at `now`. The first, and one after [`Self::forget`], come a period after nothing.
    /// A clock that goes backwards stands still.
    pub fn pass(&mut self, now: u64) -> Passed {
        let gap = match self.last {
            Some(last) => now.saturating_sub(last),
            None => PERIOD_NS,
        };
        self.last = Some(now);
        let ns = gap.min(GAP_MAX_NS);
        self.total_ns = self.total_ns.saturating_add(ns);
        let missed = if ns > LATE_NS {
            ((ns as u32 + PERIOD_NS as u32 / 2) / PERIOD_NS as u32).saturating_sub(1)
        } else {
            0
        };
        self.level = self.level.saturating_sub(1);
        Passed {
            us: ns as u32 / 1_000,
            ns,
            missed: if ns > LATE_NS { missed.max(1) } else { 0 },
        }
    }

    /// Whether a tick at `now` comes after some that were missed.
    pub fn is_late(&self, now: u64) -> bool {
        self.last
            .is_some_and(|last| now.saturating_sub(last) > LATE_NS)
    }

    /// Missed ticks tighten the guard.
    pub fn tighten(&mut self, missed: u32) {
        let more = missed.min(100) * MISSED_LEVEL;
        self.level = self.level.saturating_add(more).min(10 * LATCH_LEVEL);
    }

    /// Missed ticks are forgiven.
    pub fn forgive(&mut self) {
        self.level = 0;
    }

    /// Nobody will tick for a while, and nobody has to.
    pub fn forget(&mut self) {
        self.last = None;
    }

    /// How far missed ticks tighten the guard.
    pub const fn level(&self) -> u32 {
        self.level
    }

    /// Microseconds of all ticks.
    pub const fn total_us(&self) -> u64 {
        self.total_ns / 1_000
    }
}
