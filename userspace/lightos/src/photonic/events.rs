// SPDX-License-Identifier: GPL-2.0

//! Events: what happens at processors while a program does something else.

use std::fmt;
use std::time::Duration;

use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use super::info::Action;
use super::status::{Causes, State};
use crate::call::update;
use crate::sys::{self, size_of_u32};
use crate::{Device, Error};

/// Kinds of events: `LIGHTOS_PHOTONIC_EVENT_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(pub u32);

impl Kinds {
    /// All of them.
    pub const ALL: Self = Self(
        sys::PHOTONIC_EVENT_LATCHED
            | sys::PHOTONIC_EVENT_CLEARED
            | sys::PHOTONIC_EVENT_THROTTLE
            | sys::PHOTONIC_EVENT_POWER
            | sys::PHOTONIC_EVENT_LASER
            | sys::PHOTONIC_EVENT_SENSOR
            | sys::PHOTONIC_EVENT_RESET
            | sys::PHOTONIC_EVENT_JOB
            | sys::PHOTONIC_EVENT_CALIBRATION,
    );
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happening {
    /// These causes were latched; the laser is off.
    Latched(Causes),
    /// These causes were taken back.
    Cleared(Causes),
    /// The throttle is this now, in permille.
    Throttle(u32),
    /// The state is this now.
    Power(State),
    /// The laser went on or off.
    Laser(bool),
    /// The sensor of this number went bad or good.
    Sensor(u32),
    /// There was a reset.
    Reset(Action),
    /// The job of this number, of this file, ended.
    Job(u64),
    /// The calibration in use is that of this checksum, or none.
    Calibration(Option<u32>),
    /// So many events were lost before the next one.
    Lost(u64),
}

impl Happening {
    /// The meaning of kind and value.
    fn new(kind: u32, value: u64) -> Result<Self, Error> {
        // Values but those of jobs and losses are of 32 bits.
        let word = value as u32;
        Ok(match kind {
            sys::PHOTONIC_EVENT_LATCHED => Self::Latched(Causes(word)),
            sys::PHOTONIC_EVENT_CLEARED => Self::Cleared(Causes(word)),
            sys::PHOTONIC_EVENT_THROTTLE => Self::Throttle(word),
            sys::PHOTONIC_EVENT_POWER => Self::Power(word.try_into()?),
            sys::PHOTONIC_EVENT_LASER => Self::Laser(word != 0),
            sys::PHOTONIC_EVENT_SENSOR => Self::Sensor(word),
            sys::PHOTONIC_EVENT_RESET => Self::Reset(word.try_into()?),
            sys::PHOTONIC_EVENT_JOB => Self::Job(value),
            sys::PHOTONIC_EVENT_CALIBRATION => Self::Calibration((word != 0).then_some(word)),
            sys::PHOTONIC_EVENT_LOST => Self::Lost(value),
            value => {
                let field = "kind";
                return Err(Error::UnknownValue { field, value });
            }
        })
    }

    /// The name of its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Latched(_) => "latched",
            Self::Cleared(_) => "cleared",
            Self::Throttle(_) => "throttle",
            Self::Power(_) => "power",
            Self::Laser(_) => "laser",
            Self::Sensor(_) => "sensor",
            Self::Reset(_) => "reset",
            Self::Job(_) => "job",
            Self::Calibration(_) => "calibration",
            Self::Lost(_) => "lost",
        }
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latched(causes) => write!(f, "latched: {causes}"),
            Self::Cleared(causes) => write!(f, "cleared: {causes}"),
            Self::Throttle(permille) => {
                write!(f, "throttle {}.{} %", permille / 10, permille % 10)
            }
            Self::Power(state) => write!(f, "state {state}"),
            Self::Laser(true) => f.write_str("laser on"),
            Self::Laser(false) => f.write_str("laser off"),
            Self::Sensor(number) => match number {
                0 => write!(f, "all sensors are healthy"),
                set => write!(f, "faulty sensors {set:#x}"),
            },
            Self::Reset(action) => write!(f, "{action}"),
            Self::Job(id) => write!(f, "job {id} ended"),
            Self::Calibration(Some(id)) => write!(f, "calibration {id:08x} in use"),
            Self::Calibration(None) => f.write_str("no calibration in use"),
            Self::Lost(count) => write!(f, "{count} events lost"),
        }
    }
}

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in ns of CLOCK_MONOTONIC.
    pub time_ns: u64,
    /// At which processor.
    pub processor: u32,
    /// What.
    pub what: Happening,
}

