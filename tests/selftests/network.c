// SPDX-License-Identifier: GPL-2.0
/*
 * Loading of networks, and what small ones compute, step by step: every result
 * below was worked out by hand. Then the state of neurons, RESET, counters, and
 * what a network says of itself in fdinfo and debugfs.
 */
#include <stddef.h>

#include "network.h"

/* ------------------------------------------------------------------ */
/* Results                                                            */
/* ------------------------------------------------------------------ */

TEST(loihi_step_by_step)
{
	check_loihi_run(open_network(&loihi_network));
}

/*
 * Two neurons whose membrane halves in a step. Neuron 0 resets to -8 and stays
 * there for a step; it reaches neuron 1 by 50 after three.
 */
static const struct lightos_population jump_populations[] = {
	{ .count = 2, .kind = LIGHTOS_KIND_JUMP, .params_count = 1 },
};
static const struct lightos_exact_params jump_params[] = {
	{ .membrane = HALF, .gain = { UNIT }, .threshold = 100 * UNIT,
	  .reset = -8 * UNIT, .refractory_steps = 1 },
};
static const uint32_t jump_delays[] = { 1, 3 };
static const uint32_t jump_starts[] = { 0, 0, 1, 1, 1, 2, 2 };
static const uint32_t jump_synapses[] = { 1 | 50 << 16, 0 | 96 << 16 };

static const struct description jump_network = {
	.inputs = 1,
	.step_ns = 1000000,
	.tables = {
		[LIGHTOS_TABLE_POPULATIONS] = TABLE(jump_populations),
		[LIGHTOS_TABLE_EXACT_PARAMS] = TABLE(jump_params),
		[LIGHTOS_TABLE_DELAYS] = TABLE(jump_delays),
		[LIGHTOS_TABLE_STARTS] = TABLE(jump_starts),
		[LIGHTOS_TABLE_SYNAPSES] = TABLE(jump_synapses),
		[LIGHTOS_TABLE_PROBES] = TABLE(both_neurons),
	},
};

/*
 * Neuron 0 gets 16 from the input and gives -8 to neuron 1. The current of
 * positive weights halves in a step and passes a quarter on; that of negative
 * ones counts twice, loses three quarters and passes an eighth on.
 */
static const struct lightos_population exponential_populations[] = {
	{ .first = 0, .count = 1, .kind = LIGHTOS_KIND_EXPONENTIAL,
	  .params = 0, .params_count = 1 },
	{ .first = 1, .count = 1, .kind = LIGHTOS_KIND_EXPONENTIAL,
	  .params = 1, .params_count = 1 },
};
static const struct lightos_exact_params exponential_params[] = {
	{ .membrane = HALF, .current = { HALF, HALF / 2 },
	  .coupling = { HALF / 2, HALF / 4 }, .gain = { UNIT, 2 * UNIT },
	  .threshold = 6 * UNIT, .refractory_steps = 2 },
	{ .membrane = HALF, .current = { HALF, HALF / 2 },
	  .coupling = { HALF / 2, HALF / 4 }, .gain = { UNIT, 2 * UNIT },
	  .threshold = LIGHTOS_THRESHOLD_NEVER },
};
static const uint32_t exponential_delays[] = { 1 };
static const uint32_t exponential_starts[] = { 0, 1, 1, 2 };
static const uint32_t exponential_synapses[] = {
	1 | 0xfff8u << 16, 0 | 16 << 16,
};

static const struct description exponential_network = {
	.inputs = 1,
	.step_ns = 1000000,
	.tables = {
		[LIGHTOS_TABLE_POPULATIONS] = TABLE(exponential_populations),
		[LIGHTOS_TABLE_EXACT_PARAMS] = TABLE(exponential_params),
		[LIGHTOS_TABLE_DELAYS] = TABLE(exponential_delays),
		[LIGHTOS_TABLE_STARTS] = TABLE(exponential_starts),
		[LIGHTOS_TABLE_SYNAPSES] = TABLE(exponential_synapses),
		[LIGHTOS_TABLE_PROBES] = TABLE(both_neurons),
	},
};

/* Compares the voltages of the two neurons with @expected, in eighths. */
static void check_voltages(int fd, const int (*expected)[2], long steps)
{
	struct lightos_network_voltage voltages[64];
	long i;

	CHECK_EQ(take_voltages(fd, voltages, LENGTH(voltages)), 2 * steps);
	for (i = 0; i < 2 * steps; i++) {
		CHECK_EQ(voltages[i].step, i / 2);
		CHECK_EQ(voltages[i].probe, i % 2);
		CHECK_EQ(voltages[i].value, expected[i / 2][i % 2] * UNIT / 8);
	}
}

static void check_one_spike(int fd, uint64_t step, uint32_t neuron)
{
	struct lightos_network_spike spikes[2];

	CHECK_EQ(take_spikes(fd, spikes, LENGTH(spikes)), 1);
	CHECK_EQ(spikes[0].step, step);
	CHECK_EQ(spikes[0].neuron, neuron);
}

TEST(jump_step_by_step)
{
	static const int expected[8][2] = {
		{ 0, 0 }, { 96 * 8, 0 }, { 48 * 8, 0 }, { -8 * 8, 0 },
		{ -8 * 8, 0 }, { -4 * 8, 0 }, { -2 * 8, 50 * 8 },
		{ -1 * 8, 25 * 8 },
	};
	int fd = open_network(&jump_network);

	give_one(fd, 0, 0, 0);
	give_one(fd, 2, 0, 0);
	advance(fd, LENGTH(expected));
	check_voltages(fd, expected, LENGTH(expected));
	check_one_spike(fd, 3, 0);
}

