// SPDX-License-Identifier: GPL-2.0

//! What to route: logits in `.npy`, or recorded choices.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use lightos::moe::{Batch, Input, Layer, Strategy};
use lightos_recordings::npy::{read_array, Array};

use super::rule::{Hint, RuleArgs};
use super::trace;
use crate::failure::Failure;

/// Most numbers of an array.
const MAX_NUMBERS: usize = 1 << 28;

/// Experts of a token in the recordings of ESFT, which do not say.
const ESFT_TOP_K: u32 = 6;

/// What to route.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SourceArgs {
    /// Logits as .npy [tokens, experts] or [layers, tokens, experts], or recorded
    /// choices (CSV or ESFT, also .xz); several files are several layers
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Number format that logits are given to the gate in
    #[arg(long, value_enum, default_value_t = FormatName::F32, value_name = "FORMAT")]
    format: FormatName,
    /// Tokens of a batch
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    batch: Option<u32>,
    /// Biases as .npy [experts] or [layers, experts]
    #[arg(long, value_name = "FILE")]
    biases: Option<PathBuf>,
    /// For --hash: the id of each token, as .npy [tokens]
    #[arg(long, value_name = "FILE", requires = "hash")]
    token_ids: Option<PathBuf>,
    /// For --hash: experts of each token id, as .npy [ids, top-k]
    #[arg(long, value_name = "FILE", requires = "token_ids")]
    hash_table: Option<PathBuf>,
    /// Make logits in the gate: a router's int8 weights as .npy [experts, features];
    /// FILE then holds int8 features [tokens, features]
    #[arg(long, value_name = "FILE", requires = "scales")]
    projection: Option<PathBuf>,
    /// For --projection: the scale of each expert, as .npy [experts], 0 to 1
    #[arg(long, value_name = "FILE", requires = "projection")]
    scales: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rule: RuleArgs,
}

/// Number format of logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatName {
    F32,
    F16,
    Bf16,
    Q16,
}

/// Logits in the format that they are given to the gate in.
#[derive(Clone, Debug)]
pub(crate) enum Words {
    F32(Vec<f32>),
    F16(Vec<u16>),
    Bf16(Vec<u16>),
    Q16(Vec<i32>),
    /// Features of learned layers.
    Int8(Vec<i8>),
}

impl Words {
    fn new(logits: Vec<f32>, format: FormatName) -> Self {
        match format {
            FormatName::F32 => Self::F32(logits),
            FormatName::F16 => Self::F16(logits.into_iter().map(to_f16).collect()),
            FormatName::Bf16 => Self::Bf16(logits.into_iter().map(to_bf16).collect()),
            FormatName::Q16 => Self::Q16(logits.into_iter().map(to_q16).collect()),
        }
    }

    /// Rows `first` to `end` of `width` numbers.
    pub(crate) fn rows(&self, first: usize, end: usize, width: usize) -> Input<'_> {
        fn part<T>(words: &[T], first: usize, end: usize) -> &[T] {
            words.get(first..end).unwrap_or(&[])
        }
        let (first, end) = (first * width, end * width);
        match self {
            Self::F32(words) => Input::F32(part(words, first, end)),
            Self::F16(words) => Input::F16(part(words, first, end)),
            Self::Bf16(words) => Input::Bf16(part(words, first, end)),
            Self::Q16(words) => Input::Q16(part(words, first, end)),
            Self::Int8(words) => Input::Int8(part(words, first, end)),
        }
    }
}

/// To the nearest, ties to even; what is too great is an infinity.
fn to_f16(x: f32) -> u16 {
    let bits = x.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let magnitude = bits & 0x7fff_ffff;
    if magnitude > 0x7f80_0000 {
        return sign | 0x7e00;
    }
    // Units of the last digit: 2^-24 where binary16 has no normal number.
    let value = f64::from(f32::from_bits(magnitude));
    let exponent = ((magnitude >> 23) as i32 - 127).max(-14);
    let unit = 2f64.powi(exponent - 10);
    let digits = (value / unit).round_ties_even();
    // A carry into the next exponent adds up as it should.
    let whole = f64::from(exponent + 14).mul_add(1024.0, digits);
    sign | if whole >= f64::from(0x7c00) {
        0x7c00
    } else {
        whole as u16
    }
}

/// To the nearest, ties to even.
fn to_bf16(x: f32) -> u16 {
    let bits = x.to_bits();
    if x.is_nan() {
        return (bits >> 16) as u16 | 0x40;
    }
    let even = bits >> 16 & 1;
    ((u64::from(bits) + 0x7fff + u64::from(even)) >> 16) as u16
}

