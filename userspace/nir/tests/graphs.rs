// SPDX-License-Identifier: GPL-2.0

//! The graphs that `oracle/make_nir.py` wrote, against what NumPy and SciPy made
//! of them; graphs built here that must be refused; real files from LIGHTOS_DATA.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lightos_nir::{Error, Graph, Limits, Model, Network, Node, Padding, Synapse, Tensor};
use lightos_recordings::npy::read_array;

fn oracle(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/oracle")
        .join(name)
}

fn graph(name: &str) -> Result<Graph, Error> {
    Graph::open(&oracle(name), &Limits::default())
}

fn lower(name: &str) -> Network {
    let lowered = graph(name).and_then(|g| g.lower(&Limits::default()));
    lowered.unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn array(name: &str) -> Vec<f64> {
    let bytes = std::fs::read(oracle(name)).expect(name);
    read_array(&bytes[..], 1 << 20).expect(name).values
}

/// Sums of the currents that `x` causes, without delays.
fn apply(synapses: &[Synapse], x: &[f64], bias: &[f64], size: usize) -> Vec<f64> {
    let mut y = bias.to_vec();
    y.resize(size, 0.0);
    for s in synapses {
        y[s.target as usize] += s.weight * x[s.source as usize];
    }
    y
}

/// Currents into population `to` from population `from`.
fn currents(network: &Network, from: &str, to: &str, x: &[f64]) -> Vec<f64> {
    let [from, to] = [from, to].map(|name| network.population(name).expect(name));
    let target = &network.populations[to];
    let mut projections = network.projections.iter();
    let projection = projections.find(|p| (p.source, p.target) == (from, to));
    let synapses = &projection.expect("a projection").synapses;
    apply(synapses, x, &target.bias, target.size)
}

fn assert_near(a: &[f64], b: &[f64]) {
    assert_eq!(a.len(), b.len());
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() < 1e-12, "element {i}: {a} and {b}");
    }
}

#[test]
fn convolution_and_pooling_equal_scipy() {
    let network = lower("conv.nir");
    let x = array("conv_x.npy");
    assert_near(
        &currents(&network, "input", "hidden", &x),
        &array("conv_current.npy"),
    );
    let spikes = array("conv_spikes.npy");
    assert_near(
        &currents(&network, "hidden", "last", &spikes),
        &array("conv_last.npy"),
    );
    let sizes: Vec<_> = network
        .populations
        .iter()
        .map(|p| (&p.name[..], p.size))
        .collect();
    assert_eq!(sizes, [("hidden", 80), ("input", 70), ("last", 3)]);
    assert_eq!(network.neurons(), 83);
    assert_eq!(network.readouts[0].repeats(), network.population("last"));
}

#[test]
fn same_padding_equals_scipy() {
    let network = lower("same.nir");
    let readout = &network.readouts[0];
    assert_eq!(readout.shape, [2, 5, 6]);
    assert_eq!(readout.repeats(), None);
    let [(source, synapses)] = &readout.sources[..] else {
        panic!("{} sources", readout.sources.len());
    };
    assert_eq!(network.populations[*source].name, "input");
    let x = array("same_x.npy");
    let y = apply(synapses, &x, &readout.bias, readout.size);
    assert_near(&y, &array("same_current.npy"));
}

