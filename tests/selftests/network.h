/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of networks share: descriptions, loading, runs, records, and
 * a few networks whose results are known.
 */
#ifndef LIGHTOS_TEST_NETWORK_H
#define LIGHTOS_TEST_NETWORK_H

#include <pthread.h>

#include "engine.h"

#define TABLES		(LIGHTOS_TABLE_PROBES + 1)

#define LENGTH(array)	(sizeof(array) / sizeof((array)[0]))

/* A unit of potential in these tests: ample digits before and behind it. */
#define UNIT		(1LL << 40)
#define HALF		(LIGHTOS_PROPAGATOR_ONE / 2)

/* A step that no test ever gets to. */
#define FAR		(1ULL << 60)

/* An interval of real time in which no second step comes. */
#define NEVER_NS	1000000000000ULL

struct table {
	const void *entries;
	uint64_t count;
};

#define TABLE(array)	{ array, LENGTH(array) }

/* A description of a network; the tables belong to the caller. */
struct description {
	uint32_t inputs;
	uint64_t step_ns;
	struct table tables[TABLES];
};

static inline size_t entry_bytes(uint32_t table)
{
	static const size_t bytes[TABLES] = {
		[LIGHTOS_TABLE_POPULATIONS] = sizeof(struct lightos_population),
		[LIGHTOS_TABLE_LOIHI_PARAMS] =
			sizeof(struct lightos_loihi_params),
		[LIGHTOS_TABLE_EXACT_PARAMS] =
			sizeof(struct lightos_exact_params),
		[LIGHTOS_TABLE_DELAYS] = 4,
		[LIGHTOS_TABLE_STARTS] = 4,
		[LIGHTOS_TABLE_SYNAPSES] = 4,
		[LIGHTOS_TABLE_BLOCKS] = sizeof(struct lightos_block),
		[LIGHTOS_TABLE_WEIGHTS] = 1,
		[LIGHTOS_TABLE_PROBES] = 4,
	};

	return bytes[table];
}

static inline uint32_t synapse(uint16_t target, int16_t weight)
{
	return target | (uint32_t)(uint16_t)weight << 16;
}

/* ------------------------------------------------------------------ */
/* Loading                                                            */
/* ------------------------------------------------------------------ */

static inline int try_begin(int fd, const struct description *d)
{
	struct lightos_network_begin begin = {
		.size = sizeof(begin),
		.inputs = d->inputs,
		.step_ns = d->step_ns,
		.populations = d->tables[LIGHTOS_TABLE_POPULATIONS].count,
		.loihi_params = d->tables[LIGHTOS_TABLE_LOIHI_PARAMS].count,
		.exact_params = d->tables[LIGHTOS_TABLE_EXACT_PARAMS].count,
		.delays = d->tables[LIGHTOS_TABLE_DELAYS].count,
		.starts = d->tables[LIGHTOS_TABLE_STARTS].count,
		.synapses = d->tables[LIGHTOS_TABLE_SYNAPSES].count,
		.blocks = d->tables[LIGHTOS_TABLE_BLOCKS].count,
		.weights = d->tables[LIGHTOS_TABLE_WEIGHTS].count,
		.probes = d->tables[LIGHTOS_TABLE_PROBES].count,
	};

	return ioctl(fd, LIGHTOS_IOC_NETWORK_BEGIN, &begin);
}

static inline int try_write(int fd, uint32_t table, uint64_t first,
			    uint64_t count, const void *entries,
			    struct lightos_network_fault *fault)
{
	struct lightos_network_write write = {
		.size = sizeof(write), .table = table, .first = first,
		.count = count, .data = user_pointer(entries),
	};
	int result = ioctl(fd, LIGHTOS_IOC_NETWORK_WRITE, &write);

	if (fault)
		*fault = write.fault;
	return result;
}

static inline int try_commit(int fd, struct lightos_network_fault *fault)
{
	struct lightos_network_commit commit = { .size = sizeof(commit) };
	int result = ioctl(fd, LIGHTOS_IOC_NETWORK_COMMIT, &commit);

	if (fault)
		*fault = commit.fault;
	return result;
}

