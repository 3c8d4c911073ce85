// SPDX-License-Identifier: GPL-2.0

//! The course of a calibration.

use std::ops::Range;

use num_complex::Complex64;

use super::chip::{places, Chip};
use super::error::{Error, Output};
use super::plan::{self, Chance, Lit};
use super::probe::{Info, Probe, Shot};
use super::record::{cut, Record, CUT};
use super::screen;
use super::seed::{self, Fringe, Reading};
use super::sweep::{Freedom, Knowledge, Sweep};
use crate::photonic::layout::Layout;

/// What to measure, and how well.
#[derive(Clone, Debug)]
pub struct Options {
    /// Settings of the heaters for each column; each is measured with three inputs.
    pub settings: usize,
    /// Random programs of the whole chip at the end.
    pub programs: usize,
    /// Inputs for each of them, 1 to 64.
    pub inputs: usize,
    /// The same for each further temperature or wavelength.
    pub programs_again: usize,
    /// Measurements that each value is the mean of, 1 to 256.
    pub averages: u32,
    /// How many degrees to warm the die for the temperature coefficients; `None`: they stay 0.
    pub warmer: Option<f64>,
    /// The wavelengths to calibrate besides number 0.
    pub wavelengths: Vec<usize>,
    /// The greatest rms residual of a channel, where 1 is the power of a full input.
    pub residual_limit: f64,
    /// Passes over all that was measured.
    pub passes: usize,
    /// What the settings are drawn from.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            settings: 24,
            programs: 160,
            inputs: 4,
            programs_again: 60,
            averages: 1,
            warmer: None,
            wavelengths: Vec::new(),
            residual_limit: 0.005,
            passes: 2,
            seed: 1,
        }
    }
}

/// What another wavelength changes.
#[derive(Clone, Debug)]
pub struct Wavelength {
    /// Its number.
    pub index: usize,
    /// Factor of what heaters do.
    pub scale: f64,
    /// What is added to the offset of each channel, in radians.
    pub delta: Vec<f64>,
}

/// A chip as it was measured.
#[derive(Clone, Debug)]
pub struct Calibration {
    /// What the processor says of itself.
    pub info: Info,
    /// What was found at wavelength 0.
    pub chip: Chip,
    /// What other wavelengths change.
    pub wavelengths: Vec<Wavelength>,
    /// Of each channel: rms of what its taps or its output differ from what was found, where 1 is
    /// the power or amplitude of a full input.
    pub residuals: Vec<f64>,
    /// Rms of the same over all outputs: amplitudes.
    pub residual: f64,
    /// Settings of the heaters that were measured.
    pub shots: usize,
    /// Inputs that were measured, all settings together.
    pub inputs: usize,
}

/// Calibrates a processor.
///
/// # Errors
///
/// [`Error`]: nothing is returned that the measurements do not bear out.
pub fn calibrate<P: Probe>(probe: &mut P, options: &Options) -> Result<Calibration, Error> {
    let mut work = Work::new(probe, options)?;
    work.light()?;
    let columns = work.chip.layout().columns();
    for column in 0..columns {
        work.column(column)?;
    }
    work.whole()?;
    work.warm()?;
    let wavelengths = work.wavelengths()?;
    work.finish(wavelengths)
}

/// A calibration under way.
struct Work<'a, P> {
    probe: &'a mut P,
    options: &'a Options,
    info: Info,
    chip: Chip,
    knowledge: Knowledge,
    /// The same before the attenuators.
    before: Knowledge,
    records: Vec<Record>,
    chance: Chance,
    temperature: f64,
    shots: usize,
    inputs: usize,
}

impl<'a, P: Probe> Work<'a, P> {
    fn new(probe: &'a mut P, options: &'a Options) -> Result<Self, Error> {
        let info = probe.info();
        let layout =
            Layout::new(info.modes).ok_or_else(|| Error::Info(format!("{} modes", info.modes)))?;
        let chip = Chip::nominal(&info, layout);
        let knowledge = Knowledge::new(&Freedom::ALL, &chip);
        Ok(Self {
            probe,
            options,
            before: knowledge.clone(),
            knowledge,
            info,
            chip,
            records: Vec::new(),
            chance: Chance::new(options.seed),
            temperature: 0.0,
            shots: 0,
            inputs: 0,
        })
    }

