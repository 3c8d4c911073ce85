// SPDX-License-Identifier: GPL-2.0

//! Indices of a ring with one producer and one consumer.
//!
//! Both indices count records, modulo 2^32; the difference is what lies in the ring. One of them
//! may belong to a program that means harm: what these functions return is within bounds whatever
//! the indices say.
//!
//! Pure functions: any context, no lock.

/// Records that wait between `tail` and `head` in a ring of `entries`; none where the indices are
/// further apart than the ring is long.
#[inline]
pub const fn waiting(head: u32, tail: u32, entries: u32) -> u32 {
    let distance = head.wrapping_sub(tail);
    if distance > entries {
        0
    } else {
        distance
    }
}

/// Records that the ring has room for; none where the indices are further apart than it is long.
#[inline]
pub const fn room(head: u32, tail: u32, entries: u32) -> u32 {
    entries.saturating_sub(head.wrapping_sub(tail))
}

/// Where record `index` lies in a ring of `entries`, a power of two.
#[inline]
pub const fn place(index: u32, entries: u32) -> usize {
    (index & entries.wrapping_sub(1)) as usize
}
