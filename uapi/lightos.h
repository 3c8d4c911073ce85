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
#define LIGHTOS_FEATURE_NETWORKS	(1ULL << 4)

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

/* ------------------------------------------------------------------ */
/* Spiking networks                                                   */
/*                                                                    */
/* Every open file may hold one network of its own: neurons in        */
/* populations, inputs, and synapses between them, advanced in steps. */
/* It is loaded in pieces (BEGIN, WRITE, COMMIT), run in the          */
/* background or by the caller (RUN), and goes with the file.         */
/*                                                                    */
/* Sources of spikes are numbered from 0: first the neurons, then the */
/* inputs. A spike at step s that travels a synapse of delay d arrives*/
/* at step s + d. Equal descriptions and inputs give equal results.   */
/*                                                                    */
/* A network's memory is charged to the memory cgroup of whoever loads*/
/* it. Input and output pass through three rings, by call or by       */
/* mmap(): see struct lightos_ring.                                   */
/*                                                                    */
/* Besides the ioctls, on a file with a network:                      */
/* - read() takes one struct lightos_network_completion, and waits    */
/*   for one unless O_NONBLOCK is set (EAGAIN); EINVAL for a shorter  */
/*   buffer, or if no run is there to wait for;                       */
/* - poll() reports POLLIN when read() would not wait, POLLPRI when   */
/*   an output ring holds records, POLLOUT when the input ring has    */
/*   room;                                                            */
/* - /proc/PID/fdinfo/FD shows the counters of NETWORK_STATS.         */
/*                                                                    */
/* COMMIT, RUN, INPUT and OUTPUT answer once they have done their     */
/* work. They look first whether the answer can be written; memory    */
/* that goes meanwhile gives EFAULT, and what was done stays.         */
/* ------------------------------------------------------------------ */

#define LIGHTOS_MAX_INPUTS		65536
#define LIGHTOS_MAX_DELAY		1024
#define LIGHTOS_MAX_SYNAPSES		(1ULL << 28)

/**
 * enum lightos_table - the tables that describe a network
 * @LIGHTOS_TABLE_NETWORK: no table: a fault of the network as a whole
 * @LIGHTOS_TABLE_POPULATIONS: struct lightos_population
 * @LIGHTOS_TABLE_LOIHI_PARAMS: struct lightos_loihi_params
 * @LIGHTOS_TABLE_EXACT_PARAMS: struct lightos_exact_params
 * @LIGHTOS_TABLE_DELAYS: __u32: the delays of sparse synapses in steps, 1 to
 *	LIGHTOS_MAX_DELAY, ascending
 * @LIGHTOS_TABLE_STARTS: __u32: where in the table of synapses those of each
 *	source and delay begin: an entry for each delay of source 0, then of
 *	source 1, and so on, and one for the end; none without delays
 * @LIGHTOS_TABLE_SYNAPSES: __u32: sparse synapses by source, then by delay:
 *	the target in the lower half, the weight (signed) in the upper
 * @LIGHTOS_TABLE_BLOCKS: struct lightos_block
 * @LIGHTOS_TABLE_WEIGHTS: __u8: the weights of dense blocks
 * @LIGHTOS_TABLE_PROBES: __u32: neurons whose voltage is read in each step
 */
enum lightos_table {
	LIGHTOS_TABLE_NETWORK		= 0,
	LIGHTOS_TABLE_POPULATIONS	= 1,
	LIGHTOS_TABLE_LOIHI_PARAMS	= 2,
	LIGHTOS_TABLE_EXACT_PARAMS	= 3,
	LIGHTOS_TABLE_DELAYS		= 4,
	LIGHTOS_TABLE_STARTS		= 5,
	LIGHTOS_TABLE_SYNAPSES		= 6,
	LIGHTOS_TABLE_BLOCKS		= 7,
	LIGHTOS_TABLE_WEIGHTS		= 8,
	LIGHTOS_TABLE_PROBES		= 9,
};

/**
 * enum lightos_neuron_kind - values of lightos_population.kind
 * @LIGHTOS_KIND_LOIHI: the integer rules of the Loihi chip, bit for bit;
 *	weights from -256 to 255; not in one network with the other kinds
 * @LIGHTOS_KIND_JUMP: exact (leaky) integration; an input makes the membrane
 *	jump. An integrate-and-fire neuron has no leak, a leaky integrator a
 *	threshold of LIGHTOS_THRESHOLD_NEVER.
 * @LIGHTOS_KIND_EXPONENTIAL: exact (leaky) integration of two currents that
 *	decay exponentially, one for positive and one for negative weights
 */
enum lightos_neuron_kind {
	LIGHTOS_KIND_LOIHI		= 0,
	LIGHTOS_KIND_JUMP		= 1,
	LIGHTOS_KIND_EXPONENTIAL	= 2,
};

/**
 * struct lightos_population - neurons of one kind that follow each other
 * @first: the first neuron: the end of the population before, 0 at first
 * @count: how many, at least 1; at most LIGHTOS_MAX_NEURONS in all
 * @kind: enum lightos_neuron_kind
 * @params: the parameters of the first neuron, an index into the table of the
 *	kind
 * @params_count: 1: one set of parameters for all; @count: one for each
 * @reserved: must be 0
 */
struct lightos_population {
	__u32 first;
	__u32 count;
	__u32 kind;
	__u32 params;
	__u32 params_count;
	__u32 reserved;
};

/**
 * struct lightos_loihi_params - a neuron with the rules of Loihi
 * @current_decay: share of the current lost in a step, in 1/4096: 0 to 4096
 * @voltage_decay: share of the voltage lost in a step, in 1/4096: 0 to 4096
 * @threshold: it spikes above this: 0 to 0x1ffff << 6
 * @bias: added to the voltage in each step: -(4096 << 7) to 4096 << 7
 * @refractory_steps: steps after that of a spike with the voltage held at 0
 * @reserved: must be 0
 */
struct lightos_loihi_params {
	__u32 current_decay;
	__u32 voltage_decay;
	__s32 threshold;
	__s32 bias;
	__u32 refractory_steps;
	__u32 reserved;
};

/* Bits of lightos_exact_params.flags. */
#define LIGHTOS_PARAMS_TIME_CONSTANTS	(1U << 0)

/* The threshold of a neuron that never fires. */
#define LIGHTOS_THRESHOLD_NEVER		0x7fffffffffffffffLL

/* Potentials and currents saturate at plus and minus this. */
#define LIGHTOS_POTENTIAL_LIMIT		(1LL << 60)

/* A propagator of 1. */
#define LIGHTOS_PROPAGATOR_ONE		(1LL << 62)

/**
 * struct lightos_exact_params - a neuron whose equations are solved exactly
 * @flags: LIGHTOS_PARAMS_TIME_CONSTANTS or 0: how to read the next three
 *	fields and @drive
 * @refractory_steps: steps after that of a spike with the membrane held at
 *	@reset
 * @membrane: the propagator exp(-h / tau_m) in 2^-62; or tau_m in ns, 0 for no
 *	leak
 * @current: the propagators exp(-h / tau_s) of the currents of positive and of
 *	negative weights in 2^-62; or the tau_s in ns, 0 for no decay
 * @coupling: the propagators from each current to the membrane in 2^-62; 0
 *	where time constants are given
 * @drive: added to the membrane in each step; or, where time constants are
 *	given and tau_m is not 0, the potential that a constant current would
 *	hold the membrane at
 * @gain: what a unit of weight adds: to the currents of positive and of negative
 *	weights; for LIGHTOS_KIND_JUMP the first, for all weights, to the membrane
 * @threshold: the least potential that fires; LIGHTOS_THRESHOLD_NEVER
 * @reset: where a spike puts the membrane
 *
 * Potentials are relative to rest, in units that the caller chooses: some 2^50
 * for the threshold make the arithmetic as precise as doubles. A current is
 * measured by the potential that it would hold the membrane at. h is step_ns of
 * struct lightos_network_begin. Magnitudes up to LIGHTOS_POTENTIAL_LIMIT.
 */
struct lightos_exact_params {
	__u32 flags;
	__u32 refractory_steps;
	__s64 membrane;
	__s64 current[2];
	__s64 coupling[2];
	__s64 drive;
	__s64 gain[2];
	__s64 threshold;
	__s64 reset;
};

/**
 * struct lightos_block - a dense block of synapses
 * @source_first: the first source
 * @source_count: how many sources follow each other, at least 1
 * @target_first: the first target
 * @target_count: how many targets follow each other, at least 1
 * @delay: steps, 1 to LIGHTOS_MAX_DELAY
 * @width: bytes of a weight: 1, or 2 (the lower first); two's complement
 * @offset: where in the table of weights the row of the first source begins;
 *	rows of @target_count weights follow each other
 *
 * Blocks may share weights.
 */
struct lightos_block {
	__u32 source_first;
	__u32 source_count;
	__u32 target_first;
	__u32 target_count;
	__u32 delay;
	__u32 width;
	__u64 offset;
};

/**
 * enum lightos_problem - values of lightos_network_fault.problem
 * @LIGHTOS_PROBLEM_RANGE: less or more than is allowed
 * @LIGHTOS_PROBLEM_ORDER: does not follow the entry before
 * @LIGHTOS_PROBLEM_BOUNDS: points outside its table
 * @LIGHTOS_PROBLEM_LENGTH: the table has the wrong length
 * @LIGHTOS_PROBLEM_MIXTURE: kinds that cannot be together
 * @LIGHTOS_PROBLEM_UNKNOWN: an unknown kind or flag, or a reserved field not 0
 */
enum lightos_problem {
	LIGHTOS_PROBLEM_RANGE		= 0,
	LIGHTOS_PROBLEM_ORDER		= 1,
	LIGHTOS_PROBLEM_BOUNDS		= 2,
	LIGHTOS_PROBLEM_LENGTH		= 3,
	LIGHTOS_PROBLEM_MIXTURE		= 4,
	LIGHTOS_PROBLEM_UNKNOWN		= 5,
};

/**
 * struct lightos_network_fault - the first thing wrong with a network
 * @table: enum lightos_table
 * @problem: enum lightos_problem
 * @entry: which entry of the table; of weights, which byte
 * @field: the name of the field, NUL terminated
 */
struct lightos_network_fault {
	__u32 table;
	__u32 problem;
	__u64 entry;
	char field[24];
};

/**
 * struct lightos_network_begin - start to load a network
 * @size: in: sizeof(struct lightos_network_begin)
 * @flags: in: must be 0
 * @inputs: in: how many inputs, up to LIGHTOS_MAX_INPUTS
 * @reserved: in: must be 0
 * @step_ns: in: what a step stands for, 1 to 10^12 ns
 * @populations: in: entries of that table, at least 1; and so on
 *
 * Allocates the tables, all zero; what was begun before and not committed is
 * forgotten then. A committed network stays in use until the next COMMIT
 * succeeds. EINVAL for an impossible number of entries, ENOMEM.
 */
struct lightos_network_begin {
	__u32 size;
	__u32 flags;
	__u32 inputs;
	__u32 reserved;
	__u64 step_ns;
	__u64 populations;
	__u64 loihi_params;
	__u64 exact_params;
	__u64 delays;
	__u64 starts;
	__u64 synapses;
	__u64 blocks;
	__u64 weights;
	__u64 probes;
};

/**
 * struct lightos_network_write - write entries of a table that is being loaded
 * @size: in: sizeof(struct lightos_network_write)
 * @flags: in: must be 0
 * @table: in: enum lightos_table
 * @reserved: in: must be 0
 * @first: in: the first entry to write
 * @count: in: how many
 * @data: in: user pointer to the entries, packed
 * @fault: out, with EINVAL: the entry that cannot be
 *
 * ENODATA without a BEGIN, EINVAL for entries outside the table. What an error
 * leaves written is not defined; write it again.
 */
struct lightos_network_write {
	__u32 size;
	__u32 flags;
	__u32 table;
	__u32 reserved;
	__u64 first;
	__u64 count;
	__u64 data;
	struct lightos_network_fault fault;
};

/**
 * struct lightos_network_commit - check what was loaded and put it to use
 * @size: in: sizeof(struct lightos_network_commit)
 * @flags: in: must be 0
 * @bytes: out: memory of the network, in bytes
 * @fault: out, with EINVAL: the first thing wrong
 *
 * All or nothing: on EINVAL, ENOMEM, and EBUSY (a run is under way) the network
 * in use stays as it is, and so does what was loaded. Else the new network is
 * at rest at step 0, its counters are zero, its rings are new (see
 * NETWORK_RINGS), and encoders and decoders are gone. ENODATA without a BEGIN.
 */
