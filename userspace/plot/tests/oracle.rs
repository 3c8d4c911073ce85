// SPDX-License-Identifier: GPL-2.0

//! Our PNG against our SVG as resvg draws it: a reader of SVG that others made,
//! with its own layout of text.

mod common;

use std::sync::Arc;

use common::{decode, heat_map, lines, raster, size};
use lightos_plot::Size;
use resvg::{tiny_skia, usvg};

fn by_resvg(svg: &str, size: Size) -> Vec<u8> {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(include_bytes!("../fonts/Go-Regular.ttf").to_vec());
    fonts.load_font_data(include_bytes!("../fonts/Go-Medium.ttf").to_vec());
    let options = usvg::Options {
        fontdb: Arc::new(fonts),
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(svg, &options).expect("SVG");
    let (width, height) = size.pixels();
    let mut map = tiny_skia::Pixmap::new(width, height).expect("size");
    resvg::render(&tree, tiny_skia::Transform::identity(), &mut map.as_mut());
    map.pixels()
        .iter()
        .flat_map(|p| [p.red(), p.green(), p.blue()])
        .collect()
}

/// Coordinates in SVG are rounded to a tenth of a pixel, so shades of edges may
/// differ by a tenth, and no more; a text that is off by a pixel is far above.
fn compare(name: &str, svg: &str, png: &[u8]) {
    let (_, _, ours) = decode(png);
    let theirs = by_resvg(svg, size());
    assert_eq!(ours.len(), theirs.len());
    let far = ours
        .iter()
        .zip(&theirs)
        .filter(|(a, b)| a.abs_diff(**b) > 64)
        .count();
    let ink = ours.iter().filter(|v| **v < 128).count();
    println!(
        "{name}: {far} of {} bytes differ, {ink} are dark",
        ours.len()
    );
    assert!(
        far * 500 < ink,
        "{name}: {far} bytes differ, {ink} are dark"
    );
}

#[test]
fn png_is_what_the_svg_says() {
    for count in [0, 3000, 40_000] {
        let raster = raster(count);
        compare(
            "raster",
            &raster.to_svg(size()),
            &raster.to_png(size()).unwrap(),
        );
    }
    for (rows, columns) in [(4, 8), (32, 64), (256, 1024)] {
        let map = heat_map(rows, columns);
        compare(
            "heat map",
            &map.to_svg(size()),
            &map.to_png(size()).unwrap(),
        );
    }
    let lines = lines(2000);
    compare(
        "lines",
        &lines.to_svg(size()),
        &lines.to_png(size()).unwrap(),
    );
}
