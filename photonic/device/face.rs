// SPDX-License-Identifier: GPL-2.0

//! What the rest of the system sees of a processor: hwmon, sysfs, uevents, events of files.
//!
//! Process context. Files of hwmon and sysfs are removed with no lock held that showing them
//! takes; their readers take the guard's spinlock for a copy of its figures.

use super::{report::DebugFiles, watch::News, Processor};
#[cfg(CONFIG_LIGHTOS_PHOTONIC_FAULTS)]
use crate::rust::debugfs;
use crate::{
    photonic::{
        guard::{sensor::Fault as SensorFault, Events, RailState, Snapshot},
        registers as regs,
    },
    rust::{
        attributes::{self, Page},
        clock,
        hwmon::{self, Access, Attribute, Kind},
        trace, uevent,
    },
    uapi,
};
use core::fmt::Write;
use kernel::{
    device::{self, Device},
    new_mutex,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    str::CString,
    sync::{atomic::Relaxed, Arc, Mutex},
};

/// Everything that shows a processor. It holds references to it and is held by it:
/// [`Processor::end`] breaks that circle.
pub(super) struct Face {
    hwmon: hwmon::Registration<Processor>,
    _files: attributes::Files<Processor>,
    _debug: DebugFiles,
}

impl Face {
    /// Its folder in debugfs.
    #[cfg(CONFIG_LIGHTOS_PHOTONIC_FAULTS)]
    pub(super) fn folder(&self) -> Arc<debugfs::Folder> {
        self._debug.folder.clone()
    }

    /// Shows `processor` below its device.
    pub(super) fn new(processor: &Arc<Processor>, parent: &Device<device::Bound>) -> Result<Self> {
        let name = match processor.identity.kind {
            regs::MODEL => c"lightos_model",
            _ => c"lightos_photonic",
        };
        Ok(Self {
            hwmon: hwmon::Registration::new(parent, name, processor.clone())?,
            _files: attributes::Files::new(parent, Some(c"photonic"), processor.clone())?,
            _debug: DebugFiles::new(processor)?,
        })
    }
}

/// Figure `channel` of `figures`.
fn pick<T: Copy + Into<i64>>(figures: &[T], channel: usize) -> Result<i64> {
    figures
        .get(channel)
        .map(|&figure| figure.into())
        .ok_or(EINVAL)
}

/// Whether a tier is reached, as the guard has it latched or in force.
fn alarm(set: bool) -> Result<i64> {
    Ok(set.into())
}

impl hwmon::Sensors for Processor {
    fn access(&self, kind: Kind, attribute: Attribute, channel: usize) -> Access {
        match (kind, attribute) {
            // Sink and air have no thresholds.
            (Kind::Temperature, Attribute::Input | Attribute::Label | Attribute::Fault) => {
                Access::ReadOnly
            }
            (Kind::Temperature, _) if channel >= regs::SENSORS_DIE => Access::Hidden,
            (Kind::Temperature, Attribute::Max | Attribute::Critical | Attribute::Emergency) => {
                Access::Writable
            }
            (Kind::Voltage, Attribute::Min | Attribute::Max) => Access::Hidden,
            (Kind::Fan, Attribute::Min | Attribute::Max) => Access::Hidden,
            _ => Access::ReadOnly,
        }
    }

    fn read(&self, kind: Kind, attribute: Attribute, channel: usize) -> Result<i64> {
        let now = self.snapshot();
        match kind {
            Kind::Chip => Ok(1),
            Kind::Temperature => read_temperature(&now, attribute, channel),
            Kind::Voltage => match attribute {
                Attribute::Alarm => {
                    let state = now.rail_state.get(channel).ok_or(EINVAL)?;
                    alarm(*state == RailState::Fault)
                }
                _ => pick(&now.rail_mv, channel),
            },
            Kind::Current => match attribute {
                Attribute::Alarm => {
                    let rail = now.rail_state.get(channel).ok_or(EINVAL)?;
                    let over = now.causes & uapi::PHOTONIC_CAUSE_OVERCURRENT != 0;
                    alarm(over && *rail == RailState::Fault)
                }
                _ => pick(&now.rail_ma, channel),
            },
            Kind::Power => Ok(i64::from(now.power_mw) * 1000),
            Kind::Fan => match attribute {
                Attribute::Input => Ok(now.fan_rpm.into()),
                _ => alarm(now.causes & uapi::PHOTONIC_CAUSE_FAN != 0),
            },
            Kind::Pwm => match attribute {
                Attribute::Enable => Ok(2),
                _ => Ok(now.fan_pwm.into()),
            },
        }
    }

