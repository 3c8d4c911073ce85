// SPDX-License-Identifier: GPL-2.0

//! A photonic chip in floating point, written from the conventions of `Documentation/photonic.rst`
//! and from nothing that calibration uses but the layout.

pub mod device;

use std::f64::consts::{FRAC_PI_4, TAU};

use lightos::photonic::calibrate::{Info, Measurement, Probe, ProbeError, Shot};
use lightos_host::photonic::layout::{Layout, CLASSES};
use lightos_host::photonic::model::random::Random;
use num_complex::Complex64;

const I: Complex64 = Complex64::new(0.0, 1.0);
const ZERO: Complex64 = Complex64::new(0.0, 0.0);

/// What is wrong with a chip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// The tap of a crossing and output reads a constant.
    Tap(usize, usize, f64),
    /// The heater of a channel gives no heat.
    Heater(usize),
    /// The heater of a channel gives that share of its heat.
    Weak(usize, f64),
    /// No light.
    Dark,
    /// Light, but the laser's driver reports none.
    Refusing,
    /// Taps of a crossing count so many times the power and are cut at 1.
    Bright(usize, f64),
    /// An output gives a constant.
    Output(usize),
}

pub struct Bench {
    pub info: Info,
    pub layout: Layout,
    pub offset: Vec<f64>,
    pub efficiency: Vec<f64>,
    pub tempco: Vec<f64>,
    pub dispersion: Vec<f64>,
    pub alpha: Vec<f64>,
    pub beta: Vec<f64>,
    pub crosstalk: [f64; CLASSES],
    /// Amplitude left after each column.
    pub loss: f64,
    pub tap_noise: f64,
    pub output_noise: f64,
    pub temperature: f64,
    /// How far the die strays from that, in degrees.
    pub wobble: f64,
    pub faults: Vec<Fault>,
    pub probes: usize,
    random: Random,
}

/// A normal number of deviation 1.
fn normal(random: &mut Random) -> f64 {
    random.normal(1 << 24) as f64 / f64::from(1 << 24)
}

impl Bench {
    /// A chip as issue 5 asks for.
    pub fn new(modes: usize, seed: u64) -> Self {
        let layout = Layout::new(modes).unwrap();
        let mut random = Random::new(seed);
        let info = Info {
            serial: 7,
            modes,
            phase_bits: 12,
            input_bits: 16,
            square_law: true,
            full_scale: 75_366,
            code_limit: 4095,
            wavelengths: 8,
        };
        let nominal = info.nominal();
        let mut draw = |count: usize, sigma: f64| -> Vec<f64> {
            (0..count).map(|_| sigma * normal(&mut random)).collect()
        };
        let (channels, crossings) = (layout.channels(), layout.crossings());
        let tempco = draw(channels, 0.0075);
        Self {
            layout,
            offset: draw(channels, 1.0),
            efficiency: draw(channels, 0.02)
                .iter()
                .map(|error| nominal * (1.0 + error))
                .collect(),
            // 0.4 nm from each wavelength to the next.
            dispersion: tempco.iter().map(|t| -t / 0.069 * 0.4).collect(),
            tempco,
            alpha: draw(crossings, 0.02),
            beta: draw(crossings, 0.02),
            crosstalk: [0.02, 0.02, 0.0132, 0.0074, 0.0074, 0.0058, 0.0058],
            loss: 10f64.powf(-0.05 / 20.0),
            tap_noise: 1e-4,
            output_noise: 7e-5,
            temperature: 45.0,
            wobble: 0.0,
            faults: Vec::new(),
            probes: 0,
            random: Random::new(seed ^ 1),
            info,
        }
    }

    fn phases(&self, settings: &[(usize, u32)], wavelength: usize, temperature: f64) -> Vec<f64> {
        let scale = 1550.0 / (1550.0 + 0.4 * wavelength as f64);
        let mut heat = vec![0.0; self.layout.channels()];
        for &(channel, code) in settings {
            let share = f64::from(code.min(self.info.code_limit)) / 4096.0;
            heat[channel] = self.efficiency[channel] * share * share * scale;
        }
        for fault in &self.faults {
            match *fault {
                Fault::Heater(channel) => heat[channel] = 0.0,
                Fault::Weak(channel, share) => heat[channel] *= share,
                _ => {}
            }
        }
        (0..self.layout.channels())
            .map(|channel| {
                let around: f64 = self
                    .layout
                    .neighbours(channel)
                    .map(|(other, class)| self.crosstalk[class] * heat[other])
                    .sum();
                self.offset[channel]
                    + heat[channel]
                    + around
                    + self.tempco[channel] * (temperature - 45.0)
                    + self.dispersion[channel] * wavelength as f64
            })
            .collect()
    }

