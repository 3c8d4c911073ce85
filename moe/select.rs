// SPDX-License-Identifier: GPL-2.0

//! The experts with the greatest keys.
//!
//! An expert's *rank* is one `u64`: its key, and below it its index turned around, so that of equal
//! keys the lower index is the greater rank. Greatest first is then value descending, index
//! ascending, with one comparison and no ties. Rank 0 is never selected.
//!
//! [`Ranks`] is a tournament of three rounds: each block of eight ranks has its greatest, its
//! *leader*, and each eight blocks have theirs. Ranks are taken in falling order, so that those
//! taken are the ones that are not below the last: nothing need be crossed out, and the three rounds
//! after a rank was taken do not wait for each other. No comparison has an outcome that the
//! processor must guess.
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
    /// Of each block its leader.
    blocks: [u64; MAX_EXPERTS / BLOCK],
    /// Of each eight blocks their leader.
    tops: [u64; MAX_EXPERTS / BLOCK / BLOCK],
    used_tops: usize,
}

/// All ones if `a` is below `b`; ranks are below 2^63.
#[inline(always)]
const fn below(a: u64, b: u64) -> u64 {
    (a.wrapping_sub(b) as i64 >> 63) as u64
}

/// The greater of two ranks, by arithmetic: the compiler makes a branch of a conditional move where
/// it thinks it knows better, and there is nothing to be known about who is greater.
#[inline(always)]
const fn greater(a: u64, b: u64) -> u64 {
    a.wrapping_sub(a.wrapping_sub(b) & below(a, b))
}

/// The greatest of eight: three rounds.
#[inline(always)]
fn greatest(of: &[u64; BLOCK]) -> u64 {
    let [a, b, c, d, e, f, g, h] = *of;
    let (ab, cd) = (greater(a, b), greater(c, d));
    let (ef, gh) = (greater(e, f), greater(g, h));
    greater(greater(ab, cd), greater(ef, gh))
}

/// The greatest of eight below `bound`; 0 if there is none.
#[inline(always)]
fn greatest_below(of: &[u64], bound: u64) -> u64 {
    match <&[u64; BLOCK]>::try_from(of) {
        Ok(of) => greatest(&of.map(|rank| rank & below(rank, bound))),
        Err(_) => 0,
    }
}

/// The eight of `list` that make block `block`.
#[inline(always)]
fn block_of(list: &[u64], block: usize) -> &[u64] {
    let first = block.wrapping_mul(BLOCK);
    list.get(first..first.wrapping_add(BLOCK)).unwrap_or(&[])
}

impl Ranks {
    /// Without a rank.
    pub const EMPTY: Self = Self {
        ranks: [0; MAX_EXPERTS],
        blocks: [0; MAX_EXPERTS / BLOCK],
        tops: [0; MAX_EXPERTS / BLOCK / BLOCK],
        used_tops: 0,
    };

    /// Takes the rank of each of `items`, at most [`MAX_EXPERTS`], from `rank`, which gets its index
    /// too.
    #[inline(always)]
    pub fn fill<T: Copy>(&mut self, items: &[T], mut rank: impl FnMut(usize, T) -> u64) {
        let whole = items.chunks_exact(BLOCK);
        let rest = whole.remainder();
        let places = self.ranks.chunks_exact_mut(BLOCK).zip(&mut self.blocks);
        let mut places = places.zip((0..MAX_EXPERTS).step_by(BLOCK));
        // `whole` first: when it ends nothing must be taken from `places`.
        for (items, ((ranks, leader), first)) in whole.zip(&mut places) {
            let mut block = [0; BLOCK];
            for ((place, &item), at) in block.iter_mut().zip(items).zip(0..BLOCK) {
                *place = rank(first.wrapping_add(at), item);
            }
            ranks.copy_from_slice(&block);
            *leader = greatest(&block);
        }
        if let (false, Some(((ranks, leader), first))) = (rest.is_empty(), places.next()) {
            let mut block = [0; BLOCK];
            for ((place, &item), at) in block.iter_mut().zip(rest).zip(0..BLOCK) {
                *place = rank(first.wrapping_add(at), item);
            }
            ranks.copy_from_slice(&block);
            *leader = greatest(&block);
        }
        self.lead_blocks(items.len());
    }

