// SPDX-License-Identifier: GPL-2.0
/*
 * SPIKING_SUBMIT_EVENT as a call: bounds of its fields, the full queue, what
 * is counted, and that padding does not matter.
 */
#include <limits.h>

#include "engine.h"

/* Submits until the stopped engine's queue is full. */
static void fill_queue(int fd)
{
	uint32_t i;

	for (i = 0; i < LIGHTOS_MAX_PENDING_EVENTS; i++)
		submit(fd, i, 0, 10);
}

TEST(normal_use)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	submit(fd, 42, 0, 600);
	CHECK_EQ(get_counters(fd).events_submitted, 1);
	CHECK_EQ(get_counters(fd).events_pending, 1);
	apply(fd);
	CHECK_EQ(get_counters(fd).events_pending, 0);
	CHECK_EQ(get_counters(fd).neurons_used, 1);
	CHECK_EQ(get_stats(fd).total_events_processed, 1);
}

TEST(accepted_while_disabled)
{
	int fd = fresh();

	submit(fd, 42, 0, 600);
	CHECK_EQ(get_stats(fd).enabled, 0);
	CHECK_EQ(get_counters(fd).events_pending, 1);
}

TEST(neuron_bounds)
{
	static const uint32_t unknown[] = {
		LIGHTOS_MAX_NEURONS, LIGHTOS_MAX_NEURONS + 1, 0x7fffffff,
		0x80000000, 0xffffffff,
	};
	int fd = fresh();
	struct snapshot before;
	size_t i;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	submit(fd, 0, 0, 600);
	submit(fd, LIGHTOS_MAX_NEURONS - 1, 0, 600);
	before = take_snapshot(fd);
	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		CHECK_ERRNO(try_submit(fd, unknown[i], 0, 600), EINVAL);
	CHECK_UNCHANGED(fd, &before);
	apply(fd);
	CHECK_EQ(spikes_of(fd, 0), 1);
	CHECK_EQ(spikes_of(fd, LIGHTOS_MAX_NEURONS - 1), 1);
	CHECK_EQ(get_counters(fd).spikes, 2);
}

TEST(full_queue)
{
	int fd = fresh();

	fill_queue(fd);
	CHECK_EQ(get_counters(fd).events_pending, LIGHTOS_MAX_PENDING_EVENTS);
	CHECK_EQ(get_counters(fd).events_dropped, 0);
	CHECK_ERRNO(try_submit(fd, 1, 0, 10), ENOSPC);
	CHECK_ERRNO(try_submit(fd, 1, 1, 10), ENOSPC);
	CHECK_ERRNO(try_submit(fd, 1, now_ns() + NS_PER_S, 10), ENOSPC);
	CHECK_EQ(get_stats(fd).events_dropped, 3);
	CHECK_EQ(get_counters(fd).events_dropped, 3);
	CHECK_EQ(get_counters(fd).events_submitted, LIGHTOS_MAX_PENDING_EVENTS);
	CHECK_EQ(get_counters(fd).events_pending, LIGHTOS_MAX_PENDING_EVENTS);
}

/* A bad neuron is refused as such and not counted as dropped. */
TEST(full_queue_and_bad_neuron)
{
	int fd = fresh();

	fill_queue(fd);
	CHECK_ERRNO(try_submit(fd, LIGHTOS_MAX_NEURONS, 0, 10), EINVAL);
	CHECK_EQ(get_stats(fd).events_dropped, 0);
}

TEST(full_queue_is_applied_whole)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	fill_queue(fd);
	CHECK_ERRNO(try_submit(fd, 1, 0, 10), ENOSPC);
	apply(fd);
	CHECK_EQ(get_stats(fd).total_events_processed,
		 LIGHTOS_MAX_PENDING_EVENTS);
	CHECK_EQ(get_counters(fd).neurons_used, LIGHTOS_MAX_PENDING_EVENTS);
	submit(fd, 1, 0, 10);
	CHECK_EQ(get_stats(fd).events_dropped, 1);
}

