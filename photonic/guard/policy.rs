// SPDX-License-Identifier: GPL-2.0

//! How much the processor is throttled at which temperature.
//!
//! ```text
//! below throttle_mc                 0
//! throttle_mc to full_mc            0 to 75 %, in a straight line
//! full_mc to emergency_mc           75 to 95 %; cooler and fan at full
//! from emergency_mc                 laser off, latched
//! ```
//!
//! Throttling rises at once. It falls along the same line shifted down by the hysteresis, by
//! 0.1 % a tick at most, and never while the temperature rises: by more than noise does in
//! [`RECENT`] ticks, or by 0.03 degrees over an eighth to a quarter of a second.
//!
//! Any context, hard interrupts included; the guard's lock, which its caller holds
//! (`guarded` in `photonic/device/mod.rs`).

/// Throttling in the tier below emergency, at least, in thousandths.
pub const FULL_PERMILLE: u16 = 750;
/// The most of it.
pub const MOST_PERMILLE: u16 = 950;
/// Ticks over which a rise counts as one whatever noise does.
pub const RECENT: usize = 8;

/// Smoothing: 2^4 ticks.
const SMOOTH_SHIFT: u32 = 4;
/// Ticks between two marks for the slow trend.
const MARK_TICKS: u16 = 128;
/// What a rise between marks may be that is none, in thousandths of a degree.
const FLAT_MC: i32 = 30;

/// Thresholds, in thousandths of a degree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Where throttling begins.
    pub throttle_mc: i32,
    /// Where it is at least 75 %.
    pub full_mc: i32,
    /// Where the laser goes off.
    pub emergency_mc: i32,
    /// How far it must cool before a tier is left.
    pub hysteresis_mc: i32,
    /// What cooler and fan regulate to.
    pub setpoint_mc: i32,
}

impl Limits {
    /// Those that a processor starts with.
    pub const DEFAULT: Self = Self {
        throttle_mc: 75_000,
        full_mc: 85_000,
        emergency_mc: 95_000,
        hysteresis_mc: 5_000,
        setpoint_mc: 45_000,
    };

    /// Whether they are within the hard bounds that the ABI states.
    pub const fn are_sound(&self) -> bool {
        // In this order no sum overflows.
        self.throttle_mc >= 40_000
            && self.throttle_mc <= 95_000
            && self.full_mc >= self.throttle_mc + 2_000
            && self.full_mc <= 95_000
            && self.emergency_mc >= self.full_mc + 2_000
            && self.emergency_mc <= 95_000
            && self.hysteresis_mc >= 1_000
            && self.hysteresis_mc <= 20_000
            && self.setpoint_mc >= 15_000
            && self.setpoint_mc <= self.throttle_mc - 10_000
    }

    /// What a temperature demands, in thousandths.
    pub fn demand(&self, mc: i32) -> u16 {
        if mc < self.throttle_mc {
            0
        } else if mc < self.full_mc {
            share(mc, self.throttle_mc, self.full_mc, 0, FULL_PERMILLE)
        } else if mc < self.emergency_mc {
            share(
                mc,
                self.full_mc,
                self.emergency_mc,
                FULL_PERMILLE,
                MOST_PERMILLE,
            )
        } else {
            MOST_PERMILLE
        }
    }
}

/// The straight line from `(from, low)` to `(to, high)` at `mc`, which lies between; rounded up.
fn share(mc: i32, from: i32, to: i32, low: u16, high: u16) -> u16 {
    // At most 55,000 by 750.
    let rise = (mc - from) * i32::from(high - low);
    low + ((rise + (to - from) - 1) / (to - from)) as u16
}

/// Throttling.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    permille: u16,
    full: bool,
    started: bool,
    /// The temperature smoothed, 8 digits after the point.
    smooth: i32,
    recent: [i32; RECENT],
    next: u8,
    /// The smoothed temperature at the last mark and at that before.
    marks: [i32; 2],
    since_mark: u16,
}

impl Policy {
    /// No throttling.
    pub const fn cool() -> Self {
        Self {
            permille: 0,
            full: false,
            started: false,
            smooth: 0,
            recent: [0; RECENT],
            next: 0,
            marks: [0; 2],
            since_mark: 0,
        }
    }

    /// One tick at the temperature `measured_mc`, or at `mc` if that is higher, which is what it
    /// may be before the next; throttling is `floor` at least.
    pub fn tick(&mut self, limits: &Limits, measured_mc: i32, mc: i32, floor: u16) {
        // Past the scale of the sensors there is nothing; 8 more digits fit.
        let measured_mc = measured_mc.clamp(-64_000, 250_000);
        let mc = mc.clamp(measured_mc, 250_000);
        let rises = self.follow(measured_mc);
        let smooth = self.smooth_mc();
        if mc >= limits.full_mc {
            self.full = true;
        } else if smooth.max(mc) <= limits.full_mc - limits.hysteresis_mc {
            self.full = false;
        }
        let least = if self.full { FULL_PERMILLE } else { 0 };
        let wanted = limits.demand(mc).max(floor).max(least);
        let kept = limits.demand(smooth.max(mc) + limits.hysteresis_mc);
        if wanted >= self.permille {
            self.permille = wanted;
        } else if !rises {
            let to = wanted.max(kept.min(self.permille));
            self.permille = to.max(self.permille - 1);
        }
    }

    /// Takes note of a temperature; whether it rises.
    fn follow(&mut self, mc: i32) -> bool {
        if !self.started {
            self.started = true;
            self.smooth = mc << 8;
            self.recent = [mc; RECENT];
            self.marks = [mc; 2];
        }
        self.smooth += ((mc << 8) - self.smooth) >> SMOOTH_SHIFT;
        let smooth = self.smooth_mc();
        let [old, new] = self.marks;
        let slowly = smooth > old.min(new) + FLAT_MC;
        self.since_mark += 1;
        if self.since_mark >= MARK_TICKS {
            self.since_mark = 0;
            self.marks = [new, smooth];
        }
        let mut quickly = false;
        if let Some(place) = self.recent.get_mut(usize::from(self.next) % RECENT) {
            quickly = mc > *place;
            *place = mc;
        }
        self.next = (self.next + 1) % RECENT as u8;
        quickly || slowly
    }

    /// Forgets the temperature, not the throttling: nobody has looked for a while.
    pub fn forget(&mut self) {
        self.started = false;
    }

    /// Throttling, in thousandths.
    pub const fn permille(&self) -> u16 {
        self.permille
    }

    /// Whether cooler and fan have to be at full.
    pub const fn full(&self) -> bool {
        self.full
    }

    /// The smoothed temperature, in thousandths of a degree.
    pub const fn smooth_mc(&self) -> i32 {
        self.smooth >> 8
    }
}
