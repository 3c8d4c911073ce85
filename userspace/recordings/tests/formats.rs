// SPDX-License-Identifier: GPL-2.0

//! The readers on files made here: every word type by hand, then round trips of
//! random events, then hostile bytes.

mod common;

use std::path::Path;

use common::{cases, evt2, evt3, nmnist};
use lightos_recordings::csv::CsvReader;
use lightos_recordings::evt2::Evt2Reader;
use lightos_recordings::evt3::{Evt3Reader, TimeRule};
use lightos_recordings::nmnist::NmnistReader;
use lightos_recordings::npy::{self, NpyReader};
use lightos_recordings::{csv, open, Error, Event, EventSource, SensorSize};
use proptest::prelude::*;

fn event(time_us: u64, x: u16, y: u16, polarity: bool) -> Event {
    Event {
        time_us,
        x,
        y,
        polarity,
    }
}

fn all(source: impl EventSource) -> Result<Vec<Event>, Error> {
    source.collect()
}

fn words16(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

fn words32(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

/// Offset, expectation and finding of a malformed file.
fn fault(result: Result<Vec<Event>, Error>) -> (u64, String, String) {
    match result {
        Err(Error::Malformed {
            offset,
            expected,
            found,
            ..
        }) => (offset, expected, found),
        other => panic!("expected a malformed file, got {other:?}"),
    }
}

#[test]
fn evt3_words() -> Result<(), Error> {
    let words = [
        0x2005, // before time and row: passed over
        0x8001, // high part: 4096 us
        0x6002, // low part
        0x0007, // row 7
        0x2805, // one event, ON
        0x2005, // one event, OFF
        0x3864, // base 100, ON
        0x4801, // pixels 0 and 11
        0x5081, // base is now 112: pixels 0 and 7
        0xA000, // trigger
        0x8002, // the low part starts at 0
        0x2001, 0x8FFF, 0x8000, // the time turns over
        0x2002,
    ];
    let bytes = words16(&words);
    let mut reader = Evt3Reader::new(&bytes[..])?;
    let events: Result<Vec<_>, _> = reader.by_ref().collect();
    let expected = [
        event(4098, 5, 7, true),
        event(4098, 5, 7, false),
        event(4098, 100, 7, true),
        event(4098, 111, 7, true),
        event(4098, 112, 7, true),
        event(4098, 119, 7, true),
        event(8192, 1, 7, false),
        event(1 << 24, 2, 7, false),
    ];
    assert_eq!(events?, expected);
    assert_eq!(reader.passed_over(), 2);
    assert_eq!(reader.offset(), bytes.len() as u64);
    Ok(())
}

#[test]
fn evt3_small_step_back_is_no_turn() -> Result<(), Error> {
    let bytes = words16(&[0x8005, 0x0000, 0x2001, 0x8004, 0x2001]);
    let events = all(Evt3Reader::new(&bytes[..])?)?;
    assert_eq!(events[0].time_us, 5 << 12);
    assert_eq!(events[1].time_us, 4 << 12);
    Ok(())
}

#[test]
fn evt3_time_rules() -> Result<(), Error> {
    let bytes = words16(&[
        0x8001, 0x6010, 0x600f, 0x0000, 0x2001, 0x8002, 0x6001, 0x2001,
    ]);
    let times = |rule| -> Result<Vec<u64>, Error> {
        let reader = Evt3Reader::with_time_rule(&bytes[..], rule)?;
        reader.map(|e| Ok(e?.time_us)).collect()
    };
    assert_eq!(times(TimeRule::Specified)?, [4096 + 15, 8192 + 1]);
    assert_eq!(
        times(TimeRule::CountLowFalls)?,
        [2 * 4096 + 15, 4 * 4096 + 1]
    );
    Ok(())
}

#[test]
fn evt2_words() -> Result<(), Error> {
    let bytes = words32(&[
        0x1000_0000, // before the time: passed over
        0x8000_0002, // 128 us
        0x1000_0000 | 3 << 22 | 9 << 11 | 8,
        9 << 11 | 8,
        0xA000_0000, // trigger
        0x8FFF_FFFF,
        0x8000_0000, // the time turns over
        0x1000_0000,
    ]);
    let mut reader = Evt2Reader::new(&bytes[..])?;
    let events: Result<Vec<_>, _> = reader.by_ref().collect();
    let expected = [
        event(131, 9, 8, true),
        event(128, 9, 8, false),
        event(1 << 34, 0, 0, true),
    ];
    assert_eq!(events?, expected);
    assert_eq!(reader.passed_over(), 2);
    Ok(())
}

#[test]
fn raw_header_gives_size_and_byte_order() -> Result<(), Error> {
    let mut file = b"% evt 3.0\n% format EVT3;height=4;width=6\n% endianness big\n% end\n".to_vec();
    let start = file.len() as u64;
    file.extend(
        [0x8001u16, 0x0003, 0x2005, 0x2006]
            .iter()
            .flat_map(|w| w.to_be_bytes()),
    );
    let mut reader = Evt3Reader::new(&file[..])?;
    let size = SensorSize {
        width: 6,
        height: 4,
    };
    assert_eq!(reader.sensor(), Some(size));
    assert_eq!(reader.next().transpose()?, Some(event(4096, 5, 3, false)));
    let (offset, expected, found) = fault(reader.collect());
    assert_eq!(offset, start + 6);
    assert_eq!(expected, "a pixel of the 6x4 sensor");
    assert_eq!(found, "x 6, y 3");
    Ok(())
}

#[test]
fn raw_header_may_end_without_a_mark() -> Result<(), Error> {
    let mut file = b"% evt 2.0\n% geometry 640x480\n".to_vec();
    file.extend(words32(&[0x8000_0001, 0x1000_0025]));
    let reader = Evt2Reader::new(&file[..])?;
    assert_eq!(all(reader)?, [event(64, 0, 0x25, true)]);
    // The first word starts like a header line.
    let mut file = b"% evt 3.0\n".to_vec();
    file.extend(words16(&[0x8025, 0x0001, 0x2002]));
    assert_eq!(
        all(Evt3Reader::new(&file[..])?)?,
        [event(0x25 << 12, 2, 1, false)]
    );
    Ok(())
}

#[test]
fn faults_name_place_and_expectation() {
    let header = |text: &str| Evt3Reader::new(text.as_bytes()).map(|_| Vec::new());
    assert_eq!(
        fault(header("% evt 2.0\n")),
        (0, "EVT3 data".into(), "EVT2".into())
    );
    assert_eq!(
        fault(header("% date x\n% geometry 6\n")),
        (9, "`geometry WIDTHxHEIGHT`".into(), "% geometry 6".into())
    );
    let bytes = words16(&[0x8001, 0x9000]);
    let (offset, _, found) = fault(Evt3Reader::new(&bytes[..]).and_then(all));
    assert_eq!((offset, &found[..]), (2, "type 9 (word 0x9000)"));
    let (offset, expected, _) = fault(Evt3Reader::new(&bytes[..1]).and_then(all));
    assert_eq!((offset, &expected[..]), (0, "a header line or a word"));
    let (offset, expected, found) = fault(all(NmnistReader::new(&[1; 8][..], SensorSize::NMNIST)));
    assert_eq!(
        (offset, &expected[..], &found[..]),
        (5, "an event of 5 bytes", "3 bytes")
    );
    let (offset, _, found) = fault(all(NmnistReader::new(
        &[34, 0, 0, 0, 0][..],
        SensorSize::NMNIST,
    )));
    assert_eq!((offset, &found[..]), (0, "x 34, y 0"));
}

#[test]
fn nmnist_overflow_rows_add_time() -> Result<(), Error> {
    let bytes = [1, 2, 0x80, 0, 5, 0, 240, 0, 0, 0, 3, 4, 0, 1, 0];
    let reader = NmnistReader::new(&bytes[..], SensorSize::NMNIST);
    assert_eq!(
        all(reader)?,
        [event(5, 1, 2, true), event(8192 + 256, 3, 4, false)]
    );
    Ok(())
}

#[test]
fn csv_dialects() -> Result<(), Error> {
    let expected = [event(1500, 3, 4, true), event(2000, 33, 0, false)];
    for text in [
        "1500,3,4,1\n2000,33,0,0",
        "t,x,y,p\n1500,3,4,1\n2000,33,0,-1\n",
        "\u{feff}# made by hand\r\n\r\np;y;x;ts\r\n1;4;3;1500\r\n0;0;33;2000\r\n",
        "time x y polarity\n0.0015  3 4 true\n2e-3 33 0 false\n",
        "\"x\",\"y\",\"pol\",\"timestamp\",\"note\"\n3,4,1,1500,a\n33,0,0,2000,b\n",
        "1.5e+03\t3.0\t4.0\t1.0\n2.0e+03\t33.0\t0.0\t0.0\n",
    ] {
        assert_eq!(all(CsvReader::new(text.as_bytes())?)?, expected, "{text}");
    }
    assert_eq!(all(CsvReader::new(&b"# nothing\n"[..])?)?, []);
    Ok(())
}

#[test]
fn csv_faults() {
    let read = |text: &str| fault(CsvReader::new(text.as_bytes()).and_then(all));
    let (offset, expected, found) = read("t,x,y,p\n1,2,3,1\n1,2,70000,1\n");
    assert_eq!(offset, 16);
    assert_eq!(expected, "a pixel row, 0 to 65535 (line 3)");
    assert_eq!(found, "70000");
    assert_eq!(read("t,x,y\n1,2,3").1, "a column p (line 1)");
    assert_eq!(read("1,2,3\n").1, "a polarity in column 4 (line 1)");
    assert_eq!(read("-1,2,3,1\n").1, "a time that is not negative (line 1)");
    assert_eq!(read("1,2,3,2\n").2, "2");
    assert_eq!(
        read("# sensor=3x3\n1,3,0,1\n").1,
        "a pixel of the 3x3 sensor"
    );
    assert!(read(&"1".repeat(5000)).1.starts_with("a line of at most"));
    assert_eq!(
        fault(CsvReader::new(&b"\xff,\n"[..]).and_then(all)).1,
        "a line of UTF-8 text (line 1)"
    );
}

/// A `.npy` file of version 1 with this header text and data.
fn npy_file(header: &str, data: &[u8]) -> Vec<u8> {
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(data);
    file
}

#[test]
fn npy_records_of_any_layout() -> Result<(), Error> {
    let header = "{'descr': [('p', '|b1'), ('', '|V3'), ('y', '>i2'), ('x', '<u4'), \
                  ('timestamp', '>u8')], 'fortran_order': False, 'shape': (1,), }";
    let mut data = vec![1, 9, 9, 9, 0, 5];
    data.extend(6u32.to_le_bytes());
    data.extend(7u64.to_be_bytes());
    let file = npy_file(header, &data);
    assert_eq!(all(NpyReader::new(&file[..])?)?, [event(7, 6, 5, true)]);

    let header = "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 4)}";
    let data: Vec<u8> = [10i32, 1, 2, 1, 20, 3, 4, -1]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    let file = npy_file(header, &data);
    let expected = [event(10, 1, 2, true), event(20, 3, 4, false)];
    assert_eq!(all(NpyReader::new(&file[..])?)?, expected);
    let (offset, expected, _) = fault(all(NpyReader::new(&file[..file.len() - 1])?));
    assert_eq!(offset, file.len() as u64 - 16);
    assert_eq!(expected, "1 more records of 16 bytes");
    Ok(())
}

#[test]
fn npy_refusals() {
    let refused = |descr: &str, shape: &str| {
        let text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}");
        let file = npy_file(&text, &[]);
        NpyReader::new(&file[..])
            .err()
            .map(|e| e.to_string())
            .unwrap()
    };
    assert!(refused("'<f8'", "(3,)").contains("holds no events"));
    assert!(refused("[('t','<i8'),('x','<i2'),('y','<i2')]", "(3,)").contains("no field p"));
    assert!(
        refused("[('t','<f8'),('x','<i2'),('y','<i2'),('p','|b1')]", "(3,)")
            .contains("field t holds '<f8'")
    );
    assert!(refused("'<i8'", "(99999999999, 99999999999)").contains("more elements"));
    assert!(refused("'<i8'", &"(".repeat(40)).contains("nested"));
    assert!(refused("'<i8'", "(0x7fffffffffffffff, 4)").contains("no decimal integer"));
    let file = [b"\x93NUMPY\x02\x00".as_slice(), &[0xff; 4]].concat();
    let (offset, expected, _) = fault(NpyReader::new(&file[..]).and_then(all));
    assert_eq!(
        (offset, &expected[..]),
        (8, "a header of at most 65536 bytes")
    );
}

#[test]
fn npy_arrays() -> Result<(), Error> {
    let text = "{'descr': '|i1', 'fortran_order': False, 'shape': (2, 3), }";
    let file = npy_file(text, &[1, 2, 3, 0xff, 0xfe, 0x80]);
    let array = npy::read_array(&file[..], 6)?;
    assert_eq!(array.shape, [2, 3]);
    assert_eq!(array.values, [1.0, 2.0, 3.0, -1.0, -2.0, -128.0]);
    assert!(npy::read_array(&file[..], 5).is_err());
    assert!(npy::read_array(&file[..file.len() - 1], 6).is_err());

    let file = npy_file(&text.replace("False", "True"), &[1, 4, 2, 5, 3, 6]);
    let array = npy::read_array(&file[..], 6)?;
    assert_eq!(array.values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);

    let text = "{'descr': '>f4', 'fortran_order': False, 'shape': ()}";
    let file = npy_file(text, &2.5f32.to_be_bytes());
    assert_eq!(npy::read_array(&file[..], 1)?.values, [2.5]);
    let text = "{'descr': '<u8', 'fortran_order': False, 'shape': (1,)}";
    let file = npy_file(text, &u64::MAX.to_le_bytes());
    assert!(npy::read_array(&file[..], 1).is_err());
    Ok(())
}

#[test]
fn a_directory_or_strange_file_is_an_error() {
    let text = |path: &str| open(Path::new(path)).err().map(|e| e.to_string()).unwrap();
    assert!(text("/").starts_with("/: "));
    let own_source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs");
    assert!(text(own_source).contains("neither its first bytes nor its name"));
}

prop_compose! {
    fn events(time: u64, width: u16, height: u16)(
        mut events in prop::collection::vec(
            (0..time, 0..width, 0..height, any::<bool>()), 0..200)
    ) -> Vec<Event> {
        // Few distinct times, rows and polarities make vectors likely.
        for (i, e) in events.iter_mut().enumerate() {
            if i % 3 != 0 {
                e.0 = time / 2;
                e.2 = 0;
                e.1 %= 40;
            }
        }
        events.sort_unstable();
        events.into_iter().map(|(t, x, y, p)| event(t, x, y, p)).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases(256))
    })]

    #[test]
    fn nmnist_round_trip(events in events(1 << 23, 34, 34)) {
        let file = nmnist(&events);
        let read = all(NmnistReader::new(&file[..], SensorSize::NMNIST)).unwrap();
        prop_assert_eq!(read, events);
    }

    #[test]
    fn evt2_round_trip(events in events(1 << 34, 2048, 2048), big in any::<bool>()) {
        let mut file = if big { b"% endianness big\n% end\n".to_vec() } else { Vec::new() };
        // A whole turn of the time may start with any word but "% ".
        file.extend(evt2(&events, big));
        let read = all(Evt2Reader::new(&file[..]).unwrap()).unwrap();
        let falls = |pair: &[Event]| pair[0].time_us > pair[1].time_us;
        prop_assert!(!events.windows(2).any(falls));
        prop_assert_eq!(read, events);
    }

    #[test]
    fn evt3_round_trip(events in events(1 << 24, 2000, 2048)) {
        let mut file = b"% end\n".to_vec();
        file.extend(evt3(&events));
        let read = all(Evt3Reader::new(&file[..]).unwrap()).unwrap();
        prop_assert_eq!(read, events);
    }

    #[test]
    fn csv_and_npy_round_trip(events in events(u64::MAX, u16::MAX, u16::MAX)) {
        let mut text = Vec::new();
        let size = SensorSize { width: u16::MAX, height: u16::MAX };
        csv::write_events(&mut text, Some(size), events.iter().copied()).unwrap();
        let reader = CsvReader::new(&text[..]).unwrap();
        let read: Vec<Event> = reader.map(|e| e.unwrap()).collect();
        prop_assert_eq!(&read, &events);
        let mut file = Vec::new();
        npy::write_events(&mut file, &events).unwrap();
        prop_assert_eq!(all(NpyReader::new(&file[..]).unwrap()).unwrap(), events);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn arbitrary_text_never_panics(text in "[ -~\n,;\t]{0,300}") {
        read_as_everything(text.as_bytes());
    }
}

