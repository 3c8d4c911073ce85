// SPDX-License-Identifier: GPL-2.0

//! The gate on vectors, and gating in double precision, from the published definitions.
//!
//! But for `run` nothing here shares code or method with `moe/`: experts are sorted, scores are `exp` and `ln` of
//! the standard library, weights are taken from logarithms so that no score underflows.

#![allow(dead_code)]

use lightos_host::moe::config::{GroupScore, Layer, Strategy};
use lightos_host::moe::gate::{route, Fault, Logits, Routes, Scratch, Tables, Tally};
use lightos_host::moe::score::Score;
use std::cmp::Ordering;

/// Deciding keys closer than this are not compared.
pub const NEAR: f64 = 1.0 / (1u64 << 30) as f64;

/// A 64-bit generator, SplitMix64, so that every run sees the same tokens.
pub struct Random(pub u64);

impl Random {
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        (self.word() >> 11) % limit
    }

    /// Uniform from 0 to 1.
    pub fn unit(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Standard normal, by the sum of twelve.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// A number format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    F32,
    F16,
    Bf16,
    Q16,
}

pub const KINDS: [Kind; 4] = [Kind::F32, Kind::F16, Kind::Bf16, Kind::Q16];

impl Kind {
    /// The bits of a number near `x`, of which all are allowed.
    pub fn encode(self, x: f64) -> u32 {
        match self {
            Self::F32 => (x as f32).to_bits(),
            Self::Bf16 => (x as f32).to_bits() >> 16,
            Self::F16 => half_bits(x),
            Self::Q16 if x == f64::NEG_INFINITY => i32::MIN as u32,
            Self::Q16 => (x * 65536.0) as i32 as u32,
        }
    }

    /// The number with these bits.
    pub fn decode(self, bits: u32) -> f64 {
        match self {
            Self::F32 => f64::from(f32::from_bits(bits)),
            Self::Bf16 => f64::from(f32::from_bits(bits << 16)),
            Self::F16 => half_value(bits),
            Self::Q16 if bits as i32 == i32::MIN => f64::NEG_INFINITY,
            Self::Q16 => f64::from(bits as i32) / 65536.0,
        }
    }
}

/// binary16 by its definition.
fn half_value(bits: u32) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (bits >> 10 & 31, f64::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent as i32 - 15),
    }
}

/// The finite binary16 next to `x` towards zero, by bisection.
fn half_bits(x: f64) -> u32 {
    let sign = if x.is_sign_negative() { 0x8000 } else { 0 };
    if x.is_infinite() {
        return sign | 0x7c00;
    }
    let (mut low, mut high) = (0, 0x7c00);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if half_value(middle) <= x.abs() {
            low = middle;
        } else {
            high = middle;
        }
    }
    sign | low
}

/// Logits in one of the formats.
pub struct Words {
    pub kind: Kind,
    pub wide: Vec<u32>,
    half: Vec<u16>,
    fixed: Vec<i32>,
}

impl Words {
    pub fn new(kind: Kind, bits: &[u32]) -> Self {
        Self {
            kind,
            wide: bits.to_vec(),
            half: bits.iter().map(|&b| b as u16).collect(),
            fixed: bits.iter().map(|&b| b as i32).collect(),
        }
    }

    pub fn logits(&self) -> Logits<'_> {
        match self.kind {
            Kind::F32 => Logits::F32(&self.wide),
            Kind::F16 => Logits::F16(&self.half),
            Kind::Bf16 => Logits::Bf16(&self.half),
            Kind::Q16 => Logits::Q16(&self.fixed),
        }
    }

    pub fn values(&self) -> Vec<f64> {
        self.wide.iter().map(|&b| self.kind.decode(b)).collect()
    }
}

/// Results of a call.
pub struct Routed {
    pub ids: Vec<u16>,
    /// Bits of f32.
    pub weights: Vec<u32>,
    /// Q16.16.
    pub fixed: Vec<u32>,
    pub tally: Tally,
}

