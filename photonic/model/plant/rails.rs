// SPDX-License-Identifier: GPL-2.0

//! Six rails that ramp up, are good, discharge and fail.
//!
//! A rail ramps in a straight line and discharges in one that is three times as long. It is good
//! half a millisecond after it has reached 95 % of its voltage, and not any more below 90 %.
//! A rail that was good and falls below 90 % while enabled had an under-voltage. One that draws
//! too much for half a millisecond is switched off and stays off until its over-current is cleared.
//!
//! Any context; the lock of the plant's owner (`photonic/backend/model.rs`).

use super::fault::RailFault;
use crate::photonic::registers::{RAILS, RAIL_NOMINAL_MV};

/// Microseconds that each rail takes up.
pub const RAMP_US: [u32; RAILS] = [1_000, 1_500, 2_000, 2_500, 4_000, 6_000];
/// Discharging takes so many times as long.
const DISCHARGE: i32 = 3;
/// Steps from 95 % to good.
const GOOD_STEPS: u8 = 2;
/// Steps of too much current until a rail is switched off.
const OVERCURRENT_STEPS: u8 = 2;
/// Milliamperes that a rail with too much current draws.
const OVERCURRENT_MA: u32 = 20_000;
/// All rails.
const ALL: u32 = (1 << RAILS) - 1;

/// One rail.
#[derive(Clone, Copy, Debug)]
struct Rail {
    mv: i32,
    above: u8,
    over: u8,
    fault: RailFault,
}

/// All of them.
#[derive(Clone, Copy, Debug)]
pub struct Rails {
    rails: [Rail; RAILS],
    enabled: u32,
    good: u32,
    overcurrent: u32,
    undervoltage: u32,
    /// Nothing moves: a step changes nothing.
    still: bool,
}

/// What a step brought to light.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trouble {
    /// A rail drew too much.
    pub overcurrent: bool,
    /// A rail fell under its limit.
    pub undervoltage: bool,
}

impl Rails {
    /// All off.
    pub const fn off() -> Self {
        let off = Rail {
            mv: 0,
            above: 0,
            over: 0,
            fault: RailFault::None,
        };
        Self {
            rails: [off; RAILS],
            enabled: 0,
            good: 0,
            overcurrent: 0,
            undervoltage: 0,
            still: true,
        }
    }

    /// So many steps pass, all alike.
    #[inline]
    pub fn step(&mut self, steps: i32) -> Trouble {
        if self.still {
            return Trouble::default();
        }
        self.move_on(steps)
    }

    fn move_on(&mut self, steps: i32) -> Trouble {
        let mut trouble = Trouble::default();
        let mut still = true;
        for (index, rail) in self.rails.iter_mut().enumerate() {
            let bit = 1u32 << index;
            let nominal = RAIL_NOMINAL_MV[index] as i32;
            if rail.fault == RailFault::Overcurrent && self.enabled & bit != 0 && rail.mv > 0 {
                rail.over = rail.over.saturating_add(steps.min(100) as u8);
                if rail.over >= OVERCURRENT_STEPS {
                    self.overcurrent |= bit;
                    self.enabled &= !bit;
                    trouble.overcurrent = true;
                }
                still = false;
            } else {
                rail.over = 0;
            }
            let on = self.enabled & bit != 0;
            let before = rail.mv;
            rail.ramp(on, nominal, RAMP_US[index] as i32, steps);
            let was_good = self.good & bit != 0;
            if on && rail.mv * 100 >= nominal * 95 && rail.fault != RailFault::NeverGood {
                rail.above = rail.above.saturating_add(steps.min(100) as u8);
                if rail.above >= GOOD_STEPS {
                    self.good |= bit;
                }
            } else {
                rail.above = 0;
            }
            if !on || rail.mv * 100 < nominal * 90 || rail.fault == RailFault::NeverGood {
                self.good &= !bit;
                if on && was_good {
                    self.undervoltage |= bit;
                    trouble.undervoltage = true;
                }
            }
            let settles = on && rail.fault != RailFault::NeverGood && self.good & bit == 0;
            still &= rail.mv == before && !(settles && rail.mv * 100 >= nominal * 95);
        }
        self.still = still;
        trouble
    }

    /// Which rails shall be on; not those with an over-current.
    pub fn enable(&mut self, rails: u32) {
        self.enabled = rails & ALL & !self.overcurrent;
        self.good &= self.enabled;
        self.still = false;
    }

    /// The register RAIL_ENABLE.
    pub const fn enabled(&self) -> u32 {
        self.enabled
    }

    /// The register RAIL_GOOD.
    #[inline]
    pub const fn good(&self) -> u32 {
        self.good
    }

    /// Whether all are good.
    #[inline]
    pub const fn all_good(&self) -> bool {
        self.good == ALL
    }

    /// The register RAIL_OVERCURRENT.
    pub const fn overcurrent(&self) -> u32 {
        self.overcurrent
    }

    /// The register RAIL_UNDERVOLTAGE.
    pub const fn undervoltage(&self) -> u32 {
        self.undervoltage
    }

    /// Forgets over-currents; `false` where one would come again.
    pub fn clear_overcurrent(&mut self) -> bool {
        // A rail that is off draws nothing: it takes another try to see.
        self.overcurrent = 0;
        true
    }

    /// Forgets under-voltages, unless a rail is on that is not good.
    pub fn clear_undervoltage(&mut self) -> bool {
        let gone = self.enabled & self.undervoltage & !self.good == 0;
        if gone {
            self.undervoltage = 0;
        }
        gone
    }

    /// Millivolts of a rail; 0 for one that there is not.
    pub fn mv(&self, index: usize) -> u32 {
        self.rails.get(index).map_or(0, |rail| rail.mv as u32)
    }

    /// Milliamperes of a rail that would draw `load` with its full voltage.
    pub fn ma(&self, index: usize, load: u32) -> u32 {
        let Some(rail) = self.rails.get(index) else {
            return 0;
        };
        if rail.over > 0 {
            OVERCURRENT_MA
        } else if rail.mv as u32 * 2 < RAIL_NOMINAL_MV[index] {
            0
        } else {
            load
        }
    }

    /// Breaks a rail, or mends it.
    pub fn inject(&mut self, index: usize, fault: RailFault) {
        if let Some(rail) = self.rails.get_mut(index) {
            rail.fault = fault;
            self.still = false;
        }
    }
}

impl Rail {
    fn ramp(&mut self, on: bool, nominal: i32, ramp_us: i32, steps: i32) {
        let target = match self.fault {
            RailFault::StuckOn if self.mv > 0 => nominal,
            _ if !on => 0,
            RailFault::Sag(permille) => nominal * permille.min(1_000) as i32 / 1_000,
            _ => nominal,
        };
        // A step is 250 µs.
        let steps = steps.min(1_000);
        let rise = nominal * 250 / ramp_us;
        self.mv = if target > self.mv {
            self.mv.saturating_add(rise * steps).min(target)
        } else {
            let fall = rise / DISCHARGE;
            self.mv.saturating_sub(fall * steps).max(target)
        };
    }
}
