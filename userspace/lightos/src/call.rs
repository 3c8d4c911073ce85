// SPDX-License-Identifier: GPL-2.0

//! The ioctls themselves.
//!
//! All `unsafe` of calls is here: each function makes one kind of call on a
//! structure that it owns or borrows, and none takes a pointer from elsewhere.

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::{Errno, Result};
use rustix::ioctl::{ioctl, Getter, NoArg, Opcode, Setter, Updater};

use crate::sys;

/// A call without an argument.
pub(crate) fn signal<const CODE: Opcode>(file: &OwnedFd) -> Result<()> {
    // SAFETY: CODE is one of crate::sys and takes no argument.
    let call = unsafe { NoArg::<CODE>::new() };
    // SAFETY: the call touches no memory of this process.
    unsafe { ioctl(file, call) }
}

/// A call that fills its argument.
pub(crate) fn get<const CODE: Opcode, T>(file: &OwnedFd) -> Result<T> {
    // SAFETY: every caller pairs CODE with the structure it is made of, and every
    // bit pattern is a valid value of these structures.
    let call = unsafe { Getter::<CODE, T>::new() };
    // SAFETY: the call writes nothing but its own output.
    unsafe { ioctl(file, call) }
}

/// A call that reads its argument, in which nothing is a pointer.
pub(crate) fn set<const CODE: Opcode, T>(file: &OwnedFd, argument: T) -> Result<()> {
    // SAFETY: every caller pairs CODE with the structure it is made of.
    let call = unsafe { Setter::<CODE, T>::new(argument) };
    // SAFETY: the call reads the argument, which it owns.
    unsafe { ioctl(file, call) }
}

/// A call that reads its argument, in which nothing is a pointer, and writes the
/// answer over it.
pub(crate) fn update<const CODE: Opcode, T>(file: &OwnedFd, argument: &mut T) -> Result<()> {
    // SAFETY: every caller pairs CODE with the structure it is made of, and
    // every bit pattern is a valid value of these structures.
    let call = unsafe { Updater::<CODE, T>::new(argument) };
    // SAFETY: the call writes only to the argument, borrowed mutably.
    unsafe { ioctl(file, call) }
}

/// A structure of the ABI or a number: every bit pattern is a value.
pub(crate) trait Plain: Copy + Default {}
impl Plain for u8 {}
impl Plain for u32 {}
impl Plain for i32 {}
impl Plain for i64 {}
impl Plain for sys::Population {}
impl Plain for sys::LoihiParams {}
impl Plain for sys::ExactParams {}
impl Plain for sys::Block {}
impl Plain for sys::NetworkEvent {}
impl Plain for sys::NetworkSpike {}
impl Plain for sys::NetworkVoltage {}
impl Plain for sys::NeuronVariables {}

/// The address of `data` as the ABI carries it.
fn address<T>(data: *const T) -> u64 {
    data as usize as u64
}

/// NETWORK_WRITE of `data`; `call` says where to, and gets the fault.
pub(crate) fn write<T: Plain>(
    file: &OwnedFd,
    call: &mut sys::NetworkWrite,
    data: &[T],
) -> Result<()> {
    call.count = data.len() as u64;
    call.data = address(data.as_ptr());
    // The module reads so many entries of the table's type, which is T: `data`.
    update::<{ sys::NETWORK_WRITE }, _>(file, call)
}

/// NETWORK_INPUT. Returns how many were put in.
pub(crate) fn input(file: &OwnedFd, events: &[sys::NetworkEvent]) -> Result<u64> {
    let mut call = sys::NetworkTransfer {
        size: sys::size_of_u32::<sys::NetworkTransfer>(),
        ring: sys::RING_INPUT,
        count: events.len() as u64,
        data: address(events.as_ptr()),
        ..Default::default()
    };
    update::<{ sys::NETWORK_INPUT }, _>(file, &mut call)?;
    Ok(call.done)
}

