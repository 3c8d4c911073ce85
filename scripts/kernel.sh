#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# kernel.sh stock|test: sets up one of the two kernels in the cache.
#
#   stock  the unmodified Debian kernel: its vmlinuz, and a prepared tree to
#          build modules against. No kernel is compiled; Debian's headers lack
#          the Rust metadata, so `make prepare` makes them from Debian's own
#          source, configuration and compilers.
#   test   the same source with KUnit, KASAN, lockdep and fault injection,
#          built once.
#
# Prints the path of the tree. Both come from one source package.
. "$(dirname "$0")/lib.sh"

# Sets RELEASE (as in uname -r) and VERSION (of the package) to what the suite
# offers now or, once something was set up, to what was taken then.
pick_release() {
	local picked="$LIGHTOS_CACHE/kernel-release"
	if [ ! -s "$picked" ]; then
		say setup "looking for a $KERNEL_SERIES kernel in $ROOT_SUITE-backports"
		root_apt update >/dev/null
		newest_release >"$picked.part" || { rm -f "$picked.part"; no_release; }
		[ -s "$picked.part" ] || no_release
		mv "$picked.part" "$picked"
	fi
	read -r RELEASE VERSION <"$picked"
}

no_release() {
	die "$ROOT_SUITE-backports offers no linux-headers-$KERNEL_SERIES.y package now." \
		"Build against a Rust-enabled $KERNEL_SERIES tree of your own with KDIR=<tree>."
}

newest_release() {
	root_apt_cache madison "^linux-headers-$KERNEL_SERIES\\.[0-9]+\\+deb[0-9]+-amd64\$" |
		tr -d ' ' | sort -t'|' -k2,2V | tail -n 1 |
		awk -F'|' '{ sub("^linux-headers-", "", $1); print $1, $2 }'
}

root_apt() { as_root chroot "$(root_dir)" apt-get -q "$@" </dev/null; }
root_apt_cache() { # madison takes names only: expand the pattern first
	local names
	names=$(as_root chroot "$(root_dir)" apt-cache search --names-only "$2" | cut -d' ' -f1)
	[ -n "$names" ] || return 1
	# shellcheck disable=SC2086
	as_root chroot "$(root_dir)" apt-cache "$1" $names
}

# fetch_deb DIR PACKAGE...: downloads and unpacks packages without installing.
fetch_deb() {
	local dir=$1 deb
	shift
	mkdir -p "$dir"
	(cd "$dir" && in_root apt-get -q download "${@/%/=$VERSION}")
	for deb in "$dir"/*.deb; do
		in_root dpkg-deb -x "$deb" "$dir"
		rm -f "$deb"
	done
}

fetch_source() {
	local src=$1
	rm -rf "$src.part"
	fetch_deb "$src.part/deb" "linux-source-$KERNEL_SERIES"
	tar -C "$src.part" -xJf "$src.part/deb/usr/src/linux-source-$KERNEL_SERIES.tar.xz"
	mv "$src.part/linux-source-$KERNEL_SERIES" "$src"
	rm -rf "$src.part"
}

need_source() {
	SRC="$LIGHTOS_CACHE/linux-$VERSION"
	[ -d "$SRC" ] || locked kernel-source unpack_source
}

unpack_source() {
	[ -d "$SRC" ] && return
	say setup "kernel source $VERSION"
	with_log kernel-source fetch_source "$SRC"
}

GCC="CC=x86_64-linux-gnu-gcc-14 HOSTCC=gcc-14"

prepare_stock() {
	local tree=$1 deb="$1.deb" config
	# An interrupted run left its part behind; make goes on from there.
	rm -rf "$deb"
	mkdir -p "$tree.part"
	fetch_deb "$deb" "linux-headers-$RELEASE" "linux-binary-$RELEASE"
	config="$deb/usr/src/linux-headers-$RELEASE"
	cp "$config/.config" "$tree.part/.config"
	# shellcheck disable=SC2086
	in_root make -C "$SRC" O="$tree.part" $GCC olddefconfig
	# shellcheck disable=SC2086
	in_root make -C "$SRC" O="$tree.part" $GCC KERNELRELEASE="$RELEASE" -j"$(nproc)" prepare modules_prepare
	cp "$config/Module.symvers" "$tree.part/"
	cp "$deb/usr/lib/modules/$RELEASE/vmlinuz" "$tree.part/vmlinuz"
	rm -rf "$deb"
	mv "$tree.part" "$tree"
	# The tree's Makefile names its own folder: write it for the final place.
	# shellcheck disable=SC2086
	in_root make -C "$SRC" O="$tree" $GCC KERNELRELEASE="$RELEASE" outputmakefile
}

need_stock() {
	TREE="$LIGHTOS_CACHE/stock-$VERSION"
	[ -e "$TREE/vmlinuz" ] && return
	need_source
	say setup "stock kernel $RELEASE: fetch the image, prepare the module tree (about 3 minutes, once)"
	with_log kernel-stock prepare_stock "$TREE"
}

build_test() {
	local tree=$1
	mkdir -p "$tree.part"
	in_root make -C "$SRC" O="$tree.part" LLVM=-19 KCONFIG_ALLCONFIG="$LIGHTOS_DIR/scripts/test-kernel.config" allnoconfig
	check_config "$tree.part/.config"
	in_root make -C "$SRC" O="$tree.part" LLVM=-19 -j"$(nproc)" bzImage modules_prepare
	# With no loadable module of its own the kernel writes its symbols here.
	[ -e "$tree.part/Module.symvers" ] || cp "$tree.part/vmlinux.symvers" "$tree.part/Module.symvers"
	cp "$tree.part/arch/x86/boot/bzImage" "$tree.part/vmlinuz"
	mv "$tree.part" "$tree"
	in_root make -C "$SRC" O="$tree" LLVM=-19 outputmakefile
}

# Every line of the fragment must have survived: Kconfig drops silently what
# has an unmet dependency, and a test kernel without KASAN tests little.
check_config() {
	local line
	while read -r line; do
		case $line in
		CONFIG_*=*) grep -qxF "$line" "$1" || die "test kernel: '$line' did not survive Kconfig" ;;
		esac
	done <"$LIGHTOS_DIR/scripts/test-kernel.config"
}

need_test() {
	need_source
	TREE="$LIGHTOS_CACHE/test-$VERSION-$(cat "$LIGHTOS_DIR"/scripts/test-kernel.config | short_hash)"
	[ -e "$TREE/vmlinuz" ] && return
	say setup "test kernel (KUnit, KASAN, lockdep, fault injection): about 10 minutes, once"
	with_log kernel-test build_test "$TREE"
}

main() {
	"$LIGHTOS_DIR"/scripts/root.sh
	locked kernel-release pick_release
	case ${1:-} in
	stock) need_stock ;;
	test) need_test ;;
	*) die "usage: kernel.sh stock|test" ;;
	esac
	say kernel "$1: $RELEASE (package $VERSION)"
	printf '%s\n' "$TREE"
}

locked "kernel-${1:-}" main "$@"
