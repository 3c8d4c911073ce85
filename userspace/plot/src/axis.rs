// SPDX-License-Identifier: GPL-2.0

//! Axes: ranges, ticks at round numbers, and how numbers are written.

/// Largest magnitude drawn: differences of two such numbers are finite.
const LARGEST: f64 = 1e300;

/// A range of numbers, `low` < `high`, both finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Range {
    /// The range from `low` to `high`, widened where it is too narrow to show.
    pub(crate) fn new(low: f64, high: f64) -> Self {
        let clean = |v: f64| {
            if v.is_nan() {
                0.0
            } else {
                v.clamp(-LARGEST, LARGEST)
            }
        };
        let (low, high) = (clean(low.min(high)), clean(low.max(high)));
        let least = (low.abs().max(high.abs()) * 1e-9).max(1e-290);
        if high - low >= least {
            return Self { low, high };
        }
        let more = if low == 0.0 { 1.0 } else { low.abs() * 0.5 };
        Self {
            low: low - more,
            high: high + more,
        }
    }

    /// The range of the finite ones of `values`; 0 to 1 if there are none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for v in values.into_iter().filter(|v| v.is_finite()) {
            low = low.min(v);
            high = high.max(v);
        }
        if low > high {
            Self::new(0.0, 1.0)
        } else {
            Self::new(low, high)
        }
    }

    /// Wider by `share` of the range at both ends.
    pub(crate) fn padded(self, share: f64) -> Self {
        let more = (self.high - self.low) * share;
        Self::new(self.low - more, self.high + more)
    }

    /// Where `value` is: 0 at `low`, 1 at `high`.
    pub(crate) fn place(self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(-1.0, 2.0)
    }

    pub(crate) fn contains(self, value: f64) -> bool {
        value >= self.low && value <= self.high
    }

    /// Round numbers within the range, at most about `most` of them.
    pub(crate) fn ticks(self, most: f64) -> Ticks {
        let rough = (self.high - self.low) / most.clamp(1.0, 50.0);
        let decade = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|m| m * decade)
            .find(|step| *step >= rough * 0.999)
            .unwrap_or(10.0 * decade);
        Ticks::every(self, step)
    }

    /// Whole numbers within the range, at most about `most` of them.
    pub(crate) fn whole_ticks(self, most: f64) -> Ticks {
        let ticks = self.ticks(most);
        if ticks.step >= 1.0 {
            ticks
        } else {
            Ticks::every(self, 1.0)
        }
    }
}

/// Ticks of an axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ticks {
    pub(crate) at: Vec<f64>,
    step: f64,
}

impl Ticks {
    fn every(range: Range, step: f64) -> Self {
        let first = (range.low / step - 1e-6).ceil();
        let at = (0..100)
            .map(|i| (first + f64::from(i)) * step)
            .take_while(|v| *v <= range.high + step * 1e-6)
            .collect();
        Self { at, step }
    }

    /// A tick as text, with the digits that tell it from its neighbours.
    pub(crate) fn label(&self, value: f64) -> String {
        number(value, self.step)
    }
}

/// `value` with the digits that a change of `step` shows in. Very large and very
/// small numbers have a power of ten.
pub(crate) fn number(value: f64, step: f64) -> String {
    if value.abs() < step * 1e-6 {
        return "0".into();
    }
    let digits = |v: f64| if v > 0.0 { v.log10().floor() as i32 } else { 0 };
    let exponent = digits(value.abs() * (1.0 + 1e-9));
    let last = digits(step * (1.0 + 1e-9));
    let sign = if value < 0.0 { "−" } else { "" };
    if exponent >= 7 || last < -6 {
        let figures = (exponent - last).clamp(0, 9) as usize;
        let mantissa = value.abs() / 10f64.powi(exponent.clamp(-300, 300));
        let text = format!("{mantissa:.figures$}");
        let text = if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.')
        } else {
            &text
        };
        return format!("{sign}{text}e{exponent}").replace("e-", "e−");
    }
    let text = format!("{:.*}", (-last).clamp(0, 9) as usize, value.abs());
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{rest}", grouped(whole))
}

/// `count` with commas between thousands.
pub(crate) fn count(count: usize) -> String {
    grouped(&count.to_string())
}

fn grouped(digits: &str) -> String {
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64, most: f64) -> Vec<String> {
        let ticks = Range::new(low, high).ticks(most);
        ticks.at.iter().map(|v| ticks.label(*v)).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(
            labels(0.0, 300.0, 7.0),
            ["0", "50", "100", "150", "200", "250", "300"]
        );
        assert_eq!(
            labels(-0.07, 0.05, 4.0),
            ["−0.05", "0.00", "0.05"].map(|s| s.replace("0.00", "0"))
        );
        assert_eq!(labels(0.0, 5000.0, 3.0), ["0", "2,000", "4,000"]);
        assert_eq!(labels(0.0, 2.5e9, 3.0), ["0", "1e9", "2e9"]);
        assert_eq!(labels(0.0, 1.3e-9, 3.0), ["0", "5e−10", "1e−9"]);
    }

    #[test]
    fn no_range_is_empty() {
        for (low, high) in [
            (0.0, 0.0),
            (7.0, 7.0),
            (f64::MIN, f64::MAX),
            (f64::NAN, f64::NAN),
            (f64::NEG_INFINITY, f64::INFINITY),
            (1e-320, 2e-320),
            (1e17, 1e17 + 16.0),
        ] {
            let range = Range::new(low, high);
            assert!(range.low < range.high && (range.high - range.low).is_finite());
            let ticks = range.ticks(5.0);
            assert!(
                !ticks.at.is_empty() && ticks.at.len() < 20,
                "{range:?} {ticks:?}"
            );
            assert!(ticks.at.iter().all(|v| v.is_finite()));
        }
    }

    #[test]
    fn whole_numbers_stay_whole() {
        let ticks = Range::new(0.0, 3.0).whole_ticks(30.0);
        assert_eq!(ticks.at, [0.0, 1.0, 2.0, 3.0]);
    }
}
