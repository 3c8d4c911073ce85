// SPDX-License-Identifier: GPL-2.0

//! Matrices through the driver's arithmetic and the model of a chip, against double precision.
//!
//! The bound is that of phases that are rounded to `b` bits of a turn: a relative error of
//! sqrt(2N) sigma, sigma = 2 pi / 2^b / sqrt(12), of a core of N modes (each output passes 2N + 1
//! columns, and errors of different heaters add up in power).

use std::f64::consts::TAU;

use lightos::photonic::{Complex, Matrix, Program, Splitters};
use lightos_host::chips::{on_bench, Device, HostModel};
use lightos_host::driver::{Driver, Vector};
use lightos_host::photonic::layout::Layout;
use lightos_host::photonic::mesh::identity::Identity;
use lightos_host::photonic::mesh::vector::Detection;
use lightos_host::photonic::model::bench::Bench;
use lightos_host::photonic::model::chip::{Chip, Law};
use lightos_host::photonic::registers::{Registers, GAIN_MAX};
use lightos_host::support::cases;

mod mesh;
use mesh::{Blob, Common, Random};

const MODES: usize = 32;
const VECTORS: usize = 20;

fn gaussian(random: &mut Random) -> Complex {
    Complex::new(random.normal(), random.normal())
}

/// A matrix, its program, and vectors for it.
struct Case {
    matrix: Matrix,
    program: Program,
    vectors: Vec<Vec<Complex>>,
}

impl Case {
    /// Real matrices and complex ones in turn, for a processor with such splitters.
    fn new(seed: u64, splitters: Option<&Splitters>) -> Self {
        let mut random = Random(seed);
        let matrix = Matrix::from_fn(MODES, MODES, |_, _| match seed % 2 {
            0 => Complex::from(random.normal()),
            _ => gaussian(&mut random),
        });
        let mut vector = || (0..MODES).map(|_| gaussian(&mut random)).collect();
        Self {
            program: match splitters {
                None => Program::of(MODES, &matrix).unwrap(),
                Some(splitters) => Program::corrected(MODES, &matrix, splitters)
                    .and_then(|program| program.refined(splitters, 30))
                    .unwrap(),
            },
            vectors: (0..VECTORS).map(|_| vector()).collect(),
            matrix,
        }
    }

    fn all(usual: u32, long: u32, splitters: Option<&Splitters>) -> Vec<Self> {
        let seeds = 0..u64::from(cases(usual, long));
        seeds.map(|seed| Self::new(seed, splitters)).collect()
    }
}

/// A vector as the ABI takes it.
fn encode(vector: &[Complex]) -> Vector {
    let parts = vector.iter().flat_map(|z| [z.re, z.im]);
    let largest = parts.clone().fold(0.0, |a: f64, b| a.max(b.abs()));
    let exponent = largest.log2().floor() as i32 + 1;
    let scale = 2f64.powi(31 - exponent);
    Vector {
        parts: parts.map(|part| (part * scale).round() as i32).collect(),
        exponent,
    }
}

fn decode(vector: &Vector) -> Vec<Complex> {
    let scale = 2f64.powi(vector.exponent - 31);
    let pairs = vector.parts.chunks(2);
    pairs
        .map(|pair| Complex::new(f64::from(pair[0]), f64::from(pair[1])) * scale)
        .collect()
}

fn norm(vector: impl IntoIterator<Item = Complex>) -> f64 {
    vector.into_iter().map(|z| z.norm_sqr()).sum::<f64>().sqrt()
}

/// Relative errors: their rms over matrices, and the worst of one vector.
#[derive(Default)]
struct Errors {
    squares: f64,
    matrices: f64,
    worst: f64,
}

impl Errors {
    /// Adds a matrix, whose results are to be multiplied by `program.scale`.
    fn add(&mut self, case: &Case, results: &[Vec<Complex>]) {
        let (mut error, mut whole) = (0.0, 0.0);
        for (vector, result) in case.vectors.iter().zip(results) {
            let exact = case.matrix.times(vector);
            let off = norm(
                exact
                    .iter()
                    .zip(result)
                    .map(|(a, b)| a - b * case.program.scale),
            );
            let size = norm(exact.iter().copied());
            error += off * off;
            whole += size * size;
            self.worst = self.worst.max(off / size);
        }
        assert_eq!(results.len(), case.vectors.len());
        self.squares += error / whole;
        self.matrices += 1.0;
    }

    fn rms(&self) -> f64 {
        (self.squares / self.matrices).sqrt()
    }
}

