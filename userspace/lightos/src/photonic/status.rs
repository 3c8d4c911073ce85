// SPDX-License-Identifier: GPL-2.0

//! How a processor is: power, laser, temperatures, counters, and the thresholds that
//! its guard goes by.

use std::fmt;

use super::info::bit_names;
use crate::sys;
use crate::types::abi_enum;
use crate::Error;

/// What the sensors measure, in their order.
pub const SENSOR_NAMES: [&str; 5] = ["mesh", "edge", "laser", "sink", "ambient"];

abi_enum! {
    /// What a processor does.
    State ("state") {
        /// Its rails are off.
        Uninitialised = 0, "off";
        /// Its rails are coming up or going down.
        Initialising = 1, "powering";
        /// It has power.
        Ready = 2, "ready";
        /// A job runs on it.
        Busy = 3, "busy";
        /// It is throttled.
        ThermalLimit = 4, "throttled";
        /// A cause is latched.
        Error = 5, "latched";
        /// It is gone, or the system goes down.
        Shutdown = 6, "shut down";
    }
}

abi_enum! {
    /// What a rail does.
    RailState ("rail_state") {
        /// Off.
        Off = 0, "off";
        /// On its way up.
        RampingUp = 1, "ramping up";
        /// Good.
        On = 2, "on";
        /// On its way down.
        RampingDown = 3, "ramping down";
        /// Failed.
        Fault = 4, "fault";
    }
}

abi_enum! {
    /// What is wrong with a sensor.
    SensorFault ("sensor_faults") {
        /// Nothing.
        None = 0, "good";
        /// Its circuit is open.
        Open = 1, "open";
        /// Its circuit is shorted.
        Shorted = 2, "shorted";
        /// It makes no new conversions.
        Stale = 3, "stale";
        /// It says the same whatever happens.
        Stuck = 4, "stuck";
        /// It changes faster than matter can.
        Jumping = 5, "jumping";
        /// It says what cannot be.
        OutOfRange = 6, "out of range";
        /// Its neighbours say something else.
        AtOdds = 7, "at odds with its neighbours";
    }
}

/// Why the laser stays off: `LIGHTOS_PHOTONIC_CAUSE_*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Causes(pub u32);

impl Causes {
    const KNOWN: [(u32, &'static str); 14] = [
        (sys::PHOTONIC_CAUSE_OVERTEMP, "over-temperature"),
        (sys::PHOTONIC_CAUSE_SENSORS, "no healthy sensor"),
        (sys::PHOTONIC_CAUSE_RAIL_TIMEOUT, "rail not good in time"),
        (sys::PHOTONIC_CAUSE_OVERCURRENT, "over-current"),
        (sys::PHOTONIC_CAUSE_UNDERVOLTAGE, "under-voltage"),
        (sys::PHOTONIC_CAUSE_RAIL_STUCK, "rail stuck on"),
        (sys::PHOTONIC_CAUSE_INTERLOCK, "interlock"),
        (sys::PHOTONIC_CAUSE_WATCHDOG, "watchdog"),
        (sys::PHOTONIC_CAUSE_COMPARATOR, "comparator"),
        (sys::PHOTONIC_CAUSE_MISSED_TICKS, "missed ticks"),
        (sys::PHOTONIC_CAUSE_FAN, "fan"),
        (sys::PHOTONIC_CAUSE_TEC, "TEC"),
        (sys::PHOTONIC_CAUSE_GONE, "device gone"),
        (sys::PHOTONIC_CAUSE_EMISSION, "emission against orders"),
    ];

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Their names; bits that have none as numbers.
    pub fn names(self) -> Vec<String> {
        bit_names(self.0, &Self::KNOWN)
    }
}

impl fmt::Display for Causes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.pad("none");
        }
        f.pad(&self.names().join(", "))
    }
}

/// A temperature sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sensor {
    /// What it says, in millidegrees Celsius.
    pub millidegrees: i32,
    /// What is wrong with it.
    pub fault: SensorFault,
}

/// A supply rail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rail {
    /// What it does.
    pub state: RailState,
    /// Its voltage, in millivolts.
    pub millivolts: u32,
    /// Its current, in milliamperes.
    pub milliamperes: u32,
}

/// What was counted since the module was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Runs of the guard.
    pub ticks: u64,
    /// Runs that its timer was too late for.
    pub ticks_missed: u64,
    /// Emergency shutdowns.
    pub trips: u64,
    /// Causes latched.
    pub latches: u64,
    /// Times it was armed.
    pub rearms: u64,
    /// Time throttled, in ns.
    pub throttled_ns: u64,
    /// Time in the guard, in ns.
    pub tick_ns: u64,
    /// Its longest run, in ns.
    pub tick_max_ns: u64,
    /// Longest time from a sample to the write that it caused, in ns.
    pub trip_max_ns: u64,
    /// Latest that a run began after its time, in ns.
    pub late_max_ns: u64,
    /// Jobs done.
    pub jobs: u64,
    /// Jobs that failed.
    pub jobs_failed: u64,
    /// Vectors multiplied.
    pub vectors: u64,
    /// Time in which jobs ran, in ns.
    pub busy_ns: u64,
    /// Resets of any level.
    pub resets: u64,
    /// Times that phases were handed to the heaters.
    pub commits: u64,
}

