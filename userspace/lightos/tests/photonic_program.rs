// SPDX-License-Identifier: GPL-2.0

//! Unitary matrices as meshes, matrices as programs, and what light makes of them.

#![allow(clippy::unwrap_used)]

mod photonic;

use std::f64::consts::{PI, TAU};

use lightos::photonic::layout::Layout;
use lightos::photonic::{simulate, Complex, Matrix, Mesh, Program, ProgramError, Splitters};
use photonic::{matrices, unitaries, Random};

/// What a matrix may be off by, relative, after there and back.
const TOLERANCE: f64 = 1e-12;

/// The light's matrix for a program, of the size of the program's own, before it is scaled.
fn light(program: &Program, phases: &[f64]) -> Matrix {
    let all = simulate(phases, &Splitters::ideal(program.modes())).unwrap();
    let (rows, columns) = (program.matrix.rows(), program.matrix.columns());
    all.part(0, 0, rows, columns)
}

#[test]
fn a_mesh_is_its_unitary() {
    let mut random = Random(1);
    let mut worst = 0f64;
    for size in 2..=32 {
        for (name, unitary) in unitaries(size, &mut random) {
            let mesh = Mesh::of(&unitary).unwrap();
            assert_eq!(mesh.theta.len(), size * (size - 1) / 2);
            assert!(mesh.theta.iter().all(|t| (0.0..=PI).contains(t)), "{name}");
            let externals = mesh.phi.iter().chain(&mesh.output);
            assert!(externals.into_iter().all(|p| (0.0..TAU).contains(p)));
            let error = mesh.matrix().distance(&unitary) / unitary.norm();
            assert!(error < TOLERANCE, "{name}: {error:e}");
            worst = worst.max(error);
        }
    }
    println!("worst relative error {worst:.1e}");
}

#[test]
fn the_identity_takes_bar_states_alone() {
    for size in 2..=32 {
        let mesh = Mesh::of(&Matrix::identity(size)).unwrap();
        assert!(mesh.theta.iter().all(|&theta| theta == PI));
    }
}

#[test]
fn a_program_is_its_matrix() {
    let mut random = Random(2);
    let (mut worst, mut worst_rounded) = (0f64, 0f64);
    for size in 2..=32 {
        let mut all = matrices(size, &mut random);
        all.extend(unitaries(size, &mut random));
        for (name, matrix) in all {
            let program = Program::of(size, &matrix).unwrap();
            assert!(program.phases.iter().all(|&phase| phase < 360_000));
            // The greatest singular value is 1; zeros have none.
            let wanted = matrix.scaled(1.0 / program.scale);
            let norm = wanted.norm().max(1.0);
            let error = light(&program, &program.exact).distance(&wanted) / norm;
            assert!(error < TOLERANCE, "{name}: {error:e}");
            worst = worst.max(error);
            // Millidegrees are off by 5e-6 rad rms, and that adds up as sqrt(2 N).
            let rounded = light(&program, &program.rounded()).distance(&wanted);
            let rounded = rounded / (size as f64).sqrt();
            assert!(rounded < 1e-4, "{name}: {rounded:e}");
            worst_rounded = worst_rounded.max(rounded);
        }
    }
    println!("worst relative error {worst:.1e}, of millidegrees {worst_rounded:.1e}");
}

#[test]
fn a_small_matrix_is_padded() {
    let mut random = Random(3);
    for (modes, rows, columns) in [(8, 3, 8), (8, 8, 1), (32, 5, 17), (2, 1, 1), (9, 4, 2)] {
        let matrix = random.gaussian(rows, columns, true);
        let program = Program::of(modes, &matrix).unwrap();
        assert_eq!(program.modes(), modes);
        let light = light(&program, &program.exact).scaled(program.scale);
        let error = light.distance(&matrix) / matrix.norm();
        assert!(error < TOLERANCE, "{modes} {rows} {columns}: {error:e}");
        // Nothing else comes out, and nothing else goes in.
        let all = simulate(&program.exact, &Splitters::ideal(modes)).unwrap();
        assert!((all.norm() * program.scale - matrix.norm()).abs() < 1e-12 * matrix.norm());
    }
}

#[test]
fn the_channels_are_those_of_the_layout() {
    // A single element takes one attenuator; its singular value is the scale.
    let matrix = Matrix::from_real(1, 1, &[-3.0]);
    let program = Program::of(4, &matrix).unwrap();
    let layout = Layout::new(4).unwrap();
    assert_eq!(program.phases.len(), layout.channels());
    assert_eq!(program.scale, 3.0);
    let column = layout.column(layout.attenuators());
    let thetas = (0..4).map(|k| program.phases[layout.theta(column.first + k)]);
    let mut thetas: Vec<u32> = thetas.collect();
    thetas.sort_unstable();
    assert_eq!(thetas, [0, 0, 0, 180_000]);
}

#[test]
fn what_has_no_program_is_refused() {
    let ones = |rows, columns| Matrix::from_real(rows, columns, &vec![1.0; rows * columns]);
    let refusal = |modes, matrix| Program::of(modes, &matrix).unwrap_err();
    assert_eq!(refusal(1, ones(1, 1)), ProgramError::Modes(1));
    assert_eq!(refusal(33, ones(1, 1)), ProgramError::Modes(33));
    for (rows, columns) in [(0, 0), (0, 3), (5, 2), (2, 5)] {
        let shape = ProgramError::Shape { rows, columns };
        assert_eq!(refusal(4, ones(rows, columns)), shape);
    }
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for bad in [Complex::new(bad, 0.0), Complex::new(0.0, bad)] {
            let mut matrix = ones(3, 3);
            matrix[(1, 2)] = bad;
            assert_eq!(refusal(4, matrix.clone()), ProgramError::NotFinite);
            assert_eq!(Mesh::of(&matrix), Err(ProgramError::NotFinite));
        }
    }
    let stretched = Mesh::of(&Matrix::identity(3).scaled(1.0 + 1e-6));
    assert!(matches!(stretched, Err(ProgramError::NotUnitary(_))));
    let (rows, columns) = (2, 3);
    let shape = ProgramError::Shape { rows, columns };
    assert_eq!(Mesh::of(&ones(2, 3)), Err(shape));
}

#[test]
fn a_simulation_checks_what_it_is_given() {
    let ideal = Splitters::ideal(4);
    assert_eq!(
        simulate(&[0.0; 35], &ideal),
        Err(ProgramError::Channels(35))
    );
    let splitters = ProgramError::Splitters {
        given: 9,
        expected: 16,
    };
    assert_eq!(simulate(&[0.0; 36], &Splitters::ideal(3)), Err(splitters));
    let mut broken = ideal;
    broken.beta[3] = f64::NAN;
    assert_eq!(simulate(&[0.0; 36], &broken), Err(ProgramError::NotFinite));
}
