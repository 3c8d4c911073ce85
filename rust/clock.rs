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

/// Sleeps for `ns`, some microseconds more at most if the processor is free.
/// Process context; signals do not wake it.
pub(crate) fn sleep_ns(ns: u64) {
    /// What the timer may be late, so that timers can share an interrupt.
    const SLACK_US: u64 = 5;
    /// `TASK_IDLE`: no signal wakes it, and it is no load.
    const STATE: u32 = bindings::TASK_UNINTERRUPTIBLE | bindings::TASK_NOLOAD;

    let us = ns.div_ceil(1000);
    // SAFETY: Called in process context, where sleeping is allowed.
    unsafe { bindings::usleep_range_state(us as usize, (us + SLACK_US) as usize, STATE) }
}