TEST(exponential_step_by_step)
{
	static const int expected[8][2] = {
		{ 0, 0 }, { 0, 0 }, { 4 * 8, 0 }, { 0, 0 },
		{ 0, 0 }, { 0, -2 * 8 }, { 6, -12 }, { 6, -7 },
	};
	int fd = open_network(&exponential_network);

	give_one(fd, 0, 0, 0);
	give_one(fd, 1, 0, 0);
	advance(fd, LENGTH(expected));
	check_voltages(fd, expected, LENGTH(expected));
	check_one_spike(fd, 3, 0);
}

/* A run in pieces, looked at in between, is the same run. */
TEST(pieces_of_a_run)
{
	static const int expected[8][2] = {
		{ 0, 0 }, { 0, 0 }, { 4 * 8, 0 }, { 0, 0 },
		{ 0, 0 }, { 0, -2 * 8 }, { 6, -12 }, { 6, -7 },
	};
	struct lightos_neuron_variables variables[2];
	int fd = open_network(&exponential_network);
	size_t i;

	give_one(fd, 0, 0, 0);
	give_one(fd, 1, 0, 0);
	for (i = 0; i < LENGTH(expected); i++) {
		advance(fd, 1);
		CHECK_OK(try_state(fd, 0, 0, 2, variables));
		CHECK_EQ(variables[0].membrane, expected[i][0] * UNIT / 8);
		CHECK_EQ(variables[1].membrane, expected[i][1] * UNIT / 8);
	}
	check_voltages(fd, expected, LENGTH(expected));
}

/* Time constants: a current holds the membrane at itself in the end. */
TEST(time_constants)
{
	struct lightos_exact_params params[] = { {
		.flags = LIGHTOS_PARAMS_TIME_CONSTANTS, .membrane = 1000000,
		.current = { 0, 0 }, .gain = { UNIT, UNIT },
		.drive = 3 * UNIT, .threshold = LIGHTOS_THRESHOLD_NEVER,
	} };
	static const struct lightos_population population[] = {
		{ .count = 1, .kind = LIGHTOS_KIND_EXPONENTIAL,
		  .params_count = 1 },
	};
	struct description d = {
		.step_ns = 1000000,
		.tables = {
			[LIGHTOS_TABLE_POPULATIONS] = TABLE(population),
			[LIGHTOS_TABLE_EXACT_PARAMS] = TABLE(params),
		},
	};
	struct lightos_neuron_variables v;
	int fd = open_network(&d);

	/* A current of 4 that does not decay, on top of a drive of 3. */
	give_one(fd, 0, 0, 4);
	advance(fd, 100);
	CHECK_OK(try_state(fd, 0, 0, 1, &v));
	CHECK_EQ(v.current[0], 4 * UNIT);
	CHECK_LE(v.membrane, 7 * UNIT);
	CHECK_GE(v.membrane, 7 * UNIT - 4);
}

/* A dense block, weights of one and of two bytes. */
TEST(dense_blocks)
{
	static const uint8_t bytes[] = { 5, 0xfb, 0xff, 0x7f, 0, 0x80 };
	struct lightos_block blocks[] = {
		{ .source_first = 2, .source_count = 1, .target_first = 0,
		  .target_count = 2, .delay = 1, .width = 1, .offset = 0 },
		{ .source_first = 3, .source_count = 1, .target_first = 0,
		  .target_count = 2, .delay = 2, .width = 2, .offset = 2 },
	};
	struct description d = jump_network;
	struct lightos_neuron_variables v[2];
	static const struct table none;
	int fd;

	d.inputs = 2;
	d.tables[LIGHTOS_TABLE_DELAYS] = none;
	d.tables[LIGHTOS_TABLE_STARTS] = none;
	d.tables[LIGHTOS_TABLE_SYNAPSES] = none;
	d.tables[LIGHTOS_TABLE_BLOCKS].entries = blocks;
	d.tables[LIGHTOS_TABLE_BLOCKS].count = LENGTH(blocks);
	d.tables[LIGHTOS_TABLE_WEIGHTS].entries = bytes;
	d.tables[LIGHTOS_TABLE_WEIGHTS].count = LENGTH(bytes);
	fd = open_network(&d);
	give_one(fd, 0, 0, 0);
	advance(fd, 2);
	CHECK_OK(try_state(fd, 0, 0, 2, v));
	CHECK_EQ(v[0].membrane, 5 * UNIT);
	CHECK_EQ(v[1].membrane, -5 * UNIT);
	give_one(fd, 2, 1, 0);
	advance(fd, 3);
	CHECK_OK(try_state(fd, 0, 0, 2, v));
	/* 32767 is over the threshold. */
	CHECK_EQ(v[0].membrane, -8 * UNIT);
	CHECK_EQ(v[1].membrane, -32768 * UNIT - 5 * UNIT / 8);
	CHECK_EQ(network_stats(fd).synapses, 4);
	CHECK_EQ(network_stats(fd).synaptic_events, 4);
}

/* The same network loaded twice, and two files with one each. */
TEST(networks_are_apart)
{
	int first = open_network(&loihi_network);
	int second = open_network(&jump_network);

	give_one(second, 0, 0, 0);
	advance(second, 3);
	check_loihi_run(first);
	CHECK_EQ(network_stats(second).step, 3);
	load_network(first, &loihi_network);
	check_loihi_run(first);
}

/* ------------------------------------------------------------------ */
/* Loading                                                            */
/* ------------------------------------------------------------------ */

TEST(entry_by_entry)
{
	const struct description *d = &loihi_network;
	int fd = open_node(O_RDWR);
	uint32_t table;
	uint64_t i;

	CHECK_OK(try_begin(fd, d));
	/* Backwards, which is nobody's business. */
	for (table = TABLES - 1; table > 0; table--)
		for (i = d->tables[table].count; i-- > 0;)
			CHECK_OK(try_write(fd, table, i, 1,
					   (const char *)d->tables[table].entries +
						   i * entry_bytes(table),
					   NULL));
	CHECK_OK(try_commit(fd, NULL));
	check_loihi_run(fd);
}

