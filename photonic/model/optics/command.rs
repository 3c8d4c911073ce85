// SPDX-License-Identifier: GPL-2.0

//! Commands: their registers, how long they take, how they end.
//!
//! Process context; the lock of the optics' owner (`photonic/backend/model.rs`).

use super::super::chip::Chip;
use super::Light;
use crate::photonic::registers::{
    field, DONE_ABORTED, DONE_DARK, DONE_INVALID, DONE_OK, DONE_SATURATED, DUTY_FULL, MODE_DIRECT,
    START_PROBE, START_PRODUCT,
};

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// All vectors.
    Product,
    /// The first, and the taps.
    Probe,
}

/// A command whose parameters are right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Command {
    pub(super) kind: Kind,
    /// 1 to what the buffers hold; 1 for a probe.
    pub(super) vectors: u32,
    pub(super) wavelength: u32,
    pub(super) direct: bool,
    pub(super) gain: u32,
}

/// A command that runs.
#[derive(Clone, Copy, Debug)]
struct Running {
    kind: Kind,
    tag: u32,
    /// When it ends, in ns.
    end: u64,
    /// It was dark meanwhile.
    dark: bool,
    saturated: bool,
}

/// The registers of commands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Commands {
    pub(super) vectors: u32,
    pub(super) mode: u32,
    pub(super) tag: u32,
    pub(super) completion_tag: u32,
    pub(super) completion: u32,
    pub(super) count: u32,
    running: Option<Running>,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) kind: Kind,
    /// It has no results.
    pub(super) dark: bool,
}

impl Commands {
    /// Whether a command runs, as of the last [`Self::advance`].
    pub(super) fn running(&self) -> bool {
        self.running.is_some()
    }

    /// When the one that runs ends.
    pub(super) fn end(&self) -> Option<u64> {
        self.running.map(|running| running.end)
    }

    /// The command that the registers ask for, `None` if they ask for nothing sensible.
    pub(super) fn asked(&self, chip: &Chip, start: u32) -> Option<Command> {
        let kind = match start {
            START_PRODUCT => Kind::Product,
            START_PROBE => Kind::Probe,
            _ => return None,
        };
        let vectors = match kind {
            Kind::Product => self.vectors,
            Kind::Probe => 1,
        };
        let command = Command {
            kind,
            vectors,
            wavelength: field(self.mode, 15, 8),
            direct: self.mode & MODE_DIRECT != 0,
            gain: field(self.mode, 19, 16),
        };
        let known = MODE_DIRECT | 0xff << 8 | 0xf << 16;
        let right = (1..=chip.vectors).contains(&vectors)
            && command.wavelength < chip.wavelengths
            && self.mode & !known == 0;
        right.then_some(command)
    }

    /// Lets `command` run from `now` on. Returns whether there is light for it.
    pub(super) fn start(
        &mut self,
        chip: &Chip,
        command: &Command,
        light: &Light,
        now: u64,
    ) -> bool {
        let work = match command.kind {
            Kind::Product => u64::from(command.vectors).wrapping_mul(chip.vector_ns.into()),
            Kind::Probe => chip.probe_ns.into(),
        };
        let full = u64::from(chip.command_ns).wrapping_add(work);
        let dark = !light.emission || light.duty == 0;
        // Below 2^30 ns at full duty.
        let duty = light.duty.clamp(1, DUTY_FULL);
        let time = match dark {
            true => full,
            false => full.wrapping_mul(DUTY_FULL.into()).div_ceil(duty.into()),
        };
        self.running = Some(Running {
            kind: command.kind,
            tag: self.tag,
            end: now.saturating_add(time),
            dark,
            saturated: false,
        });
        !dark
    }

    /// Notes that an output of the command that runs was cut.
    pub(super) fn saturated(&mut self) {
        if let Some(running) = &mut self.running {
            running.saturated = true;
        }
    }

    /// Takes note of time and light. Returns how a command ended, if one did.
    pub(super) fn advance(&mut self, light: &Light, now: u64) -> Option<Ended> {
        let running = self.running.as_mut()?;
        running.dark |= !light.emission;
        if now < running.end {
            return None;
        }
        let Running {
            kind,
            tag,
            dark,
            saturated,
            ..
        } = *running;
        let outcome = match (dark, saturated) {
            (true, _) => DONE_DARK,
            (false, true) => DONE_OK | DONE_SATURATED,
            (false, false) => DONE_OK,
        };
        self.complete(tag, outcome);
        Some(Ended { kind, dark })
    }

    /// Forgets what the next command shall be.
    pub(super) fn clear(&mut self) {
        self.vectors = 0;
        self.mode = 0;
        self.tag = 0;
    }

    /// Ends a command at once that cannot be run.
    pub(super) fn refuse(&mut self) {
        self.complete(self.tag, DONE_INVALID);
    }

    /// Aborts the command that runs. Returns whether one did.
    pub(super) fn abort(&mut self) -> bool {
        let Some(running) = self.running else {
            return false;
        };
        self.complete(running.tag, DONE_ABORTED);
        true
    }

    fn complete(&mut self, tag: u32, completion: u32) {
        self.running = None;
        self.completion_tag = tag;
        self.completion = completion;
        self.count = self.count.wrapping_add(1);
    }
}
