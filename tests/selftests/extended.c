// SPDX-License-Identifier: GPL-2.0
/*
 * The extended calls: answers, growth by size, unknown flags, reserved fields,
 * the open mode, and what RESET resets.
 */
#include "engine.h"

/* Room for a structure of a later version. */
#define ROOM	8192

union argument {
	uint32_t size;
	struct {
		uint32_t size;
		uint32_t flags;
	} head;
	struct lightos_query query;
	struct lightos_nop nop;
	struct lightos_spiking_counters counters;
	struct lightos_spiking_reset reset;
	unsigned char bytes[ROOM];
};

struct call {
	const char *name;
	unsigned long code;
	uint32_t size;
	bool query;
};

static const struct call calls[] = {
	{ "QUERY", LIGHTOS_IOC_QUERY, sizeof(struct lightos_query), true },
	{ "NOP", LIGHTOS_IOC_NOP, sizeof(struct lightos_nop), false },
	{ "COUNTERS", LIGHTOS_IOC_SPIKING_COUNTERS,
	  sizeof(struct lightos_spiking_counters), true },
	{ "RESET", LIGHTOS_IOC_SPIKING_RESET,
	  sizeof(struct lightos_spiking_reset), false },
};

#define CALLS	(sizeof(calls) / sizeof(calls[0]))

/* A valid argument; RESET gets a flag that finds nothing to reset. */
static void fill(const struct call *call, union argument *argument)
{
	memset(argument, 0, sizeof(*argument));
	argument->size = call->size;
	if (call->code == LIGHTOS_IOC_SPIKING_RESET)
		argument->head.flags = LIGHTOS_RESET_PENDING;
}

static void expect(int fd, const struct call *call, union argument *argument,
		   int error)
{
	int result;

	errno = 0;
	result = ioctl(fd, call->code, argument);
	if ((result < 0 ? errno : 0) != error)
		FAIL("%s, size %u: %s, expected %s", call->name,
		     argument->size, strerror(errno), strerror(error));
}

TEST(query_answers)
{
	struct lightos_query query;
	int fd = fresh();

	memset(&query, 0xaa, sizeof(query));
	query.size = sizeof(query);
	query.flags = 0;
	CHECK_EQ(ioctl(fd, LIGHTOS_IOC_QUERY, &query), 0);
	CHECK_EQ(query.size, sizeof(query));
	CHECK_EQ(query.flags, 0);
	CHECK_EQ(query.features & LIGHTOS_FEATURE_SPIKING,
		 LIGHTOS_FEATURE_SPIKING);
	CHECK_EQ(query.features & ~(LIGHTOS_FEATURE_SPIKING |
				    LIGHTOS_FEATURE_MOE |
				    LIGHTOS_FEATURE_PHOTONIC |
				    LIGHTOS_FEATURE_REGISTRY |
				    LIGHTOS_FEATURE_NETWORKS), 0);
	CHECK_EQ(query.features & LIGHTOS_FEATURE_NETWORKS,
		 LIGHTOS_FEATURE_NETWORKS);
	CHECK_GE(query.module_version, 0x000200);
	CHECK_EQ(query.legacy_version, 0x000200);
	CHECK_EQ(query.spiking_backend, LIGHTOS_BACKEND_CPU);
	CHECK_LE(query.photonic_backend, LIGHTOS_BACKEND_SILICON);
	CHECK_EQ(query.max_neurons, LIGHTOS_MAX_NEURONS);
	CHECK_EQ(query.max_pending_events, LIGHTOS_MAX_PENDING_EVENTS);
	CHECK_EQ(query.min_interval_us, LIGHTOS_MIN_INTERVAL_US);
	CHECK_EQ(query.max_interval_us, LIGHTOS_MAX_INTERVAL_US);
	CHECK_EQ(query.max_devices, LIGHTOS_MAX_DEVICES);
	CHECK_EQ(query.max_links, LIGHTOS_MAX_LINKS);
}

