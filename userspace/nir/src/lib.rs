// SPDX-License-Identifier: GPL-2.0

//! Networks in the Neuromorphic Intermediate Representation (NIR), read from
//! `.nir` files and lowered to what LightOS runs: populations of neurons, and
//! synapses between them.
//!
//! ```no_run
//! use lightos_nir::{Graph, Limits};
//!
//! let graph = Graph::open("network.nir".as_ref(), &Limits::default())?;
//! let network = graph.lower(&Limits::default())?;
//! for p in &network.populations {
//!     println!("{}: {} neurons", p.name, p.size);
//! }
//! # Ok::<(), lightos_nir::Error>(())
//! ```
//!
//! # Nodes
//!
//! Read: Input, Output, Affine, Linear, Scale, Conv2d, SumPool2d, Flatten, Delay,
//! LIF, CubaLIF, IF, LI, as `nir` 1.0 and the versions before it write them. Any
//! other node ends in [`Error::UnsupportedNode`] with its name and type.
//!
//! Input and neurons become populations. What stands between them becomes
//! synapses: linear nodes are multiplied out, biases become a constant current of
//! the neurons, delays add up. All arithmetic is f64; choosing a fixed-point scale
//! is left to the caller, who finds what to choose by in [`scale`].
//!
//! # Files
//!
//! A `.nir` file is read whole, then decoded with `hdf5-pure`, which has no C code
//! and links into a static program. A million files changed at random made it
//! return errors, never panic, and never take more memory than the data sets say;
//! their size is limited before they are read ([`Limits`]).
//!
//! What it does not read is the chunk layout, version 5, that HDF5 2.0 writes for
//! compressed data sets when asked for its newest format (`libver="latest"`);
//! `nir.write` does not ask for it. The error then names the data set and that
//! version.
//!
//! # Dependencies
//!
//! | crate | why |
//! |---|---|
//! | hdf5-pure | HDF5 without the C library (`hdf5-metno` needs cmake and a C compiler in the build root; `hdf5-reader` has unsafe code in its decoders, and more dependencies) |
//! | thiserror | error enumerations |
//! | lightos-recordings (tests) | stored results of NumPy and SciPy |
//! | proptest (tests) | damaged files |

#![forbid(unsafe_code)]

mod error;
mod file;
mod graph;
mod linear;
mod lower;
pub mod scale;
mod shape;

pub use error::Error;
pub use graph::{Graph, Node, Padding, Tensor};
pub use lower::{Model, Network, Population, Projection, Readout, Synapse};
pub use shape::Shapes;

/// Bounds on what a file may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, bytes.
    pub file_bytes: u64,
    /// Most nodes of a graph, and most edges.
    pub nodes: usize,
    /// Most elements of one data set, and of one population.
    pub elements: usize,
    /// Most synapses between populations, to one readout, and of one step on the
    /// way there. Lowering takes about 60 bytes for each.
    pub synapses: usize,
}

impl Default for Limits {
    /// 1 GiB, 4,096 nodes, 2^24 elements, 2^24 synapses: what the module can hold.
    fn default() -> Self {
        Self {
            file_bytes: 1 << 30,
            nodes: 4096,
            elements: 1 << 24,
            synapses: 1 << 24,
        }
    }
}
