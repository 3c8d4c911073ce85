// SPDX-License-Identifier: GPL-2.0

//! The calls on photonic processors, as `uapi/lightos.h` lays them out.
//!
//! Layouts and numbers: any context, no lock.

use super::*;

pub(crate) const PHOTONIC_MAX_DEVICES: usize = 16;
pub(crate) const PHOTONIC_MAX_RAILS: usize = 8;
pub(crate) const PHOTONIC_MAX_SENSORS: usize = 8;
pub(crate) const PHOTONIC_MAX_VECTORS: u32 = 65536;
pub(crate) const PHOTONIC_MAX_JOBS: usize = 64;
pub(crate) const PHOTONIC_MAX_BLOB: u64 = 1 << 20;
pub(crate) const PHOTONIC_TURN: u32 = 360_000;
pub(crate) const PHOTONIC_NO_CHANNEL: u32 = u32::MAX;

pub(crate) const PHOTONIC_STATE_READY: u32 = 2;
pub(crate) const PHOTONIC_STATE_BUSY: u32 = 3;
pub(crate) const PHOTONIC_STATE_SHUTDOWN: u32 = 6;

pub(crate) const PHOTONIC_CAUSE_OVERTEMP: u32 = 1 << 0;
pub(crate) const PHOTONIC_CAUSE_RAIL_TIMEOUT: u32 = 1 << 2;
pub(crate) const PHOTONIC_CAUSE_OVERCURRENT: u32 = 1 << 3;
pub(crate) const PHOTONIC_CAUSE_RAIL_STUCK: u32 = 1 << 5;
pub(crate) const PHOTONIC_CAUSE_FAN: u32 = 1 << 10;

pub(crate) const PHOTONIC_POWER_UP: u32 = 1;
pub(crate) const PHOTONIC_POWER_DOWN: u32 = 2;
pub(crate) const PHOTONIC_ARM: u32 = 3;
pub(crate) const PHOTONIC_DISARM: u32 = 4;
pub(crate) const PHOTONIC_CLEAR: u32 = 5;
pub(crate) const PHOTONIC_RESET_SOFT: u32 = 6;
pub(crate) const PHOTONIC_RESET_FUNCTION: u32 = 7;
pub(crate) const PHOTONIC_RESET_POWER: u32 = 8;

pub(crate) const PHOTONIC_LIMITS_SET: u32 = 1 << 0;
pub(crate) const PHOTONIC_COMMIT: u32 = 1 << 0;

pub(crate) const PHOTONIC_DIRECT: u32 = 1 << 0;
pub(crate) const PHOTONIC_UNTHROTTLED: u32 = 1 << 1;
pub(crate) const PHOTONIC_NOW: u32 = 1 << 2;

pub(crate) const PHOTONIC_PROBE_CLEAR: u32 = 1 << 0;

pub(crate) const PHOTONIC_CALIBRATION_READ: u32 = 0;
pub(crate) const PHOTONIC_CALIBRATION_LOAD: u32 = 1;
pub(crate) const PHOTONIC_CALIBRATION_FIRMWARE: u32 = 2;
pub(crate) const PHOTONIC_CALIBRATION_DROP: u32 = 3;

pub(crate) const PHOTONIC_EVENT_LATCHED: u32 = 1 << 0;
pub(crate) const PHOTONIC_EVENT_CLEARED: u32 = 1 << 1;
pub(crate) const PHOTONIC_EVENT_THROTTLE: u32 = 1 << 2;
pub(crate) const PHOTONIC_EVENT_POWER: u32 = 1 << 3;
pub(crate) const PHOTONIC_EVENT_LASER: u32 = 1 << 4;
pub(crate) const PHOTONIC_EVENT_SENSOR: u32 = 1 << 5;
pub(crate) const PHOTONIC_EVENT_RESET: u32 = 1 << 6;
pub(crate) const PHOTONIC_EVENT_JOB: u32 = 1 << 7;
pub(crate) const PHOTONIC_EVENT_CALIBRATION: u32 = 1 << 8;
pub(crate) const PHOTONIC_EVENT_LOST: u32 = 1 << 31;
/// Those that a file can ask for.
pub(crate) const PHOTONIC_EVENTS_ALL: u32 = 0x1ff;

