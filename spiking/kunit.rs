// SPDX-License-Identifier: GPL-2.0

//! KUnit suites of the spiking engine.
//!
//! The arithmetic is tested in depth on the host, where millions of cases are
//! cheap. These suites show that the kernel's compiler, flags and memory give
//! the same results, and test what exists in the kernel only: the timer, the
//! work and their end.

use super::{
    engine::{Config, Input, Reset, StartError, SubmitError},
    neuron::{LifParams, Neuron, Update},
    queue::{Event, Queue},
    Context, Engine,
};
use kernel::prelude::*;

const MS: u64 = 1_000_000;

fn table<T: Copy>(initial: T, len: usize) -> Result<VVec<T>> {
    Ok(VVec::from_elem(initial, len, GFP_KERNEL)?)
}

/// A small engine, created at time 0.
fn small_engine() -> Result<Engine> {
    Ok(Engine::new(
        table(Neuron::at_rest(0), 64)?,
        table(Event::EMPTY, 16)?,
        table(Event::EMPTY, 16)?,
        0,
    ))
}

fn enabled(encoding: u32, max_events: u32) -> Result<Config> {
    Config::new(encoding, 1, max_events, 1000, 69).map_err(|_| EINVAL)
}

fn input(neuron_id: u32, timestamp_ns: u64, amplitude_mv: i32) -> Input {
    Input {
        neuron_id,
        timestamp_ns,
        amplitude_mv,
        synapse_count: 0,
    }
}

#[kunit_tests(lightos_lif)]
mod lif {
    use super::*;

    #[test]
    fn one_event_of_600_mv_makes_a_neuron_spike() {
        let mut neuron = Neuron::at_rest(0);
        let update = neuron.update(MS, 600, &LifParams::DEFAULT);
        assert_eq!(
            update,
            Update::Computed {
                spiked: true,
                saturated: false
            }
        );
        assert_eq!(neuron.total_spikes(), 1);
        assert_eq!(neuron.membrane_mv(MS, &LifParams::DEFAULT), -80);
    }

    #[test]
    fn leak_is_exponential() {
        // 500 mV above rest, after k time constants: 500 * exp(-k) - 70.
        let mut neuron = Neuron::at_rest(0);
        neuron.update(0, 500, &LifParams::DEFAULT);
        for (ms, mv) in [
            (0, 430),
            (5, 233),
            (10, 114),
            (20, -2),
            (40, -61),
            (1000, -70),
        ] {
            assert_eq!(neuron.membrane_mv(ms * MS, &LifParams::DEFAULT), mv);
        }
    }

    #[test]
    fn refractory_neuron_is_deaf_and_held_at_reset() {
        let mut neuron = Neuron::at_rest(0);
        neuron.update(0, 600, &LifParams::DEFAULT);
        let early = neuron.update(2 * MS - 1, 600, &LifParams::DEFAULT);
        assert_eq!(early, Update::Refractory);
        assert_eq!(neuron.membrane_mv(2 * MS - 1, &LifParams::DEFAULT), -80);
        neuron.update(2 * MS, 600, &LifParams::DEFAULT);
        assert_eq!(neuron.total_spikes(), 2);
    }

    #[test]
    fn membrane_saturates_at_ten_volts() {
        let mut neuron = Neuron::at_rest(0);
        let update = neuron.update(0, i32::MIN, &LifParams::DEFAULT);
        assert_eq!(
            update,
            Update::Computed {
                spiked: false,
                saturated: true
            }
        );
        assert_eq!(neuron.membrane_mv(0, &LifParams::DEFAULT), -10_000);
    }

    #[test]
    fn any_gap_is_taken() {
        let mut neuron = Neuron::at_rest(0);
        neuron.update(0, 500, &LifParams::DEFAULT);
        neuron.update(u64::MAX, 0, &LifParams::DEFAULT);
        assert_eq!(neuron.membrane_mv(u64::MAX, &LifParams::DEFAULT), -70);
    }
}

