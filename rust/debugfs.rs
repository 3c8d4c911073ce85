// SPDX-License-Identifier: GPL-2.0

//! Files in debugfs that keep their module.
//!
//! The operations that `kernel::debugfs` makes have no owner, so that a file
//! that is open while the module goes is released by code that is gone. Those
//! here have one.
//!
//! Process context: removal sleeps until nobody shows the file. To be dropped
//! with no lock held that showing it takes.
//!
//! C header: [`include/linux/debugfs.h`](srctree/include/linux/debugfs.h)

use core::{marker::PhantomData, ptr::null_mut};
use kernel::{
    bindings,
    ffi::{c_int, c_void},
    module::this_module,
    prelude::*,
    seq_file::SeqFile,
    sync::Arc,
    types::ForeignOwnable,
};

/// A folder. It goes with the last reference, and what is in it holds one: an
/// entry that went with the folder above it could not be removed again.
///
/// # Invariants
///
/// The entry is what `debugfs_create_dir()` returned: a folder of ours, or an
/// error, which every function of debugfs takes and ignores.
pub(crate) struct Folder {
    entry: *mut bindings::dentry,
    _above: Option<Arc<Folder>>,
}

// SAFETY: An entry of debugfs belongs to no thread.
unsafe impl Send for Folder {}
// SAFETY: Debugfs locks on the C side.
unsafe impl Sync for Folder {}

impl Folder {
    /// A folder at the root of debugfs.
    pub(crate) fn new(name: &CStr) -> Result<Arc<Self>> {
        // SAFETY: The name is copied; no parent stands for the root.
        let entry = unsafe { bindings::debugfs_create_dir(name.as_char_ptr(), null_mut()) };
        // INVARIANT: Just so.
        let folder = Self {
            entry,
            _above: None,
        };
        Ok(Arc::new(folder, GFP_KERNEL)?)
    }

    /// A folder in this one.
    pub(crate) fn subfolder(self: &Arc<Self>, name: &CStr) -> Result<Arc<Self>> {
        // SAFETY: The name is copied; the parent is valid by the invariant.
        let entry = unsafe { bindings::debugfs_create_dir(name.as_char_ptr(), self.entry) };
        // INVARIANT: Just so.
        let folder = Self {
            entry,
            _above: Some(self.clone()),
        };
        Ok(Arc::new(folder, GFP_KERNEL)?)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // SAFETY: The entry is ours by the invariant, and the one above is there.
        unsafe { bindings::debugfs_remove(self.entry) };
    }
}

/// What a file shows.
pub(crate) trait Show: Send + Sync + 'static {
    /// Writes the content. Process context.
    fn show(&self, to: &SeqFile);
}

/// A file that has to do with `T`; it goes when it is dropped.
///
/// # Invariants
///
/// The entry is what `debugfs_create_file_full()` returned, and its data a
/// foreign reference to `T`.
pub(super) struct Entry<T: Send + Sync + 'static> {
    entry: *mut bindings::dentry,
    data: *mut c_void,
    _folder: Arc<Folder>,
    _kept: PhantomData<Arc<T>>,
}

// SAFETY: An entry of debugfs belongs to no thread, nor does what it keeps.
unsafe impl<T: Send + Sync> Send for Entry<T> {}
// SAFETY: Debugfs locks on the C side; what it keeps is `Sync`.
unsafe impl<T: Send + Sync> Sync for Entry<T> {}

impl<T: Send + Sync> Entry<T> {
    /// A file in `folder` for root, of mode `mode`. It is missing where debugfs is.
    ///
    /// `operations` may take the file's data for a foreign reference to `T`; they
    /// have this module as their owner.
    pub(super) fn new(
        folder: &Arc<Folder>,
        name: &CStr,
        mode: u16,
        operations: &'static bindings::file_operations,
        kept: Arc<T>,
    ) -> Self {
        let data = kept.into_foreign().cast::<c_void>();
        // SAFETY: The name is copied, the folder valid, and the operations live
        // as long as the module, which a file that is open keeps. The data
        // lives until the entry has been removed.
        let entry = unsafe {
            bindings::debugfs_create_file_full(
                name.as_char_ptr(),
                mode,
                folder.entry,
                data,
                core::ptr::null(),
                operations,
            )
        };
        // INVARIANT: Just so.
        Self {
            entry,
            data,
            _folder: folder.clone(),
            _kept: PhantomData,
        }
    }
}

impl<T: Send + Sync> Drop for Entry<T> {
    fn drop(&mut self) {
        // SAFETY: The entry is ours by the invariant.
        unsafe { bindings::debugfs_remove(self.entry) };
        // SAFETY: The data is a reference of ours, and nobody uses it any more.
        drop(unsafe { <Arc<T> as ForeignOwnable>::from_foreign(self.data.cast()) });
    }
}

/// A file that shows `T`; it goes when it is dropped.
pub(crate) struct File<T: Show>(#[expect(dead_code)] Entry<T>);

impl<T: Show> File<T> {
    const OPERATIONS: &'static bindings::file_operations = &bindings::file_operations {
        owner: this_module::<crate::LocalModule>().as_ptr(),
        open: Some(Self::open),
        read: Some(bindings::seq_read),
        llseek: Some(bindings::seq_lseek),
        release: Some(bindings::single_release),
        ..pin_init::zeroed()
    };

    /// A file in `folder` that root may read. It is missing where debugfs is.
    pub(crate) fn new(folder: &Arc<Folder>, name: &CStr, shown: Arc<T>) -> Self {
        Self(Entry::new(folder, name, 0o400, Self::OPERATIONS, shown))
    }

    /// # Safety
    ///
    /// Called by debugfs for a file of these operations, whose entry is there.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: The inode is valid; debugfs keeps the data there.
        let data = unsafe { (*inode).i_private };
        // SAFETY: The file is valid and being opened.
        unsafe { bindings::single_open(file, Some(Self::show), data) }
    }

    /// # Safety
    ///
    /// Called by `seq_read()` of a file that `open` opened. Debugfs does not
    /// call it once the entry is being removed, and removal waits for it.
    unsafe extern "C" fn show(to: *mut bindings::seq_file, _: *mut c_void) -> c_int {
        // SAFETY: `single_open()` put the data there.
        let data = unsafe { (*to).private };
        // SAFETY: The reference is valid until after removal.
        let shown = unsafe { <Arc<T> as ForeignOwnable>::borrow(data.cast()) };
        // SAFETY: The caller's promise.
        shown.show(unsafe { SeqFile::from_raw(to) });
        0
    }
}
