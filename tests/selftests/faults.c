// SPDX-License-Identifier: GPL-2.0
/*
 * Injected faults: for open(), every call and the loading of the module, the
 * n-th thing that can fail (allocation or copy from or to user space) fails,
 * for n = 1, 2, ... until nothing is left to fail. Whatever the call answers,
 * a call that fails has changed nothing.
 *
 * Needs CONFIG_FAULT_INJECTION with FAILSLAB, FAIL_PAGE_ALLOC and
 * FAULT_INJECTION_USERCOPY, and root.
 */
#include <stddef.h>

#include "faults.h"
#include "gates.h"
#include "module.h"

/* More sites than loading has. */
#define LOAD_SITES	1000000
/* Loading is the same for both words: a sample will do for the second. */
#define LOAD_STEP	(sizeof(long) == 8 ? 1 : 16)

/* One call under test. */
struct operation {
	const char *name;
	void (*prepare)(int fd);
	int (*run)(int fd);
	/* Whether the call's effect is there. NULL: it has none. */
	bool (*took_effect)(int fd);
};

static struct lightos_spiking_config config;
static struct lightos_spike_event event;
static struct lightos_neuron_state neuron;
static struct lightos_device_state device;
static struct lightos_query query;
static struct lightos_nop nop;
static struct lightos_spiking_counters counters;
static struct lightos_spiking_reset all;

/* Arguments are global and written here, so that no page is missing later. */
static void prepare_arguments(int fd)
{
	(void)fd;
	memset(&config, 0, sizeof(config));
	config.enabled = 1;
	config.processing_interval_us = 4321;
	memset(&event, 0, sizeof(event));
	event.neuron_id = 3;
	memset(&neuron, 0, sizeof(neuron));
	memset(&device, 0, sizeof(device));
	memset(&query, 0, sizeof(query));
	query.size = sizeof(query);
	memset(&nop, 0, sizeof(nop));
	nop.size = sizeof(nop);
	memset(&counters, 0, sizeof(counters));
	counters.size = sizeof(counters);
	all.size = sizeof(all);
	all.flags = RESET_ALL;
}

static void prepare_past(int fd)
{
	stop(fd);
	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	reset(fd, RESET_ALL);
	submit(fd, 1, 0, 600);
	apply(fd);
	submit(fd, 2, 0, 10);
	prepare_arguments(fd);
}

static void prepare_started(int fd)
{
	prepare_past(fd);
	start(fd);
}

static int run_config(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_SPIKING_CONFIG, &config);
}

static bool configured(int fd)
{
	return get_stats(fd).processing_interval_us == 4321;
}

static int run_submit(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_SPIKING_SUBMIT_EVENT, &event);
}

static bool submitted(int fd)
{
	return get_counters(fd).events_pending == 2;
}

static int run_start(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_SPIKING_START);
}

static bool started(int fd)
{
	return get_counters(fd).running == 1;
}

static int run_stop(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_SPIKING_STOP);
}

static bool stopped(int fd)
{
	return get_counters(fd).running == 0;
}

static int run_get_stats(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_SPIKING_GET_STATS, &config);
}

static int run_neuron(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_GET_NEURON_STATE, &neuron);
}

static int run_device(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_GET_DEVICE_STATE, &device);
}

static int run_query(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_QUERY, &query);
}

static int run_nop(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_NOP, &nop);
}

static int run_counters(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_SPIKING_COUNTERS, &counters);
}

static int run_reset(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_SPIKING_RESET, &all);
}

static bool was_reset(int fd)
{
	return get_counters(fd).events_pending == 0 &&
	       get_counters(fd).events_submitted == 0;
}

static int run_open(int fd)
{
	int opened = open(LIGHTOS_NODE, O_RDWR);

	(void)fd;
	return opened;
}

/* Runs the operation with its n-th site failing; true where it has no such. */
static bool run_with_fault(int fd, const struct operation *operation,
			   unsigned int n)
{
	struct snapshot before;
	unsigned int left;
	int result, error;

	operation->prepare(fd);
	before = take_snapshot(fd);
	arm(n);
	errno = 0;
	result = operation->run(fd);
	error = errno;
	left = disarm();
	if (result < 0) {
		if (left)
			FAIL("%s fails without a fault: %s", operation->name,
			     strerror(error));
		if (error != ENOMEM && error != EFAULT)
			FAIL("%s, site %u: %s", operation->name, n,
			     strerror(error));
		CHECK_UNCHANGED(fd, &before);
	} else if (operation->took_effect && !operation->took_effect(fd)) {
		FAIL("%s, site %u: success without effect", operation->name, n);
	}
	if (result > 0)
		CHECK_OK(close(result));
	return left;
}