static inline void write_tables(int fd, const struct description *d)
{
	struct lightos_network_fault fault;
	uint32_t table;

	for (table = 1; table < TABLES; table++)
		if (try_write(fd, table, 0, d->tables[table].count,
			      d->tables[table].entries, &fault) < 0)
			FAIL("write table %u: %s, entry %llu, field %s", table,
			     strerror(errno), (unsigned long long)fault.entry,
			     fault.field);
}

/* Everything but the commit. */
static inline void prepare_network(int fd, const struct description *d)
{
	CHECK_OK(try_begin(fd, d));
	write_tables(fd, d);
}

static inline void load_network(int fd, const struct description *d)
{
	struct lightos_network_fault fault;

	prepare_network(fd, d);
	if (try_commit(fd, &fault) < 0)
		FAIL("commit: %s, table %u, entry %llu, field %s, problem %u",
		     strerror(errno), fault.table,
		     (unsigned long long)fault.entry, fault.field,
		     fault.problem);
}

/* A new file with a network. */
static inline int open_network(const struct description *d)
{
	int fd = open_node(O_RDWR);

	load_network(fd, d);
	return fd;
}

/* ------------------------------------------------------------------ */
/* Runs and records                                                   */
/* ------------------------------------------------------------------ */

/* Returns the number of the run, or -1. */
static inline int try_run(int fd, uint32_t flags, uint64_t target,
			  uint64_t interval_ns)
{
	struct lightos_network_run run = {
		.size = sizeof(run), .flags = flags, .target = target,
		.interval_ns = interval_ns,
	};

	if (ioctl(fd, LIGHTOS_IOC_NETWORK_RUN, &run) < 0)
		return -1;
	return (int)run.run;
}

static inline struct lightos_network_completion completion_of(int fd)
{
	struct lightos_network_completion completion;
	ssize_t got;

	do
		got = read(fd, &completion, sizeof(completion));
	while (got < 0 && errno == EINTR);
	CHECK_EQ(got, sizeof(completion));
	return completion;
}

/* Computes so many steps and returns when they are done. */
static inline void advance(int fd, uint64_t steps)
{
	struct lightos_network_completion completion;

	CHECK_OK(try_run(fd, LIGHTOS_RUN_WAIT, steps, 0));
	completion = completion_of(fd);
	CHECK_EQ(completion.reason, LIGHTOS_RUN_DONE);
	CHECK_EQ(completion.steps, steps);
}

/* A run that computes one step and then waits for ever. */
static inline void start_waiting_run(int fd)
{
	CHECK_OK(try_run(fd, LIGHTOS_RUN_REAL_TIME, FAR, NEVER_NS));
}

static inline int try_stop(int fd)
{
	struct lightos_network_stop stop = { .size = sizeof(stop) };

	return ioctl(fd, LIGHTOS_IOC_NETWORK_STOP, &stop);
}

/* Moves records by call; returns how many, or -1. */
static inline long try_transfer(int fd, unsigned long call, uint32_t ring,
				const void *records, uint64_t count)
{
	struct lightos_network_transfer transfer = {
		.size = sizeof(transfer), .ring = ring, .count = count,
		.data = user_pointer(records),
	};

	if (ioctl(fd, call, &transfer) < 0)
		return -1;
	return (long)transfer.done;
}

static inline long try_input(int fd, const struct lightos_network_event *events,
			     uint64_t count)
{
	return try_transfer(fd, LIGHTOS_IOC_NETWORK_INPUT, LIGHTOS_RING_INPUT,
			    events, count);
}

static inline void give(int fd, const struct lightos_network_event *events,
			uint64_t count)
{
	CHECK_EQ(try_input(fd, events, count), count);
}

static inline void give_one(int fd, uint64_t step, uint32_t index,
			    int32_t weight)
{
	struct lightos_network_event event = { step, index, weight };

	give(fd, &event, 1);
}

