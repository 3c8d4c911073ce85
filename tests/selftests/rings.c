// SPDX-License-Identifier: GPL-2.0
/*
 * Rings of networks, by call and by mmap(): order, wrap-around, what is
 * dropped, late, rejected or merged, what may be mapped and how, and programs
 * that write nonsense there.
 */
#include <setjmp.h>

#include "network.h"

/* The least number of entries. */
#define FEW	64

/* A mapped ring. */
struct mapping {
	volatile struct lightos_ring *ring;
	unsigned char *records;
	size_t bytes;
};

static size_t ring_bytes(uint32_t entries, uint32_t record_bytes)
{
	return (LIGHTOS_RING_RECORDS + (size_t)entries * record_bytes + 4095) &
	       ~(size_t)4095;
}

static void *try_map(int fd, size_t bytes, int protection, int flags,
		     uint64_t offset)
{
	return mmap64(NULL, bytes, protection, flags, fd, (off64_t)offset);
}

static struct mapping map_ring(int fd, uint32_t ring, uint32_t entries,
			       uint32_t record_bytes)
{
	struct mapping mapping = { .bytes = ring_bytes(entries, record_bytes) };
	void *start = try_map(fd, mapping.bytes, PROT_READ | PROT_WRITE,
			      MAP_SHARED, LIGHTOS_RING_OFFSET(ring));

	if (start == MAP_FAILED)
		FAIL("mapping ring %u: %s", ring, strerror(errno));
	mapping.ring = start;
	mapping.records = (unsigned char *)start + LIGHTOS_RING_RECORDS;
	CHECK_EQ(mapping.ring->entries, entries);
	CHECK_EQ(mapping.ring->record_bytes, record_bytes);
	return mapping;
}

static struct mapping map_input(int fd, uint32_t entries)
{
	return map_ring(fd, LIGHTOS_RING_INPUT, entries,
			sizeof(struct lightos_network_event));
}

static struct mapping map_spikes(int fd, uint32_t entries)
{
	return map_ring(fd, LIGHTOS_RING_SPIKES, entries,
			sizeof(struct lightos_network_spike));
}

/* The producer's half, as the header describes it. False if it is full. */
static bool push(struct mapping *input, struct lightos_network_event event)
{
	uint32_t head = input->ring->head, entries = input->ring->entries;
	uint32_t tail = __atomic_load_n(&input->ring->tail, __ATOMIC_ACQUIRE);

	if (head - tail == entries)
		return false;
	memcpy(input->records + (head & (entries - 1)) * sizeof(event), &event,
	       sizeof(event));
	__atomic_store_n(&input->ring->head, head + 1, __ATOMIC_RELEASE);
	return true;
}

/* The consumer's half. False if it is empty. */
static bool pull(struct mapping *output, void *record)
{
	uint32_t bytes = output->ring->record_bytes;
	uint32_t tail = output->ring->tail, entries = output->ring->entries;
	uint32_t head = __atomic_load_n(&output->ring->head, __ATOMIC_ACQUIRE);

	if (head == tail)
		return false;
	memcpy(record, output->records + (tail & (entries - 1)) * bytes, bytes);
	__atomic_store_n(&output->ring->tail, tail + 1, __ATOMIC_RELEASE);
	return true;
}

static struct lightos_network_event event_at(uint64_t step, uint32_t input)
{
	return (struct lightos_network_event){ .step = step, .index = input };
}

/* ------------------------------------------------------------------ */
/* By call                                                            */
/* ------------------------------------------------------------------ */

/* Spikes come by step, then by neuron, whatever the order of the input. */
TEST(order_of_output)
{
	static const struct lightos_network_event events[] = {
		{ 0, 5, 0 }, { 0, 1, 0 }, { 0, 3, 0 }, { 1, 7, 0 }, { 1, 0, 0 },
		{ 3, 2, 0 },
	};
	static const uint32_t expected[][2] = {
		{ 1, 1 }, { 1, 3 }, { 1, 5 }, { 2, 0 }, { 2, 7 }, { 4, 2 },
	};
	struct lightos_network_spike spikes[10];
	int fd = open_network(&relay_network);
	size_t i;

	give(fd, events, LENGTH(events));
	advance(fd, 6);
	CHECK_EQ(take_spikes(fd, spikes, 4), 4);
	CHECK_EQ(take_spikes(fd, spikes + 4, 6), 2);
	for (i = 0; i < LENGTH(expected); i++) {
		CHECK_EQ(spikes[i].step, expected[i][0]);
		CHECK_EQ(spikes[i].neuron, expected[i][1]);
	}
	CHECK_EQ(take_spikes(fd, spikes, 10), 0);
}

