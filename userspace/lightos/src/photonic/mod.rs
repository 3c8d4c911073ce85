// SPDX-License-Identifier: GPL-2.0

//! Photonic processors: programs for their meshes, and the matrices these stand for.
//!
//! A processor multiplies by a matrix that its phases stand for ([`layout`]).
//! [`Program::of`] finds the phases of a matrix: its singular value decomposition,
//! and each unitary factor as a rectangular mesh ([`Mesh`]). Where the splitters'
//! errors are known, [`Program::corrected`] takes them into account. [`simulate`]
//! goes the other way.
//!
//! Matrices of any size are computed in [`Tiles`], and on these build [`Convolution`] and
//! [`Fourier`]. What multiplies is a [`Multiply`]: a processor, [`Simulated`] light, or plain
//! [`Digital`] arithmetic.
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
//!
//! What a chip is really like, [`calibrate`] finds out by measurements.

pub mod calibrate;
mod clements;
mod convolution;
mod correct;
mod fourier;
// The kernel's own file, for which the oldest compiler has no is_multiple_of().
#[allow(clippy::manual_is_multiple_of)]
#[path = "../../../../photonic/layout.rs"]
pub mod layout;
mod matrix;
mod multiply;
mod program;
mod refine;
mod simulate;
mod tiles;

pub use clements::Mesh;
pub use convolution::{Convolution, Kernels};
pub use fourier::Fourier;
pub use matrix::{Complex, Matrix};
pub use multiply::{Digital, Multiply, Simulated};
pub use program::{Program, ProgramError};
pub use simulate::{crossing, simulate, Crossing, Splitters};
pub use tiles::Tiles;
