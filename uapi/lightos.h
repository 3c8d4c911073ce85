/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * LightOS user-space interface: the ioctls of /dev/lightos.
 *
 * This header is the one source of the ABI. It has two parts:
 *
 * - the calls of v0.2.0 (numbers 0x01 to 0x07), which keep their codes,
 *   layouts and behaviour for 64-bit and 32-bit programs;
 * - the extended calls (numbers 0x20 and up), whose structures start with
 *   their own size, carry flags that must be known, and may grow at the end.
 *
 * Both parts are described call by call in Documentation/abi.rst.
 */
#ifndef _UAPI_LIGHTOS_H
#define _UAPI_LIGHTOS_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* ------------------------------------------------------------------ */
/* Limits                                                             */
/* ------------------------------------------------------------------ */

#define LIGHTOS_MAX_DEVICES		256
#define LIGHTOS_MAX_LINKS		1024

#define LIGHTOS_MAX_NEURONS		65536
#define LIGHTOS_MAX_PENDING_EVENTS	4096

/* What a zero in struct lightos_spiking_config stands for. */
#define LIGHTOS_DEFAULT_EVENTS_PER_CYCLE	1000
#define LIGHTOS_DEFAULT_INTERVAL_US		1000
#define LIGHTOS_DEFAULT_SPARSITY_PERCENT	69

/* Bounds of processing_interval_us. */
#define LIGHTOS_MIN_INTERVAL_US		50
#define LIGHTOS_MAX_INTERVAL_US		1000000

/* An event further ahead of now than this is applied at once. */
#define LIGHTOS_MAX_AHEAD_NS		60000000000ULL

/* ------------------------------------------------------------------ */
/* v0.2.0: enumerations                                               */
/* ------------------------------------------------------------------ */

/**
 * enum lightos_device_type - values of lightos_device_state.device_type
 * @LIGHTOS_DEVICE_GPU: graphics processor
 * @LIGHTOS_DEVICE_TPU: tensor processor
 * @LIGHTOS_DEVICE_NPU: neural processor; the spiking engine is one
 * @LIGHTOS_DEVICE_PHOTONIC: photonic processor
 */
enum lightos_device_type {
	LIGHTOS_DEVICE_GPU		= 0,
	LIGHTOS_DEVICE_TPU		= 1,
	LIGHTOS_DEVICE_NPU		= 2,
	LIGHTOS_DEVICE_PHOTONIC		= 3,
};

/**
 * enum lightos_encoding - values of lightos_spiking_config.encoding
 * @LIGHTOS_ENCODING_RATE: every event adds its amplitude to the membrane;
 *	the information is in how many events arrive.
 * @LIGHTOS_ENCODING_TEMPORAL: the information is in the time of the first
 *	spike. A neuron fires at most once a cycle; what reaches it later in
 *	that cycle is not applied and counts as suppressed.
 * @LIGHTOS_ENCODING_DELTA: an event is a change of the sender's signal.
 *	Changes are summed and applied once their sum reaches the delta
 *	threshold, which rises from 0 only while sparsity is under target.
 */
enum lightos_encoding {
	LIGHTOS_ENCODING_RATE		= 0,
	LIGHTOS_ENCODING_TEMPORAL	= 1,
	LIGHTOS_ENCODING_DELTA		= 2,
};

/**
 * enum lightos_neuron_activity - values of lightos_neuron_state.state
 * @LIGHTOS_NEURON_RESTING: less than 0.5 mV away from the rest potential
 * @LIGHTOS_NEURON_INTEGRATING: away from rest, able to take input
 * @LIGHTOS_NEURON_SPIKING: fired within the last processing interval
 * @LIGHTOS_NEURON_REFRACTORY: held at the reset potential, deaf to input
 */
enum lightos_neuron_activity {
	LIGHTOS_NEURON_RESTING		= 0,
	LIGHTOS_NEURON_INTEGRATING	= 1,
	LIGHTOS_NEURON_SPIKING		= 2,
	LIGHTOS_NEURON_REFRACTORY	= 3,
};

