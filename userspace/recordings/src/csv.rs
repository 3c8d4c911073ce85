// SPDX-License-Identifier: GPL-2.0

//! Events as text, one a line: time, column, row, polarity.
//!
//! A first line of names tells the order of the columns:
//!
//! | names | meaning |
//! |---|---|
//! | `t`, `ts`, `us`, `time_us`, `timestamp`, `timestamp_us` | time in microseconds |
//! | `time`, `time_s`, `t_s`, `seconds` | time in seconds, as in NIRData |
//! | `x`, `col`; `y`, `row` | pixel |
//! | `p`, `pol`, `polarity`, `on` | polarity: 1, `true`, `on`; or 0, -1, `false`, `off` |
//!
//! A column `idx`, as in NIRData, stands for x, y and p where these are missing:
//! the number of a neuron or input, up to 65535, which becomes the column of the
//! pixel in row 0 ([`EventSource::is_indexed`]).
//!
//! Other columns are ignored. Without such a line the columns are t, x, y, p.
//! Columns stand between commas, semicolons, tabs or spaces, whichever the first
//! line has. Empty lines and lines that start with `#` or `%` are comments; the
//! comment `# sensor=WIDTHxHEIGHT` before the first event tells the sensor.

use std::io::{BufRead, Write};

use crate::evt2::check_pixel;
use crate::source::Source;
use crate::{Error, Event, EventSource, Format, SensorSize};

/// Longest line, bytes.
const LINE_LIMIT: usize = 4096;

/// What stands between columns.
#[derive(Clone, Copy)]
enum Separator {
    Byte(char),
    Spaces,
}

impl Separator {
    fn of(line: &str) -> Self {
        [',', ';', '\t']
            .into_iter()
            .find(|&c| line.contains(c))
            .map_or(Separator::Spaces, Separator::Byte)
    }

    /// Text of column `index`, trimmed.
    fn column(self, line: &str, index: usize) -> Option<&str> {
        match self {
            Separator::Byte(c) => line.split(c).nth(index).map(str::trim),
            Separator::Spaces => line.split_whitespace().nth(index),
        }
    }

    fn columns(self, line: &str) -> Vec<&str> {
        (0..).map_while(|i| self.column(line, i)).collect()
    }
}

/// Which column holds what.
#[derive(Clone, Copy)]
struct Columns {
    time: usize,
    /// Decimal digits from the file's unit of time to microseconds.
    time_digits: u32,
    x: usize,
    /// Row and polarity; none where x is an index.
    pixel: Option<(usize, usize)>,
}

impl Columns {
    const DEFAULT: Columns = Columns {
        time: 0,
        time_digits: 0,
        x: 1,
        pixel: Some((2, 3)),
    };

    /// Columns of a line of names; `Err` is the missing one.
    fn of(names: &[&str]) -> Result<Self, &'static str> {
        const MICROSECONDS: [&str; 6] = ["t", "ts", "us", "time_us", "timestamp", "timestamp_us"];
        const SECONDS: [&str; 4] = ["time", "time_s", "t_s", "seconds"];
        let find = |wanted: &[&str]| {
            names.iter().position(|name| {
                let name = name.trim_matches('"');
                wanted.iter().any(|w| name.eq_ignore_ascii_case(w))
            })
        };
        let (time, time_digits) = match (find(&MICROSECONDS), find(&SECONDS)) {
            (Some(column), _) => (column, 0),
            (None, Some(column)) => (column, 6),
            (None, None) => return Err("t or time"),
        };
        let x = find(&["x", "col"]);
        if let (None, Some(index)) = (x, find(&["idx", "index"])) {
            return Ok(Self {
                time,
                time_digits,
                x: index,
                pixel: None,
            });
        }
        let x = x.ok_or("x")?;
        let y = find(&["y", "row"]).ok_or("y")?;
        let polarity = find(&["p", "pol", "polarity", "on"]).ok_or("p")?;
        Ok(Self {
            time,
            time_digits,
            x,
            pixel: Some((y, polarity)),
        })
    }
}

