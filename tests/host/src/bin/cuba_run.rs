// SPDX-License-Identifier: GPL-2.0

//! `cuba-run FOLDER SECONDS`: runs the CUBA network that NEST drew for seed 1 (see
//! `tests/oracle/nest_cuba.py`) for so many seconds of its time, and prints what it took as one
//! JSON object.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use lightos_host::nets::cuba;
use lightos_host::spiking::network::simulation::Exchange;

struct Nobody;

impl Exchange for Nobody {}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, seconds] = arguments.as_slice() else {
        eprintln!("usage: cuba-run FOLDER SECONDS");
        return ExitCode::FAILURE;
    };
    let Ok(simulated) = seconds.parse::<u64>() else {
        eprintln!("cuba-run: '{seconds}' is no number of seconds");
        return ExitCode::FAILURE;
    };
    let mut network = match cuba::drawn(Path::new(folder), 1) {
        Ok(network) => network,
        Err(error) => {
            eprintln!("cuba-run: {error}");
            return ExitCode::FAILURE;
        }
    };
    let steps = simulated * cuba::STEPS_A_SECOND;
    let begin = Instant::now();
    network.run(steps, &mut Nobody);
    let taken = begin.elapsed().as_secs_f64();
    let totals = network.totals();
    let updates = (totals.tally.updates + totals.tally.skipped) as f64;
    println!(
        "{{\"seconds\": {taken:.6}, \"spikes\": {}, \"synaptic_events\": {}, \"ns_a_neuron_step\": {:.3}, \"updated_percent\": {:.2}}}",
        totals.spikes,
        totals.synaptic_events,
        taken * 1e9 / updates,
        100.0 * totals.tally.updates as f64 / updates
    );
    ExitCode::SUCCESS
}
