// SPDX-License-Identifier: GPL-2.0

//! A device, its guard, the processor that runs the guard, and whoever operates it, in virtual
//! time.

use std::cell::{Cell, RefCell};

use lightos_host::photonic::guard::cause;
use lightos_host::photonic::guard::{Guard, Limits, Refusal, Request, Snapshot, State};
use lightos_host::photonic::model::plant::fault::{Fault, SensorFault};
use lightos_host::photonic::model::plant::thermal::STEP_NS;
use lightos_host::photonic::model::plant::{Plant, PlantConfig};
use lightos_host::photonic::model::random::Random;
use lightos_host::photonic::registers::*;

use super::bugs::{Bug, Buggy};

pub const MS: u64 = 1_000_000;
/// What an access takes.
const ACCESS_NS: u64 = 50;
/// How long a sensor must have been in order for the guard to believe it: its recovery time, and
/// some ticks.
const TRUST_NS: u64 = 1_100 * MS;
const START_NS: u64 = 1_000 * MS;

/// One write that reached the device, with what was true before it.
#[derive(Clone, Copy, Debug)]
pub struct Write {
    pub offset: u32,
    pub value: u32,
    pub at: u64,
    pub emission: bool,
    pub enabled: u32,
    pub good: u32,
    pub mv: [u32; RAILS],
}

/// The device on its bus.
pub struct Bus {
    pub plant: RefCell<Plant>,
    pub now: Cell<u64>,
    pub writes: RefCell<Vec<Write>>,
    /// STATUS read as all ones.
    pub silent: Cell<bool>,
    /// What the sensors' registers read last.
    pub samples: Cell<[u32; SENSORS]>,
}

impl Registers for Bus {
    fn read(&self, offset: u32) -> u32 {
        self.now.set(self.now.get() + ACCESS_NS);
        let value = self.plant.borrow().read(offset);
        if offset == STATUS {
            self.silent.set(value == GONE);
        }
        if (SENSOR..SENSOR + 4 * SENSORS as u32).contains(&offset) {
            let mut samples = self.samples.get();
            samples[(offset - SENSOR) as usize / 4] = value;
            self.samples.set(samples);
        }
        value
    }

    fn write(&self, offset: u32, value: u32) {
        self.now.set(self.now.get() + ACCESS_NS);
        let mut plant = self.plant.borrow_mut();
        let mut mv = [0; RAILS];
        let mut rails = (0, 0);
        if offset == RAIL_ENABLE {
            for (index, mv) in mv.iter_mut().enumerate() {
                *mv = plant.read(RAIL_MV + 4 * index as u32);
            }
            rails = (plant.read(RAIL_ENABLE), plant.read(RAIL_GOOD));
        }
        self.writes.borrow_mut().push(Write {
            offset,
            value,
            at: self.now.get(),
            emission: plant.emission(),
            enabled: rails.0,
            good: rails.1,
            mv,
        });
        plant.write(offset, value);
    }
}

/// Something that happens at a time.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    Inject(Fault),
    Load(u32, bool),
    /// The processor does not tick for so many nanoseconds.
    Stall(u64),
    Limits(Limits),
}

/// What happens in a run.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub seed: u64,
    pub config: PlantConfig,
    pub length_ns: u64,
    /// In order of time.
    pub actions: Vec<(u64, Action)>,
    /// Ticks begin up to so many nanoseconds late.
    pub jitter_ns: u32,
    /// Somebody clears causes and arms again.
    pub operated: bool,
}

/// What one tick did.
pub struct Tick {
    pub writes: Vec<Write>,
    pub samples: [u32; SENSORS],
    pub silent: bool,
    pub snapshot: Snapshot,
}

impl Tick {
    /// Whether the guard has nothing to say to the device.
    pub fn is_silent(&self) -> bool {
        self.silent || self.snapshot.causes & cause::GONE != 0
    }
}

/// What is true now, and what the last tick did if one has just ended.
pub struct Truth<'a> {
    pub now: u64,
    pub plant: &'a Plant,
    pub limits: &'a Limits,
    pub tick: Option<&'a Tick>,
    /// A sensor has been in order for long enough.
    pub trusted: [bool; SENSORS],
    /// What is wrong with each.
    pub faults: [SensorFault; SENSORS],
    pub gone: bool,
    pub watchdog_stuck: bool,
    pub comparator_dead: bool,
    /// When the last tick came that was too late, and the last of all.
    pub late_at: u64,
    pub tick_at: u64,
    /// Turns of the key that the operator asked for.
    pub arms: u64,
}

impl Truth<'_> {
    /// Whether the processor missed ticks since `from`.
    pub fn stalled_since(&self, from: u64) -> bool {
        self.late_at >= from || self.now.saturating_sub(self.tick_at) > 1_500_000
    }

    /// Whether a trusted sensor is on the die.
    pub fn witness(&self) -> bool {
        self.trusted[..SENSORS_DIE].iter().any(|&trusted| trusted)
    }
}

/// A run.
pub struct World<'s> {
    scenario: &'s Scenario,
    bus: Bus,
    buggy: Buggy,
    guard: Guard,
    random: Random,
    limits: Limits,
    next_action: usize,
    next_step: u64,
    next_tick: u64,
    due: u64,
    stalled_until: u64,
    tick_at: u64,
    late_at: u64,
    in_order_since: [u64; SENSORS],
    faults: [SensorFault; SENSORS],
    gone: bool,
    watchdog_stuck: bool,
    comparator_dead: bool,
    arms: u64,
    next_look: u64,
}