/* @sites: the least number of sites that must have failed. */
static void check_operation(const struct operation *operation,
			    unsigned int sites)
{
	unsigned int n;
	int fd, opened;

	need_faults();
	fd = fresh();
	/* Once undisturbed, so that what is set up on first use is there. */
	operation->prepare(fd);
	opened = operation->run(fd);
	CHECK_OK(opened);
	if (opened > 0)
		CHECK_OK(close(opened));
	for (n = 1; !run_with_fault(fd, operation, n); n++)
		CHECK_LE(n, MAX_SITES);
	CHECK_GE(n - 1, sites);
}

#define FAULT_TEST(op, prepare_, took_effect_, sites)			\
	TEST(op##_call)							\
	{								\
		static const struct operation operation = {		\
			.name = #op, .prepare = prepare_,		\
			.run = run_##op, .took_effect = took_effect_,	\
		};							\
									\
		check_operation(&operation, sites);			\
	}

FAULT_TEST(open, prepare_past, NULL, 1)
FAULT_TEST(device, prepare_past, NULL, 2)
FAULT_TEST(config, prepare_past, configured, 2)
FAULT_TEST(start, prepare_past, started, 0)
FAULT_TEST(submit, prepare_past, submitted, 1)
FAULT_TEST(get_stats, prepare_past, NULL, 1)
FAULT_TEST(neuron, prepare_past, NULL, 2)
FAULT_TEST(query, prepare_past, NULL, 2)
FAULT_TEST(nop, prepare_past, NULL, 1)
FAULT_TEST(counters, prepare_past, NULL, 2)
FAULT_TEST(reset, prepare_past, was_reset, 1)

/* The clock moves while the engine runs: only the effect is looked at. */
TEST(stop_while_running)
{
	unsigned int n, left = 0;
	int fd;

	need_faults();
	fd = fresh();
	for (n = 1; !left; n++) {
		prepare_started(fd);
		arm(n);
		CHECK_EQ(run_stop(fd), 0);
		left = disarm();
		CHECK(stopped(fd));
		CHECK_LE(n, MAX_SITES);
	}
}

/* As a program would: some calls fail, the engine goes on. */
TEST(running_engine_survives)
{
	static int (*const runs[])(int) = {
		run_submit, run_get_stats, run_neuron, run_device, run_query,
		run_nop, run_counters,
	};
	unsigned int n, i;
	int fd;

	need_faults();
	fd = fresh();
	prepare_started(fd);
	for (n = 1; n < 8; n++)
		for (i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
			prepare_arguments(fd);
			arm(n);
			if (runs[i](fd) < 0)
				CHECK(errno == ENOMEM || errno == EFAULT);
			(void)disarm();
		}
	CHECK(started(fd));
	submit(fd, 5, 0, 600);
	CHECK_EQ(spikes_of(fd, 5), 1);
}

/* Loads with the n-th site failing; returns the sites left. */
static unsigned int load_with_fault(unsigned int n)
{
	int file = module_file();
	unsigned int left;
	int result;

	arm(n);
	result = (int)syscall(SYS_finit_module, file, "", 0);
	left = disarm();
	close(file);
	if (!result) {
		/* The driver core loads on where it cannot make the node. */
		int fd = open(LIGHTOS_NODE, O_RDWR);

		if (fd < 0)
			CHECK_EQ(errno, ENOENT);
		else
			CHECK_EQ(get_counters(fd).running, 0);
	} else {
		CHECK(!left);
		CHECK(!module_present());
		CHECK_ERRNO(open(LIGHTOS_NODE, O_RDWR), ENOENT);
		/* What is left there takes the place of the next load's. */
		CHECK_ERRNO(access("/sys/kernel/debug/lightos", F_OK), ENOENT);
	}
	return left;
}

/* In a process of its own, whose open files go with it. */
static unsigned int try_load_with_fault(unsigned int n)
{
	unsigned int *left = mmap(NULL, sizeof(*left), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int answer;
	pid_t child;
	int status;

	CHECK(left != MAP_FAILED);
	*left = 0;
	child = fork();
	CHECK_OK(child);
	if (!child) {
		close(fail_nth);
		fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
		*left = load_with_fault(n);
		_exit(HARNESS_PASS);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	if (status)
		FAIL("loading with site %u failing went wrong", n);
	if (module_present())
		unload_between_opens();
	answer = *left;
	munmap(left, sizeof(*left));
	return answer;
}

TEST_TIMEOUT(module_load, 3 * HARNESS_TIMEOUT)
{
	unsigned int total, n;

	need_faults();
	need_module_control();
	load_if_absent();
	unload_between_opens();
	total = LOAD_SITES - try_load_with_fault(LOAD_SITES);
	printf("# loading has %u sites\n", total);
	CHECK_GT(total, 0);
	CHECK_LE(total, LOAD_SITES - 1);
	for (n = 1; n <= total; n += LOAD_STEP)
		(void)try_load_with_fault(n);
	/* Nothing of the failures stands in the way of a load. */
	CHECK_EQ(get_stats(reload()).processing_interval_us, 1000);
}

/* One call on a gate under test; each site gets a new file. */
struct gate_operation {
	const char *name;
	void (*prepare)(int fd);
	int (*run)(int fd);
	/* Whether the call's effect is there. NULL: it has none. */
	bool (*took_effect)(int fd);
};

#define GATE_TOKENS	600

static float gate_logits[GATE_TOKENS * 8];
static struct results gate_results;
static uint16_t gate_hash[64];
static int8_t gate_weights[8 * 16];
static uint32_t gate_scales[8];
static int64_t gate_biases[8];
static struct lightos_moe_expert gate_loads[8];

/* The argument of the call, one at a time. */
static union {
	struct lightos_moe_open open;
	struct lightos_moe_configure configure;
	struct lightos_moe_get_layer layer;
	struct lightos_moe_biases biases;
	struct lightos_moe_hash hash;
	struct lightos_moe_projection projection;
	struct lightos_moe_register buffers;
	struct lightos_moe_route route;
	struct lightos_moe_experts experts;
	struct lightos_moe_stats stats;
	struct lightos_moe_place place;
	struct lightos_moe_profile profile;
} gate;

static struct lightos_moe_layer gate_layers[2];

static void prepare_no_gate(int fd)
{
	(void)fd;
	gate_layers[0] = gate_layers[1] = softmax(8, 2);
	gate.configure = configuration(gate_layers, 2);
}

/* Layer 0 of a kind, 1 plain. */
static void prepare_gate(int fd, uint32_t strategy)
{
	struct lightos_moe_layer layers[2] = { softmax(8, 2), softmax(8, 2) };

	layers[0].strategy = strategy;
	if (strategy != LIGHTOS_MOE_HASH)
		layers[0].flags |= LIGHTOS_MOE_BIASED;
	set_up(fd, layers, 2);
	memset(&gate, 0, sizeof(gate));
}

static void prepare_open_gate(int fd)
{
	(void)fd;
	gate.open = named("faulty", LIGHTOS_MOE_OPEN_CREATE, 0600);
}

static int run_open_gate(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_MOE_OPEN, &gate.open);
}

/* A gate that another file has: a failure must count this one out again. */
static void prepare_join_gate(int fd)
{
	static int holder = -1;

	(void)fd;
	if (holder < 0) {
		holder = open_node(O_RDWR);
		CHECK_OK(try_open(holder, "joined", LIGHTOS_MOE_OPEN_CREATE,
				  0600));
	}
	gate.open = named("joined", 0, 0);
}

static int run_join_gate(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_MOE_OPEN, &gate.open);
}

/* The name can still be asked for, and who has it, has it once. */
static bool gate_was_joined(int fd)
{
	struct lightos_moe_open again = named("joined", 0, 0);
	int other = open_node(O_RDWR);

	CHECK_OK(ioctl(other, LIGHTOS_IOC_MOE_OPEN, &again));
	CHECK_OK(close(other));
	/* EBUSY: it has one. Else it gets it now, and goes with the file. */
	return ioctl(fd, LIGHTOS_IOC_MOE_OPEN, &again) < 0;
}

static bool gate_was_opened(int fd)
{
	int other = open_node(O_RDWR);
	bool there = try_open(other, "faulty", 0, 0) == 0;

	(void)fd;
	close(other);
	return there;
}

static int run_configure(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_MOE_CONFIGURE, &gate.configure);
}

