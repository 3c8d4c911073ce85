// SPDX-License-Identifier: GPL-2.0

//! Graphs as NIR defines them. Times are in seconds; other quantities have the
//! units of the tool that made the graph.
//!
//! Source of the equations: J. E. Pedersen et al., "Neuromorphic intermediate
//! representation", Nature Communications 15, 2024, and the package `nir`.

use std::collections::BTreeMap;

/// An array of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Length of each dimension; none for a single number.
    pub shape: Vec<usize>,
    /// Elements, the last index running fastest.
    pub values: Vec<f64>,
}

/// A node and its parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Where signals come in.
    Input {
        /// Shape of the signal.
        shape: Vec<usize>,
    },
    /// Where signals go out.
    Output {
        /// Shape of the signal.
        shape: Vec<usize>,
    },
    /// y = W x + b; without `bias` a Linear node.
    Affine {
        /// W, of shape (outputs, inputs).
        weight: Tensor,
        /// b, one for each output.
        bias: Option<Tensor>,
    },
    /// y = s x, element by element.
    Scale {
        /// s.
        scale: Tensor,
    },
    /// Convolution in two dimensions, as `torch.nn.Conv2d` computes it: a
    /// cross-correlation with zeros around the input.
    Conv2d {
        /// Rows and columns of the input, if given.
        input_shape: Option<[usize; 2]>,
        /// Kernels, of shape (outputs, inputs / groups, rows, columns).
        weight: Tensor,
        /// One for each output channel.
        bias: Tensor,
        /// Step in rows and columns.
        stride: [usize; 2],
        /// Zeros before the first row and column, and after the last ones.
        padding: Padding,
        /// Distance of kernel elements in rows and columns.
        dilation: [usize; 2],
        /// Groups of channels that see each other.
        groups: usize,
    },
    /// Sums over windows of each channel.
    SumPool2d {
        /// Rows and columns of the window.
        kernel: [usize; 2],
        /// Step in rows and columns.
        stride: [usize; 2],
        /// Zeros around the input.
        padding: [usize; 2],
    },
    /// Joins dimensions.
    Flatten {
        /// Shape of the input, if given.
        input_shape: Option<Vec<usize>>,
        /// First dimension to join; negative ones count from the end.
        start: i64,
        /// Last dimension to join, likewise.
        end: i64,
    },
    /// y(t) = x(t - delay).
    Delay {
        /// Delay of each element, seconds.
        delay: Tensor,
    },
    /// tau v' = (v_leak - v) + r i; a spike and v = v_reset where v > v_threshold.
    Lif {
        /// Time constant of the membrane, seconds.
        tau: Tensor,
        /// Resistance.
        r: Tensor,
        /// Resting value.
        v_leak: Tensor,
        /// Threshold.
        v_threshold: Tensor,
        /// Value after a spike; 0 where the file does not say.
        v_reset: Tensor,
    },
    /// tau_syn i' = -i + w_in s, then as [`Node::Lif`] with tau_mem.
    CubaLif {
        /// Time constant of the current, seconds.
        tau_syn: Tensor,
        /// Time constant of the membrane, seconds.
        tau_mem: Tensor,
        /// Resistance.
        r: Tensor,
        /// Resting value.
        v_leak: Tensor,
        /// Threshold.
        v_threshold: Tensor,
        /// Value after a spike; 0 where the file does not say.
        v_reset: Tensor,
        /// Weight of the input; 1 where the file does not say.
        w_in: Tensor,
    },
    /// v' = r i; a spike and v = v_reset where v > v_threshold.
    If {
        /// Resistance.
        r: Tensor,
        /// Threshold.
        v_threshold: Tensor,
        /// Value after a spike; 0 where the file does not say.
        v_reset: Tensor,
    },
    /// tau v' = (v_leak - v) + r i.
    Li {
        /// Time constant of the membrane, seconds.
        tau: Tensor,
        /// Resistance.
        r: Tensor,
        /// Resting value.
        v_leak: Tensor,
    },
}

/// Zeros around the input of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// So many before the first and after the last row and column.
    Zeros([usize; 2]),
    /// As many as make the output as large as the input; the odd one comes last.
    Same,
}

impl Node {
    /// Type of the node, as NIR spells it.
    pub fn kind(&self) -> &'static str {
        match self {
            Node::Input { .. } => "Input",
            Node::Output { .. } => "Output",
            Node::Affine { bias: Some(_), .. } => "Affine",
            Node::Affine { bias: None, .. } => "Linear",
            Node::Scale { .. } => "Scale",
            Node::Conv2d { .. } => "Conv2d",
            Node::SumPool2d { .. } => "SumPool2d",
            Node::Flatten { .. } => "Flatten",
            Node::Delay { .. } => "Delay",
            Node::Lif { .. } => "LIF",
            Node::CubaLif { .. } => "CubaLIF",
            Node::If { .. } => "IF",
            Node::Li { .. } => "LI",
        }
    }

    /// Its parameters per neuron with their names; empty for other nodes.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, &Tensor)> {
        match self {
            Node::Lif {
                tau,
                r,
                v_leak,
                v_threshold,
                v_reset,
            } => vec![
                ("tau", tau),
                ("r", r),
                ("v_leak", v_leak),
                ("v_threshold", v_threshold),
                ("v_reset", v_reset),
            ],
            Node::CubaLif {
                tau_syn,
                tau_mem,
                r,
                v_leak,
                v_threshold,
                v_reset,
                w_in,
            } => vec![
                ("tau_syn", tau_syn),
                ("tau_mem", tau_mem),
                ("r", r),
                ("v_leak", v_leak),
                ("v_threshold", v_threshold),
                ("v_reset", v_reset),
                ("w_in", w_in),
            ],
            Node::If {
                r,
                v_threshold,
                v_reset,
            } => vec![("r", r), ("v_threshold", v_threshold), ("v_reset", v_reset)],
            Node::Li { tau, r, v_leak } => vec![("tau", tau), ("r", r), ("v_leak", v_leak)],
            _ => Vec::new(),
        }
    }

    /// It is a population: an input or neurons.
    pub(crate) fn is_population(&self) -> bool {
        matches!(self, Node::Input { .. }) || !self.parameters().is_empty()
    }
}

/// A graph: nodes by name, and directed edges.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// Version of NIR that wrote the file.
    pub version: String,
    /// Nodes by name.
    pub nodes: BTreeMap<String, Node>,
    /// Edges: names of source and target.
    pub edges: Vec<(String, String)>,
}
