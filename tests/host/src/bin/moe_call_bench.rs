// SPDX-License-Identifier: GPL-2.0

//! `moe-call-bench`: what the kernel call adds to the gate, as one JSON object.
//!
//! For a guest with the module loaded. Every shape routes the same f32 logits in batches of 256
//! tokens three ways, in turn within each round, so that a change in the machine's speed meets all
//! alike: by the arithmetic in this process (`user`), by MOE_ROUTE with pointers (`call`) and by
//! MOE_ROUTE with registered buffers (`registered`). All give ids, weights as f32 and Q16.16, and
//! count loads; the call copies logits in and results out, and books the batch. Their ids are
//! compared. A round is a batch, short enough to be left alone by other work on the machine mostly;
//! ratios are taken within a round. Median and quartiles are those of the rounds.
//!
//! Build with `RUSTFLAGS="-C target-feature=+crt-static -C no-vectorize-loops -C
//! no-vectorize-slp"`: without a C library in the guest, and as the kernel is built.

use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::os::fd::AsRawFd;
use std::time::Instant;

use lightos_host::moe::balance;
use lightos_host::moe::config::{GroupScore, Layer};
use lightos_host::moe::gate::{route, Logits, Routes, Scratch, Tables};
use lightos_host::moe::score::Score;

/// Tokens of a call.
const BATCH: usize = 256;

/// Different batches, that rounds take in turn.
const BATCHES: usize = 8;

/// Rounds that count; those of each batch come once before them.
const ROUNDS: usize = 500;

/// `struct lightos_moe_layer`.
#[repr(C)]
#[derive(Default)]
struct LayerArg {
    experts: u32,
    top_k: u32,
    min_k: u32,
    groups: u32,
    groups_kept: u32,
    group_score: u32,
    score: u32,
    strategy: u32,
    flags: u32,
    scale: u32,
    thresholds: [u32; 2],
    bias_step: u32,
    drop: u32,
    capacity_factor: u32,
    capacity_minimum: u32,
    capacity_alignment: u32,
    reserved: u32,
    seed: u64,
    reserved2: [u64; 2],
}

/// `struct lightos_moe_configure`.
#[repr(C)]
#[derive(Default)]
struct ConfigureArg {
    size: u32,
    flags: u32,
    layers: u32,
    reserved: u32,
    data: u64,
    bytes: u64,
    fault: [u64; 5],
}

/// `struct lightos_moe_buffers`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Buffers {
    input: u64,
    token_ids: u64,
    ids: u64,
    weights: u64,
    fixed: u64,
    slots: u64,
}

/// `struct lightos_moe_register`.
#[repr(C)]
struct RegisterArg {
    size: u32,
    flags: u32,
    format: u32,
    tokens: u32,
    buffers: Buffers,
}

/// `struct lightos_moe_route`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct RouteArg {
    size: u32,
    flags: u32,
    layer: u32,
    format: u32,
    tokens: u32,
    reserved: u32,
    buffers: Buffers,
    results: [u64; 4],
    wrong: [u32; 4],
}

/// The code of a call: direction, size and number.
const fn code(direction: u64, size: usize, number: u64) -> u64 {
    direction << 30 | (size as u64) << 16 | (b'L' as u64) << 8 | number
}

const CONFIGURE: u64 = code(3, size_of::<ConfigureArg>(), 0x61);
const REGISTER: u64 = code(1, size_of::<RegisterArg>(), 0x67);
const ROUTE: u64 = code(3, size_of::<RouteArg>(), 0x68);

const REGISTERED: u32 = 1;

extern "C" {
    fn ioctl(fd: i32, code: u64, argument: *mut core::ffi::c_void) -> i32;
}

/// A call on the device, which must succeed.
fn call<T>(device: &File, code: u64, argument: &mut T) {
    // SAFETY: the argument is the structure that the code stands for, and the buffers that it
    // points to are as long as its numbers say.
    let done = unsafe { ioctl(device.as_raw_fd(), code, (argument as *mut T).cast()) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}

/// Where a way puts its results.
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

    /// Buffers for logits at `input`; no slots, as nothing is dropped.
    fn buffers(&mut self, input: *const u32) -> Buffers {
        Buffers {
            input: input as u64,
            ids: self.ids.as_mut_ptr() as u64,
            weights: self.weights.as_mut_ptr() as u64,
            fixed: self.fixed.as_mut_ptr() as u64,
            ..Buffers::default()
        }
    }
}

