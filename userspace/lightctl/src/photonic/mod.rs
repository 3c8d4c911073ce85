// SPDX-License-Identifier: GPL-2.0

//! `lightctl photonic`: power, light, matrices and temperatures of photonic processors.

mod backend;
mod calibrate;
mod calibration;
mod digits;
mod events;
mod fault;
mod host;
mod matrix;
mod power;
mod report;
mod session;
mod status;
mod thermal;

use clap::Subcommand;

use self::backend::Place;
use crate::failure::Failure;

/// `lightctl photonic` and what follows it.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// What photonic processors there are
    List {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Power, laser, temperatures, calibration and counters of a processor
    Status(status::StatusArgs),
    /// Rails up or down, in their order
    Power(power::PowerArgs),
    /// Turn the key: light for as long as this command runs
    ///
    /// With a command it is run meanwhile, and its exit status is this one's. Without,
    /// the processor stays armed until Ctrl-C. It goes dark when this process ends,
    /// however it ends, or when a cause is latched.
    Arm(power::ArmArgs),
    /// Laser off, whoever armed it; needs no privilege
    Disarm(power::PlainArgs),
    /// Take latched causes back whose reasons are gone; does not arm
    Clear(power::PlainArgs),
    /// End all jobs, and more by level
    Reset(power::ResetArgs),
    /// Show or set the temperatures that the guard goes by
    Limits(power::LimitsArgs),
    /// Find the phases of a matrix, and measure how well the light does it
    Load(matrix::LoadArgs),
    /// Multiply vectors by a matrix
    Multiply(matrix::MultiplyArgs),
    /// Classify handwritten digits by a network whose matrices are light
    ///
    /// Fails if that is more than 1 percentage point worse than in floating point.
    Digits(digits::DigitsArgs),
    /// Find out what the chip is like, by measurements, and take that into use
    ///
    /// Needs light, and root. Heaters are swept column by column; other programs wait
    /// meanwhile, and bring their own phases afterwards.
    Calibrate(calibrate::CalibrateArgs),
    /// What is known of the chip: show it, take it into use, drop it
    #[command(subcommand)]
    Calibration(calibration::Command),
    /// Temperatures, throttle, TEC, fan and power over time
    Thermal(thermal::ThermalArgs),
    /// Print events as they happen
    Events(events::EventsArgs),
    /// Inject a fault into a model, where the module was built for that
    Fault(fault::FaultArgs),
}

/// Which processor, and how to tell of it.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
#[command(next_help_heading = "Options")]
pub(crate) struct Common {
    /// Number of the processor
    #[arg(long, short, value_name = "N", default_value_t = 0)]
    device: u32,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Where the processor is.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
#[command(next_help_heading = "Options")]
pub(crate) struct Where {
    /// Use a model in this process, in virtual time, not the module
    #[arg(long)]
    host: bool,
    /// Seed of that model: which chip of its make it is
    #[arg(long, value_name = "N", default_value_t = 1, requires = "host")]
    seed: u64,
    /// Modes of that model
    #[arg(long, value_name = "N", default_value_t = 32, requires = "host",
          value_parser = clap::value_parser!(u32).range(2..=32))]
    modes: u32,
}

impl Where {
    fn place(self, common: Common) -> Place {
        if self.host {
            Place::Host {
                modes: self.modes as usize,
                seed: self.seed,
            }
        } else {
            Place::Module {
                number: common.device,
            }
        }
    }
}

/// Carries a command out.
pub(crate) fn command(command: &Command) -> Result<(), Failure> {
    match command {
        Command::List { json } => status::list(*json),
        Command::Status(args) => status::command(args),
        Command::Power(args) => power::power(args),
        Command::Arm(args) => power::arm(args),
        Command::Disarm(args) => power::disarm(args),
        Command::Clear(args) => power::clear(args),
        Command::Reset(args) => power::reset(args),
        Command::Limits(args) => power::limits(args),
        Command::Load(args) => matrix::load(args),
        Command::Multiply(args) => matrix::multiply(args),
        Command::Digits(args) => digits::command(args),
        Command::Calibrate(args) => calibrate::command(args),
        Command::Calibration(args) => calibration::command(args),
        Command::Thermal(args) => thermal::command(args),
        Command::Events(args) => events::command(args),
        Command::Fault(args) => fault::command(args),
    }
}
