// SPDX-License-Identifier: GPL-2.0

//! Event counters of user space that the module adds to.
//!
//! Looking one up takes process context; adding to it any, and no lock of ours.
//!
//! C header: [`include/linux/eventfd.h`](srctree/include/linux/eventfd.h)

use core::ptr::NonNull;
use kernel::{bindings, error::from_err_ptr, prelude::*};

/// A reference to an eventfd.
///
/// # Invariants
///
/// The pointer holds a reference that nobody else gives back.
pub(crate) struct EventFd(NonNull<bindings::eventfd_ctx>);

// SAFETY: An eventfd belongs to no thread.
unsafe impl Send for EventFd {}
// SAFETY: Its operations are locked on the C side.
unsafe impl Sync for EventFd {}

impl EventFd {
    /// The eventfd with the descriptor `fd` of the calling process. `EBADF` if
    /// there is no such descriptor, `EINVAL` if it is something else.
    pub(crate) fn from_fd(fd: i32) -> Result<Self> {
        // SAFETY: Any number may be passed; called in process context.
        let context = from_err_ptr(unsafe { bindings::eventfd_ctx_fdget(fd) })?;
        // INVARIANT: `eventfd_ctx_fdget()` took a reference for us.
        Ok(Self(NonNull::new(context).ok_or(EBADF)?))
    }

    /// Adds 1 to the counter, up to its limit. Any context.
    pub(crate) fn signal(&self) {
        // SAFETY: The pointer is valid by the type invariant.
        unsafe { bindings::eventfd_signal_mask(self.0.as_ptr(), 0) };
    }
}

impl Drop for EventFd {
    fn drop(&mut self) {
        // SAFETY: The reference is ours by the type invariant.
        unsafe { bindings::eventfd_ctx_put(self.0.as_ptr()) };
    }
}
