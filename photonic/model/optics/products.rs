// SPDX-License-Identifier: GPL-2.0

//! Vectors through the chip: by all of its crossings, or by the matrix that they make.
//!
//! Process context; the lock of the optics' owner (`photonic/backend/model.rs`).

use core::ops::DerefMut;

use super::channels::{rounded, Channel, Conditions, Shift, TEMPERATURE_STEP_MC};
use super::command::{Command, Kind};
use super::crossings::{Crossing, Factor};
use super::detector::{Detector, Signal, SIGNAL_BITS};
use super::waves::{pass, Kept, Wave, FIELD_BITS};
use super::{Light, Optics};

/// Bits of the fraction of a modulator's amplitude.
const MODULATOR_BITS: u32 = 23;
/// Bits of the fraction of the field of a single full input, see `waves.rs`.
const SINGLE_BITS: u32 = 32;

/// A command has many vectors that has at least one for every so many modes: the matrix is then
/// worth its making.
const MANY: usize = 4;

/// What the factors in the tables are for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cache {
    conditions: Conditions,
    /// Codes have changed since.
    pub(super) stale: bool,
    /// The matrix is made.
    matrix: bool,
}

impl Cache {
    /// Nothing is known.
    pub(super) const EMPTY: Self = Self {
        conditions: Conditions {
            left: 0,
            wavelength: 0,
            step: 0,
        },
        stale: true,
        matrix: false,
    };
}

