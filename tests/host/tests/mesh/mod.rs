// SPDX-License-Identifier: GPL-2.0

//! A table of registers without a device behind, and calibration blobs written byte by byte.
//!
//! Nothing here shares code with `photonic/mesh/` but the numbering of `layout.rs`.

#![allow(dead_code)]

use std::cell::RefCell;

use lightos_host::photonic::mesh::calibration::Conditions;
use lightos_host::photonic::mesh::heater::Law;
use lightos_host::photonic::mesh::identity::Identity;
use lightos_host::photonic::registers::{self as map, Registers};

/// A generator, SplitMix64, so that every run sees the same chips.
pub struct Random(pub u64);

impl Random {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn word(&mut self) -> u32 {
        (self.bits() >> 32) as u32
    }

    pub fn below(&mut self, limit: u32) -> u32 {
        (((self.bits() >> 32) * u64::from(limit)) >> 32) as u32
    }

    /// Uniform from 0 to 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Standard normal, by Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// `turns` without whole turns, -1/2 to 1/2.
pub fn signed_turns(turns: f64) -> f64 {
    turns - turns.round()
}

/// Registers that keep what is written, and a log of the writes.
pub struct Table {
    words: RefCell<Vec<u32>>,
    writes: RefCell<Vec<(u32, u32)>>,
}

impl Table {
    /// A processor of `modes` modes and four wavelengths from 1550 nm on, whose heaters make a
    /// turn and a quarter.
    pub fn new(modes: u32, bits: u32, law: Law) -> Self {
        let table = Self {
            words: RefCell::new(vec![0; (map::SIZE / 4) as usize]),
            writes: RefCell::new(Vec::new()),
        };
        let square = if law == Law::Square {
            map::LAW_SQUARE
        } else {
            0
        };
        for (offset, value) in [
            (map::IDENTITY, map::MAGIC),
            (map::REVISION, map::MAJOR << 16),
            (map::KIND, map::MODEL),
            (map::SERIAL_LOW, 0x89ab_cdef),
            (map::SERIAL_HIGH, 0x0123_4567),
            (map::GEOMETRY, 0x4065_0400 | modes),
            (map::CONVERTERS, 0x0018_1800 | bits | square),
            (map::FULL_SCALE, 0x1_4000),
            (map::CODE_LIMIT, u32::MAX),
            (map::WAVELENGTH_PM, 1_550_000),
            (map::WAVELENGTH_STEP_PM, 800),
        ] {
            table.set(offset, value);
        }
        table
    }

    pub fn set(&self, offset: u32, value: u32) {
        self.words.borrow_mut()[offset as usize / 4] = value;
    }

    pub fn get(&self, offset: u32) -> u32 {
        self.words.borrow()[offset as usize / 4]
    }

    pub fn log(&self) -> Vec<(u32, u32)> {
        self.writes.borrow().clone()
    }

    pub fn clear_log(&self) {
        self.writes.borrow_mut().clear();
    }
}

impl Registers for Table {
    fn read(&self, offset: u32) -> u32 {
        self.get(offset)
    }

