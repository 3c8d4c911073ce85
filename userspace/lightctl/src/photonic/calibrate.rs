// SPDX-License-Identifier: GPL-2.0

//! `lightctl photonic calibrate`.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lightos::photonic::calibrate::{
    calibrate, Blob, Info, Measurement, Options, Probe, ProbeError, Shot,
};
use lightos::photonic::{shoot, wait_for, Error as Refusal, Limits};
use lightos::Error;
use serde_json::json;

use super::backend::Backend;
use super::calibration::{about_json, about_rows, write};
use super::session::{Session, UseArgs};
use super::Common;
use crate::failure::Failure;
use crate::show::{print_json, print_text};
use crate::snn::progress::Progress;

/// Arguments of `lightctl photonic calibrate`.
#[derive(clap::Args)]
pub(crate) struct CalibrateArgs {
    /// Write the calibration to a file, too
    #[arg(long, short, value_name = "BLOB")]
    output: Option<PathBuf>,
    /// Do not take it into use
    #[arg(long)]
    dry_run: bool,
    /// Half the measurements and one pass over them: some digits less
    #[arg(long)]
    fast: bool,
    /// Settings of the heaters for each column [default: 24, 12 with --fast]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(4..=1000))]
    settings: Option<u32>,
    /// Random programs of the whole chip [default: 160, 80 with --fast]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    programs: Option<u32>,
    /// Measurements that each value is the mean of
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    averages: u32,
    /// Warm the die by so many degrees for how phases drift; 0: do not, and compensate nothing
    #[arg(long, value_name = "C", default_value_t = 10.0)]
    warmer: f64,
    /// Use so much of the heaters' power, in percent: all heaters together must not give more
    /// heat than the TEC can take away
    #[arg(long, value_name = "P", default_value_t = 70, value_parser = clap::value_parser!(u32).range(50..=100))]
    drive: u32,
    /// Calibrate further wavelengths: numbers with commas between
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    wavelengths: Vec<usize>,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    processor: UseArgs,
}

impl CalibrateArgs {
    fn options(&self) -> Options {
        let whole = Options::default();
        let less = if self.fast { 2 } else { 1 };
        let or = |given: Option<u32>, otherwise: usize| match given {
            Some(count) => count as usize,
            None => otherwise / less,
        };
        Options {
            settings: or(self.settings, whole.settings),
            programs: or(self.programs, whole.programs),
            programs_again: whole.programs_again / less,
            averages: self.averages,
            warmer: (self.warmer > 0.0).then_some(self.warmer),
            wavelengths: self.wavelengths.clone(),
            passes: if self.fast { 1 } else { whole.passes },
            ..whole
        }
    }
}

/// How far the die may be from where it was at first, in degrees. Heaters that take another
/// power warm it until the TEC has caught up.
const STRAY: f64 = 0.3;
/// How often a measurement is made again for that, and after how long.
const TRIES: u32 = 40;
const SETTLE: Duration = Duration::from_millis(100);

/// A processor that is measured, and how far it is.
struct Bench<'a> {
    processor: &'a dyn Backend,
    progress: Progress,
    shots: u64,
    /// Of full heater power, in percent.
    drive: u32,
    /// The temperature to measure at, once it is known.
    home: Option<f64>,
    /// Thresholds as they were; the set point comes back at the end.
    limits: Limits,
}

impl Probe for Bench<'_> {
    fn info(&self) -> Info {
        let info = self.processor.info();
        let share = f64::from(self.drive) / 100.0;
        let share = if info.square_law { share.sqrt() } else { share };
        Info {
            code_limit: (f64::from(info.code_limit) * share) as u32,
            ..info.into()
        }
    }

    fn probe(&mut self, shot: &Shot<'_>) -> Result<Measurement, ProbeError> {
        self.shots += 1;
        self.progress.at(self.shots);
        let modes = self.processor.info().modes as usize;
        let mut left = TRIES;
        loop {
            let measured = shoot(shot, modes, |probe| self.processor.probe(probe))?;
            let home = *self.home.get_or_insert(measured.temperature);
            left -= 1;
            if left == 0 || (measured.temperature - home).abs() <= STRAY {
                return Ok(measured);
            }
            self.processor.sleep(SETTLE);
        }
    }

    fn set_temperature(&mut self, celsius: f64) -> Result<(), ProbeError> {
        let limits = Limits {
            setpoint_mc: (celsius * 1000.0).round() as i32,
            ..self.limits
        };
        self.processor.set_limits(&limits)?;
        let status = || self.processor.status();
        wait_for(limits.setpoint_mc, status, |time| {
            self.processor.sleep(time)
        })
    }
}

