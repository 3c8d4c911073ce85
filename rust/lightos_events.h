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

/* Bits of causes and of a single cause: LIGHTOS_PHOTONIC_CAUSE_*. */
#define show_photonic_causes(causes)					\
	__print_flags(causes, "|",					\
		      { 0x1, "overtemp" }, { 0x2, "sensors" },		\
		      { 0x4, "rail_timeout" }, { 0x8, "overcurrent" },	\
		      { 0x10, "undervoltage" }, { 0x20, "rail_stuck" },	\
		      { 0x40, "interlock" }, { 0x80, "watchdog" },	\
		      { 0x100, "comparator" },				\
		      { 0x200, "missed_ticks" }, { 0x400, "fan" },	\
		      { 0x800, "tec" }, { 0x1000, "gone" },		\
		      { 0x2000, "emission" })

/* The guard of a processor has run; 1000 times a second. Hard interrupt. */
TRACE_EVENT(lightos_photonic_tick,
	TP_PROTO(u32 device, s32 die_mc, u32 throttle_permille, s32 tec_ma,
		 u32 fan_rpm),
	TP_ARGS(device, die_mc, throttle_permille, tec_ma, fan_rpm),
	TP_STRUCT__entry(
		__field(u32, device)
		__field(s32, die_mc)
		__field(u32, throttle_permille)
		__field(s32, tec_ma)
		__field(u32, fan_rpm)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->die_mc = die_mc;
		__entry->throttle_permille = throttle_permille;
		__entry->tec_ma = tec_ma;
		__entry->fan_rpm = fan_rpm;
	),
	TP_printk("device=%u die_mc=%d throttle_permille=%u tec_ma=%d fan_rpm=%u",
		  __entry->device, __entry->die_mc, __entry->throttle_permille,
		  __entry->tec_ma, __entry->fan_rpm)
);

/* Too hot, laser off; latency: the longest so far from a sample to that write. */
TRACE_EVENT(lightos_photonic_trip,
	TP_PROTO(u32 device, u32 cause, s32 die_mc, u64 latency_ns),
	TP_ARGS(device, cause, die_mc, latency_ns),
	TP_STRUCT__entry(
		__field(u64, latency_ns)
		__field(u32, device)
		__field(u32, cause)
		__field(s32, die_mc)
	),
	TP_fast_assign(
		__entry->latency_ns = latency_ns;
		__entry->device = device;
		__entry->cause = cause;
		__entry->die_mc = die_mc;
	),
	TP_printk("device=%u cause=%s die_mc=%d latency_ns=%llu",
		  __entry->device, show_photonic_causes(__entry->cause),
		  __entry->die_mc, __entry->latency_ns)
);

/* Causes are latched, these in all. */
TRACE_EVENT(lightos_photonic_latch,
	TP_PROTO(u32 device, u32 causes),
	TP_ARGS(device, causes),
	TP_STRUCT__entry(
		__field(u32, device)
		__field(u32, causes)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->causes = causes;
	),
	TP_printk("device=%u causes=%s", __entry->device,
		  show_photonic_causes(__entry->causes))
);

/* No cause is latched any more. */
TRACE_EVENT(lightos_photonic_clear,
	TP_PROTO(u32 device),
	TP_ARGS(device),
	TP_STRUCT__entry(
		__field(u32, device)
	),
	TP_fast_assign(
		__entry->device = device;
	),
	TP_printk("device=%u", __entry->device)
);

/* A processor changes its state, as in enum lightos_photonic_state. */
TRACE_EVENT(lightos_photonic_power,
	TP_PROTO(u32 device, u32 state),
	TP_ARGS(device, state),
	TP_STRUCT__entry(
		__field(u32, device)
		__field(u32, state)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->state = state;
	),
	TP_printk("device=%u state=%s", __entry->device,
		  __print_symbolic(__entry->state,
				   { 0, "uninitialised" },
				   { 1, "initialising" }, { 2, "ready" },
				   { 3, "busy" }, { 4, "thermal_limit" },
				   { 5, "error" }, { 6, "shutdown" }))
);

/* Light leaves a laser, or does no more. */
TRACE_EVENT(lightos_photonic_laser,
	TP_PROTO(u32 device, bool on),
	TP_ARGS(device, on),
	TP_STRUCT__entry(
		__field(u32, device)
		__field(bool, on)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->on = on;
	),
	TP_printk("device=%u on=%d", __entry->device, __entry->on)
);

/* Phases were handed to the heaters, for a die of that temperature. */
TRACE_EVENT(lightos_photonic_commit,
	TP_PROTO(u32 device, u32 channels, s32 temperature_mc),
	TP_ARGS(device, channels, temperature_mc),
	TP_STRUCT__entry(
		__field(u32, device)
		__field(u32, channels)
		__field(s32, temperature_mc)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->channels = channels;
		__entry->temperature_mc = temperature_mc;
	),
	TP_printk("device=%u channels=%u temperature_mc=%d", __entry->device,
		  __entry->channels, __entry->temperature_mc)
);

/* A job has ended; result: 0 or a negative errno; ns: from its start. */
TRACE_EVENT(lightos_photonic_job,
	TP_PROTO(u32 device, u64 job, u32 vectors, s32 result, u64 ns),
	TP_ARGS(device, job, vectors, result, ns),
	TP_STRUCT__entry(
		__field(u64, job)
		__field(u64, ns)
		__field(u32, device)
		__field(u32, vectors)
		__field(s32, result)
	),
	TP_fast_assign(
		__entry->job = job;
		__entry->ns = ns;
		__entry->device = device;
		__entry->vectors = vectors;
		__entry->result = result;
	),
	TP_printk("device=%u job=%llu vectors=%u result=%d ns=%llu",
		  __entry->device, __entry->job, __entry->vectors,
		  __entry->result, __entry->ns)
);

#endif /* _LIGHTOS_EVENTS_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE lightos_events
#include <trace/define_trace.h>
