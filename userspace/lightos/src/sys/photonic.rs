// SPDX-License-Identifier: GPL-2.0

//! The part of the mirror for photonic processors: numbers 0x80 to 0x8a.

use rustix::ioctl::{opcode, Opcode};

use super::IOC_MAGIC;

/// Processors, at most.
pub const PHOTONIC_MAX_DEVICES: u32 = 16;
/// Modes of a processor, at most.
pub const PHOTONIC_MAX_MODES: u32 = 32;
/// Heaters of a processor, at most.
pub const PHOTONIC_MAX_CHANNELS: u32 = 2_080;
/// Wavelengths of a processor, at most.
pub const PHOTONIC_MAX_WAVELENGTHS: u32 = 64;
/// Rails of a processor, at most.
pub const PHOTONIC_MAX_RAILS: u32 = 8;
/// Temperature sensors of a processor, at most.
pub const PHOTONIC_MAX_SENSORS: u32 = 8;
/// Vectors of a job, at most.
pub const PHOTONIC_MAX_VECTORS: u32 = 65_536;
/// Jobs of a file that wait, at most.
pub const PHOTONIC_MAX_JOBS: u32 = 64;
/// Bytes of a calibration, at most.
pub const PHOTONIC_MAX_BLOB: u32 = 1 << 20;
/// A phase in millidegrees is less than this.
pub const PHOTONIC_TURN: u32 = 360_000;
/// What [`PhotonicPhases::bad_channel`] has where no channel is wrong.
pub const PHOTONIC_NO_CHANNEL: u32 = u32::MAX;

/// Bit of [`PhotonicInfo::capabilities`]: Mach-Zehnder interferometers.
pub const PHOTONIC_CAP_MZI: u32 = 1 << 0;
/// Bit of [`PhotonicInfo::capabilities`]: microring resonators.
pub const PHOTONIC_CAP_MICRORING: u32 = 1 << 1;
/// Bit of [`PhotonicInfo::capabilities`]: coherent detection.
pub const PHOTONIC_CAP_COHERENT: u32 = 1 << 2;
/// Bit of [`PhotonicInfo::capabilities`]: several wavelengths.
pub const PHOTONIC_CAP_WDM: u32 = 1 << 3;
/// Bit of [`PhotonicInfo::capabilities`]: TEC and fan.
pub const PHOTONIC_CAP_THERMAL_CTRL: u32 = 1 << 4;

/// Bit of [`PhotonicStatus::causes`]: the emergency temperature, by the guard.
pub const PHOTONIC_CAUSE_OVERTEMP: u32 = 1 << 0;
/// Bit of [`PhotonicStatus::causes`]: no healthy sensor.
pub const PHOTONIC_CAUSE_SENSORS: u32 = 1 << 1;
/// Bit of [`PhotonicStatus::causes`]: a rail not good in time.
pub const PHOTONIC_CAUSE_RAIL_TIMEOUT: u32 = 1 << 2;
/// Bit of [`PhotonicStatus::causes`]: a rail drew too much.
pub const PHOTONIC_CAUSE_OVERCURRENT: u32 = 1 << 3;
/// Bit of [`PhotonicStatus::causes`]: a rail fell under its limit.
pub const PHOTONIC_CAUSE_UNDERVOLTAGE: u32 = 1 << 4;
/// Bit of [`PhotonicStatus::causes`]: a rail does not go off.
pub const PHOTONIC_CAUSE_RAIL_STUCK: u32 = 1 << 5;
/// Bit of [`PhotonicStatus::causes`]: the interlock opened.
pub const PHOTONIC_CAUSE_INTERLOCK: u32 = 1 << 6;
/// Bit of [`PhotonicStatus::causes`]: the device's watchdog ran out.
pub const PHOTONIC_CAUSE_WATCHDOG: u32 = 1 << 7;
/// Bit of [`PhotonicStatus::causes`]: the device's comparator tripped.
pub const PHOTONIC_CAUSE_COMPARATOR: u32 = 1 << 8;
/// Bit of [`PhotonicStatus::causes`]: the guard came too late.
pub const PHOTONIC_CAUSE_MISSED_TICKS: u32 = 1 << 9;
/// Bit of [`PhotonicStatus::causes`]: the fan stands still.
pub const PHOTONIC_CAUSE_FAN: u32 = 1 << 10;
/// Bit of [`PhotonicStatus::causes`]: the TEC does not follow.
pub const PHOTONIC_CAUSE_TEC: u32 = 1 << 11;
/// Bit of [`PhotonicStatus::causes`]: the device reads all ones.
pub const PHOTONIC_CAUSE_GONE: u32 = 1 << 12;
/// Bit of [`PhotonicStatus::causes`]: light, or none, against orders.
pub const PHOTONIC_CAUSE_EMISSION: u32 = 1 << 13;