/// Routes with room for `tokens`.
pub fn run(
    layer: &Layer,
    tables: &Tables<'_>,
    logits: Logits<'_>,
    tokens: usize,
) -> Result<Routed, Fault> {
    let places = tokens * layer.top_k as usize;
    let (mut ids, mut weights, mut fixed) = (vec![7; places], vec![7; places], vec![7; places]);
    let mut routes = Routes {
        ids: &mut ids,
        weights: &mut weights,
        fixed: &mut fixed,
    };
    let mut scratch = Box::new(Scratch::NEW);
    let tally = route(layer, tables, logits, &mut routes, &mut scratch)?;
    Ok(Routed {
        ids,
        weights,
        fixed,
        tally,
    })
}

/// What a token gets.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    pub experts: Vec<usize>,
    pub weights: Vec<f64>,
    /// Deciding keys came within [`NEAR`] of each other.
    pub near: bool,
    /// The token was dropped by its threshold.
    pub dropped: bool,
}

/// The logarithm of a score; of softmax without its denominator.
fn ln_score(score: Score, x: f64) -> f64 {
    match score {
        Score::Softmax => x,
        Score::Sigmoid if x < 0.0 => x - x.exp().ln_1p(),
        Score::Sigmoid => -(-x).exp().ln_1p(),
        Score::SqrtSoftplus if x < -30.0 => x / 2.0,
        Score::SqrtSoftplus => softplus(x).ln() / 2.0,
    }
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// `ln(exp(x) / sum(exp))` over a list, without a large number less another.
fn ln_share(x: f64, list: impl Iterator<Item = f64> + Clone) -> f64 {
    let top = list.clone().fold(f64::NEG_INFINITY, f64::max);
    (x - top) - list.map(|y| (y - top).exp()).sum::<f64>().ln()
}

/// The deciding keys of all experts.
fn keys(layer: &Layer, biases: &[f64], row: &[f64]) -> Vec<f64> {
    if !layer.computed() {
        return row.to_vec();
    }
    let score = |x: f64| match layer.score {
        Score::Softmax => ln_share(x, row.iter().copied()).exp(),
        Score::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Score::SqrtSoftplus => softplus(x).sqrt(),
    };
    let bias = |i: usize| biases.get(i).copied().unwrap_or(0.0);
    let keys = row.iter().enumerate().map(|(i, &x)| match x {
        f64::NEG_INFINITY => x,
        _ => score(x) + bias(i),
    });
    keys.collect()
}

/// Best first: value descending, index ascending.
fn sorted(keys: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    let before = |&a: &usize, &b: &usize| keys[b].partial_cmp(&keys[a]).unwrap_or(Ordering::Equal);
    order.sort_by(before);
    order
}

/// Whether any of the first `count` is near to one after it, from place `from` on. Those are not
/// near that the contract orders: with equal keys from `alike` logits and biases.
fn any_near(
    keys: &[f64],
    order: &[usize],
    (count, from): (usize, usize),
    alike: impl Fn(usize, usize) -> bool,
) -> bool {
    let firsts = order.iter().enumerate().take(count);
    firsts.into_iter().any(|(place, &a)| {
        let after = &order[from.max(place + 1).min(order.len())..];
        let near = |&&b: &&usize| keys[b] != f64::NEG_INFINITY && keys[a] - keys[b] <= NEAR;
        after.iter().take_while(near).any(|&b| !alike(a, b))
    })
}

/// The score of a group with these keys, greatest first.
fn group_score(layer: &Layer, members: &[f64]) -> f64 {
    match (layer.group_score, members) {
        (GroupScore::TopTwo, [first, second, ..]) if *second != f64::NEG_INFINITY => first + second,
        (_, [first, ..]) => *first,
        _ => f64::NEG_INFINITY,
    }
}

/// The experts and weights of a token.
pub fn gate(layer: &Layer, biases: &[f64], row: &[f64]) -> Expected {
    let mut keys = keys(layer, biases, row);
    let mut near = false;
    let bias = |i: usize| biases.get(i);
    let alike = |a: usize, b: usize| row[a] == row[b] && bias(a) == bias(b);
    if layer.grouped() {
        let size = layer.group_size() as usize;
        let best: Vec<Vec<usize>> = keys
            .chunks(size)
            .zip((0..).step_by(size))
            .map(|(group, first)| sorted(group).iter().map(|i| first + i).collect())
            .collect();
        let scores: Vec<f64> = best
            .iter()
            .map(|members| {
                let members: Vec<f64> = members.iter().map(|&i| keys[i]).collect();
                group_score(layer, &members)
            })
            .collect();
        let order = sorted(&scores);
        let kept = layer.groups_kept as usize;
        let same =
            |a: usize, b: usize| alike(best[a][0], best[b][0]) && alike(best[a][1], best[b][1]);
        near |= layer.computed() && any_near(&scores, &order, (kept, kept), same);
        for &group in &order[kept..] {
            keys[group * size..(group + 1) * size].fill(f64::NEG_INFINITY);
        }
    }
    let order = sorted(&keys);
    near |= layer.computed() && any_near(&keys, &order, (layer.top_k as usize, 0), alike);
    let chosen = order.iter().take(layer.top_k as usize);
    let experts: Vec<usize> = chosen
        .copied()
        .filter(|&e| keys[e] > f64::NEG_INFINITY)
        .collect();
    let expected = weigh(layer, row, experts);
    Expected {
        near: near || expected.near,
        ..expected
    }
}

/// The weights of chosen experts.
pub fn weigh(layer: &Layer, row: &[f64], mut experts: Vec<usize>) -> Expected {
    let ln_of = |e: usize| match layer.score {
        Score::Softmax => ln_share(row[e], row.iter().copied()),
        other => ln_score(other, row[e]),
    };
    let limit = |bits: u32| f64::from(bits) / 2f64.powi(32);
    if layer.token_threshold != 0
        && !experts.is_empty()
        && experts
            .iter()
            .all(|&e| ln_of(e).exp() < limit(layer.token_threshold))
    {
        return Expected {
            dropped: true,
            ..Expected::default()
        };
    }
    let mut near = false;
    if layer.strategy == Strategy::Threshold {
        let mut place = 0;
        near = experts
            .iter()
            .any(|&e| (ln_of(e).exp() - limit(layer.threshold)).abs() <= NEAR);
        experts.retain(|&e| {
            place += 1;
            place <= layer.min_k || ln_of(e).exp() >= limit(layer.threshold)
        });
    }
    let scale = f64::from(layer.scale) / 65536.0;
    let chosen = experts.iter().map(|&e| ln_score(layer.score, row[e]));
    let weights = experts.iter().map(|&e| {
        let ln = if layer.renormalize {
            ln_share(ln_score(layer.score, row[e]), chosen.clone())
        } else {
            ln_of(e)
        };
        ln.exp() * scale
    });
    Expected {
        weights: weights.collect(),
        experts,
        near,
        dropped: false,
    }
}

/// The gates of known models, by name.
pub fn models() -> Vec<(&'static str, Layer)> {
    let plain = |experts, top_k| Layer {
        renormalize: false,
        ..Layer::softmax(experts, top_k)
    };
    let sigmoid = |experts, top_k, scale: f64| Layer {
        score: Score::Sigmoid,
        biased: true,
        group_score: GroupScore::TopTwo,
        scale: (scale * 65536.0) as u32,
        ..Layer::softmax(experts, top_k)
    };
    vec![
        ("Mixtral 8/2", Layer::softmax(8, 2)),
        ("Switch 64/1", plain(64, 1)),
        ("OLMoE 64/8", plain(64, 8)),
        ("DeepSeek-V2-Lite 64/6", plain(64, 6)),
        (
            "DeepSeek-V2 160/6",
            Layer {
                groups: 8,
                groups_kept: 3,
                scale: 16 << 16,
                ..plain(160, 6)
            },
        ),
        ("Qwen3 128/8", Layer::softmax(128, 8)),
        (
            "DeepSeek-V3 256/8",
            Layer {
                groups: 8,
                groups_kept: 4,
                ..sigmoid(256, 8, 2.5)
            },
        ),
        ("Kimi-K2 384/8", sigmoid(384, 8, 2.827)),
        ("896/16", sigmoid(896, 16, 1.0)),
        (
            "sqrt-softplus 256/6",
            Layer {
                score: Score::SqrtSoftplus,
                ..sigmoid(256, 6, 1.5)
            },
        ),
        (
            "softmax with bias 64/6",
            Layer {
                biased: true,
                ..plain(64, 6)
            },
        ),
        (
            "threshold 64, 1 to 8",
            Layer {
                strategy: Strategy::Threshold,
                min_k: 1,
                threshold: 1 << 28,
                ..Layer::softmax(64, 8)
            },
        ),
    ]
}
