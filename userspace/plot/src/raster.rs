// SPDX-License-Identifier: GPL-2.0

//! Spikes of a network over time, and membrane potentials below them.

use crate::axis::{count, Range};
use crate::colour::{mix, series, Rgb, AXIS, INK, MUTED, WHITE};
use crate::panel::{
    fit, grid, ground, head, heading, label_room, trace, width, x_axis, Area, EDGE, FOOT, HEADING,
    NAME, TICK, UNIT,
};
use crate::scene::{Anchor, Item, Scene, Style};
use crate::{drawing, Size};

/// Spikes that are drawn one by one: groups with the fewest first, as long as
/// their sum is not above this. The spikes of the other groups become cells of
/// one pixel, darker with more spikes.
pub const EXACT_SPIKES: usize = 20_000;

/// Opacities of a cell with spikes.
const SHADES: usize = 15;

/// Neurons that belong together: a population, or a layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Name, beside the band.
    pub name: String,
    /// Number of neurons.
    pub neurons: u32,
}

/// A quantity of one neuron over time, in a panel of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// What is drawn, above the panel.
    pub name: String,
    /// Unit of the values.
    pub unit: String,
    /// Value at which the neuron fires: a dashed line.
    pub threshold: Option<f64>,
    /// Times, in the unit of the raster, and values, in order of time. A point
    /// that is not a finite number breaks the line.
    pub points: Vec<(f64, f64)>,
}

/// Spike raster: a band for each group, one below the other in the order given,
/// neuron 0 at the top; panels with traces below, on the same time axis.
///
/// Bands of small groups are higher than their share of neurons, so that they can
/// be read. Up to [`EXACT_SPIKES`] spikes are drawn one by one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Raster {
    /// Title; may be empty.
    pub title: String,
    /// End of the time axis, which begins at 0. If this is not above 0, or not
    /// finite, the axis ends at the last spike.
    pub t_max: f64,
    /// Unit of all times, for instance `ms`.
    pub time_unit: String,
    /// The groups; neurons are numbered through, in this order.
    pub groups: Vec<Group>,
    /// Time and neuron of each spike, in any order. Spikes outside the time axis,
    /// at times that are not numbers or of neurons that no group has are not
    /// drawn; the note below the title tells how many.
    pub spikes: Vec<(f64, u32)>,
    /// Traces, drawn as far as there is room; the note tells how many are not.
    pub voltages: Vec<Trace>,
}

drawing!(Raster);

impl Raster {
    /// A size with room for all bands and traces: `width` times what they need.
    ///
    /// # Errors
    ///
    /// As [`Size::new`].
    pub fn size(&self, width: u32) -> Result<Size, crate::Error> {
        let traces = u32::try_from(self.voltages.len().min(40)).unwrap_or(40);
        let groups = u32::try_from(self.groups.len().min(60)).unwrap_or(60);
        Size::new(width, 200 + 140 * groups.max(2) + traces * 120)
    }

    fn time(&self) -> Range {
        if self.t_max.is_finite() && self.t_max > 0.0 {
            return Range::new(0.0, self.t_max);
        }
        let last = Range::of(self.spikes.iter().map(|s| s.0)).high;
        Range::new(0.0, if last > 0.0 { last } else { 1.0 })
    }

    /// Spikes of each group, neurons numbered within it.
    fn by_group(&self, time: Range) -> Vec<Vec<(f64, u32)>> {
        let mut ends = Vec::new();
        let mut end = 0u64;
        for group in &self.groups {
            end += u64::from(group.neurons);
            ends.push(end);
        }
        let mut of = vec![Vec::new(); ends.len()];
        for &(at, neuron) in &self.spikes {
            let index = ends.partition_point(|end| *end <= u64::from(neuron));
            if let (true, Some(spikes)) = (time.contains(at), of.get_mut(index)) {
                let first = ends[index] - u64::from(self.groups[index].neurons);
                spikes.push((at, (u64::from(neuron) - first) as u32));
            }
        }
        of
    }

    fn scene(&self, size: Size) -> Scene {
        let mut scene = Scene::new(size, &self.title);
        let time = self.time();
        let spikes = self.by_group(time);
        let exact = exact(&spikes);
        let mut top = EDGE + 20.0 + if self.title.is_empty() { 0.0 } else { 26.0 };
        top += 16.0;
        let room = (f64::from(size.height()) - top - FOOT).max(20.0);
        let (traces, height) = self.trace_room(room);
        let raster = room - traces as f64 * (height + NAME);
        let shown = &self.voltages[..traces];

        head(&mut scene, &self.title, &self.note(&spikes, &exact, traces));
        let left = self.left(size, height, shown);
        let right = if shown.iter().any(|t| t.threshold.is_some()) {
            width("threshold", UNIT) + 8.0
        } else {
            0.0
        };
        let x = left.round();
        let area = Area {
            x,
            y: top.round(),
            width: (f64::from(size.width()) - x - EDGE - right)
                .floor()
                .max(10.0),
            height: raster.floor().max(10.0),
        };
        let bands = bands(area, &self.groups);
        for (i, (group, band)) in self.groups.iter().zip(&bands).enumerate() {
            let colour = series(i);
            draw_band(&mut scene, *band, group, colour, time);
            if exact[i] {
                marks(&mut scene, *band, group.neurons, time, &spikes[i], colour);
            } else {
                cells(&mut scene, *band, group.neurons, time, &spikes[i], colour);
            }
        }
        let mut last = area;
        for panel in shown {
            last.y = (last.bottom() + NAME).round();
            last.height = (height - 0.5).floor();
            draw_trace(&mut scene, last, panel, time);
        }
        let unit = &self.time_unit;
        let name = if unit.is_empty() {
            "time".into()
        } else {
            format!("time ({unit})")
        };
        x_axis(&mut scene, last, time, &name);
        scene
    }

