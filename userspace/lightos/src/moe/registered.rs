// SPDX-License-Identifier: GPL-2.0

//! Buffers that a gate keeps, for many batches without set-up.

use super::batch::{Input, Routes, Tally};
use super::call;
use super::error::{from_call, Error};
use super::gate::{from_route, route_call, Gate};
use super::types::Format;
use crate::call::set;
use crate::sys::{self, size_of_u32};
use crate::Error as Failure;

/// Rows of a format.
#[derive(Debug)]
enum Rows {
    F32(Vec<f32>),
    Half(Vec<u16>),
    Q16(Vec<i32>),
    Int8(Vec<i8>),
    Absent,
}

/// Buffers of a gate, registered once.
///
/// Fill the rows and ids, then [`route`](Self::route): the module allocates
/// nothing. While this lives, the gate cannot be configured through its handle; it
/// forgets the buffers with it.
#[derive(Debug)]
pub struct Registered<'a> {
    gate: &'a mut Gate,
    format: Format,
    rows: Rows,
    token_ids: Vec<u32>,
    routes: Routes,
    /// Tokens of the greatest batch.
    tokens: u32,
    /// Places of a token that there is room for.
    places: u32,
}

impl Gate {
    /// Registers buffers for batches of up to `tokens` tokens of a format, with room
    /// for `width` numbers a row: the experts or features of the widest layer to be
    /// routed. `ids` for hash layers.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for too many tokens, [`Failure::NoMemory`].
    pub fn register(
        &mut self,
        format: Format,
        tokens: u32,
        width: u32,
        ids: bool,
    ) -> Result<Registered<'_>, Failure> {
        if !(1..=sys::MOE_MAX_TOKENS).contains(&tokens) {
            return Err(Error::Length {
                what: "tokens of a batch",
                found: tokens as usize,
                wanted: format!("1 to {}", sys::MOE_MAX_TOKENS),
            }
            .into());
        }
        let places = self.greatest_top_k();
        let numbers = tokens as usize * width as usize;
        let mut buffers = Registered {
            format,
            rows: match format {
                Format::F32 => Rows::F32(vec![0.0; numbers]),
                Format::F16 | Format::Bf16 => Rows::Half(vec![0; numbers]),
                Format::Q16 => Rows::Q16(vec![0; numbers]),
                Format::Int8 => Rows::Int8(vec![0; numbers]),
                Format::Absent => Rows::Absent,
            },
            token_ids: vec![0; if ids { tokens as usize } else { 0 }],
            routes: Routes::default(),
            gate: self,
            tokens,
            places,
        };
        buffers.routes.resize(tokens as usize * places as usize);
        let raw = sys::MoeRegister {
            size: size_of_u32::<sys::MoeRegister>(),
            flags: 0,
            format: format.as_u32(),
            tokens,
            buffers: buffers.raw(),
        };
        set::<{ sys::MOE_REGISTER }, _>(&buffers.gate.device.file, raw)
            .map_err(|errno| from_call(errno, "MOE_REGISTER"))?;
        Ok(buffers)
    }
}

impl Registered<'_> {
    fn raw(&mut self) -> sys::MoeBuffers {
        let input = match &self.rows {
            Rows::F32(words) => Input::F32(words),
            Rows::Half(words) => Input::F16(words),
            Rows::Q16(words) => Input::Q16(words),
            Rows::Int8(words) => Input::Int8(words),
            Rows::Absent => Input::Absent,
        };
        call::buffers(&input, &self.token_ids, &mut self.routes)
    }

    /// Rows of [`Format::F32`]; else empty.
    pub fn f32_rows(&mut self) -> &mut [f32] {
        match &mut self.rows {
            Rows::F32(words) => words,
            _ => &mut [],
        }
    }

    /// Rows of [`Format::F16`] or [`Format::Bf16`], as bits; else empty.
    pub fn half_rows(&mut self) -> &mut [u16] {
        match &mut self.rows {
            Rows::Half(words) => words,
            _ => &mut [],
        }
    }

    /// Rows of [`Format::Q16`]; else empty.
    pub fn q16_rows(&mut self) -> &mut [i32] {
        match &mut self.rows {
            Rows::Q16(words) => words,
            _ => &mut [],
        }
    }

    /// Rows of [`Format::Int8`]; else empty.
    pub fn int8_rows(&mut self) -> &mut [i8] {
        match &mut self.rows {
            Rows::Int8(words) => words,
            _ => &mut [],
        }
    }

    /// The ids of tokens, for hash layers.
    pub fn token_ids(&mut self) -> &mut [u32] {
        &mut self.token_ids
    }

    /// Numbers that the rows have room for.
    fn room(&self) -> usize {
        match &self.rows {
            Rows::F32(words) => words.len(),
            Rows::Half(words) => words.len(),
            Rows::Q16(words) => words.len(),
            Rows::Int8(words) => words.len(),
            Rows::Absent => usize::MAX,
        }
    }

    /// Sends the first `tokens` rows through a layer; see [`Gate::route`] for its
    /// errors. The routes are those until the next call; only the first `tokens`
    /// times `top_k` places of each list belong to the batch.
    ///
    /// # Errors
    ///
    /// As [`Gate::route`].
    pub fn route(&mut self, layer: u32, tokens: u32, adapt: bool) -> Result<&Routes, Failure> {
        let info = self.gate.shape(layer)?;
        let width = match self.format {
            Format::Int8 => info.features,
            _ => info.rule.experts,
        };
        let needed = (tokens as usize).saturating_mul(width as usize);
        if tokens > self.tokens || needed > self.room() || info.rule.top_k > self.places {
            return Err(Error::Length {
                what: "tokens of a batch",
                found: tokens as usize,
                wanted: format!("at most what was registered, {}", self.tokens),
            }
            .into());
        }
        let mut raw = route_call(layer, &info, tokens, adapt);
        raw.flags |= sys::MOE_ROUTE_REGISTERED;
        crate::call::update::<{ sys::MOE_ROUTE }, _>(&self.gate.device.file, &mut raw)
            .map_err(|errno| from_route(errno, &raw))?;
        self.routes.top_k = info.rule.top_k as usize;
        self.routes.tally = Tally::from(&raw);
        Ok(&self.routes)
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        let raw = sys::MoeRegister {
            size: size_of_u32::<sys::MoeRegister>(),
            ..Default::default()
        };
        // Should it fail, the next registration takes its place: only this crate
        // routes through registered buffers.
        let _ = set::<{ sys::MOE_REGISTER }, _>(&self.gate.device.file, raw);
    }
}
