// SPDX-License-Identifier: GPL-2.0

//! Encoders before the inputs of a network, decoders behind its neurons.
//!
//! The codes themselves are in `encode/` and `decode.rs`, one sample and one spike at a time. Here
//! they meet the steps of a network: an [`Encoder`] is asked before each step which inputs spike,
//! a [`Decoder`] is told each spike. Their memory comes from the caller.
//!
//! Plain arithmetic; the lock of the network.

use core::num::{NonZeroU32, NonZeroU64};

use super::super::decode::{RateFilter, Sigma};
use super::super::encode::delta::{Difference, SendOnDelta, Track};
use super::super::encode::latency::{FirstSpike, Latency, LatencyConfig};
use super::super::encode::rate::RateEncoder;
use super::super::encode::{Polarity, Sample};
use super::super::fixed::Leak;
use super::description::Memory;

/// The code of an encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Rate; steps count from the first one with the present samples.
    Rate(RateEncoder),
    /// Latency; times count from the same step. Its `first` is below its number of steps.
    Latency(LatencyConfig),
    /// Send-on-delta, one event a step and channel.
    SendOnDelta(NonZeroU32),
    /// Plain differences.
    Difference(Difference),
}

impl Code {
    /// Inputs that a channel takes: two where its spikes have a sign.
    pub const fn inputs_per_channel(&self) -> u32 {
        match self {
            Self::Rate(_) | Self::Latency(_) => 1,
            Self::SendOnDelta(_) | Self::Difference(_) => 2,
        }
    }

    /// States that `channels` channels take: none where a sample is all there is to a channel.
    pub const fn states(&self, channels: u32) -> u32 {
        match self {
            Self::Rate(_) => 0,
            _ => channels,
        }
    }
}

/// What an encoder keeps of a channel besides its sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Latency: the step of its spike since the samples came, `u32::MAX` for none.
    at: u32,
    /// Send-on-delta: what the decoder holds.
    track: Track,
    /// Difference: the sample before.
    previous: Option<Sample>,
}

impl Channel {
    /// A channel without a sample.
    pub const EMPTY: Self = Self {
        at: u32::MAX,
        track: Track::new(0),
        previous: None,
    };
}

/// Whether, and since which step, an encoder has samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    /// None yet.
    None,
    /// From the step that comes next.
    Fresh,
    /// Since this step.
    Since(u64),
}

/// An encoder before some inputs.
pub struct Encoder<M: Memory> {
    code: Code,
    first_input: u32,
    samples: M::Of<Sample>,
    channels: M::Of<Channel>,
    age: Age,
    /// Latency: steps of the present samples after which no channel is left to fire.
    end: u32,
}

impl<M: Memory> Encoder<M> {
    /// An encoder of as many channels as `samples` has, from input `first_input` on. `channels`
    /// is as long as [`Code::states`] says. The content of both does not matter.
    pub fn new(
        code: Code,
        first_input: u32,
        samples: M::Of<Sample>,
        channels: M::Of<Channel>,
    ) -> Self {
        let mut encoder = Self {
            code,
            first_input,
            samples,
            channels,
            age: Age::None,
            end: 0,
        };
        encoder.reset();
        encoder
    }

    /// Forgets all samples.
    pub fn reset(&mut self) {
        self.channels.fill(Channel::EMPTY);
        self.age = Age::None;
    }

    /// How many channels.
    pub fn channels(&self) -> usize {
        self.samples.len()
    }

    /// Takes a sample for each channel, from the step that comes next on. `None`, and nothing
    /// taken, for another number of samples.
    pub fn present(&mut self, samples: &[Sample]) -> Option<()> {
        if samples.len() != self.samples.len() {
            return None;
        }
        self.samples.copy_from_slice(samples);
        if let Code::Latency(config) = &self.code {
            let lowest = samples.iter().copied().min().unwrap_or(0);
            let code = Latency::new(*config, lowest).ok()?;
            self.end = 0;
            for (channel, &sample) in self.channels.iter_mut().zip(samples) {
                channel.at = match code.encode(sample) {
                    FirstSpike::At(step) => step,
                    FirstSpike::Clipped | FirstSpike::Late | FirstSpike::Early => u32::MAX,
                };
                if channel.at != u32::MAX {
                    self.end = self.end.max(channel.at.wrapping_add(1));
                }
            }
        }
        self.age = Age::Fresh;
        Some(())
    }