struct lightos_network_commit {
	__u32 size;
	__u32 flags;
	__u64 bytes;
	struct lightos_network_fault fault;
};

/* Rings: which one, and the offset to mmap() it at. */
#define LIGHTOS_RING_INPUT		0
#define LIGHTOS_RING_SPIKES		1
#define LIGHTOS_RING_VOLTAGES		2
#define LIGHTOS_RING_OFFSET(ring)	((__u64)(ring) << 32)

#define LIGHTOS_MAX_RING_ENTRIES	(1U << 22)
#define LIGHTOS_DEFAULT_RING_ENTRIES	(1U << 16)

/* Bytes from the start of a mapping to its first record. */
#define LIGHTOS_RING_RECORDS		4096

/**
 * struct lightos_ring - the start of a mapped ring
 * @head: records ever put in, modulo 2^32; the producer's
 * @tail: records ever taken out, modulo 2^32; the consumer's
 * @entries: how many records the ring holds, a power of two
 * @record_bytes: bytes of a record
 * @dropped: records that the module could not put in since the ring was made
 *
 * One producer, one consumer. User space produces input and consumes spikes and
 * voltages; the module does the other half. The records begin
 * LIGHTOS_RING_RECORDS bytes after this structure, record n at n modulo
 * @entries. The producer fills the record, then moves @head with release
 * semantics; the consumer reads @head with acquire semantics, then the record,
 * then moves @tail with release semantics. The ring is full at
 * @head - @tail == @entries.
 *
 * The module trusts nothing here: it keeps its own index, reads the other once
 * and treats a distance over @entries as an empty input ring or a full output
 * ring. @entries, @record_bytes and @dropped are written by the module and
 * never read.
 */
struct lightos_ring {
	__u32 head;
	__u32 pad0[15];
	__u32 tail;
	__u32 pad1[15];
	__u32 entries;
	__u32 record_bytes;
	__u64 dropped;
};

/* The step that comes next, whatever its number: for input from live sources. */
#define LIGHTOS_NEXT_STEP		0xffffffffffffffffULL

/**
 * struct lightos_network_event - a record of the input ring
 * @step: when: the number of a step, or LIGHTOS_NEXT_STEP
 * @index: for a @weight of 0 the input that spikes, else the neuron
 * @weight: what to add to the weights that arrive at the neuron
 *
 * Events are taken in the order in which they were put in. One whose step has
 * passed is applied to the next step and counted as late; one that names no
 * input or neuron is counted as rejected. An event waits for its step, and all
 * that were put in after it wait behind it.
 */
struct lightos_network_event {
	__u64 step;
	__u32 index;
	__s32 weight;
};

/**
 * struct lightos_network_spike - a record of the spike ring
 * @step: in which step
 * @neuron: who
 * @reserved: 0
 *
 * Ordered by step, then by neuron.
 */
struct lightos_network_spike {
	__u64 step;
	__u32 neuron;
	__u32 reserved;
};

/**
 * struct lightos_network_voltage - a record of the voltage ring
 * @step: after which step
 * @probe: which entry of the table of probes
 * @reserved: 0
 * @value: the potential in the caller's units; as the chip counts for
 *	LIGHTOS_KIND_LOIHI
 */
struct lightos_network_voltage {
	__u64 step;
	__u32 probe;
	__u32 reserved;
	__s64 value;
};

/**
 * struct lightos_network_rings - choose the size of the rings
 * @size: in: sizeof(struct lightos_network_rings)
 * @flags: in: must be 0
 * @input_entries: in: records of the input ring: a power of two, 64 to
 *	LIGHTOS_MAX_RING_ENTRIES; 0 for LIGHTOS_DEFAULT_RING_ENTRIES
 * @spike_entries: in: the same for spikes
 * @voltage_entries: in: the same for voltages
 * @reserved: in: must be 0
 *
 * Makes new, empty rings; mappings of the old ones stay valid and dead. A
 * network has rings of the default size until told otherwise (of voltages, only
 * with probes). EBUSY during a run, ENODATA without a network, ENOMEM.
 */
struct lightos_network_rings {
	__u32 size;
	__u32 flags;
	__u32 input_entries;
	__u32 spike_entries;
	__u32 voltage_entries;
	__u32 reserved;
};

/* Bits of lightos_network_run.flags. */
#define LIGHTOS_RUN_UNTIL_STEP		(1U << 0)
#define LIGHTOS_RUN_UNTIL_TIME		(1U << 1)
#define LIGHTOS_RUN_REAL_TIME		(1U << 2)
#define LIGHTOS_RUN_KEEP_OUTPUT		(1U << 3)
#define LIGHTOS_RUN_WAIT		(1U << 4)
#define LIGHTOS_RUN_EVENTFD		(1U << 5)

/**
 * struct lightos_network_run - let the network run
 * @size: in: sizeof(struct lightos_network_run)
 * @flags: in: LIGHTOS_RUN_* bits
 * @target: in: how many steps; with LIGHTOS_RUN_UNTIL_STEP the step to stop
 *	before; with LIGHTOS_RUN_UNTIL_TIME the time in ns since step 0 to stop
 *	before, so that the last step computed is the last to begin before it
 * @interval_ns: in: with LIGHTOS_RUN_REAL_TIME a step is computed every so many
 *	ns of CLOCK_MONOTONIC, 0 for step_ns, 10^4 to 10^12; else must be 0
 * @eventfd: in: with LIGHTOS_RUN_EVENTFD, the eventfd to add 1 to when the run
 *	ends; else must be 0
 * @reserved: in: must be 0
 * @run: out: the number of this run, from 1; a file uses none twice
 *
 * LIGHTOS_RUN_KEEP_OUTPUT ends the run before a step whose output might not fit
 * into a ring: no record is dropped then. Take the records out and run on. EINVAL
 * if the ring of spikes holds fewer records than the network has neurons, or that
 * of voltages fewer than it has probes. EINVAL also for both UNTIL bits together.
 *
 * LIGHTOS_RUN_WAIT computes in the calling thread and returns when the run has
 * ended; a signal ends it (the completion says so). Otherwise the run goes on
 * in the background. In both cases a completion waits for read() then.
 *
 * EBUSY during another run, ENODATA without a network.
 */
struct lightos_network_run {
	__u32 size;
	__u32 flags;
	__u64 target;
	__u64 interval_ns;
	__s32 eventfd;
	__u32 reserved;
	__u64 run;
};

/**
 * enum lightos_run_end - values of lightos_network_completion.reason
 * @LIGHTOS_RUN_DONE: the target was reached
 * @LIGHTOS_RUN_STOPPED: NETWORK_STOP
 * @LIGHTOS_RUN_OUTPUT_FULL: LIGHTOS_RUN_KEEP_OUTPUT and no room
 * @LIGHTOS_RUN_INTERRUPTED: LIGHTOS_RUN_WAIT and a signal
 */
enum lightos_run_end {
	LIGHTOS_RUN_DONE		= 0,
	LIGHTOS_RUN_STOPPED		= 1,
	LIGHTOS_RUN_OUTPUT_FULL		= 2,
	LIGHTOS_RUN_INTERRUPTED		= 3,
};

/**
 * struct lightos_network_completion - what read() gives for a run that ended
 * @run: its number
 * @step: the step that comes next
 * @steps: how many were computed
 * @busy_ns: how long that took, waiting apart
 * @reason: enum lightos_run_end
 * @missed: with LIGHTOS_RUN_REAL_TIME, steps that began an interval or more
 *	late; they are computed all the same
 *
 * The last one is kept: a run that ends before the completion of the one before
 * was read replaces it.
 */
struct lightos_network_completion {
	__u64 run;
	__u64 step;
	__u64 steps;
	__u64 busy_ns;
	__u32 reason;
	__u32 missed;
};

/**
 * struct lightos_network_stop - end the run that is under way
 * @size: in: sizeof(struct lightos_network_stop)
 * @flags: in: must be 0
 *
 * Returns when it has ended, at once if none is under way; EINTR after a signal
 * (the run ends all the same). ENODATA without a network.
 */
struct lightos_network_stop {
	__u32 size;
	__u32 flags;
};

/**
 * struct lightos_network_transfer - put records into a ring, or take them out
 * @size: in: sizeof(struct lightos_network_transfer)
 * @flags: in: must be 0
 * @ring: in: NETWORK_INPUT: LIGHTOS_RING_INPUT; NETWORK_OUTPUT: one of the
 *	others
 * @reserved: in: must be 0
 * @count: in: how many records at most
 * @data: in: user pointer to them, packed
 * @done: out: how many were put in or taken out
 *
 * NETWORK_INPUT checks each event and stops before one that names no input or
 * neuron, and when the ring is full. It fails only if the first cannot be put
 * in: with EINVAL and ENOSPC. NETWORK_OUTPUT takes what is there, be it
 * nothing. Either call acts as user space's half of the ring: not together with
 * a mapping of the same ring in use. ENODATA without a network.
 */
struct lightos_network_transfer {
	__u32 size;
	__u32 flags;
	__u32 ring;
	__u32 reserved;
	__u64 count;
	__u64 data;
	__u64 done;
};

/* Bits of lightos_network_state.flags. */
#define LIGHTOS_STATE_WRITE		(1U << 0)

/**
 * struct lightos_neuron_variables - the state of a neuron of a network
 * @membrane: its potential relative to rest
 * @current: its currents, of positive and of negative weights; Loihi has one
 * @refractory: steps left of its refractory period
 * @reserved: 0
 */
struct lightos_neuron_variables {
	__s64 membrane;
	__s64 current[2];
	__u32 refractory;
	__u32 reserved;
};

/**
 * struct lightos_network_state - read or write the state of neurons
 * @size: in: sizeof(struct lightos_network_state)
 * @flags: in: LIGHTOS_STATE_WRITE to write
 * @first: in: the first neuron
 * @count: in: how many
 * @data: in: user pointer to struct lightos_neuron_variables, packed
 *
 * EINVAL for neurons that are not there or, writing, values out of range: up to
 * LIGHTOS_POTENTIAL_LIMIT in magnitude, 2^23 - 1 for Loihi; nothing of that
 * chunk of 4096 neurons is written then. EBUSY during a run, ENODATA without a
 * network.
 */
struct lightos_network_state {
	__u32 size;
	__u32 flags;
	__u32 first;
	__u32 count;
	__u64 data;
};

/* Bits of lightos_network_reset.flags; at least one must be set. */
#define LIGHTOS_NETWORK_RESET_STATE	(1U << 0)
#define LIGHTOS_NETWORK_RESET_COUNTERS	(1U << 1)
#define LIGHTOS_NETWORK_RESET_RINGS	(1U << 2)

/**
 * struct lightos_network_reset - bring parts of a network back
 * @size: in: sizeof(struct lightos_network_reset)
 * @flags: in: LIGHTOS_NETWORK_RESET_STATE: all neurons at rest, no spike under
 *	way, step 0, encoders and decoders as new; _COUNTERS: the counters of
 *	NETWORK_STATS zero; _RINGS: what waits in the rings is taken out, as far
 *	as the module may: pending input
 *
 * EBUSY during a run, ENODATA without a network.
 */
struct lightos_network_reset {
	__u32 size;
	__u32 flags;
};

/**
 * struct lightos_network_stats - counters of a network (query)
 * @size: in: sizeof(struct lightos_network_stats); out: bytes filled in
 * @flags: in: must be 0
 * @step: out: the step that comes next
 * @steps: out: steps computed
 * @events: out: events taken from the input ring
 * @late: out: of these, applied after their step
 * @rejected: out: of these, naming no input or neuron
 * @input_spikes: out: spikes of inputs, those of encoders included
 * @merged: out: spikes of an input that had spiked in the same step
 * @synaptic_events: out: synapses that carried a spike
 * @spikes: out: spikes of neurons
 * @updates: out: updates of neurons executed
 * @skipped: out: updates left out, as they would have changed nothing
 * @wraps: out: currents that wrapped (Loihi)
 * @saturations: out: values that were cut at the end of their range
 * @dropped_spikes: out: spikes that found their ring full
 * @dropped_voltages: out: voltages that found their ring full
 * @missed: out: real-time steps that began an interval or more late
 * @busy_ns: out: time spent computing, in nanoseconds
 * @bytes: out: memory of the network and its rings, in bytes
 * @synapses: out: sparse synapses and pairs of dense blocks
 * @runs: out: runs started
 * @neurons: out: neurons
 * @inputs: out: inputs
 * @running: out: 1 during a run
 * @arithmetic: out: 0 Loihi, 1 exact
 *
 * All from COMMIT or LIGHTOS_NETWORK_RESET_COUNTERS. During a run they are those
 * between two of its steps. ENODATA without a network.
 */
