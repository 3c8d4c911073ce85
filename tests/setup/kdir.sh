#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# `make drivers KDIR=`: a tree that serves, and what is said about one that
# does not.
. "$(dirname "$0")/../../scripts/lib.sh"
. "$(dirname "$0")/ktap.sh"

TREE=$("$LIGHTOS_DIR/scripts/kernel.sh" stock 2>/dev/null)
mkdir -p "$LIGHTOS_DIR/build"

drivers() { make -C "$LIGHTOS_DIR" -s drivers KDIR="$1" LIGHTOS_OUT="$WORK/built"; }

fake_tree() { # NAME CONFIG-LINES
	mkdir -p "$WORK/$1/rust"
	printf '%b' "$2" >"$WORK/$1/.config"
}

test_missing_folder() {
	expect_status 2 drivers "$WORK/none"
	expect_text 'is no folder'
}

test_unconfigured_tree() {
	mkdir "$WORK/bare"
	expect_status 2 drivers "$WORK/bare"
	expect_text 'holds no .config'
}

test_tree_without_rust() {
	fake_tree norust '# CONFIG_RUST is not set\n'
	expect_status 2 drivers "$WORK/norust"
	expect_text 'built without Rust'
}

test_headers_without_metadata() {
	fake_tree nometa 'CONFIG_RUST=y\n'
	expect_status 2 drivers "$WORK/nometa"
	expect_text 'lacks the Rust metadata'
}

test_other_compiler() {
	fake_tree other 'CONFIG_RUST=y\nCONFIG_RUSTC_VERSION_TEXT="rustc 1.0.0 (of another world)"\n'
	touch "$WORK/other/rust/libkernel.rmeta"
	expect_status 2 env RUSTC="$WORK/rustc" make -C "$LIGHTOS_DIR" -s drivers KDIR="$WORK/other"
	expect_text 'is not installed'
	printf '#!/bin/sh\necho rustc 1.1.1\n' >"$WORK/rustc"
	chmod +x "$WORK/rustc"
	expect_status 2 env RUSTC="$WORK/rustc" make -C "$LIGHTOS_DIR" -s drivers KDIR="$WORK/other"
	expect_text "was built with 'rustc 1.0.0 \(of another world\)', this is 'rustc 1.1.1'"
}

# On a Debian 13 host with the right packages, such as the build root is.
test_prepared_tree_builds() {
	expect_status 0 in_root env KDIR="$TREE" LIGHTOS_OUT="$WORK/built" bash "$LIGHTOS_DIR/scripts/module.sh" stock
	cmp <(tr '\0' '\n' <"$WORK/built/lightos.ko" | grep '^vermagic=') \
		<(tr '\0' '\n' <"$LIGHTOS_DIR/build/stock/lightos.ko" | grep '^vermagic=')
}

# `make clean` removes build/ and nothing else.
test_clean_leaves_cargo_and_cache_alone() {
	local copy="$WORK/copy"
	mkdir -p "$copy/userspace/target" "$copy/build"
	cp "$LIGHTOS_DIR/Makefile" "$copy/"
	touch "$copy/userspace/target/"{kept.o,kept.a,kept.ko} "$copy/build/gone.o"
	expect_status 0 make -C "$copy" -s clean
	[ ! -e "$copy/build" ] && [ "$(find "$copy/userspace/target" -type f | wc -l)" = 3 ]
}

test_help_lists_every_target() {
	local target
	expect_status 0 make -C "$LIGHTOS_DIR" -s help
	for target in help all kernel drivers userspace run test test-long bench guest shell install uninstall clean check; do
		expect_text "^  $target +[A-Z]"
	done
}

run_cases
