// SPDX-License-Identifier: GPL-2.0

//! Which temperature sensors are to be believed, and what they say together.
//!
//! A sensor is faulty from the first look that shows it, and healthy again after [`RECOVERY`]
//! looks in a row that show nothing. What counts:
//!
//! | fault        | shown by                                                              |
//! |--------------|-----------------------------------------------------------------------|
//! | open, short  | the code of a wire                                                    |
//! | stale        | [`STALE_LOOKS`] looks at a counter that stands                        |
//! | stuck        | [`STUCK_LOOKS`] conversions with the same code: noise moves a live one |
//! | jumping      | more than [`MAX_HEATING_MC`] a millisecond and [`JUMP_MC`] more       |
//! | out of range | below -40 or above 125 degrees                                        |
//! | at odds      | [`ODDS_LOOKS`] looks at more than [`ODDS_MC`] from its neighbours      |
//!
//! A sensor that is at odds may be the only one that is right. So it can still raise the
//! alarm, but does not count as a healthy one: doubt never makes the guard bolder.
//!
//! Any context, hard interrupts included; the guard's lock, which its caller holds
//! (`guarded` in `photonic/device/mod.rs`).

use crate::photonic::registers::{
    sensor_millidegrees, CODE_OPEN, CODE_SHORT, SENSORS, SENSORS_DIE, SENSOR_SINK,
};

/// The fastest that a die can heat, in thousandths of a degree a millisecond.
pub const MAX_HEATING_MC: u32 = 1_000;
/// How far two readings may be apart besides: noise, and a conversion between them.
pub const JUMP_MC: u32 = 2_000;
/// The range of a die that works.
pub const RANGE_MC: (i32, i32) = (-40_000, 125_000);
/// How far neighbours may be apart.
pub const ODDS_MC: i32 = 5_000;
/// Looks at too great a distance that make a fault.
pub const ODDS_LOOKS: u8 = 8;
/// Conversions with the same code that make a fault.
pub const STUCK_LOOKS: u8 = 16;
/// Looks at a counter that stands that make a fault.
pub const STALE_LOOKS: u8 = 2;
/// Time after which a counter must have moved, in microseconds.
const STALE_US: u32 = 500;
/// Looks without a fault after which a sensor is healthy again: a second.
pub const RECOVERY: u16 = 1_000;

/// What is wrong with a sensor; the values are those of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Fault {
    /// Nothing.
    None = 0,
    /// Its wire is broken.
    Open = 1,
    /// Its wires touch.
    Short = 2,
    /// It does not convert.
    Stale = 3,
    /// It converts to the same code always.
    Stuck = 4,
    /// It moved faster than anything can.
    Jumping = 5,
    /// No die has that temperature.
    OutOfRange = 6,
    /// Its neighbours say something else.
    AtOdds = 7,
}

/// One sensor.
#[derive(Clone, Copy, Debug)]
struct Sensor {
    register: u32,
    mc: i32,
    /// There is a reading to compare with.
    known: bool,
    fault: Fault,
    /// Looks in a row that showed nothing.
    well: u16,
    same: u8,
    stale: u8,
    odds: u8,
}

impl Sensor {
    const NEW: Self = Self {
        register: 0,
        mc: 0,
        known: false,
        fault: Fault::None,
        well: 0,
        same: 0,
        stale: 0,
        odds: 0,
    };

    /// Takes note of what the register reads, so many microseconds after the last look.
    fn look(&mut self, register: u32, elapsed_us: u32) {
        let fresh = !self.known || (register ^ self.register) >> 16 != 0;
        let verdict = self.judge(register, elapsed_us, fresh);
        self.known = !matches!(verdict, Fault::Open | Fault::Short);
        self.register = register;
        if self.known {
            self.mc = sensor_millidegrees(register);
        }
        if verdict != Fault::None {
            self.fault = verdict;
            self.well = 0;
        } else if fresh {
            self.well = self.well.saturating_add(1);
        }
    }

    fn judge(&mut self, register: u32, elapsed_us: u32, fresh: bool) -> Fault {
        match register & 0xffff {
            CODE_OPEN => return Fault::Open,
            CODE_SHORT => return Fault::Short,
            _ => (),
        }
        if !fresh {
            if elapsed_us >= STALE_US {
                self.stale = self.stale.saturating_add(1);
            }
            return if self.stale >= STALE_LOOKS {
                Fault::Stale
            } else {
                Fault::None
            };
        }
        self.stale = 0;
        let mc = sensor_millidegrees(register);
        if mc < RANGE_MC.0 || mc > RANGE_MC.1 {
            return Fault::OutOfRange;
        }
        if !self.known {
            self.same = 0;
            return Fault::None;
        }
        self.same = if (register ^ self.register) & 0xffff == 0 {
            self.same.saturating_add(1)
        } else {
            0
        };
        if self.same >= STUCK_LOOKS {
            Fault::Stuck
        } else if mc.abs_diff(self.mc) > reach(elapsed_us) {
            Fault::Jumping
        } else {
            Fault::None
        }
    }

    /// Whether its reading says anything at all.
    const fn speaks(&self) -> bool {
        self.known && matches!(self.fault, Fault::None | Fault::AtOdds)
    }

