// SPDX-License-Identifier: GPL-2.0

//! What the tests and the benchmark of networks share: networks over vectors, recordings.

use std::fmt;
use std::path::PathBuf;

use crate::spiking::network::description::{Fault, Kind, Memory, Parts, Population};
use crate::spiking::network::exact;
use crate::spiking::network::loihi;
use crate::spiking::network::simulation::{Exchange, Inputs, Network};
use crate::spiking::network::span::{Plan, Row};
use crate::spiking::network::synapses::{build, starts_len, Connection, Synapse};

/// Tables on the heap.
pub struct Heap;

impl Memory for Heap {
    type Of<T: Copy + 'static> = Vec<T>;
}

impl fmt::Debug for Parts<Heap> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("inputs", &self.inputs)
            .field("populations", &self.populations)
            .field("loihi_params", &self.loihi_params)
            .field("exact_params", &self.exact_params)
            .field("delays", &self.delays)
            .field("starts", &self.starts)
            .field("synapses", &self.synapses)
            .field("blocks", &self.blocks)
            .field("weights", &self.weights)
            .field("probes", &self.probes)
            .finish_non_exhaustive()
    }
}

/// A network on the heap.
pub type HeapNetwork = Network<Heap>;

/// Tables without an entry, for `inputs` inputs.
pub fn empty(inputs: u32) -> Parts<Heap> {
    Parts {
        inputs,
        populations: Vec::new(),
        loihi_params: Vec::new(),
        exact_params: Vec::new(),
        delays: Vec::new(),
        starts: Vec::new(),
        synapses: Vec::new(),
        blocks: Vec::new(),
        weights: Vec::new(),
        probes: Vec::new(),
        loihi_states: Vec::new(),
        exact_states: Vec::new(),
        wheel: Vec::new(),
        sums: Vec::new(),
        awake: Vec::new(),
        touched: Vec::new(),
        plans: Vec::new(),
        rows: Vec::new(),
        due: Vec::new(),
        limits: Vec::new(),
    }
}

/// Tables for one population of `count` neurons of `kind` with parameters in common.
pub fn one_population(inputs: u32, count: u32, kind: Kind, exact: &[exact::Params]) -> Parts<Heap> {
    Parts {
        populations: vec![Population {
            first: 0,
            count,
            kind,
            params: 0,
            params_count: 1,
        }],
        loihi_params: vec![loihi::Params::DEFAULT],
        exact_params: exact.to_vec(),
        ..empty(inputs)
    }
}

/// Puts the sparse synapses of `list` into `parts`, whose populations are in place.
pub fn connect(parts: &mut Parts<Heap>, list: &[Connection]) {
    let mut delays: Vec<u32> = list.iter().map(|c| c.delay).collect();
    delays.sort_unstable();
    delays.dedup();
    let sources = parts.sources();
    parts.starts = vec![0; starts_len(delays.len(), sources).unwrap_or(0)];
    parts.synapses = vec![Synapse::new(0, 0); list.len()];
    let built = build(
        list,
        sources,
        &delays,
        &mut parts.starts,
        &mut parts.synapses,
    );
    assert_eq!(built, Ok(()));
    parts.delays = delays;
}

/// Gives `parts` its working memory.
pub fn furnish(mut parts: Parts<Heap>) -> Parts<Heap> {
    let working = parts.working();
    parts.loihi_states = vec![loihi::State::REST; working.loihi_states];
    parts.exact_states = vec![exact::State::REST; working.exact_states];
    parts.wheel = vec![0; working.wheel];
    parts.sums = vec![0; working.sums];
    parts.awake = vec![0; working.awake];
    parts.touched = vec![0; working.touched];
    parts.plans = vec![Plan::default(); working.plans];
    parts.rows = vec![Row::NONE; working.rows];
    parts.due = vec![0; working.due];
    parts.limits = vec![0; working.limits];
    parts
}

