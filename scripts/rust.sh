# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The userspace compiler: finds or obtains the pinned Rust version and runs
# cargo with it inside the build root, whose linker and C library then serve
# every host alike. Sourced after lib.sh.
#
# Looked for in this order: the machine's own rustup, with that version
# installed; the same rustup, asked to install it; Debian's rustup, unpacked
# into the cache.

HOST_TARGET=x86_64-unknown-linux-gnu

need_toolchain() {
	local home
	for home in "${RUSTUP_HOME:-$HOME/.rustup}" "$LIGHTOS_CACHE/rustup"; do
		TOOLCHAIN="$home/toolchains/$RUST_VERSION-$HOST_TARGET"
		if [ -x "$TOOLCHAIN/bin/cargo" ]; then
			RUSTUP_HOME=$home
			return
		fi
	done
	say setup "Rust $RUST_VERSION for the userspace workspace"
	if command -v rustup >/dev/null; then
		RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
		with_log rust-toolchain rustup toolchain install "$RUST_VERSION" \
			--profile minimal --component clippy,rustfmt --no-self-update
	else
		RUSTUP_HOME=$LIGHTOS_CACHE/rustup
		with_log rust-toolchain debian_rustup
	fi
	TOOLCHAIN="$RUSTUP_HOME/toolchains/$RUST_VERSION-$HOST_TARGET"
	[ -x "$TOOLCHAIN/bin/cargo" ] ||
		die "Rust $RUST_VERSION could not be set up. Install it with rustup ('rustup toolchain install $RUST_VERSION') and try again."
}

# The package conflicts with the kernel's compiler, so it is only unpacked.
debian_rustup() {
	local dir="$LIGHTOS_CACHE/rustup-package"
	mkdir -p "$dir" "$RUSTUP_HOME"
	(
		cd "$dir"
		in_root_as_root apt-get -q update
		in_root apt-get -q download rustup
		in_root dpkg-deb -x rustup_*.deb .
	)
	in_root env RUSTUP_HOME="$RUSTUP_HOME" CARGO_HOME="$(cargo_home)" "$dir/usr/bin/rustup" \
		toolchain install "$RUST_VERSION" --profile minimal --component clippy,rustfmt --no-self-update
}

# The machine's own cargo folder, which may name a mirror; else one in the cache.
cargo_home() {
	local own=${CARGO_HOME:-$HOME/.cargo}
	if [ -d "$own" ]; then printf '%s' "$own"; else
		mkdir -p "$LIGHTOS_CACHE/cargo"
		printf '%s' "$LIGHTOS_CACHE/cargo"
	fi
}

# run_cargo [VAR=value...] cargo ARGS...: in the userspace workspace.
run_cargo() {
	need_toolchain
	(
		cd "$LIGHTOS_DIR/userspace"
		in_root env RUSTUP_HOME="$RUSTUP_HOME" CARGO_HOME="$(cargo_home)" \
			CARGO_TARGET_DIR="$CARGO_TARGET_DIR" \
			PATH="$TOOLCHAIN/bin:/usr/bin:/bin" "$@"
	)
}