struct lightos_network_stats {
	__u32 size;
	__u32 flags;
	__u64 step;
	__u64 steps;
	__u64 events;
	__u64 late;
	__u64 rejected;
	__u64 input_spikes;
	__u64 merged;
	__u64 synaptic_events;
	__u64 spikes;
	__u64 updates;
	__u64 skipped;
	__u64 wraps;
	__u64 saturations;
	__u64 dropped_spikes;
	__u64 dropped_voltages;
	__u64 missed;
	__u64 busy_ns;
	__u64 bytes;
	__u64 synapses;
	__u64 runs;
	__u32 neurons;
	__u32 inputs;
	__u32 running;
	__u32 arithmetic;
};

/* A network has so many slots for encoders, and as many for decoders. */
#define LIGHTOS_MAX_CODERS		4

/**
 * enum lightos_encoder_kind - values of lightos_network_encoder.kind
 * @LIGHTOS_ENCODER_NONE: the slot is empty
 * @LIGHTOS_ENCODER_RATE: at each step a channel fires with the probability
 *	clip(gain x + offset, 0, 1)
 * @LIGHTOS_ENCODER_LATENCY: one spike a channel and presentation, the earlier
 *	the larger the sample
 * @LIGHTOS_ENCODER_SEND_ON_DELTA: signed spikes that keep a decoder within
 *	@threshold of the sample; one a step and channel, the rest is owed
 * @LIGHTOS_ENCODER_DIFFERENCE: a spike where the sample moved by @threshold
 *	since the one before
 *
 * Formulas, sources and error bounds: Documentation/spiking.rst.
 */
enum lightos_encoder_kind {
	LIGHTOS_ENCODER_NONE		= 0,
	LIGHTOS_ENCODER_RATE		= 1,
	LIGHTOS_ENCODER_LATENCY		= 2,
	LIGHTOS_ENCODER_SEND_ON_DELTA	= 3,
	LIGHTOS_ENCODER_DIFFERENCE	= 4,
};

/* Bits of lightos_network_encoder.flags. */
#define LIGHTOS_ENCODER_LOGARITHMIC	(1U << 0)	/* latency: else linear */
#define LIGHTOS_ENCODER_NORMALIZE	(1U << 1)	/* latency */
#define LIGHTOS_ENCODER_CLIP		(1U << 2)	/* latency */
#define LIGHTOS_ENCODER_OFF_SPIKE	(1U << 3)	/* difference */
#define LIGHTOS_ENCODER_PADDING		(1U << 4)	/* difference */

/**
 * struct lightos_network_encoder - put an encoder before some inputs
 * @size: in: sizeof(struct lightos_network_encoder)
 * @flags: in: LIGHTOS_ENCODER_* bits that the kind knows
 * @slot: in: which one, below LIGHTOS_MAX_CODERS; replaced
 * @kind: in: enum lightos_encoder_kind
 * @first_input: in: the input of channel 0; others follow. Delta kinds take
 *	twice as many: rises first, then falls
 * @channels: in: how many, at least 1
 * @seed: in: rate: any number
 * @gain: in: rate: Q16.16
 * @offset: in: rate: Q16.16
 * @threshold: in: latency: Q0.32, above 0; delta kinds: Q16.16, send-on-delta
 *	above 0
 * @epsilon: in: latency, logarithmic: Q0.32, above 0
 * @tau: in: latency, not normalised: time constant in steps, Q16.16, above 0
 * @steps: in: latency: steps of a presentation, at least 1
 * @first_step: in: rate, latency: no spike in earlier steps of a presentation
 * @reserved: in: must be 0
 *
 * Fields that the kind does not use must be 0. It is silent until the first
 * NETWORK_SAMPLES. EBUSY during a run, ENODATA without a network.
 */
struct lightos_network_encoder {
	__u32 size;
	__u32 flags;
	__u32 slot;
	__u32 kind;
	__u32 first_input;
	__u32 channels;
	__u64 seed;
	__s32 gain;
	__s32 offset;
	__u32 threshold;
	__u32 epsilon;
	__u32 tau;
	__u32 steps;
	__u32 first_step;
	__u32 reserved;
};

/**
 * struct lightos_network_samples - give an encoder a sample for each channel
 * @size: in: sizeof(struct lightos_network_samples)
 * @flags: in: must be 0
 * @slot: in: which encoder
 * @count: in: its number of channels
 * @data: in: user pointer to __s32 samples, Q16.16
 *
 * They count from the step that comes next, until the next ones: a rate encoder
 * goes on with them, a latency encoder fires once, a send-on-delta encoder
 * follows. A rate encoder's random numbers depend on seed, channel and steps
 * since this call. During a run the step that comes next is any. ENODATA
 * without a network or encoder.
 */
struct lightos_network_samples {
	__u32 size;
	__u32 flags;
	__u32 slot;
	__u32 count;
	__u64 data;
};

/**
 * enum lightos_decoder_kind - values of lightos_network_decoder.kind
 * @LIGHTOS_DECODER_NONE: the slot is empty
 * @LIGHTOS_DECODER_COUNT: spikes of each channel; winner: the most
 * @LIGHTOS_DECODER_FIRST: 1 + the step of its first spike, 0 for none; winner:
 *	the earliest
 * @LIGHTOS_DECODER_SUM: the running sum of signed spikes, each worth
 *	@threshold: of two neurons a channel, rises first, then falls; winner:
 *	the greatest
 * @LIGHTOS_DECODER_RATE: the exponentially filtered rate in mHz; winner: the
 *	greatest
 *
 * Of equal channels the lowest wins.
 */
enum lightos_decoder_kind {
	LIGHTOS_DECODER_NONE		= 0,
	LIGHTOS_DECODER_COUNT		= 1,
	LIGHTOS_DECODER_FIRST		= 2,
	LIGHTOS_DECODER_SUM		= 3,
	LIGHTOS_DECODER_RATE		= 4,
};

/**
 * struct lightos_network_decoder - put a decoder behind some neurons
 * @size: in: sizeof(struct lightos_network_decoder)
 * @flags: in: must be 0
 * @slot: in: which one, below LIGHTOS_MAX_CODERS; replaced
 * @kind: in: enum lightos_decoder_kind
 * @first_neuron: in: the neuron of channel 0; others follow
 * @channels: in: how many, at least 1
 * @threshold: in: sum: what a spike is worth; else 0
 * @reserved: in: must be 0
 * @tau_ns: in: rate: time constant, at least 1 ns; else 0
 *
 * EBUSY during a run, ENODATA without a network.
 */
struct lightos_network_decoder {
	__u32 size;
	__u32 flags;
	__u32 slot;
	__u32 kind;
	__u32 first_neuron;
	__u32 channels;
	__u32 threshold;
	__u32 reserved;
	__u64 tau_ns;
};

/* The winner when there is none. */
#define LIGHTOS_NO_CHANNEL		0xffffffffU

/**
 * struct lightos_network_decoded - what a decoder says (query)
 * @size: in: sizeof(struct lightos_network_decoded); out: bytes filled in
 * @flags: in: must be 0
 * @slot: in: which decoder
 * @count: in: its number of channels; 0 with @data 0 for the winner alone
 * @data: in: user pointer to __s64 values, one a channel
 * @winner: out: the channel that wins, LIGHTOS_NO_CHANNEL without a spike
 * @reserved: in: must be 0
 *
 * ENODATA without a network or decoder.
 */
struct lightos_network_decoded {
	__u32 size;
	__u32 flags;
	__u32 slot;
	__u32 count;
	__u64 data;
	__u32 winner;
	__u32 reserved;
};

/* ------------------------------------------------------------------ */
/* Profiles of the engine of v0.2.0                                   */
/* ------------------------------------------------------------------ */

/**
 * enum lightos_spiking_profile_id - values of lightos_spiking_profile.profile
 * @LIGHTOS_PROFILE_DEFAULT: rate encoding, cycles of 1000 us, target sparsity
 *	69 %, 1000 events a cycle
 * @LIGHTOS_PROFILE_LOW_LATENCY: delta encoding, cycles of 500 us: an event
 *	takes effect within half the time, and small changes are withheld only
 *	as far as the target of 69 % asks
 * @LIGHTOS_PROFILE_MAX_EFFICIENCY: delta encoding, cycles of 1000 us, target
 *	sparsity 80 %: the delta threshold rises until four of five neuron
 *	cycles need no update
 */
enum lightos_spiking_profile_id {
	LIGHTOS_PROFILE_DEFAULT		= 0,
	LIGHTOS_PROFILE_LOW_LATENCY	= 1,
	LIGHTOS_PROFILE_MAX_EFFICIENCY	= 2,
};

/**
 * struct lightos_spiking_profile - configure the engine by a profile
 * @size: in: sizeof(struct lightos_spiking_profile); out: bytes filled in
 * @flags: in: must be 0
 * @profile: in: enum lightos_spiking_profile_id
 * @encoding: out: what the profile set, and so on
 * @reserved: in: must be 0
 *
 * As SPIKING_CONFIG with these values; enabled stays as it is.
 */
struct lightos_spiking_profile {
	__u32 size;
	__u32 flags;
	__u32 profile;
	__u32 encoding;
	__u32 max_events_per_cycle;
	__u32 processing_interval_us;
	__u32 target_sparsity_percent;
	__u32 reserved;
};

/* ------------------------------------------------------------------ */
/* Mixture of experts                                                 */
/*                                                                    */
/* A gate sends tokens to experts: it has layers, and each layer its  */
/* rule, its biases and its loads. An open file has at most one gate: */
/* one of its own, made by MOE_CONFIGURE or MOE_PROFILE, or a named   */
/* one that it shares with others, from MOE_OPEN on. A gate goes with */
/* the last file that has it.                                         */
/*                                                                    */
/* Calls on a layer work on the gate as it was when they began. Where */
/* the gate is configured meanwhile, MOE_ROUTE gives the old gate's   */
/* results and books them nowhere, and calls that set a table give    */
/* EBUSY. Loads and statistics count a batch when it is through, or   */
/* not at all.                                                        */
/*                                                                    */
/* The rules, formulas and error bounds: Documentation/moe.rst. A     */
/* gate's memory is charged to the memory cgroup of whoever asks for  */
/* it, and is at most LIGHTOS_MOE_MAX_BYTES (ENOSPC). A pointer of 0  */
/* as the place of results stands for none wanted.                    */
/*                                                                    */
/* Errors of all calls below: EFAULT for memory that is not there,    */
/* ENOMEM, ENODATA without a gate that is configured, EINVAL for a    */
/* layer that it has not.                                             */
/* ------------------------------------------------------------------ */

#define LIGHTOS_MOE_MAX_LAYERS		256
#define LIGHTOS_MOE_MAX_EXPERTS		1024
#define LIGHTOS_MOE_MAX_TOP_K		32
#define LIGHTOS_MOE_MAX_GROUPS		64
#define LIGHTOS_MOE_MAX_TOKENS		65536
#define LIGHTOS_MOE_MAX_FEATURES	65536
#define LIGHTOS_MOE_MAX_REPLICAS	2048

/* Bytes of a gate's tables. */
#define LIGHTOS_MOE_MAX_BYTES		(1U << 30)

/* Named gates of the system. */
#define LIGHTOS_MOE_MAX_NAMED		64

/* Bytes of a name, the NUL included. */
#define LIGHTOS_MOE_NAME_SIZE		32

/* The id where a token has no expert, and the slot of what has none. */
#define LIGHTOS_MOE_NO_EXPERT		0xffff
#define LIGHTOS_MOE_NO_SLOT		0xffffffffU

/* Where a call takes it, every layer. */
#define LIGHTOS_MOE_ALL_LAYERS		0xffffffffU

