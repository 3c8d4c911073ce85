// SPDX-License-Identifier: GPL-2.0

//! NumPy `.npy` files: events in and out, and plain arrays such as weights.
//!
//! Events are a one-dimensional array of records with the fields `t` (or `ts`,
//! `time`, `timestamp`), `x`, `y` and `p` (or `pol`, `polarity`, `on`), integers
//! or booleans of any width and byte order, padding allowed, time in microseconds;
//! or a plain integer array of shape (N, 4) with these columns in that order.
//!
//! Source of the format: NumPy enhancement proposal 1 and `numpy.lib.format`.

use std::io::{BufRead, Write};

use npyz::{DType, Endianness, Field, NpyHeader, Order, TypeChar, WriterBuilder};

use crate::source::{Record, Source};
use crate::{Error, Event, EventSource, Format, SensorSize};

/// Longest header accepted, bytes. NumPy itself asks for confirmation from
/// 10,000 on.
const HEADER_LIMIT: usize = 64 * 1024;
/// Deepest nesting of brackets in a header.
const DEPTH_LIMIT: usize = 16;
/// Longest record accepted, bytes.
const RECORD_LIMIT: usize = 4096;

/// Reads and checks the header of `source`.
fn read_header<R: BufRead>(source: &mut Source<R>) -> Result<NpyHeader, Error> {
    let Record::Whole(start) = source.record::<8>()? else {
        return Err(source.malformed(0, "the 8 bytes of \\x93NUMPY and version", "less"));
    };
    if !start.starts_with(b"\x93NUMPY") {
        return Err(source.malformed(0, "\\x93NUMPY", format!("{start:02x?}")));
    }
    let mut whole = start.to_vec();
    let length = header_length(source, start[6], &mut whole)?;
    let at = source.offset();
    let text_start = whole.len();
    whole.resize(text_start + length, 0);
    let read = source.read(&mut whole[text_start..])?;
    if read < length {
        return Err(source.malformed(at, format!("a header of {length} bytes"), format!("{read}")));
    }
    check_literal(&whole[text_start..])
        .and_then(|()| NpyHeader::from_reader(&whole[..]).map_err(|e| e.to_string()))
        .map_err(|fault| {
            source.malformed(at, "a dictionary with descr, fortran_order, shape", fault)
        })
}

/// Length of the header text in bytes; appends its bytes to `whole`.
fn header_length<R: BufRead>(
    source: &mut Source<R>,
    version: u8,
    whole: &mut Vec<u8>,
) -> Result<usize, Error> {
    let at = source.offset();
    let wide = version >= 2;
    let mut bytes = [0; 4];
    let width = if wide { 4 } else { 2 };
    if source.read(&mut bytes[..width])? < width {
        return Err(source.malformed(at, "the length of the header", "the end of the file"));
    }
    whole.extend_from_slice(&bytes[..width]);
    let length = u32::from_le_bytes(bytes) as usize;
    if length > HEADER_LIMIT {
        return Err(source.malformed(
            at,
            format!("a header of at most {HEADER_LIMIT} bytes"),
            format!("{length} bytes"),
        ));
    }
    Ok(length)
}

/// Refuses header texts that the parser of literals is not made for: it recurses
/// for each bracket, and multiplies dimensions without a check.
fn check_literal(text: &[u8]) -> Result<(), String> {
    let (mut depth, mut quote) = (0usize, None);
    let (mut number, mut product): (Option<u64>, u64) = (None, 1);
    for &byte in text {
        if quote.is_none() && byte.is_ascii_digit() {
            let digit = u64::from(byte - b'0');
            number = Some(number.unwrap_or(0).saturating_mul(10).saturating_add(digit));
            continue;
        }
        if let Some(n) = number.take() {
            product = product.saturating_mul(n.max(1));
            if byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.') {
                return Err("a number that is no decimal integer".into());
            }
        }
        match (quote, byte) {
            (Some(q), _) if q == byte => quote = None,
            (Some(_), b'\\') => return Err("an escaped character".into()),
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'(' | b'[' | b'{') => depth += 1,
            (None, b')' | b']' | b'}') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
        if depth > DEPTH_LIMIT {
            return Err(format!("brackets nested more than {DEPTH_LIMIT} deep"));
        }
    }
    if product >= 1 << 62 {
        return Err("more elements than fit in memory".into());
    }
    Ok(())
}

