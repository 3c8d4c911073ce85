// SPDX-License-Identifier: GPL-2.0

//! The rings, in memory of this process: model, threads, wrap-around, hostility.

#![allow(clippy::unwrap_used)] // a test

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::Arc;
use std::thread;

use lightos::network::{Consumer, Event, Memory, Producer, Record, Spike, Voltage};
use proptest::prelude::*;

const HEAD: usize = 0;
const TAIL: usize = 16;

#[derive(Clone, Debug)]
struct Heap(Arc<(Vec<AtomicU32>, Vec<AtomicU64>)>);

impl Heap {
    /// Room for `entries` records of `R`, with both indexes at `start`.
    fn new<R: Record>(entries: usize, start: u32) -> Self {
        let words = entries * R::Words::default().as_ref().len();
        let header: Vec<AtomicU32> = (0..36).map(|_| AtomicU32::new(0)).collect();
        header[HEAD].store(start, Ordering::Relaxed);
        header[TAIL].store(start, Ordering::Relaxed);
        let records = (0..words).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new((header, records)))
    }

    fn set(&self, word: usize, value: u32) {
        self.0 .0[word].store(value, Ordering::Release);
    }
}

impl Memory for Heap {
    fn header(&self) -> &[AtomicU32] {
        &self.0 .0
    }

    fn records(&self) -> &[AtomicU64] {
        &self.0 .1
    }
}

/// How many cases: more with `LIGHTOS_LONG=1`.
fn config() -> ProptestConfig {
    let long = std::env::var_os("LIGHTOS_LONG").is_some_and(|v| v == "1");
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(if long { 1_000_000 } else { 2_000 })
    }
}

proptest! {
    #![proptest_config(config())]

    /// A queue in one thread, whatever is put in and taken out when.
    #[test]
    fn a_ring_is_a_bounded_queue(
        bits in 0u32..7,
        start in prop_oneof![Just(0), Just(u32::MAX), any::<u32>()],
        moves in prop::collection::vec((any::<bool>(), 0usize..100), 1..40),
    ) {
        let ring = Heap::new::<Voltage>(1 << bits, start);
        let mut producer = Producer::<Voltage, _>::new(ring.clone()).unwrap();
        let mut consumer = Consumer::<Voltage, _>::new(ring).unwrap();
        let (mut model, mut next) = (VecDeque::new(), 0u64);
        for (put, count) in moves {
            if put {
                let records = (next..).map(|step| Voltage {
                    step,
                    probe: step as u32,
                    value: -(step as i64),
                });
                let done = producer.push(records.take(count));
                prop_assert_eq!(done, count.min((1 << bits) - model.len()));
                model.extend(next..next + done as u64);
                next += done as u64;
            } else {
                let expected = count.min(model.len());
                let mut taken = Vec::new();
                prop_assert_eq!(consumer.pop(count, |v| taken.push(v)), expected);
                for voltage in taken {
                    let step = model.pop_front().unwrap();
                    prop_assert_eq!((voltage.step, voltage.value), (step, -(step as i64)));
                }
            }
            prop_assert_eq!(consumer.waiting() as usize, model.len());
            prop_assert_eq!(producer.room() as usize, (1 << bits) - model.len());
        }
    }

    /// The other side may write any index at any time: neither half moves beyond
    /// the ring, none takes more than it holds.
    #[test]
    fn hostile_indexes_do_no_harm(
        bits in 0u32..7,
        start in any::<u32>(),
        moves in prop::collection::vec((0u8..4, any::<u32>()), 1..60),
    ) {
        let entries = 1usize << bits;
        let ring = Heap::new::<Spike>(entries, start);
        let mut producer = Producer::<Spike, _>::new(ring.clone()).unwrap();
        let mut consumer = Consumer::<Spike, _>::new(ring.clone()).unwrap();
        for (what, value) in moves {
            match what {
                0 => ring.set(HEAD, value),
                1 => ring.set(TAIL, value),
                2 => {
                    let spikes = std::iter::repeat(Spike { step: 0, neuron: 0 });
                    prop_assert!(producer.push(spikes.take(200)) <= entries);
                }
                _ => {
                    let mut count = 0;
                    consumer.pop(usize::MAX, |_| count += 1);
                    prop_assert!(count <= entries);
                }
            }
        }
    }
}

/// Everything arrives once and in order, over several turns of the indexes.
#[test]
fn two_threads() {
    const RECORDS: u64 = 300_000;

    let ring = Heap::new::<Event>(64, u32::MAX - 1000);
    let mut producer = Producer::<Event, _>::new(ring.clone()).unwrap();
    let mut consumer = Consumer::<Event, _>::new(ring).unwrap();
    let sender = thread::spawn(move || {
        let mut next = 0;
        while next < RECORDS {
            let batch = (next..RECORDS).take(50);
            next += producer.push(batch.map(|step| Event::spike(step, step as u32))) as u64;
            thread::yield_now();
        }
    });
    let mut next = 0;
    while next < RECORDS {
        consumer.pop(37, |event| {
            assert_eq!(event, Event::spike(next, next as u32));
            next += 1;
        });
        thread::yield_now();
    }
    sender.join().unwrap();
    assert_eq!(consumer.waiting(), 0);
}

#[test]
fn memory_that_is_no_ring() {
    let three = Heap::new::<Spike>(3, 0);
    assert!(Producer::<Spike, _>::new(three.clone()).is_none());
    assert!(Consumer::<Spike, _>::new(three).is_none());
    assert!(Consumer::<Spike, _>::new(Heap::new::<Spike>(0, 0)).is_none());
}

#[test]
fn drops_are_read_in_full() {
    let ring = Heap::new::<Spike>(4, 0);
    let count = (5u64 << 32) + 7;
    let bytes = count.to_ne_bytes();
    ring.set(34, u32::from_ne_bytes(bytes[..4].try_into().unwrap()));
    ring.set(35, u32::from_ne_bytes(bytes[4..].try_into().unwrap()));
    let consumer = Consumer::<Spike, _>::new(ring).unwrap();
    assert_eq!(consumer.dropped(), count);
}
