// SPDX-License-Identifier: GPL-2.0

//! Tracepoints, under `/sys/kernel/tracing/events/lightos`.
//!
//! `kernel::tracepoint` knows those of the kernel only: the module's are in
//! `lightos_events.h`, and functions around them in `trace_shim.c`. Callable from
//! any context, whatever locks are held.

extern "C" {
    fn lightos_trace_network_start(network: u64, run: u64, step: u64, end: u64);
    fn lightos_trace_network_stop(network: u64, run: u64, step: u64, steps: u64, reason: u32);
    fn lightos_trace_network_overflow(network: u64, spikes: u64, voltages: u64);
    fn lightos_trace_moe_configure(gate: u64, layers: u32, bytes: u64);
    fn lightos_trace_moe_route(gate: u64, layer: u32, tokens: u32, dropped: u64);
}

/// A run of a network begins at `step` and is to stop before `end`.
pub(crate) fn network_start(network: u64, run: u64, step: u64, end: u64) {
    // SAFETY: The function takes any numbers.
    unsafe { lightos_trace_network_start(network, run, step, end) }
}

/// A run of a network has ended after `steps` steps.
pub(crate) fn network_stop(network: u64, run: u64, step: u64, steps: u64, reason: u32) {
    // SAFETY: As above.
    unsafe { lightos_trace_network_stop(network, run, step, steps, reason) }
}

/// So many output records were lost.
pub(crate) fn network_overflow(network: u64, spikes: u64, voltages: u64) {
    // SAFETY: As above.
    unsafe { lightos_trace_network_overflow(network, spikes, voltages) }
}

/// A gate was configured.
pub(crate) fn moe_configure(gate: u64, layers: u32, bytes: u64) {
    // SAFETY: As above.
    unsafe { lightos_trace_moe_configure(gate, layers, bytes) }
}

/// A batch went through a layer of a gate; so many choices were dropped.
pub(crate) fn moe_route(gate: u64, layer: u32, tokens: u32, dropped: u64) {
    // SAFETY: As above.
    unsafe { lightos_trace_moe_route(gate, layer, tokens, dropped) }
}
