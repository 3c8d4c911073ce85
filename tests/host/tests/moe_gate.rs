// SPDX-License-Identifier: GPL-2.0

//! The gate against double precision: random and awkward tokens, all rules, all formats.

mod moe;

use lightos_host::moe::capacity::NO_EXPERT;
use lightos_host::moe::config::Layer;
use lightos_host::moe::gate::Tables;
use lightos_host::moe::score::{Score, KEY_BITS};
use lightos_host::support::cases;
use moe::{gate, models, run, Expected, Kind, Random, Routed, Words, KINDS, NEAR};

/// A family of tokens: what their logits are like.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Family {
    /// Normal, standard deviation 2: what routers put out.
    Normal,
    /// A few values only: ties everywhere.
    Ties,
    /// Any finite bits.
    Bits,
    /// Denormals and zeros of both signs.
    Denormal,
    /// Normal, most of them -inf.
    Masked,
    /// Close together around a value.
    Close,
}

const FAMILIES: [Family; 6] = [
    Family::Normal,
    Family::Ties,
    Family::Bits,
    Family::Denormal,
    Family::Masked,
    Family::Close,
];

/// A finite number of any size, up to 2^27 in magnitude where scores are computed.
fn any_bits(r: &mut Random, kind: Kind, bounded: bool) -> u32 {
    loop {
        let bits = r.word() as u32;
        let bits = if matches!(kind, Kind::F16 | Kind::Bf16) {
            bits & 0xffff
        } else {
            bits
        };
        let x = kind.decode(bits);
        if x.is_finite() && (!bounded || x.abs() < 2f64.powi(27)) {
            return bits;
        }
    }
}

/// A token of a family.
fn token(r: &mut Random, family: Family, kind: Kind, layer: &Layer) -> Vec<u32> {
    let center = 4.0 * r.normal();
    let infinity = kind.encode(f64::NEG_INFINITY);
    let bounded = layer.score != Score::Softmax;
    let logit = |_| match family {
        Family::Normal => kind.encode(2.0 * r.normal()),
        Family::Ties => kind.encode(r.below(5) as f64 - 2.0),
        Family::Bits => any_bits(r, kind, bounded),
        Family::Denormal if kind == Kind::F32 => (r.word() as u32) & 0x801f_ffff,
        Family::Denormal => (r.word() as u32) & if kind == Kind::Q16 { 3 } else { 0x8003 },
        Family::Masked if r.below(8) != 0 => infinity,
        Family::Masked => kind.encode(2.0 * r.normal()),
        Family::Close => kind.encode(center + r.normal() * 2f64.powi(-20)),
    };
    (0..layer.experts).map(logit).collect()
}

/// Compares one token; false if its deciding keys are too close for ids to be compared.
fn compare(layer: &Layer, expected: &Expected, routed: &Routed, at: usize) -> bool {
    if expected.near {
        return false;
    }
    let top_k = layer.top_k as usize;
    let places = at * top_k..(at + 1) * top_k;
    let ids = &routed.ids[places.clone()];
    let chosen: Vec<usize> = ids
        .iter()
        .take_while(|&&e| e != NO_EXPERT)
        .map(|&e| e.into())
        .collect();
    assert_eq!(chosen, expected.experts);
    for (place, &id) in places.zip(ids).skip(chosen.len()) {
        assert_eq!(
            (id, routed.weights[place], routed.fixed[place]),
            (NO_EXPERT, 0, 0)
        );
    }
    for (choice, &weight) in expected.weights.iter().enumerate() {
        let place = at * top_k + choice;
        let float = f64::from(f32::from_bits(routed.weights[place]));
        let fixed = f64::from(routed.fixed[place]);
        if weight >= NEAR {
            assert!(
                (float / weight - 1.0).abs() <= 2f64.powi(-20),
                "{float} {weight}"
            );
        } else {
            assert!(float < 2.0 * NEAR);
        }
        assert!((fixed - weight * 65536.0).abs() <= 1.0, "{fixed} {weight}");
    }
    true
}

/// Normal tokens whose deciding keys are too close to compare, at most: one in so many.
const RARELY: u32 = 100;

/// One rule over all families and formats; tokens and those not compared.
fn sweep(name: &str, layer: &Layer, count: u32) {
    let mut r = Random(
        name.bytes()
            .fold(11, |h: u64, b| h.rotate_left(7) ^ u64::from(b)),
    );
    let batch = 16;
    let (mut tokens, mut near, mut near_normal) = (0, 0, 0);
    assert_eq!(layer.check(0), Ok(()), "{name}");
    while tokens < count {
        let kind = KINDS[r.below(4) as usize];
        let family = FAMILIES[r.below(6) as usize];
        // Now and then a few values only, so that keys tie.
        let coarse = r.below(4) == 0;
        let biases: Vec<i64> = (0..layer.experts)
            .map(|_| (r.normal() * 0.1 * (1u64 << KEY_BITS) as f64) as i64)
            .map(|b| if coarse { b >> 32 << 32 } else { b })
            .collect();
        let reals: Vec<f64> = biases
            .iter()
            .map(|&b| b as f64 / (1u64 << KEY_BITS) as f64)
            .collect();
        let (biases, reals) = if layer.biased {
            (biases, reals)
        } else {
            (vec![], vec![])
        };
        let bits: Vec<u32> = (0..batch)
            .flat_map(|_| token(&mut r, family, kind, layer))
            .collect();
        let words = Words::new(kind, &bits);
        let tables = Tables {
            biases: &biases,
            ..Tables::default()
        };
        let routed = run(layer, &tables, words.logits(), batch).unwrap();
        let chosen = routed.ids.iter().filter(|&&id| id != NO_EXPERT).count() as u64;
        assert_eq!(routed.tally.activations, chosen, "{name}");
        assert_eq!(routed.tally.tokens, batch as u64, "{name}");
        let values = words.values();
        for (at, row) in values.chunks(layer.experts as usize).enumerate() {
            let expected = gate(layer, &reals, row);
            let fine = std::panic::catch_unwind(|| compare(layer, &expected, &routed, at));
            let Ok(fine) = fine else {
                panic!("{name} {kind:?} {family:?}: {row:?}\n{expected:?}");
            };
            near += u32::from(!fine);
            near_normal += u32::from(!fine && family == Family::Normal);
        }
        tokens += batch as u32;
    }
    println!(
        "{name}: {tokens} tokens, of {near} the deciding keys are within 2^-30, {near_normal} of them normal ones"
    );
    assert!(
        near_normal * RARELY < tokens,
        "{name}: too few were compared"
    );
}

#[test]
fn equals_double_precision() {
    let models = models();
    let workers = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::thread::scope(|scope| {
        for first in 0..workers.min(models.len()) {
            let mine = models.iter().skip(first).step_by(workers);
            scope.spawn(move || {
                for (name, layer) in mine {
                    // The reference of the large ones takes most of the time.
                    let usual = if layer.experts > 300 { 2_000 } else { 6_000 };
                    sweep(name, layer, cases(usual, 1_000_000));
                }
            });
        }
    });
}
