// SPDX-License-Identifier: GPL-2.0

//! Calibration against chips in floating point.

mod photonic_bench;

use std::f64::consts::TAU;
use std::time::Instant;

use lightos::photonic::calibrate::{
    calibrate, Blob, Calibration, Error, Options, Output, ProbeError,
};
use lightos::photonic::{Matrix, Program, Splitters};
use lightos_host::chips::on_bench;
use lightos_host::driver::{Driver, Vector};
use lightos_host::photonic::mesh::calibration as driver;
use lightos_host::photonic::mesh::identity::Identity;
use lightos_host::photonic::mesh::vector::Detection;
use lightos_host::photonic::model::chip::{fading, Chip, Law};
use lightos_host::photonic::model::random::Random;
use lightos_host::photonic::registers::Registers;
use lightos_host::support;
use num_complex::Complex64;
use photonic_bench::device::OnBench;
use photonic_bench::{Bench, Fault};

/// Whether the long forms of tests are wanted.
fn long() -> bool {
    support::cases(0, 1) == 1
}

/// Rms of angles.
fn rms(differences: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for difference in differences {
        let turn = difference - (difference / TAU).round() * TAU;
        sum += turn * turn;
        count += 1.0;
    }
    (sum / f64::max(count, 1.0)).sqrt()
}

fn differ<'a>(found: &'a [f64], truth: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    found.iter().zip(truth).map(|(found, truth)| found - truth)
}

/// Prints and checks how far what was found is from the truth.
fn check(bench: &Bench, found: &Calibration, seconds: f64) {
    let (chip, layout) = (&found.chip, bench.layout);
    // The second mesh takes what cannot be told apart from it: its phases are not those of the
    // chip, but do the same.
    let first = layout.mesh_crossings();
    let thetas: Vec<_> = (0..layout.crossings()).map(|c| layout.theta(c)).collect();
    let meshes = (0..layout.crossings()).filter(|c| !(first..first + layout.modes()).contains(c));
    let meshes: Vec<_> = meshes.collect();
    let attenuators: Vec<_> = (first..first + layout.modes()).collect();
    let offset = |&channel: &usize| chip.offset[channel] - bench.offset[channel];
    let alpha = |&c: &usize| chip.alpha[c] - bench.alpha[c];
    let beta = |&c: &usize| chip.beta[c] - bench.beta[c];
    let taps = &found.residuals[..2 * layout.crossings()];
    println!(
        "N = {}: {} settings, {} inputs, {seconds:.2} s; rms residual of outputs {:.2e}, of taps {:.2e}",
        layout.modes(),
        found.shots,
        found.inputs,
        found.residual,
        rms(taps.iter().copied()),
    );
    let crosstalk = differ(&chip.crosstalk, &bench.crosstalk);
    for (name, error, allowed) in [
        ("theta without heat", rms(thetas.iter().map(offset)), 1e-3),
        (
            "phi of the first mesh",
            rms((0..first).map(|c| offset(&(2 * c + 1)))),
            1e-3,
        ),
        (
            "efficiencies",
            rms(differ(&chip.efficiency, &bench.efficiency)),
            1e-3,
        ),
        ("alpha", rms(meshes.iter().map(alpha)), 3e-4),
        ("beta", rms(meshes.iter().map(beta)), 3e-4),
        // Which is which does not show, and does not matter.
        (
            "alpha + beta, attenuators",
            rms(attenuators.iter().map(|c| alpha(c) + beta(c))),
            1e-3,
        ),
        ("crosstalk", rms(crosstalk), 1e-4),
        (
            "temperature, rad per degree",
            rms((0..first).map(|c| chip.tempco[2 * c] - bench.tempco[2 * c])),
            2e-4,
        ),
    ] {
        println!("  rms error of {name:28} {error:.1e}");
        assert!(error <= allowed, "{name}: {error} > {allowed}");
    }
    assert!(found.residual < 5e-4);
}

