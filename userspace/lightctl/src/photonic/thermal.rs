// SPDX-License-Identifier: GPL-2.0

//! `lightctl photonic thermal`: readings over time, live and as a picture.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lightos::photonic::{Info, Limits, Status};
use lightos_plot::{Lines, Panel, Series, Size};
use serde_json::{json, Value};

use super::report::{celsius, sensor_name};
use super::{Common, Where};
use crate::failure::Failure;
use crate::show::print_json;

/// Arguments of `lightctl photonic thermal`.
#[derive(clap::Args)]
pub(crate) struct ThermalArgs {
    /// How long [default: until Ctrl-C]
    #[arg(long, value_name = "S")]
    seconds: Option<f64>,
    /// From each reading to the next, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    interval: u64,
    /// Draw the readings: .svg or .png; may be given for both
    #[arg(long, value_name = "FILE", requires = "seconds")]
    plot: Vec<PathBuf>,
    /// Width of the picture in pixels
    #[arg(long, value_name = "N", default_value_t = 1200)]
    width: u32,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    at: Where,
}

/// A reading.
pub(crate) struct Sample {
    /// Seconds since the first.
    pub(crate) at: f64,
    pub(crate) status: Status,
}

/// Carries the command out.
pub(crate) fn command(args: &ThermalArgs) -> Result<(), Failure> {
    for path in &args.plot {
        crate::snn::picture::check(path)?;
    }
    if args.common.json && args.seconds.is_none() {
        return Err(Failure::Usage(
            "--json needs --seconds: one object is printed at the end".into(),
        ));
    }
    let interval = Duration::from_millis(args.interval);
    let count = match args.seconds {
        None => u64::MAX,
        Some(seconds) if (0.0..=1e7).contains(&seconds) => {
            (seconds / interval.as_secs_f64()).floor() as u64 + 1
        }
        Some(seconds) => return Err(Failure::Usage(format!("--seconds {seconds}: no time"))),
    };
    let processor = args.at.place(args.common).look()?;
    let mut samples = Vec::new();
    if !args.common.json {
        print_line(&head())?;
    }
    for nth in 0..count {
        if nth > 0 {
            processor.sleep(interval);
        }
        let sample = Sample {
            at: nth as f64 * interval.as_secs_f64(),
            status: processor.status()?,
        };
        if !args.common.json {
            print_line(&row(&sample))?;
        }
        if args.seconds.is_some() {
            samples.push(sample);
        }
    }
    let limits = processor.limits()?;
    for path in &args.plot {
        write(
            path,
            &drawing(processor.info(), &limits, &samples),
            args.width,
        )?;
    }
    if args.common.json {
        let samples: Vec<Value> = samples.iter().map(sample_json).collect();
        print_json(&json!({
            "device": processor.info().number,
            "ran_in": args.at.place(args.common).name(),
            "interval_ms": args.interval,
            "samples": samples,
            "pictures": args.plot.iter().map(|p| p.display().to_string()).collect::<Vec<_>>(),
        }))?;
    }
    Ok(())
}

