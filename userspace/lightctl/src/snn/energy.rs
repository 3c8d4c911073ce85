// SPDX-License-Identifier: GPL-2.0

//! What the counted operations would cost, by published energies an operation.
//!
//! These are estimates, not measurements of this machine. Arithmetic in 45 nm:
//! M. Horowitz, "Computing's energy problem (and what we can do about it)", ISSCC
//! 2014: an 8-bit product 0.2 pJ, a 32-bit integer sum 0.1 pJ; reading the
//! operands from memory costs more and is left out on both sides. The chip: M.
//! Davies et al., "Loihi: a neuromorphic manycore processor with on-chip learning",
//! IEEE Micro 38, 2018, table 1: a synaptic operation 23.6 pJ, an update of a
//! neuron 81 pJ active and 52 pJ inactive.

use lightos::network::Stats;
use serde_json::{json, Value};

const PRODUCT_PJ: f64 = 0.2;
const SUM_PJ: f64 = 0.1;
const LOIHI_SYNAPSE_PJ: f64 = 23.6;
const LOIHI_ACTIVE_PJ: f64 = 81.0;
const LOIHI_INACTIVE_PJ: f64 = 52.0;

/// Operations of a network over some steps, and those of the dense network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Operations {
    /// Synapses that carried a spike.
    pub(crate) synaptic_events: u64,
    /// Updates of neurons executed.
    pub(crate) updates: u64,
    /// Updates left out.
    pub(crate) skipped: u64,
    /// Multiply-adds if each synapse were computed in each step.
    pub(crate) dense: u64,
}

impl Operations {
    /// Those that `stats` counted over `steps` steps of the user.
    pub(crate) fn of(stats: &Stats, steps: u64) -> Self {
        Self {
            synaptic_events: stats.synaptic_events,
            updates: stats.updates,
            skipped: stats.skipped,
            dense: stats.synapses.saturating_mul(steps),
        }
    }

    /// With those of another presentation.
    pub(crate) fn add(&mut self, other: &Self) {
        self.synaptic_events += other.synaptic_events;
        self.updates += other.updates;
        self.skipped += other.skipped;
        self.dense += other.dense;
    }

    /// Share of neuron updates not executed, 0 to 1.
    pub(crate) fn skipped_share(&self) -> f64 {
        self.skipped as f64 / (self.updates + self.skipped).max(1) as f64
    }

    /// Microjoules of sums alone, in 45 nm.
    pub(crate) fn sums_uj(&self) -> f64 {
        self.synaptic_events as f64 * SUM_PJ / 1e6
    }

    /// Microjoules of the dense network's products and sums, in 45 nm.
    pub(crate) fn dense_uj(&self) -> f64 {
        self.dense as f64 * (PRODUCT_PJ + SUM_PJ) / 1e6
    }

    /// Microjoules on the Loihi chip.
    pub(crate) fn loihi_uj(&self) -> f64 {
        (self.synaptic_events as f64 * LOIHI_SYNAPSE_PJ
            + self.updates as f64 * LOIHI_ACTIVE_PJ
            + self.skipped as f64 * LOIHI_INACTIVE_PJ)
            / 1e6
    }

    /// For `--json`.
    pub(crate) fn json(&self) -> Value {
        json!({
            "synaptic_events": self.synaptic_events,
            "updates": self.updates,
            "skipped": self.skipped,
            "skipped_share": self.skipped_share(),
            "dense_multiply_adds": self.dense,
            "energy_estimate_uj": {
                "event_driven_sums_45nm": self.sums_uj(),
                "dense_multiply_adds_45nm": self.dense_uj(),
                "loihi": self.loihi_uj(),
                "sources": [
                    "45 nm arithmetic without memory: Horowitz, ISSCC 2014",
                    "Loihi: Davies et al., IEEE Micro 38, 2018",
                ],
            },
        })
    }

    /// For people.
    pub(crate) fn rows(&self) -> Vec<(&'static str, String)> {
        let ratio = self.dense as f64 / self.synaptic_events.max(1) as f64;
        vec![
            ("synaptic events", self.synaptic_events.to_string()),
            (
                "dense multiply-adds",
                format!("{} ({ratio:.0} times as many)", self.dense),
            ),
            (
                "updates skipped",
                format!("{:.2} %", self.skipped_share() * 100.0),
            ),
            (
                "energy (estimate)",
                format!(
                    "{} for the sums, {} dense (45 nm arithmetic alone, Horowitz 2014)",
                    joules(self.sums_uj()),
                    joules(self.dense_uj())
                ),
            ),
            (
                "on Loihi (estimate)",
                format!("{} (Davies et al. 2018)", joules(self.loihi_uj())),
            ),
        ]
    }
}

/// Microjoules with three digits or more.
fn joules(uj: f64) -> String {
    match uj {
        uj if uj >= 1e3 => format!("{:.3} mJ", uj / 1e3),
        uj if uj >= 0.1 => format!("{uj:.3} uJ"),
        uj => format!("{:.3} nJ", uj * 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_energies_are_multiplied_out() {
        let operations = Operations {
            synaptic_events: 1_000_000,
            updates: 1_000,
            skipped: 9_000,
            dense: 10_000_000,
        };
        assert_eq!(operations.sums_uj(), 0.1);
        assert!((operations.dense_uj() - 3.0).abs() < 1e-12);
        assert!((operations.loihi_uj() - (23.6 + 0.081 + 0.468)).abs() < 1e-9);
        assert_eq!(operations.skipped_share(), 0.9);
    }
}