/* An event waits for its step, and all behind it wait with it. */
TEST(late_early_and_next)
{
	static const struct lightos_network_event events[] = {
		{ 5, 0, 0 },	/* in time */
		{ 2, 1, 0 },	/* behind it: late, applied in step 5 */
		{ LIGHTOS_NEXT_STEP, 2, 0 },	/* in step 5 */
		{ 6, 3, 0 },
		{ LIGHTOS_NEXT_STEP - 1, 4, 0 },	/* far away */
		{ 6, 5, 0 },	/* behind that */
	};
	static const uint32_t expected[][2] = {
		{ 6, 0 }, { 6, 1 }, { 6, 2 }, { 7, 3 },
	};
	struct lightos_network_spike spikes[10];
	struct lightos_network_stats stats;
	int fd = open_network(&relay_network);
	size_t i;

	give(fd, events, LENGTH(events));
	advance(fd, 20);
	CHECK_EQ(take_spikes(fd, spikes, 10), LENGTH(expected));
	for (i = 0; i < LENGTH(expected); i++) {
		CHECK_EQ(spikes[i].step, expected[i][0]);
		CHECK_EQ(spikes[i].neuron, expected[i][1]);
	}
	stats = network_stats(fd);
	CHECK_EQ(stats.events, 4);
	CHECK_EQ(stats.late, 1);
	CHECK_EQ(stats.rejected, 0);
	/* Whoever waits is taken out by RESET alone. */
	CHECK_OK(try_network_reset(fd, LIGHTOS_NETWORK_RESET_RINGS));
	give_one(fd, LIGHTOS_NEXT_STEP, 6, 0);
	advance(fd, 2);
	CHECK_EQ(take_spikes(fd, spikes, 10), 1);
	CHECK_EQ(spikes[0].step, 21);
	CHECK_EQ(spikes[0].neuron, 6);
}

TEST(merged_and_weighted)
{
	static const struct lightos_network_event events[] = {
		{ 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 },
		/* Halves of a neuron's threshold add up; so do -1 and +2. */
		{ 1, 3, 1 }, { 1, 4, -1 }, { 1, 4, 2 }, { 1, 5, -1 },
	};
	struct lightos_network_spike spikes[10];
	struct lightos_network_stats stats;
	int fd = open_network(&relay_network);

	give(fd, events, LENGTH(events));
	advance(fd, 3);
	CHECK_EQ(take_spikes(fd, spikes, 10), 3);
	CHECK_EQ(spikes[0].neuron, 0);
	CHECK_EQ(spikes[1].neuron, 3);
	CHECK_EQ(spikes[2].neuron, 4);
	CHECK_EQ(spikes[1].step, 1);
	stats = network_stats(fd);
	CHECK_EQ(stats.merged, 2);
	CHECK_EQ(stats.input_spikes, 1);
	CHECK_EQ(stats.events, LENGTH(events));
}

TEST(input_by_call_is_checked)
{
	static const struct lightos_network_event events[] = {
		{ 0, 0, 0 }, { 0, RELAYS, 0 }, { 0, 1, 0 },
	};
	static const struct lightos_network_event wrong[] = {
		{ 0, RELAYS, 0 }, { 0, RELAYS, 1 }, { 0, ~0U, 0 },
		{ 0, ~0U, -1 },
	};
	struct lightos_network_event many[FEW + 1];
	int fd = open_network(&relay_network);
	size_t i;

	CHECK_EQ(try_input(fd, events, LENGTH(events)), 1);
	for (i = 0; i < LENGTH(wrong); i++)
		CHECK_ERRNO(try_input(fd, &wrong[i], 1), EINVAL);
	CHECK_ERRNO(try_input(fd, NULL, 1), EFAULT);
	CHECK_EQ(try_input(fd, NULL, 0), 0);
	CHECK_ERRNO(try_input(fd, events, 1ULL << 62), EINVAL);
	CHECK_OK(try_rings(fd, FEW, FEW, 0));
	memset(many, 0, sizeof(many));
	CHECK_EQ(try_input(fd, many, LENGTH(many)), FEW);
	CHECK_ERRNO(try_input(fd, many, 1), ENOSPC);
	advance(fd, 1);
	CHECK_EQ(network_stats(fd).merged, FEW - 1);
	CHECK_EQ(try_input(fd, many, 1), 1);
}

