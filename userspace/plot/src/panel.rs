// SPDX-License-Identifier: GPL-2.0

//! What drawings over time share: panels one below the other with one time axis,
//! a title, a note, and lines through readings.

use crate::axis::{Range, Ticks};
use crate::colour::{Rgb, AXIS, GRID, INK, MUTED, PANEL};
use crate::font;
use crate::scene::{Anchor, Item, Scene, Style, Weight};

/// Distance of all that is drawn from the edges.
pub(crate) const EDGE: f64 = 24.0;
/// Space above a panel, for its name.
pub(crate) const NAME: f64 = 32.0;
/// Space below the last panel, for the ticks and name of the x axis.
pub(crate) const FOOT: f64 = 58.0;

const fn style(size: f64, weight: Weight, colour: Rgb, anchor: Anchor) -> Style {
    Style {
        size,
        weight,
        colour,
        anchor,
    }
}

pub(crate) const TITLE: Style = style(20.0, Weight::Medium, INK, Anchor::Start);
pub(crate) const NOTE: Style = style(12.5, Weight::Regular, MUTED, Anchor::Start);
pub(crate) const HEADING: Style = style(13.0, Weight::Medium, INK, Anchor::Start);
pub(crate) const UNIT: Style = style(12.0, Weight::Regular, MUTED, Anchor::Start);
pub(crate) const TICK: Style = style(11.0, Weight::Regular, MUTED, Anchor::End);
pub(crate) const TICK_X: Style = style(11.0, Weight::Regular, MUTED, Anchor::Middle);
pub(crate) const AXIS_NAME: Style = style(12.5, Weight::Regular, INK, Anchor::Middle);

/// Width of `text` in `style`.
pub(crate) fn width(text: &str, style: Style) -> f64 {
    font::width(text, style.size, style.weight)
}

/// `text`, cut to `room` pixels.
pub(crate) fn fit(text: &str, style: Style, room: f64) -> String {
    font::fit(text, style.size, style.weight, room)
}

/// A rectangle of the drawing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Area {
    pub(crate) fn right(&self) -> f64 {
        self.x + self.width
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.y + self.height
    }
}

/// Title and note at the top; the y below them.
pub(crate) fn head(scene: &mut Scene, title: &str, note: &str) -> f64 {
    let room = f64::from(scene.size.width()) - 2.0 * EDGE;
    let mut y = EDGE;
    if !title.is_empty() {
        scene.text(EDGE, y + 16.0, TITLE, fit(title, TITLE, room));
        y += 26.0;
    }
    if !note.is_empty() {
        scene.text(EDGE, y + 13.0, NOTE, fit(note, NOTE, room));
        y += 20.0;
    }
    y
}

/// Name of a panel and its unit, above it; the x where they end.
pub(crate) fn heading(scene: &mut Scene, area: Area, name: &str, unit: &str, room: f64) -> f64 {
    let name = fit(name, HEADING, room);
    let mut x = area.x;
    let y = area.y - 9.0;
    if !name.is_empty() {
        scene.text(x, y, HEADING, name.clone());
        x += width(&name, HEADING) + 6.0;
    }
    let unit = fit(unit, UNIT, room - (x - area.x));
    if !unit.is_empty() {
        scene.text(x, y, UNIT, unit.clone());
        x += width(&unit, UNIT);
    }
    x
}

/// Ground of a panel with the grid of both axes, and the labels of the y axis.
pub(crate) fn ground(scene: &mut Scene, area: Area, x: Range, y: Range) {
    scene.rect(area.x, area.y, area.width, area.height, PANEL);
    let ticks = y_ticks(area.height, y);
    let mut lines = grid(area, x);
    let mut labels = Vec::new();
    for value in &ticks.at {
        let at = area.bottom() - y.place(*value) * area.height;
        lines.push([area.x, at, area.right(), at]);
        labels.push((at, ticks.label(*value)));
    }
    scene.strokes(&lines, 1.0, GRID);
    for (at, label) in labels {
        scene.text(area.x - 7.0, at + 3.8, TICK, label);
    }
}

