// SPDX-License-Identifier: GPL-2.0

//! An open `/dev/lightos`, and its calls: one ioctl per method.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::time::{clock_gettime, ClockId};

use crate::call::{get, set, signal, update};
use crate::sys::{self, size_of_u32};
use crate::{
    Config, Counters, DeviceState, Error, Event, NeuronState, Profile, Query, Reset, Stats,
};

/// Where the module puts its node.
pub const DEVICE_PATH: &str = "/dev/lightos";

/// The time that event timestamps are in: CLOCK_MONOTONIC, in ns.
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // Neither part of CLOCK_MONOTONIC is ever negative.
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(now.tv_nsec).unwrap_or(0);
    seconds * 1_000_000_000 + nanoseconds
}

/// An open device. Calls may come from several threads at once.
#[derive(Debug)]
pub struct Device {
    pub(crate) file: OwnedFd,
}

impl Device {
    /// Opens [`DEVICE_PATH`] for every call.
    ///
    /// # Errors
    ///
    /// [`Error::NoModule`], [`Error::NoPermission`] or [`Error::Os`].
    pub fn open() -> Result<Self, Error> {
        Self::open_path(DEVICE_PATH.as_ref(), OFlags::RDWR)
    }

    /// Opens [`DEVICE_PATH`] for the queries among the extended calls.
    ///
    /// The calls of v0.2.0 ignore the mode and work as well; changes by
    /// extended calls give [`Error::ReadOnly`].
    ///
    /// # Errors
    ///
    /// [`Error::NoModule`], [`Error::NoPermission`] or [`Error::Os`].
    pub fn open_read_only() -> Result<Self, Error> {
        Self::open_path(DEVICE_PATH.as_ref(), OFlags::RDONLY)
    }

    fn open_path(path: &Path, mode: OFlags) -> Result<Self, Error> {
        rustix::fs::open(path, mode | OFlags::CLOEXEC, Mode::empty())
            .map(|file| Self { file })
            .map_err(|errno| Error::from_open(errno, path.to_owned()))
    }

    /// State of device `id`; device 0 is the spiking engine.
    ///
    /// # Errors
    ///
    /// [`Error::NoDevice`] for a number that the registry does not hold.
    pub fn device_state(&self, id: u32) -> Result<DeviceState, Error> {
        let mut raw = sys::DeviceState {
            device_id: id,
            ..Default::default()
        };
        update::<{ sys::GET_DEVICE_STATE }, _>(&self.file, &mut raw)
            .map_err(|errno| Error::from_device_state(errno, id))?;
        raw.try_into()
    }

    /// Configures the engine and returns what is in force then.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`]: nothing was changed.
    pub fn configure(&self, config: Config) -> Result<Stats, Error> {
        let mut raw = sys::SpikingConfig::from(config);
        update::<{ sys::SPIKING_CONFIG }, _>(&self.file, &mut raw)
            .map_err(|errno| Error::from_call(errno, "CONFIG"))?;
        raw.try_into()
    }

    /// Starts the engine.
    ///
    /// # Errors
    ///
    /// [`Error::Disabled`] or [`Error::AlreadyRunning`].
    pub fn start(&self) -> Result<(), Error> {
        signal::<{ sys::SPIKING_START }>(&self.file).map_err(Error::from_start)
    }

    /// Stops the engine. Events that wait keep waiting.
    ///
    /// # Errors
    ///
    /// None from a module that is present.
    pub fn stop(&self) -> Result<(), Error> {
        signal::<{ sys::SPIKING_STOP }>(&self.file).map_err(|errno| Error::from_call(errno, "STOP"))
    }

    /// Puts one event into the queue, whether the engine runs or not.
    ///
    /// # Errors
    ///
    /// [`Error::QueueFull`], or [`Error::OutOfRange`] for an unknown neuron.
    pub fn submit(&self, event: Event) -> Result<(), Error> {
        set::<{ sys::SPIKING_SUBMIT_EVENT }, sys::SpikeEvent>(&self.file, event.into())
            .map_err(Error::from_submit)
    }

