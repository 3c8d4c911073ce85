// SPDX-License-Identifier: GPL-2.0

//! `lightctl photonic` as people run it, on the model in process.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A file of the repository's data.
fn data(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    file.join(name).to_str().unwrap().to_owned()
}

/// A place for the files of one test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("photonic-{name}"));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs `lightctl photonic` with words, and files after them.
fn run(words: &str, files: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lightctl"));
    command.arg("photonic").args(words.split_whitespace());
    command.args(files).output().unwrap()
}

/// What it prints; it must succeed.
fn text(words: &str, files: &[&str]) -> String {
    let output = run(words, files);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(words: &str, files: &[&str]) -> serde_json::Value {
    serde_json::from_str(&text(&format!("{words} --json"), files)).unwrap()
}

/// Its complaint; nothing else may be printed.
fn refused(status: i32, words: &str, files: &[&str]) -> String {
    let output = run(words, files);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{words}: {errors}");
    assert!(output.stdout.is_empty(), "{words}");
    errors
}

/// Writes an array of doubles; its name.
fn array(path: &Path, descr: &str, shape: &[usize], values: &[f64]) -> String {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    fs::write(path, common::npy(descr, shape, &bytes)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Numbers from -1 to 1 that look random.
fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as f64 / f64::from(1 << 30) - 1.0
        })
        .collect()
}

#[test]
fn a_model_says_how_it_is() {
    let status = json("status --host --modes 4 --seed 9", &[]);
    assert_eq!(status["processor"]["modes"], 4);
    assert_eq!(status["processor"]["channels"], 36);
    assert_eq!(status["processor"]["back_end"], "model");
    assert_eq!(status["armed"], true);
    assert_eq!(status["sensors"].as_array().unwrap().len(), 5);
    assert_eq!(status["rails"].as_array().unwrap().len(), 6);
    assert_eq!(status["limits"]["emergency_celsius"], 95.0);
    assert!(status["calibration"].is_null());
    let words = text("status --host --modes 4", &[]);
    assert!(words.contains("laser                on, armed"), "{words}");
}

#[test]
fn files_that_do_not_fit_are_refused() {
    let folder = folder("bad");
    let matrix = array(&folder.join("matrix.npy"), "<f8", &[2, 3], &numbers(6, 1));
    let flat = array(&folder.join("flat.npy"), "<f8", &[6], &numbers(6, 1));
    let vectors = array(&folder.join("vectors.npy"), "<f8", &[4, 2], &numbers(8, 1));
    let nan = array(&folder.join("nan.npy"), "<f8", &[1, 1], &[f64::NAN]);
    let host = "--host --modes 4";
    let complaint = |files: &[&str]| refused(2, &format!("multiply {host}"), files);
    assert!(complaint(&[&matrix, &vectors]).contains("rows of 3 are needed"));
    assert!(complaint(&[&flat, &vectors]).contains("is no matrix"));
    assert!(complaint(&[&nan, &vectors]).contains("infinite or not a number"));
    assert!(complaint(&["nowhere.npy", &vectors]).contains("nowhere.npy"));
    let wide = array(&folder.join("wide.npy"), "<f8", &[2, 5], &numbers(10, 1));
    let row = array(&folder.join("row.npy"), "<f8", &[5], &numbers(5, 1));
    let text = refused(2, &format!("multiply --direct {host}"), &[&wide, &row]);
    assert!(text.contains("powers of tiles"), "{text}");
    let blob = folder.join("noise.bin");
    fs::write(&blob, [0; 200]).unwrap();
    let blob = blob.to_str().unwrap();
    let text = refused(2, &format!("load {host} --calibration {blob}"), &[&matrix]);
    assert!(text.contains("calibration"), "{text}");
    assert!(refused(2, "calibration show --file", &[blob]).contains("not a calibration"));
}

#[test]
fn readings_become_a_picture() {
    let folder = folder("thermal");
    let picture = folder.join("thermal.svg");
    let picture = picture.to_str().unwrap();
    let report = json(
        "thermal --host --modes 4 --seconds 20 --interval 1000",
        &["--plot", picture],
    );
    let samples = report["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 21);
    assert_eq!(samples[20]["seconds"], 20.0);
    assert!(samples[20]["power_mw"].as_u64().unwrap() > 0);
    let drawn = fs::read_to_string(picture).unwrap();
    for word in ["Temperature", "Throttle", "TEC", "Fan", "Power"] {
        assert!(drawn.contains(word), "{word}");
    }
    let lines = text("thermal --host --modes 4 --seconds 1", &[]);
    assert_eq!(lines.lines().count(), 4, "{lines}");
    let complaint = refused(2, "thermal --host --json", &[]);
    assert!(complaint.contains("--seconds"), "{complaint}");
    let ending = refused(2, "thermal --host --seconds 1 --plot", &["x.jpg"]);
    assert!(ending.contains(".svg or .png"), "{ending}");
}

/// The calibration of the model of 8 modes, made once for all tests of this process.
fn calibrated() -> &'static str {
    static BLOB: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    BLOB.get_or_init(|| {
        let blob = folder("calibrated").join("8.bin");
        let blob = blob.to_str().unwrap().to_owned();
        let report = json("calibrate --host --modes 8", &["-o", &blob]);
        assert_eq!(report["modes"], 8);
        assert_eq!(report["splitters_known"], true);
        assert_eq!(report["loaded"], true);
        assert!(report["residual"].as_f64().unwrap() < 0.01, "{report}");
        blob
    })
}

