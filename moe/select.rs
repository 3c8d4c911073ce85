// SPDX-License-Identifier: GPL-2.0

//! The experts with the greatest keys.
//!
//! An expert's *rank* is one `u64`: its key, and below it its index turned around, so that of equal
//! keys the lower index is the greater rank. Greatest first is then value descending, index
//! ascending, with one comparison and no ties. Rank 0 is never selected.
//!
//! [`Ranks`] is a tournament of three rounds. Each block of eight ranks has its greatest, and each
//! eight blocks have theirs. Taking the best one takes it out and plays its block and its eight
//! blocks again: 32 comparisons at most for 1,024 experts, and none whose outcome the processor
//! must guess.
//!
//! Process context; the memory belongs to the caller.

/// The most experts of a layer.
pub const MAX_EXPERTS: usize = 1024;

/// Binary digits of an expert's index.
const INDEX_BITS: u32 = MAX_EXPERTS.trailing_zeros();

/// Ranks that are compared at a time.
pub const BLOCK: usize = 8;

/// The rank of expert `index` with a key below 2^54.
#[inline(always)]
pub const fn rank(key: u64, index: usize) -> u64 {
    key << INDEX_BITS | (!index & (MAX_EXPERTS - 1)) as u64
}

/// The key of a rank.
#[inline(always)]
pub const fn key_of(rank: u64) -> u64 {
    rank >> INDEX_BITS
}

/// The expert of a rank.
#[inline(always)]
pub const fn index_of(rank: u64) -> usize {
    !rank as usize & (MAX_EXPERTS - 1)
}

/// Ranks of the experts of one token, and who leads among them.
#[derive(Clone, Debug)]
pub struct Ranks {
    ranks: [u64; MAX_EXPERTS],
    blocks: [u64; MAX_EXPERTS / BLOCK],
    tops: [u64; MAX_EXPERTS / BLOCK / BLOCK],
    used_tops: usize,
}

/// The greatest of eight: three rounds.
#[inline(always)]
fn greatest(of: &[u64; BLOCK]) -> u64 {
    let [a, b, c, d, e, f, g, h] = *of;
    (a.max(b).max(c.max(d))).max(e.max(f).max(g.max(h)))
}

/// The block of `list` with number `block`.
#[inline(always)]
fn block_of(list: &[u64], block: usize) -> Option<&[u64; BLOCK]> {
    let first = block.wrapping_mul(BLOCK);
    list.get(first..first.wrapping_add(BLOCK))?.try_into().ok()
}

impl Ranks {
    /// Without a rank.
    pub const EMPTY: Self = Self {
        ranks: [0; MAX_EXPERTS],
        blocks: [0; MAX_EXPERTS / BLOCK],
        tops: [0; MAX_EXPERTS / BLOCK / BLOCK],
        used_tops: 0,
    };

    /// The places of the first `experts` ranks, to be filled before [`Ranks::play`]. The others up
    /// to the end of the last eight blocks become 0.
    #[inline]
    pub fn places(&mut self, experts: usize) -> &mut [u64] {
        let experts = experts.min(MAX_EXPERTS);
        let end = experts.next_multiple_of(BLOCK).min(MAX_EXPERTS);
        if let Some(rest) = self.ranks.get_mut(experts..end) {
            rest.fill(0);
        }
        self.ranks.get_mut(..experts).unwrap_or(&mut [])
    }

    /// All rounds, for the first `experts` ranks.
    #[inline]
    pub fn play(&mut self, experts: usize) {
        let blocks = experts.min(MAX_EXPERTS).div_ceil(BLOCK);
        let end = blocks.next_multiple_of(BLOCK).min(self.blocks.len());
        if let Some(rest) = self.blocks.get_mut(blocks..end) {
            rest.fill(0);
        }
        let played = self.ranks.chunks_exact(BLOCK).take(blocks);
        for (lead, block) in self.blocks.iter_mut().zip(played) {
            *lead = block.try_into().map_or(0, greatest);
        }
        self.used_tops = end / BLOCK;
        let played = self.blocks.chunks_exact(BLOCK).take(self.used_tops);
        for (lead, block) in self.tops.iter_mut().zip(played) {
            *lead = block.try_into().map_or(0, greatest);
        }
    }

    /// The greatest rank; 0 if there is none.
    #[inline]
    pub fn best(&self) -> u64 {
        let tops = self.tops.get(..self.used_tops).unwrap_or(&[]);
        tops.iter().fold(0, |best, &top| best.max(top))
    }

    /// Takes the greatest rank out; 0 if there is none.
    #[inline]
    pub fn take(&mut self) -> u64 {
        let best = self.best();
        let index = index_of(best);
        let (block, top) = (index / BLOCK, index / BLOCK / BLOCK);
        if let Some(place) = self.ranks.get_mut(index) {
            *place = 0;
        }
        if let Some(lead) = self.blocks.get_mut(block) {
            *lead = block_of(&self.ranks, block).map_or(0, greatest);
        }
        if let Some(lead) = self.tops.get_mut(top) {
            *lead = block_of(&self.blocks, top).map_or(0, greatest);
        }
        best
    }
}
