// SPDX-License-Identifier: GPL-2.0

//! Least squares, one column after the other, in the order of the light.
//!
//! A column is fitted to its taps with the fields that the columns before it lead to it, as far
//! as they are known by then. Its crossings have parameters of their own and share some with the
//! others, crosstalk above all; what earlier columns said of it counts for the later ones.

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use num_complex::Complex64;

use super::chip::{places, Chip};
use super::equations::{
    place_of, Gram, Site, COMMON, DARK, EMPTY, GAIN, LOCAL, OWN, RESIDUAL, SCALE, SHARED,
};
use super::record::Record;
use crate::photonic::layout::CLASSES;

/// Deviation of a reading that the fit reckons with. Against what is known beforehand only.
const SIGMA: f64 = 1e-3;

/// How far parameters may be from what is known beforehand: deviations. 0 holds them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Freedom {
    pub(super) offset: f64,
    pub(super) efficiency: f64,
    pub(super) splitter: f64,
    pub(super) crosstalk: f64,
    pub(super) gain: f64,
    pub(super) scale: f64,
}

impl Freedom {
    /// Everything is to be found.
    pub(super) const ALL: Self = Self {
        offset: 10.0,
        efficiency: 0.15,
        splitter: 0.05,
        crosstalk: 0.02,
        gain: 0.3,
        scale: 0.0,
    };
    /// Only what temperature and wavelength change.
    pub(super) const AGAIN: Self = Self {
        offset: 10.0,
        efficiency: 0.0,
        splitter: 0.0,
        crosstalk: 0.0,
        gain: 0.3,
        scale: 0.05,
    };
}

/// What has been found of the shared parameters: normal equations about their values.
#[derive(Clone, Debug)]
pub(super) struct Knowledge {
    information: [[f64; SHARED]; SHARED],
    mean: [f64; SHARED],
}

impl Knowledge {
    pub(super) fn new(freedom: &Freedom, chip: &Chip) -> Self {
        let mut information = [[0.0; SHARED]; SHARED];
        let mut mean = [0.0; SHARED];
        for (class, row) in information.iter_mut().enumerate().take(CLASSES) {
            row[class] = weight(freedom.crosstalk);
        }
        if freedom.crosstalk == 0.0 {
            mean[..CLASSES].copy_from_slice(&chip.crosstalk);
        }
        information[SCALE][SCALE] = weight(freedom.scale);
        mean[SCALE] = chip.scale;
        Self { information, mean }
    }
}

/// The information of a deviation in units of a reading's.
fn weight(deviation: f64) -> f64 {
    if deviation > 0.0 {
        (SIGMA / deviation).powi(2)
    } else {
        1e15
    }
}

/// A pass over the columns with a set of measurements.
pub(super) struct Sweep<'a> {
    pub(super) chip: &'a mut Chip,
    records: &'a [Record],
    /// Of each record and input: the field before the column that is next.
    fields: Vec<Vec<Vec<Complex64>>>,
    /// The same before the attenuators, once they are passed.
    attenuated: Vec<Vec<Vec<Complex64>>>,
    knowledge: &'a mut Knowledge,
    pub(super) freedom: Freedom,
    nominal: f64,
}

/// How the last step of a crossing went.
#[derive(Debug, Default)]
struct Trial {
    damping: f64,
    /// Where it started from.
    before: Option<Box<Gram>>,
    step: [f64; LOCAL],
}

/// How the last step of what crossings share went.
#[derive(Debug, Default)]
struct Common {
    damping: f64,
    /// Sum of the squares where it started from.
    before: Option<f64>,
    step: [f64; SHARED],
}

impl Trial {
    /// Judges the last step by the sums behind it. Returns those before it and the step if that
    /// made things worse, or if all steps are `undone`.
    fn judge(&mut self, gram: &Gram, undone: bool) -> Option<(Box<Gram>, [f64; LOCAL])> {
        let cost = gram[RESIDUAL][RESIDUAL];
        // Shared parameters move too, which may cost a little.
        let worse = |before: f64| undone || cost > 1.2 * before;
        if let Some(before) = self
            .before
            .take_if(|before| worse(before[RESIDUAL][RESIDUAL]))
        {
            self.damping = (self.damping * 10.0).max(1e-3);
            return Some((before, self.step));
        }
        self.damping /= 10.0;
        self.before = Some(Box::new(*gram));
        None
    }
}