impl<C, X, B, F, W> Optics<C, X, B, F, W>
where
    C: DerefMut<Target = [Channel]>,
    X: DerefMut<Target = [Crossing]>,
    B: DerefMut<Target = [i32]>,
    F: DerefMut<Target = [Factor]>,
    W: DerefMut<Target = [Wave]>,
{
    /// Computes the results of a command.
    pub(super) fn run(&mut self, command: &Command, light: &Light) {
        self.prepare(command.wavelength, light);
        // Which way a vector goes shows in its last digits. It depends on the command alone, so
        // that the same command gives the same whatever ran before.
        let many = command.vectors as usize * MANY >= self.layout.modes();
        let multiplies = many && command.kind == Kind::Product;
        if multiplies && !self.cache.matrix {
            self.make_matrix();
        }
        let mut detector = Detector::new(&self.chip, command, light.power_uw);
        for vector in 0..command.vectors as usize {
            self.modulate(vector);
            if multiplies {
                self.multiply(vector, &mut detector);
                continue;
            }
            match command.kind {
                Kind::Probe => self.pass::<true>(),
                Kind::Product => self.pass::<false>(),
            }
            self.detect(vector, &mut detector);
        }
        if command.kind == Kind::Probe {
            self.measure_taps();
        }
        if detector.saturated {
            self.commands.saturated();
        }
    }

    /// Brings all crossings to the conditions of a command.
    fn prepare(&mut self, wavelength: u32, light: &Light) {
        let half = TEMPERATURE_STEP_MC / 2;
        let conditions = Conditions {
            left: self.heaters.left(&self.chip, self.clock),
            wavelength,
            step: light
                .die_mc
                .saturating_add(half)
                .div_euclid(TEMPERATURE_STEP_MC),
        };
        if !self.cache.stale && self.cache.conditions == conditions {
            return;
        }
        self.cache = Cache {
            conditions,
            stale: false,
            ..Cache::EMPTY
        };
        let shift = Shift::new(&self.chip, &conditions);
        let all = self.layout.crossings();
        let channels = self.tables.channels.get(..self.layout.channels());
        let channels = channels.unwrap_or_default();
        for (crossing, pair) in self
            .tables
            .crossings
            .iter_mut()
            .zip(channels.chunks_exact(2))
            .take(all)
        {
            if let [theta, phi] = pair {
                crossing.set(theta.phase(&shift), phi.phase(&shift));
            }
        }
        let screen = channels.get(2 * all..).unwrap_or_default();
        let factors = self.tables.factors.get_mut(all..).unwrap_or_default();
        for (factor, channel) in factors.iter_mut().zip(screen) {
            *factor = Factor::turned(channel.phase(&shift));
        }
    }

    /// Makes the input vector the light on the modes, with the point of modulators.
    fn modulate(&mut self, vector: usize) {
        let modes = self.layout.modes();
        let input = self.tables.input.get(2 * modes * vector..);
        let input = input.unwrap_or_default().chunks_exact(2);
        let waves = self.tables.waves.get_mut(..modes).unwrap_or_default();
        // The modulators keep the upper bits: 24 at most.
        let dropped = 32u32.wrapping_sub(self.chip.input_bits) & 31;
        let kept = |number: i32| i64::from(number >> dropped << dropped) >> (31 - MODULATOR_BITS);
        for (wave, pair) in waves.iter_mut().zip(input) {
            if let [re, im] = *pair {
                *wave = Wave {
                    re: kept(re),
                    im: kept(im),
                };
            }
        }
    }

    /// Sends the light through all crossings.
    fn pass<const MEASURE: bool>(&mut self) {
        let modes = self.layout.modes();
        let tables = &mut self.tables;
        let waves = tables.waves.get_mut(..modes).unwrap_or_default();
        for wave in waves.iter_mut() {
            *wave = wave.shifted(FIELD_BITS - MODULATOR_BITS);
        }
        let screen = tables.factors.get(modes * modes..).unwrap_or_default();
        let loss = self.chip.loss;
        pass::<MEASURE>(self.layout, &mut tables.crossings, screen, loss, waves);
        let kept = self.kept;
        for wave in waves {
            *wave = wave.times(kept);
        }
    }

    /// Measures the light that has passed.
    fn detect(&mut self, vector: usize, detector: &mut Detector) {
        let modes = self.layout.modes();
        let output = self.tables.output.get_mut(2 * modes * vector..);
        let pairs = output.unwrap_or_default().chunks_exact_mut(2);
        for (pair, wave) in pairs.zip(self.tables.waves.iter()).take(modes) {
            let signal = Signal {
                re: wave.re << (SIGNAL_BITS - FIELD_BITS),
                im: wave.im << (SIGNAL_BITS - FIELD_BITS),
            };
            detector.measure(signal, &mut self.chance, pair);
        }
    }

    /// Multiplies the light with the matrix and measures it.
    fn multiply(&mut self, vector: usize, detector: &mut Detector) {
        let modes = self.layout.modes();
        let waves = self.tables.waves.get(..modes).unwrap_or_default();
        let output = self.tables.output.get_mut(2 * modes * vector..);
        let pairs = output.unwrap_or_default().chunks_exact_mut(2);
        for (pair, row) in pairs
            .zip(self.tables.factors.chunks_exact(modes.max(1)))
            .take(modes)
        {
            // 53 bits of fraction and 3 before.
            let sum = Wave::product(row, waves);
            let drop = 30 + MODULATOR_BITS - SIGNAL_BITS;
            let signal = Signal {
                re: rounded(sum.re, drop),
                im: rounded(sum.im, drop),
            };
            detector.measure(signal, &mut self.chance, pair);
        }
    }

    /// Makes the matrix: what comes of each input alone.
    fn make_matrix(&mut self) {
        let modes = self.layout.modes();
        let all = modes * modes;
        let kept = self.kept;
        let tables = &mut self.tables;
        let Some((matrix, screen)) = tables.factors.split_at_mut_checked(all) else {
            return;
        };
        let waves = tables.waves.get_mut(..modes).unwrap_or_default();
        for input in 0..modes {
            waves.fill(Wave::DARK);
            if let Some(wave) = waves.get_mut(input) {
                wave.re = 1 << SINGLE_BITS;
            }
            pass::<false>(self.layout, &mut tables.crossings, screen, 0, waves);
            for (row, wave) in matrix.chunks_exact_mut(modes.max(1)).zip(waves.iter()) {
                let wave = wave.times(kept);
                if let Some(factor) = row.get_mut(input) {
                    factor.re = rounded(wave.re, SINGLE_BITS - 30) as i32;
                    factor.im = rounded(wave.im, SINGLE_BITS - 30) as i32;
                }
            }
        }
        self.cache.matrix = true;
    }

    /// Measures the powers at the crossings.
    fn measure_taps(&mut self) {
        let all = self.layout.crossings();
        if self.chip.tap != 0 || self.chip.tap_ppm != 0 {
            for crossing in self.tables.crossings.iter_mut().take(all) {
                crossing.measure(&self.chip, &mut self.chance);
            }
        }
    }
}

/// The amplitude that is left at the outputs.
pub(super) fn kept(chip: &super::Chip, columns: usize) -> Factor {
    let mut kept = Kept::new(chip.loss);
    for _ in 0..columns {
        kept.column();
    }
    Factor {
        re: kept.amplitude() as i32,
        im: 0,
    }
}
