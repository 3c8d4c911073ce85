// SPDX-License-Identifier: GPL-2.0

//! Models of photonic processors whose memory is on the heap, and what a bare driver does.

use crate::photonic::layout::Layout;
use crate::photonic::model::bench::Bench;
use crate::photonic::model::chip::Chip;
use crate::photonic::model::optics::{
    Channel, Crossing, Error, Factor, Needs, Optics, Tables, Wave,
};
use crate::photonic::model::Model;
use crate::photonic::registers::{
    field, Registers, COMMAND_MODE, COMMAND_START, COMMAND_TAG, COMMAND_VECTORS, COMMIT,
    COMPLETION, GEOMETRY, INPUT, MODE_DIRECT, OUTPUT, SETTLE_US, SHADOW, START_PROBE,
    START_PRODUCT, STATUS, STATUS_BUSY, STATUS_SETTLING, TAP,
};

/// Optics on the heap.
pub type HostOptics = Optics<Vec<Channel>, Vec<Crossing>, Vec<i32>, Vec<Factor>, Vec<Wave>>;

/// A device on the heap, in surroundings of the kind `S`.
pub type HostModel<S> = Model<S, HostOptics>;

/// The optics of `chip`.
pub fn optics(chip: Chip) -> Result<HostOptics, Error> {
    let needs = Needs::of(&chip)?;
    Optics::new(
        chip,
        Tables {
            channels: vec![Channel::EMPTY; needs.channels],
            crossings: vec![Crossing::EMPTY; needs.crossings],
            input: vec![0; needs.buffer],
            output: vec![0; needs.buffer],
            factors: vec![Factor::ZERO; needs.factors],
            waves: vec![Wave::DARK; needs.waves],
        },
    )
}

/// `chip` on a bench with full light, at the temperature that its offsets are for.
///
/// # Panics
///
/// If the chip is refused.
pub fn on_bench(chip: Chip) -> HostModel<Bench> {
    let bench = Bench::new(chip.light_uw, chip.reference_mc);
    Model::new(bench, optics(chip).expect("a chip that can be modelled"))
}

/// A device and its clock: what a driver does without care.
pub trait Device: Registers {
    /// Lets time pass, in ns.
    fn wait(&self, ns: u64);

    /// The layout by the registers.
    fn layout(&self) -> Layout {
        Layout::new(field(self.read(GEOMETRY), 7, 0) as usize).expect("2 to 32 modes")
    }

    /// Sets the codes of the first channels and waits for the phases.
    fn set_codes(&self, codes: &[u32]) {
        for (offset, code) in (SHADOW..).step_by(4).zip(codes) {
            self.write(offset, *code);
        }
        self.write(COMMIT, 1);
        self.wait(1000 * u64::from(self.read(SETTLE_US)));
        while self.read(STATUS) & STATUS_SETTLING != 0 {
            self.wait(1000);
        }
    }

    /// Runs a command over the input vectors, complex numbers in 1/2^31. Returns what
    /// `COMPLETION` reads, and as many output vectors.
    fn command(
        &self,
        start: u32,
        mode: u32,
        vectors: &[Vec<[i32; 2]>],
    ) -> (u32, Vec<Vec<[i32; 2]>>) {
        let numbers = vectors.iter().flatten().flatten();
        for (offset, number) in (INPUT..).step_by(4).zip(numbers) {
            self.write(offset, *number as u32);
        }
        self.write(COMMAND_VECTORS, vectors.len() as u32);
        self.write(COMMAND_MODE, mode);
        self.write(COMMAND_TAG, 1);
        self.write(COMMAND_START, start);
        while self.read(STATUS) & STATUS_BUSY != 0 {
            self.wait(1000);
        }
        let mut offsets = (OUTPUT..).step_by(4);
        let mut next = || self.read(offsets.next().unwrap_or(0)) as i32;
        let outputs = vectors
            .iter()
            .map(|vector| vector.iter().map(|_| [next(), next()]).collect())
            .collect();
        (self.read(COMPLETION), outputs)
    }

    /// Products at a wavelength and a gain, coherent. Outputs are amplitudes, 1 for a full input.
    fn products(
        &self,
        wavelength: u32,
        gain: u32,
        vectors: &[Vec<[i32; 2]>],
    ) -> (u32, Vec<Vec<[f64; 2]>>) {
        let (done, outputs) = self.command(START_PRODUCT, wavelength << 8 | gain << 16, vectors);
        let scale = 8.0 / f64::from(1u32 << gain) / 2f64.powi(31);
        let real = |vector: Vec<[i32; 2]>| {
            let amplitude = |pair: [i32; 2]| pair.map(|n| f64::from(n) * scale);
            vector.into_iter().map(amplitude).collect()
        };
        (done, outputs.into_iter().map(real).collect())
    }

    /// A probe with one input vector: outputs as of [`Device::products`], and the powers at the
    /// outputs of each crossing, 1 for a full input.
    fn probe(
        &self,
        wavelength: u32,
        gain: u32,
        vector: &[[i32; 2]],
    ) -> (u32, Vec<[f64; 2]>, Vec<[f64; 2]>) {
        let mode = wavelength << 8 | gain << 16;
        let (done, outputs) = self.command(START_PROBE, mode, &[vector.to_vec()]);
        let scale = 8.0 / f64::from(1u32 << gain) / 2f64.powi(31);
        let outputs = outputs.into_iter().flatten();
        let amplitudes = outputs.map(|pair| pair.map(|n| f64::from(n) * scale));
        let tap = |n: usize| f64::from(self.read(TAP + 4 * n as u32)) / 2f64.powi(32);
        let crossings = self.layout().crossings();
        let taps = (0..crossings).map(|c| [tap(2 * c), tap(2 * c + 1)]);
        (done, amplitudes.collect(), taps.collect())
    }

    /// Powers by direct detection, 1 for that of a full input.
    fn powers(
        &self,
        wavelength: u32,
        gain: u32,
        vectors: &[Vec<[i32; 2]>],
    ) -> (u32, Vec<Vec<f64>>) {
        let mode = wavelength << 8 | gain << 16 | MODE_DIRECT;
        let (done, outputs) = self.command(START_PRODUCT, mode, vectors);
        let scale = 64.0 / 4f64.powi(gain as i32) / 2f64.powi(31);
        let real = |vector: Vec<[i32; 2]>| {
            vector
                .into_iter()
                .map(|pair| f64::from(pair[0]) * scale)
                .collect()
        };
        (done, outputs.into_iter().map(real).collect())
    }
}

impl<S: crate::photonic::model::Surroundings> Device for HostModel<S> {
    fn wait(&self, ns: u64) {
        Model::wait(self, ns);
    }
}
