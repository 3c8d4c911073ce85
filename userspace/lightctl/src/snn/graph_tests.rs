// SPDX-License-Identifier: GPL-2.0

//! Graphs against the same equations in doubles; graphs with any numbers.

use std::cell::Cell;
use std::collections::VecDeque;
use std::time::Duration;

use lightos::network::Event;
use lightos_nir::{Graph, Limits, Model, Network, Node, Tensor};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::events::Input;
use super::plan::Plan;
use super::session::{self, Outcome};
use super::{backend::Place, graph, host};
use crate::failure::Failure;

const DT: Duration = Duration::from_micros(500);

fn tensor(shape: &[usize], values: &[f64]) -> Tensor {
    Tensor {
        shape: shape.to_vec(),
        values: values.to_vec(),
    }
}

fn one(value: f64) -> Tensor {
    tensor(&[1], &[value])
}

fn affine(outputs: usize, inputs: usize, weight: &[f64], bias: Option<&[f64]>) -> Node {
    Node::Affine {
        weight: tensor(&[outputs, inputs], weight),
        bias: bias.map(|bias| tensor(&[outputs], bias)),
    }
}

fn network(nodes: Vec<(&str, Node)>, edges: &[(&str, &str)]) -> Network {
    let graph = Graph {
        version: "1.0".into(),
        nodes: nodes
            .into_iter()
            .map(|(n, node)| (n.into(), node))
            .collect(),
        edges: edges.iter().map(|&(a, b)| (a.into(), b.into())).collect(),
    };
    graph.lower(&Limits::default()).unwrap()
}

/// Numbers that look random and are multiples of 1/64, from -1 to 1.
fn weights(count: usize, seed: u32) -> Vec<f64> {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from((state >> 16) % 129) / 64.0 - 1.0
    };
    (0..count).map(next).collect()
}

/// All kinds of neurons: five inputs, LIF, CubaLIF that see each other, IF, LI.
fn all_kinds() -> Network {
    let lif = Node::Lif {
        tau: tensor(&[4], &[0.02, 0.01, 0.005, 0.03]),
        r: one(3.0),
        v_leak: tensor(&[4], &[0.0, 0.25, -0.5, 0.0]),
        v_threshold: one(0.75),
        v_reset: tensor(&[4], &[0.0, 0.125, 0.0, -0.25]),
    };
    let cuba = Node::CubaLif {
        tau_syn: one(0.004),
        tau_mem: tensor(&[3], &[0.02, 0.015, 0.004]),
        r: one(8.0),
        v_leak: one(0.0),
        v_threshold: one(0.5),
        v_reset: one(0.0),
        w_in: one(2.0),
    };
    let integrate = Node::If {
        r: one(1000.0),
        v_threshold: one(0.6),
        v_reset: one(0.0),
    };
    let li = Node::Li {
        tau: one(0.01),
        r: one(1.0),
        v_leak: one(0.125),
    };
    let nodes = vec![
        ("in", Node::Input { shape: vec![5] }),
        (
            "a",
            affine(4, 5, &weights(20, 1), Some(&[0.125, 0.0, 0.25, 0.0])),
        ),
        ("lif", lif),
        ("b", affine(3, 4, &weights(12, 2), None)),
        ("cuba", cuba),
        ("back", affine(4, 3, &weights(12, 3), None)),
        ("later", Node::Delay { delay: one(0.0035) }),
        ("c", affine(2, 3, &[0.5, 0.75, 1.0, 0.25, -0.25, 0.5], None)),
        ("if", integrate),
        (
            "d",
            affine(2, 2, &[0.75, 0.5, -0.5, 1.0], Some(&[0.0, 0.5])),
        ),
        ("li", li),
        ("out", Node::Output { shape: vec![2] }),
    ];
    let edges = [
        ("in", "a"),
        ("a", "lif"),
        ("lif", "b"),
        ("b", "cuba"),
        ("cuba", "back"),
        ("back", "later"),
        ("later", "lif"),
        ("cuba", "c"),
        ("c", "if"),
        ("if", "d"),
        ("d", "li"),
        ("li", "out"),
    ];
    network(nodes, &edges)
}

/// The same equations in doubles. Spikes as (step, population, element), and the
/// potentials of the last population after each step.
struct Doubles<'a> {
    network: &'a Network,
    v: Vec<Vec<f64>>,
    i: Vec<Vec<f64>>,
    /// By steps from now: what arrives, by population and element.
    arriving: VecDeque<Vec<Vec<f64>>>,
}

impl<'a> Doubles<'a> {
    fn new(network: &'a Network) -> Self {
        let zeros = || network.populations.iter().map(|p| vec![0.0; p.size]);
        let rest = network.populations.iter().map(|p| {
            let leak = |i| p.parameter("v_leak", i).unwrap_or(0.0);
            (0..p.size).map(leak).collect()
        });
        Self {
            network,
            v: rest.collect(),
            i: zeros().collect(),
            arriving: (0..64).map(|_| zeros().collect()).collect(),
        }
    }

