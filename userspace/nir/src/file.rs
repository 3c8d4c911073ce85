// SPDX-License-Identifier: GPL-2.0

//! The HDF5 layout of NIR: `/version`, and `/node` with `type` NIRGraph, `edges`
//! and the group `nodes`, which has one group a node.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use hdf5_pure::{DType, Dataset, Group, VlenStringReadOptions};

use crate::graph::{Graph, Node, Padding, Tensor};
use crate::{Error, Limits};

/// Most bytes of all texts of one data set.
const TEXT_BYTES: usize = 1 << 20;

impl Graph {
    /// Reads the file `path`.
    ///
    /// # Errors
    /// See [`Error`]; the graph is not yet validated ([`Graph::shapes`] does).
    pub fn open(path: &Path, limits: &Limits) -> Result<Self, Error> {
        let name = path.display().to_string();
        let read = || {
            let mut bytes = Vec::new();
            let most = limits.file_bytes.saturating_add(1);
            File::open(path)?.take(most).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|source| Error::Io {
            path: name.clone(),
            source,
        })?;
        if bytes.len() as u64 > limits.file_bytes {
            let most = limits.file_bytes;
            return Err(Error::limit(&name, format!("longer than {most} bytes")));
        }
        Self::from_bytes(bytes, limits)
    }

    /// Reads a file from memory.
    ///
    /// # Errors
    /// As [`Graph::open`].
    pub fn from_bytes(bytes: Vec<u8>, limits: &Limits) -> Result<Self, Error> {
        let file = hdf5_pure::File::from_bytes(bytes).map_err(|e| hdf5("file", e))?;
        let root = Fields::new(file.root(), "", limits)?;
        let version = root.optional_text("version")?.unwrap_or_default();
        let graph = root.group("node")?;
        let kind = graph.text("type")?;
        if kind != "NIRGraph" {
            return Err(Error::layout(
                "/node/type",
                format!("expected NIRGraph, found {kind}"),
            ));
        }
        let edges = read_edges(&graph, limits)?;
        let nodes = graph.group("nodes")?;
        if nodes.groups.len() > limits.nodes {
            let count = nodes.groups.len();
            return Err(Error::limit("/node/nodes", format!("{count} nodes")));
        }
        let nodes = nodes
            .groups
            .iter()
            .map(|name| Ok((name.clone(), read_node(name, &nodes.group(name)?)?)))
            .collect::<Result<_, Error>>()?;
        Ok(Graph {
            version,
            nodes,
            edges,
        })
    }
}

fn hdf5(at: &str, source: hdf5_pure::Error) -> Error {
    Error::Hdf5 {
        at: at.to_owned(),
        source,
    }
}

fn read_edges(graph: &Fields<'_>, limits: &Limits) -> Result<Vec<(String, String)>, Error> {
    if !graph.has("edges") {
        return Ok(Vec::new());
    }
    let (shape, names) = graph.texts("edges")?;
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let &[count, 2] = &shape[..] else {
        return Err(Error::layout(
            "/node/edges",
            format!("expected pairs of names, found shape {shape:?}"),
        ));
    };
    if count > limits.nodes {
        return Err(Error::limit("/node/edges", format!("{count} edges")));
    }
    let mut names = names.into_iter();
    let mut edges = Vec::with_capacity(count);
    while let (Some(from), Some(to)) = (names.next(), names.next()) {
        edges.push((from, to));
    }
    Ok(edges)
}

fn read_node(name: &str, fields: &Fields<'_>) -> Result<Node, Error> {
    let kind = fields.text("type")?;
    match kind.as_str() {
        "Input" => Ok(Node::Input {
            shape: fields.sizes("shape")?,
        }),
        "Output" => Ok(Node::Output {
            shape: fields.sizes("shape")?,
        }),
        "Affine" => Ok(Node::Affine {
            weight: fields.tensor("weight")?,
            bias: Some(fields.tensor("bias")?),
        }),
        "Linear" => Ok(Node::Affine {
            weight: fields.tensor("weight")?,
            bias: None,
        }),
        "Scale" => Ok(Node::Scale {
            scale: fields.tensor("scale")?,
        }),
        "Delay" => Ok(Node::Delay {
            delay: fields.tensor("delay")?,
        }),
        "Conv2d" => read_conv2d(name, fields),
        "SumPool2d" => Ok(Node::SumPool2d {
            kernel: fields.pair("kernel_size")?,
            stride: fields.pair("stride")?,
            padding: fields.pair("padding")?,
        }),
        "Flatten" => Ok(Node::Flatten {
            input_shape: fields.optional("input_type", Fields::sizes)?,
            start: fields.integer("start_dim")?,
            end: fields.integer("end_dim")?,
        }),
        _ => read_neuron(name, kind, fields),
    }
}

