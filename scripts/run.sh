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
#     them, the project's own set otherwise;
#   - classifies handwritten digits by light, on a model of a photonic processor
#     behind the driver, and draws its temperatures to build/thermal.svg. The chip
#     is calibrated first by its measurements: on the same model in a process of
#     the host, as an emulated guest would take the better part of an hour for that.
#     This guest runs in virtual time, so that a busy host is not taken for a
#     driver which is late.
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

# What runs in the guest with the photonic processor.
photonic_job() {
	cat <<SH
echo "digits by light, on a model behind the driver:"
./lightctl photonic power up >/dev/null && ./lightctl photonic calibration load chip.bin || exit
./lightctl photonic digits --arm --data digits.csv --network photonic/digits-network.csv || exit
echo
./lightctl photonic arm -- ./lightctl photonic thermal --seconds 3 --plot thermal.svg || exit
./lightctl photonic power down >/dev/null
echo "== picture thermal.svg"
base64 thermal.svg
echo "== end"
./lightctl photonic status | grep -E '^(guard|shutdowns|jobs)'
SH
}

# Calibrates the model that the guest's module has: the same chip by its seed.
calibrate_chip() {
	say chip "calibrating the model by its measurements (some seconds)"
	"$BUILD/lightctl" photonic calibrate --host -o "$BUILD/chip.bin" | grep -E '^(measured|residual)'
}

pick_recordings
pick_choices
say guest "booting the stock kernel (a few seconds)"
"$LIGHTOS_DIR/scripts/guest.sh" -k stock -p "$BUILD/lightctl" -p "$DATA" -p "$EVENTS" -p "$CHOICES" -- "$(guest_job)" | take_pictures
calibrate_chip
say guest "booting it again, with a model of a photonic processor"
LIGHTOS_CMDLINE="lightos.photonic_models=1" "$LIGHTOS_DIR/scripts/guest.sh" -k stock -v -p "$BUILD/lightctl" \
	-p "$BUILD/chip.bin" -p "$DATA" -- "$(photonic_job)" | take_pictures
