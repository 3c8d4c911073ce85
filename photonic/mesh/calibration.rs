// SPDX-License-Identifier: GPL-2.0

//! What is known of one chip: the calibration blob, read where it lies.
//!
//! Little endian. A header of 96 bytes:
//!
//! | at | type | field |
//! |---|---|---|
//! | 0 | u32 | magic, "LPNC" |
//! | 4 | u16 | version, 1 |
//! | 6 | u16 | bytes of the header, 96 |
//! | 8 | u64 | serial number |
//! | 16 | i64 | when it was made, seconds since 1970 |
//! | 24 | i32 | temperature of the die at which the offsets hold, millidegrees Celsius |
//! | 28 | u32 | bytes in all |
//! | 32 | u16 | modes N |
//! | 34 | u16 | wavelength records |
//! | 36 | u16 | bits of the phase DACs |
//! | 38 | u16 | flags; bit 0: splitter errors are known |
//! | 40 | u32 | transmission, an amplitude, 2^-31 |
//! | 44 | u32 | `FULL_SCALE` of the device |
//! | 48 | 7 x i32 | crosstalk of each class of neighbours, 2^-30 |
//! | 76 | u32 | rms residual of the fit, an amplitude, 2^-31 |
//! | 80 | i32 | change of the heaters' phases with the temperature, per degree, 2^-30 of them |
//! | 84 | 12 bytes | 0 |
//!
//! Then 2N² + N channels of 16 bytes: u32 offset (2^-32 turns), u32 efficiency (2^-28 turns at
//! full scale), i32 temperature coefficient (2^-32 turns per degree), u16 greatest code, u16 0.
//! Then N² crossings of 8 bytes: the errors of both couplers, i32 (2^-32 turns) each. Then the
//! wavelength records, by rising wavelength: u32 wavelength, i32 scale of the heaters' phases
//! (2^-30), an i16 for each channel that is added to its offset (2^-16 turns), zero padded to a
//! multiple of 4. Last a CRC-32 of all before it.
//!
//! The phases of heaters change with the temperature because the laser does: a phase goes with one
//! over the wavelength, and a laser of 1550 nm that drifts by 0.1 nm per degree takes 6.5e-5 of it.
//! Over ten degrees that is as much as half a step of 11 bits. 0 where it is not known.
//!
//! What would lead the solver astray is refused: see [`Refusal::Senseless`] and the limits below.
//!
//! Process context; no lock.

use core::ops::Deref;

use super::super::layout::{Layout, CLASSES, OFFSETS};
use super::crc::crc32;
use super::heater::Dac;
use super::identity::Identity;

/// "LPNC".
pub const MAGIC: u32 = 0x434e_504c;
/// The version that this file reads.
pub const VERSION: u16 = 1;
/// Bytes of the header.
pub const HEADER: usize = 96;
/// Bytes of a channel.
pub const CHANNEL: usize = 16;
/// Bytes of a crossing.
pub const CROSSING: usize = 8;
/// 1 as a scale or a crosstalk.
pub const ONE: i32 = 1 << 30;
/// Flag: splitter errors are known.
pub const SPLITTERS: u16 = 1 << 0;

/// All heaters around one may heat it at most half as much as it does itself: inverting the
/// crosstalk then converges, see `solver.rs`.
pub const MAX_CROSSTALK: i64 = ONE as i64 / 2;
/// A heater is at most this many times as efficient as it should be.
pub const MAX_EFFICIENCY: u64 = 4;
/// The greatest temperature coefficient: 1/16 turn per degree.
pub const MAX_TEMPCO: u32 = 1 << 28;
/// The greatest change of the heaters' phases per degree, 2^-30: about a thousandth.
pub const MAX_HEAT_TEMPCO: u32 = 1 << 20;
/// The greatest splitter error: 1/8 turn, a coupler that does not couple.
pub const MAX_SPLITTER: u32 = 1 << 29;
/// The least transmission, as an amplitude of 2^-31: 60 dB loss.
pub const MIN_TRANSMISSION: u32 = 1 << 21;
/// Full transmission.
pub const FULL_TRANSMISSION: u32 = 1 << 31;
/// Temperatures at which a calibration can have been made, in millidegrees.
const TEMPERATURES: core::ops::RangeInclusive<i32> = -40_000..=125_000;
/// Scales of the heaters' phases: the wavelength is at most twice the first, or half of it.
const SCALES: core::ops::RangeInclusive<i32> = ONE / 2..=i32::MAX;
/// A die is at most this far from where it was calibrated, in millidegrees; beyond, the
/// compensation stays where it is.
const MAX_DRIFT_MC: i64 = 200_000;

