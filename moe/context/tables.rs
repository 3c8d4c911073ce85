// SPDX-License-Identifier: GPL-2.0

//! Layers, biases and tables: copied in, checked entry by entry, and made what
//! the arithmetic takes.
//!
//! Process context, no lock: user memory is read here. Tables come in pieces, with
//! a look at pending signals after each.

use super::state::{zeros, Matrix};
use crate::{
    moe::{
        capacity::{Capacity, Drop},
        config::{self, Fault, GroupScore, Layer, Problem, Strategy},
        hash,
        learned::{Projection, MAX_FEATURES},
        score::Score,
        select::MAX_EXPERTS,
    },
    rust::{charged::ChargedVec, uaccess::memory},
    uapi,
};
use kernel::{
    current,
    prelude::*,
    transmute::{AsBytes, FromBytes},
};

/// Entries of a table that are copied at a time, about.
const PIECE: usize = 1 << 16;

/// Why a call was refused.
pub(super) enum Refusal {
    /// By this error.
    Call(Error),
    /// For this entry.
    Entry(uapi::MoeFault),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

impl uapi::MoeFault {
    fn new(layer: u32, problem: u32, entry: u64, field: &str) -> Self {
        let mut fault = Self {
            layer,
            problem,
            entry,
            ..Self::default()
        };
        // The last byte stays NUL.
        let places = fault.field.iter_mut().take(23);
        places.zip(field.bytes()).for_each(|(to, from)| *to = from);
        fault
    }

    /// A fault of a configuration, whose entries are layers.
    pub(super) fn of_layers(fault: Fault) -> Self {
        Self::new(fault.entry as u32, fault.problem as u32, 0, fault.field)
    }

