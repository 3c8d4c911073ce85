// SPDX-License-Identifier: GPL-2.0

//! The delay wheel: who spiked in each of the last steps.
//!
//! A ring of one slot more than the longest delay. A slot has a bit for each source of spikes and,
//! above these, a bit for each word of 64 that is not zero. A step sets bits in its own slot and
//! reads, for each delay, the slot of so many steps ago: the synapses with that delay are
//! delivered when they arrive, not when they are sent. So a network needs sums of input for one
//! step only, which stay in the cache however many delays there are, and the wheel has a bit where
//! a ring of sums would have 32 for each neuron and delay. Spikes come out in the order of their
//! sources whatever the order in which they went in.
//!
//! Finding the spikes of a slot costs one operation for each spike, and one for every 4,096
//! sources. Any context; the lock of the network that owns the wheel.

use core::ops::DerefMut;

/// Sources of spikes handed out at a time.
pub const BATCH: usize = 64;

/// Words for `bits` bits.
const fn words_for(bits: usize) -> usize {
    bits.div_ceil(64)
}

/// Words of one slot for `sources` sources.
const fn slot_words(sources: usize) -> usize {
    words_for(sources).wrapping_add(words_for(words_for(sources)))
}

/// Words that a wheel for `sources` sources and delays up to `max_delay` steps takes.
/// `None` if that is no number.
pub const fn wheel_words(sources: u32, max_delay: u32) -> Option<usize> {
    let slots = (max_delay as usize).saturating_add(1);
    slot_words(sources as usize).checked_mul(slots)
}

/// The wheel; its words come from the caller.
#[derive(Debug)]
pub struct Wheel<W> {
    words: W,
    sources: usize,
    slots: u64,
}

impl<W: DerefMut<Target = [u64]>> Wheel<W> {
    /// A wheel for `sources` sources and delays up to `max_delay`, without a spike in it. `words`
    /// must be as long as [`wheel_words`] says: in a shorter one some spikes are not kept.
    pub fn new(mut words: W, sources: u32, max_delay: u32) -> Self {
        words.fill(0);
        Self {
            words,
            sources: sources as usize,
            slots: u64::from(max_delay).wrapping_add(1),
        }
    }

    /// Bytes of the wheel.
    pub fn bytes(&self) -> usize {
        size_of_val::<[u64]>(&self.words)
    }

    /// The first word of the slot of `step`.
    #[inline]
    fn slot(&self, step: u64) -> usize {
        // At least one slot; the product is an index into `words`.
        ((step % self.slots.max(1)) as usize).wrapping_mul(slot_words(self.sources))
    }

    /// Notes the spikes `bits` of the 64 sources from `64 * word` at `step`, and returns those
    /// that were noted already.
    #[inline]
    pub fn set(&mut self, step: u64, word: usize, bits: u64) -> u64 {
        let (slot, words) = (self.slot(step), words_for(self.sources));
        if bits == 0 || word >= words {
            return 0;
        }
        let Some(place) = self.words.get_mut(slot.wrapping_add(word)) else {
            return 0;
        };
        let before = *place & bits;
        *place |= bits;
        let above = slot.wrapping_add(words).wrapping_add(word / 64);
        if let Some(place) = self.words.get_mut(above) {
            *place |= 1u64.wrapping_shl(word as u32);
        }
        before
    }

    /// The spikes `step` of the 64 sources from `64 * word`.
    #[inline]
    pub fn get(&self, step: u64, word: usize) -> u64 {
        if word >= words_for(self.sources) {
            return 0;
        }
        let at = self.slot(step).wrapping_add(word);
        self.words.get(at).copied().unwrap_or(0)
    }

    /// Forgets the spikes of the slot of `step`.
    #[inline]
    pub fn clear(&mut self, step: u64) {
        let slot = self.slot(step);
        let end = slot.wrapping_add(slot_words(self.sources));
        if let Some(words) = self.words.get_mut(slot..end) {
            words.fill(0);
        }
    }

    /// Forgets all spikes.
    pub fn clear_all(&mut self) {
        self.words.fill(0);
    }

    /// The sources from `first` up to `end` (exclusive) that spiked at `step`, ascending.
    #[inline]
    pub fn spikes(&self, step: u64, first: u32, end: u32) -> Spikes<'_> {
        let slot = self.slot(step);
        let words = words_for(self.sources);
        let slot = self
            .words
            .get(slot..slot.wrapping_add(slot_words(self.sources)))
            .unwrap_or(&[]);
        let (bits, above) = slot.split_at_checked(words).unwrap_or((&[], &[]));
        let first = first as usize;
        let mut spikes = Spikes {
            bits,
            above,
            word: first / 64,
            pending: 0,
            end: (end as usize).min(self.sources),
        };
        spikes.pending = spikes.load(spikes.word) & u64::MAX.wrapping_shl(first as u32);
        spikes
    }
}

/// The spikes of a slot.
#[derive(Debug)]
pub struct Spikes<'a> {
    bits: &'a [u64],
    above: &'a [u64],
    word: usize,
    pending: u64,
    end: usize,
}

impl Spikes<'_> {
    /// Word `word`, less what lies behind the end.
    #[inline]
    fn load(&self, word: usize) -> u64 {
        let bits = self.bits.get(word).copied().unwrap_or(0);
        let left = self.end.saturating_sub(word.saturating_mul(64));
        match left {
            0 => 0,
            1..64 => bits & 1u64.wrapping_shl(left as u32).wrapping_sub(1),
            _ => bits,
        }
    }

    /// Moves to the next word that is not zero. False if there is none.
    #[inline]
    fn advance(&mut self) -> bool {
        let mut next = self.word.wrapping_add(1);
        let mut group = next / 64;
        while let Some(&above) = self.above.get(group) {
            let rest = above & u64::MAX.wrapping_shl(next as u32);
            if rest != 0 {
                let word = group.wrapping_mul(64);
                self.word = word.wrapping_add(rest.trailing_zeros() as usize);
                self.pending = self.load(self.word);
                // Only a word across the end loads as zero, and the last ones follow it.
                return self.pending != 0;
            }
            group = group.wrapping_add(1);
            next = group.wrapping_mul(64);
        }
        false
    }

    /// Fills `batch` with the next sources and returns the filled part; empty at the end.
    #[inline]
    pub fn fill<'b>(&mut self, batch: &'b mut [u32; BATCH]) -> &'b [u32] {
        let mut filled: usize = 0;
        for place in batch.iter_mut() {
            if self.pending == 0 && !self.advance() {
                break;
            }
            let bit = self.pending.trailing_zeros() as usize;
            self.pending &= self.pending.wrapping_sub(1);
            *place = self.word.wrapping_mul(64).wrapping_add(bit) as u32;
            filled = filled.wrapping_add(1);
        }
        batch.get(..filled).unwrap_or(&[])
    }
}
