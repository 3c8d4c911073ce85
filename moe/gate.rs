// SPDX-License-Identifier: GPL-2.0

//! The gate: from the logits of tokens to their experts and weights.
//!
//! A call routes some tokens through one layer. Everything it needs comes in as slices, and it
//! keeps nothing: a caller who gets an error has changed nothing but what the call wrote to the
//! slices of [`Routes`]. Loads are counted by [`super::balance`] once a batch is through.
//!
//! Where logits decide, the chosen experts are those of IEEE comparison, exactly. Where computed
//! keys decide (a bias, a sum of two for a group) they are those of exact arithmetic wherever the
//! deciding keys differ by more than 2^-30; see [`super::score`]. Order: value descending, index
//! ascending. -inf is never chosen, and does not count in the score of a group.
//!
//! Process context, no lock; time is bounded by tokens times experts.

use super::capacity::NO_EXPERT;
use super::config::{
    GroupScore, Layer, Strategy, MAX_GROUPS, MAX_TOP_K, PROBABILITY_BITS, SCALE_BITS,
};
use super::hash;
use super::number::{Bf16, Format, F16, F32, FIXED_LIMIT, Q16};
use super::power::{power, POWER_BITS};
use super::real::Real;
use super::score::{sigmoid, sqrt_softplus, sqrt_softplus_key, Score, KEY_BITS};
use super::select::{index_of, key_of, rank, Ranks};
use super::sigmoid::{key_of_binary32, sigmoid_key};

/// Logits of tokens, one row of `experts` after the other.
#[derive(Clone, Copy, Debug)]
pub enum Logits<'a> {
    /// IEEE 754 binary32.
    F32(&'a [u32]),
    /// IEEE 754 binary16.
    F16(&'a [u16]),
    /// bfloat16.
    Bf16(&'a [u16]),
    /// Q16.16.
    Q16(&'a [i32]),
    /// None: [`Strategy::Hash`] alone does without, and gives all its experts the same weight.
    Absent,
}

/// What belongs to a layer beside its configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tables<'a> {
    /// The bias of each expert, [`KEY_BITS`] digits after the point; checked by
    /// [`super::config::check_biases`]. Empty without `biased`.
    pub biases: &'a [i64],
    /// `top_k` experts for each token id, checked by [`hash::check_table`]. May be empty.
    pub hash: &'a [u16],
    /// The id of each token of the call, for [`Strategy::Hash`]; else empty.
    pub tokens: &'a [u32],
}

/// Where results go: `top_k` places for each token, first choice first. A place that a token does
/// not use has the id [`NO_EXPERT`] and weights of 0.
#[derive(Debug)]
pub struct Routes<'a> {
    /// Expert ids.
    pub ids: &'a mut [u16],
    /// Weights as bits of `f32`.
    pub weights: &'a mut [u32],
    /// Weights in Q16.16, to the nearest.
    pub fixed: &'a mut [u32],
}

/// What a call did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tokens that were routed, with or without experts.
    pub tokens: u64,
    /// Places that got an expert.
    pub activations: u64,
    /// Tokens that got none since their greatest score was below the token threshold.
    pub tokens_dropped: u64,
    /// Places that stayed empty since fewer experts could be selected.
    pub missing: u64,
}

/// Why a call did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A slice, by its name, does not fit the layer and the others.
    Length(&'static str),
    /// The logit of this token and expert is NaN.
    NotANumber {
        /// The token's place in the call.
        token: u32,
        /// The expert.
        expert: u32,
    },
    /// The logit of this token and expert is +inf.
    Infinite {
        /// The token's place in the call.
        token: u32,
        /// The expert.
        expert: u32,
    },
}

/// Working memory of a call, 10 KiB; any content will do, all zeroes too.
#[derive(Clone, Debug)]
pub struct Scratch {
    ranks: Ranks,
    chosen: Chosen,
}

impl Scratch {
    /// Fresh memory.
    pub const NEW: Self = Self {
        ranks: Ranks::EMPTY,
        chosen: Chosen::NONE,
    };
}

