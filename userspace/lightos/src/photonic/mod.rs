// SPDX-License-Identifier: GPL-2.0

//! Photonic processors: vectors times a matrix that light carries out.
//!
//! A [`Processor`] is one of them, reached through a file of its own. Who may do so
//! powers it up and arms it; anyone gives it a program (phases), submits vectors
//! and reads how it is. Arming lasts as long as the file. What registers, units and
//! the calibration mean: `Documentation/photonic.rst`.
//!
//! A processor multiplies by a matrix that its phases stand for ([`layout`]).
//! [`Program::of`] finds the phases of a matrix: its singular value decomposition,
//! and each unitary factor as a rectangular mesh ([`Mesh`]). Where the splitters'
//! errors are known, [`Program::corrected`] takes them into account. [`simulate`]
//! goes the other way.
//!
//! ```no_run
//! use lightos::photonic::{Matrix, Options, Processor, Program, Vectors};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let processor = Processor::open(0)?;
//! processor.power_up()?;
//! processor.arm()?;
//! let modes = processor.info().modes as usize;
//! let matrix = Matrix::from_real(2, 2, &[0.5, -1.0, 2.0, 0.25]);
//! let program = Program::of(modes, &matrix)?;
//! processor.set_phases(0, &program.phases, true)?;
//! let mut input = vec![0.0; modes];
//! input[..2].copy_from_slice(&[1.0, -0.5]);
//! let product = processor.multiply(&Vectors::from_real(modes, &input)?, &Options::default())?;
//! // The light does matrix / scale.
//! println!("{}", product.output.to_complex()[0] * program.scale);
//! # Ok(())
//! # }
//! ```
//!
//! Matrices of any size are computed in [`Tiles`], and on these build [`Convolution`] and
//! [`Fourier`]. What multiplies is a [`Multiply`]: a processor, [`Simulated`] light, or plain
//! [`Digital`] arithmetic. What a chip is really like, [`calibrate`] finds out by measurements.
//!
//! What the phases do can be computed without a processor:
//!
//! ```
//! use lightos::photonic::{simulate, Matrix, Program, Splitters};
//!
//! # fn main() -> Result<(), lightos::photonic::ProgramError> {
//! let matrix = Matrix::from_real(2, 2, &[0.5, -1.0, 2.0, 0.25]);
//! let program = Program::of(8, &matrix)?;
//! // What the ABI takes, a channel each.
//! assert!(program.phases.iter().all(|&millidegrees| millidegrees < 360_000));
//! // And what the light then does.
//! let light = simulate(&program.exact, &Splitters::ideal(8))?.scaled(program.scale);
//! assert!((light[(1, 0)].re - 2.0).abs() < 1e-12);
//! # Ok(())
//! # }
//! ```

pub mod calibrate;
mod call;
mod clements;
mod convolution;
mod correct;
mod device;
mod error;
mod events;
mod fourier;
mod info;
mod job;
// The kernel's own file, for which the oldest compiler has no is_multiple_of().
#[allow(clippy::manual_is_multiple_of)]
#[path = "../../../../photonic/layout.rs"]
pub mod layout;
mod matrix;
mod measure;
mod multiply;
mod probe;
mod program;
mod refine;
mod simulate;
mod status;
mod tiles;
mod vectors;

pub use clements::Mesh;
pub use convolution::{Convolution, Kernels};
pub use device::{Phases, Processor};
pub use error::{Error, JobEnd};
pub use events::{Event, Happening, Kinds, Watcher};
pub use fourier::Fourier;
pub use info::{Action, Capabilities, Info};
pub use job::{Job, Options, Product};
pub use matrix::{Complex, Matrix};
pub use measure::{shoot, wait_for};
pub use multiply::{Digital, Multiply, Simulated};
pub use probe::{Measurement, Probe, ProbeInput, Setting};
pub use program::{Program, ProgramError};
pub use simulate::{crossing, simulate, Crossing, Splitters};
pub use status::{
    Causes, Counters, Limits, Rail, RailState, Sensor, SensorFault, State, Status, SENSOR_NAMES,
};
pub use tiles::Tiles;
pub use vectors::Vectors;
