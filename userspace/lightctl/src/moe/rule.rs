// SPDX-License-Identifier: GPL-2.0

//! Rules of layers: from flags, from a model's name, from a JSON file.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use lightos::moe::{Drop, GroupScore, Layer, Score, Strategy};
use serde_json::{json, Map, Value};

use crate::failure::Failure;

/// Most bytes of a file of rules.
const MAX_FILE: u64 = 1 << 20;

/// The rule of a known model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Model {
    /// 8 experts, 2 a token, softmax, renormalised
    Mixtral,
    /// 1 a token, softmax [64 experts]
    Switch,
    /// 64 / 8, softmax
    Olmoe,
    /// 64 / 6, softmax
    DeepseekV2Lite,
    /// 160 / 6, softmax, 3 of 8 groups, scale 16
    DeepseekV2,
    /// 128 / 8, softmax, renormalised
    Qwen3,
    /// 256 / 8, sigmoid, biased, 4 of 8 groups, renormalised, scale 2.5
    DeepseekV3,
    /// 384 / 8, sigmoid, biased, renormalised, scale 2.827
    KimiK2,
    /// 256 / 6, sqrt-softplus, biased, renormalised, scale 1.5
    DeepseekV4,
    /// Profile of v0.2.0: 64 / 4, softmax, renormalised, dropless
    LowLatency,
    /// Profile of v0.2.0: 64 / 1, softmax, capacity factor 1, by probability
    MaxEfficiency,
}

impl Model {
    fn layer(self) -> Layer {
        match self {
            Self::Mixtral => Layer::softmax(8, 2),
            Self::Switch => Layer::softmax(64, 1).keep_scores(),
            Self::Olmoe => Layer::softmax(64, 8).keep_scores(),
            Self::DeepseekV2Lite => Layer::softmax(64, 6).keep_scores(),
            Self::DeepseekV2 => Layer::softmax(160, 6)
                .keep_scores()
                .groups(8, 3, GroupScore::Max)
                .scale(16.0),
            Self::Qwen3 => Layer::softmax(128, 8),
            Self::DeepseekV3 => Layer::softmax(256, 8)
                .score(Score::Sigmoid)
                .biased(0.001)
                .groups(8, 4, GroupScore::TopTwo)
                .scale(2.5),
            Self::KimiK2 => Layer::softmax(384, 8)
                .score(Score::Sigmoid)
                .biased(0.001)
                .scale(2.827),
            Self::DeepseekV4 => Layer::softmax(256, 6)
                .score(Score::SqrtSoftplus)
                .biased(0.001)
                .scale(1.5),
            Self::LowLatency => Layer::softmax(64, 4),
            Self::MaxEfficiency => Layer::softmax(64, 1)
                .keep_scores()
                .capacity(Drop::ByProbability, 1.0),
        }
    }
}

/// What decides between groups.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum GroupBy {
    /// Its greatest key
    Max,
    /// The sum of its two greatest keys
    TopTwo,
}

/// The score of a logit.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ScoreName {
    Softmax,
    Sigmoid,
    SqrtSoftplus,
}

/// Which choices stay where an expert has too many.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum DropName {
    /// All
    Never,
    /// The first ones
    Position,
    /// Those with the greatest weights
    Probability,
}

