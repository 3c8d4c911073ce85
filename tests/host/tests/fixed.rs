// SPDX-License-Identifier: GPL-2.0

//! `2^-f` and the leak against exact values, within the bounds that `fixed.rs` derives.

mod exact;

use lightos_host::spiking::fixed::{
    exp2_neg, input_units, nearest_mv, Leak, RANGE_NV, UNITS_PER_MV, UNITS_PER_NV,
};
use lightos_host::support::cases;
use proptest::prelude::*;
use std::num::NonZeroU64;

/// 2^-(fraction / 2^64) * 2^63 to the nearest integer, computed with 80 decimal digits.
const KNOWN: &[(u64, u64)] = &[
    (0x0000_0000_0000_0000, 0x8000_0000_0000_0000),
    (0x0000_0000_0000_0001, 0x8000_0000_0000_0000),
    (0x0000_8000_0000_0000, 0x7fff_d3a3_81b1_fa29),
    (0x0000_ffff_ffff_ffff, 0x7fff_a747_12c3_cdfd),
    (0x0001_0000_0000_0000, 0x7fff_a747_12c3_cdfd),
    (0x00ff_0000_0000_0000, 0x7fa7_be28_6905_2536),
    (0x00ff_ffff_ffff_ffff, 0x7fa7_65ac_a88f_6453),
    (0x0100_0000_0000_0000, 0x7fa7_65ac_a88f_6453),
    (0x2000_0000_0000_0000, 0x7560_6373_ee92_1c97),
    (0x4000_0000_0000_0000, 0x6ba2_7e65_6b4e_b57a),
    (0x8000_0000_0000_0000, 0x5a82_7999_fcef_3242),
    (0x8000_0000_0000_0001, 0x5a82_7999_fcef_3242),
    (0x1234_5678_9abc_def0, 0x79d8_027c_e5e7_4c0c),
    (0xdead_beef_cafe_f00d, 0x460a_e9cb_1272_ba6b),
    (0x9e37_79b9_7f4a_7c15, 0x5366_4288_6aed_4f80),
    (0xff00_0000_0000_0000, 0x402c_6be9_6af2_fb58),
    (0xffff_0000_0000_0000, 0x4000_2c5c_955d_d701),
    (0xffff_ffff_ffff_ffff, 0x4000_0000_0000_0000),
];

/// The bound on `exp2_neg`, in units of 2^-63, for an exact argument.
const EXP2_BOUND: f64 = 2.6;

/// The bound on one decay of a membrane in range, in units of a potential.
const DECAY_BOUND: f64 = 0.63;

fn leak(tau_ns: u64) -> Leak {
    Leak::new(NonZeroU64::new(tau_ns).unwrap())
}

