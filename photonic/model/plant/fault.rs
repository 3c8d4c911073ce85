// SPDX-License-Identifier: GPL-2.0

//! What can be made to go wrong.
//!
//! Any context; the lock of the plant's owner (`photonic/backend/model.rs`).

/// What a broken temperature sensor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SensorFault {
    /// Nothing is wrong.
    None,
    /// Its wire is broken.
    Open,
    /// Its wires touch.
    Short,
    /// It converts, always to the code that it had.
    Stuck,
    /// It does not convert any more.
    Stale,
    /// It jumps by up to so many thousandths of a degree every few conversions.
    Jump(i32),
    /// It is off by so many thousandths of a degree.
    Offset(i32),
    /// It moves away by so many thousandths of a degree a second.
    Drift(i32),
}

/// What a broken thermoelectric cooler does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TecFault {
    /// Nothing is wrong.
    None,
    /// The current stays as it is.
    Stuck,
    /// It is cut at so many milliamperes.
    Limited(u32),
    /// It flows the wrong way.
    Reversed,
}

/// What a broken rail does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RailFault {
    /// Nothing is wrong.
    None,
    /// It draws too much; its switch turns it off.
    Overcurrent,
    /// It gives so many thousandths of its voltage.
    Sag(u32),
    /// Its power-good line never says so.
    NeverGood,
    /// It does not go off.
    StuckOn,
}

/// One fault, or the end of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Of the sensor with that index.
    Sensor(usize, SensorFault),
    /// Of the cooler.
    Tec(TecFault),
    /// The fan's bearing is stuck, or not any more.
    FanStuck(bool),
    /// Of the rail with that index.
    Rail(usize, RailFault),
    /// The interlock loop is open, or closed.
    Interlock(bool),
    /// The watchdog never ends the light, or does again. A fault of the device itself.
    WatchdogStuck(bool),
    /// The comparator never ends the light, or does again. A fault of the device itself.
    ComparatorDead(bool),
    /// The window reads as all ones and ignores writes, or is back.
    Gone(bool),
    /// The air has so many thousandths of a degree from now on.
    Ambient(i32),
    /// So many milliwatts more in the heaters, whatever their codes; at most
    /// [`RUNAWAY_MAX_MW`](super::thermal::RUNAWAY_MAX_MW).
    HeaterRunaway(u32),
}
