// SPDX-License-Identifier: GPL-2.0

//! The ioctls on photonic processors: copy in, check, do, copy out.
//!
//! Process context. User memory is never touched with a lock held.

use super::{
    context::{Context, Desk},
    jobs::{Outcome, Task},
    program::Program,
    Processor,
};
use crate::{
    photonic::guard::Limits,
    rust::{
        charged, cred,
        uaccess::{self, demand_zero, UserArg},
    },
    uapi,
};
use kernel::{prelude::*, sync::Arc};

/// Words of user memory that are moved at a time.
const CHUNK: usize = 512;

/// Dispatches a call. `EBADF` where it changes something and the file is read-only.
pub(crate) fn call(context: &Arc<Context>, nr: u32, arg: UserArg, writable: bool) -> Result {
    match nr {
        uapi::NR_PHOTONIC_INFO => info(context, arg),
        uapi::NR_PHOTONIC_STATUS => status(context, arg),
        uapi::NR_PHOTONIC_LIMITS => limits(context, arg, writable),
        uapi::NR_PHOTONIC_GET_PHASES => get_phases(context, arg),
        uapi::NR_PHOTONIC_CALIBRATION => calibration(context, arg, writable),
        uapi::NR_PHOTONIC_EVENTS => events(context, arg),
        _ if !writable => Err(EBADF),
        uapi::NR_PHOTONIC_CONTROL => control(context, arg),
        uapi::NR_PHOTONIC_SET_PHASES => set_phases(context, arg),
        uapi::NR_PHOTONIC_SUBMIT => submit(context, arg),
        uapi::NR_PHOTONIC_WAIT => wait(context, arg),
        uapi::NR_PHOTONIC_PROBE => super::probe::call(context, arg),
        _ => Err(ENOTTY),
    }
}

/// `EINVAL` for a flag that is not in `known`.
pub(super) fn demand_flags(flags: u32, known: u32) -> Result {
    demand_zero(&[flags & !known])
}

/// `PHOTONIC_INFO`.
fn info(context: &Context, arg: UserArg) -> Result {
    let request: uapi::PhotonicInfo = arg.read_extensible()?;
    demand_flags(request.flags, 0)?;
    let mut answer = uapi::PhotonicInfo {
        size: request.size,
        device: request.device,
        devices: context.all().count() as u32,
        ..Default::default()
    };
    match context.all().get(request.device as usize) {
        Ok(processor) => {
            processor.describe(&mut answer);
            arg.write_extensible(answer)
        }
        Err(error) => {
            arg.write_extensible(answer)?;
            Err(error)
        }
    }
}

/// `PHOTONIC_STATUS`.
fn status(context: &Context, arg: UserArg) -> Result {
    let request: uapi::PhotonicStatus = arg.read_extensible()?;
    demand_flags(request.flags, 0)?;
    let processor = context.all().get(request.device as usize)?;
    arg.write_extensible(uapi::PhotonicStatus {
        size: request.size,
        ..processor.status()
    })
}

/// `PHOTONIC_CONTROL`.
fn control(context: &Context, arg: UserArg) -> Result {
    let request: uapi::PhotonicControl = arg.read_extensible()?;
    demand_flags(request.flags, 0)?;
    let processor = context.all().get(request.device as usize)?;
    processor.control(request.action, context.id())
}

/// `PHOTONIC_LIMITS`.
fn limits(context: &Context, arg: UserArg, writable: bool) -> Result {
    let request: uapi::PhotonicLimits = arg.read_extensible()?;
    demand_flags(request.flags, uapi::PHOTONIC_LIMITS_SET)?;
    demand_zero(&[request.reserved, request.reserved2])?;
    let processor = context.all().get(request.device as usize)?;
    if request.flags & uapi::PHOTONIC_LIMITS_SET != 0 {
        if !writable {
            return Err(EBADF);
        }
        return processor.change_limits(|limits| {
            *limits = Limits {
                throttle_mc: request.throttle_mc,
                full_mc: request.full_mc,
                emergency_mc: request.emergency_mc,
                hysteresis_mc: request.hysteresis_mc,
                setpoint_mc: request.setpoint_mc,
            };
        });
    }
    let limits = processor.limits();
    arg.write_extensible(uapi::PhotonicLimits {
        throttle_mc: limits.throttle_mc,
        full_mc: limits.full_mc,
        emergency_mc: limits.emergency_mc,
        hysteresis_mc: limits.hysteresis_mc,
        setpoint_mc: limits.setpoint_mc,
        ..request
    })
}

