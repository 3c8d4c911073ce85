// SPDX-License-Identifier: GPL-2.0
/*
 * What a call of the module costs, against getppid and against the module's
 * own call that does nothing but copy 24 bytes in under the lock.
 *
 * Each round times every operation once, one after the other, so that slow
 * drifts of the machine meet all of them alike; ratios are taken within a
 * round. Prints one JSON object: nanoseconds a call as median and quartiles
 * over the rounds, and ratios to the empty call.
 *
 * The queue never fills: it is emptied, untimed, before each of the stretches
 * of submissions, which are shorter than the queue is deep.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lightos.h"

#define ROUNDS		31
#define STRETCH_NS	3000000
#define MIN_CALLS	64
#define MAX_CALLS	100000
#define CALIBRATION	256
#define NEURONS		1024
#define NS_PER_S	1000000000ULL

static int fd;

static void die(const char *what)
{
	fprintf(stderr, "ioctl_cost: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void call(unsigned long code, void *argument)
{
	if (ioctl(fd, code, argument) < 0)
		die("ioctl");
}

static void getppid_many(unsigned int calls)
{
	while (calls--)
		syscall(SYS_getppid);
}

static void nop_many(unsigned int calls)
{
	struct lightos_nop nop = { .size = sizeof(nop) };

	while (calls--) {
		nop.cookie = calls;
		call(LIGHTOS_IOC_NOP, &nop);
	}
}

static void submit_now_many(unsigned int calls)
{
	struct lightos_spike_event event = { .amplitude_mv = 1 };

	while (calls--) {
		event.neuron_id = calls % NEURONS;
		call(LIGHTOS_IOC_SPIKING_SUBMIT_EVENT, &event);
	}
}

/* In order of time, from now on. */
static void submit_timed_many(unsigned int calls)
{
	struct lightos_spike_event event = {
		.timestamp_ns = now_ns(), .amplitude_mv = 1,
	};

	while (calls--) {
		event.neuron_id = calls % NEURONS;
		event.timestamp_ns += 1000;
		call(LIGHTOS_IOC_SPIKING_SUBMIT_EVENT, &event);
	}
}

static void stats_many(unsigned int calls)
{
	struct lightos_spiking_config stats;

	while (calls--)
		call(LIGHTOS_IOC_SPIKING_GET_STATS, &stats);
}

static void neuron_many(unsigned int calls)
{
	struct lightos_neuron_state state = { 0 };

	while (calls--) {
		state.neuron_id = calls % NEURONS;
		call(LIGHTOS_IOC_GET_NEURON_STATE, &state);
	}
}

struct operation {
	const char *name;
	void (*run)(unsigned int calls);
	bool submits;
	bool running;
	unsigned int calls;
	double ns[ROUNDS];
	double to_nop[ROUNDS];
};

static struct operation operations[] = {
	{ .name = "getppid", .run = getppid_many },
	{ .name = "nop", .run = nop_many },
	{ .name = "submit_now", .run = submit_now_many, .submits = true },
	{ .name = "submit_timed", .run = submit_timed_many, .submits = true },
	{ .name = "get_stats", .run = stats_many },
	{ .name = "get_neuron_state", .run = neuron_many },
	{ .name = "submit_now_running", .run = submit_now_many,
	  .submits = true, .running = true },
	{ .name = "submit_timed_running", .run = submit_timed_many,
	  .submits = true, .running = true },
	{ .name = "get_stats_running", .run = stats_many, .running = true },
	{ .name = "get_neuron_state_running", .run = neuron_many,
	  .running = true },
};

#define OPERATIONS	(sizeof(operations) / sizeof(operations[0]))
#define NOP		(&operations[1])

static void empty_queue(void)
{
	struct lightos_spiking_reset reset = {
		.size = sizeof(reset), .flags = LIGHTOS_RESET_PENDING,
	};

	call(LIGHTOS_IOC_SPIKING_RESET, &reset);
}

/* Nanoseconds a call over one stretch. */
static double time_stretch(const struct operation *operation,
			   unsigned int calls)
{
	uint64_t begin, end;

	call(LIGHTOS_IOC_SPIKING_STOP, NULL);
	empty_queue();
	if (operation->running)
		call(LIGHTOS_IOC_SPIKING_START, NULL);
	begin = now_ns();
	operation->run(calls);
	end = now_ns();
	return (double)(end - begin) / calls;
}

/* Chooses how many calls make a stretch of about STRETCH_NS. */
static void calibrate(struct operation *operation)
{
	unsigned int most = operation->submits ? LIGHTOS_MAX_PENDING_EVENTS :
						 MAX_CALLS;
	double ns, calls;

	(void)time_stretch(operation, CALIBRATION);
	ns = time_stretch(operation, CALIBRATION);
	calls = ns > 0 ? STRETCH_NS / ns : most;
	if (calls < MIN_CALLS)
		calls = MIN_CALLS;
	operation->calls = calls < most ? (unsigned int)calls : most;
}

static void measure(unsigned int round)
{
	size_t i;

	for (i = 0; i < OPERATIONS; i++)
		operations[i].ns[round] = time_stretch(&operations[i],
						       operations[i].calls);
	for (i = 0; i < OPERATIONS; i++)
		operations[i].to_nop[round] = operations[i].ns[round] /
					      NOP->ns[round];
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_values(const char *key, const char *unit, double *values)
{
	qsort(values, ROUNDS, sizeof(values[0]), by_value);
	printf("\"%s\": {\"median%s\": %.3f, \"p25%s\": %.3f, \"p75%s\": %.3f, "
	       "\"min%s\": %.3f, \"max%s\": %.3f}",
	       key, unit, values[ROUNDS / 2], unit, values[ROUNDS / 4], unit,
	       values[3 * ROUNDS / 4], unit, values[0], unit,
	       values[ROUNDS - 1]);
}

static void print_results(void)
{
	size_t i;

	printf("{\n  \"rounds\": %d,\n  \"word_bits\": %d,\n", ROUNDS,
	       (int)sizeof(long) * 8);
	printf("  \"calls_per_round\": {");
	for (i = 0; i < OPERATIONS; i++)
		printf("%s\"%s\": %u", i ? ", " : "", operations[i].name,
		       operations[i].calls);
	printf("},\n  \"cost\": {\n");
	for (i = 0; i < OPERATIONS; i++) {
		printf("    ");
		print_values(operations[i].name, "_ns", operations[i].ns);
		printf("%s\n", i + 1 < OPERATIONS ? "," : "");
	}
	printf("  },\n  \"ratio_to_nop\": {\n");
	for (i = 0; i < OPERATIONS; i++) {
		printf("    ");
		print_values(operations[i].name, "", operations[i].to_nop);
		printf("%s\n", i + 1 < OPERATIONS ? "," : "");
	}
	printf("  }\n}\n");
}

/* One cycle takes all that is due. */
static void configure(void)
{
	struct lightos_spiking_config config = {
		.enabled = 1, .max_events_per_cycle = 1000000,
	};

	call(LIGHTOS_IOC_SPIKING_STOP, NULL);
	call(LIGHTOS_IOC_SPIKING_CONFIG, &config);
}

int main(void)
{
	unsigned int round;
	size_t i;

	fd = open("/dev/lightos", O_RDWR);
	if (fd < 0)
		die("/dev/lightos");
	configure();
	for (i = 0; i < OPERATIONS; i++)
		calibrate(&operations[i]);
	for (round = 0; round < ROUNDS; round++)
		measure(round);
	call(LIGHTOS_IOC_SPIKING_STOP, NULL);
	empty_queue();
	print_results();
	close(fd);
	return 0;
}
