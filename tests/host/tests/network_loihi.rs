// SPDX-License-Identifier: GPL-2.0

//! The Loihi rules against a recording of the chip.

use std::fs;
use std::path::Path;

use lightos_host::nets::{connect, network, one_population, recordings, Recorder};
use lightos_host::spiking::network::description::Kind;
use lightos_host::spiking::network::loihi::MAX_THRESHOLD;
use lightos_host::spiking::network::synapses::Connection;

const SOURCE: &str = "test/test_files/Loihi in https://github.com/bamsumit/slayerPytorch (GPL-3.0)";

const INPUTS: usize = 250;
const HIDDEN: u32 = 25;
const STEPS: u64 = 500;

/// The numbers in a file, whatever separates them.
fn numbers(folder: &Path, name: &str) -> Vec<f64> {
    fs::read_to_string(folder.join(name))
        .expect(name)
        .split_whitespace()
        .map(|word| word.parse().expect(name))
        .collect()
}

/// The pairs (neuron, step) in a file, as (step, neuron), ascending.
fn spikes(folder: &Path, name: &str) -> Vec<(u64, u32)> {
    let numbers = numbers(folder, name);
    let mut spikes: Vec<(u64, u32)> = numbers
        .chunks_exact(2)
        .map(|pair| (pair[1] as u64, pair[0] as u32))
        .collect();
    spikes.sort_unstable();
    spikes
}

/// The chip's weights: 2 * round(w * 4 / 2), row = neuron.
fn weights(folder: &Path) -> Vec<Connection> {
    let file = numbers(folder, "w1learned.txt");
    assert_eq!(file.len(), INPUTS * HIDDEN as usize);
    file.iter()
        .enumerate()
        .map(|(i, w)| Connection {
            source: HIDDEN + (i % INPUTS) as u32,
            target: (i / INPUTS) as u16,
            weight: 2 * (w * 4.0 / 2.0).round_ties_even() as i16,
            delay: 1,
        })
        .collect()
}

/// The recording numbers a spike by the step of the input that it answers: its axonal delay is
/// in the numbers. So a step of the network is one more than that of the recording.
#[test]
fn silicon_recording_is_reproduced() {
    let Some(folder) = recordings("loihi", SOURCE) else {
        return;
    };
    let mut parts = one_population(INPUTS as u32, HIDDEN, Kind::Loihi, &[]);
    connect(&mut parts, &weights(&folder));
    parts.probes = vec![24];
    let mut network = network(parts).unwrap();
    let mut io = Recorder::new(spikes(&folder, "loihiInputSpikes.txt"));
    assert_eq!(io.inputs.len(), 674);
    assert_eq!(network.run(STEPS + 1, &mut io), STEPS + 1);

    let recorded = spikes(&folder, "loihiHiddenSpikes.txt");
    assert_eq!(recorded.len(), 639);
    let fired: Vec<(u64, u32)> = io.spikes.iter().map(|&(s, n)| (s - 1, n)).collect();
    assert_eq!(fired, recorded);

    // The first reading is that of step 1.
    let recorded = numbers(&folder, "loihiHiddenVoltage24.txt");
    assert_eq!(recorded.len(), 499);
    for (i, &volts) in recorded.iter().enumerate() {
        let (step, _, value) = io.voltages[i + 2];
        assert_eq!((step, value), (i as u64 + 2, volts as i64));
    }
    let totals = network.totals();
    assert_eq!(totals.synaptic_events, 674 * u64::from(HIDDEN));
    assert_eq!((totals.tally.wraps, totals.tally.saturations), (0, 0));
}

/// The current and the voltage after one step with `weight` injected into a neuron at rest, how
/// many currents wrapped, and how many voltages were cut.
fn after_one_step(weight: i32) -> (i32, i32, u64, u64) {
    let mut parts = one_population(0, 1, Kind::Loihi, &[]);
    parts.loihi_params[0].threshold = MAX_THRESHOLD;
    let mut network = network(parts).unwrap();
    network.run(1, &mut Recorder::injecting(vec![(0, 0, weight)]));
    let tally = network.totals().tally;
    let state = network.loihi_states()[0];
    (state.current, state.voltage, tally.wraps, tally.saturations)
}

/// 24 bits: the current keeps 2^23 and wraps -2^23 to it, as Lava does; the voltage is cut.
#[test]
fn ends_of_the_ranges() {
    const LIMIT: i32 = 1 << 23;
    // 2^23 - 64 is not above the greatest threshold.
    let least = LIMIT - 64;
    assert_eq!(after_one_step((1 << 17) - 1), (least, least, 0, 0));
    // Cut to 2^23 - 1 it fires.
    assert_eq!(after_one_step(1 << 17), (LIMIT, 0, 0, 1));
    assert_eq!(after_one_step((1 << 17) + 1), (-least, -least, 1, 0));
    assert_eq!(after_one_step(1 - (1 << 17)), (-least, -least, 0, 0));
    assert_eq!(after_one_step(-1 << 17), (LIMIT, 0, 1, 1));
    assert_eq!(after_one_step(-1 - (1 << 17)), (least, least, 1, 0));
    assert_eq!(after_one_step(5 << 17), (LIMIT, 0, 1, 1));
    assert_eq!(after_one_step(-1 << 18), (0, 0, 1, 0));
}