/* A scale or capacity factor of 1; a bias of 1; its greatest magnitude. */
#define LIGHTOS_MOE_SCALE_ONE		(1U << 16)
#define LIGHTOS_MOE_BIAS_ONE		(1LL << 36)
#define LIGHTOS_MOE_BIAS_LIMIT		(1LL << 50)

/**
 * enum lightos_moe_strategy - values of lightos_moe_layer.strategy
 * @LIGHTOS_MOE_TOP_K: the top_k experts with the greatest deciding keys
 * @LIGHTOS_MOE_THRESHOLD: of those, the first min_k and each whose score is at
 *	least @threshold
 * @LIGHTOS_MOE_LEARNED: as LIGHTOS_MOE_TOP_K on logits that the kernel makes
 *	from features; with a bias_step the biases adapt after each batch
 * @LIGHTOS_MOE_HASH: by token id: from a table, beyond its end by a seeded hash
 */
enum lightos_moe_strategy {
	LIGHTOS_MOE_TOP_K		= 0,
	LIGHTOS_MOE_THRESHOLD		= 1,
	LIGHTOS_MOE_LEARNED		= 2,
	LIGHTOS_MOE_HASH		= 3,
};

/**
 * enum lightos_moe_score - values of lightos_moe_layer.score
 * @LIGHTOS_MOE_SOFTMAX: exp(x_i) / sum_j exp(x_j), over all experts
 * @LIGHTOS_MOE_SIGMOID: 1 / (1 + exp(-x))
 * @LIGHTOS_MOE_SQRT_SOFTPLUS: sqrt(ln(1 + exp(x)))
 */
enum lightos_moe_score {
	LIGHTOS_MOE_SOFTMAX		= 0,
	LIGHTOS_MOE_SIGMOID		= 1,
	LIGHTOS_MOE_SQRT_SOFTPLUS	= 2,
};

/**
 * enum lightos_moe_group_score - values of lightos_moe_layer.group_score
 * @LIGHTOS_MOE_GROUP_MAX: the greatest deciding key in the group
 * @LIGHTOS_MOE_GROUP_TOP_TWO: the sum of its two greatest
 */
enum lightos_moe_group_score {
	LIGHTOS_MOE_GROUP_MAX		= 0,
	LIGHTOS_MOE_GROUP_TOP_TWO	= 1,
};

/**
 * enum lightos_moe_drop - values of lightos_moe_layer.drop
 * @LIGHTOS_MOE_DROP_NEVER: dropless: the capacity is the greatest load
 * @LIGHTOS_MOE_DROP_BY_POSITION: first choices in the order of tokens stay,
 *	then second ones, and so on
 * @LIGHTOS_MOE_DROP_BY_PROBABILITY: those with the greatest weights stay
 */
enum lightos_moe_drop {
	LIGHTOS_MOE_DROP_NEVER		= 0,
	LIGHTOS_MOE_DROP_BY_POSITION	= 1,
	LIGHTOS_MOE_DROP_BY_PROBABILITY	= 2,
};

/* Bits of lightos_moe_layer.flags. */
#define LIGHTOS_MOE_BIASED		(1U << 0)
#define LIGHTOS_MOE_RENORMALIZE		(1U << 1)

/**
 * struct lightos_moe_layer - the rule of one layer
 * @experts: 1 to LIGHTOS_MOE_MAX_EXPERTS
 * @top_k: places for the experts of a token, 1 to LIGHTOS_MOE_MAX_TOP_K, no
 *	more than the groups kept have
 * @min_k: LIGHTOS_MOE_THRESHOLD: experts that a token gets whatever their
 *	score, up to @top_k; else 0
 * @groups: groups of equal size, 1 to LIGHTOS_MOE_MAX_GROUPS
 * @groups_kept: groups whose experts may be chosen, 1 to @groups; all of them
 *	for LIGHTOS_MOE_HASH
 * @group_score: enum lightos_moe_group_score
 * @score: enum lightos_moe_score
 * @strategy: enum lightos_moe_strategy
 * @flags: LIGHTOS_MOE_BIASED: an expert's bias is added to its score for the
 *	selection, not for LIGHTOS_MOE_HASH; LIGHTOS_MOE_RENORMALIZE: a token's
 *	weights are divided by their sum
 * @scale: what weights are multiplied by, Q16.16, above 0
 * @threshold: LIGHTOS_MOE_THRESHOLD: the least score, Q0.32; else 0
 * @token_threshold: a token whose greatest score among its experts is below
 *	this gets none, Q0.32; 0 for never
 * @bias_step: how far an update moves a bias, Q0.32; 0 unless biased
 * @drop: enum lightos_moe_drop
 * @capacity_factor: Q16.16, above 0 unless nothing is dropped
 * @capacity_minimum: the least capacity, up to 65,536
 * @capacity_alignment: the capacity is a multiple of it, 1 to 65,536
 * @reserved: must be 0
 * @seed: LIGHTOS_MOE_HASH: the hash's; any number
 * @reserved2: must be 0
 *
 * The capacity of an expert for T tokens is
 * ceil(T top_k capacity_factor / experts), at most T, at least the minimum, and
 * rounded up to the alignment.
 */
struct lightos_moe_layer {
	__u32 experts;
	__u32 top_k;
	__u32 min_k;
	__u32 groups;
	__u32 groups_kept;
	__u32 group_score;
	__u32 score;
	__u32 strategy;
	__u32 flags;
	__u32 scale;
	__u32 threshold;
	__u32 token_threshold;
	__u32 bias_step;
	__u32 drop;
	__u32 capacity_factor;
	__u32 capacity_minimum;
	__u32 capacity_alignment;
	__u32 reserved;
	__u64 seed;
	__u64 reserved2[2];
};

/**
 * enum lightos_moe_problem - values of lightos_moe_fault.problem
 * @LIGHTOS_MOE_PROBLEM_RANGE: less or more than is allowed
 * @LIGHTOS_MOE_PROBLEM_DIVISOR: does not divide what it must
 * @LIGHTOS_MOE_PROBLEM_MIXTURE: set, but without a meaning together with the
 *	other fields
 * @LIGHTOS_MOE_PROBLEM_LENGTH: the table has the wrong length
 * @LIGHTOS_MOE_PROBLEM_TWICE: an expert twice in a row of the table
 * @LIGHTOS_MOE_PROBLEM_UNKNOWN: an unknown value or flag, or a reserved field
 *	not 0
 */
enum lightos_moe_problem {
	LIGHTOS_MOE_PROBLEM_RANGE	= 0,
	LIGHTOS_MOE_PROBLEM_DIVISOR	= 1,
	LIGHTOS_MOE_PROBLEM_MIXTURE	= 2,
	LIGHTOS_MOE_PROBLEM_LENGTH	= 3,
	LIGHTOS_MOE_PROBLEM_TWICE	= 4,
	LIGHTOS_MOE_PROBLEM_UNKNOWN	= 5,
};

/**
 * struct lightos_moe_fault - the first thing wrong with what a call was given
 * @layer: in which layer
 * @problem: enum lightos_moe_problem
 * @entry: which entry of the table; 0 where there is none
 * @field: the name of the field, NUL terminated; empty where nothing was wrong
 */
struct lightos_moe_fault {
	__u32 layer;
	__u32 problem;
	__u64 entry;
	char field[24];
};

/* Bits of lightos_moe_open.flags. */
#define LIGHTOS_MOE_OPEN_CREATE		(1U << 0)
#define LIGHTOS_MOE_OPEN_EXCLUSIVE	(1U << 1)

/**
 * struct lightos_moe_open - give this file a named gate (query without CREATE)
 * @size: in: sizeof(struct lightos_moe_open); out: bytes filled in
 * @flags: in: LIGHTOS_MOE_OPEN_CREATE: make it if there is none;
 *	LIGHTOS_MOE_OPEN_EXCLUSIVE, with it: fail with EEXIST if there is one
 * @mode: in: of a gate that is made: 0400 the owner may query, 0200 and also
 *	change and route, 0004 and 0002 the same for others; no other bits. 0
 *	without LIGHTOS_MOE_OPEN_CREATE
 * @reserved: in: must be 0
 * @name: in: 1 to 31 printable ASCII characters but space and "/", then NULs
 * @gate: out: the number that names it in traces, fdinfo and debugfs
 *
 * The owner is the effective user of whoever makes it. A file opened for
 * writing needs leave to query and to change, any other to query;
 * CAP_DAC_OVERRIDE has both. Leave is looked at here and never again, as with
 * open().
 *
 * EBUSY for a file that has a gate, ENOENT if there is none of that name,
 * EEXIST, EACCES, ENOSPC for more than LIGHTOS_MOE_MAX_NAMED; EBADF to make one
 * through a file open for reading. A new gate is not configured.
 */
struct lightos_moe_open {
	__u32 size;
	__u32 flags;
	__u32 mode;
	__u32 reserved;
	char name[LIGHTOS_MOE_NAME_SIZE];
	__u64 gate;
};

/**
 * struct lightos_moe_configure - set up all layers of a gate
 * @size: in: sizeof(struct lightos_moe_configure); out: bytes filled in
 * @flags: in: must be 0
 * @layers: in: how many, 1 to LIGHTOS_MOE_MAX_LAYERS
 * @reserved: in: must be 0
 * @data: in: user pointer to as many struct lightos_moe_layer
 * @bytes: out: memory of the gate
 * @fault: out, with EINVAL: the first thing wrong, if it is one of the layers
 *
 * All biases are 0, no layer has tables or is skipped, loads and statistics are
 * 0 then. After an error the gate is as it was.
 */
struct lightos_moe_configure {
	__u32 size;
	__u32 flags;
	__u32 layers;
	__u32 reserved;
	__u64 data;
	__u64 bytes;
	struct lightos_moe_fault fault;
};

/**
 * struct lightos_moe_get_layer - the rule of a layer (query)
 * @size: in: sizeof(struct lightos_moe_get_layer); out: bytes filled in
 * @flags: in: must be 0
 * @layer: in: which one
 * @layers: out: layers of the gate
 * @skipped: out: 1 if MOE_MASK has it skipped
 * @features: out: LIGHTOS_MOE_LEARNED: features of a token; 0 before
 *	MOE_SET_PROJECTION
 * @hash_rows: out: LIGHTOS_MOE_HASH: tokens of its table
 * @config: out: its rule
 */
struct lightos_moe_get_layer {
	__u32 size;
	__u32 flags;
	__u32 layer;
	__u32 layers;
	__u32 skipped;
	__u32 features;
	__u64 hash_rows;
	struct lightos_moe_layer config;
};

/**
 * struct lightos_moe_biases - set or get (query) the biases of a layer
 * @size: in: sizeof(struct lightos_moe_biases)
 * @flags: in: must be 0
 * @layer: in: which one; EINVAL unless LIGHTOS_MOE_BIASED
 * @count: in: its number of experts
 * @data: in: user pointer to as many __s64, in units of 2^-36
 *	(LIGHTOS_MOE_BIAS_ONE is 1), up to LIGHTOS_MOE_BIAS_LIMIT in magnitude
 * @fault: out, MOE_SET_BIASES with EINVAL: the entry that cannot be
 */
struct lightos_moe_biases {
	__u32 size;
	__u32 flags;
	__u32 layer;
	__u32 count;
	__u64 data;
	struct lightos_moe_fault fault;
};

/**
 * struct lightos_moe_hash - give a layer its table of experts by token id
 * @size: in: sizeof(struct lightos_moe_hash)
 * @flags: in: must be 0
 * @layer: in: which one; EINVAL unless LIGHTOS_MOE_HASH
 * @reserved: in: must be 0
 * @count: in: entries, a multiple of top_k; 0 takes the table away
 * @data: in: user pointer to as many __u16: top_k different experts for each
 *	token id from 0 on, or LIGHTOS_MOE_NO_EXPERT
 * @fault: out, with EINVAL: the entry that cannot be
 *
 * EBUSY if the gate was configured meanwhile.
 */
struct lightos_moe_hash {
	__u32 size;
	__u32 flags;
	__u32 layer;
	__u32 reserved;
	__u64 count;
	__u64 data;
	struct lightos_moe_fault fault;
};

