// SPDX-License-Identifier: GPL-2.0

//! Programs for processors whose splitters are not 50:50.

#![allow(clippy::unwrap_used)]

mod photonic;

use std::f64::consts::PI;

use lightos::photonic::layout::Layout;
use lightos::photonic::{crossing, simulate, Matrix, Program, ProgramError, Splitters};
use photonic::{matrices, unitaries, Random};

fn splitters(modes: usize, rms: f64, random: &mut Random) -> Splitters {
    let mut draw = || (0..modes * modes).map(|_| rms * random.normal()).collect();
    Splitters {
        alpha: draw(),
        beta: draw(),
    }
}

fn error(program: &Program, splitters: &Splitters) -> f64 {
    let error = program.error(splitters).unwrap();
    // By the definition.
    let wanted = program.matrix.clone().scaled(1.0 / program.scale);
    let light = simulate(&program.exact, splitters).unwrap();
    let light = light.part(0, 0, wanted.rows(), wanted.columns());
    let expected = light.distance(&wanted) / wanted.norm().max(1.0);
    assert!((error - expected).abs() < 1e-14);
    error
}

/// Whether no crossing of a corrected program is at a limit of what it reaches. The attenuator of
/// the greatest singular value is, rightly.
fn uncut(program: &Program) -> bool {
    let layout = Layout::new(program.modes()).unwrap();
    let attenuators = layout.column(layout.attenuators());
    let attenuators = attenuators.first..attenuators.first + attenuators.count;
    (0..layout.crossings()).all(|c| {
        let theta = program.exact[layout.theta(c)];
        theta > 0.0 && (theta < PI || attenuators.contains(&c))
    })
}

/// Median, nine of ten, greatest.
fn figures(errors: &mut [f64]) -> String {
    errors.sort_by(f64::total_cmp);
    let at = |q: f64| errors[((errors.len() - 1) as f64 * q) as usize];
    format!("{:.1e} {:.1e} {:.1e}", at(0.5), at(0.9), at(1.0))
}

#[test]
fn perfect_splitters_change_nothing() {
    let mut random = Random(21);
    for size in [2, 3, 8, 17, 32] {
        let ideal = Splitters::ideal(size);
        let mut all = matrices(size, &mut random);
        all.extend(unitaries(size, &mut random));
        for (name, matrix) in all {
            let program = Program::corrected(size, &matrix, &ideal).unwrap();
            let off = error(&program, &ideal);
            assert!(off < 1e-12, "{name}: {off:e}");
        }
    }
}

#[test]
fn a_crossing_reaches_what_its_splitters_allow() {
    let mut random = Random(22);
    for _ in 0..1000 {
        let mut small = || 0.05 * random.normal();
        let (alpha, beta) = (small(), small());
        let power = |theta: f64| crossing(theta, 0.3, alpha, beta)[0][0].norm_sqr();
        assert!((power(0.0) - (alpha + beta).sin().powi(2)).abs() < 1e-15);
        assert!((power(PI) - (alpha - beta).cos().powi(2)).abs() < 1e-15);
    }
}

