// SPDX-License-Identifier: GPL-2.0

//! `lightctl photonic digits`: handwritten digits by a network whose matrices are light.
//!
//! 64 intensities, hidden units with ReLU, ten classes. The processor does all products of
//! matrices; biases, ReLU and the sums over tiles are digital. All digits pass a tile before
//! the phases of the next are set.

use std::path::{Path, PathBuf};
use std::time::Instant;

use lightos::photonic::{Complex, Digital, Matrix, Options, Status};
use serde_json::{json, Value};

use super::matrix::Distance;
use super::report::{celsius, watts};
use super::session::{Session, UseArgs};
use super::Common;
use crate::digits::files::{lines, read_digits};
use crate::digits::network::{Digit, CLASSES, FULL_INTENSITY, PIXELS};
use crate::failure::Failure;
use crate::show::{print_json, print_text};

/// How much worse than in floating point is too much, in percentage points.
const MOST_WORSE: f64 = 1.0;
/// An 8-bit product with its 32-bit sum in 45 nm, in pJ: M. Horowitz, "Computing's energy
/// problem (and what we can do about it)", ISSCC 2014. Reading the operands comes on top.
const DIGITAL_PJ: f64 = 0.3;

/// Arguments of `lightctl photonic digits`.
#[derive(clap::Args)]
pub(crate) struct DigitsArgs {
    /// Digits: 64 intensities and the label a line
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// The network, made by scripts/train_photonic_digits.py
    #[arg(long, value_name = "FILE")]
    network: PathBuf,
    /// How many of the test digits to classify [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    processor: UseArgs,
}

/// A layer: what comes in times the weights, and the biases.
#[derive(Clone, Debug, PartialEq)]
struct Layer {
    weights: Matrix,
    biases: Vec<f64>,
}

/// The network of a file, and which digits it was not trained on.
#[derive(Clone, Debug, PartialEq)]
struct Network {
    hidden: Layer,
    output: Layer,
    test: std::ops::Range<usize>,
}

/// Rows of a layer, bias first.
#[derive(Default)]
struct Rows(Vec<Vec<f64>>);

impl Rows {
    fn layer(self, outputs: Option<usize>, inputs: usize) -> Result<Layer, String> {
        let rows = self.0.len();
        if rows == 0 || outputs.is_some_and(|outputs| outputs != rows) {
            return Err(format!("a layer of {rows} units"));
        }
        if let Some(row) = self.0.iter().find(|row| row.len() != inputs + 1) {
            let found = row.len();
            return Err(format!(
                "{found} numbers where a bias and {inputs} weights belong"
            ));
        }
        let weights: Vec<f64> = self.0.iter().flat_map(|row| &row[1..]).copied().collect();
        Ok(Layer {
            weights: Matrix::from_real(rows, inputs, &weights),
            biases: self.0.iter().map(|row| row[0]).collect(),
        })
    }
}

impl Network {
    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let (mut hidden, mut output) = (Rows::default(), Rows::default());
        let (mut test, mut last) = (0..0, 1);
        for (line, rest) in lines(text) {
            last = line;
            let fault = |what: &str| (line, what.to_owned());
            let (name, rest) = rest.split_once(',').ok_or_else(|| fault("no value"))?;
            let numbers: Result<Vec<f64>, _> = rest.split(',').map(|n| n.trim().parse()).collect();
            let numbers = numbers.map_err(|_| fault("not a number"))?;
            if !numbers.iter().all(|n: &f64| n.is_finite() && n.abs() < 1e9) {
                return Err(fault("a number that is none, or too large"));
            }
            match (name, &numbers[..]) {
                ("hidden", _) => hidden.0.push(numbers),
                ("output", _) => output.0.push(numbers),
                ("train", _) => {}
                ("test", &[first, count]) if first >= 0.0 && count >= 0.0 => {
                    test = first as usize..(first + count) as usize;
                }
                _ => return Err(fault("neither hidden, output, train nor test")),
            }
        }
        let whole = |what: String| (last, what);
        let hidden = hidden.layer(None, PIXELS).map_err(whole)?;
        let output = output
            .layer(Some(CLASSES), hidden.biases.len())
            .map_err(whole)?;
        Ok(Self {
            hidden,
            output,
            test,
        })
    }

    fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|source| Failure::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|(line, what)| Failure::Format {
            path: path.to_owned(),
            line,
            what,
        })
    }

    /// Multiply-adds of a digit.
    fn products(&self) -> u64 {
        let of = |layer: &Layer| (layer.weights.rows() * layer.weights.columns()) as u64;
        of(&self.hidden) + of(&self.output)
    }
}

