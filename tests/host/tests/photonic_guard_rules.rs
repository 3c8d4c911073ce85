// SPDX-License-Identifier: GPL-2.0

//! The rules of the guard one by one: sensors, policy, loops, rails, ticks, requests.

use std::cell::{Cell, RefCell};

use lightos_host::photonic::guard::cause;
use lightos_host::photonic::guard::control::{self, tec_limit, Aim, Control, Health};
use lightos_host::photonic::guard::laser::{Conditions, Laser};
use lightos_host::photonic::guard::policy::{Policy, FULL_PERMILLE, MOST_PERMILLE};
use lightos_host::photonic::guard::power::{Power, Trouble, ALL, SEQUENCE, TRIES};
use lightos_host::photonic::guard::sensor::{Fault, Sensors, RECOVERY, STUCK_LOOKS};
use lightos_host::photonic::guard::ticks::{Ticks, LATCH_LEVEL, PERIOD_NS};
use lightos_host::photonic::guard::*;
use lightos_host::photonic::model::plant::fault::{Fault as Break, RailFault, SensorFault};
use lightos_host::photonic::model::plant::{Plant, PlantConfig};
use lightos_host::photonic::model::random::Random;
use lightos_host::photonic::registers::*;
use lightos_host::support::cases;
use proptest::prelude::*;

/// Registers of a device that does nothing but keep what it is told.
#[derive(Default)]
struct Memory {
    words: RefCell<std::collections::HashMap<u32, u32>>,
    writes: RefCell<Vec<(u32, u32)>>,
}

impl Memory {
    fn set(&self, offset: u32, value: u32) {
        self.words.borrow_mut().insert(offset, value);
    }
}

impl Registers for Memory {
    fn read(&self, offset: u32) -> u32 {
        self.words.borrow().get(&offset).copied().unwrap_or(0)
    }

    fn write(&self, offset: u32, value: u32) {
        self.writes.borrow_mut().push((offset, value));
        self.set(offset, value);
    }
}

// Causes, states, events.

#[test]
fn numbers_are_those_of_the_abi() {
    let header = include_str!("../../../uapi/lightos.h");
    let bit = |name: &str| {
        let line = header.lines().find(|line| line.contains(name)).unwrap();
        let (_, rest) = line.split_once("1U << ").unwrap();
        1u32 << rest
            .split(')')
            .next()
            .unwrap()
            .trim()
            .parse::<u32>()
            .unwrap()
    };
    let causes = [
        ("OVERTEMP", cause::OVERTEMP),
        ("SENSORS", cause::SENSORS),
        ("RAIL_TIMEOUT", cause::RAIL_TIMEOUT),
        ("OVERCURRENT", cause::OVERCURRENT),
        ("UNDERVOLTAGE", cause::UNDERVOLTAGE),
        ("RAIL_STUCK", cause::RAIL_STUCK),
        ("INTERLOCK", cause::INTERLOCK),
        ("WATCHDOG", cause::WATCHDOG),
        ("COMPARATOR", cause::COMPARATOR),
        ("MISSED_TICKS", cause::MISSED_TICKS),
        ("FAN", cause::FAN),
        ("TEC", cause::TEC),
        ("GONE", cause::GONE),
        ("EMISSION", cause::EMISSION),
    ];
    for (name, value) in causes {
        let name = format!("#define LIGHTOS_PHOTONIC_CAUSE_{name}\t");
        assert_eq!(bit(&name), value, "{name}");
    }
    let events = [
        ("LATCHED", Events::LATCHED),
        ("CLEARED", Events::CLEARED),
        ("THROTTLE", Events::THROTTLE),
        ("POWER", Events::POWER),
        ("LASER", Events::LASER),
        ("SENSOR", Events::SENSOR),
    ];
    for (name, value) in events {
        let name = format!("#define LIGHTOS_PHOTONIC_EVENT_{name}\t");
        assert_eq!(bit(&name), value.bits(), "{name}");
    }
    let value = |name: &str| {
        let line = header.lines().find(|line| line.contains(name)).unwrap();
        let (_, rest) = line.split_once('=').unwrap();
        rest.trim().trim_end_matches(',').parse::<u32>().unwrap()
    };
    let states = [
        ("PHOTONIC_UNINITIALISED", State::Uninitialised as u32),
        ("PHOTONIC_INITIALISING", State::Initialising as u32),
        ("PHOTONIC_READY", State::Ready as u32),
        ("PHOTONIC_THERMAL_LIMIT", State::ThermalLimit as u32),
        ("PHOTONIC_ERROR", State::Error as u32),
        ("PHOTONIC_SHUTDOWN", State::Shutdown as u32),
        ("RAIL_OFF", RailState::Off as u32),
        ("RAIL_RAMPING_UP", RailState::RampingUp as u32),
        ("RAIL_ON", RailState::On as u32),
        ("RAIL_RAMPING_DOWN", RailState::RampingDown as u32),
        ("RAIL_FAULT", RailState::Fault as u32),
    ];
    for (name, number) in states {
        assert_eq!(value(&format!("{name}\t")), number, "{name}");
    }
}

// Limits and policy.

