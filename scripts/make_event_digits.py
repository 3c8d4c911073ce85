#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Make the event-camera digits of tests/data/event-digits.

Needs Python 3.9 or later and numpy; nothing else, and no network:

    python3 scripts/make_event_digits.py             # recordings, weights, expectations
    python3 scripts/make_event_digits.py --evaluate  # replay what is stored, compare

Reads tests/data/digits.csv and writes tests/data/event-digits:

- 000.bin to 099.bin: recordings in the format of N-MNIST, 5 bytes an event;
- labels.txt: name and digit;
- fc1.npy, fc2.npy: int8 weights of two dense layers, a row a neuron, for neurons
  with the rules of the Loihi chip;
- expected.txt: name, input spikes, spikes of the hidden layer, spikes of each
  output, of a replay of those rules in NumPy (not the engine's code).

Recordings. A digit of 8 x 8 intensities is drawn over 24 x 24 pixels in the
middle of a sensor of 34 x 34. It moves three times for 100 ms along the sides of
a triangle, as the camera did that recorded N-MNIST (Orchard et al. 2015). Each
millisecond every pixel compares the logarithm of its intensity with its
reference; for each THRESHOLD between them it sends an ON or OFF event and moves
the reference on. Thresholds differ from pixel to pixel (MISMATCH), and NOISE
events a recording come from nowhere.

Split. Rows 0 to 796 of digits.csv train; of the rows after them the first ten of
each digit are the recordings. Nothing else was looked at.

Training. The membrane of a neuron that never fires is a linear function of the
events: two exponential filters. Its spikes are about as many as the membrane
would stay above threshold. So the hidden layer is trained as ReLU(filtered - 1),
averaged over time, with a soft-max behind it (Adam). Its weights are rounded,
the training recordings replayed with the chip's rules, and the output layer is
trained on the spikes that come out. The scales of both layers are those that
replay the training recordings best.
"""

import argparse
import pathlib
import sys

import numpy as np

DATA = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data"
FOLDER = DATA / "event-digits"
TRAIN_ROWS = 797
EACH = 10
SEED = 20151118

SIDE, DRAWN = 34, 24
MARGIN = (SIDE - DRAWN) // 2
STEPS, RECORDED_MS = 350, 300
THRESHOLD, MISMATCH, NOISE = 0.6, 0.04, 20
INPUTS, HIDDEN, CLASSES = 2 * SIDE * SIDE, 64, 10

CURRENT_DECAY, VOLTAGE_DECAY, LOIHI_THRESHOLD = 1024, 128, 80 << 6
SAMPLE_MS = 10  # the filtered input is looked at this often


def digits():
    rows = [
        [int(x) for x in line.split(",")]
        for line in (DATA / "digits.csv").read_text().splitlines()
        if line[:1].isdigit()
    ]
    table = np.array(rows)
    return table[:, :64].reshape(-1, 8, 8) / 16.0, table[:, 64]


def interpolation(places):
    """Matrix of linear interpolation of 8 values at `places` (pixels of the drawing)."""
    at = (places + 0.5) * 8 / DRAWN - 0.5
    low = np.floor(at).astype(int)
    matrix = np.zeros((len(places), 8))
    for side, weight in ((low, 1 - (at - low)), (low + 1, at - low)):
        inside = (side >= 0) & (side < 8)
        matrix[np.nonzero(inside)[0], side[inside]] += weight[inside]
    return matrix


def position(ms):
    """Where the digit is: along a triangle, 100 ms a side."""
    corners = np.array([[0.0, 0.0], [2.0, 4.0], [4.0, 0.0], [0.0, 0.0]]) - [2.0, 2.0]
    side, part = min(ms // 100, 2), (ms % 100) / 100 if ms < 300 else 1.0
    return corners[side] * (1 - part) + corners[side + 1] * part


def record(image, random):
    """Events (time in us, x, y, polarity) of an image, ascending."""
    pixels = np.arange(SIDE) - MARGIN

    def seen(ms):
        dx, dy = position(ms)
        drawn = interpolation(pixels - dy) @ image @ interpolation(pixels - dx).T
        return np.log(0.15 + np.clip(drawn, 0, 1))

    threshold = THRESHOLD * (1 + MISMATCH * random.standard_normal((SIDE, SIDE)))
    reference = seen(0)
    events = []
    for ms in range(1, RECORDED_MS):
        change = (seen(ms) - reference) / threshold
        count = np.trunc(change).astype(int)
        reference += count * threshold
        for y, x in zip(*np.nonzero(count)):
            for _ in range(abs(count[y, x])):
                time = ms * 1000 + int(random.integers(1000))
                events.append((time, x, y, int(count[y, x] > 0)))
    for _ in range(NOISE):
        events.append(tuple(int(random.integers(n)) for n in (RECORDED_MS * 1000, SIDE, SIDE, 2)))
    return sorted(events)


def packed(events):
    out = bytearray()
    for time, x, y, polarity in events:
        out += bytes((x, y, polarity << 7 | time >> 16, time >> 8 & 0xFF, time & 0xFF))
    return bytes(out)


def grid(events):
    """Whether each input spiked in each step, of events or the bytes of a file."""
    if isinstance(events, bytes):
        raw = np.frombuffer(events, np.uint8).reshape(-1, 5).astype(np.int64)
        time = (raw[:, 2] & 0x7F) << 16 | raw[:, 3] << 8 | raw[:, 4]
        x, y, polarity = raw[:, 0], raw[:, 1], raw[:, 2] >> 7
    else:
        time, x, y, polarity = np.array(events).T
    spikes = np.zeros((INPUTS, STEPS), np.uint8)
    spikes[polarity * SIDE * SIDE + y * SIDE + x, time // 1000] = 1
    return spikes


def decayed(x, decay):
    return np.sign(x) * ((np.abs(x) * (4096 - decay)) >> 12)


def layer(weights, spikes):
    """Spikes of a layer with the chip's rules: weights (out, in), spikes (in, steps)."""
    drive = weights.astype(np.int64) @ spikes.astype(np.int64)
    u, v = np.zeros(len(weights), np.int64), np.zeros(len(weights), np.int64)
    fired = np.zeros((len(weights), spikes.shape[1]), np.uint8)
    for t in range(spikes.shape[1]):
        arriving = drive[:, t - 1] if t else 0  # a synapse takes a step
        u = decayed(u, CURRENT_DECAY) + (arriving << 6)
        v = decayed(v, VOLTAGE_DECAY) + u
        assert np.abs(u).max() < 1 << 23 and np.abs(v).max() < 1 << 23
        fired[:, t] = v > LOIHI_THRESHOLD
        v[fired[:, t] > 0] = 0
    return fired


def filtered(spikes):
    """Membranes of a weight of 1, in thresholds, every SAMPLE_MS: (samples, inputs)."""
    u = np.zeros(INPUTS)
    v = np.zeros(INPUTS)
    out = []
    for t in range(STEPS):
        u = u * (1 - CURRENT_DECAY / 4096) + (spikes[:, t - 1] * 64.0 if t else 0)
        v = v * (1 - VOLTAGE_DECAY / 4096) + u
        if t % SAMPLE_MS == SAMPLE_MS - 1:
            out.append(v / LOIHI_THRESHOLD)
    return np.array(out, np.float32)


class Adam:
    def __init__(self, parameters, rate):
        self.parameters, self.rate, self.t = parameters, rate, 0
        self.first = [np.zeros_like(p) for p in parameters]
        self.second = [np.zeros_like(p) for p in parameters]

    def step(self, gradients):
        self.t += 1
        for p, g, m, v in zip(self.parameters, gradients, self.first, self.second):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            p -= self.rate * (m / (1 - 0.9**self.t)) / (np.sqrt(v / (1 - 0.999**self.t)) + 1e-8)


def softmax_error(scores, labels):
    """Gradient of the cross-entropy with respect to the scores."""
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(labels)), labels] -= 1
    return p / len(labels)


