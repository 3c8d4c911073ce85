// SPDX-License-Identifier: GPL-2.0

//! Recorded expert choices, and logits made from them.
//!
//! Two forms are read, each also packed by xz:
//!
//! - CSV with the head `layer,token,experts,weights`: a token a line, experts and
//!   weights joined by `;`; lines that begin with `#` say nothing;
//! - the recordings of deepseek-ai/ESFT (`results/expert_scores`): a sequence a
//!   line, the ids of all its tokens, an empty column, all weights, by tabs. They
//!   do not say how many belong to a token.
//!
//! Logits are not recorded. Those of chosen experts are the logarithms of their
//! weights; see [`Layer::recorded`] and [`Layer::filled`] for the others.

use std::io::{BufRead, Read};
use std::path::Path;

use crate::failure::Failure;

/// Most bytes of a recording, unpacked.
const MAX_BYTES: u64 = 1 << 30;

/// Memory that unpacking may take, in KiB: twice what `xz -9` asks for.
const XZ_MEMORY: u32 = 128 << 10;

/// What xz begins with.
const XZ: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0];

/// The choices of a layer: `top_k` places for each token, best first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Layer {
    /// Where it comes from.
    pub(crate) name: String,
    /// Places of a token.
    pub(crate) top_k: usize,
    /// Expert ids.
    pub(crate) ids: Vec<u16>,
    /// Their weights, above 0.
    pub(crate) weights: Vec<f32>,
}

/// What is wrong, and in which line.
type Wrong = (usize, String);

/// Reads the layers of a recording. `top_k` tells how many experts belong to a
/// token where the file does not.
pub(crate) fn read(path: &Path, bytes: &[u8], top_k: usize) -> Result<Vec<Layer>, Failure> {
    let text = text_of(path, bytes)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    parse(&text, &name, top_k).map_err(|(line, what)| Failure::Format {
        path: path.to_owned(),
        line,
        what,
    })
}

/// The text of a file, unpacked.
fn text_of(path: &Path, bytes: &[u8]) -> Result<String, Failure> {
    let unreadable = |source| Failure::Read {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    if bytes.starts_with(&XZ) {
        let unpacked = lzma_rust2::XzReader::new_mem_limit(bytes, true, XZ_MEMORY);
        let mut unpacked = unpacked.take(MAX_BYTES);
        unpacked.read_to_string(&mut text).map_err(unreadable)?;
    } else {
        let mut bytes = bytes;
        bytes.read_to_string(&mut text).map_err(unreadable)?;
    }
    Ok(text)
}

/// The layers of a text.
fn parse(text: &str, name: &str, top_k: usize) -> Result<Vec<Layer>, Wrong> {
    let first = text.lines().find(|line| !line.starts_with('#'));
    let layers = if first.is_some_and(|line| line.starts_with("layer,")) {
        csv(text, name)?
    } else {
        vec![sequences(text, name, top_k)?]
    };
    match layers.iter().find(|layer| layer.ids.is_empty()) {
        Some(_) => Err((1, "there are no choices in it".to_owned())),
        None => Ok(layers),
    }
}

/// The tokens of a CSV file.
fn csv(text: &str, name: &str) -> Result<Vec<Layer>, Wrong> {
    let mut layers: Vec<Layer> = Vec::new();
    let lines = (1..).zip(text.lines()).filter(|(_, l)| !l.starts_with('#'));
    for (number, line) in lines.skip(1) {
        let wrong = |what: &str| (number, what.to_owned());
        let fields: Vec<&str> = line.trim_end().split(',').collect();
        let &[layer, token, experts, weights] = fields.as_slice() else {
            return Err(wrong("expected layer,token,experts,weights"));
        };
        let layer: usize = layer.parse().map_err(|_| wrong("the layer is no number"))?;
        if layer == layers.len() {
            layers.push(Layer {
                name: format!("{name} layer {layer}"),
                ..Layer::default()
            });
        }
        let count = layers.len();
        let Some(of) = layers.get_mut(layer).filter(|_| layer + 1 == count) else {
            return Err(wrong("layers must follow each other from 0 on"));
        };
        let ids = list(experts.split(';'), id).map_err(|what| (number, what))?;
        let weights = list(weights.split(';'), weight).map_err(|what| (number, what))?;
        if of.top_k == 0 {
            of.top_k = ids.len();
        }
        if token.parse() != Ok(of.ids.len() / of.top_k.max(1)) {
            return Err(wrong(
                "the tokens of a layer must follow each other from 0 on",
            ));
        }
        if ids.len() != of.top_k {
            return Err(wrong("not as many experts as the tokens before have"));
        }
        of.push(&ids, &weights).map_err(|what| (number, what))?;
    }
    Ok(layers)
}

/// The tokens of a recording of ESFT.
fn sequences(text: &str, name: &str, top_k: usize) -> Result<Layer, Wrong> {
    let mut layer = Layer {
        name: name.to_owned(),
        top_k,
        ..Layer::default()
    };
    for (number, line) in (1..).zip(text.lines()) {
        let wrong = |what: String| (number, what);
        let (ids, weights) = line
            .split_once("\t\t")
            .ok_or_else(|| wrong("neither CSV nor ids, an empty column and weights".to_owned()))?;
        let ids = list(ids.split('\t'), id).map_err(wrong)?;
        let weights = weights.split('\t').filter(|word| !word.is_empty());
        let weights = list(weights, weight).map_err(wrong)?;
        if ids.len() != weights.len() || !ids.len().is_multiple_of(top_k.max(1)) {
            return Err(wrong(format!(
                "{} ids and {} weights are no whole tokens of {top_k} experts; --top-k tells \
                 how many belong to one",
                ids.len(),
                weights.len()
            )));
        }
        let tokens = ids.chunks(top_k.max(1)).zip(weights.chunks(top_k.max(1)));
        for (ids, weights) in tokens {
            layer.push(ids, weights).map_err(wrong)?;
        }
    }
    Ok(layer)
}

fn list<'a, T>(
    words: impl Iterator<Item = &'a str>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    words.map(parse).collect()
}

