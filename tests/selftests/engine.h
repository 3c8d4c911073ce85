/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of /dev/lightos share: opening it, bringing the engine to a
 * known state, one-line wrappers of the calls, and snapshots that show whether
 * a refused call left anything behind.
 *
 * Tests never depend on how fast they run. Events that need an exact distance
 * in time get timestamps inside a stretch that has already passed, and wait in
 * the stopped engine until all of them are in its queue.
 */
#ifndef LIGHTOS_TEST_ENGINE_H
#define LIGHTOS_TEST_ENGINE_H

#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <time.h>

#include "harness.h"
#include "lightos.h"

#define LIGHTOS_NODE	"/dev/lightos"

#define NS_PER_US	1000ULL
#define NS_PER_MS	1000000ULL
#define NS_PER_S	1000000000ULL

/* Constants of the LIF neuron of v0.2.0. */
#define THRESHOLD_MV	500
#define REST_MV		(-70)
#define RESET_MV	(-80)
#define TAU_NS		(10 * NS_PER_MS)
#define REFRACTORY_NS	(2 * NS_PER_MS)

#define RESET_ALL \
	(LIGHTOS_RESET_NEURONS | LIGHTOS_RESET_PENDING | LIGHTOS_RESET_COUNTERS)

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static inline void sleep_ns(uint64_t ns)
{
	struct timespec t = {
		.tv_sec = (time_t)(ns / NS_PER_S),
		.tv_nsec = (long)(ns % NS_PER_S),
	};

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static inline void sleep_ms(unsigned int ms)
{
	sleep_ns(ms * NS_PER_MS);
}

/* As the ABI carries it. */
static inline uint64_t user_pointer(const void *pointer)
{
	return (uintptr_t)pointer;
}

static inline int open_node(int flags)
{
	int fd = open(LIGHTOS_NODE, flags | O_CLOEXEC);

	if (fd < 0)
		FAIL("open %s: %s", LIGHTOS_NODE, strerror(errno));
	return fd;
}

static inline int try_reset(int fd, uint32_t flags)
{
	struct lightos_spiking_reset reset = {
		.size = sizeof(reset), .flags = flags,
	};

	return ioctl(fd, LIGHTOS_IOC_SPIKING_RESET, &reset);
}

static inline void reset(int fd, uint32_t flags)
{
	CHECK_OK(try_reset(fd, flags));
}

static inline void start(int fd)
{
	CHECK_EQ(ioctl(fd, LIGHTOS_IOC_SPIKING_START), 0);
}

static inline void stop(int fd)
{
	CHECK_EQ(ioctl(fd, LIGHTOS_IOC_SPIKING_STOP), 0);
}

static inline int try_config(int fd, const struct lightos_spiking_config *config)
{
	struct lightos_spiking_config copy = *config;

	return ioctl(fd, LIGHTOS_IOC_SPIKING_CONFIG, &copy);
}

/* Enabled, with the defaults but for the two arguments. */
static inline void configure(int fd, uint32_t encoding, uint32_t interval_us)
{
	struct lightos_spiking_config config = {
		.encoding = encoding,
		.enabled = 1,
		.processing_interval_us = interval_us,
	};

	CHECK_OK(try_config(fd, &config));
}

/* Opens the device and brings the engine to the state after load. */
static inline int fresh(void)
{
	const struct lightos_spiking_config defaults = { .enabled = 0 };
	int fd = open_node(O_RDWR);

	stop(fd);
	CHECK_OK(try_config(fd, &defaults));
	reset(fd, RESET_ALL);
	return fd;
}

static inline int try_submit(int fd, uint32_t neuron, uint64_t time, int32_t mv)
{
	struct lightos_spike_event event = {
		.neuron_id = neuron, .timestamp_ns = time, .amplitude_mv = mv,
	};

	return ioctl(fd, LIGHTOS_IOC_SPIKING_SUBMIT_EVENT, &event);
}

static inline void submit(int fd, uint32_t neuron, uint64_t time, int32_t mv)
{
	if (try_submit(fd, neuron, time, mv) != 0)
		FAIL("submit neuron %u, %d mV: %s", neuron, mv, strerror(errno));
}

static inline struct lightos_spiking_config get_stats(int fd)
{
	struct lightos_spiking_config stats;

	memset(&stats, 0xaa, sizeof(stats));
	CHECK_EQ(ioctl(fd, LIGHTOS_IOC_SPIKING_GET_STATS, &stats), 0);
	return stats;
}

static inline struct lightos_neuron_state get_neuron(int fd, uint32_t neuron)
{
	struct lightos_neuron_state state;

	memset(&state, 0xaa, sizeof(state));
	state.neuron_id = neuron;
	CHECK_EQ(ioctl(fd, LIGHTOS_IOC_GET_NEURON_STATE, &state), 0);
	CHECK_EQ(state.neuron_id, neuron);
	return state;
}

static inline struct lightos_spiking_counters get_counters(int fd)
{
	struct lightos_spiking_counters counters;

	memset(&counters, 0xaa, sizeof(counters));
	counters.size = sizeof(counters);
	counters.flags = 0;
	CHECK_EQ(ioctl(fd, LIGHTOS_IOC_SPIKING_COUNTERS, &counters), 0);
	return counters;
}

/*
 * Starts a stretch of time that events can be dated into, and waits until it
 * has passed. To be called after reset(): a neuron counts an event from
 * before its last update as late.
 */
static inline uint64_t pass_time(unsigned int ms)
{
	uint64_t begin = now_ns();

	sleep_ms(ms);
	return begin;
}

/* Applies what is due: starts the engine, lets it catch up, stops it. */
static inline void apply(int fd)
{
	start(fd);
	(void)get_stats(fd);
	stop(fd);
}

static inline uint64_t spikes_of(int fd, uint32_t neuron)
{
	return get_neuron(fd, neuron).total_spikes;
}

/* What a refused call must leave as it was. Of use while the engine stands. */
struct snapshot {
	struct lightos_spiking_config stats;
	struct lightos_spiking_counters counters;
};

static inline struct snapshot take_snapshot(int fd)
{
	struct snapshot taken;

	taken.stats = get_stats(fd);
	taken.counters = get_counters(fd);
	return taken;
}

static inline void check_unchanged_at(const char *file, int line, int fd,
				      const struct snapshot *before)
{
	struct snapshot after = take_snapshot(fd);
	size_t i;

	for (i = 0; i < sizeof(after.stats); i++)
		if (((char *)&after.stats)[i] != ((char *)&before->stats)[i])
			harness_fail(file, line,
				     "statistics changed at byte %zu", i);
	for (i = 0; i < sizeof(after.counters); i++)
		if (((char *)&after.counters)[i] !=
		    ((char *)&before->counters)[i])
			harness_fail(file, line,
				     "counters changed at byte %zu", i);
}

#define CHECK_UNCHANGED(fd, before) \
	check_unchanged_at(__FILE__, __LINE__, fd, before)

/* The number after "lightos-<name>:" in fdinfo; -1 if there is none. */
static inline long long fdinfo(int fd, const char *name)
{
	char path[64], line[128], wanted[64];
	long long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	snprintf(wanted, sizeof(wanted), "lightos-%s:", name);
	file = fopen(path, "r");
	CHECK(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, wanted, strlen(wanted)))
			value = strtoll(line + strlen(wanted), NULL, 10);
	fclose(file);
	return value;
}

/* True where each byte of the object has the value. */
static inline bool all_bytes(const void *object, size_t size,
			     unsigned char value)
{
	const unsigned char *byte = object;
	size_t i;

	for (i = 0; i < size; i++)
		if (byte[i] != value)
			return false;
	return true;
}

#endif /* LIGHTOS_TEST_ENGINE_H */