def train_hidden(inputs, labels, random, epochs=25, batch=64):
    """Weights (inputs, HIDDEN), in units of a chip's weight, as real numbers."""
    w = (random.standard_normal((INPUTS, HIDDEN)) * 1.0).astype(np.float32)
    v = (random.standard_normal((HIDDEN, CLASSES)) * 0.3).astype(np.float32)
    b = np.zeros(CLASSES, np.float32)
    adam = Adam([w, v, b], 0.05)
    for epoch in range(epochs):
        adam.rate = 0.05 * (1 - epoch / epochs) + 0.002
        order = random.permutation(len(inputs))
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            x, y = inputs[chosen], labels[chosen]
            z = x @ w - 1
            above = z > 0
            h = (z * above).mean(axis=1)
            error = softmax_error(h @ v + b, y)
            dz = (error @ v.T)[:, None, :] * above / z.shape[1]
            dw = np.tensordot(x, dz, axes=((0, 1), (0, 1))) + 2e-6 * w
            adam.step([dw, h.T @ error, error.sum(axis=0)])
    return w


def train_output(counts, labels, random, epochs=300):
    """Weights (CLASSES, HIDDEN) on spike counts, without a bias."""
    scale = counts.mean() + 1e-9
    x = (counts / scale).astype(np.float32)
    v = (random.standard_normal((HIDDEN, CLASSES)) * 0.1).astype(np.float32)
    adam = Adam([v], 0.02)
    for _ in range(epochs):
        error = softmax_error(x @ v * 0.3, labels)
        adam.step([0.3 * x.T @ error + 1e-4 * v])
    return v.T


