// SPDX-License-Identifier: GPL-2.0

//! `lightctl photonic power`, `arm`, `disarm`, `clear`, `reset` and `limits`.

use std::ffi::OsString;
use std::process::Command;
use std::time::Duration;

use lightos::photonic::{Action, Error as Refusal, Happening, Kinds, Limits, Processor, Watcher};
use lightos::Error;
use serde_json::json;

use super::backend::{look, open};
use super::report::{limits_json, limits_rows};
use super::Common;
use crate::failure::Failure;
use crate::show::{print_json, print_text};

/// Up or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Direction {
    /// 1.0, 1.8, 2.5, 3.3, 5, 12 V
    Up,
    /// Laser off, then in reverse
    Down,
}

/// Arguments of `lightctl photonic power`.
#[derive(clap::Args)]
pub(crate) struct PowerArgs {
    /// Which way
    #[arg(value_enum)]
    direction: Direction,
    #[command(flatten)]
    common: Common,
}

/// Arguments of commands that take no others.
#[derive(clap::Args)]
pub(crate) struct PlainArgs {
    #[command(flatten)]
    common: Common,
}

/// Arguments of `lightctl photonic arm`.
#[derive(clap::Args)]
pub(crate) struct ArmArgs {
    /// What to run while it is armed [default: wait for Ctrl-C]
    #[arg(last = true, value_name = "COMMAND")]
    words: Vec<OsString>,
    /// Number of the processor
    #[arg(long, short, value_name = "N", default_value_t = 0)]
    device: u32,
}

/// How far a reset goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Level {
    /// End all jobs; phases and calibration stay
    Soft,
    /// The same, laser off, heaters to 0
    Function,
    /// The same, rails down and up again
    Power,
}

/// Arguments of `lightctl photonic reset`.
#[derive(clap::Args)]
pub(crate) struct ResetArgs {
    /// How far
    #[arg(value_enum)]
    level: Level,
    #[command(flatten)]
    common: Common,
}

/// Arguments of `lightctl photonic limits`.
#[derive(clap::Args)]
pub(crate) struct LimitsArgs {
    /// Throttling begins here: 40 or more [degrees Celsius, as all of these]
    #[arg(long, value_name = "C")]
    throttle: Option<f64>,
    /// At least 75 %, TEC and fan full: 2 above or more
    #[arg(long, value_name = "C")]
    full: Option<f64>,
    /// Laser off, latched: 2 above or more, at most 95
    #[arg(long, value_name = "C")]
    emergency: Option<f64>,
    /// To cool before a tier is left: 1 to 20
    #[arg(long, value_name = "C")]
    hysteresis: Option<f64>,
    /// What TEC and fan regulate to: 15 to 10 below the throttle
    #[arg(long, value_name = "C")]
    set_point: Option<f64>,
    #[command(flatten)]
    common: Common,
}

/// Does something and says that it is done.
fn act(action: Action, common: Common) -> Result<(), Failure> {
    let processor = open(common.device)?;
    processor.control(action)?;
    let state = processor.status()?.state;
    if common.json {
        return print_json(&json!({ "done": action.to_string(), "state": state.to_string() }));
    }
    print_text(&[("done", action.to_string()), ("state", state.to_string())])
}

/// `lightctl photonic power`.
pub(crate) fn power(args: &PowerArgs) -> Result<(), Failure> {
    let action = match args.direction {
        Direction::Up => Action::PowerUp,
        Direction::Down => Action::PowerDown,
    };
    act(action, args.common)
}

/// `lightctl photonic disarm`.
pub(crate) fn disarm(args: &PlainArgs) -> Result<(), Failure> {
    act(Action::Disarm, args.common)
}

/// `lightctl photonic clear`.
pub(crate) fn clear(args: &PlainArgs) -> Result<(), Failure> {
    act(Action::Clear, args.common)
}

/// `lightctl photonic reset`.
pub(crate) fn reset(args: &ResetArgs) -> Result<(), Failure> {
    let action = match args.level {
        Level::Soft => Action::ResetSoft,
        Level::Function => Action::ResetFunction,
        Level::Power => Action::ResetPower,
    };
    act(action, args.common)
}

