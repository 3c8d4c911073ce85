// SPDX-License-Identifier: GPL-2.0

//! What a network did, with the field names of NIRData (`nir.EventData`,
//! `nir.TimeGriddedData`).
//!
//! As `.npy` an observable is one array of records, one record a sample, whose
//! fields have the names and, with the sample in front, the shapes of NIRData:
//!
//! ```python
//! r = numpy.load("spikes.npy")
//! nir.EventData(r["idx"], r["time"], int(r["n_neurons"][0]), float(r["t_max"][0]))
//! r = numpy.load("voltage.npy")
//! nir.TimeGriddedData(r["data"], float(r["dt"][0]))
//! ```

use std::io::Write;

use npyz::DType;

use crate::npy::{field, plain, write_header};
use crate::{Error, Event, SensorSize};

/// Largest number of elements in a record: NumPy 1 counts its bytes in 31 bits.
const RECORD_ELEMENTS: usize = 1 << 27;

/// Spikes as pairs of neuron and time; `nir.EventData`.
#[derive(Clone, Debug, PartialEq)]
pub struct EventData {
    idx: Vec<Vec<i64>>,
    time: Vec<Vec<f64>>,
    n_neurons: u64,
    t_max: f64,
}

impl EventData {
    /// Spikes (neuron, time in seconds) of each sample, of `n_neurons` neurons
    /// over `t_max` seconds. Shorter samples are filled up with neuron -1 at time
    /// infinity, as NIRData does.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] for a neuron that is not below `n_neurons`, a time
    /// that is no number or negative or above `t_max`, or a sample of more than
    /// 2^27 spikes.
    pub fn new(samples: &[Vec<(u64, f64)>], n_neurons: u64, t_max: f64) -> Result<Self, Error> {
        let longest = samples.iter().map(Vec::len).max().unwrap_or(0);
        if longest > RECORD_ELEMENTS {
            return Err(Error::Inconsistent(format!(
                "{longest} spikes in a sample; at most {RECORD_ELEMENTS}"
            )));
        }
        let mut data = Self {
            idx: Vec::with_capacity(samples.len()),
            time: Vec::with_capacity(samples.len()),
            n_neurons,
            t_max,
        };
        for sample in samples {
            data.push(sample, longest)?;
        }
        Ok(data)
    }

    fn push(&mut self, sample: &[(u64, f64)], length: usize) -> Result<(), Error> {
        let mut idx = vec![-1; length];
        let mut time = vec![f64::INFINITY; length];
        for ((&(neuron, at), idx), time) in sample.iter().zip(&mut idx).zip(&mut time) {
            let number = i64::try_from(neuron)
                .ok()
                .filter(|_| neuron < self.n_neurons);
            *idx = number.ok_or_else(|| {
                Error::Inconsistent(format!("neuron {neuron} of {}", self.n_neurons))
            })?;
            if !(0.0..=self.t_max).contains(&at) {
                return Err(Error::Inconsistent(format!(
                    "a spike at {at} s in 0..={} s",
                    self.t_max
                )));
            }
            *time = at;
        }
        self.idx.push(idx);
        self.time.push(time);
        Ok(())
    }

    /// One sample of a camera's events, as the inputs of a network
    /// ([`SensorSize::input`]); microseconds become seconds.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] for a pixel outside `sensor` or a time above
    /// `t_max` seconds.
    pub fn from_events(events: &[Event], sensor: SensorSize, t_max: f64) -> Result<Self, Error> {
        let spikes: Option<Vec<_>> = events
            .iter()
            .map(|&event| Some((sensor.input(event)?, event.time_us as f64 / 1e6)))
            .collect();
        let spikes = spikes
            .ok_or_else(|| Error::Inconsistent(format!("an event outside the {sensor} sensor")))?;
        Self::new(&[spikes], sensor.inputs(), t_max)
    }

    /// Neuron of each spike, by sample; -1 for none.
    pub fn idx(&self) -> &[Vec<i64>] {
        &self.idx
    }

    /// Time of each spike in seconds, by sample; infinity for none.
    pub fn time(&self) -> &[Vec<f64>] {
        &self.time
    }

    /// Number of neurons.
    pub fn n_neurons(&self) -> u64 {
        self.n_neurons
    }

