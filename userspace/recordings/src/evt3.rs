// SPDX-License-Identifier: GPL-2.0

//! Prophesee EVT 3.0: 16-bit words, each with its type in bits 15..12. Time, row
//! and column are sent only when they change.
//!
//! | type | word | bits 11..0 |
//! |---|---|---|
//! | 0x0 | row | 10..0 y |
//! | 0x2 | one event | 11 polarity; 10..0 x |
//! | 0x3 | base of vectors | 11 polarity; 10..0 x of the first pixel |
//! | 0x4 | vector of 12 pixels | bit i: event at base + i; base += 12 |
//! | 0x5 | vector of 8 pixels | 7..0 likewise; base += 8 |
//! | 0x6 | time, low part | 11..0, microseconds |
//! | 0x8 | time, high part | 11..0, units of 4096 us; the low part is 0 until sent |
//! | 0x7, 0xA, 0xE, 0xF | continued, trigger, other | passed over |
//!
//! Source: Prophesee, Metavision SDK documentation, "EVT 3.0 format".

use std::io::BufRead;

use crate::evt2::check_pixel;
use crate::header;
use crate::source::{Record, Source};
use crate::{Error, Event, EventSource, Format, SensorSize};

/// Bits of each part of the time.
const TIME_BITS: u32 = 12;
/// Pixels that a column or row number can name.
const ADDRESSES: u16 = 2048;

/// How the parts of the time are joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeRule {
    /// As Prophesee specifies: the time is what the last words say.
    #[default]
    Specified,
    /// As the program expelliarmus does: each fall of the low part counts as one
    /// more turn of it, on top of what the high part says. A camera may send a low
    /// part twice, slightly earlier the second time, and its low part falls
    /// whenever its high part rises; each of these then adds 4096 us to all
    /// later times. For comparison with events that were decoded so.
    CountLowFalls,
}

/// Events of a vector word that are still to be delivered.
#[derive(Clone, Copy, Default)]
struct Vector {
    mask: u16,
    x: u16,
    offset: u64,
}

/// Reader of EVT 3.0 events.
///
/// The 24 bits of time (16.8 s) are continued over their overflow: a high part
/// that falls by more than half its range counts as one more turn. Events before
/// the first high part of the time or the first row are passed over, as a stream
/// may be cut anywhere.
pub struct Evt3Reader<R> {
    source: Source<R>,
    sensor: Option<SensorSize>,
    big_endian: bool,
    rule: TimeRule,
    high: Option<u16>,
    low: u16,
    turns: u64,
    low_falls: u64,
    y: Option<u16>,
    base: Option<u16>,
    polarity: bool,
    vector: Vector,
    passed_over: u64,
    ended: bool,
}

impl<R: BufRead> Evt3Reader<R> {
    /// Reads the header of `input`.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the header is faulty or names another encoding,
    /// [`Error::Io`].
    pub fn new(input: R) -> Result<Self, Error> {
        Self::with_time_rule(input, TimeRule::Specified)
    }

    /// Reads the header of `input`, whose times are then joined by `rule`.
    ///
    /// # Errors
    /// As [`Evt3Reader::new`].
    pub fn with_time_rule(input: R, rule: TimeRule) -> Result<Self, Error> {
        let mut source = Source::new(input, Format::Evt3);
        let header = header::read(&mut source, Format::Evt3)?;
        Ok(Self {
            source,
            sensor: header.sensor,
            big_endian: header.big_endian,
            rule,
            high: None,
            low: 0,
            turns: 0,
            low_falls: 0,
            y: None,
            base: None,
            polarity: false,
            vector: Vector::default(),
            passed_over: 0,
            ended: false,
        })
    }

