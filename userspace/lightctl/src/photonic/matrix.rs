// SPDX-License-Identifier: GPL-2.0

//! `lightctl photonic load` and `multiply`.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use lightos::photonic::{Complex, Matrix, Options, Tiles};
use lightos_recordings::npy;
use serde_json::{json, Value};

use super::session::{Session, UseArgs};
use super::Common;
use crate::failure::Failure;
use crate::show::{print_json, print_text};

/// Numbers of a file, at most.
const LIMIT: usize = 1 << 24;

/// Arguments of `lightctl photonic load`.
#[derive(clap::Args)]
pub(crate) struct LoadArgs {
    /// The matrix: .npy, real or complex, two dimensions
    matrix: PathBuf,
    /// Do not measure: no light is needed then
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    processor: UseArgs,
}

/// Arguments of `lightctl photonic multiply`.
#[derive(clap::Args)]
pub(crate) struct MultiplyArgs {
    /// The matrix: .npy, real or complex, two dimensions
    matrix: PathBuf,
    /// The vectors: .npy, a row each, or one alone
    vectors: PathBuf,
    /// Write the products: .npy, a row each
    #[arg(long, short, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Powers instead of amplitudes: direct detection
    #[arg(long)]
    direct: bool,
    /// Rather fail than run throttled
    #[arg(long)]
    unthrottled: bool,
    /// At which wavelength
    #[arg(long, value_name = "W", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..64))]
    wavelength: u32,
    /// Compare with the products in double precision
    #[arg(long)]
    compare: bool,
    /// Fail if the relative error is greater
    #[arg(long, value_name = "E", requires = "compare")]
    at_most: Option<f64>,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    processor: UseArgs,
}

/// An array of numbers as a file has it.
struct Numbers {
    shape: Vec<usize>,
    values: Vec<Complex>,
    complex: bool,
}

fn read(path: &Path) -> Result<Numbers, Failure> {
    let file = File::open(path).map_err(|source| Failure::Read {
        path: path.to_owned(),
        source,
    })?;
    let array = npy::read_complex_array(BufReader::new(file), LIMIT)
        .map_err(|error| Failure::recording(path, error))?;
    if array.values.iter().flatten().any(|part| !part.is_finite()) {
        let what = "an element is infinite or not a number";
        return Err(Failure::Usage(format!("{}: {what}", path.display())));
    }
    let values = array.values.iter().map(|&[re, im]| Complex::new(re, im));
    Ok(Numbers {
        shape: array.shape,
        values: values.collect(),
        complex: array.complex,
    })
}

/// A matrix, and whether its file says complex.
fn read_matrix(path: &Path) -> Result<(Matrix, bool), Failure> {
    let numbers = read(path)?;
    match numbers.shape[..] {
        [rows, columns] if rows != 0 && columns != 0 => Ok((
            Matrix::from_complex(rows, columns, numbers.values),
            numbers.complex,
        )),
        ref shape => Err(Failure::Usage(format!(
            "{}: {shape:?} is no matrix: two dimensions are needed, neither of them 0",
            path.display()
        ))),
    }
}

/// Vectors of so many elements, a row each.
fn read_vectors(path: &Path, columns: usize) -> Result<Numbers, Failure> {
    let numbers = read(path)?;
    match numbers.shape[..] {
        [length] | [_, length] if length == columns && !numbers.values.is_empty() => Ok(numbers),
        ref shape => Err(Failure::Usage(format!(
            "{}: {shape:?}, where rows of {columns} are needed: the matrix has {columns} columns",
            path.display()
        ))),
    }
}

fn write(path: &Path, rows: usize, complex: bool, values: &[Complex]) -> Result<(), Failure> {
    let failed = |source| Failure::Write {
        path: path.to_owned(),
        source,
    };
    let file = File::create(path).map_err(failed)?;
    let parts: Vec<f64> = match complex {
        true => values.iter().flat_map(|z| [z.re, z.im]).collect(),
        false => values.iter().map(|z| z.re).collect(),
    };
    let shape = [values.len() / rows, rows];
    npy::write_array(BufWriter::new(file), &shape, complex, &parts)
        .map_err(|error| Failure::recording(path, error))
}

/// How far numbers are from exact ones, by their norms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Distance {
    /// Of all together.
    pub(crate) relative: f64,
    /// Of the worst vector.
    pub(crate) worst: f64,
}

