// SPDX-License-Identifier: GPL-2.0

//! Vectors of a size that a program chooses.
//!
//! They lie in virtually contiguous memory that is charged to the memory cgroup
//! of whoever allocates them. An allocation that does not fit under the limit
//! of the group, or into the machine, fails: unlike one of `GFP_KERNEL` it does
//! not have a process killed to make room.
//!
//! C header: [`include/linux/vmalloc.h`](srctree/include/linux/vmalloc.h)

use core::{alloc::Layout, ptr::NonNull};
use kernel::{
    alloc::{AllocError, Allocator, Flags, NumaNode},
    bindings,
    ffi::{c_int, c_ulong, c_void},
    page::PAGE_SIZE,
    prelude::*,
};

/// `vmalloc()` with the flags that are meant here, whatever the caller gives;
/// of those only `__GFP_ZERO` counts.
pub(crate) struct Charged;

/// A vector in such memory.
pub(crate) type ChargedVec<T> = Vec<T, Charged>;

impl Charged {
    /// Charged, silent when it fails, and without the killer of processes.
    const FLAGS: u32 = bindings::GFP_KERNEL_ACCOUNT
        | bindings::__GFP_NOWARN
        | 1 << bindings::___GFP_RETRY_MAYFAIL_BIT;
}

// SAFETY: `vrealloc()` keeps memory valid until it is freed, takes what it
// returned before, and has the guarantees of `realloc`.
unsafe impl Allocator for Charged {
    const MIN_ALIGN: usize = PAGE_SIZE;

    #[inline]
    unsafe fn realloc(
        ptr: Option<NonNull<u8>>,
        layout: Layout,
        old_layout: Layout,
        flags: Flags,
        _node: NumaNode,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // What has no size is not allocated, but has an address.
        let old = match ptr {
            Some(old) if old_layout.size() != 0 => old.as_ptr(),
            _ => core::ptr::null_mut(),
        };
        let zero = match flags.contains(__GFP_ZERO) {
            true => bindings::__GFP_ZERO,
            false => 0,
        };
        // SAFETY: The pointer is null or one that this function returned and
        // that is not freed, by the caller's promise. No size frees it.
        let new = unsafe {
            bindings::vrealloc_node_align(
                old.cast::<c_void>(),
                layout.size(),
                layout.align() as c_ulong,
                Self::FLAGS | zero,
                bindings::NUMA_NO_NODE as c_int,
            )
        };
        let new = match layout.size() {
            0 => core::ptr::null_mut::<u8>().wrapping_add(layout.align()),
            _ => new.cast::<u8>(),
        };
        let new = NonNull::new(new).ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(new, layout.size()))
    }
}