#[test]
fn limits_have_hard_bounds() {
    let with = |change: fn(&mut Limits)| {
        let mut limits = Limits::DEFAULT;
        change(&mut limits);
        limits.are_sound()
    };
    assert!(Limits::DEFAULT.are_sound());
    assert!(with(|l| (l.throttle_mc, l.full_mc) = (70_000, 80_000)));
    assert!(with(|l| l.hysteresis_mc = 1_000));
    assert!(with(|l| l.hysteresis_mc = 20_000));
    assert!(with(|l| l.setpoint_mc = 65_000));
    assert!(with(|l| (l.throttle_mc, l.setpoint_mc) = (40_000, 30_000)));
    assert!(with(|l| l.full_mc = 93_000));
    assert!(!with(|l| l.full_mc = 93_001));
    assert!(!with(|l| l.emergency_mc = 95_001));
    assert!(!with(|l| l.throttle_mc = 39_999));
    assert!(!with(|l| l.full_mc = 76_999));
    assert!(!with(|l| l.emergency_mc = 86_999));
    assert!(!with(|l| l.hysteresis_mc = 999));
    assert!(!with(|l| l.hysteresis_mc = 20_001));
    assert!(!with(|l| l.setpoint_mc = 65_001));
    assert!(!with(|l| l.setpoint_mc = 14_999));
    let mut guard = Guard::new(Limits::DEFAULT);
    let wrong = Limits {
        emergency_mc: 96_000,
        ..Limits::DEFAULT
    };
    assert_eq!(guard.set_limits(wrong), Err(Refusal::Limits));
    assert_eq!(guard.limits(), Limits::DEFAULT);
    assert_eq!(Guard::new(wrong).limits(), Limits::DEFAULT);
}

proptest! {
    #[test]
    fn no_limits_overflow(values: [i32; 5], mc: i32) {
        let [throttle_mc, full_mc, emergency_mc, hysteresis_mc, setpoint_mc] = values;
        let limits = Limits { throttle_mc, full_mc, emergency_mc, hysteresis_mc, setpoint_mc };
        if limits.are_sound() {
            prop_assert!(limits.demand(mc) <= MOST_PERMILLE);
        }
    }

    #[test]
    fn demand_never_falls_with_temperature(a in -60_000..200_000i32, b in -60_000..200_000i32) {
        let limits = Limits::DEFAULT;
        prop_assert!(limits.demand(a.min(b)) <= limits.demand(a.max(b)));
    }

    #[test]
    fn readings_of_any_kind_are_survived(registers: [[u32; 5]; 20], elapsed: [u32; 20]) {
        let mut sensors = Sensors::unseen();
        for (registers, elapsed) in registers.iter().zip(elapsed) {
            sensors.look(registers, elapsed);
            prop_assert!(!sensors.any_healthy() || sensors.protective_mc().is_some());
        }
    }

    /// Whatever a device reads and whenever: nothing panics, and the light is off unless all is
    /// well.
    #[test]
    fn devices_of_any_kind_are_survived(values: Vec<(u8, u32)>, times: [u64; 40]) {
        let memory = Memory::default();
        let mut guard = Guard::new(Limits::DEFAULT);
        for (index, &(offset, value)) in values.iter().enumerate() {
            memory.set(u32::from(offset & 0x7f) * 4, value);
            let request = match value & 7 {
                0 => Request::PowerUp,
                1 => Request::PowerDown,
                2 => Request::Arm,
                3 => Request::Disarm,
                _ => Request::Clear,
            };
            let _ = guard.request(request);
            let now = times[index % 40];
            guard.tick(&memory, now, &|| now);
            let snapshot = guard.snapshot();
            prop_assert!(!snapshot.armed || snapshot.causes == 0);
        }
    }
}

#[test]
fn demand_has_its_tiers() {
    let limits = Limits::DEFAULT;
    assert_eq!(limits.demand(74_999), 0);
    assert_eq!(limits.demand(75_000), 0);
    assert_eq!(limits.demand(75_001), 1);
    assert_eq!(limits.demand(80_000), 375);
    assert_eq!(limits.demand(84_999), FULL_PERMILLE);
    assert_eq!(limits.demand(85_000), FULL_PERMILLE);
    assert_eq!(limits.demand(90_000), 850);
    assert_eq!(limits.demand(95_000), MOST_PERMILLE);
    assert_eq!(limits.demand(i32::MAX), MOST_PERMILLE);
    assert_eq!(limits.demand(i32::MIN), 0);
}

/// So many ticks at a temperature.
fn hold(policy: &mut Policy, mc: i32, ticks: u32) {
    for _ in 0..ticks {
        policy.tick(&Limits::DEFAULT, mc, mc, 0);
    }
}

#[test]
fn throttling_leaves_with_hysteresis() {
    let mut policy = Policy::cool();
    hold(&mut policy, 84_000, 10);
    assert_eq!(policy.permille(), 675);
    assert!(!policy.full());
    // Chatter within the hysteresis changes nothing.
    for _ in 0..1_000 {
        hold(&mut policy, 79_100, 1);
        hold(&mut policy, 84_000, 1);
        assert_eq!(policy.permille(), 675);
    }
    hold(&mut policy, 79_001, 5_000);
    assert_eq!(policy.permille(), 675);
    hold(&mut policy, 75_000, 5_000);
    assert_eq!(policy.permille(), 375);
    hold(&mut policy, 70_000, 5_000);
    assert_eq!(policy.permille(), 0);
    // The full tier.
    hold(&mut policy, 85_000, 1);
    assert!(policy.full());
    hold(&mut policy, 80_001, 5_000);
    assert!(policy.full() && policy.permille() >= FULL_PERMILLE);
    hold(&mut policy, 80_000, 100);
    assert!(!policy.full());
}

#[test]
fn throttling_does_not_fall_while_it_gets_hotter() {
    let mut policy = Policy::cool();
    hold(&mut policy, 84_000, 10);
    hold(&mut policy, 60_000, 100);
    let mut last = policy.permille();
    assert!(last < 675);
    for mc in (60_000..84_000).step_by(20) {
        hold(&mut policy, mc, 1);
        if mc > 60_200 {
            assert!(policy.permille() >= last, "{mc}");
        }
        last = policy.permille();
    }
    // What may come counts for the demand, not for the trend.
    let mut policy = Policy::cool();
    policy.tick(&Limits::DEFAULT, 70_000, 86_000, 0);
    assert!(policy.full() && policy.permille() >= FULL_PERMILLE);
    // A floor holds, and goes a thousandth a tick.
    let mut policy = Policy::cool();
    policy.tick(&Limits::DEFAULT, 45_000, 45_000, 500);
    assert_eq!(policy.permille(), 500);
    hold(&mut policy, 45_000, 100);
    assert_eq!(policy.permille(), 400);
}

