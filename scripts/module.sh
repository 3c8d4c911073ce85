#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# module.sh stock|test: builds lightos.ko into build/stock or build/test. With
# KDIR set, "stock" builds against that tree, on this host and with its
# compilers, into build/kdir.
. "$(dirname "$0")/lib.sh"

KIND=${1:-stock}
[ "$KIND" != stock ] || [ -z "$KDIR" ] || KIND=kdir
OUT=${LIGHTOS_OUT:-$LIGHTOS_DIR/build/$KIND}

# make prints a lot around an error; keep its output quiet unless asked.
quiet_make() {
	local log="$OUT.log"
	mkdir -p "$OUT"
	if [ -n "${V:-}" ]; then
		"$@"
	elif ! "$@" >"$log" 2>&1; then
		grep -vE '^make(\[[0-9]+\])?: (Entering|Leaving)' "$log" >&2
		die "the module did not build; the whole log is in ${log#"$LIGHTOS_DIR"/}"
	else
		# Warnings are news too.
		grep -A12 -E '^(warning|error)' "$log" >&2 || true
	fi
}

kbuild() { # TREE ARGS...
	local tree=$1
	shift
	quiet_make "${IN[@]}" make -C "$tree" M="$LIGHTOS_DIR" MO="$OUT" CONFIG_LIGHTOS=m "$@" modules
}

build_stock() {
	local tree release
	tree=$("$LIGHTOS_DIR/scripts/kernel.sh" stock)
	release=$(cat "$tree/include/config/kernel.release")
	IN=(in_root)
	kbuild "$tree" CC=x86_64-linux-gnu-gcc-14 HOSTCC=gcc-14 KERNELRELEASE="$release" ${LIGHTOS_FAULTS:+LIGHTOS_FAULTS=y}
}

build_test() {
	local tree
	tree=$("$LIGHTOS_DIR/scripts/kernel.sh" test)
	IN=(in_root)
	kbuild "$tree" LLVM=-19 LIGHTOS_KUNIT=y LIGHTOS_FAULTS=y
}

# What a tree must have for a Rust module, each with what to do about it.
check_kdir() {
	local config
	[ -d "$KDIR" ] || die "KDIR=$KDIR is no folder"
	config="$KDIR/.config"
	[ -e "$config" ] || die "KDIR=$KDIR holds no .config: configure and prepare that kernel first"
	case $(cat "$KDIR/include/config/kernel.release" 2>/dev/null) in
	"" | "$KERNEL_SERIES".*) ;;
	*) die "the kernel in $KDIR is $(cat "$KDIR/include/config/kernel.release"); this tree is written for $KERNEL_SERIES" ;;
	esac
	grep -qx 'CONFIG_RUST=y' "$config" ||
		die "the kernel in $KDIR is built without Rust (CONFIG_RUST is not set in its .config)"
	[ -e "$KDIR/rust/libkernel.rmeta" ] ||
		die "$KDIR lacks the Rust metadata (rust/libkernel.rmeta), as Debian's header packages do." \
			"Run 'make prepare' in a full source tree, or leave KDIR unset to have a tree made."
	check_rustc "$config"
}

check_rustc() {
	local want have rustc=${RUSTC:-rustc}
	want=$(sed -n 's/^CONFIG_RUSTC_VERSION_TEXT="\(.*\)"$/\1/p' "$1")
	command -v "$rustc" >/dev/null || die "$rustc is not installed; the kernel was built with '$want'"
	have=$("$rustc" --version)
	[ -z "$want" ] || [ "$want" = "$have" ] ||
		die "the kernel in $KDIR was built with '$want', this is '$have'." \
			"A Rust module needs the very same compiler: set RUSTC=<path to it>."
}

build_kdir() {
	check_kdir
	IN=()
	kbuild "$KDIR" ${RUSTC:+RUSTC="$RUSTC"} ${LLVM:+LLVM="$LLVM"}
}

case $KIND in
stock | test | kdir) locked "build-$(short_hash <<<"$OUT")" "build_$KIND" ;;
*) die "usage: module.sh stock|test" ;;
esac
say module "${OUT#"$LIGHTOS_DIR"/}/lightos.ko for kernel $(tr '\0' '\n' <"$OUT/lightos.ko" | sed -n 's/^vermagic=\([^ ]*\) .*/\1/p')"
