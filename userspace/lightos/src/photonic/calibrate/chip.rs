// SPDX-License-Identifier: GPL-2.0

//! What is known of a chip, and what follows for its phases and fields.

use num_complex::Complex64;

use super::crossing::Crossing;
use super::probe::Info;
use crate::photonic::layout::{Column, Layout, CLASSES};

/// The parameters of a chip. Phases in radians, temperatures in degrees Celsius.
#[derive(Clone, Debug)]
pub struct Chip {
    layout: Layout,
    /// Of each channel: its phase without power, at [`Self::temperature`].
    pub offset: Vec<f64>,
    /// Of each channel: its phase at full scale.
    pub efficiency: Vec<f64>,
    /// Of each channel: by how much its phase changes with each degree.
    pub tempco: Vec<f64>,
    /// Of each crossing: error of the coupler that light passes first.
    pub alpha: Vec<f64>,
    /// Of each crossing: error of the other coupler.
    pub beta: Vec<f64>,
    /// What a heater adds to its neighbours of each class, as a share of its own phase.
    pub crosstalk: [f64; CLASSES],
    /// Relative change of what heaters do with each degree.
    pub heat_tempco: f64,
    /// Factor of what heaters do, against that at wavelength 0.
    pub scale: f64,
    /// Amplitude behind the chip of a full input that is led to one output.
    pub transmission: f64,
    /// Where the offsets hold.
    pub temperature: f64,
    /// Of each crossing: what its taps show of the power that the other parameters predict.
    pub gain: Vec<[f64; 2]>,
    neighbours: Vec<Vec<(usize, usize)>>,
}

impl Chip {
    /// A chip as built after the plan, without errors.
    pub fn nominal(info: &Info, layout: Layout) -> Self {
        let channels = layout.channels();
        let crossings = layout.crossings();
        let mut chip = Self {
            layout,
            offset: vec![0.0; channels],
            efficiency: vec![info.nominal(); channels],
            tempco: vec![0.0; channels],
            alpha: vec![0.0; crossings],
            beta: vec![0.0; crossings],
            crosstalk: [0.0; CLASSES],
            heat_tempco: 0.0,
            scale: 1.0,
            transmission: 1.0,
            temperature: 0.0,
            gain: vec![[1.0; 2]; crossings],
            neighbours: (0..channels)
                .map(|channel| layout.neighbours(channel).collect())
                .collect(),
        };
        // Powers behind an attenuator do not tell its splitters apart, nor do they change with
        // them in first order where both are perfect: a fit needs a side to start from.
        for (crossing, _) in places(layout.column(layout.attenuators())) {
            chip.alpha[crossing] = 0.01;
            chip.beta[crossing] = -0.005;
        }
        chip
    }

    /// Its numbering.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// What a heater adds to the phase of its own channel.
    pub(super) fn heat(&self, channel: usize, drive: &[f64]) -> f64 {
        self.efficiency[channel] * self.scale * drive[channel]
    }

    /// What the neighbours of a channel do, summed by their class.
    pub(super) fn heat_around(&self, channel: usize, drive: &[f64]) -> [f64; CLASSES] {
        let mut sums = [0.0; CLASSES];
        for &(other, class) in &self.neighbours[channel] {
            sums[class] += self.heat(other, drive);
        }
        sums
    }

    /// The phase of a channel.
    ///
    /// `drive` has the share of full power of each heater.
    pub fn phase(&self, channel: usize, drive: &[f64], temperature: f64) -> f64 {
        let around = self.heat_around(channel, drive);
        self.phase_with(channel, drive, &around, temperature)
    }

    pub(super) fn phase_with(
        &self,
        channel: usize,
        drive: &[f64],
        around: &[f64; CLASSES],
        temperature: f64,
    ) -> f64 {
        let crosstalk: f64 = around.iter().zip(&self.crosstalk).map(|(q, x)| q * x).sum();
        let warmer = temperature - self.temperature;
        let heat = (self.heat(channel, drive) + crosstalk) * (1.0 + self.heat_tempco * warmer);
        self.offset[channel] + heat + self.tempco[channel] * warmer
    }

    /// A crossing under a program.
    pub(super) fn crossing(&self, index: usize, drive: &[f64], temperature: f64) -> Crossing {
        Crossing::new(
            self.phase(self.layout.theta(index), drive, temperature),
            self.phase(self.layout.phi(index), drive, temperature),
            self.alpha[index],
            self.beta[index],
        )
    }

    /// Sends a field through one column.
    pub(super) fn pass(
        &self,
        column: usize,
        drive: &[f64],
        temperature: f64,
        fields: &mut [Vec<Complex64>],
    ) {
        let attenuators = column == self.layout.attenuators();
        for (index, top) in places(self.layout.column(column)) {
            let crossing = self.crossing(index, drive, temperature);
            for field in fields.iter_mut() {
                if attenuators {
                    field[top] = crossing.pass([field[top], Complex64::new(0.0, 0.0)])[0];
                } else {
                    let out = crossing.pass([field[top], field[top + 1]]);
                    field[top..top + 2].copy_from_slice(&out);
                }
            }
        }
    }

    /// The adjoint of all columns before `column`.
    pub(super) fn back(
        &self,
        column: usize,
        drive: &[f64],
        temperature: f64,
        fields: &mut [Vec<Complex64>],
    ) {
        for before in (0..column).rev() {
            let attenuators = before == self.layout.attenuators();
            for (index, top) in places(self.layout.column(before)) {
                let crossing = self.crossing(index, drive, temperature);
                for field in fields.iter_mut() {
                    if attenuators {
                        field[top] = crossing.back([field[top], Complex64::new(0.0, 0.0)])[0];
                    } else {
                        let out = crossing.back([field[top], field[top + 1]]);
                        field[top..top + 2].copy_from_slice(&out);
                    }
                }
            }
        }
    }
}

/// The crossings of a column with their upper modes.
pub(super) fn places(column: Column) -> impl Iterator<Item = (usize, usize)> + Clone {
    (0..column.count).map(move |nth| (column.first + nth, column.top + nth * column.stride))
}
