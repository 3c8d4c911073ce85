// SPDX-License-Identifier: GPL-2.0

//! What kind of chip to model.
//!
//! A [`Chip`] says how good a chip is: its sizes and its converters, which its registers show,
//! and how far its parts are from perfect, which nothing shows. [`Channel`] and [`Crossing`] are
//! then drawn from its seed.
//!
//! Figures of [`Chip::typical`] are those of silicon: a degree adds 1.86e-4 to its index, which is
//! 0.075 radians for 100 µm more of path and shifts a response by 0.069 nm where the group index
//! is 4.2; a laser drifts by 0.1 nm per degree; a plain heater takes 20 mW for half a turn.
//!
//! [`Channel`]: super::optics::Channel
//! [`Crossing`]: super::optics::Crossing
//!
//! Any context; no lock.

use super::decay;
use crate::photonic::layout::{Layout, CLASSES, MAX_MODES, OFFSETS};
use crate::photonic::registers::{
    CAPABILITIES, CAP_COHERENT, CAP_MZI, CAP_THERMAL_CTRL, CAP_WDM, CODE_LIMIT, CONVERTERS,
    FULL_SCALE, GEOMETRY, IDENTITY, KIND, LAW_SQUARE, MAGIC, MAJOR, MODEL, RAILS, REVISION,
    SENSORS, SERIAL_HIGH, SERIAL_LOW, SETTLE_US, WATCHDOG_MAX_US, WAVELENGTH_PM,
    WAVELENGTH_STEP_PM,
};

/// The most vectors that buffers hold.
pub const MAX_VECTORS: u32 = 64;
/// One radian, in 1/2^32 turns.
pub const RADIAN: u32 = 683_565_276;
/// A thousandth of a radian.
const MILLIRADIAN: u32 = RADIAN / 1000;
/// What a path that is longer by 1 µm does per degree, in 1/2^32 turns: 0.075 radians per 100 µm
/// of silicon.
pub const TURNS_PER_UM: i64 = 512_674;
/// Shot noise of a typical chip of 32 modes, as of [`Chip::shot`]: 1.13e-4.
const SHOT: u64 = 7_778_000;
/// Its thermal noise: 4.74e-5.
const THERMAL: u64 = 3_257_000;
/// The longest time constant of the heaters, in ns.
const MAX_SETTLE_NS: u32 = 10_000_000;

/// What a code of a phase DAC sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// The power of the heater.
    Linear,
    /// Its voltage: the power is the square of the code.
    Square,
}

/// Why a chip is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Modes are not 2 to 32.
    Modes,
    /// Converters do not have 8 to 24 bits.
    Bits,
    /// The full scale is not a quarter of a turn to two turns.
    FullScale,
    /// The code limit is 0 or beyond the converter.
    CodeLimit,
    /// Buffers do not hold 1 to 64 vectors, or commands take too long.
    Vectors,
    /// Wavelengths are not 1 to 64, not from 1 to 2 µm, or span more than 100 nm.
    Wavelengths,
    /// The time constant of the heaters is over 10 ms.
    Settling,
    /// A spread is beyond what the arithmetic or the physics carries.
    Spread,
    /// Heaters heat their neighbours by more than a quarter, all classes together.
    Crosstalk,
    /// The chip or the laser drifts by more than 1 nm per degree, or the chip by nothing though
    /// paths differ; or its reference temperature is not -40 to 125 degrees.
    Drift,
    /// A crossing loses more than half of the amplitude.
    Loss,
    /// Noise is over a 64th of an amplitude, or the light is 0.
    Noise,
}