TEST(write_twice)
{
	uint32_t wrong[] = { 7, 7, 7, 7, 7, 7, 7 };
	int fd = open_node(O_RDWR);

	CHECK_OK(try_begin(fd, &loihi_network));
	CHECK_OK(try_write(fd, LIGHTOS_TABLE_STARTS, 0, LENGTH(wrong), wrong,
			   NULL));
	write_tables(fd, &loihi_network);
	CHECK_OK(try_commit(fd, NULL));
	check_loihi_run(fd);
}

TEST(write_outside_the_table)
{
	static const uint64_t places[][2] = {
		{ 0, 3 }, { 2, 1 }, { 3, 0 }, { 1, 2 }, { ~0ULL, 1 },
		{ 1, ~0ULL }, { ~0ULL, 2 }, { 0, 1ULL << 62 },
		{ 1ULL << 32, 1 },
	};
	uint32_t entries[4] = { 1, 1, 1, 1 };
	int fd = open_node(O_RDWR);
	size_t i;

	CHECK_OK(try_begin(fd, &loihi_network));
	for (i = 0; i < LENGTH(places); i++)
		CHECK_ERRNO(try_write(fd, LIGHTOS_TABLE_DELAYS, places[i][0],
				      places[i][1], entries, NULL), EINVAL);
	CHECK_OK(try_write(fd, LIGHTOS_TABLE_DELAYS, 2, 0, entries, NULL));
	CHECK_ERRNO(try_write(fd, 0, 0, 0, entries, NULL), EINVAL);
	CHECK_ERRNO(try_write(fd, TABLES, 0, 0, entries, NULL), EINVAL);
	CHECK_ERRNO(try_write(fd, ~0U, 0, 0, entries, NULL), EINVAL);
	write_tables(fd, &loihi_network);
	CHECK_OK(try_commit(fd, NULL));
	check_loihi_run(fd);
}

TEST(write_from_bad_memory)
{
	int fd = open_node(O_RDWR);
	uint32_t table;
	char *hole;

	hole = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(hole != MAP_FAILED);
	CHECK_OK(munmap(hole + 4096, 4096));
	CHECK_OK(try_begin(fd, &loihi_network));
	for (table = 1; table < TABLES; table++) {
		if (!loihi_network.tables[table].count)
			continue;
		CHECK_ERRNO(try_write(fd, table, 0, 1, NULL, NULL), EFAULT);
		CHECK_ERRNO(try_write(fd, table, 0, 1, hole + 4096 - 2, NULL),
			    EFAULT);
	}
	write_tables(fd, &loihi_network);
	CHECK_OK(try_commit(fd, NULL));
	check_loihi_run(fd);
}

TEST(begin_limits)
{
	struct lightos_network_begin fine = {
		.size = sizeof(fine), .step_ns = 1, .populations = 1,
	};
	static const struct {
		size_t field;
		uint64_t value;
	} wrong[] = {
#define FIELD(name) offsetof(struct lightos_network_begin, name)
		{ FIELD(populations), 0 }, { FIELD(populations), 65537 },
		{ FIELD(loihi_params), 65537 }, { FIELD(exact_params), 65537 },
		{ FIELD(delays), 1025 }, { FIELD(starts), 2 },
		{ FIELD(synapses), LIGHTOS_MAX_SYNAPSES + 1 },
		{ FIELD(blocks), 65537 },
		{ FIELD(weights), 2 * LIGHTOS_MAX_SYNAPSES + 1 },
		{ FIELD(probes), 65537 }, { FIELD(step_ns), 0 },
		{ FIELD(step_ns), NEVER_NS + 1 }, { FIELD(step_ns), ~0ULL },
		{ FIELD(synapses), ~0ULL }, { FIELD(weights), ~0ULL },
#undef FIELD
	};
	int fd = open_network(&loihi_network);
	size_t i;

	for (i = 0; i < LENGTH(wrong); i++) {
		struct lightos_network_begin begin = fine;

		memcpy((char *)&begin + wrong[i].field, &wrong[i].value, 8);
		CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_NETWORK_BEGIN, &begin),
			    EINVAL);
	}
	fine.inputs = LIGHTOS_MAX_INPUTS + 1;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_NETWORK_BEGIN, &fine), EINVAL);
	fine.inputs = LIGHTOS_MAX_INPUTS;
	fine.step_ns = NEVER_NS;
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_NETWORK_BEGIN, &fine));
	check_loihi_run(fd);
}

/* The second BEGIN forgets the first; neither touches the network in use. */
TEST(begin_twice)
{
	int fd = open_network(&loihi_network);

	prepare_network(fd, &jump_network);
	CHECK_OK(try_begin(fd, &exponential_network));
	CHECK_ERRNO(try_commit(fd, NULL), EINVAL);
	check_loihi_run(fd);
	write_tables(fd, &exponential_network);
	CHECK_OK(try_commit(fd, NULL));
	CHECK_EQ(network_stats(fd).step, 0);
	/* What was committed is not there to be committed again. */
	CHECK_ERRNO(try_commit(fd, NULL), ENODATA);
	CHECK_ERRNO(try_write(fd, LIGHTOS_TABLE_DELAYS, 0, 0, NULL, NULL),
		    ENODATA);
}

