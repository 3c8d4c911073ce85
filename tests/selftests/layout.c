// SPDX-License-Identifier: GPL-2.0
/*
 * Sizes, offsets, call codes and values of the ABI, as the compiler sees them
 * for this word size, against the contract of v0.2.0 and the published form
 * of the extended calls.
 */
#include <stddef.h>
#include <stdint.h>

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

/* Networks: the same for both word sizes too. */
TEST(network_codes)
{
	CHECK_EQ(LIGHTOS_IOC_SPIKING_PROFILE, 0xC0204C42);
	CHECK_EQ(LIGHTOS_IOC_NETWORK_BEGIN, 0x40604C48);
	CHECK_EQ(LIGHTOS_IOC_NETWORK_WRITE, 0xC0504C49);
	CHECK_EQ(LIGHTOS_IOC_NETWORK_COMMIT, 0xC0384C4A);
	CHECK_EQ(LIGHTOS_IOC_NETWORK_RINGS, 0x40184C4B);
	CHECK_EQ(LIGHTOS_IOC_NETWORK_RUN, 0xC0284C4C);
	CHECK_EQ(LIGHTOS_IOC_NETWORK_STOP, 0x40084C4D);
	CHECK_EQ(LIGHTOS_IOC_NETWORK_INPUT, 0xC0284C4E);
	CHECK_EQ(LIGHTOS_IOC_NETWORK_OUTPUT, 0xC0284C4F);
	CHECK_EQ(LIGHTOS_IOC_NETWORK_STATE, 0x40184C50);
	CHECK_EQ(LIGHTOS_IOC_NETWORK_RESET, 0x40084C51);
	CHECK_EQ(LIGHTOS_IOC_NETWORK_STATS, 0xC0B84C52);
	CHECK_EQ(LIGHTOS_IOC_NETWORK_ENCODER, 0x40404C53);
	CHECK_EQ(LIGHTOS_IOC_NETWORK_SAMPLES, 0x40184C54);
	CHECK_EQ(LIGHTOS_IOC_NETWORK_DECODER, 0x40284C55);
	CHECK_EQ(LIGHTOS_IOC_NETWORK_DECODED, 0xC0204C56);
}

TEST(population)
{
	CHECK_EQ(sizeof(struct lightos_population), 24);
	CHECK_FIELD(lightos_population, first, 0, 4);
	CHECK_FIELD(lightos_population, count, 4, 4);
	CHECK_FIELD(lightos_population, kind, 8, 4);
	CHECK_FIELD(lightos_population, params, 12, 4);
	CHECK_FIELD(lightos_population, params_count, 16, 4);
	CHECK_FIELD(lightos_population, reserved, 20, 4);
}

TEST(loihi_params)
{
	CHECK_EQ(sizeof(struct lightos_loihi_params), 24);
	CHECK_FIELD(lightos_loihi_params, current_decay, 0, 4);
	CHECK_FIELD(lightos_loihi_params, voltage_decay, 4, 4);
	CHECK_FIELD(lightos_loihi_params, threshold, 8, 4);
	CHECK_FIELD(lightos_loihi_params, bias, 12, 4);
	CHECK_FIELD(lightos_loihi_params, refractory_steps, 16, 4);
	CHECK_FIELD(lightos_loihi_params, reserved, 20, 4);
}

TEST(exact_params)
{
	CHECK_EQ(sizeof(struct lightos_exact_params), 88);
	CHECK_FIELD(lightos_exact_params, flags, 0, 4);
	CHECK_FIELD(lightos_exact_params, refractory_steps, 4, 4);
	CHECK_FIELD(lightos_exact_params, membrane, 8, 8);
	CHECK_FIELD(lightos_exact_params, current, 16, 16);
	CHECK_FIELD(lightos_exact_params, coupling, 32, 16);
	CHECK_FIELD(lightos_exact_params, drive, 48, 8);
	CHECK_FIELD(lightos_exact_params, gain, 56, 16);
	CHECK_FIELD(lightos_exact_params, threshold, 72, 8);
	CHECK_FIELD(lightos_exact_params, reset, 80, 8);
}