/* ------------------------------------------------------------------ */
/* v0.2.0: structures                                                 */
/*                                                                    */
/* Natural C layout. No explicit padding members: i386 aligns a __u64 */
/* to 4 bytes, and a named hole would change the layout there.        */
/* Holes are ignored on input and written as zero on output.          */
/* ------------------------------------------------------------------ */

/**
 * struct lightos_device_state - state of one device of the registry
 * @device_id: in: which device; 0 is the module's own spiking engine
 * @device_type: out: enum lightos_device_type
 * @utilization_percent: out: share of one CPU that the engine kept busy over
 *	the sliding window of its last cycles, 0 to 100
 * @power_watts: out: 0 where the device has no power sensor; device 0 has none
 * @memory_used_bytes: out: bytes behind neurons ever used and events pending
 * @memory_total_bytes: out: bytes that the device holds in all
 */
struct lightos_device_state {
	__u32 device_id;
	__u32 device_type;
	__u32 utilization_percent;
	__u32 power_watts;
	__u64 memory_used_bytes;
	__u64 memory_total_bytes;
};

/**
 * struct lightos_spiking_config - configuration and statistics of the engine
 * @encoding: in/out: enum lightos_encoding
 * @enabled: in/out: 0 disables (and stops) the engine, anything else enables
 *	it; reads back as 0 or 1
 * @max_events_per_cycle: in/out: events that one cycle may apply; 0 means 1000
 * @processing_interval_us: in/out: microseconds between cycles, 50 to
 *	1,000,000; 0 means 1000
 * @target_sparsity_percent: in/out: 0 to 100; 0 means 69. Governs the delta
 *	threshold in LIGHTOS_ENCODING_DELTA; elsewhere it is only reported
 * @current_sparsity_percent: out: share of neuron updates not needed over the
 *	sliding window; 100 while there is nothing to update
 * @total_events_processed: out: events taken from the queue since load
 * @events_dropped: out: events refused with ENOSPC since load
 */
struct lightos_spiking_config {
	__u32 encoding;
	__u32 enabled;
	__u32 max_events_per_cycle;
	__u32 processing_interval_us;
	__u32 target_sparsity_percent;
	__u32 current_sparsity_percent;
	__u64 total_events_processed;
	__u64 events_dropped;
};

/**
 * struct lightos_spike_event - one input event
 * @neuron_id: 0 to LIGHTOS_MAX_NEURONS - 1
 * @timestamp_ns: when the event happens, CLOCK_MONOTONIC; 0 means now
 * @amplitude_mv: what the event adds to the membrane, in millivolts
 * @synapse_count: synapses that the event stands for; 0 means 1. Enters the
 *	count of synaptic operations, never the membrane
 */
struct lightos_spike_event {
	__u32 neuron_id;
	__u64 timestamp_ns;
	__s32 amplitude_mv;
	__u32 synapse_count;
};

/**
 * struct lightos_neuron_state - state of one neuron as of now
 * @neuron_id: in: 0 to LIGHTOS_MAX_NEURONS - 1
 * @state: out: enum lightos_neuron_activity
 * @membrane_potential_mv: out: nearest millivolt, leak up to now included
 * @total_spikes: out: spikes since load or LIGHTOS_RESET_NEURONS
 * @current_rate_hz: out: spikes a second over the last second, in steps of
 *	100 ms, nearest hertz
 */
struct lightos_neuron_state {
	__u32 neuron_id;
	__u32 state;
	__s32 membrane_potential_mv;
	__u64 total_spikes;
	__u32 current_rate_hz;
};

/* ------------------------------------------------------------------ */
/* v0.2.0: calls                                                      */
/* ------------------------------------------------------------------ */

#define LIGHTOS_IOC_MAGIC		'L'

