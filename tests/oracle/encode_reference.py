#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The published formulas of the encoders and decoders, in NumPy.

Writes the tables that tests/host/tests/encode.rs and decode.rs read, beside
this file. The tables are part of the tree, so the tests need no Python; run
this again after a change here and look at the difference.

Sources: snnTorch 1.0.0, snntorch/spikegen.py (rate, latency, delta); Philox is
NumPy's own; Lichtsteiner et al. 2008 (send-on-delta); Lava (sigma); Dayan and
Abbott 2001 (exponential kernel). Nothing here shares code or method with the
fixed-point forms: times are doubles, filters are plain sums over all spikes,
logarithms have 60 decimal digits.
"""

import decimal
import os

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 20260401
Q16 = 1 << 16
Q32 = 1 << 32


def write(name, header, rows):
    with open(os.path.join(HERE, name), "w", encoding="ascii", newline="\n") as out:
        out.write(header + "\n")
        for row in rows:
            out.write(",".join(str(field) for field in row) + "\n")


def joined(values):
    return ";".join(str(value) for value in values)


# Rate


def word(seed, step, channel):
    """The 32-bit word of a channel at a step, from NumPy's Philox4x64-10."""
    block = step + (channel // 8 << 64)
    # NumPy counts before it generates.
    philox = np.random.Philox(counter=(block - 1) % (1 << 256), key=seed)
    return int(philox.random_raw(4).view(np.uint32)[channel % 8])


def rate(data, gain, offset, uniform):
    """spikegen.rate: bernoulli(clamp(gain data + offset, 0, 1))."""
    return uniform < np.clip(gain * data + offset, 0, 1)


def rate_rows(rng):
    edges = [0, 1, Q16 - 1, Q16, -1, Q16 // 2, 2**31 - 1, -(2**31)]
    for case in range(160):
        seed = int(rng.integers(0, 2**64, dtype=np.uint64)) if case % 8 else case
        step = int(rng.integers(0, 1000)) if case % 4 else int(rng.integers(2**62, 2**63))
        channel = int(rng.integers(0, 64)) if case % 3 else int(rng.integers(2**31, 2**32))
        sample = edges[case % 8] if case % 5 == 0 else int(rng.integers(0, Q16 + 1))
        gain = Q16 if case % 2 else int(rng.integers(-2 * Q16, 2 * Q16))
        offset = 0 if case % 2 else int(rng.integers(-Q16, Q16))
        number = word(seed, step, channel)
        fires = rate(sample / Q16, gain / Q16, offset / Q16, number / Q32)
        yield seed, step, channel, gain, offset, sample, number, int(fires)


# Latency


def latency_times(data, steps, threshold, epsilon, tau, first, normalize, linear):
    """spikegen.latency_code_linear and latency_code_log."""
    if linear:
        if normalize:
            tau = steps - 1 - first
        return np.minimum(-tau * (data - 1), -tau * (threshold - 1)) + first
    data = np.maximum(data, threshold + epsilon)
    time = tau * np.log(data / (data - threshold))
    if first > 0:
        time = time + first
    if normalize:
        time = (time - first) * (steps - first - 1) / np.max(time - first) + first
    return time


def latency(data, steps, threshold, epsilon, tau, first, normalize, clip, linear):
    """spikegen.latency as a step for each channel, or why there is none."""
    time = latency_times(data, steps, threshold, epsilon, tau, first, normalize, linear)
    near_tie = np.abs(time - np.floor(time) - 0.5) < 1e-9
    result = []
    for step, below in zip(np.rint(time), data < threshold):
        if clip and below:
            result.append("clipped")
        elif step > steps - 1:
            result.append("late")
        else:
            result.append(int(step))
    return result, bool(near_tie.any())


def latency_rows(rng):
    written = 0
    while written < 120:
        linear, normalize, clip = (bool(written >> bit & 1) for bit in range(3))
        steps = int(rng.choice([1, 2, 5, 16, 100, 1000]))
        first = int(rng.integers(0, steps)) if written % 3 == 0 else 0
        threshold = int(rng.choice([42949673, 429496730, 2**31, 4294967, 3000000000]))
        epsilon = int(rng.choice([429, 1, 4294967]))
        tau = int(rng.choice([1, 2, 5, 20, 0.5, 3.25, 100]) * Q16)
        samples = rng.integers(0, Q16 + 1, 8)
        samples[:3] = rng.choice([0, 1, threshold >> 16, (threshold >> 16) + 1, Q16 // 2, Q16], 3)
        outcome, near_tie = latency(
            samples / Q16, steps, threshold / Q32, epsilon / Q32, tau / Q16,
            first, normalize, clip, linear,
        )  # fmt: skip
        # The linear form is exact in doubles as well for these parameters, ties included.
        if near_tie and not linear:
            continue
        written += 1
        yield (
            "linear" if linear else "logarithmic", threshold, epsilon, tau, steps, first,
            int(normalize), int(clip), joined(samples), joined(outcome),
        )  # fmt: skip


def logarithm_rows(rng):
    decimal.getcontext().prec = 60
    numbers = [1, 2, 3, 2**32, 2**63, 2**64 - 1, 10**19]
    numbers += [(256 + i << 24) + d for i in range(0, 256, 15) for d in (-1, 0)]
    numbers += [int(rng.integers(1, 2 ** int(b))) for b in rng.integers(2, 63, 60)]
    for number in numbers:
        exact = decimal.Decimal(number).ln() * 2**64
        yield number, int(exact.to_integral_value())


# Delta


def difference(data, threshold, padding, off_spike):
    """spikegen.delta."""
    offset = np.concatenate(([data[0] if padding else 0], data))[:-1]
    on = (data - offset >= threshold).astype(int)
    if not off_spike:
        return on
    return on - (data - offset <= -threshold).astype(int)


def send_on_delta(data, threshold, cap, reference):
    """Net events for each sample; what exceeds the cap stays in the reference."""
    events = []
    for sample in data:
        count = np.trunc((sample - reference) / threshold)
        count = int(np.clip(count, -cap, cap))
        reference += count * threshold
        events.append(count)
    return events


def walk(rng, length):
    kind = rng.integers(0, 4)
    if kind == 0:
        data = rng.integers(-(2**31), 2**31, length)
    elif kind == 1:
        data = np.cumsum(rng.integers(-Q16 // 4, Q16 // 4 + 1, length))
    elif kind == 2:
        data = np.arange(length) * int(rng.integers(1, Q16 // 8))
    else:
        data = rng.choice([2**31 - 1, -(2**31), 0, Q16], length)
    return data.astype(np.int64)


def delta_rows(rng):
    for case in range(56):
        data = walk(rng, 12)
        threshold = int(rng.choice([0, 1, Q16 // 10, Q16, 2**31, 2**32 - 1]))
        padding, off_spike = bool(case & 1), bool(case & 2)
        events = difference(data, threshold, padding, off_spike)
        yield "difference", threshold, 0, int(padding), int(off_spike), joined(data), joined(events)
    for case in range(56):
        data = walk(rng, 12)
        threshold = int(rng.choice([1, Q16 // 10, Q16, 2**31, 2**32 - 1]))
        cap = int(rng.choice([1, 2, 7, 64]))
        events = send_on_delta([int(x) for x in data], threshold, cap, int(data[0]))
        yield "send", threshold, cap, 0, 0, joined(data), joined(events)


# Decoders


def decode_rows(rng):
    for case in range(40):
        counts = rng.integers(0, 3 if case % 2 else 2**32, 1 + case % 10)
        yield "argmax", joined(counts), int(np.argmax(counts))
    for case in range(40):
        times = rng.integers(0, 5 if case % 2 else 2**62, 1 + case % 12)
        yield "first", joined(times), f"{int(np.min(times))};{int(np.argmin(times))}"
    for _ in range(20):
        events = rng.integers(-(2**40), 2**40, 12)
        yield "sigma", joined(events), joined(np.cumsum(events))
    for case in range(40):
        tau = int(rng.choice([100_000, 5_000_000, 20_000_000, 1_000_000_000]))
        gap = int(rng.choice([tau // 100, tau // 3, tau, 20 * tau]))
        times = np.cumsum(rng.integers(0, 2 * gap + 1, 1 + case % 24))
        now = int(times[-1] + rng.integers(0, gap + 1))
        if case % 4 == 0:
            times = rng.permutation(times)
        gaps = (now - times).astype(np.longdouble)
        level = float(np.sum(np.exp(-gaps / np.longdouble(tau))))
        yield "rate", f"{tau};{now};{joined(times)}", repr(level)


def main():
    rng = np.random.default_rng(SEED)
    write(
        "encode_rate.csv", "seed,step,channel,gain,offset,sample,word,fires", rate_rows(rng)
    )
    write(
        "encode_latency.csv",
        "law,threshold,epsilon,tau,steps,first,normalize,clip,samples,outcomes",
        latency_rows(rng),
    )
    write("encode_logarithm.csv", "number,logarithm", logarithm_rows(rng))
    write(
        "encode_delta.csv", "code,threshold,cap,padding,off_spike,samples,events", delta_rows(rng)
    )
    write("decode.csv", "decoder,input,result", decode_rows(rng))


if __name__ == "__main__":
    main()