    fn layout(&self) -> Layout {
        self.chip.layout()
    }

    fn drive(&self, codes: &[u32]) -> Vec<f64> {
        codes.iter().map(|&code| self.info.drive(code)).collect()
    }

    fn measure(
        &mut self,
        codes: &[u32],
        wavelength: usize,
        inputs: Vec<Vec<Complex64>>,
    ) -> Result<Record, Error> {
        let settings: Vec<_> = codes
            .iter()
            .enumerate()
            .filter(|(_, &code)| code != 0)
            .map(|(channel, &code)| (channel, code))
            .collect();
        let taps = 0..self.layout().crossings();
        let crossings = taps.len();
        let measurement = self.probe.probe(&Shot {
            settings: &settings,
            wavelength,
            inputs: &inputs,
            taps,
            averages: self.options.averages,
        })?;
        self.shots += 1;
        self.inputs += inputs.len();
        self.temperature = measurement.temperature;
        let whole = measurement.outputs.len() == inputs.len()
            && measurement.taps.len() == inputs.len()
            && measurement.taps.iter().all(|taps| taps.len() == crossings)
            && measurement
                .outputs
                .iter()
                .all(|outputs| outputs.len() == self.info.modes);
        let numbers = measurement.taps.iter().flatten().flatten().copied();
        let parts = measurement.outputs.iter().flatten();
        let mut numbers = numbers.chain(parts.flat_map(|z| [z.re, z.im]));
        if !whole || !numbers.all(f64::is_finite) {
            return Err(Error::Incomplete);
        }
        Ok(Record {
            drive: self.drive(codes),
            temperature: measurement.temperature,
            inputs,
            taps: measurement.taps,
            outputs: measurement.outputs,
        })
    }

    /// Looks whether there is light at all.
    fn light(&mut self) -> Result<(), Error> {
        let codes = vec![0; self.layout().channels()];
        let input = plan::even(&self.info, &mut self.chance, 0.5);
        let record = self.measure(&codes, 0, vec![input])?;
        let power: f64 = record.taps.iter().flatten().flatten().sum();
        // A quarter of a full input on each mode, in each column but the first it may be lost.
        if power < 0.01 * self.info.modes as f64 {
            return Err(Error::Dark);
        }
        Ok(())
    }

    /// Measures a column and finds its parameters.
    fn column(&mut self, column: usize) -> Result<(), Error> {
        let attenuators = self.layout().attenuators();
        if self.layout().column(column).count == 0 {
            return Ok(());
        }
        if column == attenuators {
            self.before = self.knowledge.clone();
        }
        let first = self.records.len();
        self.measure_column(column)?;
        let own = self.records.split_off(first);
        let shows = self.shows_attenuators(column);
        let resting = if shows { own.len() / 2 } else { own.len() };
        self.fit_first(&own[..resting], column, true)?;
        let guess = self.chip.clone();
        if shows {
            self.fit_first(&own, column, false)?;
        }
        self.records.extend(own);
        // Crosstalk is better known by then: what came before has to be fitted anew.
        if column == attenuators || shows {
            // Only here heaters of some classes of distance meet.
            for _ in 0..4 {
                self.knowledge = self.before.clone();
                self.refine(attenuators.saturating_sub(3)..column + 1);
            }
        } else if [1, 2, 4, 8].contains(&column) {
            self.knowledge = Knowledge::new(&Freedom::ALL, &self.chip);
            self.refine(0..column + 1);
        }
        let error = match self.check_column(column, first) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let (own, heaters) = (&self.records[first..], self.attenuators());
        let blamed = if shows {
            blame(&guess, own, heaters, self.channels(column))
        } else {
            None
        };
        Err(blamed.unwrap_or(error))
    }

    /// The channels of a column.
    fn channels(&self, column: usize) -> Range<usize> {
        let place = self.layout().column(column);
        2 * place.first..2 * (place.first + place.count)
    }

    /// The φ of the attenuators.
    fn attenuators(&self) -> impl Iterator<Item = usize> {
        let layout = self.layout();
        places(layout.column(layout.attenuators())).map(move |(crossing, _)| layout.phi(crossing))
    }

