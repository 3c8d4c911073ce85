// SPDX-License-Identifier: GPL-2.0

//! Hardware monitoring: what `sensors` shows of a device.
//!
//! The table of channels is fixed (`hwmon_shim.c`): five temperatures, a fan and
//! its PWM, six voltages and currents, a power. A device hides those that it has
//! not.
//!
//! Process context. Hwmon holds a lock of the device while it reads and writes,
//! so calls for one device come one at a time. A [`Registration`] is to be
//! dropped with no lock held that a reading takes: it waits for those.
//!
//! C header: [`include/linux/hwmon.h`](srctree/include/linux/hwmon.h)

use super::device::as_raw;
use core::{marker::PhantomData, ptr::NonNull};
use kernel::{
    device::{Bound, Device},
    error::{from_err_ptr, from_result, to_result},
    ffi::{c_char, c_int, c_long, c_void},
    prelude::*,
    sync::Arc,
};

/// What is measured. Channels count from 0, as the files of voltages do; those of
/// the others count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    /// The device itself: [`Attribute::UpdateInterval`] in milliseconds.
    Chip = 0,
    /// `temp1` to `temp5`, in millidegrees Celsius.
    Temperature = 1,
    /// `in0` to `in5`, in millivolts.
    Voltage = 2,
    /// `curr1` to `curr6`, in milliamperes.
    Current = 3,
    /// `power1`, in microwatts.
    Power = 4,
    /// `fan1`, in revolutions per minute.
    Fan = 5,
    /// `pwm1`, 0 to 255.
    Pwm = 6,
}

/// What of it. Faults and alarms are 0 or 1, latched by the device or its guard:
/// comparing with the limits is for whoever reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Attribute {
    Input = 0,
    /// Read through [`Sensors::label`].
    Label = 1,
    Min = 2,
    Max = 3,
    MaxHysteresis = 4,
    Critical = 5,
    CriticalHysteresis = 6,
    Emergency = 7,
    Fault = 8,
    Alarm = 9,
    MaxAlarm = 10,
    CriticalAlarm = 11,
    EmergencyAlarm = 12,
    /// Of the PWM: 1 set by hand, 2 set by the device.
    Enable = 13,
    UpdateInterval = 14,
}

impl Kind {
    fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Chip,
            1 => Self::Temperature,
            2 => Self::Voltage,
            3 => Self::Current,
            4 => Self::Power,
            5 => Self::Fan,
            6 => Self::Pwm,
            _ => return None,
        })
    }
}

impl Attribute {
    fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Input,
            1 => Self::Label,
            2 => Self::Min,
            3 => Self::Max,
            4 => Self::MaxHysteresis,
            5 => Self::Critical,
            6 => Self::CriticalHysteresis,
            7 => Self::Emergency,
            8 => Self::Fault,
            9 => Self::Alarm,
            10 => Self::MaxAlarm,
            11 => Self::CriticalAlarm,
            12 => Self::EmergencyAlarm,
            13 => Self::Enable,
            14 => Self::UpdateInterval,
            _ => return None,
        })
    }
}

/// What the file of an attribute allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Access {
    /// There is no such file.
    Hidden = 0,
    /// Anyone may read it.
    ReadOnly = 0o444,
    /// And root may write it.
    Writable = 0o644,
}

/// What a device measures.
pub(crate) trait Sensors: Send + Sync + 'static {
    /// Which files there are. Asked once for each, during registration.
    fn access(&self, kind: Kind, attribute: Attribute, channel: usize) -> Access;

    /// The value in the unit of `kind`. `ENODATA` where there is none at present.
    fn read(&self, kind: Kind, attribute: Attribute, channel: usize) -> Result<i64>;

    /// What the channel is called.
    fn label(&self, kind: Kind, channel: usize) -> &'static CStr;

    /// Sets a limit that `access` called writable. The writer has been let
    /// through by the mode of the file alone.
    fn write(&self, kind: Kind, attribute: Attribute, channel: usize, value: i64) -> Result;
}

/// `struct lightos_hwmon_calls`.
#[repr(C)]
struct Calls {
    mode: unsafe extern "C" fn(*const c_void, u32, u32, u32) -> u32,
    read: unsafe extern "C" fn(*const c_void, u32, u32, u32, *mut c_long) -> c_int,
    label: unsafe extern "C" fn(*const c_void, u32, u32) -> *const c_char,
    write: unsafe extern "C" fn(*const c_void, u32, u32, u32, c_long) -> c_int,
}

extern "C" {
    fn lightos_hwmon_register(
        parent: *mut c_void,
        name: *const c_char,
        calls: *const Calls,
        sensors: *const c_void,
    ) -> *mut c_void;
    fn lightos_hwmon_unregister(hwmon: *mut c_void);
    fn lightos_hwmon_notify(hwmon: *mut c_void, kind: u32, attribute: u32, channel: u32) -> c_int;
}

