// SPDX-License-Identifier: GPL-2.0

//! Rings in memory shared with the module: one producer, one consumer.
//!
//! [`Producer`] and [`Consumer`] are user space's halves. Like the module's they
//! keep an index of their own, read the other side's once, and take a distance
//! beyond the size of the ring for a full or an empty one. Records are read and
//! written word by word with relaxed atomics, so that even a second user of the
//! same mapping can garble records, but not memory.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Where [`Memory::header`] has which word.
const HEAD: usize = 0;
const TAIL: usize = 16;
const DROPPED: [usize; 2] = [34, 35];

/// 32-bit words of the header that are used.
pub(crate) const HEADER_WORDS: usize = 36;

/// The memory of a ring.
pub trait Memory {
    /// `struct lightos_ring` as 32-bit words.
    fn header(&self) -> &[AtomicU32];

    /// The records as 64-bit words.
    fn records(&self) -> &[AtomicU64];
}

/// A record, as it lies in a ring.
pub trait Record: Copy {
    /// 64-bit words in the order of the machine.
    type Words: AsRef<[u64]> + AsMut<[u64]> + Default;

    /// To the words.
    fn to_words(self) -> Self::Words;

    /// From the words; any are a record.
    fn from_words(words: Self::Words) -> Self;
}

/// How many records of `R` fit into `memory`.
fn entries_in<R: Record>(memory: &impl Memory) -> u32 {
    let words = R::Words::default().as_ref().len();
    let entries = memory.records().len() / words.max(1);
    u32::try_from(entries).unwrap_or(0)
}

/// What both halves have in common.
#[derive(Debug)]
struct Half<R, M> {
    memory: M,
    entries: u32,
    /// This half's own index: records ever put in or taken out, modulo 2^32.
    index: u32,
    record: PhantomData<R>,
}

impl<R: Record, M: Memory> Half<R, M> {
    /// `None` unless the memory holds a power of two of records and a header.
    fn new(memory: M, own: usize) -> Option<Self> {
        let entries = entries_in::<R>(&memory);
        let index = memory.header().get(own)?.load(Ordering::Relaxed);
        let whole = memory.header().len() >= HEADER_WORDS && entries.is_power_of_two();
        whole.then_some(Self {
            memory,
            entries,
            index,
            record: PhantomData,
        })
    }

    /// The words of the record that `index` counts.
    fn words(&self, index: u32) -> &[AtomicU64] {
        let words = R::Words::default().as_ref().len();
        let first = (index & (self.entries - 1)) as usize * words;
        self.memory
            .records()
            .get(first..first + words)
            .unwrap_or(&[])
    }

    /// Word `word` of the header.
    fn load(&self, word: usize, order: Ordering) -> u32 {
        let word = self.memory.header().get(word);
        word.map_or(0, |word| word.load(order))
    }

    fn store(&self, word: usize) {
        if let Some(word) = self.memory.header().get(word) {
            word.store(self.index, Ordering::Release);
        }
    }

    /// Records that found the ring full. The module counts in 64 bits, which are
    /// read here in two halves: again, should the upper one change meanwhile.
    fn dropped(&self) -> u64 {
        loop {
            let [a, b] = DROPPED.map(|word| self.load(word, Ordering::Acquire));
            let [c, d] = DROPPED.map(|word| self.load(word, Ordering::Acquire));
            if (a, b) == (c, d) {
                let [a, b] = [a, b].map(u32::to_ne_bytes);
                let mut bytes = [0; 8];
                bytes[..4].copy_from_slice(&a);
                bytes[4..].copy_from_slice(&b);
                return u64::from_ne_bytes(bytes);
            }
        }
    }
}

/// The half that puts records in.
#[derive(Debug)]
pub struct Producer<R, M> {
    half: Half<R, M>,
}

impl<R: Record, M: Memory> Producer<R, M> {
    /// The producer of the ring in `memory`; `None` if that is no ring.
    ///
    /// There must be no other one, or records are lost.
    pub fn new(memory: M) -> Option<Self> {
        Half::new(memory, HEAD).map(|half| Self { half })
    }

    /// How many records the ring holds.
    pub fn entries(&self) -> u32 {
        self.half.entries
    }

    /// Records that there is room for now.
    pub fn room(&self) -> u32 {
        let tail = self.half.load(TAIL, Ordering::Acquire);
        let used = self.half.index.wrapping_sub(tail);
        self.half.entries.saturating_sub(used)
    }

    /// Puts records in until the ring is full. Returns how many.
    pub fn push(&mut self, records: impl IntoIterator<Item = R>) -> usize {
        let room = self.room() as usize;
        let mut done = 0;
        for record in records.into_iter().take(room) {
            let words = record.to_words();
            for (place, &word) in self.half.words(self.half.index).iter().zip(words.as_ref()) {
                place.store(word, Ordering::Relaxed);
            }
            self.half.index = self.half.index.wrapping_add(1);
            done += 1;
        }
        if done > 0 {
            self.half.store(HEAD);
        }
        done
    }
}

/// The half that takes records out.
#[derive(Debug)]
pub struct Consumer<R, M> {
    half: Half<R, M>,
}

impl<R: Record, M: Memory> Consumer<R, M> {
    /// The consumer of the ring in `memory`; `None` if that is no ring.
    ///
    /// There must be no other one, or records come twice.
    pub fn new(memory: M) -> Option<Self> {
        Half::new(memory, TAIL).map(|half| Self { half })
    }

    /// How many records the ring holds.
    pub fn entries(&self) -> u32 {
        self.half.entries
    }

    /// Records that wait.
    pub fn waiting(&self) -> u32 {
        let head = self.half.load(HEAD, Ordering::Acquire);
        let waiting = head.wrapping_sub(self.half.index);
        if waiting > self.half.entries {
            0
        } else {
            waiting
        }
    }

    /// Hands what waits to `take`, at most `limit` records. Returns how many.
    pub fn pop(&mut self, limit: usize, mut take: impl FnMut(R)) -> usize {
        let count = (self.waiting() as usize).min(limit);
        for _ in 0..count {
            let mut words = R::Words::default();
            let places = self.half.words(self.half.index);
            for (word, place) in words.as_mut().iter_mut().zip(places) {
                *word = place.load(Ordering::Relaxed);
            }
            self.half.index = self.half.index.wrapping_add(1);
            take(R::from_words(words));
        }
        if count > 0 {
            self.half.store(TAIL);
        }
        count
    }

    /// Records that the module could not put in since the ring was made.
    pub fn dropped(&self) -> u64 {
        self.half.dropped()
    }
}
