// SPDX-License-Identifier: GPL-2.0

//! A model of a photonic processor behind the register map.
//!
//! Light and surroundings are apart: the plant has rails, a laser and a temperature and answers
//! the registers that may be used in any context; the optics answer the others. In the kernel
//! each has a lock of its own. [`Model`] puts them together for the host.

pub mod bench;
pub mod chip;
pub mod decay;
pub mod optics;
pub mod plant;
pub mod random;
pub mod trig;

use core::cell::RefCell;
use core::ops::DerefMut;

use self::optics::{Channel, Crossing, Factor, Light, Optics, Wave};
use crate::photonic::registers::{Registers, GONE, OPTICS, STATUS, STATUS_BUSY, STATUS_SETTLING};

/// What is around the optics. Answers the registers below `OPTICS`, but for the identity.
pub trait Surroundings {
    /// Lets time pass, up to `now` ns.
    fn advance(&mut self, now: u64);

    /// Reads a register.
    fn read(&mut self, offset: u32) -> u32;

    /// Writes a register.
    fn write(&mut self, offset: u32, value: u32);

    /// What the optics get.
    fn light(&self) -> Light;

    /// Is told what the optics take: power of the heaters in milliwatts, whether a command runs.
    fn load(&mut self, heater_mw: u32, busy: bool);

    /// Is told interrupts `IRQ_*` and latches `LATCH_*` of the optics.
    fn raise(&mut self, interrupts: u32, latches: u32);

    /// Takes the resets of the optics that were asked for, `CONTROL_*`.
    fn take_reset(&mut self) -> u32;

    /// Whether the device is there. One that is not reads as all ones.
    fn present(&self) -> bool {
        true
    }
}

/// A whole device.
pub struct Model<S, O>(RefCell<Parts<S, O>>);

struct Parts<S, O> {
    surroundings: S,
    optics: O,
    now: u64,
}

impl<S, C, X, B, F, W> Parts<S, Optics<C, X, B, F, W>>
where
    S: Surroundings,
    C: DerefMut<Target = [Channel]>,
    X: DerefMut<Target = [Crossing]>,
    B: DerefMut<Target = [i32]>,
    F: DerefMut<Target = [Factor]>,
    W: DerefMut<Target = [Wave]>,
{
    /// Brings both halves to the present.
    fn advance(&mut self) {
        self.surroundings.advance(self.now);
        self.optics.advance(&self.surroundings.light(), self.now);
        self.hand_over();
    }

    /// Hands what one half has for the other over.
    fn hand_over(&mut self) {
        let reset = self.surroundings.take_reset();
        if reset != 0 {
            let light = self.surroundings.light();
            self.optics.reset(reset, &light, self.now);
        }
        let (interrupts, latches) = (self.optics.take_interrupts(), self.optics.take_latches());
        self.surroundings.raise(interrupts, latches);
        let busy = self.optics.busy_until().is_some();
        self.surroundings.load(self.optics.heater_mw(), busy);
    }

    fn read(&mut self, offset: u32) -> u32 {
        self.advance();
        if !self.surroundings.present() {
            return GONE;
        }
        if let Some(value) = self.optics.chip().identity(offset) {
            return value;
        }
        if offset >= OPTICS {
            let light = self.surroundings.light();
            return self.optics.read(offset, &light, self.now);
        }
        let mut value = self.surroundings.read(offset);
        if offset == STATUS {
            value |= if self.optics.busy_until().is_some() {
                STATUS_BUSY
            } else {
                0
            };
            value |= if self.optics.settling_until().is_some() {
                STATUS_SETTLING
            } else {
                0
            };
        }
        value
    }

    fn write(&mut self, offset: u32, value: u32) {
        self.advance();
        if !self.surroundings.present() {
            return;
        }
        if offset >= OPTICS {
            let light = self.surroundings.light();
            self.optics.write(offset, value, &light, self.now);
        } else {
            self.surroundings.write(offset, value);
            // The light may be another now.
            self.optics.advance(&self.surroundings.light(), self.now);
        }
        self.hand_over();
    }
}

impl<S, C, X, B, F, W> Model<S, Optics<C, X, B, F, W>>
where
    S: Surroundings,
    C: DerefMut<Target = [Channel]>,
    X: DerefMut<Target = [Crossing]>,
    B: DerefMut<Target = [i32]>,
    F: DerefMut<Target = [Factor]>,
    W: DerefMut<Target = [Wave]>,
{
    /// A device at time 0.
    pub const fn new(surroundings: S, optics: Optics<C, X, B, F, W>) -> Self {
        Self(RefCell::new(Parts {
            surroundings,
            optics,
            now: 0,
        }))
    }

    /// The time of the model, in ns.
    pub fn now(&self) -> u64 {
        self.0.try_borrow().map_or(0, |parts| parts.now)
    }

    /// Sets the time; it never runs backwards.
    pub fn set_now(&self, now: u64) {
        if let Ok(mut parts) = self.0.try_borrow_mut() {
            parts.now = parts.now.max(now);
            parts.advance();
        }
    }

    /// Lets `ns` nanoseconds pass.
    pub fn wait(&self, ns: u64) {
        self.set_now(self.now().saturating_add(ns));
    }

    /// Does something to the surroundings. `None` from within another call of this kind.
    pub fn with_surroundings<R>(&self, f: impl FnOnce(&mut S) -> R) -> Option<R> {
        let mut parts = self.0.try_borrow_mut().ok()?;
        Some(f(&mut parts.surroundings))
    }

    /// Does something to the optics: truth for tests.
    pub fn with_optics<R>(&self, f: impl FnOnce(&mut Optics<C, X, B, F, W>) -> R) -> Option<R> {
        let mut parts = self.0.try_borrow_mut().ok()?;
        Some(f(&mut parts.optics))
    }
}

impl<S, C, X, B, F, W> Registers for Model<S, Optics<C, X, B, F, W>>
where
    S: Surroundings,
    C: DerefMut<Target = [Channel]>,
    X: DerefMut<Target = [Crossing]>,
    B: DerefMut<Target = [i32]>,
    F: DerefMut<Target = [Factor]>,
    W: DerefMut<Target = [Wave]>,
{
    fn read(&self, offset: u32) -> u32 {
        let parts = self.0.try_borrow_mut();
        parts.map_or(GONE, |mut parts| parts.read(offset))
    }

    fn write(&self, offset: u32, value: u32) {
        if let Ok(mut parts) = self.0.try_borrow_mut() {
            parts.write(offset, value);
        }
    }
}
