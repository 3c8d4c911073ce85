// SPDX-License-Identifier: GPL-2.0

//! The spiking engine: leaky integrate-and-fire neurons driven by events.
//!
//! The first five files are arithmetic: they use `core` only, take the clock
//! and their memory from the caller, and build as they stand into the host
//! crate `tests/host`. The others are the glue around them.
//!
//! | file         | holds                                                    |
//! |--------------|----------------------------------------------------------|
//! | `fixed.rs`   | potentials in fixed point, the exact exponential         |
//! | `neuron.rs`  | one neuron: leak, input, spike, refractory period        |
//! | `queue.rs`   | the pending events, in time order                        |
//! | `window.rs`  | the sliding window behind sparsity and utilisation       |
//! | `engine.rs`  | cycles, configuration, encodings, counters               |
//! | `context.rs` | the one engine of the system: lock, timer, work, memory  |
//! | `calls.rs`   | the ioctls that reach it                                 |
//! | `kunit.rs`   | tests inside the kernel                                  |
//!
//! Networks that programs bring themselves are arithmetic in `network/`,
//! `encode.rs` with `encode/`, and `decode.rs`; `session/` is the glue that
//! gives each open file one of its own.

// `pub` in the arithmetic files is meant for the host crate, and so are a few
// items that the module does not need.
#[allow(dead_code, unreachable_pub)]
pub(crate) mod decode;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod encode;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod engine;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod fixed;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod network;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod neuron;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod queue;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod window;

pub(crate) mod calls;
mod context;
#[cfg(CONFIG_LIGHTOS_KUNIT_TEST)]
mod kunit;
pub(crate) mod session;

pub(crate) use context::{Context, Engine};
