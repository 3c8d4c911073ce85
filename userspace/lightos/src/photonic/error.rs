// SPDX-License-Identifier: GPL-2.0

//! What can go wrong with a photonic processor, and what to do about it.

use std::fmt;

use rustix::io::Errno;

use super::info::Action;

/// How a job ended that is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobEnd {
    /// Its time was over (ETIME).
    TimedOut,
    /// A reset ended it (ECANCELED).
    Cancelled,
    /// An emergency, or a cause that was latched (EHOSTDOWN).
    ShutDown,
    /// There is no power, or no light (ENETDOWN).
    Dark,
    /// It would have run throttled, against its wish (EBUSY).
    Throttled,
    /// The device did not do it (EIO).
    Device,
    /// Something that this library does not know.
    Other(Errno),
}

impl JobEnd {
    /// The meaning of the errno in a result.
    pub(super) fn from_errno(errno: Errno) -> Self {
        match errno {
            Errno::TIME => Self::TimedOut,
            Errno::CANCELED => Self::Cancelled,
            Errno::HOSTDOWN => Self::ShutDown,
            Errno::NETDOWN => Self::Dark,
            Errno::BUSY => Self::Throttled,
            Errno::IO => Self::Device,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for JobEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("it took longer than it may"),
            Self::Cancelled => f.write_str("a reset cancelled it"),
            Self::ShutDown => f.write_str("the processor was shut down: a cause is latched"),
            Self::Dark => f.write_str("there is no power or no light: power up and arm first"),
            Self::Throttled => f.write_str("the processor is throttled"),
            Self::Device => f.write_str("the device failed"),
            Self::Other(errno) => write!(f, "{}", std::io::Error::from(*errno)),
        }
    }
}

/// Why a call on a photonic processor failed; what other calls fail by too is a
/// [`crate::Error`] of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no processor of this number.
    #[error("there is no photonic processor {device}: the module has {devices}")]
    NoProcessor {
        /// The number asked for.
        device: u32,
        /// How many there are.
        devices: u32,
    },
    /// Only a privileged process may.
    #[error("{call} needs CAP_SYS_ADMIN: run as root")]
    Privileged {
        /// The call that was refused.
        call: &'static str,
    },
    /// A cause is latched; the laser stays off until it is cleared.
    #[error("{call}: a cause is latched; look at the status and clear it")]
    Latched {
        /// The call that was refused.
        call: &'static str,
    },
    /// The rails are off.
    #[error("{call}: the processor has no power; power it up first")]
    NoPower {
        /// The call that was refused.
        call: &'static str,
    },
    /// The rails are on their way up or down.
    #[error("{call}: the rails are on their way; try again")]
    Moving {
        /// The call that was refused.
        call: &'static str,
    },
    /// A rail was not good in time. Those that were up went down again.
    #[error("a rail was not good in time; the others were taken down again")]
    RailTimeout,
    /// A rail failed. Those that were up went down again.
    #[error("a rail failed; the others were taken down again")]
    RailFault,
    /// The interlock loop is open.
    #[error("the interlock is open")]
    Interlock,
    /// The emergency temperature is reached.
    #[error("the processor is at its emergency temperature: let it cool")]
    TooHot,
    /// Another file has armed it.
    #[error("another program has armed the processor")]
    ArmedElsewhere,
    /// The reason of a cause is still there.
    #[error("a cause cannot be cleared: its reason is still there")]
    CauseRemains,
    /// A phase is no phase.
    #[error("channel {0}: a phase must be less than 360,000 millidegrees")]
    Phase(u32),
    /// Channels that the processor has not.
    #[error("channels {first} to {last}: the processor has {channels}")]
    Channels {
        /// The first of them.
        first: u32,
        /// The last of them.
        last: u64,
        /// How many it has.
        channels: u32,
    },
    /// Vectors do not fit the processor, or a number cannot be a part of one.
    #[error("{what}: {found}, where {wanted} are needed")]
    Vectors {
        /// Of what.
        what: &'static str,
        /// What was given.
        found: String,
        /// What fits.
        wanted: String,
    },
    /// As many jobs of the file wait as may.
    #[error(
        "{} jobs of this file wait already: wait for one first",
        crate::sys::PHOTONIC_MAX_JOBS
    )]
    TooManyJobs,
    /// There is no such job, or it was waited for already.
    #[error("there is no job {0}, or it was waited for already")]
    NoJob(u64),
    /// A job ended without a result.
    #[error("the job failed: {0}")]
    Job(JobEnd),
    /// The thresholds are not in order or beyond their bounds.
    #[error(
        "limits are out of bounds: 40 <= throttle, throttle + 2 <= full, full + 2 <= emergency \
         <= 95, 1 <= hysteresis <= 20, 15 <= set point <= throttle - 10 degrees Celsius"
    )]
    Limits,
    /// The processor has no calibration.
    #[error("the processor is not calibrated")]
    NotCalibrated,
    /// A calibration is damaged.
    #[error("the calibration is damaged: its checksum is wrong")]
    Damaged,
    /// A calibration is of a version that the module does not know.
    #[error("the calibration is of a version that the module does not know")]
    Version,
    /// A calibration is for another processor.
    #[error("the calibration is for another processor: serial number or shape differ")]
    OtherProcessor,
    /// A calibration makes no sense.
    #[error("the calibration makes no sense: a number is out of its range")]
    Senseless,
    /// The firmware loader found no calibration.
    #[error("the firmware loader found no calibration of this processor")]
    NoFirmware,
}

