// SPDX-License-Identifier: GPL-2.0

//! Arbitrary sequences of calls: against a plain model of the engine, and with arguments from the
//! ends of their ranges.

use std::collections::HashSet;

use lightos_host::spiking::engine::{
    Config, Counters, Encoding, Input, Reset, StartError, SubmitError, MAX_AHEAD_NS,
};
use lightos_host::spiking::neuron::{LifParams, Neuron, Update};
use lightos_host::support::{cases, engine, steps};
use proptest::prelude::*;

const NEURONS: usize = 6;
const PENDING: usize = 12;
const T0: u64 = 500_000_000_000;

#[derive(Clone, Debug)]
enum Op {
    /// Time goes by (or back).
    Wait(i64),
    /// Neuron, time from now (`None`: the literal 0), amplitude, synapses.
    Submit(u32, Option<i64>, i32, u32),
    Cycle,
    CatchUp,
    /// Encoding, enabled, events a cycle, interval, target.
    Configure(u32, u32, u32, u32, u32),
    Start,
    Stop,
    Reset(bool, bool, bool),
    Busy(u64),
}

/// The rules of the engine, spelled out without regard to cost.
struct Model {
    config: Config,
    running: bool,
    clock: u64,
    seq: u64,
    /// Sorted by (time, seq): time, seq, neuron, amplitude, synapses, found late.
    pending: Vec<(u64, u64, usize, i32, u32, bool)>,
    neurons: Vec<Neuron>,
    used: HashSet<usize>,
    residue: Vec<i32>,
    origin: u64,
    base: u64,
    cycle: u64,
    cycles_from: u64,
    /// The boundary of the last cycle, or the one that the grid started at.
    cycled: u64,
    threshold: u32,
    counters: Counters,
    /// All (neuron, cycle) pairs ever computed.
    computed: HashSet<(usize, u64)>,
    /// Their cycles since the last reset of the counters.
    updates: Vec<u64>,
    first: u64,
}

impl Model {
    fn new() -> Self {
        Self {
            config: Config::DEFAULT,
            running: false,
            clock: T0,
            seq: 0,
            pending: Vec::new(),
            neurons: vec![Neuron::at_rest(T0); NEURONS],
            used: HashSet::new(),
            residue: vec![0; NEURONS],
            origin: T0,
            base: 0,
            cycle: 0,
            cycles_from: 0,
            cycled: 0,
            threshold: 0,
            counters: Counters::default(),
            computed: HashSet::new(),
            updates: Vec::new(),
            first: 1,
        }
    }

    fn interval(&self) -> u64 {
        u64::from(self.config.interval_us()) * 1_000
    }

    /// Boundary by boundary.
    fn advance(&mut self, now: u64) {
        self.clock = self.clock.max(now);
        while self.running
            && self.origin + (self.cycle + 1 - self.base) * self.interval() <= self.clock
        {
            if (self.cycle + 1).is_multiple_of(64) && self.config.encoding() == Encoding::Delta {
                let (sparsity, target) = (self.sparsity(), self.config.target_sparsity_percent());
                if sparsity < target {
                    self.threshold = (2 * self.threshold).clamp(1, 64);
                } else if sparsity >= target + 5 || sparsity == 100 {
                    self.threshold /= 2;
                }
            }
            self.cycle += 1;
        }
    }

    fn sparsity(&self) -> u32 {
        let from = (self.cycle / 64).saturating_sub(15) * 64;
        let updates = self.updates.iter().filter(|&&c| c >= from).count() as u64;
        let cycles = (self.cycle + 1).saturating_sub(from.max(self.first));
        let all = cycles * self.used.len() as u64;
        if all == 0 {
            return 100;
        }
        (100 * all.saturating_sub(updates) / all) as u32
    }

    fn submit(&mut self, input: Input, now: u64) -> Result<(), SubmitError> {
        self.clock = self.clock.max(now);
        let id = input.neuron_id as usize;
        let neuron = self.neurons.get(id).ok_or(SubmitError::UnknownNeuron)?;
        if self.pending.len() == PENDING {
            self.counters.events_dropped += 1;
            return Err(SubmitError::QueueFull);
        }
        let mut time = input.timestamp_ns;
        let late = time != 0 && (time < neuron.last_update() || time > self.clock + MAX_AHEAD_NS);
        if time == 0 || late {
            time = self.clock;
        }
        self.counters.events_late += u64::from(late);
        self.pending.push((
            time,
            self.seq,
            id,
            input.amplitude_mv,
            input.synapse_count,
            late,
        ));
        self.pending.sort_unstable();
        self.seq += 1;
        self.counters.events_submitted += 1;
        Ok(())
    }

