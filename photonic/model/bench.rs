// SPDX-License-Identifier: GPL-2.0

//! A laboratory bench in the place of the plant: rails and light are on, the temperature is what
//! it is set to. For what has to do with light alone.
//!
//! For the host; no lock.

use super::plant::Light;
use super::Surroundings;
use crate::photonic::registers::{
    sensor_code, CONTROL, CONTROL_RESET_FUNCTION, CONTROL_RESET_SOFT, DUTY_FULL, IRQ_ENABLE,
    IRQ_LATCH, IRQ_STATUS, LASER_CONTROL, LASER_DUTY, LASER_ENABLE, LASER_KEY, LASER_POWER_UW,
    LATCHES, LATCH_CLEAR, RAILS, RAIL_ENABLE, RAIL_GOOD, SENSOR, SENSORS, STATUS, STATUS_BUSY,
    STATUS_EMISSION, STATUS_INTERLOCK, STATUS_LATCHED, STATUS_RAILS_GOOD, STATUS_SETTLING,
    STATUS_WATCHDOG, TIME_US,
};

/// The bench.
#[derive(Clone, Copy, Debug)]
pub struct Bench {
    /// What the optics get.
    pub light: Light,
    /// Power of the heaters as the optics told it, in milliwatts.
    pub heater_mw: u32,
    busy: bool,
    settling: bool,
    now: u64,
    latches: u32,
    interrupts: u32,
    wanted: u32,
    reset: u32,
}

impl Bench {
    /// All on, the die at `die_mc` thousandths of a degree.
    pub const fn new(power_uw: u32, die_mc: i32) -> Self {
        Self {
            light: Light {
                emission: true,
                duty: DUTY_FULL,
                power_uw,
                die_mc,
            },
            heater_mw: 0,
            busy: false,
            settling: false,
            now: 0,
            latches: 0,
            interrupts: 0,
            wanted: 0,
            reset: 0,
        }
    }
}

impl Bench {
    fn status(&self) -> u32 {
        let bits = [
            (STATUS_BUSY, self.busy),
            (STATUS_SETTLING, self.settling),
            (STATUS_EMISSION, self.light.emission),
            (STATUS_LATCHED, self.latches != 0),
        ];
        let always = STATUS_RAILS_GOOD | STATUS_INTERLOCK | STATUS_WATCHDOG;
        let set = bits.iter().filter(|(_, on)| *on);
        set.fold(always, |status, (bit, _)| status | bit)
    }
}

impl Surroundings for Bench {
    fn advance(&mut self, now: u64) {
        self.now = self.now.max(now);
    }

    fn read(&mut self, offset: u32) -> u32 {
        let all_rails = (1 << RAILS) - 1;
        let conversions = (self.now / 250_000) as u32;
        match offset {
            STATUS => self.status(),
            LATCHES => self.latches,
            IRQ_STATUS => self.interrupts,
            IRQ_ENABLE => self.wanted,
            TIME_US => (self.now / 1000) as u32,
            LASER_CONTROL if self.light.emission => LASER_ENABLE | LASER_KEY,
            LASER_DUTY => self.light.duty,
            LASER_POWER_UW if self.light.emission => self.light.power_uw,
            RAIL_ENABLE | RAIL_GOOD => all_rails,
            _ if (offset.wrapping_sub(SENSOR) as usize) < 4 * SENSORS => {
                sensor_code(self.light.die_mc) & !3 | conversions << 16
            }
            _ => 0,
        }
    }

    fn write(&mut self, offset: u32, value: u32) {
        match offset {
            CONTROL => self.reset |= value & (CONTROL_RESET_SOFT | CONTROL_RESET_FUNCTION),
            LATCH_CLEAR => self.latches &= !value,
            IRQ_STATUS => self.interrupts &= !value,
            IRQ_ENABLE => self.wanted = value,
            LASER_CONTROL => {
                let both = LASER_ENABLE | LASER_KEY;
                self.light.emission = value & both == both;
            }
            LASER_DUTY => self.light.duty = value.min(DUTY_FULL),
            _ => {}
        }
        if self.reset & CONTROL_RESET_FUNCTION != 0 {
            self.light.emission = false;
        }
    }

    fn light(&self) -> Light {
        self.light
    }

    fn load(&mut self, heater_mw: u32, busy: bool, settling: bool) {
        self.heater_mw = heater_mw;
        self.busy = busy;
        self.settling = settling;
    }

    fn raise(&mut self, interrupts: u32) {
        self.interrupts |= interrupts;
    }

    fn latch(&mut self, latches: u32) {
        if latches & !self.latches != 0 {
            self.interrupts |= IRQ_LATCH;
        }
        self.latches |= latches;
    }

    fn take_reset(&mut self) -> u32 {
        core::mem::take(&mut self.reset)
    }
}
