// SPDX-License-Identifier: GPL-2.0

//! Readings over time.

use crate::axis::Range;
use crate::colour::{series, Rgb, COLOURS};
use crate::panel::{
    fit, ground, head, heading, label_room, trace, width, x_axis, Area, EDGE, FOOT, NAME, UNIT,
};
use crate::scene::{Item, Scene};
use crate::{drawing, Size};

/// One line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Name, in the legend of its panel.
    pub name: String,
    /// Places on the x axis and values, in the order to join them. A point that
    /// is not a finite number breaks the line.
    pub points: Vec<(f64, f64)>,
}

/// Lines of one unit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// What is drawn, above the panel.
    pub name: String,
    /// Unit of the values.
    pub unit: String,
    /// The lines. Their names make the legend, cut to what fits beside the name
    /// of the panel. Up to 18 lines are told apart by colour and dashes.
    pub series: Vec<Series>,
}

/// Panels of lines, one below the other, with one x axis.
///
/// The x axis runs over all points of all panels, the y axis of a panel over the
/// points of that panel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lines {
    /// Title; may be empty.
    pub title: String,
    /// Name of the x axis, with its unit.
    pub x_label: String,
    /// The panels. Those without room are not drawn, and a note tells how many.
    pub panels: Vec<Panel>,
}

drawing!(Lines);

impl Lines {
    fn scene(&self, size: Size) -> Scene {
        let mut scene = Scene::new(size, &self.title);
        let points = || {
            let series = self.panels.iter().flat_map(|p| &p.series);
            series.flat_map(|s| s.points.iter())
        };
        let x = Range::of(points().filter(|p| p.1.is_finite()).map(|p| p.0));

        let most = ((f64::from(size.height()) - 90.0 - FOOT) / (30.0 + NAME)).max(1.0) as usize;
        let shown = &self.panels[..self.panels.len().min(most)];
        let hidden = self.panels.len() - shown.len();
        let note = if hidden > 0 {
            let all = self.panels.len();
            format!("{hidden} of {all} panels not drawn, for want of room")
        } else {
            String::new()
        };
        let top = head(&mut scene, &self.title, &note);
        let n = shown.len().max(1) as f64;
        let room = f64::from(size.height()) - top - FOOT;
        let height = (room / n - NAME).floor().max(10.0);
        let left = shown
            .iter()
            .map(|p| label_room(height, p.range()))
            .fold(20.0, f64::max);
        let mut area = Area {
            x: (EDGE + left).round(),
            y: (top + NAME).round(),
            width: (f64::from(size.width()) - 2.0 * EDGE - left).max(10.0),
            height,
        };
        for (i, panel) in shown.iter().enumerate() {
            if i > 0 {
                area.y = (area.bottom() + NAME).round();
            }
            draw_panel(&mut scene, area, panel, x);
        }
        if shown.is_empty() {
            ground(&mut scene, area, x, Range::new(0.0, 1.0));
        }
        x_axis(&mut scene, area, x, &self.x_label);
        scene
    }
}

impl Panel {
    fn range(&self) -> Range {
        let points = self.series.iter().flat_map(|s| s.points.iter());
        Range::of(points.filter(|p| p.0.is_finite()).map(|p| p.1)).padded(0.06)
    }
}

fn draw_panel(scene: &mut Scene, area: Area, panel: &Panel, x: Range) {
    let range = panel.range();
    ground(scene, area, x, range);
    let end = heading(scene, area, &panel.name, &panel.unit, area.width * 0.5);
    legend(scene, area, panel, end + 24.0);
    for (i, line) in panel.series.iter().enumerate() {
        trace(scene, area, (x, range), &line.points, look(i));
    }
}

/// Colour and dashes of line `index`: dashed from the seventh on, where colours
/// repeat, with shorter dashes from the thirteenth on.
fn look(index: usize) -> (Rgb, Option<(f64, f64)>) {
    let dashes = match index / COLOURS {
        0 => None,
        1 => Some((6.0, 3.0)),
        _ => Some((2.0, 2.0)),
    };
    (series(index), dashes)
}

/// Names of the lines, above the panel at its right end, none left of `from`.
fn legend(scene: &mut Scene, area: Area, panel: &Panel, from: f64) {
    const KEY: f64 = 18.0;
    const SPACE: f64 = 18.0;
    let named = panel.series.iter().enumerate();
    let named: Vec<_> = named.filter(|(_, s)| !s.name.is_empty()).collect();
    if named.is_empty() {
        return;
    }
    let n = named.len() as f64;
    let key = KEY + 6.0;
    let room = area.right() - from - SPACE * (n - 1.0) - key * n;
    let whole: f64 = named.iter().map(|(_, s)| width(&s.name, UNIT)).sum();
    let names: Vec<(usize, String)> = named
        .into_iter()
        .map(|(i, s)| {
            let most = if whole <= room {
                f64::INFINITY
            } else {
                room / n
            };
            (i, fit(&s.name, UNIT, most))
        })
        .collect();
    let used: f64 = names.iter().map(|(_, name)| key + width(name, UNIT)).sum();
    let mut at = (area.right() - used - SPACE * (n - 1.0)).max(from);
    let y = area.y - 9.0;
    for (i, name) in names {
        let (stroke, dashes) = look(i);
        scene.items.push(Item::Lines {
            lines: vec![vec![(at, y - 4.0), (at + KEY, y - 4.0)]],
            width: 2.5,
            dashes,
            stroke,
        });
        scene.text(at + key, y, UNIT, name.clone());
        at += key + width(&name, UNIT) + SPACE;
    }
}