#[kunit_tests(lightos_queue)]
mod queue {
    use super::*;

    fn event(time: u64, seq: u64) -> Event {
        Event {
            time,
            seq,
            ..Event::EMPTY
        }
    }

    #[test]
    fn order_is_by_time_then_by_submission() -> Result {
        let mut queue = Queue::new(table(Event::EMPTY, 8)?, table(Event::EMPTY, 8)?);
        for (seq, time) in [5, 3, 9, 3, 1, 9].into_iter().enumerate() {
            assert!(queue.push(event(time, seq as u64)));
        }
        for expected in [(1, 4), (3, 1), (3, 3), (5, 0), (9, 2), (9, 5)] {
            let next = queue.pop_due(u64::MAX).ok_or(EINVAL)?;
            assert_eq!((next.time, next.seq), expected);
        }
        assert!(queue.pop_due(u64::MAX).is_none());
        Ok(())
    }

    #[test]
    fn bound_holds_over_both_parts() -> Result {
        let mut queue = Queue::new(table(Event::EMPTY, 4)?, table(Event::EMPTY, 4)?);
        for (seq, time) in [10, 4, 12, 3].into_iter().enumerate() {
            assert!(queue.push(event(time, seq as u64)));
        }
        assert!(!queue.push(event(20, 4)));
        Ok(())
    }
}

#[kunit_tests(lightos_engine)]
mod engine {
    use super::*;

    #[test]
    fn engine_is_disabled_from_load() -> Result {
        let mut engine = small_engine()?;
        assert_eq!(engine.start(0), Err(StartError::Disabled));
        Ok(())
    }

    #[test]
    fn migration_example() -> Result {
        let mut engine = small_engine()?;
        engine.configure(enabled(2, 0)?, 0);
        engine.start(MS).map_err(|_| EINVAL)?;
        assert_eq!(engine.start(MS), Err(StartError::AlreadyRunning));
        engine.submit(input(42, 0, 600), MS).map_err(|_| EINVAL)?;
        assert_eq!(engine.catch_up(2 * MS), 1);
        let report = engine.neuron_report(42, 2 * MS).ok_or(EINVAL)?;
        assert_eq!(report.total_spikes, 1);
        Ok(())
    }

    #[test]
    fn cycle_takes_no_more_than_its_limit() -> Result {
        let mut engine = small_engine()?;
        engine.configure(enabled(0, 3)?, 0);
        engine.start(0).map_err(|_| EINVAL)?;
        for neuron in 0..8 {
            engine
                .submit(input(neuron, 1, 600), 1)
                .map_err(|_| EINVAL)?;
        }
        assert_eq!(engine.cycle(MS), 3);
        assert_eq!(engine.counters(MS).events_pending, 5);
        assert_eq!(engine.next_wakeup(MS), Some(2 * MS));
        Ok(())
    }

    #[test]
    fn refused_events_leave_no_trace() -> Result {
        let mut engine = small_engine()?;
        assert_eq!(
            engine.submit(input(64, 0, 600), 1),
            Err(SubmitError::UnknownNeuron)
        );
        for _ in 0..16 {
            engine.submit(input(1, 0, 1), 1).map_err(|_| EINVAL)?;
        }
        assert_eq!(
            engine.submit(input(1, 0, 1), 1),
            Err(SubmitError::QueueFull)
        );
        let counters = engine.counters(1);
        assert_eq!(counters.events_submitted, 16);
        assert_eq!(counters.events_dropped, 1);
        Ok(())
    }
}

#[kunit_tests(lightos_context)]
mod context {
    use super::*;
    use core::ops::Deref;
    use kernel::{
        sync::Arc,
        time::{delay::fsleep, Delta},
    };

    /// A running context that is shut down when a test gives up early. A
    /// failed assertion runs no destructor: tests assert after [`Running::end`].
    struct Running(Arc<Context>);

    impl Running {
        fn new() -> Result<Self> {
            let running = Self(Context::new()?);
            let config = enabled(0, 0)?;
            running
                .with_engine(|engine, now| {
                    engine.configure(config, now);
                    engine.start(now)
                })
                .map_err(|_| EINVAL)?;
            Ok(running)
        }

