// SPDX-License-Identifier: GPL-2.0

//! Unitary matrices as rectangular meshes.
//!
//! The method of Clements, Humphreys, Metcalf, Kolthammer and Walmsley, Optica 3, 1460 (2016),
//! for the crossing T of [`layout`](super::layout). The elements below the diagonal become zero
//! along its parallels, from the corner on: in turn by T† from the right, which takes its place
//! at the input of the mesh, and by T from the left, at its output. A diagonal matrix is left
//! between the two; it moves to the output through the crossings of the left.

use std::f64::consts::{PI, TAU};

use super::layout::{Layout, MAX_MODES};
use super::simulate::{crossing, mix_rows, Crossing};
use super::{Complex, Matrix, ProgramError};

/// How far from unitary a matrix may be: [`Matrix::unitarity_error`].
const TOLERANCE: f64 = 1e-9;

/// A rectangular mesh of ideal crossings and the phases behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Mesh {
    /// Internal phases in radians, 0 to π: N (N - 1) / 2 in the order of the columns, as those
    /// of the first mesh of a processor ([`Layout::column`]).
    pub theta: Vec<f64>,
    /// External phases in radians, from 0 and less than 2π.
    pub phi: Vec<f64>,
    /// Phases of the N outputs in radians, from 0 and less than 2π.
    pub output: Vec<f64>,
}

/// `phase` in radians plus as many turns as make it at least 0 and less than 2π.
pub(super) fn turn(phase: f64) -> f64 {
    let turned = phase.rem_euclid(TAU);
    // A tiny negative phase rounds to a whole turn.
    if turned < TAU {
        turned
    } else {
        0.0
    }
}

/// The ideal crossing that goes straight on in proportion to `bar` and across in proportion to
/// `cross`, which are magnitudes: θ, and what T does to the field. What needs no crossing takes
/// the bar state, and there zeros stay zeros, which the cosine of half of π would not let them.
fn splitting(bar: f64, cross: f64, phi: f64) -> (f64, Crossing) {
    let (theta, (bar, cross)) = if cross == 0.0 {
        (PI, (1.0, 0.0))
    } else {
        let half = bar.atan2(cross);
        (2.0 * half, half.sin_cos())
    };
    let both = Complex::I * Complex::cis(theta / 2.0);
    let top = both * Complex::cis(phi);
    (
        theta,
        [[top * bar, both * cross], [top * cross, -both * bar]],
    )
}

/// Applies `T†` to the columns `left` and `left + 1` from the right.
fn mix_columns(matrix: &mut Matrix, left: usize, t: &Crossing) {
    for i in 0..matrix.rows() {
        let (a, b) = (matrix[(i, left)], matrix[(i, left + 1)]);
        matrix[(i, left)] = a * t[0][0].conj() + b * t[0][1].conj();
        matrix[(i, left + 1)] = a * t[1][0].conj() + b * t[1][1].conj();
    }
}

impl Mesh {
    /// The mesh of a unitary matrix of 2 to 32 rows.
    ///
    /// [`ProgramError::NotUnitary`] where `unitary† unitary` is more than 1e-9 away from
    /// the identity in the Frobenius norm.
    pub fn of(unitary: &Matrix) -> Result<Self, ProgramError> {
        let (rows, columns) = (unitary.rows(), unitary.columns());
        let layout = match Layout::new(rows) {
            Some(layout) if rows == columns => layout,
            _ => return Err(ProgramError::Shape { rows, columns }),
        };
        if !unitary.is_finite() {
            return Err(ProgramError::NotFinite);
        }
        let error = unitary.unitarity_error();
        if error > TOLERANCE {
            return Err(ProgramError::NotUnitary(error));
        }
        Ok(Self::decompose(layout, unitary.clone()))
    }

    fn decompose(layout: Layout, mut left: Matrix) -> Self {
        let (n, crossings) = (layout.modes(), layout.mesh_crossings());
        let mut mesh = Self {
            theta: vec![0.0; crossings],
            phi: vec![0.0; crossings],
            output: vec![0.0; n],
        };
        // Crossings of the output side: the last that light passes first.
        let mut outputs = Vec::with_capacity(crossings);
        for k in 0..n - 1 {
            for j in 0..=k {
                if k % 2 == 0 {
                    let (row, top) = (n - 1 - j, k - j);
                    let at = place(layout, j, top);
                    (mesh.theta[at], mesh.phi[at]) = null_by_right(&mut left, row, top);
                } else {
                    let top = n - 2 - k + j;
                    let at = place(layout, n - 1 - j, top);
                    outputs.push((at, top));
                    (mesh.theta[at], mesh.phi[at]) = null_by_left(&mut left, top, j);
                }
            }
        }
        let diagonal = (0..n).map(|i| left[(i, i)].arg()).collect();
        mesh.move_to_output(diagonal, &outputs);
        mesh
    }

    /// Moves the diagonal between the two sides to the output, `T† D = D' T'` by `T'`.
    fn move_to_output(&mut self, mut diagonal: Vec<f64>, outputs: &[(usize, usize)]) {
        for &(at, top) in outputs.iter().rev() {
            let (theta, phi) = (self.theta[at], self.phi[at]);
            let (upper, lower) = (diagonal[top], diagonal[top + 1]);
            self.phi[at] = turn(upper - lower);
            diagonal[top] = turn(PI - theta - phi + lower);
            diagonal[top + 1] = turn(PI - theta + lower);
        }
        self.output = diagonal.into_iter().map(turn).collect();
    }

    /// The matrix of the mesh.
    ///
    /// # Panics
    ///
    /// Unless the lists have the lengths that their description says.
    pub fn matrix(&self) -> Matrix {
        let n = self.output.len();
        let mut light = Matrix::identity(n);
        let Some(layout) = Layout::new(n) else {
            panic!("{n} modes, not 2 to {MAX_MODES}");
        };
        for index in 0..n {
            let column = layout.column(index);
            for nth in 0..column.count {
                let at = column.first + nth;
                let t = crossing(self.theta[at], self.phi[at], 0.0, 0.0);
                mix_rows(&mut light, column.top + nth * column.stride, &t);
            }
        }
        let screen = Matrix::from_fn(n, n, |i, j| match i == j {
            true => Complex::cis(self.output[i]),
            false => Complex::ZERO,
        });
        screen.product(&light)
    }
}

/// The crossing at a place that has one.
fn place(layout: Layout, column: usize, top: usize) -> usize {
    let column = layout.column(column);
    column.first + (top - column.top) / column.stride
}

/// Makes the element in `row` and column `left` zero by T† from the right; θ and φ of T.
fn null_by_right(matrix: &mut Matrix, row: usize, left: usize) -> (f64, f64) {
    let (element, pivot) = (matrix[(row, left)], matrix[(row, left + 1)]);
    let phi = turn((-element * pivot.conj()).arg());
    let (theta, t) = splitting(pivot.norm(), element.norm(), phi);
    mix_columns(matrix, left, &t);
    matrix[(row, left)] = Complex::ZERO;
    (theta, phi)
}

/// Makes the element below that in row `top` and `column` zero by T from the left; θ and φ of T.
fn null_by_left(matrix: &mut Matrix, top: usize, column: usize) -> (f64, f64) {
    let (pivot, element) = (matrix[(top, column)], matrix[(top + 1, column)]);
    let phi = turn((element * pivot.conj()).arg());
    let (theta, t) = splitting(pivot.norm(), element.norm(), phi);
    mix_rows(matrix, top, &t);
    matrix[(top + 1, column)] = Complex::ZERO;
    (theta, phi)
}
