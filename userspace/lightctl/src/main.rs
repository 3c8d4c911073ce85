// SPDX-License-Identifier: GPL-2.0

//! `lightctl`: look at the LightOS module and run its demonstration.

mod digits;
mod engine;
mod failure;
mod moe;
mod photonic;
mod show;
mod snn;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lightos::Device;

use crate::failure::Failure;

/// Look at the LightOS kernel module and run its demonstration.
///
/// Exit status: 0 success, 1 a result is not good enough, 2 wrong usage or a
/// bad file, 3 the device or another user of it is in the way.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What the module is, its configuration and its counters
    Status {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// State of one device of the registry; 0 is the spiking engine
    Device {
        /// Number of the device
        id: u32,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// State of one neuron
    Neuron {
        /// Number of the neuron
        id: u32,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Configure the engine of v0.2.0 by a profile
    Profile {
        /// What for
        #[arg(value_enum)]
        profile: Purpose,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Classify handwritten digits in the spiking engine
    ///
    /// Takes the engine over for the time it runs, and gives it back in the
    /// configuration it had. Fails below 90 % correct.
    Digits(DigitsArgs),
    /// Run spiking networks: NIR graphs or weights, on recordings of events
    #[command(subcommand)]
    Snn(snn::Command),
    /// Route tokens to experts: logits, recorded choices, load balance
    #[command(subcommand)]
    Moe(moe::Command),
    /// Photonic processors: power, light, matrices, temperatures
    #[command(subcommand)]
    Photonic(photonic::Command),
}

/// The profiles of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Purpose {
    /// Rate encoding, cycles of 1000 us, target sparsity 69 %
    Default,
    /// Delta encoding, cycles of 500 us, target sparsity 69 %
    LowLatency,
    /// Delta encoding, cycles of 1000 us, target sparsity 80 %
    MaxEfficiency,
}

impl From<Purpose> for lightos::Profile {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Default => Self::Default,
            Purpose::LowLatency => Self::LowLatency,
            Purpose::MaxEfficiency => Self::MaxEfficiency,
        }
    }
}

/// Arguments of `lightctl digits`.
#[derive(clap::Args)]
struct DigitsArgs {
    /// Digits: 64 intensities and the label a line
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Weights made by scripts/train_digits.py
    #[arg(long, value_name = "FILE")]
    weights: PathBuf,
    /// Compare every digit with this exact simulation of the same events
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// How many of the test digits to classify [default: all]
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Status { json } => show::status(&Device::open_read_only()?, json),
        Command::Device { id, json } => show::device(&Device::open_read_only()?, id, json),
        Command::Neuron { id, json } => show::neuron(&Device::open_read_only()?, id, json),
        Command::Profile { profile, json } => show::profile(&Device::open()?, profile.into(), json),
        Command::Digits(args) => digits::command(&args),
        Command::Snn(command) => snn::command(&command),
        Command::Moe(command) => moe::command(&command),
        Command::Photonic(command) => photonic::command(&command),
    }
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !matches!(failure, Failure::Child(_)) {
                eprintln!("lightctl: {failure}");
            }
            failure.exit_code()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
        let cli = Cli::try_parse_from(["lightctl", "neuron", "42", "--json"]).unwrap();
        assert!(matches!(
            cli.command,
            Command::Neuron { id: 42, json: true }
        ));
        assert!(Cli::try_parse_from(["lightctl", "neuron", "-1"]).is_err());
        assert!(Cli::try_parse_from(["lightctl", "digits"]).is_err());
    }
}