    /// Configuration and statistics. A running engine first applies what is due.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownValue`] from a module newer than this library.
    pub fn stats(&self) -> Result<Stats, Error> {
        let raw = get::<{ sys::SPIKING_GET_STATS }, sys::SpikingConfig>(&self.file)
            .map_err(|errno| Error::from_call(errno, "GET_STATS"))?;
        raw.try_into()
    }

    /// State of neuron `id`. A running engine first applies what is due.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] for an unknown neuron.
    pub fn neuron_state(&self, id: u32) -> Result<NeuronState, Error> {
        let mut raw = sys::NeuronState {
            neuron_id: id,
            ..Default::default()
        };
        update::<{ sys::GET_NEURON_STATE }, _>(&self.file, &mut raw)
            .map_err(|errno| Error::from_call(errno, "GET_NEURON_STATE"))?;
        raw.try_into()
    }

    /// What the module is and can do.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] from a module older than this library.
    pub fn query(&self) -> Result<Query, Error> {
        let mut raw = sys::Query {
            size: size_of_u32::<sys::Query>(),
            ..Default::default()
        };
        update::<{ sys::QUERY }, _>(&self.file, &mut raw)
            .map_err(|errno| Error::from_call(errno, "QUERY"))?;
        raw.try_into()
    }

    /// Counters of the engine.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] from a module older than this library.
    pub fn counters(&self) -> Result<Counters, Error> {
        let mut raw = sys::SpikingCounters {
            size: size_of_u32::<sys::SpikingCounters>(),
            ..Default::default()
        };
        update::<{ sys::SPIKING_COUNTERS }, _>(&self.file, &mut raw)
            .map_err(|errno| Error::from_call(errno, "SPIKING_COUNTERS"))?;
        Ok(raw.into())
    }

    /// Brings parts of the engine back to the state after load.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] when nothing is chosen, [`Error::ReadOnly`].
    pub fn reset(&self, what: Reset) -> Result<(), Error> {
        let raw = sys::SpikingReset {
            size: size_of_u32::<sys::SpikingReset>(),
            flags: what.flags(),
        };
        set::<{ sys::SPIKING_RESET }, _>(&self.file, raw)
            .map_err(|errno| Error::from_call(errno, "SPIKING_RESET"))
    }

    /// Configures the engine by a profile, `enabled` apart, and returns what is in
    /// force then.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] from a module older than this library,
    /// [`Error::ReadOnly`].
    pub fn profile(&self, profile: Profile) -> Result<Stats, Error> {
        let mut raw = sys::SpikingProfile {
            size: size_of_u32::<sys::SpikingProfile>(),
            profile: profile.as_u32(),
            ..Default::default()
        };
        update::<{ sys::SPIKING_PROFILE }, _>(&self.file, &mut raw)
            .map_err(|errno| Error::from_call(errno, "SPIKING_PROFILE"))?;
        self.stats()
    }

    /// Does nothing but hand `cookie` over: the floor of what a call costs.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`].
    pub fn nop(&self, cookie: u64) -> Result<(), Error> {
        let raw = sys::Nop {
            size: size_of_u32::<sys::Nop>(),
            cookie,
            ..Default::default()
        };
        set::<{ sys::NOP }, _>(&self.file, raw).map_err(|errno| Error::from_call(errno, "NOP"))
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_is_not_there_names_modprobe() {
        let path = Path::new("/dev/lightos-is-not-there");
        let error = Device::open_path(path, OFlags::RDWR).unwrap_err();
        assert!(matches!(error, Error::NoModule { .. }), "{error}");
    }

    #[test]
    fn another_device_does_not_know_the_calls() {
        let device = Device::open_path(Path::new("/dev/null"), OFlags::RDWR).unwrap();
        assert!(matches!(device.start(), Err(Error::Unsupported { .. })));
        assert!(matches!(device.stats(), Err(Error::Unsupported { .. })));
        assert!(matches!(device.query(), Err(Error::Unsupported { .. })));
        assert!(matches!(
            device.submit(Event::now(0, 1)),
            Err(Error::Unsupported { .. })
        ));
    }

    #[test]
    fn the_clock_runs_forward() {
        let before = monotonic_ns();
        assert!(before > 0);
        assert!(monotonic_ns() >= before);
    }
}
