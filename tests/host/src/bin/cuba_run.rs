// SPDX-License-Identifier: GPL-2.0

//! `cuba-run SECONDS [FOLDER]`: runs the CUBA network for so many seconds of its time, and prints
//! what it took as one JSON object. The network is the one that NEST drew for seed 1 and that lies
//! in FOLDER (see `tests/oracle/nest_cuba.py`), or a twin.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use lightos_host::nets::cuba;
use lightos_host::spiking::network::simulation::Exchange;

struct Nobody;

impl Exchange for Nobody {}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let (seconds, folder) = match arguments.as_slice() {
        [_, seconds] => (seconds, None),
        [_, seconds, folder] => (seconds, Some(folder)),
        _ => {
            eprintln!("usage: cuba-run SECONDS [FOLDER]");
            return ExitCode::FAILURE;
        }
    };
    let Ok(simulated) = seconds.parse::<u64>() else {
        eprintln!("cuba-run: '{seconds}' is no number of seconds");
        return ExitCode::FAILURE;
    };
    let drawn = match folder {
        Some(folder) => cuba::drawn(Path::new(folder), 1),
        None => Ok(cuba::twin()),
    };
    let mut network = match drawn {
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
