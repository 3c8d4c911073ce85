#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The inner half of in_root (lib.sh): mounts what the command needs below the
# build root and runs it there. Runs as root in a mount namespace of its own.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

mount -t proc proc "$LIGHTOS_ROOT/proc"
mount --rbind /dev "$LIGHTOS_ROOT/dev"
mount --rbind /sys "$LIGHTOS_ROOT/sys"
mount -t tmpfs -o mode=1777 tmp "$LIGHTOS_ROOT/tmp"
cat /etc/resolv.conf >"$LIGHTOS_ROOT/etc/resolv.conf" 2>/dev/null || true
cat /etc/hosts >"$LIGHTOS_ROOT/etc/hosts" 2>/dev/null || true

IFS=: read -ra binds <<<"$LIGHTOS_BIND"
for path in "${binds[@]}"; do
	[ -n "$path" ] && [ -d "$path" ] || continue
	mkdir -p "$LIGHTOS_ROOT$path"
	mount --rbind "$path" "$LIGHTOS_ROOT$path"
done

# The machine's own certificates: behind a proxy they differ from Debian's.
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
	touch "$LIGHTOS_ROOT/etc/ssl/certs/ca-certificates.crt"
	mount --bind /etc/ssl/certs/ca-certificates.crt "$LIGHTOS_ROOT/etc/ssl/certs/ca-certificates.crt"
fi

exec chroot --userspec="$LIGHTOS_USER" --groups="$LIGHTOS_GROUPS" "$LIGHTOS_ROOT" \
	/usr/bin/env HOME="$LIGHTOS_HOME" USER="$LIGHTOS_USER" LC_ALL=C.UTF-8 \
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	bash -c 'cd "$1" && shift && exec "$@"' in-root "$LIGHTOS_CWD" "$@"
