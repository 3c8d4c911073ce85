// SPDX-License-Identifier: GPL-2.0

//! `lightctl moe` as people run it, on the arithmetic in process.
//!
//! `tests/oracle/moe_gate.csv` (NumPy) goes through the command line: logits and
//! biases as files, routes as a file. The recordings of deepseek-ai/ESFT are taken
//! from LIGHTOS_DATA where it is set.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const ORACLE: &str = include_str!("../../../tests/oracle/moe_gate.csv");

fn choices() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/moe-choices.csv");
    file.to_str().unwrap().to_owned()
}

/// A place for the files of one test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("moe-{name}"));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs `lightctl moe` with words, and files after them.
fn run(words: &str, files: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lightctl"));
    command.arg("moe").args(words.split_whitespace());
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

/// The list of this name, which has so many entries.
fn array<'a>(value: &'a serde_json::Value, name: &str, length: usize) -> &'a [serde_json::Value] {
    let list = value[name].as_array().unwrap();
    assert_eq!(list.len(), length, "{name}");
    list
}

/// Its complaint; nothing else may be printed.
fn refused(status: i32, words: &str, files: &[&str]) -> String {
    let output = run(words, files);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{words}: {errors}");
    assert!(output.stdout.is_empty(), "{words}");
    errors
}

/// Writes a plain array of `descr`.
fn npy(path: &str, descr: &str, shape: &[usize], bytes: &[u8]) {
    fs::write(path, common::npy(descr, shape, bytes)).unwrap();
}

fn npy_f32(path: &str, shape: &[usize], values: &[f32]) {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    npy(path, "<f4", shape, &bytes);
}

/// A place of a token in a file of routes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    id: u16,
    weight: f32,
    fixed: u32,
    slot: u32,
}

fn routes(path: &str) -> Vec<Place> {
    let file = fs::read(path).unwrap();
    let head = 10 + usize::from(u16::from_le_bytes([file[8], file[9]]));
    let word = |b: &[u8], at: usize| u32::from_le_bytes(b[at..at + 4].try_into().unwrap());
    let place = |b: &[u8]| Place {
        id: u16::from_le_bytes([b[0], b[1]]),
        weight: f32::from_bits(word(b, 2)),
        fixed: word(b, 6),
        slot: word(b, 10),
    };
    file[head..].chunks_exact(14).map(place).collect()
}

fn ids(path: &str) -> Vec<u16> {
    routes(path).iter().map(|place| place.id).collect()
}

fn list<T>(field: &str, parse: impl Fn(&str) -> T) -> Vec<T> {
    let words = field.split(';').filter(|w| !w.is_empty());
    words.map(parse).collect()
}

/// The flags for a rule of the oracle.
fn flags(name: &str) -> String {
    match name {
        "k3" => "--experts 896 --top-k 16 --score sigmoid".to_owned(),
        "sqrt-softplus" => "--model deepseek-v4".to_owned(),
        model => format!("--model {model}"),
    }
}

/// What weights may differ by: relative, and in units of Q16.16.
fn tolerance(name: &str) -> (f64, f64) {
    match name {
        // Its scale, 2.827, has 16 digits here.
        "kimi-k2" => (2f64.powi(-17), 1.5),
        _ => (2f64.powi(-20), 1.0),
    }
}

#[test]
fn routes_equal_numpy() {
    let folder = folder("oracle");
    for (number, row) in ORACLE.lines().skip(1).enumerate() {
        let path = |what: &str| {
            let file = folder.join(format!("{number}-{what}.npy"));
            file.to_str().unwrap().to_owned()
        };
        let (input, bias, output) = (path("logits"), path("biases"), path("routes"));
        let fields: Vec<&str> = row.split(',').collect();
        let bits = |w: &str| u32::from_str_radix(w, 16).unwrap();
        let logits = list(fields[1], |w| f32::from_bits(bits(w)));
        npy_f32(&input, &[1, logits.len()], &logits);
        let mut files = vec![input.as_str(), "-o", &output];
        if !fields[2].is_empty() {
            let biases = list(fields[2], |w| w.parse::<f64>().unwrap() / 2f64.powi(36));
            let bytes: Vec<u8> = biases.iter().flat_map(|b| b.to_le_bytes()).collect();
            npy(&bias, "<f8", &[biases.len()], &bytes);
            files.extend(["--biases", &bias]);
        }
        text(&format!("route --host {}", flags(fields[0])), &files);
        let experts = list(fields[3], |w| w.parse::<u16>().unwrap());
        assert_eq!(ids(&output), experts, "{}", fields[0]);
        let weights = list(fields[4], |w| w.parse::<f64>().unwrap());
        let (relative, absolute) = tolerance(fields[0]);
        for (place, exact) in routes(&output).iter().zip(weights) {
            let error = (f64::from(place.weight) / exact - 1.0).abs();
            assert!(error < relative, "{place:?} {exact}");
            assert!((f64::from(place.fixed) - exact * 65536.0).abs() <= absolute);
            assert_eq!(place.slot, 0);
        }
    }
}

