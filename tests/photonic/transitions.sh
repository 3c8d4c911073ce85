#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# transitions.sh: what a processor does when the system sleeps, and when it ends with
# the light on. The end is looked at in the kernel's log, which the tracepoint of the
# laser is printed to: light goes, then power, then the system.
. "$(dirname "$0")/../../scripts/lib.sh"
. "$(dirname "$0")/../setup/ktap.sh"

guest() { "$LIGHTOS_DIR/scripts/guest.sh" -v -l "$WORK/log" -p "$LIGHTOS_DIR/build/photonic/64" -- "$1"; }

# The number of the first line of the log that matches, after the line $2.
line_of() { tr -d '\r' <"$WORK/log" | awk -v after="$2" 'NR > after && /'"$1"'/ { print NR; exit }'; }

test_suspend() {
	expect_status 0 guest ./transitions
	expect_text '^ok 1 suspend_takes_light_and_power$'
	expect_text '^# totals: pass:2 fail:0 skip:0$'
}

test_end_of_the_system() {
	local end dark down off
	export LIGHTOS_CMDLINE='tp_printk'
	expect_status 0 guest '
		./transitions hold >lit &
		until grep -qx lit lit; do sleep 0.1; done
		echo 1 >/sys/kernel/tracing/events/lightos/lightos_photonic_laser/enable
		cat /sys/devices/faux/lightos-model.0/photonic/emission'
	expect_text '^1$'
	end=$(line_of 'guest: exit status 0' 0)
	dark=$(line_of 'lightos_photonic_laser: .*on=0' "$end")
	down=$(line_of 'light off, rails down' "${dark:-0}")
	off=$(line_of 'reboot: Power down' "${down:-0}")
	[ -n "$dark" ] && [ -n "$down" ] && [ -n "$off" ] || {
		echo "# light off in line '$dark', rails down in '$down', end in '$off' of:"
		tail -n +"$end" "$WORK/log" | sed 's/^/# /'
		return 1
	}
}

run_cases