impl<'a> Sweep<'a> {
    /// A pass from the inputs on.
    pub(super) fn new(
        chip: &'a mut Chip,
        records: &'a [Record],
        knowledge: &'a mut Knowledge,
        freedom: Freedom,
        nominal: f64,
    ) -> Self {
        let fields = records.iter().map(|record| record.inputs.clone()).collect();
        Self {
            chip,
            records,
            fields,
            attenuated: Vec::new(),
            knowledge,
            freedom,
            nominal,
        }
    }

    /// Sends the light through a column.
    pub(super) fn pass(&mut self, column: usize) {
        if column == self.chip.layout().attenuators() {
            self.attenuated.clone_from(&self.fields);
        }
        for (record, fields) in self.records.iter().zip(&mut self.fields) {
            self.chip
                .pass(column, &record.drive, record.temperature, fields);
        }
    }

    /// Sends the light through the attenuators again and on to `column`: they have changed.
    fn pass_again(&mut self, column: usize) {
        self.fields = std::mem::take(&mut self.attenuated);
        for before in self.chip.layout().attenuators()..column {
            self.pass(before);
        }
    }

    /// The fields before the next column, of each record and input.
    pub(super) fn fields(&self) -> &[Vec<Vec<Complex64>>] {
        &self.fields
    }

    /// Fits a column, in `rounds` steps of Levenberg and Marquardt.
    pub(super) fn fit(&mut self, column: usize, rounds: usize) {
        let crossings: Vec<_> = places(self.chip.layout().column(column)).collect();
        if crossings.is_empty() {
            return;
        }
        let shows = crossings
            .iter()
            .any(|&(_, top)| self.arms(column, top) != [None; 2]);
        let mut shared = Common::default();
        let mut trials: Vec<_> = crossings.iter().map(|_| Trial::default()).collect();
        for round in 0..rounds {
            if shows && round > 0 {
                self.pass_again(column);
            }
            let mut grams: Vec<_> = crossings
                .iter()
                .map(|&(crossing, top)| self.gram(column, crossing, top))
                .collect();
            let cost = grams.iter().map(|gram| gram[RESIDUAL][RESIDUAL]).sum();
            let undone = self.judge(cost, &mut shared);
            for ((&(crossing, top), trial), gram) in
                crossings.iter().zip(&mut trials).zip(&mut grams)
            {
                if let Some((before, step)) = trial.judge(gram, undone) {
                    self.move_local(column, crossing, top, &step.map(|x| -x));
                    *gram = *before;
                }
            }
            let last = round + 1 == rounds;
            if self
                .step(column, &crossings, &grams, &mut trials, &mut shared, last)
                .is_none()
            {
                break;
            }
        }
        if shows {
            self.pass_again(column);
        }
    }

    /// Judges the last step of a column as a whole: whether it was undone, and all is to be.
    fn judge(&mut self, cost: f64, common: &mut Common) -> bool {
        let worse = common.before.take_if(|before| cost > 1.2 * *before);
        if worse.is_some() {
            common.damping = (common.damping * 10.0).max(1e-2);
            self.move_shared(&common.step.map(|x| -x));
            return true;
        }
        common.damping /= 10.0;
        common.before = Some(cost);
        false
    }

