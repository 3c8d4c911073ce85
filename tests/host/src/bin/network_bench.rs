// SPDX-License-Identifier: GPL-2.0

//! `network-bench`: synaptic events a second of networks on one core, as one JSON object.
//!
//! Every scenario runs the engine and plain loops over the same spikes and the same synapses in
//! turn, so that a change in the machine's speed meets all of them alike:
//!
//! - `nmnist`: a recording of N-MNIST through its dense network, in steps of 1 ms; without
//!   `LIGHTOS_DATA` a twin of the same shape and number of spikes. The plain loop adds the byte
//!   row of each spike to the sums, weight by weight, and does nothing else.
//! - `random`: 65,536 neurons, 16 Mi synapses to random targets, delays uniform from 1 to 16, at
//!   several rates. The plain loop walks the synapses of each spike, sorted by source, and adds
//!   each weight to one of 16 slots of sums by its delay; no neuron is updated.
//! - `growth`: the same with fewer neurons at as many synapses each, and with fewer synapses.
//!
//! Besides: nanoseconds a neuron and step of each kind of neuron, and bytes a synapse, everything
//! included. Build with `RUSTFLAGS="-C no-vectorize-loops -C no-vectorize-slp"`, as the kernel
//! does.

use std::hint::black_box;
use std::time::Instant;

use lightos_host::nets::{connect, furnish, nmnist, one_population, Heap, HeapNetwork};
use lightos_host::spiking::network::description::{Kind, Parts, MAX_NEURONS};
use lightos_host::spiking::network::exact::{self, Propagators, NEVER, ONE};
use lightos_host::spiking::network::loihi;
use lightos_host::spiking::network::simulation::{Exchange, Inputs, Network};
use lightos_host::spiking::network::synapses::Connection;
use lightos_host::support::cpu_model;

/// Runs of each scenario that count; one more comes before them.
const RUNS: usize = 5;

/// Synapses of the random network.
const SYNAPSES: usize = 1 << 24;

/// The longest delay of the random network.
const DELAYS: u64 = 16;

/// Steps of a run of the random network.
const STEPS: u64 = 100;

/// What makes a neuron of the random network fire at once; synapses never do.
const FORCE: i32 = 1 << 16;

/// A 64-bit xorshift generator (Marsaglia 2003), so that every run sees the same network.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 16) % limit
    }
}

/// Sends spikes to inputs, makes neurons fire, and keeps the spikes of each step.
struct Driver<'a> {
    inputs: &'a [(u64, u32)],
    sent: usize,
    forced: &'a [Vec<u32>],
    spikes: Vec<Vec<u32>>,
    keep: bool,
}

impl Exchange for Driver<'_> {
    fn before(&mut self, step: u64, to: &mut dyn Inputs) {
        while let Some(&(_, input)) = self.inputs.get(self.sent).filter(|i| i.0 == step) {
            assert!(to.spike(input).is_ok());
            self.sent += 1;
        }
        for &neuron in self.forced.get(step as usize).into_iter().flatten() {
            assert!(to.inject(neuron, FORCE).is_ok());
        }
        if self.keep {
            self.spikes.push(Vec::new());
        }
    }

    fn spike(&mut self, _step: u64, neuron: u32) {
        if let Some(spikes) = self.spikes.last_mut() {
            spikes.push(neuron);
        }
    }
}

/// Runs `network` for `steps`; seconds.
fn time_run(network: &mut HeapNetwork, steps: u64, driver: &mut Driver<'_>) -> f64 {
    let begin = Instant::now();
    assert_eq!(network.run(steps, driver), steps);
    begin.elapsed().as_secs_f64()
}

fn made(parts: Parts<Heap>) -> HeapNetwork {
    match Network::new(parts, Vec::new()) {
        Ok(network) => network,
        Err(fault) => panic!("{fault:?}"),
    }
}

/// Figures of some runs of `events` each: median, least and greatest rate.
fn rates(events: u64, seconds: &[f64]) -> (f64, String) {
    let mut rates: Vec<f64> = seconds.iter().map(|s| events as f64 / s).collect();
    rates.sort_by(f64::total_cmp);
    let median = rates[rates.len() / 2];
    let text = format!(
        "{{\"events_per_s\": {:.0}, \"min\": {:.0}, \"max\": {:.0}, \"runs\": {}}}",
        median,
        rates[0],
        rates[rates.len() - 1],
        rates.len()
    );
    (median, text)
}

