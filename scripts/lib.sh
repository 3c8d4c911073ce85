# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What every script of this folder shares: where things are, how to speak to
# the user, how to run a command as root, and how to run one inside the build
# root. Sourced, never run.
#
# Mind `set -e`: bash ignores it in whatever runs left of `||` or in an `if`.
# Steps that must stop at their first failure are therefore never called so.

set -euo pipefail
# A plain `su` leaves the administrator's folders out.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say()  { printf '  %-8s %s\n' "$1" "${*:2}" >&2; }
warn() { printf 'lightos: %s\n' "$*" >&2; }
die()  { printf 'lightos: error: %s\n' "$*" >&2; exit 1; }

LIGHTOS_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
LIGHTOS_CACHE=${LIGHTOS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lightos}
mkdir -p "$LIGHTOS_CACHE/log"
LIGHTOS_CACHE=$(cd "$LIGHTOS_CACHE" && pwd -P)

# Kbuild takes no such folder, nor do the lists of paths below.
case $LIGHTOS_DIR:$LIGHTOS_CACHE in
*[[:space:]]* | *:*:*) die "the checkout and the cache must lie in folders without spaces and colons in their names" ;;
esac

# Folders that the user names reach the build root by their full path.
full_path() { [ -z "$1" ] || realpath -m -- "$1"; }
LIGHTOS_DATA=$(full_path "${LIGHTOS_DATA:-}")
LIGHTOS_OUT=$(full_path "${LIGHTOS_OUT:-}")
DESTDIR=$(full_path "${DESTDIR:-}")
KDIR=$(full_path "${KDIR:-}")
CARGO_TARGET_DIR=$(full_path "${CARGO_TARGET_DIR:-$LIGHTOS_CACHE/target}")

# The kernel series this tree is written for. Any 7.3.y that the suite offers
# will do; set-up says which one it took.
KERNEL_SERIES=7.3
# The Debian release of the build root, whatever the host runs.
ROOT_SUITE=trixie
# The compiler of the userspace workspace, apart from the kernel's.
RUST_VERSION=$(sed -n 's/^channel *= *"\(.*\)"/\1/p' "$LIGHTOS_DIR/userspace/rust-toolchain.toml")

# Runs a command as root: directly, or through sudo.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo -- "$@"
	else
		die "'$1' needs root: run as root, or install sudo and allow this user to use it"
	fi
}

# A sign of life for a long step, every ten seconds, until the step's end or
# that of this script, whichever comes first.
start_ticker() {
	local name=$1 start=$SECONDS
	(
		while sleep 10 && kill -0 $$ 2>/dev/null; do
			if [ -t 2 ]; then
				printf '\r  %-8s %s: %d s ' ... "$name" $((SECONDS - start)) >&2
			elif [ $(((SECONDS - start) % 60)) -lt 10 ]; then
				say ... "$name: $((SECONDS - start)) s"
			fi
		done
	) &
	TICKER=$!
}

stop_ticker() {
	kill "$TICKER" 2>/dev/null || true
	wait "$TICKER" 2>/dev/null || true
	[ ! -t 2 ] || printf '\r\033[K' >&2
}

# with_log NAME COMMAND...: runs a long step with its output in a log file, and
# shows the end of the log when it fails. The step runs in the foreground, so
# that an interrupt reaches all of it.
with_log() {
	local name=$1 log="$LIGHTOS_CACHE/log/$1.log" start=$SECONDS status
	shift
	as_root true # sudo asks now, not in the middle
	start_ticker "$name"
	set +e
	(set -e && "$@") >"$log" 2>&1 </dev/null
	status=$?
	set -e
	stop_ticker
	if [ "$status" != 0 ]; then
		tail -n 30 "$log" >&2
		die "$name failed (status $status); the whole log is in $log"
	fi
	say done "$name ($((SECONDS - start)) s)"
}

# locked NAME COMMAND...: one lock per cache entry, so that two makes at the
# same time build it once. Says so when it has to wait.
locked() {
	local fd
	exec {fd}>"$LIGHTOS_CACHE/$1.lock"
	flock --nonblock "$fd" || { say wait "another run is setting up '$1'"; flock "$fd"; }
	"${@:2}"
	exec {fd}>&-
}

short_hash() { sha256sum | cut -c1-12; }

# The build root, one for each list of packages.
root_dir() { printf '%s/root-%s-%s' "$LIGHTOS_CACHE" "$ROOT_SUITE" "$(short_hash <"$LIGHTOS_DIR/scripts/root.packages")"; }

# Settings of the network that a command in the root needs as much as one
# outside; sudo would drop them.
network_settings() {
	local name
	for name in {http,https,no,all}_proxy {HTTP,HTTPS,NO,ALL}_PROXY RUSTUP_DIST_SERVER \
		RUSTUP_UPDATE_ROOT SSL_CERT_FILE CARGO_HTTP_CAINFO CARGO_HTTP_PROXY; do
		[ -z "${!name:-}" ] || printf '%s=%s\n' "$name" "${!name}"
	done
}

# in_root COMMAND...: runs a command inside the build root, as the present
# user, in the present folder. The checkout, the cache and the folders that the
# user named are bound at the paths they have outside. The mounts live in a
# mount namespace of their own and go away with the command.
in_root() { enter_root "$(id -u):$(id -g)" "$(id -G | tr ' ' ,)" "$@"; }

# The same as root: for the root's own apt.
in_root_as_root() { enter_root 0:0 0 "$@"; }

enter_root() {
	local user=$1 groups=$2 root settings
	shift 2
	root=$(root_dir)
	[ -e "$root/.lightos-ready" ] || die "the build root is missing: run 'make drivers' first"
	mapfile -t settings < <(network_settings)
	as_root env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS ${settings[@]+"${settings[@]}"} \
		LIGHTOS_ROOT="$root" LIGHTOS_USER="$user" LIGHTOS_GROUPS="$groups" \
		LIGHTOS_BIND="$LIGHTOS_DIR:$LIGHTOS_CACHE:${RUSTUP_HOME:-$HOME/.rustup}:${CARGO_HOME:-$HOME/.cargo}:$CARGO_TARGET_DIR:$LIGHTOS_DATA:$LIGHTOS_OUT:$DESTDIR:$KDIR:${LIGHTOS_EXTRA_BIND:-}" \
		LIGHTOS_CWD="$PWD" LIGHTOS_HOME="$HOME" \
		unshare --mount --propagation private \
		bash "$LIGHTOS_DIR/scripts/enter-root.sh" "$@"
}
