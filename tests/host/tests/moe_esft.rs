// SPDX-License-Identifier: GPL-2.0

//! Real expert choices: top 6 of 64 for each token of a DeepSeek-V2-Lite-family model.
//!
//! `deepseek-ai/ESFT`, `results/expert_scores`, in the folder `esft` of LIGHTOS_DATA; unpacked by the
//! `xz` program. Raw logits are not published. For the round trip they are the logarithms of the
//! recorded weights; for balancing, experts that were not chosen get seeded ones around their
//! popularity in the layer, below the chosen ones.

mod moe;

use lightos_host::moe::balance::{count, update_biases};
use lightos_host::moe::capacity::{assign, Capacity, Choices, Drop, Room};
use lightos_host::moe::config::Layer;
use lightos_host::moe::gate::{Logits, Tables};
use lightos_host::moe::statistics::{drop_rate, Balance};
use moe::{run, Random};
use std::path::PathBuf;
use std::process::Command;

const EXPERTS: usize = 64;
const TOP_K: usize = 6;
const FILES: [&str; 4] = ["intent_1", "intent_13", "intent_26", "translation_13"];

/// Recorded choices, best first.
struct Recording {
    ids: Vec<u16>,
    weights: Vec<f32>,
}

/// The recordings, or nothing and a line that says why.
fn recordings() -> Vec<(&'static str, Recording)> {
    let data = std::env::var_os("LIGHTOS_DATA").filter(|d| !d.is_empty() && !cfg!(miri));
    let Some(data) = data else {
        println!("skipped: LIGHTOS_DATA is not set (esft/*.txt.xz of deepseek-ai/ESFT)");
        return Vec::new();
    };
    let folder = PathBuf::from(data).join("esft");
    FILES
        .map(|name| (name, read(&folder.join(format!("{name}.txt.xz")))))
        .into()
}

/// A sequence a line: all ids, a blank column, all weights.
fn read(path: &PathBuf) -> Recording {
    let unpacked = Command::new("xz")
        .arg("-dc")
        .arg(path)
        .output()
        .expect("the program xz");
    assert!(unpacked.status.success(), "{path:?}");
    let text = String::from_utf8(unpacked.stdout).unwrap();
    let mut recording = Recording {
        ids: vec![],
        weights: vec![],
    };
    for line in text.lines() {
        let (ids, weights) = line.split_once("\t\t").expect("a blank column");
        let ids: Vec<u16> = ids.split('\t').map(|w| w.parse().unwrap()).collect();
        let weights = weights.split('\t').filter(|w| !w.is_empty());
        let weights: Vec<f32> = weights.map(|w| w.parse().unwrap()).collect();
        assert_eq!(ids.len(), weights.len());
        for (ids, weights) in ids.chunks(TOP_K).zip(weights.chunks(TOP_K)) {
            let mut pairs: Vec<(u16, f32)> =
                ids.iter().copied().zip(weights.iter().copied()).collect();
            pairs.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            recording.ids.extend(pairs.iter().map(|p| p.0));
            recording.weights.extend(pairs.iter().map(|p| p.1));
        }
    }
    let tokens = recording.ids.len() / TOP_K;
    assert!(tokens > 8000, "{path:?}: {tokens} tokens");
    recording
}

/// Routes all tokens; ids and weights.
fn gate(layer: &Layer, biases: &[i64], logits: &[u32]) -> (Vec<u16>, Vec<u32>) {
    let tables = Tables {
        biases,
        ..Tables::default()
    };
    let tokens = logits.len() / EXPERTS;
    let routed = run(layer, &tables, Logits::F32(logits), tokens).unwrap();
    (routed.ids, routed.weights)
}

fn loads(ids: &[u16]) -> Vec<u64> {
    let mut loads = vec![0; EXPERTS];
    count(ids, &mut loads);
    loads
}

/// Logits from the record alone: -inf for experts that were not chosen.
fn recorded_logits(recording: &Recording) -> Vec<u32> {
    let mut logits = vec![f32::NEG_INFINITY.to_bits(); recording.ids.len() / TOP_K * EXPERTS];
    for (place, (&id, &weight)) in recording.ids.iter().zip(&recording.weights).enumerate() {
        logits[place / TOP_K * EXPERTS + usize::from(id)] = weight.ln().to_bits();
    }
    logits
}

#[test]
fn recorded_choices_come_back() {
    for (name, recording) in recordings() {
        let logits = recorded_logits(&recording);
        let (ids, weights) = gate(&Layer::softmax(EXPERTS as u32, TOP_K as u32), &[], &logits);
        assert_eq!(ids, recording.ids, "{name}");
        for (row, recorded) in weights.chunks(TOP_K).zip(recording.weights.chunks(TOP_K)) {
            let sum: f32 = recorded.iter().sum();
            for (&weight, &recorded) in row.iter().zip(recorded) {
                assert!((f32::from_bits(weight) - recorded / sum).abs() < 1e-6);
            }
        }
        let balance = Balance::of(&loads(&ids));
        let milli = |x: u64| x as f64 / 1e6;
        println!(
            "{name}: {} tokens, max/mean {:.2}, CV^2 {:.2}, entropy {:.2} of 6 bits, balancedness {:.2}",
            ids.len() / TOP_K,
            milli(balance.max_violation) + 1.0,
            milli(balance.cv_squared),
            milli(balance.entropy),
            milli(balance.balancedness)
        );
        drops(name, &recording);
    }
}

