// SPDX-License-Identifier: GPL-2.0

//! The part of the model that has rails, a laser and a temperature.
//!
//! It steps every 250 µs from the clock that it is given; what stands between two steps (the
//! watchdog, writes) takes effect at its own time. The same seed, times and accesses give the same
//! run. A step costs some tens of nanoseconds. A gap of more than [`FINE`] steps is made up for in
//! [`LEAPS`] leaps at most, which are less exact: whoever wants the model exact looks at it every
//! millisecond, as the guard does.
//!
//! Sensors, cooler, fan, watchdog and comparator run from the standby supply: they work while the
//! rails are off. Whoever owns a plant keeps its accesses apart from each other; none sleeps.

pub mod cooling;
pub mod fault;
pub mod laser;
pub mod rails;
pub mod sensor;
pub mod thermal;

use self::cooling::{Fan, Tec};
use self::fault::Fault;
use self::laser::Laser;
use self::rails::Rails;
use self::sensor::Bank;
use self::thermal::{Heat, Thermal, HEATER_MAX_MW, NANO, RUNAWAY_MAX_MW, STEP_NS};
use super::random::Random;
use crate::photonic::registers::*;

/// Steps that are made one by one after a gap.
pub const FINE: u64 = 64;
/// Leaps that make up for the rest.
pub const LEAPS: u64 = 16;
/// A longer gap is taken for one of so many steps: a day.
const GAP_MAX: u64 = 86_400 * 4_000;
/// The most that the comparator's diode is off, in thousandths of a degree.
pub const COMPARATOR_ERROR_MC: i32 = 1_000;
/// Rails that the logic needs, and those of the heaters.
const LOGIC_RAILS: u32 = 0b00_0011;
const HEATER_RAILS: u32 = 0b00_1100;

/// What kind of specimen a plant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlantConfig {
    /// The air, in thousandths of a degree.
    pub ambient_mc: i32,
    /// The greatest offset of its sensors, in thousandths of a degree; at most 500.
    pub offset_mc: u32,
    /// Optical power, in microwatts.
    pub laser_uw: u32,
    /// What the laser takes at full duty, in milliwatts; at most 4,000.
    pub laser_mw: u32,
    /// What the logic takes, in milliwatts; at most 2,000.
    pub idle_mw: u32,
    /// What it takes more while a command runs at full duty; at most 6,000.
    pub busy_mw: u32,
}

impl PlantConfig {
    /// A specimen like most.
    pub const TYPICAL: Self = Self {
        ambient_mc: 25_000,
        offset_mc: 500,
        laser_uw: 20_000,
        laser_mw: 3_500,
        idle_mw: 1_500,
        busy_mw: 6_000,
    };
}

/// What the optics need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Light {
    /// Light leaves the laser.
    pub emission: bool,
    /// Share of time in which it does and commands run, in 1/256.
    pub duty: u32,
    /// Optical power while it does, in microwatts.
    pub power_uw: u32,
    /// The die, in thousandths of a degree.
    pub die_mc: i32,
}

/// The plant.
#[derive(Clone, Copy, Debug)]
pub struct Plant {
    config: PlantConfig,
    started: bool,
    now: u64,
    origin: u64,
    /// End of the last step.
    stepped: u64,
    steps: u64,
    thermal: Thermal,
    /// What the sensors see in their present conversion, and saw in the last.
    sampling: [i64; SENSORS],
    sampled: [i64; SENSORS],
    rails: Rails,
    laser: Laser,
    tec: Tec,
    fan: Fan,
    bank: Bank,
    diode_mc: i32,
    heater_mw: u32,
    runaway_mw: u32,
    busy: bool,
    settling: bool,
    gone: bool,
    irq_pending: u32,
    irq_wanted: u32,
    reset: u32,
}

impl Plant {
    /// The specimen of a seed: without power, as warm as the air. Its clock starts with the
    /// first call of [`Self::advance`].
    pub fn new(config: &PlantConfig, seed: u64) -> Self {
        let thermal = Thermal::new(config.ambient_mc);
        let mut random = Random::stream(seed, 2);
        let range = COMPARATOR_ERROR_MC;
        Self {
            config: *config,
            started: false,
            now: 0,
            origin: 0,
            stepped: 0,
            steps: 0,
            thermal,
            sampling: thermal.places(),
            sampled: thermal.places(),
            rails: Rails::off(),
            laser: Laser::dark(),
            tec: Tec::off(),
            fan: Fan::standing(),
            bank: Bank::new(seed, config.offset_mc),
            diode_mc: random.below(2 * range as u32 + 1) as i32 - range,
            heater_mw: 0,
            runaway_mw: 0,
            busy: false,
            settling: false,
            gone: false,
            irq_pending: 0,
            irq_wanted: 0,
            reset: 0,
        }
    }

