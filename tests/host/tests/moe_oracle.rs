// SPDX-License-Identifier: GPL-2.0

//! The gate against NumPy's table, and, in the long form, NumPy's experts against PyTorch's.

mod moe;

use lightos_host::moe::balance::count;
use lightos_host::moe::config::Layer;
use lightos_host::moe::gate::{Logits, Tables};
use lightos_host::moe::statistics::Balance;
use moe::{models, run};
use std::process::Command;

const TABLE: &str = include_str!("../../oracle/moe_gate.csv");
const CHOICES: &str = include_str!("../../data/moe-choices.csv");

fn list<T>(field: &str, parse: impl Fn(&str) -> T) -> Vec<T> {
    field
        .split(';')
        .filter(|w| !w.is_empty())
        .map(parse)
        .collect()
}

/// The layer that the script calls so.
fn layer(name: &str) -> Layer {
    let ours = match name {
        "mixtral" => "Mixtral 8/2",
        "switch" => "Switch 64/1",
        "olmoe" => "OLMoE 64/8",
        "deepseek-v2-lite" => "DeepSeek-V2-Lite 64/6",
        "deepseek-v2" => "DeepSeek-V2 160/6",
        "qwen3" => "Qwen3 128/8",
        "deepseek-v3" => "DeepSeek-V3 256/8",
        "kimi-k2" => "Kimi-K2 384/8",
        "k3" => "896/16",
        "sqrt-softplus" => "sqrt-softplus 256/6",
        other => panic!("{other}"),
    };
    models().into_iter().find(|m| m.0 == ours).unwrap().1
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
fn equals_numpy() {
    let rows: Vec<Vec<&str>> = TABLE
        .lines()
        .skip(1)
        .map(|l| l.split(',').collect())
        .collect();
    assert!(rows.len() >= 30);
    for row in rows {
        let layer = layer(row[0]);
        let logits = list(row[1], |w| u32::from_str_radix(w, 16).unwrap());
        let biases = list(row[2], |w| w.parse::<i64>().unwrap());
        let experts = list(row[3], |w| w.parse::<u16>().unwrap());
        let expected = list(row[4], |w| w.parse::<f64>().unwrap());
        let tables = Tables {
            biases: &biases,
            ..Tables::default()
        };
        let routed = run(&layer, &tables, Logits::F32(&logits), 1).unwrap();
        assert_eq!(routed.ids, experts, "{}", row[0]);
        let (relative, absolute) = tolerance(row[0]);
        let places = routed.weights.iter().zip(&routed.fixed);
        for ((&float, &fixed), exact) in places.zip(expected) {
            let float = f64::from(f32::from_bits(float));
            assert!((float / exact - 1.0).abs() < relative, "{float} {exact}");
            assert!((f64::from(fixed) - exact * 65536.0).abs() <= absolute);
        }
    }
}

/// The set for users without recordings: well-formed, and as uneven as real ones.
#[test]
fn own_choices_are_plausible() {
    for layer in ["0", "1"] {
        let mut loads = vec![0; 64];
        let mut tokens = 0;
        for line in CHOICES
            .lines()
            .filter(|l| l.starts_with(&format!("{layer},")))
        {
            let fields: Vec<&str> = line.split(',').collect();
            let ids = list(fields[2], |w| w.parse::<u16>().unwrap());
            let weights = list(fields[3], |w| w.parse::<f64>().unwrap());
            assert!(
                ids.len() == 6 && weights.is_sorted_by(|a, b| a >= b),
                "{line}"
            );
            count(&ids, &mut loads);
            tokens += 1;
        }
        let balance = Balance::of(&loads);
        assert_eq!((tokens, loads.iter().sum::<u64>()), (512, 6 * 512));
        // Real ones: MaxVio 1 to 5.5, CV^2 0.1 to 1.43.
        assert!(
            (1_000_000..5_500_000).contains(&balance.max_violation),
            "{balance:?}"
        );
        assert!(
            (100_000..1_430_000).contains(&balance.cv_squared),
            "{balance:?}"
        );
    }
}

/// `moe_reference.py torch`, where the interpreter of LIGHTOS_PYTHON (python3) has torch.
#[test]
fn numpy_equals_pytorch() {
    if cfg!(miri) || std::env::var_os("LIGHTOS_LONG").is_none_or(|v| v != "1") {
        println!("skipped: part of the long form (LIGHTOS_LONG=1)");
        return;
    }
    let python = std::env::var("LIGHTOS_PYTHON").unwrap_or_else(|_| "python3".into());
    let import = Command::new(&python)
        .args(["-c", "import torch, numpy"])
        .output();
    if !import.is_ok_and(|o| o.status.success()) {
        println!(
            "skipped: {python} has no torch (Debian: python3-torch; LIGHTOS_PYTHON names another)"
        );
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../oracle/moe_reference.py");
    let output = Command::new(python)
        .args([script, "torch"])
        .output()
        .unwrap();
    print!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
