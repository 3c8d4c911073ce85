// SPDX-License-Identifier: GPL-2.0

//! Codes, vectors and commands on their way through the registers.
//!
//! What to write, and what was read: waiting is for the caller.
//!
//! Process context; the lock of the tables' owner (`optics` in `photonic/device/mod.rs`).

use core::ops::DerefMut;

use super::super::layout::Layout;
use super::super::registers::{
    Registers, APPLIED, COMMAND_MODE, COMMAND_START, COMMAND_TAG, COMMAND_VECTORS, COMMIT,
    COMPLETION, COMPLETION_TAG, DONE_ABORTED, DONE_DARK, DONE_INVALID, DONE_OK, DONE_OUTCOME,
    DONE_SATURATED, GAIN_MAX, GONE, INPUT, MODE_DIRECT, OUTPUT, SHADOW, START_PROBE, START_PRODUCT,
    STATUS, STATUS_BUSY, STATUS_SETTLING, TAP,
};
use super::identity::Identity;
use super::vector::Detection;

/// Codes as the shadow registers of a device have them. The table belongs to the caller.
///
/// It spares writes: most programs that follow each other share most codes.
pub struct Image<C> {
    codes: C,
    /// Whether the device has these.
    known: bool,
    /// Whether they were committed.
    committed: bool,
}

impl<C: DerefMut<Target = [u16]>> Image<C> {
    /// Nothing is known of the device. `codes` has an entry for each channel; what it is does
    /// not matter.
    pub fn new(codes: C) -> Self {
        Self {
            codes,
            known: false,
            committed: false,
        }
    }

    /// The device was reset: what it has is not known any more.
    pub fn forget(&mut self) {
        self.known = false;
        self.committed = false;
    }

    /// The codes that were written last; `None` if those of the device are not known.
    pub fn codes(&self) -> Option<&[u16]> {
        self.known.then_some(&*self.codes)
    }

    /// Writes `codes` to the shadow registers where they changed, and tells how many did. `None`,
    /// and nothing written, for another number of codes.
    pub fn write(&mut self, device: &(impl Registers + ?Sized), codes: &[u16]) -> Option<usize> {
        if codes.len() != self.codes.len() {
            return None;
        }
        let mut written = 0;
        for ((offset, old), &new) in registers(SHADOW).zip(self.codes.iter_mut()).zip(codes) {
            if !self.known || *old != new {
                device.write(offset, u32::from(new));
                *old = new;
                written += 1;
            }
        }
        self.known = true;
        self.committed &= written == 0;
        Some(written)
    }

    /// Writes the code of one channel. `false`, and nothing written, if it is not there or the
    /// other codes are not known.
    pub fn set(&mut self, device: &(impl Registers + ?Sized), channel: usize, code: u16) -> bool {
        let Some(old) = self.codes.get_mut(channel).filter(|_| self.known) else {
            return false;
        };
        if *old != code {
            device.write(at(SHADOW, channel), u32::from(code));
            *old = code;
            self.committed = false;
        }
        true
    }

    /// Hands the codes to the heaters, if they have others: whether phases must settle now.
    pub fn commit(&mut self, device: &(impl Registers + ?Sized)) -> bool {
        if self.committed || !self.known {
            return false;
        }
        device.write(COMMIT, 1);
        self.committed = true;
        true
    }
}

/// Registers that are moved at a time.
const ROW: usize = 64;

/// The registers from `first` on.
fn registers(first: u32) -> impl Iterator<Item = u32> {
    (first..).step_by(4)
}

/// The register with the number `index` from `first` on. Tables have less than 2^13 entries.
const fn at(first: u32, index: usize) -> u32 {
    first.wrapping_add((index as u32).wrapping_mul(4))
}

/// Whether phases still move.
pub fn settling(device: &(impl Registers + ?Sized)) -> bool {
    device.read(STATUS) & STATUS_SETTLING != 0
}

/// Reads the codes of the heaters from `first` on. `None` if the device is gone or gives what is
/// no code.
pub fn read_applied(
    device: &(impl Registers + ?Sized),
    first: usize,
    codes: &mut [u16],
) -> Option<()> {
    let offsets = registers(at(APPLIED, first));
    offsets
        .zip(codes.iter_mut())
        .try_for_each(|(offset, code)| {
            *code = u16::try_from(device.read(offset)).ok()?;
            Some(())
        })
}

/// Words of a vector: both quadratures of each mode.
pub const fn words(layout: Layout) -> usize {
    2 * layout.modes()
}

