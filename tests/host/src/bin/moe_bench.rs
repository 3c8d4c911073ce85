// SPDX-License-Identifier: GPL-2.0

//! `moe-bench`: nanoseconds a token of the gate on one core, as one JSON object.
//!
//! Every shape runs the gate and a straightforward scalar version in C (`tests/bench/moe_scalar.c`,
//! -O2 -fno-tree-vectorize) over the same f32 logits in batches of 256 tokens, in turn, so that a
//! change in the machine's speed meets both alike. Both give ids, weights as f32 and Q16.16, and
//! counts of load; their ids are compared. Where Python has PyTorch, its time on one thread with
//! batches of the same size is in the table too (`LIGHTOS_PYTHON` names another interpreter).
//!
//! With arguments only the shapes of these names, as `64/8`. Build with `RUSTFLAGS="-C no-vectorize-loops -C no-vectorize-slp"`,
//! as the kernel does.

use std::collections::HashMap;
use std::hint::black_box;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

use lightos_host::moe::balance;
use lightos_host::moe::config::{GroupScore, Layer};
use lightos_host::moe::gate::{route, Logits, Routes, Scratch, Tables};
use lightos_host::moe::score::{Score, KEY_BITS};
use lightos_host::support::cpu_model;

/// Tokens of a call.
const BATCH: usize = 256;

/// Batches of a run.
const BATCHES: usize = 8;

/// Runs that count; one more comes before them.
const RUNS: usize = 15;

/// The scalar C version; absent without a C compiler.
#[cfg(moe_scalar)]
mod scalar {
    use super::{Layer, Score, BATCH};

    extern "C" {
        fn moe_scalar_init();
        fn moe_scalar_softmax(
            logits: *const u32,
            tokens: u32,
            experts: u32,
            k: u32,
            renormalize: i32,
            ids: *mut u16,
            weights: *mut u32,
            q16: *mut u32,
            loads: *mut u64,
        );
        fn moe_scalar_sigmoid(
            logits: *const u32,
            bias: *const i64,
            tokens: u32,
            experts: u32,
            k: u32,
            groups: u32,
            kept: u32,
            scale: u32,
            ids: *mut u16,
            weights: *mut u32,
            q16: *mut u32,
            loads: *mut u64,
        );
    }

    pub(super) const PRESENT: bool = true;

    pub(super) fn init() {
        // SAFETY: fills a table of its own, before anything reads it.
        unsafe { moe_scalar_init() }
    }

    pub(super) fn route(layer: &Layer, biases: &[i64], rows: &[u32], to: &mut super::Results) {
        assert_eq!(rows.len(), BATCH * layer.experts as usize);
        assert_eq!(to.ids.len(), BATCH * layer.top_k as usize);
        let (ids, weights) = (to.ids.as_mut_ptr(), to.weights.as_mut_ptr());
        let (fixed, loads) = (to.fixed.as_mut_ptr(), to.loads.as_mut_ptr());
        let (experts, k, tokens) = (layer.experts, layer.top_k, BATCH as u32);
        match layer.score {
            // SAFETY: all tables are as long as the batch, the layer's k and experts ask for.
            Score::Softmax => unsafe {
                let renormalize = i32::from(layer.renormalize);
                moe_scalar_softmax(
                    rows.as_ptr(),
                    tokens,
                    experts,
                    k,
                    renormalize,
                    ids,
                    weights,
                    fixed,
                    loads,
                );
            },
            // SAFETY: as above; there is a bias for each expert.
            _ => unsafe {
                assert_eq!(biases.len(), experts as usize);
                let (groups, kept, scale) = (layer.groups, layer.groups_kept, layer.scale);
                moe_scalar_sigmoid(
                    rows.as_ptr(),
                    biases.as_ptr(),
                    tokens,
                    experts,
                    k,
                    groups,
                    kept,
                    scale,
                    ids,
                    weights,
                    fixed,
                    loads,
                );
            },
        }
    }
}

#[cfg(not(moe_scalar))]
mod scalar {
    pub(super) const PRESENT: bool = false;

    pub(super) fn init() {}

    pub(super) fn route(_: &super::Layer, _: &[i64], _: &[u32], _: &mut super::Results) {}
}

/// Where a call puts its results.
struct Results {
    ids: Vec<u16>,
    weights: Vec<u32>,
    fixed: Vec<u32>,
    loads: Vec<u64>,
}

impl Results {
    fn new(layer: &Layer) -> Self {
        let places = BATCH * layer.top_k as usize;
        Self {
            ids: vec![0; places],
            weights: vec![0; places],
            fixed: vec![0; places],
            loads: vec![0; layer.experts as usize],
        }
    }
}

/// A shape: its name and its layer.
fn shapes() -> Vec<(&'static str, Layer)> {
    let sigmoid = |experts, top_k| Layer {
        score: Score::Sigmoid,
        biased: true,
        group_score: GroupScore::TopTwo,
        scale: 5 << 15,
        ..Layer::softmax(experts, top_k)
    };
    vec![
        ("8/2", Layer::softmax(8, 2)),
        ("64/8", Layer::softmax(64, 8)),
        (
            "64/8-whole",
            Layer {
                renormalize: false,
                ..Layer::softmax(64, 8)
            },
        ),
        ("128/8", Layer::softmax(128, 8)),
        (
            "256/8-grouped",
            Layer {
                groups: 8,
                groups_kept: 4,
                ..sigmoid(256, 8)
            },
        ),
        ("384/8", sigmoid(384, 8)),
        ("896/16", sigmoid(896, 16)),
    ]
}

/// A 64-bit xorshift generator (Marsaglia 2003), so that every run sees the same logits.
struct Random(u64);

