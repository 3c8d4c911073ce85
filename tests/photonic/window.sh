#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# window.sh: the driver over memory-mapped registers, those of a PCI device of QEMU
# that is plain memory, a file on the host. The guest binds it (window.c); what the
# driver has written is looked at here (window.py).
. "$(dirname "$0")/../../scripts/lib.sh"
. "$(dirname "$0")/../setup/ktap.sh"

PROGRAMS="$LIGHTOS_DIR/build/photonic/64"

window() { in_root python3 "$LIGHTOS_DIR/tests/photonic/window.py" "$1" "$WORK/window"; }

test_guest() {
	window make
	LIGHTOS_QEMU="-object memory-backend-file,id=window,share=on,mem-path=$WORK/window,size=128K"
	export LIGHTOS_QEMU="$LIGHTOS_QEMU -device ivshmem-plain,memdev=window"
	expect_status 0 "$LIGHTOS_DIR/scripts/guest.sh" -v -l "$WORK/log" -p "$PROGRAMS" -- ./window
	expect_text '^ok 4 unplugged_under_an_open_file$'
	expect_text '^# totals: pass:5 fail:0 skip:0$'
	tr -d '\r' <"$WORK/log" >"$WORK/out"
	expect_text 'photonic processor 0 \(silicon\): 4 modes, 12 bit phases, serial 1122334455667788$'
}

test_registers() {
	expect_status 0 window check
	expect_text '^# the watchdog was kicked: 0x4b49434b$'
}

run_cases
