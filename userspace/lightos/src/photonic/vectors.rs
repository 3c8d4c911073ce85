// SPDX-License-Identifier: GPL-2.0

//! Vectors as the module takes them: fractions of 2^31 with an exponent each.

use num_complex::Complex64;

use super::error::Error;

/// The least and the greatest exponent of a vector.
const EXPONENTS: std::ops::RangeInclusive<i32> = -64..=64;

/// Vectors of complex numbers in block floating point.
///
/// Vector v is `words / 2^31 * 2^exponents[v]`, a real and an imaginary part for each
/// mode. Where the modulators have `b` bits, the upper `b` of a word count: so each
/// vector has an exponent of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vectors {
    modes: usize,
    words: Vec<i32>,
    exponents: Vec<i32>,
}

impl Vectors {
    /// Those of the ABI: a real and an imaginary word for each mode of each vector,
    /// an exponent from -64 to 64 for each vector.
    ///
    /// # Errors
    ///
    /// [`Error::Vectors`] if lengths do not fit or an exponent is beyond its range.
    pub fn from_words(modes: usize, words: Vec<i32>, exponents: Vec<i32>) -> Result<Self, Error> {
        let wanted = exponents
            .len()
            .checked_mul(modes)
            .and_then(|n| n.checked_mul(2));
        if modes == 0 || wanted != Some(words.len()) {
            return Err(Error::Vectors {
                what: "words",
                found: words.len().to_string(),
                wanted: format!("{} times {modes} times 2", exponents.len()),
            });
        }
        if let Some(exponent) = exponents.iter().find(|e| !EXPONENTS.contains(e)) {
            return Err(Error::Vectors {
                what: "an exponent",
                found: exponent.to_string(),
                wanted: "-64 to 64".to_owned(),
            });
        }
        Ok(Self {
            modes,
            words,
            exponents,
        })
    }

    /// Vectors of `modes` numbers each, one after the other. Each is scaled by the
    /// power of two that leaves its largest part between 1/2 and 1; what is less than
    /// 2^-96 is 0.
    ///
    /// # Errors
    ///
    /// [`Error::Vectors`] if they are no whole vectors, or a part is not finite or
    /// 2^64 and more.
    pub fn from_complex(modes: usize, values: &[Complex64]) -> Result<Self, Error> {
        if modes == 0 || !values.len().is_multiple_of(modes) {
            return Err(Error::Vectors {
                what: "numbers",
                found: values.len().to_string(),
                wanted: format!("a multiple of {modes}"),
            });
        }
        let mut words = Vec::with_capacity(2 * values.len());
        let mut exponents = Vec::with_capacity(values.len() / modes);
        for vector in values.chunks(modes) {
            let exponent = exponent(vector)?;
            let word = |part: f64| (part * 2f64.powi(31 - exponent)).round() as i32;
            words.extend(vector.iter().flat_map(|z| [word(z.re), word(z.im)]));
            exponents.push(exponent);
        }
        Ok(Self {
            modes,
            words,
            exponents,
        })
    }

    /// [`Vectors::from_complex`] of real numbers.
    ///
    /// # Errors
    ///
    /// As [`Vectors::from_complex`].
    pub fn from_real(modes: usize, values: &[f64]) -> Result<Self, Error> {
        let values: Vec<Complex64> = values.iter().map(|&re| re.into()).collect();
        Self::from_complex(modes, &values)
    }

    /// The numbers, vector by vector.
    pub fn to_complex(&self) -> Vec<Complex64> {
        let vectors = self.words.chunks(2 * self.modes).zip(&self.exponents);
        let mut values = Vec::with_capacity(self.words.len() / 2);
        for (words, exponent) in vectors {
            let unit = 2f64.powi(exponent - 31);
            let number =
                |pair: &[i32]| Complex64::new(f64::from(pair[0]) * unit, f64::from(pair[1]) * unit);
            values.extend(words.chunks_exact(2).map(number));
        }
        values
    }

    /// Numbers of a vector.
    pub fn modes(&self) -> usize {
        self.modes
    }

    /// How many vectors.
    pub fn len(&self) -> usize {
        self.exponents.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.exponents.is_empty()
    }

    /// Real and imaginary parts, fractions of 2^31.
    pub fn words(&self) -> &[i32] {
        &self.words
    }

