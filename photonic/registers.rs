// SPDX-License-Identifier: GPL-2.0

//! The register map of a LightOS photonic processor, version 1.0.
//!
//! No public map of such a chip exists; this one is LightOS's own. It is the whole of what the
//! driver knows of a device, and the whole of what a device shows: chip and model are told apart
//! by [`KIND`] alone. `Documentation/photonic.rst` describes it register by register.
//!
//! A window of 128 KiB, registers of 32 bits, little endian, accessed whole. Reserved registers
//! read as 0 and ignore writes. A device that is gone reads as all ones everywhere.
//!
//! # Who may touch what, and where
//!
//! Registers below [`OPTICS`] are fast and may be used in any context. Those of the optics
//! (from [`OPTICS`] on) may wait for the device and are used in process context only.

/// Access to the registers of one device.
///
/// Both functions are called with offsets of this map only: multiples of 4 below [`SIZE`].
pub trait Registers {
    /// Reads the register at `offset`.
    fn read(&self, offset: u32) -> u32;

    /// Writes the register at `offset`.
    fn write(&self, offset: u32, value: u32);

    /// Reads the registers from `offset` on, one after the other. Process context.
    fn read_row(&self, offset: u32, values: &mut [u32]) {
        for (offset, value) in (offset..).step_by(4).zip(values) {
            *value = self.read(offset);
        }
    }

    /// Writes the registers from `offset` on, one after the other. Process context.
    fn write_row(&self, offset: u32, values: &[u32]) {
        for (offset, &value) in (offset..).step_by(4).zip(values) {
            self.write(offset, value);
        }
    }
}

/// Bytes of the window.
pub const SIZE: u32 = 0x2_0000;
/// The first register of the optics.
pub const OPTICS: u32 = 0x200;
/// What every register of a device reads that is not there any more.
pub const GONE: u32 = u32::MAX;

// Identity and capabilities: constant.

/// Reads [`MAGIC`].
pub const IDENTITY: u32 = 0x000;
/// "LPN1".
pub const MAGIC: u32 = 0x4c50_4e31;
/// Version of the map: major in the upper half, minor in the lower.
pub const REVISION: u32 = 0x004;
/// The major version that this file describes.
pub const MAJOR: u32 = 1;
/// What the device is made of: [`SILICON`] or [`MODEL`].
pub const KIND: u32 = 0x008;
/// A chip.
pub const SILICON: u32 = 0;
/// A model of one.
pub const MODEL: u32 = 1;
/// Serial number, lower half.
pub const SERIAL_LOW: u32 = 0x00c;
/// Serial number, upper half.
pub const SERIAL_HIGH: u32 = 0x010;
/// Capabilities, the bits of v0.2.0: `CAP_*`.
pub const CAPABILITIES: u32 = 0x014;
/// A mesh of Mach-Zehnder interferometers.
pub const CAP_MZI: u32 = 1 << 0;
/// Microring resonators.
pub const CAP_MICRORING: u32 = 1 << 1;
/// Coherent (homodyne) detection.
pub const CAP_COHERENT: u32 = 1 << 2;
/// Several wavelengths.
pub const CAP_WDM: u32 = 1 << 3;
/// TEC and fan.
pub const CAP_THERMAL_CTRL: u32 = 1 << 4;
/// 7:0 modes N (2 to 32), 15:8 wavelengths (1 to 64), 19:16 temperature sensors, 23:20 rails,
/// 31:24 vectors that the buffers hold.
pub const GEOMETRY: u32 = 0x018;
/// 7:0 bits of the phase DACs, 15:8 of the input modulators, 23:16 of the output ADCs, 24 the
/// law of the phase DACs ([`LAW_SQUARE`]).
pub const CONVERTERS: u32 = 0x01c;
/// The DAC sets a voltage: heater power is the square of the code. Clear: the DAC sets the power.
pub const LAW_SQUARE: u32 = 1 << 24;
/// Microseconds after a commit until every phase is within half a DAC step.
pub const SETTLE_US: u32 = 0x020;
/// Nominal phase of a heater at full scale, in 1/65536 turns. What a single heater does is for
/// calibration to find out. Code `c` of `b` bits asks for `c / 2^b` of it, or for the square of
/// that under [`LAW_SQUARE`].
pub const FULL_SCALE: u32 = 0x024;
/// The longest watchdog period, in microseconds; at most 2000.
pub const WATCHDOG_MAX_US: u32 = 0x028;
/// The greatest code a heater takes; a greater one is cut and latches [`LATCH_HEATER`].
pub const CODE_LIMIT: u32 = 0x02c;
/// Wavelength of channel 0, in picometres.
pub const WAVELENGTH_PM: u32 = 0x030;
/// From each wavelength to the next, in picometres.
pub const WAVELENGTH_STEP_PM: u32 = 0x034;

