#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Networks in the module against the same arithmetic on the host, and against
what others recorded.

    check.py GUEST HOST REPLAY SKIPPED

GUEST and HOST are what jobs.sh printed there. REPLAY is the table that
tests/oracle/nmnist_replay.py prints, SKIPPED the number of folders that were
not there. Prints KTAP and "# totals ...".
"""
import json
import sys

# What may differ between two runs of the same network.
OF_THE_RUN = ("busy_ns", "ran_in", "bytes")


def sections(path):
    """Name -> text of each job."""
    found, name = {}, None
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            line = line.rstrip("\r\n")
            if line.startswith("== "):
                name = line[3:]
                found[name] = []
            elif name is not None:
                found[name].append(line)
    return {name: "\n".join(lines) for name, lines in found.items()}


def without_run(value):
    if isinstance(value, dict):
        return {k: without_run(v) for k, v in value.items() if k not in OF_THE_RUN}
    if isinstance(value, list):
        return [without_run(v) for v in value]
    return value


def parsed(text):
    """JSON less what differs from run to run; checksums as they are."""
    try:
        return without_run(json.loads(text))
    except ValueError:
        return text.split()


def replayed(path):
    """Recording -> input spikes, hidden spikes, spikes of the outputs."""
    with open(path, encoding="ascii") as file:
        rows = [line.split() for line in file if line.strip()]
    return {row[0]: [int(n) for n in row[1:]] for row in rows}


def nmnist(result, replay):
    """Every recording as NumPy replays it."""
    got = {
        a["recording"]: [a["input_spikes"], a["hidden_spikes"], *map(int, a["outputs"])]
        for a in result["answers"]
    }
    return got == replay and result["right"] >= 27


def loihi(result, _replay):
    """Every spike and every voltage of the chip."""
    return (
        result["spikes"] == result["recorded_spikes"] == result["spikes_in_both"] > 600
        and result["equal_voltages"] == result["recorded_voltages"] > 400
    )


def nir(result, _replay):
    """Spikes where the exact solution has them, voltages of the grid-exact
    recursion and, up to the first spike, of lif_exact.csv."""
    rows = {row["platform"]: row for row in result["platforms"]}
    ours = next(row for name, row in rows.items() if name.startswith("LightOS"))
    return (
        ours["spike_steps"] == [460, 510, 710, 760] == rows["exact"]["spike_steps"]
        and result["difference_from_grid_exact_recursion"] < 1e-6
        and ours["largest_voltage_difference"]["up_to_first_spike"] < 1e-6
    )


def event_digits(result, _replay):
    """The project's own recordings, well above chance and as expected."""
    return result["right"] >= 0.9 * result["recordings"]


ORACLES = {"nmnist": nmnist, "loihi": loihi, "nir": nir, "event digits": event_digits}


def main():
    guest, host = sections(sys.argv[1]), sections(sys.argv[2])
    replay = replayed(sys.argv[3])
    cases = []
    for name in {**host, **guest}:
        here, there = parsed(host.get(name, "missing")), parsed(guest.get(name, "absent"))
        # The name of the row says where it ran.
        same = str(here).replace("(host)", "") == str(there).replace("(module)", "")
        cases.append((f"{name}: module and host agree bit for bit", same))
    for name, oracle in ORACLES.items():
        if name in host or name in guest:
            result = parsed(guest.get(name, "{}"))
            fine = isinstance(result, dict) and bool(result) and oracle(result, replay)
            cases.append((f"{name}: {oracle.__doc__.split(':')[0].strip()}", fine))
    print(f"KTAP version 1\n1..{len(cases)}")
    for number, (name, fine) in enumerate(cases, 1):
        print(f"{'ok' if fine else 'not ok'} {number} {' '.join(name.split())}")
    failed = sum(not fine for _, fine in cases) + (not cases)
    print(f"# totals pass:{len(cases) - failed} fail:{failed} skip:{int(sys.argv[4])}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