#[test]
fn every_kind_of_node() {
    let graph = graph("kinds.nir").unwrap();
    assert_eq!(graph.version, "1.0.8");
    let kinds: Vec<_> = graph.nodes.values().map(Node::kind).collect();
    let expected = [
        "Affine", "CubaLIF", "Delay", "IF", "Input", "Linear", "LI", "Linear", "Output", "Scale",
    ];
    assert_eq!(kinds, expected);

    let network = graph.lower(&Limits::default()).unwrap();
    let cuba = &network.populations[network.population("cuba").unwrap()];
    assert_eq!(cuba.model, Model::CubaLif);
    assert_eq!(cuba.parameter("tau_syn", 0), Some(f64::from(0.005f32)));
    assert_eq!(cuba.parameter("tau_mem", 3), Some(f64::from(0.04f32)));
    assert_eq!(cuba.parameter("v_leak", 1), Some(-0.125));
    assert_eq!(cuba.parameter("v_reset", 1), Some(-0.25));
    assert_eq!(cuba.parameter("w_in", 2), Some(0.5));
    assert_eq!(cuba.parameter("w_in", 4), None);
    assert_eq!(cuba.parameter("tau", 0), None);
    assert_near(&cuba.bias, &array("kinds_bias.npy"));

    let weight = array("kinds_weight.npy");
    let input = network.population("input").unwrap();
    let synapses = &network
        .projections
        .iter()
        .find(|p| p.source == input)
        .unwrap()
        .synapses;
    assert_eq!(synapses.len(), 12);
    let delays = [0.001f32, 0.002, 0.0, 0.004].map(f64::from);
    for s in synapses {
        assert_eq!(s.weight, weight[s.target as usize * 3 + s.source as usize]);
        assert_eq!(s.delay, delays[s.target as usize]);
    }
    let order = |s: &Synapse| (s.source, (s.delay * 1e6) as u64, s.target);
    assert!(synapses.windows(2).all(|w| order(&w[0]) < order(&w[1])));
}

#[test]
fn recurrent_layers_and_two_delays() {
    let network = lower("recurrent.nir");
    let [layer, next] = ["layer", "next"].map(|n| network.population(n).unwrap());
    let between = |from, to| {
        let mut found = network.projections.iter();
        &found
            .find(|p| (p.source, p.target) == (from, to))
            .unwrap()
            .synapses
    };
    assert_eq!(between(layer, layer).len(), 4);
    let onward = between(layer, next);
    assert_eq!(onward.len(), 8);
    let late = f64::from(0.003f32);
    for pair in onward.chunks(4) {
        assert_eq!([0, 1, 2, 3].map(|i| pair[i].delay), [0.0, 0.0, late, late]);
        assert_eq!(pair[0].weight, pair[2].weight);
    }
}

#[test]
fn unsupported_nodes_are_named() {
    let text = graph("threshold.nir").unwrap_err().to_string();
    assert_eq!(
        text,
        "node gate is of type Threshold, which LightOS does not run"
    );
    let nothing = graph("no-such-file.nir").unwrap_err().to_string();
    assert!(nothing.contains("no-such-file.nir: "));
    let script = graph("make_nir.py").unwrap_err();
    assert!(matches!(script, Error::Hdf5 { .. }), "{script}");
}

#[test]
fn limits_hold() {
    let small = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        let opened = Graph::open(&oracle("conv.nir"), &limits);
        opened.and_then(|g| g.lower(&limits)).unwrap_err()
    };
    for error in [
        small(|l| l.file_bytes = 1000),
        small(|l| l.nodes = 7),
        small(|l| l.elements = 79),
        small(|l| l.synapses = 500),
    ] {
        assert!(matches!(error, Error::Limit { .. }), "{error}");
    }
}

fn tensor(shape: &[usize], values: &[f64]) -> Tensor {
    Tensor {
        shape: shape.to_vec(),
        values: values.to_vec(),
    }
}

fn neuron(shape: &[usize], tau: f64) -> Node {
    let size = shape.iter().product();
    let all = |value| tensor(shape, &vec![value; size]);
    Node::Li {
        tau: all(tau),
        r: all(1.0),
        v_leak: all(0.0),
    }
}

fn build(nodes: &[(&str, Node)], edges: &[(&str, &str)]) -> Result<Network, Error> {
    let named = nodes
        .iter()
        .map(|(name, node)| (name.to_string(), node.clone()));
    let graph = Graph {
        version: String::new(),
        nodes: named.collect::<BTreeMap<_, _>>(),
        edges: edges
            .iter()
            .map(|(a, b)| (a.to_string(), b.to_string()))
            .collect(),
    };
    graph.lower(&Limits::default())
}

fn input(shape: &[usize]) -> Node {
    Node::Input {
        shape: shape.to_vec(),
    }
}

