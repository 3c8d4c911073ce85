// SPDX-License-Identifier: GPL-2.0

//! One crossing: what it does to the fields on its two modes, and how that changes with it.

use std::f64::consts::FRAC_PI_4;

use num_complex::Complex64;

const I: Complex64 = Complex64::new(0.0, 1.0);

/// `B(β) diag(e^{iθ}, 1) B(α) diag(e^{iφ}, 1)`, where B(a) couples at an angle of π/4 + a.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crossing {
    theta: Complex64,
    phi: Complex64,
    /// Cosine and sine of the first coupler.
    first: (f64, f64),
    /// Those of the second.
    second: (f64, f64),
}

/// The fields behind a crossing with their derivatives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passage {
    /// Top and bottom.
    pub(super) out: [Complex64; 2],
    /// The same by θ, φ, α and β.
    pub(super) by: [[Complex64; 2]; 4],
}

impl Crossing {
    pub(super) fn new(theta: f64, phi: f64, alpha: f64, beta: f64) -> Self {
        let turn = |angle: f64| Complex64::new(angle.cos(), angle.sin());
        let coupler = |error: f64| ((FRAC_PI_4 + error).cos(), (FRAC_PI_4 + error).sin());
        Self {
            theta: turn(theta),
            phi: turn(phi),
            first: coupler(alpha),
            second: coupler(beta),
        }
    }

    /// The fields behind it.
    pub(super) fn pass(&self, [top, bottom]: [Complex64; 2]) -> [Complex64; 2] {
        let inner = couple(self.first, [self.phi * top, bottom]);
        couple(self.second, [self.theta * inner[0], inner[1]])
    }

    /// The adjoint: the fields before it of those behind it, where nothing was lost.
    pub(super) fn back(&self, out: [Complex64; 2]) -> [Complex64; 2] {
        let conjugate = |(cos, sin): (f64, f64)| (cos, -sin);
        let inner = couple(conjugate(self.second), out);
        let outer = couple(
            conjugate(self.first),
            [self.theta.conj() * inner[0], inner[1]],
        );
        [self.phi.conj() * outer[0], outer[1]]
    }

    /// The fields behind it, and how they change.
    pub(super) fn passage(&self, [top, bottom]: [Complex64; 2]) -> Passage {
        let entered = self.phi * top;
        let inner = couple(self.first, [entered, bottom]);
        let turned = [self.theta * inner[0], inner[1]];
        let behind = |[a, b]: [Complex64; 2]| couple(self.second, [self.theta * a, b]);
        let zero = Complex64::new(0.0, 0.0);
        Passage {
            out: couple(self.second, turned),
            by: [
                couple(self.second, [I * turned[0], zero]),
                behind(couple(self.first, [I * entered, zero])),
                behind(couple(slope(self.first), [entered, bottom])),
                couple(slope(self.second), turned),
            ],
        }
    }
}

fn couple((cos, sin): (f64, f64), [a, b]: [Complex64; 2]) -> [Complex64; 2] {
    [cos * a + I * sin * b, I * sin * a + cos * b]
}

/// The derivative of a coupler by its angle.
fn slope((cos, sin): (f64, f64)) -> (f64, f64) {
    (-sin, cos)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field() -> [Complex64; 2] {
        [Complex64::new(0.3, -0.4), Complex64::new(-0.6, 0.2)]
    }

    #[test]
    fn without_errors_it_is_that_of_the_layout() {
        let (theta, phi) = (1.1, 2.3f64);
        let whole = I * Complex64::from_polar(1.0, theta / 2.0);
        let (sin, cos) = (theta / 2.0f64).sin_cos();
        let turn = Complex64::from_polar(1.0, phi);
        let [a, b] = field();
        let expected = [
            whole * (turn * sin * a + cos * b),
            whole * (turn * cos * a - sin * b),
        ];
        let out = Crossing::new(theta, phi, 0.0, 0.0).pass(field());
        assert!((out[0] - expected[0]).norm() < 1e-15);
        assert!((out[1] - expected[1]).norm() < 1e-15);
    }

    #[test]
    fn back_undoes_pass() {
        let crossing = Crossing::new(0.7, -1.9, 0.05, -0.03);
        let back = crossing.back(crossing.pass(field()));
        assert!((back[0] - field()[0]).norm() < 1e-15);
        assert!((back[1] - field()[1]).norm() < 1e-15);
    }

    #[test]
    fn derivatives_are_those_of_differences() {
        let at = [0.7, -1.9, 0.05, -0.03];
        let new = |p: [f64; 4]| Crossing::new(p[0], p[1], p[2], p[3]).pass(field());
        let passage = Crossing::new(at[0], at[1], at[2], at[3]).passage(field());
        for (which, by) in passage.by.iter().enumerate() {
            let step = 1e-6;
            let (mut more, mut less) = (at, at);
            more[which] += step;
            less[which] -= step;
            for (mode, derivative) in by.iter().enumerate() {
                let difference = (new(more)[mode] - new(less)[mode]) / (2.0 * step);
                assert!((difference - derivative).norm() < 1e-9, "{which} {mode}");
            }
        }
    }
}