/// To the nearest; -inf is the least number, and what is too great the greatest.
fn to_q16(x: f32) -> i32 {
    if x == f32::NEG_INFINITY {
        return i32::MIN;
    }
    let fixed = (f64::from(x) * 65_536.0).round();
    (fixed as i32).max(-i32::MAX)
}

/// The tokens of a layer.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    /// Where they come from.
    pub(crate) name: String,
    /// Logits or features of a token.
    pub(crate) width: usize,
    /// A row for each.
    pub(crate) words: Words,
    /// How many.
    pub(crate) count: usize,
    /// Their ids, for hash layers.
    pub(crate) ids: Vec<u32>,
    /// What was recorded of them.
    pub(crate) record: Option<trace::Layer>,
}

/// Weights of a router, and the scale of each expert.
type Matrix = (Vec<i8>, Vec<u32>);

/// All layers, with their rules.
#[derive(Debug)]
pub(crate) struct Source {
    /// The tokens of each layer.
    pub(crate) tokens: Vec<Tokens>,
    /// The rule of each layer.
    pub(crate) rules: Vec<Layer>,
    /// Biases of each layer, in units of 2^-36; empty for none.
    pub(crate) biases: Vec<Vec<i64>>,
    /// Experts of token ids, for hash layers.
    pub(crate) hash_table: Vec<u16>,
    /// The router's matrix and its scales, for learned layers.
    pub(crate) projection: Option<Matrix>,
    /// Tokens of a batch, where it was said.
    pub(crate) batch: Option<u32>,
}

/// What was in the files.
enum Content {
    /// Logits, with as many a row.
    Logits(Vec<(String, usize, Vec<f32>)>),
    Choices(Vec<trace::Layer>),
}

impl SourceArgs {
    /// For titles.
    pub(crate) fn name(&self) -> String {
        let names = self.files.iter().filter_map(|path| path.file_name());
        let names: Vec<_> = names.map(|name| name.to_string_lossy()).collect();
        names.join(", ")
    }

    /// Reads everything. `seed` fills the logits of experts that were not chosen;
    /// without it they are -inf.
    pub(crate) fn read(&self, seed: Option<u64>) -> Result<Source, Failure> {
        if self.files.is_empty() {
            let what = "give a FILE of logits or recorded choices; see --help";
            return Err(Failure::Usage(what.to_owned()));
        }
        let mut tokens = Vec::new();
        for path in &self.files {
            match self.content(path)? {
                Content::Logits(layers) => {
                    for (name, width, logits) in layers {
                        tokens.push(self.tokens(name, width, logits, None)?);
                    }
                }
                Content::Choices(layers) => {
                    for layer in layers {
                        tokens.push(self.recorded(tokens.len(), layer, seed)?);
                    }
                }
            }
        }
        let projection = self.projection()?;
        let mut rules = self.rules(&tokens, projection.as_ref())?;
        let biases = self.biases(&mut rules)?;
        Ok(Source {
            tokens,
            rules,
            biases,
            hash_table: self.hash_table()?,
            projection,
            batch: self.batch,
        })
    }

    /// The tokens of recorded choices.
    fn recorded(
        &self,
        number: usize,
        layer: trace::Layer,
        seed: Option<u64>,
    ) -> Result<Tokens, Failure> {
        let hint = Hint {
            experts: Some(layer.least_experts().next_power_of_two()),
            top_k: u32::try_from(layer.top_k).ok(),
        };
        let experts = self.rule.experts_of(number, hint)? as usize;
        check_fit(&layer, experts)?;
        let logits = match seed {
            Some(seed) => layer.filled(experts, seed),
            None => layer.recorded(experts),
        };
        self.tokens(layer.name.clone(), experts, logits, Some(layer))
    }

    fn tokens(
        &self,
        name: String,
        width: usize,
        logits: Vec<f32>,
        record: Option<trace::Layer>,
    ) -> Result<Tokens, Failure> {
        let count = logits.len() / width.max(1);
        let words = if self.projection.is_some() {
            Words::Int8(int8_of(&name, &logits)?)
        } else {
            Words::new(logits, self.format)
        };
        let ids = self.ids()?;
        if !ids.is_empty() && ids.len() != count {
            return Err(Failure::Usage(format!(
                "{name}: {count} tokens, but {} token ids",
                ids.len()
            )));
        }
        Ok(Tokens {
            name,
            width,
            words,
            count,
            ids,
            record,
        })
    }