/// Writes the words of input vector `vector`. `false`, and nothing written, if the device has no
/// room for it or their number is wrong.
pub fn write_input(
    device: &(impl Registers + ?Sized),
    identity: &Identity,
    vector: u32,
    input: &[i32],
) -> bool {
    if vector >= identity.vectors || input.len() != words(identity.layout) {
        return false;
    }
    let first = at(INPUT, vector as usize * words(identity.layout));
    for (row, words) in input.chunks(ROW).enumerate() {
        let mut values = [0; ROW];
        for (value, &word) in values.iter_mut().zip(words) {
            *value = word as u32;
        }
        let values = values.get(..words.len()).unwrap_or(&[]);
        device.write_row(at(first, row * ROW), values);
    }
    true
}

/// Reads the words of output vector `vector`. `false`, and nothing read, as above.
pub fn read_output(
    device: &(impl Registers + ?Sized),
    identity: &Identity,
    vector: u32,
    output: &mut [i32],
) -> bool {
    if vector >= identity.vectors || output.len() != words(identity.layout) {
        return false;
    }
    let first = at(OUTPUT, vector as usize * words(identity.layout));
    for (row, words) in output.chunks_mut(ROW).enumerate() {
        let mut values = [0; ROW];
        let values = values.get_mut(..words.len()).unwrap_or(&mut []);
        device.read_row(at(first, row * ROW), values);
        for (word, &value) in words.iter_mut().zip(values.iter()) {
            *word = value as i32;
        }
    }
    true
}

/// Reads the taps of crossings from `first` on: powers at the top and the bottom of each.
/// `false`, and nothing read, if there are not so many.
pub fn read_taps(
    device: &(impl Registers + ?Sized),
    layout: Layout,
    first: usize,
    taps: &mut [u32],
) -> bool {
    let end = first.checked_add(taps.len().div_ceil(2));
    if end.is_none_or(|end| end > layout.crossings()) {
        return false;
    }
    device.read_row(at(TAP, 2 * first), taps);
    true
}

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Multiplies the first so many vectors.
    Product(u32),
    /// Multiplies vector 0 and measures the taps.
    Probe,
}

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// What to do.
    pub work: Work,
    /// At which wavelength.
    pub wavelength: u32,
    /// How to detect the outputs.
    pub detection: Detection,
    /// Their gain, at most [`GAIN_MAX`].
    pub gain: u32,
    /// Comes back when it is done; unlike that of the command before.
    pub tag: u32,
}

/// Starts a command. `false`, and nothing written, if the device cannot do that.
pub fn start(device: &(impl Registers + ?Sized), identity: &Identity, command: &Command) -> bool {
    let (vectors, start) = match command.work {
        Work::Product(vectors) => (vectors, START_PRODUCT),
        Work::Probe => (1, START_PROBE),
    };
    if !(1..=identity.vectors).contains(&vectors)
        || command.wavelength >= identity.wavelengths
        || command.gain > GAIN_MAX
    {
        return false;
    }
    let direct = match command.detection {
        Detection::Coherent => 0,
        Detection::Direct => MODE_DIRECT,
    };
    let mode = direct | command.wavelength << 8 | command.gain << 16;
    device.write(COMMAND_VECTORS, vectors);
    device.write(COMMAND_MODE, mode);
    device.write(COMMAND_TAG, command.tag);
    device.write(COMMAND_START, start);
    true
}

/// How a command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It runs.
    Running,
    /// It is done.
    Done {
        /// Whether an output was cut at full scale.
        saturated: bool,
    },
    /// There was no light, or not for all of it.
    Dark,
    /// It was reset.
    Aborted,
    /// The device says that it cannot be done, or what makes no sense.
    Refused,
    /// The device is gone.
    Gone,
}

/// Looks how the command `tag` stands.
pub fn progress(device: &(impl Registers + ?Sized), tag: u32) -> Progress {
    let status = device.read(STATUS);
    if status == GONE {
        return Progress::Gone;
    }
    if status & STATUS_BUSY != 0 {
        return Progress::Running;
    }
    if device.read(COMPLETION_TAG) != tag {
        // It was never taken: a reset or a power cycle came first.
        return Progress::Aborted;
    }
    let completion = device.read(COMPLETION);
    match completion & DONE_OUTCOME {
        DONE_OK => Progress::Done {
            saturated: completion & DONE_SATURATED != 0,
        },
        DONE_DARK => Progress::Dark,
        DONE_ABORTED => Progress::Aborted,
        DONE_INVALID => Progress::Refused,
        _ => Progress::Refused,
    }
}
