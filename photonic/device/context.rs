// SPDX-License-Identifier: GPL-2.0

//! What an open file has of processors: a program for each, its jobs, its events, the key.
//!
//! Process context. `desks` is held to look one up, `program` of a desk to edit it; neither with
//! another lock.

use super::{events::Inbox, program::Program, Processor, Processors};
use crate::{rust::cred, uapi};
use kernel::{
    fs::File,
    new_mutex,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::{
        atomic::{Atomic, Relaxed},
        poll::PollTable,
        Arc, Mutex,
    },
};

/// The context of an open file.
#[pin_data]
pub(crate) struct Context {
    all: Arc<Processors>,
    /// Tells the file apart from others.
    id: u64,
    inbox: Arc<Inbox>,
    #[pin]
    desks: Mutex<[Option<Arc<Desk>>; uapi::PHOTONIC_MAX_DEVICES]>,
}

/// What a file has of one processor.
#[pin_data]
pub(crate) struct Desk {
    pub(super) processor: Arc<Processor>,
    pub(super) file: u64,
    #[pin]
    pub(super) program: Mutex<Program>,
    pub(super) vectors: Atomic<u64>,
}

impl Context {
    /// One without anything. May sleep.
    pub(crate) fn new(all: Arc<Processors>) -> Result<Arc<Self>> {
        let id = all.next_file.fetch_add(1, Relaxed);
        let inbox = Inbox::new(id)?;
        Arc::pin_init(
            pin_init!(Self {
                all,
                id,
                inbox,
                desks <- new_mutex!([const { None }; uapi::PHOTONIC_MAX_DEVICES], "lightos_photonic_desks"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    pub(super) fn all(&self) -> &Arc<Processors> {
        &self.all
    }

    pub(super) fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }

    /// The desk of this file at the processor `index`. `ENODEV`.
    pub(super) fn desk(&self, index: u32) -> Result<Arc<Desk>> {
        let processor = self.all.get(index as usize)?;
        let mut desks = self.desks.lock();
        let slot = desks.get_mut(index as usize).ok_or(ENODEV)?;
        // Another processor may have taken the number of one that went.
        if let Some(desk) = slot
            .as_ref()
            .filter(|desk| Arc::ptr_eq(&desk.processor, &processor))
        {
            return Ok(desk.clone());
        }
        let program = Program::new(processor.identity.layout.channels())?;
        let file = self.id;
        let desk = Arc::pin_init(
            pin_init!(Desk {
                processor,
                file,
                program <- new_mutex!(program, "lightos_photonic_program"),
                vectors: Atomic::new(0),
            }),
            GFP_KERNEL_ACCOUNT,
        )?;
        *slot = Some(desk.clone());
        Ok(desk)
    }

    /// The processor that the jobs of this file at `index` are with, also after it has gone:
    /// what it has done can be taken. `ENODEV` where there was none, `ENOENT` without a job.
    pub(super) fn processor_of_jobs(&self, index: u32) -> Result<Arc<Processor>> {
        let desks = self.desks.lock();
        let desk = desks.get(index as usize).and_then(Option::as_ref);
        if let Some(desk) = desk {
            return Ok(desk.processor.clone());
        }
        drop(desks);
        self.all.get(index as usize)?;
        Err(ENOENT)
    }

    /// Asks for events of processors.
    pub(super) fn subscribe(&self, devices: u32, kinds: u32) -> Result {
        self.inbox.subscribe(devices, kinds)?;
        self.all.inboxes.add(&self.inbox)
    }

    /// Whether the file has an event: bits for `poll()`.
    pub(crate) fn poll(&self, file: &File, table: &PollTable<'_>) -> u32 {
        self.inbox.poll(file, table)
    }

    /// The calling process dies: the key that it turned is turned back, even if others have the
    /// file open.
    pub(crate) fn process_dies(&self) {
        let process = cred::process();
        self.all.for_each(|processor| {
            processor.disarm_for(self.id, Some(process));
        });
    }

    /// The file closes: its key is turned back, its jobs end, nobody tells it anything.
    pub(crate) fn close(&self) {
        self.all.inboxes.remove(&self.inbox);
        // Not the desks: a file may arm a processor without one.
        self.all.for_each(|processor| {
            processor.disarm_for(self.id, None);
            processor.abandon_jobs(self.id);
        });
    }

    /// Lines of fdinfo, for processors that the file has used.
    pub(crate) fn show_fdinfo(&self, to: &SeqFile) {
        for desk in self.desks.lock().iter().flatten() {
            let (index, vectors) = (desk.processor.index, desk.vectors.load(Relaxed));
            seq_print!(to, "lightos-photonic-{}-vectors:\t{}\n", index, vectors);
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }
}
