// SPDX-License-Identifier: GPL-2.0

//! The text header of Prophesee `.raw` files: lines `% key value`, which end with
//! `% end` or with the first byte pair that is not `% `.
//!
//! Source: Prophesee, Metavision SDK documentation, "RAW file format", "EVT 2.0
//! format" and "EVT 3.0 format".

use std::io::BufRead;

use crate::source::{Record, Source};
use crate::{Error, Format, SensorSize};

/// Longest header line, bytes.
const LINE_LIMIT: usize = 1024;
/// Longest header, bytes.
const HEADER_LIMIT: u64 = 64 * 1024;

/// What the readers need of a header.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Header {
    /// Encoding, if one is named that this crate reads.
    pub(crate) format: Option<Format>,
    /// Sensor size, if given.
    pub(crate) sensor: Option<SensorSize>,
    /// Words are big-endian.
    pub(crate) big_endian: bool,
}

/// Reads the header of an `expected` file and leaves `source` at the first word.
pub(crate) fn read<R: BufRead>(source: &mut Source<R>, expected: Format) -> Result<Header, Error> {
    source.set_format(expected);
    let mut header = Header::default();
    let mut line = Vec::new();
    loop {
        let start = source.offset();
        if start > HEADER_LIMIT {
            return Err(source.malformed(
                start,
                format!("the header to end within {HEADER_LIMIT} bytes"),
                "more of it",
            ));
        }
        match source.record::<2>()? {
            Record::Whole([b'%', b' ']) => source.give_back([b'%', b' ']),
            Record::Whole(bytes) => {
                source.give_back(bytes);
                return Ok(header);
            }
            Record::End => return Ok(header),
            Record::Cut(_) => {
                return Err(source.malformed(start, "a header line or a word", "1 byte"))
            }
        }
        source.line(&mut line, LINE_LIMIT)?;
        let text = String::from_utf8_lossy(&line);
        if text.trim_end() == "% end" {
            return Ok(header);
        }
        take_line(&mut header, text.trim_start_matches("% "))
            .map_err(|wanted| source.malformed(start, wanted, text.clone().into_owned()))?;
        if let Some(format) = header.format.filter(|&f| f != expected) {
            return Err(source.malformed(start, format!("{expected} data"), format.to_string()));
        }
    }
}

/// Takes in one line without its `% `; `Err` says what it should have been.
fn take_line(header: &mut Header, line: &str) -> Result<(), &'static str> {
    let (key, value) = line.split_once(' ').unwrap_or((line, ""));
    let value = value.trim();
    match key {
        "evt" => header.format = Some(encoding(value).ok_or("`evt 2.0` or `evt 3.0`")?),
        "format" => {
            let mut parts = value.split(';');
            let name = parts.next().unwrap_or_default();
            header.format = Some(encoding(name).ok_or("`format EVT2` or `format EVT3`")?);
            header.sensor = sizes(parts).or(header.sensor);
        }
        "geometry" => {
            let (w, h) = value.split_once('x').ok_or("`geometry WIDTHxHEIGHT`")?;
            header.sensor = Some(sensor(w, h).ok_or("`geometry WIDTHxHEIGHT`")?);
        }
        "endianness" => match value {
            "little" => header.big_endian = false,
            "big" => header.big_endian = true,
            _ => return Err("`endianness little` or `endianness big`"),
        },
        _ => {}
    }
    Ok(())
}

/// Encoding of the names `3.0`, `EVT3`.
fn encoding(name: &str) -> Option<Format> {
    match name {
        "2.0" | "EVT2" => Some(Format::Evt2),
        "3.0" | "EVT3" => Some(Format::Evt3),
        _ => None,
    }
}

/// Sensor size of `height=720`, `width=1280` in any order.
fn sizes<'a>(parts: impl Iterator<Item = &'a str>) -> Option<SensorSize> {
    let (mut width, mut height) = (None, None);
    for part in parts {
        match part.split_once('=') {
            Some(("width", value)) => width = Some(value),
            Some(("height", value)) => height = Some(value),
            _ => {}
        }
    }
    sensor(width?, height?)
}

fn sensor(width: &str, height: &str) -> Option<SensorSize> {
    let size = SensorSize {
        width: width.trim().parse().ok()?,
        height: height.trim().parse().ok()?,
    };
    (size.width > 0 && size.height > 0).then_some(size)
}

/// Encoding that the header at the start of a file names, if it does.
pub(crate) fn format_of(start: &[u8]) -> Option<Format> {
    let mut header = Header::default();
    for line in start.split(|&b| b == b'\n') {
        let line = std::str::from_utf8(line).ok()?;
        let line = line.trim_end().strip_prefix("% ")?;
        // A line that `read` will refuse says nothing about the encoding.
        let _ = take_line(&mut header, line);
        if header.format.is_some() {
            return header.format;
        }
    }
    None
}
