// SPDX-License-Identifier: GPL-2.0

//! The parameters of neurons, typed.

use std::time::Duration;

use super::description::{Description, Kind};
use super::BuildError;
use crate::sys;

/// A kind of neuron with its parameters: [`Loihi`], [`Jump`] or [`Exponential`].
pub trait Neuron: private::Sealed {
    /// The kind in the ABI.
    const KIND: Kind;

    /// Appends the parameters to the table of their kind.
    ///
    /// # Errors
    ///
    /// [`BuildError::TimeConstant`].
    fn append(&self, description: &mut Description) -> Result<(), BuildError>;
}

mod private {
    /// Keeps [`super::Neuron`] to the kinds that the module has.
    pub trait Sealed {}
    impl Sealed for super::Loihi {}
    impl Sealed for super::Jump {}
    impl Sealed for super::Exponential {}
}

/// The integer rules of the Loihi chip, bit for bit.
///
/// Currents and voltages have 24 bits, weights 9 (-256 to 255) and act times 64.
/// A network of these holds no other kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loihi {
    /// The share of the current lost in a step, in 1/4096: 0 to 4096.
    pub current_decay: u32,
    /// The share of the voltage lost in a step, in 1/4096: 0 to 4096.
    pub voltage_decay: u32,
    /// It spikes above this voltage: 0 to 0x1ffff << 6. Loihi's tools state the
    /// mantissa, a 64th of it.
    pub threshold: i32,
    /// Added to the voltage in each step: up to 4096 << 7 in magnitude.
    pub bias: i32,
    /// Steps after that of a spike with the voltage held at 0.
    pub refractory_steps: u32,
}

impl Default for Loihi {
    /// The neuron that SLAYER trains for the chip: decays 1024 and 128,
    /// threshold 80 << 6, no bias, no refractory period.
    fn default() -> Self {
        Self {
            current_decay: 1024,
            voltage_decay: 128,
            threshold: 80 << 6,
            bias: 0,
            refractory_steps: 0,
        }
    }
}

impl Neuron for Loihi {
    const KIND: Kind = Kind::Loihi;

    fn append(&self, description: &mut Description) -> Result<(), BuildError> {
        description.loihi_params.push(sys::LoihiParams {
            current_decay: self.current_decay,
            voltage_decay: self.voltage_decay,
            threshold: self.threshold,
            bias: self.bias,
            refractory_steps: self.refractory_steps,
            reserved: 0,
        });
        Ok(())
    }
}

/// An integrate-and-fire neuron whose membrane an input moves at once, solved
/// exactly from step to step.
///
/// Potentials are relative to rest, in units that the caller chooses; 2^50 of
/// them for the threshold make the arithmetic as precise as doubles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// Time constant of the membrane, whole ns; `None` for no leak.
    pub membrane: Option<Duration>,
    /// With a leak, the potential that a constant current would hold the
    /// membrane at; without, what is added in each step. Units.
    pub drive: i64,
    /// What a unit of weight adds to the membrane, units.
    pub gain: i64,
    /// The least potential that fires, units; `None` for an integrator.
    pub threshold: Option<i64>,
    /// Where a spike puts the membrane, units.
    pub reset: i64,
    /// Steps after that of a spike with the membrane held at `reset`.
    pub refractory_steps: u32,
}

impl Neuron for Jump {
    const KIND: Kind = Kind::Jump;

    fn append(&self, description: &mut Description) -> Result<(), BuildError> {
        description.exact_params.push(sys::ExactParams {
            flags: sys::PARAMS_TIME_CONSTANTS,
            refractory_steps: self.refractory_steps,
            membrane: nanoseconds(self.membrane)?,
            drive: self.drive,
            gain: [self.gain, 0],
            threshold: self.threshold.unwrap_or(sys::THRESHOLD_NEVER),
            reset: self.reset,
            ..sys::ExactParams::default()
        });
        Ok(())
    }
}

/// As [`Jump`], with two currents that decay exponentially between input and
/// membrane: one for positive and one for negative weights.
///
/// A current is measured by the potential that it would hold the membrane at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exponential {
    /// Time constant of the membrane, whole ns; `None` for no leak.
    pub membrane: Option<Duration>,
    /// Time constants of the currents of positive and of negative weights, whole
    /// ns; `None` for no decay.
    pub currents: [Option<Duration>; 2],
    /// As [`Jump::drive`].
    pub drive: i64,
    /// What a unit of weight adds to the current of its sign, units. A negative
    /// weight stays negative.
    pub gain: [i64; 2],
    /// The least potential that fires, units; `None` for an integrator.
    pub threshold: Option<i64>,
    /// Where a spike puts the membrane, units.
    pub reset: i64,
    /// Steps after that of a spike with the membrane held at `reset`.
    pub refractory_steps: u32,
}

impl Neuron for Exponential {
    const KIND: Kind = Kind::Exponential;

    fn append(&self, description: &mut Description) -> Result<(), BuildError> {
        let [positive, negative] = self.currents;
        description.exact_params.push(sys::ExactParams {
            flags: sys::PARAMS_TIME_CONSTANTS,
            refractory_steps: self.refractory_steps,
            membrane: nanoseconds(self.membrane)?,
            current: [nanoseconds(positive)?, nanoseconds(negative)?],
            drive: self.drive,
            gain: self.gain,
            threshold: self.threshold.unwrap_or(sys::THRESHOLD_NEVER),
            reset: self.reset,
            ..sys::ExactParams::default()
        });
        Ok(())
    }
}

/// A time constant in ns, 0 for an infinite one.
fn nanoseconds(tau: Option<Duration>) -> Result<i64, BuildError> {
    match tau {
        None => Ok(0),
        Some(tau) => i64::try_from(tau.as_nanos())
            .ok()
            .filter(|&ns| ns > 0)
            .ok_or(BuildError::TimeConstant(tau)),
    }
}
