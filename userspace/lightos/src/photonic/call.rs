// SPDX-License-Identifier: GPL-2.0

//! The calls that carry pointers.
//!
//! Each function takes the slices that the call reads or writes and sees to it that
//! they are as long as the module takes them to be, which knows the modes N of its
//! processor as [`Info`] does; none takes a pointer from elsewhere.

use std::os::fd::OwnedFd;

use rustix::io::{Errno, Result};

use super::info::Info;
use super::job::Options;
use super::probe::Probe;
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

/// SET_PHASES from channel `first` on. Returns the bad channel where there is one.
pub(super) fn set_phases(
    file: &OwnedFd,
    device: u32,
    first: u32,
    phases: &[u32],
    commit: bool,
) -> std::result::Result<(), (Errno, u32)> {
    let mut call = sys::PhotonicPhases {
        size: size_of_u32::<sys::PhotonicPhases>(),
        flags: if commit { sys::PHOTONIC_COMMIT } else { 0 },
        device,
        first,
        count: count(phases).map_err(|errno| (errno, sys::PHOTONIC_NO_CHANNEL))?,
        requested: from(phases),
        bad_channel: sys::PHOTONIC_NO_CHANNEL,
        ..Default::default()
    };
    update::<{ sys::PHOTONIC_SET_PHASES }, _>(file, &mut call)
        .map_err(|errno| (errno, call.bad_channel))
}

/// GET_PHASES from channel `first` on, as many as each slice has.
pub(super) fn phases(
    file: &OwnedFd,
    device: u32,
    first: u32,
    requested: &mut [u32],
    applied: &mut [u32],
    codes: &mut [u32],
) -> Result<()> {
    if requested.len() != applied.len() || requested.len() != codes.len() {
        return Err(Errno::INVAL);
    }
    let mut call = sys::PhotonicPhases {
        size: size_of_u32::<sys::PhotonicPhases>(),
        device,
        first,
        count: count(requested)?,
        requested: to(requested),
        applied: to(applied),
        codes: to(codes),
        ..Default::default()
    };
    update::<{ sys::PHOTONIC_GET_PHASES }, _>(file, &mut call)
}

/// SUBMIT of vectors as long as the processor has modes; with `output` (words and
/// exponents of the result over all wavelengths) it waits. Returns what the module
/// wrote.
pub(super) fn submit(
    file: &OwnedFd,
    info: &Info,
    (words, exponents): (&[i32], &[i32]),
    options: &Options,
    output: Option<(&mut [i32], &mut [i32])>,
) -> Result<sys::PhotonicSubmit> {
    let row = 2 * info.modes as usize;
    if words.len() != exponents.len() * row {
        return Err(Errno::INVAL);
    }
    let mut call = sys::PhotonicSubmit {
        size: size_of_u32::<sys::PhotonicSubmit>(),
        flags: options.flags(),
        device: info.number,
        vectors: count(exponents)?,
        wavelengths: options.wavelengths,
        timeout_ns: options.timeout_ns(),
        input: from(words),
        input_exponents: from(exponents),
        ..Default::default()
    };
    if let Some((words, exponents_out)) = output {
        let results = exponents.len() * options.colours();
        if exponents_out.len() != results || words.len() != results * row {
            return Err(Errno::INVAL);
        }
        call.flags |= sys::PHOTONIC_NOW;
        call.output = to(words);
        call.output_exponents = to(exponents_out);
    }
    update::<{ sys::PHOTONIC_SUBMIT }, _>(file, &mut call)?;
    Ok(call)
}

/// WAIT for job `job`, whose result is as long as `words` and `exponents`, or shorter.
pub(super) fn wait(
    file: &OwnedFd,
    device: u32,
    job: u64,
    timeout_ns: u64,
    (words, exponents): (&mut [i32], &mut [i32]),
) -> Result<sys::PhotonicWait> {
    let mut call = sys::PhotonicWait {
        size: size_of_u32::<sys::PhotonicWait>(),
        device,
        job,
        timeout_ns,
        output: to(words),
        output_exponents: to(exponents),
        ..Default::default()
    };
    update::<{ sys::PHOTONIC_WAIT }, _>(file, &mut call)?;
    Ok(call)
}

/// PROBE into `output` (two words for each mode of each input) and `taps` (two for each
/// crossing of each input). Returns the temperature.
pub(super) fn probe(
    file: &OwnedFd,
    info: &Info,
    probe: &Probe<'_>,
    output: &mut [i32],
    taps: &mut [u32],
) -> Result<i32> {
    let inputs = probe.input.vectors;
    let wanted = inputs * 2 * info.modes as usize;
    let tapped = inputs * 2 * probe.taps as usize;
    if probe.input.words.len() != wanted || output.len() != wanted || taps.len() != tapped {
        return Err(Errno::INVAL);
    }
    let settings: Vec<sys::PhotonicSetting> = probe
        .settings
        .iter()
        .map(|&setting| setting.into())
        .collect();
    let mut call = sys::PhotonicProbe {
        size: size_of_u32::<sys::PhotonicProbe>(),
        flags: if probe.clear {
            sys::PHOTONIC_PROBE_CLEAR
        } else {
            0
        },
        device: info.number,
        wavelength: probe.wavelength,
        settings: from(&settings),
        setting_count: count(&settings)?,
        inputs: u32::try_from(inputs).map_err(|_| Errno::INVAL)?,
        input: from(&probe.input.words),
        output: to(output),
        first_tap: probe.first_tap,
        tap_count: probe.taps,
        taps: to(taps),
        averages: probe.averages,
        ..Default::default()
    };
    update::<{ sys::PHOTONIC_PROBE }, _>(file, &mut call)?;
    Ok(call.temperature_mc)
}

/// CALIBRATION, reading into `blob`. Returns its length, also where it does not fit
/// (`Errno::MSGSIZE`).
pub(super) fn read_calibration(
    file: &OwnedFd,
    device: u32,
    blob: &mut [u8],
) -> std::result::Result<u64, (Errno, u64)> {
    let mut call = sys::PhotonicCalibration {
        size: size_of_u32::<sys::PhotonicCalibration>(),
        device,
        op: sys::PHOTONIC_CALIBRATION_READ,
        bytes: blob.len() as u64,
        data: to(blob),
        ..Default::default()
    };
    match update::<{ sys::PHOTONIC_CALIBRATION }, _>(file, &mut call) {
        Ok(()) => Ok(call.bytes),
        Err(errno) => Err((errno, call.bytes)),
    }
}

/// CALIBRATION, any operation that changes it.
pub(super) fn calibration(file: &OwnedFd, device: u32, op: u32, blob: &[u8]) -> Result<()> {
    let mut call = sys::PhotonicCalibration {
        size: size_of_u32::<sys::PhotonicCalibration>(),
        device,
        op,
        data: from(blob),
        bytes: blob.len() as u64,
        ..Default::default()
    };
    update::<{ sys::PHOTONIC_CALIBRATION }, _>(file, &mut call)
}
