// SPDX-License-Identifier: GPL-2.0

//! Spiking networks: one an open file.
//!
//! A [`Builder`] makes a [`Description`] of populations, synapses and probes;
//! [`Device::load`](crate::Device::load) gives it to the module and returns the
//! [`Network`] that runs. Time is counted in steps of a fixed length. Sources of
//! spikes are neurons and inputs; a spike at step *s* that travels a synapse of
//! delay *d* arrives at step *s + d*.
//!
//! ```no_run
//! use std::time::Duration;
//! use lightos::network::{Builder, Event, Loihi, Run, Weights};
//! use lightos::Device;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut builder = Builder::new(Duration::from_millis(1));
//! let pixels = builder.inputs(4)?;
//! let neurons = builder.population(2, Loihi::default())?;
//! // Row by row: the weights of the synapses of each source.
//! builder.dense(pixels, neurons, 1, Weights::Bytes(&[90, 0, 90, 0, 0, 90, 0, 90]))?;
//! let description = builder.build()?;
//!
//! let mut device = Device::open()?;
//! let network = device.load(&description)?;
//! network.input(&[Event::spike(0, 0), Event::spike(0, 1)])?;
//! network.run(&Run::steps(100))?;
//! for spike in network.spikes(1000)? {
//!     println!("step {}: neuron {}", spike.step, spike.neuron);
//! }
//! # Ok(())
//! # }
//! ```

mod builder;
mod coders;
mod description;
mod handle;
mod params;
mod records;
mod types;

pub use crate::ring::{Consumer, Memory, Producer, Record};
pub use builder::{BuildError, Builder, Connection, Group, Inputs, Population, Source, Weights};
pub use coders::{
    q0_32, q16_16, Decoder, DecoderKind, Decoding, Encoder, EncoderKind, Encoding, LatencyCode,
};
pub use description::{Description, Fault, Kind, Problem, Progress, Table};
pub use handle::Network;
pub use params::{Exponential, Jump, Loihi, Neuron};
pub use records::{Event, Spike, Voltage};
pub use types::{Completion, Reset, Rings, Run, RunEnd, State, Stats, Until};
