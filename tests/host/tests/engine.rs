// SPDX-License-Identifier: GPL-2.0

//! The engine's rules, one by one.

use lightos_host::spiking::engine::{
    Activity, Config, ConfigError, Counters, Encoding, Input, Memory, Reset, StartError,
    SubmitError, MAX_AHEAD_NS, MAX_DELTA_THRESHOLD_MV,
};
use lightos_host::support::{engine, HostEngine};

const US: u64 = 1_000;
const MS: u64 = 1_000_000;
const S: u64 = 1_000_000_000;

/// When the engines of these tests are created and started.
const T0: u64 = 1_000 * S;

const RATE: u32 = 0;
const TEMPORAL: u32 = 1;
const DELTA: u32 = 2;

/// A running engine of 128 neurons with room for 256 events and a 1 ms grid from [`T0`].
fn running(encoding: u32) -> HostEngine {
    running_with(encoding, 0, 0)
}

fn running_with(encoding: u32, max_events: u32, target: u32) -> HostEngine {
    let mut e = engine(128, 256, T0);
    e.configure(Config::new(encoding, 1, max_events, 0, target).unwrap(), T0);
    e.start(T0).unwrap();
    e
}

fn input(neuron_id: u32, timestamp_ns: u64, amplitude_mv: i32) -> Input {
    Input {
        neuron_id,
        timestamp_ns,
        amplitude_mv,
        synapse_count: 1,
    }
}

fn submit(e: &mut HostEngine, neuron: u32, time: u64, mv: i32, now: u64) {
    e.submit(input(neuron, time, mv), now).unwrap();
}

fn mv(e: &HostEngine, neuron: u32, now: u64) -> i32 {
    e.neuron_report(neuron, now).unwrap().membrane_mv
}

fn spikes(e: &HostEngine, neuron: u32) -> u64 {
    e.neuron_report(neuron, 0).unwrap().total_spikes
}

fn activity(e: &HostEngine, neuron: u32, now: u64) -> Activity {
    e.neuron_report(neuron, now).unwrap().activity
}

// Configuration, START and STOP.

#[test]
fn migration_guide() {
    let mut e = engine(65_536, 4_096, T0);
    e.configure(Config::new(2, 1, 0, 0, 69).unwrap(), T0);
    e.start(T0).unwrap();
    submit(&mut e, 42, 0, 600, T0 + 10);
    e.catch_up(T0 + 20);
    let c = e.counters(T0 + 20);
    assert_eq!((c.events_processed, c.events_dropped, c.spikes), (1, 0, 1));
    assert_eq!(spikes(&e, 42), 1);
    assert_eq!(spikes(&e, 41), 0);
}

#[test]
fn config_checks_and_defaults() {
    let c = Config::new(2, 7, 0, 0, 0).unwrap();
    assert_eq!((c.encoding(), c.enabled()), (Encoding::Delta, true));
    assert_eq!(c.max_events_per_cycle(), 1000);
    assert_eq!(c.interval_us(), 1000);
    assert_eq!(c.target_sparsity_percent(), 69);
    assert_eq!(Config::new(0, 0, 0, 0, 0), Ok(Config::DEFAULT));
    assert_eq!(engine(1, 1, 0).config(), Config::DEFAULT);

    for encoding in [3, u32::MAX] {
        assert_eq!(
            Config::new(encoding, 1, 0, 0, 0),
            Err(ConfigError::Encoding)
        );
    }
    for interval in [1, 49, 1_000_001, u32::MAX] {
        assert_eq!(
            Config::new(0, 1, 0, interval, 0),
            Err(ConfigError::Interval)
        );
    }
    for target in [101, u32::MAX] {
        assert_eq!(Config::new(0, 1, 0, 0, target), Err(ConfigError::Sparsity));
    }
    assert!(Config::new(1, u32::MAX, u32::MAX, 50, 100).is_ok());
    assert!(Config::new(1, 1, 1, 1_000_000, 1).is_ok());
}

#[test]
fn encodings_and_activities_have_the_abi_values() {
    assert_eq!(
        [Encoding::Rate, Encoding::Temporal, Encoding::Delta].map(Encoding::as_u32),
        [0, 1, 2]
    );
    use Activity::{Integrating, Refractory, Resting, Spiking};
    assert_eq!(
        [Resting, Integrating, Spiking, Refractory].map(Activity::as_u32),
        [0, 1, 2, 3]
    );
}

#[test]
fn start_and_stop() {
    let mut e = engine(1, 1, T0);
    assert_eq!(e.start(T0), Err(StartError::Disabled));
    e.configure(Config::new(0, 1, 0, 0, 0).unwrap(), T0);
    e.stop(T0);
    assert_eq!(e.start(T0), Ok(()));
    assert_eq!(e.start(T0), Err(StartError::AlreadyRunning));
    assert!(e.is_running() && e.counters(T0).running);
    e.stop(T0);
    e.stop(T0);
    assert!(!e.is_running() && !e.counters(T0).running);
    assert_eq!(e.start(T0), Ok(()));
}

