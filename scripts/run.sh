#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh: the main job. Boots the unmodified stock Debian kernel, loads the
# module with modprobe and, in the kernel,
#
#   - classifies handwritten digits with the engine of v0.2.0;
#   - classifies recordings of an event camera with a spiking network: N-MNIST
#     where LIGHTOS_DATA has it, the project's own recordings otherwise. One of
#     them is drawn, with the network's spikes, to build/raster.png and .svg;
#   - routes recorded choices of a mixture of experts through a gate and evens out
#     the load of the experts: recordings of a real model where LIGHTOS_DATA has
#     them, the project's own set otherwise.
. "$(dirname "$0")/lib.sh"

DATA="$LIGHTOS_DIR/tests/data"
BUILD="$LIGHTOS_DIR/build"

# Sets EVENTS (a folder of recordings, labels and weights), CHECK (options that
# hold the results to what is expected) and DRAWN (a recording).
pick_recordings() {
	if [ -n "$LIGHTOS_DATA" ] && [ -d "$LIGHTOS_DATA/nmnist" ]; then
		EVENTS=$LIGHTOS_DATA/nmnist CHECK='' DRAWN=60003.bs2
		say data "N-MNIST, from LIGHTOS_DATA"
	else
		EVENTS=$DATA/event-digits CHECK='--expect expected.txt' DRAWN=003.bin
		say data "the project's own recordings (LIGHTOS_DATA names no folder with nmnist)"
	fi
}

# Sets CHOICES (a file of recorded choices of experts).
pick_choices() {
	CHOICES=$DATA/moe-choices.csv
	if [ -n "$LIGHTOS_DATA" ] && [ -e "$LIGHTOS_DATA/esft/intent_13.txt.xz" ]; then
		CHOICES=$LIGHTOS_DATA/esft/intent_13.txt.xz
		say data "choices of experts of a real model, from LIGHTOS_DATA"
	fi
}

# What runs in the guest. Pictures come out as text, as a guest has no other way.
guest_job() {
	cat <<SH
echo "kernel: \$(uname -sr), \$(uname -v)"
./lightctl digits --data digits.csv --weights digits-weights.csv --expect digits-expected.csv || exit
echo
echo "event-camera digits, by a network in the kernel:"
./lightctl snn classify --data . $CHECK --least 90 fc1.npy fc2.npy 2>errors || { cat errors; exit 1; }
./lightctl snn raster --events $DRAWN -o raster.png -o raster.svg fc1.npy fc2.npy >/dev/null 2>errors ||
	{ cat errors; exit 1; }
for picture in raster.png raster.svg; do
	echo "== picture \$picture"
	base64 \$picture
	echo "== end"
done
echo
echo "choices of experts, through a gate in the kernel:"
./lightctl moe balance $(basename "$CHOICES") --compare --at-most 0.5 2>errors ||
	{ cat errors; exit 1; }
echo
echo "dmesg:"
dmesg | grep -i "lightos"
SH
}

# Takes the pictures out of what the guest prints and shows the rest.
take_pictures() {
	local line picture=''
	while IFS= read -r line; do
		line=${line%$'\r'}
		case $line in
		'== picture '*) picture=$BUILD/${line#== picture }; : >"$picture.base64" ;;
		'== end')
			base64 -d "$picture.base64" >"$picture"
			rm -f "$picture.base64"
			printf 'drawn                %s\n' "${picture#"$LIGHTOS_DIR"/}"
			picture=''
			;;
		*) if [ -n "$picture" ]; then printf '%s\n' "$line" >>"$picture.base64"; else printf '%s\n' "$line"; fi ;;
		esac
	done
}

pick_recordings
pick_choices
say guest "booting the stock kernel (a few seconds)"
"$LIGHTOS_DIR/scripts/guest.sh" -k stock -p "$BUILD/lightctl" -p "$DATA" -p "$EVENTS" -p "$CHOICES" -- "$(guest_job)" | take_pictures
