// SPDX-License-Identifier: GPL-2.0

//! `lightctl photonic calibration`: the blob of a processor.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use lightos::photonic::calibrate::Blob;
use serde_json::{json, Value};

use super::backend::{look, open};
use super::report::celsius;
use super::Common;
use crate::failure::Failure;
use crate::show::{print_json, print_text};

/// `lightctl photonic calibration` and what follows it.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Describe the calibration in use, or one in a file
    Show {
        /// A file instead of the processor
        #[arg(long, value_name = "BLOB")]
        file: Option<PathBuf>,
        /// Write the blob to a file, too
        #[arg(long, short, value_name = "BLOB")]
        output: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// Take a calibration into use; without a file, that of the firmware loader
    Load {
        /// A file made by `lightctl photonic calibrate` [default:
        /// lightos/cal-SERIAL.bin, where the kernel looks for firmware]
        file: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// Back to uncalibrated mode
    Drop {
        #[command(flatten)]
        common: Common,
    },
}

/// Carries a command out.
pub(crate) fn command(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Show {
            file,
            output,
            common,
        } => show(file.as_deref(), output.as_deref(), *common),
        Command::Load { file, common } => {
            let processor = open(common.device)?;
            match file {
                Some(path) => processor.load_calibration(&read(path)?)?,
                None => processor.load_firmware()?,
            }
            report(processor.status()?.calibration, *common)
        }
        Command::Drop { common } => {
            let processor = open(common.device)?;
            processor.drop_calibration()?;
            report(processor.status()?.calibration, *common)
        }
    }
}

/// Which calibration is in use now.
fn report(id: Option<u32>, common: Common) -> Result<(), Failure> {
    let id = id.map(|id| format!("{id:08x}"));
    if common.json {
        return print_json(&json!({ "calibration": id }));
    }
    let text = id.unwrap_or_else(|| "none: phases are nominal".to_owned());
    print_text(&[("calibration", text)])
}

/// The blob in a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|source| Failure::Read {
        path: path.to_owned(),
        source,
    })
}

fn show(file: Option<&Path>, output: Option<&Path>, common: Common) -> Result<(), Failure> {
    let blob = match file {
        Some(path) => read(path)?,
        None => match look(common.device)?.calibration()? {
            Some(blob) => blob,
            None if common.json => return print_json(&Value::Null),
            None => return print_text(&[("calibration", "none: phases are nominal".to_owned())]),
        },
    };
    let from = || file.map_or("the processor".to_owned(), |p| p.display().to_string());
    let read = Blob::decode(&blob);
    let read = read.map_err(|error| Failure::Usage(format!("{}: {error}", from())))?;
    if let Some(path) = output {
        write(path, &blob)?;
    }
    match common.json {
        true => print_json(&about_json(&blob, &read)),
        false => print_text(&about_rows(&blob, &read)),
    }
}

/// Writes a blob.
pub(crate) fn write(path: &Path, blob: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, blob).map_err(|source| Failure::Write {
        path: path.to_owned(),
        source,
    })
}

/// Its checksum, by which it is known.
fn id(blob: &[u8]) -> String {
    let sum = blob
        .last_chunk()
        .map_or(0, |&word| u32::from_le_bytes(word));
    format!("{sum:08x}")
}

/// A calibration, for `--json`.
pub(crate) fn about_json(bytes: &[u8], blob: &Blob) -> Value {
    let further: Vec<usize> = blob.wavelengths.iter().map(|w| w.index).collect();
    json!({
        "calibration": id(bytes),
        "serial": format!("{:016x}", blob.serial),
        "made_unix": blob.made,
        "celsius": celsius(blob.temperature_mc),
        "bytes": bytes.len(),
        "modes": blob.modes,
        "phase_bits": blob.phase_bits,
        "further_wavelengths": further,
        "splitters_known": blob.splitters.is_some(),
        "transmission": blob.transmission,
        "crosstalk": blob.crosstalk,
        "residual": blob.residual,
        "heat_change_per_degree": blob.heat_tempco,
    })
}

/// A calibration, for people.
pub(crate) fn about_rows(bytes: &[u8], blob: &Blob) -> Vec<(&'static str, String)> {
    let crosstalk: Vec<String> = blob
        .crosstalk
        .iter()
        .map(|share| format!("{:.2}", share * 100.0))
        .collect();
    let tempco = blob.heaters.iter().map(|h| h.tempco.powi(2)).sum::<f64>();
    let drift = (tempco / blob.heaters.len().max(1) as f64).sqrt();
    let splitters = match &blob.splitters {
        Some(pairs) => {
            let sum: f64 = pairs.iter().flatten().map(|error| error.powi(2)).sum();
            let rms = (sum / (2 * pairs.len()).max(1) as f64).sqrt();
            format!("{rms:.4} rad rms from 50:50")
        }
        None => "not known".to_owned(),
    };
    vec![
        (
            "calibration",
            format!("{}, {} bytes", id(bytes), bytes.len()),
        ),
        (
            "made for",
            format!(
                "serial {:016x}: {} modes, {} bits",
                blob.serial, blob.modes, blob.phase_bits
            ),
        ),
        ("made at", date(blob.made)),
        (
            "temperature",
            format!(
                "{:.2} C; phases drift by {:.4} rad a degree, rms",
                celsius(blob.temperature_mc),
                drift
            ),
        ),
        (
            "transmission",
            format!(
                "{:.3} of the amplitude ({:.1} dB)",
                blob.transmission,
                20.0 * blob.transmission.log10()
            ),
        ),
        (
            "crosstalk",
            format!("{} %, by distance", crosstalk.join(", ")),
        ),
        ("splitters", splitters),
        (
            "wavelengths",
            format!("the first and {} further", blob.wavelengths.len()),
        ),
        ("residual", format!("{:.1e} rms", blob.residual)),
    ]
}

/// A time of Unix as date and time, UTC. The algorithm for the civil calendar is that of H.
/// Hinnant, "chrono-compatible low-level date algorithms".
fn date(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    if !(-100_000_000..100_000_000).contains(&days) {
        return format!("{seconds} s after 1970");
    }
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!(
        "{year}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // As `date -u -d @SECONDS` prints them.
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_735_689_599, "2024-12-31 23:59:59 UTC"),
            (-1, "1969-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(date(seconds), text);
        }
        assert!(date(i64::MAX).contains("after 1970"));
    }
}
