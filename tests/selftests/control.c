// SPDX-License-Identifier: GPL-2.0
/*
 * START, STOP and the cycles between them: error codes, what runs when, the
 * bound on a cycle, and that an engine with nothing to do is left alone.
 */
#include "engine.h"

TEST(start_while_disabled)
{
	int fd = fresh();
	struct snapshot before = take_snapshot(fd);

	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_SPIKING_START), EINVAL);
	CHECK_UNCHANGED(fd, &before);
}

TEST(start_twice)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	start(fd);
	CHECK_EQ(get_counters(fd).running, 1);
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_SPIKING_START), EALREADY);
	CHECK_EQ(get_counters(fd).running, 1);
}

TEST(stop_always_succeeds)
{
	int fd = fresh();

	stop(fd);
	stop(fd);
	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	stop(fd);
	start(fd);
	stop(fd);
	stop(fd);
	CHECK_EQ(get_counters(fd).running, 0);
}

TEST(start_stop_many_times)
{
	int fd = fresh();
	int i;

	configure(fd, LIGHTOS_ENCODING_RATE, 50);
	for (i = 0; i < 500; i++) {
		submit(fd, (uint32_t)i, 0, 10);
		start(fd);
		stop(fd);
	}
	apply(fd);
	CHECK_EQ(get_stats(fd).total_events_processed, 500);
}

/* Neither call has an argument; what stands in its place is not looked at. */
TEST(argument_is_ignored)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	CHECK_EQ(ioctl(fd, LIGHTOS_IOC_SPIKING_START, (void *)0x10), 0);
	CHECK_EQ(ioctl(fd, LIGHTOS_IOC_SPIKING_STOP, (void *)-1), 0);
}

TEST(stopped_engine_applies_nothing)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, 50);
	submit(fd, 4, 0, 600);
	sleep_ms(20);
	CHECK_EQ(get_stats(fd).total_events_processed, 0);
	CHECK_EQ(spikes_of(fd, 4), 0);
	CHECK_EQ(get_counters(fd).events_pending, 1);
	apply(fd);
	CHECK_EQ(spikes_of(fd, 4), 1);
}

TEST(pending_events_survive_stop)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	start(fd);
	submit(fd, 4, now_ns() + 30 * NS_PER_S, 600);
	stop(fd);
	CHECK_EQ(get_counters(fd).events_pending, 1);
	start(fd);
	CHECK_EQ(get_counters(fd).events_pending, 1);
}

/* COUNTERS only looks; GET_STATS and GET_NEURON_STATE apply what is due. */
TEST(queries_that_catch_up)
{
	int fd = fresh();
	struct lightos_spiking_counters counters;

	configure(fd, LIGHTOS_ENCODING_RATE, LIGHTOS_MAX_INTERVAL_US);
	start(fd);
	submit(fd, 1, 0, 600);
	counters = get_counters(fd);
	if (!counters.timer_fires) {
		CHECK_EQ(counters.events_processed, 0);
		CHECK_EQ(counters.events_pending, 1);
	}
	CHECK_EQ(get_stats(fd).total_events_processed, 1);
	submit(fd, 2, 0, 600);
	CHECK_EQ(get_neuron(fd, 2).total_spikes, 1);
	/* A query of one neuron applies the events of all. */
	submit(fd, 3, 0, 600);
	(void)get_neuron(fd, 4);
	CHECK_EQ(get_counters(fd).events_processed, 3);
}

/* The timer alone brings events to their neurons. */
TEST(timer_applies_events)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	start(fd);
	submit(fd, 1, 0, 600);
	while (get_counters(fd).events_pending)
		sleep_ms(1);
	CHECK_EQ(get_counters(fd).spikes, 1);
	CHECK_GE(get_counters(fd).timer_fires, 1);
}

TEST(cycle_is_bounded)
{
	const struct lightos_spiking_config config = {
		.enabled = 1, .max_events_per_cycle = 10,
		.processing_interval_us = 1000,
	};
	int fd = fresh();
	struct lightos_spiking_counters counters;
	uint32_t i;

	CHECK_OK(try_config(fd, &config));
	for (i = 0; i < 100; i++)
		submit(fd, i, 0, 10);
	start(fd);
	do {
		counters = get_counters(fd);
		CHECK_EQ(counters.events_processed % 10, 0);
		CHECK_LE(counters.events_processed, 10 * counters.timer_fires);
		CHECK_EQ(counters.events_processed + counters.events_pending,
			 100);
		sleep_ms(1);
	} while (counters.events_pending);
	CHECK_GE(counters.timer_fires, 10);
}

/* Catching up is not a cycle: the bound does not hold it back. */
TEST(catching_up_is_not_bounded)
{
	const struct lightos_spiking_config config = {
		.enabled = 1, .max_events_per_cycle = 1,
		.processing_interval_us = LIGHTOS_MAX_INTERVAL_US,
	};
	int fd = fresh();
	uint32_t i;

	CHECK_OK(try_config(fd, &config));
	for (i = 0; i < 100; i++)
		submit(fd, i, 0, 10);
	start(fd);
	CHECK_EQ(get_stats(fd).total_events_processed, 100);
}

TEST(idle_engine_is_not_woken)
{
	int fd = fresh();
	struct lightos_spiking_counters before, after;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	start(fd);
	sleep_ms(50);
	CHECK_EQ(get_counters(fd).timer_fires, 0);
	submit(fd, 1, 0, 600);
	while (get_counters(fd).events_pending)
		sleep_ms(1);
	before = get_counters(fd);
	sleep_ms(100);
	after = get_counters(fd);
	CHECK_EQ(after.timer_fires, before.timer_fires);
	CHECK_GT(after.cycles, before.cycles);
}

/* One event in the future costs one wake-up, not one an interval. */
TEST(one_wake_up_for_a_future_event)
{
	int fd = fresh();
	struct lightos_spiking_counters counters;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	start(fd);
	submit(fd, 1, now_ns() + 300 * NS_PER_MS, 600);
	do {
		sleep_ms(10);
		counters = get_counters(fd);
	} while (counters.events_pending);
	CHECK_EQ(counters.timer_fires, 1);
	CHECK_EQ(counters.spikes, 1);
}

TEST(cycles_stand_still_while_stopped)
{
	int fd = fresh();
	struct lightos_spiking_counters before;

	configure(fd, LIGHTOS_ENCODING_RATE, 50);
	start(fd);
	sleep_ms(5);
	stop(fd);
	before = get_counters(fd);
	CHECK_GT(before.cycles, 0);
	sleep_ms(20);
	CHECK_EQ(get_counters(fd).cycles, before.cycles);
}

TEST(sparsity_is_a_percentage)
{
	int fd = fresh();
	int i;

	CHECK_EQ(get_stats(fd).current_sparsity_percent, 100);
	configure(fd, LIGHTOS_ENCODING_RATE, 50);
	start(fd);
	for (i = 0; i < 200; i++) {
		submit(fd, 1, 0, 1);
		CHECK_LE(get_stats(fd).current_sparsity_percent, 100);
	}
	/* The window is 1024 cycles long: 52 ms here. */
	sleep_ms(300);
	CHECK_EQ(get_stats(fd).current_sparsity_percent, 100);
}

int main(void)
{
	return harness_run();
}