/// A kind of chip. See [`Chip::check`] for what is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chip {
    /// Modes N.
    pub modes: usize,
    /// Serial number.
    pub serial: u64,
    /// What its parts and its noise are drawn from.
    pub seed: u64,

    /// Bits of the phase DACs.
    pub phase_bits: u32,
    /// Bits of the input modulators.
    pub input_bits: u32,
    /// Bits of the output ADCs.
    pub output_bits: u32,
    /// What the phase DACs set.
    pub law: Law,
    /// Nominal phase of a heater at full scale, in 1/65536 turns.
    pub full_scale: u32,
    /// The greatest code that a heater takes.
    pub code_limit: u32,
    /// Vectors that the buffers hold.
    pub vectors: u32,

    /// How many wavelengths.
    pub wavelengths: u32,
    /// Wavelength 0, in picometres.
    pub wavelength_pm: u32,
    /// From one to the next, in picometres.
    pub wavelength_step_pm: u32,

    /// Nanoseconds of a command, whatever it does.
    pub command_ns: u32,
    /// Nanoseconds of each vector of a product.
    pub vector_ns: u32,
    /// Nanoseconds of a probe: its taps are slow.
    pub probe_ns: u32,

    /// Time constant of the heaters, in nanoseconds.
    pub settle_ns: u32,
    /// Power of a heater for half a turn, in microwatts.
    pub heater_uw: u32,
    /// Rms of the phases without heat, in 1/2^32 turns.
    pub offset: u32,
    /// Rms of the errors of the splitters, in 1/2^32 turns: 0 is a splitter of 50:50.
    pub splitter: u32,
    /// Rms of what a heater does at full scale, in millionths of nominal.
    pub efficiency_ppm: u32,
    /// What a heater does to others, by the class of their distance, 2^30 for all of it.
    pub crosstalk: [u32; CLASSES],

    /// Rms of how much longer the heated path of a crossing is than the other, in nanometres.
    /// Phases drift with temperature and change with wavelength by that.
    pub path_nm: u32,
    /// Die temperature at which offsets hold, in thousandths of a degree.
    pub reference_mc: i32,
    /// How far temperature shifts the response of a path, in picometres per degree.
    pub chip_drift_pm: u32,
    /// How far temperature shifts the laser, in picometres per degree. It sits on the die.
    pub laser_drift_pm: u32,
    /// Amplitude that is left after a column, 2^30 for all of it. Guides beside the crossings of
    /// a column lose as much: they are made to.
    pub loss: u32,

    /// Power of the laser that the noise is stated for, in microwatts.
    pub light_uw: u32,
    /// Rms of the shot noise of an output, in 1/2^36 of the amplitude of a full input.
    pub shot: u32,
    /// Rms of the thermal noise of a detector, in the same unit.
    pub thermal: u32,
    /// Rms of the noise of an output ADC, in 1/2^36 of its full scale.
    pub converter: u32,
    /// Rms of the noise of a tap, in 1/2^32 of the power of a full input.
    pub tap: u32,
    /// Rms of what a tap shows of the power, in millionths: 0 where they are trimmed alike.
    pub tap_ppm: u32,
}

impl Chip {
    /// A chip without a flaw: no spread, no drift, no loss, no noise, phases that follow at once,
    /// and converters that do not limit but for `bits` of the phases. Full scale is one turn.
    pub const fn ideal(modes: usize, bits: u32, law: Law) -> Self {
        Self {
            modes,
            serial: modes as u64,
            seed: 0,
            phase_bits: bits,
            input_bits: 24,
            output_bits: 24,
            law,
            full_scale: 1 << 16,
            code_limit: greatest_code(bits),
            vectors: MAX_VECTORS,
            wavelengths: 1,
            wavelength_pm: 1_550_000,
            wavelength_step_pm: 400,
            command_ns: 1000,
            vector_ns: 10,
            probe_ns: 20_000,
            settle_ns: 0,
            heater_uw: 20_000,
            offset: 0,
            splitter: 0,
            efficiency_ppm: 0,
            crosstalk: [0; CLASSES],
            path_nm: 0,
            reference_mc: 45_000,
            chip_drift_pm: 69,
            laser_drift_pm: 100,
            loss: decay::ONE,
            light_uw: 20_000,
            shot: 0,
            thermal: 0,
            converter: 0,
            tap: 0,
            tap_ppm: 0,
        }
    }

