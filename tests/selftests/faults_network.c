// SPDX-License-Identifier: GPL-2.0
/*
 * Injected faults on the calls on networks: for each of them, and for read() and
 * mmap(), the n-th thing that can fail fails, for n = 1, 2,
 * ... until nothing is left to fail. A call that fails has changed nothing, but
 * for what its last copy could not tell: COMMIT, RUN, INPUT and OUTPUT answer
 * once they have done it.
 */
#include "faults.h"
#include "network.h"

/* One call under test. */
struct operation {
	const char *name;
	void (*prepare)(int fd);
	int (*run)(int fd);
	/* Whether the call's effect is there. NULL: it has none. */
	bool (*took_effect)(int fd);
	/* Its last copy may fail although all is done. */
	bool answers;
};

/* Arguments are global and written beforehand: no page is missing later. */
static struct lightos_network_begin begin;
static struct lightos_network_write write_;
static struct lightos_network_commit commit;
static struct lightos_network_rings rings;
static struct lightos_network_run run;
static struct lightos_network_stop stop_;
static struct lightos_network_transfer transfer;
static struct lightos_network_state state;
static struct lightos_network_reset reset_;
static struct lightos_network_stats stats;
static struct lightos_network_encoder encoder;
static struct lightos_network_samples samples;
static struct lightos_network_decoder decoder;
static struct lightos_network_decoded decoded;
static struct lightos_network_completion completion;
static struct lightos_network_event events[3];
static struct lightos_network_spike spikes[8];
static struct lightos_neuron_variables variables[2];
static int32_t sample = 1 << 16;
static int64_t value;

#define ARGUMENT(object, ...)						\
	((object) = (typeof(object)){ .size = sizeof(object), __VA_ARGS__ })

/*
 * A network at step 1 with a spike in its ring, two of whose rings are small,
 * coders in slot 0, and the tables of a ticker about to be loaded.
 */
static void prepare_all(int fd)
{
	ARGUMENT(encoder, .kind = LIGHTOS_ENCODER_SEND_ON_DELTA, .channels = 1,
		 .threshold = 1);
	ARGUMENT(decoder, .kind = LIGHTOS_DECODER_COUNT, .channels = 1);
	/* Inputs for both signs of the encoder. */
	load_network(fd, &relay_network);
	CHECK_OK(try_rings(fd, 64, 64, 0));
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_NETWORK_ENCODER, &encoder));
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_NETWORK_DECODER, &decoder));
	give_one(fd, 0, 2, 1);
	advance(fd, 1);
	prepare_network(fd, &ticker_network);

	ARGUMENT(begin, .step_ns = 1, .populations = 3, .exact_params = 3,
		 .delays = 3, .starts = 3, .synapses = 3000, .probes = 3);
	ARGUMENT(write_, .table = LIGHTOS_TABLE_LOIHI_PARAMS, .count = 1,
		 .data = user_pointer(ticker_params));
	ARGUMENT(commit, .flags = 0);
	ARGUMENT(rings, .input_entries = 128, .spike_entries = 64);
	ARGUMENT(run, .flags = LIGHTOS_RUN_WAIT, .target = 2);
	ARGUMENT(stop_, .flags = 0);
	ARGUMENT(transfer, .ring = LIGHTOS_RING_INPUT, .count = 3,
		 .data = user_pointer(events));
	ARGUMENT(state, .count = 2, .data = user_pointer(variables));
	ARGUMENT(reset_, .flags = LIGHTOS_NETWORK_RESET_STATE);
	ARGUMENT(stats, .flags = 0);
	ARGUMENT(samples, .count = 1, .data = user_pointer(&sample));
	ARGUMENT(decoded, .count = 1, .data = user_pointer(&value));
	encoder.slot = decoder.slot = 1;
	memset(events, 0, sizeof(events));
	memset(variables, 0, sizeof(variables));
	memset(spikes, 0, sizeof(spikes));
}

static void prepare_state_write(int fd)
{
	prepare_all(fd);
	state.flags = LIGHTOS_STATE_WRITE;
	variables[0].membrane = variables[1].membrane = 17;
}

static void prepare_output(int fd)
{
	prepare_all(fd);
	ARGUMENT(transfer, .ring = LIGHTOS_RING_SPIKES, .count = 8,
		 .data = user_pointer(spikes));
}

static void prepare_waiting_run(int fd)
{
	(void)try_stop(fd);
	prepare_all(fd);
	start_waiting_run(fd);
}

