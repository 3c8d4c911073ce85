// SPDX-License-Identifier: GPL-2.0

//! What has to be true at every step, each stated once.

use std::collections::VecDeque;

use lightos_host::photonic::guard::cause;
use lightos_host::photonic::guard::sensor::Fault;
use lightos_host::photonic::guard::{Limits, COMPARATOR_MAX_MC};
use lightos_host::photonic::model::plant::fault::SensorFault;
use lightos_host::photonic::model::plant::sensor::ERROR_MC;
use lightos_host::photonic::model::plant::thermal::{MAX_HEATING_UK_PER_MS, STEP_NS};
use lightos_host::photonic::model::plant::COMPARATOR_ERROR_MC;
use lightos_host::photonic::registers::*;

use super::world::{Tick, Truth, Write, MS};

/// The light has to be off so long after.
const LIMIT_NS: u64 = 2 * MS;

/// A property.
pub trait Property {
    fn name(&self) -> &'static str;

    /// An error if it does not hold.
    fn check(&mut self, truth: &Truth) -> Result<(), String>;

    /// How often it was put to the test, and the worst that came.
    fn score(&self) -> Score;
}

/// How a property did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Score {
    pub tested: u64,
    pub worst: i64,
    pub unit: &'static str,
}

impl Score {
    const fn of(unit: &'static str) -> Self {
        Self {
            tested: 0,
            worst: 0,
            unit,
        }
    }

    fn note(&mut self, value: i64) {
        self.tested += 1;
        self.worst = self.worst.max(value);
    }

    pub fn add(&mut self, other: &Self) {
        self.tested += other.tested;
        self.worst = self.worst.max(other.worst);
        self.unit = other.unit;
    }
}

/// All of them.
pub fn all() -> Vec<Box<dyn Property>> {
    vec![
        Box::new(OffInTime::new()),
        Box::new(Overshoot::new()),
        Box::new(SameTick::new()),
        Box::new(Blind::new()),
        Box::new(Device::new()),
        Box::new(NoRestart::new()),
        Box::new(RailOrder::new()),
        Box::new(ThrottleHolds::new()),
        Box::new(Tiers::new()),
        Box::new(SinkSpared::new()),
        Box::new(Silence::new()),
        Box::new(Answers::new()),
        Box::new(Heating::new()),
    ]
}

// What the tiers and limits are, stated apart from the guard's own arithmetic.

const ALL: u32 = (1 << RAILS) - 1;
/// The limit of the cooler's current where its sink is not known.
const SINK_UNKNOWN_MA: i32 = 1_500;

/// Throttling that a temperature demands, in thousandths: nothing, then up to 75 %, then more.
fn demand(limits: &Limits, mc: i32) -> u32 {
    let line = |from: i32, to: i32| f64::from(mc - from) / f64::from(to - from);
    let permille = match mc {
        mc if mc < limits.throttle_mc => 0.0,
        mc if mc < limits.full_mc => 750.0 * line(limits.throttle_mc, limits.full_mc),
        mc if mc < limits.emergency_mc => 750.0 + 200.0 * line(limits.full_mc, limits.emergency_mc),
        _ => 950.0,
    };
    permille as u32
}

/// The most current by the temperature of the sink: all of it up to 60 degrees, none from 75 on.
fn tec_limit(sink_mc: Option<i32>) -> i32 {
    sink_mc.map_or(SINK_UNKNOWN_MA, |mc| ((75_000 - mc) / 5).clamp(0, 3_000))
}

fn hottest_mc(truth: &Truth) -> i32 {
    (truth.plant.hottest_uc() / 1_000) as i32
}

/// Whether the device has the order to shine, after the writes of this step.
#[derive(Clone, Copy, Default)]
struct Order(bool);

impl Order {
    /// Follows the writes; the last laser-off among them, if light was ordered.
    fn follow(&mut self, tick: Option<&Tick>) -> Option<Write> {
        let mut off = None;
        for write in tick.into_iter().flat_map(|tick| &tick.writes) {
            if write.offset == LASER_CONTROL {
                if self.0 && write.value == 0 {
                    off = Some(*write);
                }
                self.0 = write.value & LASER_ENABLE != 0;
            }
        }
        off
    }
}

