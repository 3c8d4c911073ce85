// SPDX-License-Identifier: GPL-2.0

//! A processor, and its calls.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::io::Errno;

use super::call;
use super::error::{from_calibration, from_call, from_control, from_probe, Error, JobEnd};
use super::info::{Action, Info};
use super::job::{nanoseconds, Job, Options, Product};
use super::probe::{Measurement, Probe};
use super::status::{Limits, Status};
use super::vectors::Vectors;
use crate::call::{set, update};
use crate::sys::{self, size_of_u32};
use crate::{Device, Error as Failure};

/// A photonic processor, through a file of its own.
///
/// The file has a program (phases) for it; jobs of the file run with that. What the
/// file armed goes dark when the processor is dropped. Calls may come from several
/// threads at once.
#[derive(Debug)]
pub struct Processor {
    device: Device,
    info: Info,
}

/// Phases of some channels, in millidegrees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Those of the file's program.
    pub requested: Vec<u32>,
    /// Those that the codes stand for by the calibration.
    pub applied: Vec<u32>,
    /// Codes of the DACs as the device has them.
    pub codes: Vec<u32>,
}

impl AsFd for Processor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

/// What INFO says of processor `number`.
fn info(device: &Device, number: u32) -> Result<Info, Failure> {
    let mut raw = sys::PhotonicInfo {
        size: size_of_u32::<sys::PhotonicInfo>(),
        device: number,
        ..Default::default()
    };
    update::<{ sys::PHOTONIC_INFO }, _>(&device.file, &mut raw)
        .map_err(|errno| from_call(errno, "PHOTONIC_INFO", number, raw.devices))?;
    raw.try_into()
}

impl Device {
    /// What photonic processors there are.
    ///
    /// # Errors
    ///
    /// [`Failure::Unsupported`] from a module older than this library.
    pub fn photonic_processors(&self) -> Result<Vec<Info>, Failure> {
        let first = match info(self, 0) {
            Err(Failure::Photonic(Error::NoProcessor { .. })) => return Ok(Vec::new()),
            first => first?,
        };
        let others = (1..first.devices).map(|number| info(self, number));
        std::iter::once(Ok(first)).chain(others).collect()
    }
}

impl Processor {
    /// Opens processor `number` for every call.
    ///
    /// # Errors
    ///
    /// Those of [`Device::open`]; [`Error::NoProcessor`].
    pub fn open(number: u32) -> Result<Self, Failure> {
        Self::new(Device::open()?, number)
    }

    /// Opens processor `number` for queries alone: others give
    /// [`Failure::ReadOnly`].
    ///
    /// # Errors
    ///
    /// Those of [`Device::open_read_only`]; [`Error::NoProcessor`].
    pub fn open_read_only(number: u32) -> Result<Self, Failure> {
        Self::new(Device::open_read_only()?, number)
    }

    /// Processor `number` through the file of `device`.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcessor`], [`Failure::Unsupported`].
    pub fn new(device: Device, number: u32) -> Result<Self, Failure> {
        let info = info(&device, number)?;
        Ok(Self { device, info })
    }

    /// What it is.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Its device file, for instance to watch its events.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The meaning of `errno` from `call`.
    fn failed(&self, errno: Errno, call: &'static str) -> Failure {
        from_call(errno, call, self.info.number, self.info.devices)
    }

    /// How it is.
    ///
    /// # Errors
    ///
    /// [`Failure::UnknownValue`] from a module newer than this library.
    pub fn status(&self) -> Result<Status, Failure> {
        let mut raw = sys::PhotonicStatus {
            size: size_of_u32::<sys::PhotonicStatus>(),
            device: self.info.number,
            ..Default::default()
        };
        update::<{ sys::PHOTONIC_STATUS }, _>(&self.device.file, &mut raw)
            .map_err(|errno| self.failed(errno, "PHOTONIC_STATUS"))?;
        Status::new(&raw, self.info.sensors as usize, self.info.rails as usize)
    }

    /// The thresholds of its guard.
    ///
    /// # Errors
    ///
    /// None from a module that is present.
    pub fn limits(&self) -> Result<Limits, Failure> {
        self.exchange_limits(&Limits::default(), 0)
    }

    /// Sets the thresholds of its guard and returns what is in force then. Privileged.
    ///
    /// # Errors
    ///
    /// [`Error::Limits`] beyond their bounds: nothing was changed;
    /// [`Error::Privileged`].
    pub fn set_limits(&self, limits: &Limits) -> Result<Limits, Failure> {
        self.exchange_limits(limits, sys::PHOTONIC_LIMITS_SET)
    }

