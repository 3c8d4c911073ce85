// SPDX-License-Identifier: GPL-2.0
/*
 * Injected faults: for open(), every call and the loading of the module, the
 * n-th thing that can fail (allocation or copy from or to user space) fails,
 * for n = 1, 2, ... until nothing is left to fail. Whatever the call answers,
 * a call that fails has changed nothing.
 *
 * Needs CONFIG_FAULT_INJECTION with FAILSLAB, FAIL_PAGE_ALLOC and
 * FAULT_INJECTION_USERCOPY, and root.
 */
#include <stddef.h>

#include "faults.h"
#include "module.h"

/* More sites than loading has. */
#define LOAD_SITES	1000000
/* Loading is the same for both words: a sample will do for the second. */
#define LOAD_STEP	(sizeof(long) == 8 ? 1 : 16)

/* One call under test. */
struct operation {
	const char *name;
	void (*prepare)(int fd);
	int (*run)(int fd);
	/* Whether the call's effect is there. NULL: it has none. */
	bool (*took_effect)(int fd);
};

static struct lightos_spiking_config config;
static struct lightos_spike_event event;
static struct lightos_neuron_state neuron;
static struct lightos_device_state device;
static struct lightos_query query;
static struct lightos_nop nop;
static struct lightos_spiking_counters counters;
static struct lightos_spiking_reset all;

/* Arguments are global and written here, so that no page is missing later. */
static void prepare_arguments(int fd)
{
	(void)fd;
	memset(&config, 0, sizeof(config));
	config.enabled = 1;
	config.processing_interval_us = 4321;
	memset(&event, 0, sizeof(event));
	event.neuron_id = 3;
	memset(&neuron, 0, sizeof(neuron));
	memset(&device, 0, sizeof(device));
	memset(&query, 0, sizeof(query));
	query.size = sizeof(query);
	memset(&nop, 0, sizeof(nop));
	nop.size = sizeof(nop);
	memset(&counters, 0, sizeof(counters));
	counters.size = sizeof(counters);
	all.size = sizeof(all);
	all.flags = RESET_ALL;
}

static void prepare_past(int fd)
{
	stop(fd);
	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	reset(fd, RESET_ALL);
	submit(fd, 1, 0, 600);
	apply(fd);
	submit(fd, 2, 0, 10);
	prepare_arguments(fd);
}

static void prepare_started(int fd)
{
	prepare_past(fd);
	start(fd);
}

static int run_config(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_SPIKING_CONFIG, &config);
}

static bool configured(int fd)
{
	return get_stats(fd).processing_interval_us == 4321;
}

static int run_submit(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_SPIKING_SUBMIT_EVENT, &event);
}

static bool submitted(int fd)
{
	return get_counters(fd).events_pending == 2;
}

static int run_start(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_SPIKING_START);
}

static bool started(int fd)
{
	return get_counters(fd).running == 1;
}

static int run_stop(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_SPIKING_STOP);
}

static bool stopped(int fd)
{
	return get_counters(fd).running == 0;
}

static int run_get_stats(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_SPIKING_GET_STATS, &config);
}

static int run_neuron(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_GET_NEURON_STATE, &neuron);
}

static int run_device(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_GET_DEVICE_STATE, &device);
}

static int run_query(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_QUERY, &query);
}

static int run_nop(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_NOP, &nop);
}

static int run_counters(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_SPIKING_COUNTERS, &counters);
}

static int run_reset(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_SPIKING_RESET, &all);
}

static bool was_reset(int fd)
{
	return get_counters(fd).events_pending == 0 &&
	       get_counters(fd).events_submitted == 0;
}

static int run_open(int fd)
{
	int opened = open(LIGHTOS_NODE, O_RDWR);

	(void)fd;
	return opened;
}

/* Runs the operation with its n-th site failing; true where it has no such. */
static bool run_with_fault(int fd, const struct operation *operation,
			   unsigned int n)
{
	struct snapshot before;
	unsigned int left;
	int result, error;

	operation->prepare(fd);
	before = take_snapshot(fd);
	arm(n);
	errno = 0;
	result = operation->run(fd);
	error = errno;
	left = disarm();
	if (result < 0) {
		if (left)
			FAIL("%s fails without a fault: %s", operation->name,
			     strerror(error));
		if (error != ENOMEM && error != EFAULT)
			FAIL("%s, site %u: %s", operation->name, n,
			     strerror(error));
		CHECK_UNCHANGED(fd, &before);
	} else if (operation->took_effect && !operation->took_effect(fd)) {
		FAIL("%s, site %u: success without effect", operation->name, n);
	}
	if (result > 0)
		CHECK_OK(close(result));
	return left;
}

