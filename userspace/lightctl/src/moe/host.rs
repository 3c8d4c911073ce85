// SPDX-License-Identifier: GPL-2.0

//! A gate in this process: the arithmetic files of the module, the same bits.

use std::time::Instant;

use lightos::moe::{
    Batch, Cluster, Drop, Error as GateError, Expert, Fault, Format, GroupScore, Input, Layer,
    LayerInfo, LogitProblem, Placement, Problem, Reset, Routes, Score, State, Stats, Strategy,
    Tally,
};
use lightos::Error;
use lightos_host::moe::{
    balance, capacity, config, gate, hash, learned, placement, score, statistics,
};

use super::backend::Backend;

/// A gate in this process.
pub(crate) struct HostGate {
    layers: Vec<HostLayer>,
}

/// A layer with all that belongs to it.
struct HostLayer {
    info: LayerInfo,
    rule: config::Layer,
    biases: Vec<i64>,
    hash: Vec<u16>,
    weights: Vec<i8>,
    scales: Vec<u32>,
    experts: Vec<Expert>,
    /// Of all batches, and of the last one.
    all: Counted,
    last: Counted,
    batches: u64,
    updates: u64,
    busy_ns: u64,
}

/// What was counted.
#[derive(Clone, Copy, Default)]
struct Counted {
    tally: gate::Tally,
    dropped: u64,
    slots: u64,
}

const IDLE: Expert = Expert {
    load: 0,
    dropped: 0,
    recent: 0,
    last: 0,
    state: State::Idle,
};

/// A rule in the words of the arithmetic.
fn rule_of(layer: &Layer) -> config::Layer {
    config::Layer {
        experts: layer.experts,
        top_k: layer.top_k,
        min_k: layer.min_k,
        groups: layer.groups,
        groups_kept: layer.groups_kept,
        group_score: match layer.group_score {
            GroupScore::Max => config::GroupScore::Max,
            GroupScore::TopTwo => config::GroupScore::TopTwo,
        },
        score: match layer.score {
            Score::Softmax => score::Score::Softmax,
            Score::Sigmoid => score::Score::Sigmoid,
            Score::SqrtSoftplus => score::Score::SqrtSoftplus,
        },
        strategy: match layer.strategy {
            Strategy::TopK => config::Strategy::TopK,
            Strategy::Threshold => config::Strategy::Threshold,
            Strategy::Learned => config::Strategy::Learned,
            Strategy::Hash => config::Strategy::Hash,
        },
        biased: layer.biased,
        renormalize: layer.renormalize,
        scale: layer.scale,
        threshold: layer.threshold,
        token_threshold: layer.token_threshold,
        bias_step: layer.bias_step,
        seed: layer.seed,
        capacity: capacity::Capacity {
            drop: match layer.drop {
                Drop::Never => capacity::Drop::Never,
                Drop::ByPosition => capacity::Drop::ByPosition,
                Drop::ByProbability => capacity::Drop::ByProbability,
            },
            factor: layer.capacity_factor,
            minimum: layer.capacity_minimum,
            alignment: layer.capacity_alignment,
        },
    }
}

/// A fault in the library's words.
fn told(fault: &config::Fault, layer: Option<u32>) -> Error {
    let entry = u32::try_from(fault.entry).unwrap_or(u32::MAX);
    GateError::Fault(Fault {
        layer: layer.unwrap_or(entry),
        field: fault.field.replace('.', "_"),
        entry: if layer.is_some() { fault.entry } else { 0 },
        problem: Problem::try_from(fault.problem as u32).unwrap_or(Problem::Unknown),
    })
    .into()
}

fn no_layer(call: &'static str, layer: u32) -> Error {
    GateError::Layer { call, layer }.into()
}

impl HostLayer {
    fn new(layer: &Layer) -> Self {
        let experts = layer.experts as usize;
        Self {
            info: LayerInfo {
                rule: *layer,
                skipped: false,
                features: 0,
                hash_rows: 0,
            },
            rule: rule_of(layer),
            biases: vec![0; if layer.biased { experts } else { 0 }],
            hash: Vec::new(),
            weights: Vec::new(),
            scales: Vec::new(),
            experts: vec![IDLE; experts],
            all: Counted::default(),
            last: Counted::default(),
            batches: 0,
            updates: 0,
            busy_ns: 0,
        }
    }

