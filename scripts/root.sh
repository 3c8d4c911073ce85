#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Makes the build root: a Debian 13 tree in the cache that holds the compiler
# of the stock kernel and everything else that building and booting needs, so
# that the host needs nothing but apt, Debian's keyring and mmdebstrap. Debian's archive and keyring are
# the ones that the machine's own apt uses.
. "$(dirname "$0")/lib.sh"

packages() { sed 's/#.*//' "$LIGHTOS_DIR/scripts/root.packages" | tr -s ' \t\n' ,; }

# The address of Debian's archive, as the machine's apt knows it: where a main
# component comes from that calls itself Debian. The security archive is
# labelled otherwise, and other vendors' archives have other origins.
archive() {
	local uri
	uri=$(archive_of_apt)
	if [ -z "$uri" ]; then
		say setup "apt-get update"
		as_root apt-get -q update >&2
		uri=$(archive_of_apt)
	fi
	[ -n "$uri" ] || die "apt on this machine knows no Debian archive." \
		"Add one to /etc/apt/sources.list (suite bookworm or trixie, component main), run 'apt-get update' and try again."
	case $uri in
	mirror+file:*) uri=$(awk '/^[a-z]/ { print $1; exit }' "${uri#mirror+file:}") ;;
	esac
	printf '%s' "$uri"
}

archive_of_apt() {
	apt-get indextargets --format '$(REPO_URI) $(COMPONENT) $(ORIGIN) $(LABEL)' 'Created-By: Packages' 2>/dev/null |
		awk '$2 == "main" && $3 == "Debian" && $4 == "Debian" { print $1; exit }'
}

keyring() {
	local file
	for file in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
		[ -e "$file" ] && printf '%s' "$file" && return
	done
	die "Debian's archive keyring is missing: apt-get install debian-archive-keyring"
}

# Proxy and certificate settings of the machine's apt, for apt in the root.
apt_options() {
	apt-config dump --format '%f "%v";%n' Acquire |
		grep -E '^Acquire::(http|https|ftp)(::[^ ]*)?::?(Proxy|proxy|Verify-Peer|Verify-Host|CaInfo|Timeout)|^Acquire::Retries' || true
}

need_mmdebstrap() {
	command -v mmdebstrap >/dev/null && return
	say install "mmdebstrap (makes the Debian 13 build root)"
	command -v apt-get >/dev/null ||
		die "this machine has no apt. Set-up knows Debian 12 and 13; elsewhere, build with KDIR=<Rust-enabled $KERNEL_SERIES tree>."
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y mmdebstrap debian-archive-keyring >/dev/null 2>&1 ||
		as_root sh -c 'apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y mmdebstrap debian-archive-keyring' ||
		die "mmdebstrap could not be installed: apt-get install mmdebstrap must work on this machine"
}

bootstrap() {
	local root=$1 uri ring conf
	# One by one: of several assignments in a line only the last can fail.
	uri=$(archive)
	ring=$(keyring)
	conf=$(mktemp)
	apt_options >"$conf"
	chmod 644 "$conf"
	as_root rm -rf --one-file-system "$root.part"
	as_root mmdebstrap --mode=root --variant=apt --keyring="$ring" --aptopt="$conf" \
		--include="$(packages)" "$ROOT_SUITE" "$root.part" \
		"deb $uri $ROOT_SUITE main" "deb $uri $ROOT_SUITE-backports main"
	as_root rm -rf --one-file-system "$root"
	as_root mv "$root.part" "$root"
	as_root touch "$root/.lightos-ready"
	rm -f "$conf"
}

main() {
	local root
	root=$(root_dir)
	[ -e "$root/.lightos-ready" ] && return
	need_mmdebstrap
	as_root unshare --mount true 2>/dev/null ||
		die "this machine does not let root make a mount namespace (a container without CAP_SYS_ADMIN?)." \
			"Run on a real or virtual machine, or in a privileged container."
	say setup "Debian 13 build root (about 700 MB to fetch, 2.2 GB on disk)"
	with_log build-root bootstrap "$root"
}

locked root main
