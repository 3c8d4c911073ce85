// SPDX-License-Identifier: GPL-2.0
/*
 * Many threads that make random calls on networks, with arguments at random and
 * half valid, on a few files. Nothing is expected of a single call but an end;
 * afterwards the kernel has not complained (the guest looks at that), memory has
 * not grown, and a known network gives its known result.
 *
 * LIGHTOS_STORM_CALLS calls in all, 20,000 unless told; LIGHTOS_STORM_SEED. What
 * each thread does depends on these two alone.
 */
#include <poll.h>
#include <sys/eventfd.h>

#include "network.h"

#define THREADS		8
#define FILES		4

struct weather {
	pthread_t thread;
	uint64_t random;
	unsigned long calls;
	unsigned long succeeded;
};

static int files[FILES];
static int counter;
/* Room for every argument; its content is part of the storm. */
static __thread uint64_t scratch[2048];

static uint64_t draw(struct weather *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random * 0x2545f4914f6cdd1dULL >> 11;
}

static uint64_t below(struct weather *w, uint64_t bound)
{
	return draw(w) % bound;
}

static bool once_in(struct weather *w, uint64_t n)
{
	return below(w, n) == 0;
}

/* Small as a rule, sometimes at an edge, rarely anything. */
static uint64_t number(struct weather *w)
{
	static const uint64_t edges[] = {
		0x7fffffff, 0x80000000, 0xffffffff, 1ULL << 32, 1ULL << 60,
		(1ULL << 60) + 1, 1ULL << 62, INT64_MAX, 1ULL << 63, ~0ULL,
		65535, 65536, 65537, 1024, 1025, 4096, ~0ULL - 1,
	};

	if (once_in(w, 12))
		return edges[below(w, LENGTH(edges))];
	if (once_in(w, 40))
		return draw(w) << 11 ^ draw(w);
	return below(w, once_in(w, 4) ? 300 : 10);
}

static const void *memory(struct weather *w)
{
	if (once_in(w, 30))
		return NULL;
	if (once_in(w, 30))
		return (const void *)(uintptr_t)draw(w);
	if (once_in(w, 4)) {
		size_t i;

		for (i = 0; i < 64; i++)
			scratch[i] = number(w);
	}
	return scratch;
}

static void load_something(struct weather *w, int fd)
{
	static const struct description *const known[] = {
		&loihi_network, &ticker_network, &relay_network,
	};
	struct description d = *known[below(w, LENGTH(known))];
	uint32_t table;

	/* One table of another length, now and then. */
	if (once_in(w, 4))
		d.tables[below(w, TABLES)].count = below(w, 20);
	if (try_begin(fd, &d) < 0)
		return;
	for (table = 1; table < TABLES; table++) {
		const void *entries = d.tables[table].entries;

		if (!entries || once_in(w, 40))
			entries = memory(w);
		(void)try_write(fd, table, 0, d.tables[table].count, entries,
				NULL);
	}
	(void)try_commit(fd, NULL);
}

static int begin_anything(struct weather *w, int fd)
{
	struct lightos_network_begin begin = {
		.size = sizeof(begin), .inputs = (uint32_t)number(w),
		.step_ns = number(w), .populations = below(w, 100),
		.loihi_params = below(w, 100), .exact_params = below(w, 100),
		.delays = below(w, 20), .starts = below(w, 100),
		.synapses = below(w, 1000), .blocks = below(w, 10),
		.weights = below(w, 1000), .probes = below(w, 10),
	};

	return ioctl(fd, LIGHTOS_IOC_NETWORK_BEGIN, &begin);
}

/* A run that its caller waits for has an end; others may be stopped. */
static int run_anything(struct weather *w, int fd)
{
	struct lightos_network_run run = {
		.size = sizeof(run), .flags = (uint32_t)below(w, 64),
		.target = number(w),
	};

	if (run.flags & LIGHTOS_RUN_EVENTFD)
		run.eventfd = once_in(w, 10) ? (int32_t)number(w) : counter;
	if (run.flags & LIGHTOS_RUN_REAL_TIME)
		run.interval_ns = once_in(w, 4) ? number(w) : 10000;
	if (run.flags & LIGHTOS_RUN_WAIT) {
		run.flags &= ~(LIGHTOS_RUN_UNTIL_STEP | LIGHTOS_RUN_UNTIL_TIME);
		run.target %= 50;
		if (run.flags & LIGHTOS_RUN_REAL_TIME)
			run.interval_ns = 10000;
	}
	return ioctl(fd, LIGHTOS_IOC_NETWORK_RUN, &run);
}

static int transfer_anything(struct weather *w, int fd)
{
	bool input = once_in(w, 2);
	uint32_t ring = once_in(w, 10) ? (uint32_t)number(w) :
			input ? 0 : 1 + (uint32_t)below(w, 2);

	/* What comes out must fit into the memory of the thread. */
	return (int)try_transfer(fd, input ? LIGHTOS_IOC_NETWORK_INPUT :
				 LIGHTOS_IOC_NETWORK_OUTPUT, ring, memory(w),
				 input && once_in(w, 20) ? number(w) :
				 below(w, 500));
}

