// SPDX-License-Identifier: GPL-2.0

//! Sums up what the engine made of the digits.

use std::collections::BTreeMap;

use lightos::Counters;
use serde_json::{json, Value};

use super::files::Expected;
use super::network::CLASSES;
use super::session::Outcome;
use crate::failure::Failure;

/// The figures of a run.
pub(crate) struct Report {
    /// `confusion[label][class]`: how many digits.
    pub(crate) confusion: [[u32; CLASSES]; CLASSES],
    pub(crate) digits: u32,
    pub(crate) right: u32,
    pub(crate) events: u64,
    pub(crate) spikes: u64,
    pub(crate) sparsity_percent: u32,
    pub(crate) seconds: f64,
    /// Digits whose class or spikes differ from the simulation, if there is one.
    pub(crate) different: Option<u32>,
}

/// What the counters moved by; levels as they are in `after`.
pub(crate) fn spent(before: &Counters, after: &Counters) -> Counters {
    Counters {
        events_late: after.events_late.wrapping_sub(before.events_late),
        events_refractory: after
            .events_refractory
            .wrapping_sub(before.events_refractory),
        saturations: after.saturations.wrapping_sub(before.saturations),
        neuron_updates: after.neuron_updates.wrapping_sub(before.neuron_updates),
        busy_ns: after.busy_ns.wrapping_sub(before.busy_ns),
        ..*after
    }
}

impl Report {
    /// Counts the answers and compares them with the simulation.
    pub(crate) fn new(outcome: &Outcome, expected: Option<&BTreeMap<usize, Expected>>) -> Self {
        let mut report = Self {
            confusion: [[0; CLASSES]; CLASSES],
            digits: 0,
            right: 0,
            events: outcome.events,
            spikes: 0,
            sparsity_percent: outcome.sparsity_percent,
            seconds: outcome.elapsed_ns as f64 / 1e9,
            different: expected.map(|_| 0),
        };
        for answer in &outcome.answers {
            report.confusion[answer.label][answer.class] += 1;
            report.digits += 1;
            report.right += u32::from(answer.is_right());
            report.spikes += answer.spikes;
            let got = Expected {
                class: answer.class,
                spikes: answer.spikes,
            };
            if expected.is_some_and(|table| table.get(&answer.row) != Some(&got)) {
                report.different = report.different.map(|count| count + 1);
            }
        }
        report
    }

    /// Share of right answers.
    pub(crate) fn accuracy_percent(&self) -> f64 {
        100.0 * f64::from(self.right) / f64::from(self.digits)
    }

    fn digits_per_second(&self) -> f64 {
        f64::from(self.digits) / self.seconds
    }

    /// Fails unless the answers are good enough and those of the simulation.
    pub(crate) fn judge(&self, required_percent: f64) -> Result<(), Failure> {
        if let Some(different @ 1..) = self.different {
            return Err(Failure::Result(format!(
                "{different} digits differ from the exact simulation"
            )));
        }
        if self.accuracy_percent() < required_percent {
            return Err(Failure::Result(format!(
                "{:.1} % right, less than {required_percent} %",
                self.accuracy_percent()
            )));
        }
        Ok(())
    }

    /// How often the digits of one label were taken for what.
    fn row_text(&self, label: usize) -> String {
        let row = &self.confusion[label];
        let total: u32 = row.iter().sum();
        let mut wrong: Vec<(u32, usize)> = (0..CLASSES)
            .filter(|&class| class != label && row[class] > 0)
            .map(|class| (row[class], class))
            .collect();
        wrong.sort_by_key(|&(count, class)| (std::cmp::Reverse(count), class));
        let mut text = format!("{:4} of {total:4} right", row[label]);
        for (index, (count, class)) in wrong.iter().enumerate() {
            text += if index == 0 { ", taken for " } else { ", " };
            text += &format!("{class} ({count})");
        }
        text
    }

    /// The report as rows of two columns.
    pub(crate) fn to_text(&self, spent: Option<&Counters>) -> Vec<(&'static str, String)> {
        let mut rows = self.answer_rows();
        rows.push(("events", self.events.to_string()));
        rows.push(("spikes", self.spikes.to_string()));
        rows.push(("sparsity", format!("{} %", self.sparsity_percent)));
        if let Some(spent) = spent {
            let busy_s = spent.busy_ns as f64 / 1e9;
            rows.push(("neuron updates", spent.neuron_updates.to_string()));
            rows.push(("late events", spent.events_late.to_string()));
            rows.push(("engine time", format!("{busy_s:.3} s")));
        }
        let rate = self.digits_per_second();
        rows.push(("time", format!("{:.2} s, {rate:.0} digits/s", self.seconds)));
        rows
    }

    /// How good the answers are.
    fn answer_rows(&self) -> Vec<(&'static str, String)> {
        const NAMES: [&str; CLASSES] = [
            "digit 0", "digit 1", "digit 2", "digit 3", "digit 4", "digit 5", "digit 6", "digit 7",
            "digit 8", "digit 9",
        ];
        let mut rows: Vec<(&'static str, String)> = NAMES
            .into_iter()
            .enumerate()
            .map(|(label, name)| (name, self.row_text(label)))
            .collect();
        let share = self.accuracy_percent();
        let counts = format!("({} of {})", self.right, self.digits);
        rows.push(("accuracy", format!("{share:.1} % {counts}")));
        match self.different {
            None => (),
            Some(0) => rows.push((
                "exact simulation",
                "agrees on every digit, classes and spikes".to_owned(),
            )),
            Some(count) => rows.push(("exact simulation", format!("differs on {count} digits"))),
        }
        rows
    }

    /// The report as one JSON object.
    pub(crate) fn to_json(&self, spent: Option<&Counters>) -> Value {
        json!({
            "digits": self.digits,
            "correct": self.right,
            "accuracy_percent": self.accuracy_percent(),
            "confusion": self.confusion,
            "different_from_simulation": self.different,
            "events": self.events,
            "spikes": self.spikes,
            "sparsity_percent": self.sparsity_percent,
            "neuron_updates": spent.map(|spent| spent.neuron_updates),
            "events_late": spent.map(|spent| spent.events_late),
            "events_refractory": spent.map(|spent| spent.events_refractory),
            "saturations": spent.map(|spent| spent.saturations),
            "engine_busy_ns": spent.map(|spent| spent.busy_ns),
            "seconds": self.seconds,
            "digits_per_second": self.digits_per_second(),
        })
    }
}