    /// Whether the layer takes rows of this format.
    fn takes(&self, format: Format) -> bool {
        let strategy = self.info.rule.strategy;
        match format {
            Format::Int8 => strategy == Strategy::Learned,
            Format::Absent => strategy == Strategy::Hash,
            _ => strategy != Strategy::Learned,
        }
    }

    /// Experts and weights of a batch.
    fn select(&self, batch: &Batch<'_>, to: &mut Places) -> Result<gate::Tally, gate::Fault> {
        let tables = gate::Tables {
            biases: &self.biases,
            hash: &self.hash,
            tokens: batch.token_ids,
        };
        let mut routes = gate::Routes {
            ids: &mut to.ids,
            weights: &mut to.weights,
            fixed: &mut to.fixed,
        };
        let mut scratch = Box::new(gate::Scratch::NEW);
        let mut route =
            |logits| gate::route(&self.rule, &tables, logits, &mut routes, &mut scratch);
        match batch.input {
            Input::F32(words) => {
                let bits: Vec<u32> = words.iter().map(|w| w.to_bits()).collect();
                route(gate::Logits::F32(&bits))
            }
            Input::F16(words) => route(gate::Logits::F16(words)),
            Input::Bf16(words) => route(gate::Logits::Bf16(words)),
            Input::Q16(words) => route(gate::Logits::Q16(words)),
            Input::Int8(features) => route(gate::Logits::Q16(&self.project(features))),
            Input::Absent => route(gate::Logits::Absent),
        }
    }

    /// The logits of features.
    fn project(&self, features: &[i8]) -> Vec<i32> {
        let projection = learned::Projection {
            weights: &self.weights,
            scales: &self.scales,
        };
        let mut logits = Vec::new();
        for row in features.chunks(projection.features().max(1)) {
            let mut of_token = vec![0; self.scales.len()];
            projection.logits(row, &mut of_token);
            logits.extend(of_token);
        }
        logits
    }

    /// Counts a batch that is through.
    fn book(&mut self, tokens: u32, tally: gate::Tally, done: &Assigned) {
        let rule = &self.rule;
        // Where nothing is dropped there is an even share all the same.
        let bound = capacity::Capacity {
            factor: match rule.capacity.factor {
                0 => config::SCALE_ONE,
                factor => factor,
            },
            ..rule.capacity
        }
        .of(tokens, rule.top_k, rule.experts);
        for (expert, room) in self.experts.iter_mut().zip(&done.rooms) {
            expert.load += u64::from(room.load);
            expert.recent += u64::from(room.load);
            expert.dropped += u64::from(room.load - room.kept);
            expert.last = room.load;
            let state = balance::State::of(room.load.into(), bound.into());
            expert.state = State::try_from(state as u32).unwrap_or(State::Idle);
        }
        self.last = Counted {
            tally,
            dropped: done.assignment.dropped,
            slots: u64::from(done.assignment.capacity) * u64::from(rule.experts),
        };
        self.all = Counted {
            tally: self.all.tally.plus(&tally),
            dropped: self.all.dropped + self.last.dropped,
            slots: self.all.slots + self.last.slots,
        };
        self.batches += 1;
    }

    fn update_biases(&mut self) {
        let recent: Vec<u64> = self.experts.iter().map(|e| e.recent).collect();
        balance::update_biases(self.rule.bias_step, &recent, &mut self.biases);
        for expert in &mut self.experts {
            expert.recent = 0;
        }
        self.updates += 1;
    }

