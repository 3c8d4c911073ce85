// SPDX-License-Identifier: GPL-2.0

//! A network in use, with what surrounds it: rings, encoders, decoders, counts.
//!
//! Process context; the lock of the network.

use super::{
    memory::Vmalloc,
    ring::{ModuleHalf, Rings},
};
use crate::{
    rust::clock,
    spiking::network::{
        coder,
        simulation::{Exchange, Inputs, Network},
    },
    uapi,
};
use kernel::sync::Arc;

/// An encoder of a network.
pub(super) type Encoder = coder::Encoder<Vmalloc>;
/// A decoder of a network.
pub(super) type Decoder = coder::Decoder<Vmalloc>;

/// Slots for encoders, and for decoders.
const CODERS: usize = uapi::MAX_CODERS as usize;

/// A network in use.
pub(super) struct Live {
    pub(super) network: Network<Vmalloc>,
    pub(super) encoders: [Option<Encoder>; CODERS],
    pub(super) decoders: [Option<Decoder>; CODERS],
    rings: Arc<Rings>,
    halves: Halves,
    counts: Counts,
    step_ns: u64,
    synapses: u64,
}

/// The module's halves of the rings.
#[derive(Default)]
struct Halves {
    input: ModuleHalf,
    spikes: ModuleHalf,
    voltages: ModuleHalf,
}

/// What is counted besides the network's own totals.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) events: u64,
    pub(super) late: u64,
    pub(super) rejected: u64,
    pub(super) dropped_spikes: u64,
    pub(super) dropped_voltages: u64,
    pub(super) missed: u64,
    pub(super) busy_ns: u64,
}

/// What ends a slice of a run.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// No step from this one on.
    pub(super) end: u64,
    /// No step that begins at this time or later, in ns of `CLOCK_MONOTONIC`.
    pub(super) deadline: u64,
    /// No step whose output might not fit.
    pub(super) keep_output: bool,
}

/// What a slice of a run did.
#[derive(Default)]
pub(super) struct Slice {
    /// Steps computed.
    pub(super) steps: u64,
    /// Nanoseconds spent.
    pub(super) busy_ns: u64,
    /// Whether the rings had no room for a step's output.
    pub(super) full: bool,
    /// Whether records went to a ring or left one.
    pub(super) news: bool,
    /// Records lost: spikes, voltages.
    pub(super) lost: [u64; 2],
}

impl Live {
    /// A network with empty rings.
    pub(super) fn new(
        network: Network<Vmalloc>,
        rings: Arc<Rings>,
        step_ns: u64,
        synapses: u64,
    ) -> Self {
        Self {
            network,
            encoders: [const { None }; CODERS],
            decoders: [const { None }; CODERS],
            rings,
            halves: Halves::default(),
            counts: Counts::default(),
            step_ns,
            synapses,
        }
    }

    /// Gives it other rings, which are empty.
    pub(super) fn set_rings(&mut self, rings: Arc<Rings>) {
        self.rings = rings;
        self.halves = Halves::default();
    }

    /// Nanoseconds of a step.
    pub(super) fn step_ns(&self) -> u64 {
        self.step_ns
    }

    /// Counts so many real-time steps as missed.
    pub(super) fn note_missed(&mut self, steps: u64) {
        self.counts.missed += steps;
    }

    /// Everything at rest, as after loading; counts and rings stay.
    pub(super) fn reset_state(&mut self) {
        self.network.reset();
        self.encoders.iter_mut().flatten().for_each(Encoder::reset);
        self.decoders.iter_mut().flatten().for_each(Decoder::reset);
    }

    /// All counts zero.
    pub(super) fn reset_counts(&mut self) {
        self.network.clear_totals();
        self.counts = Counts::default();
    }

    /// Drops the events that wait.
    pub(super) fn discard_input(&mut self) {
        self.halves.input.discard(&self.rings.input);
    }

    /// Whether the rings can ever hold the output of any step.
    pub(super) fn output_fits(&self) -> bool {
        let probes = self.network.parts().probes.len();
        let voltages = self.rings.voltages.as_ref().map_or(0, |r| r.entries());
        self.rings.spikes.entries() >= self.network.neurons() && voltages as usize >= probes
    }

    /// Computes steps until `limits` or `stop` end it, one at least unless
    /// these forbid it.
    pub(super) fn run(&mut self, limits: Limits, stop: impl Fn() -> bool) -> Slice {
        let begin = clock::monotonic_ns();
        let counts = self.counts;
        let left = limits.end.saturating_sub(self.network.step());
        let probes = self.network.parts().probes.len() as u32;
        let mut exchange = RingExchange {
            rings: &self.rings,
            halves: &mut self.halves,
            counts: &mut self.counts,
            encoders: &mut self.encoders,
            decoders: &mut self.decoders,
            most_spikes: self.network.neurons(),
            probes,
            limits,
            halt: stop,
            first: true,
            full: false,
            news: false,
        };
        let steps = self.network.run(left, &mut exchange);
        exchange.publish();
        let (full, news) = (exchange.full, exchange.news);
        let busy_ns = clock::monotonic_ns().saturating_sub(begin);
        self.counts.busy_ns += busy_ns;
        Slice {
            steps,
            busy_ns,
            full,
            news,
            lost: [
                self.counts.dropped_spikes - counts.dropped_spikes,
                self.counts.dropped_voltages - counts.dropped_voltages,
            ],
        }
    }

