// SPDX-License-Identifier: GPL-2.0

//! Files that the kernel's loader finds: below `/lib/firmware` and where else it
//! looks.
//!
//! `kernel::firmware` is there only where a driver in the tree asked for it, and
//! has no answer where the kernel has no loader.
//!
//! Process context; may sleep. No lock.
//!
//! C header: [`include/linux/firmware.h`](srctree/include/linux/firmware.h)

use super::device::as_raw;
use core::ptr::NonNull;
use kernel::{
    device::Device,
    error::from_err_ptr,
    ffi::{c_char, c_void},
    prelude::*,
};

extern "C" {
    fn lightos_firmware_request(name: *const c_char, device: *mut c_void) -> *mut c_void;
    fn lightos_firmware_data(firmware: *const c_void) -> *const u8;
    fn lightos_firmware_size(firmware: *const c_void) -> usize;
    fn lightos_firmware_release(firmware: *mut c_void);
}

/// The content of a file.
///
/// # Invariants
///
/// The pointer is what `lightos_firmware_request()` returned: content that does
/// not change until it is released.
pub(crate) struct Firmware(NonNull<c_void>);

// SAFETY: The content belongs to no thread.
unsafe impl Send for Firmware {}
// SAFETY: It is only read.
unsafe impl Sync for Firmware {}

impl Firmware {
    /// Reads the file called `name` for `device`. `ENOENT`, and no warning, if
    /// there is none, or no loader; Debian's kernels note it all the same.
    /// `EINVAL` for an empty name, or one with `..` in it.
    pub(crate) fn request(name: &CStr, device: &Device) -> Result<Self> {
        // SAFETY: Both are valid.
        let firmware = from_err_ptr(unsafe {
            lightos_firmware_request(name.as_char_ptr(), as_raw(device).cast())
        })?;
        // INVARIANT: Just so.
        Ok(Self(NonNull::new(firmware).ok_or(ENOENT)?))
    }

    /// What is in it.
    pub(crate) fn data(&self) -> &[u8] {
        // SAFETY: The content is valid by the type invariant.
        let size = unsafe { lightos_firmware_size(self.0.as_ptr()) };
        // SAFETY: As above.
        let data = unsafe { lightos_firmware_data(self.0.as_ptr()) };
        if data.is_null() || size == 0 {
            return &[];
        }
        // SAFETY: The loader says that so many bytes are there, and they do not
        // change while `self` is borrowed, by the type invariant.
        unsafe { core::slice::from_raw_parts(data, size) }
    }
}

impl Drop for Firmware {
    fn drop(&mut self) {
        // SAFETY: The content is ours by the type invariant.
        unsafe { lightos_firmware_release(self.0.as_ptr()) };
    }
}