TEST(transfers_name_their_ring)
{
	struct lightos_network_spike spike;
	int fd = open_network(&relay_network);
	uint32_t ring;

	for (ring = 0; ring < 5; ring++) {
		if (ring != LIGHTOS_RING_INPUT)
			CHECK_ERRNO(try_transfer(fd, LIGHTOS_IOC_NETWORK_INPUT,
						 ring, &spike, 1), EINVAL);
		/* No probes: there is no voltage to take, which is no error. */
		if (ring == LIGHTOS_RING_VOLTAGES)
			CHECK_EQ(try_transfer(fd, LIGHTOS_IOC_NETWORK_OUTPUT,
					      ring, &spike, 1), 0);
		else if (ring != LIGHTOS_RING_SPIKES)
			CHECK_ERRNO(try_transfer(fd, LIGHTOS_IOC_NETWORK_OUTPUT,
						 ring, &spike, 1), EINVAL);
	}
	/* A record that cannot be given stays. */
	load_network(fd, &ticker_network);
	advance(fd, 2);
	CHECK_ERRNO(take_spikes(fd, NULL, 1), EFAULT);
	CHECK_EQ(take_spikes(fd, &spike, 1), 1);
	CHECK_EQ(spike.step, 0);
}

TEST(sizes)
{
	static const uint32_t wrong[] = {
		1, 32, 63, 65, 96, LIGHTOS_MAX_RING_ENTRIES + 1,
		2 * LIGHTOS_MAX_RING_ENTRIES, ~0U,
	};
	int fd = open_network(&loihi_network);
	uint64_t bytes = network_stats(fd).bytes, tables;
	size_t i;

	tables = bytes - 2 * ring_bytes(65536, 16) - ring_bytes(65536, 24);
	for (i = 0; i < LENGTH(wrong); i++) {
		CHECK_ERRNO(try_rings(fd, wrong[i], 0, 0), EINVAL);
		CHECK_ERRNO(try_rings(fd, 0, wrong[i], 0), EINVAL);
		CHECK_ERRNO(try_rings(fd, 0, 0, wrong[i]), EINVAL);
	}
	CHECK_EQ(network_stats(fd).bytes, bytes);
	CHECK_OK(try_rings(fd, 64, 128, 256));
	CHECK_EQ(network_stats(fd).bytes, tables + ring_bytes(64, 16) +
		 ring_bytes(128, 16) + ring_bytes(256, 24));
	(void)map_input(fd, 64);
	(void)map_spikes(fd, 128);
	(void)map_ring(fd, LIGHTOS_RING_VOLTAGES, 256, 24);
	check_loihi_run(fd);
	/* New rings are empty, whatever was in the old ones. */
	give_one(fd, FAR, 0, 0);
	advance(fd, 5);
	CHECK_OK(try_rings(fd, 0, 0, 0));
	CHECK_EQ(network_stats(fd).bytes, bytes);
	CHECK_EQ(take_voltages(fd, (struct lightos_network_voltage[9]){ 0 }, 9),
		 0);
	CHECK_OK(try_network_reset(fd, LIGHTOS_NETWORK_RESET_STATE));
	check_loihi_run(fd);
}

/* ------------------------------------------------------------------ */
/* By mapping                                                         */
/* ------------------------------------------------------------------ */

/* Some ten times around each ring: nothing lost, nothing twice. */
TEST(around_the_rings)
{
	int fd = open_network(&relay_network);
	struct lightos_network_spike spike;
	struct mapping input, spikes;
	uint64_t sent = 0, seen = 0;

	CHECK_OK(try_rings(fd, FEW, FEW, 0));
	input = map_input(fd, FEW);
	spikes = map_spikes(fd, FEW);
	while (seen < 640) {
		while (push(&input, event_at(sent, sent % RELAYS)))
			sent++;
		advance(fd, FEW / 2 - 3);
		while (pull(&spikes, &spike)) {
			CHECK_EQ(spike.step, seen + 1);
			CHECK_EQ(spike.neuron, seen % RELAYS);
			seen++;
		}
	}
	CHECK_EQ(spikes.ring->dropped, 0);
	CHECK_EQ(network_stats(fd).late, 0);
	CHECK_EQ(network_stats(fd).dropped_spikes, 0);
}