/// The guard orders the laser off within 2 ms after the true temperature passes the emergency
/// temperature plus the stated sensor error, with one sensor in order and a processor that runs.
pub struct OffInTime {
    order: Order,
    passed_at: Option<u64>,
    last: u64,
    score: Score,
}

impl OffInTime {
    fn new() -> Self {
        Self {
            order: Order::default(),
            passed_at: None,
            last: 0,
            score: Score::of("us"),
        }
    }
}

impl Property for OffInTime {
    fn name(&self) -> &'static str {
        "off in time"
    }

    fn check(&mut self, truth: &Truth) -> Result<(), String> {
        let off = self.order.follow(truth.tick);
        if let (Some(passed), Some(off)) = (self.passed_at, off) {
            self.score
                .note(off.at.saturating_sub(passed) as i64 / 1_000);
        }
        let able = self.order.0 && truth.witness() && !truth.gone;
        let hot = hottest_mc(truth) >= truth.limits.emergency_mc + ERROR_MC;
        let from = self.passed_at.unwrap_or(truth.now).saturating_sub(MS);
        if !able || !hot || truth.stalled_since(from) {
            self.passed_at = None;
        } else if self.passed_at.is_none() {
            self.passed_at = Some(self.last);
        }
        self.last = truth.now;
        match self.passed_at {
            Some(passed) if truth.now > passed + LIMIT_NS => {
                Err(format!("{} mc, passed at {passed}", hottest_mc(truth)))
            }
            _ => Ok(()),
        }
    }

    fn score(&self) -> Score {
        self.score
    }
}

/// Where the guard ends the light by itself, with one sensor in order and a processor that runs, the
/// true temperature is at most the stated error, and what 1.3 ms heat, above the emergency temperature.
pub struct Overshoot {
    order: Order,
    score: Score,
}

impl Overshoot {
    fn new() -> Self {
        Self {
            order: Order::default(),
            score: Score::of("m°C"),
        }
    }
}

impl Property for Overshoot {
    fn name(&self) -> &'static str {
        "overshoot"
    }

    fn check(&mut self, truth: &Truth) -> Result<(), String> {
        let off = self.order.follow(truth.tick);
        let from = truth.now.saturating_sub(3 * MS);
        if off.is_none() || truth.gone || !truth.witness() || truth.stalled_since(from) {
            return Ok(());
        }
        let over = hottest_mc(truth) - truth.limits.emergency_mc;
        if over > 0 {
            self.score.note(i64::from(over));
        }
        let most = i64::from(ERROR_MC) + MAX_HEATING_UK_PER_MS * 13 / 10_000;
        if i64::from(over) > most {
            return Err(format!("{over} over"));
        }
        Ok(())
    }

    fn score(&self) -> Score {
        self.score
    }
}

/// A tick whose sample is as hot as the emergency temperature, of a sensor in order, writes
/// laser-off before anything else; and so does every tick that ends the light.
pub struct SameTick {
    order: Order,
    score: Score,
}

impl SameTick {
    fn new() -> Self {
        Self {
            order: Order::default(),
            score: Score::of("ns from sample to write"),
        }
    }
}

impl Property for SameTick {
    fn name(&self) -> &'static str {
        "same tick"
    }

    fn check(&mut self, truth: &Truth) -> Result<(), String> {
        let before = self.order.0;
        let off = self.order.follow(truth.tick);
        let Some(tick) = truth.tick else {
            return Ok(());
        };
        let hot = (0..SENSORS_DIE).any(|index| {
            truth.trusted[index]
                && sensor_millidegrees(tick.samples[index]) >= truth.limits.emergency_mc
        });
        let due = before && hot && !tick.silent;
        if !due && off.is_none() {
            return Ok(());
        }
        match tick.writes.first() {
            Some(write) if write.offset == LASER_CONTROL && write.value == 0 => {
                self.score.note(tick.snapshot.statistics.trip_max_ns as i64);
                Ok(())
            }
            other => Err(format!("due {due}, first write {other:?}")),
        }
    }

    fn score(&self) -> Score {
        self.score
    }
}

