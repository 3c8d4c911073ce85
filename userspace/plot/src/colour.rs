// SPDX-License-Identifier: GPL-2.0

//! Colours: of groups and series, of text, and the scale of heat maps.

/// Red, green and blue of sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rgb(pub(crate) u8, pub(crate) u8, pub(crate) u8);

pub(crate) const WHITE: Rgb = Rgb(255, 255, 255);
/// Titles and lines of a single quantity.
pub(crate) const INK: Rgb = Rgb(0x1f, 0x29, 0x33);
/// Axis labels and notes: 5.6 to 1 on white.
pub(crate) const MUTED: Rgb = Rgb(0x5f, 0x6b, 0x78);
pub(crate) const AXIS: Rgb = Rgb(0x9a, 0xa5, 0xb1);
pub(crate) const GRID: Rgb = Rgb(0xe4, 0xe7, 0xeb);
/// Background of a panel.
pub(crate) const PANEL: Rgb = Rgb(0xfa, 0xfb, 0xfc);
/// Cells of a heat map without a value.
pub(crate) const NO_DATA: Rgb = Rgb(0xd9, 0xdd, 0xe2);

/// Colours before they repeat.
pub(crate) const COLOURS: usize = 6;

/// Colours that stay apart with each of the common forms of colour blindness:
/// Okabe and Ito, "Color Universal Design", 2008. Its yellow is left out, as too
/// light on white; its sky blue and orange come last.
const SERIES: [Rgb; COLOURS] = [
    Rgb(0x00, 0x72, 0xb2),
    Rgb(0xd5, 0x5e, 0x00),
    Rgb(0x00, 0x9e, 0x73),
    Rgb(0xcc, 0x79, 0xa7),
    Rgb(0xe6, 0x9f, 0x00),
    Rgb(0x56, 0xb4, 0xe9),
];

/// Colour of group or series `index`; they repeat after [`COLOURS`].
pub(crate) fn series(index: usize) -> Rgb {
    SERIES.get(index % COLOURS).copied().unwrap_or(INK)
}

/// `share` (0 to 1) of `a`, the rest of `b`.
pub(crate) fn mix(a: Rgb, b: Rgb, share: f64) -> Rgb {
    let channel = |a: u8, b: u8| {
        (f64::from(a) * share + f64::from(b) * (1.0 - share))
            .round()
            .clamp(0.0, 255.0) as u8
    };
    Rgb(channel(a.0, b.0), channel(a.1, b.1), channel(a.2, b.2))
}

/// Steps of the heat map scale.
pub(crate) const STEPS: usize = 255;

/// The scale of heat maps, from dark violet by blue and green to yellow: a curve
/// in Oklab (Ottosson, 2020) with lightness rising all along, cut in steps of
/// equal length there, so that equal differences of a value look equal.
pub(crate) fn scale() -> Vec<Rgb> {
    const FINE: usize = 4096;
    let curve: Vec<[f64; 3]> = (0..=FINE).map(|i| curve(i as f64 / FINE as f64)).collect();
    let mut length = vec![0.0];
    for pair in curve.windows(2) {
        if let [a, b] = pair {
            let step = (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f64>().sqrt();
            length.push(length.last().unwrap_or(&0.0) + step);
        }
    }
    let whole = length.last().copied().unwrap_or(0.0);
    (0..STEPS)
        .map(|i| {
            let at = whole * i as f64 / (STEPS - 1) as f64;
            let place = length.partition_point(|&l| l < at).min(FINE);
            to_rgb(curve[place]).1
        })
        .collect()
}

/// Oklab at `t` (0 to 1) of the scale. Its chroma is least where sRGB has the
/// least room, at blue-green, and nowhere outside sRGB.
fn curve(t: f64) -> [f64; 3] {
    let lightness = 0.27 + 0.65 * t;
    let hue = (305.0 - 200.0 * t).to_radians();
    let chroma = 0.098 + 0.2 * (t - 0.45).powi(2);
    [lightness, chroma * hue.cos(), chroma * hue.sin()]
}

/// sRGB of an Oklab colour, and whether it is within sRGB.
fn to_rgb([lightness, a, b]: [f64; 3]) -> (bool, Rgb) {
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    let linear = [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ];
    let inside = linear.iter().all(|c| (0.0..=1.0).contains(c));
    let [r, g, b] = linear.map(|c| {
        let c = c.clamp(0.0, 1.0);
        let c = if c <= 0.003_130_8 {
            12.92 * c
        } else {
            1.055 * c.powf(1.0 / 2.4) - 0.055
        };
        (c * 255.0).round() as u8
    });
    (inside, Rgb(r, g, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CIELAB (D65), by the formulas of CIE 15 and IEC 61966-2-1: another space
    /// than the one the scale is made in.
    fn cielab(Rgb(r, g, b): Rgb) -> [f64; 3] {
        let [r, g, b] = [r, g, b].map(|c| {
            let c = f64::from(c) / 255.0;
            if c <= 0.040_45 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        });
        let x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505;
        let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
        let z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089;
        let [x, y, z] = [x, y, z].map(|v| {
            if v > 216.0 / 24_389.0 {
                v.cbrt()
            } else {
                (v * 24_389.0 / 27.0 + 16.0) / 116.0
            }
        });
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    #[test]
    fn scale_is_even() {
        let lab: Vec<_> = scale().into_iter().map(cielab).collect();
        assert_eq!(lab.len(), STEPS);
        assert!(lab[0][0] < 20.0 && lab[STEPS - 1][0] > 85.0);
        for pair in lab.windows(8) {
            assert!(pair[7][0] > pair[0][0], "lightness falls: {pair:?}");
        }
        let steps: Vec<f64> = lab
            .windows(17)
            .map(|w| {
                (0..3)
                    .map(|k| (w[0][k] - w[16][k]).powi(2))
                    .sum::<f64>()
                    .sqrt()
            })
            .collect();
        let least = steps.iter().copied().fold(f64::INFINITY, f64::min);
        let most = steps.iter().copied().fold(0.0, f64::max);
        assert!(most < 2.0 * least, "steps from {least} to {most}");
    }

    #[test]
    fn scale_is_within_srgb() {
        for i in 0..=100 {
            assert!(to_rgb(curve(f64::from(i) / 100.0)).0, "{i}");
        }
    }

    #[test]
    fn text_is_readable() {
        let luminance = |c| ((cielab(c)[0] + 16.0) / 116.0).powi(3);
        for colour in [INK, MUTED] {
            assert!(1.05 / (luminance(colour) + 0.05) > 4.5);
        }
    }
}