    fn label(&self, kind: Kind, channel: usize) -> &'static CStr {
        const TEMPERATURES: [&CStr; regs::SENSORS] =
            [c"mesh", c"mesh edge", c"laser", c"sink", c"ambient"];
        const RAILS: [&CStr; regs::RAILS] = [
            c"1.0 V digital",
            c"1.8 V digital",
            c"2.5 V analog",
            c"3.3 V analog",
            c"5 V laser",
            c"12 V laser",
        ];
        let label = match kind {
            Kind::Temperature => TEMPERATURES.get(channel),
            Kind::Voltage | Kind::Current => RAILS.get(channel),
            Kind::Power => Some(&c"rails"),
            Kind::Fan => Some(&c"sink fan"),
            _ => None,
        };
        label.copied().unwrap_or(c"")
    }

    fn write(&self, kind: Kind, attribute: Attribute, _channel: usize, value: i64) -> Result {
        let value = i32::try_from(value).map_err(|_| EINVAL)?;
        match (kind, attribute) {
            (Kind::Temperature, Attribute::Max) => {
                self.change_limits(|limits| limits.throttle_mc = value)
            }
            (Kind::Temperature, Attribute::Critical) => {
                self.change_limits(|limits| limits.full_mc = value)
            }
            (Kind::Temperature, Attribute::Emergency) => {
                self.change_limits(|limits| limits.emergency_mc = value)
            }
            _ => Err(EOPNOTSUPP),
        }
    }
}

fn read_temperature(now: &Snapshot, attribute: Attribute, channel: usize) -> Result<i64> {
    let limits = now.limits;
    let (max, crit) = (i64::from(limits.throttle_mc), i64::from(limits.full_mc));
    let hysteresis = i64::from(limits.hysteresis_mc);
    match attribute {
        Attribute::Input => match *now.sensor_faults.get(channel).ok_or(EINVAL)? {
            SensorFault::None => pick(&now.temperature_mc, channel),
            _ => Err(ENODATA),
        },
        Attribute::Fault => alarm(now.sensor_faults.get(channel) != Some(&SensorFault::None)),
        Attribute::Max => Ok(max),
        Attribute::MaxHysteresis => Ok(max - hysteresis),
        Attribute::Critical => Ok(crit),
        Attribute::CriticalHysteresis => Ok(crit - hysteresis),
        Attribute::Emergency => Ok(limits.emergency_mc.into()),
        Attribute::MaxAlarm => alarm(now.throttle_permille > 0),
        Attribute::CriticalAlarm => alarm(now.throttle_permille >= 750),
        Attribute::EmergencyAlarm => alarm(now.causes & uapi::PHOTONIC_CAUSE_OVERTEMP != 0),
        _ => Err(EOPNOTSUPP),
    }
}

impl attributes::Show for Processor {
    const NAMES: &'static [&'static CStr] = &[
        c"kind",
        c"serial",
        c"state",
        c"causes",
        c"first_cause",
        c"armed",
        c"emission",
        c"laser_uw",
        c"throttle_permille",
        c"tec_ma",
        c"calibration",
        c"ticks",
        c"ticks_missed",
        c"trips",
        c"latches",
        c"rearms",
        c"tick_max_ns",
        c"trip_max_ns",
        c"late_max_ns",
        c"jobs",
        c"jobs_failed",
        c"vectors",
        c"busy_us",
        c"resets",
        c"commits",
    ];

    fn show(&self, index: usize, to: &mut Page<'_>) -> Result {
        let now = self.status();
        let number: u64 = match index {
            0 => return Ok(writeln!(to, "{}", self.kind().to_str()?)?),
            1 => return Ok(writeln!(to, "{:016x}", self.identity.serial)?),
            2 => return Ok(writeln!(to, "{}", state_name(now.state))?),
            3 => return Ok(writeln!(to, "{:#x}", now.causes)?),
            4 => return Ok(writeln!(to, "{:#x}", now.first_cause)?),
            5 => now.armed.into(),
            6 => now.emission.into(),
            7 => now.laser_uw.into(),
            8 => now.throttle_permille.into(),
            9 => return Ok(writeln!(to, "{}", now.tec_ma)?),
            10 => return Ok(writeln!(to, "{:08x}", now.calibration_id)?),
            11 => now.ticks,
            12 => now.ticks_missed,
            13 => now.trips,
            14 => now.latches,
            15 => now.rearms,
            16 => now.tick_max_ns,
            17 => now.trip_max_ns,
            18 => now.late_max_ns,
            19 => now.jobs,
            20 => now.jobs_failed,
            21 => now.vectors,
            22 => now.busy_ns / 1000,
            23 => now.resets,
            24 => now.commits,
            _ => return Err(EINVAL),
        };
        Ok(writeln!(to, "{number}")?)
    }
}

/// What states are called, in sysfs and in uevents.
fn state_name(state: u32) -> &'static str {
    match state {
        0 => "uninitialised",
        1 => "initialising",
        2 => "ready",
        3 => "busy",
        4 => "thermal-limit",
        5 => "error",
        _ => "shutdown",
    }
}

/// A latched cause that `debugfs` remembers.
#[derive(Clone, Copy, Default)]
struct Fault {
    time_ns: u64,
    causes: u32,
    die_mc: i32,
    state: u32,
}

/// The last sixteen latches.
#[pin_data]
pub(super) struct Faults {
    #[pin]
    ring: Mutex<(usize, [Fault; 16])>,
}