// Sensors.

/// Sensors that are looked at every millisecond.
struct Looked {
    sensors: Sensors,
    count: u16,
}

impl Looked {
    fn new() -> Self {
        Self {
            sensors: Sensors::unseen(),
            count: 0xfffa,
        }
    }

    /// A look at codes, with a little noise of its own.
    fn codes(&mut self, codes: [u32; SENSORS]) {
        self.count = self.count.wrapping_add(4);
        let count = u32::from(self.count) << 16;
        self.sensors.look(&codes.map(|code| count | code), 1_000);
    }

    fn look(&mut self, mc: [i32; SENSORS]) {
        let noise = i32::from(self.count % 32) * 16;
        self.codes(mc.map(|mc| sensor_code(mc + noise)));
    }

    fn looks(&mut self, mc: [i32; SENSORS], times: usize) {
        for _ in 0..times {
            self.look(mc);
        }
    }

    fn fault(&self, index: usize) -> Fault {
        self.sensors.faults()[index]
    }
}

const ROOM: [i32; SENSORS] = [45_000, 45_500, 44_800, 35_000, 25_000];

#[test]
fn sensors_in_order_are_believed_past_the_wrap_of_their_counters() {
    let mut looked = Looked::new();
    assert!(!looked.sensors.any_healthy());
    looked.looks(ROOM, 70_000);
    assert_eq!(looked.sensors.faults(), [Fault::None; SENSORS]);
    let protective = looked.sensors.protective_mc().unwrap();
    assert!((45_490..46_100).contains(&protective));
    let control = looked.sensors.control_mc().unwrap();
    assert!((45_090..45_700).contains(&control));
}

#[test]
fn wires_show_at_once_and_recover_after_a_second() {
    for (code, fault) in [(CODE_OPEN, Fault::Open), (CODE_SHORT, Fault::Short)] {
        let mut looked = Looked::new();
        looked.looks(ROOM, 10);
        let mut codes = ROOM.map(sensor_code);
        codes[1] = code;
        looked.codes(codes);
        assert_eq!(looked.fault(1), fault);
        looked.looks(ROOM, usize::from(RECOVERY) - 1);
        assert_eq!(looked.fault(1), fault);
        looked.looks(ROOM, 1);
        assert_eq!(looked.fault(1), Fault::None);
    }
}

#[test]
fn a_stuck_sensor_is_one_that_noise_does_not_move() {
    let mut looked = Looked::new();
    looked.look(ROOM);
    for nth in 0..=STUCK_LOOKS {
        assert_eq!(looked.fault(0), Fault::None, "{nth}");
        let mut codes = ROOM.map(|mc| sensor_code(mc + i32::from(nth) * 16));
        codes[0] = sensor_code(45_200);
        looked.codes(codes);
    }
    assert_eq!(looked.fault(0), Fault::Stuck);
    assert_eq!(looked.fault(1), Fault::None);
}

#[test]
fn a_stale_sensor_is_one_whose_counter_stands() {
    let mut sensors = Sensors::unseen();
    let registers = ROOM.map(|mc| 7 << 16 | sensor_code(mc));
    sensors.look(&registers, 1_000);
    // Two ticks close together see the same conversion.
    for _ in 0..100 {
        sensors.look(&registers, 200);
    }
    assert_eq!(sensors.faults(), [Fault::None; SENSORS]);
    sensors.look(&registers, 1_000);
    assert_eq!(sensors.faults(), [Fault::None; SENSORS]);
    sensors.look(&registers, 1_000);
    assert_eq!(sensors.faults(), [Fault::Stale; SENSORS]);
    assert_eq!(sensors.protective_mc(), None);
}

#[test]
fn a_jump_is_more_than_anything_heats() {
    let mut looked = Looked::new();
    looked.looks(ROOM, 10);
    let mut mc = ROOM;
    mc[2] += 3_200;
    looked.looks(mc, 2);
    assert_eq!(looked.fault(2), Fault::None);
    mc[2] += 5_000;
    looked.look(mc);
    assert_eq!(looked.fault(2), Fault::Jumping);
    // Ten degrees in ten milliseconds are none.
    let mut sensors = Sensors::unseen();
    sensors.look(&ROOM.map(|mc| 1 << 16 | sensor_code(mc)), 1_000);
    sensors.look(&ROOM.map(|mc| 2 << 16 | sensor_code(mc + 10_000)), 10_000);
    assert_eq!(sensors.faults(), [Fault::None; SENSORS]);
}

#[test]
fn no_die_is_as_hot_as_that() {
    for (mc, fault) in [
        (125_000, Fault::None),
        (125_100, Fault::OutOfRange),
        (-40_000, Fault::None),
        (-40_100, Fault::OutOfRange),
    ] {
        let mut sensors = Sensors::unseen();
        sensors.look(&[1 << 16 | sensor_code(mc); SENSORS], 1_000);
        assert_eq!(sensors.faults()[0], fault, "{mc}");
    }
}