/// The rule of all layers, or a file with one for each.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "The rule")]
pub(crate) struct RuleArgs {
    /// Rules of layers in JSON, as `moe configure --json` prints them
    #[arg(long, value_name = "FILE", conflicts_with_all = ["model", "experts", "top_k"])]
    config: Option<PathBuf>,
    /// Start from the rule of a model
    #[arg(long, value_enum)]
    model: Option<Model>,
    /// Experts [default: what the input has]
    #[arg(long, value_name = "N")]
    experts: Option<u32>,
    /// Experts of a token [default: what the input has]
    #[arg(long, short = 'k', value_name = "N")]
    pub(crate) top_k: Option<u32>,
    /// Score function [default: softmax]
    #[arg(long, value_enum)]
    score: Option<ScoreName>,
    /// Groups of experts, and how many of them may be chosen from
    #[arg(long, value_names = ["GROUPS", "KEPT"], num_args = 2)]
    groups: Option<Vec<u32>>,
    /// What decides between groups [default: max]
    #[arg(long, value_enum)]
    group_score: Option<GroupBy>,
    /// Divide a token's weights by their sum [default: true]
    #[arg(long, value_name = "BOOL")]
    renormalize: Option<bool>,
    /// What weights are multiplied by [default: 1]
    #[arg(long, value_name = "X")]
    scale: Option<f64>,
    /// Only experts of at least this score, beyond the first --min-k
    #[arg(long, value_name = "P")]
    threshold: Option<f64>,
    /// Experts that a token gets whatever their score
    #[arg(long, value_name = "N", requires = "threshold")]
    min_k: Option<u32>,
    /// A token whose greatest score is below this gets no expert
    #[arg(long, value_name = "P")]
    token_threshold: Option<f64>,
    /// Experts by token id: the seed of the hash
    #[arg(long, value_name = "SEED")]
    hash: Option<u64>,
    /// Capacity factor: an expert takes so many times an even share of a batch
    #[arg(long, value_name = "X")]
    capacity: Option<f64>,
    /// Which choices stay beyond the capacity [default: position]
    #[arg(long, value_enum, requires = "capacity")]
    drop: Option<DropName>,
    /// The least capacity
    #[arg(long, value_name = "N", requires = "capacity")]
    min_capacity: Option<u32>,
    /// The capacity is a multiple of this
    #[arg(long, value_name = "N", requires = "capacity")]
    align: Option<u32>,
}

/// What the input says about the rule.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hint {
    /// Experts.
    pub(crate) experts: Option<u32>,
    /// Experts of a token.
    pub(crate) top_k: Option<u32>,
}

impl RuleArgs {
    /// The rules of `count` layers, or with `None` of as many as the file has.
    pub(crate) fn layers(&self, count: Option<usize>, hint: Hint) -> Result<Vec<Layer>, Failure> {
        let Some(path) = &self.config else {
            return Ok(vec![self.layer(hint)?; count.unwrap_or(1)]);
        };
        let layers = read(path)?;
        match count {
            Some(count) if layers.len() == 1 => Ok(layers.repeat(count)),
            Some(count) if layers.len() != count => Err(Failure::Usage(format!(
                "{}: {} layers, but the input has {count}",
                path.display(),
                layers.len()
            ))),
            _ => Ok(layers),
        }
    }

    /// The rule of layer `number` of `count`.
    pub(crate) fn layer_of(
        &self,
        number: usize,
        count: usize,
        hint: Hint,
    ) -> Result<Layer, Failure> {
        let layers = self.layers(Some(count), hint)?;
        let layer = layers.get(number).copied();
        layer.ok_or_else(|| Failure::Usage(format!("there is no rule of layer {number}")))
    }

    /// The experts of layer `number`, before it is known how many layers there are.
    pub(crate) fn experts_of(&self, number: usize, hint: Hint) -> Result<u32, Failure> {
        let layers = self.layers(None, hint)?;
        let layer = layers.get(number).or(layers.first());
        Ok(layer.map_or(0, |layer| layer.experts))
    }

    fn layer(&self, hint: Hint) -> Result<Layer, Failure> {
        let missing = |what| {
            Failure::Usage(format!(
                "the input does not say how many experts {what}; give --{what} or --model"
            ))
        };
        let mut layer = match self.model {
            Some(model) => model.layer(),
            None => {
                let experts = self.experts.or(hint.experts);
                let top_k = self.top_k.or(hint.top_k);
                Layer::softmax(
                    experts.ok_or_else(|| missing("experts"))?,
                    top_k.ok_or_else(|| missing("top-k"))?,
                )
            }
        };
        layer.experts = self.experts.unwrap_or(layer.experts);
        layer.top_k = self.top_k.unwrap_or(layer.top_k);
        Ok(self.capacity(self.changed(layer)))
    }