/* A producer, a consumer and a run in the background, all at once. */
#define FLOOD	4000

static void *produce(void *mapping)
{
	struct mapping *input = mapping;
	uint64_t sent = 0;

	while (sent < FLOOD)
		if (push(input, event_at(LIGHTOS_NEXT_STEP, sent % RELAYS)))
			sent++;
		else
			sleep_ns(100 * NS_PER_US);
	return NULL;
}

TEST(all_at_once)
{
	struct lightos_network_spike spike, last = { 0 };
	int fd = open_network(&relay_network);
	struct lightos_network_stats stats;
	struct mapping input, spikes;
	pthread_t producer;
	uint64_t seen = 0;
	bool running = true;

	CHECK_OK(try_rings(fd, 1024, 1024, 0));
	input = map_input(fd, 1024);
	spikes = map_spikes(fd, 1024);
	start_thread(&producer, produce, &input);
	CHECK_OK(try_run(fd, 0, FAR, 0));
	while (running || spikes.ring->head != spikes.ring->tail) {
		if (running && network_stats(fd).events == FLOOD) {
			CHECK_OK(try_stop(fd));
			running = false;
		}
		sleep_ns(100 * NS_PER_US);
		while (pull(&spikes, &spike)) {
			CHECK(spike.step > last.step || !seen ||
			      (spike.step == last.step &&
			       spike.neuron > last.neuron));
			last = spike;
			seen++;
		}
	}
	join_thread(producer);
	stats = network_stats(fd);
	CHECK_EQ(stats.input_spikes + stats.merged, FLOOD);
	CHECK_EQ(stats.rejected, 0);
	CHECK_EQ(stats.spikes, seen + stats.dropped_spikes);
	CHECK_EQ(stats.dropped_spikes, spikes.ring->dropped);
	/* The last spikes may be under way. */
	CHECK_LE(stats.input_spikes - stats.spikes, RELAYS);
}

/* Bad events that no call has looked at. */
TEST(rejected)
{
	int fd = open_network(&relay_network);
	struct mapping input = map_input(fd, LIGHTOS_DEFAULT_RING_ENTRIES);
	struct lightos_network_stats stats;

	push(&input, event_at(0, RELAYS));
	push(&input, event_at(0, ~0U));
	push(&input, (struct lightos_network_event){ 0, RELAYS, 1 });
	push(&input, (struct lightos_network_event){ 0, ~0U, INT32_MIN });
	push(&input, event_at(0, 1));
	advance(fd, 2);
	stats = network_stats(fd);
	CHECK_EQ(stats.events, 5);
	CHECK_EQ(stats.rejected, 4);
	CHECK_EQ(stats.spikes, 1);
	CHECK_EQ(input.ring->tail, 5);
}

TEST(drop_counters)
{
	struct lightos_network_voltage voltage;
	int fd = open_network(&loihi_network);
	struct mapping voltages;

	CHECK_OK(try_rings(fd, FEW, FEW, FEW));
	voltages = map_ring(fd, LIGHTOS_RING_VOLTAGES, FEW, 24);
	/* Two probes a step. */
	advance(fd, FEW);
	CHECK_EQ(voltages.ring->dropped, FEW);
	CHECK_EQ(network_stats(fd).dropped_voltages, FEW);
	CHECK(pull(&voltages, &voltage));
	CHECK_EQ(voltage.step, 0);
	advance(fd, 1);
	CHECK_EQ(voltages.ring->dropped, FEW + 1);
	/* The counter of the ring is the ring's: a reset starts it anew. */
	CHECK_OK(try_network_reset(fd, LIGHTOS_NETWORK_RESET_COUNTERS));
	CHECK_EQ(network_stats(fd).dropped_voltages, 0);
}

static void check_refused(int fd, size_t bytes, int protection, int flags,
			  uint64_t offset, int error)
{
	CHECK(try_map(fd, bytes, protection, flags, offset) == MAP_FAILED);
	CHECK_EQ(errno, error);
}

