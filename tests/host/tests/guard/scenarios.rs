// SPDX-License-Identifier: GPL-2.0

//! Runs that a seed makes up: with faults, and without.

use lightos_host::photonic::guard::Limits;
use lightos_host::photonic::model::plant::fault::{Fault, RailFault, SensorFault, TecFault};
use lightos_host::photonic::model::plant::PlantConfig;
use lightos_host::photonic::model::random::Random;
use lightos_host::photonic::registers::{RAILS, SENSORS};

use super::world::{Action, Scenario, MS};

/// What a scenario with faults is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Sensor,
    Fan,
    Tec,
    Rail,
    Device,
    MissedTicks,
    Ambient,
    Load,
    Interlock,
    Gone,
    Blind,
    Several,
}

pub const KINDS: [Kind; 12] = [
    Kind::Sensor,
    Kind::Fan,
    Kind::Tec,
    Kind::Rail,
    Kind::Device,
    Kind::MissedTicks,
    Kind::Ambient,
    Kind::Load,
    Kind::Interlock,
    Kind::Gone,
    Kind::Blind,
    Kind::Several,
];

pub fn kind(seed: u64) -> Kind {
    KINDS[(seed % KINDS.len() as u64) as usize]
}

struct Author {
    random: Random,
    length_ns: u64,
    actions: Vec<(u64, Action)>,
}

impl Author {
    fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.random.below(high - low + 1)
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.random.below(n) == 0
    }

    /// A time after the laser is on, in nanoseconds.
    fn moment(&mut self) -> u64 {
        let last = (self.length_ns / MS) as u32;
        u64::from(self.between(250, last)) * MS + u64::from(self.between(0, 999)) * 1_000
    }

    fn at(&mut self, at: u64, action: Action) {
        self.actions.push((at, action));
    }

    /// A fault, and in half of all cases its end.
    fn breaks(&mut self, fault: Fault, mended: Fault) {
        let at = self.moment();
        self.at(at, Action::Inject(fault));
        if self.one_in(2) {
            let end = at + u64::from(self.between(1, 1_500)) * MS;
            self.at(end, Action::Inject(mended));
        }
    }

    fn sensor_fault(&mut self) -> SensorFault {
        let mc = self.between(3_000, 60_000) as i32;
        let mc = if self.one_in(3) { mc } else { -mc };
        match self.random.below(7) {
            0 => SensorFault::Open,
            1 => SensorFault::Short,
            2 => SensorFault::Stuck,
            3 => SensorFault::Stale,
            4 => SensorFault::Jump(mc),
            5 => SensorFault::Offset(mc),
            _ => SensorFault::Drift(mc),
        }
    }

    fn add(&mut self, kind: Kind) {
        match kind {
            Kind::Sensor => {
                // At least one stays in order on the die.
                let spared = self.random.below(3) as usize;
                for index in (0..SENSORS).filter(|&index| index != spared) {
                    if self.one_in(2) {
                        let fault = self.sensor_fault();
                        let mended = Fault::Sensor(index, SensorFault::None);
                        self.breaks(Fault::Sensor(index, fault), mended);
                    }
                }
            }
            Kind::Blind => {
                let wires = self.one_in(2);
                for index in 0..SENSORS {
                    let fault = match self.sensor_fault() {
                        _ if wires && self.one_in(2) => SensorFault::Open,
                        _ if wires => SensorFault::Short,
                        fault => fault,
                    };
                    let mended = Fault::Sensor(index, SensorFault::None);
                    self.breaks(Fault::Sensor(index, fault), mended);
                }
            }
            Kind::Fan => self.breaks(Fault::FanStuck(true), Fault::FanStuck(false)),
            Kind::Tec => {
                let fault = match self.random.below(3) {
                    0 => TecFault::Stuck,
                    1 => TecFault::Limited(self.between(0, 1_500)),
                    _ => TecFault::Reversed,
                };
                self.breaks(Fault::Tec(fault), Fault::Tec(TecFault::None));
            }
            Kind::Rail => {
                for _ in 0..self.between(1, 2) {
                    let fault = match self.random.below(4) {
                        0 => RailFault::Overcurrent,
                        1 => RailFault::Sag(self.between(0, 890)),
                        2 => RailFault::NeverGood,
                        _ => RailFault::StuckOn,
                    };
                    let rail = self.random.below(RAILS as u32) as usize;
                    self.breaks(Fault::Rail(rail, fault), Fault::Rail(rail, RailFault::None));
                    if self.one_in(3) {
                        // While the rails come up.
                        let at = u64::from(self.between(0, 60)) * MS;
                        self.at(at, Action::Inject(Fault::Rail(rail, fault)));
                    }
                }
            }
            // One of the two at a time: the device has to be of use yet.
            Kind::Device if self.one_in(2) => {
                self.breaks(Fault::WatchdogStuck(true), Fault::WatchdogStuck(false));
            }
            Kind::Device => {
                self.breaks(Fault::ComparatorDead(true), Fault::ComparatorDead(false));
            }
            Kind::MissedTicks => {
                for _ in 0..self.between(1, 60) {
                    let at = self.moment();
                    let us = match self.random.below(8) {
                        0 => self.between(2_000, 50_000),
                        _ => self.between(1_300, 2_000),
                    };
                    self.at(at, Action::Stall(u64::from(us) * 1_000));
                }
            }
            Kind::Ambient => {
                for _ in 0..self.between(1, 4) {
                    let at = self.moment();
                    let mc = self.between(0, 100_000) as i32 - 20_000;
                    self.at(at, Action::Inject(Fault::Ambient(mc)));
                }
            }
            Kind::Load => self.loads(50_000, 100),
            Kind::Interlock => self.breaks(Fault::Interlock(true), Fault::Interlock(false)),
            Kind::Gone => self.breaks(Fault::Gone(true), Fault::Gone(false)),
            Kind::Several => {
                for _ in 0..self.between(2, 4) {
                    let kind = KINDS[self.random.below(11) as usize];
                    self.add(kind);
                }
            }
        }
    }

    /// Loads that step up and down, every so many milliseconds or so.
    fn loads(&mut self, most_mw: u32, every_ms: u32) {
        let mut at = u64::from(self.between(100, 400)) * MS;
        while at < self.length_ns {
            let load = Action::Load(self.random.below(most_mw + 1), self.one_in(2));
            self.at(at, load);
            at += u64::from(self.between(every_ms / 2, 2 * every_ms)) * MS;
        }
    }

    fn limits(&mut self) -> Limits {
        let throttle_mc = self.between(55_000, 80_000) as i32;
        let full_mc = throttle_mc + self.between(2_000, 10_000) as i32;
        Limits {
            throttle_mc,
            full_mc,
            emergency_mc: (full_mc + self.between(2_000, 10_000) as i32).min(95_000),
            hysteresis_mc: self.between(1_000, 8_000) as i32,
            setpoint_mc: self.between(30_000, 45_000) as i32,
        }
    }

    fn finish(mut self, seed: u64, config: PlantConfig, jitter_ns: u32) -> Scenario {
        // Of actions at the same time the first stays the first.
        self.actions.sort_by_key(|(at, _)| *at);
        Scenario {
            seed,
            config,
            length_ns: self.length_ns,
            actions: self.actions,
            jitter_ns,
            operated: true,
        }
    }
}