fn linear(outputs: usize, inputs: usize) -> Node {
    Node::Affine {
        weight: tensor(&[outputs, inputs], &vec![1.0; outputs * inputs]),
        bias: None,
    }
}

#[test]
fn faults_name_node_or_edge() {
    let two = [("a", input(&[2])), ("b", neuron(&[3], 1.0))];
    let faults = [
        (
            build(&two, &[("a", "b")]),
            "edge a -> b: shape [2] into [3]",
        ),
        (
            build(&two, &[("a", "c")]),
            "edge a -> c: there is no node c",
        ),
        (build(&two, &[("b", "a")]), "edge b -> a: into an Input"),
        (
            build(&[("a", neuron(&[1], 0.0))], &[]),
            "node a: tau of 0 s",
        ),
        (
            build(
                &[
                    ("a", neuron(&[2], 1.0)),
                    ("b", linear(2, 2)),
                    ("c", linear(2, 2)),
                ],
                &[("a", "b"), ("b", "c"), ("c", "b")],
            ),
            "node b: leads to itself without a neuron between",
        ),
        (
            build(&[("a", neuron(&[2], 1.0))], &[("a", "a"), ("a", "a")]),
            "edge a -> a: given twice",
        ),
        (
            build(
                &[(
                    "pool",
                    Node::SumPool2d {
                        kernel: [2, 2],
                        stride: [2, 2],
                        padding: [0, 0],
                    },
                )],
                &[],
            ),
            "node pool: the shape of this SumPool2d is open",
        ),
    ];
    for (result, expected) in faults {
        assert_eq!(result.unwrap_err().to_string(), expected);
    }
}

#[test]
fn convolutions_that_cannot_be() {
    let conv = |weight: &[usize], stride, padding, groups| Node::Conv2d {
        input_shape: None,
        weight: tensor(weight, &vec![1.0; weight.iter().product()]),
        bias: tensor(&[weight[0]], &vec![0.0; weight[0]]),
        stride,
        padding,
        dilation: [1, 1],
        groups,
    };
    let zeros = Padding::Zeros([0, 0]);
    for (node, expected) in [
        (conv(&[2, 1, 9, 1], [1, 1], zeros, 1), "window is larger"),
        (conv(&[2, 1, 3, 3], [0, 1], zeros, 1), "of 0"),
        (
            conv(&[2, 1, 3, 3], [2, 1], Padding::Same, 1),
            "same with a stride",
        ),
        (conv(&[3, 1, 3, 3], [1, 1], zeros, 2), "2 groups of 3"),
        (
            conv(&[2, 4, 3, 3], [1, 1], zeros, 1),
            "1 channels; expected 4",
        ),
        (
            conv(&[2, 0, 3, 3], [1, 1], zeros, 1),
            "1 channels; expected 0",
        ),
    ] {
        let error = build(
            &[("in", input(&[1, 8, 8])), ("conv", node)],
            &[("in", "conv")],
        );
        let text = error.unwrap_err().to_string();
        assert!(
            text.starts_with("node conv: ") && text.contains(expected),
            "{text}"
        );
    }
}

/// A product of two matrices has no more synapses than its result.
#[test]
fn linear_nodes_in_a_row_are_multiplied() {
    let matrix = |rows: usize, columns: usize, seed: usize| {
        let value = |i: usize| ((i * 31 + seed) % 17) as f64 - 8.0;
        let values: Vec<f64> = (0..rows * columns).map(value).collect();
        tensor(&[rows, columns], &values)
    };
    let (first, second) = (matrix(50, 40, 3), matrix(30, 50, 5));
    let affine = |weight: &Tensor, bias: f64| Node::Affine {
        weight: weight.clone(),
        bias: Some(tensor(&weight.shape[..1], &vec![bias; weight.shape[0]])),
    };
    let network = build(
        &[
            ("in", input(&[40])),
            ("w1", affine(&first, 2.0)),
            ("w2", affine(&second, 1.0)),
            ("n", neuron(&[30], 1.0)),
        ],
        &[("in", "w1"), ("w1", "w2"), ("w2", "n")],
    );
    let x: Vec<f64> = (0..40).map(f64::from).collect();
    let times = |w: &Tensor, x: &[f64], bias: f64| -> Vec<f64> {
        let rows = w.values.chunks(w.shape[1]);
        rows.map(|row| bias + row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>())
            .collect()
    };
    let expected = times(&second, &times(&first, &x, 2.0), 1.0);
    let network = network.unwrap();
    assert!(network.synapses() <= 30 * 40);
    assert_eq!(currents(&network, "in", "n", &x), expected);
}

