// SPDX-License-Identifier: GPL-2.0

//! The plant of the device model: rails, laser, heat, sensors, and what breaks.

use lightos_host::photonic::model::plant::fault::{Fault, RailFault, SensorFault, TecFault};
use lightos_host::photonic::model::plant::sensor::ERROR_MC;
use lightos_host::photonic::model::plant::thermal::{MAX_HEATING_UK_PER_MS, STEP_NS};
use lightos_host::photonic::model::plant::{Plant, PlantConfig};
use lightos_host::photonic::model::random::Random;
use lightos_host::photonic::registers::*;
use lightos_host::support::cases;

const MS: u64 = 1_000_000;
const ALL: u32 = (1 << RAILS) - 1;

/// A plant and its time.
struct Bench {
    plant: Plant,
    now: u64,
}

impl Bench {
    fn new(seed: u64) -> Self {
        let mut plant = Plant::new(&PlantConfig::TYPICAL, seed);
        plant.advance(7 * MS);
        Self { plant, now: 7 * MS }
    }

    /// With all rails good and light.
    fn lit(seed: u64) -> Self {
        let mut bench = Self::new(seed);
        bench.plant.write(RAIL_ENABLE, ALL);
        bench.pass(20 * MS);
        bench.light();
        assert!(bench.plant.emission());
        bench
    }

    fn light(&mut self) {
        self.plant.write(WATCHDOG_KICK, KICK);
        self.plant.write(LASER_CONTROL, LASER_ENABLE | LASER_KEY);
    }

    fn pass(&mut self, ns: u64) {
        self.now += ns;
        self.plant.advance(self.now);
    }

    /// Time passes with kicks every millisecond.
    fn run(&mut self, ms: u64) {
        for _ in 0..ms {
            self.pass(MS);
            self.plant.write(WATCHDOG_KICK, KICK);
        }
    }

    fn is(&self, status: u32) -> bool {
        self.plant.read(STATUS) & status != 0
    }
}

#[test]
fn rails_ramp_are_good_and_discharge() {
    let mut bench = Bench::new(1);
    for (index, nominal) in RAIL_NOMINAL_MV.into_iter().enumerate() {
        bench.plant.write(RAIL_ENABLE, (2 << index) - 1);
        bench.pass(500_000);
        assert_eq!(bench.plant.read(RAIL_GOOD) >> index, 0);
        bench.pass(8 * MS);
        assert_eq!(bench.plant.read(RAIL_GOOD), (2 << index) - 1);
        let mv = bench.plant.read(RAIL_MV + 4 * index as u32);
        assert_eq!(mv, nominal);
    }
    assert!(bench.is(STATUS_RAILS_GOOD));
    bench.plant.write(RAIL_ENABLE, 0);
    assert_eq!(bench.plant.read(RAIL_GOOD), 0);
    bench.pass(MS);
    assert!(bench.plant.read(RAIL_MV + 20) > 11_000);
    bench.pass(20 * MS);
    assert_eq!(bench.plant.read(RAIL_MV + 20), 0);
}

#[test]
fn light_is_an_and() {
    let mut bench = Bench::lit(2);
    for wrong in [0, LASER_ENABLE, LASER_KEY] {
        bench.plant.write(LASER_CONTROL, wrong);
        assert!(!bench.is(STATUS_EMISSION));
        bench.light();
        assert!(bench.is(STATUS_EMISSION));
    }
    bench.plant.write(LASER_DUTY, 0);
    assert!(!bench.is(STATUS_EMISSION));
    bench.plant.write(LASER_DUTY, 1_000);
    assert_eq!(bench.plant.read(LASER_DUTY), DUTY_FULL);
    assert!(bench.is(STATUS_EMISSION));
    // A rail that is turned off ends it too, without a latch.
    bench.plant.write(RAIL_ENABLE, ALL >> 1);
    assert!(!bench.is(STATUS_EMISSION));
    assert_eq!(bench.plant.read(LATCHES), 0);
}