/// The experts of one token, with scores in proportion to their weights.
#[derive(Clone, Copy, Debug)]
struct Chosen {
    experts: [u16; MAX_TOP_K],
    scores: [Real; MAX_TOP_K],
    count: usize,
}

/// Makes a key of a rank positive: keys lie within 2^51, sums of two within 2^52.
const KEY_OFFSET: i64 = 1 << 52;

/// The digits of such a key; biases that were not checked lose the rest.
const KEY_MASK: u64 = (1 << 53) - 1;

/// Sends some tokens past a layer that is skipped: no expert, no weight.
pub fn skip(routes: &mut Routes<'_>) {
    routes.ids.fill(NO_EXPERT);
    routes.weights.fill(0);
    routes.fixed.fill(0);
}

/// Routes some tokens through `layer`, which must be checked.
pub fn route(
    layer: &Layer,
    tables: &Tables<'_>,
    logits: Logits<'_>,
    routes: &mut Routes<'_>,
    scratch: &mut Scratch,
) -> Result<Tally, Fault> {
    match logits {
        Logits::F32(words) => route_as::<F32>(layer, tables, words, routes, scratch),
        Logits::F16(words) => route_as::<F16>(layer, tables, words, routes, scratch),
        Logits::Bf16(words) => route_as::<Bf16>(layer, tables, words, routes, scratch),
        Logits::Q16(words) => route_as::<Q16>(layer, tables, words, routes, scratch),
        Logits::Absent => route_blind(layer, tables, routes),
    }
}

/// The number of tokens that all slices have room for.
fn tokens_of(layer: &Layer, tables: &Tables<'_>, routes: &Routes<'_>) -> Result<usize, Fault> {
    let top_k = layer.top_k.max(1) as usize;
    let tokens = routes.ids.len() / top_k;
    let places = tokens.wrapping_mul(top_k);
    let biases = if layer.biased { layer.experts } else { 0 } as usize;
    let hash = layer.strategy == Strategy::Hash;
    let lengths = [
        ("ids", routes.ids.len() == places),
        ("weights", routes.weights.len() == places),
        ("fixed", routes.fixed.len() == places),
        ("biases", tables.biases.len() == biases),
        (
            "tokens",
            tables.tokens.len() == if hash { tokens } else { 0 },
        ),
    ];
    match lengths.iter().find(|l| !l.1) {
        Some(&(name, _)) => Err(Fault::Length(name)),
        None => Ok(tokens),
    }
}

fn route_as<F: Format>(
    layer: &Layer,
    tables: &Tables<'_>,
    words: &[F::Word],
    routes: &mut Routes<'_>,
    scratch: &mut Scratch,
) -> Result<Tally, Fault> {
    let (experts, top_k) = (layer.experts.max(1) as usize, layer.top_k.max(1) as usize);
    let tokens = tokens_of(layer, tables, routes)?;
    if tokens.checked_mul(experts) != Some(words.len()) {
        return Err(Fault::Length("logits"));
    }
    let gate = Gate::<F> {
        layer,
        tables,
        scale: layer.scale_real(),
        format: core::marker::PhantomData,
    };
    let mut tally = Tally::default();
    let ids = routes.ids.chunks_exact_mut(top_k);
    let weights = routes.weights.chunks_exact_mut(top_k);
    let fixed = routes.fixed.chunks_exact_mut(top_k);
    let rows = words.chunks_exact(experts).zip(0..tokens);
    for (((ids, weights), fixed), (row, token)) in ids.zip(weights).zip(fixed).zip(rows) {
        let Scratch { ranks, chosen } = scratch;
        chosen.count = 0;
        if !gate.choose(row, token, chosen, ranks) {
            return Err(wrong_logit::<F>(row, token));
        }
        gate.weigh(row, chosen, &mut tally);
        chosen.write(ids, weights, fixed);
    }
    Ok(tally)
}

