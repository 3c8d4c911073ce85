// SPDX-License-Identifier: GPL-2.0

//! The arithmetic files of the kernel module, compiled for the host.
//!
//! The files are those of the module, not copies. They use nothing but `core`; here they run
//! under the tests in `tests/`, under Miri, and in the benchmark in `src/bin/`.

/// The spiking engine.
#[path = "../../../spiking"]
pub mod spiking {
    pub mod decode;
    pub mod encode;
    pub mod engine;
    pub mod fixed;
    pub mod network;
    pub mod neuron;
    pub mod queue;
    pub mod window;
}

/// Mixture-of-experts gating.
#[path = "../../../moe"]
pub mod moe {
    pub mod balance;
    pub mod capacity;
    pub mod config;
    pub mod gate;
    pub mod hash;
    pub mod learned;
    pub mod number;
    pub mod placement;
    pub mod power;
    pub mod profile;
    pub mod real;
    pub mod score;
    pub mod select;
    pub mod sigmoid;
    pub mod statistics;
}

/// Photonic processors.
#[path = "../../../photonic"]
pub mod photonic {
    pub mod guard;
    // The oldest compiler that builds the module has no is_multiple_of().
    #[allow(clippy::manual_is_multiple_of)]
    pub mod layout;
    pub mod mesh;
    pub mod model;
    pub mod registers;
    pub mod usage;
}

pub mod chips;
pub mod driver;
pub mod nets;
pub mod support;
