// SPDX-License-Identifier: GPL-2.0

//! Calibration against chips in floating point.

mod photonic_bench;

use std::time::Instant;

use lightos::photonic::calibrate::{calibrate, Blob, Calibration, Options};
use lightos::photonic::{Matrix, Program, Splitters};
use lightos_host::chips::on_bench;
use lightos_host::driver::{Driver, Vector};
use lightos_host::photonic::mesh::vector::Detection;
use lightos_host::photonic::model::chip::Chip;
use lightos_host::photonic::model::random::Random;
use lightos_host::photonic::registers::Registers;
use num_complex::Complex64;
use photonic_bench::device::OnBench;
use photonic_bench::Bench;

/// Rms of angles.
fn rms(differences: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for difference in differences {
        let turn = difference - (difference / std::f64::consts::TAU).round() * std::f64::consts::TAU;
        sum += turn * turn;
        count += 1.0;
    }
    (sum / f64::max(count, 1.0)).sqrt()
}

fn differ<'a>(found: &'a [f64], truth: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    found.iter().zip(truth).map(|(found, truth)| found - truth)
}

/// Prints how far what was found is from the truth.
fn report(bench: &Bench, found: &Calibration, seconds: f64) {
    let chip = &found.chip;
    let a = 2 * bench.layout.mesh_crossings();
    println!(
        "N = {}: {} settings, {} inputs, {seconds:.2} s, residual of outputs {:.2e}, of taps {:.2e}",
        bench.layout.modes(),
        found.shots,
        found.inputs,
        found.residual,
        rms(found.residuals.iter().copied()),
    );
    println!(
        "  rms errors: offsets of the first mesh {:.2e} rad, efficiencies {:.2e} rad, alpha {:.2e}, beta {:.2e}",
        rms(differ(&chip.offset[..a], &bench.offset[..a])),
        rms(differ(&chip.efficiency, &bench.efficiency)),
        rms(differ(&chip.alpha, &bench.alpha)),
        rms(differ(&chip.beta, &bench.beta)),
    );
    let crosstalk: Vec<_> = differ(&chip.crosstalk, &bench.crosstalk).collect();
    println!("  errors of crosstalk {crosstalk:?}");
    for column in 0..bench.layout.columns() {
        let place = bench.layout.column(column);
        let theta = (place.first..place.first + place.count).map(|c| 2 * c);
        let offset = |c: usize| chip.offset[c] - bench.offset[c];
        println!(
            "    column {column}: theta {:.1e}, phi {:.1e}, alpha {:.1e} gain {:.4}",
            rms(theta.clone().map(offset)),
            rms(theta.clone().map(|c| offset(c + 1))),
            rms(theta.clone().map(|c| chip.alpha[c / 2] - bench.alpha[c / 2])),
            chip.gain[column]
        );
        println!(
            "      residual {:.1e}, k theta {:.1e} phi {:.1e}, sum {:.1e}",
            rms(theta.clone().map(|c| found.residuals[c])),
            rms(theta.clone().map(|c| chip.efficiency[c] - bench.efficiency[c])),
            rms(theta.clone().map(|c| chip.efficiency[c + 1] - bench.efficiency[c + 1])),
            rms(theta.map(|c| chip.alpha[c / 2] - bench.alpha[c / 2] + chip.beta[c / 2] - bench.beta[c / 2])),
        );
    }
}

#[test]
fn it_finds_the_parameters() {
    let modes = std::env::var("MODES").map_or(8, |m| m.parse().unwrap());
    let mut bench = Bench::new(modes, 3);
    if let Ok(z) = std::env::var("ZERO") {
        for c in z.split(',') {
            bench.crosstalk[c.parse::<usize>().unwrap()] = 0.0;
        }
    }
    let start = Instant::now();
    if std::env::var("DBG").is_ok() {
        let l = bench.layout;
        for c in l.mesh_crossings()..l.mesh_crossings() + modes {
            eprintln!("truth {c} {:.5} {:.5} {:.5} {:.5}", bench.offset[2 * c], bench.efficiency[2 * c], bench.alpha[c], bench.beta[c]);
        }
    }
    let found = calibrate(&mut bench, &Options::default()).unwrap();
    report(&bench, &found, start.elapsed().as_secs_f64());
}

