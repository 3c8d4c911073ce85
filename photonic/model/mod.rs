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

use self::optics::{Channel, Crossing, Factor, Optics, Wave};
use self::plant::{Light, Plant};
use crate::photonic::registers::{Registers, GONE, OPTICS, RAIL_ENABLE, RAIL_GOOD};

/// The rails that the heaters need.
const RAILS_HEATERS: u32 = 0b00_1100;

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

    /// Is told what the optics do: power of the heaters in milliwatts, whether a command runs,
    /// whether phases move.
    fn load(&mut self, heater_mw: u32, busy: bool, settling: bool);

    /// Is told interrupts of the optics, `IRQ_*`.
    fn raise(&mut self, interrupts: u32);

    /// Is told latches of the optics, `LATCH_*`.
    fn latch(&mut self, latches: u32);

    /// Takes the resets of the optics that were asked for, `CONTROL_*`.
    fn take_reset(&mut self) -> u32;

    /// Whether the device is there. One that is not reads as all ones.
    fn present(&self) -> bool {
        true
    }

    /// Whether the heaters have power.
    fn heaters(&self) -> bool {
        true
    }
}

impl Surroundings for Plant {
    fn advance(&mut self, now: u64) {
        Self::advance(self, now);
    }

    fn read(&mut self, offset: u32) -> u32 {
        Self::read(self, offset)
    }

    fn write(&mut self, offset: u32, value: u32) {
        Self::write(self, offset, value);
    }

    fn light(&self) -> Light {
        Self::light(self)
    }

    fn load(&mut self, heater_mw: u32, busy: bool, settling: bool) {
        Self::load(self, heater_mw, busy);
        self.settle(settling);
    }

    fn raise(&mut self, interrupts: u32) {
        Self::raise(self, interrupts);
    }

    fn latch(&mut self, latches: u32) {
        Self::latch(self, latches);
    }

    fn take_reset(&mut self) -> u32 {
        Self::take_reset(self)
    }

    fn present(&self) -> bool {
        // Never all ones in one that is there.
        Self::read(self, RAIL_ENABLE) != GONE
    }

    fn heaters(&self) -> bool {
        Self::read(self, RAIL_GOOD) & RAILS_HEATERS == RAILS_HEATERS
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
    /// Brings both halves to `now`, and before that to the end of a command on the way: it had
    /// the light of its own time.
    fn advance(&mut self, now: u64) {
        let now = now.max(self.now);
        if let Some(end) = self.optics.busy_until().filter(|end| *end < now) {
            self.now = end;
            self.surroundings.advance(end);
            self.follow();
        }
        self.now = now;
        self.surroundings.advance(now);
        self.follow();
    }

    /// Tells the optics what the surroundings have come to, and the other way round.
    fn follow(&mut self) {
        let (now, light) = (self.now, self.surroundings.light());
        self.optics.power(self.surroundings.heaters(), &light, now);
        let reset = self.surroundings.take_reset();
        if reset != 0 {
            self.optics.reset(reset, &light, now);
        }
        self.surroundings.raise(self.optics.take_interrupts());
        self.surroundings.latch(self.optics.take_latches());
        let busy = self.optics.busy_until().is_some();
        let settling = self.optics.settling_until().is_some();
        let heater_mw = self.optics.heater_mw();
        self.surroundings.load(heater_mw, busy, settling);
    }

    fn read(&mut self, offset: u32) -> u32 {
        self.advance(self.now);
        if !self.surroundings.present() {
            return GONE;
        }
        if let Some(value) = self.optics.chip().identity(offset) {
            return value;
        }
        if offset < OPTICS {
            return self.surroundings.read(offset);
        }
        let light = self.surroundings.light();
        self.optics.read(offset, &light, self.now)
    }

    fn write(&mut self, offset: u32, value: u32) {
        self.advance(self.now);
        if !self.surroundings.present() {
            return;
        }
        if offset < OPTICS {
            self.surroundings.write(offset, value);
        } else {
            let light = self.surroundings.light();
            self.optics.write(offset, value, &light, self.now);
        }
        self.follow();
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
            parts.advance(now);
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