/// With no sensor left (all open or shorted) the guard orders the laser off within 2 ms.
pub struct Blind {
    order: Order,
    since: Option<u64>,
    score: Score,
}

impl Blind {
    fn new() -> Self {
        Self {
            order: Order::default(),
            since: None,
            score: Score::of("us"),
        }
    }
}

impl Property for Blind {
    fn name(&self) -> &'static str {
        "off when blind"
    }

    fn check(&mut self, truth: &Truth) -> Result<(), String> {
        let off = self.order.follow(truth.tick);
        if let (Some(since), Some(off)) = (self.since, off) {
            self.score.note(off.at.saturating_sub(since) as i64 / 1_000);
        }
        let blind = truth.faults[..SENSORS_DIE]
            .iter()
            .all(|fault| matches!(fault, SensorFault::Open | SensorFault::Short));
        let from = self.since.unwrap_or(truth.now).saturating_sub(MS);
        if !blind || !self.order.0 || truth.gone || truth.stalled_since(from) {
            self.since = None;
        } else if self.since.is_none() {
            self.since = Some(truth.now);
        }
        match self.since {
            Some(since) if truth.now > since + LIMIT_NS => Err(format!("blind since {since}")),
            _ => Ok(()),
        }
    }

    fn score(&self) -> Score {
        self.score
    }
}

/// Scored apart: whatever guard and processor do, there is no light 2 ms after the last kick, nor
/// above the comparator's threshold and its error. Not so if these are broken themselves.
pub struct Device {
    kicked: u64,
    lit: bool,
    score: Score,
}

impl Device {
    fn new() -> Self {
        Self {
            kicked: 0,
            lit: false,
            score: Score::of("us dark after the last kick"),
        }
    }
}

impl Property for Device {
    fn name(&self) -> &'static str {
        "device's own"
    }

    fn check(&mut self, truth: &Truth) -> Result<(), String> {
        let lit = truth.plant.emission();
        let age = truth.now.saturating_sub(self.kicked);
        let apart = truth.gone || !truth.witness() || age > 1_500_000;
        // A watchdog that was stuck until now is late by as much.
        let apart = apart && age < 3_000_000;
        if self.lit && !lit && apart {
            self.score.note(age as i64 / 1_000);
        }
        self.lit = lit;
        let writes = truth.tick.into_iter().flat_map(|tick| &tick.writes);
        for write in writes.filter(|write| write.offset == WATCHDOG_KICK) {
            self.kicked = write.at;
        }
        if !lit {
            return Ok(());
        }
        if age > LIMIT_NS && truth.tick.is_none() && !truth.watchdog_stuck {
            return Err(format!("light {age} ns after the last kick"));
        }
        let highest = COMPARATOR_MAX_MC + COMPARATOR_ERROR_MC + 100;
        let hottest = hottest_mc(truth);
        if hottest > highest && !truth.comparator_dead {
            return Err(format!("light at {hottest} mc"));
        }
        Ok(())
    }

    fn score(&self) -> Score {
        self.score
    }
}

/// No light begins without a turn of the key after the last ended, nor with a cause latched.
pub struct NoRestart {
    order: Order,
    used: u64,
    fresh: bool,
    lit: bool,
    score: Score,
}

impl NoRestart {
    fn new() -> Self {
        Self {
            order: Order::default(),
            used: 0,
            fresh: false,
            lit: false,
            score: Score::of("starts"),
        }
    }
}

impl Property for NoRestart {
    fn name(&self) -> &'static str {
        "no restart"
    }

    fn check(&mut self, truth: &Truth) -> Result<(), String> {
        let before = self.order.0;
        self.order.follow(truth.tick);
        if let (false, true, Some(tick)) = (before, self.order.0, truth.tick) {
            if truth.arms <= self.used {
                return Err("ordered on, but the key was not turned".into());
            }
            if tick.snapshot.causes != 0 {
                return Err(format!("ordered on with {:#x}", tick.snapshot.causes));
            }
            self.used = truth.arms;
            self.fresh = true;
        }
        let lit = truth.plant.emission();
        if lit && !self.lit {
            if !self.fresh {
                return Err("light without an order".into());
            }
            self.fresh = false;
            self.score.note(0);
        }
        self.lit = lit;
        Ok(())
    }

    fn score(&self) -> Score {
        self.score
    }
}

