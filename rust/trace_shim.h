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

#endif /* _LIGHTOS_TRACE_SHIM_H */
