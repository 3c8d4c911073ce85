// SPDX-License-Identifier: GPL-2.0

//! Encoders before inputs and decoders behind neurons, in the module.
//!
//! Formulas, sources and error bounds: "Encoders and decoders" in
//! Documentation/spiking.rst.

use std::time::Duration;

use crate::sys::{self, size_of_u32};
use crate::types::abi_enum;

abi_enum! {
    /// What an encoder does.
    EncoderKind ("encoder kind") {
        /// The slot is empty.
        None = 0, "none";
        /// Random spikes at a rate.
        Rate = 1, "rate";
        /// One spike, the earlier the larger the sample.
        Latency = 2, "latency";
        /// Signed spikes that follow the samples.
        SendOnDelta = 3, "send-on-delta";
        /// A spike where the sample moved.
        Difference = 4, "difference";
    }
}

abi_enum! {
    /// What a decoder does.
    DecoderKind ("decoder kind") {
        /// The slot is empty.
        None = 0, "none";
        /// Spikes of each channel.
        Count = 1, "count";
        /// The time of the first spike.
        First = 2, "first";
        /// The running sum of signed spikes.
        Sum = 3, "sum";
        /// The filtered rate.
        Rate = 4, "rate";
    }
}

/// `value` as a signed number with 16 binary places; `None` beyond +-32768.
pub fn q16_16(value: f64) -> Option<i32> {
    let scaled = (value * 65_536.0).round();
    (f64::from(i32::MIN)..=f64::from(i32::MAX))
        .contains(&scaled)
        .then_some(scaled as i32)
}

/// `value`, from 0 to below 1, with 32 binary places.
pub fn q0_32(value: f64) -> Option<u32> {
    let scaled = (value * 4_294_967_296.0).round();
    (0.0..=f64::from(u32::MAX))
        .contains(&scaled)
        .then_some(scaled as u32)
}

/// The code of a latency encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatencyCode {
    /// The time falls linearly with the sample.
    Linear {
        /// Time constant in steps, Q16.16; `None`: normalised to the steps of a
        /// presentation.
        tau: Option<u32>,
    },
    /// The time that a membrane under a constant current takes.
    Logarithmic {
        /// As for linear.
        tau: Option<u32>,
        /// The least distance from the threshold, Q0.32, above 0.
        epsilon: u32,
    },
}

/// How samples become spikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// At each step a channel fires with the probability
    /// clip(gain x + offset, 0, 1).
    Rate {
        /// Of the random numbers.
        seed: u64,
        /// Q16.16.
        gain: i32,
        /// Q16.16.
        offset: i32,
        /// No spike in earlier steps of a presentation.
        first_step: u32,
    },
    /// One spike a channel and presentation, the earlier the larger the sample.
    Latency {
        /// The code.
        code: LatencyCode,
        /// Q0.32, above 0.
        threshold: u32,
        /// Samples below the threshold stay silent; else they fire last.
        clip: bool,
        /// Steps of a presentation, at least 1.
        steps: u32,
        /// No spike in earlier steps of a presentation.
        first_step: u32,
    },
    /// Signed spikes that keep a decoder within `threshold` of the sample.
    SendOnDelta {
        /// Q16.16, above 0.
        threshold: u32,
    },
    /// A spike where the sample moved by `threshold` since the one before.
    Difference {
        /// Q16.16.
        threshold: u32,
        /// Spikes for falls too, on the second half of the inputs.
        off_spike: bool,
        /// Compare the first sample with itself; else with 0.
        padding: bool,
    },
}

/// An encoder before some inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoder {
    /// The input of channel 0. Delta kinds take twice as many inputs as
    /// channels: rises first, then falls.
    pub first_input: u32,
    /// How many channels, at least 1.
    pub channels: u32,
    /// What it does.
    pub encoding: Encoding,
}

impl Encoder {
    /// The structure of the call, for slot `slot`.
    pub(crate) fn raw(&self, slot: u32) -> sys::NetworkEncoder {
        let mut raw = sys::NetworkEncoder {
            size: size_of_u32::<sys::NetworkEncoder>(),
            slot,
            first_input: self.first_input,
            channels: self.channels,
            ..Default::default()
        };
        match self.encoding {
            Encoding::Rate {
                seed,
                gain,
                offset,
                first_step,
            } => {
                raw.kind = EncoderKind::Rate.as_u32();
                raw.seed = seed;
                raw.gain = gain;
                raw.offset = offset;
                raw.first_step = first_step;
            }
            Encoding::Latency {
                code,
                threshold,
                clip,
                steps,
                first_step,
            } => {
                raw.kind = EncoderKind::Latency.as_u32();
                raw.threshold = threshold;
                raw.steps = steps;
                raw.first_step = first_step;
                raw.flags = bit(clip, sys::ENCODER_CLIP);
                latency(&mut raw, code);
            }
            Encoding::SendOnDelta { threshold } => {
                raw.kind = EncoderKind::SendOnDelta.as_u32();
                raw.threshold = threshold;
            }
            Encoding::Difference {
                threshold,
                off_spike,
                padding,
            } => {
                raw.kind = EncoderKind::Difference.as_u32();
                raw.threshold = threshold;
                raw.flags =
                    bit(off_spike, sys::ENCODER_OFF_SPIKE) | bit(padding, sys::ENCODER_PADDING);
            }
        }
        raw
    }
}

