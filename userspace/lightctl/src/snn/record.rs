// SPDX-License-Identifier: GPL-2.0

//! What a network did, as files with the field names of NIRData.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use lightos_recordings::observables::{EventData, Grid, TimeGriddedData};
use lightos_recordings::Error;

use super::plan::Plan;
use super::session::Outcome;
use crate::failure::Failure;

/// Formats of a file, by its ending.
enum Format {
    Npy,
    Csv,
}

fn format(path: &Path) -> Result<Format, Failure> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("npy") => Ok(Format::Npy),
        Some("csv") => Ok(Format::Csv),
        _ => Err(Failure::Usage(format!(
            "{}: its ending says no format; use .npy or .csv",
            path.display()
        ))),
    }
}

/// Refuses names that [`spikes`] and [`voltages`] cannot write, before the work.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    format(path).map(|_| ())
}

fn create(path: &Path) -> Result<BufWriter<File>, Failure> {
    let file = File::create(path).map_err(|source| Failure::Write {
        path: path.to_owned(),
        source,
    })?;
    Ok(BufWriter::new(file))
}

/// What is wrong with writing `path`.
fn wrong(path: &Path, error: Error) -> Failure {
    match error {
        Error::Write(source) => Failure::Write {
            path: path.to_owned(),
            source,
        },
        other => Failure::Usage(format!("{}: {other}", path.display())),
    }
}

/// The time of step `step` in seconds, such that floor(time / dt) is the step.
fn time_of(step: u64, dt: f64) -> f64 {
    let time = step as f64 * dt;
    if ((time / dt) as u64) < step {
        time.next_up()
    } else {
        time
    }
}

/// Writes all spikes: `nir.EventData`, or `nir.TimeGriddedData` if `grid`.
pub(crate) fn spikes(
    path: &Path,
    plan: &Plan,
    outcome: &Outcome,
    grid: bool,
) -> Result<(), Failure> {
    let dt = plan.description.step_ns as f64 / 1e9;
    let neurons = plan.description.neurons();
    let sample: Vec<(u64, f64)> = outcome
        .output
        .spikes
        .iter()
        .map(|spike| (spike.neuron.into(), time_of(spike.step, dt)))
        .collect();
    let t_max = time_of(outcome.steps, dt);
    let written = || {
        let data = EventData::new(&[sample], neurons.into(), t_max)?;
        let output = create(path);
        match (format(path), output, grid) {
            (Err(failure), ..) | (_, Err(failure), _) => return Ok(Err(failure)),
            (Ok(Format::Npy), Ok(output), false) => data.write_npy(output)?,
            (Ok(Format::Csv), Ok(output), false) => data.write_csv(output)?,
            (Ok(Format::Npy), Ok(output), true) => data.to_time_gridded(dt)?.write_npy(output)?,
            (Ok(Format::Csv), Ok(output), true) => data.to_time_gridded(dt)?.write_csv(output)?,
        }
        Ok(Ok(()))
    };
    written().map_err(|error| wrong(path, error))?
}

/// Writes what the probes read, in potentials of the user: `nir.TimeGriddedData`.
pub(crate) fn voltages(path: &Path, plan: &Plan, outcome: &Outcome) -> Result<(), Failure> {
    let dt = plan.description.step_ns as f64 / 1e9;
    let probes = &plan.description.probes;
    if probes.is_empty() {
        return Err(Failure::Usage(
            "no voltage to record: name neurons with --probe".into(),
        ));
    }
    let mut values = vec![f64::NAN; outcome.steps as usize * probes.len()];
    for voltage in &outcome.output.voltages {
        let at = voltage.step as usize * probes.len() + voltage.probe as usize;
        let layer = probes
            .get(voltage.probe as usize)
            .and_then(|&neuron| plan.layer_of(neuron));
        if let (Some(place), Some((layer, index))) = (values.get_mut(at), layer) {
            *place = layer.potential(index, voltage.value);
        }
    }
    let data = TimeGriddedData::new(Grid::Values(vec![values]), probes.len(), dt)
        .map_err(|error| wrong(path, error))?;
    let output = create(path)?;
    match format(path)? {
        Format::Npy => data.write_npy(output),
        Format::Csv => data.write_csv(output),
    }
    .map_err(|error| wrong(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fall_into_their_step() {
        for dt in [1e-3, 1e-4, 1e-9, 0.3, 7e-5, 1.0 / 3.0] {
            for step in (0..100_000).chain((1 << 40)..(1 << 40) + 1000) {
                assert_eq!((time_of(step, dt) / dt) as u64, step, "{step} {dt}");
            }
        }
    }
}