#[test]
fn own_choices_come_back() {
    let report = json("route --host", &[&choices()]);
    for layer in array(&report, "layers", 2) {
        assert_eq!(layer["as_recorded"], 1.0);
        assert_eq!(layer["stats"]["tokens"], 512);
        assert_eq!(layer["stats"]["activations"], 6 * 512);
        array(layer, "experts", 64);
    }
    // Fewer digits of the same logits: ties are settled by index.
    for (format, least) in [("f16", 0.999), ("bf16", 0.99), ("q16", 0.999)] {
        let words = format!("route --host --format {format} --batch 100");
        for layer in array(&json(&words, &[&choices()]), "layers", 2) {
            let kept = layer["as_recorded"].as_f64().unwrap();
            assert!(kept >= least, "{format}: {kept}");
            assert_eq!(layer["stats"]["batches"], 6);
        }
    }
}

#[test]
fn biases_even_own_choices_out() {
    let report = json("balance --host --at-most 0.5", &[&choices()]);
    for layer in array(&report, "layers", 2) {
        let figure = |path: &str| layer.pointer(path).unwrap().as_f64().unwrap();
        assert!(figure("/max_violation/before") > 4.0);
        assert!(figure("/max_violation/after") <= 0.5);
        assert!(figure("/drop_rate/after") < figure("/drop_rate/before"));
        assert!((0.5..1.0).contains(&figure("/kept")));
    }
    // A result that is not good enough has an exit status of its own.
    let few = run("balance --host --passes 1 --at-most 0.5", &[&choices()]);
    assert_eq!(few.status.code(), Some(1));
}

#[test]
fn more_capacity_drops_less_and_weights_decide_who_stays() {
    let report = json("capacity --host", &[&choices()]);
    for layer in array(&report, "layers", 2) {
        let mut before = f64::INFINITY;
        for cell in array(layer, "factors", 4) {
            let (position, probability) = (&cell["by_position"], &cell["by_probability"]);
            assert_eq!(position["drop_rate"], probability["drop_rate"]);
            let figure = |lost: &serde_json::Value, name: &str| lost[name].as_f64().unwrap();
            assert!(figure(probability, "weight") <= figure(position, "weight"));
            assert!(figure(position, "drop_rate") < before);
            before = figure(position, "drop_rate");
        }
    }
}

/// The example of github.com/deepseek-ai/EPLB, README, both layers.
#[test]
fn places_as_eplb_does() {
    let placed = |loads: &str| {
        let words = "place --host --replicas 16 --expert-groups 4 --nodes 2 --devices 8";
        json(words, &["--loads", loads])["layers"][0]["experts"].to_string()
    };
    assert_eq!(
        placed("90,132,40,61,104,165,39,4,73,56,183,86"),
        "[5,6,5,7,8,4,3,4,10,9,10,2,0,1,11,1]"
    );
    assert_eq!(
        placed("20,107,104,64,19,197,187,157,172,86,16,27"),
        "[7,10,6,8,6,11,8,9,2,4,5,1,5,0,3,1]"
    );
}

#[test]
fn maps_are_drawn() {
    let folder = folder("map");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (svg, png) = (path("m.svg"), path("m.png"));
    let report = json("map --host", &[&choices(), "-o", &svg, "-o", &png]);
    assert_eq!(report["layers"], 2);
    assert_eq!(report["experts"], 64);
    assert!(fs::read_to_string(svg).unwrap().contains("expert"));
    assert!(fs::read(png).unwrap().starts_with(b"\x89PNG"));
    let what = refused(2, "map --host -o m.jpg", &[&choices()]);
    assert!(what.contains(".svg or .png"), "{what}");
}

#[test]
fn rules_go_to_a_file_and_come_back() {
    let path = folder("rules").join("rules.json");
    let path = path.to_str().unwrap();
    let words = "configure --model deepseek-v3 --layers 3 --capacity 1.5 --drop probability";
    let printed = text(&format!("{words} --json"), &[]);
    fs::write(path, &printed).unwrap();
    assert_eq!(text("configure --json --config", &[path]), printed);
    assert!(text("configure --config", &[path]).contains("layers 0 to 2"));
    let what = refused(2, "route --host", &[&choices(), "--config", path]);
    assert!(what.contains("3 layers, but the input has 2"), "{what}");
    fs::write(path, "{\"layers\": [\n{\"experts\": 8, \"topk\": 2}]}").unwrap();
    let what = refused(2, "configure --config", &[path]);
    assert!(what.contains("layer 0: there is no field `topk`"), "{what}");
    fs::write(path, "{\n\"layers\": [}").unwrap();
    let what = refused(2, "configure --config", &[path]);
    assert!(what.contains("rules.json:2: "), "{what}");
}

