// SPDX-License-Identifier: GPL-2.0
/*
 * Bad pointers to every call that has an argument: EFAULT and nothing changed,
 * whether memory is missing, protected, or ends in the middle of a structure.
 */
#include "engine.h"

struct call {
	const char *name;
	unsigned long code;
	size_t size;
	bool out;
	void (*fill)(void *argument);
};

static void fill_device(void *argument)
{
	struct lightos_device_state state = { .device_id = 0 };

	memcpy(argument, &state, sizeof(state));
}

static void fill_config(void *argument)
{
	struct lightos_spiking_config config = {
		.encoding = LIGHTOS_ENCODING_DELTA, .enabled = 1,
		.processing_interval_us = 4321,
	};

	memcpy(argument, &config, sizeof(config));
}

static void fill_event(void *argument)
{
	struct lightos_spike_event event = {
		.neuron_id = 1, .amplitude_mv = 10,
	};

	memcpy(argument, &event, sizeof(event));
}

static void fill_stats(void *argument)
{
	memset(argument, 0xaa, sizeof(struct lightos_spiking_config));
}

static void fill_neuron(void *argument)
{
	struct lightos_neuron_state state = { .neuron_id = 1 };

	memcpy(argument, &state, sizeof(state));
}

static void fill_query(void *argument)
{
	struct lightos_query query = { .size = sizeof(query) };

	memcpy(argument, &query, sizeof(query));
}

static void fill_nop(void *argument)
{
	struct lightos_nop nop = { .size = sizeof(nop) };

	memcpy(argument, &nop, sizeof(nop));
}

static void fill_counters(void *argument)
{
	struct lightos_spiking_counters counters = {
		.size = sizeof(counters),
	};

	memcpy(argument, &counters, sizeof(counters));
}

static void fill_reset(void *argument)
{
	struct lightos_spiking_reset all = {
		.size = sizeof(all), .flags = RESET_ALL,
	};

	memcpy(argument, &all, sizeof(all));
}

static const struct call calls[] = {
	{ "GET_DEVICE_STATE", LIGHTOS_IOC_GET_DEVICE_STATE,
	  sizeof(struct lightos_device_state), true, fill_device },
	{ "SPIKING_CONFIG", LIGHTOS_IOC_SPIKING_CONFIG,
	  sizeof(struct lightos_spiking_config), true, fill_config },
	{ "SUBMIT_EVENT", LIGHTOS_IOC_SPIKING_SUBMIT_EVENT,
	  sizeof(struct lightos_spike_event), false, fill_event },
	{ "GET_STATS", LIGHTOS_IOC_SPIKING_GET_STATS,
	  sizeof(struct lightos_spiking_config), true, fill_stats },
	{ "GET_NEURON_STATE", LIGHTOS_IOC_GET_NEURON_STATE,
	  sizeof(struct lightos_neuron_state), true, fill_neuron },
	{ "QUERY", LIGHTOS_IOC_QUERY, sizeof(struct lightos_query), true,
	  fill_query },
	{ "NOP", LIGHTOS_IOC_NOP, sizeof(struct lightos_nop), false, fill_nop },
	{ "COUNTERS", LIGHTOS_IOC_SPIKING_COUNTERS,
	  sizeof(struct lightos_spiking_counters), true, fill_counters },
	{ "RESET", LIGHTOS_IOC_SPIKING_RESET,
	  sizeof(struct lightos_spiking_reset), false, fill_reset },
};

#define CALLS	(sizeof(calls) / sizeof(calls[0]))

/*
 * A copy of the call's argument of which @inside bytes lie at the end of an
 * ordinary page, and the rest in a page with the protection @rest.
 */
static void *place(const struct call *call, size_t inside, int rest)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(map != MAP_FAILED);
	call->fill(map + page - inside);
	CHECK_OK(mprotect(map + page, page, rest));
	return map + page - inside;
}

static void expect(int fd, const struct call *call, void *argument, int error)
{
	int result;

	errno = 0;
	result = ioctl(fd, call->code, argument);
	if ((result < 0 ? errno : 0) != error)
		FAIL("%s: %s, expected %s", call->name, strerror(errno),
		     strerror(error));
}

/* An engine that every call would change, if it could. */
static int engine_with_a_past(void)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	submit(fd, 1, 0, 600);
	apply(fd);
	submit(fd, 1, 0, 600);
	return fd;
}

static void check_address(void *address)
{
	int fd = engine_with_a_past();
	struct snapshot before = take_snapshot(fd);
	size_t i;

	for (i = 0; i < CALLS; i++)
		expect(fd, &calls[i], address, EFAULT);
	CHECK_UNCHANGED(fd, &before);
}

