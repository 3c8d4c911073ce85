// SPDX-License-Identifier: GPL-2.0

//! Matrices that the tests of photonic programs share, from fixed seeds.

#![allow(dead_code)]

use std::f64::consts::TAU;

use lightos::photonic::{Complex, Matrix};

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0, less than 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Less than `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.uniform() * bound as f64) as usize
    }

    /// Of mean 0 and variance 1.
    pub(crate) fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (TAU * v).cos()
    }

    pub(crate) fn gaussian(&mut self, rows: usize, columns: usize, complex: bool) -> Matrix {
        Matrix::from_fn(rows, columns, |_, _| {
            Complex::new(self.normal(), if complex { self.normal() } else { 0.0 })
        })
    }

    /// Uniform over the unitary (orthogonal, unless `complex`) matrices: Gram-Schmidt on
    /// Gaussian vectors, twice for the rounding.
    pub(crate) fn haar(&mut self, size: usize, complex: bool) -> Matrix {
        let mut rows: Vec<Vec<Complex>> = Vec::new();
        while rows.len() < size {
            let mut row = self.gaussian(1, size, complex).values().to_vec();
            for _ in 0..2 {
                for done in &rows {
                    let dot: Complex = done.iter().zip(&row).map(|(d, r)| d.conj() * r).sum();
                    row.iter_mut().zip(done).for_each(|(r, d)| *r -= dot * d);
                }
                let norm = row.iter().map(|r| r.norm_sqr()).sum::<f64>().sqrt();
                row.iter_mut().for_each(|r| *r /= norm);
            }
            rows.push(row);
        }
        Matrix::from_complex(size, size, rows.concat())
    }

    pub(crate) fn permutation(&mut self, size: usize) -> Matrix {
        let mut to: Vec<usize> = (0..size).collect();
        for i in (1..size).rev() {
            to.swap(i, self.below(i + 1));
        }
        Matrix::from_fn(size, size, |i, j| Complex::from(f64::from(to[i] == j)))
    }
}

/// `left` above and before `right`, zeros beside them.
pub(crate) fn block_diagonal(left: &Matrix, right: &Matrix) -> Matrix {
    let edge = left.rows();
    let size = edge + right.rows();
    Matrix::from_fn(size, size, |i, j| match (i < edge, j < edge) {
        (true, true) => left[(i, j)],
        (false, false) => right[(i - edge, j - edge)],
        _ => Complex::ZERO,
    })
}

pub(crate) fn diagonal(values: &[Complex]) -> Matrix {
    let size = values.len();
    Matrix::from_fn(size, size, |i, j| match i == j {
        true => values[i],
        false => Complex::ZERO,
    })
}

/// The DFT as a unitary matrix.
pub(crate) fn fourier(size: usize) -> Matrix {
    let root = (size as f64).sqrt();
    let turns = |i: usize, j: usize| (i * j % size) as f64 / size as f64;
    Matrix::from_fn(size, size, |i, j| Complex::cis(-TAU * turns(i, j)) / root)
}

/// Named unitary matrices of a size: random ones, and those with exact zeros and equal values.
pub(crate) fn unitaries(size: usize, random: &mut Random) -> Vec<(String, Matrix)> {
    let phases: Vec<Complex> = (0..size)
        .map(|_| Complex::cis(TAU * random.uniform()))
        .collect();
    let signs = phases
        .iter()
        .map(|p| p.re.signum().into())
        .collect::<Vec<_>>();
    let exchange = |i: usize, j: usize| Complex::from(f64::from(i + j == size - 1));
    let mut all = vec![
        ("identity", Matrix::identity(size)),
        ("exchange", Matrix::from_fn(size, size, exchange)),
        ("phases", diagonal(&phases)),
        ("signs", diagonal(&signs)),
        ("fourier", fourier(size)),
    ];
    for complex in [false, true] {
        all.push(("haar", random.haar(size, complex)));
        all.push(("permutation", random.permutation(size)));
        let cut = 1 + random.below(size - 1);
        let (a, b) = (random.haar(cut, complex), random.haar(size - cut, complex));
        all.push(("blocks", block_diagonal(&a, &b)));
        let shuffled = random.permutation(size).product(&block_diagonal(&a, &b));
        all.push(("shuffled", shuffled.product(&random.permutation(size))));
        let phased = diagonal(&phases).product(&random.permutation(size));
        all.push(("phased permutation", phased));
    }
    let named = all
        .into_iter()
        .map(|(name, m)| (format!("{name} {size}"), m));
    named.collect()
}

/// Named matrices of a size that are not unitary, as a rule.
pub(crate) fn matrices(size: usize, random: &mut Random) -> Vec<(String, Matrix)> {
    let mut all = Vec::new();
    let ones = Matrix::from_fn(size, size, |_, _| Complex::ONE);
    let shift = |i: usize, j: usize| Complex::from(f64::from(i + 1 == j));
    all.push(("zeros", Matrix::zeros(size, size)));
    all.push(("ones", ones));
    all.push(("nilpotent", Matrix::from_fn(size, size, shift)));
    for complex in [false, true] {
        let full = random.gaussian(size, size, complex);
        all.push(("gaussian", full.clone()));
        all.push(("huge", full.clone().scaled(1e200)));
        all.push(("tiny", full.clone().scaled(1e-200)));
        let rank = 1 + random.below(size - 1);
        let (a, b) = (
            random.gaussian(size, rank, complex),
            random.gaussian(rank, size, complex),
        );
        all.push(("deficient", a.product(&b)));
        let pairs: Vec<Complex> = (0..size).map(|k| ((1 + k / 2 * 2) as f64).into()).collect();
        let (u, v) = (random.haar(size, complex), random.haar(size, complex));
        all.push(("degenerate", u.product(&diagonal(&pairs)).product(&v)));
        let some: Vec<Complex> = (0..size).map(|k| full[(k, 0)] * (k % 3) as f64).collect();
        all.push(("diagonal", diagonal(&some)));
        let monomial = random.permutation(size).product(&diagonal(&some));
        all.push(("monomial", monomial));
        let empty: Vec<bool> = (0..size).map(|_| random.uniform() < 0.3).collect();
        let rows = Matrix::from_fn(size, size, |i, j| match empty[i] {
            true => Complex::ZERO,
            false => full[(i, j)],
        });
        all.push(("zero rows", rows.clone()));
        all.push(("zero columns", rows.adjoint()));
        let graded = |i, j| full[(i, j)] * 10f64.powi(-(i as i32));
        all.push(("graded", Matrix::from_fn(size, size, graded)));
    }
    let named = all
        .into_iter()
        .map(|(name, m)| (format!("{name} {size}"), m));
    named.collect()
}
