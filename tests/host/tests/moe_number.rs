// SPDX-License-Identifier: GPL-2.0

//! Number formats, scores and results against double precision.

mod moe;

use lightos_host::moe::number::{Bf16, Format, F16, F32, FIXED_BITS, FIXED_LIMIT, Q16};
use lightos_host::moe::real::Real;
use lightos_host::moe::score::{sigmoid, sqrt_softplus, sqrt_softplus_key, KEY_BITS};
use lightos_host::moe::sigmoid::{key_of_binary32, sigmoid_key};
use lightos_host::support::cases;
use moe::{Kind, Random};

/// Order, fixed point and special values of the words in `words`.
fn check<F: Format>(kind: Kind, words: impl Iterator<Item = (u32, F::Word)>) {
    let mut list: Vec<(f64, u32)> = Vec::new();
    for (bits, word) in words {
        let (x, key) = (kind.decode(bits), F::key(word));
        assert_eq!(
            F::is_number(key),
            !x.is_nan() && x != f64::INFINITY,
            "{kind:?} {bits:#x}"
        );
        assert_eq!(
            key <= F::LEAST && F::is_number(key),
            x == f64::NEG_INFINITY,
            "{bits:#x}"
        );
        if x.is_finite() {
            let exact = (x * 2f64.powi(FIXED_BITS as i32)).trunc();
            let limit = FIXED_LIMIT as f64;
            assert_eq!(
                F::fixed(key) as f64,
                exact.clamp(-limit, limit),
                "{kind:?} {bits:#x}"
            );
            list.push((x, key));
        }
    }
    list.sort_by(|a, b| a.0.total_cmp(&b.0));
    for pair in list.windows(2) {
        let [(a, ka), (b, kb)] = [pair[0], pair[1]];
        assert_eq!(a.partial_cmp(&b), Some(ka.cmp(&kb)), "{a} {b}");
    }
}

#[test]
fn order_is_ieee_comparison() {
    let step = if cfg!(miri) { 97 } else { 1 };
    let halves = || (0..=0xffff_u32).step_by(step);
    check::<F16>(Kind::F16, halves().map(|b| (b, b as u16)));
    check::<Bf16>(Kind::Bf16, halves().map(|b| (b, b as u16)));
    let mut r = Random(1);
    let count = cases(200_000, 20_000_000) as usize;
    let edges = [
        0,
        1,
        2,
        0x007f_ffff,
        0x0080_0000,
        0x7f7f_ffff,
        0x7f80_0000,
        0x7f80_0001,
        0x7fff_ffff,
    ];
    let edges = edges.into_iter().flat_map(|b: u32| [b, b | 1 << 31]);
    let words: Vec<u32> = edges.chain((0..count).map(|_| r.word() as u32)).collect();
    check::<F32>(Kind::F32, words.iter().map(|&b| (b, b)));
    check::<Q16>(Kind::Q16, words.iter().map(|&b| (b, b as i32)));
}

/// A logit in fixed point and as a double.
fn logit(r: &mut Random, sigma: f64) -> (i64, f64) {
    let fixed = (sigma * r.normal() * 2f64.powi(FIXED_BITS as i32)) as i64;
    (fixed, fixed as f64 / 2f64.powi(FIXED_BITS as i32))
}

fn value(x: Real) -> f64 {
    let bits = 62 - x.exponent();
    x.scaled(bits as u32) as f64 / 2f64.powi(bits)
}

/// Whether `a` is within 2^-`bits` of `b`.
fn near(a: f64, b: f64, bits: i32) -> bool {
    (a - b).abs() <= 2f64.powi(-bits)
}