    /// Calls `sink` with each input that spikes at `step`.
    pub fn spikes(&mut self, step: u64, mut sink: impl FnMut(u32)) {
        let (since, fresh) = match self.age {
            Age::None => return,
            Age::Fresh => (step, true),
            Age::Since(since) => (since, false),
        };
        self.age = Age::Since(since);
        let age = step.saturating_sub(since);
        let (first, falls) = (self.first_input, self.samples.len() as u32);
        let of = |channel: u32, polarity| match polarity {
            Polarity::On => first.wrapping_add(channel),
            Polarity::Off => first.wrapping_add(falls).wrapping_add(channel),
        };
        let channels = (0u32..)
            .zip(self.channels.iter_mut())
            .zip(self.samples.iter());
        match &self.code {
            Code::Rate(code) => {
                code.encode(age, &self.samples, |channel| {
                    sink(of(channel, Polarity::On))
                });
            }
            Code::Latency(_) if age >= u64::from(self.end) => {}
            Code::Latency(_) => {
                for ((number, channel), _) in channels {
                    if u64::from(channel.at) == age {
                        sink(of(number, Polarity::On));
                    }
                }
            }
            Code::SendOnDelta(threshold) => {
                let code = SendOnDelta {
                    threshold: *threshold,
                    max_events: NonZeroU32::MIN,
                };
                for ((number, channel), &sample) in channels {
                    let emit = |polarity| sink(of(number, polarity));
                    code.encode(&mut channel.track, sample, emit);
                }
            }
            Code::Difference(code) if fresh => {
                for ((number, channel), &sample) in channels {
                    if let Some(polarity) = code.encode(&mut channel.previous, sample) {
                        sink(of(number, polarity));
                    }
                }
            }
            Code::Difference(_) => {}
        }
    }
}

/// What a decoder computes of the spikes of a channel.
#[derive(Clone, Copy, Debug)]
pub enum Reading {
    /// How many.
    Count,
    /// 1 + the step of the first, 0 for none.
    First,
    /// Their signed sum, each worth this: of two neurons a channel, rises and falls.
    Sum(u32),
    /// Their exponentially filtered rate, in mHz, for this time constant and step in ns.
    Rate {
        /// The leak of the filter.
        leak: Leak,
        /// Its time constant.
        tau_ns: NonZeroU64,
        /// Nanoseconds a step.
        step_ns: u64,
    },
}

impl Reading {
    /// Neurons that a channel takes.
    pub const fn neurons_per_channel(&self) -> u32 {
        match self {
            Self::Sum(_) => 2,
            _ => 1,
        }
    }
}

/// What a decoder keeps of a channel; which part depends on the reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Register {
    number: u64,
    sum: Sigma,
    rate: RateFilter,
}

/// A decoder behind some neurons.
pub struct Decoder<M: Memory> {
    reading: Reading,
    first_neuron: u32,
    channels: M::Of<Register>,
    spiked: bool,
}

impl<M: Memory> Decoder<M> {
    /// A decoder of as many channels as `channels` has, from neuron `first_neuron` on. The
    /// content of `channels` does not matter.
    pub fn new(reading: Reading, first_neuron: u32, channels: M::Of<Register>) -> Self {
        let mut decoder = Self {
            reading,
            first_neuron,
            channels,
            spiked: false,
        };
        decoder.reset();
        decoder
    }

    /// Forgets all spikes.
    pub fn reset(&mut self) {
        self.channels.fill(Register::default());
        self.spiked = false;
    }

    /// How many channels.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// Takes a spike of `neuron`, be it one of its own or not.
    pub fn spike(&mut self, step: u64, neuron: u32) {
        let place = neuron.wrapping_sub(self.first_neuron) as usize;
        let channels = self.channels.len();
        let (channel, polarity) = match self.reading {
            Reading::Sum(_) if place >= channels => (place.wrapping_sub(channels), Polarity::Off),
            _ => (place, Polarity::On),
        };
        let Some(register) = self.channels.get_mut(channel) else {
            return;
        };
        self.spiked = true;
        match &self.reading {
            Reading::Count => register.number = register.number.saturating_add(1),
            Reading::First if register.number == 0 => register.number = step.saturating_add(1),
            Reading::First => {}
            // Both stop at the end of their range, which takes more than 2^31 spikes.
            Reading::Sum(worth) => {
                register.sum.event(polarity, *worth);
            }
            Reading::Rate { leak, step_ns, .. } => {
                register.rate.spike(leak, step.saturating_mul(*step_ns));
            }
        }
    }

    /// The value of `channel` before `step`; 0 for one that is not there.
    pub fn value(&self, channel: usize, step: u64) -> i64 {
        let Some(register) = self.channels.get(channel) else {
            return 0;
        };
        match &self.reading {
            Reading::Count | Reading::First => i64::try_from(register.number).unwrap_or(i64::MAX),
            Reading::Sum(_) => register.sum.value(),
            Reading::Rate {
                leak,
                tau_ns,
                step_ns,
            } => {
                let now = step.saturating_sub(1).saturating_mul(*step_ns);
                let rate = register.rate.millihertz(leak, *tau_ns, now);
                i64::try_from(rate).unwrap_or(i64::MAX)
            }
        }
    }

    /// The channel that wins before `step`: the lowest of those with the greatest value, of
    /// [`Reading::First`] with the least. `None` without a spike.
    pub fn winner(&self, step: u64) -> Option<u32> {
        if !self.spiked {
            return None;
        }
        let rank = |channel: usize| match (&self.reading, self.value(channel, step)) {
            (Reading::First, 0) => i64::MIN,
            (Reading::First, at) => at.wrapping_neg(),
            (_, value) => value,
        };
        let mut best = (0, rank(0));
        for channel in 1..self.channels.len() {
            let own = rank(channel);
            if own > best.1 {
                best = (channel, own);
            }
        }
        Some(best.0 as u32)
    }
}