/// What a forward pass gave.
struct Pass {
    /// A row of outputs for each digit.
    outputs: Vec<Complex>,
    classes: Vec<usize>,
}

/// Intensities of the digits as numbers from 0 to 1, one after the other.
fn intensities(digits: &[Digit]) -> Vec<Complex> {
    let pixels = digits.iter().flat_map(|digit| &digit.intensities);
    pixels
        .map(|&p| Complex::from(p as f64 / FULL_INTENSITY as f64))
        .collect()
}

/// Runs the network; `multiply` does the products.
fn forward(
    network: &Network,
    digits: &[Digit],
    mut multiply: impl FnMut(&Matrix, &[Complex]) -> Result<Vec<Complex>, Failure>,
) -> Result<Pass, Failure> {
    let mut values = multiply(&network.hidden.weights, &intensities(digits))?;
    let biases = network.hidden.biases.iter().cycle();
    for (value, bias) in values.iter_mut().zip(biases) {
        *value = Complex::from((value.re + bias).max(0.0));
    }
    let mut outputs = multiply(&network.output.weights, &values)?;
    let biases = network.output.biases.iter().cycle();
    for (value, bias) in outputs.iter_mut().zip(biases) {
        *value = Complex::from(value.re + bias);
    }
    let winner = |row: &[Complex]| {
        let (mut best, mut most) = (0, f64::NEG_INFINITY);
        for (class, value) in row.iter().enumerate() {
            if value.re > most {
                (best, most) = (class, value.re);
            }
        }
        best
    };
    Ok(Pass {
        classes: outputs.chunks(CLASSES).map(winner).collect(),
        outputs,
    })
}

/// The figures of a run.
struct Report {
    place: &'static str,
    digits: usize,
    light_right: usize,
    float_right: usize,
    agree: usize,
    distance: Distance,
    multiply_adds: u64,
    vectors: u64,
    programs: usize,
    saturated: u64,
    /// Time in which the processor worked, and of all this, in seconds.
    busy_s: f64,
    seconds: f64,
    before: Status,
    after: Status,
}

/// Carries the command out.
pub(crate) fn command(args: &DigitsArgs) -> Result<(), Failure> {
    let network = Network::read(&args.network)?;
    let mut digits = read_digits(&args.data)?;
    let Some(test) = digits.get(network.test.clone()) else {
        return Err(Failure::Usage(format!(
            "{}: {} digits, where the network is for rows {} to {}",
            args.data.display(),
            digits.len(),
            network.test.start,
            network.test.end
        )));
    };
    digits = test.to_vec();
    digits.truncate(args.count.map_or(usize::MAX, |count| count as usize));
    if digits.is_empty() {
        return Err(Failure::Usage("the network names no test digits".into()));
    }
    let report = run(args, &network, &digits)?;
    match args.common.json {
        true => print_json(&report.json())?,
        false => print_text(&report.rows())?,
    }
    report.judge()
}