/// The channels that a call on phases is about. `EINVAL` past the last.
fn channels(desk: &Desk, request: &uapi::PhotonicPhases) -> Result<core::ops::Range<usize>> {
    let (first, count) = (request.first as usize, request.count as usize);
    let end = first.checked_add(count).ok_or(EINVAL)?;
    if end > desk.processor.identity.layout.channels() {
        return Err(EINVAL);
    }
    Ok(first..end)
}

/// `PHOTONIC_SET_PHASES`.
fn set_phases(context: &Context, arg: UserArg) -> Result {
    let mut request: uapi::PhotonicPhases = arg.read_extensible()?;
    demand_flags(request.flags, uapi::PHOTONIC_COMMIT)?;
    demand_zero(&[request.reserved, request.reserved2])?;
    if request.applied != 0 || request.codes != 0 {
        return Err(EINVAL);
    }
    let desk = context.desk(request.device)?;
    let channels = channels(&desk, &request)?;
    let mut phases = charged::table(0u32, channels.len())?;
    read_words(request.requested, &mut phases)?;
    let room = match request.flags & uapi::PHOTONIC_COMMIT {
        0 => None,
        _ => Some(Program::room(desk.processor.identity.layout.channels())?),
    };
    let edited = {
        let mut program = desk.program.lock();
        let edited = program.edit(channels.start, &phases);
        if let (Ok(()), Some(room)) = (edited, room) {
            program.commit(room);
        }
        edited
    };
    if let Err(channel) = edited {
        request.bad_channel = channel;
        arg.write_extensible(request)?;
        return Err(EINVAL);
    }
    request.bad_channel = uapi::PHOTONIC_NO_CHANNEL;
    arg.write_extensible(request)
}

/// `PHOTONIC_GET_PHASES`.
fn get_phases(context: &Context, arg: UserArg) -> Result {
    let request: uapi::PhotonicPhases = arg.read_extensible()?;
    demand_flags(request.flags, 0)?;
    demand_zero(&[request.reserved, request.reserved2])?;
    let desk = context.desk(request.device)?;
    let channels = channels(&desk, &request)?;
    let mut table = charged::table(0u32, channels.len())?;
    if request.requested != 0 {
        let program = desk.program.lock();
        table.copy_from_slice(program.draft().get(channels.clone()).ok_or(EINVAL)?);
        drop(program);
        write_words(request.requested, &table)?;
    }
    if request.codes != 0 {
        desk.processor.applied_codes(channels.start, &mut table);
        write_words(request.codes, &table)?;
    }
    if request.applied != 0 {
        desk.processor.applied_phases(channels.start, &mut table)?;
        write_words(request.applied, &table)?;
    }
    Ok(())
}

