// SPDX-License-Identifier: GPL-2.0

//! Damaged files, all the way from the disk to a run: an error or a result, never a
//! panic.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;

use super::backend::{Backend, Job, Output, Place};
use super::events::{self, InputArgs, Polarity};
use super::plan::{self, Arithmetic, NetworkArgs, NeuronArgs, Plan};
use crate::failure::Failure;

fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

fn network(file: PathBuf) -> NetworkArgs {
    NetworkArgs {
        files: vec![file],
        dt: Duration::from_millis(1),
        neurons: NeuronArgs {
            arithmetic: Arithmetic::Exact,
            current_decay: 1024,
            voltage_decay: 128,
            threshold: None,
            tau: Duration::from_millis(20),
            tau_syn: None,
            refractory: 0,
        },
    }
}

fn input() -> InputArgs {
    InputArgs {
        sensor: None,
        corner: None,
        window: None,
        downsample: 1,
        polarity: Polarity::Both,
        from_first: false,
    }
}

/// A place from 0 to 1 and what to put there; what to cut off behind.
type Damage = (Vec<(f64, u8)>, Option<f64>);

fn damage() -> impl Strategy<Value = Damage> {
    let changes = prop::collection::vec((0.0..1.0f64, any::<u8>()), 0..6);
    (changes, prop::option::weighted(0.2, 0.0..1.0f64))
}

fn damaged(original: &[u8], (changes, cut): &Damage) -> Vec<u8> {
    let mut bytes = original.to_vec();
    let at = |part: f64| (part * original.len() as f64) as usize;
    for &(part, value) in changes {
        if let Some(byte) = bytes.get_mut(at(part)) {
            *byte = value;
        }
    }
    if let Some(part) = *cut {
        bytes.truncate(at(part));
    }
    bytes
}

/// A few steps of whatever could be read.
fn run(plan: &Plan) -> Result<Output, Failure> {
    let mut output = Output::default();
    let job = Job {
        events: &[],
        until: 3,
        interval: None,
    };
    let mut place = Place::Host;
    let mut backend: Box<dyn Backend> = place.load(&plan.description, |_| ())?;
    backend.run(&job, &mut output)?;
    Ok(output)
}

/// More with `LIGHTOS_LONG=1`. Failures are kept nowhere but in the output.
fn config(long: u32) -> ProptestConfig {
    let is_long = std::env::var_os("LIGHTOS_LONG").is_some_and(|v| v == "1");
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(if is_long { long } else { 500 })
    }
}

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("lightctl-{}-{name}", std::process::id()))
}

/// Files of networks, in the checkout.
const NETWORKS: [&str; 3] = [
    "userspace/nir/tests/oracle/kinds.nir",
    "userspace/nir/tests/oracle/recurrent.nir",
    "tests/data/event-digits/fc2.npy",
];

/// What is always refused would be no test of damage.
#[test]
fn undamaged_networks_run() {
    for file in NETWORKS {
        let plan = plan::open(&network(checkout(file)));
        let ran = plan.and_then(|plan| run(&plan));
        assert!(ran.is_ok(), "{file}: {}", ran.unwrap_err());
    }
}

proptest! {
    #![proptest_config(config(300_000))]

    #[test]
    fn networks(damage in damage(), file in prop::sample::select(&NETWORKS[..])) {
        let original = fs::read(checkout(file)).unwrap();
        let path = scratch(Path::new(file).file_name().unwrap().to_str().unwrap());
        fs::write(&path, damaged(&original, &damage)).unwrap();
        if let Ok(plan) = plan::open(&network(path.clone())) {
            // What was read is right: its numbers were checked on the way.
            let ran = run(&plan);
            prop_assert!(ran.is_ok(), "{}", ran.unwrap_err());
        }
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn recordings_and_labels(damage in damage(), inputs in 1u32..3000, dt in 1u64..2_000_000) {
        for (name, original) in [
            ("001.bin", fs::read(checkout("tests/data/event-digits/001.bin")).unwrap()),
            ("spikes.csv", b"idx,time\n1,0.25\n77,1e-3\n3,.5\n".to_vec()),
            ("pixels.csv", b"# sensor=5x4\nt,x,y,p\n100,3,2,1\n90,4,3,-1\n".to_vec()),
        ] {
            let path = scratch(name);
            fs::write(&path, damaged(&original, &damage)).unwrap();
            if let Ok(read) = events::read(&path, &input(), inputs, dt, Some(1 << 30)) {
                prop_assert!(read.events.is_sorted_by_key(|event| event.step()));
                prop_assert!(read.end <= 1 << 30);
            }
            fs::remove_file(&path).unwrap();
        }
        let folder = scratch("labels");
        fs::create_dir_all(&folder).unwrap();
        let original = b"001 5\n\n# no\n002.bin 7\n";
        fs::write(folder.join("labels.txt"), damaged(original, &damage)).unwrap();
        // Neither recording is there.
        prop_assert!(events::labelled(&folder).is_err());
    }
}
