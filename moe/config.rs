// SPDX-License-Identifier: GPL-2.0

//! The configuration of a layer's gate, and what can be wrong with it.
//!
//! Pure functions: any context, no lock.

use core::ops::RangeInclusive;

use super::capacity::Capacity;
use super::real::Real;
use super::score::{Score, KEY_BITS};
use super::select::MAX_EXPERTS;

/// The most layers of a gate.
pub const MAX_LAYERS: usize = 256;

/// The most experts of a token.
pub const MAX_TOP_K: usize = 32;

/// The most groups of a layer.
pub const MAX_GROUPS: usize = 64;

/// The most tokens of a call.
pub const MAX_TOKENS: usize = 1 << 16;

/// Binary digits after the point of a scale and of a capacity factor.
pub const SCALE_BITS: u32 = 16;

/// A scale, or a capacity factor, of 1.
pub const SCALE_ONE: u32 = 1 << SCALE_BITS;

/// Binary digits after the point of a probability: a threshold, a step of the bias.
pub const PROBABILITY_BITS: u32 = 32;

/// Biases lie within plus and minus this: 2^14.
pub const BIAS_LIMIT: i64 = 1 << (KEY_BITS + 14);

/// How the experts of a token are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Strategy {
    /// The `top_k` with the greatest deciding keys.
    TopK = 0,
    /// Of those, the first `min_k` and each whose score is at least `threshold`.
    Threshold = 1,
    /// Like `TopK`, on logits made from features and weights in the gate; the bias adapts.
    Learned = 2,
    /// By the token's id: from a table, and beyond its end by a seeded hash.
    Hash = 3,
}

/// The score of a group of experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum GroupScore {
    /// The greatest key in it.
    Max = 0,
    /// The sum of its two greatest keys.
    TopTwo = 1,
}

/// The gate of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Experts, 1 to [`MAX_EXPERTS`].
    pub experts: u32,
    /// Places for the experts of a token, 1 to [`MAX_TOP_K`]; no more than the kept groups have.
    pub top_k: u32,
    /// Experts that a token gets whatever their score: up to `top_k`. [`Strategy::Threshold`] only.
    pub min_k: u32,
    /// Groups of equal size, 1 to [`MAX_GROUPS`].
    pub groups: u32,
    /// Groups whose experts may be chosen, 1 to `groups`.
    pub groups_kept: u32,
    /// What decides between groups.
    pub group_score: GroupScore,
    /// The score function.
    pub score: Score,
    /// How experts are found.
    pub strategy: Strategy,
    /// Whether each expert's bias is added to its score for the selection.
    pub biased: bool,
    /// Whether the weights of a token are divided by their sum.
    pub renormalize: bool,
    /// What weights are multiplied by, Q16.16, above 0.
    pub scale: u32,
    /// The least score, Q0.32. [`Strategy::Threshold`] only.
    pub threshold: u32,
    /// A token whose greatest score among its experts is below this gets none, Q0.32; 0 for never.
    pub token_threshold: u32,
    /// The step of the bias, Q0.32; 0 leaves it as it is.
    pub bias_step: u32,
    /// The seed of [`Strategy::Hash`].
    pub seed: u64,
    /// How many tokens an expert takes of a batch.
    pub capacity: Capacity,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Problem {
    /// Less or more than is allowed.
    Range = 0,
    /// Does not divide the number of experts.
    Divisor = 1,
    /// Set, but without a meaning together with the other fields.
    Mixture = 2,
    /// A table of the wrong length.
    Length = 3,
    /// An expert twice in a row of the table.
    Twice = 4,
}

/// The first thing wrong with a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// In which entry: the layer, or the place in a table.
    pub entry: u64,
    /// In which field, by its name.
    pub field: &'static str,
    /// What is wrong.
    pub problem: Problem,
}

/// `Ok` if `fine`, else the field and the problem.
pub(super) fn demand(
    fine: bool,
    entry: usize,
    field: &'static str,
    problem: Problem,
) -> Result<(), Fault> {
    if fine {
        return Ok(());
    }
    Err(Fault {
        entry: entry as u64,
        field,
        problem,
    })
}

