// SPDX-License-Identifier: GPL-2.0

//! The natural logarithm of a whole number, in fixed point.
//!
//! With `n = 2^e m`, `1 <= m < 2`, the first eight digits `i` of `m` after the point select a
//! reciprocal `c` of 16 digits, rounded up, such that `m c = 1 + r` with `0 <= r < 2^-7.98`:
//!
//! ```text
//! ln n = e ln 2 - ln c + ln(1 + r)
//! ln(1 + r) = r - r^2 (1/2 - r (1/3 - r (1/4 - r (1/5 - r (1/6 - r/7)))))
//! ```
//!
//! (Tang, "Table-driven implementation of the logarithm function in IEEE floating-point
//! arithmetic", ACM Transactions on Mathematical Software 16, 1990.) In units of 2^-64, the last
//! digit of the result:
//!
//! | source | bound |
//! |---|---|
//! | `-ln c`, rounded to nearest | 0.51 |
//! | `e ln 2` with 32 further digits, truncated | 1.00 |
//! | `m c` exact in 80 digits, `r` truncated to 64 | 1.00 |
//! | `r^8 / 8`, the first term left out | 0.14 |
//! | `r^2 (...)`, truncated twice, the first time under a factor `r` | 1.01 |
//! | **[`ln`]** | **3.7** |
//!
//! Pure functions: any context, no lock.

use core::num::NonZeroU64;

/// Binary digits after the point of a result.
pub const LN_BITS: u32 = 64;

/// `2 artanh(p / q) = ln((q + p) / (q - p))` in Q0.96 for `p / q` up to 1/3, `p` below 2^16 and
/// `q` below 2^17: at most 2^-89 too small. Compile time only.
const fn artanh_twice(p: u128, q: u128) -> u128 {
    let mut term = (p << 96) / q;
    let mut sum = 0;
    let mut k = 1;
    while term > 0 {
        sum += term / k;
        term = term * (p * p) / (q * q);
        k += 2;
    }
    2 * sum
}

/// ln 2 in Q0.96.
const LN2_Q96: u128 = artanh_twice(1, 3);

/// The reciprocal of `1 + i/256`, in Q0.16, rounded up.
#[inline(always)]
const fn reciprocal(i: u64) -> u64 {
    // 2^24 / (256 + i), from 2^15 exclusive to 2^16 inclusive.
    let divisor = i.wrapping_add(256);
    (1u64 << 24).div_ceil(divisor)
}

/// The reciprocals: a table spares a division.
static RECIPROCALS: [u32; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < table.len() {
        table[i] = reciprocal(i as u64) as u32;
        i += 1;
    }
    table
};

/// `-ln c` of each reciprocal, in Q0.64, rounded to nearest.
static LOGARITHMS: [u64; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < table.len() {
        let c = reciprocal(i as u64) as u128;
        let exact = artanh_twice((1 << 16) - c, (1 << 16) + c);
        table[i] = ((exact + (1 << 31)) >> 32) as u64;
        i += 1;
    }
    table
};

/// The upper half of a 64 by 64 bit product.
#[inline(always)]
const fn mul_high(a: u64, b: u64) -> u64 {
    ((a as u128).wrapping_mul(b as u128) >> 64) as u64
}

/// `ln(1 + r)` for `r` below 2^-7.98, both in Q0.64.
#[inline]
fn ln_near_one(r: u64) -> u64 {
    // 1/6 to 1/2 in Q0.64. A loop over k would divide at run time where it is not unrolled.
    const INVERSES: [u64; 5] = [
        u64::MAX / 6,
        u64::MAX / 5,
        u64::MAX / 4,
        u64::MAX / 3,
        u64::MAX / 2,
    ];

    let mut sum = u64::MAX / 7;
    for inverse in INVERSES {
        // The product is below a half of 2^-7.98.
        sum = inverse.wrapping_sub(mul_high(r, sum));
    }
    r.wrapping_sub(mul_high(r, mul_high(r, sum)))
}

/// `ln n` in Q6.64, from 0 exactly for `n` 1 to 44.4 for `u64::MAX`. Error: at most 3.7 * 2^-64.
pub fn ln(n: NonZeroU64) -> u128 {
    let zeros = n.leading_zeros();
    let exponent = 63u32.wrapping_sub(zeros);
    let mantissa = n.get() << (zeros & 63);

    let i = (mantissa >> 55 & 0xff) as usize;
    // 1 + r with 79 digits after the point, below 2^80.
    let near_one = u128::from(mantissa).wrapping_mul(u128::from(RECIPROCALS[i]));
    let r = (near_one.wrapping_sub(1 << 79) >> 15) as u64;

    let whole = LN2_Q96.wrapping_mul(u128::from(exponent)) >> 32;
    whole
        .wrapping_add(u128::from(LOGARITHMS[i]))
        .wrapping_add(u128::from(ln_near_one(r)))
}

// ln 2, and -ln 1: a slip in a constant does not compile.
const _: () = assert!(LN2_Q96 >> 32 == 0xb172_17f7_d1cf_79ab && LOGARITHMS[0] == 0);