    fn apply_due(&mut self, limit: u32) -> u32 {
        let mut applied = 0;
        while self.running
            && applied < limit
            && self.pending.first().is_some_and(|e| e.0 <= self.clock)
        {
            let (time, _, id, amplitude, synapses, late) = self.pending.remove(0);
            self.counters.events_late += u64::from(!late && time < self.neurons[id].last_update());
            self.apply(time, id, amplitude);
            self.counters.synaptic_ops += u64::from(synapses.max(1));
            self.counters.events_processed += 1;
            applied += 1;
        }
        applied
    }

    fn apply(&mut self, time: u64, id: usize, amplitude: i32) {
        self.used.insert(id);
        let neuron = &mut self.neurons[id];
        let time = time.max(neuron.last_update());
        let interval = i128::from(self.config.interval_us()) * 1_000;
        let interval_of = |t: u64| (i128::from(t) - i128::from(self.origin)).div_euclid(interval);
        let mut amplitude = amplitude;
        let suppressed = match self.config.encoding() {
            Encoding::Rate => false,
            Encoding::Temporal => neuron
                .last_spike()
                .is_some_and(|s| interval_of(s) == interval_of(time)),
            Encoding::Delta if neuron.is_refractory(time, &LifParams::DEFAULT) => false,
            Encoding::Delta => {
                amplitude = self.residue[id].saturating_add(amplitude);
                let held = i64::from(amplitude).abs() < i64::from(self.threshold);
                self.residue[id] = if held { amplitude } else { 0 };
                held
            }
        };
        if suppressed {
            self.counters.events_suppressed += 1;
            return;
        }
        match neuron.update(time, amplitude, &LifParams::DEFAULT) {
            Update::Refractory => self.counters.events_refractory += 1,
            Update::Computed { spiked, saturated } => {
                self.counters.spikes += u64::from(spiked);
                self.counters.saturations += u64::from(saturated);
                if self.computed.insert((id, self.cycle)) {
                    self.counters.neuron_updates += 1;
                    self.updates.push(self.cycle);
                }
            }
        }
    }

    fn next_wakeup(&self) -> Option<u64> {
        let first = self.pending.first().filter(|_| self.running)?.0;
        let from = first.max(self.clock + 1);
        Some(self.origin + (from - self.origin).div_ceil(self.interval()) * self.interval())
    }

    fn configure(&mut self, new: Config) {
        if new.encoding() != self.config.encoding() {
            self.threshold = 0;
        }
        self.config = new;
        if self.running {
            self.running = new.enabled();
            self.regrid();
        }
    }

    fn regrid(&mut self) {
        self.origin = self.clock;
        self.base = self.cycle;
        self.cycled = self.cycle;
    }

    fn start(&mut self) -> Result<(), StartError> {
        if self.running {
            return Err(StartError::AlreadyRunning);
        }
        if !self.config.enabled() {
            return Err(StartError::Disabled);
        }
        self.running = true;
        self.regrid();
        Ok(())
    }

    fn reset(&mut self, what: Reset) {
        if what.neurons {
            self.neurons.fill(Neuron::at_rest(self.clock));
            self.residue.fill(0);
            self.used.clear();
            self.computed.clear();
        }
        if what.pending {
            self.pending.clear();
        }
        if what.counters {
            self.counters = Counters::default();
            self.cycles_from = self.cycle;
            self.first = self.cycle + 1;
            self.updates.clear();
        }
    }

    fn counters(&self) -> Counters {
        Counters {
            cycles: self.cycle - self.cycles_from,
            neurons_used: self.used.len() as u32,
            events_pending: self.pending.len() as u32,
            delta_threshold_mv: self.threshold,
            running: self.running,
            ..self.counters
        }
    }
}

/// Sequences that look like use: mostly submissions and cycles, short and long waits.
fn likely_op() -> impl Strategy<Value = Op> {
    let wait = prop_oneof![
        6 => 0..3_000_000i64,
        3 => 0..70_000_000i64,
        1 => 0..2_000_000_000i64,
        1 => -2_000_000..0i64,
    ];
    let ahead = prop_oneof![
        4 => Just(None),
        6 => (-5_000_000..5_000_000i64).prop_map(Some),
        1 => (-400_000_000_000..70_000_000_000i64).prop_map(Some),
    ];
    let amplitude = prop_oneof![
        6 => -20..20i32,
        6 => -300..700i32,
        1 => any::<i32>(),
    ];
    let interval = prop_oneof![Just(0u32), Just(1_000), Just(200), 50..20_000u32];
    let target = prop_oneof![Just(0u32), 1..=100u32];
    prop_oneof![
        20 => wait.prop_map(Op::Wait),
        40 => (0..NEURONS as u32 + 1, ahead, amplitude, 0..3u32)
            .prop_map(|(n, t, a, s)| Op::Submit(n, t, a, s)),
        15 => Just(Op::Cycle),
        8 => Just(Op::CatchUp),
        2 => (0..3u32, 0..5u32, 0..6u32, interval, target)
            .prop_map(|(e, on, m, i, t)| Op::Configure(e, on, m, i, t)),
        3 => Just(Op::Start),
        1 => Just(Op::Stop),
        1 => (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(n, p, c)| Op::Reset(n, p, c)),
        2 => (0..1_000_000u64).prop_map(Op::Busy),
    ]
}