/// Through the driver: phases in millidegrees, numbers of the ABI. `between` happens when the
/// phases are set.
fn measure<R: Registers, W: Fn(u64)>(
    driver: &mut Driver<'_, R, W>,
    cases: &[Case],
    wavelength: u32,
    mut between: impl FnMut(&mut Driver<'_, R, W>),
) -> Errors {
    let mut errors = Errors::default();
    for case in cases {
        let outcome = driver.program(&case.program.phases, wavelength).unwrap();
        assert!(outcome.converged && outcome.unreached == 0, "{outcome:?}");
        between(driver);
        let vectors: Vec<_> = case.vectors.iter().map(|vector| encode(vector)).collect();
        let batches = driver.multiply(Detection::Coherent, &vectors).unwrap();
        assert!(batches.iter().all(|batch| !batch.saturated));
        let outputs = batches.iter().flat_map(|batch| &batch.outputs);
        errors.add(case, &outputs.map(decode).collect::<Vec<_>>());
    }
    errors
}

/// Through the driver, uncalibrated.
fn through_driver(chip: Chip, cases: &[Case]) -> Errors {
    let device = on_bench(chip);
    let mut driver = Driver::new(&device, |ns| device.wait(ns)).unwrap();
    measure(&mut driver, cases, 0, |_| ())
}

/// The model alone: codes and words by double precision.
fn through_model(chip: Chip, cases: &[Case]) -> Errors {
    let device = on_bench(chip);
    let steps = f64::from(1u32 << chip.phase_bits);
    let code = |&phase: &f64| {
        let share = phase / TAU;
        let heat = |code: u32| match chip.law {
            Law::Linear => f64::from(code) / steps,
            Law::Square => (f64::from(code) / steps).powi(2),
        };
        let near = match chip.law {
            Law::Linear => share,
            Law::Square => share.sqrt(),
        };
        let near = (near * steps) as u32;
        let miss = |code: &u32| {
            let off = heat(*code) - share;
            (off - off.round()).abs()
        };
        let near = [0, near, near + 1]
            .into_iter()
            .filter(|code| *code <= chip.code_limit);
        near.min_by(|a, b| miss(a).total_cmp(&miss(b))).unwrap()
    };
    let mut errors = Errors::default();
    for case in cases {
        device.set_codes(&case.program.exact.iter().map(code).collect::<Vec<_>>());
        // Amplitudes of some 3 / 8, and outputs of the mesh some times less.
        let scale = 8.0;
        let words: Vec<Vec<[i32; 2]>> = case
            .vectors
            .iter()
            .map(|vector| {
                let word = |part: f64| (part / scale * 2f64.powi(31)).round() as i32;
                vector.iter().map(|z| [word(z.re), word(z.im)]).collect()
            })
            .collect();
        let gain = 3;
        assert!(gain <= GAIN_MAX);
        let (done, outputs) = device.products(0, gain, &words);
        assert_eq!(done, 1);
        let outputs: Vec<Vec<Complex>> = outputs
            .iter()
            .map(|vector| {
                vector
                    .iter()
                    .map(|&[re, im]| Complex::new(re, im) * scale)
                    .collect()
            })
            .collect();
        errors.add(case, &outputs);
    }
    errors
}

type Way = fn(Chip, &[Case]) -> Errors;

/// sqrt(2N) sigma.
fn bound(bits: u32) -> f64 {
    let sigma = TAU / f64::from(1u32 << bits) / 12f64.sqrt();
    (2.0 * MODES as f64).sqrt() * sigma
}

#[test]
fn an_ideal_chip_is_as_accurate_as_its_converters() {
    let all = Case::all(50, 500, None);
    let layout = Layout::new(MODES).unwrap();
    println!(
        "{} Gaussian matrices of {MODES} x {MODES} ({} crossings) x {VECTORS} vectors, no noise",
        all.len(),
        layout.crossings(),
    );
    println!("                          relative error                      allowed");
    println!("law     bits  through       rms      worst vector  sqrt(2N)s  x bound  is");
    for (law, allowed) in [(Law::Linear, 1.1), (Law::Square, 1.25)] {
        for bits in [8, 10, 12, 14, 16] {
            let chip = Chip::ideal(MODES, bits, law);
            let ways: &[(&str, Way)] = match bits {
                8 | 10 => &[("model", through_model), ("driver", through_driver)],
                _ => &[("driver", through_driver)],
            };
            for (name, way) in ways {
                let errors = way(chip, &all);
                let ratio = errors.rms() / bound(bits);
                println!(
                    "{:7} {bits:>3}  {name:9} {:>9.2e} {:>12.2e} {:>12.2e} {allowed:>7} {ratio:>6.3}",
                    format!("{law:?}"),
                    errors.rms(),
                    errors.worst,
                    bound(bits),
                );
                assert!(ratio <= allowed, "{law:?} {bits} {name}");
            }
        }
    }
}

#[test]
fn powers_are_the_squares_of_amplitudes() {
    let device = on_bench(Chip::ideal(MODES, 16, Law::Square));
    let mut driver = Driver::new(&device, |ns| device.wait(ns)).unwrap();
    for case in &Case::all(4, 40, None) {
        driver.program(&case.program.phases, 0).unwrap();
        let vectors: Vec<_> = case.vectors.iter().map(|vector| encode(vector)).collect();
        let batches = driver.multiply(Detection::Direct, &vectors).unwrap();
        let outputs = batches.iter().flat_map(|batch| &batch.outputs);
        assert!(batches.iter().all(|batch| !batch.saturated));
        for (vector, output) in case.vectors.iter().zip(outputs) {
            let scale = case.program.scale * case.program.scale;
            let found = decode(output);
            let exact = case.matrix.times(vector);
            let total: f64 = exact.iter().map(|z| z.norm_sqr()).sum();
            for (found, exact) in found.iter().zip(&exact) {
                assert_eq!(found.im, 0.0);
                let off = (found.re * scale - exact.norm_sqr()).abs();
                assert!(off < 1e-3 * total, "{off} {total}");
            }
        }
    }
}

/// What a perfect calibration of `device` would find: the truth about it.
fn truth(device: &HostModel<Bench>, chip: &Chip) -> (Vec<u8>, Splitters) {
    let identity = Identity::read(device).unwrap();
    let columns = identity.layout.columns() as i32;
    let common = Common {
        transmission: (f64::from(chip.loss) / 2f64.powi(30)).powi(columns),
        crosstalk: chip.crosstalk,
        heat_tempco: -f64::from(chip.laser_drift_pm) / f64::from(chip.wavelength_pm),
    };
    device
        .with_optics(|optics| {
            let heaters: Vec<_> = optics
                .channels()
                .iter()
                .map(|channel| {
                    let (offset, efficiency) = channel.heater();
                    // The laser drifts with the die, and colours the paths.
                    let (tempco, dispersion) = channel.path();
                    let drift = tempco - dispersion * chip.laser_drift_pm as i32;
                    (offset, efficiency, drift)
                })
                .collect();
            let couplers: Vec<_> = optics.crossings().iter().map(|c| c.errors()).collect();
            let radians = |part: usize| {
                let errors = couplers.iter().map(|errors| f64::from(errors[part]));
                errors.map(|turns| turns / 2f64.powi(32) * TAU).collect()
            };
            let splitters = Splitters {
                alpha: radians(0),
                beta: radians(1),
            };
            let waves: Vec<_> = (1..identity.wavelengths)
                .map(|wavelength| {
                    let longer = chip.wavelength_step_pm * wavelength;
                    let deltas = optics.channels().iter().map(|channel| {
                        let turns = -i64::from(channel.path().1) * i64::from(longer);
                        ((turns + (1 << 15)) >> 16) as i16
                    });
                    let scale =
                        f64::from(chip.wavelength_pm) / f64::from(chip.wavelength_pm + longer);
                    (wavelength, scale, deltas.collect())
                })
                .collect();
            let blob = Blob::known(&identity, &heaters, &couplers, &common, &waves);
            (blob.sealed(), splitters)
        })
        .unwrap()
}

/// What is left when the calibration is perfect: the part of the error that is the driver's, the
/// converters' and the noise's.
#[test]
fn a_chip_that_is_known_computes_well_and_keeps_to_it_when_it_warms() {
    let chip = Chip::typical(MODES, 3);
    let device = on_bench(chip);
    let mut driver = Driver::new(&device, |ns| device.wait(ns)).unwrap();
    let (blob, splitters) = truth(&device, &chip);
    let all = Case::all(6, 50, Some(&splitters));
    let warm = |degrees: i32| {
        let reference = chip.reference_mc;
        device.with_surroundings(|bench| bench.light.die_mc = reference + 1000 * degrees);
    };
    let report = |name: &str, errors: &Errors| {
        println!(
            "{name:40} rms {:.2e}, worst vector {:.2e}",
            errors.rms(),
            errors.worst
        );
        errors.rms()
    };
    println!("12 bits, square law, offsets 1 rad, splitters 0.02 rad, crosstalk 21 %, noise");
    report("uncalibrated", &measure(&mut driver, &all[..2], 0, |_| ()));
    driver.load(blob).unwrap();
    let at_home = report("calibrated", &measure(&mut driver, &all, 0, |_| ()));
    assert!(at_home <= 0.02, "{at_home}");
    let longest = measure(&mut driver, &all, 7, |_| ());
    let longest = report("2.8 nm longer wavelength", &longest);
    assert!(longest <= 1.2 * at_home, "{longest} {at_home}");
    let drift = |driver: &mut Driver<_, _>, compensated: bool| {
        for step in 1..=10 {
            warm(step);
            if compensated {
                driver.follow(100_000_000).unwrap();
            }
        }
    };
    let warmed = measure(&mut driver, &all[..2], 0, |driver| {
        warm(0);
        drift(driver, false);
    });
    report("10 degrees warmer", &warmed);
    let followed = measure(&mut driver, &all, 0, |driver| {
        warm(0);
        drift(driver, true);
    });
    let followed = report("10 degrees warmer, compensated", &followed);
    assert!(followed <= 2.0 * at_home, "{followed} {at_home}");
}
