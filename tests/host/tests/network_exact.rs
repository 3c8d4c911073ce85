// SPDX-License-Identifier: GPL-2.0

//! The exact arithmetic: propagators, the platforms' table of the NIR paper, rest.

use std::num::NonZeroU64;

use lightos_host::nets::{
    connect, cuba, network, one_population, recordings, HeapNetwork, Recorder,
};
use lightos_host::spiking::network::description::Kind;
use lightos_host::spiking::network::exact::{Params, Propagators, NEVER, ONE};
use lightos_host::spiking::network::synapses::Connection;

/// Units of a potential of 1.
const UNIT: f64 = (1u64 << 53) as f64;

const SOURCE: &str = "paper/01_lif in https://github.com/neuromorphs/NIR (BSD-3-Clause)";

fn lif(propagators: Propagators, threshold: f64) -> Params {
    Params {
        propagators,
        drive: 0,
        gain: [0; 2],
        threshold: (threshold * UNIT) as i64,
        reset: 0,
        refractory_steps: 0,
        reserved: 0,
    }
}

#[test]
fn propagators_equal_the_formulas() {
    let h = 100_000;
    for (membrane, current) in [
        (20_000_000, 5_000_000),
        (20_000_000, 10_000_000),
        (10_000_000, 10_000_000),
        (10_000_000, 10_000_001),
        (10_000_001, 10_000_000),
        (10_000_000, 15_000_000),
        (2_500_000, 3_000_000),
        (100_000, 101_000),
        (50_000, 1_000_000_000),
        (u64::MAX, 5_000_000),
        (3_000, 2_000),
        (1, 1),
        (1, u64::MAX),
    ] {
        let taus = [NonZeroU64::new(current), NonZeroU64::new(current)];
        let p = Propagators::new(h, NonZeroU64::new(membrane), taus);
        let (a, b) = (h as f64 / membrane as f64, h as f64 / current as f64);
        // Without cancellation: the distance of the two from integers.
        let x = h as f64 * (membrane.abs_diff(current) as f64) / membrane as f64 / current as f64;
        let mean = if x == 0.0 { 1.0 } else { -(-x).exp_m1() / x };
        let p21 = a * (-a.min(b)).exp() * mean;
        let close = |fixed: i64, real: f64| {
            let error = (fixed as f64 / ONE as f64 - real).abs();
            assert!(
                error <= 2e-15 + 1e-14 * real,
                "{membrane} {current}: {error:e}"
            );
        };
        close(p.p22, (-a).exp());
        close(p.p11[0], (-b).exp());
        close(p.p21[0], p21);
        assert_eq!(p.p21[0], p.p21[1]);
        let all = Params {
            propagators: p,
            ..lif(p, 1.0)
        };
        assert_eq!(all.wrong_field(), None);
    }
    let p = Propagators::new(h, None, [NonZeroU64::new(5_000_000), None]);
    assert_eq!((p.p22, p.p11[1], p.p21[1]), (ONE, ONE, 0));
    assert_eq!(p.p21[0], ONE - p.p11[0]);
    let p = Propagators::new(u64::MAX, NonZeroU64::new(1), [NonZeroU64::new(2), None]);
    assert_eq!(
        p,
        Propagators {
            p22: 0,
            p11: [0, ONE],
            p21: [0, ONE]
        }
    );
}

/// A column of numbers of a CSV file.
fn column(text: &str, index: usize) -> Vec<f64> {
    text.lines()
        .map(|line| line.split(',').nth(index).unwrap().trim().parse().unwrap())
        .collect()
}

/// The neuron of `lif_norse.nir`: tau 2.5 ms, R 1, rest 0, threshold 0.1, steps of 0.1 ms.
#[test]
fn nir_platforms() {
    let Some(folder) = recordings("nir", SOURCE) else {
        return;
    };
    let text = std::fs::read_to_string(folder.join("lif_exact.csv")).unwrap();
    let (input, published) = (column(&text, 0), column(&text, 1));
    let propagators = Propagators::new(100_000, NonZeroU64::new(2_500_000), [None; 2]);
    // A current held for a step: (1 - P22) R I.
    let per_input = (1.0 - (-0.04f64).exp()) * UNIT;
    let params = Params {
        gain: [(ONE - propagators.p22) >> 9, 0],
        ..lif(propagators, 0.1)
    };
    assert!((params.gain[0] as f64 - per_input).abs() < 16.0);
    let mut parts = one_population(0, 1, Kind::Jump, &[params]);
    parts.probes = vec![0];
    let mut network = network(parts).unwrap();
    let mut io = Recorder::default();
    io.injections = (0..1000)
        .filter(|&t| input[t as usize] == 1.0)
        .map(|t| (t, 0, 1))
        .collect();
    assert_eq!(io.injections.len(), 34);
    network.run(1000, &mut io);

    let fired: Vec<u64> = io.spikes.iter().map(|s| s.0).collect();
    assert_eq!(fired, [460, 510, 710, 760]);
    assert_eq!(io.voltages.len(), 1000);
    let (mut v, mut grid, mut published_worst, mut after) = (0.0f64, 0.0f64, 0.0f64, 0.0f64);
    for (t, &(_, _, value)) in io.voltages.iter().enumerate() {
        v = v * (-0.04f64).exp() + (1.0 - (-0.04f64).exp()) * input[t];
        if v >= 0.1 {
            v = 0.0;
        }
        let ours = value as f64 / UNIT;
        grid = grid.max((ours - v).abs());
        let difference = (ours - published[t]).abs();
        if t < 460 {
            published_worst = published_worst.max(difference);
        } else {
            after = after.max(difference);
        }
    }
    assert!(grid < 1e-13, "{grid:e}");
    assert!(published_worst < 1e-6, "{published_worst:e}");
    println!("LightOS: spikes at {fired:?}; from the grid-exact recursion {grid:.1e}, from");
    println!("lif_exact.csv {published_worst:.1e} up to step 459 and {after:.1e} after it");
}

