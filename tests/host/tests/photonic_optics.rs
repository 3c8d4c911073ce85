// SPDX-License-Identifier: GPL-2.0

//! The optics of the model against the formulas, in floating point and from the truth of the
//! chip: 2x2 products, heat and crosstalk, drift, wavelengths.

use std::f64::consts::{FRAC_PI_4, TAU};

use lightos_host::chips::{on_bench, Device, HostModel};
use lightos_host::photonic::layout::{Layout, OFFSETS};
use lightos_host::photonic::model::bench::Bench;
use lightos_host::photonic::model::chip::{fading, Chip, Law, RADIAN};
use lightos_host::photonic::model::decay;
use lightos_host::photonic::model::trig::sin_cos;
use lightos_host::photonic::registers::*;

/// A complex number.
#[derive(Clone, Copy, Debug, PartialEq)]
struct C(f64, f64);

impl C {
    const ZERO: Self = Self(0.0, 0.0);

    fn turn(angle: f64) -> Self {
        Self(angle.cos(), angle.sin())
    }

    fn times(self, other: Self) -> Self {
        Self(
            self.0 * other.0 - self.1 * other.1,
            self.0 * other.1 + self.1 * other.0,
        )
    }

    fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0, self.1 + other.1)
    }

    fn power(self) -> f64 {
        self.0 * self.0 + self.1 * self.1
    }
}

type Matrix = [[C; 2]; 2];

fn product(a: Matrix, b: Matrix) -> Matrix {
    let cell = |i: usize, j: usize| a[i][0].times(b[0][j]).plus(a[i][1].times(b[1][j]));
    [[cell(0, 0), cell(0, 1)], [cell(1, 0), cell(1, 1)]]
}

fn coupler(error: f64) -> Matrix {
    let (sin, cos) = (FRAC_PI_4 + error).sin_cos();
    [[C(cos, 0.0), C(0.0, sin)], [C(0.0, sin), C(cos, 0.0)]]
}

fn arm(angle: f64) -> Matrix {
    [[C::turn(angle), C::ZERO], [C::ZERO, C(1.0, 0.0)]]
}

fn crossing(theta: f64, phi: f64, errors: [f64; 2]) -> Matrix {
    let [first, second] = errors.map(coupler);
    product(product(second, arm(theta)), product(first, arm(phi)))
}

/// Codes, and what else the phases depend on.
struct Setting {
    codes: Vec<u32>,
    wavelength: u32,
    die_mc: i32,
}

fn full_turns(turns: impl Into<f64>) -> f64 {
    turns.into() / 2f64.powi(32)
}

/// The phases of a chip in radians: by the conventions of the map, and the truth of its heaters.
fn phases(model: &HostModel<Bench>, chip: &Chip, setting: &Setting) -> Vec<f64> {
    let layout = Layout::new(chip.modes).unwrap();
    let channels = model.with_optics(|o| o.channels().to_vec()).unwrap();
    let heat: Vec<f64> = (0..channels.len())
        .map(|i| {
            let share = f64::from(setting.codes[i]) / 2f64.powi(chip.phase_bits as i32);
            let power = match chip.law {
                Law::Linear => share,
                Law::Square => share * share,
            };
            power * f64::from(channels[i].heater().1) / 2f64.powi(28)
        })
        .collect();
    let warmer = f64::from(setting.die_mc - chip.reference_mc) / 1000.0;
    let longer = f64::from(setting.wavelength * chip.wavelength_step_pm)
        + warmer * f64::from(chip.laser_drift_pm);
    let colour = f64::from(chip.wavelength_pm) / (f64::from(chip.wavelength_pm) + longer);
    (0..channels.len())
        .map(|i| {
            let mut turns = heat[i];
            for (j, class) in layout.neighbours(i) {
                turns += heat[j] * f64::from(chip.crosstalk[class]) / 2f64.powi(30);
            }
            let (tempco, dispersion) = channels[i].path();
            let path = full_turns(tempco) * warmer - full_turns(dispersion) * longer;
            TAU * (full_turns(channels[i].heater().0) + turns * colour + path)
        })
        .collect()
}

/// Outputs for an input, and the powers at each crossing.
fn forward(
    model: &HostModel<Bench>,
    chip: &Chip,
    setting: &Setting,
    input: &[C],
) -> (Vec<C>, Vec<[f64; 2]>) {
    let layout = Layout::new(chip.modes).unwrap();
    let phases = phases(model, chip, setting);
    let crossings = model.with_optics(|o| o.crossings().to_vec()).unwrap();
    let loss = f64::from(chip.loss) / 2f64.powi(30);
    let mut light = input.to_vec();
    let mut taps = vec![[0.0; 2]; layout.crossings()];
    for index in 0..layout.columns() {
        let column = layout.column(index);
        for amplitude in &mut light {
            *amplitude = amplitude.times(C(loss, 0.0));
        }
        for nth in 0..column.count {
            let number = column.first + nth;
            let top = column.top + nth * column.stride;
            let errors = crossings[number].errors().map(|e| TAU * full_turns(e));
            let (theta, phi) = (phases[layout.theta(number)], phases[layout.phi(number)]);
            let t = crossing(theta, phi, errors);
            let attenuates = index == layout.attenuators();
            let lower = if attenuates { C::ZERO } else { light[top + 1] };
            let upper = light[top];
            let outputs = t.map(|row| row[0].times(upper).plus(row[1].times(lower)));
            light[top] = outputs[0];
            if !attenuates {
                light[top + 1] = outputs[1];
            }
            taps[number] = outputs.map(C::power);
        }
    }
    for (mode, amplitude) in light.iter_mut().enumerate() {
        *amplitude = amplitude.times(C::turn(phases[layout.screen(mode)]));
    }
    (light, taps)
}

