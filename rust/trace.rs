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
    fn lightos_trace_photonic_tick(
        device: u32,
        die_mc: i32,
        throttle_permille: u32,
        tec_ma: i32,
        fan_rpm: u32,
    );
    fn lightos_trace_photonic_trip(device: u32, cause: u32, die_mc: i32, latency_ns: u64);
    fn lightos_trace_photonic_latch(device: u32, causes: u32);
    fn lightos_trace_photonic_clear(device: u32);
    fn lightos_trace_photonic_power(device: u32, state: u32);
    fn lightos_trace_photonic_laser(device: u32, on: bool);
    fn lightos_trace_photonic_commit(device: u32, channels: u32, temperature_mc: i32);
    fn lightos_trace_photonic_job(device: u32, job: u64, vectors: u32, result: i32, ns: u64);
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

/// The guard of processor `device` has run. `die_mc` in millidegrees Celsius,
/// `tec_ma` in milliamperes, positive where it cools.
#[allow(dead_code)]
pub(crate) fn photonic_tick(
    device: u32,
    die_mc: i32,
    throttle_permille: u32,
    tec_ma: i32,
    fan_rpm: u32,
) {
    // SAFETY: As above.
    unsafe { lightos_trace_photonic_tick(device, die_mc, throttle_permille, tec_ma, fan_rpm) }
}

/// The guard has turned the laser off, for a cause of the ABI (a bit), so many
/// nanoseconds after the sample that said so.
#[allow(dead_code)]
pub(crate) fn photonic_trip(device: u32, cause: u32, die_mc: i32, latency_ns: u64) {
    // SAFETY: As above.
    unsafe { lightos_trace_photonic_trip(device, cause, die_mc, latency_ns) }
}

/// These causes are latched now, in all.
#[allow(dead_code)]
pub(crate) fn photonic_latch(device: u32, causes: u32) {
    // SAFETY: As above.
    unsafe { lightos_trace_photonic_latch(device, causes) }
}

/// No cause is latched any more.
#[allow(dead_code)]
pub(crate) fn photonic_clear(device: u32) {
    // SAFETY: As above.
    unsafe { lightos_trace_photonic_clear(device) }
}

/// The processor changes its state, one of the ABI.
#[allow(dead_code)]
pub(crate) fn photonic_power(device: u32, state: u32) {
    // SAFETY: As above.
    unsafe { lightos_trace_photonic_power(device, state) }
}

/// Light leaves the laser, or does no more.
#[allow(dead_code)]
pub(crate) fn photonic_laser(device: u32, on: bool) {
    // SAFETY: As above.
    unsafe { lightos_trace_photonic_laser(device, on) }
}

/// So many phases were handed to the heaters, for a die of that temperature in
/// millidegrees Celsius.
#[allow(dead_code)]
pub(crate) fn photonic_commit(device: u32, channels: u32, temperature_mc: i32) {
    // SAFETY: As above.
    unsafe { lightos_trace_photonic_commit(device, channels, temperature_mc) }
}

/// A job has ended so many nanoseconds after its start, with 0 or a negative errno.
#[allow(dead_code)]
pub(crate) fn photonic_job(device: u32, job: u64, vectors: u32, result: i32, ns: u64) {
    // SAFETY: As above.
    unsafe { lightos_trace_photonic_job(device, job, vectors, result, ns) }
}
