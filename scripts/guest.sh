#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# guest.sh [options] [--] COMMAND...: boots a kernel in QEMU with the module
# loaded, runs a shell command there, prints its output alone and ends with
# its exit status. A kernel warning, oops, lockdep or KASAN report anywhere
# makes it fail with status 99.
#
#   -k stock|test   which kernel (stock); with KDIR set, stock means that tree's
#                   own bzImage and the module built against it
#   -p FILE         copy FILE (or a folder's contents) to /data; repeatable
#   -n              do not load the module
#   -i              interactive shell instead of a command
#   -l FILE         keep the kernel's log in FILE
#   -t SECONDS      give up after that long (900)
#   -e REGEX        kernel messages that are expected, not faults
#   -v              virtual time: the guest's clock counts its instructions, at a
#                   nanosecond each, and jumps where it waits. However busy the
#                   host is, nothing in the guest comes too late. One CPU, emulated
#   -a              only print the accelerator that guests get: kvm or tcg
#
# LIGHTOS_CMDLINE   more for the kernel's command line
# LIGHTOS_QEMU      more arguments for QEMU, such as a device; no spaces in one
. "$(dirname "$0")/lib.sh"

ASK='' KERNEL=stock PUT=() LOAD=yes INTERACTIVE=no LOG='' TIMEOUT=900 EXPECTED='' VIRTUAL=no
while getopts k:p:nil:t:e:va opt; do
	case $opt in
	k) KERNEL=$OPTARG ;;
	p) PUT+=("$OPTARG") ;;
	n) LOAD=no ;;
	i) INTERACTIVE=yes ;;
	l) LOG=$OPTARG ;;
	t) TIMEOUT=$OPTARG ;;
	e) EXPECTED=$OPTARG ;;
	v) VIRTUAL=yes ;;
	a) ASK=accelerator ;;
	*) exit 64 ;;
	esac
done
shift $((OPTIND - 1))

# The guest's kernel is the one in the cache, whatever is being installed.
unset KVER
case $KERNEL in
stock | test) ;;
*) die "KERNEL is stock or test, not '$KERNEL'" ;;
esac
[ "$INTERACTIVE" = no ] || [ -t 0 ] || die "an interactive guest needs a terminal; use make guest CMD='…'"

# What the kernel prints when something is wrong with it. A warning starts its
# line; mitigations of the processor say "WARNING" further on.
FAULTS='\] WARNING: |\] (\[ )?BUG: |BUG at|trying to register non-static key|Oops|KASAN|KFENCE|UBSAN|ODEBUG|possible recursive locking|possible circular locking|inconsistent lock state|suspicious RCU usage|sleeping function called|blocked for more than|soft lockup|hard LOCKUP|self-detected stall|detected stalls|Kernel panic|general protection fault|unable to handle|unreferenced object|kmemleak: [1-9]|refcount_t:|list_(add|del) corruption|rust_panic|panicked at'

# Sets TREE, VMLINUZ and MODULE.
find_kernel() {
	"$LIGHTOS_DIR/scripts/root.sh"
	if [ "$KERNEL" = stock ] && [ -n "$KDIR" ]; then
		TREE=$KDIR VMLINUZ=$KDIR/arch/x86/boot/bzImage MODULE=$LIGHTOS_DIR/build/kdir/lightos.ko
		[ -e "$VMLINUZ" ] || die "KDIR=$KDIR holds no arch/x86/boot/bzImage to boot: build that kernel ('make bzImage')," \
			"with a serial console and an initramfs, or leave KDIR unset to use Debian's."
		return
	fi
	TREE=$("$LIGHTOS_DIR/scripts/kernel.sh" "$KERNEL" 2> >(grep -v '^  kernel ' >&2))
	VMLINUZ=$TREE/vmlinuz MODULE=$LIGHTOS_DIR/build/$KERNEL/lightos.ko
}

build_initramfs() {
	local tree=$1 dir=$2 root=$2/root file
	mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,proc,sys,dev,etc,data,lib}
	cp "$(root_dir)/usr/bin/busybox" "$root/bin/busybox"
	cp "$LIGHTOS_DIR/scripts/guest/init" "$root/init"
	chmod 755 "$root/init"
	if [ -e "$MODULE" ]; then
		# Not the machine's own signing key: the guest does not know it.
		DESTDIR=$root KVER=$(cat "$tree/include/config/kernel.release") \
			MODULE=$MODULE SIGN_KEY=/nonexistent "$LIGHTOS_DIR/scripts/install.sh" module
	fi
	for file in ${PUT[@]+"${PUT[@]}"}; do
		[ -e "$file" ] || die "PUT: there is no file '$file'"
		if [ -d "$file" ]; then cp -RL "$file/." "$root/data/"; else cp -L "$file" "$root/data/"; fi
	done
	printf '%s\n' "$COMMAND" >"$root/data/.cmd"
	printf 'LOAD=%s\nINTERACTIVE=%s\nROWS=%s\nCOLS=%s\n' "$LOAD" "$INTERACTIVE" \
		"$(tput lines 2>/dev/null || echo 24)" "$(tput cols 2>/dev/null || echo 80)" >"$root/etc/guest.conf"
	(cd "$root" && find . | in_root_cpio | gzip -1 >"$dir/initramfs")
}

