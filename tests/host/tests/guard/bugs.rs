// SPDX-License-Identifier: GPL-2.0

//! Bugs that a guard could have, as they show where it meets the device: between its calls and
//! the registers. Each must break a property.

use std::cell::Cell;

use lightos_host::photonic::guard::power::ALL;
use lightos_host::photonic::registers::*;

use super::world::Bus;

/// One bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    None,
    /// The laser-off write is never made.
    NoOff,
    /// It is made so many ticks late.
    LateOff(u32),
    /// It comes after the other writes of its tick.
    LastOff,
    /// Sensors of the die are read so many 1/256 degrees too low.
    Low(u32),
    /// After the light has ended the key is turned again.
    Rearms,
    /// All rails go up at once.
    UpAtOnce,
    /// All rails go down at once.
    DownAtOnce,
    /// There is no throttling.
    Unthrottled,
    /// Throttling is forgotten for a tick now and then.
    Forgetful,
    /// The fan never runs at more than half.
    HalfFan,
    /// The cooler never gets more than half.
    HalfTec,
    /// The cooler gets all it can whenever it cools.
    GreedyTec,
    /// The device's absence is not noticed.
    Talkative,
}

/// Every bug but none, and the name of the property that it has to break.
pub const ALL_BUGS: [(Bug, &str); 14] = [
    (Bug::NoOff, "same tick"),
    (Bug::LateOff(1), "same tick"),
    (Bug::LateOff(10), "off in time"),
    (Bug::LastOff, "same tick"),
    (Bug::Low(1_536), "off in time"),
    (Bug::Rearms, "no restart"),
    (Bug::UpAtOnce, "rail order"),
    (Bug::DownAtOnce, "rail order"),
    (Bug::Unthrottled, "tiers"),
    (Bug::Forgetful, "throttle holds"),
    (Bug::HalfFan, "tiers"),
    (Bug::HalfTec, "tiers"),
    (Bug::GreedyTec, "sink spared"),
    (Bug::Talkative, "silence"),
];

/// What a bug remembers.
pub struct Buggy {
    bug: Bug,
    held: Cell<Option<u32>>,
    ticks: Cell<u32>,
}

impl Buggy {
    pub fn new(bug: Bug) -> Self {
        Self {
            bug,
            held: Cell::new(None),
            ticks: Cell::new(0),
        }
    }

    /// The registers as the guard with this bug meets them.
    pub fn around<'a>(&'a self, bus: &'a Bus) -> Seen<'a> {
        Seen { buggy: self, bus }
    }
}

/// Registers behind a bug.
pub struct Seen<'a> {
    buggy: &'a Buggy,
    bus: &'a Bus,
}

impl Seen<'_> {
    /// What the bug does when a tick ends.
    pub fn end_of_tick(&self, _now: u64) {
        let buggy = self.buggy;
        buggy.ticks.set(buggy.ticks.get().wrapping_add(1));
        let Some(wait) = buggy.held.get() else {
            return;
        };
        buggy.held.set(wait.checked_sub(1));
        if wait > 0 {
            return;
        }
        match buggy.bug {
            Bug::LateOff(_) | Bug::LastOff => self.bus.write(LASER_CONTROL, 0),
            Bug::Rearms => {
                self.bus.write(LATCH_CLEAR, u32::MAX);
                self.bus.write(LASER_CONTROL, LASER_ENABLE | LASER_KEY);
            }
            _ => (),
        }
    }

    /// Whether a laser-off write has to wait, or never comes.
    fn keeps_off(&self) -> bool {
        let held = &self.buggy.held;
        match self.buggy.bug {
            Bug::NoOff => true,
            Bug::LateOff(ticks) => {
                held.set(held.get().or(Some(ticks)));
                true
            }
            Bug::LastOff => {
                held.set(Some(0));
                true
            }
            Bug::Rearms => {
                held.set(Some(20));
                false
            }
            _ => false,
        }
    }
}

impl Registers for Seen<'_> {
    fn read(&self, offset: u32) -> u32 {
        let value = self.bus.read(offset);
        match self.buggy.bug {
            Bug::Low(by) if (SENSOR..SENSOR + 12).contains(&offset) => {
                let code = value & 0xffff;
                let wire = code == CODE_OPEN || code == CODE_SHORT;
                if wire || value == GONE {
                    value
                } else {
                    (value & 0xffff_0000) | code.saturating_sub(by)
                }
            }
            Bug::Talkative if offset == STATUS && value == GONE => {
                STATUS_RAILS_GOOD | STATUS_INTERLOCK | STATUS_WATCHDOG
            }
            _ => value,
        }
    }

    fn write(&self, offset: u32, value: u32) {
        let ticks = self.buggy.ticks.get();
        let value = match (self.buggy.bug, offset) {
            (_, LASER_CONTROL) if value == 0 && self.keeps_off() => return,
            (Bug::UpAtOnce, RAIL_ENABLE) if value != 0 && value & 1 << 5 == 0 => {
                let falls = self.bus.plant.borrow().read(RAIL_ENABLE) > value;
                if falls {
                    value
                } else {
                    ALL
                }
            }
            (Bug::DownAtOnce, RAIL_ENABLE) => {
                let falls = self.bus.plant.borrow().read(RAIL_ENABLE) > value;
                if falls {
                    0
                } else {
                    value
                }
            }
            (Bug::Unthrottled, LASER_DUTY) => DUTY_FULL,
            (Bug::Forgetful, LASER_DUTY) if ticks & 63 == 0 => DUTY_FULL,
            (Bug::HalfFan, FAN_PWM) => value.min(127),
            (Bug::HalfTec, TEC_SET_MA) => (value as i32).min(TEC_MAX_MA / 2) as u32,
            (Bug::GreedyTec, TEC_SET_MA) if value as i32 > 0 => TEC_MAX_MA as u32,
            _ => value,
        };
        self.bus.write(offset, value);
    }
}