fn config(usual: u32, long: u32) -> ProptestConfig {
    ProptestConfig {
        cases: cases(usual, long),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

#[test]
fn known_values() {
    for &(fraction, expected) in KNOWN {
        let got = exp2_neg(fraction);
        assert!(
            got.abs_diff(expected) <= 3,
            "{fraction:#x}: {got:#x}, not {expected:#x}"
        );
    }
    assert_eq!(exp2_neg(0), 1 << 63);
}

/// The reference itself agrees with the values from elsewhere.
#[test]
fn reference_agrees_with_known_values() {
    for &(fraction, expected) in KNOWN {
        let got = exact::exp2_neg_q127(fraction);
        assert!((got + (1 << 63)) >> 64 == u128::from(expected));
    }
}

/// Every entry of both tables, hit without the polynomial.
#[test]
fn table_entries() {
    for i in 0..256u64 {
        for fraction in [i << 56, i << 48] {
            let exact = exact::exp2_neg_q127(fraction);
            let error = exp2_error(fraction, exact);
            // One factor is exactly 1: half a unit of the table, half of the product.
            assert!(error <= 1.0, "{fraction:#x}: {error}");
        }
    }
}

#[test]
fn no_gap_changes_nothing() {
    for tau in [1, 2, 3, 100_000, 10_000_000, u64::MAX] {
        for v in [0, 1, -1, 12345, UNITS_PER_MV, i64::MAX, i64::MIN + 1] {
            assert_eq!(leak(tau).decay(v, 0), v);
        }
    }
}

#[test]
fn long_gaps_end_at_rest() {
    let range = 2 * RANGE_NV * UNITS_PER_NV;
    for tau in [1, 2, 3, 100_000, 10_000_000, 10_000_000_000, u64::MAX / 64] {
        for v in [range, -range, 1, -1] {
            assert_eq!(leak(tau).decay(v, u64::MAX), 0, "tau {tau}");
            assert_eq!(leak(tau).decay(v, tau.saturating_mul(45)), 0, "tau {tau}");
        }
    }
}

#[test]
fn one_time_constant() {
    // exp(-1) * 1 V = 367879441.17144232159552... nV
    let v = leak(10_000_000).decay(1000 * UNITS_PER_MV, 10_000_000);
    let expected = 367_879_441.171_442_34 * UNITS_PER_NV as f64;
    assert!((v as f64 - expected).abs() < 2.0);
}

#[test]
fn inputs_of_any_size() {
    assert_eq!(input_units(0), 0);
    assert_eq!(input_units(600), 600 * UNITS_PER_MV);
    assert_eq!(input_units(-1), -UNITS_PER_MV);
    assert_eq!(input_units(i32::MAX), 40_000 * UNITS_PER_MV);
    assert_eq!(input_units(i32::MIN), -40_000 * UNITS_PER_MV);
    // Even the largest cut input spans the whole membrane.
    assert!(input_units(i32::MAX) >= 2 * RANGE_NV * UNITS_PER_NV);
}

#[test]
fn millivolts_are_nearest() {
    let half = UNITS_PER_MV / 2;
    for mv in [-10_000, -80, -1, 0, 1, 499, 10_000] {
        let exact = i64::from(mv) * UNITS_PER_MV;
        assert_eq!(nearest_mv(exact), mv);
        assert_eq!(nearest_mv(exact + half - 1), mv);
        assert_eq!(nearest_mv(exact - half + 1), mv);
    }
    assert_eq!(nearest_mv(half), 1);
    assert_eq!(nearest_mv(-half), -1);
    assert_eq!(nearest_mv(i64::MAX), (i64::MAX / UNITS_PER_MV) as i32);
    assert_eq!(nearest_mv(i64::MIN), (i64::MIN / UNITS_PER_MV) as i32);
}

/// How far `exp2_neg` is from the exact value, in units of 2^-63.
fn exp2_error(fraction: u64, exact_q127: u128) -> f64 {
    let got = u128::from(exp2_neg(fraction)) << 64;
    got.abs_diff(exact_q127) as f64 / (1u128 << 64) as f64
}

/// How far one decay is from the exact value, in units of a potential.
fn decay_error(v: i64, gap: u64, tau: u64) -> f64 {
    let got = u128::from(leak(tau).decay(v, gap).unsigned_abs()) << 64;
    let exact = exact::decay_q64(v.unsigned_abs(), gap, tau);
    got.abs_diff(exact) as f64 / (1u128 << 64) as f64
}

proptest! {
    #![proptest_config(config(20_000, 5_000_000))]

    #[test]
    fn exp2_within_bound(fraction in any::<u64>()) {
        let error = exp2_error(fraction, exact::exp2_neg_q127(fraction));
        prop_assert!(error <= EXP2_BOUND, "{error}");
    }

    /// Gaps from far below to far above the time constant.
    #[test]
    fn decay_within_bound(
        v in -(2 * RANGE_NV * UNITS_PER_NV)..=2 * RANGE_NV * UNITS_PER_NV,
        tau in prop_oneof![1u64..100, 100_000u64..10_000_000_000, any::<u64>().prop_map(|t| t.max(1))],
        part in 0u64..1 << 24,
        scale in 0u32..30,
    ) {
        let gap = (u128::from(tau) * 50 * u128::from(part)) >> 24 >> scale;
        let gap = u64::try_from(gap).unwrap_or(u64::MAX);
        let error = decay_error(v, gap, tau);
        prop_assert!(error <= DECAY_BOUND, "gap {gap}: {error}");
    }

    /// Any arguments at all: the sign stays, the magnitude does not grow.
    #[test]
    fn decay_shrinks(v in any::<i64>(), gap in any::<u64>(), shift in 0u32..64, tau in 1u64..) {
        let after = leak(tau).decay(v, gap >> shift);
        prop_assert!(after.unsigned_abs() <= v.unsigned_abs());
        prop_assert!(after == 0 || after.signum() == v.signum());
    }

    /// Two gaps in a row are one long gap, but for one rounding more.
    #[test]
    fn decay_composes(
        v in -(2 * RANGE_NV * UNITS_PER_NV)..=2 * RANGE_NV * UNITS_PER_NV,
        tau in 100_000u64..10_000_000_000,
        first in 0u64..20_000_000_000,
        second in 0u64..20_000_000_000,
    ) {
        let leak = leak(tau);
        let twice = leak.decay(leak.decay(v, first), second);
        prop_assert!(twice.abs_diff(leak.decay(v, first + second)) <= 2);
    }
}