/* The bound is on all that waits, in whatever order it came. */
TEST(full_queue_of_stragglers)
{
	int fd = fresh();
	uint64_t base = pass_time(5);
	uint32_t i;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	for (i = 0; i < LIGHTOS_MAX_PENDING_EVENTS; i++)
		submit(fd, i, base + 5000 - i, 600);
	CHECK_ERRNO(try_submit(fd, 1, base, 600), ENOSPC);
	CHECK_ERRNO(try_submit(fd, 1, 0, 600), ENOSPC);
	apply(fd);
	CHECK_EQ(get_counters(fd).spikes, LIGHTOS_MAX_PENDING_EVENTS);
	CHECK_EQ(get_counters(fd).events_late, 0);
}

TEST(half_in_order_half_stragglers)
{
	int fd = fresh();
	uint64_t base = pass_time(5);
	uint32_t i;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	for (i = 0; i < LIGHTOS_MAX_PENDING_EVENTS / 2; i++) {
		submit(fd, 2 * i, base + 3000 + i, 600);
		submit(fd, 2 * i + 1, base + 3000 - i, 600);
	}
	CHECK_ERRNO(try_submit(fd, 1, base, 600), ENOSPC);
	apply(fd);
	CHECK_EQ(get_counters(fd).spikes, LIGHTOS_MAX_PENDING_EVENTS);
}

TEST(any_amplitude_is_safe)
{
	static const int32_t extremes[] = { INT_MIN, INT_MIN + 1, -1000000 };
	int fd = fresh();
	size_t i;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	submit(fd, 0, 0, INT_MAX);
	apply(fd);
	CHECK_EQ(spikes_of(fd, 0), 1);
	for (i = 0; i < sizeof(extremes) / sizeof(extremes[0]); i++) {
		submit(fd, 1, 0, extremes[i]);
		apply(fd);
		CHECK_GE(get_neuron(fd, 1).membrane_potential_mv, -10080);
		CHECK_LE(get_neuron(fd, 1).membrane_potential_mv, REST_MV);
	}
	CHECK_EQ(spikes_of(fd, 1), 0);
	CHECK_GE(get_counters(fd).saturations, 3);
}

static void submit_with_synapses(int fd, uint32_t neuron, uint32_t synapses)
{
	struct lightos_spike_event event = {
		.neuron_id = neuron, .amplitude_mv = 300,
		.synapse_count = synapses,
	};

	CHECK_EQ(ioctl(fd, LIGHTOS_IOC_SPIKING_SUBMIT_EVENT, &event), 0);
}

/* Synapses are counted, 0 as 1, and never change what the event does. */
TEST(synapse_count)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	submit_with_synapses(fd, 1, 0);
	submit_with_synapses(fd, 2, 1);
	submit_with_synapses(fd, 3, 1000);
	submit_with_synapses(fd, 4, 0xffffffff);
	CHECK_EQ(get_counters(fd).synaptic_ops, 0);
	apply(fd);
	CHECK_EQ(get_counters(fd).synaptic_ops, 1002ULL + 0xffffffff);
	CHECK_EQ(get_counters(fd).spikes, 0);
}

/* The hole before timestamp_ns of 64-bit programs may hold anything. */
TEST(padding_is_ignored)
{
	struct lightos_spike_event event;
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	memset(&event, 0xaa, sizeof(event));
	event.neuron_id = 6;
	event.timestamp_ns = 0;
	event.amplitude_mv = 600;
	event.synapse_count = 1;
	CHECK_EQ(ioctl(fd, LIGHTOS_IOC_SPIKING_SUBMIT_EVENT, &event), 0);
	apply(fd);
	CHECK_EQ(spikes_of(fd, 6), 1);
}

TEST(argument_is_not_written)
{
	struct lightos_spike_event event, before;
	int fd = fresh();

	memset(&event, 0, sizeof(event));
	event.neuron_id = 6;
	event.timestamp_ns = 0;
	before = event;
	CHECK_EQ(ioctl(fd, LIGHTOS_IOC_SPIKING_SUBMIT_EVENT, &event), 0);
	CHECK(!memcmp(&event, &before, sizeof(event)));
}

int main(void)
{
	return harness_run();
}