/// The engine and the model side by side.
fn compare(encoding: u32, ops: &[Op]) -> Result<(), TestCaseError> {
    let mut model = Model::new();
    let mut e = engine(NEURONS, PENDING, T0);
    let begin = [Op::Configure(encoding, 1, 4, 0, 0), Op::Start];
    let mut now = T0;
    for op in begin.iter().chain(ops) {
        if let Op::Wait(ns) = *op {
            now = now.saturating_add_signed(ns);
        }
        if !matches!(op, Op::Submit(..) | Op::Busy(_)) {
            model.advance(now);
        }
        match *op {
            Op::Wait(_) => {}
            Op::Submit(neuron_id, ahead, amplitude_mv, synapse_count) => {
                let timestamp_ns = ahead.map_or(0, |ns| now.saturating_add_signed(ns).max(1));
                let input = Input {
                    neuron_id,
                    timestamp_ns,
                    amplitude_mv,
                    synapse_count,
                };
                prop_assert_eq!(e.submit(input, now), model.submit(input, now));
            }
            Op::Cycle => {
                let due = model.running && model.cycle > model.cycled;
                let mut limit = 0;
                if due {
                    model.cycled = model.cycle;
                    model.counters.timer_fires += 1;
                    limit = model.config.max_events_per_cycle().min(PENDING as u32);
                }
                prop_assert_eq!(e.cycle(now), model.apply_due(limit));
            }
            Op::CatchUp => prop_assert_eq!(e.catch_up(now), model.apply_due(u32::MAX)),
            Op::Configure(encoding, on, max, interval, target) => {
                let config = Config::new(encoding, on, max, interval, target).unwrap();
                e.configure(config, now);
                model.configure(config);
            }
            Op::Start => prop_assert_eq!(e.start(now), model.start()),
            Op::Stop => {
                e.stop(now);
                model.running = false;
            }
            Op::Reset(neurons, pending, counters) => {
                let what = Reset {
                    neurons,
                    pending,
                    counters,
                };
                e.reset(what, now);
                model.reset(what);
            }
            Op::Busy(ns) => {
                e.note_busy(ns);
                model.counters.busy_ns += ns;
            }
        }
        model.advance(now);
        prop_assert_eq!(e.counters(now), model.counters(), "after {:?}", op);
        prop_assert_eq!(e.sparsity_percent(now), model.sparsity(), "after {:?}", op);
        prop_assert_eq!(e.next_wakeup(now), model.next_wakeup(), "after {:?}", op);
        for (id, neuron) in model.neurons.iter().enumerate() {
            let report = e.neuron_report(id as u32, now).unwrap();
            prop_assert_eq!(
                report.membrane_mv,
                neuron.membrane_mv(model.clock, &LifParams::DEFAULT)
            );
            prop_assert_eq!(report.total_spikes, neuron.total_spikes());
        }
    }
    Ok(())
}

/// Any argument, with a weight on the ends of its range.
fn any_u64() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        (0u32..64).prop_map(|s| 1 << s),
        Just(0),
        Just(u64::MAX),
        Just(u64::MAX - 1),
    ]
}

#[derive(Clone, Debug)]
enum Call {
    Submit(u32, u64, i32, u32),
    Cycle,
    CatchUp,
    Configure(u32, u32, u32, u32, u32),
    Start,
    Stop,
    Reset(bool, bool, bool),
    Busy(u64),
}

fn any_call() -> impl Strategy<Value = Call> {
    let amplitude = prop_oneof![any::<i32>(), -1000..1000i32, Just(i32::MIN), Just(i32::MAX)];
    prop_oneof![
        30 => (0..NEURONS as u32 + 1, any_u64(), amplitude, any::<u32>())
            .prop_map(|(n, t, a, s)| Call::Submit(n, t, a, s)),
        10 => Just(Call::Cycle),
        5 => Just(Call::CatchUp),
        3 => (0..3u32, any::<u32>(), any::<u32>(), 50..=1_000_000u32, 0..=100u32)
            .prop_map(|(e, on, m, i, t)| Call::Configure(e, on, m, i, t)),
        4 => Just(Call::Start),
        1 => Just(Call::Stop),
        1 => (any::<bool>(), any::<bool>(), any::<bool>())
            .prop_map(|(n, p, c)| Call::Reset(n, p, c)),
        2 => any_u64().prop_map(Call::Busy),
    ]
}

