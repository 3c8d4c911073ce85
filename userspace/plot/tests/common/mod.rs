// SPDX-License-Identifier: GPL-2.0

//! Data to draw, and readers of what was drawn.

#![allow(dead_code, clippy::unwrap_used)] // Each test file uses some of this.

use lightos_plot::{Group, HeatMap, Lines, Panel, Raster, Series, Size, Trace};
use roxmltree::Document;

pub(crate) fn size() -> Size {
    Size::new(1000, 700).unwrap()
}

/// Whole numbers without a pattern, the same in each run (Knuth's MMIX generator).
pub(crate) fn random(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

/// Spikes of a network for N-MNIST, one in 50 of them of its outputs.
pub(crate) fn raster(spikes: usize) -> Raster {
    let mut random = random(1);
    let groups = [("input", 2312), ("hidden", 512), ("output", 10)];
    let spikes = (0..spikes).map(|_| {
        let t = random(300_000) as f64 / 1000.0;
        let neuron = match random(50) {
            0 => 2824 + random(10),
            1..10 => 2312 + random(512),
            _ => random(2312),
        };
        (t, neuron as u32)
    });
    Raster {
        title: "Spikes & potentials".into(),
        t_max: 300.0,
        time_unit: "ms".into(),
        spikes: spikes.collect(),
        groups: groups
            .map(|(name, neurons)| Group {
                name: name.into(),
                neurons,
            })
            .into(),
        voltages: vec![Trace {
            name: "output 3".into(),
            unit: "mV".into(),
            threshold: Some(10.0),
            points: (0..600)
                .map(|i| (f64::from(i) / 2.0, f64::from(i % 11)))
                .collect(),
        }],
    }
}

pub(crate) fn heat_map(rows: u32, columns: u32) -> HeatMap {
    let mut random = random(2);
    HeatMap {
        title: "Load".into(),
        x_label: "expert".into(),
        y_label: "layer".into(),
        columns,
        rows,
        values: (0..rows * columns).map(|_| random(1000) as f64).collect(),
        unit: "tokens".into(),
    }
}

/// Two panels, one with two lines of `points` points.
pub(crate) fn lines(points: u32) -> Lines {
    let line = |name: &str, period: f64| Series {
        name: name.into(),
        points: (0..points)
            .map(|i| {
                (
                    f64::from(i) * 600.0 / f64::from(points),
                    (f64::from(i) / period).sin(),
                )
            })
            .collect(),
    };
    let panel = |name: &str, series| Panel {
        name: name.into(),
        unit: "°C".into(),
        series,
    };
    Lines {
        title: "Readings".into(),
        x_label: "time (s)".into(),
        panels: vec![
            panel(
                "Temperature",
                vec![line("laser", 30.0), line("board", 70.0)],
            ),
            panel("Throttle", vec![line("", 10.0)]),
        ],
    }
}

/// The SVG, if it is well-formed and all its numbers are finite.
pub(crate) fn parse(svg: &str) -> Document<'_> {
    let document = Document::parse(svg).unwrap();
    for node in document.descendants() {
        for a in node.attributes().filter(|a| a.name() != "href") {
            let odd = ["NaN", "inf"].iter().any(|odd| a.value().contains(odd));
            assert!(!odd, "{}=\"{}\"", a.name(), a.value());
        }
    }
    document
}

/// All texts of a drawing.
pub(crate) fn texts(document: &Document<'_>) -> Vec<String> {
    document
        .descendants()
        .filter(|n| n.has_tag_name("text"))
        .filter_map(|n| n.text().map(str::to_owned))
        .collect()
}

/// Spikes that are drawn one by one.
pub(crate) fn marks(document: &Document<'_>) -> usize {
    document
        .descendants()
        .filter(|n| n.attribute("class") == Some("spikes"))
        .filter_map(|n| n.attribute("d"))
        .map(|d| d.matches('M').count())
        .sum()
}

/// Width, height and RGB bytes of a PNG.
pub(crate) fn decode(file: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file))
        .read_info()
        .unwrap();
    let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut rgb).unwrap();
    assert_eq!(
        (info.color_type, info.bit_depth),
        (png::ColorType::Rgb, png::BitDepth::Eight)
    );
    (info.width, info.height, rgb)
}