// Control and status.

/// `CONTROL_*`.
pub const CONTROL: u32 = 0x040;
/// Aborts the command that runs; phases stay. Clears itself.
pub const CONTROL_RESET_SOFT: u32 = 1 << 1;
/// Laser off, heaters to 0, buffers cleared. Clears itself.
pub const CONTROL_RESET_FUNCTION: u32 = 1 << 2;
/// `STATUS_*`, as of now.
pub const STATUS: u32 = 0x044;
/// A command runs.
pub const STATUS_BUSY: u32 = 1 << 1;
/// Phases still move.
pub const STATUS_SETTLING: u32 = 1 << 2;
/// Light leaves the laser (the emission indicator).
pub const STATUS_EMISSION: u32 = 1 << 3;
/// All rails are good.
pub const STATUS_RAILS_GOOD: u32 = 1 << 4;
/// The interlock loop is closed.
pub const STATUS_INTERLOCK: u32 = 1 << 5;
/// The watchdog has been kicked within its period.
pub const STATUS_WATCHDOG: u32 = 1 << 6;
/// A bit of [`LATCHES`] is set.
pub const STATUS_LATCHED: u32 = 1 << 7;
/// Fault latches, `LATCH_*`: set by the device, cleared through [`LATCH_CLEAR`].
pub const LATCHES: u32 = 0x048;
/// The comparator saw a temperature over [`COMPARATOR`]; the laser is off.
pub const LATCH_OVERTEMP: u32 = 1 << 0;
/// The watchdog ran out while the laser was enabled; the laser is off.
pub const LATCH_WATCHDOG: u32 = 1 << 1;
/// The interlock opened while the laser was enabled; the laser is off.
pub const LATCH_INTERLOCK: u32 = 1 << 2;
/// A rail drew too much; it is off, and so is the laser. See [`RAIL_OVERCURRENT`].
pub const LATCH_OVERCURRENT: u32 = 1 << 3;
/// A rail fell under its limit; the laser is off. See [`RAIL_UNDERVOLTAGE`].
pub const LATCH_UNDERVOLTAGE: u32 = 1 << 4;
/// A heater code was cut.
pub const LATCH_HEATER: u32 = 1 << 5;
/// Latches that keep the laser off.
pub const LATCHES_LASER: u32 = 0x1f;
/// Clears the latches whose bits are written as 1, if their causes are gone and
/// [`LASER_ENABLE`] is clear.
pub const LATCH_CLEAR: u32 = 0x04c;
/// Interrupts that are pending, `IRQ_*`; writing 1 clears.
pub const IRQ_STATUS: u32 = 0x050;
/// Interrupts that are wanted.
pub const IRQ_ENABLE: u32 = 0x054;
/// A command has completed.
pub const IRQ_COMPLETION: u32 = 1 << 0;
/// A latch was set.
pub const IRQ_LATCH: u32 = 1 << 1;
/// Phases have settled after a commit.
pub const IRQ_SETTLED: u32 = 1 << 2;
/// Microseconds since the device got power; wraps.
pub const TIME_US: u32 = 0x058;

// Laser. It shines while ENABLE and KEY are set, the interlock is closed, all rails are good,
// the watchdog is alive and no bit of LATCHES_LASER is set. A latch clears ENABLE and KEY.

