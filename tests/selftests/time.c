// SPDX-License-Identifier: GPL-2.0
/*
 * Event time: 0 means now, events are applied in the order of their time and
 * of their submission where times tie, not before their time, and at once when
 * they are too old or too far ahead.
 */
#include <math.h>

#include "engine.h"

/* +600 first spikes; -500 a millisecond before it leaves too little. */
TEST(order_is_by_time)
{
	int fd = fresh();
	uint64_t base, later;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	base = pass_time(20);
	later = base + NS_PER_MS;
	submit(fd, 1, base, -500);
	submit(fd, 1, later, 600);
	submit(fd, 2, later, 600);
	submit(fd, 2, base, -500);
	submit(fd, 3, later, -500);
	submit(fd, 3, base, 600);
	apply(fd);
	CHECK_EQ(spikes_of(fd, 1), 0);
	CHECK_EQ(spikes_of(fd, 2), 0);
	CHECK_EQ(spikes_of(fd, 3), 1);
	CHECK_EQ(get_counters(fd).events_late, 0);
}

/* The order holds over a nanosecond as over a millisecond. */
TEST(order_is_by_the_nanosecond)
{
	int fd = fresh();
	uint64_t base;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	base = pass_time(5);
	submit(fd, 1, base + 1001, 600);
	submit(fd, 1, base + 1000, -200);
	submit(fd, 2, base + 1001, -200);
	submit(fd, 2, base + 1000, 600);
	apply(fd);
	CHECK_EQ(spikes_of(fd, 1), 0);
	CHECK_EQ(spikes_of(fd, 2), 1);
}

TEST(ties_are_in_submit_order)
{
	int fd = fresh();
	uint64_t base;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	base = pass_time(5);
	submit(fd, 1, base, 600);
	submit(fd, 1, base, -200);
	submit(fd, 2, base, -200);
	submit(fd, 2, base, 600);
	apply(fd);
	CHECK_EQ(spikes_of(fd, 1), 1);
	CHECK_EQ(spikes_of(fd, 2), 0);
	CHECK_EQ(get_counters(fd).events_refractory, 1);
}

/* Ties between events that came in order and stragglers, in both orders. */
TEST(ties_with_stragglers_are_in_submit_order)
{
	int fd = fresh();
	uint64_t base, tie;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	base = pass_time(5);
	tie = base + NS_PER_MS;
	submit(fd, 1, tie, 600);
	submit(fd, 2, tie, -200);
	submit(fd, 3, tie + NS_PER_MS, 1);
	submit(fd, 1, tie, -200);
	submit(fd, 2, tie, 600);
	submit(fd, 4, tie, -200);
	submit(fd, 5, tie, 600);
	submit(fd, 4, tie, 600);
	submit(fd, 5, tie, -200);
	apply(fd);
	CHECK_EQ(spikes_of(fd, 1), 1);
	CHECK_EQ(spikes_of(fd, 2), 0);
	CHECK_EQ(spikes_of(fd, 4), 0);
	CHECK_EQ(spikes_of(fd, 5), 1);
	CHECK_EQ(get_counters(fd).events_late, 0);
}

/*
 * A shuffled train of 2000 events over 1000 neurons: each neuron gets +600
 * and, one microsecond earlier, -200. None may spike.
 */
TEST(shuffled_train)
{
	int fd = fresh();
	uint64_t base;
	uint32_t i;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	base = pass_time(5);
	for (i = 0; i < 1000; i++) {
		uint32_t neuron = i * 617 % 1000;

		submit(fd, neuron, base + (2 * neuron + 1) * NS_PER_US, 600);
	}
	for (i = 0; i < 1000; i++) {
		uint32_t neuron = i * 389 % 1000;

		submit(fd, neuron, base + 2 * neuron * NS_PER_US, -200);
	}
	apply(fd);
	CHECK_EQ(get_counters(fd).events_processed, 2000);
	CHECK_EQ(get_counters(fd).events_late, 0);
	CHECK_EQ(get_counters(fd).spikes, 0);
	CHECK_EQ(get_counters(fd).neurons_used, 1000);
}

/* The clock around the submission bounds the event's time. */
TEST(zero_means_now)
{
	int fd = fresh();
	uint64_t submit_before, submit_after, before, after;
	int32_t mv;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	submit_before = now_ns();
	submit(fd, 7, 0, -9000);
	submit_after = now_ns();
	sleep_ms(5);
	start(fd);
	before = now_ns();
	mv = get_neuron(fd, 7).membrane_potential_mv;
	after = now_ns();
	CHECK_EQ(get_counters(fd).events_late, 0);
	CHECK_GE(mv, floor(REST_MV - 9000 * exp(-(double)(before - submit_after) /
						TAU_NS)) - 1);
	CHECK_LE(mv, ceil(REST_MV - 9000 * exp(-(double)(after - submit_before) /
					       TAU_NS)) + 1);
}