impl<'s> World<'s> {
    pub fn new(scenario: &'s Scenario, bug: Bug) -> Self {
        let mut plant = Plant::new(&scenario.config, scenario.seed);
        plant.advance(START_NS);
        Self {
            scenario,
            bus: Bus {
                plant: RefCell::new(plant),
                now: Cell::new(START_NS),
                writes: RefCell::default(),
                silent: Cell::new(false),
                samples: Cell::default(),
            },
            buggy: Buggy::new(bug),
            guard: Guard::new(Limits::DEFAULT),
            random: Random::stream(scenario.seed, 9),
            limits: Limits::DEFAULT,
            next_action: 0,
            next_step: START_NS + STEP_NS,
            next_tick: START_NS + MS,
            due: START_NS + MS,
            stalled_until: 0,
            tick_at: START_NS,
            late_at: 0,
            in_order_since: [0; SENSORS],
            faults: [SensorFault::None; SENSORS],
            gone: false,
            watchdog_stuck: false,
            comparator_dead: false,
            arms: 0,
            next_look: START_NS + 2 * MS,
        }
    }

    /// Runs to the end; `see` is shown the truth after every step and every tick.
    pub fn run<E>(&mut self, mut see: impl FnMut(&Truth) -> Result<(), E>) -> Result<(), E> {
        let end = START_NS + self.scenario.length_ns;
        loop {
            let now = self.next_step.min(self.next_tick);
            if now > end {
                return Ok(());
            }
            // Within a tick time has passed for its accesses.
            self.bus.now.set(now.max(self.bus.now.get()));
            self.act(now);
            self.bus.plant.get_mut().advance(self.bus.now.get());
            let mut tick = None;
            if now == self.next_step {
                self.next_step += STEP_NS;
            }
            if now == self.next_tick {
                tick = Some(self.tick(now));
            }
            let plant = self.bus.plant.get_mut();
            plant.advance(self.bus.now.get());
            let mut trusted = [false; SENSORS];
            for (index, trusted) in trusted.iter_mut().enumerate() {
                let since = self.in_order_since[index];
                *trusted = plant.in_order(index) && (since == 0 || now >= since + TRUST_NS);
            }
            see(&Truth {
                now: self.bus.now.get(),
                plant,
                limits: &self.limits,
                tick: tick.as_ref(),
                trusted,
                faults: self.faults,
                gone: self.gone,
                watchdog_stuck: self.watchdog_stuck,
                comparator_dead: self.comparator_dead,
                late_at: self.late_at,
                tick_at: self.tick_at,
                arms: self.arms,
            })?;
        }
    }

    fn tick(&mut self, now: u64) -> Tick {
        if now > self.tick_at + 1_500_000 {
            self.late_at = now;
        }
        self.tick_at = now;
        self.operate(now);
        self.bus.writes.get_mut().clear();
        let bus = &self.bus;
        let seen = self.buggy.around(bus);
        self.guard.tick(&seen, now, &|| bus.now.get());
        seen.end_of_tick(now);
        // Ticks that were due meanwhile are missed, not made up for.
        while self.due <= now {
            self.due += MS;
        }
        let late = u64::from(self.random.below(self.scenario.jitter_ns + 1));
        self.next_tick = (self.due + late).max(self.stalled_until);
        Tick {
            writes: self.bus.writes.get_mut().clone(),
            samples: self.bus.samples.get(),
            silent: self.bus.silent.get(),
            snapshot: self.guard.snapshot(),
        }
    }

    fn act(&mut self, now: u64) {
        while let Some(&(at, action)) = self.scenario.actions.get(self.next_action) {
            if START_NS + at > now {
                return;
            }
            self.next_action += 1;
            let plant = self.bus.plant.get_mut();
            match action {
                Action::Inject(fault) => {
                    plant.advance(self.bus.now.get());
                    plant.inject(fault);
                    self.note(fault, now);
                }
                Action::Load(mw, busy) => plant.load(mw, busy),
                Action::Stall(ns) => {
                    self.stalled_until = now + ns;
                    self.next_tick = self.next_tick.max(self.stalled_until);
                }
                Action::Limits(limits) => {
                    self.limits = limits;
                    assert_eq!(self.guard.set_limits(limits), Ok(()));
                }
            }
        }
    }

    fn note(&mut self, fault: Fault, now: u64) {
        match fault {
            Fault::Sensor(index, fault) => {
                self.faults[index] = fault;
                self.in_order_since[index] = now;
            }
            Fault::Gone(gone) => self.gone = gone,
            Fault::WatchdogStuck(stuck) => self.watchdog_stuck = stuck,
            Fault::ComparatorDead(dead) => self.comparator_dead = dead,
            _ => (),
        }
    }

    /// What an operator does who wants light: clears, powers up, arms, now and then.
    fn operate(&mut self, now: u64) {
        if now < self.next_look {
            return;
        }
        self.next_look = now + u64::from(20 + self.random.below(180)) * MS;
        let seen = self.guard.snapshot();
        let first = seen.statistics.rearms == 0;
        if !self.scenario.operated && !first {
            return;
        }
        let request = if seen.causes != 0 {
            Request::Clear
        } else if seen.state == State::Uninitialised {
            Request::PowerUp
        } else if !seen.armed && matches!(seen.state, State::Ready | State::ThermalLimit) {
            Request::Arm
        } else if seen.armed && self.scenario.operated && self.random.below(40) == 0 {
            Request::PowerDown
        } else {
            return;
        };
        let answer = self.guard.request(request);
        if request == Request::Arm && answer == Ok(()) {
            self.arms += 1;
        }
        assert_ne!(answer, Err(Refusal::Latched));
    }

    /// The figures at the end.
    pub fn snapshot(&self) -> Snapshot {
        self.guard.snapshot()
    }
}
