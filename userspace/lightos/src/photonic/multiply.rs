// SPDX-License-Identifier: GPL-2.0

//! What can multiply vectors by the matrix of a program.

use super::{simulate, Complex, Matrix, Program, ProgramError, Splitters};

/// A processor, or something in its place.
pub trait Multiply {
    /// Why it fails.
    type Error: From<ProgramError>;

    /// Multiplies vectors, one after the other, each of as many elements as the matrix of the
    /// program has columns. The products follow each other in the same way, the scale of the
    /// program included.
    ///
    /// [`Program::padded`] and [`Program::products`] do what is the same everywhere.
    fn multiply(
        &mut self,
        program: &Program,
        vectors: &[Complex],
    ) -> Result<Vec<Complex>, Self::Error>;
}

/// No light at all: the matrix itself, in doubles.
#[derive(Clone, Copy, Debug, Default)]
pub struct Digital;

impl Multiply for Digital {
    type Error = ProgramError;

    fn multiply(
        &mut self,
        program: &Program,
        vectors: &[Complex],
    ) -> Result<Vec<Complex>, ProgramError> {
        program.padded(vectors)?;
        let vectors = vectors.chunks(program.matrix.columns());
        Ok(vectors.flat_map(|v| program.matrix.times(v)).collect())
    }
}

/// Light of a processor whose splitters are known, without noise and without converters.
#[derive(Clone, Debug)]
pub struct Simulated {
    splitters: Splitters,
    rounded: bool,
    /// The last program's phases, and what they do.
    last: Option<(Vec<f64>, Matrix)>,
}

impl Simulated {
    /// A processor with these splitters.
    pub fn new(splitters: Splitters) -> Self {
        Self {
            splitters,
            rounded: false,
            last: None,
        }
    }

    /// With phases rounded to millidegrees, as they pass the ABI.
    pub fn rounded(self) -> Self {
        Self {
            rounded: true,
            ..self
        }
    }
}

impl Multiply for Simulated {
    type Error = ProgramError;

    fn multiply(
        &mut self,
        program: &Program,
        vectors: &[Complex],
    ) -> Result<Vec<Complex>, ProgramError> {
        let inputs = program.padded(vectors)?;
        let phases = match self.rounded {
            true => program.rounded(),
            false => program.exact.clone(),
        };
        let light = match self.last.take() {
            Some((last, light)) if last == phases => light,
            _ => simulate(&phases, &self.splitters)?,
        };
        let vectors = inputs.chunks(program.modes());
        let outputs: Vec<Complex> = vectors.flat_map(|v| light.times(v)).collect();
        self.last = Some((phases, light));
        Ok(program.products(&outputs))
    }
}