/// A device of hwmon; it goes when it is dropped, which waits for readers.
///
/// It holds a reference to the sensors: whoever owns it is not to be owned by
/// them.
///
/// # Invariants
///
/// The pointer is what `lightos_hwmon_register()` returned, null only where the
/// kernel has no hwmon.
pub(crate) struct Registration<T: Sensors> {
    hwmon: *mut c_void,
    _sensors: Arc<T>,
}

// SAFETY: A device may be unregistered by another thread than registered it.
unsafe impl<T: Sensors> Send for Registration<T> {}
// SAFETY: Hwmon locks on the C side.
unsafe impl<T: Sensors> Sync for Registration<T> {}

impl<T: Sensors> Registration<T> {
    /// A device below `parent` whose attribute `name` reads so. The name has no
    /// dash, star or space in it. To be dropped before `parent` goes. It is
    /// missing where hwmon is.
    pub(crate) fn new(
        parent: &Device<Bound>,
        name: &'static CStr,
        sensors: Arc<T>,
    ) -> Result<Self> {
        // SAFETY: The parent is valid and registered; the name, the table and,
        // through the reference kept below, the sensors outlive the device.
        let hwmon = from_err_ptr(unsafe {
            lightos_hwmon_register(
                as_raw(parent).cast(),
                name.as_char_ptr(),
                Table::<T>::CALLS,
                Arc::as_ptr(&sensors).cast(),
            )
        })?;
        // INVARIANT: Just so.
        Ok(Self {
            hwmon,
            _sensors: sensors,
        })
    }

    /// Wakes those who poll the file of an attribute, and sends a uevent. May
    /// sleep. `EINVAL` if `kind` has no such attribute.
    pub(crate) fn notify(&self, kind: Kind, attribute: Attribute, channel: usize) -> Result {
        let channel = u32::try_from(channel)?;
        match NonNull::new(self.hwmon) {
            // SAFETY: The device is registered by the type invariant.
            Some(hwmon) => to_result(unsafe {
                lightos_hwmon_notify(hwmon.as_ptr(), kind as u32, attribute as u32, channel)
            }),
            None => Ok(()),
        }
    }
}

impl<T: Sensors> Drop for Registration<T> {
    fn drop(&mut self) {
        if !self.hwmon.is_null() {
            // SAFETY: The device is registered by the type invariant.
            unsafe { lightos_hwmon_unregister(self.hwmon) };
        }
    }
}

/// The calls of `T`, made by the shim only: with sensors of that type, which are
/// there until the device is unregistered.
struct Table<T>(PhantomData<T>);

impl<T: Sensors> Table<T> {
    const CALLS: &'static Calls = &Calls {
        mode: Self::mode,
        read: Self::read,
        label: Self::label,
        write: Self::write,
    };

    /// # Safety
    ///
    /// `sensors` are those of a device that is registered or being so.
    unsafe extern "C" fn mode(
        sensors: *const c_void,
        kind: u32,
        attribute: u32,
        channel: u32,
    ) -> u32 {
        // SAFETY: The caller's promise.
        let sensors = unsafe { &*sensors.cast::<T>() };
        match (Kind::from_number(kind), Attribute::from_number(attribute)) {
            (Some(kind), Some(attribute)) => {
                sensors.access(kind, attribute, channel as usize) as u32
            }
            _ => Access::Hidden as u32,
        }
    }

    /// # Safety
    ///
    /// As for `mode`, and `value` is valid for a write.
    unsafe extern "C" fn read(
        sensors: *const c_void,
        kind: u32,
        attribute: u32,
        channel: u32,
        value: *mut c_long,
    ) -> c_int {
        // SAFETY: The caller's promise.
        let sensors = unsafe { &*sensors.cast::<T>() };
        from_result(|| {
            let kind = Kind::from_number(kind).ok_or(EOPNOTSUPP)?;
            let attribute = Attribute::from_number(attribute).ok_or(EOPNOTSUPP)?;
            let reading = sensors.read(kind, attribute, channel as usize)?;
            // SAFETY: The caller's promise.
            unsafe { value.write(c_long::try_from(reading)?) };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// As for `mode`.
    unsafe extern "C" fn label(sensors: *const c_void, kind: u32, channel: u32) -> *const c_char {
        // SAFETY: The caller's promise.
        let sensors = unsafe { &*sensors.cast::<T>() };
        let label = match Kind::from_number(kind) {
            Some(kind) => sensors.label(kind, channel as usize),
            None => c"",
        };
        label.as_char_ptr()
    }

    /// # Safety
    ///
    /// As for `mode`.
    unsafe extern "C" fn write(
        sensors: *const c_void,
        kind: u32,
        attribute: u32,
        channel: u32,
        value: c_long,
    ) -> c_int {
        // SAFETY: The caller's promise.
        let sensors = unsafe { &*sensors.cast::<T>() };
        from_result(|| {
            let kind = Kind::from_number(kind).ok_or(EOPNOTSUPP)?;
            let attribute = Attribute::from_number(attribute).ok_or(EOPNOTSUPP)?;
            sensors.write(kind, attribute, channel as usize, value as i64)?;
            Ok(0)
        })
    }
}
