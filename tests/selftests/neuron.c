// SPDX-License-Identifier: GPL-2.0
/*
 * GET_NEURON_STATE, and the LIF neuron as a program sees it: threshold, exact
 * leak, refractory period, activity, rate, and what the encodings do.
 */
#include <math.h>

#include "engine.h"

/* Tries for the few checks that need a query soon after an event. */
#define ATTEMPTS	1000

TEST(unused_neuron)
{
	static const uint32_t ids[] = { 0, 1, 42, LIGHTOS_MAX_NEURONS - 1 };
	int fd = fresh();
	size_t i;

	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct lightos_neuron_state state = get_neuron(fd, ids[i]);

		CHECK_EQ(state.state, LIGHTOS_NEURON_RESTING);
		CHECK_EQ(state.membrane_potential_mv, REST_MV);
		CHECK_EQ(state.total_spikes, 0);
		CHECK_EQ(state.current_rate_hz, 0);
	}
	CHECK_EQ(get_counters(fd).neurons_used, 0);
}

TEST(unknown_neuron)
{
	static const uint32_t unknown[] = {
		LIGHTOS_MAX_NEURONS, LIGHTOS_MAX_NEURONS + 1, 0x7fffffff,
		0x80000000, 0xffffffff,
	};
	int fd = fresh();
	struct snapshot before = take_snapshot(fd);
	size_t i;

	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		struct lightos_neuron_state state, sent;

		memset(&state, 0xaa, sizeof(state));
		state.neuron_id = unknown[i];
		sent = state;
		CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_GET_NEURON_STATE, &state),
			    EINVAL);
		CHECK(!memcmp(&state, &sent, sizeof(state)));
	}
	CHECK_UNCHANGED(fd, &before);
}

/* The argument is poisoned before the call: holes must come back as zero. */
TEST(holes_are_written_as_zero)
{
	struct lightos_neuron_state state = get_neuron(fresh(), 3);
	unsigned char bytes[sizeof(state)];

	memcpy(bytes, &state, sizeof(state));
#ifndef __i386__
	CHECK(all_bytes(bytes + 12, 4, 0));
	CHECK(all_bytes(bytes + 28, 4, 0));
#else
	CHECK_EQ(sizeof(bytes), 24);
#endif
}

/* From the migration guide. */
TEST(one_event_of_600_mv_spikes_once)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_DELTA, 1000);
	start(fd);
	submit(fd, 42, 0, 600);
	CHECK_EQ(get_stats(fd).total_events_processed, 1);
	CHECK_EQ(spikes_of(fd, 42), 1);
	CHECK_EQ(spikes_of(fd, 41), 0);
	CHECK_EQ(get_counters(fd).spikes, 1);
}

TEST(threshold)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	submit(fd, 1, 0, THRESHOLD_MV - REST_MV);
	submit(fd, 2, 0, THRESHOLD_MV - REST_MV - 1);
	submit(fd, 3, 0, -(THRESHOLD_MV - REST_MV));
	apply(fd);
	CHECK_EQ(spikes_of(fd, 1), 1);
	CHECK_EQ(spikes_of(fd, 2), 0);
	CHECK_EQ(spikes_of(fd, 3), 0);
}

/*
 * Brings two fresh neurons to @first_mv above rest, lets them leak for @gap_ns
 * and gives them what brings the one just over and the other just under the
 * threshold, if the leak is right within a hundredth of a millivolt.
 */
static void check_leak(int fd, uint32_t neuron, uint64_t base, int32_t first_mv,
		       uint64_t gap_ns)
{
	double left = first_mv * exp(-(double)gap_ns / TAU_NS);
	double missing = THRESHOLD_MV - REST_MV - left;
	int32_t over = (int32_t)ceil(missing + 0.01);
	int32_t under = (int32_t)floor(missing - 0.01);

	submit(fd, neuron, base, first_mv);
	submit(fd, neuron, base + gap_ns, over);
	submit(fd, neuron + 1, base, first_mv);
	submit(fd, neuron + 1, base + gap_ns, under);
	apply(fd);
	if (spikes_of(fd, neuron) != 1 || spikes_of(fd, neuron + 1) != 0)
		FAIL("%d mV after %llu ns: not within [%d, %d] of threshold",
		     first_mv, (unsigned long long)gap_ns, under, over);
}

