// SPDX-License-Identifier: GPL-2.0

//! Encoders for the tests: each writes what its reader reads, straight from the
//! published word formats and with none of the readers' code.

use lightos_recordings::Event;

/// Cases of a property test: `normal`, or a million with LIGHTOS_LONG.
pub(crate) fn cases(normal: u32) -> u32 {
    if std::env::var_os("LIGHTOS_LONG").is_some() {
        1_000_000
    } else {
        normal
    }
}

/// N-MNIST records; times below 2^23 us.
pub(crate) fn nmnist(events: &[Event]) -> Vec<u8> {
    events
        .iter()
        .flat_map(|e| {
            let word = u32::from(e.polarity) << 23 | e.time_us as u32;
            let [_, a, b, c] = word.to_be_bytes();
            [e.x as u8, e.y as u8, a, b, c]
        })
        .collect()
}

/// EVT 2.0 words with a time word before every change of the upper part.
pub(crate) fn evt2(events: &[Event], big_endian: bool) -> Vec<u8> {
    let mut words = Vec::new();
    let mut high = None;
    for e in events {
        let new = (e.time_us >> 6) as u32 & 0x0fff_ffff;
        if high.replace(new) != Some(new) {
            words.push(0x8000_0000 | new);
        }
        let low = (e.time_us as u32 & 63) << 22;
        words.push(u32::from(e.polarity) << 28 | low | u32::from(e.x) << 11 | u32::from(e.y));
    }
    words
        .into_iter()
        .flat_map(|w| {
            if big_endian {
                w.to_be_bytes()
            } else {
                w.to_le_bytes()
            }
        })
        .collect()
}

/// EVT 3.0 words, runs of neighbours as vectors of 12 or 8.
pub(crate) fn evt3(events: &[Event]) -> Vec<u8> {
    let mut words: Vec<u16> = Vec::new();
    let (mut high, mut low, mut row) = (None, None, None);
    let mut i = 0;
    while i < events.len() {
        let e = events[i];
        let (h, l) = ((e.time_us >> 12) as u16 & 0xfff, e.time_us as u16 & 0xfff);
        if high.replace(h) != Some(h) {
            words.push(0x8000 | h);
            low = None;
        }
        if low.replace(l) != Some(l) {
            words.push(0x6000 | l);
        }
        if row.replace(e.y) != Some(e.y) {
            words.push(e.y);
        }
        let same = |o: &Event| (o.time_us, o.y, o.polarity) == (e.time_us, e.y, e.polarity);
        let run: Vec<u16> = events[i..]
            .iter()
            .take_while(|o| same(o) && o.x >= e.x && o.x < e.x + 12)
            .scan(None, |last: &mut Option<u16>, o| {
                let rising = last.is_none_or(|x| o.x > x);
                *last = Some(o.x);
                rising.then_some(o.x - e.x)
            })
            .collect();
        let polarity = u16::from(e.polarity) << 11;
        if run.len() < 2 {
            words.push(0x2000 | polarity | e.x);
            i += 1;
            continue;
        }
        words.push(0x3000 | polarity | e.x);
        let mask = run.iter().fold(0, |m, x| m | 1 << x);
        words.push(if mask < 256 { 0x5000 } else { 0x4000 } | mask);
        i += run.len();
    }
    words.into_iter().flat_map(u16::to_le_bytes).collect()
}
