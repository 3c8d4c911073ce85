// SPDX-License-Identifier: GPL-2.0

//! The arithmetic of the module in this process: the same files, the same bits.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::thread;
use std::time::{Duration, Instant};

use lightos::network::{Description, Event, Fault, Kind, Problem, Spike, Stats, Table, Voltage};
use lightos::sys;
use lightos_host::nets::{self, Heap, HeapNetwork};
use lightos_host::spiking::network::description::{self, Parts};
use lightos_host::spiking::network::simulation::{Exchange, Inputs};
use lightos_host::spiking::network::synapses::{Block, Synapse, Width};
use lightos_host::spiking::network::{exact, loihi};

use super::backend::{Backend, Job, Output};
use crate::failure::Failure;

/// Puts propagators in the place of time constants, as the module would.
///
/// Done before a network goes to either place, so that both get the same
/// numbers, whatever the module rounds how.
pub(crate) fn resolve(description: &mut Description) {
    let step = description.step_ns;
    for p in &mut description.exact_params {
        if p.flags & sys::PARAMS_TIME_CONSTANTS == 0 {
            continue;
        }
        let tau = |ns: i64| u64::try_from(ns).ok().and_then(NonZeroU64::new);
        let membrane = tau(p.membrane);
        let by = exact::Propagators::new(step, membrane, p.current.map(tau));
        if membrane.is_some() {
            let share = i128::from(exact::ONE - by.p22);
            p.drive = ((i128::from(p.drive) * share) / i128::from(exact::ONE)) as i64;
        }
        p.flags &= !sys::PARAMS_TIME_CONSTANTS;
        p.membrane = by.p22;
        p.current = by.p11;
        p.coupling = by.p21;
    }
}

/// A network in this process.
pub(crate) struct HostNetwork {
    network: HeapNetwork,
    description: Description,
    inputs: Live,
    busy: Duration,
    missed: u64,
    runs: u64,
}

/// Input on its way, and what was counted of it.
#[derive(Default)]
struct Live {
    events: VecDeque<Event>,
    taken: u64,
    late: u64,
    rejected: u64,
}

impl HostNetwork {
    /// Loads a network.
    pub(crate) fn new(description: &Description) -> Result<Self, Failure> {
        let mut description = description.clone();
        resolve(&mut description);
        let parts = parts(&description)?;
        let network = nets::network(parts).map_err(|fault| lightos::Error::from(told(&fault)))?;
        Ok(Self {
            network,
            description,
            inputs: Live::default(),
            busy: Duration::ZERO,
            missed: 0,
            runs: 0,
        })
    }
}

/// A fault in the library's words.
fn told(fault: &description::Fault) -> Fault {
    Fault {
        table: Table::try_from(fault.table as u32).unwrap_or(Table::Network),
        entry: fault.entry,
        field: fault.field.to_owned(),
        problem: Problem::try_from(fault.problem as u32).unwrap_or(Problem::Unknown),
    }
}

/// What the module refuses before it looks at a network as a whole.
fn unknown(table: Table, entry: usize, field: &str) -> Failure {
    lightos::Error::from(Fault {
        table,
        entry: entry as u64,
        field: field.to_owned(),
        problem: Problem::Unknown,
    })
    .into()
}

/// The tables as the arithmetic takes them.
fn parts(d: &Description) -> Result<Parts<Heap>, Failure> {
    let mut parts = nets::empty(d.inputs);
    for (entry, p) in d.populations.iter().enumerate() {
        let kind = match Kind::try_from(p.kind) {
            Ok(Kind::Loihi) => description::Kind::Loihi,
            Ok(Kind::Jump) => description::Kind::Jump,
            Ok(Kind::Exponential) => description::Kind::Exponential,
            Err(_) => return Err(unknown(Table::Populations, entry, "kind")),
        };
        parts.populations.push(description::Population {
            first: p.first,
            count: p.count,
            kind,
            params: p.params,
            params_count: p.params_count,
        });
    }
    for (entry, b) in d.blocks.iter().enumerate() {
        let width = match b.width {
            1 => Width::Byte,
            2 => Width::Word,
            _ => return Err(unknown(Table::Blocks, entry, "width")),
        };
        parts.blocks.push(Block {
            source_first: b.source_first,
            source_count: b.source_count,
            target_first: b.target_first,
            target_count: b.target_count,
            delay: b.delay,
            width,
            offset: b.offset,
        });
    }
    parts.loihi_params = d.loihi_params.iter().map(loihi_params).collect();
    parts.exact_params = d.exact_params.iter().map(exact_params).collect();
    parts.delays.clone_from(&d.delays);
    parts.starts.clone_from(&d.starts);
    let synapse = |&word: &u32| Synapse::new(word as u16, (word >> 16) as u16 as i16);
    parts.synapses = d.synapses.iter().map(synapse).collect();
    parts.weights.clone_from(&d.weights);
    parts.probes.clone_from(&d.probes);
    Ok(parts)
}