/// A file that is subscribed to events.
#[derive(Debug)]
pub struct Watcher<'a> {
    device: &'a Device,
}

impl<'a> Watcher<'a> {
    /// Subscribes the file of `device` to `kinds` of events at the processors whose
    /// bits are set in `processors`. Events before are dropped.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] for an unknown kind, [`Error::Unsupported`].
    pub fn new(device: &'a Device, processors: u32, kinds: Kinds) -> Result<Self, Error> {
        let mut raw = sys::PhotonicEvents {
            size: size_of_u32::<sys::PhotonicEvents>(),
            flags: sys::PHOTONIC_EVENTS_SUBSCRIBE,
            devices: processors,
            kinds: kinds.0,
            ..Default::default()
        };
        match update::<{ sys::PHOTONIC_EVENTS }, _>(&device.file, &mut raw) {
            // There is none yet.
            Ok(()) | Err(Errno::AGAIN) => Ok(Self { device }),
            Err(errno) => Err(Error::from_call(errno, "PHOTONIC_EVENTS")),
        }
    }

    /// The oldest event that waits, if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownValue`] from a module newer than this library.
    pub fn next(&self) -> Result<Option<Event>, Error> {
        let mut raw = sys::PhotonicEvents {
            size: size_of_u32::<sys::PhotonicEvents>(),
            ..Default::default()
        };
        match update::<{ sys::PHOTONIC_EVENTS }, _>(&self.device.file, &mut raw) {
            Ok(()) => {}
            Err(Errno::AGAIN) => return Ok(None),
            Err(errno) => return Err(Error::from_call(errno, "PHOTONIC_EVENTS")),
        }
        Ok(Some(Event {
            time_ns: raw.event.time_ns,
            processor: raw.event.device,
            what: Happening::new(raw.event.kind, raw.event.value)?,
        }))
    }

    /// Waits at most `limit` for an event and takes it.
    ///
    /// # Errors
    ///
    /// As [`Watcher::next`]; a signal is no error and ends the wait.
    pub fn wait(&self, limit: Duration) -> Result<Option<Event>, Error> {
        let limit = Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: limit.subsec_nanos().into(),
        };
        let mut files = [PollFd::new(self.device, PollFlags::PRI)];
        match poll(&mut files, Some(&limit)) {
            Ok(0) | Err(Errno::INTR) => Ok(None),
            Ok(_) => self.next(),
            Err(errno) => Err(Error::from_call(errno, "poll")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_mean_what_their_kind_says() {
        let text = |kind, value| Happening::new(kind, value).unwrap().to_string();
        assert_eq!(
            text(sys::PHOTONIC_EVENT_LATCHED, 1),
            "latched: over-temperature"
        );
        assert_eq!(text(sys::PHOTONIC_EVENT_THROTTLE, 375), "throttle 37.5 %");
        assert_eq!(text(sys::PHOTONIC_EVENT_POWER, 2), "state ready");
        assert_eq!(text(sys::PHOTONIC_EVENT_LASER, 0), "laser off");
        assert_eq!(text(sys::PHOTONIC_EVENT_RESET, 7), "function reset");
        assert_eq!(
            text(sys::PHOTONIC_EVENT_CALIBRATION, 0),
            "no calibration in use"
        );
        assert_eq!(text(sys::PHOTONIC_EVENT_LOST, 3), "3 events lost");
        let error = Happening::new(1 << 20, 0).unwrap_err();
        assert!(matches!(error, Error::UnknownValue { field: "kind", .. }));
        assert!(Happening::new(sys::PHOTONIC_EVENT_POWER, 99).is_err());
    }
}
