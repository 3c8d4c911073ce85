#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Merge the benchmark results into one JSON file and print them as a table.

    bench_report.py FOLDER OUT.json ACCELERATOR

FOLDER holds engine.json, network.json, network-vector.json, cuba.json, moe.json, photonic.json,
optics.txt and guest.json.
"""

import json
import sys

SUBMIT_AIM = 1.3
RING_AIM = 20
BYTES_AIM = 4.5
NMNIST_AIM = 100e6
RANDOM_AIM = 0.5
CUBA_AIM = 12


def engine_table(engine):
    print(f"\nEngine, native on one core ({engine['cpu']}), vectorisation off")
    print(f"  {'scenario':<30}{'M events/s':>12}{'min':>8}{'max':>8}{'ns/event':>10}")
    for name, scenario in engine["scenarios"].items():
        rows = scenario if "events_per_s" not in scenario else {"engine": scenario}
        for who, row in rows.items():
            label = f"{name.replace('_', ' ')}" if who == "engine" else f"  beside: {who.replace('_', ' ')}"
            print(
                f"  {label:<30}{row['events_per_s'] / 1e6:>12.1f}{row['min'] / 1e6:>8.1f}"
                f"{row['max'] / 1e6:>8.1f}{row['ns_per_event']:>10.1f}"
            )


def network_row(label, scenario, vector):
    engine, plain = scenario["engine"], scenario["plain_loop"]
    print(
        f"  {label:<30}{engine['events_per_s'] / 1e6:>10.1f}{engine['min'] / 1e6:>9.1f}"
        f"{engine['max'] / 1e6:>9.1f}{plain['events_per_s'] / 1e6:>10.1f}"
        f"{scenario['engine_to_plain']:>8.2f}{vector['engine']['events_per_s'] / 1e6:>11.1f}"
        f"{vector['engine_to_plain']:>8.2f}"
    )


def network_tables(network, vector):
    scenes, others = network["scenarios"], vector["scenarios"]
    print(f"\nNetworks, native on one core ({network['cpu']}): M synaptic events/s, median of runs")
    print(
        f"  {'vectorisation off':<30}{'engine':>10}{'min':>9}{'max':>9}{'plain':>10}{'ratio':>8}"
        f"{'on: engine':>11}{'ratio':>8}"
    )
    real = "N-MNIST" if scenes["nmnist"]["recorded"] else "N-MNIST's twin"
    network_row(real, scenes["nmnist"], others["nmnist"])
    for name, scene in scenes.items():
        if name.startswith("random"):
            label = f"random, {scene['firing_ppm'] / 1e4:g} % fire"
            network_row(label, scene, others[name])
    skipped = scenes["nmnist"]["updates_skipped_percent"]
    print(f"  bytes a synapse, all in: {scenes['bytes_per_synapse']:.3f}; N-MNIST skips {skipped} % of updates")
    print("\nGrowth: a step, 1 % of the neurons fire (of 65,536 with 16 Mi synapses: see the rates)")
    print(f"  {'neurons':>9}{'synapses':>11}{'fire %':>8}{'us a step':>12}{'ns an event':>13}")
    rates = [scene for name, scene in scenes.items() if name.startswith("random")]
    for scene in scenes["growth"] + rates:
        print(
            f"  {scene['neurons']:>9}{scene['synapses']:>11}{scene['firing_ppm'] / 1e4:>8g}"
            f"{scene['us_a_step']:>12.1f}{1e9 / scene['engine']['events_per_s']:>13.1f}"
        )
    print("\nA neuron for a step, nothing arriving, in ns (off, on)")
    for name in scenes:
        if name.startswith("update_"):
            label = name[len("update_") : -len("_ns")].replace("_", " ")
            print(f"  {label:<30}{scenes[name]:>10.2f}{others[name]:>10.2f}")


def cuba_table(cuba):
    ours = cuba["lightos"]
    print("\nCUBA network: 4,000 neurons, steps of 0.1 ms, 2 s, one core")
    if "nest" not in cuba:
        print(f"  LightOS {ours['seconds']:.3f} s; NEST could not be had beside it")
        return
    for name, run in ((f"NEST {cuba['nest']['version']}", cuba["nest"]), ("LightOS", ours)):
        print(
            f"  {name:<12}{run['median_s']:>8.3f} s  ({run['min_s']:.3f} to {run['max_s']:.3f},"
            f" {run['runs']} runs)  {run['spikes']} spikes"
        )
    times = cuba["times_nest"]
    print(f"  {times['median']:.1f} times NEST ({times['min']:.1f} to {times['max']:.1f})")
    print(
        f"  {ours['updated_percent']:.1f} % of updates done, {ours['synaptic_events']} synaptic events,"
        f" {ours['ns_a_neuron_step']:.2f} ns a neuron and step"
    )


def network_aims(network, cuba):
    scenes = network["scenarios"]
    rate = scenes["nmnist"]["engine"]["events_per_s"]
    lines = [
        (f"N-MNIST at least {NMNIST_AIM / 1e6:.0f} M events/s", rate / 1e6, rate >= NMNIST_AIM),
        (f"bytes a synapse at most {BYTES_AIM}", scenes["bytes_per_synapse"],
         scenes["bytes_per_synapse"] <= BYTES_AIM),
    ]
    for name, scene in scenes.items():
        if name.startswith("random"):
            ratio = scene["engine_to_plain"]
            label = f"random, {scene['firing_ppm'] / 1e4:g} %: {RANDOM_AIM} of the loop"
            lines.append((label, ratio, ratio >= RANDOM_AIM))
    if "nest" in cuba:
        times = cuba["times_nest"]
        label = f"CUBA at least {CUBA_AIM} times NEST"
        lines.append((label, times["median"], times["median"] >= CUBA_AIM))
    print("\nAims of networks")
    for label, value, met in lines:
        print(f"  {label:<36}{value:>10.2f}  {'met' if met else 'missed'}")


def moe_table(moe):
    print(f"\nGates, native on one core ({moe['cpu']}), batches of {moe['tokens_a_batch']}, vectorisation off")
    print(f"  {'shape':<30}{'ns/token':>10}{'p25':>10}{'p75':>10}{'scalar C':>10}{'x C':>8}{'PyTorch':>10}")
    for name, shape in moe["shapes"].items():
        gate = shape["gate"]
        line = f"  {name:<30}{gate['ns_per_token']:>10.0f}{gate['p25']:>10.0f}{gate['p75']:>10.0f}"
        if "scalar_c" in shape:
            line += f"{shape['scalar_c']['ns_per_token']:>10.0f}{shape['gate_to_scalar']:>8.2f}"
        else:
            line += f"{'-':>10}{'-':>8}"
        torch = shape.get("pytorch")
        print(line + (f"{torch['ns_per_token']:>10.0f}" if torch else f"{'-':>10}"))


def photonic_table(photonic, optics):
    print(f"\nPhotonic guard and model, native on one core ({photonic['cpu']}), vectorisation off")
    print(f"  {'ns, one of each a millisecond':<30}{'median':>10}{'min':>10}{'max':>10}{'% of a core':>13}")
    for name in ("guard_tick", "bound_registers", "model_millisecond", "together"):
        cost = photonic[name]
        print(
            f"  {name.replace('_', ' '):<30}{cost['ns']:>10.0f}{cost['min']:>10.0f}{cost['max']:>10.0f}"
            f"{cost['ns'] / 1e4:>13.4f}"
        )
    print(f"  a tick reads {photonic['reads']:.1f} registers and writes {photonic['writes']:.1f}")
    print("\nOptics of the model: " + optics.strip().replace("\n", "\n  "))


def guest_tables(guest, accelerator):
    calls = guest["calls"]
    print(f"\nCalls, in one guest ({guest['kernel']}, {accelerator}, clock {guest['clocksource']})")
    print(f"  {'call':<30}{'ns':>10}{'p25':>10}{'p75':>10}{'x NOP':>8}")
    for name, cost in calls["cost"].items():
        ratio = calls["ratio_to_nop"][name]["median"]
        print(
            f"  {name:<30}{cost['median_ns']:>10.0f}{cost['p25_ns']:>10.0f}"
            f"{cost['p75_ns']:>10.0f}{ratio:>8.2f}"
        )
    ring = guest["ring"]
    print(f"\nEvents into the module, in the same guest, {ring['rounds']} rounds of {ring['events']}")
    print(f"  {'way':<30}{'ns/event':>10}{'p25':>10}{'p75':>10}{'x SUBMIT':>10}")
    for name, cost in ring["ns_per_event"].items():
        rate = ring["submit_to"].get(name, {"median": 1})["median"]
        print(f"  {name:<30}{cost['median']:>10.1f}{cost['p25']:>10.1f}{cost['p75']:>10.1f}{rate:>10.1f}")
    moe = guest["moe"]
    print(f"\nRouting by call and in the program, in the same guest, {moe['rounds']} rounds of {moe['tokens_a_batch']}")
    print(f"  {'shape':<30}{'x program':>10}{'p25':>10}{'p75':>10}")
    for name, shape in moe["shapes"].items():
        ratio = shape["call_to_user"]
        print(f"  {name:<30}{ratio['median']:>10.2f}{ratio['p25']:>10.2f}{ratio['p75']:>10.2f}")
    load = guest["load"]
    print(f"\nModule, in the same guest, {load['rounds']} rounds")
    for name in ("load", "unload"):
        cost = load[name]
        print(f"  {name:<30}{cost['median_us']:>10.0f} us  ({cost['p25_us']:.0f} to {cost['p75_us']:.0f})")


def main():
    folder, out_file, accelerator = sys.argv[1:4]
    parts = {}
    for name in ("engine", "network", "network-vector", "cuba", "moe", "photonic", "guest"):
        with open(f"{folder}/{name}.json") as file:
            parts[name] = json.load(file)
    parts["guest"] = {"accelerator": accelerator, **parts["guest"]}
    guest = parts["guest"]
    with open(out_file, "w") as file:
        json.dump(parts, file, indent=2)
        file.write("\n")
    engine_table(parts["engine"])
    network_tables(parts["network"], parts["network-vector"])
    cuba_table(parts["cuba"])
    moe_table(parts["moe"])
    with open(f"{folder}/optics.txt") as file:
        photonic_table(parts["photonic"], file.read())
    guest_tables(guest, accelerator)
    network_aims(parts["network"], parts["cuba"])
    ring = guest["ring"]["submit_to"]["ring"]["median"]
    print(f"\nAim: the mapped ring at least {RING_AIM} times the rate of SUBMIT")
    print(f"  {'ring':<30}{ring:>10.1f}  {'met' if ring >= RING_AIM else 'missed'}")
    print(f"\nAim: SUBMIT at most {SUBMIT_AIM} times NOP")
    for name in ("submit_now", "submit_timed", "submit_now_running", "submit_timed_running"):
        ratio = guest["calls"]["ratio_to_nop"][name]["median"]
        print(f"  {name:<30}{ratio:>10.2f}  {'met' if ratio <= SUBMIT_AIM else 'missed'}")
    print("Written: build/bench.json")


if __name__ == "__main__":
    main()