#[test]
fn scores_equal_double_precision() {
    let mut r = Random(2);
    let (mut worst_sigmoid, mut worst_softplus) = (0.0f64, 0.0f64);
    let places = [0.0, 24.0, -24.0, 23.9921875, 1.0 / 128.0, 30.0, -40.0];
    let one = 2f64.powi(FIXED_BITS as i32);
    let given: Vec<(i64, f64)> = places.iter().map(|x| ((x * one) as i64, *x)).collect();
    let count = cases(100_000, 10_000_000) as usize;
    let drawn: Vec<_> = (0..count).map(|_| logit(&mut r, 6.0)).collect();
    for (fixed, x) in given.into_iter().chain(drawn) {
        // What truncating the logit may do is not part of this test: x is exact.
        let s = 1.0 / (1.0 + (-x).exp());
        let key = sigmoid_key(fixed) as f64 / 2f64.powi(KEY_BITS as i32);
        worst_sigmoid = worst_sigmoid.max((key - s).abs());
        let single = x as f32;
        let s32 = 1.0 / (1.0 + (-f64::from(single)).exp());
        let key = key_of_binary32(single.to_bits());
        assert_eq!(
            key.is_some(),
            (1.0 / 64.0..32.0).contains(&single.abs()),
            "{x}"
        );
        if let Some(key) = key {
            let key = key as f64 / 2f64.powi(KEY_BITS as i32);
            worst_sigmoid = worst_sigmoid.max((key - s32).abs());
        }
        assert!(near(value(sigmoid(fixed)) / s, 1.0, 29), "{x}");

        let g = (x.max(0.0) + (-x.abs()).exp().ln_1p()).sqrt();
        let key = sqrt_softplus_key(fixed) as f64 / 2f64.powi(KEY_BITS as i32);
        worst_softplus = worst_softplus.max((key - g).abs());
        assert!(near(value(sqrt_softplus(fixed)) / g, 1.0, 31), "{x}");
    }
    let log2 = |x: f64| x.log2();
    println!(
        "keys: sigmoid 2^{:.1}, sqrt-softplus 2^{:.1}",
        log2(worst_sigmoid),
        log2(worst_softplus)
    );
    assert!(worst_sigmoid < 2f64.powf(-34.0) && worst_softplus < 2f64.powf(-34.0));
}

#[test]
fn reals_equal_double_precision() {
    let mut r = Random(3);
    for _ in 0..cases(100_000, 10_000_000) {
        let exponent = r.below(60) as u32;
        let (a, b) = (r.word() >> r.below(63) | 1, r.word() >> r.below(63) | 1);
        let (x, y) = (Real::new(a, exponent), Real::new(b, 20));
        let (fx, fy) = (
            a as f64 / 2f64.powi(exponent as i32),
            b as f64 / 2f64.powi(20),
        );
        let float = |x: Real| f64::from(f32::from_bits(x.to_f32()));
        assert_eq!(f32::from_bits(x.to_f32()), nearest_f32(a, exponent));
        assert!(near(float(x.times(y)) / (fx * fy), 1.0, 23));
        assert!(near(float(x.reciprocal()) * fx, 1.0, 23));
        assert!(near(value(x.times(x.rough_reciprocal())), 1.0, 30));
        assert!(near(float(x.square_root()) / fx.sqrt(), 1.0, 23));
        assert!(near(float(Real::sum(&[x, y])) / (fx + fy), 1.0, 23));
        assert_eq!(
            x.at_least(y),
            u128::from(a) << 20 >= u128::from(b) << exponent
        );
        // Close to 1, where doubles have digits to spare.
        assert!(near(value(x.times(x.reciprocal())), 1.0, 51));
    }
    assert_eq!(Real::ZERO.reciprocal(), Real::ZERO);
    assert_eq!(Real::sum(&[Real::ZERO, Real::ZERO]), Real::ZERO);
    assert!(Real::ZERO.at_least(Real::ZERO) && !Real::ZERO.at_least(Real::ONE));
    assert_eq!(
        (
            Real::new(3, 1).scaled(0),
            Real::new(1, 1).scaled(0),
            Real::new(1, 2).scaled(0)
        ),
        (2, 1, 0)
    );
    assert_eq!(Real::exp_neg(0), Real::ONE);
    assert_eq!(Real::exp_neg(u64::MAX >> 1).to_f32(), 0);
}

/// `value * 2^-bits`, rounded once: a double holds 53 digits, so the last ones are made sticky.
fn nearest_f32(value: u64, bits: u32) -> f32 {
    let sticky = if value >> 40 != 0 {
        value & !0xff | u64::from(value & 0xff != 0) << 8
    } else {
        value
    };
    (sticky as f64 / 2f64.powi(bits as i32)) as f32
}