impl Distance {
    /// Of vectors of `rows` elements.
    pub(crate) fn of(found: &[Complex], exact: &[Complex], rows: usize) -> Self {
        let norm = |values: &mut dyn Iterator<Item = Complex>| {
            values.map(|z| z.norm_sqr()).sum::<f64>().sqrt()
        };
        let relative = |found: &[Complex], exact: &[Complex]| {
            let off = norm(&mut found.iter().zip(exact).map(|(a, b)| a - b));
            let whole = norm(&mut exact.iter().copied());
            match off {
                0.0 => 0.0,
                off => off / whole,
            }
        };
        let vectors = found.chunks(rows.max(1)).zip(exact.chunks(rows.max(1)));
        Self {
            relative: relative(found, exact),
            worst: vectors.map(|(a, b)| relative(a, b)).fold(0.0, f64::max),
        }
    }

    fn json(&self) -> Value {
        json!({ "relative": self.relative, "worst_vector": self.worst })
    }

    fn text(&self) -> String {
        format!(
            "{:.2e} relative, worst vector {:.2e}",
            self.relative, self.worst
        )
    }
}

/// `lightctl photonic load`.
pub(crate) fn load(args: &LoadArgs) -> Result<(), Failure> {
    let (matrix, _) = read_matrix(&args.matrix)?;
    let session = Session::begin(&args.processor, args.common)?;
    let tiles = session.tiles(&matrix)?;
    let mut rows = about(&session, &matrix, &tiles)?;
    let mut value = about_json(&session, &matrix, &tiles)?;
    if args.dry_run {
        let phases: Vec<_> = tiles.programs().map(|program| &program.phases).collect();
        value["phases_millidegrees"] = json!(phases);
    } else {
        let unit = Matrix::identity(matrix.columns());
        let mut light = session.light(Options::default());
        let found = tiles.multiply(&mut light, unit.values())?;
        let exact: Vec<Complex> = (0..matrix.columns())
            .flat_map(|j| matrix.times(unit.row(j)))
            .collect();
        let distance = Distance::of(&found, &exact, matrix.rows());
        rows.push(("measured", distance.text()));
        value["error"] = distance.json();
    }
    if args.common.json {
        print_json(&value)
    } else {
        print_text(&rows)
    }
}

fn scales(tiles: &Tiles) -> String {
    let scales: Vec<String> = tiles
        .programs()
        .map(|p| format!("{:.4}", p.scale))
        .collect();
    match &scales[..] {
        [first, .., last] => format!("{} programs, scales {first} to {last}", scales.len()),
        [scale] => format!("1 program, scale {scale}"),
        [] => "no program: a matrix of zeros takes no light".to_owned(),
    }
}

fn about(
    session: &Session,
    matrix: &Matrix,
    tiles: &Tiles,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let info = session.processor.info();
    let corrected = match session.splitters()? {
        Some(_) => "phases are corrected for the splitters",
        None => "splitters are taken to be perfect",
    };
    Ok(vec![
        ("ran in", format!("the {}", session.place.name())),
        (
            "matrix",
            format!("{} x {}", matrix.rows(), matrix.columns()),
        ),
        (
            "processor",
            format!("{} modes ({}), {corrected}", info.modes, info.backend),
        ),
        ("tiles", scales(tiles)),
    ])
}

fn about_json(session: &Session, matrix: &Matrix, tiles: &Tiles) -> Result<Value, Failure> {
    let info = session.processor.info();
    Ok(json!({
        "ran_in": session.place.name(),
        "device": info.number,
        "back_end": info.backend.to_string(),
        "modes": info.modes,
        "rows": matrix.rows(),
        "columns": matrix.columns(),
        "corrected": session.splitters()?.is_some(),
        "scales": tiles.programs().map(|p| p.scale).collect::<Vec<_>>(),
    }))
}

