#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh: the main job. Boots the unmodified stock Debian kernel, loads the
# module with modprobe and classifies handwritten digits with neurons in the
# kernel, through the calls of v0.2.0.
. "$(dirname "$0")/lib.sh"

DATA="$LIGHTOS_DIR/tests/data"

say guest "booting the stock kernel (a few seconds)"
"$LIGHTOS_DIR/scripts/guest.sh" -k stock -p "$LIGHTOS_DIR/build/lightctl" -p "$DATA" -- '
	echo "kernel: $(uname -sr), $(uname -v)"
	./lightctl digits --data digits.csv --weights digits-weights.csv --expect digits-expected.csv || exit
	echo
	echo "dmesg:"
	dmesg | grep -i "lightos"
'