/// Codes up to the limit, the same for the same seed.
fn codes(chip: &Chip, seed: u64) -> Vec<u32> {
    let mut chance = lightos_host::photonic::model::random::Random::new(seed);
    let channels = Layout::new(chip.modes).unwrap().channels();
    (0..channels)
        .map(|_| chance.below(chip.code_limit + 1))
        .collect()
}

/// All inputs alone, just under full.
const FULL: i32 = i32::MAX & !0xff;

fn unit_vectors(modes: usize) -> Vec<Vec<[i32; 2]>> {
    let unit = |k: usize| {
        (0..modes)
            .map(|n| [if n == k { FULL } else { 0 }, 0])
            .collect()
    };
    (0..modes).map(unit).collect()
}

fn complex(vector: &[[i32; 2]]) -> Vec<C> {
    let part = |n: i32| f64::from(n) / 2f64.powi(31);
    vector.iter().map(|v| C(part(v[0]), part(v[1]))).collect()
}

/// Typical in all that is fixed, but silent and with converters that do not limit.
fn silent(modes: usize, seed: u64) -> Chip {
    Chip {
        input_bits: 24,
        output_bits: 24,
        shot: 0,
        thermal: 0,
        converter: 0,
        tap: 0,
        ..Chip::typical(modes, seed)
    }
}

/// The greatest distance of products and probes from the formulas.
fn worst(chip: Chip, setting: &Setting) -> (f64, f64, f64) {
    let model = on_bench(chip);
    model.with_surroundings(|b| b.light.die_mc = setting.die_mc);
    model.set_codes(&setting.codes);
    model.wait(1_000_000);
    let units = unit_vectors(chip.modes);
    let (done, outputs) = model.products(setting.wavelength, 2, &units);
    assert_eq!(done, DONE_OK);
    let far = |a: [f64; 2], b: C| (a[0] - b.0).hypot(a[1] - b.1);
    let (mut by_matrix, mut by_crossings, mut by_taps) = (0f64, 0f64, 0f64);
    for (unit, output) in units.iter().zip(outputs) {
        let (light, taps) = forward(&model, &chip, setting, &complex(unit));
        let (done, probed, tapped) = model.probe(setting.wavelength, 2, unit);
        assert_eq!(done, DONE_OK);
        for n in 0..chip.modes {
            by_matrix = by_matrix.max(far(output[n], light[n]));
            by_crossings = by_crossings.max(far(probed[n], light[n]));
        }
        for (tap, power) in tapped.iter().flatten().zip(taps.iter().flatten()) {
            by_taps = by_taps.max((tap - power).abs());
        }
    }
    (by_matrix, by_crossings, by_taps)
}

#[test]
fn sines_are_within_2e_9() {
    let mut worst = 0f64;
    let steps = (0..=u32::MAX).step_by(4099);
    let corners =
        (0..1024u32).flat_map(|n| [-1i32, 0, 1].map(|d| (n << 22).wrapping_add_signed(d)));
    let halves = (0..1024u32)
        .flat_map(|n| [-1i32, 0].map(|d| ((n << 22) + (1 << 21)).wrapping_add_signed(d)));
    for turns in steps.chain(corners).chain(halves) {
        let (sin, cos) = (TAU * full_turns(turns)).sin_cos();
        let (s, c) = sin_cos(turns);
        worst = worst.max((f64::from(s) / 2f64.powi(30) - sin).abs());
        worst = worst.max((f64::from(c) / 2f64.powi(30) - cos).abs());
    }
    println!("sine and cosine: worst error {worst:.2e}");
    assert!(worst < 2e-9, "{worst:e}");
}

#[test]
fn exponentials_fall_as_they_should() {
    let mut worst = 0f64;
    for x in (0..40u64 << 30).step_by(777_777) {
        let true_value = (-(x as f64) / 2f64.powi(30)).exp();
        let ours = f64::from(decay::exp_neg(x)) / 2f64.powi(30);
        worst = worst.max((ours - true_value).abs());
    }
    println!("exponential: worst error {worst:.2e}");
    assert!(worst < 4e-9);
    assert_eq!(decay::settling(0, 1000), 1 << 30);
    assert_eq!(decay::settling(5, 0), 0);
    assert_eq!(decay::settling(u64::MAX, 10_000_000), 0);
    for bits in 1..29 {
        let after = decay::settled_after(10_000, bits);
        assert!(decay::settling(after, 10_000) <= 1 << (30 - bits));
        assert!(decay::settling(after - 10, 10_000) >= 1 << (30 - bits));
    }
}

#[test]
fn elements_of_the_matrix_are_those_of_the_formulas() {
    for modes in 2..=32 {
        for (chip, wavelength, warmer) in [
            (Chip::ideal(modes, 24, Law::Linear), 0, 0),
            (Chip::ideal(modes, 12, Law::Square), 0, 10_000),
            (silent(modes, modes as u64), 0, 0),
            (silent(modes, 7), 5, -10_000),
        ] {
            let setting = Setting {
                codes: codes(&chip, 3),
                wavelength,
                die_mc: chip.reference_mc + warmer,
            };
            let (products, probes, taps) = worst(chip, &setting);
            println!("N = {modes}: products {products:.1e}, probes {probes:.1e}, taps {taps:.1e}");
            assert!(products < 1e-6 && probes < 1e-6 && taps < 1e-6);
        }
    }
}