/// Rails go up in order, each when those before it are good and nothing is left in those after it;
/// down in the reverse order, each when nothing is left in those after it, and never under light.
pub struct RailOrder {
    score: Score,
}

impl RailOrder {
    fn new() -> Self {
        Self {
            score: Score::of("changes"),
        }
    }

    fn judge(&mut self, write: &Write) -> Result<(), String> {
        let wanted = write.value & ALL;
        let (on, off) = (wanted & !write.enabled, write.enabled & !wanted);
        if on | off == 0 {
            return Ok(());
        }
        self.score.note(0);
        if write.emission {
            return Err(format!("rails change under light: {write:?}"));
        }
        let empty = |rail: usize| write.mv[rail] * 20 < RAIL_NOMINAL_MV[rail];
        for rail in 0..RAILS {
            let (bit, below) = (1 << rail, (1 << rail) - 1);
            let ready = write.good & below == below;
            let clear = (rail + 1..RAILS).all(empty);
            if on & bit != 0 && !(ready && clear && empty(rail)) {
                return Err(format!("rail {rail} up too early: {write:?}"));
            }
            if off & bit != 0 && !clear {
                return Err(format!("rail {rail} down too early: {write:?}"));
            }
        }
        Ok(())
    }
}

impl Property for RailOrder {
    fn name(&self) -> &'static str {
        "rail order"
    }

    fn check(&mut self, truth: &Truth) -> Result<(), String> {
        let writes = truth.tick.into_iter().flat_map(|tick| &tick.writes);
        writes
            .filter(|write| write.offset == RAIL_ENABLE)
            .try_for_each(|write| self.judge(write))
    }

    fn score(&self) -> Score {
        self.score
    }
}

/// The throttle does not fall while the temperature rises, by more than noise hides: by 0.7 degrees
/// in 8 ticks; or so that it is higher than in all of the last 257 ticks, and was, 32 ticks ago,
/// 0.15 degrees higher than in the first 128 of them. None of these ticks was late.
pub struct ThrottleHolds {
    duty: u32,
    history: VecDeque<i32>,
    score: Score,
}

impl ThrottleHolds {
    fn new() -> Self {
        Self {
            duty: DUTY_FULL,
            history: VecDeque::new(),
            score: Score::of("falls"),
        }
    }

    fn rises(&self, now: i32) -> bool {
        let full = self.history.len() == 257;
        let at = |ago: usize| self.history.iter().rev().nth(ago - 1).copied();
        let quickly = at(8).is_some_and(|then| now > then + 700);
        let peak = self.history.iter().max().is_some_and(|&peak| now >= peak);
        let before = self.history.iter().take(128).max();
        let begun = at(32)
            .zip(before)
            .is_some_and(|(late, &most)| late > most + 150);
        quickly || (full && peak && begun)
    }
}

impl Property for ThrottleHolds {
    fn name(&self) -> &'static str {
        "throttle holds"
    }

    fn check(&mut self, truth: &Truth) -> Result<(), String> {
        let Some(tick) = truth.tick else {
            return Ok(());
        };
        // What came before a gap may have been forgotten.
        if tick.is_silent() || truth.late_at == truth.tick_at {
            self.history.clear();
        }
        if tick.is_silent() {
            return Ok(());
        }
        let now = hottest_mc(truth);
        let all = truth.trusted[..SENSORS_DIE].iter().all(|&trusted| trusted);
        for write in tick.writes.iter().filter(|w| w.offset == LASER_DUTY) {
            let before = std::mem::replace(&mut self.duty, write.value);
            if write.value <= before {
                continue;
            }
            self.score.tested += 1;
            if all && self.rises(now) {
                return Err(format!("duty {before} to {} at {now} mc", write.value));
            }
        }
        if self.history.len() == 257 {
            self.history.pop_front();
        }
        self.history.push_back(now);
        Ok(())
    }

    fn score(&self) -> Score {
        self.score
    }
}