static struct lightos_moe_get_layer layer_now(int fd)
{
	struct lightos_moe_get_layer layer = { .size = sizeof(layer) };

	if (ioctl(fd, LIGHTOS_IOC_MOE_GET_LAYER, &layer) < 0)
		CHECK_EQ(errno, ENODATA);
	return layer;
}

static bool has_gate(int fd)
{
	return layer_now(fd).layers != 0;
}

static void prepare_reconfigure(int fd)
{
	prepare_gate(fd, LIGHTOS_MOE_TOP_K);
	prepare_no_gate(fd);
	gate_layers[0] = softmax(16, 4);
}

static bool was_reconfigured(int fd)
{
	return layer_now(fd).config.top_k == 4;
}

static void prepare_profile(int fd)
{
	prepare_gate(fd, LIGHTOS_MOE_TOP_K);
	gate.profile.size = sizeof(gate.profile);
}

static int run_profile(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_MOE_PROFILE, &gate.profile);
}

static void prepare_biases(int fd)
{
	prepare_gate(fd, LIGHTOS_MOE_TOP_K);
	gate_biases[3] = 5;
	gate.biases.size = sizeof(gate.biases);
	gate.biases.count = 8;
	gate.biases.data = user_pointer(gate_biases);
}

static int run_biases(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_MOE_SET_BIASES, &gate.biases);
}

