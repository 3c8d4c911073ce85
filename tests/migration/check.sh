#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs the example programs of the migration guide, each on a module loaded
# just before, and checks what they print. Lies beside the folders 64 and 32
# that hold the programs. KTAP; ends with "# totals pass:P fail:F skip:S".
#
# LIGHTOS_KO names the module file; without it, modprobe finds the module.

here=$(dirname "$0")
number=0
pass=0
fail=0

reload() {
	if [ -d /sys/module/lightos ]; then
		rmmod lightos || return 1
	fi
	if [ -n "$LIGHTOS_KO" ]; then
		insmod "$LIGHTOS_KO"
	else
		modprobe lightos
	fi
}

# check WORD PROGRAM LINE...: the program succeeds and prints each LINE.
check() {
	name="$2_$1_bit"
	program="$here/$1/$2"
	shift 2
	number=$((number + 1))
	ok=1
	reload || ok=0
	printed=$("$program" 2>&1) || ok=0
	echo "$printed" | sed 's/^/# /'
	for line in "$@"; do
		if ! echo "$printed" | grep -q -x -e "$line"; then
			echo "# no line \"$line\""
			ok=0
		fi
	done
	if [ "$ok" -eq 1 ]; then
		echo "ok $number $name"
		pass=$((pass + 1))
	else
		echo "not ok $number $name"
		fail=$((fail + 1))
	fi
}

echo "KTAP version 1"
echo "1..4"
for word in 64 32; do
	check $word v0_1_0 "device 0" "type 2" "power 0 W" \
		"memory 0 of [1-9][0-9]* bytes"
	check $word v0_2_0 "device 0 type 2" "processed 1" "dropped 0" \
		"neuron 42" "spikes 1"
done
echo "# totals pass:$pass fail:$fail skip:0"
[ "$fail" -eq 0 ]