    /// Whether what was found of a column explains the measurements from number `first` on, more
    /// or less: crosstalk may not be known well yet. Then, whether the φ of attenuators do their
    /// work, if they show.
    fn check_column(&self, column: usize, first: usize) -> Result<(), Error> {
        let residuals = tap_residuals(&self.chip, &self.records[first..]);
        let limit = self.options.residual_limit.max(0.03);
        check(&residuals, self.channels(column), limit)?;
        if self.shows_attenuators(column) {
            self.check_heaters(self.attenuators())?;
        }
        Ok(())
    }

    /// Whether phases of attenuators show in a column that did not before.
    fn shows_attenuators(&self, column: usize) -> bool {
        let odd = self.info.modes % 2 == 1;
        let first = self.layout().attenuators() + 1;
        column == first || (odd && column == first + 1)
    }

    /// Fits a column to what was measured for its sake.
    fn fit_first(&mut self, own: &[Record], column: usize, seed: bool) -> Result<(), Error> {
        let nominal = self.info.nominal();
        let mut before = column;
        if seed {
            let mut knowledge = self.knowledge.clone();
            let mut sweep = Sweep::new(&mut self.chip, own, &mut knowledge, Freedom::ALL, nominal);
            (0..column).for_each(|before| sweep.pass(before));
            let fields = sweep.fields().to_vec();
            seed_column(&mut self.chip, own, &fields, column, nominal)?;
            if self.shows_attenuators(column) {
                // Its heaters warm the attenuators by crosstalk that no column had before.
                before = self.layout().attenuators();
            }
        }
        for columns in [before..column, column..column + 1] {
            let mut knowledge = self.knowledge.clone();
            let mut sweep = Sweep::new(&mut self.chip, own, &mut knowledge, Freedom::ALL, nominal);
            for column in 0..columns.end {
                if columns.contains(&column) {
                    sweep.fit(column, 10);
                }
                sweep.pass(column);
            }
            if columns.end > column {
                self.knowledge = knowledge;
            }
        }
        Ok(())
    }

    fn measure_column(&mut self, column: usize) -> Result<(), Error> {
        let layout = self.layout();
        let place = layout.column(column);
        let attenuator = column == layout.attenuators();
        let shows = self.shows_attenuators(column);
        let settings = self.options.settings * if attenuator || shows { 2 } else { 1 };
        let until = 2 * (place.first + place.count);
        let rows = plan::codes(
            &self.info,
            &mut self.chance,
            layout.channels(),
            until,
            settings,
        );
        let lit: &[Lit] = if attenuator {
            &[Lit::Top]
        } else {
            &[Lit::Top, Lit::Both, Lit::Quarter]
        };
        for (row, mut codes) in rows.into_iter().enumerate() {
            if column > layout.attenuators() {
                self.open_attenuators(&mut codes);
            }
            // How their φ follow their heaters is not known at first, but their heat is felt.
            if attenuator || (shows && row < settings / 2) {
                for (crossing, _) in places(layout.column(layout.attenuators())) {
                    codes[layout.phi(crossing)] = 0;
                }
            }
            let drive = self.drive(&codes);
            let inputs = lit
                .iter()
                .map(|&lit| {
                    let (chip, info) = (&self.chip, &self.info);
                    let chance = &mut self.chance;
                    plan::input(chip, info, chance, column, &drive, self.temperature, lit)
                })
                .collect();
            let record = self.measure(&codes, 0, inputs)?;
            self.records.push(record);
        }
        Ok(())
    }

    /// Lets half of the light or more through each attenuator.
    fn open_attenuators(&mut self, codes: &mut [u32]) {
        use std::f64::consts::{FRAC_PI_2, PI, TAU};
        let layout = self.layout();
        for (crossing, _) in places(layout.column(layout.attenuators())) {
            let channel = layout.theta(crossing);
            for _ in 0..20 {
                let wanted = FRAC_PI_2 + PI * self.chance.share();
                let heat = (wanted - self.chip.offset[channel]).rem_euclid(TAU);
                let drive = heat / self.chip.efficiency[channel];
                codes[channel] = self.info.code(drive);
                if drive <= self.info.drive_limit() {
                    break;
                }
            }
        }
    }

