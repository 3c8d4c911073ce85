// SPDX-License-Identifier: GPL-2.0

//! Where the tables of networks live: virtually contiguous memory that is
//! charged to the memory cgroup of whoever asks for it.

use crate::{rust::charged::ChargedVec, spiking::network::description::Memory};
use kernel::prelude::*;

/// `vmalloc()` as the arithmetic sees it.
pub(super) enum Vmalloc {}

impl Memory for Vmalloc {
    type Of<T: Copy + 'static> = ChargedVec<T>;
}

/// A table of `len` times `initial`. May sleep.
pub(super) fn table<T: Copy>(initial: T, len: usize) -> Result<ChargedVec<T>> {
    Ok(ChargedVec::from_elem(initial, len, GFP_KERNEL)?)
}