/// The error of known splitters of 0.02 rad rms goes to rounding where no crossing is cut, and
/// falls tenfold and more where some are. Real matrices are the harder ones: their factors ask
/// more crossings for almost all or almost nothing.
#[test]
fn the_error_of_known_splitters_goes() {
    let mut random = Random(11);
    println!("median, nine of ten, greatest; relative");
    for (size, complex) in [4, 8, 16, 32]
        .into_iter()
        .flat_map(|s| [(s, true), (s, false)])
    {
        let (mut plain, mut local, mut refined, mut free) = (vec![], vec![], vec![], vec![]);
        let count = if size == 32 { 5 } else { 10 };
        for _ in 0..count {
            let matrix = random.gaussian(size, size, complex);
            let known = splitters(size, 0.02, &mut random);
            plain.push(error(&Program::of(size, &matrix).unwrap(), &known));
            let corrected = Program::corrected(size, &matrix, &known).unwrap();
            local.push(error(&corrected, &known));
            if uncut(&corrected) {
                free.push(error(&corrected, &known));
            }
            let program = corrected.refined(&known, 40).unwrap();
            refined.push(error(&program, &known));
        }
        assert!(free.iter().all(|&e| e < 1e-12), "{free:?}");
        println!(
            "{size:2} modes, {}: as if ideal {}; corrected {} ({} of {} uncut); refined {}",
            if complex { "complex" } else { "real" },
            figures(&mut plain),
            figures(&mut local),
            free.len(),
            local.len(),
            figures(&mut refined)
        );
        // Sorted by now: the median, and the worst.
        let bound = if complex { 0.003 } else { 0.015 };
        assert!(local[count / 2] < plain[count / 2] / 5.0 && local[count - 1] < plain[0] / 2.0);
        assert!(refined[count - 1] < bound);
    }
}

/// Real matrices, and those with exact zeros and equal singular values.
///
/// Equal ones can be had without bar and cross states. A diagonal matrix cannot, and one of low
/// rank asks attenuators for darkness; both are out of reach of imperfect crossings.
#[test]
fn every_kind_of_matrix_is_corrected() {
    let mut random = Random(12);
    for size in [2, 3, 8, 16, 32] {
        let known = splitters(size, 0.02, &mut random);
        let figures = |matrix: &Matrix| {
            let plain = error(&Program::of(size, matrix).unwrap(), &known);
            let program = Program::corrected(size, matrix, &known).unwrap();
            let local = error(&program, &known);
            let refined = error(&program.refined(&known, 5).unwrap(), &known);
            assert!(refined <= local.max(1e-12) * 1.000_001);
            (plain, local, refined)
        };
        for (name, matrix) in matrices(size, &mut random) {
            let (plain, local, refined) = figures(&matrix);
            println!("{name}: {plain:.1e}, corrected {local:.1e}, refined {refined:.1e}");
            assert!(local < 0.25 && refined < 0.2, "{name}");
        }
        let mut worst = (0f64, 0f64);
        for (name, unitary) in unitaries(size, &mut random) {
            let (_, local, refined) = figures(&unitary);
            assert!(local < 0.05 && refined < 0.01, "{name}: {local} {refined}");
            worst = (worst.0.max(local), worst.1.max(refined));
        }
        let (local, refined) = worst;
        println!("unitary, {size} modes: corrected {local:.1e}, refined {refined:.1e} at worst");
    }
}

/// Leaks of attenuators into modes that a small matrix does not use are not seen.
#[test]
fn a_small_matrix_is_corrected_as_well() {
    let mut random = Random(13);
    let known = splitters(16, 0.02, &mut random);
    for (rows, columns) in [(4, 16), (16, 4), (6, 6), (1, 1)] {
        let matrix = random.gaussian(rows, columns, false);
        let program = Program::corrected(16, &matrix, &known).unwrap();
        let local = error(&program, &known);
        let refined = error(&program.refined(&known, 20).unwrap(), &known);
        println!("{rows} x {columns}: corrected {local:.1e}, refined {refined:.1e}");
        assert!(local < 0.1 && refined < 0.01);
    }
}

#[test]
fn splitters_of_another_processor_are_refused() {
    let matrix = Random(5).gaussian(4, 4, false);
    let refusal = ProgramError::Splitters {
        given: 9,
        expected: 16,
    };
    let (other, own) = (Splitters::ideal(3), Splitters::ideal(4));
    assert_eq!(Program::corrected(4, &matrix, &other), Err(refusal.clone()));
    let program = Program::corrected(4, &matrix, &own).unwrap();
    assert_eq!(program.refined(&other, 1), Err(refusal));
    let mut broken = own;
    broken.alpha[0] = f64::INFINITY;
    let refusal = Program::corrected(4, &matrix, &broken);
    assert_eq!(refusal, Err(ProgramError::NotFinite));
}