    /// The leaders of the blocks of the first `experts` ranks.
    #[inline(always)]
    fn lead_blocks(&mut self, experts: usize) {
        let blocks = experts.min(MAX_EXPERTS).div_ceil(BLOCK);
        self.used_tops = blocks.div_ceil(BLOCK);
        let end = self.used_tops.wrapping_mul(BLOCK);
        if let Some(rest) = self.blocks.get_mut(blocks..end) {
            rest.fill(0);
        }
        let played = self.blocks.chunks_exact(BLOCK).take(self.used_tops);
        for (leader, block) in self.tops.iter_mut().zip(played) {
            *leader = block.try_into().map_or(0, greatest);
        }
    }

    /// The two greatest ranks of group `group` of `size` experts; 0 where there is none. Where groups
    /// are whole blocks their leaders say most of it.
    #[inline(always)]
    pub fn best_two(&self, group: usize, size: usize) -> (u64, u64) {
        let (mut first, mut second) = (0, 0);
        let whole = size & (BLOCK - 1) == 0;
        let (list, size) = if whole {
            (&self.blocks[..], size / BLOCK)
        } else {
            (&self.ranks[..], size)
        };
        let begin = group.wrapping_mul(size);
        for &rank in list.get(begin..begin.wrapping_add(size)).unwrap_or(&[]) {
            second = rank.min(first).max(second);
            first = rank.max(first);
        }
        if whole {
            let block = block_of(&self.ranks, index_of(first) / BLOCK);
            second = greatest_below(block, first).max(second);
        }
        (first, second)
    }

    /// Leaves only those of the first `experts` ranks in the race whose group, of `size` experts,
    /// has its bit in `open`.
    #[inline(always)]
    pub fn keep_groups(&mut self, open: u64, size: usize, experts: usize) {
        // All ones for an open group.
        let masks = (0..u64::BITS).map(|group| (open.wrapping_shr(group) & 1).wrapping_neg());
        if size & (BLOCK - 1) == 0 {
            let groups = self.blocks.chunks_exact_mut((size / BLOCK).max(1));
            for (leaders, mask) in groups.zip(masks) {
                leaders.iter_mut().for_each(|leader| *leader &= mask);
            }
        } else {
            let groups = self.ranks.chunks_exact_mut(size.max(1));
            for (ranks, mask) in groups.zip(masks) {
                ranks.iter_mut().for_each(|rank| *rank &= mask);
            }
            let blocks = self.ranks.chunks_exact(BLOCK).take(experts.div_ceil(BLOCK));
            for (leader, block) in self.blocks.iter_mut().zip(blocks) {
                *leader = block.try_into().map_or(0, greatest);
            }
        }
        self.lead_blocks(experts);
    }

    /// The greatest rank; 0 if there is none.
    #[inline(always)]
    pub fn best(&self) -> u64 {
        let tops = self.tops.get(..self.used_tops).unwrap_or(&[]);
        tops.iter().fold(0, |best, &top| best.max(top))
    }

    /// The greatest rank below `last`, which was the greatest before; 0 if there is none.
    #[inline(always)]
    pub fn next(&mut self, last: u64) -> u64 {
        let index = index_of(last);
        let (block, top) = (index / BLOCK, index / BLOCK / BLOCK);
        let in_block = greatest_below(block_of(&self.ranks, block), last);
        let in_top = greatest_below(block_of(&self.blocks, top), last);
        let in_top = greater(in_top, in_block);
        let tops = self.tops.get(..self.used_tops).unwrap_or(&[]);
        let others = |best, &top: &u64| greater(best, top & below(top, last));
        let others = tops.iter().fold(0, others);
        if let Some(leader) = self.blocks.get_mut(block) {
            *leader = in_block;
        }
        if let Some(leader) = self.tops.get_mut(top) {
            *leader = in_top;
        }
        greater(in_top, others)
    }
}