/// Names the first logit of a token that is no number.
#[cold]
fn wrong_logit<F: Format>(row: &[F::Word], token: usize) -> Fault {
    let token = token as u32;
    let keys = row.iter().map(|&word| F::key(word));
    let wrong = (0..u32::MAX).zip(keys).find(|k| !F::is_number(k.1));
    match wrong {
        Some((expert, key)) if key == F32::key(0x7f80_0000) => Fault::Infinite { token, expert },
        Some((expert, _)) => Fault::NotANumber { token, expert },
        None => Fault::NotANumber { token, expert: 0 },
    }
}

/// Without logits: the experts by hash, with equal weights.
fn route_blind(
    layer: &Layer,
    tables: &Tables<'_>,
    routes: &mut Routes<'_>,
) -> Result<Tally, Fault> {
    let tokens = tokens_of(layer, tables, routes)?;
    if layer.strategy != Strategy::Hash {
        return Err(Fault::Length("logits"));
    }
    let top_k = layer.top_k.max(1) as usize;
    let mut tally = Tally {
        tokens: tokens as u64,
        ..Tally::default()
    };
    let ids = routes.ids.chunks_exact_mut(top_k);
    let weights = routes.weights.chunks_exact_mut(top_k);
    let fixed = routes.fixed.chunks_exact_mut(top_k);
    for (((ids, weights), fixed), &token) in ids.zip(weights).zip(fixed).zip(tables.tokens) {
        let mut chosen = Chosen::NONE;
        chosen.by_hash(layer, tables.hash, token);
        let share = Real::new(chosen.count as u64, 0).rough_reciprocal();
        chosen.scores = [share.times(layer.scale_real()); MAX_TOP_K];
        tally.count(top_k, chosen.count);
        chosen.write(ids, weights, fixed);
    }
    Ok(tally)
}

impl Tally {
    /// Counts the places of a token.
    #[inline(always)]
    fn count(&mut self, places: usize, used: usize) {
        self.activations = self.activations.wrapping_add(used as u64);
        let empty = places.saturating_sub(used) as u64;
        self.missing = self.missing.wrapping_add(empty);
    }

    /// The sum of two.
    #[must_use]
    pub const fn plus(&self, other: &Self) -> Self {
        Self {
            tokens: self.tokens.wrapping_add(other.tokens),
            activations: self.activations.wrapping_add(other.activations),
            tokens_dropped: self.tokens_dropped.wrapping_add(other.tokens_dropped),
            missing: self.missing.wrapping_add(other.missing),
        }
    }
}

impl Chosen {
    const NONE: Self = Self {
        experts: [NO_EXPERT; MAX_TOP_K],
        scores: [Real::ZERO; MAX_TOP_K],
        count: 0,
    };

    /// Appends an expert, if there is room.
    #[inline(always)]
    fn push(&mut self, expert: u16, score: Real) {
        let places = self.experts.get_mut(self.count);
        if let (Some(id), Some(place)) = (places, self.scores.get_mut(self.count)) {
            (*id, *place) = (expert, score);
            self.count = self.count.wrapping_add(1);
        }
    }

    /// The experts of a token id.
    fn by_hash(&mut self, layer: &Layer, table: &[u16], token: u32) {
        let mut experts = [NO_EXPERT; MAX_TOP_K];
        let places = experts.get_mut(..layer.top_k as usize).unwrap_or(&mut []);
        hash::experts_of(layer, table, token, places);
        for &expert in places.iter().filter(|&&e| e != NO_EXPERT) {
            self.push(expert, Real::ONE);
        }
    }

    /// The scores in use.
    #[inline(always)]
    fn scores(&self) -> &[Real] {
        self.scores.get(..self.count).unwrap_or(&[])
    }

    /// Writes a token's places: the scores are its weights.
    #[inline(always)]
    fn write(&self, ids: &mut [u16], weights: &mut [u32], fixed: &mut [u32]) {
        let results = self.experts.iter().zip(self.scores());
        let places = ids.iter_mut().zip(weights.iter_mut()).zip(fixed.iter_mut());
        for (((id, weight), fixed), (&expert, score)) in places.zip(results) {
            *id = expert;
            *weight = score.to_f32();
            *fixed = score.scaled(SCALE_BITS).min(u64::from(u32::MAX)) as u32;
        }
        if self.count < ids.len() {
            let rest = self.count..;
            ids.get_mut(rest.clone()).unwrap_or(&mut []).fill(NO_EXPERT);
            weights.get_mut(rest.clone()).unwrap_or(&mut []).fill(0);
            fixed.get_mut(rest).unwrap_or(&mut []).fill(0);
        }
    }
}

