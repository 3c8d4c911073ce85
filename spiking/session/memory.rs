// SPDX-License-Identifier: GPL-2.0

//! Where the tables of networks live: memory charged to whoever asks for it.
//!
//! Process context: an allocation may sleep.

pub(super) use crate::rust::charged::table;
use crate::{rust::charged::ChargedVec, spiking::network::description::Memory};

/// Charged memory as the arithmetic sees it.
pub(super) enum Vmalloc {}

impl Memory for Vmalloc {
    type Of<T: Copy + 'static> = ChargedVec<T>;
}
