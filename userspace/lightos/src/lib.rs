// SPDX-License-Identifier: GPL-2.0

//! Client of the LightOS kernel module.
//!
//! [`Device`] is an open `/dev/lightos`; its methods are the ioctls of
//! `uapi/lightos.h`, one each, with typed arguments and errors. Networks of
//! neurons, one a device file, are in [`network`]; gates of mixtures of experts in
//! [`moe`]; photonic processors in [`photonic`]. The raw layouts are in [`sys`].
//! Nothing else in the workspace makes these ioctls, but for one benchmark
//! (`moe-call-bench` of `tests/host`).
//!
//! ```no_run
//! use lightos::{Config, Device, Encoding, Event};
//!
//! # fn main() -> Result<(), lightos::Error> {
//! let device = Device::open()?;
//! device.configure(Config {
//!     encoding: Encoding::Rate,
//!     enabled: true,
//!     ..Config::default()
//! })?;
//! device.start()?;
//! device.submit(Event::now(42, 600))?;
//! println!("{} spikes", device.neuron_state(42)?.total_spikes);
//! # Ok(())
//! # }
//! ```

#[allow(unsafe_code)]
mod call;
mod device;
mod error;
#[allow(unsafe_code)]
mod mapping;
pub mod moe;
pub mod network;
pub mod photonic;
mod ring;
pub mod sys;
mod types;

pub use device::{monotonic_ns, Device, DEVICE_PATH};
pub use error::Error;
pub use mapping::Mapping;
pub use types::{
    Activity, Backend, Config, Counters, DeviceState, DeviceType, Encoding, Event, Features,
    NeuronState, Profile, Query, Reset, Stats, Version,
};