static int rings_of_any_size(struct weather *w, int fd)
{
	uint32_t size[3];
	int i;

	for (i = 0; i < 3; i++)
		size[i] = once_in(w, 10) ? (uint32_t)below(w, 100) :
			  64U << below(w, 5);
	return try_rings(fd, size[0], size[1], size[2]);
}

static int encoder_of_any_kind(struct weather *w, int fd)
{
	struct lightos_network_encoder e = {
		.size = sizeof(e), .slot = (uint32_t)below(w, 5),
		.kind = (uint32_t)below(w, 6),
		.first_input = (uint32_t)below(w, 4),
		.channels = (uint32_t)below(w, 6),
	};

	if (e.kind == LIGHTOS_ENCODER_RATE) {
		e.seed = draw(w);
		e.gain = (int32_t)number(w);
		e.offset = (int32_t)number(w);
	} else if (e.kind) {
		e.threshold = (uint32_t)number(w);
	}
	if (e.kind == LIGHTOS_ENCODER_LATENCY) {
		e.flags = (uint32_t)below(w, 8);
		if (e.flags & LIGHTOS_ENCODER_LOGARITHMIC)
			e.epsilon = (uint32_t)number(w);
		if (!(e.flags & LIGHTOS_ENCODER_NORMALIZE))
			e.tau = (uint32_t)number(w);
		e.steps = (uint32_t)number(w);
		e.first_step = (uint32_t)number(w);
	}
	return ioctl(fd, LIGHTOS_IOC_NETWORK_ENCODER, &e);
}

static int decoder_of_any_kind(struct weather *w, int fd)
{
	struct lightos_network_decoder d = {
		.size = sizeof(d), .slot = (uint32_t)below(w, 5),
		.kind = (uint32_t)below(w, 6),
		.first_neuron = (uint32_t)below(w, 3),
		.channels = (uint32_t)below(w, 6),
	};

	if (d.kind == LIGHTOS_DECODER_SUM)
		d.threshold = (uint32_t)number(w);
	if (d.kind == LIGHTOS_DECODER_RATE)
		d.tau_ns = number(w);
	return ioctl(fd, LIGHTOS_IOC_NETWORK_DECODER, &d);
}

static int code_anything(struct weather *w, int fd)
{
	struct lightos_network_samples samples = {
		.size = sizeof(samples), .slot = (uint32_t)below(w, 5),
		.count = (uint32_t)below(w, 8), .data = user_pointer(memory(w)),
	};
	struct lightos_network_decoded decoded = {
		.size = sizeof(decoded), .slot = (uint32_t)below(w, 5),
		.count = (uint32_t)below(w, 8),
		.data = user_pointer(memory(w)),
	};

	switch (below(w, 4)) {
	case 0:
		return encoder_of_any_kind(w, fd);
	case 1:
		return decoder_of_any_kind(w, fd);
	case 2:
		return ioctl(fd, LIGHTOS_IOC_NETWORK_SAMPLES, &samples);
	default:
		return ioctl(fd, LIGHTOS_IOC_NETWORK_DECODED, &decoded);
	}
}

/* Maps a ring, writes at random places of it, and unmaps it. */
static int map_and_scribble(struct weather *w, int fd)
{
	size_t i, bytes = 4096 * (1 + below(w, 3));
	uint64_t offset = once_in(w, 10) ? number(w) << 12 :
			  LIGHTOS_RING_OFFSET(below(w, 3));
	uint32_t *words = mmap64(NULL, bytes, PROT_READ | PROT_WRITE,
				 MAP_SHARED, fd, (off64_t)offset);

	if (words == MAP_FAILED)
		return -1;
	for (i = 0; i < 16; i++)
		words[below(w, once_in(w, 2) ? 36 : bytes / 4)] =
			(uint32_t)number(w);
	return munmap(words, bytes);
}

/* Any number, any bytes: but for a run, which must end. */
static int call_anything(struct weather *w, int fd)
{
	unsigned int nr = 0x48 + (unsigned int)below(w, 18);
	uint64_t argument[32];
	size_t i;

	if (nr == _IOC_NR(LIGHTOS_IOC_NETWORK_RUN) ||
	    nr == _IOC_NR(LIGHTOS_IOC_NETWORK_BEGIN) ||
	    nr == _IOC_NR(LIGHTOS_IOC_NETWORK_RINGS))
		nr = 0x52;
	for (i = 0; i < LENGTH(argument); i++)
		argument[i] = number(w);
	if (!once_in(w, 4))
		argument[0] = 8 + below(w, 200);
	return ioctl(fd, _IOC(1 + 2 * below(w, 2), 'L', nr, 64),
		     once_in(w, 20) ? memory(w) : argument);
}

