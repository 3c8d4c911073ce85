// SPDX-License-Identifier: GPL-2.0

//! What the guard has to tell.
//!
//! Any context, hard interrupts included; the guard's lock, which its caller holds
//! (`guarded` in `photonic/device/mod.rs`).

use super::laser::Laser;
use super::policy::Limits;
use super::power::{Power, SEQUENCE};
use super::sensor::Fault;
use super::Guard;
use crate::photonic::registers::{RAILS, SENSORS};

/// What the processor does; the values are those of the ABI. Who runs jobs on it adds "busy", 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum State {
    /// Its rails are off.
    Uninitialised = 0,
    /// Its rails are coming up or going down.
    Initialising = 1,
    /// It has power.
    Ready = 2,
    /// It is throttled.
    ThermalLimit = 4,
    /// A cause is latched.
    Error = 5,
    /// It is gone.
    Shutdown = 6,
}

/// What a rail does; the values are those of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum RailState {
    /// Off.
    Off = 0,
    /// On its way up.
    RampingUp = 1,
    /// On.
    On = 2,
    /// On its way down.
    RampingDown = 3,
    /// Not as it should be.
    Fault = 4,
}

/// What is counted since the guard was made. Times in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Runs of the guard.
    pub ticks: u64,
    /// Those that came too late to be.
    pub missed: u64,
    /// Times that a cause ended the light.
    pub trips: u64,
    /// Causes latched.
    pub latches: u64,
    /// Turns of the key.
    pub rearms: u64,
    /// Time throttled with light.
    pub throttled_ns: u64,
    /// Time in the guard.
    pub tick_ns: u64,
    /// Longest run of it.
    pub tick_max_ns: u64,
    /// Longest time from a sample to the laser-off write that it caused.
    pub trip_max_ns: u64,
    /// Latest that a tick began after its time, which is a period after the last.
    pub late_max_ns: u64,
}

/// All figures, as of the last tick.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    /// What the processor does.
    pub state: State,
    /// What is latched, bits of [`cause`](super::cause).
    pub causes: u32,
    /// What was latched first.
    pub first_cause: u32,
    /// A request has not been carried out yet.
    pub pending: bool,
    /// The key is turned.
    pub armed: bool,
    /// Light leaves the laser, by its indicator.
    pub emission: bool,
    /// Optical power in microwatts, by the monitor diode.
    pub laser_uw: u32,
    /// Throttling in thousandths.
    pub throttle_permille: u32,
    /// Temperatures in thousandths of a degree.
    pub temperature_mc: [i32; SENSORS],
    /// What is wrong with each sensor.
    pub sensor_faults: [Fault; SENSORS],
    /// The temperature that the guard goes by, in thousandths of a degree.
    pub die_mc: i32,
    /// The thresholds in force.
    pub limits: Limits,
    /// Current through the cooler in milliamperes; positive cools.
    pub tec_ma: i32,
    /// Current that is asked for.
    pub tec_set_ma: i32,
    /// By the tachometer.
    pub fan_rpm: u32,
    /// 0 to 255.
    pub fan_pwm: u32,
    /// What each rail does.
    pub rail_state: [RailState; RAILS],
    /// Millivolts.
    pub rail_mv: [u32; RAILS],
    /// Milliamperes.
    pub rail_ma: [u32; RAILS],
    /// Sum over the rails in milliwatts.
    pub power_mw: u32,
    /// What is counted.
    pub statistics: Statistics,
}

impl Guard {
    /// All figures, as of the last tick.
    pub fn snapshot(&self) -> Snapshot {
        let pairs = self.rail_mv.iter().zip(self.rail_ma);
        // Microwatts that fit: the registers hold 16 bits of each in any device there can be.
        let uw = pairs.fold(0u64, |sum, (&mv, ma)| {
            sum.saturating_add(u64::from(mv).saturating_mul(u64::from(ma)))
        });
        Snapshot {
            state: self.state(),
            causes: self.causes,
            first_cause: self.first_cause,
            pending: self.request.is_some(),
            armed: self.laser.armed(),
            emission: self.view.emission() && !self.view.gone(),
            laser_uw: self.laser_uw,
            throttle_permille: u32::from(self.policy.permille()),
            temperature_mc: self.sensors.readings(),
            sensor_faults: self.sensors.faults(),
            die_mc: self.die_mc,
            limits: self.limits,
            tec_ma: self.view.tec_ma,
            tec_set_ma: self.control.tec_ma(),
            fan_rpm: self.view.rpm,
            fan_pwm: self.control.pwm(),
            rail_state: self.rail_state(),
            rail_mv: self.rail_mv,
            rail_ma: self.rail_ma,
            power_mw: u32::try_from(uw / 1_000).unwrap_or(u32::MAX),
            statistics: self.statistics,
        }
    }

    /// What the processor does.
    pub fn state(&self) -> State {
        if self.is_gone() {
            State::Shutdown
        } else if self.causes != 0 {
            State::Error
        } else if self.power.moves() {
            State::Initialising
        } else if self.power == Power::Off {
            State::Uninitialised
        } else if self.policy.permille() > 0 {
            State::ThermalLimit
        } else {
            State::Ready
        }
    }

    fn rail_state(&self) -> [RailState; RAILS] {
        let mut states = [RailState::Off; RAILS];
        let enabled = self.power.enabled();
        let moving = match self.power {
            Power::Rising { step, .. } => Some((step, RailState::RampingUp)),
            Power::Falling { step, .. } => Some((step, RailState::RampingDown)),
            Power::Stuck { step } => Some((step, RailState::Fault)),
            _ => None,
        };
        for (index, step) in SEQUENCE.iter().enumerate() {
            let Some(state) = states.get_mut(step.rail) else {
                continue;
            };
            *state = match moving {
                Some((step, state)) if usize::from(step) == index => state,
                _ if self.rail_faults & (1 << step.rail) != 0 => RailState::Fault,
                _ if enabled & (1 << step.rail) != 0 => RailState::On,
                _ => RailState::Off,
            };
        }
        states
    }

    /// Whether the key is turned.
    pub fn armed(&self) -> bool {
        matches!(self.laser, Laser::On { .. })
    }

    /// What is latched, bits of [`cause`](super::cause).
    pub const fn causes(&self) -> u32 {
        self.causes
    }
}
