// SPDX-License-Identifier: GPL-2.0

//! The rule of a layer.

use crate::sys;
use crate::types::abi_enum;
use crate::Error;

abi_enum! {
    /// How the experts of a token are found.
    Strategy ("strategy") {
        /// Those with the greatest deciding keys.
        TopK = 0, "top-k";
        /// Of those, the first `min_k` and each whose score reaches the threshold.
        Threshold = 1, "threshold";
        /// As [`Strategy::TopK`], on logits that the gate makes from features.
        Learned = 2, "learned";
        /// By token id: from a table, beyond its end by a seeded hash.
        Hash = 3, "hash";
    }
}

abi_enum! {
    /// The score of a logit.
    Score ("score") {
        /// exp(x_i) / sum_j exp(x_j), over all experts.
        Softmax = 0, "softmax";
        /// 1 / (1 + exp(-x)).
        Sigmoid = 1, "sigmoid";
        /// sqrt(ln(1 + exp(x))).
        SqrtSoftplus = 2, "sqrt-softplus";
    }
}

abi_enum! {
    /// The score of a group of experts.
    GroupScore ("group_score") {
        /// The greatest deciding key in it.
        Max = 0, "max";
        /// The sum of its two greatest.
        TopTwo = 1, "top-two";
    }
}

abi_enum! {
    /// Which choices stay where an expert has too many.
    Drop ("drop") {
        /// All: the capacity is the greatest load.
        Never = 0, "never";
        /// The first ones: first choices in the order of tokens, then second ones.
        ByPosition = 1, "position";
        /// Those with the greatest weights.
        ByProbability = 2, "probability";
    }
}

/// The rule of a layer: what `struct lightos_moe_layer` holds, in its units.
///
/// [`Layer::softmax`] is the plainest; the methods change one thing each and take
/// numbers as people write them, which they round to the units of the fields and
/// saturate. The module checks all fields when a gate is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Experts, 1 to 1,024.
    pub experts: u32,
    /// Places for the experts of a token, 1 to 32.
    pub top_k: u32,
    /// [`Strategy::Threshold`]: experts that a token gets whatever their score.
    pub min_k: u32,
    /// Groups of equal size, 1 to 64.
    pub groups: u32,
    /// Groups whose experts may be chosen.
    pub groups_kept: u32,
    /// What decides between groups.
    pub group_score: GroupScore,
    /// The score function.
    pub score: Score,
    /// How experts are found.
    pub strategy: Strategy,
    /// Whether biases are added to the scores for the selection.
    pub biased: bool,
    /// Whether a token's weights are divided by their sum.
    pub renormalize: bool,
    /// What weights are multiplied by, Q16.16.
    pub scale: u32,
    /// [`Strategy::Threshold`]: the least score, Q0.32.
    pub threshold: u32,
    /// A token whose greatest score is below this gets no expert, Q0.32.
    pub token_threshold: u32,
    /// How far an update moves a bias, Q0.32.
    pub bias_step: u32,
    /// Which choices stay where an expert has too many.
    pub drop: Drop,
    /// The capacity factor, Q16.16.
    pub capacity_factor: u32,
    /// The least capacity.
    pub capacity_minimum: u32,
    /// The capacity is a multiple of it.
    pub capacity_alignment: u32,
    /// [`Strategy::Hash`]: the seed.
    pub seed: u64,
}

/// `value` with `digits` binary digits after the point, to the nearest, saturating;
/// 0 for NaN.
fn fixed(value: f64, digits: i32) -> u32 {
    (value * 2f64.powi(digits)).round() as u32
}

impl Layer {
    /// Softmax over `experts`, the `top_k` best renormalised; no groups, biases or
    /// capacity.
    pub const fn softmax(experts: u32, top_k: u32) -> Self {
        Self {
            experts,
            top_k,
            min_k: 0,
            groups: 1,
            groups_kept: 1,
            group_score: GroupScore::Max,
            score: Score::Softmax,
            strategy: Strategy::TopK,
            biased: false,
            renormalize: true,
            scale: sys::MOE_SCALE_ONE,
            threshold: 0,
            token_threshold: 0,
            bias_step: 0,
            drop: Drop::Never,
            capacity_factor: sys::MOE_SCALE_ONE,
            capacity_minimum: 0,
            capacity_alignment: 1,
            seed: 0,
        }
    }

    /// Another score function.
    #[must_use]
    pub const fn score(self, score: Score) -> Self {
        Self { score, ..self }
    }

    /// The experts of only `kept` of `groups` may be chosen.
    #[must_use]
    pub const fn groups(self, groups: u32, kept: u32, by: GroupScore) -> Self {
        Self {
            groups,
            groups_kept: kept,
            group_score: by,
            ..self
        }
    }

    /// Weights are what the scores are, not divided by their sum.
    #[must_use]
    pub const fn keep_scores(self) -> Self {
        Self {
            renormalize: false,
            ..self
        }
    }