/// Drops for four capacity factors, by position and by probability: the same number, as the
/// capacity is, and the floor that the loads set.
fn drops(name: &str, recording: &Recording) {
    let weights: Vec<u32> = recording.weights.iter().map(|w| w.to_bits()).collect();
    let choices = Choices {
        ids: &recording.ids,
        weights: &weights,
        top_k: TOP_K,
    };
    let mut line = format!("{name}: dropped");
    for quarters in [4, 5, 6, 8] {
        let mut lost = [0.0; 2];
        let mut rate = 0;
        for (lost, drop) in lost.iter_mut().zip([Drop::ByPosition, Drop::ByProbability]) {
            let rule = Capacity {
                drop,
                factor: quarters << 14,
                ..Capacity::DROPLESS
            };
            let mut rooms = vec![Room::EMPTY; EXPERTS];
            let mut slots = vec![0; weights.len()];
            let top_k = TOP_K as u32;
            let done = assign(&rule, &choices, &mut rooms, &mut slots, |token, choice| {
                *lost += f64::from(recording.weights[(token * top_k + choice) as usize]);
            });
            let floor: u64 = loads(&recording.ids)
                .iter()
                .map(|l| l.saturating_sub(done.capacity.into()))
                .sum();
            assert_eq!(done.dropped, floor);
            rate = drop_rate(&done);
        }
        // Those with the least weights go: what is lost is no more.
        assert!(lost[1] <= lost[0] * (1.0 + 1e-9));
        let all: f64 = recording.weights.iter().map(|&w| f64::from(w)).sum();
        line += &format!(
            "  cf {:.2}: {:.1} % ({:.1} / {:.1} % of the weight)",
            f64::from(quarters) / 4.0,
            rate as f64 / 1e4,
            100.0 * lost[0] / all,
            100.0 * lost[1] / all
        );
    }
    println!("{line} (by position / by probability)");
}

/// Logits for balancing: recorded probabilities of the chosen, seeded ones for the others around
/// their popularity, below the least chosen one.
fn full_logits(recording: &Recording, seed: u64) -> Vec<u32> {
    let mut r = Random(seed);
    let loads = loads(&recording.ids);
    let tokens = recording.ids.len() / TOP_K;
    let mut logits = Vec::with_capacity(tokens * EXPERTS);
    for (ids, weights) in recording
        .ids
        .chunks(TOP_K)
        .zip(recording.weights.chunks(TOP_K))
    {
        let chosen: f64 = weights.iter().map(|&w| f64::from(w)).sum();
        let least = weights.iter().copied().fold(f32::INFINITY, f32::min);
        // What the chosen left, shared by popularity, half a nat of noise.
        let shares: Vec<f64> = loads
            .iter()
            .map(|&load| (load as f64 + 1.0) * (0.5 * r.normal()).exp())
            .collect();
        let rest: f64 = (0..EXPERTS)
            .filter(|&e| !ids.contains(&(e as u16)))
            .map(|e| shares[e])
            .sum();
        for (expert, share) in shares.iter().enumerate() {
            let p = match ids.iter().position(|&id| usize::from(id) == expert) {
                Some(at) => f64::from(weights[at]),
                None => ((1.0 - chosen).max(0.0) * share / rest).min(f64::from(least) * 0.999),
            };
            logits.push((p.max(1e-30).ln() as f32).to_bits());
        }
    }
    logits
}

/// The step of the bias, in probability; one update for each batch of tokens.
const STEP: f64 = 2e-4;
const BATCH: usize = 1024;

/// Passes over the file.
const PASSES: usize = 100;

#[test]
fn bias_evens_the_load_out() {
    let layer = Layer {
        biased: true,
        renormalize: false,
        bias_step: (STEP * 2f64.powi(32)) as u32,
        ..Layer::softmax(EXPERTS as u32, TOP_K as u32)
    };
    assert_eq!(layer.check(0), Ok(()));
    for (name, recording) in recordings() {
        let logits = full_logits(&recording, 8);
        let mut biases = vec![0; EXPERTS];
        let (before, _) = gate(&layer, &biases, &logits);
        assert_eq!(before, recording.ids, "{name}: unbiased, the record");
        for rows in (0..PASSES).flat_map(|_| logits.chunks(BATCH * EXPERTS)) {
            let (ids, _) = gate(&layer, &biases, rows);
            update_biases(layer.bias_step, &loads(&ids), &mut biases);
        }
        // The bias stays as it is now.
        let (after, _) = gate(&layer, &biases, &logits);
        let violation = |ids| Balance::of(&loads(ids)).max_violation as f64 / 1e6;
        let rows = after.chunks(TOP_K).zip(recording.ids.chunks(TOP_K));
        let kept: usize = rows
            .map(|(a, b)| a.iter().filter(|id| b.contains(id)).count())
            .sum();
        println!(
            "{name}: MaxVio {:.2}, after {PASSES} passes with u = {STEP} {:.2}; {:.1} % of the recorded choices kept",
            violation(&before),
            violation(&after),
            100.0 * kept as f64 / after.len() as f64
        );
        assert!(violation(&after) <= 0.5, "{name}");
    }
}