/// The unnormalised softmax around its greatest logit.
struct Powers<F> {
    top: u32,
    fixed: i64,
    format: core::marker::PhantomData<F>,
}

impl<F: Format> Powers<F> {
    #[inline(always)]
    fn around(top: u32) -> Self {
        Self {
            top,
            fixed: F::fixed(top),
            format: core::marker::PhantomData,
        }
    }

    #[inline(always)]
    fn of_row(row: &[F::Word]) -> Self {
        Self::around(row.iter().fold(0, |top, &word| F::key(word).max(top)))
    }

    /// `exp(x - top)` for the logit with this key, if it is not -inf.
    #[inline(always)]
    fn of(&self, key: u32) -> Real {
        if self.fixed.unsigned_abs() < FIXED_LIMIT.unsigned_abs() {
            // At most 2^62 + 2^62.
            return Real::exp_neg(self.fixed.wrapping_sub(F::fixed(key)).unsigned_abs());
        }
        // See FIXED_LIMIT.
        if key == self.top {
            Real::ONE
        } else {
            Real::ZERO
        }
    }

    /// The sum over a token's logits, at least 1; each term truncated to [`POWER_BITS`] digits.
    #[inline(always)]
    fn total(&self, row: &[F::Word]) -> Real {
        let mut sum: u64 = 0;
        if self.fixed.unsigned_abs() >= FIXED_LIMIT.unsigned_abs() {
            let tops = row.iter().map(|&word| u64::from(F::key(word) == self.top));
            return Real::new(tops.fold(0, u64::wrapping_add), 0);
        }
        for &word in row {
            let distance = self.fixed.wrapping_sub(F::fixed_of(word)).unsigned_abs();
            let (power, halves) = power(distance);
            sum = sum.wrapping_add(power >> halves.min(63));
        }
        Real::new(sum, POWER_BITS)
    }
}

/// A layer and a format.
struct Gate<'a, F> {
    layer: &'a Layer,
    tables: &'a Tables<'a>,
    scale: Real,
    format: core::marker::PhantomData<F>,
}