/* @sites: the least number of sites that must have failed. */
static void check_operation(const struct operation *operation,
			    unsigned int sites)
{
	unsigned int n;
	int fd, opened;

	need_faults();
	fd = fresh();
	/* Once undisturbed, so that what is set up on first use is there. */
	operation->prepare(fd);
	opened = operation->run(fd);
	CHECK_OK(opened);
	if (opened > 0)
		CHECK_OK(close(opened));
	for (n = 1; !run_with_fault(fd, operation, n); n++)
		CHECK_LE(n, MAX_SITES);
	CHECK_GE(n - 1, sites);
}

#define FAULT_TEST(op, prepare_, took_effect_, sites)			\
	TEST(op##_call)							\
	{								\
		static const struct operation operation = {		\
			.name = #op, .prepare = prepare_,		\
			.run = run_##op, .took_effect = took_effect_,	\
		};							\
									\
		check_operation(&operation, sites);			\
	}

FAULT_TEST(open, prepare_past, NULL, 1)
FAULT_TEST(device, prepare_past, NULL, 2)
FAULT_TEST(config, prepare_past, configured, 2)
FAULT_TEST(start, prepare_past, started, 0)
FAULT_TEST(submit, prepare_past, submitted, 1)
FAULT_TEST(get_stats, prepare_past, NULL, 1)
FAULT_TEST(neuron, prepare_past, NULL, 2)
FAULT_TEST(query, prepare_past, NULL, 2)
FAULT_TEST(nop, prepare_past, NULL, 1)
FAULT_TEST(counters, prepare_past, NULL, 2)
FAULT_TEST(reset, prepare_past, was_reset, 1)

/* The clock moves while the engine runs: only the effect is looked at. */
TEST(stop_while_running)
{
	unsigned int n, left = 0;
	int fd;

	need_faults();
	fd = fresh();
	for (n = 1; !left; n++) {
		prepare_started(fd);
		arm(n);
		CHECK_EQ(run_stop(fd), 0);
		left = disarm();
		CHECK(stopped(fd));
		CHECK_LE(n, MAX_SITES);
	}
}

/* As a program would: some calls fail, the engine goes on. */
TEST(running_engine_survives)
{
	static int (*const runs[])(int) = {
		run_submit, run_get_stats, run_neuron, run_device, run_query,
		run_nop, run_counters,
	};
	unsigned int n, i;
	int fd;

	need_faults();
	fd = fresh();
	prepare_started(fd);
	for (n = 1; n < 8; n++)
		for (i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
			prepare_arguments(fd);
			arm(n);
			if (runs[i](fd) < 0)
				CHECK(errno == ENOMEM || errno == EFAULT);
			(void)disarm();
		}
	CHECK(started(fd));
	submit(fd, 5, 0, 600);
	CHECK_EQ(spikes_of(fd, 5), 1);
}

/* Loads with the n-th site failing; returns the sites left. */
static unsigned int load_with_fault(unsigned int n)
{
	int file = module_file();
	unsigned int left;
	int result;

	arm(n);
	result = (int)syscall(SYS_finit_module, file, "", 0);
	left = disarm();
	close(file);
	if (!result) {
		/* The driver core loads on where it cannot make the node. */
		int fd = open(LIGHTOS_NODE, O_RDWR);

		if (fd < 0)
			CHECK_EQ(errno, ENOENT);
		else
			CHECK_EQ(get_counters(fd).running, 0);
	} else {
		CHECK(!left);
		CHECK(!module_present());
		CHECK_ERRNO(open(LIGHTOS_NODE, O_RDWR), ENOENT);
	}
	return left;
}

/* In a process of its own, whose open files go with it. */
static unsigned int try_load_with_fault(unsigned int n)
{
	unsigned int *left = mmap(NULL, sizeof(*left), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int answer;
	pid_t child;
	int status;

	CHECK(left != MAP_FAILED);
	*left = 0;
	child = fork();
	CHECK_OK(child);
	if (!child) {
		close(fail_nth);
		fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
		*left = load_with_fault(n);
		_exit(HARNESS_PASS);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	if (status)
		FAIL("loading with site %u failing went wrong", n);
	if (module_present())
		unload_between_opens();
	answer = *left;
	munmap(left, sizeof(*left));
	return answer;
}

TEST_TIMEOUT(module_load, 3 * HARNESS_TIMEOUT)
{
	unsigned int total, n;

	need_faults();
	need_module_control();
	load_if_absent();
	unload_between_opens();
	total = LOAD_SITES - try_load_with_fault(LOAD_SITES);
	printf("# loading has %u sites\n", total);
	CHECK_GT(total, 0);
	CHECK_LE(total, LOAD_SITES - 1);
	for (n = 1; n <= total; n += LOAD_STEP)
		(void)try_load_with_fault(n);
	/* Nothing of the failures stands in the way of a load. */
	CHECK_EQ(get_stats(reload()).processing_interval_us, 1000);
}

int main(void)
{
	int status = harness_run();

	leave_loaded();
	return status;
}
