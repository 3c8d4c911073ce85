// SPDX-License-Identifier: GPL-2.0

//! What a network says of itself: counters by call, in fdinfo and in debugfs.

use super::Session;
use crate::uapi;
use kernel::{debugfs, fmt, prelude::*, seq_file::SeqFile, seq_print, str::CString, sync::Arc};

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

    /// The counters by name; empty without a network.
    fn lines(&self) -> Option<[(&'static str, u64); 25]> {
        let s = self.stats().ok()?;
        Some([
            ("network", self.id),
            ("neurons", s.neurons.into()),
            ("inputs", s.inputs.into()),
            ("synapses", s.synapses),
            ("memory-bytes", s.bytes),
            ("arithmetic", s.arithmetic.into()),
            ("running", s.running.into()),
            ("runs", s.runs),
            ("step", s.step),
            ("steps", s.steps),
            ("events", s.events),
            ("events-late", s.late),
            ("events-rejected", s.rejected),
            ("input-spikes", s.input_spikes),
            ("input-merged", s.merged),
            ("synaptic-events", s.synaptic_events),
            ("spikes", s.spikes),
            ("updates", s.updates),
            ("updates-skipped", s.skipped),
            ("wraps", s.wraps),
            ("saturations", s.saturations),
            ("dropped-spikes", s.dropped_spikes),
            ("dropped-voltages", s.dropped_voltages),
            ("missed-steps", s.missed),
            ("busy-ns", s.busy_ns),
        ])
    }

    /// Lines of `/proc/PID/fdinfo/FD`.
    pub(crate) fn show_fdinfo(&self, to: &SeqFile) {
        for (name, value) in self.lines().into_iter().flatten() {
            seq_print!(to, "lightos-{}:\t{}\n", name, value);
        }
    }
}

/// The file `networks/<id>` in debugfs, while it lives.
pub(crate) struct DebugEntry(Pin<KBox<debugfs::File<Arc<Session>>>>);

impl DebugEntry {
    /// Makes the file in `folder`.
    pub(crate) fn new(folder: &debugfs::Dir, session: Arc<Session>) -> Result<Self> {
        let name = CString::try_from_fmt(fmt!("{}", session.id()))?;
        let show = &|session: &Arc<Session>, to: &mut fmt::Formatter<'_>| {
            for (name, value) in session.lines().into_iter().flatten() {
                writeln!(to, "{name}: {value}")?;
            }
            Ok(())
        };
        let file = folder.read_callback_file(&name, session, show);
        Ok(Self(KBox::pin_init(file, GFP_KERNEL)?))
    }
}

impl core::ops::Deref for DebugEntry {
    type Target = Arc<Session>;

    fn deref(&self) -> &Arc<Session> {
        &self.0
    }
}
