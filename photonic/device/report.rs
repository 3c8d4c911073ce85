// SPDX-License-Identifier: GPL-2.0

//! What a processor says of itself: INFO and STATUS, and debugfs.
//!
//! Process context. STATUS takes the guard's spinlock for a copy.

use super::{Processor, Processors};
use crate::{
    photonic::{
        guard::{Limits, Snapshot},
        registers as regs,
    },
    rust::{cred, debugfs},
    uapi,
};
use kernel::{
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    str::CString,
    sync::{atomic::Relaxed, Arc},
};

impl Processor {
    /// What it is made of, as the ABI has it.
    pub(super) fn backend(&self) -> u32 {
        match self.identity.kind {
            regs::MODEL => uapi::BACKEND_MODEL,
            _ => uapi::BACKEND_SILICON,
        }
    }

    /// What devices of its kind are called.
    pub(super) fn kind(&self) -> &'static CStr {
        match self.identity.kind {
            regs::MODEL => c"model",
            _ => c"silicon",
        }
    }

    /// Its number for `GET_DEVICE_STATE`: device 0 is the spiking engine.
    pub(super) fn device_id(&self) -> u32 {
        self.index as u32 + 1
    }

    /// `PHOTONIC_INFO`.
    pub(super) fn describe(&self, to: &mut uapi::PhotonicInfo) {
        let identity = &self.identity;
        let layout = identity.layout;
        *to = uapi::PhotonicInfo {
            backend: self.backend(),
            revision: identity.revision,
            serial: identity.serial,
            capabilities: identity.capabilities,
            modes: layout.modes() as u32,
            crossings: layout.crossings() as u32,
            channels: layout.channels() as u32,
            wavelengths: identity.wavelengths,
            phase_bits: identity.dac.bits(),
            input_bits: identity.input_bits,
            output_bits: identity.output_bits,
            square_law: u32::from(self.registers.read(regs::CONVERTERS) & regs::LAW_SQUARE != 0),
            settle_us: identity.settle_us,
            full_scale: identity.full_scale,
            code_limit: identity.code_limit.into(),
            rails: identity.rails,
            sensors: identity.sensors,
            device_id: self.device_id(),
            wavelength_pm: identity.wavelength_pm,
            wavelength_step_pm: identity.wavelength_step_pm,
            ..*to
        };
    }

    /// `PHOTONIC_STATUS`, but for its size.
    pub(super) fn status(&self) -> uapi::PhotonicStatus {
        let now = self.snapshot();
        let calibration = self.calibration();
        uapi::PhotonicStatus {
            device: self.index as u32,
            state: self.state(&now),
            causes: now.causes,
            first_cause: now.first_cause,
            armed: now.armed.into(),
            emission: now.emission.into(),
            laser_uw: now.laser_uw,
            throttle_permille: now.throttle_permille,
            temperature_mc: padded(&now.temperature_mc),
            sensor_faults: padded(&now.sensor_faults.map(|fault| fault as u32)),
            die_mc: now.die_mc,
            setpoint_mc: now.limits.setpoint_mc,
            tec_ma: now.tec_ma,
            fan_rpm: now.fan_rpm,
            fan_pwm: now.fan_pwm,
            rail_state: padded(&now.rail_state.map(|state| state as u32)),
            rail_mv: padded(&now.rail_mv),
            rail_ma: padded(&now.rail_ma),
            power_mw: now.power_mw,
            calibrated: calibration.is_some().into(),
            calibration_id: calibration.map_or(0, |calibration| calibration.id()),
            ticks: now.statistics.ticks,
            ticks_missed: now.statistics.missed,
            trips: now.statistics.trips,
            latches: now.statistics.latches,
            rearms: self.counts.rearms.load(Relaxed),
            throttled_ns: now.statistics.throttled_ns,
            tick_ns: now.statistics.tick_ns,
            tick_max_ns: now.statistics.tick_max_ns,
            trip_max_ns: now.statistics.trip_max_ns,
            late_max_ns: now.statistics.late_max_ns,
            jobs: self.counts.jobs.load(Relaxed),
            jobs_failed: self.counts.jobs_failed.load(Relaxed),
            vectors: self.counts.vectors.load(Relaxed),
            busy_ns: self.counts.busy_ns.load(Relaxed),
            resets: self.counts.resets.load(Relaxed),
            commits: self.counts.commits.load(Relaxed),
            ..Default::default()
        }
    }

    /// Its state: the guard's, and whether a job runs.
    fn state(&self, now: &Snapshot) -> u32 {
        if self.has_ended() || self.all.closed.load(Relaxed) {
            return uapi::PHOTONIC_STATE_SHUTDOWN;
        }
        match now.state as u32 {
            uapi::PHOTONIC_STATE_READY if self.is_busy() => uapi::PHOTONIC_STATE_BUSY,
            state => state,
        }
    }

    /// `GET_DEVICE_STATE`.
    pub(super) fn device_state(&self) -> uapi::DeviceState {
        let now = self.snapshot();
        let words = u64::from(self.identity.vectors) * 2 * self.identity.layout.modes() as u64 * 2;
        let codes = 2 * self.identity.layout.channels() as u64;
        uapi::DeviceState {
            device_id: self.device_id(),
            device_type: uapi::DEVICE_PHOTONIC,
            utilization_percent: self.utilization_percent(),
            power_watts: now.power_mw.saturating_add(500) / 1000,
            memory_used_bytes: if self.is_busy() {
                4 * (words + codes)
            } else {
                0
            },
            memory_total_bytes: 4 * (words + codes),
        }
    }

    /// The thresholds.
    pub(super) fn limits(&self) -> Limits {
        self.snapshot().limits
    }

    /// Changes them. `EPERM` without the privilege, `EINVAL` out of bounds.
    pub(super) fn change_limits(&self, change: impl FnOnce(&mut Limits)) -> Result {
        if !cred::is_admin() {
            return Err(EPERM);
        }
        self.set_limits(change).map_err(super::control::errno)
    }
}

