// SPDX-License-Identifier: GPL-2.0

//! The numbering of crossings and heaters, for every size.

use lightos_host::photonic::layout::{Layout, MAX_CHANNELS, MAX_MODES};
use lightos_host::photonic::registers::{
    sensor_code, sensor_millidegrees, APPLIED, INPUT, OUTPUT, SHADOW, SIZE, TAP,
};

fn sizes() -> impl Iterator<Item = Layout> {
    (2..=MAX_MODES).map(|modes| Layout::new(modes).unwrap())
}

#[test]
fn columns_follow_each_other_and_hold_all_crossings() {
    for layout in sizes() {
        let mut next = 0;
        for index in 0..layout.columns() {
            let column = layout.column(index);
            assert_eq!(column.first, next);
            next += column.count;
            for nth in 0..column.count {
                let top = column.top + nth * column.stride;
                let crossing = column.first + nth;
                assert_eq!(layout.place(crossing), Some((index, top)));
                assert_eq!(layout.crossing_at(index, top), Some(crossing));
                assert!(top + column.stride / 2 < layout.modes());
            }
        }
        assert_eq!(next, layout.crossings());
        assert_eq!(layout.place(next), None);
    }
}

#[test]
fn heaters_have_sites_of_their_own() {
    for layout in sizes() {
        for channel in 0..layout.channels() {
            let (along, across) = layout.site(channel).unwrap();
            assert_eq!(layout.channel_at(along, across), Some(channel));
        }
        assert_eq!(layout.site(layout.channels()), None);
        assert_eq!(layout.channel_at(-1, 0), None);
    }
}

#[test]
fn neighbours_are_mutual_and_named_once() {
    for layout in sizes() {
        for channel in 0..layout.channels() {
            let mut near: Vec<_> = layout.neighbours(channel).collect();
            for &(other, class) in &near {
                assert_ne!(other, channel);
                assert!(layout
                    .neighbours(other)
                    .any(|pair| pair == (channel, class)));
            }
            let all = near.len();
            near.sort();
            near.dedup_by_key(|pair| pair.0);
            assert_eq!(near.len(), all);
        }
    }
}

#[test]
fn there_are_two_to_thirty_two_modes() {
    assert_eq!(Layout::new(1), None);
    assert_eq!(Layout::new(33), None);
    assert_eq!(Layout::new(32).unwrap().channels(), MAX_CHANNELS);
    assert_eq!(Layout::new(32).unwrap().crossings(), 1024);
}

#[test]
fn windows_of_the_map_do_not_overlap() {
    let channels = 4 * MAX_CHANNELS as u32;
    assert!(SHADOW + channels <= APPLIED);
    assert!(APPLIED + channels <= TAP);
    const { assert!(TAP + 8 * 1024 <= INPUT) };
    const { assert!(INPUT + 64 * 32 * 8 <= OUTPUT) };
    const { assert!(OUTPUT + 64 * 32 * 8 <= SIZE) };
}

#[test]
fn codes_of_sensors_go_there_and_back() {
    for millidegrees in [-60_000, 0, 25_000, 45_000, 95_000, 150_000] {
        let back = sensor_millidegrees(sensor_code(millidegrees));
        assert!((back - millidegrees).abs() <= 4, "{millidegrees}: {back}");
    }
    assert_eq!(sensor_code(i32::MAX), 0xfffe);
    assert_eq!(sensor_code(i32::MIN), 1);
}
