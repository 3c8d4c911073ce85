// SPDX-License-Identifier: GPL-2.0

//! Memory whose size a program chooses.
//!
//! Virtually contiguous, charged to the memory cgroup of whoever asks, and
//! refused where it does not fit: unlike `GFP_KERNEL_ACCOUNT` alone, a request
//! that is too big wakes no OOM killer and prints nothing.
//!
//! Process context: an allocation may sleep. No lock.

use core::{alloc::Layout, ptr::NonNull};
use kernel::{
    alloc::{AllocError, Allocator, Flags, NumaNode, Vec},
    bindings,
    prelude::*,
};

/// A vector in such memory.
pub(crate) type ChargedVec<T> = Vec<T, Charged>;

/// The allocator. Of the flags that it is given `__GFP_ZERO` alone counts: those
/// of this file are the point of it. May sleep.
pub(crate) struct Charged;

const FLAGS: u32 =
    bindings::GFP_KERNEL_ACCOUNT | bindings::__GFP_NOWARN | 1 << bindings::___GFP_RETRY_MAYFAIL_BIT;

// SAFETY: Memory of `vrealloc()` stays until it is freed, which happens here
// for a size of 0 only; passing on a pointer of it is allowed; and it keeps the
// content up to the lesser size.
unsafe impl Allocator for Charged {
    const MIN_ALIGN: usize = kernel::page::PAGE_SIZE;

    unsafe fn realloc(
        ptr: Option<NonNull<u8>>,
        layout: Layout,
        old_layout: Layout,
        flags: Flags,
        nid: NumaNode,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let old = match ptr {
            Some(ptr) if old_layout.size() > 0 => ptr.as_ptr(),
            _ => core::ptr::null_mut(),
        };
        let (size, align) = (layout.size(), layout.align());
        let zero = match flags.contains(__GFP_ZERO) {
            true => bindings::__GFP_ZERO,
            false => 0,
        };
        // SAFETY: `old` is null or memory that this allocator returned.
        let new = unsafe {
            bindings::vrealloc_node_align(old.cast(), size, align, FLAGS | zero, node_number(nid))
        };
        let new = match size {
            // No memory: a pointer that is aligned and never looked behind.
            0 => NonNull::new(core::ptr::without_provenance_mut(align)),
            _ => NonNull::new(new.cast()),
        };
        Ok(NonNull::slice_from_raw_parts(new.ok_or(AllocError)?, size))
    }
}

/// The number of a node. The crate keeps it to itself, and nobody here asks for
/// another than any.
fn node_number(_nid: NumaNode) -> i32 {
    bindings::NUMA_NO_NODE
}

/// A vector of `len` times `initial`. `ENOMEM`.
pub(crate) fn table<T: Copy>(initial: T, len: usize) -> Result<ChargedVec<T>> {
    Ok(ChargedVec::from_elem(initial, len, GFP_KERNEL)?)
}
