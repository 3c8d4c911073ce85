// SPDX-License-Identifier: GPL-2.0

//! Photonic processors: a mesh of interferometers, a laser, and what keeps them safe.
//!
//! The first rows are arithmetic: they use `core` only, take clock, memory and registers from the
//! caller, and build as they stand into the host crate `tests/host`. The others are the glue
//! around them.
//!
//! | file           | holds                                                          |
//! |----------------|----------------------------------------------------------------|
//! | `registers.rs` | the register map: all that driver and device know of each other |
//! | `layout.rs`    | which heater sits where in the mesh                            |
//! | `guard/`       | rails, laser, temperature: the policy                          |
//! | `mesh/`        | phases to codes, numbers to light and back                     |
//! | `usage.rs`     | the share of time in use                                       |
//! | `model/`       | a device that behaves like one                                 |
//! | `device/`      | the driver: timer, locks, jobs, ioctls, hwmon                  |
//! | `backend/`     | what is behind the registers: a PCI device, a model            |
//! | `kunit.rs`     | tests inside the kernel                                        |
//!
//! `device/`, `guard/` and `mesh/` never name the model; `scripts/check.sh` sees to that.

// `pub` in the arithmetic files is meant for the host crate, and so are a few items that the
// module does not need.
#[allow(dead_code, unreachable_pub)]
pub(crate) mod guard;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod layout;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod mesh;
#[allow(dead_code, unreachable_pub, unused_imports)]
pub(crate) mod model;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod registers;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod usage;

pub(crate) mod backend;
pub(crate) mod device;
#[cfg(CONFIG_LIGHTOS_KUNIT_TEST)]
mod kunit;