#[test]
fn disabling_stops() {
    let mut e = running(RATE);
    e.configure(Config::DEFAULT, T0);
    assert!(!e.is_running());
    assert_eq!(e.start(T0), Err(StartError::Disabled));
    e.configure(Config::new(0, 1, 0, 0, 0).unwrap(), T0);
    assert!(!e.is_running());
}

#[test]
fn pending_events_survive_stop_and_config() {
    let mut e = engine(128, 256, T0);
    submit(&mut e, 1, 0, 100, T0);
    assert_eq!((e.cycle(T0 + S), e.catch_up(T0 + S)), (0, 0));
    assert_eq!(e.counters(T0 + S).timer_fires, 0);
    e.configure(Config::new(0, 1, 0, 0, 0).unwrap(), T0 + S);
    e.start(T0 + S).unwrap();
    e.stop(T0 + S);
    submit(&mut e, 2, 0, 100, T0 + S);
    assert_eq!(e.counters(T0 + S).events_pending, 2);
    e.start(T0 + S).unwrap();
    assert_eq!(e.cycle(T0 + S), 0);
    assert_eq!(e.cycle(T0 + S + MS), 2);
    assert_eq!(mv(&e, 2, T0 + S + MS), 20);
}

// Time and order.

#[test]
fn time_zero_means_now() {
    let mut e = running(RATE);
    submit(&mut e, 1, 0, 100, T0 + 5 * MS);
    e.cycle(T0 + 15 * MS);
    // One time constant after the input.
    assert_eq!(mv(&e, 1, T0 + 15 * MS), -70 + 37);
    assert_eq!(e.counters(T0).events_late, 0);
}

#[test]
fn events_wait_for_their_time() {
    let mut e = running(RATE);
    submit(&mut e, 1, T0 + 5 * MS, 100, T0);
    assert_eq!(e.cycle(T0 + 5 * MS - 1), 0);
    assert_eq!(e.catch_up(T0 + 5 * MS - 1), 0);
    assert_eq!(e.catch_up(T0 + 5 * MS), 1);
}

#[test]
fn far_ahead_means_now() {
    let mut e = running(RATE);
    submit(&mut e, 1, T0 + MAX_AHEAD_NS, 100, T0);
    submit(&mut e, 2, T0 + MAX_AHEAD_NS + 1, 100, T0);
    submit(&mut e, 3, u64::MAX, 100, T0);
    assert_eq!(e.counters(T0).events_late, 2);
    assert_eq!(e.catch_up(T0), 2);
    assert_eq!((mv(&e, 1, T0), mv(&e, 2, T0), mv(&e, 3, T0)), (-70, 30, 30));
}

#[test]
fn older_than_the_last_update_is_applied_at_once() {
    let mut e = running(RATE);
    submit(&mut e, 1, T0 + 10 * MS, 100, T0 + 10 * MS);
    e.catch_up(T0 + 10 * MS);
    submit(&mut e, 1, T0 + 10 * MS - 1, 100, T0 + 20 * MS);
    assert_eq!(e.counters(T0).events_late, 1);
    assert_eq!(e.catch_up(T0 + 20 * MS), 1);
    // The first one leaked for one time constant, the late one not at all.
    assert_eq!(mv(&e, 1, T0 + 20 * MS), -70 + 37 + 100);
    // A time equal to that of the last update is not late.
    submit(&mut e, 1, T0 + 20 * MS, 1, T0 + 20 * MS);
    e.catch_up(T0 + 20 * MS);
    assert_eq!(e.counters(T0).events_late, 1);
}

#[test]
fn never_used_counts_as_updated_at_creation() {
    let mut e = running(RATE);
    submit(&mut e, 1, T0 - 1, 100, T0 + S);
    submit(&mut e, 2, T0, 100, T0 + S);
    assert_eq!(e.counters(T0).events_late, 1);
    e.catch_up(T0 + S);
    assert_eq!((mv(&e, 1, T0 + S), mv(&e, 2, T0 + S)), (30, -70));
    assert_eq!(e.counters(T0).events_late, 1);
}

/// A program that passes small numbers as timestamps works as with v0.2.0.
#[test]
fn meaningless_timestamps_do_not_deafen() {
    let mut e = running(RATE);
    for i in 1..=10 {
        submit(&mut e, 1, i, 600, T0 + i * 10 * MS);
        e.cycle(T0 + i * 10 * MS);
    }
    assert_eq!(spikes(&e, 1), 10);
    assert_eq!(e.counters(T0).events_late, 10);
}