fn id(word: &str) -> Result<u16, String> {
    let id = word.trim().parse().ok();
    id.filter(|id| u32::from(*id) < lightos::sys::MOE_MAX_EXPERTS)
        .ok_or_else(|| format!("`{word}` is no expert, 0 to 1023"))
}

fn weight(word: &str) -> Result<f32, String> {
    let weight = word.trim().parse().ok();
    weight
        .filter(|w: &f32| w.is_finite() && *w > 0.0)
        .ok_or_else(|| format!("`{word}` is no weight above 0"))
}

impl Layer {
    /// Adds a token, its experts in any order.
    fn push(&mut self, ids: &[u16], weights: &[f32]) -> Result<(), String> {
        if ids.len() != weights.len() {
            return Err(format!("{} experts, {} weights", ids.len(), weights.len()));
        }
        let mut pairs: Vec<(u16, f32)> = ids.iter().copied().zip(weights.iter().copied()).collect();
        pairs.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        for (at, &(id, weight)) in pairs.iter().enumerate() {
            if pairs.iter().skip(at + 1).any(|other| other.0 == id) {
                return Err(format!("expert {id} twice for a token"));
            }
            self.ids.push(id);
            self.weights.push(weight);
        }
        Ok(())
    }

    /// How many tokens.
    pub(crate) fn tokens(&self) -> usize {
        self.ids.len() / self.top_k.max(1)
    }

    /// One more than the greatest id.
    pub(crate) fn least_experts(&self) -> u32 {
        self.ids.iter().max().map_or(0, |&id| u32::from(id) + 1)
    }

    fn rows(&self) -> impl Iterator<Item = (&[u16], &[f32])> {
        let places = self.top_k.max(1);
        self.ids.chunks(places).zip(self.weights.chunks(places))
    }

    /// Logits from the record alone: -inf for experts that were not chosen.
    pub(crate) fn recorded(&self, experts: usize) -> Vec<f32> {
        let mut logits = vec![f32::NEG_INFINITY; self.tokens() * experts];
        for ((ids, weights), row) in self.rows().zip(logits.chunks_mut(experts)) {
            for (&id, &weight) in ids.iter().zip(weights) {
                if let Some(logit) = row.get_mut(usize::from(id)) {
                    *logit = weight.ln();
                }
            }
        }
        logits
    }

    /// Logits where experts that were not chosen have seeded ones: what the chosen
    /// left of a weight of 1, shared by the experts' popularity in the layer with
    /// half a nat of noise, and below the least chosen one.
    pub(crate) fn filled(&self, experts: usize, seed: u64) -> Vec<f32> {
        let mut loads = vec![0u64; experts];
        for &id in &self.ids {
            if let Some(load) = loads.get_mut(usize::from(id)) {
                *load += 1;
            }
        }
        let mut random = Random(seed);
        let mut logits = Vec::with_capacity(self.tokens() * experts);
        for (ids, weights) in self.rows() {
            let chosen: f64 = weights.iter().map(|&w| f64::from(w)).sum();
            let least = weights.iter().copied().fold(f32::INFINITY, f32::min);
            let shares: Vec<f64> = loads
                .iter()
                .map(|&load| (load as f64 + 1.0) * (0.5 * random.normal()).exp())
                .collect();
            let place = |expert: usize| ids.iter().position(|&id| usize::from(id) == expert);
            let others = shares
                .iter()
                .enumerate()
                .filter(|(e, _)| place(*e).is_none());
            let rest: f64 = others.map(|(_, share)| share).sum();
            let left = (1.0 - chosen).max(0.0);
            for (expert, share) in shares.iter().enumerate() {
                let chosen = place(expert).and_then(|at| weights.get(at));
                let weight = match chosen {
                    Some(&weight) => f64::from(weight),
                    None => (left * share / rest).min(f64::from(least) * 0.999),
                };
                logits.push(weight.max(1e-30).ln() as f32);
            }
        }
        logits
    }
}

/// SplitMix64, so that every run sees the same numbers.
struct Random(u64);

