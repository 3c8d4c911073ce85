// SPDX-License-Identifier: GPL-2.0

//! Large matrices, convolutions and Fourier transforms, on simulated light and without any,
//! against their definitions.

#![allow(clippy::unwrap_used)]

mod photonic;

use std::f64::consts::TAU;

use lightos::photonic::{
    Complex, Convolution, Digital, Fourier, Kernels, Matrix, Multiply, Program, ProgramError,
    Simulated, Splitters, Tiles,
};
use photonic::Random;

fn vectors(length: usize, count: usize, random: &mut Random) -> Vec<Complex> {
    random.gaussian(count, length, true).values().to_vec()
}

/// Distance relative to `expected`, or of one of zeros.
fn error(got: &[Complex], expected: &[Complex]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let norm = |v: &mut dyn Iterator<Item = f64>| v.sum::<f64>().sqrt();
    let off = norm(&mut got.iter().zip(expected).map(|(a, b)| (a - b).norm_sqr()));
    let whole = norm(&mut expected.iter().map(|v| v.norm_sqr()));
    off / if whole == 0.0 { 1.0 } else { whole }
}

fn light(modes: usize) -> Simulated {
    Simulated::new(Splitters::ideal(modes))
}

#[test]
fn a_product_is_that_of_the_matrix() {
    let mut random = Random(31);
    for (modes, rows, columns) in [(2, 2, 2), (8, 3, 7), (32, 32, 32), (9, 9, 1)] {
        let matrix = random.gaussian(rows, columns, true);
        let program = Program::of(modes, &matrix).unwrap();
        let inputs = vectors(columns, 5, &mut random);
        let expected: Vec<Complex> = inputs
            .chunks(columns)
            .flat_map(|v| matrix.times(v))
            .collect();
        assert_eq!(Digital.multiply(&program, &inputs).unwrap(), expected);
        let mut exact = light(modes);
        for _ in 0..2 {
            let got = exact.multiply(&program, &inputs).unwrap();
            assert!(error(&got, &expected) < 1e-12);
        }
        let off = error(
            &light(modes).rounded().multiply(&program, &inputs).unwrap(),
            &expected,
        );
        assert!(off < 1e-3 && off > 1e-9, "{off:e}");
    }
}

/// A processor asked for one program after another does not mix them up.
#[test]
fn programs_take_turns() {
    let mut random = Random(32);
    let pair = [0, 1].map(|_| Program::of(4, &random.gaussian(4, 4, false)).unwrap());
    let (mut one, input) = (light(4), vectors(4, 1, &mut random));
    for program in pair.iter().chain(&pair) {
        let got = one.multiply(program, &input).unwrap();
        assert!(error(&got, &program.matrix.times(&input)) < 1e-12);
    }
}

#[test]
fn tiles_add_up() {
    let mut random = Random(33);
    let shapes = [
        (4, 4, 4),
        (4, 5, 4),
        (4, 4, 9),
        (8, 3, 30),
        (16, 50, 40),
        (32, 33, 100),
    ];
    for (modes, rows, columns) in shapes {
        let matrix = random.gaussian(rows, columns, true);
        let tiles = Tiles::of(modes, &matrix).unwrap();
        assert_eq!((tiles.rows(), tiles.columns()), (rows, columns));
        let count = rows.div_ceil(modes) * columns.div_ceil(modes);
        assert_eq!(tiles.programs().count(), count);
        let inputs = vectors(columns, 3, &mut random);
        let expected: Vec<Complex> = inputs
            .chunks(columns)
            .flat_map(|v| matrix.times(v))
            .collect();
        for got in [
            tiles.multiply(&mut Digital, &inputs).unwrap(),
            tiles.multiply(&mut light(modes), &inputs).unwrap(),
        ] {
            let off = error(&got, &expected);
            assert!(off < 1e-12, "{modes} {rows} {columns}: {off:e}");
        }
        assert!(tiles.multiply(&mut Digital, &[]).unwrap().is_empty());
    }
}

#[test]
fn each_tile_has_its_scale_and_zeros_none() {
    let mut random = Random(34);
    let mut matrix = Matrix::zeros(8, 12);
    for (i, j) in (0..4).flat_map(|i| (0..4).map(move |j| (i, j))) {
        matrix[(i, j)] = random.normal().into();
        matrix[(i + 4, j + 8)] = (1e-6 * random.normal()).into();
    }
    let tiles = Tiles::of(4, &matrix).unwrap();
    let scales: Vec<f64> = tiles.programs().map(|p| p.scale).collect();
    assert!(
        scales.len() == 2 && scales[0] > 1e5 * scales[1],
        "{scales:?}"
    );
    let zeros = Tiles::of(4, &Matrix::zeros(5, 6)).unwrap();
    let input = vectors(6, 2, &mut random);
    assert_eq!(
        zeros.multiply(&mut Digital, &input).unwrap(),
        [Complex::ZERO; 10]
    );
}

/// A convolution by its definition.
fn convolved(
    kernels: Kernels<'_>,
    (stride, padding): (usize, usize),
    image: &[f64],
    (height, width): (usize, usize),
) -> Vec<Complex> {
    let at = |channel: usize, y: usize, x: usize| {
        let inside =
            (padding..padding + height).contains(&y) && (padding..padding + width).contains(&x);
        match inside {
            true => image[(channel * height + y - padding) * width + x - padding],
            false => 0.0,
        }
    };
    let mut out = Vec::new();
    for kernel in 0..kernels.count {
        for top in (0..=height + 2 * padding - kernels.height).step_by(stride) {
            for left in (0..=width + 2 * padding - kernels.width).step_by(stride) {
                let mut values =
                    kernels.values[kernel * kernels.values.len() / kernels.count..].iter();
                let mut sum = 0.0;
                for channel in 0..kernels.channels {
                    for y in 0..kernels.height {
                        for x in 0..kernels.width {
                            sum += values.next().unwrap() * at(channel, top + y, left + x);
                        }
                    }
                }
                out.push(sum.into());
            }
        }
    }
    out
}

