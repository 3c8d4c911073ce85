// SPDX-License-Identifier: GPL-2.0

//! The spiking engine: neurons, the events that wait for them, cycles, encodings and counters.
//!
//! The caller tells the time with every call. A time before the latest one told counts as that
//! one: for the engine no time passes, it never runs backwards.
//!
//! # Cycles
//!
//! While the engine runs, boundaries lie on a grid of one processing interval from START, or
//! from the last CONFIG. A cycle is made up of an interval and the work at the boundary that
//! ends it: [`Engine::cycle`] there applies what has come due. Boundaries are counted by the
//! time, not by calls, so that none has to be called for while nothing is pending. An update
//! belongs to the last boundary that has passed, also one that a query asked for in between.
//!
//! # Late events
//!
//! An event older than its neuron's last update when it is submitted, or more than
//! [`MAX_AHEAD_NS`] ahead, gets the present time: it is applied at once. Programs for v0.2.0 may
//! pass anything as a timestamp and so are served as v0.2.0 served them. Since due events are
//! applied in order of time, an event in time at its submission can only come late through
//! [`Reset::neurons`]; it is then applied at the time of the reset.
//!
//! Process context; one lock around the whole engine, held by the caller. Never allocates.

use core::num::NonZeroU64;
use core::ops::DerefMut;

use super::neuron::{LifParams, Neuron, Update};
use super::queue::{Event, Queue};
use super::window::Window;

/// An event further ahead of now than this (60 s) is applied at once.
pub const MAX_AHEAD_NS: u64 = 60_000_000_000;

/// Bounds of the processing interval, in microseconds.
pub const MIN_INTERVAL_US: u32 = 50;
/// See [`MIN_INTERVAL_US`].
pub const MAX_INTERVAL_US: u32 = 1_000_000;

/// The adaptation never takes the delta threshold above this.
pub const MAX_DELTA_THRESHOLD_MV: u32 = 64;

/// The delta threshold falls only when sparsity exceeds its target by this many points, so that
/// it does not swing from bucket to bucket.
const SPARSITY_MARGIN_PERCENT: u32 = 5;

/// A membrane this close to rest, in units of a potential, counts as resting: 0.5 mV.
const RESTING_UNITS: u64 = super::fixed::UNITS_PER_MV as u64 / 2;

/// What the amplitude of an event means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Every event is applied as it is.
    Rate,
    /// A neuron fires at most once a cycle; what reaches it later in that cycle is suppressed.
    Temporal,
    /// Changes of a signal: summed, and applied once the sum reaches the delta threshold.
    Delta,
}

impl Encoding {
    /// The value of `enum lightos_encoding`.
    pub const fn as_u32(self) -> u32 {
        match self {
            Self::Rate => 0,
            Self::Temporal => 1,
            Self::Delta => 2,
        }
    }
}

/// A configuration by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// [`Config::DEFAULT`].
    Default,
    /// Delta encoding in cycles of half the length.
    LowLatency,
    /// Delta encoding that withholds small changes until four of five neuron cycles are idle.
    MaxEfficiency,
}

impl Profile {
    /// The profile with this number in `enum lightos_spiking_profile_id`.
    pub const fn from_u32(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Default,
            1 => Self::LowLatency,
            2 => Self::MaxEfficiency,
            _ => return None,
        })
    }

    /// What it stands for.
    pub const fn config(self, enabled: bool) -> Config {
        let default = Config {
            enabled,
            ..Config::DEFAULT
        };
        match self {
            Self::Default => default,
            Self::LowLatency => Config {
                encoding: Encoding::Delta,
                interval_us: 500,
                ..default
            },
            Self::MaxEfficiency => Config {
                encoding: Encoding::Delta,
                target_sparsity_percent: 80,
                ..default
            },
        }
    }
}

/// Why a configuration is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// The encoding is not 0, 1 or 2.
    Encoding,
    /// The interval is neither 0 nor within its bounds.
    Interval,
    /// The target sparsity is over 100.
    Sparsity,
}

