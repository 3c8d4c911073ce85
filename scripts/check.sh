#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# check.sh: formatting and lints, for the module with the kernel's own rules
# and for the userspace workspace, plus shellcheck where it is installed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/rust.sh"

failed=0
step() { # NAME COMMAND...
	local name=$1 status
	shift
	# Not within the `if`: bash ignores `set -e` there.
	set +e
	(set -e && "$@") >"$LIGHTOS_CACHE/log/check.log" 2>&1
	status=$?
	set -e
	if [ "$status" = 0 ]; then
		say ok "$name"
	else
		say FAILED "$name"
		tail -n 60 "$LIGHTOS_CACHE/log/check.log" >&2
		failed=$((failed + 1))
	fi
}

kernel_rust() { find "$LIGHTOS_DIR"/{lightos_core.rs,rust,spiking,moe,photonic,uapi} -name '*.rs' 2>/dev/null; }

kernel_clippy() {
	local tree release out="$LIGHTOS_DIR/build/clippy"
	tree=$("$LIGHTOS_DIR/scripts/kernel.sh" stock 2>/dev/null)
	release=$(cat "$tree/include/config/kernel.release")
	rm -rf "$out"
	mkdir -p "$out"
	in_root make -C "$tree" M="$LIGHTOS_DIR" MO="$out" CONFIG_LIGHTOS=m CLIPPY=1 \
		CC=x86_64-linux-gnu-gcc-14 HOSTCC=gcc-14 KERNELRELEASE="$release" modules 2>&1 | tee "$out.log"
	! grep -qE '^(warning|error)' "$out.log"
}

mkdir -p "$LIGHTOS_CACHE/log"
"$LIGHTOS_DIR/scripts/root.sh"
need_toolchain
# shellcheck disable=SC2046
step "rustfmt (module)" in_root rustfmt --check --edition 2021 --config skip_children=true $(kernel_rust)
step "clippy (module, the kernel's lints)" kernel_clippy
step "photonic driver does not name the model" "$LIGHTOS_DIR/scripts/driver-without-model.sh"
step "rustfmt (userspace)" run_cargo cargo fmt --all --check
step "clippy (userspace)" run_cargo cargo clippy --locked --all-targets --quiet -- -D warnings
if command -v shellcheck >/dev/null; then
	step "shellcheck" shellcheck -x -e SC1091 "$LIGHTOS_DIR"/scripts/*.sh
fi
[ "$failed" = 0 ] || die "$failed checks failed"