fn loihi_params(p: &sys::LoihiParams) -> loihi::Params {
    loihi::Params {
        current_decay: p.current_decay,
        voltage_decay: p.voltage_decay,
        threshold: p.threshold,
        bias: p.bias,
        refractory_steps: p.refractory_steps,
    }
}

fn exact_params(p: &sys::ExactParams) -> exact::Params {
    exact::Params {
        propagators: exact::Propagators {
            p22: p.membrane,
            p11: p.current,
            p21: p.coupling,
        },
        drive: p.drive,
        gain: p.gain,
        threshold: p.threshold,
        reset: p.reset,
        refractory_steps: p.refractory_steps,
        reserved: 0,
    }
}

/// Feeds a run and keeps what comes out.
struct Io<'a> {
    inputs: &'a mut Live,
    output: &'a mut Output,
}

impl Exchange for Io<'_> {
    fn before(&mut self, step: u64, to: &mut dyn Inputs) {
        let live = &mut *self.inputs;
        let due = |e: &&Event| e.step() <= step || e.step() == sys::NEXT_STEP;
        while let Some(&event) = live.events.front().filter(due) {
            live.events.pop_front();
            live.taken += 1;
            live.late += u64::from(event.step() < step);
            let put = match event {
                Event::Spike { input, .. } => to.spike(input),
                Event::Weight { neuron, weight, .. } => to.inject(neuron, weight),
            };
            live.rejected += u64::from(put.is_err());
        }
    }

    fn spike(&mut self, step: u64, neuron: u32) {
        self.output.spikes.push(Spike { step, neuron });
    }

    fn voltage(&mut self, step: u64, probe: u32, value: i64) {
        self.output.voltages.push(Voltage { step, probe, value });
    }
}

impl Backend for HostNetwork {
    fn run(&mut self, job: &Job<'_>, output: &mut Output) -> Result<(), Failure> {
        self.inputs.events.extend(job.events);
        self.runs += 1;
        let steps = job.until.saturating_sub(self.network.step());
        let mut io = Io {
            inputs: &mut self.inputs,
            output,
        };
        let Some(interval) = job.interval else {
            let start = Instant::now();
            self.network.run(steps, &mut io);
            self.busy += start.elapsed();
            return Ok(());
        };
        let interval = if interval.is_zero() {
            Duration::from_nanos(self.description.step_ns)
        } else {
            interval
        };
        let mut due = Instant::now();
        for _ in 0..steps {
            let start = Instant::now();
            let late = start.saturating_duration_since(due);
            self.missed += u64::from(late >= interval);
            self.network.run(1, &mut io);
            self.busy += start.elapsed();
            due += interval;
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        Ok(())
    }

    fn reset(&mut self) -> Result<(), Failure> {
        *self = Self::new(&self.description)?;
        Ok(())
    }

    fn rest(&mut self) -> Result<(), Failure> {
        self.network.loihi_states().fill(loihi::State::REST);
        self.network.exact_states().fill(exact::State::REST);
        Ok(())
    }

    fn stats(&mut self) -> Result<Stats, Failure> {
        let totals = self.network.totals();
        Ok(Stats {
            step: self.network.step(),
            steps: totals.steps,
            events: self.inputs.taken,
            late: self.inputs.late,
            rejected: self.inputs.rejected,
            input_spikes: totals.input_spikes,
            merged: totals.merged,
            synaptic_events: totals.synaptic_events,
            spikes: totals.spikes,
            updates: totals.tally.updates,
            skipped: totals.tally.skipped,
            wraps: totals.tally.wraps,
            saturations: totals.tally.saturations,
            dropped_spikes: 0,
            dropped_voltages: 0,
            missed: self.missed,
            busy_ns: u64::try_from(self.busy.as_nanos()).unwrap_or(u64::MAX),
            bytes: self.network.bytes(),
            synapses: self.description.synapse_count(),
            runs: self.runs,
            neurons: self.network.neurons(),
            inputs: self.description.inputs,
            running: false,
            exact: self.description.loihi_params.is_empty(),
        })
    }
}

#[cfg(test)]
mod tests {
    use lightos::network::{Builder, Connection, Jump, Loihi, Source, Weights};
    use lightos_host::spiking::network::synapses as kernel;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// One input that drives one neuron over the threshold at once.
    fn relay() -> Description {
        let mut builder = Builder::new(MS);
        let input = builder.inputs(1).unwrap();
        let neuron = builder.population(1, Loihi::default()).unwrap();
        let weight = Weights::Bytes(&[100]);
        builder.dense(input, neuron, 1, weight).unwrap();
        builder.probe(0).unwrap();
        builder.build().unwrap()
    }