/// How a processor is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What it does.
    pub state: State,
    /// What is latched.
    pub causes: Causes,
    /// What was latched first.
    pub first_cause: Causes,
    /// Whether the key is turned.
    pub armed: bool,
    /// Whether light leaves the laser, by its indicator.
    pub emission: bool,
    /// Optical power in microwatts, by the monitor diode.
    pub laser_uw: u32,
    /// Share of time that is throttled away, 0 to 1000.
    pub throttle_permille: u32,
    /// Its sensors, in the order of [`SENSOR_NAMES`].
    pub sensors: Vec<Sensor>,
    /// The temperature that the guard goes by, in millidegrees Celsius.
    pub die_mc: i32,
    /// What it regulates to.
    pub setpoint_mc: i32,
    /// Current through the TEC in milliamperes; positive cools.
    pub tec_ma: i32,
    /// Revolutions a minute of the fan.
    pub fan_rpm: u32,
    /// What the fan is driven with, 0 to 255.
    pub fan_pwm: u32,
    /// Its rails, in the order in which they come up.
    pub rails: Vec<Rail>,
    /// Sum over the rails, in milliwatts.
    pub power_mw: u32,
    /// Checksum of the calibration in use; `None` in uncalibrated mode.
    pub calibration: Option<u32>,
    /// What was counted.
    pub counters: Counters,
}

impl Status {
    /// Typed, with as many sensors and rails as the processor has.
    pub(super) fn new(
        raw: &sys::PhotonicStatus,
        sensors: usize,
        rails: usize,
    ) -> Result<Self, Error> {
        let sensor = |(&millidegrees, &fault): (&i32, &u32)| {
            Ok(Sensor {
                millidegrees,
                fault: fault.try_into()?,
            })
        };
        let read = raw.temperature_mc.iter().zip(&raw.sensor_faults);
        let rail = |i: usize| -> Result<Rail, Error> {
            Ok(Rail {
                state: raw.rail_state[i].try_into()?,
                millivolts: raw.rail_mv[i],
                milliamperes: raw.rail_ma[i],
            })
        };
        Ok(Self {
            state: raw.state.try_into()?,
            causes: Causes(raw.causes),
            first_cause: Causes(raw.first_cause),
            armed: raw.armed != 0,
            emission: raw.emission != 0,
            laser_uw: raw.laser_uw,
            throttle_permille: raw.throttle_permille,
            sensors: read
                .take(sensors)
                .map(sensor)
                .collect::<Result<_, Error>>()?,
            die_mc: raw.die_mc,
            setpoint_mc: raw.setpoint_mc,
            tec_ma: raw.tec_ma,
            fan_rpm: raw.fan_rpm,
            fan_pwm: raw.fan_pwm,
            rails: (0..rails.min(raw.rail_mv.len()))
                .map(rail)
                .collect::<Result<_, Error>>()?,
            power_mw: raw.power_mw,
            calibration: (raw.calibrated != 0).then_some(raw.calibration_id),
            counters: raw.into(),
        })
    }
}

impl From<&sys::PhotonicStatus> for Counters {
    fn from(raw: &sys::PhotonicStatus) -> Self {
        Self {
            ticks: raw.ticks,
            ticks_missed: raw.ticks_missed,
            trips: raw.trips,
            latches: raw.latches,
            rearms: raw.rearms,
            throttled_ns: raw.throttled_ns,
            tick_ns: raw.tick_ns,
            tick_max_ns: raw.tick_max_ns,
            trip_max_ns: raw.trip_max_ns,
            late_max_ns: raw.late_max_ns,
            jobs: raw.jobs,
            jobs_failed: raw.jobs_failed,
            vectors: raw.vectors,
            busy_ns: raw.busy_ns,
            resets: raw.resets,
            commits: raw.commits,
        }
    }
}

/// The thresholds of the guard, all in millidegrees Celsius.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Where throttling begins; at least 40,000.
    pub throttle_mc: i32,
    /// Where it is at least 75 %, TEC and fan full; at least 2,000 more.
    pub full_mc: i32,
    /// Where the laser goes off; at least 2,000 more, at most 95,000.
    pub emergency_mc: i32,
    /// How far it must cool before a tier is left; 1,000 to 20,000.
    pub hysteresis_mc: i32,
    /// What TEC and fan regulate to; 15,000 to 10,000 below `throttle_mc`.
    pub setpoint_mc: i32,
}

impl Default for Limits {
    /// Those that a processor has after the module is loaded.
    fn default() -> Self {
        Self {
            throttle_mc: 75_000,
            full_mc: 85_000,
            emergency_mc: 95_000,
            hysteresis_mc: 5_000,
            setpoint_mc: 45_000,
        }
    }
}

impl From<&sys::PhotonicLimits> for Limits {
    fn from(raw: &sys::PhotonicLimits) -> Self {
        Self {
            throttle_mc: raw.throttle_mc,
            full_mc: raw.full_mc,
            emergency_mc: raw.emergency_mc,
            hysteresis_mc: raw.hysteresis_mc,
            setpoint_mc: raw.setpoint_mc,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_named() {
        assert_eq!(Causes(0).to_string(), "none");
        assert_eq!(
            Causes(1 | 1 << 6).to_string(),
            "over-temperature, interlock"
        );
        assert_eq!(Causes(1 << 31).names(), ["bit 31"]);
    }

    #[test]
    fn only_what_is_there_is_shown() {
        let mut raw = sys::PhotonicStatus {
            state: 2,
            calibration_id: 7,
            ..Default::default()
        };
        raw.temperature_mc[1] = -5_000;
        raw.sensor_faults[1] = 3;
        // Beyond what the processor has: not looked at.
        raw.rail_state[7] = 99;
        let status = Status::new(&raw, 2, 6).unwrap();
        assert_eq!((status.sensors.len(), status.rails.len()), (2, 6));
        assert_eq!(status.sensors[1].fault, SensorFault::Stale);
        assert_eq!(status.sensors[1].millidegrees, -5_000);
        assert_eq!(status.calibration, None);
        raw.rail_state[0] = 99;
        assert!(Status::new(&raw, 2, 6).is_err());
    }
}
