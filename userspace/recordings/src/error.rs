// SPDX-License-Identifier: GPL-2.0

//! What can go wrong with a recording.

use std::io;
use std::path::PathBuf;

use crate::Format;

/// Error of a reader or writer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be opened or its start not be read.
    #[error("{path}: {source}", path = path.display())]
    Open {
        /// File that was asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Neither the content nor the name tells the format.
    #[error("{path}: neither its first bytes nor its name tell the format", path = path.display())]
    UnknownFormat {
        /// File that was asked for.
        path: PathBuf,
    },
    /// Reading failed.
    #[error("{format}: reading failed at byte {offset}: {source}")]
    Io {
        /// Format being read.
        format: Format,
        /// Byte of the file.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes are not of the format.
    #[error("{format}: byte {offset}: expected {expected}, found {found}")]
    Malformed {
        /// Format being read.
        format: Format,
        /// Byte of the file at which the faulty record starts.
        offset: u64,
        /// What the format asks for.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The format allows it, this reader does not.
    #[error("{format}: {what}")]
    Unsupported {
        /// Format being read.
        format: Format,
        /// What is not supported, and what to do about it.
        what: String,
    },
    /// The values to record contradict each other.
    #[error("cannot record: {0}")]
    Inconsistent(String),
    /// Writing failed.
    #[error("writing failed: {0}")]
    Write(#[from] io::Error),
}
