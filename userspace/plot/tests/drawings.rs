// SPDX-License-Identifier: GPL-2.0

//! Drawings of usual data: well-formed, complete, the same each time.

mod common;

use common::{decode, heat_map, lines, marks, parse, raster, size, texts};
use lightos_plot::{Group, HeatMap, Lines, Raster, Size, EXACT_SPIKES};

#[test]
fn svg_is_well_formed() {
    for svg in [
        raster(2000).to_svg(size()),
        raster(60_000).to_svg(size()),
        heat_map(32, 64).to_svg(size()),
        lines(500).to_svg(size()),
        Raster::default().to_svg(size()),
        HeatMap::default().to_svg(size()),
        Lines::default().to_svg(size()),
    ] {
        let document = parse(&svg);
        let root = document.root_element();
        assert_eq!(root.tag_name().name(), "svg");
        assert_eq!(root.attribute("viewBox"), Some("0 0 1000 700"));
        for node in root.descendants().filter(|n| n.has_tag_name("text")) {
            for name in ["x", "y"] {
                let at: f64 = node.attribute(name).unwrap().parse().unwrap();
                assert!((0.0..=1000.0).contains(&at));
            }
        }
    }
}

#[test]
fn png_has_the_size_asked_for() {
    let scaled = size().scaled(1.5).unwrap();
    for (png, expected) in [
        (raster(2000).to_png(size()).unwrap(), (1000, 700)),
        (heat_map(8, 8).to_png(scaled).unwrap(), (1500, 1050)),
        (lines(500).to_png(size()).unwrap(), (1000, 700)),
    ] {
        let (width, height, rgb) = decode(&png);
        assert_eq!((width, height), expected);
        let ink = rgb.chunks(3).filter(|p| *p != [255, 255, 255]).count();
        assert!(ink > 1000, "{ink} pixels drawn");
    }
}

#[test]
fn text_comes_back_as_it_was() {
    let nasty = "<a href='x'> & \"b\" </text> ]]> µV ≥ 漢";
    let mut raster = raster(10);
    raster.title = nasty.into();
    raster.voltages[0].name = nasty.into();
    let svg = raster.to_svg(size());
    let texts = texts(&parse(&svg));
    assert_eq!(texts.iter().filter(|t| *t == nasty).count(), 2);

    raster.title = "bell\u{7} nul\0 line\nend \u{ffff}".into();
    let svg = raster.to_svg(size());
    assert!(common::texts(&parse(&svg))
        .contains(&"bell\u{fffd} nul\u{fffd} line end \u{fffd}".to_string()));
    raster.to_png(size()).unwrap();
}

#[test]
fn each_spike_is_a_mark() {
    for count in [0, 1, 1000, EXACT_SPIKES] {
        let raster = raster(count);
        assert_eq!(raster.spikes.len(), count);
        assert_eq!(marks(&parse(&raster.to_svg(size()))), count);
    }
}

#[test]
fn a_mark_is_at_its_spike() {
    let raster = Raster {
        t_max: 10.0,
        groups: vec![
            Group {
                name: "a".into(),
                neurons: 4,
            },
            Group {
                name: "b".into(),
                neurons: 4,
            },
        ],
        spikes: vec![(0.0, 0), (5.0, 3), (5.0, 4), (10.0, 7)],
        ..Raster::default()
    };
    let svg = raster.to_svg(size());
    let document = parse(&svg);
    let places: Vec<Vec<f64>> = document
        .descendants()
        .filter(|n| n.attribute("class") == Some("spikes"))
        .map(|n| {
            let d = n.attribute("d").unwrap();
            d.split(['M', ' ', 'v'])
                .filter_map(|v| v.parse().ok())
                .collect()
        })
        .collect();
    // A path for each group; of each mark its x, its y and its length.
    let [[x0, y0, _, x1, y1, _], [x2, y2, _, x3, y3, _]] = &places
        .iter()
        .map(|p| <[f64; 6]>::try_from(p.as_slice()).unwrap())
        .collect::<Vec<_>>()[..]
    else {
        panic!("{places:?}");
    };
    // Time runs to the right over the whole width, neurons downwards.
    assert!(*x0 < 200.0 && *x3 > 950.0 && x1 == x2);
    assert!(((x0 + x3) / 2.0 - x1).abs() < 0.1);
    assert!(*y0 < 150.0 && y0 < y1 && y1 < y2 && y2 < y3 && *y3 > 550.0);
}

#[test]
fn many_spikes_stay_small() {
    let mut raster = raster(100_000);
    let svg = raster.to_svg(size());
    assert!(svg.len() < 400_000, "{} bytes", svg.len());
    // The smallest group is still drawn spike by spike.
    let outputs = raster.spikes.iter().filter(|s| s.1 >= 2312 + 512).count();
    assert!(outputs > 0 && marks(&parse(&svg)) >= outputs);
    assert!(texts(&parse(&svg))
        .iter()
        .any(|t| t.starts_with("100,000 spikes (")));

    raster.spikes = raster.spikes.repeat(10);
    assert!(raster.to_svg(size()).len() < 400_000);
}

#[test]
fn long_traces_stay_small() {
    let svg = lines(1_000_000).to_svg(size());
    assert!(svg.len() < 200_000, "{} bytes", svg.len());
}

#[test]
fn same_data_same_bytes() {
    for count in [100, 50_000] {
        assert_eq!(raster(count).to_svg(size()), raster(count).to_svg(size()));
        assert_eq!(
            raster(count).to_png(size()).unwrap(),
            raster(count).to_png(size()).unwrap()
        );
    }
}

/// A picture of a heat map has the colour of each cell, in order of its value.
#[test]
fn cells_are_in_order() {
    let map = HeatMap {
        columns: 5,
        rows: 1,
        values: vec![0.0, 1.0, 2.0, 3.0, f64::NAN],
        ..HeatMap::default()
    };
    let (width, height, rgb) = decode(&map.to_png(size()).unwrap());
    let line = rgb
        .chunks(width as usize * 3)
        .nth(height as usize / 2)
        .unwrap();
    let mut colours: Vec<[u8; 3]> = Vec::new();
    for window in line.chunks(3).collect::<Vec<_>>().windows(40) {
        let colour: [u8; 3] = window[0].try_into().unwrap();
        let even = window.iter().all(|p| *p == window[0]);
        if even && colour != [255; 3] && colours.last() != Some(&colour) {
            colours.push(colour);
        }
    }
    assert_eq!(colours.len(), 5, "{colours:?}");
    let light = |c: &[u8; 3]| 2 * u32::from(c[0]) + 7 * u32::from(c[1]) + u32::from(c[2]);
    assert!(
        colours[..4].windows(2).all(|w| light(&w[0]) < light(&w[1])),
        "{colours:?}"
    );
    let [r, g, b] = colours[4];
    assert!(
        r.abs_diff(b) < 16 && r.abs_diff(g) < 16,
        "grey: {colours:?}"
    );
}

#[test]
fn sizes_have_bounds() {
    for (width, height) in [
        (0, 0),
        (0, 700),
        (1000, 0),
        (199, 700),
        (16_385, 700),
        (16_384, 16_384),
        (u32::MAX, u32::MAX),
    ] {
        assert!(Size::new(width, height).is_err(), "{width} x {height}");
    }
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY, 100.0] {
        assert!(size().scaled(scale).is_err(), "{scale}");
    }
    assert!(Size::new(8000, 8000).unwrap().scaled(2.0).is_err());
}
