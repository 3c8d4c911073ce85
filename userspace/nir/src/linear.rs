// SPDX-License-Identifier: GPL-2.0

//! Linear maps with delays: what stands between two populations.

use std::collections::HashMap;

use crate::graph::Node;
use crate::shape::{image, Shapes, Window};
use crate::{Error, Limits};

/// Multiplications allowed for each synapse of the limit when maps are multiplied.
const WORK_PER_SYNAPSE: usize = 64;

/// Weight and delay in seconds from element `from` to element `to`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) weight: f64,
    pub(crate) delay: f64,
}

/// Sparse map y = A x + b, each element of A with a delay of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Map {
    pub(crate) entries: Vec<Entry>,
    /// b; empty for none.
    pub(crate) bias: Vec<f64>,
}

/// Counts synapses against the limit while a map grows.
struct Growing<'a> {
    entries: Vec<Entry>,
    name: &'a str,
    limit: usize,
}

impl<'a> Growing<'a> {
    fn new(name: &'a str, limits: &Limits) -> Self {
        Self {
            entries: Vec::new(),
            name,
            limit: limits.synapses,
        }
    }

    fn push(&mut self, from: usize, to: usize, weight: f64, delay: f64) -> Result<(), Error> {
        if weight == 0.0 {
            return Ok(());
        }
        if self.entries.len() >= self.limit {
            let what = format!("more than {} synapses", self.limit);
            return Err(Error::limit(self.name, what));
        }
        self.entries.push(Entry {
            from: from as u32,
            to: to as u32,
            weight,
            delay,
        });
        Ok(())
    }
}

impl Map {
    /// The map that changes nothing.
    pub(crate) fn identity(size: usize) -> Self {
        let entry = |i: usize| Entry {
            from: i as u32,
            to: i as u32,
            weight: 1.0,
            delay: 0.0,
        };
        Self {
            entries: (0..size).map(entry).collect(),
            bias: Vec::new(),
        }
    }

    /// The map of a checked linear node.
    pub(crate) fn of(
        name: &str,
        node: &Node,
        shapes: &Shapes,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let size = shapes.input.iter().product();
        match node {
            Node::Affine { weight, bias } => {
                let inputs = weight.shape[1];
                let mut map = Growing::new(name, limits);
                // By source, the order of a merged map.
                for input in 0..inputs {
                    let column = weight.values.iter().skip(input).step_by(inputs);
                    for (output, &w) in column.enumerate() {
                        map.push(input, output, w, 0.0)?;
                    }
                }
                Ok(Self {
                    entries: map.entries,
                    bias: bias.as_ref().map_or(Vec::new(), |b| b.values.clone()),
                })
            }
            Node::Conv2d { .. } => convolution(name, node, shapes, limits),
            Node::SumPool2d {
                kernel,
                stride,
                padding,
            } => {
                let window = Window::of_pool(*kernel, *stride, *padding);
                pooling(name, window, shapes, limits)
            }
            Node::Scale { scale } => {
                let mut map = Growing::new(name, limits);
                for i in 0..size {
                    map.push(i, i, each(&scale.values, i), 0.0)?;
                }
                Ok(Self {
                    entries: map.entries,
                    bias: Vec::new(),
                })
            }
            Node::Delay { delay } => {
                let mut map = Self::identity(size);
                for (i, entry) in map.entries.iter_mut().enumerate() {
                    entry.delay = each(&delay.values, i);
                }
                Ok(map)
            }
            _ => Ok(Self::identity(size)),
        }
    }

    /// First `self`, then `next`, which has `size` outputs. Both are merged.
    pub(crate) fn then(
        &self,
        next: &Map,
        size: usize,
        name: &str,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let mut product = Growing::new(name, limits);
        let mut work = limits.synapses.saturating_mul(WORK_PER_SYNAPSE);
        for row in self.entries.chunk_by(|a, b| a.from == b.from) {
            // A source may reach a target over many elements between.
            let mut sums: HashMap<(u32, u64), f64> = HashMap::new();
            for a in row {
                let after = next.outgoing(a.to);
                work = work
                    .checked_sub(after.len())
                    .ok_or_else(|| Error::limit(name, "too many linear connections in a row"))?;
                for b in after {
                    let delay = (a.delay + b.delay).to_bits();
                    *sums.entry((b.to, delay)).or_default() += a.weight * b.weight;
                }
            }
            for ((to, delay), weight) in sums {
                let (from, to) = (row[0].from as usize, to as usize);
                product.push(from, to, weight, f64::from_bits(delay))?;
            }
        }
        let mut map = Self {
            entries: product.entries,
            bias: next.bias.clone(),
        };
        if !self.bias.is_empty() {
            map.bias.resize(size, 0.0);
            for b in &next.entries {
                if let Some(sum) = map.bias.get_mut(b.to as usize) {
                    *sum += b.weight * each(&self.bias, b.from as usize);
                }
            }
        }
        map.merge();
        Ok(map)
    }

