// SPDX-License-Identifier: GPL-2.0

//! The falling exponential: phases that settle, crosstalk that fades with distance.
//!
//! Any context; no lock.

/// One, in arguments and results.
pub const ONE: u32 = 1 << 30;

/// ln 2.
const LN_2: u64 = 744_261_118;

/// `exp(-x)`, 2^30 for one in both, within 4e-9.
pub const fn exp_neg(x: u64) -> u32 {
    let halvings = x / LN_2;
    if halvings > 30 {
        return 0;
    }
    // 1 - r (1 - r/2 (1 - r/3 ...)), r below ln 2: the eleventh term is below 2^-30.
    let r = x % LN_2;
    let one = ONE as u64;
    let mut sum = one;
    let mut n = 12;
    while n > 0 {
        sum = one - ((r * sum) >> 30) / n;
        n -= 1;
    }
    (sum >> halvings) as u32
}

/// `exp(-time / constant)`, 2^30 for one. A constant of 0 has settled at once; times are in any
/// unit, of which the constant has less than 2^25.
pub const fn settling(time: u64, constant: u32) -> u32 {
    let constant = constant as u64;
    if time / 32 >= constant {
        return 0;
    }
    // Below 2^30 units.
    exp_neg((time << 30) / constant)
}

/// `ln 2 * constant * bits`, rounded up: when [`settling`] is below `2^-bits`.
pub const fn settled_after(constant: u32, bits: u32) -> u64 {
    ((constant as u64 * LN_2) >> 20) * bits as u64 / 1024 + (constant != 0) as u64
}