#[test]
fn applied_in_order_of_time() {
    // In order of time: spike at 1 ms, the second input falls into the refractory period.
    // In order of submission: -600 first, then no spike.
    let mut e = running(RATE);
    submit(&mut e, 1, T0 + 2 * MS, -600, T0);
    submit(&mut e, 1, T0 + MS, 600, T0);
    e.catch_up(T0 + 3 * MS);
    let c = e.counters(T0);
    assert_eq!((c.spikes, c.events_refractory, c.events_late), (1, 1, 0));
}

#[test]
fn ties_in_order_of_submission() {
    let t = T0 + MS;
    for (first, second, expected) in [(600, -600, 1), (-600, 600, 0)] {
        let mut e = running(RATE);
        submit(&mut e, 1, t, first, T0);
        submit(&mut e, 1, t, second, T0);
        e.catch_up(t);
        assert_eq!(spikes(&e, 1), expected);
    }
    // A tie between the ordered and the unordered part of the queue.
    let mut e = running(RATE);
    submit(&mut e, 2, t + 1, 0, T0);
    submit(&mut e, 1, t, 600, T0);
    submit(&mut e, 1, t, -600, T0);
    e.catch_up(t);
    assert_eq!(spikes(&e, 1), 1);
}

#[test]
fn refused_events() {
    let mut e = running(RATE);
    assert_eq!(
        e.submit(input(128, 0, 1), T0),
        Err(SubmitError::UnknownNeuron)
    );
    assert_eq!(
        e.submit(input(u32::MAX, 0, 1), T0),
        Err(SubmitError::UnknownNeuron)
    );
    for _ in 0..256 {
        submit(&mut e, 127, 0, 0, T0);
    }
    assert_eq!(
        e.submit(input(1, u64::MAX, 1), T0),
        Err(SubmitError::QueueFull)
    );
    let c = e.counters(T0);
    assert_eq!(
        (c.events_submitted, c.events_dropped, c.events_late),
        (256, 1, 0)
    );
    assert_eq!(e.catch_up(T0), 256);
    submit(&mut e, 1, 0, 1, T0);
}

#[test]
fn clock_going_backwards_is_no_time() {
    let mut e = running(RATE);
    submit(&mut e, 1, 0, 100, T0 + 10 * MS);
    e.catch_up(T0 + 10 * MS);
    submit(&mut e, 1, 0, 100, T0 + 9 * MS);
    assert_eq!(e.catch_up(T0 + 8 * MS), 1);
    assert_eq!(e.counters(T0).events_late, 0);
    assert_eq!(e.counters(T0).cycles, 10);
    assert_eq!(mv(&e, 1, T0), 130);
    submit(&mut e, 1, T0 + 11 * MS, 1, 0);
    assert_eq!(e.next_wakeup(0), Some(T0 + 11 * MS));
    e.stop(0);
    e.start(0).unwrap();
    assert_eq!(e.next_wakeup(0), Some(T0 + 11 * MS));
}

// Cycles.

#[test]
fn a_cycle_takes_its_share() {
    let mut e = running_with(RATE, 3, 0);
    for i in 0..8 {
        submit(&mut e, i, 0, 1, T0);
    }
    assert_eq!(e.cycle(T0 + MS), 3);
    assert_eq!(e.counters(T0 + MS).events_pending, 5);
    assert_eq!(e.next_wakeup(T0 + MS), Some(T0 + 2 * MS));
    assert_eq!(e.cycle(T0 + 2 * MS), 3);
    assert_eq!(e.cycle(T0 + 3 * MS), 2);
    assert_eq!(e.next_wakeup(T0 + 3 * MS), None);
    let c = e.counters(T0 + 3 * MS);
    assert_eq!((c.cycles, c.timer_fires, c.events_processed), (3, 3, 8));
}

#[test]
fn catch_up_takes_all_that_is_due() {
    let mut e = running_with(RATE, 3, 0);
    for i in 0..8 {
        submit(&mut e, i, 0, 1, T0);
    }
    submit(&mut e, 8, T0 + 2, 1, T0);
    assert_eq!(e.catch_up(T0 + 1), 8);
    assert_eq!(e.counters(T0).timer_fires, 0);
}

