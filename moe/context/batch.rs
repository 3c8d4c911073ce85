// SPDX-License-Identifier: GPL-2.0

//! One batch: from user memory through the gate and back, in bounded pieces.
//!
//! Process context, no lock. Nothing is booked here: a batch that fails, or that
//! a signal ends, leaves no trace but what it wrote to the caller's buffers.

use super::{
    desk::{read_ids, room, Desk, PIECE},
    state::Snapshot,
};
use crate::{
    moe::{
        balance,
        capacity::{assign, Assignment, Choices, Drop, NO_EXPERT, NO_SLOT},
        config::{Layer, Strategy},
        gate::{self, Fault, Routes, Tables, Tally},
        learned::MAX_FEATURES,
    },
    rust::{clock::monotonic_ns, uaccess::memory},
    uapi,
};
use kernel::{
    current,
    prelude::*,
    transmute::AsBytes,
    uaccess::{UserSliceReader, UserSliceWriter},
};

/// A batch that is to be routed.
pub(super) struct Batch<'a> {
    of: &'a Snapshot,
    format: u32,
    tokens: usize,
    buffers: &'a uapi::MoeBuffers,
}

/// What became of it.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) tally: Tally,
    pub(super) assignment: Assignment,
    /// Nanoseconds of arithmetic.
    pub(super) gate_ns: u64,
}

/// Why it was not routed.
pub(super) enum Stop {
    Call(Error),
    /// The logit of this token and expert is no number below infinity.
    Logit {
        wrong: u32,
        token: u32,
        expert: u32,
    },
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

/// Where the pieces come from and go to.
struct Streams {
    input: UserSliceReader,
    token_ids: UserSliceReader,
    fixed: Option<UserSliceWriter>,
}

/// A writer of `count` times `T`; none where nothing is wanted.
fn writer<T>(data: u64, count: usize) -> Result<Option<UserSliceWriter>> {
    match data {
        0 => Ok(None),
        _ => Ok(Some(memory::<T>(data, count)?.writer())),
    }
}

/// Gives results to whoever wants them.
fn give<T>(to: &mut Option<UserSliceWriter>, results: &[T]) -> Result
where
    [T]: AsBytes,
{
    match to {
        Some(writer) => writer.write_slice(results.as_bytes()),
        None => Ok(()),
    }
}

impl<'a> Batch<'a> {
    /// Checks that the layer takes the format. `EINVAL`; `ENODATA` without a
    /// projection.
    pub(super) fn new(
        of: &'a Snapshot,
        format: u32,
        tokens: u32,
        buffers: &'a uapi::MoeBuffers,
    ) -> Result<Self> {
        let strategy = of.rule.strategy;
        let learned = strategy == Strategy::Learned;
        let hash = strategy == Strategy::Hash;
        let blind = format == uapi::MOE_NO_INPUT;
        let fits = match format {
            uapi::MOE_F32 | uapi::MOE_F16 | uapi::MOE_BF16 | uapi::MOE_Q16 => !learned,
            uapi::MOE_INT8 => learned,
            uapi::MOE_NO_INPUT => hash,
            _ => false,
        };
        let unused = (!hash && buffers.token_ids != 0) || (blind && buffers.input != 0);
        if !fits || unused {
            return Err(EINVAL);
        }
        if learned && of.shared.matrix.is_none() {
            return Err(ENODATA);
        }
        Ok(Self {
            of,
            format,
            tokens: tokens as usize,
            buffers,
        })
    }

    fn rule(&self) -> &Layer {
        &self.of.rule
    }

    fn top_k(&self) -> usize {
        self.rule().top_k.max(1) as usize
    }

    /// Places of results.
    fn places(&self) -> usize {
        self.tokens * self.top_k()
    }

