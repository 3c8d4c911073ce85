// SPDX-License-Identifier: GPL-2.0

//! Buffered input that knows its place in the file and never reads more than
//! asked for.

use std::io::{self, BufRead, Read};

use crate::{Error, Format};

/// What [`Source::record`] found.
pub(crate) enum Record<const N: usize> {
    /// A whole record.
    Whole([u8; N]),
    /// The file ends here.
    End,
    /// The file ends inside the record, after so many bytes.
    Cut(usize),
}

/// Input with a position and room to give two bytes back.
pub(crate) struct Source<R> {
    input: R,
    offset: u64,
    format: Format,
    returned: [u8; 2],
    returned_len: usize,
}

impl<R: BufRead> Source<R> {
    pub(crate) fn new(input: R, format: Format) -> Self {
        Self {
            input,
            offset: 0,
            format,
            returned: [0; 2],
            returned_len: 0,
        }
    }

    /// Bytes consumed so far.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Names the format that is being read, once the header told it.
    pub(crate) fn set_format(&mut self, format: Format) {
        self.format = format;
    }

    /// Gives two bytes back, which were the last ones read.
    pub(crate) fn give_back(&mut self, bytes: [u8; 2]) {
        self.returned = bytes;
        self.returned_len = 2;
        self.offset = self.offset.saturating_sub(2);
    }

    /// Reads up to `buf.len()` bytes; less only at the end of the file.
    pub(crate) fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let mut done = 0;
        while done < buf.len() && self.returned_len > 0 {
            buf[done] = self.returned[2 - self.returned_len];
            self.returned_len -= 1;
            done += 1;
        }
        while done < buf.len() {
            match self.input.read(&mut buf[done..]) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(self.io_error(done, source)),
            }
        }
        self.offset += done as u64;
        Ok(done)
    }

    fn io_error(&self, done: usize, source: io::Error) -> Error {
        Error::Io {
            format: self.format,
            offset: self.offset + done as u64,
            source,
        }
    }

    /// Reads one record of `N` bytes.
    pub(crate) fn record<const N: usize>(&mut self) -> Result<Record<N>, Error> {
        let mut bytes = [0; N];
        Ok(match self.read(&mut bytes)? {
            n if n == N => Record::Whole(bytes),
            0 => Record::End,
            n => Record::Cut(n),
        })
    }

    /// Reads a line of at most `limit` bytes without its end (`\n` or `\r\n`)
    /// into `line`; false at the end of the file.
    pub(crate) fn line(&mut self, line: &mut Vec<u8>, limit: usize) -> Result<bool, Error> {
        line.clear();
        let start = self.offset;
        let returned = self.returned_len;
        line.extend_from_slice(&self.returned[2 - returned..]);
        self.returned_len = 0;
        let room = (limit as u64 + 2).saturating_sub(returned as u64);
        let read = (&mut self.input)
            .take(room)
            .read_until(b'\n', line)
            .map_err(|source| self.io_error(returned, source))?;
        self.offset += (returned + read) as u64;
        if line.is_empty() {
            return Ok(false);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        if line.len() > limit {
            return Err(self.malformed(
                start,
                format!("a line of at most {limit} bytes"),
                "a longer one",
            ));
        }
        Ok(true)
    }

    /// The fault `found` where `expected` should be.
    pub(crate) fn malformed(
        &self,
        offset: u64,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Error {
        Error::Malformed {
            format: self.format,
            offset,
            expected: expected.into(),
            found: found.into(),
        }
    }
}
