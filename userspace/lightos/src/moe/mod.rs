// SPDX-License-Identifier: GPL-2.0

//! Mixture-of-experts gates: one an open file, of its own or shared by name.
//!
//! A [`Gate`] has layers, each with its rule ([`Layer`]), biases and loads.
//! [`Gate::route`] sends a [`Batch`] of tokens through one layer and gives each
//! token's experts, their weights and their slots ([`Routes`]). What the numbers
//! mean, and how exact they are: `Documentation/moe.rst`.
//!
//! ```no_run
//! use lightos::moe::{Batch, Drop, Gate, Input, Layer};
//! use lightos::Device;
//!
//! # fn main() -> Result<(), lightos::Error> {
//! // Mixtral: two of eight experts, their softmax weights renormalised.
//! let layer = Layer::softmax(8, 2).capacity(Drop::ByPosition, 1.25);
//! let gate = Gate::configure(Device::open()?, &[layer])?;
//! let logits = [0.1, 2.0, -1.0, 0.0, 0.5, 0.5, 3.0, -2.0];
//! let routes = gate.route(&Batch::new(0, Input::F32(&logits)))?;
//! assert_eq!(routes.ids, [6, 1]);
//! println!("weights {:?}, slots {:?}", routes.weights, routes.slots);
//! # Ok(())
//! # }
//! ```

mod batch;
mod call;
mod error;
mod gate;
mod layer;
mod named;
mod placement;
mod registered;
mod types;

pub use batch::{Batch, Input, Routes, Tally};
pub use error::{Error, Fault, LogitProblem, Problem};
pub use gate::{Gate, LayerInfo};
pub use layer::{Drop, GroupScore, Layer, Score, Strategy};
pub use named::{Leave, Name, Open};
pub use placement::{place, Cluster, Placement};
pub use registered::Registered;
pub use types::{Expert, Format, Profile, Reset, State, Stats};
