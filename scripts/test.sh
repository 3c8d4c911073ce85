#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# test.sh [long]: all tests. Prints a line for each part, with what failed
# below it, and ends with "N passed, N failed". The logs stay in build/test-log.
#
#   ONLY='host kunit'   these parts alone, of: host miri kunit selftests photonic
#                       migration digits networks setup storms intree nest
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/rust.sh"

LONG=${1:-}
LOGS="$LIGHTOS_DIR/build/test-log"
PASSED=0 FAILED=0 SKIPPED=0

# part NAME PASSED FAILED [SKIPPED]: books a part's results.
part() {
	PASSED=$((PASSED + $2)) FAILED=$((FAILED + $3)) SKIPPED=$((SKIPPED + ${4:-0}))
	printf '  %-44s %5d passed, %d failed%s\n' "$1" "$2" "$3" "$([ "${4:-0}" = 0 ] || echo ", $4 skipped")"
}

# run_part LOG COMMAND...: runs a program with a sign of life, its output in the
# log.
run_part() {
	local log="$LOGS/$1" status=0
	shift
	start_ticker "$(basename "$log" .log)"
	"$@" >"$log" 2>&1 </dev/null || status=$?
	stop_ticker
	return "$status"
}

# A part that says "# totals pass:P fail:F skip:S" for each of its programs or
# once; the last line counts, as it sums up. No such line is one failure.
book_totals() { # NAME LOG STATUS
	local totals pass=0 fail=1 skip=0
	totals=$(tr -d '\r' <"$LOGS/$2" | grep -a '^# totals pass:' | tail -n 1 || true)
	if [ -n "$totals" ]; then
		read -r pass fail skip <<<"$(sed 's/.*pass:\([0-9]*\) fail:\([0-9]*\) skip:\([0-9]*\).*/\1 \2 \3/' <<<"$totals")"
		# All cases passed, and the guest failed all the same: a kernel report.
		[ "$3" = 0 ] || [ "$fail" != 0 ] || fail=1
	fi
	part "$1" "$pass" "$fail" "$skip"
	[ "$fail" = 0 ] || show_failures "$LOGS/$2"
}

show_failures() {
	grep -aE -B3 '^ *not ok|^lightos: |FAILED|panicked|reported a fault' "$1" | tail -n 40 | sed 's/^/    | /' || true
	tail -n 3 "$1" | sed 's/^/    | /'
	printf '    the whole log: %s\n' "${1#"$LIGHTOS_DIR"/}"
}

setup() {
	mkdir -p "$LOGS"
	make -C "$LIGHTOS_DIR" drivers build/test/lightos.ko userspace
	in_root make -s -C "$LIGHTOS_DIR/tests/selftests" OUT="$LIGHTOS_DIR/build/selftests" CC=gcc >"$LOGS/build.log" 2>&1 &&
		in_root make -s -C "$LIGHTOS_DIR/tests/migration" OUT="$LIGHTOS_DIR/build/migration" CC=gcc >>"$LOGS/build.log" 2>&1 &&
		in_root make -s -C "$LIGHTOS_DIR/tests/photonic" OUT="$LIGHTOS_DIR/build/photonic" CC=gcc >>"$LOGS/build.log" 2>&1 ||
		{ cat "$LOGS/build.log" >&2; die "the selftests did not build"; }
	need_toolchain
}

# Totals of `cargo test`: the sum over its "test result" lines.
cargo_part() { # NAME LOG ENV...
	local name=$1 log=$2 status=0 pass fail
	shift 2
	run_part "$log" run_cargo "$@" || status=$?
	read -r pass fail <<<"$(awk '/^test result:/ { p += $4; f += $6 } END { print p + 0, f + 0 }' "$LOGS/$log")"
	[ "$status" = 0 ] || [ "$fail" != 0 ] || fail=1
	part "$name" "$pass" "$fail"
	[ "$fail" = 0 ] || show_failures "$LOGS/$log"
}

