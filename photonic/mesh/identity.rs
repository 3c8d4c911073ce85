// SPDX-License-Identifier: GPL-2.0

//! What a processor says of itself: the constant registers, read once and checked.
//!
//! Process context; no lock.

use super::super::layout::Layout;
use super::super::registers::{
    self as map, field, Registers, CODE_LIMIT, CONVERTERS, GEOMETRY, LAW_SQUARE,
};
use super::heater::{Dac, Law};

/// Capabilities and geometry of a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// [`map::SILICON`] or [`map::MODEL`].
    pub kind: u32,
    /// Version of its register map, major in the upper half.
    pub revision: u32,
    /// Its number.
    pub serial: u64,
    /// `CAP_*`.
    pub capabilities: u32,
    /// Numbering of crossings and heaters.
    pub layout: Layout,
    /// Wavelengths, 1 to 64.
    pub wavelengths: u32,
    /// Temperature sensors.
    pub sensors: u32,
    /// Rails.
    pub rails: u32,
    /// Vectors that its buffers hold, 1 to 64.
    pub vectors: u32,
    /// The converters before its heaters.
    pub dac: Dac,
    /// Bits of the input modulators, 2 to 32.
    pub input_bits: u32,
    /// Bits of the output ADCs, 2 to 32.
    pub output_bits: u32,
    /// Microseconds until phases have settled.
    pub settle_us: u32,
    /// Nominal phase of a heater at full scale, in 1/65536 turns, less than 16 turns.
    pub full_scale: u32,
    /// The greatest code of a heater.
    pub code_limit: u16,
    /// Wavelength 0 in picometres.
    pub wavelength_pm: u32,
    /// From one wavelength to the next.
    pub wavelength_step_pm: u32,
}

/// Why a device cannot be driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It does not answer.
    Gone,
    /// It is no photonic processor.
    Foreign,
    /// Its register map is of another major version.
    Version,
    /// It claims what cannot be.
    Senseless,
}

/// The most vectors that the window has room for.
pub const MAX_VECTORS: u32 = 64;
/// The longest that phases may take to settle, in microseconds: somebody waits for it.
pub const MAX_SETTLE_US: u32 = 100_000;
/// The most wavelengths.
pub const MAX_WAVELENGTHS: u32 = 64;

impl Identity {
    /// Reads and checks the constant registers.
    pub fn read(device: &(impl Registers + ?Sized)) -> Result<Self, Unfit> {
        match device.read(map::IDENTITY) {
            map::MAGIC => {}
            map::GONE => return Err(Unfit::Gone),
            _ => return Err(Unfit::Foreign),
        }
        let revision = device.read(map::REVISION);
        if revision >> 16 != map::MAJOR {
            return Err(Unfit::Version);
        }
        let serial = [map::SERIAL_HIGH, map::SERIAL_LOW].map(|half| u64::from(device.read(half)));
        let (geometry, converters) = (device.read(GEOMETRY), device.read(CONVERTERS));
        let layout = Layout::new(field(geometry, 7, 0) as usize).ok_or(Unfit::Senseless)?;
        let law = match converters & LAW_SQUARE {
            0 => Law::Linear,
            _ => Law::Square,
        };
        let dac = Dac::new(field(converters, 7, 0), law).ok_or(Unfit::Senseless)?;
        let code_limit = device.read(CODE_LIMIT).min(u32::from(dac.greatest()));
        let identity = Self {
            kind: device.read(map::KIND),
            revision,
            serial: serial[0] << 32 | serial[1],
            capabilities: device.read(map::CAPABILITIES),
            layout,
            wavelengths: field(geometry, 15, 8),
            sensors: field(geometry, 19, 16),
            rails: field(geometry, 23, 20),
            vectors: field(geometry, 31, 24),
            dac,
            input_bits: field(converters, 15, 8),
            output_bits: field(converters, 23, 16),
            settle_us: device.read(map::SETTLE_US),
            full_scale: device.read(map::FULL_SCALE),
            code_limit: code_limit as u16,
            wavelength_pm: device.read(map::WAVELENGTH_PM),
            wavelength_step_pm: device.read(map::WAVELENGTH_STEP_PM),
        };
        let makes_sense = identity.makes_sense();
        makes_sense.then_some(identity).ok_or(Unfit::Senseless)
    }

    fn makes_sense(&self) -> bool {
        let bits = 2..=32;
        // The longest wavelength is at most twice the first: scales of phases stay in range.
        let span = u64::from(self.wavelength_step_pm) * u64::from(self.wavelengths);
        self.kind <= map::MODEL
            && (1..=MAX_WAVELENGTHS).contains(&self.wavelengths)
            && (1..=MAX_VECTORS).contains(&self.vectors)
            && bits.contains(&self.input_bits)
            && bits.contains(&self.output_bits)
            && (1..16 << 16).contains(&self.full_scale)
            && self.wavelength_pm > 0
            && self.settle_us <= MAX_SETTLE_US
            && span <= u64::from(self.wavelength_pm)
    }

    /// Nominal heat at full scale, in units of [`super::heater`].
    pub const fn efficiency(&self) -> u32 {
        self.full_scale.wrapping_shl(12)
    }
}
