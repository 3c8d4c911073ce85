// SPDX-License-Identifier: GPL-2.0

//! Detectors: from light to numbers, with their noise.
//!
//! Process context; the lock of the optics' owner (`photonic/backend/model.rs`).

use super::super::chip::Chip;
use super::super::random::Random;
use super::channels::rounded;
use super::command::Command;

/// Bits of the fraction of a [`Signal`].
pub(super) const SIGNAL_BITS: u32 = 36;

/// A field at a detector.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signal {
    pub(super) re: i64,
    pub(super) im: i64,
}

/// The detectors during a command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Detector {
    /// Bits of the ADCs.
    bits: u32,
    gain: u32,
    /// Direct detection.
    single: bool,
    /// Rms of the noise by coherent detection, in 1/2^36 of an amplitude.
    coherent: u32,
    /// Rms of the shot noise alone.
    shot: u32,
    /// Rms of the noise by direct detection but for that, in 1/2^36 of a power.
    direct: u32,
    /// An output was cut.
    pub(super) saturated: bool,
}

impl Detector {
    /// For a command, with light of so many microwatts.
    ///
    /// Signals are told by the monitor diode's measure: less light does not make them smaller
    /// but noisier. Shot noise of an amplitude goes with the root of the light, noise of the
    /// receiver with the light. Without a local oscillator the shot noise of a power is that of
    /// an amplitude times twice the amplitude, and the receiver's is twice that of an amplitude.
    pub(super) fn new(chip: &Chip, command: &Command, power_uw: u32) -> Self {
        let gain = command.gain & 15;
        // How much less light there is than stated, 2^16 for as much.
        let less = (u64::from(chip.light_uw) << 16) / u64::from(power_uw.max(1));
        let less = less.min(1 << 24);
        let shot = (u64::from(chip.shot).wrapping_mul((less << 16).isqrt()) >> 16).min(1 << 30);
        let thermal = (u64::from(chip.thermal).wrapping_mul(less) >> 16).min(1 << 30);
        let converter = u64::from(chip.converter);
        Self {
            bits: chip.output_bits,
            gain,
            single: command.direct,
            coherent: rms(&[shot, thermal, (converter << 3) >> gain]),
            shot: shot as u32,
            direct: rms(&[2 * thermal, (converter << 6) >> (2 * gain)]),
            saturated: false,
        }
    }

    /// Sets what the two registers of an output read.
    pub(super) fn measure(&mut self, signal: Signal, chance: &mut Random, output: &mut [i32]) {
        let read = match self.single {
            true => [self.power(signal, chance), 0],
            false => self.amplitudes(signal, chance),
        };
        for (register, number) in output.iter_mut().zip(read) {
            *register = number;
        }
    }

    /// In-phase part and quadrature by balanced homodyne detection.
    fn amplitudes(&mut self, signal: Signal, chance: &mut Random) -> [i32; 2] {
        // Full scale is 2^(3 - gain), half the codes are on either side.
        let drop = 40i32
            .wrapping_sub(self.gain as i32)
            .wrapping_sub(self.bits as i32);
        [signal.re, signal.im].map(|part| {
            let noise = noise(self.coherent, chance);
            self.convert(part.wrapping_add(noise), drop)
        })
    }

    /// Power on a single diode.
    fn power(&mut self, signal: Signal, chance: &mut Random) -> i32 {
        // 2^28 for one: squares up to 64 fit.
        let (re, im) = (rounded(signal.re, 8), rounded(signal.im, 8));
        let square = re.wrapping_mul(re).wrapping_add(im.wrapping_mul(im));
        let amplitude = square.unsigned_abs().isqrt();
        let shot = amplitude.wrapping_mul(u64::from(self.shot)) >> 27;
        let noise = noise(rms(&[shot, u64::from(self.direct)]), chance);
        // 2^40 for one; full scale is 4^(3 - gain).
        let power = rounded(square, 16).wrapping_add(noise << 4);
        let drop = 47i32
            .wrapping_sub(2 * self.gain as i32)
            .wrapping_sub(self.bits as i32);
        self.convert(power, drop)
    }

    /// The code of `value / 2^drop`, rounded, in the upper bits.
    fn convert(&mut self, value: i64, drop: i32) -> i32 {
        let code = if drop > 0 {
            rounded(value, drop as u32)
        } else {
            value.wrapping_shl(drop.unsigned_abs())
        };
        let limit = 1i64 << (self.bits.wrapping_sub(1) & 31);
        let cut = code.clamp(limit.wrapping_neg(), limit.wrapping_sub(1));
        self.saturated |= cut != code;
        (cut << (32u32.wrapping_sub(self.bits) & 31)) as i32
    }
}

/// A number of noise of the deviation `rms`.
pub(super) fn noise(rms: u32, chance: &mut Random) -> i64 {
    match rms {
        0 => 0,
        _ => chance.normal(rms),
    }
}

/// Root of the sum of squares of at most three numbers, each cut to below 2^31.
fn rms(parts: &[u64]) -> u32 {
    let squares = parts.iter().map(|part| {
        let part = (*part).min((1 << 31) - 1);
        part.wrapping_mul(part)
    });
    squares.fold(0u64, u64::wrapping_add).isqrt() as u32
}
