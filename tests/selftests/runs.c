// SPDX-License-Identifier: GPL-2.0
/*
 * Runs of networks: where they end, what wakes whoever waits for them, and what
 * they look like from several threads and processes. Times are bounded from
 * below only.
 */
#include <poll.h>
#include <sys/eventfd.h>

#include "network.h"

static struct lightos_network_completion run_and_wait(int fd, uint32_t flags,
						      uint64_t target)
{
	CHECK_OK(try_run(fd, flags, target, 0));
	return completion_of(fd);
}

static void check_completion(const struct lightos_network_completion *c,
			     uint64_t run, uint64_t step, uint64_t steps,
			     uint32_t reason)
{
	CHECK_EQ(c->run, run);
	CHECK_EQ(c->step, step);
	CHECK_EQ(c->steps, steps);
	CHECK_EQ(c->reason, reason);
}

/* ------------------------------------------------------------------ */
/* Targets                                                            */
/* ------------------------------------------------------------------ */

TEST(targets)
{
	static const struct {
		uint32_t flags;
		uint64_t target, step, steps;
	} runs[] = {
		{ 0, 7, 7, 7 },
		{ 0, 0, 7, 0 },
		{ LIGHTOS_RUN_UNTIL_STEP, 10, 10, 3 },
		{ LIGHTOS_RUN_UNTIL_STEP, 10, 10, 0 },
		{ LIGHTOS_RUN_UNTIL_STEP, 2, 10, 0 },
		/* Steps of 1 ms: the last one begins before the time. */
		{ LIGHTOS_RUN_UNTIL_TIME, 11000000, 11, 1 },
		{ LIGHTOS_RUN_UNTIL_TIME, 11000001, 12, 1 },
		{ LIGHTOS_RUN_UNTIL_TIME, 14999999, 15, 3 },
		{ LIGHTOS_RUN_UNTIL_TIME, 0, 15, 0 },
	};
	int fd = open_network(&ticker_network);
	size_t i, wait;

	for (wait = 0; wait < 2; wait++) {
		for (i = 0; i < LENGTH(runs); i++) {
			struct lightos_network_completion c;

			c = run_and_wait(fd, runs[i].flags |
					 (wait ? LIGHTOS_RUN_WAIT : 0),
					 runs[i].target);
			check_completion(&c, wait * LENGTH(runs) + i + 1,
					 runs[i].step,
					 runs[i].steps, LIGHTOS_RUN_DONE);
			CHECK_EQ(c.missed, 0);
		}
		CHECK_EQ(network_stats(fd).spikes, 15);
		CHECK_EQ(network_stats(fd).runs, LENGTH(runs));
		CHECK_OK(try_network_reset(fd, LIGHTOS_NETWORK_RESET_STATE |
					   LIGHTOS_NETWORK_RESET_COUNTERS));
	}
}

TEST(wrong_arguments)
{
	struct lightos_network_stats before, after;
	struct lightos_network_run run = { .size = sizeof(run), .eventfd = 1 };
	int fd = open_network(&ticker_network);

	before = network_stats(fd);
	CHECK_ERRNO(try_run(fd, LIGHTOS_RUN_UNTIL_STEP | LIGHTOS_RUN_UNTIL_TIME,
			    1, 0), EINVAL);
	CHECK_ERRNO(try_run(fd, 0, 1, 1000000), EINVAL);
	CHECK_ERRNO(try_run(fd, LIGHTOS_RUN_REAL_TIME, 1, 9999), EINVAL);
	CHECK_ERRNO(try_run(fd, LIGHTOS_RUN_REAL_TIME, 1, NEVER_NS + 1),
		    EINVAL);
	CHECK_ERRNO(try_run(fd, LIGHTOS_RUN_REAL_TIME, 1, ~0ULL), EINVAL);
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_NETWORK_RUN, &run), EINVAL);
	run.flags = LIGHTOS_RUN_EVENTFD;
	run.eventfd = -1;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_NETWORK_RUN, &run), EBADF);
	run.eventfd = 1000;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_NETWORK_RUN, &run), EBADF);
	run.eventfd = fd;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_NETWORK_RUN, &run), EINVAL);
	after = network_stats(fd);
	CHECK(!memcmp(&before, &after, sizeof(after)));
	CHECK_ERRNO(read(fd, &run, sizeof(run)), EINVAL);
}