/// A valid configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    encoding: Encoding,
    enabled: bool,
    max_events_per_cycle: u32,
    interval_us: u32,
    target_sparsity_percent: u32,
}

impl Config {
    /// The configuration at load: rate encoding, disabled, and what zeros stand for.
    pub const DEFAULT: Self = Self {
        encoding: Encoding::Rate,
        enabled: false,
        max_events_per_cycle: 1000,
        interval_us: 1000,
        target_sparsity_percent: 69,
    };

    /// Checks the fields of `struct lightos_spiking_config`. `enabled` is true for anything but
    /// 0; 0 as one of the last three stands for the value in [`Config::DEFAULT`].
    pub fn new(
        encoding: u32,
        enabled: u32,
        max_events: u32,
        interval_us: u32,
        target: u32,
    ) -> Result<Self, ConfigError> {
        let or_default = |value, default| if value == 0 { default } else { value };
        let config = Self {
            encoding: match encoding {
                0 => Encoding::Rate,
                1 => Encoding::Temporal,
                2 => Encoding::Delta,
                _ => return Err(ConfigError::Encoding),
            },
            enabled: enabled != 0,
            max_events_per_cycle: or_default(max_events, Self::DEFAULT.max_events_per_cycle),
            interval_us: or_default(interval_us, Self::DEFAULT.interval_us),
            target_sparsity_percent: or_default(target, Self::DEFAULT.target_sparsity_percent),
        };
        if !(MIN_INTERVAL_US..=MAX_INTERVAL_US).contains(&config.interval_us) {
            return Err(ConfigError::Interval);
        }
        if config.target_sparsity_percent > 100 {
            return Err(ConfigError::Sparsity);
        }
        Ok(config)
    }

    /// What the amplitude of an event means.
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Whether the engine may run.
    pub const fn enabled(&self) -> bool {
        self.enabled
    }

    /// Events that one cycle may apply: at least 1.
    pub const fn max_events_per_cycle(&self) -> u32 {
        self.max_events_per_cycle
    }

    /// Microseconds between cycles, [`MIN_INTERVAL_US`] to [`MAX_INTERVAL_US`].
    pub const fn interval_us(&self) -> u32 {
        self.interval_us
    }

    /// The sparsity that delta encoding aims at: 1 to 100 percent.
    pub const fn target_sparsity_percent(&self) -> u32 {
        self.target_sparsity_percent
    }

    /// Nanoseconds between cycles.
    #[inline]
    const fn interval_ns(&self) -> NonZeroU64 {
        match NonZeroU64::new((self.interval_us as u64).wrapping_mul(1000)) {
            Some(ns) => ns,
            None => NonZeroU64::MIN,
        }
    }
}

/// Why START is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartError {
    /// The configuration disables the engine.
    Disabled,
    /// The engine runs.
    AlreadyRunning,
}

/// Why an event is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmitError {
    /// There is no neuron of that number. Not counted.
    UnknownNeuron,
    /// As many events wait as can. Counted as dropped.
    QueueFull,
}

/// An event as submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    /// Which neuron receives it.
    pub neuron_id: u32,
    /// When it happens, in ns; 0 means now.
    pub timestamp_ns: u64,
    /// What it adds to the membrane, in mV; any value.
    pub amplitude_mv: i32,
    /// How many synapses it stands for; 0 means 1.
    pub synapse_count: u32,
}

/// What a neuron is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Less than 0.5 mV away from the rest potential.
    Resting,
    /// Away from rest, able to take input.
    Integrating,
    /// Fired within the last processing interval.
    Spiking,
    /// Held at the reset potential, deaf to input.
    Refractory,
}

impl Activity {
    /// The value of `enum lightos_neuron_activity`.
    pub const fn as_u32(self) -> u32 {
        match self {
            Self::Resting => 0,
            Self::Integrating => 1,
            Self::Spiking => 2,
            Self::Refractory => 3,
        }
    }
}