/// Where a number lies in a record, and how it is stored.
#[derive(Clone, Copy)]
struct Number {
    at: usize,
    size: usize,
    big_endian: bool,
    kind: NumberKind,
}

#[derive(Clone, Copy, PartialEq)]
enum NumberKind {
    Signed,
    Unsigned,
    Float,
}

impl Number {
    /// The number of type `dtype` at byte `at`, unless it is something else.
    fn of(dtype: &DType, at: usize) -> Option<Self> {
        let DType::Plain(ty) = dtype else { return None };
        let kind = match ty.type_char() {
            TypeChar::Int => NumberKind::Signed,
            TypeChar::Uint | TypeChar::Bool => NumberKind::Unsigned,
            TypeChar::Float => NumberKind::Float,
            _ => return None,
        };
        let size = ty
            .num_bytes()
            .filter(|size| matches!(size, 1 | 2 | 4 | 8))?;
        if kind == NumberKind::Float && size < 2 {
            return None;
        }
        Some(Self {
            at,
            size,
            big_endian: ty.endianness() == Endianness::Big,
            kind,
        })
    }

    /// Its bits, zero-extended.
    fn bits(self, record: &[u8]) -> u64 {
        let bytes = record.get(self.at..self.at + self.size).unwrap_or(&[]);
        let add = |bits: u64, &byte: &u8| bits << 8 | u64::from(byte);
        if self.big_endian {
            bytes.iter().fold(0, add)
        } else {
            bytes.iter().rev().fold(0, add)
        }
    }

    /// Its value as an integer; not meaningful for floats.
    fn integer(self, record: &[u8]) -> i128 {
        let bits = self.bits(record);
        if self.kind == NumberKind::Signed {
            let unused = 64 - 8 * self.size as u32;
            i128::from((bits << unused) as i64 >> unused)
        } else {
            i128::from(bits)
        }
    }

    /// Its value, if an f64 holds it exactly.
    fn float(self, record: &[u8]) -> Option<f64> {
        let bits = self.bits(record);
        if self.kind != NumberKind::Float {
            let value = self.integer(record);
            return (value.unsigned_abs() <= 1 << 53).then_some(value as f64);
        }
        Some(match self.size {
            2 => half(bits as u16),
            4 => f64::from(f32::from_bits(bits as u32)),
            _ => f64::from_bits(bits),
        })
    }
}

/// The value of IEEE 754 binary16 bits.
fn half(bits: u16) -> f64 {
    let magnitude = bits & 0x7fff;
    let digits = f64::from(magnitude & 0x03ff);
    let value = match magnitude >> 10 {
        0x1f if digits == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        0 => digits * 2f64.powi(-24),
        exponent => (1024.0 + digits) * 2f64.powi(i32::from(exponent) - 25),
    };
    if bits >> 15 == 0 {
        value
    } else {
        -value
    }
}

/// Where time, column, row and polarity lie in a record.
#[derive(Clone, Copy)]
struct Layout {
    time: Number,
    x: Number,
    y: Number,
    polarity: Number,
}

/// Reader of events from a `.npy` file.
pub struct NpyReader<R> {
    source: Source<R>,
    layout: Layout,
    record: Vec<u8>,
    left: u64,
    ended: bool,
}

