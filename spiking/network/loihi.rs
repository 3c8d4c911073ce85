// SPDX-License-Identifier: GPL-2.0

//! Neurons with the integer rules of the Loihi chip.
//!
//! A step of a neuron, in this order, everything an integer:
//!
//! ```text
//! u = wrap(decay(u, current_decay) + (input << 6))
//! v = cut(decay(v, voltage_decay) + u + bias)        unless refractory
//! v > threshold: spike, v = 0, refractory for so many steps
//! decay(x, d) = sign(x) * ((|x| * (4096 - d)) >> 12)
//! ```
//!
//! `wrap` keeps `u` in 24 bits, from -2^23 (exclusive) to 2^23; `cut` saturates `v` at
//! +-(2^23 - 1). The rules are those of Lava's `PyLifModelBitAcc` (lava-nc/lava,
//! src/lava/proc/lif/models.py) with the decay constants as the chip applies them: Lava adds 1 to
//! its `du` before it uses it, so that `current_decay` here is Lava's `du + 1`. They reproduce a
//! recording of the chip (bamsumit/slayerPytorch, test/test_files/Loihi) in every spike and every
//! voltage. Lava has no refractory period: here the current goes on during it and the voltage is
//! held at 0, as in Lava's `PyLifRefractoryModelFloat`.
//!
//! Pure functions: any context; the lock of the network that owns the states.

use super::model::{Model, Tally};

/// Decay constants are fractions of this: 12 bits.
const DECAY_ONE: i64 = 1 << 12;

/// Inputs are aligned with the state by this shift.
const INPUT_SHIFT: u32 = 6;

/// The current wraps at plus and minus this.
const CURRENT_LIMIT: i64 = 1 << 23;

/// The voltage saturates at plus and minus this.
const VOLTAGE_LIMIT: i64 = (1 << 23) - 1;

/// The greatest magnitude that both a current and a voltage can have.
pub const STATE_LIMIT: i64 = VOLTAGE_LIMIT;

/// The greatest threshold: 17 bits, aligned by 6.
pub const MAX_THRESHOLD: i32 = 0x1_ffff << 6;

/// The greatest bias in magnitude: 13 bits with sign, times 2^7.
pub const MAX_BIAS: i32 = 4096 << 7;

/// What the chip's voltage register shows in a step in which the neuron spikes.
pub const SPIKE_READING: i32 = 128;

/// The parameters of a neuron.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// The share of the current lost in a step, in 1/4096: 0 to 4096.
    pub current_decay: u32,
    /// The share of the voltage lost in a step, in 1/4096: 0 to 4096.
    pub voltage_decay: u32,
    /// The neuron spikes when its voltage exceeds this: 0 to [`MAX_THRESHOLD`]. The mantissa that
    /// Loihi's tools take is this divided by 64.
    pub threshold: i32,
    /// Added to the voltage in each step: up to [`MAX_BIAS`] in magnitude.
    pub bias: i32,
    /// For how many steps after that of a spike the voltage is held at 0.
    pub refractory_steps: u32,
}

impl Params {
    /// The neuron of the recordings: SLAYER's default for the chip.
    pub const DEFAULT: Self = Self {
        current_decay: 1024,
        voltage_decay: 128,
        threshold: 80 << 6,
        bias: 0,
        refractory_steps: 0,
    };

    /// The first field out of its range, if any.
    pub const fn wrong_field(&self) -> Option<&'static str> {
        if self.current_decay as i64 > DECAY_ONE {
            Some("current_decay")
        } else if self.voltage_decay as i64 > DECAY_ONE {
            Some("voltage_decay")
        } else if self.threshold < 0 || self.threshold > MAX_THRESHOLD {
            Some("threshold")
        } else if self.bias < -MAX_BIAS || self.bias > MAX_BIAS {
            Some("bias")
        } else {
            None
        }
    }
}

/// The state of a neuron: 12 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The synaptic current, 24 bits.
    pub current: i32,
    /// The voltage, 24 bits.
    pub voltage: i32,
    /// Steps left of the refractory period.
    pub refractory: u32,
}

impl State {
    /// A neuron without current and voltage.
    pub const REST: Self = Self {
        current: 0,
        voltage: 0,
        refractory: 0,
    };
}

/// `x` less `decay / 4096` of it, truncated toward zero. `decay` from 0 to 4096.
#[inline(always)]
fn decayed(x: i32, decay: u32) -> i64 {
    // At most 2^31 * 2^12.
    let product = i64::from(x).wrapping_mul(DECAY_ONE.wrapping_sub(i64::from(decay)));
    // An arithmetic shift rounds down; this makes it truncate.
    product.wrapping_add(product >> 63 & (DECAY_ONE - 1)) >> 12
}

/// `current` in 24 bits, from -2^23 (exclusive) to 2^23.
#[cold]
fn wrapped(current: i64) -> i64 {
    let offset = CURRENT_LIMIT.wrapping_sub(1);
    (current.wrapping_add(offset) & (2 * CURRENT_LIMIT - 1)).wrapping_sub(offset)
}

/// The Loihi rules as a [`Model`].
pub struct Loihi;

impl Model for Loihi {
    type Params = Params;
    type State = State;

    #[inline(always)]
    fn stays_at_rest(params: &Params) -> bool {
        params.bias == 0
    }

    #[inline(always)]
    fn is_at_rest(state: &State) -> bool {
        state.current | state.voltage == 0 && state.refractory == 0
    }

    #[inline(always)]
    fn update(
        state: &mut State,
        positive: i32,
        negative: i32,
        params: &Params,
        tally: &mut Tally,
    ) -> bool {
        let input = i64::from(positive).wrapping_add(i64::from(negative)) << INPUT_SHIFT;
        let mut current = decayed(state.current, params.current_decay).wrapping_add(input);
        if !(1 - CURRENT_LIMIT..=CURRENT_LIMIT).contains(&current) {
            tally.wraps = tally.wraps.wrapping_add(1);
            current = wrapped(current);
        }
        state.current = current as i32;
        if state.refractory != 0 {
            state.refractory = state.refractory.wrapping_sub(1);
            return false;
        }
        let mut voltage = decayed(state.voltage, params.voltage_decay)
            .wrapping_add(current)
            .wrapping_add(i64::from(params.bias));
        if !(-VOLTAGE_LIMIT..=VOLTAGE_LIMIT).contains(&voltage) {
            tally.saturations = tally.saturations.wrapping_add(1);
            voltage = voltage.clamp(-VOLTAGE_LIMIT, VOLTAGE_LIMIT);
        }
        if voltage > i64::from(params.threshold) {
            state.voltage = 0;
            state.refractory = params.refractory_steps;
            return true;
        }
        state.voltage = voltage as i32;
        false
    }

    #[inline]
    fn reading(state: &State, spiked: bool) -> i64 {
        i64::from(if spiked { SPIKE_READING } else { state.voltage })
    }
}