#[test]
fn wakeups_lie_on_the_grid() {
    let mut e = engine(8, 8, T0);
    let start = T0 + 7;
    assert_eq!(e.next_wakeup(T0), None);
    e.configure(Config::new(0, 1, 0, 0, 0).unwrap(), T0);
    submit(&mut e, 1, start + 10 * S, 1, T0);
    assert_eq!(e.next_wakeup(T0), None, "stopped");
    e.start(start).unwrap();
    // Once, ten seconds away; a boundary is late enough for the event at that very time.
    assert_eq!(e.next_wakeup(start), Some(start + 10 * S));
    submit(&mut e, 1, start + 10 * S - 1, 1, start);
    assert_eq!(e.next_wakeup(start), Some(start + 10 * S));
    submit(&mut e, 1, start + MS + 1, 1, start);
    assert_eq!(e.next_wakeup(start), Some(start + 2 * MS));
    // What is due already waits for the next boundary, also on a boundary.
    submit(&mut e, 1, 0, 1, start);
    assert_eq!(e.next_wakeup(start), Some(start + MS));
    assert_eq!(e.next_wakeup(start + 1), Some(start + MS));
    assert_eq!(e.next_wakeup(start + MS - 1), Some(start + MS));
    assert_eq!(e.next_wakeup(start + MS), Some(start + 2 * MS));
    e.stop(start);
    assert_eq!(e.next_wakeup(start), None);
}

#[test]
fn config_starts_a_new_grid() {
    let mut e = running(RATE);
    submit(&mut e, 1, T0 + 5 * MS, 1, T0);
    let now = T0 + 2 * MS + 300 * US;
    e.configure(Config::new(0, 1, 0, 500, 0).unwrap(), now);
    assert!(e.is_running());
    assert_eq!(e.counters(now).cycles, 2);
    assert_eq!(e.next_wakeup(now), Some(now + 3 * MS));
    assert_eq!(e.counters(now + MS).cycles, 4);
}

#[test]
fn cycles_pass_only_while_running() {
    let mut e = running(RATE);
    e.stop(T0 + 10 * MS + 1);
    assert_eq!(e.counters(T0 + S).cycles, 10);
    e.start(T0 + S).unwrap();
    assert_eq!(e.counters(T0 + S + 5 * MS).cycles, 15);
    assert_eq!(e.counters(T0 + S + 5 * MS).timer_fires, 0);
}

// Encodings.

#[test]
fn temporal_fires_once_a_cycle() {
    let mut e = engine(8, 8, T0);
    e.configure(Config::new(TEMPORAL, 1, 0, 10_000, 0).unwrap(), T0);
    e.start(T0).unwrap();
    // Grid of 10 ms, refractory period 2 ms.
    for (at, suppressed, refractory, fired) in [
        (1, 0, 0, 1),
        (2, 1, 0, 1),
        (9, 2, 0, 1),
        (10, 2, 0, 2),
        (19, 3, 0, 2),
        (39, 3, 0, 3),
        (40, 3, 1, 3),
        (41, 3, 1, 4),
    ] {
        submit(&mut e, 1, 0, 1000, T0 + at * MS);
        e.catch_up(T0 + at * MS);
        let c = e.counters(T0 + at * MS);
        assert_eq!(
            (c.events_suppressed, c.events_refractory, c.spikes),
            (suppressed, refractory, fired),
            "{at} ms"
        );
    }
    // Another neuron is not concerned.
    submit(&mut e, 2, 0, 1000, T0 + 42 * MS);
    e.catch_up(T0 + 42 * MS);
    assert_eq!(spikes(&e, 2), 1);
}

/// Events from before START lie on the same grid, thought to go on backwards.
#[test]
fn temporal_grid_before_start() {
    for (first, second, fired) in [(5, 7, 1), (5, 10, 2), (9, 12, 2), (10, 13, 1), (0, 9, 1)] {
        let mut e = engine(8, 8, T0);
        e.configure(Config::new(TEMPORAL, 1, 0, 10_000, 0).unwrap(), T0);
        submit(&mut e, 1, T0 + first * MS, 1000, T0);
        submit(&mut e, 1, T0 + second * MS, 1000, T0);
        e.start(T0 + 30 * MS).unwrap();
        e.catch_up(T0 + 30 * MS);
        assert_eq!(spikes(&e, 1), fired, "{first} and {second} ms");
    }
    // A nanosecond before a boundary, and on it.
    let mut e = engine(8, 8, T0);
    e.configure(Config::new(TEMPORAL, 1, 0, 10_000, 0).unwrap(), T0);
    submit(&mut e, 1, T0 + 10 * MS - 1, 1000, T0);
    submit(&mut e, 1, T0 + 10 * MS, 1000, T0);
    e.start(T0 + 30 * MS).unwrap();
    e.catch_up(T0 + 30 * MS);
    let c = e.counters(T0 + 30 * MS);
    assert_eq!((c.events_suppressed, c.events_refractory), (0, 1));
}

