// SPDX-License-Identifier: GPL-2.0

//! Phases for splitters that are not 50:50.
//!
//! The local correction of Bandyopadhyay, Hamerly and Englund, Optica 8, 1247 (2021): a crossing
//! with splitter errors α and β does, but for phases at its two outputs, what an ideal one does,
//! with other phases θ' and φ'. The phases at the outputs are made up for in the crossings that
//! follow, column by column, and at last by the screen.
//!
//! What goes straight on, |T11|², is from sin²(α + β) to cos²(α - β); a θ beyond is cut. The
//! attenuators are free to choose from: which singular value is whose makes no difference to the
//! product, so the smallest go where least light gets through, and the scale leaves room for
//! the greatest.
//!
//! And where singular values are equal, their vectors are any of the space that these span. Those
//! of the identity, a permutation or a filled up matrix are unit vectors, for which a mesh has
//! bar and cross states alone, the very ones out of reach. Other vectors ask for less.

use super::clements::turn;
use super::layout::Layout;
use super::matrix::Svd;
use super::program::Factors;
use super::simulate::{crossing, Crossing};
use super::{Complex, Matrix, Splitters};

/// The square of how small an element must be for its phase not to matter.
const NOTHING: f64 = 1e-30;

/// The internal phase at which a crossing with errors lets as much light go straight on as an
/// ideal one at `theta`, or as nearly as it can.
///
/// From |T11|² = sin²(α + β) + (cos²(α - β) - sin²(α + β)) sin²(θ'/2), whose differences are
/// written as products to lose no digits.
fn internal(theta: f64, alpha: f64, beta: f64) -> f64 {
    let (half, sum, difference) = (theta / 2.0, alpha + beta, alpha - beta);
    let over_floor = (half - sum).sin() * (half + sum).sin();
    let under_ceiling = (half - difference).cos() * (half + difference).cos();
    2.0 * over_floor
        .max(0.0)
        .sqrt()
        .atan2(under_ceiling.max(0.0).sqrt())
}

/// `(phi, upper, lower)` such that `wanted` is, but for cut magnitudes,
/// `diag(e^{i upper}, e^{i lower}) got diag(e^{i phi}, 1)`.
///
/// Both are unitary, so that three of the four elements give the phases. The weak ones are asked
/// last, and not at all where they are nothing.
fn outer(wanted: &Crossing, got: &Crossing) -> (f64, f64, f64) {
    let ratio = |i: usize, j: usize| wanted[i][j] * got[i][j].conj();
    let phase = |ratio: Complex| (ratio.norm() > NOTHING).then(|| ratio.arg());
    let straight = ratio(0, 0).norm() > ratio(0, 1).norm();
    if straight {
        let lower = ratio(1, 1).arg();
        let both = ratio(0, 0).arg();
        let upper = phase(ratio(0, 1)).unwrap_or(both);
        (both - upper, upper, lower)
    } else {
        let upper = ratio(0, 1).arg();
        let both = ratio(1, 0).arg();
        let lower = phase(ratio(1, 1)).unwrap_or(both);
        (both - lower, upper, lower)
    }
}

/// A correction under way.
pub(super) struct Correction<'a> {
    layout: Layout,
    splitters: &'a Splitters,
    exact: Vec<f64>,
    /// What the light lacks of the ideal one at each mode, in radians.
    lack: Vec<f64>,
}

impl<'a> Correction<'a> {
    /// The phases of all channels, and the scale.
    pub(super) fn of(
        layout: Layout,
        factors: &Factors,
        splitters: &'a Splitters,
    ) -> (Vec<f64>, f64) {
        let n = layout.modes();
        let mut correction = Self {
            layout,
            splitters,
            exact: vec![0.0; layout.channels()],
            lack: vec![0.0; n],
        };
        let right = (&factors.right.theta[..], &factors.right.phi[..]);
        let left = (&factors.left.theta[..], &factors.left.phi[..]);
        for index in 0..n {
            correction.column(index, right, 0);
        }
        let outputs = &factors.right.output;
        let scale = correction.attenuate(&factors.sigma, outputs);
        let first = layout.column(n + 1).first;
        for index in n + 1..layout.columns() {
            correction.column(index, left, first);
        }
        for (mode, &phase) in factors.left.output.iter().enumerate() {
            correction.exact[layout.screen(mode)] = turn(phase + correction.lack[mode]);
        }
        (correction.exact, scale)
    }

    /// Corrects a column of a mesh, whose ideal phases are given from crossing `first` on.
    fn column(&mut self, index: usize, ideal: (&[f64], &[f64]), first: usize) {
        let column = self.layout.column(index);
        for nth in 0..column.count {
            let (at, top) = (column.first + nth, column.top + nth * column.stride);
            let (theta, phi) = (ideal.0[at - first], ideal.1[at - first]);
            self.cross(at, top, theta, phi);
        }
    }

    fn cross(&mut self, at: usize, top: usize, theta: f64, phi: f64) {
        let (alpha, beta) = (self.splitters.alpha[at], self.splitters.beta[at]);
        let (upper, lower) = (self.lack[top], self.lack[top + 1]);
        let mut wanted = crossing(theta, phi + upper, 0.0, 0.0);
        for row in &mut wanted {
            row[1] *= Complex::cis(lower);
        }
        let theta = internal(theta, alpha, beta);
        let (phi, upper, lower) = outer(&wanted, &crossing(theta, 0.0, alpha, beta));
        self.exact[self.layout.theta(at)] = theta;
        self.exact[self.layout.phi(at)] = turn(phi);
        self.lack[top] = upper;
        self.lack[top + 1] = lower;
    }

