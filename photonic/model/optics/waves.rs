// SPDX-License-Identifier: GPL-2.0

//! Light on its way through the columns.
//!
//! Fields are 64 bit numbers, products of a field and a factor fit in 63 bits: a vector of
//! light whose norm is at most eight full inputs (all of 32 modes full in both quadratures) has
//! 29 bits after the point, a single full input has 32.
//!
//! Process context; the lock of the optics' owner (`photonic/backend/model.rs`).

use super::channels::rounded;
use super::crossings::{Crossing, Factor};
use crate::photonic::layout::Layout;

/// The field on a mode; the caller keeps the point in mind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wave {
    pub(super) re: i64,
    pub(super) im: i64,
}

/// Bits of the fraction of fields that come from input vectors.
pub(super) const FIELD_BITS: u32 = 29;

impl Wave {
    /// Darkness.
    pub const DARK: Self = Self { re: 0, im: 0 };

    /// `a x + b y`.
    #[inline(always)]
    fn sum(a: Factor, x: Self, b: Factor, y: Self) -> Self {
        let product = |f: i32, w: i64| i64::from(f).wrapping_mul(w);
        let re = product(a.re, x.re)
            .wrapping_sub(product(a.im, x.im))
            .wrapping_add(product(b.re, y.re))
            .wrapping_sub(product(b.im, y.im));
        let im = product(a.re, x.im)
            .wrapping_add(product(a.im, x.re))
            .wrapping_add(product(b.re, y.im))
            .wrapping_add(product(b.im, y.re));
        Self {
            re: rounded(re, 30),
            im: rounded(im, 30),
        }
    }

    /// The field times `2^bits`.
    #[inline(always)]
    pub(super) fn shifted(self, bits: u32) -> Self {
        Self {
            re: self.re.wrapping_shl(bits),
            im: self.im.wrapping_shl(bits),
        }
    }

    /// Sum of products of factors and fields, with the digits of both.
    #[inline]
    pub(super) fn product(factors: &[Factor], waves: &[Self]) -> Self {
        let product = |f: i32, w: i64| i64::from(f).wrapping_mul(w);
        let mut sum = Self::DARK;
        for (f, w) in factors.iter().zip(waves) {
            let re = product(f.re, w.re).wrapping_sub(product(f.im, w.im));
            let im = product(f.re, w.im).wrapping_add(product(f.im, w.re));
            sum.re = sum.re.wrapping_add(re);
            sum.im = sum.im.wrapping_add(im);
        }
        sum
    }

    /// The field times a factor.
    #[inline(always)]
    pub(super) fn times(self, factor: Factor) -> Self {
        Self::sum(factor, self, Factor::ZERO, Self::DARK)
    }

    /// Power of a field of [`FIELD_BITS`], 2^32 for a full input.
    fn power(self) -> u64 {
        let half = |w: i64| (w >> 1).unsigned_abs();
        let (re, im) = (half(self.re), half(self.im));
        let square = re.wrapping_mul(re).wrapping_add(im.wrapping_mul(im));
        square.wrapping_add(1 << 23) >> 24
    }
}

/// Sends the fields `waves`, one a mode, through all columns and the screen. The amplitude that
/// columns leave, `loss`, is not applied but to the taps, which are set if `MEASURE`.
pub(super) fn pass<const MEASURE: bool>(
    layout: Layout,
    crossings: &mut [Crossing],
    screen: &[Factor],
    loss: u32,
    waves: &mut [Wave],
) {
    let mut crossings = crossings.iter_mut();
    let mut kept = Kept::new(loss);
    for index in 0..layout.columns() {
        kept.column();
        if index == layout.attenuators() {
            for (wave, crossing) in waves.iter_mut().zip(crossings.by_ref()) {
                let mut vacuum = Wave::DARK;
                cross::<MEASURE>(crossing, wave, &mut vacuum, &kept);
            }
            continue;
        }
        let column = layout.column(index);
        let pairs = waves.get_mut(column.top..).unwrap_or_default();
        let pairs = pairs.chunks_exact_mut(2);
        for (pair, crossing) in pairs.zip(crossings.by_ref().take(column.count)) {
            if let [upper, lower] = pair {
                cross::<MEASURE>(crossing, upper, lower, &kept);
            }
        }
    }
    for (wave, factor) in waves.iter_mut().zip(screen) {
        *wave = wave.times(*factor);
    }
}

/// Sends two modes through a crossing.
#[inline(always)]
fn cross<const MEASURE: bool>(
    crossing: &mut Crossing,
    upper: &mut Wave,
    lower: &mut Wave,
    kept: &Kept,
) {
    let [a, b, c, d] = crossing.matrix;
    let (x, y) = (*upper, *lower);
    *upper = Wave::sum(a, x, b, y);
    *lower = Wave::sum(c, x, d, y);
    if MEASURE {
        crossing.taps = [kept.power(*upper), kept.power(*lower)];
    }
}

/// What columns leave of the light.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    loss: u32,
    /// 2^30 for all of it.
    amplitude: u32,
}

impl Kept {
    /// Before the first column.
    pub(super) fn new(loss: u32) -> Self {
        Self {
            loss,
            amplitude: 1 << 30,
        }
    }

    /// Passes a column.
    pub(super) fn column(&mut self) {
        let product = i64::from(self.amplitude).wrapping_mul(i64::from(self.loss));
        self.amplitude = rounded(product, 30) as u32;
    }

    /// Amplitude that is left, 2^30 for all of it.
    pub(super) fn amplitude(&self) -> u32 {
        self.amplitude
    }

    /// Power of a field that would be `wave` without loss, as a tap counts it.
    fn power(&self, wave: Wave) -> u32 {
        let amplitude = u64::from(self.amplitude);
        let share = amplitude.wrapping_mul(amplitude) >> 36;
        let power = wave.power().wrapping_mul(share).wrapping_add(1 << 23) >> 24;
        u32::try_from(power).unwrap_or(u32::MAX)
    }
}