/// The cycle is that of the event's time: queries in between change nothing.
#[test]
fn temporal_does_not_depend_on_queries() {
    let run = |queries: bool| {
        let mut e = engine(8, 64, T0);
        e.configure(Config::new(TEMPORAL, 1, 0, 10_000, 0).unwrap(), T0);
        e.start(T0).unwrap();
        for i in 0..40 {
            submit(&mut e, 1, T0 + i * 3 * MS, 900, T0);
        }
        for i in 0..125 {
            if queries {
                e.catch_up(T0 + i * MS);
            }
            if i % 10 == 0 {
                e.cycle(T0 + i * MS);
            }
        }
        let c = e.counters(T0);
        (
            c.spikes,
            c.events_suppressed,
            c.events_refractory,
            c.events_processed,
        )
    };
    assert_eq!(run(false), run(true));
    assert_eq!(run(false).3, 40);
}

#[test]
fn other_encodings_fire_more_than_once_a_cycle() {
    for encoding in [RATE, DELTA] {
        let mut e = engine(8, 8, T0);
        e.configure(Config::new(encoding, 1, 0, 10_000, 0).unwrap(), T0);
        e.start(T0).unwrap();
        for at in [1, 2, 3] {
            submit(&mut e, 1, T0 + at * MS, 1000, T0);
        }
        e.cycle(T0 + 10 * MS);
        let c = e.counters(T0 + 10 * MS);
        assert_eq!(
            (c.spikes, c.events_refractory, c.events_suppressed),
            (2, 1, 0)
        );
    }
}

/// Keeps every neuron busy for `buckets` buckets of 64 cycles from `from` on.
fn keep_busy(e: &mut HostEngine, from: u64, buckets: u64) -> u64 {
    let mut now = from;
    for _ in 0..buckets * 64 {
        now += MS;
        submit(e, 1, 0, 1, now);
        e.cycle(now);
    }
    now
}

#[test]
fn delta_threshold_follows_the_sparsity() {
    let mut e = running(DELTA);
    assert_eq!(e.counters(T0).delta_threshold_mv, 0);
    // Changes that the threshold cannot hold back: it goes up to its limit.
    let mut now = T0;
    let mut seen = vec![0];
    for _ in 0..64 * 10 {
        now += MS;
        submit(&mut e, 1, 0, 65, now);
        submit(&mut e, 1, 0, -65, now);
        e.cycle(now);
        let threshold = e.counters(now).delta_threshold_mv;
        if seen.last() != Some(&threshold) {
            seen.push(threshold);
        }
    }
    assert_eq!(seen, [0, 1, 2, 4, 8, 16, 32, 64]);
    assert_eq!(seen.last(), Some(&MAX_DELTA_THRESHOLD_MV));
    // Idle: sparsity is back over 74 % after 12 buckets, then one halving a bucket.
    let falling: Vec<_> = (1..=24)
        .map(|b| e.counters(now + b * 64 * MS).delta_threshold_mv)
        .collect();
    assert_eq!(falling.first(), Some(&64));
    assert_eq!(falling.last(), Some(&0));
    assert!(falling.windows(2).all(|w| w[1] == w[0] || w[1] == w[0] / 2));
}

#[test]
fn delta_threshold_rests_near_its_target() {
    let mut e = running_with(DELTA, 0, 69);
    // 18 of 64 cycles, changes that are always applied: 71 %, between 69 % and 74 %.
    let mut seen = Vec::new();
    let mut now = keep_busy(&mut e, T0, 3);
    for i in 0..64 * 60 {
        now += MS;
        if i % 64 < 18 {
            submit(&mut e, 1, 0, if i % 2 == 0 { 65 } else { -65 }, now);
        }
        e.cycle(now);
        if i % 64 == 0 {
            seen.push((e.sparsity_percent(now), e.counters(now).delta_threshold_mv));
        }
    }
    let settled = &seen[20..];
    assert!(settled.iter().all(|s| (69..74).contains(&s.0)), "{seen:?}");
    assert!(
        settled[0].1 > 0 && settled.iter().all(|s| s.1 == settled[0].1),
        "{seen:?}"
    );
}

#[test]
fn delta_threshold_after_any_idle_time() {
    for idle in [64 * MS * 40, 3600 * S, 1 << 62] {
        let mut e = running(DELTA);
        let now = keep_busy(&mut e, T0, 3);
        assert!(e.counters(now).delta_threshold_mv > 0);
        assert_eq!(e.counters(now + idle).delta_threshold_mv, 0);
        assert_eq!(e.sparsity_percent(now + idle), 100);
    }
}