/// Nothing panics, and no event is lost or counted twice.
fn account(created: u64, calls: &[(Call, u64)]) -> Result<(), TestCaseError> {
    let mut e = engine(NEURONS, PENDING, created);
    // Events that left the queue without being processed, or the counters without the queue.
    let mut surplus = 0i128;
    for (call, now) in calls {
        let now = *now;
        match *call {
            Call::Submit(neuron_id, timestamp_ns, amplitude_mv, synapse_count) => {
                let before = e.counters(0);
                let input = Input {
                    neuron_id,
                    timestamp_ns,
                    amplitude_mv,
                    synapse_count,
                };
                let result = e.submit(input, now);
                let after = e.counters(0);
                let accepted = after.events_submitted - before.events_submitted;
                let dropped = after.events_dropped - before.events_dropped;
                prop_assert_eq!(accepted, u64::from(result.is_ok()));
                prop_assert_eq!(dropped, u64::from(result == Err(SubmitError::QueueFull)));
            }
            Call::Cycle => {
                let before = e.counters(now).events_processed;
                let limit = e.config().max_events_per_cycle();
                let applied = e.cycle(now);
                prop_assert!(applied <= limit);
                prop_assert_eq!(
                    e.counters(now).events_processed - before,
                    u64::from(applied)
                );
            }
            Call::CatchUp => {
                e.catch_up(now);
            }
            Call::Configure(encoding, on, max, interval, target) => {
                e.configure(
                    Config::new(encoding, on, max, interval, target).unwrap(),
                    now,
                );
            }
            Call::Start => {
                let ready = e.config().enabled() && !e.is_running();
                prop_assert_eq!(e.start(now).is_ok(), ready);
            }
            Call::Stop => e.stop(now),
            Call::Reset(neurons, pending, counters) => {
                e.reset(
                    Reset {
                        neurons,
                        pending,
                        counters,
                    },
                    now,
                );
                if pending || counters {
                    let c = e.counters(now);
                    surplus = i128::from(c.events_submitted)
                        - i128::from(c.events_processed)
                        - i128::from(c.events_pending);
                }
            }
            Call::Busy(ns) => e.note_busy(ns),
        }
        let c = e.counters(now);
        prop_assert_eq!(
            i128::from(c.events_submitted),
            i128::from(c.events_processed) + i128::from(c.events_pending) + surplus
        );
        prop_assert!(c.events_pending as usize <= PENDING && c.neurons_used as usize <= NEURONS);
        prop_assert!(c.spikes <= c.events_processed && c.neuron_updates <= c.events_processed);
        prop_assert!(c.events_refractory + c.events_suppressed <= c.events_processed);
        prop_assert!(c.saturations <= c.events_processed && c.synaptic_ops >= c.events_processed);
        prop_assert!(c.delta_threshold_mv <= 64);
        prop_assert!(e.sparsity_percent(now) <= 100 && e.utilization_percent(now) <= 100);
        let memory = e.memory();
        prop_assert!(memory.used <= memory.total);
        let wakeup = e.next_wakeup(now);
        prop_assert_eq!(wakeup.is_some(), c.running && c.events_pending > 0);
        prop_assert!(wakeup.is_none_or(|t| t > now || t == u64::MAX));
        for id in 0..=NEURONS as u32 {
            let report = e.neuron_report(id, now);
            prop_assert_eq!(report.is_some(), (id as usize) < NEURONS);
            prop_assert!(report.is_none_or(|r| r.membrane_mv.abs() <= 10_000));
        }
    }
    Ok(())
}

fn config(usual: u32, long: u32) -> ProptestConfig {
    ProptestConfig {
        cases: cases(usual, long),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(3_000, 1_000_000))]

    #[test]
    fn agrees_with_the_model(
        encoding in 0..3u32,
        ops in prop::collection::vec(likely_op(), 0..steps(250)),
    ) {
        compare(encoding, &ops)?;
    }

    #[test]
    fn never_panics_and_accounts_for_every_event(
        created in any_u64(),
        calls in prop::collection::vec((any_call(), any_u64()), 0..steps(120)),
    ) {
        account(created, &calls)?;
    }
}