#[test]
fn who_is_alone_is_at_odds_but_can_raise_the_alarm() {
    let mut looked = Looked::new();
    let mut mc = ROOM;
    for _ in 0..10 {
        looked.look(mc);
        mc[0] += 1_000;
    }
    looked.looks(mc, 10);
    assert_eq!(looked.fault(0), Fault::AtOdds);
    assert!(looked.sensors.any_healthy());
    assert!(looked.sensors.protective_mc().unwrap() > 54_000);
    assert!(looked.sensors.control_mc().unwrap() < 46_500);

    // Of two the colder one is doubted.
    let mut looked = Looked::new();
    looked.looks(ROOM, 2);
    let both = |low: i32, noise: i32| {
        let mc = [45_000, low, 0, 35_000, 25_000];
        let mut codes = mc.map(|mc| sensor_code(mc + noise));
        codes[2] = CODE_OPEN;
        codes
    };
    for step in 0..40 {
        looked.codes(both(45_000 - 500 * step, 16 * (step % 7)));
    }
    assert_eq!(looked.fault(1), Fault::AtOdds);
    assert_ne!(looked.fault(0), Fault::AtOdds);
}

#[test]
fn a_mended_sensor_is_heard_even_against_the_others() {
    let mut looked = Looked::new();
    let mut mc = ROOM;
    looked.looks(mc, 2);
    let mut codes = mc.map(sensor_code);
    codes[0] = CODE_OPEN;
    looked.codes(codes);
    // The others have drifted away while it was open.
    mc[0] = 90_000;
    looked.looks(mc, usize::from(RECOVERY) + 10);
    assert_eq!(looked.fault(0), Fault::AtOdds);
    assert!(looked.sensors.protective_mc().unwrap() >= 90_000);
}

// Cooler and fan.

#[test]
fn a_hot_sink_limits_the_cooler() {
    assert_eq!(tec_limit(Some(i32::MIN)), 3_000);
    assert_eq!(tec_limit(Some(60_000)), 3_000);
    assert_eq!(tec_limit(Some(67_500)), 1_500);
    assert_eq!(tec_limit(Some(75_000)), 0);
    assert_eq!(tec_limit(Some(i32::MAX)), 0);
    assert_eq!(tec_limit(None), control::SINK_UNKNOWN_MA);
    let mut control = Control::resting();
    for _ in 0..1_000 {
        control.tick(Aim::Hold(45_000), Some(80_000), Some(55_000));
    }
    assert_eq!(control.tec_ma(), 3_000);
    control.tick(Aim::Hold(45_000), Some(80_000), Some(70_000));
    assert_eq!(control.tec_ma(), 1_000);
    control.tick(Aim::Full, Some(90_000), Some(80_000));
    assert_eq!(control.tec_ma(), 0);
    // Heating cools the sink: no limit.
    for _ in 0..1_000 {
        control.tick(Aim::Hold(45_000), Some(0), Some(80_000));
    }
    assert_eq!(control.tec_ma(), -3_000);
}

#[test]
fn loops_slew_and_do_not_wind_up() {
    let mut control = Control::resting();
    let mut last = (0, 0);
    for tick in 0..20_000 {
        control.tick(Aim::Hold(45_000), Some(60_000), Some(70_000 - tick));
        let now = (control.tec_ma(), control.pwm() as i32);
        assert!(now.0 - last.0 <= control::TEC_SLEW_MA && now.1 - last.1 <= 1);
        last = now;
    }
    assert_eq!(last.0, 3_000);
    // After twenty seconds at the limit it leaves at once when it is cold.
    control.tick(Aim::Hold(45_000), Some(44_000), Some(50_000));
    assert_eq!(control.tec_ma(), 2_980);
    for _ in 0..250 {
        control.tick(Aim::Hold(45_000), Some(44_000), Some(50_000));
    }
    assert!(control.tec_ma() < 3_000 - 300);
    // Full is at once, for both.
    let mut control = Control::resting();
    control.tick(Aim::Full, Some(86_000), Some(40_000));
    assert_eq!((control.tec_ma(), control.pwm()), (3_000, 255));
    control.tick(Aim::Blind, None, None);
    assert_eq!(
        (control.tec_ma(), control.pwm()),
        (control::SINK_UNKNOWN_MA, 255)
    );
    for _ in 0..4_000 {
        control.tick(Aim::Rest, Some(30_000), Some(30_000));
    }
    assert!(control.at_rest());
}

#[test]
fn coolers_and_fans_that_do_not_follow_are_found() {
    let mut control = Control::resting();
    control.tick(Aim::Full, Some(90_000), Some(40_000));
    for _ in 0..control::TEC_SUSPECT {
        assert_eq!(control.tec_health(), Health::Good);
        control.observe(1_000, 4_000);
    }
    assert_eq!(control.tec_health(), Health::Suspect);
    for _ in 0..control::TEC_BROKEN {
        control.observe(1_000, 4_000);
    }
    assert_eq!(control.tec_health(), Health::Broken);
    control.observe(2_800, 4_000);
    assert_eq!(control.tec_health(), Health::Good);
    // On its way it follows.
    let mut control = Control::resting();
    control.tick(Aim::Full, Some(90_000), Some(40_000));
    for ma in (0..3_000).step_by(10) {
        control.observe(ma, 4_000);
        assert_eq!(control.tec_health(), Health::Good);
    }
    // The wrong way: it is turned off.
    for _ in 0..200 {
        control.observe(-3_000, 4_000);
    }
    control.tick(Aim::Full, Some(90_000), Some(40_000));
    assert_eq!(control.tec_ma(), 0);
    control.forgive();
    control.tick(Aim::Full, Some(90_000), Some(40_000));
    assert_eq!(control.tec_ma(), 3_000);

    for _ in 0..control::FAN_SUSPECT {
        assert_eq!(control.fan_health(), Health::Good);
        control.observe(3_000, 999);
    }
    assert_eq!(control.fan_health(), Health::Suspect);
    for _ in 0..control::FAN_BROKEN {
        control.observe(3_000, 0);
    }
    assert_eq!(control.fan_health(), Health::Broken);
    control.observe(3_000, 1_000);
    assert_eq!(control.fan_health(), Health::Good);
}

// Laser.

