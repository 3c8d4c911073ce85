// SPDX-License-Identifier: GPL-2.0

//! The sliding window over the last cycles: what was computed in them and how long it took.
//!
//! Sixteen buckets of 64 cycles. Cycles are numbered by the boundary that ends them, so that the
//! updates made when a cycle's timer fires belong to that cycle. The present bucket is part of
//! the window, which therefore covers the last 961 to 1,024 cycles, or all of them if there were
//! fewer.
//!
//! Process context; the lock of the engine that owns the window.

/// Buckets in the window.
const BUCKETS: usize = 16;

/// Cycles in a bucket.
pub const BUCKET_CYCLES: u64 = 64;

/// After this many buckets without an update nothing changes any more: the window is empty
/// after [`BUCKETS`], and whoever follows it has had as many steps again.
const SETTLED: u64 = 2 * BUCKETS as u64;

/// Content of one bucket.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Distinct (neuron, cycle) pairs that were computed.
    updates: u64,
    /// Time spent applying events, in ns.
    busy_ns: u64,
    /// How long the engine had run when the bucket began, in ns.
    start_ns: u64,
}

/// The window.
#[derive(Clone, Debug)]
pub struct Window {
    /// The first cycle counted.
    first: u64,
    /// The present bucket: the present cycle's number by [`BUCKET_CYCLES`].
    bucket: u64,
    /// Bucket `b` at `b % BUCKETS`.
    buckets: [Bucket; BUCKETS],
}

impl Window {
    /// An empty window at boundary `cycle` of an engine that has run for `run_ns`; the cycle
    /// that ends with the next boundary is the first one counted.
    pub const fn new(cycle: u64, run_ns: u64) -> Self {
        let empty = Bucket {
            updates: 0,
            busy_ns: 0,
            start_ns: run_ns,
        };
        Self {
            first: cycle.saturating_add(1),
            bucket: cycle / BUCKET_CYCLES,
            buckets: [empty; BUCKETS],
        }
    }

    /// The present bucket.
    #[inline]
    fn present(&mut self) -> &mut Bucket {
        &mut self.buckets[(self.bucket % BUCKETS as u64) as usize]
    }

    /// Counts one (neuron, cycle) pair.
    #[inline]
    pub fn note_update(&mut self) {
        let present = self.present();
        present.updates = present.updates.saturating_add(1);
    }

    /// Counts `ns` nanoseconds spent applying events.
    #[inline]
    pub fn note_busy(&mut self, ns: u64) {
        let present = self.present();
        present.busy_ns = present.busy_ns.saturating_add(ns);
    }

    /// The first boundary of the bucket after the present one.
    #[inline]
    pub fn next_bucket_cycle(&self) -> u64 {
        self.bucket.saturating_add(1).saturating_mul(BUCKET_CYCLES)
    }

    /// Whether the present bucket has ended at boundary `cycle`.
    #[inline]
    pub fn has_ended(&self, cycle: u64) -> bool {
        cycle / BUCKET_CYCLES > self.bucket
    }

    /// Makes the next bucket, before which the engine has run for `start_ns`, the present one.
    pub fn open_next(&mut self, start_ns: u64) {
        self.bucket = self.bucket.saturating_add(1);
        *self.present() = Bucket {
            updates: 0,
            busy_ns: 0,
            start_ns,
        };
    }

    /// Buckets to pass over, after [`SETTLED`] single steps, on the way to boundary `cycle`: all
    /// but the last [`BUCKETS`]. They hold nothing and their end changes nothing.
    pub fn skip_towards(&mut self, cycle: u64, steps: u64) {
        let last_skipped = (cycle / BUCKET_CYCLES).saturating_sub(BUCKETS as u64);
        if steps >= SETTLED && self.bucket < last_skipped {
            self.bucket = last_skipped;
        }
    }

    /// The bucket that holds the oldest part of the window.
    fn oldest(&self) -> u64 {
        self.bucket
            .saturating_sub(BUCKETS as u64 - 1)
            .max(self.first / BUCKET_CYCLES)
    }

    /// Cycles that the window covers at boundary `cycle`.
    pub fn cycles(&self, cycle: u64) -> u64 {
        let from = self.oldest().saturating_mul(BUCKET_CYCLES).max(self.first);
        cycle.saturating_add(1).saturating_sub(from)
    }

    /// Percentage of the updates of `neurons` neurons that were not needed in the window that
    /// ends with boundary `cycle`, rounded down: `100 (1 - updates / (neurons cycles))`.
    /// 100 while there is nothing to update.
    pub fn sparsity_percent(&self, cycle: u64, neurons: u32) -> u32 {
        let all = self.cycles(cycle).saturating_mul(u64::from(neurons));
        let mut updates: u64 = 0;
        for bucket in &self.buckets {
            updates = updates.saturating_add(bucket.updates);
        }
        // At most 1,024 * 2^32 pairs: the product fits.
        let idle = all.saturating_sub(updates);
        idle.saturating_mul(100).checked_div(all).unwrap_or(100) as u32
    }

    /// Percentage of the time in the window that was spent computing, for an engine that has run
    /// for `run_ns` by now. 0 to 100, rounded down; 0 for a window that covers no time.
    pub fn utilization_percent(&self, run_ns: u64) -> u32 {
        let oldest = (self.oldest() % BUCKETS as u64) as usize;
        let wall = run_ns.saturating_sub(self.buckets[oldest].start_ns);
        let mut busy: u64 = 0;
        for bucket in &self.buckets {
            busy = busy.saturating_add(bucket.busy_ns);
        }
        if wall == 0 {
            0
        } else if busy >= wall {
            100
        } else if let Some(scaled) = busy.checked_mul(100) {
            (scaled / wall) as u32
        } else {
            // Here `busy` exceeds 2^57 ns, and the error of this form is below 10^-15.
            busy.checked_div(wall / 100).unwrap_or(100).min(100) as u32
        }
    }
}