static void prepare_completion(int fd)
{
	prepare_all(fd);
	CHECK_OK(try_run(fd, LIGHTOS_RUN_WAIT, 1, 0));
	/* Nothing of the one before. */
	memset(&completion, 0, sizeof(completion));
}

static void prepare_background_run(int fd)
{
	prepare_all(fd);
	run.flags = LIGHTOS_RUN_REAL_TIME;
	run.interval_ns = NEVER_NS;
}

#define RUN_IOCTL(name, code, argument)					\
	static int run_##name(int fd)					\
	{								\
		return ioctl(fd, LIGHTOS_IOC_NETWORK_##code, &argument); \
	}

RUN_IOCTL(begin, BEGIN, begin)
RUN_IOCTL(write, WRITE, write_)
RUN_IOCTL(commit, COMMIT, commit)
RUN_IOCTL(rings, RINGS, rings)
RUN_IOCTL(run_by_caller, RUN, run)
RUN_IOCTL(run_in_background, RUN, run)
RUN_IOCTL(stop, STOP, stop_)
RUN_IOCTL(input, INPUT, transfer)
RUN_IOCTL(output, OUTPUT, transfer)
RUN_IOCTL(state_read, STATE, state)
RUN_IOCTL(state_write, STATE, state)
RUN_IOCTL(reset, RESET, reset_)
RUN_IOCTL(stats, STATS, stats)
RUN_IOCTL(encoder, ENCODER, encoder)
RUN_IOCTL(samples, SAMPLES, samples)
RUN_IOCTL(decoder, DECODER, decoder)
RUN_IOCTL(decoded, DECODED, decoded)

static int run_read(int fd)
{
	return read(fd, &completion, sizeof(completion)) < 0 ? -1 : 0;
}

static int run_mmap(int fd)
{
	void *start = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	return start == MAP_FAILED ? -1 : munmap(start, 4096);
}

/* The tables of the ticker are gone: what is there now cannot be a network. */
static bool begun(int fd)
{
	return try_commit(fd, NULL) < 0;
}

static bool is_ticker(int fd)
{
	return network_stats(fd).neurons == 1;
}

static bool has_ring(int fd)
{
	const struct lightos_ring *ring = mmap(NULL, 4096, PROT_READ,
					       MAP_SHARED, fd, 0);
	uint32_t entries;

	CHECK(ring != MAP_FAILED);
	entries = ring->entries;
	CHECK_OK(munmap((void *)ring, 4096));
	return entries == 128 && try_input(fd, events, 3) == 3;
}

static bool ran(int fd)
{
	return network_stats(fd).step == 3;
}

static bool is_running(int fd)
{
	return network_stats(fd).running == 1;
}

static bool stopped(int fd)
{
	return network_stats(fd).running == 0;
}

static bool took_events(int fd)
{
	/* A record that cannot be read ends the transfer. */
	advance(fd, 1);
	return transfer.done && network_stats(fd).events == 1 + transfer.done;
}

static bool gave_spike(int fd)
{
	return transfer.done == 1 && spikes[0].neuron == 2 &&
	       take_spikes(fd, spikes, 8) == 0;
}

static bool wrote_state(int fd)
{
	CHECK_OK(try_state(fd, 0, 0, 2, variables));
	return variables[0].membrane == 17 && variables[1].membrane == 17;
}

static bool was_reset(int fd)
{
	return network_stats(fd).step == 0;
}

static bool has_encoder(int fd)
{
	samples.slot = 1;
	return !run_samples(fd);
}

static bool has_decoder(int fd)
{
	decoded.slot = 1;
	return !run_decoded(fd);
}

static bool follows(int fd)
{
	advance(fd, 1);
	return network_stats(fd).input_spikes == 1;
}

static bool was_read(int fd)
{
	(void)fd;
	return completion.steps == 1;
}

/*
 * Counters and the state of all neurons. Rings, coders and tables are not in
 * it: took_effect looks at those.
 */
struct network_snapshot {
	struct lightos_network_stats stats;
	struct lightos_neuron_variables variables[RELAYS];
};

static void look(int fd, struct network_snapshot *snapshot)
{
	memset(snapshot, 0, sizeof(*snapshot));
	snapshot->stats = network_stats(fd);
	if (!snapshot->stats.running)
		CHECK_OK(try_state(fd, 0, 0, snapshot->stats.neurons,
				   snapshot->variables));
}

/* Runs it with its n-th site failing; true where it has no such. */
static bool run_with_fault(int fd, const struct operation *operation,
			   unsigned int n)
{
	struct network_snapshot before, after;
	unsigned int left;
	int result, error;

	operation->prepare(fd);
	look(fd, &before);
	arm(n);
	errno = 0;
	result = operation->run(fd);
	error = errno;
	left = disarm();
	if (result < 0) {
		if (left)
			FAIL("%s fails without a fault: %s", operation->name,
			     strerror(error));
		if (error != ENOMEM && error != EFAULT && error != EAGAIN)
			FAIL("%s, site %u: %s", operation->name, n,
			     strerror(error));
		look(fd, &after);
		if (memcmp(&before, &after, sizeof(after)) &&
		    !(operation->answers && error == EFAULT))
			FAIL("%s, site %u: %s, but something changed",
			     operation->name, n, strerror(error));
		if (!operation->answers && operation->took_effect &&
		    operation->took_effect(fd))
			FAIL("%s, site %u: %s, but it took effect",
			     operation->name, n, strerror(error));
	} else if (operation->took_effect && !operation->took_effect(fd)) {
		FAIL("%s, site %u: success without effect", operation->name, n);
	}
	return left;
}

/* @sites: the least number of sites that must have failed. */
static void check_operation(const struct operation *operation,
			    unsigned int sites)
{
	unsigned int n;
	int fd;

	need_faults();
	fd = open_node(O_RDWR);
	/* Once undisturbed, so that what is set up on first use is there. */
	operation->prepare(fd);
	CHECK_OK(operation->run(fd));
	(void)try_stop(fd);
	for (n = 1; !run_with_fault(fd, operation, n); n++) {
		(void)try_stop(fd);
		CHECK_LE(n, MAX_SITES);
	}
	printf("# %s: %u sites\n", operation->name, n - 1);
	CHECK_GE(n - 1, sites);
	/* Whatever failed, the file still serves. */
	(void)try_stop(fd);
	load_network(fd, &loihi_network);
	check_loihi_run(fd);
}

#define FAULT_TEST(op, prepare_, took_effect_, sites, answers_)		\
	TEST(op##_call)							\
	{								\
		static const struct operation operation = {		\
			.name = #op, .prepare = prepare_,		\
			.run = run_##op, .took_effect = took_effect_,	\
			.answers = answers_,				\
		};							\
									\
		check_operation(&operation, sites);			\
	}

FAULT_TEST(begin, prepare_all, begun, 5, false)
FAULT_TEST(write, prepare_all, NULL, 2, false)
FAULT_TEST(commit, prepare_all, is_ticker, 10, true)
FAULT_TEST(rings, prepare_all, has_ring, 4, false)
FAULT_TEST(run_by_caller, prepare_all, ran, 3, true)
FAULT_TEST(run_in_background, prepare_background_run, is_running, 3, true)
FAULT_TEST(stop, prepare_waiting_run, stopped, 1, false)
FAULT_TEST(input, prepare_all, took_events, 3, true)
FAULT_TEST(output, prepare_output, gave_spike, 3, true)
FAULT_TEST(state_read, prepare_all, NULL, 2, false)
FAULT_TEST(state_write, prepare_state_write, wrote_state, 2, false)
FAULT_TEST(reset, prepare_all, was_reset, 1, false)
FAULT_TEST(stats, prepare_all, NULL, 2, false)
FAULT_TEST(encoder, prepare_all, has_encoder, 2, false)
FAULT_TEST(samples, prepare_all, follows, 2, false)
FAULT_TEST(decoder, prepare_all, has_decoder, 2, false)
FAULT_TEST(decoded, prepare_all, NULL, 3, false)
FAULT_TEST(read, prepare_completion, was_read, 1, false)
FAULT_TEST(mmap, prepare_all, NULL, 1, false)

/* The first BEGIN of a file makes what every later call needs. */
TEST(first_begin)
{
	unsigned int n, left = 0;

	need_faults();
	for (n = 1; !left; n++) {
		int fd = open_node(O_RDWR), result, error;

		ARGUMENT(begin, .step_ns = 1, .populations = 1);
		arm(n);
		result = run_begin(fd);
		error = errno;
		left = disarm();
		if (result < 0)
			CHECK(!left && (error == ENOMEM || error == EFAULT));
		CHECK_LE(n, MAX_SITES);
		load_network(fd, &loihi_network);
		check_loihi_run(fd);
		CHECK_OK(close(fd));
	}
	CHECK_GT(n, 5);
}

int main(void)
{
	return harness_run();
}