proptest! {
    // The parser of literals takes most of a millisecond for a header.
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases(256).min(100_000))
    })]

    #[test]
    fn mutated_npy_headers_never_panic(
        at in 0usize..140, with in prop::collection::vec(any::<u8>(), 1..8), digits in "[0-9(){}\\[\\],' ]{0,40}",
    ) {
        let text = "{'descr': [('t', '<i8'), ('x', '<i2'), ('y', '<i2'), ('p', '|u1'), \
                    ('', '|V3')], 'fortran_order': False, 'shape': (2,), }";
        let mut header = text.to_owned();
        header.insert_str(at.min(text.len()), &digits);
        read_as_everything(&npy_file(&header, &[0; 32]));
        let mut file = npy_file(text, &[0; 32]);
        let end = file.len();
        let at = at.min(end - 1);
        for (byte, new) in file[at..].iter_mut().zip(with) {
            *byte = new;
        }
        read_as_everything(&file);
    }
}

/// Hands `bytes` to every reader; they may fail, not panic, and they end.
fn read_as_everything(bytes: &[u8]) {
    let drain = |source: Result<Box<dyn EventSource + '_>, Error>| {
        if let Ok(source) = source {
            // Twelve events at most come out of two bytes.
            assert!(source.count() <= 6 * bytes.len() + 1);
        }
    };
    drain(Evt2Reader::new(bytes).map(|r| Box::new(r) as _));
    drain(Evt3Reader::new(bytes).map(|r| Box::new(r) as _));
    drain(CsvReader::new(bytes).map(|r| Box::new(r) as _));
    drain(NpyReader::new(bytes).map(|r| Box::new(r) as _));
    drain(Ok(Box::new(NmnistReader::new(bytes, SensorSize::NMNIST))));
    let _ = npy::read_array(bytes, 1 << 20);
}

#[test]
fn csv_of_spikes_with_the_names_of_nirdata() {
    let file = "# n_neurons=3 t_max=0.5\nsample,idx,time\n0,2,0.001\n0,65535,0.0125\n";
    let mut reader = CsvReader::new(file.as_bytes()).unwrap();
    assert!(reader.is_indexed());
    let first = reader.next().unwrap().unwrap();
    assert_eq!((first.time_us, first.x, first.y), (1000, 2, 0));
    assert_eq!(reader.next().unwrap().unwrap().x, 65535);
    assert!(reader.next().is_none());
    let file = "idx,t,x,y,p\n9,1,2,3,1\n";
    let mut reader = CsvReader::new(file.as_bytes()).unwrap();
    assert!(!reader.is_indexed());
    assert_eq!(reader.next().unwrap().unwrap().x, 2);
    let bad = CsvReader::new("idx,time\n65536,0\n".as_bytes()).unwrap();
    assert!(bad.last().unwrap().is_err());
}
