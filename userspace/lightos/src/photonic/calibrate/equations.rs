// SPDX-License-Identifier: GPL-2.0

//! The equations of a crossing: how the readings of its taps change with its parameters.

use num_complex::Complex64;

use super::chip::Chip;
use super::crossing::{Crossing, Passage};
use super::record::{cut, Record};
use crate::photonic::layout::CLASSES;

pub(super) const DARK: Complex64 = Complex64::new(0.0, 0.0);
const I: Complex64 = Complex64::new(0.0, 1.0);
/// Parameters of a crossing: offset and efficiency of θ, of φ, α, β, gains of its taps; then, of each of its two
/// arms, efficiency of φ and half the sum of α and β of the attenuator that light comes from.
pub(super) const LOCAL: usize = OWN + 4;
pub(super) const OWN: usize = 8;
/// Where the gains are.
pub(super) const GAIN: usize = 6;
/// Parameters that crossings share: crosstalk, factor of the heaters.
pub(super) const SHARED: usize = CLASSES + 1;
pub(super) const SCALE: usize = CLASSES;
/// One line of the equations: derivatives and residual. What few crossings have comes last.
const LINE: usize = ARMS + 4;
pub(super) const COMMON: usize = OWN;
pub(super) const RESIDUAL: usize = COMMON + SHARED;
const ARMS: usize = RESIDUAL + 1;

/// Where a parameter of a crossing is in a line.
pub(super) const fn place_of(local: usize) -> usize {
    if local < OWN {
        local
    } else {
        ARMS + local - OWN
    }
}

/// Sums over the readings of one crossing: the upper half of the products of their lines.
pub(super) type Gram = [[f64; LINE]; LINE];
/// Without a reading.
pub(super) const EMPTY: Gram = [[0.0; LINE]; LINE];

/// A crossing under one setting of the heaters.
pub(super) struct Site {
    through: Crossing,
    gain: [f64; 2],
    /// What the efficiencies of θ and φ are multiplied by.
    drive: [f64; 2],
    /// What the neighbours of both do, by class.
    around: [[f64; CLASSES]; 2],
    /// What all heaters do to both phases, where the factor of the heaters is 1.
    hot: [f64; 2],
    /// Of the attenuators that the arms show: what the efficiency of φ is multiplied by, and the
    /// relative change of the field with α and β.
    arms: [Option<(f64, Complex64)>; 2],
}

impl Site {
    /// A crossing during a measurement, whose arms are the first to show what the
    /// attenuators `arms` do to phases.
    pub(super) fn new(
        chip: &Chip,
        record: &Record,
        crossing: usize,
        arms: [Option<usize>; 2],
    ) -> Self {
        let (layout, drive) = (chip.layout(), &record.drive);
        let heaters = [layout.theta(crossing), layout.phi(crossing)];
        let around = heaters.map(|channel| chip.heat_around(channel, drive));
        let [theta, phi] = std::array::from_fn(|i| {
            chip.phase_with(heaters[i], drive, &around[i], record.temperature)
        });
        let hot = |i: usize| {
            let shares = around[i].iter().zip(&chip.crosstalk);
            let crosstalk: f64 = shares.map(|(heat, share)| heat * share).sum();
            (chip.heat(heaters[i], drive) + crosstalk) / chip.scale
        };
        let arm = |attenuator: usize| {
            let before = chip.crossing(attenuator, drive, record.temperature);
            let one = before.passage([Complex64::new(1.0, 0.0), DARK]);
            let power = one.out[0].norm_sqr().max(1e-6);
            let slope = (one.by[2][0] + one.by[3][0]) * one.out[0].conj() / power;
            (drive[layout.phi(attenuator)] * chip.scale, slope)
        };
        Self {
            through: Crossing::new(theta, phi, chip.alpha[crossing], chip.beta[crossing]),
            gain: chip.gain[crossing],
            drive: heaters.map(|channel| drive[channel] * chip.scale),
            hot: [hot(0), hot(1)],
            around,
            arms: arms.map(|attenuator| attenuator.map(arm)),
        }
    }

    /// Adds the readings of both taps, as far as they were not cut, for fields before the crossing.
    pub(super) fn add(&self, fields: [Complex64; 2], taps: [f64; 2], gram: &mut Gram) {
        let passage = self.through.passage(fields);
        let used = if self.arms.iter().all(Option::is_none) {
            ARMS
        } else {
            LINE
        };
        for (output, reading) in taps.into_iter().enumerate() {
            let predicted = self.gain[output] * passage.out[output].norm_sqr();
            if !cut(reading, predicted) {
                let mut line = self.line(&passage, output);
                self.write_arms(&passage, fields, output, &mut line);
                line[RESIDUAL] = reading - predicted;
                add(gram, &line, used);
            }
        }
    }

    fn line(&self, passage: &Passage, output: usize) -> [f64; LINE] {
        let by = passage
            .by
            .map(|change| self.gain[output] * power_by(passage.out, change, output));
        let mut line = [0.0; LINE];
        line[0] = by[0];
        line[1] = by[0] * self.drive[0];
        line[2] = by[1];
        line[3] = by[1] * self.drive[1];
        line[4] = by[2];
        line[5] = by[3];
        for class in 0..CLASSES {
            line[COMMON + class] = by[0] * self.around[0][class] + by[1] * self.around[1][class];
        }
        line[GAIN + output] = passage.out[output].norm_sqr();
        line[COMMON + SCALE] = by[0] * self.hot[0] + by[1] * self.hot[1];
        line
    }

    fn write_arms(
        &self,
        passage: &Passage,
        fields: [Complex64; 2],
        output: usize,
        line: &mut [f64; LINE],
    ) {
        for (arm, shown) in self.arms.iter().enumerate() {
            let Some((drive, slope)) = *shown else {
                continue;
            };
            let by = |factor: Complex64| {
                let mut change = [DARK; 2];
                change[arm] = factor * fields[arm];
                self.gain[output] * power_by(passage.out, self.through.pass(change), output)
            };
            line[ARMS + 2 * arm] = by(I) * drive;
            line[ARMS + 2 * arm + 1] = by(slope);
        }
    }
}

/// How the power of an output changes with its field.
fn power_by(out: [Complex64; 2], change: [Complex64; 2], output: usize) -> f64 {
    2.0 * (out[output].conj() * change[output]).re
}

/// Adds the upper half of a line's square, as far as the line is used.
fn add(gram: &mut Gram, line: &[f64; LINE], used: usize) {
    let line = &line[..used];
    for (i, row) in gram[..used].iter_mut().enumerate() {
        let value = line[i];
        for (sum, other) in row[i..used].iter_mut().zip(&line[i..]) {
            *sum += value * other;
        }
    }
}