    /// Length of the recording in seconds.
    pub fn t_max(&self) -> f64 {
        self.t_max
    }

    /// Whether each neuron spiked in each step of `dt` seconds. As in NIRData a
    /// spike falls in step floor(time / dt), and there are floor(t_max / dt) steps.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] if `dt` is not positive, if a spike lies after the
    /// last step, or if a sample has more than 2^27 elements.
    pub fn to_time_gridded(&self, dt: f64) -> Result<TimeGriddedData, Error> {
        if dt.is_nan() || dt <= 0.0 {
            return Err(Error::Inconsistent(format!("a step of {dt} s")));
        }
        let steps = (self.t_max / dt) as usize;
        let neurons = usize::try_from(self.n_neurons).unwrap_or(usize::MAX);
        let size = elements(steps, neurons)?;
        let mut samples = Vec::with_capacity(self.idx.len());
        for (idx, time) in self.idx.iter().zip(&self.time) {
            let mut grid = vec![false; size];
            for (&neuron, &at) in idx.iter().zip(time).filter(|(&n, _)| n >= 0) {
                let step = (at / dt) as usize;
                if step >= steps {
                    return Err(Error::Inconsistent(format!(
                        "a spike at {at} s after the last of {steps} steps of {dt} s"
                    )));
                }
                if let Some(cell) = grid.get_mut(step * neurons + neuron as usize) {
                    *cell = true;
                }
            }
            samples.push(grid);
        }
        TimeGriddedData::new(Grid::Spikes(samples), neurons, dt)
    }

    /// Writes the spikes as `.npy`: fields idx (`<i8`), time (`<f8`), n_neurons,
    /// t_max.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_npy<W: Write>(&self, output: W) -> Result<(), Error> {
        let length = self.idx.first().map_or(0, Vec::len) as u64;
        let array = |dtype| DType::Array(length, Box::new(dtype));
        let dtype = DType::Record(vec![
            field("idx", array(plain("<i8")?)),
            field("time", array(plain("<f8")?)),
            field("n_neurons", plain("<i8")?),
            field("t_max", plain("<f8")?),
        ]);
        let mut output = write_header(output, dtype, &[self.idx.len() as u64])?;
        for (idx, time) in self.idx.iter().zip(&self.time) {
            for neuron in idx {
                output.write_all(&neuron.to_le_bytes())?;
            }
            for at in time {
                output.write_all(&at.to_le_bytes())?;
            }
            output.write_all(&self.n_neurons.to_le_bytes())?;
            output.write_all(&self.t_max.to_le_bytes())?;
        }
        output.flush()?;
        Ok(())
    }

    /// Writes the spikes as CSV: a comment with n_neurons and t_max, and the
    /// columns sample, idx, time.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_csv<W: Write>(&self, mut output: W) -> Result<(), Error> {
        writeln!(
            output,
            "# n_neurons={} t_max={}",
            self.n_neurons, self.t_max
        )?;
        writeln!(output, "sample,idx,time")?;
        for (sample, (idx, time)) in self.idx.iter().zip(&self.time).enumerate() {
            for (neuron, at) in idx.iter().zip(time).filter(|(&n, _)| n >= 0) {
                writeln!(output, "{sample},{neuron},{at}")?;
            }
        }
        output.flush()?;
        Ok(())
    }
}

/// Elements of a grid, if there are not too many.
fn elements(steps: usize, neurons: usize) -> Result<usize, Error> {
    steps
        .checked_mul(neurons)
        .filter(|&size| size <= RECORD_ELEMENTS)
        .ok_or_else(|| {
            Error::Inconsistent(format!(
                "{steps} steps of {neurons} neurons; at most {RECORD_ELEMENTS} elements"
            ))
        })
}

/// Elements of a [`TimeGriddedData`]: for each sample steps x neurons values, the
/// neuron running fastest.
#[derive(Clone, Debug, PartialEq)]
pub enum Grid {
    /// Whether the neuron spiked in the step.
    Spikes(Vec<Vec<bool>>),
    /// A measured quantity, such as the membrane voltage.
    Values(Vec<Vec<f64>>),
}