#[test]
fn light_is_an_and() {
    let all = Conditions {
        interlock: true,
        rails: true,
        cool: true,
        watchdog: true,
        clean: true,
    };
    assert!(all.allow_light() && all.allow_arming());
    for without in 0..5 {
        let mut some = all;
        let flags = [
            &mut some.interlock,
            &mut some.rails,
            &mut some.cool,
            &mut some.watchdog,
            &mut some.clean,
        ];
        *flags.into_iter().nth(without).unwrap() = false;
        assert!(!some.allow_light(), "{some:?}");
        assert_eq!(some.allow_arming(), without == 3);
    }
    let mut laser = Laser::OFF;
    assert!(!laser.observe(true) && laser.strays());
    assert!(laser.observe(true));
    assert!(!laser.observe(false) && !laser.strays());
    let mut laser = Laser::On { unseen: 0 };
    assert!(!laser.observe(false) && !laser.observe(false));
    assert!(laser.observe(false));
}

// Ticks.

#[test]
fn late_ticks_count_and_tighten() {
    let mut ticks = Ticks::none();
    assert_eq!(ticks.pass(u64::MAX / 2).missed, 0);
    let mut now = u64::MAX / 2;
    let mut after = |us: u64, ticks: &mut Ticks| {
        now += us * 1_000;
        ticks.pass(now)
    };
    assert_eq!(after(1_500, &mut ticks).missed, 0);
    let passed = after(1_501, &mut ticks);
    assert_eq!((passed.missed, passed.us), (1, 1_501));
    assert_eq!(after(3_000, &mut ticks).missed, 2);
    assert_eq!(after(1_000_000, &mut ticks).missed, 999);
    assert_eq!(after(40_000_000, &mut ticks).us, 4_000_000);
    // It only goes forward.
    let before = ticks.total_us();
    assert_eq!(ticks.pass(0).ns, 0);
    assert_eq!(ticks.total_us(), before);
    assert_eq!(ticks.pass(PERIOD_NS).us, 1_000);
    assert_eq!(ticks.pass(u64::MAX).us, 4_000_000);

    ticks.forgive();
    ticks.tighten(9);
    assert!(ticks.level() < LATCH_LEVEL);
    ticks.tighten(1);
    assert!(ticks.level() >= LATCH_LEVEL);
    let level = ticks.level();
    ticks.pass(u64::MAX);
    assert_eq!(ticks.level(), level - 1);
    ticks.tighten(u32::MAX);
    ticks.tighten(u32::MAX);
    assert_eq!(ticks.level(), 10 * LATCH_LEVEL);
}

// Power.

fn mv(memory: &Memory, rail: usize, mv: u32) {
    memory.set(RAIL_MV + 4 * rail as u32, mv);
}

#[test]
fn the_table_is_the_order_of_the_voltages() {
    let volts = SEQUENCE.map(|step| RAIL_NOMINAL_MV[step.rail]);
    assert_eq!(volts, [1_000, 1_800, 2_500, 3_300, 5_000, 12_000]);
}

#[test]
fn rails_go_up_and_down_by_the_table() {
    let memory = Memory::default();
    let mut power = Power::Off.up(0);
    let mut now = 0;
    let mut enabled = Vec::new();
    while power != Power::On {
        now += 1_000;
        let (next, trouble) = power.next(&memory, now);
        assert_eq!(trouble, Trouble::None);
        power = next;
        power.apply(&memory);
        let set = memory.read(RAIL_ENABLE);
        memory.set(RAIL_GOOD, set);
        for (rail, full) in RAIL_NOMINAL_MV.into_iter().enumerate() {
            mv(&memory, rail, full * (set >> rail & 1));
        }
        enabled.push(set);
    }
    enabled.dedup();
    assert_eq!(enabled, [1, 3, 7, 15, 31, 63]);
    assert_eq!(power.up(now), Power::On);
    power = power.down(now);
    enabled.clear();
    while power != Power::Off {
        now += 1_000;
        power.apply(&memory);
        let set = memory.read(RAIL_ENABLE);
        enabled.push(set);
        assert_eq!(
            power.next(&memory, now).0,
            power,
            "not before it is discharged"
        );
        for (rail, full) in RAIL_NOMINAL_MV.into_iter().enumerate() {
            if set >> rail & 1 == 0 {
                mv(&memory, rail, full / 20 - 1);
            }
        }
        power = power.next(&memory, now).0;
    }
    assert_eq!(enabled, [31, 15, 7, 3, 1, 0]);
}

#[test]
fn a_rail_that_is_never_good_is_tried_so_often_and_no_more() {
    let memory = Memory::default();
    let mut power = Power::Off.up(0);
    let (mut tries, mut now, mut troubles) = (0, 0, Vec::new());
    for _ in 0..2_000 {
        now += 1_000;
        let before = power;
        let (next, trouble) = power.next(&memory, now);
        power = next;
        power.apply(&memory);
        let rises = |power: &Power| matches!(power, Power::Rising { .. });
        tries += u8::from(rises(&power) && !rises(&before));
        // Rails 0 and 1 come up, rail 2 does not.
        memory.set(RAIL_GOOD, memory.read(RAIL_ENABLE) & 3);
        assert!(memory.read(RAIL_ENABLE) <= 7);
        if trouble != Trouble::None {
            troubles.push(trouble);
        }
    }
    assert_eq!(power, Power::Off);
    assert_eq!(tries, TRIES);
    assert_eq!(troubles, [Trouble::Timeout(2)]);
}

