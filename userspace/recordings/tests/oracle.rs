// SPDX-License-Identifier: GPL-2.0

//! The readers on real recordings, from the folder that LIGHTOS_DATA names.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::PathBuf;

use lightos_recordings::evt3::{Evt3Reader, TimeRule};
use lightos_recordings::npy::{self, NpyReader};
use lightos_recordings::{open, Event, Format, SensorSize};

/// The folder of real data, or a line that says where to get it.
fn data(folder: &str, source: &str) -> Option<PathBuf> {
    match std::env::var_os("LIGHTOS_DATA").filter(|path| !path.is_empty()) {
        Some(path) => Some(PathBuf::from(path).join(folder)),
        None => {
            eprintln!("skipped: LIGHTOS_DATA is not set; {folder}/ is from {source}");
            None
        }
    }
}

/// The sample recording and its published events, if the data is there.
fn evt3_sample() -> Option<(PathBuf, Vec<Event>)> {
    let folder = data("evt3", "open-neuromorphic/expelliarmus, tests/sample-files")?;
    let packed = File::open(folder.join("evt3_sample.npy.xz")).expect("evt3_sample.npy.xz");
    let unpacked = BufReader::new(lzma_rust2::XzReader::new(packed, false));
    let reader = NpyReader::new(unpacked).expect("a header of NumPy");
    assert_eq!(reader.remaining(), 219_596);
    let published: Result<Vec<Event>, _> = reader.collect();
    Some((folder.join("evt3_sample.raw"), published.expect("events")))
}

/// expelliarmus made the published events, with its own rule for the time.
#[test]
fn evt3_decodes_to_its_published_events() {
    let Some((path, published)) = evt3_sample() else {
        return;
    };
    let input = BufReader::new(File::open(path).unwrap());
    let reader = Evt3Reader::with_time_rule(input, TimeRule::CountLowFalls).unwrap();
    let mut count = 0;
    for (read, expected) in reader.zip(&published) {
        assert_eq!(&read.unwrap(), expected, "event {count}");
        count += 1;
    }
    assert_eq!(count, published.len());
    println!("EVT3: {count} events equal the published ones");
}

/// By Prophesee's specification the times are what the words say: no later than
/// the published ones, by whole turns of the low part, and never going back.
#[test]
fn evt3_times_of_the_specification() {
    let Some((path, published)) = evt3_sample() else {
        return;
    };
    let mut reader = open(&path).unwrap();
    assert_eq!(reader.format(), Format::Evt3);
    let read: Vec<Event> = reader.by_ref().map(Result::unwrap).collect();
    assert_eq!(reader.offset(), path.metadata().unwrap().len());
    assert_eq!(read.len(), published.len());
    let mut turns = 0;
    for (i, (read, published)) in read.iter().zip(&published).enumerate() {
        let added = published.time_us - read.time_us;
        assert_eq!(added % 4096, 0, "event {i}");
        assert!(added / 4096 >= turns, "event {i}");
        turns = added / 4096;
        let pixel = |e: &Event| (e.x, e.y, e.polarity);
        assert_eq!(pixel(read), pixel(published), "event {i}");
    }
    assert!(read.windows(2).all(|w| w[0].time_us <= w[1].time_us));
    // Nine repeated low parts and two rises of the high part.
    assert_eq!(turns, 11);
    assert_eq!(read[0].time_us, 11_718_656);
}

#[test]
fn nmnist_recordings() {
    let source = "bamsumit/slayerPytorch, test/test_files/NMNISTsmall";
    let Some(folder) = data("nmnist", source) else {
        return;
    };
    let labels = std::fs::read_to_string(folder.join("labels.txt")).unwrap();
    let (mut files, mut total) = (0, 0);
    for line in labels.lines() {
        let name = line.split_whitespace().next().unwrap();
        let path = folder.join(format!("{name}.bs2"));
        let events: Vec<Event> = open(&path).unwrap().map(Result::unwrap).collect();
        assert_eq!(5 * events.len() as u64, path.metadata().unwrap().len());
        assert!(
            events.windows(2).all(|w| w[0].time_us <= w[1].time_us),
            "{name}"
        );
        assert!(events.iter().all(|e| e.time_us < 350_000), "{name}");
        let size = SensorSize::NMNIST;
        assert!(events.iter().all(|&e| size.input(e).is_some()));
        files += 1;
        total += events.len();
    }
    assert_eq!(files, 30);
    println!("N-MNIST: {files} recordings, {total} events");
}

#[test]
fn weights_of_nmnist() {
    let source = "bamsumit/slayerPytorch, exampleLoihi/02_NMNIST";
    let Some(folder) = data("nmnist", source) else {
        return;
    };
    for (name, shape) in [("fc1.npy", [512, 2312]), ("fc2.npy", [10, 512])] {
        let mut bytes = Vec::new();
        let mut file = File::open(folder.join(name)).unwrap();
        file.read_to_end(&mut bytes).unwrap();
        let array = npy::read_array(&bytes[..], 1 << 24).unwrap();
        assert_eq!(array.shape, shape);
        let last = f64::from(bytes[bytes.len() - 1] as i8);
        assert_eq!(array.values.last(), Some(&last));
        let elements = &bytes[bytes.len() - array.values.len()..];
        let same = |(&byte, &value): (&u8, &f64)| f64::from(byte as i8) == value;
        assert!(elements.iter().zip(&array.values).all(same), "{name}");
    }
}