/// A digit: whether it was recorded, the weights of both layers, the input spikes.
type Digit = (bool, Vec<u8>, Vec<u8>, Vec<(u64, u32)>);

/// The weights and the inputs of N-MNIST, or of a twin.
fn digit() -> Digit {
    let folder =
        std::env::var_os("LIGHTOS_DATA").map(|f| std::path::PathBuf::from(f).join("nmnist"));
    if let Some(folder) = folder.filter(|f| f.join("60002.bs2").exists()) {
        if let (Ok((fc1, fc2)), Ok(inputs)) = (
            nmnist::weights(&folder),
            nmnist::recording(&folder, "60002"),
        ) {
            return (true, fc1, fc2, inputs);
        }
    }
    let mut r = Random(0x9e37_79b9_7f4a_7c15);
    let mut weights = |n: u32| {
        (0..n)
            .map(|_| r.below(17) as u8)
            .map(|w| w.wrapping_sub(8))
            .collect()
    };
    let fc1 = weights(nmnist::HIDDEN * nmnist::INPUTS);
    let fc2 = weights(nmnist::OUTPUTS * nmnist::HIDDEN);
    let mut inputs: Vec<(u64, u32)> = (0..4836)
        .map(|_| {
            (
                r.below(nmnist::STEPS),
                r.below(u64::from(nmnist::INPUTS)) as u32,
            )
        })
        .collect();
    inputs.sort_unstable();
    inputs.dedup();
    (false, fc1, fc2, inputs)
}

/// The rows of all spikes added up, one weight after the other.
fn plain_dense(rows: &[(&[u8], usize)], sums: &mut [i32]) -> f64 {
    let begin = Instant::now();
    for &(row, first) in rows {
        for (sum, &weight) in sums[first..].iter_mut().zip(row) {
            *sum = sum.wrapping_add(i32::from(weight as i8));
        }
    }
    black_box(sums);
    begin.elapsed().as_secs_f64()
}

/// N-MNIST: engine and plain loop.
fn bench_nmnist() -> String {
    let (real, fc1, fc2, inputs) = digit();
    let parts = nmnist::parts(&fc1, &fc2);
    let weights = parts.weights.clone();
    let mut network = made(parts);
    let fresh = |keep| Driver {
        inputs: &inputs,
        sent: 0,
        forced: &[],
        spikes: Vec::new(),
        keep,
    };
    let mut driver = fresh(true);
    network.run(nmnist::STEPS, &mut driver);
    let totals = *network.totals();

    let hidden = nmnist::HIDDEN as usize;
    let outputs = nmnist::OUTPUTS as usize;
    let last = nmnist::STEPS - 1;
    let first_rows = inputs.iter().filter(|i| i.0 < last).map(|&(_, input)| {
        let at = input as usize * hidden;
        (&weights[at..at + hidden], 0)
    });
    let second_rows = driver.spikes[..last as usize]
        .iter()
        .flatten()
        .filter(|&&n| n < nmnist::HIDDEN)
        .map(|&n| {
            let at = fc1.len() + n as usize * outputs;
            (&weights[at..at + outputs], hidden)
        });
    let rows: Vec<(&[u8], usize)> = first_rows.chain(second_rows).collect();
    let events: usize = rows.iter().map(|r| r.0.len()).sum();
    assert_eq!(events as u64, totals.synaptic_events);

    let (mut engine, mut plain) = (Vec::new(), Vec::new());
    for run in 0..=RUNS * 5 {
        let mut network = made(nmnist::parts(&fc1, &fc2));
        let taken = time_run(&mut network, nmnist::STEPS, &mut fresh(false));
        assert_eq!(network.totals(), &totals);
        let loops = plain_dense(&rows, &mut vec![0; hidden + outputs]);
        if run > 0 {
            engine.push(taken);
            plain.push(loops);
        }
    }
    let (rate, engine) = rates(totals.synaptic_events, &engine);
    let (bar, plain) = rates(totals.synaptic_events, &plain);
    format!(
        "\"nmnist\": {{\"recorded\": {real}, \"steps\": {}, \"synaptic_events\": {}, \"spikes\": {}, \"updates_skipped_percent\": {:.1}, \
         \"engine\": {engine}, \"plain_loop\": {plain}, \"engine_to_plain\": {:.2}}}",
        nmnist::STEPS,
        totals.synaptic_events,
        totals.spikes,
        100.0 * totals.tally.skipped as f64 / (totals.tally.skipped + totals.tally.updates) as f64,
        rate / bar
    )
}