/// `lightctl photonic arm`: the file stays open until the command is done. A signal
/// that ends this process closes it too, and the module turns the laser off.
pub(crate) fn arm(args: &ArmArgs) -> Result<(), Failure> {
    let processor = open(args.device)?;
    processor.arm().map_err(|error| match error {
        Error::Photonic(Refusal::NoPower { .. }) => Failure::NotHere(format!(
            "{error}: lightctl photonic power up --device {}",
            args.device
        )),
        Error::Photonic(Refusal::Latched { .. }) => Failure::NotHere(format!(
            "{error}: lightctl photonic clear --device {}",
            args.device
        )),
        error => error.into(),
    })?;
    match args.words.split_first() {
        None => hold(&processor),
        Some((program, words)) => {
            let status = Command::new(program).args(words).status();
            processor.disarm()?;
            let status = status.map_err(|source| Failure::Read {
                path: program.into(),
                source,
            })?;
            match status.code() {
                Some(0) => Ok(()),
                Some(code) => Err(Failure::Child(code.clamp(1, 255) as u8)),
                None => Err(Failure::Result(format!("the command ended by {status}"))),
            }
        }
    }
}

/// Waits until something turns the laser off.
fn hold(processor: &Processor) -> Result<(), Failure> {
    let number = processor.info().number;
    eprintln!("processor {number} is armed; Ctrl-C, or the end of this process, disarms it");
    let kinds = Kinds(lightos::sys::PHOTONIC_EVENT_LATCHED | lightos::sys::PHOTONIC_EVENT_LASER);
    let watcher = Watcher::new(processor.device(), 1 << number, kinds)?;
    loop {
        match watcher
            .wait(Duration::from_secs(60))?
            .map(|event| event.what)
        {
            Some(Happening::Latched(causes)) => {
                return Err(Failure::Result(format!("the laser is off: {causes}")))
            }
            Some(Happening::Laser(false)) => {
                return Err(Failure::Result("somebody turned the laser off".into()))
            }
            _ => {}
        }
    }
}

/// `lightctl photonic limits`.
pub(crate) fn limits(args: &LimitsArgs) -> Result<(), Failure> {
    let processor = look(args.common.device)?;
    let mut limits = processor.limits()?;
    if args.change(&mut limits)? {
        limits = open(args.common.device)?.set_limits(&limits)?;
    }
    if args.common.json {
        print_json(&limits_json(&limits))
    } else {
        print_text(&limits_rows(&limits))
    }
}

impl LimitsArgs {
    /// Puts what was given into `limits`; whether there was any.
    fn change(&self, limits: &mut Limits) -> Result<bool, Failure> {
        let given = [
            (self.throttle, &mut limits.throttle_mc),
            (self.full, &mut limits.full_mc),
            (self.emergency, &mut limits.emergency_mc),
            (self.hysteresis, &mut limits.hysteresis_mc),
            (self.set_point, &mut limits.setpoint_mc),
        ];
        let mut changed = false;
        for (degrees, place) in given {
            let Some(degrees) = degrees else { continue };
            if !(-1000.0..=1000.0).contains(&degrees) {
                return Err(Failure::Usage(format!("{degrees} is no temperature")));
            }
            *place = (degrees * 1000.0).round() as i32;
            changed = true;
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(throttle: Option<f64>, emergency: Option<f64>) -> LimitsArgs {
        LimitsArgs {
            throttle,
            full: None,
            emergency,
            hysteresis: None,
            set_point: None,
            common: Common::default(),
        }
    }

    #[test]
    fn only_what_is_given_changes() {
        let mut limits = Limits::default();
        assert!(!args(None, None).change(&mut limits).unwrap());
        assert_eq!(limits, Limits::default());
        assert!(args(Some(70.0), Some(80.25)).change(&mut limits).unwrap());
        assert_eq!((limits.throttle_mc, limits.emergency_mc), (70_000, 80_250));
        assert_eq!(limits.full_mc, Limits::default().full_mc);
        assert!(args(Some(f64::NAN), None).change(&mut limits).is_err());
        assert!(args(Some(1e9), None).change(&mut limits).is_err());
    }
}
