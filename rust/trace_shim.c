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