impl<R: BufRead> NpyReader<R> {
    /// Reads the header of `input`.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is no header of NumPy, [`Error::Unsupported`] if
    /// the array does not hold events, [`Error::Io`].
    pub fn new(input: R) -> Result<Self, Error> {
        let mut source = Source::new(input, Format::Npy);
        let header = read_header(&mut source)?;
        let (layout, record) = layout_of(&header).map_err(|what| Error::Unsupported {
            format: Format::Npy,
            what,
        })?;
        Ok(Self {
            source,
            layout,
            record: vec![0; record],
            left: header.shape().first().copied().unwrap_or(0),
            ended: false,
        })
    }

    /// Events that are still to come, as the header says.
    pub fn remaining(&self) -> u64 {
        self.left
    }

    fn read(&mut self) -> Result<Option<Event>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        let offset = self.source.offset();
        let read = self.source.read(&mut self.record)?;
        if read < self.record.len() {
            return Err(self.source.malformed(
                offset,
                format!("{} more records of {} bytes", self.left, self.record.len()),
                format!("{read} bytes and the end of the file"),
            ));
        }
        self.left -= 1;
        self.event(offset).map(Some)
    }

    fn event(&self, offset: u64) -> Result<Event, Error> {
        let Layout {
            time,
            x,
            y,
            polarity,
        } = self.layout;
        let fault = |what: &str, found: i128| {
            self.source
                .malformed(offset, what.to_owned(), found.to_string())
        };
        let pixel = |number: Number, what: &str| {
            let value = number.integer(&self.record);
            u16::try_from(value).map_err(|_| fault(what, value))
        };
        let t = time.integer(&self.record);
        Ok(Event {
            time_us: u64::try_from(t).map_err(|_| fault("a time that is not negative", t))?,
            x: pixel(x, "a pixel column, 0 to 65535")?,
            y: pixel(y, "a pixel row, 0 to 65535")?,
            polarity: match polarity.integer(&self.record) {
                1 => true,
                0 | -1 => false,
                other => return Err(fault("a polarity: 1, 0 or -1", other)),
            },
        })
    }
}

/// Layout and size in bytes of the records of an array of events.
fn layout_of(header: &NpyHeader) -> Result<(Layout, usize), String> {
    match (header.dtype(), header.shape()) {
        (DType::Record(fields), [_]) => record_layout(&fields),
        (DType::Plain(ty), [_, 4]) if header.order() == Order::C => {
            let dtype = DType::Plain(ty);
            let size = dtype.num_bytes().unwrap_or(0);
            let column = |i: usize| {
                Number::of(&dtype, i * size)
                    .filter(|n| n.kind != NumberKind::Float)
                    .ok_or_else(|| format!("holds {}; events are integers", dtype.descr()))
            };
            let layout = Layout {
                time: column(0)?,
                x: column(1)?,
                y: column(2)?,
                polarity: column(3)?,
            };
            Ok((layout, 4 * size))
        }
        (dtype, shape) => Err(format!(
            "an array of {} with shape {shape:?} holds no events; expected one dimension of \
             records with the fields t, x, y, p, or integers of shape (N, 4) in C order",
            dtype.descr()
        )),
    }
}

fn record_layout(fields: &[Field]) -> Result<(Layout, usize), String> {
    let find = |names: &[&str]| {
        let mut at = 0usize;
        for field in fields {
            if names.contains(&field.name.as_str()) {
                return Number::of(&field.dtype, at)
                    .filter(|n| n.kind != NumberKind::Float)
                    .ok_or_else(|| {
                        let descr = field.dtype.descr();
                        format!("field {} holds {descr}; expected integers", field.name)
                    });
            }
            at = at.saturating_add(field.dtype.num_bytes().unwrap_or(usize::MAX));
        }
        Err(format!("the records have no field {}", names.join(" or ")))
    };
    let layout = Layout {
        time: find(&["t", "ts", "time", "timestamp"])?,
        x: find(&["x"])?,
        y: find(&["y"])?,
        polarity: find(&["p", "pol", "polarity", "on"])?,
    };
    let size = DType::Record(fields.to_vec())
        .num_bytes()
        .filter(|&size| size <= RECORD_LIMIT)
        .ok_or_else(|| format!("its records are longer than {RECORD_LIMIT} bytes"))?;
    Ok((layout, size))
}