#define LIGHTOS_IOC_GET_DEVICE_STATE \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x01, struct lightos_device_state)
#define LIGHTOS_IOC_SPIKING_CONFIG \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x02, struct lightos_spiking_config)
#define LIGHTOS_IOC_SPIKING_START	_IO(LIGHTOS_IOC_MAGIC, 0x03)
#define LIGHTOS_IOC_SPIKING_STOP	_IO(LIGHTOS_IOC_MAGIC, 0x04)
#define LIGHTOS_IOC_SPIKING_SUBMIT_EVENT \
	_IOW(LIGHTOS_IOC_MAGIC, 0x05, struct lightos_spike_event)
#define LIGHTOS_IOC_SPIKING_GET_STATS \
	_IOR(LIGHTOS_IOC_MAGIC, 0x06, struct lightos_spiking_config)
#define LIGHTOS_IOC_GET_NEURON_STATE \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x07, struct lightos_neuron_state)

/* ------------------------------------------------------------------ */
/* Extended calls                                                     */
/*                                                                    */
/* Number ranges: 0x20 general, 0x40 spiking, 0x60 mixture of experts,*/
/* 0x80 photonic, 0xA0 device registry.                               */
/*                                                                    */
/* Every structure starts with its size as the caller knows it and is */
/* the same for 64-bit and 32-bit programs. A call is recognised by   */
/* type, direction and number, so that its structure can grow:        */
/* - size below the first published one: EINVAL;                      */
/* - size above what the module knows: E2BIG unless the rest is zero, */
/*   and above 4096 in any case;                                      */
/* - unknown flags or a reserved field that is not zero: EINVAL.      */
/* A file opened read-only may make the calls marked "query"; others  */
/* give EBADF there.                                                  */
/* ------------------------------------------------------------------ */

/* Bits of lightos_query.features. */
#define LIGHTOS_FEATURE_SPIKING		(1ULL << 0)
#define LIGHTOS_FEATURE_MOE		(1ULL << 1)
#define LIGHTOS_FEATURE_PHOTONIC	(1ULL << 2)
#define LIGHTOS_FEATURE_REGISTRY	(1ULL << 3)

/**
 * enum lightos_backend - what carries out the work of a subsystem
 * @LIGHTOS_BACKEND_NONE: the subsystem is absent
 * @LIGHTOS_BACKEND_CPU: the kernel, on the host's processors
 * @LIGHTOS_BACKEND_MODEL: a device model
 * @LIGHTOS_BACKEND_SILICON: a device
 */
enum lightos_backend {
	LIGHTOS_BACKEND_NONE		= 0,
	LIGHTOS_BACKEND_CPU		= 1,
	LIGHTOS_BACKEND_MODEL		= 2,
	LIGHTOS_BACKEND_SILICON		= 3,
};

/**
 * struct lightos_query - what the module is and can do (query)
 * @size: in: sizeof(struct lightos_query); out: bytes the module filled in
 * @flags: in: must be 0
 * @features: out: LIGHTOS_FEATURE_* bits of the subsystems present
 * @module_version: out: major << 16 | minor << 8 | patch of lightos.ko
 * @legacy_version: out: the same for the legacy contract, 0x000200
 * @spiking_backend: out: enum lightos_backend of the spiking engine
 * @photonic_backend: out: enum lightos_backend of the photonic devices
 * @max_neurons: out: neurons of the engine
 * @max_pending_events: out: events that may wait in its queue
 * @min_interval_us: out: least processing_interval_us
 * @max_interval_us: out: greatest processing_interval_us
 * @max_devices: out: devices that the registry can hold
 * @max_links: out: links that the registry can hold
 */
struct lightos_query {
	__u32 size;
	__u32 flags;
	__u64 features;
	__u32 module_version;
	__u32 legacy_version;
	__u32 spiking_backend;
	__u32 photonic_backend;
	__u32 max_neurons;
	__u32 max_pending_events;
	__u32 min_interval_us;
	__u32 max_interval_us;
	__u32 max_devices;
	__u32 max_links;
};