fn read_conv2d(name: &str, fields: &Fields<'_>) -> Result<Node, Error> {
    let padding = if fields.is_text("padding")? {
        match fields.text("padding")?.as_str() {
            "same" => Padding::Same,
            "valid" => Padding::Zeros([0, 0]),
            other => return Err(Error::node(name, format!("padding {other}"))),
        }
    } else {
        Padding::Zeros(fields.pair("padding")?)
    };
    let groups = fields.integer("groups")?;
    Ok(Node::Conv2d {
        input_shape: fields.optional("input_shape", Fields::pair)?,
        weight: fields.tensor("weight")?,
        bias: fields.tensor("bias")?,
        stride: fields.pair("stride")?,
        padding,
        dilation: fields.pair("dilation")?,
        groups: usize::try_from(groups)
            .map_err(|_| Error::node(name, format!("groups {groups}")))?,
    })
}

fn read_neuron(name: &str, kind: String, fields: &Fields<'_>) -> Result<Node, Error> {
    let threshold = |fields: &Fields<'_>| fields.tensor("v_threshold");
    let reset = |like: &Tensor| match fields.optional("v_reset", Fields::tensor)? {
        Some(reset) => Ok::<_, Error>(reset),
        None => Ok(filled(like, 0.0)),
    };
    match kind.as_str() {
        "LIF" => {
            let v_threshold = threshold(fields)?;
            Ok(Node::Lif {
                tau: fields.tensor("tau")?,
                r: fields.tensor("r")?,
                v_leak: fields.tensor("v_leak")?,
                v_reset: reset(&v_threshold)?,
                v_threshold,
            })
        }
        "CubaLIF" => {
            let v_threshold = threshold(fields)?;
            let w_in = fields.optional("w_in", Fields::tensor)?;
            Ok(Node::CubaLif {
                tau_syn: fields.tensor("tau_syn")?,
                tau_mem: fields.tensor("tau_mem")?,
                r: fields.tensor("r")?,
                v_leak: fields.tensor("v_leak")?,
                v_reset: reset(&v_threshold)?,
                w_in: w_in.unwrap_or_else(|| filled(&v_threshold, 1.0)),
                v_threshold,
            })
        }
        "IF" => {
            let v_threshold = threshold(fields)?;
            Ok(Node::If {
                r: fields.tensor("r")?,
                v_reset: reset(&v_threshold)?,
                v_threshold,
            })
        }
        "LI" => Ok(Node::Li {
            tau: fields.tensor("tau")?,
            r: fields.tensor("r")?,
            v_leak: fields.tensor("v_leak")?,
        }),
        _ => Err(Error::UnsupportedNode {
            node: name.to_owned(),
            kind,
        }),
    }
}

fn filled(like: &Tensor, value: f64) -> Tensor {
    Tensor {
        shape: like.shape.clone(),
        values: vec![value; like.values.len()],
    }
}

/// A group of the file with the names in it.
struct Fields<'a> {
    group: Group,
    path: String,
    datasets: Vec<String>,
    groups: Vec<String>,
    limits: &'a Limits,
}

impl<'a> Fields<'a> {
    fn new(group: Group, path: &str, limits: &'a Limits) -> Result<Self, Error> {
        let at = if path.is_empty() { "/" } else { path };
        Ok(Self {
            datasets: group.datasets().map_err(|e| hdf5(at, e))?,
            groups: group.groups().map_err(|e| hdf5(at, e))?,
            group,
            path: path.to_owned(),
            limits,
        })
    }

    fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    fn has(&self, name: &str) -> bool {
        self.datasets.iter().any(|d| d == name)
    }

