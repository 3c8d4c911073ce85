// SPDX-License-Identifier: GPL-2.0

//! What the optics of the model cost: one write to `COMMAND_START` or `COMMIT` of a processor of 32
//! modes, by what it has to compute. Medians and quartiles of repetitions, in microseconds.

use std::time::Instant;

use lightos_host::chips::{on_bench, Device, HostModel};
use lightos_host::photonic::model::bench::Bench;
use lightos_host::photonic::model::chip::Chip;
use lightos_host::photonic::registers::*;
use lightos_host::support::cpu_model;

const REPETITIONS: usize = 400;

/// Times one write of `value` at `offset`, after `before`, which is not timed.
fn time(
    model: &HostModel<Bench>,
    offset: u32,
    value: u32,
    mut before: impl FnMut(u32),
) -> [f64; 3] {
    let mut all: Vec<f64> = (0..REPETITIONS as u32)
        .map(|round| {
            model.wait(10_000_000);
            before(round);
            let start = Instant::now();
            model.write(offset, value);
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    all.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| all[quarter * REPETITIONS / 4])
}

fn row(name: &str, [low, median, high]: [f64; 3]) {
    println!("{name:<52} {median:>9.2}   {low:>9.2} to {high:>9.2}");
}

fn main() {
    let chip = Chip::typical(32, 1);
    println!(
        "{}; N = 32, typical chip, {REPETITIONS} repetitions",
        cpu_model()
    );
    println!("{:<52} {:>9}   {:>9}", "", "median us", "quartiles us");
    let model = on_bench(chip);
    let channels = model.layout().channels() as u32;
    model.set_codes(&vec![2000; channels as usize]);
    for offset in (INPUT..OUTPUT).step_by(4) {
        model.write(offset, offset.wrapping_mul(0x9e37_79b9));
    }
    let vectors = |count| model.write(COMMAND_VECTORS, count);
    let warm = |round: u32| {
        model.with_surroundings(|b| b.light.die_mc = 45_000 + 10 * (round % 100) as i32);
    };

    vectors(64);
    let start = |count, value| {
        vectors(count);
        time(&model, COMMAND_START, value, |_| ())
    };
    row("probe, phases as before", start(1, START_PROBE));
    row("product of 1 vector, by crossings", start(1, START_PRODUCT));
    row(
        "product of 8 vectors, matrix as before",
        start(8, START_PRODUCT),
    );
    row(
        "product of 64 vectors, matrix as before",
        start(64, START_PRODUCT),
    );
    vectors(1);
    row(
        "probe, all phases moved by temperature",
        time(&model, COMMAND_START, START_PROBE, warm),
    );
    vectors(8);
    row(
        "product of 8 vectors, all moved, new matrix",
        time(&model, COMMAND_START, START_PRODUCT, warm),
    );
    vectors(64);
    row(
        "product of 64 vectors, all moved, new matrix",
        time(&model, COMMAND_START, START_PRODUCT, warm),
    );

    let one = |round| model.write(SHADOW + 4 * 500, 1000 + round);
    row("commit of one code", time(&model, COMMIT, 1, one));
    let all = |round| {
        for channel in 0..channels {
            model.write(SHADOW + 4 * channel, 1000 + round);
        }
    };
    row("commit of all codes", time(&model, COMMIT, 1, all));
    vectors(1);
    let moved = |round| {
        one(round);
        model.write(COMMIT, 1);
        model.wait(10_000_000);
    };
    row(
        "probe after a commit of one code",
        time(&model, COMMAND_START, START_PROBE, moved),
    );
}
