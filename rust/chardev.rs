// SPDX-License-Identifier: GPL-2.0

//! A character device with `poll` and `read`, which `kernel::miscdevice` lacks.
//!
//! Process context, no lock of the module's held; the operations of a file may run
//! at the same time.
//!
//! C headers: [`include/linux/miscdevice.h`](srctree/include/linux/miscdevice.h),
//! [`include/linux/fs.h`](srctree/include/linux/fs.h)

use core::marker::PhantomData;
use kernel::{
    bindings,
    error::to_result,
    ffi::{c_char, c_int, c_long, c_uint, c_ulong},
    fs::{file, File, LocalFile},
    mm::virt::VmaNew,
    module::this_module,
    prelude::*,
    seq_file::SeqFile,
    sync::poll::PollTable,
    types::{ForeignOwnable, Opaque},
    uaccess::{UserPtr, UserSlice, UserSliceWriter},
};

/// What `poll` reports of a file that has no `poll` of its own: always ready.
pub(crate) const ALWAYS_READY: u32 =
    bindings::POLLIN | bindings::POLLOUT | bindings::POLLRDNORM | bindings::POLLWRNORM;
/// There is something to read.
pub(crate) const READABLE: u32 = bindings::POLLIN | bindings::POLLRDNORM;
/// There is something to take that `read` does not give.
pub(crate) const PRIORITY: u32 = bindings::POLLPRI;
/// There is room to write.
pub(crate) const WRITABLE: u32 = bindings::POLLOUT | bindings::POLLWRNORM;

/// An open file of the device. All operations run in process context and may
/// sleep.
pub(crate) trait OpenFile: Send + Sync + Sized + 'static {
    /// Called when the device is opened.
    fn open(file: &File) -> Result<KBox<Self>>;

    /// Called when a process closes a descriptor of the file, also because it dies.
    fn flush(&self);

    /// Called when the last reference to the file is gone, before it is dropped.
    fn release(&self);

    /// An ioctl of a 64-bit program.
    fn ioctl(&self, cmd: u32, arg: usize) -> Result;

    /// An ioctl of a 32-bit program.
    #[cfg(CONFIG_COMPAT)]
    fn compat_ioctl(&self, cmd: u32, arg: usize) -> Result;

    /// Reads into `to`, which waits unless `nonblocking`; returns how many
    /// bytes.
    fn read(&self, nonblocking: bool, to: UserSliceWriter) -> Result<usize>;

    /// Registers with `table` whatever wakes a poller, and says what is ready.
    fn poll(&self, file: &File, table: PollTable<'_>) -> u32;

    /// Maps memory into `vma`; `offset` is in bytes.
    fn mmap(&self, vma: &VmaNew, offset: u64) -> Result;

    /// Adds lines to `/proc/PID/fdinfo/FD`.
    fn show_fdinfo(&self, to: &SeqFile);
}

/// A registered device node.
///
/// # Invariants
///
/// `inner` is registered with `misc_register()` until it is dropped, and does
/// not move.
#[pin_data(PinnedDrop)]
pub(crate) struct Registration<T> {
    #[pin]
    inner: Opaque<bindings::miscdevice>,
    _device: PhantomData<T>,
}

// SAFETY: A device may be deregistered by another thread than registered it.
unsafe impl<T> Send for Registration<T> {}
// SAFETY: There are no operations on a shared registration.
unsafe impl<T> Sync for Registration<T> {}

impl<T: OpenFile> Registration<T> {
    /// Makes the node `/dev/<name>`.
    pub(crate) fn register(name: &'static CStr) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            inner <- Opaque::try_ffi_init(move |slot: *mut bindings::miscdevice| {
                let mut device: bindings::miscdevice = pin_init::zeroed();
                device.minor = bindings::MISC_DYNAMIC_MINOR as c_int;
                device.name = name.as_char_ptr();
                device.fops = Table::<T>::OPERATIONS;
                // SAFETY: The slot is valid for a write.
                unsafe { slot.write(device) };
                // SAFETY: The slot holds a device with a name and operations
                // that live as long as the module; it is pinned, and is
                // deregistered before its memory goes.
                to_result(unsafe { bindings::misc_register(slot) })
            }),
            _device: PhantomData,
        })
    }
}

#[pinned_drop]
impl<T> PinnedDrop for Registration<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: The device is registered by the type invariant.
        unsafe { bindings::misc_deregister(self.inner.get()) };
    }
}

/// The operations of `T` as the kernel calls them.
///
/// The functions are called by the kernel only, with a file of this device:
/// after `open` and until `release` its private data is what `open` put there.
struct Table<T>(PhantomData<T>);

