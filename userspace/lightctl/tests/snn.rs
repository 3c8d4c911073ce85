// SPDX-License-Identifier: GPL-2.0

//! `lightctl snn` as people run it, with the arithmetic in its own process.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::npy;

/// A file of the checkout.
fn at(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join(path).to_str().unwrap().to_owned()
}

/// A file that a test writes.
fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Runs `lightctl snn` with these words; a word `@path` is a file of the checkout.
fn snn(words: &[&str]) -> Output {
    let words = words.iter().map(|word| match word.strip_prefix('@') {
        Some(path) => at(path),
        None => (*word).to_owned(),
    });
    Command::new(env!("CARGO_BIN_EXE_lightctl"))
        .arg("snn")
        .args(words)
        .output()
        .unwrap()
}

/// What it printed, if it ended well.
fn said(words: &[&str]) -> String {
    let output = snn(words);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{words:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// The status and the message of a failure.
fn failed(words: &[&str]) -> (i32, String) {
    let output = snn(words);
    let error = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), error)
}

/// A file of spikes: index and time in seconds.
fn spikes(name: &str, lines: &str) -> String {
    let path = scratch(name);
    fs::write(&path, format!("idx,time\n{lines}")).unwrap();
    path.to_str().unwrap().to_owned()
}

const RECURRENT: &str = "@userspace/nir/tests/oracle/recurrent.nir";