    /// The rule of each layer.
    fn rules(&self, tokens: &[Tokens], projection: Option<&Matrix>) -> Result<Vec<Layer>, Failure> {
        let mut rules = Vec::new();
        for (number, of) in tokens.iter().enumerate() {
            let experts = projection.map_or(of.width, |(_, scales)| scales.len());
            let hint = Hint {
                experts: u32::try_from(experts).ok(),
                top_k: of.record.as_ref().and_then(|r| u32::try_from(r.top_k).ok()),
            };
            let mut rule = self.rule.layer_of(number, tokens.len(), hint)?;
            if rule.experts as usize != experts {
                return Err(Failure::Usage(format!(
                    "{}: {experts} logits a token, but the rule has {} experts",
                    of.name, rule.experts
                )));
            }
            if projection.is_some() {
                rule = rule.learned();
            }
            if rule.strategy == Strategy::Hash && of.ids.is_empty() {
                let what = "a hash layer needs --token-ids";
                return Err(Failure::Usage(what.to_owned()));
            }
            rules.push(rule);
        }
        Ok(rules)
    }

    fn ids(&self) -> Result<Vec<u32>, Failure> {
        let Some(path) = &self.token_ids else {
            return Ok(Vec::new());
        };
        whole(path, &read_npy(path)?, "a token id")
    }

    fn hash_table(&self) -> Result<Vec<u16>, Failure> {
        let Some(path) = &self.hash_table else {
            return Ok(Vec::new());
        };
        whole(path, &read_npy(path)?, "an expert")
    }

    fn projection(&self) -> Result<Option<Matrix>, Failure> {
        let (Some(weights), Some(scales)) = (&self.projection, &self.scales) else {
            return Ok(None);
        };
        let matrix = whole(weights, &read_npy(weights)?, "a weight of int8")?;
        let fixed = |x: &f64| (x * 2f64.powi(32)).round() as u32;
        let scales = read_npy(scales)?.values.iter().map(fixed).collect();
        Ok(Some((matrix, scales)))
    }

    fn content(&self, path: &Path) -> Result<Content, Failure> {
        let unreadable = |source| Failure::Read {
            path: path.to_owned(),
            source,
        };
        let file = BufReader::new(File::open(path).map_err(unreadable)?);
        let bytes = trace::bytes_of(file).map_err(unreadable)?;
        if bytes.starts_with(b"\x93NUMPY") {
            let array = array(path, &bytes)?;
            return logits_of(path, array).map(Content::Logits);
        }
        if !trace::looks_like(&bytes) {
            return Err(Failure::Usage(format!(
                "{}: neither .npy nor recorded choices",
                path.display()
            )));
        }
        let top_k = self.rule.top_k.unwrap_or(ESFT_TOP_K) as usize;
        trace::read(path, &bytes, top_k).map(Content::Choices)
    }

    /// Biases of all layers, which thereby become biased.
    fn biases(&self, rules: &mut [Layer]) -> Result<Vec<Vec<i64>>, Failure> {
        let Some(path) = &self.biases else {
            return Ok(Vec::new());
        };
        let array = read_npy(path)?;
        let rows = match array.shape[..] {
            [_] => 1,
            [layers, _] => layers,
            _ => 0,
        };
        let width = array.values.len().checked_div(rows).unwrap_or(0);
        let fits = rules.iter().all(|rule| rule.experts as usize == width);
        if !fits || (rows != 1 && rows != rules.len()) {
            return Err(Failure::Usage(format!(
                "{}: biases of shape {:?} do not fit {} layers of {} experts",
                path.display(),
                array.shape,
                rules.len(),
                rules.first().map_or(0, |rule| rule.experts)
            )));
        }
        let one = lightos::sys::MOE_BIAS_ONE as f64;
        let fixed = |bias: &f64| (bias * one).round() as i64;
        let rows: Vec<Vec<i64>> = array
            .values
            .chunks(width.max(1))
            .map(|row| row.iter().map(fixed).collect())
            .collect();
        for rule in rules.iter_mut() {
            rule.biased = true;
        }
        Ok(rules
            .iter()
            .enumerate()
            .filter_map(|(layer, _)| rows.get(layer % rows.len()).cloned())
            .collect())
    }
}

/// Reads an array.
fn read_npy(path: &Path) -> Result<Array, Failure> {
    let bytes = std::fs::read(path).map_err(|source| Failure::Read {
        path: path.to_owned(),
        source,
    })?;
    array(path, &bytes)
}

/// Whole numbers of an array.
fn whole<T: TryFrom<i64>>(path: &Path, array: &Array, what: &str) -> Result<Vec<T>, Failure> {
    let number = |&x: &f64| {
        let exact = (x.fract() == 0.0).then_some(x as i64);
        let fits = exact.and_then(|n| T::try_from(n).ok());
        fits.ok_or_else(|| Failure::Usage(format!("{}: {x} is not {what}", path.display())))
    };
    array.values.iter().map(number).collect()
}

/// Features as int8.
fn int8_of(name: &str, features: &[f32]) -> Result<Vec<i8>, Failure> {
    let byte = |&x: &f32| {
        let exact = (x.fract() == 0.0 && (-128.0..128.0).contains(&x)).then_some(x as i8);
        exact.ok_or_else(|| Failure::Usage(format!("{name}: {x} is not a feature of int8")))
    };
    features.iter().map(byte).collect()
}

