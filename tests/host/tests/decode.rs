// SPDX-License-Identifier: GPL-2.0

//! The decoders against NumPy's table (`tests/oracle/encode_reference.py`) and against doubles.

use lightos_host::spiking::decode::{argmax, count, First, RateFilter, Sigma, MOST_LEVEL, SPIKE};
use lightos_host::spiking::encode::Polarity;
use lightos_host::spiking::fixed::Leak;
use lightos_host::support::{cases, steps};
use proptest::prelude::*;
use std::num::NonZeroU64;

const TABLE: &str = include_str!("../../oracle/decode.csv");

/// The bound on one decay of a level, in spikes.
const DECAY_BOUND: f64 = 9.2e-12;

fn config(usual: u32, long: u32) -> ProptestConfig {
    ProptestConfig {
        cases: cases(usual, long),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn list<T: std::str::FromStr<Err: std::fmt::Debug>>(field: &str) -> Vec<T> {
    field.split(';').map(|item| item.parse().unwrap()).collect()
}

/// The rows of the table for one decoder: input and result.
fn rows(decoder: &str) -> Vec<(&str, &str)> {
    let rows: Vec<_> = TABLE
        .lines()
        .filter_map(|line| line.strip_prefix(decoder)?.strip_prefix(','))
        .map(|line| line.split_once(',').unwrap())
        .collect();
    assert!(rows.len() >= 20, "{} rows for {decoder}", rows.len());
    rows
}

fn time_constant(tau_ns: u64) -> (NonZeroU64, Leak) {
    let tau = NonZeroU64::new(tau_ns).unwrap();
    (tau, Leak::new(tau))
}

fn in_spikes(level: i64) -> f64 {
    level as f64 / SPIKE as f64
}

#[test]
fn argmax_equals_numpy() {
    for (input, result) in rows("argmax") {
        let counts: Vec<u32> = list(input);
        let (position, most) = argmax(&counts).unwrap();
        assert_eq!(position.to_string(), result, "{input}");
        assert_eq!(most, counts[position]);
    }
    assert_eq!(argmax(&[]), None);
    assert_eq!(argmax(&[0, 0, 0]), Some((0, 0)));
}

#[test]
fn counting() {
    let mut counts = [0, u32::MAX - 1, 7];
    assert!(count(&mut counts, 0) && count(&mut counts, 1) && count(&mut counts, 0));
    assert!(!count(&mut counts, 1), "a full count");
    assert!(
        !count(&mut counts, 3) && !count(&mut counts, u32::MAX),
        "no such channel"
    );
    assert_eq!(counts, [2, u32::MAX, 7]);
}

#[test]
fn first_spike_equals_numpy() {
    for (input, result) in rows("first") {
        let times: Vec<u64> = list(input);
        let expected: Vec<u64> = list(result);
        let expected = Some((expected[0], expected[1] as u32));
        let channels = times.len() as u32;

        let (mut forth, mut back) = (First::EMPTY, First::EMPTY);
        assert_eq!(forth.decision(), None);
        for (&time, channel) in times.iter().zip(0..channels) {
            forth.observe(time, channel);
        }
        for (&time, channel) in times.iter().zip(0..channels).rev() {
            back.observe(time, channel);
        }
        assert_eq!(forth.decision(), expected, "{input}");
        assert_eq!(back.decision(), expected, "{input}, backwards");
    }
}

#[test]
fn sigma_equals_numpy() {
    for (input, result) in rows("sigma") {
        let mut sigma = Sigma::default();
        let sums: Vec<i64> = list::<i64>(input)
            .into_iter()
            .map(|amount| {
                assert!(sigma.add(amount));
                sigma.value()
            })
            .collect();
        assert_eq!(sums, list::<i64>(result), "{input}");
    }
}

#[test]
fn sigma_stops_at_its_ends() {
    let mut sigma = Sigma::new(i64::MAX - 1);
    assert!(!sigma.event(Polarity::On, 2));
    assert_eq!(sigma.value(), i64::MAX);
    assert!(sigma.event(Polarity::Off, u32::MAX));
    assert_eq!(sigma.value(), i64::MAX - i64::from(u32::MAX));

    let mut sigma = Sigma::new(i64::MIN);
    assert!(!sigma.event(Polarity::Off, 1));
    assert_eq!(sigma.value(), i64::MIN);
    assert!(!sigma.add(i64::MIN));
    assert!(sigma.event(Polarity::On, 0) && sigma.add(i64::MAX));
    assert_eq!(sigma.value(), -1);
}

#[test]
fn filtered_rate_equals_numpy() {
    for (input, result) in rows("rate") {
        let input: Vec<u64> = list(input);
        let [tau, now, times @ ..] = input.as_slice() else {
            panic!("{input:?}");
        };
        let (_, leak) = time_constant(*tau);
        let mut filter = RateFilter::EMPTY;
        for &time in times {
            assert!(filter.spike(&leak, time));
        }
        let got = in_spikes(filter.level(&leak, *now));
        let expected: f64 = result.parse().unwrap();
        let bound = (times.len() + 1) as f64 * DECAY_BOUND + 1e-15 * expected;
        assert!((got - expected).abs() <= bound, "{got}, not {expected}");
    }
}

/// Regular trains read as their rate: in the middle of an interval, within `(gap / tau)^2 / 24`.
#[test]
fn filtered_rate_of_a_regular_train() {
    let (tau, leak) = time_constant(100_000_000);
    for hertz in [100, 250, 1000, 8000] {
        let gap = 1_000_000_000 / hertz;
        let mut filter = RateFilter::EMPTY;
        let spikes = 4 * hertz;
        for k in 0..spikes {
            assert!(filter.spike(&leak, k * gap));
        }
        let now = (spikes - 1) * gap + gap / 2;
        let got = filter.millihertz(&leak, tau, now) as f64 / 1000.0;
        let ratio = gap as f64 / 1e8;
        let expected = hertz as f64;
        let bound = expected * ratio * ratio / 23.0 + 0.001;
        assert!((got - expected).abs() <= bound, "{got} Hz, not {expected}");
    }
}

#[test]
fn filtered_rate_stops_at_its_end() {
    let (tau, leak) = time_constant(u64::MAX);
    let mut filter = RateFilter::EMPTY;
    let most = (MOST_LEVEL / SPIKE) as u64;
    let spikes = if cfg!(miri) { 100 } else { most };
    for _ in 0..spikes {
        assert!(filter.spike(&leak, 5));
    }
    assert_eq!(filter.level(&leak, 0), spikes as i64 * SPIKE);
    if spikes == most {
        assert!(!filter.spike(&leak, 5) && !filter.spike(&leak, 4) && !filter.spike(&leak, 6));
        assert_eq!(filter.level(&leak, 6), MOST_LEVEL);
        assert_eq!(
            filter.millihertz(&leak, NonZeroU64::MIN, 6),
            most * 1_000_000_000_000
        );
        assert_eq!(filter.millihertz(&leak, tau, 6), 0);
    }
}

proptest! {
    #![proptest_config(config(1500, 100_000))]

    /// Any spikes, in any order, read at any time after them.
    #[test]
    fn filtered_rate_bound(
        tau in prop_oneof![1..=u64::MAX, 1_000..10_000_000_000u64],
        scale in 0.001..100.0f64,
        shares in prop::collection::vec(0.0..1.0f64, 1..60),
        start in 0..1u64 << 40,
    ) {
        let (tau_ns, leak) = time_constant(tau);
        let span = (scale * tau as f64).min(1e18);
        let times: Vec<u64> = shares.iter().map(|s| start + (s * span) as u64).collect();
        let now = start + span as u64;

        let mut filter = RateFilter::EMPTY;
        for &time in &times {
            prop_assert!(filter.spike(&leak, time));
        }
        let expected: f64 = times.iter().map(|t| (-((now - t) as f64 / tau as f64)).exp()).sum();
        let got = in_spikes(filter.level(&leak, now));
        let bound = (times.len() + 1) as f64 * DECAY_BOUND + 1e-13 * expected;
        prop_assert!((got - expected).abs() <= bound, "{} not {}", got, expected);

        let millihertz = expected * 1e12 / tau as f64;
        let read = filter.millihertz(&leak, tau_ns, now) as f64;
        let bound = bound * 1e12 / tau as f64 + 0.5 + 1.0 / tau as f64 + 1e-12 * millihertz;
        prop_assert!((read - millihertz).abs() <= bound, "{} not {} mHz", read, millihertz);
    }

    /// Any times at all, backwards too: no panic, and a level that stays in its range.
    #[test]
    fn filtered_rate_of_any_times(
        tau in 1..=u64::MAX,
        times in prop::collection::vec(any::<u64>(), 0..50),
        now: u64,
    ) {
        let (tau_ns, leak) = time_constant(tau);
        let mut filter = RateFilter::EMPTY;
        for &time in times.iter().take(steps(50)) {
            filter.spike(&leak, time);
        }
        let level = filter.level(&leak, now);
        prop_assert!((0..=times.len() as i64 * SPIKE).contains(&level));
        let most = times.len() as u64 * 1_000_000_000_000 / tau;
        prop_assert!(filter.millihertz(&leak, tau_ns, now) <= most + 1);
    }
}