/// [`LASER_ENABLE`], [`LASER_KEY`]; 0 after power-up.
pub const LASER_CONTROL: u32 = 0x080;
/// The driver wants light.
pub const LASER_ENABLE: u32 = 1 << 0;
/// The key is turned: somebody privileged has allowed light.
pub const LASER_KEY: u32 = 1 << 1;
/// Share of time in which the laser shines and commands run, in 1/256: 0 to 256. Throttling.
pub const LASER_DUTY: u32 = 0x084;
/// Full duty.
pub const DUTY_FULL: u32 = 256;
/// Optical power at the monitor diode, in microwatts.
pub const LASER_POWER_UW: u32 = 0x088;

// Watchdog.

/// Microseconds from a kick to the end of the laser, 100 to [`WATCHDOG_MAX_US`]; others are cut.
pub const WATCHDOG_US: u32 = 0x0a0;
/// Writing [`KICK`] kicks it; other values do nothing.
pub const WATCHDOG_KICK: u32 = 0x0a4;
/// "KICK".
pub const KICK: u32 = 0x4b49_434b;

// Temperature.

/// Temperature sensors, one register each: 15:0 the code, 31:16 a counter of conversions.
///
/// Code `c` stands for `c / 256 - 64` degrees Celsius, in steps of 4 (1/64 degree); 0 is a short
/// circuit, 0xffff an open one. A conversion takes 250 microseconds and dithers by its noise.
pub const SENSOR: u32 = 0x100;
/// Sensors on the die: the middle of the mesh, its edge, the laser. They are neighbours.
pub const SENSORS_DIE: usize = 3;
/// Index of the sensor of the TEC's sink.
pub const SENSOR_SINK: usize = 3;
/// Index of the sensor of the ambient air.
pub const SENSOR_AMBIENT: usize = 4;
/// Sensors in all.
pub const SENSORS: usize = 5;
/// Code of a shorted sensor.
pub const CODE_SHORT: u32 = 0;
/// Code of an open sensor.
pub const CODE_OPEN: u32 = 0xffff;
/// Where the comparator turns the laser off by itself, a code as of [`SENSOR`]. 98 degrees after
/// power-up; greater codes than that of 100 degrees are cut. Its diode on the die is its own.
pub const COMPARATOR: u32 = 0x140;
/// Current through the TEC that is asked for, in milliamperes, signed; positive cools the die.
pub const TEC_SET_MA: u32 = 0x144;
/// Current that flows.
pub const TEC_MA: u32 = 0x148;
/// The greatest current in either direction.
pub const TEC_MAX_MA: i32 = 3000;
/// Fan: 0 to 255.
pub const FAN_PWM: u32 = 0x14c;
/// Revolutions a minute by the tachometer; 4000 at full PWM.
pub const FAN_RPM: u32 = 0x150;
/// The fan at full speed.
pub const FAN_MAX_RPM: u32 = 4000;

// Rails. Bit and index 0: 1.0 V digital, 1: 1.8 V digital, 2: 2.5 V analog, 3: 3.3 V analog,
// 4: 5 V laser, 5: 12 V laser.

/// Rails that shall be on.
pub const RAIL_ENABLE: u32 = 0x180;
/// Rails whose voltage is good.
pub const RAIL_GOOD: u32 = 0x184;
/// Rails that drew too much, until [`LATCH_OVERCURRENT`] is cleared.
pub const RAIL_OVERCURRENT: u32 = 0x188;
/// Rails that fell under their limit while on, until [`LATCH_UNDERVOLTAGE`] is cleared.
pub const RAIL_UNDERVOLTAGE: u32 = 0x18c;
/// Voltages in millivolts, one register a rail.
pub const RAIL_MV: u32 = 0x190;
/// Currents in milliamperes, one register a rail.
pub const RAIL_MA: u32 = 0x1b0;
/// Rails in all.
pub const RAILS: usize = 6;
/// Nominal millivolts of the rails.
pub const RAIL_NOMINAL_MV: [u32; RAILS] = [1000, 1800, 2500, 3300, 5000, 12000];