#[test]
fn a_charged_rail_is_not_built_upon() {
    let memory = Memory::default();
    mv(&memory, 4, 4_000);
    let mut power = Power::Off.up(0);
    let mut trouble = Trouble::None;
    for ms in 1..=300 {
        if trouble == Trouble::None {
            (power, trouble) = power.next(&memory, ms * 1_000);
        }
        assert_eq!(power.enabled(), 0);
    }
    assert_eq!((power, trouble), (Power::Off, Trouble::Stuck(4)));
    // On the way down it stops there, and goes on when it has discharged.
    let mut power = Power::On.down(0);
    let mut troubles = 0;
    for ms in 1..=1_000 {
        let next = power.next(&memory, ms * 1_000);
        power = next.0;
        troubles += u32::from(next.1 == Trouble::Stuck(4));
    }
    assert_eq!((power, troubles), (Power::Stuck { step: 4 }, 1));
    assert_eq!(power.enabled(), 0xf);
    assert_eq!(power.up(0), power);
    assert_eq!(power.down(0), power);
    mv(&memory, 4, 0);
    assert!(matches!(
        power.next(&memory, 0).0,
        Power::Falling { step: 3, .. }
    ));
}

#[test]
fn what_a_former_owner_left_goes_down_first() {
    let memory = Memory::default();
    assert_eq!(Power::adopt(&memory, 0), Power::Off);
    memory.set(RAIL_ENABLE, 1);
    assert!(matches!(
        Power::adopt(&memory, 0),
        Power::Falling { step: 5, .. }
    ));
    memory.set(RAIL_ENABLE, 0);
    mv(&memory, 5, 12_000);
    assert!(matches!(
        Power::adopt(&memory, 0),
        Power::Falling { step: 5, .. }
    ));
}

// All of it on a plant.

struct Rig {
    plant: RefCell<Plant>,
    now: Cell<u64>,
    writes: RefCell<Vec<(u32, u32)>>,
    guard: RefCell<Guard>,
}

impl Registers for Rig {
    fn read(&self, offset: u32) -> u32 {
        self.plant.borrow().read(offset)
    }

    fn write(&self, offset: u32, value: u32) {
        self.writes.borrow_mut().push((offset, value));
        self.plant.borrow_mut().write(offset, value);
    }
}

impl Rig {
    fn new() -> Self {
        Self {
            plant: RefCell::new(Plant::new(&PlantConfig::TYPICAL, 42)),
            now: Cell::new(5 * PERIOD_NS),
            writes: RefCell::default(),
            guard: RefCell::new(Guard::new(Limits::DEFAULT)),
        }
    }

    fn lit() -> Self {
        let rig = Self::new();
        rig.ticks(2);
        assert_eq!(rig.ask(Request::PowerUp), Ok(()));
        rig.ticks(100);
        assert_eq!(rig.ask(Request::Arm), Ok(()));
        rig.ticks(2);
        assert!(rig.emission());
        rig
    }

    fn ask(&self, request: Request) -> Result<(), Refusal> {
        self.guard.borrow_mut().request(request)
    }

    fn tick(&self) -> Events {
        self.now.set(self.now.get() + PERIOD_NS);
        self.plant.borrow_mut().advance(self.now.get());
        self.writes.borrow_mut().clear();
        let clock = || self.now.get();
        self.guard.borrow_mut().tick(self, self.now.get(), &clock)
    }

    fn ticks(&self, count: u32) -> u32 {
        (0..count).fold(0, |events, _| events | self.tick().bits())
    }

    fn inject(&self, fault: Break) {
        self.plant.borrow_mut().inject(fault);
    }

    fn emission(&self) -> bool {
        self.plant.borrow().emission()
    }

    fn see(&self) -> Snapshot {
        self.guard.borrow().snapshot()
    }
}

#[test]
fn it_starts_dark_and_is_idle() {
    let rig = Rig::new();
    assert!(!rig.guard.borrow().idle());
    rig.ticks(3);
    assert!(rig.guard.borrow().idle());
    assert_eq!(rig.see().state, State::Uninitialised);
    assert_eq!(rig.ask(Request::Arm), Err(Refusal::NoPower));
    assert_eq!(rig.ask(Request::PowerUp), Ok(()));
    assert_eq!(rig.ask(Request::Clear), Err(Refusal::Busy));
    assert!(!rig.guard.borrow().idle());
    rig.ticks(1);
    assert_eq!(rig.see().state, State::Initialising);
    assert_eq!(rig.ask(Request::Arm), Err(Refusal::NoPower));
    rig.ticks(60);
    assert_eq!(rig.see().state, State::Ready);
    assert_eq!(rig.see().rail_state, [RailState::On; RAILS]);
    assert!(!rig.emission());
}

#[test]
fn arming_and_disarming_take_a_word_each() {
    let rig = Rig::lit();
    assert_eq!(rig.ask(Request::Arm), Err(Refusal::Busy));
    assert_eq!(rig.ask(Request::Disarm), Ok(()));
    rig.tick();
    assert!(!rig.emission());
    assert_eq!(rig.writes.borrow().first(), Some(&(LASER_CONTROL, 0)));
    // The next tick sees that it is dark.
    assert!(rig.tick().any_of(Events::LASER));
    rig.ticks(100);
    assert!(!rig.emission());
    // An Arm that was not carried out yet is taken back.
    assert_eq!(rig.ask(Request::Arm), Ok(()));
    assert_eq!(rig.ask(Request::Disarm), Ok(()));
    rig.ticks(5);
    assert!(!rig.emission());
    assert_eq!(rig.ask(Request::Arm), Ok(()));
    rig.ticks(2);
    assert!(rig.emission());
    rig.guard.borrow_mut().stop_light(&rig, rig.now.get());
    assert!(!rig.emission() && !rig.see().armed);
    assert_eq!(rig.ticks(5) & Events::LATCHED.bits(), 0);
    assert_eq!(rig.see().statistics.rearms, 2);
}