    fn changed(&self, mut layer: Layer) -> Layer {
        if let Some(score) = self.score {
            layer.score = match score {
                ScoreName::Softmax => Score::Softmax,
                ScoreName::Sigmoid => Score::Sigmoid,
                ScoreName::SqrtSoftplus => Score::SqrtSoftplus,
            };
        }
        if let Some(&[groups, kept]) = self.groups.as_deref() {
            (layer.groups, layer.groups_kept) = (groups, kept);
        }
        if let Some(by) = self.group_score {
            layer.group_score = match by {
                GroupBy::Max => GroupScore::Max,
                GroupBy::TopTwo => GroupScore::TopTwo,
            };
        }
        layer.renormalize = self.renormalize.unwrap_or(layer.renormalize);
        if let Some(scale) = self.scale {
            layer = layer.scale(scale);
        }
        if let Some(threshold) = self.threshold {
            layer = layer.threshold(self.min_k.unwrap_or(0), threshold);
        }
        if let Some(threshold) = self.token_threshold {
            layer = layer.token_threshold(threshold);
        }
        if let Some(seed) = self.hash {
            layer = layer.hash(seed);
        }
        layer
    }

    fn capacity(&self, layer: Layer) -> Layer {
        let Some(factor) = self.capacity else {
            return layer;
        };
        let drop = match self.drop {
            Some(DropName::Never) => Drop::Never,
            Some(DropName::Probability) => Drop::ByProbability,
            None | Some(DropName::Position) => Drop::ByPosition,
        };
        Layer {
            capacity_minimum: self.min_capacity.unwrap_or(0),
            capacity_alignment: self.align.unwrap_or(1),
            ..layer.capacity(drop, factor)
        }
    }
}

