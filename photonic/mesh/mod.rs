// SPDX-License-Identifier: GPL-2.0

//! From phases to codes of heaters, and from numbers to light and back.
//!
//! The driver's arithmetic for one processor. It knows the chip by its registers
//! ([`identity`]) and by its calibration ([`calibration`]) alone.
//!
//! ```text
//! phases asked for --[solver]--> codes --[image]--> SHADOW, COMMIT
//! numbers --[vector]--> INPUT words --[image]--> command --> OUTPUT words --[vector]--> numbers
//! ```
//!
//! [`compensation`] says when the die has drifted so far that the codes must be computed anew,
//! [`gain`] how much the outputs are amplified. Nothing here waits, and nothing allocates: tables
//! come from the caller. Process context.

pub mod calibration;
pub mod compensation;
pub mod crc;
pub mod gain;
pub mod heater;
pub mod identity;
pub mod image;
pub mod solver;
pub mod vector;