TEST(leak_is_exact)
{
	static const int32_t first_mv[] = { 400, 569, -100, -3000, -9000 };
	static const uint64_t gap_us[] = {
		1, 50, 999, 1000, 2000, 5000, 6931, 10000, 20000, 30000, 70000,
	};
	int fd = fresh();
	uint64_t base;
	uint32_t neuron = 0;
	size_t i, j;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	base = pass_time(80);
	for (i = 0; i < sizeof(first_mv) / sizeof(first_mv[0]); i++)
		for (j = 0; j < sizeof(gap_us) / sizeof(gap_us[0]); j++) {
			check_leak(fd, neuron, base, first_mv[i],
				   gap_us[j] * NS_PER_US);
			neuron += 2;
		}
	CHECK_EQ(get_counters(fd).events_late, 0);
}

/* Many short gaps leak as much as one long gap. */
TEST(leak_does_not_drift)
{
	int fd = fresh();
	uint64_t base;
	double left = 560 * exp(-2.0);
	int i;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	base = pass_time(25);
	submit(fd, 1, base, 560);
	submit(fd, 2, base, 560);
	for (i = 1; i < 1000; i++) {
		submit(fd, 1, base + (uint64_t)i * 20 * NS_PER_US, 0);
		submit(fd, 2, base + (uint64_t)i * 20 * NS_PER_US, 0);
	}
	submit(fd, 1, base + 20 * NS_PER_MS, (int32_t)ceil(570 - left));
	submit(fd, 2, base + 20 * NS_PER_MS, (int32_t)floor(570 - left));
	apply(fd);
	CHECK_EQ(spikes_of(fd, 1), 1);
	CHECK_EQ(spikes_of(fd, 2), 0);
}

/*
 * The membrane is reported as of the call. The clock around the call bounds
 * what an exact leak may have left; a slow machine only widens the bounds.
 */
TEST(reported_membrane_leaks)
{
	int fd = fresh();
	uint64_t event, before, after;
	int i;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	start(fd);
	event = pass_time(1);
	submit(fd, 7, event, -9000);
	for (i = 0; i < 50; i++) {
		int32_t mv;

		before = now_ns();
		mv = get_neuron(fd, 7).membrane_potential_mv;
		after = now_ns();
		CHECK_GE(mv, floor(REST_MV - 9000 * exp(-(double)(before - event) /
							TAU_NS)) - 1);
		CHECK_LE(mv, ceil(REST_MV - 9000 * exp(-(double)(after - event) /
						       TAU_NS)) + 1);
		sleep_ms(1);
	}
	CHECK_EQ(get_counters(fd).events_late, 0);
}

TEST(membrane_returns_to_rest)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	start(fd);
	submit(fd, 7, 0, -9000);
	submit(fd, 8, 0, 600);
	sleep_ms(300);
	CHECK_EQ(get_neuron(fd, 7).membrane_potential_mv, REST_MV);
	CHECK_EQ(get_neuron(fd, 7).state, LIGHTOS_NEURON_RESTING);
	CHECK_EQ(get_neuron(fd, 8).membrane_potential_mv, REST_MV);
	CHECK_EQ(get_neuron(fd, 8).state, LIGHTOS_NEURON_RESTING);
}

/* A query changes nothing: not the leak of later events either. */
TEST(queries_do_not_disturb)
{
	int fd = fresh();
	uint64_t base;
	int i;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	base = pass_time(25);
	submit(fd, 1, base, 400);
	apply(fd);
	for (i = 0; i < 100; i++)
		(void)get_neuron(fd, 1);
	/* 400 e^-1 is 147.2: 423 more reach the threshold, 570 over rest. */
	submit(fd, 1, base + 10 * NS_PER_MS, 423);
	apply(fd);
	CHECK_EQ(get_counters(fd).events_late, 0);
	CHECK_EQ(spikes_of(fd, 1), 1);
}

