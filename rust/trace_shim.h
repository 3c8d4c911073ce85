/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints as functions: what rust/trace.rs calls. Any context; no lock.
 */
#ifndef _LIGHTOS_TRACE_SHIM_H
#define _LIGHTOS_TRACE_SHIM_H

#include <linux/types.h>

void lightos_trace_network_start(u64 network, u64 run, u64 step, u64 end);
void lightos_trace_network_stop(u64 network, u64 run, u64 step, u64 steps,
				u32 reason);
void lightos_trace_network_overflow(u64 network, u64 spikes, u64 voltages);
void lightos_trace_moe_configure(u64 gate, u32 layers, u64 bytes);
void lightos_trace_moe_route(u64 gate, u32 layer, u32 tokens, u64 dropped);
void lightos_trace_photonic_tick(u32 device, s32 die_mc, u32 throttle_permille,
				 s32 tec_ma, u32 fan_rpm);
void lightos_trace_photonic_trip(u32 device, u32 cause, s32 die_mc,
				 u64 latency_ns);
void lightos_trace_photonic_latch(u32 device, u32 causes);
void lightos_trace_photonic_clear(u32 device);
void lightos_trace_photonic_power(u32 device, u32 state);
void lightos_trace_photonic_laser(u32 device, bool on);
void lightos_trace_photonic_commit(u32 device, u32 channels,
				   s32 temperature_mc);
void lightos_trace_photonic_job(u32 device, u64 job, u32 vectors, s32 result,
				u64 ns);

#endif /* _LIGHTOS_TRACE_SHIM_H */