/// One neuron as of the time of the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeuronReport {
    /// What it is doing.
    pub activity: Activity,
    /// The membrane, leak included, to the nearest mV.
    pub membrane_mv: i32,
    /// Spikes since load or [`Reset::neurons`].
    pub total_spikes: u64,
    /// Spikes a second over the last second, nearest Hz.
    pub rate_hz: u32,
}

/// The fields of `struct lightos_spiking_counters`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Events accepted into the queue.
    pub events_submitted: u64,
    /// Events taken from the queue.
    pub events_processed: u64,
    /// Events refused because the queue was full.
    pub events_dropped: u64,
    /// Events older than their neuron's last update or too far ahead: applied at once.
    pub events_late: u64,
    /// Events that met a refractory neuron.
    pub events_refractory: u64,
    /// Events withheld by the encoding.
    pub events_suppressed: u64,
    /// Sum over processed events of the synapse count, 0 as 1.
    pub synaptic_ops: u64,
    /// Output spikes.
    pub spikes: u64,
    /// Updates that were cut at +-10 V.
    pub saturations: u64,
    /// Distinct (neuron, cycle) pairs that were computed.
    pub neuron_updates: u64,
    /// Processing intervals that passed while the engine ran.
    pub cycles: u64,
    /// How many of them woke the engine.
    pub timer_fires: u64,
    /// Time spent applying events, as the caller noted it, in ns; preemption included.
    pub busy_ns: u64,
    /// Neurons that ever received an event.
    pub neurons_used: u32,
    /// Events waiting now.
    pub events_pending: u32,
    /// The delta threshold, 0 unless delta encoding.
    pub delta_threshold_mv: u32,
    /// Whether the engine runs.
    pub running: bool,
}

/// Memory of neurons and events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Bytes behind neurons ever used and events pending.
    pub used: u64,
    /// Bytes of the neuron table and of the queue.
    pub total: u64,
}

/// What [`Engine::reset`] brings back to load state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Every neuron at rest, never used.
    pub neurons: bool,
    /// The queue empty.
    pub pending: bool,
    /// All counters and the sliding window zero.
    pub counters: bool,
}

/// The grid of cycle boundaries of a running engine, and how long it ran before.
///
/// Boundary `k` after `origin` has the number `base + k`; numbers go on over STOP and START.
#[derive(Clone, Copy, Debug)]
struct Grid {
    /// Where the grid starts, in ns.
    origin: u64,
    /// Between boundaries, in ns.
    interval: NonZeroU64,
    /// The number of the last boundary before the grid, or at its origin.
    base: u64,
    /// The number of the last boundary that has passed.
    cycle: u64,
    /// When the next boundary is due, in ns. `u64::MAX` also if that is later.
    next: u64,
    /// How long the engine ran before `origin`, in ns.
    ran: u64,
}

impl Grid {
    /// Starts a new grid at `now`, after the engine has run for `ran` ns in all.
    fn restart(&mut self, now: u64, interval: NonZeroU64, ran: u64) {
        self.origin = now;
        self.interval = interval;
        self.base = self.cycle;
        self.next = now.saturating_add(interval.get());
        self.ran = ran;
    }

    /// The number of the last boundary at or before `now`.
    fn number_at(&self, now: u64) -> u64 {
        self.base
            .saturating_add(now.saturating_sub(self.origin) / self.interval)
    }

    /// How long the engine has run in all when `now` is reached, in ns.
    fn ran_at(&self, now: u64) -> u64 {
        self.ran.saturating_add(now.saturating_sub(self.origin))
    }

    /// How long the engine has run in all at boundary `number`, in ns.
    fn ran_at_boundary(&self, number: u64) -> u64 {
        number
            .saturating_sub(self.base)
            .saturating_mul(self.interval.get())
            .saturating_add(self.ran)
    }

