// SPDX-License-Identifier: GPL-2.0

//! Gate contexts: the gates of open files, and named ones that several share.
//!
//! | file         | holds                                                      |
//! |--------------|------------------------------------------------------------|
//! | `names.rs`   | named gates: who may open them, how long they live         |
//! | `state.rs`   | a gate: layers, tables, mask; what a call takes of it      |
//! | `account.rs` | loads and counters of a layer                              |
//! | `tables.rs`  | layers, biases and tables copied in, checked entry by entry|
//! | `desk.rs`    | the memory that a batch is routed in                       |
//! | `batch.rs`   | one batch, in bounded chunks                               |
//! | `calls.rs`   | the ioctls                                                 |
//! | `report.rs`  | fdinfo and debugfs                                         |
//!
//! # Contexts and locks
//!
//! Process context only. Three mutexes, each taken alone, but that a call may make
//! a gate's debugfs file before it takes `names`:
//!
//! - `Context::own`, of an open file: its gate, the desk that waits for the next
//!   call, the registered buffers;
//! - `Gates::names`, of the module: the table of named gates;
//! - `Gate::state`, of a gate: layers, tables, loads.
//!
//! None is held while user memory is touched, so that nobody waits for a page of
//! somebody else, and none for longer than it takes to go through the experts of
//! a layer, or to put a configuration in place.
//!
//! # Reconfiguration
//!
//! A call takes of the gate what it needs ([`state::Snapshot`]): the rule, a copy
//! of the biases, references to the tables, and the generation of the
//! configuration. A batch goes on with that whatever happens meanwhile. At its
//! end its loads are booked if the generation is still the same: those of another
//! one have no place any more.
//!
//! # Life
//!
//! A file's own gate goes with the file. A named one goes with the last file that
//! opened it, name and all: what is to stay needs a process that stays.

mod account;
mod batch;
mod calls;
mod desk;
mod names;
mod report;
mod state;
mod tables;

pub(crate) use calls::call;
pub(crate) use names::Gates;

use self::{desk::Desk, names::Held, state::Gate};
use crate::uapi;
use kernel::{new_mutex, prelude::*, seq_file::SeqFile, sync::Arc, sync::Mutex};

/// What an open file has of gates.
#[pin_data]
pub(crate) struct Context {
    gates: Arc<Gates>,
    #[pin]
    own: Mutex<Own>,
}

/// See [`Context`].
#[derive(Default)]
struct Own {
    /// Its gate, once it has one; never another.
    gate: Option<Arc<Held>>,
    /// Memory of the last batch, for the next one.
    desk: Option<KBox<Desk>>,
    registered: Option<Registered>,
}

/// Buffers that MOE_REGISTER named.
#[derive(Clone, Copy)]
struct Registered {
    format: u32,
    tokens: u32,
    buffers: uapi::MoeBuffers,
}

impl Context {
    /// Without a gate. May sleep.
    pub(crate) fn new(gates: Arc<Gates>) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                gates,
                own <- new_mutex!(Own::default(), "lightos_moe_own"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// The gate of this file. `ENODATA` if there is none.
    fn gate(&self) -> Result<Arc<Held>> {
        self.own.lock().gate.clone().ok_or(ENODATA)
    }

    /// The gate of this file, or a new one that [`Context::adopt`] may make its.
    fn gate_or_new(&self) -> Result<Arc<Held>> {
        match self.gate() {
            Ok(gate) => Ok(gate),
            Err(_) => Gates::unnamed(&self.gates),
        }
    }

    /// Makes `gate` that of this file, unless another call was faster. Returns
    /// the one that is.
    fn adopt(&self, gate: Arc<Held>) -> Arc<Held> {
        let mut own = self.own.lock();
        let kept = own.gate.get_or_insert_with(|| gate.clone()).clone();
        // The slower one goes without the lock held: others are in its way.
        drop(own);
        drop(gate);
        kept
    }

    /// The same, but `EBUSY` where the file has a gate.
    fn adopt_first(&self, gate: Arc<Held>) -> Result {
        let mut own = self.own.lock();
        if own.gate.is_some() {
            return Err(EBUSY);
        }
        own.gate = Some(gate);
        Ok(())
    }

    /// Memory to route a batch in: what an earlier call left, or new.
    fn desk(&self) -> Result<KBox<Desk>> {
        let left = self.own.lock().desk.take();
        match left {
            Some(desk) => Ok(desk),
            None => Desk::new(),
        }
    }

    /// Leaves the memory to the next call, if it is not too much to lie idle.
    fn leave_desk(&self, desk: KBox<Desk>) {
        let mut own = self.own.lock();
        if own.desk.is_none() && (own.registered.is_some() || desk.may_stay()) {
            own.desk = Some(desk);
            return;
        }
        drop(own);
        // Many pages, perhaps; nobody need wait for them.
        drop(desk);
    }

    /// Lines of `/proc/PID/fdinfo/FD`.
    pub(crate) fn show_fdinfo(&self, to: &SeqFile) {
        if let Ok(gate) = self.gate() {
            gate.show_fdinfo(to);
        }
    }
}
