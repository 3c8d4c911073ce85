// SPDX-License-Identifier: GPL-2.0

//! What to measure: settings of the heaters, and inputs that bring light where it is wanted.

use num_complex::Complex64;

use super::chip::{places, Chip};
use super::probe::Info;

/// A stream of numbers that look random: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 0 or more, less than 1.
    pub(super) fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number of length `length` and any phase.
    pub(super) fn turn(&mut self, length: f64) -> Complex64 {
        Complex64::from_polar(length, std::f64::consts::TAU * self.share())
    }

    /// One number from each of `count` equal parts of 0 to 1, in any order.
    pub(super) fn strata(&mut self, count: usize) -> Vec<f64> {
        let mut values: Vec<f64> = (0..count)
            .map(|part| (part as f64 + self.share()) / count as f64)
            .collect();
        for last in (1..count).rev() {
            values.swap(last, (self.share() * (last + 1) as f64) as usize);
        }
        values
    }
}

/// How a pair of modes is lit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lit {
    /// The upper mode alone.
    Top,
    /// Both as brightly, in phase.
    Both,
    /// Both as brightly, the lower a quarter of a turn ahead.
    Quarter,
}

/// Codes of all channels below `until`, one row a setting. The others are 0.
pub(super) fn codes(
    info: &Info,
    chance: &mut Chance,
    channels: usize,
    until: usize,
    settings: usize,
) -> Vec<Vec<u32>> {
    let mut rows = vec![vec![0; channels]; settings];
    for channel in 0..until {
        for (row, share) in rows.iter_mut().zip(chance.strata(settings)) {
            row[channel] = info.code(share * info.drive_limit());
        }
    }
    rows
}

/// The inputs that light all crossings of a column alike, as far as the columns before it are
/// known, as the modulators can put them out.
pub(super) fn input(
    chip: &Chip,
    info: &Info,
    chance: &mut Chance,
    column: usize,
    drive: &[f64],
    temperature: f64,
    lit: Lit,
) -> Vec<Complex64> {
    const TRIES: usize = 6;
    let mut fields: Vec<_> = (0..TRIES)
        .map(|_| wanted(chip, chance, column, lit))
        .collect();
    chip.back(column, drive, temperature, &mut fields);
    let peak = |field: &Vec<Complex64>| field.iter().map(|x| x.norm_sqr()).fold(0.0, f64::max);
    let best = fields
        .into_iter()
        .min_by(|a, b| peak(a).total_cmp(&peak(b)))
        .unwrap_or_default();
    // As bright as wanted if the inputs can do it.
    let factor = (0.98 / peak(&best).sqrt().max(1e-9)).min(1.0);
    best.iter().map(|x| info.modulated(x * factor)).collect()
}

/// The field that is wanted before a column; whole crossings have random phases.
fn wanted(chip: &Chip, chance: &mut Chance, column: usize, lit: Lit) -> Vec<Complex64> {
    let layout = chip.layout();
    let mut field = vec![Complex64::new(0.0, 0.0); layout.modes()];
    for (_, top) in places(layout.column(column)) {
        if column == layout.attenuators() {
            field[top] = chance.turn(0.92);
            continue;
        }
        // Neither output gets more than a full input.
        let (length, ahead) = match lit {
            Lit::Top => (0.92, Complex64::new(0.0, 0.0)),
            Lit::Both => (0.65, Complex64::new(1.0, 0.0)),
            Lit::Quarter => (0.65, Complex64::new(0.0, 1.0)),
        };
        field[top] = chance.turn(length);
        field[top + 1] = field[top] * ahead;
    }
    field
}

/// An input of equal amplitudes and random phases.
pub(super) fn even(info: &Info, chance: &mut Chance, amplitude: f64) -> Vec<Complex64> {
    (0..info.modes)
        .map(|_| info.modulated(chance.turn(amplitude)))
        .collect()
}
