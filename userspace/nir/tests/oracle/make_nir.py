#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Writes the graphs of the tests, and what NumPy and SciPy make of them.

Needs the Python packages nir, h5py, numpy and scipy. Writes into the folder of
this file: graphs (.nir) and arrays (.npy). The arrays are sums of currents for
random inputs, computed from the definition of each node, not from synapses.
"""

import pathlib

import h5py
import nir
import numpy as np
from scipy.signal import correlate

HERE = pathlib.Path(__file__).parent
RANDOM = np.random.default_rng(20240607)


def save(name, array):
    np.save(HERE / f"{name}.npy", np.asarray(array, dtype="<f8"))


def normal(*shape):
    return RANDOM.normal(size=shape).astype("f4")


def lif(*shape):
    return nir.LIF(
        tau=np.full(shape, 0.01, "f4"),
        r=np.full(shape, 1, "f4"),
        v_leak=np.full(shape, 0, "f4"),
        v_threshold=np.full(shape, 0.5, "f4"),
    )


def conv2d(x, weight, bias, stride, padding, dilation, groups):
    """Cross-correlation as torch.nn.Conv2d defines it, with SciPy."""
    x = np.pad(x, ((0, 0), *((p, p) for p in padding)))
    outputs, per_group, rows, columns = weight.shape
    spread = np.zeros(
        (outputs, per_group, (rows - 1) * dilation[0] + 1, (columns - 1) * dilation[1] + 1)
    )
    spread[:, :, :: dilation[0], :: dilation[1]] = weight
    result = []
    for o in range(outputs):
        first = o // (outputs // groups) * per_group
        y = sum(
            correlate(x[first + c], spread[o, c], mode="valid", method="direct")
            for c in range(per_group)
        )
        result.append(y[:: stride[0], :: stride[1]] + bias[o])
    return np.array(result)


def sumpool2d(x, kernel, stride, padding):
    x = np.pad(x, ((0, 0), *((p, p) for p in padding)))
    ones = np.ones(kernel)
    return np.array(
        [
            correlate(c, ones, mode="valid", method="direct")[:: stride[0], :: stride[1]]
            for c in x
        ]
    )


def convolutions():
    """Input, Conv2d, LIF, SumPool2d, Flatten, Linear, LIF, Output."""
    weight, bias = normal(4, 1, 3, 3), normal(4)
    conv = dict(stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2)
    pool = dict(kernel=(2, 3), stride=(2, 2), padding=(0, 1))
    x = RANDOM.normal(size=(2, 7, 5))
    current = conv2d(x, weight.astype("f8"), bias, **conv)
    assert current.shape == (4, 4, 5), current.shape
    spikes = RANDOM.integers(0, 3, size=current.shape).astype("f8")
    pooled = sumpool2d(spikes, **pool)
    assert pooled.shape == (4, 2, 3), pooled.shape
    linear = normal(3, pooled.size)
    graph = nir.NIRGraph(
        nodes={
            "input": nir.Input(np.array(x.shape)),
            "conv": nir.Conv2d((7, 5), weight, bias=bias, **conv),
            "hidden": lif(*current.shape),
            "pool": nir.SumPool2d(*(np.array(pool[k]) for k in ("kernel", "stride", "padding"))),
            "flat": nir.Flatten({"input": np.array(pooled.shape)}, 0, -1),
            "linear": nir.Linear(linear),
            "last": lif(3),
            "output": nir.Output(np.array([3])),
        },
        edges=[
            ("input", "conv"),
            ("conv", "hidden"),
            ("hidden", "pool"),
            ("pool", "flat"),
            ("flat", "linear"),
            ("linear", "last"),
            ("last", "output"),
        ],
        type_check=False,  # nir 1.0.8 forgets the groups of a Conv2d
    )
    write(HERE / "conv.nir", graph, "v110", compressed=("weight", "tau"))
    save("conv_x", x)
    save("conv_current", current)
    save("conv_spikes", spikes)
    save("conv_last", linear.astype("f8") @ pooled.ravel())


def same_padding():
    """Padding "same" with an even kernel; the old file format, compressed."""
    weight = normal(2, 1, 2, 4)
    x = RANDOM.normal(size=(1, 5, 6))
    padded = np.pad(x, ((0, 0), (0, 1), (1, 2)))
    current = conv2d(padded, weight.astype("f8"), np.zeros(2), (1, 1), (0, 0), (1, 1), 1)
    assert current.shape == (2, 5, 6)
    conv = nir.Conv2d((5, 6), weight, 1, "same", 1, 1, np.zeros(2, "f4"))
    graph = nir.NIRGraph(
        nodes={
            "input": nir.Input(np.array(x.shape)),
            "conv": conv,
            "output": nir.Output(np.array([2, 5, 6])),
        },
        edges=[("input", "conv"), ("conv", "output")],
    )
    write(HERE / "same.nir", graph, "earliest", compressed=("weight",))
    save("same_x", x)
    save("same_current", current)


def kinds():
    """All neurons and the linear nodes that are no convolutions."""
    affine, bias, scale = normal(4, 3), normal(4), normal(4)
    delay = np.array([0.001, 0.002, 0, 0.004], "f4")
    linear, last = normal(2, 4), normal(2, 2)
    cuba = nir.CubaLIF(
        tau_syn=np.full(4, 0.005, "f4"),
        tau_mem=np.array([0.01, 0.02, 0.03, 0.04], "f4"),
        r=np.full(4, 2, "f4"),
        v_leak=np.full(4, -0.125, "f4"),
        v_threshold=np.full(4, 0.75, "f4"),
        v_reset=np.full(4, -0.25, "f4"),
        w_in=np.full(4, 0.5, "f4"),
    )
    nodes = {
        "input": nir.Input(np.array([3])),
        "affine": nir.Affine(affine, bias),
        "scale": nir.Scale(scale),
        "delay": nir.Delay(delay),
        "cuba": cuba,
        "linear": nir.Linear(linear),
        "if": nir.IF(r=np.ones(2, "f4"), v_threshold=np.full(2, 3, "f4")),
        "last": nir.Linear(last),
        "li": nir.LI(tau=np.full(2, 0.02, "f4"), r=np.ones(2, "f4"), v_leak=np.zeros(2, "f4")),
        "output": nir.Output(np.array([2])),
    }
    names = list(nodes)
    graph = nir.NIRGraph(nodes=nodes, edges=list(zip(names, names[1:])))
    write(HERE / "kinds.nir", graph, "v110")
    save("kinds_weight", scale[:, None].astype("f8") * affine)
    save("kinds_bias", scale.astype("f8") * bias)


def write(path, graph, version, compressed=()):
    """As nir.write, in a chosen version of the file format; nir.write itself
    compresses all arrays, which makes files of many kilobytes."""

    def write_group(group, node):
        for key, value in node.items():
            if isinstance(value, dict):
                if value or key != "metadata":
                    write_group(group.create_group(key), value)
            elif isinstance(value, str):
                group.create_dataset(key, data=value, dtype=h5py.string_dtype())
            else:
                how = "gzip" if key in compressed else None
                group.create_dataset(key, data=value, compression=how)

    with h5py.File(path, "w", libver=version) as file:
        file.create_dataset("version", data=nir.version, dtype=h5py.string_dtype())
        write_group(file.create_group("node"), graph.to_dict())


def recurrent():
    """A layer that feeds back on itself, two paths of different delay to the next."""
    within, onward = normal(2, 2), normal(2, 2)
    graph = nir.NIRGraph(
        nodes={
            "input": nir.Input(np.array([2])),
            "layer": lif(2),
            "within": nir.Linear(within),
            "direct": nir.Linear(onward),
            "late": nir.Delay(np.array([0.003, 0.003], "f4")),
            "again": nir.Linear(onward),
            "next": lif(2),
            "output": nir.Output(np.array([2])),
        },
        edges=[
            ("input", "layer"),
            ("layer", "within"),
            ("within", "layer"),
            ("layer", "direct"),
            ("direct", "next"),
            ("layer", "late"),
            ("late", "again"),
            ("again", "next"),
            ("next", "output"),
        ],
        type_check=False,
    )
    write(HERE / "recurrent.nir", graph, "v110")


def unsupported():
    graph = nir.NIRGraph(
        nodes={
            "input": nir.Input(np.array([2])),
            "gate": nir.Threshold(np.ones(2, "f4")),
            "output": nir.Output(np.array([2])),
        },
        edges=[("input", "gate"), ("gate", "output")],
    )
    write(HERE / "threshold.nir", graph, "v110")


convolutions()
same_padding()
kinds()
recurrent()
unsupported()