static inline long take_spikes(int fd, struct lightos_network_spike *spikes,
			       uint64_t count)
{
	return try_transfer(fd, LIGHTOS_IOC_NETWORK_OUTPUT, LIGHTOS_RING_SPIKES,
			    spikes, count);
}

static inline long take_voltages(int fd,
				 struct lightos_network_voltage *voltages,
				 uint64_t count)
{
	return try_transfer(fd, LIGHTOS_IOC_NETWORK_OUTPUT,
			    LIGHTOS_RING_VOLTAGES, voltages, count);
}

static inline int try_rings(int fd, uint32_t input, uint32_t spikes,
			    uint32_t voltages)
{
	struct lightos_network_rings rings = {
		.size = sizeof(rings), .input_entries = input,
		.spike_entries = spikes, .voltage_entries = voltages,
	};

	return ioctl(fd, LIGHTOS_IOC_NETWORK_RINGS, &rings);
}

static inline int try_network_reset(int fd, uint32_t flags)
{
	struct lightos_network_reset reset = {
		.size = sizeof(reset), .flags = flags,
	};

	return ioctl(fd, LIGHTOS_IOC_NETWORK_RESET, &reset);
}

static inline int try_state(int fd, uint32_t flags, uint32_t first,
			    uint32_t count,
			    struct lightos_neuron_variables *variables)
{
	struct lightos_network_state state = {
		.size = sizeof(state), .flags = flags, .first = first,
		.count = count, .data = user_pointer(variables),
	};

	return ioctl(fd, LIGHTOS_IOC_NETWORK_STATE, &state);
}

static inline int try_stats(int fd, struct lightos_network_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->size = sizeof(*stats);
	return ioctl(fd, LIGHTOS_IOC_NETWORK_STATS, stats);
}

static inline struct lightos_network_stats network_stats(int fd)
{
	struct lightos_network_stats stats;

	CHECK_OK(try_stats(fd, &stats));
	CHECK_EQ(stats.size, sizeof(stats));
	return stats;
}

/* Waits until the run has come to @step. */
static inline void wait_for_step(int fd, uint64_t step)
{
	while (network_stats(fd).step < step)
		sleep_ms(1);
}

static inline void start_thread(pthread_t *thread, void *(*body)(void *),
				void *argument)
{
	if (pthread_create(thread, NULL, body, argument))
		FAIL("pthread_create");
}

static inline void join_thread(pthread_t thread)
{
	if (pthread_join(thread, NULL))
		FAIL("pthread_join");
}

/* ------------------------------------------------------------------ */
/* Networks                                                           */
/* ------------------------------------------------------------------ */

/*
 * Two Loihi neurons and an input. Input and neuron 0 by 64, neurons 0 and 1 by
 * -256 and a delay of 2. Currents halve in a step, voltages stay.
 */
static const struct lightos_population loihi_populations[] = {
	{ .count = 2, .kind = LIGHTOS_KIND_LOIHI, .params_count = 1 },
};
static const struct lightos_loihi_params loihi_params[] = {
	{ .current_decay = 2048, .threshold = 6000, .refractory_steps = 1 },
};
static const uint32_t loihi_delays[] = { 1, 2 };
static const uint32_t loihi_starts[] = { 0, 0, 1, 1, 1, 2, 2 };
static const uint32_t loihi_synapses[] = {
	1 | 0xff00u << 16, 0 | 64u << 16,
};
static const uint32_t both_neurons[] = { 0, 1 };

static const struct description loihi_network = {
	.inputs = 1,
	.step_ns = 1000000,
	.tables = {
		[LIGHTOS_TABLE_POPULATIONS] = TABLE(loihi_populations),
		[LIGHTOS_TABLE_LOIHI_PARAMS] = TABLE(loihi_params),
		[LIGHTOS_TABLE_DELAYS] = TABLE(loihi_delays),
		[LIGHTOS_TABLE_STARTS] = TABLE(loihi_starts),
		[LIGHTOS_TABLE_SYNAPSES] = TABLE(loihi_synapses),
		[LIGHTOS_TABLE_PROBES] = TABLE(both_neurons),
	},
};

