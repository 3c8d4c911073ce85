// SPDX-License-Identifier: GPL-2.0

//! A processor in use: its light, and matrices on it.

use std::path::PathBuf;

use lightos::photonic::{
    Action, Complex, Error as Refusal, JobEnd, Matrix, Multiply, Options, Program, Splitters,
    State, Tiles, Vectors,
};
use lightos::Error;

use super::backend::{Backend, Place};
use super::{Common, Where};
use crate::failure::Failure;

/// Passes over all crossings that make up for those which splitters keep from their phases.
const SWEEPS: usize = 8;

/// Where the processor is, and whether to arm it.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Options")]
pub(crate) struct UseArgs {
    #[command(flatten)]
    pub(crate) at: Where,
    /// Power up if need be, arm, and disarm at the end; power stays. Needs root
    #[arg(long)]
    pub(crate) arm: bool,
    /// The calibration of that model, from `calibrate --host -o`
    #[arg(long, value_name = "BLOB", requires = "host")]
    pub(crate) calibration: Option<PathBuf>,
}

/// A processor in use. Dark again when it goes, if it was armed for this.
pub(crate) struct Session {
    pub(crate) processor: Box<dyn Backend>,
    pub(crate) place: Place,
    armed: bool,
}

impl Session {
    /// Opens the processor; arms it where that is asked for. A model of this process is
    /// always armed.
    pub(crate) fn begin(args: &UseArgs, common: Common) -> Result<Self, Failure> {
        let place = args.at.place(common);
        let mut session = Self {
            processor: place.open()?,
            place,
            armed: false,
        };
        if args.arm && matches!(place, Place::Module { .. }) {
            let off = session.processor.status()?.state == State::Uninitialised;
            if off {
                session.processor.control(Action::PowerUp)?;
            }
            session.processor.control(Action::Arm)?;
            session.armed = true;
        }
        if let Some(path) = &args.calibration {
            let blob = super::calibration::read(path)?;
            session.processor.load_calibration(&blob)?;
        }
        Ok(session)
    }

    /// Splitters as the calibration in use knows them.
    pub(crate) fn splitters(&self) -> Result<Option<Splitters>, Failure> {
        let blob = self.processor.calibration()?;
        Ok(blob.as_deref().and_then(Splitters::of_calibration))
    }

    /// A matrix in tiles, corrected for the splitters where they are known.
    pub(crate) fn tiles(&self, matrix: &Matrix) -> Result<Tiles, Failure> {
        let modes = self.processor.info().modes as usize;
        let tiles = match self.splitters()? {
            None => Tiles::of(modes, matrix),
            Some(splitters) => Tiles::by(modes, matrix, |tile| {
                Program::corrected(modes, tile, &splitters)?.refined(&splitters, SWEEPS)
            }),
        };
        tiles.map_err(|error| Failure::Usage(format!("the matrix: {error}")))
    }

    /// The processor as something that multiplies.
    pub(crate) fn light(&self, options: Options) -> Light<'_> {
        Light {
            processor: &*self.processor,
            options,
            vectors: 0,
            saturated: 0,
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.armed {
            // The file closes next, which does the same.
            let _ = self.processor.control(Action::Disarm);
        }
    }
}

/// The light of a processor, and what it was used for.
pub(crate) struct Light<'a> {
    processor: &'a dyn Backend,
    options: Options,
    /// Vectors through the mesh.
    pub(crate) vectors: u64,
    /// Of these, cut at full scale.
    pub(crate) saturated: u64,
}

impl Multiply for Light<'_> {
    type Error = Failure;

    fn multiply(
        &mut self,
        program: &Program,
        vectors: &[Complex],
    ) -> Result<Vec<Complex>, Failure> {
        let wrong = |error: lightos::photonic::ProgramError| Failure::Usage(error.to_string());
        let input = program.padded(vectors).map_err(wrong)?;
        let input = Vectors::from_complex(program.modes(), &input).map_err(Error::from)?;
        self.processor.set_phases(0, &program.phases, true)?;
        let product = self
            .processor
            .multiply(&input, &self.options)
            .map_err(advised)?;
        self.vectors += input.len() as u64;
        self.saturated += u64::from(product.saturated);
        let mut products = program.products(&product.output.to_complex());
        if self.options.direct {
            // Powers go with the square of the scale.
            products.iter_mut().for_each(|p| *p *= program.scale);
        }
        Ok(products)
    }
}

/// An error of a job, with what to do about it.
fn advised(error: Error) -> Failure {
    match error {
        Error::Photonic(Refusal::Job(JobEnd::Dark)) => Failure::NotHere(format!(
            "{error}: add --arm, or run it under `lightctl photonic arm -- …`"
        )),
        Error::Photonic(Refusal::Job(JobEnd::Throttled)) => Failure::NotHere(format!(
            "{error}: let it cool; `lightctl photonic thermal` shows how warm it is"
        )),
        Error::Photonic(Refusal::Job(JobEnd::ShutDown)) => Failure::NotHere(format!(
            "{error}; `lightctl photonic status` shows it, `lightctl photonic clear` takes it back"
        )),
        error => error.into(),
    }
}

impl From<lightos::photonic::ProgramError> for Failure {
    fn from(error: lightos::photonic::ProgramError) -> Self {
        Self::Usage(format!("the matrix: {error}"))
    }
}
