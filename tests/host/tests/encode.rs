// SPDX-License-Identifier: GPL-2.0

//! The encoders against NumPy's tables (`tests/oracle/encode_reference.py`) and against doubles.

use lightos_host::spiking::decode::Sigma;
use lightos_host::spiking::encode::delta::{Difference, SendOnDelta, Track};
use lightos_host::spiking::encode::latency::{
    FirstSpike, FirstTooLate, Latency, LatencyConfig, Law,
};
use lightos_host::spiking::encode::logarithm::ln;
use lightos_host::spiking::encode::rate::{philox, RateEncoder, CERTAIN};
use lightos_host::spiking::encode::{Polarity, Sample, ONE};
use lightos_host::support::{cases, steps};
use proptest::prelude::*;
use std::num::{NonZeroU32, NonZeroU64};

const RATE: &str = include_str!("../../oracle/encode_rate.csv");
const LATENCY: &str = include_str!("../../oracle/encode_latency.csv");
const LOGARITHM: &str = include_str!("../../oracle/encode_logarithm.csv");
const DELTA: &str = include_str!("../../oracle/encode_delta.csv");

/// The bound on `ln`, in units of 2^-64.
const LN_BOUND: f64 = 3.7;

fn config(usual: u32, long: u32) -> ProptestConfig {
    ProptestConfig {
        cases: cases(usual, long),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// The rows of a table, at least `least` of them.
fn rows(table: &str, least: usize) -> Vec<Vec<&str>> {
    let rows: Vec<_> = table.lines().skip(1).map(|l| l.split(',')).collect();
    assert!(rows.len() >= least, "{} rows", rows.len());
    rows.into_iter().map(Iterator::collect).collect()
}

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(field: &str) -> T {
    field.parse().unwrap()
}

fn list<T: std::str::FromStr<Err: std::fmt::Debug>>(field: &str) -> Vec<T> {
    field.split(';').map(number).collect()
}

fn nonzero(value: u32) -> NonZeroU32 {
    NonZeroU32::new(value).unwrap()
}

/// Samples, the awkward ones more often than chance would have it.
fn any_sample() -> impl Strategy<Value = Sample> {
    prop_oneof![
        4 => any::<Sample>(),
        4 => 0..=ONE,
        1 => prop::sample::select(vec![0, 1, -1, ONE - 1, ONE, ONE + 1, Sample::MIN, Sample::MAX]),
    ]
}

// Rate

/// Known answers of Random123 1.14, `kat_vectors`, `philox4x64 10`.
#[test]
fn philox_known_answers() {
    assert_eq!(
        philox([0; 4], [0; 2]),
        [
            0x1655_4d9e_ca36_314c,
            0xdb20_fe9d_672d_0fdc,
            0xd7e7_72ce_e186_176b,
            0x7e68_b68a_ec7b_a23b
        ]
    );
    assert_eq!(
        philox([u64::MAX; 4], [u64::MAX; 2]),
        [
            0x87b0_92c3_013f_e90b,
            0x438c_3c67_be8d_0224,
            0x9cc7_d7c6_9cd7_77b6,
            0xa09c_aebf_594f_0ba0
        ]
    );
}

#[test]
fn rate_equals_numpy() {
    for row in rows(RATE, 100) {
        let encoder = RateEncoder {
            seed: number(row[0]),
            gain: number(row[3]),
            offset: number(row[4]),
            first_spike_time: 0,
        };
        let (step, channel) = (number(row[1]), number::<u32>(row[2]));
        assert_eq!(
            encoder.fires(step, channel, number(row[5])),
            row[7] == "1",
            "{row:?}"
        );

        // The word itself: with the sample 2^-16, gain and offset are the two halves of
        // `p 2^32`. A word equal to it does not fire, one below it does.
        let word: u32 = number(row[6]);
        for more in 0..=1 {
            let encoder = RateEncoder {
                gain: (word & 0xffff) as i32 + more,
                offset: (word >> 16) as i32,
                ..encoder
            };
            let expected = more == 1;
            assert_eq!(encoder.fires(step, channel, 1), expected, "{row:?}");
            if channel < 64 {
                let samples = vec![1; channel as usize + 1];
                let mut fired = false;
                encoder.encode(step, &samples, |c| fired |= c == channel);
                assert_eq!(fired, expected, "{row:?}");
            }
        }
    }
}

/// The number of spikes lies within five standard deviations of its mean.
#[test]
fn rate_mean() {
    let trials = steps(200_000) as u64;
    for (seed, p) in [
        (1, 0.5),
        (2, 0.01),
        (3, 0.25),
        (4, 0.99),
        (5, 1.0 / 65536.0),
    ] {
        let encoder = RateEncoder::new(seed);
        let sample = (p * f64::from(ONE)).round() as Sample;
        let p = f64::from(sample) / f64::from(ONE);
        let (mut over_steps, mut over_channels) = (0u32, 0u32);
        for i in 0..trials {
            over_steps += u32::from(encoder.fires(i, 7, sample));
            over_channels += u32::from(encoder.fires(7, i as u32, sample));
        }
        let mean = p * trials as f64;
        let sigma = (mean * (1.0 - p)).sqrt();
        for count in [over_steps, over_channels] {
            let off = (f64::from(count) - mean).abs();
            assert!(off <= 5.0 * sigma, "p {p}: {count} spikes, not {mean}");
        }
    }
}

#[test]
fn rate_certain_impossible_and_silent() {
    let mut encoder = RateEncoder::new(42);
    for step in 0..1000 {
        assert!(encoder.fires(step, 3, ONE) && encoder.fires(step, 3, Sample::MAX));
        assert!(!encoder.fires(step, 3, 0) && !encoder.fires(step, 3, Sample::MIN));
    }
    encoder.first_spike_time = 10;
    assert!(!encoder.fires(9, 0, ONE) && encoder.fires(10, 0, ONE));
    encoder.encode(9, &[ONE; 9], |channel| panic!("{channel} fired"));
    let mut fired = vec![];
    encoder.encode(10, &[ONE, 0, ONE, 0, 0, 0, 0, 0, ONE], |c| fired.push(c));
    assert_eq!(fired, [0, 2, 8]);
}

proptest! {
    #![proptest_config(config(2000, 200_000))]

    #[test]
    fn rate_probability(gain: i32, offset: i32, sample in any_sample()) {
        let encoder = RateEncoder { seed: 0, gain, offset, first_spike_time: 0 };
        let exact = i128::from(gain) * i128::from(sample) + (i128::from(offset) << 16);
        let clipped = exact.clamp(0, i128::from(CERTAIN));
        prop_assert_eq!(i128::from(encoder.probability(sample)), clipped);
    }

    /// A row at once and channel by channel, in any order, decide the same.
    #[test]
    fn rate_row(seed: u64, step: u64, row in prop::collection::vec(any_sample(), 0..40)) {
        let encoder = RateEncoder::new(seed);
        let mut together = vec![];
        encoder.encode(step, &row, |channel| together.push(channel));
        let mut alone: Vec<_> = (0..row.len() as u32)
            .rev()
            .filter(|&channel| encoder.fires(step, channel, row[channel as usize]))
            .collect();
        alone.reverse();
        prop_assert_eq!(together, alone);
    }
}

// Logarithm

/// `ln n * 2^64` from the series of artanh at `(m - 1) / (m + 1)`, no tables: within 1.
fn ln_by_series(n: u64) -> f64 {
    fn artanh_twice(p: u128, q: u128) -> u128 {
        // Q0.100 for p / q up to 1/3, by long division.
        let mut z = 0;
        let mut rest = p;
        for _ in 0..100 {
            rest *= 2;
            z = z * 2 + rest / q;
            rest %= q;
        }
        let (mut term, mut sum, mut k) = (z, 0, 1);
        while term > 0 {
            sum += term / k;
            for _ in 0..2 {
                let (high, low) = (term >> 50, term & ((1 << 50) - 1));
                term = (high * (z >> 50))
                    + ((high * (z & ((1 << 50) - 1))) >> 50)
                    + ((low * (z >> 50)) >> 50);
            }
            k += 2;
        }
        2 * sum
    }
    let exponent = 63 - n.leading_zeros();
    let power = 1u128 << exponent;
    let ln2 = artanh_twice(1, 3);
    let rest = artanh_twice(u128::from(n) - power, u128::from(n) + power);
    let sum = ln2 * u128::from(exponent) + rest;
    // Only the difference to a value nearby is needed: modulo 2^40 units, 2^-12 units apart.
    ((sum >> 24) & ((1 << 52) - 1)) as f64 / 4096.0
}

/// The distance of `got`, in units of 2^-64, from `exact` modulo 2^40.
fn ln_error(got: u128, exact: f64) -> f64 {
    let modulus = (1u64 << 40) as f64;
    let off = ((got & ((1 << 40) - 1)) as f64 - exact).rem_euclid(modulus);
    off.min(modulus - off)
}

fn check_ln(n: u64) -> Result<(), TestCaseError> {
    let got = ln(NonZeroU64::new(n).unwrap());
    let off = ln_error(got, ln_by_series(n));
    prop_assert!(off <= LN_BOUND, "ln {n}: {off} units off");
    let coarse = (n as f64).ln();
    let value = got as f64 / 2f64.powi(64);
    prop_assert!(
        (value - coarse).abs() <= 1e-14 * coarse,
        "ln {n} = {coarse}: {value}"
    );
    Ok(())
}

#[test]
fn logarithm_table() {
    for row in rows(LOGARITHM, 90) {
        let got = ln(number(row[0]));
        let off = got.abs_diff(number(row[1]));
        assert!(
            off as f64 <= LN_BOUND + 0.5,
            "ln {}: {off} units off",
            row[0]
        );
    }
    assert_eq!(ln(NonZeroU64::MIN), 0);
}

/// Both ends of each entry of the table of reciprocals.
#[test]
fn logarithm_at_the_seams() {
    for i in 256..512u64 {
        for n in [
            i << 55,
            (i << 55) + 1,
            ((i + 1) << 55).wrapping_sub(1),
            i,
            i << 20,
        ] {
            check_ln(n).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(config(3000, 1_000_000))]

    #[test]
    fn logarithm_bound(n: u64, shift in 0..64u32) {
        check_ln((n >> shift).max(1))?;
    }
}

// Latency

fn outcome(text: &str) -> FirstSpike {
    match text {
        "clipped" => FirstSpike::Clipped,
        "late" => FirstSpike::Late,
        step => FirstSpike::At(number(step)),
    }
}

#[test]
fn latency_equals_numpy() {
    for row in rows(LATENCY, 100) {
        let config = LatencyConfig {
            law: match row[0] {
                "linear" => Law::Linear,
                _ => Law::Logarithmic,
            },
            threshold: number(row[1]),
            epsilon: number(row[2]),
            tau: number(row[3]),
            steps: number(row[4]),
            first: number(row[5]),
            normalize: row[6] == "1",
            clip: row[7] == "1",
        };
        let samples: Vec<Sample> = list(row[8]);
        let lowest = *samples.iter().min().unwrap();
        let encoder = Latency::new(config, lowest).unwrap();
        for (&sample, expected) in samples.iter().zip(row[9].split(';')) {
            assert_eq!(
                encoder.encode(sample),
                outcome(expected),
                "{sample} in {row:?}"
            );
        }
    }
}

/// The examples in snnTorch's own documentation of `latency` and `latency_code`.
#[test]
fn latency_of_the_published_examples() {
    // 0.02, 0.5, 1 with 5 steps, normalised: times 3.92, 2, 0 and 4, 0.1166, 0.0580.
    let samples = [1311, ONE / 2, ONE];
    let expected = [(Law::Linear, [4, 2, 0]), (Law::Logarithmic, [4, 0, 0])];
    for (law, expected) in expected {
        let config = LatencyConfig {
            normalize: true,
            ..LatencyConfig::new(law, nonzero(5))
        };
        let encoder = Latency::new(config, samples[0]).unwrap();
        let got = samples.map(|sample| encoder.encode(sample));
        assert_eq!(got, expected.map(FirstSpike::At));
    }
}

#[test]
fn latency_edges() {
    let linear = LatencyConfig {
        tau: nonzero(4 << 16),
        ..LatencyConfig::new(Law::Linear, nonzero(4))
    };
    let encode = |config, sample| Latency::new(config, 0).unwrap().encode(sample);
    // Halves go to the even step, also below zero; -0.5 is step 0.
    assert_eq!(encode(linear, ONE / 8 * 7), FirstSpike::At(0));
    assert_eq!(encode(linear, ONE / 8 * 5), FirstSpike::At(2));
    assert_eq!(encode(linear, ONE / 8 * 3), FirstSpike::At(2));
    assert_eq!(encode(linear, ONE / 8 * 9), FirstSpike::At(0));
    assert_eq!(encode(linear, ONE / 8 * 9 + 1), FirstSpike::Early);
    assert_eq!(encode(linear, ONE / 8), FirstSpike::Late);
    assert_eq!(encode(linear, Sample::MIN), FirstSpike::Late);
    assert_eq!(encode(linear, Sample::MAX), FirstSpike::Early);

    let clip = LatencyConfig {
        clip: true,
        ..linear
    };
    assert_eq!(encode(clip, 655), FirstSpike::Clipped);
    assert_eq!(encode(clip, 656), FirstSpike::Late);

    let late = LatencyConfig { first: 4, ..linear };
    assert_eq!(Latency::new(late, 0), Err(FirstTooLate));
}

/// Normalised logarithmic times halfway between two steps: with `thr` 3/8 of a power of two, the
/// samples 4/3 `thr` and 2 `thr` charge in `ln 4` and `ln 2`, whose ratio is one half.
#[test]
fn latency_normalized_ties() {
    let ln = |n: i64| ln(NonZeroU64::new(n as u64).unwrap());
    let mut ties = 0;
    for power in 17..32 {
        let threshold = 3i64 << (power - 2);
        let (slow, fast) = (1i64 << power, 3i64 << (power - 1));
        let slowest = ln(slow) - ln(slow - threshold);
        if 2 * (ln(fast) - ln(fast - threshold)) != slowest {
            continue;
        }
        ties += 1;
        let sample = |wide: i64| (wide >> 16) as Sample;
        for (steps, first, expected) in [(2, 0, 0), (4, 0, 2), (4, 1, 2), (5, 1, 2), (6, 3, 4)] {
            let config = LatencyConfig {
                threshold: nonzero(threshold as u32),
                first,
                normalize: true,
                ..LatencyConfig::new(Law::Logarithmic, nonzero(steps))
            };
            let encoder = Latency::new(config, sample(slow)).unwrap();
            let got = encoder.encode(sample(fast));
            assert_eq!(got, FirstSpike::At(expected), "{steps} steps from {first}");
            assert_eq!(encoder.encode(sample(slow)), FirstSpike::At(steps - 1));
        }
    }
    assert!(ties > 0);
}

/// A latency by doubles, and how near to a tie it may lie before the two may differ.
fn latency_by_doubles(config: &LatencyConfig, lowest: Sample, sample: Sample) -> (f64, f64) {
    let unit = 2f64.powi(-32);
    let threshold = f64::from(config.threshold.get()) * unit;
    let epsilon = f64::from(config.epsilon.get()) * unit;
    let tau = f64::from(config.tau.get()) / 65536.0;
    let first = f64::from(config.first);
    let span = f64::from(config.steps.get()) - 1.0 - first;
    let x = f64::from(sample) / f64::from(ONE);

    if config.law == Law::Linear {
        let tau = if config.normalize { span } else { tau };
        let time = tau * (1.0 - x.max(threshold)) + first;
        return (time, 1e-9 + 1e-15 * tau * x.abs());
    }
    // ln(x / (x - thr)), written so that a double keeps its digits for large x.
    let charging = |sample: Sample| {
        let above = (f64::from(sample) / f64::from(ONE) - threshold).max(epsilon);
        (threshold / above).ln_1p()
    };
    let l_error = 7.4 * 2f64.powi(-64);
    if config.normalize {
        let scale = span / charging(lowest);
        let time = scale * charging(sample) + first;
        let share = charging(sample) / charging(lowest);
        let bound = scale * l_error * (1.0 + share);
        (time, 1e-9 + bound + 1e-15 * time)
    } else {
        let time = tau * charging(sample) + first;
        (time, 1e-9 + tau * l_error + 1e-15 * time)
    }
}

fn check_latency(
    config: LatencyConfig,
    lowest: Sample,
    sample: Sample,
) -> Result<(), TestCaseError> {
    let encoder = Latency::new(config, lowest).unwrap();
    let (time, window) = latency_by_doubles(&config, lowest, sample);
    // Both roundings of a time near a tie are right, else there is but one.
    let allowed = [time - window, time + window].map(|time| {
        let (step, last) = (time.round_ties_even(), f64::from(config.steps.get()) - 1.0);
        let x = i128::from(sample) << 16;
        if config.clip && x < i128::from(config.threshold.get()) {
            FirstSpike::Clipped
        } else if step < 0.0 {
            FirstSpike::Early
        } else if step > last {
            FirstSpike::Late
        } else {
            FirstSpike::At(step as u32)
        }
    });
    let got = encoder.encode(sample);
    prop_assert!(
        allowed.contains(&got),
        "{got:?}, not {allowed:?} (time {time} +- {window})"
    );
    Ok(())
}

fn any_law() -> impl Strategy<Value = Law> {
    prop_oneof![Just(Law::Linear), Just(Law::Logarithmic)]
}

prop_compose! {
    fn latency_config(least_threshold: u32, most_steps: u32)(
        law in any_law(),
        threshold in least_threshold..=u32::MAX,
        epsilon in prop_oneof![1..=u32::MAX, 1..1000u32],
        tau in prop_oneof![1..=u32::MAX, Just(1u32 << 16), (1u32 << 16)..(1u32 << 22)],
        steps in 1..=most_steps,
        first: u32,
        normalize: bool,
        clip: bool,
    ) -> LatencyConfig {
        LatencyConfig {
            law,
            threshold: nonzero(threshold),
            epsilon: nonzero(epsilon),
            tau: nonzero(tau),
            steps: nonzero(steps),
            first: first % steps,
            normalize,
            clip,
        }
    }
}

proptest! {
    #![proptest_config(config(4000, 1_000_000))]

    /// Usual parameters: the stated bound is below 1e-9, the tie's width.
    #[test]
    fn latency_of_usual_samples(
        config in latency_config(4_294_967, 1 << 16),
        lowest in 0..=ONE,
        sample in 0..=ONE,
    ) {
        check_latency(config, lowest.min(sample), sample)?;
    }

    /// Any parameters and samples.
    #[test]
    fn latency_of_any_sample(
        config in latency_config(1, u32::MAX),
        lowest in any_sample(),
        sample in any_sample(),
    ) {
        check_latency(config, lowest, sample)?;
    }
}

// Delta

/// The net events of each sample, through the decoder; checks the cap on the way.
fn send(encoder: &SendOnDelta, track: &mut Track, sigma: &mut Sigma, sample: Sample) -> (i64, u32) {
    let mut net = 0;
    let mut emitted = 0;
    let owed = encoder.encode(track, sample, |polarity| {
        net += polarity.sign();
        emitted += 1;
        assert!(sigma.event(polarity, encoder.threshold.get()));
    });
    assert!(emitted <= encoder.max_events.get());
    assert_eq!(net.unsigned_abs(), u64::from(emitted));
    (net, owed)
}

#[test]
fn delta_equals_numpy() {
    let mut seen = [0; 2];
    for row in rows(DELTA, 100) {
        let threshold: u32 = number(row[1]);
        let samples: Vec<Sample> = list(row[5]);
        let got: Vec<i64> = if row[0] == "difference" {
            seen[0] += 1;
            let encoder = Difference {
                threshold,
                padding: row[3] == "1",
                off_spike: row[4] == "1",
            };
            let mut previous = None;
            let spike = |&sample| {
                encoder
                    .encode(&mut previous, sample)
                    .map_or(0, Polarity::sign)
            };
            samples.iter().map(spike).collect()
        } else {
            seen[1] += 1;
            let encoder = SendOnDelta {
                threshold: nonzero(threshold),
                max_events: number(row[2]),
            };
            let mut track = Track::new(samples[0]);
            let mut sigma = Sigma::new(i64::from(samples[0]));
            let net = |&sample| send(&encoder, &mut track, &mut sigma, sample).0;
            samples.iter().map(net).collect()
        };
        assert_eq!(got, list::<i64>(row[6]), "{row:?}");
    }
    assert!(seen[0] > 0 && seen[1] > 0);
}

/// The examples in snnTorch's own documentation of `delta`. For the first two it prints a spike at
/// the fourth sample, 3 after 2.9, which neither the formula nor the code of 1.0.0 gives.
#[test]
fn difference_of_the_published_examples() {
    let a = [10, 20, 29, 30, 39];
    let b = [10, 20, 0, 20, 29];
    let examples = [
        (a, false, false, [1, 1, 0, 0, 0]),
        (a, true, false, [0, 1, 0, 0, 0]),
        (b, false, true, [1, 1, -1, 1, 0]),
        (b, true, true, [0, 1, -1, 1, 0]),
    ];
    for (samples, padding, off_spike, expected) in examples {
        let encoder = Difference {
            threshold: 10,
            padding,
            off_spike,
        };
        let mut previous = None;
        let got = samples.map(|x| encoder.encode(&mut previous, x).map_or(0, Polarity::sign));
        assert_eq!(got, expected);
    }
}

proptest! {
    #![proptest_config(config(2000, 200_000))]

    /// `|decoded - x| < thr` once nothing is owed, and `< (owed + 1) thr` until then.
    #[test]
    fn send_on_delta_bound(
        start in any_sample(),
        threshold in prop_oneof![1..=u32::MAX, 1..5000u32],
        max_events in 1..100u32,
        samples in prop::collection::vec(any_sample(), 1..20),
    ) {
        let encoder = SendOnDelta {
            threshold: nonzero(threshold),
            max_events: nonzero(max_events),
        };
        let mut track = Track::new(start);
        let mut sigma = Sigma::new(i64::from(start));
        for sample in samples {
            let (net, owed) = send(&encoder, &mut track, &mut sigma, sample);
            prop_assert_eq!(sigma.value(), i64::from(track.reference()));
            prop_assert_eq!(owed, encoder.owed(&track));
            let off = sigma.value().abs_diff(i64::from(sample));
            let (owed, threshold) = (u64::from(owed), u64::from(threshold));
            prop_assert!(owed * threshold <= off && off < (owed + 1) * threshold);
            // Nothing is held back without need.
            prop_assert!(owed == 0 || net.unsigned_abs() == u64::from(max_events));
        }
    }

    /// What is owed comes out, `max_events` at a time, and no more than that.
    #[test]
    fn send_on_delta_drains(
        start in any_sample(),
        sample in any_sample(),
        max_events in 1..100u32,
    ) {
        let threshold = nonzero(ONE as u32);
        let encoder = SendOnDelta { threshold, max_events: nonzero(max_events) };
        let mut track = Track::new(start);
        let mut net = 0;
        let mut owed = encoder.encode(&mut track, sample, |polarity| net += polarity.sign());
        while owed > 0 {
            let before = owed;
            let mut emitted = 0;
            owed = encoder.drain(&mut track, |polarity| {
                net += polarity.sign();
                emitted += 1;
            });
            prop_assert_eq!(emitted, before.min(max_events));
            prop_assert_eq!(owed, before - emitted);
        }
        let change = i64::from(sample) - i64::from(start);
        prop_assert_eq!(net, change / i64::from(ONE));
        prop_assert_eq!(encoder.drain(&mut track, |_| panic!("nothing is owed")), 0);
    }

    #[test]
    fn difference_by_definition(
        threshold in prop_oneof![any::<u32>(), 0..3u32],
        padding: bool,
        off_spike: bool,
        samples in prop::collection::vec(prop_oneof![any_sample(), -3..3], 1..20),
    ) {
        let encoder = Difference { threshold, off_spike, padding };
        let mut previous = None;
        let mut before = if padding { samples[0] } else { 0 };
        for sample in samples {
            let change = i64::from(sample) - i64::from(before);
            before = sample;
            let on = i64::from(change >= i64::from(threshold));
            let off = i64::from(off_spike && change <= -i64::from(threshold));
            let got = encoder.encode(&mut previous, sample).map_or(0, Polarity::sign);
            prop_assert_eq!(got, on - off);
        }
    }
}
