// SPDX-License-Identifier: GPL-2.0

//! The part of the model that light passes: heaters, crossings, detectors, commands.
//!
//! Answers the registers from `OPTICS` on. What the registers below need of it, it hands over:
//! interrupts, the heater latch, whether it is busy, the power of the heaters. The caller passes
//! the time and the light with every access; the phases, and how far a command has come, are
//! those of that time.
//!
//! # Cost
//!
//! A change of phases, wavelength or temperature step costs as many crossings as it turns, at the
//! next command. A command of few vectors sends them through all crossings; one of many makes the
//! matrix of the chip, unless it has it for the same conditions, and multiplies. No access costs
//! more than one command of full buffers.
//!
//! Process context, one lock around all of it, held by the caller. Memory is the caller's.

mod channels;
mod command;
mod crossings;
mod detector;
mod products;
mod waves;

use core::ops::DerefMut;

pub use self::channels::{Channel, TEMPERATURE_STEP_MC};
pub use self::crossings::{Crossing, Factor};
pub use self::waves::Wave;

use self::channels::Heaters;
use self::command::{Commands, Kind};
use self::products::{kept, Cache};
use super::chip::{Chip, Refusal};
use super::plant::Light;
use super::random::Random;
use crate::photonic::layout::Layout;
use crate::photonic::registers::{
    APPLIED, COMMAND_MODE, COMMAND_START, COMMAND_TAG, COMMAND_VECTORS, COMMIT, COMMIT_COUNT,
    COMPLETION, COMPLETION_COUNT, COMPLETION_TAG, CONTROL_RESET_FUNCTION, CONTROL_RESET_SOFT,
    HEATER_MW, INPUT, IRQ_COMPLETION, IRQ_SETTLED, LATCH_HEATER, OUTPUT, SHADOW, SIZE, TAP,
};

/// How many places the tables of a chip need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Heaters: 2N² + N.
    pub channels: usize,
    /// Crossings: N².
    pub crossings: usize,
    /// Numbers of the input buffer, and of the output buffer.
    pub buffer: usize,
    /// Factors of the matrix and of the screen: N² + N.
    pub factors: usize,
    /// Fields: N.
    pub waves: usize,
}

impl Needs {
    /// What `chip` needs.
    pub fn of(chip: &Chip) -> Result<Self, Refusal> {
        let layout = chip.check()?;
        Ok(Self {
            channels: layout.channels(),
            crossings: layout.crossings(),
            buffer: 2 * layout.modes() * chip.vectors as usize,
            factors: layout.crossings() + layout.modes(),
            waves: layout.modes(),
        })
    }
}

/// Memory of the optics. What it holds is overwritten.
pub struct Tables<C, X, B, F, W> {
    /// See [`Needs::channels`].
    pub channels: C,
    /// See [`Needs::crossings`].
    pub crossings: X,
    /// See [`Needs::buffer`].
    pub input: B,
    /// See [`Needs::buffer`].
    pub output: B,
    /// See [`Needs::factors`].
    pub factors: F,
    /// See [`Needs::waves`].
    pub waves: W,
}

/// Why there are no optics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The chip is refused.
    Chip(Refusal),
    /// A table is too short.
    Memory,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Chip(refusal)
    }
}

/// The optics of a chip, over memory from outside.
pub struct Optics<C, X, B, F, W> {
    chip: Chip,
    layout: Layout,
    tables: Tables<C, X, B, F, W>,
    heaters: Heaters,
    commands: Commands,
    chance: Random,
    cache: Cache,
    /// The amplitude that is left at the outputs.
    kept: Factor,
    /// The latest time told, in ns.
    clock: u64,
    commits: u32,
    /// The heaters have power.
    powered: bool,
    /// When the phases will have settled that move.
    settled: Option<u64>,
    /// Interrupts of ends that [`Self::busy_until`] and [`Self::settling_until`] foretold.
    foretold: u32,
    /// Other interrupts.
    interrupts: u32,
    latches: u32,
}