#[test]
fn a_calibration_is_described() {
    let shown = json("calibration show", &["--file", calibrated()]);
    assert_eq!(shown["modes"], 8);
    assert_eq!(shown["serial"], "0000000000000001");
    assert_eq!(shown["crosstalk"].as_array().unwrap().len(), 7);
    let words = text("calibration show", &["--file", calibrated()]);
    assert!(words.contains("rad rms from 50:50"), "{words}");
    // That of another chip is refused.
    let matrix = folder("described").join("matrix.npy");
    let matrix = array(&matrix, "<f8", &[2, 2], &numbers(4, 5));
    let other = format!(
        "load --dry-run --host --modes 8 --seed 2 --calibration {}",
        calibrated()
    );
    let complaint = refused(2, &other, &[&matrix]);
    assert!(complaint.contains("another processor"), "{complaint}");
    // A damaged one, too.
    let mut blob = fs::read(calibrated()).unwrap();
    blob[100] ^= 1;
    let damaged = folder("damaged").join("8.bin");
    fs::write(&damaged, blob).unwrap();
    let damaged = damaged.to_str().unwrap();
    let complaint = refused(2, "calibration show --file", &[damaged]);
    assert!(complaint.contains("checksum"), "{complaint}");
}

#[test]
fn products_are_those_of_doubles() {
    let folder = folder("products");
    let matrix = array(&folder.join("matrix.npy"), "<f8", &[8, 8], &numbers(64, 1));
    let vectors = array(
        &folder.join("vectors.npy"),
        "<f8",
        &[20, 8],
        &numbers(160, 2),
    );
    let output = folder.join("products.npy");
    let output = output.to_str().unwrap();
    let host = format!("--host --modes 8 --calibration {}", calibrated());
    let report = json(
        &format!("multiply --compare --at-most 0.02 {host}"),
        &[&matrix, &vectors, "-o", output],
    );
    assert_eq!(report["vectors"], 20);
    assert_eq!(report["saturated"], 0);
    assert_eq!(report["corrected"], true);
    assert!(
        report["error"]["relative"].as_f64().unwrap() < 0.02,
        "{report}"
    );
    // What is written is what was compared: a row of eight doubles for each vector.
    let bytes = fs::read(output).unwrap();
    assert_eq!(bytes.len() % 8, 0);
    assert!(bytes.len() >= 20 * 8 * 8);
    let dark = json(
        &format!("multiply --compare --direct {host}"),
        &[&matrix, &vectors],
    );
    assert!(dark["error"]["relative"].as_f64().unwrap() < 0.05, "{dark}");
    assert_eq!(dark["products"].as_array().unwrap().len(), 160);
    // An error bound that no chip keeps.
    let output = run(
        &format!("multiply --compare --at-most 1e-9 {host}"),
        &[&matrix, &vectors],
    );
    assert_eq!(output.status.code(), Some(1));
    // Without the calibration the light does something else.
    let lost = json("multiply --compare --host --modes 8", &[&matrix, &vectors]);
    assert!(lost["error"]["relative"].as_f64().unwrap() > 0.3, "{lost}");
}

#[test]
fn matrices_larger_than_the_mesh_are_tiled() {
    let folder = folder("tiles");
    let parts = numbers(2 * 10 * 20, 3);
    let matrix = array(&folder.join("matrix.npy"), "<c16", &[10, 20], &parts);
    let vectors = array(
        &folder.join("vectors.npy"),
        "<c16",
        &[3, 20],
        &numbers(120, 4),
    );
    let host = format!("--host --modes 8 --calibration {}", calibrated());
    let report = json(&format!("multiply --compare {host}"), &[&matrix, &vectors]);
    assert_eq!(report["scales"].as_array().unwrap().len(), 2 * 3);
    assert_eq!(report["through_the_mesh"], 18);
    assert!(
        report["error"]["relative"].as_f64().unwrap() < 0.03,
        "{report}"
    );
    assert_eq!(report["products"][0].as_array().unwrap().len(), 2);
    let loaded = json(&format!("load {host}"), &[&matrix]);
    assert!(
        loaded["error"]["relative"].as_f64().unwrap() < 0.03,
        "{loaded}"
    );
    let phases = json("load --dry-run --host --modes 8", &[&matrix]);
    assert_eq!(
        phases["phases_millidegrees"][0].as_array().unwrap().len(),
        136
    );
}

#[test]
fn digits_are_as_good_as_in_floats() {
    let (digits, network) = (data("digits.csv"), data("photonic/digits-network.csv"));
    let files = ["--data", &digits, "--network", &network];
    let host = format!("digits --host --modes 8 --calibration {}", calibrated());
    let report = json(&host, &files);
    assert_eq!(report["digits"], 1000);
    // By scripts/train_photonic_digits.py --evaluate.
    assert_eq!(report["float_right"], 938);
    assert!(report["right"].as_u64().unwrap() >= 928, "{report}");
    assert_eq!(report["multiply_adds"], 1000 * (64 * 32 + 32 * 10));
    assert_eq!(report["programs"], 32 + 8);
    // A chip that is not calibrated guesses.
    let output = run("digits --host --modes 8 --count 100", &files);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("Is the processor calibrated?"), "{errors}");
    let other = refused(
        2,
        "digits --host",
        &["--data", &network, "--network", &network],
    );
    assert!(other.contains("digits-network.csv"), "{other}");
}