    /// How many traces there is room for, and how high their panels are.
    fn trace_room(&self, room: f64) -> (usize, f64) {
        if self.voltages.is_empty() {
            return (0, 0.0);
        }
        let most = room * 0.6;
        let wanted = self.voltages.len();
        let height = (most / wanted as f64 - NAME).clamp(34.0, 110.0);
        let fitting = (most / (height + NAME)).max(0.0) as usize;
        (wanted.min(fitting), height)
    }

    fn left(&self, size: Size, height: f64, shown: &[Trace]) -> f64 {
        let labels = self
            .groups
            .iter()
            .flat_map(|g| [width(&g.name, HEADING), width(&neurons(g), UNIT)])
            .fold(0.0, f64::max)
            .min(f64::from(size.width()) * 0.2);
        let most = self.groups.iter().map(|g| g.neurons).max().unwrap_or(0);
        let ticks = width(&count(most as usize), TICK) + 7.0;
        let panels = shown
            .iter()
            .map(|t| label_room(height, t.range()))
            .fold(0.0, f64::max);
        EDGE + (labels + 14.0 + ticks).max(panels)
    }

    fn note(&self, spikes: &[Vec<(f64, u32)>], exact: &[bool], traces: usize) -> String {
        let drawn: usize = spikes.iter().map(Vec::len).sum();
        let mut note = match drawn {
            0 => "no spikes".into(),
            1 => "1 spike".into(),
            n => format!("{} spikes", count(n)),
        };
        let shaded: Vec<&str> = self
            .groups
            .iter()
            .zip(exact)
            .filter(|(_, exact)| !**exact)
            .map(|(g, _)| g.name.as_str())
            .collect();
        if shaded.len() == self.groups.len() && !shaded.is_empty() {
            note += ", darker where more fall in a pixel";
        } else if !shaded.is_empty() {
            note += &format!(
                " ({}: darker where more fall in a pixel)",
                shaded.join(", ")
            );
        }
        if drawn < self.spikes.len() {
            note += &format!(" · {} outside the axes", count(self.spikes.len() - drawn));
        }
        if traces < self.voltages.len() {
            let all = self.voltages.len();
            note += &format!(
                " · {} of {all} traces not drawn, for want of room",
                all - traces
            );
        }
        note
    }
}

impl Trace {
    fn range(&self) -> Range {
        let values = self.points.iter().filter(|p| p.0.is_finite()).map(|p| p.1);
        Range::of(values.chain(self.threshold)).padded(0.08)
    }
}

/// Which groups are drawn spike by spike.
fn exact(spikes: &[Vec<(f64, u32)>]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..spikes.len()).collect();
    order.sort_by_key(|i| spikes[*i].len());
    let mut exact = vec![false; spikes.len()];
    let mut drawn = 0;
    for i in order {
        drawn += spikes[i].len();
        exact[i] = drawn <= EXACT_SPIKES;
    }
    exact
}

/// Areas of the groups. Each gets 9 pixels a neuron, 18 at least, up to 0.6 of an equal share;
/// what is left goes to the larger ones by the square root of their size.
fn bands(area: Area, groups: &[Group]) -> Vec<Area> {
    if groups.is_empty() {
        return Vec::new();
    }
    let n = groups.len() as f64;
    let gap = (area.height * 0.2 / n).min(7.0).floor();
    let room = area.height - gap * (n - 1.0);
    let cap = 0.6 * room / n;
    let least = |g: &Group| (f64::from(g.neurons) * 9.0).max(18.0).min(cap);
    let weight = |g: &Group| {
        if f64::from(g.neurons) * 9.0 >= cap {
            f64::from(g.neurons).sqrt()
        } else {
            1e-9
        }
    };
    let rest = room - groups.iter().map(least).sum::<f64>();
    let weights: f64 = groups.iter().map(weight).sum();
    let mut y = area.y;
    let mut bands = Vec::new();
    for group in groups {
        let height = least(group) + rest * weight(group) / weights;
        let (from, to) = (y.round(), (y + height).round());
        bands.push(Area {
            y: from,
            height: (to - from).max(1.0),
            ..area
        });
        y += height + gap;
    }
    bands
}

