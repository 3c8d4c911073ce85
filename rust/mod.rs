// SPDX-License-Identifier: GPL-2.0

//! What the `kernel` crate lacks: safe wrappers used by the rest of the
//! module.
//!
//! Each file names the C interface that it wraps; one that gains a wrapper in
//! the `kernel` crate leaves this folder.

pub(crate) mod attributes;
pub(crate) mod chardev;
pub(crate) mod charged;
pub(crate) mod clock;
pub(crate) mod cred;
pub(crate) mod debugfs;
#[cfg(CONFIG_LIGHTOS_PHOTONIC_FAULTS)]
pub(crate) mod debugfs_command;
pub(crate) mod device;
pub(crate) mod eventfd;
pub(crate) mod firmware;
pub(crate) mod hwmon;
pub(crate) mod modinfo;
pub(crate) mod power;
pub(crate) mod raw_lock;
pub(crate) mod shared;
pub(crate) mod trace;
pub(crate) mod uaccess;
pub(crate) mod uevent;
pub(crate) mod workqueue;
