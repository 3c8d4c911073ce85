// SPDX-License-Identifier: GPL-2.0

//! A driver of a mesh on the host: what the module's glue does, over the same arithmetic.
//!
//! It knows its device by the registers and by a calibration blob alone.

use crate::photonic::mesh::calibration::{Calibration, Conditions, Refusal};
use crate::photonic::mesh::compensation::{step_mc, Compensation};
use crate::photonic::mesh::gain::{safe, Search, Verdict};
use crate::photonic::mesh::heater::Dac;
use crate::photonic::mesh::identity::{Identity, Unfit};
use crate::photonic::mesh::image::{self, Command, Image, Progress, Work};
use crate::photonic::mesh::solver::{cells, turns, Heater, Outcome, Solver};
use crate::photonic::mesh::vector::{modulate, peak, power, Detection, Detector};
use crate::photonic::registers::{sensor_millidegrees, Registers, SENSOR, SENSORS_DIE};

/// A vector of the ABI: parts as fractions of 2^31, real and imaginary in turn, times two to the
/// power of an exponent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vector {
    /// Twice as many as the processor has modes.
    pub parts: Vec<i32>,
    /// The exponent.
    pub exponent: i32,
}

/// What a batch came to.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The results.
    pub outputs: Vec<Vector>,
    /// How often it was run.
    pub runs: u32,
    /// The gain at last.
    pub gain: u32,
    /// Whether an output was cut even so.
    pub saturated: bool,
}

/// A driver of the device `device`; `wait` lets time pass, in nanoseconds.
pub struct Driver<'a, R, W> {
    device: &'a R,
    wait: W,
    identity: Identity,
    calibration: Calibration<Vec<u8>>,
    solver: Solver<Vec<Heater>, Vec<u32>>,
    image: Image<Vec<u16>>,
    compensation: Compensation,
    conditions: Conditions,
    phases: Vec<u32>,
    learned: Option<u32>,
    tag: u32,
}

/// The longest that a command or phases may take.
const TIMEOUT_NS: u64 = 1_000_000_000;
/// How often it is looked.
const POLL_NS: u64 = 1000;

impl<'a, R: Registers, W: Fn(u64)> Driver<'a, R, W> {
    /// A driver in uncalibrated mode, all phases 0, nothing written.
    pub fn new(device: &'a R, wait: W) -> Result<Self, Unfit> {
        let identity = Identity::read(device)?;
        let layout = identity.layout;
        let heaters = vec![Heater::default(); layout.channels()];
        let solver = Solver::new(layout, heaters, vec![0; cells(layout)]);
        Ok(Self {
            device,
            wait,
            identity,
            calibration: Calibration::none(&identity),
            solver: solver.ok_or(Unfit::Senseless)?,
            image: Image::new(vec![0; layout.channels()]),
            compensation: Compensation::new(step_mc(0, identity.dac)),
            conditions: Conditions {
                wavelength: 0,
                temperature_mc: 0,
            },
            phases: vec![0; layout.channels()],
            learned: None,
            tag: 0,
        })
    }

    /// What the device says of itself.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The converters before the heaters.
    pub fn dac(&self) -> Dac {
        self.identity.dac
    }

    /// Takes a calibration.
    pub fn load(&mut self, blob: Vec<u8>) -> Result<(), Refusal> {
        self.calibration = Calibration::read(blob, &self.identity)?;
        let tempco = self.calibration.greatest_tempco();
        self.compensation
            .restart(step_mc(tempco, self.identity.dac));
        Ok(())
    }

    /// Asks for phases in millidegrees at a wavelength and waits until the light has them.
    pub fn program(&mut self, millidegrees: &[u32], wavelength: u32) -> Option<Outcome> {
        if millidegrees.len() != self.phases.len() {
            return None;
        }
        self.phases = millidegrees.iter().map(|&angle| turns(angle)).collect();
        self.conditions.wavelength = wavelength;
        self.learned = None;
        self.look();
        self.solve()
    }

    /// Reads the temperature of the die: the mean of its sensors.
    fn look(&mut self) {
        let sensors = (SENSOR..).step_by(4).take(SENSORS_DIE);
        let readings = sensors.map(|sensor| sensor_millidegrees(self.device.read(sensor) & 0xffff));
        self.compensation
            .read(readings.sum::<i32>() / SENSORS_DIE as i32);
    }

