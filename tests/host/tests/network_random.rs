// SPDX-License-Identifier: GPL-2.0

//! Random networks: the engine against a plain model, bit for bit.
//!
//! The model sends every weight to a map from (step, neuron) at the moment of the spike, and
//! computes with `i128` and divisions. Neurons in spans it looks at in every step.

use std::collections::{BTreeMap, BTreeSet};

use lightos_host::nets::{connect, empty, network, Heap, HeapNetwork, Recorder};
use lightos_host::spiking::network::description::{Kind, Parts, Population};
use lightos_host::spiking::network::simulation::Totals;
use lightos_host::spiking::network::span::{LEAST_NEURONS, LONGEST};
use lightos_host::spiking::network::synapses::{weights_of, Block, Connection, Width};
use lightos_host::spiking::network::{exact, loihi};
use lightos_host::support::{cases, steps};
use proptest::prelude::*;

/// A 64-bit xorshift generator (Marsaglia 2003).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From `least` to `greatest`, both included.
    fn between(&mut self, least: i64, greatest: i64) -> i64 {
        least + (self.next() >> 8).rem_euclid((greatest - least + 1) as u64) as i64
    }

    fn one_in(&mut self, n: i64) -> bool {
        self.between(1, n) == 1
    }
}

/// A network and what goes into it.
struct Case {
    inputs: u32,
    populations: Vec<Population>,
    loihi: Vec<loihi::Params>,
    exact: Vec<exact::Params>,
    list: Vec<Connection>,
    blocks: Vec<Block>,
    weights: Vec<u8>,
    spikes: Vec<(u64, u32)>,
    injections: Vec<(u64, u32, i32)>,
    steps: u64,
}

fn loihi_params(r: &mut Random) -> loihi::Params {
    loihi::Params {
        current_decay: r.between(0, 4096) as u32,
        voltage_decay: r.between(0, 4096) as u32,
        threshold: {
            let bits = if r.one_in(2) { 22 } else { 14 };
            r.between(0, 1 << bits) as i32
        },
        bias: if r.one_in(3) {
            r.between(-4096, 4096) as i32
        } else {
            0
        },
        refractory_steps: r.between(0, 4).saturating_sub(1).max(0) as u32,
    }
}

fn exact_params(r: &mut Random) -> exact::Params {
    let one = exact::ONE;
    let wide = r.one_in(3);
    let gain = if wide { 1 << 59 } else { 1 << 30 };
    exact::Params {
        propagators: exact::Propagators {
            p22: if r.one_in(4) { one } else { r.between(0, one) },
            p11: [r.between(0, one), r.between(0, one)],
            p21: [r.between(-one / 8, one), r.between(0, one)],
        },
        drive: if r.one_in(3) {
            r.between(-1 << 40, 1 << 40)
        } else {
            0
        },
        gain: [r.between(0, gain), r.between(-gain / 16, gain)],
        threshold: if r.one_in(5) {
            exact::NEVER
        } else {
            r.between(1, 1 << if wide { 60 } else { 44 })
        },
        reset: r.between(-1 << 42, 1 << 20),
        refractory_steps: r.between(0, 3) as u32,
        reserved: 0,
    }
}

/// Parameters that neurons may share to be computed in spans, of one step to [`LONGEST`].
fn span_params(r: &mut Random) -> exact::Params {
    let mut tau = || std::num::NonZeroU64::new(r.between(1, 300) as u64 * 100_000);
    let (membrane, currents) = (tau(), [tau(), tau()]);
    let propagators = exact::Propagators::new(
        100_000,
        membrane.filter(|_| !r.one_in(8)),
        currents.map(|tau| tau.filter(|_| !r.one_in(8))),
    );
    // Of thresholds of 2^46; wide ones reach the ends of the range.
    let wide = if r.one_in(4) { 11 } else { 0 };
    let gain = 1 << (32 + wide);
    exact::Params {
        propagators,
        drive: if r.one_in(2) {
            r.between(-1 << 40, 1 << 42)
        } else {
            0
        },
        gain: [r.between(gain, 8 * gain), r.between(gain, 8 * gain)],
        threshold: match r.between(1, 8) {
            1 => exact::NEVER,
            2 => r.between(1, 1 << 34),
            _ => r.between(1 << 43, 1 << (46 + wide)),
        },
        reset: r.between(-1 << 46, 1 << 42),
        refractory_steps: [0, 1, 20, 127, 128, 129, 300][r.between(0, 6) as usize],
        reserved: 0,
    }
}

