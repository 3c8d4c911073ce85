// SPDX-License-Identifier: GPL-2.0

//! What a network says of itself: counters by call, in fdinfo and in debugfs.
//!
//! Process context; takes `network`, then `control`, for a moment.

use super::Session;
use crate::{rust::debugfs::Show, uapi};
use kernel::{prelude::*, seq_file::SeqFile, seq_print};

impl Session {
    /// The counters. `ENODATA` without a network.
    pub(super) fn stats(&self) -> Result<uapi::NetworkStats> {
        self.with_network(|live| {
            let control = self.control.lock();
            Ok(uapi::NetworkStats {
                runs: control.runs(),
                running: control.is_running().into(),
                ..live.stats()
            })
        })
    }

    /// Writes a line for each counter, its name after `prefix`; none without a
    /// network.
    fn show_counters(&self, to: &SeqFile, prefix: &str, separator: &str) {
        let Ok(s) = self.stats() else {
            return;
        };
        let line = |name: &str, value: u64| seq_print!(to, "{prefix}{name}:{separator}{value}\n");
        line("network", self.id);
        line("neurons", s.neurons.into());
        line("inputs", s.inputs.into());
        line("synapses", s.synapses);
        line("memory-bytes", s.bytes);
        line("arithmetic", s.arithmetic.into());
        line("running", s.running.into());
        line("runs", s.runs);
        line("step", s.step);
        line("steps", s.steps);
        line("events", s.events);
        line("events-late", s.late);
        line("events-rejected", s.rejected);
        line("input-spikes", s.input_spikes);
        line("input-merged", s.merged);
        line("synaptic-events", s.synaptic_events);
        line("spikes", s.spikes);
        line("updates", s.updates);
        line("updates-skipped", s.skipped);
        line("wraps", s.wraps);
        line("saturations", s.saturations);
        line("dropped-spikes", s.dropped_spikes);
        line("dropped-voltages", s.dropped_voltages);
        line("missed-steps", s.missed);
        line("busy-ns", s.busy_ns);
    }

    /// Lines of `/proc/PID/fdinfo/FD`.
    pub(crate) fn show_fdinfo(&self, to: &SeqFile) {
        self.show_counters(to, "lightos-", "\t");
    }
}

/// The file `networks/<id>` in debugfs.
impl Show for Session {
    fn show(&self, to: &SeqFile) {
        self.show_counters(to, "", " ");
    }
}