TEST(nop_takes_any_cookie)
{
	static const uint64_t cookies[] = { 0, 1, 1ULL << 63, ~0ULL };
	int fd = fresh();
	size_t i;

	for (i = 0; i < sizeof(cookies) / sizeof(cookies[0]); i++) {
		struct lightos_nop nop = {
			.size = sizeof(nop), .cookie = cookies[i],
		};

		CHECK_EQ(ioctl(fd, LIGHTOS_IOC_NOP, &nop), 0);
		CHECK_EQ(nop.cookie, cookies[i]);
	}
}

TEST(nop_reserved_field)
{
	static const uint64_t values[] = { 1, 1ULL << 32, 1ULL << 63, ~0ULL };
	int fd = fresh();
	size_t i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct lightos_nop nop = {
			.size = sizeof(nop), .reserved = values[i],
		};

		CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_NOP, &nop), EINVAL);
	}
}

TEST(counters_after_reset)
{
	struct lightos_spiking_counters counters = get_counters(fresh());

	CHECK_EQ(counters.size, sizeof(counters));
	CHECK(all_bytes((char *)&counters + sizeof(counters.size),
			sizeof(counters) - sizeof(counters.size), 0));
}

TEST(counters_agree_with_statistics)
{
	int fd = fresh();
	struct lightos_spiking_counters counters;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	submit(fd, 1, 0, 600);
	submit(fd, 2, 0, 10);
	apply(fd);
	submit(fd, 3, 0, 10);
	counters = get_counters(fd);
	CHECK_EQ(counters.events_submitted, 3);
	CHECK_EQ(counters.events_processed, 2);
	CHECK_EQ(counters.events_pending, 1);
	CHECK_EQ(counters.synaptic_ops, 2);
	CHECK_EQ(counters.spikes, 1);
	CHECK_EQ(counters.neurons_used, 2);
	CHECK_EQ(counters.neuron_updates, 2);
	CHECK_EQ(counters.running, 0);
	CHECK_EQ(get_stats(fd).total_events_processed, 2);
	start(fd);
	CHECK_EQ(get_counters(fd).running, 1);
}

TEST(size_too_small)
{
	int fd = fresh();
	struct snapshot before;
	union argument argument;
	size_t i;
	uint32_t size;

	submit(fd, 1, 0, 10);
	before = take_snapshot(fd);
	for (i = 0; i < CALLS; i++)
		for (size = 0; size < calls[i].size; size++) {
			fill(&calls[i], &argument);
			argument.size = size;
			expect(fd, &calls[i], &argument, EINVAL);
		}
	CHECK_UNCHANGED(fd, &before);
}

/* A caller with a later header, who leaves what is new at zero. */
TEST(larger_with_zero_tail)
{
	static const uint32_t more[] = { 1, 4, 8, 100, 1000 };
	int fd = fresh();
	union argument argument;
	size_t i, j;

	for (i = 0; i < CALLS; i++)
		for (j = 0; j < sizeof(more) / sizeof(more[0]); j++) {
			fill(&calls[i], &argument);
			argument.size = calls[i].size + more[j];
			expect(fd, &calls[i], &argument, 0);
			CHECK(all_bytes(argument.bytes + calls[i].size,
					ROOM - calls[i].size, 0));
			/* Answers say how much of them is filled in. */
			if (calls[i].query)
				CHECK_EQ(argument.size, calls[i].size);
		}
}

/* The same caller, who uses what is new. */
TEST(larger_with_nonzero_tail)
{
	static const uint32_t more[] = { 1, 4, 8, 100, 1000 };
	int fd = fresh();
	struct snapshot before;
	union argument argument;
	size_t i, j;

	submit(fd, 1, 0, 10);
	before = take_snapshot(fd);
	for (i = 0; i < CALLS; i++)
		for (j = 0; j < sizeof(more) / sizeof(more[0]); j++) {
			fill(&calls[i], &argument);
			argument.size = calls[i].size + more[j];
			argument.bytes[argument.size - 1] = 1;
			expect(fd, &calls[i], &argument, E2BIG);
			fill(&calls[i], &argument);
			argument.size = calls[i].size + more[j];
			argument.bytes[calls[i].size] = 0x80;
			expect(fd, &calls[i], &argument, E2BIG);
		}
	CHECK_UNCHANGED(fd, &before);
}

