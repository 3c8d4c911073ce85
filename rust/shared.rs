// SPDX-License-Identifier: GPL-2.0

//! Memory that the module shares with a program.
//!
//! The program may write to it at any time, so the module sees it as atomic
//! words: what it reads is some value, never undefined behaviour. It is charged
//! to the memory cgroup of whoever allocates it.
//!
//! Words may be read and written in any context, without a lock; allocation and
//! mapping take process context.

use super::charged::ChargedVec;
use kernel::{
    bindings,
    error::to_result,
    ffi::c_void,
    mm::virt::{flags, VmaNew},
    page::PAGE_SIZE,
    prelude::*,
    sync::atomic::{Acquire, Atomic, Relaxed, Release},
};

/// Bytes of a word.
const WORD: usize = 4;

/// Whole pages of words, zero at first.
///
/// # Invariants
///
/// The vector is as long as its capacity, whole pages.
pub(crate) struct SharedMemory(ChargedVec<Atomic<u32>>);

impl SharedMemory {
    /// Allocates at least `bytes`. May sleep.
    pub(crate) fn new(bytes: usize) -> Result<Self> {
        let bytes = bytes.checked_next_multiple_of(PAGE_SIZE).ok_or(EINVAL)?;
        let words = bytes / WORD;
        let mut memory = ChargedVec::with_capacity(words, GFP_KERNEL | __GFP_ZERO)?;
        // SAFETY: There is room for so many words, all of them zero, which is a
        // word.
        unsafe { memory.inc_len(words) };
        // INVARIANT: Just filled.
        Ok(Self(memory))
    }

    /// Bytes of it.
    pub(crate) fn bytes(&self) -> usize {
        self.0.len() * WORD
    }

    /// Word `index`; 0 beyond the end.
    #[inline]
    pub(crate) fn load(&self, index: usize) -> u32 {
        self.0.get(index).map_or(0, |word| word.load(Relaxed))
    }

    /// Word `index`, ordered before what is read next.
    #[inline]
    pub(crate) fn load_acquire(&self, index: usize) -> u32 {
        self.0.get(index).map_or(0, |word| word.load(Acquire))
    }

    /// Sets word `index`, if there is one.
    #[inline]
    pub(crate) fn store(&self, index: usize, value: u32) {
        if let Some(word) = self.0.get(index) {
            word.store(value, Relaxed);
        }
    }

    /// Sets word `index`, ordered after what was written before.
    #[inline]
    pub(crate) fn store_release(&self, index: usize, value: u32) {
        if let Some(word) = self.0.get(index) {
            word.store(value, Release);
        }
    }

    /// Reads the words from `first` on; nothing if they are not all there.
    #[inline]
    pub(crate) fn load_all(&self, first: usize, to: &mut [u32]) {
        if let Some(words) = self.0.get(first..first + to.len()) {
            for (to, word) in to.iter_mut().zip(words) {
                *to = word.load(Relaxed);
            }
        }
    }

    /// Sets the words from `first` on; nothing if they are not all there.
    #[inline]
    pub(crate) fn store_all(&self, first: usize, from: &[u32]) {
        if let Some(words) = self.0.get(first..first + from.len()) {
            for (word, &from) in words.iter().zip(from) {
                word.store(from, Relaxed);
            }
        }
    }

    /// Maps all of it, or its beginning, into `vma`.
    ///
    /// `EINVAL` for a private or executable mapping, or one longer than the
    /// memory. The mapping holds the pages for itself.
    pub(crate) fn map(&self, vma: &VmaNew) -> Result {
        let len = vma.end() - vma.start();
        if vma.flags() & flags::SHARED == 0 || len > self.bytes() {
            return Err(EINVAL);
        }
        vma.try_clear_mayexec()?;
        vma.set_dontexpand();
        vma.set_dontcopy();
        vma.set_dontdump();
        vma.set_mixedmap();
        for offset in (0..len).step_by(PAGE_SIZE) {
            let word = &raw const self.0[offset / WORD];
            // SAFETY: The address lies in memory of `vmalloc()`.
            let page = unsafe { bindings::vmalloc_to_page(word.cast::<c_void>()) };
            // SAFETY: The area is being set up and `set_mixedmap` was called;
            // the address lies within it; the page is an allocated one.
            to_result(unsafe {
                bindings::vm_insert_page(vma.as_ptr(), vma.start() + offset, page)
            })?;
        }
        Ok(())
    }
}
