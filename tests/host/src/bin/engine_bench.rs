// SPDX-License-Identifier: GPL-2.0

//! `engine-bench`: events a second of the engine on one core, as one JSON object on stdout.
//!
//! Every scenario sends the same stream of events through three programs in turn, run by run, so
//! that a change in the machine's speed meets all of them alike:
//!
//! - `engine`: SUBMIT and cycle of the engine, in batches of [`BATCH`] events;
//! - `peer_f64_exp`: what a user would write, one neuron update with `exp()` in doubles for each
//!   event, in the order given; no queue, no counters, no encodings;
//! - `bound_memory`: one addition to the first word of the neuron's cache line for each event:
//!   the least that any engine with a state for each neuron does.
//!
//! Build with `RUSTFLAGS="-C no-vectorize-loops -C no-vectorize-slp"`, as the kernel does.

use std::hint::black_box;
use std::time::Instant;

use lightos_host::spiking::engine::{Config, Input};
use lightos_host::spiking::neuron::{LifParams, Neuron};
use lightos_host::support::{cpu_model, engine, HostEngine};

/// Events between two cycles.
const BATCH: usize = 1_000;

/// Events in a run.
const EVENTS: usize = 1_000_000;

/// Runs of each scenario that count; one more comes before them.
const RUNS: usize = 9;

/// Neurons of the engine.
const NEURONS: u32 = 65_536;

/// When everything starts, in ns.
const START: u64 = 1_000_000_000;

/// A 64-bit xorshift generator (Marsaglia 2003), so that every run sees the same events.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Events 1 us apart, each moved by up to `jitter` ns, over `neurons` neurons. Amplitudes of 0 to
/// 7 mV let even 64 neurons fire seldom: almost every event is computed, few meet a refractory
/// neuron, which would cost less.
fn events(neurons: u32, jitter: u64) -> Vec<Input> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    (0..EVENTS as u64)
        .map(|i| Input {
            neuron_id: random.below(u64::from(neurons)) as u32,
            timestamp_ns: START + i * 1_000 + random.below(jitter + 1),
            amplitude_mv: random.below(8) as i32,
            synapse_count: 1,
        })
        .collect()
}

/// A running engine at [`START`], all of its memory touched.
fn running_engine() -> HostEngine {
    let mut e = engine(NEURONS as usize, 4_096, START);
    if let Ok(config) = Config::new(0, 1, u32::MAX, 0, 0) {
        e.configure(config, START);
    }
    assert!(e.start(START).is_ok());
    e
}

/// Seconds for all `events` through SUBMIT and cycle.
fn time_engine(events: &[Input]) -> f64 {
    let mut e = running_engine();
    let begin = Instant::now();
    let mut now = START;
    for batch in events.chunks(BATCH) {
        for &input in batch {
            assert!(e.submit(input, now).is_ok());
        }
        now += BATCH as u64 * 1_000;
        black_box(e.cycle(now));
    }
    // What jitter moved behind the last cycle.
    e.catch_up(u64::MAX);
    let seconds = begin.elapsed().as_secs_f64();
    assert_eq!(e.counters(0).events_processed, events.len() as u64);
    seconds
}

/// A neuron as a user would write it, in doubles.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Peer {
    v: f64,
    last: u64,
    deaf_until: u64,
    spikes: u64,
}

/// Seconds for all `events` through plain double-precision neurons.
fn time_peer(events: &[Input]) -> f64 {
    let at_rest = Peer {
        v: -70.0,
        last: START,
        deaf_until: 0,
        spikes: 0,
    };
    let mut neurons = vec![at_rest; NEURONS as usize];
    let begin = Instant::now();
    for event in events {
        let n = &mut neurons[event.neuron_id as usize];
        if event.timestamp_ns < n.deaf_until {
            continue;
        }
        let gap = event.timestamp_ns.saturating_sub(n.last) as f64;
        n.last = event.timestamp_ns;
        n.v = -70.0 + (n.v + 70.0) * (-gap / 10e6).exp() + f64::from(event.amplitude_mv);
        if n.v >= 500.0 {
            n.v = -80.0;
            n.spikes += 1;
            n.deaf_until = event.timestamp_ns + 2_000_000;
            n.last = n.deaf_until;
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    black_box(neurons.iter().map(|n| n.spikes).sum::<u64>());
    seconds
}

/// Seconds for one addition per event to a cache line per neuron.
fn time_bound(events: &[Input]) -> f64 {
    let mut lines = vec![[1u64; 8]; NEURONS as usize];
    let begin = Instant::now();
    for event in events {
        let word = &mut lines[event.neuron_id as usize][0];
        *word = black_box(word.wrapping_add(event.amplitude_mv as u64));
    }
    let seconds = begin.elapsed().as_secs_f64();
    black_box(&lines);
    seconds
}

/// Seconds for as many updates of one neuron as a run has events, without engine or queue.
fn time_update(events: &[Input]) -> f64 {
    let mut neurons = vec![Neuron::at_rest(START); 64];
    let begin = Instant::now();
    for event in events {
        let neuron = &mut neurons[(event.neuron_id & 63) as usize];
        black_box(neuron.update(event.timestamp_ns, event.amplitude_mv, &LifParams::DEFAULT));
    }
    begin.elapsed().as_secs_f64()
}

/// Events a second of the runs: median, least and greatest.
fn rates(seconds: &[f64]) -> String {
    let mut rates: Vec<f64> = seconds.iter().map(|s| EVENTS as f64 / s).collect();
    rates.sort_by(f64::total_cmp);
    let median = rates[rates.len() / 2];
    format!(
        "{{\"events_per_s\": {:.0}, \"min\": {:.0}, \"max\": {:.0}, \"runs\": {}, \"ns_per_event\": {:.2}}}",
        median,
        rates[0],
        rates[rates.len() - 1],
        rates.len(),
        1e9 / median
    )
}

fn main() {
    type Timed = fn(&[Input]) -> f64;
    let programs: [(&str, Timed); 3] = [
        ("engine", time_engine),
        ("peer_f64_exp", time_peer),
        ("bound_memory", time_bound),
    ];
    let scenarios = [
        ("in_order_64_neurons", 64, 0),
        ("in_order_65536_neurons", NEURONS, 0),
        ("out_of_order_65536_neurons", NEURONS, 500_000),
    ];

    let mut parts = Vec::new();
    for (name, neurons, jitter) in scenarios {
        let events = events(neurons, jitter);
        let mut seconds = vec![Vec::new(); programs.len()];
        for run in 0..=RUNS {
            for ((_, program), seconds) in programs.iter().zip(&mut seconds) {
                let taken = program(&events);
                if run > 0 {
                    seconds.push(taken);
                }
            }
        }
        let results: Vec<String> = programs
            .iter()
            .zip(&seconds)
            .map(|((program, _), seconds)| format!("\"{program}\": {}", rates(seconds)))
            .collect();
        parts.push(format!("    \"{name}\": {{{}}}", results.join(", ")));
    }
    let in_order = events(64, 0);
    let updates: Vec<f64> = (0..=RUNS).map(|_| time_update(&in_order)).skip(1).collect();
    parts.push(format!("    \"neuron_update\": {}", rates(&updates)));

    println!("{{");
    println!("  \"bench\": \"engine\",");
    println!("  \"cpu\": \"{}\",", cpu_model());
    println!("  \"events_per_run\": {EVENTS},");
    println!("  \"events_per_cycle\": {BATCH},");
    println!("  \"scenarios\": {{\n{}\n  }}", parts.join(",\n"));
    println!("}}");
}