/* What lies after the size given is nobody's business. */
TEST(bytes_after_the_structure_are_ignored)
{
	int fd = fresh();
	union argument argument;
	size_t i;

	for (i = 0; i < CALLS; i++) {
		fill(&calls[i], &argument);
		memset(argument.bytes + calls[i].size, 0xaa,
		       ROOM - calls[i].size);
		expect(fd, &calls[i], &argument, 0);
		CHECK(all_bytes(argument.bytes + calls[i].size,
				ROOM - calls[i].size, 0xaa));
	}
}

TEST(absurd_size)
{
	static const uint32_t sizes[] = {
		4097, 8192, 65536, 0x7fffffff, 0x80000000, 0xffffffff,
	};
	int fd = fresh();
	struct snapshot before;
	union argument argument;
	size_t i, j;

	submit(fd, 1, 0, 10);
	before = take_snapshot(fd);
	for (i = 0; i < CALLS; i++)
		for (j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			fill(&calls[i], &argument);
			argument.size = sizes[j];
			expect(fd, &calls[i], &argument, E2BIG);
		}
	CHECK_UNCHANGED(fd, &before);
}

TEST(unknown_flags)
{
	int fd = fresh();
	struct snapshot before;
	union argument argument;
	size_t i;
	int bit;

	submit(fd, 1, 0, 10);
	before = take_snapshot(fd);
	for (i = 0; i < CALLS; i++)
		for (bit = 0; bit < 32; bit++) {
			if (calls[i].code == LIGHTOS_IOC_SPIKING_RESET &&
			    (RESET_ALL & 1U << bit))
				continue;
			fill(&calls[i], &argument);
			argument.head.flags |= 1U << bit;
			expect(fd, &calls[i], &argument, EINVAL);
		}
	CHECK_UNCHANGED(fd, &before);
}

TEST(reset_needs_a_flag)
{
	int fd = fresh();
	struct snapshot before;

	submit(fd, 1, 0, 10);
	before = take_snapshot(fd);
	CHECK_ERRNO(try_reset(fd, 0), EINVAL);
	CHECK_UNCHANGED(fd, &before);
}

/* The size within the call's code does not matter: the structure has one. */
TEST(any_size_in_the_code)
{
	static const unsigned int sizes[] = { 0, 4, 8, 1000 };
	int fd = fresh();
	union argument argument;
	size_t i, j;

	for (i = 0; i < CALLS; i++)
		for (j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			struct call call = calls[i];

			call.code = _IOC(_IOC_DIR(call.code), 'L',
					 _IOC_NR(call.code), sizes[j]);
			fill(&calls[i], &argument);
			expect(fd, &call, &argument, 0);
		}
}

static void check_open_mode(int flags, int error_of_others)
{
	int fd = open_node(flags);
	union argument argument;
	size_t i;

	for (i = 0; i < CALLS; i++) {
		fill(&calls[i], &argument);
		expect(fd, &calls[i], &argument,
		       calls[i].query ? 0 : error_of_others);
	}
	close(fd);
}

TEST(open_mode)
{
	int fd = fresh();
	struct lightos_spiking_reset all = {
		.size = sizeof(all), .flags = RESET_ALL,
	};
	struct snapshot before;
	int reader;

	check_open_mode(O_RDWR, 0);
	check_open_mode(O_WRONLY, 0);
	check_open_mode(O_RDONLY, EBADF);
	submit(fd, 1, 0, 10);
	before = take_snapshot(fd);
	reader = open_node(O_RDONLY);
	CHECK_ERRNO(ioctl(reader, LIGHTOS_IOC_SPIKING_RESET, &all), EBADF);
	CHECK_UNCHANGED(fd, &before);
	CHECK_ERRNO(ioctl(reader, _IO('L', 0x22), &all), ENOTTY);
}