    fn stats(&self, last: bool) -> Stats {
        let of_load = |e: &Expert| if last { e.last.into() } else { e.load };
        let loads: Vec<u64> = self.experts.iter().map(of_load).collect();
        let even = statistics::Balance::of(&loads);
        let counted = if last { &self.last } else { &self.all };
        let figure = |micro: u64| micro as f64 / statistics::MICRO as f64;
        let choices = counted.tally.activations;
        // What was dropped was not computed.
        let computed = gate::Tally {
            activations: choices.saturating_sub(counted.dropped),
            ..counted.tally
        };
        let ratio = |part, whole| figure(statistics::ratio(part, whole));
        Stats {
            experts: self.rule.experts,
            batches: self.batches,
            tokens: self.all.tally.tokens,
            skipped: 0,
            activations: self.all.tally.activations,
            dropped: self.all.dropped,
            tokens_dropped: self.all.tally.tokens_dropped,
            missing: self.all.tally.missing,
            slots: self.all.slots,
            updates: self.updates,
            busy_ns: self.busy_ns,
            gate_ns: self.busy_ns,
            balancedness: figure(even.balancedness),
            max_violation: figure(even.max_violation),
            cv_squared: figure(even.cv_squared),
            entropy: figure(even.entropy),
            used: figure(even.used),
            drop_rate: ratio(counted.dropped, choices),
            capacity_factor: ratio(counted.slots, choices),
            sparsity: figure(statistics::expert_sparsity(&computed, self.rule.experts)),
        }
    }
}

/// Results as the arithmetic writes them.
struct Places {
    ids: Vec<u16>,
    weights: Vec<u32>,
    fixed: Vec<u32>,
}

/// What became of the choices of a batch.
struct Assigned {
    rooms: Vec<capacity::Room>,
    slots: Vec<u32>,
    assignment: capacity::Assignment,
}

fn assigned(rule: &config::Layer, places: &Places) -> Assigned {
    let choices = capacity::Choices {
        ids: &places.ids,
        weights: &places.weights,
        top_k: rule.top_k as usize,
    };
    let mut rooms = vec![capacity::Room::EMPTY; rule.experts as usize];
    let mut slots = vec![0; places.ids.len()];
    let capacity = &rule.capacity;
    let assignment = capacity::assign(capacity, &choices, &mut rooms, &mut slots, |_, _| ());
    Assigned {
        rooms,
        slots,
        assignment,
    }
}

/// What the module says of a logit that is none.
fn wrong(fault: gate::Fault, layer: u32) -> Error {
    let (token, expert, problem) = match fault {
        gate::Fault::NotANumber { token, expert } => (token, expert, LogitProblem::NotANumber),
        gate::Fault::Infinite { token, expert } => (token, expert, LogitProblem::Infinite),
        gate::Fault::Length(_) => return no_layer("MOE_ROUTE", layer),
    };
    GateError::Logit {
        token,
        expert,
        problem,
    }
    .into()
}

impl HostGate {
    /// A gate with these layers.
    pub(crate) fn new(layers: &[Layer]) -> Result<Self, Error> {
        let mut gate = Self { layers: Vec::new() };
        gate.configure(layers)?;
        Ok(gate)
    }

    fn get(&self, call: &'static str, layer: u32) -> Result<&HostLayer, Error> {
        let found = self.layers.get(layer as usize);
        found.ok_or_else(|| no_layer(call, layer))
    }

    fn get_mut(&mut self, call: &'static str, layer: u32) -> Result<&mut HostLayer, Error> {
        let found = self.layers.get_mut(layer as usize);
        found.ok_or_else(|| no_layer(call, layer))
    }
}

impl Backend for HostGate {
    fn configure(&mut self, layers: &[Layer]) -> Result<(), Error> {
        let rules: Vec<config::Layer> = layers.iter().map(rule_of).collect();
        config::check(&rules).map_err(|fault| told(&fault, None))?;
        self.layers = layers.iter().map(HostLayer::new).collect();
        Ok(())
    }

    fn route(&mut self, batch: &Batch<'_>, routes: &mut Routes) -> Result<(), Error> {
        let start = Instant::now();
        let layer = self.get_mut("MOE_ROUTE", batch.layer)?;
        let tokens = batch.tokens(&layer.info)?;
        let steps = layer.rule.bias_step != 0;
        if !layer.takes(batch.input.format()) || (batch.adapt && !steps) {
            return Err(no_layer("MOE_ROUTE", batch.layer));
        }
        let places = tokens as usize * layer.rule.top_k as usize;
        let mut found = Places {
            ids: vec![capacity::NO_EXPERT; places],
            weights: vec![0; places],
            fixed: vec![0; places],
        };
        let tally = layer
            .select(batch, &mut found)
            .map_err(|fault| wrong(fault, batch.layer))?;
        let done = assigned(&layer.rule, &found);
        layer.book(tokens, tally, &done);
        if steps && (batch.adapt || layer.info.rule.strategy == Strategy::Learned) {
            layer.update_biases();
        }
        routes.top_k = layer.rule.top_k as usize;
        routes.weights = found.weights.iter().map(|&w| f32::from_bits(w)).collect();
        (routes.ids, routes.fixed, routes.slots) = (found.ids, found.fixed, done.slots);
        routes.tally = Tally {
            activations: tally.activations,
            dropped: done.assignment.dropped,
            tokens_dropped: tally.tokens_dropped,
            missing: tally.missing,
            capacity: done.assignment.capacity,
        };
        layer.busy_ns += u64::try_from(start.elapsed().as_nanos()).unwrap_or(0);
        Ok(())
    }

