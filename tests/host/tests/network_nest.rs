// SPDX-License-Identifier: GPL-2.0

//! NEST: the CUBA network on connections and membranes that NEST drew, and a single neuron.
//!
//! `LIGHTOS_NEST` names the folder that `tests/oracle/nest_cuba.py export` wrote; unset, the tests
//! print a line and pass. The network is chaotic: two correct engines part sooner or later, by the
//! last bit of a membrane at its threshold, and from then on only statistics can agree. They are
//! taken from the second second on.

use std::io::ErrorKind;
use std::path::PathBuf;

use lightos_host::nets::cuba::{self, STEPS_A_SECOND};
use lightos_host::nets::{connect, furnish, one_population, Recorder};
use lightos_host::spiking::network::description::Kind;
use lightos_host::spiking::network::simulation::Network;
use lightos_host::spiking::network::synapses::Connection;

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("LIGHTOS_NEST").filter(|folder| !folder.is_empty());
    if folder.is_none() {
        println!("not run: LIGHTOS_NEST is unset; see tests/oracle/nest_cuba.py");
    }
    folder.map(PathBuf::from)
}

/// What a run comes to: spikes a second of each neuron, ascending, their mean, and the mean
/// coefficient of variation of intervals of neurons with at least ten.
struct Statistics {
    rates: Vec<f64>,
    rate: f64,
    variation: f64,
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn statistics(spikes: &[(u64, u32)], seconds: u64) -> Statistics {
    let mut steps = vec![Vec::new(); cuba::NEURONS as usize];
    for &(step, neuron) in spikes.iter().filter(|s| s.0 >= STEPS_A_SECOND) {
        steps[neuron as usize].push(step as f64);
    }
    let counted = (seconds - 1) as f64;
    let mut rates: Vec<f64> = steps.iter().map(|s| s.len() as f64 / counted).collect();
    rates.sort_by(f64::total_cmp);
    let variations: Vec<f64> = steps
        .iter()
        .filter(|s| s.len() > 10)
        .map(|s| {
            let gaps: Vec<f64> = s.windows(2).map(|w| w[1] - w[0]).collect();
            let centre = mean(&gaps);
            let squares: Vec<f64> = gaps.iter().map(|g| (g - centre).powi(2)).collect();
            mean(&squares).sqrt() / centre
        })
        .collect();
    Statistics {
        rate: mean(&rates),
        variation: mean(&variations),
        rates,
    }
}

/// The Kolmogorov-Smirnov distance of two ascending lists.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    let share = |list: &[f64], x: f64| list.partition_point(|&y| y <= x) as f64 / list.len() as f64;
    a.iter()
        .chain(b)
        .map(|&x| (share(a, x) - share(b, x)).abs())
        .fold(0.0, f64::max)
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::MAX, f64::MIN), |(least, most), x| {
        (least.min(x), most.max(x))
    })
}

#[test]
fn network_equals_nest_in_statistics() {
    let Some(folder) = folder() else {
        return;
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for seed in 1.. {
        let spikes = match cuba::pairs(&folder, &format!("{seed}-spikes.npy")) {
            Err(error) if error.kind() == ErrorKind::NotFound => break,
            spikes => spikes.unwrap(),
        };
        let seconds = spikes.last().unwrap().0.div_ceil(STEPS_A_SECOND);
        let mut network = cuba::drawn(&folder, seed).unwrap();
        let mut io = Recorder::default();
        network.run(seconds * STEPS_A_SECOND, &mut io);
        let same = io
            .spikes
            .iter()
            .zip(&spikes)
            .take_while(|(a, b)| a == b)
            .count();
        let (a, b) = (
            statistics(&io.spikes, seconds),
            statistics(&spikes, seconds),
        );
        println!(
            "seed {seed}: {:.3} Hz (NEST {:.3}), CV {:.3} ({:.3}), KS {:.4}; the first {same} spikes \
             are the same, up to {} ms",
            a.rate,
            b.rate,
            a.variation,
            b.variation,
            distance(&a.rates, &b.rates),
            spikes[same.min(spikes.len() - 1)].0 / 10
        );
        // The excitement of the begin, thousands of spikes, is over before they part.
        assert!(same > 1_000);
        ours.push(a);
        theirs.push(b);
    }
    assert!(theirs.len() >= 3, "no runs of NEST in {}", folder.display());
    let (least, most) = range(theirs.iter().map(|s| s.rate));
    let between = theirs
        .iter()
        .enumerate()
        .flat_map(|(i, a)| theirs[..i].iter().map(|b| distance(&a.rates, &b.rates)));
    let (_, apart) = range(between);
    let rate = mean(&ours.iter().map(|s| s.rate).collect::<Vec<_>>());
    println!(
        "LightOS {rate:.3} Hz in the mean; NEST {least:.3} to {most:.3} Hz, KS up to {apart:.4}"
    );
    assert!((least..=most).contains(&rate));
    for (a, b) in ours.iter().zip(&theirs) {
        assert!((a.rate - b.rate).abs() <= most - least);
        assert!((a.variation - b.variation).abs() <= 0.03);
        assert!(distance(&a.rates, &b.rates) <= apart);
    }
}

#[test]
fn neuron_under_random_input_equals_nest_in_every_step() {
    let Some(folder) = folder() else {
        return;
    };
    let inputs = cuba::pairs(&folder, "neuron-inputs.npy").unwrap();
    let spikes = cuba::numbers(&folder, "neuron-spikes.npy").unwrap();
    // Alone it goes step by step; as one of many, in spans.
    for count in [1, 300] {
        let mut parts = one_population(2, count, Kind::Exponential, &[cuba::params()]);
        let list = [0, 1].map(|input| Connection {
            source: count + input,
            target: 0,
            weight: cuba::weight(input * cuba::EXCITATORY),
            delay: cuba::DELAY,
        });
        connect(&mut parts, &list);
        let mut network = Network::new(furnish(parts), Vec::new()).unwrap();
        assert_eq!(network.plans().all(|p| p.steps > 1), count > 1);
        for state in network.exact_states() {
            state.membrane = -6 * cuba::MILLIVOLT;
        }
        let mut io = Recorder::new(inputs.clone());
        network.run(inputs.last().unwrap().0 + 10, &mut io);
        let ours: Vec<u32> = io
            .spikes
            .iter()
            .filter(|s| s.1 == 0)
            .map(|s| s.0 as u32)
            .collect();
        let same = ours
            .iter()
            .filter(|s| spikes.binary_search(s).is_ok())
            .count();
        println!(
            "{same} of NEST's {} spikes in the same step, {} in all",
            spikes.len(),
            ours.len()
        );
        assert!(spikes.len() > 1_000);
        assert!(same as f64 >= 0.999 * spikes.len().max(ours.len()) as f64);
    }
}