    /// Looks at the temperature for `ns`, once a millisecond, and follows it: how often codes
    /// were computed anew.
    pub fn follow(&mut self, ns: u64) -> Option<u32> {
        let mut solved = 0;
        for _ in 0..ns / 1_000_000 {
            (self.wait)(1_000_000);
            self.look();
            if self.compensation.due() {
                self.solve()?;
                solved += 1;
            }
        }
        Some(solved)
    }

    /// Computes the codes for the temperature as it is.
    fn solve(&mut self) -> Option<Outcome> {
        let conditions = Conditions {
            temperature_mc: self.compensation.temperature_mc()?,
            ..self.conditions
        };
        self.conditions = conditions;
        self.compensation.solved(conditions.temperature_mc);
        let mut codes = vec![0; self.phases.len()];
        let outcome = self
            .solver
            .solve(&self.calibration, conditions, &self.phases, &mut codes)?;
        self.image.write(self.device, &codes)?;
        if self.image.commit(self.device) {
            (self.wait)(1000 * u64::from(self.identity.settle_us));
            self.until(|device| !image::settling(device))?;
        }
        Some(outcome)
    }

    /// The phases that the codes of the device stand for, in 2^-32 turns.
    pub fn applied(&mut self) -> Option<Vec<u32>> {
        let mut codes = vec![0; self.phases.len()];
        image::read_applied(self.device, 0, &mut codes)?;
        let mut phases = vec![0; codes.len()];
        let solver = &mut self.solver;
        solver.phases(&self.calibration, self.conditions, &codes, &mut phases)?;
        Some(phases)
    }

    /// Multiplies vectors, as many as the buffers hold at a time.
    pub fn multiply(
        &mut self,
        detection: Detection,
        vectors: &[Vector],
    ) -> Result<Vec<Batch>, Progress> {
        let batches = vectors.chunks(self.identity.vectors as usize);
        batches.map(|batch| self.batch(detection, batch)).collect()
    }

    fn batch(&mut self, detection: Detection, vectors: &[Vector]) -> Result<Batch, Progress> {
        let mut words = vec![0; image::words(self.identity.layout)];
        let (mut most, mut shifts) = (0, Vec::new());
        for (index, vector) in (0..).zip(vectors) {
            shifts.push(modulate(
                &vector.parts,
                self.identity.input_bits,
                &mut words,
            ));
            most = most.max(power(&words));
            if !image::write_input(self.device, &self.identity, index, &words) {
                return Err(Progress::Refused);
            }
        }
        let transmission = self.calibration.transmission();
        let mut search = Search::new(detection, safe(most, transmission), self.learned);
        let mut outputs = vec![words; vectors.len()];
        for runs in 1.. {
            let gain = search.gain();
            let saturated = self.run(vectors.len() as u32, detection, gain)?;
            for (index, words) in (0..).zip(&mut outputs) {
                image::read_output(self.device, &self.identity, index, words);
            }
            let largest = outputs.iter().map(|words| peak(words)).max();
            if search.judge(saturated, largest.unwrap_or(0)) == Verdict::Keep {
                self.learned = Some(search.gain());
                let detector = Detector::new(detection, transmission);
                let results = outputs.iter().zip(vectors).zip(&shifts);
                let results = results.map(|((words, vector), &shift)| {
                    let mut parts = vec![0; words.len()];
                    let exponent =
                        detector.numbers(words, gain, shift, vector.exponent, &mut parts);
                    Vector { parts, exponent }
                });
                return Ok(Batch {
                    outputs: results.collect(),
                    runs,
                    gain,
                    saturated,
                });
            }
        }
        Err(Progress::Refused)
    }

    /// Runs a product: whether an output was cut.
    fn run(&mut self, vectors: u32, detection: Detection, gain: u32) -> Result<bool, Progress> {
        self.tag = self.tag.wrapping_add(1);
        let command = Command {
            work: Work::Product(vectors),
            wavelength: self.conditions.wavelength,
            detection,
            gain,
            tag: self.tag,
        };
        if !image::start(self.device, &self.identity, &command) {
            return Err(Progress::Refused);
        }
        let tag = self.tag;
        self.until(|device| image::progress(device, tag) != Progress::Running);
        match image::progress(self.device, tag) {
            Progress::Done { saturated } => Ok(saturated),
            other => Err(other),
        }
    }

    /// Waits for the device, within [`TIMEOUT_NS`].
    fn until(&self, ready: impl Fn(&R) -> bool) -> Option<()> {
        (0..TIMEOUT_NS / POLL_NS).find_map(|_| {
            if ready(self.device) {
                return Some(());
            }
            (self.wait)(POLL_NS);
            None
        })
    }
}
