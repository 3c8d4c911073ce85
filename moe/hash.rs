// SPDX-License-Identifier: GPL-2.0

//! Experts by token id: a table, and beyond its end a seeded hash.
//!
//! The table is the user's, `top_k` experts for each token id from 0 on (hash layers: Roller et
//! al. 2021; the table of DeepSeek-V4). A token beyond it gets `top_k` different experts from a
//! hash of seed, token and choice: the mixing function of SplitMix64 (Steele, Lea and Flood 2014),
//! its upper half scaled to the number of experts. An expert that the token has already is
//! passed over for the next one that it has not.
//!
//! Pure functions: any context, no lock.

use super::capacity::NO_EXPERT;
use super::config::{demand, Fault, Layer, Problem};

/// The step of SplitMix64: 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The mixing function of SplitMix64.
const fn mixed(state: u64) -> u64 {
    let z = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// A number below `experts` for a seed, a token and a choice.
pub const fn hashed(seed: u64, token: u32, choice: u32, experts: u32) -> u32 {
    let base = mixed(seed.wrapping_add(GOLDEN)) ^ token as u64;
    let step = GOLDEN.wrapping_mul(choice as u64 + 1);
    let word = mixed(mixed(base.wrapping_add(GOLDEN)).wrapping_add(step)) >> 32;
    (word.wrapping_mul(experts as u64) >> 32) as u32
}

/// Fills `places`, as many as `top_k`, with the experts of a token.
pub fn experts_of(layer: &Layer, table: &[u16], token: u32, places: &mut [u16]) {
    let first = (token as usize).checked_mul(places.len());
    let row = first.and_then(|at| table.get(at..at.checked_add(places.len())?));
    if let Some(row) = row {
        places.copy_from_slice(row);
        return;
    }
    places.fill(NO_EXPERT);
    for choice in 0..places.len() {
        let mut expert = hashed(layer.seed, token, choice as u32, layer.experts);
        // At most as many steps as there are experts before it; top_k is no more than all.
        for _ in 0..choice {
            if !places.contains(&(expert as u16)) {
                break;
            }
            expert = expert.wrapping_add(1);
            expert = if expert >= layer.experts { 0 } else { expert };
        }
        if let Some(place) = places.get_mut(choice) {
            *place = expert as u16;
        }
    }
}

/// Looks at a table of whole rows of experts, each once in a row. [`NO_EXPERT`] leaves a place empty.
pub fn check_table(layer: &Layer, table: &[u16]) -> Result<(), Fault> {
    let top_k = layer.top_k.max(1) as usize;
    let whole = table.len().checked_rem(top_k) == Some(0);
    demand(whole, table.len(), "table", Problem::Length)?;
    for (first, row) in (0..table.len())
        .step_by(top_k)
        .zip(table.chunks_exact(top_k))
    {
        for (choice, &expert) in (0..top_k).zip(row) {
            let entry = first.wrapping_add(choice);
            let known = u32::from(expert) < layer.experts || expert == NO_EXPERT;
            demand(known, entry, "expert", Problem::Range)?;
            let before = row.get(..choice).unwrap_or(&[]);
            let once = expert == NO_EXPERT || !before.contains(&expert);
            demand(once, entry, "expert", Problem::Twice)?;
        }
    }
    Ok(())
}