    fn read(&mut self) -> Result<Option<Event>, Error> {
        loop {
            if self.vector.mask != 0 {
                return self.next_of_vector().map(Some);
            }
            let offset = self.source.offset();
            let bytes = match self.source.record::<2>()? {
                Record::Whole(bytes) => bytes,
                Record::End => return Ok(None),
                Record::Cut(_) => {
                    return Err(self.source.malformed(offset, "a word of 2 bytes", "1 byte"))
                }
            };
            let word = if self.big_endian {
                u16::from_be_bytes(bytes)
            } else {
                u16::from_le_bytes(bytes)
            };
            if let Some(event) = self.word(word, offset)? {
                return Ok(Some(event));
            }
        }
    }

    fn word(&mut self, word: u16, offset: u64) -> Result<Option<Event>, Error> {
        let payload = word & 0xfff;
        match word >> 12 {
            0x0 => self.y = Some(payload & 0x7ff),
            0x2 => {
                self.polarity = payload & 0x800 != 0;
                return self.event(payload & 0x7ff, offset);
            }
            0x3 => {
                self.polarity = payload & 0x800 != 0;
                self.base = Some(payload & 0x7ff);
            }
            0x4 => self.start_vector(payload, 12, offset),
            0x5 => self.start_vector(payload & 0xff, 8, offset),
            0x6 => self.set_low(payload),
            0x8 => self.set_high(payload),
            0x7 | 0xA | 0xE | 0xF => self.passed_over += 1,
            kind => {
                return Err(self.source.malformed(
                    offset,
                    "a word of type 0, 2 to 8, A, E or F",
                    format!("type {kind:X} (word {word:#06x})"),
                ))
            }
        }
        Ok(None)
    }

    fn set_high(&mut self, new: u16) {
        if self
            .high
            .is_some_and(|old| old > new && old - new > 1 << (TIME_BITS - 1))
        {
            self.turns += 1;
        }
        self.high = Some(new);
        if self.rule == TimeRule::Specified {
            self.low = 0;
        }
    }

    fn set_low(&mut self, new: u16) {
        if self.rule == TimeRule::CountLowFalls && new < self.low {
            self.low_falls += 1;
        }
        self.low = new;
    }

    fn start_vector(&mut self, mask: u16, pixels: u16, offset: u64) {
        match self.base {
            Some(x) => {
                self.vector = Vector { mask, x, offset };
                self.base = Some(x.saturating_add(pixels));
            }
            None => self.passed_over += 1,
        }
        if self.high.is_none() || self.y.is_none() {
            self.passed_over += u64::from(self.vector.mask.count_ones());
            self.vector.mask = 0;
        }
    }

    /// The next event of the present vector, whose mask is not empty.
    fn next_of_vector(&mut self) -> Result<Event, Error> {
        let Vector { mask, x, offset } = self.vector;
        self.vector.mask = mask & mask.wrapping_sub(1);
        let x = x.saturating_add(mask.trailing_zeros() as u16);
        self.event(x, offset)?.ok_or_else(|| {
            self.source
                .malformed(offset, "time and row before a vector", "neither")
        })
    }

    fn event(&mut self, x: u16, offset: u64) -> Result<Option<Event>, Error> {
        let (Some(high), Some(y)) = (self.high, self.y) else {
            self.passed_over += 1;
            return Ok(None);
        };
        let event = Event {
            time_us: (self.turns << (2 * TIME_BITS))
                + ((u64::from(high) + self.low_falls) << TIME_BITS)
                + u64::from(self.low),
            x,
            y,
            polarity: self.polarity,
        };
        let largest = SensorSize {
            width: ADDRESSES,
            height: ADDRESSES,
        };
        check_pixel(&self.source, self.sensor.or(Some(largest)), event, offset)?;
        Ok(Some(event))
    }
}

impl<R: BufRead> Iterator for Evt3Reader<R> {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.read().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

impl<R: BufRead> EventSource for Evt3Reader<R> {
    fn format(&self) -> Format {
        Format::Evt3
    }

    fn sensor(&self) -> Option<SensorSize> {
        self.sensor
    }

    fn offset(&self) -> u64 {
        self.source.offset()
    }

    fn passed_over(&self) -> u64 {
        self.passed_over
    }
}