/* The number of steps saturates where it would be over the last step. */
TEST(farthest_target)
{
	int fd = open_network(&ticker_network);
	struct lightos_network_completion c;

	advance(fd, 3);
	CHECK_OK(try_run(fd, 0, ~0ULL, 0));
	CHECK_OK(try_stop(fd));
	c = completion_of(fd);
	CHECK_EQ(c.reason, LIGHTOS_RUN_STOPPED);
	CHECK_EQ(c.step, c.steps + 3);
	CHECK_OK(try_run(fd, LIGHTOS_RUN_UNTIL_TIME, ~0ULL, 0));
	CHECK_OK(try_stop(fd));
	CHECK_EQ(completion_of(fd).reason, LIGHTOS_RUN_STOPPED);
}

/* ------------------------------------------------------------------ */
/* Real time                                                          */
/* ------------------------------------------------------------------ */

/* N steps take N - 1 intervals at least, by background and by caller. */
TEST(real_time)
{
	static const uint32_t flags[] = { 0, LIGHTOS_RUN_WAIT };
	int fd = open_network(&ticker_network);
	size_t i;

	for (i = 0; i < LENGTH(flags); i++) {
		struct lightos_network_completion c;
		uint64_t begin = now_ns();

		CHECK_OK(try_run(fd, LIGHTOS_RUN_REAL_TIME | flags[i], 11,
				 20 * NS_PER_MS));
		c = completion_of(fd);
		CHECK_GE(now_ns() - begin, 200 * NS_PER_MS);
		check_completion(&c, i + 1, 11 * (i + 1), 11, LIGHTOS_RUN_DONE);
		CHECK_LE(c.missed, 11);
	}
}

TEST(interval_of_the_network)
{
	int fd = open_network(&ticker_network);
	uint64_t begin = now_ns();

	CHECK_OK(try_run(fd, LIGHTOS_RUN_REAL_TIME | LIGHTOS_RUN_WAIT, 101, 0));
	CHECK_GE(now_ns() - begin, 100 * NS_PER_MS);
	CHECK_EQ(completion_of(fd).steps, 101);
}

/* An interval that no machine keeps: late steps are counted, none is left out. */
TEST(missed_steps)
{
	struct lightos_network_completion c;
	int fd = open_network(&ticker_network);

	CHECK_OK(try_run(fd, LIGHTOS_RUN_REAL_TIME, 5000, 10000));
	c = completion_of(fd);
	check_completion(&c, 1, 5000, 5000, LIGHTOS_RUN_DONE);
	CHECK_LE(c.missed, 5000);
	CHECK_EQ(network_stats(fd).missed, c.missed);
	CHECK_EQ(network_stats(fd).spikes, 5000);
}

/* A wait of 1,000 seconds ends at once, whoever waits. */
TEST(stop_in_real_time)
{
	int fd = open_network(&ticker_network);
	struct lightos_network_completion c;

	start_waiting_run(fd);
	wait_for_step(fd, 1);
	CHECK_OK(try_stop(fd));
	c = completion_of(fd);
	check_completion(&c, 1, 1, 1, LIGHTOS_RUN_STOPPED);
	CHECK_OK(try_stop(fd));
	/* And close() does not wait for it either. */
	start_waiting_run(fd);
	CHECK_OK(close(fd));
}

/* ------------------------------------------------------------------ */
/* Output that is kept                                                */
/* ------------------------------------------------------------------ */