impl<F: Format> Gate<'_, F> {
    /// Finds a token's experts, best first, with scores yet to come. False if a logit is wrong.
    #[inline(always)]
    fn choose(
        &self,
        row: &[F::Word],
        token: usize,
        chosen: &mut Chosen,
        ranks: &mut Ranks,
    ) -> bool {
        if !self.fill(row, ranks) {
            return false;
        }
        if self.layer.strategy == Strategy::Hash {
            let id = self.tables.tokens.get(token).copied().unwrap_or(0);
            chosen.by_hash(self.layer, self.tables.hash, id);
            return true;
        }
        if self.layer.grouped() {
            self.close_groups(ranks, row.len());
        }
        let mut best = ranks.best();
        let mut count: usize = 0;
        for id in chosen.experts.iter_mut().take(self.layer.top_k as usize) {
            if count > 0 {
                best = ranks.next(best);
            }
            if best == 0 {
                break;
            }
            *id = index_of(best) as u16;
            count = count.wrapping_add(1);
        }
        chosen.count = count;
        true
    }

    /// Ranks all experts. False if a logit is wrong.
    #[inline(always)]
    fn fill(&self, row: &[F::Word], ranks: &mut Ranks) -> bool {
        if !self.layer.computed() {
            return fill_logits::<F>(row, ranks);
        }
        match self.layer.score {
            Score::Sigmoid => self.fill_sigmoids(row, ranks),
            Score::SqrtSoftplus => {
                self.fill_keys(row, ranks, |key| sqrt_softplus_key(F::fixed(key)))
            }
            Score::Softmax => {
                let powers = Powers::<F>::of_row(row);
                let inverse = powers.total(row).reciprocal();
                self.fill_keys(row, ranks, |key| {
                    powers.of(key).times(inverse).scaled(KEY_BITS) as i64
                })
            }
        }
    }

    /// Ranks all experts by their sigmoid and their bias. The table knows what it may not take:
    /// only what it does not know needs a closer look.
    #[inline(always)]
    fn fill_sigmoids(&self, row: &[F::Word], ranks: &mut Ranks) -> bool {
        let mut fine = true;
        ranks.fill(row, |index, word| {
            match F::binary32(word).and_then(key_of_binary32) {
                Some(score) => self.biased_rank(index, score),
                None => self.rank_other(index, F::key(word), &mut fine),
            }
        });
        fine
    }

    /// The rank of an expert whose logit is not in the table. Apart, so that the others stay short.
    #[inline(never)]
    fn rank_other(&self, index: usize, key: u32, fine: &mut bool) -> u64 {
        *fine &= F::is_number(key);
        if key > F::LEAST {
            self.biased_rank(index, sigmoid_key(F::fixed(key)))
        } else {
            0
        }
    }

    /// Ranks all experts by their score and their bias.
    #[inline(always)]
    fn fill_keys(&self, row: &[F::Word], ranks: &mut Ranks, score: impl Fn(u32) -> i64) -> bool {
        fill_with::<F>(row, ranks, |index, key| self.biased_rank(index, score(key)))
    }

    /// The rank of an expert with this score.
    #[inline(always)]
    fn biased_rank(&self, index: usize, score: i64) -> u64 {
        let bias = self.tables.biases.get(index).copied().unwrap_or(0);
        let key = score.wrapping_add(bias).wrapping_add(KEY_OFFSET);
        rank(key as u64 & KEY_MASK, index)
    }

    /// Takes all groups but the best out of the race.
    #[inline(always)]
    fn close_groups(&self, ranks: &mut Ranks, experts: usize) {
        let size = self.layer.group_size().max(1) as usize;
        let mut scores = [0; MAX_GROUPS];
        for (group, score) in (0..self.layer.groups as usize).zip(&mut scores) {
            *score = self.group_score(ranks.best_two(group, size), group);
        }
        let scores = scores.get(..self.layer.groups as usize).unwrap_or(&[]);
        let mut open: u64 = 0;
        for (group, &score) in (0..u64::BITS).zip(scores.iter()) {
            // How many are ahead is all that counts: no two that can be selected are equal.
            let ahead = |sum: u32, &other: &u64| sum.wrapping_add(u32::from(other > score));
            let kept = score != 0 && scores.iter().fold(0, ahead) < self.layer.groups_kept;
            open |= u64::from(kept) << group;
        }
        ranks.keep_groups(open, size, experts);
    }

    /// The rank of a group with these two best; 0 if none of it can be selected.
    #[inline(always)]
    fn group_score(&self, (first, second): (u64, u64), group: usize) -> u64 {
        let sum = match (self.layer.group_score, second) {
            (_, _) if first == 0 => return 0,
            (GroupScore::Max, _) => key_of(first),
            // A missing second counts as 0. Both keys carry the offset: the sum does twice.
            (GroupScore::TopTwo, 0) => key_of(first).wrapping_add(KEY_OFFSET as u64),
            (GroupScore::TopTwo, _) => key_of(first).wrapping_add(key_of(second)),
        };
        rank(sum, group)
    }

    /// Gives the chosen experts their scores, drops what the thresholds drop, and turns scores
    /// into weights.
    #[inline(always)]
    fn weigh(&self, row: &[F::Word], chosen: &mut Chosen, tally: &mut Tally) {
        let layer = self.layer;
        self.find_scores(row, chosen);
        tally.tokens = tally.tokens.wrapping_add(1);
        if layer.token_threshold != 0 {
            let least = Real::new(u64::from(layer.token_threshold), PROBABILITY_BITS);
            if !chosen.scores().iter().any(|s| s.at_least(least)) && chosen.count > 0 {
                chosen.count = 0;
                tally.tokens_dropped = tally.tokens_dropped.wrapping_add(1);
                return;
            }
        }
        // What a threshold leaves out is not missing.
        tally.count(layer.top_k as usize, chosen.count);
        if layer.strategy == Strategy::Threshold {
            let before = chosen.count;
            self.keep_above(chosen);
            let left_out = before.wrapping_sub(chosen.count) as u64;
            tally.activations = tally.activations.wrapping_sub(left_out);
        }
        let factor = if layer.renormalize {
            Real::sum(chosen.scores())
                .rough_reciprocal()
                .times(self.scale)
        } else {
            self.scale
        };
        for score in chosen.scores.iter_mut().take(chosen.count) {
            *score = score.times(factor);
        }
    }

    /// The scores of the chosen experts; of softmax only in proportion where that will do. Experts
    /// of a hash whose logit is -inf are taken out.
    #[inline(always)]
    fn find_scores(&self, row: &[F::Word], chosen: &mut Chosen) {
        let key_of = |expert: u16| row.get(usize::from(expert)).map_or(0, |&w| F::key(w));
        if self.layer.strategy == Strategy::Hash {
            retain(chosen, |expert, _| key_of(expert) > F::LEAST);
        }
        let count = chosen.count;
        let experts = chosen.experts.iter().take(count);
        let scores = chosen.scores.iter_mut();
        match self.layer.score {
            Score::Sigmoid => {
                for (score, &expert) in scores.zip(experts) {
                    *score = sigmoid(F::fixed(key_of(expert)));
                }
            }
            Score::SqrtSoftplus => {
                for (score, &expert) in scores.zip(experts) {
                    *score = sqrt_softplus(F::fixed(key_of(expert)));
                }
            }
            Score::Softmax => {
                let absolute = self.layer.absolute();
                let powers = if absolute {
                    Powers::<F>::of_row(row)
                } else {
                    let keys = experts.clone().map(|&expert| key_of(expert));
                    Powers::around(keys.fold(0, u32::max))
                };
                for (score, &expert) in scores.zip(experts) {
                    *score = powers.of(key_of(expert));
                }
                if absolute && count > 0 {
                    let inverse = powers.total(row).rough_reciprocal();
                    for score in chosen.scores.iter_mut().take(count) {
                        *score = score.times(inverse);
                    }
                }
            }
        }
    }

    /// Takes experts below the threshold out, but not the first `min_k`.
    fn keep_above(&self, chosen: &mut Chosen) {
        let least = Real::new(u64::from(self.layer.threshold), PROBABILITY_BITS);
        let mut left = self.layer.min_k;
        retain(chosen, |_, score| {
            let keep = left > 0 || score.at_least(least);
            left = left.saturating_sub(1);
            keep
        });
    }
}

