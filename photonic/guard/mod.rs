// SPDX-License-Identifier: GPL-2.0

//! The guard of a processor: rails, laser, temperature.