TEST(keep_output)
{
	struct lightos_network_spike spikes[100];
	struct lightos_network_completion c;
	int fd = open_network(&ticker_network);
	uint64_t next = 0;
	long i, got;

	CHECK_OK(try_rings(fd, 64, 64, 0));
	CHECK_OK(try_run(fd, LIGHTOS_RUN_KEEP_OUTPUT | LIGHTOS_RUN_UNTIL_STEP,
			 1000, 0));
	c = completion_of(fd);
	check_completion(&c, 1, 64, 64, LIGHTOS_RUN_OUTPUT_FULL);
	while (next < 1000) {
		got = take_spikes(fd, spikes, 40);
		CHECK_GT(got, 0);
		for (i = 0; i < got; i++)
			CHECK_EQ(spikes[i].step, next++);
		c = run_and_wait(fd, LIGHTOS_RUN_KEEP_OUTPUT |
				 LIGHTOS_RUN_UNTIL_STEP, 1000);
		CHECK(c.reason == LIGHTOS_RUN_OUTPUT_FULL || c.step == 1000);
	}
	CHECK_EQ(network_stats(fd).dropped_spikes, 0);
	/* Without it what does not fit is lost, and counted. */
	advance(fd, 1000);
	CHECK_EQ(take_spikes(fd, spikes, LENGTH(spikes)), 64);
	CHECK_EQ(spikes[0].step, 1000);
	CHECK_EQ(network_stats(fd).dropped_spikes, 1000 - 64);
}

/* Rings that the output of a step might never fit into. */
TEST(keep_output_in_small_rings)
{
	static const struct lightos_population population[] = {
		{ .count = 65, .kind = LIGHTOS_KIND_LOIHI, .params_count = 1 },
	};
	static uint32_t probes[65];
	struct description d = ticker_network;
	int fd;

	d.tables[LIGHTOS_TABLE_POPULATIONS].entries = population;
	fd = open_network(&d);
	CHECK_OK(try_rings(fd, 64, 64, 64));
	CHECK_ERRNO(try_run(fd, LIGHTOS_RUN_KEEP_OUTPUT, 1, 0), EINVAL);
	CHECK_OK(try_rings(fd, 64, 128, 64));
	CHECK_EQ(run_and_wait(fd, LIGHTOS_RUN_KEEP_OUTPUT, 2).reason,
		 LIGHTOS_RUN_OUTPUT_FULL);
	CHECK_EQ(network_stats(fd).step, 1);
	d.tables[LIGHTOS_TABLE_PROBES].entries = probes;
	d.tables[LIGHTOS_TABLE_PROBES].count = LENGTH(probes);
	load_network(fd, &d);
	CHECK_OK(try_rings(fd, 64, 128, 64));
	CHECK_ERRNO(try_run(fd, LIGHTOS_RUN_KEEP_OUTPUT, 1, 0), EINVAL);
	CHECK_OK(try_rings(fd, 64, 128, 128));
	CHECK_EQ(run_and_wait(fd, LIGHTOS_RUN_KEEP_OUTPUT, 2).reason,
		 LIGHTOS_RUN_OUTPUT_FULL);
	CHECK_EQ(network_stats(fd).dropped_spikes, 0);
	CHECK_EQ(network_stats(fd).dropped_voltages, 0);
}

/* ------------------------------------------------------------------ */
/* Signals and threads                                                */
/* ------------------------------------------------------------------ */

static void on_signal(int signal)
{
	(void)signal;
}

static void signal_every_10_ms(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct itimerval often = {
		.it_interval.tv_usec = 10000, .it_value.tv_usec = 10000,
	};

	CHECK_OK(sigaction(SIGALRM, &action, NULL));
	CHECK_OK(setitimer(ITIMER_REAL, &often, NULL));
}

TEST(signal_ends_a_run_by_the_caller)
{
	static const uint64_t intervals[] = { 0, 10000, 50 * NS_PER_MS,
					      NEVER_NS };
	int fd = open_network(&ticker_network);
	size_t i;

	signal_every_10_ms();
	for (i = 0; i < LENGTH(intervals); i++) {
		uint32_t flags = LIGHTOS_RUN_WAIT |
				 (i ? LIGHTOS_RUN_REAL_TIME : 0);

		CHECK_EQ(try_run(fd, flags, FAR, intervals[i]), i + 1);
		CHECK_EQ(completion_of(fd).reason, LIGHTOS_RUN_INTERRUPTED);
	}
}

