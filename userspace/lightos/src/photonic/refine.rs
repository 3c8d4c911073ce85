// SPDX-License-Identifier: GPL-2.0

//! Phases closer to the matrix, heater by heater.
//!
//! What the light does is a sum of two matrices, one of which turns with the phase of a heater:
//! `W = A + e^{iφ} u v`, u what the mesh does behind the heater and v what it does before it.
//! So the best φ, all others as they are, has a closed form: `arg u† (G - A) v†` for a wanted G.
//! A sweep sets each heater once, along the light, and never makes the error greater. What modes
//! do that a small matrix does not use is left to chance.

use super::clements::turn;
use super::layout::Layout;
use super::simulate::{crossing, mix_rows, pass, scale_row, splitter, Crossing};
use super::{Complex, Matrix, Program, Splitters};

/// A refinement under way.
pub(super) struct Refinement<'a> {
    layout: Layout,
    splitters: &'a Splitters,
    program: Program,
    /// Wanted less got, of the modes that the matrix has rows and columns for.
    residue: Matrix,
}

impl<'a> Refinement<'a> {
    pub(super) fn of(layout: Layout, program: Program, splitters: &'a Splitters) -> Self {
        Self {
            layout,
            splitters,
            program,
            residue: Matrix::zeros(0, 0),
        }
    }

    pub(super) fn program(self) -> Program {
        let Program {
            exact,
            scale,
            matrix,
            ..
        } = self.program;
        Program::from_exact(self.layout, exact, scale, &matrix)
    }

    /// Sets every heater once.
    pub(super) fn sweep(&mut self) {
        let n = self.layout.modes();
        let behind = self.behind();
        let mut light = Matrix::identity(n);
        self.start(&behind[0]);
        for index in 0..self.layout.columns() {
            let column = self.layout.column(index);
            for nth in 0..column.count {
                let (at, top) = (column.first + nth, column.top + nth * column.stride);
                let only = index == self.layout.attenuators();
                self.cross(at, top, only, &behind[index + 1], &light);
            }
            pass(
                &mut light,
                self.layout,
                index,
                &self.program.exact,
                self.splitters,
            );
        }
        for mode in 0..n {
            let channel = self.layout.screen(mode);
            let unit: Vec<_> = (0..n).map(|i| f64::from(i == mode).into()).collect();
            self.set(channel, &unit, light.row(mode));
        }
    }

    /// What the mesh does from each column on; at last the screen alone.
    fn behind(&self) -> Vec<Matrix> {
        let (n, exact) = (self.layout.modes(), &self.program.exact);
        let mut from = Matrix::zeros(n, n);
        for mode in 0..n {
            from[(mode, mode)] = Complex::cis(exact[self.layout.screen(mode)]);
        }
        let mut all = vec![from];
        for index in (0..self.layout.columns()).rev() {
            // The transpose of a column is that of its crossings, and rows are what can be mixed.
            let mut last = transpose(&all[all.len() - 1]);
            let column = self.layout.column(index);
            for nth in 0..column.count {
                let (at, top) = (column.first + nth, column.top + nth * column.stride);
                let t = self.crossing(at);
                if index == self.layout.attenuators() {
                    scale_row(&mut last, top, t[0][0]);
                } else {
                    mix_rows(&mut last, top, &[[t[0][0], t[1][0]], [t[0][1], t[1][1]]]);
                }
            }
            all.push(transpose(&last));
        }
        all.reverse();
        all
    }

    fn crossing(&self, at: usize) -> Crossing {
        let exact = &self.program.exact;
        let (theta, phi) = (exact[self.layout.theta(at)], exact[self.layout.phi(at)]);
        crossing(
            theta,
            phi,
            self.splitters.alpha[at],
            self.splitters.beta[at],
        )
    }

    /// The residue of what the whole mesh does.
    fn start(&mut self, whole: &Matrix) {
        let Program { scale, matrix, .. } = &self.program;
        self.residue = Matrix::from_fn(matrix.rows(), matrix.columns(), |i, j| {
            matrix[(i, j)] / scale - whole[(i, j)]
        });
    }

    /// Sets the two heaters of a crossing; `only` its upper output goes on.
    fn cross(&mut self, at: usize, top: usize, only: bool, behind: &Matrix, light: &Matrix) {
        let n = self.layout.modes();
        let (theta, phi) = (self.layout.theta(at), self.layout.phi(at));
        let (alpha, beta) = (self.splitters.alpha[at], self.splitters.beta[at]);
        let column = |mode: usize| (0..n).map(|i| behind[(i, mode)]).collect();
        let above: Vec<Complex> = column(top);
        // An attenuator has no light at its lower input and throws away its lower output.
        let (below, under) = match only {
            true => (vec![Complex::ZERO; n], vec![Complex::ZERO; n]),
            false => (column(top + 1), light.row(top + 1).to_vec()),
        };
        let sum = |a: &[Complex], x: Complex, b: &[Complex], y: Complex| -> Vec<Complex> {
            a.iter().zip(b).map(|(a, b)| a * x + b * y).collect()
        };
        // φ first, as the light.
        let t = crossing(self.program.exact[theta], 0.0, alpha, beta);
        self.set(phi, &sum(&above, t[0][0], &below, t[1][0]), light.row(top));
        let (first, second) = (splitter(alpha), splitter(beta));
        let turned = Complex::cis(self.program.exact[phi]);
        let before = sum(light.row(top), first[0][0] * turned, &under, first[0][1]);
        self.set(
            theta,
            &sum(&above, second[0][0], &below, second[1][0]),
            &before,
        );
    }

    /// Sets a heater between `before` and `behind` to what is best.
    fn set(&mut self, channel: usize, behind: &[Complex], before: &[Complex]) {
        let behind = &behind[..self.residue.rows()];
        let before = &before[..self.residue.columns()];
        let power = |v: &[Complex]| v.iter().map(|x| x.norm_sqr()).sum::<f64>();
        let weight = power(behind) * power(before);
        if weight < 1e-24 {
            return;
        }
        let mut overlap = Complex::ZERO;
        for (i, b) in behind.iter().enumerate() {
            let row = self.residue.row(i).iter().zip(before);
            overlap += b.conj() * row.map(|(r, v)| r * v.conj()).sum::<Complex>();
        }
        let old = Complex::cis(self.program.exact[channel]);
        let best = (overlap + old * weight).arg();
        let change = old - Complex::cis(best);
        for (i, b) in behind.iter().enumerate() {
            let step = b * change;
            for (j, v) in before.iter().enumerate() {
                self.residue[(i, j)] += step * v;
            }
        }
        self.program.exact[channel] = turn(best);
    }
}

fn transpose(matrix: &Matrix) -> Matrix {
    Matrix::from_fn(matrix.columns(), matrix.rows(), |i, j| matrix[(j, i)])
}
