// SPDX-License-Identifier: GPL-2.0

//! Where the heat goes: a die on a thermoelectric cooler, its sink, the air.
//!
//! ```text
//! die:   0.25 J/K   heated by laser, heaters and logic; pumped by the cooler
//! sink:  125 J/K    heated by the cooler; cooled by the fan
//! air:   given
//! ```
//!
//! The cooler pumps `α T I - I² R / 2` with α = 50 mV/K and R = 2 Ω, gives `I² R / 2` more to its
//! sink, and leaks 0.48 W/K. The sink loses 0.48 W/K, and 3.8 W/K more with the fan at full speed.
//! Two places on the die are hotter than the rest: the middle of the mesh by 3 K/kW of heater
//! power, the laser by 200 K/kW of its own, both with a lag of 4 ms.
//!
//! The die never heats faster than [`MAX_HEATING_UK_PER_MS`]: all that can heat it at once, with
//! a runaway of the heaters and the cooler the wrong way, is less than 245 W.
//!
//! Temperatures are billionths of a degree Celsius: a milliwatt for a step of 250 µs is 1,000 of
//! them in the die and 2 in the sink.
//!
//! Any context; the lock of the plant's owner (`photonic/backend/model.rs`).

/// Length of a step, in nanoseconds.
pub const STEP_NS: u64 = 250_000;
/// The fastest that any place on the die heats, in millionths of a degree a millisecond.
pub const MAX_HEATING_UK_PER_MS: i64 = 1_000_000;
/// The most heat that a runaway of the heaters adds, in milliwatts.
pub const RUNAWAY_MAX_MW: u32 = 140_000;
/// The most heat that heaters give that do as they are told, in milliwatts.
pub const HEATER_MAX_MW: u32 = 50_000;
/// Billionths of a degree in a thousandth.
pub const NANO: i64 = 1_000_000;

const DIE_GAIN: i64 = 1_000;
const SINK_GAIN: i64 = 2;
const MESH_RISE: i64 = 3_000;
const LASER_RISE: i64 = 200_000;
const RISE_SHIFT: u32 = 4;
/// 0 °C in billionths of a kelvin.
const ZERO_CELSIUS: i64 = 273_150_000_000;

/// Heat that goes into the die, in milliwatts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heat {
    /// From the laser.
    pub laser: i64,
    /// From the heaters.
    pub heaters: i64,
    /// From the logic.
    pub logic: i64,
}

/// The temperatures.
#[derive(Clone, Copy, Debug)]
pub struct Thermal {
    die: i64,
    sink: i64,
    ambient: i64,
    mesh_rise: i64,
    laser_rise: i64,
}

/// Milliwatts over 0.477 W/K.
const fn leak(difference: i64) -> i64 {
    difference >> 21
}

/// Milliwatts from the sink to the air.
const fn loss(difference: i64, rpm: i64) -> i64 {
    ((difference >> 10) * (500 + rpm)) >> 20
}

/// Milliwatts that the cooler takes from the die, and those that it gives to the sink.
const fn pump(die: i64, tec_ma: i64) -> (i64, i64) {
    // 50 mV/K by milliamperes and 2^20 billionths of a kelvin: 5.24e-5 mW.
    let peltier = (((die + ZERO_CELSIUS) >> 20) * tec_ma * 55) >> 20;
    let joule = (tec_ma * tec_ma * 1_049) >> 20;
    (peltier - joule, peltier + joule)
}

impl Thermal {
    /// Everything as warm as the air, in thousandths of a degree.
    pub const fn new(ambient_mc: i32) -> Self {
        let ambient = ambient_mc as i64 * NANO;
        Self {
            die: ambient,
            sink: ambient,
            ambient,
            mesh_rise: 0,
            laser_rise: 0,
        }
    }

    /// The air from now on, in thousandths of a degree, -40 to 85 degrees.
    pub fn set_ambient(&mut self, ambient_mc: i32) {
        self.ambient = i64::from(ambient_mc.clamp(-40_000, 85_000)) * NANO;
    }

    /// One step.
    #[inline]
    pub fn step(&mut self, heat: &Heat, tec_ma: i64, rpm: i64) {
        let (taken, given) = pump(self.die, tec_ma);
        let back = leak(self.sink - self.die);
        let into_die = heat.laser + heat.heaters + heat.logic + back - taken;
        let into_sink = given - back - loss(self.sink - self.ambient, rpm);
        self.die += into_die * DIE_GAIN;
        self.sink += into_sink * SINK_GAIN;
        self.mesh_rise += (heat.heaters * MESH_RISE - self.mesh_rise) >> RISE_SHIFT;
        self.laser_rise += (heat.laser * LASER_RISE - self.laser_rise) >> RISE_SHIFT;
        self.bound();
    }

    /// So many steps at once, up to 2^31: less exact, but stable however many.
    pub fn leap(&mut self, steps: i64, heat: &Heat, tec_ma: i64, rpm: i64) {
        // Each node goes the way to its balance that the implicit Euler rule says. The cooler's
        // pumping is taken as a source.
        let (taken, given) = pump(self.die, tec_ma);
        let source = heat.laser + heat.heaters + heat.logic - taken;
        let balance = self.sink + source * (1 << 21);
        self.die += toward(balance - self.die, steps, 2_097);
        let source = given - leak(self.sink - self.die);
        let balance = self.ambient + ((source << 20) / (500 + rpm)) * (1 << 10);
        self.sink += toward(balance - self.sink, steps, 536_870_912 / (500 + rpm));
        self.mesh_rise = heat.heaters * MESH_RISE;
        self.laser_rise = heat.laser * LASER_RISE;
        self.bound();
    }

    /// Nothing gets colder than -60 °C or hotter than 400 °C; past that the model means nothing,
    /// but its arithmetic stays within its words.
    #[inline]
    fn bound(&mut self) {
        self.die = self.die.clamp(-60_000 * NANO, 400_000 * NANO);
        self.sink = self.sink.clamp(-60_000 * NANO, 400_000 * NANO);
    }

    /// What the sensors are at: middle of the mesh, edge, laser, sink, air.
    #[inline]
    pub const fn places(&self) -> [i64; 5] {
        [
            self.die + self.mesh_rise,
            self.die,
            self.die + self.laser_rise,
            self.sink,
            self.ambient,
        ]
    }

    /// The hottest place on the die.
    #[inline]
    pub fn hottest(&self) -> i64 {
        self.die + self.mesh_rise.max(self.laser_rise)
    }

    /// The die as a whole.
    #[inline]
    pub const fn die(&self) -> i64 {
        self.die
    }
}

/// The part of `difference` that `steps` steps go by the implicit rule at a time constant of
/// `tau` steps.
const fn toward(difference: i64, steps: i64, tau: i64) -> i64 {
    // In thousandths: the difference is below 2^43.
    let part = (steps * 1_000) / (steps + tau);
    difference / 1_000 * part
}
