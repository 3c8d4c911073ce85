// SPDX-License-Identifier: GPL-2.0

//! What can go wrong with a gate.

use rustix::io::Errno;

use crate::sys;
use crate::types::abi_enum;

abi_enum! {
    /// What is wrong with a field.
    Problem ("problem") {
        /// Less or more than is allowed.
        Range = 0, "out of range";
        /// Does not divide what it must.
        Divisor = 1, "does not divide";
        /// Set, but without a meaning together with the other fields.
        Mixture = 2, "without a meaning together with the other fields";
        /// The table has the wrong length.
        Length = 3, "wrong length";
        /// An expert twice in a row of the table.
        Twice = 4, "twice in a row of the table";
        /// An unknown value or flag, or a reserved field that is not 0.
        Unknown = 5, "unknown";
    }
}

abi_enum! {
    /// Why a number cannot be a logit.
    LogitProblem ("wrong") {
        /// It is NaN.
        NotANumber = 1, "NaN";
        /// It is +inf.
        Infinite = 2, "+inf";
    }
}

/// The first thing wrong with what a call was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("layer {layer}, {field}{}: {problem}", at(*.entry))]
pub struct Fault {
    /// In which layer.
    pub layer: u32,
    /// In which field.
    pub field: String,
    /// In which entry of a table, from 0; 0 also where there is no table.
    pub entry: u64,
    /// What is wrong.
    pub problem: Problem,
}

fn at(entry: u64) -> String {
    if entry == 0 {
        String::new()
    } else {
        format!(" (entry {entry})")
    }
}

impl Fault {
    /// What the module wrote; `None` if it wrote nothing.
    pub(crate) fn from_raw(raw: &sys::MoeFault) -> Option<Result<Self, crate::Error>> {
        let length = raw.field.iter().position(|&b| b == 0);
        let name = raw.field.get(..length.unwrap_or(raw.field.len()))?;
        if name.is_empty() {
            return None;
        }
        Some(Problem::try_from(raw.problem).map(|problem| Self {
            layer: raw.layer,
            field: String::from_utf8_lossy(name).into_owned(),
            entry: raw.entry,
            problem,
        }))
    }
}

/// Why a call on a gate failed; what other calls fail by too is a
/// [`crate::Error`] of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something is wrong with a rule or a table. Nothing was changed.
    #[error("the gate cannot be: {0}")]
    Fault(#[from] Fault),
    /// A logit is NaN or +inf. The batch was not counted.
    #[error("token {token}, expert {expert}: the logit is {problem}")]
    Logit {
        /// The token, by its place in the batch.
        token: u32,
        /// The expert.
        expert: u32,
        /// What it is.
        problem: LogitProblem,
    },
    /// The parts of a batch do not fit each other or the layer.
    #[error("{what}: {found}, where {wanted} are needed")]
    Length {
        /// Of what.
        what: &'static str,
        /// Its length.
        found: usize,
        /// What fits.
        wanted: String,
    },
    /// The gate has no such layer, or the layer is not of the kind that the call
    /// is about.
    #[error("{call}: layer {layer} is not there, or not of a kind that takes it")]
    Layer {
        /// The call that was refused.
        call: &'static str,
        /// The layer.
        layer: u32,
    },
    /// The gate is not configured, or a learned layer has no projection.
    #[error("{call}: the gate is not configured, or the layer has no projection")]
    NotConfigured {
        /// The call that was refused.
        call: &'static str,
    },
    /// There is no gate of that name.
    #[error("there is no gate named `{0}`")]
    NoName(String),
    /// There is a gate of that name already.
    #[error("there is a gate named `{0}` already")]
    NameTaken(String),
    /// The owner of the gate lets this user not query or change it.
    #[error("gate `{0}`: no permission; its owner and mode decide")]
    NoLeave(String),
    /// The system has as many named gates as it may, or the gate needs too much
    /// memory.
    #[error("{call}: more gates, or a gate of more bytes, than there may be")]
    NoSpace {
        /// The call that was refused.
        call: &'static str,
    },
    /// Another process configured the shared gate meanwhile: the results are void.
    #[error("another process configured the gate meanwhile")]
    Changed,
}

/// The meaning of `errno` from a call on a gate that has no errno of its own.
pub(super) fn from_call(errno: Errno, call: &'static str) -> crate::Error {
    match errno {
        Errno::NODATA => Error::NotConfigured { call }.into(),
        Errno::NOSPC => Error::NoSpace { call }.into(),
        Errno::BUSY | Errno::STALE => Error::Changed.into(),
        _ => crate::Error::from_call(errno, call),
    }
}

/// The meaning of `errno` from a call on a layer.
pub(super) fn from_layer(errno: Errno, call: &'static str, layer: u32) -> crate::Error {
    match errno {
        Errno::INVAL => Error::Layer { call, layer }.into(),
        _ => from_call(errno, call),
    }
}

/// The meaning of `errno` from a call that reports a fault.
pub(super) fn from_fault(
    errno: Errno,
    call: &'static str,
    fault: &sys::MoeFault,
    layer: u32,
) -> crate::Error {
    match (errno, Fault::from_raw(fault)) {
        (Errno::INVAL, Some(Ok(fault))) => Error::Fault(fault).into(),
        (Errno::INVAL, Some(Err(error))) => error,
        _ => from_layer(errno, call, layer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(field: &[u8], problem: u32, entry: u64) -> sys::MoeFault {
        let mut raw = sys::MoeFault {
            layer: 3,
            problem,
            entry,
            field: [0; 24],
        };
        raw.field[..field.len()].copy_from_slice(field);
        raw
    }

    #[test]
    fn a_fault_names_layer_field_and_problem() {
        let text = |raw: &sys::MoeFault| from_fault(Errno::INVAL, "CONFIGURE", raw, 0).to_string();
        assert_eq!(
            text(&raw(b"top_k", 0, 0)),
            "the gate cannot be: layer 3, top_k: out of range"
        );
        assert!(text(&raw(b"expert", 4, 17)).contains("expert (entry 17): twice in a row"));
        assert!(text(&raw(b"top_k", 99, 0)).contains("99 for problem"));
        assert_eq!(
            text(&raw(b"", 0, 0)),
            "CONFIGURE: layer 0 is not there, or not of a kind that takes it"
        );
        assert_eq!(
            Fault::from_raw(&raw(&[b'x'; 24], 0, 0))
                .unwrap()
                .unwrap()
                .field
                .len(),
            24
        );
    }

    #[test]
    fn errnos_mean_what_the_gate_means_by_them() {
        let text = |errno| from_call(errno, "ROUTE").to_string();
        assert!(text(Errno::NODATA).contains("not configured"));
        assert!(text(Errno::BUSY).contains("another process"));
        assert!(text(Errno::NOSPC).contains("more gates"));
        assert!(matches!(
            from_call(Errno::INTR, "ROUTE"),
            crate::Error::Interrupted { call: "ROUTE" }
        ));
    }
}
