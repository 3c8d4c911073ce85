// SPDX-License-Identifier: GPL-2.0

//! A processor as programs and calibration use it.

use std::collections::VecDeque;
use std::time::Duration;

use super::calibrate;
use super::device::Processor;
use super::error::{Error, JobEnd};
use super::info::Info;
use super::job::Options;
use super::matrix::Complex;
use super::multiply::Multiply;
use super::probe::{Measurement, Probe, ProbeInput, Setting};
use super::program::Program;
use super::simulate::Splitters;
use super::vectors::Vectors;
use crate::Error as Failure;

/// How long a temperature may take to be reached.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(100);
/// The looks over which it must stand still.
const LOOKS: usize = 30;
/// How little it may move over them, in millidegrees.
const STILL_MC: i32 = 250;
/// How far from what is asked for it may stand, in millidegrees: sensors differ.
const CLOSE_MC: i32 = 2_000;

impl Multiply for &Processor {
    type Error = Failure;

    fn multiply(
        &mut self,
        program: &Program,
        vectors: &[Complex],
    ) -> Result<Vec<Complex>, Failure> {
        let input = Vectors::from_complex(program.modes(), &program.padded(vectors)?)?;
        self.set_phases(0, &program.phases, true)?;
        let product = Processor::multiply(self, &input, &Options::default())?;
        Ok(program.products(&product.output.to_complex()))
    }
}

impl Splitters {
    /// Those that a calibration states; `None` where it does not know them, or is none.
    pub fn of_calibration(blob: &[u8]) -> Option<Self> {
        let pairs = calibrate::Blob::decode(blob).ok()?.splitters?;
        let (alpha, beta) = pairs.iter().map(|&[alpha, beta]| (alpha, beta)).unzip();
        Some(Self { alpha, beta })
    }
}

impl From<&Info> for calibrate::Info {
    fn from(info: &Info) -> Self {
        Self {
            serial: info.serial,
            modes: info.modes as usize,
            phase_bits: info.phase_bits,
            input_bits: info.input_bits,
            square_law: info.square_law,
            full_scale: info.full_scale,
            code_limit: info.code_limit,
            wavelengths: info.wavelengths as usize,
        }
    }
}

impl From<Failure> for calibrate::ProbeError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Photonic(Error::Job(JobEnd::Dark)) => Self::Dark,
            failure => Self::Other(Box::new(failure)),
        }
    }
}

