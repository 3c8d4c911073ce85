// SPDX-License-Identifier: GPL-2.0

//! Against recordings that others made: the platforms of the NIR paper, the chip.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use lightos::network::{Builder, Event, Loihi, Weights};
use serde_json::{json, Value};

use super::backend::Place;
use super::events::Input;
use super::plan::{Layer, Plan, Readout};
use super::session::{self, Outcome};
use super::{graph, host, Common};
use crate::failure::Failure;
use crate::show::print_json;

/// What to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum With {
    /// paper/01_lif of neuromorphs/NIR: lif_norse.nir on all platforms
    Nir,
    /// test/test_files/Loihi of bamsumit/slayerPytorch: a recording of the chip
    Loihi,
}

/// A recording by others.
#[derive(clap::Args)]
pub(crate) struct CompareArgs {
    /// What to compare with
    #[arg(value_enum)]
    with: With,
    /// Folder with its files
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    #[command(flatten)]
    common: Common,
}

/// `lightctl snn compare`.
pub(crate) fn command(args: &CompareArgs) -> Result<(), Failure> {
    match args.with {
        With::Nir => nir(&args.folder, args.common),
        With::Loihi => loihi(&args.folder, args.common),
    }
}

/// Loads a network, and runs it on spikes of inputs, (step, input) ascending.
fn run(
    plan: &Plan,
    spikes: &[(u64, u32)],
    steps: u64,
    common: Common,
) -> Result<(Outcome, &'static str), Failure> {
    let events = spikes
        .iter()
        .map(|&(step, input)| Event::spike(step, input));
    let input = Input {
        events: events.collect(),
        ..Input::default()
    };
    let mut place = Place::open(common.host)?;
    let name = place.name();
    let mut backend = super::load(&mut place, plan)?;
    let outcome = session::present(plan, &mut *backend, &input, steps, None)?;
    Ok((outcome, name))
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|source| Failure::Read {
        path: path.to_owned(),
        source,
    })
}

/// Lines of numbers, whatever stands between them.
fn table(path: &Path) -> Result<Vec<Vec<f64>>, Failure> {
    let text = read(path)?;
    let number = |line: usize, word: &str| {
        word.parse::<f64>().map_err(|_| Failure::Format {
            path: path.to_owned(),
            line: line + 1,
            what: format!("{word:?} is no number"),
        })
    };
    let row = |(line, content): (usize, &str)| -> Result<Vec<f64>, Failure> {
        let words = content.split(|c: char| c == ',' || c.is_whitespace());
        let words = words.filter(|word| !word.is_empty());
        words.map(|word| number(line, word)).collect()
    };
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(row)
        .collect()
}

/// A platform of the table: what it put in, its voltage, its spikes.
struct Platform {
    name: String,
    voltage: Vec<f64>,
    spikes: Vec<u64>,
}

impl Platform {
    fn read(path: &Path, name: &str) -> Result<Self, Failure> {
        let table = table(path)?;
        let column = |index: usize| {
            let cells = table.iter().map(|row| row.get(index).copied());
            let cells: Option<Vec<f64>> = cells.collect();
            cells.ok_or_else(|| {
                Failure::Usage(format!(
                    "{}: expected input, voltage, output a line",
                    path.display()
                ))
            })
        };
        let fired = (0..).zip(column(2)?).filter(|&(_, out)| out != 0.0);
        Ok(Self {
            name: name.to_owned(),
            voltage: column(1)?,
            spikes: fired.map(|(step, _)| step).collect(),
        })
    }