#[test]
fn it_finds_the_parameters() {
    let sizes: &[usize] = if long() {
        &[2, 3, 8, 9, 16, 32]
    } else {
        &[2, 3, 8, 9]
    };
    for &modes in sizes {
        let mut bench = Bench::new(modes, 3);
        // Crosstalk that no heaters are near enough for cannot be found.
        if modes < 4 {
            bench.crosstalk[4] = 0.0;
            bench.crosstalk[6] = 0.0;
        }
        let start = Instant::now();
        let options = Options {
            warmer: Some(10.0),
            ..Options::default()
        };
        let found = calibrate(&mut bench, &options).unwrap();
        check(&bench, &found, start.elapsed().as_secs_f64());
        assert_eq!(found.inputs, bench.probes);
        assert!(found.inputs <= 20_000);
    }
}

/// The die is never still.
#[test]
fn a_die_that_strays_is_made_up_for() {
    let mut bench = Bench::new(8, 5);
    bench.wobble = 0.3;
    let options = Options {
        warmer: Some(10.0),
        ..Options::default()
    };
    let found = calibrate(&mut bench, &options).unwrap();
    check(&bench, &found, 0.0);
}

/// The driver's arithmetic with a calibration that was measured, on the model that was measured.
#[test]
fn a_model_computes_well_once_it_is_calibrated() {
    computes_well(8, 3, 6);
    computes_well(16, 4, 6);
    if long() {
        for seed in 1..=3 {
            computes_well(32, seed, 20);
        }
    }
}

fn computes_well(modes: usize, seed: u64, matrices: u64) {
    let chip = Chip::typical(modes, seed);
    let device = on_bench(chip);
    let start = Instant::now();
    let options = Options {
        warmer: Some(10.0),
        wavelengths: vec![1, 7],
        ..Options::default()
    };
    let found = calibrate(&mut OnBench(&device), &options).unwrap();
    println!(
        "N = {modes}, seed {seed}: {} settings, {} inputs, {:.2} s, rms residual of outputs {:.2e}",
        found.shots,
        found.inputs,
        start.elapsed().as_secs_f64(),
        found.residual
    );
    assert!(found.inputs <= 20_000);
    let bytes = Blob::new(&found, 1_790_000_000).encode();
    let pairs = Blob::decode(&bytes).unwrap().splitters.unwrap();
    let splitters = Splitters {
        alpha: pairs.iter().map(|pair| pair[0]).collect(),
        beta: pairs.iter().map(|pair| pair[1]).collect(),
    };
    let mut driver = Driver::new(&device, |ns| device.wait(ns)).unwrap();
    let cases = cases(modes, matrices, &splitters);
    report(
        "uncalibrated",
        &measure(&mut driver, &cases[..2], 0, |_| ()),
    );
    driver.load(bytes).unwrap();
    let home = report("calibrated", &measure(&mut driver, &cases, 0, |_| ()));
    for wavelength in [1, 7] {
        let errors = measure(&mut driver, &cases, wavelength, |_| ());
        let other = report(&format!("at wavelength {wavelength}"), &errors);
        assert!(other <= 0.02, "{other}");
    }
    let warm = |degrees: i32| {
        let die_mc = chip.reference_mc + 1000 * degrees;
        device.with_surroundings(|bench| bench.light.die_mc = die_mc);
    };
    let drift = |driver: &mut Driver<'_, _, _>, compensated: bool| {
        warm(0);
        for step in 1..=10 {
            warm(step);
            if compensated {
                driver.follow(100_000_000).unwrap();
            }
        }
    };
    let left = measure(&mut driver, &cases[..2], 0, |driver| drift(driver, false));
    report("10 degrees warmer", &left);
    let followed = measure(&mut driver, &cases, 0, |driver| drift(driver, true));
    let followed = report("10 degrees warmer, compensated", &followed);
    assert!(home <= 0.02, "{home}");
    assert!(followed <= 2.0 * home, "{followed} {home}");
}

