// SPDX-License-Identifier: GPL-2.0
/*
 * Sizes, offsets, call codes and values of the ABI, as the compiler sees them
 * for this word size, against the contract of v0.2.0 and the published form
 * of the extended calls.
 */
#include <stddef.h>

#include "harness.h"
#include "lightos.h"

/* i386 aligns a __u64 to 4 bytes: two structures and their codes differ. */
#ifdef __i386__
#define WORD(bits64, bits32)	(bits32)
#else
#define WORD(bits64, bits32)	(bits64)
#endif

#define CHECK_FIELD(type, field, offset, bytes)				\
	do {								\
		CHECK_EQ(offsetof(struct type, field), offset);		\
		CHECK_EQ(sizeof(((struct type *)0)->field), bytes);	\
	} while (0)

TEST(legacy_codes)
{
	CHECK_EQ(LIGHTOS_IOC_GET_DEVICE_STATE, 0xC0204C01);
	CHECK_EQ(LIGHTOS_IOC_SPIKING_CONFIG, 0xC0284C02);
	CHECK_EQ(LIGHTOS_IOC_SPIKING_START, 0x00004C03);
	CHECK_EQ(LIGHTOS_IOC_SPIKING_STOP, 0x00004C04);
	CHECK_EQ(LIGHTOS_IOC_SPIKING_SUBMIT_EVENT,
		 WORD(0x40184C05, 0x40144C05));
	CHECK_EQ(LIGHTOS_IOC_SPIKING_GET_STATS, 0x80284C06);
	CHECK_EQ(LIGHTOS_IOC_GET_NEURON_STATE, WORD(0xC0204C07, 0xC0184C07));
}

TEST(device_state)
{
	CHECK_EQ(sizeof(struct lightos_device_state), 32);
	CHECK_FIELD(lightos_device_state, device_id, 0, 4);
	CHECK_FIELD(lightos_device_state, device_type, 4, 4);
	CHECK_FIELD(lightos_device_state, utilization_percent, 8, 4);
	CHECK_FIELD(lightos_device_state, power_watts, 12, 4);
	CHECK_FIELD(lightos_device_state, memory_used_bytes, 16, 8);
	CHECK_FIELD(lightos_device_state, memory_total_bytes, 24, 8);
}

TEST(spiking_config)
{
	CHECK_EQ(sizeof(struct lightos_spiking_config), 40);
	CHECK_FIELD(lightos_spiking_config, encoding, 0, 4);
	CHECK_FIELD(lightos_spiking_config, enabled, 4, 4);
	CHECK_FIELD(lightos_spiking_config, max_events_per_cycle, 8, 4);
	CHECK_FIELD(lightos_spiking_config, processing_interval_us, 12, 4);
	CHECK_FIELD(lightos_spiking_config, target_sparsity_percent, 16, 4);
	CHECK_FIELD(lightos_spiking_config, current_sparsity_percent, 20, 4);
	CHECK_FIELD(lightos_spiking_config, total_events_processed, 24, 8);
	CHECK_FIELD(lightos_spiking_config, events_dropped, 32, 8);
}

TEST(spike_event)
{
	CHECK_EQ(sizeof(struct lightos_spike_event), WORD(24, 20));
	CHECK_FIELD(lightos_spike_event, neuron_id, 0, 4);
	CHECK_FIELD(lightos_spike_event, timestamp_ns, WORD(8, 4), 8);
	CHECK_FIELD(lightos_spike_event, amplitude_mv, WORD(16, 12), 4);
	CHECK_FIELD(lightos_spike_event, synapse_count, WORD(20, 16), 4);
}

TEST(neuron_state)
{
	CHECK_EQ(sizeof(struct lightos_neuron_state), WORD(32, 24));
	CHECK_FIELD(lightos_neuron_state, neuron_id, 0, 4);
	CHECK_FIELD(lightos_neuron_state, state, 4, 4);
	CHECK_FIELD(lightos_neuron_state, membrane_potential_mv, 8, 4);
	CHECK_FIELD(lightos_neuron_state, total_spikes, WORD(16, 12), 8);
	CHECK_FIELD(lightos_neuron_state, current_rate_hz, WORD(24, 20), 4);
}

TEST(signs)
{
	struct lightos_neuron_state state = { .membrane_potential_mv = -1 };
	struct lightos_spike_event event = { .amplitude_mv = -1 };

	CHECK(state.membrane_potential_mv < 0);
	CHECK(event.amplitude_mv < 0);
}