    /// Makes the last boundary at or before `now` the present one.
    fn pass(&mut self, now: u64) {
        self.cycle = self.number_at(now);
        self.next = self.time_of(self.cycle.saturating_add(1));
    }

    /// When boundary `number` is due, in ns; `u64::MAX` also if later.
    fn time_of(&self, number: u64) -> u64 {
        number
            .saturating_sub(self.base)
            .saturating_mul(self.interval.get())
            .saturating_add(self.origin)
    }

    /// The first boundary at `time` or later, in ns; `u64::MAX` also if later.
    fn boundary_from(&self, time: u64) -> u64 {
        let since = time.saturating_sub(self.origin);
        match since % self.interval {
            0 => self.origin.saturating_add(since),
            part => self
                .origin
                .saturating_add(since)
                .saturating_add(self.interval.get().wrapping_sub(part)),
        }
    }

    /// Whether the times `earlier` and `later` lie between the same two boundaries of the grid,
    /// thought to go on before its origin.
    fn same_interval(&self, earlier: u64, later: u64) -> bool {
        let apart = later.saturating_sub(earlier);
        if apart >= self.interval.get() {
            return false;
        }
        let into = if later >= self.origin {
            later.wrapping_sub(self.origin) % self.interval
        } else {
            match self.origin.wrapping_sub(later) % self.interval {
                0 => 0,
                ahead => self.interval.get().wrapping_sub(ahead),
            }
        };
        apart <= into
    }
}

/// The engine, over a neuron table and a queue in storage from outside.
pub struct Engine<N, Q> {
    neurons: N,
    queue: Queue<Q>,
    params: LifParams,
    config: Config,
    running: bool,
    /// The latest time told, in ns.
    clock: u64,
    /// Events submitted since creation: the next event's place in the order.
    next_seq: u64,
    grid: Grid,
    /// The boundary from which [`Counters::cycles`] counts.
    cycles_from: u64,
    /// The boundary that the next cycle belongs to, in ns.
    cycle_due: u64,
    delta_threshold_mv: u32,
    /// All but the last two fields and `cycles`, `events_pending`.
    counters: Counters,
    window: Window,
}