/// What the blob says is what the driver reads, and damage is seen by both.
#[test]
fn the_driver_reads_what_was_found() {
    let device = on_bench(Chip::typical(3, 9));
    let options = Options {
        warmer: Some(5.0),
        wavelengths: vec![2],
        ..Options::default()
    };
    let found = calibrate(&mut OnBench(&device), &options).unwrap();
    let blob = Blob::new(&found, 1_790_000_000);
    let bytes = blob.encode();
    let identity = Identity::read(&device).unwrap();
    let read = driver::Calibration::read(&bytes[..], &identity).unwrap();
    let turns = |radians: f64, bits: i32| radians / TAU * 2f64.powi(bits);
    for (channel, heater) in blob.heaters.iter().enumerate() {
        let read = read.channel(channel);
        assert!((f64::from(read.offset) - turns(heater.offset, 32)).abs() <= 1.0);
        assert!((f64::from(read.efficiency) - turns(heater.efficiency, 28)).abs() <= 1.0);
        assert!((f64::from(read.tempco) - turns(heater.tempco, 32)).abs() <= 1.0);
        assert_eq!(read.limit, heater.limit);
    }
    for (crossing, errors) in blob.splitters.iter().flatten().enumerate() {
        let (alpha, beta) = read.splitters(crossing).unwrap();
        assert!((f64::from(alpha) - turns(errors[0], 32)).abs() <= 1.0);
        assert!((f64::from(beta) - turns(errors[1], 32)).abs() <= 1.0);
    }
    for (read, crosstalk) in read.crosstalk().iter().zip(blob.crosstalk) {
        assert!((f64::from(*read) - crosstalk * 2f64.powi(30)).abs() <= 1.0);
    }
    assert_eq!(read.reference_mc(), Some(blob.temperature_mc));
    let home = driver::Conditions {
        wavelength: 2,
        temperature_mc: blob.temperature_mc,
    };
    let scale = blob.wavelengths[0].scale * 2f64.powi(30);
    assert!((f64::from(read.at(home).scale()) - scale).abs() <= 1.0);

    let again = Blob::decode(&bytes).unwrap();
    assert_eq!(again.encode(), bytes);
    assert_eq!(
        (again.serial, again.made, again.modes),
        (9, 1_790_000_000, 3)
    );
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert!(Blob::decode(&damaged).is_err(), "byte {at}");
        assert!(
            driver::Calibration::read(&damaged[..], &identity).is_err(),
            "byte {at}"
        );
        assert!(Blob::decode(&bytes[..at]).is_err(), "{at} bytes");
    }
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
            let mut vector = || {
                (0..modes)
                    .map(|_| Complex64::new(normal(), normal()))
                    .collect()
            };
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
                parts: vector
                    .iter()
                    .flat_map(|z| [word(z.re), word(z.im)])
                    .collect(),
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

fn report(name: &str, errors: &Errors) -> f64 {
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
    let (sizes, seeds) = if long() {
        (2..=12, 1..=4)
    } else {
        (2..=6, 1..=3)
    };
    let mut worst = 0.0f64;
    for modes in sizes {
        for seed in seeds.clone() {
            let device = on_bench(Chip::typical(modes, seed));
            let found = calibrate(&mut OnBench(&device), &Options::default());
            let found = found.unwrap_or_else(|error| panic!("N = {modes}, seed {seed}: {error}"));
            worst = worst.max(found.residual);
        }
    }
    println!("greatest rms residual of outputs {worst:.2e}");
    assert!(worst < 1e-3);
}

