// SPDX-License-Identifier: GPL-2.0

//! What goes in and comes out: the records of the rings.

use crate::ring::Record;
use crate::sys;

/// An input to a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An input spikes; its synapses act after their delays.
    Spike {
        /// In which step; [`sys::NEXT_STEP`] for the next one.
        step: u64,
        /// Which input.
        input: u32,
    },
    /// A weight is added to those that arrive at a neuron in a step.
    Weight {
        /// In which step; [`sys::NEXT_STEP`] for the next one.
        step: u64,
        /// Which neuron.
        neuron: u32,
        /// The weight. 0 would be a spike of an input and is not sent as one:
        /// [`Event::weight`] refuses it.
        weight: i32,
    },
}

impl Event {
    /// Input `input` spikes in step `step`.
    pub const fn spike(step: u64, input: u32) -> Self {
        Self::Spike { step, input }
    }

    /// `weight` arrives at `neuron` in step `step`; `None` for a weight of 0,
    /// which changes nothing.
    pub const fn weight(step: u64, neuron: u32, weight: i32) -> Option<Self> {
        if weight == 0 {
            return None;
        }
        Some(Self::Weight {
            step,
            neuron,
            weight,
        })
    }

    /// The step it is for.
    pub const fn step(self) -> u64 {
        match self {
            Self::Spike { step, .. } | Self::Weight { step, .. } => step,
        }
    }
}

impl From<Event> for sys::NetworkEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::Spike { step, input } => Self {
                step,
                index: input,
                weight: 0,
            },
            Event::Weight {
                step,
                neuron,
                weight,
            } => Self {
                step,
                index: neuron,
                weight,
            },
        }
    }
}

/// A neuron spiked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spike {
    /// In which step.
    pub step: u64,
    /// Which neuron.
    pub neuron: u32,
}

impl From<sys::NetworkSpike> for Spike {
    fn from(raw: sys::NetworkSpike) -> Self {
        Self {
            step: raw.step,
            neuron: raw.neuron,
        }
    }
}

/// What a probe read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voltage {
    /// After which step.
    pub step: u64,
    /// Which probe.
    pub probe: u32,
    /// The potential, in the units of the network's parameters.
    pub value: i64,
}

impl From<sys::NetworkVoltage> for Voltage {
    fn from(raw: sys::NetworkVoltage) -> Self {
        Self {
            step: raw.step,
            probe: raw.probe,
            value: raw.value,
        }
    }
}

/// Two halves as they lie in memory.
const fn pair(first: u32, second: u32) -> u64 {
    let [a, b, c, d] = first.to_ne_bytes();
    let [e, f, g, h] = second.to_ne_bytes();
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

/// The first of two halves.
const fn first(word: u64) -> u32 {
    let [a, b, c, d, ..] = word.to_ne_bytes();
    u32::from_ne_bytes([a, b, c, d])
}

/// The second of two halves.
const fn second(word: u64) -> u32 {
    let [.., e, f, g, h] = word.to_ne_bytes();
    u32::from_ne_bytes([e, f, g, h])
}

impl Record for Event {
    type Words = [u64; 2];

    fn to_words(self) -> [u64; 2] {
        let raw = sys::NetworkEvent::from(self);
        [raw.step, pair(raw.index, raw.weight as u32)]
    }

    fn from_words([step, rest]: [u64; 2]) -> Self {
        let index = first(rest);
        match second(rest) as i32 {
            0 => Self::Spike { step, input: index },
            weight => Self::Weight {
                step,
                neuron: index,
                weight,
            },
        }
    }
}

impl Record for Spike {
    type Words = [u64; 2];

    fn to_words(self) -> [u64; 2] {
        [self.step, pair(self.neuron, 0)]
    }

    fn from_words([step, rest]: [u64; 2]) -> Self {
        Self {
            step,
            neuron: first(rest),
        }
    }
}

impl Record for Voltage {
    type Words = [u64; 3];

    fn to_words(self) -> [u64; 3] {
        [self.step, pair(self.probe, 0), self.value as u64]
    }

    fn from_words([step, rest, value]: [u64; 3]) -> Self {
        Self {
            step,
            probe: first(rest),
            value: value as i64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_survive_the_ring() {
        let events = [
            Event::spike(sys::NEXT_STEP, 7),
            Event::weight(3, u32::MAX, -5).unwrap(),
        ];
        for event in events {
            assert_eq!(Event::from_words(event.to_words()), event);
        }
        assert_eq!(Event::weight(0, 0, 0), None);
        let spike = Spike {
            step: 1 << 40,
            neuron: 9,
        };
        assert_eq!(Spike::from_words(spike.to_words()), spike);
        let (step, probe, value) = (5, 6, -7);
        let voltage = Voltage { step, probe, value };
        assert_eq!(Voltage::from_words(voltage.to_words()), voltage);
    }

    #[test]
    fn words_lie_as_the_structures_do() {
        let word = Event::weight(1, 2, -3).unwrap().to_words()[1];
        let bytes = word.to_ne_bytes();
        assert_eq!(bytes[..4], 2u32.to_ne_bytes());
        assert_eq!(bytes[4..], (-3i32).to_ne_bytes());
        assert_eq!(
            size_of::<<Event as Record>::Words>(),
            size_of::<sys::NetworkEvent>()
        );
        assert_eq!(
            size_of::<<Spike as Record>::Words>(),
            size_of::<sys::NetworkSpike>()
        );
        assert_eq!(
            size_of::<<Voltage as Record>::Words>(),
            size_of::<sys::NetworkVoltage>()
        );
    }
}
