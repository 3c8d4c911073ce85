#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# install.sh install|module|uninstall: puts the module and what goes with it
# into the system, or takes all of it out again.
#
#   DESTDIR  install below this folder instead of / (default: empty)
#   KVER     the kernel release to install for (default: the running one)
#   MODULE   the module (default: build/stock/lightos.ko, with KDIR
#            build/kdir/lightos.ko)
#   SIGN_KEY, SIGN_CERT   key and certificate for signing, PEM and DER
#            (default: the Machine Owner Key of DKMS, where there is one)
#   KDIR     the kernel tree that has scripts/sign-file
. "$(dirname "$0")/lib.sh"

MODULE=${MODULE:-$LIGHTOS_DIR/build/$([ -n "$KDIR" ] && echo kdir || echo stock)/lightos.ko}
KVER=${KVER:-$(uname -r)}
SIGN_KEY=$(full_path "${SIGN_KEY:-/var/lib/dkms/mok.key}")
SIGN_CERT=$(full_path "${SIGN_CERT:-/var/lib/dkms/mok.pub}")

# Into a folder of the user's no root is needed; into the system it is.
place() { if [ -n "$DESTDIR" ]; then "$@"; else as_root "$@"; fi; }

# depmod of the host where it has one; below a folder, that of the build root
# serves as well.
depmod_tool() {
	if command -v depmod >/dev/null; then
		place depmod "$@"
	elif [ -n "$DESTDIR" ]; then
		in_root depmod "$@"
	else
		die "depmod is not installed: apt-get install kmod"
	fi
}

# The release in the module's vermagic. Read from the file itself: modinfo
# looks names up in /lib/modules first.
module_release() {
	tr '\0' '\n' <"$MODULE" | sed -n 's/^vermagic=\([^ ]*\) .*/\1/p' | head -n 1
}

check_release() {
	local built
	[ -e "$MODULE" ] || die "there is no $MODULE: run 'make drivers' first"
	built=$(module_release)
	[ "$built" = "$KVER" ] || die "the module was built for kernel $built, not for $KVER." \
		"A module fits one kernel only. For one of Debian's kernels: 'make drivers KVER=$KVER', then install again;" \
		"for one of your own: 'make drivers install KDIR=<its tree>'."
}

signing_required() {
	[ -z "$DESTDIR" ] || return 1
	grep -qs '^CONFIG_MODULE_SIG_FORCE=y' "/boot/config-$KVER" ||
		grep -qsx Y /sys/module/module/parameters/sig_enforce ||
		grep -qsE '\[(integrity|confidentiality)\]' /sys/kernel/security/lockdown
}

sign() {
	local file=$1 sign_file
	# DKMS keeps its key readable for root alone.
	if ! place test -r "$SIGN_KEY" || ! place test -r "$SIGN_CERT"; then
		signing_required || return 0
		die "this kernel loads signed modules only (Secure Boot), and there is no key." \
			"Documentation/building.rst, 'Secure Boot', says how to make and enrol one."
	fi
	sign_file=$(find_sign_file) || die "scripts/sign-file is in no kernel tree known here: set KDIR"
	say sign "with $SIGN_CERT"
	sign_with "$sign_file" "$file"
}

find_sign_file() {
	local tree
	for tree in "$KDIR" "/lib/modules/$KVER/build" "$LIGHTOS_CACHE"/stock-*; do
		[ -n "$tree" ] && [ -x "$tree/scripts/sign-file" ] && printf '%s' "$tree/scripts/sign-file" && return
	done
	return 1
}

# sign-file of the prepared tree needs the libraries of the build root.
sign_with() {
	case $1 in
	"$LIGHTOS_CACHE"/*)
		LIGHTOS_EXTRA_BIND="$(dirname "$SIGN_KEY"):$(dirname "$SIGN_CERT"):$(dirname "$2")" \
			in_root_as_root "$1" sha512 "$SIGN_KEY" "$SIGN_CERT" "$2"
		;;
	*) place "$1" sha512 "$SIGN_KEY" "$SIGN_CERT" "$2" ;;
	esac
}

install_module() {
	local stage
	check_release
	stage=$(mktemp -d)
	cp "$MODULE" "$stage/lightos.ko"
	sign "$stage/lightos.ko"
	place install -D -m 644 "$stage/lightos.ko" "$DESTDIR/lib/modules/$KVER/updates/lightos.ko"
	rm -rf "$stage"
	run_depmod "$KVER"
}

run_depmod() {
	local dir="$DESTDIR/lib/modules/$1" list
	# A staging tree has no kernel in it; depmod warns about the lists it misses.
	if [ -n "$DESTDIR" ]; then
		for list in modules.order modules.builtin modules.builtin.modinfo; do
			[ -e "$dir/$list" ] || : >"$dir/$list"
		done
		depmod_tool -b "$DESTDIR" "$1"
	else
		depmod_tool "$1"
	fi
}

install_all() {
	install_module
	place install -D -m 644 "$LIGHTOS_DIR/uapi/lightos.h" "$DESTDIR/usr/include/lightos.h"
	place install -D -m 644 "$LIGHTOS_DIR/scripts/system/60-lightos.rules" "$DESTDIR/usr/lib/udev/rules.d/60-lightos.rules"
	place install -D -m 644 "$LIGHTOS_DIR/scripts/system/lightos.sysusers" "$DESTDIR/usr/lib/sysusers.d/lightos.conf"
	place install -D -m 755 "$LIGHTOS_DIR/scripts/system/kernel-postinst" "$DESTDIR/etc/kernel/postinst.d/zz-lightos"
	if [ -z "$DESTDIR" ]; then
		getent group lightos >/dev/null || as_root groupadd --system lightos
		as_root udevadm control --reload 2>/dev/null || true
	fi
	say install "lightos for kernel $KVER. Load it with: modprobe lightos"
	[ -n "$DESTDIR" ] || say install "Users of /dev/lightos belong to group lightos: adduser NAME lightos"
}

uninstall_all() {
	local module release
	for module in "$DESTDIR"/lib/modules/*/updates/lightos.ko; do
		[ -e "$module" ] || continue
		release=$(basename "$(dirname "$(dirname "$module")")")
		place rm -f "$module"
		place rmdir --ignore-fail-on-non-empty "$(dirname "$module")"
		run_depmod "$release"
	done
	place rm -f "$DESTDIR/usr/include/lightos.h" "$DESTDIR/usr/lib/udev/rules.d/60-lightos.rules" \
		"$DESTDIR/usr/lib/sysusers.d/lightos.conf" "$DESTDIR/etc/kernel/postinst.d/zz-lightos"
	say remove "lightos. The group lightos stays; a loaded module stays until 'modprobe -r lightos'"
}

case ${1:-} in
install) install_all ;;
module) install_module ;;
uninstall) uninstall_all ;;
*) die "usage: install.sh install|module|uninstall" ;;
esac
