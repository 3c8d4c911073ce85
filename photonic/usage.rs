// SPDX-License-Identifier: GPL-2.0

//! The share of the last second in which a processor worked.
//!
//! Ten slots of a tenth of a second; the present one is part of the second, which therefore is
//! 0.9 to 1 s long. Takes the clock from the caller; no lock.

/// Nanoseconds of a slot.
const SLOT_NS: u64 = 100_000_000;
/// Slots in the window.
const SLOTS: usize = 10;

/// Busy time in the slots of the window.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Number of a slot since the epoch of the clock, and busy nanoseconds in it, at number mod
    /// [`SLOTS`].
    slots: [(u64, u64); SLOTS],
}

impl Usage {
    /// Nothing was done yet.
    pub const fn new() -> Self {
        Self {
            slots: [(0, 0); SLOTS],
        }
    }

    /// Work was done from `begin` to `end`, in nanoseconds.
    pub fn note(&mut self, begin: u64, end: u64) {
        let last = end / SLOT_NS;
        let first = (begin / SLOT_NS).max(last.saturating_sub(SLOTS as u64 - 1));
        for number in first..=last {
            let start = number.saturating_mul(SLOT_NS);
            let busy = end
                .min(start.saturating_add(SLOT_NS))
                .saturating_sub(begin.max(start));
            let slot = &mut self.slots[(number % SLOTS as u64) as usize];
            if slot.0 != number {
                *slot = (number, 0);
            }
            slot.1 = slot.1.saturating_add(busy);
        }
    }

    /// Percentage of the window that ends `now` in which work was done, rounded to nearest.
    pub fn percent(&self, now: u64) -> u32 {
        let present = now / SLOT_NS;
        let first = present.saturating_sub(SLOTS as u64 - 1);
        let recent = self
            .slots
            .iter()
            .filter(|slot| (first..=present).contains(&slot.0));
        let busy = recent.fold(0u64, |sum, slot| sum.saturating_add(slot.1));
        let window = now.saturating_sub(first.saturating_mul(SLOT_NS)).max(1);
        let percent = busy.saturating_mul(100).saturating_add(window / 2) / window;
        percent.min(100) as u32
    }
}
