// SPDX-License-Identifier: GPL-2.0

//! N-MNIST `.bin` and `.bs2`: 5 bytes an event.
//!
//! Byte 0: x. Byte 1: y. Byte 2: bit 7 polarity, bits 6..0 with bytes 3 and 4 the
//! time in microseconds, 23 bits, big-endian. An event in row 240 is no pixel but
//! the overflow of the camera's timer: 8192 us are added to all times after it.
//!
//! Source: G. Orchard et al., "Converting Static Image Datasets to Spiking
//! Neuromorphic Datasets Using Saccades", 2015, and the reader distributed with
//! the data set.

use std::io::BufRead;

use crate::evt2::check_pixel;
use crate::source::{Record, Source};
use crate::{Error, Event, EventSource, Format, SensorSize};

/// Row that marks an overflow of the timer.
const OVERFLOW_ROW: u16 = 240;
/// What an overflow adds, in microseconds.
const OVERFLOW_US: u64 = 1 << 13;

/// Reader of N-MNIST events. N-Caltech101 has the same records; its sensor is
/// 240 x 180.
pub struct NmnistReader<R> {
    source: Source<R>,
    sensor: SensorSize,
    added_us: u64,
    passed_over: u64,
    ended: bool,
}

impl<R: BufRead> NmnistReader<R> {
    /// Reads `input`, whose pixels lie within `sensor`.
    pub fn new(input: R, sensor: SensorSize) -> Self {
        Self {
            source: Source::new(input, Format::Nmnist),
            sensor,
            added_us: 0,
            passed_over: 0,
            ended: false,
        }
    }

    fn read(&mut self) -> Result<Option<Event>, Error> {
        loop {
            let offset = self.source.offset();
            let [x, y, upper, middle, lower] = match self.source.record::<5>()? {
                Record::Whole(bytes) => bytes,
                Record::End => return Ok(None),
                Record::Cut(n) => {
                    return Err(self.source.malformed(
                        offset,
                        "an event of 5 bytes",
                        format!("{n} bytes"),
                    ))
                }
            };
            let time = u32::from_be_bytes([0, upper & 0x7f, middle, lower]);
            let event = Event {
                time_us: self.added_us.saturating_add(u64::from(time)),
                x: u16::from(x),
                y: u16::from(y),
                polarity: upper & 0x80 != 0,
            };
            if event.y == OVERFLOW_ROW && self.sensor.height <= OVERFLOW_ROW {
                self.added_us = self.added_us.saturating_add(OVERFLOW_US);
                self.passed_over += 1;
                continue;
            }
            check_pixel(&self.source, Some(self.sensor), event, offset)?;
            return Ok(Some(event));
        }
    }
}

impl<R: BufRead> Iterator for NmnistReader<R> {
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

impl<R: BufRead> EventSource for NmnistReader<R> {
    fn format(&self) -> Format {
        Format::Nmnist
    }

    fn sensor(&self) -> Option<SensorSize> {
        Some(self.sensor)
    }

    fn offset(&self) -> u64 {
        self.source.offset()
    }

    fn passed_over(&self) -> u64 {
        self.passed_over
    }
}
