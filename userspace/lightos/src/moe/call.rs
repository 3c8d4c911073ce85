// SPDX-License-Identifier: GPL-2.0

//! The calls that carry pointers.
//!
//! Each function takes the slices that the call reads or writes and sees to it
//! that they are as long as the module takes them to be; none takes a pointer
//! from elsewhere.

use std::os::fd::OwnedFd;

use rustix::io::{Errno, Result};

use super::batch::{Input, Routes};
use crate::call::update;
use crate::sys::{self, size_of_u32};

/// The address of a slice that is read, as the ABI carries it; 0 for none.
fn from<T>(data: &[T]) -> u64 {
    if data.is_empty() {
        return 0;
    }
    data.as_ptr() as usize as u64
}

/// The address of a slice that is written.
fn to<T>(data: &mut [T]) -> u64 {
    if data.is_empty() {
        return 0;
    }
    data.as_mut_ptr() as usize as u64
}

/// A length as the ABI carries it.
fn count<T>(data: &[T]) -> Result<u32> {
    u32::try_from(data.len()).map_err(|_| Errno::INVAL)
}

/// MOE_CONFIGURE. Returns the bytes of the gate.
pub(super) fn configure(
    file: &OwnedFd,
    layers: &[sys::MoeLayer],
    fault: &mut sys::MoeFault,
) -> Result<u64> {
    let mut call = sys::MoeConfigure {
        size: size_of_u32::<sys::MoeConfigure>(),
        layers: count(layers)?,
        data: from(layers),
        ..Default::default()
    };
    let done = update::<{ sys::MOE_CONFIGURE }, _>(file, &mut call);
    *fault = call.fault;
    done.map(|()| call.bytes)
}

/// MOE_SET_BIASES.
pub(super) fn set_biases(
    file: &OwnedFd,
    layer: u32,
    biases: &[i64],
    fault: &mut sys::MoeFault,
) -> Result<()> {
    let mut call = sys::MoeBiases {
        size: size_of_u32::<sys::MoeBiases>(),
        layer,
        count: count(biases)?,
        data: from(biases),
        ..Default::default()
    };
    let done = update::<{ sys::MOE_SET_BIASES }, _>(file, &mut call);
    *fault = call.fault;
    done
}

/// MOE_GET_BIASES into `biases`, as many as the layer has experts.
pub(super) fn biases(file: &OwnedFd, layer: u32, biases: &mut [i64]) -> Result<()> {
    let mut call = sys::MoeBiases {
        size: size_of_u32::<sys::MoeBiases>(),
        layer,
        count: count(biases)?,
        data: to(biases),
        ..Default::default()
    };
    update::<{ sys::MOE_GET_BIASES }, _>(file, &mut call)
}

/// MOE_SET_HASH.
pub(super) fn set_hash(
    file: &OwnedFd,
    layer: u32,
    table: &[u16],
    fault: &mut sys::MoeFault,
) -> Result<()> {
    let mut call = sys::MoeHash {
        size: size_of_u32::<sys::MoeHash>(),
        layer,
        count: table.len() as u64,
        data: from(table),
        ..Default::default()
    };
    let done = update::<{ sys::MOE_SET_HASH }, _>(file, &mut call);
    *fault = call.fault;
    done
}

/// MOE_SET_PROJECTION of `features` weights for each of `experts` experts, which
/// the module takes from the layer.
pub(super) fn set_projection(
    file: &OwnedFd,
    layer: u32,
    weights: &[i8],
    scales: &[u32],
    fault: &mut sys::MoeFault,
) -> Result<()> {
    let features = weights.len().checked_div(scales.len()).unwrap_or(0);
    let mut call = sys::MoeProjection {
        size: size_of_u32::<sys::MoeProjection>(),
        layer,
        features: u32::try_from(features).map_err(|_| Errno::INVAL)?,
        weights: from(weights),
        scales: from(scales),
        experts: u32::try_from(scales.len()).map_err(|_| Errno::INVAL)?,
        ..Default::default()
    };
    let done = update::<{ sys::MOE_SET_PROJECTION }, _>(file, &mut call);
    *fault = call.fault;
    done
}

/// Where a batch comes from and goes to.
pub(super) fn buffers(
    input: &Input<'_>,
    token_ids: &[u32],
    routes: &mut Routes,
) -> sys::MoeBuffers {
    sys::MoeBuffers {
        input: match input {
            Input::F32(words) => from(words),
            Input::F16(words) | Input::Bf16(words) => from(words),
            Input::Q16(words) => from(words),
            Input::Int8(words) => from(words),
            Input::Absent => 0,
        },
        token_ids: from(token_ids),
        ids: to(&mut routes.ids),
        weights: to(&mut routes.weights),
        fixed: to(&mut routes.fixed),
        slots: to(&mut routes.slots),
    }
}

/// MOE_ROUTE of `tokens` tokens. `routes` has room for as many places as the layer
/// gives each: the caller knows how many, or that they are at most
/// [`sys::MOE_MAX_TOP_K`].
pub(super) fn route(
    file: &OwnedFd,
    call: &mut sys::MoeRoute,
    input: &Input<'_>,
    token_ids: &[u32],
    routes: &mut Routes,
) -> Result<()> {
    call.buffers = buffers(input, token_ids, routes);
    update::<{ sys::MOE_ROUTE }, _>(file, call)
}

/// MOE_EXPERTS into `experts`, as many as the layer has.
pub(super) fn experts(file: &OwnedFd, layer: u32, experts: &mut [sys::MoeExpert]) -> Result<()> {
    let mut call = sys::MoeExperts {
        size: size_of_u32::<sys::MoeExperts>(),
        layer,
        count: count(experts)?,
        data: to(experts),
        ..Default::default()
    };
    update::<{ sys::MOE_EXPERTS }, _>(file, &mut call)
}

/// MOE_PLACE: `call` says whose loads, `loads` may be empty for those of its
/// layer. `experts` and `numbers` have an entry for each replica, `counts` one for
/// each expert.
pub(super) fn place(
    file: &OwnedFd,
    call: &mut sys::MoePlace,
    loads: &[u64],
    experts: &mut [u16],
    numbers: &mut [u16],
    counts: &mut [u16],
) -> Result<()> {
    call.experts = count(counts)?;
    call.replicas = count(experts)?;
    if numbers.len() != experts.len() || !(loads.is_empty() || loads.len() == counts.len()) {
        return Err(Errno::INVAL);
    }
    call.loads = from(loads);
    call.place_experts = to(experts);
    call.place_numbers = to(numbers);
    call.counts = to(counts);
    update::<{ sys::MOE_PLACE }, _>(file, call)
}