in_root_cpio() { in_root cpio --quiet -o -H newc -R 0:0; }

boot() {
	local dir=$1 clock=(-accel "$(accelerator)")
	[ "$VIRTUAL" = no ] || clock=(-accel tcg -smp 1 -icount shift=0,sleep=off)
	# shellcheck disable=SC2086 # arguments, each a word
	in_root timeout --foreground -k 10 "$TIMEOUT" qemu-system-x86_64 \
		-nodefaults -display none -no-reboot -M q35 -m 2G -smp 2 \
		"${clock[@]}" -cpu max,la57=off \
		-kernel "$VMLINUZ" -initrd "$dir/initramfs" \
		-append "console=ttyS0 panic=-1 loglevel=7 rdinit=/init ${LIGHTOS_CMDLINE:-}" \
		${LIGHTOS_QEMU:-} \
		-serial "file:$dir/console" \
		-chardev stdio,id=out,signal=off -serial chardev:out
}

# KVM where a start under it was tried and worked, emulation elsewhere. The
# verdict holds until the machine boots anew; without access to /dev/kvm there
# is nothing to try and nothing to keep.
accelerator() {
	local verdict
	[ -w /dev/kvm ] || { echo tcg; return; }
	verdict="$LIGHTOS_CACHE/accel-$(cat /proc/sys/kernel/random/boot_id)"
	if [ ! -s "$verdict" ]; then
		if try_kvm; then echo kvm; else echo tcg; fi >"$verdict.$$"
		mv "$verdict.$$" "$verdict"
	fi
	cat "$verdict"
}

# The kernel, run under KVM, must get as far as its first message.
try_kvm() {
	in_root timeout 20 qemu-system-x86_64 -nodefaults -display none -no-reboot -M q35 -m 256M \
		-accel kvm -cpu max,la57=off -kernel "$VMLINUZ" -append "console=ttyS0 panic=-1 rdinit=/none" \
		-serial stdio </dev/null 2>/dev/null | grep -q 'Linux version'
}

status_of() { sed -n 's/.*guest: exit status \([0-9]*\).*/\1/p' "$1" | tail -n 1; }

faults_in() {
	grep -aE "$FAULTS" "$1" | if [ -n "$EXPECTED" ]; then grep -avE "$EXPECTED"; else cat; fi
}

main() {
	local dir status=0 guest_status saved
	if [ -n "$ASK" ]; then
		find_kernel
		accelerator
		return
	fi
	[ "$INTERACTIVE" = yes ] || [ -n "$*" ] || die "what shall the guest run? make guest CMD='…'"
	find_kernel
	dir=$(mktemp -d "$LIGHTOS_CACHE/guest.XXXXXX")
	# shellcheck disable=SC2064
	trap "rm -rf '$dir'" EXIT
	COMMAND="$*" build_initramfs "$TREE" "$dir"
	if [ "$INTERACTIVE" = yes ]; then
		saved=$(stty -g)
		# shellcheck disable=SC2064
		trap "stty '$saved'; rm -rf '$dir'" EXIT
		say guest "interactive; 'exit' powers it off"
		stty raw -echo
		boot "$dir" || status=$?
		stty "$saved"
	else
		boot "$dir" </dev/null || status=$?
	fi
	[ -z "$LOG" ] || cp "$dir/console" "$LOG"
	guest_status=$(status_of "$dir/console")
	if [ "$status" != 0 ] || [ -z "$guest_status" ]; then
		tail -n 40 "$dir/console" >&2
		[ "$status" = 124 ] && die "the guest did not end within $TIMEOUT s"
		die "the guest did not reach its end (QEMU status $status)"
	fi
	if faults_in "$dir/console" >"$dir/faults"; then
		warn "the $KERNEL kernel reported a fault:"
		head -n 20 "$dir/faults" >&2
		[ -n "$LOG" ] || { cp "$dir/console" "$LIGHTOS_CACHE/log/guest-fault.log"; warn "its whole log is in $LIGHTOS_CACHE/log/guest-fault.log"; }
		exit 99
	fi
	exit "$guest_status"
}

main "$@"