static int look_around(struct weather *w, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLPRI | POLLOUT };
	struct lightos_network_stats stats;
	char path[64], text[512];
	int file;

	switch (below(w, 4)) {
	case 0:
		return poll(&p, 1, 0);
	case 1:
		return try_stats(fd, &stats);
	case 2:
		return (int)read(fd, text, below(w, 100));
	}
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = open(path, O_RDONLY);
	if (file < 0)
		return -1;
	(void)!read(file, text, sizeof(text));
	return close(file);
}

/* A file is replaced under the others' feet. */
static int reopen(struct weather *w, int fd)
{
	int opened = open(LIGHTOS_NODE, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	(void)w;
	if (opened < 0)
		return -1;
	(void)dup3(opened, fd, O_CLOEXEC);
	return close(opened);
}

static int blow(struct weather *w)
{
	int fd = files[below(w, FILES)];

	switch (below(w, 24)) {
	case 0:
		load_something(w, fd);
		return 0;
	case 1:
		return once_in(w, 8) ? reopen(w, fd) : begin_anything(w, fd);
	case 2:
		return once_in(w, 2) ? try_commit(fd, NULL) :
		       try_write(fd, (uint32_t)below(w, 11), number(w),
				 number(w), memory(w), NULL);
	case 3:
		return rings_of_any_size(w, fd);
	case 4:
	case 5:
	case 6:
		return run_anything(w, fd);
	case 7:
	case 8:
	case 9:
		return try_stop(fd);
	case 10:
	case 11:
	case 12:
	case 13:
		return transfer_anything(w, fd);
	case 14:
		return try_state(fd, (uint32_t)below(w, 3),
				 (uint32_t)number(w), (uint32_t)number(w),
				 (void *)(uintptr_t)memory(w));
	case 15:
		return try_network_reset(fd, (uint32_t)below(w, 9));
	case 16:
	case 17:
	case 18:
		return code_anything(w, fd);
	case 19:
		return map_and_scribble(w, fd);
	case 20:
	case 21:
		return call_anything(w, fd);
	default:
		return look_around(w, fd);
	}
}

static void *storm(void *argument)
{
	struct weather *w = argument;
	unsigned long i;

	for (i = 0; i < w->calls; i++)
		w->succeeded += blow(w) >= 0;
	return NULL;
}

/* Kilobytes that "name:" of /proc/meminfo stands at; 0 if it does not. */
static long meminfo(const char *name)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	long value = 0;

	CHECK(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			value = strtol(line + strlen(name), NULL, 10);
	fclose(file);
	return value;
}

static unsigned long from_environment(const char *name, unsigned long usual)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : usual;
}

static void let_it_storm(unsigned long calls, unsigned long seed)
{
	struct weather weather[THREADS];
	unsigned long succeeded = 0;
	size_t i;

	counter = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	CHECK_OK(counter);
	for (i = 0; i < FILES; i++)
		files[i] = open_node(O_RDWR | O_NONBLOCK);
	for (i = 0; i < THREADS; i++) {
		weather[i] = (struct weather){
			.random = 0x9e3779b97f4a7c15ULL * (seed + 1) + i,
			.calls = calls / THREADS,
		};
		start_thread(&weather[i].thread, storm, &weather[i]);
	}
	for (i = 0; i < THREADS; i++) {
		join_thread(weather[i].thread);
		succeeded += weather[i].succeeded;
	}
	for (i = 0; i < FILES; i++)
		CHECK_OK(close(files[i]));
	close(counter);
	printf("# seed %lu: %lu calls, %lu succeeded\n", seed, calls,
	       succeeded);
	/* A storm in which nothing works shows nothing. */
	CHECK_GT(succeeded, calls / 10);
}

static void check_calm(void)
{
	int fd = open_network(&loihi_network);

	check_loihi_run(fd);
	CHECK_OK(close(fd));
}

/* An hour: what a million calls may take on an emulated, sanitised kernel. */
TEST_TIMEOUT(random_calls, 3600)
{
	unsigned long calls = from_environment("LIGHTOS_STORM_CALLS", 20000);
	unsigned long seed = from_environment("LIGHTOS_STORM_SEED", 1);
	long before, after;
	int patience;

	check_calm();
	let_it_storm(calls / 10, seed + 1000);
	before = meminfo("VmallocUsed:");
	let_it_storm(calls, seed);
	check_calm();
	/* Rings of a size and some change; given back in the background. */
	for (patience = 0; patience < 600; patience++) {
		after = meminfo("VmallocUsed:");
		if (after <= before + 1024)
			break;
		sleep_ms(100);
	}
	printf("# VmallocUsed: %ld kB, then %ld kB\n", before, after);
	CHECK_LE(after, before + 1024);
}

int main(void)
{
	return harness_run();
}
