// SPDX-License-Identifier: GPL-2.0

//! What a processor is, and what can be done to it.

use crate::sys;
use crate::types::abi_enum;
use crate::{Backend, Error};

abi_enum! {
    /// What CONTROL does to a processor.
    Action ("action") {
        /// Rails up in order.
        PowerUp = 1, "power up";
        /// Laser off, rails down in reverse order.
        PowerDown = 2, "power down";
        /// Turns the key, for as long as the file is open.
        Arm = 3, "arm";
        /// Laser off.
        Disarm = 4, "disarm";
        /// Takes latched causes back whose reasons are gone.
        Clear = 5, "clear";
        /// Ends all jobs; phases and calibration stay.
        ResetSoft = 6, "soft reset";
        /// The same, laser off, heaters to 0.
        ResetFunction = 7, "function reset";
        /// The same, rails down and up again.
        ResetPower = 8, "power reset";
    }
}

impl Action {
    /// As errors name it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::PowerUp => "power up",
            Self::PowerDown => "power down",
            Self::Arm => "arm",
            Self::Disarm => "disarm",
            Self::Clear => "clear",
            Self::ResetSoft => "soft reset",
            Self::ResetFunction => "function reset",
            Self::ResetPower => "power reset",
        }
    }
}

/// What a processor can do: `LIGHTOS_PHOTONIC_CAP_*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(pub u32);

impl Capabilities {
    /// Their names; bits that have none as numbers.
    pub fn names(self) -> Vec<String> {
        let known = [
            (sys::PHOTONIC_CAP_MZI, "mzi"),
            (sys::PHOTONIC_CAP_MICRORING, "microring"),
            (sys::PHOTONIC_CAP_COHERENT, "coherent"),
            (sys::PHOTONIC_CAP_WDM, "wdm"),
            (sys::PHOTONIC_CAP_THERMAL_CTRL, "thermal-control"),
        ];
        bit_names(self.0, &known)
    }
}

/// Names of the bits of `bits`; those without a name as `bit N`.
pub(super) fn bit_names(bits: u32, known: &[(u32, &str)]) -> Vec<String> {
    let set = (0..32).map(|n| 1 << n).filter(|bit| bits & bit != 0);
    set.map(|bit| match known.iter().find(|(of, _)| *of == bit) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("bit {}", bit.trailing_zeros()),
    })
    .collect()
}

/// What a processor is: nothing of it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// Its number among the photonic processors.
    pub number: u32,
    /// How many there are.
    pub devices: u32,
    /// [`Backend::Model`] or [`Backend::Silicon`].
    pub backend: Backend,
    /// Version of its register map: major, minor.
    pub revision: (u16, u16),
    /// Serial number.
    pub serial: u64,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Inputs and outputs N.
    pub modes: u32,
    /// Interferometers: N².
    pub crossings: u32,
    /// Heaters: 2N² + N.
    pub channels: u32,
    /// Wavelengths.
    pub wavelengths: u32,
    /// Bits of the phase DACs.
    pub phase_bits: u32,
    /// Bits of the input modulators.
    pub input_bits: u32,
    /// Bits of the output ADCs.
    pub output_bits: u32,
    /// Whether heater power is the square of the code, not the code.
    pub square_law: bool,
    /// Microseconds that phases take to settle.
    pub settle_us: u32,
    /// Nominal phase of a heater at full scale, in 1/65536 turns.
    pub full_scale: u32,
    /// The greatest code of a heater.
    pub code_limit: u32,
    /// Rails.
    pub rails: u32,
    /// Temperature sensors.
    pub sensors: u32,
    /// Its number for [`Device::device_state`](crate::Device::device_state).
    pub device_id: u32,
    /// Wavelength 0 in picometres.
    pub wavelength_pm: u32,
    /// From each wavelength to the next, in picometres.
    pub wavelength_step_pm: u32,
}

impl Info {
    /// Nominal phase of a heater at full scale, in turns.
    pub fn full_scale_turns(&self) -> f64 {
        f64::from(self.full_scale) / 65_536.0
    }
}

impl TryFrom<sys::PhotonicInfo> for Info {
    type Error = Error;

    fn try_from(raw: sys::PhotonicInfo) -> Result<Self, Error> {
        Ok(Self {
            number: raw.device,
            devices: raw.devices,
            backend: raw.backend.try_into()?,
            revision: ((raw.revision >> 16) as u16, raw.revision as u16),
            serial: raw.serial,
            capabilities: Capabilities(raw.capabilities),
            modes: within("modes", raw.modes, 1, sys::PHOTONIC_MAX_MODES)?,
            crossings: raw.crossings,
            channels: within("channels", raw.channels, 1, sys::PHOTONIC_MAX_CHANNELS)?,
            wavelengths: within(
                "wavelengths",
                raw.wavelengths,
                1,
                sys::PHOTONIC_MAX_WAVELENGTHS,
            )?,
            phase_bits: within("phase_bits", raw.phase_bits, 1, 31)?,
            input_bits: raw.input_bits,
            output_bits: raw.output_bits,
            square_law: raw.square_law != 0,
            settle_us: raw.settle_us,
            full_scale: raw.full_scale,
            code_limit: raw.code_limit,
            rails: within("rails", raw.rails, 0, sys::PHOTONIC_MAX_RAILS)?,
            sensors: within("sensors", raw.sensors, 0, sys::PHOTONIC_MAX_SENSORS)?,
            device_id: raw.device_id,
            wavelength_pm: raw.wavelength_pm,
            wavelength_step_pm: raw.wavelength_step_pm,
        })
    }
}

/// `value`, where the library knows what to do with it.
fn within(field: &'static str, value: u32, least: u32, most: u32) -> Result<u32, Error> {
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(Error::UnknownValue { field, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw() -> sys::PhotonicInfo {
        sys::PhotonicInfo {
            devices: 1,
            backend: 2,
            revision: 0x0001_0002,
            modes: 32,
            crossings: 1024,
            channels: 2080,
            wavelengths: 4,
            phase_bits: 12,
            full_scale: 98_304,
            rails: 6,
            sensors: 5,
            ..Default::default()
        }
    }

    #[test]
    fn what_a_processor_says_is_checked() {
        let info = Info::try_from(raw()).unwrap();
        assert_eq!((info.revision, info.backend), ((1, 2), Backend::Model));
        assert_eq!(info.full_scale_turns(), 1.5);
        for broken in [
            sys::PhotonicInfo { modes: 33, ..raw() },
            sys::PhotonicInfo {
                channels: 2081,
                ..raw()
            },
            sys::PhotonicInfo {
                backend: 9,
                ..raw()
            },
        ] {
            let error = Info::try_from(broken).unwrap_err();
            assert!(matches!(error, Error::UnknownValue { .. }), "{error}");
        }
    }

    #[test]
    fn bits_have_names() {
        let names = Capabilities(1 | 4 | 1 << 20).names();
        assert_eq!(names, ["mzi", "coherent", "bit 20"]);
    }
}
