// SPDX-License-Identifier: GPL-2.0

//! The C side of a device, which `kernel::device` keeps to itself.
//!
//! Any context; no lock.

use kernel::{
    bindings,
    device::{Device, DeviceContext},
};

/// The `struct device` of `device`: valid for as long as the reference is.
pub(crate) fn as_raw<C: DeviceContext>(device: &Device<C>) -> *mut bindings::device {
    // A `Device` is a transparent wrapper of the structure, opaque and so mutable.
    core::ptr::from_ref(device).cast_mut().cast()
}