/**
 * struct lightos_nop - argument of the call that does nothing
 * @size: in: sizeof(struct lightos_nop)
 * @flags: in: must be 0
 * @cookie: in: any value; kept until the next NOP
 * @reserved: in: must be 0
 *
 * The call copies its 24 bytes in and stores the cookie under one lock: the
 * least that any call with an argument costs. Benchmarks measure against it.
 */
struct lightos_nop {
	__u32 size;
	__u32 flags;
	__u64 cookie;
	__u64 reserved;
};

/**
 * struct lightos_spiking_counters - counters of the engine (query)
 * @size: in: sizeof(struct lightos_spiking_counters); out: bytes filled in
 * @flags: in: must be 0
 * @events_submitted: out: events accepted into the queue
 * @events_processed: out: events taken from the queue
 * @events_dropped: out: events refused with ENOSPC
 * @events_late: out: events older than their neuron's last update, or more
 *	than LIGHTOS_MAX_AHEAD_NS ahead: applied at once
 * @events_refractory: out: events that met a refractory neuron: no effect
 * @events_suppressed: out: events withheld by the encoding
 * @synaptic_ops: out: sum over processed events of synapse_count, 0 as 1
 * @spikes: out: output spikes
 * @saturations: out: updates in which leak and input together led out of
 *	+-10 V and were cut
 * @neuron_updates: out: distinct (neuron, cycle) pairs that were computed
 * @cycles: out: processing intervals that passed while the engine ran
 * @timer_fires: out: how many of them woke the engine
 * @busy_ns: out: time spent applying events, in nanoseconds
 * @neurons_used: out: neurons that ever received an event
 * @events_pending: out: events waiting now
 * @delta_threshold_mv: out: present delta threshold, 0 unless delta encoding
 * @running: out: 1 between START and STOP
 *
 * The __u64 counters run from load or from LIGHTOS_RESET_COUNTERS.
 */
struct lightos_spiking_counters {
	__u32 size;
	__u32 flags;
	__u64 events_submitted;
	__u64 events_processed;
	__u64 events_dropped;
	__u64 events_late;
	__u64 events_refractory;
	__u64 events_suppressed;
	__u64 synaptic_ops;
	__u64 spikes;
	__u64 saturations;
	__u64 neuron_updates;
	__u64 cycles;
	__u64 timer_fires;
	__u64 busy_ns;
	__u32 neurons_used;
	__u32 events_pending;
	__u32 delta_threshold_mv;
	__u32 running;
};

/* Bits of lightos_spiking_reset.flags; at least one must be set. */
#define LIGHTOS_RESET_NEURONS		(1U << 0)
#define LIGHTOS_RESET_PENDING		(1U << 1)
#define LIGHTOS_RESET_COUNTERS		(1U << 2)

/**
 * struct lightos_spiking_reset - bring parts of the engine back to load state
 * @size: in: sizeof(struct lightos_spiking_reset)
 * @flags: in: LIGHTOS_RESET_NEURONS: every neuron at rest, never used;
 *	LIGHTOS_RESET_PENDING: the queue empty; LIGHTOS_RESET_COUNTERS: all
 *	__u64 counters and the sliding window zero, those of v0.2.0 included
 *
 * Configuration, delta threshold and running state stay as they are.
 */
struct lightos_spiking_reset {
	__u32 size;
	__u32 flags;
};

#define LIGHTOS_IOC_QUERY \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x20, struct lightos_query)
#define LIGHTOS_IOC_NOP \
	_IOW(LIGHTOS_IOC_MAGIC, 0x21, struct lightos_nop)
#define LIGHTOS_IOC_SPIKING_COUNTERS \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x40, struct lightos_spiking_counters)
#define LIGHTOS_IOC_SPIKING_RESET \
	_IOW(LIGHTOS_IOC_MAGIC, 0x41, struct lightos_spiking_reset)

#endif /* _UAPI_LIGHTOS_H */