/// `bit` if `set`.
const fn bit(set: bool, bit: u32) -> u32 {
    if set {
        bit
    } else {
        0
    }
}

fn latency(raw: &mut sys::NetworkEncoder, code: LatencyCode) {
    let tau = match code {
        LatencyCode::Linear { tau } => tau,
        LatencyCode::Logarithmic { tau, epsilon } => {
            raw.flags |= sys::ENCODER_LOGARITHMIC;
            raw.epsilon = epsilon;
            tau
        }
    };
    match tau {
        Some(tau) => raw.tau = tau,
        None => raw.flags |= sys::ENCODER_NORMALIZE,
    }
}

/// How spikes become numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoding {
    /// Spikes of each channel; the most wins.
    Count,
    /// 1 + the step of the first spike, 0 for none; the earliest wins.
    First,
    /// The running sum of signed spikes of two neurons a channel, rises first,
    /// then falls; the greatest wins.
    Sum {
        /// What a spike is worth.
        threshold: u32,
    },
    /// The exponentially filtered rate in mHz; the greatest wins.
    Rate {
        /// Its time constant, whole ns, at least 1.
        tau: Duration,
    },
}

/// A decoder behind some neurons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoder {
    /// The neuron of channel 0.
    pub first_neuron: u32,
    /// How many channels, at least 1.
    pub channels: u32,
    /// What it does.
    pub decoding: Decoding,
}

impl Decoder {
    /// The structure of the call, for slot `slot`.
    pub(crate) fn raw(&self, slot: u32) -> sys::NetworkDecoder {
        let (kind, threshold, tau_ns) = match self.decoding {
            Decoding::Count => (DecoderKind::Count, 0, 0),
            Decoding::First => (DecoderKind::First, 0, 0),
            Decoding::Sum { threshold } => (DecoderKind::Sum, threshold, 0),
            Decoding::Rate { tau } => {
                let tau = u64::try_from(tau.as_nanos()).unwrap_or(u64::MAX);
                (DecoderKind::Rate, 0, tau)
            }
        };
        sys::NetworkDecoder {
            size: size_of_u32::<sys::NetworkDecoder>(),
            slot,
            kind: kind.as_u32(),
            first_neuron: self.first_neuron,
            channels: self.channels,
            threshold,
            tau_ns,
            ..Default::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_point() {
        assert_eq!(q16_16(1.5), Some(98_304));
        assert_eq!(q16_16(-1.0), Some(-65_536));
        assert_eq!((q16_16(32_768.0), q16_16(f64::NAN)), (None, None));
        assert_eq!(q0_32(0.5), Some(1 << 31));
        assert_eq!((q0_32(1.0), q0_32(-0.1)), (None, None));
    }

    #[test]
    fn fields_that_a_kind_does_not_use_are_0() {
        let encoder = |encoding| {
            Encoder {
                first_input: 1,
                channels: 2,
                encoding,
            }
            .raw(3)
        };
        let raw = encoder(Encoding::Latency {
            code: LatencyCode::Logarithmic {
                tau: None,
                epsilon: 9,
            },
            threshold: 5,
            clip: true,
            steps: 10,
            first_step: 1,
        });
        let flags = sys::ENCODER_LOGARITHMIC | sys::ENCODER_CLIP | sys::ENCODER_NORMALIZE;
        assert_eq!(
            (raw.flags, raw.tau, raw.epsilon, raw.seed),
            (flags, 0, 9, 0)
        );
        let raw = encoder(Encoding::SendOnDelta { threshold: 5 });
        assert_eq!(
            (raw.kind, raw.flags, raw.threshold, raw.steps),
            (3, 0, 5, 0)
        );
        let tau = Duration::from_millis(20);
        let decoding = Decoding::Rate { tau };
        let decoder = Decoder {
            first_neuron: 1,
            channels: 2,
            decoding,
        };
        let raw = decoder.raw(0);
        assert_eq!((raw.kind, raw.threshold, raw.tau_ns), (4, 0, 20_000_000));
    }
}
