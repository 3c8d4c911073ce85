// SPDX-License-Identifier: GPL-2.0

//! Placement: which devices hold which experts, and which experts more than once.
//!
//! The rule of EPLB (DeepSeek, github.com/deepseek-ai/EPLB), in three steps:
//!
//! 1. Groups of experts are packed onto nodes, so that a token's groups stay on few nodes.
//! 2. In each node, one replica after the other goes to the expert with the greatest load for each
//!    of its replicas, until the node's places are used up.
//! 3. In each node, the replicas are packed onto its devices.
//!
//! *Packing* puts the items, greatest first, each into the pack with the least sum among those
//! that have room, every pack the same number of items (longest processing time first, Graham
//! 1969). Packs of one item are taken in order. Where groups do not divide evenly among nodes there
//! is one node, and one group, for the purpose.
//!
//! Equal loads go by the lower index. Quotients are compared exactly in step 2; in step 3 a load
//! by its replicas has [`SHARE_BITS`] digits after the point.
//!
//! Process context; O(replicas * experts). The memory belongs to the caller.

use super::config::{demand, Fault, Problem, MAX_GROUPS};
use super::select::MAX_EXPERTS;

/// The most replicas of a layer's experts.
pub const MAX_REPLICAS: usize = 2048;

/// Loads from here on count as this: 2^40.
pub const MAX_LOAD: u64 = 1 << 40;

/// Digits after the point of a replica's share in a load.
pub const SHARE_BITS: u32 = 12;

/// Where the experts of a layer may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Places for experts: a multiple of `devices`, at least the experts, at most [`MAX_REPLICAS`].
    pub replicas: u32,
    /// Groups of experts, 1 to 64, of equal size.
    pub groups: u32,
    /// Nodes, at least 1.
    pub nodes: u32,
    /// Devices: a multiple of `nodes`.
    pub devices: u32,
}

/// Results of [`place`].
#[derive(Debug)]
pub struct Placement<'a> {
    /// The expert at each place: those of the first device, of the second, and so on. As many as
    /// `replicas`.
    pub experts: &'a mut [u16],
    /// Which of the expert's replicas it is, from 0. As many.
    pub numbers: &'a mut [u16],
    /// How many replicas each expert has.
    pub counts: &'a mut [u16],
}

/// Working memory of [`place`], 68 KiB; any content will do, all zeroes too.
#[derive(Clone, Debug)]
pub struct Work {
    /// The experts, node by node.
    by_node: [u16; MAX_EXPERTS],
    /// Items of a packing, by what they weigh.
    weights: [u64; MAX_REPLICAS],
    /// Their packs, and their places in it: one number.
    places: [u16; MAX_REPLICAS],
    /// The items, heaviest first.
    order: [u16; MAX_REPLICAS],
    /// Weight and number of items of each pack.
    packs: [(u64, u32); MAX_REPLICAS],
    /// Expert and number of each replica of a node.
    replicas: [(u16, u16); MAX_REPLICAS],
}

impl Work {
    /// Fresh memory.
    pub const NEW: Self = Self {
        by_node: [0; MAX_EXPERTS],
        weights: [0; MAX_REPLICAS],
        places: [0; MAX_REPLICAS],
        order: [0; MAX_REPLICAS],
        packs: [(0, 0); MAX_REPLICAS],
        replicas: [(0, 0); MAX_REPLICAS],
    };
}

impl Cluster {
    /// Looks at every field.
    pub fn check(&self, experts: usize) -> Result<(), Fault> {
        let multiple = |of: u32, by: u32| of.checked_rem(by) == Some(0);
        let few = (1..=MAX_EXPERTS).contains(&experts);
        demand(few, 0, "experts", Problem::Range)?;
        let groups = (1..=MAX_GROUPS as u32).contains(&self.groups);
        demand(groups, 0, "groups", Problem::Range)?;
        let even = multiple(experts as u32, self.groups);
        demand(even, 0, "groups", Problem::Divisor)?;
        let replicas = (experts..=MAX_REPLICAS).contains(&(self.replicas as usize));
        demand(replicas, 0, "replicas", Problem::Range)?;
        demand(self.nodes > 0, 0, "nodes", Problem::Range)?;
        demand(self.devices > 0, 0, "devices", Problem::Range)?;
        let even = multiple(self.devices, self.nodes);
        demand(even, 0, "devices", Problem::Divisor)?;
        let even = multiple(self.replicas, self.devices);
        demand(even, 0, "replicas", Problem::Divisor)
    }
}

/// Places the experts with these loads.
pub fn place(
    loads: &[u64],
    cluster: &Cluster,
    result: &mut Placement<'_>,
    work: &mut Work,
) -> Result<(), Fault> {
    cluster.check(loads.len())?;
    let replicas = cluster.replicas as usize;
    let lengths = [
        ("experts", result.experts.len(), replicas),
        ("numbers", result.numbers.len(), replicas),
        ("counts", result.counts.len(), loads.len()),
    ];
    for (name, length, needed) in lengths {
        demand(length == needed, length, name, Problem::Length)?;
    }
    let hierarchical = cluster.groups.checked_rem(cluster.nodes) == Some(0);
    let nodes = if hierarchical { cluster.nodes } else { 1 } as usize;
    let groups = if hierarchical { cluster.groups } else { 1 } as usize;
    result.counts.fill(1);
    pack_groups(loads, groups, nodes, work);

    let node_experts = loads.len().wrapping_div(nodes.max(1)).max(1);
    let node_places = replicas.wrapping_div(nodes.max(1)).max(1);
    let node_devices = (cluster.devices as usize).wrapping_div(nodes.max(1));
    let experts = result.experts.chunks_exact_mut(node_places);
    let numbers = result.numbers.chunks_exact_mut(node_places);
    for (node, (experts, numbers)) in (0..nodes).zip(experts.zip(numbers)) {
        let first = node.wrapping_mul(node_experts);
        replicate(loads, first, node_experts, node_places, result.counts, work);
        for (weight, (expert, _)) in work.weights.iter_mut().zip(work.replicas) {
            let count = result.counts.get(usize::from(expert)).copied();
            let count = u64::from(count.unwrap_or(1).max(1));
            *weight = (load_of(loads, expert) << SHARE_BITS).wrapping_div(count);
        }
        pack(node_places, node_devices, work);
        for (&place, (expert, number)) in work.places.iter().zip(work.replicas).take(node_places) {
            let place = usize::from(place);
            if let (Some(e), Some(n)) = (experts.get_mut(place), numbers.get_mut(place)) {
                (*e, *n) = (expert, number);
            }
        }
    }
    Ok(())
}