TEST(refractory_neuron_is_deaf)
{
	int fd = fresh();
	uint64_t base;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	base = pass_time(10);
	submit(fd, 1, base, 600);
	submit(fd, 1, base, 600);
	submit(fd, 1, base + NS_PER_MS, 600);
	submit(fd, 1, base + REFRACTORY_NS - 1, 600);
	apply(fd);
	CHECK_EQ(spikes_of(fd, 1), 1);
	CHECK_EQ(get_counters(fd).events_refractory, 3);
	CHECK_EQ(get_counters(fd).events_processed, 4);
	/* Deaf means deaf: nothing of it shows after the period either. */
	submit(fd, 1, base + REFRACTORY_NS, 579);
	apply(fd);
	CHECK_EQ(spikes_of(fd, 1), 1);
}

/* At the end of the period the neuron is at reset, and takes input. */
TEST(refractory_period_ends_at_reset_potential)
{
	int fd = fresh();
	uint64_t base;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	base = pass_time(10);
	submit(fd, 1, base, 600);
	submit(fd, 1, base + REFRACTORY_NS, THRESHOLD_MV - RESET_MV);
	submit(fd, 2, base, 600);
	submit(fd, 2, base + REFRACTORY_NS, THRESHOLD_MV - RESET_MV - 1);
	apply(fd);
	CHECK_EQ(spikes_of(fd, 1), 2);
	CHECK_EQ(spikes_of(fd, 2), 1);
	CHECK_EQ(get_counters(fd).events_refractory, 0);
}

/* Leak starts at the end of the period: 10 e^-1 is 3.7 mV under rest. */
TEST(leak_after_the_refractory_period)
{
	int fd = fresh();
	uint64_t base, later;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	base = pass_time(20);
	later = base + REFRACTORY_NS + TAU_NS;
	submit(fd, 1, base, 600);
	submit(fd, 1, later, 574);
	submit(fd, 2, base, 600);
	submit(fd, 2, later, 573);
	apply(fd);
	CHECK_EQ(spikes_of(fd, 1), 2);
	CHECK_EQ(spikes_of(fd, 2), 1);
}

/* A neuron that has just fired is spiking for one processing interval. */
TEST(state_spiking)
{
	int fd = fresh();
	int i;

	configure(fd, LIGHTOS_ENCODING_RATE, LIGHTOS_MAX_INTERVAL_US);
	start(fd);
	for (i = 0; i < ATTEMPTS; i++) {
		uint64_t before;
		uint32_t state;

		reset(fd, RESET_ALL);
		before = now_ns();
		submit(fd, 1, 0, 600);
		state = get_neuron(fd, 1).state;
		if (now_ns() - before >= NS_PER_S)
			continue;
		CHECK_EQ(state, LIGHTOS_NEURON_SPIKING);
		return;
	}
	FAIL("no two calls within a second");
}

/* With an interval under 2 ms, the refractory period shows after it. */
TEST(state_refractory)
{
	int fd = fresh();
	int i;

	configure(fd, LIGHTOS_ENCODING_RATE, LIGHTOS_MIN_INTERVAL_US);
	start(fd);
	for (i = 0; i < ATTEMPTS; i++) {
		struct lightos_neuron_state state;
		uint64_t before;

		reset(fd, RESET_ALL);
		before = now_ns();
		submit(fd, 1, 0, 600);
		sleep_ns(LIGHTOS_MIN_INTERVAL_US * NS_PER_US);
		state = get_neuron(fd, 1);
		if (now_ns() - before >= REFRACTORY_NS)
			continue;
		CHECK_EQ(state.state, LIGHTOS_NEURON_REFRACTORY);
		CHECK_EQ(state.membrane_potential_mv, RESET_MV);
		CHECK_EQ(state.total_spikes, 1);
		return;
	}
	FAIL("no query within the refractory period");
}

TEST(state_integrating)
{
	int fd = fresh();
	int i;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	start(fd);
	for (i = 0; i < ATTEMPTS; i++) {
		struct lightos_neuron_state state;
		uint64_t before;

		reset(fd, RESET_ALL);
		before = now_ns();
		submit(fd, 1, 0, -9000);
		state = get_neuron(fd, 1);
		/* 9000 e^-9 is 1.1 mV. */
		if (now_ns() - before >= 9 * TAU_NS)
			continue;
		CHECK_EQ(state.state, LIGHTOS_NEURON_INTEGRATING);
		CHECK_EQ(state.total_spikes, 0);
		return;
	}
	FAIL("no two calls within 90 ms");
}