    /// Sets the attenuators; the scale.
    fn attenuate(&mut self, sigma: &[f64], outputs: &[f64]) -> f64 {
        let first = self.layout.column(self.layout.attenuators()).first;
        let splitters = self.splitters;
        let errors = |mode: usize| (splitters.alpha[first + mode], splitters.beta[first + mode]);
        let ceilings = (0..sigma.len()).map(|mode| {
            let (alpha, beta) = errors(mode);
            (alpha - beta).cos()
        });
        let needed = sigma.iter().zip(ceilings).map(|(s, most)| s / most);
        let scale = match needed.fold(0.0, f64::max) {
            0.0 => 1.0,
            scale => scale,
        };
        for (mode, (&sigma, &output)) in sigma.iter().zip(outputs).enumerate() {
            let (alpha, beta) = errors(mode);
            let theta = internal(2.0 * (sigma / scale).asin(), alpha, beta);
            let passed = crossing(theta, 0.0, alpha, beta)[0][0].arg();
            self.exact[self.layout.theta(first + mode)] = theta;
            self.exact[self.layout.phi(first + mode)] = turn(output + self.lack[mode] - passed);
            self.lack[mode] = 0.0;
        }
        scale
    }
}

/// Singular values closer than this share of the greatest are equal.
const EQUAL: f64 = 4e-14;
/// How many arrangements are tried.
const ARRANGEMENTS: u64 = 64;

/// Which attenuator takes which singular value, and which of the vectors that equal ones have.
pub(super) struct Arrangement {
    /// The rank of the singular value that each attenuator takes.
    ranks: Vec<usize>,
    random: Random,
}

impl Arrangement {
    /// Arrangements to try, the same in every run. In the first, the less light gets through an
    /// attenuator at the least, the smaller its singular value. The others keep to that for the
    /// smallest quarter alone.
    pub(super) fn several(layout: Layout, splitters: &Splitters) -> impl Iterator<Item = Self> {
        let first = order(layout, splitters);
        (0..ARRANGEMENTS).map(move |seed| {
            let (mut ranks, mut random) = (first.clone(), Random(seed));
            let large = ranks.len() - ranks.len() / 4;
            let mut places: Vec<usize> = (0..ranks.len()).filter(|&m| ranks[m] < large).collect();
            while let Some(last) = places.pop().filter(|_| seed != 0) {
                let other = (random.unit() * (places.len() + 1) as f64) as usize;
                if let Some(&other) = places.get(other) {
                    ranks.swap(last, other);
                }
            }
            Self { ranks, random }
        })
    }

    /// The decomposition with vectors of equal singular values mixed, and the ranks.
    pub(super) fn of(mut self, svd: &Svd) -> (Svd, Vec<usize>) {
        let sigma = svd.sigma.clone();
        let (mut u, mut v) = (svd.u.clone(), svd.v.adjoint());
        let mut first = 0;
        while first < sigma.len() {
            let near = |&&s: &&f64| sigma[first] - s <= EQUAL * sigma[0];
            let count = sigma[first..].iter().take_while(near).count();
            if count > 1 {
                let unitary = self.random.unitary(count);
                mix(&mut u, first, &unitary);
                // Where nothing gets through the two sides need not match.
                let nothing = sigma[first] <= EQUAL * sigma[0];
                let other = match nothing {
                    true => self.random.unitary(count),
                    false => unitary,
                };
                mix(&mut v, first, &other);
            }
            first += count;
        }
        let v = v.adjoint();
        (Svd { u, sigma, v }, self.ranks)
    }
}

/// Ranks such that the less light gets through an attenuator at the least, the smaller its
/// singular value.
fn order(layout: Layout, splitters: &Splitters) -> Vec<usize> {
    let first = layout.column(layout.attenuators()).first;
    let floor = |mode: usize| (splitters.alpha[first + mode] + splitters.beta[first + mode]).abs();
    let mut modes: Vec<usize> = (0..layout.modes()).collect();
    modes.sort_by(|&a, &b| floor(b).total_cmp(&floor(a)));
    let mut ranks = vec![0; modes.len()];
    for (rank, mode) in modes.into_iter().enumerate() {
        ranks[mode] = rank;
    }
    ranks
}

/// Multiplies the columns from `first` on by a matrix from the right.
fn mix(matrix: &mut Matrix, first: usize, by: &Matrix) {
    let (rows, columns) = (matrix.rows(), by.columns());
    let product = matrix.part(0, first, rows, columns).product(by);
    for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
        matrix[(i, first + j)] = product[(i, j)];
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as f64 / u64::MAX as f64
    }

    /// A unitary matrix with no pattern: singular vectors of random numbers.
    fn unitary(&mut self, size: usize) -> Matrix {
        let mut element = || Complex::new(self.unit() - 0.5, self.unit() - 0.5);
        let random = Matrix::from_fn(size, size, |_, _| element());
        match random.svd() {
            Some(svd) => svd.u,
            None => Matrix::identity(size),
        }
    }
}
