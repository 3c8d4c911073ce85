// SPDX-License-Identifier: GPL-2.0

//! `lightctl moe`: gates of mixtures of experts, on logits and recorded choices.

mod backend;
mod balance;
mod capacity;
mod configure;
mod host;
mod map;
mod place;
mod report;
mod route;
mod rule;
mod runner;
mod source;
mod stats;
mod trace;

use std::io::{self, Write};

use clap::Subcommand;

use self::backend::Place;
use crate::failure::Failure;

/// `lightctl moe` and what follows it.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Check and describe the rules of a gate, or give them to a named one
    Configure(configure::ConfigureArgs),
    /// Route tokens and print statistics of each layer
    Route(route::RouteArgs),
    /// Even out the loads of recorded choices with the loss-free bias rule
    Balance(balance::BalanceArgs),
    /// Print how much is dropped at several capacity factors
    Capacity(capacity::CapacityArgs),
    /// Place replicas of experts on devices by their loads (EPLB)
    Place(place::PlaceArgs),
    /// Print the statistics of a named gate
    Stats(stats::StatsArgs),
    /// Draw the load of each layer and expert
    Map(map::MapArgs),
}

/// What all commands have that route.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
#[command(next_help_heading = "Options")]
pub(crate) struct Common {
    /// Use the same arithmetic in this process, not in the module
    #[arg(long)]
    host: bool,
    /// Do the same in this process and compare every result; fail if one differs
    #[arg(long, conflicts_with = "host")]
    compare: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Common {
    fn place(self) -> Place {
        if self.host {
            Place::Host
        } else {
            Place::Module
        }
    }
}

/// Carries a command out.
pub(crate) fn command(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Configure(args) => configure::command(args),
        Command::Route(args) => route::command(args),
        Command::Balance(args) => balance::command(args),
        Command::Capacity(args) => capacity::command(args),
        Command::Place(args) => place::command(args),
        Command::Stats(args) => stats::command(args),
        Command::Map(args) => map::command(args),
    }
}

/// Prints lines.
fn print_lines(lines: &[String]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