TEST(block)
{
	CHECK_EQ(sizeof(struct lightos_block), 32);
	CHECK_FIELD(lightos_block, source_first, 0, 4);
	CHECK_FIELD(lightos_block, source_count, 4, 4);
	CHECK_FIELD(lightos_block, target_first, 8, 4);
	CHECK_FIELD(lightos_block, target_count, 12, 4);
	CHECK_FIELD(lightos_block, delay, 16, 4);
	CHECK_FIELD(lightos_block, width, 20, 4);
	CHECK_FIELD(lightos_block, offset, 24, 8);
}

TEST(network_fault)
{
	CHECK_EQ(sizeof(struct lightos_network_fault), 40);
	CHECK_FIELD(lightos_network_fault, table, 0, 4);
	CHECK_FIELD(lightos_network_fault, problem, 4, 4);
	CHECK_FIELD(lightos_network_fault, entry, 8, 8);
	CHECK_FIELD(lightos_network_fault, field, 16, 24);
}

TEST(network_begin)
{
	CHECK_EQ(sizeof(struct lightos_network_begin), 96);
	CHECK_FIELD(lightos_network_begin, size, 0, 4);
	CHECK_FIELD(lightos_network_begin, flags, 4, 4);
	CHECK_FIELD(lightos_network_begin, inputs, 8, 4);
	CHECK_FIELD(lightos_network_begin, reserved, 12, 4);
	CHECK_FIELD(lightos_network_begin, step_ns, 16, 8);
	CHECK_FIELD(lightos_network_begin, populations, 24, 8);
	CHECK_FIELD(lightos_network_begin, loihi_params, 32, 8);
	CHECK_FIELD(lightos_network_begin, exact_params, 40, 8);
	CHECK_FIELD(lightos_network_begin, delays, 48, 8);
	CHECK_FIELD(lightos_network_begin, starts, 56, 8);
	CHECK_FIELD(lightos_network_begin, synapses, 64, 8);
	CHECK_FIELD(lightos_network_begin, blocks, 72, 8);
	CHECK_FIELD(lightos_network_begin, weights, 80, 8);
	CHECK_FIELD(lightos_network_begin, probes, 88, 8);
}

TEST(network_write)
{
	CHECK_EQ(sizeof(struct lightos_network_write), 80);
	CHECK_FIELD(lightos_network_write, size, 0, 4);
	CHECK_FIELD(lightos_network_write, flags, 4, 4);
	CHECK_FIELD(lightos_network_write, table, 8, 4);
	CHECK_FIELD(lightos_network_write, reserved, 12, 4);
	CHECK_FIELD(lightos_network_write, first, 16, 8);
	CHECK_FIELD(lightos_network_write, count, 24, 8);
	CHECK_FIELD(lightos_network_write, data, 32, 8);
	CHECK_FIELD(lightos_network_write, fault, 40, 40);
}

TEST(network_commit)
{
	CHECK_EQ(sizeof(struct lightos_network_commit), 56);
	CHECK_FIELD(lightos_network_commit, size, 0, 4);
	CHECK_FIELD(lightos_network_commit, flags, 4, 4);
	CHECK_FIELD(lightos_network_commit, bytes, 8, 8);
	CHECK_FIELD(lightos_network_commit, fault, 16, 40);
}

TEST(ring)
{
	CHECK_EQ(sizeof(struct lightos_ring), 144);
	CHECK_FIELD(lightos_ring, head, 0, 4);
	CHECK_FIELD(lightos_ring, pad0, 4, 60);
	CHECK_FIELD(lightos_ring, tail, 64, 4);
	CHECK_FIELD(lightos_ring, pad1, 68, 60);
	CHECK_FIELD(lightos_ring, entries, 128, 4);
	CHECK_FIELD(lightos_ring, record_bytes, 132, 4);
	CHECK_FIELD(lightos_ring, dropped, 136, 8);
}

TEST(network_event)
{
	CHECK_EQ(sizeof(struct lightos_network_event), 16);
	CHECK_FIELD(lightos_network_event, step, 0, 8);
	CHECK_FIELD(lightos_network_event, index, 8, 4);
	CHECK_FIELD(lightos_network_event, weight, 12, 4);
}

TEST(network_spike)
{
	CHECK_EQ(sizeof(struct lightos_network_spike), 16);
	CHECK_FIELD(lightos_network_spike, step, 0, 8);
	CHECK_FIELD(lightos_network_spike, neuron, 8, 4);
	CHECK_FIELD(lightos_network_spike, reserved, 12, 4);
}