#[test]
fn power_down_ends_the_light_first_and_then_rests() {
    let rig = Rig::lit();
    assert_eq!(rig.ask(Request::PowerDown), Ok(()));
    rig.tick();
    assert_eq!(rig.writes.borrow().first(), Some(&(LASER_CONTROL, 0)));
    assert!(!rig.emission());
    assert_eq!(rig.see().rail_state[5], RailState::RampingDown);
    assert_eq!(rig.ask(Request::PowerUp), Err(Refusal::Busy));
    rig.ticks(4_000);
    assert_eq!(rig.see().state, State::Uninitialised);
    assert!(rig.guard.borrow().idle());
    assert_eq!(rig.see().causes, 0);
    // The timer may stop; what it misses then is nothing.
    rig.now.set(rig.now.get() + 3_600_000 * PERIOD_NS);
    rig.ticks(3);
    assert_eq!(rig.ask(Request::PowerUp), Ok(()));
    rig.ticks(100);
    assert_eq!(rig.see().state, State::Ready);
    assert_eq!(rig.see().causes, 0);
}

#[test]
fn a_latch_takes_clear_and_then_arm() {
    let rig = Rig::lit();
    rig.inject(Break::Interlock(true));
    assert!(rig.tick().any_of(Events::LATCHED));
    assert!(rig.see().causes & cause::INTERLOCK != 0);
    assert_eq!(rig.see().first_cause.count_ones(), 1);
    assert_eq!(rig.see().state, State::Error);
    assert_eq!(rig.ask(Request::Arm), Err(Refusal::Latched));
    assert_eq!(rig.ask(Request::Clear), Ok(()));
    rig.tick();
    assert!(!rig.see().pending && rig.see().causes & cause::INTERLOCK != 0);
    rig.inject(Break::Interlock(false));
    rig.tick();
    assert_eq!(rig.ask(Request::Clear), Ok(()));
    assert!(rig.tick().any_of(Events::CLEARED));
    assert_eq!((rig.see().causes, rig.see().first_cause), (0, 0));
    rig.ticks(10);
    assert!(!rig.emission());
    rig.inject(Break::Interlock(true));
    rig.tick();
    assert_eq!(rig.ask(Request::Arm), Err(Refusal::Interlock));
    rig.inject(Break::Interlock(false));
    rig.tick();
    assert_eq!(rig.ask(Request::Arm), Ok(()));
    rig.ticks(2);
    assert!(rig.emission());
}

#[test]
fn an_emergency_ends_light_heaters_and_power() {
    let rig = Rig::lit();
    rig.inject(Break::HeaterRunaway(100_000));
    let mut ticks = 0;
    while rig.see().causes == 0 {
        rig.tick();
        ticks += 1;
        assert!(ticks < 1_000);
    }
    assert_eq!(rig.see().causes, cause::OVERTEMP);
    let writes = rig.writes.borrow().clone();
    assert_eq!(writes[0], (LASER_CONTROL, 0));
    assert_eq!(writes[1], (CONTROL, CONTROL_RESET_FUNCTION));
    assert_eq!(rig.see().statistics.trips, 1);
    // Hot yet, and the rails are on their way.
    assert_eq!(rig.ask(Request::Clear), Ok(()));
    rig.tick();
    assert!(rig.see().causes & cause::OVERTEMP != 0);
    rig.ticks(5_000);
    rig.inject(Break::HeaterRunaway(0));
    assert_eq!(rig.see().rail_state, [RailState::Off; RAILS]);
    assert_eq!(rig.ask(Request::Clear), Ok(()));
    rig.tick();
    assert_eq!(rig.see().causes, 0);
    assert!(!rig.emission());
}

#[test]
fn light_against_orders_takes_the_power_away() {
    let rig = Rig::lit();
    assert_eq!(rig.ask(Request::Disarm), Ok(()));
    rig.ticks(3);
    for _ in 0..2 {
        // Somebody else turns it on again and again.
        rig.plant
            .borrow_mut()
            .write(LASER_CONTROL, LASER_ENABLE | LASER_KEY);
        assert!(rig.emission());
        rig.tick();
        assert_eq!(rig.writes.borrow().first(), Some(&(LASER_CONTROL, 0)));
    }
    assert_eq!(rig.see().causes, cause::EMISSION);
    rig.ticks(200);
    assert_eq!(rig.see().rail_state, [RailState::Off; RAILS]);
    // And no light against orders too.
    let rig = Rig::lit();
    rig.plant.borrow_mut().write(LASER_CONTROL, 0);
    rig.ticks(4);
    assert_eq!(rig.see().causes, cause::EMISSION);
}

#[test]
fn a_device_that_is_gone_hears_one_word() {
    let rig = Rig::lit();
    rig.inject(Break::Gone(true));
    rig.tick();
    assert_eq!(*rig.writes.borrow(), [(LASER_CONTROL, 0)]);
    assert_eq!(rig.see().state, State::Shutdown);
    assert!(rig.guard.borrow().idle());
    for _ in 0..100 {
        rig.tick();
        assert!(rig.writes.borrow().is_empty());
    }
    assert_eq!(rig.ask(Request::PowerUp), Err(Refusal::Latched));
    rig.inject(Break::Gone(false));
    rig.tick();
    assert!(rig.writes.borrow().is_empty());
    assert_eq!(rig.ask(Request::Clear), Ok(()));
    rig.ticks(200);
    // Its watchdog has run out meanwhile, and its rails went down in order.
    assert_eq!(rig.see().causes, cause::WATCHDOG);
    assert_eq!(rig.see().rail_state, [RailState::Off; RAILS]);
    assert_eq!(rig.ask(Request::Clear), Ok(()));
    rig.tick();
    assert_eq!(rig.see().causes, 0);
}

