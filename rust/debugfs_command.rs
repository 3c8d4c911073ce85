// SPDX-License-Identifier: GPL-2.0

//! Files in debugfs that take commands, for builds that can break things on purpose.
//!
//! Process context: removal sleeps until nobody writes to the file. To be dropped with no lock
//! held that a command takes.
//!
//! C header: [`include/linux/debugfs.h`](srctree/include/linux/debugfs.h)

use super::debugfs::{Entry, Folder};
use kernel::{
    bindings,
    ffi::c_char,
    module::this_module,
    prelude::*,
    sync::Arc,
    types::ForeignOwnable,
    uaccess::{UserPtr, UserSlice},
};

/// Bytes of a line that a file takes, at most.
const LINE: usize = 80;

/// What a file takes.
pub(crate) trait Command: Send + Sync + 'static {
    /// Carries out a line that was written, its end of line cut off. Process context.
    fn command(&self, line: &str) -> Result;
}

/// A file that takes commands for `T`; it goes when it is dropped.
pub(crate) struct CommandFile<T: Command>(#[expect(dead_code)] Entry<T>);

impl<T: Command> CommandFile<T> {
    const OPERATIONS: &'static bindings::file_operations = &bindings::file_operations {
        owner: this_module::<crate::LocalModule>().as_ptr(),
        open: Some(bindings::simple_open),
        write: Some(Self::write),
        ..pin_init::zeroed()
    };

    /// A file in `folder` that root may write, a line at a time. It is missing where debugfs is.
    pub(crate) fn new(folder: &Arc<Folder>, name: &CStr, taker: Arc<T>) -> Self {
        Self(Entry::new(folder, name, 0o200, Self::OPERATIONS, taker))
    }

    /// # Safety
    ///
    /// Called by debugfs for an open file of these operations, whose entry is there: removal
    /// waits for it.
    unsafe extern "C" fn write(
        file: *mut bindings::file,
        buffer: *const c_char,
        len: usize,
        _offset: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: `simple_open()` put the data there.
        let data = unsafe { (*file).private_data };
        // SAFETY: The reference is valid until after removal.
        let taker = unsafe { <Arc<T> as ForeignOwnable>::borrow(data.cast()) };
        match Self::take(&taker, buffer as usize, len) {
            Ok(()) => len as isize,
            Err(error) => error.to_errno() as isize,
        }
    }

    fn take(taker: &T, address: usize, len: usize) -> Result {
        let mut line = [0; LINE];
        let line = line.get_mut(..len).ok_or(EINVAL)?;
        UserSlice::new(UserPtr::from_addr(address), len)
            .reader()
            .read_slice(line)?;
        let line = core::str::from_utf8(line).map_err(|_| EINVAL)?;
        taker.command(line.trim_end())
    }
}
