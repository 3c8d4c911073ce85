// SPDX-License-Identifier: GPL-2.0

//! The neuron against a double-precision reference written from the differential equation.

use lightos_host::spiking::fixed::{RANGE_NV, UNITS_PER_NV};
use lightos_host::spiking::neuron::{Lif, LifParams, Neuron, Update};
use lightos_host::support::{cases, steps};
use proptest::prelude::*;

/// The membrane may differ from the reference by this much, in nV.
const BOUND_NV: f64 = 10.0;

const TEN_SECONDS_NS: u64 = 10_000_000_000;

/// What the reference did with an input.
#[derive(Debug, PartialEq)]
enum Answer {
    Refractory,
    Computed {
        /// Leak and input together, in nV, before the sum was cut to the range.
        sum: f64,
        /// Whether it reached the threshold.
        spiked: bool,
        /// Whether it was cut.
        cut: bool,
    },
}

/// A neuron in doubles, in absolute nanovolts.
struct Reference {
    lif: Lif,
    v: f64,
    /// From when on `v` leaks.
    since: u64,
    deaf_until: u64,
}

impl Reference {
    fn new(lif: Lif) -> Self {
        let v = lif.rest_nv as f64;
        Self {
            lif,
            v,
            since: 0,
            deaf_until: 0,
        }
    }

    fn at(&self, now: u64) -> f64 {
        let rest = self.lif.rest_nv as f64;
        let gap = now.saturating_sub(self.since) as f64;
        rest + (self.v - rest) * (-gap / self.lif.tau_ns as f64).exp()
    }

    fn input(&mut self, now: u64, amplitude_mv: i32) -> Answer {
        if now < self.deaf_until {
            return Answer::Refractory;
        }
        let sum = self.at(now) + f64::from(amplitude_mv) * 1e6;
        let range = RANGE_NV as f64;
        let v = sum.clamp(-range, range);
        let spiked = v >= self.lif.threshold_nv as f64;
        self.set(now, v, spiked);
        Answer::Computed {
            sum,
            spiked,
            cut: v != sum,
        }
    }

    fn set(&mut self, now: u64, v: f64, spiked: bool) {
        if spiked {
            self.v = self.lif.reset_nv as f64;
            self.deaf_until = now.saturating_add(self.lif.refractory_ns);
            self.since = self.deaf_until;
        } else {
            self.v = v;
            self.since = now;
        }
    }
}

/// The membrane of the engine's neuron in absolute nanovolts.
fn membrane_nv(neuron: &Neuron, lif: &Lif, params: &LifParams, now: u64) -> f64 {
    lif.rest_nv as f64 + neuron.membrane_units(now, params) as f64 / UNITS_PER_NV as f64
}

/// Both neurons over the same input. Returns the inputs at which they disagreed about a spike,
/// all within the bound of the threshold.
fn compare(lif: Lif, inputs: &[(u64, i32)]) -> Result<usize, TestCaseError> {
    let params = LifParams::new(&lif).unwrap();
    let mut neuron = Neuron::at_rest(0);
    let mut reference = Reference::new(lif);
    let mut disagreed = 0;
    for &(now, amplitude_mv) in inputs {
        let before = membrane_nv(&neuron, &lif, &params, now);
        prop_assert!(
            (before - reference.at(now)).abs() <= BOUND_NV,
            "before {now}"
        );
        let spikes = neuron.total_spikes();
        let update = neuron.update(now, amplitude_mv, &params);
        match (reference.input(now, amplitude_mv), update) {
            (Answer::Refractory, Update::Refractory) => {}
            (
                Answer::Computed { sum, spiked, cut },
                Update::Computed {
                    spiked: got,
                    saturated,
                },
            ) => {
                if spiked != got {
                    let from_threshold = (sum - lif.threshold_nv as f64).abs();
                    prop_assert!(from_threshold <= BOUND_NV, "{from_threshold} nV away");
                    reference = Reference::new(lif);
                    reference.set(now, sum, got);
                    disagreed += 1;
                }
                // A sum within the bound of the range's end may count as either.
                if cut != saturated {
                    prop_assert!((sum.abs() - RANGE_NV as f64).abs() <= BOUND_NV);
                }
                prop_assert_eq!(neuron.total_spikes(), spikes + u64::from(got));
            }
            (expected, got) => prop_assert!(false, "{expected:?}, {got:?} at {now}"),
        }
        let after = membrane_nv(&neuron, &lif, &params, now);
        prop_assert!((after - reference.at(now)).abs() <= BOUND_NV, "after {now}");
        prop_assert!(after.abs() <= RANGE_NV as f64);
    }
    Ok(disagreed)
}