/// Bit of [`PhotonicLimits::flags`]: set them.
pub const PHOTONIC_LIMITS_SET: u32 = 1 << 0;
/// Bit of [`PhotonicPhases::flags`]: jobs from here on run with the program.
pub const PHOTONIC_COMMIT: u32 = 1 << 0;
/// Bit of [`PhotonicSubmit::flags`]: powers instead of amplitudes.
pub const PHOTONIC_DIRECT: u32 = 1 << 0;
/// Bit of [`PhotonicSubmit::flags`]: rather fail than run throttled.
pub const PHOTONIC_UNTHROTTLED: u32 = 1 << 1;
/// Bit of [`PhotonicSubmit::flags`]: wait for the result.
pub const PHOTONIC_NOW: u32 = 1 << 2;
/// Bit of [`PhotonicProbe::flags`]: heaters that are not named get code 0.
pub const PHOTONIC_PROBE_CLEAR: u32 = 1 << 0;
/// Bit of [`PhotonicEvents::flags`]: set the mask of the file.
pub const PHOTONIC_EVENTS_SUBSCRIBE: u32 = 1 << 0;

/// Bit of [`PhotonicEvents::kinds`]: causes were latched.
pub const PHOTONIC_EVENT_LATCHED: u32 = 1 << 0;
/// Bit of [`PhotonicEvents::kinds`]: causes were taken back.
pub const PHOTONIC_EVENT_CLEARED: u32 = 1 << 1;
/// Bit of [`PhotonicEvents::kinds`]: the throttle changed.
pub const PHOTONIC_EVENT_THROTTLE: u32 = 1 << 2;
/// Bit of [`PhotonicEvents::kinds`]: the state changed.
pub const PHOTONIC_EVENT_POWER: u32 = 1 << 3;
/// Bit of [`PhotonicEvents::kinds`]: the laser went on or off.
pub const PHOTONIC_EVENT_LASER: u32 = 1 << 4;
/// Bit of [`PhotonicEvents::kinds`]: a sensor went bad or good.
pub const PHOTONIC_EVENT_SENSOR: u32 = 1 << 5;
/// Bit of [`PhotonicEvents::kinds`]: there was a reset.
pub const PHOTONIC_EVENT_RESET: u32 = 1 << 6;
/// Bit of [`PhotonicEvents::kinds`]: a job of the file ended.
pub const PHOTONIC_EVENT_JOB: u32 = 1 << 7;
/// Bit of [`PhotonicEvents::kinds`]: the calibration changed.
pub const PHOTONIC_EVENT_CALIBRATION: u32 = 1 << 8;
/// Bit of [`PhotonicEvents::kinds`]: events were lost.
pub const PHOTONIC_EVENT_LOST: u32 = 1 << 31;

/// Value of [`PhotonicCalibration::op`]: copies the blob out.
pub const PHOTONIC_CALIBRATION_READ: u32 = 0;
/// Value of [`PhotonicCalibration::op`]: takes a blob.
pub const PHOTONIC_CALIBRATION_LOAD: u32 = 1;
/// Value of [`PhotonicCalibration::op`]: takes that of the firmware loader.
pub const PHOTONIC_CALIBRATION_FIRMWARE: u32 = 2;
/// Value of [`PhotonicCalibration::op`]: back to uncalibrated mode.
pub const PHOTONIC_CALIBRATION_DROP: u32 = 3;