/* One neuron has spiked, one event waits for a later time. */
static int engine_with_a_past(void)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_TEMPORAL, 1234);
	submit(fd, 1, 0, 600);
	apply(fd);
	submit(fd, 2, 0, 10);
	CHECK_EQ(spikes_of(fd, 1), 1);
	return fd;
}

TEST(reset_neurons)
{
	int fd = engine_with_a_past();
	struct lightos_neuron_state state;

	reset(fd, LIGHTOS_RESET_NEURONS);
	state = get_neuron(fd, 1);
	CHECK_EQ(state.state, LIGHTOS_NEURON_RESTING);
	CHECK_EQ(state.membrane_potential_mv, REST_MV);
	CHECK_EQ(state.total_spikes, 0);
	CHECK_EQ(state.current_rate_hz, 0);
	CHECK_EQ(get_counters(fd).neurons_used, 0);
	CHECK_EQ(get_counters(fd).events_pending, 1);
	CHECK_EQ(get_counters(fd).spikes, 1);
	CHECK_EQ(get_stats(fd).total_events_processed, 1);
	/* Not refractory any more either. */
	submit(fd, 1, 0, 600);
	apply(fd);
	CHECK_EQ(spikes_of(fd, 1), 1);
}

TEST(reset_pending)
{
	int fd = engine_with_a_past();

	reset(fd, LIGHTOS_RESET_PENDING);
	CHECK_EQ(get_counters(fd).events_pending, 0);
	CHECK_EQ(get_counters(fd).events_processed, 1);
	CHECK_EQ(spikes_of(fd, 1), 1);
	apply(fd);
	CHECK_EQ(get_counters(fd).events_processed, 1);
	CHECK_EQ(get_counters(fd).neurons_used, 1);
}

TEST(reset_pending_makes_room)
{
	int fd = fresh();
	uint32_t i;

	for (i = 0; i < LIGHTOS_MAX_PENDING_EVENTS; i++)
		submit(fd, i, now_ns() - i % 3 * NS_PER_MS, 10);
	CHECK_ERRNO(try_submit(fd, 1, 0, 10), ENOSPC);
	reset(fd, LIGHTOS_RESET_PENDING);
	for (i = 0; i < LIGHTOS_MAX_PENDING_EVENTS; i++)
		submit(fd, i, 0, 10);
	CHECK_ERRNO(try_submit(fd, 1, 0, 10), ENOSPC);
}

TEST(reset_counters)
{
	int fd = engine_with_a_past();
	struct lightos_spiking_counters counters;

	reset(fd, LIGHTOS_RESET_COUNTERS);
	counters = get_counters(fd);
	CHECK_EQ(counters.events_pending, 1);
	CHECK_EQ(counters.neurons_used, 1);
	counters.events_pending = 0;
	counters.neurons_used = 0;
	CHECK(all_bytes((char *)&counters + sizeof(counters.size),
			sizeof(counters) - sizeof(counters.size), 0));
	CHECK_EQ(get_stats(fd).total_events_processed, 0);
	CHECK_EQ(get_stats(fd).events_dropped, 0);
	CHECK_EQ(spikes_of(fd, 1), 1);
}

TEST(reset_keeps_configuration_and_running)
{
	int fd = engine_with_a_past();
	struct lightos_spiking_config stats;

	start(fd);
	reset(fd, RESET_ALL);
	stats = get_stats(fd);
	CHECK_EQ(stats.encoding, LIGHTOS_ENCODING_TEMPORAL);
	CHECK_EQ(stats.processing_interval_us, 1234);
	CHECK_EQ(stats.enabled, 1);
	CHECK_EQ(get_counters(fd).running, 1);
	submit(fd, 5, 0, 600);
	CHECK_EQ(spikes_of(fd, 5), 1);
}

int main(void)
{
	return harness_run();
}