#[test]
fn delta_sums_changes() {
    let mut e = running(DELTA);
    let now = keep_busy(&mut e, T0, 3);
    assert_eq!(e.counters(now).delta_threshold_mv, 4);
    let before = e.counters(now);
    for (neuron, change, suppressed, shown) in [
        (2, 3, 1, -70),
        (2, -1, 2, -70),
        (2, 1, 3, -70),
        (2, 1, 3, -66),
        (2, 3, 4, -66),
        // Each neuron has a sum of its own, and negative ones count alike.
        (3, -3, 5, -70),
        (3, -1, 5, -74),
        (4, 0, 6, -70),
    ] {
        submit(&mut e, neuron, 0, change, now);
        e.catch_up(now);
        assert_eq!(
            e.counters(now).events_suppressed - before.events_suppressed,
            suppressed
        );
        assert_eq!(mv(&e, neuron, now), shown);
    }
    // In other encodings the sum of neuron 2, 3 mV, is ignored, but kept.
    e.configure(Config::new(RATE, 1, 0, 0, 0).unwrap(), now);
    assert_eq!(e.counters(now).delta_threshold_mv, 0);
    assert_eq!(mv(&e, 2, now), -66);
    submit(&mut e, 2, 0, 1, now);
    e.catch_up(now);
    assert_eq!(mv(&e, 2, now), -65);
    e.configure(Config::new(DELTA, 1, 0, 0, 0).unwrap(), now);
    submit(&mut e, 2, 0, 0, now);
    e.catch_up(now);
    assert_eq!(mv(&e, 2, now), -62);
}

#[test]
fn delta_keeps_its_threshold_in_delta() {
    let mut e = running(DELTA);
    let now = keep_busy(&mut e, T0, 2);
    e.configure(Config::new(DELTA, 1, 5, 0, 0).unwrap(), now);
    assert_eq!(e.counters(now).delta_threshold_mv, 2);
}

#[test]
fn rate_and_temporal_have_no_delta_threshold() {
    for encoding in [RATE, TEMPORAL] {
        let mut e = running(encoding);
        let now = keep_busy(&mut e, T0, 3);
        assert_eq!(e.counters(now).delta_threshold_mv, 0);
    }
}

#[test]
fn synapse_count_counts_operations_only() {
    let mut e = running(RATE);
    for synapse_count in [0, 1, 5, u32::MAX] {
        e.submit(
            Input {
                synapse_count,
                ..input(1, 0, 10)
            },
            T0,
        )
        .unwrap();
    }
    e.catch_up(T0);
    assert_eq!(e.counters(T0).synaptic_ops, 1 + 1 + 5 + u64::from(u32::MAX));
    assert_eq!(mv(&e, 1, T0), -30);
}

#[test]
fn any_amplitude() {
    let mut e = running(RATE);
    submit(&mut e, 1, 0, i32::MIN, T0);
    submit(&mut e, 2, 0, i32::MAX, T0);
    e.catch_up(T0);
    assert_eq!((mv(&e, 1, T0), mv(&e, 2, T0)), (-10_000, -80));
    assert_eq!(e.counters(T0).saturations, 2);
    assert_eq!(e.counters(T0).spikes, 1);
}

// Statistics.

#[test]
fn updates_are_pairs_of_neuron_and_cycle() {
    let mut e = running(RATE);
    for (at, neuron, updates) in [(0, 1, 1), (0, 1, 1), (0, 2, 2), (1, 1, 3), (1, 1, 3)] {
        let now = T0 + at * MS;
        submit(&mut e, neuron, 0, 1, now);
        e.catch_up(now);
        assert_eq!(e.counters(now).neuron_updates, updates);
        assert_eq!(
            e.counters(now).neurons_used,
            neuron.max(updates.min(2) as u32).min(2)
        );
    }
}

#[test]
fn sparsity_of_the_window() {
    let mut e = running(RATE);
    assert_eq!(e.sparsity_percent(T0), 100);
    assert_eq!(e.sparsity_percent(T0 + S), 100, "no neuron was ever used");
    let mut e = running(RATE);
    // Two neurons, one of them every cycle, the other every fourth.
    let mut now = T0;
    for i in 1..=2_000u64 {
        now += MS;
        submit(&mut e, 1, 0, 1, now);
        if i % 4 == 1 {
            submit(&mut e, 2, 0, 1, now);
        }
        e.cycle(now);
        let expected = 100 * (2 * i - i - i.div_ceil(4)) / (2 * i);
        if i <= 1_000 {
            assert_eq!(u64::from(e.sparsity_percent(now)), expected, "cycle {i}");
        }
    }
    assert_eq!(e.sparsity_percent(now), 37);
    // Idle: the updates leave the window bucket by bucket, then it is empty.
    let idle = |e: &mut HostEngine, cycles: u64| e.sparsity_percent(now + cycles * MS);
    assert!((37..=40).contains(&idle(&mut e, 40)));
    assert!((66..=71).contains(&idle(&mut e, 512)));
    assert_eq!(idle(&mut e, 1_024), 100);
    assert_eq!(idle(&mut e, 1 << 40), 100);
    assert_eq!(e.counters(now).cycles, 2_000 + (1 << 40));
}

