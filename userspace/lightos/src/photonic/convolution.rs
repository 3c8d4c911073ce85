// SPDX-License-Identifier: GPL-2.0

//! Convolutions of images, as products of a matrix.
//!
//! Every kernel is a row of the matrix, every place of the image that the kernels look at a
//! vector (im2col). As in all networks, kernels are not mirrored.

use super::{Complex, Matrix, Multiply, ProgramError, Tiles};

/// Kernels of real numbers.
#[derive(Clone, Copy, Debug)]
pub struct Kernels<'a> {
    /// How many: channels of the output.
    pub count: usize,
    /// Channels of the image.
    pub channels: usize,
    /// Height of a kernel.
    pub height: usize,
    /// Width of a kernel.
    pub width: usize,
    /// Their numbers: kernel by kernel, channel by channel, row by row.
    pub values: &'a [f64],
}

/// A convolution in two dimensions.
#[derive(Clone, Debug)]
pub struct Convolution {
    /// The matrix: a row for each kernel.
    pub tiles: Tiles,
    channels: usize,
    kernel: (usize, usize),
    stride: usize,
    padding: usize,
}

impl Kernels<'_> {
    /// The matrix with a row for each kernel.
    pub fn matrix(&self) -> Result<Matrix, ProgramError> {
        let columns = self.channels * self.height * self.width;
        let (given, expected) = (self.values.len(), self.count * columns);
        if given != expected {
            return Err(ProgramError::Input { given, expected });
        }
        Ok(Matrix::from_real(self.count, columns, self.values))
    }
}

impl Convolution {
    /// A convolution for a processor of `modes` modes. Kernels move by `stride`, at least 1, over
    /// the image with `padding` zeros on each side.
    pub fn of(
        modes: usize,
        kernels: Kernels<'_>,
        stride: usize,
        padding: usize,
    ) -> Result<Self, ProgramError> {
        let tiles = Tiles::of(modes, &kernels.matrix()?)?;
        Ok(Self::on(tiles, kernels, stride, padding))
    }

    /// The same over tiles of [`Kernels::matrix`] that are there already.
    pub fn on(tiles: Tiles, kernels: Kernels<'_>, stride: usize, padding: usize) -> Self {
        Self {
            tiles,
            channels: kernels.channels,
            kernel: (kernels.height, kernels.width),
            stride: stride.max(1),
            padding,
        }
    }

    /// Height and width of the output for an image of that height and width; 0 where the kernels
    /// do not fit.
    pub fn shape(&self, height: usize, width: usize) -> (usize, usize) {
        let places =
            |size: usize, kernel: usize| match (size + 2 * self.padding).checked_sub(kernel) {
                Some(room) => room / self.stride + 1,
                None => 0,
            };
        (places(height, self.kernel.0), places(width, self.kernel.1))
    }

    /// Convolves an image: channel by channel, row by row, and so is the output.
    pub fn apply<M: Multiply>(
        &self,
        processor: &mut M,
        image: &[f64],
        height: usize,
        width: usize,
    ) -> Result<Vec<f64>, M::Error> {
        let (given, expected) = (image.len(), self.channels * height * width);
        if given != expected {
            return Err(ProgramError::Input { given, expected }.into());
        }
        let vectors = self.vectors(image, height, width);
        let products = self.tiles.multiply(processor, &vectors)?;
        let kernels = self.tiles.rows();
        let channel = |kernel| products.iter().skip(kernel).step_by(kernels);
        Ok((0..kernels).flat_map(channel).map(|v| v.re).collect())
    }

    /// What the kernels look at, place by place.
    fn vectors(&self, image: &[f64], height: usize, width: usize) -> Vec<Complex> {
        let (rows, columns) = self.shape(height, width);
        let mut vectors = Vec::with_capacity(rows * columns * self.tiles.columns());
        for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
            for channel in 0..self.channels {
                for (y, x) in
                    (0..self.kernel.0).flat_map(|y| (0..self.kernel.1).map(move |x| (y, x)))
                {
                    let y = (row * self.stride + y).checked_sub(self.padding);
                    let x = (column * self.stride + x).checked_sub(self.padding);
                    vectors.push(match (y, x) {
                        (Some(y), Some(x)) if y < height && x < width => {
                            image[(channel * height + y) * width + x].into()
                        }
                        _ => Complex::ZERO,
                    });
                }
            }
        }
        vectors
    }
}
