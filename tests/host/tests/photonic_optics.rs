// SPDX-License-Identifier: GPL-2.0

//! The optics of the model against the formulas, in floating point and from the truth of the
//! chip: 2x2 products, heat and crosstalk, drift, wavelengths.

use std::collections::HashMap;
use std::f64::consts::{FRAC_PI_4, TAU};

use lightos_host::chips::{on_bench, optics, Device, HostModel};
use lightos_host::photonic::layout::{Layout, CLASSES, OFFSETS};
use lightos_host::photonic::model::bench::Bench;
use lightos_host::photonic::model::chip::{fading, Chip, Law, Refusal, RADIAN};
use lightos_host::photonic::model::decay;
use lightos_host::photonic::model::plant::fault::Fault;
use lightos_host::photonic::model::plant::{Plant, PlantConfig};
use lightos_host::photonic::model::random::Random;
use lightos_host::photonic::model::trig::sin_cos;
use lightos_host::photonic::model::Model;
use lightos_host::photonic::registers::*;
use lightos_host::support::cases;

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

fn share(chip: &Chip, class: usize) -> f64 {
    f64::from(chip.crosstalk[class]) / 2f64.powi(30)
}

/// Heat at each channel: its own, and from all that are as far away as the classes are, by their
/// sites alone.
fn with_crosstalk(layout: Layout, chip: &Chip, heat: &[f64]) -> Vec<f64> {
    let sites: Vec<_> = (0..heat.len()).map(|i| layout.site(i).unwrap()).collect();
    let by_site: HashMap<_, _> = sites.iter().zip(heat).collect();
    let spread = |&(x, y): &(i32, i32)| {
        let mut all = *by_site[&(x, y)];
        for dx in -2..=2i32 {
            for dy in -2..=2i32 {
                let class = OFFSETS.iter().position(|o| *o == (dx.abs(), dy.abs()));
                let other = by_site.get(&(x + dx, y + dy)).map_or(0.0, |heat| **heat);
                all += class.map_or(0.0, |class| share(chip, class) * other);
            }
        }
        all
    };
    sites.iter().map(spread).collect()
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
    let heat = with_crosstalk(layout, chip, &heat);
    let warmer = f64::from(setting.die_mc - chip.reference_mc) / 1000.0;
    let longer = f64::from(setting.wavelength * chip.wavelength_step_pm)
        + warmer * f64::from(chip.laser_drift_pm);
    let colour = f64::from(chip.wavelength_pm) / (f64::from(chip.wavelength_pm) + longer);
    (0..channels.len())
        .map(|i| {
            let turns = heat[i];
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
    let mut chance = Random::new(seed);
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
fn crossings_without_errors_are_those_of_the_layout() {
    // T = i e^{iθ/2} [[e^{iφ} sin(θ/2), cos(θ/2)], [e^{iφ} cos(θ/2), -sin(θ/2)]]
    for (theta, phi) in [(0.0, 0.0), (1.0, 2.0), (3.0, -1.0), (5.9, 0.7)] {
        let (sin, cos) = (f64::sin(theta / 2.0), f64::cos(theta / 2.0));
        let front = C(0.0, 1.0).times(C::turn(theta / 2.0));
        let real = |x: f64| front.times(C(x, 0.0));
        let (e, t) = (C::turn(phi), crossing(theta, phi, [0.0; 2]));
        let expected = [
            [real(sin).times(e), real(cos)],
            [real(cos).times(e), real(-sin)],
        ];
        for (a, b) in t.iter().flatten().zip(expected.iter().flatten()) {
            assert!((a.0 - b.0).hypot(a.1 - b.1) < 1e-15);
        }
    }
}

#[test]
fn taps_show_what_they_are_trimmed_to() {
    let chip = silent(32, 3);
    let vector = vec![[1 << 28, 1 << 27]; 32];
    let taps = |tap_ppm: u32| {
        let mut chip = chip;
        chip.tap_ppm = tap_ppm;
        let model = on_bench(chip);
        let (_, _, taps) = model.probe(0, 2, &vector);
        let crossings = model.with_optics(|o| o.crossings().to_vec()).unwrap();
        (taps, crossings)
    };
    let (alike, _) = taps(0);
    let (taps, crossings) = taps(20_000);
    let mut all = Vec::new();
    for ((tap, alike), crossing) in taps.iter().zip(alike).zip(crossings) {
        for output in 0..2 {
            let response = f64::from(crossing.responses()[output]) / 65536.0;
            assert!((tap[output] - alike[output] * response).abs() < 1e-9);
            all.push(response);
        }
    }
    let (mean, deviation) = statistics(&all);
    assert!((mean - 1.0).abs() < 0.002 && (deviation - 0.02).abs() < 0.002);
}

#[test]
fn the_strongest_light_is_as_exact() {
    // All modes full in both quadratures: eight times the amplitude of a full input at 32 modes.
    for chip in [
        Chip::ideal(32, 12, Law::Square),
        Chip {
            loss: 1 << 30,
            ..silent(32, 4)
        },
    ] {
        let setting = Setting {
            codes: codes(&chip, 5),
            wavelength: 0,
            die_mc: chip.reference_mc,
        };
        let model = on_bench(chip);
        model.set_codes(&setting.codes);
        model.wait(1_000_000);
        let vector = vec![[i32::MIN, FULL]; 32];
        let (light, powers) = forward(&model, &chip, &setting, &complex(&vector));
        let (_, outputs) = model.products(0, 0, &vec![vector.clone(); 8]);
        let (_, probed, taps) = model.probe(0, 0, &vector);
        for ((product, probe), light) in outputs[7].iter().zip(probed).zip(light) {
            for output in [*product, probe] {
                assert!((output[0] - light.0).hypot(output[1] - light.1) < 2e-6);
            }
        }
        // Taps end at one full input.
        for (tap, power) in taps.iter().flatten().zip(powers.iter().flatten()) {
            assert!((tap - power.min(1.0)).abs() < 1e-6);
        }
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

/// Mean and deviation.
fn statistics(numbers: &[f64]) -> (f64, f64) {
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    let square = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    (mean, square.sqrt())
}

#[test]
fn chips_are_as_far_from_perfect_as_they_say() {
    let chip = Chip::typical(32, 11);
    let model = on_bench(chip);
    let channels = model.with_optics(|o| o.channels().to_vec()).unwrap();
    let crossings = model.with_optics(|o| o.crossings().to_vec()).unwrap();
    let within = |numbers: Vec<f64>, mean: f64, rms: f64| {
        let (m, d) = statistics(&numbers);
        let slack = 4.0 * rms / (numbers.len() as f64).sqrt();
        assert!((m - mean).abs() < slack, "mean {m} for {mean}");
        assert!((d - rms).abs() < slack, "deviation {d} for {rms}");
    };
    let signed = |turns: u32| TAU * f64::from(turns as i32) / 2f64.powi(32);
    // Five deviations of 1 rad wrap: none of 2080 is that far.
    within(
        channels.iter().map(|c| signed(c.heater().0)).collect(),
        0.0,
        1.0,
    );
    let full = f64::from(chip.full_scale) / 65536.0;
    let efficiency = |c: u32| f64::from(c) / 2f64.powi(28) / full;
    within(
        channels.iter().map(|c| efficiency(c.heater().1)).collect(),
        1.0,
        0.02,
    );
    // 0.075 rad/K per 100 µm, paths of 10 µm rms.
    let tempco = |c: i32| TAU * full_turns(c);
    within(
        channels.iter().map(|c| tempco(c.path().0)).collect(),
        0.0,
        0.0075,
    );
    // A degree shifts the response by 69 pm.
    for channel in &channels {
        let (tempco, dispersion) = channel.path();
        assert!((tempco - 69 * dispersion).abs() <= 69);
    }
    let errors = crossings.iter().flat_map(|c| c.errors());
    within(errors.map(|e| TAU * full_turns(e)).collect(), 0.0, 0.02);
}

#[test]
fn crosstalk_falls_with_distance() {
    for (ppm, decay) in [(20_000, 1000), (50_000, 700), (0, 1), (1000, 3000)] {
        let table = fading(ppm, decay);
        for (x, (along, across)) in table.iter().zip(OFFSETS) {
            let distance = f64::from(along).hypot(f64::from(across));
            let expected =
                f64::from(ppm) / 1e6 * ((1.0 - distance) * 1000.0 / f64::from(decay)).exp();
            assert!((f64::from(*x) / 2f64.powi(30) - expected).abs() < 1e-8);
        }
    }
    assert_eq!(fading(20_000, 0)[2], 0);
}

#[test]
fn light_is_neither_made_nor_lost() {
    for modes in [2, 3, 8, 31, 32] {
        for (chip, kept) in [
            (Chip::ideal(modes, 16, Law::Linear), 1.0),
            (
                Chip {
                    loss: 1 << 30,
                    ..silent(modes, 5)
                },
                1.0,
            ),
            (
                silent(modes, 6),
                10f64.powf(-0.05 * (2 * modes + 1) as f64 / 10.0),
            ),
        ] {
            let model = on_bench(chip);
            let layout = model.layout();
            model.set_codes(&codes(&chip, 9));
            let vector: Vec<_> = (0..modes as i32)
                .map(|n| [0x1200_0000 - n * 0x99_0000, n * 0x55_0000])
                .collect();
            let (_, outputs, taps) = model.probe(0, 0, &vector);
            let entered: f64 = complex(&vector).into_iter().map(C::power).sum();
            let left: f64 = outputs.iter().map(|o| o[0] * o[0] + o[1] * o[1]).sum();
            // The dumps are in the middle of the chip.
            let column = layout.column(layout.attenuators());
            let after = kept.powf(modes as f64 / (2 * modes + 1) as f64);
            let dumped: f64 = (0..modes).map(|n| taps[column.first + n][1]).sum();
            let total = left + dumped * after;
            assert!(
                (total / (entered * kept) - 1.0).abs() < 2e-6,
                "N = {modes}: {total}"
            );
        }
    }
}

#[test]
fn splitters_limit_extinction() {
    // |T11|² = sin²(a + b) + [cos²(a - b) - sin²(a + b)] sin²(θ/2), for the first crossing that a
    // full input meets.
    for seed in 0..20 {
        let chip = Chip {
            splitter: RADIAN / 10,
            offset: 0,
            crosstalk: [0; CLASSES],
            loss: 1 << 30,
            law: Law::Linear,
            phase_bits: 16,
            code_limit: 0xffff,
            full_scale: 1 << 16,
            efficiency_ppm: 0,
            ..silent(2, seed)
        };
        let model = on_bench(chip);
        let [a, b] = model.with_optics(|o| o.crossings()[0].errors()).unwrap();
        let (a, b) = (TAU * full_turns(a), TAU * full_turns(b));
        let (least, most) = ((a + b).sin().powi(2), (a - b).cos().powi(2));
        for code in (0..65536).step_by(4096) {
            model.set_codes(&[code]);
            model.wait(1_000_000);
            let (_, _, taps) = model.probe(0, 3, &[[FULL, 0], [0, 0]]);
            let half = TAU * f64::from(code) / 65536.0 / 2.0;
            let expected = least + (most - least) * half.sin().powi(2);
            assert!(
                (taps[0][0] - expected).abs() < 1e-6,
                "{} for {expected}",
                taps[0][0]
            );
            assert!((taps[0][0] + taps[0][1] - 1.0).abs() < 1e-6);
        }
    }
}

/// The chip with a change.
fn noisy(chip: Chip, change: impl FnOnce(&mut Chip)) -> Chip {
    let mut chip = chip;
    change(&mut chip);
    chip
}

#[test]
fn noise_is_what_the_chip_says() {
    let plain = Chip::ideal(4, 16, Law::Linear);
    let amplitude = 2f64.powi(36);
    let vectors = vec![vec![[0; 2]; 4]; 64];
    let sample = |chip: Chip, power_uw: u32, gain: u32| {
        let model = on_bench(chip);
        model.with_surroundings(|b| b.light.power_uw = power_uw);
        let mut all = Vec::new();
        for _ in 0..40 {
            let (_, outputs) = model.products(0, gain, &vectors);
            all.extend(outputs.into_iter().flatten().flatten());
        }
        statistics(&all)
    };
    let check = |(mean, deviation): (f64, f64), expected: f64| {
        // 20480 numbers: a deviation is known to half a percent.
        assert!(
            mean.abs() < 4.0 * expected / 143.0,
            "mean {mean:e} of {expected:e}"
        );
        assert!(
            (deviation / expected - 1.0).abs() < 0.02,
            "{deviation:e} for {expected:e}"
        );
    };
    let rms = 10_000_000;
    let one = f64::from(rms) / amplitude;
    let shot = noisy(plain, |c| c.shot = rms);
    let thermal = noisy(plain, |c| c.thermal = rms);
    let converter = noisy(plain, |c| c.converter = rms);
    // Shot noise goes with the root of the light, the receiver's with the light.
    check(sample(shot, 20_000, 6), one);
    check(sample(shot, 5_000, 6), 2.0 * one);
    check(sample(thermal, 20_000, 6), one);
    check(sample(thermal, 5_000, 6), 4.0 * one);
    // That of a converter with its full scale.
    check(sample(converter, 20_000, 6), one / 8.0);
    check(sample(converter, 5_000, 3), one);
    let all = noisy(plain, |c| {
        (c.shot, c.thermal, c.converter) = (rms, rms, rms)
    });
    check(sample(all, 20_000, 3), one * 3f64.sqrt());
    assert_eq!(sample(plain, 1, 6), (0.0, 0.0));
}

#[test]
fn noise_of_powers_and_taps() {
    let rms = 20_000_000;
    let one = f64::from(rms) / 2f64.powi(36);
    let run = |chip: Chip, input: i32| {
        let model = on_bench(chip);
        let vectors = vec![vec![[input, 0], [0, 0]]; 64];
        let mut sums = Vec::new();
        for _ in 0..100 {
            let (_, powers) = model.powers(0, 2, &vectors);
            sums.extend(powers.into_iter().map(|p| p[0] + p[1]));
        }
        statistics(&sums)
    };
    let shot = Chip {
        shot: rms,
        ..Chip::ideal(2, 16, Law::Linear)
    };
    let thermal = Chip {
        thermal: rms,
        ..Chip::ideal(2, 16, Law::Linear)
    };
    // Crossings are crossed throughout but the attenuator, which dumps all: no light at all.
    let (mean, deviation) = run(shot, FULL);
    assert!(mean.abs() < 1e-6 && deviation < 1e-6);
    // Two diodes of 2 σ each.
    let (mean, deviation) = run(thermal, 0);
    assert!(mean.abs() < 4.0 * one * 8f64.sqrt() / 80.0);
    assert!((deviation / (one * 8f64.sqrt()) - 1.0).abs() < 0.03);
    // With the attenuators open half of the power of a quarter is at one output: 2 σ |y|.
    let model = on_bench(shot);
    let open = 1 << 15;
    model.set_codes(&[0, 0, open, 0, open, 0, 0, 0]);
    let vectors = vec![vec![[1 << 30, 0], [0, 0]]; 64];
    let mut numbers = Vec::new();
    for _ in 0..100 {
        let (_, powers) = model.powers(0, 2, &vectors);
        numbers.extend(powers.into_iter().map(|p| p[0]));
    }
    let (mean, deviation) = statistics(&numbers);
    let expected = 2.0 * one * 0.5;
    assert!((mean - 0.25).abs() < 4.0 * expected / 80.0, "{mean}");
    assert!(
        (deviation / expected - 1.0).abs() < 0.03,
        "{deviation:e} for {expected:e}"
    );
    // Taps.
    let model = on_bench(Chip {
        tap: 1 << 20,
        ..Chip::ideal(8, 16, Law::Linear)
    });
    let mut numbers = Vec::new();
    for _ in 0..200 {
        let (_, _, taps) = model.probe(0, 2, &[[1 << 29, 0]; 8]);
        numbers.extend((0..4).map(|c| taps[c][0] - 0.0625));
    }
    let (mean, deviation) = statistics(&numbers);
    let expected = 2f64.powi(-12);
    assert!(mean.abs() < 4.0 * expected / 28.0);
    assert!((deviation / expected - 1.0).abs() < 0.1);
}

#[test]
fn phases_settle_by_their_time_constant() {
    let chip = Chip {
        settle_ns: 10_000,
        crosstalk: fading(20_000, 1000),
        ..Chip::ideal(2, 16, Law::Linear)
    };
    let model = on_bench(chip);
    let quick = on_bench(Chip {
        settle_ns: 0,
        ..chip
    });
    let power = |model: &HostModel<Bench>| model.probe(0, 2, &[[FULL, 0], [0, 0]]).2[0][0];
    let (from, to) = (9_000.0, 25_000.0);
    model.set_codes(&[9_000]);
    model.wait(1_000_000);
    assert_eq!(model.read(STATUS) & STATUS_SETTLING, 0);
    model.write(IRQ_STATUS, u32::MAX);
    model.write(SHADOW, 25_000);
    model.write(COMMIT, 1);
    let start = model.now();
    let settle_ns = 1000 * u64::from(model.read(SETTLE_US));
    assert!((100_000..200_000).contains(&settle_ns));
    for after in [0u64, 1000, 5000, 21_001, 40_000, 80_000, 150_000] {
        model.set_now(start + after.max(model.now() - start));
        let at = (model.now() - start) as f64;
        let code = to + (from - to) * (-at / 10_000.0).exp();
        let settling = model.now() < start + settle_ns;
        assert_eq!(model.read(STATUS) & STATUS_SETTLING != 0, settling);
        assert_eq!(model.read(IRQ_STATUS) & IRQ_SETTLED != 0, !settling);
        let half = TAU * code / 65536.0 / 2.0;
        assert!((power(&model) - half.sin().powi(2)).abs() < 2e-6, "{at}");
    }
    // On the way there it is told to go elsewhere: it turns from where it is.
    model.write(SHADOW, 60_000);
    model.write(COMMIT, 1);
    model.wait(7_000);
    model.write(SHADOW, 1_000);
    model.write(COMMIT, 1);
    model.wait(4_000);
    let turned = 60_000.0 + (25_000.0 - 60_000.0) * (-0.7f64).exp();
    let code = 1_000.0 + (turned - 1_000.0) * (-0.4f64).exp();
    let half = TAU * code / 65536.0 / 2.0;
    assert!((power(&model) - half.sin().powi(2)).abs() < 2e-6);
    // A commit of the same codes halfway starts a new way, though as much of it is left.
    model.wait(10_000_000);
    model.set_codes(&[1_000]);
    model.wait(1_000_000);
    model.write(SHADOW, 30_000);
    model.write(COMMIT, 1);
    let first = power(&model);
    model.write(COMMIT, 1);
    let second = power(&model);
    assert!((first - second).abs() > 0.01, "{first} {second}");
    // In the end it is where a heater is that follows at once.
    model.set_codes(&[1_000]);
    model.wait(10_000_000);
    quick.set_codes(&[1_000]);
    assert_eq!(power(&model), power(&quick));
}

#[test]
fn codes_take_effect_by_commits() {
    let chip = Chip {
        code_limit: 60_000,
        crosstalk: fading(20_000, 1000),
        ..Chip::ideal(4, 16, Law::Square)
    };
    let model = on_bench(chip);
    model.write(SHADOW + 4 * 5, 1234);
    assert_eq!(model.read(SHADOW + 4 * 5), 1234);
    assert_eq!(model.read(APPLIED + 4 * 5), 0);
    model.write(APPLIED + 4 * 5, 7);
    model.write(COMMIT, 0);
    model.write(COMMIT, 2);
    assert_eq!(
        (model.read(APPLIED + 4 * 5), model.read(COMMIT_COUNT)),
        (0, 0)
    );
    model.write(COMMIT, 1);
    assert_eq!(
        (model.read(APPLIED + 4 * 5), model.read(COMMIT_COUNT)),
        (1234, 1)
    );
    assert_eq!(model.read(COMMIT), 0);
    assert_eq!(model.read(LATCHES), 0);
    // Past the last heater there is nothing.
    model.write(SHADOW + 4 * 36, 5);
    assert_eq!(model.read(SHADOW + 4 * 36), 0);
    // Too great a code is cut.
    for asked in [60_001, 65_536, u32::MAX] {
        model.write(SHADOW, asked);
        model.write(COMMIT, 1);
        assert_eq!((model.read(SHADOW), model.read(APPLIED)), (asked, 60_000));
        assert_eq!(model.read(LATCHES), LATCH_HEATER);
        assert_eq!(model.read(IRQ_STATUS) & IRQ_LATCH, IRQ_LATCH);
        model.write(SHADOW, 60_000);
        model.write(COMMIT, 1);
        model.write(LATCH_CLEAR, LATCH_HEATER);
        model.write(IRQ_STATUS, u32::MAX);
        assert_eq!(model.read(LATCHES), 0);
    }
    // 20 mW for half a turn; full scale is one.
    let turns = |code: f64| (code / 65536.0).powi(2);
    let expected = 40.0 * (turns(1234.0) + turns(60_000.0));
    assert!((f64::from(model.read(HEATER_MW)) - expected).abs() <= 1.0);
    assert_eq!(
        model.with_surroundings(|b| b.heater_mw),
        Some(model.read(HEATER_MW))
    );
}

#[test]
fn nothing_is_left_over_of_former_codes() {
    let chip = Chip {
        tap: 0,
        ..silent(6, 3)
    };
    let model = on_bench(chip);
    for seed in 0..50 {
        model.set_codes(&codes(&chip, seed));
    }
    let fresh = on_bench(chip);
    fresh.set_codes(&codes(&chip, 49));
    for model in [&model, &fresh] {
        model.wait(10_000_000);
    }
    let units = unit_vectors(6);
    assert_eq!(model.products(0, 2, &units), fresh.products(0, 2, &units));
    model.set_codes(&[0; 78]);
    assert_eq!(model.read(HEATER_MW), 0);
}

#[test]
fn results_never_lag_behind_conditions() {
    // Whatever has been computed before, and with whatever short cut, results are those of now.
    let chip = silent(5, 8);
    let model = on_bench(chip);
    let mut chance = Random::new(1);
    let mut setting = Setting {
        codes: vec![0; 55],
        wavelength: 0,
        die_mc: chip.reference_mc,
    };
    let mut settled = true;
    for step in 0..400 {
        match chance.below(4) {
            0 => {
                let channel = chance.below(55);
                let code = chance.below(4096);
                setting.codes[channel as usize] = code;
                model.write(SHADOW + 4 * channel, code);
                model.write(COMMIT, 1);
                settled = false;
            }
            1 => setting.wavelength = chance.below(chip.wavelengths),
            2 => {
                setting.die_mc = chip.reference_mc + 10 * chance.below(200) as i32 - 1000;
                model.with_surroundings(|b| b.light.die_mc = setting.die_mc);
            }
            _ => {
                model.wait(1_000_000);
                settled = true;
            }
        }
        let vectors: Vec<Vec<_>> = (0..1 + chance.below(7))
            .map(|_| {
                (0..5)
                    .map(|_| [0; 2].map(|_: i32| chance.bits() as i32 >> 3))
                    .collect()
            })
            .collect();
        let (done, outputs) = model.products(setting.wavelength, 1, &vectors);
        assert_eq!(done, DONE_OK);
        if !settled {
            continue;
        }
        for (vector, output) in vectors.iter().zip(&outputs) {
            let (light, _) = forward(&model, &chip, &setting, &complex(vector));
            for (a, b) in output.iter().zip(light) {
                assert!((a[0] - b.0).hypot(a[1] - b.1) < 1e-6, "step {step}");
            }
        }
    }
}

#[test]
fn outputs_saturate_at_full_scale() {
    // Everything straight to output 1: bar attenuators, crossed meshes of two modes.
    let chip = Chip::ideal(2, 16, Law::Linear);
    let model = on_bench(chip);
    model.set_codes(&[0, 0, 1 << 15, 0, 1 << 15]);
    for gain in 0..=GAIN_MAX {
        let full = 8.0 / f64::from(1u32 << gain);
        let part = |x: f64| (x * 2f64.powi(31)).min(f64::from(FULL)) as i32;
        let input = part(full * 0.99);
        let (done, outputs) = model.command(START_PRODUCT, gain << 16, &[vec![[input, 0], [0, 0]]]);
        assert_eq!(done, DONE_OK, "gain {gain}");
        let out = outputs[0]
            .iter()
            .flatten()
            .map(|n| n.unsigned_abs())
            .max()
            .unwrap();
        let expected = f64::from(input) / full;
        // The modulators drop 8 bits of the input, the ADCs as many of the output.
        assert!(
            (f64::from(out) - expected).abs() < 300.0 + 300.0 / full,
            "gain {gain}: {out} for {expected}"
        );
        if full <= 0.5 {
            let input = part(full * 1.01);
            let (done, outputs) =
                model.command(START_PRODUCT, gain << 16, &[vec![[input, 0], [0, 0]]]);
            assert_eq!(done, DONE_OK | DONE_SATURATED, "gain {gain}");
            assert!(outputs[0]
                .iter()
                .flatten()
                .any(|n| [FULL, i32::MIN].contains(n)));
        }
    }
    // A saturated command says so once.
    let (done, _) = model.command(START_PRODUCT, 0, &[vec![[FULL, 0], [0, 0]]]);
    assert_eq!(done, DONE_OK);
}

#[test]
fn converters_have_the_bits_that_they_say() {
    for bits in [8, 12, 16, 24] {
        let chip = Chip {
            input_bits: bits,
            output_bits: bits,
            ..Chip::ideal(2, 16, Law::Linear)
        };
        let model = on_bench(chip);
        model.set_codes(&[1000, 2000, 1 << 15, 0, 20_000, 0, 7, 8]);
        let vector = vec![[0x1234_5678, -0x1234_5678], [0x0fed_cba9, 0x7654_3210]];
        let mask = u32::MAX << (32 - bits);
        let kept = vector
            .iter()
            .map(|v| v.map(|n: i32| (n as u32 & mask) as i32))
            .collect();
        let (_, outputs) = model.command(START_PRODUCT, 2 << 16, &[vector]);
        let (_, same) = model.command(START_PRODUCT, 2 << 16, &[kept]);
        assert_eq!(outputs, same);
        let used = outputs[0]
            .iter()
            .flatten()
            .fold(0, |all, n| all | *n as u32);
        assert_eq!(used & !mask, 0);
        assert_ne!(used & (1 << (32 - bits)), 0);
    }
}

#[test]
fn direct_detection_gives_powers() {
    let chip = silent(8, 4);
    let model = on_bench(chip);
    let setting = Setting {
        codes: codes(&chip, 2),
        wavelength: 3,
        die_mc: chip.reference_mc,
    };
    model.set_codes(&setting.codes);
    model.wait(1_000_000);
    let mut vectors = unit_vectors(8);
    vectors.push(vec![[FULL, -FULL]; 8]);
    for gain in [0, 1, 2, 3] {
        let (done, powers) = model.powers(3, gain, &vectors);
        let full = 64.0 / 4f64.powi(gain as i32);
        let mut over = false;
        for (vector, powers) in vectors.iter().zip(powers) {
            let (light, _) = forward(&model, &chip, &setting, &complex(vector));
            for (power, amplitude) in powers.iter().zip(light) {
                let expected = amplitude.power();
                over |= expected > full;
                assert!((power - expected.min(full)).abs() < 1e-6 + full / 2f64.powi(23));
            }
        }
        assert_eq!(done & DONE_SATURATED != 0, over);
        // Nothing in the place of the quadrature.
        assert_eq!(model.read(OUTPUT + 4), 0);
    }
}

#[test]
fn commands_take_their_time() {
    let chip = Chip {
        command_ns: 1000,
        vector_ns: 10,
        probe_ns: 20_000,
        ..Chip::ideal(2, 16, Law::Linear)
    };
    let model = on_bench(chip);
    model.wait(5_000);
    let mut count = 0;
    for (start, vectors, duty, expected) in [
        (START_PRODUCT, 1, 256, 1010),
        (START_PRODUCT, 64, 256, 1640),
        (START_PRODUCT, 64, 128, 3280),
        (START_PRODUCT, 10, 1, 281_600),
        (START_PROBE, 64, 256, 21_000),
        (START_PROBE, 0, 64, 84_000),
    ] {
        model.write(LASER_DUTY, duty);
        model.write(COMMAND_VECTORS, vectors);
        model.write(COMMAND_TAG, 77 + count);
        model.write(IRQ_STATUS, u32::MAX);
        model.write(COMMAND_START, start);
        // A second start does nothing while it runs.
        model.write(COMMAND_TAG, 5);
        model.write(COMMAND_START, start);
        model.wait(expected - 1);
        assert_eq!(model.read(STATUS) & STATUS_BUSY, STATUS_BUSY);
        assert_eq!(model.read(COMPLETION_COUNT), count);
        assert_eq!(model.read(IRQ_STATUS) & IRQ_COMPLETION, 0);
        model.wait(1);
        assert_eq!(model.read(STATUS) & STATUS_BUSY, 0);
        assert_eq!(model.read(IRQ_STATUS) & IRQ_COMPLETION, IRQ_COMPLETION);
        count += 1;
        assert_eq!(model.read(COMPLETION_COUNT), count);
        assert_eq!(model.read(COMPLETION_TAG), 76 + count);
        assert_eq!(model.read(COMPLETION), DONE_OK);
    }
}

#[test]
fn commands_need_light_to_the_end() {
    let model = on_bench(Chip::ideal(2, 16, Law::Linear));
    let vectors = vec![vec![[FULL, 0]; 2]; 3];
    model.set_codes(&[0, 0, 1 << 15, 0, 1 << 15]);
    let (done, bright) = model.command(START_PRODUCT, 0, &vectors);
    assert_eq!(done, DONE_OK);
    assert_ne!(bright[2][0], [0, 0]);
    let dark = vec![vec![[0, 0]; 2]; 3];
    let emit = |on: bool| model.with_surroundings(|b| b.light.emission = on);
    // None from the beginning.
    emit(false);
    assert_eq!(
        model.command(START_PRODUCT, 0, &vectors),
        (DONE_DARK, dark.clone())
    );
    // None at the end, and none in between.
    for back in [false, true] {
        emit(true);
        model.write(COMMAND_START, START_PRODUCT);
        model.wait(500);
        emit(false);
        model.wait(10);
        emit(back);
        model.wait(5_000);
        assert_eq!(model.read(COMPLETION), DONE_DARK);
        assert_eq!(model.read(OUTPUT), 0);
    }
    // What happens after its end does not matter.
    emit(true);
    model.write(COMMAND_START, START_PRODUCT);
    model.wait(5_000);
    emit(false);
    assert_eq!(model.read(COMPLETION), DONE_OK);
    assert_ne!(model.read(OUTPUT), 0);
    emit(true);
    // Taps are dark, too, but only a probe changes them.
    let tap = || model.read(TAP) | model.read(TAP + 4);
    let (done, ..) = model.probe(0, 0, &vectors[0]);
    assert_eq!(done, DONE_OK);
    let bright = tap();
    assert_ne!(bright, 0);
    emit(false);
    model.command(START_PRODUCT, 0, &vectors);
    assert_eq!(tap(), bright);
    model.probe(0, 0, &vectors[0]);
    assert_eq!(tap(), 0);
    // No duty is no light.
    emit(true);
    model.write(LASER_DUTY, 0);
    let (done, _) = model.command(START_PRODUCT, 0, &vectors);
    assert_eq!(done, DONE_DARK);
}

#[test]
fn senseless_commands_end_at_once() {
    let chip = Chip {
        vectors: 9,
        wavelengths: 3,
        ..Chip::ideal(2, 16, Law::Linear)
    };
    let model = on_bench(chip);
    let mut count = 0;
    for (vectors, mode, start, outcome) in [
        (0, 0, START_PRODUCT, DONE_INVALID),
        (10, 0, START_PRODUCT, DONE_INVALID),
        (u32::MAX, 0, START_PRODUCT, DONE_INVALID),
        (1, 3 << 8, START_PRODUCT, DONE_INVALID),
        (1, 0xff << 8, START_PROBE, DONE_INVALID),
        (1, 1 << 1, START_PRODUCT, DONE_INVALID),
        (1, 1 << 20, START_PROBE, DONE_INVALID),
        (1, 0, 3, DONE_INVALID),
        (1, 0, u32::MAX, DONE_INVALID),
        (9, 2 << 8 | 15 << 16 | MODE_DIRECT, START_PRODUCT, DONE_OK),
        (0, 0, START_PROBE, DONE_OK),
    ] {
        model.write(COMMAND_VECTORS, vectors);
        model.write(COMMAND_MODE, mode);
        model.write(COMMAND_TAG, 100 + count);
        model.write(COMMAND_START, start);
        model.wait(if outcome == DONE_OK { 30_000 } else { 0 });
        count += 1;
        assert_eq!(
            model.read(COMPLETION),
            outcome,
            "{vectors} {mode:x} {start}"
        );
        assert_eq!(model.read(COMPLETION_COUNT), count);
        assert_eq!(model.read(COMPLETION_TAG), 99 + count);
        assert_eq!(model.read(COMMAND_VECTORS), vectors);
        assert_eq!(model.read(COMMAND_MODE), mode);
    }
    // 0 starts nothing.
    model.write(COMMAND_START, 0);
    assert_eq!(model.read(COMPLETION_COUNT), count);
    assert_eq!(model.read(COMMAND_START), 0);
}

#[test]
fn resets_abort_and_clear() {
    let model = on_bench(Chip {
        settle_ns: 1000,
        ..Chip::ideal(2, 16, Law::Linear)
    });
    model.set_codes(&[1, 2, 3]);
    model.write(INPUT, 99);
    model.write(COMMAND_VECTORS, 1);
    model.write(COMMAND_TAG, 8);
    model.write(COMMAND_START, START_PROBE);
    model.write(CONTROL, CONTROL_RESET_SOFT);
    assert_eq!(model.read(CONTROL), 0);
    assert_eq!(model.read(STATUS) & STATUS_BUSY, 0);
    assert_eq!(
        (model.read(COMPLETION), model.read(COMPLETION_TAG)),
        (DONE_ABORTED, 8)
    );
    assert_eq!(model.read(COMPLETION_COUNT), 1);
    // Phases and buffers stay.
    assert_eq!((model.read(APPLIED + 8), model.read(INPUT)), (3, 99));
    // Without a command nothing is aborted.
    model.write(CONTROL, CONTROL_RESET_SOFT);
    assert_eq!(model.read(COMPLETION_COUNT), 1);
    model.write(CONTROL, CONTROL_RESET_FUNCTION);
    let heat = [
        SHADOW + 8,
        APPLIED + 8,
        INPUT,
        OUTPUT,
        TAP,
        HEATER_MW,
        COMMAND_VECTORS,
    ];
    assert_eq!(heat.map(|offset| model.read(offset)), [0; 7]);
    assert_eq!(model.read(COMMIT_COUNT), 1);
    assert_eq!(model.read(STATUS) & STATUS_EMISSION, 0);
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let run = |seed| {
        let chip = Chip::typical(6, seed);
        let model = on_bench(chip);
        model.set_codes(&codes(&chip, 1));
        let vectors = vec![vec![[1 << 29, -1 << 28]; 6]; 20];
        let (_, products) = model.command(START_PRODUCT, 2 << 16, &vectors);
        let (_, _, taps) = model.probe(1, 2, &vectors[0]);
        (products, taps)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).0, run(2).0);
    assert_ne!(run(1).1, run(2).1);
}

#[test]
fn identities_are_those_of_the_chip() {
    let chip = Chip::typical(32, 0x1234_5678_9abc_def0);
    let model = on_bench(chip);
    assert_eq!(model.read(IDENTITY), MAGIC);
    assert_eq!(model.read(REVISION) >> 16, MAJOR);
    assert_eq!(model.read(KIND), MODEL);
    assert_eq!(model.read(SERIAL_LOW), 0x9abc_def0);
    assert_eq!(model.read(SERIAL_HIGH), 0x1234_5678);
    assert_eq!(
        model.read(CAPABILITIES),
        CAP_MZI | CAP_COHERENT | CAP_WDM | CAP_THERMAL_CTRL
    );
    assert_eq!(
        model.read(GEOMETRY),
        32 | 8 << 8 | 5 << 16 | 6 << 20 | 64 << 24
    );
    assert_eq!(model.read(CONVERTERS), 12 | 16 << 8 | 16 << 16 | LAW_SQUARE);
    assert_eq!(model.read(FULL_SCALE), 75_366);
    assert_eq!(model.read(WATCHDOG_MAX_US), 2000);
    assert_eq!(model.read(CODE_LIMIT), 4095);
    assert_eq!(model.read(WAVELENGTH_PM), 1_550_000);
    assert_eq!(model.read(WAVELENGTH_STEP_PM), 400);
    // Half a step of 12 bits takes 13 ln 2 time constants of 10 µs.
    assert!((91..=160).contains(&model.read(SETTLE_US)));
    model.write(SERIAL_LOW, 0);
    assert_eq!(model.read(SERIAL_LOW), 0x9abc_def0);
    assert_eq!(on_bench(Chip::ideal(4, 8, Law::Linear)).read(SETTLE_US), 0);
}

#[test]
fn chips_that_cannot_be_modelled_are_refused() {
    type Change = fn(&mut Chip);
    let wrong: &[(Refusal, Change)] = &[
        (Refusal::Modes, |c| c.modes = 1),
        (Refusal::Modes, |c| c.modes = 33),
        (Refusal::Bits, |c| c.phase_bits = 7),
        (Refusal::Bits, |c| c.phase_bits = 25),
        (Refusal::Bits, |c| c.input_bits = 25),
        (Refusal::Bits, |c| c.output_bits = 0),
        (Refusal::FullScale, |c| c.full_scale = 16_383),
        (Refusal::FullScale, |c| c.full_scale = 131_073),
        (Refusal::CodeLimit, |c| c.code_limit = 0),
        (Refusal::CodeLimit, |c| c.code_limit = 4096),
        (Refusal::Vectors, |c| c.vectors = 0),
        (Refusal::Vectors, |c| c.vectors = 65),
        (Refusal::Vectors, |c| c.probe_ns = u32::MAX),
        (Refusal::Wavelengths, |c| c.wavelengths = 0),
        (Refusal::Wavelengths, |c| c.wavelengths = 65),
        (Refusal::Wavelengths, |c| c.wavelength_pm = 0),
        (Refusal::Wavelengths, |c| c.wavelength_step_pm = u32::MAX),
        (Refusal::Settling, |c| c.settle_ns = 10_000_001),
        (Refusal::Spread, |c| c.splitter = RADIAN),
        (Refusal::Spread, |c| c.efficiency_ppm = 100_001),
        (Refusal::Spread, |c| c.path_nm = 100_001),
        (Refusal::Spread, |c| c.tap_ppm = 100_001),
        (Refusal::Spread, |c| c.heater_uw = u32::MAX),
        (Refusal::Crosstalk, |c| c.crosstalk[3] = u32::MAX),
        (Refusal::Crosstalk, |c| c.crosstalk = [1 << 27; CLASSES]),
        (Refusal::Drift, |c| c.chip_drift_pm = 0),
        (Refusal::Drift, |c| c.laser_drift_pm = 1001),
        (Refusal::Drift, |c| c.reference_mc = i32::MIN),
        (Refusal::Loss, |c| c.loss = 0),
        (Refusal::Loss, |c| c.loss = (1 << 30) + 1),
        (Refusal::Noise, |c| c.shot = u32::MAX),
        (Refusal::Noise, |c| c.tap = u32::MAX),
        (Refusal::Noise, |c| c.light_uw = 0),
    ];
    for (n, (refusal, change)) in wrong.iter().enumerate() {
        let mut chip = Chip::typical(8, 0);
        assert!(chip.check().is_ok());
        change(&mut chip);
        assert_eq!(chip.check(), Err(*refusal), "case {n}");
        assert!(optics(chip).is_err());
    }
}

#[test]
fn extremes_of_what_is_allowed_do_not_overflow() {
    // The test profile checks overflow: everything at its bound at once.
    let chip = Chip {
        phase_bits: 24,
        code_limit: (1 << 24) - 1,
        full_scale: 1 << 17,
        wavelengths: 64,
        wavelength_pm: 1_000_000,
        wavelength_step_pm: 1562,
        command_ns: 10_000_000,
        vector_ns: 10_000_000,
        probe_ns: 10_000_000,
        settle_ns: 10_000_000,
        heater_uw: 1_000_000,
        offset: u32::MAX,
        splitter: RADIAN / 10,
        efficiency_ppm: 100_000,
        crosstalk: [1 << 25; CLASSES],
        path_nm: 100_000,
        reference_mc: -40_000,
        chip_drift_pm: 1,
        laser_drift_pm: 1000,
        loss: 1 << 29,
        light_uw: u32::MAX,
        shot: 1 << 30,
        thermal: 1 << 30,
        converter: 1 << 30,
        tap: 1 << 28,
        tap_ppm: 100_000,
        ..Chip::typical(32, u64::MAX)
    };
    let model = on_bench(chip);
    model.with_surroundings(|b| (b.light.power_uw, b.light.die_mc) = (1, i32::MAX));
    let full = vec![vec![[i32::MIN; 2]; 32]; 64];
    for (start, code) in [
        (START_PROBE, u32::MAX),
        (START_PRODUCT, 0),
        (START_PRODUCT, 0xff_ffff),
    ] {
        model.set_codes(&[code; 2080]);
        for mode in [63 << 8, MODE_DIRECT | 63 << 8 | 15 << 16, 15 << 16] {
            let (done, _) = model.command(start, mode, &full);
            assert_eq!(done & DONE_OUTCOME, DONE_OK);
        }
        model.with_surroundings(|b| b.light.die_mc = i32::MIN);
    }
    model.set_now(u64::MAX);
    model.command(START_PROBE, 0, &full[..1]);
}

/// Waits `ms` milliseconds, as a driver does that looks after its device.
fn look_after(model: &HostModel<Plant>, ms: u32) {
    for _ in 0..2 * ms {
        model.write(WATCHDOG_KICK, KICK);
        model.wait(500_000);
    }
}

/// A whole device with power and light.
fn whole(chip: Chip) -> HostModel<Plant> {
    let plant = Plant::new(&PlantConfig::TYPICAL, 1);
    let model = Model::new(plant, optics(chip).unwrap());
    for rail in 0..RAILS {
        model.write(RAIL_ENABLE, (2 << rail) - 1);
        look_after(&model, 30);
        assert_eq!(model.read(RAIL_GOOD), (2 << rail) - 1);
    }
    model.write(LASER_CONTROL, LASER_ENABLE | LASER_KEY);
    assert_ne!(model.read(STATUS) & STATUS_EMISSION, 0);
    model
}

#[test]
fn a_whole_device_computes_while_it_is_looked_after() {
    let chip = Chip {
        settle_ns: 10_000,
        ..Chip::ideal(2, 16, Law::Linear)
    };
    let model = whole(chip);
    assert_eq!(model.read(KIND), MODEL);
    assert_eq!(model.read(CODE_LIMIT), 65_535);
    for (offset, code) in (SHADOW..)
        .step_by(4)
        .zip([0, 0, 1 << 15, 0, 1 << 15, 0, 0, 0])
    {
        model.write(offset, code);
    }
    model.write(COMMIT, 1);
    assert_ne!(model.read(STATUS) & STATUS_SETTLING, 0);
    look_after(&model, 1);
    assert_eq!(model.read(STATUS) & STATUS_SETTLING, 0);
    assert_eq!(model.read(IRQ_STATUS), IRQ_SETTLED);
    model.write(IRQ_STATUS, IRQ_SETTLED);
    let input = vec![vec![[1 << 30, 0], [0, 0]]];
    let (done, outputs) = model.command(START_PRODUCT, 3 << 16, &input);
    assert_eq!(done, DONE_OK);
    let power: f64 = complex(&outputs[0]).into_iter().map(C::power).sum();
    assert!((power - 0.25).abs() < 1e-5);
    assert_eq!(model.read(IRQ_STATUS), IRQ_COMPLETION);
    // Busy and settling are part of the status; the heaters are part of the load.
    model.write(COMMAND_START, START_PROBE);
    assert_ne!(model.read(STATUS) & STATUS_BUSY, 0);
    let idle_ma = 30 + model.read(HEATER_MW) * 10 / 33;
    assert!(model.read(RAIL_MA + 4 * 3).abs_diff(idle_ma) <= 3);
    // The watchdog ends the light, not a command that was through before.
    model.wait(5_000_000);
    assert_eq!(model.read(COMPLETION), DONE_OK);
    assert_ne!(model.read(LATCHES) & LATCH_WATCHDOG, 0);
    assert_eq!(model.command(START_PRODUCT, 3 << 16, &input).0, DONE_DARK);
    // A command that runs when it ends has no light to the end.
    model.write(WATCHDOG_KICK, KICK);
    model.write(LATCH_CLEAR, u32::MAX);
    model.write(LASER_CONTROL, LASER_ENABLE | LASER_KEY);
    model.wait(1_990_000);
    model.write(COMMAND_START, START_PROBE);
    model.wait(1_000_000);
    assert_eq!(model.read(COMPLETION), DONE_DARK);
}

#[test]
fn heaters_forget_without_power() {
    let model = whole(Chip::ideal(2, 16, Law::Linear));
    model.set_codes(&[5, 6, 7]);
    let applied = || [0, 4, 8].map(|n| model.read(APPLIED + n));
    assert_eq!(applied(), [5, 6, 7]);
    model.write(RAIL_ENABLE, 0b11);
    look_after(&model, 60);
    assert_eq!(applied(), [0; 3]);
    assert_eq!(model.read(HEATER_MW), 0);
    // Codes without power are lost too; those of the next commit stay.
    model.write(COMMIT, 1);
    assert_eq!(applied(), [0; 3]);
    model.write(RAIL_ENABLE, 0b1111);
    look_after(&model, 60);
    assert_eq!(applied(), [0; 3]);
    model.write(COMMIT, 1);
    assert_eq!(applied(), [5, 6, 7]);
}

#[test]
fn function_resets_reach_both_halves() {
    let model = whole(Chip::ideal(2, 16, Law::Linear));
    model.set_codes(&[60_000; 8]);
    assert_ne!(model.read(HEATER_MW), 0);
    model.write(CONTROL, CONTROL_RESET_FUNCTION);
    assert_eq!(model.read(STATUS) & STATUS_EMISSION, 0);
    assert_eq!((model.read(HEATER_MW), model.read(APPLIED)), (0, 0));
}

#[test]
fn a_device_that_is_gone_reads_as_all_ones() {
    let model = whole(Chip::ideal(2, 16, Law::Linear));
    model.with_surroundings(|plant| plant.inject(Fault::Gone(true)));
    for offset in [
        IDENTITY, STATUS, SENSOR, COMPLETION, SHADOW, TAP, INPUT, OUTPUT,
    ] {
        model.write(offset, 1);
        assert_eq!(model.read(offset), GONE);
    }
    model.with_surroundings(|plant| plant.inject(Fault::Gone(false)));
    assert_eq!(model.read(IDENTITY), MAGIC);
    assert_eq!(model.read(SHADOW), 0);
}

#[test]
fn drift_shows_in_products_as_the_die_warms() {
    // Warm air and no cooling: what comes out follows the temperature, step by step.
    let chip = silent(3, 2);
    let model = whole(chip);
    let channels = model.layout().channels();
    let codes = vec![1500; channels];
    model.set_codes(&codes);
    let first = model
        .with_surroundings(|plant| plant.light().die_mc)
        .unwrap();
    let mut apart = 0f64;
    let bench = on_bench(chip);
    bench.set_codes(&codes);
    for _ in 0..20 {
        look_after(&model, 100);
        let die_mc = model
            .with_surroundings(|plant| plant.light().die_mc)
            .unwrap();
        bench.with_surroundings(|b| b.light.die_mc = die_mc);
        bench.wait(1_000_000);
        let units = unit_vectors(3);
        let (_, here) = model.products(0, 2, &units);
        let (_, there) = bench.products(0, 2, &units);
        for (a, b) in here
            .iter()
            .flatten()
            .flatten()
            .zip(there.iter().flatten().flatten())
        {
            apart = apart.max((a - b).abs());
        }
    }
    let last = model
        .with_surroundings(|plant| plant.light().die_mc)
        .unwrap();
    assert_ne!(first / 1000, last / 1000);
    // One step of 10 thousandths of a degree between the two readings at most.
    assert!(apart < 1e-4, "{apart}");
}

#[test]
fn interrupts_can_be_had_by_the_clock() {
    let chip = Chip {
        settle_ns: 1000,
        ..Chip::ideal(2, 16, Law::Linear)
    };
    let model = on_bench(chip);
    let light = model.with_surroundings(|b| b.light).unwrap();
    let mut optics = optics(chip).unwrap();
    optics.write(SHADOW, 5, &light, 100);
    optics.write(COMMIT, 1, &light, 100);
    optics.write(COMMAND_START, START_PROBE, &light, 200);
    let (end, settled) = (
        optics.busy_until().unwrap(),
        optics.settling_until().unwrap(),
    );
    assert_eq!(end, 200 + 21_000);
    assert_eq!(settled, 100 + 1000 * u64::from(chip.settle_us()));
    optics.advance(&light, end.max(settled));
    assert_eq!((optics.busy_until(), optics.settling_until()), (None, None));
    assert_eq!(optics.take_sudden_interrupts(), 0);
    assert_eq!(optics.take_interrupts(), 0);
    // A refused command ends suddenly.
    optics.write(COMMAND_START, 9, &light, end);
    assert_eq!(optics.take_sudden_interrupts(), IRQ_COMPLETION);
    optics.write(COMMAND_START, START_PROBE, &light, end);
    optics.advance(&light, 2 * end);
    assert_eq!(optics.take_interrupts(), IRQ_COMPLETION);
}

#[test]
fn no_access_upsets_the_model() {
    // Anything, anywhere, at any time. The test profile checks overflow and bounds.
    for seed in 0..u64::from(cases(40, 2000)) {
        let mut chance = Random::new(seed);
        let modes = 2 + chance.below(7) as usize;
        let model = Model::new(
            Plant::new(&PlantConfig::TYPICAL, seed),
            optics(Chip::typical(modes, seed)).unwrap(),
        );
        model.write(RAIL_ENABLE, 0x3f);
        look_after(&model, 100);
        for _ in 0..20_000 {
            let offset = match chance.below(4) {
                0 => chance.below(SIZE),
                1 => COMMAND_VECTORS + chance.below(0x20),
                2 => COMMIT + chance.below(16),
                _ => SHADOW + chance.below(4 * 200),
            } & !3;
            let value = match chance.below(3) {
                0 => chance.below(4),
                1 => chance.below(1 << 16),
                _ => chance.bits() as u32,
            };
            match chance.below(8) {
                0 => model.wait(chance.bits() >> (16 + chance.below(48))),
                1 => model.write(WATCHDOG_KICK, KICK),
                2 => model.write(LASER_CONTROL, LASER_ENABLE | LASER_KEY),
                3 | 4 => drop(model.read(offset)),
                _ => model.write(offset, value),
            }
        }
        assert_eq!(model.read(IDENTITY), MAGIC);
        assert!(model.read(COMPLETION_COUNT) > 0);
    }
}
