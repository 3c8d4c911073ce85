// SPDX-License-Identifier: GPL-2.0

//! Matrices larger than a processor.

use super::layout::Layout;
use super::{Complex, Matrix, Multiply, Program, ProgramError};

/// A matrix in tiles of at most N x N, a program with a scale of its own each.
///
/// Sums over the tiles of a row are digital. Tiles of zeros take no light.
#[derive(Clone, Debug, PartialEq)]
pub struct Tiles {
    rows: usize,
    columns: usize,
    tiles: Vec<Tile>,
}

/// A tile and where it begins.
#[derive(Clone, Debug, PartialEq)]
struct Tile {
    top: usize,
    left: usize,
    program: Program,
}

impl Tiles {
    /// The tiles of a matrix for a processor of `modes` modes, 2 to 32.
    pub fn of(modes: usize, matrix: &Matrix) -> Result<Self, ProgramError> {
        Self::by(modes, matrix, |tile| Program::of(modes, tile))
    }

    /// The same with programs by `program`, such as those of [`Program::corrected`].
    pub fn by(
        modes: usize,
        matrix: &Matrix,
        mut program: impl FnMut(&Matrix) -> Result<Program, ProgramError>,
    ) -> Result<Self, ProgramError> {
        Layout::new(modes).ok_or(ProgramError::Modes(modes))?;
        let (rows, columns) = (matrix.rows(), matrix.columns());
        if rows == 0 || columns == 0 {
            return Err(ProgramError::Shape { rows, columns });
        }
        let mut tiles = Vec::new();
        for top in (0..rows).step_by(modes) {
            for left in (0..columns).step_by(modes) {
                let (high, wide) = ((rows - top).min(modes), (columns - left).min(modes));
                let part = matrix.part(top, left, high, wide);
                if part.values().iter().any(|&v| v != Complex::ZERO) {
                    let program = program(&part)?;
                    tiles.push(Tile { top, left, program });
                }
            }
        }
        Ok(Self {
            rows,
            columns,
            tiles,
        })
    }

    /// Rows of the whole matrix.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns of the whole matrix.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The programs, row of tiles after row of tiles, without those of zeros.
    pub fn programs(&self) -> impl Iterator<Item = &Program> {
        self.tiles.iter().map(|tile| &tile.program)
    }

    /// Multiplies vectors, one after the other, by the whole matrix. All vectors pass a tile
    /// before its program makes way for the next.
    pub fn multiply<M: Multiply>(
        &self,
        processor: &mut M,
        vectors: &[Complex],
    ) -> Result<Vec<Complex>, M::Error> {
        let (given, expected) = (vectors.len(), self.columns);
        if !given.is_multiple_of(expected) {
            return Err(ProgramError::Input { given, expected }.into());
        }
        let mut sums = vec![Complex::ZERO; given / expected * self.rows];
        for Tile { top, left, program } in &self.tiles {
            let (high, wide) = (program.matrix.rows(), program.matrix.columns());
            let whole = vectors.chunks(self.columns);
            let parts = whole.flat_map(|v| &v[*left..left + wide]).copied();
            let products = processor.multiply(program, &parts.collect::<Vec<_>>())?;
            for (sum, product) in sums.chunks_mut(self.rows).zip(products.chunks(high)) {
                let rows = sum[*top..].iter_mut().zip(product);
                rows.for_each(|(sum, product)| *sum += product);
            }
        }
        Ok(sums)
    }
}
