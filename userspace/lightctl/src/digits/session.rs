// SPDX-License-Identifier: GPL-2.0

//! Presents digits to the engine, exactly, whatever the scheduling.
//!
//! Each digit has neurons of its own, so several are presented at a time, as
//! many as the queue takes. The events of a batch carry their times and are
//! submitted while the engine is stopped; after START the engine applies them in
//! the order of time, some of them late by the clock but none out of order, and
//! the spikes are read once the last one is due. So neither the speed of this
//! program nor that of the engine enters the result.
//!
//! The neurons are taken in turn from the upper end of the range. Before one is
//! used again, or for the first time, it is left alone for [`REST_NS`]: what any
//! earlier event left on the membrane is then far below the engine's resolution.

use lightos::sys::{MAX_NEURONS, MAX_PENDING_EVENTS};
use lightos::{Activity, Config, Encoding, Error, Event, Stats};

use super::network::{Digit, Input, Network};
use crate::engine::Engine;
use crate::failure::Failure;

/// 30 membrane time constants: 20 V decay to 2 pV.
const REST_NS: u64 = 300_000_000;

/// How many digits have neurons of their own at a time, at most.
const GROUPS: u32 = 128;

/// The engine's answer to one digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Its row in the file.
    pub(crate) row: usize,
    /// What its writer meant.
    pub(crate) label: usize,
    /// What the engine takes it for.
    pub(crate) class: usize,
    /// Spikes of all its neurons.
    pub(crate) spikes: u64,
}

impl Answer {
    /// Whether the engine took the digit for what it is.
    pub(crate) fn is_right(&self) -> bool {
        self.class == self.label
    }
}

/// What came out of a session.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// One for each digit.
    pub(crate) answers: Vec<Answer>,
    /// Events submitted.
    pub(crate) events: u64,
    /// Sparsity that the engine reported at the end.
    pub(crate) sparsity_percent: u32,
    /// From the first event submitted to the last neuron read.
    pub(crate) elapsed_ns: u64,
}

/// The neurons of one digit.
struct Group {
    first_neuron: u32,
    /// Total spikes of each, as last read.
    totals: Vec<u64>,
    /// No event of the last digit is later than this.
    busy_until_ns: u64,
}

/// A digit that is in the engine: its row, label and group.
struct Shown {
    row: usize,
    label: usize,
    group: usize,
}

/// The engine, taken over from whoever used it.
pub(crate) struct Session<'a, E> {
    engine: &'a mut E,
    network: &'a Network,
    /// As it was found.
    found: Stats,
    was_running: bool,
    /// When this session had settled: nothing but its own events since.
    settled: Stats,
    groups: Vec<Group>,
    next_group: usize,
    events: u64,
}

impl<'a, E: Engine> Session<'a, E> {
    /// Takes the engine over: lets all that is due happen, then stops it.
    pub(crate) fn open(engine: &'a mut E, network: &'a Network) -> Result<Self, Failure> {
        let found = engine.stats()?;
        engine.configure(Config {
            encoding: Encoding::Rate,
            enabled: true,
            max_events_per_cycle: MAX_PENDING_EVENTS,
            interval_us: 0,
            target_sparsity_percent: found.config.target_sparsity_percent,
        })?;
        let was_running = match engine.start() {
            Ok(()) => false,
            Err(Error::AlreadyRunning) => true,
            Err(error) => return Err(error.into()),
        };
        let mut session = Self {
            engine,
            network,
            found,
            was_running,
            settled: found,
            groups: Vec::new(),
            next_group: 0,
            events: 0,
        };
        match session.settle() {
            Ok(()) => Ok(session),
            Err(failure) => Err(session.give_back(failure)),
        }
    }

    /// Waits for the membranes to come to rest and reads the spike totals.
    fn settle(&mut self) -> Result<(), Failure> {
        let rested = self.engine.now_ns() + REST_NS;
        self.engine.sleep_until(rested);
        self.settled = self.engine.stats()?;
        self.engine.stop()?;
        let size = u32::try_from(self.network.neurons.len()).unwrap_or(u32::MAX);
        let count = GROUPS.min(MAX_NEURONS / size);
        if count == 0 {
            return Err(Failure::Usage(format!("{size} neurons are too many")));
        }
        for index in 0..count {
            let first_neuron = MAX_NEURONS - (index + 1) * size;
            let totals = self.read_at_rest(first_neuron)?;
            self.groups.push(Group {
                first_neuron,
                totals,
                busy_until_ns: 0,
            });
        }
        Ok(())
    }

    /// Total spikes of a group's neurons, none of which may be active.
    fn read_at_rest(&mut self, first_neuron: u32) -> Result<Vec<u64>, Failure> {
        let mut totals = Vec::with_capacity(self.network.neurons.len());
        for id in (first_neuron..).take(self.network.neurons.len()) {
            let state = self.engine.neuron_state(id)?;
            if state.activity != Activity::Resting {
                return Err(Failure::Busy(format!("neuron {id} is {}", state.activity)));
            }
            totals.push(state.total_spikes);
        }
        Ok(totals)
    }