impl Random {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Standard normal, by the sum of twelve.
    fn normal(&mut self) -> f64 {
        let unit = |word: u64| (word >> 11) as f64 / (1u64 << 53) as f64;
        (0..12).map(|_| unit(self.word())).sum::<f64>() - 6.0
    }
}

/// Whether a file begins as a recording of choices may.
pub(crate) fn looks_like(bytes: &[u8]) -> bool {
    let text = |b: &u8| b.is_ascii_graphic() || b.is_ascii_whitespace();
    bytes.starts_with(&XZ) || bytes.iter().take(256).all(text)
}

/// Reads all of `input`, up to the most that a recording may have.
pub(crate) fn bytes_of(input: impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut input = input.take(MAX_BYTES + 1);
    input.read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(std::io::Error::other("more than a GiB"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CSV: &str = "# ours\nlayer,token,experts,weights\n\
                       0,0,3;1,0.5;0.25\n0,1,2;0,0.125;0.5\n1,0,1;2;0,0.1;0.2;0.3\n";

    #[test]
    fn csv_has_layers_and_best_comes_first() {
        let layers = parse(CSV, "f", 6).unwrap();
        assert_eq!(layers.len(), 2);
        assert_eq!((layers[0].top_k, layers[0].tokens()), (2, 2));
        assert_eq!(layers[0].ids, [3, 1, 0, 2]);
        assert_eq!(layers[1].ids, [0, 2, 1]);
        assert_eq!(layers[0].least_experts(), 4);
        let logits = layers[0].recorded(4);
        assert_eq!(
            logits[..4],
            [
                f32::NEG_INFINITY,
                0.25f32.ln(),
                f32::NEG_INFINITY,
                0.5f32.ln()
            ]
        );
    }

    #[test]
    fn sequences_are_cut_into_tokens() {
        let text = "1\t2\t3\t4\t\t0.5\t0.6\t0.7\t0.2\t\n";
        let layer = &parse(text, "f", 2).unwrap()[0];
        assert_eq!((layer.tokens(), &layer.ids[..]), (2, &[2, 1, 3, 4][..]));
        let (line, what) = parse(text, "f", 3).unwrap_err();
        assert!(line == 1 && what.contains("--top-k"), "{what}");
    }

    #[test]
    fn files_name_what_is_wrong() {
        let wrong = |text: &str| parse(text, "f", 2).unwrap_err();
        let head = "layer,token,experts,weights\n";
        let csv = |rest: &str| wrong(&format!("{head}{rest}"));
        assert_eq!(csv("0,0,1;1,0.5;0.5").1, "expert 1 twice for a token");
        assert_eq!(csv("0,0,1;2,0.5").1, "2 experts, 1 weights");
        assert!(csv("0,1,1,0.5").1.contains("tokens of a layer must follow"));
        assert!(csv("1,0,1,0.5").1.contains("layers must follow"));
        assert!(csv("0,0,1024,0.5").1.contains("`1024` is no expert"));
        assert!(csv("0,0,1,inf").1.contains("`inf` is no weight"));
        assert!(csv("0,0,1,0").1.contains("`0` is no weight"));
        assert_eq!(csv("0,0,1,0.5\n0,1,1;2,0.5;0.4").0, 3);
        assert!(csv("0,0,1").1.contains("expected layer,"));
        assert!(wrong("").1.contains("no choices"));
        assert!(wrong("hello").1.contains("neither CSV"));
    }

    #[test]
    fn filled_logits_keep_the_choices_in_front() {
        let layer = &parse(CSV, "f", 6).unwrap()[0];
        let logits = layer.filled(8, 7);
        assert_eq!(logits, layer.filled(8, 7));
        assert_ne!(logits, layer.filled(8, 8));
        for (row, ids) in logits.chunks(8).zip(layer.ids.chunks(2)) {
            let mut order: Vec<usize> = (0..8).collect();
            order.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
            let chosen: Vec<usize> = ids.iter().map(|&id| usize::from(id)).collect();
            assert_eq!(order[..2], chosen[..]);
        }
    }

    proptest! {
        /// Damage is an error or other choices, never a panic.
        #[test]
        fn damage_is_survived(
            at in any::<prop::sample::Index>(),
            to in any::<u8>(),
            cut in any::<prop::sample::Index>(),
            esft in any::<bool>(),
        ) {
            let text = if esft { "1\t2\t3\t4\t\t0.5\t0.6\t0.7\t0.2\t\n" } else { CSV };
            let mut bytes = text.as_bytes().to_vec();
            bytes[at.index(text.len())] = to;
            bytes.truncate(cut.index(text.len() + 1));
            if let Ok(layers) = parse(&String::from_utf8_lossy(&bytes), "f", 2) {
                for layer in layers {
                    prop_assert_eq!(layer.ids.len(), layer.tokens() * layer.top_k);
                    let experts = layer.least_experts() as usize;
                    prop_assert_eq!(layer.recorded(experts).len(), layer.tokens() * experts);
                    layer.filled(experts, 1);
                }
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(Path::new("f"), &bytes, 2);
            let packed = [&XZ[..], &bytes].concat();
            let _ = read(Path::new("f"), &packed, 2);
            looks_like(&bytes);
        }
    }
}
