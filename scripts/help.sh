#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# help.sh MAKEFILE: the targets with a line each, and what the project offers.
set -euo pipefail

echo "LightOS: a kernel engine for sparse, event-driven and photonic AI"
echo
echo "Targets:"
sed -n 's/^\([a-z-]*\):.*## \(.*\)$/  \1|\2/p' "$1" | while IFS='|' read -r name text; do
	printf '  %-12s %s\n' "${name#  }" "$text"
done
cat <<'TEXT'

Variables: KDIR=<Rust-enabled 7.3 tree>  KERNEL=stock|test  CMD='…'  PUT='file …'
           LIGHTOS_DATA=<folder of recordings>  LIGHTOS_CACHE=<cache folder>  V=1

What works today:
  spiking     leaky integrate-and-fire engine in the kernel, 65,536 neurons,
              exact exponential leak, events in time order, three encodings
  networks    one an open file: Loihi's integer rules or exact neurons, synapses
              with delays, rings, encoders and decoders, runs in real time
  gates       mixture-of-experts routing for up to 1,024 experts in 256 layers:
              capacity, balancing, placement; named gates that processes share
  light       photonic processors over a register map: thermal guard at 1 kHz, power
              and laser interlock, calibrated meshes; a model of a chip
  ABI         the v0.2.0 ioctls bit for bit, 64-bit and 32-bit programs;
              extended calls: query, counters, reset, profiles, networks, gates,
              processors of light
  tools       lightctl (snn: NIR graphs, weights, recordings; moe: gates;
              photonic),
              the client library crate `lightos`
  kernels     Debian's stock 7.3 kernel, unmodified; a KASAN/lockdep test kernel
TEXT
