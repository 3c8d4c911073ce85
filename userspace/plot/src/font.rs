// SPDX-License-Identifier: GPL-2.0

//! The embedded font: widths and outlines of text.

use tiny_skia::{Path, PathBuilder};
use ttf_parser::{Face, OutlineBuilder};

use crate::scene::Weight;

static REGULAR: &[u8] = include_bytes!("../fonts/Go-Regular.ttf");
static MEDIUM: &[u8] = include_bytes!("../fonts/Go-Medium.ttf");

fn face(weight: Weight) -> Option<Face<'static>> {
    let data = match weight {
        Weight::Regular => REGULAR,
        Weight::Medium => MEDIUM,
    };
    Face::parse(data, 0).ok()
}

/// Advance of `c` in units of the font size. What the font lacks is a box.
fn advance(face: &Face<'_>, c: char) -> f64 {
    let glyph = face.glyph_index(c).unwrap_or_default();
    f64::from(face.glyph_hor_advance(glyph).unwrap_or(0)) / f64::from(face.units_per_em())
}

/// Width of `text` in pixels.
pub(crate) fn width(text: &str, size: f64, weight: Weight) -> f64 {
    face(weight).map_or(0.0, |face| {
        text.chars().map(|c| advance(&face, c)).sum::<f64>() * size
    })
}

/// `text`, or as much of its start as fits `room` pixels with an ellipsis.
pub(crate) fn fit(text: &str, size: f64, weight: Weight, room: f64) -> String {
    let Some(face) = face(weight) else {
        return text.to_owned();
    };
    let ellipsis = advance(&face, '…') * size;
    let (mut used, mut kept) = (0.0, 0);
    for (at, c) in text.char_indices() {
        if used + ellipsis <= room {
            kept = at;
        }
        used += advance(&face, c) * size;
        if used > room {
            return match text.get(..kept) {
                Some(start) if kept > 0 => format!("{}…", start.trim_end()),
                _ => String::new(),
            };
        }
    }
    text.to_owned()
}

/// Outline of `text`, its baseline from (0, 0) to the right; none if it is blank.
pub(crate) fn outline(text: &str, size: f64, weight: Weight) -> Option<Path> {
    let face = face(weight)?;
    let mut pen = Pen {
        path: PathBuilder::new(),
        scale: size as f32 / f32::from(face.units_per_em()),
        x: 0.0,
    };
    for c in text.chars() {
        let glyph = face.glyph_index(c).unwrap_or_default();
        face.outline_glyph(glyph, &mut pen);
        pen.x += (advance(&face, c) * size) as f32;
    }
    pen.path.finish()
}

/// Moves glyphs from units of the font, y up, to pixels.
struct Pen {
    path: PathBuilder,
    scale: f32,
    x: f32,
}

impl Pen {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, -y * self.scale)
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_to_fit() {
        let text = "a label that is too long";
        let whole = width(text, 12.0, Weight::Regular);
        assert!(whole > 50.0);
        assert_eq!(fit(text, 12.0, Weight::Regular, whole + 0.001), text);
        let cut = fit(text, 12.0, Weight::Regular, 60.0);
        assert!(cut.ends_with('…') && width(&cut, 12.0, Weight::Regular) <= 60.0);
        assert_eq!(fit(text, 12.0, Weight::Regular, 3.0), "");
    }

    #[test]
    fn outlines_of_known_and_unknown() {
        assert!(outline("0 µV ≥ −1 Ω", 12.0, Weight::Medium).is_some());
        assert!(outline("漢", 12.0, Weight::Regular).is_some());
        assert!(outline("  ", 12.0, Weight::Regular).is_none());
        for c in "0123456789.,−×µ°·…–ΩαβΔ≤≥±→".chars() {
            for weight in [Weight::Regular, Weight::Medium] {
                assert!(face(weight).unwrap().glyph_index(c).is_some(), "{c}");
            }
        }
    }
}
