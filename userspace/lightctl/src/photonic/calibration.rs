// SPDX-License-Identifier: GPL-2.0

//! `lightctl photonic calibration`: the blob of a processor.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{json, Value};

use super::backend::{look, open};
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
    let header = Header::of(&blob).ok_or_else(|| {
        let from = file.map_or("the processor's".to_owned(), |p| p.display().to_string());
        Failure::Usage(format!("{from}: no calibration of version 1"))
    })?;
    if let Some(path) = output {
        write(path, &blob)?;
    }
    match common.json {
        true => print_json(&header.json()),
        false => print_text(&header.rows()),
    }
}

/// Writes a blob.
pub(crate) fn write(path: &Path, blob: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, blob).map_err(|source| Failure::Write {
        path: path.to_owned(),
        source,
    })
}

/// What a blob says at its beginning. The format is described in
/// `photonic/mesh/calibration.rs`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    id: u32,
    serial: u64,
    /// Seconds since 1970, UTC.
    made: i64,
    celsius: f64,
    bytes: usize,
    modes: u16,
    wavelengths: u16,
    phase_bits: u16,
    splitters: bool,
    /// Amplitude.
    transmission: f64,
    crosstalk: [f64; 7],
    /// Rms of the fit, an amplitude.
    residual: f64,
}

impl Header {
    /// That of a blob of version 1.
    pub(crate) fn of(blob: &[u8]) -> Option<Self> {
        let two = |at: usize| Some(u16::from_le_bytes(*blob.get(at..)?.first_chunk()?));
        let four = |at: usize| Some(u32::from_le_bytes(*blob.get(at..)?.first_chunk()?));
        let eight = |at: usize| Some(u64::from_le_bytes(*blob.get(at..)?.first_chunk()?));
        if four(0)? != 0x434e_504c || two(4)? != 1 || blob.len() < 100 {
            return None;
        }
        let signed = |at: usize| four(at).map(|word| f64::from(word.cast_signed()));
        let mut crosstalk = [0.0; 7];
        for (at, share) in (48..).step_by(4).zip(&mut crosstalk) {
            *share = signed(at)? / 2f64.powi(30);
        }
        Some(Self {
            id: u32::from_le_bytes(*blob.last_chunk()?),
            serial: eight(8)?,
            made: eight(16)?.cast_signed(),
            celsius: signed(24)? / 1000.0,
            bytes: blob.len(),
            modes: two(32)?,
            wavelengths: two(34)?,
            phase_bits: two(36)?,
            splitters: two(38)? & 1 != 0,
            transmission: f64::from(four(40)?) / 2f64.powi(31),
            crosstalk,
            residual: f64::from(four(76)?) / 2f64.powi(31),
        })
    }

    /// For `--json`.
    pub(crate) fn json(&self) -> Value {
        json!({
            "calibration": format!("{:08x}", self.id),
            "serial": format!("{:016x}", self.serial),
            "made_unix": self.made,
            "celsius": self.celsius,
            "bytes": self.bytes,
            "modes": self.modes,
            "further_wavelengths": self.wavelengths,
            "phase_bits": self.phase_bits,
            "splitters_known": self.splitters,
            "transmission": self.transmission,
            "crosstalk": self.crosstalk,
            "residual": self.residual,
        })
    }

    /// For people.
    pub(crate) fn rows(&self) -> Vec<(&'static str, String)> {
        let crosstalk: Vec<String> = self
            .crosstalk
            .iter()
            .map(|share| format!("{:.2}", share * 100.0))
            .collect();
        let splitters = match self.splitters {
            true => "known",
            false => "not known",
        };
        vec![
            (
                "calibration",
                format!("{:08x}, {} bytes", self.id, self.bytes),
            ),
            (
                "made for",
                format!(
                    "serial {:016x}: {} modes, {} bits",
                    self.serial, self.modes, self.phase_bits
                ),
            ),
            ("made at", date(self.made)),
            ("temperature", format!("{:.2} C", self.celsius)),
            (
                "transmission",
                format!(
                    "{:.3} ({:.1} dB)",
                    self.transmission,
                    20.0 * self.transmission.log10()
                ),
            ),
            (
                "crosstalk",
                format!("{} % by distance", crosstalk.join(", ")),
            ),
            ("splitters", splitters.to_owned()),
            (
                "wavelengths",
                format!("the first and {} further", self.wavelengths),
            ),
            ("residual", format!("{:.1e} rms", self.residual)),
        ]
    }
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

    #[test]
    fn headers_are_read_with_care() {
        let mut blob = vec![0; 100];
        blob[..6].copy_from_slice(b"LPNC\x01\x00");
        blob[8] = 7;
        blob[32] = 32;
        blob[40..44].copy_from_slice(&(1u32 << 30).to_le_bytes());
        blob[96..].copy_from_slice(&0xdead_beefu32.to_le_bytes());
        let header = Header::of(&blob).unwrap();
        assert_eq!(
            (header.serial, header.modes, header.id),
            (7, 32, 0xdead_beef)
        );
        assert_eq!(header.transmission, 0.5);
        assert!(header.rows()[4].1.contains("-6.0 dB"));
        assert_eq!(Header::of(&blob[..99]), None);
        blob[4] = 2;
        assert_eq!(Header::of(&blob), None);
        assert_eq!(Header::of(&[]), None);
    }
}