TEST(network_voltage)
{
	CHECK_EQ(sizeof(struct lightos_network_voltage), 24);
	CHECK_FIELD(lightos_network_voltage, step, 0, 8);
	CHECK_FIELD(lightos_network_voltage, probe, 8, 4);
	CHECK_FIELD(lightos_network_voltage, reserved, 12, 4);
	CHECK_FIELD(lightos_network_voltage, value, 16, 8);
}

TEST(network_rings)
{
	CHECK_EQ(sizeof(struct lightos_network_rings), 24);
	CHECK_FIELD(lightos_network_rings, size, 0, 4);
	CHECK_FIELD(lightos_network_rings, flags, 4, 4);
	CHECK_FIELD(lightos_network_rings, input_entries, 8, 4);
	CHECK_FIELD(lightos_network_rings, spike_entries, 12, 4);
	CHECK_FIELD(lightos_network_rings, voltage_entries, 16, 4);
	CHECK_FIELD(lightos_network_rings, reserved, 20, 4);
}

TEST(network_run)
{
	CHECK_EQ(sizeof(struct lightos_network_run), 40);
	CHECK_FIELD(lightos_network_run, size, 0, 4);
	CHECK_FIELD(lightos_network_run, flags, 4, 4);
	CHECK_FIELD(lightos_network_run, target, 8, 8);
	CHECK_FIELD(lightos_network_run, interval_ns, 16, 8);
	CHECK_FIELD(lightos_network_run, eventfd, 24, 4);
	CHECK_FIELD(lightos_network_run, reserved, 28, 4);
	CHECK_FIELD(lightos_network_run, run, 32, 8);
}

TEST(network_completion)
{
	CHECK_EQ(sizeof(struct lightos_network_completion), 40);
	CHECK_FIELD(lightos_network_completion, run, 0, 8);
	CHECK_FIELD(lightos_network_completion, step, 8, 8);
	CHECK_FIELD(lightos_network_completion, steps, 16, 8);
	CHECK_FIELD(lightos_network_completion, busy_ns, 24, 8);
	CHECK_FIELD(lightos_network_completion, reason, 32, 4);
	CHECK_FIELD(lightos_network_completion, missed, 36, 4);
}

TEST(network_stop)
{
	CHECK_EQ(sizeof(struct lightos_network_stop), 8);
	CHECK_FIELD(lightos_network_stop, size, 0, 4);
	CHECK_FIELD(lightos_network_stop, flags, 4, 4);
}

TEST(network_transfer)
{
	CHECK_EQ(sizeof(struct lightos_network_transfer), 40);
	CHECK_FIELD(lightos_network_transfer, size, 0, 4);
	CHECK_FIELD(lightos_network_transfer, flags, 4, 4);
	CHECK_FIELD(lightos_network_transfer, ring, 8, 4);
	CHECK_FIELD(lightos_network_transfer, reserved, 12, 4);
	CHECK_FIELD(lightos_network_transfer, count, 16, 8);
	CHECK_FIELD(lightos_network_transfer, data, 24, 8);
	CHECK_FIELD(lightos_network_transfer, done, 32, 8);
}

TEST(neuron_variables)
{
	CHECK_EQ(sizeof(struct lightos_neuron_variables), 32);
	CHECK_FIELD(lightos_neuron_variables, membrane, 0, 8);
	CHECK_FIELD(lightos_neuron_variables, current, 8, 16);
	CHECK_FIELD(lightos_neuron_variables, refractory, 24, 4);
	CHECK_FIELD(lightos_neuron_variables, reserved, 28, 4);
}

TEST(network_state)
{
	CHECK_EQ(sizeof(struct lightos_network_state), 24);
	CHECK_FIELD(lightos_network_state, size, 0, 4);
	CHECK_FIELD(lightos_network_state, flags, 4, 4);
	CHECK_FIELD(lightos_network_state, first, 8, 4);
	CHECK_FIELD(lightos_network_state, count, 12, 4);
	CHECK_FIELD(lightos_network_state, data, 16, 8);
}