/* A time of 0 is taken at the submission, not when the event is applied. */
TEST(zero_keeps_its_place)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	submit(fd, 1, 0, -200);
	submit(fd, 1, now_ns(), 600);
	submit(fd, 2, 0, 600);
	submit(fd, 2, now_ns(), -200);
	apply(fd);
	CHECK_EQ(spikes_of(fd, 2), 1);
	CHECK_EQ(get_counters(fd).events_late, 0);
}

TEST(future_event_waits)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, 100);
	start(fd);
	submit(fd, 1, now_ns() + 50 * NS_PER_S, 600);
	sleep_ms(20);
	CHECK_EQ(get_stats(fd).total_events_processed, 0);
	CHECK_EQ(spikes_of(fd, 1), 0);
	CHECK_EQ(get_counters(fd).events_pending, 1);
	CHECK_EQ(get_counters(fd).events_late, 0);
	/* What is due goes past it. */
	submit(fd, 2, 0, 600);
	CHECK_EQ(spikes_of(fd, 2), 1);
	CHECK_EQ(get_counters(fd).events_pending, 1);
}

/* Whenever the event is seen applied, its time has come. */
TEST(future_event_is_not_early)
{
	int fd = fresh();
	uint64_t due;

	configure(fd, LIGHTOS_ENCODING_RATE, LIGHTOS_MIN_INTERVAL_US);
	start(fd);
	due = now_ns() + 30 * NS_PER_MS;
	submit(fd, 1, due, 600);
	while (!spikes_of(fd, 1))
		;
	CHECK_GE(now_ns(), due);
	CHECK_EQ(get_counters(fd).events_late, 0);
}

TEST(almost_60_s_ahead_is_kept)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	submit(fd, 1, now_ns() + LIGHTOS_MAX_AHEAD_NS, 600);
	apply(fd);
	CHECK_EQ(get_counters(fd).events_late, 0);
	CHECK_EQ(get_counters(fd).events_pending, 1);
}

TEST(too_far_ahead_is_applied_at_once)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	submit(fd, 1, now_ns() + 2 * LIGHTOS_MAX_AHEAD_NS, 600);
	submit(fd, 2, now_ns() + 3600 * NS_PER_S, 600);
	submit(fd, 3, 1ULL << 63, 600);
	submit(fd, 4, ~0ULL, 600);
	submit(fd, 5, ~0ULL - LIGHTOS_MAX_AHEAD_NS, 600);
	apply(fd);
	CHECK_EQ(get_counters(fd).events_processed, 5);
	CHECK_EQ(get_counters(fd).events_late, 5);
	CHECK_EQ(get_counters(fd).spikes, 5);
}

/* Applied at once, whatever its time. */
TEST(older_than_the_last_update_is_late)
{
	int fd = fresh();
	uint64_t base;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	base = pass_time(30);
	submit(fd, 1, base + 20 * NS_PER_MS, 300);
	apply(fd);
	CHECK_EQ(get_counters(fd).events_late, 0);
	submit(fd, 1, base + 10 * NS_PER_MS, 600);
	apply(fd);
	CHECK_EQ(get_counters(fd).events_late, 1);
	CHECK_EQ(get_counters(fd).events_processed, 2);
	CHECK_EQ(get_counters(fd).events_refractory, 0);
	CHECK_EQ(spikes_of(fd, 1), 1);
}

/* Lateness is a matter of the neuron: others still take the older time. */
TEST(late_is_per_neuron)
{
	int fd = fresh();
	uint64_t base;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	base = pass_time(30);
	submit(fd, 1, base + 20 * NS_PER_MS, 300);
	apply(fd);
	submit(fd, 2, base + 10 * NS_PER_MS, 300);
	apply(fd);
	CHECK_EQ(get_counters(fd).events_late, 0);
}

/* An unused neuron was last updated at load: 1 ns after boot is before. */
TEST(before_load_is_late)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	submit(fd, 1, 1, 600);
	apply(fd);
	CHECK_EQ(get_counters(fd).events_late, 1);
	CHECK_EQ(spikes_of(fd, 1), 1);
}

int main(void)
{
	return harness_run();
}