impl Layer {
    /// Softmax over `experts`, the `top_k` best renormalised; no groups, bias or capacity.
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
            scale: SCALE_ONE,
            threshold: 0,
            token_threshold: 0,
            bias_step: 0,
            seed: 0,
            capacity: Capacity::DROPLESS,
        }
    }

    /// Experts of a group.
    pub const fn group_size(&self) -> u32 {
        self.experts / if self.groups == 0 { 1 } else { self.groups }
    }

    /// Whether some groups are left out.
    pub const fn grouped(&self) -> bool {
        self.groups_kept < self.groups
    }

    /// Whether computed keys decide; else logits do.
    pub const fn computed(&self) -> bool {
        self.biased || (self.grouped() && matches!(self.group_score, GroupScore::TopTwo))
    }

    /// Whether scores must be whole, not only in proportion to each other.
    pub(super) const fn absolute(&self) -> bool {
        !self.renormalize
            || self.token_threshold != 0
            || matches!(self.strategy, Strategy::Threshold)
    }

    /// The scale as a number.
    pub(super) const fn scale_real(&self) -> Real {
        Real::new(self.scale as u64, SCALE_BITS)
    }

    /// Looks at every field of layer `entry`.
    pub fn check(&self, entry: usize) -> Result<(), Fault> {
        let in_range = |field, value: u32, range: RangeInclusive<u32>| {
            demand(range.contains(&value), entry, field, Problem::Range)
        };
        let mixture = |field, fine| demand(fine, entry, field, Problem::Mixture);
        let hash = self.strategy == Strategy::Hash;

        in_range("experts", self.experts, 1..=MAX_EXPERTS as u32)?;
        in_range("groups", self.groups, 1..=MAX_GROUPS as u32)?;
        let even = self.group_size().wrapping_mul(self.groups) == self.experts;
        demand(even, entry, "groups", Problem::Divisor)?;
        in_range("groups_kept", self.groups_kept, 1..=self.groups)?;
        let open = self.group_size().saturating_mul(self.groups_kept);
        in_range("top_k", self.top_k, 1..=open.min(MAX_TOP_K as u32))?;
        in_range("min_k", self.min_k, 0..=self.top_k)?;
        let thresholds = self.strategy == Strategy::Threshold;
        mixture("min_k", thresholds || self.min_k == 0)?;
        mixture("threshold", thresholds || self.threshold == 0)?;
        // A table knows neither keys nor groups.
        mixture("groups_kept", !hash || !self.grouped())?;
        mixture("biased", !hash || !self.biased)?;
        mixture("bias_step", self.biased || self.bias_step == 0)?;
        in_range("scale", self.scale, 1..=u32::MAX)?;
        self.capacity.check(entry)
    }
}

/// Looks at all layers of a gate.
pub fn check(layers: &[Layer]) -> Result<(), Fault> {
    let few = (1..=MAX_LAYERS).contains(&layers.len());
    demand(few, layers.len(), "layers", Problem::Range)?;
    for (entry, layer) in (0..layers.len()).zip(layers) {
        layer.check(entry)?;
    }
    Ok(())
}

/// Looks at the biases of a layer.
pub fn check_biases(layer: &Layer, biases: &[i64]) -> Result<(), Fault> {
    let fits = biases.len() == layer.experts as usize;
    demand(fits, biases.len(), "biases", Problem::Length)?;
    for (entry, bias) in (0..biases.len()).zip(biases) {
        let within = (-BIAS_LIMIT..=BIAS_LIMIT).contains(bias);
        demand(within, entry, "bias", Problem::Range)?;
    }
    Ok(())
}

/// A set of layers: those that tokens skip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerMask(pub [u64; MAX_LAYERS / u64::BITS as usize]);

impl LayerMask {
    /// Whether `layer` is in it.
    pub fn contains(&self, layer: usize) -> bool {
        let word = self.0.get(layer / u64::BITS as usize);
        word.is_some_and(|word| word.wrapping_shr(layer as u32) & 1 != 0)
    }
}
