// SPDX-License-Identifier: GPL-2.0

//! The calibration blob, version 1: what the driver loads. `Documentation/photonic.rst` has its
//! layout.

use std::f64::consts::TAU;

use super::work::{Calibration, Wavelength};
use crate::photonic::layout::{Layout, CLASSES};

/// "LPNC".
const MAGIC: u32 = 0x434e_504c;
const VERSION: u16 = 1;
const HEADER: usize = 96;
const CHANNEL: usize = 16;
const CROSSING: usize = 8;
/// The splitters are known.
const SPLITTERS: u16 = 1;

/// What is known of a heater, in radians.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heater {
    /// Phase without power, 0 to less than a turn.
    pub offset: f64,
    /// Phase at full scale.
    pub efficiency: f64,
    /// Change of the offset with each degree.
    pub tempco: f64,
    /// The greatest code.
    pub limit: u16,
}

/// A calibration as it is stored.
#[derive(Clone, Debug)]
pub struct Blob {
    /// Serial number of the processor.
    pub serial: u64,
    /// When it was made, in seconds of the Unix epoch.
    pub made: i64,
    /// Where the offsets hold, in thousandths of a degree Celsius.
    pub temperature_mc: i32,
    /// Modes N.
    pub modes: usize,
    /// Bits of the phase DACs.
    pub phase_bits: u16,
    /// Nominal phase at full scale as the device says, in 1/65536 turns.
    pub full_scale: u32,
    /// Amplitude that is left, 0 to 1.
    pub transmission: f64,
    /// Share of a heater's phase that its neighbours get, by class.
    pub crosstalk: [f64; CLASSES],
    /// Rms residual of the output amplitudes.
    pub residual: f64,
    /// Relative change of the heaters' phases with each degree.
    pub heat_tempco: f64,
    /// 2N² + N heaters.
    pub heaters: Vec<Heater>,
    /// N² pairs: errors of the first and the second splitter, in radians. `None`: not known.
    pub splitters: Option<Vec<[f64; 2]>>,
    /// What other wavelengths change.
    pub wavelengths: Vec<Wavelength>,
}

/// Why bytes are no calibration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// They begin otherwise.
    #[error("not a calibration")]
    Magic,
    /// Of another version.
    #[error("calibration of unknown version {0}")]
    Version(u16),
    /// Too short or too long.
    #[error("calibration of {found} bytes, {expected} expected")]
    Length {
        /// As many as there are.
        found: usize,
        /// As many as the header says there must be.
        expected: usize,
    },
    /// Damaged.
    #[error("calibration with checksum {found:#010x}, {expected:#010x} expected")]
    Checksum {
        /// As stored.
        found: u32,
        /// As computed.
        expected: u32,
    },
    /// Its modes are not 2 to 32.
    #[error("calibration of {0} modes")]
    Modes(usize),
}

/// A fraction as an integer of `bits` bits after the point, cut at the limits.
fn fixed(value: f64, bits: i32) -> i32 {
    (value * 2f64.powi(bits)).round() as i32
}

fn unsigned(value: f64, bits: i32) -> u32 {
    (value * 2f64.powi(bits)).round() as u32
}

fn fraction(value: i32, bits: i32) -> f64 {
    f64::from(value) / 2f64.powi(bits)
}

/// An angle in radians as turns, whole turns left out.
fn wrapped(angle: f64, bits: i32) -> i64 {
    let turns = angle / TAU;
    ((turns - turns.floor()) * 2f64.powi(bits)).round() as i64
}

/// Bytes of a wavelength record.
const fn record(channels: usize) -> usize {
    8 + (2 * channels).next_multiple_of(4)
}

impl Blob {
    /// The blob of a calibration that was made at `made`, in seconds of the Unix epoch.
    pub fn new(calibration: &Calibration, made: i64) -> Self {
        let (info, chip) = (&calibration.info, &calibration.chip);
        let heater = |channel: usize| Heater {
            offset: chip.offset[channel].rem_euclid(TAU),
            efficiency: chip.efficiency[channel],
            tempco: chip.tempco[channel],
            limit: info.code_limit.min(u32::from(u16::MAX)) as u16,
        };
        let pairs = chip.alpha.iter().zip(&chip.beta);
        Self {
            serial: info.serial,
            made,
            temperature_mc: (chip.temperature * 1000.0).round() as i32,
            modes: info.modes,
            phase_bits: info.phase_bits as u16,
            full_scale: info.full_scale,
            transmission: chip.transmission.min(1.0),
            crosstalk: chip.crosstalk,
            residual: calibration.residual,
            heat_tempco: chip.heat_tempco,
            heaters: (0..chip.offset.len()).map(heater).collect(),
            splitters: Some(pairs.map(|(&alpha, &beta)| [alpha, beta]).collect()),
            wavelengths: calibration.wavelengths.clone(),
        }
    }

    /// The bytes that the driver takes.
    pub fn encode(&self) -> Vec<u8> {
        let channels = self.heaters.len();
        let crossings = self.modes * self.modes;
        let records = self.wavelengths.len() * record(channels);
        let length = HEADER + CHANNEL * channels + CROSSING * crossings + records + 4;
        let mut out = Vec::with_capacity(length);
        self.encode_header(&mut out, length as u32);
        for heater in &self.heaters {
            out.extend((wrapped(heater.offset, 32) as u32).to_le_bytes());
            out.extend(unsigned(heater.efficiency / TAU, 28).to_le_bytes());
            out.extend(fixed(heater.tempco / TAU, 32).to_le_bytes());
            out.extend(heater.limit.to_le_bytes());
            out.extend([0; 2]);
        }
        let unknown = vec![[0.0; 2]; crossings];
        let splitters = self.splitters.as_ref().unwrap_or(&unknown);
        for error in splitters.iter().flatten() {
            out.extend(fixed(error / TAU, 32).to_le_bytes());
        }
        for wavelength in &self.wavelengths {
            let end = out.len() + record(channels);
            out.extend((wavelength.index as u32).to_le_bytes());
            out.extend(fixed(wavelength.scale, 30).to_le_bytes());
            for &delta in &wavelength.delta {
                out.extend((wrapped(delta, 16) as u16).to_le_bytes());
            }
            out.resize(end, 0);
        }
        out.extend(crc32fast::hash(&out).to_le_bytes());
        out
    }

