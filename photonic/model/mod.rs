// SPDX-License-Identifier: GPL-2.0

//! A model of a photonic processor behind the register map.

pub mod optics;
pub mod plant;
pub mod random;
