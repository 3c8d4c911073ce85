// SPDX-License-Identifier: GPL-2.0

//! The loops of cooler and fan.
//!
//! The cooler holds the die at its set point, the fan holds the cooler's sink [`SINK_BELOW_MC`]
//! below it. Both are PI loops in fixed point. While the output is at a limit the integral does
//! not go further that way; the output changes by a bounded step a tick, but goes to full at once
//! where the policy says so.
//!
//! A cooler heats its sink, and the hotter that is the less it cools: left alone it would run
//! away. So its current is limited from a sink of [`SINK_WARM_MC`] on, down to none at
//! [`SINK_HOT_MC`].
//!
//! Any context, hard interrupts included; the guard's lock, which its caller holds
//! (`guarded` in `photonic/device/mod.rs`).

use crate::photonic::registers::{FAN_MAX_RPM, TEC_MAX_MA};

/// Where the limit of the cooler's current begins to fall, in thousandths of a degree.
pub const SINK_WARM_MC: i32 = 60_000;
/// Where there is none left.
pub const SINK_HOT_MC: i32 = 75_000;
/// The limit where nobody knows how hot the sink is, in milliamperes.
pub const SINK_UNKNOWN_MA: i32 = 1_500;
/// What the sink is held below the set point of the die.
pub const SINK_BELOW_MC: i32 = 7_000;
/// The slowest that the fan runs while there is power: so much that it can be seen to run.
pub const FAN_LEAST: i32 = 51;
/// The fan at full.
pub const FAN_FULL: i32 = 255;

/// Digits after the point of the integrals.
const POINT: u32 = 20;
/// Milliamperes a degree: the current follows the error with a time constant of 50 ms, as one
/// ampere cools the die by 64 degrees a second.
const TEC_PROPORTIONAL: i32 = 300;
/// Milliamperes a thousandth of a degree and a tick, in 2^-20: 1.2 A a degree and a second.
const TEC_INTEGRAL: i32 = 1_258;
/// The most that the current changes by in a tick, in milliamperes.
pub const TEC_SLEW_MA: i32 = 20;
/// Steps of the fan a degree.
const FAN_PROPORTIONAL: i32 = 20;
/// Steps of the fan a thousandth of a degree and a tick, in 2^-20: 2 a degree and a second.
const FAN_INTEGRAL: i32 = 2;
/// Ticks to the next step of the fan.
const FAN_SLEW_TICKS: u8 = 8;
/// Difference of the currents from which a cooler does not follow, in milliamperes.
const TEC_ASTRAY_MA: i32 = 250;

/// A PI loop whose output is an integer.
#[derive(Clone, Copy, Debug)]
struct Loop {
    proportional: i32,
    integral: i32,
    /// The integral so far.
    sum: i64,
}

impl Loop {
    const fn new(proportional: i32, integral: i32) -> Self {
        Self {
            proportional,
            integral,
            sum: 0,
        }
    }

    /// The output for an error in thousandths of a degree, from `least` to `most`.
    fn tick(&mut self, error_mc: i32, least: i32, most: i32) -> i32 {
        let error = i64::from(error_mc.clamp(-200_000, 200_000));
        // A thousand is 1,049,000 / 2^20.
        let part = (error * i64::from(self.proportional) * 1_049) >> POINT;
        let whole = part + (self.sum >> POINT);
        let (least, most) = (i64::from(least), i64::from(most));
        let pushes = (whole >= most && error > 0) || (whole <= least && error < 0);
        if !pushes {
            self.sum += error * i64::from(self.integral);
        }
        self.sum = self.sum.clamp(least.min(0) << POINT, most.max(0) << POINT);
        whole.clamp(least, most) as i32
    }

    fn reset(&mut self) {
        self.sum = 0;
    }
}

/// What cooler and fan shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// Nothing: no power, and cool.
    Rest,
    /// Hold the set point, in thousandths of a degree.
    Hold(i32),
    /// All that they can.
    Full,
    /// Nobody knows the temperature: no cooling that may be wrong, but air.
    Blind,
}

/// Both loops.
#[derive(Clone, Copy, Debug)]
pub struct Control {
    tec: Loop,
    fan: Loop,
    tec_ma: i32,
    pwm: i32,
    fan_wait: u8,
    /// Ticks in which the cooler did not follow, and by how much in the last.
    astray: u16,
    off_by: i32,
    /// The current flows the wrong way.
    reversed: bool,
    /// Ticks in which the fan was far too slow.
    slow: u16,
}

impl Control {
    /// At rest.
    pub const fn resting() -> Self {
        Self {
            tec: Loop::new(TEC_PROPORTIONAL, TEC_INTEGRAL),
            fan: Loop::new(FAN_PROPORTIONAL, FAN_INTEGRAL),
            tec_ma: 0,
            pwm: 0,
            fan_wait: 0,
            astray: 0,
            off_by: 0,
            reversed: false,
            slow: 0,
        }
    }