    fn write(&self, offset: u32, value: u32) {
        self.set(offset, value);
        self.writes.borrow_mut().push((offset, value));
    }
}

/// The checksum bit by bit, from its definition.
pub fn checksum(bytes: &[u8]) -> u32 {
    let mut rest = !0u32;
    for &byte in bytes {
        rest ^= u32::from(byte);
        for _ in 0..8 {
            rest = rest >> 1 ^ if rest & 1 == 1 { 0xedb8_8320 } else { 0 };
        }
    }
    !rest
}

/// A calibration blob, and its figures as doubles.
#[derive(Clone)]
pub struct Blob {
    pub bytes: Vec<u8>,
    channels: usize,
    crossings: usize,
    records: usize,
}

/// What is common to all heaters of a chip.
pub struct Common {
    /// Amplitude that is left.
    pub transmission: f64,
    /// Crosstalk by class, 2^30 for all of it.
    pub crosstalk: [u32; 7],
    /// Relative change of heaters' phases per degree.
    pub heat_tempco: f64,
}

const HEADER: usize = 96;
const REFERENCE_MC: i32 = 45_000;

impl Blob {
    /// A chip as its registers say, with records for `wavelengths`, all of which change nothing.
    fn new(identity: &Identity, wavelengths: &[u32]) -> Self {
        let (channels, crossings) = (identity.layout.channels(), identity.layout.crossings());
        let mut bytes = Vec::new();
        bytes.extend(0x434e_504cu32.to_le_bytes());
        bytes.extend([1, 0, HEADER as u8, 0]);
        bytes.extend(identity.serial.to_le_bytes());
        bytes.extend(1_790_000_000i64.to_le_bytes());
        bytes.extend(REFERENCE_MC.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend((identity.layout.modes() as u16).to_le_bytes());
        bytes.extend((wavelengths.len() as u16).to_le_bytes());
        bytes.extend((identity.dac.bits() as u16).to_le_bytes());
        bytes.extend([1, 0]);
        bytes.extend((1u32 << 31).to_le_bytes());
        bytes.extend(identity.full_scale.to_le_bytes());
        bytes.resize(HEADER, 0);
        let limit = ((1u32 << identity.dac.bits()) - 1) as u16;
        for _ in 0..channels {
            bytes.extend([0; 4]);
            bytes.extend((identity.full_scale << 12).to_le_bytes());
            bytes.extend([0; 4]);
            bytes.extend(limit.to_le_bytes());
            bytes.extend([0; 2]);
        }
        bytes.resize(bytes.len() + 8 * crossings, 0);
        for wavelength in wavelengths {
            bytes.extend(wavelength.to_le_bytes());
            bytes.extend((1i32 << 30).to_le_bytes());
            bytes.resize((bytes.len() + 2 * channels).next_multiple_of(4), 0);
        }
        bytes.resize(bytes.len() + 4, 0);
        let length = bytes.len() as u32;
        bytes[28..32].copy_from_slice(&length.to_le_bytes());
        Self {
            bytes,
            channels,
            crossings,
            records: wavelengths.len(),
        }
    }

    /// A chip as its registers say.
    pub fn plain(identity: &Identity) -> Self {
        let mut blob = Self::new(identity, &[]);
        blob.seal();
        blob
    }

    /// A chip as it truly is: offsets, efficiencies and temperature coefficients of its heaters
    /// and errors of its couplers in the units of a blob; for each wavelength but the first the
    /// scale of phases and what is added to offsets.
    pub fn known(
        identity: &Identity,
        heaters: &[(u32, u32, i32)],
        couplers: &[[i32; 2]],
        common: &Common,
        waves: &[(u32, f64, Vec<i16>)],
    ) -> Self {
        let wavelengths: Vec<u32> = waves.iter().map(|wave| wave.0).collect();
        let mut blob = Self::new(identity, &wavelengths);
        for (record, (_, scale, deltas)) in waves.iter().enumerate() {
            let at = blob.record_at(record);
            blob.put(at + 4, (scale * 2f64.powi(30)).round() as u32);
            for (channel, delta) in deltas.iter().enumerate() {
                blob.bytes[at + 8 + 2 * channel..][..2].copy_from_slice(&delta.to_le_bytes());
            }
        }
        blob.put(40, (common.transmission * 2f64.powi(31)) as u32);
        for (class, &crosstalk) in common.crosstalk.iter().enumerate() {
            blob.put(48 + 4 * class, crosstalk);
        }
        let tempco = (common.heat_tempco * 2f64.powi(30)).round();
        blob.put(80, tempco as i32 as u32);
        for (channel, &(offset, efficiency, tempco)) in heaters.iter().enumerate() {
            let at = HEADER + 16 * channel;
            blob.put(at, offset);
            blob.put(at + 4, efficiency);
            blob.put(at + 8, tempco as u32);
        }
        let crossings = HEADER + 16 * blob.channels;
        for (part, &error) in couplers.iter().flatten().enumerate() {
            blob.put(crossings + 4 * part, error as u32);
        }
        blob.seal();
        blob
    }

    /// A chip with everything at random, whose crosstalk sums up to `strength` around a heater.
    /// Records for wavelengths 0, 1 and 3.
    pub fn random(identity: &Identity, strength: f64, random: &mut Random) -> Self {
        let mut blob = Self::new(identity, &[0, 1, 3]);
        let weights: [f64; 7] = std::array::from_fn(|_| random.unit() - 0.3);
        let counts = [2.0, 2.0, 4.0, 2.0, 2.0, 4.0, 4.0];
        let sum: f64 = weights.iter().zip(counts).map(|(w, n)| w.abs() * n).sum();
        blob.set_crosstalk(weights.map(|weight| weight / sum * strength));
        blob.put(80, (random.word() as i32 >> 14) as u32);
        for channel in 0..blob.channels {
            let at = HEADER + 16 * channel;
            blob.put(at, random.word());
            // Room for a turn, and for what a cold neighbour does not give, or takes.
            let efficiency = (2.2 + 0.6 * random.unit()) * 2f64.powi(28);
            blob.put(at + 4, efficiency as u32);
            blob.put(at + 8, random.word() as i32 as u32 >> 6);
        }
        let crossings = HEADER + 16 * blob.channels;
        for part in 0..2 * blob.crossings {
            blob.put(crossings + 4 * part, (random.word() as i32 >> 8) as u32);
        }
        for record in 0..blob.records {
            let at = blob.record_at(record);
            let scale = 1.0 + 0.05 * (random.unit() - 0.5);
            blob.put(at + 4, (scale * 2f64.powi(30)) as u32);
            for channel in 0..blob.channels {
                let delta = (random.word() >> 16) as u16;
                blob.bytes[at + 8 + 2 * channel..][..2].copy_from_slice(&delta.to_le_bytes());
            }
        }
        blob.seal();
        blob
    }

    fn record_at(&self, record: usize) -> usize {
        let bytes = 8 + (2 * self.channels).next_multiple_of(4);
        HEADER + 16 * self.channels + 8 * self.crossings + bytes * record
    }

    fn put(&mut self, at: usize, value: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    fn get(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().unwrap())
    }

    pub fn checksum(&self) -> u32 {
        checksum(&self.bytes[..self.bytes.len() - 4])
    }

    fn seal(&mut self) {
        let (end, checksum) = (self.bytes.len() - 4, self.checksum());
        self.put(end, checksum);
    }

    /// The bytes with a checksum that is right.
    pub fn sealed(&self) -> Vec<u8> {
        let mut blob = self.clone();
        blob.seal();
        blob.bytes
    }

    pub fn set_limit(&mut self, channel: usize, limit: u16) {
        self.bytes[HEADER + 16 * channel + 12..][..2].copy_from_slice(&limit.to_le_bytes());
    }

    pub fn set_efficiency(&mut self, channel: usize, efficiency: u32) {
        self.put(HEADER + 16 * channel + 4, efficiency);
    }

    pub fn set_crosstalk(&mut self, crosstalk: [f64; 7]) {
        for (class, crosstalk) in crosstalk.iter().enumerate() {
            self.put(48 + 4 * class, (crosstalk * 2f64.powi(30)) as i32 as u32);
        }
    }

    pub fn efficiency(&self, channel: usize) -> u32 {
        self.get(HEADER + 16 * channel + 4)
    }

    pub fn crosstalk(&self, class: usize) -> f64 {
        f64::from(self.get(48 + 4 * class) as i32) / 2f64.powi(30)
    }

    pub fn splitters(&self, crossing: usize) -> (i32, i32) {
        let at = HEADER + 16 * self.channels + 8 * crossing;
        (self.get(at) as i32, self.get(at + 4) as i32)
    }

    fn record(&self, at: Conditions) -> Option<usize> {
        let mut records = (0..self.records).map(|record| self.record_at(record));
        records.find(|&record| self.get(record) == at.wavelength)
    }

    /// Phase per heat at a wavelength and a temperature.
    pub fn scale(&self, at: Conditions) -> f64 {
        let cold = match self.record(at) {
            Some(record) => f64::from(self.get(record + 4)) / 2f64.powi(30),
            None => 1_550_000.0 / (1_550_000.0 + 800.0 * f64::from(at.wavelength)),
        };
        let tempco = f64::from(self.get(80) as i32) / 2f64.powi(30);
        cold * (1.0 + tempco * f64::from(at.temperature_mc - REFERENCE_MC) / 1000.0)
    }

    /// Phase of a cold heater in turns.
    pub fn rest(&self, channel: usize, at: Conditions) -> f64 {
        let entry = HEADER + 16 * channel;
        let offset = f64::from(self.get(entry)) / 2f64.powi(32);
        let tempco = f64::from(self.get(entry + 8) as i32) / 2f64.powi(32);
        let delta = self.record(at).map_or(0.0, |record| {
            let bytes = &self.bytes[record + 8 + 2 * channel..][..2];
            f64::from(i16::from_le_bytes(bytes.try_into().unwrap())) / 65536.0
        });
        offset + delta + tempco * f64::from(at.temperature_mc - REFERENCE_MC) / 1000.0
    }
}
