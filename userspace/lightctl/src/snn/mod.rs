// SPDX-License-Identifier: GPL-2.0

//! `lightctl snn`: networks and recordings that people bring.

mod backend;
mod classify;
mod compare;
#[cfg(test)]
mod damage_tests;
mod dense;
mod describe;
mod energy;
mod events;
mod graph;
#[cfg(test)]
mod graph_tests;
mod host;
pub(crate) mod picture;
mod plan;
pub(crate) mod progress;
mod record;
mod report;
mod session;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;

use self::backend::Place;
use self::events::{Input, InputArgs};
use self::plan::{NetworkArgs, Plan};
use self::progress::Progress;
use self::session::Outcome;
use crate::failure::Failure;
use crate::show::print_json;

/// `lightctl snn` and what follows it.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Check and describe a network
    ///
    /// Names the node of what cannot be run. Prints sizes, parameters, how weights
    /// became integers and what that cost.
    Load(describe::LoadArgs),
    /// Present a recording to a network
    ///
    /// Prints the spikes of each output, the output that wins, what was counted and
    /// what it would cost.
    Run(RunArgs),
    /// Write spikes and voltages with the field names of NIRData
    Record(RecordArgs),
    /// Draw input, spikes and voltages
    Raster(RasterArgs),
    /// Classify labelled recordings
    Classify(classify::ClassifyArgs),
    /// Compare with what others recorded
    Compare(compare::CompareArgs),
}

/// Most steps of a run.
const MAX_STEPS: u64 = 1 << 40;

/// What to record.
#[derive(clap::Args)]
pub(crate) struct RecordArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Write all spikes: .npy or .csv
    #[arg(long, value_name = "FILE", required_unless_present = "voltages")]
    spikes: Option<PathBuf>,
    /// Write spikes as steps x neurons (nir.TimeGriddedData), not as nir.EventData
    #[arg(long, requires = "spikes")]
    grid: bool,
    /// Write what the probes read: .npy or .csv
    #[arg(long, value_name = "FILE", requires = "probe")]
    voltages: Option<PathBuf>,
}

/// What to draw.
#[derive(clap::Args)]
pub(crate) struct RasterArgs {
    #[command(flatten)]
    run: RunArgs,
    /// The picture: .svg or .png; may be given for both
    #[arg(long, short, value_name = "FILE", required = true)]
    output: Vec<PathBuf>,
    /// Its width in pixels
    #[arg(long, value_name = "N", default_value_t = 1200)]
    width: u32,
    /// Its title [default: the name of the recording]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
}

/// A network, a recording, and how to bring them together.
#[derive(clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    network: NetworkArgs,
    /// The recording: CSV, .npy, N-MNIST .bs2 or .bin, EVT2 or EVT3
    #[arg(long, value_name = "FILE")]
    events: PathBuf,
    #[command(flatten, next_help_heading = "From recording to input")]
    input: InputArgs,
    /// Steps to run [default: up to the last event and as far as delays reach]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MAX_STEPS))]
    steps: Option<u64>,
    /// Read the potential of this neuron: a number, or LAYER:NUMBER
    #[arg(long, value_name = "NEURON")]
    probe: Vec<String>,
    /// A step every --dt by the clock
    #[arg(long)]
    real_time: bool,
    #[command(flatten)]
    common: Common,
}

/// What all commands have.
#[derive(Clone, Copy, clap::Args)]
#[command(next_help_heading = "Options")]
pub(crate) struct Common {
    /// Run the same arithmetic in this process, not in the module
    #[arg(long)]
    host: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Carries a command out.
pub(crate) fn command(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Load(args) => describe::command(args),
        Command::Run(args) => run(args),
        Command::Record(args) => record(args),
        Command::Raster(args) => raster(args),
        Command::Classify(args) => classify::command(args),
        Command::Compare(args) => compare::command(args),
    }
}

/// A network that was loaded and run.
struct Ran {
    plan: Plan,
    input: Input,
    outcome: Outcome,
    place: &'static str,
}

/// Reads, loads and runs what `args` name.
fn present(args: &RunArgs) -> Result<Ran, Failure> {
    let mut plan = plan::open(&args.network)?;
    for name in &args.probe {
        let neuron = plan.neuron(name)?;
        plan.description.probes.push(neuron);
    }
    let description = &plan.description;
    let (inputs, step_ns) = (description.inputs, description.step_ns);
    let input = events::read(&args.events, &args.input, inputs, step_ns, args.steps)?;
    let steps = args.steps.unwrap_or(input.end + longest_delay(&plan));
    let mut place = Place::open(args.common.host)?;
    let name = place.name();
    let mut backend = load(&mut place, &plan)?;
    let interval = args.real_time.then_some(Duration::ZERO);
    let outcome = session::present(&plan, &mut *backend, &input, steps, interval)?;
    drop(backend);
    Ok(Ran {
        plan,
        input,
        outcome,
        place: name,
    })
}

/// Loads a network, with progress where it is large.
fn load<'a>(place: &'a mut Place, plan: &Plan) -> Result<Box<dyn backend::Backend + 'a>, Failure> {
    let mut progress = Progress::new("bytes loaded", plan.description.bytes());
    place.load(&plan.description, |done| progress.at(done.done))
}

/// Steps from an input to the last layer, at least.
fn longest_delay(plan: &Plan) -> u64 {
    let description = &plan.description;
    let blocks = description.blocks.iter().map(|b| b.delay).max();
    let longest = blocks.max(description.delays.last().copied());
    u64::from(longest.unwrap_or(0)) * plan.layers.len() as u64
}

fn run(args: &RunArgs) -> Result<(), Failure> {
    print(&present(args)?, args.common.json)
}

fn record(args: &RecordArgs) -> Result<(), Failure> {
    for path in args.spikes.iter().chain(&args.voltages) {
        record::check(path)?;
    }
    let ran = present(&args.run)?;
    if let Some(path) = &args.spikes {
        record::spikes(path, &ran.plan, &ran.outcome, args.grid)?;
    }
    if let Some(path) = &args.voltages {
        record::voltages(path, &ran.plan, &ran.outcome)?;
    }
    print(&ran, args.run.common.json)
}

fn raster(args: &RasterArgs) -> Result<(), Failure> {
    args.output
        .iter()
        .try_for_each(|path| picture::check(path))?;
    let ran = present(&args.run)?;
    let name = args.run.events.file_name().unwrap_or_default();
    let title = args.title.clone();
    let title = title.unwrap_or_else(|| name.to_string_lossy().into_owned());
    let raster = picture::raster(&title, &ran.plan, &ran.input, &ran.outcome);
    for path in &args.output {
        picture::write(path, &raster, args.width)?;
    }
    print(&ran, args.run.common.json)
}

fn print(ran: &Ran, as_json: bool) -> Result<(), Failure> {
    if as_json {
        print_json(&report::run_json(
            ran.place,
            &ran.plan,
            &ran.input,
            &ran.outcome,
        ))
    } else {
        print_rows(&report::run_text(
            ran.place,
            &ran.plan,
            &ran.input,
            &ran.outcome,
        ))
    }
}

/// Prints names and values in two columns.
fn print_rows(rows: &[(String, String)]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for (name, value) in rows {
        writeln!(out, "{name:<20} {value}")?;
    }
    Ok(())
}
