// SPDX-License-Identifier: GPL-2.0

//! Encoders and decoders, made from what the ABI says.
//!
//! Process context; allocates, with the lock of the network held.

use super::{
    live::{Decoder, Encoder},
    memory::table,
};
use crate::{
    spiking::{
        encode::{
            delta::Difference,
            latency::{Latency, LatencyConfig, Law},
            rate::RateEncoder,
        },
        fixed::Leak,
        network::coder::{Channel, Code, Reading, Register},
    },
    uapi,
};
use core::num::{NonZeroU32, NonZeroU64};
use kernel::prelude::*;

/// The encoder that `request` asks for before a network of so many inputs;
/// `None` for an empty slot. `EINVAL` for what cannot be, `ENOMEM`.
pub(super) fn encoder(request: &uapi::NetworkEncoder, inputs: u32) -> Result<Option<Encoder>> {
    if request.kind == uapi::ENCODER_NONE {
        let empty = uapi::NetworkEncoder {
            size: request.size,
            slot: request.slot,
            ..uapi::NetworkEncoder::default()
        };
        return same(request, &empty).then_some(None).ok_or(EINVAL);
    }
    let code = code(request)?;
    let taken = u64::from(request.channels) * u64::from(code.inputs_per_channel());
    if request.channels == 0 || u64::from(request.first_input) + taken > u64::from(inputs) {
        return Err(EINVAL);
    }
    let samples = table(0, request.channels as usize)?;
    let channels = table(Channel::EMPTY, code.states(request.channels) as usize)?;
    Ok(Some(Encoder::new(
        code,
        request.first_input,
        samples,
        channels,
    )))
}

/// The code, every field that it does not use being 0.
fn code(request: &uapi::NetworkEncoder) -> Result<Code> {
    let at_least_one = |value: u32| NonZeroU32::new(value).ok_or(EINVAL);
    let flag = |bit: u32| request.flags & bit != 0;
    // What every kind uses; each adds its own.
    let common = uapi::NetworkEncoder {
        size: request.size,
        slot: request.slot,
        kind: request.kind,
        first_input: request.first_input,
        channels: request.channels,
        ..uapi::NetworkEncoder::default()
    };
    let (code, used) = match request.kind {
        uapi::ENCODER_RATE => (
            Code::Rate(RateEncoder {
                seed: request.seed,
                gain: request.gain,
                offset: request.offset,
                first_spike_time: request.first_step.into(),
            }),
            uapi::NetworkEncoder {
                seed: request.seed,
                gain: request.gain,
                offset: request.offset,
                first_step: request.first_step,
                ..common
            },
        ),
        uapi::ENCODER_LATENCY => {
            const KNOWN: u32 =
                uapi::ENCODER_LOGARITHMIC | uapi::ENCODER_NORMALIZE | uapi::ENCODER_CLIP;

            let logarithmic = flag(uapi::ENCODER_LOGARITHMIC);
            let normalize = flag(uapi::ENCODER_NORMALIZE);
            // Unused ones stand at 0 in the call and at 1 in the code.
            let unused = NonZeroU32::MIN;
            let config = LatencyConfig {
                law: if logarithmic {
                    Law::Logarithmic
                } else {
                    Law::Linear
                },
                threshold: at_least_one(request.threshold)?,
                epsilon: if logarithmic {
                    at_least_one(request.epsilon)?
                } else {
                    unused
                },
                tau: if normalize {
                    unused
                } else {
                    at_least_one(request.tau)?
                },
                steps: at_least_one(request.steps)?,
                first: request.first_step,
                normalize,
                clip: flag(uapi::ENCODER_CLIP),
            };
            Latency::new(config, 0).map_err(|_| EINVAL)?;
            (
                Code::Latency(config),
                uapi::NetworkEncoder {
                    flags: request.flags & KNOWN,
                    threshold: request.threshold,
                    epsilon: if logarithmic { request.epsilon } else { 0 },
                    tau: if normalize { 0 } else { request.tau },
                    steps: request.steps,
                    first_step: request.first_step,
                    ..common
                },
            )
        }
        uapi::ENCODER_SEND_ON_DELTA => (
            Code::SendOnDelta(at_least_one(request.threshold)?),
            uapi::NetworkEncoder {
                threshold: request.threshold,
                ..common
            },
        ),
        uapi::ENCODER_DIFFERENCE => (
            Code::Difference(Difference {
                threshold: request.threshold,
                off_spike: flag(uapi::ENCODER_OFF_SPIKE),
                padding: flag(uapi::ENCODER_PADDING),
            }),
            uapi::NetworkEncoder {
                flags: request.flags & (uapi::ENCODER_OFF_SPIKE | uapi::ENCODER_PADDING),
                threshold: request.threshold,
                ..common
            },
        ),
        _ => return Err(EINVAL),
    };
    same(request, &used).then_some(code).ok_or(EINVAL)
}

fn same(a: &uapi::NetworkEncoder, b: &uapi::NetworkEncoder) -> bool {
    use kernel::transmute::AsBytes;
    a.as_bytes() == b.as_bytes()
}

/// The decoder that `request` asks for behind a network of so many neurons, for
/// steps of `step_ns`; `None` for an empty slot. `EINVAL` for what cannot be,
/// `ENOMEM`.
pub(super) fn decoder(
    request: &uapi::NetworkDecoder,
    neurons: u32,
    step_ns: u64,
) -> Result<Option<Decoder>> {
    let unused = |zero: bool| zero.then_some(()).ok_or(EINVAL);
    unused(request.reserved == 0 && request.flags == 0)?;
    unused(request.threshold == 0 || request.kind == uapi::DECODER_SUM)?;
    unused(request.tau_ns == 0 || request.kind == uapi::DECODER_RATE)?;
    let reading = match request.kind {
        uapi::DECODER_NONE => {
            unused(request.first_neuron == 0 && request.channels == 0)?;
            return Ok(None);
        }
        uapi::DECODER_COUNT => Reading::Count,
        uapi::DECODER_FIRST => Reading::First,
        uapi::DECODER_SUM => Reading::Sum(request.threshold),
        uapi::DECODER_RATE => {
            let tau_ns = NonZeroU64::new(request.tau_ns).ok_or(EINVAL)?;
            Reading::Rate {
                leak: Leak::new(tau_ns),
                tau_ns,
                step_ns,
            }
        }
        _ => return Err(EINVAL),
    };
    let taken = u64::from(request.channels) * u64::from(reading.neurons_per_channel());
    if request.channels == 0 || u64::from(request.first_neuron) + taken > u64::from(neurons) {
        return Err(EINVAL);
    }
    let channels = table(Register::default(), request.channels as usize)?;
    Ok(Some(Decoder::new(reading, request.first_neuron, channels)))
}