impl<R: BufRead> Iterator for NpyReader<R> {
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

impl<R: BufRead> EventSource for NpyReader<R> {
    fn format(&self) -> Format {
        Format::Npy
    }

    fn sensor(&self) -> Option<SensorSize> {
        None
    }

    fn offset(&self) -> u64 {
        self.source.offset()
    }
}

/// A plain array of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Length of each dimension.
    pub shape: Vec<usize>,
    /// Elements in C order: the last index runs fastest.
    pub values: Vec<f64>,
}

/// Reads a plain array of integers, booleans or floats of 16, 32 or 64 bits.
///
/// Memory is bounded by `limit`, the largest number of elements accepted, and
/// grows with what the file really holds.
///
/// # Errors
/// [`Error::Malformed`] if the file is damaged, [`Error::Unsupported`] if it holds
/// another type, more than `limit` elements, or an integer beyond +-2^53, which no
/// f64 holds exactly.
pub fn read_array<R: BufRead>(input: R, limit: usize) -> Result<Array, Error> {
    let mut source = Source::new(input, Format::Npy);
    let header = read_header(&mut source)?;
    let number = plain_number(&header.dtype())?;
    let (shape, count) = sized(&header, limit)?;
    let mut values = read_numbers(&mut source, number, count)?;
    if header.order() == Order::Fortran {
        values = to_c_order(&shape, &values);
    }
    Ok(Array { shape, values })
}

/// A plain array of complex numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct ComplexArray {
    /// Length of each dimension.
    pub shape: Vec<usize>,
    /// Real and imaginary part of the elements in C order.
    pub values: Vec<[f64; 2]>,
    /// Whether the file says complex; else all imaginary parts are 0.
    pub complex: bool,
}

/// Reads a plain array of complex numbers of 64 or 128 bits, or of what
/// [`read_array`] takes.
///
/// # Errors
/// As [`read_array`].
pub fn read_complex_array<R: BufRead>(input: R, limit: usize) -> Result<ComplexArray, Error> {
    let mut source = Source::new(input, Format::Npy);
    let header = read_header(&mut source)?;
    let dtype = header.dtype();
    let (part, parts) = match complex_part(&dtype) {
        Some(part) => (part, 2),
        None => (plain_number(&dtype)?, 1),
    };
    let (shape, count) = sized(&header, limit)?;
    let numbers = read_numbers(&mut source, part, count * parts)?;
    let mut values: Vec<[f64; 2]> = match parts {
        2 => numbers.chunks_exact(2).map(|z| [z[0], z[1]]).collect(),
        _ => numbers.iter().map(|&re| [re, 0.0]).collect(),
    };
    if header.order() == Order::Fortran {
        values = to_c_order(&shape, &values);
    }
    Ok(ComplexArray {
        shape,
        values,
        complex: parts == 2,
    })
}

/// One of the two numbers of a complex type.
fn complex_part(dtype: &DType) -> Option<Number> {
    let DType::Plain(ty) = dtype else { return None };
    let size = ty.num_bytes().filter(|size| matches!(size, 8 | 16))? / 2;
    (ty.type_char() == TypeChar::Complex).then_some(Number {
        at: 0,
        size,
        big_endian: ty.endianness() == Endianness::Big,
        kind: NumberKind::Float,
    })
}

fn unsupported(what: String) -> Error {
    Error::Unsupported {
        format: Format::Npy,
        what,
    }
}

fn plain_number(dtype: &DType) -> Result<Number, Error> {
    Number::of(dtype, 0)
        .ok_or_else(|| unsupported(format!("holds {}; expected numbers", dtype.descr())))
}

