// SPDX-License-Identifier: GPL-2.0

//! N-MNIST through weights trained for Loihi, against an independent replay in NumPy.

use lightos_host::nets::nmnist::{parts, recording, weights, HIDDEN, OUTPUTS, STEPS};
use lightos_host::nets::{recordings, Heap, Recorder};
use lightos_host::spiking::network::simulation::Network;

const SOURCE: &str = "N-MNIST recordings and weights: exampleLoihi/02_NMNIST and \
     test/test_files/NMNISTsmall in https://github.com/bamsumit/slayerPytorch (GPL-3.0)";

/// What `tests/oracle/nmnist_replay.py "$LIGHTOS_DATA"` prints: recording, input spikes, hidden
/// spikes, spikes of each output.
const REPLAY: &str = "\
60001 3323 4114 7 9 6 11 0 13 3 51 9 9
60002 4836 5428 9 2 53 9 2 9 15 2 4 2
60003 1663 2228 3 40 8 8 1 6 14 7 5 7
60004 5283 6067 50 8 8 1 9 5 11 18 7 9
60005 3147 3428 4 5 4 4 39 8 6 6 4 9
60006 2193 3105 2 54 8 5 3 5 5 2 9 4
60007 3535 3966 0 13 4 17 36 21 3 15 4 10
60008 3534 4231 3 7 14 10 8 1 1 3 0 23
60009 4679 5032 0 2 1 1 4 18 0 6 6 12
60010 4831 5566 8 7 7 8 10 4 13 21 11 46
60011 5247 5689 43 11 10 14 6 1 14 6 0 8
60012 4765 5109 1 4 8 13 17 17 28 3 16 7
60013 3797 4504 6 1 1 10 9 4 1 0 6 47
60014 4985 5394 47 2 3 4 4 6 14 7 6 10
60015 2548 3612 10 51 4 3 0 11 11 5 2 9
60016 4127 4404 1 8 7 20 0 15 19 10 0 4
60017 3893 4383 1 1 16 13 11 0 3 15 13 29
60018 3997 4807 8 0 9 16 0 5 7 40 6 4
60019 6133 6077 4 3 25 35 20 0 17 3 10 4
60020 2683 3114 0 2 0 11 45 4 4 1 1 0
60021 3818 4806 15 7 6 9 16 0 2 13 10 38
60022 3923 4757 3 3 7 4 2 4 42 0 2 10
60023 3895 4210 1 20 1 7 16 4 25 2 9 5
60024 3820 4336 2 0 3 2 2 40 3 0 8 13
60025 2024 2131 5 6 3 12 35 2 5 7 1 8
60026 6141 6474 35 8 4 4 1 5 19 2 2 15
60027 2685 3027 7 7 6 6 0 1 5 47 6 12
60028 3629 4144 5 2 0 13 46 5 4 0 0 5
60029 5198 6139 59 1 5 11 9 2 9 9 3 6
60030 2169 3081 11 59 2 11 8 8 13 10 0 10
";

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