/// Why a blob is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is damaged: its length or its checksum is wrong.
    Checksum,
    /// It is of an unknown version.
    Version,
    /// It is for another device: serial number, modes, bits or full scale differ.
    OtherDevice,
    /// It is no calibration, or has values that cannot be.
    Senseless,
}

/// What is known of a heater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Phase at code 0, 2^-32 turns.
    pub offset: u32,
    /// Heat at full scale, 2^-28 turns.
    pub efficiency: u32,
    /// Change of the offset with the temperature, 2^-32 turns per degree.
    pub tempco: i32,
    /// Its greatest code.
    pub limit: u16,
}

/// Where and when light passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// Index of the wavelength.
    pub wavelength: u32,
    /// Temperature of the die in millidegrees Celsius.
    pub temperature_mc: i32,
}

/// A calibration in memory of the caller, or the lack of one.
///
/// Uncalibrated, a chip is taken to be as its registers say: no offsets, nominal efficiency,
/// no crosstalk, no loss.
#[derive(Clone, Copy, Debug)]
pub struct Calibration<B> {
    identity: Identity,
    blob: Option<B>,
    crosstalk: [i32; CLASSES],
    transmission: u32,
    reference_mc: i32,
    heat_tempco: i32,
    records: usize,
    splitters: bool,
    id: u32,
}

