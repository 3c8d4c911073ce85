#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# bench.sh: measures, prints a table and writes build/bench.json. Two places:
#
#   native  the arithmetic files in a host build, on one core, with
#           vectorisation off as in the kernel, beside peers and bounds: the
#           engine, networks, gates, the guard of a photonic processor and its
#           model, the CUBA network beside NEST; networks once more with
#           vectorisation on
#   guest   what calls cost, events by call and by ring, routing by call and in
#           the program, and what loading costs, in one run of the stock kernel;
#           under emulation only the ratios mean something
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/rust.sh"

OUT="$LIGHTOS_DIR/build/bench"
mkdir -p "$OUT"

# build NAME FLAGS: the host programs, linked statically, as NEST runs them
# outside of the build root.
build() {
	run_cargo CARGO_TARGET_DIR="$LIGHTOS_CACHE/target-$1" RUSTFLAGS="-C target-feature=+crt-static $2" \
		cargo build --quiet --locked --release -p lightos-host
}

on_one_core() { LIGHTOS_DATA="${LIGHTOS_DATA:-}" taskset -c 0 "$@"; }

native() {
	local bin="$LIGHTOS_CACHE/target-bench/release"
	build bench "-C no-vectorize-loops -C no-vectorize-slp"
	build bench-vector ""
	say bench "engine, native, one core"
	on_one_core "$bin/engine-bench" >"$OUT/engine.json"
	say bench "networks, native, one core"
	on_one_core "$bin/network-bench" >"$OUT/network.json"
	on_one_core "$LIGHTOS_CACHE/target-bench-vector/release/network-bench" >"$OUT/network-vector.json"
	say bench "gates, native, one core"
	on_one_core "$bin/moe-bench" >"$OUT/moe.json"
	say bench "guard of a photonic processor, and its model, native, one core"
	on_one_core "$bin/photonic-bench" >"$OUT/photonic.json"
	on_one_core "$bin/optics-bench" >"$OUT/optics.txt"
	cuba "$bin/cuba-run"
}

# The CUBA network: NEST and LightOS in turn, five times. Without NEST LightOS
# alone, on a network of its own.
cuba() {
	local made
	if made=$("$LIGHTOS_DIR/scripts/nest.sh" bench); then
		say bench "CUBA network, NEST and LightOS in turn, one core"
		on_one_core "$(head -n 1 <<<"$made")" "$LIGHTOS_DIR/tests/oracle/nest_cuba.py" bench \
			"$(tail -n 1 <<<"$made")" 5 "$1" >"$OUT/cuba.json"
	else
		say bench "CUBA network, LightOS alone: NEST cannot be had (see $LIGHTOS_CACHE/log/nest.log)"
		printf '{"lightos": %s}\n' "$(on_one_core "$1" 2)" >"$OUT/cuba.json"
	fi
}

in_guest() {
	in_root make -s -C "$LIGHTOS_DIR/tests/bench" OUT="$OUT" CC=gcc >"$OUT/build.log" 2>&1 ||
		{ cat "$OUT/build.log" >&2; die "the benchmarks did not build"; }
	say bench "calls and loading, in one guest"
	"$LIGHTOS_DIR/scripts/guest.sh" -k stock -p "$OUT/64" \
		-p "$LIGHTOS_CACHE/target-bench/release/moe-call-bench" -- \
		'./ioctl_cost >calls.json && ./load_time >load.json && ./ring_rate >ring.json &&
		./moe-call-bench >moe-call.json && {
			echo "{\"kernel\": \"$(uname -r)\", \"clocksource\": \"$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)\","
			echo "\"calls\":"; cat calls.json; echo ", \"load\":"; cat load.json
			echo ", \"ring\":"; cat ring.json
			echo ", \"moe\":"; cat moe-call.json; echo "}"; }' >"$OUT/guest.json"
}

native
in_guest
in_root python3 "$LIGHTOS_DIR/scripts/bench_report.py" "$OUT" "$LIGHTOS_DIR/build/bench.json" \
	"$("$LIGHTOS_DIR/scripts/guest.sh" -a)"