#[test]
fn the_watchdog_ends_the_light_on_time() {
    let mut bench = Bench::lit(3);
    bench.pass(2 * MS - 1);
    assert!(bench.is(STATUS_EMISSION) && bench.is(STATUS_WATCHDOG));
    bench.pass(1);
    assert!(!bench.is(STATUS_EMISSION) && !bench.is(STATUS_WATCHDOG));
    assert_eq!(bench.plant.read(LATCHES), LATCH_WATCHDOG);
    assert_eq!(bench.plant.read(LASER_CONTROL), 0);
    // Not cleared while it has run out, nor by turning the laser on.
    bench.plant.write(LATCH_CLEAR, u32::MAX);
    bench.plant.write(LASER_CONTROL, LASER_ENABLE | LASER_KEY);
    assert_eq!(bench.plant.read(LATCHES), LATCH_WATCHDOG);
    bench.plant.write(WATCHDOG_KICK, 1);
    bench.plant.write(LATCH_CLEAR, u32::MAX);
    assert_eq!(bench.plant.read(LATCHES), LATCH_WATCHDOG);
    bench.plant.write(WATCHDOG_KICK, KICK);
    bench.plant.write(LATCH_CLEAR, u32::MAX);
    assert_eq!(bench.plant.read(LATCHES), 0);
    assert!(!bench.is(STATUS_EMISSION));
    // A shorter period.
    bench.plant.write(WATCHDOG_US, 1);
    assert_eq!(bench.plant.read(WATCHDOG_US), 100);
    bench.light();
    bench.pass(100_000);
    assert!(!bench.is(STATUS_EMISSION));
}

#[test]
fn the_interlock_ends_the_light() {
    let mut bench = Bench::lit(4);
    bench.plant.write(IRQ_ENABLE, IRQ_LATCH);
    assert!(!bench.plant.interrupts());
    bench.plant.inject(Fault::Interlock(true));
    assert!(!bench.is(STATUS_EMISSION) && !bench.is(STATUS_INTERLOCK));
    assert_eq!(bench.plant.read(LATCHES), LATCH_INTERLOCK);
    assert!(bench.plant.interrupts());
    bench.plant.write(LATCH_CLEAR, LATCH_INTERLOCK);
    assert!(bench.is(STATUS_LATCHED));
    bench.plant.inject(Fault::Interlock(false));
    assert!(!bench.is(STATUS_EMISSION));
    bench.plant.write(LATCH_CLEAR, LATCH_INTERLOCK);
    assert!(!bench.is(STATUS_LATCHED));
}

#[test]
fn the_comparator_ends_the_light_below_a_hundred_degrees() {
    for seed in 0..50 {
        let mut bench = Bench::lit(seed);
        bench.plant.write(FAN_PWM, 0);
        bench.plant.inject(Fault::HeaterRunaway(u32::MAX));
        let mut hottest = 0;
        while bench.plant.emission() {
            hottest = bench.plant.hottest_uc();
            bench.pass(STEP_NS);
            bench.plant.write(WATCHDOG_KICK, KICK);
        }
        assert_eq!(bench.plant.read(LATCHES), LATCH_OVERTEMP);
        assert!((96_000_000..99_100_000).contains(&hottest), "{hottest}");
        // Hot still: no clearing.
        bench.plant.write(LATCH_CLEAR, u32::MAX);
        assert_eq!(bench.plant.read(LATCHES), LATCH_OVERTEMP);
    }
    let mut bench = Bench::new(1);
    bench.plant.write(COMPARATOR, u32::MAX);
    assert_eq!(bench.plant.read(COMPARATOR), sensor_code(100_000));
}