    fn encode_header(&self, out: &mut Vec<u8>, length: u32) {
        let flags = if self.splitters.is_some() {
            SPLITTERS
        } else {
            0
        };
        out.extend(MAGIC.to_le_bytes());
        out.extend(VERSION.to_le_bytes());
        out.extend((HEADER as u16).to_le_bytes());
        out.extend(self.serial.to_le_bytes());
        out.extend(self.made.to_le_bytes());
        out.extend(self.temperature_mc.to_le_bytes());
        out.extend(length.to_le_bytes());
        out.extend((self.modes as u16).to_le_bytes());
        out.extend((self.wavelengths.len() as u16).to_le_bytes());
        out.extend(self.phase_bits.to_le_bytes());
        out.extend(flags.to_le_bytes());
        out.extend(unsigned(self.transmission, 31).to_le_bytes());
        out.extend(self.full_scale.to_le_bytes());
        for &crosstalk in &self.crosstalk {
            out.extend(fixed(crosstalk, 30).to_le_bytes());
        }
        out.extend(unsigned(self.residual, 31).to_le_bytes());
        out.extend(fixed(self.heat_tempco, 30).to_le_bytes());
        out.resize(HEADER, 0);
    }

    /// Reads the bytes.
    ///
    /// # Errors
    ///
    /// [`BlobError`] where they are no calibration, or a damaged one. Whether it is for a given
    /// device is for the driver to say.
    pub fn decode(bytes: &[u8]) -> Result<Self, BlobError> {
        let mut input = Input(bytes);
        if input.u32() != MAGIC {
            return Err(BlobError::Magic);
        }
        match input.u16() {
            VERSION => {}
            other => return Err(BlobError::Version(other)),
        }
        let _header = input.u16();
        let mut blob = Self {
            serial: input.u64(),
            made: input.u64() as i64,
            temperature_mc: input.u32() as i32,
            modes: 0,
            phase_bits: 0,
            full_scale: 0,
            transmission: 0.0,
            crosstalk: [0.0; CLASSES],
            residual: 0.0,
            heat_tempco: 0.0,
            heaters: Vec::new(),
            splitters: None,
            wavelengths: Vec::new(),
        };
        let _length = input.u32();
        blob.modes = usize::from(input.u16());
        let layout = Layout::new(blob.modes).ok_or(BlobError::Modes(blob.modes))?;
        let records = usize::from(input.u16());
        check(bytes, layout, records)?;
        blob.phase_bits = input.u16();
        let flags = input.u16();
        blob.transmission = f64::from(input.u32()) / 2f64.powi(31);
        blob.full_scale = input.u32();
        blob.crosstalk = [(); CLASSES].map(|()| fraction(input.u32() as i32, 30));
        blob.residual = f64::from(input.u32()) / 2f64.powi(31);
        blob.heat_tempco = fraction(input.u32() as i32, 30);
        let mut input = Input(bytes.get(HEADER..).unwrap_or_default());
        blob.heaters = (0..layout.channels()).map(|_| input.heater()).collect();
        let pairs: Vec<_> = (0..layout.crossings())
            .map(|_| [(); 2].map(|()| fraction(input.u32() as i32, 32) * TAU))
            .collect();
        blob.splitters = (flags & SPLITTERS != 0).then_some(pairs);
        blob.wavelengths = (0..records)
            .map(|_| input.wavelength(layout.channels()))
            .collect();
        Ok(blob)
    }
}

/// Whether length and checksum are right.
fn check(bytes: &[u8], layout: Layout, records: usize) -> Result<(), BlobError> {
    let channels = layout.channels();
    let expected = HEADER
        + CHANNEL * channels
        + CROSSING * layout.crossings()
        + records * record(channels)
        + 4;
    let found = bytes.len();
    if found != expected {
        return Err(BlobError::Length { found, expected });
    }
    let (whole, sum) = bytes.split_at(expected - 4);
    let (found, expected) = (Input(sum).u32(), crc32fast::hash(whole));
    if found != expected {
        return Err(BlobError::Checksum { found, expected });
    }
    Ok(())
}

/// Bytes yet to be read; zeros where there are none.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        if let Some((head, rest)) = self.0.split_first_chunk::<N>() {
            out = *head;
            self.0 = rest;
        }
        out
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }

    fn heater(&mut self) -> Heater {
        let heater = Heater {
            offset: f64::from(self.u32()) / 2f64.powi(32) * TAU,
            efficiency: f64::from(self.u32()) / 2f64.powi(28) * TAU,
            tempco: fraction(self.u32() as i32, 32) * TAU,
            limit: self.u16(),
        };
        self.u16();
        heater
    }

    fn wavelength(&mut self, channels: usize) -> Wavelength {
        let index = self.u32() as usize;
        let scale = fraction(self.u32() as i32, 30);
        let delta = (0..channels)
            .map(|_| fraction(i32::from(self.u16() as i16), 16) * TAU)
            .collect();
        if channels % 2 == 1 {
            self.u16();
        }
        Wavelength {
            index,
            scale,
            delta,
        }
    }
}
