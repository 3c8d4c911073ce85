// SPDX-License-Identifier: GPL-2.0

//! From real weights to integers, with a report of what that costs.

/// Extent of a set of weights.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Extent {
    /// Largest absolute value.
    pub largest: f64,
    /// Smallest absolute value that is not 0; 0 if there is none.
    pub smallest: f64,
    /// Number of weights.
    pub count: usize,
}

impl Extent {
    /// Extent of `weights`.
    pub fn of(weights: impl IntoIterator<Item = f64>) -> Self {
        let mut extent = Extent::default();
        for weight in weights.into_iter().map(f64::abs) {
            extent.count += 1;
            extent.largest = extent.largest.max(weight);
            if weight > 0.0 && (extent.smallest == 0.0 || weight < extent.smallest) {
                extent.smallest = weight;
            }
        }
        extent
    }

    /// Largest power of two by which all weights, rounded, are signed integers of
    /// `bits` bits (2 to 32). 1 if all weights are 0.
    pub fn power_of_two(&self, bits: u32) -> f64 {
        let most = f64::from(2u32.pow(bits.clamp(2, 32) - 1)) - 1.0;
        if self.largest == 0.0 {
            return 1.0;
        }
        // The logarithm may be off by one in its last place.
        let mut exponent = (most / self.largest).log2().floor().clamp(-1000.0, 1000.0) as i32;
        while exponent > -1000 && (self.largest * 2f64.powi(exponent)).round() > most {
            exponent -= 1;
        }
        2f64.powi(exponent)
    }
}

/// What [`quantise`] did to the weights.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// Integer for a weight of 1.
    pub scale: f64,
    /// Largest difference between a weight and its integer divided by the scale.
    pub largest_error: f64,
    /// Weights that did not fit and were cut off at the ends of the range.
    pub saturated: usize,
    /// Weights other than 0 that became 0.
    pub vanished: usize,
}

/// Integers nearest to `scale` times the weights, of `bits` bits with sign (2 to
/// 32), halves away from 0; `scale` is positive.
pub fn quantise(
    weights: impl IntoIterator<Item = f64>,
    scale: f64,
    bits: u32,
) -> (Vec<i32>, Report) {
    let most = 2i64.pow(bits.clamp(2, 32) - 1) - 1;
    let mut report = Report {
        scale,
        ..Report::default()
    };
    let integers = weights.into_iter().map(|weight| {
        let wanted = (weight * scale).round();
        let integer = (wanted as i64).clamp(-most - 1, most) as i32;
        report.saturated += usize::from(f64::from(integer) != wanted);
        report.vanished += usize::from(integer == 0 && weight != 0.0);
        let error = (weight - f64::from(integer) / scale).abs();
        report.largest_error = report.largest_error.max(error);
        integer
    });
    let integers = integers.collect();
    (integers, report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_fill_the_range() {
        let extent = Extent::of([0.1, -0.5, 0.0]);
        assert_eq!(extent.largest, 0.5);
        assert_eq!(extent.smallest, 0.1);
        assert_eq!(extent.count, 3);
        // 0.5 * 128 = 64 fits, 0.5 * 256 = 128 does not.
        assert_eq!(extent.power_of_two(8), 128.0);
        assert_eq!(Extent::of([127.0]).power_of_two(8), 1.0);
        assert_eq!(Extent::of([127.5]).power_of_two(8), 0.5);
        assert_eq!(Extent::of([0.0]).power_of_two(8), 1.0);
        assert!(Extent::of([f64::MIN_POSITIVE]).power_of_two(8).is_finite());
    }

    #[test]
    fn losses_are_reported() {
        let (integers, report) = quantise([1.0, 0.3, 0.01, 0.0, -40.0], 4.0, 8);
        assert_eq!(integers, [4, 1, 0, 0, -128]);
        assert_eq!((report.saturated, report.vanished), (1, 1));
        assert_eq!(report.largest_error, 8.0);
        let (_, report) = quantise([1.0, 0.3], 4.0, 8);
        assert_eq!(report.largest_error, 0.3 - 0.25);
    }
}
