// SPDX-License-Identifier: GPL-2.0

//! What programs need of a calibration: the errors of the splitters.
//!
//! The format is described in `photonic/mesh/calibration.rs`.

use std::f64::consts::TAU;

use super::layout::{Layout, MAX_MODES};
use super::simulate::Splitters;

/// "LPNC".
const MAGIC: u32 = 0x434e_504c;
/// Bytes of the header, of a channel and of a crossing.
const HEADER: usize = 96;
const CHANNEL: usize = 16;
const CROSSING: usize = 8;
/// Flag: the errors of splitters are known.
const SPLITTERS: u16 = 1 << 0;

impl Splitters {
    /// Those that a calibration states; `None` where it does not know them, or is none.
    pub fn of_calibration(blob: &[u8]) -> Option<Self> {
        let short = |at: usize| Some(u16::from_le_bytes(*blob.get(at..)?.first_chunk()?));
        let magic = u32::from_le_bytes(*blob.first_chunk()?);
        if magic != MAGIC || short(4)? != 1 || short(38)? & SPLITTERS == 0 {
            return None;
        }
        let modes = usize::from(short(32)?);
        let layout = Layout::new(modes).filter(|_| modes <= MAX_MODES)?;
        let first = HEADER + CHANNEL * layout.channels();
        let crossings = blob.get(first..first + CROSSING * layout.crossings())?;
        let radians = |word: &[u8]| {
            let word = word
                .first_chunk()
                .map_or(0, |&word| i32::from_le_bytes(word));
            f64::from(word) / 2f64.powi(32) * TAU
        };
        let pairs = crossings.chunks_exact(CROSSING);
        let (alpha, beta) = pairs
            .map(|pair| (radians(pair), radians(&pair[4..])))
            .unzip();
        Some(Self { alpha, beta })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(flags: u16) -> Vec<u8> {
        let layout = Layout::new(2).unwrap();
        let mut blob = vec![0; HEADER + CHANNEL * layout.channels()];
        blob[..4].copy_from_slice(b"LPNC");
        blob[4] = 1;
        blob[32] = 2;
        blob[38..40].copy_from_slice(&flags.to_le_bytes());
        for crossing in 0..4i32 {
            blob.extend((crossing << 28).to_le_bytes());
            blob.extend((-crossing << 28).to_le_bytes());
        }
        blob
    }

    #[test]
    fn errors_are_angles() {
        let splitters = Splitters::of_calibration(&blob(1)).unwrap();
        assert_eq!(splitters.alpha.len(), 4);
        assert!((splitters.alpha[1] - TAU / 16.0).abs() < 1e-12);
        assert!((splitters.beta[2] + TAU / 8.0).abs() < 1e-12);
    }

    #[test]
    fn what_does_not_know_them_has_none() {
        assert_eq!(Splitters::of_calibration(&blob(0)), None);
        let short = blob(1);
        assert_eq!(Splitters::of_calibration(&short[..short.len() - 1]), None);
        assert_eq!(Splitters::of_calibration(&[]), None);
        assert_eq!(Splitters::of_calibration(&[0; 200]), None);
    }
}
