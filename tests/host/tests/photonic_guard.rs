// SPDX-License-Identifier: GPL-2.0

//! The guard in virtual time, against the model: every property at every step.
//!
//! The short form takes seconds. With `LIGHTOS_LONG=1` 12,000 runs with faults and 1,000 healthy
//! hours; `LIGHTOS_HOURS` says how many of the latter, for whoever has less time.

#[path = "guard/bugs.rs"]
mod bugs;
#[path = "guard/properties.rs"]
mod properties;
#[path = "guard/scenarios.rs"]
mod scenarios;
#[path = "guard/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;

use lightos_host::photonic::guard::cause;
use lightos_host::photonic::guard::sensor::Fault;
use lightos_host::photonic::model::plant::{Plant, PlantConfig};
use lightos_host::photonic::registers::{sensor_millidegrees, SENSOR};
use lightos_host::support::cases;

use bugs::{Bug, ALL_BUGS};
use properties::{Property, Score};
use scenarios::{faulty, healthy, kind, worst};
use world::{Scenario, Truth, World, MS};

/// What many runs came to.
#[derive(Default)]
struct Sum {
    scores: BTreeMap<&'static str, Score>,
    ticks: u64,
    trips: u64,
    latches: u64,
    rearms: u64,
    missed: u64,
    causes: BTreeMap<u32, u64>,
    hottest_lit_mc: i64,
}

impl Sum {
    fn add(&mut self, other: &Self) {
        for (name, score) in &other.scores {
            self.scores.entry(name).or_default().add(score);
        }
        for (cause, count) in &other.causes {
            *self.causes.entry(*cause).or_default() += count;
        }
        self.ticks += other.ticks;
        self.trips += other.trips;
        self.latches += other.latches;
        self.rearms += other.rearms;
        self.missed += other.missed;
        self.hottest_lit_mc = self.hottest_lit_mc.max(other.hottest_lit_mc);
    }

    fn print(&self, what: &str) {
        println!(
            "{what}: {} ticks ({} missed), {} trips, {} causes latched, {} turns of the key, \
             hottest under light {:.2} °C",
            self.ticks,
            self.missed,
            self.trips,
            self.latches,
            self.rearms,
            self.hottest_lit_mc as f64 / 1e3,
        );
        for (name, score) in &self.scores {
            println!(
                "  {name:17} tested {:>11} times, worst {} {}",
                score.tested, score.worst, score.unit
            );
        }
        for (cause, count) in &self.causes {
            println!(
                "  cause {:2} latched in {count} runs",
                cause.trailing_zeros()
            );
        }
    }
}

/// Does `one` for every seed below `count`, on all processors.
fn for_all_seeds(count: u32, one: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(0);
    let workers = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= u64::from(count) {
                    return;
                }
                one(seed);
            });
        }
    });
}

/// A property that did not hold: which, when, why.
#[derive(Debug)]
#[allow(dead_code)] // Printed.
struct Breach {
    property: &'static str,
    at: u64,
    why: String,
}

fn run(scenario: &Scenario, bug: Bug, sum: &mut Sum) -> Result<(), Breach> {
    run_for(scenario, bug, properties::all(), sum)
}

fn run_for(
    scenario: &Scenario,
    bug: Bug,
    mut properties: Vec<Box<dyn Property>>,
    sum: &mut Sum,
) -> Result<(), Breach> {
    let mut world = World::new(scenario, bug);
    let mut causes = 0;
    let mut hottest = 0;
    let outcome = world.run(|truth| {
        if let Some(tick) = truth.tick {
            causes |= tick.snapshot.causes;
        }
        if truth.plant.emission() {
            hottest = hottest.max(truth.plant.hottest_uc() / 1_000);
        }
        check(&mut properties, truth)
    });
    let statistics = world.snapshot().statistics;
    sum.ticks += statistics.ticks;
    sum.missed += statistics.missed;
    sum.trips += statistics.trips;
    sum.latches += statistics.latches;
    sum.rearms += statistics.rearms;
    sum.hottest_lit_mc = sum.hottest_lit_mc.max(hottest);
    for bit in (0..32).map(|bit| 1u32 << bit) {
        if causes & bit != 0 {
            *sum.causes.entry(bit).or_default() += 1;
        }
    }
    for property in &properties {
        sum.scores
            .entry(property.name())
            .or_default()
            .add(&property.score());
    }
    outcome
}

fn check(properties: &mut [Box<dyn Property>], truth: &Truth) -> Result<(), Breach> {
    properties.iter_mut().try_for_each(|property| {
        property.check(truth).map_err(|why| Breach {
            property: property.name(),
            at: truth.now,
            why,
        })
    })
}

#[test]
fn faults_break_no_property() {
    let total = Mutex::new(Sum::default());
    let count = cases(360, 12_000);
    for_all_seeds(count, |seed| {
        let mut sum = Sum::default();
        let scenario = faulty(seed);
        if let Err(breach) = run(&scenario, Bug::None, &mut sum) {
            panic!("seed {seed} ({:?}): {breach:?}\n{scenario:#?}", kind(seed));
        }
        total.lock().unwrap().add(&sum);
    });
    let sum = total.into_inner().unwrap();
    sum.print(&format!("{count} runs with faults"));
    // Every cause there is has come up.
    if count >= 360 {
        for bit in 0..=cause::EMISSION.trailing_zeros() {
            let seen = sum.causes.contains_key(&(1 << bit));
            assert!(seen || 1 << bit == cause::EMISSION, "cause {bit}");
        }
    }
}