static int run_get_biases(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_MOE_GET_BIASES, &gate.biases);
}

static bool biases_were_set(int fd)
{
	int64_t now[8];
	struct lightos_moe_biases get = {
		.size = sizeof(get), .count = 8, .data = user_pointer(now),
	};

	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_GET_BIASES, &get));
	return now[3] == 5;
}

static void prepare_hash(int fd)
{
	int i;

	prepare_gate(fd, LIGHTOS_MOE_HASH);
	for (i = 0; i < 64; i++)
		gate_hash[i] = i & 7;
	gate.hash.size = sizeof(gate.hash);
	gate.hash.count = 64;
	gate.hash.data = user_pointer(gate_hash);
}

static int run_hash(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_MOE_SET_HASH, &gate.hash);
}

static bool hash_was_set(int fd)
{
	return layer_now(fd).hash_rows == 32;
}

static void prepare_projection(int fd)
{
	prepare_gate(fd, LIGHTOS_MOE_LEARNED);
	gate.projection.size = sizeof(gate.projection);
	gate.projection.features = 16;
	gate.projection.experts = 8;
	gate.projection.weights = user_pointer(gate_weights);
	gate.projection.scales = user_pointer(gate_scales);
}

static int run_projection(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_MOE_SET_PROJECTION, &gate.projection);
}

static bool projection_was_set(int fd)
{
	return layer_now(fd).features == 16;
}

static void prepare_register(int fd)
{
	prepare_gate(fd, LIGHTOS_MOE_TOP_K);
	gate.buffers.size = sizeof(gate.buffers);
	gate.buffers.tokens = GATE_TOKENS;
}

static int run_register(int fd)
{
	return ioctl(fd, LIGHTOS_IOC_MOE_REGISTER, &gate.buffers);
}

static bool buffers_are_registered(int fd)
{
	struct lightos_moe_route route = {
		.size = sizeof(route), .flags = LIGHTOS_MOE_ROUTE_REGISTERED,
	};

	return try_route(fd, &route) == 0;
}

/* More than one piece, and capacity, so that every table is needed. */
static void prepare_route(int fd)
{
	struct lightos_moe_layer layer = softmax(8, 2);

	layer.drop = LIGHTOS_MOE_DROP_BY_PROBABILITY;
	layer.capacity_factor = LIGHTOS_MOE_SCALE_ONE;
	set_up(fd, &layer, 1);
	fill_noise(gate_logits, GATE_TOKENS * 8, 1);
	memset(&gate_results, 0, sizeof(gate_results));
	gate.route = batch(gate_logits, GATE_TOKENS, &gate_results);
}

static int run_route(int fd)
{
	return try_route(fd, &gate.route);
}

static bool was_routed(int fd)
{
	return gate_stats(fd, 0).tokens == GATE_TOKENS;
}

static void prepare_queries(int fd)
{
	prepare_gate(fd, LIGHTOS_MOE_TOP_K);
}