/**
 * struct lightos_moe_projection - give a layer its router matrix
 * @size: in: sizeof(struct lightos_moe_projection)
 * @flags: in: must be 0
 * @layer: in: which one; EINVAL unless LIGHTOS_MOE_LEARNED
 * @features: in: of a token, 1 to LIGHTOS_MOE_MAX_FEATURES
 * @weights: in: user pointer to __s8 weights: @features for each expert
 * @scales: in: user pointer to __u32, Q0.32, one for each expert
 * @fault: out, with EINVAL: the entry that cannot be
 * @experts: in: of how many experts these are; ESTALE if the layer has another
 *	number by now
 * @reserved: in: must be 0
 *
 * The logit of expert e is scale_e * sum_d feature_d * weight_(e,d), in Q16.16
 * to the nearest. EBUSY if the gate was configured meanwhile.
 */
struct lightos_moe_projection {
	__u32 size;
	__u32 flags;
	__u32 layer;
	__u32 features;
	__u64 weights;
	__u64 scales;
	struct lightos_moe_fault fault;
	__u32 experts;
	__u32 reserved;
};

/**
 * enum lightos_moe_format - what MOE_ROUTE takes
 * @LIGHTOS_MOE_F32: __u32: logits as IEEE 754 binary32
 * @LIGHTOS_MOE_F16: __u16: logits as IEEE 754 binary16
 * @LIGHTOS_MOE_BF16: __u16: logits as bfloat16
 * @LIGHTOS_MOE_Q16: __s32: logits in Q16.16; the least number is -inf
 * @LIGHTOS_MOE_INT8: __s8: features, for LIGHTOS_MOE_LEARNED and only there
 * @LIGHTOS_MOE_NO_INPUT: nothing but token ids: LIGHTOS_MOE_HASH, equal weights
 *
 * A row for each token: as many logits as the layer has experts, or its
 * features.
 */
enum lightos_moe_format {
	LIGHTOS_MOE_F32			= 0,
	LIGHTOS_MOE_F16			= 1,
	LIGHTOS_MOE_BF16		= 2,
	LIGHTOS_MOE_Q16			= 3,
	LIGHTOS_MOE_INT8		= 4,
	LIGHTOS_MOE_NO_INPUT		= 5,
};

/**
 * struct lightos_moe_buffers - where a batch comes from and goes to
 * @input: user pointer to rows, of the format; 0 for LIGHTOS_MOE_NO_INPUT
 * @token_ids: user pointer to __u32, one a token, for LIGHTOS_MOE_HASH; else 0
 * @ids: user pointer to __u16: expert ids, LIGHTOS_MOE_NO_EXPERT where a place
 *	has none
 * @weights: user pointer to __u32: weights as binary32
 * @fixed: user pointer to __u32: weights in Q16.16
 * @slots: user pointer to __u32: the place in the expert's batch,
 *	LIGHTOS_MOE_NO_SLOT for a choice that was dropped and for no expert
 *
 * Results have top_k places a token, first choice first. A choice that was
 * dropped keeps its id and weight. Results may not overlap with each other or
 * with what comes in: what they hold is any then. After an error, too.
 */
struct lightos_moe_buffers {
	__u64 input;
	__u64 token_ids;
	__u64 ids;
	__u64 weights;
	__u64 fixed;
	__u64 slots;
};

/**
 * struct lightos_moe_register - name buffers once for many batches
 * @size: in: sizeof(struct lightos_moe_register)
 * @flags: in: must be 0
 * @format: in: enum lightos_moe_format
 * @tokens: in: of the greatest batch, up to LIGHTOS_MOE_MAX_TOKENS; 0 forgets
 *	the buffers, all other fields being 0
 * @buffers: in: see there
 *
 * Takes the place of what was registered on this file before. The kernel sets
 * aside what the greatest batch needs, for the greatest top_k of the gate as it
 * is, so that MOE_ROUTE with LIGHTOS_MOE_ROUTE_REGISTERED allocates nothing. It
 * is a buffer of the process that calls MOE_ROUTE, at these addresses.
 */
struct lightos_moe_register {
	__u32 size;
	__u32 flags;
	__u32 format;
	__u32 tokens;
	struct lightos_moe_buffers buffers;
};

/* Bits of lightos_moe_route.flags. */
#define LIGHTOS_MOE_ROUTE_REGISTERED	(1U << 0)
#define LIGHTOS_MOE_ROUTE_ADAPT		(1U << 1)

/**
 * enum lightos_moe_wrong - values of lightos_moe_route.wrong
 * @LIGHTOS_MOE_FINE: all logits are numbers below infinity
 * @LIGHTOS_MOE_NAN: one is NaN
 * @LIGHTOS_MOE_INFINITE: one is +inf
 */
enum lightos_moe_wrong {
	LIGHTOS_MOE_FINE		= 0,
	LIGHTOS_MOE_NAN			= 1,
	LIGHTOS_MOE_INFINITE		= 2,
};

/* The shape of a layer: experts, and the places of a token. */
#define LIGHTOS_MOE_SHAPE(experts, top_k)	((__u32)(experts) | (__u32)(top_k) << 16)

/**
 * struct lightos_moe_route - send a batch of tokens to experts
 * @size: in: sizeof(struct lightos_moe_route); out: bytes filled in
 * @flags: in: LIGHTOS_MOE_ROUTE_REGISTERED: the buffers are those of
 *	MOE_REGISTER, @format and @buffers are 0; LIGHTOS_MOE_ROUTE_ADAPT:
 *	MOE_UPDATE_BIASES for this layer follows, as one with this call
 *	(LIGHTOS_MOE_LEARNED with a bias_step does so without the flag); EINVAL
 *	without a bias_step
 * @layer: in: which one
 * @format: in: enum lightos_moe_format
 * @tokens: in: 0 to LIGHTOS_MOE_MAX_TOKENS
 * @shape: in: LIGHTOS_MOE_SHAPE(experts, top_k) that the buffers were made for, or
 *	0 not to say
 * @buffers: in: see there
 * @activations: out: places that got an expert, those dropped included
 * @dropped: out: of these, beyond the capacity of their expert
 * @tokens_dropped: out: tokens below the token threshold
 * @missing: out: places that stayed empty since fewer experts could be selected
 * @capacity: out: of each expert, for this batch
 * @wrong: out: enum lightos_moe_wrong, after EDOM
 * @wrong_token: out: the token of that logit, and
 * @wrong_expert: out: its expert
 *
 * A layer that MOE_MASK has skipped reads nothing and gives no experts.
 *
 * ESTALE if the layer has another shape than @shape: nothing is read or written
 * then. Whoever shares a gate with others says it, as a layer that has become
 * larger would read and write beyond the buffers.
 *
 * EDOM for a logit that is NaN or +inf, EINTR after a signal: such a batch is
 * not counted. ENODATA also for a learned layer without a projection, and
 * without registered buffers; EINVAL for a format that the layer does not take,
 * or a batch above what was registered.
 */
struct lightos_moe_route {
	__u32 size;
	__u32 flags;
	__u32 layer;
	__u32 format;
	__u32 tokens;
	__u32 shape;
	struct lightos_moe_buffers buffers;
	__u64 activations;
	__u64 dropped;
	__u64 tokens_dropped;
	__u64 missing;
	__u32 capacity;
	__u32 wrong;
	__u32 wrong_token;
	__u32 wrong_expert;
};

/**
 * struct lightos_moe_update_biases - even out the loads of a layer
 * @size: in: sizeof(struct lightos_moe_update_biases)
 * @flags: in: must be 0
 * @layer: in: which one, or LIGHTOS_MOE_ALL_LAYERS: those with a bias_step
 * @reserved: in: must be 0
 *
 * b_i += bias_step * sign(mean load - load_i), with the loads since the update
 * before (lightos_moe_expert.recent), which begin anew. EINVAL for a layer
 * without a bias_step.
 */
struct lightos_moe_update_biases {
	__u32 size;
	__u32 flags;
	__u32 layer;
	__u32 reserved;
};

/**
 * enum lightos_moe_state - values of lightos_moe_expert.state
 * @LIGHTOS_MOE_IDLE: no token of the last batch
 * @LIGHTOS_MOE_ACTIVE: up to three quarters of its capacity
 * @LIGHTOS_MOE_BUSY: more, up to its capacity
 * @LIGHTOS_MOE_OVERLOADED: more than its capacity
 *
 * The capacity is that of the layer's factor, minimum and alignment, also where
 * nothing is dropped; a factor of 0 counts as 1 there.
 */
enum lightos_moe_state {
	LIGHTOS_MOE_IDLE		= 0,
	LIGHTOS_MOE_ACTIVE		= 1,
	LIGHTOS_MOE_BUSY		= 2,
	LIGHTOS_MOE_OVERLOADED		= 3,
};

/**
 * struct lightos_moe_expert - the loads of an expert
 * @load: choices of it since MOE_CONFIGURE or MOE_RESET, those dropped included
 * @dropped: of these, beyond its capacity
 * @recent: choices since the last update of the biases
 * @last: choices of the last batch
 * @state: enum lightos_moe_state, from the last batch
 */
struct lightos_moe_expert {
	__u64 load;
	__u64 dropped;
	__u64 recent;
	__u32 last;
	__u32 state;
};

/**
 * struct lightos_moe_experts - the loads of a layer (query)
 * @size: in: sizeof(struct lightos_moe_experts)
 * @flags: in: must be 0
 * @layer: in: which one
 * @count: in: its number of experts
 * @data: in: user pointer to as many struct lightos_moe_expert
 */
struct lightos_moe_experts {
	__u32 size;
	__u32 flags;
	__u32 layer;
	__u32 count;
	__u64 data;
};

/* Bits of lightos_moe_stats.flags. */
#define LIGHTOS_MOE_STATS_LAST		(1U << 0)

/* Figures of lightos_moe_stats are in units of one divided by this. */
#define LIGHTOS_MOE_MICRO		1000000

/**
 * struct lightos_moe_stats - statistics of a layer (query)
 * @size: in: sizeof(struct lightos_moe_stats); out: bytes filled in
 * @flags: in: LIGHTOS_MOE_STATS_LAST: figures of the last batch; else of all
 *	batches. Counters are of all batches in any case
 * @layer: in: which one
 * @experts: out: its experts
 * @batches: out: batches routed
 * @tokens: out: tokens routed
 * @skipped: out: tokens that passed while the layer was skipped
 * @activations: out: choices made, those dropped included
 * @dropped: out: of these, beyond the capacity of their expert
 * @tokens_dropped: out: tokens below the token threshold
 * @missing: out: places that stayed empty since fewer could be selected
 * @slots: out: capacity times experts, summed over batches
 * @updates: out: updates of the biases
 * @busy_ns: out: time spent in MOE_ROUTE, copies included, in nanoseconds
 * @gate_ns: out: of that, in the arithmetic: experts, weights, capacity
 * @balancedness: out: mean load by greatest load; 1 is even
 * @max_violation: out: MaxVio: greatest load by mean load, less 1; 0 is even
 * @cv_squared: out: CV^2: variance by mean squared; 0 is even
 * @entropy: out: of the shares in the load, in bits; log2(experts) is even
 * @used: out: experts with a load, by experts
 * @drop_rate: out: choices dropped by choices
 * @capacity_factor: out: realised capacity factor: slots by choices
 * @sparsity: out: pairs of token and expert not computed, by all such pairs
 *
 * Figures from @balancedness on are whole numbers of millionths
 * (LIGHTOS_MOE_MICRO), to the nearest; 0 without a load.
 */
struct lightos_moe_stats {
	__u32 size;
	__u32 flags;
	__u32 layer;
	__u32 experts;
	__u64 batches;
	__u64 tokens;
	__u64 skipped;
	__u64 activations;
	__u64 dropped;
	__u64 tokens_dropped;
	__u64 missing;
	__u64 slots;
	__u64 updates;
	__u64 busy_ns;
	__u64 gate_ns;
	__u64 balancedness;
	__u64 max_violation;
	__u64 cv_squared;
	__u64 entropy;
	__u64 used;
	__u64 drop_rate;
	__u64 capacity_factor;
	__u64 sparsity;
};

/**
 * struct lightos_moe_place - where the replicas of experts go (query)
 * @size: in: sizeof(struct lightos_moe_place)
 * @flags: in: must be 0
 * @layer: in: whose loads; 0 with @loads
 * @experts: in: with @loads their number, 1 to LIGHTOS_MOE_MAX_EXPERTS; else
 *	the layer's number of experts
 * @replicas: in: places: a multiple of @devices, at least @experts, at most
 *	LIGHTOS_MOE_MAX_REPLICAS
 * @groups: in: groups of experts, 1 to LIGHTOS_MOE_MAX_GROUPS, of equal size
 * @nodes: in: at least 1
 * @devices: in: a multiple of @nodes
 * @loads: in: user pointer to __u64 loads; 0 for those of the layer
 * @place_experts: in: user pointer to __u16: the expert of each place, device
 *	by device
 * @place_numbers: in: user pointer to __u16: which of the expert's replicas it
 *	is, from 0
 * @counts: in: user pointer to __u16: replicas of each expert
 * @fault: out, with EINVAL: the field that cannot be
 *
 * The rule of EPLB. Needs no gate with @loads.
 */
