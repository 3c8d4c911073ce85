// SPDX-License-Identifier: GPL-2.0

//! Validation: edges, parameters, and the shape of the signal at each node.
//!
//! Shapes that nodes state are carried along the edges to nodes that do not state
//! theirs, until nothing changes. Shapes that differ only by dimensions of length
//! 1 count as equal, as tools disagree on them.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{Graph, Node, Padding, Tensor};
use crate::{Error, Limits};

/// Shapes of the signals into and out of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shapes {
    /// Shape of the signal into the node.
    pub input: Vec<usize>,
    /// Shape of the signal out of the node.
    pub output: Vec<usize>,
}

/// Number of elements of `shape`, if there are at most `limit` and 32 bits count them.
pub(crate) fn elements(shape: &[usize], limit: usize) -> Option<usize> {
    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))?;
    (count <= limit.min(u32::MAX as usize)).then_some(count)
}

impl Graph {
    /// Checks the graph and computes the shapes at each node.
    ///
    /// # Errors
    /// [`Error::Edge`] for an edge to or from a node that does not exist, an edge
    /// given twice, or one whose ends differ in shape; [`Error::Node`] for
    /// parameters that contradict each other, are out of range, or leave the shape
    /// open; [`Error::Limit`].
    pub fn shapes(&self, limits: &Limits) -> Result<BTreeMap<&str, Shapes>, Error> {
        self.check_edges()?;
        for (name, node) in &self.nodes {
            check_node(name, node)?;
        }
        let mut inputs = self.infer(limits)?;
        let mut shapes = BTreeMap::new();
        for (name, node) in &self.nodes {
            let input = inputs.remove(name.as_str()).ok_or_else(|| {
                Error::node(name, format!("the shape of this {} is open", node.kind()))
            })?;
            let output = output_shape(name, node, &input)?;
            for shape in [&input, &output] {
                if elements(shape, limits.elements).is_none() {
                    return Err(Error::limit(name, format!("shape {shape:?}")));
                }
            }
            shapes.insert(name.as_str(), Shapes { input, output });
        }
        for (from, to) in &self.edges {
            let (output, input) = (&shapes[from.as_str()].output, &shapes[to.as_str()].input);
            if !alike(output, input) {
                let what = format!("shape {output:?} into {input:?}");
                return Err(Error::edge(from, to, what));
            }
        }
        Ok(shapes)
    }

    fn check_edges(&self) -> Result<(), Error> {
        let mut seen = BTreeSet::new();
        for (from, to) in &self.edges {
            for name in [from, to] {
                if !self.nodes.contains_key(name) {
                    return Err(Error::edge(from, to, format!("there is no node {name}")));
                }
            }
            if !seen.insert((from, to)) {
                return Err(Error::edge(from, to, "given twice"));
            }
            if matches!(self.nodes[from], Node::Output { .. }) {
                return Err(Error::edge(from, to, "out of an Output"));
            }
            if matches!(self.nodes[to], Node::Input { .. }) {
                return Err(Error::edge(from, to, "into an Input"));
            }
        }
        Ok(())
    }

    /// Input shapes, as far as they follow.
    fn infer(&self, limits: &Limits) -> Result<BTreeMap<&str, Vec<usize>>, Error> {
        let mut inputs: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (name, node) in &self.nodes {
            if let Some(shape) = stated_input(node) {
                inputs.insert(name, shape);
            }
        }
        // Each round settles a node or ends.
        loop {
            let before = inputs.len();
            for (from, to) in &self.edges {
                if inputs.contains_key(to.as_str()) {
                    continue;
                }
                let Some(input) = inputs.get(from.as_str()) else {
                    continue;
                };
                let shape = output_shape(from, &self.nodes[from], input)?;
                if elements(&shape, limits.elements).is_none() {
                    return Err(Error::limit(from, format!("shape {shape:?}")));
                }
                inputs.insert(to, shape);
            }
            if inputs.len() == before {
                break;
            }
        }
        // Neurons whose parameters are single numbers, with nothing before them
        // that tells how many they are, are one neuron.
        for (name, node) in &self.nodes {
            if let Some((_, tensor)) = node.parameters().first() {
                inputs.entry(name).or_insert_with(|| tensor.shape.clone());
            }
        }
        Ok(inputs)
    }
}