    /// Presents digits, in batches; tells `progress` the answers so far after
    /// each of them.
    pub(crate) fn present(
        &mut self,
        digits: &[(usize, &Digit)],
        mut progress: impl FnMut(&[Answer]),
    ) -> Result<Outcome, Failure> {
        let began_ns = self.engine.now_ns();
        let mut answers = Vec::with_capacity(digits.len());
        let mut rest = digits;
        while !rest.is_empty() {
            let base_ns = self.rested_time();
            let (shown, duration_ns) = self.submit_batch(&mut rest, base_ns)?;
            self.engine.start()?;
            self.engine.sleep_until(base_ns + duration_ns);
            for digit in &shown {
                answers.push(self.read_answer(digit)?);
                progress(&answers);
            }
            self.engine.stop()?;
        }
        let elapsed_ns = self.engine.now_ns() - began_ns;
        let last = self.engine.stats()?;
        self.check_counts(&last)?;
        Ok(Outcome {
            answers,
            events: self.events,
            sparsity_percent: last.sparsity_percent,
            elapsed_ns,
        })
    }

    /// A time from which on every group that a batch can use is at rest.
    fn rested_time(&mut self) -> u64 {
        // The groups are used in turn, so a batch uses the ones longest at rest;
        // it cannot use more than half of them.
        let half = self.groups.len().div_ceil(2);
        let busy = (0..half).map(|step| self.group_after(step).busy_until_ns);
        let rested = busy.max().map_or(0, |last| match last {
            0 => 0,
            _ => last + REST_NS,
        });
        self.engine.sleep_until(rested);
        self.engine.now_ns()
    }

    /// The group that is `step` turns ahead.
    fn group_after(&self, step: usize) -> &Group {
        &self.groups[(self.next_group + step) % self.groups.len()]
    }

    /// Submits as many of the digits as fit into the queue; what is left stays
    /// in `rest`. Returns the digits submitted and how long they take.
    fn submit_batch(
        &mut self,
        rest: &mut &[(usize, &Digit)],
        base_ns: u64,
    ) -> Result<(Vec<Shown>, u64), Failure> {
        let mut shown = Vec::new();
        let mut batch: Vec<(u64, u32, i32)> = Vec::new();
        let half = self.groups.len().div_ceil(2);
        while let Some(((row, digit), others)) = rest.split_first() {
            let inputs = self.network.encode(digit)?;
            if batch.len() + inputs.len() > MAX_PENDING_EVENTS as usize || shown.len() == half {
                break;
            }
            let group = self.take_group(base_ns);
            let first = self.groups[group].first_neuron;
            let place = |input: &Input| (input.offset_ns, first + input.neuron, input.amplitude_mv);
            batch.extend(inputs.iter().map(place));
            shown.push(Shown {
                row: *row,
                label: digit.label,
                group,
            });
            *rest = others;
        }
        // In the order of time, the engine's queue needs no sorting. Stable, as
        // a pulse comes before its negative.
        batch.sort_by_key(|&(offset_ns, ..)| offset_ns);
        for (offset_ns, neuron_id, amplitude_mv) in batch {
            self.engine.submit(Event {
                neuron_id,
                timestamp_ns: base_ns + offset_ns,
                amplitude_mv,
                synapse_count: 1,
            })?;
            self.events += 1;
        }
        Ok((shown, self.network.duration_ns))
    }

    /// The next group in turn, busy from now on.
    fn take_group(&mut self, base_ns: u64) -> usize {
        let group = self.next_group;
        self.next_group = (group + 1) % self.groups.len();
        self.groups[group].busy_until_ns = base_ns + self.network.duration_ns;
        group
    }

    /// Reads what the neurons of a digit made of it.
    fn read_answer(&mut self, shown: &Shown) -> Result<Answer, Failure> {
        let group = &mut self.groups[shown.group];
        let mut spikes = Vec::with_capacity(group.totals.len());
        for (id, total) in (group.first_neuron..).zip(&mut group.totals) {
            let now = self.engine.neuron_state(id)?.total_spikes;
            let since = now
                .checked_sub(*total)
                .ok_or_else(|| Failure::Busy(format!("neuron {id} was reset")))?;
            spikes.push(since);
            *total = now;
        }
        Ok(Answer {
            row: shown.row,
            label: shown.label,
            class: self.network.decide(&spikes),
            spikes: spikes.iter().sum(),
        })
    }

    /// The engine took every event of this session and no other.
    fn check_counts(&self, last: &Stats) -> Result<(), Failure> {
        let dropped = last
            .events_dropped
            .wrapping_sub(self.settled.events_dropped);
        if dropped != 0 {
            return Err(Failure::Dropped(dropped));
        }
        let processed = last
            .events_processed
            .wrapping_sub(self.settled.events_processed);
        if processed != self.events {
            return Err(Failure::Busy(format!(
                "{} events submitted, {processed} processed",
                self.events
            )));
        }
        Ok(())
    }

    /// Gives the engine back as it was found and passes the result on.
    pub(crate) fn close(self, result: Result<Outcome, Failure>) -> Result<Outcome, Failure> {
        match result {
            Ok(outcome) => self.restore().map(|()| outcome),
            Err(failure) => Err(self.give_back(failure)),
        }
    }

    /// Gives the engine back after a failure, which counts for more than one on
    /// the way out. Events of this session that still wait are applied first.
    fn give_back(self, failure: Failure) -> Failure {
        // Running already is as good as started.
        let _ = self.engine.start();
        let over = self.engine.now_ns() + self.network.duration_ns;
        self.engine.sleep_until(over);
        let _ = self.engine.stats();
        let _ = self.restore();
        failure
    }

    /// Brings configuration and running state back to what they were.
    fn restore(self) -> Result<(), Failure> {
        self.engine.stop()?;
        self.engine.configure(self.found.config)?;
        if self.was_running {
            self.engine.start()?;
        }
        Ok(())
    }
}
