#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Merge the benchmark results into one JSON file and print them as a table.

    bench_report.py ENGINE.json GUEST.json OUT.json ACCELERATOR
"""

import json
import sys

SUBMIT_AIM = 1.3


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
    load = guest["load"]
    print(f"\nModule, in the same guest, {load['rounds']} rounds")
    for name in ("load", "unload"):
        cost = load[name]
        print(f"  {name:<30}{cost['median_us']:>10.0f} us  ({cost['p25_us']:.0f} to {cost['p75_us']:.0f})")


def main():
    engine_file, guest_file, out_file, accelerator = sys.argv[1:5]
    with open(engine_file) as file:
        engine = json.load(file)
    with open(guest_file) as file:
        guest = json.load(file)
    with open(out_file, "w") as file:
        json.dump({"engine": engine, "guest": {"accelerator": accelerator, **guest}}, file, indent=2)
        file.write("\n")
    engine_table(engine)
    guest_tables(guest, accelerator)
    print(f"\nAim: SUBMIT at most {SUBMIT_AIM} times NOP")
    for name in ("submit_now", "submit_timed", "submit_now_running", "submit_timed_running"):
        ratio = guest["calls"]["ratio_to_nop"][name]["median"]
        print(f"  {name:<30}{ratio:>10.2f}  {'met' if ratio <= SUBMIT_AIM else 'missed'}")
    print("Written: build/bench.json")


if __name__ == "__main__":
    main()