pub(crate) const PHOTONIC_EVENTS_SUBSCRIBE: u32 = 1 << 0;

abi_struct!(
    /// `struct lightos_photonic_info`
    PhotonicInfo {
        size: u32,
        flags: u32,
        device: u32,
        devices: u32,
        backend: u32,
        revision: u32,
        serial: u64,
        capabilities: u32,
        modes: u32,
        crossings: u32,
        channels: u32,
        wavelengths: u32,
        phase_bits: u32,
        input_bits: u32,
        output_bits: u32,
        square_law: u32,
        settle_us: u32,
        full_scale: u32,
        code_limit: u32,
        rails: u32,
        sensors: u32,
        device_id: u32,
        wavelength_pm: u32,
        wavelength_step_pm: u32,
        reserved: u32,
    }
);

abi_struct!(
    /// `struct lightos_photonic_status`
    PhotonicStatus {
        size: u32,
        flags: u32,
        device: u32,
        state: u32,
        causes: u32,
        first_cause: u32,
        armed: u32,
        emission: u32,
        laser_uw: u32,
        throttle_permille: u32,
        temperature_mc: [i32; PHOTONIC_MAX_SENSORS],
        sensor_faults: [u32; PHOTONIC_MAX_SENSORS],
        die_mc: i32,
        setpoint_mc: i32,
        tec_ma: i32,
        fan_rpm: u32,
        fan_pwm: u32,
        rail_state: [u32; PHOTONIC_MAX_RAILS],
        rail_mv: [u32; PHOTONIC_MAX_RAILS],
        rail_ma: [u32; PHOTONIC_MAX_RAILS],
        power_mw: u32,
        calibrated: u32,
        calibration_id: u32,
        reserved: u32,
        reserved2: u32,
        ticks: u64,
        ticks_missed: u64,
        trips: u64,
        latches: u64,
        rearms: u64,
        throttled_ns: u64,
        tick_ns: u64,
        tick_max_ns: u64,
        trip_max_ns: u64,
        late_max_ns: u64,
        jobs: u64,
        jobs_failed: u64,
        vectors: u64,
        busy_ns: u64,
        resets: u64,
        commits: u64,
    }
);

abi_struct!(
    /// `struct lightos_photonic_control`
    PhotonicControl {
        size: u32,
        flags: u32,
        device: u32,
        action: u32,
    }
);

abi_struct!(
    /// `struct lightos_photonic_limits`
    PhotonicLimits {
        size: u32,
        flags: u32,
        device: u32,
        reserved: u32,
        throttle_mc: i32,
        full_mc: i32,
        emergency_mc: i32,
        hysteresis_mc: i32,
        setpoint_mc: i32,
        reserved2: u32,
    }
);

abi_struct!(
    /// `struct lightos_photonic_phases`
    PhotonicPhases {
        size: u32,
        flags: u32,
        device: u32,
        first: u32,
        count: u32,
        reserved: u32,
        requested: u64,
        applied: u64,
        codes: u64,
        bad_channel: u32,
        reserved2: u32,
    }
);

abi_struct!(
    /// `struct lightos_photonic_submit`
    PhotonicSubmit {
        size: u32,
        flags: u32,
        device: u32,
        vectors: u32,
        wavelengths: u64,
        timeout_ns: u64,
        input: u64,
        input_exponents: u64,
        job: u64,
        result: i32,
        saturated: u32,
        output: u64,
        output_exponents: u64,
    }
);

abi_struct!(
    /// `struct lightos_photonic_wait`
    PhotonicWait {
        size: u32,
        flags: u32,
        device: u32,
        reserved: u32,
        job: u64,
        timeout_ns: u64,
        output: u64,
        output_exponents: u64,
        result: i32,
        saturated: u32,
    }
);

abi_struct!(
    /// `struct lightos_photonic_setting`
    PhotonicSetting {
        channel: u32,
        code: u32,
    }
);

