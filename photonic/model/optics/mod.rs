// SPDX-License-Identifier: GPL-2.0

//! The part of the model that light passes.
