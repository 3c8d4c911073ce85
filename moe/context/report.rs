// SPDX-License-Identifier: GPL-2.0

//! What a gate says of itself in fdinfo and in debugfs.
//!
//! Process context; takes the lock of the gate for each layer in turn.

use super::{state::table, Gate};
use crate::{
    rust::debugfs::{File, Folder, Show},
    uapi,
};
use kernel::{prelude::*, seq_file::SeqFile, seq_print, str::CString, sync::Arc};

/// Counters of all layers together.
fn sums(gate: &Gate) -> [(&'static str, u64); 12] {
    let (layers, bytes) = gate.size();
    let mut sums = uapi::MoeStats::default();
    // A configuration with fewer layers may come in between.
    for s in (0..layers as u32).map_while(|layer| gate.stats(layer, false).ok()) {
        sums.batches = sums.batches.wrapping_add(s.batches);
        sums.tokens = sums.tokens.wrapping_add(s.tokens);
        sums.skipped = sums.skipped.wrapping_add(s.skipped);
        sums.activations = sums.activations.wrapping_add(s.activations);
        sums.dropped = sums.dropped.wrapping_add(s.dropped);
        sums.tokens_dropped = sums.tokens_dropped.wrapping_add(s.tokens_dropped);
        sums.missing = sums.missing.wrapping_add(s.missing);
        sums.updates = sums.updates.wrapping_add(s.updates);
        sums.busy_ns = sums.busy_ns.wrapping_add(s.busy_ns);
        sums.gate_ns = sums.gate_ns.wrapping_add(s.gate_ns);
    }
    [
        ("layers", layers as u64),
        ("memory-bytes", bytes),
        ("batches", sums.batches),
        ("tokens", sums.tokens),
        ("tokens-skipped", sums.skipped),
        ("activations", sums.activations),
        ("activations-dropped", sums.dropped),
        ("tokens-dropped", sums.tokens_dropped),
        ("places-missing", sums.missing),
        ("bias-updates", sums.updates),
        ("busy-ns", sums.busy_ns),
        ("gate-ns", sums.gate_ns),
    ]
}

/// The figures of a layer by name, in millionths.
fn figures(s: &uapi::MoeStats) -> [(&'static str, u64); 8] {
    [
        ("balancedness", s.balancedness),
        ("max-violation", s.max_violation),
        ("cv-squared", s.cv_squared),
        ("entropy", s.entropy),
        ("experts-used", s.used),
        ("drop-rate", s.drop_rate),
        ("capacity-factor", s.capacity_factor),
        ("sparsity", s.sparsity),
    ]
}

impl Gate {
    /// Lines of `/proc/PID/fdinfo/FD`.
    pub(super) fn show_fdinfo(&self, to: &SeqFile) {
        seq_print!(to, "lightos-moe-gate:\t{}\n", self.id());
        if let Some(name) = self.name() {
            seq_print!(to, "lightos-moe-name:\t{}\n", name);
        }
        for (name, value) in sums(self) {
            seq_print!(to, "lightos-moe-{}:\t{}\n", name, value);
        }
    }

    fn show_layer(&self, layer: u32, to: &SeqFile) {
        let Ok(stats) = self.stats(layer, false) else {
            return;
        };
        seq_print!(to, "layer {}: tokens {}", layer, stats.tokens);
        for (name, value) in figures(&stats) {
            seq_print!(
                to,
                " {} {}.{:06}",
                name,
                value / 1_000_000,
                value % 1_000_000
            );
        }
        // A layer of another size may be in its place, and memory may be short.
        if let Ok(mut loads) = table::<u64>(stats.experts as usize) {
            if self.loads(layer, &mut loads).is_ok() {
                seq_print!(to, "\nloads {}:", layer);
                for load in &loads {
                    seq_print!(to, " {}", load);
                }
            }
        }
        seq_print!(to, "\n");
    }
}

/// The file in debugfs: counters, then for each layer its figures and the load
/// of each expert.
impl Show for Gate {
    fn show(&self, to: &SeqFile) {
        seq_print!(to, "gate: {}\n", self.id());
        if let Some(name) = self.name() {
            seq_print!(to, "name: {}\n", name);
        }
        for (name, value) in sums(self) {
            seq_print!(to, "{}: {}\n", name, value);
        }
        for layer in 0..self.size().0 as u32 {
            self.show_layer(layer, to);
        }
    }
}

/// A gate and its file `gates/<id>` in debugfs, which goes with it.
pub(super) struct DebugEntry {
    gate: Arc<Gate>,
    _file: File<Gate>,
}

impl DebugEntry {
    /// Makes the file in `folder`.
    pub(super) fn new(folder: &Arc<Folder>, gate: Arc<Gate>) -> Result<Self> {
        let name = CString::try_from_fmt(fmt!("{}", gate.id()))?;
        Ok(Self {
            _file: File::new(folder, &name, gate.clone()),
            gate,
        })
    }
}

impl core::ops::Deref for DebugEntry {
    type Target = Gate;

    fn deref(&self) -> &Gate {
        &self.gate
    }
}
