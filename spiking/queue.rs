// SPDX-License-Identifier: GPL-2.0

//! Events that wait for their time.
//!
//! Two parts: a ring for events that arrive in order of time, and a binary heap for the rest.
//! An event that is no earlier than the last one in the ring goes to the end of the ring; both
//! that and taking it out again cost O(1), whatever the number of events. Stragglers cost
//! O(log n). Each part can hold all events, so that no mix of the two runs full early.
//!
//! Process context; the lock of the engine that owns the queue. Never allocates.

use core::ops::DerefMut;

/// One input event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it happens, in ns.
    pub time: u64,
    /// Its place in the order of submission: decides between equal times.
    pub seq: u64,
    /// Which neuron receives it.
    pub neuron: u32,
    /// What it adds to the membrane, in mV.
    pub amplitude_mv: i32,
    /// How many synapses it stands for; 0 means 1.
    pub synapse_count: u32,
    /// Found late when it was submitted, and counted so.
    pub late: bool,
}

impl Event {
    /// What an unused place of the storage holds.
    pub const EMPTY: Self = Self {
        time: 0,
        seq: 0,
        neuron: 0,
        amplitude_mv: 0,
        synapse_count: 0,
        late: false,
    };

    /// Whether `self` comes before `other`.
    #[inline]
    fn precedes(&self, other: &Self) -> bool {
        self.time < other.time || (self.time == other.time && self.seq < other.seq)
    }
}

/// The waiting events, in storage from outside.
pub struct Queue<Q> {
    ring: Q,
    ring_head: usize,
    ring_len: usize,
    heap: Q,
    heap_len: usize,
}

impl<Q: DerefMut<Target = [Event]>> Queue<Q> {
    /// An empty queue. It holds as many events as the shorter storage has places.
    pub fn new(ring: Q, heap: Q) -> Self {
        Self {
            ring,
            ring_head: 0,
            ring_len: 0,
            heap,
            heap_len: 0,
        }
    }

    /// Events that can wait at once.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.ring.len().min(self.heap.len())
    }

    /// Events waiting now.
    #[inline]
    pub fn len(&self) -> usize {
        self.ring_len.wrapping_add(self.heap_len)
    }

    /// Whether no event waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the storage.
    pub fn storage_bytes(&self) -> u64 {
        (self.ring.len().saturating_add(self.heap.len()) as u64)
            .saturating_mul(size_of::<Event>() as u64)
    }

    /// Forgets all waiting events.
    pub fn clear(&mut self) {
        self.ring_head = 0;
        self.ring_len = 0;
        self.heap_len = 0;
    }

    /// Adds `event`, whose `seq` is greater than that of every event before. False if full.
    #[inline]
    pub fn push(&mut self, event: Event) -> bool {
        if self.len() >= self.capacity() {
            return false;
        }
        if self.fits_ring(event.time) {
            self.push_ring(event);
        } else {
            self.push_heap(event);
        }
        true
    }

    /// The first event in order of time, then of submission.
    #[inline]
    pub fn peek(&self) -> Option<&Event> {
        let ring = self.ring_first();
        let heap = self.heap_first();
        match (ring, heap) {
            (Some(r), Some(h)) => Some(if h.precedes(r) { h } else { r }),
            (r, None) => r,
            (None, h) => h,
        }
    }

    /// Takes out the first event if its time is `now` or earlier.
    #[inline]
    pub fn pop_due(&mut self, now: u64) -> Option<Event> {
        let event = *self.peek()?;
        if event.time > now {
            return None;
        }
        // The two parts never hold equal numbers of submission.
        if self.ring_first().is_some_and(|r| r.seq == event.seq) {
            self.drop_ring_first();
        } else {
            self.drop_heap_first();
        }
        Some(event)
    }

    /// The place `offset` places after the head of the ring.
    #[inline]
    fn ring_place(&self, offset: usize) -> usize {
        let place = self.ring_head.wrapping_add(offset);
        if place >= self.ring.len() {
            place.wrapping_sub(self.ring.len())
        } else {
            place
        }
    }

    #[inline]
    fn ring_first(&self) -> Option<&Event> {
        if self.ring_len == 0 {
            return None;
        }
        self.ring.get(self.ring_head)
    }

    #[inline]
    fn heap_first(&self) -> Option<&Event> {
        if self.heap_len == 0 {
            return None;
        }
        self.heap.first()
    }

    /// Whether an event at `time` is in order behind the ring.
    #[inline]
    fn fits_ring(&self, time: u64) -> bool {
        if self.ring_len == 0 {
            return true;
        }
        let last = self.ring_place(self.ring_len.wrapping_sub(1));
        self.ring.get(last).is_some_and(|e| e.time <= time)
    }

    #[inline]
    fn push_ring(&mut self, event: Event) {
        let place = self.ring_place(self.ring_len);
        if let Some(slot) = self.ring.get_mut(place) {
            *slot = event;
            self.ring_len = self.ring_len.wrapping_add(1);
        }
    }

    #[inline]
    fn drop_ring_first(&mut self) {
        self.ring_head = self.ring_place(1);
        self.ring_len = self.ring_len.saturating_sub(1);
    }

    /// Moves parents down along the way up from the new last place until `event` fits.
    fn push_heap(&mut self, event: Event) {
        let mut place = self.heap_len;
        let heap = &mut *self.heap;
        while place > 0 {
            let parent = place.wrapping_sub(1) / 2;
            match heap.get(parent) {
                Some(&above) if event.precedes(&above) => {
                    if let Some(slot) = heap.get_mut(place) {
                        *slot = above;
                    }
                }
                _ => break,
            }
            place = parent;
        }
        if let Some(slot) = heap.get_mut(place) {
            *slot = event;
            self.heap_len = self.heap_len.wrapping_add(1);
        }
    }

    /// Moves the lesser children up along the way down from the root until the last event fits.
    fn drop_heap_first(&mut self) {
        self.heap_len = self.heap_len.saturating_sub(1);
        let Some(heap) = self.heap.get_mut(..=self.heap_len) else {
            return;
        };
        let Some((&mut last, heap)) = heap.split_last_mut() else {
            return;
        };
        let mut place: usize = 0;
        loop {
            let left = place.wrapping_mul(2).wrapping_add(1);
            let right = left.wrapping_add(1);
            let Some(&(mut child)) = heap.get(left) else {
                break;
            };
            let mut next = left;
            if let Some(&other) = heap.get(right) {
                if other.precedes(&child) {
                    child = other;
                    next = right;
                }
            }
            if last.precedes(&child) {
                break;
            }
            if let Some(slot) = heap.get_mut(place) {
                *slot = child;
            }
            place = next;
        }
        if let Some(slot) = heap.get_mut(place) {
            *slot = last;
        }
    }
}