/// What the sensor of the edge reads at 25 °C on average, in thousandths of a degree.
fn edge_reads(seed: u64) -> i32 {
    let mut plant = Plant::new(&PlantConfig::TYPICAL, seed);
    let readings = (0..64).map(|ms| {
        plant.advance(ms * MS);
        sensor_millidegrees(plant.read(SENSOR + 4))
    });
    readings.sum::<i32>() / 64
}

#[test]
fn the_worst_specimens_are_off_in_time() {
    let mut sum = Sum::default();
    let low = (0..).filter(|&seed| edge_reads(seed) < 24_520);
    let count = cases(100, 1_000);
    for seed in low.take(count as usize) {
        if let Err(breach) = run(&worst(seed), Bug::None, &mut sum) {
            panic!("seed {seed}: {breach:?}");
        }
    }
    sum.print(&format!("{count} worst specimens"));
    assert_eq!(sum.causes.get(&cause::OVERTEMP), Some(&u64::from(count)));
}

#[test]
fn bugs_in_the_guard_break_properties() {
    for (bug, expected) in ALL_BUGS {
        // The others would be broken too, some of them sooner.
        let property = || {
            properties::all()
                .into_iter()
                .filter(|p| p.name() == expected)
        };
        let breach = (0..600).find_map(|seed| {
            let mut sum = Sum::default();
            let outcome = run_for(&faulty(seed), bug, property().collect(), &mut sum);
            outcome.err().map(|breach| (seed, breach.why))
        });
        let Some((seed, why)) = breach else {
            panic!("{bug:?} does not break {expected:?}");
        };
        println!("{bug:?} breaks {expected:?} in run {seed}: {why}");
    }
}

/// What healthy hours came to.
#[derive(Default)]
struct Health {
    dark_ns: u64,
    total_ns: u64,
    outside: u64,
    ticks: u64,
    worst_mc: i32,
}

impl Health {
    fn add(&mut self, other: &Self) {
        self.dark_ns += other.dark_ns;
        self.total_ns += other.total_ns;
        self.outside += other.outside;
        self.ticks += other.ticks;
        self.worst_mc = self.worst_mc.max(other.worst_mc);
    }
}

/// The stated band about the set point, in thousandths of a degree, once it has been reached.
const BAND_MC: i32 = 6_000;
/// The band in which it is 99 % of the time.
const USUAL_MC: i32 = 2_500;
/// Until it is.
const WARM_NS: u64 = 3_000 * MS;
/// Until the laser is on.
const START_NS: u64 = 500 * MS;

fn is_well(truth: &Truth, health: &mut Health, began: u64) -> Result<(), String> {
    let Some(tick) = truth.tick else {
        return Ok(());
    };
    let snapshot = &tick.snapshot;
    if snapshot.causes != 0 {
        return Err(format!("latched {:#x}", snapshot.causes));
    }
    if snapshot
        .sensor_faults
        .iter()
        .any(|&fault| fault != Fault::None)
    {
        return Err(format!("sensors {:?}", snapshot.sensor_faults));
    }
    if snapshot.throttle_permille != 0 {
        return Err(format!("throttled by {}", snapshot.throttle_permille));
    }
    let age = truth.now - began;
    if age > START_NS {
        health.total_ns += MS;
        health.dark_ns += if truth.plant.emission() { 0 } else { MS };
    }
    if age > WARM_NS {
        let die = (truth.plant.places_uc()[1] / 1_000) as i32;
        let off = (die - truth.limits.setpoint_mc).abs();
        health.ticks += 1;
        health.outside += u64::from(off > USUAL_MC);
        health.worst_mc = health.worst_mc.max(off);
        if off > BAND_MC {
            return Err(format!("die at {die} mc"));
        }
    }
    Ok(())
}

#[test]
fn healthy_hours_go_by_without_a_word() {
    let hours = std::env::var("LIGHTOS_HOURS")
        .ok()
        .and_then(|n| n.parse().ok());
    let count = hours.unwrap_or_else(|| cases(2, 1_000));
    let total = Mutex::new((Sum::default(), Health::default()));
    for_all_seeds(count, |seed| {
        let scenario = healthy(seed, 3_600_000 * MS);
        let (mut sum, mut health) = (Sum::default(), Health::default());
        let mut properties = properties::all();
        let mut world = World::new(&scenario, Bug::None);
        let mut began = None;
        let outcome = world.run(|truth| {
            let began = *began.get_or_insert(truth.now);
            check(&mut properties, truth).map_err(|breach| format!("{breach:?}"))?;
            is_well(truth, &mut health, began)
        });
        assert_eq!(outcome, Ok(()), "seed {seed}");
        sum.ticks = world.snapshot().statistics.ticks;
        sum.rearms = world.snapshot().statistics.rearms;
        for property in &properties {
            sum.scores.insert(property.name(), property.score());
        }
        let mut total = total.lock().unwrap();
        total.0.add(&sum);
        total.1.add(&health);
    });
    let (sum, health) = total.into_inner().unwrap();
    sum.print(&format!("{count} healthy hours"));
    let lit = 1.0 - health.dark_ns as f64 / health.total_ns as f64;
    let usual = 1.0 - health.outside as f64 / health.ticks as f64;
    println!(
        "  light {:.4} % of the time, within {USUAL_MC} m°C of the set point {:.3} %, at most {} m°C off",
        lit * 100.0,
        usual * 100.0,
        health.worst_mc
    );
    assert!(lit >= 0.999);
    assert!(usual >= 0.99);
}