impl Processors {
    /// `GET_DEVICE_STATE` of the device `id`. `ENODEV`.
    pub(crate) fn device_state(&self, id: u32) -> Result<uapi::DeviceState> {
        let index = id.checked_sub(1).ok_or(ENODEV)?;
        Ok(self.get(index as usize)?.device_state())
    }

    /// What the processors are made of, for `QUERY`: the most real one.
    pub(crate) fn backend(&self) -> u32 {
        let mut backend = uapi::BACKEND_NONE;
        self.for_each(|processor| backend = backend.max(processor.backend()));
        backend
    }
}

/// An array of figures, filled up to the room that the ABI has.
fn padded<T: Copy + Default, const N: usize, const M: usize>(figures: &[T; N]) -> [T; M] {
    let mut all = [T::default(); M];
    for (to, &from) in all.iter_mut().zip(figures) {
        *to = from;
    }
    all
}

/// The registers, as `debugfs` shows them: fast ones by name, then codes.
pub(super) struct RegisterDump(pub(super) Arc<Processor>);
/// Phases and codes, a line a channel.
pub(super) struct PhaseTable(pub(super) Arc<Processor>);
/// The last faults.
pub(super) struct FaultRing(pub(super) Arc<Processor>);

/// Names of the registers that a dump shows.
const DUMP: &[(&str, u32)] = &[
    ("identity", regs::IDENTITY),
    ("revision", regs::REVISION),
    ("kind", regs::KIND),
    ("serial_low", regs::SERIAL_LOW),
    ("serial_high", regs::SERIAL_HIGH),
    ("capabilities", regs::CAPABILITIES),
    ("geometry", regs::GEOMETRY),
    ("converters", regs::CONVERTERS),
    ("settle_us", regs::SETTLE_US),
    ("full_scale", regs::FULL_SCALE),
    ("watchdog_max_us", regs::WATCHDOG_MAX_US),
    ("code_limit", regs::CODE_LIMIT),
    ("status", regs::STATUS),
    ("latches", regs::LATCHES),
    ("irq_status", regs::IRQ_STATUS),
    ("irq_enable", regs::IRQ_ENABLE),
    ("time_us", regs::TIME_US),
    ("laser_control", regs::LASER_CONTROL),
    ("laser_duty", regs::LASER_DUTY),
    ("laser_power_uw", regs::LASER_POWER_UW),
    ("watchdog_us", regs::WATCHDOG_US),
    ("comparator", regs::COMPARATOR),
    ("tec_set_ma", regs::TEC_SET_MA),
    ("tec_ma", regs::TEC_MA),
    ("fan_pwm", regs::FAN_PWM),
    ("fan_rpm", regs::FAN_RPM),
    ("rail_enable", regs::RAIL_ENABLE),
    ("rail_good", regs::RAIL_GOOD),
    ("rail_overcurrent", regs::RAIL_OVERCURRENT),
    ("rail_undervoltage", regs::RAIL_UNDERVOLTAGE),
    ("completion_tag", regs::COMPLETION_TAG),
    ("completion", regs::COMPLETION),
    ("completion_count", regs::COMPLETION_COUNT),
    ("commit_count", regs::COMMIT_COUNT),
    ("heater_mw", regs::HEATER_MW),
];