TEST(refused_mappings)
{
	const int both = PROT_READ | PROT_WRITE;
	int fd = open_network(&relay_network);
	size_t bytes = ring_bytes(LIGHTOS_DEFAULT_RING_ENTRIES, 16);
	int without = open_node(O_RDWR);
	void *start;

	check_refused(fd, bytes, both, MAP_PRIVATE, 0, EINVAL);
	check_refused(fd, bytes, PROT_READ, MAP_PRIVATE, 0, EINVAL);
	check_refused(fd, bytes, both | PROT_EXEC, MAP_SHARED, 0, EINVAL);
	check_refused(fd, bytes + 4096, both, MAP_SHARED, 0, EINVAL);
	check_refused(fd, bytes, both, MAP_SHARED, 4096, EINVAL);
	check_refused(fd, 4096, both, MAP_SHARED, 1ULL << 31, EINVAL);
	check_refused(fd, 4096, both, MAP_SHARED,
		      LIGHTOS_RING_OFFSET(LIGHTOS_RING_VOLTAGES), EINVAL);
	check_refused(fd, 4096, both, MAP_SHARED, LIGHTOS_RING_OFFSET(3),
		      EINVAL);
	check_refused(without, 4096, both, MAP_SHARED, 0, ENODEV);
	CHECK_OK(try_begin(without, &relay_network));
	check_refused(without, 4096, both, MAP_SHARED, 0, ENODATA);
	/* The beginning of a ring will do, but cannot be made executable. */
	start = try_map(fd, 4096, PROT_READ, MAP_SHARED, 0);
	CHECK(start != MAP_FAILED);
	CHECK_ERRNO(mprotect(start, 4096, PROT_READ | PROT_EXEC), EACCES);
	CHECK_OK(mprotect(start, 4096, both));
	CHECK(mremap(start, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED);
}

TEST(mapping_outlives_the_ring)
{
	int fd = open_network(&relay_network);
	struct mapping old = map_input(fd, LIGHTOS_DEFAULT_RING_ENTRIES);
	struct mapping input;

	CHECK_OK(try_rings(fd, FEW, FEW, 0));
	input = map_input(fd, FEW);
	/* The old one is valid, and dead. */
	CHECK(push(&old, event_at(0, 1)));
	CHECK(push(&input, event_at(0, 2)));
	advance(fd, 1);
	CHECK_EQ(network_stats(fd).events, 1);
	CHECK_EQ(old.ring->tail, 0);
	CHECK_EQ(input.ring->tail, 1);
	load_network(fd, &relay_network);
	memset((void *)old.ring, 0xff, old.bytes);
	memset((void *)input.ring, 0xff, input.bytes);
	advance(fd, 1);
	CHECK_EQ(network_stats(fd).events, 0);
	CHECK_OK(close(fd));
	memset((void *)old.ring, 0xee, old.bytes);
	memset((void *)input.ring, 0xee, input.bytes);
	CHECK_EQ(old.records[old.bytes - LIGHTOS_RING_RECORDS - 1], 0xee);
	CHECK_OK(munmap((void *)old.ring, old.bytes));
	CHECK_OK(munmap((void *)input.ring, input.bytes));
}

static sigjmp_buf after_fault;

static void on_fault(int signal)
{
	(void)signal;
	siglongjmp(after_fault, 1);
}

/* One producer, one consumer: a child has the file, but not the mapping. */
TEST(mappings_are_not_inherited)
{
	int fd = open_network(&relay_network);
	struct mapping input = map_input(fd, LIGHTOS_DEFAULT_RING_ENTRIES);
	pid_t child = fork();
	int status;

	CHECK_OK(child);
	if (!child) {
		signal(SIGSEGV, on_fault);
		if (!sigsetjmp(after_fault, 1)) {
			(void)input.ring->head;
			_exit(HARNESS_FAIL);
		}
		(void)map_input(fd, LIGHTOS_DEFAULT_RING_ENTRIES);
		_exit(HARNESS_PASS);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	CHECK(push(&input, event_at(0, 1)));
}

/* ------------------------------------------------------------------ */
/* Hostile programs                                                   */
/* ------------------------------------------------------------------ */

/* Indices that no program in its right mind would write. */
TEST(absurd_indices)
{
	static const uint32_t values[] = {
		0, 1, FEW, FEW + 1, 0x7fffffff, 0x80000000, ~0U, ~0U - FEW,
	};
	int fd = open_network(&relay_network);
	struct mapping input, spikes;
	size_t i, j;

	CHECK_OK(try_rings(fd, FEW, FEW, 0));
	input = map_input(fd, FEW);
	spikes = map_spikes(fd, FEW);
	for (i = 0; i < LENGTH(values); i++)
		for (j = 0; j < LENGTH(values); j++) {
			struct lightos_network_event event = event_at(0, 0);
			struct lightos_network_spike out[FEW];

			input.ring->head = values[i];
			input.ring->tail = values[j];
			input.ring->entries = values[j];
			spikes.ring->head = values[i];
			spikes.ring->tail = values[j];
			spikes.ring->record_bytes = values[i];
			advance(fd, 3);
			(void)try_input(fd, &event, 1);
			CHECK_LE(take_spikes(fd, out, FEW), FEW);
		}
	/* New rings, and all is well. */
	CHECK_OK(try_network_reset(fd, LIGHTOS_NETWORK_RESET_STATE));
	CHECK_OK(try_rings(fd, FEW, FEW, 0));
	give_one(fd, 0, 3, 0);
	advance(fd, 2);
	CHECK_EQ(take_spikes(fd, (struct lightos_network_spike[2]){ 0 }, 2), 1);
}

struct vandal {
	struct mapping input, spikes, voltages;
	volatile bool done;
};

static uint32_t random_word(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 16);
}

static void scribble(struct mapping *mapping, uint64_t *state)
{
	uint32_t word = random_word(state);
	volatile uint32_t *words = (volatile uint32_t *)mapping->ring;

	switch (word % 4) {
	case 0:
		mapping->ring->head = random_word(state);
		break;
	case 1:
		mapping->ring->tail = random_word(state);
		break;
	case 2:
		mapping->ring->head = mapping->ring->tail + word / 4 % 128;
		break;
	default:
		words[random_word(state) % (mapping->bytes / 4)] =
			word & 64 ? word / 128 % 16 : random_word(state);
	}
}

static void *vandalise(void *argument)
{
	struct vandal *vandal = argument;
	uint64_t state = 0x9e3779b97f4a7c15ULL;

	while (!vandal->done) {
		scribble(&vandal->input, &state);
		scribble(&vandal->spikes, &state);
		scribble(&vandal->voltages, &state);
		if (state % 64 == 0)
			sleep_ns(100 * NS_PER_US);
	}
	return NULL;
}

#define HOSTILE_ROUNDS	20

/* Rings written at random all the time: another file's network is exact. */
TEST(vandals_hurt_themselves)
{
	struct lightos_network_spike spikes[FEW];
	struct lightos_network_event event = event_at(0, 0);
	int victim = open_network(&loihi_network);
	int fd = open_network(&loihi_network);
	struct vandal vandal = { .done = false };
	pthread_t thread;
	int i;

	CHECK_OK(try_rings(fd, FEW, FEW, FEW));
	vandal.input = map_input(fd, FEW);
	vandal.spikes = map_spikes(fd, FEW);
	vandal.voltages = map_ring(fd, LIGHTOS_RING_VOLTAGES, FEW, 24);
	start_thread(&thread, vandalise, &vandal);
	CHECK_OK(try_run(fd, 0, FAR, 0));
	wait_for_step(fd, 1);
	for (i = 0; i < HOSTILE_ROUNDS; i++) {
		(void)try_input(fd, &event, 1);
		CHECK_LE(take_spikes(fd, spikes, FEW), FEW);
		check_loihi_run(victim);
		CHECK_OK(try_network_reset(victim,
					   LIGHTOS_NETWORK_RESET_STATE));
	}
	CHECK_OK(try_stop(fd));
	vandal.done = true;
	join_thread(thread);
	/* Only its records were spoilt. */
	CHECK_OK(try_rings(fd, 0, 0, 0));
	CHECK_OK(try_network_reset(fd, LIGHTOS_NETWORK_RESET_STATE));
	check_loihi_run(fd);
}

int main(void)
{
	return harness_run();
}