/* Nine spikes within the last second: 9 Hz, or 10 with nine buckets over. */
TEST(rate_counts_the_last_second)
{
	int fd = fresh();
	int i, j;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	for (i = 0; i < 20; i++) {
		uint64_t base;
		uint32_t rate;

		reset(fd, RESET_ALL);
		base = pass_time(30);
		for (j = 0; j < 9; j++)
			submit(fd, 1, base + 3 * (uint64_t)j * NS_PER_MS, 600);
		apply(fd);
		rate = get_neuron(fd, 1).current_rate_hz;
		if (now_ns() - base >= 800 * NS_PER_MS)
			continue;
		CHECK_EQ(spikes_of(fd, 1), 9);
		CHECK_GE(rate, 9);
		CHECK_LE(rate, 10);
		return;
	}
	FAIL("no query within a second of the spikes");
}

TEST(rate_falls_to_zero)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	submit(fd, 1, 0, 600);
	apply(fd);
	CHECK_EQ(spikes_of(fd, 1), 1);
	sleep_ms(1200);
	CHECK_EQ(get_neuron(fd, 1).current_rate_hz, 0);
	CHECK_EQ(spikes_of(fd, 1), 1);
}

TEST(rate_encoding_fires_many_times_a_cycle)
{
	int fd = fresh();
	uint64_t base;

	configure(fd, LIGHTOS_ENCODING_RATE, LIGHTOS_MAX_INTERVAL_US);
	base = pass_time(20);
	submit(fd, 1, base, 600);
	submit(fd, 1, base + 5 * NS_PER_MS, 600);
	submit(fd, 1, base + 10 * NS_PER_MS, 600);
	apply(fd);
	CHECK_EQ(spikes_of(fd, 1), 3);
	CHECK_EQ(get_counters(fd).events_suppressed, 0);
}

TEST(temporal_encoding_fires_once_a_cycle)
{
	int fd = fresh();
	int i;

	configure(fd, LIGHTOS_ENCODING_TEMPORAL, LIGHTOS_MAX_INTERVAL_US);
	for (i = 0; i < 20; i++) {
		struct lightos_spiking_counters counters;
		uint64_t base;

		stop(fd);
		reset(fd, RESET_ALL);
		start(fd);
		base = pass_time(20);
		submit(fd, 1, base, 600);
		submit(fd, 1, base + 5 * NS_PER_MS, 600);
		submit(fd, 2, base + 6 * NS_PER_MS, 600);
		(void)get_stats(fd);
		counters = get_counters(fd);
		if (counters.cycles)
			continue;
		CHECK_EQ(spikes_of(fd, 1), 1);
		CHECK_EQ(spikes_of(fd, 2), 1);
		CHECK_EQ(counters.events_suppressed, 1);
		CHECK_EQ(counters.events_processed, 3);
		return;
	}
	FAIL("no test within one cycle of a second");
}

TEST(temporal_encoding_fires_again_in_the_next_cycle)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_TEMPORAL, 1000);
	start(fd);
	submit(fd, 1, 0, 600);
	CHECK_EQ(spikes_of(fd, 1), 1);
	sleep_ms(10);
	submit(fd, 1, 0, 600);
	CHECK_EQ(spikes_of(fd, 1), 2);
	CHECK_EQ(get_counters(fd).events_suppressed, 0);
}

/*
 * A target of 100 % cannot be met while events keep coming: the threshold
 * rises from 0, and changes under it are held back.
 */
TEST(delta_threshold_rises_under_target)
{
	const struct lightos_spiking_config config = {
		.encoding = LIGHTOS_ENCODING_DELTA, .enabled = 1,
		.processing_interval_us = LIGHTOS_MIN_INTERVAL_US,
		.target_sparsity_percent = 100,
	};
	int fd = fresh();
	struct lightos_spiking_counters counters;

	CHECK_OK(try_config(fd, &config));
	CHECK_EQ(get_counters(fd).delta_threshold_mv, 0);
	start(fd);
	do {
		CHECK_OK(try_submit(fd, 1, 0, 1));
		(void)get_stats(fd);
		counters = get_counters(fd);
		CHECK_LE(counters.delta_threshold_mv, 64);
	} while (counters.delta_threshold_mv < 2 ||
		 !counters.events_suppressed);
	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	CHECK_EQ(get_counters(fd).delta_threshold_mv, 0);
}

int main(void)
{
	return harness_run();
}