/// Under light the throttle is what the temperature demands, at least; from the full tier on the
/// fan is at full and the cooler too, as far as its sink allows. Where the temperature is what the
/// guard must know of: the truth less sensor error and what heats in 2 ms. Below the first tier,
/// less hysteresis and error, there is none after 4 s with nothing else wrong.
pub struct Tiers {
    cool_since: Option<u64>,
    score: Score,
}

impl Tiers {
    fn new() -> Self {
        Self {
            cool_since: None,
            score: Score::of("permille over demand"),
        }
    }

    fn judge_hot(&mut self, truth: &Truth, tick: &Tick) -> Result<(), String> {
        let known = hottest_mc(truth) - ERROR_MC - 2 * (MAX_HEATING_UK_PER_MS / 1_000) as i32;
        let duty = truth.plant.read(LASER_DUTY);
        let demand = demand(truth.limits, known);
        let most = (1_000 - demand) * DUTY_FULL / 1_000;
        if duty > most {
            return Err(format!("duty {duty}, {known} mc demands {most}"));
        }
        if demand > 0 {
            self.score
                .note(i64::from((most - duty) * 1_000 / DUTY_FULL));
        }
        if demand < 750 {
            return Ok(());
        }
        let sink = tick.snapshot.temperature_mc[SENSOR_SINK];
        let healthy = tick.snapshot.sensor_faults[SENSOR_SINK] == Fault::None;
        let limit = tec_limit(healthy.then_some(sink));
        let broken = tick.snapshot.throttle_permille >= 500 && truth.plant.read(TEC_SET_MA) == 0;
        let tec = truth.plant.read(TEC_SET_MA) as i32;
        if truth.plant.read(FAN_PWM) != 255 || ((tec - limit).abs() > 1 && !broken) {
            let fan = truth.plant.read(FAN_PWM);
            return Err(format!("at {known} mc fan {fan}, cooler {tec} of {limit}"));
        }
        Ok(())
    }
}

impl Property for Tiers {
    fn name(&self) -> &'static str {
        "tiers"
    }

    fn check(&mut self, truth: &Truth) -> Result<(), String> {
        let Some(tick) = truth.tick else {
            return Ok(());
        };
        if truth.gone || tick.is_silent() {
            self.cool_since = None;
            return Ok(());
        }
        let snapshot = &tick.snapshot;
        let well = snapshot.causes == 0 && truth.trusted.iter().all(|&trusted| trusted);
        let cool = hottest_mc(truth)
            < truth.limits.throttle_mc - truth.limits.hysteresis_mc - ERROR_MC - 500;
        let running = !truth.stalled_since(truth.now.saturating_sub(3_000 * MS));
        let followed = (snapshot.tec_ma - snapshot.tec_set_ma).abs() < 250;
        let blows = snapshot.fan_rpm * 3 >= snapshot.fan_pwm * FAN_MAX_RPM / 255;
        if !(well && cool && running && followed && blows) {
            self.cool_since = None;
        } else {
            let since = *self.cool_since.get_or_insert(truth.now);
            if truth.now > since + 4_000 * MS && snapshot.throttle_permille != 0 {
                return Err(format!("{} at rest", snapshot.throttle_permille));
            }
        }
        if truth.plant.emission() && truth.witness() && !truth.stalled_since(truth.now - 3 * MS) {
            self.judge_hot(truth, tick)?;
        }
        Ok(())
    }

    fn score(&self) -> Score {
        self.score
    }
}

/// The cooler's current is within the limit that its sink sets: by the truth less sensor error
/// where the sensor is in order, by the limit for an unknown sink where it is open or shorted.
pub struct SinkSpared {
    faulty: u32,
    score: Score,
}

impl SinkSpared {
    fn new() -> Self {
        Self {
            faulty: 0,
            score: Score::of("mA"),
        }
    }
}