/// Reads a file of rules.
fn read(path: &Path) -> Result<Vec<Layer>, Failure> {
    let unreadable = |source| Failure::Read {
        path: path.to_owned(),
        source,
    };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    let wrong = |line, what: String| Failure::Format {
        path: path.to_owned(),
        line,
        what,
    };
    if size > MAX_FILE {
        return Err(wrong(1, format!("{size} bytes are no file of rules")));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let value: Value =
        serde_json::from_str(&text).map_err(|error| wrong(error.line(), error.to_string()))?;
    layers_of(&value).map_err(|what| Failure::Usage(format!("{}: {what}", path.display())))
}

/// The layers of `{"layers": [...]}` or of a list.
fn layers_of(value: &Value) -> Result<Vec<Layer>, String> {
    let list = value.get("layers").unwrap_or(value);
    let list = list.as_array().ok_or("expected {\"layers\": [...]}")?;
    let mut layers = Vec::new();
    for (number, value) in list.iter().enumerate() {
        let (layer, count) = one(value).map_err(|what| format!("layer {number}: {what}"))?;
        layers.extend(std::iter::repeat_n(layer, count));
        if layers.len() > lightos::sys::MOE_MAX_LAYERS as usize {
            return Err("more layers than a gate has, 256".to_owned());
        }
    }
    Ok(layers)
}

/// One layer, and how often.
fn one(value: &Value) -> Result<(Layer, usize), String> {
    let object = value.as_object().ok_or("expected an object")?;
    let mut fields = Fields {
        object,
        known: vec!["model", "count", "capacity"],
    };
    let model = object.get("model").and_then(Value::as_str);
    let mut layer = match model {
        Some(name) => Model::from_str(name, true)
            .map_err(|_| format!("there is no model `{name}`"))?
            .layer(),
        None => Layer::softmax(0, 0),
    };
    fields.whole("experts", &mut layer.experts)?;
    fields.whole("top_k", &mut layer.top_k)?;
    fields.whole("min_k", &mut layer.min_k)?;
    fields.whole("groups", &mut layer.groups)?;
    fields.whole("groups_kept", &mut layer.groups_kept)?;
    fields.choice("group_score", &mut layer.group_score, GROUP_SCORES)?;
    fields.choice("score", &mut layer.score, SCORES)?;
    fields.choice("strategy", &mut layer.strategy, STRATEGIES)?;
    fields.truth("biased", &mut layer.biased)?;
    fields.truth("renormalize", &mut layer.renormalize)?;
    fields.real("scale", 16, &mut layer.scale)?;
    fields.real("threshold", 32, &mut layer.threshold)?;
    fields.real("token_threshold", 32, &mut layer.token_threshold)?;
    fields.real("bias_step", 32, &mut layer.bias_step)?;
    fields.choice("drop", &mut layer.drop, DROPS)?;
    fields.real("capacity_factor", 16, &mut layer.capacity_factor)?;
    fields.whole("capacity_minimum", &mut layer.capacity_minimum)?;
    fields.whole("capacity_alignment", &mut layer.capacity_alignment)?;
    if let Some(seed) = fields.take("seed") {
        layer.seed = seed.as_u64().ok_or("seed: expected a whole number")?;
    }
    fields.rest()?;
    let count = object.get("count").map_or(Some(1), Value::as_u64);
    let count = count.filter(|n| (1..=256).contains(n));
    Ok((layer, count.ok_or("count: expected 1 to 256")? as usize))
}

const GROUP_SCORES: &[GroupScore] = &[GroupScore::Max, GroupScore::TopTwo];
const SCORES: &[Score] = &[Score::Softmax, Score::Sigmoid, Score::SqrtSoftplus];
const STRATEGIES: &[Strategy] = &[
    Strategy::TopK,
    Strategy::Threshold,
    Strategy::Learned,
    Strategy::Hash,
];
const DROPS: &[Drop] = &[Drop::Never, Drop::ByPosition, Drop::ByProbability];

/// Fields of an object, of which each must be known.
struct Fields<'a> {
    object: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    fn take(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.object.get(name)
    }

    fn whole(&mut self, name: &'static str, to: &mut u32) -> Result<(), String> {
        let Some(value) = self.take(name) else {
            return Ok(());
        };
        let whole = value.as_u64().and_then(|n| u32::try_from(n).ok());
        *to = whole.ok_or_else(|| format!("{name}: expected a whole number"))?;
        Ok(())
    }

    /// A number with `digits` binary digits after the point.
    fn real(&mut self, name: &'static str, digits: i32, to: &mut u32) -> Result<(), String> {
        let Some(value) = self.take(name) else {
            return Ok(());
        };
        let fixed = value.as_f64().map(|x| (x * 2f64.powi(digits)).round());
        let fits = fixed.filter(|x| (0.0..=f64::from(u32::MAX)).contains(x));
        let most = f64::from(u32::MAX) / 2f64.powi(digits);
        *to = fits.ok_or_else(|| format!("{name}: expected a number from 0 to {most}"))? as u32;
        Ok(())
    }

    fn truth(&mut self, name: &'static str, to: &mut bool) -> Result<(), String> {
        let Some(value) = self.take(name) else {
            return Ok(());
        };
        *to = value
            .as_bool()
            .ok_or_else(|| format!("{name}: expected true or false"))?;
        Ok(())
    }

    fn choice<T: Copy + ToString>(
        &mut self,
        name: &'static str,
        to: &mut T,
        from: &[T],
    ) -> Result<(), String> {
        let Some(value) = self.take(name) else {
            return Ok(());
        };
        let found = from
            .iter()
            .find(|t| value.as_str() == Some(t.to_string().as_str()));
        let names: Vec<String> = from.iter().map(ToString::to_string).collect();
        *to = *found.ok_or_else(|| format!("{name}: expected {}", names.join(", ")))?;
        Ok(())
    }

    fn rest(&self) -> Result<(), String> {
        let known = |name: &&String| !self.known.contains(&name.as_str());
        match self.object.keys().find(known) {
            Some(name) => Err(format!("there is no field `{name}`")),
            None => Ok(()),
        }
    }
}

