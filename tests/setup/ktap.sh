# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A little KTAP for the tests of the scripts. Sourced after scripts/lib.sh;
# a test file defines functions test_* and ends with `run_cases`.

WORK=$(mktemp -d "$LIGHTOS_CACHE/test.XXXXXX")
trap 'rm -rf "$WORK"' EXIT

# expect_status STATUS COMMAND...: output goes to $WORK/out.
expect_status() {
	local want=$1 got=0
	shift
	"$@" >"$WORK/out" 2>&1 </dev/null || got=$?
	[ "$got" = "$want" ] || {
		echo "# '$*' ended with $got, expected $want:"
		sed 's/^/# /' "$WORK/out"
		return 1
	}
}

# expect_text REGEX: the last output has a line that matches.
expect_text() {
	grep -qE -- "$1" "$WORK/out" || {
		echo "# no line matches '$1' in:"
		sed 's/^/# /' "$WORK/out"
		return 1
	}
}

run_cases() {
	local cases number=0 pass=0 fail=0 name status
	cases=$(declare -F | sed -n 's/^declare -f test_//p')
	echo "KTAP version 1"
	echo "1..$(wc -w <<<"$cases")"
	for name in $cases; do
		number=$((number + 1))
		# Not within the `if`: bash ignores `set -e` there.
		set +e
		(set -e && "test_$name")
		status=$?
		set -e
		if [ "$status" = 0 ]; then
			echo "ok $number $name"
			pass=$((pass + 1))
		else
			echo "not ok $number $name"
			fail=$((fail + 1))
		fi
	done
	echo "# totals pass:$pass fail:$fail skip:0"
	[ "$fail" = 0 ]
}
