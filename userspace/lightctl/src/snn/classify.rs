// SPDX-License-Identifier: GPL-2.0

//! Many labelled recordings, and how many a network tells right.

use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::{json, Value};

use super::backend::Place;
use super::energy::Operations;
use super::events::{self, InputArgs};
use super::plan::{self, NetworkArgs, Plan};
use super::progress::Progress;
use super::session::{self, readings};
use super::{Common, MAX_STEPS};
use crate::failure::Failure;
use crate::show::print_json;

/// A network and labelled recordings.
#[derive(clap::Args)]
pub(crate) struct ClassifyArgs {
    #[command(flatten)]
    network: NetworkArgs,
    /// Folder with recordings and labels.txt: the name of a file and its label a line
    #[arg(long, value_name = "FOLDER")]
    data: PathBuf,
    #[command(flatten, next_help_heading = "From recording to input")]
    input: InputArgs,
    /// Steps of each recording
    #[arg(long, value_name = "N", default_value_t = 350, value_parser = clap::value_parser!(u64).range(1..=MAX_STEPS))]
    steps: u64,
    /// How many recordings, from the first [default: all]
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// Compare with the lines of this file: recording, input spikes, spikes of all
    /// layers but the last, spikes of each output
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// Least share of right answers for success, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    least: f64,
    #[command(flatten)]
    common: Common,
}

/// What the network said to one recording.
struct Answer {
    recording: String,
    label: u32,
    said: Option<usize>,
    input_spikes: u64,
    hidden: u64,
    outputs: Vec<f64>,
    operations: Operations,
    busy_ns: u64,
}

impl Answer {
    fn is_right(&self) -> bool {
        self.said == Some(self.label as usize)
    }

    /// As a line of `--expect`.
    fn line(&self) -> String {
        let outputs: Vec<String> = self.outputs.iter().map(f64::to_string).collect();
        format!(
            "{} {} {} {}",
            self.recording,
            self.input_spikes,
            self.hidden,
            outputs.join(" ")
        )
    }

    fn json(&self) -> Value {
        json!({
            "recording": self.recording,
            "label": self.label,
            "said": self.said,
            "right": self.is_right(),
            "input_spikes": self.input_spikes,
            "hidden_spikes": self.hidden,
            "outputs": self.outputs,
            "synaptic_events": self.operations.synaptic_events,
        })
    }
}

/// `lightctl snn classify`.
pub(crate) fn command(args: &ClassifyArgs) -> Result<(), Failure> {
    let plan = plan::open(&args.network)?;
    let mut recordings = events::labelled(&args.data)?;
    recordings.truncate(args.count.unwrap_or(usize::MAX));
    let expected = args.expect.as_deref().map(expectations).transpose()?;
    let mut place = Place::open(args.common.host)?;
    let name = place.name();
    let answers = answers(args, &plan, &mut place, &recordings)?;
    let different = expected.map(|expected| differing(&answers, &expected));
    let summary = Summary::new(name, &answers, different);
    if args.common.json {
        print_json(&summary.json(&answers))?;
    } else {
        summary.print(&answers)?;
    }
    summary.judge(args.least)
}

fn answers(
    args: &ClassifyArgs,
    plan: &Plan,
    place: &mut Place,
    recordings: &[(PathBuf, u32)],
) -> Result<Vec<Answer>, Failure> {
    let mut backend = super::load(place, plan)?;
    let mut progress = Progress::new("recordings", recordings.len() as u64);
    let mut answers = Vec::new();
    for (path, label) in recordings {
        let d = &plan.description;
        let input = events::read(path, &args.input, d.inputs, d.step_ns, Some(args.steps))?;
        backend.reset()?;
        let outcome = session::present(plan, &mut *backend, &input, args.steps, None)?;
        let reading = readings(plan, &outcome.output).into_iter().next_back();
        let outputs = reading.as_ref().map_or(Vec::new(), |r| r.values.clone());
        let counted = plan.layers.len().checked_sub(1).map_or(0.0, |last| {
            session::counts(plan, last, &outcome.output.spikes)
                .iter()
                .sum()
        });
        answers.push(Answer {
            recording: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            label: *label,
            said: reading.and_then(|reading| reading.winner()),
            input_spikes: outcome.stats.input_spikes,
            hidden: outcome.stats.spikes - counted as u64,
            outputs,
            operations: Operations::of(&outcome.stats, outcome.steps),
            busy_ns: outcome.stats.busy_ns,
        });
        progress.at(answers.len() as u64);
    }
    Ok(answers)
}

