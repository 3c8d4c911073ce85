// SPDX-License-Identifier: GPL-2.0

//! The screen and the transmission, by the phases and amplitudes of the outputs.

use num_complex::Complex64;

use super::chip::Chip;
use super::record::Record;

/// What was found of one mode.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) offset: f64,
    pub(super) efficiency: f64,
    /// Amplitude of the output over that of the field.
    pub(super) transmission: f64,
    /// Mean square of what is left, and of the outputs.
    pub(super) left: f64,
    pub(super) power: f64,
    /// What would be left if the heater did nothing.
    pub(super) left_dead: f64,
}

/// Finds offset and efficiency of a mode from the fields before the screen.
///
/// `range` is how far the efficiency may be from the known one, as a share of it; 0 holds it.
pub(super) fn find(
    chip: &Chip,
    records: &[Record],
    fields: &[Vec<Vec<Complex64>>],
    mode: usize,
    range: f64,
) -> Option<Found> {
    let channel = chip.layout().screen(mode);
    // Of each setting: drive, sum of y f*, sums of |f|² and |y|².
    let mut sums = Vec::with_capacity(records.len());
    let (mut light, mut power, mut count) = (0.0, 0.0, 0.0);
    for (record, fields) in records.iter().zip(fields) {
        let known = chip.phase(channel, &record.drive, record.temperature)
            - chip.offset[channel]
            - chip.heat(channel, &record.drive);
        let turn = Complex64::from_polar(1.0, -known);
        let mut product = Complex64::new(0.0, 0.0);
        for (field, output) in fields.iter().zip(&record.outputs) {
            product += output[mode] * field[mode].conj() * turn;
            light += field[mode].norm_sqr();
            power += output[mode].norm_sqr();
            count += 1.0;
        }
        sums.push((record.drive[channel] * chip.scale, product));
    }
    if light == 0.0 || count == 0.0 {
        return None;
    }
    let whole = |efficiency: f64| -> Complex64 {
        sums.iter()
            .map(|(drive, product)| product * Complex64::from_polar(1.0, -efficiency * drive))
            .sum()
    };
    let efficiency = peak(chip.efficiency[channel], range, |k| whole(k).norm_sqr());
    let sum = whole(efficiency);
    let left = |sum: Complex64| ((power - sum.norm_sqr() / light) / count).max(0.0);
    Some(Found {
        offset: sum.arg(),
        efficiency,
        transmission: sum.norm() / light,
        left: left(sum),
        power: power / count,
        left_dead: left(whole(0.0)),
    })
}

/// Where a function is greatest, about a known place.
fn peak(known: f64, range: f64, value: impl Fn(f64) -> f64) -> f64 {
    let (mut best, mut width) = (known, known * range);
    if range == 0.0 {
        return known;
    }
    for _ in 0..7 {
        let middle = best;
        best = (-20..=20)
            .map(|step| middle + width * f64::from(step) / 20.0)
            .max_by(|a, b| value(*a).total_cmp(&value(*b)))
            .unwrap_or(middle);
        width /= 8.0;
    }
    best
}
