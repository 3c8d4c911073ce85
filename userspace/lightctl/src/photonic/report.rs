// SPDX-License-Identifier: GPL-2.0

//! Figures of processors, for people and as JSON.

use lightos::photonic::{Counters, Info, Limits, Sensor, SensorFault, Status, SENSOR_NAMES};
use serde_json::{json, Value};

/// Names of the rails, in the order in which they come up.
pub(crate) const RAIL_NAMES: [&str; 6] = [
    "1.0 V digital",
    "1.8 V digital",
    "2.5 V analog",
    "3.3 V analog",
    "5 V laser",
    "12 V laser",
];

/// Degrees Celsius of millidegrees.
pub(crate) fn celsius(millidegrees: i32) -> f64 {
    f64::from(millidegrees) / 1000.0
}

/// The name of sensor `index`.
pub(crate) fn sensor_name(index: usize) -> String {
    match SENSOR_NAMES.get(index) {
        Some(name) => (*name).to_owned(),
        None => format!("sensor {index}"),
    }
}

/// The name of rail `index`.
fn rail_name(index: usize) -> String {
    match RAIL_NAMES.get(index) {
        Some(name) => (*name).to_owned(),
        None => format!("rail {index}"),
    }
}

pub(crate) fn info_json(info: &Info) -> Value {
    json!({
        "device": info.number,
        "back_end": info.backend.to_string(),
        "revision": format!("{}.{}", info.revision.0, info.revision.1),
        "serial": format!("{:016x}", info.serial),
        "capabilities": info.capabilities.names(),
        "modes": info.modes,
        "crossings": info.crossings,
        "channels": info.channels,
        "wavelengths": info.wavelengths,
        "wavelength_nm": f64::from(info.wavelength_pm) / 1000.0,
        "wavelength_step_nm": f64::from(info.wavelength_step_pm) / 1000.0,
        "phase_bits": info.phase_bits,
        "input_bits": info.input_bits,
        "output_bits": info.output_bits,
        "heater_law": law(info),
        "settle_us": info.settle_us,
        "full_scale_turns": info.full_scale_turns(),
        "code_limit": info.code_limit,
        "device_id": info.device_id,
    })
}

fn law(info: &Info) -> &'static str {
    if info.square_law {
        "square"
    } else {
        "linear"
    }
}

pub(crate) fn info_rows(info: &Info) -> Vec<(&'static str, String)> {
    let what = format!(
        "{} ({}), serial {:016x}, registers {}.{}",
        info.number, info.backend, info.serial, info.revision.0, info.revision.1
    );
    let mesh = format!(
        "{} modes, {} interferometers, {} heaters",
        info.modes, info.crossings, info.channels
    );
    let converters = format!(
        "phases {} bits ({} law), inputs {}, outputs {}; phases settle in {} us",
        info.phase_bits,
        law(info),
        info.input_bits,
        info.output_bits,
        info.settle_us
    );
    let nm = |pm: u32| f64::from(pm) / 1000.0;
    let light = format!(
        "{} wavelengths from {:.3} nm on, {:.3} nm apart",
        info.wavelengths,
        nm(info.wavelength_pm),
        nm(info.wavelength_step_pm)
    );
    vec![
        ("processor", what),
        ("mesh", mesh),
        ("converters", converters),
        ("light", light),
    ]
}

fn sensor_json(index: usize, sensor: &Sensor) -> Value {
    json!({
        "name": sensor_name(index),
        "celsius": celsius(sensor.millidegrees),
        "fault": (sensor.fault != SensorFault::None).then(|| sensor.fault.to_string()),
    })
}

pub(crate) fn status_json(info: &Info, status: &Status, limits: &Limits) -> Value {
    let sensors = status.sensors.iter().enumerate();
    let rails = status.rails.iter().enumerate().map(|(i, rail)| {
        json!({
            "name": rail_name(i),
            "state": rail.state.to_string(),
            "millivolts": rail.millivolts,
            "milliamperes": rail.milliamperes,
        })
    });
    json!({
        "processor": info_json(info),
        "state": status.state.to_string(),
        "causes": status.causes.names(),
        "first_cause": status.first_cause.names().first(),
        "armed": status.armed,
        "emission": status.emission,
        "laser_mw": f64::from(status.laser_uw) / 1000.0,
        "throttle_percent": f64::from(status.throttle_permille) / 10.0,
        "die_celsius": celsius(status.die_mc),
        "set_point_celsius": celsius(status.setpoint_mc),
        "sensors": sensors.map(|(i, sensor)| sensor_json(i, sensor)).collect::<Vec<_>>(),
        "tec_ma": status.tec_ma,
        "fan_rpm": status.fan_rpm,
        "fan_pwm": status.fan_pwm,
        "rails": rails.collect::<Vec<_>>(),
        "power_mw": status.power_mw,
        "calibration": status.calibration.map(|id| format!("{id:08x}")),
        "limits": limits_json(limits),
        "counters": counters_json(&status.counters),
    })
}

