// SPDX-License-Identifier: GPL-2.0

//! Temperature sensors: offset, noise, steps of 1/64 degree, a counter of conversions.
//!
//! Each converts once a step, its counter a number of its own ahead. A value becomes readable
//! a step after it was sampled. What the sensor reads is computed where it is read: the noise of
//! a conversion is a function of seed, sensor and conversion, so that it is the same however
//! often and whenever anybody looks.
//!
//! A sensor in order is within [`ERROR_MC`] of the hottest place on the die:
//!
//! ```text
//! offset        500 m°C      PlantConfig::offset_mc at most
//! noise         230 m°C      four uniform numbers of 16 bits, summed: 3.46 deviations of 66 m°C
//! quantisation   20 m°C
//! place         800 m°C      the laser's rise over the edge
//! ```
//!
//! Any context; the lock of the plant's owner (`photonic/backend/model.rs`).

use super::fault::SensorFault;
use super::thermal::NANO;
use crate::photonic::model::random::Random;
use crate::photonic::registers::{sensor_code, CODE_OPEN, CODE_SHORT, SENSORS};

/// The most that a sensor in order differs from the hottest place on the die, in thousandths of
/// a degree.
pub const ERROR_MC: i32 = 1_600;
/// The greatest offset of a sensor, in thousandths of a degree.
pub const OFFSET_MAX_MC: u32 = 500;

/// Steps that a second has.
const STEPS_PER_S: u64 = 4_000;

/// One sensor.
#[derive(Clone, Copy, Debug)]
struct Sensor {
    offset_mc: i32,
    ahead: u16,
    fault: SensorFault,
    /// The conversion that the fault came with.
    since: u64,
    /// What it read then.
    held: u32,
}

/// All of them.
#[derive(Clone, Copy, Debug)]
pub struct Bank {
    sensors: [Sensor; SENSORS],
    seed: u64,
}

impl Bank {
    /// Sensors in order, with offsets up to `offset_mc`.
    pub fn new(seed: u64, offset_mc: u32) -> Self {
        let mut random = Random::stream(seed, 1);
        let limit = offset_mc.min(OFFSET_MAX_MC);
        let sensor = Sensor {
            offset_mc: 0,
            ahead: 0,
            fault: SensorFault::None,
            since: 0,
            held: 0,
        };
        let mut sensors = [sensor; SENSORS];
        for sensor in &mut sensors {
            sensor.offset_mc = random.below(2 * limit + 1) as i32 - limit as i32;
            sensor.ahead = random.bits() as u16;
        }
        Self { sensors, seed }
    }

    /// The register of sensor `index` after `conversion` conversions, the last of which saw
    /// `nano` billionths of a degree.
    pub fn read(&self, index: usize, conversion: u64, nano: i64) -> u32 {
        let Some(sensor) = self.sensors.get(index) else {
            return 0;
        };
        let counter = (conversion as u16).wrapping_add(sensor.ahead);
        let count = u32::from(counter) << 16;
        let age = conversion.saturating_sub(sensor.since);
        let honest = |more: i64| {
            let mc = nano / NANO + i64::from(sensor.offset_mc) + more;
            let mc = mc + self.noise(index, conversion);
            let code = sensor_code(mc.clamp(-64_000, 191_000) as i32) & !3;
            // Only a wire reads as one.
            code.clamp(4, 0xfff8)
        };
        match sensor.fault {
            SensorFault::None => count | honest(0),
            SensorFault::Open => count | CODE_OPEN,
            SensorFault::Short => count | CODE_SHORT,
            SensorFault::Stuck => count | (sensor.held & 0xffff),
            SensorFault::Stale => sensor.held,
            SensorFault::Jump(mc) => count | honest(self.jump(index, conversion, mc)),
            SensorFault::Offset(mc) => count | honest(i64::from(mc)),
            SensorFault::Drift(mc) => {
                // Past a day it has long left the scale.
                let seconds_by_mc = age.min(86_400 * STEPS_PER_S) as i64 * i64::from(mc);
                count | honest(seconds_by_mc / STEPS_PER_S as i64)
            }
        }
    }

    /// Breaks a sensor, or mends it; `reads` is what its register reads.
    pub fn inject(&mut self, index: usize, fault: SensorFault, conversion: u64, reads: u32) {
        if let Some(sensor) = self.sensors.get_mut(index) {
            sensor.fault = fault;
            sensor.since = conversion;
            sensor.held = reads;
        }
    }

    /// Whether a sensor is in order.
    pub fn in_order(&self, index: usize) -> bool {
        let fault = self.sensors.get(index).map(|sensor| sensor.fault);
        fault == Some(SensorFault::None)
    }

    /// Thousandths of a degree of noise: four uniform numbers, mean 0, deviation 66.
    #[inline]
    fn noise(&self, index: usize, conversion: u64) -> i64 {
        let bits = Random::stream(self.seed ^ conversion.rotate_left(8), 16 + index as u64).bits();
        let sum =
            (bits & 0xffff) + ((bits >> 16) & 0xffff) + ((bits >> 32) & 0xffff) + (bits >> 48);
        ((2 * sum as i64 - 4 * 0xffff) * 57) >> 16
    }

    /// Where a jumping sensor is now: somewhere else every 16 conversions.
    fn jump(&self, index: usize, conversion: u64, mc: i32) -> i64 {
        let mut random = Random::stream(self.seed ^ (conversion / 16), 32 + index as u64);
        let range = mc.unsigned_abs().min(200_000);
        i64::from(random.below(2 * range + 1)) - i64::from(range)
    }
}
