// SPDX-License-Identifier: GPL-2.0

//! Matrices through the driver's arithmetic and the model of a chip, against double precision.
//!
//! The bound is that of phases that are rounded to `b` bits of a turn: a relative error of
//! sqrt(2N) sigma, sigma = 2 pi / 2^b / sqrt(12), of a core of N modes (each output passes 2N + 1
//! columns, and errors of different heaters add up in power).

use std::f64::consts::TAU;

use lightos::photonic::{Complex, Matrix, Program};
use lightos_host::chips::{on_bench, Device};
use lightos_host::driver::{Driver, Vector};
use lightos_host::photonic::layout::Layout;
use lightos_host::photonic::mesh::calibration::Conditions;
use lightos_host::photonic::mesh::vector::Detection;
use lightos_host::photonic::model::chip::{Chip, Law};
use lightos_host::photonic::registers::GAIN_MAX;
use lightos_host::support::cases;

mod mesh;
use mesh::Random;

const MODES: usize = 32;
const VECTORS: usize = 20;
const CALIBRATED: Conditions = Conditions {
    wavelength: 0,
    temperature_mc: 45_000,
};

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
    /// Real matrices and complex ones in turn.
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let matrix = Matrix::from_fn(MODES, MODES, |_, _| match seed % 2 {
            0 => Complex::from(random.normal()),
            _ => gaussian(&mut random),
        });
        let mut vector = || (0..MODES).map(|_| gaussian(&mut random)).collect();
        Self {
            program: Program::of(MODES, &matrix).unwrap(),
            vectors: (0..VECTORS).map(|_| vector()).collect(),
            matrix,
        }
    }

    fn all() -> Vec<Self> {
        (0..u64::from(cases(50, 500))).map(Self::new).collect()
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

/// Through the driver: phases in millidegrees, calibrated or not, numbers of the ABI.
fn through_driver(chip: Chip, cases: &[Case]) -> Errors {
    let device = on_bench(chip);
    let mut driver = Driver::new(&device, |ns| device.wait(ns)).unwrap();
    let mut errors = Errors::default();
    for case in cases {
        let outcome = driver.program(&case.program.phases, CALIBRATED).unwrap();
        assert!(outcome.converged, "{outcome:?}");
        let vectors: Vec<_> = case.vectors.iter().map(|vector| encode(vector)).collect();
        let batches = driver.multiply(Detection::Coherent, &vectors).unwrap();
        assert!(batches.iter().all(|batch| !batch.saturated));
        let outputs = batches.iter().flat_map(|batch| &batch.outputs);
        errors.add(case, &outputs.map(decode).collect::<Vec<_>>());
    }
    errors
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

/// sqrt(2N) sigma.
fn bound(bits: u32) -> f64 {
    let sigma = TAU / f64::from(1u32 << bits) / 12f64.sqrt();
    (2.0 * MODES as f64).sqrt() * sigma
}

#[test]
fn an_ideal_chip_is_as_accurate_as_its_converters() {
    let all = Case::all();
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
            let ways: &[(&str, fn(Chip, &[Case]) -> Errors)] = match bits {
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