/// Neurons over the whole range of the interface.
fn any_lif() -> impl Strategy<Value = Lif> {
    let nv = || prop_oneof![3 => -1_000_000_000..=1_000_000_000i64, 1 => -RANGE_NV..=RANGE_NV];
    let tau = prop_oneof![
        Just(100_000u64),
        Just(1_000_000),
        Just(10_000_000),
        Just(100_000_000),
        Just(1_000_000_000),
        Just(10_000_000_000),
        100_000..=10_000_000_000u64,
    ];
    let refractory = prop_oneof![Just(0), Just(2_000_000), 0..=1_000_000_000u64];
    (nv(), nv(), nv(), tau, refractory).prop_map(
        |(threshold_nv, rest_nv, reset_nv, tau_ns, refractory_ns)| Lif {
            threshold_nv,
            rest_nv,
            reset_nv,
            tau_ns,
            refractory_ns,
        },
    )
}

/// Ten seconds of input: any times, some of them equal, amplitudes of three sizes.
fn ten_seconds() -> impl Strategy<Value = Vec<(u64, i32)>> {
    let amplitude = prop_oneof![
        6 => -100..=150i32,
        2 => -3_000..=3_000i32,
        1 => -30_000..=30_000i32,
    ];
    let gap = prop_oneof![1 => Just(0u64), 8 => 0..50_000_000u64, 1 => 0..1_000_000_000u64];
    prop::collection::vec((gap, amplitude), 1..steps(1_500)).prop_map(|gaps| {
        let mut now = 0;
        gaps.into_iter()
            .map(|(gap, amplitude)| {
                now += gap;
                (now, amplitude)
            })
            .take_while(|&(now, _)| now <= TEN_SECONDS_NS)
            .collect()
    })
}

fn config(usual: u32, long: u32) -> ProptestConfig {
    ProptestConfig {
        cases: cases(usual, long),
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(1_500, 100_000))]

    #[test]
    fn agrees_with_the_reference(lif in any_lif(), inputs in ten_seconds()) {
        compare(lif, &inputs)?;
    }

    #[test]
    fn default_neuron_agrees_with_the_reference(inputs in ten_seconds()) {
        compare(Lif::DEFAULT, &inputs)?;
    }

    /// Amplitudes of any size: nothing overflows, the membrane stays in range.
    #[test]
    fn any_amplitude_and_time(
        lif in any_lif(),
        inputs in prop::collection::vec((any::<u64>(), any::<i32>()), 1..50),
        refractory_ns in any::<u64>(),
    ) {
        let lif = Lif { refractory_ns, ..lif };
        let params = LifParams::new(&lif).unwrap();
        let mut neuron = Neuron::at_rest(0);
        for (now, amplitude_mv) in inputs {
            neuron.update(now, amplitude_mv, &params);
            let v = membrane_nv(&neuron, &lif, &params, now);
            prop_assert!(v.abs() <= RANGE_NV as f64 + 1.0, "{v}");
            prop_assert!(neuron.rate_hz(now) <= 728_167);
            prop_assert!(neuron.membrane_mv(now, &params).abs() <= 10_000);
        }
    }

    /// The rate against a list of all spikes.
    #[test]
    fn rate_counts_ten_buckets(
        gaps in prop::collection::vec(
            prop_oneof![0..1_000_000u64, 0..300_000_000u64, 0..3_000_000_000u64], 1..60),
        start in 0..10_000_000_000u64,
        wait in prop_oneof![Just(0u64), 0..1_500_000_000u64, any::<u64>().prop_map(|t| t >> 1)],
    ) {
        const BUCKET: u64 = 100_000_000;
        let params = LifParams::new(&Lif { refractory_ns: 0, ..Lif::DEFAULT }).unwrap();
        let mut neuron = Neuron::at_rest(start);
        let mut now = start;
        let mut spikes = Vec::new();
        for gap in gaps {
            now += gap;
            neuron.update(now, 5_000, &params);
            spikes.push(now);
        }
        let now = now + wait;
        let first = (now / BUCKET).saturating_sub(9) * BUCKET;
        let count = spikes.iter().filter(|&&t| t >= first).count();
        let seconds = 0.9 + (now % BUCKET) as f64 / 1e9;
        let expected = count as f64 / seconds;
        prop_assert!((f64::from(neuron.rate_hz(now)) - expected).abs() <= 0.500001);
    }
}

