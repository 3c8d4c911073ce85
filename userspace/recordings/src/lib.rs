// SPDX-License-Identifier: GPL-2.0

//! Event recordings in and out.
//!
//! Readers turn the files of event cameras and simulators into a stream of
//! [`Event`]s; writers record what a network did, as NumPy files or CSV with the
//! field names of NIRData.
//!
//! | format | reader | writer |
//! |---|---|---|
//! | CSV | [`csv::CsvReader`] | [`csv::write_events`] |
//! | NumPy `.npy` | [`npy::NpyReader`], [`npy::read_array`] for weights | [`npy::write_events`] |
//! | N-MNIST `.bs2`, `.bin` | [`nmnist::NmnistReader`] | |
//! | Prophesee EVT 2.0 `.raw` | [`evt2::Evt2Reader`] | |
//! | Prophesee EVT 3.0 `.raw` | [`evt3::Evt3Reader`] | |
//! | NIRData observables | | [`observables::EventData`], [`observables::TimeGriddedData`] |
//!
//! Readers are iterators. They hold one record and a buffer of fixed size, never
//! the file; they stop at the first fault, which tells the byte it was found at
//! and what was expected there; no input makes them panic. They deliver events in
//! the order of the file: a recording that goes back in time does so here as well.
//!
//! ```
//! use lightos_recordings::{csv::CsvReader, Event};
//!
//! let file = "t,x,y,p\n1500,3,4,1\n";
//! let events: Result<Vec<Event>, _> = CsvReader::new(file.as_bytes())?.collect();
//! assert_eq!(events?, [Event { time_us: 1500, x: 3, y: 4, polarity: true }]);
//! # Ok::<(), lightos_recordings::Error>(())
//! ```
//!
//! # AEDAT4
//!
//! Not read, as no crate for it can be kept. `aedat` 1.3.3 interprets its
//! FlatBuffers without verifying them (`root_as_ioheader_unchecked`), so a
//! damaged file reads outside its buffer, and builds on FlatBuffers 2.0 and a C
//! library for LZ4. `evlib` 0.13.2 checks its bounds, but does not compile
//! without Python, Polars and the C library of HDF5, and has no answer to
//! packets that are packed with Zstandard. [`Format::detect`] knows such a file
//! by its first line, and [`open`] says what to convert it to.
//!
//! # Dependencies
//!
//! | crate | why |
//! |---|---|
//! | npyz | headers of `.npy` files, structured data types included |
//! | thiserror | error enumerations |
//! | lzma-rust2 (tests) | the published EVT3 events are kept as `.xz` |
//! | proptest (tests) | hostile input, round trips |

#![forbid(unsafe_code)]

pub mod csv;
mod error;
pub mod evt2;
pub mod evt3;
mod header;
pub mod nmnist;
pub mod npy;
pub mod observables;
mod source;

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

pub use error::Error;

/// One event of one pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Event {
    /// Time in microseconds, as the recording counts it: the origin is the
    /// camera's or the file's.
    pub time_us: u64,
    /// Column, from 0 at the left.
    pub x: u16,
    /// Row, from 0 at the top.
    pub y: u16,
    /// True: it became brighter (ON); false: darker (OFF).
    pub polarity: bool,
}

/// Number of pixels of a sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SensorSize {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

impl SensorSize {
    /// N-MNIST: 34 x 34 pixels.
    pub const NMNIST: SensorSize = SensorSize {
        width: 34,
        height: 34,
    };

    /// Number of inputs of a network that sees both polarities of every pixel:
    /// 2 * width * height.
    pub fn inputs(self) -> u64 {
        2 * u64::from(self.width) * u64::from(self.height)
    }

    /// Input that `event` goes to: polarity * width * height + y * width + x, the
    /// order of N-MNIST networks. `None` for a pixel outside the sensor.
    pub fn input(self, event: Event) -> Option<u64> {
        if event.x >= self.width || event.y >= self.height {
            return None;
        }
        let pixel = u64::from(event.y) * u64::from(self.width) + u64::from(event.x);
        let plane = u64::from(self.width) * u64::from(self.height);
        Some(u64::from(event.polarity) * plane + pixel)
    }
}

impl fmt::Display for SensorSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// File formats that this crate knows by their first bytes or their name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Text, one event a line.
    Csv,
    /// NumPy array.
    Npy,
    /// N-MNIST: 5 bytes an event.
    Nmnist,
    /// Prophesee EVT 2.0: 32-bit words.
    Evt2,
    /// Prophesee EVT 3.0: 16-bit words.
    Evt3,
    /// iniVation AEDAT 4.0; known, not read.
    Aedat4,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Csv => "CSV",
            Format::Npy => "npy",
            Format::Nmnist => "N-MNIST",
            Format::Evt2 => "EVT2",
            Format::Evt3 => "EVT3",
            Format::Aedat4 => "AEDAT4",
        })
    }
}