impl Property for SinkSpared {
    fn name(&self) -> &'static str {
        "sink spared"
    }

    fn check(&mut self, truth: &Truth) -> Result<(), String> {
        let Some(tick) = truth.tick else {
            return Ok(());
        };
        if truth.gone || tick.is_silent() {
            return Ok(());
        }
        let wire = matches!(
            truth.faults[SENSOR_SINK],
            SensorFault::Open | SensorFault::Short
        );
        self.faulty = if wire { self.faulty + 1 } else { 0 };
        let sink = (truth.plant.places_uc()[SENSOR_SINK] / 1_000) as i32;
        let limit = if self.faulty > 2 {
            SINK_UNKNOWN_MA
        } else if truth.trusted[SENSOR_SINK] {
            tec_limit(Some(sink - ERROR_MC))
        } else {
            return Ok(());
        };
        let tec = truth.plant.read(TEC_SET_MA) as i32;
        if limit < TEC_MAX_MA {
            self.score.note(i64::from(tec));
        }
        if tec > limit + 1 {
            return Err(format!("{tec} mA with a sink of {sink} mc"));
        }
        Ok(())
    }

    fn score(&self) -> Score {
        self.score
    }
}

/// Once the device reads as all ones the guard writes laser-off at most, and nothing from the next
/// tick on until the device is there and the cause is cleared.
pub struct Silence {
    gone: bool,
    score: Score,
}

impl Silence {
    fn new() -> Self {
        Self {
            gone: false,
            score: Score::of("silent ticks"),
        }
    }
}

impl Property for Silence {
    fn name(&self) -> &'static str {
        "silence"
    }

    fn check(&mut self, truth: &Truth) -> Result<(), String> {
        let Some(tick) = truth.tick else {
            return Ok(());
        };
        if !tick.silent && tick.snapshot.causes & cause::GONE == 0 {
            self.gone = false;
            return Ok(());
        }
        self.score.note(0);
        let most = usize::from(!self.gone);
        self.gone = true;
        let off = |write: &Write| write.offset == LASER_CONTROL && write.value == 0;
        if tick.writes.len() > most || !tick.writes.iter().all(off) {
            return Err(format!("{:?}", tick.writes));
        }
        if tick.snapshot.causes & cause::GONE == 0 {
            return Err("not latched".into());
        }
        Ok(())
    }

    fn score(&self) -> Score {
        self.score
    }
}

/// A latch of the device that keeps the laser off is a cause within 2 ms.
pub struct Answers {
    since: Option<u64>,
    score: Score,
}

impl Answers {
    fn new() -> Self {
        Self {
            since: None,
            score: Score::of("us"),
        }
    }
}

impl Property for Answers {
    fn name(&self) -> &'static str {
        "latches answered"
    }

    fn check(&mut self, truth: &Truth) -> Result<(), String> {
        let latches = truth.plant.read(LATCHES) & LATCHES_LASER;
        let silent = truth.tick.is_some_and(Tick::is_silent);
        if latches == 0
            || silent
            || truth.gone
            || truth.stalled_since(truth.now.saturating_sub(3 * MS))
        {
            self.since = None;
            return Ok(());
        }
        let since = *self.since.get_or_insert(truth.now);
        let Some(tick) = truth.tick else {
            return Ok(());
        };
        let due = cause::of_latches(latches) | cause::GONE;
        if tick.snapshot.causes & due != 0 {
            return Ok(());
        }
        let age = truth.now - since;
        self.score.note(age as i64 / 1_000);
        if age > LIMIT_NS {
            return Err(format!("{latches:#x} since {since}"));
        }
        Ok(())
    }

    fn score(&self) -> Score {
        self.score
    }
}

/// The model keeps what it states: nothing heats faster than its greatest rate, and a sensor in
/// order is within its error.
pub struct Heating {
    last: Option<(u64, i64)>,
    score: Score,
}

impl Heating {
    fn new() -> Self {
        Self {
            last: None,
            score: Score::of("uK a step"),
        }
    }
}

impl Property for Heating {
    fn name(&self) -> &'static str {
        "heating rate"
    }

    fn check(&mut self, truth: &Truth) -> Result<(), String> {
        let hottest = truth.plant.hottest_uc();
        let steps = truth.plant.steps();
        let (before, then) = self
            .last
            .replace((steps, hottest))
            .unwrap_or((steps, hottest));
        if steps == before + 1 {
            let rise = hottest - then;
            self.score.note(rise);
            let most = MAX_HEATING_UK_PER_MS * STEP_NS as i64 / MS as i64;
            if rise > most {
                return Err(format!("{rise} uK in a step"));
            }
        }
        Ok(())
    }

    fn score(&self) -> Score {
        self.score
    }
}