        fn submit(&self, neuron: u32, delay_ns: u64) -> Result {
            self.with_engine(|engine, now| engine.submit(input(neuron, now + delay_ns, 600), now))
                .map_err(|_| EINVAL)
        }

        /// Waits, at most five seconds, until `events` events were processed.
        fn wait_for(&self, events: u64) -> bool {
            for _ in 0..1000 {
                let done = self.with_engine(|engine, now| engine.counters(now).events_processed);
                if done >= events {
                    return true;
                }
                fsleep(Delta::from_millis(5));
            }
            false
        }

        fn spikes_of(&self, neuron: u32) -> Option<u64> {
            self.with_engine(|engine, now| engine.neuron_report(neuron, now))
                .map(|report| report.total_spikes)
        }

        fn timer_fires(&self) -> u64 {
            self.with_engine(|engine, now| engine.counters(now).timer_fires)
        }

        /// Shuts the context down; whether nothing else refers to it then.
        fn end(self) -> bool {
            let context = self.0.clone();
            drop(self);
            Arc::into_unique_or_drop(context).is_some()
        }
    }

    impl Deref for Running {
        type Target = Arc<Context>;

        fn deref(&self) -> &Arc<Context> {
            &self.0
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            self.0.shut_down();
        }
    }

    #[test]
    fn timer_and_work_apply_events() -> Result {
        let context = Running::new()?;
        for delay in [0, 3 * MS, 20 * MS] {
            context.submit(7, delay)?;
        }
        let processed = context.wait_for(3);
        let spikes = context.spikes_of(7);
        context.end();
        assert!(processed);
        assert_eq!(spikes, Some(3));
        Ok(())
    }

    #[test]
    fn earlier_event_moves_the_timer_forward() -> Result {
        let context = Running::new()?;
        context.submit(1, 50_000 * MS)?;
        context.submit(1, 2 * MS)?;
        let processed = context.wait_for(1);
        context.end();
        assert!(processed);
        Ok(())
    }

    #[test]
    fn idle_engine_is_not_woken() -> Result {
        let context = Running::new()?;
        let before = context.timer_fires();
        fsleep(Delta::from_millis(50));
        let after = context.timer_fires();
        context.end();
        assert_eq!(after, before);
        Ok(())
    }

    #[test]
    fn shut_down_leaves_nothing_behind() -> Result {
        let context = Running::new()?;
        for neuron in 0..100 {
            context.submit(neuron, MS)?;
        }
        fsleep(Delta::from_millis(1));
        // The timer and the work held the only other references.
        assert!(context.end());
        Ok(())
    }

    #[test]
    fn reset_gives_fresh_neurons() -> Result {
        let context = Running::new()?;
        context.submit(3, 0)?;
        let everything = Reset {
            neurons: true,
            pending: true,
            counters: true,
        };
        let processed = context.wait_for(1);
        let before = context.spikes_of(3);
        context.with_engine(|engine, now| engine.reset(everything, now));
        let after = context.spikes_of(3);
        context.end();
        assert!(processed);
        assert_eq!((before, after), (Some(1), Some(0)));
        Ok(())
    }
}

#[kunit_tests(lightos_network)]
mod network {
    use super::*;
    use crate::spiking::network::{
        description::{Kind, Memory, Parts, Population, Table},
        loihi, ring,
        simulation::{Exchange, Inputs, Network},
        span::{Plan, Row},
        synapses::Synapse,
    };

    enum Plain {}

    impl Memory for Plain {
        type Of<T: Copy + 'static> = VVec<T>;
    }

    fn numbers(from: &[u32]) -> Result<VVec<u32>> {
        let mut to = table(0, from.len())?;
        to.copy_from_slice(from);
        Ok(to)
    }

