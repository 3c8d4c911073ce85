// SPDX-License-Identifier: GPL-2.0

//! A first guess of a crossing, from sweeps of its heaters.
//!
//! With perfect splitters the difference of the powers at top and bottom is
//! `-cos θ (|a|² - |b|²) + 2 sin θ Re(e^{iφ} a b*)` for fields a and b. For a given efficiency that
//! is linear in cosine and sine of an offset, so that only the efficiency has to be searched for.

use num_complex::Complex64;

/// One reading of a crossing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// Share of full power of the heater of θ.
    pub(super) theta: f64,
    /// That of φ.
    pub(super) phi: f64,
    /// Fields before it.
    pub(super) fields: [Complex64; 2],
    /// Powers behind it.
    pub(super) powers: [f64; 2],
}

impl Reading {
    fn difference(&self) -> f64 {
        self.powers[0] - self.powers[1]
    }

    fn difference_before(&self) -> f64 {
        self.fields[0].norm_sqr() - self.fields[1].norm_sqr()
    }
}

/// A fringe: offset and efficiency of a heater in radians, and how much of it was seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fringe {
    pub(super) offset: f64,
    pub(super) efficiency: f64,
    /// Its height over what perfect splitters would give.
    pub(super) visibility: f64,
    /// Rms of what the fringe leaves over that of the readings.
    pub(super) rest: f64,
    /// The same for a heater that does nothing.
    pub(super) rest_dead: f64,
}

/// Searches for the fringe of θ, with light on one arm.
pub(super) fn theta(readings: &[Reading], nominal: f64) -> Option<Fringe> {
    let lines = |efficiency: f64| {
        readings.iter().map(move |reading| {
            let (sin, cos) = (efficiency * reading.theta).sin_cos();
            let before = reading.difference_before();
            // -cos(θ0 + q) = -cos θ0 cos q + sin θ0 sin q.
            ([-cos * before, sin * before], reading.difference())
        })
    };
    search(nominal, |efficiency| solve(lines(efficiency)))
}

/// Searches for the fringe of φ, with θ known and light on both arms.
pub(super) fn phi(readings: &[Reading], by_theta: &Fringe, nominal: f64) -> Option<Fringe> {
    let lines = |efficiency: f64| {
        readings.iter().map(move |reading| {
            let theta = by_theta.offset + by_theta.efficiency * reading.theta;
            let turn = Complex64::from_polar(1.0, efficiency * reading.phi);
            let both = turn * reading.fields[0] * reading.fields[1].conj() * 2.0 * theta.sin();
            let rest = reading.difference() + theta.cos() * reading.difference_before();
            // Re(e^{iφ0} both) = cos φ0 Re both - sin φ0 Im both.
            ([both.re, -both.im], rest)
        })
    };
    search(nominal, |efficiency| solve(lines(efficiency)))
}

/// Cosine and sine of an offset, their length, and the sum of squares that they leave.
type Solution = ([f64; 2], f64, f64);

/// The least squares of two unknowns.
fn solve(lines: impl Iterator<Item = ([f64; 2], f64)>) -> Option<Solution> {
    let (mut aa, mut ab, mut bb, mut ar, mut br, mut rr) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for ([a, b], right) in lines {
        aa += a * a;
        ab += a * b;
        bb += b * b;
        ar += a * right;
        br += b * right;
        rr += right * right;
    }
    let determinant = aa * bb - ab * ab;
    if rr == 0.0 || aa == 0.0 {
        return None;
    }
    if determinant <= 1e-9 * aa * aa {
        // One unknown is all that the lines tell.
        let left = (rr - ar * ar / aa).max(0.0);
        return Some(([ar / aa, 0.0], (ar / aa).abs(), (left / rr).sqrt()));
    }
    let x = (bb * ar - ab * br) / determinant;
    let y = (aa * br - ab * ar) / determinant;
    let left = (rr - x * ar - y * br).max(0.0);
    Some(([x, y], x.hypot(y), (left / rr).sqrt()))
}

/// Tries efficiencies up to a quarter from nominal, first coarsely, then finely.
fn search(nominal: f64, solve: impl Fn(f64) -> Option<Solution>) -> Option<Fringe> {
    let mut best: Option<(f64, Solution)> = None;
    let (mut middle, mut width) = (1.0, 0.25);
    for _ in 0..3 {
        for step in -25..=25 {
            let efficiency = nominal * (middle + width * f64::from(step) / 25.0);
            let Some(solution) = solve(efficiency) else {
                continue;
            };
            if best.is_none_or(|(_, least)| solution.2 < least.2) {
                best = Some((efficiency, solution));
            }
        }
        middle = best?.0 / nominal;
        width /= 12.0;
    }
    let (efficiency, ([cos, sin], visibility, rest)) = best?;
    let rest_dead = solve(0.0).map_or(1.0, |dead| dead.2);
    Some(Fringe {
        offset: sin.atan2(cos),
        efficiency,
        visibility,
        rest,
        rest_dead,
    })
}