/// Room that the labels of the y axis take to the left of a panel.
pub(crate) fn label_room(height: f64, y: Range) -> f64 {
    let ticks = y_ticks(height, y);
    let widest = ticks
        .at
        .iter()
        .map(|v| width(&ticks.label(*v), TICK))
        .fold(0.0, f64::max);
    widest + 7.0
}

/// Vertical lines of a panel.
pub(crate) fn grid(area: Area, x: Range) -> Vec<[f64; 4]> {
    x_ticks(area, x)
        .at
        .iter()
        .map(|value| area.x + x.place(*value) * area.width)
        .map(|at| [at, area.y, at, area.bottom()])
        .collect()
}

fn y_ticks(height: f64, y: Range) -> Ticks {
    y.ticks((height / 26.0).max(2.0))
}

fn x_ticks(area: Area, x: Range) -> Ticks {
    x.ticks(area.width / 90.0)
}

/// The x axis, below the last panel.
pub(crate) fn x_axis(scene: &mut Scene, area: Area, x: Range, name: &str) {
    let ticks = x_ticks(area, x);
    let bottom = area.bottom();
    let mut lines = vec![[area.x, bottom, area.right(), bottom]];
    let mut free = f64::NEG_INFINITY;
    for value in &ticks.at {
        let at = area.x + x.place(*value) * area.width;
        lines.push([at, bottom, at, bottom + 5.0]);
        let label = ticks.label(*value);
        let half = width(&label, TICK_X) / 2.0;
        if at - half > free {
            scene.text(at, bottom + 18.0, TICK_X, label);
            free = at + half + 6.0;
        }
    }
    scene.strokes(&lines, 1.0, AXIS);
    scene.text(
        area.x + area.width / 2.0,
        bottom + 40.0,
        AXIS_NAME,
        fit(name, AXIS_NAME, area.width),
    );
}

/// Line through `points` within the panel. Where a point is not a finite number
/// the line is broken; where there are many more points than pixels, those of one
/// pixel column become the first, least, greatest and last of them.
pub(crate) fn trace(
    scene: &mut Scene,
    area: Area,
    (x, y): (Range, Range),
    points: &[(f64, f64)],
    (stroke, dashes): (Rgb, Option<(f64, f64)>),
) {
    let mut lines = Vec::new();
    let mut line = Vec::new();
    for &(time, value) in points {
        if !time.is_finite() || !value.is_finite() {
            lines.push(std::mem::take(&mut line));
        } else if x.contains(time) {
            line.push((
                area.x + x.place(time) * area.width,
                area.bottom() - y.place(value) * area.height,
            ));
        }
    }
    lines.push(line);
    for line in &mut lines {
        if line.len() as f64 > 4.0 * area.width {
            *line = thin(line);
        }
        if let [only] = line[..] {
            // A point alone would not show.
            *line = vec![(only.0 - 1.5, only.1), (only.0 + 1.5, only.1)];
        }
    }
    lines.retain(|line| !line.is_empty());
    if !lines.is_empty() {
        scene.items.push(Item::Lines {
            lines,
            width: 1.5,
            dashes,
            stroke,
        });
    }
}

/// First, least, greatest and last point of each pixel column, in their order.
fn thin(line: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut kept = Vec::new();
    for column in line.chunk_by(|a, b| a.0.floor() == b.0.floor()) {
        let by_height = |a: &usize, b: &usize| column[*a].1.total_cmp(&column[*b].1);
        let mut of = vec![0, column.len() - 1];
        of.extend((0..column.len()).min_by(by_height));
        of.extend((0..column.len()).max_by(by_height));
        of.sort_unstable();
        of.dedup();
        kept.extend(of.into_iter().map(|i| column[i]));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_extremes() {
        let line: Vec<(f64, f64)> = (0..10_000)
            .map(|i| (f64::from(i) / 1000.0, if i == 4321 { 9.0 } else { 1.0 }))
            .collect();
        let thinned = thin(&line);
        assert!(thinned.len() <= 40);
        assert!(thinned.contains(&(4.321, 9.0)));
        assert_eq!((thinned[0], thinned.last()), (line[0], line.last()));
    }
}