    /// Takes note of the current that flows and the speed of the fan, as of before this tick.
    pub fn observe(&mut self, tec_ma: i32, rpm: u32) {
        let off_by = tec_ma.saturating_sub(self.tec_ma).saturating_abs();
        if off_by <= TEC_ASTRAY_MA {
            self.astray = 0;
        } else if off_by >= self.off_by {
            self.astray = self.astray.saturating_add(1);
        }
        self.off_by = off_by;
        let against = i64::from(tec_ma) * i64::from(self.tec_ma) < 0;
        if self.astray >= TEC_SUSPECT && against && tec_ma.saturating_abs() > TEC_ASTRAY_MA {
            self.reversed = true;
        }
        let expected = self.pwm as u32 * FAN_MAX_RPM / FAN_FULL as u32;
        if self.pwm >= FAN_LEAST && rpm < expected / 4 {
            self.slow = self.slow.saturating_add(1);
        } else {
            self.slow = 0;
        }
    }

    /// One tick towards an aim, with the temperatures of die and sink, as far as they are known.
    pub fn tick(&mut self, aim: Aim, die_mc: Option<i32>, sink_mc: Option<i32>) {
        let cooling = tec_limit(sink_mc);
        let (tec, fan) = match (aim, die_mc) {
            (Aim::Hold(setpoint), Some(die)) => (
                self.tec.tick(die - setpoint, -TEC_MAX_MA, cooling),
                self.hold_sink(setpoint - SINK_BELOW_MC, sink_mc),
            ),
            (Aim::Full, _) => (cooling, FAN_FULL),
            (Aim::Rest, _) => (0, 0),
            (Aim::Blind | Aim::Hold(_), _) => (0, FAN_FULL),
        };
        if !matches!(aim, Aim::Hold(_)) {
            self.tec.reset();
        }
        self.set_tec(tec, aim == Aim::Full, cooling);
        let at_once = matches!(aim, Aim::Full | Aim::Blind) || sink_mc.is_none();
        self.set_fan(fan, at_once);
    }

    fn hold_sink(&mut self, aim_mc: i32, sink_mc: Option<i32>) -> i32 {
        sink_mc.map_or(FAN_FULL, |sink| {
            self.fan.tick(sink - aim_mc, FAN_LEAST, FAN_FULL)
        })
    }

    fn set_tec(&mut self, ma: i32, at_once: bool, cooling: i32) {
        self.tec_ma = if self.reversed {
            0
        } else if at_once {
            ma
        } else {
            let step = (ma - self.tec_ma).clamp(-TEC_SLEW_MA, TEC_SLEW_MA);
            (self.tec_ma + step).min(cooling)
        };
    }

    fn set_fan(&mut self, pwm: i32, at_once: bool) {
        if at_once {
            self.pwm = pwm;
            return;
        }
        self.fan_wait = self.fan_wait.saturating_sub(1);
        if self.fan_wait == 0 && pwm != self.pwm {
            self.pwm += (pwm - self.pwm).signum();
            self.fan_wait = FAN_SLEW_TICKS;
        }
    }

    /// What to write to TEC_SET_MA.
    pub const fn tec_ma(&self) -> i32 {
        self.tec_ma
    }

    /// What to write to FAN_PWM.
    pub const fn pwm(&self) -> u32 {
        self.pwm as u32
    }

    /// How sure it is that the cooler is broken.
    pub const fn tec_health(&self) -> Health {
        Health::of(self.astray, TEC_SUSPECT, TEC_BROKEN)
    }

    /// How sure it is that the fan is broken.
    pub const fn fan_health(&self) -> Health {
        Health::of(self.slow, FAN_SUSPECT, FAN_BROKEN)
    }

    /// Gives both another chance, after a latch was cleared.
    pub fn forgive(&mut self) {
        self.astray = 0;
        self.slow = 0;
        self.reversed = false;
    }

    /// Whether both are off.
    pub const fn at_rest(&self) -> bool {
        self.tec_ma == 0 && self.pwm == 0
    }
}

/// Ticks after which a cooler that does not follow is suspect, and broken.
pub const TEC_SUSPECT: u16 = 100;
/// See [`TEC_SUSPECT`].
pub const TEC_BROKEN: u16 = 500;
/// Ticks after which a fan that is far too slow is suspect, and broken.
pub const FAN_SUSPECT: u16 = 1_500;
/// See [`FAN_SUSPECT`].
pub const FAN_BROKEN: u16 = 4_000;

/// How well cooler or fan does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// As it should.
    Good,
    /// Badly, but it may come back: throttle.
    Suspect,
    /// Badly for so long that it is broken: latch.
    Broken,
}

impl Health {
    const fn of(bad: u16, suspect: u16, broken: u16) -> Self {
        if bad >= broken {
            Self::Broken
        } else if bad >= suspect {
            Self::Suspect
        } else {
            Self::Good
        }
    }
}

/// The greatest current that may cool, in milliamperes, by the temperature of the sink.
pub fn tec_limit(sink_mc: Option<i32>) -> i32 {
    let Some(sink) = sink_mc else {
        return SINK_UNKNOWN_MA;
    };
    // 3,000 mA over 15,000 thousandths of a degree.
    const { assert!((SINK_HOT_MC - SINK_WARM_MC) % TEC_MAX_MA == 0) };
    let over = sink.clamp(SINK_WARM_MC, SINK_HOT_MC) - SINK_WARM_MC;
    TEC_MAX_MA - over / ((SINK_HOT_MC - SINK_WARM_MC) / TEC_MAX_MA)
}
