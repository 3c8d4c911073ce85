// SPDX-License-Identifier: GPL-2.0

//! The mapping of a ring: shared memory as slices of atomics.

use std::ffi::c_void;
use std::os::fd::BorrowedFd;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicU32, AtomicU64};

use rustix::mm::{mmap, munmap, MapFlags, ProtFlags};

use crate::ring::{Memory, HEADER_WORDS};
use crate::sys::{ring_offset, RING_RECORDS};

/// A ring of the module, mapped. It stays valid when the file is closed or the
/// rings are made anew; nobody is at the other end then.
#[derive(Debug)]
pub struct Mapping {
    base: NonNull<c_void>,
    /// Bytes of the records.
    records: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread, and is reached
// through atomics only.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps ring number `ring` of `file`, whose records take `records` bytes.
    pub(crate) fn new(file: BorrowedFd<'_>, ring: u32, records: usize) -> rustix::io::Result<Self> {
        let length = RING_RECORDS as usize + records;
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the kernel chooses an address that nothing uses.
        let base = unsafe {
            mmap(
                ptr::null_mut(),
                length,
                access,
                MapFlags::SHARED,
                file,
                ring_offset(ring),
            )
        }?;
        let base = NonNull::new(base).ok_or(rustix::io::Errno::NOMEM)?;
        Ok(Self { base, records })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let length = RING_RECORDS as usize + self.records;
        // SAFETY: the mapping that new() made; slices of it borrow self. An error
        // would mean that it is not there, and nothing is left to do.
        let _ = unsafe { munmap(self.base.as_ptr(), length) };
    }
}

impl Memory for Mapping {
    fn header(&self) -> &[AtomicU32] {
        let base = self.base.as_ptr().cast::<AtomicU32>();
        // SAFETY: the first page of the mapping, aligned to it. All access to it
        // by this process is atomic and of this size; the module's is
        // outside of the rules of this language, which is what atomics are for.
        unsafe { slice::from_raw_parts(base, HEADER_WORDS) }
    }

    fn records(&self) -> &[AtomicU64] {
        let base = self.base.as_ptr().cast::<u8>();
        // SAFETY: within the mapping, which is longer.
        let records = unsafe { base.add(RING_RECORDS as usize) };
        // SAFETY: whole words up to the end of the mapping, aligned to a page; as
        // for the header.
        unsafe { slice::from_raw_parts(records.cast::<AtomicU64>(), self.records / 8) }
    }
}
