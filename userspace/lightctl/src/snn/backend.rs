// SPDX-License-Identifier: GPL-2.0

//! Where a network runs: in the module, or with the same arithmetic in process.
//!
//! Both take the same tables and the same events, and give the same bits.

use std::time::Duration;

use lightos::network::{
    Consumer, Description, Event, Network, Producer, Progress, Reset, Rings, Run, RunEnd, Spike,
    State, Stats, Until, Voltage,
};
use lightos::{Device, Mapping};

use super::host::HostNetwork;
use crate::failure::Failure;

/// What a network did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Output {
    /// Its spikes, by step and neuron.
    pub(crate) spikes: Vec<Spike>,
    /// What its probes read, by step and probe.
    pub(crate) voltages: Vec<Voltage>,
}

/// How to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job<'a> {
    /// Input, ascending by step.
    pub(crate) events: &'a [Event],
    /// The step to stop before.
    pub(crate) until: u64,
    /// A step every so often by the clock; `None`: as fast as can be.
    pub(crate) interval: Option<Duration>,
}

/// A network that is loaded.
pub(crate) trait Backend {
    /// Runs up to a step; adds to `output` what comes out.
    fn run(&mut self, job: &Job<'_>, output: &mut Output) -> Result<(), Failure>;

    /// All neurons at rest, step 0, counters zero.
    fn reset(&mut self) -> Result<(), Failure>;

    /// All neurons at rest; spikes under way, step and counters stay.
    fn rest(&mut self) -> Result<(), Failure>;

    /// The counters.
    fn stats(&mut self) -> Result<Stats, Failure>;
}

/// Where networks run.
pub(crate) enum Place {
    /// In the module.
    Module(Device),
    /// In this process.
    Host,
}

impl Place {
    /// In the module, unless `host`.
    pub(crate) fn open(host: bool) -> Result<Self, Failure> {
        if host {
            return Ok(Self::Host);
        }
        Device::open().map(Self::Module).map_err(|error| {
            if matches!(error, lightos::Error::NoModule { .. }) {
                Failure::NoModule(error)
            } else {
                error.into()
            }
        })
    }

    /// For reports.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Module(_) => "module",
            Self::Host => "host",
        }
    }

    /// Loads a network.
    pub(crate) fn load<'a>(
        &'a mut self,
        description: &Description,
        progress: impl FnMut(Progress),
    ) -> Result<Box<dyn Backend + 'a>, Failure> {
        match self {
            Self::Module(device) => {
                let network = device.load_with(description, progress)?;
                let probes = !description.probes.is_empty();
                Ok(Box::new(Module::new(network, probes)?))
            }
            Self::Host => Ok(Box::new(HostNetwork::new(description)?)),
        }
    }
}

/// A network in the module, with its rings mapped: events and records pass without
/// a call.
struct Module<'a> {
    network: Network<'a>,
    input: Producer<Event, Mapping>,
    spikes: Consumer<Spike, Mapping>,
    voltages: Option<Consumer<Voltage, Mapping>>,
}

impl<'a> Module<'a> {
    fn new(network: Network<'a>, probes: bool) -> Result<Self, Failure> {
        Ok(Self {
            input: network.map_input()?,
            spikes: network.map_spikes()?,
            voltages: probes.then(|| network.map_voltages()).transpose()?,
            network,
        })
    }

    /// Makes an input ring for `entries` events, if it is not as large.
    fn enlarge(&mut self, entries: u32) -> Result<(), Failure> {
        let rings = self.network.rings();
        if entries <= rings.input {
            return Ok(());
        }
        self.network.set_rings(Rings {
            input: entries,
            ..rings
        })?;
        self.input = self.network.map_input()?;
        self.spikes = self.network.map_spikes()?;
        if let Some(voltages) = &mut self.voltages {
            *voltages = self.network.map_voltages()?;
        }
        Ok(())
    }

    /// Takes all that waits.
    fn drain(&mut self, output: &mut Output) {
        self.spikes
            .pop(usize::MAX, |spike| output.spikes.push(spike));
        if let Some(voltages) = &mut self.voltages {
            voltages.pop(usize::MAX, |voltage| output.voltages.push(voltage));
        }
    }

    /// Puts in what fits of `events` and returns the rest.
    fn feed<'e>(&mut self, events: &'e [Event]) -> &'e [Event] {
        let done = self.input.push(events.iter().copied());
        events.get(done..).unwrap_or(&[])
    }

    /// As fast as can be: in turns, each up to the first event that found no room.
    fn run_free(&mut self, job: &Job<'_>, output: &mut Output) -> Result<(), Failure> {
        let mut rest = job.events;
        loop {
            rest = self.feed(rest);
            let next = rest.first().map_or(job.until, |event| event.step());
            let target = next.min(job.until);
            loop {
                let done = self.network.run(&Run::until(Until::Step(target)))?;
                self.drain(output);
                match done.end {
                    RunEnd::Done => break,
                    RunEnd::OutputFull => {}
                    RunEnd::Stopped | RunEnd::Interrupted => return Err(Failure::Stopped),
                }
            }
            if target == job.until {
                return Ok(());
            }
        }
    }

    /// By the clock: feeds and drains while the network runs.
    fn run_in_real_time(
        &mut self,
        job: &Job<'_>,
        interval: Duration,
        output: &mut Output,
    ) -> Result<(), Failure> {
        let mut rest = self.feed(job.events);
        let run = Run::until(Until::Step(job.until)).in_real_time(interval);
        self.network.start(&run)?;
        loop {
            // The rings hold 65,536 records: 13 a microsecond until then.
            let done = self.network.completion(Duration::from_millis(5))?;
            self.drain(output);
            rest = self.feed(rest);
            match done.map(|done| done.end) {
                None => {}
                Some(RunEnd::Done) => return Ok(()),
                Some(_) => return Err(Failure::Stopped),
            }
        }
    }
}

/// The ring that holds all events of the fullest step.
fn input_ring(events: &[Event]) -> u32 {
    let fullest = events
        .chunk_by(|a, b| a.step() == b.step())
        .map(<[Event]>::len)
        .max();
    let needed = fullest.unwrap_or(0).next_power_of_two();
    let most = lightos::sys::MAX_RING_ENTRIES as usize;
    (needed.min(most) as u32).max(Rings::default().input)
}

impl Backend for Module<'_> {
    fn run(&mut self, job: &Job<'_>, output: &mut Output) -> Result<(), Failure> {
        self.enlarge(input_ring(job.events))?;
        match job.interval {
            None => self.run_free(job, output),
            Some(interval) => self.run_in_real_time(job, interval, output),
        }
    }

    fn reset(&mut self) -> Result<(), Failure> {
        Ok(self.network.reset(Reset::ALL)?)
    }

    fn rest(&mut self) -> Result<(), Failure> {
        let neurons = self.network.stats()?.neurons;
        let states = vec![State::default(); neurons as usize];
        Ok(self.network.set_state(0, &states)?)
    }

    fn stats(&mut self) -> Result<Stats, Failure> {
        Ok(self.network.stats()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_ring_holds_the_fullest_step() {
        assert_eq!(input_ring(&[]), 65_536);
        let events: Vec<Event> = (0..100_000).map(|i| Event::spike(i / 70_000, 0)).collect();
        assert_eq!(input_ring(&events), 131_072);
    }
}