TEST(network_reset)
{
	CHECK_EQ(sizeof(struct lightos_network_reset), 8);
	CHECK_FIELD(lightos_network_reset, size, 0, 4);
	CHECK_FIELD(lightos_network_reset, flags, 4, 4);
}

TEST(network_stats)
{
	CHECK_EQ(sizeof(struct lightos_network_stats), 184);
	CHECK_FIELD(lightos_network_stats, size, 0, 4);
	CHECK_FIELD(lightos_network_stats, flags, 4, 4);
	CHECK_FIELD(lightos_network_stats, step, 8, 8);
	CHECK_FIELD(lightos_network_stats, steps, 16, 8);
	CHECK_FIELD(lightos_network_stats, events, 24, 8);
	CHECK_FIELD(lightos_network_stats, late, 32, 8);
	CHECK_FIELD(lightos_network_stats, rejected, 40, 8);
	CHECK_FIELD(lightos_network_stats, input_spikes, 48, 8);
	CHECK_FIELD(lightos_network_stats, merged, 56, 8);
	CHECK_FIELD(lightos_network_stats, synaptic_events, 64, 8);
	CHECK_FIELD(lightos_network_stats, spikes, 72, 8);
	CHECK_FIELD(lightos_network_stats, updates, 80, 8);
	CHECK_FIELD(lightos_network_stats, skipped, 88, 8);
	CHECK_FIELD(lightos_network_stats, wraps, 96, 8);
	CHECK_FIELD(lightos_network_stats, saturations, 104, 8);
	CHECK_FIELD(lightos_network_stats, dropped_spikes, 112, 8);
	CHECK_FIELD(lightos_network_stats, dropped_voltages, 120, 8);
	CHECK_FIELD(lightos_network_stats, missed, 128, 8);
	CHECK_FIELD(lightos_network_stats, busy_ns, 136, 8);
	CHECK_FIELD(lightos_network_stats, bytes, 144, 8);
	CHECK_FIELD(lightos_network_stats, synapses, 152, 8);
	CHECK_FIELD(lightos_network_stats, runs, 160, 8);
	CHECK_FIELD(lightos_network_stats, neurons, 168, 4);
	CHECK_FIELD(lightos_network_stats, inputs, 172, 4);
	CHECK_FIELD(lightos_network_stats, running, 176, 4);
	CHECK_FIELD(lightos_network_stats, arithmetic, 180, 4);
}

TEST(network_encoder)
{
	CHECK_EQ(sizeof(struct lightos_network_encoder), 64);
	CHECK_FIELD(lightos_network_encoder, size, 0, 4);
	CHECK_FIELD(lightos_network_encoder, flags, 4, 4);
	CHECK_FIELD(lightos_network_encoder, slot, 8, 4);
	CHECK_FIELD(lightos_network_encoder, kind, 12, 4);
	CHECK_FIELD(lightos_network_encoder, first_input, 16, 4);
	CHECK_FIELD(lightos_network_encoder, channels, 20, 4);
	CHECK_FIELD(lightos_network_encoder, seed, 24, 8);
	CHECK_FIELD(lightos_network_encoder, gain, 32, 4);
	CHECK_FIELD(lightos_network_encoder, offset, 36, 4);
	CHECK_FIELD(lightos_network_encoder, threshold, 40, 4);
	CHECK_FIELD(lightos_network_encoder, epsilon, 44, 4);
	CHECK_FIELD(lightos_network_encoder, tau, 48, 4);
	CHECK_FIELD(lightos_network_encoder, steps, 52, 4);
	CHECK_FIELD(lightos_network_encoder, first_step, 56, 4);
	CHECK_FIELD(lightos_network_encoder, reserved, 60, 4);
}

TEST(network_samples)
{
	CHECK_EQ(sizeof(struct lightos_network_samples), 24);
	CHECK_FIELD(lightos_network_samples, size, 0, 4);
	CHECK_FIELD(lightos_network_samples, flags, 4, 4);
	CHECK_FIELD(lightos_network_samples, slot, 8, 4);
	CHECK_FIELD(lightos_network_samples, count, 12, 4);
	CHECK_FIELD(lightos_network_samples, data, 16, 8);
}