    /// A fault of a table of `layer`.
    pub(super) fn of_table(layer: u32, fault: Fault) -> Self {
        Self::new(layer, fault.problem as u32, fault.entry, fault.field)
    }
}

// What the arithmetic bounds is what the ABI says.
const _: () = {
    assert!(Problem::Twice as u32 + 1 == uapi::MOE_PROBLEM_UNKNOWN);
    assert!(config::MAX_LAYERS == uapi::MOE_MAX_LAYERS as usize);
    assert!(config::MAX_TOKENS == uapi::MOE_MAX_TOKENS as usize);
    assert!(MAX_EXPERTS == uapi::MOE_MAX_EXPERTS as usize);
};

/// Copies a table in, `piece` entries at a time, and has each piece, with the
/// place of its first entry, looked at.
fn read<T: FromBytes + AsBytes + Zeroable>(
    data: u64,
    count: usize,
    piece: usize,
    mut check: impl FnMut(usize, &[T]) -> Result<(), Refusal>,
) -> Result<ChargedVec<T>, Refusal> {
    let mut reader = memory::<T>(data, count)?.reader();
    let mut all: ChargedVec<T> = zeros(count)?;
    for (number, entries) in all.chunks_mut(piece).enumerate() {
        if number > 0 && current!().signal_pending() {
            return Err(EINTR.into());
        }
        reader.read_slice(AsBytes::as_bytes_mut(entries))?;
        check(number * piece, entries)?;
    }
    Ok(all)
}

/// The layers of a CONFIGURE.
pub(super) fn layers(request: &uapi::MoeConfigure) -> Result<KVVec<Layer>, Refusal> {
    let count = request.layers as usize;
    if !(1..=config::MAX_LAYERS).contains(&count) {
        return Err(EINVAL.into());
    }
    let mut reader = memory::<uapi::MoeLayer>(request.data, count)?.reader();
    let mut layers = KVVec::with_capacity(count, GFP_KERNEL_ACCOUNT).map_err(Error::from)?;
    for entry in 0..request.layers {
        let layer: uapi::MoeLayer = reader.read()?;
        let layer = layer_of(entry, &layer).map_err(Refusal::Entry)?;
        layers
            .push(layer, GFP_KERNEL_ACCOUNT)
            .map_err(Error::from)?;
    }
    config::check(&layers).map_err(|f| Refusal::Entry(uapi::MoeFault::of_layers(f)))?;
    Ok(layers)
}

/// A layer without what the arithmetic cannot say.
fn layer_of(entry: u32, from: &uapi::MoeLayer) -> Result<Layer, uapi::MoeFault> {
    let unknown = |field| uapi::MoeFault::new(entry, uapi::MOE_PROBLEM_UNKNOWN, 0, field);
    if from.flags & !(uapi::MOE_BIASED | uapi::MOE_RENORMALIZE) != 0 {
        return Err(unknown("flags"));
    }
    if from.reserved != 0 || from.reserved2 != [0; 2] {
        return Err(unknown("reserved"));
    }
    Ok(Layer {
        experts: from.experts,
        top_k: from.top_k,
        min_k: from.min_k,
        groups: from.groups,
        groups_kept: from.groups_kept,
        group_score: group_score(from.group_score).ok_or_else(|| unknown("group_score"))?,
        score: score(from.score).ok_or_else(|| unknown("score"))?,
        strategy: strategy(from.strategy).ok_or_else(|| unknown("strategy"))?,
        biased: from.flags & uapi::MOE_BIASED != 0,
        renormalize: from.flags & uapi::MOE_RENORMALIZE != 0,
        scale: from.scale,
        threshold: from.threshold,
        token_threshold: from.token_threshold,
        bias_step: from.bias_step,
        seed: from.seed,
        capacity: Capacity {
            drop: drop_of(from.drop).ok_or_else(|| unknown("drop"))?,
            factor: from.capacity_factor,
            minimum: from.capacity_minimum,
            alignment: from.capacity_alignment,
        },
    })
}

/// A layer as the ABI says it.
pub(super) fn said(layer: &Layer) -> uapi::MoeLayer {
    let flag = |set: bool, bit: u32| if set { bit } else { 0 };
    uapi::MoeLayer {
        experts: layer.experts,
        top_k: layer.top_k,
        min_k: layer.min_k,
        groups: layer.groups,
        groups_kept: layer.groups_kept,
        group_score: layer.group_score as u32,
        score: layer.score as u32,
        strategy: layer.strategy as u32,
        flags: flag(layer.biased, uapi::MOE_BIASED)
            | flag(layer.renormalize, uapi::MOE_RENORMALIZE),
        scale: layer.scale,
        threshold: layer.threshold,
        token_threshold: layer.token_threshold,
        bias_step: layer.bias_step,
        drop: layer.capacity.drop as u32,
        capacity_factor: layer.capacity.factor,
        capacity_minimum: layer.capacity.minimum,
        capacity_alignment: layer.capacity.alignment,
        seed: layer.seed,
        ..Default::default()
    }
}

fn group_score(value: u32) -> Option<GroupScore> {
    [GroupScore::Max, GroupScore::TopTwo]
        .into_iter()
        .find(|&score| score as u32 == value)
}

fn score(value: u32) -> Option<Score> {
    [Score::Softmax, Score::Sigmoid, Score::SqrtSoftplus]
        .into_iter()
        .find(|&score| score as u32 == value)
}

fn strategy(value: u32) -> Option<Strategy> {
    [
        Strategy::TopK,
        Strategy::Threshold,
        Strategy::Learned,
        Strategy::Hash,
    ]
    .into_iter()
    .find(|&strategy| strategy as u32 == value)
}

fn drop_of(value: u32) -> Option<Drop> {
    [Drop::Never, Drop::ByPosition, Drop::ByProbability]
        .into_iter()
        .find(|&drop| drop as u32 == value)
}

/// The biases of a SET_BIASES.
pub(super) fn biases(request: &uapi::MoeBiases, rule: &Layer) -> Result<ChargedVec<i64>, Refusal> {
    let count = request.count as usize;
    if request.count != rule.experts {
        return Err(EINVAL.into());
    }
    let biases = read(request.data, count, PIECE, |_, _: &[i64]| Ok(()))?;
    config::check_biases(rule, &biases)
        .map_err(|fault| Refusal::Entry(uapi::MoeFault::of_table(request.layer, fault)))?;
    Ok(biases)
}

/// Bytes of the table of a SET_HASH.
pub(super) fn hash_bytes(request: &uapi::MoeHash) -> u64 {
    request.count.saturating_mul(size_of::<u16>() as u64)
}

/// Bytes of the matrix of a SET_PROJECTION.
pub(super) fn matrix_bytes(request: &uapi::MoeProjection) -> u64 {
    let row = u64::from(request.features) + size_of::<u32>() as u64;
    u64::from(request.experts).saturating_mul(row)
}

/// The table of a SET_HASH, for which there is room.
pub(super) fn hash(request: &uapi::MoeHash, rule: &Layer) -> Result<ChargedVec<u16>, Refusal> {
    let fault = |first: usize, fault: Fault| {
        let entry = fault.entry + first as u64;
        Refusal::Entry(uapi::MoeFault::of_table(
            request.layer,
            Fault { entry, ..fault },
        ))
    };
    // Whole rows, so that a piece can be looked at by itself.
    let piece = PIECE - PIECE % rule.top_k.max(1) as usize;
    read(
        request.data,
        request.count as usize,
        piece,
        |first, entries| hash::check_table(rule, entries).map_err(|f| fault(first, f)),
    )
}

/// The matrix of a SET_PROJECTION.
pub(super) fn matrix(request: &uapi::MoeProjection, rule: &Layer) -> Result<Matrix, Refusal> {
    let (experts, features) = (rule.experts as usize, request.features as usize);
    if !(1..=MAX_FEATURES).contains(&features) {
        return Err(EINVAL.into());
    }
    let matrix = Matrix {
        weights: read(request.weights, experts * features, PIECE, |_, _: &[i8]| {
            Ok(())
        })?,
        scales: read(request.scales, experts, PIECE, |_, _: &[u32]| Ok(()))?,
    };
    let view: Projection<'_> = matrix.view();
    view.check(rule)
        .map_err(|fault| Refusal::Entry(uapi::MoeFault::of_table(request.layer, fault)))?;
    Ok(matrix)
}
