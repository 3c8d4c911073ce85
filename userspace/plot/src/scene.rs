// SPDX-License-Identifier: GPL-2.0

//! What a drawing is made of, before it becomes SVG or PNG.
//!
//! Lengths are pixels, x to the right and y down, from the upper left corner.

use crate::colour::Rgb;
use crate::Size;

/// Weight of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Medium,
}

/// Which part of a text stands at its x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// Font, colour and place of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) size: f64,
    pub(crate) weight: Weight,
    pub(crate) colour: Rgb,
    pub(crate) anchor: Anchor,
}

/// One thing to draw. Later items cover earlier ones.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Rect {
        x: f64,
        y: f64,
        width: f64,
        height: f64,
        fill: Rgb,
    },
    /// Vertical dashes, all of one length, from their upper ends.
    Marks {
        from: Vec<(f64, f64)>,
        height: f64,
        width: f64,
        stroke: Rgb,
    },
    /// Lines through points; each inner list is a line of its own.
    Lines {
        lines: Vec<Vec<(f64, f64)>>,
        width: f64,
        dashes: Option<(f64, f64)>,
        stroke: Rgb,
    },
    /// Cells of equal size, row after row, each an index of `palette`.
    Cells {
        x: f64,
        y: f64,
        width: f64,
        height: f64,
        columns: usize,
        palette: Vec<(Rgb, u8)>,
        cells: Vec<u8>,
    },
    /// A line of text with its baseline at y; `upright` turns it by 90 degrees
    /// to read upwards.
    Text {
        x: f64,
        y: f64,
        style: Style,
        upright: bool,
        text: String,
    },
}

/// A whole drawing, on white.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) size: Size,
    pub(crate) title: String,
    pub(crate) items: Vec<Item>,
}

impl Scene {
    pub(crate) fn new(size: Size, title: &str) -> Self {
        Self {
            size,
            title: title.to_owned(),
            items: Vec::new(),
        }
    }

    pub(crate) fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, fill: Rgb) {
        self.items.push(Item::Rect {
            x,
            y,
            width,
            height,
            fill,
        });
    }

    pub(crate) fn text(&mut self, x: f64, y: f64, style: Style, text: impl Into<String>) {
        self.items.push(Item::Text {
            x,
            y,
            style,
            upright: false,
            text: text.into(),
        });
    }

    /// Horizontal and vertical lines, each from one point to another. Lines of one
    /// pixel fill one row or column of pixels rather than half of two.
    pub(crate) fn strokes(&mut self, ends: &[[f64; 4]], width: f64, stroke: Rgb) {
        let snap = |v: f64| if width == 1.0 { v.floor() + 0.5 } else { v };
        if ends.is_empty() {
            return;
        }
        self.items.push(Item::Lines {
            lines: ends
                .iter()
                .map(|&[x0, y0, x1, y1]| {
                    if x0 == x1 {
                        vec![(snap(x0), y0), (snap(x1), y1)]
                    } else {
                        vec![(x0, snap(y0)), (x1, snap(y1))]
                    }
                })
                .collect(),
            width,
            dashes: None,
            stroke,
        });
    }
}