fn case(seed: u64) -> Case {
    // Neighbouring seeds must not give the same first choices.
    let mut r = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for _ in 0..8 {
        r.next();
    }
    let r = &mut r;
    let is_loihi = r.one_in(2);
    let spans = !is_loihi && r.one_in(2);
    let mut c = Case {
        inputs: r.between(0, 130) as u32,
        populations: Vec::new(),
        loihi: Vec::new(),
        exact: Vec::new(),
        list: Vec::new(),
        blocks: Vec::new(),
        weights: Vec::new(),
        spikes: Vec::new(),
        injections: Vec::new(),
        // About two spans.
        steps: steps(if spans { 260 } else { 120 }) as u64,
    };
    let mut neurons = 0;
    for _ in 0..r.between(1, if spans { 2 } else { 4 }) {
        // In spans, perhaps.
        let many = spans || r.one_in(8);
        let count = r.between(1, 100) as u32 + if many { LEAST_NEURONS } else { 0 };
        let params_count = if !spans && r.one_in(2) { count } else { 1 };
        let kind = match (is_loihi, !spans && r.one_in(2)) {
            (true, _) => Kind::Loihi,
            (_, true) => Kind::Jump,
            (_, false) => Kind::Exponential,
        };
        let params = if is_loihi {
            c.loihi.len()
        } else {
            c.exact.len()
        } as u32;
        for _ in 0..params_count {
            if is_loihi {
                c.loihi.push(loihi_params(r));
            } else if many {
                c.exact.push(span_params(r));
            } else {
                c.exact.push(exact_params(r));
            }
        }
        c.populations.push(Population {
            first: neurons,
            count,
            kind,
            params,
            params_count,
        });
        neurons += count;
    }
    let sources = i64::from(neurons + c.inputs);
    let most = if is_loihi { 255 } else { 32_767 };
    for _ in 0..r.between(0, 3_000) {
        c.list.push(Connection {
            source: r.between(0, sources - 1) as u32,
            target: r.between(0, i64::from(neurons) - 1) as u16,
            weight: r.between(-most / 2 - 1, most) as i16,
            delay: r.between(1, 16) as u32,
        });
    }
    for _ in 0..r.between(0, 3) {
        let width = if r.one_in(2) {
            Width::Byte
        } else {
            Width::Word
        };
        let (source_first, target_first) = (
            r.between(0, sources - 1),
            r.between(0, i64::from(neurons) - 1),
        );
        let block = Block {
            source_first: source_first as u32,
            source_count: r.between(1, sources - source_first) as u32,
            target_first: target_first as u32,
            target_count: r.between(1, i64::from(neurons) - target_first) as u32,
            delay: r.between(1, 20) as u32,
            width,
            offset: c.weights.len() as u64,
        };
        for _ in 0..block.source_count * block.target_count {
            let weight = r.between(-most / 2 - 1, most) as i16;
            c.weights.extend(&weight.to_le_bytes()[..width as usize]);
        }
        c.blocks.push(block);
    }
    for step in 0..c.steps {
        let rate = r.between(0, 3) * i64::from(c.inputs) / 4;
        let chosen: BTreeSet<u32> = (0..rate)
            .map(|_| r.between(0, i64::from(c.inputs) - 1) as u32)
            .collect();
        c.spikes
            .extend(chosen.into_iter().map(|input| (step, input)));
        if r.one_in(3) {
            let weight = r.between(-1 << 19, 1 << 20) as i32;
            c.injections
                .push((step, r.between(0, i64::from(neurons) - 1) as u32, weight));
        }
    }
    c
}

impl Case {
    fn neurons(&self) -> u32 {
        self.populations.last().unwrap().end() as u32
    }

