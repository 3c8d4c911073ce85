// SPDX-License-Identifier: GPL-2.0

//! Mixture-of-experts gating: which experts a token goes to, and with what weight.
//!
//! All files but the last two rows are arithmetic: they use `core` only, take their memory from
//! the caller, and build as they stand into the host crate `tests/host`. They take no lock;
//! the module calls them in process context. The locks are those of `context/mod.rs`.
//!
//! | file                       | holds                                           |
//! |----------------------------|-------------------------------------------------|
//! | `number.rs`                | logits read as bits, their order                |
//! | `real.rs`, `power.rs`      | numbers with an exponent, exp                   |
//! | `score.rs`, `sigmoid.rs`   | score functions and deciding keys               |
//! | `select.rs`                | the experts with the greatest keys              |
//! | `config.rs`, `profile.rs`  | the rule of a layer, named settings             |
//! | `gate.rs`                  | from logits to experts and weights              |
//! | `hash.rs`, `learned.rs`    | experts by token id, logits from features       |
//! | `capacity.rs`              | who stays where an expert has too many tokens   |
//! | `balance.rs`               | loads, the bias that evens them out             |
//! | `placement.rs`             | replicas of experts on devices                  |
//! | `statistics.rs`            | figures under the names of the field            |
//! | `context/`                 | gates of open files, named gates, the ioctls    |
//! | `kunit.rs`                 | tests inside the kernel                         |

// `pub` in the arithmetic files is meant for the host crate, and so are a few items that the
// module does not need.
#[allow(dead_code, unreachable_pub)]
pub(crate) mod balance;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod capacity;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod config;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod gate;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod hash;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod learned;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod number;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod placement;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod power;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod profile;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod real;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod score;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod select;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod sigmoid;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod statistics;

pub(crate) mod context;
#[cfg(CONFIG_LIGHTOS_KUNIT_TEST)]
mod kunit;
