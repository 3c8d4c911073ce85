// SPDX-License-Identifier: GPL-2.0

//! Photonic processors: vectors times a matrix that light carries out.
//!
//! A [`Processor`] is one of them, reached through a file of its own. Who may do so
//! powers it up and arms it; anyone gives it a program (phases), submits vectors
//! and reads how it is. Arming lasts as long as the file. What registers, units and
//! the calibration mean: `Documentation/photonic.rst`.
//!
//! ```no_run
//! use lightos::photonic::{Options, Processor, Vectors};
//!
//! # fn main() -> Result<(), lightos::Error> {
//! let processor = Processor::open(0)?;
//! processor.power_up()?;
//! processor.arm()?;
//! // All phases 0: every crossing is crossed, every attenuator dumps its light.
//! processor.set_phases(0, &vec![0; processor.info().channels as usize], true)?;
//! let modes = processor.info().modes as usize;
//! let input = Vectors::from_real(modes, &vec![0.5; modes])?;
//! let product = processor.multiply(&input, &Options::default())?;
//! println!("{:?}", product.output.to_complex());
//! # Ok(())
//! # }
//! ```

mod call;
mod device;
mod error;
mod events;
mod info;
mod job;
mod probe;
mod status;
mod vectors;

pub use device::{Phases, Processor};
pub use error::{Error, JobEnd};
pub use events::{Event, Happening, Kinds, Watcher};
pub use info::{Action, Capabilities, Info};
pub use job::{Job, Options, Product};
pub use probe::{Measurement, Probe, ProbeInput, Setting};
pub use status::{
    Causes, Counters, Limits, Rail, RailState, Sensor, SensorFault, State, Status, SENSOR_NAMES,
};
pub use vectors::Vectors;
