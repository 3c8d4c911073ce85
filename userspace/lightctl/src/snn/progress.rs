// SPDX-License-Identifier: GPL-2.0

//! Progress of long work, on standard error where somebody watches.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Shown after this time, and as often.
const INTERVAL: Duration = Duration::from_millis(300);

/// A line that is written over.
pub(crate) struct Progress {
    what: &'static str,
    total: u64,
    shown: Option<Instant>,
    wrote: bool,
}

impl Progress {
    /// Of `total` things.
    pub(crate) fn new(what: &'static str, total: u64) -> Self {
        Self {
            what,
            total,
            shown: io::stderr().is_terminal().then(Instant::now),
            wrote: false,
        }
    }

    /// So many are done.
    pub(crate) fn at(&mut self, done: u64) {
        let Some(shown) = self.shown.filter(|shown| shown.elapsed() >= INTERVAL) else {
            return;
        };
        let percent = done as f64 * 100.0 / self.total.max(1) as f64;
        let mut out = io::stderr().lock();
        let line = write!(
            out,
            "\r{}: {done} of {} ({percent:.0} %)",
            self.what, self.total
        );
        self.wrote |= line.and_then(|()| out.flush()).is_ok();
        self.shown = Some(shown + shown.elapsed());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.wrote {
            // Clears the line. Nothing is lost if that fails.
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