    /// Entries and bytes of a token's row.
    fn row(&self) -> (usize, usize) {
        let experts = self.rule().experts as usize;
        match (self.format, &self.of.shared.matrix) {
            (uapi::MOE_INT8, Some(matrix)) => {
                let features = matrix.view().features();
                (features, features)
            }
            (uapi::MOE_F16 | uapi::MOE_BF16, _) => (experts, experts * size_of::<u16>()),
            (uapi::MOE_NO_INPUT, _) => (0, 0),
            _ => (experts, experts * size_of::<u32>()),
        }
    }

    /// Tokens of a piece: its logits, features and places are all bounded.
    fn step(&self) -> usize {
        let (row, _) = self.row();
        let features = match self.format {
            uapi::MOE_INT8 => MAX_FEATURES / row.max(1),
            _ => PIECE,
        };
        let logits = PIECE / self.rule().experts.max(1) as usize;
        features.min(logits).min(PIECE / self.top_k()).max(1)
    }

    /// Routes the batch and gives the results to the caller.
    pub(super) fn run(&self, desk: &mut Desk) -> Result<Outcome, Stop> {
        if self.of.skipped {
            self.give_nothing(desk)?;
            return Ok(Outcome::default());
        }
        let mut gate_ns = 0;
        let tally = self.route(desk, &mut gate_ns)?;
        let assignment = timed(&mut gate_ns, || self.assign(desk))?;
        self.give(desk)?;
        Ok(Outcome {
            tally,
            assignment,
            gate_ns,
        })
    }

    /// Finds the experts of all tokens.
    fn route(&self, desk: &mut Desk, gate_ns: &mut u64) -> Result<Tally, Stop> {
        let hash = self.rule().strategy == Strategy::Hash;
        let ids = if hash { self.tokens } else { 0 };
        let mut streams = Streams {
            input: memory::<u8>(self.buffers.input, self.tokens * self.row().1)?.reader(),
            token_ids: memory::<u32>(self.buffers.token_ids, ids)?.reader(),
            fixed: writer::<u32>(self.buffers.fixed, self.places())?,
        };
        room(&mut desk.ids, self.places())?;
        room(&mut desk.weights, self.places())?;
        let mut tally = Tally::default();
        let step = self.step();
        for first in (0..self.tokens).step_by(step) {
            if first > 0 && current!().signal_pending() {
                return Err(EINTR.into());
            }
            let count = step.min(self.tokens - first);
            tally = tally.plus(&self.piece(first, count, &mut streams, desk, gate_ns)?);
        }
        Ok(tally)
    }

    /// Routes `count` tokens from `first` on.
    fn piece(
        &self,
        first: usize,
        count: usize,
        streams: &mut Streams,
        desk: &mut Desk,
        gate_ns: &mut u64,
    ) -> Result<Tally, Stop> {
        let Desk { inputs, .. } = desk;
        let logits = match &self.of.shared.matrix {
            Some(matrix) => inputs.project(&matrix.view(), count, &mut streams.input)?,
            None => inputs.read(self.format, count * self.row().0, &mut streams.input)?,
        };
        let hash = self.rule().strategy == Strategy::Hash;
        let ids = if hash { count } else { 0 };
        let biases = if self.rule().biased {
            self.rule().experts
        } else {
            0
        } as usize;
        let tables = Tables {
            biases: desk.biases.get(..biases).ok_or(EINVAL)?,
            hash: self.of.shared.hash(),
            tokens: read_ids(&mut desk.token_ids, ids, &mut streams.token_ids)?,
        };
        let places = first * self.top_k()..(first + count) * self.top_k();
        let fixed = room(&mut desk.fixed, PIECE)?;
        let mut routes = Routes {
            ids: desk.ids.get_mut(places.clone()).ok_or(EINVAL)?,
            weights: desk.weights.get_mut(places.clone()).ok_or(EINVAL)?,
            fixed: fixed.get_mut(..places.len()).ok_or(EINVAL)?,
        };
        let scratch = &mut desk.scratch;
        let tally = timed(gate_ns, || {
            gate::route(self.rule(), &tables, logits, &mut routes, scratch)
        })
        .map_err(|fault| stop(first, fault))?;
        give(&mut streams.fixed, routes.fixed)?;
        Ok(tally)
    }

