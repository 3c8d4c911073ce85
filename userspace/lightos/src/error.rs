// SPDX-License-Identifier: GPL-2.0

//! What can go wrong with the device, and what to do about it.

use std::path::PathBuf;

use rustix::io::Errno;

use crate::network::Fault;
use crate::sys::NetworkFault;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The device node does not exist, or nothing stands behind it.
    #[error("{} is not there: load the module with `modprobe lightos`", path.display())]
    NoModule {
        /// The node that was opened.
        path: PathBuf,
    },
    /// The node may not be opened by this user.
    #[error("no permission to open {}: join the group `lightos` or run as root", path.display())]
    NoPermission {
        /// The node that was opened.
        path: PathBuf,
    },
    /// The file was opened read-only and the call changes something.
    #[error("{call} needs the device opened for writing")]
    ReadOnly {
        /// The call that was refused.
        call: &'static str,
    },
    /// START while the engine is disabled.
    #[error("the spiking engine is disabled: configure it with `enabled` set first")]
    Disabled,
    /// START while the engine runs.
    #[error("the spiking engine is running already")]
    AlreadyRunning,
    /// The queue holds all the events it can; the event was counted as dropped.
    #[error("the event queue is full; the event was dropped")]
    QueueFull,
    /// A value is out of its range. Nothing was changed.
    #[error("{call}: a value is out of range")]
    OutOfRange {
        /// The call that was refused.
        call: &'static str,
    },
    /// The module found something wrong with a network. What was in use before
    /// stays in use.
    #[error("the network is not right: {0}")]
    Fault(#[from] Fault),
    /// A call on a gate failed.
    #[error(transparent)]
    Moe(#[from] crate::moe::Error),
    /// A matrix has no program for a photonic processor.
    #[error(transparent)]
    Program(#[from] crate::photonic::ProgramError),
    /// A call on a photonic processor failed.
    #[error(transparent)]
    Photonic(#[from] crate::photonic::Error),
    /// A run is under way; the call waits for its end or stops it first.
    #[error("{call}: a run is under way")]
    Busy {
        /// The call that was refused.
        call: &'static str,
    },
    /// The file has no network, or the network not what the call is about.
    #[error("{call}: there is no such network, encoder or decoder")]
    NoNetwork {
        /// The call that was refused.
        call: &'static str,
    },
    /// There is neither a run nor the completion of one.
    #[error("there is no run to wait for")]
    NoRun,
    /// The input ring is full.
    #[error("the input ring is full")]
    InputFull,
    /// A signal ended the call.
    #[error("{call}: interrupted by a signal")]
    Interrupted {
        /// The call.
        call: &'static str,
    },
    /// The kernel has no memory for it, or the memory cgroup may not have more.
    #[error("{call}: not enough memory, or more than the memory cgroup may have")]
    NoMemory {
        /// The call that was refused.
        call: &'static str,
    },
    /// The registry holds no device of this number.
    #[error("there is no device {0}")]
    NoDevice(u32),
    /// The module does not know the call: it is older than this library.
    #[error("{call} is not known to the loaded module: it is older than this program")]
    Unsupported {
        /// The call that was refused.
        call: &'static str,
    },
    /// The module answered with a value that this library does not know.
    #[error("the module answered {value} for {field}, which this program does not know")]
    UnknownValue {
        /// Which field it was.
        field: &'static str,
        /// What it held.
        value: u32,
    },
    /// Any other failure.
    #[error("{call}: {}", std::io::Error::from(*errno))]
    Os {
        /// The call that failed.
        call: &'static str,
        /// How.
        errno: Errno,
    },
}

impl Error {
    /// The meaning of `errno` from opening `path`.
    pub(crate) fn from_open(errno: Errno, path: PathBuf) -> Self {
        match errno {
            Errno::NOENT | Errno::NODEV | Errno::NXIO => Self::NoModule { path },
            Errno::ACCESS | Errno::PERM => Self::NoPermission { path },
            _ => Self::Os {
                call: "open",
                errno,
            },
        }
    }

    /// The meaning of `errno` from an ioctl that has no errno of its own.
    pub(crate) fn from_call(errno: Errno, call: &'static str) -> Self {
        match errno {
            Errno::BADF => Self::ReadOnly { call },
            Errno::INVAL => Self::OutOfRange { call },
            Errno::NOTTY => Self::Unsupported { call },
            Errno::BUSY => Self::Busy { call },
            Errno::NODATA => Self::NoNetwork { call },
            Errno::INTR => Self::Interrupted { call },
            Errno::NOMEM => Self::NoMemory { call },
            _ => Self::Os { call, errno },
        }
    }

    /// The meaning of `errno` from START.
    pub(crate) fn from_start(errno: Errno) -> Self {
        match errno {
            Errno::INVAL => Self::Disabled,
            Errno::ALREADY => Self::AlreadyRunning,
            _ => Self::from_call(errno, "START"),
        }
    }

    /// The meaning of `errno` from SUBMIT_EVENT.
    pub(crate) fn from_submit(errno: Errno) -> Self {
        match errno {
            Errno::NOSPC => Self::QueueFull,
            _ => Self::from_call(errno, "SUBMIT_EVENT"),
        }
    }

    /// The meaning of `errno` from a call that reports a fault.
    pub(crate) fn from_load(errno: Errno, call: &'static str, fault: &NetworkFault) -> Self {
        match (errno, Fault::from_raw(fault)) {
            (Errno::INVAL, Some(Ok(fault))) => Self::Fault(fault),
            (Errno::INVAL, Some(Err(error))) => error,
            _ => Self::from_call(errno, call),
        }
    }

    /// The meaning of `errno` from NETWORK_INPUT.
    pub(crate) fn from_input(errno: Errno) -> Self {
        match errno {
            Errno::NOSPC => Self::InputFull,
            _ => Self::from_call(errno, "NETWORK_INPUT"),
        }
    }

    /// The meaning of `errno` from reading a completion.
    pub(crate) fn from_completion(errno: Errno) -> Self {
        match errno {
            Errno::INVAL => Self::NoRun,
            _ => Self::from_call(errno, "read"),
        }
    }

    /// The meaning of `errno` from GET_DEVICE_STATE of device `id`.
    pub(crate) fn from_device_state(errno: Errno, id: u32) -> Self {
        match errno {
            Errno::NODEV => Self::NoDevice(id),
            _ => Self::from_call(errno, "GET_DEVICE_STATE"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_errors_say_what_to_do() {
        let text = |errno| Error::from_open(errno, "/dev/lightos".into()).to_string();
        assert!(text(Errno::NOENT).contains("modprobe lightos"));
        assert!(text(Errno::ACCESS).contains("group `lightos`"));
        assert!(text(Errno::MFILE).starts_with("open: "));
    }

    #[test]
    fn a_load_fails_by_its_fault() {
        let mut raw = NetworkFault::default();
        let plain = Error::from_load(Errno::INVAL, "COMMIT", &raw);
        assert!(matches!(plain, Error::OutOfRange { .. }), "{plain}");
        raw.table = 1;
        raw.entry = 2;
        raw.field[..5].copy_from_slice(b"count");
        let fault = Error::from_load(Errno::INVAL, "COMMIT", &raw).to_string();
        assert!(fault.contains("populations, entry 2, count"), "{fault}");
        let busy = Error::from_load(Errno::BUSY, "COMMIT", &raw);
        assert!(matches!(busy, Error::Busy { call: "COMMIT" }), "{busy}");
    }

    #[test]
    fn one_errno_means_different_things_to_different_calls() {
        assert!(matches!(Error::from_start(Errno::INVAL), Error::Disabled));
        assert!(matches!(
            Error::from_submit(Errno::INVAL),
            Error::OutOfRange {
                call: "SUBMIT_EVENT"
            }
        ));
        assert!(matches!(
            Error::from_start(Errno::ALREADY),
            Error::AlreadyRunning
        ));
        assert!(matches!(Error::from_submit(Errno::NOSPC), Error::QueueFull));
        assert!(matches!(
            Error::from_device_state(Errno::NODEV, 7),
            Error::NoDevice(7)
        ));
        assert!(matches!(
            Error::from_call(Errno::BADF, "RESET"),
            Error::ReadOnly { call: "RESET" }
        ));
        assert!(matches!(
            Error::from_call(Errno::NOTTY, "QUERY"),
            Error::Unsupported { call: "QUERY" }
        ));
        assert!(matches!(
            Error::from_call(Errno::NODATA, "RUN"),
            Error::NoNetwork { call: "RUN" }
        ));
        assert!(matches!(Error::from_completion(Errno::INVAL), Error::NoRun));
        assert!(matches!(Error::from_input(Errno::NOSPC), Error::InputFull));
    }
}
