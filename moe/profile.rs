// SPDX-License-Identifier: GPL-2.0

//! The two settings that v0.2.0 named.
//!
//! Pure functions: any context, no lock.

use super::capacity::{Capacity, Drop};
use super::config::{demand, Fault, Layer, Problem, SCALE_ONE};

/// The number of experts of v0.2.0, and of a profile unless another is asked for.
pub const LEGACY_EXPERTS: u32 = 64;

/// The most tokens of a batch of v0.2.0.
pub const LEGACY_TOKENS: u32 = 4096;

/// A named setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Profile {
    /// Softmax, the four best experts, renormalised, nothing dropped: no token waits or is lost.
    ///
    /// Its "50 % sparsity" is taken to mean an expert sparsity of at least one half: of all pairs
    /// of a token and an expert at least half are not computed. With four experts a token that
    /// holds for eight experts or more, and fewer are refused. (With 64 it is 93.75 %.)
    LowLatency = 0,
    /// Softmax, the best expert, its weight the score itself (Switch), at most an even share of
    /// the tokens for each expert; beyond it those with the least weight are dropped.
    MaximumEfficiency = 1,
}

impl Profile {
    /// The layer of this profile, with so many experts.
    pub fn layer(self, experts: u32) -> Result<Layer, Fault> {
        let (layer, least) = match self {
            Self::LowLatency => (Layer::softmax(experts, 4), 8),
            Self::MaximumEfficiency => (
                Layer {
                    renormalize: false,
                    capacity: Capacity {
                        drop: Drop::ByProbability,
                        factor: SCALE_ONE,
                        ..Capacity::DROPLESS
                    },
                    ..Layer::softmax(experts, 1)
                },
                1,
            ),
        };
        demand(experts >= least, 0, "experts", Problem::Range)?;
        layer.check(0)?;
        Ok(layer)
    }
}