/// `PHOTONIC_SUBMIT`.
fn submit(context: &Context, arg: UserArg) -> Result {
    let mut request: uapi::PhotonicSubmit = arg.read_extensible()?;
    let now = request.flags & uapi::PHOTONIC_NOW != 0;
    demand_flags(
        request.flags,
        uapi::PHOTONIC_DIRECT | uapi::PHOTONIC_UNTHROTTLED | uapi::PHOTONIC_NOW,
    )?;
    if !now && (request.output != 0 || request.output_exponents != 0) {
        return Err(EINVAL);
    }
    let desk = context.desk(request.device)?;
    let task = read_task(&desk, &request)?;
    let processor = &desk.processor;
    let job = processor.submit(&desk, task)?;
    desk.vectors
        .fetch_add(request.vectors.into(), kernel::sync::atomic::Relaxed);
    request.job = job;
    // The number first: whoever does not get it could not wait for the job.
    if let Err(error) = arg.write_extensible(request) {
        processor.forget_job(desk.file, job);
        return Err(error);
    }
    if !now {
        return Ok(());
    }
    // Ends by itself, at the job's own time at the latest; a signal leaves it to WAIT.
    let outcome = processor.take_outcome(desk.file, job, u64::MAX)?;
    request.result = result_of(&outcome);
    request.saturated = outcome.saturated;
    let written = write_outcome(&outcome, request.output, request.output_exponents)
        .and_then(|()| arg.write_extensible(request));
    if written.is_err() {
        processor.give_back(desk.file, job, outcome);
    }
    written
}

/// The vectors of a job. `EINVAL` for none, too many, unknown wavelengths, a wild exponent.
fn read_task(desk: &Desk, request: &uapi::PhotonicSubmit) -> Result<Task> {
    let identity = &desk.processor.identity;
    let wavelengths = request.wavelengths.max(1);
    let known = u64::MAX >> (64 - identity.wavelengths);
    let results = u64::from(request.vectors) * u64::from(wavelengths.count_ones());
    if results == 0 || results > uapi::PHOTONIC_MAX_VECTORS.into() || wavelengths & !known != 0 {
        return Err(EINVAL);
    }
    let vectors = request.vectors as usize;
    let mut input = charged::table(0i32, vectors * 2 * identity.layout.modes())?;
    read_words(request.input, &mut input)?;
    let mut exponents = charged::table(0i32, vectors)?;
    if request.input_exponents != 0 {
        read_words(request.input_exponents, &mut exponents)?;
        if !exponents
            .iter()
            .all(|exponent| (-64..=64).contains(exponent))
        {
            return Err(EINVAL);
        }
    }
    Ok(Task::new(desk, request, input, exponents))
}

fn result_of(outcome: &Outcome) -> i32 {
    // As a positive errno, as the header has it.
    outcome
        .result
        .map_or_else(|error| -error.to_errno(), |()| 0)
}

fn write_outcome(outcome: &Outcome, output: u64, exponents: u64) -> Result {
    if outcome.result.is_err() {
        return Ok(());
    }
    if output != 0 {
        write_words(output, &outcome.output)?;
    }
    if exponents != 0 {
        write_words(exponents, &outcome.exponents)?;
    }
    Ok(())
}

/// `PHOTONIC_WAIT`.
fn wait(context: &Context, arg: UserArg) -> Result {
    let mut request: uapi::PhotonicWait = arg.read_extensible()?;
    demand_flags(request.flags, 0)?;
    demand_zero(&[request.reserved])?;
    let processor = context.processor_of_jobs(request.device)?;
    let outcome = processor.take_outcome(context.id(), request.job, request.timeout_ns)?;
    request.result = result_of(&outcome);
    request.saturated = outcome.saturated;
    let written = write_outcome(&outcome, request.output, request.output_exponents)
        .and_then(|()| arg.write_extensible(request));
    if written.is_err() {
        processor.give_back(context.id(), request.job, outcome);
    }
    written
}

/// `PHOTONIC_CALIBRATION`.
fn calibration(context: &Context, arg: UserArg, writable: bool) -> Result {
    let request: uapi::PhotonicCalibration = arg.read_extensible()?;
    demand_flags(request.flags, 0)?;
    let processor = context.all().get(request.device as usize)?;
    if request.op == uapi::PHOTONIC_CALIBRATION_READ {
        return read_calibration(&processor, arg, request);
    }
    if !writable {
        return Err(EBADF);
    }
    if !cred::is_admin() {
        return Err(EPERM);
    }
    match request.op {
        uapi::PHOTONIC_CALIBRATION_LOAD => {
            if request.bytes == 0 || request.bytes > uapi::PHOTONIC_MAX_BLOB {
                return Err(EINVAL);
            }
            let mut blob = charged::table(0u8, request.bytes as usize)?;
            uaccess::memory::<u8>(request.data, blob.len())?
                .reader()
                .read_slice(&mut blob)?;
            processor.use_calibration(blob)
        }
        uapi::PHOTONIC_CALIBRATION_FIRMWARE => processor.use_firmware_calibration(),
        uapi::PHOTONIC_CALIBRATION_DROP => {
            processor.drop_calibration();
            Ok(())
        }
        _ => Err(EINVAL),
    }
}

