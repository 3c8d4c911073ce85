/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small test harness that prints KTAP version 1.
 *
 * TEST(name) defines a test case; cases run in the order of their definition,
 * each in a child process of its own, in a process group of its own and under
 * a time limit, so that one crash or hang does not end the run. A failed CHECK
 * prints "# file:line: what" and ends the case.
 *
 * Exit status of a program: 0 all passed, 1 any failed, 4 all skipped.
 */
#ifndef LIGHTOS_HARNESS_H
#define LIGHTOS_HARNESS_H

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define HARNESS_PASS	0
#define HARNESS_FAIL	1
#define HARNESS_SKIP	4

/* Seconds that a case may take: ample on an emulated, sanitised kernel. */
#define HARNESS_TIMEOUT	180

/* Seconds that a killed case gets to leave the kernel. */
#define HARNESS_GRACE	20

#define HARNESS_REASON	256

struct harness_test {
	const char *name;
	void (*run)(void);
	unsigned int timeout;
	struct harness_test *next;
};

static struct harness_test *harness_first;
static struct harness_test **harness_last = &harness_first;
static char *harness_reason;
static volatile sig_atomic_t harness_ticks;

static inline void harness_add(struct harness_test *test)
{
	*harness_last = test;
	harness_last = &test->next;
}

#define TEST_TIMEOUT(fn, seconds)					\
	static void fn(void);						\
	static struct harness_test fn##_test = {			\
		.name = #fn, .run = fn, .timeout = (seconds),		\
	};								\
	static void __attribute__((constructor)) fn##_add(void)		\
	{								\
		harness_add(&fn##_test);				\
	}								\
	static void fn(void)

#define TEST(fn) TEST_TIMEOUT(fn, HARNESS_TIMEOUT)

/* Ends the case (all its threads too) as failed. */
static inline void __attribute__((noreturn, format(printf, 3, 4)))
harness_fail(const char *file, int line, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	printf("# %s:%d: %s\n", file, line, text);
	fflush(stdout);
	_exit(HARNESS_FAIL);
}

/* Ends the case as skipped; the reason appears on its result line. */
static inline void __attribute__((noreturn)) harness_skip(const char *reason)
{
	snprintf(harness_reason, HARNESS_REASON, "%s", reason);
	fflush(stdout);
	_exit(HARNESS_SKIP);
}

#define FAIL(...)	harness_fail(__FILE__, __LINE__, __VA_ARGS__)
#define SKIP(reason)	harness_skip(reason)

#define CHECK(condition)						\
	do {								\
		if (!(condition))					\
			FAIL("not true: %s", #condition);		\
	} while (0)

#define CHECK_COMPARE(a, op, b)						\
	do {								\
		long long a_ = (long long)(a), b_ = (long long)(b);	\
									\
		if (!(a_ op b_))					\
			FAIL("%s is %lld, expected %s %s (%lld)",	\
			     #a, a_, #op, #b, b_);			\
	} while (0)

#define CHECK_EQ(a, b)	CHECK_COMPARE(a, ==, b)
#define CHECK_NE(a, b)	CHECK_COMPARE(a, !=, b)
#define CHECK_LE(a, b)	CHECK_COMPARE(a, <=, b)
#define CHECK_GE(a, b)	CHECK_COMPARE(a, >=, b)
#define CHECK_GT(a, b)	CHECK_COMPARE(a, >, b)

/* The call returns something not negative. */
#define CHECK_OK(call)							\
	do {								\
		if ((call) < 0)						\
			FAIL("%s: %s", #call, strerror(errno));		\
	} while (0)

/* The call returns -1 and sets errno to @error. */
#define CHECK_ERRNO(call, error)					\
	do {								\
		int errno_;						\
									\
		errno = 0;						\
		if ((call) != -1)					\
			FAIL("%s succeeded, expected %s", #call, #error); \
		errno_ = errno;						\
		if (errno_ != (error))					\
			FAIL("%s: %s, expected %s", #call,		\
			     strerror(errno_), #error);			\
	} while (0)

static inline void harness_tick(int signal)
{
	(void)signal;
	harness_ticks++;
}

/* A tick a second, so that a wait can end although nothing happens. */
static inline void harness_clock(bool on)
{
	struct itimerval each_second = {
		.it_interval.tv_sec = on, .it_value.tv_sec = on,
	};
	struct sigaction action = { .sa_handler = on ? harness_tick : SIG_DFL };

	harness_ticks = 0;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &each_second, NULL);
}

/* False where the child is still there when @seconds have passed. */
static inline bool harness_reap(pid_t child, int *status, int seconds)
{
	harness_ticks = 0;
	while (harness_ticks < seconds) {
		if (waitpid(child, status, 0) == child)
			return true;
		if (errno != EINTR)
			return false;
	}
	return false;
}

static inline void harness_child(const struct harness_test *test)
{
	setpgid(0, 0);
	test->run();
	fflush(stdout);
	_exit(HARNESS_PASS);
}

static inline int harness_verdict(const struct harness_test *test, int status)
{
	if (WIFSIGNALED(status)) {
		printf("# %s: ended by signal %d\n", test->name,
		       WTERMSIG(status));
		return HARNESS_FAIL;
	}
	if (WEXITSTATUS(status) == HARNESS_PASS ||
	    WEXITSTATUS(status) == HARNESS_SKIP)
		return WEXITSTATUS(status);
	return HARNESS_FAIL;
}

static inline int harness_run_one(const struct harness_test *test)
{
	int status = 0;
	bool ended;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child < 0) {
		printf("# %s: fork: %s\n", test->name, strerror(errno));
		return HARNESS_FAIL;
	}
	if (!child)
		harness_child(test);
	setpgid(child, child);
	harness_clock(true);
	ended = harness_reap(child, &status, test->timeout);
	kill(-child, SIGKILL);
	if (!ended) {
		printf("# %s: no end after %u s\n", test->name, test->timeout);
		if (!harness_reap(child, &status, HARNESS_GRACE))
			printf("# %s: cannot be killed\n", test->name);
	}
	harness_clock(false);
	return ended ? harness_verdict(test, status) : HARNESS_FAIL;
}

static inline void harness_report(const struct harness_test *test, int number,
				  int verdict)
{
	if (verdict == HARNESS_PASS)
		printf("ok %d %s\n", number, test->name);
	else if (verdict == HARNESS_SKIP)
		printf("ok %d %s # SKIP %s\n", number, test->name,
		       harness_reason);
	else
		printf("not ok %d %s\n", number, test->name);
}

/* Runs every case; returns the exit status of the program. */
static inline int harness_run(void)
{
	int total = 0, number = 0, passed = 0, skipped = 0;
	struct harness_test *test;

	harness_reason = mmap(NULL, HARNESS_REASON, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (harness_reason == MAP_FAILED) {
		perror("mmap");
		return HARNESS_FAIL;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (test = harness_first; test; test = test->next)
		total++;
	printf("KTAP version 1\n1..%d\n", total);
	for (test = harness_first; test; test = test->next) {
		int verdict = harness_run_one(test);

		harness_report(test, ++number, verdict);
		passed += verdict == HARNESS_PASS;
		skipped += verdict == HARNESS_SKIP;
	}
	printf("# totals: pass:%d fail:%d skip:%d\n", passed,
	       total - passed - skipped, skipped);
	fflush(stdout);
	if (passed + skipped < total)
		return HARNESS_FAIL;
	return passed || !total ? HARNESS_PASS : HARNESS_SKIP;
}

#endif /* LIGHTOS_HARNESS_H */