impl Format {
    /// Format of a file called `path` that starts with the bytes `start` (256
    /// are enough; fewer where the file is shorter). The content decides where it
    /// has a mark of its own, the ending of the name otherwise; `None` if neither
    /// says anything.
    pub fn detect(path: &Path, start: &[u8]) -> Option<Format> {
        if start.starts_with(b"\x93NUMPY") {
            return Some(Format::Npy);
        }
        if start.starts_with(b"#!AER-DAT4") {
            return Some(Format::Aedat4);
        }
        if start.starts_with(b"% ") {
            if let Some(format) = header::format_of(start) {
                return Some(format);
            }
        }
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "csv" | "txt" | "tsv" => Some(Format::Csv),
            "npy" => Some(Format::Npy),
            "bs2" | "bin" => Some(Format::Nmnist),
            "aedat4" => Some(Format::Aedat4),
            _ => None,
        }
    }
}

/// A stream of events: what all readers are.
///
/// After an error the iterator ends.
pub trait EventSource: Iterator<Item = Result<Event, Error>> {
    /// Format of the file.
    fn format(&self) -> Format;

    /// Size of the sensor, if the file or its format tells it.
    fn sensor(&self) -> Option<SensorSize>;

    /// Bytes consumed so far, from the start of the file.
    fn offset(&self) -> u64;

    /// Whether its events are numbers of neurons or inputs, in the column of the
    /// pixel, and not pixels.
    fn is_indexed(&self) -> bool {
        false
    }

    /// Records passed over so far because they carry no pixel event (triggers,
    /// camera monitoring) or came before the stream had said its time and place.
    fn passed_over(&self) -> u64 {
        0
    }
}

/// Opens the recording `path` with the reader of its format.
///
/// N-MNIST files are taken to be of [`SensorSize::NMNIST`].
///
/// # Errors
/// [`Error::Io`] if it cannot be read, [`Error::Unsupported`] if its format is
/// not known or not read, [`Error::Malformed`] if its header is faulty.
pub fn open(path: &Path) -> Result<Box<dyn EventSource>, Error> {
    let file = File::open(path).map_err(|source| Error::Open {
        path: path.to_owned(),
        source,
    })?;
    let mut input = BufReader::with_capacity(64 * 1024, file);
    let start = input.fill_buf().map_err(|source| Error::Open {
        path: path.to_owned(),
        source,
    })?;
    match Format::detect(path, start) {
        Some(Format::Csv) => Ok(Box::new(csv::CsvReader::new(input)?)),
        Some(Format::Npy) => Ok(Box::new(npy::NpyReader::new(input)?)),
        Some(Format::Nmnist) => Ok(Box::new(nmnist::NmnistReader::new(
            input,
            SensorSize::NMNIST,
        ))),
        Some(Format::Evt2) => Ok(Box::new(evt2::Evt2Reader::new(input)?)),
        Some(Format::Evt3) => Ok(Box::new(evt3::Evt3Reader::new(input)?)),
        Some(Format::Aedat4) => Err(Error::Unsupported {
            format: Format::Aedat4,
            what: "cannot be read; export the events as CSV with the columns t, x, y, p".into(),
        }),
        None => Err(Error::UnknownFormat {
            path: path.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_before_the_name() {
        let name = Path::new("events.csv");
        assert_eq!(
            Format::detect(name, b"\x93NUMPY\x01\x00"),
            Some(Format::Npy)
        );
        assert_eq!(
            Format::detect(name, b"#!AER-DAT4.0\r\n"),
            Some(Format::Aedat4)
        );
        assert_eq!(
            Format::detect(name, b"% date x\n% evt 3.0\n"),
            Some(Format::Evt3)
        );
        assert_eq!(
            Format::detect(name, b"% format EVT2;width=640;height=480\n"),
            Some(Format::Evt2)
        );
        assert_eq!(Format::detect(name, b"1,2,3,4"), Some(Format::Csv));
        assert_eq!(
            Format::detect(Path::new("60001.bs2"), &[7, 7, 8]),
            Some(Format::Nmnist)
        );
        assert_eq!(Format::detect(Path::new("raw"), &[7, 7, 8]), None);
    }

    #[test]
    fn inputs_of_nmnist() {
        let size = SensorSize::NMNIST;
        assert_eq!(size.inputs(), 2312);
        let event = Event {
            time_us: 0,
            x: 7,
            y: 33,
            polarity: true,
        };
        assert_eq!(size.input(event), Some(1156 + 33 * 34 + 7));
        assert_eq!(size.input(Event { y: 34, ..event }), None);
    }
}
