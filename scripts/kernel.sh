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

# Sets RELEASE (as in uname -r) and VERSION (of the package). What was taken
# once is kept while its tree is there; else it is what the suite offers now.
# KVER asks for a certain release, such as the running one.
pick_release() {
	local picked="$LIGHTOS_CACHE/kernel-release${KVER:+-$KVER}"
	if [ -s "$picked" ]; then
		read -r RELEASE VERSION <"$picked"
		[ ! -e "$LIGHTOS_CACHE/stock-$VERSION/.ready" ] || return 0
	fi
	say setup "looking for kernel ${KVER:-$KERNEL_SERIES} in $ROOT_SUITE-backports"
	in_root_as_root apt-get -q update >"$LIGHTOS_CACHE/log/apt-update.log" 2>&1 ||
		{ tail -n 5 "$LIGHTOS_CACHE/log/apt-update.log" >&2; die "apt-get update failed in the build root: is Debian's archive reachable?"; }
	newest_release >"$picked.part"
	[ -s "$picked.part" ] || no_release
	mv "$picked.part" "$picked"
	read -r RELEASE VERSION <"$picked"
}

no_release() {
	die "$ROOT_SUITE-backports offers no linux-headers-${KVER:-$KERNEL_SERIES.y} package now." \
		"Build against a Rust-enabled $KERNEL_SERIES tree of your own with KDIR=<tree>."
}

# "RELEASE VERSION" of the newest headers package, or of those for KVER.
newest_release() {
	local pattern names
	pattern="^linux-headers-$KERNEL_SERIES\\.[0-9]+\\+deb[0-9]+-amd64\$"
	names=$(in_root apt-cache search --names-only "$pattern" | cut -d' ' -f1)
	[ -z "${KVER:-}" ] || names=$(grep -xF "linux-headers-$KVER" <<<"$names" || true)
	[ -n "$names" ] || return 0
	# shellcheck disable=SC2086
	in_root apt-cache madison $names | tr -d ' ' | sort -t'|' -k2,2V | tail -n 1 |
		awk -F'|' '{ sub("^linux-headers-", "", $1); print $1, $2 }'
}

# fetch_deb DIR PACKAGE...: downloads and unpacks packages without installing.
fetch_deb() {
	local dir=$1 deb
	shift
	mkdir -p "$dir"
	(cd "$dir" && in_root apt-get -q download "${@/%/=$VERSION}") ||
		die "the archive no longer offers $VERSION of $*: run make again to take the present one;" \
			"if it says the same, remove $LIGHTOS_CACHE/kernel-release${KVER:+-$KVER}"
	for deb in "$dir"/*.deb; do
		in_root dpkg-deb -x "$deb" "$dir"
		rm -f "$deb"
	done
}

fetch_source() {
	local src=$1
	rm -rf "$src.part"
	fetch_deb "$src.part/deb" "linux-source-$KERNEL_SERIES"
	in_root tar -C "$src.part" -xJf "$src.part/deb/usr/src/linux-source-$KERNEL_SERIES.tar.xz"
	mv "$src.part/linux-source-$KERNEL_SERIES" "$src"
	rm -rf "$src.part"
}

need_source() {
	SRC="$LIGHTOS_CACHE/linux-$VERSION"
	[ -d "$SRC" ] || locked kernel-source unpack_source
}

unpack_source() {
	[ ! -d "$SRC" ] || return 0
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
	rm -rf "$deb" "$tree"
	mv "$tree.part" "$tree"
	# The tree's Makefile names its own folder: write it for the final place.
	# shellcheck disable=SC2086
	in_root make -C "$SRC" O="$tree" $GCC KERNELRELEASE="$RELEASE" outputmakefile
	touch "$tree/.ready"
}

need_stock() {
	TREE="$LIGHTOS_CACHE/stock-$VERSION"
	[ ! -e "$TREE/.ready" ] || return 0
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
	rm -rf "$tree"
	mv "$tree.part" "$tree"
	in_root make -C "$SRC" O="$tree" LLVM=-19 outputmakefile
	touch "$tree/.ready"
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
	[ ! -e "$TREE/.ready" ] || return 0
	say setup "test kernel (KUnit, KASAN, lockdep, fault injection): about 10 minutes, once"
	with_log kernel-test build_test "$TREE"
}

KIND=${1:-}

main() {
	"$LIGHTOS_DIR"/scripts/root.sh
	# The test kernel is ours to choose, and so is that of the guests.
	[ "$KIND" = stock ] || KVER=
	locked kernel-release pick_release
	case $KIND in
	stock) need_stock ;;
	test) need_test ;;
	*) die "usage: kernel.sh stock|test" ;;
	esac
	say kernel "$KIND: $RELEASE (package $VERSION)"
	printf '%s\n' "$TREE"
}

locked "kernel-$KIND" main
