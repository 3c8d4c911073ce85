// SPDX-License-Identifier: GPL-2.0

//! Where the replicas of experts go.

use super::call;
use super::error::{from_call, from_fault, Error};
use crate::sys::{self, size_of_u32};
use crate::Device;

/// Where the experts of a layer may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Places for experts: a multiple of `devices`, at least the experts, at most
    /// 2,048.
    pub replicas: u32,
    /// Groups of experts, of equal size.
    pub groups: u32,
    /// Nodes.
    pub nodes: u32,
    /// Devices: a multiple of `nodes`.
    pub devices: u32,
}

/// Which replicas go where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// The expert of each place, device by device.
    pub experts: Vec<u16>,
    /// Which of the expert's replicas it is, from 0.
    pub numbers: Vec<u16>,
    /// Replicas of each expert.
    pub counts: Vec<u16>,
}

impl Placement {
    pub(super) fn sized(experts: u32, cluster: &Cluster) -> Self {
        // What is beyond the limits is refused by the module, whatever the lengths.
        let replicas = cluster.replicas.min(sys::MOE_MAX_REPLICAS + 1) as usize;
        Self {
            experts: vec![0; replicas],
            numbers: vec![0; replicas],
            counts: vec![0; experts as usize],
        }
    }
}

/// Places the experts of `layer`, or of `loads` where that is not empty.
pub(super) fn placed(
    device: &Device,
    layer: u32,
    experts: u32,
    loads: &[u64],
    cluster: &Cluster,
) -> Result<Placement, crate::Error> {
    let mut placement = Placement::sized(experts, cluster);
    let mut raw = sys::MoePlace {
        size: size_of_u32::<sys::MoePlace>(),
        layer,
        groups: cluster.groups,
        nodes: cluster.nodes,
        devices: cluster.devices,
        ..Default::default()
    };
    call::place(
        &device.file,
        &mut raw,
        loads,
        &mut placement.experts,
        &mut placement.numbers,
        &mut placement.counts,
    )
    .map_err(|errno| from_fault(errno, "MOE_PLACE", &raw.fault, layer))?;
    Ok(placement)
}

/// Places experts with these loads by the rule of EPLB; needs no gate.
///
/// # Errors
///
/// [`Error::Fault`] names the field; [`Error::Length`] without loads.
pub fn place(device: &Device, loads: &[u64], cluster: &Cluster) -> Result<Placement, crate::Error> {
    let experts = u32::try_from(loads.len()).unwrap_or(u32::MAX);
    if !(1..=sys::MOE_MAX_EXPERTS).contains(&experts) {
        return Err(Error::Length {
            what: "loads",
            found: loads.len(),
            wanted: format!("1 to {}", sys::MOE_MAX_EXPERTS),
        }
        .into());
    }
    placed(device, 0, experts, loads, cluster)
}

/// MOE_MASK: tokens pass these layers without experts.
pub(super) fn mask(device: &Device, layers: &[u32]) -> Result<(), crate::Error> {
    let mut raw = sys::MoeMask {
        size: size_of_u32::<sys::MoeMask>(),
        ..Default::default()
    };
    for &layer in layers {
        let word = raw.layers.get_mut(layer as usize / 64);
        let call = "MOE_MASK";
        *word.ok_or(Error::Layer { call, layer })? |= 1 << (layer % 64);
    }
    let last = layers.iter().copied().max().unwrap_or(0);
    crate::call::set::<{ sys::MOE_MASK }, _>(&device.file, raw).map_err(|errno| match errno {
        rustix::io::Errno::INVAL => Error::Layer {
            call: "MOE_MASK",
            layer: last,
        }
        .into(),
        _ => from_call(errno, "MOE_MASK"),
    })
}
