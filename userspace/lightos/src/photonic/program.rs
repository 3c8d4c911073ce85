// SPDX-License-Identifier: GPL-2.0

//! The phases of a processor for a matrix.

use std::f64::consts::{FRAC_PI_2, TAU};

use super::clements::turn;
use super::correct::{Arrangement, Correction};
use super::layout::{Layout, MAX_MODES};
use super::matrix::Svd;
use super::refine::Refinement;
use super::{simulate, Complex, Matrix, Mesh, Splitters};

/// Why a matrix has no program.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// A processor has 2 to 32 modes.
    #[error("a processor has 2 to {MAX_MODES} modes, not {0}")]
    Modes(usize),
    /// No processor has so many channels: 2 N N + N for N modes.
    #[error("no processor has {0} channels")]
    Channels(usize),
    /// The matrix is empty, too large, or not square where it must be.
    #[error("a matrix of {rows} x {columns} does not fit")]
    Shape {
        /// Its rows.
        rows: usize,
        /// Its columns.
        columns: usize,
    },
    /// An element is infinite or no number.
    #[error("an element is infinite or not a number")]
    NotFinite,
    /// The matrix is not unitary.
    #[error("the matrix is {0:.1e} away from unitary")]
    NotUnitary(f64),
    /// The errors of splitters are those of another processor.
    #[error("errors of {given} splitters given for {expected} crossings")]
    Splitters {
        /// How many there are.
        given: usize,
        /// How many there must be: N N.
        expected: usize,
    },
    /// The input is not a whole number of vectors, or not of the shape that is said.
    #[error("{given} values given where it takes {expected}, or a multiple")]
    Input {
        /// How many there are.
        given: usize,
        /// How many one vector, or the whole, takes.
        expected: usize,
    },
    /// A transform of so many points is no product of two that fit the processor.
    #[error("no transform of {0} points in one or two stages")]
    Points(usize),
    /// The singular value decomposition did not converge.
    #[error("the singular value decomposition did not converge")]
    NoConvergence,
}

/// The phases of a processor for a matrix.
///
/// With these phases the light does `matrix / scale`.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// Phases as the ABI wants them: millidegrees, a channel each, in the order of
    /// [`Layout`].
    pub phases: Vec<u32>,
    /// The same in radians, before they were rounded.
    pub exact: Vec<f64>,
    /// What the light's matrix is times this: the matrix.
    pub scale: f64,
    /// The matrix that it is for.
    pub matrix: Matrix,
    modes: usize,
}

/// An error of rounding alone.
const EXACT: f64 = 1e-13;

/// A phase in radians as the ABI takes it: the nearest millidegree, 0 to 359,999.
pub(super) fn millidegrees(phase: f64) -> u32 {
    let rounded = (turn(phase) / TAU * 360_000.0).round();
    // A phase just under a turn rounds to the turn.
    rounded as u32 % 360_000
}

impl Program {
    /// The program of a matrix for a processor of `modes` modes, 2 to 32.
    ///
    /// A matrix with fewer rows or columns is filled up with zeros. The attenuators are set by
    /// the singular values over the greatest, which is the scale; 1 for a matrix of zeros.
    pub fn of(modes: usize, matrix: &Matrix) -> Result<Self, ProgramError> {
        let layout = Layout::new(modes).ok_or(ProgramError::Modes(modes))?;
        let svd = decomposed(layout, matrix)?;
        let factors = Factors::of(svd, 0..modes)?;
        let mut exact = vec![0.0; layout.channels()];
        factors.write_meshes(layout, &mut exact);
        let scale = factors.scale();
        for (mode, &sigma) in factors.sigma.iter().enumerate() {
            let at = layout.column(layout.attenuators()).first + mode;
            let theta = 2.0 * (sigma / scale).min(1.0).asin();
            exact[layout.theta(at)] = theta;
            // T11 is i e^{iθ/2} e^{iφ} sin(θ/2): what it turns by itself is taken back.
            exact[layout.phi(at)] = turn(factors.right.output[mode] - FRAC_PI_2 - theta / 2.0);
        }
        Ok(Self::from_exact(layout, exact, scale, matrix))
    }