    /// Entries of element `from` of a merged map.
    fn outgoing(&self, from: u32) -> &[Entry] {
        let start = self.entries.partition_point(|e| e.from < from);
        let rest = &self.entries[start..];
        &rest[..rest.partition_point(|e| e.from == from)]
    }

    /// Sorts by source, delay and target, and adds up what has these in common.
    pub(crate) fn merge(&mut self) {
        let key = |e: &Entry| (e.from, e.delay, e.to);
        self.entries.sort_by(|a, b| {
            (a.from.cmp(&b.from))
                .then(a.delay.total_cmp(&b.delay))
                .then(a.to.cmp(&b.to))
        });
        self.entries.dedup_by(|later, first| {
            let same = key(later) == key(first);
            if same {
                first.weight += later.weight;
            }
            same
        });
    }
}

/// Element `i`, or the only one.
pub(crate) fn each(values: &[f64], i: usize) -> f64 {
    match values {
        [one] => *one,
        many => many.get(i).copied().unwrap_or(0.0),
    }
}

/// Calls `pixel(kernel element, input pixel, output pixel)` for every pair of one
/// channel; kernel elements and pixels are numbered row by row.
fn slide(
    window: Window,
    input: [usize; 2],
    output: [usize; 2],
    mut pixel: impl FnMut(usize, usize, usize) -> Result<(), Error>,
) -> Result<(), Error> {
    let place = |i: usize, out: usize, k: usize| {
        (out * window.stride[i] + k * window.dilation[i])
            .checked_sub(window.before[i])
            .filter(|&at| at < input[i])
    };
    for row in 0..output[0] {
        for k_row in 0..window.kernel[0] {
            let Some(from_row) = place(0, row, k_row) else {
                continue;
            };
            for column in 0..output[1] {
                for k_column in 0..window.kernel[1] {
                    let Some(from_column) = place(1, column, k_column) else {
                        continue;
                    };
                    pixel(
                        k_row * window.kernel[1] + k_column,
                        from_row * input[1] + from_column,
                        row * output[1] + column,
                    )?;
                }
            }
        }
    }
    Ok(())
}

fn convolution(name: &str, node: &Node, shapes: &Shapes, limits: &Limits) -> Result<Map, Error> {
    let Node::Conv2d {
        weight,
        bias,
        groups,
        ..
    } = node
    else {
        return Err(Error::node(name, "no convolution"));
    };
    let window = Window::of_conv(node).ok_or_else(|| Error::node(name, "no kernel"))?;
    let [channels, rows, columns] = image(name, &shapes.input)?;
    let [outputs, out_rows, out_columns] = image(name, &shapes.output)?;
    let per_group = weight.shape[1];
    if channels != per_group * groups {
        let expected = per_group * groups;
        return Err(Error::node(
            name,
            format!("{channels} channels; expected {expected}"),
        ));
    }
    let kernel = window.kernel[0] * window.kernel[1];
    let mut map = Growing::new(name, limits);
    let (pixels, out_pixels) = (rows * columns, out_rows * out_columns);
    for o in 0..outputs {
        let group = o / (outputs / groups);
        for c in 0..per_group {
            let weights = &weight.values[(o * per_group + c) * kernel..][..kernel];
            let from = (group * per_group + c) * pixels;
            slide(
                window,
                [rows, columns],
                [out_rows, out_columns],
                |k, i, j| map.push(from + i, o * out_pixels + j, weights[k], 0.0),
            )?;
        }
    }
    let repeated = bias
        .values
        .iter()
        .flat_map(|&b| std::iter::repeat_n(b, out_pixels));
    Ok(Map {
        entries: map.entries,
        bias: repeated.collect(),
    })
}

fn pooling(name: &str, window: Window, shapes: &Shapes, limits: &Limits) -> Result<Map, Error> {
    let [channels, rows, columns] = image(name, &shapes.input)?;
    let [_, out_rows, out_columns] = image(name, &shapes.output)?;
    let mut map = Growing::new(name, limits);
    for c in 0..channels {
        let (from, to) = (c * rows * columns, c * out_rows * out_columns);
        slide(
            window,
            [rows, columns],
            [out_rows, out_columns],
            |_, i, j| map.push(from + i, to + j, 1.0, 0.0),
        )?;
    }
    Ok(Map {
        entries: map.entries,
        bias: Vec::new(),
    })
}
