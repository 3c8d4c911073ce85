// SPDX-License-Identifier: GPL-2.0

//! From the phases that a program asks for to codes, and back.
//!
//! The phase of channel i is (in turns; `q` heat, `x` crosstalk, `s` scale of the wavelength)
//!
//! ```text
//! phase_i = offset_i + tempco_i (T - T_ref) + s (q_i + sum_j x_ij q_j)
//! ```
//!
//! so that a phase asked for leaves `q_i + sum_j x_ij q_j = (phase_i - offset_i - ...) / s`, to
//! which any whole number of turns may be added. A heater only heats: the number is the least
//! that leaves `q_i` at or above 0.
//!
//! # Inverting the crosstalk
//!
//! Gauss-Seidel: heater after heater, in the order of the light, takes what its neighbours leave
//! to it. A calibration whose crosstalk sums up to more than rho = 1/2 around a heater is refused,
//! so a sweep over all heaters shrinks the error by at least rho (the largest over the heaters;
//! the matrix is strictly diagonally dominant). When no heater moved by more than
//! [`TOLERANCE`] in a sweep, the error left is at most `TOLERANCE rho / (1 - rho)`, at most
//! `TOLERANCE` = 2^-24 turns: 1/256 of a step of 16 bits and one turn. Rounding adds up to
//! 1/2 unit (2^-28 turns) a sweep, at most one in all.
//!
//! Turns are chosen anew in the first [`FREE`] sweeps. Then they are only added where a heater
//! would have to cool: a heater near 0 warms its neighbours when it goes up by a turn, gets less
//! from them or more, and would otherwise come back and go on for ever. Since heat that was added
//! once is not taken back, this ends. [`MAX_SWEEPS`] bounds the work in any case; with rho = 1/2
//! and free choice over it takes 24 sweeps from one turn to the tolerance.
//!
//! What a heater cannot reach (its code limit is too low, or a turn more is too much) it comes as
//! close to as it can, a turn being nothing, and the others make up for its true heat.
//!
//! # The field
//!
//! The heat lies in a map of the chip, a cell for each site of `layout.rs` and two rows and
//! columns of nothing around. Neighbours are then the cells around one: a stencil of 5 x 5, no
//! table and no search.
//!
//! Process context; the lock of the tables' owner (`optics` in `photonic/device/mod.rs`).

use core::ops::{Deref, DerefMut};

use super::super::layout::{Layout, OFFSETS};
use super::calibration::{Calibration, Conditions, State, ONE};
use super::heater::{Dac, TURN};

/// Millidegrees of a turn.
pub const MILLIDEGREES: u32 = 360_000;
/// Heat that a sweep may still move at the end, 2^-28 turns.
pub const TOLERANCE: u32 = 16;
/// Sweeps in which turns are chosen anew.
pub const FREE: u32 = 4;
/// The most sweeps.
pub const MAX_SWEEPS: u32 = 32;

/// Cells around a site on each side.
const MARGIN: usize = 2;
/// Width of the stencil.
const REACH: usize = 2 * MARGIN + 1;
/// The most turns that are added or taken at once: far above what limits allow.
const MAX_TURNS: u32 = 32;

/// Phase in 2^-32 turns of millidegrees, rounded to nearest; whole turns do not matter.
pub const fn turns(millidegrees: u32) -> u32 {
    let whole = ((millidegrees % MILLIDEGREES) as u64) << 32;
    ((whole + MILLIDEGREES as u64 / 2) / MILLIDEGREES as u64) as u32
}

/// Millidegrees of a phase in 2^-32 turns, rounded to nearest: less than [`MILLIDEGREES`].
pub const fn millidegrees(turns: u32) -> u32 {
    let nearest = ((turns as u64 * MILLIDEGREES as u64 + (1 << 31)) >> 32) as u32;
    if nearest == MILLIDEGREES {
        0
    } else {
        nearest
    }
}

