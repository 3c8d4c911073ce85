// SPDX-License-Identifier: GPL-2.0

//! What can go wrong with a drawing.

/// Error of a size or of a PNG.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A size outside what can be drawn: see [`crate::Size`].
    #[error("cannot draw {width} x {height} pixels")]
    Size {
        /// Width asked for, pixels.
        width: u32,
        /// Height asked for, pixels.
        height: u32,
    },
    /// A scale outside what can be drawn: see [`crate::Size::scaled`].
    #[error("cannot draw at {0} times the size")]
    Scale(f32),
    /// The PNG encoder refused.
    #[error("PNG: {0}")]
    Png(#[from] ::png::EncodingError),
}
