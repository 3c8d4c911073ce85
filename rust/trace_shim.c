// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints of LightOS. They are macros of C, so that Rust reaches them
 * through functions. Any context; no lock.
 */
#include "trace_shim.h"

#define CREATE_TRACE_POINTS
#include "lightos_events.h"

void lightos_trace_network_start(u64 network, u64 run, u64 step, u64 end)
{
	trace_lightos_network_start(network, run, step, end);
}

void lightos_trace_network_stop(u64 network, u64 run, u64 step, u64 steps,
				u32 reason)
{
	trace_lightos_network_stop(network, run, step, steps, reason);
}

void lightos_trace_network_overflow(u64 network, u64 spikes, u64 voltages)
{
	trace_lightos_network_overflow(network, spikes, voltages);
}

void lightos_trace_moe_configure(u64 gate, u32 layers, u64 bytes)
{
	trace_lightos_moe_configure(gate, layers, bytes);
}

void lightos_trace_moe_route(u64 gate, u32 layer, u32 tokens, u64 dropped)
{
	trace_lightos_moe_route(gate, layer, tokens, dropped);
}

void lightos_trace_photonic_tick(u32 device, s32 die_mc, u32 throttle_permille,
				 s32 tec_ma, u32 fan_rpm)
{
	trace_lightos_photonic_tick(device, die_mc, throttle_permille, tec_ma,
				    fan_rpm);
}

void lightos_trace_photonic_trip(u32 device, u32 cause, s32 die_mc,
				 u64 latency_ns)
{
	trace_lightos_photonic_trip(device, cause, die_mc, latency_ns);
}

void lightos_trace_photonic_latch(u32 device, u32 causes)
{
	trace_lightos_photonic_latch(device, causes);
}

void lightos_trace_photonic_clear(u32 device)
{
	trace_lightos_photonic_clear(device);
}

void lightos_trace_photonic_power(u32 device, u32 state)
{
	trace_lightos_photonic_power(device, state);
}

void lightos_trace_photonic_laser(u32 device, bool on)
{
	trace_lightos_photonic_laser(device, on);
}

void lightos_trace_photonic_commit(u32 device, u32 channels, s32 temperature_mc)
{
	trace_lightos_photonic_commit(device, channels, temperature_mc);
}

void lightos_trace_photonic_job(u32 device, u64 job, u32 vectors, s32 result,
				u64 ns)
{
	trace_lightos_photonic_job(device, job, vectors, result, ns);
}
