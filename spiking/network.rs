// SPDX-License-Identifier: GPL-2.0

//! Networks of spiking neurons: arithmetic over memory of the caller's.
//!
//! | file             | holds                                                  |
//! |------------------|--------------------------------------------------------|
//! | `description.rs` | the tables of a network, and what can be wrong in them |
//! | `loihi.rs`       | neurons with the integer rules of the Loihi chip       |
//! | `exact.rs`       | neurons whose equations are solved exactly             |
//! | `model.rs`       | what stepping asks of a kind of neuron                 |
//! | `span.rs`        | many steps of a neuron at once                         |
//! | `synapses.rs`    | sparse synapses, dense blocks, their delivery          |
//! | `wheel.rs`       | who spiked in the last steps                           |
//! | `simulation.rs`  | a network that runs                                    |
//! | `coder.rs`       | encoders before the inputs, decoders behind neurons    |
//! | `ring.rs`        | indices of rings shared with a program                 |
//!
//! Plain arithmetic: any context; in the module the lock of the network.

pub mod coder;
pub mod description;
pub mod exact;
pub mod loihi;
pub mod model;
pub mod ring;
pub mod simulation;
pub mod span;
pub mod synapses;
pub mod wheel;
