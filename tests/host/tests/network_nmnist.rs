// SPDX-License-Identifier: GPL-2.0

//! N-MNIST through weights trained for Loihi, against an independent replay in NumPy.

use lightos_host::nets::nmnist::{parts, recording, weights, HIDDEN, OUTPUTS, STEPS};
use lightos_host::nets::{recordings, Heap, Recorder};
use lightos_host::spiking::network::simulation::Network;

const SOURCE: &str = "N-MNIST recordings and weights: exampleLoihi/02_NMNIST and \
     test/test_files/NMNISTsmall in https://github.com/bamsumit/slayerPytorch (GPL-3.0)";

/// What `tests/oracle/nmnist_replay.py "$LIGHTOS_DATA"` prints: recording, input spikes, hidden
/// spikes, spikes of each output.
const REPLAY: &str = include_str!("../../oracle/nmnist_replay.txt");

#[test]
fn labels_counts_and_totals_equal_numpy() {
    let Some(folder) = recordings("nmnist", SOURCE) else {
        return;
    };
    let (fc1, fc2) = weights(&folder).unwrap();
    let labels = std::fs::read_to_string(folder.join("labels.txt")).unwrap();
    let mut right = 0;
    let mut lines = labels.lines().filter(|line| !line.is_empty());
    for replayed in REPLAY.lines() {
        let name = replayed.split(' ').next().unwrap();
        let mut network = Network::<Heap>::new(parts(&fc1, &fc2), Vec::new()).unwrap();
        let mut io = Recorder::new(recording(&folder, name).unwrap());
        network.run(STEPS, &mut io);

        let mut counts = [0; OUTPUTS as usize];
        let mut hidden = 0;
        for &(_, neuron) in &io.spikes {
            match neuron.checked_sub(HIDDEN) {
                Some(output) => counts[output as usize] += 1,
                None => hidden += 1,
            }
        }
        let counted = counts.map(|c: u32| c.to_string()).join(" ");
        assert_eq!(
            format!("{name} {} {hidden} {counted}", io.inputs.len()),
            replayed
        );

        // The first of the greatest, as NumPy's argmax.
        let most = counts.iter().max().unwrap();
        let label = counts.iter().position(|c| c == most).unwrap();
        right += u32::from(lines.next() == Some(&format!("{name} {label}")));
    }
    assert_eq!(
        (right, REPLAY.lines().count(), lines.next()),
        (29, 30, None)
    );
}