    /// Fits columns to all that was measured.
    fn refine(&mut self, columns: Range<usize>) {
        let attenuators = self.layout().attenuators();
        let mut sweep = Sweep::new(
            &mut self.chip,
            &self.records,
            &mut self.knowledge,
            Freedom::ALL,
            self.info.nominal(),
        );
        for column in 0..columns.end {
            if column >= columns.start {
                // Attenuators are not linear in their splitters even close to the solution.
                let rounds = if column == attenuators { 6 } else { 1 };
                sweep.fit(column, rounds);
            }
            sweep.pass(column);
        }
    }

    /// Fits everything to all that was measured.
    fn refine_all(&mut self, range: f64) -> Result<(), Error> {
        self.knowledge = Knowledge::new(&Freedom::ALL, &self.chip);
        self.refine(0..self.layout().columns());
        // The heat of the screen is felt in the last columns.
        let fields = fields_behind(&self.chip, &self.records);
        fit_screen(&mut self.chip, &self.records, &fields, range, &self.info)?;
        Ok(())
    }

    /// Measures random programs of the whole chip, and fits everything to them too.
    fn whole(&mut self) -> Result<(), Error> {
        let programs = self.programs(self.options.programs, 0)?;
        self.records.extend(programs);
        for pass in 0..self.options.passes.max(1) {
            self.refine_all(if pass == 0 { 0.25 } else { 0.02 })?;
        }
        Ok(())
    }

    fn programs(&mut self, count: usize, wavelength: usize) -> Result<Vec<Record>, Error> {
        let channels = self.layout().channels();
        let rows = plan::codes(&self.info, &mut self.chance, channels, channels, count);
        let mut records = Vec::with_capacity(count);
        for mut codes in rows {
            self.open_attenuators(&mut codes);
            let inputs = (0..self.options.inputs)
                .map(|_| plan::even(&self.info, &mut self.chance, 0.5))
                .collect();
            records.push(self.measure(&codes, wavelength, inputs)?);
        }
        Ok(records)
    }

    /// Finds the temperature coefficients from the same chip at another temperature.
    fn warm(&mut self) -> Result<(), Error> {
        self.chip.temperature = mean_temperature(&self.records);
        let Some(warmer) = self.options.warmer else {
            return Ok(());
        };
        let home = self.chip.temperature;
        self.probe.set_temperature(home + warmer)?;
        let records = self.programs(self.options.programs_again, 0)?;
        self.probe.set_temperature(home)?;
        let degrees = mean_temperature(&records) - home;
        if degrees.abs() < 1.0 {
            return Err(Error::Temperature { degrees, warmer });
        }
        let mut chip = self.chip.clone();
        self.fit_again(&mut chip, &records)?;
        self.chip.heat_tempco = (chip.scale / self.chip.scale - 1.0) / degrees;
        for channel in 0..chip.offset.len() {
            let change = turned(chip.offset[channel] - self.chip.offset[channel]);
            self.chip.tempco[channel] = change / degrees;
        }
        // The die was not always at the same temperature.
        self.refine_all(0.02)
    }

    /// Finds what other wavelengths change.
    fn wavelengths(&mut self) -> Result<Vec<Wavelength>, Error> {
        let mut found = Vec::new();
        // The last chip that was found, and the number of its wavelength.
        let mut last = (0, self.chip.clone());
        for &index in &self.options.wavelengths {
            if index == 0 || index >= self.info.wavelengths {
                return Err(Error::Info(format!(
                    "{} wavelengths, and {index} is to be calibrated besides 0",
                    self.info.wavelengths
                )));
            }
            let records = self.programs(self.options.programs_again, index)?;
            let mut chip = self.chip.clone();
            // Phases change in proportion to the wavelength: more or less.
            let share = index as f64 / f64::max(last.0 as f64, 1.0);
            chip.scale = 1.0 + (last.1.scale - 1.0) * share;
            for (channel, offset) in chip.offset.iter_mut().enumerate() {
                *offset += (last.1.offset[channel] - self.chip.offset[channel]) * share;
            }
            self.fit_again(&mut chip, &records)?;
            let offsets = chip.offset.iter_mut().zip(&self.chip.offset);
            let delta = offsets
                .map(|(offset, home)| {
                    *offset = home + turned(*offset - home);
                    *offset - home
                })
                .collect();
            found.push(Wavelength {
                index,
                scale: chip.scale,
                delta,
            });
            last = (index, chip);
        }
        Ok(found)
    }