    /// The program of a matrix for a processor of `modes` modes whose splitters are known.
    ///
    /// Phases are changed crossing by crossing so that the light does what it would in a perfect
    /// processor (Bandyopadhyay, Hamerly and Englund, Optica 8, 1247, 2021). What a crossing
    /// cannot reach is cut, which leaves an error; [`simulate`](super::simulate()) tells how large
    /// it is. Of several orders of the singular values the one with the least error is taken.
    pub fn corrected(
        modes: usize,
        matrix: &Matrix,
        splitters: &Splitters,
    ) -> Result<Self, ProgramError> {
        let layout = Layout::new(modes).ok_or(ProgramError::Modes(modes))?;
        splitters.check(layout)?;
        let svd = decomposed(layout, matrix)?;
        let mut best: Option<(f64, Self)> = None;
        for arrangement in Arrangement::several(layout, splitters) {
            let (svd, ranks) = arrangement.of(&svd);
            let factors = Factors::of(svd, ranks)?;
            let (exact, scale) = Correction::of(layout, &factors, splitters);
            let program = Self::from_exact(layout, exact, scale, matrix);
            let error = program.error(splitters)?;
            if best.as_ref().is_none_or(|(least, _)| error < *least) {
                best = Some((error, program));
            }
            if error < EXACT {
                break;
            }
        }
        best.map(|(_, program)| program)
            .ok_or(ProgramError::NoConvergence)
    }

    /// The same program, its phases changed so that what the light does comes closer to the
    /// matrix. A sweep sets each heater once to the phase that is best with all others as they
    /// are, and never makes the error greater. Forty sweeps take most of what can be had; at 32
    /// modes they take about half a second.
    pub fn refined(self, splitters: &Splitters, sweeps: usize) -> Result<Self, ProgramError> {
        let layout = Layout::new(self.modes).ok_or(ProgramError::Modes(self.modes))?;
        splitters.check(layout)?;
        let mut refinement = Refinement::of(layout, self, splitters);
        for _ in 0..sweeps {
            refinement.sweep();
        }
        Ok(refinement.program())
    }

    /// How far what the light does with the exact phases is from the matrix over the scale: the
    /// Frobenius norm of the difference, relative to that of the matrix over the scale or, where
    /// it is less, to 1.
    pub fn error(&self, splitters: &Splitters) -> Result<f64, ProgramError> {
        let light = simulate(&self.exact, splitters)?;
        let light = light.part(0, 0, self.matrix.rows(), self.matrix.columns());
        // A scale may be so small that it has no reciprocal.
        let wanted = Matrix::from_fn(self.matrix.rows(), self.matrix.columns(), |i, j| {
            self.matrix[(i, j)] / self.scale
        });
        Ok(light.distance(&wanted) / wanted.norm().max(1.0))
    }

    pub(super) fn from_exact(layout: Layout, exact: Vec<f64>, scale: f64, matrix: &Matrix) -> Self {
        Self {
            phases: exact.iter().map(|&phase| millidegrees(phase)).collect(),
            exact,
            scale,
            matrix: matrix.clone(),
            modes: layout.modes(),
        }
    }

    /// Modes of the processor that it is for.
    pub fn modes(&self) -> usize {
        self.modes
    }

    /// Vectors of the matrix, one after the other, as the processor takes them: with zeros for
    /// the modes that the matrix has no columns for.
    pub fn padded(&self, vectors: &[Complex]) -> Result<Vec<Complex>, ProgramError> {
        let (given, expected) = (vectors.len(), self.matrix.columns());
        if !given.is_multiple_of(expected) {
            return Err(ProgramError::Input { given, expected });
        }
        let mut all = vec![Complex::ZERO; given / expected * self.modes];
        for (to, from) in all.chunks_mut(self.modes).zip(vectors.chunks(expected)) {
            to[..expected].copy_from_slice(from);
        }
        Ok(all)
    }

