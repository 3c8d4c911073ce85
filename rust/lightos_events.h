/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of LightOS, under /sys/kernel/tracing/events/lightos. Any context;
 * they take no lock of the module.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM lightos

#if !defined(_LIGHTOS_EVENTS_H) || defined(TRACE_HEADER_MULTI_READ)
#define _LIGHTOS_EVENTS_H

#include <linux/tracepoint.h>

/* A run of a network begins. */
TRACE_EVENT(lightos_network_start,
	TP_PROTO(u64 network, u64 run, u64 step, u64 end),
	TP_ARGS(network, run, step, end),
	TP_STRUCT__entry(
		__field(u64, network)
		__field(u64, run)
		__field(u64, step)
		__field(u64, end)
	),
	TP_fast_assign(
		__entry->network = network;
		__entry->run = run;
		__entry->step = step;
		__entry->end = end;
	),
	TP_printk("network=%llu run=%llu step=%llu end=%llu",
		  __entry->network, __entry->run, __entry->step, __entry->end)
);

/* A run of a network has ended; reason as in enum lightos_run_end. */
TRACE_EVENT(lightos_network_stop,
	TP_PROTO(u64 network, u64 run, u64 step, u64 steps, u32 reason),
	TP_ARGS(network, run, step, steps, reason),
	TP_STRUCT__entry(
		__field(u64, network)
		__field(u64, run)
		__field(u64, step)
		__field(u64, steps)
		__field(u32, reason)
	),
	TP_fast_assign(
		__entry->network = network;
		__entry->run = run;
		__entry->step = step;
		__entry->steps = steps;
		__entry->reason = reason;
	),
	TP_printk("network=%llu run=%llu step=%llu steps=%llu reason=%s",
		  __entry->network, __entry->run, __entry->step, __entry->steps,
		  __print_symbolic(__entry->reason,
				   { 0, "done" }, { 1, "stopped" },
				   { 2, "output_full" }, { 3, "interrupted" }))
);

/* Output of a network was lost within the last slice of its run. */
TRACE_EVENT(lightos_network_overflow,
	TP_PROTO(u64 network, u64 spikes, u64 voltages),
	TP_ARGS(network, spikes, voltages),
	TP_STRUCT__entry(
		__field(u64, network)
		__field(u64, spikes)
		__field(u64, voltages)
	),
	TP_fast_assign(
		__entry->network = network;
		__entry->spikes = spikes;
		__entry->voltages = voltages;
	),
	TP_printk("network=%llu spikes=%llu voltages=%llu",
		  __entry->network, __entry->spikes, __entry->voltages)
);

/* The layers of a gate were set up. */
TRACE_EVENT(lightos_moe_configure,
	TP_PROTO(u64 gate, u32 layers, u64 bytes),
	TP_ARGS(gate, layers, bytes),
	TP_STRUCT__entry(
		__field(u64, gate)
		__field(u64, bytes)
		__field(u32, layers)
	),
	TP_fast_assign(
		__entry->gate = gate;
		__entry->bytes = bytes;
		__entry->layers = layers;
	),
	TP_printk("gate=%llu layers=%u bytes=%llu",
		  __entry->gate, __entry->layers, __entry->bytes)
);

/* A batch went through a layer; dropped: choices beyond the capacity. */
TRACE_EVENT(lightos_moe_route,
	TP_PROTO(u64 gate, u32 layer, u32 tokens, u64 dropped),
	TP_ARGS(gate, layer, tokens, dropped),
	TP_STRUCT__entry(
		__field(u64, gate)
		__field(u64, dropped)
		__field(u32, layer)
		__field(u32, tokens)
	),
	TP_fast_assign(
		__entry->gate = gate;
		__entry->dropped = dropped;
		__entry->layer = layer;
		__entry->tokens = tokens;
	),
	TP_printk("gate=%llu layer=%u tokens=%u dropped=%llu",
		  __entry->gate, __entry->layer, __entry->tokens,
		  __entry->dropped)
);

#endif /* _LIGHTOS_EVENTS_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE lightos_events
#include <trace/define_trace.h>