TEST(legacy_values)
{
	CHECK_EQ(LIGHTOS_DEVICE_GPU, 0);
	CHECK_EQ(LIGHTOS_DEVICE_TPU, 1);
	CHECK_EQ(LIGHTOS_DEVICE_NPU, 2);
	CHECK_EQ(LIGHTOS_DEVICE_PHOTONIC, 3);
	CHECK_EQ(LIGHTOS_ENCODING_RATE, 0);
	CHECK_EQ(LIGHTOS_ENCODING_TEMPORAL, 1);
	CHECK_EQ(LIGHTOS_ENCODING_DELTA, 2);
	CHECK_EQ(LIGHTOS_NEURON_RESTING, 0);
	CHECK_EQ(LIGHTOS_NEURON_INTEGRATING, 1);
	CHECK_EQ(LIGHTOS_NEURON_SPIKING, 2);
	CHECK_EQ(LIGHTOS_NEURON_REFRACTORY, 3);
	CHECK_EQ(LIGHTOS_MAX_DEVICES, 256);
	CHECK_EQ(LIGHTOS_MAX_LINKS, 1024);
	CHECK_EQ(LIGHTOS_MAX_NEURONS, 65536);
	CHECK_EQ(LIGHTOS_MAX_PENDING_EVENTS, 4096);
	CHECK_EQ(LIGHTOS_DEFAULT_EVENTS_PER_CYCLE, 1000);
	CHECK_EQ(LIGHTOS_DEFAULT_INTERVAL_US, 1000);
	CHECK_EQ(LIGHTOS_DEFAULT_SPARSITY_PERCENT, 69);
}

/* The extended structures are the same for both word sizes. */
TEST(extended_codes)
{
	CHECK_EQ(LIGHTOS_IOC_QUERY, 0xC0384C20);
	CHECK_EQ(LIGHTOS_IOC_NOP, 0x40184C21);
	CHECK_EQ(LIGHTOS_IOC_SPIKING_COUNTERS, 0xC0804C40);
	CHECK_EQ(LIGHTOS_IOC_SPIKING_RESET, 0x40084C41);
}

TEST(query)
{
	CHECK_EQ(sizeof(struct lightos_query), 56);
	CHECK_FIELD(lightos_query, size, 0, 4);
	CHECK_FIELD(lightos_query, flags, 4, 4);
	CHECK_FIELD(lightos_query, features, 8, 8);
	CHECK_FIELD(lightos_query, module_version, 16, 4);
	CHECK_FIELD(lightos_query, legacy_version, 20, 4);
	CHECK_FIELD(lightos_query, spiking_backend, 24, 4);
	CHECK_FIELD(lightos_query, photonic_backend, 28, 4);
	CHECK_FIELD(lightos_query, max_neurons, 32, 4);
	CHECK_FIELD(lightos_query, max_pending_events, 36, 4);
	CHECK_FIELD(lightos_query, min_interval_us, 40, 4);
	CHECK_FIELD(lightos_query, max_interval_us, 44, 4);
	CHECK_FIELD(lightos_query, max_devices, 48, 4);
	CHECK_FIELD(lightos_query, max_links, 52, 4);
}

TEST(nop)
{
	CHECK_EQ(sizeof(struct lightos_nop), 24);
	CHECK_FIELD(lightos_nop, size, 0, 4);
	CHECK_FIELD(lightos_nop, flags, 4, 4);
	CHECK_FIELD(lightos_nop, cookie, 8, 8);
	CHECK_FIELD(lightos_nop, reserved, 16, 8);
}

TEST(spiking_counters)
{
	CHECK_EQ(sizeof(struct lightos_spiking_counters), 128);
	CHECK_FIELD(lightos_spiking_counters, size, 0, 4);
	CHECK_FIELD(lightos_spiking_counters, flags, 4, 4);
	CHECK_FIELD(lightos_spiking_counters, events_submitted, 8, 8);
	CHECK_FIELD(lightos_spiking_counters, events_processed, 16, 8);
	CHECK_FIELD(lightos_spiking_counters, events_dropped, 24, 8);
	CHECK_FIELD(lightos_spiking_counters, events_late, 32, 8);
	CHECK_FIELD(lightos_spiking_counters, events_refractory, 40, 8);
	CHECK_FIELD(lightos_spiking_counters, events_suppressed, 48, 8);
	CHECK_FIELD(lightos_spiking_counters, synaptic_ops, 56, 8);
	CHECK_FIELD(lightos_spiking_counters, spikes, 64, 8);
	CHECK_FIELD(lightos_spiking_counters, saturations, 72, 8);
	CHECK_FIELD(lightos_spiking_counters, neuron_updates, 80, 8);
	CHECK_FIELD(lightos_spiking_counters, cycles, 88, 8);
	CHECK_FIELD(lightos_spiking_counters, timer_fires, 96, 8);
	CHECK_FIELD(lightos_spiking_counters, busy_ns, 104, 8);
	CHECK_FIELD(lightos_spiking_counters, neurons_used, 112, 4);
	CHECK_FIELD(lightos_spiking_counters, events_pending, 116, 4);
	CHECK_FIELD(lightos_spiking_counters, delta_threshold_mv, 120, 4);
	CHECK_FIELD(lightos_spiking_counters, running, 124, 4);
}

TEST(spiking_reset)
{
	CHECK_EQ(sizeof(struct lightos_spiking_reset), 8);
	CHECK_FIELD(lightos_spiking_reset, size, 0, 4);
	CHECK_FIELD(lightos_spiking_reset, flags, 4, 4);
	CHECK_EQ(LIGHTOS_RESET_NEURONS, 1);
	CHECK_EQ(LIGHTOS_RESET_PENDING, 2);
	CHECK_EQ(LIGHTOS_RESET_COUNTERS, 4);
}

int main(void)
{
	return harness_run();
}
