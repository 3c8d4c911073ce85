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
    let text = refused(2, &format!("status {host} --calibration x"), &[]);
    assert!(text.contains("--calibration"), "{text}");
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
