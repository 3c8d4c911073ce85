// SPDX-License-Identifier: GPL-2.0

//! Dense layers from `.npy` files: a row of weights for each neuron.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use lightos::network::{Builder, Exponential, Group, Jump, Loihi, Population, Weights};
use lightos_nir::scale::{quantise, Extent, Report};
use lightos_recordings::npy;
use serde_json::{json, Value};

use super::plan::{Arithmetic, Layer, NetworkArgs, Plan, Readout};
use crate::failure::Failure;

/// Weights that a network can have.
const LIMIT: usize = lightos::sys::MAX_SYNAPSES as usize;

/// Units of a threshold of exact neurons.
const THRESHOLD_UNITS: f64 = (1u64 << 52) as f64;

/// The weights of a layer, one row for each source.
struct Matrix {
    name: String,
    inputs: u32,
    outputs: u32,
    values: Vec<f64>,
}

impl Matrix {
    fn read(path: &Path) -> Result<Self, Failure> {
        let file = File::open(path).map_err(|source| Failure::Read {
            path: path.to_owned(),
            source,
        })?;
        let array = npy::read_array(BufReader::new(file), LIMIT)
            .map_err(|error| Failure::recording(path, error))?;
        let name = path.file_stem().unwrap_or(path.as_os_str());
        Self::new(name.to_string_lossy().into_owned(), &array)
            .map_err(|what| Failure::Usage(format!("{}: {what}", path.display())))
    }

    /// From one row a neuron to one row a source.
    fn new(name: String, array: &npy::Array) -> Result<Self, String> {
        let [outputs, inputs] = array.shape[..] else {
            return Err(format!(
                "an array of {} dimensions; expected 2: neurons, sources",
                array.shape.len()
            ));
        };
        let most = lightos::sys::MAX_NEURONS as usize;
        if inputs == 0 || outputs == 0 || inputs > most || outputs > most {
            return Err(format!("{outputs} x {inputs}; each must be 1 to {most}"));
        }
        let column = |source: usize| array.values.iter().skip(source).step_by(inputs);
        Ok(Self {
            name,
            // Both at most 2^16.
            inputs: inputs as u32,
            outputs: outputs as u32,
            values: (0..inputs).flat_map(column).copied().collect(),
        })
    }
}

/// Integer weights of the least width that holds them.
enum Integers {
    Bytes(Vec<i8>),
    Words(Vec<i16>),
}

impl Integers {
    fn new(values: &[i32]) -> Self {
        let bytes = values.iter().map(|&v| i8::try_from(v).ok());
        match bytes.collect() {
            Some(bytes) => Self::Bytes(bytes),
            None => Self::Words(values.iter().map(|&v| v as i16).collect()),
        }
    }

    fn weights(&self) -> Weights<'_> {
        match self {
            Self::Bytes(bytes) => Weights::Bytes(bytes),
            Self::Words(words) => Weights::Words(words),
        }
    }
}

/// Reads layers and connects each to the one before, the first to the inputs.
pub(crate) fn open(files: &[PathBuf], args: &NetworkArgs) -> Result<Plan, Failure> {
    let matrices: Result<Vec<Matrix>, Failure> =
        files.iter().map(|path| Matrix::read(path)).collect();
    build(&matrices?, args)
}

fn build(matrices: &[Matrix], args: &NetworkArgs) -> Result<Plan, Failure> {
    let mut builder = Builder::new(args.dt);
    let first = matrices.first().map_or(0, |matrix| matrix.inputs);
    let mut before: Group = builder.inputs(first)?.into();
    let mut width = first;
    let (mut layers, mut about) = (Vec::new(), Vec::new());
    for matrix in matrices {
        if matrix.inputs != width {
            return Err(Failure::Usage(format!(
                "{} has {} sources a row, but {width} come before it",
                matrix.name, matrix.inputs
            )));
        }
        let (integers, scaling) = scaled(matrix, args)?;
        let (neurons, unit) = population(&mut builder, matrix, args, scaling.scale)?;
        builder.dense(before, neurons, 1, integers.weights())?;
        about.push(about_layer(matrix, &scaling));
        layers.push(Layer {
            name: matrix.name.clone(),
            neurons,
            unit,
            rest: Vec::new(),
        });
        before = neurons.into();
        width = matrix.outputs;
    }
    let last = layers.len().saturating_sub(1);
    let name = layers.last().map_or(String::new(), |l| l.name.clone());
    Ok(Plan {
        description: builder.build()?,
        layers,
        readouts: vec![(name, Readout::Spikes(last))],
        lead_in: false,
        about: json!({ "format": "npy", "layers": about }),
    })
}

