// SPDX-License-Identifier: GPL-2.0

//! The rails, up in the order of a table and down in the reverse.
//!
//! Which rails are enabled follows from the state alone, so that no state can be at odds with it.
//! A rail that does not become good in time takes down what was up, exactly that, and another try
//! follows after a rest; after [`TRIES`] of them the cause is latched. Nothing is enabled before
//! all rails have discharged.
//!
//! A rail that does not go off stops the way down: the rails under it stay on, as nobody knows
//! what is fed by the one that is stuck. It goes on by itself once that has discharged.
//!
//! Any context, hard interrupts included; the guard's lock, which its caller holds
//! (`guarded` in `photonic/device/mod.rs`).

use crate::photonic::registers::{
    Registers, RAILS, RAIL_ENABLE, RAIL_GOOD, RAIL_MV, RAIL_NOMINAL_MV,
};

/// One step of the sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Index of the rail.
    pub rail: usize,
    /// Microseconds that it may take to be good.
    pub up_us: u32,
    /// Microseconds that it may take to discharge.
    pub down_us: u32,
}

const fn row(rail: usize, up_us: u32, down_us: u32) -> Step {
    Step {
        rail,
        up_us,
        down_us,
    }
}

/// The sequence, upwards.
pub const SEQUENCE: [Step; RAILS] = [
    row(0, 10_000, 50_000),
    row(1, 10_000, 50_000),
    row(2, 10_000, 50_000),
    row(3, 15_000, 50_000),
    row(4, 20_000, 100_000),
    row(5, 30_000, 100_000),
];

/// Tries to get power before the cause is latched.
pub const TRIES: u8 = 3;
/// Microseconds between two tries.
const REST_US: u32 = 100_000;
/// Microseconds that the rails may take to discharge before a try.
const DRAIN_US: u32 = 200_000;
/// A rail has discharged below this share of its voltage.
const DISCHARGED_PERCENT: u32 = 5;
/// All rails.
pub const ALL: u32 = (1 << RAILS) - 1;
const LAST: u8 = RAILS as u8 - 1;

/// Where the sequence is. Times are those of the guard, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// All rails are off.
    Off,
    /// Waits until what is left in the rails is gone, in the try with that number.
    Draining {
        /// The number of the try, from 0.
        attempt: u8,
        /// When that takes too long.
        until: u64,
    },
    /// Waits for the rail of a step to be good; those before it are.
    Rising {
        /// Index into [`SEQUENCE`].
        step: u8,
        /// The number of the try, from 0.
        attempt: u8,
        /// When that takes too long.
        until: u64,
    },
    /// All rails are good.
    On,
    /// Waits for the rail of a step to discharge; those after it have.
    Falling {
        /// Index into [`SEQUENCE`].
        step: u8,
        /// When that takes too long.
        until: u64,
        /// The try that follows, if one does.
        retry: Option<u8>,
    },
    /// The rail of a step does not discharge; those after it have.
    Stuck {
        /// Index into [`SEQUENCE`].
        step: u8,
    },
    /// Waits before the try with that number.
    Resting {
        /// The number of the try, from 0.
        attempt: u8,
        /// When that is over.
        until: u64,
    },
}

/// What a step brought to light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// The rail with that index was not good in time, in the last try.
    Timeout(usize),
    /// The rail with that index does not go off.
    Stuck(usize),
    /// Rails of this set are not good any more though nobody turned them off.
    Lost(u32),
}

impl Power {
    /// Rails that are enabled in this state.
    pub fn enabled(self) -> u32 {
        let steps = match self {
            Self::Off | Self::Draining { .. } | Self::Resting { .. } => 0,
            Self::Rising { step, .. } => usize::from(step) + 1,
            Self::On => RAILS,
            Self::Falling { step, .. } | Self::Stuck { step } => usize::from(step),
        };
        let rails = SEQUENCE.iter().take(steps);
        rails.fold(0, |set, step| set | 1 << step.rail)
    }

    /// The sequence that takes up what somebody left: all that is on, or charged yet, goes off.
    pub fn adopt<R: Registers + ?Sized>(device: &R, now: u64) -> Self {
        if device.read(RAIL_ENABLE) & ALL == 0 && all_discharged(device) {
            Self::Off
        } else {
            Self::falling(LAST, now, None)
        }
    }

    /// The way up begins, if all is off.
    pub fn up(self, now: u64) -> Self {
        match self {
            Self::Off => Self::draining(0, now),
            other => other,
        }
    }

    /// The way down begins, from wherever it is.
    pub fn down(self, now: u64) -> Self {
        self.unwind(now, None)
    }

    fn unwind(self, now: u64, retry: Option<u8>) -> Self {
        match self {
            Self::Rising { step, .. } => Self::falling(step, now, retry),
            Self::On => Self::falling(LAST, now, retry),
            Self::Falling { step, until, .. } => Self::Falling { step, until, retry },
            Self::Stuck { .. } => self,
            Self::Off | Self::Draining { .. } | Self::Resting { .. } => Self::Off,
        }
    }

    const fn draining(attempt: u8, now: u64) -> Self {
        let until = now.saturating_add(DRAIN_US as u64);
        Self::Draining { attempt, until }
    }

