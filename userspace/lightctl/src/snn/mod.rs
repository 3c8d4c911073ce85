// SPDX-License-Identifier: GPL-2.0

//! `lightctl snn`: networks and recordings that people bring.

mod backend;
mod dense;
mod energy;
mod events;
mod graph;
mod host;
mod plan;
mod progress;
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
    /// Present a recording to a network
    ///
    /// Prints the spikes of each output, the output that wins, what was counted and
    /// what it would cost.
    Run(RunArgs),
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
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 40))]
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
        Command::Run(args) => run(args),
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
    let ran = present(args)?;
    if args.common.json {
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
