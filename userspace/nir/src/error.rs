// SPDX-License-Identifier: GPL-2.0

//! What can be wrong with a graph.

use std::io;

/// Error of reading or lowering a graph. `node` is the name in the graph.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read.
    #[error("{path}: {source}")]
    Io {
        /// File that was asked for.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not HDF5, or damaged.
    #[error("{at}: {source}")]
    Hdf5 {
        /// Place in the file.
        at: String,
        /// What the HDF5 reader said.
        source: hdf5_pure::Error,
    },
    /// The file is HDF5, but what NIR asks for is missing or of another type.
    #[error("{at}: {what}")]
    Layout {
        /// Place in the file.
        at: String,
        /// What is wrong.
        what: String,
    },
    /// A node of a type that LightOS does not run.
    #[error("node {node} is of type {kind}, which LightOS does not run")]
    UnsupportedNode {
        /// Name of the node.
        node: String,
        /// Its type.
        kind: String,
    },
    /// A node whose parameters contradict each other or cannot be used.
    #[error("node {node}: {what}")]
    Node {
        /// Name of the node.
        node: String,
        /// What is wrong.
        what: String,
    },
    /// An edge that cannot be.
    #[error("edge {from} -> {to}: {what}")]
    Edge {
        /// Name of its source.
        from: String,
        /// Name of its target.
        to: String,
        /// What is wrong.
        what: String,
    },
    /// The graph asks for more than the limits allow.
    #[error("{at}: {what}")]
    Limit {
        /// Node or place in the file.
        at: String,
        /// Which limit, and what was asked for.
        what: String,
    },
}

impl Error {
    pub(crate) fn node(node: &str, what: impl Into<String>) -> Self {
        Error::Node {
            node: node.to_owned(),
            what: what.into(),
        }
    }

    pub(crate) fn edge(from: &str, to: &str, what: impl Into<String>) -> Self {
        Error::Edge {
            from: from.to_owned(),
            to: to.to_owned(),
            what: what.into(),
        }
    }

    pub(crate) fn layout(at: &str, what: impl Into<String>) -> Self {
        Error::Layout {
            at: at.to_owned(),
            what: what.into(),
        }
    }

    pub(crate) fn limit(at: &str, what: impl Into<String>) -> Self {
        Error::Limit {
            at: at.to_owned(),
            what: what.into(),
        }
    }
}
