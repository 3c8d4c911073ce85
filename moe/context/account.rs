// SPDX-License-Identifier: GPL-2.0

//! The loads and counters of a layer.
//!
//! Process context; the lock of the gate.

use super::state::table;
use crate::{
    moe::{
        balance::State,
        capacity::{Assignment, Capacity, Room},
        config::{Layer, SCALE_ONE},
        gate::Tally,
        statistics::{self, Balance},
    },
    uapi,
};
use kernel::prelude::*;

/// Loads stay below this, as the figures ask for.
const LOAD_LIMIT: u64 = (1 << 48) - 1;

/// A batch that is through.
pub(super) struct Booking<'a> {
    pub(super) tokens: u32,
    /// Choices of each expert.
    pub(super) loads: &'a [u64],
    /// What became of them; empty where nothing was dropped.
    pub(super) rooms: &'a [Room],
    pub(super) tally: Tally,
    pub(super) assignment: Assignment,
    pub(super) busy_ns: u64,
    pub(super) gate_ns: u64,
}

/// What batches sum up to.
#[derive(Clone, Copy, Default)]
struct Sums {
    tally: Tally,
    dropped: u64,
    slots: u64,
}

impl Sums {
    fn of(batch: &Booking<'_>) -> Self {
        Self {
            tally: batch.tally,
            dropped: batch.assignment.dropped,
            slots: u64::from(batch.assignment.capacity).saturating_mul(batch.loads.len() as u64),
        }
    }

    fn plus(&self, other: &Self) -> Self {
        Self {
            tally: self.tally.plus(&other.tally),
            dropped: self.dropped.wrapping_add(other.dropped),
            slots: self.slots.wrapping_add(other.slots),
        }
    }

    /// The choices that were carried out.
    fn computed(&self) -> Tally {
        Tally {
            activations: self.tally.activations.wrapping_sub(self.dropped),
            ..self.tally
        }
    }
}

/// See the module.
pub(super) struct Account {
    /// Choices of each expert.
    loads: KVVec<u64>,
    /// Of these, dropped.
    dropped: KVVec<u64>,
    /// Choices since the biases were updated.
    recent: KVVec<u64>,
    /// Choices of the last batch.
    last: KVVec<u64>,
    last_tokens: u32,
    last_sums: Sums,
    sums: Sums,
    batches: u64,
    skipped: u64,
    updates: u64,
    busy_ns: u64,
    gate_ns: u64,
}

impl Account {
    /// Of so many experts, all 0.
    pub(super) fn new(experts: usize) -> Result<Self> {
        Ok(Self {
            loads: table(experts)?,
            dropped: table(experts)?,
            recent: table(experts)?,
            last: table(experts)?,
            last_tokens: 0,
            last_sums: Sums::default(),
            sums: Sums::default(),
            batches: 0,
            skipped: 0,
            updates: 0,
            busy_ns: 0,
            gate_ns: 0,
        })
    }

    /// Bytes of tables for an expert.
    pub(super) const EXPERT_BYTES: usize = 4 * size_of::<u64>();

    /// Forgets everything.
    pub(super) fn reset(&mut self) {
        self.loads.fill(0);
        self.dropped.fill(0);
        self.recent.fill(0);
        self.last.fill(0);
        (self.last_tokens, self.last_sums) = (0, Sums::default());
        self.sums = Sums::default();
        (self.batches, self.skipped, self.updates) = (0, 0, 0);
        (self.busy_ns, self.gate_ns) = (0, 0);
    }

    /// Books a batch.
    pub(super) fn book(&mut self, batch: &Booking<'_>) {
        let totals = self.loads.iter_mut().zip(self.recent.iter_mut());
        let each = totals.zip(self.last.iter_mut()).zip(batch.loads);
        for (((total, recent), last), &load) in each {
            *total = total.saturating_add(load).min(LOAD_LIMIT);
            *recent = recent.saturating_add(load).min(LOAD_LIMIT);
            *last = load;
        }
        for (dropped, room) in self.dropped.iter_mut().zip(batch.rooms) {
            let lost = room.load.wrapping_sub(room.kept);
            *dropped = dropped.wrapping_add(lost.into());
        }
        self.last_tokens = batch.tokens;
        self.last_sums = Sums::of(batch);
        self.sums = self.sums.plus(&self.last_sums);
        self.batches = self.batches.wrapping_add(1);
        self.busy_ns = self.busy_ns.wrapping_add(batch.busy_ns);
        self.gate_ns = self.gate_ns.wrapping_add(batch.gate_ns);
    }

    /// Books tokens that passed by.
    pub(super) fn book_skipped(&mut self, tokens: u32) {
        self.skipped = self.skipped.wrapping_add(tokens.into());
    }

    /// The loads that the biases have not seen; they have now.
    pub(super) fn take_recent(&mut self, update: impl FnOnce(&[u64])) {
        update(&self.recent);
        self.recent.fill(0);
        self.updates = self.updates.wrapping_add(1);
    }

    /// The loads of experts.
    pub(super) fn loads(&self) -> &[u64] {
        &self.loads
    }

    /// What expert `expert` has had to do. `EINVAL` if there is none.
    pub(super) fn expert(&self, layer: &Layer, expert: usize) -> Result<uapi::MoeExpert> {
        let get = |table: &KVVec<u64>| table.get(expert).copied().ok_or(EINVAL);
        let last = get(&self.last)?;
        let capacity = nominal(&layer.capacity).of(self.last_tokens, layer.top_k, layer.experts);
        Ok(uapi::MoeExpert {
            load: get(&self.loads)?,
            dropped: get(&self.dropped)?,
            recent: get(&self.recent)?,
            // A token has an expert at most once: no more than 65,536.
            last: last as u32,
            state: State::of(last, capacity.into()) as u32,
        })
    }

    /// Counters, and figures of all batches or of the last one.
    pub(super) fn stats(&self, layer: &Layer, last: bool) -> uapi::MoeStats {
        let (loads, sums) = if last {
            (&self.last, &self.last_sums)
        } else {
            (&self.loads, &self.sums)
        };
        let balance = Balance::of(loads);
        uapi::MoeStats {
            experts: layer.experts,
            batches: self.batches,
            tokens: self.sums.tally.tokens,
            skipped: self.skipped,
            activations: self.sums.tally.activations,
            dropped: self.sums.dropped,
            tokens_dropped: self.sums.tally.tokens_dropped,
            missing: self.sums.tally.missing,
            slots: self.sums.slots,
            updates: self.updates,
            busy_ns: self.busy_ns,
            gate_ns: self.gate_ns,
            balancedness: balance.balancedness,
            max_violation: balance.max_violation,
            cv_squared: balance.cv_squared,
            entropy: balance.entropy,
            used: balance.used,
            drop_rate: statistics::ratio(sums.dropped, sums.tally.activations),
            capacity_factor: statistics::ratio(sums.slots, sums.tally.activations),
            sparsity: statistics::expert_sparsity(&sums.computed(), layer.experts),
            ..Default::default()
        }
    }
}

/// The capacity that states are measured by: also where nothing is dropped.
fn nominal(rule: &Capacity) -> Capacity {
    let factor = if rule.factor == 0 {
        SCALE_ONE
    } else {
        rule.factor
    };
    Capacity { factor, ..*rule }
}