#[test]
fn a_restarted_driver_adopts_a_device_that_shines() {
    let rig = Rig::lit();
    *rig.guard.borrow_mut() = Guard::new(Limits::DEFAULT);
    rig.tick();
    assert_eq!(rig.writes.borrow().first(), Some(&(LASER_CONTROL, 0)));
    assert!(!rig.emission());
    rig.ticks(300);
    assert_eq!(rig.see().state, State::Uninitialised);
    assert_eq!(rig.plant.borrow().read(RAIL_ENABLE), 0);
}

#[test]
fn rails_that_fail_name_themselves() {
    let rig = Rig::lit();
    rig.inject(Break::Rail(3, RailFault::Overcurrent));
    rig.ticks(200);
    assert!(rig.see().causes & cause::OVERCURRENT != 0);
    assert_eq!(rig.see().rail_state[3], RailState::Fault);
    assert_eq!(rig.see().rail_state[0], RailState::Off);
    rig.inject(Break::Rail(3, RailFault::None));
    assert_eq!(rig.ask(Request::Clear), Ok(()));
    rig.tick();
    assert_eq!(rig.see().causes, 0);
    assert_eq!(rig.see().rail_state, [RailState::Off; RAILS]);

    rig.inject(Break::Rail(1, RailFault::NeverGood));
    assert_eq!(rig.ask(Request::PowerUp), Ok(()));
    rig.ticks(1_500);
    assert_eq!(rig.see().causes, cause::RAIL_TIMEOUT);
    assert_eq!(rig.see().rail_state[1], RailState::Fault);
}

#[test]
fn no_healthy_sensor_is_too_hot() {
    let rig = Rig::lit();
    for index in 0..2 {
        rig.inject(Break::Sensor(index, SensorFault::Open));
    }
    assert!(rig.tick().any_of(Events::SENSOR));
    assert!(rig.emission());
    rig.inject(Break::Sensor(2, SensorFault::Short));
    rig.tick();
    assert!(!rig.emission());
    assert_eq!(rig.see().causes, cause::SENSORS);
    assert_eq!(rig.see().fan_pwm, 255);

    // Nor is one whose neighbours say something else, once they are lost.
    let rig = Rig::lit();
    rig.ticks(500);
    rig.inject(Break::Sensor(0, SensorFault::Drift(100_000)));
    rig.ticks(100);
    assert_eq!(rig.see().sensor_faults[0], Fault::AtOdds);
    assert!(rig.emission());
    for index in 1..3 {
        rig.inject(Break::Sensor(index, SensorFault::Open));
    }
    rig.tick();
    assert!(!rig.emission());
    assert_eq!(rig.see().causes, cause::SENSORS);
}

#[test]
fn missed_ticks_throttle_and_then_latch() {
    let rig = Rig::lit();
    rig.ticks(10);
    rig.now.set(rig.now.get() + 600_000);
    rig.tick();
    assert_eq!(rig.see().statistics.missed, 1);
    assert!(rig.see().throttle_permille >= 99);
    for _ in 0..10 {
        assert_eq!(rig.see().causes, 0);
        rig.now.set(rig.now.get() + 600_000);
        rig.tick();
    }
    assert_eq!(rig.see().causes, cause::MISSED_TICKS);
    assert!(!rig.emission());
    assert_eq!(rig.ask(Request::Clear), Ok(()));
    rig.tick();
    assert_eq!(rig.see().causes, 0);
    // A clock that goes backwards is no reason for anything.
    rig.guard.borrow_mut().tick(&rig, 0, &|| 0);
    assert_eq!(rig.see().causes, 0);
}

#[test]
fn a_lower_emergency_temperature_lowers_the_comparator() {
    let rig = Rig::lit();
    let limits = Limits {
        throttle_mc: 60_000,
        full_mc: 65_000,
        emergency_mc: 70_000,
        ..Limits::DEFAULT
    };
    assert_eq!(rig.guard.borrow_mut().set_limits(limits), Ok(()));
    rig.ticks(8);
    assert_eq!(rig.plant.borrow().read(COMPARATOR), sensor_code(73_000));
    assert_eq!(rig.plant.borrow().read(WATCHDOG_US), 2_000);
    assert_eq!(ALL, 63);
}

#[test]
fn a_guard_is_small() {
    assert!(size_of::<Guard>() < 1_024, "{}", size_of::<Guard>());
    assert!(size_of::<Snapshot>() < 512);
    assert!(size_of::<Plant>() < 1_024, "{}", size_of::<Plant>());
}

/// A plant whose registers now and then read as anything.
struct Noisy<'a> {
    rig: &'a Rig,
    random: RefCell<Random>,
}

impl Registers for Noisy<'_> {
    fn read(&self, offset: u32) -> u32 {
        let mut random = self.random.borrow_mut();
        match random.below(64) {
            0 => random.bits() as u32,
            1 => self.rig.read(offset) ^ 1 << random.below(32),
            _ => self.rig.read(offset),
        }
    }

    fn write(&self, offset: u32, value: u32) {
        self.rig.write(offset, value);
    }
}

#[test]
fn registers_that_lie_are_survived() {
    for seed in 0..u64::from(cases(20, 500)) {
        let rig = Rig::new();
        let noisy = Noisy {
            rig: &rig,
            random: RefCell::new(Random::new(seed)),
        };
        let mut random = Random::stream(seed, 1);
        let mut guard = Guard::new(Limits::DEFAULT);
        for _ in 0..5_000 {
            rig.now
                .set(rig.now.get() + u64::from(random.below(3_000_000)));
            rig.plant.borrow_mut().advance(rig.now.get());
            let requests = [Request::PowerUp, Request::Arm, Request::Clear];
            let _ = guard.request(requests[random.below(3) as usize]);
            guard.tick(&noisy, rig.now.get(), &|| rig.now.get());
            let snapshot = guard.snapshot();
            assert!(!snapshot.armed || snapshot.causes == 0);
        }
    }
}