/// A scenario with faults of the kind that belongs to the seed, most of them with heat.
pub fn faulty(seed: u64) -> Scenario {
    let mut author = Author {
        random: Random::stream(seed, 100),
        length_ns: 0,
        actions: Vec::new(),
    };
    // A fan is broken only after some seconds.
    let most = if kind(seed) == Kind::Fan {
        9_000
    } else {
        5_000
    };
    author.length_ns = u64::from(author.between(1_500, most)) * MS;
    let hot = author.one_in(4);
    let config = PlantConfig {
        ambient_mc: author.between(0, if hot { 72_000 } else { 40_000 }) as i32,
        ..PlantConfig::TYPICAL
    };
    if author.one_in(4) {
        // The thresholds of the first release, or any.
        let limits = if author.one_in(2) {
            Limits {
                throttle_mc: 70_000,
                full_mc: 80_000,
                ..Limits::DEFAULT
            }
        } else {
            author.limits()
        };
        author.at(0, Action::Limits(limits));
    }
    author.loads(40_000, 1_000);
    author.add(kind(seed));
    if !author.one_in(4) {
        let mw = author.between(10_000, 150_000);
        author.breaks(Fault::HeaterRunaway(mw), Fault::HeaterRunaway(0));
    }
    let jitter_ns = author.between(0, 300_000);
    author.finish(seed, config, jitter_ns)
}

/// An hour in which nothing is wrong: the air and the load change, ticks jitter.
pub fn healthy(seed: u64, length_ns: u64) -> Scenario {
    let mut author = Author {
        random: Random::stream(seed, 200),
        length_ns,
        actions: Vec::new(),
    };
    let config = PlantConfig {
        ambient_mc: author.between(15_000, 35_000) as i32,
        ..PlantConfig::TYPICAL
    };
    author.loads(20_000, 2_000);
    // The air goes by up to a tenth of a degree a second.
    let mut air = config.ambient_mc;
    for second in 0..length_ns / (1_000 * MS) {
        air += author.between(0, 200) as i32 - 100;
        air = air.clamp(15_000, 35_000);
        author.at(second * 1_000 * MS, Action::Inject(Fault::Ambient(air)));
    }
    let jitter_ns = author.between(0, 300_000);
    let mut scenario = author.finish(seed, config, jitter_ns);
    scenario.operated = false;
    scenario
}

/// The worst that may happen with one sensor in order: that of the edge, which reads low in this
/// specimen, while all that can heat the die does so at once.
pub fn worst(seed: u64) -> Scenario {
    let mut author = Author {
        random: Random::stream(seed, 300),
        length_ns: 2_000 * MS,
        actions: Vec::new(),
    };
    for index in [0, 2] {
        let fault = Fault::Sensor(index, SensorFault::Open);
        author.at(1_000 * MS, Action::Inject(fault));
    }
    let at = 1_500 * MS + u64::from(author.between(0, 999)) * 1_000;
    author.at(at, Action::Inject(Fault::Tec(TecFault::Reversed)));
    author.at(at, Action::Load(50_000, true));
    author.at(at, Action::Inject(Fault::HeaterRunaway(u32::MAX)));
    author.at(at, Action::Inject(Fault::ComparatorDead(true)));
    let jitter_ns = author.between(0, 490_000);
    let config = PlantConfig {
        laser_mw: 4_000,
        ..PlantConfig::TYPICAL
    };
    let mut scenario = author.finish(seed, config, jitter_ns);
    scenario.operated = false;
    scenario
}
