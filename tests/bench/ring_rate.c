// SPDX-License-Identifier: GPL-2.0
/*
 * How fast events reach the module: single SUBMIT calls to the engine of
 * v0.2.0, batches by NETWORK_INPUT, and the mapped input ring of a network.
 *
 * Each round does all three, one after the other, so that slow drifts of the
 * machine meet all alike; ratios are taken within a round. Prints one JSON
 * object: nanoseconds an event as median and quartiles, and ratios to SUBMIT.
 * "ring" is the program's part, as SUBMIT is; "ring_applied" adds the step in
 * which the network takes the events out and applies them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lightos.h"

#define ROUNDS		31
/* Shorter than the queue of the engine is deep. */
#define SUBMITS		4000
/* As many as the ring holds by default. */
#define EVENTS		LIGHTOS_DEFAULT_RING_ENTRIES
/* The head of the ring moves once for so many events. */
#define PUBLISH		64
#define INPUTS		1024
#define NS_PER_S	1000000000ULL

enum way { SUBMIT, INPUT_CALL, RING, RING_APPLIED, WAYS };

static const char *const names[WAYS] = {
	"submit", "input_call", "ring", "ring_applied",
};

static int fd;
static struct lightos_ring *ring;
static struct lightos_network_event *records;
static struct lightos_network_event batch[EVENTS];
static double ns[WAYS][ROUNDS];

static void die(const char *what)
{
	fprintf(stderr, "ring_rate: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void call(unsigned long code, void *argument)
{
	if (ioctl(fd, code, argument) < 0)
		die("ioctl");
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void write_table(uint32_t table, const void *entry)
{
	struct lightos_network_write write = {
		.size = sizeof(write), .table = table, .count = 1,
		.data = (uintptr_t)entry,
	};

	call(LIGHTOS_IOC_NETWORK_WRITE, &write);
}

/* Inputs without synapses, and a neuron, as a network must have one. */
static void load_network(void)
{
	struct lightos_network_begin begin = {
		.size = sizeof(begin), .inputs = INPUTS, .step_ns = 1000000,
		.populations = 1, .loihi_params = 1,
	};
	struct lightos_population population = { .count = 1, .params_count = 1 };
	struct lightos_loihi_params params = { .threshold = 1 << 6 };
	struct lightos_network_commit commit = { .size = sizeof(commit) };

	call(LIGHTOS_IOC_NETWORK_BEGIN, &begin);
	write_table(LIGHTOS_TABLE_POPULATIONS, &population);
	write_table(LIGHTOS_TABLE_LOIHI_PARAMS, &params);
	call(LIGHTOS_IOC_NETWORK_COMMIT, &commit);
}

static void map_ring(void)
{
	size_t bytes = LIGHTOS_RING_RECORDS + EVENTS * sizeof(*records);

	ring = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    (off_t)LIGHTOS_RING_OFFSET(LIGHTOS_RING_INPUT));
	if (ring == MAP_FAILED)
		die("mmap");
	records = (void *)((char *)ring + LIGHTOS_RING_RECORDS);
}

/* The network applies all that waits, in one step. */
static void apply_all(void)
{
	struct lightos_network_run run = {
		.size = sizeof(run), .flags = LIGHTOS_RUN_WAIT, .target = 1,
	};

	call(LIGHTOS_IOC_NETWORK_RUN, &run);
	if (__atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) != ring->head)
		die("events are left");
}

static double submit_each(void)
{
	struct lightos_spike_event event = { .amplitude_mv = 1 };
	struct lightos_spiking_reset reset = {
		.size = sizeof(reset), .flags = LIGHTOS_RESET_PENDING,
	};
	uint64_t begin;
	int i;

	call(LIGHTOS_IOC_SPIKING_RESET, &reset);
	begin = now_ns();
	for (i = 0; i < SUBMITS; i++) {
		event.neuron_id = i % INPUTS;
		call(LIGHTOS_IOC_SPIKING_SUBMIT_EVENT, &event);
	}
	return (double)(now_ns() - begin) / SUBMITS;
}

static double input_by_call(void)
{
	struct lightos_network_transfer transfer = {
		.size = sizeof(transfer), .count = EVENTS,
		.data = (uintptr_t)batch,
	};
	uint64_t begin = now_ns(), end;

	call(LIGHTOS_IOC_NETWORK_INPUT, &transfer);
	end = now_ns();
	if (transfer.done != EVENTS)
		die("the ring was not empty");
	apply_all();
	return (double)(end - begin) / EVENTS;
}

/* Returns the cost of the submission alone; *applied is that of all. */
static double input_by_ring(double *applied)
{
	uint32_t head = ring->head;
	uint64_t begin = now_ns(), submitted;
	unsigned int i;

	for (i = 0; i < EVENTS; i++) {
		records[head++ % EVENTS] = (struct lightos_network_event){
			.step = LIGHTOS_NEXT_STEP, .index = i % INPUTS,
		};
		if (i % PUBLISH == PUBLISH - 1)
			__atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
	}
	submitted = now_ns();
	apply_all();
	*applied = (double)(now_ns() - begin) / EVENTS;
	return (double)(submitted - begin) / EVENTS;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print(const char *name, double *values, const char *end)
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	printf("    \"%s\": {\"median\": %.3f, \"p25\": %.3f, \"p75\": %.3f}%s\n",
	       name, values[ROUNDS / 2], values[ROUNDS / 4],
	       values[ROUNDS - 1 - ROUNDS / 4], end);
}

int main(void)
{
	double ratio[WAYS][ROUNDS];
	int round, way;
	unsigned int i;

	fd = open("/dev/lightos", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("/dev/lightos");
	load_network();
	map_ring();
	for (i = 0; i < EVENTS; i++)
		batch[i] = (struct lightos_network_event){
			.step = LIGHTOS_NEXT_STEP, .index = i % INPUTS,
		};
	/* Once for nothing, so that no page is missing later. */
	submit_each();
	input_by_ring(&ns[RING_APPLIED][0]);
	for (round = 0; round < ROUNDS; round++) {
		ns[SUBMIT][round] = submit_each();
		ns[INPUT_CALL][round] = input_by_call();
		ns[RING][round] = input_by_ring(&ns[RING_APPLIED][round]);
		for (way = 0; way < WAYS; way++)
			ratio[way][round] = ns[SUBMIT][round] / ns[way][round];
	}
	printf("{\"rounds\": %d, \"events\": %u,\n  \"ns_per_event\": {\n",
	       ROUNDS, EVENTS);
	for (way = 0; way < WAYS; way++)
		print(names[way], ns[way], way + 1 < WAYS ? "," : "");
	printf("  },\n  \"submit_to\": {\n");
	for (way = INPUT_CALL; way < WAYS; way++)
		print(names[way], ratio[way], way + 1 < WAYS ? "," : "");
	printf("  }\n}\n");
	return 0;
}