    /// The greatest difference of its voltage from `exact` in the steps `range`.
    fn difference(&self, exact: &[f64], range: std::ops::Range<usize>) -> f64 {
        let pairs = self.voltage.iter().zip(exact);
        let pairs = pairs.skip(range.start).take(range.len());
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    fn json(&self, exact: &[f64], first: usize) -> Value {
        json!({
            "platform": self.name,
            "spike_steps": self.spikes,
            "largest_voltage_difference": {
                "up_to_first_spike": self.difference(exact, 0..first),
                "after": self.difference(exact, first..exact.len()),
            },
        })
    }

    fn line(&self, exact: &[f64], first: usize) -> String {
        let spikes: Vec<String> = self.spikes.iter().map(u64::to_string).collect();
        format!(
            "{:<20} {:<20} {:>10.1e} {:>10.1e}",
            self.name,
            spikes.join(" "),
            self.difference(exact, 0..first),
            self.difference(exact, first..exact.len())
        )
    }
}

/// The table of the NIR paper with LightOS as one more row.
fn nir(folder: &Path, common: Common) -> Result<(), Failure> {
    let input: Vec<f64> = table(&folder.join("lif_exact.csv"))?
        .iter()
        .map(|row| row.first().copied().unwrap_or(0.0))
        .collect();
    let exact = Platform::read(&folder.join("lif_exact.csv"), "exact")?;
    let dt = Duration::from_micros(100);
    let mut plan = graph::open(&folder.join("lif_norse.nir"), dt)?;
    plan.description.probes = vec![0];
    host::resolve(&mut plan.description);
    let spikes = (0..).zip(&input).filter(|&(_, &i)| i == 1.0);
    let spikes: Vec<(u64, u32)> = spikes.map(|(step, _)| (step, 0)).collect();
    let (outcome, place) = run(&plan, &spikes, input.len() as u64, common)?;
    let layer = &plan.layers[0];
    let ours = Platform {
        name: format!("LightOS ({place})"),
        voltage: outcome
            .output
            .voltages
            .iter()
            .map(|v| layer.potential(0, v.value))
            .collect(),
        spikes: outcome.output.spikes.iter().map(|s| s.step).collect(),
    };
    let first = exact
        .spikes
        .first()
        .map_or(exact.voltage.len(), |&s| s as usize);
    let grid = recursion(&input);
    let from_grid = ours.difference(&grid, 0..grid.len());
    let others = others(folder)?;
    let right = ours.spikes == exact.spikes && from_grid < 1e-6;
    if common.json {
        let rows = others.iter().chain([&ours]);
        print_json(&json!({
            "ran_in": place,
            "first_spike_step": first,
            "difference_from_grid_exact_recursion": from_grid,
            "platforms": rows.map(|p| p.json(&exact.voltage, first)).collect::<Vec<Value>>(),
        }))?;
    } else {
        print_nir(&others, &ours, &exact.voltage, first, from_grid)?;
    }
    if right {
        return Ok(());
    }
    Err(Failure::Result(format!(
        "spikes at {:?} where the exact solution has {:?}; voltage off by {from_grid:.1e}",
        ours.spikes, exact.spikes
    )))
}

fn print_nir(
    others: &[Platform],
    ours: &Platform,
    exact: &[f64],
    first: usize,
    from_grid: f64,
) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "lif_norse.nir: steps of output spikes, and the largest difference of the voltage\n\
         from lif_exact.csv up to step {} and after it\n",
        first.saturating_sub(1)
    )?;
    for platform in others.iter().chain([ours]) {
        writeln!(out, "{}", platform.line(exact, first))?;
    }
    writeln!(
        out,
        "\nlif_exact.csv resets within the step, LightOS at its end: from the recursion\n\
         v = exp(-h / tau) v + (1 - exp(-h / tau)) i it differs by {from_grid:.1e} throughout.\n\
         Voltages of other platforms are as they published them, some in other units."
    )?;
    Ok(())
}

/// The grid-exact recursion of the neuron of lif_norse.nir, in doubles: tau 2.5 ms,
/// threshold 0.1, steps of 0.1 ms.
fn recursion(input: &[f64]) -> Vec<f64> {
    let decay = (-0.04f64).exp();
    let mut v = 0.0;
    let step = |i: &f64| {
        v = decay * v + (1.0 - decay) * i;
        if v >= 0.1 {
            v = 0.0;
        }
        v
    };
    input.iter().map(step).collect()
}

/// The other platforms, by name.
fn others(folder: &Path) -> Result<Vec<Platform>, Failure> {
    let unreadable = |source| Failure::Read {
        path: folder.to_owned(),
        source,
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let name = name.to_string_lossy().into_owned();
        let inner = name
            .strip_prefix("lif_")
            .and_then(|n| n.strip_suffix(".csv"));
        names.extend(inner.map(str::to_owned));
    }
    names.sort_unstable();
    let read = |name: &String| Platform::read(&folder.join(format!("lif_{name}.csv")), name);
    names.iter().map(read).collect()
}

