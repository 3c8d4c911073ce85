// SPDX-License-Identifier: GPL-2.0

//! Photonic processors.

pub mod calibrate;
/// Which heater sits where: the file that the driver itself is built from.
#[path = "../../../../photonic/layout.rs"]
pub mod layout;