fn print_line(line: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

fn head() -> String {
    format!(
        "{:>8} {:>7} {:>7} {:>7} {:>9} {:>8} {:>8} {:>8} {:>9}  state",
        "s", "die C", "laser C", "sink C", "throttle", "laser", "TEC mA", "fan RPM", "power W"
    )
}

fn row(sample: &Sample) -> String {
    let status = &sample.status;
    let sensor = |index: usize| match status.sensors.get(index) {
        Some(sensor) => format!("{:.2}", celsius(sensor.millidegrees)),
        None => "-".to_owned(),
    };
    let state = if status.causes.is_empty() {
        status.state.to_string()
    } else {
        format!("{}: {}", status.state, status.causes)
    };
    format!(
        "{:>8.2} {:>7.2} {:>7} {:>7} {:>7.1} % {:>5.1} mW {:>8} {:>8} {:>9.3}  {state}",
        sample.at,
        celsius(status.die_mc),
        sensor(2),
        sensor(3),
        f64::from(status.throttle_permille) / 10.0,
        f64::from(status.laser_uw) / 1000.0,
        status.tec_ma,
        status.fan_rpm,
        f64::from(status.power_mw) / 1000.0,
    )
}

fn sample_json(sample: &Sample) -> Value {
    let status = &sample.status;
    let sensors = status.sensors.iter().map(|s| celsius(s.millidegrees));
    json!({
        "seconds": sample.at,
        "die_celsius": celsius(status.die_mc),
        "sensors_celsius": sensors.collect::<Vec<_>>(),
        "throttle_percent": f64::from(status.throttle_permille) / 10.0,
        "laser_mw": f64::from(status.laser_uw) / 1000.0,
        "tec_ma": status.tec_ma,
        "fan_rpm": status.fan_rpm,
        "power_mw": status.power_mw,
        "state": status.state.to_string(),
        "causes": status.causes.names(),
    })
}

/// Temperatures with the thresholds in reach, throttle, TEC, fan and power.
pub(crate) fn drawing(info: &Info, limits: &Limits, samples: &[Sample]) -> Lines {
    let series = |name: String, value: &dyn Fn(&Status) -> f64| Series {
        name,
        points: samples.iter().map(|s| (s.at, value(&s.status))).collect(),
    };
    let sensors = samples.iter().map(|s| s.status.sensors.len()).max();
    let mut temperatures: Vec<Series> = (0..sensors.unwrap_or(0))
        .map(|i| {
            let of = move |status: &Status| {
                let sensor = status.sensors.get(i);
                sensor.map_or(f64::NAN, |s| celsius(s.millidegrees))
            };
            series(sensor_name(i), &of)
        })
        .collect();
    let hottest = samples.iter().map(|s| s.status.die_mc).max().unwrap_or(0);
    temperatures.push(series("set point".into(), &|s| celsius(s.setpoint_mc)));
    for (name, threshold) in [
        ("throttle", limits.throttle_mc),
        ("full", limits.full_mc),
        ("emergency", limits.emergency_mc),
    ] {
        // One that is far away would only flatten the others.
        if hottest + 10_000 >= threshold {
            temperatures.push(series(name.into(), &|_| celsius(threshold)));
        }
    }
    let panel = |name: &str, unit: &str, series: Vec<Series>| Panel {
        name: name.to_owned(),
        unit: unit.to_owned(),
        series,
    };
    let one = |value: &dyn Fn(&Status) -> f64| vec![series(String::new(), value)];
    Lines {
        title: format!("Photonic processor {} ({})", info.number, info.backend),
        x_label: "time (s)".into(),
        panels: vec![
            panel("Temperature", "C", temperatures),
            panel(
                "Throttle",
                "%",
                one(&|s| f64::from(s.throttle_permille) / 10.0),
            ),
            panel("Laser", "mW", one(&|s| f64::from(s.laser_uw) / 1000.0)),
            panel(
                "TEC",
                "A, positive cools",
                one(&|s| f64::from(s.tec_ma) / 1000.0),
            ),
            panel("Fan", "RPM", one(&|s| f64::from(s.fan_rpm))),
            panel("Power", "W", one(&|s| f64::from(s.power_mw) / 1000.0)),
        ],
    }
}

/// Draws into `path`, as SVG or PNG by its ending.
fn write(path: &Path, lines: &Lines, width: u32) -> Result<(), Failure> {
    let wrong = |error: lightos_plot::Error| Failure::Usage(format!("the picture: {error}"));
    let size = Size::new(width, 1000).map_err(wrong)?;
    let bytes = if path.extension().is_some_and(|ending| ending == "png") {
        lines.to_png(size).map_err(wrong)?
    } else {
        lines.to_svg(size).into_bytes()
    };
    std::fs::write(path, bytes).map_err(|source| Failure::Write {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::{info, status};
    use super::*;

    #[test]
    fn thresholds_are_drawn_where_they_are_near() {
        let mut cool = status();
        cool.die_mc = 45_000;
        let names = |status: Status| {
            let lines = drawing(&info(), &Limits::default(), &[Sample { at: 0.0, status }]);
            let series = lines.panels[0].series.iter();
            series.map(|s| s.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(cool), ["mesh", "edge", "set point"]);
        let hot = ["mesh", "edge", "set point", "throttle", "full", "emergency"];
        assert_eq!(names(status()), hot);
    }

    #[test]
    fn a_row_has_a_place_for_every_column() {
        let sample = Sample {
            at: 1.5,
            status: status(),
        };
        let line = row(&sample);
        assert!(line.contains("95.10"), "{line}");
        assert!(line.ends_with("latched: over-temperature"), "{line}");
        assert_eq!(sample_json(&sample)["sensors_celsius"][0], 95.1);
    }
}