fn run(args: &DigitsArgs, network: &Network, digits: &[Digit]) -> Result<Report, Failure> {
    let session = Session::begin(&args.processor, args.common)?;
    let before = session.processor.status()?;
    let begin = Instant::now();
    let mut light = session.light(Options::default());
    let mut programs = 0;
    let optical = forward(network, digits, |matrix, vectors| {
        let tiles = session.tiles(matrix)?;
        programs += tiles.programs().count();
        tiles.multiply(&mut light, vectors)
    })?;
    let seconds = begin.elapsed().as_secs_f64();
    let after = session.processor.status()?;
    let float = forward(network, digits, |matrix, vectors| {
        let program = lightos::photonic::Tiles::of(32, matrix)?;
        Ok(program.multiply(&mut Digital, vectors)?)
    })?;
    let right = |pass: &Pass| {
        let pairs = pass.classes.iter().zip(digits);
        pairs
            .filter(|(class, digit)| **class == digit.label)
            .count()
    };
    let same = optical.classes.iter().zip(&float.classes);
    let busy = after
        .counters
        .busy_ns
        .saturating_sub(before.counters.busy_ns);
    Ok(Report {
        place: session.place.name(),
        digits: digits.len(),
        light_right: right(&optical),
        float_right: right(&float),
        agree: same.filter(|(a, b)| a == b).count(),
        distance: Distance::of(&optical.outputs, &float.outputs, CLASSES),
        multiply_adds: network.products() * digits.len() as u64,
        vectors: light.vectors,
        programs,
        saturated: light.saturated,
        busy_s: busy as f64 / 1e9,
        seconds,
        before,
        after,
    })
}

impl Report {
    fn percent(&self, count: usize) -> f64 {
        100.0 * count as f64 / self.digits as f64
    }

    /// Mean of the rails before and after, in milliwatts.
    fn power_mw(&self) -> f64 {
        (f64::from(self.before.power_mw) + f64::from(self.after.power_mw)) / 2.0
    }

    /// Joules that the rails gave while jobs ran.
    fn rails_j(&self) -> f64 {
        self.power_mw() / 1e3 * self.busy_s
    }

    /// Joules of light that the laser gave meanwhile.
    fn optical_j(&self) -> f64 {
        let uw = (f64::from(self.before.laser_uw) + f64::from(self.after.laser_uw)) / 2.0;
        uw / 1e6 * self.busy_s
    }

    /// Joules of the same products in 8-bit arithmetic.
    fn digital_j(&self) -> f64 {
        self.multiply_adds as f64 * DIGITAL_PJ * 1e-12
    }

    fn json(&self) -> Value {
        let temperatures = |status: &Status| {
            let sensors = status.sensors.iter().map(|s| celsius(s.millidegrees));
            sensors.collect::<Vec<_>>()
        };
        json!({
            "ran_in": self.place,
            "digits": self.digits,
            "right": self.light_right,
            "right_percent": self.percent(self.light_right),
            "float_right": self.float_right,
            "float_right_percent": self.percent(self.float_right),
            "agree": self.agree,
            "output_error": self.distance.relative,
            "multiply_adds": self.multiply_adds,
            "vectors_through_the_mesh": self.vectors,
            "programs": self.programs,
            "saturated": self.saturated,
            "busy_seconds": self.busy_s,
            "seconds": self.seconds,
            "energy_estimate_j": {
                "rails": self.rails_j(),
                "light": self.optical_j(),
                "digital_45nm": self.digital_j(),
                "sources": [
                    "rails: mean of the readings before and after, times the time of jobs",
                    "light: the same with the monitor diode",
                    "digital: 8-bit products and sums without memory, Horowitz, ISSCC 2014",
                ],
            },
            "sensors_celsius_before": temperatures(&self.before),
            "sensors_celsius_after": temperatures(&self.after),
            "throttle_percent": f64::from(self.after.throttle_permille) / 10.0,
        })
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let right = |count: usize| {
            let share = self.percent(count);
            format!("{count} of {} ({share:.1} %)", self.digits)
        };
        let per = 1e12 / self.multiply_adds as f64;
        vec![
            ("ran in", format!("the {}", self.place)),
            ("right by light", right(self.light_right)),
            ("right in floats", right(self.float_right)),
            ("same class", right(self.agree)),
            (
                "outputs",
                format!("{:.2e} away, relative rms", self.distance.relative),
            ),
            (
                "operations",
                format!(
                    "{} multiply-adds, {} vectors through {} programs",
                    self.multiply_adds, self.vectors, self.programs
                ),
            ),
            ("saturated", format!("{} vectors", self.saturated)),
            (
                "time",
                format!("{:.3} s of jobs, {:.3} s in all", self.busy_s, self.seconds),
            ),
            (
                "energy (estimate)",
                format!(
                    "{:.3e} J: {} of the rails times the time of jobs, {:.0} pJ a multiply-add",
                    self.rails_j(),
                    watts(self.power_mw().round() as u32),
                    self.rails_j() * per
                ),
            ),
            (
                "of it light",
                format!(
                    "{:.3e} J by the monitor diode, {:.2} pJ a multiply-add",
                    self.optical_j(),
                    self.optical_j() * per
                ),
            ),
            (
                "digital (estimate)",
                format!(
                    "{:.3e} J: 8-bit arithmetic alone in 45 nm, {DIGITAL_PJ} pJ (Horowitz 2014)",
                    self.digital_j()
                ),
            ),
            (
                "temperature",
                format!(
                    "die {:.2} C before, {:.2} C after, throttle {:.1} %",
                    celsius(self.before.die_mc),
                    celsius(self.after.die_mc),
                    f64::from(self.after.throttle_permille) / 10.0
                ),
            ),
        ]
    }