#[test]
fn single_parameters_stand_for_all_neurons() {
    let network = build(
        &[
            ("in", input(&[2])),
            ("w", linear(5, 2)),
            ("n", neuron(&[1], 0.5)),
            ("out", Node::Output { shape: vec![5, 1] }),
        ],
        &[("in", "w"), ("w", "n"), ("n", "out")],
    );
    let network = network.unwrap();
    let n = network.population("n").unwrap();
    assert_eq!(network.populations[n].size, 5);
    assert_eq!(network.populations[n].parameter("tau", 4), Some(0.5));
    assert_eq!(network.readouts[0].repeats(), Some(n));
    assert_eq!(network.synapses(), 10);
}

/// The file `name` of the data folder, or a line that says where to get it.
fn data(name: &str) -> Option<Graph> {
    let Some(folder) = std::env::var_os("LIGHTOS_DATA").filter(|path| !path.is_empty()) else {
        eprintln!(
            "skipped: LIGHTOS_DATA is not set; nir/{name} is from neuromorphs/NIR, paper/01_lif"
        );
        return None;
    };
    let path = PathBuf::from(folder).join("nir").join(name);
    Some(Graph::open(&path, &Limits::default()).unwrap_or_else(|e| panic!("{e}")))
}

/// What h5py reads from the same file.
#[test]
fn norse_neuron() {
    let Some(graph) = data("lif_norse.nir") else {
        return;
    };
    assert_eq!(graph.version, "0.1.1");
    assert_eq!(graph.edges.len(), 3);
    let network = graph.lower(&Limits::default()).unwrap();
    let [neuron, from] = ["1", "input"].map(|n| network.population(n).unwrap());
    let lif = &network.populations[neuron];
    assert_eq!((lif.model, lif.size), (Model::Lif, 1));
    let parameter = |name| lif.parameter(name, 0).unwrap();
    assert_eq!(parameter("tau"), f64::from(0.0025f32));
    assert_eq!(parameter("v_threshold"), f64::from(0.1f32));
    assert_eq!(["r", "v_leak", "v_reset"].map(parameter), [1.0, 0.0, 0.0]);
    assert_eq!(lif.bias, [0.0]);
    let synapse = Synapse {
        source: 0,
        target: 0,
        weight: 1.0,
        delay: 0.0,
    };
    assert_eq!(network.projections.len(), 1);
    let projection = &network.projections[0];
    assert_eq!((projection.source, projection.target), (from, neuron));
    assert_eq!(projection.synapses, [synapse]);
    assert_eq!(network.readouts[0].repeats(), Some(neuron));
}

#[test]
fn rockpool_neuron() {
    let Some(graph) = data("lif_rockpool.nir") else {
        return;
    };
    assert_eq!(graph.version, "0.2.0");
    let network = graph.lower(&Limits::default()).unwrap();
    let neuron = network.population("1_LIFNeuronTorch").unwrap();
    let lif = &network.populations[neuron];
    assert_eq!(lif.parameter("r", 0), Some(f64::from(24.019737f32)));
    assert_eq!(lif.parameter("tau", 0), Some(f64::from(0.0025f32)));
    assert_eq!(
        network.projections[0].synapses[0].weight,
        f64::from(0.04f32)
    );
    assert_eq!(network.readouts[0].shape, [1, 1, 1]);
    assert_eq!(network.readouts[0].repeats(), Some(neuron));
}
