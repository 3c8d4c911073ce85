// SPDX-License-Identifier: GPL-2.0

//! Where a processor is: behind the module, or a model of one in this process.

use std::time::Duration;

use lightos::photonic::{
    Action, Error as Refusal, Info, Limits, Measurement, Options, Probe, Processor, Product,
    Status, Vectors,
};
use lightos::{Device, Error};

use super::host::HostProcessor;
use crate::failure::Failure;

/// A processor that commands use.
pub(crate) trait Backend {
    /// What it is.
    fn info(&self) -> &Info;
    /// How it is.
    fn status(&self) -> Result<Status, Error>;
    /// The thresholds of its guard.
    fn limits(&self) -> Result<Limits, Error>;
    /// Sets them; those in force then.
    fn set_limits(&self, limits: &Limits) -> Result<Limits, Error>;
    /// Power, light, resets.
    fn control(&self, action: Action) -> Result<(), Error>;
    /// Sets phases in millidegrees, and commits them.
    fn set_phases(&self, first: u32, phases: &[u32], commit: bool) -> Result<(), Error>;
    /// Multiplies by the matrix of the phases.
    fn multiply(&self, input: &Vectors, options: &Options) -> Result<Product, Error>;
    /// Measures with raw codes.
    fn probe(&self, probe: &Probe<'_>) -> Result<Measurement, Error>;
    /// The calibration in use.
    fn calibration(&self) -> Result<Option<Vec<u8>>, Error>;
    /// Takes a calibration into use.
    fn load_calibration(&self, blob: &[u8]) -> Result<(), Error>;
    /// Lets time pass.
    fn sleep(&self, time: Duration);
}

impl Backend for Processor {
    fn info(&self) -> &Info {
        self.info()
    }

    fn status(&self) -> Result<Status, Error> {
        self.status()
    }

    fn limits(&self) -> Result<Limits, Error> {
        self.limits()
    }

    fn set_limits(&self, limits: &Limits) -> Result<Limits, Error> {
        self.set_limits(limits)
    }

    fn control(&self, action: Action) -> Result<(), Error> {
        self.control(action)
    }

    fn set_phases(&self, first: u32, phases: &[u32], commit: bool) -> Result<(), Error> {
        self.set_phases(first, phases, commit)
    }

    fn multiply(&self, input: &Vectors, options: &Options) -> Result<Product, Error> {
        self.multiply(input, options)
    }

    fn probe(&self, probe: &Probe<'_>) -> Result<Measurement, Error> {
        self.probe(probe)
    }

    fn calibration(&self) -> Result<Option<Vec<u8>>, Error> {
        self.calibration()
    }

    fn load_calibration(&self, blob: &[u8]) -> Result<(), Error> {
        self.load_calibration(blob)
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// Where processors are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Behind the module, by number.
    Module { number: u32 },
    /// In this process.
    Host { modes: usize, seed: u64 },
}

impl Place {
    /// For reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Module { .. } => "module",
            Self::Host { .. } => "host",
        }
    }

    /// The processor, for every call; a model of this process warm and armed.
    pub(crate) fn open(self) -> Result<Box<dyn Backend>, Failure> {
        match self {
            Self::Module { number } => Ok(Box::new(open(number).map_err(or_host)?)),
            Self::Host { modes, seed } => Ok(Box::new(HostProcessor::new(modes, seed)?.warmed()?)),
        }
    }

    /// The processor, for queries alone; a model of this process armed, but not warm yet.
    pub(crate) fn look(self) -> Result<Box<dyn Backend>, Failure> {
        match self {
            Self::Module { number } => Ok(Box::new(look(number).map_err(or_host)?)),
            Self::Host { modes, seed } => Ok(Box::new(HostProcessor::new(modes, seed)?.lit()?)),
        }
    }
}

/// Says that there is a way without the module, too.
fn or_host(failure: Failure) -> Failure {
    match failure {
        Failure::Device(error @ Error::NoModule { .. }) => Failure::NoModule(error),
        failure => failure,
    }
}

/// Processor `number` of the module, for every call.
pub(crate) fn open(number: u32) -> Result<Processor, Failure> {
    Processor::new(Device::open()?, number).map_err(named)
}

/// Processor `number` of the module, for queries alone.
pub(crate) fn look(number: u32) -> Result<Processor, Failure> {
    Processor::new(Device::open_read_only()?, number).map_err(named)
}

/// An error of opening, with how to get a processor where there is none at all.
fn named(error: Error) -> Failure {
    match error {
        Error::Photonic(Refusal::NoProcessor { devices: 0, .. }) => Failure::NoProcessor,
        error => error.into(),
    }
}
