// SPDX-License-Identifier: GPL-2.0

//! The laser and what ends its light without the driver: watchdog, comparator, interlock, rails.

use crate::photonic::registers::{
    sensor_code, DUTY_FULL, LASER_ENABLE, LASER_KEY, LATCHES_LASER, LATCH_HEATER, LATCH_INTERLOCK,
    LATCH_OVERTEMP, LATCH_WATCHDOG,
};

/// The longest period of the watchdog, in microseconds.
pub const WATCHDOG_MAX_US: u32 = 2_000;
/// The shortest.
const WATCHDOG_MIN_US: u32 = 100;
/// Where the comparator is after power-up, and the highest it goes, in thousandths of a degree.
const COMPARATOR_MC: i32 = 98_000;
const COMPARATOR_MAX_MC: i32 = 100_000;

/// Everything that the light depends on but the rails.
#[derive(Clone, Copy, Debug)]
pub struct Laser {
    control: u32,
    duty: u32,
    latches: u32,
    period_us: u32,
    deadline: u64,
    comparator: u32,
    interlock_open: bool,
    /// The watchdog never runs out.
    pub watchdog_stuck: bool,
    /// The comparator never trips.
    pub comparator_dead: bool,
}

impl Laser {
    /// Off.
    pub const fn dark() -> Self {
        Self {
            control: 0,
            duty: DUTY_FULL,
            latches: 0,
            period_us: WATCHDOG_MAX_US,
            deadline: 0,
            comparator: sensor_code(COMPARATOR_MC),
            interlock_open: false,
            watchdog_stuck: false,
            comparator_dead: false,
        }
    }

    /// Whether light leaves it, given whether the rails are good.
    #[inline]
    pub const fn shines(&self, now: u64, rails_good: bool) -> bool {
        self.control == LASER_ENABLE | LASER_KEY
            && self.duty > 0
            && self.latches & LATCHES_LASER == 0
            && !self.interlock_open
            && rails_good
            && self.alive(now)
    }

    /// Whether the watchdog was kicked within its period.
    #[inline]
    pub const fn alive(&self, now: u64) -> bool {
        now < self.deadline || self.watchdog_stuck
    }

    /// The register LASER_CONTROL.
    pub const fn control(&self) -> u32 {
        self.control
    }

    /// Writes it. Nothing turns on while a latch keeps the laser off.
    pub fn set_control(&mut self, value: u32) {
        self.control = if self.latches & LATCHES_LASER == 0 {
            value & (LASER_ENABLE | LASER_KEY)
        } else {
            0
        };
    }

    /// The register LASER_DUTY.
    pub const fn duty(&self) -> u32 {
        self.duty
    }

    /// Writes it; more than full is cut.
    pub fn set_duty(&mut self, duty: u32) {
        self.duty = duty.min(DUTY_FULL);
    }

    /// The register LATCHES.
    pub const fn latches(&self) -> u32 {
        self.latches
    }

    /// Sets latches. Returns whether one is new.
    pub fn latch(&mut self, bits: u32) -> bool {
        let new = bits & !self.latches != 0;
        self.latches |= bits;
        if self.latches & LATCHES_LASER != 0 {
            self.control = 0;
        }
        new
    }

    /// Clears latches of which the caller knows that their causes are gone, and of its own those
    /// where that is so.
    pub fn clear(&mut self, bits: u32, now: u64, hottest_code: u32) {
        if self.control & LASER_ENABLE != 0 {
            return;
        }
        let mut gone = bits & !(LATCH_OVERTEMP | LATCH_WATCHDOG | LATCH_INTERLOCK);
        gone |= bits & LATCH_HEATER;
        if hottest_code <= self.comparator {
            gone |= bits & LATCH_OVERTEMP;
        }
        if self.alive(now) {
            gone |= bits & LATCH_WATCHDOG;
        }
        if !self.interlock_open {
            gone |= bits & LATCH_INTERLOCK;
        }
        self.latches &= !gone;
    }

    /// What the watchdog, the interlock and the comparator latch now.
    #[inline]
    pub const fn trips(&self, now: u64, hottest_code: u32) -> u32 {
        let mut bits = 0;
        if self.control & LASER_ENABLE != 0 {
            if !self.alive(now) {
                bits |= LATCH_WATCHDOG;
            }
            if self.interlock_open {
                bits |= LATCH_INTERLOCK;
            }
        }
        if hottest_code > self.comparator && !self.comparator_dead {
            bits |= LATCH_OVERTEMP;
        }
        bits
    }

    /// Kicks the watchdog.
    pub fn kick(&mut self, now: u64) {
        self.deadline = now.saturating_add(u64::from(self.period_us) * 1_000);
    }

    /// The register WATCHDOG_US.
    pub const fn period_us(&self) -> u32 {
        self.period_us
    }

    /// Writes it: periods count from the next kick.
    pub fn set_period_us(&mut self, us: u32) {
        self.period_us = us.clamp(WATCHDOG_MIN_US, WATCHDOG_MAX_US);
    }

    /// The register COMPARATOR.
    pub const fn comparator(&self) -> u32 {
        self.comparator
    }

    /// Writes it; more than 100 degrees is cut.
    pub fn set_comparator(&mut self, code: u32) {
        self.comparator = code.min(sensor_code(COMPARATOR_MAX_MC));
    }

    /// Opens or closes the interlock loop.
    pub fn open_interlock(&mut self, open: bool) {
        self.interlock_open = open;
    }

    /// Whether the loop is closed.
    pub const fn interlock(&self) -> bool {
        !self.interlock_open
    }

    /// When the watchdog runs out.
    pub const fn deadline(&self) -> u64 {
        self.deadline
    }
}