fn counters_json(counters: &Counters) -> Value {
    json!({
        "ticks": counters.ticks,
        "ticks_missed": counters.ticks_missed,
        "trips": counters.trips,
        "latches": counters.latches,
        "rearms": counters.rearms,
        "throttled_ns": counters.throttled_ns,
        "tick_ns": counters.tick_ns,
        "tick_max_ns": counters.tick_max_ns,
        "trip_max_ns": counters.trip_max_ns,
        "late_max_ns": counters.late_max_ns,
        "jobs": counters.jobs,
        "jobs_failed": counters.jobs_failed,
        "vectors": counters.vectors,
        "busy_ns": counters.busy_ns,
        "resets": counters.resets,
        "commits": counters.commits,
    })
}

pub(crate) fn limits_json(limits: &Limits) -> Value {
    json!({
        "throttle_celsius": celsius(limits.throttle_mc),
        "full_celsius": celsius(limits.full_mc),
        "emergency_celsius": celsius(limits.emergency_mc),
        "hysteresis_celsius": celsius(limits.hysteresis_mc),
        "set_point_celsius": celsius(limits.setpoint_mc),
    })
}

pub(crate) fn limits_rows(limits: &Limits) -> Vec<(&'static str, String)> {
    let degrees = |mc: i32| format!("{:.1} C", celsius(mc));
    vec![
        ("throttle", format!("{} up", degrees(limits.throttle_mc))),
        (
            "full throttle",
            format!("{} up: at least 75 %", degrees(limits.full_mc)),
        ),
        (
            "emergency",
            format!("{} up: laser off, latched", degrees(limits.emergency_mc)),
        ),
        ("hysteresis", degrees(limits.hysteresis_mc)),
        ("set point", degrees(limits.setpoint_mc)),
    ]
}

pub(crate) fn status_rows(info: &Info, status: &Status) -> Vec<(&'static str, String)> {
    let mut rows = info_rows(info);
    rows.push(("state", status.state.to_string()));
    if !status.causes.is_empty() {
        let first = format!("{}; first: {}", status.causes, status.first_cause);
        rows.push(("latched", first));
    }
    rows.push(("laser", laser(status)));
    rows.extend(thermal_rows(status));
    rows.extend(rail_rows(status));
    let calibration = match status.calibration {
        Some(id) => format!("{id:08x}"),
        None => "none: phases are nominal".to_owned(),
    };
    rows.push(("calibration", calibration));
    rows.extend(counter_rows(&status.counters));
    rows
}

fn laser(status: &Status) -> String {
    let key = if status.armed { "armed" } else { "not armed" };
    let light = if status.emission { "on" } else { "off" };
    format!(
        "{light}, {key}, {:.1} mW",
        f64::from(status.laser_uw) / 1000.0
    )
}

fn thermal_rows(status: &Status) -> Vec<(&'static str, String)> {
    let sensor = |(i, sensor): (usize, &Sensor)| match sensor.fault {
        SensorFault::None => format!("{} {:.1}", sensor_name(i), celsius(sensor.millidegrees)),
        fault => format!("{} {fault}", sensor_name(i)),
    };
    let sensors: Vec<String> = status.sensors.iter().enumerate().map(sensor).collect();
    vec![
        (
            "temperature",
            format!(
                "{:.1} C, set point {:.1} C ({})",
                celsius(status.die_mc),
                celsius(status.setpoint_mc),
                sensors.join(", ")
            ),
        ),
        (
            "throttle",
            format!("{:.1} %", f64::from(status.throttle_permille) / 10.0),
        ),
        (
            "cooling",
            format!(
                "TEC {} mA, fan {} RPM (PWM {})",
                status.tec_ma, status.fan_rpm, status.fan_pwm
            ),
        ),
    ]
}