/// A network of `parts` with working memory.
pub fn network(parts: Parts<Heap>) -> Result<HeapNetwork, Fault> {
    Network::new(furnish(parts), Vec::new())
}

/// Sends the input spikes of a list and keeps everything that comes out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorder {
    /// Spikes to send, as (step, input), ascending.
    pub inputs: Vec<(u64, u32)>,
    /// Weights to inject, as (step, neuron, weight), ascending.
    pub injections: Vec<(u64, u32, i32)>,
    /// Spikes received, as (step, neuron).
    pub spikes: Vec<(u64, u32)>,
    /// Voltages received, as (step, probe, value).
    pub voltages: Vec<(u64, u32, i64)>,
    sent: usize,
    injected: usize,
}

impl Recorder {
    /// A recorder that sends `inputs`, as (step, input), sorted here by step.
    pub fn new(mut inputs: Vec<(u64, u32)>) -> Self {
        inputs.sort_by_key(|&(step, _)| step);
        Self {
            inputs,
            ..Self::default()
        }
    }

    /// A recorder that injects `injections`, as (step, neuron, weight), ascending.
    pub fn injecting(injections: Vec<(u64, u32, i32)>) -> Self {
        Self {
            injections,
            ..Self::default()
        }
    }
}

impl Exchange for Recorder {
    fn before(&mut self, step: u64, to: &mut dyn Inputs) {
        while let Some(&(_, input)) = self.inputs.get(self.sent).filter(|i| i.0 == step) {
            assert_eq!(to.spike(input), Ok(()));
            self.sent += 1;
        }
        while let Some(&(_, neuron, weight)) =
            self.injections.get(self.injected).filter(|i| i.0 == step)
        {
            assert_eq!(to.inject(neuron, weight), Ok(()));
            self.injected += 1;
        }
    }

    fn spike(&mut self, step: u64, neuron: u32) {
        self.spikes.push((step, neuron));
    }

    fn voltage(&mut self, step: u64, probe: u32, value: i64) {
        self.voltages.push((step, probe, value));
    }
}

/// The folder `name` of the recordings, or `None` with a line that says where to get them.
pub fn recordings(name: &str, source: &str) -> Option<PathBuf> {
    match std::env::var_os("LIGHTOS_DATA").filter(|folder| !folder.is_empty()) {
        Some(folder) => Some(PathBuf::from(folder).join(name)),
        None => {
            println!("not run: LIGHTOS_DATA is unset; it needs {name}/ of {source}");
            None
        }
    }
}

/// The N-MNIST network and its recordings, from the folder `nmnist`.
pub mod nmnist {
    use std::fs;
    use std::io;
    use std::path::Path;

    use super::{empty, furnish, Heap, Kind, Parts, Population};
    use crate::spiking::network::loihi;
    use crate::spiking::network::synapses::{Block, Width};

    /// Inputs: 34 by 34 pixels of two polarities.
    pub const INPUTS: u32 = 2312;
    /// Neurons of the hidden layer, the first ones.
    pub const HIDDEN: u32 = 512;
    /// Neurons of the output layer, one a digit.
    pub const OUTPUTS: u32 = 10;
    /// Steps of a run: 350 ms.
    pub const STEPS: u64 = 350;

    /// The tables for weights `fc1` (hidden by input) and `fc2` (output by hidden).
    pub fn parts(fc1: &[u8], fc2: &[u8]) -> Parts<Heap> {
        let mut weights = transposed(fc1, INPUTS as usize);
        weights.extend(transposed(fc2, HIDDEN as usize));
        let block = Block {
            source_first: HIDDEN + OUTPUTS,
            source_count: INPUTS,
            target_first: 0,
            target_count: HIDDEN,
            delay: 1,
            width: Width::Byte,
            offset: 0,
        };
        let output = Block {
            source_first: 0,
            source_count: HIDDEN,
            target_first: HIDDEN,
            target_count: OUTPUTS,
            offset: fc1.len() as u64,
            ..block
        };
        let population = |first, count| Population {
            first,
            count,
            kind: Kind::Loihi,
            params: 0,
            params_count: 1,
        };
        furnish(Parts {
            populations: vec![population(0, HIDDEN), population(HIDDEN, OUTPUTS)],
            loihi_params: vec![loihi::Params::DEFAULT],
            blocks: vec![block, output],
            weights,
            ..empty(INPUTS)
        })
    }

