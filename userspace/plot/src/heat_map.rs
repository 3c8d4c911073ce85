// SPDX-License-Identifier: GPL-2.0

//! Values of a table as colours.

use crate::axis::{count, Range};
use crate::colour::{scale, AXIS, NO_DATA, STEPS, WHITE};
use crate::panel::{fit, head, width, Area, AXIS_NAME, EDGE, FOOT, TICK, TICK_X, UNIT};
use crate::scene::{Anchor, Item, Scene, Style};
use crate::{drawing, Size};

/// Width of the colour bar.
const BAR: f64 = 14.0;

/// Heat map: a cell for each row and column, row 0 at the top.
///
/// The colours are of equal perceived distance, from dark violet (low) to yellow
/// (high), and in order of lightness, so that they stay in order without colour.
/// They begin at 0, unless there are values below 0 or the least value is above
/// half of the greatest. Where cells are smaller than a pixel, a pixel has the
/// greatest of its cells, as an overload must not vanish.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeatMap {
    /// Title; may be empty.
    pub title: String,
    /// What the columns are, for instance `expert`.
    pub x_label: String,
    /// What the rows are, for instance `layer`.
    pub y_label: String,
    /// Number of columns.
    pub columns: u32,
    /// Number of rows.
    pub rows: u32,
    /// Values, row after row. Those missing at the end, and those that are not
    /// finite numbers, are grey cells, and a note tells how many; what is left
    /// over after the last cell is not drawn.
    pub values: Vec<f64>,
    /// Unit of the values, at the colour bar.
    pub unit: String,
}

drawing!(HeatMap);

impl HeatMap {
    fn cells_wanted(&self) -> usize {
        (self.columns as usize).saturating_mul(self.rows as usize)
    }

