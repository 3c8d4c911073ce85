// SPDX-License-Identifier: GPL-2.0

//! What light does in a mesh: from phases to the matrix.

use std::f64::consts::FRAC_PI_4;

use super::layout::Layout;
use super::{Complex, Matrix, ProgramError};

/// What a crossing does to the field on its two modes, row by row.
pub type Crossing = [[Complex; 2]; 2];

/// How far the splitters of each crossing are from 50:50, in radians.
#[derive(Clone, Debug, PartialEq)]
pub struct Splitters {
    /// Of the splitters that light passes first, a crossing each.
    pub alpha: Vec<f64>,
    /// Of the second.
    pub beta: Vec<f64>,
}

impl Splitters {
    /// Those of a perfect processor of `modes` modes.
    pub fn ideal(modes: usize) -> Self {
        let none = vec![0.0; modes * modes];
        Self {
            alpha: none.clone(),
            beta: none,
        }
    }

    /// Refuses errors that are not of a processor of this layout.
    pub(super) fn check(&self, layout: Layout) -> Result<(), ProgramError> {
        let (expected, errors) = (layout.crossings(), [&self.alpha, &self.beta]);
        match errors.into_iter().find(|e| e.len() != expected) {
            Some(list) => Err(ProgramError::Splitters {
                given: list.len(),
                expected,
            }),
            None if errors.into_iter().flatten().all(|e| e.is_finite()) => Ok(()),
            None => Err(ProgramError::NotFinite),
        }
    }
}

pub(super) fn splitter(error: f64) -> Crossing {
    let (through, across) = ((FRAC_PI_4 + error).cos(), (FRAC_PI_4 + error).sin());
    let (through, across) = (Complex::from(through), Complex::new(0.0, across));
    [[through, across], [across, through]]
}

fn product(a: &Crossing, b: &Crossing) -> Crossing {
    let element = |i: usize, j: usize| a[i][0] * b[0][j] + a[i][1] * b[1][j];
    [
        [element(0, 0), element(0, 1)],
        [element(1, 0), element(1, 1)],
    ]
}

/// A crossing of internal phase `theta` and external phase `phi`, in radians: φ on the top arm,
/// a splitter of error `alpha`, θ on the top arm, a splitter of error `beta`. Without errors
/// this is T of [`layout`](super::layout).
pub fn crossing(theta: f64, phi: f64, alpha: f64, beta: f64) -> Crossing {
    let top = |phase| {
        let turned = Complex::cis(phase);
        [[turned, Complex::ZERO], [Complex::ZERO, Complex::ONE]]
    };
    let first = product(&splitter(alpha), &top(phi));
    product(&splitter(beta), &product(&top(theta), &first))
}

/// Number of modes of a processor with so many channels.
pub(super) fn layout_of(channels: usize) -> Result<Layout, ProgramError> {
    let sizes = 2..=super::layout::MAX_MODES;
    let mut layouts = sizes.filter_map(Layout::new);
    layouts
        .find(|layout| layout.channels() == channels)
        .ok_or(ProgramError::Channels(channels))
}

/// The matrix of a processor whose channels have these phases, in radians, but for what its
/// waveguides lose.
pub fn simulate(phases: &[f64], splitters: &Splitters) -> Result<Matrix, ProgramError> {
    let layout = layout_of(phases.len())?;
    splitters.check(layout)?;
    let mut light = Matrix::identity(layout.modes());
    for index in 0..layout.columns() {
        pass(&mut light, layout, index, phases, splitters);
    }
    for mode in 0..layout.modes() {
        let turned = Complex::cis(phases[layout.screen(mode)]);
        scale_row(&mut light, mode, turned);
    }
    Ok(light)
}

/// Sends light, an input a column of the matrix, through a column of crossings.
pub(super) fn pass(
    light: &mut Matrix,
    layout: Layout,
    index: usize,
    phases: &[f64],
    splitters: &Splitters,
) {
    let column = layout.column(index);
    for nth in 0..column.count {
        let (at, top) = (column.first + nth, column.top + nth * column.stride);
        let (theta, phi) = (phases[layout.theta(at)], phases[layout.phi(at)]);
        let t = crossing(theta, phi, splitters.alpha[at], splitters.beta[at]);
        if index == layout.attenuators() {
            scale_row(light, top, t[0][0]);
        } else {
            mix_rows(light, top, &t);
        }
    }
}

pub(super) fn scale_row(light: &mut Matrix, row: usize, factor: Complex) {
    for j in 0..light.columns() {
        light[(row, j)] *= factor;
    }
}

/// Applies a crossing to the rows `top` and `top + 1`.
pub(super) fn mix_rows(light: &mut Matrix, top: usize, t: &Crossing) {
    for j in 0..light.columns() {
        let (a, b) = (light[(top, j)], light[(top + 1, j)]);
        light[(top, j)] = t[0][0] * a + t[0][1] * b;
        light[(top + 1, j)] = t[1][0] * a + t[1][1] * b;
    }
}