#[test]
fn utilization_of_the_window() {
    let mut e = running(RATE);
    assert_eq!(e.utilization_percent(T0), 0);
    e.note_busy(25 * MS);
    assert_eq!(e.utilization_percent(T0 + 100 * MS), 25);
    assert_eq!(e.utilization_percent(T0 + 50 * MS), 25, "no time passed");
    e.stop(T0 + 250 * MS);
    assert_eq!(
        e.utilization_percent(T0 + S),
        10,
        "time stopped does not count"
    );
    e.start(T0 + S).unwrap();
    assert_eq!(e.utilization_percent(T0 + S + 250 * MS), 5);
    assert_eq!(e.utilization_percent(T0 + 3 * S), 0);
    assert_eq!(e.counters(T0).busy_ns, 25 * MS);
    e.note_busy(u64::MAX);
    assert_eq!(e.utilization_percent(T0 + 3 * S), 100);
}

#[test]
fn rate_of_a_neuron() {
    let mut e = running(RATE);
    for i in 0..200 {
        submit(&mut e, 1, T0 + i * 10 * MS, 600, T0);
    }
    e.catch_up(T0 + 2 * S);
    let rate = |at| e.neuron_report(1, T0 + at).unwrap().rate_hz;
    // 90 spikes in the nine whole buckets.
    assert_eq!(rate(2 * S), 100);
    assert_eq!(rate(2 * S + 500 * MS), 44);
    assert_eq!(rate(2 * S + 900 * MS), 0);
    assert_eq!(rate(1000 * S), 0);
    assert_eq!(e.neuron_report(2, T0 + S).unwrap().rate_hz, 0);
}

#[test]
fn activity_of_a_neuron() {
    let mut e = engine(8, 8, T0);
    e.configure(Config::new(0, 1, 0, 500, 0).unwrap(), T0);
    e.start(T0).unwrap();
    assert_eq!(activity(&e, 1, T0), Activity::Resting);
    submit(&mut e, 1, 0, 600, T0);
    e.catch_up(T0);
    assert_eq!(activity(&e, 1, T0), Activity::Spiking);
    assert_eq!(activity(&e, 1, T0 + 500 * US - 1), Activity::Spiking);
    assert_eq!(activity(&e, 1, T0 + 500 * US), Activity::Refractory);
    assert_eq!(activity(&e, 1, T0 + 2 * MS - 1), Activity::Refractory);
    assert_eq!(activity(&e, 1, T0 + 2 * MS), Activity::Integrating);
    assert_eq!(mv(&e, 1, T0 + 2 * MS), -80);
    // 10 mV below rest: 0.5 mV after ln(20) = 2.9957 time constants.
    assert_eq!(
        activity(&e, 1, T0 + 2 * MS + 29_957 * US),
        Activity::Integrating
    );
    assert_eq!(
        activity(&e, 1, T0 + 2 * MS + 29_958 * US),
        Activity::Resting
    );
    assert_eq!(mv(&e, 1, T0 + S), -70);
}

/// A query leaves no trace: what follows is the same with and without it.
#[test]
fn reports_change_nothing() {
    let run = |query: bool| {
        let mut e = running(RATE);
        for i in 0..50 {
            let now = T0 + i * 777_777;
            submit(&mut e, 1, 0, 130, now);
            e.catch_up(now);
            if query {
                assert!(e.neuron_report(1, now + MS).is_some());
            }
        }
        (e.neuron_report(1, T0 + 40 * MS), e.counters(T0 + 40 * MS))
    };
    assert_eq!(run(false), run(true));
    assert!(running(RATE).neuron_report(128, T0).is_none());
}

#[test]
fn memory_follows_use() {
    let mut e = running(RATE);
    let total = 128 * 64 + 2 * 256 * 32;
    assert_eq!(e.memory(), Memory { used: 0, total });
    submit(&mut e, 1, 0, 1, T0);
    submit(&mut e, 2, T0 + S, 1, T0);
    assert_eq!(
        e.memory(),
        Memory {
            used: 2 * 32,
            total
        }
    );
    e.catch_up(T0);
    assert_eq!(
        e.memory(),
        Memory {
            used: 64 + 32,
            total
        }
    );
}

// RESET.

/// An engine with something in every part, at the time returned.
fn worn() -> (HostEngine, u64) {
    let mut e = running(DELTA);
    let now = keep_busy(&mut e, T0, 2);
    for (neuron, amplitude) in [(1, 600), (1, 600), (2, i32::MAX), (3, 1), (3, 50)] {
        submit(&mut e, neuron, 0, amplitude, now);
    }
    e.catch_up(now);
    e.note_busy(MS);
    submit(&mut e, 4, now + S, 1, now);
    submit(&mut e, 4, 1, 1, now);
    (e, now)
}

