// SPDX-License-Identifier: GPL-2.0

//! The part of the model that has rails, a laser and a temperature.