/// Other laws, converters and spreads, noise ten times that of a good chip, and none of it all.
#[test]
fn chips_of_other_kinds_are_calibrated() {
    let typical = Chip::typical(6, 21);
    let kinds = [
        (
            "linear, 14 bits",
            Chip {
                law: Law::Linear,
                phase_bits: 14,
                code_limit: 16_383,
                ..typical
            },
        ),
        ("ideal", Chip::ideal(6, 12, Law::Square)),
        ("ideal, linear", Chip::ideal(6, 16, Law::Linear)),
        (
            "noisy",
            Chip {
                tap: 10 * typical.tap,
                output_bits: 12,
                converter: 16 * typical.converter,
                ..typical
            },
        ),
        (
            "spread",
            Chip {
                splitter: 2 * typical.splitter,
                efficiency_ppm: 50_000,
                crosstalk: fading(30_000, 1000),
                ..typical
            },
        ),
        (
            "8 bits",
            Chip {
                phase_bits: 8,
                code_limit: 255,
                ..typical
            },
        ),
    ];
    for (name, chip) in kinds {
        let device = on_bench(chip);
        let found = calibrate(&mut OnBench(&device), &Options::default());
        let found = found.unwrap_or_else(|error| panic!("{name}: {error}"));
        println!("{name:20} rms residual of outputs {:.2e}", found.residual);
        let allowed = if name == "noisy" { 3e-3 } else { 5e-4 };
        assert!(found.residual < allowed, "{name}: {}", found.residual);
    }
}

/// Calibrates a chip of 4 modes with a fault.
fn broken(fault: Fault) -> Error {
    let mut bench = Bench::new(4, 11);
    bench.faults.push(fault);
    let error = calibrate(&mut bench, &Options::default()).map(|found| found.residual);
    let error = error.expect_err("a broken chip is refused");
    println!("{fault:?}: {error}");
    error
}

/// Crossings of 4 modes: 6 of the first mesh, 4 attenuators, 6 of the second mesh.
const CROSSINGS: std::ops::Range<usize> = 0..16;

#[test]
fn dead_taps_are_named() {
    for crossing in CROSSINGS {
        for (output, name) in [Output::Top, Output::Bottom].into_iter().enumerate() {
            for reading in [0.0, 0.3] {
                match broken(Fault::Tap(crossing, output, reading)) {
                    Error::DeadTap {
                        crossing: c,
                        output,
                    } => assert_eq!((c, output), (crossing, name)),
                    other => panic!("{other}"),
                }
            }
        }
    }
}

#[test]
fn dead_heaters_are_named() {
    for channel in 0..36 {
        match broken(Fault::Heater(channel)) {
            Error::DeadHeater { channel: c, .. } => assert_eq!(c, channel),
            other => panic!("{other}"),
        }
        match broken(Fault::Weak(channel, 0.6)) {
            Error::DeadHeater { channel: c, .. } => assert_eq!(c, channel),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn saturated_taps_are_named() {
    for crossing in CROSSINGS {
        match broken(Fault::Bright(crossing, 5.0)) {
            Error::SaturatedTap { crossing: c, .. } => assert_eq!(c, crossing),
            other => panic!("{other}"),
        }
    }
}

/// Taps need not be alike: what each shows of the power is found with the rest.
#[test]
fn taps_that_differ_are_made_up_for() {
    for crossing in CROSSINGS {
        let mut bench = Bench::new(4, 11);
        bench.faults.push(Fault::Bright(crossing, 1.1));
        let found = calibrate(&mut bench, &Options::default()).unwrap();
        assert!(found.residual < 5e-4, "{crossing}: {}", found.residual);
    }
    let chip = Chip {
        tap_ppm: 30_000,
        ..Chip::typical(6, 5)
    };
    let device = on_bench(chip);
    let found = calibrate(&mut OnBench(&device), &Options::default()).unwrap();
    println!(
        "taps 3 % apart: rms residual of outputs {:.2e}",
        found.residual
    );
    assert!(found.residual < 5e-4);
}

#[test]
fn darkness_and_dead_outputs_are_named() {
    assert!(matches!(broken(Fault::Dark), Error::Dark));
    assert!(matches!(
        broken(Fault::Refusing),
        Error::Probe(ProbeError::Dark)
    ));
    for mode in 0..4 {
        match broken(Fault::Output(mode)) {
            Error::DeadOutput { mode: m, channel } => assert_eq!((m, channel), (mode, 32 + mode)),
            other => panic!("{other}"),
        }
    }
}