    fn exchange_limits(&self, limits: &Limits, flags: u32) -> Result<Limits, Failure> {
        let mut raw = sys::PhotonicLimits {
            size: size_of_u32::<sys::PhotonicLimits>(),
            flags,
            device: self.info.number,
            ..Default::default()
        };
        if flags != 0 {
            raw.throttle_mc = limits.throttle_mc;
            raw.full_mc = limits.full_mc;
            raw.emergency_mc = limits.emergency_mc;
            raw.hysteresis_mc = limits.hysteresis_mc;
            raw.setpoint_mc = limits.setpoint_mc;
        }
        update::<{ sys::PHOTONIC_LIMITS }, _>(&self.device.file, &mut raw).map_err(|errno| {
            match errno {
                Errno::INVAL => Error::Limits.into(),
                _ => self.failed(errno, "setting limits"),
            }
        })?;
        Ok(Limits::from(&raw))
    }

    /// Does something to it. All but [`Action::Disarm`] are privileged.
    ///
    /// # Errors
    ///
    /// [`Error::Privileged`], and those of the action: see the methods of their names.
    pub fn control(&self, action: Action) -> Result<(), Failure> {
        let raw = sys::PhotonicControl {
            size: size_of_u32::<sys::PhotonicControl>(),
            flags: 0,
            device: self.info.number,
            action: action.as_u32(),
        };
        set::<{ sys::PHOTONIC_CONTROL }, _>(&self.device.file, raw).map_err(|errno| {
            match from_control(errno, action) {
                Some(error) => error.into(),
                None => self.failed(errno, action.name()),
            }
        })
    }

    /// Rails up in order; waits until they are good. Privileged.
    ///
    /// # Errors
    ///
    /// [`Error::Moving`], [`Error::Latched`], [`Error::RailTimeout`],
    /// [`Error::RailFault`].
    pub fn power_up(&self) -> Result<(), Failure> {
        self.control(Action::PowerUp)
    }

    /// Laser off, rails down in reverse order; waits until they are. Privileged.
    ///
    /// # Errors
    ///
    /// [`Error::Moving`], [`Error::RailFault`].
    pub fn power_down(&self) -> Result<(), Failure> {
        self.control(Action::PowerDown)
    }

    /// Turns the key for as long as this file is open; the laser is on when it
    /// returns. Privileged.
    ///
    /// # Errors
    ///
    /// [`Error::Latched`], [`Error::NoPower`], [`Error::Interlock`],
    /// [`Error::TooHot`], [`Error::ArmedElsewhere`].
    pub fn arm(&self) -> Result<(), Failure> {
        self.control(Action::Arm)
    }

    /// Laser off, whoever armed it.
    ///
    /// # Errors
    ///
    /// None from a module that is present.
    pub fn disarm(&self) -> Result<(), Failure> {
        self.control(Action::Disarm)
    }

    /// Takes latched causes back whose reasons are gone. Does not arm. Privileged.
    ///
    /// # Errors
    ///
    /// [`Error::CauseRemains`].
    pub fn clear(&self) -> Result<(), Failure> {
        self.control(Action::Clear)
    }

    /// Sets phases of this file's program, in millidegrees less than 360,000, from
    /// channel `first` on. With `commit`, jobs from here on run with the program as it
    /// is then. Channels: crossing c has 2c (internal phase) and 2c + 1 (external); the
    /// N of the screen come last.
    ///
    /// # Errors
    ///
    /// [`Error::Phase`] names the channel; [`Error::Channels`]. Nothing was changed.
    pub fn set_phases(&self, first: u32, phases: &[u32], commit: bool) -> Result<(), Failure> {
        self.check_channels(first, phases.len())?;
        let number = self.info.number;
        call::set_phases(&self.device.file, number, first, phases, commit).map_err(
            |(errno, channel)| match errno {
                Errno::INVAL if channel != sys::PHOTONIC_NO_CHANNEL => Error::Phase(channel).into(),
                _ => self.failed(errno, "PHOTONIC_SET_PHASES"),
            },
        )
    }

    /// Jobs from here on run with the program as it is now.
    ///
    /// # Errors
    ///
    /// [`Failure::ReadOnly`].
    pub fn commit(&self) -> Result<(), Failure> {
        self.set_phases(0, &[], true)
    }

