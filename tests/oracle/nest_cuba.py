#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The CUBA network and a single neuron, computed by NEST, for LightOS to be compared with.

    nest_cuba.py export FOLDER [SEEDS [SECONDS]]
    nest_cuba.py bench FOLDER RUNS COMMAND...

"export" writes, for each of SEEDS seeds (10), what NEST drew and what it computed:

    SEED-connections.npy    u16, pairs of source and target; neurons from 3,200 on inhibit
    SEED-membranes.npy      f64, membranes in mV at the begin
    SEED-spikes.npy         u32, pairs of step and neuron, by step, of SECONDS seconds (5)

and, for one neuron under two trains of Poisson spikes,

    neuron-inputs.npy       u32, pairs of step and train: 0 excites, 1 inhibits
    neuron-spikes.npy       u32, steps

"bench" runs NEST on the network of the first seed and then COMMAND, RUNS times in turn on one
core (use taskset), and prints one JSON object: COMMAND takes the seconds to simulate and FOLDER
and prints what it took, NEST's time is that of nest.Run. Both leave out making the network.

The network is that of Vogels and Abbott as in PyNN's examples/VAbenchmarks.py (CUBA): 3,200
excitatory and 800 inhibitory neurons, connected with probability 0.02. Needs nest-simulator.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time

import numpy as np

os.environ.setdefault("PYNEST_QUIET", "1")
import nest  # noqa: E402

STEP_MS = 0.1
EXCITATORY, INHIBITORY = 3200, 800
NEURON = dict(tau_m=20.0, tau_syn_ex=5.0, tau_syn_in=10.0, E_L=-49.0, V_th=-50.0,
              V_reset=-60.0, t_ref=5.0, C_m=200.0, I_e=0.0)
WEIGHTS = (16.2, -90.0)  # pA
DELAY = 0.2
BENCH_SECONDS = 2


def reset(seed):
    nest.ResetKernel()
    nest.set(resolution=STEP_MS, rng_seed=seed, local_num_threads=1, total_num_virtual_procs=1)


def network(seed):
    """The network of a seed and the recorder of its spikes."""
    reset(seed)
    neurons = nest.Create("iaf_psc_exp", EXCITATORY + INHIBITORY, params=NEURON)
    neurons.V_m = nest.random.uniform(-60.0, -50.0)
    rule = {"rule": "pairwise_bernoulli", "p": 0.02}
    for sources, weight in zip((neurons[:EXCITATORY], neurons[EXCITATORY:]), WEIGHTS):
        nest.Connect(sources, neurons, rule, {"weight": weight, "delay": DELAY})
    recorder = nest.Create("spike_recorder")
    return neurons, recorder


def steps_of(times):
    """NEST's time k * 0.1 ms is the end of step k - 1."""
    return np.rint(np.asarray(times) / STEP_MS).astype(np.uint32) - 1


def export_network(folder, seed, seconds):
    neurons, recorder = network(seed)
    links = nest.GetConnections()
    pairs = np.stack([np.asarray(links.source), np.asarray(links.target)], 1) - 1
    expected = np.where(pairs[:, 0] < EXCITATORY, *WEIGHTS)
    assert np.array_equal(expected, links.weight), "weights do not follow from sources"
    assert np.all(np.asarray(links.delay) == DELAY)
    np.save(f"{folder}/{seed}-connections.npy", pairs.astype("<u2"))
    np.save(f"{folder}/{seed}-membranes.npy", np.asarray(neurons.V_m, dtype="<f8"))
    nest.Connect(neurons, recorder)
    nest.Simulate(seconds * 1000.0)
    events = recorder.events
    spikes = np.stack([steps_of(events["times"]), events["senders"] - 1], 1).astype("<u4")
    np.save(f"{folder}/{seed}-spikes.npy", spikes[np.lexsort((spikes[:, 1], spikes[:, 0]))])


def export_neuron(folder, seconds=200):
    """A neuron under 2,500 and 160 spikes a second, at most one a step and train."""
    reset(1)
    draw = np.random.default_rng(1)
    neuron = nest.Create("iaf_psc_exp", params=NEURON)
    neuron.V_m = -55.0
    recorder = nest.Create("spike_recorder")
    nest.Connect(neuron, recorder)
    rows = []
    for train, (rate, weight) in enumerate(zip((2500.0, 160.0), WEIGHTS)):
        hits = np.flatnonzero(draw.random(int(seconds * 10_000) - 10) < rate / 10_000)
        generator = nest.Create("spike_generator", params={"spike_times": (hits + 1) * STEP_MS})
        nest.Connect(generator, neuron, syn_spec={"weight": weight, "delay": DELAY})
        rows.append(np.stack([hits, np.full(len(hits), train)], 1))
    rows = np.concatenate(rows)
    nest.Simulate(seconds * 1000.0)
    np.save(f"{folder}/neuron-inputs.npy", rows[np.lexsort((rows[:, 1], rows[:, 0]))].astype("<u4"))
    np.save(f"{folder}/neuron-spikes.npy", steps_of(recorder.events["times"]).astype("<u4"))


def export(folder, seeds=10, seconds=5):
    os.makedirs(folder, exist_ok=True)
    for seed in range(1, int(seeds) + 1):
        export_network(folder, seed, float(seconds))
    export_neuron(folder)


def time_nest():
    neurons, recorder = network(1)
    nest.Connect(neurons, recorder)
    nest.Prepare()
    begin = time.perf_counter()
    nest.Run(BENCH_SECONDS * 1000.0)
    taken = time.perf_counter() - begin
    nest.Cleanup()
    return taken, recorder.n_events


def figures(seconds):
    return {"median_s": statistics.median(seconds), "min_s": min(seconds), "max_s": max(seconds),
            "runs": len(seconds)}


def bench(folder, runs, *command):
    command = [*command, str(BENCH_SECONDS), folder]
    ours, theirs, ratios = [], [], []
    for _ in range(int(runs)):
        taken, spikes = time_nest()
        engine = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        theirs.append(taken)
        ours.append(engine["seconds"])
        ratios.append(taken / engine["seconds"])
    print(json.dumps({
        "nest": {"version": nest.__version__, **figures(theirs), "spikes": int(spikes)},
        "lightos": {**figures(ours), **engine},
        "times_nest": {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)},
        "neurons": EXCITATORY + INHIBITORY, "simulated_s": BENCH_SECONDS,
        "python": platform.python_version(),
    }, indent=2))


def main():
    nest.verbosity = nest.VerbosityLevel.ERROR
    commands = {"export": export, "bench": bench}
    if len(sys.argv) < 3 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
