// SPDX-License-Identifier: GPL-2.0

//! Drawings of what networks and devices do, as SVG and PNG: spikes and membrane
//! potentials ([`Raster`]), load per layer and expert ([`HeatMap`]), readings
//! over time ([`Lines`]).
//!
//! ```
//! use lightos_plot::{Group, Raster, Size};
//!
//! let raster = Raster {
//!     title: "Two populations".into(),
//!     t_max: 300.0,
//!     time_unit: "ms".into(),
//!     groups: vec![
//!         Group { name: "input".into(), neurons: 64 },
//!         Group { name: "output".into(), neurons: 10 },
//!     ],
//!     spikes: vec![(12.5, 3), (14.0, 40), (15.0, 67)],
//!     voltages: vec![],
//! };
//! let svg = raster.to_svg(Size::new(1000, 600)?);
//! let png = raster.to_png(Size::new(1000, 600)?.scaled(2.0)?)?;
//! # assert!(svg.starts_with("<svg") && png.starts_with(b"\x89PNG"));
//! # Ok::<(), lightos_plot::Error>(())
//! ```
//!
//! A drawing never fails for what its data are, and never hides that it left
//! something out: points that are not finite numbers break a line, and spikes and
//! cells that cannot be drawn are counted in a note below the title. The same
//! data give the same bytes.
//!
//! # Sizes
//!
//! A raster draws its spikes one by one, in one path a group, up to
//! [`EXACT_SPIKES`]; the rest becomes one image a group, with a cell for each
//! pixel. Lines of more points than pixels keep the extremes of each pixel
//! column. A heat map is one image. So the size of a file has a bound that
//! follows from the size of the drawing, not from the data.
//!
//! # Text
//!
//! The font is Go Regular and Go Medium by Bigelow & Holmes, under a BSD licence
//! (`fonts/LICENSE`), embedded as a subset of 90 KiB: Latin, Greek, and signs.
//! PNG needs no font of the system. SVG names the font and others of about its
//! width; its text stays text. What the font lacks is a box in PNG.
//!
//! # Dependencies
//!
//! | crate | why |
//! |---|---|
//! | tiny-skia | anti-aliased paths, without C (`resvg` would parse the SVG that we just wrote, with some thirty crates more) |
//! | ttf-parser | outlines of glyphs, without unsafe code |
//! | png | PNG files, and indexed images within SVG; tiny-skia uses it too |
//! | base64 | images within SVG |
//! | thiserror | error enumerations |
//! | resvg (tests) | draws our SVG, to compare with our PNG |
//! | roxmltree (tests) | parses our SVG |
//! | proptest (tests) | hostile data |

#![forbid(unsafe_code)]

mod axis;
mod colour;
mod error;
mod font;
mod heat_map;
mod lines;
mod panel;
mod png;
mod raster;
mod scene;
mod svg;

pub use error::Error;
pub use heat_map::HeatMap;
pub use lines::{Lines, Panel, Series};
pub use raster::{Group, Raster, Trace, EXACT_SPIKES};

/// Size of a drawing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    width: u32,
    height: u32,
    scale: f32,
}

impl Size {
    /// Least width and height: below, there is no room for labels.
    pub const LEAST: u32 = 200;
    /// Greatest width and height, and greatest pixels of one side of a PNG.
    pub const MOST: u32 = 16_384;
    /// Most pixels of a PNG; drawing it takes 7 bytes for each.
    pub const PIXELS: u64 = 1 << 26;

    /// A drawing of `width` by `height` pixels (SVG: user units).
    ///
    /// # Errors
    ///
    /// [`Error::Size`] if one of them is not within [`Size::LEAST`] and
    /// [`Size::MOST`], or both together are above [`Size::PIXELS`].
    pub fn new(width: u32, height: u32) -> Result<Self, Error> {
        let range = Self::LEAST..=Self::MOST;
        let pixels = u64::from(width) * u64::from(height);
        if !range.contains(&width) || !range.contains(&height) || pixels > Self::PIXELS {
            return Err(Error::Size { width, height });
        }
        Ok(Self {
            width,
            height,
            scale: 1.0,
        })
    }

    /// The same drawing with `scale` pixels for each pixel of a PNG: 2 for screens
    /// of high density, 3 for paper. SVG has no pixels and stays as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Scale`] if `scale` is not within 0.25 and 8, [`Error::Size`] if the
    /// result has too many pixels.
    pub fn scaled(self, scale: f32) -> Result<Self, Error> {
        if !(0.25..=8.0).contains(&scale) {
            return Err(Error::Scale(scale));
        }
        let scaled = Self { scale, ..self };
        let (width, height) = scaled.pixels();
        let pixels = u64::from(width) * u64::from(height);
        if width.max(height) > Self::MOST || pixels > Self::PIXELS {
            return Err(Error::Size { width, height });
        }
        Ok(scaled)
    }

    /// Width, before scaling.
    pub fn width(self) -> u32 {
        self.width
    }

    /// Height, before scaling.
    pub fn height(self) -> u32 {
        self.height
    }

    /// Width and height of the PNG.
    pub fn pixels(self) -> (u32, u32) {
        let scaled = |v: u32| (v as f32 * self.scale).round() as u32;
        (scaled(self.width), scaled(self.height))
    }

    fn scale(self) -> f32 {
        self.scale
    }
}

/// `to_svg` and `to_png` of a drawing with a method `scene`.
macro_rules! drawing {
    ($name:ident) => {
        impl $name {
            /// The drawing as an SVG file.
            pub fn to_svg(&self, size: Size) -> String {
                $crate::svg::write(&self.scene(size))
            }

            /// The drawing as a PNG file.
            ///
            /// # Errors
            ///
            /// [`Error::Png`](crate::Error::Png) if it cannot be encoded.
            pub fn to_png(&self, size: Size) -> Result<Vec<u8>, $crate::Error> {
                $crate::png::write(&self.scene(size))
            }
        }
    };
}
use drawing;