    /// Products with the matrix, from what the processor gives: without the modes that the
    /// matrix has no rows for, and times the scale.
    pub fn products(&self, outputs: &[Complex]) -> Vec<Complex> {
        let vectors = outputs.chunks(self.modes);
        let rows = vectors.flat_map(|vector| vector.iter().take(self.matrix.rows()));
        rows.map(|value| value * self.scale).collect()
    }

    /// The phases of [`Self::phases`] in radians.
    pub fn rounded(&self) -> Vec<f64> {
        let radians = |&phase| f64::from(phase) / 360_000.0 * TAU;
        self.phases.iter().map(radians).collect()
    }
}

/// A power of two close to the greatest element, and not beyond what has a reciprocal.
fn magnitude(matrix: &Matrix) -> f64 {
    let parts = matrix
        .values()
        .iter()
        .flat_map(|v| [v.re.abs(), v.im.abs()]);
    let greatest = parts.fold(0.0, f64::max);
    greatest.log2().round().clamp(-1000.0, 1000.0).exp2()
}

/// The decomposition of a matrix, filled up with zeros.
fn decomposed(layout: Layout, matrix: &Matrix) -> Result<Svd, ProgramError> {
    let (n, rows, columns) = (layout.modes(), matrix.rows(), matrix.columns());
    if rows == 0 || columns == 0 || rows > n || columns > n {
        return Err(ProgramError::Shape { rows, columns });
    }
    if !matrix.is_finite() {
        return Err(ProgramError::NotFinite);
    }
    // Squares of the elements must neither overflow nor vanish.
    let magnitude = magnitude(matrix);
    let square = matrix.part(0, 0, n, n).scaled(1.0 / magnitude);
    let svd = square.svd().ok_or(ProgramError::NoConvergence)?;
    let sigma = svd.sigma.iter().map(|&s| s * magnitude).collect();
    Ok(Svd { sigma, ..svd })
}

/// A matrix in its factors: `left diag(sigma) right`.
pub(super) struct Factors {
    pub(super) left: Mesh,
    /// Singular values, none negative, an attenuator each.
    pub(super) sigma: Vec<f64>,
    pub(super) right: Mesh,
}

impl Factors {
    /// Attenuator after attenuator takes the singular value whose rank `ranks` gives, 0 for the
    /// greatest.
    fn of(svd: Svd, ranks: impl IntoIterator<Item = usize>) -> Result<Self, ProgramError> {
        let (n, ranks) = (svd.sigma.len(), ranks.into_iter().collect::<Vec<_>>());
        Ok(Self {
            left: Mesh::of(&Matrix::from_fn(n, n, |i, j| svd.u[(i, ranks[j])]))?,
            sigma: ranks.iter().map(|&rank| svd.sigma[rank]).collect(),
            right: Mesh::of(&Matrix::from_fn(n, n, |i, j| svd.v[(ranks[i], j)]))?,
        })
    }

    /// The greatest singular value, 1 where all are zero.
    fn scale(&self) -> f64 {
        match self.sigma.iter().copied().fold(0.0, f64::max) {
            0.0 => 1.0,
            sigma => sigma,
        }
    }

    /// Writes the phases of both meshes, and of the screen, which belongs to the left factor.
    fn write_meshes(&self, layout: Layout, exact: &mut [f64]) {
        let second = layout.mesh_crossings() + layout.modes();
        for (first, mesh) in [(0, &self.right), (second, &self.left)] {
            for (nth, (&theta, &phi)) in mesh.theta.iter().zip(&mesh.phi).enumerate() {
                exact[layout.theta(first + nth)] = theta;
                exact[layout.phi(first + nth)] = phi;
            }
        }
        for (mode, &phase) in self.left.output.iter().enumerate() {
            exact[layout.screen(mode)] = phase;
        }
    }
}