    /// Phases of `count` channels from `first` on.
    ///
    /// # Errors
    ///
    /// [`Error::Channels`].
    pub fn phases(&self, first: u32, count: usize) -> Result<Phases, Failure> {
        self.check_channels(first, count)?;
        let mut phases = Phases {
            requested: vec![0; count],
            applied: vec![0; count],
            codes: vec![0; count],
        };
        call::phases(
            &self.device.file,
            self.info.number,
            first,
            &mut phases.requested,
            &mut phases.applied,
            &mut phases.codes,
        )
        .map_err(|errno| self.failed(errno, "PHOTONIC_GET_PHASES"))?;
        Ok(phases)
    }

    fn check_channels(&self, first: u32, count: usize) -> Result<(), Error> {
        let end = u64::from(first) + count as u64;
        if end > u64::from(self.info.channels) {
            return Err(Error::Channels {
                first,
                last: end.saturating_sub(1),
                channels: self.info.channels,
            });
        }
        Ok(())
    }

    fn check_vectors(&self, input: &Vectors) -> Result<(), Error> {
        if input.modes() != self.info.modes as usize {
            return Err(Error::Vectors {
                what: "numbers of a vector",
                found: input.modes().to_string(),
                wanted: self.info.modes.to_string(),
            });
        }
        Ok(())
    }

    /// Submits 1 to 65,536 vectors as a job; its result waits for [`Processor::wait`].
    ///
    /// # Errors
    ///
    /// [`Error::Vectors`]; [`Error::TooManyJobs`].
    pub fn submit(&self, input: &Vectors, options: &Options) -> Result<Job, Failure> {
        self.check_vectors(input)?;
        let most = sys::PHOTONIC_MAX_VECTORS as usize;
        if input.is_empty() || input.len() > most {
            return Err(Error::Vectors {
                what: "vectors",
                found: input.len().to_string(),
                wanted: format!("1 to {most}"),
            }
            .into());
        }
        let parts = input.part(0, input.len());
        let done = call::submit(&self.device.file, &self.info, parts, options, None)
            .map_err(|errno| self.submit_failed(errno))?;
        Ok(Job {
            id: done.job,
            vectors: input.len() * options.colours(),
        })
    }

    fn submit_failed(&self, errno: Errno) -> Failure {
        match errno {
            Errno::AGAIN => Error::TooManyJobs.into(),
            _ => self.failed(errno, "PHOTONIC_SUBMIT"),
        }
    }

    /// Waits at most `limit` for a job; `None` while it goes on.
    ///
    /// # Errors
    ///
    /// [`Error::Job`] says how it ended without a result; [`Error::NoJob`],
    /// [`Failure::Interrupted`].
    pub fn wait(&self, job: &Job, limit: Duration) -> Result<Option<Product>, Failure> {
        let mut output = Vectors::blank(self.info.modes as usize, job.vectors);
        let (file, number) = (&self.device.file, self.info.number);
        match call::wait(file, number, job.id, nanoseconds(limit), output.parts()) {
            Ok(done) => product(output, done.result, done.saturated).map(Some),
            Err(Errno::AGAIN) => Ok(None),
            Err(Errno::NOENT) => Err(Error::NoJob(job.id).into()),
            Err(errno) => Err(self.failed(errno, "PHOTONIC_WAIT")),
        }
    }

    /// Multiplies vectors by the matrix of this file's program and waits for the result;
    /// more than 65,536 become several jobs, one after the other.
    ///
    /// # Errors
    ///
    /// [`Error::Job`] says how it ended without a result; [`Error::Vectors`],
    /// [`Failure::Interrupted`].
    pub fn multiply(&self, input: &Vectors, options: &Options) -> Result<Product, Failure> {
        self.check_vectors(input)?;
        let most = sys::PHOTONIC_MAX_VECTORS as usize;
        if options.colours() > 1 && input.len() > most {
            return Err(Error::Vectors {
                what: "vectors at several wavelengths",
                found: input.len().to_string(),
                wanted: format!("at most {most}"),
            }
            .into());
        }
        let mut whole = Product {
            output: Vectors::none(input.modes()),
            saturated: 0,
        };
        for first in (0..input.len()).step_by(most) {
            let count = most.min(input.len() - first);
            let mut output = Vectors::blank(input.modes(), count * options.colours());
            let done = call::submit(
                &self.device.file,
                &self.info,
                input.part(first, count),
                options,
                Some(output.parts()),
            )
            .map_err(|errno| self.submit_failed(errno))?;
            let part = product(output, done.result, done.saturated)?;
            whole.saturated += part.saturated;
            whole.output.append(part.output);
        }
        Ok(whole)
    }