    /// A matrix of rows of `columns` bytes, transposed.
    fn transposed(matrix: &[u8], columns: usize) -> Vec<u8> {
        (0..columns)
            .flat_map(|column| matrix.iter().skip(column).step_by(columns).copied())
            .collect()
    }

    /// The weights in `folder`, as [`parts`] takes them.
    pub fn weights(folder: &Path) -> io::Result<(Vec<u8>, Vec<u8>)> {
        // The rows end the file; its head is known: int8, row by row.
        let rows = |name: &str, length: u32| {
            fs::read(folder.join(name)).map(|file| file[file.len() - length as usize..].to_vec())
        };
        let fc1 = rows("fc1.npy", HIDDEN * INPUTS)?;
        Ok((fc1, rows("fc2.npy", OUTPUTS * HIDDEN)?))
    }

    /// The input spikes of a recording: (step, input), ascending, each once.
    pub fn recording(folder: &Path, name: &str) -> io::Result<Vec<(u64, u32)>> {
        let raw = fs::read(folder.join(format!("{name}.bs2")))?;
        let mut spikes: Vec<(u64, u32)> = raw
            .chunks_exact(5)
            .map(|e| {
                let e: Vec<u32> = e.iter().map(|&b| u32::from(b)).collect();
                let time_us = (e[2] & 0x7f) << 16 | e[3] << 8 | e[4];
                let input = (e[2] >> 7) * 1156 + e[1] * 34 + e[0];
                (u64::from(time_us / 1000), input)
            })
            .filter(|&(step, _)| step < STEPS)
            .collect();
        spikes.sort_unstable();
        spikes.dedup();
        Ok(spikes)
    }
}

/// The CUBA network of Vogels and Abbott, as PyNN and NEST define it, from what NEST drew
/// (`tests/oracle/nest_cuba.py`).
pub mod cuba {
    use std::fs;
    use std::io;
    use std::num::NonZeroU64;
    use std::path::Path;

    use super::Parts;
    use super::{connect, furnish, one_population, Connection, Heap, HeapNetwork, Kind, Network};
    use crate::spiking::network::exact::{Params, Propagators};

    /// Neurons; from [`EXCITATORY`] on they inhibit.
    pub const NEURONS: u32 = 4000;
    /// Neurons that excite.
    pub const EXCITATORY: u32 = 3200;
    /// Steps of 0.1 ms in a second.
    pub const STEPS_A_SECOND: u64 = 10_000;
    /// Units of a millivolt.
    pub const MILLIVOLT: i64 = 1 << 48;
    /// Rest, in mV: what the leak would bring the membrane to. It lies above the threshold.
    pub const REST: f64 = -49.0;
    /// A synapse's delay in steps.
    pub const DELAY: u32 = 2;

    /// The weight, in 0.1 pA, of the synapses of `source`.
    pub const fn weight(source: u32) -> i16 {
        if source < EXCITATORY {
            162
        } else {
            -900
        }
    }

    /// A neuron: 20 ms, 200 pF, currents of 5 and 10 ms, from -60 to -50 mV, 5 ms refractory.
    pub fn params() -> Params {
        let tau = |ms: u64| NonZeroU64::new(ms * 1_000_000);
        Params {
            propagators: Propagators::new(100_000, tau(20), [tau(5), tau(10)]),
            drive: 0,
            // 0.1 pA would hold a membrane of 20 ms / 200 pF at 0.01 mV.
            gain: [MILLIVOLT / 100; 2],
            threshold: -MILLIVOLT,
            reset: -11 * MILLIVOLT,
            refractory_steps: 50,
            reserved: 0,
        }
    }