    fn network(&self, list: &[Connection]) -> HeapNetwork {
        self.probed(list, (0..self.neurons()).collect())
    }

    fn probed(&self, list: &[Connection], probes: Vec<u32>) -> HeapNetwork {
        let mut parts: Parts<Heap> = Parts {
            populations: self.populations.clone(),
            loihi_params: self.loihi.clone(),
            exact_params: self.exact.clone(),
            blocks: self.blocks.clone(),
            weights: self.weights.clone(),
            probes,
            ..empty(self.inputs)
        };
        connect(&mut parts, list);
        network(parts).unwrap()
    }

    fn recorder(&self) -> Recorder {
        let mut io = Recorder::new(self.spikes.clone());
        io.injections = self.injections.clone();
        io
    }

    fn run(&self, mut network: HeapNetwork) -> (Recorder, Totals) {
        let mut io = self.recorder();
        network.run(self.steps, &mut io);
        (io, *network.totals())
    }
}

/// Powers of propagators, for the steps of a span and those that are traced back.
struct PlainRow {
    p22: i128,
    p11: [i128; 2],
    p21: [i128; 2],
    drive: i128,
    back22: i128,
    current: [i128; 2],
    membrane: [i128; 2],
}

/// The rows of a span; none for a population that goes step by step.
fn plain_rows(population: &Population, p: &exact::Params) -> Vec<PlainRow> {
    const ONE: i128 = 1 << 62;
    let shares = population.params_count == 1 && population.count >= LEAST_NEURONS;
    let bounded = p.gain.iter().all(|g| (1 << 32..=1 << 52).contains(g))
        && p.drive.abs() <= 1 << 53
        && (p.threshold <= 1 << 60 || p.threshold == exact::NEVER)
        && p.reset < p.threshold;
    let mut rows = Vec::new();
    if population.kind != Kind::Exponential || !shares || !bounded {
        return rows;
    }
    let by = &p.propagators;
    let [a, b, c] = [by.p22, by.p11[0], by.p11[1]].map(i128::from);
    let (mut p22, mut p11, mut p21, mut sum) = (ONE, [ONE; 2], [0; 2], 0);
    for _ in 0..=LONGEST {
        let least = ONE / 32;
        let fits = |k: usize| {
            p11[k] >= least && (0..=ONE).contains(&p21[k]) && p22 * p11[k] / ONE > p21[k] / 32
        };
        if p22 < least || !fits(0) || !fits(1) {
            break;
        }
        let back = p11.map(|p| (ONE << 57) / p);
        let current = [0, 1].map(|k| (i128::from(p.gain[k]) * back[k] + (1 << 56)) >> 57);
        rows.push(PlainRow {
            p22,
            p11,
            p21,
            drive: (i128::from(p.drive) * (sum >> 7)) >> 55,
            back22: (ONE << 57) / p22,
            current,
            membrane: [0, 1].map(|k| current[k] * p21[k] / p22),
        });
        sum += p22;
        p21 = [0, 1].map(|k| a * p21[k] / ONE + i128::from(by.p21[k]) * p11[k] / ONE);
        p22 = a * p22 / ONE;
        p11 = [b * p11[0] / ONE, c * p11[1] / ONE];
    }
    let steps = (rows.len() - 1).checked_ilog2().map_or(0, |log| 1 << log);
    rows.truncate(if steps > 1 { steps + 1 } else { 0 });
    rows
}

/// One neuron of the plain model.
#[derive(Clone, Default)]
struct Plain {
    v: i128,
    i: [i128; 2],
    held: u32,
}

impl Plain {
    /// The membrane at `row`, every product rounded down.
    fn membrane(&self, row: &PlainRow) -> i128 {
        let currents: i128 = [0, 1].map(|k| (self.i[k] * row.p21[k]) >> 62).iter().sum();
        ((self.v * row.p22) >> 62) + currents + row.drive
    }

    /// The membrane and the currents at `row`, truncated to units.
    fn present(&self, row: &PlainRow) -> (i128, [i128; 2]) {
        let sum = self.v * row.p22 + self.i[0] * row.p21[0] + self.i[1] * row.p21[1];
        let v = clamped(sum / (1 << 62) + row.drive, 1 << 60, &mut 0);
        (v, [0, 1].map(|k| self.i[k] * row.p11[k] / (1 << 62)))
    }
}