/// The driver's arithmetic with a calibration that was measured, on the model that was measured.
#[test]
fn a_model_computes_well_once_it_is_calibrated() {
    let modes = std::env::var("MODES").map_or(8, |m| m.parse().unwrap());
    let chip = Chip::typical(modes, 3);
    let device = on_bench(chip);
    let start = Instant::now();
    let options = Options {
        warmer: Some(10.0),
        wavelengths: vec![1, 7],
        ..Options::default()
    };
    let found = calibrate(&mut OnBench(&device), &options).unwrap();
    println!(
        "N = {modes}: {} settings, {} inputs, {:.2} s, residual of outputs {:.2e}",
        found.shots,
        found.inputs,
        start.elapsed().as_secs_f64(),
        found.residual
    );
    let bytes = Blob::new(&found, 1_790_000_000).encode();
    let blob = Blob::decode(&bytes).unwrap();
    let pairs = blob.splitters.clone().unwrap();
    let splitters = Splitters {
        alpha: pairs.iter().map(|pair| pair[0]).collect(),
        beta: pairs.iter().map(|pair| pair[1]).collect(),
    };
    let mut driver = Driver::new(&device, |ns| device.wait(ns)).unwrap();
    let cases = cases(modes, 6, &splitters);
    report_errors("uncalibrated", &measure(&mut driver, &cases[..2], 0, |_| ()));
    driver.load(bytes).unwrap();
    let home = report_errors("calibrated", &measure(&mut driver, &cases, 0, |_| ()));
    for wavelength in [1, 7] {
        let errors = measure(&mut driver, &cases, wavelength, |_| ());
        report_errors(&format!("at wavelength {wavelength}"), &errors);
    }
    let warm = |celsius: i32| {
        let die_mc = chip.reference_mc + 1000 * celsius;
        device.with_surroundings(|bench| bench.light.die_mc = die_mc);
    };
    let warmed = measure(&mut driver, &cases, 0, |driver| {
        warm(0);
        for step in 1..=10 {
            warm(step);
            driver.follow(100_000_000).unwrap();
        }
    });
    let warmed = report_errors("10 degrees warmer, compensated", &warmed);
    assert!(home <= 0.02, "{home}");
    assert!(warmed <= 2.0 * home, "{warmed} {home}");
}

/// A matrix with its program and vectors.
struct Case {
    matrix: Matrix,
    program: Program,
    vectors: Vec<Vec<Complex64>>,
}

/// Real matrices and complex ones in turn.
fn cases(modes: usize, count: u64, splitters: &Splitters) -> Vec<Case> {
    let mut random = Random::new(77);
    let mut normal = || random.normal(1 << 24) as f64 / f64::from(1 << 24);
    (0..count)
        .map(|nth| {
            let matrix = Matrix::from_fn(modes, modes, |_, _| {
                Complex64::new(normal(), if nth % 2 == 0 { 0.0 } else { normal() })
            });
            let mut vector = || (0..modes).map(|_| Complex64::new(normal(), normal())).collect();
            Case {
                vectors: (0..20).map(|_| vector()).collect(),
                program: Program::corrected(modes, &matrix, splitters)
                    .and_then(|program| program.refined(splitters, 30))
                    .unwrap(),
                matrix,
            }
        })
        .collect()
}

/// Relative errors of all vectors, and the rms of those of the matrices.
struct Errors {
    vectors: Vec<f64>,
    matrices: f64,
}

fn measure<R: Registers, W: Fn(u64)>(
    driver: &mut Driver<'_, R, W>,
    cases: &[Case],
    wavelength: u32,
    mut between: impl FnMut(&mut Driver<'_, R, W>),
) -> Errors {
    let (mut vectors, mut squares) = (Vec::new(), 0.0);
    for case in cases {
        driver.program(&case.program.phases, wavelength).unwrap();
        between(driver);
        // Standard normal parts are less than 8.
        let word = |part: f64| (part * 2f64.powi(28)).round() as i32;
        let input: Vec<_> = case
            .vectors
            .iter()
            .map(|vector| Vector {
                parts: vector.iter().flat_map(|z| [word(z.re), word(z.im)]).collect(),
                exponent: 3,
            })
            .collect();
        let batches = driver.multiply(Detection::Coherent, &input).unwrap();
        let outputs = batches.iter().flat_map(|batch| &batch.outputs);
        let (mut off, mut whole) = (0.0, 0.0);
        for (vector, output) in case.vectors.iter().zip(outputs) {
            let exact = case.matrix.times(vector);
            let scale = 2f64.powi(output.exponent - 31) * case.program.scale;
            let pairs = output.parts.chunks(2).zip(&exact);
            let error: f64 = pairs
                .map(|(pair, z)| {
                    let found = Complex64::new(f64::from(pair[0]), f64::from(pair[1])) * scale;
                    (found - z).norm_sqr()
                })
                .sum();
            let size: f64 = exact.iter().map(|z| z.norm_sqr()).sum();
            vectors.push((error / size).sqrt());
            off += error;
            whole += size;
        }
        squares += off / whole;
    }
    vectors.sort_by(f64::total_cmp);
    Errors {
        vectors,
        matrices: (squares / cases.len() as f64).sqrt(),
    }
}

fn report_errors(name: &str, errors: &Errors) -> f64 {
    let count = errors.vectors.len();
    println!(
        "  {name:32} relative error: median {:.2e}, rms {:.2e}, worst {:.2e}",
        errors.vectors[count / 2],
        errors.matrices,
        errors.vectors[count - 1],
    );
    errors.matrices
}

#[test]
fn chips_of_all_sizes_are_calibrated() {
    let mut worst = 0.0f64;
    for modes in 2..=7 {
        for seed in 1..=8 {
            let device = on_bench(Chip::typical(modes, seed));
            match calibrate(&mut OnBench(&device), &Options::default()) {
                Ok(found) => {
                    worst = worst.max(found.residual);
                    if found.residual > 3e-4 { println!("{modes} {seed} {:.2e}", found.residual); }
                }
                Err(error) => println!("{modes} {seed} {error}"),
            }
        }
    }
    println!("worst {worst:.2e}");
}