TEST(null)
{
	check_address(NULL);
}

TEST(unmapped)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *map = mmap(NULL, page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(map != MAP_FAILED);
	CHECK_OK(munmap(map, page));
	check_address(map);
}

TEST(kernel_addresses)
{
#ifdef __i386__
	check_address((void *)0xfffff000);
#else
	check_address((void *)0xffff888000000000);
	check_address((void *)0xffffffff81000000);
	check_address((void *)0x8000000000000000);
#endif
}

TEST(end_of_the_address_space)
{
	check_address((void *)-1);
	check_address((void *)-8);
}

TEST(inaccessible_page)
{
	int fd = engine_with_a_past();
	struct snapshot before = take_snapshot(fd);
	size_t i;

	for (i = 0; i < CALLS; i++)
		expect(fd, &calls[i], place(&calls[i], 0, PROT_NONE), EFAULT);
	CHECK_UNCHANGED(fd, &before);
}

/* However much of the structure is there, all of it must be. */
TEST(straddling_into_an_inaccessible_page)
{
	int fd = engine_with_a_past();
	struct snapshot before = take_snapshot(fd);
	size_t i, inside;

	for (i = 0; i < CALLS; i++)
		for (inside = 1; inside < calls[i].size; inside++)
			expect(fd, &calls[i],
			       place(&calls[i], inside, PROT_NONE), EFAULT);
	CHECK_UNCHANGED(fd, &before);
}

/* Calls with an answer that cannot be delivered do nothing either. */
TEST(read_only_answer)
{
	int fd = engine_with_a_past();
	struct snapshot before = take_snapshot(fd);
	size_t i;

	for (i = 0; i < CALLS; i++)
		if (calls[i].out)
			expect(fd, &calls[i], place(&calls[i], 0, PROT_READ),
			       EFAULT);
	CHECK_UNCHANGED(fd, &before);
}

TEST(straddling_into_a_read_only_page)
{
	int fd = engine_with_a_past();
	struct snapshot before = take_snapshot(fd);
	size_t i, inside;

	for (i = 0; i < CALLS; i++)
		for (inside = 4; calls[i].out && inside < calls[i].size;
		     inside += 4)
			expect(fd, &calls[i],
			       place(&calls[i], inside, PROT_READ), EFAULT);
	CHECK_UNCHANGED(fd, &before);
}

/* What a call only reads need not be writable. */
TEST(read_only_argument)
{
	int fd = engine_with_a_past();
	size_t i;

	for (i = 0; i < CALLS; i++)
		if (!calls[i].out)
			expect(fd, &calls[i], place(&calls[i], 0, PROT_READ),
			       0);
}

/* Up against the end of a page is enough: nothing beyond is touched. */
TEST(nothing_beyond_the_structure)
{
	int fd = engine_with_a_past();
	size_t i;

	for (i = 0; i < CALLS; i++)
		expect(fd, &calls[i],
		       place(&calls[i], calls[i].size, PROT_NONE), 0);
}

TEST(unaligned_argument)
{
	int fd = engine_with_a_past();
	size_t i;

	for (i = 0; i < CALLS; i++)
		expect(fd, &calls[i],
		       place(&calls[i], calls[i].size + 1, PROT_NONE), 0);
}

/* The tail of a larger structure of a later version is looked at. */
TEST(unreadable_tail_of_an_extended_structure)
{
	int fd = engine_with_a_past();
	struct snapshot before = take_snapshot(fd);
	size_t i;

	for (i = 0; i < CALLS; i++) {
		uint32_t *size;

		if (_IOC_NR(calls[i].code) < 0x20)
			continue;
		size = place(&calls[i], calls[i].size, PROT_NONE);
		*size += 8;
		expect(fd, &calls[i], size, EFAULT);
	}
	CHECK_UNCHANGED(fd, &before);
}

/* The running engine goes on after all of this. */
TEST(running_engine_is_unharmed)
{
	int fd = engine_with_a_past();
	size_t i;

	start(fd);
	for (i = 0; i < CALLS; i++) {
		expect(fd, &calls[i], NULL, EFAULT);
		expect(fd, &calls[i], place(&calls[i], 4, PROT_NONE), EFAULT);
	}
	CHECK_EQ(get_counters(fd).running, 1);
	submit(fd, 2, 0, 600);
	CHECK_EQ(spikes_of(fd, 2), 1);
}

int main(void)
{
	return harness_run();
}
