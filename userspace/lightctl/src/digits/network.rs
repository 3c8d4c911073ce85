// SPDX-License-Identifier: GPL-2.0

//! From a digit to events, and from spikes to a class.
//!
//! scripts/train_digits.py explains the code: a pixel's intensity is the time of
//! its event, and read-out pulses of growing strength make the neuron with the
//! strongest evidence fire most often.

use std::collections::BTreeSet;
use std::ops::Range;

use lightos::sys::MAX_PENDING_EVENTS;

use crate::failure::Failure;

/// Pixels of a digit.
pub(crate) const PIXELS: usize = 64;
/// The greatest intensity of a pixel.
pub(crate) const FULL_INTENSITY: usize = 16;
/// Classes: the digits 0 to 9.
pub(crate) const CLASSES: usize = 10;

/// A handwritten digit.
#[derive(Clone, Debug)]
pub(crate) struct Digit {
    /// Row by row from the top left, 0 to [`FULL_INTENSITY`].
    pub(crate) intensities: [usize; PIXELS],
    /// What its writer meant.
    pub(crate) label: usize,
}

/// A read-out pulse, which every neuron receives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pulse {
    /// When, after the start of the digit.
    pub(crate) offset_ns: u64,
    /// How strong.
    pub(crate) amplitude_mv: i32,
}

/// An output neuron.
#[derive(Clone, Debug)]
pub(crate) struct Neuron {
    /// The class that it speaks for.
    pub(crate) class: usize,
    /// What it receives on top of the first pulse.
    pub(crate) bias_mv: i32,
    /// What an event of each pixel adds; 0 is no connection.
    pub(crate) weights_mv: [i32; PIXELS],
}

/// One event, times and neurons being relative to the digit's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    /// When, after the start of the digit.
    pub(crate) offset_ns: u64,
    /// Which of the digit's neurons.
    pub(crate) neuron: u32,
    /// What it adds to the membrane.
    pub(crate) amplitude_mv: i32,
}

/// The network, as stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network {
    /// Rows that the weights were fitted on.
    pub(crate) train: Range<usize>,
    /// Rows to be classified.
    pub(crate) test: Range<usize>,
    /// How long one digit takes.
    pub(crate) duration_ns: u64,
    /// When a pixel of each intensity sends its events, if at all.
    pub(crate) latency_ns: [Option<u64>; FULL_INTENSITY + 1],
    /// The read-out.
    pub(crate) pulses: Vec<Pulse>,
    /// The neurons of one digit.
    pub(crate) neurons: Vec<Neuron>,
}

impl Network {
    /// Whether the parts fit together; says what does not.
    pub(crate) fn check(&self) -> Result<(), String> {
        let classes: BTreeSet<usize> = self.neurons.iter().map(|neuron| neuron.class).collect();
        if classes.len() != CLASSES {
            return Err("not every class has a neuron".to_owned());
        }
        let last_pulse = match self.pulses.last() {
            Some(pulse) if self.pulses.is_sorted_by(|a, b| a.offset_ns < b.offset_ns) => pulse,
            _ => return Err("the pulses are not in order of time".to_owned()),
        };
        let last_pixel = self.latency_ns.iter().flatten().max();
        if self.duration_ns <= last_pulse.offset_ns.max(last_pixel.copied().unwrap_or(0)) {
            return Err("an event lies outside of the duration".to_owned());
        }
        if self.test.is_empty() {
            return Err("no test rows".to_owned());
        }
        if self.train.start < self.test.end && self.test.start < self.train.end {
            return Err("a test row is among those that the weights were fitted on".to_owned());
        }
        Ok(())
    }

    /// The first `count` of the test rows, or all, each with its row.
    pub(crate) fn choose<'a>(
        &self,
        digits: &'a [Digit],
        count: Option<usize>,
    ) -> Result<Vec<(usize, &'a Digit)>, Failure> {
        let all = self.test.len();
        let count = count.unwrap_or(all);
        if count == 0 || count > all {
            return Err(Failure::Usage(format!(
                "the weights leave {all} digits for the test, not {count}"
            )));
        }
        let rows = self.test.start..self.test.start + count;
        let part = digits.get(rows.clone()).ok_or_else(|| {
            Failure::Usage(format!(
                "the file holds {} digits where the test needs {}",
                digits.len(),
                rows.end
            ))
        })?;
        Ok(rows.zip(part).collect())
    }

    /// The events of a digit in the order of time.
    pub(crate) fn encode(&self, digit: &Digit) -> Result<Vec<Input>, Failure> {
        let mut inputs = self.pixel_inputs(digit);
        inputs.extend(self.pulse_inputs());
        inputs.sort_by_key(|input| input.offset_ns); // stable
        if inputs.len() > MAX_PENDING_EVENTS as usize {
            return Err(Failure::Usage(format!(
                "one digit is {} events; the queue holds {MAX_PENDING_EVENTS}",
                inputs.len()
            )));
        }
        Ok(inputs)
    }

    fn pixel_inputs(&self, digit: &Digit) -> Vec<Input> {
        let seen = digit.intensities.iter().enumerate();
        seen.filter_map(|(pixel, &p)| Some((pixel, self.latency_ns[p]?)))
            .flat_map(|(pixel, offset_ns)| {
                let connected = (0..).zip(&self.neurons).map(move |(neuron, target)| Input {
                    offset_ns,
                    neuron,
                    amplitude_mv: target.weights_mv[pixel],
                });
                connected.filter(|input| input.amplitude_mv != 0)
            })
            .collect()
    }

    /// Each pulse and, but for the last, its negative at the same instant.
    ///
    /// A neuron that fires on the pulse is refractory when the negative comes.
    fn pulse_inputs(&self) -> Vec<Input> {
        let mut inputs = Vec::new();
        for (index, pulse) in self.pulses.iter().enumerate() {
            let is_last = index + 1 == self.pulses.len();
            for (neuron, target) in (0..).zip(&self.neurons) {
                let bias_mv = if index == 0 { target.bias_mv } else { 0 };
                inputs.push(Input {
                    offset_ns: pulse.offset_ns,
                    neuron,
                    amplitude_mv: pulse.amplitude_mv + bias_mv,
                });
                if !is_last {
                    inputs.push(Input {
                        offset_ns: pulse.offset_ns,
                        neuron,
                        amplitude_mv: -pulse.amplitude_mv,
                    });
                }
            }
        }
        inputs
    }

    /// The class whose neuron spiked most; on a tie the class with more spikes
    /// in all; on a tie of both the lower digit.
    pub(crate) fn decide(&self, spikes: &[u64]) -> usize {
        let mut tally = [(0, 0); CLASSES];
        for (neuron, &count) in self.neurons.iter().zip(spikes) {
            let (top, total) = &mut tally[neuron.class];
            *top = count.max(*top);
            *total += count;
        }
        let mut best = 0;
        for class in 1..CLASSES {
            if tally[class] > tally[best] {
                best = class;
            }
        }
        best
    }
}