/// A neuron with two currents under spikes through synapses, against doubles.
#[test]
fn currents_equal_doubles() {
    let tau = [NonZeroU64::new(5_000_000), NonZeroU64::new(10_000_000)];
    let propagators = Propagators::new(100_000, NonZeroU64::new(20_000_000), tau);
    let gain = (1u64 << 44) as f64;
    let params = Params {
        gain: [1 << 44, 1 << 44],
        drive: 1 << 42,
        threshold: NEVER,
        ..lif(propagators, 0.0)
    };
    let mut parts = one_population(2, 1, Kind::Exponential, &[params]);
    let synapse = |source, weight, delay| Connection {
        source,
        target: 0,
        weight,
        delay,
    };
    connect(&mut parts, &[synapse(1, 90, 3), synapse(2, -40, 16)]);
    parts.probes = vec![0];
    let mut network = network(parts).unwrap();
    let spikes: Vec<(u64, u32)> = (0..900)
        .filter(|t| t % 7 == 0)
        .map(|t| (t, (t % 2) as u32))
        .collect();
    let mut io = Recorder::new(spikes.clone());
    network.run(1000, &mut io);
    let [a, b] = [(-0.02f64).exp(), (-0.01f64).exp()];
    let m = (-0.005f64).exp();
    assert_eq!(io.voltages.len(), 1000);
    let (mut v, mut i, mut worst) = (0.0f64, [0.0f64; 2], 0.0f64);
    for (t, &(_, _, value)) in io.voltages.iter().enumerate() {
        v = v * m + i[0] * (m - a) / 3.0 + i[1] * (m - b) + (1u64 << 42) as f64;
        let sent = |input: u32, delay: u64| {
            f64::from(u8::from(
                t as u64 >= delay && spikes.contains(&(t as u64 - delay, input)),
            ))
        };
        i = [
            i[0] * a + sent(0, 3) * 90.0 * gain,
            i[1] * b - sent(1, 16) * 40.0 * gain,
        ];
        worst = worst.max((value as f64 - v).abs() / UNIT);
    }
    assert!(worst < 1e-12, "{worst:e}");
    assert!(io.voltages.iter().any(|v| v.2 > 1 << 50));
}

/// Truncation toward zero lets a membrane come to rest: its updates are skipped then.
#[test]
fn decays_end_at_rest() {
    let propagators = Propagators::new(100_000, NonZeroU64::new(1_000_000), [None; 2]);
    let params = Params {
        gain: [1 << 40; 2],
        threshold: NEVER,
        ..lif(propagators, 1.0)
    };
    for weight in [1000, -1000] {
        let mut network = network(one_population(0, 1, Kind::Jump, &[params])).unwrap();
        let mut io = Recorder::injecting(vec![(0, 0, weight)]);
        network.run(1000, &mut io);
        assert_eq!(network.exact_states()[0].membrane, 0);
        assert!(network.totals().tally.skipped > 500);
    }
}

/// The CUBA network's neurons without synapses, under input that differs from one to the next.
fn cuba_under_input(change: impl Fn(&mut HeapNetwork)) -> (Vec<(u64, u32)>, Vec<i64>) {
    let mut network = cuba::network(&[], &vec![-55.0; cuba::NEURONS as usize]);
    let weight = |i: u32| {
        if i.is_multiple_of(7) {
            -900
        } else {
            162 * (1 + i as i32 % 5)
        }
    };
    let list = (0..90_000u32).map(|i| (u64::from(i) / 30, i * 37 % 600, weight(i)));
    let mut io = Recorder::injecting(list.collect());
    for _ in 0..3 {
        network.run(1_000, &mut io);
        change(&mut network);
    }
    let membrane = |n| network.exact_state(n).map(|s| s.membrane);
    let membranes = (0..600).filter_map(membrane).collect();
    (io.spikes, membranes)
}

/// States that were set begin a span; that costs a unit, and no spike here. Skipping costs nothing.
#[test]
fn spans_begin_where_states_are_set() {
    if cfg!(miri) {
        // Hours, and nothing that the random networks do not do there.
        return;
    }
    let undisturbed = cuba_under_input(|_| ());
    assert!(undisturbed.0.len() > 1_000, "{}", undisturbed.0.len());
    let turned = cuba_under_input(|n| n.set_skipping(n.step() != 1_000));
    assert_eq!(turned, undisturbed);
    let read = cuba_under_input(|n| {
        let before: Vec<_> = (0..600).map(|i| n.exact_state(i)).collect();
        assert!(before
            .iter()
            .zip(n.exact_states())
            .all(|(a, b)| *a == Some(*b)));
    });
    assert_eq!(read.0, undisturbed.0);
    let worst = read
        .1
        .iter()
        .zip(&undisturbed.1)
        .map(|(a, b)| (a - b).abs())
        .max();
    // An input is off by half a unit of its 900 units of weight.
    assert!(worst < Some(1 << 20), "{worst:?}");
    let set = cuba_under_input(|n| n.exact_states()[0].membrane = cuba::MILLIVOLT);
    assert!(set.0.contains(&(1_000, 0)) && set.0.contains(&(2_000, 0)));
}