/* What it does after a spike of the input in step 0. */
#define LOIHI_STEPS	8
static const int64_t loihi_voltages[LOIHI_STEPS][2] = {
	{ 0, 0 }, { 4096, 0 }, { 128, 0 }, { 0, 0 },
	{ 512, -16384 }, { 768, -24576 }, { 896, -28672 }, { 960, -30720 },
};

/* Runs it from rest and compares everything. */
static inline void check_loihi_run(int fd)
{
	struct lightos_network_voltage voltages[2 * LOIHI_STEPS + 1];
	struct lightos_network_spike spikes[2];
	long i;

	give_one(fd, 0, 0, 0);
	advance(fd, LOIHI_STEPS);
	CHECK_EQ(take_spikes(fd, spikes, LENGTH(spikes)), 1);
	CHECK_EQ(spikes[0].step, 2);
	CHECK_EQ(spikes[0].neuron, 0);
	CHECK_EQ(spikes[0].reserved, 0);
	CHECK_EQ(take_voltages(fd, voltages, LENGTH(voltages)),
		 2 * LOIHI_STEPS);
	for (i = 0; i < 2 * LOIHI_STEPS; i++) {
		CHECK_EQ(voltages[i].step, i / 2);
		CHECK_EQ(voltages[i].probe, i % 2);
		CHECK_EQ(voltages[i].reserved, 0);
		CHECK_EQ(voltages[i].value, loihi_voltages[i / 2][i % 2]);
	}
}

/* A neuron that spikes in every step, and nothing else. */
static const struct lightos_population ticker_populations[] = {
	{ .count = 1, .kind = LIGHTOS_KIND_LOIHI, .params_count = 1 },
};
static const struct lightos_loihi_params ticker_params[] = {
	{ .current_decay = 4096, .voltage_decay = 4096, .threshold = 100,
	  .bias = 1000 },
};

static const struct description ticker_network = {
	.inputs = 1,
	.step_ns = 1000000,
	.tables = {
		[LIGHTOS_TABLE_POPULATIONS] = TABLE(ticker_populations),
		[LIGHTOS_TABLE_LOIHI_PARAMS] = TABLE(ticker_params),
	},
};

/*
 * As many inputs as neurons: a spike of an input in a step is one of its neuron
 * in the next. An event with a weight makes a neuron spike in its own step.
 */
#define RELAYS	8
static const struct lightos_population relay_populations[] = {
	{ .count = RELAYS, .kind = LIGHTOS_KIND_JUMP, .params_count = 1 },
};
static const struct lightos_exact_params relay_params[] = {
	{ .membrane = 0, .gain = { UNIT }, .threshold = UNIT },
};
static const uint32_t relay_delays[] = { 1 };
static const uint32_t relay_starts[2 * RELAYS + 1] = {
	[RELAYS] = 0, 1, 2, 3, 4, 5, 6, 7, 8,
};
static const uint32_t relay_synapses[RELAYS] = {
	0 | 1 << 16, 1 | 1 << 16, 2 | 1 << 16, 3 | 1 << 16,
	4 | 1 << 16, 5 | 1 << 16, 6 | 1 << 16, 7 | 1 << 16,
};

static const struct description relay_network = {
	.inputs = RELAYS,
	.step_ns = 1000000,
	.tables = {
		[LIGHTOS_TABLE_POPULATIONS] = TABLE(relay_populations),
		[LIGHTOS_TABLE_EXACT_PARAMS] = TABLE(relay_params),
		[LIGHTOS_TABLE_DELAYS] = TABLE(relay_delays),
		[LIGHTOS_TABLE_STARTS] = TABLE(relay_starts),
		[LIGHTOS_TABLE_SYNAPSES] = TABLE(relay_synapses),
	},
};

#endif /* LIGHTOS_TEST_NETWORK_H */
