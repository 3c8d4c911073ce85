// SPDX-License-Identifier: GPL-2.0

//! What a gate tells about its experts, and small choices that calls take.

use crate::sys;
use crate::types::abi_enum;
use crate::Error;

abi_enum! {
    /// What a row of a batch holds.
    Format ("format") {
        /// Logits, IEEE 754 binary32.
        F32 = 0, "f32";
        /// Logits, IEEE 754 binary16.
        F16 = 1, "f16";
        /// Logits, bfloat16.
        Bf16 = 2, "bf16";
        /// Logits, Q16.16; the least number is -inf.
        Q16 = 3, "q16";
        /// Features, int8, of a learned layer.
        Int8 = 4, "int8";
        /// Nothing: a hash layer without logits.
        Absent = 5, "none";
    }
}

abi_enum! {
    /// How much an expert has to do, from the last batch.
    State ("state") {
        /// No token.
        Idle = 0, "idle";
        /// Up to three quarters of its capacity.
        Active = 1, "active";
        /// More, up to its capacity.
        Busy = 2, "busy";
        /// More than its capacity.
        Overloaded = 3, "overloaded";
    }
}

abi_enum! {
    /// A setting of a whole gate that v0.2.0 named.
    Profile ("profile") {
        /// Softmax, the four best renormalised, dropless; eight experts at least.
        LowLatency = 0, "low-latency";
        /// Softmax, the best expert, capacity factor 1, dropping by probability.
        MaxEfficiency = 1, "max-efficiency";
    }
}

/// The loads of an expert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expert {
    /// Choices of it since it was configured or reset, those dropped included.
    pub load: u64,
    /// Of these, beyond its capacity.
    pub dropped: u64,
    /// Choices since the last update of the biases.
    pub recent: u64,
    /// Choices of the last batch.
    pub last: u32,
    /// From the last batch.
    pub state: State,
}

impl TryFrom<sys::MoeExpert> for Expert {
    type Error = Error;

    fn try_from(raw: sys::MoeExpert) -> Result<Self, Error> {
        Ok(Self {
            load: raw.load,
            dropped: raw.dropped,
            recent: raw.recent,
            last: raw.last,
            state: raw.state.try_into()?,
        })
    }
}

/// Statistics of a layer. Figures from `balancedness` on are 0 without a load.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stats {
    /// Experts of the layer.
    pub experts: u32,
    /// Batches routed.
    pub batches: u64,
    /// Tokens routed.
    pub tokens: u64,
    /// Tokens that passed while the layer was skipped.
    pub skipped: u64,
    /// Choices made, those dropped included.
    pub activations: u64,
    /// Of these, beyond the capacity of their expert.
    pub dropped: u64,
    /// Tokens below the token threshold.
    pub tokens_dropped: u64,
    /// Places that stayed empty since fewer experts could be selected.
    pub missing: u64,
    /// Capacity times experts, summed over batches.
    pub slots: u64,
    /// Updates of the biases.
    pub updates: u64,
    /// Time spent in MOE_ROUTE, copies included, in ns.
    pub busy_ns: u64,
    /// Of that, in the arithmetic.
    pub gate_ns: u64,
    /// Mean load by greatest load; 1 is even.
    pub balancedness: f64,
    /// MaxVio: greatest load by mean load, less 1; 0 is even.
    pub max_violation: f64,
    /// CV^2: variance of the loads by their mean squared; 0 is even.
    pub cv_squared: f64,
    /// Entropy of the experts' shares in the load, in bits; log2(experts) is even.
    pub entropy: f64,
    /// Experts with a load, by experts.
    pub used: f64,
    /// Choices dropped, by choices.
    pub drop_rate: f64,
    /// Realised capacity factor: slots by choices.
    pub capacity_factor: f64,
    /// Pairs of token and expert not computed, by all such pairs.
    pub sparsity: f64,
}

impl From<sys::MoeStats> for Stats {
    fn from(raw: sys::MoeStats) -> Self {
        // Whole millionths, below 2^53 for all that a gate can count.
        let figure = |micro: u64| micro as f64 / f64::from(sys::MOE_MICRO);
        Self {
            experts: raw.experts,
            batches: raw.batches,
            tokens: raw.tokens,
            skipped: raw.skipped,
            activations: raw.activations,
            dropped: raw.dropped,
            tokens_dropped: raw.tokens_dropped,
            missing: raw.missing,
            slots: raw.slots,
            updates: raw.updates,
            busy_ns: raw.busy_ns,
            gate_ns: raw.gate_ns,
            balancedness: figure(raw.balancedness),
            max_violation: figure(raw.max_violation),
            cv_squared: figure(raw.cv_squared),
            entropy: figure(raw.entropy),
            used: figure(raw.used),
            drop_rate: figure(raw.drop_rate),
            capacity_factor: figure(raw.capacity_factor),
            sparsity: figure(raw.sparsity),
        }
    }
}

/// What to bring back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Loads and statistics to 0.
    pub loads: bool,
    /// Biases to 0.
    pub biases: bool,
}

impl Reset {
    /// Everything.
    pub const ALL: Self = Self {
        loads: true,
        biases: true,
    };

    pub(super) const fn flags(self) -> u32 {
        let loads = if self.loads { sys::MOE_RESET_LOADS } else { 0 };
        let biases = if self.biases {
            sys::MOE_RESET_BIASES
        } else {
            0
        };
        loads | biases
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_millionths() {
        let raw = sys::MoeStats {
            experts: 64,
            max_violation: 1_500_000,
            entropy: 5_250_000,
            ..Default::default()
        };
        let stats = Stats::from(raw);
        assert_eq!((stats.max_violation, stats.entropy), (1.5, 5.25));
        assert_eq!(Reset::ALL.flags(), 3);
    }

    #[test]
    fn an_unknown_state_is_an_error() {
        let raw = sys::MoeExpert {
            state: 4,
            ..Default::default()
        };
        assert!(Expert::try_from(raw).is_err());
    }
}