fn check_fit(layer: &trace::Layer, experts: usize) -> Result<(), Failure> {
    if layer.least_experts() as usize > experts {
        return Err(Failure::Usage(format!(
            "{}: expert {} was chosen, but the rule has {experts} experts",
            layer.name,
            layer.least_experts() - 1
        )));
    }
    Ok(())
}

pub(crate) fn array(path: &Path, bytes: &[u8]) -> Result<Array, Failure> {
    read_array(bytes, MAX_NUMBERS).map_err(|source| Failure::recording(path, source))
}

/// The layers of an array.
fn logits_of(path: &Path, array: Array) -> Result<Vec<(String, usize, Vec<f32>)>, Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (layers, experts) = match array.shape[..] {
        [_, experts] => (1, experts),
        [layers, _, experts] => (layers, experts),
        _ => (0, 0),
    };
    let fits = (1..=lightos::sys::MOE_MAX_FEATURES as usize).contains(&experts);
    if layers == 0 || !fits || array.values.is_empty() {
        return Err(Failure::Usage(format!(
            "{}: shape {:?}; logits have [tokens, experts] or [layers, tokens, experts], up to \
             1,024 experts",
            path.display(),
            array.shape
        )));
    }
    let rows = array.values.chunks(array.values.len() / layers);
    Ok(rows
        .enumerate()
        .map(|(layer, values)| {
            let name = if layers == 1 {
                name.to_string()
            } else {
                format!("{name} layer {layer}")
            };
            (name, experts, values.iter().map(|&x| x as f32).collect())
        })
        .collect())
}

impl Tokens {
    /// Batches of up to `size` tokens of layer `layer`, with the tokens before.
    pub(crate) fn batches(
        &self,
        layer: u32,
        size: u32,
    ) -> impl Iterator<Item = (usize, Batch<'_>)> + '_ {
        let size = size.max(1) as usize;
        (0..self.count).step_by(size).map(move |first| {
            let end = (first + size).min(self.count);
            let rows = self.words.rows(first, end, self.width);
            let token_ids = self.ids.get(first..end).unwrap_or(&[]);
            let batch = Batch::new(layer, rows);
            (first, Batch { token_ids, ..batch })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formats_round_as_ieee_does() {
        for (x, f16, bf16) in [
            (1.0f32, 0x3c00, 0x3f80),
            (-2.0, 0xc000, 0xc000),
            (0.333_333_34, 0x3555, 0x3eab),
            (65_504.0, 0x7bff, 0x4780),
            (65_520.0, 0x7c00, 0x4780),
            (5.960_464_5e-8, 0x0001, 0x3380),
            (2.980_232_2e-8, 0x0000, 0x3300),
            (2_049.0, 0x6800, 0x4500),
            (2_051.0, 0x6802, 0x4500),
            (f32::NEG_INFINITY, 0xfc00, 0xff80),
        ] {
            assert_eq!(to_f16(x), f16, "{x}");
            assert_eq!(to_bf16(x), bf16, "{x}");
        }
        assert_eq!(to_f16(f32::NAN) & 0x7c00, 0x7c00);
        assert_eq!(to_q16(f32::NEG_INFINITY), i32::MIN);
        assert_eq!(to_q16(-1e9), -i32::MAX);
        assert_eq!(to_q16(1.5), 0x1_8000);
    }

    proptest! {
        /// Every binary16 number comes back from its value.
        #[test]
        fn halves_come_back(bits in any::<u16>()) {
            let magnitude = bits & 0x7fff;
            prop_assume!(magnitude <= 0x7c00);
            let digits = f32::from(magnitude & 0x3ff);
            let value = match magnitude >> 10 {
                0x1f => f32::INFINITY,
                0 => digits * 2f32.powi(-24),
                e => (1024.0 + digits) * 2f32.powi(i32::from(e) - 25),
            };
            let signed = if bits >> 15 == 0 { value } else { -value };
            prop_assert_eq!(to_f16(signed), bits);
        }

        /// Damaged arrays are errors or other logits, never a panic.
        #[test]
        fn damaged_arrays_are_survived(
            at in any::<prop::sample::Index>(),
            to in any::<u8>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f4', \
                'fortran_order': False, 'shape': (2, 2), }          \n".to_vec();
            bytes.extend([0; 16]);
            let index = at.index(bytes.len());
            bytes[index] = to;
            bytes.truncate(cut.index(bytes.len() + 1));
            let path = Path::new("f.npy");
            if let Ok(array) = array(path, &bytes) {
                let _ = logits_of(path, array);
            }
        }
    }
}
