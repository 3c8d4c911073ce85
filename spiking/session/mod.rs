// SPDX-License-Identifier: GPL-2.0

//! The network of an open file: loading, running, input and output.
//!
//! | file         | holds                                                     |
//! |--------------|-----------------------------------------------------------|
//! | `memory.rs`  | tables in memory charged to the caller                    |
//! | `loading.rs` | a network that is being loaded, piece by piece            |
//! | `ring.rs`    | rings in memory shared with the program                   |
//! | `live.rs`    | a network in use: one slice of a run                      |
//! | `run.rs`     | runs: in the background, by the caller, in real time      |
//! | `coders.rs`  | encoders and decoders, made from what the ABI says        |
//! | `calls.rs`   | the ioctls                                                |
//! | `report.rs`  | fdinfo and debugfs                                        |
//!
//! # Contexts and locks
//!
//! Process context: calls on the file, and the work of a run in the background.
//! Four mutexes, taken in this order where two are needed: `loading`, `network`,
//! `control`; and `transfer`, `control`, as INPUT looks for the rings with
//! `transfer` held. User memory is touched with `loading` or `transfer` held
//! only, which nobody but a caller on the same file waits for. A run holds
//! `network` for a slice of about a millisecond at a time. What may not happen
//! during a run holds `network` and finds no run in `control`; a run is entered
//! there with `network` held.
//!
//! # Life of a run
//!
//! RUN enters it in `control` and queues the work, or computes in the calling
//! thread. Whoever computes takes slice after slice until the target is reached
//! or `stop` is set, then leaves a completion in `control` and wakes all that
//! wait on `changed`. Closing the file sets `stop` and waits for that, so that a
//! network's memory is free when `close()` returns.

mod calls;
mod coders;
mod live;
mod loading;
mod memory;
mod report;
mod ring;
mod run;

pub(crate) use calls::call;

use self::{live::Live, loading::Loading, ring::Rings, run::Control};
use crate::rust::{
    chardev,
    workqueue::{OwnedQueue, Priority},
};
use kernel::{
    fs::File,
    impl_has_work,
    mm::virt::VmaNew,
    new_mutex, new_poll_condvar, new_work,
    prelude::*,
    sync::{
        atomic::{AtomicFlag, Relaxed},
        poll::{PollCondVar, PollTable},
        Arc, Mutex,
    },
    uaccess::UserSliceWriter,
    workqueue::Work,
};

/// What all networks share.
pub(crate) struct Networks {
    /// Where runs in the background are computed, at the priority of programs.
    queue: OwnedQueue,
}

impl Networks {
    /// Allocates the queue. May sleep.
    pub(crate) fn new() -> Result<Arc<Self>> {
        let queue = OwnedQueue::new_unbound(c"lightos_network", Priority::Normal)?;
        Ok(Arc::new(Self { queue }, GFP_KERNEL)?)
    }

    /// Waits until no run is left on its way out.
    pub(crate) fn drain(&self) {
        self.queue.drain();
    }
}

/// The network of an open file, and its surroundings.
#[pin_data]
pub(crate) struct Session {
    networks: Arc<Networks>,
    /// Identifies the network in traces and in debugfs.
    id: u64,
    /// What is being loaded.
    #[pin]
    loading: Mutex<Option<Loading>>,
    /// What is in use.
    #[pin]
    network: Mutex<Option<Live>>,
    /// The run and its completion; never held for long.
    #[pin]
    control: Mutex<Control>,
    /// Held by a call that moves user space's half of a ring.
    #[pin]
    transfer: Mutex<()>,
    /// Woken when a run has ended or a ring has changed.
    #[pin]
    changed: PollCondVar,
    /// Asks the run to end.
    stop: AtomicFlag,
    #[pin]
    work: Work<Self>,
}

impl_has_work! {
    impl HasWork<Self> for Session { self.work }
}

impl Session {
    /// A session without a network. May sleep.
    pub(crate) fn new(networks: Arc<Networks>, id: u64) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                networks,
                id,
                loading <- new_mutex!(None, "lightos_network_loading"),
                network <- new_mutex!(None, "lightos_network"),
                control <- new_mutex!(Control::default(), "lightos_network_control"),
                transfer <- new_mutex!((), "lightos_network_transfer"),
                changed <- new_poll_condvar!("lightos_network_changed"),
                stop: AtomicFlag::new(false),
                work <- new_work!("lightos_network"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// The rings of the network in use.
    fn rings(&self) -> Option<Arc<Rings>> {
        self.control.lock().rings()
    }

    /// Uses the network. `ENODATA` if there is none.
    fn with_network<R>(&self, use_network: impl FnOnce(&mut Live) -> Result<R>) -> Result<R> {
        let mut network = self.network.lock();
        use_network((*network).as_mut().ok_or(ENODATA)?)
    }

    /// The same between runs. `EBUSY` during one.
    fn with_idle_network<R>(&self, use_network: impl FnOnce(&mut Live) -> Result<R>) -> Result<R> {
        self.with_network(|live| {
            // A run begins with the lock of the network held: none will now.
            if self.control.lock().is_running() {
                return Err(EBUSY);
            }
            use_network(live)
        })
    }

    /// Ends the run, if any, waits for it and frees the network. For the last
    /// user of the file.
    pub(crate) fn close(&self) {
        let mut control = self.control.lock();
        self.stop.store(true, Relaxed);
        let eventfd = control.withdraw();
        self.changed.notify_all();
        if let Some(eventfd) = eventfd {
            eventfd.signal();
        }
        while control.is_running() {
            self.changed.wait(&mut control);
        }
        *control = Control::default();
        drop(control);
        // The worker may hold the session for a moment still, but not these.
        *self.loading.lock() = None;
        *self.network.lock() = None;
    }

    /// `read()`: the completion of the last run.
    pub(crate) fn read(&self, nonblocking: bool, mut to: UserSliceWriter) -> Result<usize> {
        let len = size_of::<crate::uapi::NetworkCompletion>();
        if to.len() < len {
            return Err(EINVAL);
        }
        let completion = self.take_completion(!nonblocking)?;
        if let Err(error) = to.write(&completion) {
            self.control.lock().give_back(completion);
            return Err(error);
        }
        Ok(len)
    }

    /// `poll()`.
    pub(crate) fn poll(&self, file: &File, table: PollTable<'_>) -> u32 {
        table.register_wait(file, &self.changed);
        let control = self.control.lock();
        let Some(rings) = control.rings() else {
            return chardev::ALWAYS_READY;
        };
        let mut ready = 0;
        if control.has_completion() {
            ready |= chardev::READABLE;
        }
        let voltages = rings.voltages.as_ref().map_or(0, |ring| ring.waiting());
        if rings.spikes.waiting() > 0 || voltages > 0 {
            ready |= chardev::PRIORITY;
        }
        if rings.input.waiting() < rings.input.entries() {
            ready |= chardev::WRITABLE;
        }
        ready
    }

    /// `mmap()`: a ring. `EINVAL` for an offset that is not a ring's, or a
    /// length over its own.
    pub(crate) fn mmap(&self, vma: &VmaNew, offset: u64) -> Result {
        let rings = self.rings().ok_or(ENODATA)?;
        if offset & u64::from(u32::MAX) != 0 {
            return Err(EINVAL);
        }
        rings.memory(offset >> 32).ok_or(EINVAL)?.map(vma)
    }
}
