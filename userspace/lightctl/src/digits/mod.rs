// SPDX-License-Identifier: GPL-2.0

//! `lightctl digits`: handwritten digits, classified by the spiking engine.
//!
//! [`files`] reads the digits, the network and the expected answers,
//! [`network`] turns a digit into events and spikes into a class, [`session`]
//! presents the digits to the engine, [`report`] sums up.

pub(crate) mod files;
pub(crate) mod network;
mod report;
mod session;
#[cfg(test)]
mod tests;

use lightos::{Counters, Device};

use self::files::{read_digits, read_expected, read_network};
use self::report::Report;
use self::session::Session;
use crate::failure::Failure;
use crate::show::{print_json, print_text};
use crate::DigitsArgs;

/// The least share of correct answers that counts as success, in percent.
const REQUIRED_PERCENT: f64 = 90.0;

/// How many digits lie between two lines of progress.
const PROGRESS_STEP: usize = 100;

/// Runs the demonstration on the device.
pub(crate) fn command(args: &DigitsArgs) -> Result<(), Failure> {
    let network = read_network(&args.weights)?;
    let digits = read_digits(&args.data)?;
    let chosen = network.choose(&digits, args.count)?;
    let expected = args.expect.as_deref().map(read_expected).transpose()?;
    let say = |text: String| {
        if !args.json {
            println!("{text}");
        }
    };
    say(format!(
        "{} handwritten digits, none of them among the {} that the weights were fitted on",
        chosen.len(),
        network.train.len(),
    ));
    say(format!("{} LIF neurons a digit", network.neurons.len()));

    let mut device = Device::open()?;
    let before = device.counters().ok();
    let mut session = Session::open(&mut device, &network)?;
    let shown = session.present(&chosen, |done| {
        if done.len() % PROGRESS_STEP == 0 {
            let right = done.iter().filter(|answer| answer.is_right()).count();
            say(format!("{:5} digits, {right} right", done.len()));
        }
    });
    let outcome = session.close(shown)?;
    let spent = before
        .zip(device.counters().ok())
        .map(|(before, after)| report::spent(&before, &after));

    finish(
        args,
        &Report::new(&outcome, expected.as_ref()),
        spent.as_ref(),
    )
}

/// Prints the report and judges it.
fn finish(args: &DigitsArgs, report: &Report, spent: Option<&Counters>) -> Result<(), Failure> {
    if args.json {
        print_json(&report.to_json(spent))?;
    } else {
        print_text(&report.to_text(spent))?;
    }
    report.judge(REQUIRED_PERCENT)
}