#[test]
fn rails_fail_and_end_the_light() {
    let mut bench = Bench::lit(5);
    bench.plant.inject(Fault::Rail(2, RailFault::Overcurrent));
    bench.pass(MS);
    assert_eq!(bench.plant.read(LATCHES), LATCH_OVERCURRENT);
    assert_eq!(bench.plant.read(RAIL_OVERCURRENT), 1 << 2);
    assert_eq!(bench.plant.read(RAIL_ENABLE), ALL & !(1 << 2));
    bench.plant.write(RAIL_ENABLE, ALL);
    assert_eq!(bench.plant.read(RAIL_ENABLE), ALL & !(1 << 2));
    bench.plant.inject(Fault::Rail(2, RailFault::None));
    bench.plant.write(LATCH_CLEAR, LATCH_OVERCURRENT);
    bench.plant.write(RAIL_ENABLE, ALL);
    bench.run(20);
    assert!(bench.is(STATUS_RAILS_GOOD));

    bench.light();
    bench.plant.inject(Fault::Rail(4, RailFault::Sag(800)));
    bench.run(5);
    assert_eq!(bench.plant.read(LATCHES), LATCH_UNDERVOLTAGE);
    assert_eq!(bench.plant.read(RAIL_UNDERVOLTAGE), 1 << 4);
    bench.plant.write(LATCH_CLEAR, LATCH_UNDERVOLTAGE);
    assert_eq!(bench.plant.read(LATCHES), LATCH_UNDERVOLTAGE);
    bench.plant.write(RAIL_ENABLE, 0xf);
    bench.plant.write(LATCH_CLEAR, LATCH_UNDERVOLTAGE);
    assert_eq!(bench.plant.read(LATCHES), 0);

    bench.plant.inject(Fault::Rail(3, RailFault::StuckOn));
    bench.plant.write(RAIL_ENABLE, 0);
    bench.run(100);
    assert_eq!(bench.plant.read(RAIL_MV + 12), 3_300);
    assert_eq!(bench.plant.read(RAIL_MV), 0);
}

#[test]
fn the_die_heats_no_faster_than_stated() {
    let mut fastest = 0;
    for seed in 0..20 {
        let mut bench = Bench::lit(seed);
        bench.plant.inject(Fault::Tec(TecFault::Reversed));
        bench.plant.write(TEC_SET_MA, 3_000);
        bench.plant.load(u32::MAX, true);
        bench.plant.inject(Fault::HeaterRunaway(u32::MAX));
        bench.plant.inject(Fault::Ambient(60_000));
        bench.plant.inject(Fault::ComparatorDead(true));
        while bench.plant.hottest_uc() < 110_000_000 {
            let before = bench.plant.places_uc();
            bench.run(1);
            let after = bench.plant.places_uc();
            for place in 0..SENSORS_DIE {
                fastest = fastest.max(after[place] - before[place]);
            }
        }
    }
    assert!(fastest <= MAX_HEATING_UK_PER_MS, "{fastest}");
    println!("{fastest} uK in a millisecond");
    assert!(fastest > MAX_HEATING_UK_PER_MS * 3 / 4, "{fastest}");
}

#[test]
fn sensors_in_order_are_as_good_as_stated() {
    let mut worst = 0;
    for seed in 0..50 {
        let mut bench = Bench::lit(seed);
        bench.plant.load(40_000, true);
        let mut same = 0;
        let mut last = [0; SENSORS];
        for step in 0..4_000 {
            let seen = bench.plant.hottest_uc() / 1_000;
            bench.run(1);
            for (index, last) in last.iter_mut().enumerate() {
                let code = bench.plant.read(SENSOR + 4 * index as u32);
                assert_eq!(code & 3, 0);
                same += u32::from(code & 0xffff == *last & 0xffff);
                if step > 0 {
                    assert_eq!((code >> 16).wrapping_sub(*last >> 16) & 0xffff, 4);
                }
                *last = code;
                if index < SENSORS_DIE {
                    let read = i64::from(sensor_millidegrees(code));
                    worst = worst.max((read - seen).abs());
                }
            }
        }
        assert!(same < 4_000 * 5 / 8, "{same}");
    }
    assert!(worst <= i64::from(ERROR_MC), "{worst}");
    assert!(worst > i64::from(ERROR_MC) / 2, "{worst}");
}

