// SPDX-License-Identifier: GPL-2.0

//! Codes of the phase DACs and what they do: the law of a heater.
//!
//! "Heat" is the phase that a heater gives to its own guide, in units of 2^-28 turns: an `u32`
//! holds 16 turns. The efficiency of a heater is its heat at full scale. Code `c` of `b` bits
//! gives
//!
//! ```text
//! heat = efficiency c / 2^b        where the DAC sets the power
//! heat = efficiency (c / 2^b)^2    where it sets the voltage
//! ```
//!
//! Both are compared multiplied out, as integers of 64 bits: the code that comes out is exactly
//! the one whose phase is nearest. Under the square law that is not the nearest code: half-way
//! between two phases lies above half-way between their codes.
//!
//! Process context; no lock.

/// Heat of one turn.
pub const TURN: u32 = 1 << 28;

/// What a code sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// The power.
    Linear,
    /// The voltage, whose square is the power.
    Square,
}

/// A phase DAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dac {
    bits: u32,
    law: Law,
}

impl Dac {
    /// A DAC of `bits` bits, 2 to 16.
    pub const fn new(bits: u32, law: Law) -> Option<Self> {
        if bits < 2 || bits > 16 {
            return None;
        }
        Some(Self { bits, law })
    }

    /// Its bits.
    pub const fn bits(self) -> u32 {
        self.bits
    }

    /// What its codes set.
    pub const fn law(self) -> Law {
        self.law
    }

    /// Its greatest code.
    pub const fn greatest(self) -> u16 {
        (u16::MAX as u32 >> (16 - self.bits)) as u16
    }

    /// Heat of `code` in units of 2^-[`Self::fraction`] of a unit. Below 2^64: the square of a
    /// code is below 2^32.
    const fn fine(self, efficiency: u32, code: u16) -> u64 {
        let power = match self.law {
            Law::Linear => code as u64,
            Law::Square => (code as u64).wrapping_mul(code as u64),
        };
        power.wrapping_mul(efficiency as u64)
    }

    /// Binary digits of [`Self::fine`] below the unit of heat, at most 32.
    const fn fraction(self) -> u32 {
        match self.law {
            Law::Linear => self.bits,
            Law::Square => 2 * self.bits,
        }
    }

    /// The heat of `code`, rounded to nearest.
    pub const fn heat(self, efficiency: u32, code: u16) -> u32 {
        // Less than the efficiency even when rounded, as codes are less than 2^b.
        let half = 1 << (self.fraction() - 1);
        (self.fine(efficiency, code).saturating_add(half) >> self.fraction()) as u32
    }

    /// The code up to `limit` whose heat is nearest to `heat`, the lower one of two; 0 for a dead
    /// heater, which has no efficiency.
    pub const fn code(self, efficiency: u32, heat: u32, limit: u16) -> u16 {
        let limit = if limit < self.greatest() {
            limit
        } else {
            self.greatest()
        };
        if efficiency == 0 {
            return 0;
        }
        let wanted = (heat as u64) << self.fraction();
        // The greatest code that gives no more, one bit after the other.
        let mut code = 0;
        let mut bit = self.bits;
        while bit > 0 {
            bit -= 1;
            let more = code | (1 << bit);
            if more <= limit && self.fine(efficiency, more) <= wanted {
                code = more;
            }
        }
        if code >= limit {
            return code;
        }
        let below = wanted.wrapping_sub(self.fine(efficiency, code));
        let above = self.fine(efficiency, code + 1).wrapping_sub(wanted);
        if above < below {
            code + 1
        } else {
            code
        }
    }

    /// By how much heat rounding to a code is wrong at most: half of the greatest step.
    pub const fn half_step(self, efficiency: u32) -> u32 {
        match self.law {
            Law::Linear => efficiency >> (self.bits + 1),
            Law::Square => efficiency >> self.bits,
        }
    }
}
