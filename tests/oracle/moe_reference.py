#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Gating of known models from their published definitions, in NumPy.

Writes the table that tests/host/tests/moe_oracle.rs reads, beside this file,
and the small set of expert choices in tests/data. Both are part of the tree,
so the tests need no Python; run this again after a change here and look at the
difference.

Sources: Mixtral (softmax, top 2, renormalised); OLMoE and DeepSeek-V2-Lite
(softmax, not renormalised); DeepSeek-V2 (groups by their greatest); Qwen3;
Switch (top 1); DeepSeek-V3 (sigmoid, bias for the selection, groups by the sum
of their two best); Kimi-K2; a shape of 896 experts, top 16; sqrt-softplus.
Nothing here shares code or method with the fixed-point forms: logits are
doubles made from float32, experts are sorted stably, weights have a double's
digits.

With `torch` as an argument the same logits go through PyTorch in float32
(softmax or sigmoid, topk, gather) and the selection is compared with the
table's, ties settled by value descending, index ascending. Needs torch.
"""

import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "data")
SEED = 20261124
# name, experts, k, score, renormalise, scale, groups, kept, biased
MODELS = [
    ("mixtral", 8, 2, "softmax", True, 1.0, 1, 1, False),
    ("switch", 64, 1, "softmax", False, 1.0, 1, 1, False),
    ("olmoe", 64, 8, "softmax", False, 1.0, 1, 1, False),
    ("deepseek-v2-lite", 64, 6, "softmax", False, 1.0, 1, 1, False),
    ("deepseek-v2", 160, 6, "softmax", False, 16.0, 8, 3, False),
    ("qwen3", 128, 8, "softmax", True, 1.0, 1, 1, False),
    ("deepseek-v3", 256, 8, "sigmoid", True, 2.5, 8, 4, True),
    ("kimi-k2", 384, 8, "sigmoid", True, 2.827, 1, 1, True),
    ("k3", 896, 16, "sigmoid", True, 1.0, 1, 1, True),
    ("sqrt-softplus", 256, 6, "softplus", True, 1.5, 1, 1, True),
]
TOKENS = 3


def scores_of(x, kind):
    if kind == "softmax":
        e = np.exp(x - x.max())
        return e / e.sum()
    if kind == "sigmoid":
        return 1 / (1 + np.exp(-x))
    return np.sqrt(np.logaddexp(0, x))


def best(keys, count):
    """Indices, value descending, index ascending."""
    return np.argsort(-keys, kind="stable")[:count]


def gate(x, model, bias):
    _, experts, k, kind, renormalize, scale, groups, kept, biased = model
    scores = scores_of(x, kind)
    keys = scores + bias if biased else x.copy()
    if kept < groups:
        grouped = np.sort(keys.reshape(groups, -1), axis=1)
        of_group = grouped[:, -2:].sum(axis=1) if biased else grouped[:, -1]
        closed = np.setdiff1d(np.arange(groups), best(of_group, kept))
        keys.reshape(groups, -1)[closed] = -np.inf
    chosen = best(keys, k)
    weights = scores[chosen]
    if renormalize:
        weights = weights / weights.sum()
    return chosen, weights * scale


def cases(rng):
    for model in MODELS:
        name, experts, biased = model[0], model[1], model[8]
        for token in range(TOKENS):
            x = (2 * rng.standard_normal(experts)).astype(np.float32)
            if token == 1:
                # Halves: many ties.
                x = np.round(x * 2).astype(np.float32) / 2
            bias = np.round(0.1 * rng.standard_normal(experts) * 2**36) if biased else np.zeros(experts)
            if token == 1 and biased:
                bias[:] = 0
            yield model, x, bias / 2**36, token == 1


def joined(values):
    return ";".join(str(value) for value in values)


def write_oracle():
    rng = np.random.default_rng(SEED)
    with open(os.path.join(HERE, "moe_gate.csv"), "w", encoding="ascii", newline="\n") as out:
        out.write("model,logits,bias,experts,weights\n")
        for model, x, bias, _ in cases(rng):
            chosen, weights = gate(x.astype(np.float64), model, bias)
            bits = joined(f"{b:x}" for b in x.view(np.uint32))
            fixed = joined(int(b * 2**36) for b in bias) if model[8] else ""
            out.write(f"{model[0]},{bits},{fixed},{joined(chosen)},{joined(repr(float(w)) for w in weights)}\n")


def write_choices():
    """Choices of two layers as a router's are: some experts popular, neighbours alike.

    Logits are the experts' popularity (Zipf, shuffled), a walk that changes
    slowly from token to token, and noise.
    """
    rng = np.random.default_rng(SEED + 1)
    path = os.path.join(DATA, "moe-choices.csv")
    with open(path, "w", encoding="ascii", newline="\n") as out:
        out.write("# Expert choices of LightOS's own making; see README.md\n")
        out.write("layer,token,experts,weights\n")
        for layer in range(2):
            popularity = -0.5 * np.log(1 + rng.permutation(64))
            walk = rng.standard_normal(64)
            for token in range(512):
                walk = 0.8 * walk + 0.6 * rng.standard_normal(64)
                x = popularity + walk + 0.5 * rng.standard_normal(64)
                chosen, weights = gate(x, MODELS[3], None)
                short = joined(f"{w:.4f}" for w in weights)
                out.write(f"{layer},{token},{joined(chosen)},{short}\n")


def compare_torch():
    import torch

    rng = np.random.default_rng(SEED + 2)
    tokens = same = near = ties = 0
    for _ in range(200):
        for model, x, bias, halves in cases(rng):
            _, _, k, kind, _, _, groups, kept, biased = model
            expected, weights = gate(x.astype(np.float64), model, bias)
            t = torch.from_numpy(x)
            if kind == "softmax":
                s = torch.softmax(t, -1)
            elif kind == "sigmoid":
                s = torch.sigmoid(t)
            else:
                s = torch.sqrt(torch.nn.functional.softplus(t))
            keys = s + torch.from_numpy(bias.astype(np.float32)) if biased else t.clone()
            if kept < groups:
                grouped = keys.view(groups, -1)
                of_group = grouped.topk(2, -1)[0].sum(-1) if biased else grouped.amax(-1)
                closed = torch.ones(groups, dtype=torch.bool)
                closed[of_group.topk(kept)[1]] = False
                keys = grouped.masked_fill(closed.unsqueeze(-1), float("-inf")).flatten()
            ids = torch.topk(keys, k)[1].numpy()
            tokens += 1
            if set(ids) == set(expected):
                same += 1
                got = dict(zip(ids.tolist(), s[torch.from_numpy(ids)].numpy()))
                want = scores_of(x.astype(np.float64), kind)
                assert all(abs(got[e] / want[e] - 1) < 1e-5 for e in expected)
                continue
            # Ties at the boundary, or keys that float32 cannot tell apart.
            lost = keys[torch.from_numpy(np.setdiff1d(expected, ids))].numpy()
            won = keys[torch.from_numpy(np.setdiff1d(ids, expected))].numpy()
            finite = np.isfinite(lost).all()
            assert not finite or np.allclose(np.sort(lost), np.sort(won), atol=1e-6), model
            if halves:
                ties += 1
            else:
                near += 1
    print(
        f"torch {torch.__version__}: {tokens} tokens, {same} the same experts, "
        f"{ties} ties at the boundary, {near} too near for float32"
    )
    assert near * 1000 < tokens, "float32 tells most keys apart"


if __name__ == "__main__":
    if sys.argv[1:] == ["torch"]:
        compare_torch()
    else:
        write_oracle()
        write_choices()