#[test]
fn a_graph_is_described() {
    let text = said(&["load", RECURRENT, "--host"]);
    let expected = "\
format               nir
step                 1ms
size                 2 inputs, 4 neurons, 14 synapses, ";
    assert!(text.starts_with(expected), "{text}");
    for line in [
        "node late            Delay [2] -> [2]",
        "layer to next        8 synapses, delays up to 4, weights up to 0.8148785829544067, \
         times 32768.0, rounded by at most 9.0e-6",
        "checked by           the host: no fault",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    let json = said(&["load", RECURRENT, "--host", "--json", "--dt", "500us"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["step_ns"], 500_000);
    assert_eq!(value["network"]["projections"][2]["longest_delay_steps"], 7);
    assert_eq!(value["network"]["nodes"][0]["type"], "Linear");
}

#[test]
fn what_cannot_run_is_named() {
    let (status, error) = failed(&[
        "load",
        "@userspace/nir/tests/oracle/threshold.nir",
        "--host",
    ]);
    assert_eq!(status, 2);
    assert!(error.contains("node gate is of type Threshold"), "{error}");
}

/// The counts of a run, as text and as JSON.
#[test]
fn a_graph_runs_on_a_list_of_spikes() {
    let lines: String = (0..60)
        .map(|i| format!("{},{}e-3\n", i % 2, i / 2))
        .collect();
    let events = spikes("burst.csv", &lines);
    let words = [
        "run", RECURRENT, "--events", &events, "--host", "--steps", "40",
    ];
    let text = said(&words);
    for line in [
        "ran in               the host, exact arithmetic",
        "steps                40 of 1ms (40ms)",
        "events               60 read, 60 input spikes",
        "dense multiply-adds  560 (",
    ] {
        assert!(
            text.lines().any(|l| l.starts_with(line)),
            "{line} is not in\n{text}"
        );
    }
    let json = said(&[&words[..], &["--json"]].concat());
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["stats"]["input_spikes"], 60);
    assert_eq!(value["operations"]["dense_multiply_adds"], 14 * 40);
    assert_eq!(value["outputs"][0]["name"], "output");
    assert!(value["stats"]["spikes"].as_u64().unwrap() > 3);
}

#[test]
fn what_was_recorded_is_read_again() {
    let lines: String = (0..60)
        .map(|i| format!("{},{}e-3\n", i % 2, i / 2))
        .collect();
    let events = spikes("again.csv", &lines);
    let (csv, npy) = (scratch("spikes.csv"), scratch("voltages.npy"));
    let (csv, npy) = (csv.to_str().unwrap(), npy.to_str().unwrap());
    said(&[
        "record",
        RECURRENT,
        "--events",
        &events,
        "--host",
        "--steps",
        "40",
        "--spikes",
        csv,
        "--probe",
        "layer:1",
        "--probe",
        "3",
        "--voltages",
        npy,
    ]);
    let text = fs::read_to_string(csv).unwrap();
    let mut rows = text.lines();
    assert_eq!(rows.next(), Some("# n_neurons=4 t_max=0.04"));
    assert_eq!(rows.next(), Some("sample,idx,time"));
    assert!(rows.count() > 3, "{text}");
    let header = fs::read(npy).unwrap();
    let header = String::from_utf8_lossy(&header[..128]).into_owned();
    assert!(header.contains("'data', '<f8', (40,2,)"), "{header}");
    // Its own output is input of a network with as many inputs.
    let again = said(&["run", RECURRENT, "--events", csv, "--host", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert!(value["stats"]["input_spikes"].as_u64().unwrap() > 0);
}

#[test]
fn pictures_are_drawn() {
    let events = spikes("picture.csv", "0,0.001\n1,0.002\n");
    let (svg, png) = (scratch("raster.svg"), scratch("raster.png"));
    let (svg, png) = (svg.to_str().unwrap(), png.to_str().unwrap());
    said(&[
        "raster", RECURRENT, "--events", &events, "--host", "--probe", "layer:0", "-o", svg, "-o",
        png,
    ]);
    let drawn = fs::read_to_string(svg).unwrap();
    assert!(drawn.starts_with("<svg"));
    assert!(
        drawn.contains("layer:0") && drawn.contains("picture.csv"),
        "{drawn}"
    );
    assert!(fs::read(png).unwrap().starts_with(b"\x89PNG"));
    let (status, error) = failed(&["raster", RECURRENT, "--events", &events, "-o", "a.jpg"]);
    assert_eq!(status, 2);
    assert!(error.contains(".svg or .png"), "{error}");
}

#[test]
fn mistakes_are_explained() {
    let events = spikes("mistakes.csv", "0,0.001\n");
    let cases: [(&[&str], i32, &str); 7] = [
        (
            &["run", "none.nir", "--events", &events, "--host"],
            2,
            "none.nir",
        ),
        (
            &["run", RECURRENT, "--events", "none.csv", "--host"],
            2,
            "none.csv",
        ),
        (
            &["run", RECURRENT, RECURRENT, "--events", &events, "--host"],
            2,
            "whole network",
        ),
        (
            &[
                "run", RECURRENT, "--events", &events, "--host", "--probe", "x:1",
            ],
            2,
            "layer:0..2",
        ),
        (
            &["run", RECURRENT, "--events", &events, "--host", "--dt", "1"],
            2,
            "1ms",
        ),
        (
            &[
                "record", RECURRENT, "--events", &events, "--host", "--spikes", "a",
            ],
            2,
            ".npy or .csv",
        ),
        (
            &["classify", RECURRENT, "--data", "/", "--host"],
            2,
            "labels.txt",
        ),
    ];
    for (words, status, part) in cases {
        let (code, error) = failed(words);
        assert_eq!(code, status, "{words:?}: {error}");
        assert!(error.contains(part), "{words:?}: {error}");
    }
}

/// Without a module the message says both ways out.
#[test]
fn no_module_names_both_ways_out() {
    if Path::new("/dev/lightos").exists() {
        println!("not run: there is a module");
        return;
    }
    let events = spikes("module.csv", "0,0.001\n");
    let (status, error) = failed(&["run", RECURRENT, "--events", &events]);
    assert_eq!(status, 3);
    assert!(
        error.contains("modprobe lightos") && error.contains("--host"),
        "{error}"
    );
}

/// The project's own digits: as an independent replay in NumPy says, and mostly
/// right.
#[test]
fn event_digits_are_classified() {
    let folder = "@tests/data/event-digits";
    let json = said(&[
        "classify",
        "@tests/data/event-digits/fc1.npy",
        "@tests/data/event-digits/fc2.npy",
        "--data",
        folder,
        "--expect",
        "@tests/data/event-digits/expected.txt",
        "--least",
        "90",
        "--host",
        "--json",
    ]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["recordings"], 100);
    assert!(value["right"].as_u64().unwrap() >= 90);
    assert!(value["different_from_expectation"]
        .as_array()
        .unwrap()
        .is_empty());
}

/// The folder `name` of the recordings, if LIGHTOS_DATA says where.
fn data(name: &str, source: &str) -> Option<PathBuf> {
    match std::env::var_os("LIGHTOS_DATA").filter(|folder| !folder.is_empty()) {
        Some(folder) => Some(PathBuf::from(folder).join(name)),
        None => {
            println!("not run: LIGHTOS_DATA is unset; it needs {name}/ of {source}");
            None
        }
    }
}

/// The module's folder may be given relative to the workspace's.
fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn platforms_of_the_nir_paper() {
    let Some(folder) = data("nir", "paper/01_lif in https://github.com/neuromorphs/NIR") else {
        return;
    };
    let json = said(&["compare", "nir", text(&folder), "--host", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let rows = value["platforms"].as_array().unwrap();
    let ours = rows.last().unwrap();
    assert_eq!(ours["platform"], "LightOS (host)");
    assert_eq!(ours["spike_steps"], serde_json::json!([460, 510, 710, 760]));
    assert_eq!(value["first_spike_step"], 460);
    let before = &ours["largest_voltage_difference"]["up_to_first_spike"];
    assert!(before.as_f64().unwrap() < 1e-6, "{before}");
    assert!(
        value["difference_from_grid_exact_recursion"]
            .as_f64()
            .unwrap()
            < 1e-12
    );
}

#[test]
fn the_chip() {
    let source = "test/test_files/Loihi in https://github.com/bamsumit/slayerPytorch (GPL-3.0)";
    let Some(folder) = data("loihi", source) else {
        return;
    };
    let text = said(&["compare", "loihi", text(&folder), "--host"]);
    let expected = "\
ran in               the host
hidden spikes        639 of 639 recorded, 639 in all
voltages             499 of 499 recorded of neuron 24
";
    assert_eq!(text, expected);
}

#[test]
fn nmnist() {
    let source = "exampleLoihi/02_NMNIST in https://github.com/bamsumit/slayerPytorch (GPL-3.0)";
    let Some(folder) = data("nmnist", source) else {
        return;
    };
    let [fc1, fc2] = ["fc1.npy", "fc2.npy"].map(|name| folder.join(name));
    let words = [
        "classify",
        text(&fc1),
        text(&fc2),
        "--data",
        text(&folder),
        "--host",
    ];
    let said = said(&words);
    for line in [
        "wrong                60016: a 5, said 3",
        "right                29 of 30 (96.7 %)",
        "input spikes         116501",
        "spikes of neurons    136326",
        "synaptic events      60982142",
    ] {
        assert!(said.lines().any(|l| l == line), "{line} is not in\n{said}");
    }
}

#[test]
fn prophesee_evt3() {
    let Some(folder) = data(
        "evt3",
        "tests/sample-files of open-neuromorphic/expelliarmus",
    ) else {
        return;
    };
    // A network as wide as the sensor, seen in blocks: 1280 x 720 by 40 is 32 x 18.
    let weights = scratch("blocks.npy");
    let columns = 2 * 32 * 18;
    fs::write(&weights, npy("|i1", &[1, columns], &vec![1; columns])).unwrap();
    let raw = folder.join("evt3_sample.raw");
    let json = said(&[
        "run",
        text(&weights),
        "--events",
        text(&raw),
        "--sensor",
        "1280x720",
        "--downsample",
        "40",
        "--from-first",
        "--steps",
        "50",
        "--host",
        "--json",
    ]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(value["recording"]["events"].as_u64().unwrap() > 1000);
    assert!(value["stats"]["input_spikes"].as_u64().unwrap() > 0);
    assert_eq!(value["recording"]["outside"], 0);
}