    /// The exponent of each vector.
    pub fn exponents(&self) -> &[i32] {
        &self.exponents
    }

    /// Vectors `first` to `first + count`.
    pub(super) fn part(&self, first: usize, count: usize) -> (&[i32], &[i32]) {
        let row = 2 * self.modes;
        (
            &self.words[first * row..(first + count) * row],
            &self.exponents[first..first + count],
        )
    }

    /// Puts `more` behind them.
    pub(super) fn append(&mut self, mut more: Self) {
        self.words.append(&mut more.words);
        self.exponents.append(&mut more.exponents);
    }

    /// None, of `modes` numbers.
    pub(super) fn none(modes: usize) -> Self {
        Self {
            modes,
            words: Vec::new(),
            exponents: Vec::new(),
        }
    }

    /// `count` of them, to be written by the module.
    pub(super) fn blank(modes: usize, count: usize) -> Self {
        Self {
            modes,
            words: vec![0; 2 * modes * count],
            exponents: vec![0; count],
        }
    }

    /// What the module writes to.
    pub(super) fn parts(&mut self) -> (&mut [i32], &mut [i32]) {
        (&mut self.words, &mut self.exponents)
    }
}

/// The least exponent that leaves every part of `vector` less than 1, rounding
/// included; at least -64.
fn exponent(vector: &[Complex64]) -> Result<i32, Error> {
    let parts = vector.iter().flat_map(|z| [z.re, z.im]);
    let most = parts.fold(0.0, |most: f64, part| {
        // `max` would lose what is no number.
        if part.is_nan() {
            f64::INFINITY
        } else {
            most.max(part.abs())
        }
    });
    if !most.is_finite() || most >= 2f64.powi(64) {
        return Err(Error::Vectors {
            what: "a part",
            found: most.to_string(),
            wanted: "finite numbers below 2^64".to_owned(),
        });
    }
    if most == 0.0 {
        return Ok(0);
    }
    // frexp by its bits; what is subnormal is 0 either way.
    let mut exponent = ((most.to_bits() >> 52) as i32 - 1022).max(*EXPONENTS.start());
    if most * 2f64.powi(31 - exponent) > f64::from(i32::MAX) - 0.5 {
        exponent += 1;
    }
    Ok(exponent.min(*EXPONENTS.end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn vectors_have_exponents_of_their_own() {
        let vectors = Vectors::from_real(2, &[0.5, -0.25, 96.0, 1.0, 0.0, 0.0]).unwrap();
        assert_eq!(vectors.len(), 3);
        assert_eq!(vectors.exponents(), [0, 7, 0]);
        assert_eq!(vectors.words()[..4], [1 << 30, 0, -(1 << 29), 0]);
        let back = vectors.to_complex();
        assert_eq!(back[2], 96.0.into());
        assert_eq!(back[3], 1.0.into());
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for bad in [f64::NAN, f64::INFINITY, 2f64.powi(64)] {
            assert!(Vectors::from_real(1, &[bad]).is_err(), "{bad}");
        }
        assert!(Vectors::from_real(2, &[1.0]).is_err());
        assert!(Vectors::from_real(0, &[]).is_err());
        assert!(Vectors::from_words(1, vec![0; 2], vec![65]).is_err());
        assert!(Vectors::from_words(1, vec![0; 3], vec![0]).is_err());
        // The largest there is, which rounds up; and a subnormal.
        let largest = 2f64.powi(64).next_down();
        let vectors = Vectors::from_real(1, &[largest]).unwrap();
        assert_eq!(
            (vectors.exponents(), vectors.words()[0]),
            (&[64][..], i32::MAX)
        );
        assert_eq!(Vectors::from_real(1, &[5e-324]).unwrap().words(), [0, 0]);
    }

    proptest! {
        #[test]
        fn numbers_come_back(values in prop::collection::vec((-1e9f64..1e9, -1e9f64..1e9), 4)) {
            let values: Vec<Complex64> = values.iter().map(|&(a, b)| Complex64::new(a, b)).collect();
            let vectors = Vectors::from_complex(4, &values).unwrap();
            let most = values.iter().map(|z| z.re.abs().max(z.im.abs())).fold(0.0, f64::max);
            for (a, b) in values.iter().zip(vectors.to_complex()) {
                prop_assert!((a - b).norm() <= most * 2f64.powi(-30));
            }
        }
    }
}
