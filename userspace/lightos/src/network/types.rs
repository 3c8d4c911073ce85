// SPDX-License-Identifier: GPL-2.0

//! Arguments and results of the calls of a network.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::sys;
use crate::types::abi_enum;
use crate::Error;

/// When a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// After so many steps.
    Steps(u64),
    /// Before this step.
    Step(u64),
    /// Before this time since step 0 (whole ns): the last step computed is the
    /// last to begin before it.
    Time(Duration),
}

/// What to run, and how.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// When it ends.
    pub until: Until,
    /// Compute a step every so often by the clock, at least every 10 us; zero
    /// for the length of a step. `None`: as fast as can be.
    pub real_time: Option<Duration>,
    /// End before a step whose output might not fit into a ring
    /// ([`RunEnd::OutputFull`]), so that no record is dropped.
    pub keep_output: bool,
    /// An eventfd to add 1 to when the run ends.
    pub eventfd: Option<BorrowedFd<'a>>,
}

impl<'a> Run<'a> {
    /// `steps` steps, as fast as can be, no output lost.
    pub const fn steps(steps: u64) -> Self {
        Self::until(Until::Steps(steps))
    }

    /// Until then, as fast as can be, no output lost.
    pub const fn until(until: Until) -> Self {
        Self {
            until,
            real_time: None,
            keep_output: true,
            eventfd: None,
        }
    }

    /// The same, in real time: output that finds its ring full is dropped and
    /// counted. An interval of zero is the length of a step.
    pub const fn in_real_time(self, interval: Duration) -> Self {
        Self {
            real_time: Some(interval),
            keep_output: false,
            ..self
        }
    }

    /// The same, with an eventfd to add 1 to at the end.
    pub const fn with_eventfd(self, eventfd: BorrowedFd<'a>) -> Self {
        Self {
            eventfd: Some(eventfd),
            ..self
        }
    }

    /// The structure of the call.
    pub(crate) fn raw(&self) -> sys::NetworkRun {
        use std::os::fd::AsRawFd;

        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let (mut flags, target) = match self.until {
            Until::Steps(steps) => (0, steps),
            Until::Step(step) => (sys::RUN_UNTIL_STEP, step),
            Until::Time(time) => (sys::RUN_UNTIL_TIME, nanoseconds(time)),
        };
        if self.real_time.is_some() {
            flags |= sys::RUN_REAL_TIME;
        }
        if self.keep_output {
            flags |= sys::RUN_KEEP_OUTPUT;
        }
        if self.eventfd.is_some() {
            flags |= sys::RUN_EVENTFD;
        }
        sys::NetworkRun {
            size: sys::size_of_u32::<sys::NetworkRun>(),
            flags,
            target,
            interval_ns: self.real_time.map_or(0, nanoseconds),
            eventfd: self.eventfd.map_or(0, |fd| fd.as_raw_fd()),
            reserved: 0,
            run: 0,
        }
    }
}

abi_enum! {
    /// Why a run ended.
    RunEnd ("reason") {
        /// The target was reached.
        Done = 0, "done";
        /// It was told to stop.
        Stopped = 1, "stopped";
        /// The next step's output might not have fitted into a ring.
        OutputFull = 2, "output full";
        /// A signal came.
        Interrupted = 3, "interrupted";
    }
}

/// A run that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Its number, from 1.
    pub run: u64,
    /// The step that comes next.
    pub step: u64,
    /// How many steps it computed.
    pub steps: u64,
    /// How long that took, waiting apart.
    pub busy: Duration,
    /// Why it ended.
    pub end: RunEnd,
    /// In real time, steps that began an interval or more late.
    pub missed: u32,
}

impl TryFrom<sys::NetworkCompletion> for Completion {
    type Error = Error;

    fn try_from(raw: sys::NetworkCompletion) -> Result<Self, Error> {
        Ok(Self {
            run: raw.run,
            step: raw.step,
            steps: raw.steps,
            busy: Duration::from_nanos(raw.busy_ns),
            end: raw.reason.try_into()?,
            missed: raw.missed,
        })
    }
}

/// How many records the rings hold: powers of two, 64 to 2^22.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rings {
    /// Of the input ring, 16 bytes each.
    pub input: u32,
    /// Of the ring of spikes, 16 bytes each.
    pub spikes: u32,
    /// Of the ring of voltages, 24 bytes each.
    pub voltages: u32,
}

impl Default for Rings {
    /// 65,536 each: what a network has unless told otherwise.
    fn default() -> Self {
        Self {
            input: sys::DEFAULT_RING_ENTRIES,
            spikes: sys::DEFAULT_RING_ENTRIES,
            voltages: sys::DEFAULT_RING_ENTRIES,
        }
    }
}

/// The state of a neuron.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Its potential relative to rest.
    pub membrane: i64,
    /// Its currents, of positive and of negative weights; Loihi has one.
    pub currents: [i64; 2],
    /// Steps left of its refractory period.
    pub refractory: u32,
}

impl From<sys::NeuronVariables> for State {
    fn from(raw: sys::NeuronVariables) -> Self {
        Self {
            membrane: raw.membrane,
            currents: raw.current,
            refractory: raw.refractory,
        }
    }
}

