// SPDX-License-Identifier: GPL-2.0

//! Where the tables of networks live: virtually contiguous memory that is
//! charged to the memory cgroup of whoever asks for it.

use crate::spiking::network::description::Memory;
use kernel::prelude::*;

/// Charged, and silent when it fails: programs choose the sizes.
const FLAGS: kernel::alloc::Flags = GFP_KERNEL_ACCOUNT;

/// `vmalloc()` as the arithmetic sees it.
pub(super) enum Vmalloc {}

impl Memory for Vmalloc {
    type Of<T: Copy + 'static> = VVec<T>;
}

/// A table of `len` times `initial`. May sleep.
pub(super) fn table<T: Copy>(initial: T, len: usize) -> Result<VVec<T>> {
    Ok(VVec::from_elem(initial, len, FLAGS | __GFP_NOWARN)?)
}