/// The load of an expert.
fn load_of(loads: &[u64], expert: u16) -> u64 {
    let load = loads.get(usize::from(expert));
    load.map_or(0, |&load| load.min(MAX_LOAD))
}

/// Step 1: orders the experts node by node.
fn pack_groups(loads: &[u64], groups: usize, nodes: usize, work: &mut Work) {
    let size = loads.len().wrapping_div(groups.max(1)).max(1);
    for (weight, group) in work.weights.iter_mut().zip(loads.chunks_exact(size)) {
        let sum = |sum: u64, &load: &u64| sum.wrapping_add(load.min(MAX_LOAD));
        *weight = group.iter().fold(0, sum);
    }
    pack(groups, nodes, work);
    let experts =
        (0..loads.len() as u16).zip((0..groups).flat_map(|g| (0..size).map(move |o| (g, o))));
    for (expert, (group, offset)) in experts {
        let place = work.places.get(group).map_or(0, |&p| usize::from(p));
        let at = place.wrapping_mul(size).wrapping_add(offset);
        if let Some(entry) = work.by_node.get_mut(at) {
            *entry = expert;
        }
    }
}

/// Step 2: the replicas of the `experts` experts from `first` on, for `places` places.
fn replicate(
    loads: &[u64],
    first: usize,
    experts: usize,
    places: usize,
    counts: &mut [u16],
    work: &mut Work,
) {
    let end = first.wrapping_add(experts);
    let own = work.by_node.get(first..end).unwrap_or(&[]);
    for (place, number) in (0..places).zip(work.replicas.iter_mut()) {
        if let Some(&expert) = own.get(place) {
            *number = (expert, 0);
            continue;
        }
        let mut best: Option<(u16, u64, u64)> = None;
        for &expert in own {
            let count = counts.get(usize::from(expert)).copied().unwrap_or(1);
            let (load, count) = (load_of(loads, expert), u64::from(count));
            // load / count against the best, crosswise: below 2^40 * 2^11.
            if best.is_none_or(|b| load.wrapping_mul(b.2) > b.1.wrapping_mul(count)) {
                best = Some((expert, load, count));
            }
        }
        let best = best.unwrap_or((0, 0, 1));
        *number = (best.0, best.2 as u16);
        if let Some(count) = counts.get_mut(usize::from(best.0)) {
            *count = count.wrapping_add(1);
        }
    }
}

/// Puts the first `items` weights into `packs` packs of equal numbers of items. An item's place is
/// its pack times their size, and its rank in the pack.
fn pack(items: usize, packs: usize, work: &mut Work) {
    let size = items.wrapping_div(packs.max(1)) as u32;
    let order = work.order.get_mut(..items).unwrap_or(&mut []);
    for (entry, item) in order.iter_mut().zip(0..MAX_REPLICAS as u16) {
        *entry = item;
    }
    if size > 1 {
        sort(order, &work.weights);
    }
    let packs = work.packs.get_mut(..packs).unwrap_or(&mut []);
    packs.fill((0, 0));
    for &item in order.iter() {
        let roomy = (0..MAX_REPLICAS as u32)
            .zip(packs.iter_mut())
            .filter(|p| p.1 .1 < size);
        let lightest = if size > 1 {
            roomy.min_by_key(|p| p.1 .0)
        } else {
            { roomy }.next()
        };
        let (Some((pack, (sum, count))), Some(place), Some(&weight)) = (
            lightest,
            work.places.get_mut(usize::from(item)),
            work.weights.get(usize::from(item)),
        ) else {
            return;
        };
        *place = pack.wrapping_mul(size).wrapping_add(*count) as u16;
        *sum = sum.saturating_add(weight);
        *count = count.wrapping_add(1);
    }
}

/// Sorts items `0..order.len()`, in order as they come: heaviest first, of equal ones the lower
/// index. By insertion, as the sort of `core` can panic; O(items^2) moves of two bytes, which go
/// by in one piece for each item.
fn sort(order: &mut [u16], weights: &[u64]) {
    let weight = |item: u16| weights.get(usize::from(item)).copied().unwrap_or(0);
    for end in 1..order.len() {
        let (Some(sorted), Some(&item)) = (order.get(..end), order.get(end)) else {
            return;
        };
        let place = sorted.partition_point(|&other| weight(other) >= weight(item));
        if let Some(moved) = order.get_mut(place..=end) {
            moved.copy_within(..moved.len().saturating_sub(1), 1);
            if let Some(first) = moved.first_mut() {
                *first = item;
            }
        }
    }
}
