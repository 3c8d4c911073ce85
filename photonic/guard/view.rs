// SPDX-License-Identifier: GPL-2.0

//! What one tick sees of the device.
//!
//! Any context, hard interrupts included; the guard's lock, which its caller holds
//! (`guarded` in `photonic/device/mod.rs`).

use crate::photonic::registers::{
    Registers, FAN_RPM, GONE, LATCHES, RAIL_GOOD, SENSOR, SENSORS, STATUS, STATUS_EMISSION,
    STATUS_INTERLOCK, STATUS_WATCHDOG, TEC_MA,
};

/// The registers that each tick reads, sensors first.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// The sensors.
    pub sensors: [u32; SENSORS],
    /// STATUS.
    pub status: u32,
    /// LATCHES.
    pub latches: u32,
    /// RAIL_GOOD.
    pub good: u32,
    /// TEC_MA.
    pub tec_ma: i32,
    /// FAN_RPM.
    pub rpm: u32,
}

impl View {
    /// Before the first tick.
    pub const NONE: Self = Self {
        sensors: [0; SENSORS],
        status: 0,
        latches: 0,
        good: 0,
        tec_ma: 0,
        rpm: 0,
    };

    /// Reads them.
    pub fn read<R: Registers + ?Sized>(device: &R) -> Self {
        let mut sensors = [0; SENSORS];
        for (register, offset) in sensors.iter_mut().zip((SENSOR..).step_by(4)) {
            *register = device.read(offset);
        }
        Self {
            sensors,
            status: device.read(STATUS),
            latches: device.read(LATCHES),
            good: device.read(RAIL_GOOD),
            tec_ma: device.read(TEC_MA) as i32,
            rpm: device.read(FAN_RPM),
        }
    }

    /// Whether the device is not there any more: some bits of STATUS are never set.
    pub const fn gone(&self) -> bool {
        self.status == GONE
    }

    /// Light leaves the laser.
    pub const fn emission(&self) -> bool {
        self.status & STATUS_EMISSION != 0
    }

    /// The interlock is closed.
    pub const fn interlock(&self) -> bool {
        self.status & STATUS_INTERLOCK != 0
    }

    /// The watchdog is alive.
    pub const fn watchdog(&self) -> bool {
        self.status & STATUS_WATCHDOG != 0
    }
}