fn bytes<const N: usize>(blob: &[u8], at: usize) -> Option<[u8; N]> {
    blob.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u16_at(blob: &[u8], at: usize) -> Option<u16> {
    bytes(blob, at).map(u16::from_le_bytes)
}

fn u32_at(blob: &[u8], at: usize) -> Option<u32> {
    bytes(blob, at).map(u32::from_le_bytes)
}

fn i32_at(blob: &[u8], at: usize) -> Option<i32> {
    bytes(blob, at).map(i32::from_le_bytes)
}

/// Where the crossings begin.
const fn crossings_at(layout: Layout) -> usize {
    HEADER + CHANNEL * layout.channels()
}

/// Where the wavelength records begin.
const fn records_at(layout: Layout) -> usize {
    crossings_at(layout) + CROSSING * layout.crossings()
}

/// Bytes of a wavelength record.
pub const fn record_bytes(layout: Layout) -> usize {
    8 + (2 * layout.channels()).next_multiple_of(4)
}

/// Bytes of a blob with `records` wavelength records, at most as many as there are wavelengths.
pub const fn blob_bytes(layout: Layout, records: usize) -> usize {
    records_at(layout) + records * record_bytes(layout) + 4
}

/// How often each class occurs around a heater at most: once for each distinct sign.
pub const fn class_size(class: usize) -> i64 {
    if class >= CLASSES {
        return 0;
    }
    let (along, across) = OFFSETS[class];
    (1 + (along != 0) as i64) * (1 + (across != 0) as i64)
}

impl<B: Deref<Target = [u8]>> Calibration<B> {
    /// Nothing is known but what the device says.
    pub const fn none(identity: &Identity) -> Self {
        Self {
            identity: *identity,
            blob: None,
            crosstalk: [0; CLASSES],
            transmission: FULL_TRANSMISSION,
            reference_mc: 0,
            heat_tempco: 0,
            records: 0,
            splitters: false,
            id: 0,
        }
    }

    /// Checks a blob against the device and takes it.
    pub fn read(blob: B, identity: &Identity) -> Result<Self, Refusal> {
        let id = check_frame(&blob)?;
        check_device(&blob, identity)?;
        let mut calibration = Self::none(identity);
        calibration.take_header(&blob).ok_or(Refusal::Senseless)?;
        calibration.id = id;
        check_channels(&blob, identity).ok_or(Refusal::Senseless)?;
        check_crossings(&blob, identity.layout).ok_or(Refusal::Senseless)?;
        check_records(&blob, identity, calibration.records).ok_or(Refusal::Senseless)?;
        calibration.blob = Some(blob);
        Ok(calibration)
    }

    /// Takes what the header says; `None` where that makes no sense.
    fn take_header(&mut self, blob: &[u8]) -> Option<()> {
        self.reference_mc = i32_at(blob, 24)?;
        self.records = usize::from(u16_at(blob, 34)?);
        let flags = u16_at(blob, 38)?;
        self.splitters = flags & SPLITTERS != 0;
        self.transmission = u32_at(blob, 40)?;
        self.heat_tempco = i32_at(blob, 80)?;
        let mut around = 0;
        for (class, crosstalk) in self.crosstalk.iter_mut().enumerate() {
            *crosstalk = i32_at(blob, 48 + 4 * class)?;
            around += i64::from(*crosstalk).abs() * class_size(class);
        }
        let sound = usize::from(u16_at(blob, 6)?) == HEADER
            && i64::from_le_bytes(bytes(blob, 16)?) >= 0
            && TEMPERATURES.contains(&self.reference_mc)
            && self.records <= self.identity.wavelengths as usize
            && blob.len() == blob_bytes(self.identity.layout, self.records)
            && flags & !SPLITTERS == 0
            && (MIN_TRANSMISSION..=FULL_TRANSMISSION).contains(&self.transmission)
            && around <= MAX_CROSSTALK
            && u32_at(blob, 76)? <= FULL_TRANSMISSION
            && self.heat_tempco.unsigned_abs() <= MAX_HEAT_TEMPCO
            && bytes(blob, 84)? == [0; 12];
        sound.then_some(())
    }

    /// The blob; `None` uncalibrated.
    pub fn blob(&self) -> Option<&[u8]> {
        self.blob.as_deref()
    }

    /// The checksum of the blob, 0 uncalibrated.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// The device that it is for.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Amplitude that is left of light that is led to one output, 2^-31.
    pub const fn transmission(&self) -> u32 {
        self.transmission
    }

    /// Heat that a heater gets of one in each class, per unit of heat of that, 2^-30.
    pub const fn crosstalk(&self) -> &[i32; CLASSES] {
        &self.crosstalk
    }

    /// Temperature at which the offsets hold, in millidegrees; `None` uncalibrated.
    pub fn reference_mc(&self) -> Option<i32> {
        self.blob.is_some().then_some(self.reference_mc)
    }

    /// A heater. One that is not there cannot be heated.
    pub fn channel(&self, channel: usize) -> Channel {
        let Some(blob) = &self.blob else {
            return Channel {
                offset: 0,
                efficiency: self.identity.efficiency(),
                tempco: 0,
                limit: self.identity.code_limit,
            };
        };
        let channel = if channel < self.identity.layout.channels() {
            read_channel(blob, channel)
        } else {
            None
        };
        let mut channel = channel.unwrap_or(Channel {
            offset: 0,
            efficiency: 0,
            tempco: 0,
            limit: 0,
        });
        channel.limit = channel.limit.min(self.identity.code_limit);
        channel
    }

    /// Errors of the couplers of a crossing, first and second, 2^-32 turns; `None` where they
    /// are not known.
    pub fn splitters(&self, crossing: usize) -> Option<(i32, i32)> {
        if !self.splitters || crossing >= self.identity.layout.crossings() {
            return None;
        }
        let blob = self.blob.as_deref()?;
        let at = crossings_at(self.identity.layout) + CROSSING * crossing;
        Some((i32_at(blob, at)?, i32_at(blob, at + 4)?))
    }

    /// The greatest temperature coefficient of a heater in magnitude, 2^-32 turns per degree.
    pub fn greatest_tempco(&self) -> u32 {
        let channels = 0..self.identity.layout.channels();
        let all = channels.map(|channel| self.channel(channel).tempco.unsigned_abs());
        all.max().unwrap_or(0)
    }

    /// The chip under certain conditions.
    pub fn at(&self, conditions: Conditions) -> State<'_, B> {
        let drift = match self.reference_mc() {
            Some(reference) => {
                let drift = i64::from(conditions.temperature_mc) - i64::from(reference);
                drift.clamp(-MAX_DRIFT_MC, MAX_DRIFT_MC)
            }
            None => 0,
        };
        let record = self.record(conditions.wavelength);
        let scale = match record {
            Some(record) => i32_at(record, 4).unwrap_or(ONE),
            None => self.nominal_scale(conditions.wavelength),
        };
        State {
            calibration: self,
            drift_mc: drift,
            deltas: record.and_then(|record| record.get(8..)),
            scale: warmed(scale, self.heat_tempco, drift),
        }
    }

    /// The record of a wavelength.
    fn record(&self, wavelength: u32) -> Option<&[u8]> {
        let blob = self.blob.as_deref()?;
        let bytes = record_bytes(self.identity.layout);
        let records = blob.get(records_at(self.identity.layout)..)?;
        let mut records = records.chunks_exact(bytes).take(self.records);
        records.find(|record| u32_at(record, 0) == Some(wavelength))
    }

    /// First wavelength over this one: how phases scale without a record.
    fn nominal_scale(&self, wavelength: u32) -> i32 {
        let first = u64::from(self.identity.wavelength_pm);
        let index = u64::from(wavelength.min(self.identity.wavelengths));
        let own = first + index * u64::from(self.identity.wavelength_step_pm);
        // Between 1/2 and 1, as the longest wavelength is at most twice the first.
        ((first << 30) + own / 2)
            .checked_div(own)
            .map_or(ONE, |scale| scale as i32)
    }
}