host_tests() {
	[ -n "$LIGHTOS_DATA" ] || say note "LIGHTOS_DATA is unset: tests on recordings pass without comparing anything"
	cargo_part "host: arithmetic, client library, lightctl" host.log \
		${LONG:+LIGHTOS_LONG=1} LIGHTOS_DATA="${LIGHTOS_DATA:-}" cargo test --locked --workspace --no-fail-fast
}

# Miri, where the machine has it: the same tests, few cases, undefined behaviour found.
miri_tests() {
	local miri="${RUSTUP_HOME}/toolchains/nightly-$HOST_TARGET"
	if [ ! -x "$miri/bin/cargo-miri" ] || [ ! -d "$miri/lib/rustlib/src" ]; then
		say skip "Miri is not installed (rustup +nightly component add miri rust-src)"
		return
	fi
	cargo_part "host: arithmetic under Miri" miri.log PATH="$miri/bin:/usr/bin:/bin" \
		CARGO_TARGET_DIR="$LIGHTOS_CACHE/target-miri" cargo miri test --locked -p lightos-host
}

# KUnit: the cases of the suites lightos_*, from the kernel's log. insmod
# succeeds whatever they say, so the log must be read.
kunit_tests() {
	local status=0 pass fail
	run_part kunit.log "$LIGHTOS_DIR/scripts/guest.sh" -k test -l "$LOGS/kunit-kernel.log" -- true || status=$?
	read -r pass fail <<<"$(kunit_totals "$LOGS/kunit-kernel.log")"
	# No suite at all means that KUnit did not run: that is a failure too.
	[ "$status" = 0 ] && [ "$pass" != 0 ] || [ "$fail" != 0 ] || fail=1
	part "test kernel: KUnit suites in the module" "$pass" "$fail"
	[ "$fail" = 0 ] || show_failures "$LOGS/kunit-kernel.log"
}

kunit_totals() {
	tr -d '\r' <"$1" | sed 's/^\[ *[0-9.]*\] //' | awk '
		/^ *# Subtest: / { ours = ($3 ~ /^lightos_/) }
		ours && /^    1\.\.[0-9]+/ { split($1, plan, /\.\./); planned += plan[2] }
		ours && /^    ok / { pass++ }
		ours && /^    not ok / { fail++ }
		END { missing = planned - pass - fail; print pass + 0, fail + (missing > 0 ? missing : 0) }'
}

# The kernel may complain about memory that a test took away from it.
ALLOCATION_FAULTS='vmalloc error|page allocation failure|kobject_add_internal failed|at event_define_fields'

selftests_in() { # KERNEL PROGRAMS
	local status=0 kernel=$1
	LIGHTOS_CMDLINE=kunit.enable=0 run_part "selftests-$kernel.log" "$LIGHTOS_DIR/scripts/guest.sh" -k "$kernel" \
		-t 1500 -e "$ALLOCATION_FAULTS" -l "$LOGS/selftests-$kernel-kernel.log" \
		-p "$LIGHTOS_DIR/build/selftests" -- "$(guest_selftests "$2")" || status=$?
	book_totals "$kernel kernel: selftests, 64-bit and 32-bit" "selftests-$kernel.log" "$status"
}

# Light ends when the guard is late, which a guest on a busy host is: these run in
# virtual time. 64-bit programs in the test kernel, 32-bit ones in the stock one.
PHOTONIC_PROGRAMS='photonic faults_photonic'

photonic_selftests_in() { # KERNEL WORD PROGRAMS
	local status=0 kernel=$1 stage="$LOGS/selftests-photonic-$1"
	rm -rf "$stage"
	mkdir -p "$stage/$2"
	cp "$LIGHTOS_DIR/build/selftests/run.sh" "$stage/"
	(cd "$LIGHTOS_DIR/build/selftests/$2" && cp $3 "$stage/$2/")
	LIGHTOS_CMDLINE=kunit.enable=0 run_part "selftests-photonic-$kernel.log" "$LIGHTOS_DIR/scripts/guest.sh" -k "$kernel" \
		-v -t 1500 -e "$ALLOCATION_FAULTS" -l "$LOGS/selftests-photonic-$kernel-kernel.log" \
		-p "$stage" -- "export LIGHTOS_WORDS=$2
$(guest_selftests "$3")" || status=$?
	book_totals "$kernel kernel: photonic selftests, $2-bit" "selftests-photonic-$kernel.log" "$status"
	tr -d '\r' <"$LOGS/selftests-photonic-$kernel.log" | grep -a '^# guard: ' | sed 's/^# /    | /' || true
}