/// A heater while codes are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heater {
    /// Its cell in the field.
    cell: u32,
    /// What it and its neighbours shall give, less whole turns.
    wanted: u32,
    /// Turns on top.
    turns: i32,
    /// Its heat at full scale.
    efficiency: u32,
    /// Its heat at the greatest code.
    top: u32,
    /// Its greatest code.
    limit: u16,
}

/// How well phases were met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Sweeps over all heaters.
    pub sweeps: u32,
    /// Whether the last of them moved nothing.
    pub converged: bool,
    /// Channels that cannot reach their phases.
    pub unreached: u32,
    /// The one that stays farthest off.
    pub worst: Option<usize>,
    /// By how much, 2^-32 turns.
    pub worst_by: u32,
}

/// Cells of the field of a processor.
pub const fn cells(layout: Layout) -> usize {
    (2 * layout.columns() + 1 + 2 * MARGIN) * (layout.modes() + 2 * MARGIN)
}

/// The solver of a processor. Its tables belong to the caller.
pub struct Solver<H, F> {
    layout: Layout,
    heaters: H,
    field: F,
}

/// Weights of the cells around one.
struct Stencil {
    weights: [[i32; REACH]; REACH],
    width: usize,
}

impl Stencil {
    fn new(layout: Layout, crosstalk: &[i32; OFFSETS.len()]) -> Self {
        let mut weights = [[0; REACH]; REACH];
        for (&(along, across), &crosstalk) in OFFSETS.iter().zip(crosstalk) {
            for (a, row) in (-2..=2i32).zip(weights.iter_mut()) {
                for (b, weight) in (-2..=2i32).zip(row.iter_mut()) {
                    if a.abs() == along && b.abs() == across {
                        *weight = crosstalk;
                    }
                }
            }
        }
        Self {
            weights,
            width: layout.modes() + 2 * MARGIN,
        }
    }

    /// Heat that `cell` gets from those around it.
    #[inline]
    fn gather(&self, field: &[u32], cell: u32) -> i64 {
        let corner = (cell as usize).wrapping_sub(MARGIN * self.width + MARGIN);
        let mut sum = 0i64;
        for (index, weights) in self.weights.iter().enumerate() {
            let start = corner.wrapping_add(index * self.width);
            let row = field.get(start..start.wrapping_add(REACH)).unwrap_or(&[]);
            for (&weight, &heat) in weights.iter().zip(row) {
                // The weights sum up to 2^29 at most, heat is below 2^32.
                sum = sum.wrapping_add(i64::from(weight).wrapping_mul(i64::from(heat)));
            }
        }
        sum.wrapping_add(i64::from(ONE) / 2) >> 30
    }
}

/// What stays the same for all heaters of a solution.
struct Rules {
    dac: Dac,
    /// Heat of one turn at this wavelength.
    turn: i64,
}

impl Heater {
    /// By how much `wanted` is out of its reach.
    fn miss(&self, wanted: i64) -> i64 {
        0.max(wanted.wrapping_neg())
            .max(wanted.wrapping_sub(i64::from(self.top)))
    }

    /// The nearest to `wanted` that it can have.
    fn clamp(&self, wanted: i64) -> u32 {
        wanted.clamp(0, i64::from(self.top)) as u32
    }

    /// Whether a turn more than `wanted`, which is negative, comes closer. Where `wanted` is a
    /// hair below 0, code 0 may well be nearer than the best code a turn up.
    fn better_raised(&self, wanted: i64, rules: &Rules) -> bool {
        let raised = wanted.wrapping_add(rules.turn);
        let below = wanted.wrapping_neg();
        let mut miss = self.miss(raised);
        if miss == 0 && below <= i64::from(rules.dac.half_step(self.efficiency)) {
            let heat = self.clamp(raised);
            let code = rules.dac.code(self.efficiency, heat, self.limit);
            let got = rules.dac.heat(self.efficiency, code);
            miss = i64::from(got.abs_diff(heat));
        }
        miss < below
    }

