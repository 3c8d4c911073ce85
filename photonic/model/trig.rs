// SPDX-License-Identifier: GPL-2.0

//! Sine and cosine in integers.
//!
//! A table of a quarter wave takes an angle to within 1/2048 turn; the rest is small enough for
//! three terms of the series. Within 1e-9 of the true value, half of that by the last rounding.
//!
//! Any context; no lock.

/// One, in results of [`sin_cos`].
pub const ONE: i32 = 1 << 30;

/// Steps of the table in a quarter turn.
const STEPS: usize = 256;

/// The sines of 0 to a quarter turn, 2^31 for one.
static SINE: [u32; STEPS + 1] = sines();

/// π in 1/2^60.
const PI: i128 = 3_622_009_729_038_561_421;

/// The table, by the power series. Evaluated by the compiler alone: hence the wide numbers.
const fn sines() -> [u32; STEPS + 1] {
    let mut table = [0; STEPS + 1];
    let mut step = 0;
    while step <= STEPS {
        let angle = PI * step as i128 / (2 * STEPS as i128);
        let square = (angle * angle) >> 60;
        let (mut term, mut sum, mut n) = (angle, angle, 1);
        while n < 30 {
            term = -((term * square) >> 60) / ((n + 1) * (n + 2));
            sum += term;
            n += 2;
        }
        table[step] = ((sum + (1 << 28)) >> 29) as u32;
        step += 1;
    }
    table
}

/// Sine and cosine of an angle in 1/2^32 turns, 2^30 for one.
#[inline]
pub fn sin_cos(turns: u32) -> (i32, i32) {
    const STEP_BITS: u32 = 22;
    let index = (turns.wrapping_add(1 << (STEP_BITS - 1)) >> STEP_BITS) as usize;
    let rest = turns.wrapping_sub((index as u32) << STEP_BITS) as i32;
    let nth = index % STEPS;
    let sine = i64::from(SINE[nth]);
    let cosine = i64::from(SINE[STEPS - nth]);

    // 2π, 2^30 for one. The rest in radians, 2^38 for one, is below 2^30; its square, 2^40 for
    // one, below 2^24.
    const RADIANS: i64 = (PI >> 29) as i64;
    let angle = (i64::from(rest).wrapping_mul(RADIANS) + (1 << 23)) >> 24;
    let square = angle.wrapping_mul(angle) >> 36;
    let small_sine = angle.wrapping_sub((angle.wrapping_mul(square) >> 40) / 6);
    let versine = square / 2;

    // sin(a + b) and cos(a + b), 2^38 for one, then rounded to 2^30.
    let s = (sine << 7)
        .wrapping_add(cosine.wrapping_mul(small_sine) >> 31)
        .wrapping_sub(sine.wrapping_mul(versine) >> 33);
    let c = (cosine << 7)
        .wrapping_sub(sine.wrapping_mul(small_sine) >> 31)
        .wrapping_sub(cosine.wrapping_mul(versine) >> 33);
    let s = (s.wrapping_add(128) >> 8) as i32;
    let c = (c.wrapping_add(128) >> 8) as i32;
    match (index / STEPS) & 3 {
        0 => (s, c),
        1 => (c, s.wrapping_neg()),
        2 => (s.wrapping_neg(), c.wrapping_neg()),
        _ => (c.wrapping_neg(), s),
    }
}