    /// One step. `None` where the equations have no solution.
    fn step(
        &mut self,
        column: usize,
        crossings: &[(usize, usize)],
        grams: &[Gram],
        trials: &mut [Trial],
        common: &mut Common,
        last: bool,
    ) -> Option<()> {
        let shared = crossings.len() * LOCAL;
        let rank = shared + SHARED;
        let mut normal = Mat::<f64>::zeros(rank, rank);
        let mut right = Mat::<f64>::zeros(rank, 1);
        for (nth, gram) in grams.iter().enumerate() {
            let places: Vec<_> = (0..LOCAL)
                .map(|i| (place_of(i), nth * LOCAL + i))
                .chain((0..SHARED).map(|i| (COMMON + i, shared + i)))
                .collect();
            for &(i, row) in &places {
                for &(j, column) in &places {
                    normal[(row, column)] += gram[i.min(j)][i.max(j)];
                }
                right[(row, 0)] += gram[i.min(RESIDUAL)][i.max(RESIDUAL)];
            }
        }
        for (nth, &(crossing, _)) in crossings.iter().enumerate() {
            for (i, (weight, pull)) in self.local_priors(column, crossing).into_iter().enumerate() {
                let at = nth * LOCAL + i;
                normal[(at, at)] +=
                    weight + trials[nth].damping * grams[nth][place_of(i)][place_of(i)];
                right[(at, 0)] += weight * pull;
            }
            if column == self.chip.layout().attenuators() {
                // Powers change with the square of these: steps near 0 would be too long.
                for i in [4, 5] {
                    normal[(nth * LOCAL + i, nth * LOCAL + i)] += weight(0.02);
                }
            }
        }
        self.shared_priors(shared, &mut normal, &mut right);
        for i in shared..rank {
            normal[(i, i)] *= 1.0 + common.damping;
        }
        let solver = normal.llt(Side::Lower).ok()?;
        let step = solver.solve(&right);
        for (nth, &(crossing, top)) in crossings.iter().enumerate() {
            let limits = [0.5, f64::MAX, 0.5, f64::MAX, 0.05, 0.05];
            let local: [f64; LOCAL] = std::array::from_fn(|i| {
                let limit = limits.get(i).copied().unwrap_or(f64::MAX);
                step[(nth * LOCAL + i, 0)].clamp(-limit, limit)
            });
            self.move_local(column, crossing, top, &local);
            trials[nth].step = local;
        }
        let moved: [f64; SHARED] = std::array::from_fn(|i| step[(shared + i, 0)]);
        self.move_shared(&moved);
        common.step = moved;
        if last {
            // The lower right corner of the factor is that of the shared parameters alone.
            let factor = solver.L();
            self.learn(|i, j| factor[(shared + i, shared + j)]);
        }
        Some(())
    }

    /// The sums of a crossing over all readings of its taps.
    fn gram(&self, column: usize, crossing: usize, top: usize) -> Gram {
        let chip = &*self.chip;
        let layout = chip.layout();
        let heaters = [layout.theta(crossing), layout.phi(crossing)];
        let attenuator = column == layout.attenuators();
        let arms = self.arms(column, top);
        let mut gram = EMPTY;
        for (record, fields) in self.records.iter().zip(&self.fields) {
            // Heaters at rest tell little, and were so in half of all measurements.
            if heaters.iter().all(|&channel| record.drive[channel] == 0.0) {
                continue;
            }
            let site = Site::new(chip, record, crossing, arms);
            for (field, taps) in fields.iter().zip(&record.taps) {
                let bottom = if attenuator { DARK } else { field[top + 1] };
                site.add([field[top], bottom], taps[crossing], &mut gram);
            }
        }
        gram
    }

    /// The attenuators whose phases the arms of a crossing are the first to show.
    fn arms(&self, column: usize, top: usize) -> [Option<usize>; 2] {
        let layout = self.chip.layout();
        let attenuators = layout.attenuators();
        let shows = |mode: usize| {
            // The last of an odd number of modes has no crossing in the first column.
            let odd = layout.modes() % 2 == 1 && mode + 1 == layout.modes();
            column == attenuators + 1 + usize::from(odd)
        };
        [top, top + 1].map(|mode| {
            let shown = mode < layout.modes() && column > attenuators && shows(mode);
            shown
                .then(|| layout.crossing_at(attenuators, mode))
                .flatten()
        })
    }

