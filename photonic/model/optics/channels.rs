// SPDX-License-Identifier: GPL-2.0

//! Heaters: from codes to heat, from heat to phases.
//!
//! Process context; the lock of the optics' owner (`photonic/backend/model.rs`).

use super::super::chip::{Chip, Law, TURNS_PER_UM};
use super::super::decay;
use super::super::random::Random;
use crate::photonic::layout::Layout;

/// Thousandths of a degree that the optics tell apart.
pub const TEMPERATURE_STEP_MC: i32 = 10;

/// The most neighbours that a heater has: two or four of each class.
const NEIGHBOURS: usize = 20;

/// A neighbour: the heater in the lower 12 bits, the class of its distance above.
#[derive(Clone, Copy, Debug)]
struct Neighbour(u16);

impl Default for Neighbour {
    fn default() -> Self {
        Self::NONE
    }
}

impl Neighbour {
    /// None: no class is 15.
    const NONE: Self = Self(u16::MAX);

    fn new(heater: usize, class: usize) -> Self {
        Self((heater & 0xfff | class << 12) as u16)
    }

    fn heater(self) -> usize {
        usize::from(self.0 & 0xfff)
    }

    /// What goes over to it of one's own heat, 2^30 for all. `None` if there is no such neighbour.
    fn share(self, chip: &Chip) -> Option<i64> {
        chip.crosstalk
            .get(usize::from(self.0 >> 12))
            .map(|share| i64::from(*share))
    }
}

/// One heater and the path that it heats.
///
/// Heat is counted by the phase that it makes at wavelength 0, in 1/2^32 turns.
#[derive(Clone, Copy, Debug, Default)]
pub struct Channel {
    /// Phase without heat at the reference temperature and wavelength 0, in 1/2^32 turns.
    offset: u32,
    /// Phase at full scale, in 1/2^28 turns.
    efficiency: u32,
    /// What a degree does at the same wavelength, in 1/2^32 turns.
    tempco: i32,
    /// What a picometre takes away at the same temperature, in 1/2^32 turns.
    dispersion: i32,
    /// Code for the next commit.
    pub(super) shadow: u32,
    /// Code of the last one.
    pub(super) applied: u32,
    /// Heat of the heater itself by the applied code.
    own: i64,
    /// That with what comes from its neighbours.
    target: i64,
    /// What it was at the last commit.
    start: i64,
    /// The heaters that it heats too: looking for them takes long.
    neighbours: [Neighbour; NEIGHBOURS],
}

/// What the phases depend on apart from the heaters' targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Conditions {
    /// How much of the way to the target is left, 2^28 for all of it.
    pub(super) left: u32,
    /// Number of the wavelength.
    pub(super) wavelength: u32,
    /// Die temperature in steps of [`TEMPERATURE_STEP_MC`].
    pub(super) step: i32,
}

/// The same in the form that phases are computed from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shift {
    left: i64,
    /// Above the reference temperature, in thousandths of a degree.
    warmer_mc: i64,
    /// Above wavelength 0, in femtometres.
    longer_fm: i64,
    /// Wavelength 0 divided by the wavelength, less one; 2^30 for one.
    scale: i64,
}

impl Shift {
    pub(super) fn new(chip: &Chip, conditions: &Conditions) -> Self {
        let warmer_mc = i64::from(conditions.step)
            .wrapping_mul(i64::from(TEMPERATURE_STEP_MC))
            .wrapping_sub(i64::from(chip.reference_mc))
            .clamp(-200_000, 200_000);
        let channel = i64::from(conditions.wavelength) * i64::from(chip.wavelength_step_pm);
        let longer_fm = channel
            .wrapping_mul(1000)
            .wrapping_add(warmer_mc.wrapping_mul(i64::from(chip.laser_drift_pm)));
        let wavelength = i64::from(chip.wavelength_pm)
            .wrapping_mul(1000)
            .wrapping_add(longer_fm)
            .max(1);
        Self {
            left: i64::from(conditions.left),
            warmer_mc,
            longer_fm,
            scale: (longer_fm.wrapping_neg() << 30)
                .checked_div(wavelength)
                .unwrap_or(0),
        }
    }
}

impl Channel {
    /// A place in a table.
    pub const EMPTY: Self = Self {
        offset: 0,
        efficiency: 0,
        tempco: 0,
        dispersion: 0,
        shadow: 0,
        applied: 0,
        own: 0,
        target: 0,
        start: 0,
        neighbours: [Neighbour::NONE; NEIGHBOURS],
    };

    /// Draws the heater `index`. `chance` has a stream each for offset, efficiency and path.
    fn draw(chip: &Chip, layout: Layout, index: usize, chance: &mut [Random; 3]) -> Self {
        let mut neighbours = [Neighbour::NONE; NEIGHBOURS];
        for (place, (heater, class)) in neighbours.iter_mut().zip(layout.neighbours(index)) {
            *place = Neighbour::new(heater, class);
        }
        let [offset, efficiency, path] = chance;
        let nominal = i64::from(chip.full_scale) << 12;
        let ppm = efficiency.normal(chip.efficiency_ppm);
        let tempco = path.normal(chip.path_nm).wrapping_mul(TURNS_PER_UM) / 1000;
        Self {
            offset: offset.normal(chip.offset) as u32,
            efficiency: nominal.wrapping_add(nominal.wrapping_mul(ppm) / 1_000_000) as u32,
            tempco: tempco as i32,
            dispersion: (tempco / i64::from(chip.chip_drift_pm.max(1))) as i32,
            neighbours,
            ..Self::EMPTY
        }
    }