    /// Fits offsets and what heaters do to other measurements of the same chip.
    fn fit_again(&self, chip: &mut Chip, records: &[Record]) -> Result<(), Error> {
        chip.temperature = mean_temperature(records);
        let freedom = Freedom::AGAIN;
        for rounds in [4, 1, 1] {
            let mut knowledge = Knowledge::new(&freedom, chip);
            let nominal = self.info.nominal();
            let mut sweep = Sweep::new(chip, records, &mut knowledge, freedom, nominal);
            for column in 0..self.layout().columns() {
                sweep.fit(column, rounds);
                sweep.pass(column);
            }
            let fields = fields_behind(chip, records);
            fit_screen(chip, records, &fields, 0.0, &self.info)?;
        }
        let residuals = self.residuals(chip, records)?;
        check(&residuals, 0..residuals.len(), self.options.residual_limit)
    }

    /// Of each channel: rms of what its taps or its output differ from what is known.
    fn residuals(&self, chip: &Chip, records: &[Record]) -> Result<Vec<f64>, Error> {
        let fields = fields_behind(chip, records);
        let screen = fit_screen(&mut chip.clone(), records, &fields, 0.0, &self.info)?;
        let mut residuals = tap_residuals(chip, records);
        residuals.extend(screen.iter().map(|square| square.sqrt()));
        Ok(residuals)
    }

    /// Whether heaters do about as much as they should.
    fn check_heaters(&self, mut channels: impl Iterator<Item = usize>) -> Result<(), Error> {
        let share = |channel: usize| self.chip.efficiency[channel] / self.info.nominal();
        match channels.find(|&channel| far(share(channel))) {
            None => Ok(()),
            Some(channel) => Err(Error::DeadHeater {
                channel,
                efficiency: share(channel),
                visibility: 1.0,
            }),
        }
    }

    /// Says how well everything fits.
    fn finish(self, wavelengths: Vec<Wavelength>) -> Result<Calibration, Error> {
        let residuals = self.residuals(&self.chip, &self.records)?;
        check(&residuals, 0..residuals.len(), self.options.residual_limit)?;
        self.check_heaters(0..residuals.len())?;
        let outputs = &residuals[2 * self.layout().crossings()..];
        let squares: f64 = outputs.iter().map(|residual| residual * residual).sum();
        let residual = (squares / self.info.modes as f64).sqrt();
        Ok(Calibration {
            info: self.info,
            chip: self.chip,
            wavelengths,
            residuals,
            residual,
            shots: self.shots,
            inputs: self.inputs,
        })
    }
}

/// Whether the residuals of some channels are within a limit.
fn check(residuals: &[f64], channels: Range<usize>, limit: f64) -> Result<(), Error> {
    let worst = channels.map(|channel| (channel, residuals[channel]));
    // A channel whose residual is no number is worse than any.
    let worst = worst.max_by(|(_, a), (_, b)| a.total_cmp(b));
    match worst {
        Some((channel, residual)) if residual.is_nan() || residual > limit => {
            Err(Error::Residual {
                channel,
                residual,
                limit,
            })
        }
        _ => Ok(()),
    }
}

/// Finds the one heater of some that is most likely to be broken: with which the measurements can
/// be explained best at `channels`, if it does less or more than it should. `None` if that explains
/// little.
fn blame(
    chip: &Chip,
    records: &[Record],
    heaters: impl Iterator<Item = usize>,
    channels: Range<usize>,
) -> Option<Error> {
    let mut trials = Vec::new();
    let squares = |chip: &Chip| -> f64 {
        let residuals = &tap_residuals(chip, records)[channels.clone()];
        residuals.iter().map(|residual| residual * residual).sum()
    };
    for channel in heaters {
        for share in [0.0, 0.2, 0.4, 0.6, 0.7, 1.3, 1.5] {
            let mut chip = chip.clone();
            chip.efficiency[channel] *= share;
            trials.push((squares(&chip), channel, share));
        }
    }
    let best = trials.into_iter().min_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 < 0.5 * squares(chip)).then_some(Error::DeadHeater {
        channel: best.1,
        efficiency: best.2,
        visibility: 1.0,
    })
}

