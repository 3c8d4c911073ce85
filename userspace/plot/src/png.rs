// SPDX-License-Identifier: GPL-2.0

//! A scene as PNG.

use tiny_skia::{
    Color, FillRule, FilterQuality, Paint, Path, PathBuilder, Pixmap, PixmapPaint, Rect, Stroke,
    StrokeDash, Transform,
};

use crate::colour::Rgb;
use crate::font;
use crate::scene::{Anchor, Item, Scene, Style};
use crate::Error;

/// The whole file.
pub(crate) fn write(scene: &Scene) -> Result<Vec<u8>, Error> {
    let (width, height) = scene.size.pixels();
    let mut map = Pixmap::new(width, height).ok_or(Error::Size { width, height })?;
    map.fill(Color::WHITE);
    let to_pixels = Transform::from_scale(scene.size.scale(), scene.size.scale());
    for item in &scene.items {
        draw(&mut map, item, to_pixels);
    }
    // The background is opaque, so premultiplied colours are plain ones.
    let rgb: Vec<u8> = map
        .pixels()
        .iter()
        .flat_map(|p| [p.red(), p.green(), p.blue()])
        .collect();
    let mut file = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut file, width, height);
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_depth(::png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rgb)?;
    writer.finish()?;
    Ok(file)
}

/// PNG of cells that are indices of a palette of colours and opacities.
pub(crate) fn indexed(
    columns: usize,
    palette: &[(Rgb, u8)],
    cells: &[u8],
) -> Result<Vec<u8>, Error> {
    let rows = cells.len().checked_div(columns).unwrap_or(0);
    let (width, height) = (columns as u32, rows as u32);
    let mut file = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut file, width, height);
    encoder.set_color(::png::ColorType::Indexed);
    encoder.set_depth(::png::BitDepth::Eight);
    encoder.set_compression(::png::Compression::High);
    encoder.set_filter(::png::Filter::NoFilter);
    let colours: Vec<u8> = palette.iter().flat_map(|(c, _)| [c.0, c.1, c.2]).collect();
    let opacities: Vec<u8> = palette.iter().map(|(_, a)| *a).collect();
    encoder.set_palette(colours);
    encoder.set_trns(opacities);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(cells)?;
    writer.finish()?;
    Ok(file)
}

fn paint(Rgb(r, g, b): Rgb) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(r, g, b, 255);
    paint
}

fn draw(map: &mut Pixmap, item: &Item, to_pixels: Transform) {
    match item {
        Item::Rect {
            x,
            y,
            width,
            height,
            fill,
        } => {
            if let Some(r) = Rect::from_xywh(*x as f32, *y as f32, *width as f32, *height as f32) {
                map.fill_rect(r, &paint(*fill), to_pixels, None);
            }
        }
        Item::Marks {
            from,
            height,
            width,
            stroke,
        } => {
            let lines = from.iter().map(|&(x, y)| [(x, y), (x, y + height)]);
            if let Some(path) = polyline(lines) {
                line(map, &path, *width, None, *stroke, to_pixels);
            }
        }
        Item::Lines {
            lines,
            width,
            dashes,
            stroke,
        } => {
            if let Some(path) = polyline(lines.iter().map(|l| l.iter().copied())) {
                line(map, &path, *width, *dashes, *stroke, to_pixels);
            }
        }
        Item::Cells {
            x,
            y,
            width,
            height,
            columns,
            palette,
            cells,
        } => {
            let place = [*x, *y, *width, *height].map(|v| v as f32);
            image(map, place, *columns, palette, cells, to_pixels);
        }
        Item::Text {
            x,
            y,
            style,
            upright,
            text,
        } => words(map, (*x, *y), style, *upright, text, to_pixels),
    }
}

/// One path of all lines, none if no line has two points.
fn polyline<L: IntoIterator<Item = (f64, f64)>>(lines: impl Iterator<Item = L>) -> Option<Path> {
    let mut path = PathBuilder::new();
    for points in lines {
        for (i, (x, y)) in points.into_iter().enumerate() {
            if i == 0 {
                path.move_to(x as f32, y as f32);
            } else {
                path.line_to(x as f32, y as f32);
            }
        }
    }
    path.finish()
}

fn line(
    map: &mut Pixmap,
    path: &Path,
    width: f64,
    dashes: Option<(f64, f64)>,
    colour: Rgb,
    to_pixels: Transform,
) {
    let stroke = Stroke {
        width: width as f32,
        line_join: tiny_skia::LineJoin::Round,
        dash: dashes.and_then(|(on, off)| StrokeDash::new(vec![on as f32, off as f32], 0.0)),
        ..Stroke::default()
    };
    map.stroke_path(path, &paint(colour), &stroke, to_pixels, None);
}

/// Cells in the rectangle `[x, y, width, height]`.
fn image(
    map: &mut Pixmap,
    [x, y, width, height]: [f32; 4],
    columns: usize,
    palette: &[(Rgb, u8)],
    cells: &[u8],
    to_pixels: Transform,
) {
    let rows = cells.len().checked_div(columns).unwrap_or(0);
    let Some(mut source) = Pixmap::new(columns as u32, rows as u32) else {
        return;
    };
    for (pixel, &cell) in source.pixels_mut().iter_mut().zip(cells) {
        if let Some((Rgb(r, g, b), a)) = palette.get(usize::from(cell)) {
            *pixel = tiny_skia::ColorU8::from_rgba(*r, *g, *b, *a).premultiply();
        }
    }
    let paint = PixmapPaint {
        quality: FilterQuality::Nearest,
        ..PixmapPaint::default()
    };
    let place = to_pixels
        .pre_translate(x, y)
        .pre_scale(width / columns as f32, height / rows as f32);
    map.draw_pixmap(0, 0, source.as_ref(), &paint, place, None);
}

fn words(
    map: &mut Pixmap,
    (x, y): (f64, f64),
    style: &Style,
    upright: bool,
    text: &str,
    to_pixels: Transform,
) {
    let Some(path) = font::outline(text, style.size, style.weight) else {
        return;
    };
    let back = match style.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => font::width(text, style.size, style.weight) / 2.0,
        Anchor::End => font::width(text, style.size, style.weight),
    };
    let mut place = to_pixels.pre_translate(x as f32, y as f32);
    if upright {
        place = place.pre_concat(Transform::from_rotate(-90.0));
    }
    let place = place.pre_translate(-back as f32, 0.0);
    map.fill_path(&path, &paint(style.colour), FillRule::Winding, place, None);
}
