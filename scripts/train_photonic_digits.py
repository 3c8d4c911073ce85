#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Train the network that `lightctl photonic digits` runs on a photonic mesh.

Needs Python 3.9 or later and numpy; nothing else, and no network:

    python3 scripts/train_photonic_digits.py                   # train, write, evaluate
    python3 scripts/train_photonic_digits.py --evaluate        # evaluate what is stored
    python3 scripts/train_photonic_digits.py --cross-validate  # table behind CHOSEN

Reads tests/data/digits.csv and writes tests/data/photonic/digits-network.csv.

64 intensities (0 to 1) -> 32 hidden units (ReLU) -> 10 classes: two matrices, which
the processor multiplies by, as two tiles of 32 x 32 and one of 10 x 32. Biases and
ReLU are digital. The class is the greatest output.

The split is that of train_digits.py: rows 0 to 796 train, rows 797 to 1,796 test.
Training (cross-entropy, Adam, weight decay) is on slightly distorted copies. The
products are disturbed by NOISE of their rms, as those of an analogue machine are.
CHOSEN comes from 5-fold cross-validation on the training rows alone, with products
disturbed by TEST_NOISE. Random numbers have a fixed seed; another version of numpy or
its matrix library can still round differently and give other weights.
"""

import argparse
import pathlib

import numpy as np

from train_digits import CLASSES, FULL, PIXELS, TEST_ROWS, TRAIN_ROWS, distort, load_digits

FILE = pathlib.Path(__file__).resolve().parent.parent / "tests/data/photonic/digits-network.csv"
HIDDEN = 32
NOISE = 0.05
TEST_NOISE = 0.02
SEED = 0
EPOCHS = 60
COPIES = 6
BATCH = 100
RATE = 0.01
CANDIDATES = [0.0, 1e-4, 3e-4, 1e-3, 3e-3]
CHOSEN = {"decay": 3e-4}
DIGITS = 4  # of what is stored, after the point


def disturbed(product, noise, rng):
    """The product with errors of `noise` times its rms."""
    if noise == 0:
        return product
    return product + noise * np.sqrt((product**2).mean()) * rng.normal(size=product.shape)


def forward(net, images, noise=0.0, rng=None):
    """Hidden activities and outputs of images of intensities 0 to 1."""
    hidden = np.maximum(disturbed(images @ net[0].T, noise, rng) + net[1], 0)
    return hidden, disturbed(hidden @ net[2].T, noise, rng) + net[3]


def gradients(net, images, labels, noise, rng):
    """Gradients of the mean cross-entropy."""
    hidden, output = forward(net, images, noise, rng)
    share = np.exp(output - output.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)
    share[np.arange(len(labels)), labels] -= 1
    share /= len(labels)
    back = (share @ net[2]) * (hidden > 0)
    return back.T @ images, back.sum(0), share.T @ hidden, share.sum(0)


def train(images, labels, decay, seed=SEED):
    """Weights and biases of both layers."""
    rng = np.random.default_rng(seed)
    net = [
        rng.normal(0, np.sqrt(2 / PIXELS), (HIDDEN, PIXELS)),
        np.zeros(HIDDEN),
        rng.normal(0, np.sqrt(2 / HIDDEN), (CLASSES, HIDDEN)),
        np.zeros(CLASSES),
    ]
    mean = [np.zeros_like(part) for part in net]
    square = [np.zeros_like(part) for part in net]
    step = 0
    for epoch in range(EPOCHS):
        rate = RATE * 0.5 * (1 + np.cos(np.pi * epoch / EPOCHS))
        copies = [images] + [distort(images, rng) for _ in range(COPIES - 1)]
        inputs = np.concatenate(copies) / FULL
        targets = np.tile(labels, COPIES)
        order = rng.permutation(len(inputs))
        for first in range(0, len(order), BATCH):
            pick = order[first : first + BATCH]
            step += 1
            for k, slope in enumerate(gradients(net, inputs[pick], targets[pick], NOISE, rng)):
                mean[k] += 0.1 * (slope - mean[k])
                square[k] += 0.001 * (slope**2 - square[k])
                fair = mean[k] / (1 - 0.9**step)
                size = np.sqrt(square[k] / (1 - 0.999**step)) + 1e-8
                net[k] -= rate * (fair / size + (decay * 100 * net[k] if k % 2 == 0 else 0))
    return [np.round(part, DIGITS) for part in net]


def right(net, images, labels, noise=0.0):
    """How many are classified right."""
    rng = np.random.default_rng(SEED)
    _, output = forward(net, images / FULL, noise, rng)
    return int((output.argmax(1) == labels).sum())


def save(net, path):
    """Rows of numbers; what they are stands before them."""
    lines = [
        "# SPDX-License-Identifier: CC-BY-4.0",
        "# Made by scripts/train_photonic_digits.py from digits.csv; see ../README.md.",
        "# train,<first row>,<rows>   test,<first row>,<rows>   of digits.csv",
        f"train,0,{TRAIN_ROWS}",
        f"test,{TRAIN_ROWS},{TEST_ROWS}",
        "# hidden,<bias>,<64 weights> of intensities 0 to 1; then ReLU",
    ]
    for name, weights, biases in (("hidden", net[0], net[1]), ("output", net[2], net[3])):
        if name == "output":
            lines.append("# output,<bias>,<32 weights>, a class each; the greatest wins")
        for bias, row in zip(biases, weights):
            numbers = ",".join(f"{value:.{DIGITS}f}" for value in [bias, *row])
            lines.append(f"{name},{numbers}")
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def load(path):
    """What save() wrote."""
    rows = {"hidden": [], "output": []}
    for line in path.read_text().splitlines():
        name, _, rest = line.partition(",")
        if name in rows:
            rows[name].append([float(field) for field in rest.split(",")])
    hidden, output = (np.array(rows[name]) for name in ("hidden", "output"))
    return [hidden[:, 1:], hidden[:, 0], output[:, 1:], output[:, 0]]


def evaluate(net, images, labels):
    """Print the figures of both parts."""
    for name, part in (("training", slice(0, TRAIN_ROWS)), ("test", slice(TRAIN_ROWS, None))):
        rows = labels[part]
        exact = right(net, images[part], rows)
        noisy = right(net, images[part], rows, TEST_NOISE)
        print(f"{name:<9} {len(rows)} digits, right {exact} ({100 * exact / len(rows):.1f} %), "
              f"with {100 * TEST_NOISE:.0f} % error of products {noisy}")


def cross_validate(images, labels):
    """Accuracy of each candidate, training rows only."""
    rows = np.arange(TRAIN_ROWS)
    results = []
    for decay in CANDIDATES:
        count = 0
        for fold in np.array_split(rows, 5):
            rest = np.setdiff1d(rows, fold)
            net = train(images[rest], labels[rest], decay)
            count += right(net, images[fold], labels[fold], TEST_NOISE)
        print(f"decay {decay}: {100 * count / TRAIN_ROWS:.2f} %", flush=True)
        results.append((count, decay))
    print(f"best: {max(results)[1]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--evaluate", action="store_true", help="do not train")
    parser.add_argument("--cross-validate", action="store_true", help="compare")
    options = parser.parse_args()
    images, labels = load_digits()
    if options.cross_validate:
        cross_validate(images[:TRAIN_ROWS], labels[:TRAIN_ROWS])
        return
    if not options.evaluate:
        net = train(images[:TRAIN_ROWS], labels[:TRAIN_ROWS], CHOSEN["decay"])
        save(net, FILE)
    evaluate(load(FILE), images, labels)


if __name__ == "__main__":
    main()