    /// Counts loads, and gives out slots where capacity or the caller asks for it.
    fn assign(&self, desk: &mut Desk) -> Result<Assignment> {
        let experts = self.rule().experts as usize;
        let rule = &self.rule().capacity;
        let ids = desk.ids.get(..self.places()).ok_or(EINVAL)?;
        let loads = desk.loads.get_mut(..experts).ok_or(EINVAL)?;
        loads.fill(0);
        if rule.drop == Drop::Never && self.buffers.slots == 0 {
            balance::count(ids, loads);
            return Ok(Assignment {
                capacity: rule.aligned(loads.iter().max().map_or(0, |&load| load as u32)),
                choices: loads.iter().sum(),
                dropped: 0,
            });
        }
        let choices = Choices {
            ids,
            weights: desk.weights.get(..self.places()).ok_or(EINVAL)?,
            top_k: self.top_k(),
        };
        let rooms = room(&mut desk.rooms, experts)?;
        let slots = room(&mut desk.slots, self.places())?;
        let assignment = assign(rule, &choices, rooms, slots, |_, _| {});
        for (load, room) in loads.iter_mut().zip(rooms) {
            *load = room.load.into();
        }
        Ok(assignment)
    }

    /// The results of the whole batch.
    fn give(&self, desk: &Desk) -> Result {
        let (buffers, places) = (self.buffers, self.places());
        let ids = desk.ids.get(..places).ok_or(EINVAL)?;
        let weights = desk.weights.get(..places).ok_or(EINVAL)?;
        give(&mut writer::<u16>(buffers.ids, places)?, ids)?;
        give(&mut writer::<u32>(buffers.weights, places)?, weights)?;
        if buffers.slots != 0 {
            let slots = desk.slots.get(..places).ok_or(EINVAL)?;
            give(&mut writer::<u32>(buffers.slots, places)?, slots)?;
        }
        Ok(())
    }

    /// No expert, no weight, no slot, for every token.
    fn give_nothing(&self, desk: &mut Desk) -> Result {
        let (buffers, places) = (self.buffers, self.places());
        let mut ids = writer::<u16>(buffers.ids, places)?;
        let mut weights = writer::<u32>(buffers.weights, places)?;
        let mut fixed = writer::<u32>(buffers.fixed, places)?;
        let mut slots = writer::<u32>(buffers.slots, places)?;
        let no_id = room(&mut desk.ids, PIECE)?;
        no_id.fill(NO_EXPERT);
        let none = room(&mut desk.weights, PIECE)?;
        none.fill(0);
        let no_slot = room(&mut desk.slots, PIECE)?;
        no_slot.fill(NO_SLOT);
        for first in (0..places).step_by(PIECE) {
            if first > 0 && current!().signal_pending() {
                return Err(EINTR);
            }
            let count = PIECE.min(places - first);
            give(&mut ids, no_id.get(..count).ok_or(EINVAL)?)?;
            give(&mut weights, none.get(..count).ok_or(EINVAL)?)?;
            give(&mut fixed, none.get(..count).ok_or(EINVAL)?)?;
            give(&mut slots, no_slot.get(..count).ok_or(EINVAL)?)?;
        }
        Ok(())
    }
}

/// Does `work` and adds the time that it takes.
fn timed<R>(ns: &mut u64, work: impl FnOnce() -> R) -> R {
    let begin = monotonic_ns();
    let result = work();
    *ns += monotonic_ns().saturating_sub(begin);
    result
}

/// A fault of the piece that begins at token `first`.
fn stop(first: usize, fault: Fault) -> Stop {
    let (wrong, token, expert) = match fault {
        Fault::NotANumber { token, expert } => (uapi::MOE_NAN, token, expert),
        Fault::Infinite { token, expert } => (uapi::MOE_INFINITE, token, expert),
        Fault::Length(_) => return Stop::Call(EINVAL),
    };
    Stop::Logit {
        wrong,
        token: first as u32 + token,
        expert,
    }
}