    /// Sends a spike; what it causes arrives `steps` and its delay from now.
    fn send(&mut self, population: usize, element: usize, steps: usize) {
        for projection in &self.network.projections {
            for s in &projection.synapses {
                if (projection.source, s.source as usize) == (population, element) {
                    let at = steps + (s.delay / DT.as_secs_f64()).round() as usize;
                    self.arriving[at][projection.target][s.target as usize] += s.weight;
                }
            }
        }
    }

    fn step(&mut self, inputs: &[usize]) -> Vec<(usize, usize)> {
        for &input in inputs {
            let number = self.network.population("in").unwrap();
            self.send(number, input, 0);
        }
        let arrived = self.arriving.pop_front().unwrap();
        let zeros = self.network.populations.iter().map(|p| vec![0.0; p.size]);
        self.arriving.push_back(zeros.collect());
        let mut fired = Vec::new();
        for (number, arrived) in arrived.iter().enumerate() {
            for (element, &w) in arrived.iter().enumerate() {
                if self.update(number, element, w) {
                    fired.push((number, element));
                }
            }
        }
        for &(number, element) in &fired {
            // The step that has begun was taken off.
            self.send(number, element, 0);
        }
        fired
    }

    fn update(&mut self, number: usize, element: usize, w: f64) -> bool {
        let p = &self.network.populations[number];
        let at = |name| p.parameter(name, element);
        let h = DT.as_secs_f64();
        let bias = p.bias.get(element).copied().unwrap_or(0.0);
        let decay = |tau: Option<f64>| tau.map_or(1.0, |tau| (-h / tau).exp());
        let (v, i) = (&mut self.v[number][element], &mut self.i[number][element]);
        let r = at("r").unwrap_or(1.0);
        let rest = at("v_leak").unwrap_or(0.0);
        let m = decay(at("tau"));
        match p.model {
            Model::Input => return false,
            Model::Lif | Model::Li => *v = rest + m * (*v - rest) + (1.0 - m) * r * (w + bias),
            Model::If => *v += h * r * (w + bias),
            Model::CubaLif => {
                let (m, s) = (decay(at("tau_mem")), decay(at("tau_syn")));
                let (tau_m, tau_s) = (at("tau_mem").unwrap(), at("tau_syn").unwrap());
                let p21 = if tau_m == tau_s {
                    h / tau_m * m
                } else {
                    (m - s) * tau_s / (tau_m - tau_s)
                };
                let w_in = at("w_in").unwrap();
                *v = rest + m * (*v - rest) + p21 * *i + (1.0 - m) * r * w_in * bias;
                *i = s * *i + (1.0 - s) * r * w_in * w;
            }
        }
        match at("v_threshold") {
            Some(threshold) if *v > threshold => {
                *v = at("v_reset").unwrap_or(0.0);
                true
            }
            _ => false,
        }
    }
}

fn run(plan: &Plan, inputs: &[(u64, u32)], steps: u64) -> Result<Outcome, Failure> {
    let input = Input {
        events: inputs.iter().map(|&(s, i)| Event::spike(s, i)).collect(),
        ..Input::default()
    };
    let mut place = Place::Host;
    let mut backend = place.load(&plan.description, |_| ())?;
    session::present(plan, &mut *backend, &input, steps, None)
}

/// Spikes in the same steps, potentials within 1e-9 of the threshold.
#[test]
fn all_kinds_of_neurons_equal_doubles() {
    const STEPS: u64 = 600;

    let network = all_kinds();
    let mut plan = graph::describe(&network, DT).unwrap();
    host::resolve(&mut plan.description);
    let inputs: Vec<(u64, u32)> = (0..STEPS)
        .flat_map(|step| (0..5).map(move |i| (step, i)))
        .filter(|&(step, i)| (step * 7 + u64::from(i) * 13 + step / 11) % 5 < 2)
        .collect();
    let outcome = run(&plan, &inputs, STEPS).unwrap();

    let mut doubles = Doubles::new(&network);
    let (mut fired, mut last) = (Vec::new(), Vec::new());
    let li = network.population("li").unwrap();
    for step in 0..STEPS {
        let now = inputs.iter().filter(|i| i.0 == step);
        let now: Vec<usize> = now.map(|&(_, i)| i as usize).collect();
        for (number, element) in doubles.step(&now) {
            fired.push((step, network.populations[number].name.clone(), element));
        }
        last.extend_from_slice(&doubles.v[li]);
    }
    let ours: Vec<(u64, String, usize)> = outcome
        .output
        .spikes
        .iter()
        .map(|s| {
            let (layer, index) = plan.layer_of(s.neuron).unwrap();
            (s.step, layer.name.clone(), index as usize)
        })
        .collect();
    for name in ["lif", "cuba", "if"] {
        assert!(ours.iter().filter(|s| s.1 == name).count() > 20, "{name}");
    }
    assert_eq!(ours, fired);
    assert_eq!(outcome.output.voltages.len(), last.len());
    let (layer, _) = plan.layer_of(plan.description.probes[0]).unwrap();
    for (voltage, wanted) in outcome.output.voltages.iter().zip(last) {
        let ours = layer.potential(voltage.probe, voltage.value);
        assert!((ours - wanted).abs() < 1e-9, "{voltage:?}: {wanted}");
    }
}

