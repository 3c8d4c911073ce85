// SPDX-License-Identifier: GPL-2.0

//! Exponentials to some 115 bits, by means that share nothing with the engine: ln 2 from a
//! Machin-like formula, `exp` from its series at the very argument, without tables.

use std::sync::LazyLock;

const ONE: u128 = 1 << 127;

/// ln 2 in Q1.127.
static LN2: LazyLock<u128> = LazyLock::new(|| {
    // ln 2 = 18 artanh(1/26) - 2 artanh(1/4801) + 8 artanh(1/8749)  (Gourdon and Sebah).
    // Each term is kept at half its size, so that the sum stays in 128 bits.
    9 * artanh_inverse(26) - artanh_inverse(4801) + 4 * artanh_inverse(8749)
});

/// exp(-1) in Q1.127.
static EXP_MINUS_ONE: LazyLock<u128> = LazyLock::new(|| exp_neg(ONE));

/// 2 artanh(1/n) in Q1.127.
fn artanh_inverse(n: u128) -> u128 {
    let mut power = (ONE / n) * 2;
    let mut sum = 0;
    let mut k = 1;
    while power > 0 {
        sum += power / k;
        power /= n * n;
        k += 2;
    }
    sum
}

/// `a * b` in Q1.127, schoolbook.
fn mul(a: u128, b: u128) -> u128 {
    let low = u128::from(u64::MAX);
    let (ah, al, bh, bl) = (a >> 64, a & low, b >> 64, b & low);
    // The full product is high * 2^128 + rest.
    let carry = ((al * bl) >> 64) + ((ah * bl) & low) + ((al * bh) & low);
    let high = ah * bh + ((ah * bl) >> 64) + ((al * bh) >> 64) + (carry >> 64);
    (high << 1) | ((carry & low) >> 63)
}

/// exp(-y) for y from 0 to 1, in Q1.127.
fn exp_neg(y: u128) -> u128 {
    let (mut plus, mut minus) = (0, 0);
    let mut term = ONE;
    let mut n = 0;
    while term > 0 {
        if n % 2 == 0 {
            plus += term;
        } else {
            minus += term;
        }
        n += 1;
        term = mul(term, y) / n;
    }
    plus - minus
}

/// `2^-(fraction 2^-64)` in Q1.127.
pub fn exp2_neg_q127(fraction: u64) -> u128 {
    exp_neg(mul(u128::from(fraction) << 63, *LN2))
}

/// `magnitude exp(-gap / tau)` in Q64.64; `magnitude` below 2^63.
pub fn decay_q64(magnitude: u64, gap: u64, tau: u64) -> u128 {
    let (whole, rest) = (gap / tau, gap % tau);
    if whole > 100 {
        return 0;
    }
    // rest / tau in Q1.127: 64 bits, then the 63 after them.
    let (rest, tau) = (u128::from(rest), u128::from(tau));
    let upper = (rest << 64) / tau;
    let lower = (((rest << 64) % tau) << 63) / tau;
    let mut factor = exp_neg((upper << 63) + lower);
    for _ in 0..whole {
        factor = mul(factor, *EXP_MINUS_ONE);
    }
    mul(u128::from(magnitude) << 64, factor)
}