/// A random network: so many neurons with so many synapses each.
#[derive(Clone, Copy)]
struct Size {
    neurons: u32,
    each: u32,
}

/// The random connections, by source.
fn random_list(size: Size) -> Vec<Connection> {
    let mut r = Random(0x1234_5678_9abc_def1);
    (0..size.neurons * size.each)
        .map(|i| {
            let r = r.next() >> 8;
            Connection {
                source: i / size.each,
                target: (r as u32 & (size.neurons - 1)) as u16,
                weight: (r >> 16 & 0xff) as i16 - 128,
                delay: (r >> 24 & (DELAYS - 1)) as u32 + 1,
            }
        })
        .collect()
}

/// A synapse of the plain loop: target, weight and delay in one word.
fn packed(c: &Connection) -> u32 {
    u32::from(c.target) | (c.delay - 1) << 16 | (c.weight as u32 & 0xfff) << 20
}

/// The synapses of all spikes added to a ring of sums.
fn plain_sparse(spikes: &[Vec<u32>], each: u32, synapses: &[u32], ring: &mut [i32]) -> f64 {
    let neurons = MAX_NEURONS as usize;
    let ring: &mut [i32; DELAYS as usize * MAX_NEURONS as usize] = match ring.try_into() {
        Ok(ring) => ring,
        Err(_) => return 0.0,
    };
    let begin = Instant::now();
    for (step, spikes) in spikes.iter().enumerate() {
        for &source in spikes {
            let run = (source * each) as usize..((source + 1) * each) as usize;
            for &word in &synapses[run] {
                let slot = (step + (word >> 16 & 15) as usize) % DELAYS as usize;
                let place = &mut ring[slot * neurons + (word & 0xffff) as usize];
                *place = place.wrapping_add(word as i32 >> 20);
            }
        }
    }
    black_box(ring);
    begin.elapsed().as_secs_f64()
}

/// A random network and what the plain loop needs of it.
struct Scene {
    size: Size,
    network: HeapNetwork,
    synapses: Vec<u32>,
}

impl Scene {
    fn new(size: Size) -> Self {
        let list = random_list(size);
        let synapses = list.iter().map(packed).collect();
        let mut parts = one_population(0, size.neurons, Kind::Loihi, &[]);
        // Only what is injected makes a neuron fire.
        parts.loihi_params = vec![loihi::Params {
            current_decay: 4096,
            voltage_decay: 4096,
            threshold: 1 << 21,
            ..loihi::Params::DEFAULT
        }];
        connect(&mut parts, &list);
        drop(list);
        Self {
            size,
            network: made(furnish(parts)),
            synapses,
        }
    }

