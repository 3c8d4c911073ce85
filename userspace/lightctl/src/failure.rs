// SPDX-License-Identifier: GPL-2.0

//! Why the tool stops, and the exit status that says so.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lightos::photonic::Error as Photonic;

/// Why the tool stops.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A call to the module failed.
    #[error(transparent)]
    Device(#[from] lightos::Error),
    /// There is no module.
    #[error("{0}, or add --host to run the same arithmetic in this process")]
    NoModule(lightos::Error),
    /// There is a module, but no photonic processor.
    #[error(
        "the module has no photonic processor: none is plugged in; for a model of one, load it \
         with `modprobe lightos photonic_models=1`"
    )]
    NoProcessor,
    /// Something that the command needs is not there.
    #[error("{0}")]
    NotHere(String),
    /// A command that was run ended with this status, and said why itself.
    #[error("the command ended with status {0}")]
    Child(u8),
    /// A network cannot be described.
    #[error("the network cannot be: {0}")]
    Build(#[from] lightos::network::BuildError),
    /// A recording cannot be read.
    #[error("{}: {source}", path.display())]
    Recording {
        path: PathBuf,
        source: lightos_recordings::Error,
    },
    /// A graph cannot be read, or holds what LightOS does not run.
    #[error("{}: {source}", path.display())]
    Graph {
        path: PathBuf,
        source: lightos_nir::Error,
    },
    /// A file cannot be written.
    #[error("{}: {source}", path.display())]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
    /// A run ended before its time.
    #[error("the run was stopped")]
    Stopped,
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
    /// What is wrong with the recording `path`. Its errors of opening name it
    /// themselves.
    pub(crate) fn recording(path: &Path, source: lightos_recordings::Error) -> Self {
        match source {
            lightos_recordings::Error::Open { path, source } => Self::Read { path, source },
            lightos_recordings::Error::UnknownFormat { path } => Self::Usage(format!(
                "{}: neither its first bytes nor its name tell its format; endings are csv, npy, \
                 bs2, bin",
                path.display()
            )),
            source => Self::Recording {
                path: path.to_owned(),
                source,
            },
        }
    }

    /// The exit status, as `lightctl --help` states it.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Result(_) => 1,
            Self::Child(status) => *status,
            Self::Read { .. }
            | Self::Format { .. }
            | Self::Recording { .. }
            | Self::Graph { .. }
            | Self::Build(_)
            | Self::Write { .. }
            | Self::Usage(_)
            | Self::Output(_)
            | Self::Device(lightos::Error::Fault(_))
            | Self::Device(lightos::Error::Moe(lightos::moe::Error::Fault(_)))
            | Self::Device(lightos::Error::Photonic(
                Photonic::Limits
                | Photonic::Vectors { .. }
                | Photonic::Damaged
                | Photonic::Version
                | Photonic::OtherProcessor
                | Photonic::Senseless,
            )) => 2,
            Self::Device(_)
            | Self::NoModule(_)
            | Self::NoProcessor
            | Self::NotHere(_)
            | Self::Busy(_)
            | Self::Dropped(_)
            | Self::Stopped => 3,
        })
    }
}
