#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Does `make guest` tell the truth? Exit status, output byte for byte, files,
# and above all: does it notice a kernel in trouble?
. "$(dirname "$0")/../../scripts/lib.sh"
. "$(dirname "$0")/ktap.sh"

guest() { make -C "$LIGHTOS_DIR" -s guest "$@"; }

test_exit_status_is_the_commands() {
	expect_status 2 guest CMD='exit 7'
	expect_text 'Error 7'
	expect_status 0 guest CMD='true'
}

test_output_is_the_commands_alone() {
	make -C "$LIGHTOS_DIR" -s guest CMD='printf "a\tb\n\001\377end"' 2>/dev/null | od -An -tx1 >"$WORK/bytes"
	grep -qx ' 61 09 62 0a 01 ff 65 6e 64' "$WORK/bytes" || { sed 's/^/# /' "$WORK/bytes"; return 1; }
}

test_put_copies_files() {
	echo "some text" >"$WORK/a file.txt"
	mkdir "$WORK/folder"
	echo "more" >"$WORK/folder/inner"
	expect_status 0 "$LIGHTOS_DIR/scripts/guest.sh" -p "$WORK/a file.txt" -p "$WORK/folder" -- 'cat "a file.txt" inner; pwd'
	expect_text '^some text$'
	expect_text '^more$'
	expect_text '^/data$'
	expect_status 2 guest PUT=/nonexistent CMD=true
	expect_text "there is no file '/nonexistent'"
}

test_module_comes_by_modprobe() {
	expect_status 0 guest CMD='lsmod | grep lightos; ls /lib/modules/*/updates'
	expect_text '^lightos '
	expect_text '^lightos.ko$'
	expect_status 0 guest CMD='modinfo lightos; cat /sys/module/lightos/version'
	expect_text '^version: +[0-9.]+$'
	expect_text '^[0-9]+\.[0-9]+\.[0-9]+$'
}

test_kernel_warning_fails_the_run() {
	expect_status 99 "$LIGHTOS_DIR/scripts/guest.sh" -- 'echo "WARNING: CPU: 0 PID: 1 at nowhere" >/dev/kmsg; exit 0'
	expect_text 'reported a fault'
}

test_panic_fails_the_run() {
	expect_status 1 "$LIGHTOS_DIR/scripts/guest.sh" -- 'echo c >/proc/sysrq-trigger; sleep 60'
	expect_text 'did not reach its end'
}

test_endless_command_is_given_up() {
	expect_status 1 "$LIGHTOS_DIR/scripts/guest.sh" -t 15 -- 'sleep 1000'
	expect_text 'did not end within 15 s'
}

run_cases
