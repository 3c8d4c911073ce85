#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""An independent replay of the Loihi rules in NumPy.

nmnist_replay.py FOLDER

FOLDER is what LIGHTOS_DATA names. First the rules are held against the
recording of a chip in FOLDER/loihi: every hidden spike and every voltage of
neuron 24, or the program fails. Then the same rules run FOLDER/nmnist, and one
line a recording is printed: recording, input spikes, spikes of the 512 hidden
neurons, spikes of each of the ten outputs. That is the table in
tests/host/tests/network_nmnist.rs.
"""
import pathlib
import sys

import numpy as np

CURRENT_DECAY, VOLTAGE_DECAY, THRESHOLD = 1024, 128, 80 << 6
SPIKE_READING = 128  # what the chip's voltage register shows in a step with a spike


def decayed(x, decay):
    return np.sign(x) * ((np.abs(x) * (4096 - decay)) >> 12)


def layer(weights, spikes):
    """Spikes and voltages of a layer: weights (out, in), spikes (in, steps)."""
    out, steps = weights.shape[0], spikes.shape[1]
    u, v = np.zeros(out, np.int64), np.zeros(out, np.int64)
    fired = np.zeros((out, steps), np.int64)
    volts = np.zeros((out, steps), np.int64)
    drive = weights.astype(np.int64) @ spikes
    for t in range(steps):
        arriving = drive[:, t - 1] if t else 0  # axonal delay of one step
        u = decayed(u, CURRENT_DECAY) + (arriving << 6)
        v = decayed(v, VOLTAGE_DECAY) + u
        assert np.abs(u).max() < 1 << 23 and np.abs(v).max() < 1 << 23
        hit = v > THRESHOLD
        fired[:, t] = hit
        volts[:, t] = np.where(hit, SPIKE_READING, v)
        v = np.where(hit, 0, v)
    return fired, volts


def chip(folder):
    # The recording numbers a spike of the hidden layer by the step of the input
    # that it answers: the axonal delay is in its numbering. One more step here.
    def raster(name, rows):
        grid = np.zeros((rows, 501), np.int64)
        for neuron, step in np.loadtxt(folder / name, dtype=np.int64):
            grid[neuron, step] = 1
        return grid

    weights = 2 * np.round(np.loadtxt(folder / "w1learned.txt") * 4 / 2).astype(np.int64)
    fired, volts = layer(weights, raster("loihiInputSpikes.txt", 250))
    spikes_equal = np.array_equal(fired[:, 1:], raster("loihiHiddenSpikes.txt", 25)[:, :-1])
    recorded = np.loadtxt(folder / "loihiHiddenVoltage24.txt", dtype=np.int64)
    answers = volts[24, 2 : 2 + recorded.size]  # the first reading is that of step 1
    return spikes_equal, int((answers == recorded).sum()), recorded.size


def recording(path, steps=350):
    grid = np.zeros((2312, steps), np.int64)
    raw = np.fromfile(path, np.uint8).reshape(-1, 5).astype(np.int64)
    time = ((raw[:, 2] & 0x7F) << 16 | raw[:, 3] << 8 | raw[:, 4]) // 1000
    index = (raw[:, 2] >> 7) * 1156 + raw[:, 1] * 34 + raw[:, 0]
    keep = time < steps
    grid[index[keep], time[keep]] = 1
    return grid


def main():
    data = pathlib.Path(sys.argv[1])
    spikes_equal, equal, total = chip(data / "loihi")
    print(f"chip: spikes equal {spikes_equal}, voltages {equal} of {total}", file=sys.stderr)
    if not spikes_equal or equal != total:
        sys.exit("the rules do not reproduce the recording of the chip")
    fc1, fc2 = (np.load(data / "nmnist" / f"fc{i}.npy") for i in (1, 2))
    right = 0
    for line in (data / "nmnist" / "labels.txt").read_text().split("\n"):
        if not line.strip():
            continue
        name, label = line.split()
        inputs = recording(data / "nmnist" / f"{name}.bs2")
        hidden, _ = layer(fc1, inputs)
        output, _ = layer(fc2, hidden)
        counts = output.sum(axis=1)
        right += int(counts.argmax() == int(label))
        print(name, inputs.sum(), hidden.sum(), *counts)
    print(f"right: {right}", file=sys.stderr)


main()
