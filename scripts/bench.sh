#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# bench.sh: measures, prints a table and writes build/bench.json. Two places:
#
#   native  the engine's arithmetic files in a host build, on one core, with
#           vectorisation off as in the kernel, beside a peer and a bound
#   guest   what a call costs and what loading costs, in one run of the stock
#           kernel; under emulation only the ratios mean something
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/rust.sh"

OUT="$LIGHTOS_DIR/build/bench"
mkdir -p "$OUT"

native() {
	run_cargo CARGO_TARGET_DIR="$LIGHTOS_CACHE/target-bench" \
		RUSTFLAGS="-C no-vectorize-loops -C no-vectorize-slp" \
		cargo build --quiet --locked --release -p lightos-host
	say bench "engine, native, one core"
	in_root taskset -c 0 "$LIGHTOS_CACHE/target-bench/release/engine-bench" >"$OUT/engine.json"
}

in_guest() {
	in_root make -s -C "$LIGHTOS_DIR/tests/bench" OUT="$OUT" CC=gcc >"$OUT/build.log" 2>&1 ||
		{ cat "$OUT/build.log" >&2; die "the benchmarks did not build"; }
	say bench "calls and loading, in one guest"
	"$LIGHTOS_DIR/scripts/guest.sh" -k stock -p "$OUT/64" -- \
		'./ioctl_cost >calls.json && ./load_time >load.json && {
			echo "{\"kernel\": \"$(uname -r)\", \"clocksource\": \"$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)\","
			echo "\"calls\":"; cat calls.json; echo ", \"load\":"; cat load.json; echo "}"; }' >"$OUT/guest.json"
}

native
in_guest
in_root python3 "$LIGHTOS_DIR/scripts/bench_report.py" "$OUT/engine.json" "$OUT/guest.json" "$LIGHTOS_DIR/build/bench.json" \
	"$("$LIGHTOS_DIR/scripts/guest.sh" -a)"
