// SPDX-License-Identifier: GPL-2.0

//! A lock for hard interrupts: `raw_spinlock_t`, with interrupts off.
//!
//! On a real-time kernel a lock of `kernel::sync::SpinLockIrq` sleeps, which a
//! timer that fires in hard interrupts even there (the `Hard` modes of
//! `kernel::time::hrtimer`) may not. Lockdep says so on any kernel.
//!
//! Any context but that of an NMI. Hold it for a few microseconds; take no other
//! lock within it that is not raw: no wait queue, no allocation, no eventfd. Work
//! may be queued.
//!
//! C header: [`include/linux/spinlock.h`](srctree/include/linux/spinlock.h)

use kernel::{
    bindings,
    ffi::{c_char, c_void},
    sync::lock::{Backend, Lock},
};

/// A value behind such a lock; made by [`new_raw_lock`].
pub(crate) type RawLock<T> = Lock<T, RawIrq>;

/// Makes the initialiser of a [`RawLock`], with a class of its own for lockdep:
/// `new_raw_lock!(value, "name")`.
#[allow(unused_macros)]
macro_rules! new_raw_lock {
    ($inner:expr, $name:literal $(,)?) => {
        $crate::rust::raw_lock::RawLock::new(
            $inner,
            ::kernel::optional_name!($name),
            ::kernel::static_lock_class!(),
        )
    };
}
pub(crate) use new_raw_lock;

/// What [`RawLock`] locks with.
pub(crate) struct RawIrq;

extern "C" {
    fn lightos_raw_lock_init(lock: *mut c_void, name: *const c_char, key: *mut c_void);
    fn lightos_raw_lock(lock: *mut c_void);
    fn lightos_raw_trylock(lock: *mut c_void) -> bool;
    fn lightos_raw_unlock(lock: *mut c_void);
    fn lightos_raw_assert_held(lock: *mut c_void);
}

// SAFETY: A raw spinlock has one owner at a time, and `relock` is the default.
unsafe impl Backend for RawIrq {
    type State = bindings::raw_spinlock_t;
    type GuardState = ();

    unsafe fn init(
        lock: *mut Self::State,
        name: *const c_char,
        key: *mut bindings::lock_class_key,
    ) {
        // SAFETY: The caller's promise.
        unsafe { lightos_raw_lock_init(lock.cast(), name, key.cast()) }
    }

    unsafe fn lock(lock: *mut Self::State) {
        // SAFETY: The lock is initialised, as the caller promises.
        unsafe { lightos_raw_lock(lock.cast()) }
    }

    unsafe fn try_lock(lock: *mut Self::State) -> Option<()> {
        // SAFETY: As above.
        unsafe { lightos_raw_trylock(lock.cast()) }.then_some(())
    }

    unsafe fn unlock(lock: *mut Self::State, (): &()) {
        // SAFETY: The caller owns the lock, as it promises.
        unsafe { lightos_raw_unlock(lock.cast()) }
    }

    unsafe fn assert_is_held(lock: *mut Self::State) {
        // SAFETY: The lock is initialised, as the caller promises.
        unsafe { lightos_raw_assert_held(lock.cast()) }
    }
}
