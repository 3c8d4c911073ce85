// SPDX-License-Identifier: GPL-2.0

//! What the `kernel` crate lacks: safe wrappers used by the rest of the
//! module.
//!
//! Each file names the C interface that it wraps; one that gains a wrapper in
//! the `kernel` crate leaves this folder.

#[allow(dead_code)]
pub(crate) mod attributes;
pub(crate) mod chardev;
pub(crate) mod charged;
pub(crate) mod clock;
pub(crate) mod cred;
pub(crate) mod debugfs;
#[allow(dead_code)]
pub(crate) mod device;
pub(crate) mod eventfd;
#[allow(dead_code)]
pub(crate) mod firmware;
#[allow(dead_code)]
pub(crate) mod hwmon;
pub(crate) mod modinfo;
#[allow(dead_code)]
pub(crate) mod power;
pub(crate) mod shared;
pub(crate) mod trace;
pub(crate) mod uaccess;
#[allow(dead_code)]
pub(crate) mod uevent;
pub(crate) mod workqueue;
