#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs every selftest of the folder that this file lies in, the 64-bit programs
# and then the 32-bit ones (LIGHTOS_WORDS=64 or 32: those alone), or only those
# named as arguments ("threads"). Ends with "# totals pass:P fail:F skip:S" over
# all test cases, and fails if one did. A program that ends before its plan fails
# the cases that are missing.

here=$(dirname "$0")
output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT
pass=0
fail=0
skip=0

# Lines of the output that match.
count() {
	grep -c "$1" "$output"
}

run_one() {
	echo "# selftests: $2: $3"
	"$1" >"$output" 2>&1
	status=$?
	cat "$output"
	plan=$(sed -n 's/^1\.\.\([0-9][0-9]*\).*/\1/p' "$output" | head -n 1)
	skipped=$(count '^ok .* # SKIP')
	passed=$(($(count '^ok ') - skipped))
	failed=$(count '^not ok ')
	missing=$((${plan:-1} - passed - skipped - failed))
	if [ "$missing" -gt 0 ]; then
		echo "# selftests: $2: $3: $missing of ${plan:-?} cases missing"
		failed=$((failed + missing))
	fi
	if [ "$failed" -eq 0 ] && [ "$status" -ne 0 ] && [ "$status" -ne 4 ]; then
		echo "# selftests: $2: $3: exit status $status"
		failed=1
	fi
	pass=$((pass + passed))
	fail=$((fail + failed))
	skip=$((skip + skipped))
}

for word in ${LIGHTOS_WORDS:-64 32}; do
	found=0
	for program in "$here/$word"/*; do
		name=$(basename "$program")
		[ -x "$program" ] || continue
		case " ${*:-$name} " in
		*" $name "*)
			run_one "$program" "$word-bit" "$name"
			found=1
			;;
		esac
	done
	if [ "$found" -eq 0 ]; then
		echo "# selftests: no $word-bit programs in $here"
		fail=$((fail + 1))
	fi
done

echo "# totals pass:$pass fail:$fail skip:$skip"
[ "$fail" -eq 0 ]
