// SPDX-License-Identifier: GPL-2.0

//! Calibration of a processor by measurements alone.
//!
//! [`calibrate`] takes anything that can be measured ([`Probe`]) and finds the parameters of its
//! chip ([`Chip`]): offset and efficiency of each heater, the errors of each splitter, crosstalk,
//! transmission, and on demand what temperature and wavelength change.
//!
//! # How
//!
//! Columns are taken in the order of the light. As those before a column are known, inputs can
//! be computed that light all its crossings at once, on one arm or on both. Sweeps of its
//! heaters, in powers and not in codes, then give fringes and with them a first guess of offsets
//! and efficiencies. Least squares on the powers at all its taps refine it and give the errors of
//! splitters with their signs: with light on both arms a quarter of a turn apart, powers change
//! with α and β in first order. Crosstalk is common to all crossings and is fitted with them.
//!
//! At the end, all columns are fitted once more in the same order to everything that was
//! measured, among it random programs of the whole chip.
//!
//! Phases of attenuators come in series with those of the second mesh and of the screen; only
//! their sum can be seen, or matters. The offsets of attenuators' φ are 0 by convention.

mod blob;
mod chip;
mod crossing;
mod equations;
mod error;
mod plan;
mod probe;
mod record;
mod screen;
mod seed;
mod sweep;
mod work;

pub use blob::{Blob, BlobError, Heater};
pub use chip::Chip;
pub use error::{Error, Output};
pub use probe::{Info, Measurement, Probe, ProbeError, Shot};
pub use work::{calibrate, Calibration, Options, Wavelength};