/// `lightctl photonic multiply`.
pub(crate) fn multiply(args: &MultiplyArgs) -> Result<(), Failure> {
    let (matrix, complex_matrix) = read_matrix(&args.matrix)?;
    let vectors = read_vectors(&args.vectors, matrix.columns())?;
    let session = Session::begin(&args.processor, args.common)?;
    let modes = session.processor.info().modes as usize;
    if args.direct && matrix.columns() > modes {
        return Err(Failure::Usage(format!(
            "--direct: powers of tiles do not add up, and the matrix has more than {modes} columns"
        )));
    }
    let tiles = session.tiles(&matrix)?;
    let mut light = session.light(Options {
        direct: args.direct,
        unthrottled: args.unthrottled,
        wavelengths: 1 << args.wavelength,
        timeout: None,
    });
    let found = tiles.multiply(&mut light, &vectors.values)?;
    let complex = !args.direct && (complex_matrix || vectors.complex);
    if let Some(path) = &args.output {
        write(path, matrix.rows(), complex, &found)?;
    }
    let distance = args.compare.then(|| {
        let exact = exact(&matrix, &vectors.values, args.direct);
        Distance::of(&found, &exact, matrix.rows())
    });
    let count = vectors.values.len() / matrix.columns();
    if args.common.json {
        let mut value = about_json(&session, &matrix, &tiles)?;
        value["vectors"] = json!(count);
        value["through_the_mesh"] = json!(light.vectors);
        value["saturated"] = json!(light.saturated);
        value["error"] = distance.map_or(Value::Null, |d| d.json());
        if args.output.is_none() {
            value["products"] = match complex {
                true => found.iter().map(|z| json!([z.re, z.im])).collect(),
                false => found.iter().map(|z| json!(z.re)).collect(),
            };
        }
        print_json(&value)?;
    } else {
        let mut rows = about(&session, &matrix, &tiles)?;
        let through = format!("{count}, {} through the mesh", light.vectors);
        rows.push(("vectors", through));
        if light.saturated != 0 {
            rows.push(("saturated", format!("{} vectors were cut", light.saturated)));
        }
        if let Some(distance) = distance {
            rows.push(("error", distance.text()));
        }
        if let Some(path) = &args.output {
            rows.push(("written", path.display().to_string()));
        }
        print_text(&rows)?;
        if args.output.is_none() {
            print_products(&found, matrix.rows(), complex)?;
        }
    }
    match (distance, args.at_most) {
        (Some(distance), Some(most)) if distance.relative > most => Err(Failure::Result(format!(
            "the error is {:.2e}, more than {most}",
            distance.relative
        ))),
        _ => Ok(()),
    }
}

/// What doubles say.
fn exact(matrix: &Matrix, vectors: &[Complex], direct: bool) -> Vec<Complex> {
    let products = vectors
        .chunks(matrix.columns())
        .flat_map(|vector| matrix.times(vector));
    match direct {
        true => products.map(|z| z.norm_sqr().into()).collect(),
        false => products.collect(),
    }
}

/// A line for each vector.
fn print_products(products: &[Complex], rows: usize, complex: bool) -> Result<(), Failure> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    for vector in products.chunks(rows) {
        let numbers: Vec<String> = vector
            .iter()
            .map(|z| match complex {
                true => format!("{:.6}{:+.6}j", z.re, z.im),
                false => format!("{:.6}", z.re),
            })
            .collect();
        writeln!(out, "{}", numbers.join(" "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_by_norms() {
        let real = |values: &[f64]| values.iter().map(|&v| v.into()).collect::<Vec<Complex>>();
        let exact = real(&[3.0, 4.0, 0.0, 0.5]);
        let found = real(&[3.0, 4.5, 0.0, 0.5]);
        let distance = Distance::of(&found, &exact, 2);
        assert!((distance.worst - 0.1).abs() < 1e-12);
        assert!((distance.relative - 0.5 / 25.25f64.sqrt()).abs() < 1e-12);
        assert_eq!(Distance::of(&exact, &exact, 2).worst, 0.0);
        let nothing = real(&[0.0]);
        assert_eq!(Distance::of(&nothing, &nothing, 1).relative, 0.0);
    }

    #[test]
    fn powers_are_squares() {
        let matrix = Matrix::from_real(1, 2, &[1.0, -2.0]);
        let vector = [Complex::new(1.0, 1.0), Complex::new(0.0, 1.0)];
        assert_eq!(exact(&matrix, &vector, false), [Complex::new(1.0, -1.0)]);
        assert_eq!(exact(&matrix, &vector, true), [Complex::new(2.0, 0.0)]);
    }
}