    /// A chip as they are made.
    ///
    /// Offsets of 1 rad rms and splitters of 0.02 rad rms; heaters of 12 bits by the square law
    /// that reach about 1.15 turns, 2 % rms apart, and heat their neighbours by 2 % at distance
    /// 1, falling by e per unit of distance; 10 µs to settle by e; paths that differ by 10 µm
    /// rms; 0.05 dB a column. Modulators and ADCs of 16 bits at 100 million vectors a second.
    ///
    /// Noise: of a laser of 20 mW each input has a share, and a local oscillator as much, which is
    /// P = 0.31 mW at 32 modes; at 1 A/W, 50 MHz and 1 kΩ the shot noise √(qB / 2P) is 1.1e-4
    /// then, the thermal noise √(4kTB / R) / 2P 4.7e-5. ADCs have half a step of 1.5e-5, taps
    /// 1e-4 of the power of an input.
    pub const fn typical(modes: usize, seed: u64) -> Self {
        // Others are refused later.
        let inputs = if modes > MAX_MODES { 0 } else { modes as u64 };
        Self {
            serial: seed,
            seed,
            phase_bits: 12,
            input_bits: 16,
            output_bits: 16,
            full_scale: 75_366,
            wavelengths: 8,
            settle_ns: 10_000,
            offset: RADIAN,
            splitter: 20 * MILLIRADIAN,
            efficiency_ppm: 20_000,
            crosstalk: fading(20_000, 1000),
            path_nm: 10_000,
            // 10^(-0.05 / 20).
            loss: 1_067_578_624,
            shot: ((SHOT * SHOT / MAX_MODES as u64) * inputs).isqrt() as u32,
            thermal: (THERMAL * inputs / MAX_MODES as u64) as u32,
            converter: 1_048_576,
            tap: 429_497,
            ..Self::ideal(modes, 12, Law::Square)
        }
    }

    /// Whether the arithmetic of the model carries this chip.
    pub fn check(&self) -> Result<Layout, Refusal> {
        let layout = Layout::new(self.modes).ok_or(Refusal::Modes)?;
        let bits = [self.phase_bits, self.input_bits, self.output_bits];
        let rules = [
            (
                bits.iter().all(|bits| (8..=24).contains(bits)),
                Refusal::Bits,
            ),
            (
                (1 << 14..=1 << 17).contains(&self.full_scale),
                Refusal::FullScale,
            ),
            (
                self.code_limit != 0 && self.code_limit <= greatest_code(self.phase_bits),
                Refusal::CodeLimit,
            ),
            (self.commands_fit(), Refusal::Vectors),
            (self.wavelengths_fit(), Refusal::Wavelengths),
            (self.settle_ns <= MAX_SETTLE_NS, Refusal::Settling),
            (self.spreads_fit(), Refusal::Spread),
            (
                self.crosstalk
                    .iter()
                    .fold(0, |sum: u32, x| sum.saturating_add(*x))
                    <= 1 << 28,
                Refusal::Crosstalk,
            ),
            (self.drifts_fit(), Refusal::Drift),
            ((1 << 29..=1 << 30).contains(&self.loss), Refusal::Loss),
            (self.noise_fits(), Refusal::Noise),
        ];
        match rules.iter().find(|rule| !rule.0) {
            Some(&(_, refusal)) => Err(refusal),
            None => Ok(layout),
        }
    }

    fn commands_fit(&self) -> bool {
        let times = [self.command_ns, self.vector_ns, self.probe_ns];
        (1..=MAX_VECTORS).contains(&self.vectors) && times.iter().all(|ns| *ns <= 10_000_000)
    }