/// Equal but for dimensions of length 1.
fn alike(a: &[usize], b: &[usize]) -> bool {
    let long =
        |shape: &[usize]| -> Vec<usize> { shape.iter().copied().filter(|&n| n != 1).collect() };
    long(a) == long(b)
}

/// Shape of the input that the node itself states.
fn stated_input(node: &Node) -> Option<Vec<usize>> {
    match node {
        Node::Input { shape } | Node::Output { shape } => Some(shape.clone()),
        Node::Affine { weight, .. } => Some(weight.shape[weight.shape.len() - 1..].to_vec()),
        Node::Scale { scale: tensor } | Node::Delay { delay: tensor } => stated(tensor),
        Node::Conv2d {
            input_shape,
            weight,
            groups,
            ..
        } => input_shape.map(|[rows, columns]| vec![weight.shape[1] * groups, rows, columns]),
        Node::Flatten { input_shape, .. } => input_shape.clone(),
        Node::SumPool2d { .. } => None,
        neuron => stated(
            neuron
                .parameters()
                .iter()
                .map(|p| p.1)
                .max_by_key(|t| t.values.len())?,
        ),
    }
}

/// Shape of a parameter, unless it is one number for all.
fn stated(tensor: &Tensor) -> Option<Vec<usize>> {
    (tensor.values.len() != 1).then(|| tensor.shape.clone())
}

fn output_shape(name: &str, node: &Node, input: &[usize]) -> Result<Vec<usize>, Error> {
    match node {
        Node::Affine { weight, .. } => Ok(vec![weight.shape[0]]),
        Node::Conv2d { weight, .. } => {
            let [_, rows, columns] = image(name, input)?;
            let window = Window::of_conv(node).ok_or_else(|| Error::node(name, "no kernel"))?;
            let [rows, columns] = window.outputs(name, [rows, columns])?;
            Ok(vec![weight.shape[0], rows, columns])
        }
        Node::SumPool2d {
            kernel,
            stride,
            padding,
        } => {
            let [channels, rows, columns] = image(name, input)?;
            let window = Window::of_pool(*kernel, *stride, *padding);
            let [rows, columns] = window.outputs(name, [rows, columns])?;
            Ok(vec![channels, rows, columns])
        }
        Node::Flatten { start, end, .. } => flattened(name, input, *start, *end),
        _ => Ok(input.to_vec()),
    }
}

/// Channels, rows and columns of `shape`.
pub(crate) fn image(name: &str, shape: &[usize]) -> Result<[usize; 3], Error> {
    shape.try_into().map_err(|_| {
        let what = format!("needs channels, rows and columns, gets shape {shape:?}");
        Error::node(name, what)
    })
}

fn flattened(name: &str, input: &[usize], start: i64, end: i64) -> Result<Vec<usize>, Error> {
    let rank = input.len() as i64;
    let index = |i: i64| {
        let i = if i < 0 { i + rank } else { i };
        usize::try_from(i).ok().filter(|&i| i < input.len())
    };
    let (Some(start), Some(end)) = (index(start), index(end)) else {
        let what = format!("dimensions {start} to {end} of shape {input:?}");
        return Err(Error::node(name, what));
    };
    if start > end {
        return Err(Error::node(name, format!("dimensions {start} to {end}")));
    }
    let middle = input[start..=end]
        .iter()
        .try_fold(1usize, |n, &d| n.checked_mul(d));
    let middle = middle.ok_or_else(|| Error::node(name, format!("shape {input:?}")))?;
    let mut shape = input[..start].to_vec();
    shape.push(middle);
    shape.extend(&input[end + 1..]);
    Ok(shape)
}

/// A window that moves over rows and columns.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) dilation: [usize; 2],
    /// Zeros before the first, and after the last row or column.
    pub(crate) before: [usize; 2],
    pub(crate) after: [usize; 2],
}