/// The meaning of `errno` from any call on processor `device`, of which there are
/// `devices`.
pub(super) fn from_call(
    errno: Errno,
    call: &'static str,
    device: u32,
    devices: u32,
) -> crate::Error {
    match errno {
        Errno::NODEV => Error::NoProcessor { device, devices }.into(),
        Errno::PERM => Error::Privileged { call }.into(),
        _ => crate::Error::from_call(errno, call),
    }
}

/// The meaning of `errno` from CONTROL, where it has one of its own.
pub(super) fn from_control(errno: Errno, action: Action) -> Option<Error> {
    let call = action.name();
    let arming = action == Action::Arm;
    Some(match errno {
        Errno::BUSY if arming => Error::ArmedElsewhere,
        Errno::BUSY => Error::Moving { call },
        Errno::UCLEAN => Error::Latched { call },
        Errno::NETDOWN => Error::NoPower { call },
        Errno::NOLCK => Error::Interlock,
        Errno::HOSTDOWN => Error::TooHot,
        Errno::AGAIN if action == Action::Clear => Error::CauseRemains,
        Errno::TIMEDOUT => Error::RailTimeout,
        Errno::IO => Error::RailFault,
        _ => return None,
    })
}

/// The meaning of `errno` from CALIBRATION, where it has one of its own.
pub(super) fn from_calibration(errno: Errno) -> Option<Error> {
    Some(match errno {
        Errno::NODATA => Error::NotCalibrated,
        Errno::BADMSG => Error::Damaged,
        Errno::PROTONOSUPPORT => Error::Version,
        Errno::XDEV => Error::OtherProcessor,
        Errno::INVAL => Error::Senseless,
        Errno::NOENT => Error::NoFirmware,
        _ => return None,
    })
}

/// The meaning of `errno` from PROBE, which fails as jobs do.
pub(super) fn from_probe(errno: Errno) -> Option<Error> {
    Some(match JobEnd::from_errno(errno) {
        JobEnd::Other(_) => return None,
        end => Error::Job(end),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_errno_means_different_things_to_different_actions() {
        let text = |errno, action| from_control(errno, action).unwrap().to_string();
        assert!(text(Errno::BUSY, Action::Arm).contains("another program"));
        assert!(text(Errno::BUSY, Action::PowerUp).contains("on their way"));
        assert!(text(Errno::UCLEAN, Action::Arm).starts_with("arm: a cause is latched"));
        assert!(text(Errno::NETDOWN, Action::Arm).contains("power it up first"));
        assert!(text(Errno::AGAIN, Action::Clear).contains("still there"));
        assert_eq!(from_control(Errno::AGAIN, Action::Arm), None);
        assert_eq!(from_control(Errno::PERM, Action::Arm), None);
    }

    #[test]
    fn calibrations_fail_by_name() {
        for (errno, word) in [
            (Errno::BADMSG, "checksum"),
            (Errno::PROTONOSUPPORT, "version"),
            (Errno::XDEV, "another processor"),
            (Errno::INVAL, "no sense"),
            (Errno::NOENT, "firmware loader"),
            (Errno::NODATA, "not calibrated"),
        ] {
            let text = from_calibration(errno).unwrap().to_string();
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn results_of_jobs_say_what_to_do() {
        let text = |errno| Error::Job(JobEnd::from_errno(errno)).to_string();
        assert!(text(Errno::NETDOWN).contains("arm first"));
        assert!(text(Errno::HOSTDOWN).contains("latched"));
        assert!(text(Errno::CANCELED).contains("reset"));
        assert_eq!(from_probe(Errno::INVAL), None);
    }

    #[test]
    fn calls_without_leave_or_device_say_so() {
        let text = |errno| from_call(errno, "arm", 3, 1).to_string();
        assert!(text(Errno::PERM).contains("run as root"));
        assert!(text(Errno::NODEV).contains("no photonic processor 3"));
        assert!(text(Errno::NOTTY).contains("older than this program"));
    }
}
