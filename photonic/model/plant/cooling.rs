// SPDX-License-Identifier: GPL-2.0

//! The current of the cooler and the speed of the fan.
//!
//! Any context; the lock of the plant's owner (`photonic/backend/model.rs`).

use super::fault::TecFault;
use crate::photonic::registers::{FAN_MAX_RPM, TEC_MAX_MA};

/// Milliamperes that the current changes by in a step, at most: 32 A/s.
const SLEW_MA: i32 = 8;
/// Time constant of the fan: 2^12 steps, about a second.
const FAN_SHIFT: u32 = 12;
/// That of a fan with a stuck bearing: 64 ms.
const STUCK_SHIFT: u32 = 8;

/// The cooler's current source.
#[derive(Clone, Copy, Debug)]
pub struct Tec {
    set: i32,
    flows: i32,
    /// What is wrong with it.
    pub fault: TecFault,
}

impl Tec {
    /// No current.
    pub const fn off() -> Self {
        Self {
            set: 0,
            flows: 0,
            fault: TecFault::None,
        }
    }

    /// Asks for a current in milliamperes; more than TEC_MAX_MA is cut.
    pub fn set(&mut self, ma: i32) {
        self.set = ma.clamp(-TEC_MAX_MA, TEC_MAX_MA);
    }

    /// The current that is asked for.
    pub const fn asked(&self) -> i32 {
        self.set
    }

    /// The current that flows.
    #[inline]
    pub const fn ma(&self) -> i32 {
        self.flows
    }

    /// So many steps pass.
    #[inline]
    pub fn step(&mut self, steps: i32) {
        let target = match self.fault {
            TecFault::None => self.set,
            TecFault::Stuck => self.flows,
            TecFault::Limited(ma) => {
                let most = ma.min(TEC_MAX_MA as u32) as i32;
                self.set.clamp(-most, most)
            }
            TecFault::Reversed => -self.set,
        };
        let slew = SLEW_MA * steps.min(1_000);
        self.flows += (target - self.flows).clamp(-slew, slew);
    }
}

/// The fan.
#[derive(Clone, Copy, Debug)]
pub struct Fan {
    pwm: u32,
    /// Revolutions a minute, 16 digits after the point.
    speed: i64,
    /// Whether its bearing is stuck.
    pub stuck: bool,
}

impl Fan {
    /// A fan that stands.
    pub const fn standing() -> Self {
        Self {
            pwm: 0,
            speed: 0,
            stuck: false,
        }
    }

    /// The register FAN_PWM; more than 255 is cut.
    pub fn set(&mut self, pwm: u32) {
        self.pwm = pwm.min(255);
    }

    /// The register FAN_PWM.
    pub const fn pwm(&self) -> u32 {
        self.pwm
    }

    /// Revolutions a minute.
    #[inline]
    pub const fn rpm(&self) -> i64 {
        self.speed >> 16
    }

    fn goes_to(&self) -> (i64, u32) {
        if self.stuck {
            (0, STUCK_SHIFT)
        } else {
            let target = (i64::from(self.pwm * FAN_MAX_RPM) << 16) / 255;
            (target, FAN_SHIFT)
        }
    }

    /// A step passes.
    #[inline]
    pub fn step(&mut self) {
        let (target, shift) = self.goes_to();
        self.speed += (target - self.speed) >> shift;
    }

    /// So many steps pass at once.
    pub fn leap(&mut self, steps: i64) {
        let (target, shift) = self.goes_to();
        let tau = 1i64 << shift;
        self.speed += (target - self.speed) / (steps + tau) * steps;
    }
}