/// Many inputs without a spike, the worst case for the sum of the roundings.
#[test]
fn a_million_inputs_without_a_spike() {
    let lif = Lif {
        threshold_nv: RANGE_NV,
        tau_ns: TEN_SECONDS_NS,
        ..Lif::DEFAULT
    };
    let count = if cfg!(miri) { 100 } else { 1_000_000 };
    let inputs: Vec<_> = (0..count)
        .map(|i| (i * 10_000, if i % 2 == 0 { 9 } else { -8 }))
        .collect();
    assert_eq!(compare(lif, &inputs).unwrap(), 0);
}

fn update(neuron: &mut Neuron, now: u64, amplitude_mv: i32) -> Update {
    neuron.update(now, amplitude_mv, &LifParams::DEFAULT)
}

fn computed(spiked: bool) -> Update {
    Update::Computed {
        spiked,
        saturated: false,
    }
}

#[test]
fn threshold_is_met_exactly() {
    let mut neuron = Neuron::at_rest(0);
    assert_eq!(update(&mut neuron, 0, 569), computed(false));
    assert_eq!(update(&mut neuron, 0, 1), computed(true));
}

#[test]
fn refractory_period_ends_on_time() {
    let end = 2_000_000;
    for (now, expected) in [(0, None), (1, None), (end - 1, None), (end, Some(false))] {
        let mut neuron = Neuron::at_rest(0);
        assert_eq!(update(&mut neuron, 0, 600), computed(true));
        assert_eq!(neuron.membrane_mv(now, &LifParams::DEFAULT), -80);
        let got = update(&mut neuron, now, 100);
        assert_eq!(
            got,
            expected.map_or(Update::Refractory, computed),
            "at {now}"
        );
    }
}

#[test]
fn leak_starts_at_the_end_of_the_refractory_period() {
    let mut neuron = Neuron::at_rest(0);
    update(&mut neuron, 0, 600);
    assert_eq!(
        neuron.membrane_units(2_000_000, &LifParams::DEFAULT),
        -10_000_000 * UNITS_PER_NV
    );
    // One time constant after the end: 10 mV / e below rest.
    let nv = neuron.membrane_units(12_000_000, &LifParams::DEFAULT) as f64 / UNITS_PER_NV as f64;
    assert!(
        (nv + 10_000_000.0 / std::f64::consts::E).abs() < 1e-3,
        "{nv}"
    );
}

#[test]
fn saturates_at_both_ends() {
    let deaf = Lif {
        threshold_nv: RANGE_NV,
        ..Lif::DEFAULT
    };
    let params = LifParams::new(&deaf).unwrap();
    for (amplitude_mv, mv, spiked) in [
        (i32::MIN, -10_000, false),
        (-9_931, -10_000, false),
        (i32::MAX, -80, true),
    ] {
        let mut neuron = Neuron::at_rest(0);
        let got = neuron.update(0, amplitude_mv, &params);
        assert_eq!(
            got,
            Update::Computed {
                spiked,
                saturated: true
            }
        );
        assert_eq!(neuron.membrane_mv(0, &params), mv);
    }
    let mut neuron = Neuron::at_rest(0);
    assert_eq!(neuron.update(0, -9_930, &params), computed(false));
    assert_eq!(neuron.membrane_mv(0, &params), -10_000);
}

#[test]
fn parameters_out_of_range_are_refused() {
    let good = Lif::DEFAULT;
    assert_eq!(LifParams::new(&good), Some(LifParams::DEFAULT));
    for bad in [
        Lif { tau_ns: 0, ..good },
        Lif {
            threshold_nv: RANGE_NV + 1,
            ..good
        },
        Lif {
            threshold_nv: i64::MIN,
            ..good
        },
        Lif {
            rest_nv: -RANGE_NV - 1,
            ..good
        },
        Lif {
            reset_nv: i64::MAX,
            ..good
        },
    ] {
        assert_eq!(LifParams::new(&bad), None, "{bad:?}");
    }
}

/// Threshold, reset and refractory period belong to the update, not to the table.
#[test]
fn parameters_differ_between_neurons() {
    let low = LifParams::new(&Lif {
        threshold_nv: 0,
        reset_nv: 0,
        ..Lif::DEFAULT
    })
    .unwrap();
    let (mut a, mut b) = (Neuron::at_rest(0), Neuron::at_rest(0));
    assert_eq!(a.update(0, 70, &low), computed(true));
    assert_eq!(b.update(0, 70, &LifParams::DEFAULT), computed(false));
    assert_eq!(a.membrane_mv(0, &low), 0);
    assert_eq!(b.membrane_mv(0, &LifParams::DEFAULT), 0);
    assert!(a.is_refractory(1_999_999, &low) && !b.is_refractory(0, &low));
}

#[test]
fn a_neuron_is_one_cache_line() {
    assert_eq!(size_of::<Neuron>(), 64);
    assert_eq!(align_of::<Neuron>(), 64);
}