impl Random {
    /// About standard normal: a sum of four.
    fn normal(&mut self) -> f64 {
        let mut sum = 0.0;
        for _ in 0..4 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            sum += (self.0 >> 11) as f64 / (1u64 << 53) as f64;
        }
        (sum - 2.0) * 1.732
    }
}

/// Nanoseconds a token of `call`, for one batch: short, so that what else the machine does spoils
/// few of them.
fn time(call: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    call();
    begin.elapsed().as_secs_f64() * 1e9 / BATCH as f64
}

/// One call of the gate, loads counted.
fn gate(layer: &Layer, biases: &[i64], rows: &[u32], to: &mut Results, scratch: &mut Scratch) {
    let tables = Tables {
        biases,
        ..Tables::default()
    };
    let mut routes = Routes {
        ids: &mut to.ids,
        weights: &mut to.weights,
        fixed: &mut to.fixed,
    };
    let done = route(layer, &tables, Logits::F32(rows), &mut routes, scratch);
    assert!(black_box(done).is_ok());
    balance::count(&to.ids, &mut to.loads);
}

/// Median, quartiles and number of some times.
fn figures(times: &mut [f64]) -> (f64, String) {
    times.sort_by(f64::total_cmp);
    let runs = times.len();
    let at = |quarters: usize| times.get(runs * quarters / 4).copied().unwrap_or(f64::NAN);
    let (low, median, high) = (at(1), at(2), at(3));
    let text = format!(
        "{{\"ns_per_token\": {median:.1}, \"p25\": {low:.1}, \"p75\": {high:.1}, \"batches\": {runs}}}"
    );
    (median, text)
}

/// One shape: the gate and the scalar version in turn.
fn bench(name: &str, layer: &Layer, torch: &mut HashMap<String, Vec<f64>>) -> String {
    assert_eq!(layer.check(0), Ok(()));
    let experts = layer.experts as usize;
    let mut r = Random(0x9e37_79b9_7f4a_7c15);
    let logits: Vec<u32> = (0..BATCH * BATCHES * experts)
        .map(|_| (2.0 * r.normal()) as f32)
        .map(f32::to_bits)
        .collect();
    let biases: Vec<i64> = (0..if layer.biased { experts } else { 0 })
        .map(|_| (0.1 * r.normal() * (1u64 << KEY_BITS) as f64) as i64)
        .collect();
    let mut scratch = Box::new(Scratch::NEW);
    let (mut ours, mut theirs) = (Results::new(layer), Results::new(layer));
    let (mut gate_times, mut scalar_times) = (Vec::new(), Vec::new());
    let (mut same, mut all) = (0, 0);
    for run in 0..=RUNS {
        for rows in logits.chunks_exact(experts * BATCH) {
            let taken = time(|| gate(layer, &biases, rows, &mut ours, &mut scratch));
            let scalar = time(|| scalar::route(layer, &biases, rows, &mut theirs));
            if run > 0 {
                gate_times.push(taken);
                scalar_times.push(scalar);
            }
            let pairs = ours.ids.iter().zip(&theirs.ids);
            same += pairs.filter(|p| p.0 == p.1).count();
            all += ours.ids.len();
        }
    }
    let (median, gate) = figures(&mut gate_times);
    let mut line = format!("\"{name}\": {{\"gate\": {gate}");
    if scalar::PRESENT {
        assert!(
            same * 1000 >= all * 999,
            "{name}: the two choose differently"
        );
        let (bar, scalar) = figures(&mut scalar_times);
        line += &format!(
            ", \"scalar_c\": {scalar}, \"gate_to_scalar\": {:.2}",
            median / bar
        );
    }
    if let Some(times) = torch.get_mut(name) {
        let (bar, torch) = figures(times);
        line += &format!(
            ", \"pytorch\": {torch}, \"gate_to_pytorch\": {:.3}",
            median / bar
        );
    }
    line + "}"
}

/// The times of PyTorch by shape; empty where there is none.
fn torch() -> HashMap<String, Vec<f64>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../bench/moe_torch.py");
    let python = std::env::var("LIGHTOS_PYTHON").unwrap_or_else(|_| "python3".into());
    let numbers = [BATCH, BATCHES, RUNS].map(|n| n.to_string());
    let child = Command::new(python)
        .arg(script)
        .args(numbers)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else {
        return HashMap::new();
    };
    if let Some(mut input) = child.stdin.take() {
        for (name, l) in shapes() {
            let rule = if l.score == Score::Softmax {
                "softmax"
            } else {
                "sigmoid"
            };
            let renormalize = u8::from(l.renormalize);
            let (experts, k, groups, kept) = (l.experts, l.top_k, l.groups, l.groups_kept);
            // A script that is gone has no torch.
            let _ = writeln!(
                input,
                "{name} {experts} {k} {rule} {renormalize} {groups} {kept}"
            );
        }
    }
    let output = child
        .wait_with_output()
        .map(|o| o.stdout)
        .unwrap_or_default();
    let output = String::from_utf8_lossy(&output).into_owned();
    let lines = output.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let name = words.next()?.to_owned();
        Some((name, words.filter_map(|w| w.parse().ok()).collect()))
    });
    lines.collect()
}

fn main() {
    scalar::init();
    let mut torch = torch();
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let lines: Vec<String> = shapes()
        .iter()
        .filter(|shape| wanted.is_empty() || wanted.iter().any(|name| name == shape.0))
        .map(|(name, layer)| bench(name, layer, &mut torch))
        .collect();
    println!("{{");
    println!("  \"bench\": \"moe\",");
    println!("  \"cpu\": \"{}\",", cpu_model());
    println!("  \"tokens_a_batch\": {BATCH},");
    println!("  \"shapes\": {{\n    {}\n  }}", lines.join(",\n    "));
    println!("}}");
}
