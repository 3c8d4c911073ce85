// SPDX-License-Identifier: GPL-2.0

//! Crossings: what each does to the light on its two modes.
//!
//! Process context; the lock of the optics' owner (`photonic/backend/model.rs`).

use super::super::chip::Chip;
use super::super::random::Random;
use super::super::trig::sin_cos;
use super::channels::rounded;
use super::detector::noise;

/// A complex number, 2^30 for one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Factor {
    pub(super) re: i32,
    pub(super) im: i32,
}

impl Factor {
    /// Nought: a place in a table.
    pub const ZERO: Self = Self { re: 0, im: 0 };

    /// `e^{i turns}`.
    #[inline]
    pub(super) fn turned(turns: u32) -> Self {
        let (im, re) = sin_cos(turns);
        Self { re, im }
    }

    #[inline]
    fn times(self, other: Self) -> Self {
        let product = |a: i32, b: i32| i64::from(a).wrapping_mul(i64::from(b));
        let re = product(self.re, other.re).wrapping_sub(product(self.im, other.im));
        let im = product(self.re, other.im).wrapping_add(product(self.im, other.re));
        Self {
            re: rounded(re, 30) as i32,
            im: rounded(im, 30) as i32,
        }
    }
}

/// One Mach-Zehnder interferometer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Crossing {
    /// Errors of the first and the second coupler, in 1/2^32 turns.
    errors: [i32; 2],
    /// Cosine and sine of the second coupler's angle times those of the first, 2^30 for one:
    /// cc, cs, sc, ss.
    couplers: [i32; 4],
    /// The phases that `matrix` is for: internal, external.
    phases: [u32; 2],
    /// T, row by row.
    pub(super) matrix: [Factor; 4],
    /// What its taps show of the power, 2^16 for all of it.
    responses: [u32; 2],
    /// Powers at its outputs as of the last probe, top first; 2^32 for a full input.
    pub(super) taps: [u32; 2],
}

impl Crossing {
    /// A place in a table.
    pub const EMPTY: Self = Self {
        errors: [0; 2],
        couplers: [0; 4],
        phases: [0; 2],
        matrix: [Factor::ZERO; 4],
        responses: [1 << 16; 2],
        taps: [0; 2],
    };

    /// Draws a crossing. `chance` has a stream each for couplers and taps.
    fn draw(chip: &Chip, chance: &mut [Random; 2]) -> Self {
        let [chance, tap] = chance;
        let responses = [0; 2].map(|_: u32| {
            let more = tap.normal(chip.tap_ppm).wrapping_mul(1 << 16) / 1_000_000;
            (1u32 << 16).wrapping_add_signed(more as i32)
        });
        let errors = [0; 2].map(|_: i32| chance.normal(chip.splitter) as i32);
        // 45 degrees and the error.
        let angles = errors.map(|error| sin_cos((1u32 << 29).wrapping_add_signed(error)));
        let [(first_sin, first_cos), (second_sin, second_cos)] = angles;
        let product = |a: i32, b: i32| rounded(i64::from(a).wrapping_mul(i64::from(b)), 30) as i32;
        let mut crossing = Self {
            errors,
            couplers: [
                product(second_cos, first_cos),
                product(second_cos, first_sin),
                product(second_sin, first_cos),
                product(second_sin, first_sin),
            ],
            responses,
            ..Self::EMPTY
        };
        crossing.compute();
        crossing
    }

    /// Fills the table with crossings that are drawn from the chip's seed.
    pub(super) fn draw_all(chip: &Chip, crossings: &mut [Self]) {
        let mut chance = [3, 5].map(|kind| Random::stream(chip.seed, kind));
        for crossing in crossings {
            *crossing = Self::draw(chip, &mut chance);
        }
    }

    /// Truth for tests: errors of the first and the second coupler, in 1/2^32 turns.
    pub const fn errors(&self) -> [i32; 2] {
        self.errors
    }

    /// Truth for tests: what its taps show of the power, 2^16 for all of it.
    pub const fn responses(&self) -> [u32; 2] {
        self.responses
    }

    /// Makes the powers at the outputs what the taps show, with their noise.
    pub(super) fn measure(&mut self, chip: &Chip, chance: &mut Random) {
        for (tap, response) in self.taps.iter_mut().zip(self.responses) {
            let shown = u64::from(*tap).wrapping_mul(u64::from(response)) >> 16;
            let power = (shown as i64).wrapping_add(noise(chip.tap, chance));
            *tap = power.clamp(0, i64::from(u32::MAX)) as u32;
        }
    }

    /// Sets the internal and the external phase.
    #[inline]
    pub(super) fn set(&mut self, theta: u32, phi: u32) {
        if self.phases != [theta, phi] {
            self.phases = [theta, phi];
            self.compute();
        }
    }

    /// `B(second) diag(e^{iθ}, 1) B(first) diag(e^{iφ}, 1)`, where `B(a)` is a coupler of the
    /// angle π/4 + a.
    fn compute(&mut self) {
        let [theta, phi] = self.phases.map(Factor::turned);
        let [cc, cs, sc, ss] = self.couplers;
        let by = |share: i32, of: i32| rounded(i64::from(share).wrapping_mul(i64::from(of)), 30);
        // share e^{iθ} + rest.
        let sum = |share: i32, rest: i32| Factor {
            re: by(share, theta.re).wrapping_add(i64::from(rest)) as i32,
            im: by(share, theta.im) as i32,
        };
        let turned = |factor: Factor| Factor {
            re: factor.im.wrapping_neg(),
            im: factor.re,
        };
        self.matrix = [
            sum(cc, ss.wrapping_neg()).times(phi),
            turned(sum(cs, sc)),
            turned(sum(sc, cs)).times(phi),
            sum(ss.wrapping_neg(), cc),
        ];
    }
}