    fn judge(&self) -> Result<(), Failure> {
        let worse = self.percent(self.float_right) - self.percent(self.light_right);
        if worse > MOST_WORSE {
            return Err(Failure::Result(format!(
                "{worse:.1} percentage points worse than in floats; {MOST_WORSE} are allowed. \
                 Is the processor calibrated?"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A network that counts the intensity of each row of eight pixels, two rows unused.
    fn text() -> String {
        let mut text = String::from("# a network\ntrain,0,2\ntest,2,3\n");
        for unit in 0..8 {
            let weights = (0..64).map(|p| if p / 8 == unit { "1" } else { "0" });
            text += &format!("hidden,0,{}\n", weights.collect::<Vec<_>>().join(","));
        }
        for class in 0..10 {
            let weights = (0..8).map(|unit| if unit == class { "1" } else { "0" });
            let bias = if class < 8 { "0" } else { "-5" };
            text += &format!("output,{bias},{}\n", weights.collect::<Vec<_>>().join(","));
        }
        text
    }

    #[test]
    fn the_brightest_row_wins() {
        let network = Network::parse(&text()).unwrap();
        assert_eq!(
            (network.test.clone(), network.products()),
            (2..5, 8 * 64 + 80)
        );
        let mut digit = Digit {
            intensities: [0; PIXELS],
            label: 3,
        };
        digit.intensities[3 * 8] = 16;
        digit.intensities[5 * 8] = 15;
        let pass = forward(&network, &[digit], |matrix, vectors| {
            Ok(vectors
                .chunks(matrix.columns())
                .flat_map(|v| matrix.times(v))
                .collect())
        })
        .unwrap();
        assert_eq!(pass.classes, [3]);
        assert_eq!(pass.outputs[3], Complex::from(1.0));
        assert_eq!(pass.outputs[9], Complex::from(-5.0));
    }

    #[test]
    fn faults_of_a_network_have_lines() {
        let fault = |text: &str| Network::parse(text).unwrap_err();
        assert_eq!(fault("hidden,0,x").0, 1);
        assert!(fault("test,0,1\nsecret,1").1.contains("neither"));
        assert!(fault("hidden,nan").1.contains("none"));
        assert!(fault("").1.contains("0 units"));
        let short = text().replace("output,-5,0,", "output,-5,");
        assert!(fault(&short).1.contains("a bias and 8 weights"));
    }
}