TEST(network_decoder)
{
	CHECK_EQ(sizeof(struct lightos_network_decoder), 40);
	CHECK_FIELD(lightos_network_decoder, size, 0, 4);
	CHECK_FIELD(lightos_network_decoder, flags, 4, 4);
	CHECK_FIELD(lightos_network_decoder, slot, 8, 4);
	CHECK_FIELD(lightos_network_decoder, kind, 12, 4);
	CHECK_FIELD(lightos_network_decoder, first_neuron, 16, 4);
	CHECK_FIELD(lightos_network_decoder, channels, 20, 4);
	CHECK_FIELD(lightos_network_decoder, threshold, 24, 4);
	CHECK_FIELD(lightos_network_decoder, reserved, 28, 4);
	CHECK_FIELD(lightos_network_decoder, tau_ns, 32, 8);
}

TEST(network_decoded)
{
	CHECK_EQ(sizeof(struct lightos_network_decoded), 32);
	CHECK_FIELD(lightos_network_decoded, size, 0, 4);
	CHECK_FIELD(lightos_network_decoded, flags, 4, 4);
	CHECK_FIELD(lightos_network_decoded, slot, 8, 4);
	CHECK_FIELD(lightos_network_decoded, count, 12, 4);
	CHECK_FIELD(lightos_network_decoded, data, 16, 8);
	CHECK_FIELD(lightos_network_decoded, winner, 24, 4);
	CHECK_FIELD(lightos_network_decoded, reserved, 28, 4);
}

TEST(spiking_profile)
{
	CHECK_EQ(sizeof(struct lightos_spiking_profile), 32);
	CHECK_FIELD(lightos_spiking_profile, size, 0, 4);
	CHECK_FIELD(lightos_spiking_profile, flags, 4, 4);
	CHECK_FIELD(lightos_spiking_profile, profile, 8, 4);
	CHECK_FIELD(lightos_spiking_profile, encoding, 12, 4);
	CHECK_FIELD(lightos_spiking_profile, max_events_per_cycle, 16, 4);
	CHECK_FIELD(lightos_spiking_profile, processing_interval_us, 20, 4);
	CHECK_FIELD(lightos_spiking_profile, target_sparsity_percent, 24, 4);
	CHECK_FIELD(lightos_spiking_profile, reserved, 28, 4);
}


TEST(network_values)
{
	CHECK_EQ(LIGHTOS_FEATURE_NETWORKS, 1 << 4);
	CHECK_EQ(LIGHTOS_MAX_INPUTS, 65536);
	CHECK_EQ(LIGHTOS_MAX_DELAY, 1024);
	CHECK_EQ(LIGHTOS_MAX_SYNAPSES, 1 << 28);
	CHECK_EQ(LIGHTOS_TABLE_NETWORK, 0);
	CHECK_EQ(LIGHTOS_TABLE_POPULATIONS, 1);
	CHECK_EQ(LIGHTOS_TABLE_LOIHI_PARAMS, 2);
	CHECK_EQ(LIGHTOS_TABLE_EXACT_PARAMS, 3);
	CHECK_EQ(LIGHTOS_TABLE_DELAYS, 4);
	CHECK_EQ(LIGHTOS_TABLE_STARTS, 5);
	CHECK_EQ(LIGHTOS_TABLE_SYNAPSES, 6);
	CHECK_EQ(LIGHTOS_TABLE_BLOCKS, 7);
	CHECK_EQ(LIGHTOS_TABLE_WEIGHTS, 8);
	CHECK_EQ(LIGHTOS_TABLE_PROBES, 9);
	CHECK_EQ(LIGHTOS_KIND_LOIHI, 0);
	CHECK_EQ(LIGHTOS_KIND_JUMP, 1);
	CHECK_EQ(LIGHTOS_KIND_EXPONENTIAL, 2);
	CHECK_EQ(LIGHTOS_PARAMS_TIME_CONSTANTS, 1);
	CHECK_EQ(LIGHTOS_THRESHOLD_NEVER, INT64_MAX);
	CHECK_EQ(LIGHTOS_POTENTIAL_LIMIT, 1LL << 60);
	CHECK_EQ(LIGHTOS_PROPAGATOR_ONE, 1LL << 62);
	CHECK_EQ(LIGHTOS_PROBLEM_RANGE, 0);
	CHECK_EQ(LIGHTOS_PROBLEM_ORDER, 1);
	CHECK_EQ(LIGHTOS_PROBLEM_BOUNDS, 2);
	CHECK_EQ(LIGHTOS_PROBLEM_LENGTH, 3);
	CHECK_EQ(LIGHTOS_PROBLEM_MIXTURE, 4);
	CHECK_EQ(LIGHTOS_PROBLEM_UNKNOWN, 5);
}