    /// Takes what `others` leave to it: its heat. Chooses its turns, downwards only if `free`.
    fn settle(&mut self, others: i64, rules: &Rules, free: bool) -> u32 {
        let turns = i64::from(self.turns).wrapping_mul(rules.turn);
        let mut wanted = i64::from(self.wanted)
            .wrapping_add(turns)
            .wrapping_sub(others);
        for _ in 0..MAX_TURNS {
            let lowered = wanted.wrapping_sub(rules.turn);
            if free && (lowered >= 0 || !self.better_raised(lowered, rules)) {
                wanted = lowered;
                self.turns = self.turns.wrapping_sub(1);
            } else if wanted < 0 && self.better_raised(wanted, rules) {
                wanted = wanted.wrapping_add(rules.turn);
                self.turns = self.turns.wrapping_add(1);
            } else {
                break;
            }
        }
        self.clamp(wanted)
    }
}

impl<H, F> Solver<H, F>
where
    H: DerefMut<Target = [Heater]>,
    F: DerefMut<Target = [u32]>,
{
    /// A solver with tables of `layout.channels()` and [`cells`] entries, whose content does not
    /// matter; `None` if they are shorter.
    pub fn new(layout: Layout, mut heaters: H, field: F) -> Option<Self> {
        if field.len() < cells(layout) {
            return None;
        }
        let width = layout.modes() + 2 * MARGIN;
        for (channel, heater) in heaters.get_mut(..layout.channels())?.iter_mut().enumerate() {
            let (along, across) = layout.site(channel)?;
            let cell = (along as usize + MARGIN) * width + across as usize + MARGIN;
            *heater = Heater {
                cell: cell as u32,
                ..Heater::default()
            };
        }
        Some(Self {
            layout,
            heaters,
            field,
        })
    }

    /// Computes the codes for `phases` (2^-32 turns) into `codes`. `None`, and nothing done,
    /// unless both have an entry for each channel and the calibration is for such a processor.
    pub fn solve<B: Deref<Target = [u8]>>(
        &mut self,
        calibration: &Calibration<B>,
        conditions: Conditions,
        phases: &[u32],
        codes: &mut [u16],
    ) -> Option<Outcome> {
        let layout = calibration.identity().layout;
        let channels = layout.channels();
        if layout != self.layout || phases.len() != channels || codes.len() != channels {
            return None;
        }
        let state = calibration.at(conditions);
        let rules = self.prepare(&state, calibration.identity().dac, phases);
        let stencil = Stencil::new(layout, calibration.crosstalk());
        let mut outcome = self.sweep(&stencil, &rules);
        self.score(&stencil, &rules, &state, &mut outcome);
        for (heater, code) in self.heaters.iter().zip(codes.iter_mut()) {
            let heat = self.field.get(heater.cell as usize).copied();
            *code = rules
                .dac
                .code(heater.efficiency, heat.unwrap_or(0), heater.limit);
        }
        Some(outcome)
    }

    /// Sets up all heaters, cold.
    fn prepare<B: Deref<Target = [u8]>>(
        &mut self,
        state: &State<'_, B>,
        dac: Dac,
        phases: &[u32],
    ) -> Rules {
        // Heat that makes a phase, 2^-30: 1/2 to 2. The scale is not 0.
        let inverse = (1u64 << 60).checked_div(u64::from(state.scale().unsigned_abs()));
        let inverse = inverse.unwrap_or(ONE as u64);
        self.field.fill(0);
        for (index, (heater, &phase)) in self.heaters.iter_mut().zip(phases).enumerate() {
            let channel = state.channel(index);
            let rest = u64::from(phase.wrapping_sub(channel.offset));
            // Below 2^32 * 2^31 + 2^33.
            let wanted = rest.wrapping_mul(inverse).wrapping_add(1 << 33) >> 34;
            heater.wanted = wanted as u32;
            heater.turns = 0;
            heater.efficiency = channel.efficiency;
            heater.limit = channel.limit;
            heater.top = dac.heat(channel.efficiency, channel.limit);
        }
        Rules {
            dac,
            turn: (u64::from(TURN).wrapping_mul(inverse).wrapping_add(1 << 29) >> 30) as i64,
        }
    }

    /// Sweeps over all heaters until none moves.
    fn sweep(&mut self, stencil: &Stencil, rules: &Rules) -> Outcome {
        let mut outcome = Outcome::default();
        let channels = self.layout.channels();
        while outcome.sweeps < MAX_SWEEPS && !outcome.converged {
            let free = outcome.sweeps < FREE;
            let mut moved = 0;
            for heater in self.heaters.iter_mut().take(channels) {
                let others = stencil.gather(&self.field, heater.cell);
                let heat = heater.settle(others, rules, free);
                if let Some(cell) = self.field.get_mut(heater.cell as usize) {
                    moved = heat.abs_diff(*cell).max(moved);
                    *cell = heat;
                }
            }
            outcome.sweeps += 1;
            outcome.converged = moved <= TOLERANCE;
        }
        outcome
    }

    /// Finds the heaters that fall short.
    fn score<B: Deref<Target = [u8]>>(
        &self,
        stencil: &Stencil,
        rules: &Rules,
        state: &State<'_, B>,
        outcome: &mut Outcome,
    ) {
        for (channel, heater) in self.heaters.iter().enumerate().take(self.layout.channels()) {
            let others = stencil.gather(&self.field, heater.cell);
            let turns = i64::from(heater.turns).wrapping_mul(rules.turn);
            let wanted = i64::from(heater.wanted).wrapping_add(turns);
            let miss = heater.miss(wanted.wrapping_sub(others));
            // Rounding to a code, and what the sweeps leave, are no miss.
            let step = rules.dac.half_step(heater.efficiency).max(TOLERANCE);
            if miss <= i64::from(step) {
                continue;
            }
            outcome.unreached = outcome.unreached.saturating_add(1);
            // At most half a turn, unless the heater is dead.
            let by = (miss.min(i64::from(u32::MAX)) * i64::from(state.scale())) >> 26;
            let by = by.min(i64::from(u32::MAX)) as u32;
            if by > outcome.worst_by {
                outcome.worst_by = by;
                outcome.worst = Some(channel);
            }
        }
    }

    /// The phases (2^-32 turns) that `codes` stand for, into `phases`. `None`, and nothing done,
    /// unless both have an entry for each channel and the calibration is for such a processor.
    pub fn phases<B: Deref<Target = [u8]>>(
        &mut self,
        calibration: &Calibration<B>,
        conditions: Conditions,
        codes: &[u16],
        phases: &mut [u32],
    ) -> Option<()> {
        let layout = calibration.identity().layout;
        let channels = layout.channels();
        if layout != self.layout || phases.len() != channels || codes.len() != channels {
            return None;
        }
        let state = calibration.at(conditions);
        let dac = calibration.identity().dac;
        self.field.fill(0);
        for (index, (heater, &code)) in self.heaters.iter().zip(codes).enumerate() {
            if let Some(cell) = self.field.get_mut(heater.cell as usize) {
                *cell = dac.heat(state.channel(index).efficiency, code);
            }
        }
        let stencil = Stencil::new(layout, calibration.crosstalk());
        for (index, (heater, phase)) in self.heaters.iter().zip(phases.iter_mut()).enumerate() {
            let own = self.field.get(heater.cell as usize).copied();
            let heat = stencil
                .gather(&self.field, heater.cell)
                .wrapping_add(i64::from(own.unwrap_or(0)));
            // Below 2^33 * 2^31.
            let heated = heat.wrapping_mul(i64::from(state.scale())) >> 26;
            *phase = state.channel(index).offset.wrapping_add(heated as u32);
        }
        Some(())
    }
}