/// Whether a heater does so much more or less than nominal, which is 1, that it is broken.
fn far(share: f64) -> bool {
    !(0.76..=1.24).contains(&share)
}

/// An angle without whole turns, as little from 0 as can be.
fn turned(angle: f64) -> f64 {
    use std::f64::consts::TAU;
    angle - (angle / TAU).round() * TAU
}

fn mean_temperature(records: &[Record]) -> f64 {
    let sum: f64 = records.iter().map(|record| record.temperature).sum();
    sum / records.len().max(1) as f64
}

/// The fields before the screen.
fn fields_behind(chip: &Chip, records: &[Record]) -> Vec<Vec<Vec<Complex64>>> {
    records
        .iter()
        .map(|record| {
            let mut fields = record.inputs.clone();
            for column in 0..chip.layout().columns() {
                chip.pass(column, &record.drive, record.temperature, &mut fields);
            }
            fields
        })
        .collect()
}

/// Fits the screen and the transmission. Returns the mean square residual of each output.
fn fit_screen(
    chip: &mut Chip,
    records: &[Record],
    fields: &[Vec<Vec<Complex64>>],
    range: f64,
    info: &Info,
) -> Result<Vec<f64>, Error> {
    let layout = chip.layout();
    let mut squares = Vec::with_capacity(layout.modes());
    let mut transmission = 0.0;
    for mode in 0..layout.modes() {
        let channel = layout.screen(mode);
        let found = screen::find(chip, records, fields, mode, range)
            .filter(|found| found.left.min(found.left_dead) < 0.25 * found.power)
            .ok_or(Error::DeadOutput { mode, channel })?;
        let share = found.efficiency / info.nominal();
        if range > 0.0 && (found.left_dead <= found.left || far(share)) {
            return Err(Error::DeadHeater {
                channel,
                efficiency: share,
                visibility: 1.0 - (found.left / found.power).sqrt(),
            });
        }
        chip.offset[channel] = found.offset;
        chip.efficiency[channel] = found.efficiency;
        transmission += found.transmission / layout.modes() as f64;
        squares.push(found.left);
    }
    chip.transmission = transmission;
    Ok(squares)
}

/// Rms of the residuals of the taps of each crossing, twice: for both of its heaters.
fn tap_residuals(chip: &Chip, records: &[Record]) -> Vec<f64> {
    let layout = chip.layout();
    let mut sums = vec![(0.0, 0.0); layout.crossings()];
    for record in records {
        let mut fields = record.inputs.clone();
        for column in 0..layout.columns() {
            let dumping = column == layout.attenuators();
            let before = fields.clone();
            chip.pass(column, &record.drive, record.temperature, &mut fields);
            for (crossing, top) in places(layout.column(column)) {
                for (input, taps) in record.taps.iter().enumerate() {
                    let kept = fields[input][top].norm_sqr();
                    let other = if dumping {
                        before[input][top].norm_sqr() - kept
                    } else {
                        fields[input][top + 1].norm_sqr()
                    };
                    let powers = [kept, other].into_iter().zip(chip.gain[crossing]);
                    for ((power, gain), reading) in powers.zip(taps[crossing]) {
                        if !cut(reading, gain * power) {
                            sums[crossing].0 += (reading - gain * power).powi(2);
                            sums[crossing].1 += 1.0;
                        }
                    }
                }
            }
        }
    }
    sums.iter()
        .flat_map(|(sum, count): &(f64, f64)| [(sum / count).sqrt(); 2])
        .collect()
}