    fn group(&self, name: &str) -> Result<Fields<'a>, Error> {
        let at = self.at(name);
        if !self.groups.iter().any(|g| g == name) {
            return Err(Error::layout(&at, "no such group; is this a NIR file?"));
        }
        let group = self.group.group(name).map_err(|e| hdf5(&at, e))?;
        Fields::new(group, &at, self.limits)
    }

    /// The data set `name` and its shape, no larger than the limit.
    fn dataset(&self, name: &str) -> Result<(Dataset, Vec<usize>), Error> {
        let at = self.at(name);
        if !self.has(name) {
            return Err(Error::layout(&at, "missing"));
        }
        let set = self.group.dataset(name).map_err(|e| hdf5(&at, e))?;
        let shape = set.shape().map_err(|e| hdf5(&at, e))?;
        let chunk = set.chunk_shape().map_err(|e| hdf5(&at, e))?;
        for dimensions in [Some(&shape), chunk.as_ref()].into_iter().flatten() {
            let count = dimensions.iter().try_fold(1u64, |n, &d| n.checked_mul(d));
            if count.is_none_or(|n| n > self.limits.elements as u64) {
                return Err(Error::limit(&at, format!("{dimensions:?} elements")));
            }
        }
        Ok((set, shape.iter().map(|&n| n as usize).collect()))
    }

    fn is_text(&self, name: &str) -> Result<bool, Error> {
        let (set, _) = self.dataset(name)?;
        let dtype = set.dtype().map_err(|e| hdf5(&self.at(name), e))?;
        Ok(matches!(dtype, DType::String | DType::VariableLengthString))
    }

    fn texts(&self, name: &str) -> Result<(Vec<usize>, Vec<String>), Error> {
        let at = self.at(name);
        let (set, shape) = self.dataset(name)?;
        let options = VlenStringReadOptions::new()
            .with_max_elements(2 * self.limits.nodes)
            .with_max_payload_bytes(TEXT_BYTES);
        let texts = match set.dtype().map_err(|e| hdf5(&at, e))? {
            DType::VariableLengthString => set.read_vlen_strings(options),
            DType::String => {
                let count: usize = shape.iter().product();
                let each = set.element_size().map_err(|e| hdf5(&at, e))?;
                if (count as u64).saturating_mul(each) > TEXT_BYTES as u64 {
                    return Err(Error::limit(&at, format!("{count} texts of {each} bytes")));
                }
                set.read_string()
            }
            // What h5py writes for a list without elements.
            _ if shape.contains(&0) => Ok(Vec::new()),
            other => return Err(Error::layout(&at, format!("expected text, found {other}"))),
        };
        Ok((shape, texts.map_err(|e| hdf5(&at, e))?))
    }

    fn text(&self, name: &str) -> Result<String, Error> {
        let (shape, texts) = self.texts(name)?;
        match <[String; 1]>::try_from(texts) {
            Ok([text]) => Ok(text),
            Err(_) => Err(Error::layout(
                &self.at(name),
                format!("expected one text, found shape {shape:?}"),
            )),
        }
    }

    fn optional_text(&self, name: &str) -> Result<Option<String>, Error> {
        self.optional(name, Fields::text)
    }

    fn optional<T>(
        &self,
        name: &str,
        read: impl Fn(&Self, &str) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        self.has(name).then(|| read(self, name)).transpose()
    }

    /// Numbers, all finite.
    fn tensor(&self, name: &str) -> Result<Tensor, Error> {
        let at = self.at(name);
        let (set, shape) = self.dataset(name)?;
        if self.is_text(name)? {
            return Err(Error::layout(&at, "expected numbers, found text"));
        }
        let values = set.read_f64().map_err(|e| hdf5(&at, e))?;
        let count: usize = shape.iter().product();
        if values.len() != count {
            let found = values.len();
            return Err(Error::layout(&at, format!("{found} of {count} elements")));
        }
        match values.iter().find(|v| !v.is_finite()) {
            Some(value) => Err(Error::layout(&at, format!("holds {value}"))),
            None => Ok(Tensor { shape, values }),
        }
    }

    fn integers(&self, name: &str) -> Result<Vec<i64>, Error> {
        let whole = |&v: &f64| (v.fract() == 0.0 && v.abs() < 1e9).then_some(v as i64);
        let values = self.tensor(name)?.values;
        values
            .iter()
            .map(whole)
            .collect::<Option<_>>()
            .ok_or_else(|| {
                Error::layout(
                    &self.at(name),
                    format!("expected integers, found {values:?}"),
                )
            })
    }

    fn integer(&self, name: &str) -> Result<i64, Error> {
        match self.integers(name)?[..] {
            [value] => Ok(value),
            ref other => Err(Error::layout(
                &self.at(name),
                format!("expected one integer, found {}", other.len()),
            )),
        }
    }

    /// Sizes that are not negative.
    fn sizes(&self, name: &str) -> Result<Vec<usize>, Error> {
        let values = self.integers(name)?;
        let sizes: Result<_, _> = values.iter().map(|&v| usize::try_from(v)).collect();
        sizes.map_err(|_| Error::layout(&self.at(name), format!("negative: {values:?}")))
    }

    /// Sizes of rows and columns; one number stands for both.
    fn pair(&self, name: &str) -> Result<[usize; 2], Error> {
        match self.sizes(name)?[..] {
            [both] => Ok([both, both]),
            [rows, columns] => Ok([rows, columns]),
            ref other => Err(Error::layout(
                &self.at(name),
                format!("expected one or two integers, found {}", other.len()),
            )),
        }
    }
}