    /// Whether it is to be believed.
    fn healthy(&self) -> bool {
        self.known && self.fault == Fault::None
    }
}

/// How far two readings may be apart that were so many microseconds apart.
fn reach(elapsed_us: u32) -> u32 {
    JUMP_MC.saturating_add(elapsed_us.min(1_000_000) / 1_000 * MAX_HEATING_MC + MAX_HEATING_MC)
}

/// All sensors of a processor.
#[derive(Clone, Copy, Debug)]
pub struct Sensors {
    sensors: [Sensor; SENSORS],
}

impl Sensors {
    /// Sensors that nobody has looked at.
    pub const fn unseen() -> Self {
        Self {
            sensors: [Sensor::NEW; SENSORS],
        }
    }

    /// Forgets what they read, not what is wrong with them: nobody has looked for a while.
    pub fn forget(&mut self) {
        for sensor in &mut self.sensors {
            sensor.known = false;
            sensor.stale = 0;
            sensor.same = 0;
        }
    }

    /// Takes note of what all registers read, so many microseconds after the last look.
    pub fn look(&mut self, registers: &[u32; SENSORS], elapsed_us: u32) {
        for (sensor, &register) in self.sensors.iter_mut().zip(registers) {
            sensor.look(register, elapsed_us);
        }
        self.compare();
        self.recover();
    }

    /// Sensors of the die.
    fn die(&self) -> &[Sensor] {
        self.sensors.get(..SENSORS_DIE).unwrap_or(&[])
    }

    /// Finds those at odds: alone with what they say, unless two others are so too and it is the
    /// hottest of them.
    fn compare(&mut self) {
        let mut alone = [false; SENSORS_DIE];
        let mut company = false;
        for (index, alone) in alone.iter_mut().enumerate() {
            let Some((of, mc)) = self.speaker(index) else {
                continue;
            };
            *alone = of > 1 && !self.agrees(index, mc);
            company |= !*alone;
        }
        let hottest = self.protective_mc().unwrap_or(i32::MAX);
        for (sensor, alone) in self.sensors.iter_mut().zip(alone) {
            if alone && (company || sensor.mc < hottest) {
                sensor.odds = sensor.odds.saturating_add(1);
                sensor.well = 0;
                if sensor.odds >= ODDS_LOOKS {
                    sensor.fault = Fault::AtOdds;
                }
            } else {
                sensor.odds = 0;
            }
        }
    }

    /// How many sensors of the die speak, and what the one with that index says if it does.
    fn speaker(&self, index: usize) -> Option<(usize, i32)> {
        let sensor = self.die().get(index).filter(|sensor| sensor.speaks())?;
        let of = self.die().iter().filter(|sensor| sensor.speaks()).count();
        Some((of, sensor.mc))
    }

    /// Whether any other sensor of the die that speaks says about the same.
    fn agrees(&self, index: usize, mc: i32) -> bool {
        let others = self.die().iter().enumerate();
        others
            .filter(|(other, sensor)| *other != index && sensor.speaks())
            .any(|(_, sensor)| sensor.mc.abs_diff(mc) <= ODDS_MC as u32)
    }

    /// Takes faults back that have not shown for long enough. A sensor of the die that healthy ones
    /// contradict is at odds from then on: it may be they who are wrong.
    fn recover(&mut self) {
        let witness = self.control_mc();
        for (index, sensor) in self.sensors.iter_mut().enumerate() {
            if sensor.fault == Fault::None || sensor.well < RECOVERY {
                continue;
            }
            let seen = match witness {
                Some(mc) if index < SENSORS_DIE => sensor.mc.abs_diff(mc) <= ODDS_MC as u32,
                _ => true,
            };
            sensor.fault = if seen { Fault::None } else { Fault::AtOdds };
        }
    }

    /// The temperature to be protected from: the highest that any sensor of the die says, in
    /// thousandths of a degree. `None` where none says anything.
    pub fn protective_mc(&self) -> Option<i32> {
        let speaking = self.die().iter().filter(|sensor| sensor.speaks());
        speaking.map(|sensor| sensor.mc).max()
    }

    /// The temperature to regulate: the mean of the healthy sensors of the die. `None` where there
    /// is none.
    pub fn control_mc(&self) -> Option<i32> {
        let healthy = self.die().iter().filter(|sensor| sensor.healthy());
        let (sum, count) =
            healthy.fold((0, 0), |(sum, count), sensor| (sum + sensor.mc, count + 1));
        (count > 0).then(|| sum / count)
    }

    /// The temperature of the sink, if its sensor is healthy.
    pub fn sink_mc(&self) -> Option<i32> {
        let sink = self.sensors.get(SENSOR_SINK);
        sink.filter(|sensor| sensor.healthy())
            .map(|sensor| sensor.mc)
    }

    /// Whether a sensor of the die is healthy.
    pub fn any_healthy(&self) -> bool {
        self.die().iter().any(Sensor::healthy)
    }

    /// What each last read, in thousandths of a degree.
    pub fn readings(&self) -> [i32; SENSORS] {
        self.sensors.map(|sensor| sensor.mc)
    }

    /// What is wrong with each.
    pub fn faults(&self) -> [Fault; SENSORS] {
        self.sensors.map(|sensor| sensor.fault)
    }
}
