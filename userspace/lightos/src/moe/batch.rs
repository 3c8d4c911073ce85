// SPDX-License-Identifier: GPL-2.0

//! Batches of tokens, and what became of them.

use super::error::Error;
use super::gate::LayerInfo;
use super::layer::Strategy;
use super::types::Format;
use crate::sys;

/// What a batch holds: a row for each token, as long as the layer has experts.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Logits.
    F32(&'a [f32]),
    /// Logits, bits of IEEE 754 binary16.
    F16(&'a [u16]),
    /// Logits, bits of bfloat16.
    Bf16(&'a [u16]),
    /// Logits in Q16.16; the least number is -inf.
    Q16(&'a [i32]),
    /// Features, as many a row as the projection of a learned layer takes.
    Int8(&'a [i8]),
    /// Nothing: a hash layer whose experts all get the same weight.
    Absent,
}

impl Input<'_> {
    /// What a row holds.
    pub const fn format(&self) -> Format {
        match self {
            Self::F32(_) => Format::F32,
            Self::F16(_) => Format::F16,
            Self::Bf16(_) => Format::Bf16,
            Self::Q16(_) => Format::Q16,
            Self::Int8(_) => Format::Int8,
            Self::Absent => Format::Absent,
        }
    }

    /// Numbers in all rows.
    pub const fn len(&self) -> usize {
        match self {
            Self::F32(words) => words.len(),
            Self::F16(words) | Self::Bf16(words) => words.len(),
            Self::Q16(words) => words.len(),
            Self::Int8(words) => words.len(),
            Self::Absent => 0,
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Tokens to send through a layer.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// The layer.
    pub layer: u32,
    /// A row for each token.
    pub input: Input<'a>,
    /// The id of each token, for a hash layer; else empty.
    pub token_ids: &'a [u32],
    /// Whether to update the biases by the loads of this batch.
    pub adapt: bool,
}

impl<'a> Batch<'a> {
    /// Tokens with these rows.
    pub const fn new(layer: u32, input: Input<'a>) -> Self {
        Self {
            layer,
            input,
            token_ids: &[],
            adapt: false,
        }
    }

    /// How many tokens these are for a layer.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] where rows are not whole, ids are missing or left over,
    /// or there are too many tokens; [`Error::NotConfigured`] for a learned layer
    /// without a projection.
    pub fn tokens(&self, layer: &LayerInfo) -> Result<u32, Error> {
        let ids = self.token_ids.len();
        let rows = match self.input {
            Input::Absent => ids,
            _ => self.rows(layer)?,
        };
        let wanted = match layer.rule.strategy {
            Strategy::Hash => rows,
            _ => 0,
        };
        if ids != wanted {
            return Err(Error::Length {
                what: "token ids",
                found: ids,
                wanted: wanted.to_string(),
            });
        }
        match u32::try_from(rows) {
            Ok(tokens) if tokens <= sys::MOE_MAX_TOKENS => Ok(tokens),
            _ => Err(Error::Length {
                what: "tokens of a batch",
                found: rows,
                wanted: format!("at most {}", sys::MOE_MAX_TOKENS),
            }),
        }
    }

    fn rows(&self, layer: &LayerInfo) -> Result<usize, Error> {
        let (what, width) = match self.input {
            Input::Int8(_) if layer.features == 0 => {
                return Err(Error::NotConfigured { call: "MOE_ROUTE" })
            }
            Input::Int8(_) => ("features", layer.features),
            _ => ("logits", layer.rule.experts),
        };
        let width = width.max(1) as usize;
        if !self.input.len().is_multiple_of(width) {
            return Err(Error::Length {
                what,
                found: self.input.len(),
                wanted: format!("a multiple of {width}"),
            });
        }
        Ok(self.input.len() / width)
    }
}

/// What a batch came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Places that got an expert, those dropped included.
    pub activations: u64,
    /// Of these, beyond the capacity of their expert.
    pub dropped: u64,
    /// Tokens below the token threshold.
    pub tokens_dropped: u64,
    /// Places that stayed empty since fewer experts could be selected.
    pub missing: u64,
    /// Of each expert, for this batch.
    pub capacity: u32,
}

/// The experts of a batch's tokens: `top_k` places each, first choice first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Routes {
    /// Places of a token.
    pub top_k: usize,
    /// Expert ids; [`sys::MOE_NO_EXPERT`] where a place has none.
    pub ids: Vec<u16>,
    /// Weights; 0 where a place has no expert.
    pub weights: Vec<f32>,
    /// The same in Q16.16.
    pub fixed: Vec<u32>,
    /// The place in the expert's batch; [`sys::MOE_NO_SLOT`] for a choice that was
    /// dropped and for no expert. A dropped choice keeps id and weight.
    pub slots: Vec<u32>,
    /// What the batch came to.
    pub tally: Tally,
}

impl Routes {
    /// Makes room for `places` places.
    pub(super) fn resize(&mut self, places: usize) {
        self.ids.resize(places, sys::MOE_NO_EXPERT);
        self.weights.resize(places, 0.0);
        self.fixed.resize(places, 0);
        self.slots.resize(places, sys::MOE_NO_SLOT);
    }

    /// Forgets what is beyond `tokens` tokens of `top_k` places.
    pub(super) fn trim(&mut self, tokens: u32, top_k: u32) {
        self.top_k = top_k as usize;
        self.resize(tokens as usize * top_k as usize);
    }
}

impl From<&sys::MoeRoute> for Tally {
    fn from(raw: &sys::MoeRoute) -> Self {
        Self {
            activations: raw.activations,
            dropped: raw.dropped,
            tokens_dropped: raw.tokens_dropped,
            missing: raw.missing,
            capacity: raw.capacity,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::layer::Layer;
    use super::*;

    fn info(rule: Layer) -> LayerInfo {
        LayerInfo {
            rule,
            skipped: false,
            features: 0,
            hash_rows: 0,
        }
    }

    #[test]
    fn batches_fit_their_layer_or_are_refused() {
        let plain = info(Layer::softmax(4, 2));
        let tokens = |batch: Batch<'_>, info| batch.tokens(info);
        assert_eq!(tokens(Batch::new(0, Input::F32(&[0.0; 8])), &plain), Ok(2));
        let error = tokens(Batch::new(0, Input::Q16(&[0; 7])), &plain).unwrap_err();
        assert_eq!(
            error.to_string(),
            "logits: 7, where a multiple of 4 are needed"
        );
        let hash = info(Layer::softmax(4, 2).hash(0));
        let mut batch = Batch::new(0, Input::Absent);
        batch.token_ids = &[1, 2, 3];
        assert_eq!(tokens(batch, &hash), Ok(3));
        assert!(tokens(batch, &plain).is_err());
        batch.input = Input::F16(&[0; 8]);
        assert!(tokens(batch, &hash).is_err());
        let learned = info(Layer::softmax(4, 2).learned());
        let error = tokens(Batch::new(0, Input::Int8(&[1])), &learned);
        assert!(matches!(error, Err(Error::NotConfigured { .. })));
        let many = vec![0u16; 65_537 * 4];
        assert!(tokens(Batch::new(0, Input::Bf16(&many)), &plain).is_err());
    }
}