    /// The time is `now`, in nanoseconds. An earlier one than before is taken for that.
    pub fn advance(&mut self, now: u64) {
        if !self.started {
            self.started = true;
            self.origin = now;
            self.stepped = now;
            self.now = now;
        }
        if now <= self.now {
            return;
        }
        let due = now.saturating_sub(self.stepped) / STEP_NS;
        if due <= FINE {
            for _ in 0..due {
                self.step();
            }
        } else {
            self.catch_up(due);
        }
        self.now = now;
        self.trip(now);
    }

    /// One step.
    fn step(&mut self) {
        let heat = self.heat();
        let end = self.stepped.saturating_add(STEP_NS);
        self.tec.step(1);
        self.fan.step();
        self.thermal
            .step(&heat, i64::from(self.tec.ma()), self.fan.rpm());
        self.finish(1, end);
    }

    /// Makes up for `due` steps.
    fn catch_up(&mut self, due: u64) {
        for _ in 0..FINE {
            self.step();
        }
        let rest = due - FINE;
        let skipped = rest.saturating_sub(GAP_MAX);
        let length = (rest - skipped).div_ceil(LEAPS);
        let mut left = rest - skipped;
        self.stepped = self.stepped.saturating_add(skipped * STEP_NS);
        self.steps = self.steps.wrapping_add(skipped);
        while left > 0 {
            let steps = left.min(length);
            self.leap(steps);
            left -= steps;
        }
    }

    fn leap(&mut self, steps: u64) {
        // The watchdog has run out in any leap but the first.
        self.trip(self.stepped);
        let heat = self.heat();
        let end = self.stepped.saturating_add(steps * STEP_NS);
        let short = steps.min(1 << 20) as i32;
        self.tec.step(short);
        self.fan.leap(steps as i64);
        self.thermal.leap(
            steps as i64,
            &heat,
            i64::from(self.tec.ma()),
            self.fan.rpm(),
        );
        self.finish(steps, end);
    }

    /// What follows every step: sensors, rails, latches.
    #[inline]
    fn finish(&mut self, steps: u64, end: u64) {
        self.sampled = self.sampling;
        self.sampling = self.thermal.places();
        let trouble = self.rails.step(steps.min(1 << 20) as i32);
        if trouble.overcurrent {
            self.latch(LATCH_OVERCURRENT);
        }
        if trouble.undervoltage {
            self.latch(LATCH_UNDERVOLTAGE);
        }
        self.steps = self.steps.wrapping_add(steps);
        self.stepped = end;
        self.trip(end);
    }

    /// What watchdog, interlock and comparator do at `now`.
    #[inline]
    fn trip(&mut self, now: u64) {
        let bits = self.laser.trips(now, self.diode());
        if bits != 0 {
            self.latch(bits);
        }
    }

    /// The code that the comparator's diode gives.
    #[inline]
    fn diode(&self) -> u32 {
        let mc = (self.thermal.hottest() / NANO) as i32;
        sensor_code(mc.saturating_add(self.diode_mc))
    }

    /// What goes into the die in the step that begins now.
    #[inline]
    fn heat(&self) -> Heat {
        let good = self.rails.good();
        let duty = i64::from(self.laser.duty());
        let mut heat = Heat::default();
        if self.laser.shines(self.stepped, self.rails.all_good()) {
            heat.laser = (i64::from(self.config.laser_mw.min(4_000)) * duty) >> 8;
        }
        if good & LOGIC_RAILS == LOGIC_RAILS {
            heat.logic = i64::from(self.config.idle_mw.min(2_000));
            if self.busy {
                heat.logic += (i64::from(self.config.busy_mw.min(6_000)) * duty) >> 8;
            }
        }
        if good & HEATER_RAILS == HEATER_RAILS {
            heat.heaters = i64::from(self.heater_mw) + i64::from(self.runaway_mw);
        }
        heat
    }

