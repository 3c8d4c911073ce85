// SPDX-License-Identifier: GPL-2.0

//! `lightctl photonic list` and `status`.

use lightos::Device;
use serde_json::json;

use super::report::{info_json, info_rows, limits_rows, status_json, status_rows};
use super::{Common, Where};
use crate::failure::Failure;
use crate::show::{print_json, print_text};

/// Arguments of `lightctl photonic status`.
#[derive(clap::Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    at: Where,
}

/// Prints what processors there are.
pub(crate) fn list(as_json: bool) -> Result<(), Failure> {
    let processors = Device::open_read_only()?.photonic_processors()?;
    if as_json {
        let list: Vec<_> = processors.iter().map(info_json).collect();
        return print_json(&json!({ "processors": list }));
    }
    if processors.is_empty() {
        return Err(Failure::NoProcessor);
    }
    for info in &processors {
        print_text(&info_rows(info))?;
    }
    Ok(())
}

/// Prints how a processor is.
pub(crate) fn command(args: &StatusArgs) -> Result<(), Failure> {
    let processor = args.at.place(args.common).look()?;
    let (info, status, limits) = (processor.info(), processor.status()?, processor.limits()?);
    if args.common.json {
        return print_json(&status_json(info, &status, &limits));
    }
    print_text(&status_rows(info, &status))?;
    print_text(&limits_rows(&limits))
}
