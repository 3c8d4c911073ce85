// SPDX-License-Identifier: GPL-2.0
/*
 * Many threads on the one engine: the accounts balance afterwards, no query
 * sees a half-made change, and signals never show in a result.
 */
#include <pthread.h>
#include <stddef.h>

#include "engine.h"

#define ROUNDS		2000
#define SUBMITTERS	4
#define SIGNALS_EACH	50

/* Two configurations of which every field differs. */
static const struct lightos_spiking_config config_a = {
	.encoding = LIGHTOS_ENCODING_RATE, .enabled = 1,
	.max_events_per_cycle = 10, .processing_interval_us = 100,
	.target_sparsity_percent = 20,
};

static const struct lightos_spiking_config config_b = {
	.encoding = LIGHTOS_ENCODING_TEMPORAL, .enabled = 1,
	.max_events_per_cycle = 500, .processing_interval_us = 2000,
	.target_sparsity_percent = 80,
};

struct worker {
	pthread_t thread;
	int fd;
	uint32_t number;
	unsigned long accepted;
	unsigned long refused;
	volatile unsigned long signals;
	volatile bool done;
};

static __thread struct worker *self;

static struct worker *begin(void *worker)
{
	self = worker;
	return worker;
}

/* One submission; only a full queue may refuse it. */
static void submit_and_count(struct worker *worker, uint32_t round)
{
	uint32_t neuron = (worker->number * 8191 + round) % LIGHTOS_MAX_NEURONS;

	if (!try_submit(worker->fd, neuron, 0, 100))
		worker->accepted++;
	else if (errno == ENOSPC)
		worker->refused++;
	else
		FAIL("submit: %s", strerror(errno));
}

static void *submit_many(void *argument)
{
	struct worker *worker = begin(argument);
	uint32_t i;

	for (i = 0; i < ROUNDS; i++)
		submit_and_count(worker, i);
	worker->done = true;
	return NULL;
}

static bool same_settings(const struct lightos_spiking_config *a,
			  const struct lightos_spiking_config *b)
{
	return !memcmp(a, b, offsetof(struct lightos_spiking_config,
				      current_sparsity_percent));
}

static void query_once(struct worker *worker, uint32_t round)
{
	struct lightos_device_state device = { .device_id = 0 };
	struct lightos_spiking_config stats = get_stats(worker->fd);
	struct lightos_spiking_counters counters = get_counters(worker->fd);

	CHECK(same_settings(&stats, &config_a) ||
	      same_settings(&stats, &config_b));
	CHECK_EQ(counters.events_submitted,
		 counters.events_processed + counters.events_pending);
	CHECK_LE(counters.events_pending, LIGHTOS_MAX_PENDING_EVENTS);
	(void)get_neuron(worker->fd, round % LIGHTOS_MAX_NEURONS);
	CHECK_OK(ioctl(worker->fd, LIGHTOS_IOC_GET_DEVICE_STATE, &device));
	CHECK_LE(device.memory_used_bytes, device.memory_total_bytes);
}

static void *query_many(void *argument)
{
	struct worker *worker = begin(argument);
	uint32_t i;

	for (i = 0; i < ROUNDS / 4; i++)
		query_once(worker, i);
	worker->done = true;
	return NULL;
}

static void *configure_many(void *argument)
{
	struct worker *worker = begin(argument);
	int i;

	for (i = 0; i < ROUNDS; i++)
		CHECK_OK(try_config(worker->fd, i % 2 ? &config_a : &config_b));
	worker->done = true;
	return NULL;
}

static void *start_and_stop_many(void *argument)
{
	struct worker *worker = begin(argument);
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (ioctl(worker->fd, LIGHTOS_IOC_SPIKING_START) < 0)
			CHECK_EQ(errno, EALREADY);
		if (i % 3 == 0)
			stop(worker->fd);
	}
	worker->done = true;
	return NULL;
}

static void launch(struct worker *worker, uint32_t number, int fd,
		   void *(*body)(void *))
{
	memset(worker, 0, sizeof(*worker));
	worker->number = number;
	worker->fd = fd;
	if (pthread_create(&worker->thread, NULL, body, worker))
		FAIL("pthread_create");
}

static void join(struct worker *worker)
{
	if (pthread_join(worker->thread, NULL))
		FAIL("pthread_join");
}

/* What the threads saw is what the engine counted. */
static void check_accounts(int fd, const struct worker *workers, int count)
{
	struct lightos_spiking_counters counters;
	unsigned long accepted = 0, refused = 0;
	int i;

	for (i = 0; i < count; i++) {
		accepted += workers[i].accepted;
		refused += workers[i].refused;
	}
	stop(fd);
	counters = get_counters(fd);
	CHECK_EQ(counters.events_submitted, accepted);
	CHECK_EQ(counters.events_dropped, refused);
	CHECK_EQ(get_stats(fd).events_dropped, refused);
	CHECK_EQ(get_stats(fd).total_events_processed,
		 counters.events_processed);
	CHECK_EQ(counters.events_submitted,
		 counters.events_processed + counters.events_pending);
	CHECK_OK(try_config(fd, &config_a));
	apply(fd);
	counters = get_counters(fd);
	CHECK_EQ(counters.events_processed, accepted);
	CHECK_EQ(counters.events_pending, 0);
	CHECK_EQ(counters.synaptic_ops, accepted);
}

/* Even workers share one file, odd ones have their own. */
static int file_for(int shared, int number)
{
	return number % 2 ? open_node(O_RDWR) : shared;
}