/// `struct lightos_photonic_info`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct PhotonicInfo {
    pub size: u32,
    pub flags: u32,
    pub device: u32,
    pub devices: u32,
    pub backend: u32,
    pub revision: u32,
    pub serial: u64,
    pub capabilities: u32,
    pub modes: u32,
    pub crossings: u32,
    pub channels: u32,
    pub wavelengths: u32,
    pub phase_bits: u32,
    pub input_bits: u32,
    pub output_bits: u32,
    pub square_law: u32,
    pub settle_us: u32,
    pub full_scale: u32,
    pub code_limit: u32,
    pub rails: u32,
    pub sensors: u32,
    pub device_id: u32,
    pub wavelength_pm: u32,
    pub wavelength_step_pm: u32,
    pub reserved: u32,
}

/// `struct lightos_photonic_status`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct PhotonicStatus {
    pub size: u32,
    pub flags: u32,
    pub device: u32,
    pub state: u32,
    pub causes: u32,
    pub first_cause: u32,
    pub armed: u32,
    pub emission: u32,
    pub laser_uw: u32,
    pub throttle_permille: u32,
    pub temperature_mc: [i32; PHOTONIC_MAX_SENSORS as usize],
    pub sensor_faults: [u32; PHOTONIC_MAX_SENSORS as usize],
    pub die_mc: i32,
    pub setpoint_mc: i32,
    pub tec_ma: i32,
    pub fan_rpm: u32,
    pub fan_pwm: u32,
    pub rail_state: [u32; PHOTONIC_MAX_RAILS as usize],
    pub rail_mv: [u32; PHOTONIC_MAX_RAILS as usize],
    pub rail_ma: [u32; PHOTONIC_MAX_RAILS as usize],
    pub power_mw: u32,
    pub calibrated: u32,
    pub calibration_id: u32,
    pub reserved: u32,
    pub reserved2: u32,
    pub ticks: u64,
    pub ticks_missed: u64,
    pub trips: u64,
    pub latches: u64,
    pub rearms: u64,
    pub throttled_ns: u64,
    pub tick_ns: u64,
    pub tick_max_ns: u64,
    pub trip_max_ns: u64,
    pub late_max_ns: u64,
    pub jobs: u64,
    pub jobs_failed: u64,
    pub vectors: u64,
    pub busy_ns: u64,
    pub resets: u64,
    pub commits: u64,
}

/// `struct lightos_photonic_control`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct PhotonicControl {
    pub size: u32,
    pub flags: u32,
    pub device: u32,
    pub action: u32,
}

/// `struct lightos_photonic_limits`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct PhotonicLimits {
    pub size: u32,
    pub flags: u32,
    pub device: u32,
    pub reserved: u32,
    pub throttle_mc: i32,
    pub full_mc: i32,
    pub emergency_mc: i32,
    pub hysteresis_mc: i32,
    pub setpoint_mc: i32,
    pub reserved2: u32,
}

/// `struct lightos_photonic_phases`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct PhotonicPhases {
    pub size: u32,
    pub flags: u32,
    pub device: u32,
    pub first: u32,
    pub count: u32,
    pub reserved: u32,
    pub requested: u64,
    pub applied: u64,
    pub codes: u64,
    pub bad_channel: u32,
    pub reserved2: u32,
}

/// `struct lightos_photonic_submit`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct PhotonicSubmit {
    pub size: u32,
    pub flags: u32,
    pub device: u32,
    pub vectors: u32,
    pub wavelengths: u64,
    pub timeout_ns: u64,
    pub input: u64,
    pub input_exponents: u64,
    pub job: u64,
    pub result: i32,
    pub saturated: u32,
    pub output: u64,
    pub output_exponents: u64,
}