impl<C, X, B, F, W> Optics<C, X, B, F, W>
where
    C: DerefMut<Target = [Channel]>,
    X: DerefMut<Target = [Crossing]>,
    B: DerefMut<Target = [i32]>,
    F: DerefMut<Target = [Factor]>,
    W: DerefMut<Target = [Wave]>,
{
    /// A chip without heat. Its parts are drawn from its seed: the same seed, the same chip.
    pub fn new(chip: Chip, mut tables: Tables<C, X, B, F, W>) -> Result<Self, Error> {
        let layout = chip.check()?;
        let needs = Needs::of(&chip)?;
        let fits = tables.channels.len() >= needs.channels
            && tables.crossings.len() >= needs.crossings
            && tables.input.len() >= needs.buffer
            && tables.output.len() >= needs.buffer
            && tables.factors.len() >= needs.factors
            && tables.waves.len() >= needs.waves;
        if !fits {
            return Err(Error::Memory);
        }
        tables.input.fill(0);
        tables.output.fill(0);
        let channels = tables.channels.get_mut(..needs.channels);
        let heaters = Heaters::draw(&chip, layout, channels.unwrap_or_default());
        let crossings = tables.crossings.get_mut(..needs.crossings);
        Crossing::draw_all(&chip, crossings.unwrap_or_default());
        Ok(Self {
            chip,
            layout,
            tables,
            heaters,
            commands: Commands::default(),
            chance: Random::stream(chip.seed, 4),
            cache: Cache::EMPTY,
            kept: kept(&chip, layout.columns()),
            clock: 0,
            commits: 0,
            powered: true,
            settled: None,
            foretold: 0,
            interrupts: 0,
            latches: 0,
        })
    }

    /// The chip.
    pub fn chip(&self) -> &Chip {
        &self.chip
    }

    /// Truth for tests: the heaters.
    pub fn channels(&self) -> &[Channel] {
        let all = self.tables.channels.get(..self.layout.channels());
        all.unwrap_or_default()
    }

    /// Truth for tests: the crossings.
    pub fn crossings(&self) -> &[Crossing] {
        let all = self.tables.crossings.get(..self.layout.crossings());
        all.unwrap_or_default()
    }

    /// Power of all heaters, in milliwatts.
    pub fn heater_mw(&self) -> u32 {
        self.heaters.power_mw(&self.chip)
    }

    /// When the command that runs ends, in ns; `None` if none does.
    pub fn busy_until(&self) -> Option<u64> {
        self.commands.end()
    }

    /// When the phases that move have settled, in ns; `None` if none does.
    pub fn settling_until(&self) -> Option<u64> {
        self.settled
    }

    /// Takes the interrupts that have come up, `IRQ_*`.
    pub fn take_interrupts(&mut self) -> u32 {
        core::mem::take(&mut self.foretold) | core::mem::take(&mut self.interrupts)
    }

    /// The same without those of ends that [`Self::busy_until`] and [`Self::settling_until`]
    /// foretold: for callers that raise them by the clock, when nobody looks at the optics.
    pub fn take_sudden_interrupts(&mut self) -> u32 {
        self.foretold = 0;
        core::mem::take(&mut self.interrupts)
    }

    /// Takes the latches to be set, `LATCH_*`.
    pub fn take_latches(&mut self) -> u32 {
        core::mem::take(&mut self.latches)
    }

    /// Lets time pass under `light`: commands end, phases settle. A time before the latest one
    /// told counts as that one. To be called when the light goes off, too: a command misses the
    /// light only if it is told.
    pub fn advance(&mut self, light: &Light, now: u64) {
        self.clock = self.clock.max(now);
        if let Some(ended) = self.commands.advance(light, self.clock) {
            if ended.dark {
                self.darken(ended.kind);
            }
            self.foretold |= IRQ_COMPLETION;
        }
        if self.settled.is_some_and(|at| at <= self.clock) {
            self.settled = None;
            self.foretold |= IRQ_SETTLED;
        }
    }

    /// Clears the results of a command without light.
    fn darken(&mut self, kind: Kind) {
        self.tables.output.fill(0);
        if kind == Kind::Probe {
            for crossing in self.tables.crossings.iter_mut() {
                crossing.taps = [0; 2];
            }
        }
    }

    /// Resets by the bits of the control register, `CONTROL_*`.
    pub fn reset(&mut self, bits: u32, light: &Light, now: u64) {
        self.advance(light, now);
        if bits & (CONTROL_RESET_SOFT | CONTROL_RESET_FUNCTION) != 0 && self.commands.abort() {
            self.interrupts |= IRQ_COMPLETION;
        }
        if bits & CONTROL_RESET_FUNCTION == 0 {
            return;
        }
        for channel in self.tables.channels.iter_mut() {
            channel.shadow = 0;
        }
        self.tables.input.fill(0);
        self.darken(Kind::Probe);
        self.commands.clear();
        self.cool();
    }

    /// Tells whether the heaters have power, which they have at first. Without it they are cold
    /// and their codes are lost: they wait for the next commit with it.
    pub fn power(&mut self, on: bool, light: &Light, now: u64) {
        self.advance(light, now);
        let lost = self.powered && !on;
        self.powered = on;
        if lost {
            self.cool();
        }
    }

    /// Takes all heat away, where there is any. No commit: nobody waits for it to settle.
    fn cool(&mut self) {
        if self.channels().iter().any(|channel| channel.applied != 0) {
            self.heat();
        }
    }

    /// Reads the register at `offset`, from `OPTICS` on.
    pub fn read(&mut self, offset: u32, light: &Light, now: u64) -> u32 {
        self.advance(light, now);
        match offset {
            COMMAND_VECTORS => self.commands.vectors,
            COMMAND_MODE => self.commands.mode,
            COMMAND_TAG => self.commands.tag,
            COMPLETION_TAG => self.commands.completion_tag,
            COMPLETION => self.commands.completion,
            COMPLETION_COUNT => self.commands.count,
            COMMIT_COUNT => self.commits,
            HEATER_MW => self.heater_mw(),
            SHADOW..APPLIED => self.channel(offset - SHADOW).map_or(0, |c| c.shadow),
            APPLIED..TAP => self.channel(offset - APPLIED).map_or(0, |c| c.applied),
            TAP..INPUT => {
                let index = (offset - TAP) as usize / 4;
                let crossing = self.crossings().get(index / 2);
                crossing.map_or(0, |crossing| crossing.taps[index % 2])
            }
            INPUT..OUTPUT => number(&self.tables.input, offset - INPUT),
            OUTPUT..SIZE => number(&self.tables.output, offset - OUTPUT),
            _ => 0,
        }
    }

    /// Writes the register at `offset`, from `OPTICS` on.
    pub fn write(&mut self, offset: u32, value: u32, light: &Light, now: u64) {
        self.advance(light, now);
        match offset {
            COMMAND_VECTORS => self.commands.vectors = value,
            COMMAND_MODE => self.commands.mode = value,
            COMMAND_TAG => self.commands.tag = value,
            COMMAND_START => self.start(value, light),
            COMMIT if value == 1 => {
                self.commits = self.commits.wrapping_add(1);
                self.heat();
            }
            SHADOW..APPLIED => {
                let index = (offset - SHADOW) as usize / 4;
                let channels = self.tables.channels.get_mut(..self.layout.channels());
                if let Some(channel) = channels.unwrap_or_default().get_mut(index) {
                    channel.shadow = value;
                }
            }
            INPUT..OUTPUT => {
                let index = (offset - INPUT) as usize / 4;
                let used = self.needed_buffer();
                let input = self.tables.input.get_mut(..used).unwrap_or_default();
                if let Some(number) = input.get_mut(index) {
                    *number = value as i32;
                }
            }
            _ => {}
        }
    }

    /// Numbers of a buffer.
    fn needed_buffer(&self) -> usize {
        2 * self.layout.modes() * self.chip.vectors as usize
    }

    /// The channel of a register, `offset` bytes after that of the first.
    fn channel(&self, offset: u32) -> Option<&Channel> {
        self.channels().get(offset as usize / 4)
    }

    /// Hands the shadow codes to the heaters.
    fn heat(&mut self) {
        let channels = self.tables.channels.get_mut(..self.layout.channels());
        let channels = channels.unwrap_or_default();
        let done = self
            .heaters
            .commit(&self.chip, channels, self.powered, self.clock);
        if done.cut {
            self.latches |= LATCH_HEATER;
        }
        self.cache.stale |= done.moving;
        let settle_us = match done.moving {
            true => self.chip.settle_us(),
            false => 0,
        };
        match u64::from(settle_us) * 1000 {
            0 => {
                self.settled = None;
                self.interrupts |= IRQ_SETTLED;
            }
            ns => self.settled = Some(self.clock.saturating_add(ns)),
        }
    }

    /// Starts what the command registers ask for.
    fn start(&mut self, value: u32, light: &Light) {
        if value == 0 || self.commands.running() {
            return;
        }
        let Some(command) = self.commands.asked(&self.chip, value) else {
            self.commands.refuse();
            self.interrupts |= IRQ_COMPLETION;
            return;
        };
        if self.commands.start(&self.chip, &command, light, self.clock) {
            self.run(&command, light);
        }
    }
}

/// The number of a buffer's register, `offset` bytes after the first.
fn number(buffer: &[i32], offset: u32) -> u32 {
    buffer.get(offset as usize / 4).map_or(0, |n| *n as u32)
}