static int run_experts(int fd)
{
	gate.experts = (struct lightos_moe_experts){
		.size = sizeof(gate.experts), .count = 8,
		.data = user_pointer(gate_loads),
	};
	return ioctl(fd, LIGHTOS_IOC_MOE_EXPERTS, &gate.experts);
}

static int run_gate_stats(int fd)
{
	gate.stats = (struct lightos_moe_stats){ .size = sizeof(gate.stats) };
	return ioctl(fd, LIGHTOS_IOC_MOE_STATS, &gate.stats);
}

static int run_get_layer(int fd)
{
	gate.layer = (struct lightos_moe_get_layer){
		.size = sizeof(gate.layer),
	};
	return ioctl(fd, LIGHTOS_IOC_MOE_GET_LAYER, &gate.layer);
}

static int run_place(int fd)
{
	gate.place = (struct lightos_moe_place){
		.size = sizeof(gate.place), .experts = 8, .replicas = 16,
		.groups = 1, .nodes = 1, .devices = 4,
		.place_experts = user_pointer(gate_results.ids),
		.counts = user_pointer(gate_results.slots),
	};
	return ioctl(fd, LIGHTOS_IOC_MOE_PLACE, &gate.place);
}

/* Runs the call with its n-th site failing; true where it has no such. */
static bool run_gate_with_fault(const struct gate_operation *operation,
				unsigned int n)
{
	bool (*took_effect)(int) = operation->took_effect;
	int fd = open_node(O_RDWR), result, error;
	unsigned int left;

	operation->prepare(fd);
	arm(n);
	errno = 0;
	result = operation->run(fd);
	error = errno;
	left = disarm();
	if (result < 0) {
		if (left)
			FAIL("%s fails without a fault: %s", operation->name,
			     strerror(error));
		if (error != ENOMEM && error != EFAULT)
			FAIL("%s, site %u: %s", operation->name, n,
			     strerror(error));
	}
	if (took_effect && took_effect(fd) != (result >= 0))
		FAIL("%s, site %u: %s", operation->name, n, result < 0 ?
		     "failure with an effect" : "success without effect");
	CHECK_OK(close(fd));
	return left;
}

#define GATE_FAULT_TEST(op, prepare_, took_effect_, sites)		\
	TEST(moe_##op##_call)						\
	{								\
		static const struct gate_operation operation = {	\
			.name = #op, .prepare = prepare_,		\
			.run = run_##op, .took_effect = took_effect_,	\
		};							\
		unsigned int n;						\
									\
		need_faults();						\
		for (n = 1; !run_gate_with_fault(&operation, n); n++)	\
			CHECK_LE(n, MAX_SITES);				\
		CHECK_GE(n - 1, sites);					\
	}

GATE_FAULT_TEST(open_gate, prepare_open_gate, gate_was_opened, 5)
GATE_FAULT_TEST(join_gate, prepare_join_gate, gate_was_joined, 4)
GATE_FAULT_TEST(configure, prepare_no_gate, has_gate, 10)
GATE_FAULT_TEST(profile, prepare_profile, was_reconfigured, 5)
GATE_FAULT_TEST(biases, prepare_biases, biases_were_set, 3)
GATE_FAULT_TEST(get_biases, prepare_biases, NULL, 3)
GATE_FAULT_TEST(hash, prepare_hash, hash_was_set, 4)
GATE_FAULT_TEST(projection, prepare_projection, projection_was_set, 5)
GATE_FAULT_TEST(register, prepare_register, buffers_are_registered, 8)
GATE_FAULT_TEST(route, prepare_route, was_routed, 12)
GATE_FAULT_TEST(experts, prepare_queries, NULL, 3)
GATE_FAULT_TEST(gate_stats, prepare_queries, NULL, 2)
GATE_FAULT_TEST(get_layer, prepare_queries, NULL, 2)
GATE_FAULT_TEST(place, prepare_queries, NULL, 7)

TEST(moe_reconfigure_call)
{
	static const struct gate_operation operation = {
		.name = "reconfigure", .prepare = prepare_reconfigure,
		.run = run_configure, .took_effect = was_reconfigured,
	};
	unsigned int n;

	need_faults();
	for (n = 1; !run_gate_with_fault(&operation, n); n++)
		CHECK_LE(n, MAX_SITES);
	CHECK_GE(n - 1, 10);
}

int main(void)
{
	int status = harness_run();

	leave_loaded();
	return status;
}
