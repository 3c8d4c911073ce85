#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# jobs.sh FOLDER [--host]: networks on recordings, in the module or in the
# process. Prints "== NAME", one JSON object and, where spikes and voltages are
# recorded, their md5 sums. The same in the guest and on the host: check.py
# compares the two, and either with what others recorded.
#
# FOLDER holds this file, lightctl, the folder event-digits and, where
# LIGHTOS_DATA has them, nmnist, loihi and nir.

cd "$1" || exit
mode=${2:-}
out=$(mktemp -d) || exit
trap 'rm -rf "$out"' EXIT

job() {
	echo "== $1"
	shift
	# shellcheck disable=SC2086
	./lightctl snn "$@" $mode --json 2>"$out/errors" || { cat "$out/errors"; exit 1; }
}

# What came out of a recording, bit for bit.
sums() {
	echo "== $1"
	md5sum <"$out/spikes.csv"
	md5sum <"$out/voltages.csv"
}

record() { # NAME ARGUMENTS...
	name=$1
	shift
	job "record $name" record "$@" --spikes "$out/spikes.csv" --voltages "$out/voltages.csv"
	sums "sums $name"
}

job 'event digits' classify --data event-digits --expect event-digits/expected.txt event-digits/fc1.npy event-digits/fc2.npy
record 'event digit' --events event-digits/000.bin --probe 0 --probe 7 event-digits/fc1.npy event-digits/fc2.npy
record 'event digit, exact' --arithmetic exact --tau-syn 5ms --events event-digits/001.bin --probe 0 --probe 7 \
	event-digits/fc1.npy event-digits/fc2.npy
if [ -d nmnist ]; then
	job nmnist classify --data nmnist nmnist/fc1.npy nmnist/fc2.npy
	record 'nmnist 60002' --events nmnist/60002.bs2 --probe 5 --probe 520 nmnist/fc1.npy nmnist/fc2.npy
fi
[ ! -d loihi ] || job loihi compare loihi loihi
[ ! -d nir ] || job nir compare nir nir