TEST(no_network)
{
	struct lightos_network_stats stats;
	struct lightos_neuron_variables v;
	int fd = open_node(O_RDWR), i;

	/* Before the first BEGIN, and after it. */
	for (i = 0; i < 2; i++) {
		CHECK_ERRNO(try_commit(fd, NULL), i ? EINVAL : ENODATA);
		CHECK_ERRNO(try_rings(fd, 0, 0, 0), ENODATA);
		CHECK_ERRNO(try_run(fd, 0, 1, 0), ENODATA);
		CHECK_ERRNO(try_stop(fd), ENODATA);
		CHECK_ERRNO(try_input(fd, NULL, 0), ENODATA);
		CHECK_ERRNO(take_spikes(fd, NULL, 0), ENODATA);
		CHECK_ERRNO(try_state(fd, 0, 0, 1, &v), ENODATA);
		CHECK_ERRNO(try_network_reset(fd, 1), ENODATA);
		CHECK_ERRNO(try_stats(fd, &stats), ENODATA);
		CHECK_OK(try_begin(fd, &loihi_network));
	}
	close(fd);
	fd = open_node(O_RDWR);
	CHECK_ERRNO(try_write(fd, LIGHTOS_TABLE_DELAYS, 0, 0, NULL, NULL),
		    ENODATA);
}

/* ------------------------------------------------------------------ */
/* Faults                                                             */
/* ------------------------------------------------------------------ */

/* A change of a field of a table, and the fault that it must give. */
struct change {
	uint32_t table;
	uint64_t entry;
	size_t offset;
	size_t bytes;
	int64_t value;
	uint32_t problem;
	const char *field;
	bool by_write;
};

