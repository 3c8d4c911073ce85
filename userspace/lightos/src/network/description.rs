// SPDX-License-Identifier: GPL-2.0

//! The tables that describe a network, and what the module found wrong in them.

use crate::sys;
use crate::types::abi_enum;
use crate::Error;

/// The tables of a network, as the module takes them.
///
/// A [`Builder`](super::Builder) makes them; tools that make tables themselves
/// may fill them in: the module checks every entry.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// What a step stands for, in ns.
    pub step_ns: u64,
    /// How many inputs. As sources they are numbered after the neurons.
    pub inputs: u32,
    /// The populations; together they are the neurons.
    pub populations: Vec<sys::Population>,
    /// Parameters of [`Kind::Loihi`].
    pub loihi_params: Vec<sys::LoihiParams>,
    /// Parameters of the exact kinds.
    pub exact_params: Vec<sys::ExactParams>,
    /// The delays of sparse synapses in steps, ascending.
    pub delays: Vec<u32>,
    /// Where in `synapses` those of each source and delay begin, and the end.
    pub starts: Vec<u32>,
    /// Sparse synapses: the target in the lower half, the weight in the upper.
    pub synapses: Vec<u32>,
    /// The dense blocks.
    pub blocks: Vec<sys::Block>,
    /// The weights of the dense blocks, two's complement.
    pub weights: Vec<u8>,
    /// Neurons whose voltage is read in each step.
    pub probes: Vec<u32>,
}

impl Description {
    /// How many neurons.
    pub fn neurons(&self) -> u32 {
        let last = self.populations.last();
        last.map_or(0, |p| p.first.saturating_add(p.count))
    }

    /// Sparse synapses and pairs of dense blocks.
    pub fn synapse_count(&self) -> u64 {
        let pairs = |b: &sys::Block| u64::from(b.source_count) * u64::from(b.target_count);
        self.synapses.len() as u64 + self.blocks.iter().map(pairs).sum::<u64>()
    }

    /// Bytes of all tables.
    pub fn bytes(&self) -> u64 {
        let bytes = size_of_val::<[_]>(&self.populations)
            + size_of_val::<[_]>(&self.loihi_params)
            + size_of_val::<[_]>(&self.exact_params)
            + size_of_val::<[_]>(&self.delays)
            + size_of_val::<[_]>(&self.starts)
            + size_of_val::<[_]>(&self.synapses)
            + size_of_val::<[_]>(&self.blocks)
            + size_of_val::<[_]>(&self.weights)
            + size_of_val::<[_]>(&self.probes);
        bytes as u64
    }

    /// The head of the tables, as NETWORK_BEGIN takes it.
    pub(crate) fn begin(&self) -> sys::NetworkBegin {
        sys::NetworkBegin {
            size: sys::size_of_u32::<sys::NetworkBegin>(),
            flags: 0,
            inputs: self.inputs,
            reserved: 0,
            step_ns: self.step_ns,
            populations: self.populations.len() as u64,
            loihi_params: self.loihi_params.len() as u64,
            exact_params: self.exact_params.len() as u64,
            delays: self.delays.len() as u64,
            starts: self.starts.len() as u64,
            synapses: self.synapses.len() as u64,
            blocks: self.blocks.len() as u64,
            weights: self.weights.len() as u64,
            probes: self.probes.len() as u64,
        }
    }
}

/// How much of a network was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes handed over.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
}

abi_enum! {
    /// The kind of the neurons of a population.
    Kind ("kind") {
        /// [`Loihi`](super::Loihi).
        Loihi = 0, "loihi";
        /// [`Jump`](super::Jump).
        Jump = 1, "jump";
        /// [`Exponential`](super::Exponential).
        Exponential = 2, "exponential";
    }
}

abi_enum! {
    /// A table of a [`Description`].
    Table ("table") {
        /// The network as a whole.
        Network = 0, "network";
        /// [`Description::populations`].
        Populations = 1, "populations";
        /// [`Description::loihi_params`].
        LoihiParams = 2, "loihi_params";
        /// [`Description::exact_params`].
        ExactParams = 3, "exact_params";
        /// [`Description::delays`].
        Delays = 4, "delays";
        /// [`Description::starts`].
        Starts = 5, "starts";
        /// [`Description::synapses`].
        Synapses = 6, "synapses";
        /// [`Description::blocks`].
        Blocks = 7, "blocks";
        /// [`Description::weights`].
        Weights = 8, "weights";
        /// [`Description::probes`].
        Probes = 9, "probes";
    }
}

abi_enum! {
    /// What is wrong with a field.
    Problem ("problem") {
        /// Less or more than is allowed.
        Range = 0, "out of range";
        /// Does not follow the entry before.
        Order = 1, "out of order";
        /// Points outside its table.
        Bounds = 2, "outside its table";
        /// The table has the wrong length.
        Length = 3, "wrong length";
        /// Kinds that cannot be together.
        Mixture = 4, "kinds that cannot be together";
        /// An unknown kind or flag, or a reserved field that is not 0.
        Unknown = 5, "unknown";
    }
}

/// The first thing wrong with a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("table {table}, entry {entry}, {field}: {problem}")]
pub struct Fault {
    /// In which table.
    pub table: Table,
    /// In which entry, from 0; of `weights`, the byte.
    pub entry: u64,
    /// In which field.
    pub field: String,
    /// What is wrong.
    pub problem: Problem,
}

impl Fault {
    /// What the module wrote; `None` if it wrote nothing.
    pub(crate) fn from_raw(raw: &sys::NetworkFault) -> Option<Result<Self, Error>> {
        let length = raw.field.iter().position(|&b| b == 0);
        let name = raw.field.get(..length.unwrap_or(raw.field.len()))?;
        if name.is_empty() {
            return None;
        }
        let fault = || {
            Ok(Self {
                table: raw.table.try_into()?,
                entry: raw.entry,
                field: String::from_utf8_lossy(name).into_owned(),
                problem: raw.problem.try_into()?,
            })
        };
        Some(fault())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_everything() {
        let mut raw = sys::NetworkFault {
            table: 6,
            problem: 0,
            entry: 17,
            field: [0; 24],
        };
        assert!(Fault::from_raw(&raw).is_none());
        raw.field[..6].copy_from_slice(b"weight");
        let fault = Fault::from_raw(&raw).unwrap().unwrap();
        assert_eq!(
            fault.to_string(),
            "table synapses, entry 17, weight: out of range"
        );
        raw.field = [b'x'; 24];
        assert_eq!(Fault::from_raw(&raw).unwrap().unwrap().field.len(), 24);
        raw.table = 10;
        assert!(Fault::from_raw(&raw).unwrap().is_err());
    }
}