impl<N, Q> Engine<N, Q>
where
    N: DerefMut<Target = [Neuron]>,
    Q: DerefMut<Target = [Event]>,
{
    /// An engine as at load: disabled, stopped, all neurons at rest since `now` (ns).
    ///
    /// `neurons` gives as many neurons as it has places, `ring` and `heap` as many pending
    /// events as the shorter of them has. What they hold is overwritten.
    pub fn new(mut neurons: N, ring: Q, heap: Q, now: u64) -> Self {
        neurons.fill(Neuron::at_rest(now));
        Self {
            neurons,
            queue: Queue::new(ring, heap),
            params: LifParams::DEFAULT,
            config: Config::DEFAULT,
            running: false,
            clock: now,
            next_seq: 0,
            grid: Grid {
                origin: now,
                interval: Config::DEFAULT.interval_ns(),
                base: 0,
                cycle: 0,
                next: now,
                ran: 0,
            },
            cycles_from: 0,
            cycle_due: now,
            delta_threshold_mv: 0,
            counters: Counters::default(),
            window: Window::new(0, 0),
        }
    }

    /// Takes over `new` from `now` on. A new grid starts; a running engine that it disables
    /// stops. Pending events and all counters stay.
    pub fn configure(&mut self, new: Config, now: u64) {
        self.advance(now);
        if new.encoding != self.config.encoding {
            self.delta_threshold_mv = 0;
        }
        self.config = new;
        if self.running {
            let ran = self.grid.ran_at(self.clock);
            self.grid.restart(self.clock, new.interval_ns(), ran);
            self.cycle_due = self.grid.next;
            self.running = new.enabled;
        }
    }

    /// The present configuration.
    pub fn config(&self) -> Config {
        self.config
    }

    /// Lets the engine run from `now` on.
    pub fn start(&mut self, now: u64) -> Result<(), StartError> {
        self.advance(now);
        if self.running {
            return Err(StartError::AlreadyRunning);
        }
        if !self.config.enabled {
            return Err(StartError::Disabled);
        }
        let ran = self.grid.ran;
        self.grid
            .restart(self.clock, self.config.interval_ns(), ran);
        self.cycle_due = self.grid.next;
        self.running = true;
        Ok(())
    }

    /// Stops the engine at `now`, if it runs. Pending events wait for the next START.
    pub fn stop(&mut self, now: u64) {
        self.advance(now);
        if self.running {
            self.grid.ran = self.grid.ran_at(self.clock);
            self.running = false;
        }
    }

    /// Whether the engine is between START and STOP.
    pub fn is_running(&self) -> bool {
        self.running
    }

    /// Puts an event into the queue, whether the engine runs or not.
    #[inline]
    pub fn submit(&mut self, input: Input, now: u64) -> Result<(), SubmitError> {
        let now = self.tell(now);
        let Some(neuron) = self.neurons.get(input.neuron_id as usize) else {
            return Err(SubmitError::UnknownNeuron);
        };
        let late = input.timestamp_ns != 0
            && (input.timestamp_ns < neuron.last_update()
                || input.timestamp_ns > now.saturating_add(MAX_AHEAD_NS));
        let event = Event {
            time: if late || input.timestamp_ns == 0 {
                now
            } else {
                input.timestamp_ns
            },
            seq: self.next_seq,
            neuron: input.neuron_id,
            amplitude_mv: input.amplitude_mv,
            synapse_count: input.synapse_count,
            late,
        };
        if !self.queue.push(event) {
            add(&mut self.counters.events_dropped, 1);
            return Err(SubmitError::QueueFull);
        }
        self.next_seq = self.next_seq.wrapping_add(1);
        add(&mut self.counters.events_submitted, 1);
        add(&mut self.counters.events_late, u64::from(late));
        Ok(())
    }

    /// The work at a boundary: applies the events that are due at `now`, at most as many as the
    /// configuration allows. Returns how many. 0, and not counted, while stopped.
    pub fn cycle(&mut self, now: u64) -> u32 {
        let limit = self.begin_cycle(now);
        self.apply(now, limit)
    }

    /// Begins the work at a boundary. Returns how many events it may apply, at most a full queue;
    /// 0 while stopped or when no boundary has passed since the last cycle. A caller that holds a
    /// lock can spread them over several calls of [`Engine::apply`].
    pub fn begin_cycle(&mut self, now: u64) -> u32 {
        self.advance(now);
        if !self.running {
            return 0;
        }
        // One cycle a boundary: a call between two of them finds none due.
        if self.clock < self.cycle_due {
            return 0;
        }
        self.cycle_due = self.grid.next;
        add(&mut self.counters.timer_fires, 1);
        let capacity = u32::try_from(self.queue.capacity()).unwrap_or(u32::MAX);
        self.config.max_events_per_cycle.min(capacity)
    }

    /// Applies events that are due at `now`, at most `limit`. Returns how many. 0 while stopped.
    pub fn apply(&mut self, now: u64, limit: u32) -> u32 {
        self.advance(now);
        if !self.running {
            return 0;
        }
        self.apply_due(limit)
    }

    /// Applies all events that are due at `now`, at most a full queue. Returns how many. 0 while
    /// stopped.
    pub fn catch_up(&mut self, now: u64) -> u32 {
        self.apply(now, u32::MAX)
    }

    /// When [`Engine::cycle`] should next be called: at the first boundary after `now` at which
    /// an event is due. `None` while stopped or with nothing pending.
    pub fn next_wakeup(&self, now: u64) -> Option<u64> {
        if !self.running {
            return None;
        }
        let first = self.queue.peek()?.time;
        let now = now.max(self.clock);
        Some(self.grid.boundary_from(first.max(now.saturating_add(1))))
    }

    /// Counts `ns` nanoseconds of time spent on events.
    pub fn note_busy(&mut self, ns: u64) {
        add(&mut self.counters.busy_ns, ns);
        self.window.note_busy(ns);
    }

    /// Neuron `id` as of `now`, by what has been applied so far. `None` if there is no such
    /// neuron. Changes nothing.
    pub fn neuron_report(&self, id: u32, now: u64) -> Option<NeuronReport> {
        let neuron = self.neurons.get(id as usize)?;
        let now = now.max(self.clock);
        Some(NeuronReport {
            activity: self.activity(neuron, now),
            membrane_mv: neuron.membrane_mv(now, &self.params),
            total_spikes: neuron.total_spikes(),
            rate_hz: neuron.rate_hz(now),
        })
    }

    /// All counters as of `now`, by what has been applied so far.
    pub fn counters(&mut self, now: u64) -> Counters {
        self.advance(now);
        Counters {
            cycles: self.grid.cycle.saturating_sub(self.cycles_from),
            events_pending: self.queue.len() as u32,
            delta_threshold_mv: self.delta_threshold_mv,
            running: self.running,
            ..self.counters
        }
    }

    /// Percentage of neuron updates not needed over the sliding window up to `now`.
    pub fn sparsity_percent(&mut self, now: u64) -> u32 {
        self.advance(now);
        self.window
            .sparsity_percent(self.grid.cycle, self.counters.neurons_used)
    }

    /// Percentage of the time in the sliding window up to `now` that went into events.
    pub fn utilization_percent(&mut self, now: u64) -> u32 {
        self.advance(now);
        let ran = if self.running {
            self.grid.ran_at(self.clock)
        } else {
            self.grid.ran
        };
        self.window.utilization_percent(ran)
    }

    /// Memory of neurons and events.
    pub fn memory(&self) -> Memory {
        let neuron = size_of::<Neuron>() as u64;
        let event = size_of::<Event>() as u64;
        let table = (self.neurons.len() as u64).saturating_mul(neuron);
        Memory {
            used: u64::from(self.counters.neurons_used)
                .saturating_mul(neuron)
                .saturating_add((self.queue.len() as u64).saturating_mul(event)),
            total: table.saturating_add(self.queue.storage_bytes()),
        }
    }

    /// Brings what `what` names back to load state. Configuration, delta threshold and running
    /// state stay as they are.
    pub fn reset(&mut self, what: Reset, now: u64) {
        self.advance(now);
        if what.neurons {
            self.neurons.fill(Neuron::at_rest(self.clock));
            self.counters.neurons_used = 0;
        }
        if what.pending {
            self.queue.clear();
        }
        if what.counters {
            self.counters = Counters {
                neurons_used: self.counters.neurons_used,
                ..Counters::default()
            };
            self.cycles_from = self.grid.cycle;
            let ran = if self.running {
                self.grid.ran_at(self.clock)
            } else {
                self.grid.ran
            };
            self.window = Window::new(self.grid.cycle, ran);
        }
    }

    /// Takes note of the time. Returns the latest one told.
    #[inline]
    fn tell(&mut self, now: u64) -> u64 {
        self.clock = self.clock.max(now);
        self.clock
    }

    /// Takes note of the time and of the boundaries that have passed.
    #[inline]
    fn advance(&mut self, now: u64) {
        self.tell(now);
        if self.running && self.clock >= self.grid.next {
            self.pass_boundaries();
        }
    }

    /// Passes the boundaries up to the present time, at a cost that does not grow with their
    /// number.
    fn pass_boundaries(&mut self) {
        self.grid.pass(self.clock);
        let cycle = self.grid.cycle;
        let mut steps: u64 = 0;
        while self.window.has_ended(cycle) {
            let boundary = self.window.next_bucket_cycle();
            self.adapt_delta_threshold(boundary.wrapping_sub(1));
            self.window.open_next(self.grid.ran_at_boundary(boundary));
            steps = steps.wrapping_add(1);
            self.window.skip_towards(cycle, steps);
        }
    }

    /// Delta encoding: adapts the threshold to the sparsity of the window that ended with
    /// boundary `cycle`.
    fn adapt_delta_threshold(&mut self, cycle: u64) {
        if self.config.encoding != Encoding::Delta {
            return;
        }
        let sparsity = self
            .window
            .sparsity_percent(cycle, self.counters.neurons_used);
        let target = self.config.target_sparsity_percent;
        let threshold = self.delta_threshold_mv;
        if sparsity < target {
            self.delta_threshold_mv = threshold.saturating_mul(2).clamp(1, MAX_DELTA_THRESHOLD_MV);
        } else if sparsity == 100 || sparsity >= target.saturating_add(SPARSITY_MARGIN_PERCENT) {
            self.delta_threshold_mv = threshold / 2;
        }
    }

    /// Applies at most `limit` of the events that are due. Returns how many.
    fn apply_due(&mut self, limit: u32) -> u32 {
        let mut applied: u32 = 0;
        while applied < limit {
            let Some(event) = self.queue.pop_due(self.clock) else {
                break;
            };
            self.apply_event(&event);
            applied = applied.wrapping_add(1);
        }
        add(&mut self.counters.events_processed, u64::from(applied));
        applied
    }

    /// Applies one event.
    #[inline]
    fn apply_event(&mut self, event: &Event) {
        let counters = &mut self.counters;
        add(
            &mut counters.synaptic_ops,
            u64::from(event.synapse_count.max(1)),
        );
        let Some(neuron) = self.neurons.get_mut(event.neuron as usize) else {
            return;
        };
        if neuron.mark_used() {
            counters.neurons_used = counters.neurons_used.saturating_add(1);
        }
        // Only after a reset of the neurons; the update then counts it as of the reset.
        let late = !event.late && event.time < neuron.last_update();
        add(&mut counters.events_late, u64::from(late));

        let amplitude = match self.config.encoding {
            Encoding::Rate => Some(event.amplitude_mv),
            Encoding::Temporal => match neuron.last_spike() {
                Some(spike) if self.grid.same_interval(spike, event.time) => None,
                _ => Some(event.amplitude_mv),
            },
            // Deaf to this change; what was received before it stays.
            Encoding::Delta if neuron.is_refractory(event.time, &self.params) => {
                add(&mut counters.events_refractory, 1);
                return;
            }
            Encoding::Delta => neuron.take_delta(event.amplitude_mv, self.delta_threshold_mv),
        };
        let Some(amplitude) = amplitude else {
            add(&mut counters.events_suppressed, 1);
            return;
        };

        match neuron.update(event.time, amplitude, &self.params) {
            Update::Refractory => add(&mut counters.events_refractory, 1),
            Update::Computed { spiked, saturated } => {
                add(&mut counters.spikes, u64::from(spiked));
                add(&mut counters.saturations, u64::from(saturated));
                if neuron.mark_computed(self.grid.cycle) {
                    add(&mut counters.neuron_updates, 1);
                    self.window.note_update();
                }
            }
        }
    }

    /// What `neuron` is doing at `now`.
    fn activity(&self, neuron: &Neuron, now: u64) -> Activity {
        let interval = self.config.interval_ns().get();
        if neuron
            .last_spike()
            .is_some_and(|spike| now.saturating_sub(spike) < interval)
        {
            Activity::Spiking
        } else if neuron.is_refractory(now, &self.params) {
            Activity::Refractory
        } else if neuron.membrane_units(now, &self.params).unsigned_abs() >= RESTING_UNITS {
            Activity::Integrating
        } else {
            Activity::Resting
        }
    }
}

/// Adds to a counter; one that is full stays full.
#[inline(always)]
fn add(counter: &mut u64, amount: u64) {
    *counter = counter.saturating_add(amount);
}