# The driver over memory of a PCI device, and when the system sleeps or ends.
photonic_tests() {
	local name status=0
	run_part photonic-driver.log "$LIGHTOS_DIR/scripts/driver-without-model.sh" || status=1
	part "photonic driver: knows no model" $((1 - status)) "$status"
	[ "$status" = 0 ] || show_failures "$LOGS/photonic-driver.log"
	for name in window transitions; do
		status=0
		run_part "photonic-$name.log" "$LIGHTOS_DIR/tests/photonic/$name.sh" || status=$?
		book_totals "stock kernel: photonic $name" "photonic-$name.log" "$status"
	done
}

# After the selftests the leak detector looks twice, as an object must be
# unreferenced for five seconds; a find goes to the kernel's log, which fails
# the guest.
guest_selftests() {
	cat <<SH
./run.sh $1
status=\$?
if [ -e /sys/kernel/debug/kmemleak ]; then
	rmmod lightos
	echo scan >/sys/kernel/debug/kmemleak; sleep 6; echo scan >/sys/kernel/debug/kmemleak
	cat /sys/kernel/debug/kmemleak
	grep -q "unreferenced object" /sys/kernel/debug/kmemleak && status=1
fi
exit \$status
SH
}

migration_tests() {
	local kernel=$1 status=0
	LIGHTOS_CMDLINE=kunit.enable=0 run_part "migration-$kernel.log" "$LIGHTOS_DIR/scripts/guest.sh" -k "$kernel" \
		-p "$LIGHTOS_DIR/build/migration" -- ./check.sh || status=$?
	book_totals "$kernel kernel: v0.1.0 and v0.2.0 examples" "migration-$kernel.log" "$status"
}

# The main job twice in a row on a loaded module: a second run must not be
# misled by what the first left behind.
digits_test() {
	local status=0 pass=0 fail
	run_part digits.log "$LIGHTOS_DIR/scripts/guest.sh" -k stock -p "$LIGHTOS_DIR/build/lightctl" -p "$LIGHTOS_DIR/tests/data" -- '
		for run in 1 2; do
			./lightctl digits --data digits.csv --weights digits-weights.csv --expect digits-expected.csv || exit
		done' || status=$?
	pass=$(grep -c '^exact simulation *agrees on every digit' "$LOGS/digits.log" || true)
	fail=$((2 - pass))
	[ "$status" = 0 ] || [ "$fail" != 0 ] || fail=1
	part "stock kernel: digits, twice, as simulated" "$pass" "$fail"
	[ "$fail" = 0 ] || show_failures "$LOGS/digits.log"
}

# Networks: the module against the host build, recordings of a chip, NumPy's
# replay, the exact solution.
networks_test() {
	local status=0
	run_part networks.log "$LIGHTOS_DIR/tests/networks/run.sh" || status=$?
	book_totals "stock kernel: networks, as recorded and on the host" networks.log "$status"
	grep -a '^# skipped' "$LOGS/networks.log" | sed 's/^# /    | /' || true
}

setup_tests() {
	local name status
	for name in kdir install guest; do
		status=0
		run_part "setup-$name.log" "$LIGHTOS_DIR/tests/setup/$name.sh" || status=$?
		book_totals "set-up: $name" "setup-$name.log" "$status"
	done
}

intree_test() {
	local status=0
	run_part intree.log "$LIGHTOS_DIR/tests/setup/intree.sh" || status=$?
	book_totals "set-up: in-tree build" intree.log "$status"
}

