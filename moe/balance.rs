// SPDX-License-Identifier: GPL-2.0

//! Loads of experts, the bias that evens them out, and what they say about an expert.
//!
//! Balance is a matter of one layer: all slices here have an entry for each of its experts.
//!
//! The bias follows the rule of loss-free balancing (Wang et al. 2024, arXiv 2408.15664): after each
//! batch
//!
//! ```text
//! b_i += u sign(mean load - load_i)
//! ```
//!
//! with the loads of that batch. The comparison with the mean is exact. A bias takes part in the
//! selection alone, never in a weight, and stays within plus and minus 2^14.
//!
//! Process context; the lock of whoever shares the loads.

use super::capacity::NO_EXPERT;
use super::config::{BIAS_LIMIT, PROBABILITY_BITS};
use super::score::KEY_BITS;

/// Adds the experts of `ids` to `loads`.
pub fn count(ids: &[u16], loads: &mut [u64]) {
    for &id in ids.iter().filter(|&&id| id != NO_EXPERT) {
        if let Some(load) = loads.get_mut(usize::from(id)) {
            *load = load.wrapping_add(1);
        }
    }
}

/// Moves each bias by `step`, Q0.32, towards an even load.
pub fn update_biases(step: u32, loads: &[u64], biases: &mut [i64]) {
    let total = loads
        .iter()
        .fold(0, |sum: u128, &l| sum.wrapping_add(l.into()));
    let step = i64::from(step) << (KEY_BITS - PROBABILITY_BITS);
    for (bias, &load) in biases.iter_mut().zip(loads) {
        // The mean against the load, both times the number of experts.
        let share = u128::from(load).wrapping_mul(loads.len() as u128);
        let moved = match share.cmp(&total) {
            core::cmp::Ordering::Less => bias.saturating_add(step),
            core::cmp::Ordering::Equal => *bias,
            core::cmp::Ordering::Greater => bias.saturating_sub(step),
        };
        *bias = moved.clamp(-BIAS_LIMIT, BIAS_LIMIT);
    }
}

/// How much an expert has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum State {
    /// No token.
    Idle = 0,
    /// Up to three quarters of its capacity.
    Active = 1,
    /// More, up to its capacity.
    Busy = 2,
    /// More than its capacity.
    Overloaded = 3,
}

impl State {
    /// The state for a load (before dropping) and a capacity of the same batch.
    pub const fn of(load: u64, capacity: u64) -> Self {
        if load == 0 {
            Self::Idle
        } else if load > capacity {
            Self::Overloaded
        } else if load > capacity - capacity / 4 {
            Self::Busy
        } else {
            Self::Active
        }
    }
}
