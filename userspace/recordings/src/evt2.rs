// SPDX-License-Identifier: GPL-2.0

//! Prophesee EVT 2.0: 32-bit words, each with its type in bits 31..28.
//!
//! | type | word | bits |
//! |---|---|---|
//! | 0x0, 0x1 | OFF or ON event | 27..22 time, low 6 bits; 21..11 x; 10..0 y |
//! | 0x8 | time | 27..0 time, upper 28 bits, in units of 64 us |
//! | 0xA, 0xE, 0xF | trigger, other, continued | passed over |
//!
//! Source: Prophesee, Metavision SDK documentation, "EVT 2.0 format".

use std::io::BufRead;

use crate::header;
use crate::source::{Record, Source};
use crate::{Error, Event, EventSource, Format, SensorSize};

/// Bits of the time in a time word.
const HIGH_BITS: u32 = 28;
/// Bits of the time in an event word.
const LOW_BITS: u32 = 6;

/// Reader of EVT 2.0 events.
///
/// The 34 bits of time (4.8 hours) are continued over their overflow: an upper
/// part that falls by more than half its range counts as one more turn.
pub struct Evt2Reader<R> {
    source: Source<R>,
    sensor: Option<SensorSize>,
    big_endian: bool,
    high: Option<u32>,
    turns: u64,
    passed_over: u64,
    ended: bool,
}

impl<R: BufRead> Evt2Reader<R> {
    /// Reads the header of `input`.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the header is faulty or names another encoding,
    /// [`Error::Io`].
    pub fn new(input: R) -> Result<Self, Error> {
        let mut source = Source::new(input, Format::Evt2);
        let header = header::read(&mut source, Format::Evt2)?;
        Ok(Self {
            source,
            sensor: header.sensor,
            big_endian: header.big_endian,
            high: None,
            turns: 0,
            passed_over: 0,
            ended: false,
        })
    }

    fn read(&mut self) -> Result<Option<Event>, Error> {
        loop {
            let offset = self.source.offset();
            let bytes = match self.source.record::<4>()? {
                Record::Whole(bytes) => bytes,
                Record::End => return Ok(None),
                Record::Cut(n) => {
                    return Err(self.source.malformed(
                        offset,
                        "a word of 4 bytes",
                        format!("{n} bytes"),
                    ))
                }
            };
            let word = if self.big_endian {
                u32::from_be_bytes(bytes)
            } else {
                u32::from_le_bytes(bytes)
            };
            if let Some(event) = self.word(word, offset)? {
                return Ok(Some(event));
            }
        }
    }

    fn word(&mut self, word: u32, offset: u64) -> Result<Option<Event>, Error> {
        match word >> 28 {
            kind @ (0x0 | 0x1) => self.event(word, kind == 1, offset),
            0x8 => {
                let new = word & ((1 << HIGH_BITS) - 1);
                if self
                    .high
                    .is_some_and(|old| old > new && old - new > 1 << (HIGH_BITS - 1))
                {
                    self.turns += 1;
                }
                self.high = Some(new);
                Ok(None)
            }
            0xA | 0xE | 0xF => {
                self.passed_over += 1;
                Ok(None)
            }
            kind => Err(self.source.malformed(
                offset,
                "a word of type 0, 1, 8, A, E or F",
                format!("type {kind:X} (word {word:#010x})"),
            )),
        }
    }

    fn event(&mut self, word: u32, polarity: bool, offset: u64) -> Result<Option<Event>, Error> {
        let Some(high) = self.high else {
            self.passed_over += 1;
            return Ok(None);
        };
        let low = u64::from(word >> 22) & ((1 << LOW_BITS) - 1);
        let event = Event {
            time_us: (self.turns << (HIGH_BITS + LOW_BITS)) | (u64::from(high) << LOW_BITS) | low,
            x: (word >> 11 & 0x7ff) as u16,
            y: (word & 0x7ff) as u16,
            polarity,
        };
        check_pixel(&self.source, self.sensor, event, offset)?;
        Ok(Some(event))
    }
}

/// Refuses an event outside the sensor that the header gave.
pub(crate) fn check_pixel<R: BufRead>(
    source: &Source<R>,
    sensor: Option<SensorSize>,
    event: Event,
    offset: u64,
) -> Result<(), Error> {
    match sensor {
        Some(size) if event.x >= size.width || event.y >= size.height => Err(source.malformed(
            offset,
            format!("a pixel of the {size} sensor"),
            format!("x {}, y {}", event.x, event.y),
        )),
        _ => Ok(()),
    }
}

impl<R: BufRead> Iterator for Evt2Reader<R> {
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

impl<R: BufRead> EventSource for Evt2Reader<R> {
    fn format(&self) -> Format {
        Format::Evt2
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
