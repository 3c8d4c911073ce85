// SPDX-License-Identifier: GPL-2.0

//! Meshes against those of the packages interferometer and phaseshift, and light against a model
//! in NumPy: from a table in the tree, and in the long form live for every size.

#![allow(clippy::unwrap_used)]

use std::f64::consts::TAU;
use std::process::Command;

use lightos::photonic::layout::Layout;
use lightos::photonic::{simulate, Complex, Matrix, Mesh, Program, Splitters};

const TABLE: &str = include_str!("../../../tests/data/photonic/meshes.csv");
/// What a matrix may be off by, relative.
const TOLERANCE: f64 = 1e-12;

/// Numbers of a row, taken from the front.
struct Numbers(std::vec::IntoIter<f64>);

impl Numbers {
    fn take(&mut self, count: usize) -> Vec<f64> {
        self.0.by_ref().take(count).collect()
    }

    /// Every second one, from the first and from the second on.
    fn pairs(&mut self, count: usize) -> (Vec<f64>, Vec<f64>) {
        let all = self.take(2 * count);
        let from = |first| all.iter().skip(first).step_by(2).copied().collect();
        (from(0), from(1))
    }

    fn matrix(&mut self, size: usize) -> Matrix {
        let (real, imaginary) = self.pairs(size * size);
        let values = real.into_iter().zip(imaginary);
        Matrix::from_complex(
            size,
            size,
            values.map(|(r, i)| Complex::new(r, i)).collect(),
        )
    }
}

/// Greatest distance of two lists of phases on the circle.
fn phase_distance(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let turned = ours
        .iter()
        .zip(theirs)
        .map(|(a, b)| (a - b).rem_euclid(TAU));
    turned.map(|d| d.min(TAU - d)).fold(0.0, f64::max)
}

/// What the comparisons of a table came to.
#[derive(Default)]
struct Worst {
    meshes: usize,
    phases_compared: usize,
    lights: usize,
    own: f64,
    theirs: f64,
    program: f64,
    phases: f64,
    light: f64,
}

impl Worst {
    fn mesh(&mut self, name: &str, size: usize, numbers: &mut Numbers) {
        let unitary = numbers.matrix(size);
        let (theta, phi) = numbers.pairs(size * (size - 1) / 2);
        let output = numbers.take(size);
        let theirs = Mesh { theta, phi, output };
        let ours = Mesh::of(&unitary).unwrap();
        let off = |mesh: &Mesh| mesh.matrix().distance(&unitary) / unitary.norm();
        let program = Program::of(size, &unitary).unwrap();
        let light = simulate(&program.exact, &Splitters::ideal(size)).unwrap();
        let light = light.scaled(program.scale).distance(&unitary) / unitary.norm();
        let errors = [off(&ours), off(&theirs), light];
        assert!(
            errors.iter().all(|&e| e < TOLERANCE),
            "{name} {size}: {errors:?}"
        );
        self.own = self.own.max(errors[0]);
        self.theirs = self.theirs.max(errors[1]);
        self.program = self.program.max(errors[2]);
        self.meshes += 1;
        if name.ends_with('*') {
            let lists = [
                (&ours.theta, &theirs.theta),
                (&ours.phi, &theirs.phi),
                (&ours.output, &theirs.output),
            ];
            let off = lists.map(|(ours, theirs)| phase_distance(ours, theirs));
            // A crossing that lets almost nothing through turns small differences into large ones.
            let least = ours
                .theta
                .iter()
                .fold(1.0, |m: f64, t| m.min((t / 2.0).cos().min((t / 2.0).sin())));
            assert!(
                off.iter().all(|&o| o < 1e-12 / least),
                "{name} {size}: {off:?} {least}"
            );
            self.phases = off.into_iter().fold(self.phases, f64::max);
            self.phases_compared += 1;
        }
    }

    fn light(&mut self, size: usize, numbers: &mut Numbers) {
        let layout = Layout::new(size).unwrap();
        let mut phases = vec![0.0; layout.channels()];
        let mut splitters = Splitters::ideal(size);
        for crossing in 0..layout.crossings() {
            let four = numbers.take(4);
            phases[layout.theta(crossing)] = four[0];
            phases[layout.phi(crossing)] = four[1];
            splitters.alpha[crossing] = four[2];
            splitters.beta[crossing] = four[3];
        }
        let screen = numbers.take(size);
        (0..size).for_each(|mode| phases[layout.screen(mode)] = screen[mode]);
        let expected = numbers.matrix(size);
        let got = simulate(&phases, &splitters).unwrap();
        let off = got.distance(&expected) / expected.norm();
        assert!(off < TOLERANCE, "light {size}: {off:e}");
        self.light = self.light.max(off);
        self.lights += 1;
    }

    fn of(table: &str) -> Self {
        let mut worst = Self::default();
        for row in table.lines().filter(|l| !l.starts_with('#')) {
            let fields: Vec<&str> = row.split(',').collect();
            let size = fields[2].parse().unwrap();
            let numbers: Vec<f64> = fields[3..].iter().map(|f| f.parse().unwrap()).collect();
            let mut numbers = Numbers(numbers.into_iter());
            match fields[0] {
                "mesh" => worst.mesh(fields[1], size, &mut numbers),
                "light" => worst.light(size, &mut numbers),
                other => panic!("{other}"),
            }
            assert_eq!(numbers.0.len(), 0, "{} {size}", fields[1]);
        }
        println!(
            "{} meshes: ours {:.1e}, theirs {:.1e}, programs {:.1e}; phases of {}: {:.1e} rad; \
             light of {}: {:.1e}",
            worst.meshes,
            worst.own,
            worst.theirs,
            worst.program,
            worst.phases_compared,
            worst.phases,
            worst.lights,
            worst.light
        );
        worst
    }
}

#[test]
fn equals_interferometer_and_phaseshift() {
    let worst = Worst::of(TABLE);
    // Five sizes of seven matrices by two programs; Haar and orthogonal have one solution.
    assert_eq!(
        (worst.meshes, worst.phases_compared, worst.lights),
        (70, 20, 5)
    );
}

/// `photonic_reference.py live`, where the interpreter of LIGHTOS_PYTHON (python3) has both.
#[test]
fn equals_them_live_in_every_size() {
    if std::env::var_os("LIGHTOS_LONG").is_none_or(|v| v != "1") {
        println!("skipped: part of the long form (LIGHTOS_LONG=1)");
        return;
    }
    let python = std::env::var("LIGHTOS_PYTHON").unwrap_or_else(|_| "python3".into());
    let import = Command::new(&python)
        .args([
            "-c",
            "import numpy, scipy, interferometer, importlib.metadata as m; m.version('phaseshift')",
        ])
        .output();
    if !import.is_ok_and(|o| o.status.success()) {
        println!(
            "skipped: {python} has no interferometer and phaseshift (see \
             tests/oracle/photonic_reference.py; LIGHTOS_PYTHON names another)"
        );
        return;
    }
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/oracle/photonic_reference.py"
    );
    let output = Command::new(python)
        .args([script, "live"])
        .output()
        .unwrap();
    print!("{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success());
    let worst = Worst::of(&String::from_utf8(output.stdout).unwrap());
    assert_eq!((worst.meshes, worst.lights), (31 * 7 * 2, 31));
}