    /// Light through the chip: outputs, and taps before noise.
    pub fn light(&self, phases: &[f64], input: &[Complex64]) -> (Vec<Complex64>, Vec<[f64; 2]>) {
        let layout = self.layout;
        let mut field = input.to_vec();
        let mut taps = vec![[0.0; 2]; layout.crossings()];
        for index in 0..layout.columns() {
            let column = layout.column(index);
            for nth in 0..column.count {
                let crossing = column.first + nth;
                let top = column.top + nth * column.stride;
                let attenuator = index == layout.attenuators();
                let below = if attenuator { ZERO } else { field[top + 1] };
                let theta = Complex64::from_polar(1.0, phases[layout.theta(crossing)]);
                let phi = Complex64::from_polar(1.0, phases[layout.phi(crossing)]);
                let a = couple(self.alpha[crossing], [phi * field[top], below]);
                let b = couple(self.beta[crossing], [theta * a[0], a[1]]);
                taps[crossing] = b.map(|x| x.norm_sqr() * self.loss.powi(2 * index as i32 + 2));
                field[top] = b[0];
                if !attenuator {
                    field[top + 1] = b[1];
                }
            }
        }
        let lost = self.loss.powi(layout.columns() as i32);
        for (mode, value) in field.iter_mut().enumerate() {
            *value *= lost * Complex64::from_polar(1.0, phases[layout.screen(mode)]);
        }
        (field, taps)
    }
}

fn couple(error: f64, [a, b]: [Complex64; 2]) -> [Complex64; 2] {
    let (sin, cos) = (FRAC_PI_4 + error).sin_cos();
    [cos * a + I * sin * b, I * sin * a + cos * b]
}

impl Probe for Bench {
    fn info(&self) -> Info {
        self.info.clone()
    }

    fn probe(&mut self, shot: &Shot<'_>) -> Result<Measurement, ProbeError> {
        if self.faults.contains(&Fault::Refusing) {
            return Err(ProbeError::Dark);
        }
        let temperature = self.temperature + self.wobble * normal(&mut self.random);
        let mut phases = self.phases(shot.settings, shot.wavelength, temperature);
        phases.iter_mut().for_each(|phase| *phase %= TAU);
        let average = f64::from(shot.averages).sqrt();
        let mut measurement = Measurement {
            temperature,
            ..Measurement::default()
        };
        for input in shot.inputs {
            self.probes += 1;
            let (mut outputs, mut taps) = self.light(&phases, input);
            let dark = self.faults.contains(&Fault::Dark);
            let random = &mut self.random;
            for value in &mut outputs {
                *value *= if dark { 0.0 } else { 1.0 };
                let mut noise = || self.output_noise / average * normal(random);
                *value += Complex64::new(noise(), noise());
                // An ADC of 16 bits, full scale 2.
                let round = |x: f64| (x * 16384.0).round() / 16384.0;
                *value = Complex64::new(round(value.re), round(value.im));
            }
            for (crossing, tap) in taps.iter_mut().enumerate() {
                for fault in &self.faults {
                    match *fault {
                        Fault::Bright(at, factor) if at == crossing => {
                            *tap = tap.map(|power| power * factor);
                        }
                        _ => {}
                    }
                }
                for power in tap.iter_mut() {
                    *power *= if dark { 0.0 } else { 1.0 };
                    *power += self.tap_noise / average * normal(random);
                    *power = power.clamp(0.0, 1.0);
                }
            }
            for fault in &self.faults {
                match *fault {
                    Fault::Tap(crossing, output, value) => taps[crossing][output] = value,
                    Fault::Output(mode) => outputs[mode] = Complex64::new(0.25, 0.0),
                    _ => {}
                }
            }
            measurement.outputs.push(outputs);
            measurement.taps.push(taps[shot.taps.clone()].to_vec());
        }
        Ok(measurement)
    }

    fn set_temperature(&mut self, celsius: f64) -> Result<(), ProbeError> {
        self.temperature = celsius;
        Ok(())
    }
}
