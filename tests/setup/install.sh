#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# `make install` and `make uninstall` below a folder of the test's own: what
# lands where, what is undone, and that a module of one kernel never reaches
# another.
. "$(dirname "$0")/../../scripts/lib.sh"
. "$(dirname "$0")/ktap.sh"

RELEASE=$(tr '\0' '\n' <"$LIGHTOS_DIR/build/stock/lightos.ko" | sed -n 's/^vermagic=\([^ ]*\) .*/\1/p')

install_to() { make -C "$LIGHTOS_DIR" -s install DESTDIR="$1" KVER="$2" SIGN_KEY=/nonexistent; }

test_files_land_where_they_belong() {
	local file
	expect_status 0 install_to "$WORK/a" "$RELEASE"
	for file in "lib/modules/$RELEASE/updates/lightos.ko" usr/include/lightos.h \
		usr/lib/udev/rules.d/60-lightos.rules usr/lib/sysusers.d/lightos.conf \
		etc/kernel/postinst.d/zz-lightos; do
		[ -e "$WORK/a/$file" ] || { echo "# no $file"; return 1; }
	done
	grep -q '^updates/lightos.ko:' "$WORK/a/lib/modules/$RELEASE/modules.dep"
	grep -q 'GROUP="lightos", MODE="0660"' "$WORK/a/usr/lib/udev/rules.d/60-lightos.rules"
}

test_modinfo_shows_a_version() {
	expect_status 0 in_root modinfo "$LIGHTOS_DIR/build/stock/lightos.ko"
	expect_text '^version: +[0-9]+\.[0-9]+\.[0-9]+$'
	expect_text '^license: +GPL$'
	expect_text "^vermagic: +$(sed 's/[+.]/\\&/g' <<<"$RELEASE") "
}

test_header_compiles_alone() {
	expect_status 0 install_to "$WORK/h" "$RELEASE"
	printf '#include <lightos.h>\nint main(void) { return sizeof(struct lightos_query) != 56; }\n' >"$WORK/h.c"
	expect_status 0 in_root gcc -std=c99 -pedantic -Wall -Wextra -Werror -I"$WORK/h/usr/include" -o "$WORK/h.out" "$WORK/h.c"
	expect_status 0 in_root "$WORK/h.out"
}

test_module_of_another_kernel_is_refused() {
	expect_status 2 install_to "$WORK/b" 9.9.9-other
	expect_text "was built for kernel $(sed 's/[+.]/\\&/g' <<<"$RELEASE"), not for 9.9.9-other"
	[ ! -e "$WORK/b" ]
}

test_kernel_update_is_announced() {
	local hook="$WORK/c/etc/kernel/postinst.d/zz-lightos"
	expect_status 0 install_to "$WORK/c" "$RELEASE"
	expect_status 0 "$hook" 9.9.9-other
	expect_text 'kernel 9.9.9-other has no lightos module yet'
}

test_uninstall_undoes_install() {
	expect_status 0 install_to "$WORK/d" "$RELEASE"
	expect_status 0 make -C "$LIGHTOS_DIR" -s uninstall DESTDIR="$WORK/d"
	find "$WORK/d" -type f -not -path '*/modules.*' | sed 's/^/# left: /' | tee "$WORK/left"
	[ ! -s "$WORK/left" ]
	! grep -q lightos "$WORK/d/lib/modules/$RELEASE/modules.dep"
}

# With a key at hand the module is signed by it.
test_module_is_signed_where_there_is_a_key() {
	expect_status 0 in_root openssl req -new -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=lightos-test/ \
		-outform DER -out "$WORK/key.der" -keyout "$WORK/key.pem"
	expect_status 0 make -C "$LIGHTOS_DIR" -s install DESTDIR="$WORK/s" KVER="$RELEASE" \
		SIGN_KEY="$WORK/key.pem" SIGN_CERT="$WORK/key.der"
	expect_status 0 in_root modinfo "$WORK/s/lib/modules/$RELEASE/updates/lightos.ko"
	expect_text '^signer: +lightos-test$'
}

# A kernel that enforces signatures refuses an unsigned module with a clear error.
test_enforcing_kernel_refuses_unsigned_module() {
	expect_status 0 env LIGHTOS_CMDLINE=module.sig_enforce=1 "$LIGHTOS_DIR/scripts/guest.sh" -n -- \
		'modprobe lightos 2>&1 && exit 1; dmesg | grep -i "module"; exit 0'
	expect_text 'Key was rejected|Required key not available|Loading of unsigned module is rejected'
}

run_cases