storm_tests() {
	local status=0 round
	for round in 1 2 3 4 5; do
		status=0
		LIGHTOS_CMDLINE=kunit.enable=0 run_part "storm-$round.log" "$LIGHTOS_DIR/scripts/guest.sh" -k test -t 1800 \
			-p "$LIGHTOS_DIR/build/selftests" -- "$(guest_selftests 'threads lifecycle time neuron')" || status=$?
		book_totals "test kernel: storm $round of 5" "storm-$round.log" "$status"
		status=0
		LIGHTOS_CMDLINE=kunit.enable=0 run_part "storm-network-$round.log" "$LIGHTOS_DIR/scripts/guest.sh" -k test -t 7200 \
			-p "$LIGHTOS_DIR/build/selftests" -- "export LIGHTOS_STORM_CALLS=100000 LIGHTOS_STORM_SEED=$round
$(guest_selftests storm_network)" || status=$?
		book_totals "test kernel: random calls on networks, $round of 5" "storm-network-$round.log" "$status"
	done
}

# NEST, where its package can be had: what it computes on the networks it drew,
# and LightOS on the same ones. nest.sh ends with 75 where it cannot.
nest_tests() {
	local made status=0 name="host: CUBA network and neuron beside NEST"
	start_ticker "NEST's networks and spikes"
	made=$("$LIGHTOS_DIR/scripts/nest.sh") || status=$?
	stop_ticker
	case $status in
	0) ;;
	75)
		part "$name" 0 0 1
		say skip "NEST 3.10 cannot be had here (see $LIGHTOS_CACHE/log/nest.log)"
		return
		;;
	*)
		part "$name" 0 1
		warn "NEST's networks and spikes were not made (see $LIGHTOS_CACHE/log/nest.log)"
		return
		;;
	esac
	cargo_part "$name" nest.log \
		LIGHTOS_NEST="$(tail -n 1 <<<"$made")" cargo test --locked -p lightos-host --test network_nest -- --nocapture
	grep -a 'Hz\|spikes in the same step' "$LOGS/nest.log" | sed 's/^/    | /' || true
}

# wanted PART: whether ONLY names it, or names nothing.
wanted() { [ -z "${ONLY:-}" ] || grep -qwF -- "$1" <<<"$ONLY"; }

for name in ${ONLY:-}; do
	case $name in
	host | miri | kunit | selftests | photonic | migration | digits | networks | setup) ;;
	storms | intree | nest) [ -n "$LONG" ] || die "ONLY: '$name' is a part of test-long" ;;
	*) die "ONLY: there is no part '$name'" ;;
	esac
done
setup
! wanted host || host_tests
! wanted miri || miri_tests
! wanted kunit || kunit_tests
if wanted selftests; then
	ALL_PROGRAMS=$(cd "$LIGHTOS_DIR/build/selftests/64" && ls | grep -vxF "$(tr ' ' '\n' <<<"$PHOTONIC_PROGRAMS")")
	selftests_in test "$(tr '\n' ' ' <<<"$ALL_PROGRAMS")"
	selftests_in stock "$(grep -v '^faults' <<<"$ALL_PROGRAMS" | tr '\n' ' ')"
	photonic_selftests_in test 64 "$PHOTONIC_PROGRAMS"
	photonic_selftests_in stock 32 photonic
fi
! wanted photonic || photonic_tests
if wanted migration; then
	migration_tests test
	migration_tests stock
fi
! wanted digits || digits_test
! wanted networks || networks_test
! wanted setup || setup_tests
if [ -n "$LONG" ]; then
	! wanted storms || storm_tests
	! wanted intree || intree_test
	! wanted nest || nest_tests
fi
printf '%d passed, %d failed%s\n' "$PASSED" "$FAILED" "$([ "$SKIPPED" = 0 ] || echo ", $SKIPPED skipped")"
[ "$FAILED" = 0 ] && [ "$PASSED" != 0 ]