/// Name and layer of each shape.
fn shapes() -> [(&'static str, Layer); 4] {
    let sigmoid = |experts, top_k, groups, groups_kept| Layer {
        score: Score::Sigmoid,
        biased: true,
        group_score: GroupScore::TopTwo,
        groups,
        groups_kept,
        scale: 5 << 15,
        ..Layer::softmax(experts, top_k)
    };
    [
        ("8/2", Layer::softmax(8, 2)),
        ("64/8", Layer::softmax(64, 8)),
        ("128/8", Layer::softmax(128, 8)),
        ("256/8-grouped", sigmoid(256, 8, 8, 4)),
    ]
}

/// A file with a gate of this layer, its biases 0.
fn gate_of(layer: &Layer) -> File {
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/lightos")
        .expect("/dev/lightos opens");
    let rule = LayerArg {
        experts: layer.experts,
        top_k: layer.top_k,
        groups: layer.groups,
        groups_kept: layer.groups_kept,
        group_score: layer.group_score as u32,
        score: layer.score as u32,
        flags: u32::from(layer.biased) | u32::from(layer.renormalize) << 1,
        scale: layer.scale,
        capacity_alignment: 1,
        ..LayerArg::default()
    };
    let mut request = ConfigureArg {
        size: size_of::<ConfigureArg>() as u32,
        layers: 1,
        data: &raw const rule as u64,
        ..ConfigureArg::default()
    };
    call(&device, CONFIGURE, &mut request);
    device
}

/// One batch in this process.
fn in_user(layer: &Layer, biases: &[i64], rows: &[u32], to: &mut Results, scratch: &mut Scratch) {
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

/// Nanoseconds a token of `way`.
fn time(way: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    way();
    begin.elapsed().as_secs_f64() * 1e9 / BATCH as f64
}

/// Logits that look random and are the same in every run.
fn noise(count: usize) -> Vec<u32> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| (4.0 * next()).to_bits()).collect()
}

/// Median and quartiles.
fn figures(of: &[f64], digits: usize) -> String {
    let mut of = of.to_vec();
    of.sort_by(f64::total_cmp);
    let [p25, median, p75] = [1, 2, 3].map(|quarter| of[of.len() * quarter / 4]);
    format!("{{\"median\": {median:.digits$}, \"p25\": {p25:.digits$}, \"p75\": {p75:.digits$}}}")
}

fn bench(name: &str, layer: &Layer) -> String {
    let experts = layer.experts as usize;
    let device = gate_of(layer);
    let logits = noise(BATCH * BATCHES * experts);
    let biases = vec![0; if layer.biased { experts } else { 0 }];
    let mut scratch = Box::new(Scratch::NEW);
    let (mut own, mut theirs) = (Results::new(layer), Results::new(layer));
    // The registered input is one place, which a program fills itself.
    let mut input = logits[..BATCH * experts].to_vec();
    let mut register = RegisterArg {
        size: size_of::<RegisterArg>() as u32,
        flags: 0,
        format: 0,
        tokens: BATCH as u32,
        buffers: theirs.buffers(input.as_ptr()),
    };
    call(&device, REGISTER, &mut register);
    let request = RouteArg {
        size: size_of::<RouteArg>() as u32,
        tokens: BATCH as u32,
        ..RouteArg::default()
    };
    let mut times = [const { Vec::new() }; 3];
    let mut ratios = [const { Vec::new() }; 2];
    for round in 0..BATCHES + ROUNDS {
        let rows = logits.chunks_exact(BATCH * experts).nth(round % BATCHES);
        let rows = rows.expect("a batch");
        input.copy_from_slice(rows);
        let user = time(|| in_user(layer, &biases, rows, &mut own, &mut scratch));
        let buffers = theirs.buffers(rows.as_ptr());
        let by_call = time(|| call(&device, ROUTE, &mut RouteArg { buffers, ..request }));
        assert_eq!(
            own.ids, theirs.ids,
            "{name}: the kernel chooses differently"
        );
        assert_eq!(
            own.weights, theirs.weights,
            "{name}: the kernel weighs differently"
        );
        let flags = REGISTERED;
        let registered = time(|| call(&device, ROUTE, &mut RouteArg { flags, ..request }));
        if round >= BATCHES {
            let measured = [user, by_call, registered];
            times.iter_mut().zip(measured).for_each(|(t, m)| t.push(m));
            ratios[0].push(by_call / user);
            ratios[1].push(registered / user);
        }
    }
    let [user, by_call, registered] = times.map(|t| figures(&t, 1));
    let [call_ratio, registered_ratio] = ratios.map(|r| figures(&r, 3));
    format!(
        "\"{name}\": {{\"user_ns\": {user}, \"call_ns\": {by_call}, \"registered_ns\": {registered}, \
         \"call_to_user\": {call_ratio}, \"registered_to_user\": {registered_ratio}}}"
    )
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let lines: Vec<String> = shapes()
        .iter()
        .filter(|shape| wanted.is_empty() || wanted.iter().any(|name| name == shape.0))
        .map(|(name, layer)| bench(name, layer))
        .collect();
    println!("{{\"bench\": \"moe-call\", \"tokens_a_batch\": {BATCH}, \"rounds\": {ROUNDS},");
    println!(" \"shapes\": {{\n  {}\n }}}}", lines.join(",\n  "));
}
