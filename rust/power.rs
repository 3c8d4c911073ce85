// SPDX-License-Identifier: GPL-2.0

//! Being told before the system sleeps or ends.
//!
//! A panic is not announced: it must be safe without software. A kernel that
//! cannot sleep never says so.
//!
//! Process context. The kernel holds the lock of a chain of notifiers around each
//! call, and takes it to drop a [`Registration`]: which is to be done neither
//! within a call, nor with a lock held that a call takes.
//!
//! C headers: [`include/linux/suspend.h`](srctree/include/linux/suspend.h),
//! [`include/linux/reboot.h`](srctree/include/linux/reboot.h)

use core::marker::PhantomData;
use kernel::{error::from_err_ptr, ffi::c_void, prelude::*, sync::Arc};

/// What is done then. May sleep; all wait for it.
pub(crate) trait Transitions: Send + Sync + 'static {
    /// Before suspend, hibernation, or the return to a hibernated system.
    /// Programs still run, and do until a little later.
    fn suspend(&self);

    /// After it, or instead of it where somebody else stood against it. Comes
    /// after `suspend` only.
    fn resume(&self);

    /// Before restart, halt, power off or kexec. Nothing comes after it.
    fn shut_down(&self);
}

/// `struct lightos_power_calls`.
#[repr(C)]
struct Calls {
    suspend: unsafe extern "C" fn(*const c_void),
    resume: unsafe extern "C" fn(*const c_void),
    shut_down: unsafe extern "C" fn(*const c_void),
}

extern "C" {
    fn lightos_power_register(calls: *const Calls, data: *const c_void) -> *mut c_void;
    fn lightos_power_unregister(power: *mut c_void);
}

/// `T` is told until this is dropped, which waits for a call that is under way.
///
/// It holds a reference to `T`, which is not to own it.
///
/// # Invariants
///
/// The pointer is what `lightos_power_register()` returned.
pub(crate) struct Registration<T: Transitions> {
    power: *mut c_void,
    _told: Arc<T>,
}

// SAFETY: Notifiers may be unregistered by another thread than registered them.
unsafe impl<T: Transitions> Send for Registration<T> {}
// SAFETY: There are no operations on a shared registration.
unsafe impl<T: Transitions> Sync for Registration<T> {}

impl<T: Transitions> Registration<T> {
    /// Has `told` told from here on.
    pub(crate) fn new(told: Arc<T>) -> Result<Self> {
        // SAFETY: The table and, through the reference kept below, `told` stay
        // until the notifiers are unregistered.
        let power = from_err_ptr(unsafe {
            lightos_power_register(Table::<T>::CALLS, Arc::as_ptr(&told).cast())
        })?;
        // INVARIANT: Just so.
        Ok(Self { power, _told: told })
    }
}

impl<T: Transitions> Drop for Registration<T> {
    fn drop(&mut self) {
        // SAFETY: The notifiers are registered by the type invariant.
        unsafe { lightos_power_unregister(self.power) };
    }
}

/// The calls of `T`, made by the shim only: with data of that type, which is
/// there until the notifiers are unregistered.
struct Table<T>(PhantomData<T>);

impl<T: Transitions> Table<T> {
    const CALLS: &'static Calls = &Calls {
        suspend: Self::suspend,
        resume: Self::resume,
        shut_down: Self::shut_down,
    };

    /// # Safety
    ///
    /// `data` is a valid `T`.
    unsafe extern "C" fn suspend(data: *const c_void) {
        // SAFETY: The caller's promise.
        unsafe { &*data.cast::<T>() }.suspend();
    }

    /// # Safety
    ///
    /// `data` is a valid `T`.
    unsafe extern "C" fn resume(data: *const c_void) {
        // SAFETY: The caller's promise.
        unsafe { &*data.cast::<T>() }.resume();
    }

    /// # Safety
    ///
    /// `data` is a valid `T`.
    unsafe extern "C" fn shut_down(data: *const c_void) {
        // SAFETY: The caller's promise.
        unsafe { &*data.cast::<T>() }.shut_down();
    }
}
