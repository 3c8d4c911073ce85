// SPDX-License-Identifier: GPL-2.0

//! What calibration asks of a processor: a mirror of `LIGHTOS_IOC_PHOTONIC_PROBE`.

use std::f64::consts::TAU;
use std::ops::Range;

use num_complex::Complex64;

/// What a processor says of itself. Nothing here is particular to the single chip but the serial
/// number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Serial number.
    pub serial: u64,
    /// Inputs and outputs N.
    pub modes: usize,
    /// Bits of the phase DACs.
    pub phase_bits: u32,
    /// Bits of the input modulators.
    pub input_bits: u32,
    /// Heater power is the square of the code.
    pub square_law: bool,
    /// Nominal phase of a heater at full scale, in 1/65536 turns.
    pub full_scale: u32,
    /// The greatest code of a heater.
    pub code_limit: u32,
    /// How many wavelengths there are.
    pub wavelengths: usize,
}

impl Info {
    /// The nominal phase at full scale, in radians.
    pub fn nominal(&self) -> f64 {
        f64::from(self.full_scale) / 65536.0 * TAU
    }

    /// The share of full heater power that a code asks for, 0 to 1.
    pub fn drive(&self, code: u32) -> f64 {
        let share = f64::from(code) / (1u64 << self.phase_bits) as f64;
        if self.square_law {
            share * share
        } else {
            share
        }
    }

    /// The greatest share that a heater may have.
    pub fn drive_limit(&self) -> f64 {
        self.drive(self.code_limit)
    }

    /// The code nearest to a share of full heater power, cut at the limits.
    pub fn code(&self, drive: f64) -> u32 {
        let share = drive.max(0.0);
        let share = if self.square_law { share.sqrt() } else { share };
        let code = (share * (1u64 << self.phase_bits) as f64).round() as u32;
        code.min(self.code_limit)
    }

    /// `value` as the modulators put it out: rounded to their bits.
    pub fn modulated(&self, value: Complex64) -> Complex64 {
        let scale = (1u64 << (self.input_bits - 1)) as f64;
        let round = |part: f64| (part * scale).round().clamp(-scale, scale - 1.0) / scale;
        Complex64::new(round(value.re), round(value.im))
    }
}

/// One measurement.
#[derive(Clone, Debug)]
pub struct Shot<'a> {
    /// Channels and their codes; all that are not named have code 0.
    pub settings: &'a [(usize, u32)],
    /// At which wavelength.
    pub wavelength: usize,
    /// Inputs, 1 to 64, of N amplitudes each; 1 is a full input.
    pub inputs: &'a [Vec<Complex64>],
    /// Crossings whose taps are wanted.
    pub taps: Range<usize>,
    /// Measurements that each value is the mean of, 1 to 256.
    pub averages: u32,
}

/// What a [`Shot`] gives.
#[derive(Clone, Debug, Default)]
pub struct Measurement {
    /// For each input the N output amplitudes, where 1 is that of a full input.
    pub outputs: Vec<Vec<Complex64>>,
    /// For each input the powers at the top and at the bottom output of each crossing that was
    /// asked for; 1 is that of a full input, and readings end there. Attenuators: kept, dumped.
    pub taps: Vec<Vec<[f64; 2]>>,
    /// Temperature of the die meanwhile, in degrees Celsius.
    pub temperature: f64,
}

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// There was no light.
    #[error("the laser is dark")]
    Dark,
    /// The processor cannot do this.
    #[error("the processor cannot do this")]
    Unsupported,
    /// Anything else.
    #[error(transparent)]
    Other(#[from] Box<dyn std::error::Error + Send + Sync>),
}

/// A processor that can be measured.
pub trait Probe {
    /// What it is.
    fn info(&self) -> Info;

    /// Measures with raw codes, once the phases have settled.
    ///
    /// # Errors
    ///
    /// [`ProbeError::Dark`] without light, else what the processor reports.
    fn probe(&mut self, shot: &Shot<'_>) -> Result<Measurement, ProbeError>;

    /// Regulates the die to a temperature in degrees Celsius, and waits until it is there.
    ///
    /// # Errors
    ///
    /// [`ProbeError::Unsupported`] where that is so, else what the processor reports.
    fn set_temperature(&mut self, celsius: f64) -> Result<(), ProbeError> {
        let _ = celsius;
        Err(ProbeError::Unsupported)
    }
}