/* A background run does not care. */
TEST(signals_do_not_reach_the_background)
{
	struct lightos_network_completion c;
	int fd = open_network(&ticker_network);

	signal_every_10_ms();
	CHECK_OK(try_run(fd, LIGHTOS_RUN_REAL_TIME, 20, 10 * NS_PER_MS));
	c = completion_of(fd);
	check_completion(&c, 1, 20, 20, LIGHTOS_RUN_DONE);
}

static void *run_far(void *file)
{
	CHECK_OK(try_run(*(int *)file, LIGHTOS_RUN_WAIT, FAR, 0));
	return NULL;
}

TEST(stop_from_another_thread)
{
	int fd = open_network(&ticker_network);
	struct lightos_network_completion c;
	pthread_t runner;

	start_thread(&runner, run_far, &fd);
	wait_for_step(fd, 1);
	CHECK_EQ(network_stats(fd).running, 1);
	CHECK_OK(try_stop(fd));
	CHECK_EQ(network_stats(fd).running, 0);
	join_thread(runner);
	c = completion_of(fd);
	CHECK_EQ(c.reason, LIGHTOS_RUN_STOPPED);
	CHECK_EQ(c.step, c.steps);
	CHECK_EQ(network_stats(fd).spikes, c.steps);
}

#define ROUNDS	300

static void *run_often(void *file)
{
	int i, fd = *(int *)file;

	for (i = 0; i < ROUNDS; i++)
		while (try_run(fd, LIGHTOS_RUN_WAIT, 3, 0) < 0)
			CHECK_EQ(errno, EBUSY);
	return NULL;
}

/* Two threads that run one network, and one that looks: no step is lost. */
TEST(threads_take_turns)
{
	int fd = open_network(&ticker_network);
	struct lightos_network_stats stats;
	pthread_t runners[2];
	int i;

	for (i = 0; i < 2; i++)
		start_thread(&runners[i], run_often, &fd);
	do {
		stats = network_stats(fd);
		CHECK_EQ(stats.spikes, stats.steps);
		CHECK_EQ(stats.step, stats.steps);
	} while (stats.steps < 2 * 3 * ROUNDS);
	for (i = 0; i < 2; i++)
		join_thread(runners[i]);
	stats = network_stats(fd);
	CHECK_EQ(stats.steps, 2 * 3 * ROUNDS);
	CHECK_EQ(stats.runs, 2 * ROUNDS);
}

/* ------------------------------------------------------------------ */
/* Completions                                                        */
/* ------------------------------------------------------------------ */

TEST(read_without_waiting)
{
	void *volatile nowhere = NULL;
	struct lightos_network_completion c[2];
	int fd = open_network(&ticker_network);

	CHECK_ERRNO(read(fd, c, sizeof(c)), EINVAL);
	CHECK_OK(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK));
	CHECK_ERRNO(read(fd, c, sizeof(c)), EINVAL);
	start_waiting_run(fd);
	CHECK_ERRNO(read(fd, c, sizeof(c)), EAGAIN);
	CHECK_ERRNO(read(fd, c, sizeof(c[0]) - 1), EINVAL);
	CHECK_OK(try_stop(fd));
	CHECK_ERRNO(read(fd, c, sizeof(c[0]) - 1), EINVAL);
	CHECK_ERRNO(read(fd, nowhere, sizeof(c[0])), EFAULT);
	/* None of it took the completion away. */
	CHECK_EQ(read(fd, c, sizeof(c)), sizeof(c[0]));
	CHECK_EQ(c[0].run, 1);
	CHECK_ERRNO(read(fd, c, sizeof(c)), EINVAL);
}

TEST(completion_is_replaced)
{
	int fd = open_network(&ticker_network);
	struct lightos_network_completion c;

	CHECK_OK(try_run(fd, LIGHTOS_RUN_WAIT, 2, 0));
	c = run_and_wait(fd, LIGHTOS_RUN_WAIT, 3);
	check_completion(&c, 2, 5, 3, LIGHTOS_RUN_DONE);
	CHECK_OK(try_run(fd, LIGHTOS_RUN_WAIT, 2, 0));
	/* Gone with the network that it is about; its number is not used again. */
	load_network(fd, &ticker_network);
	CHECK_ERRNO(read(fd, &c, sizeof(c)), EINVAL);
	CHECK_EQ(try_run(fd, LIGHTOS_RUN_WAIT, 2, 0), 4);
}