/// Keeps the experts for which `keep` is true, in their order.
fn retain(chosen: &mut Chosen, mut keep: impl FnMut(u16, Real) -> bool) {
    let mut kept = Chosen::NONE;
    for (&expert, &score) in chosen.experts.iter().zip(chosen.scores()) {
        if keep(expert, score) {
            kept.push(expert, score);
        }
    }
    *chosen = kept;
}

/// Ranks by the keys of the logits. False if one is no number. Most rows have finite numbers only;
/// the others take a second, closer look.
#[inline(always)]
fn fill_logits<F: Format>(row: &[F::Word], ranks: &mut Ranks) -> bool {
    let mut greatest = 0;
    ranks.fill(row, |index, word| {
        greatest = F::magnitude(word).max(greatest);
        rank(u64::from(F::key(word)), index)
    });
    greatest <= F::PLAIN || fill_with::<F>(row, ranks, |index, key| rank(u64::from(key), index))
}

/// Ranks by keys: `rank` gets an expert and the key of its logit. -inf has rank 0. False if a logit
/// is no number.
#[inline(always)]
fn fill_with<F: Format>(
    row: &[F::Word],
    ranks: &mut Ranks,
    rank: impl Fn(usize, u32) -> u64,
) -> bool {
    let mut fine = true;
    ranks.fill(row, |index, word| {
        let key = F::key(word);
        fine &= F::is_number(key);
        let rank = rank(index, key);
        if key > F::LEAST {
            rank
        } else {
            0
        }
    });
    fine
}
