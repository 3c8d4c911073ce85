// SPDX-License-Identifier: GPL-2.0

//! Drawings of data that nobody should draw.

mod common;

use common::{decode, marks, parse, raster, size, texts};
use lightos_plot::{Group, HeatMap, Lines, Panel, Raster, Series, Size, Trace};
use proptest::prelude::*;

const ODD: [f64; 10] = [
    0.0,
    -1.0,
    1e-310,
    1e17,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

#[test]
fn spikes_outside_are_counted() {
    let mut raster = raster(100);
    raster.spikes.extend([
        (f64::NAN, 1),
        (f64::INFINITY, 1),
        (-0.1, 1),
        (raster.t_max * 1.01, 1),
        (1.0, 2834),
        (1.0, u32::MAX),
    ]);
    let svg = raster.to_svg(size());
    let document = parse(&svg);
    assert_eq!(marks(&document), 100);
    assert!(texts(&document)
        .iter()
        .any(|t| t == "100 spikes · 6 outside the axes"));
}

#[test]
fn gaps_break_a_line() {
    let lines = |value| Lines {
        panels: vec![Panel {
            series: vec![Series {
                name: String::new(),
                points: vec![(0.0, 1.0), (1.0, 2.0), (2.0, value), (3.0, 2.0), (4.0, 1.0)],
            }],
            ..Panel::default()
        }],
        ..Lines::default()
    };
    let pieces = |value| {
        let svg = lines(value).to_svg(size());
        let document = parse(&svg);
        let line = document
            .descendants()
            .find(|n| n.attribute("stroke-width") == Some("1.5"))
            .unwrap();
        line.attribute("d").unwrap().matches('M').count()
    };
    assert_eq!(pieces(1.5), 1);
    assert_eq!(pieces(f64::NAN), 2);
    assert_eq!(pieces(f64::INFINITY), 2);
}

#[test]
fn odd_times_and_values() {
    for t_max in ODD {
        for value in ODD {
            let raster = Raster {
                t_max,
                groups: vec![Group {
                    name: "g".into(),
                    neurons: 3,
                }],
                spikes: vec![(value, 0), (t_max, 1)],
                voltages: vec![Trace {
                    threshold: Some(value),
                    points: vec![(0.0, value), (t_max, -value), (value, t_max)],
                    ..Trace::default()
                }],
                ..Raster::default()
            };
            check(&raster.to_svg(size()), &raster.to_png(size()).unwrap());
        }
    }
}

#[test]
fn groups_beyond_reason() {
    for neurons in [0, 1, u32::MAX] {
        let raster = Raster {
            groups: vec![
                Group {
                    name: "x".repeat(1000),
                    neurons
                };
                1000
            ],
            spikes: vec![(1.0, 0), (2.0, u32::MAX)],
            voltages: vec![Trace::default(); 500],
            ..Raster::default()
        };
        for size in [Size::new(200, 200).unwrap(), raster.size(900).unwrap()] {
            check(&raster.to_svg(size), &raster.to_png(size).unwrap());
        }
    }
}

#[test]
fn tables_beyond_reason() {
    for (columns, rows) in [
        (0, 5),
        (5, 0),
        (1, 1),
        (u32::MAX, u32::MAX),
        (1, 100_000),
        (3000, 2),
    ] {
        let map = HeatMap {
            columns,
            rows,
            values: ODD.to_vec(),
            ..HeatMap::default()
        };
        for size in [Size::new(200, 200).unwrap(), size()] {
            check(&map.to_svg(size), &map.to_png(size).unwrap());
        }
    }
}

fn check(svg: &str, png: &[u8]) {
    parse(svg);
    decode(png);
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        proptest::num::f64::ANY,
        -1e3..1e3,
        proptest::sample::select(&ODD[..])
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_raster(
        title in ".*",
        t_max in number(),
        groups in prop::collection::vec((".{0,20}", prop_oneof![0..50u32, any::<u32>()]), 0..6),
        spikes in prop::collection::vec((number(), prop_oneof![0..100u32, any::<u32>()]), 0..50),
        points in prop::collection::vec((number(), number()), 0..50),
        side in (200..900u32, 200..900u32),
    ) {
        let groups = groups.into_iter().map(|(name, neurons)| Group { name, neurons }).collect();
        let name = title.clone();
        let trace = Trace { name, unit: "mV".into(), threshold: Some(t_max), points };
        let raster = Raster {
            title, t_max, time_unit: "s".into(), groups, spikes, voltages: vec![trace],
        };
        let size = Size::new(side.0, side.1).unwrap();
        check(&raster.to_svg(size), &raster.to_png(size).unwrap());
    }

    #[test]
    fn any_table(
        columns in 0..400u32,
        rows in 0..400u32,
        values in prop::collection::vec(number(), 0..500),
        label in ".{0,200}",
    ) {
        let map = HeatMap {
            title: label.clone(), x_label: label.clone(), y_label: label.clone(),
            columns, rows, values, unit: label,
        };
        check(&map.to_svg(size()), &map.to_png(size()).unwrap());
    }

    #[test]
    fn any_lines(
        panels in prop::collection::vec(prop::collection::vec(
            (".{0,60}", prop::collection::vec((number(), number()), 0..20)), 0..9), 0..20),
    ) {
        let panels = panels.into_iter().map(|series| Panel {
            name: "panel".into(),
            unit: "°C".into(),
            series: series.into_iter().map(|(name, points)| Series { name, points }).collect(),
        }).collect();
        let lines = Lines { panels, ..Lines::default() };
        check(&lines.to_svg(size()), &lines.to_png(size()).unwrap());
    }
}
