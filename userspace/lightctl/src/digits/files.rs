// SPDX-License-Identifier: GPL-2.0

//! The three files of the demonstration: lines of numbers, `#` for comments.
//!
//! scripts/train_digits.py writes two of them and documents their lines.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use super::network::{Digit, Network, Neuron, Pulse, CLASSES, FULL_INTENSITY, PIXELS};
use crate::failure::Failure;

/// What an exact simulation of the same events yields for one digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// The class.
    pub(crate) class: usize,
    /// Spikes of all neurons of the digit.
    pub(crate) spikes: u64,
}

/// Reads all digits of a file.
pub(crate) fn read_digits(path: &Path) -> Result<Vec<Digit>, Failure> {
    in_file(path, parse_digits)
}

/// Reads a network.
pub(crate) fn read_network(path: &Path) -> Result<Network, Failure> {
    in_file(path, parse_network)
}

/// Reads the expected answers, by row of the file of digits.
pub(crate) fn read_expected(path: &Path) -> Result<BTreeMap<usize, Expected>, Failure> {
    in_file(path, parse_expected)
}

/// A line number, counted from 1, and what is wrong there.
type Fault = (usize, String);

/// Applies a parser to a file and adds its path to the fault.
fn in_file<T>(path: &Path, parse: fn(&str) -> Result<T, Fault>) -> Result<T, Failure> {
    let text = std::fs::read_to_string(path).map_err(|source| Failure::Read {
        path: path.to_owned(),
        source,
    })?;
    parse(&text).map_err(|(line, what)| Failure::Format {
        path: path.to_owned(),
        line,
        what,
    })
}

/// The lines that are not comments, with their numbers.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// The whole numbers of a line, which all lie in `bounds`.
fn numbers<T>(text: &str, bounds: Range<T>) -> Result<Vec<T>, String>
where
    T: FromStr + PartialOrd + Display,
{
    text.split(',')
        .map(|field| match field.trim().parse() {
            Ok(value) if bounds.contains(&value) => Ok(value),
            _ => Err(format!(
                "`{field}` is no whole number from {} to below {}",
                bounds.start, bounds.end
            )),
        })
        .collect()
}

/// The numbers of a line that must hold exactly `N` of them.
fn exactly<T, const N: usize>(fields: Vec<T>) -> Result<[T; N], String> {
    let found = fields.len();
    fields
        .try_into()
        .map_err(|_| format!("{found} numbers where {N} belong"))
}

pub(crate) fn parse_digits(text: &str) -> Result<Vec<Digit>, Fault> {
    lines(text)
        .map(|(line, rest)| parse_digit(rest).map_err(|what| (line, what)))
        .collect()
}

fn parse_digit(line: &str) -> Result<Digit, String> {
    let (pixels, label) = line.rsplit_once(',').ok_or("one number only")?;
    let [label] = exactly(numbers(label, 0..CLASSES)?)?;
    let intensities = exactly(numbers(pixels, 0..FULL_INTENSITY + 1)?)?;
    Ok(Digit { intensities, label })
}

pub(crate) fn parse_expected(text: &str) -> Result<BTreeMap<usize, Expected>, Fault> {
    lines(text)
        .map(|(line, rest)| parse_answer(rest).map_err(|what| (line, what)))
        .collect()
}

fn parse_answer(line: &str) -> Result<(usize, Expected), String> {
    let [row, label, class, spikes] = exactly(numbers(line, 0..1 << 32)?)?;
    if label >= CLASSES || class >= CLASSES {
        return Err(format!("a class is not below {CLASSES}"));
    }
    let spikes = spikes as u64; // below 1 << 32
    Ok((row, Expected { class, spikes }))
}

pub(crate) fn parse_network(text: &str) -> Result<Network, Fault> {
    let mut network = Network::default();
    let mut last = 1;
    for (line, rest) in lines(text) {
        last = line;
        parse_part(rest, &mut network).map_err(|what| (line, what))?;
    }
    network.check().map_err(|what| (last, what))?;
    Ok(network)
}

/// Adds one line of a network's file to the network.
fn parse_part(line: &str, network: &mut Network) -> Result<(), String> {
    /// Longer presentations would reach beyond the module's 60 s.
    const NS: Range<u64> = 0..10_000_000_000;
    let (name, rest) = line.split_once(',').ok_or("no value")?;
    match name {
        "train" => network.train = parse_rows(rest)?,
        "test" => network.test = parse_rows(rest)?,
        "duration" => [network.duration_ns] = exactly(numbers(rest, NS)?)?,
        "latency" => {
            let table: [i64; FULL_INTENSITY + 1] =
                exactly(numbers(rest, -1..NS.end.cast_signed())?)?;
            network.latency_ns = table.map(|ns| u64::try_from(ns).ok());
        }
        "pulse" => {
            let (offset, amplitude) = rest.split_once(',').ok_or("no amplitude")?;
            let [offset_ns] = exactly(numbers(offset, NS)?)?;
            let [amplitude_mv] = exactly(numbers(amplitude, 1..10_000)?)?;
            network.pulses.push(Pulse {
                offset_ns,
                amplitude_mv,
            });
        }
        "neuron" => network.neurons.push(parse_neuron(rest)?),
        _ => return Err(format!("`{name}` is not known")),
    }
    Ok(())
}

fn parse_rows(text: &str) -> Result<Range<usize>, String> {
    let [first, count] = exactly(numbers(text, 0..1 << 32)?)?;
    Ok(first..first + count)
}

fn parse_neuron(text: &str) -> Result<Neuron, String> {
    let (class, rest) = text.split_once(',').ok_or("no bias")?;
    let (bias, weights) = rest.split_once(',').ok_or("no weights")?;
    let [class] = exactly(numbers(class, 0..CLASSES)?)?;
    let [bias_mv] = exactly(numbers(bias, -10_000..10_000)?)?;
    let weights_mv: [i32; PIXELS] = exactly(numbers(weights, -10_000..10_000)?)?;
    Ok(Neuron {
        class,
        bias_mv,
        weights_mv,
    })
}