fn read_calibration(
    processor: &Processor,
    arg: UserArg,
    mut request: uapi::PhotonicCalibration,
) -> Result {
    let calibration = processor.calibration().ok_or(ENODATA)?;
    let blob = calibration.blob().ok_or(ENODATA)?;
    let room = request.bytes;
    request.bytes = blob.len() as u64;
    if room < request.bytes {
        arg.write_extensible(request)?;
        return Err(EMSGSIZE);
    }
    uaccess::memory::<u8>(request.data, blob.len())?
        .writer()
        .write_slice(blob)?;
    arg.write_extensible(request)
}

/// `PHOTONIC_EVENTS`.
fn events(context: &Arc<Context>, arg: UserArg) -> Result {
    let mut request: uapi::PhotonicEvents = arg.read_extensible()?;
    demand_flags(request.flags, uapi::PHOTONIC_EVENTS_SUBSCRIBE)?;
    if request.flags & uapi::PHOTONIC_EVENTS_SUBSCRIBE != 0 {
        demand_flags(request.kinds, uapi::PHOTONIC_EVENTS_ALL)?;
        demand_flags(request.devices, (1 << uapi::PHOTONIC_MAX_DEVICES) - 1)?;
        return context.subscribe(request.devices, request.kinds);
    }
    demand_zero(&[request.devices, request.kinds])?;
    let event = context.inbox().take()?;
    request.event_time_ns = event.time_ns;
    request.event_device = event.device;
    request.event_kind = event.kind;
    request.event_value = event.value;
    arg.write_extensible(request)
        .inspect_err(|_| context.inbox().give_back(event))
}

/// A word of a table that goes to or comes from user space.
pub(super) trait Word: Copy + Default {
    fn from_word(word: u32) -> Self;
    fn to_word(self) -> u32;
}

impl Word for u32 {
    fn from_word(word: u32) -> Self {
        word
    }

    fn to_word(self) -> u32 {
        self
    }
}

impl Word for i32 {
    fn from_word(word: u32) -> Self {
        word as i32
    }

    fn to_word(self) -> u32 {
        self as u32
    }
}

/// Fills `to` from user memory. `EFAULT`.
pub(super) fn read_words<T: Word>(data: u64, to: &mut [T]) -> Result {
    let mut reader = uaccess::memory::<u32>(data, to.len())?.reader();
    let mut chunk = [0u32; CHUNK];
    for part in to.chunks_mut(CHUNK) {
        let chunk = &mut chunk[..part.len()];
        reader.read_slice(kernel::transmute::AsBytes::as_bytes_mut(chunk))?;
        for (to, &word) in part.iter_mut().zip(chunk.iter()) {
            *to = T::from_word(word);
        }
    }
    Ok(())
}

/// Copies `from` to user memory. `EFAULT`.
pub(super) fn write_words<T: Word>(data: u64, from: &[T]) -> Result {
    let mut writer = uaccess::memory::<u32>(data, from.len())?.writer();
    let mut chunk = [0u32; CHUNK];
    for part in from.chunks(CHUNK) {
        let chunk = &mut chunk[..part.len()];
        for (word, &from) in chunk.iter_mut().zip(part) {
            *word = from.to_word();
        }
        writer.write_slice(kernel::transmute::AsBytes::as_bytes(chunk))?;
    }
    Ok(())
}
