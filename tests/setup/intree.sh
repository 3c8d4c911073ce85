#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The folder placed under drivers/ of a kernel tree: Kconfig offers it, and
# Kbuild builds it as a module and into the kernel. Takes minutes: another
# configuration makes the kernel's Rust crates anew.
. "$(dirname "$0")/../../scripts/lib.sh"
. "$(dirname "$0")/ktap.sh"

"$LIGHTOS_DIR/scripts/kernel.sh" stock >/dev/null 2>&1
read -r _ VERSION <"$LIGHTOS_CACHE/kernel-release"
SRC="$WORK/linux" OBJ="$WORK/obj"

in_tree_make() {
	in_root make -C "$SRC" O="$OBJ" CC=x86_64-linux-gnu-gcc-14 HOSTCC=gcc-14 -j"$(nproc)" "$@"
}

# A copy of the tree by hard links; the files that change are copied first.
place_in_tree() {
	local file
	cp -al "$LIGHTOS_CACHE/linux-$VERSION" "$SRC"
	for file in drivers/Kconfig drivers/Makefile; do
		cp "$SRC/$file" "$WORK/file"
		mv -f "$WORK/file" "$SRC/$file"
	done
	mkdir "$SRC/drivers/lightos"
	cp -r "$LIGHTOS_DIR"/{Kbuild,Kconfig,lightos_core.rs,rust,spiking,uapi} "$SRC/drivers/lightos/"
	sed -i 's|^endmenu|source "drivers/lightos/Kconfig"\nendmenu|' "$SRC/drivers/Kconfig"
	echo 'obj-y += lightos/' >>"$SRC/drivers/Makefile"
}

build_as() { # m|y
	echo "CONFIG_LIGHTOS=$1" >>"$OBJ/.config"
	in_tree_make olddefconfig prepare modules_prepare >"$WORK/log" 2>&1 &&
		in_tree_make drivers/lightos/ >>"$WORK/log" 2>&1 || {
		tail -n 20 "$WORK/log" | sed 's/^/# /'
		return 1
	}
	grep -qx "CONFIG_LIGHTOS=$1" "$OBJ/.config"
	[ -e "$OBJ/drivers/lightos/lightos_core.o" ]
}

test_1_as_a_module() {
	place_in_tree
	mkdir "$OBJ"
	cp "$LIGHTOS_CACHE/stock-$VERSION/.config" "$OBJ/.config"
	build_as m
	grep -aq 'version=' "$OBJ/drivers/lightos/lightos_core.o"
}

test_2_into_the_kernel() {
	rm -f "$OBJ"/drivers/lightos/*.o "$OBJ"/drivers/lightos/built-in.a
	sed -i '/CONFIG_LIGHTOS=/d' "$OBJ/.config"
	build_as y
	grep -aq 'lightos.version=' "$OBJ/drivers/lightos/lightos_core.o"
}

run_cases