/// Integer weights: as they are for Loihi, as wide as 16 bits allow else.
fn scaled(matrix: &Matrix, args: &NetworkArgs) -> Result<(Integers, Report), Failure> {
    let weights = || matrix.values.iter().copied();
    if args.neurons.arithmetic == Arithmetic::Exact {
        let scale = Extent::of(weights()).power_of_two(16);
        let (integers, report) = quantise(weights(), scale, 16);
        return Ok((Integers::new(&integers), report));
    }
    let (integers, report) = quantise(weights(), 1.0, 9);
    if report.largest_error > 0.0 {
        return Err(Failure::Usage(format!(
            "{}: weights of Loihi are integers from -256 to 255; scale and round them, or use \
             --arithmetic exact",
            matrix.name
        )));
    }
    Ok((Integers::new(&integers), report))
}

/// The neurons of a layer, and the units of a potential of 1.
fn population(
    builder: &mut Builder,
    matrix: &Matrix,
    args: &NetworkArgs,
    scale: f64,
) -> Result<(Population, f64), Failure> {
    let neurons = &args.neurons;
    if neurons.arithmetic == Arithmetic::Loihi {
        let loihi = Loihi {
            current_decay: neurons.current_decay,
            voltage_decay: neurons.voltage_decay,
            threshold: whole(neurons.threshold.unwrap_or(5120.0))?,
            bias: 0,
            refractory_steps: neurons.refractory,
        };
        return Ok((builder.population(matrix.outputs, loihi)?, 1.0));
    }
    let threshold = neurons.threshold.unwrap_or(1.0);
    if !(threshold > 0.0 && threshold.is_finite()) {
        return Err(Failure::Usage(format!(
            "a threshold of {threshold}; it must be above 0"
        )));
    }
    let unit = THRESHOLD_UNITS / threshold;
    let jump = Jump {
        membrane: Some(neurons.tau),
        drive: 0,
        gain: (unit / scale).round() as i64,
        // Above, not at the threshold.
        threshold: Some(THRESHOLD_UNITS as i64 + 1),
        reset: 0,
        refractory_steps: neurons.refractory,
    };
    let Some(tau_syn) = neurons.tau_syn else {
        return Ok((builder.population(matrix.outputs, jump)?, unit));
    };
    let exponential = Exponential {
        membrane: jump.membrane,
        currents: [Some(tau_syn); 2],
        drive: 0,
        gain: [jump.gain; 2],
        threshold: jump.threshold,
        reset: 0,
        refractory_steps: jump.refractory_steps,
    };
    Ok((builder.population(matrix.outputs, exponential)?, unit))
}

fn whole(threshold: f64) -> Result<i32, Failure> {
    if threshold.fract() == 0.0 && (0.0..=f64::from(0x1_ffff << 6)).contains(&threshold) {
        Ok(threshold as i32)
    } else {
        Err(Failure::Usage(format!(
            "a threshold of {threshold}; Loihi's are integers from 0 to {}",
            0x1_ffff << 6
        )))
    }
}

