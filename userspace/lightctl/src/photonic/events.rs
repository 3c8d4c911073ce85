// SPDX-License-Identifier: GPL-2.0

//! `lightctl photonic events`.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use lightos::photonic::{Event, Kinds, Watcher};
use lightos::Device;
use serde_json::{json, Value};

use crate::failure::Failure;

/// Arguments of `lightctl photonic events`.
#[derive(clap::Args)]
pub(crate) struct EventsArgs {
    /// Number of the processor [default: all]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u32).range(..16))]
    device: Option<u32>,
    /// Stop after this time [default: at Ctrl-C]
    #[arg(long, value_name = "S")]
    seconds: Option<f64>,
    /// Stop after so many events
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Print a JSON object a line, an event each
    #[arg(long)]
    json: bool,
}

/// Prints events as they come.
pub(crate) fn command(args: &EventsArgs) -> Result<(), Failure> {
    let device = Device::open()?;
    if device.photonic_processors()?.is_empty() {
        return Err(Failure::NoProcessor);
    }
    let processors = args
        .device
        .map_or(u32::from(u16::MAX), |number| 1 << number);
    let watcher = Watcher::new(&device, processors, Kinds::ALL)?;
    let limit = match args.seconds.map(Duration::try_from_secs_f64).transpose() {
        Ok(limit) => limit,
        Err(_) => return Err(Failure::Usage("--seconds: no time".into())),
    };
    let begin = Instant::now();
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        let rest = match limit {
            None => Duration::from_secs(60),
            Some(limit) => match limit.checked_sub(begin.elapsed()) {
                None => break,
                Some(rest) => rest,
            },
        };
        if let Some(event) = watcher.wait(rest)? {
            print(&event, args.json)?;
            left -= 1;
        }
    }
    Ok(())
}

fn print(event: &Event, as_json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if as_json {
        writeln!(out, "{}", event_json(event))?;
    } else {
        writeln!(
            out,
            "{:>14.6} processor {} {}",
            event.time_ns as f64 / 1e9,
            event.processor,
            event.what
        )?;
    }
    // Somebody may wait for the line behind a pipe.
    out.flush()?;
    Ok(())
}

fn event_json(event: &Event) -> Value {
    json!({
        "time_ns": event.time_ns,
        "device": event.processor,
        "kind": event.what.kind(),
        "text": event.what.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lightos::photonic::{Causes, Happening};

    #[test]
    fn an_event_is_a_line() {
        let event = Event {
            time_ns: 5,
            processor: 1,
            what: Happening::Latched(Causes(1 << 6)),
        };
        let value = event_json(&event);
        assert_eq!(value["kind"], "latched");
        assert_eq!(value["text"], "latched: interlock");
        assert!(!value.to_string().contains('\n'));
    }
}