TEST(run_and_ring_values)
{
	CHECK_EQ(LIGHTOS_RING_INPUT, 0);
	CHECK_EQ(LIGHTOS_RING_SPIKES, 1);
	CHECK_EQ(LIGHTOS_RING_VOLTAGES, 2);
	CHECK_EQ(LIGHTOS_RING_OFFSET(LIGHTOS_RING_VOLTAGES), 1LL << 33);
	CHECK_EQ(LIGHTOS_MAX_RING_ENTRIES, 1 << 22);
	CHECK_EQ(LIGHTOS_DEFAULT_RING_ENTRIES, 1 << 16);
	CHECK_EQ(LIGHTOS_RING_RECORDS, 4096);
	CHECK_EQ(LIGHTOS_NEXT_STEP, -1);
	CHECK_EQ(LIGHTOS_RUN_UNTIL_STEP, 1);
	CHECK_EQ(LIGHTOS_RUN_UNTIL_TIME, 2);
	CHECK_EQ(LIGHTOS_RUN_REAL_TIME, 4);
	CHECK_EQ(LIGHTOS_RUN_KEEP_OUTPUT, 8);
	CHECK_EQ(LIGHTOS_RUN_WAIT, 16);
	CHECK_EQ(LIGHTOS_RUN_EVENTFD, 32);
	CHECK_EQ(LIGHTOS_RUN_DONE, 0);
	CHECK_EQ(LIGHTOS_RUN_STOPPED, 1);
	CHECK_EQ(LIGHTOS_RUN_OUTPUT_FULL, 2);
	CHECK_EQ(LIGHTOS_RUN_INTERRUPTED, 3);
	CHECK_EQ(LIGHTOS_STATE_WRITE, 1);
	CHECK_EQ(LIGHTOS_NETWORK_RESET_STATE, 1);
	CHECK_EQ(LIGHTOS_NETWORK_RESET_COUNTERS, 2);
	CHECK_EQ(LIGHTOS_NETWORK_RESET_RINGS, 4);
}

TEST(coder_values)
{
	CHECK_EQ(LIGHTOS_MAX_CODERS, 4);
	CHECK_EQ(LIGHTOS_ENCODER_NONE, 0);
	CHECK_EQ(LIGHTOS_ENCODER_RATE, 1);
	CHECK_EQ(LIGHTOS_ENCODER_LATENCY, 2);
	CHECK_EQ(LIGHTOS_ENCODER_SEND_ON_DELTA, 3);
	CHECK_EQ(LIGHTOS_ENCODER_DIFFERENCE, 4);
	CHECK_EQ(LIGHTOS_ENCODER_LOGARITHMIC, 1);
	CHECK_EQ(LIGHTOS_ENCODER_NORMALIZE, 2);
	CHECK_EQ(LIGHTOS_ENCODER_CLIP, 4);
	CHECK_EQ(LIGHTOS_ENCODER_OFF_SPIKE, 8);
	CHECK_EQ(LIGHTOS_ENCODER_PADDING, 16);
	CHECK_EQ(LIGHTOS_DECODER_NONE, 0);
	CHECK_EQ(LIGHTOS_DECODER_COUNT, 1);
	CHECK_EQ(LIGHTOS_DECODER_FIRST, 2);
	CHECK_EQ(LIGHTOS_DECODER_SUM, 3);
	CHECK_EQ(LIGHTOS_DECODER_RATE, 4);
	CHECK_EQ(LIGHTOS_NO_CHANNEL, 0xffffffff);
	CHECK_EQ(LIGHTOS_PROFILE_DEFAULT, 0);
	CHECK_EQ(LIGHTOS_PROFILE_LOW_LATENCY, 1);
	CHECK_EQ(LIGHTOS_PROFILE_MAX_EFFICIENCY, 2);
}

int main(void)
{
	return harness_run();
}