#[test]
fn sensors_break_in_many_ways() {
    let mut bench = Bench::new(6);
    let code = |bench: &Bench| bench.plant.read(SENSOR);
    bench.plant.inject(Fault::Sensor(0, SensorFault::Open));
    assert_eq!(code(&bench) & 0xffff, CODE_OPEN);
    bench.plant.inject(Fault::Sensor(0, SensorFault::Short));
    assert_eq!(code(&bench) & 0xffff, CODE_SHORT);
    bench.plant.inject(Fault::Sensor(0, SensorFault::None));
    let held = code(&bench);
    bench.plant.inject(Fault::Sensor(0, SensorFault::Stale));
    bench.run(5);
    assert_eq!(code(&bench), held);
    bench.plant.inject(Fault::Sensor(0, SensorFault::Stuck));
    let before = code(&bench);
    bench.run(5);
    assert_eq!(code(&bench) & 0xffff, held & 0xffff);
    assert_ne!(code(&bench), before);
    bench
        .plant
        .inject(Fault::Sensor(0, SensorFault::Offset(20_000)));
    bench.run(1);
    assert!((sensor_millidegrees(code(&bench)) - 45_000).abs() < 1_000);
    bench
        .plant
        .inject(Fault::Sensor(0, SensorFault::Drift(-1_000)));
    bench.run(10_000);
    assert!((sensor_millidegrees(code(&bench)) - 15_000).abs() < 1_000);
    bench
        .plant
        .inject(Fault::Sensor(0, SensorFault::Jump(30_000)));
    let mut range = (i32::MAX, i32::MIN);
    for _ in 0..100 {
        bench.run(1);
        let mc = sensor_millidegrees(code(&bench));
        range = (range.0.min(mc), range.1.max(mc));
    }
    assert!(range.1 - range.0 > 30_000);
    // One that is not there does nothing.
    bench.plant.inject(Fault::Sensor(99, SensorFault::Open));
    bench.plant.inject(Fault::Rail(99, RailFault::StuckOn));
}

#[test]
fn cooler_and_fan_follow_and_fail() {
    let mut bench = Bench::new(7);
    let ma = |bench: &Bench| bench.plant.read(TEC_MA) as i32;
    bench.plant.write(TEC_SET_MA, -5_000i32 as u32);
    bench.run(20);
    assert!((-700..-500).contains(&ma(&bench)));
    bench.run(100);
    assert_eq!(ma(&bench), -3_000);
    bench.plant.inject(Fault::Tec(TecFault::Limited(1_000)));
    bench.run(100);
    assert_eq!(ma(&bench), -1_000);
    bench.plant.inject(Fault::Tec(TecFault::Stuck));
    bench.plant.write(TEC_SET_MA, 3_000);
    bench.run(100);
    assert_eq!(ma(&bench), -1_000);
    bench.plant.inject(Fault::Tec(TecFault::Reversed));
    bench.run(200);
    assert_eq!(ma(&bench), -3_000);

    bench.plant.write(FAN_PWM, 300);
    bench.run(10_000);
    assert!((3_950..=4_000).contains(&bench.plant.read(FAN_RPM)));
    bench.plant.inject(Fault::FanStuck(true));
    bench.run(1_000);
    assert_eq!(bench.plant.read(FAN_RPM), 0);
}

#[test]
fn a_device_that_is_gone_reads_all_ones_and_takes_nothing() {
    let mut bench = Bench::lit(8);
    bench.plant.inject(Fault::Gone(true));
    for offset in (0..OPTICS).step_by(4) {
        assert_eq!(bench.plant.read(offset), GONE);
    }
    bench.plant.write(LASER_CONTROL, 0);
    assert!(bench.plant.emission());
    bench.pass(2 * MS);
    assert!(!bench.plant.emission());
}

