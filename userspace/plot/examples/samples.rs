// SPDX-License-Identifier: GPL-2.0

//! Draws one sample of each kind into a folder: `samples FOLDER`.
//! All data are made up, by a small generator of fixed seed.

use std::path::Path;

use lightos_plot::{Group, HeatMap, Lines, Panel, Raster, Series, Size, Trace};

/// Numbers from 0 to 1, the same in each run (xorshift64*, Vigna 2016).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, n: u32) -> u32 {
        ((self.next() * f64::from(n)) as u32).min(n - 1)
    }
}

/// An edge that moves three times over an event camera of 34 x 34 x 2 pixels, and
/// layers behind it.
fn raster(input: usize, hidden: usize) -> Raster {
    let mut random = Random(7);
    let mut spikes = Vec::new();
    for _ in 0..input {
        let t = random.next() * 300.0;
        let wave = (t / 100.0 * std::f64::consts::PI).sin().powi(2);
        if random.next() < 0.15 + 0.85 * wave {
            let edge = 8.0 + 14.0 * (t % 100.0) / 100.0 + 6.0 * (random.next() - 0.5);
            let (x, y) = (edge as u32, 6 + random.below(22));
            spikes.push((t, (y * 34 + x) + 1156 * random.below(2)));
        }
    }
    for _ in 0..hidden {
        let t = random.next() * 300.0;
        let own = random.below(512);
        if (own * 37 % 100) < 30 && random.next() < (t / 40.0).min(1.0) {
            spikes.push((t, 2312 + own));
        }
    }
    let trace = |name: &str, gain: f64, out: u32, spikes: &mut Vec<(f64, u32)>| {
        let mut random = Random(u64::from(out) + 11);
        let (mut v, mut points) = (0.0, Vec::new());
        for step in 0..3000 {
            let t = f64::from(step) * 0.1;
            v += 0.1 * (gain * random.next() - v / 20.0);
            if v > 1.0 {
                points.push((t, v));
                spikes.push((t, 2312 + 512 + out));
                v = 0.0;
            }
            points.push((t, v));
        }
        Trace {
            name: name.into(),
            unit: "membrane potential / threshold".into(),
            threshold: Some(1.0),
            points,
        }
    };
    let voltages = vec![
        trace("Output 3", 0.28, 3, &mut spikes),
        trace("Output 5", 0.13, 5, &mut spikes),
    ];
    Raster {
        title: "An edge crosses an event camera three times".into(),
        t_max: 300.0,
        time_unit: "ms".into(),
        groups: [("input", 2312), ("hidden", 512), ("output", 10)]
            .map(|(name, neurons)| Group {
                name: name.into(),
                neurons,
            })
            .into(),
        spikes,
        voltages,
    }
}

fn heat(rows: u32, columns: u32) -> HeatMap {
    let mut random = Random(3);
    let values = (0..rows * columns)
        .map(|_| (random.next() * random.next() * random.next() * 4000.0).round())
        .collect();
    HeatMap {
        title: "Tokens per expert".into(),
        x_label: "expert".into(),
        y_label: "layer".into(),
        columns,
        rows,
        values,
        unit: "tokens".into(),
    }
}

fn readings() -> Lines {
    let mut random = Random(5);
    let mut walk = |start: f64, pull: f64, noise: f64| {
        let mut v = start;
        (0..1200)
            .map(|i| {
                v += (pull - v) * 0.004 + (random.next() - 0.5) * noise;
                (f64::from(i) * 0.5, v)
            })
            .collect::<Vec<_>>()
    };
    let series = |name: &str, points| Series {
        name: name.into(),
        points,
    };
    Lines {
        title: "Device readings under load".into(),
        x_label: "time (s)".into(),
        panels: vec![
            Panel {
                name: "Temperature".into(),
                unit: "°C".into(),
                series: vec![
                    series("laser", walk(24.0, 61.0, 0.5)),
                    series("modulator", walk(23.0, 48.0, 0.4)),
                    series("board", walk(22.0, 35.0, 0.1)),
                ],
            },
            Panel {
                name: "Clock".into(),
                unit: "MHz".into(),
                series: vec![series("", walk(1980.0, 1410.0, 15.0))],
            },
            Panel {
                name: "Power".into(),
                unit: "W".into(),
                series: vec![
                    series("drawn", walk(80.0, 310.0, 20.0)),
                    series("limit", vec![(0.0, 350.0), (600.0, 350.0)]),
                ],
            },
        ],
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: samples FOLDER")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let put = |name: &str, svg: String, png: Vec<u8>| {
        println!("{name}: SVG {} bytes, PNG {} bytes", svg.len(), png.len());
        std::fs::write(folder.join(format!("{name}.svg")), svg)?;
        std::fs::write(folder.join(format!("{name}.png")), png)
    };
    for (name, input, hidden) in [
        ("raster", 9_000, 12_000),
        ("raster-dense", 150_000, 40_000),
        ("raster-silent", 0, 0),
    ] {
        let mut raster = raster(input, hidden);
        if input == 0 {
            raster.spikes.clear();
        }
        let size = raster.size(1200)?;
        put(name, raster.to_svg(size), raster.to_png(size)?)?;
    }
    let size = Size::new(1200, 640)?;
    for (name, rows, columns) in [
        ("heat", 32, 64),
        ("heat-large", 256, 1024),
        ("heat-small", 4, 8),
    ] {
        let map = heat(rows, columns);
        put(name, map.to_svg(size), map.to_png(size)?)?;
    }
    let lines = readings();
    put(
        "lines",
        lines.to_svg(size),
        lines.to_png(size.scaled(2.0)?)?,
    )?;
    Ok(())
}