struct lightos_moe_place {
	__u32 size;
	__u32 flags;
	__u32 layer;
	__u32 experts;
	__u32 replicas;
	__u32 groups;
	__u32 nodes;
	__u32 devices;
	__u64 loads;
	__u64 place_experts;
	__u64 place_numbers;
	__u64 counts;
	struct lightos_moe_fault fault;
};

/**
 * struct lightos_moe_mask - skip layers
 * @size: in: sizeof(struct lightos_moe_mask)
 * @flags: in: must be 0
 * @layers: in: bit (l % 64) of word l / 64 set: tokens pass layer l without
 *	experts; EINVAL for a layer that is not there
 */
struct lightos_moe_mask {
	__u32 size;
	__u32 flags;
	__u64 layers[4];
};

/* Bits of lightos_moe_reset.flags; at least one must be set. */
#define LIGHTOS_MOE_RESET_LOADS		(1U << 0)
#define LIGHTOS_MOE_RESET_BIASES	(1U << 1)

/**
 * struct lightos_moe_reset - bring parts of a gate back
 * @size: in: sizeof(struct lightos_moe_reset)
 * @flags: in: LIGHTOS_MOE_RESET_LOADS: loads and statistics 0;
 *	LIGHTOS_MOE_RESET_BIASES: biases 0
 * @layer: in: which one, or LIGHTOS_MOE_ALL_LAYERS
 * @reserved: in: must be 0
 */
struct lightos_moe_reset {
	__u32 size;
	__u32 flags;
	__u32 layer;
	__u32 reserved;
};

/**
 * enum lightos_moe_profile_id - values of lightos_moe_profile.profile
 * @LIGHTOS_MOE_LOW_LATENCY: softmax, the four best experts, renormalised,
 *	dropless. Its "50 % sparsity" is taken to mean that at least half of all
 *	pairs of token and expert are not computed: 8 experts at least
 * @LIGHTOS_MOE_MAX_EFFICIENCY: softmax, the best expert, its weight the score;
 *	capacity factor 1, dropping by probability
 */
enum lightos_moe_profile_id {
	LIGHTOS_MOE_LOW_LATENCY		= 0,
	LIGHTOS_MOE_MAX_EFFICIENCY	= 1,
};

/**
 * struct lightos_moe_profile - set up all layers of a gate by a profile
 * @size: in: sizeof(struct lightos_moe_profile); out: bytes filled in
 * @flags: in: must be 0
 * @profile: in: enum lightos_moe_profile_id
 * @layers: in: how many; 0 for 1
 * @experts: in: of each; 0 for the 64 of v0.2.0
 * @reserved: in: must be 0
 * @bytes: out: memory of the gate
 * @fault: out, with EINVAL: the field that cannot be
 *
 * As MOE_CONFIGURE with these layers, which MOE_GET_LAYER shows.
 */
struct lightos_moe_profile {
	__u32 size;
	__u32 flags;
	__u32 profile;
	__u32 layers;
	__u32 experts;
	__u32 reserved;
	__u64 bytes;
	struct lightos_moe_fault fault;
};

/* ------------------------------------------------------------------ */
/* Photonic processors                                                */
/*                                                                    */
/* A processor multiplies vectors by a matrix that its phases stand   */
/* for. Processors are numbered from 0; every call names one.         */
/*                                                                    */
/* An open file has a program for each processor that it uses: the    */
/* phases that it asks for. Jobs of a file run with its program; the  */
/* module changes the phases where jobs of another file come between. */
/*                                                                    */
/* Calls on a processor that is not there give ENODEV. Those marked   */
/* "privileged" give EPERM without CAP_SYS_ADMIN.                     */
/* ------------------------------------------------------------------ */

#define LIGHTOS_PHOTONIC_MAX_DEVICES		16
#define LIGHTOS_PHOTONIC_MAX_MODES		32
#define LIGHTOS_PHOTONIC_MAX_CHANNELS		2080
#define LIGHTOS_PHOTONIC_MAX_WAVELENGTHS	64
#define LIGHTOS_PHOTONIC_MAX_RAILS		8
#define LIGHTOS_PHOTONIC_MAX_SENSORS		8
#define LIGHTOS_PHOTONIC_MAX_VECTORS		65536
#define LIGHTOS_PHOTONIC_MAX_JOBS		64
#define LIGHTOS_PHOTONIC_MAX_BLOB		(1 << 20)
/* A phase in millidegrees is less than this. */
#define LIGHTOS_PHOTONIC_TURN			360000

/* Bits of lightos_photonic_info.capabilities: those of v0.2.0. */
#define LIGHTOS_PHOTONIC_CAP_MZI		(1U << 0)
#define LIGHTOS_PHOTONIC_CAP_MICRORING		(1U << 1)
#define LIGHTOS_PHOTONIC_CAP_COHERENT		(1U << 2)
#define LIGHTOS_PHOTONIC_CAP_WDM		(1U << 3)
#define LIGHTOS_PHOTONIC_CAP_THERMAL_CTRL	(1U << 4)

/**
 * enum lightos_photonic_state - what a processor does
 * @LIGHTOS_PHOTONIC_UNINITIALISED: its rails are off
 * @LIGHTOS_PHOTONIC_INITIALISING: its rails are coming up or going down
 * @LIGHTOS_PHOTONIC_READY: it has power
 * @LIGHTOS_PHOTONIC_BUSY: a job runs on it
 * @LIGHTOS_PHOTONIC_THERMAL_LIMIT: it is throttled
 * @LIGHTOS_PHOTONIC_ERROR: a cause is latched
 * @LIGHTOS_PHOTONIC_SHUTDOWN: it is gone, or the system goes down
 */
enum lightos_photonic_state {
	LIGHTOS_PHOTONIC_UNINITIALISED	= 0,
	LIGHTOS_PHOTONIC_INITIALISING	= 1,
	LIGHTOS_PHOTONIC_READY		= 2,
	LIGHTOS_PHOTONIC_BUSY		= 3,
	LIGHTOS_PHOTONIC_THERMAL_LIMIT	= 4,
	LIGHTOS_PHOTONIC_ERROR		= 5,
	LIGHTOS_PHOTONIC_SHUTDOWN	= 6,
};

/**
 * enum lightos_photonic_rail_state - what a rail does
 */
enum lightos_photonic_rail_state {
	LIGHTOS_PHOTONIC_RAIL_OFF		= 0,
	LIGHTOS_PHOTONIC_RAIL_RAMPING_UP	= 1,
	LIGHTOS_PHOTONIC_RAIL_ON		= 2,
	LIGHTOS_PHOTONIC_RAIL_RAMPING_DOWN	= 3,
	LIGHTOS_PHOTONIC_RAIL_FAULT		= 4,
};

/*
 * Causes that are latched: bits of lightos_photonic_status.causes. While one
 * is, the laser stays off; LIGHTOS_PHOTONIC_CLEAR takes it back.
 */
#define LIGHTOS_PHOTONIC_CAUSE_OVERTEMP		(1U << 0)  /* guard: emergency */
#define LIGHTOS_PHOTONIC_CAUSE_SENSORS		(1U << 1)  /* no healthy one */
#define LIGHTOS_PHOTONIC_CAUSE_RAIL_TIMEOUT	(1U << 2)  /* not good in time */
#define LIGHTOS_PHOTONIC_CAUSE_OVERCURRENT	(1U << 3)
#define LIGHTOS_PHOTONIC_CAUSE_UNDERVOLTAGE	(1U << 4)
#define LIGHTOS_PHOTONIC_CAUSE_RAIL_STUCK	(1U << 5)  /* does not go off */
#define LIGHTOS_PHOTONIC_CAUSE_INTERLOCK	(1U << 6)
#define LIGHTOS_PHOTONIC_CAUSE_WATCHDOG		(1U << 7)  /* the device's */
#define LIGHTOS_PHOTONIC_CAUSE_COMPARATOR	(1U << 8)  /* the device's */
#define LIGHTOS_PHOTONIC_CAUSE_MISSED_TICKS	(1U << 9)  /* guard too late */
#define LIGHTOS_PHOTONIC_CAUSE_FAN		(1U << 10) /* stands still */
#define LIGHTOS_PHOTONIC_CAUSE_TEC		(1U << 11) /* does not follow */
#define LIGHTOS_PHOTONIC_CAUSE_GONE		(1U << 12) /* reads all ones */
#define LIGHTOS_PHOTONIC_CAUSE_EMISSION		(1U << 13) /* light, or none,
							    * against orders */

/**
 * struct lightos_photonic_info - what a processor is (query)
 * @size: in: sizeof(struct lightos_photonic_info); out: bytes filled in
 * @flags: in: must be 0
 * @device: in: which processor
 * @devices: out: processors in all; filled in even with ENODEV
 * @backend: out: enum lightos_backend: LIGHTOS_BACKEND_MODEL or _SILICON
 * @revision: out: version of its register map, major in the upper half
 * @serial: out: serial number
 * @capabilities: out: LIGHTOS_PHOTONIC_CAP_*
 * @modes: out: inputs and outputs N
 * @crossings: out: interferometers, N * N
 * @channels: out: heaters, 2 N N + N
 * @wavelengths: out: how many
 * @phase_bits: out: bits of the phase DACs
 * @input_bits: out: bits of the input modulators
 * @output_bits: out: bits of the ADCs
 * @square_law: out: 1 where heater power is the square of the code, else 0
 * @settle_us: out: microseconds that phases take to settle
 * @full_scale: out: nominal phase at full scale, in 1/65536 turns
 * @code_limit: out: the greatest code of a heater
 * @rails: out: rails
 * @sensors: out: temperature sensors
 * @device_id: out: number of this processor for GET_DEVICE_STATE
 * @wavelength_pm: out: wavelength 0 in picometres
 * @wavelength_step_pm: out: from one to the next
 * @reserved: out: 0
 */
struct lightos_photonic_info {
	__u32 size;
	__u32 flags;
	__u32 device;
	__u32 devices;
	__u32 backend;
	__u32 revision;
	__u64 serial;
	__u32 capabilities;
	__u32 modes;
	__u32 crossings;
	__u32 channels;
	__u32 wavelengths;
	__u32 phase_bits;
	__u32 input_bits;
	__u32 output_bits;
	__u32 square_law;
	__u32 settle_us;
	__u32 full_scale;
	__u32 code_limit;
	__u32 rails;
	__u32 sensors;
	__u32 device_id;
	__u32 wavelength_pm;
	__u32 wavelength_step_pm;
	__u32 reserved;
};

/**
 * struct lightos_photonic_status - how a processor is (query)
 * @size: in: sizeof(struct lightos_photonic_status); out: bytes filled in
 * @flags: in: must be 0
 * @device: in: which processor
 * @state: out: enum lightos_photonic_state
 * @causes: out: LIGHTOS_PHOTONIC_CAUSE_* that are latched
 * @first_cause: out: the one that was latched first, 0 without one
 * @armed: out: 1 while the key is turned
 * @emission: out: 1 while light leaves the laser, by its indicator
 * @laser_uw: out: optical power in microwatts, by its monitor diode
 * @throttle_permille: out: 0 to 1000
 * @temperature_mc: out: temperatures in millidegrees Celsius, a sensor each:
 *	middle of the mesh, its edge, laser, sink, ambient
 * @sensor_faults: out: what is wrong with each sensor, 0 where nothing is:
 *	1 open, 2 shorted, 3 stale, 4 stuck, 5 jumping, 6 out of range,
 *	7 at odds with its neighbours
 * @die_mc: out: the temperature that the guard goes by
 * @setpoint_mc: out: what it regulates to
 * @tec_ma: out: current through the TEC; positive cools
 * @fan_rpm: out: by the tachometer
 * @fan_pwm: out: 0 to 255
 * @rail_state: out: enum lightos_photonic_rail_state, a rail each
 * @rail_mv: out: millivolts
 * @rail_ma: out: milliamperes
 * @power_mw: out: sum over the rails
 * @calibrated: out: 1 where a calibration is in use, 0 in uncalibrated mode
 * @calibration_id: out: checksum of its blob
 * @reserved: out: 0
 * @ticks: out: runs of the guard
 * @ticks_missed: out: those that its timer was too late for
 * @trips: out: emergency shutdowns
 * @latches: out: causes latched
 * @rearms: out: successful ARM calls
 * @throttled_ns: out: time throttled
 * @tick_ns: out: time in the guard, in all
 * @tick_max_ns: out: longest run of it
 * @trip_max_ns: out: longest time from a sample to the write that it caused
 * @late_max_ns: out: latest that a tick began after its time
 * @jobs: out: jobs completed
 * @jobs_failed: out: those that failed
 * @vectors: out: vectors multiplied
 * @busy_ns: out: time in which jobs ran
 * @resets: out: resets of any level
 * @commits: out: times that phases were handed to the heaters
 */
