// SPDX-License-Identifier: GPL-2.0

//! Logits from features: the router's matrix in int8.
//!
//! ```text
//! x_e = scale_e * sum_d features_d * weights_(e,d)
//! ```
//!
//! The sum is exact; the scale, that of the features times that of the expert's weights, is Q0.32.
//! The logit is Q16.16, to the nearest, within the range of `i32` without its least number.
//!
//! Pure functions: any context, no lock.

use super::config::{demand, Fault, Layer, Problem};

/// The most features: a sum of so many products of two int8 stays below 2^30.
pub const MAX_FEATURES: usize = 1 << 16;

/// Digits of a scale that the logit does not have.
const LOST: u32 = 16;

/// A router's matrix.
#[derive(Clone, Copy, Debug)]
pub struct Projection<'a> {
    /// A row of weights for each expert.
    pub weights: &'a [i8],
    /// The scale of each expert, Q0.32.
    pub scales: &'a [u32],
}

impl Projection<'_> {
    /// Features that it takes.
    pub const fn features(&self) -> usize {
        match self.weights.len().checked_div(self.scales.len()) {
            Some(features) => features,
            None => 0,
        }
    }

    /// Looks at the lengths.
    pub fn check(&self, layer: &Layer) -> Result<(), Fault> {
        let experts = self.scales.len() == layer.experts as usize;
        demand(experts, self.scales.len(), "scales", Problem::Length)?;
        let features = self.features();
        let whole = features.checked_mul(self.scales.len()) == Some(self.weights.len());
        demand(whole, self.weights.len(), "weights", Problem::Length)?;
        let few = (1..=MAX_FEATURES).contains(&features);
        demand(few, features, "features", Problem::Range)
    }

    /// The logits of a token. A checked matrix and as many features and logits as it has make
    /// sense; what is too short leaves the rest of the logits alone.
    pub fn logits(&self, features: &[i8], logits: &mut [i32]) {
        let rows = self.weights.chunks_exact(self.features().max(1));
        for ((logit, row), &scale) in logits.iter_mut().zip(rows).zip(self.scales) {
            let products = row.iter().zip(features).map(|(&w, &f)| product(w, f));
            let sum = products.fold(0, i32::wrapping_add);
            *logit = scaled(sum, scale);
        }
    }
}

#[inline(always)]
fn product(weight: i8, feature: i8) -> i32 {
    i32::from(weight).wrapping_mul(i32::from(feature))
}

/// `sum * scale` in Q16.16.
#[inline(always)]
fn scaled(sum: i32, scale: u32) -> i32 {
    // Below 2^30 * 2^32 in magnitude.
    let exact = i64::from(sum).wrapping_mul(i64::from(scale));
    let nearest = exact.wrapping_add(1 << (LOST - 1)) >> LOST;
    nearest.clamp(-i64::from(i32::MAX), i64::from(i32::MAX)) as i32
}