    /// Runs it at one rate: so many neurons in a million fire in each step.
    fn bench(&mut self, ppm: u64) -> String {
        let neurons = u64::from(self.size.neurons);
        let mut r = Random(0xfeed_f00d_0000_0001 ^ ppm);
        let count = neurons * ppm / 1_000_000;
        let forced: Vec<Vec<u32>> = (0..STEPS)
            .map(|_| (0..count).map(|_| r.below(neurons) as u32).collect())
            .collect();
        let (mut engine, mut plain, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
        let (mut events, mut delivered) = (0, 0);
        let mut ring = vec![0; DELAYS as usize * MAX_NEURONS as usize];
        for run in 0..=RUNS {
            let begin = self.network.step();
            let before = self.network.totals().synaptic_events;
            let mut forced_now = vec![Vec::new(); begin as usize];
            forced_now.extend(forced.iter().cloned());
            let mut driver = Driver {
                inputs: &[],
                sent: 0,
                forced: &forced_now,
                spikes: Vec::new(),
                keep: true,
            };
            let taken = time_run(&mut self.network, STEPS, &mut driver);
            let each = self.size.each;
            let loops = plain_sparse(&driver.spikes, each, &self.synapses, &mut ring);
            delivered = self.network.totals().synaptic_events - before;
            events = driver.spikes.iter().map(|s| s.len() as u64).sum::<u64>() * u64::from(each);
            if run > 0 {
                engine.push(taken * events as f64 / delivered as f64);
                plain.push(loops);
                seconds.push(taken);
            }
        }
        seconds.sort_by(f64::total_cmp);
        let (rate, engine) = rates(events, &engine);
        let (bar, plain) = rates(events, &plain);
        format!(
            "{{\"neurons\": {neurons}, \"synapses\": {}, \"firing_ppm\": {ppm}, \"us_a_step\": {:.2}, \"synaptic_events\": {delivered}, \
             \"engine\": {engine}, \"plain_loop\": {plain}, \"engine_to_plain\": {:.2}}}",
            neurons * u64::from(self.size.each),
            seconds[seconds.len() / 2] * 1e6 / STEPS as f64,
            rate / bar
        )
    }
}

/// The large network at several rates, then smaller ones.
fn bench_randoms() -> Vec<String> {
    let large = Size {
        neurons: MAX_NEURONS,
        each: (SYNAPSES / MAX_NEURONS as usize) as u32,
    };
    let mut scene = Scene::new(large);
    let bytes = scene.network.bytes() as f64 / SYNAPSES as f64;
    let mut out = vec![format!("\"bytes_per_synapse\": {bytes:.3}")];
    for ppm in [100, 1_000, 10_000, 50_000] {
        out.push(format!("\"random_{ppm}ppm\": {}", scene.bench(ppm)));
    }
    drop(scene);
    let mut growth = Vec::new();
    for divisor in [16, 4] {
        let fewer = [
            Size {
                neurons: large.neurons / divisor,
                ..large
            },
            Size {
                each: large.each / divisor,
                ..large
            },
        ];
        growth.extend(fewer.map(|size| Scene::new(size).bench(10_000)));
    }
    out.push(format!(
        "\"growth\": [\n      {}\n    ]",
        growth.join(",\n      ")
    ));
    out
}

/// Neurons of which updates are timed.
const TIMED: u32 = 4_000;

/// Nanoseconds a neuron and step of `kind`, nothing arriving; with parameters of their own if
/// `own`, which keeps them from being computed in spans.
fn bench_updates(name: &str, kind: Kind, own: bool) -> String {
    let tau = |ns| std::num::NonZeroU64::new(ns);
    let params = exact::Params {
        propagators: Propagators::new(100_000, tau(20_000_000), [tau(5_000_000), tau(10_000_000)]),
        drive: 1 << 30,
        gain: [ONE >> 30; 2],
        threshold: NEVER,
        reset: 0,
        refractory_steps: 0,
        reserved: 0,
    };
    let count = if own { TIMED } else { 1 };
    let mut parts = one_population(0, TIMED, kind, &vec![params; count as usize]);
    parts.populations[0].params_count = count;
    parts.loihi_params = vec![
        loihi::Params {
            bias: 1,
            ..loihi::Params::DEFAULT
        };
        count as usize
    ];
    let mut network = made(furnish(parts));
    let steps = 1_024;
    let mut ns: Vec<f64> = (0..=RUNS)
        .map(|_| {
            let mut driver = Driver {
                inputs: &[],
                sent: 0,
                forced: &[],
                spikes: Vec::new(),
                keep: false,
            };
            time_run(&mut network, steps, &mut driver) * 1e9 / (u64::from(TIMED) * steps) as f64
        })
        .skip(1)
        .collect();
    ns.sort_by(f64::total_cmp);
    format!("\"update_{name}_ns\": {:.2}", ns[ns.len() / 2])
}

fn main() {
    let mut parts = vec![bench_nmnist()];
    parts.extend(bench_randoms());
    parts.push(bench_updates("loihi", Kind::Loihi, false));
    parts.push(bench_updates("jump", Kind::Jump, false));
    parts.push(bench_updates("exponential", Kind::Exponential, true));
    parts.push(bench_updates(
        "exponential_in_spans",
        Kind::Exponential,
        false,
    ));
    println!("{{");
    println!("  \"bench\": \"network\",");
    println!("  \"cpu\": \"{}\",", cpu_model());
    println!("  \"scenarios\": {{\n    {}\n  }}", parts.join(",\n    "));
    println!("}}");
}
