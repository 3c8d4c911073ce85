// SPDX-License-Identifier: GPL-2.0

//! Calibration against chips in floating point.

mod photonic_bench;

use std::time::Instant;

use lightos::photonic::calibrate::{calibrate, Calibration, Options};
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
