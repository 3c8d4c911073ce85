#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh: networks in the module of a stock kernel against the same arithmetic on
# the host and against what others recorded (see jobs.sh and check.py).
. "$(dirname "$0")/../../scripts/lib.sh"

OUT="$LIGHTOS_DIR/build/test-log/networks"
STAGE="$OUT/stage"
TESTS="$LIGHTOS_DIR/tests"

rm -rf "$OUT"
mkdir -p "$STAGE"
skipped=0
cp "$LIGHTOS_DIR/build/lightctl" "$TESTS/networks/jobs.sh" "$STAGE/"
cp -r "$TESTS/data/event-digits" "$STAGE/"
for folder in nmnist loihi nir; do
	if [ -n "$LIGHTOS_DATA" ] && [ -d "$LIGHTOS_DATA/$folder" ]; then
		cp -r "$LIGHTOS_DATA/$folder" "$STAGE/"
	else
		echo "# skipped: $folder (LIGHTOS_DATA does not name a folder that holds it)"
		skipped=$((skipped + 1))
	fi
done
chmod -R u+w "$STAGE"
# A job that fails, and a warning in the kernel's log, are failures whatever the
# results that there are say.
status=0
"$STAGE/jobs.sh" "$STAGE" --host >"$OUT/host.txt" || { status=$?; warn "jobs on the host failed (status $status)"; }
"$LIGHTOS_DIR/scripts/guest.sh" -k stock -p "$STAGE" -- './jobs.sh .' >"$OUT/guest.txt" ||
	{ status=$?; warn "the guest failed (status $status)"; }
in_root python3 "$TESTS/networks/check.py" "$OUT/guest.txt" "$OUT/host.txt" "$TESTS/oracle/nmnist_replay.txt" "$skipped" || status=$?
exit "$status"
