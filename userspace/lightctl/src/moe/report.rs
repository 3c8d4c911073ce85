// SPDX-License-Identifier: GPL-2.0

//! Figures of routing, for people and for programs.

use lightos::moe::{Expert, Stats};
use serde_json::{json, Value};

use super::runner::Runner;

/// Rows of equal columns: the first to the left, the others to the right.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// With these names of columns.
    pub(crate) fn new(head: &[&str]) -> Self {
        Self {
            rows: vec![head.iter().map(|name| (*name).to_owned()).collect()],
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let line = |row: &Vec<String>| {
            let cells = row.iter().enumerate().map(|(column, cell)| {
                let width = width(column);
                if column == 0 {
                    format!("{cell:<width$}")
                } else {
                    format!("  {cell:>width$}")
                }
            });
            cells.collect()
        };
        self.rows.iter().map(line).collect()
    }
}

/// A name and a value, as `lightctl` prints them.
pub(crate) fn pair(name: &str, value: impl std::fmt::Display) -> String {
    format!("{name:<20} {value}")
}

/// A share in percent.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Names of the columns of [`stats_row`].
pub(crate) const STATS_HEAD: [&str; 9] = [
    "layer", "tokens", "choices", "MaxVio", "balance", "CV^2", "entropy", "dropped", "sparsity",
];

/// The statistics of a layer, in a row.
pub(crate) fn stats_row(name: &str, stats: &Stats) -> Vec<String> {
    vec![
        name.to_owned(),
        stats.tokens.to_string(),
        stats.activations.to_string(),
        format!("{:.3}", stats.max_violation),
        format!("{:.3}", stats.balancedness),
        format!("{:.3}", stats.cv_squared),
        format!("{:.3}", stats.entropy),
        percent(stats.drop_rate),
        percent(stats.sparsity),
    ]
}

/// The statistics of a layer.
pub(crate) fn stats_json(stats: &Stats) -> Value {
    json!({
        "experts": stats.experts,
        "batches": stats.batches,
        "tokens": stats.tokens,
        "skipped": stats.skipped,
        "activations": stats.activations,
        "dropped": stats.dropped,
        "tokens_dropped": stats.tokens_dropped,
        "missing": stats.missing,
        "slots": stats.slots,
        "updates": stats.updates,
        "busy_ns": stats.busy_ns,
        "balancedness": stats.balancedness,
        "max_violation": stats.max_violation,
        "cv_squared": stats.cv_squared,
        "entropy": stats.entropy,
        "used": stats.used,
        "drop_rate": stats.drop_rate,
        "capacity_factor": stats.capacity_factor,
        "sparsity": stats.sparsity,
    })
}

/// The loads of experts.
pub(crate) fn experts_json(experts: &[Expert]) -> Value {
    let of = |expert: &Expert| {
        json!({
            "load": expert.load,
            "dropped": expert.dropped,
            "recent": expert.recent,
            "last": expert.last,
            "state": expert.state.to_string(),
        })
    };
    experts.iter().map(of).collect()
}

/// Where it ran, and what a comparison came to.
pub(crate) fn place_lines(runner: &Runner) -> Vec<String> {
    let mut lines = vec![pair("routed in", format!("the {}", runner.place.name()))];
    if let Some(text) = runner.compared_text() {
        lines.push(pair("compared", text));
    }
    lines
}

/// The same for programs.
pub(crate) fn compared_json(runner: &Runner) -> Value {
    match runner.compared() {
        None => Value::Null,
        Some(batches) => json!({ "batches": batches, "differ": runner.differ() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_cells() {
        let mut table = Table::new(&["layer", "n"]);
        table.row(vec!["a".into(), "1234".into()]);
        table.row(vec!["longer name".into(), "5".into()]);
        let lines = table.lines();
        assert_eq!(lines[0], "layer           n");
        assert_eq!(lines[1], "a            1234");
        assert_eq!(lines[2], "longer name     5");
        assert_eq!(percent(0.2346), "23.5 %");
    }
}
