// SPDX-License-Identifier: GPL-2.0

//! Read-only files of a device in sysfs.
//!
//! Process context. Removal waits until nobody shows a file, so [`Files`] are to
//! be dropped with no lock held that showing takes.
//!
//! C headers: [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h),
//! [`include/linux/device.h`](srctree/include/linux/device.h)

use super::device::as_raw;
use core::{fmt, ptr::null};
use kernel::{
    device::{Bound, Device},
    error::from_err_ptr,
    ffi::{c_char, c_void},
    prelude::*,
    sync::Arc,
};

/// What files show.
pub(crate) trait Show: Send + Sync + 'static {
    /// The names of the files, of which there is at least one.
    const NAMES: &'static [&'static CStr];

    /// Writes the content of the file `NAMES[index]`: by custom one value and an
    /// end of line. Process context; two files, or one twice, may be shown at a
    /// time.
    fn show(&self, index: usize, to: &mut Page<'_>) -> Result;
}

/// What a file is written into, by `write!`: one page less a byte. More is an
/// error, which `?` makes `EINVAL`.
pub(crate) struct Page<'a> {
    left: &'a mut [u8],
    written: usize,
}

impl<'a> Page<'a> {
    fn new(memory: &'a mut [u8]) -> Self {
        Self {
            left: memory,
            written: 0,
        }
    }
}

impl fmt::Write for Page<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = core::mem::take(&mut self.left);
        let (place, rest) = left.split_at_mut_checked(text.len()).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.left = rest;
        self.written += text.len();
        Ok(())
    }
}

type ShowFunction = unsafe extern "C" fn(*const c_void, u32, *mut u8, usize) -> isize;

extern "C" {
    fn lightos_attributes_add(
        device: *mut c_void,
        folder: *const c_char,
        names: *const *const c_char,
        count: u32,
        show: ShowFunction,
        data: *const c_void,
    ) -> *mut c_void;
    fn lightos_attributes_remove(attributes: *mut c_void);
}

/// The files of `T`; they go when it is dropped, which waits for readers.
///
/// It holds a reference to what is shown: whoever owns it is not to be owned by
/// that.
///
/// # Invariants
///
/// The pointer is what `lightos_attributes_add()` returned.
pub(crate) struct Files<T: Show> {
    attributes: *mut c_void,
    _shown: Arc<T>,
}

// SAFETY: Files may be removed by another thread than added them.
unsafe impl<T: Show> Send for Files<T> {}
// SAFETY: There are no operations on shared files.
unsafe impl<T: Show> Sync for Files<T> {}

impl<T: Show> Files<T> {
    /// Files in the folder `folder` of `device`, or right in its own without one.
    /// `EEXIST` if something of that name is there. To be dropped before the
    /// device goes, or with it.
    pub(crate) fn new(
        device: &Device<Bound>,
        folder: Option<&'static CStr>,
        shown: Arc<T>,
    ) -> Result<Self> {
        let names = names::<T>()?;
        // SAFETY: The device is valid and registered; there are as many names as
        // it says, which are copied; the strings and, through the reference kept
        // below, what is shown outlive the files.
        let attributes = from_err_ptr(unsafe {
            lightos_attributes_add(
                as_raw(device).cast(),
                folder.map_or(null(), |folder| folder.as_char_ptr()),
                names.as_ptr(),
                u32::try_from(names.len())?,
                show::<T>,
                Arc::as_ptr(&shown).cast(),
            )
        })?;
        // INVARIANT: Just so.
        Ok(Self {
            attributes,
            _shown: shown,
        })
    }
}

impl<T: Show> Drop for Files<T> {
    fn drop(&mut self) {
        // SAFETY: The files are ours by the type invariant.
        unsafe { lightos_attributes_remove(self.attributes) };
    }
}

/// The names of the files of `T` as C has them.
fn names<T: Show>() -> Result<KVec<*const c_char>> {
    let mut names = KVec::with_capacity(T::NAMES.len(), GFP_KERNEL)?;
    for name in T::NAMES {
        names.push(name.as_char_ptr(), GFP_KERNEL)?;
    }
    Ok(names)
}

/// # Safety
///
/// `data` is a valid `T`, and `page` points to `size` bytes that are initialised
/// and nobody else's.
unsafe extern "C" fn show<T: Show>(
    data: *const c_void,
    index: u32,
    page: *mut u8,
    size: usize,
) -> isize {
    // SAFETY: The caller's promise.
    let shown = unsafe { &*data.cast::<T>() };
    // SAFETY: The caller's promise.
    let mut page = Page::new(unsafe { core::slice::from_raw_parts_mut(page, size) });
    match shown.show(index as usize, &mut page) {
        Ok(()) => page.written as isize,
        Err(error) => error.to_errno() as isize,
    }
}