impl<T: OpenFile> Table<T> {
    const OPERATIONS: &'static bindings::file_operations = &bindings::file_operations {
        owner: this_module::<crate::LocalModule>().as_ptr(),
        open: Some(Self::open),
        flush: Some(Self::flush),
        release: Some(Self::release),
        read: Some(Self::read),
        poll: Some(Self::poll),
        mmap: Some(Self::mmap),
        unlocked_ioctl: Some(Self::ioctl),
        #[cfg(CONFIG_COMPAT)]
        compat_ioctl: Some(Self::compat_ioctl),
        show_fdinfo: Some(Self::show_fdinfo),
        ..pin_init::zeroed()
    };

    /// The object of `file`.
    ///
    /// # Safety
    ///
    /// `file` is an open file of this device, and stays so for `'a`.
    unsafe fn object<'a>(file: *mut bindings::file) -> &'a T {
        // SAFETY: The file is valid.
        let private = unsafe { (*file).private_data };
        // SAFETY: `open` put the pointer there and `release` has not run.
        unsafe { <KBox<T> as ForeignOwnable>::borrow(private) }
    }

    /// # Safety
    ///
    /// `inode` and `file` belong to a file of this device that is being opened.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: The caller's promise.
        let status = unsafe { bindings::nonseekable_open(inode, file) };
        if status != 0 {
            return status;
        }
        // SAFETY: The file is valid during the call and not shared yet.
        match T::open(unsafe { File::from_raw_file(file) }) {
            Ok(object) => {
                // SAFETY: A file that is being opened is ours alone.
                unsafe { (*file).private_data = object.into_foreign() };
                0
            }
            Err(error) => error.to_errno(),
        }
    }

    /// # Safety
    ///
    /// `file` is an open file of this device.
    unsafe extern "C" fn flush(file: *mut bindings::file, _owner: bindings::fl_owner_t) -> c_int {
        // SAFETY: The file is open during the call.
        unsafe { Self::object(file) }.flush();
        0
    }

    /// # Safety
    ///
    /// `file` is a file of this device that nobody uses any more.
    unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: The file is valid.
        let private = unsafe { (*file).private_data };
        // SAFETY: `open` put the pointer there, and nobody borrows it any more.
        let this = unsafe { <KBox<T> as ForeignOwnable>::from_foreign(private) };
        this.release();
        0
    }

    /// # Safety
    ///
    /// `file` is an open file of this device; the rest is not trusted.
    unsafe extern "C" fn read(
        file: *mut bindings::file,
        buffer: *mut c_char,
        len: usize,
        _offset: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: The file is open during the call.
        let this = unsafe { Self::object(file) };
        // SAFETY: As above. A section of `fdget_pos` may be active, which a
        // `LocalFile` allows.
        let flags = unsafe { LocalFile::from_raw_file(file) }.flags();
        let nonblocking = flags & file::flags::O_NONBLOCK != 0;
        let to = UserSlice::new(UserPtr::from_addr(buffer as usize), len).writer();
        match this.read(nonblocking, to) {
            Ok(count) => count as isize,
            Err(error) => error.to_errno() as isize,
        }
    }

    /// # Safety
    ///
    /// `file` is an open file of this device, `table` null or a valid table.
    unsafe extern "C" fn poll(
        file: *mut bindings::file,
        table: *mut bindings::poll_table,
    ) -> bindings::__poll_t {
        // SAFETY: The file is open during the call.
        let this = unsafe { Self::object(file) };
        // SAFETY: As above.
        let file = unsafe { File::from_raw_file(file) };
        // SAFETY: The caller's promise.
        this.poll(file, unsafe { PollTable::from_raw(table) })
    }

    /// # Safety
    ///
    /// `file` is an open file of this device, `vma` an area that is being set up.
    unsafe extern "C" fn mmap(
        file: *mut bindings::file,
        vma: *mut bindings::vm_area_struct,
    ) -> c_int {
        // SAFETY: The file is open during the call.
        let this = unsafe { Self::object(file) };
        // SAFETY: The area is valid.
        let offset = unsafe { (*vma).vm_pgoff } as u64;
        // SAFETY: The caller's promise.
        let vma = unsafe { VmaNew::from_raw(vma) };
        // Cannot overflow: the kernel checked the offset in bytes.
        let offset = offset.wrapping_mul(kernel::page::PAGE_SIZE as u64);
        this.mmap(vma, offset)
            .map_or_else(|error| error.to_errno(), |()| 0)
    }

    /// # Safety
    ///
    /// `file` is an open file of this device.
    unsafe extern "C" fn ioctl(file: *mut bindings::file, cmd: c_uint, arg: c_ulong) -> c_long {
        // SAFETY: The file is open during the call.
        let this = unsafe { Self::object(file) };
        this.ioctl(cmd, arg)
            .map_or_else(|error| error.to_errno() as c_long, |()| 0)
    }

    /// # Safety
    ///
    /// `file` is an open file of this device.
    #[cfg(CONFIG_COMPAT)]
    unsafe extern "C" fn compat_ioctl(
        file: *mut bindings::file,
        cmd: c_uint,
        arg: c_ulong,
    ) -> c_long {
        // SAFETY: The file is open during the call.
        let this = unsafe { Self::object(file) };
        // The upper half of the register belongs to nobody.
        let arg = arg & u32::MAX as usize;
        this.compat_ioctl(cmd, arg)
            .map_or_else(|error| error.to_errno() as c_long, |()| 0)
    }

    /// # Safety
    ///
    /// `file` is an open file of this device, `to` valid and nobody else's.
    unsafe extern "C" fn show_fdinfo(to: *mut bindings::seq_file, file: *mut bindings::file) {
        // SAFETY: The file is open during the call.
        let this = unsafe { Self::object(file) };
        // SAFETY: The caller's promise.
        this.show_fdinfo(unsafe { SeqFile::from_raw(to) });
    }
}
