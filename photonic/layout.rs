// SPDX-License-Identifier: GPL-2.0

//! Which heater sits where in the mesh.
//!
//! A processor of N modes is one SVD core: a rectangular mesh (Clements et al., Optica 3, 1460,
//! 2016) for the right factor, a column of attenuators for the singular values, a second
//! rectangular mesh for the left factor, and a screen of N phases. It has N² crossings
//! (Mach-Zehnder interferometers) and 2N² + N heaters.
//!
//! Light passes the columns in order: 0 to N-1 the first mesh, N the attenuators, N+1 to 2N the
//! second mesh. Column k of a mesh has crossings on the modes (j, j+1) for j = k mod 2, then
//! every second j. An attenuator keeps its top output and dumps the other.
//!
//! A crossing of internal phase θ and external phase φ (both on the top arm, φ first) does
//!
//! ```text
//! T = i e^{iθ/2} [ e^{iφ} sin(θ/2)   cos(θ/2) ]
//!                [ e^{iφ} cos(θ/2)  -sin(θ/2) ]
//! ```
//!
//! to the field on its two modes. An attenuator does T11.
//!
//! Any context; no lock.

/// The greatest number of modes.
pub const MAX_MODES: usize = 32;
/// The greatest number of crossings.
pub const MAX_CROSSINGS: usize = MAX_MODES * MAX_MODES;
/// The greatest number of heaters.
pub const MAX_CHANNELS: usize = 2 * MAX_CROSSINGS + MAX_MODES;
/// Classes of neighbourhood between heaters, by distance: see [`Layout::neighbours`].
pub const CLASSES: usize = OFFSETS.len();

/// Distance along the light and across it, of each class.
pub const OFFSETS: [(i32, i32); 7] = [(1, 0), (0, 1), (1, 1), (2, 0), (0, 2), (2, 1), (1, 2)];

/// The numbering of a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    modes: usize,
}

/// One column of crossings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Index of its first crossing.
    pub first: usize,
    /// How many it has.
    pub count: usize,
    /// Upper mode of the first.
    pub top: usize,
    /// From the upper mode of one to that of the next: 2 in a mesh, 1 for attenuators.
    pub stride: usize,
}

impl Layout {
    /// A processor of `modes` modes, 2 to [`MAX_MODES`].
    pub const fn new(modes: usize) -> Option<Self> {
        if modes < 2 || modes > MAX_MODES {
            return None;
        }
        Some(Self { modes })
    }

    /// Modes N.
    pub const fn modes(self) -> usize {
        self.modes
    }

    /// Crossings: N².
    pub const fn crossings(self) -> usize {
        self.modes * self.modes
    }

    /// Heaters: 2N² + N.
    pub const fn channels(self) -> usize {
        2 * self.crossings() + self.modes
    }

    /// Columns of crossings: 2N + 1.
    pub const fn columns(self) -> usize {
        2 * self.modes + 1
    }

    /// The column of attenuators.
    pub const fn attenuators(self) -> usize {
        self.modes
    }

    /// Crossings of one mesh: N (N - 1) / 2.
    pub const fn mesh_crossings(self) -> usize {
        self.modes * (self.modes - 1) / 2
    }

    /// The column `index`, which is less than [`Self::columns`].
    pub const fn column(self, index: usize) -> Column {
        let n = self.modes;
        if index == n {
            return Column {
                first: self.mesh_crossings(),
                count: n,
                top: 0,
                stride: 1,
            };
        }
        let (base, k) = if index < n {
            (0, index)
        } else {
            (self.mesh_crossings() + n, index - n - 1)
        };
        // Even columns have n/2 crossings, odd ones (n-1)/2.
        let first = base + k.div_ceil(2) * (n / 2) + (k / 2) * ((n - 1) / 2);
        let count = if k % 2 == 0 { n / 2 } else { (n - 1) / 2 };
        Column {
            first,
            count,
            top: k % 2,
            stride: 2,
        }
    }

    /// Column and upper mode of a crossing, `None` past the last.
    pub fn place(self, crossing: usize) -> Option<(usize, usize)> {
        (0..self.columns()).find_map(|index| {
            let column = self.column(index);
            let nth = crossing.checked_sub(column.first)?;
            (nth < column.count).then(|| (index, column.top + nth * column.stride))
        })
    }

    /// The crossing with the upper mode `top` in the column `index`.
    pub fn crossing_at(self, index: usize, top: usize) -> Option<usize> {
        if index >= self.columns() {
            return None;
        }
        let column = self.column(index);
        let nth = top.checked_sub(column.top)?;
        let fits = nth % column.stride == 0 && nth / column.stride < column.count;
        fits.then(|| column.first + nth / column.stride)
    }

    /// The heater of the internal phase of a crossing.
    pub const fn theta(self, crossing: usize) -> usize {
        2 * crossing
    }

    /// The heater of the external phase of a crossing.
    pub const fn phi(self, crossing: usize) -> usize {
        2 * crossing + 1
    }

    /// The heater of the screen on a mode.
    pub const fn screen(self, mode: usize) -> usize {
        2 * self.crossings() + mode
    }

    /// Where a heater is: along the light, where a column is two units long (φ before θ), and
    /// across it, in modes. `None` past the last heater.
    pub fn site(self, channel: usize) -> Option<(i32, i32)> {
        if let Some(mode) = channel.checked_sub(2 * self.crossings()) {
            return (mode < self.modes).then_some((2 * self.columns() as i32, mode as i32));
        }
        let (column, top) = self.place(channel / 2)?;
        let along = 2 * column as i32 + i32::from(channel & 1 == 0);
        Some((along, top as i32))
    }

    /// The heater at a site.
    pub fn channel_at(self, along: i32, across: i32) -> Option<usize> {
        let along = usize::try_from(along).ok()?;
        let across = usize::try_from(across).ok()?;
        if along == 2 * self.columns() {
            return (across < self.modes).then(|| self.screen(across));
        }
        let crossing = self.crossing_at(along / 2, across)?;
        Some(match along % 2 {
            0 => self.phi(crossing),
            _ => self.theta(crossing),
        })
    }

    /// The heaters close to one that heat it a little too, each with its class: the index into
    /// [`OFFSETS`] of how far apart they are.
    pub fn neighbours(self, channel: usize) -> impl Iterator<Item = (usize, usize)> {
        let site = self.site(channel);
        let offsets = OFFSETS.iter().enumerate();
        offsets.flat_map(move |(class, &(along, across))| {
            // A zero has no sign: it must not count twice.
            let signs = [(1, 1), (-1, 1), (1, -1), (-1, -1)].into_iter();
            let distinct =
                signs.filter(move |&(a, b)| (along != 0 || a > 0) && (across != 0 || b > 0));
            distinct.filter_map(move |(a, b)| {
                let (x, y) = site?;
                let other = self.channel_at(x + a * along, y + b * across)?;
                Some((other, class))
            })
        })
    }
}
