// SPDX-License-Identifier: GPL-2.0

//! `CLOCK_MONOTONIC` as a number.
//!
//! `kernel::time::Instant` measures spans, but gives no way to its value, and
//! the ABI speaks in absolute nanoseconds. Callable from any context.

use kernel::bindings;

/// Nanoseconds of `CLOCK_MONOTONIC`.
#[inline]
pub(crate) fn monotonic_ns() -> u64 {
    // SAFETY: `ktime_get` has no preconditions once the timekeeping core runs,
    // which it does before any module is initialised.
    let now = unsafe { bindings::ktime_get() };
    // The clock starts at 0 at boot and never goes below.
    now as u64
}
