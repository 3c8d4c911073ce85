// SPDX-License-Identifier: GPL-2.0

//! `lightctl photonic fault`: faults of models, injected through debugfs.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::backend::look;
use crate::failure::Failure;

/// Where the kernel puts debugfs.
const DEBUGFS: &str = "/sys/kernel/debug";

/// Arguments of `lightctl photonic fault`.
#[derive(clap::Args)]
pub(crate) struct FaultArgs {
    /// What to inject: a name and its arguments; nothing prints what there is
    words: Vec<String>,
    /// Number of the processor
    #[arg(long, short, value_name = "N", default_value_t = 0)]
    device: u32,
}

/// Injects a fault, or prints which there are.
pub(crate) fn command(args: &FaultArgs) -> Result<(), Failure> {
    look(args.device)?;
    inject(Path::new(DEBUGFS), args)
}

fn inject(debugfs: &Path, args: &FaultArgs) -> Result<(), Failure> {
    let path = debugfs.join(format!("lightos/photonic/{}/inject", args.device));
    let line = line(&args.words)?;
    if line.is_empty() {
        let text =
            std::fs::read_to_string(&path).map_err(|source| refused(debugfs, path, source))?;
        print!("{text}");
        return Ok(());
    }
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, line.as_bytes()))
        .map_err(|source| match source.kind() {
            ErrorKind::InvalidInput => Failure::Usage(format!(
                "the module knows no fault `{}`; `lightctl photonic fault` prints which it does",
                line.trim_end()
            )),
            _ => refused(debugfs, path, source),
        })
}

/// The line that the module reads: NAME ARGS.
fn line(words: &[String]) -> Result<String, Failure> {
    if words.iter().any(|word| word.contains(['\n', '\0'])) {
        return Err(Failure::Usage("a fault is one line".into()));
    }
    let mut line = words.join(" ").trim().to_owned();
    if !line.is_empty() {
        line.push('\n');
    }
    Ok(line)
}

/// Why the file cannot be used, and what to do about it.
fn refused(debugfs: &Path, path: PathBuf, source: std::io::Error) -> Failure {
    let what = match source.kind() {
        ErrorKind::PermissionDenied => "needs root",
        ErrorKind::NotFound if !debugfs.join("lightos").exists() => {
            "debugfs is not mounted, or not for this user: mount -t debugfs none \
             /sys/kernel/debug, as root"
        }
        ErrorKind::NotFound => {
            "this module was built without fault injection, or the processor is no model"
        }
        _ => return Failure::Write { path, source },
    };
    Failure::NotHere(format!("{}: {what}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> FaultArgs {
        FaultArgs {
            words: words.iter().map(|&word| word.to_owned()).collect(),
            device: 3,
        }
    }

    #[test]
    fn a_fault_is_a_line_in_debugfs() {
        let debugfs = std::env::temp_dir().join(format!("lightctl-fault-{}", std::process::id()));
        let text = |args: &FaultArgs| inject(&debugfs, args).unwrap_err().to_string();
        assert!(text(&args(&["fan"])).contains("mount -t debugfs"));
        let folder = debugfs.join("lightos/photonic/3");
        std::fs::create_dir_all(&folder).unwrap();
        assert!(text(&args(&["fan"])).contains("without fault injection"));
        std::fs::write(folder.join("inject"), "").unwrap();
        inject(&debugfs, &args(&["sensor", "0", "open"])).unwrap();
        let written = std::fs::read_to_string(folder.join("inject")).unwrap();
        assert_eq!(written, "sensor 0 open\n");
        assert!(text(&args(&["a\nb"])).contains("one line"));
        std::fs::remove_dir_all(&debugfs).unwrap();
    }
}