#define CHANGE(table, type, entry, field, value, problem)		\
	{ LIGHTOS_TABLE_##table, entry, offsetof(struct type, field),	\
	  sizeof(((struct type *)0)->field), value,			\
	  LIGHTOS_PROBLEM_##problem, #field, false }
#define CHANGE_WRITTEN(table, type, entry, field, value, problem)	\
	{ LIGHTOS_TABLE_##table, entry, offsetof(struct type, field),	\
	  sizeof(((struct type *)0)->field), value,			\
	  LIGHTOS_PROBLEM_##problem, #field, true }
#define CHANGE_NUMBER(table, entry, value, problem, name)		\
	{ LIGHTOS_TABLE_##table, entry, 0, 4, value,			\
	  LIGHTOS_PROBLEM_##problem, name, false }

static uint64_t room[64];

static void check_change(int fd, const struct description *d,
			 const struct change *change)
{
	struct description changed = *d;
	struct table *table = &changed.tables[change->table];
	size_t bytes = entry_bytes(change->table);
	struct lightos_network_fault fault;
	int result;

	memcpy(room, table->entries, bytes * table->count);
	memcpy((char *)room + change->entry * bytes + change->offset,
	       &change->value, change->bytes > 8 ? 8 : change->bytes);
	table->entries = room;
	CHECK_OK(try_begin(fd, &changed));
	if (change->by_write) {
		result = try_write(fd, change->table, 0, table->count, room,
				   &fault);
	} else {
		write_tables(fd, &changed);
		result = try_commit(fd, &fault);
	}
	if (result != -1 || errno != EINVAL)
		FAIL("%s of table %u: %s", change->field, change->table,
		     result ? strerror(errno) : "no fault");
	if (fault.table != change->table || fault.entry != change->entry ||
	    fault.problem != change->problem ||
	    strcmp(fault.field, change->field))
		FAIL("%s of table %u: table %u, entry %llu, problem %u, field %.24s",
		     change->field, change->table, fault.table,
		     (unsigned long long)fault.entry, fault.problem,
		     fault.field);
}

static void check_changes(const struct description *d,
			  const struct change *changes, size_t count)
{
	int fd = open_network(&loihi_network);
	size_t i;

	for (i = 0; i < count; i++)
		check_change(fd, d, &changes[i]);
	/* None of it has touched the network in use. */
	check_loihi_run(fd);
}

TEST(faults_of_loihi_networks)
{
	static const struct change changes[] = {
		CHANGE(POPULATIONS, lightos_population, 0, first, 1, ORDER),
		CHANGE(POPULATIONS, lightos_population, 0, count, 0, RANGE),
		CHANGE(POPULATIONS, lightos_population, 0, count, 65537, RANGE),
		CHANGE(POPULATIONS, lightos_population, 0, count, -1, RANGE),
		CHANGE(POPULATIONS, lightos_population, 0, params, 1, BOUNDS),
		CHANGE(POPULATIONS, lightos_population, 0, params, -1, BOUNDS),
		CHANGE(POPULATIONS, lightos_population, 0, params_count, 0,
		       RANGE),
		CHANGE(POPULATIONS, lightos_population, 0, params_count, 3,
		       RANGE),
		CHANGE_WRITTEN(POPULATIONS, lightos_population, 0, kind, 3,
			       UNKNOWN),
		CHANGE_WRITTEN(POPULATIONS, lightos_population, 0, reserved, 1,
			       UNKNOWN),
		CHANGE(LOIHI_PARAMS, lightos_loihi_params, 0, current_decay,
		       4097, RANGE),
		CHANGE(LOIHI_PARAMS, lightos_loihi_params, 0, voltage_decay,
		       4097, RANGE),
		CHANGE(LOIHI_PARAMS, lightos_loihi_params, 0, threshold, -1,
		       RANGE),
		CHANGE(LOIHI_PARAMS, lightos_loihi_params, 0, threshold,
		       (0x1ffff << 6) + 1, RANGE),
		CHANGE(LOIHI_PARAMS, lightos_loihi_params, 0, bias,
		       (4096 << 7) + 1, RANGE),
		CHANGE(LOIHI_PARAMS, lightos_loihi_params, 0, bias,
		       -(4096 << 7) - 1, RANGE),
		CHANGE_WRITTEN(LOIHI_PARAMS, lightos_loihi_params, 0, reserved,
			       1, UNKNOWN),
		CHANGE_NUMBER(DELAYS, 0, 0, RANGE, "delay"),
		CHANGE_NUMBER(DELAYS, 1, LIGHTOS_MAX_DELAY + 1, RANGE, "delay"),
		CHANGE_NUMBER(DELAYS, 1, -1, RANGE, "delay"),
		CHANGE_NUMBER(DELAYS, 1, 1, ORDER, "delay"),
		CHANGE_NUMBER(STARTS, 0, 1, ORDER, "start"),
		CHANGE_NUMBER(STARTS, 3, 0, ORDER, "start"),
		CHANGE_NUMBER(STARTS, 6, 3, BOUNDS, "start"),
		CHANGE_NUMBER(SYNAPSES, 1, 2 | 1 << 16, BOUNDS, "target"),
		CHANGE_NUMBER(SYNAPSES, 1, 256 << 16, RANGE, "weight"),
		CHANGE_NUMBER(SYNAPSES, 0, 0xfeffLL << 16, RANGE, "weight"),
		CHANGE_NUMBER(PROBES, 1, 2, BOUNDS, "neuron"),
		CHANGE_NUMBER(PROBES, 0, -1, BOUNDS, "neuron"),
	};

	check_changes(&loihi_network, changes, LENGTH(changes));
}

TEST(faults_of_exact_networks)
{
	const int64_t over = LIGHTOS_POTENTIAL_LIMIT + 1;
	const int64_t one = LIGHTOS_PROPAGATOR_ONE;
	const struct change changes[] = {
		CHANGE(POPULATIONS, lightos_population, 1, first, 0, ORDER),
		CHANGE(POPULATIONS, lightos_population, 1, kind,
		       LIGHTOS_KIND_LOIHI, MIXTURE),
		CHANGE(POPULATIONS, lightos_population, 1, params, 2, BOUNDS),
		CHANGE(EXACT_PARAMS, lightos_exact_params, 1, membrane, -1,
		       RANGE),
		CHANGE(EXACT_PARAMS, lightos_exact_params, 1, membrane, one + 1,
		       RANGE),
		CHANGE(EXACT_PARAMS, lightos_exact_params, 0, current, -1,
		       RANGE),
		CHANGE(EXACT_PARAMS, lightos_exact_params, 0, current, one + 1,
		       RANGE),
		CHANGE(EXACT_PARAMS, lightos_exact_params, 1, coupling,
		       -one - 1, RANGE),
		CHANGE(EXACT_PARAMS, lightos_exact_params, 1, drive, over,
		       RANGE),
		CHANGE(EXACT_PARAMS, lightos_exact_params, 1, drive, -over,
		       RANGE),
		CHANGE(EXACT_PARAMS, lightos_exact_params, 0, gain, over,
		       RANGE),
		CHANGE(EXACT_PARAMS, lightos_exact_params, 0, reset, INT64_MIN,
		       RANGE),
		CHANGE_WRITTEN(EXACT_PARAMS, lightos_exact_params, 1, flags, 2,
			       UNKNOWN),
	};

	check_changes(&exponential_network, changes, LENGTH(changes));
}

TEST(faults_of_time_constants)
{
	static const struct change changes[] = {
		CHANGE_WRITTEN(EXACT_PARAMS, lightos_exact_params, 0, membrane,
			       -1, RANGE),
		CHANGE_WRITTEN(EXACT_PARAMS, lightos_exact_params, 0, current,
			       -1, RANGE),
		CHANGE_WRITTEN(EXACT_PARAMS, lightos_exact_params, 0, coupling,
			       1, UNKNOWN),
		CHANGE_WRITTEN(EXACT_PARAMS, lightos_exact_params, 0, drive,
			       INT64_MIN, RANGE),
	};
	static const struct lightos_exact_params params[] = {
		{ .flags = LIGHTOS_PARAMS_TIME_CONSTANTS, .membrane = 1000,
		  .threshold = 1 },
	};
	struct description d = jump_network;

	d.tables[LIGHTOS_TABLE_EXACT_PARAMS].entries = params;
	check_changes(&d, changes, LENGTH(changes));
}

TEST(faults_of_dense_blocks)
{
	static const struct change changes[] = {
		CHANGE(BLOCKS, lightos_block, 1, source_first, 3, BOUNDS),
		CHANGE(BLOCKS, lightos_block, 1, source_count, 0, BOUNDS),
		CHANGE(BLOCKS, lightos_block, 1, source_count, -1, BOUNDS),
		CHANGE(BLOCKS, lightos_block, 0, target_first, 1, BOUNDS),
		CHANGE(BLOCKS, lightos_block, 0, target_count, 0, BOUNDS),
		CHANGE(BLOCKS, lightos_block, 0, delay, 0, RANGE),
		CHANGE(BLOCKS, lightos_block, 0, delay, 1025, RANGE),
		CHANGE(BLOCKS, lightos_block, 1, offset, 3, BOUNDS),
		CHANGE(BLOCKS, lightos_block, 1, offset, -1, BOUNDS),
		CHANGE_WRITTEN(BLOCKS, lightos_block, 1, width, 3, UNKNOWN),
	};
	static const struct lightos_block blocks[] = {
		{ .source_first = 2, .source_count = 1, .target_count = 2,
		  .delay = 1, .width = 1, .offset = 0 },
		{ .source_first = 2, .source_count = 1, .target_count = 2,
		  .delay = 1, .width = 2, .offset = 2 },
	};
	static const uint8_t weights[] = { 1, 2, 3, 0, 4, 0 };
	static const uint8_t heavy[] = { 1, 2, 3, 0, 0, 1 };
	/* Out of what Loihi allows: the last weight, 256. */
	static const struct change weight = {
		.table = LIGHTOS_TABLE_WEIGHTS, .entry = 4, .bytes = 0,
		.problem = LIGHTOS_PROBLEM_RANGE, .field = "weight",
	};
	struct description d = loihi_network;

	d.tables[LIGHTOS_TABLE_BLOCKS].entries = blocks;
	d.tables[LIGHTOS_TABLE_BLOCKS].count = LENGTH(blocks);
	d.tables[LIGHTOS_TABLE_WEIGHTS].entries = weights;
	d.tables[LIGHTOS_TABLE_WEIGHTS].count = LENGTH(weights);
	load_network(open_node(O_RDWR), &d);
	/* The fault of a place outside its table is named by its count. */
	check_changes(&d, changes + 1, 2);
	check_changes(&d, changes + 4, LENGTH(changes) - 4);
	d.tables[LIGHTOS_TABLE_WEIGHTS].entries = heavy;
	check_changes(&d, &weight, 1);
}

static void check_commit_fault(const struct description *d, uint32_t table,
			       uint64_t entry, uint32_t problem,
			       const char *field)
{
	struct lightos_network_fault fault;
	int fd = open_network(&loihi_network);

	prepare_network(fd, d);
	CHECK_ERRNO(try_commit(fd, &fault), EINVAL);
	CHECK_EQ(fault.table, table);
	CHECK_EQ(fault.entry, entry);
	CHECK_EQ(fault.problem, problem);
	CHECK(!strcmp(fault.field, field));
	check_loihi_run(fd);
}

TEST(faults_of_length)
{
	struct description d = loihi_network;

	d.tables[LIGHTOS_TABLE_STARTS].count--;
	check_commit_fault(&d, LIGHTOS_TABLE_STARTS, 6, LIGHTOS_PROBLEM_LENGTH,
			   "starts");
	d = loihi_network;
	d.inputs = 2;
	check_commit_fault(&d, LIGHTOS_TABLE_STARTS, 7, LIGHTOS_PROBLEM_LENGTH,
			   "starts");
	d = loihi_network;
	d.tables[LIGHTOS_TABLE_SYNAPSES].count--;
	check_commit_fault(&d, LIGHTOS_TABLE_STARTS, 6, LIGHTOS_PROBLEM_BOUNDS,
			   "start");
}

/* All weights onto one neuron must not overflow its sum. */
TEST(faults_of_fan_in)
{
	static uint32_t synapses[40000];
	uint32_t starts[] = { 0, 0, 0, 40000 };
	struct description d = exponential_network;
	size_t i;

	for (i = 0; i < LENGTH(synapses); i++)
		synapses[i] = synapse(1, -32768);
	d.tables[LIGHTOS_TABLE_STARTS].entries = starts;
	d.tables[LIGHTOS_TABLE_SYNAPSES].entries = synapses;
	d.tables[LIGHTOS_TABLE_SYNAPSES].count = LENGTH(synapses);
	check_commit_fault(&d, LIGHTOS_TABLE_SYNAPSES, 32768,
			   LIGHTOS_PROBLEM_RANGE, "weight");
}

/* What failed can be mended and committed without a new BEGIN. */
TEST(commit_after_a_fault)
{
	uint32_t wrong = 2 | 1 << 16;
	int fd = open_node(O_RDWR);

	prepare_network(fd, &loihi_network);
	CHECK_OK(try_write(fd, LIGHTOS_TABLE_SYNAPSES, 1, 1, &wrong, NULL));
	CHECK_ERRNO(try_commit(fd, NULL), EINVAL);
	CHECK_ERRNO(try_commit(fd, NULL), EINVAL);
	CHECK_OK(try_write(fd, LIGHTOS_TABLE_SYNAPSES, 1, 1,
			   &loihi_synapses[1], NULL));
	CHECK_OK(try_commit(fd, NULL));
	check_loihi_run(fd);
}

/* A network that computes goes on through failing loads. */
TEST(failed_load_during_a_run)
{
	int fd = open_network(&ticker_network);
	int i;

	CHECK_OK(try_run(fd, 0, FAR, 0));
	for (i = 0; i < 20; i++) {
		CHECK_OK(try_begin(fd, &loihi_network));
		CHECK_ERRNO(try_commit(fd, NULL), EINVAL);
		write_tables(fd, &loihi_network);
		CHECK_ERRNO(try_commit(fd, NULL), EBUSY);
	}
	wait_for_step(fd, 1);
	CHECK_OK(try_stop(fd));
	CHECK_EQ(network_stats(fd).spikes, network_stats(fd).steps);
	CHECK_EQ(network_stats(fd).neurons, 1);
	/* What was loaded is still there. */
	CHECK_OK(try_commit(fd, NULL));
	check_loihi_run(fd);
}

/* ------------------------------------------------------------------ */
/* State, reset, counters                                             */
/* ------------------------------------------------------------------ */

TEST(state_written_is_state_read)
{
	struct lightos_neuron_variables in[2] = {
		{ .membrane = -5, .current = { 300, 0 }, .refractory = 2 },
		{ .membrane = 0x7fffff, .current = { -0x7fffff, 0 } },
	}, out[2];
	int fd = open_network(&loihi_network);

	CHECK_OK(try_state(fd, LIGHTOS_STATE_WRITE, 0, 2, in));
	CHECK_OK(try_state(fd, 0, 0, 2, out));
	CHECK(!memcmp(in, out, sizeof(in)));
	/* Held at -5 for two steps, then the current of 300 / 8 acts. */
	advance(fd, 2);
	CHECK_OK(try_state(fd, 0, 0, 1, out));
	CHECK_EQ(out[0].membrane, -5);
	CHECK_EQ(out[0].current[0], 75);
	CHECK_EQ(out[0].refractory, 0);
	advance(fd, 1);
	CHECK_OK(try_state(fd, 0, 0, 1, out));
	CHECK_EQ(out[0].membrane, -5 + 37);
}

TEST(state_of_exact_neurons)
{
	struct lightos_neuron_variables in = {
		.membrane = LIGHTOS_POTENTIAL_LIMIT,
		.current = { 8 * UNIT, -LIGHTOS_POTENTIAL_LIMIT },
		.refractory = 4000000000U,
	}, out;
	int fd = open_network(&exponential_network);

	CHECK_OK(try_state(fd, LIGHTOS_STATE_WRITE, 1, 1, &in));
	CHECK_OK(try_state(fd, 0, 1, 1, &out));
	CHECK(!memcmp(&in, &out, sizeof(in)));
	in.membrane = 4 * UNIT;
	in.current[1] = 0;
	in.refractory = 0;
	CHECK_OK(try_state(fd, LIGHTOS_STATE_WRITE, 1, 1, &in));
	advance(fd, 1);
	CHECK_OK(try_state(fd, 0, 1, 1, &out));
	CHECK_EQ(out.membrane, 4 * UNIT);
	CHECK_EQ(out.current[0], 4 * UNIT);
}

TEST(state_out_of_range)
{
	static const struct lightos_neuron_variables wrong[] = {
		{ .membrane = 0x800000 }, { .membrane = -0x800000 },
		{ .membrane = INT64_MIN }, { .current = { 0x800000, 0 } },
		{ .current = { 0, 1 } }, { .reserved = 1 },
	};
	static struct lightos_neuron_variables many[2];
	int fd = open_network(&loihi_network);
	size_t i;

	for (i = 0; i < LENGTH(wrong); i++) {
		memset(many, 0, sizeof(many));
		many[0].membrane = 9;
		many[1] = wrong[i];
		CHECK_ERRNO(try_state(fd, LIGHTOS_STATE_WRITE, 0, 2, many),
			    EINVAL);
		CHECK_OK(try_state(fd, 0, 0, 2, many));
		CHECK(all_bytes(many, sizeof(many), 0));
	}
	CHECK_ERRNO(try_state(fd, 0, 0, 3, many), EINVAL);
	CHECK_ERRNO(try_state(fd, 0, 2, 1, many), EINVAL);
	CHECK_ERRNO(try_state(fd, 0, ~0U, ~0U, many), EINVAL);
	CHECK_ERRNO(try_state(fd, 0, 0, 1, NULL), EFAULT);
	CHECK_ERRNO(try_state(fd, LIGHTOS_STATE_WRITE, 0, 1, NULL), EFAULT);
	CHECK_OK(try_state(fd, 0, 2, 0, NULL));
	check_loihi_run(fd);
}

TEST(reset_brings_everything_back)
{
	struct lightos_network_stats stats;
	int fd = open_network(&loihi_network);

	check_loihi_run(fd);
	give_one(fd, FAR, 0, 0);
	give_one(fd, FAR, 0, 0);
	CHECK_OK(try_network_reset(fd, LIGHTOS_NETWORK_RESET_STATE));
	stats = network_stats(fd);
	CHECK_EQ(stats.step, 0);
	CHECK_EQ(stats.steps, LOIHI_STEPS);
	CHECK_EQ(stats.runs, 1);
	/* The two events still wait, and all others behind them. */
	advance(fd, LOIHI_STEPS);
	CHECK_EQ(network_stats(fd).spikes, 1);
	CHECK_OK(try_network_reset(fd, LIGHTOS_NETWORK_RESET_STATE |
				   LIGHTOS_NETWORK_RESET_COUNTERS |
				   LIGHTOS_NETWORK_RESET_RINGS));
	stats = network_stats(fd);
	CHECK_EQ(stats.steps, 0);
	CHECK_EQ(stats.spikes, 0);
	CHECK_EQ(stats.runs, 0);
	CHECK_EQ(stats.busy_ns, 0);
	/* Output that nobody took is the consumer's. */
	CHECK_EQ(take_voltages(fd, (struct lightos_network_voltage[32]){ 0 },
			       32), 2 * LOIHI_STEPS);
	check_loihi_run(fd);
	CHECK_ERRNO(try_network_reset(fd, 0), EINVAL);
	CHECK_ERRNO(try_network_reset(fd, 8), EINVAL);
}

TEST(counters)
{
	struct lightos_network_stats stats;
	int fd = open_network(&loihi_network);

	stats = network_stats(fd);
	CHECK_EQ(stats.neurons, 2);
	CHECK_EQ(stats.inputs, 1);
	CHECK_EQ(stats.synapses, 2);
	CHECK_EQ(stats.arithmetic, 0);
	CHECK_EQ(stats.running, 0);
	CHECK_GE(stats.bytes, 2 * 65536 * 16 + 65536 * 24);
	check_loihi_run(fd);
	stats = network_stats(fd);
	CHECK_EQ(stats.step, LOIHI_STEPS);
	CHECK_EQ(stats.steps, LOIHI_STEPS);
	CHECK_EQ(stats.events, 1);
	CHECK_EQ(stats.late, 0);
	CHECK_EQ(stats.input_spikes, 1);
	CHECK_EQ(stats.spikes, 1);
	CHECK_EQ(stats.synaptic_events, 2);
	CHECK_EQ(stats.updates + stats.skipped, 2 * LOIHI_STEPS);
	CHECK_GT(stats.skipped, 0);
	CHECK_EQ(stats.runs, 1);
	CHECK_EQ(stats.wraps, 0);
	CHECK_EQ(stats.saturations, 0);
	CHECK_EQ(network_stats(open_network(&jump_network)).arithmetic, 1);
}

/* -256 * 64 * 512 is -2^23: the current wraps, and the voltage is cut. */
TEST(wraps_and_saturations)
{
	struct lightos_neuron_variables v[2] = {
		{ .membrane = 0 }, { .membrane = -0x7fffff },
	};
	int fd = open_network(&loihi_network);

	give_one(fd, 0, 0, 1 << 17);
	give_one(fd, 0, 1, -1);
	CHECK_OK(try_state(fd, LIGHTOS_STATE_WRITE, 0, 2, v));
	advance(fd, 1);
	CHECK_OK(try_state(fd, 0, 0, 2, v));
	/* 2^23 is the top of the range, 2^23 + 1 would be its bottom. */
	CHECK_EQ(v[0].current[0], 1 << 23);
	CHECK_EQ(v[1].membrane, -0x7fffff);
	CHECK_EQ(network_stats(fd).wraps, 0);
	CHECK_EQ(network_stats(fd).saturations, 2);
	CHECK_OK(try_network_reset(fd, LIGHTOS_NETWORK_RESET_STATE));
	give_one(fd, 0, 1, (1 << 17) + 1);
	advance(fd, 1);
	CHECK_OK(try_state(fd, 0, 1, 1, v));
	CHECK_EQ(v[0].current[0], (1 << 23) + 64 - (1 << 24));
	CHECK_EQ(network_stats(fd).wraps, 1);
}

TEST(lines_of_fdinfo)
{
	struct lightos_network_stats stats;
	int fd = open_node(O_RDWR);

	CHECK_EQ(fdinfo(fd, "neurons"), -1);
	load_network(fd, &loihi_network);
	check_loihi_run(fd);
	stats = network_stats(fd);
	CHECK_EQ(fdinfo(fd, "neurons"), stats.neurons);
	CHECK_EQ(fdinfo(fd, "inputs"), stats.inputs);
	CHECK_EQ(fdinfo(fd, "synapses"), stats.synapses);
	CHECK_EQ(fdinfo(fd, "memory-bytes"), stats.bytes);
	CHECK_EQ(fdinfo(fd, "running"), 0);
	CHECK_EQ(fdinfo(fd, "runs"), 1);
	CHECK_EQ(fdinfo(fd, "step"), LOIHI_STEPS);
	CHECK_EQ(fdinfo(fd, "events"), 1);
	CHECK_EQ(fdinfo(fd, "spikes"), 1);
	CHECK_EQ(fdinfo(fd, "synaptic-events"), 2);
	CHECK_EQ(fdinfo(fd, "updates"), stats.updates);
	CHECK_EQ(fdinfo(fd, "updates-skipped"), stats.skipped);
	CHECK_EQ(fdinfo(fd, "busy-ns"), stats.busy_ns);
	CHECK_GT(fdinfo(fd, "network"), 0);
	start_waiting_run(fd);
	CHECK_EQ(fdinfo(fd, "running"), 1);
	CHECK_OK(try_stop(fd));
}

TEST(file_in_debugfs)
{
	char path[64], text[4096] = "";
	int fd = open_network(&loihi_network);
	FILE *file;

	if (access("/sys/kernel/debug/lightos", F_OK))
		SKIP("no debugfs");
	snprintf(path, sizeof(path), "/sys/kernel/debug/lightos/networks/%lld",
		 fdinfo(fd, "network"));
	file = fopen(path, "r");
	CHECK(file);
	CHECK_GT(fread(text, 1, sizeof(text) - 1, file), 0);
	CHECK(strstr(text, "neurons: 2\n"));
	/* The file stays readable, and empty or not, after the network went. */
	close(fd);
	CHECK_ERRNO(access(path, F_OK), ENOENT);
	rewind(file);
	(void)!fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
}

/* ------------------------------------------------------------------ */
/* Profiles of the engine                                             */
/* ------------------------------------------------------------------ */

static int try_profile(int fd, uint32_t profile,
		       struct lightos_spiking_profile *answer)
{
	memset(answer, 0, sizeof(*answer));
	answer->size = sizeof(*answer);
	answer->profile = profile;
	return ioctl(fd, LIGHTOS_IOC_SPIKING_PROFILE, answer);
}

TEST(profiles)
{
	static const struct {
		uint32_t encoding, events, interval, sparsity;
	} expected[] = {
		[LIGHTOS_PROFILE_DEFAULT] = { LIGHTOS_ENCODING_RATE, 1000, 1000,
					      69 },
		[LIGHTOS_PROFILE_LOW_LATENCY] = { LIGHTOS_ENCODING_DELTA, 1000,
						  500, 69 },
		[LIGHTOS_PROFILE_MAX_EFFICIENCY] = { LIGHTOS_ENCODING_DELTA,
						     1000, 1000, 80 },
	};
	struct lightos_spiking_profile answer;
	struct lightos_spiking_config stats;
	int fd = fresh();
	uint32_t i;

	configure(fd, LIGHTOS_ENCODING_TEMPORAL, 1234);
	for (i = LENGTH(expected); i-- > 0;) {
		CHECK_OK(try_profile(fd, i, &answer));
		CHECK_EQ(answer.size, sizeof(answer));
		CHECK_EQ(answer.encoding, expected[i].encoding);
		CHECK_EQ(answer.max_events_per_cycle, expected[i].events);
		CHECK_EQ(answer.processing_interval_us, expected[i].interval);
		CHECK_EQ(answer.target_sparsity_percent, expected[i].sparsity);
		stats = get_stats(fd);
		CHECK_EQ(stats.encoding, expected[i].encoding);
		CHECK_EQ(stats.max_events_per_cycle, expected[i].events);
		CHECK_EQ(stats.processing_interval_us, expected[i].interval);
		CHECK_EQ(stats.target_sparsity_percent, expected[i].sparsity);
		CHECK_EQ(stats.enabled, 1);
	}
	CHECK_ERRNO(try_profile(fd, LENGTH(expected), &answer), EINVAL);
	CHECK_ERRNO(try_profile(fd, ~0U, &answer), EINVAL);
	CHECK_EQ(get_stats(fd).processing_interval_us, 1000);
}

int main(void)
{
	return harness_run();
}