static void *stop_soon(void *file)
{
	sleep_ms(50);
	CHECK_OK(try_stop(*(int *)file));
	return NULL;
}

TEST(read_waits)
{
	struct lightos_network_completion c;
	int fd = open_network(&ticker_network);
	pthread_t stopper;

	start_waiting_run(fd);
	start_thread(&stopper, stop_soon, &fd);
	c = completion_of(fd);
	check_completion(&c, 1, 1, 1, LIGHTOS_RUN_STOPPED);
	join_thread(stopper);
}

TEST(signal_ends_read)
{
	struct lightos_network_completion c;
	int fd = open_network(&ticker_network);

	signal_every_10_ms();
	start_waiting_run(fd);
	CHECK_ERRNO(read(fd, &c, sizeof(c)), EINTR);
	CHECK_EQ(network_stats(fd).running, 1);
}

TEST(eventfd_counts_runs)
{
	static const uint32_t flags[] = { 0, LIGHTOS_RUN_WAIT };
	struct lightos_network_run run = { .size = sizeof(run), .target = 3 };
	int fd = open_network(&ticker_network);
	int counter = eventfd(0, EFD_CLOEXEC);
	uint64_t value;
	size_t i;

	CHECK_OK(counter);
	for (i = 0; i < LENGTH(flags); i++) {
		run.flags = LIGHTOS_RUN_EVENTFD | flags[i];
		run.eventfd = counter;
		CHECK_OK(ioctl(fd, LIGHTOS_IOC_NETWORK_RUN, &run));
		CHECK_EQ(read(counter, &value, sizeof(value)), sizeof(value));
		CHECK_EQ(value, 1);
		/* The run was over by then. */
		CHECK_EQ(completion_of(fd).run, i + 1);
	}
	/* The caller's descriptor may go before the run does. */
	run.flags = LIGHTOS_RUN_EVENTFD | LIGHTOS_RUN_REAL_TIME;
	run.interval_ns = NEVER_NS;
	run.eventfd = dup(counter);
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_NETWORK_RUN, &run));
	CHECK_OK(close(run.eventfd));
	CHECK_OK(try_stop(fd));
	CHECK_EQ(read(counter, &value, sizeof(value)), sizeof(value));
	CHECK_EQ(value, 1);
}

/* ------------------------------------------------------------------ */
/* poll()                                                             */
/* ------------------------------------------------------------------ */

static int ready_for(int fd, int timeout_ms)
{
	struct pollfd p = {
		.fd = fd, .events = POLLIN | POLLPRI | POLLOUT,
	};

	CHECK_OK(poll(&p, 1, timeout_ms));
	return p.revents;
}

TEST(poll_without_a_network)
{
	int fd = open_node(O_RDWR);

	CHECK_EQ(ready_for(fd, 0), POLLIN | POLLOUT);
	CHECK_OK(try_begin(fd, &loihi_network));
	CHECK_EQ(ready_for(fd, 0), POLLIN | POLLOUT);
	CHECK_EQ(ready_for(open_node(O_RDONLY), 0), POLLIN | POLLOUT);
}

TEST(poll_says_what_is_ready)
{
	struct lightos_network_event events[64] = { { 0, 0, 0 } };
	struct lightos_network_spike spikes[64];
	int fd = open_network(&ticker_network);

	CHECK_EQ(ready_for(fd, 0), POLLOUT);
	CHECK_OK(try_run(fd, LIGHTOS_RUN_WAIT, 3, 0));
	CHECK_EQ(ready_for(fd, 0), POLLIN | POLLPRI | POLLOUT);
	(void)completion_of(fd);
	CHECK_EQ(ready_for(fd, 0), POLLPRI | POLLOUT);
	CHECK_EQ(take_spikes(fd, spikes, 2), 2);
	CHECK_EQ(ready_for(fd, 0), POLLPRI | POLLOUT);
	CHECK_EQ(take_spikes(fd, spikes, 2), 1);
	CHECK_EQ(ready_for(fd, 0), POLLOUT);
	CHECK_OK(try_rings(fd, 64, 64, 0));
	give(fd, events, 63);
	CHECK_EQ(ready_for(fd, 0), POLLOUT);
	give(fd, events, 1);
	CHECK_EQ(ready_for(fd, 0), 0);
	CHECK_OK(try_network_reset(fd, LIGHTOS_NETWORK_RESET_RINGS));
	CHECK_EQ(ready_for(fd, 0), POLLOUT);
	/* Voltages count as well. */
	load_network(fd, &loihi_network);
	advance(fd, 1);
	CHECK_EQ(ready_for(fd, 0), POLLPRI | POLLOUT);
}

