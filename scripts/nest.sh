#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# nest.sh [bench]: makes what tests and benchmarks compare with NEST, in the
# cache, and prints two lines: a Python that has NEST, and the folder of its
# networks and spikes. The reason of a failure is in the log. Status 75 means that
# NEST's package cannot be had: it needs Python 3.9 to 3.13 with venv and a
# network once. `bench` makes one seed only.
. "$(dirname "$0")/lib.sh"

VERSION=3.10.0
VENV="$LIGHTOS_CACHE/nest-$VERSION"
ORACLE="$LIGHTOS_DIR/tests/oracle/nest_cuba.py"
SEEDS=10
[ "${1:-}" != bench ] || SEEDS=1

NO_PACKAGE=75

make_venv() {
	{ python3 -m venv "$VENV" &&
		"$VENV/bin/pip" --quiet install --only-binary :all: "nest-simulator==$VERSION"; } || exit "$NO_PACKAGE"
	"$VENV/bin/python" -c 'import nest'
	touch "$VENV/.ready"
}

# Made anew when the script changes. Seed 1 of ten is seed 1 of one.
make_export() {
	"$VENV/bin/python" "$ORACLE" export "$1.part" "$SEEDS" 5
	rm -rf "$1"
	mv "$1.part" "$1"
}

ensure() {
	[ -e "$VENV/.ready" ] || make_venv
	[ -e "$OUT/$SEEDS-spikes.npy" ] || make_export "$OUT"
}

OUT="$LIGHTOS_CACHE/nest-$(short_hash <"$ORACLE")"
locked nest ensure >"$LIGHTOS_CACHE/log/nest.log" 2>&1
printf '%s\n%s\n' "$VENV/bin/python" "$OUT"