    fn set_biases(&mut self, layer: u32, biases: &[i64]) -> Result<(), Error> {
        let of = self.get_mut("MOE_SET_BIASES", layer)?;
        if !of.rule.biased {
            return Err(no_layer("MOE_SET_BIASES", layer));
        }
        config::check_biases(&of.rule, biases).map_err(|fault| told(&fault, Some(layer)))?;
        of.biases = biases.to_vec();
        Ok(())
    }

    fn set_hash(&mut self, layer: u32, table: &[u16]) -> Result<(), Error> {
        let of = self.get_mut("MOE_SET_HASH", layer)?;
        if of.info.rule.strategy != Strategy::Hash {
            return Err(no_layer("MOE_SET_HASH", layer));
        }
        hash::check_table(&of.rule, table).map_err(|fault| told(&fault, Some(layer)))?;
        of.hash = table.to_vec();
        of.info.hash_rows = (table.len() / of.rule.top_k as usize) as u64;
        Ok(())
    }

    fn set_projection(&mut self, layer: u32, weights: &[i8], scales: &[u32]) -> Result<(), Error> {
        let of = self.get_mut("MOE_SET_PROJECTION", layer)?;
        if of.info.rule.strategy != Strategy::Learned {
            return Err(no_layer("MOE_SET_PROJECTION", layer));
        }
        let projection = learned::Projection { weights, scales };
        let checked = projection.check(&of.rule);
        checked.map_err(|fault| told(&fault, Some(layer)))?;
        of.info.features = u32::try_from(projection.features()).unwrap_or(0);
        (of.weights, of.scales) = (weights.to_vec(), scales.to_vec());
        Ok(())
    }

    fn experts(&self, layer: u32) -> Result<Vec<Expert>, Error> {
        Ok(self.get("MOE_EXPERTS", layer)?.experts.clone())
    }

    fn stats(&self, layer: u32, last: bool) -> Result<Stats, Error> {
        Ok(self.get("MOE_STATS", layer)?.stats(last))
    }

    fn reset(&mut self, layer: Option<u32>, what: Reset) -> Result<(), Error> {
        if let Some(layer) = layer {
            self.get("MOE_RESET", layer)?;
        }
        let chosen = (0..).zip(&mut self.layers);
        for (_, of) in chosen.filter(|(l, _)| layer.is_none_or(|layer| layer == *l)) {
            if what.biases {
                of.biases.fill(0);
            }
            if what.loads {
                of.experts.fill(IDLE);
                (of.all, of.last) = (Counted::default(), Counted::default());
                (of.batches, of.updates, of.busy_ns) = (0, 0, 0);
            }
        }
        Ok(())
    }

    fn place(&self, loads: &[u64], cluster: &Cluster) -> Result<Placement, Error> {
        let ours = placement::Cluster {
            replicas: cluster.replicas,
            groups: cluster.groups,
            nodes: cluster.nodes,
            devices: cluster.devices,
        };
        ours.check(loads.len())
            .map_err(|fault| told(&fault, Some(0)))?;
        let replicas = cluster.replicas as usize;
        let mut placed = Placement {
            experts: vec![0; replicas],
            numbers: vec![0; replicas],
            counts: vec![0; loads.len()],
        };
        let mut result = placement::Placement {
            experts: &mut placed.experts,
            numbers: &mut placed.numbers,
            counts: &mut placed.counts,
        };
        let mut work = Box::new(placement::Work::NEW);
        placement::place(loads, &ours, &mut result, &mut work)
            .map_err(|fault| told(&fault, Some(0)))?;
        Ok(placed)
    }
}
