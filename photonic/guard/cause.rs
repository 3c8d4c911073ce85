// SPDX-License-Identifier: GPL-2.0

//! Causes that are latched, with the bits of the ABI (`LIGHTOS_PHOTONIC_CAUSE_*`).
//!
//! Any context, hard interrupts included; the guard's lock, which its caller holds
//! (`guarded` in `photonic/device/mod.rs`).

use crate::photonic::registers::{
    LATCH_INTERLOCK, LATCH_OVERCURRENT, LATCH_OVERTEMP, LATCH_UNDERVOLTAGE, LATCH_WATCHDOG,
};

/// The emergency temperature was reached.
pub const OVERTEMP: u32 = 1 << 0;
/// No sensor of the die is healthy.
pub const SENSORS: u32 = 1 << 1;
/// A rail was not good in time.
pub const RAIL_TIMEOUT: u32 = 1 << 2;
/// A rail drew too much.
pub const OVERCURRENT: u32 = 1 << 3;
/// A rail fell under its limit.
pub const UNDERVOLTAGE: u32 = 1 << 4;
/// A rail does not go off.
pub const RAIL_STUCK: u32 = 1 << 5;
/// The interlock was opened.
pub const INTERLOCK: u32 = 1 << 6;
/// The device's watchdog ran out.
pub const WATCHDOG: u32 = 1 << 7;
/// The device's comparator tripped.
pub const COMPARATOR: u32 = 1 << 8;
/// Too many ticks came too late.
pub const MISSED_TICKS: u32 = 1 << 9;
/// The fan stands still.
pub const FAN: u32 = 1 << 10;
/// The cooler does not follow.
pub const TEC: u32 = 1 << 11;
/// The device reads as all ones.
pub const GONE: u32 = 1 << 12;
/// Light, or none, against orders.
pub const EMISSION: u32 = 1 << 13;

/// Causes that take the rails down after the laser.
///
/// The others leave the chip with power, so that it can be looked at and armed again. A rail that
/// is stuck has stopped the way down already.
pub const POWERLESS: u32 =
    OVERTEMP | SENSORS | RAIL_TIMEOUT | OVERCURRENT | UNDERVOLTAGE | COMPARATOR | EMISSION;
/// Causes that take the heaters' power at once: the way down takes longer than a die to burn.
pub const HEAT: u32 = OVERTEMP | SENSORS | COMPARATOR;

/// The causes that the device's latches stand for.
pub const fn of_latches(latches: u32) -> u32 {
    const PAIRS: [(u32, u32); 5] = [
        (LATCH_OVERTEMP, COMPARATOR),
        (LATCH_WATCHDOG, WATCHDOG),
        (LATCH_INTERLOCK, INTERLOCK),
        (LATCH_OVERCURRENT, OVERCURRENT),
        (LATCH_UNDERVOLTAGE, UNDERVOLTAGE),
    ];
    let mut causes = 0;
    let mut index = 0;
    while index < PAIRS.len() {
        if latches & PAIRS[index].0 != 0 {
            causes |= PAIRS[index].1;
        }
        index += 1;
    }
    causes
}