/// `scale` where it is `drift_mc` warmer, within its range.
fn warmed(scale: i32, tempco: i32, drift_mc: i64) -> i32 {
    // At most 2^20 * 2^18, then 2^31 * 2^28.
    let change = i64::from(tempco).wrapping_mul(drift_mc) / 1000;
    let change = (i64::from(scale).wrapping_mul(change) + (1 << 29)) >> 30;
    let (least, most) = (i64::from(*SCALES.start()), i64::from(*SCALES.end()));
    i64::from(scale).saturating_add(change).max(least).min(most) as i32
}

/// A chip under certain conditions.
#[derive(Clone, Copy, Debug)]
pub struct State<'a, B> {
    calibration: &'a Calibration<B>,
    /// Millidegrees from where the offsets hold.
    drift_mc: i64,
    deltas: Option<&'a [u8]>,
    scale: i32,
}

impl<B: Deref<Target = [u8]>> State<'_, B> {
    /// What is known of a heater, its offset as it is now.
    pub fn channel(&self, index: usize) -> Channel {
        let mut channel = self.calibration.channel(index);
        let delta = self.deltas.and_then(|all| bytes(all, 2 * index));
        let delta = delta.map_or(0, i16::from_le_bytes);
        // At most 2^28 * 2^18.
        let drift = i64::from(channel.tempco).wrapping_mul(self.drift_mc) / 1000;
        let now = channel.offset.wrapping_add((delta as u32) << 16);
        channel.offset = now.wrapping_add(drift as u32);
        channel
    }

    /// Phase that a unit of heat makes, 2^-30: 1/2 to 2.
    pub const fn scale(&self) -> i32 {
        self.scale
    }
}

/// Length, version and checksum. The checksum.
fn check_frame(blob: &[u8]) -> Result<u32, Refusal> {
    if u32_at(blob, 0).ok_or(Refusal::Checksum)? != MAGIC {
        return Err(Refusal::Senseless);
    }
    if u16_at(blob, 4).ok_or(Refusal::Checksum)? != VERSION {
        return Err(Refusal::Version);
    }
    let stated = u32_at(blob, 28).ok_or(Refusal::Checksum)?;
    let end = blob.len().checked_sub(4).ok_or(Refusal::Checksum)?;
    let content = blob.get(..end).ok_or(Refusal::Checksum)?;
    let checksum = crc32(content);
    if blob.len() < HEADER + 4
        || stated as usize != blob.len()
        || u32_at(blob, end) != Some(checksum)
    {
        return Err(Refusal::Checksum);
    }
    Ok(checksum)
}

fn check_device(blob: &[u8], identity: &Identity) -> Result<(), Refusal> {
    let same = bytes(blob, 8).map(u64::from_le_bytes) == Some(identity.serial)
        && u16_at(blob, 32).map(usize::from) == Some(identity.layout.modes())
        && u16_at(blob, 36).map(u32::from) == Some(identity.dac.bits())
        && u32_at(blob, 44) == Some(identity.full_scale);
    same.then_some(()).ok_or(Refusal::OtherDevice)
}

fn read_channel(blob: &[u8], channel: usize) -> Option<Channel> {
    let at = HEADER + CHANNEL * channel;
    Some(Channel {
        offset: u32_at(blob, at)?,
        efficiency: u32_at(blob, at + 4)?,
        tempco: i32_at(blob, at + 8)?,
        limit: u16_at(blob, at + 12)?,
    })
}

fn check_channels(blob: &[u8], identity: &Identity) -> Option<()> {
    let most = u64::from(identity.efficiency()) * MAX_EFFICIENCY;
    let dac: Dac = identity.dac;
    (0..identity.layout.channels()).try_for_each(|index| {
        let channel = read_channel(blob, index)?;
        let sound = u64::from(channel.efficiency) <= most
            && channel.tempco.unsigned_abs() <= MAX_TEMPCO
            && channel.limit <= dac.greatest()
            && u16_at(blob, HEADER + CHANNEL * index + 14)? == 0;
        sound.then_some(())
    })
}

fn check_crossings(blob: &[u8], layout: Layout) -> Option<()> {
    let at = crossings_at(layout);
    (0..2 * layout.crossings()).try_for_each(|index| {
        let error = i32_at(blob, at + 4 * index)?;
        (error.unsigned_abs() <= MAX_SPLITTER).then_some(())
    })
}

fn check_records(blob: &[u8], identity: &Identity, records: usize) -> Option<()> {
    let bytes = record_bytes(identity.layout);
    let end = 8 + 2 * identity.layout.channels();
    let mut least = 0;
    for index in 0..records {
        let at = records_at(identity.layout) + bytes * index;
        let record = blob.get(at..at + bytes)?;
        let wavelength = u32_at(record, 0)?;
        let sound = (least..identity.wavelengths).contains(&wavelength)
            && SCALES.contains(&i32_at(record, 4)?)
            && record.get(end..)?.iter().all(|&byte| byte == 0);
        sound.then_some(())?;
        least = wavelength + 1;
    }
    Some(())
}
