#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# userspace.sh: builds the userspace tools as static programs, which run in
# any guest and on any host, into build/.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/rust.sh"

main() {
	"$LIGHTOS_DIR/scripts/root.sh"
	need_toolchain
	run_cargo RUSTFLAGS="-C target-feature=+crt-static" \
		cargo build --locked --release $([ -n "${V:-}" ] || echo --quiet) --target "$HOST_TARGET" -p lightctl
	install -D -m 755 "$CARGO_TARGET_DIR/$HOST_TARGET/release/lightctl" "$LIGHTOS_DIR/build/lightctl"
	say tools "build/lightctl (Rust $RUST_VERSION)"
}

main