    /// Reads a register below [`OPTICS`], but for those of identity, which are not the plant's.
    pub fn read(&self, offset: u32) -> u32 {
        if self.gone {
            return GONE;
        }
        match offset {
            STATUS => self.status(),
            LATCHES => self.laser.latches(),
            IRQ_STATUS => self.irq_pending,
            IRQ_ENABLE => self.irq_wanted,
            TIME_US => (self.now.wrapping_sub(self.origin) / 1_000) as u32,
            LASER_CONTROL => self.laser.control(),
            LASER_DUTY => self.laser.duty(),
            LASER_POWER_UW => self.monitor_uw(),
            WATCHDOG_US => self.laser.period_us(),
            COMPARATOR => self.laser.comparator(),
            TEC_SET_MA => self.tec.asked() as u32,
            TEC_MA => self.tec.ma() as u32,
            FAN_PWM => self.fan.pwm(),
            FAN_RPM => self.tachometer(),
            RAIL_ENABLE => self.rails.enabled(),
            RAIL_GOOD => self.rails.good(),
            RAIL_OVERCURRENT => self.rails.overcurrent(),
            RAIL_UNDERVOLTAGE => self.rails.undervoltage(),
            _ => self.read_row(offset),
        }
    }

    /// Registers that come in rows.
    fn read_row(&self, offset: u32) -> u32 {
        if let Some(index) = row(offset, SENSOR, SENSORS) {
            self.sensor(index)
        } else if let Some(index) = row(offset, RAIL_MV, RAILS) {
            self.rails.mv(index)
        } else if let Some(index) = row(offset, RAIL_MA, RAILS) {
            self.rails.ma(index, self.load_ma(index))
        } else {
            0
        }
    }

    fn sensor(&self, index: usize) -> u32 {
        let nano = self.sampled.get(index).copied().unwrap_or(0);
        self.bank.read(index, self.steps, nano)
    }

    fn status(&self) -> u32 {
        let bits = [
            (STATUS_BUSY, self.busy),
            (STATUS_SETTLING, self.settling),
            (STATUS_EMISSION, self.emission()),
            (STATUS_RAILS_GOOD, self.rails.all_good()),
            (STATUS_INTERLOCK, self.laser.interlock()),
            (STATUS_WATCHDOG, self.laser.alive(self.now)),
            (STATUS_LATCHED, self.laser.latches() != 0),
        ];
        let set = bits.iter().filter(|(_, on)| *on);
        set.fold(0, |status, (bit, _)| status | bit)
    }

    /// The monitor diode: within half a percent.
    fn monitor_uw(&self) -> u32 {
        if !self.emission() {
            return 0;
        }
        let full = self.config.laser_uw.min(1_000_000);
        full - full / 200 + (self.steps as u32 % 64) * full / 6_400
    }

    /// The tachometer: in steps of 15.
    fn tachometer(&self) -> u32 {
        self.fan.rpm() as u32 / 15 * 15
    }

    /// What a rail would draw with its full voltage, in milliamperes.
    fn load_ma(&self, index: usize) -> u32 {
        let heat = self.heat();
        let (logic, heaters) = (heat.logic as u32, heat.heaters as u32);
        match index {
            0 => logic * 6 / 10,
            1 => logic * 4 / 18,
            2 => 40,
            3 => 30 + heaters * 10 / 33,
            4 => 20 + heat.laser as u32 / 5,
            _ => 15,
        }
    }

    /// Writes a register below [`OPTICS`].
    pub fn write(&mut self, offset: u32, value: u32) {
        if self.gone {
            return;
        }
        match offset {
            CONTROL => self.control(value),
            LATCH_CLEAR => self.clear(value),
            IRQ_STATUS => self.irq_pending &= !value,
            IRQ_ENABLE => self.irq_wanted = value & (IRQ_COMPLETION | IRQ_LATCH | IRQ_SETTLED),
            LASER_CONTROL => {
                self.laser.set_control(value);
                self.trip(self.now);
            }
            LASER_DUTY => self.laser.set_duty(value),
            WATCHDOG_US => self.laser.set_period_us(value),
            WATCHDOG_KICK if value == KICK => self.laser.kick(self.now),
            COMPARATOR => {
                self.laser.set_comparator(value);
                self.trip(self.now);
            }
            TEC_SET_MA => self.tec.set(value as i32),
            FAN_PWM => self.fan.set(value),
            RAIL_ENABLE => self.rails.enable(value),
            _ => (),
        }
    }