fn about_layer(matrix: &Matrix, report: &Report) -> Value {
    let extent = Extent::of(matrix.values.iter().copied());
    json!({
        "name": matrix.name,
        "sources": matrix.inputs,
        "neurons": matrix.outputs,
        "weights": {
            "largest": extent.largest,
            "scale": report.scale,
            "largest_error": report.largest_error,
            "saturated": report.saturated,
            "vanished": report.vanished,
        },
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::backend::Place;
    use super::super::events::Input;
    use super::super::plan::NeuronArgs;
    use super::super::{host, session};
    use super::*;

    fn args(arithmetic: Arithmetic) -> NetworkArgs {
        NetworkArgs {
            files: Vec::new(),
            dt: Duration::from_millis(1),
            neurons: NeuronArgs {
                arithmetic,
                current_decay: 1024,
                voltage_decay: 128,
                threshold: None,
                tau: Duration::from_millis(20),
                tau_syn: None,
                refractory: 0,
            },
        }
    }

    fn matrix(name: &str, shape: [usize; 2], values: &[f64]) -> Matrix {
        let array = npy::Array {
            shape: shape.to_vec(),
            values: values.to_vec(),
        };
        Matrix::new(name.into(), &array).unwrap()
    }

    #[test]
    fn rows_of_neurons_become_rows_of_sources() {
        let m = matrix("w", [2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!((m.inputs, m.outputs), (3, 2));
        assert_eq!(m.values, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        let flat = npy::Array {
            shape: vec![6],
            values: vec![0.0; 6],
        };
        assert!(Matrix::new("w".into(), &flat).is_err());
    }

    #[test]
    fn layers_must_fit() {
        let first = matrix("a", [2, 3], &[0.0; 6]);
        let second = matrix("b", [1, 3], &[0.0; 3]);
        let error = build(&[first, second], &args(Arithmetic::Loihi)).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("b has 3 sources a row, but 2 come before it"),
            "{text}"
        );
        for wrong in [0.5, 256.0, -257.0] {
            let odd = matrix("a", [1, 1], &[wrong]);
            assert!(build(&[odd], &args(Arithmetic::Loihi)).is_err(), "{wrong}");
        }
    }

    /// A layer of leaky neurons, jumps and currents, against doubles.
    #[test]
    fn exact_layers_equal_doubles() {
        for tau_syn in [None, Some(Duration::from_millis(5))] {
            let mut args = args(Arithmetic::Exact);
            args.neurons.threshold = Some(0.8);
            args.neurons.tau_syn = tau_syn;
            let weight = if tau_syn.is_some() { 2.0 } else { 0.25 };
            let mut plan = build(&[matrix("w", [1, 1], &[weight])], &args).unwrap();
            plan.description.probes = vec![0];
            host::resolve(&mut plan.description);
            let steps: Vec<u64> = (0..300).filter(|s| s % 7 < 3 || s % 11 == 0).collect();
            let input = Input {
                events: steps
                    .iter()
                    .map(|&s| lightos::network::Event::spike(s, 0))
                    .collect(),
                ..Input::default()
            };
            let mut place = Place::Host;
            let mut backend = place.load(&plan.description, |_| ()).unwrap();
            let outcome = session::present(&plan, &mut *backend, &input, 300, None).unwrap();
            let (m, s) = ((-0.05f64).exp(), (-0.2f64).exp());
            let (mut v, mut i, mut fired) = (0.0, 0.0, Vec::new());
            for voltage in &outcome.output.voltages {
                let arrives = voltage.step > 0 && steps.contains(&(voltage.step - 1));
                let w = if arrives { weight } else { 0.0 };
                if tau_syn.is_some() {
                    v = m * v + (s - m) * 5.0 / (5.0 - 20.0) * i;
                    i = s * i + w;
                } else {
                    v = m * v + w;
                }
                if v > 0.8 {
                    v = 0.0;
                    fired.push(voltage.step);
                }
                let ours = plan.layers[0].potential(0, voltage.value);
                assert!((ours - v).abs() < 1e-9, "{voltage:?} {v}");
            }
            assert!(fired.len() > 10);
            let ours: Vec<u64> = outcome.output.spikes.iter().map(|s| s.step).collect();
            assert_eq!(ours, fired);
        }
    }
}
