// SPDX-License-Identifier: GPL-2.0

//! Why the tool stops, and the exit status that says so.

use std::path::PathBuf;
use std::process::ExitCode;

/// Why the tool stops.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A call to the module failed.
    #[error(transparent)]
    Device(#[from] lightos::Error),
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}:{line}: {what}", path.display())]
    Format {
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        what: String,
    },
    /// The command line asks for something that the files do not hold.
    #[error("{0}")]
    Usage(String),
    /// Another program used the engine at the same time.
    #[error("{0}: another program uses the engine at the same time")]
    Busy(String),
    /// The module dropped events.
    #[error("the module dropped {0} events")]
    Dropped(u64),
    /// The result is worse than it should be.
    #[error("{0}")]
    Result(String),
    /// The output cannot be written.
    #[error("standard output: {0}")]
    Output(#[from] std::io::Error),
}

impl Failure {
    /// The exit status, as `lightctl --help` states it.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Result(_) => 1,
            Self::Read { .. } | Self::Format { .. } | Self::Usage(_) | Self::Output(_) => 2,
            Self::Device(_) | Self::Busy(_) | Self::Dropped(_) => 3,
        })
    }
}
