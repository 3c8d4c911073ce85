// SPDX-License-Identifier: GPL-2.0

//! The memory that a batch is routed in.
//!
//! What comes in and the weights in Q16.16 pass through pieces of bounded size. Ids,
//! weights and slots are there for the whole batch, as capacity is a matter of all
//! of it: 10 bytes a place, at most 20 MiB.
//!
//! Process context, no lock: a desk belongs to the call that took it.

use super::state::{table, zeros};
use crate::{
    moe::{
        capacity::Room,
        gate::{Logits, Scratch},
        learned::{Projection, MAX_FEATURES},
        select::MAX_EXPERTS,
    },
    rust::charged::ChargedVec,
    uapi,
};
use kernel::{
    alloc::{Allocator, Vec},
    prelude::*,
    transmute::{AsBytes, FromBytes},
    uaccess::UserSliceReader,
};

/// Logits, and places of results, that pass at a time: of a token at least one row.
pub(super) const PIECE: usize = 4096;

/// Bytes that may lie idle between two calls on a file.
const IDLE_BYTES: usize = 1 << 20;

const _: () = assert!(PIECE >= MAX_EXPERTS);

// SAFETY: Integers and arrays of them alone: all zero is a value.
unsafe impl Zeroable for Scratch {}

// SAFETY: Integers, arrays of them and a `bool`, whose zero is `false`.
unsafe impl Zeroable for Room {}

/// See the module. Tables grow to what was needed of them.
pub(super) struct Desk {
    pub(super) scratch: KBox<Scratch>,
    /// The biases of the layer, as they were when the batch began.
    pub(super) biases: KVVec<i64>,
    /// Choices of each expert.
    pub(super) loads: KVVec<u64>,
    pub(super) rooms: KVVec<Room>,
    pub(super) inputs: Inputs,
    pub(super) token_ids: KVVec<u32>,
    pub(super) ids: ChargedVec<u16>,
    pub(super) weights: ChargedVec<u32>,
    pub(super) fixed: KVVec<u32>,
    pub(super) slots: ChargedVec<u32>,
}

/// A piece of what comes in, in each format.
#[derive(Default)]
pub(super) struct Inputs {
    words: KVVec<u32>,
    halves: KVVec<u16>,
    fixed: KVVec<i32>,
    features: KVVec<i8>,
}

/// The first `len` entries of a table, which grows where it is shorter; its
/// contents are lost then.
pub(super) fn room<T: Zeroable, A: Allocator>(of: &mut Vec<T, A>, len: usize) -> Result<&mut [T]> {
    if of.len() < len {
        *of = Vec::new();
        *of = zeros(len)?;
    }
    of.get_mut(..len).ok_or(EINVAL)
}

impl Desk {
    /// Memory for a batch of no token. May sleep.
    pub(super) fn new() -> Result<KBox<Self>> {
        let desk = Self {
            scratch: KBox::zeroed(GFP_KERNEL_ACCOUNT)?,
            biases: table(MAX_EXPERTS)?,
            loads: table(MAX_EXPERTS)?,
            rooms: KVVec::new(),
            inputs: Inputs::default(),
            token_ids: KVVec::new(),
            ids: ChargedVec::new(),
            weights: ChargedVec::new(),
            fixed: KVVec::new(),
            slots: ChargedVec::new(),
        };
        Ok(KBox::new(desk, GFP_KERNEL_ACCOUNT)?)
    }

    /// Grows the tables to what batches of this size need.
    pub(super) fn reserve(&mut self, format: u32, tokens: usize, top_k: usize) -> Result {
        let places = tokens * top_k;
        self.inputs.reserve(format)?;
        room(&mut self.token_ids, PIECE)?;
        room(&mut self.fixed, PIECE)?;
        room(&mut self.rooms, MAX_EXPERTS)?;
        room(&mut self.ids, places)?;
        room(&mut self.weights, places)?;
        room(&mut self.slots, places)?;
        Ok(())
    }

    /// Whether it is small enough to be kept for the next call.
    pub(super) fn may_stay(&self) -> bool {
        let places = size_of_val(&self.ids[..])
            + size_of_val(&self.weights[..])
            + size_of_val(&self.slots[..]);
        places <= IDLE_BYTES
    }
}

/// Fills `to` from user memory.
fn fill<T: AsBytes + FromBytes + Zeroable>(to: &mut [T], from: &mut UserSliceReader) -> Result {
    from.read_slice(AsBytes::as_bytes_mut(to))
}

/// Reads token ids.
pub(super) fn read_ids<'a>(
    to: &'a mut KVVec<u32>,
    count: usize,
    from: &mut UserSliceReader,
) -> Result<&'a [u32]> {
    let ids = room(to, count)?;
    fill(ids, from)?;
    Ok(ids)
}

impl Inputs {
    fn reserve(&mut self, format: u32) -> Result {
        match format {
            uapi::MOE_F32 => room(&mut self.words, PIECE).map(drop),
            uapi::MOE_F16 | uapi::MOE_BF16 => room(&mut self.halves, PIECE).map(drop),
            uapi::MOE_INT8 => {
                room(&mut self.fixed, PIECE)?;
                room(&mut self.features, MAX_FEATURES).map(drop)
            }
            uapi::MOE_Q16 => room(&mut self.fixed, PIECE).map(drop),
            _ => Ok(()),
        }
    }

    /// Reads `count` logits, up to [`PIECE`].
    pub(super) fn read(
        &mut self,
        format: u32,
        count: usize,
        from: &mut UserSliceReader,
    ) -> Result<Logits<'_>> {
        match format {
            uapi::MOE_F32 => {
                let words = room(&mut self.words, PIECE)?;
                let words = words.get_mut(..count).ok_or(EINVAL)?;
                fill(words, from)?;
                Ok(Logits::F32(words))
            }
            uapi::MOE_F16 | uapi::MOE_BF16 => {
                let halves = room(&mut self.halves, PIECE)?;
                let halves = halves.get_mut(..count).ok_or(EINVAL)?;
                fill(halves, from)?;
                Ok(match format {
                    uapi::MOE_F16 => Logits::F16(halves),
                    _ => Logits::Bf16(halves),
                })
            }
            uapi::MOE_Q16 => {
                let fixed = room(&mut self.fixed, PIECE)?;
                let fixed = fixed.get_mut(..count).ok_or(EINVAL)?;
                fill(fixed, from)?;
                Ok(Logits::Q16(fixed))
            }
            _ => Ok(Logits::Absent),
        }
    }

    /// Reads the features of `tokens` tokens, up to [`MAX_FEATURES`] in all, and
    /// makes logits of them.
    pub(super) fn project(
        &mut self,
        projection: &Projection<'_>,
        tokens: usize,
        from: &mut UserSliceReader,
    ) -> Result<Logits<'_>> {
        let (experts, row) = (projection.scales.len(), projection.features().max(1));
        let features = room(&mut self.features, MAX_FEATURES)?;
        let features = features.get_mut(..tokens * row).ok_or(EINVAL)?;
        fill(features, from)?;
        let logits = room(&mut self.fixed, PIECE)?;
        let logits = logits.get_mut(..tokens * experts).ok_or(EINVAL)?;
        let rows = features.chunks_exact(row);
        for (row, logits) in rows.zip(logits.chunks_exact_mut(experts.max(1))) {
            projection.logits(row, logits);
        }
        Ok(Logits::Q16(logits))
    }
}