#[test]
fn resets_are_handed_on_once() {
    let mut bench = Bench::lit(9);
    bench.plant.load(1_000, true);
    bench
        .plant
        .write(CONTROL, CONTROL_RESET_FUNCTION | CONTROL_RESET_SOFT | 1);
    assert!(!bench.is(STATUS_EMISSION));
    assert_eq!(bench.plant.read(CONTROL), 0);
    let both = CONTROL_RESET_FUNCTION | CONTROL_RESET_SOFT;
    assert_eq!(bench.plant.take_reset(), both);
    assert_eq!(bench.plant.take_reset(), 0);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let mut bench = Bench::lit(seed);
        bench.plant.load(20_000, true);
        let mut sum = 0u64;
        for _ in 0..1_000 {
            bench.run(1);
            for offset in (0..OPTICS).step_by(4) {
                sum = sum.rotate_left(5) ^ u64::from(bench.plant.read(offset));
            }
        }
        sum
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn gaps_end_where_steps_would() {
    for gap_s in [1, 10, 100, 3_600] {
        let build = || {
            let mut bench = Bench::new(10);
            bench.plant.write(RAIL_ENABLE, 0xf);
            bench.plant.write(FAN_PWM, 100);
            bench.plant.write(TEC_SET_MA, 700);
            bench.plant.inject(Fault::WatchdogStuck(true));
            bench.run(20);
            bench.plant.load(10_000, true);
            bench
        };
        let (mut fine, mut coarse) = (build(), build());
        fine.run(gap_s * 1_000);
        coarse.pass(gap_s * 1_000 * MS);
        assert_eq!(fine.plant.steps(), coarse.plant.steps());
        let pairs = fine.plant.places_uc();
        for (a, b) in pairs.iter().zip(coarse.plant.places_uc()) {
            assert!((a - b).abs() < 3_000_000, "{gap_s} s: {a} {b}");
        }
        assert_eq!(fine.plant.read(RAIL_GOOD), coarse.plant.read(RAIL_GOOD));
    }
    // The end of time, and time that goes backwards.
    let mut bench = Bench::lit(11);
    bench.plant.advance(u64::MAX);
    bench.plant.advance(5);
    assert!(!bench.plant.emission());
}

#[test]
fn anything_may_be_written_at_any_time() {
    for seed in 0..u64::from(cases(50, 2_000)) {
        let mut random = Random::stream(seed, 3);
        let config = PlantConfig {
            ambient_mc: random.bits() as i32,
            offset_mc: random.bits() as u32,
            laser_uw: random.bits() as u32,
            laser_mw: random.bits() as u32,
            idle_mw: random.bits() as u32,
            busy_mw: random.bits() as u32,
        };
        let mut plant = Plant::new(&config, seed);
        let mut now = random.bits() >> 1;
        for _ in 0..2_000 {
            let gap = random.bits() >> (20 + random.below(44));
            now = now.saturating_add(gap);
            plant.advance(now);
            plant.write(random.below(OPTICS / 4) * 4, random.bits() as u32);
            plant.read(random.below(OPTICS / 4) * 4);
            plant.load(random.bits() as u32, random.below(2) == 0);
            let (index, value) = (random.below(6) as usize, random.bits());
            plant.inject(match random.below(12) {
                0 => Fault::Sensor(index, SensorFault::Drift(value as i32)),
                1 => Fault::Sensor(index, SensorFault::Jump(value as i32)),
                2 => Fault::Sensor(index, SensorFault::Offset(value as i32)),
                3 => Fault::Tec(TecFault::Limited(value as u32)),
                4 => Fault::Tec(TecFault::Reversed),
                5 => Fault::Rail(index, RailFault::Sag(value as u32)),
                6 => Fault::Rail(index, RailFault::Overcurrent),
                7 => Fault::Rail(index, RailFault::StuckOn),
                8 => Fault::Ambient(value as i32),
                9 => Fault::HeaterRunaway(value as u32),
                10 => Fault::FanStuck(value & 1 == 0),
                _ => Fault::Gone(false),
            });
        }
        assert!(plant.hottest_uc() < 1_000_000_000);
    }
}
