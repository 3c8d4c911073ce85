/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Injected faults: the n-th thing from here that can fail (allocation or copy
 * from or to user space) fails.
 *
 * Needs CONFIG_FAULT_INJECTION with FAILSLAB, FAIL_PAGE_ALLOC and
 * FAULT_INJECTION_USERCOPY, and root.
 */
#ifndef LIGHTOS_TEST_FAULTS_H
#define LIGHTOS_TEST_FAULTS_H

#include <sys/mount.h>
#include <sys/stat.h>

#include "engine.h"

#define FAIL_NTH	"/proc/self/fail-nth"
#define DEBUGFS		"/sys/kernel/debug"

/* More sites than any of the calls has. */
#define MAX_SITES	1000

static int fail_nth = -1;

/* Writes a debugfs setting; which of them exist depends on the kernel. */
static inline bool put(const char *attribute, const char *setting, const char *text)
{
	char path[256];
	ssize_t written;
	int file;

	snprintf(path, sizeof(path), DEBUGFS "/%s/%s", attribute, setting);
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	written = write(file, text, strlen(text));
	close(file);
	return written == (ssize_t)strlen(text);
}

/*
 * Allocations that may sleep fail too, which is not so by default; nothing is
 * printed about a fault, and none comes by chance.
 */
static inline void set_up_attributes(void)
{
	static const char *const attributes[] = {
		"failslab", "fail_page_alloc", "fail_usercopy",
	};
	size_t i;

	mount("none", DEBUGFS, "debugfs", 0, NULL);
	for (i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		put(attributes[i], "verbose", "0");
		put(attributes[i], "probability", "0");
	}
	if (!put("failslab", "ignore-gfp-wait", "N"))
		FAIL("cannot set " DEBUGFS "/failslab/ignore-gfp-wait");
	if (!put("fail_page_alloc", "ignore-gfp-wait", "N") ||
	    !put("fail_page_alloc", "min-order", "0"))
		FAIL("cannot set " DEBUGFS "/fail_page_alloc");
}

static inline void need_faults(void)
{
	if (access(FAIL_NTH, F_OK))
		SKIP("no " FAIL_NTH ": this kernel injects no faults");
	if (geteuid())
		SKIP("needs root");
	set_up_attributes();
	fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	CHECK_OK(fail_nth);
}

/* The n-th site from here fails. */
static inline void arm(unsigned int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", n);

	CHECK_EQ(pwrite(fail_nth, text, (size_t)length, 0), length);
}

/*
 * Sites still to go; 0 where the fault has happened since arm(). The last one
 * may be the copy of this very answer: then it has not happened before.
 */
static inline unsigned int disarm(void)
{
	char text[16] = "";
	unsigned int left = 1;

	if (pread(fail_nth, text, sizeof(text) - 1, 0) > 0)
		left = (unsigned int)strtoul(text, NULL, 10);
	/* The write may meet the fault itself, which disarms as well. */
	if (left && pwrite(fail_nth, "0", 1, 0) < 0)
		CHECK_EQ(errno, EFAULT);
	return left;
}

#endif /* LIGHTOS_TEST_FAULTS_H */