struct lightos_photonic_status {
	__u32 size;
	__u32 flags;
	__u32 device;
	__u32 state;
	__u32 causes;
	__u32 first_cause;
	__u32 armed;
	__u32 emission;
	__u32 laser_uw;
	__u32 throttle_permille;
	__s32 temperature_mc[LIGHTOS_PHOTONIC_MAX_SENSORS];
	__u32 sensor_faults[LIGHTOS_PHOTONIC_MAX_SENSORS];
	__s32 die_mc;
	__s32 setpoint_mc;
	__s32 tec_ma;
	__u32 fan_rpm;
	__u32 fan_pwm;
	__u32 rail_state[LIGHTOS_PHOTONIC_MAX_RAILS];
	__u32 rail_mv[LIGHTOS_PHOTONIC_MAX_RAILS];
	__u32 rail_ma[LIGHTOS_PHOTONIC_MAX_RAILS];
	__u32 power_mw;
	__u32 calibrated;
	__u32 calibration_id;
	__u32 reserved;
	__u32 reserved2;
	__u64 ticks;
	__u64 ticks_missed;
	__u64 trips;
	__u64 latches;
	__u64 rearms;
	__u64 throttled_ns;
	__u64 tick_ns;
	__u64 tick_max_ns;
	__u64 trip_max_ns;
	__u64 late_max_ns;
	__u64 jobs;
	__u64 jobs_failed;
	__u64 vectors;
	__u64 busy_ns;
	__u64 resets;
	__u64 commits;
};

/**
 * enum lightos_photonic_action - what PHOTONIC_CONTROL does
 * @LIGHTOS_PHOTONIC_POWER_UP: rails up in order; waits until they are.
 *	EBUSY while they go down, EUCLEAN while a cause is latched, ETIMEDOUT or
 *	EIO where a rail fails
 * @LIGHTOS_PHOTONIC_POWER_DOWN: laser off, rails down in reverse order; waits
 * @LIGHTOS_PHOTONIC_ARM: turns the key until the file is closed or the process
 *	that called dies, even if others have the file too; the laser is on
 *	when this returns
 * @LIGHTOS_PHOTONIC_DISARM: laser off. Anyone with a file open for writing
 * @LIGHTOS_PHOTONIC_CLEAR: takes latched causes back whose reasons are gone;
 *	EAGAIN where one is not. Does not arm
 * @LIGHTOS_PHOTONIC_RESET_SOFT: ends the job that runs and those that wait with
 *	ECANCELED; phases and calibration stay
 * @LIGHTOS_PHOTONIC_RESET_FUNCTION: the same, laser off, heaters to 0
 * @LIGHTOS_PHOTONIC_RESET_POWER: the same, and the rails down and up again
 *
 * All but DISARM are privileged. ARM gives EUCLEAN while a cause is latched,
 * ENETDOWN without power, ENOLCK while the interlock is open, EHOSTDOWN at
 * or above the emergency temperature, EBUSY if it is armed.
 */
enum lightos_photonic_action {
	LIGHTOS_PHOTONIC_POWER_UP	= 1,
	LIGHTOS_PHOTONIC_POWER_DOWN	= 2,
	LIGHTOS_PHOTONIC_ARM		= 3,
	LIGHTOS_PHOTONIC_DISARM		= 4,
	LIGHTOS_PHOTONIC_CLEAR		= 5,
	LIGHTOS_PHOTONIC_RESET_SOFT	= 6,
	LIGHTOS_PHOTONIC_RESET_FUNCTION	= 7,
	LIGHTOS_PHOTONIC_RESET_POWER	= 8,
};

/**
 * struct lightos_photonic_control - do something to a processor
 * @size: in: sizeof(struct lightos_photonic_control)
 * @flags: in: must be 0
 * @device: in: which processor
 * @action: in: enum lightos_photonic_action
 */
struct lightos_photonic_control {
	__u32 size;
	__u32 flags;
	__u32 device;
	__u32 action;
};

/* Flag of PHOTONIC_LIMITS: set them (privileged); without it they are read. */
#define LIGHTOS_PHOTONIC_LIMITS_SET		(1U << 0)

/**
 * struct lightos_photonic_limits - get (query) or set the thresholds
 * @size: in: sizeof(struct lightos_photonic_limits); out: bytes filled in
 * @flags: in: LIGHTOS_PHOTONIC_LIMITS_SET or 0
 * @device: in: which processor
 * @reserved: in: must be 0
 * @throttle_mc: where throttling begins, in millidegrees Celsius; 75,000
 * @full_mc: where it is at least 75 %, TEC and fan full; 85,000
 * @emergency_mc: where the laser goes off; 95,000
 * @hysteresis_mc: how far it must cool before a tier is left; 5,000
 * @setpoint_mc: what TEC and fan regulate to; 45,000
 * @reserved2: in: must be 0
 *
 * EINVAL, and nothing changed, unless 40,000 <= throttle_mc,
 * throttle_mc + 2,000 <= full_mc, full_mc + 2,000 <= emergency_mc <= 95,000,
 * 1,000 <= hysteresis_mc <= 20,000 and
 * 15,000 <= setpoint_mc <= throttle_mc - 10,000.
 */
struct lightos_photonic_limits {
	__u32 size;
	__u32 flags;
	__u32 device;
	__u32 reserved;
	__s32 throttle_mc;
	__s32 full_mc;
	__s32 emergency_mc;
	__s32 hysteresis_mc;
	__s32 setpoint_mc;
	__u32 reserved2;
};

/* Flags of PHOTONIC_SET_PHASES. */
/* The program as it is now is what jobs from here on run with. */
#define LIGHTOS_PHOTONIC_COMMIT			(1U << 0)

/**
 * struct lightos_photonic_phases - change the program of this file, or read it
 * @size: in: sizeof(struct lightos_photonic_phases)
 * @flags: in: LIGHTOS_PHOTONIC_COMMIT or 0; GET: must be 0
 * @device: in: which processor
 * @first: in: first channel
 * @count: in: channels, 0 for a commit alone
 * @reserved: in: must be 0
 * @requested: user pointer to @count __u32 phases in millidegrees, each less
 *	than LIGHTOS_PHOTONIC_TURN. SET: in. GET: out, may be 0
 * @applied: GET: user pointer to @count __u32: the phases that the codes
 *	below stand for by the calibration, may be 0. SET: must be 0
 * @codes: GET: user pointer to @count __u32: codes of the DACs as the device
 *	has them, may be 0. SET: must be 0
 * @bad_channel: out, SET with EINVAL: the channel whose phase is none, or
 *	LIGHTOS_PHOTONIC_NO_CHANNEL
 * @reserved2: in: must be 0
 *
 * Channels: crossing c has 2c (internal phase) and 2c + 1 (external), in the
 * order of the columns that the light passes; the N of the screen come last.
 * Before the first commit the program of a file is all 0. GET is a query.
 */
struct lightos_photonic_phases {
	__u32 size;
	__u32 flags;
	__u32 device;
	__u32 first;
	__u32 count;
	__u32 reserved;
	__u64 requested;
	__u64 applied;
	__u64 codes;
	__u32 bad_channel;
	__u32 reserved2;
};

#define LIGHTOS_PHOTONIC_NO_CHANNEL		0xffffffffU

/* Flags of PHOTONIC_SUBMIT. */
/* Powers instead of amplitudes: direct detection. */
#define LIGHTOS_PHOTONIC_DIRECT			(1U << 0)
/* Rather fail with EBUSY than run throttled. */
#define LIGHTOS_PHOTONIC_UNTHROTTLED		(1U << 1)
/* Wait for the result: SUBMIT then does what WAIT does too. */
#define LIGHTOS_PHOTONIC_NOW			(1U << 2)

/**
 * struct lightos_photonic_submit - multiply vectors
 * @size: in: sizeof(struct lightos_photonic_submit); out: bytes filled in
 * @flags: in: LIGHTOS_PHOTONIC_DIRECT and so on
 * @device: in: which processor
 * @vectors: in: at least 1; times the wavelengths at most
 *	LIGHTOS_PHOTONIC_MAX_VECTORS
 * @wavelengths: in: bit w set: compute at wavelength w. 0 stands for bit 0.
 *	All vectors are computed at the lowest, then at the next, and so on
 * @timeout_ns: in: nanoseconds from now after which the job ends with
 *	ETIME; 0 for ten seconds
 * @input: in: user pointer to @vectors times N complex numbers, __s32 real
 *	and imaginary part each, fractions of 2^31
 * @input_exponents: in: user pointer to @vectors __s32, or 0 for none: vector
 *	v is its numbers times two to the power of its exponent, -64 to 64
 * @job: out: number of the job
 * @result: out, with LIGHTOS_PHOTONIC_NOW: errno of the job, 0 if it is done
 * @saturated: out, with LIGHTOS_PHOTONIC_NOW: vectors that were cut at full
 *	scale even so
 * @output: in, with LIGHTOS_PHOTONIC_NOW: as in lightos_photonic_wait
 * @output_exponents: in, with LIGHTOS_PHOTONIC_NOW: the same
 *
 * EAGAIN while LIGHTOS_PHOTONIC_MAX_JOBS of the file wait. The input is copied.
 */
struct lightos_photonic_submit {
	__u32 size;
	__u32 flags;
	__u32 device;
	__u32 vectors;
	__u64 wavelengths;
	__u64 timeout_ns;
	__u64 input;
	__u64 input_exponents;
	__u64 job;
	__s32 result;
	__u32 saturated;
	__u64 output;
	__u64 output_exponents;
};

/**
 * struct lightos_photonic_wait - wait for a job of this file
 * @size: in: sizeof(struct lightos_photonic_wait); out: bytes filled in
 * @flags: in: must be 0
 * @device: in: which processor
 * @reserved: in: must be 0
 * @job: in: which; ENOENT unless it was submitted and not waited for yet
 * @timeout_ns: in: EAGAIN after so many nanoseconds, and the job goes on; 0
 *	looks without waiting
 * @output: in: user pointer to as many vectors as the job has, for each
 *	wavelength: __s32 real and imaginary part, fractions of 2^31. May be 0
 *	to drop them
 * @output_exponents: in: user pointer to as many __s32: the exponent of each
 *	vector. May be 0
 * @result: out: 0, or the errno that the job ended with: ETIME past its
 *	timeout, ECANCELED by a reset, EHOSTDOWN by an emergency or a latched
 *	cause, ENETDOWN without power or light, EBUSY throttled against its
 *	wish, ESHUTDOWN as the processor went, ENOMEM, EIO by the device
 * @saturated: out: vectors that were cut at full scale even at the least gain
 *
 * EINTR on a signal; may be called again. Jobs can be waited for after their
 * processor has gone, too, until another one under its number is used.
 */
struct lightos_photonic_wait {
	__u32 size;
	__u32 flags;
	__u32 device;
	__u32 reserved;
	__u64 job;
	__u64 timeout_ns;
	__u64 output;
	__u64 output_exponents;
	__s32 result;
	__u32 saturated;
};

/**
 * struct lightos_photonic_setting - the code of one heater
 * @channel: which
 * @code: what its DAC gets
 */
struct lightos_photonic_setting {
	__u32 channel;
	__u32 code;
};

/* Flags of PHOTONIC_PROBE. */
/* Heaters that are not named get code 0; without it they keep theirs. */
#define LIGHTOS_PHOTONIC_PROBE_CLEAR		(1U << 0)