    /// Weights are multiplied by `scale`, above 0 and below 65,536.
    #[must_use]
    pub fn scale(self, scale: f64) -> Self {
        Self {
            scale: fixed(scale, 16),
            ..self
        }
    }

    /// Biases take part in the selection; an update moves them by `step`, 0 to 1.
    #[must_use]
    pub fn biased(self, step: f64) -> Self {
        Self {
            biased: true,
            bias_step: fixed(step, 32),
            ..self
        }
    }

    /// At least `min_k` experts, more only with scores of at least `threshold`.
    #[must_use]
    pub fn threshold(self, min_k: u32, threshold: f64) -> Self {
        Self {
            strategy: Strategy::Threshold,
            min_k,
            threshold: fixed(threshold, 32),
            ..self
        }
    }

    /// A token whose greatest score is below `threshold` gets no expert.
    #[must_use]
    pub fn token_threshold(self, threshold: f64) -> Self {
        Self {
            token_threshold: fixed(threshold, 32),
            ..self
        }
    }

    /// Logits are made in the gate, from features: see
    /// [`Gate::set_projection`](super::Gate::set_projection).
    #[must_use]
    pub const fn learned(self) -> Self {
        Self {
            strategy: Strategy::Learned,
            ..self
        }
    }

    /// Experts by token id: see [`Gate::set_hash`](super::Gate::set_hash).
    #[must_use]
    pub const fn hash(self, seed: u64) -> Self {
        Self {
            strategy: Strategy::Hash,
            seed,
            ..self
        }
    }

    /// An expert takes `factor` times an even share of a batch.
    #[must_use]
    pub fn capacity(self, drop: Drop, factor: f64) -> Self {
        Self {
            drop,
            capacity_factor: fixed(factor, 16),
            ..self
        }
    }
}

impl From<&Layer> for sys::MoeLayer {
    fn from(layer: &Layer) -> Self {
        let flag = |set: bool, bit| if set { bit } else { 0 };
        Self {
            experts: layer.experts,
            top_k: layer.top_k,
            min_k: layer.min_k,
            groups: layer.groups,
            groups_kept: layer.groups_kept,
            group_score: layer.group_score.as_u32(),
            score: layer.score.as_u32(),
            strategy: layer.strategy.as_u32(),
            flags: flag(layer.biased, sys::MOE_BIASED)
                | flag(layer.renormalize, sys::MOE_RENORMALIZE),
            scale: layer.scale,
            threshold: layer.threshold,
            token_threshold: layer.token_threshold,
            bias_step: layer.bias_step,
            drop: layer.drop.as_u32(),
            capacity_factor: layer.capacity_factor,
            capacity_minimum: layer.capacity_minimum,
            capacity_alignment: layer.capacity_alignment,
            reserved: 0,
            seed: layer.seed,
            reserved2: [0; 2],
        }
    }
}

impl TryFrom<sys::MoeLayer> for Layer {
    type Error = Error;

    fn try_from(raw: sys::MoeLayer) -> Result<Self, Error> {
        Ok(Self {
            experts: raw.experts,
            top_k: raw.top_k,
            min_k: raw.min_k,
            groups: raw.groups,
            groups_kept: raw.groups_kept,
            group_score: raw.group_score.try_into()?,
            score: raw.score.try_into()?,
            strategy: raw.strategy.try_into()?,
            biased: raw.flags & sys::MOE_BIASED != 0,
            renormalize: raw.flags & sys::MOE_RENORMALIZE != 0,
            scale: raw.scale,
            threshold: raw.threshold,
            token_threshold: raw.token_threshold,
            bias_step: raw.bias_step,
            drop: raw.drop.try_into()?,
            capacity_factor: raw.capacity_factor,
            capacity_minimum: raw.capacity_minimum,
            capacity_alignment: raw.capacity_alignment,
            seed: raw.seed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_survive_the_abi() {
        let layers = [
            Layer::softmax(8, 2),
            Layer::softmax(256, 8)
                .score(Score::Sigmoid)
                .groups(8, 4, GroupScore::TopTwo)
                .biased(0.001)
                .scale(2.5)
                .capacity(Drop::ByProbability, 1.25),
            Layer::softmax(64, 6).keep_scores().threshold(1, 0.1),
            Layer::softmax(64, 1).hash(7).token_threshold(0.5),
            Layer::softmax(16, 2).score(Score::SqrtSoftplus).learned(),
        ];
        for layer in layers {
            assert_eq!(Layer::try_from(sys::MoeLayer::from(&layer)).unwrap(), layer);
        }
    }

    #[test]
    fn numbers_are_rounded_and_saturate() {
        assert_eq!(Layer::softmax(8, 2).scale(2.5).scale, 0x2_8000);
        assert_eq!(Layer::softmax(8, 2).scale(-1.0).scale, 0);
        assert_eq!(Layer::softmax(8, 2).scale(1e9).scale, u32::MAX);
        assert_eq!(Layer::softmax(8, 2).biased(0.5).bias_step, 1 << 31);
        assert_eq!(Layer::softmax(8, 2).biased(f64::NAN).bias_step, 0);
    }
}