    fn wavelengths_fit(&self) -> bool {
        (1..=64).contains(&self.wavelengths)
            && (1_000_000..=2_000_000).contains(&self.wavelength_pm)
            && self.wavelength_step_pm.saturating_mul(self.wavelengths) <= 100_000
    }

    fn spreads_fit(&self) -> bool {
        self.splitter <= RADIAN / 10
            && self.efficiency_ppm <= 100_000
            && self.tap_ppm <= 100_000
            && self.path_nm <= 100_000
            && self.heater_uw <= 1_000_000
    }

    fn drifts_fit(&self) -> bool {
        self.chip_drift_pm <= 1000
            && self.laser_drift_pm <= 1000
            && (self.chip_drift_pm > 0 || self.path_nm == 0)
            && (-40_000..=125_000).contains(&self.reference_mc)
    }

    fn noise_fits(&self) -> bool {
        let noise = [self.shot, self.thermal, self.converter];
        self.light_uw != 0 && self.tap <= 1 << 28 && noise.iter().all(|rms| *rms <= 1 << 30)
    }

    /// Microseconds after a commit until every phase is within half a DAC step. What is told is
    /// on the safe side: a 32nd of a step of the linear law.
    pub fn settle_us(&self) -> u32 {
        let ns = decay::settled_after(self.settle_ns, self.phase_bits.min(24) + 5);
        u32::try_from(ns.div_ceil(1000)).unwrap_or(u32::MAX)
    }

    /// What a register of the identity reads; `None` for one of another kind.
    pub fn identity(&self, offset: u32) -> Option<u32> {
        Some(match offset {
            IDENTITY => MAGIC,
            REVISION => MAJOR << 16,
            KIND => MODEL,
            SERIAL_LOW => self.serial as u32,
            SERIAL_HIGH => (self.serial >> 32) as u32,
            CAPABILITIES => {
                let wdm = if self.wavelengths > 1 { CAP_WDM } else { 0 };
                CAP_MZI | CAP_COHERENT | CAP_THERMAL_CTRL | wdm
            }
            GEOMETRY => {
                let monitors = (SENSORS as u32) << 16 | (RAILS as u32) << 20;
                self.modes as u32 | self.wavelengths << 8 | monitors | self.vectors << 24
            }
            CONVERTERS => {
                let law = match self.law {
                    Law::Linear => 0,
                    Law::Square => LAW_SQUARE,
                };
                self.phase_bits | self.input_bits << 8 | self.output_bits << 16 | law
            }
            SETTLE_US => self.settle_us(),
            FULL_SCALE => self.full_scale,
            WATCHDOG_MAX_US => 2000,
            CODE_LIMIT => self.code_limit,
            WAVELENGTH_PM => self.wavelength_pm,
            WAVELENGTH_STEP_PM => self.wavelength_step_pm,
            _ => return None,
        })
    }
}

/// The greatest code of a converter.
const fn greatest_code(bits: u32) -> u32 {
    u32::MAX >> (32u32.wrapping_sub(bits) & 31)
}

/// Crosstalk of `near_ppm` millionths at distance 1 that falls by e every `decay` thousandths of
/// a unit of distance (not 0), for [`Chip::crosstalk`].
pub const fn fading(near_ppm: u32, decay: u32) -> [u32; CLASSES] {
    let near = ((near_ppm as u64) << 30) / 1_000_000;
    let mut table = [0; CLASSES];
    let mut class = 0;
    while class < CLASSES {
        let (along, across) = OFFSETS[class];
        // The distance, and how many decays it is beyond one; 2^30 for one.
        let distance = (((along * along + across * across) as u64) << 60).isqrt();
        let beyond = distance.saturating_sub(1 << 30) * 1000;
        let far = beyond / if decay == 0 { 1 } else { decay as u64 };
        table[class] = ((near * decay::exp_neg(far) as u64) >> 30) as u32;
        class += 1;
    }
    table
}