    fn control(&mut self, value: u32) {
        let known = value & (CONTROL_RESET_SOFT | CONTROL_RESET_FUNCTION);
        if known & CONTROL_RESET_FUNCTION != 0 {
            self.laser.set_control(0);
            self.heater_mw = 0;
        }
        self.reset |= known;
    }

    fn clear(&mut self, bits: u32) {
        if self.laser.control() & LASER_ENABLE != 0 {
            return;
        }
        let mut gone = bits;
        if bits & LATCH_OVERCURRENT != 0 && !self.rails.clear_overcurrent() {
            gone &= !LATCH_OVERCURRENT;
        }
        if bits & LATCH_UNDERVOLTAGE != 0 && !self.rails.clear_undervoltage() {
            gone &= !LATCH_UNDERVOLTAGE;
        }
        self.laser.clear(gone, self.now, self.diode());
    }

    /// Sets latches, as the optics do with [`LATCH_HEATER`].
    pub fn latch(&mut self, bits: u32) {
        if self.laser.latch(bits) {
            self.raise(IRQ_LATCH);
        }
    }

    /// Makes interrupts pending.
    pub fn raise(&mut self, interrupts: u32) {
        self.irq_pending |= interrupts;
    }

    /// Whether the interrupt line is up.
    pub const fn interrupts(&self) -> bool {
        self.irq_pending & self.irq_wanted != 0
    }

    /// What the optics do: heater power in milliwatts, and whether a command runs.
    pub fn load(&mut self, heater_mw: u32, busy: bool) {
        self.heater_mw = heater_mw.min(HEATER_MAX_MW);
        self.busy = busy;
    }

    /// Whether phases still move.
    pub fn settle(&mut self, settling: bool) {
        self.settling = settling;
    }

    /// The resets that were asked for since the last call: [`CONTROL_RESET_SOFT`],
    /// [`CONTROL_RESET_FUNCTION`]. They are for the optics to carry out.
    pub fn take_reset(&mut self) -> u32 {
        core::mem::take(&mut self.reset)
    }

    /// The light that the optics have.
    pub fn light(&self) -> Light {
        Light {
            emission: self.emission(),
            duty: self.laser.duty(),
            power_uw: self.config.laser_uw.min(1_000_000),
            die_mc: (self.thermal.die() / NANO) as i32,
        }
    }

    /// Breaks something, or mends it.
    pub fn inject(&mut self, fault: Fault) {
        match fault {
            Fault::Sensor(index, fault) => {
                let reads = self.sensor(index);
                self.bank.inject(index, fault, self.steps, reads);
            }
            Fault::Tec(fault) => self.tec.fault = fault,
            Fault::FanStuck(stuck) => self.fan.stuck = stuck,
            Fault::Rail(index, fault) => self.rails.inject(index, fault),
            Fault::Interlock(open) => self.laser.open_interlock(open),
            Fault::WatchdogStuck(stuck) => self.laser.watchdog_stuck = stuck,
            Fault::ComparatorDead(dead) => self.laser.comparator_dead = dead,
            Fault::Gone(gone) => self.gone = gone,
            Fault::Ambient(mc) => self.thermal.set_ambient(mc),
            Fault::HeaterRunaway(mw) => self.runaway_mw = mw.min(RUNAWAY_MAX_MW),
        }
        self.trip(self.now);
    }
}

/// The truth, which no driver sees: for tests and for those who plot a run.
impl Plant {
    /// Whether light leaves the laser.
    #[inline]
    pub fn emission(&self) -> bool {
        self.laser.shines(self.now, self.rails.all_good())
    }

    /// The hottest place on the die, in millionths of a degree.
    #[inline]
    pub fn hottest_uc(&self) -> i64 {
        self.thermal.hottest() / 1_000
    }

    /// Middle of the mesh, edge, laser, sink and air, in millionths of a degree.
    pub fn places_uc(&self) -> [i64; SENSORS] {
        self.thermal.places().map(|nano| nano / 1_000)
    }

    /// Whether a sensor is in order.
    pub fn in_order(&self, index: usize) -> bool {
        self.bank.in_order(index)
    }

    /// When the watchdog runs out, in nanoseconds.
    pub const fn deadline(&self) -> u64 {
        self.laser.deadline()
    }

    /// Steps so far.
    pub const fn steps(&self) -> u64 {
        self.steps
    }
}

/// The index of a register in a row of `count`.
#[inline]
fn row(offset: u32, first: u32, count: usize) -> Option<usize> {
    let index = offset.checked_sub(first)? as usize / 4;
    (index < count).then_some(index)
}
