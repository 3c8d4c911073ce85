// SPDX-License-Identifier: GPL-2.0

//! Dense complex matrices, and their singular value decomposition.

use std::ops::{Index, IndexMut};

/// A complex number of two doubles.
pub type Complex = num_complex::Complex64;

/// A matrix of complex numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    /// Row by row.
    values: Vec<Complex>,
}

/// `U diag(sigma) V†` of a square matrix.
pub(super) struct Svd {
    pub(super) u: Matrix,
    /// Descending, none negative.
    pub(super) sigma: Vec<f64>,
    /// `V†`.
    pub(super) v: Matrix,
}

impl Matrix {
    /// A matrix whose element in row `i` and column `j` is `element(i, j)`.
    pub fn from_fn(
        rows: usize,
        columns: usize,
        mut element: impl FnMut(usize, usize) -> Complex,
    ) -> Self {
        let places = (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j)));
        Self {
            rows,
            columns,
            values: places.map(|(i, j)| element(i, j)).collect(),
        }
    }

    /// A matrix of zeros.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self::from_fn(rows, columns, |_, _| Complex::ZERO)
    }

    /// The square matrix that changes nothing.
    pub fn identity(size: usize) -> Self {
        Self::from_fn(size, size, |i, j| Complex::from(f64::from(i == j)))
    }

    /// A matrix of real numbers, given row by row.
    ///
    /// # Panics
    ///
    /// Unless there are `rows * columns` of them.
    pub fn from_real(rows: usize, columns: usize, values: &[f64]) -> Self {
        Self::from_complex(rows, columns, values.iter().map(|&v| v.into()).collect())
    }

    /// A matrix of complex numbers, given row by row.
    ///
    /// # Panics
    ///
    /// Unless there are `rows * columns` of them.
    pub fn from_complex(rows: usize, columns: usize, values: Vec<Complex>) -> Self {
        assert_eq!(values.len(), rows * columns, "{rows} x {columns}");
        Self {
            rows,
            columns,
            values,
        }
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The elements, row by row.
    pub fn values(&self) -> &[Complex] {
        &self.values
    }

    /// A row.
    pub fn row(&self, index: usize) -> &[Complex] {
        &self.values[index * self.columns..][..self.columns]
    }

    /// The part of `rows` by `columns` whose first element is that at `(top, left)`; zeros where
    /// it reaches over the edge.
    pub fn part(&self, top: usize, left: usize, rows: usize, columns: usize) -> Self {
        Self::from_fn(rows, columns, |i, j| {
            match (top + i < self.rows, left + j < self.columns) {
                (true, true) => self[(top + i, left + j)],
                _ => Complex::ZERO,
            }
        })
    }

    /// The conjugate transpose.
    pub fn adjoint(&self) -> Self {
        Self::from_fn(self.columns, self.rows, |i, j| self[(j, i)].conj())
    }

    /// `self * factor`.
    pub fn scaled(mut self, factor: f64) -> Self {
        self.values.iter_mut().for_each(|v| *v *= factor);
        self
    }

    /// `self * right`.
    ///
    /// # Panics
    ///
    /// Unless `right` has as many rows as `self` has columns.
    pub fn product(&self, right: &Self) -> Self {
        assert_eq!(self.columns, right.rows);
        let mut out = Self::zeros(self.rows, right.columns);
        for i in 0..self.rows {
            for k in 0..self.columns {
                for j in 0..right.columns {
                    out[(i, j)] += self[(i, k)] * right[(k, j)];
                }
            }
        }
        out
    }

    /// `self * vector`.
    ///
    /// # Panics
    ///
    /// Unless `vector` has as many elements as `self` has columns.
    pub fn times(&self, vector: &[Complex]) -> Vec<Complex> {
        assert_eq!(self.columns, vector.len());
        let dot = |i| self.row(i).iter().zip(vector).map(|(a, b)| a * b).sum();
        (0..self.rows).map(dot).collect()
    }

    /// The Frobenius norm: the root of the sum of all squared magnitudes.
    pub fn norm(&self) -> f64 {
        self.values.iter().map(|v| v.norm_sqr()).sum::<f64>().sqrt()
    }

    /// The Frobenius norm of the difference.
    ///
    /// # Panics
    ///
    /// Unless the shapes are equal.
    pub fn distance(&self, other: &Self) -> f64 {
        assert_eq!((self.rows, self.columns), (other.rows, other.columns));
        let pairs = self.values.iter().zip(&other.values);
        pairs.map(|(a, b)| (a - b).norm_sqr()).sum::<f64>().sqrt()
    }

    /// Whether no element is infinite or no number.
    pub fn is_finite(&self) -> bool {
        self.values.iter().all(|v| v.is_finite())
    }

    /// How far it is from unitary: the Frobenius norm of `self† self - 1`.
    ///
    /// # Panics
    ///
    /// Unless it is square.
    pub fn unitarity_error(&self) -> f64 {
        let product = self.adjoint().product(self);
        product.distance(&Self::identity(self.rows))
    }

    /// The decomposition of a finite, square matrix; `None` if it does not converge.
    pub(super) fn svd(&self) -> Option<Svd> {
        let size = self.rows;
        let matrix = faer::Mat::from_fn(size, size, |i, j| self[(i, j)]);
        let svd = matrix.svd().ok()?;
        Some(Svd {
            u: Self::from_fn(size, size, |i, j| svd.U()[(i, j)]),
            sigma: (0..size).map(|k| svd.S()[k].re).collect(),
            v: Self::from_fn(size, size, |i, j| svd.V()[(j, i)].conj()),
        })
    }
}

impl Index<(usize, usize)> for Matrix {
    type Output = Complex;

    fn index(&self, (row, column): (usize, usize)) -> &Complex {
        &self.row(row)[column]
    }
}

impl IndexMut<(usize, usize)> for Matrix {
    fn index_mut(&mut self, (row, column): (usize, usize)) -> &mut Complex {
        &mut self.values[row * self.columns..][..self.columns][column]
    }
}
