// SPDX-License-Identifier: GPL-2.0

//! What can be behind the registers: a PCI device, or a model of one.
//!
//! The driver is the same over both: it sees [`Registers`], and these are made here from any
//! back end of `kernel::io`. `model.rs` is the only file of the driver outside `photonic/model/`
//! that knows of the model; tests do too.
//!
//! Each back end says which of its registers may be used in which context, and its locks.
//!
//! [`Registers`]: super::registers::Registers

pub(crate) mod model;
pub(crate) mod pci;

use super::registers::{GONE, SIZE};
use kernel::io::{Io, IoCapable, Region};

/// The window as `kernel::io` knows it.
pub(crate) type Space = Region<{ SIZE as usize }>;

/// Reads a register of `io`; all ones past its end. Any context that the back end allows.
fn read<'a, T>(io: T, offset: u32) -> u32
where
    T: Io<'a, Target = Space>,
    T::Backend: IoCapable<u32>,
{
    io.try_read32(offset as usize).unwrap_or(GONE)
}

/// Writes a register of `io`; nothing past its end.
fn write<'a, T>(io: T, offset: u32, value: u32)
where
    T: Io<'a, Target = Space>,
    T::Backend: IoCapable<u32>,
{
    // The offset is one of the map, which the window is as large as.
    let _ = io.try_write32(value, offset as usize);
}