impl From<State> for sys::NeuronVariables {
    fn from(state: State) -> Self {
        Self {
            membrane: state.membrane,
            current: state.currents,
            refractory: state.refractory,
            reserved: 0,
        }
    }
}

/// What to bring back; at least one must be chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reset {
    /// Neurons at rest, no spike under way, step 0, coders as new.
    pub state: bool,
    /// The counters.
    pub counters: bool,
    /// Input that waits.
    pub rings: bool,
}

impl Reset {
    /// Everything.
    pub const ALL: Self = Self {
        state: true,
        counters: true,
        rings: true,
    };

    /// The bits of the ABI.
    pub const fn flags(self) -> u32 {
        let mut flags = 0;
        if self.state {
            flags |= sys::NETWORK_RESET_STATE;
        }
        if self.counters {
            flags |= sys::NETWORK_RESET_COUNTERS;
        }
        if self.rings {
            flags |= sys::NETWORK_RESET_RINGS;
        }
        flags
    }
}

/// Counters of a network since it was loaded or since a reset of the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The step that comes next.
    pub step: u64,
    /// Steps computed.
    pub steps: u64,
    /// Events taken from the input ring.
    pub events: u64,
    /// Of these, applied after their step.
    pub late: u64,
    /// Of these, naming no input or neuron.
    pub rejected: u64,
    /// Spikes of inputs.
    pub input_spikes: u64,
    /// Spikes of an input that had spiked in the same step.
    pub merged: u64,
    /// Synapses that carried a spike.
    pub synaptic_events: u64,
    /// Spikes of neurons.
    pub spikes: u64,
    /// Updates of neurons executed.
    pub updates: u64,
    /// Updates left out, as they would have changed nothing.
    pub skipped: u64,
    /// Currents that wrapped.
    pub wraps: u64,
    /// Values cut at the end of their range.
    pub saturations: u64,
    /// Spikes that found their ring full.
    pub dropped_spikes: u64,
    /// Voltages that found their ring full.
    pub dropped_voltages: u64,
    /// Real-time steps that began an interval or more late.
    pub missed: u64,
    /// Time spent computing, in ns.
    pub busy_ns: u64,
    /// Memory of the network and its rings, in bytes.
    pub bytes: u64,
    /// Sparse synapses and pairs of dense blocks.
    pub synapses: u64,
    /// Runs started.
    pub runs: u64,
    /// Neurons.
    pub neurons: u32,
    /// Inputs.
    pub inputs: u32,
    /// Whether it runs.
    pub running: bool,
    /// Whether its arithmetic is exact; else it is Loihi's.
    pub exact: bool,
}

impl Stats {
    /// The share of neuron updates that were not executed, 0 to 1; 1 while there
    /// was nothing to update.
    pub fn skipped_share(&self) -> f64 {
        let all = self.updates.saturating_add(self.skipped);
        if all == 0 {
            1.0
        } else {
            self.skipped as f64 / all as f64
        }
    }
}

impl From<sys::NetworkStats> for Stats {
    fn from(raw: sys::NetworkStats) -> Self {
        Self {
            step: raw.step,
            steps: raw.steps,
            events: raw.events,
            late: raw.late,
            rejected: raw.rejected,
            input_spikes: raw.input_spikes,
            merged: raw.merged,
            synaptic_events: raw.synaptic_events,
            spikes: raw.spikes,
            updates: raw.updates,
            skipped: raw.skipped,
            wraps: raw.wraps,
            saturations: raw.saturations,
            dropped_spikes: raw.dropped_spikes,
            dropped_voltages: raw.dropped_voltages,
            missed: raw.missed,
            busy_ns: raw.busy_ns,
            bytes: raw.bytes,
            synapses: raw.synapses,
            runs: raw.runs,
            neurons: raw.neurons,
            inputs: raw.inputs,
            running: raw.running != 0,
            exact: raw.arithmetic != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_carry_their_flags() {
        let raw = Run::steps(5).raw();
        assert_eq!((raw.flags, raw.target), (sys::RUN_KEEP_OUTPUT, 5));
        let half = Duration::from_micros(500);
        let raw = Run::until(Until::Time(Duration::from_millis(2)))
            .in_real_time(half)
            .raw();
        assert_eq!(raw.flags, sys::RUN_UNTIL_TIME | sys::RUN_REAL_TIME);
        assert_eq!((raw.target, raw.interval_ns), (2_000_000, 500_000));
        let raw = Run::until(Until::Step(9))
            .in_real_time(Duration::ZERO)
            .raw();
        assert_eq!(raw.flags, sys::RUN_UNTIL_STEP | sys::RUN_REAL_TIME);
        assert_eq!(raw.interval_ns, 0);
    }

    #[test]
    fn resets_are_bits() {
        assert_eq!(Reset::default().flags(), 0);
        assert_eq!(Reset::ALL.flags(), 7);
    }

    #[test]
    fn nothing_to_update_is_all_skipped() {
        assert_eq!(Stats::default().skipped_share(), 1.0);
        let stats = Stats {
            updates: 1,
            skipped: 3,
            ..Stats::default()
        };
        assert_eq!(stats.skipped_share(), 0.75);
    }
}