/// The plain model of a whole network.
struct Model<'a> {
    case: &'a Case,
    neurons: Vec<Plain>,
    arriving: BTreeMap<(u64, u32), [i128; 2]>,
    totals: Totals,
    rows: Vec<Vec<PlainRow>>,
}

fn clamped(x: i128, limit: i128, count: &mut u64) -> i128 {
    let cut = x.max(-limit).min(limit);
    *count += u64::from(cut != x);
    cut
}

impl Model<'_> {
    fn add(&mut self, step: u64, neuron: u32, weight: i128) {
        let sums = self.arriving.entry((step, neuron)).or_default();
        sums[usize::from(weight < 0)] += weight;
    }

    fn send(&mut self, step: u64, source: u32) {
        let case = self.case;
        for c in case.list.iter().filter(|c| c.source == source) {
            self.add(
                step + u64::from(c.delay),
                u32::from(c.target),
                c.weight.into(),
            );
            self.count_event(step, c.delay);
        }
        for b in &case.blocks {
            let range = b.source_first..b.source_first + b.source_count;
            if range.contains(&source) {
                let row = (b.width as u32 * b.target_count) as usize;
                let at = b.offset as usize + row * (source - b.source_first) as usize;
                for (i, w) in weights_of(&case.weights[at..at + row], b.width).enumerate() {
                    self.add(
                        step + u64::from(b.delay),
                        b.target_first + i as u32,
                        w.into(),
                    );
                    self.count_event(step, b.delay);
                }
            }
        }
    }

    fn count_event(&mut self, step: u64, delay: u32) {
        let arrives = step + u64::from(delay) < self.case.steps;
        self.totals.synaptic_events += u64::from(arrives);
    }

    fn loihi(&mut self, n: u32, p: &loihi::Params, [up, down]: [i128; 2]) -> (bool, i128) {
        let neuron = &mut self.neurons[n as usize];
        let tally = &mut self.totals.tally;
        let kept = |x: i128, d: u32| x * (4096 - i128::from(d)) / 4096;
        let sum = kept(neuron.i[0], p.current_decay) + (up + down) * 64;
        let mut u = sum;
        while u > 1 << 23 {
            u -= 1 << 24;
        }
        while u <= -(1 << 23) {
            u += 1 << 24;
        }
        tally.wraps += u64::from(u != sum);
        neuron.i[0] = u;
        if neuron.held > 0 {
            neuron.held -= 1;
            return (false, 0);
        }
        let v = kept(neuron.v, p.voltage_decay) + u + i128::from(p.bias);
        neuron.v = clamped(v, (1 << 23) - 1, &mut tally.saturations);
        if neuron.v > i128::from(p.threshold) {
            neuron.v = 0;
            neuron.held = p.refractory_steps;
            return (true, 128);
        }
        (false, neuron.v)
    }

    fn exact(&mut self, n: u32, jump: bool, p: &exact::Params, sums: [i128; 2]) -> (bool, i128) {
        const LIMIT: i128 = 1 << 60;
        let neuron = &mut self.neurons[n as usize];
        let cuts = &mut self.totals.tally.saturations;
        let by = &p.propagators;
        let mut v = neuron.v * i128::from(by.p22);
        let mut added = i128::from(p.drive);
        let gained = |sum: i128, gain: i64| clamped(sum * i128::from(gain), LIMIT, &mut 0);
        if jump {
            added += gained(sums[0] + sums[1], p.gain[0]);
        } else {
            for (k, (i, sum)) in neuron.i.iter_mut().zip(sums).enumerate() {
                v += *i * i128::from(by.p21[k]);
                let kept = *i * i128::from(by.p11[k]) / (1 << 62);
                *i = clamped(kept + gained(sum, p.gain[k]), LIMIT, cuts);
            }
        }
        if neuron.held > 0 {
            neuron.held -= 1;
            return (false, neuron.v);
        }
        neuron.v = clamped(v / (1 << 62) + added, LIMIT, cuts);
        let spiked = neuron.v >= i128::from(p.threshold);
        if spiked {
            neuron.v = p.reset.into();
            neuron.held = p.refractory_steps;
        }
        (spiked, neuron.v)
    }

    /// A neuron in spans: at `n` steps of one.
    fn span(&mut self, at: u32, rows: usize, p: &exact::Params, sums: [i128; 2]) -> (bool, i128) {
        const LIMIT: i128 = 1 << 60;
        let rows = &self.rows[rows];
        let n = (self.totals.steps + 1) as usize % (rows.len() - 1);
        let (row, neuron) = (&rows[n], &mut self.neurons[at as usize]);
        let cuts = &mut self.totals.tally.saturations;
        let mut released = false;
        if n == 0 {
            (neuron.v, neuron.i) = neuron.present(&rows[rows.len() - 1]);
            if neuron.held > 0 {
                neuron.held -= rows.len() as u32 - 1;
                neuron.v = p.reset.into();
                released = neuron.held == 0;
            }
        }
        for ((i, sum), by) in neuron.i.iter_mut().zip(sums).zip(row.current) {
            *i = clamped(*i + sum * by, LIMIT, cuts);
        }
        if neuron.held == 0 {
            let off = sums[0] * row.membrane[0] + sums[1] * row.membrane[1];
            neuron.v = clamped(neuron.v - off, LIMIT, cuts);
        }
        let spiked =
            neuron.held == 0 && !released && neuron.membrane(row) >= i128::from(p.threshold);
        let ends = neuron.held != 0 && neuron.held == n as u32;
        if spiked && p.refractory_steps > 0 {
            neuron.held = n as u32 + p.refractory_steps;
        } else if spiked || ends {
            neuron.held = 0;
            neuron.v = 0;
            let rest = i128::from(p.reset) - neuron.membrane(row);
            neuron.v = clamped((rest * row.back22) >> 57, LIMIT, cuts);
        }
        if neuron.held > 0 {
            return (spiked, p.reset.into());
        }
        (spiked, neuron.present(row).0)
    }

    fn step(&mut self, step: u64, io: &mut Recorder) {
        let case = self.case;
        for &(_, input) in case.spikes.iter().filter(|s| s.0 == step) {
            self.totals.input_spikes += 1;
            self.send(step, case.neurons() + input);
        }
        for &(_, neuron, weight) in case.injections.iter().filter(|s| s.0 == step) {
            self.add(step, neuron, weight.into());
        }
        for (index, p) in case.populations.iter().enumerate() {
            for n in p.first..p.first + p.count {
                let own = p.params + if p.params_count == 1 { 0 } else { n - p.first };
                let sums = self.arriving.remove(&(step, n)).unwrap_or_default();
                let (spiked, reading) = match p.kind {
                    Kind::Loihi => self.loihi(n, &case.loihi[own as usize], sums),
                    _ if !self.rows[index].is_empty() => {
                        self.span(n, index, &case.exact[own as usize], sums)
                    }
                    kind => self.exact(n, kind == Kind::Jump, &case.exact[own as usize], sums),
                };
                if spiked {
                    io.spikes.push((step, n));
                    self.totals.spikes += 1;
                    self.send(step, n);
                }
                io.voltages.push((step, n, reading as i64));
            }
        }
        self.totals.steps += 1;
    }
}

