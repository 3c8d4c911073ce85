#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Nanoseconds a token of the gates of known models, in PyTorch on one thread.

moe-bench runs this beside itself where `import torch` works. The rules are
those of the models' published code; the batches are as large as moe-bench's.
Prints a line for each rule: name, then the time of each batch.
"""

import sys
import time

import torch

torch.set_num_threads(1)
torch.manual_seed(1)


def softmax(logits, _bias, k, renormalize, _groups, _kept, _scale):
    weights, ids = torch.topk(torch.softmax(logits, -1), k, dim=-1)
    if renormalize:
        weights = weights / weights.sum(-1, keepdim=True)
    return weights, ids


def sigmoid(logits, bias, k, _renormalize, groups, kept, scale):
    scores = torch.sigmoid(logits)
    keys = scores + bias
    if kept < groups:
        grouped = keys.view(len(keys), groups, -1)
        best = grouped.topk(2, dim=-1)[0].sum(-1).topk(kept, dim=-1)[1]
        closed = torch.ones(len(keys), groups, dtype=torch.bool).scatter_(1, best, False)
        keys = grouped.masked_fill(closed.unsqueeze(-1), float("-inf")).flatten(1)
    ids = torch.topk(keys, k, dim=-1)[1]
    weights = scores.gather(1, ids)
    return weights / weights.sum(-1, keepdim=True) * scale, ids


def main():
    batch, batches, runs = (int(word) for word in sys.argv[1:4])
    for line in sys.stdin:
        name, experts, k, rule, renormalize, groups, kept = line.split()
        experts, k, groups, kept = int(experts), int(k), int(groups), int(kept)
        gate = sigmoid if rule == "sigmoid" else softmax
        logits = 2 * torch.randn(batches, batch, experts)
        bias = 0.1 * torch.randn(experts)
        loads = torch.zeros(experts, dtype=torch.int64)
        times = []
        for _ in range(runs + 1):
            for rows in logits:
                begin = time.perf_counter()
                _, ids = gate(rows, bias, k, renormalize == "1", groups, kept, 2.5)
                loads += torch.bincount(ids.flatten(), minlength=experts)
                times.append((time.perf_counter() - begin) / batch * 1e9)
        print(name, *(f"{t:.1f}" for t in times[batches:]), flush=True)


if __name__ == "__main__":
    main()
