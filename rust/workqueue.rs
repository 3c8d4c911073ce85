// SPDX-License-Identifier: GPL-2.0

//! A workqueue of the module's own.
//!
//! `kernel::workqueue` reaches the system queues only. A module must not leave
//! work behind when it goes, and a system queue cannot be drained; one's own
//! can.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

use core::ptr::NonNull;
use kernel::{
    bindings,
    prelude::*,
    workqueue::{Queue, RawWorkItem},
};

/// An owned workqueue; dropping it waits for all its work, then frees it.
///
/// Must not be dropped from its own work: that work would wait for itself.
///
/// # Invariants
///
/// The pointer came from `alloc_workqueue()` and nobody else destroys it.
pub(crate) struct OwnedQueue(NonNull<bindings::workqueue_struct>);

// SAFETY: A workqueue belongs to no thread.
unsafe impl Send for OwnedQueue {}
// SAFETY: All operations on a workqueue are locked on the C side.
unsafe impl Sync for OwnedQueue {}

/// How the workers of a queue are scheduled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// Like any program: for work of any length.
    Normal,
    /// Before programs: for short work that a timer hands over.
    High,
}

impl OwnedQueue {
    /// Allocates an unbound queue: its work runs on whichever processor has
    /// time. May sleep.
    pub(crate) fn new_unbound(name: &'static CStr, priority: Priority) -> Result<Self> {
        let flags = match priority {
            Priority::Normal => bindings::wq_flags_WQ_UNBOUND,
            Priority::High => bindings::wq_flags_WQ_UNBOUND | bindings::wq_flags_WQ_HIGHPRI,
        };
        // SAFETY: Both strings are NUL terminated, and the format takes exactly
        // the one string that is passed. Zero asks for the default concurrency.
        let queue = unsafe {
            bindings::alloc_workqueue_noprof(c"%s".as_char_ptr(), flags, 0, name.as_char_ptr())
        };
        // INVARIANT: The pointer was just returned by `alloc_workqueue()`.
        Ok(Self(NonNull::new(queue).ok_or(ENOMEM)?))
    }

    /// Queues a work item, from any context. What it returns says whether it
    /// was queued already.
    ///
    /// There is no delayed form: `destroy_workqueue()` does not wait for work
    /// whose delay still runs.
    pub(crate) fn enqueue<W, const ID: u64>(&self, work: W) -> W::EnqueueOutput
    where
        W: RawWorkItem<ID> + Send + 'static,
    {
        // SAFETY: The queue is valid by the type invariant and outlives the
        // borrow, which ends with this call.
        unsafe { Queue::from_raw(self.0.as_ptr()) }.enqueue(work)
    }

    /// Waits until the queue is empty, work that is queued meanwhile included.
    pub(crate) fn drain(&self) {
        // SAFETY: The pointer is valid by the type invariant.
        unsafe { bindings::drain_workqueue(self.0.as_ptr()) }
    }
}

impl Drop for OwnedQueue {
    fn drop(&mut self) {
        // SAFETY: The pointer is valid by the type invariant, and nobody can
        // use it after this.
        unsafe { bindings::destroy_workqueue(self.0.as_ptr()) }
    }
}