fn modelled(case: &Case) -> (Recorder, Totals) {
    let mut model = Model {
        case,
        neurons: vec![Plain::default(); case.neurons() as usize],
        arriving: BTreeMap::new(),
        totals: Totals::default(),
        rows: case
            .populations
            .iter()
            .map(|p| match case.exact.get(p.params as usize) {
                Some(params) => plain_rows(p, params),
                None => Vec::new(),
            })
            .collect(),
    };
    let mut io = case.recorder();
    for step in 0..case.steps {
        model.step(step, &mut io);
    }
    (io, model.totals)
}

/// The first entry of two lists that is not the same.
fn first_difference<T: Copy + PartialEq>(a: &[T], b: &[T]) -> Option<(Option<T>, Option<T>)> {
    let at = (0..a.len().max(b.len())).find(|&i| a.get(i) != b.get(i))?;
    Some((a.get(at).copied(), b.get(at).copied()))
}

/// Everything that comes out must be equal; executed and skipped updates have the same total.
fn assert_same(a: &(Recorder, Totals), b: &(Recorder, Totals)) {
    assert_eq!(first_difference(&a.0.voltages, &b.0.voltages), None);
    assert_eq!(first_difference(&a.0.spikes, &b.0.spikes), None);
    let without_updates = |mut totals: Totals| {
        totals.tally.updates += totals.tally.skipped;
        totals.tally.skipped = 0;
        totals
    };
    assert_eq!(without_updates(a.1), without_updates(b.1));
}