impl debugfs::Show for RegisterDump {
    fn show(&self, to: &SeqFile) {
        let registers = &*self.0.registers;
        for &(name, offset) in DUMP {
            seq_print!(
                to,
                "{:03x} {:<18} {:08x}\n",
                offset,
                name,
                registers.read(offset)
            );
        }
        for sensor in 0..regs::SENSORS as u32 {
            let offset = regs::SENSOR + 4 * sensor;
            seq_print!(
                to,
                "{:03x} sensor{:<12} {:08x}\n",
                offset,
                sensor,
                registers.read(offset)
            );
        }
        for rail in 0..regs::RAILS as u32 {
            let (mv, ma) = (regs::RAIL_MV + 4 * rail, regs::RAIL_MA + 4 * rail);
            seq_print!(
                to,
                "{:03x} rail{} {} mV {} mA\n",
                mv,
                rail,
                registers.read(mv),
                registers.read(ma)
            );
        }
    }
}

impl debugfs::Show for PhaseTable {
    fn show(&self, to: &SeqFile) {
        let channels = self.0.identity.layout.channels();
        let Ok(mut codes) = KVec::from_elem(0u32, channels, GFP_KERNEL) else {
            return;
        };
        let Ok(mut phases) = KVec::from_elem(0u32, channels, GFP_KERNEL) else {
            return;
        };
        self.0.applied_codes(0, &mut codes);
        if self.0.applied_phases(0, &mut phases).is_err() {
            return;
        }
        let unreached = self.0.optics.lock().unreached();
        seq_print!(
            to,
            "# out of reach: {}\nchannel code millidegrees\n",
            unreached
        );
        for (channel, (code, phase)) in codes.iter().zip(phases.iter()).enumerate() {
            seq_print!(to, "{} {} {}\n", channel, code, phase);
        }
    }
}

impl debugfs::Show for FaultRing {
    fn show(&self, to: &SeqFile) {
        self.0.faults.show(to);
    }
}

/// The files of a processor in debugfs, in a folder of its number.
pub(super) struct DebugFiles {
    /// For files of the back end.
    #[cfg_attr(not(CONFIG_LIGHTOS_PHOTONIC_FAULTS), expect(dead_code))]
    pub(super) folder: Arc<debugfs::Folder>,
    _registers: debugfs::File<RegisterDump>,
    _phases: debugfs::File<PhaseTable>,
    _faults: debugfs::File<FaultRing>,
}

impl DebugFiles {
    pub(super) fn new(processor: &Arc<Processor>) -> Result<Self> {
        let name = CString::try_from_fmt(fmt!("{}", processor.index))?;
        let folder = processor.all.folder.subfolder(&name)?;
        let shared = || processor.clone();
        Ok(Self {
            _registers: debugfs::File::new(
                &folder,
                c"registers",
                Arc::new(RegisterDump(shared()), GFP_KERNEL)?,
            ),
            _phases: debugfs::File::new(
                &folder,
                c"phases",
                Arc::new(PhaseTable(shared()), GFP_KERNEL)?,
            ),
            _faults: debugfs::File::new(
                &folder,
                c"faults",
                Arc::new(FaultRing(shared()), GFP_KERNEL)?,
            ),
            folder,
        })
    }
}
