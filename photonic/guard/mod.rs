// SPDX-License-Identifier: GPL-2.0

//! The guard of a processor: rails, laser, temperature.
//!
//! Somebody calls [`Guard::tick`] a thousand times a second. One tick reads what the device shows,
//! decides, and writes: if the light has to end, that is its first write, so that nothing comes
//! between the sample and what it demands. Then throttling, cooler, fan and comparator, then the
//! watchdog, then the rails.
//!
//! It never waits, sleeps or loops past its tables: hard interrupt context will do. Whoever owns a
//! guard keeps its calls apart from each other; a device has one guard.
//!
//! | what                            | value                                          |
//! |---------------------------------|------------------------------------------------|
//! | [`ticks::PERIOD_NS`]            | from tick to tick                              |
//! | [`sensor::MAX_HEATING_MC`]      | the fastest heating that is believed           |
//! | [`sensor::RECOVERY`]            | until a faulty sensor is believed again        |
//! | [`ticks::LATCH_LEVEL`]          | missed ticks that end the light                |
//! | [`WATCHDOG_PERIOD_US`]          | period of the device's watchdog                |
//! | [`COMPARATOR_ABOVE_MC`]         | the comparator above the emergency temperature |
//! | [`FAULT_PERMILLE`]              | throttling with a suspect fan or cooler        |

pub mod cause;
pub mod control;
pub mod laser;
pub mod policy;
pub mod power;
pub mod sensor;
pub mod snapshot;
pub mod ticks;
pub mod view;

pub use self::policy::Limits;
pub use self::snapshot::{RailState, Snapshot, State, Statistics};

use self::control::{Aim, Control, Health};
use self::laser::{Conditions, Laser};
use self::policy::Policy;
use self::power::{Power, Trouble};
use self::sensor::{Fault, Sensors};
use self::ticks::{Passed, Ticks};
use self::view::View;
use super::registers::*;

/// Period of the watchdog, in microseconds.
pub const WATCHDOG_PERIOD_US: u32 = 2_000;
/// How far above the emergency temperature the comparator is set, in thousandths of a degree:
/// more than a sensor may be wrong.
pub const COMPARATOR_ABOVE_MC: i32 = 3_000;
/// The highest that it is set, in thousandths of a degree.
pub const COMPARATOR_MAX_MC: i32 = 98_000;
/// Throttling, at least, while fan or cooler are suspect, in thousandths.
pub const FAULT_PERMILLE: u16 = 500;
/// The most throttling that missed ticks bring, in thousandths.
pub const MISSED_PERMILLE: u32 = 500;
/// Throttling changes by so much, in thousandths, before it is an event again.
const THROTTLE_EVENT: u16 = 50;

/// What the guard is asked to do. The ticks that follow carry it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// The rails up.
    PowerUp,
    /// The laser off, the rails down.
    PowerDown,
    /// The key turned.
    Arm,
    /// The key out.
    Disarm,
    /// Latched causes taken back whose reasons are gone. Those left are in [`Snapshot::causes`]
    /// once [`Snapshot::pending`] is clear.
    Clear,
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A cause is latched.
    Latched,
    /// There is no power.
    NoPower,
    /// The interlock is open.
    Interlock,
    /// It is as hot as the emergency temperature.
    Hot,
    /// Another request, or the rails, are under way; or the key is turned already.
    Busy,
    /// The thresholds are out of bounds.
    Limits,
}

/// What changed in a tick: bits with the values of the ABI's `LIGHTOS_PHOTONIC_EVENT_*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events(u32);

impl Events {
    /// A cause was latched.
    pub const LATCHED: Self = Self(1 << 0);
    /// A cause was taken back.
    pub const CLEARED: Self = Self(1 << 1);
    /// Throttling began, ended or changed by 5 %.
    pub const THROTTLE: Self = Self(1 << 2);
    /// The processor's state changed.
    pub const POWER: Self = Self(1 << 3);
    /// The laser went on or off.
    pub const LASER: Self = Self(1 << 4);
    /// A sensor became faulty or healthy.
    pub const SENSOR: Self = Self(1 << 5);