abi_struct!(
    /// `struct lightos_photonic_probe`
    PhotonicProbe {
        size: u32,
        flags: u32,
        device: u32,
        wavelength: u32,
        settings: u64,
        setting_count: u32,
        inputs: u32,
        input: u64,
        output: u64,
        first_tap: u32,
        tap_count: u32,
        taps: u64,
        averages: u32,
        temperature_mc: i32,
        reserved: u64,
    }
);

abi_struct!(
    /// `struct lightos_photonic_calibration`
    PhotonicCalibration {
        size: u32,
        flags: u32,
        device: u32,
        op: u32,
        data: u64,
        bytes: u64,
    }
);

abi_struct!(
    /// `struct lightos_photonic_events`; the event is a structure of its own in C
    PhotonicEvents {
        size: u32,
        flags: u32,
        devices: u32,
        kinds: u32,
        event_time_ns: u64,
        event_device: u32,
        event_kind: u32,
        event_value: u64,
    }
);

extensible! {
    PhotonicInfo: 104,
    PhotonicStatus: 368,
    PhotonicControl: 16,
    PhotonicLimits: 40,
    PhotonicPhases: 56,
    PhotonicSubmit: 80,
    PhotonicWait: 56,
    PhotonicProbe: 80,
    PhotonicCalibration: 32,
    PhotonicEvents: 40,
}

pub(crate) const NR_PHOTONIC_INFO: u32 = 0x80;
pub(crate) const NR_PHOTONIC_STATUS: u32 = 0x81;
pub(crate) const NR_PHOTONIC_CONTROL: u32 = 0x82;
pub(crate) const NR_PHOTONIC_LIMITS: u32 = 0x83;
pub(crate) const NR_PHOTONIC_SET_PHASES: u32 = 0x84;
pub(crate) const NR_PHOTONIC_GET_PHASES: u32 = 0x85;
pub(crate) const NR_PHOTONIC_SUBMIT: u32 = 0x86;
pub(crate) const NR_PHOTONIC_WAIT: u32 = 0x87;
pub(crate) const NR_PHOTONIC_PROBE: u32 = 0x88;
pub(crate) const NR_PHOTONIC_CALIBRATION: u32 = 0x89;
pub(crate) const NR_PHOTONIC_EVENTS: u32 = 0x8a;

/// The code of the call with the number `nr`, if it is one on photonic processors.
#[inline]
pub(super) fn photonic_code(nr: u32) -> Option<u32> {
    Some(match nr {
        NR_PHOTONIC_INFO => _IOWR::<PhotonicInfo>(MAGIC, nr),
        NR_PHOTONIC_STATUS => _IOWR::<PhotonicStatus>(MAGIC, nr),
        NR_PHOTONIC_CONTROL => _IOW::<PhotonicControl>(MAGIC, nr),
        NR_PHOTONIC_LIMITS => _IOWR::<PhotonicLimits>(MAGIC, nr),
        NR_PHOTONIC_SET_PHASES => _IOWR::<PhotonicPhases>(MAGIC, nr),
        NR_PHOTONIC_GET_PHASES => _IOWR::<PhotonicPhases>(MAGIC, nr),
        NR_PHOTONIC_SUBMIT => _IOWR::<PhotonicSubmit>(MAGIC, nr),
        NR_PHOTONIC_WAIT => _IOWR::<PhotonicWait>(MAGIC, nr),
        NR_PHOTONIC_PROBE => _IOWR::<PhotonicProbe>(MAGIC, nr),
        NR_PHOTONIC_CALIBRATION => _IOWR::<PhotonicCalibration>(MAGIC, nr),
        NR_PHOTONIC_EVENTS => _IOWR::<PhotonicEvents>(MAGIC, nr),
        _ => return None,
    })
}

/// Whether the number is that of a call on photonic processors.
#[inline]
pub(crate) fn is_photonic(nr: u32) -> bool {
    (NR_PHOTONIC_INFO..=NR_PHOTONIC_EVENTS).contains(&nr)
}