/// Reader of events as text.
pub struct CsvReader<R> {
    source: Source<R>,
    line: Vec<u8>,
    /// Start of the line in `line`.
    line_offset: u64,
    line_number: u64,
    /// `line` holds an event that was read to learn the columns.
    pending: bool,
    separator: Separator,
    columns: Columns,
    sensor: Option<SensorSize>,
    ended: bool,
}

impl<R: BufRead> CsvReader<R> {
    /// Reads the comments and names at the start of `input`.
    ///
    /// # Errors
    /// [`Error::Malformed`] if a line of names lacks a column, [`Error::Io`].
    pub fn new(input: R) -> Result<Self, Error> {
        let mut reader = Self {
            source: Source::new(input, Format::Csv),
            line: Vec::new(),
            line_offset: 0,
            line_number: 0,
            pending: false,
            separator: Separator::Spaces,
            columns: Columns::DEFAULT,
            sensor: None,
            ended: false,
        };
        reader.read_names()?;
        Ok(reader)
    }

    fn read_names(&mut self) -> Result<(), Error> {
        if !self.next_line()? {
            return Ok(());
        }
        let text = self.text()?;
        let separator = Separator::of(text);
        let names = separator.columns(text);
        let has_names = names.first().is_some_and(|name| {
            name.trim_matches('"')
                .starts_with(|c: char| c.is_ascii_alphabetic())
        });
        let columns = if has_names {
            Columns::of(&names)
                .map_err(|missing| self.fault(format!("a column {missing}"), text.to_owned()))?
        } else {
            Columns::DEFAULT
        };
        self.columns = columns;
        self.separator = separator;
        self.pending = !has_names;
        Ok(())
    }

    /// Reads the next line that is no comment into `line`; false at the end.
    fn next_line(&mut self) -> Result<bool, Error> {
        loop {
            self.line_offset = self.source.offset();
            if !self.source.line(&mut self.line, LINE_LIMIT)? {
                return Ok(false);
            }
            self.line_number += 1;
            if self.line_number == 1 && self.line.starts_with(b"\xef\xbb\xbf") {
                self.line.drain(..3);
            }
            let text = self.text()?.trim();
            if let Some(comment) = text.strip_prefix(['#', '%']) {
                self.sensor = sensor_of(comment).or(self.sensor);
            } else if !text.is_empty() {
                return Ok(true);
            }
        }
    }

    fn text(&self) -> Result<&str, Error> {
        std::str::from_utf8(&self.line)
            .map_err(|_| self.fault("a line of UTF-8 text", "other bytes"))
    }

    fn fault(&self, expected: impl Into<String>, found: impl Into<String>) -> Error {
        let expected = format!("{} (line {})", expected.into(), self.line_number);
        self.source.malformed(self.line_offset, expected, found)
    }

    fn read(&mut self) -> Result<Option<Event>, Error> {
        if !std::mem::take(&mut self.pending) && !self.next_line()? {
            return Ok(None);
        }
        let event = self.event()?;
        check_pixel(&self.source, self.sensor, event, self.line_offset)?;
        Ok(Some(event))
    }

    fn event(&self) -> Result<Event, Error> {
        let text = self.text()?;
        let columns = self.columns;
        let column = |index: usize, what: &str| {
            self.separator
                .column(text, index)
                .filter(|value| !value.is_empty())
                .ok_or_else(|| self.fault(format!("{what} in column {}", index + 1), "nothing"))
        };
        let pixel = |index: usize, what: &str| {
            let value = column(index, what)?;
            decimal(value, 0)
                .and_then(|n| u16::try_from(n).ok())
                .ok_or_else(|| self.fault(format!("{what}, 0 to 65535"), value))
        };
        let time = column(columns.time, "a time")?;
        let time_us = decimal(time, columns.time_digits)
            .ok_or_else(|| self.fault("a time that is not negative", time))?;
        let Some((y, polarity)) = columns.pixel else {
            return Ok(Event {
                time_us,
                x: pixel(columns.x, "an index")?,
                y: 0,
                polarity: true,
            });
        };
        let polarity = column(polarity, "a polarity")?;
        Ok(Event {
            time_us,
            x: pixel(columns.x, "a pixel column")?,
            y: pixel(y, "a pixel row")?,
            polarity: polarity_of(polarity)
                .ok_or_else(|| self.fault("a polarity: 1, 0 or -1", polarity))?,
        })
    }
}