/// A spike of an input acts in its own step; a bias acts from step 0 on, once a
/// step, and not in the step before the first.
#[test]
fn steps_are_those_of_the_input() {
    let lif = |bias: f64| {
        let node = Node::Lif {
            tau: one(0.01),
            r: one(1.0),
            v_leak: one(0.0),
            v_threshold: one(10.0),
            v_reset: one(0.0),
        };
        let nodes = vec![
            ("in", Node::Input { shape: vec![1] }),
            ("a", affine(1, 1, &[1.0], Some(&[bias]))),
            ("n", node),
            ("out", Node::Output { shape: vec![1] }),
        ];
        network(nodes, &[("in", "a"), ("a", "n"), ("n", "out")])
    };
    let share = 1.0 - (-0.05f64).exp();
    for (bias, wanted) in [(0.0, share), (2.0, 3.0 * share)] {
        let mut plan = graph::describe(&lif(bias), DT).unwrap();
        plan.description.probes = vec![0];
        host::resolve(&mut plan.description);
        let outcome = run(&plan, &[(0, 0)], 3).unwrap();
        assert_eq!(outcome.output.voltages.len(), 3);
        let first = plan.layers[0].potential(0, outcome.output.voltages[0].value);
        assert!((first - wanted).abs() < 1e-12, "{first} {wanted}");
    }
}

fn config() -> ProptestConfig {
    let long = std::env::var_os("LIGHTOS_LONG").is_some_and(|v| v == "1");
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(if long { 1_000_000 } else { 2_000 })
    }
}

/// Numbers that people and damaged files have.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -2.0..2.0f64,
        1 => any::<f64>(),
        1 => Just(0.0),
        1 => prop::sample::select(vec![1e-300, -1e300, 1e18, 1e-9, 3600.0, f64::NAN]),
    ]
}

/// A graph of a population of each kind, with these numbers, 16 of them.
fn any_graph(values: &[f64], kind: i32) -> Graph {
    let v = |i: usize| one(values[i]);
    let positive = |i: usize| one(values[i].abs());
    let (tau, r, v_leak, v_threshold, v_reset) = (positive(0), v(1), v(2), v(3), v(4));
    let node = match kind {
        0 => Node::Lif {
            tau,
            r,
            v_leak,
            v_threshold,
            v_reset,
        },
        1 => Node::If {
            r,
            v_threshold,
            v_reset,
        },
        2 => Node::Li { tau, r, v_leak },
        _ => Node::CubaLif {
            tau_syn: positive(5),
            tau_mem: tau,
            r,
            v_leak,
            v_threshold,
            v_reset,
            w_in: v(6),
        },
    };
    Graph {
        version: "1.0".into(),
        nodes: [
            ("in", Node::Input { shape: vec![3] }),
            ("d", Node::Delay { delay: positive(7) }),
            ("a", affine(2, 3, &values[8..14], Some(&values[14..16]))),
            ("n", node),
            ("out", Node::Output { shape: vec![2] }),
        ]
        .map(|(name, node)| (name.to_owned(), node))
        .into(),
        edges: [("in", "d"), ("d", "a"), ("a", "n"), ("n", "out")]
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .to_vec(),
    }
}

/// Whatever the numbers: a graph is refused with a reason, or becomes tables
/// that the checks of the module pass and that run.
#[test]
fn any_numbers() {
    let dt_ns = prop_oneof![Just(1u64), Just(1_000_000_000_000), 1u64..10_000_000];
    let numbers = prop::collection::vec(number(), 16);
    let config = config();
    let (cases, accepted) = (config.cases, Cell::new(0));
    let ran = TestRunner::new(config).run(&(numbers, 0..4, dt_ns), |(values, kind, dt_ns)| {
        let Ok(network) = any_graph(&values, kind).lower(&Limits::default()) else {
            return Ok(());
        };
        let Ok(mut plan) = graph::describe(&network, Duration::from_nanos(dt_ns)) else {
            return Ok(());
        };
        accepted.set(accepted.get() + 1);
        host::resolve(&mut plan.description);
        let ran = run(&plan, &[(0, 0), (1, 2), (5, 1)], 10);
        prop_assert!(ran.is_ok(), "{}", ran.unwrap_err());
        Ok(())
    });
    assert!(ran.is_ok(), "{}", ran.unwrap_err());
    let accepted = accepted.get();
    println!("{accepted} of {cases} graphs are accepted");
    assert!(
        accepted >= cases / 20,
        "only {accepted} of {cases} graphs are accepted"
    );
}