/// A rule, for programs; [`RuleArgs`] reads it back.
pub(crate) fn layer_json(layer: &Layer) -> Value {
    let real = |fixed: u32, digits| f64::from(fixed) / 2f64.powi(digits);
    json!({
        "experts": layer.experts,
        "top_k": layer.top_k,
        "min_k": layer.min_k,
        "groups": layer.groups,
        "groups_kept": layer.groups_kept,
        "group_score": layer.group_score.to_string(),
        "score": layer.score.to_string(),
        "strategy": layer.strategy.to_string(),
        "biased": layer.biased,
        "renormalize": layer.renormalize,
        "scale": real(layer.scale, 16),
        "threshold": real(layer.threshold, 32),
        "token_threshold": real(layer.token_threshold, 32),
        "bias_step": real(layer.bias_step, 32),
        "drop": layer.drop.to_string(),
        "capacity_factor": real(layer.capacity_factor, 16),
        "capacity_minimum": layer.capacity_minimum,
        "capacity_alignment": layer.capacity_alignment,
        "seed": layer.seed,
    })
}

/// A rule, in a line.
pub(crate) fn layer_text(layer: &Layer) -> String {
    let mut text = format!("{} of {}, {}", layer.top_k, layer.experts, layer.score);
    let mut add = |what: String| text += &format!(", {what}");
    if layer.strategy != Strategy::TopK {
        add(layer.strategy.to_string());
    }
    if layer.groups_kept < layer.groups {
        add(format!(
            "{} of {} groups by {}",
            layer.groups_kept, layer.groups, layer.group_score
        ));
    }
    if layer.biased {
        add("biased".to_owned());
    }
    if layer.renormalize {
        add("renormalised".to_owned());
    }
    if layer.scale != lightos::sys::MOE_SCALE_ONE {
        add(format!("scale {:.3}", f64::from(layer.scale) / 65_536.0));
    }
    if layer.drop != Drop::Never {
        let factor = f64::from(layer.capacity_factor) / 65_536.0;
        add(format!("capacity {factor} by {}", layer.drop));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_survive_their_file() {
        for &model in Model::value_variants() {
            let layer = model.layer();
            let list = json!({ "layers": [layer_json(&layer)] });
            assert_eq!(layers_of(&list), Ok(vec![layer]));
        }
    }

    #[test]
    fn files_name_what_is_wrong() {
        let wrong = |text: &str| layers_of(&serde_json::from_str(text).unwrap()).unwrap_err();
        assert_eq!(wrong("{}"), "expected {\"layers\": [...]}");
        assert_eq!(wrong("[1]"), "layer 0: expected an object");
        assert!(wrong(r#"[{}, {"topk": 1}]"#).contains("layer 1: there is no field `topk`"));
        assert!(wrong(r#"[{"experts": -1}]"#).contains("experts: expected a whole number"));
        assert!(wrong(r#"[{"scale": 65536}]"#).contains("scale: expected a number from 0"));
        assert!(wrong(r#"[{"score": "relu"}]"#).contains("softmax, sigmoid, sqrt-softplus"));
        assert!(wrong(r#"[{"model": "x"}]"#).contains("no model `x`"));
        assert!(wrong(r#"[{"model": "qwen3", "count": 0}]"#).contains("1 to 256"));
        assert!(wrong(r#"[{"count": 256}, {"count": 1}]"#).contains("more layers"));
    }

    #[test]
    fn models_may_be_changed_and_repeated() {
        let text = r#"[{"model": "qwen3", "top_k": 4, "count": 3}, {"model": "mixtral"}]"#;
        let layers = layers_of(&serde_json::from_str(text).unwrap()).unwrap();
        assert_eq!(layers.len(), 4);
        assert_eq!((layers[2].experts, layers[2].top_k), (128, 4));
        let args = RuleArgs {
            model: Some(Model::DeepseekV3),
            top_k: Some(4),
            capacity: Some(1.5),
            ..RuleArgs::default()
        };
        let layer = args.layers(Some(2), Hint::default()).unwrap()[1];
        assert_eq!((layer.experts, layer.top_k), (256, 4));
        assert_eq!(
            layer_text(&layer),
            "4 of 256, sigmoid, 4 of 8 groups by top-two, biased, renormalised, scale 2.500, \
             capacity 1.5 by position"
        );
        assert!(RuleArgs::default()
            .layers(Some(1), Hint::default())
            .is_err());
    }
}
