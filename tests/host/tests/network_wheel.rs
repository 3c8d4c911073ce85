// SPDX-License-Identifier: GPL-2.0

//! The delay wheel against a map from step to the set of sources.

use std::collections::{BTreeMap, BTreeSet};

use lightos_host::spiking::network::wheel::{wheel_words, Wheel, BATCH};
use lightos_host::support::cases;
use proptest::prelude::*;

/// All spikes of `step` in a range of sources, batch by batch.
fn read(wheel: &Wheel<Vec<u64>>, step: u64, first: u32, end: u32) -> Vec<u32> {
    let (mut spikes, mut batch) = (wheel.spikes(step, first, end), [0; BATCH]);
    let mut all = Vec::new();
    loop {
        let some = spikes.fill(&mut batch);
        if some.is_empty() {
            return all;
        }
        all.extend_from_slice(some);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(200, 10_000), failure_persistence: None, ..ProptestConfig::default() })]

    // Sizes around a word, around the 4,096 sources of a word above words, and the greatest.
    #[test]
    fn wheel_equals_a_map(
        sources in prop_oneof![1..200u32, 4_000..4_300u32, 130_000..=131_072u32],
        max_delay in 0..20u32,
        spikes in prop::collection::vec((any::<u32>(), prop::bool::weighted(0.1)), 0..400),
        range in any::<[u32; 2]>(),
    ) {
        let words = wheel_words(sources, max_delay).unwrap();
        let mut wheel = Wheel::new(vec![u64::MAX; words], sources, max_delay);
        let mut model: BTreeMap<u64, BTreeSet<u32>> = BTreeMap::new();
        let mut step = 0;
        for (source, next) in spikes {
            if next {
                step += 1;
                wheel.clear(step);
            }
            let source = source % sources;
            let bit = 1 << (source % 64);
            let known = wheel.set(step, source as usize / 64, bit) != 0;
            prop_assert_eq!(known, !model.entry(step).or_default().insert(source));
            prop_assert!(wheel.get(step, source as usize / 64) & bit != 0);
        }
        let (first, end) = (range[0] % sources, range[1] % (sources + 2));
        for step in step.saturating_sub(max_delay.into())..=step {
            let sent = model.remove(&step).unwrap_or_default();
            let all: Vec<u32> = sent.iter().copied().collect();
            prop_assert_eq!(read(&wheel, step, 0, sources), all.clone());
            let within: Vec<u32> = all.into_iter().filter(|s| (first..end).contains(s)).collect();
            prop_assert_eq!(read(&wheel, step, first, end), within);
        }
    }
}