#[test]
fn token_ids_and_features_decide_where_they_should() {
    let folder = folder("ids");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (logits, tokens, table) = (path("logits.npy"), path("ids.npy"), path("table.npy"));
    npy_f32(&logits, &[3, 4], &[0.0; 12]);
    npy(&tokens, "<u2", &[3], &[1, 0, 0, 0, 9, 0]);
    npy(&table, "|u1", &[2, 2], &[3, 0, 1, 2]);
    let output = path("hash.npy");
    let files = [
        "--token-ids",
        &tokens,
        "--hash-table",
        &table,
        &logits,
        "-o",
        &output,
    ];
    text("route --host -k 2 --hash 1", &files);
    let found = ids(&output);
    assert_eq!(found[..4], [1, 2, 3, 0]);
    assert_ne!(found[4], found[5]);

    let (features, weights, scales) = (path("features.npy"), path("w.npy"), path("scales.npy"));
    npy(&features, "|i1", &[2, 2], &[1, 0, 0, 255]);
    npy(&weights, "|i1", &[3, 2], &[10, 20, 30, 5, 0, 0]);
    npy_f32(&scales, &[3], &[0.25; 3]);
    let output = path("learned.npy");
    let files = [
        "--projection",
        &weights,
        "--scales",
        &scales,
        &features,
        "-o",
        &output,
    ];
    text("route --host -k 1", &files);
    // The second token is -1 times the second column.
    assert_eq!(ids(&output), [1, 2]);
}

#[test]
fn bad_input_names_file_and_place() {
    let folder = folder("bad");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (nan, twice, binary) = (path("nan.npy"), path("twice.csv"), path("binary"));
    let mut logits = [0.5f32; 12];
    logits[7] = f32::NAN;
    npy_f32(&nan, &[3, 4], &logits);
    let what = refused(2, "route --host -k 2 --batch 1", &[&nan]);
    let wanted = "nan.npy: token 1, expert 3: the logit is NaN";
    assert!(what.contains(wanted), "{what}");
    let what = refused(2, "route --host", &[&nan]);
    assert!(what.contains("--top-k or --model"), "{what}");
    let what = refused(2, "route --host -k 5", &[&nan]);
    assert!(what.contains("layer 0, top_k: out of range"), "{what}");

    fs::write(&twice, "layer,token,experts,weights\n0,0,3;3,0.5;0.4\n").unwrap();
    let what = refused(2, "balance --host", &[&twice]);
    assert!(what.contains("twice.csv:2: expert 3 twice"), "{what}");
    fs::write(&binary, [0u8; 64]).unwrap();
    let what = refused(2, "route --host -k 2", &[&binary]);
    assert!(what.contains("neither .npy nor recorded choices"), "{what}");
    npy_f32(&nan, &[12], &logits);
    let what = refused(2, "route --host -k 2", &[&nan]);
    assert!(what.contains("[tokens, experts]"), "{what}");
    assert!(refused(2, "route --host", &[]).contains("give a FILE"));
    let what = refused(2, "route --host", &[&path("none.npy")]);
    assert!(what.contains("none.npy: No such file"), "{what}");
}

#[test]
fn no_module_says_what_to_do() {
    if Path::new("/dev/lightos").exists() {
        println!("skipped: there is a module");
        return;
    }
    assert!(refused(3, "balance", &[&choices()]).contains("--host"));
    assert!(refused(3, "stats gate", &[]).contains("modprobe lightos"));
    assert!(refused(2, "stats", &["a gate"]).contains("names no gate"));
}

/// What was recorded of a real model; see the head of this file.
#[test]
fn esft_comes_back() {
    let Some(data) = std::env::var_os("LIGHTOS_DATA").filter(|d| !d.is_empty()) else {
        println!("skipped: LIGHTOS_DATA is not set (esft/*.txt.xz of deepseek-ai/ESFT)");
        return;
    };
    let folder = Path::new(&data).join("esft");
    let files = ["intent_1", "intent_13", "intent_26", "translation_13"];
    let files = files.map(|name| folder.join(format!("{name}.txt.xz")));
    for file in &files {
        assert!(File::open(file).is_ok(), "{}", file.display());
    }
    let files: Vec<&str> = files.iter().map(|f| f.to_str().unwrap()).collect();
    let report = json("route --host", &files);
    for layer in array(&report, "layers", files.len()) {
        assert_eq!(layer["as_recorded"], 1.0, "{}", layer["name"]);
        assert!(layer["stats"]["tokens"].as_u64().unwrap() > 8000);
    }
}
