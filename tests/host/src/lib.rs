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

pub mod nets;
pub mod support;
