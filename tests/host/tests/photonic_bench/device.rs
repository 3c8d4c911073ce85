// SPDX-License-Identifier: GPL-2.0

//! Calibration's view of a device behind its registers: what `PHOTONIC_PROBE` does.

use lightos::photonic::calibrate::{Info, Measurement, Probe, ProbeError, Shot};
use lightos_host::chips::{Device, HostModel};
use lightos_host::photonic::mesh::identity::Identity;
use lightos_host::photonic::model::bench::Bench;
use lightos_host::photonic::registers::{
    field, sensor_millidegrees, Registers, CONVERTERS, DONE_DARK, DONE_OK, DONE_OUTCOME,
    DONE_SATURATED, LAW_SQUARE, SENSOR, SENSORS_DIE,
};
use num_complex::Complex64;

/// A model on its bench, as calibration measures it.
pub struct OnBench<'a>(pub &'a HostModel<Bench>);

impl Probe for OnBench<'_> {
    fn info(&self) -> Info {
        let identity = Identity::read(self.0).unwrap();
        let converters = self.0.read(CONVERTERS);
        Info {
            serial: identity.serial,
            modes: identity.layout.modes(),
            phase_bits: field(converters, 7, 0),
            input_bits: field(converters, 15, 8),
            square_law: converters & LAW_SQUARE != 0,
            full_scale: identity.full_scale,
            code_limit: u32::from(identity.dac.greatest()),
            wavelengths: identity.wavelengths as usize,
        }
    }

    fn probe(&mut self, shot: &Shot<'_>) -> Result<Measurement, ProbeError> {
        let device = self.0;
        let mut codes = vec![0; device.layout().channels()];
        for &(channel, code) in shot.settings {
            codes[channel] = code;
        }
        device.set_codes(&codes);
        let mut measurement = Measurement::default();
        for input in shot.inputs {
            let word = |part: f64| (part * 2f64.powi(31)).round() as i32;
            let words: Vec<_> = input.iter().map(|z| [word(z.re), word(z.im)]).collect();
            let (mut outputs, mut taps) = (Vec::new(), Vec::new());
            // Outputs of up to two full inputs, less where they do not fit.
            for gain in [2, 1, 0] {
                let done;
                (done, outputs, taps) = device.probe(shot.wavelength as u32, gain, &words);
                match done & DONE_OUTCOME {
                    DONE_OK if done & DONE_SATURATED != 0 => continue,
                    DONE_OK => break,
                    DONE_DARK => return Err(ProbeError::Dark),
                    other => return Err(ProbeError::Other(format!("ended with {other}").into())),
                }
            }
            let complex = |pair: &[f64; 2]| Complex64::new(pair[0], pair[1]);
            measurement
                .outputs
                .push(outputs.iter().map(complex).collect());
            measurement.taps.push(taps[shot.taps.clone()].to_vec());
        }
        let sensors = (SENSOR..).step_by(4).take(SENSORS_DIE);
        let sum: i32 = sensors
            .map(|sensor| sensor_millidegrees(device.read(sensor) & 0xffff))
            .sum();
        measurement.temperature = f64::from(sum) / SENSORS_DIE as f64 / 1000.0;
        Ok(measurement)
    }

    fn set_temperature(&mut self, celsius: f64) -> Result<(), ProbeError> {
        let die_mc = (celsius * 1000.0).round() as i32;
        self.0
            .with_surroundings(|bench| bench.light.die_mc = die_mc);
        Ok(())
    }
}
