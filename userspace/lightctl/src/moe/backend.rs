// SPDX-License-Identifier: GPL-2.0

//! Where a gate routes: in the module, or with the same arithmetic in process.
//!
//! Both take the same rules and batches, and give the same bits.

use lightos::moe::{
    place, Batch, Cluster, Expert, Gate, Layer, Name, Open, Placement, Reset, Routes, Stats,
};
use lightos::{Device, Error};

use super::host::HostGate;
use crate::failure::Failure;

/// A gate that is configured.
pub(crate) trait Backend {
    /// Sets all layers up anew.
    fn configure(&mut self, layers: &[Layer]) -> Result<(), Error>;
    /// Sends tokens through a layer.
    fn route(&mut self, batch: &Batch<'_>, routes: &mut Routes) -> Result<(), Error>;
    /// Sets a layer's biases.
    fn set_biases(&mut self, layer: u32, biases: &[i64]) -> Result<(), Error>;
    /// Sets a hash layer's table.
    fn set_hash(&mut self, layer: u32, table: &[u16]) -> Result<(), Error>;
    /// Sets a learned layer's router matrix.
    fn set_projection(&mut self, layer: u32, weights: &[i8], scales: &[u32]) -> Result<(), Error>;
    /// The loads of a layer's experts.
    fn experts(&self, layer: u32) -> Result<Vec<Expert>, Error>;
    /// The statistics of a layer.
    fn stats(&self, layer: u32, last: bool) -> Result<Stats, Error>;
    /// Brings parts of a layer, or of all, back to 0.
    fn reset(&mut self, layer: Option<u32>, what: Reset) -> Result<(), Error>;
    /// Places experts with these loads.
    fn place(&self, loads: &[u64], cluster: &Cluster) -> Result<Placement, Error>;
}

/// Where gates route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the module.
    Module,
    /// In this process.
    Host,
}

impl Place {
    /// For reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Host => "host",
        }
    }

    /// A gate with these layers.
    pub(crate) fn gate(self, layers: &[Layer]) -> Result<Box<dyn Backend>, Failure> {
        match self {
            Self::Module => {
                let gate = Gate::configure(open()?, layers)?;
                let device = open()?;
                Ok(Box::new(Module { gate, device }))
            }
            Self::Host => Ok(Box::new(HostGate::new(layers)?)),
        }
    }
}

/// The device, or word of how to do without.
fn open() -> Result<Device, Failure> {
    Device::open().map_err(missing)
}

fn missing(error: Error) -> Failure {
    if matches!(error, Error::NoModule { .. }) {
        Failure::NoModule(error)
    } else {
        error.into()
    }
}

/// A named gate, to look at.
pub(crate) fn named(name: &str) -> Result<Gate, Failure> {
    let name = self::name(name)?;
    Ok(Gate::open(
        Device::open_read_only()?,
        &name,
        Open::Existing,
    )?)
}

/// A named gate, made if it is not there, with these layers.
pub(crate) fn configured(name: &str, open_as: Open, layers: &[Layer]) -> Result<Gate, Failure> {
    let name = self::name(name)?;
    let mut gate = Gate::open(Device::open()?, &name, open_as)?;
    gate.reconfigure(layers)?;
    Ok(gate)
}

fn name(name: &str) -> Result<Name, Failure> {
    Name::new(name).ok_or_else(|| {
        Failure::Usage(format!(
            "`{name}` names no gate: 1 to 31 printable ASCII characters but space and `/`"
        ))
    })
}

/// A gate in the module.
struct Module {
    gate: Gate,
    /// For what needs no gate.
    device: Device,
}

impl Backend for Module {
    fn configure(&mut self, layers: &[Layer]) -> Result<(), Error> {
        self.gate.reconfigure(layers).map(|_| ())
    }

    fn route(&mut self, batch: &Batch<'_>, routes: &mut Routes) -> Result<(), Error> {
        self.gate.route_into(batch, routes)
    }

    fn set_biases(&mut self, layer: u32, biases: &[i64]) -> Result<(), Error> {
        self.gate.set_biases(layer, biases)
    }

    fn set_hash(&mut self, layer: u32, table: &[u16]) -> Result<(), Error> {
        self.gate.set_hash(layer, table)
    }

    fn set_projection(&mut self, layer: u32, weights: &[i8], scales: &[u32]) -> Result<(), Error> {
        self.gate.set_projection(layer, weights, scales)
    }

    fn experts(&self, layer: u32) -> Result<Vec<Expert>, Error> {
        self.gate.experts(layer)
    }

    fn stats(&self, layer: u32, last: bool) -> Result<Stats, Error> {
        self.gate.stats(layer, last)
    }

    fn reset(&mut self, layer: Option<u32>, what: Reset) -> Result<(), Error> {
        self.gate.reset(layer, what)
    }

    fn place(&self, loads: &[u64], cluster: &Cluster) -> Result<Placement, Error> {
        place(&self.device, loads, cluster)
    }
}