/// `sensor=WIDTHxHEIGHT` of a comment.
fn sensor_of(comment: &str) -> Option<SensorSize> {
    let (w, h) = comment.trim().strip_prefix("sensor=")?.split_once('x')?;
    let size = SensorSize {
        width: w.parse().ok()?,
        height: h.parse().ok()?,
    };
    (size.width > 0 && size.height > 0).then_some(size)
}

/// The number `text` times 10^`digits`, to the nearest integer.
fn decimal(text: &str, digits: u32) -> Option<u64> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text.contains(['e', 'E']) {
        // What numpy.savetxt writes by default; exact in f64 up to 2^53.
        let value = text.parse::<f64>().ok()? * 10f64.powi(digits as i32);
        let rounded = value.round();
        return (0.0..9_007_199_254_740_992.0)
            .contains(&rounded)
            .then_some(rounded as u64);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || whole.len() + fraction.len() == 0 {
        return None;
    }
    let mut value: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut rest = fraction.bytes().map(|b| u64::from(b - b'0'));
    for _ in 0..digits {
        value = value
            .checked_mul(10)?
            .checked_add(rest.next().unwrap_or(0))?;
    }
    value.checked_add(u64::from(rest.next().unwrap_or(0) >= 5))
}

fn polarity_of(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" => Some(true),
        "false" | "off" | "-1" => Some(false),
        number => match decimal(number.strip_prefix('-').unwrap_or(number), 0)? {
            0 => Some(false),
            1 => Some(!number.starts_with('-')),
            _ => None,
        },
    }
}

impl<R: BufRead> Iterator for CsvReader<R> {
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

impl<R: BufRead> EventSource for CsvReader<R> {
    fn format(&self) -> Format {
        Format::Csv
    }

    fn sensor(&self) -> Option<SensorSize> {
        self.sensor
    }

    fn offset(&self) -> u64 {
        self.source.offset()
    }

    fn is_indexed(&self) -> bool {
        self.columns.pixel.is_none()
    }
}

/// Writes `events` as CSV with the columns t (microseconds), x, y, p.
///
/// # Errors
/// [`Error::Write`].
pub fn write_events<W: Write>(
    mut output: W,
    sensor: Option<SensorSize>,
    events: impl IntoIterator<Item = Event>,
) -> Result<(), Error> {
    if let Some(size) = sensor {
        writeln!(output, "# sensor={size}")?;
    }
    writeln!(output, "t,x,y,p")?;
    for event in events {
        let Event { time_us, x, y, .. } = event;
        writeln!(output, "{time_us},{x},{y},{}", u8::from(event.polarity))?;
    }
    output.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        assert_eq!(decimal("12", 0), Some(12));
        assert_eq!(decimal("0.000001", 6), Some(1));
        assert_eq!(decimal("1.0000004", 6), Some(1_000_000));
        assert_eq!(decimal("1.0000005", 6), Some(1_000_001));
        assert_eq!(decimal(".5", 6), Some(500_000));
        assert_eq!(decimal("1.171865600000000000e+07", 0), Some(11_718_656));
        assert_eq!(decimal("18446744073709551615", 0), Some(u64::MAX));
        for wrong in ["", ".", "-1", "1x", "18446744073709551616", "nan", "1e400"] {
            assert_eq!(decimal(wrong, 0), None, "{wrong}");
        }
        assert_eq!(decimal("18446744073709551615", 6), None);
    }

    #[test]
    fn polarities() {
        for (text, value) in [("1", true), ("1.0", true), ("on", true), ("True", true)] {
            assert_eq!(polarity_of(text), Some(value), "{text}");
        }
        for text in ["0", "-1", "-1.0", "off", "0.000e+00"] {
            assert_eq!(polarity_of(text), Some(false), "{text}");
        }
        assert_eq!(polarity_of("2"), None);
        assert_eq!(polarity_of("--1"), None);
    }
}
