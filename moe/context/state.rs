// SPDX-License-Identifier: GPL-2.0

//! A gate: layers with their rules, tables and loads.
//!
//! Process context; what changes is behind `Gate::state`.

use super::{
    account::{Account, Booking},
    names::Name,
};
use crate::{
    moe::{
        balance,
        config::{Layer, LayerMask, Strategy},
        learned::Projection,
    },
    rust::charged::ChargedVec,
    uapi,
};
use kernel::{
    alloc::{Allocator, Vec},
    new_mutex,
    prelude::*,
    sync::{Arc, Mutex},
};

/// Charged, and silent when it fails.
const FLAGS: kernel::alloc::Flags = GFP_KERNEL_ACCOUNT;

/// A table of `len` zeros, some thousands at most. May sleep.
pub(super) fn table<T: Zeroable>(len: usize) -> Result<KVVec<T>> {
    zeros(len)
}

/// The same wherever `A` has its memory: [`ChargedVec`] for what a program may
/// make large.
pub(super) fn zeros<T: Zeroable, A: Allocator>(len: usize) -> Result<Vec<T, A>> {
    Ok(Vec::zeroed(len, FLAGS | __GFP_NOWARN)?)
}

/// `ENOSPC` if a gate of `bytes` cannot have so many `more`.
fn fits(bytes: u64, more: u64) -> Result {
    let fine = bytes.saturating_add(more) <= uapi::MOE_MAX_BYTES;
    fine.then_some(()).ok_or(ENOSPC)
}

/// A router's matrix.
pub(super) struct Matrix {
    pub(super) weights: ChargedVec<i8>,
    pub(super) scales: ChargedVec<u32>,
}

impl Matrix {
    /// As the arithmetic takes it.
    pub(super) fn view(&self) -> Projection<'_> {
        Projection {
            weights: &self.weights,
            scales: &self.scales,
        }
    }

    fn bytes(&self) -> u64 {
        (self.weights.len() + size_of::<u32>() * self.scales.len()) as u64
    }
}

/// The tables of a layer, which calls may go on with while others are set.
#[derive(Clone, Default)]
pub(super) struct Shared {
    /// Experts by token id.
    pub(super) hash: Option<Arc<ChargedVec<u16>>>,
    pub(super) matrix: Option<Arc<Matrix>>,
}

impl Shared {
    /// The entries of the hash's table.
    pub(super) fn hash(&self) -> &[u16] {
        self.hash.as_ref().map_or(&[], |table| table)
    }

    fn bytes(&self) -> u64 {
        let matrix = self.matrix.as_ref().map_or(0, |matrix| matrix.bytes());
        matrix + size_of_val(self.hash()) as u64
    }
}

/// One layer.
struct LayerState {
    rule: Layer,
    biases: KVVec<i64>,
    shared: Shared,
    account: Account,
}

impl LayerState {
    fn new(rule: &Layer) -> Result<Self> {
        let experts = rule.experts as usize;
        Ok(Self {
            rule: *rule,
            biases: table(if rule.biased { experts } else { 0 })?,
            shared: Shared::default(),
            account: Account::new(experts)?,
        })
    }

    /// Moves the biases by the loads since they were last.
    fn update_biases(&mut self) {
        let (step, biases) = (self.rule.bias_step, &mut self.biases);
        self.account
            .take_recent(|loads| balance::update_biases(step, loads, biases));
    }
}

/// All layers of a gate, as one configuration made them.
pub(super) struct Layers {
    layers: KVVec<LayerState>,
    /// Bytes of it without the tables.
    bytes: u64,
}

impl Layers {
    /// Layers with these rules, which must be checked. May sleep.
    pub(super) fn new(rules: &[Layer]) -> Result<Self> {
        let mut layers = KVVec::with_capacity(rules.len(), FLAGS | __GFP_NOWARN)?;
        let mut bytes = 0;
        for rule in rules {
            let layer = LayerState::new(rule)?;
            bytes += size_of::<LayerState>()
                + Account::EXPERT_BYTES * rule.experts as usize
                + size_of_val(&layer.biases[..]);
            layers.push(layer, FLAGS)?;
        }
        Ok(Self {
            layers,
            bytes: bytes as u64,
        })
    }

    /// Bytes of the layers.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.layers.len()
    }
}

/// What the lock of a gate protects.
struct State {
    /// Counts configurations; 0 for none.
    generation: u64,
    layers: Layers,
    mask: LayerMask,
}

