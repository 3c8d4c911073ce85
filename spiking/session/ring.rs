// SPDX-License-Identifier: GPL-2.0

//! The rings of a network, in memory that a program may have mapped.
//!
//! Each ring has two halves. The module's, [`ModuleHalf`], belongs to the run
//! (lock of the network) and keeps its own index. User space's, [`UserHalf`], is
//! the program itself, or an ioctl on its behalf (lock of transfers), which
//! knows no more than the shared memory says. A program that writes nonsense
//! there loses its own records. Process context; rings are made with
//! `loading` or `network` held.

use super::memory::Vmalloc;
use crate::{
    rust::shared::SharedMemory,
    spiking::network::{
        description::Parts,
        ring::{place, room, waiting},
    },
    uapi,
};
use kernel::{prelude::*, sync::Arc};

/// Words of 32 bits from the start of a ring.
const HEAD: usize = 0;
const TAIL: usize = 16;
const ENTRIES: usize = 32;
const RECORD_BYTES: usize = 33;
const DROPPED: usize = 34;
const RECORDS: usize = uapi::RING_RECORDS as usize / 4;

/// Records of a ring until a program chooses otherwise.
pub(super) const DEFAULT_ENTRIES: Entries = Entries {
    input: uapi::DEFAULT_RING_ENTRIES,
    spikes: uapi::DEFAULT_RING_ENTRIES,
    voltages: uapi::DEFAULT_RING_ENTRIES,
};

/// A record as words of 32 bits, in the order of memory.
pub(super) trait Record: Copy + Default {
    /// Its words.
    type Words: AsRef<[u32]> + AsMut<[u32]> + Default;

    fn to_words(self) -> Self::Words;
    fn from_words(words: Self::Words) -> Self;
}

/// A number of 64 bits as two words.
fn halves(value: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = value.to_ne_bytes();
    [
        u32::from_ne_bytes([a, b, c, d]),
        u32::from_ne_bytes([e, f, g, h]),
    ]
}

/// The number that two words are.
fn whole(first: u32, second: u32) -> u64 {
    let ([a, b, c, d], [e, f, g, h]) = (first.to_ne_bytes(), second.to_ne_bytes());
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

impl Record for uapi::NetworkEvent {
    type Words = [u32; 4];

    fn to_words(self) -> [u32; 4] {
        let [a, b] = halves(self.step);
        [a, b, self.index, self.weight as u32]
    }

    fn from_words([a, b, index, weight]: [u32; 4]) -> Self {
        Self {
            step: whole(a, b),
            index,
            weight: weight as i32,
        }
    }
}

impl Record for uapi::NetworkSpike {
    type Words = [u32; 4];

    fn to_words(self) -> [u32; 4] {
        let [a, b] = halves(self.step);
        [a, b, self.neuron, self.reserved]
    }

    fn from_words([a, b, neuron, reserved]: [u32; 4]) -> Self {
        Self {
            step: whole(a, b),
            neuron,
            reserved,
        }
    }
}

impl Record for uapi::NetworkVoltage {
    type Words = [u32; 6];

    fn to_words(self) -> [u32; 6] {
        let ([a, b], [e, f]) = (halves(self.step), halves(self.value as u64));
        [a, b, self.probe, self.reserved, e, f]
    }

    fn from_words([a, b, probe, reserved, e, f]: [u32; 6]) -> Self {
        Self {
            step: whole(a, b),
            probe,
            reserved,
            value: whole(e, f) as i64,
        }
    }
}

/// A ring of records `R`.
pub(super) struct Ring<R> {
    memory: SharedMemory,
    entries: u32,
    _record: core::marker::PhantomData<R>,
}

impl<R: Record> Ring<R> {
    /// An empty ring of `entries`, a power of two. May sleep.
    pub(super) fn new(entries: u32) -> Result<Self> {
        let words = R::Words::default().as_ref().len();
        let memory = SharedMemory::new((RECORDS + entries as usize * words) * 4)?;
        memory.store(ENTRIES, entries);
        memory.store(RECORD_BYTES, words as u32 * 4);
        Ok(Self {
            memory,
            entries,
            _record: core::marker::PhantomData,
        })
    }

    /// Its memory, to be mapped.
    pub(super) fn memory(&self) -> &SharedMemory {
        &self.memory
    }

    /// How many records it holds.
    pub(super) fn entries(&self) -> u32 {
        self.entries
    }

    /// What waits in it, as far as the shared indices say.
    pub(super) fn waiting(&self) -> u32 {
        let (head, tail) = (self.memory.load(HEAD), self.memory.load(TAIL));
        waiting(head, tail, self.entries)
    }

    #[inline]
    fn read(&self, index: u32) -> R {
        let mut words = R::Words::default();
        let len = words.as_ref().len();
        let first = RECORDS + place(index, self.entries) * len;
        self.memory.load_all(first, words.as_mut());
        R::from_words(words)
    }

    #[inline]
    fn write(&self, index: u32, record: R) {
        let words = record.to_words();
        let first = RECORDS + place(index, self.entries) * words.as_ref().len();
        self.memory.store_all(first, words.as_ref());
    }
}

/// The producer's or the consumer's place of the module itself.
#[derive(Clone, Copy, Default)]
pub(super) struct ModuleHalf {
    /// The module's own index, whatever the shared memory says.
    own: u32,
    /// The other's, as read last.
    other: u32,
    /// The own index as published last.
    published: u32,
}

impl ModuleHalf {
    /// Consumer: looks at what user space has put in by now.
    pub(super) fn look<R: Record>(&mut self, ring: &Ring<R>) {
        self.other = ring.memory.load_acquire(HEAD);
    }

    /// Consumer: the next record among those looked at.
    pub(super) fn peek<R: Record>(&self, ring: &Ring<R>) -> Option<R> {
        (waiting(self.other, self.own, ring.entries) > 0).then(|| ring.read(self.own))
    }

    /// Consumer: has done with the next record.
    pub(super) fn advance(&mut self) {
        self.own = self.own.wrapping_add(1);
    }

    /// Consumer: drops all that waits.
    pub(super) fn discard<R: Record>(&mut self, ring: &Ring<R>) {
        self.look(ring);
        self.own = self.other;
        self.release(ring);
    }

    /// Consumer: tells user space how far it is.
    pub(super) fn release<R: Record>(&mut self, ring: &Ring<R>) {
        if self.published != self.own {
            ring.memory.store_release(TAIL, self.own);
            self.published = self.own;
        }
    }

    /// Producer: records that there is room for.
    pub(super) fn room<R: Record>(&mut self, ring: &Ring<R>) -> u32 {
        self.other = ring.memory.load_acquire(TAIL);
        room(self.own, self.other, ring.entries)
    }

    /// Producer: puts a record in. False if there is no room.
    pub(super) fn push<R: Record>(&mut self, ring: &Ring<R>, record: R) -> bool {
        if room(self.own, self.other, ring.entries) == 0 && self.room(ring) == 0 {
            return false;
        }
        ring.write(self.own, record);
        self.own = self.own.wrapping_add(1);
        true
    }

    /// Producer: shows user space what was put in. True if there was anything.
    pub(super) fn publish<R: Record>(&mut self, ring: &Ring<R>) -> bool {
        let news = self.published != self.own;
        if news {
            ring.memory.store_release(HEAD, self.own);
            self.published = self.own;
        }
        news
    }

    /// Producer: shows user space how many records were lost.
    pub(super) fn report_dropped<R: Record>(&self, ring: &Ring<R>, dropped: u64) {
        let [first, second] = halves(dropped);
        ring.memory.store(DROPPED, first);
        ring.memory.store(DROPPED + 1, second);
    }
}

/// User space's half of a ring, moved by an ioctl.
pub(super) struct UserHalf<'a, R>(pub(super) &'a Ring<R>);