    /// The tables of the network with `connections`, pairs of source and target.
    pub fn parts(connections: &[(u16, u16)]) -> Parts<Heap> {
        let mut parts = one_population(0, NEURONS, Kind::Exponential, &[params()]);
        let list: Vec<Connection> = connections
            .iter()
            .map(|&(source, target)| Connection {
                source: source.into(),
                target,
                weight: weight(source.into()),
                delay: DELAY,
            })
            .collect();
        connect(&mut parts, &list);
        furnish(parts)
    }

    /// The network with membranes that begin at `membranes`, in mV.
    pub fn network(connections: &[(u16, u16)], membranes: &[f64]) -> HeapNetwork {
        let Ok(mut network) = Network::new(parts(connections), Vec::new()) else {
            unreachable!("nothing is wrong with it");
        };
        for (state, mv) in network.exact_states().iter_mut().zip(membranes) {
            state.membrane = ((mv - REST) * MILLIVOLT as f64).round() as i64;
        }
        network
    }

    /// The network of `seed` in `folder`.
    pub fn drawn(folder: &Path, seed: u32) -> io::Result<HeapNetwork> {
        let links = npy(&folder.join(format!("{seed}-connections.npy")), "<u2")?;
        let links: Vec<(u16, u16)> = links
            .chunks_exact(4)
            .map(|b| {
                (
                    u16::from_le_bytes([b[0], b[1]]),
                    u16::from_le_bytes([b[2], b[3]]),
                )
            })
            .collect();
        let membranes = npy(&folder.join(format!("{seed}-membranes.npy")), "<f8")?;
        let membranes: Vec<f64> = membranes
            .chunks_exact(8)
            .map(|b| f64::from_le_bytes(b.try_into().unwrap_or_default()))
            .collect();
        Ok(network(&links, &membranes))
    }

    /// A network drawn here, with the same probabilities, for where there is none of NEST's.
    pub fn twin() -> HeapNetwork {
        let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut below = |limit: u64| {
            // A 64-bit xorshift generator (Marsaglia 2003).
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 16) % limit
        };
        let pairs =
            (0..NEURONS).flat_map(|source| (0..NEURONS).map(move |target| (source, target)));
        let links: Vec<(u16, u16)> = pairs
            .filter(|_| below(50) == 0)
            .map(|(source, target)| (source as u16, target as u16))
            .collect();
        let membranes: Vec<f64> = (0..NEURONS)
            .map(|_| -60.0 + below(10_000) as f64 / 1e3)
            .collect();
        network(&links, &membranes)
    }

    /// Pairs of numbers of the file `name` in `folder`.
    pub fn pairs(folder: &Path, name: &str) -> io::Result<Vec<(u64, u32)>> {
        let all = numbers(folder, name)?;
        Ok(all.chunks_exact(2).map(|p| (p[0].into(), p[1])).collect())
    }

    /// The numbers of the file `name` in `folder`.
    pub fn numbers(folder: &Path, name: &str) -> io::Result<Vec<u32>> {
        let bytes = npy(&folder.join(name), "<u4")?;
        let number = |b: &[u8]| u32::from_le_bytes(b.try_into().unwrap_or_default());
        Ok(bytes.chunks_exact(4).map(number).collect())
    }

    /// The rows of a `.npy` file of version 1 whose type is `kind`.
    fn npy(path: &Path, kind: &str) -> io::Result<Vec<u8>> {
        let mut file = fs::read(path)?;
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, path.display().to_string());
        let length = file.get(8..10).ok_or_else(wrong)?;
        let end = 10 + usize::from(u16::from_le_bytes([length[0], length[1]]));
        let head = String::from_utf8_lossy(file.get(10..end).ok_or_else(wrong)?).into_owned();
        if !head.contains(&format!("'{kind}'")) || head.contains("'fortran_order': True") {
            return Err(wrong());
        }
        Ok(file.split_off(end))
    }
}