/// What a call on a layer takes of its gate.
pub(super) struct Snapshot {
    /// The configuration that it belongs to.
    pub(super) generation: u64,
    pub(super) layer: u32,
    pub(super) rule: Layer,
    pub(super) skipped: bool,
    pub(super) shared: Shared,
}

/// A gate.
#[pin_data]
pub(super) struct Gate {
    id: u64,
    name: Option<Name>,
    #[pin]
    state: Mutex<State>,
}

impl Gate {
    /// A gate that is not configured. May sleep.
    pub(super) fn new(id: u64, name: Option<Name>) -> Result<Arc<Self>> {
        let state = State {
            generation: 0,
            layers: Layers::new(&[])?,
            mask: LayerMask::default(),
        };
        Arc::pin_init(
            pin_init!(Self {
                id,
                name,
                state <- new_mutex!(state, "lightos_moe_gate"),
            }),
            FLAGS,
        )
    }

    /// The number that names it.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Its name, if it has one.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_ref().map(Name::as_str)
    }

    /// Its layers, 0 before it is configured, and its bytes.
    pub(super) fn size(&self) -> (usize, u64) {
        let state = self.state.lock();
        (state.layers.len(), state.bytes())
    }

    /// The greatest `top_k` and number of experts of its layers. `ENODATA`.
    pub(super) fn greatest(&self) -> Result<(usize, usize)> {
        let state = self.state.lock();
        let greatest = |of: fn(&Layer) -> u32| {
            let rules = state.layers.layers.iter().map(|layer| of(&layer.rule));
            rules.max().ok_or(ENODATA)
        };
        Ok((
            greatest(|l| l.top_k)? as usize,
            greatest(|l| l.experts)? as usize,
        ))
    }

    /// Puts a configuration in place of the one before.
    pub(super) fn configure(&self, layers: Layers) {
        let mut state = self.state.lock();
        state.generation = state.generation.wrapping_add(1);
        state.mask = LayerMask::default();
        let before = core::mem::replace(&mut state.layers, layers);
        drop(state);
        // Many pages, perhaps; nobody need wait for them.
        drop(before);
    }

    /// What a call on `layer` needs. Copies the biases into `biases` as far as
    /// they fit. `ENODATA`, `EINVAL`.
    pub(super) fn snapshot(&self, layer: u32, biases: &mut [i64]) -> Result<Snapshot> {
        let mut state = self.state.lock();
        let (generation, skipped) = (state.generation, state.mask.contains(layer as usize));
        let of = state.layer(layer)?;
        for (to, &from) in biases.iter_mut().zip(of.biases.iter()) {
            *to = from;
        }
        Ok(Snapshot {
            generation,
            layer,
            rule: of.rule,
            skipped,
            shared: of.shared.clone(),
        })
    }

    /// Books a batch with the configuration it began with; where that is gone,
    /// nowhere. With `adapt` the biases follow.
    pub(super) fn book(&self, of: &Snapshot, batch: &Booking<'_>, adapt: bool) {
        self.with_same(of, |layer| {
            layer.account.book(batch);
            if adapt {
                layer.update_biases();
            }
        });
    }

    /// The same for tokens that passed a skipped layer.
    pub(super) fn book_skipped(&self, of: &Snapshot, tokens: u32) {
        self.with_same(of, |layer| layer.account.book_skipped(tokens));
    }

    fn with_same(&self, of: &Snapshot, book: impl FnOnce(&mut LayerState)) {
        let mut state = self.state.lock();
        if state.generation == of.generation {
            if let Ok(layer) = state.layer(of.layer) {
                book(layer);
            }
        }
    }

    /// Whether a layer may get tables of so many bytes in place of those it has.
    /// `ENOSPC`.
    pub(super) fn room_for(&self, of: &Snapshot, bytes: u64) -> Result {
        let mut state = self.state.lock();
        let (all, own) = (state.bytes(), state.layer(of.layer)?.shared.bytes());
        fits(all - own, bytes)
    }

    /// Gives a layer other tables. `EBUSY` if the gate was configured since
    /// `of`, `ENOSPC` if they are too large.
    pub(super) fn set_shared(&self, of: &Snapshot, tables: Shared) -> Result {
        let mut state = self.state.lock();
        if state.generation != of.generation {
            return Err(EBUSY);
        }
        let bytes = state.bytes();
        let place = &mut state.layer(of.layer)?.shared;
        fits(bytes - place.bytes(), tables.bytes())?;
        let before = core::mem::replace(place, tables);
        drop(state);
        drop(before);
        Ok(())
    }

    /// Sets the biases of a layer, as many as it has. `EBUSY` as above.
    pub(super) fn set_biases(&self, of: &Snapshot, biases: &[i64]) -> Result {
        let mut state = self.state.lock();
        if state.generation != of.generation {
            return Err(EBUSY);
        }
        let place = &mut state.layer(of.layer)?.biases;
        if place.len() != biases.len() {
            return Err(EINVAL);
        }
        place.copy_from_slice(biases);
        Ok(())
    }

    /// Updates the biases of one layer, or of all that adapt.
    pub(super) fn update_biases(&self, layer: u32) -> Result {
        self.for_layers(layer, |of, alone| {
            if of.rule.bias_step != 0 {
                of.update_biases();
                return Ok(());
            }
            if alone {
                Err(EINVAL)
            } else {
                Ok(())
            }
        })
    }

    /// Brings parts of one layer, or of all, back.
    pub(super) fn reset(&self, layer: u32, loads: bool, biases: bool) -> Result {
        self.for_layers(layer, |of, _| {
            if loads {
                of.account.reset();
            }
            if biases {
                of.biases.fill(0);
            }
            Ok(())
        })
    }

    /// Calls `each` with one layer, and true, or with all and false.
    fn for_layers(
        &self,
        layer: u32,
        mut each: impl FnMut(&mut LayerState, bool) -> Result,
    ) -> Result {
        let mut state = self.state.lock();
        if layer != uapi::MOE_ALL_LAYERS {
            return each(state.layer(layer)?, true);
        }
        // Without a layer, ENODATA.
        state.layer(0)?;
        for layer in state.layers.layers.iter_mut() {
            each(layer, false)?;
        }
        Ok(())
    }

    /// Skips these layers. `EINVAL` for one that is not there.
    pub(super) fn set_mask(&self, mask: LayerMask) -> Result {
        let mut state = self.state.lock();
        state.layer(0)?;
        let unknown = state.layers.len()..crate::moe::config::MAX_LAYERS;
        if { unknown }.any(|layer| mask.contains(layer)) {
            return Err(EINVAL);
        }
        state.mask = mask;
        Ok(())
    }

    /// Counters and figures of a layer.
    pub(super) fn stats(&self, layer: u32, last: bool) -> Result<uapi::MoeStats> {
        let mut state = self.state.lock();
        let of = state.layer(layer)?;
        Ok(uapi::MoeStats {
            layer,
            ..of.account.stats(&of.rule, last)
        })
    }

    /// What the experts of a layer have had to do. `EINVAL` unless it has as many.
    pub(super) fn experts(&self, layer: u32, to: &mut [uapi::MoeExpert]) -> Result {
        let mut state = self.state.lock();
        let of = state.layer(layer)?;
        if of.rule.experts as usize != to.len() {
            return Err(EINVAL);
        }
        for (expert, to) in to.iter_mut().enumerate() {
            *to = of.account.expert(&of.rule, expert)?;
        }
        Ok(())
    }

    /// The loads of a layer. `EINVAL` unless it has as many experts.
    pub(super) fn loads(&self, layer: u32, loads: &mut [u64]) -> Result {
        let mut state = self.state.lock();
        let from = state.layer(layer)?.account.loads();
        if from.len() != loads.len() {
            return Err(EINVAL);
        }
        loads.copy_from_slice(from);
        Ok(())
    }
}

impl State {
    /// A layer. `ENODATA` without any, `EINVAL`.
    fn layer(&mut self, layer: u32) -> Result<&mut LayerState> {
        if self.generation == 0 {
            return Err(ENODATA);
        }
        self.layers.layers.get_mut(layer as usize).ok_or(EINVAL)
    }

    /// Bytes of layers and tables.
    fn bytes(&self) -> u64 {
        let tables = self.layers.layers.iter().map(|layer| layer.shared.bytes());
        self.layers.bytes + tables.sum::<u64>()
    }
}

/// Whether a layer adapts its biases after each batch.
pub(super) fn adapts(rule: &Layer) -> bool {
    rule.strategy == Strategy::Learned && rule.bias_step != 0
}
