// SPDX-License-Identifier: GPL-2.0

//! Discrete Fourier transforms, as products of matrices.
//!
//! What fits the processor is one matrix. A greater composite number of points takes two, after
//! Cooley and Tukey (Math. Comp. 19, 297, 1965), with the twiddle factors between them digital.

use std::f64::consts::TAU;

use super::layout::Layout;
use super::{Complex, Matrix, Multiply, Program, ProgramError};

/// `X_k = sum over n of x_n e^{-2 pi i n k / N}`.
#[derive(Clone, Debug)]
pub struct Fourier {
    points: usize,
    /// Over n with a stride, and the rest of the points: 1 where one matrix does it all.
    stages: (Program, Option<Program>),
}

/// `e^{-2 pi i numerator / points}`.
fn root(numerator: usize, points: usize) -> Complex {
    Complex::cis(-TAU * (numerator % points) as f64 / points as f64)
}

/// The matrix of a transform.
fn matrix(points: usize) -> Matrix {
    Matrix::from_fn(points, points, |k, n| root(k * n, points))
}

/// The two factors closest to each other, neither over `most`.
fn factors(points: usize, most: usize) -> Option<(usize, usize)> {
    let small = (2..=most).take_while(|small| small * small <= points);
    let fitting = small.filter(|s| points.is_multiple_of(*s) && points / s <= most);
    fitting.last().map(|small| (points / small, small))
}

impl Fourier {
    /// The transform of `points` points for a processor of `modes` modes: 1 to `modes`, or a
    /// product of two such numbers; [`ProgramError::Points`] for others.
    pub fn of(modes: usize, points: usize) -> Result<Self, ProgramError> {
        Self::by(modes, points, |matrix| Program::of(modes, matrix))
    }

    /// The same with programs by `program`, such as those of [`Program::corrected`].
    pub fn by(
        modes: usize,
        points: usize,
        mut program: impl FnMut(&Matrix) -> Result<Program, ProgramError>,
    ) -> Result<Self, ProgramError> {
        Layout::new(modes).ok_or(ProgramError::Modes(modes))?;
        let stages = match points {
            0 => return Err(ProgramError::Points(points)),
            _ if points <= modes => (program(&matrix(points))?, None),
            _ => {
                let (a, b) = factors(points, modes).ok_or(ProgramError::Points(points))?;
                (program(&matrix(a))?, Some(program(&matrix(b))?))
            }
        };
        Ok(Self { points, stages })
    }

    /// Points N.
    pub fn points(&self) -> usize {
        self.points
    }

    /// Transforms signals of N points, one after the other.
    pub fn transform<M: Multiply>(
        &self,
        processor: &mut M,
        signals: &[Complex],
    ) -> Result<Vec<Complex>, M::Error> {
        let (given, expected) = (signals.len(), self.points);
        if !given.is_multiple_of(expected) {
            return Err(ProgramError::Input { given, expected }.into());
        }
        let (first, Some(second)) = &self.stages else {
            return processor.multiply(&self.stages.0, signals);
        };
        let (a, b) = (first.matrix.rows(), second.matrix.rows());
        // n = b p + q and k = r + a s: over p first, for each q.
        let strided = regroup(signals, self.points, |i| b * (i % a) + i / a);
        let mut inner = processor.multiply(first, &strided)?;
        for (i, value) in inner.iter_mut().enumerate() {
            let (q, r) = (i % self.points / a, i % a);
            *value *= root(q * r, self.points);
        }
        // Now over q, for each r.
        let turned = regroup(&inner, self.points, |i| a * (i % b) + i / b);
        let outer = processor.multiply(second, &turned)?;
        Ok(regroup(&outer, self.points, |k| b * (k % a) + k / a))
    }
}

/// In each group of `size`, element `from(i)` in place i.
fn regroup(values: &[Complex], size: usize, from: impl Fn(usize) -> usize) -> Vec<Complex> {
    let groups = values.chunks(size);
    groups
        .flat_map(|g| (0..size).map(|i| g[from(i)]).collect::<Vec<_>>())
        .collect()
}