/// The lines of a file of expectations.
fn expectations(path: &std::path::Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|source| Failure::Read {
        path: path.to_owned(),
        source,
    })?;
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

/// Recordings whose answer is not what was expected, or not expected at all.
fn differing(answers: &[Answer], expected: &[String]) -> Vec<String> {
    let lines = answers.iter().map(|answer| (answer, answer.line()));
    lines
        .filter(|(_, line)| !expected.contains(line))
        .map(|(answer, _)| answer.recording.clone())
        .collect()
}

/// All answers together.
struct Summary {
    place: &'static str,
    count: usize,
    right: usize,
    input_spikes: u64,
    spikes: u64,
    operations: Operations,
    busy_ns: u64,
    different: Option<Vec<String>>,
}

impl Summary {
    fn new(place: &'static str, answers: &[Answer], different: Option<Vec<String>>) -> Self {
        let mut operations = Operations::default();
        for answer in answers {
            operations.add(&answer.operations);
        }
        let outputs = |a: &Answer| a.outputs.iter().sum::<f64>() as u64;
        Self {
            place,
            count: answers.len(),
            right: answers.iter().filter(|answer| answer.is_right()).count(),
            input_spikes: answers.iter().map(|a| a.input_spikes).sum(),
            spikes: answers.iter().map(|a| a.hidden + outputs(a)).sum(),
            operations,
            busy_ns: answers.iter().map(|a| a.busy_ns).sum(),
            different,
        }
    }

    fn accuracy(&self) -> f64 {
        self.right as f64 * 100.0 / self.count.max(1) as f64
    }

    fn json(&self, answers: &[Answer]) -> Value {
        json!({
            "ran_in": self.place,
            "recordings": self.count,
            "right": self.right,
            "accuracy_percent": self.accuracy(),
            "input_spikes": self.input_spikes,
            "spikes": self.spikes,
            "busy_ns": self.busy_ns,
            "operations": self.operations.json(),
            "different_from_expectation": self.different,
            "answers": answers.iter().map(Answer::json).collect::<Vec<Value>>(),
        })
    }

    fn print(&self, answers: &[Answer]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let mut row = |name: &str, value: String| writeln!(out, "{name:<20} {value}");
        for answer in answers.iter().filter(|answer| !answer.is_right()) {
            let said = answer.said.map_or("nothing".to_owned(), |s| s.to_string());
            row(
                "wrong",
                format!("{}: a {}, said {said}", answer.recording, answer.label),
            )?;
        }
        row("ran in", format!("the {}", self.place))?;
        let accuracy = self.accuracy();
        row(
            "right",
            format!("{} of {} ({accuracy:.1} %)", self.right, self.count),
        )?;
        row("input spikes", self.input_spikes.to_string())?;
        row("spikes of neurons", self.spikes.to_string())?;
        for (name, value) in self.operations.rows() {
            row(name, value)?;
        }
        row("busy", format!("{:.3} ms", self.busy_ns as f64 / 1e6))?;
        if let Some(different) = &self.different {
            let equal = self.count - different.len();
            row(
                "as expected",
                format!("{equal} of {} in every count", self.count),
            )?;
        }
        Ok(())
    }

    /// Whether that is good enough.
    fn judge(&self, least: f64) -> Result<(), Failure> {
        if let Some(different) = self.different.as_ref().filter(|d| !d.is_empty()) {
            return Err(Failure::Result(format!(
                "different from what was expected: {}",
                different.join(" ")
            )));
        }
        if self.accuracy() < least {
            return Err(Failure::Result(format!(
                "{:.1} % right, less than {least} %",
                self.accuracy()
            )));
        }
        Ok(())
    }
}
