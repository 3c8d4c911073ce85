# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What every script of this folder shares: where things are, how to speak to
# the user, how to run a command as root, and how to run one inside the build
# root. Sourced, never run.

set -euo pipefail

LIGHTOS_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LIGHTOS_CACHE=${LIGHTOS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lightos}

# The kernel series this tree is written for. Any 7.3.y that the suite offers
# will do; set-up says which one it took.
KERNEL_SERIES=7.3
# The Debian release of the build root, whatever the host runs.
ROOT_SUITE=trixie
# The compiler of the userspace workspace, apart from the kernel's.
RUST_VERSION=$(sed -n 's/^channel *= *"\(.*\)"/\1/p' "$LIGHTOS_DIR/userspace/rust-toolchain.toml")

say()  { printf '  %-8s %s\n' "$1" "${*:2}" >&2; }
warn() { printf 'lightos: %s\n' "$*" >&2; }
die()  { printf 'lightos: error: %s\n' "$*" >&2; exit 1; }

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

# with_log NAME COMMAND...: runs a long step with its output in a log file,
# prints a dot of life every ten seconds and the log's end when it fails.
with_log() {
	local name=$1 log="$LIGHTOS_CACHE/log/$1.log" start=$SECONDS status=0 pid
	shift
	mkdir -p "$LIGHTOS_CACHE/log"
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	trap 'kill "$pid" 2>/dev/null || true; exit 130' INT TERM
	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		if [ $(((SECONDS - start) % 10)) = 9 ]; then
			printf '\r  %-8s %s: %d s  ' ... "$name" $((SECONDS - start)) >&2
		fi
	done
	trap - INT TERM
	wait "$pid" || status=$?
	[ $((SECONDS - start)) -lt 9 ] || printf '\r\033[K' >&2
	if [ "$status" != 0 ]; then
		tail -n 30 "$log" >&2
		die "$name failed (status $status); the whole log is in $log"
	fi
	say done "$name ($((SECONDS - start)) s)"
}

# locked NAME COMMAND...: one lock per cache entry, so that two makes at the
# same time build it once. Says so when it has to wait.
locked() {
	local lock="$LIGHTOS_CACHE/$1.lock" fd status=0
	mkdir -p "$LIGHTOS_CACHE"
	exec {fd}>"$lock"
	flock --nonblock "$fd" || { say wait "another run is setting up '$1'"; flock "$fd"; }
	"${@:2}" || status=$?
	exec {fd}>&-
	return "$status"
}

short_hash() { sha256sum | cut -c1-12; }

root_dir() { printf '%s/root-%s' "$LIGHTOS_CACHE" "$(cat "$LIGHTOS_DIR"/scripts/root.{packages,sh} | short_hash)"; }

# in_root COMMAND...: runs a command inside the build root, as the present
# user, in the present folder. The checkout, the cache and the Rust toolchains
# are bound at the paths they have outside. The mounts live in a mount
# namespace of their own and go away with the command.
in_root() {
	local root
	root=$(root_dir)
	[ -e "$root/.lightos-ready" ] || die "the build root is missing: run 'make kernel' first"
	as_root env LIGHTOS_ROOT="$root" LIGHTOS_BIND="$LIGHTOS_DIR:$LIGHTOS_CACHE:${RUSTUP_HOME:-$HOME/.rustup}:${CARGO_HOME:-$HOME/.cargo}:${LIGHTOS_DATA:-}:${LIGHTOS_EXTRA_BIND:-}" \
		LIGHTOS_USER="$(id -u):$(id -g)" LIGHTOS_GROUPS="$(id -G | tr ' ' ,)" \
		LIGHTOS_CWD="$PWD" LIGHTOS_HOME="$HOME" \
		unshare --mount --propagation private \
		bash "$LIGHTOS_DIR/scripts/enter-root.sh" "$@"
}
