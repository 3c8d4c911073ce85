// SPDX-License-Identifier: GPL-2.0

//! From a recording to the input events of a network.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ValueEnum;
use lightos::network::Event;
use lightos_recordings::{
    self as recordings, nmnist::NmnistReader, EventSource, Format, SensorSize,
};

use crate::failure::Failure;

/// Most events of a recording: 1 GiB of them.
const LIMIT: usize = 1 << 26;

/// Which polarities of a pixel are inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Polarity {
    /// Two inputs a pixel: first all OFF, then all ON
    #[default]
    Both,
    /// ON events alone
    On,
    /// OFF events alone
    Off,
    /// One input a pixel for either
    Merge,
}

/// A number of columns and rows, WIDTHxHEIGHT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) SensorSize);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('x').and_then(|(width, height)| {
            let (width, height) = (width.parse().ok()?, height.parse().ok()?);
            (width > 0 && height > 0).then_some(Self(SensorSize { width, height }))
        });
        parsed.ok_or_else(|| format!("{text:?} is no size such as 34x34"))
    }
}

/// How a recording becomes input.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct InputArgs {
    /// Pixels of the sensor, where the file does not say
    #[arg(long, value_name = "WxH")]
    pub(crate) sensor: Option<Size>,
    /// Column and row at which the part that is used begins
    #[arg(long, value_name = "X,Y", value_parser = corner)]
    pub(crate) corner: Option<(u16, u16)>,
    /// Size of the part that is used [default: up to the ends of the sensor]
    #[arg(long, value_name = "WxH")]
    pub(crate) window: Option<Size>,
    /// Pixels along each side that become one
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) downsample: u16,
    /// Which polarities are inputs
    #[arg(long, value_enum, default_value_t)]
    pub(crate) polarity: Polarity,
    /// Count time from the first event, not from the file's zero
    #[arg(long)]
    pub(crate) from_first: bool,
}

fn corner(text: &str) -> Result<(u16, u16), String> {
    let parsed = text
        .split_once(',')
        .and_then(|(x, y)| Some((x.trim().parse().ok()?, y.trim().parse().ok()?)));
    parsed.ok_or_else(|| format!("{text:?} is no pixel such as 10,20"))
}

/// The input events of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Input {
    /// Ascending by step.
    pub(crate) events: Vec<Event>,
    /// Events of the file, all of them.
    pub(crate) read: u64,
    /// Events outside the window or of a polarity that is not used.
    pub(crate) outside: u64,
    /// Events at or after the last step.
    pub(crate) after: u64,
    /// The step after that of the last event.
    pub(crate) end: u64,
}

/// From pixels to inputs.
struct Geometry {
    corner: (u16, u16),
    size: SensorSize,
    downsample: u16,
    polarity: Polarity,
}

impl Geometry {
    fn new(args: &InputArgs, sensor: SensorSize) -> Self {
        let corner = args.corner.unwrap_or((0, 0));
        let window = args.window.map_or(sensor, |Size(size)| size);
        let size = SensorSize {
            width: window.width.min(sensor.width.saturating_sub(corner.0)),
            height: window.height.min(sensor.height.saturating_sub(corner.1)),
        };
        Self {
            corner,
            size: SensorSize {
                width: size.width.div_ceil(args.downsample),
                height: size.height.div_ceil(args.downsample),
            },
            downsample: args.downsample,
            polarity: args.polarity,
        }
    }

    /// How many inputs a network for these events has.
    fn inputs(&self) -> u64 {
        match self.polarity {
            Polarity::Both => self.size.inputs(),
            _ => self.size.inputs() / 2,
        }
    }

    /// The input of an event; `None` outside.
    fn input(&self, event: recordings::Event) -> Option<u64> {
        let polarity = match self.polarity {
            Polarity::Both => event.polarity,
            Polarity::On if event.polarity => false,
            Polarity::Off if !event.polarity => false,
            Polarity::Merge => false,
            _ => return None,
        };
        self.size.input(recordings::Event {
            x: event.x.checked_sub(self.corner.0)? / self.downsample,
            y: event.y.checked_sub(self.corner.1)? / self.downsample,
            polarity,
            ..event
        })
    }
}

/// Opens a recording; `--sensor` holds for N-MNIST's records too.
fn open(path: &Path, args: &InputArgs) -> Result<Box<dyn EventSource>, Failure> {
    let source = recordings::open(path).map_err(|e| Failure::recording(path, e))?;
    match args.sensor {
        Some(Size(sensor)) if source.format() == Format::Nmnist => {
            let file = File::open(path).map_err(|source| Failure::Read {
                path: path.to_owned(),
                source,
            })?;
            Ok(Box::new(NmnistReader::new(BufReader::new(file), sensor)))
        }
        _ => Ok(source),
    }
}

