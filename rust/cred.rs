// SPDX-License-Identifier: GPL-2.0

//! What the calling process may do, `linux/capability.h`, and whether it dies.
//!
//! Users are `kernel::task::Kuid`. Process context; no lock.

use kernel::{bindings, ffi::c_int};

/// Whether the caller has leave to read and write what the modes of others forbid
/// (`CAP_DAC_OVERRIDE` in the first user namespace). Ask only where the answer
/// matters: a yes is noted as use of the privilege.
pub(crate) fn overrides_modes() -> bool {
    // SAFETY: Process context, where there is a current task with credentials;
    // the number is that of a capability.
    unsafe { bindings::capable(bindings::CAP_DAC_OVERRIDE as c_int) }
}

/// Whether the caller administers the system (`CAP_SYS_ADMIN` in the first user
/// namespace). Ask only where the answer matters, as above.
pub(crate) fn is_admin() -> bool {
    // SAFETY: As above.
    unsafe { bindings::capable(bindings::CAP_SYS_ADMIN as c_int) }
}

/// The number of the calling process, which all of its threads share.
pub(crate) fn process() -> i32 {
    kernel::current!().group_leader().pid()
}

/// Whether the calling process is on its way out, and its files are being closed.
pub(crate) fn is_dying() -> bool {
    // SAFETY: The current task is valid, and its own flags are its to read.
    let flags = unsafe { (*kernel::current!().as_ptr()).flags };
    flags & bindings::PF_EXITING != 0
}
