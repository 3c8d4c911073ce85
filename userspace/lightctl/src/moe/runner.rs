// SPDX-License-Identifier: GPL-2.0

//! Routes tokens, and where asked compares every result with this process.

use lightos::moe::{Batch, Layer, Reset, Routes, Stats};

use super::backend::{Backend, Place};
use super::host::HostGate;
use super::source::{Source, Tokens};
use super::Common;
use crate::failure::Failure;

/// A gate, and perhaps its double in this process.
pub(crate) struct Runner {
    /// Where it is.
    pub(crate) place: Place,
    /// The gate.
    pub(crate) gate: Box<dyn Backend>,
    double: Option<HostGate>,
    compared: u64,
    differ: u64,
    routes: Routes,
    other: Routes,
}

impl Runner {
    /// A gate with these layers.
    pub(crate) fn new(common: Common, layers: &[Layer]) -> Result<Self, Failure> {
        let place = common.place();
        Ok(Self {
            place,
            gate: place.gate(layers)?,
            double: common.compare.then(|| HostGate::new(layers)).transpose()?,
            compared: 0,
            differ: 0,
            routes: Routes::default(),
            other: Routes::default(),
        })
    }

    /// A gate for a source, biases included.
    pub(crate) fn of(common: Common, source: &Source) -> Result<Self, Failure> {
        let mut runner = Self::new(common, &source.rules)?;
        for (layer, biases) in (0..).zip(&source.biases) {
            runner.set_biases(layer, biases)?;
        }
        runner.set_tables(source)?;
        Ok(runner)
    }

    /// Gives all layers their tables.
    pub(crate) fn set_tables(&mut self, source: &Source) -> Result<(), Failure> {
        for (layer, _) in (0..).zip(&source.rules) {
            for gate in self.gates() {
                if !source.hash_table.is_empty() {
                    gate.set_hash(layer, &source.hash_table)?;
                }
                if let Some((weights, scales)) = &source.projection {
                    gate.set_projection(layer, weights, scales)?;
                }
            }
        }
        Ok(())
    }

    /// The gate, and its double if there is one.
    fn gates(&mut self) -> impl Iterator<Item = &mut dyn Backend> {
        let double = self.double.iter_mut();
        let double = double.map(|gate| gate as &mut dyn Backend);
        std::iter::once(&mut *self.gate as &mut dyn Backend).chain(double)
    }

    /// Sets the biases of a layer.
    pub(crate) fn set_biases(&mut self, layer: u32, biases: &[i64]) -> Result<(), Failure> {
        for gate in self.gates() {
            gate.set_biases(layer, biases)?;
        }
        Ok(())
    }

    /// Sets all layers up anew.
    pub(crate) fn configure(&mut self, layers: &[Layer]) -> Result<(), Failure> {
        for gate in self.gates() {
            gate.configure(layers)?;
        }
        Ok(())
    }

    /// Loads and statistics of all layers to 0.
    pub(crate) fn forget(&mut self) -> Result<(), Failure> {
        let loads = Reset {
            loads: true,
            biases: false,
        };
        for gate in self.gates() {
            gate.reset(None, loads)?;
        }
        Ok(())
    }

    /// Routes a batch.
    pub(crate) fn route(&mut self, batch: &Batch<'_>) -> Result<&Routes, Failure> {
        self.gate.route(batch, &mut self.routes)?;
        if let Some(double) = &mut self.double {
            double.route(batch, &mut self.other)?;
            self.compared += 1;
            self.differ += u64::from(!same(&self.routes, &self.other));
        }
        Ok(&self.routes)
    }

    /// Routes all tokens of a layer; `each` gets the tokens before a batch, and its
    /// routes.
    pub(crate) fn route_all(
        &mut self,
        layer: u32,
        tokens: &Tokens,
        batch: u32,
        adapt: bool,
        mut each: impl FnMut(usize, &Routes),
    ) -> Result<(), Failure> {
        for (first, batch) in tokens.batches(layer, batch) {
            let batch = Batch { adapt, ..batch };
            let routes = self
                .route(&batch)
                .map_err(|error| in_file(error, first, tokens))?;
            each(first, routes);
        }
        self.compare_books(layer)
    }

    /// Compares loads and statistics of a layer.
    fn compare_books(&mut self, layer: u32) -> Result<(), Failure> {
        let Some(double) = &self.double else {
            return Ok(());
        };
        let untimed = |stats: Stats| Stats {
            busy_ns: 0,
            gate_ns: 0,
            ..stats
        };
        let mut same = self.gate.experts(layer)? == double.experts(layer)?;
        for last in [false, true] {
            let (ours, theirs) = (self.gate.stats(layer, last)?, double.stats(layer, last)?);
            same &= untimed(ours) == untimed(theirs);
        }
        self.differ += u64::from(!same);
        Ok(())
    }

    /// Batches that were compared, with the loads and statistics after them; `None` where none were asked for.
    pub(crate) fn compared(&self) -> Option<u64> {
        self.double.as_ref().map(|_| self.compared)
    }

    /// What the comparison came to, for people.
    pub(crate) fn compared_text(&self) -> Option<String> {
        let differ = match self.differ {
            0 => "routes, loads and statistics equal the host's, bit by bit".to_owned(),
            n => format!("{n} differences from the host"),
        };
        let text = |compared| format!("{compared} batches, {differ}");
        self.compared().map(text)
    }

    /// Fails if a result differed.
    pub(crate) fn verdict(&self) -> Result<(), Failure> {
        match self.differ {
            0 => Ok(()),
            n => Err(Failure::Result(format!(
                "{n} differences between module and host in {} batches",
                self.compared
            ))),
        }
    }

    /// How many results differed.
    pub(crate) fn differ(&self) -> u64 {
        self.differ
    }
}

/// Bit by bit.
fn same(a: &Routes, b: &Routes) -> bool {
    let bits =
        |routes: &Routes| -> Vec<u32> { routes.weights.iter().map(|w| w.to_bits()).collect() };
    a.top_k == b.top_k
        && a.ids == b.ids
        && bits(a) == bits(b)
        && a.fixed == b.fixed
        && a.slots == b.slots
        && a.tally == b.tally
}

/// Counts the token of a wrong logit in its file, not in its batch.
fn in_file(error: Failure, first: usize, tokens: &Tokens) -> Failure {
    match error {
        Failure::Device(lightos::Error::Moe(lightos::moe::Error::Logit {
            token,
            expert,
            problem,
        })) => Failure::Usage(format!(
            "{}: token {}, expert {expert}: the logit is {problem}",
            tokens.name,
            first + token as usize
        )),
        other => other,
    }
}