    /// Input 0 to neuron 0 by 64, to neuron 1 by -256 after two steps.
    fn pair(target: u16) -> Result<Parts<Plain>> {
        let params = loihi::Params {
            current_decay: 2048,
            voltage_decay: 0,
            threshold: 6000,
            bias: 0,
            refractory_steps: 1,
        };
        let pair = Population {
            first: 0,
            count: 2,
            kind: Kind::Loihi,
            params: 0,
            params_count: 1,
        };
        let mut synapses = table(Synapse::new(0, 64), 2)?;
        synapses[0] = Synapse::new(target, -256);
        synapses[1] = Synapse::new(0, 64);
        let mut parts = Parts {
            inputs: 1,
            populations: table(pair, 1)?,
            loihi_params: table(params, 1)?,
            exact_params: VVec::new(),
            delays: numbers(&[1, 2])?,
            starts: numbers(&[0, 0, 1, 1, 1, 2, 2])?,
            synapses,
            blocks: VVec::new(),
            weights: VVec::new(),
            probes: numbers(&[0, 1])?,
            loihi_states: VVec::new(),
            exact_states: VVec::new(),
            wheel: VVec::new(),
            sums: VVec::new(),
            awake: VVec::new(),
            touched: VVec::new(),
            plans: VVec::new(),
            rows: VVec::new(),
            due: VVec::new(),
            limits: VVec::new(),
        };
        let needed = parts.working();
        parts.loihi_states = table(loihi::State::REST, needed.loihi_states)?;
        parts.wheel = table(0, needed.wheel)?;
        parts.sums = table(0, needed.sums)?;
        parts.awake = table(0, needed.awake)?;
        parts.touched = table(0, needed.touched)?;
        parts.plans = table(Plan::default(), needed.plans)?;
        parts.rows = table(Row::NONE, needed.rows)?;
        Ok(parts)
    }

    /// Spikes the input in step 0, and keeps what comes out.
    #[derive(Default)]
    struct Record {
        voltages: [[i64; 2]; 8],
        spikes: u32,
    }

    impl Exchange for Record {
        fn before(&mut self, step: u64, inputs: &mut dyn Inputs) {
            if step == 0 {
                assert!(inputs.spike(0).is_ok());
                assert!(inputs.spike(1).is_err());
            }
        }

        fn spike(&mut self, step: u64, neuron: u32) {
            assert_eq!((step, neuron), (2, 0));
            self.spikes += 1;
        }

        fn voltage(&mut self, step: u64, probe: u32, value: i64) {
            self.voltages[step as usize][probe as usize] = value;
        }
    }

    #[test]
    fn loihi_neurons_step_by_step() -> Result {
        let mut network = Network::new(pair(1)?, VVec::new()).map_err(|_| EINVAL)?;
        let mut record = Record::default();
        assert_eq!(network.run(8, &mut record), 8);
        assert_eq!(record.spikes, 1);
        let expected = [
            [0, 0],
            [4096, 0],
            [128, 0],
            [0, 0],
            [512, -16384],
            [768, -24576],
            [896, -28672],
            [960, -30720],
        ];
        assert_eq!(record.voltages, expected);
        assert_eq!(network.totals().synaptic_events, 2);
        Ok(())
    }

    #[test]
    fn fault_names_the_entry() -> Result {
        let fault = pair(2)?.check().err().ok_or(EINVAL)?;
        assert_eq!((fault.table, fault.entry), (Table::Synapses, 0));
        assert_eq!(fault.field, "target");
        Ok(())
    }

    #[test]
    fn indices_of_a_ring_stay_within_it() {
        for (head, tail, waiting, room) in [
            (0, 0, 0, 64),
            (64, 0, 64, 0),
            (65, 0, 0, 0),
            (5, u32::MAX, 6, 58),
            (0, 1, 0, 0),
            (u32::MAX, 0, 0, 0),
        ] {
            assert_eq!(ring::waiting(head, tail, 64), waiting);
            assert_eq!(ring::room(head, tail, 64), room);
        }
        assert_eq!(ring::place(u32::MAX, 64), 63);
    }
}