    #[test]
    fn events_wait_for_their_step_and_are_counted() {
        let mut network = HostNetwork::new(&relay()).unwrap();
        let mut output = Output::default();
        let mut run = |network: &mut HostNetwork, events: &[Event], until| {
            let interval = None;
            let job = Job {
                events,
                until,
                interval,
            };
            network.run(&job, &mut output).unwrap();
        };
        let events = [3, 7, 7, sys::NEXT_STEP].map(|step| Event::spike(step, 0));
        run(&mut network, &events, 5);
        run(&mut network, &[Event::spike(2, 0), Event::spike(9, 1)], 12);
        let stats = network.stats().unwrap();
        assert_eq!((stats.events, stats.late, stats.rejected), (6, 1, 1));
        // Step 7 gets the two for it, the one for any step, and the late one.
        assert_eq!((stats.input_spikes, stats.merged), (2, 3));
        assert_eq!((stats.step, stats.steps, stats.runs), (12, 12, 2));
        assert_eq!(output.spikes[0], Spike { step: 4, neuron: 0 });
        assert_eq!(output.voltages.len(), 12);
        network.reset().unwrap();
        assert_eq!(network.stats().unwrap().steps, 0);
    }

    #[test]
    fn faults_are_told_as_the_module_would() {
        let mut wrong = relay();
        wrong.weights.clear();
        let error = HostNetwork::new(&wrong).err().unwrap().to_string();
        assert!(error.contains("table blocks, entry 0, offset"), "{error}");
        let mut wrong = relay();
        wrong.populations[0].kind = 9;
        let error = HostNetwork::new(&wrong).err().unwrap().to_string();
        assert!(error.contains("kind: unknown"), "{error}");
    }

    #[test]
    fn time_constants_become_propagators() {
        let mut builder = Builder::new(MS);
        let jump = Jump {
            membrane: Some(Duration::from_millis(20)),
            drive: 1 << 50,
            gain: 0,
            threshold: None,
            reset: 0,
            refractory_steps: 0,
        };
        builder.population(1, jump).unwrap();
        let membrane = None;
        builder.population(1, Jump { membrane, ..jump }).unwrap();
        let mut description = builder.build().unwrap();
        resolve(&mut description);
        let [leaky, ideal] = description.exact_params[..] else {
            panic!("two populations");
        };
        let share = 1.0 - (-0.05f64).exp();
        let wanted = share * (1u64 << 50) as f64;
        assert!((leaky.drive as f64 - wanted).abs() < 2.0);
        assert_eq!((ideal.membrane, ideal.drive), (exact::ONE, 1 << 50));
        assert_eq!(leaky.flags | ideal.flags, 0);
    }

    /// The builder's sort against the one that the tests of the arithmetic use.
    #[test]
    fn tables_equal_those_of_the_arithmetic() {
        let (neurons, inputs) = (40u32, 9u32);
        let mut state = 1u32;
        let mut random = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        let list: Vec<kernel::Connection> = (0..2000)
            .map(|_| kernel::Connection {
                source: random(neurons + inputs),
                target: random(neurons) as u16,
                weight: random(500) as i16 - 256,
                delay: 1 + random(5) * random(100),
            })
            .collect();
        let mut parts = nets::one_population(inputs, neurons, description::Kind::Loihi, &[]);
        nets::connect(&mut parts, &list);

        let mut builder = Builder::new(MS);
        builder.inputs(inputs).unwrap();
        builder.population(neurons, Loihi::default()).unwrap();
        let connections = list.iter().map(|c| Connection {
            source: match c.source.checked_sub(neurons) {
                Some(input) => Source::Input(input),
                None => Source::Neuron(c.source),
            },
            target: c.target.into(),
            weight: c.weight,
            delay: c.delay,
        });
        let tables = builder.build_with(connections).unwrap();
        assert_eq!(tables.delays, parts.delays);
        assert_eq!(tables.starts, parts.starts);
        let ours = super::parts(&tables).unwrap();
        assert_eq!(ours.synapses, parts.synapses);
    }
}