/* The end of a run, a spike, room for input: each wakes who waits for it. */
TEST(poll_wakes)
{
	struct lightos_network_event events[64];
	struct pollfd p = { .fd = open_network(&ticker_network) };
	pthread_t stopper;
	int fd = p.fd, i;

	start_waiting_run(fd);
	start_thread(&stopper, stop_soon, &fd);
	p.events = POLLIN;
	CHECK_EQ(poll(&p, 1, -1), 1);
	CHECK_EQ(p.revents, POLLIN);
	join_thread(stopper);
	(void)completion_of(fd);

	CHECK_EQ(take_spikes(fd, (struct lightos_network_spike[9]){ 0 }, 9), 1);
	CHECK_OK(try_run(fd, LIGHTOS_RUN_REAL_TIME, FAR, 30 * NS_PER_MS));
	(void)take_spikes(fd, (struct lightos_network_spike[9]){ 0 }, 9);
	p.events = POLLPRI;
	CHECK_EQ(poll(&p, 1, -1), 1);
	CHECK_OK(try_stop(fd));

	CHECK_OK(try_rings(fd, 64, 64, 0));
	for (i = 0; i < 64; i++)
		events[i] = (struct lightos_network_event){
			.step = network_stats(fd).step + 3,
		};
	give(fd, events, 64);
	CHECK_OK(try_run(fd, LIGHTOS_RUN_REAL_TIME, FAR, 30 * NS_PER_MS));
	p.events = POLLOUT;
	CHECK_EQ(poll(&p, 1, -1), 1);
	CHECK_EQ(p.revents, POLLOUT);
	CHECK_OK(try_stop(fd));
}

/* ------------------------------------------------------------------ */
/* Processes                                                          */
/* ------------------------------------------------------------------ */

TEST(fork_and_dup)
{
	int fd = open_network(&loihi_network);
	int copy = dup(fd);
	pid_t child;
	int status;

	CHECK_OK(copy);
	CHECK_OK(close(fd));
	child = fork();
	CHECK_OK(child);
	if (!child) {
		give_one(copy, 0, 0, 0);
		advance(copy, LOIHI_STEPS);
		start_waiting_run(copy);
		_exit(HARNESS_PASS);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	/* The network is the file's, and so is the child's run. */
	CHECK_EQ(network_stats(copy).spikes, 1);
	CHECK_EQ(network_stats(copy).running, 1);
	CHECK_OK(try_stop(copy));
	CHECK_EQ(completion_of(copy).run, 2);
}

static void *close_soon(void *file)
{
	sleep_ms(50);
	CHECK_OK(close(*(int *)file));
	return NULL;
}

/* The file lives as long as a call on it; the run by its caller goes on. */
TEST(close_during_a_run)
{
	int fd = open_network(&ticker_network), copy = dup(fd);
	pthread_t closer;

	CHECK_OK(copy);
	start_thread(&closer, close_soon, &fd);
	CHECK_OK(try_run(fd, LIGHTOS_RUN_REAL_TIME | LIGHTOS_RUN_WAIT, 10,
			 20 * NS_PER_MS));
	join_thread(closer);
	CHECK_EQ(completion_of(copy).steps, 10);
	/* In the background the last close ends it. */
	CHECK_OK(try_run(copy, 0, FAR, 0));
	CHECK_OK(close(copy));
}

int main(void)
{
	return harness_run();
}