/// Reads the recording `path` for a network of `inputs` inputs whose step is
/// `step_ns`. Events from step `steps` on are left out.
pub(crate) fn read(
    path: &Path,
    args: &InputArgs,
    inputs: u32,
    step_ns: u64,
    steps: Option<u64>,
) -> Result<Input, Failure> {
    let mut source = open(path, args)?;
    let indexed = source.is_indexed();
    let sensor = args.sensor.map(|Size(size)| size).or(source.sensor());
    let geometry = match sensor {
        Some(sensor) if !indexed => Geometry::new(args, sensor),
        None if !indexed => return Err(no_sensor(path)),
        _ => Geometry::list(inputs),
    };
    if !indexed && geometry.inputs() != u64::from(inputs) {
        return Err(mismatch(path, &geometry, inputs));
    }
    let mut input = Input::default();
    let mut first = None;
    for event in source.by_ref() {
        let event = event.map_err(|e| Failure::recording(path, e))?;
        input.read += 1;
        let origin = *first.get_or_insert(if args.from_first { event.time_us } else { 0 });
        let Some(index) = geometry.input(event) else {
            input.outside += 1;
            continue;
        };
        let time_us = event.time_us.saturating_sub(origin);
        let step = u64::try_from(u128::from(time_us) * 1000 / u128::from(step_ns.max(1)));
        let step = step.unwrap_or(u64::MAX - 1);
        if steps.is_some_and(|steps| step >= steps) {
            input.after += 1;
            continue;
        }
        if input.events.len() >= LIMIT {
            return Err(Failure::Usage(format!(
                "{}: more than {LIMIT} events; say where to end with --steps",
                path.display()
            )));
        }
        input.end = input.end.max(step + 1);
        // Below the number of inputs.
        input.events.push(Event::spike(step, index as u32));
    }
    // Stable: what is in order stays so, what goes back in time is put right.
    input.events.sort_by_key(|event| event.step());
    Ok(input)
}

impl Geometry {
    /// Numbers of inputs in the place of columns.
    fn list(inputs: u32) -> Self {
        Self {
            corner: (0, 0),
            size: SensorSize {
                width: u16::try_from(inputs).unwrap_or(u16::MAX),
                height: 1,
            },
            downsample: 1,
            polarity: Polarity::Merge,
        }
    }
}

fn no_sensor(path: &Path) -> Failure {
    Failure::Usage(format!(
        "{}: does not tell the size of its sensor; give --sensor WxH",
        path.display()
    ))
}

fn mismatch(path: &Path, geometry: &Geometry, inputs: u32) -> Failure {
    Failure::Usage(format!(
        "{}: {} pixels make {} inputs, but the network has {inputs}; choose with --window, \
         --downsample and --polarity",
        path.display(),
        geometry.size,
        geometry.inputs()
    ))
}

/// The recordings of a folder that are named in its labels.txt, with the labels.
///
/// Each line holds the name of a file, its ending optional, and a number.
pub(crate) fn labelled(folder: &Path) -> Result<Vec<(PathBuf, u32)>, Failure> {
    const ENDINGS: [&str; 6] = ["bs2", "bin", "csv", "npy", "raw", "txt"];

    let list = folder.join("labels.txt");
    let text = std::fs::read_to_string(&list).map_err(|source| Failure::Read {
        path: list.clone(),
        source,
    })?;
    let mut recordings = Vec::new();
    for (line, content) in text.lines().enumerate() {
        let format = |what: String| Failure::Format {
            path: list.clone(),
            line: line + 1,
            what,
        };
        let content = content.split('#').next().unwrap_or("").trim();
        if content.is_empty() {
            continue;
        }
        let mut words = content.split_whitespace();
        let (name, label) = match (words.next(), words.next(), words.next()) {
            (Some(name), Some(label), None) => (name, label),
            _ => return Err(format("expected a name and a label".into())),
        };
        let label = label
            .parse()
            .map_err(|_| format(format!("{label:?} is no label: expected a number from 0")))?;
        let named = folder.join(name);
        let with_ending = ENDINGS.map(|ending| folder.join(format!("{name}.{ending}")));
        let path = std::iter::once(named)
            .chain(with_ending)
            .find(|path| path.is_file())
            .ok_or_else(|| format(format!("there is no recording {name}")))?;
        recordings.push((path, label));
    }
    if recordings.is_empty() {
        return Err(Failure::Usage(format!("{}: no recordings", list.display())));
    }
    Ok(recordings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> InputArgs {
        InputArgs {
            sensor: None,
            corner: None,
            window: None,
            downsample: 1,
            polarity: Polarity::Both,
            from_first: false,
        }
    }

    fn event(x: u16, y: u16, polarity: bool) -> recordings::Event {
        recordings::Event {
            time_us: 0,
            x,
            y,
            polarity,
        }
    }

    #[test]
    fn windows_and_blocks_of_pixels() {
        let sensor = SensorSize {
            width: 100,
            height: 50,
        };
        let chosen = InputArgs {
            corner: Some((10, 40)),
            window: Some("7x70".parse().unwrap()),
            downsample: 2,
            ..args()
        };
        let geometry = Geometry::new(&chosen, sensor);
        assert_eq!(geometry.size.to_string(), "4x5");
        assert_eq!(geometry.inputs(), 40);
        assert_eq!(geometry.input(event(10, 40, false)), Some(0));
        assert_eq!(geometry.input(event(13, 43, true)), Some(20 + 4 + 1));
        assert_eq!(geometry.input(event(9, 40, false)), None);
        assert_eq!(geometry.input(event(18, 40, false)), None);
    }

    #[test]
    fn polarities() {
        let of = |polarity, on| {
            let chosen = InputArgs { polarity, ..args() };
            Geometry::new(&chosen, SensorSize::NMNIST).input(event(1, 0, on))
        };
        assert_eq!(
            (of(Polarity::On, true), of(Polarity::On, false)),
            (Some(1), None)
        );
        assert_eq!(
            (of(Polarity::Off, true), of(Polarity::Off, false)),
            (None, Some(1))
        );
        assert_eq!(of(Polarity::Merge, true), of(Polarity::Merge, false));
        assert_eq!(of(Polarity::Both, true), Some(1157));
    }

    #[test]
    fn sizes_and_corners_are_checked() {
        assert!("0x3".parse::<Size>().is_err());
        assert!("34".parse::<Size>().is_err());
        assert_eq!(corner("3, 4"), Ok((3, 4)));
        assert!(corner("3").is_err());
    }
}