    fn rising(step: u8, attempt: u8, now: u64) -> Self {
        let limit = SEQUENCE.get(usize::from(step)).map_or(0, |row| row.up_us);
        let until = now.saturating_add(u64::from(limit));
        Self::Rising {
            step,
            attempt,
            until,
        }
    }

    fn falling(step: u8, now: u64, retry: Option<u8>) -> Self {
        let limit = SEQUENCE.get(usize::from(step)).map_or(0, |row| row.down_us);
        let until = now.saturating_add(u64::from(limit));
        Self::Falling { step, until, retry }
    }

    /// The next state, by what the device shows. Writes nothing.
    pub fn next<R: Registers + ?Sized>(self, device: &R, now: u64) -> (Self, Trouble) {
        match self {
            Self::Off => (self, Trouble::None),
            Self::Draining { attempt, until } => drain(device, self, attempt, until, now),
            Self::Rising {
                step,
                attempt,
                until,
            } => self.rise(device.read(RAIL_GOOD), step, attempt, until, now),
            Self::On => {
                let lost = ALL & !device.read(RAIL_GOOD);
                match lost {
                    0 => (self, Trouble::None),
                    lost => (self, Trouble::Lost(lost)),
                }
            }
            Self::Falling { step, until, retry } => self.fall(device, step, until, retry, now),
            Self::Stuck { step } if discharged(device, step) => {
                (after(step, None, now), Trouble::None)
            }
            Self::Stuck { .. } => (self, Trouble::None),
            Self::Resting { attempt, until } if now >= until => {
                (Self::draining(attempt, now), Trouble::None)
            }
            Self::Resting { .. } => (self, Trouble::None),
        }
    }

    fn rise(self, good: u32, step: u8, attempt: u8, until: u64, now: u64) -> (Self, Trouble) {
        let wanted = self.enabled();
        let rail = rail_of(step);
        let before = wanted & !(1 << rail);
        if good & before != before {
            return (self, Trouble::Lost(before & !good));
        }
        if good & wanted == wanted {
            return match step {
                LAST => (Self::On, Trouble::None),
                step => (Self::rising(step + 1, attempt, now), Trouble::None),
            };
        }
        if now < until {
            return (self, Trouble::None);
        }
        if attempt + 1 < TRIES {
            (self.unwind(now, Some(attempt + 1)), Trouble::None)
        } else {
            (self.unwind(now, None), Trouble::Timeout(rail))
        }
    }

    fn fall<R: Registers + ?Sized>(
        self,
        device: &R,
        step: u8,
        until: u64,
        retry: Option<u8>,
        now: u64,
    ) -> (Self, Trouble) {
        if discharged(device, step) {
            (after(step, retry, now), Trouble::None)
        } else if now < until {
            (self, Trouble::None)
        } else {
            (Self::Stuck { step }, Trouble::Stuck(rail_of(step)))
        }
    }

    /// Writes what follows from the state. On the way down a rail that the device has turned off
    /// by itself is not asked for again.
    pub fn apply<R: Registers + ?Sized>(self, device: &R) {
        let there = match self {
            Self::Falling { .. } | Self::Stuck { .. } => device.read(RAIL_ENABLE),
            _ => ALL,
        };
        device.write(RAIL_ENABLE, self.enabled() & there);
    }

    /// Whether it waits for something.
    pub const fn moves(self) -> bool {
        !matches!(self, Self::Off | Self::On)
    }
}

fn rail_of(step: u8) -> usize {
    SEQUENCE.get(usize::from(step)).map_or(0, |row| row.rail)
}

/// What follows when the rail of `step` has discharged.
fn after(step: u8, retry: Option<u8>, now: u64) -> Power {
    match (step.checked_sub(1), retry) {
        (Some(below), _) => Power::falling(below, now, retry),
        (None, Some(attempt)) => Power::Resting {
            attempt,
            until: now.saturating_add(u64::from(REST_US)),
        },
        (None, None) => Power::Off,
    }
}

fn drain<R: Registers + ?Sized>(
    device: &R,
    state: Power,
    attempt: u8,
    until: u64,
    now: u64,
) -> (Power, Trouble) {
    match charged(device) {
        None => (Power::rising(0, attempt, now), Trouble::None),
        Some(_) if now < until => (state, Trouble::None),
        Some(step) => (Power::Off, Trouble::Stuck(rail_of(step))),
    }
}

/// Whether all rails have discharged.
pub fn all_discharged<R: Registers + ?Sized>(device: &R) -> bool {
    charged(device).is_none()
}

/// The first step whose rail has not discharged.
fn charged<R: Registers + ?Sized>(device: &R) -> Option<u8> {
    (0..RAILS as u8).find(|&step| !discharged(device, step))
}

/// Whether the rail of a step has discharged.
fn discharged<R: Registers + ?Sized>(device: &R, step: u8) -> bool {
    let rail = rail_of(step);
    let nominal = RAIL_NOMINAL_MV.get(rail).copied().unwrap_or(0);
    let mv = device.read(RAIL_MV + 4 * rail as u32);
    mv.saturating_mul(100) < nominal * DISCHARGED_PERCENT
}