def accuracy(fc2, hidden, labels):
    said = np.array([layer(fc2, h).sum(axis=1, dtype=int).argmax() for h in hidden])
    return (said == labels).mean()


def rounded(weights, largest):
    return np.clip(np.round(weights * largest / np.abs(weights).max()), -127, 127).astype(np.int8)


def train(grids, labels, random):
    inputs = np.array([filtered(g) for g in grids])
    w = train_hidden(inputs, labels, random)
    best = None
    for stretch in (0.75, 1.0, 1.5):
        fc1 = np.clip(np.round(w.T * stretch), -127, 127).astype(np.int8)
        hidden = [layer(fc1, g) for g in grids]
        counts = np.array([h.sum(axis=1, dtype=int) for h in hidden])
        v = train_output(counts, labels, random)
        for largest in (30, 60, 120):
            fc2 = rounded(v, largest)
            right = accuracy(fc2, hidden, labels)
            print(
                f"hidden x {stretch}: {counts.sum(axis=1).mean():.0f} spikes; output up to"
                f" {largest}: {right * 100:.1f} % of the training recordings",
                file=sys.stderr,
            )
            if best is None or right > best[0]:
                best = right, fc1, fc2
    return best[1:]


def chosen_rows(labels):
    """Of the rows after the training rows the first EACH of each digit, in order."""
    rows, seen = [], np.zeros(CLASSES, int)
    for row in range(TRAIN_ROWS, len(labels)):
        if seen[labels[row]] < EACH:
            seen[labels[row]] += 1
            rows.append(row)
    return rows


def replay():
    """The lines of expected.txt, and how many recordings come out right."""
    fc1, fc2 = np.load(FOLDER / "fc1.npy"), np.load(FOLDER / "fc2.npy")
    lines, right = [], 0
    for line in (FOLDER / "labels.txt").read_text().splitlines():
        name, label = line.split()
        spikes = grid((FOLDER / f"{name}.bin").read_bytes())
        hidden = layer(fc1, spikes)
        counts = layer(fc2, hidden).sum(axis=1, dtype=int)
        right += int(counts.argmax() == int(label))
        lines.append(" ".join(map(str, (name, spikes.sum(), hidden.sum(), *counts))))
    return lines, right


def make():
    random = np.random.default_rng(SEED)
    images, labels = digits()
    FOLDER.mkdir(exist_ok=True)
    names = []
    for number, row in enumerate(chosen_rows(labels)):
        (FOLDER / f"{number:03}.bin").write_bytes(packed(record(images[row], random)))
        names.append(f"{number:03} {labels[row]}\n")
    (FOLDER / "labels.txt").write_text("".join(names))
    grids = [grid(record(image, random)) for image in images[:TRAIN_ROWS]]
    fc1, fc2 = train(grids, labels[:TRAIN_ROWS], random)
    np.save(FOLDER / "fc1.npy", fc1)
    np.save(FOLDER / "fc2.npy", fc2)
    lines, right = replay()
    (FOLDER / "expected.txt").write_text("\n".join(lines) + "\n")
    print(f"{right} of {len(lines)} right")


def evaluate():
    lines, right = replay()
    print(f"{right} of {len(lines)} right")
    if lines != (FOLDER / "expected.txt").read_text().splitlines():
        sys.exit("expected.txt is not what the replay gives")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--evaluate", action="store_true", help="replay what is stored")
    evaluate() if parser.parse_args().evaluate else make()


main()