fn check(case: &Case) -> Totals {
    let ran = case.run(case.network(&case.list));
    let mut expected = modelled(case);
    expected.1.tally.updates = u64::from(case.neurons()) * case.steps;
    assert_same(&ran, &expected);

    let mut all = case.network(&case.list);
    all.set_skipping(false);
    let all = case.run(all);
    assert_eq!(all.1.tally.skipped, 0);
    assert_same(&ran, &all);

    // Neither the probes nor how the steps are divided into runs.
    let mut r = Random(case.steps);
    let mut pieces = case.probed(&case.list, Vec::new());
    let mut io = case.recorder();
    while pieces.step() < case.steps {
        let left = (case.steps - pieces.step()) as i64;
        pieces.run(r.between(1, left) as u64, &mut io);
    }
    if let Some(last) = ran.0.voltages.len().checked_sub(case.neurons() as usize) {
        for &(_, neuron, value) in &ran.0.voltages[last..] {
            if let Some(state) = pieces.exact_state(neuron) {
                assert_eq!(state.membrane, value);
            }
        }
    }
    io.voltages.clone_from(&ran.0.voltages);
    let skipped = *pieces.totals();
    assert_same(&ran, &(io, skipped));
    assert_eq!(ran.1, skipped);

    let mut shuffled = case.list.clone();
    for i in (1..shuffled.len()).rev() {
        shuffled.swap(i, r.between(0, i as i64) as usize);
    }
    assert_same(&ran, &case.run(case.network(&shuffled)));
    ran.1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(60, 3_000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn engine_equals_plain_model(seed: u64) {
        check(&case(seed));
    }
}

/// The property above would mean little if its networks were silent or never at their limits.
#[test]
fn random_networks_reach_everything() {
    let (mut sum, mut spans) = (Totals::default(), Totals::default());
    let mut lengths: BTreeSet<u32> = BTreeSet::new();
    for seed in 1..cases(60, 60) as u64 {
        let case = case(seed << 32 | 0x9e37_79b9);
        let t = check(&case);
        let plans: Vec<u32> = case.network(&case.list).plans().map(|p| p.steps).collect();
        lengths.extend(plans.iter().copied());
        let sum = if plans.iter().all(|&steps| steps > 1) {
            &mut spans
        } else {
            &mut sum
        };
        sum.spikes += t.spikes;
        sum.synaptic_events += t.synaptic_events;
        sum.tally.wraps += t.tally.wraps;
        sum.tally.saturations += t.tally.saturations;
        sum.tally.updates += t.tally.updates;
        sum.tally.skipped += t.tally.skipped;
    }
    if !cfg!(miri) {
        assert!(
            sum.spikes > 1_000 && sum.synaptic_events > 1_000_000,
            "{sum:?}"
        );
        assert!(
            sum.tally.wraps > 100 && sum.tally.saturations > 100,
            "{sum:?}"
        );
        assert!(sum.tally.skipped > 1_000, "{sum:?}");
        assert!(
            spans.spikes > 1_000 && spans.tally.saturations > 100,
            "{spans:?}"
        );
        assert!(spans.tally.skipped > spans.tally.updates, "{spans:?}");
        assert!(
            lengths.len() > 4 && lengths.contains(&LONGEST),
            "{lengths:?}"
        );
        println!("{spans:?} {lengths:?}");
    }
}