    /// The counters of the ABI; `runs` and `running` are the caller's.
    pub(super) fn stats(&self) -> uapi::NetworkStats {
        let (totals, counts) = (self.network.totals(), &self.counts);
        let parts = self.network.parts();
        uapi::NetworkStats {
            step: self.network.step(),
            steps: totals.steps,
            events: counts.events,
            late: counts.late,
            rejected: counts.rejected,
            input_spikes: totals.input_spikes,
            merged: totals.merged,
            synaptic_events: totals.synaptic_events,
            spikes: totals.spikes,
            updates: totals.tally.updates,
            skipped: totals.tally.skipped,
            wraps: totals.tally.wraps,
            saturations: totals.tally.saturations,
            dropped_spikes: counts.dropped_spikes,
            dropped_voltages: counts.dropped_voltages,
            missed: counts.missed,
            busy_ns: counts.busy_ns,
            bytes: self.bytes(),
            synapses: self.synapses,
            neurons: self.network.neurons(),
            inputs: parts.inputs,
            arithmetic: u32::from(!parts.is_loihi()),
            ..uapi::NetworkStats::default()
        }
    }

    /// Bytes of the network and its rings.
    pub(super) fn bytes(&self) -> u64 {
        self.network.bytes() + self.rings.bytes()
    }
}

/// Inputs from the input ring and the encoders; spikes to the decoders and the
/// spike ring, voltages to theirs.
struct RingExchange<'a, S> {
    rings: &'a Rings,
    halves: &'a mut Halves,
    counts: &'a mut Counts,
    encoders: &'a mut [Option<Encoder>; CODERS],
    decoders: &'a mut [Option<Decoder>; CODERS],
    /// Records that a step can put out at most.
    most_spikes: u32,
    probes: u32,
    limits: Limits,
    halt: S,
    first: bool,
    full: bool,
    news: bool,
}

impl<S> RingExchange<'_, S> {
    /// Shows user space what went in and what was taken.
    fn publish(&mut self) {
        let (rings, halves) = (self.rings, &mut *self.halves);
        self.news |= halves.spikes.publish(&rings.spikes);
        if let Some(voltages) = &rings.voltages {
            self.news |= halves.voltages.publish(voltages);
        }
    }

    /// Whether the output of a step fits in any case.
    fn has_room(&mut self) -> bool {
        let (rings, halves) = (self.rings, &mut *self.halves);
        let voltages = match &rings.voltages {
            Some(ring) => halves.voltages.room(ring) >= self.probes,
            None => self.probes == 0,
        };
        voltages && halves.spikes.room(&rings.spikes) >= self.most_spikes
    }

    /// Applies one event.
    fn apply(&mut self, step: u64, event: uapi::NetworkEvent, inputs: &mut dyn Inputs) {
        self.counts.events += 1;
        if event.step < step {
            self.counts.late += 1;
        }
        let done = match event.weight {
            0 => inputs.spike(event.index),
            weight => inputs.inject(event.index, weight),
        };
        if done.is_err() {
            self.counts.rejected += 1;
        }
    }
}

impl<S: Fn() -> bool> Exchange for RingExchange<'_, S> {
    fn before(&mut self, step: u64, inputs: &mut dyn Inputs) {
        // One look a step: a program that never stops writing cannot hold it.
        self.halves.input.look(&self.rings.input);
        while let Some(event) = self.halves.input.peek(&self.rings.input) {
            if event.step > step && event.step != uapi::NEXT_STEP {
                break;
            }
            self.apply(step, event, inputs);
            self.halves.input.advance();
            self.news = true;
        }
        self.halves.input.release(&self.rings.input);
        for encoder in self.encoders.iter_mut().flatten() {
            encoder.spikes(step, |input| {
                // It was checked that there are so many inputs.
                let _ = inputs.spike(input);
            });
        }
    }

    fn spike(&mut self, step: u64, neuron: u32) {
        for decoder in self.decoders.iter_mut().flatten() {
            decoder.spike(step, neuron);
        }
        let record = uapi::NetworkSpike {
            step,
            neuron,
            reserved: 0,
        };
        let (ring, half) = (&self.rings.spikes, &mut self.halves.spikes);
        if !half.push(ring, record) {
            self.counts.dropped_spikes += 1;
            half.report_dropped(ring, self.counts.dropped_spikes);
        }
    }

    fn voltage(&mut self, step: u64, probe: u32, value: i64) {
        let Some(ring) = &self.rings.voltages else {
            return;
        };
        let record = uapi::NetworkVoltage {
            step,
            probe,
            reserved: 0,
            value,
        };
        let half = &mut self.halves.voltages;
        if !half.push(ring, record) {
            self.counts.dropped_voltages += 1;
            half.report_dropped(ring, self.counts.dropped_voltages);
        }
    }

    fn stop(&mut self) -> bool {
        self.publish();
        if (self.halt)() {
            return true;
        }
        let first = core::mem::replace(&mut self.first, false);
        if !first && clock::monotonic_ns() >= self.limits.deadline {
            return true;
        }
        self.full = self.limits.keep_output && !self.has_room();
        self.full
    }
}
