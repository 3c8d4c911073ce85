// SPDX-License-Identifier: GPL-2.0

//! The queue against a sorted vector.

use lightos_host::spiking::queue::{Event, Queue};
use lightos_host::support::{cases, steps};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    Push(u64),
    PopDue(u64),
    Clear,
}

fn any_op() -> impl Strategy<Value = Op> {
    let time = || prop_oneof![4 => 0..40u64, 1 => any::<u64>(), 1 => Just(u64::MAX)];
    prop_oneof![
        60 => time().prop_map(Op::Push),
        60 => time().prop_map(Op::PopDue),
        1 => Just(Op::Clear),
    ]
}

fn queue(capacity: usize) -> Queue<Vec<Event>> {
    Queue::new(vec![Event::EMPTY; capacity], vec![Event::EMPTY; capacity])
}

fn event(time: u64, seq: u64) -> Event {
    Event {
        time,
        seq,
        neuron: seq as u32,
        amplitude_mv: -(seq as i32),
        synapse_count: 7,
        late: false,
    }
}

/// Runs `ops` on the queue and on a vector sorted by (time, seq).
fn compare(capacity: usize, ops: &[Op]) -> Result<(), TestCaseError> {
    let mut queue = queue(capacity);
    let mut model: Vec<Event> = Vec::new();
    for (seq, op) in ops.iter().enumerate() {
        match *op {
            Op::Push(time) => {
                let event = event(time, seq as u64);
                let fits = model.len() < capacity;
                prop_assert_eq!(queue.push(event), fits);
                if fits {
                    let place = model.partition_point(|e| (e.time, e.seq) < (time, event.seq));
                    model.insert(place, event);
                }
            }
            Op::PopDue(now) => {
                let due = model.first().is_some_and(|e| e.time <= now);
                let expected = due.then(|| model.remove(0));
                prop_assert_eq!(queue.pop_due(now), expected);
            }
            Op::Clear => {
                queue.clear();
                model.clear();
            }
        }
        prop_assert_eq!(queue.len(), model.len());
        prop_assert_eq!(queue.is_empty(), model.is_empty());
        prop_assert_eq!(queue.peek(), model.first());
    }
    while let Some(event) = queue.pop_due(u64::MAX) {
        prop_assert_eq!(event, model.remove(0));
    }
    prop_assert!(model.is_empty());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(3_000, 1_000_000),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn agrees_with_a_sorted_vector(
        capacity in prop_oneof![0..4usize, 4..80usize],
        ops in prop::collection::vec(any_op(), 0..steps(300)),
    ) {
        compare(capacity, &ops)?;
    }
}

#[test]
fn full_queue_refuses_and_keeps() {
    // All in order, all out of order, and half and half: 4,096 fit, no matter which part.
    let room = if cfg!(miri) { 64 } else { 4096 };
    for order in [
        |_, i: u64| i,
        |n: u64, i| n - i,
        |n, i| if i % 2 == 0 { i } else { n - i },
    ] {
        let mut queue = queue(room);
        for i in 0..room as u64 {
            assert!(queue.push(event(order(room as u64, i), i)));
        }
        assert!(!queue.push(event(0, 1 << 40)));
        let mut last = (0, 0);
        let mut count = 0;
        while let Some(event) = queue.pop_due(u64::MAX) {
            assert!((event.time, event.seq) >= last);
            last = (event.time, event.seq);
            count += 1;
        }
        assert_eq!(count, room);
    }
}

#[test]
fn nothing_is_due_early() {
    let mut queue = queue(4);
    assert!(queue.push(event(10, 0)));
    assert!(queue.push(event(5, 1)));
    assert_eq!(queue.pop_due(4), None);
    assert_eq!(queue.pop_due(9).map(|e| e.time), Some(5));
    assert_eq!(queue.pop_due(9), None);
    assert_eq!(queue.pop_due(10).map(|e| e.time), Some(10));
}

#[test]
fn capacity_is_that_of_the_shorter_part() {
    let queue = Queue::new(vec![Event::EMPTY; 3], vec![Event::EMPTY; 2]);
    assert_eq!(queue.capacity(), 2);
    assert_eq!(queue.storage_bytes(), 5 * 32);
}