fn rail_rows(status: &Status) -> Vec<(&'static str, String)> {
    let rail = |(i, rail): (usize, &lightos::photonic::Rail)| {
        let text = format!(
            "{:<14} {:<12} {:>6} mV {:>6} mA",
            rail_name(i),
            rail.state,
            rail.millivolts,
            rail.milliamperes
        );
        (if i == 0 { "rails" } else { "" }, text)
    };
    let mut rows: Vec<(&'static str, String)> = status.rails.iter().enumerate().map(rail).collect();
    rows.push(("power", watts(status.power_mw)));
    rows
}

/// Power, with three digits or more.
pub(crate) fn watts(milliwatts: u32) -> String {
    format!("{:.3} W", f64::from(milliwatts) / 1000.0)
}

fn counter_rows(counters: &Counters) -> Vec<(&'static str, String)> {
    let mean = counters.tick_ns / counters.ticks.max(1);
    let us = |ns: u64| ns as f64 / 1000.0;
    vec![
        (
            "guard",
            format!(
                "{} ticks, {} missed, {:.1} us each, at most {:.1}; latest {:.0} us",
                counters.ticks,
                counters.ticks_missed,
                us(mean),
                us(counters.tick_max_ns),
                us(counters.late_max_ns)
            ),
        ),
        (
            "shutdowns",
            format!(
                "{} emergencies, {} causes latched; sample to write at most {:.1} us",
                counters.trips,
                counters.latches,
                us(counters.trip_max_ns)
            ),
        ),
        ("armed", format!("{} times", counters.rearms)),
        (
            "jobs",
            format!(
                "{} done, {} failed, {} vectors, {:.3} s",
                counters.jobs,
                counters.jobs_failed,
                counters.vectors,
                counters.busy_ns as f64 / 1e9
            ),
        ),
        (
            "resets",
            format!(
                "{}; {} commits of phases",
                counters.resets, counters.commits
            ),
        ),
    ]
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use lightos::photonic::{Capabilities, Causes, Rail, RailState, State};
    use lightos::Backend;

    pub(crate) fn info() -> Info {
        Info {
            number: 0,
            devices: 1,
            backend: Backend::Model,
            revision: (1, 0),
            serial: 0x1234,
            capabilities: Capabilities(0b11101),
            modes: 32,
            crossings: 1024,
            channels: 2080,
            wavelengths: 4,
            phase_bits: 12,
            input_bits: 10,
            output_bits: 12,
            square_law: true,
            settle_us: 50,
            full_scale: 98_304,
            code_limit: 4095,
            rails: 6,
            sensors: 5,
            device_id: 1,
            wavelength_pm: 1_550_000,
            wavelength_step_pm: 800,
        }
    }

    pub(crate) fn status() -> Status {
        let good = |millidegrees| Sensor {
            millidegrees,
            fault: SensorFault::None,
        };
        Status {
            state: State::Error,
            causes: Causes(1),
            first_cause: Causes(1),
            armed: false,
            emission: false,
            laser_uw: 0,
            throttle_permille: 750,
            sensors: vec![
                good(95_100),
                Sensor {
                    millidegrees: 0,
                    fault: SensorFault::Open,
                },
            ],
            die_mc: 95_100,
            setpoint_mc: 45_000,
            tec_ma: 3000,
            fan_rpm: 4000,
            fan_pwm: 255,
            rails: vec![
                Rail {
                    state: RailState::On,
                    millivolts: 1001,
                    milliamperes: 500,
                };
                6
            ],
            power_mw: 3_003,
            calibration: Some(0xdead_beef),
            counters: Counters::default(),
        }
    }

    #[test]
    fn a_latched_cause_stands_out() {
        let rows = status_rows(&info(), &status());
        let row = |name: &str| rows.iter().find(|row| row.0 == name).unwrap().1.clone();
        assert_eq!(row("latched"), "over-temperature; first: over-temperature");
        assert_eq!(row("laser"), "off, not armed, 0.0 mW");
        assert!(row("temperature").contains("mesh 95.1, edge open"));
        assert_eq!(row("calibration"), "deadbeef");
        let mut well = status();
        well.causes = Causes(0);
        assert!(status_rows(&info(), &well)
            .iter()
            .all(|row| row.0 != "latched"));
    }

    #[test]
    fn json_carries_units_in_its_names() {
        let value = status_json(&info(), &status(), &Limits::default());
        assert_eq!(value["processor"]["serial"], "0000000000001234");
        assert_eq!(value["processor"]["back_end"], "model");
        assert_eq!(value["causes"][0], "over-temperature");
        assert_eq!(value["throttle_percent"], 75.0);
        assert_eq!(value["sensors"][1]["fault"], "open");
        assert!(value["sensors"][0]["fault"].is_null());
        assert_eq!(value["rails"][5]["name"], "12 V laser");
        assert_eq!(value["limits"]["emergency_celsius"], 95.0);
        assert_eq!(value["calibration"], "deadbeef");
    }
}