const KEEP: Reset = Reset {
    neurons: false,
    pending: false,
    counters: false,
};

#[test]
fn reset_neurons() {
    let (mut e, now) = worn();
    let before = e.counters(now);
    e.reset(
        Reset {
            neurons: true,
            ..KEEP
        },
        now,
    );
    assert_eq!(spikes(&e, 1), 0);
    assert_eq!(activity(&e, 1, now), Activity::Resting);
    assert_eq!(mv(&e, 3, now), -70);
    let after = e.counters(now);
    assert_eq!(
        after,
        Counters {
            neurons_used: 0,
            ..before
        }
    );
    // Last updated now: what was due before is late.
    e.catch_up(now);
    assert_eq!(e.counters(now).neurons_used, 1);
}

#[test]
fn reset_neurons_makes_older_pending_events_late() {
    let mut e = running(RATE);
    submit(&mut e, 1, T0 + MS, 100, T0);
    e.reset(
        Reset {
            neurons: true,
            ..KEEP
        },
        T0 + 5 * MS,
    );
    assert_eq!(e.catch_up(T0 + 5 * MS), 1);
    assert_eq!(e.counters(T0).events_late, 1);
    assert_eq!(mv(&e, 1, T0 + 5 * MS), 30);
}

#[test]
fn reset_pending() {
    let (mut e, now) = worn();
    let before = e.counters(now);
    assert_eq!(before.events_pending, 2);
    e.reset(
        Reset {
            pending: true,
            ..KEEP
        },
        now,
    );
    let after = e.counters(now);
    assert_eq!(
        after,
        Counters {
            events_pending: 0,
            ..before
        }
    );
    assert_eq!(e.next_wakeup(now), None);
    assert!(spikes(&e, 1) > 0);
}

#[test]
fn reset_counters() {
    let (mut e, now) = worn();
    let before = e.counters(now);
    let fields = [
        before.events_late,
        before.spikes,
        before.saturations,
        before.cycles,
        before.events_refractory,
    ];
    assert!(fields.iter().all(|&f| f > 0), "{before:?}");
    e.reset(
        Reset {
            counters: true,
            ..KEEP
        },
        now,
    );
    let expected = Counters {
        neurons_used: before.neurons_used,
        events_pending: before.events_pending,
        delta_threshold_mv: before.delta_threshold_mv,
        running: true,
        ..Default::default()
    };
    assert_eq!(e.counters(now), expected);
    assert_eq!(
        (e.sparsity_percent(now), e.utilization_percent(now)),
        (100, 0)
    );
    assert_eq!(e.counters(now + 3 * MS).cycles, 3);
    assert_eq!(e.sparsity_percent(now + 3 * MS), 100);
    assert_eq!(e.config().encoding(), Encoding::Delta);
    assert!(e.is_running() && spikes(&e, 1) > 0);
}

#[test]
fn one_cycle_a_boundary() {
    let mut e = running(0);
    for neuron in 0..4 {
        submit(&mut e, neuron, 0, 100, T0);
    }
    assert_eq!(e.cycle(T0 + MS), 4);
    submit(&mut e, 5, 0, 100, T0 + MS);
    assert_eq!(e.cycle(T0 + 2 * MS - 1), 0);
    assert_eq!(e.counters(T0 + 2 * MS - 1).timer_fires, 1);
    assert_eq!(e.cycle(T0 + 2 * MS), 1);
    assert_eq!(e.counters(T0 + 2 * MS).timer_fires, 2);
}

#[test]
fn a_residue_survives_the_refractory_period() {
    let mut e = running_with(2, 0, 100);
    // Sparsity under 100 % raises the threshold at the end of each 64 cycles.
    for round in 0..64 * 4 {
        let now = T0 + round * MS;
        submit(&mut e, 9, 0, 1, now);
        e.catch_up(now);
    }
    let now = T0 + 64 * 4 * MS;
    let threshold = i32::try_from(e.counters(now).delta_threshold_mv).unwrap();
    assert!(threshold > 2);
    let before = e.counters(now);
    submit(&mut e, 1, 0, threshold - 1, now);
    submit(&mut e, 2, 0, 600, now);
    submit(&mut e, 2, 0, 600, now);
    e.catch_up(now);
    let after = e.counters(now);
    assert_eq!(after.events_suppressed - before.events_suppressed, 1);
    assert_eq!(after.events_refractory - before.events_refractory, 1);
    // What neuron 2 could not hear is not kept for later.
    submit(&mut e, 2, now + 3 * MS, 1, now + 3 * MS);
    e.catch_up(now + 3 * MS);
    assert_eq!(spikes(&e, 2), 1);
}