/// Shape and number of elements, which is at most `limit`.
fn sized(header: &NpyHeader, limit: usize) -> Result<(Vec<usize>, usize), Error> {
    let shape: Option<Vec<usize>> = header.shape().iter().map(|&n| n.try_into().ok()).collect();
    let sized = shape.and_then(|shape| {
        let count = shape.iter().try_fold(1usize, |a, &n| a.checked_mul(n))?;
        (count <= limit).then_some((shape, count))
    });
    sized.ok_or_else(|| {
        unsupported(format!(
            "{:?} is more than {limit} elements",
            header.shape()
        ))
    })
}

fn read_numbers<R: BufRead>(
    source: &mut Source<R>,
    number: Number,
    count: usize,
) -> Result<Vec<f64>, Error> {
    let mut values = Vec::with_capacity(count.min(1 << 16));
    let mut bytes = [0; 8];
    for _ in 0..count {
        let offset = source.offset();
        if source.read(&mut bytes[..number.size])? < number.size {
            return Err(source.malformed(
                offset,
                format!("element {} of {count}", values.len()),
                "the end of the file",
            ));
        }
        let value = number
            .float(&bytes)
            .ok_or_else(|| source.malformed(offset, "an integer within 2^53", "a larger one"))?;
        values.push(value);
    }
    Ok(values)
}

/// Elements of an array whose first index runs fastest, with the last one fastest.
fn to_c_order<T: Copy>(shape: &[usize], values: &[T]) -> Vec<T> {
    let mut index = vec![0usize; shape.len()];
    let mut out = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        let at = index
            .iter()
            .zip(shape)
            .rev()
            .fold(0, |at, (&i, &n)| at * n + i);
        out.extend(values.get(at));
        for (i, &n) in index.iter_mut().zip(shape).rev() {
            *i += 1;
            if *i < n {
                break;
            }
            *i = 0;
        }
    }
    out
}

/// `dtype` of the description `descr`, such as `<f8`.
pub(crate) fn plain(descr: &str) -> Result<DType, Error> {
    descr
        .parse()
        .map(DType::new_scalar)
        .map_err(|e| Error::Inconsistent(format!("data type {descr}: {e}")))
}

/// Writes the header of an array.
pub(crate) fn write_header<W: Write>(output: W, dtype: DType, shape: &[u64]) -> Result<W, Error> {
    let options = npyz::WriteOptions::new_header_only();
    Ok(options
        .dtype(dtype)
        .shape(shape)
        .writer(output)
        .write_header_only()?)
}

/// Writes a plain array of doubles (`<f8`), or, with `complex`, of pairs of real and
/// imaginary part (`<c16`), in C order.
///
/// # Errors
/// [`Error::Write`]; [`Error::Inconsistent`] where the values are not as many as the
/// shape asks for.
pub fn write_array<W: Write>(
    output: W,
    shape: &[usize],
    complex: bool,
    values: &[f64],
) -> Result<(), Error> {
    let parts = if complex { 2 } else { 1 };
    let count = shape
        .iter()
        .try_fold(parts, |a: usize, &n| a.checked_mul(n));
    if count != Some(values.len()) {
        return Err(Error::Inconsistent(format!(
            "{} numbers are not an array of {shape:?}",
            values.len()
        )));
    }
    let dtype = plain(if complex { "<c16" } else { "<f8" })?;
    let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
    let mut output = write_header(output, dtype, &shape)?;
    for value in values {
        output.write_all(&value.to_le_bytes())?;
    }
    output.flush()?;
    Ok(())
}