impl Window {
    pub(crate) fn of_pool(kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2]) -> Self {
        Self {
            kernel,
            stride,
            dilation: [1, 1],
            before: padding,
            after: padding,
        }
    }

    /// Window of a checked Conv2d node.
    pub(crate) fn of_conv(node: &Node) -> Option<Self> {
        let Node::Conv2d {
            weight,
            stride,
            padding,
            dilation,
            ..
        } = node
        else {
            return None;
        };
        let kernel = [*weight.shape.get(2)?, *weight.shape.get(3)?];
        let mut window = Self {
            dilation: *dilation,
            ..Self::of_pool(kernel, *stride, [0, 0])
        };
        match padding {
            Padding::Zeros(zeros) => (window.before, window.after) = (*zeros, *zeros),
            Padding::Same => {
                for i in 0..2 {
                    let all = dilation[i].saturating_mul(kernel[i] - 1);
                    window.before[i] = all / 2;
                    window.after[i] = all - all / 2;
                }
            }
        }
        Some(window)
    }

    /// Rows and columns of the output for those of the input:
    /// floor((n + padding - dilation (kernel - 1) - 1) / stride) + 1.
    pub(crate) fn outputs(self, name: &str, input: [usize; 2]) -> Result<[usize; 2], Error> {
        let mut output = [0; 2];
        for i in 0..2 {
            let span = self.dilation[i].checked_mul(self.kernel[i] - 1);
            let room = input[i]
                .checked_add(self.before[i])
                .and_then(|n| n.checked_add(self.after[i]));
            let left = span.zip(room).and_then(|(s, r)| r.checked_sub(s + 1));
            let left = left.ok_or_else(|| {
                Error::node(
                    name,
                    format!("its window is larger than its input {input:?}"),
                )
            })?;
            output[i] = left / self.stride[i] + 1;
        }
        Ok(output)
    }
}

/// Checks the parameters of a node against each other.
fn check_node(name: &str, node: &Node) -> Result<(), Error> {
    let fault = |what: String| Err(Error::node(name, what));
    match node {
        Node::Affine { weight, bias } => {
            let &[outputs, _] = &weight.shape[..] else {
                return fault(format!(
                    "weight of shape {:?}; two dimensions are read",
                    weight.shape
                ));
            };
            if let Some(bias) = bias.as_ref().filter(|b| b.values.len() != outputs) {
                return fault(format!(
                    "bias of shape {:?} for {outputs} outputs",
                    bias.shape
                ));
            }
        }
        Node::Conv2d {
            weight,
            bias,
            stride,
            dilation,
            groups,
            padding,
            ..
        } => {
            let &[outputs, _, rows, columns] = &weight.shape[..] else {
                return fault(format!(
                    "weight of shape {:?}; expected four dimensions",
                    weight.shape
                ));
            };
            if *groups == 0
                || outputs % groups != 0
                || weight.shape[1].checked_mul(*groups).is_none()
            {
                return fault(format!("{groups} groups of {outputs} channels"));
            }
            if rows * columns == 0 || stride.contains(&0) || dilation.contains(&0) {
                return fault("a kernel, stride or dilation of 0".into());
            }
            if bias.values.len() != outputs {
                return fault(format!(
                    "bias of shape {:?} for {outputs} channels",
                    bias.shape
                ));
            }
            if *padding == Padding::Same && *stride != [1, 1] {
                return fault("padding same with a stride".into());
            }
        }
        Node::SumPool2d { kernel, stride, .. } => {
            if kernel.contains(&0) || stride.contains(&0) {
                return fault("a kernel or stride of 0".into());
            }
        }
        Node::Delay { delay } => {
            if let Some(negative) = delay.values.iter().find(|&&d| d < 0.0) {
                return fault(format!("a delay of {negative} s"));
            }
        }
        neuron => check_neuron(name, neuron)?,
    }
    Ok(())
}

fn check_neuron(name: &str, node: &Node) -> Result<(), Error> {
    let parameters = node.parameters();
    let largest = parameters.iter().max_by_key(|p| p.1.values.len());
    for (parameter, tensor) in &parameters {
        let fits =
            largest.is_none_or(|(_, l)| tensor.values.len() == 1 || alike(&tensor.shape, &l.shape));
        if tensor.values.is_empty() || !fits {
            let what = format!("{parameter} of shape {:?}", tensor.shape);
            return Err(Error::node(name, what));
        }
        let is_time = parameter.starts_with("tau");
        if let Some(tau) = tensor.values.iter().find(|&&t| is_time && t <= 0.0) {
            return Err(Error::node(name, format!("{parameter} of {tau} s")));
        }
    }
    Ok(())
}
