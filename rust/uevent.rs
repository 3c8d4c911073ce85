// SPDX-License-Identifier: GPL-2.0

//! Events that user space is told of through udev.
//!
//! Process context; may sleep. No lock.
//!
//! C header: [`include/linux/kobject.h`](srctree/include/linux/kobject.h)

use super::device::as_raw;
use core::ptr::null_mut;
use kernel::{bindings, device::Device, error::to_result, ffi::c_char, prelude::*};

/// Variables that an event may have.
const MAX_VARIABLES: usize = 8;

/// Says that `device` has changed, with `variables` of the form `KEY=value`.
/// `E2BIG` for more than eight of them, `ENOMEM` if they are longer than the
/// kernel sends (2 KiB with its own).
pub(crate) fn change(device: &Device, variables: &[&CStr]) -> Result {
    if variables.len() > MAX_VARIABLES {
        return Err(E2BIG);
    }
    // One more: a null pointer ends the list.
    let mut list: [*mut c_char; MAX_VARIABLES + 1] = [null_mut(); MAX_VARIABLES + 1];
    for (place, variable) in list.iter_mut().zip(variables) {
        *place = variable.as_char_ptr().cast_mut();
    }
    // SAFETY: The device is valid, and so its `kobj`.
    let kobject = unsafe { &raw mut (*as_raw(device)).kobj };
    // SAFETY: The object is valid; the list ends with a null pointer, and its
    // strings are copied, not written.
    to_result(unsafe {
        bindings::kobject_uevent_env(
            kobject,
            bindings::kobject_action_KOBJ_CHANGE,
            list.as_mut_ptr(),
        )
    })
}