// Commands.

/// Vectors of the next command, 1 to what the buffers hold.
pub const COMMAND_VECTORS: u32 = 0x200;
/// 0 [`MODE_DIRECT`], 15:8 wavelength, 19:16 gain g: the outputs' full scale is an amplitude of
/// `2^(3-g)`, where 1 is what a full input gives that is led to one output without loss.
pub const COMMAND_MODE: u32 = 0x204;
/// Direct detection: powers (full scale `4^(3-g)`) in the place of I, 0 in that of Q.
/// Clear: coherent detection.
pub const MODE_DIRECT: u32 = 1 << 0;
/// The greatest gain.
pub const GAIN_MAX: u32 = 15;
/// Comes back in [`COMPLETION_TAG`].
pub const COMMAND_TAG: u32 = 0x208;
/// Starts a command, `START_*`. Ignored while [`STATUS_BUSY`].
pub const COMMAND_START: u32 = 0x20c;
/// Sends the input vectors through the mesh into the outputs.
pub const START_PRODUCT: u32 = 1;
/// The same with vector 0 alone, and measures the taps too.
pub const START_PROBE: u32 = 2;
/// Tag of the last command that completed.
pub const COMPLETION_TAG: u32 = 0x210;
/// `DONE_*` of that command.
pub const COMPLETION: u32 = 0x214;
/// Bits of the outcome.
pub const DONE_OUTCOME: u32 = 0xff;
/// It ran.
pub const DONE_OK: u32 = 1;
/// There was no light, or not for all of it.
pub const DONE_DARK: u32 = 2;
/// Its parameters were wrong.
pub const DONE_INVALID: u32 = 3;
/// It was reset.
pub const DONE_ABORTED: u32 = 4;
/// An output was beyond full scale and was cut.
pub const DONE_SATURATED: u32 = 1 << 8;
/// Commands completed since power-up; wraps.
pub const COMPLETION_COUNT: u32 = 0x218;

// Phases.

/// Writing 1 hands all codes of [`SHADOW`] to the heaters at once.
pub const COMMIT: u32 = 0x280;
/// Commits since power-up; wraps.
pub const COMMIT_COUNT: u32 = 0x284;
/// Power of all heaters in milliwatts.
pub const HEATER_MW: u32 = 0x288;
/// Codes for the next commit, one register a channel (`layout.rs` numbers them).
pub const SHADOW: u32 = 0x4000;
/// Codes that the heaters have. Read only.
pub const APPLIED: u32 = 0x8000;
/// Taps: power at both outputs of each crossing as of the last probe, two registers a crossing
/// (top, bottom), unsigned; 2^32 stands for the power of one full input. Read only.
///
/// A crossing of the attenuator column has its kept output first, then its dump.
pub const TAP: u32 = 0xc000;
/// Input vectors: vector v, mode n, I then Q, at `((v * N + n) * 2 + q) * 4`. Signed, 2^31 stands
/// for a full input. The modulators keep the upper bits.
pub const INPUT: u32 = 0x1_0000;
/// Output vectors, as [`INPUT`]; 2^31 stands for full scale.
pub const OUTPUT: u32 = 0x1_4000;

/// The bits `high..=low` of `value`.
pub const fn field(value: u32, high: u32, low: u32) -> u32 {
    (value >> low) & (u32::MAX >> (31 - (high - low)))
}

/// Code of a sensor for a temperature in thousandths of a degree, within the scale.
pub const fn sensor_code(millidegrees: i32) -> u32 {
    let code = (millidegrees as i64 + 64_000) * 256 / 1000;
    if code < 1 {
        1
    } else if code > 0xfffe {
        0xfffe
    } else {
        code as u32
    }
}

/// Temperature in thousandths of a degree of a sensor's code.
pub const fn sensor_millidegrees(code: u32) -> i32 {
    ((code as i64 & 0xffff) * 1000 / 256 - 64_000) as i32
}