impl<R: Record> UserHalf<'_, R> {
    /// Producer: puts a record in. False if there is no room.
    pub(super) fn push(&self, record: R) -> bool {
        let memory = &self.0.memory;
        let (head, tail) = (memory.load(HEAD), memory.load_acquire(TAIL));
        if room(head, tail, self.0.entries) == 0 {
            return false;
        }
        self.0.write(head, record);
        memory.store_release(HEAD, head.wrapping_add(1));
        true
    }

    /// Consumer: the next record, if there is one.
    pub(super) fn first(&self) -> Option<R> {
        let memory = &self.0.memory;
        let (tail, head) = (memory.load(TAIL), memory.load_acquire(HEAD));
        (waiting(head, tail, self.0.entries) > 0).then(|| self.0.read(tail))
    }

    /// Consumer: takes the next record out.
    pub(super) fn remove_first(&self) {
        let memory = &self.0.memory;
        memory.store_release(TAIL, memory.load(TAIL).wrapping_add(1));
    }
}

/// The rings of a network, and what names an event may have.
pub(super) struct Rings {
    pub(super) neurons: u32,
    pub(super) inputs: u32,
    pub(super) input: Ring<uapi::NetworkEvent>,
    pub(super) spikes: Ring<uapi::NetworkSpike>,
    /// Only where something is probed.
    pub(super) voltages: Option<Ring<uapi::NetworkVoltage>>,
}

/// How many records each ring holds, powers of two.
#[derive(Clone, Copy)]
pub(super) struct Entries {
    pub(super) input: u32,
    pub(super) spikes: u32,
    pub(super) voltages: u32,
}

impl Rings {
    /// Empty rings for a network of these tables. May sleep.
    pub(super) fn new(parts: &Parts<Vmalloc>, entries: Entries) -> Result<Arc<Self>> {
        let rings = Self {
            neurons: parts.neurons(),
            inputs: parts.inputs,
            input: Ring::new(entries.input)?,
            spikes: Ring::new(entries.spikes)?,
            voltages: if parts.probes.is_empty() {
                None
            } else {
                Some(Ring::new(entries.voltages)?)
            },
        };
        Ok(Arc::new(rings, GFP_KERNEL_ACCOUNT)?)
    }

    /// Whether there are an input or a neuron for `event`.
    pub(super) fn knows(&self, event: &uapi::NetworkEvent) -> bool {
        let known = match event.weight {
            0 => self.inputs,
            _ => self.neurons,
        };
        event.index < known
    }

    /// Bytes of all.
    pub(super) fn bytes(&self) -> u64 {
        let voltages = self.voltages.as_ref().map_or(0, |r| r.memory.bytes());
        (self.input.memory.bytes() + self.spikes.memory.bytes() + voltages) as u64
    }

    /// The memory of ring number `ring`.
    pub(super) fn memory(&self, ring: u64) -> Option<&SharedMemory> {
        match u32::try_from(ring).ok()? {
            uapi::RING_INPUT => Some(self.input.memory()),
            uapi::RING_SPIKES => Some(self.spikes.memory()),
            uapi::RING_VOLTAGES => self.voltages.as_ref().map(Ring::memory),
            _ => None,
        }
    }
}