/// Inputs, neurons, steps and probed neuron of the recording of the chip.
const INPUTS: u32 = 250;
const HIDDEN: u32 = 25;
const STEPS: u64 = 500;
const PROBED: u32 = 24;

/// A hidden layer on the chip, spike by spike and voltage by voltage.
///
/// The recording numbers a spike by the step of the input that it answers.
fn loihi(folder: &Path, common: Common) -> Result<(), Failure> {
    let plan = chip(&folder.join("w1learned.txt"))?;
    let inputs = spikes(&folder.join("loihiInputSpikes.txt"), INPUTS)?;
    let recorded = spikes(&folder.join("loihiHiddenSpikes.txt"), HIDDEN)?;
    let volts: Vec<f64> = table(&folder.join("loihiHiddenVoltage24.txt"))?.concat();
    let (outcome, place) = run(&plan, &inputs, STEPS, common)?;
    let ours = outcome.output.spikes.iter().map(|s| (s.step, s.neuron));
    let ours: Vec<(u64, u32)> = ours.collect();
    let shared = ours.iter().filter(|s| recorded.binary_search(s).is_ok());
    let shared = shared.count();
    // The first reading is that of step 1.
    let readings = outcome.output.voltages.iter().skip(1);
    let equal = readings.zip(&volts).filter(|(a, &b)| a.value as f64 == b);
    let equal = equal.count();
    if common.json {
        print_json(&json!({
            "ran_in": place,
            "spikes": ours.len(),
            "recorded_spikes": recorded.len(),
            "spikes_in_both": shared,
            "recorded_voltages": volts.len(),
            "equal_voltages": equal,
        }))?;
    } else {
        let mut out = io::stdout().lock();
        let mut row = |name: &str, value: String| writeln!(out, "{name:<20} {value}");
        row("ran in", format!("the {place}"))?;
        row(
            "hidden spikes",
            format!(
                "{shared} of {} recorded, {} in all",
                recorded.len(),
                ours.len()
            ),
        )?;
        row(
            "voltages",
            format!("{equal} of {} recorded of neuron {PROBED}", volts.len()),
        )?;
    }
    if ours == recorded && equal == volts.len() {
        return Ok(());
    }
    Err(Failure::Result("different from the chip".into()))
}

/// The network on the chip: weights 2 * round(w * 4 / 2), a row a neuron.
fn chip(path: &Path) -> Result<Plan, Failure> {
    let rows = table(path)?;
    let shape = rows.len() == HIDDEN as usize;
    if !shape || rows.iter().any(|row| row.len() != INPUTS as usize) {
        return Err(Failure::Usage(format!(
            "{}: expected {HIDDEN} rows of {INPUTS} weights",
            path.display()
        )));
    }
    let weight = |input: usize, row: &Vec<f64>| 2 * (row[input] * 2.0).round_ties_even() as i16;
    let inputs = 0..INPUTS as usize;
    let weights: Vec<i16> = inputs
        .flat_map(|input| rows.iter().map(move |row| weight(input, row)))
        .collect();
    let mut builder = Builder::new(Duration::from_millis(1));
    let inputs = builder.inputs(INPUTS)?;
    let neurons = builder.population(HIDDEN, Loihi::default())?;
    builder.dense(inputs, neurons, 1, Weights::Words(&weights))?;
    builder.probe(PROBED)?;
    Ok(Plan {
        description: builder.build()?,
        layers: vec![Layer {
            name: "hidden".into(),
            neurons,
            unit: 1.0,
            rest: Vec::new(),
        }],
        readouts: vec![("hidden".into(), Readout::Spikes(0))],
        lead_in: true,
        about: Value::Null,
    })
}

/// Lines of neuron and step, as (step, neuron), ascending; neurons below `count`.
fn spikes(path: &Path, count: u32) -> Result<Vec<(u64, u32)>, Failure> {
    let mut spikes = Vec::new();
    for row in table(path)? {
        match row[..] {
            [neuron, step] if neuron >= 0.0 && neuron < count.into() && step >= 0.0 => {
                spikes.push((step as u64, neuron as u32));
            }
            _ => {
                return Err(Failure::Usage(format!(
                    "{}: expected neuron (below {count}) and step a line",
                    path.display()
                )))
            }
        }
    }
    spikes.sort_unstable();
    Ok(spikes)
}
