// SPDX-License-Identifier: GPL-2.0

//! What the tests and the benchmarks share: engines over vectors, numbers of cases, the machine.

use crate::spiking::engine::Engine;
use crate::spiking::neuron::Neuron;
use crate::spiking::queue::Event;

/// An engine whose storage is on the heap.
pub type HostEngine = Engine<Vec<Neuron>, Vec<Event>>;

/// An engine with `neurons` neurons and room for `pending` events, created at `now` (ns).
pub fn engine(neurons: usize, pending: usize, now: u64) -> HostEngine {
    Engine::new(
        vec![Neuron::at_rest(0); neurons],
        vec![Event::EMPTY; pending],
        vec![Event::EMPTY; pending],
        now,
    )
}

/// How many cases a property test tries: `usual`, `long` with `LIGHTOS_LONG=1` in the
/// environment, and a handful under Miri, which is some thousand times slower.
pub fn cases(usual: u32, long: u32) -> u32 {
    if cfg!(miri) {
        usual.min(4)
    } else if std::env::var_os("LIGHTOS_LONG").is_some_and(|v| v == "1") {
        long
    } else {
        usual
    }
}

/// The steps of one case: `usual`, or fewer under Miri.
pub fn steps(usual: usize) -> usize {
    if cfg!(miri) {
        usual.min(64)
    } else {
        usual
    }
}

/// The processor as the machine names it, fit for a JSON string.
pub fn cpu_model() -> String {
    std::fs::read_to_string("/proc/cpuinfo")
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown", |(_, name)| name.trim())
        .chars()
        .filter(|c| !c.is_control() && *c != '"' && *c != '\\')
        .collect()
}