/// Measures what calibration asks for by `probe`, a processor's [`Processor::probe`] or
/// what is as good.
///
/// # Errors
///
/// Those of `probe`; [`calibrate::ProbeError::Unsupported`] for a channel beyond 2^32.
pub fn shoot(
    shot: &calibrate::Shot<'_>,
    modes: usize,
    probe: impl FnOnce(&Probe<'_>) -> Result<Measurement, Failure>,
) -> Result<calibrate::Measurement, calibrate::ProbeError> {
    let word = |n: usize| u32::try_from(n).map_err(|_| calibrate::ProbeError::Unsupported);
    let settings: Result<Vec<Setting>, calibrate::ProbeError> = shot
        .settings
        .iter()
        .map(|&(channel, code)| {
            Ok(Setting {
                channel: word(channel)?,
                code,
            })
        })
        .collect();
    let input = ProbeInput::new(modes, &shot.inputs.concat());
    let measured = probe(&Probe {
        settings: &settings?,
        clear: true,
        input: &input,
        first_tap: word(shot.taps.start)?,
        taps: word(shot.taps.len())?,
        averages: shot.averages,
        wavelength: word(shot.wavelength)?,
    })?;
    let taps = shot.taps.len().max(1);
    Ok(calibrate::Measurement {
        outputs: measured.output.chunks(modes).map(<[_]>::to_vec).collect(),
        taps: match shot.taps.is_empty() {
            true => vec![Vec::new(); shot.inputs.len()],
            false => measured.taps.chunks(taps).map(<[_]>::to_vec).collect(),
        },
        temperature: f64::from(measured.temperature_mc) / 1000.0,
    })
}

impl calibrate::Probe for &Processor {
    fn info(&self) -> calibrate::Info {
        Processor::info(self).into()
    }

    fn probe(
        &mut self,
        shot: &calibrate::Shot<'_>,
    ) -> Result<calibrate::Measurement, calibrate::ProbeError> {
        let modes = Processor::info(self).modes as usize;
        shoot(shot, modes, |probe| Processor::probe(self, probe))
    }

    fn set_temperature(&mut self, celsius: f64) -> Result<(), calibrate::ProbeError> {
        let mut limits = self.limits()?;
        limits.setpoint_mc = (celsius * 1000.0).round() as i32;
        self.set_limits(&limits)?;
        let status = || self.status();
        wait_for(limits.setpoint_mc, status, std::thread::sleep)
    }
}

/// Waits until the die stands still close to `millidegrees`.
///
/// # Errors
///
/// Those of `status`; [`calibrate::ProbeError::Other`] where it does not get there.
pub fn wait_for(
    millidegrees: i32,
    status: impl Fn() -> Result<super::Status, Failure>,
    sleep: impl Fn(Duration),
) -> Result<(), calibrate::ProbeError> {
    let mut seen = VecDeque::with_capacity(LOOKS);
    for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
        let die_mc = status()?.die_mc;
        if seen.len() == LOOKS {
            seen.pop_front();
        }
        seen.push_back(die_mc);
        let (least, most) = (seen.iter().min(), seen.iter().max());
        let moved = most
            .zip(least)
            .map_or(i32::MAX, |(most, least)| most - least);
        let close = (die_mc - millidegrees).abs() <= CLOSE_MC;
        if close && moved <= STILL_MC && seen.len() == LOOKS {
            return Ok(());
        }
        sleep(LOOK);
    }
    let text = format!(
        "the die did not come to {:.1} degrees within {} s; it said {:.1} to {:.1} lately",
        f64::from(millidegrees) / 1000.0,
        PATIENCE.as_secs(),
        f64::from(seen.iter().min().copied().unwrap_or(0)) / 1000.0,
        f64::from(seen.iter().max().copied().unwrap_or(0)) / 1000.0,
    );
    Err(calibrate::ProbeError::Other(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_complex::Complex64;

    #[test]
    fn shots_are_probes() {
        let one = Complex64::new(1.0, 0.0);
        let inputs = vec![vec![one, -one], vec![0.0 * one, 0.5 * one]];
        let shot = calibrate::Shot {
            settings: &[(3, 77)],
            wavelength: 2,
            inputs: &inputs,
            taps: 1..3,
            averages: 4,
        };
        let measured = shoot(&shot, 2, |probe| {
            assert_eq!((probe.first_tap, probe.taps, probe.averages), (1, 2, 4));
            assert_eq!((probe.wavelength, probe.input.len()), (2, 2));
            assert_eq!(
                probe.settings[0],
                Setting {
                    channel: 3,
                    code: 77
                }
            );
            assert!(probe.clear);
            Ok(Measurement {
                output: vec![one, 2.0 * one, 3.0 * one, 4.0 * one],
                taps: vec![[0.1, 0.2], [0.3, 0.4], [0.5, 0.6], [0.7, 0.8]],
                temperature_mc: 45_500,
            })
        })
        .unwrap();
        assert_eq!(measured.outputs[1], [3.0 * one, 4.0 * one]);
        assert_eq!(
            measured.taps,
            [[[0.1, 0.2], [0.3, 0.4]], [[0.5, 0.6], [0.7, 0.8]]]
        );
        assert_eq!(measured.temperature, 45.5);
    }

    #[test]
    fn darkness_keeps_its_name() {
        let dark = Failure::Photonic(Error::Job(JobEnd::Dark));
        assert!(matches!(dark.into(), calibrate::ProbeError::Dark));
        let other = Failure::Photonic(Error::Job(JobEnd::ShutDown));
        assert!(matches!(other.into(), calibrate::ProbeError::Other(_)));
    }
}