impl Faults {
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            ring <- new_mutex!((0, [Fault::default(); 16]), "lightos_photonic_faults"),
        })
    }

    fn push(&self, now: &Snapshot) {
        let mut ring = self.ring.lock();
        let (count, faults) = &mut *ring;
        faults[*count % 16] = Fault {
            time_ns: clock::monotonic_ns(),
            causes: now.causes,
            die_mc: now.die_mc,
            state: now.state as u32,
        };
        *count = count.wrapping_add(1);
    }

    /// Lines of time, causes, temperature and state, oldest first.
    pub(super) fn show(&self, to: &SeqFile) {
        let (count, faults) = *self.ring.lock();
        for at in count.saturating_sub(16)..count {
            let fault = faults[at % 16];
            seq_print!(
                to,
                "{} causes {:#x} die_mc {} state {}\n",
                fault.time_ns,
                fault.causes,
                fault.die_mc,
                state_name(fault.state)
            );
        }
    }
}

impl Processor {
    /// Tells the files that asked for it.
    pub(super) fn tell(&self, kind: u32, value: u64) {
        self.all.inboxes.publish(self.index, None, kind, value);
    }

    /// Tells the file `file`, if it asked for it, that a job of its own has ended.
    pub(super) fn tell_of_job(&self, file: u64, number: u64) {
        let kind = uapi::PHOTONIC_EVENT_JOB;
        self.all
            .inboxes
            .publish(self.index, Some(file), kind, number);
    }

    /// Tells everybody what the guard has found. Process context.
    pub(super) fn announce(&self, news: News, now: &Snapshot) {
        let index = self.index as u32;
        if news.have(Events::LATCHED) {
            dev_err!(
                self.device,
                "laser off, latched: causes {:#x}, die {} millidegrees\n",
                now.causes,
                now.die_mc
            );
            trace::photonic_latch(index, now.causes);
            if now.causes & uapi::PHOTONIC_CAUSE_OVERTEMP != 0 {
                trace::photonic_trip(
                    index,
                    now.first_cause,
                    now.die_mc,
                    now.statistics.trip_max_ns,
                );
            }
            self.faults.push(now);
            self.tell(uapi::PHOTONIC_EVENT_LATCHED, now.causes.into());
            self.say("latched", now);
        }
        if news.have(Events::CLEARED) {
            dev_info!(self.device, "latched causes cleared\n");
            trace::photonic_clear(index);
            self.tell(uapi::PHOTONIC_EVENT_CLEARED, now.causes.into());
            self.say("cleared", now);
        }
        if news.have(Events::THROTTLE) {
            self.tell(uapi::PHOTONIC_EVENT_THROTTLE, now.throttle_permille.into());
        }
        if news.have(Events::LASER) {
            trace::photonic_laser(index, now.emission);
            self.tell(uapi::PHOTONIC_EVENT_LASER, now.emission.into());
        }
        if news.have(Events::POWER) {
            trace::photonic_power(index, now.state as u32);
            self.tell(uapi::PHOTONIC_EVENT_POWER, now.state as u64);
        }
        if news.have(Events::SENSOR) {
            let faults = now.sensor_faults.iter().enumerate();
            let faulty = faults.fold(0u64, |set, (sensor, &fault)| {
                set | u64::from(fault != SensorFault::None) << sensor
            });
            self.tell(uapi::PHOTONIC_EVENT_SENSOR, faulty);
        }
        self.notify_hwmon(news);
    }

    /// A uevent. What udev is not told of is in the log all the same.
    fn say(&self, action: &str, now: &Snapshot) {
        let texts = CString::try_from_fmt(fmt!("LIGHTOS_ACTION={}", action)).and_then(|action| {
            let causes = CString::try_from_fmt(fmt!("LIGHTOS_CAUSES={:#x}", now.causes))?;
            let index = CString::try_from_fmt(fmt!("LIGHTOS_DEVICE={}", self.index))?;
            Ok([action, causes, index])
        });
        let Ok([action, causes, index]) = texts else {
            return;
        };
        if uevent::change(&self.device, &[&action, &causes, &index]).is_err() {
            dev_warn!(self.device, "udev was not told\n");
        }
    }

    fn notify_hwmon(&self, news: News) {
        let face = self.face.lock();
        let Some(face) = &*face else {
            return;
        };
        let changed = [
            (Events::LATCHED, Attribute::EmergencyAlarm),
            (Events::CLEARED, Attribute::EmergencyAlarm),
            (Events::THROTTLE, Attribute::MaxAlarm),
            (Events::SENSOR, Attribute::Fault),
        ];
        for (event, attribute) in changed {
            if news.have(event) {
                // The attribute is one of the table.
                let _ = face.hwmon.notify(Kind::Temperature, attribute, 0);
            }
        }
    }

    /// Whether a job runs.
    pub(super) fn is_busy(&self) -> bool {
        self.busy_since.load(Relaxed) != 0
    }

    /// Share of the last second in which jobs ran.
    pub(super) fn utilization_percent(&self) -> u32 {
        let now = clock::monotonic_ns();
        let mut usage = *self.usage.lock();
        match self.busy_since.load(Relaxed) {
            0 => {}
            since => usage.note(since, now),
        }
        usage.percent(now)
    }
}