/// `struct lightos_photonic_wait`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct PhotonicWait {
    pub size: u32,
    pub flags: u32,
    pub device: u32,
    pub reserved: u32,
    pub job: u64,
    pub timeout_ns: u64,
    pub output: u64,
    pub output_exponents: u64,
    pub result: i32,
    pub saturated: u32,
}

/// `struct lightos_photonic_setting`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct PhotonicSetting {
    pub channel: u32,
    pub code: u32,
}

/// `struct lightos_photonic_probe`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct PhotonicProbe {
    pub size: u32,
    pub flags: u32,
    pub device: u32,
    pub wavelength: u32,
    pub settings: u64,
    pub setting_count: u32,
    pub inputs: u32,
    pub input: u64,
    pub output: u64,
    pub first_tap: u32,
    pub tap_count: u32,
    pub taps: u64,
    pub averages: u32,
    pub temperature_mc: i32,
    pub reserved: u64,
}

/// `struct lightos_photonic_calibration`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct PhotonicCalibration {
    pub size: u32,
    pub flags: u32,
    pub device: u32,
    pub op: u32,
    pub data: u64,
    pub bytes: u64,
}

/// `struct lightos_photonic_event`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct PhotonicEvent {
    pub time_ns: u64,
    pub device: u32,
    pub kind: u32,
    pub value: u64,
}

/// `struct lightos_photonic_events`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct PhotonicEvents {
    pub size: u32,
    pub flags: u32,
    pub devices: u32,
    pub kinds: u32,
    pub event: PhotonicEvent,
}

/// `LIGHTOS_IOC_PHOTONIC_INFO`.
pub const PHOTONIC_INFO: Opcode = opcode::read_write::<PhotonicInfo>(IOC_MAGIC, 0x80);
/// `LIGHTOS_IOC_PHOTONIC_STATUS`.
pub const PHOTONIC_STATUS: Opcode = opcode::read_write::<PhotonicStatus>(IOC_MAGIC, 0x81);
/// `LIGHTOS_IOC_PHOTONIC_CONTROL`.
pub const PHOTONIC_CONTROL: Opcode = opcode::write::<PhotonicControl>(IOC_MAGIC, 0x82);
/// `LIGHTOS_IOC_PHOTONIC_LIMITS`.
pub const PHOTONIC_LIMITS: Opcode = opcode::read_write::<PhotonicLimits>(IOC_MAGIC, 0x83);
/// `LIGHTOS_IOC_PHOTONIC_SET_PHASES`.
pub const PHOTONIC_SET_PHASES: Opcode = opcode::read_write::<PhotonicPhases>(IOC_MAGIC, 0x84);
/// `LIGHTOS_IOC_PHOTONIC_GET_PHASES`.
pub const PHOTONIC_GET_PHASES: Opcode = opcode::read_write::<PhotonicPhases>(IOC_MAGIC, 0x85);
/// `LIGHTOS_IOC_PHOTONIC_SUBMIT`.
pub const PHOTONIC_SUBMIT: Opcode = opcode::read_write::<PhotonicSubmit>(IOC_MAGIC, 0x86);
/// `LIGHTOS_IOC_PHOTONIC_WAIT`.
pub const PHOTONIC_WAIT: Opcode = opcode::read_write::<PhotonicWait>(IOC_MAGIC, 0x87);
/// `LIGHTOS_IOC_PHOTONIC_PROBE`.
pub const PHOTONIC_PROBE: Opcode = opcode::read_write::<PhotonicProbe>(IOC_MAGIC, 0x88);
/// `LIGHTOS_IOC_PHOTONIC_CALIBRATION`.
pub const PHOTONIC_CALIBRATION: Opcode = opcode::read_write::<PhotonicCalibration>(IOC_MAGIC, 0x89);
/// `LIGHTOS_IOC_PHOTONIC_EVENTS`.
pub const PHOTONIC_EVENTS: Opcode = opcode::read_write::<PhotonicEvents>(IOC_MAGIC, 0x8a);