fn neurons(group: &Group) -> String {
    match group.neurons {
        1 => "1 neuron".into(),
        n => format!("{} neurons", count(n as usize)),
    }
}

/// Ground, grid, name and neuron numbers of a band.
fn draw_band(scene: &mut Scene, band: Area, group: &Group, colour: Rgb, time: Range) {
    scene.rect(
        band.x,
        band.y,
        band.width,
        band.height,
        mix(colour, WHITE, 0.06),
    );
    scene.strokes(&grid(band, time), 1.0, mix(colour, WHITE, 0.18));
    scene.rect(band.x - 3.0, band.y, 3.0, band.height, colour);
    if band.height < 13.0 {
        return;
    }
    let numbers = width(&count(group.neurons as usize), TICK) + 7.0;
    let room = band.x - EDGE - numbers - 10.0;
    let middle = band.y + band.height / 2.0;
    let both = band.height >= 32.0;
    let name = Style {
        colour: mix(colour, INK, 0.6),
        ..HEADING
    };
    let dy = if both { -2.0 } else { 4.5 };
    scene.text(EDGE, middle + dy, name, fit(&group.name, name, room));
    if both {
        scene.text(EDGE, middle + 14.0, UNIT, fit(&neurons(group), UNIT, room));
    }
    if group.neurons == 0 {
        return;
    }
    let row = band.height / f64::from(group.neurons);
    let range = Range::new(0.0, f64::from(group.neurons.max(2) - 1));
    let ticks = range.whole_ticks(if row >= 11.0 {
        50.0
    } else {
        band.height / 17.0
    });
    let tick = Style {
        colour: MUTED,
        ..TICK
    };
    let mut free = band.y;
    for number in ticks.at.iter().filter(|n| **n < f64::from(group.neurons)) {
        let y = (band.y + (number + 0.5) * row).clamp(band.y + 5.0, band.bottom() - 5.0);
        if y - 5.0 >= free {
            scene.text(band.x - 8.0, y + 3.8, tick, ticks.label(*number));
            free = y + 5.0;
        }
    }
}

/// A dash for each spike.
fn marks(
    scene: &mut Scene,
    band: Area,
    neurons: u32,
    time: Range,
    spikes: &[(f64, u32)],
    stroke: Rgb,
) {
    if spikes.is_empty() {
        return;
    }
    let row = band.height / f64::from(neurons);
    let height = (row * 0.8).clamp(1.6, 14.0).min(band.height);
    let from = spikes
        .iter()
        .map(|&(at, neuron)| {
            let y = band.y + (f64::from(neuron) + 0.5) * row - height / 2.0;
            (
                band.x + time.place(at) * band.width,
                y.clamp(band.y, band.bottom() - height),
            )
        })
        .collect();
    scene.items.push(Item::Marks {
        from,
        height,
        width: 1.3,
        stroke,
    });
}

/// One cell a pixel, more opaque with more spikes.
fn cells(
    scene: &mut Scene,
    band: Area,
    neurons: u32,
    time: Range,
    spikes: &[(f64, u32)],
    colour: Rgb,
) {
    let (columns, rows) = (band.width as usize, band.height as usize);
    let mut counts = vec![0u32; columns * rows];
    let row = rows as f64 / f64::from(neurons);
    for &(at, neuron) in spikes {
        let column = ((time.place(at) * columns as f64) as usize).min(columns - 1);
        let first = ((f64::from(neuron) * row) as usize).min(rows - 1);
        let end = (((f64::from(neuron) + 0.85) * row) as usize).clamp(first + 1, rows);
        for y in first..end {
            counts[y * columns + column] += 1;
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let shade = |count: u32| {
        let share = f64::from(count).ln_1p() / f64::from(most).ln_1p();
        (share * SHADES as f64).ceil() as u8
    };
    let palette = (0..=SHADES)
        .map(|i| match i {
            0 => (colour, 0),
            i => (colour, (70 + 185 * i / SHADES) as u8),
        })
        .collect();
    scene.items.push(Item::Cells {
        x: band.x,
        y: band.y,
        width: band.width,
        height: band.height,
        columns,
        palette,
        cells: counts.into_iter().map(shade).collect(),
    });
}

fn draw_trace(scene: &mut Scene, area: Area, panel: &Trace, time: Range) {
    let range = panel.range();
    heading(scene, area, &panel.name, &panel.unit, area.width);
    ground(scene, area, time, range);
    if let Some(threshold) = panel.threshold.filter(|t| t.is_finite()) {
        let y = area.bottom() - range.place(threshold) * area.height;
        scene.items.push(Item::Lines {
            lines: vec![vec![(area.x, y), (area.right(), y)]],
            width: 1.0,
            dashes: Some((5.0, 4.0)),
            stroke: mix(AXIS, INK, 0.5),
        });
        let style = Style {
            anchor: Anchor::Start,
            ..UNIT
        };
        scene.text(area.right() + 6.0, y + 4.0, style, "threshold");
    }
    trace(scene, area, (time, range), &panel.points, (INK, None));
}