    fn known(&self) -> impl Iterator<Item = f64> + '_ {
        let cells = self.values.iter().take(self.cells_wanted());
        cells.copied().filter(|v| v.is_finite())
    }

    fn range(&self) -> Range {
        let range = Range::of(self.known());
        let high = self.known().fold(0.0, f64::max);
        let low = self.known().fold(high, f64::min);
        if low >= 0.0 && low <= 0.5 * high {
            Range::new(0.0, high)
        } else if low == 0.0 && high == 0.0 {
            Range::new(0.0, 1.0)
        } else {
            range
        }
    }

    fn note(&self) -> String {
        let unknown = self.cells_wanted() - self.known().count();
        if unknown == 0 {
            String::new()
        } else {
            format!(
                "grey: no value ({} of {} cells)",
                count(unknown),
                count(self.cells_wanted())
            )
        }
    }

    fn scene(&self, size: Size) -> Scene {
        let mut scene = Scene::new(size, &self.title);
        let top = head(&mut scene, &self.title, &self.note()) + 12.0;
        let range = self.range();
        let bar = range.ticks((f64::from(size.height()) - top - FOOT) / 36.0);
        let bar_room = BAR
            + 10.0
            + bar
                .at
                .iter()
                .map(|v| width(&bar.label(*v), TICK))
                .fold(0.0, f64::max);
        let left = EDGE + 22.0 + width(&count(self.rows as usize), TICK) + 8.0;
        let unit_room = if self.unit.is_empty() { 0.0 } else { 20.0 };
        let room = Area {
            x: left.round(),
            y: (top + unit_room).round(),
            width: (f64::from(size.width()) - left - EDGE - bar_room - 24.0)
                .floor()
                .max(10.0),
            height: (f64::from(size.height()) - top - unit_room - FOOT)
                .floor()
                .max(10.0),
        };
        let area = Area {
            width: whole_pixels(room.width, self.columns),
            height: whole_pixels(room.height, self.rows),
            ..room
        };
        self.draw_cells(&mut scene, area, range);
        self.draw_axes(&mut scene, area);
        self.draw_bar(&mut scene, area, range);
        scene
    }

    /// Palette index of each pixel, or of each cell where cells are larger.
    fn draw_cells(&self, scene: &mut Scene, area: Area, range: Range) {
        scene.rect(area.x, area.y, area.width, area.height, NO_DATA);
        let columns = (self.columns as usize).min(area.width as usize);
        let rows = (self.rows as usize).min(area.height as usize);
        if columns == 0 || rows == 0 {
            return;
        }
        let mut cells = vec![0u8; columns * rows];
        for (i, value) in self.values.iter().take(self.cells_wanted()).enumerate() {
            if !value.is_finite() {
                continue;
            }
            let column = i % self.columns as usize * columns / self.columns as usize;
            let row = i / self.columns as usize * rows / self.rows as usize;
            let step = (range.place(*value) * (STEPS - 1) as f64).round();
            let cell = &mut cells[row * columns + column];
            *cell = (*cell).max(1 + step.clamp(0.0, (STEPS - 1) as f64) as u8);
        }
        let mut palette = vec![(NO_DATA, 255)];
        palette.extend(scale().into_iter().map(|c| (c, 255)));
        scene.items.push(Item::Cells {
            x: area.x,
            y: area.y,
            width: area.width,
            height: area.height,
            columns,
            palette,
            cells,
        });
        self.draw_seams(scene, area);
    }

    /// White lines between cells that are large enough for them.
    fn draw_seams(&self, scene: &mut Scene, area: Area) {
        let mut seams = Vec::new();
        let (dx, dy) = (
            area.width / f64::from(self.columns),
            area.height / f64::from(self.rows),
        );
        if dx >= 8.0 && dy >= 8.0 {
            for i in 1..self.columns {
                let x = area.x + f64::from(i) * dx;
                seams.push([x, area.y, x, area.bottom()]);
            }
            for i in 1..self.rows {
                let y = area.y + f64::from(i) * dy;
                seams.push([area.x, y, area.right(), y]);
            }
        }
        scene.strokes(&seams, 1.0, WHITE);
    }

    fn draw_axes(&self, scene: &mut Scene, area: Area) {
        let mut lines = Vec::new();
        let numbers = |n: u32| Range::new(0.0, f64::from(n.max(2) - 1));
        let columns = numbers(self.columns).whole_ticks(area.width / 60.0);
        for value in columns.at.iter().filter(|v| **v < f64::from(self.columns)) {
            let x = area.x + (value + 0.5) * area.width / f64::from(self.columns);
            lines.push([x, area.bottom() + 2.0, x, area.bottom() + 6.0]);
            scene.text(x, area.bottom() + 19.0, TICK_X, columns.label(*value));
        }
        let rows = numbers(self.rows).whole_ticks(area.height / 24.0);
        for value in rows.at.iter().filter(|v| **v < f64::from(self.rows)) {
            let y = area.y + (value + 0.5) * area.height / f64::from(self.rows);
            lines.push([area.x - 6.0, y, area.x - 2.0, y]);
            scene.text(area.x - 9.0, y + 3.8, TICK, rows.label(*value));
        }
        scene.strokes(&lines, 1.0, AXIS);
        let middle = area.x + area.width / 2.0;
        let name = fit(&self.x_label, AXIS_NAME, area.width);
        scene.text(middle, area.bottom() + 40.0, AXIS_NAME, name);
        scene.items.push(Item::Text {
            x: EDGE + 10.0,
            y: area.y + area.height / 2.0,
            style: AXIS_NAME,
            upright: true,
            text: fit(&self.y_label, AXIS_NAME, area.height),
        });
    }

    fn draw_bar(&self, scene: &mut Scene, area: Area, range: Range) {
        let x = area.right() + 24.0;
        let cells: Vec<u8> = (0..STEPS).rev().map(|i| i as u8).collect();
        scene.items.push(Item::Cells {
            x,
            y: area.y,
            width: BAR,
            height: area.height,
            columns: 1,
            palette: scale().into_iter().map(|c| (c, 255)).collect(),
            cells,
        });
        let ticks = range.ticks(area.height / 36.0);
        let style = Style {
            anchor: Anchor::Start,
            ..TICK
        };
        let mut lines = Vec::new();
        for value in &ticks.at {
            let y = area.bottom() - range.place(*value) * area.height;
            lines.push([x + BAR, y, x + BAR + 4.0, y]);
            scene.text(x + BAR + 7.0, y + 3.8, style, ticks.label(*value));
        }
        scene.strokes(&lines, 1.0, AXIS);
        self.draw_unit(scene, x, area.y - 9.0);
    }

    /// The unit above the colour bar: from its left edge, or to the edge of the
    /// drawing if it is too long for that.
    fn draw_unit(&self, scene: &mut Scene, x: f64, y: f64) {
        let end = f64::from(scene.size.width()) - EDGE;
        if width(&self.unit, UNIT) <= end + 12.0 - x {
            scene.text(x, y, UNIT, self.unit.clone());
            return;
        }
        let style = Style {
            anchor: Anchor::End,
            ..UNIT
        };
        scene.text(end, y, style, fit(&self.unit, UNIT, end - EDGE));
    }
}

/// The largest multiple of `cells` within `room`, if that is most of it: then all
/// cells are equally wide.
fn whole_pixels(room: f64, cells: u32) -> f64 {
    let cells = f64::from(cells.max(1));
    let whole = (room / cells).floor() * cells;
    if whole >= 0.75 * room {
        whole
    } else {
        room
    }
}