/// Finds a first guess of all crossings of a column.
fn seed_column(
    chip: &mut Chip,
    records: &[Record],
    fields: &[Vec<Vec<Complex64>>],
    column: usize,
    nominal: f64,
) -> Result<(), Error> {
    let layout = chip.layout();
    let attenuator = column == layout.attenuators();
    let (mut seen, mut sent) = (0.0, 0.0);
    let mut all = Vec::new();
    for (crossing, top) in places(layout.column(column)) {
        let readings = readings(chip, records, fields, crossing, top, attenuator);
        check_taps(&readings, crossing)?;
        for reading in &readings {
            seen += reading.powers[0] + reading.powers[1];
            sent += reading.fields[0].norm_sqr() + reading.fields[1].norm_sqr();
        }
        all.push((crossing, readings));
    }
    let gain = seen / sent;
    for (crossing, mut readings) in all {
        chip.gain[crossing] = [gain; 2];
        for reading in &mut readings {
            reading.powers = reading.powers.map(|power| power / gain);
        }
        let one_sided: Vec<_> = readings
            .iter()
            .filter(|reading| {
                let [a, b] = reading.fields.map(|field| field.norm_sqr());
                a > 4.0 * b
            })
            .copied()
            .collect();
        let theta = layout.theta(crossing);
        let fringe = seed::theta(&one_sided, nominal);
        let by_theta = settle(chip, theta, fringe, nominal)?;
        if !attenuator {
            let phi = layout.phi(crossing);
            let fringe = seed::phi(&readings, &by_theta, nominal);
            settle(chip, phi, fringe, nominal)?;
        }
    }
    Ok(())
}

/// Takes a fringe for the parameters of a channel if it is one.
fn settle(
    chip: &mut Chip,
    channel: usize,
    fringe: Option<Fringe>,
    nominal: f64,
) -> Result<Fringe, Error> {
    let dead = |efficiency: f64, visibility| Error::DeadHeater {
        channel,
        efficiency: efficiency / nominal,
        visibility,
    };
    let fringe = fringe.ok_or(dead(0.0, 0.0))?;
    let far = far(fringe.efficiency / nominal);
    if fringe.rest_dead <= fringe.rest || fringe.visibility < 0.5 || far {
        return Err(dead(fringe.efficiency, fringe.visibility));
    }
    chip.offset[channel] = fringe.offset;
    chip.efficiency[channel] = fringe.efficiency;
    Ok(fringe)
}

fn readings(
    chip: &Chip,
    records: &[Record],
    fields: &[Vec<Vec<Complex64>>],
    crossing: usize,
    top: usize,
    attenuator: bool,
) -> Vec<Reading> {
    let layout = chip.layout();
    let mut readings = Vec::new();
    for (record, fields) in records.iter().zip(fields) {
        for (field, taps) in fields.iter().zip(&record.taps) {
            let bottom = if attenuator {
                Complex64::new(0.0, 0.0)
            } else {
                field[top + 1]
            };
            readings.push(Reading {
                theta: record.drive[layout.theta(crossing)],
                phi: record.drive[layout.phi(crossing)],
                fields: [field[top], bottom],
                powers: taps[crossing],
            });
        }
    }
    readings
}

/// Looks whether both taps of a crossing follow the light.
fn check_taps(readings: &[Reading], crossing: usize) -> Result<(), Error> {
    let count = readings.len();
    let mut spread = [0.0; 2];
    for (output, name) in [Output::Top, Output::Bottom].into_iter().enumerate() {
        let cut = readings.iter().filter(|r| r.powers[output] >= CUT).count();
        if 4 * cut > count {
            return Err(Error::SaturatedTap {
                crossing,
                output: name,
            });
        }
        let powers = readings.iter().map(|r| r.powers[output]);
        let (least, most) = powers.fold((f64::MAX, 0.0f64), |(a, b), p| (a.min(p), b.max(p)));
        spread[output] = most - least;
    }
    // Where the other output gets the same share always, the heater is to blame.
    let shares = |output: usize| {
        let shares = readings.iter().map(|r| {
            let light: f64 = r.fields.iter().map(|field| field.norm_sqr()).sum();
            r.powers[output] / light.max(1e-6)
        });
        let (least, most) = shares.fold((f64::MAX, 0.0f64), |(a, b), p| (a.min(p), b.max(p)));
        most - least
    };
    for (output, name) in [Output::Top, Output::Bottom].into_iter().enumerate() {
        if shares(1 - output) > 0.3 && spread[output] < 0.1 * spread[1 - output].max(0.1) {
            return Err(Error::DeadTap {
                crossing,
                output: name,
            });
        }
    }
    Ok(())
}