    /// Measures with raw codes, without the calibration. Waits for the phases to settle.
    /// The program of no file is in effect afterwards; the next job brings its own.
    /// Privileged.
    ///
    /// # Errors
    ///
    /// [`Error::Job`], as for jobs; [`Error::Privileged`]; [`Failure::OutOfRange`].
    pub fn probe(&self, probe: &Probe<'_>) -> Result<Measurement, Failure> {
        let inputs = probe.input.len();
        let mut output = vec![0; inputs * 2 * self.info.modes as usize];
        let mut taps = vec![0; inputs * 2 * probe.taps as usize];
        let temperature = call::probe(&self.device.file, &self.info, probe, &mut output, &mut taps)
            .map_err(|errno| match from_probe(errno) {
                Some(error) => error.into(),
                None => self.failed(errno, "PHOTONIC_PROBE"),
            })?;
        Ok(Measurement::new(&output, &taps, temperature))
    }

    /// The calibration in use, as its blob; `None` in uncalibrated mode.
    ///
    /// # Errors
    ///
    /// None from a module that is present.
    pub fn calibration(&self) -> Result<Option<Vec<u8>>, Failure> {
        let (file, number) = (&self.device.file, self.info.number);
        let mut blob = vec![0; sys::PHOTONIC_MAX_BLOB as usize];
        match call::read_calibration(file, number, &mut blob) {
            Ok(bytes) => {
                blob.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
                Ok(Some(blob))
            }
            Err((Errno::NODATA, _)) => Ok(None),
            Err((errno, _)) => Err(self.failed(errno, "reading the calibration")),
        }
    }

    /// Takes a calibration into use. Privileged.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Version`], [`Error::OtherProcessor`],
    /// [`Error::Senseless`]: the one in use stays.
    pub fn load_calibration(&self, blob: &[u8]) -> Result<(), Failure> {
        self.change_calibration(sys::PHOTONIC_CALIBRATION_LOAD, blob)
    }

    /// Takes the calibration that the firmware loader finds, `lightos/cal-SERIAL.bin`.
    /// Privileged.
    ///
    /// # Errors
    ///
    /// [`Error::NoFirmware`]; as [`Processor::load_calibration`].
    pub fn load_firmware(&self) -> Result<(), Failure> {
        self.change_calibration(sys::PHOTONIC_CALIBRATION_FIRMWARE, &[])
    }

    /// Back to uncalibrated mode. Privileged.
    ///
    /// # Errors
    ///
    /// [`Error::Privileged`].
    pub fn drop_calibration(&self) -> Result<(), Failure> {
        self.change_calibration(sys::PHOTONIC_CALIBRATION_DROP, &[])
    }

    fn change_calibration(&self, op: u32, blob: &[u8]) -> Result<(), Failure> {
        call::calibration(&self.device.file, self.info.number, op, blob).map_err(|errno| {
            match from_calibration(errno) {
                Some(error) => error.into(),
                None => self.failed(errno, "changing the calibration"),
            }
        })
    }
}

/// The result of a job that ended with `result`.
fn product(output: Vectors, result: i32, saturated: u32) -> Result<Product, Failure> {
    if result != 0 {
        let errno = Errno::from_raw_os_error(result.saturating_abs());
        return Err(Error::Job(JobEnd::from_errno(errno)).into());
    }
    Ok(Product { output, saturated })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_needs_the_module() {
        let null = Device {
            file: std::fs::File::open("/dev/null").unwrap().into(),
        };
        assert!(matches!(
            null.photonic_processors(),
            Err(Failure::Unsupported { .. })
        ));
        let error = Processor::new(null, 0).unwrap_err();
        assert!(
            matches!(
                error,
                Failure::Unsupported {
                    call: "PHOTONIC_INFO"
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn results_are_errors_by_either_sign() {
        let blank = || Vectors::blank(2, 1);
        for errno in [Errno::TIME, Errno::HOSTDOWN] {
            for result in [errno.raw_os_error(), -errno.raw_os_error()] {
                let error = product(blank(), result, 0).unwrap_err();
                let end = JobEnd::from_errno(errno);
                assert!(matches!(error, Failure::Photonic(Error::Job(e)) if e == end));
            }
        }
        assert_eq!(product(blank(), 0, 1).unwrap().saturated, 1);
    }
}