/**
 * struct lightos_photonic_probe - measure with raw codes (privileged)
 * @size: in: sizeof(struct lightos_photonic_probe)
 * @flags: in: LIGHTOS_PHOTONIC_PROBE_CLEAR or 0
 * @device: in: which processor
 * @wavelength: in: at which
 * @settings: in: user pointer to @setting_count struct
 *	lightos_photonic_setting, or 0
 * @setting_count: in: how many; all are applied by one commit
 * @inputs: in: inputs to measure with, 1 to 64
 * @input: in: user pointer to @inputs times N complex numbers as in
 *	lightos_photonic_submit
 * @output: in: user pointer for as many outputs, __s32 real and imaginary
 *	part, fractions of 2^28: 2^28 is the amplitude of a full input
 * @first_tap: in: first crossing whose taps are wanted
 * @tap_count: in: crossings, 0 for none
 * @taps: in: user pointer to @inputs times @tap_count times two __u32: the
 *	powers at the top and at the bottom output, 2^32 is that of a full input
 * @averages: in: measurements that each value is the mean of; 1 to 256
 * @temperature_mc: out: of the die meanwhile
 * @reserved: in: must be 0
 *
 * What calibration works with. Nothing of the calibration is applied. Waits
 * for the phases to settle. The program of no file is in effect afterwards;
 * the next job brings its own. Errors as results of jobs.
 */
struct lightos_photonic_probe {
	__u32 size;
	__u32 flags;
	__u32 device;
	__u32 wavelength;
	__u64 settings;
	__u32 setting_count;
	__u32 inputs;
	__u64 input;
	__u64 output;
	__u32 first_tap;
	__u32 tap_count;
	__u64 taps;
	__u32 averages;
	__s32 temperature_mc;
	__u64 reserved;
};

/**
 * enum lightos_photonic_calibration_op - what PHOTONIC_CALIBRATION does
 * @LIGHTOS_PHOTONIC_CALIBRATION_READ: copies the blob out (query). ENODATA
 *	without one, EMSGSIZE with @bytes set if it does not fit
 * @LIGHTOS_PHOTONIC_CALIBRATION_LOAD: takes a blob (privileged). EBADMSG if its
 *	checksum is wrong, EPROTONOSUPPORT for an unknown version, EXDEV if it
 *	is for another processor, EINVAL if it is senseless; the one in use
 *	stays
 * @LIGHTOS_PHOTONIC_CALIBRATION_FIRMWARE: the same with the file
 *	lightos/cal-SERIAL.bin of the firmware loader, SERIAL in 16 hexadecimal
 *	digits; ENOENT without the file (privileged)
 * @LIGHTOS_PHOTONIC_CALIBRATION_DROP: back to uncalibrated mode (privileged)
 */
enum lightos_photonic_calibration_op {
	LIGHTOS_PHOTONIC_CALIBRATION_READ	= 0,
	LIGHTOS_PHOTONIC_CALIBRATION_LOAD	= 1,
	LIGHTOS_PHOTONIC_CALIBRATION_FIRMWARE	= 2,
	LIGHTOS_PHOTONIC_CALIBRATION_DROP	= 3,
};

/**
 * struct lightos_photonic_calibration - what the driver knows of its chip
 * @size: in: sizeof(struct lightos_photonic_calibration); out: bytes filled in
 * @flags: in: must be 0
 * @device: in: which processor
 * @op: in: enum lightos_photonic_calibration_op
 * @data: in: user pointer to the blob; Documentation/photonic.rst
 *	says where its format is
 * @bytes: in: room or length; out, READ: length
 */
struct lightos_photonic_calibration {
	__u32 size;
	__u32 flags;
	__u32 device;
	__u32 op;
	__u64 data;
	__u64 bytes;
};

/* Kinds of events: bits of a mask, and lightos_photonic_event.kind. */
#define LIGHTOS_PHOTONIC_EVENT_LATCHED		(1U << 0)
#define LIGHTOS_PHOTONIC_EVENT_CLEARED		(1U << 1)
#define LIGHTOS_PHOTONIC_EVENT_THROTTLE		(1U << 2)
#define LIGHTOS_PHOTONIC_EVENT_POWER		(1U << 3)
#define LIGHTOS_PHOTONIC_EVENT_LASER		(1U << 4)
#define LIGHTOS_PHOTONIC_EVENT_SENSOR		(1U << 5)
#define LIGHTOS_PHOTONIC_EVENT_RESET		(1U << 6)
#define LIGHTOS_PHOTONIC_EVENT_JOB		(1U << 7)
#define LIGHTOS_PHOTONIC_EVENT_CALIBRATION	(1U << 8)
#define LIGHTOS_PHOTONIC_EVENT_LOST		(1U << 31)

/* Flags of PHOTONIC_EVENTS. */
/* Set the mask of this file; events before it are dropped. */
#define LIGHTOS_PHOTONIC_EVENTS_SUBSCRIBE	(1U << 0)

/**
 * struct lightos_photonic_event - something happened
 * @time_ns: when, CLOCK_MONOTONIC
 * @device: at which processor
 * @kind: one LIGHTOS_PHOTONIC_EVENT_*; LOST: events were lost before it
 * @value: LATCHED, CLEARED: causes. THROTTLE: permille. POWER: enum
 *	lightos_photonic_state. LASER: 0 or 1. SENSOR: bit s set where sensor s
 *	is faulty. RESET: enum
 *	lightos_photonic_action. JOB: the job of this file that ended.
 *	CALIBRATION: checksum, 0 for none. LOST: how many
 */
struct lightos_photonic_event {
	__u64 time_ns;
	__u32 device;
	__u32 kind;
	__u64 value;
};

/**
 * struct lightos_photonic_events - subscribe to events, or take one
 * @size: in: sizeof(struct lightos_photonic_events); out: bytes filled in
 * @flags: in: LIGHTOS_PHOTONIC_EVENTS_SUBSCRIBE or 0
 * @devices: in, SUBSCRIBE: bit d set: events of processor d
 * @kinds: in, SUBSCRIBE: LIGHTOS_PHOTONIC_EVENT_* that are wanted
 * @event: out: the oldest event; EAGAIN where there is none
 *
 * While there is one, poll says POLLPRI. 256 events wait at most.
 */
struct lightos_photonic_events {
	__u32 size;
	__u32 flags;
	__u32 devices;
	__u32 kinds;
	struct lightos_photonic_event event;
};

#define LIGHTOS_IOC_QUERY \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x20, struct lightos_query)
#define LIGHTOS_IOC_NOP \
	_IOW(LIGHTOS_IOC_MAGIC, 0x21, struct lightos_nop)
#define LIGHTOS_IOC_SPIKING_COUNTERS \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x40, struct lightos_spiking_counters)
#define LIGHTOS_IOC_SPIKING_RESET \
	_IOW(LIGHTOS_IOC_MAGIC, 0x41, struct lightos_spiking_reset)
#define LIGHTOS_IOC_SPIKING_PROFILE \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x42, struct lightos_spiking_profile)
#define LIGHTOS_IOC_NETWORK_BEGIN \
	_IOW(LIGHTOS_IOC_MAGIC, 0x48, struct lightos_network_begin)
#define LIGHTOS_IOC_NETWORK_WRITE \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x49, struct lightos_network_write)
#define LIGHTOS_IOC_NETWORK_COMMIT \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x4a, struct lightos_network_commit)
#define LIGHTOS_IOC_NETWORK_RINGS \
	_IOW(LIGHTOS_IOC_MAGIC, 0x4b, struct lightos_network_rings)
#define LIGHTOS_IOC_NETWORK_RUN \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x4c, struct lightos_network_run)
#define LIGHTOS_IOC_NETWORK_STOP \
	_IOW(LIGHTOS_IOC_MAGIC, 0x4d, struct lightos_network_stop)
#define LIGHTOS_IOC_NETWORK_INPUT \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x4e, struct lightos_network_transfer)
#define LIGHTOS_IOC_NETWORK_OUTPUT \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x4f, struct lightos_network_transfer)
#define LIGHTOS_IOC_NETWORK_STATE \
	_IOW(LIGHTOS_IOC_MAGIC, 0x50, struct lightos_network_state)
#define LIGHTOS_IOC_NETWORK_RESET \
	_IOW(LIGHTOS_IOC_MAGIC, 0x51, struct lightos_network_reset)
#define LIGHTOS_IOC_NETWORK_STATS \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x52, struct lightos_network_stats)
#define LIGHTOS_IOC_NETWORK_ENCODER \
	_IOW(LIGHTOS_IOC_MAGIC, 0x53, struct lightos_network_encoder)
#define LIGHTOS_IOC_NETWORK_SAMPLES \
	_IOW(LIGHTOS_IOC_MAGIC, 0x54, struct lightos_network_samples)
#define LIGHTOS_IOC_NETWORK_DECODER \
	_IOW(LIGHTOS_IOC_MAGIC, 0x55, struct lightos_network_decoder)
#define LIGHTOS_IOC_NETWORK_DECODED \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x56, struct lightos_network_decoded)
#define LIGHTOS_IOC_MOE_OPEN \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x60, struct lightos_moe_open)
#define LIGHTOS_IOC_MOE_CONFIGURE \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x61, struct lightos_moe_configure)
#define LIGHTOS_IOC_MOE_GET_LAYER \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x62, struct lightos_moe_get_layer)
#define LIGHTOS_IOC_MOE_SET_BIASES \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x63, struct lightos_moe_biases)
#define LIGHTOS_IOC_MOE_GET_BIASES \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x64, struct lightos_moe_biases)
#define LIGHTOS_IOC_MOE_SET_HASH \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x65, struct lightos_moe_hash)
#define LIGHTOS_IOC_MOE_SET_PROJECTION \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x66, struct lightos_moe_projection)
#define LIGHTOS_IOC_MOE_REGISTER \
	_IOW(LIGHTOS_IOC_MAGIC, 0x67, struct lightos_moe_register)
#define LIGHTOS_IOC_MOE_ROUTE \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x68, struct lightos_moe_route)
#define LIGHTOS_IOC_MOE_UPDATE_BIASES \
	_IOW(LIGHTOS_IOC_MAGIC, 0x69, struct lightos_moe_update_biases)
#define LIGHTOS_IOC_MOE_EXPERTS \
	_IOW(LIGHTOS_IOC_MAGIC, 0x6a, struct lightos_moe_experts)
#define LIGHTOS_IOC_MOE_STATS \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x6b, struct lightos_moe_stats)
#define LIGHTOS_IOC_MOE_PLACE \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x6c, struct lightos_moe_place)
#define LIGHTOS_IOC_MOE_MASK \
	_IOW(LIGHTOS_IOC_MAGIC, 0x6d, struct lightos_moe_mask)
#define LIGHTOS_IOC_MOE_RESET \
	_IOW(LIGHTOS_IOC_MAGIC, 0x6e, struct lightos_moe_reset)
#define LIGHTOS_IOC_MOE_PROFILE \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x6f, struct lightos_moe_profile)
#define LIGHTOS_IOC_PHOTONIC_INFO \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x80, struct lightos_photonic_info)
#define LIGHTOS_IOC_PHOTONIC_STATUS \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x81, struct lightos_photonic_status)
#define LIGHTOS_IOC_PHOTONIC_CONTROL \
	_IOW(LIGHTOS_IOC_MAGIC, 0x82, struct lightos_photonic_control)
#define LIGHTOS_IOC_PHOTONIC_LIMITS \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x83, struct lightos_photonic_limits)
#define LIGHTOS_IOC_PHOTONIC_SET_PHASES \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x84, struct lightos_photonic_phases)
#define LIGHTOS_IOC_PHOTONIC_GET_PHASES \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x85, struct lightos_photonic_phases)
#define LIGHTOS_IOC_PHOTONIC_SUBMIT \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x86, struct lightos_photonic_submit)
#define LIGHTOS_IOC_PHOTONIC_WAIT \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x87, struct lightos_photonic_wait)
#define LIGHTOS_IOC_PHOTONIC_PROBE \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x88, struct lightos_photonic_probe)
#define LIGHTOS_IOC_PHOTONIC_CALIBRATION \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x89, struct lightos_photonic_calibration)
#define LIGHTOS_IOC_PHOTONIC_EVENTS \
	_IOWR(LIGHTOS_IOC_MAGIC, 0x8a, struct lightos_photonic_events)

#endif /* _UAPI_LIGHTOS_H */