#[test]
fn a_convolution_is_its_definition() {
    let mut random = Random(35);
    let cases = [
        // count, channels, kernel, stride, padding, image
        (1, 1, (3, 3), 1, 0, (8, 8)),
        (4, 1, (3, 3), 1, 1, (8, 8)),
        (6, 3, (5, 5), 2, 2, (13, 9)),
        (40, 2, (3, 4), 3, 0, (10, 11)),
        (2, 2, (1, 1), 1, 0, (3, 5)),
        (3, 1, (4, 4), 2, 3, (2, 2)),
    ];
    for (count, channels, (high, wide), stride, padding, (height, width)) in cases {
        let values: Vec<f64> = (0..count * channels * high * wide)
            .map(|_| random.normal())
            .collect();
        let image: Vec<f64> = (0..channels * height * width)
            .map(|_| random.normal())
            .collect();
        let kernels = Kernels {
            count,
            channels,
            height: high,
            width: wide,
            values: &values,
        };
        let expected = convolved(kernels, (stride, padding), &image, (height, width));
        for modes in [8, 32] {
            let convolution = Convolution::of(modes, kernels, stride, padding).unwrap();
            let (rows, columns) = convolution.shape(height, width);
            assert_eq!(count * rows * columns, expected.len());
            let got = convolution
                .apply(&mut light(modes), &image, height, width)
                .unwrap();
            let got: Vec<Complex> = got.into_iter().map(Complex::from).collect();
            assert!(error(&got, &expected) < 1e-12);
        }
        let convolution = Convolution::of(32, kernels, stride, padding).unwrap();
        let short = convolution.apply(&mut Digital, &image[1..], height, width);
        assert!(matches!(short, Err(ProgramError::Input { .. })));
    }
}

#[test]
fn kernels_larger_than_the_image_give_nothing() {
    let kernels = Kernels {
        count: 2,
        channels: 1,
        height: 3,
        width: 3,
        values: &[1.0; 18],
    };
    let convolution = Convolution::of(8, kernels, 1, 0).unwrap();
    assert_eq!(convolution.shape(2, 2), (0, 0));
    assert!(convolution
        .apply(&mut Digital, &[1.0; 4], 2, 2)
        .unwrap()
        .is_empty());
    let values = &kernels.values[1..];
    let short = Convolution::of(8, Kernels { values, ..kernels }, 1, 0);
    assert!(matches!(
        short,
        Err(ProgramError::Input {
            given: 17,
            expected: 18
        })
    ));
}

#[test]
fn a_transform_is_its_definition() {
    let mut random = Random(36);
    for (modes, points) in [
        (8, 1),
        (8, 2),
        (8, 7),
        (8, 8),
        (8, 12),
        (8, 56),
        (8, 64),
        (32, 17),
        (32, 32),
        (32, 34),
        (32, 60),
        (32, 93),
        (32, 1024),
    ] {
        let fourier = Fourier::of(modes, points).unwrap();
        assert_eq!(fourier.points(), points);
        let signals = vectors(points, 2, &mut random);
        let turns = |n: usize, k: usize| (n * k % points) as f64 / points as f64;
        let bin = |signal: &[Complex], k: usize| -> Complex {
            let terms = signal.iter().enumerate();
            terms
                .map(|(n, x)| x * Complex::cis(-TAU * turns(n, k)))
                .sum()
        };
        let all = signals.chunks(points);
        let expected: Vec<Complex> = all
            .flat_map(|s| (0..points).map(|k| bin(s, k)).collect::<Vec<_>>())
            .collect();
        for got in [
            fourier.transform(&mut Digital, &signals).unwrap(),
            fourier.transform(&mut light(modes), &signals).unwrap(),
        ] {
            let off = error(&got, &expected);
            assert!(off < 1e-12, "{modes} {points}: {off:e}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    // Zero, primes over the modes, and numbers with such a factor or three of them.
    for points in [0, 11, 22, 72 * 8] {
        let refusal = Fourier::of(8, points).unwrap_err();
        assert_eq!(refusal, ProgramError::Points(points));
    }
    assert_eq!(Fourier::of(1, 4).unwrap_err(), ProgramError::Modes(1));
    let eight = Fourier::of(8, 8).unwrap();
    let (given, expected) = (9, 8);
    let refusal = ProgramError::Input { given, expected };
    let odd = [Complex::ONE; 9];
    assert_eq!(eight.transform(&mut Digital, &odd), Err(refusal.clone()));
    let program = Program::of(8, &Matrix::identity(8)).unwrap();
    assert_eq!(Digital.multiply(&program, &odd), Err(refusal.clone()));
    assert_eq!(light(8).multiply(&program, &odd), Err(refusal.clone()));
    let tiles = Tiles::of(8, &Matrix::identity(8)).unwrap();
    assert_eq!(tiles.multiply(&mut Digital, &odd), Err(refusal));
    let (rows, columns) = (0, 4);
    let shape = ProgramError::Shape { rows, columns };
    assert_eq!(Tiles::of(8, &Matrix::zeros(0, 4)), Err(shape));
    // A program for one processor on another.
    assert!(light(4).multiply(&program, &odd[..8]).is_err());
}