TEST(submitters_alone)
{
	struct worker workers[SUBMITTERS];
	int fd = fresh();
	int i;

	for (i = 0; i < SUBMITTERS; i++)
		launch(&workers[i], (uint32_t)i, file_for(fd, i), submit_many);
	for (i = 0; i < SUBMITTERS; i++)
		join(&workers[i]);
	/* Nothing runs: the queue takes its 4096 and refuses the rest. */
	CHECK_EQ(get_counters(fd).events_pending, LIGHTOS_MAX_PENDING_EVENTS);
	CHECK_EQ(get_counters(fd).events_dropped,
		 SUBMITTERS * ROUNDS - LIGHTOS_MAX_PENDING_EVENTS);
	check_accounts(fd, workers, SUBMITTERS);
}

TEST(all_calls_at_once)
{
	static void *(*const bodies[])(void *) = {
		submit_many, submit_many, submit_many, submit_many,
		query_many, query_many, configure_many, start_and_stop_many,
	};
	enum { COUNT = sizeof(bodies) / sizeof(bodies[0]) };
	struct worker workers[COUNT];
	int fd = fresh();
	int i;

	CHECK_OK(try_config(fd, &config_a));
	for (i = 0; i < COUNT; i++)
		launch(&workers[i], (uint32_t)i, file_for(fd, i), bodies[i]);
	for (i = 0; i < COUNT; i++)
		join(&workers[i]);
	check_accounts(fd, workers, COUNT);
}

/* Files come and go while others submit. */
static void *open_and_close_many(void *argument)
{
	struct worker *worker = begin(argument);
	int i;

	for (i = 0; i < ROUNDS / 4; i++) {
		int fd = open_node(i % 2 ? O_RDONLY : O_RDWR);

		(void)get_stats(fd);
		CHECK_OK(close(fd));
	}
	worker->done = true;
	return NULL;
}

TEST(open_and_close_among_submitters)
{
	struct worker workers[SUBMITTERS];
	int fd = fresh();
	int i;

	CHECK_OK(try_config(fd, &config_b));
	start(fd);
	for (i = 0; i < SUBMITTERS; i++)
		launch(&workers[i], (uint32_t)i, file_for(fd, i),
		       i < 2 ? submit_many : open_and_close_many);
	for (i = 0; i < SUBMITTERS; i++)
		join(&workers[i]);
	check_accounts(fd, workers, SUBMITTERS);
}

/* A file closed by one thread while others are inside a call on it. */
static void *submit_until_closed(void *argument)
{
	struct worker *worker = begin(argument);

	for (;;) {
		if (!try_submit(worker->fd, 1, 0, 1))
			worker->accepted++;
		else if (errno == ENOSPC)
			worker->refused++;
		else
			break;
	}
	CHECK_EQ(errno, EBADF);
	worker->done = true;
	return NULL;
}

TEST(close_under_a_call)
{
	struct worker workers[SUBMITTERS];
	int fd = fresh();
	int shared = open_node(O_RDWR);
	int i;

	for (i = 0; i < SUBMITTERS; i++)
		launch(&workers[i], (uint32_t)i, shared, submit_until_closed);
	while (!get_counters(fd).events_submitted)
		sleep_ms(1);
	CHECK_OK(close(shared));
	for (i = 0; i < SUBMITTERS; i++)
		join(&workers[i]);
	check_accounts(fd, workers, SUBMITTERS);
}

static void count_signal(int signal)
{
	(void)signal;
	if (self)
		self->signals++;
}

static void set_handlers(int flags)
{
	struct sigaction action = {
		.sa_handler = count_signal, .sa_flags = flags,
	};

	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sigaction(SIGALRM, &action, NULL));
}

/* Every call in turn; none may fail, whatever signals arrive. */
static void *all_calls_under_signals(void *argument)
{
	struct worker *worker = begin(argument);
	struct lightos_nop nop = { .size = sizeof(nop) };
	uint32_t i;

	for (i = 0; i < ROUNDS / 8 || worker->signals < SIGNALS_EACH; i++) {
		submit_and_count(worker, i);
		query_once(worker, i);
		CHECK_OK(try_config(worker->fd, i % 2 ? &config_a : &config_b));
		CHECK_OK(ioctl(worker->fd, LIGHTOS_IOC_NOP, &nop));
		if (ioctl(worker->fd, LIGHTOS_IOC_SPIKING_START) < 0)
			CHECK_EQ(errno, EALREADY);
		stop(worker->fd);
	}
	worker->done = true;
	return NULL;
}

static bool all_done(const struct worker *workers, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (!workers[i].done)
			return false;
	return true;
}

static void hammer(struct worker *workers, int count)
{
	const struct itimerval often = {
		.it_interval.tv_usec = 2000, .it_value.tv_usec = 2000,
	};
	const struct itimerval never = { .it_value.tv_usec = 0 };
	int i;

	CHECK_OK(setitimer(ITIMER_REAL, &often, NULL));
	while (!all_done(workers, count)) {
		for (i = 0; i < count; i++)
			if (!workers[i].done)
				pthread_kill(workers[i].thread, SIGUSR1);
		usleep(500);
	}
	CHECK_OK(setitimer(ITIMER_REAL, &never, NULL));
}

static void check_signals(int flags)
{
	struct worker workers[SUBMITTERS];
	int fd = fresh();
	int i;

	set_handlers(flags);
	CHECK_OK(try_config(fd, &config_a));
	for (i = 0; i < SUBMITTERS; i++)
		launch(&workers[i], (uint32_t)i, file_for(fd, i),
		       all_calls_under_signals);
	hammer(workers, SUBMITTERS);
	for (i = 0; i < SUBMITTERS; i++)
		join(&workers[i]);
	check_accounts(fd, workers, SUBMITTERS);
}

TEST(signals_without_restart)
{
	check_signals(0);
}

TEST(signals_with_restart)
{
	check_signals(SA_RESTART);
}

int main(void)
{
	return harness_run();
}