impl Grid {
    fn lengths(&self) -> Vec<usize> {
        match self {
            Grid::Spikes(samples) => samples.iter().map(Vec::len).collect(),
            Grid::Values(samples) => samples.iter().map(Vec::len).collect(),
        }
    }
}

/// A quantity of every neuron in every step; `nir.TimeGriddedData`.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeGriddedData {
    data: Grid,
    n_samples: usize,
    n_time_steps: usize,
    n_neurons: usize,
    dt: f64,
}

impl TimeGriddedData {
    /// `data` of `n_neurons` neurons in steps of `dt` seconds.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] if the samples differ in length, are no multiple of
    /// `n_neurons` or longer than 2^27, or if `dt` is not positive.
    pub fn new(data: Grid, n_neurons: usize, dt: f64) -> Result<Self, Error> {
        let lengths = data.lengths();
        let length = lengths.first().copied().unwrap_or(0);
        if dt.is_nan() || dt <= 0.0 {
            return Err(Error::Inconsistent(format!("a step of {dt} s")));
        }
        if lengths.iter().any(|&l| l != length) || (length > 0 && n_neurons == 0) {
            return Err(Error::Inconsistent("samples of different lengths".into()));
        }
        let n_time_steps = length.checked_div(n_neurons).unwrap_or(0);
        if elements(n_time_steps, n_neurons)? != length {
            return Err(Error::Inconsistent(format!(
                "{length} values of {n_neurons} neurons"
            )));
        }
        Ok(Self {
            n_samples: lengths.len(),
            data,
            n_time_steps,
            n_neurons,
            dt,
        })
    }

    /// The elements.
    pub fn data(&self) -> &Grid {
        &self.data
    }

    /// Number of samples, steps and neurons.
    pub fn shape(&self) -> (usize, usize, usize) {
        (self.n_samples, self.n_time_steps, self.n_neurons)
    }

    /// Length of a step in seconds.
    pub fn dt(&self) -> f64 {
        self.dt
    }

    /// Writes the grid as `.npy`: fields data (`|b1` or `<f8`, steps x neurons)
    /// and dt.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_npy<W: Write>(&self, output: W) -> Result<(), Error> {
        let element = match self.data {
            Grid::Spikes(_) => plain("|b1")?,
            Grid::Values(_) => plain("<f8")?,
        };
        let row = DType::Array(self.n_neurons as u64, Box::new(element));
        let dtype = DType::Record(vec![
            field(
                "data",
                DType::Array(self.n_time_steps as u64, Box::new(row)),
            ),
            field("dt", plain("<f8")?),
        ]);
        let mut output = write_header(output, dtype, &[self.n_samples as u64])?;
        for sample in 0..self.n_samples {
            match &self.data {
                Grid::Spikes(samples) => {
                    for &spike in &samples[sample] {
                        output.write_all(&[u8::from(spike)])?;
                    }
                }
                Grid::Values(samples) => {
                    for value in &samples[sample] {
                        output.write_all(&value.to_le_bytes())?;
                    }
                }
            }
            output.write_all(&self.dt.to_le_bytes())?;
        }
        output.flush()?;
        Ok(())
    }

    /// Writes the grid as CSV: a comment with dt, and the columns sample, step and
    /// one for each neuron.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_csv<W: Write>(&self, mut output: W) -> Result<(), Error> {
        writeln!(output, "# dt={}", self.dt)?;
        write!(output, "sample,step")?;
        for neuron in 0..self.n_neurons {
            write!(output, ",{neuron}")?;
        }
        writeln!(output)?;
        for row in 0..self.n_samples * self.n_time_steps {
            let (sample, step) = (row / self.n_time_steps, row % self.n_time_steps);
            let cells = step * self.n_neurons..(step + 1) * self.n_neurons;
            write!(output, "{sample},{step}")?;
            match &self.data {
                Grid::Spikes(samples) => {
                    for &spike in &samples[sample][cells] {
                        write!(output, ",{}", u8::from(spike))?;
                    }
                }
                Grid::Values(samples) => {
                    for value in &samples[sample][cells] {
                        write!(output, ",{value}")?;
                    }
                }
            }
            writeln!(output)?;
        }
        output.flush()?;
        Ok(())
    }
}