/// Writes an array of records, given as their `bytes` one after the other: `fields`
/// are their names and types, such as `<f4`, in order and without padding.
///
/// # Errors
/// [`Error::Write`]; [`Error::Inconsistent`] for a type that is none, or where
/// `bytes` are not as many as the shape asks for.
pub fn write_records<W: Write>(
    output: W,
    fields: &[(&str, &str)],
    shape: &[u64],
    bytes: &[u8],
) -> Result<(), Error> {
    let fields: Result<Vec<Field>, Error> = fields
        .iter()
        .map(|(name, descr)| Ok(field(name, plain(descr)?)))
        .collect();
    let dtype = DType::Record(fields?);
    let count = shape.iter().try_fold(1u64, |a, &n| a.checked_mul(n));
    let size = dtype.num_bytes().unwrap_or(0) as u64;
    if count.and_then(|count| count.checked_mul(size)) != Some(bytes.len() as u64) {
        return Err(Error::Inconsistent(format!(
            "{} bytes are not {shape:?} records of {size}",
            bytes.len()
        )));
    }
    let mut output = write_header(output, dtype, shape)?;
    output.write_all(bytes)?;
    output.flush()?;
    Ok(())
}

/// A field of a record type.
pub(crate) fn field(name: &str, dtype: DType) -> Field {
    Field {
        name: name.to_owned(),
        dtype,
    }
}

/// Writes `events` as records with the fields t (`<u8`, microseconds), x, y
/// (`<u2`) and p (`|u1`), which [`NpyReader`] and `numpy.load` read.
///
/// # Errors
/// [`Error::Write`].
pub fn write_events<W: Write>(output: W, events: &[Event]) -> Result<(), Error> {
    let dtype = DType::Record(vec![
        field("t", plain("<u8")?),
        field("x", plain("<u2")?),
        field("y", plain("<u2")?),
        field("p", plain("|u1")?),
    ]);
    let mut output = write_header(output, dtype, &[events.len() as u64])?;
    for event in events {
        output.write_all(&event.time_us.to_le_bytes())?;
        output.write_all(&event.x.to_le_bytes())?;
        output.write_all(&event.y.to_le_bytes())?;
        output.write_all(&[u8::from(event.polarity)])?;
    }
    output.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_have_their_value() {
        // Worked examples of IEEE 754-2008 binary16.
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65_504.0),
            (0x0001, 2f64.powi(-24)),
            (0x0400, 2f64.powi(-14)),
            (0x3555, 0.333_251_953_125),
            (0xfc00, f64::NEG_INFINITY),
            (0x8000, 0.0),
        ] {
            assert_eq!(half(bits), value, "{bits:#x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn complex_arrays_come_back() {
        let mut file = Vec::new();
        write_array(&mut file, &[1, 2], true, &[1.0, -2.0, 0.5, 4.0]).unwrap();
        let array = read_complex_array(&file[..], 2).unwrap();
        assert_eq!(array.shape, [1, 2]);
        assert_eq!(array.values, [[1.0, -2.0], [0.5, 4.0]]);
        assert!(array.complex);
        assert!(read_array(&file[..], 2).is_err());
        assert!(read_complex_array(&file[..], 1).is_err());
        assert!(read_complex_array(&file[..file.len() - 1], 2).is_err());

        let mut file = Vec::new();
        write_array(&mut file, &[2], false, &[1.0, 2.0]).unwrap();
        let array = read_complex_array(&file[..], 2).unwrap();
        assert_eq!(
            (array.complex, array.values),
            (false, vec![[1.0, 0.0], [2.0, 0.0]])
        );
        assert_eq!(read_array(&file[..], 2).unwrap().values, [1.0, 2.0]);
        assert!(write_array(&mut file, &[3], false, &[0.0]).is_err());
    }

    #[test]
    fn records_are_as_many_as_the_shape_says() {
        let fields = [("id", "<u2"), ("weight", "<f4")];
        let mut file = Vec::new();
        write_records(&mut file, &fields, &[2, 1], &[0; 12]).unwrap();
        let text = String::from_utf8_lossy(&file);
        assert!(text.contains("('id', '<u2'), ('weight', '<f4')"), "{text}");
        assert!(text.contains("(2, 1"), "{text}");
        assert!(write_records(&mut file, &fields, &[3], &[0; 12]).is_err());
        assert!(write_records(&mut file, &[("x", "<q9")], &[0], &[]).is_err());
    }
}