    /// Of each parameter of a crossing: its weight, and how far it is from where it should be.
    fn local_priors(&self, column: usize, crossing: usize) -> [(f64, f64); LOCAL] {
        let chip = &*self.chip;
        let layout = chip.layout();
        let (theta, phi) = (layout.theta(crossing), layout.phi(crossing));
        let free = &self.freedom;
        let mut priors = [(1e15, 0.0); LOCAL];
        priors[0] = (weight(free.offset), 0.0);
        priors[1] = (
            weight(free.efficiency * self.nominal),
            self.nominal - chip.efficiency[theta],
        );
        priors[4] = (weight(free.splitter), -chip.alpha[crossing]);
        priors[5] = (weight(free.splitter), -chip.beta[crossing]);
        // What an attenuator does to the phase shows in the next columns only.
        if column != layout.attenuators() {
            priors[2] = priors[0];
            priors[3] = (priors[1].0, self.nominal - chip.efficiency[phi]);
        }
        for output in 0..2 {
            priors[GAIN + output] = (weight(free.gain), 1.0 - chip.gain[crossing][output]);
        }
        if free.efficiency == 0.0 {
            priors[1].1 = 0.0;
            priors[3].1 = 0.0;
        }
        if free.splitter == 0.0 {
            priors[4].1 = 0.0;
            priors[5].1 = 0.0;
        }
        let top = layout.place(crossing).map_or(0, |(_, top)| top);
        for (arm, before) in self.arms(column, top).into_iter().enumerate() {
            let Some(before) = before else { continue };
            if free.efficiency > 0.0 {
                let efficiency = chip.efficiency[layout.phi(before)];
                priors[OWN + 2 * arm] = (priors[1].0, self.nominal - efficiency);
            }
            if free.splitter > 0.0 {
                let mean = (chip.alpha[before] + chip.beta[before]) / 2.0;
                priors[OWN + 1 + 2 * arm] = (weight(free.splitter), -mean);
            }
        }
        priors
    }

    fn shared_priors(&self, at: usize, normal: &mut Mat<f64>, right: &mut Mat<f64>) {
        let values = self.shared();
        let known = &*self.knowledge;
        for i in 0..SHARED {
            for j in 0..SHARED {
                normal[(at + i, at + j)] += known.information[i][j];
                right[(at + i, 0)] += known.information[i][j] * (known.mean[j] - values[j]);
            }
        }
    }

    fn shared(&self) -> [f64; SHARED] {
        let mut values = [0.0; SHARED];
        values[..CLASSES].copy_from_slice(&self.chip.crosstalk);
        values[SCALE] = self.chip.scale;
        values
    }

    fn move_local(&mut self, column: usize, crossing: usize, top: usize, step: &[f64; LOCAL]) {
        let arms = self.arms(column, top);
        let chip = &mut *self.chip;
        let layout = chip.layout();
        let (theta, phi) = (layout.theta(crossing), layout.phi(crossing));
        chip.offset[theta] += step[0];
        chip.efficiency[theta] += step[1];
        chip.offset[phi] += step[2];
        chip.efficiency[phi] += step[3];
        chip.alpha[crossing] += step[4];
        chip.beta[crossing] += step[5];
        for (gain, step) in chip.gain[crossing].iter_mut().zip(&step[GAIN..]) {
            *gain += step;
        }
        for (arm, before) in arms.into_iter().enumerate() {
            if let Some(before) = before {
                chip.efficiency[layout.phi(before)] += step[OWN + 2 * arm];
                chip.alpha[before] += step[OWN + 1 + 2 * arm];
                chip.beta[before] += step[OWN + 1 + 2 * arm];
            }
        }
    }

    fn move_shared(&mut self, step: &[f64; SHARED]) {
        for (value, step) in self.chip.crosstalk.iter_mut().zip(step) {
            *value += step;
        }
        self.chip.scale += step[SCALE];
    }

    /// Keeps what is known of the shared parameters, by the factor of their equations.
    fn learn(&mut self, factor: impl Fn(usize, usize) -> f64) {
        for i in 0..SHARED {
            for j in 0..SHARED {
                let product = |k| factor(i, k) * factor(j, k);
                self.knowledge.information[i][j] = (0..=i.min(j)).map(product).sum();
            }
        }
        self.knowledge.mean = self.shared();
    }
}
