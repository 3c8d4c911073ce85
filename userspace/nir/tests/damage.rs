// SPDX-License-Identifier: GPL-2.0

//! Damaged files: reading and lowering them may fail, and must neither panic nor
//! take more memory or time than the limits allow.

use std::path::Path;

use lightos_nir::{Graph, Limits};
use proptest::prelude::*;

const FILES: [&str; 5] = [
    "conv.nir",
    "same.nir",
    "kinds.nir",
    "recurrent.nir",
    "threshold.nir",
];

/// Cases of a property test: `normal`, or a million with LIGHTOS_LONG.
fn cases(normal: u32) -> u32 {
    if std::env::var_os("LIGHTOS_LONG").is_some() {
        1_000_000
    } else {
        normal
    }
}

fn files() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle");
    FILES
        .iter()
        .map(|name| std::fs::read(folder.join(name)).expect(name))
        .collect()
}

fn read(bytes: Vec<u8>) -> bool {
    let limits = Limits {
        elements: 1 << 16,
        synapses: 1 << 16,
        ..Limits::default()
    };
    let graph = Graph::from_bytes(bytes, &limits);
    graph.is_ok_and(|g| g.lower(&limits).is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases(2000))
    })]

    #[test]
    fn changed_bytes(
        file in 0..FILES.len(),
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::collection::vec(
                prop_oneof![any::<u8>(), Just(0), Just(0xff), Just(1)], 1..9)),
            1..6),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let mut bytes = files().swap_remove(file);
        for (at, new) in changes {
            let at = at.index(bytes.len());
            for (byte, new) in bytes[at..].iter_mut().zip(new) {
                *byte = new;
            }
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        read(bytes);
    }

    #[test]
    fn arbitrary_bytes(mut bytes in prop::collection::vec(any::<u8>(), 0..300), signed in any::<bool>()) {
        if signed {
            bytes.splice(..bytes.len().min(8), *b"\x89HDF\r\n\x1a\n");
        }
        prop_assert!(!read(bytes));
    }
}

#[test]
fn undamaged_files_are_read() {
    let read: Vec<bool> = files().into_iter().map(read).collect();
    assert_eq!(read, [true, true, true, true, false]);
}