    /// The bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether any of `other` is among them.
    pub const fn any_of(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn add(&mut self, other: Self, when: bool) {
        if when {
            self.0 |= other.0;
        }
    }
}

/// What events are made of.
#[derive(Clone, Copy)]
struct Edges {
    causes: u32,
    state: State,
    lit: bool,
    faults: [Fault; SENSORS],
}

/// The guard.
#[derive(Clone, Copy, Debug)]
pub struct Guard {
    limits: Limits,
    ticks: Ticks,
    sensors: Sensors,
    policy: Policy,
    control: Control,
    power: Power,
    /// What was last written to RAIL_ENABLE.
    enabled: u32,
    laser: Laser,
    /// LASER_ENABLE was the last that was written.
    lit: bool,
    /// The state of the device is known: see [`Self::adopt`].
    adopted: bool,
    causes: u32,
    first_cause: u32,
    request: Option<Request>,
    view: View,
    /// The temperature that the guard goes by.
    die_mc: i32,
    /// The highest that a sensor said in the last tick.
    last_mc: Option<i32>,
    /// Throttling at its last event.
    told_permille: u16,
    /// Which of the slow registers comes next.
    round: u8,
    rail_mv: [u32; RAILS],
    rail_ma: [u32; RAILS],
    rail_faults: u32,
    laser_uw: u32,
    statistics: Statistics,
}

impl Guard {
    /// Rails off, laser off, nothing latched. Thresholds that are out of bounds are those of
    /// [`Limits::DEFAULT`].
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits: if limits.are_sound() {
                limits
            } else {
                Limits::DEFAULT
            },
            ticks: Ticks::none(),
            sensors: Sensors::unseen(),
            policy: Policy::cool(),
            control: Control::resting(),
            power: Power::Off,
            enabled: 0,
            laser: Laser::OFF,
            lit: false,
            adopted: false,
            causes: 0,
            first_cause: 0,
            request: None,
            view: View::NONE,
            die_mc: 0,
            last_mc: None,
            told_permille: 0,
            round: 0,
            rail_mv: [0; RAILS],
            rail_ma: [0; RAILS],
            rail_faults: 0,
            laser_uw: 0,
            statistics: Statistics {
                ticks: 0,
                missed: 0,
                trips: 0,
                latches: 0,
                rearms: 0,
                throttled_ns: 0,
                tick_ns: 0,
                tick_max_ns: 0,
                trip_max_ns: 0,
                late_max_ns: 0,
            },
        }
    }

    /// Asks for something. Refused by what the last tick saw; nothing changes then.
    pub fn request(&mut self, request: Request) -> Result<(), Refusal> {
        if request == Request::Disarm {
            self.laser = Laser::OFF;
            if self.request == Some(Request::Arm) {
                self.request = None;
            }
            return Ok(());
        }
        // The way down is never refused, and goes before all else.
        if request == Request::PowerDown {
            self.request = Some(request);
            return Ok(());
        }
        if self.request.is_some() {
            return Err(Refusal::Busy);
        }
        match request {
            Request::PowerUp => self.may_power_up()?,
            Request::Arm => self.may_arm()?,
            _ => (),
        }
        self.request = Some(request);
        Ok(())
    }

    fn may_power_up(&self) -> Result<(), Refusal> {
        if self.causes != 0 {
            Err(Refusal::Latched)
        } else if matches!(self.power, Power::Falling { .. } | Power::Stuck { .. }) {
            Err(Refusal::Busy)
        } else {
            Ok(())
        }
    }

    fn may_arm(&self) -> Result<(), Refusal> {
        let conditions = self.conditions();
        if self.causes != 0 {
            Err(Refusal::Latched)
        } else if !conditions.rails {
            Err(Refusal::NoPower)
        } else if !conditions.interlock {
            Err(Refusal::Interlock)
        } else if !conditions.cool {
            Err(Refusal::Hot)
        } else if self.laser.armed() {
            Err(Refusal::Busy)
        } else {
            Ok(())
        }
    }

    /// The light ends now, and the key is out: removal, suspend, reboot, death of who armed it.
    /// Any context that keeps the guard to itself.
    pub fn stop_light<R: Registers + ?Sized>(&mut self, device: &R, _now: u64) {
        device.write(LASER_CONTROL, 0);
        self.lit = false;
        self.laser = Laser::OFF;
        if self.request == Some(Request::Arm) {
            self.request = None;
        }
    }

    /// Changes the thresholds; refused, and nothing changed, if they are out of bounds.
    pub fn set_limits(&mut self, limits: Limits) -> Result<(), Refusal> {
        if !limits.are_sound() {
            return Err(Refusal::Limits);
        }
        self.limits = limits;
        Ok(())
    }

    /// The thresholds.
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether nobody has to tick: the rails are off, nothing moves and nothing is asked for.
    pub fn idle(&self) -> bool {
        let still = self.control.at_rest() || !self.sensors.any_healthy();
        let resting = self.power == Power::Off && !self.lit && still;
        self.request.is_none() && self.adopted_or_gone() && (resting || self.is_gone())
    }

    fn adopted_or_gone(&self) -> bool {
        self.adopted || self.is_gone()
    }

    const fn is_gone(&self) -> bool {
        self.causes & cause::GONE != 0
    }

    /// One tick at `now`, in nanoseconds. `clock` gives the time of the same clock whenever it is
    /// asked, to measure with.
    pub fn tick<R: Registers + ?Sized>(
        &mut self,
        device: &R,
        now: u64,
        clock: &dyn Fn() -> u64,
    ) -> Events {
        let begin = clock();
        let before = self.edges();
        let passed = self.pass(now);
        let view = View::read(device);
        if view.gone() {
            self.lose(device, view);
        } else if self.is_gone() {
            self.find(view);
        } else {
            self.run(device, view, passed, begin, clock);
        }
        self.statistics.ticks = self.statistics.ticks.saturating_add(1);
        let taken = clock().saturating_sub(begin);
        self.statistics.tick_ns = self.statistics.tick_ns.saturating_add(taken);
        self.statistics.tick_max_ns = self.statistics.tick_max_ns.max(taken);
        self.events(&before)
    }

    /// Time passes. Nobody missed a tick that nobody had to make.
    fn pass(&mut self, now: u64) -> Passed {
        if self.idle() && self.ticks.is_late(now) {
            self.ticks.forget();
            self.sensors.forget();
            self.policy.forget();
            self.last_mc = None;
        }
        let passed = self.ticks.pass(now);
        let statistics = &mut self.statistics;
        statistics.missed = statistics.missed.saturating_add(u64::from(passed.missed));
        let late = passed.ns.saturating_sub(ticks::PERIOD_NS);
        statistics.late_max_ns = statistics.late_max_ns.max(late);
        if self.lit {
            self.ticks.tighten(passed.missed);
            if self.policy.permille() > 0 {
                statistics.throttled_ns = statistics.throttled_ns.saturating_add(passed.ns);
            }
        }
        passed
    }

    /// The device is not there. One write in case it hears, then silence.
    fn lose<R: Registers + ?Sized>(&mut self, device: &R, view: View) {
        if !self.is_gone() {
            device.write(LASER_CONTROL, 0);
            self.latch(cause::GONE);
        }
        self.view = view;
        self.lit = false;
        self.laser = Laser::OFF;
        self.power = Power::Off;
        self.request = None;
    }

    /// It is there again. What it does is for the next tick to find out, once that was asked for.
    fn find(&mut self, view: View) {
        self.view = view;
        let request = self.request.take();
        if request == Some(Request::Clear) {
            self.causes = 0;
            self.first_cause = 0;
            self.adopted = false;
            self.sensors.forget();
            self.policy.forget();
            self.last_mc = None;
        }
    }

    fn run<R: Registers + ?Sized>(
        &mut self,
        device: &R,
        view: View,
        passed: Passed,
        begin: u64,
        clock: &dyn Fn() -> u64,
    ) {
        self.view = view;
        let unknown = !self.adopted;
        self.sensors.look(&view.sensors, passed.us);
        self.control.observe(view.tec_ma, view.rpm);
        let new = self.judge(passed) & !self.causes;
        self.latch(new);
        let ends = self.lit && (self.causes != 0 || !self.laser.armed() || self.goes_down());
        if ends || unknown || self.laser.strays() {
            device.write(LASER_CONTROL, 0);
            if ends && self.causes != 0 {
                let taken = clock().saturating_sub(begin);
                self.statistics.trip_max_ns = self.statistics.trip_max_ns.max(taken);
                self.statistics.trips = self.statistics.trips.saturating_add(1);
            }
            self.lit = false;
            self.laser = self.laser.put_out();
        }
        if new & cause::HEAT != 0 && !unknown {
            device.write(CONTROL, CONTROL_RESET_FUNCTION);
        }
        self.set(device);
        device.write(WATCHDOG_KICK, KICK);
        if unknown {
            self.adopt(device);
        }
        self.carry_out(device);
        self.sequence(device);
        self.survey(device);
    }

    const fn goes_down(&self) -> bool {
        matches!(self.request, Some(Request::PowerDown))
    }

    /// What has to be latched, by what this tick sees.
    fn judge(&mut self, passed: Passed) -> u32 {
        let mut causes = cause::of_latches(self.view.latches);
        causes |= self.judge_temperature(passed);
        let mut add = |cause: u32, when: bool| causes |= if when { cause } else { 0 };
        let armed = self.laser.armed();
        let powered = self.power != Power::Off;
        add(cause::INTERLOCK, armed && !self.view.interlock());
        add(cause::WATCHDOG, armed && !self.view.watchdog());
        let lost = self.power == Power::On && self.view.good & power::ALL != power::ALL;
        add(cause::UNDERVOLTAGE, lost);
        let late = self.ticks.level() >= ticks::LATCH_LEVEL;
        add(cause::MISSED_TICKS, armed && late);
        add(cause::TEC, self.control.tec_health() == Health::Broken);
        let fan = self.control.fan_health() == Health::Broken;
        add(cause::FAN, powered && fan);
        let against = self.laser.observe(self.view.emission());
        // Darkness has a reason of its own if any of these was latched.
        if against && (!armed || causes == 0) {
            causes |= cause::EMISSION;
        }
        causes
    }

    /// The temperature that the guard goes by from now on, and what it says.
    ///
    /// Where ticks were missed the next may come as late. So what it has heated meanwhile is
    /// added once more.
    fn judge_temperature(&mut self, passed: Passed) -> u32 {
        let Some(mc) = self.sensors.protective_mc() else {
            self.last_mc = None;
            self.die_mc = self.limits.emergency_mc;
            return if self.power == Power::Off {
                0
            } else {
                cause::SENSORS
            };
        };
        let risen = match self.last_mc {
            Some(last) if passed.missed > 0 => mc.saturating_sub(last).max(0),
            _ => 0,
        };
        self.last_mc = Some(mc);
        self.die_mc = mc.saturating_add(risen);
        if self.power == Power::Off {
            0
        } else if !self.sensors.any_healthy() {
            cause::SENSORS
        } else if self.die_mc >= self.limits.emergency_mc {
            cause::OVERTEMP
        } else {
            0
        }
    }

    /// Latches causes: the key is out, and the rails go down where that is called for.
    fn latch(&mut self, causes: u32) {
        let new = causes & !self.causes;
        if self.causes == 0 && new != 0 {
            self.first_cause = 1 << new.trailing_zeros();
        }
        self.causes |= new;
        let count = u64::from(new.count_ones());
        self.statistics.latches = self.statistics.latches.saturating_add(count);
        if new != 0 {
            self.laser = self.laser.put_out();
        }
        if new & cause::POWERLESS != 0 {
            self.power = self.power.down(self.ticks.total_us());
        }
    }

    /// Throttling, cooler, fan: what follows from the temperature, whatever else is going on.
    fn set<R: Registers + ?Sized>(&mut self, device: &R) {
        let floor = self.floor();
        let measured = self.last_mc.unwrap_or(self.die_mc);
        self.policy.tick(&self.limits, measured, self.die_mc, floor);
        let die = self.sensors.control_mc();
        let aim = self.aim();
        self.control.tick(aim, die, self.sensors.sink_mc());
        let share = u32::from(1_000 - self.policy.permille().min(1_000));
        device.write(LASER_DUTY, share * DUTY_FULL / 1_000);
        device.write(TEC_SET_MA, self.control.tec_ma() as u32);
        device.write(FAN_PWM, self.control.pwm());
    }

    /// Throttling that other things than the temperature demand.
    fn floor(&self) -> u16 {
        let missed = self.ticks.level().min(MISSED_PERMILLE) as u16;
        let sick =
            self.control.tec_health() != Health::Good || self.control.fan_health() != Health::Good;
        missed.max(if sick { FAULT_PERMILLE } else { 0 })
    }

    /// What cooler and fan shall do.
    fn aim(&self) -> Aim {
        let known = self.sensors.any_healthy();
        let hot = self.die_mc >= self.limits.throttle_mc - self.limits.hysteresis_mc;
        let off = self.power == Power::Off;
        if !known {
            Aim::Blind
        } else if self.policy.full() || (hot && (off || self.causes & cause::HEAT != 0)) {
            Aim::Full
        } else if off {
            Aim::Rest
        } else {
            Aim::Hold(self.limits.setpoint_mc)
        }
    }

    /// Takes up a device that somebody left as it is: periods and thresholds are set, rails that
    /// are on go down in order. The laser is off already.
    fn adopt<R: Registers + ?Sized>(&mut self, device: &R) {
        self.adopted = true;
        device.write(WATCHDOG_US, WATCHDOG_PERIOD_US);
        self.set_comparator(device);
        let now = self.ticks.total_us();
        self.enabled = device.read(RAIL_ENABLE) & power::ALL;
        self.power = Power::adopt(device, now);
    }

    fn set_comparator<R: Registers + ?Sized>(&self, device: &R) {
        let mc = (self.limits.emergency_mc + COMPARATOR_ABOVE_MC).min(COMPARATOR_MAX_MC);
        device.write(COMPARATOR, sensor_code(mc));
    }

    /// What was asked for.
    fn carry_out<R: Registers + ?Sized>(&mut self, device: &R) {
        let Some(request) = self.request.take() else {
            return;
        };
        let now = self.ticks.total_us();
        match request {
            Request::PowerUp if self.causes == 0 => self.power = self.power.up(now),
            Request::PowerDown => self.power = self.power.down(now),
            Request::Arm if self.conditions().allow_arming() => {
                // The watchdog has been kicked in this tick.
                device.write(LASER_CONTROL, LASER_ENABLE | LASER_KEY);
                self.lit = true;
                self.laser = Laser::On { unseen: 0 };
                self.statistics.rearms = self.statistics.rearms.saturating_add(1);
            }
            Request::Clear => self.clear(device),
            _ => (),
        }
    }

    /// What light depends on, as of this tick.
    fn conditions(&self) -> Conditions {
        Conditions {
            interlock: self.view.interlock(),
            rails: self.power == Power::On && self.view.good & power::ALL == power::ALL,
            cool: self.sensors.any_healthy() && self.die_mc < self.limits.emergency_mc,
            watchdog: self.view.watchdog(),
            clean: self.causes == 0,
        }
    }

    /// Takes causes back whose reasons are gone.
    fn clear<R: Registers + ?Sized>(&mut self, device: &R) {
        let latches = device.read(LATCHES);
        device.write(LATCH_CLEAR, latches);
        let left = device.read(LATCHES);
        if left == GONE {
            // The next tick sees to it.
            return;
        }
        let stays = cause::of_latches(left) | self.reasons(device);
        self.causes &= stays;
        if self.causes & self.first_cause == 0 {
            self.first_cause = self.causes & self.causes.wrapping_neg();
        }
        if self.causes == 0 {
            self.rail_faults = 0;
            self.ticks.forgive();
            self.control.forgive();
        }
    }

    /// Causes whose reasons are there yet.
    fn reasons<R: Registers + ?Sized>(&self, device: &R) -> u32 {
        let mut causes = 0;
        let mut add = |cause: u32, when: bool| causes |= if when { cause } else { 0 };
        let warm = self.die_mc >= self.limits.emergency_mc - self.limits.hysteresis_mc;
        add(cause::OVERTEMP | cause::COMPARATOR, warm);
        add(cause::SENSORS, !self.sensors.any_healthy());
        add(cause::INTERLOCK, !self.view.interlock());
        add(cause::FAN, self.control.fan_health() == Health::Broken);
        add(cause::TEC, self.control.tec_health() == Health::Broken);
        add(cause::EMISSION, self.laser.strays());
        // What takes the rails down is not over before they are.
        add(cause::POWERLESS, self.power.moves());
        let charged = self.power == Power::Off && !power::all_discharged(device);
        let stuck = matches!(self.power, Power::Stuck { .. });
        add(cause::RAIL_STUCK, stuck || charged);
        causes
    }

    /// One step of the rails at most.
    fn sequence<R: Registers + ?Sized>(&mut self, device: &R) {
        let now = self.ticks.total_us();
        let (next, trouble) = self.power.next(device, now);
        self.power = next;
        match trouble {
            Trouble::None => (),
            Trouble::Timeout(rail) => self.rail_trouble(cause::RAIL_TIMEOUT, 1 << rail),
            Trouble::Stuck(rail) => self.rail_trouble(cause::RAIL_STUCK, 1 << rail),
            Trouble::Lost(rails) => self.rail_trouble(cause::UNDERVOLTAGE, rails),
        }
        if self.power.enabled() != self.enabled {
            // A rail may have gone between the look at all of them and this one.
            if self.lit {
                device.write(LASER_CONTROL, 0);
                self.lit = false;
                self.laser = self.laser.put_out();
            }
            self.power.apply(device);
            self.enabled = self.power.enabled();
        }
    }

    fn rail_trouble(&mut self, cause: u32, rails: u32) {
        self.rail_faults |= rails;
        self.latch(cause);
    }

    /// Registers that nothing depends on at once, one or two a tick; and once a round what
    /// must be so anyway is written again.
    fn survey<R: Registers + ?Sized>(&mut self, device: &R) {
        let index = usize::from(self.round);
        self.round = (self.round + 1) % (RAILS as u8 + 2);
        let offset = 4 * u32::from(index as u8);
        if let (Some(mv), Some(ma)) = (self.rail_mv.get_mut(index), self.rail_ma.get_mut(index)) {
            *mv = device.read(RAIL_MV + offset);
            *ma = device.read(RAIL_MA + offset);
        } else if index == RAILS {
            self.laser_uw = device.read(LASER_POWER_UW);
        } else {
            self.set_comparator(device);
            if self.causes & (cause::OVERCURRENT | cause::UNDERVOLTAGE) != 0 {
                let faults = device.read(RAIL_OVERCURRENT) | device.read(RAIL_UNDERVOLTAGE);
                self.rail_faults |= faults & power::ALL;
            }
        }
    }

    fn edges(&self) -> Edges {
        Edges {
            causes: self.causes,
            state: self.state(),
            lit: self.view.emission() && !self.view.gone(),
            faults: self.sensors.faults(),
        }
    }

    fn events(&mut self, before: &Edges) -> Events {
        let after = self.edges();
        let mut events = Events::default();
        events.add(Events::LATCHED, after.causes & !before.causes != 0);
        events.add(Events::CLEARED, before.causes & !after.causes != 0);
        events.add(Events::POWER, after.state != before.state);
        events.add(Events::LASER, after.lit != before.lit);
        events.add(Events::SENSOR, after.faults != before.faults);
        let permille = self.policy.permille();
        let begins = (permille == 0) != (self.told_permille == 0);
        if begins || permille.abs_diff(self.told_permille) >= THROTTLE_EVENT {
            self.told_permille = permille;
            events.add(Events::THROTTLE, true);
        }
        events
    }
}