impl Drop for Bench<'_> {
    fn drop(&mut self) {
        // Nobody else is to find another set point. An error would be that of a processor
        // which is gone.
        let _ = self.processor.set_limits(&self.limits);
    }
}

/// Carries the command out.
pub(crate) fn command(args: &CalibrateArgs) -> Result<(), Failure> {
    let options = args.options();
    if !(0.0..=20.0).contains(&args.warmer) {
        return Err(Failure::Usage("--warmer: 0 to 20 degrees".into()));
    }
    let session = Session::begin(&args.processor, args.common)?;
    let processor = &*session.processor;
    let modes = u64::from(processor.info().modes);
    let further = options.wavelengths.len() + usize::from(options.warmer.is_some());
    let shots = (2 * modes + 1) * options.settings as u64
        + (options.programs + further * options.programs_again) as u64;
    let begin = Instant::now();
    let mut bench = Bench {
        processor,
        progress: Progress::new("measurements", shots),
        shots: 0,
        drive: args.drive,
        home: None,
        limits: processor.limits()?,
    };
    let found = calibrate(&mut bench, &options).map_err(failed)?;
    drop(bench);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let made = now.map_or(0, |time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX));
    let mut blob = Blob::new(&found, made);
    // Jobs may use all of it.
    let limit = u16::try_from(processor.info().code_limit).unwrap_or(u16::MAX);
    blob.heaters
        .iter_mut()
        .for_each(|heater| heater.limit = limit);
    let bytes = blob.encode();
    if let Some(path) = &args.output {
        write(path, &bytes)?;
    }
    if !args.dry_run {
        processor.load_calibration(&bytes)?;
    }
    let seconds = begin.elapsed().as_secs_f64();
    if args.common.json {
        let mut value = about_json(&bytes, &blob);
        value["ran_in"] = json!(session.place.name());
        value["settings_measured"] = json!(found.shots);
        value["inputs_measured"] = json!(found.inputs);
        value["seconds"] = json!(seconds);
        value["loaded"] = json!(!args.dry_run);
        return print_json(&value);
    }
    let mut rows = vec![
        ("ran in", format!("the {}", session.place.name())),
        (
            "measured",
            format!(
                "{} settings, {} inputs, {seconds:.1} s",
                found.shots, found.inputs
            ),
        ),
    ];
    rows.extend(about_rows(&bytes, &blob));
    let used = match args.dry_run {
        true => "no",
        false => "yes: jobs from here on go by it",
    };
    rows.push(("in use", used.to_owned()));
    if let Some(path) = &args.output {
        rows.push(("written", path.display().to_string()));
    }
    print_text(&rows)
}

/// Why a calibration failed, with what to do about it.
fn failed(error: lightos::photonic::calibrate::Error) -> Failure {
    use lightos::photonic::calibrate::Error as Reason;
    match error {
        Reason::Probe(ProbeError::Dark) | Reason::Dark => Failure::NotHere(format!(
            "{error}: add --arm, or run it under `lightctl photonic arm -- …`"
        )),
        Reason::Probe(ProbeError::Other(other)) => match other.downcast::<Error>() {
            Ok(error) => match *error {
                Error::Photonic(Refusal::Privileged { .. }) => Failure::NotHere(
                    "measuring with raw codes needs CAP_SYS_ADMIN: run as root".into(),
                ),
                error => error.into(),
            },
            Err(other) => Failure::Result(other.to_string()),
        },
        error => Failure::Result(format!("not calibrated: {error}")),
    }
}