    /// Truth for tests: phase without heat in 1/2^32 turns, phase at full scale in 1/2^28 turns.
    pub const fn heater(&self) -> (u32, u32) {
        (self.offset, self.efficiency)
    }

    /// Truth for tests: what a degree adds and a picometre takes, in 1/2^32 turns.
    pub const fn path(&self) -> (i32, i32) {
        (self.tempco, self.dispersion)
    }

    /// Heat at the code `code`.
    fn heat(&self, chip: &Chip, code: u32) -> i64 {
        let bits = chip.phase_bits;
        let code = u64::from(code);
        // Of full power, 2^32 for all.
        let power = match chip.law {
            Law::Linear => code << (32u32.saturating_sub(bits) & 31),
            Law::Square => {
                let square = code.wrapping_mul(code);
                match 32u32.checked_sub(2 * bits) {
                    Some(up) => square << (up & 31),
                    None => rounded(square as i64, (2 * bits).wrapping_sub(32)) as u64,
                }
            }
        };
        rounded((power as i64).wrapping_mul(i64::from(self.efficiency)), 28)
    }

    /// Its phase, in 1/2^32 turns.
    #[inline]
    pub(super) fn phase(&self, shift: &Shift) -> u32 {
        let left = self.start.wrapping_sub(self.target);
        let heat = self
            .target
            .wrapping_add(rounded(left.wrapping_mul(shift.left), 28));
        let heat = heat.wrapping_add(rounded(heat.wrapping_mul(shift.scale), 30));
        let warmth = i64::from(self.tempco).wrapping_mul(shift.warmer_mc) / 1000;
        let colour = i64::from(self.dispersion).wrapping_mul(shift.longer_fm) / 1000;
        (heat.wrapping_add(warmth).wrapping_sub(colour) as u32).wrapping_add(self.offset)
    }
}

/// `value / 2^bits`, rounded; bits from 1 to 62.
#[inline(always)]
pub(super) const fn rounded(value: i64, bits: u32) -> i64 {
    value.wrapping_add(1 << (bits.wrapping_sub(1) & 63)) >> (bits & 63)
}

/// All heaters of a chip.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heaters {
    /// The last commit, in ns.
    since: u64,
    /// Whether phases may still be on their way.
    moving: bool,
    /// Sum of their own heat.
    heat: i64,
}

/// What a commit did.
pub(super) struct Committed {
    /// A code was over the limit.
    pub(super) cut: bool,
    /// Phases move.
    pub(super) moving: bool,
}

impl Heaters {
    /// Fills the table with heaters that are drawn from the chip's seed.
    pub(super) fn draw(chip: &Chip, layout: Layout, channels: &mut [Channel]) -> Self {
        let mut chance = [0, 1, 2].map(|kind| Random::stream(chip.seed, kind));
        for (index, channel) in channels.iter_mut().enumerate() {
            *channel = Channel::draw(chip, layout, index, &mut chance);
        }
        Self::default()
    }

    /// How much of the way to the target is left at `now`, 2^28 for all of it.
    pub(super) fn left(&mut self, chip: &Chip, now: u64) -> u32 {
        if !self.moving {
            return 0;
        }
        let left = decay::settling(now.saturating_sub(self.since), chip.settle_ns) >> 2;
        self.moving = left != 0;
        left
    }

    /// Hands the shadow codes to the heaters, or nothing while they have no power.
    ///
    /// Heat is added to a target and taken from it in the same parts, so that nothing is left
    /// over however often a code changes.
    pub(super) fn commit(
        &mut self,
        chip: &Chip,
        channels: &mut [Channel],
        powered: bool,
        now: u64,
    ) -> Committed {
        self.hold(chip, channels, now);
        let mut cut = false;
        for index in 0..channels.len() {
            let Some(channel) = channels.get_mut(index) else {
                break;
            };
            let asked = if powered { channel.shadow } else { 0 };
            cut |= asked > chip.code_limit;
            let code = asked.min(chip.code_limit);
            if code == channel.applied {
                continue;
            }
            let before = channel.own;
            let after = channel.heat(chip, code);
            channel.applied = code;
            channel.own = after;
            channel.target = channel.target.wrapping_add(after.wrapping_sub(before));
            self.heat = self.heat.wrapping_add(after.wrapping_sub(before));
            self.moving = true;
            for neighbour in channel.neighbours {
                let Some(share) = neighbour.share(chip) else {
                    break;
                };
                let part = |heat: i64| rounded(heat.wrapping_mul(share), 30);
                if let Some(other) = channels.get_mut(neighbour.heater()) {
                    let more = part(after).wrapping_sub(part(before));
                    other.target = other.target.wrapping_add(more);
                }
            }
        }
        self.since = now;
        Committed {
            cut,
            moving: self.moving,
        }
    }

    /// Makes where all phases are at `now` the start of a new way.
    fn hold(&mut self, chip: &Chip, channels: &mut [Channel], now: u64) {
        let left = i64::from(self.left(chip, now));
        for channel in channels {
            let way = channel.start.wrapping_sub(channel.target);
            channel.start = channel
                .target
                .wrapping_add(rounded(way.wrapping_mul(left), 28));
        }
    }

    /// Power of all heaters, in milliwatts.
    pub(super) fn power_mw(&self, chip: &Chip) -> u32 {
        let half_turns = self.heat >> 15;
        let microwatts = half_turns.wrapping_mul(i64::from(chip.heater_uw)) >> 16;
        u32::try_from(microwatts / 1000).unwrap_or(0)
    }
}