/// NETWORK_OUTPUT of ring `ring`, whose records are `T`. Returns them.
pub(crate) fn output<T: Plain>(file: &OwnedFd, ring: u32, limit: usize) -> Result<Vec<T>> {
    let mut records = vec![T::default(); limit];
    let mut call = sys::NetworkTransfer {
        size: sys::size_of_u32::<sys::NetworkTransfer>(),
        ring,
        count: limit as u64,
        data: address(records.as_mut_ptr()),
        ..Default::default()
    };
    update::<{ sys::NETWORK_OUTPUT }, _>(file, &mut call)?;
    records.truncate(usize::try_from(call.done).unwrap_or(usize::MAX));
    Ok(records)
}

/// NETWORK_STATE, writing.
pub(crate) fn write_state(
    file: &OwnedFd,
    first: u32,
    states: &[sys::NeuronVariables],
) -> Result<()> {
    let call = sys::NetworkState {
        size: sys::size_of_u32::<sys::NetworkState>(),
        flags: sys::STATE_WRITE,
        first,
        count: u32::try_from(states.len()).map_err(|_| Errno::INVAL)?,
        data: address(states.as_ptr()),
    };
    set::<{ sys::NETWORK_STATE }, _>(file, call)
}

/// NETWORK_STATE, reading into `states`.
pub(crate) fn read_state(
    file: &OwnedFd,
    first: u32,
    states: &mut [sys::NeuronVariables],
) -> Result<()> {
    let mut call = sys::NetworkState {
        size: sys::size_of_u32::<sys::NetworkState>(),
        flags: 0,
        first,
        count: u32::try_from(states.len()).map_err(|_| Errno::INVAL)?,
        data: address(states.as_mut_ptr()),
    };
    // Not set(), which tells the compiler that no memory changes.
    update::<{ sys::NETWORK_STATE }, _>(file, &mut call)
}

/// NETWORK_SAMPLES.
pub(crate) fn samples(file: &OwnedFd, slot: u32, samples: &[i32]) -> Result<()> {
    let call = sys::NetworkSamples {
        size: sys::size_of_u32::<sys::NetworkSamples>(),
        flags: 0,
        slot,
        count: u32::try_from(samples.len()).map_err(|_| Errno::INVAL)?,
        data: address(samples.as_ptr()),
    };
    set::<{ sys::NETWORK_SAMPLES }, _>(file, call)
}

/// NETWORK_DECODED of all channels into `values`. Returns the winner.
pub(crate) fn decoded(file: &OwnedFd, slot: u32, values: &mut [i64]) -> Result<u32> {
    let mut call = sys::NetworkDecoded {
        size: sys::size_of_u32::<sys::NetworkDecoded>(),
        slot,
        count: u32::try_from(values.len()).map_err(|_| Errno::INVAL)?,
        data: if values.is_empty() {
            0
        } else {
            address(values.as_mut_ptr())
        },
        ..Default::default()
    };
    update::<{ sys::NETWORK_DECODED }, _>(file, &mut call)?;
    Ok(call.winner)
}

/// read(): one completion.
pub(crate) fn completion(file: &OwnedFd) -> Result<sys::NetworkCompletion> {
    let mut bytes = [0; size_of::<sys::NetworkCompletion>()];
    let read = rustix::io::read(file.as_fd(), &mut bytes)?;
    if read != bytes.len() {
        return Err(Errno::IO);
    }
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[at..at + 8]);
        u64::from_ne_bytes(word)
    };
    let half = |at: usize| {
        let mut half = [0; 4];
        half.copy_from_slice(&bytes[at..at + 4]);
        u32::from_ne_bytes(half)
    };
    Ok(sys::NetworkCompletion {
        run: word(0),
        step: word(8),
        steps: word(16),
        busy_ns: word(24),
        reason: half(32),
        missed: half(36),
    })
}
