// SPDX-License-Identifier: GPL-2.0

//! The phases that an open file asks for.
//!
//! Process context. The program has a mutex of its own, under which nothing else is done.

use crate::{
    rust::charged::{self, ChargedVec},
    uapi,
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, UniqueArc,
    },
};

/// Numbers all phases that were ever committed.
static NEXT: Atomic<u64> = Atomic::new(1);

/// Phases that do not change any more.
pub(crate) struct Phases {
    /// Tells them apart from all others.
    pub(crate) id: u64,
    /// Millidegrees, a channel each.
    pub(crate) requested: ChargedVec<u32>,
}

/// What a file edits, and what its jobs run with.
pub(crate) struct Program {
    draft: ChargedVec<u32>,
    committed: Arc<Phases>,
}

impl Program {
    /// All phases 0.
    pub(crate) fn new(channels: usize) -> Result<Self> {
        Ok(Self {
            draft: charged::table(0, channels)?,
            committed: Self::room(channels)?.into(),
        })
    }

    /// Room for a commit. May sleep: to be made before the program is locked.
    pub(crate) fn room(channels: usize) -> Result<UniqueArc<Phases>> {
        let phases = Phases {
            id: NEXT.fetch_add(1, Relaxed),
            requested: charged::table(0, channels)?,
        };
        Ok(UniqueArc::new(phases, GFP_KERNEL_ACCOUNT)?)
    }

    /// What jobs from now on run with.
    pub(crate) fn committed(&self) -> Arc<Phases> {
        self.committed.clone()
    }

    /// Changes phases from `first` on. `Err` with the first channel whose phase is none, and
    /// nothing is changed.
    pub(crate) fn edit(&mut self, first: usize, phases: &[u32]) -> Result<(), u32> {
        let wrong = phases
            .iter()
            .position(|&phase| phase >= uapi::PHOTONIC_TURN);
        if let Some(at) = wrong {
            return Err((first + at) as u32);
        }
        let end = first.saturating_add(phases.len());
        match self.draft.get_mut(first..end) {
            Some(place) => place.copy_from_slice(phases),
            None => return Err(uapi::PHOTONIC_NO_CHANNEL),
        }
        Ok(())
    }

    /// Makes the program as it is what jobs run with; `room` is for as many channels.
    pub(crate) fn commit(&mut self, mut room: UniqueArc<Phases>) {
        for (phase, &edited) in room.requested.iter_mut().zip(self.draft.iter()) {
            *phase = edited;
        }
        self.committed = room.into();
    }

    /// The phases as they were last edited.
    pub(crate) fn draft(&self) -> &[u32] {
        &self.draft
    }
}
