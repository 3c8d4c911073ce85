// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of networks: charged to the memory cgroup of whoever loads them,
 * refused at its limit, and free again after close() and after SIGKILL in each
 * state. Needs root and the memory controller of cgroup v2.
 */
#include <sys/mount.h>
#include <sys/stat.h>

#include "network.h"

#define MIB		(1ULL << 20)

/* Seconds that memory may take to be given back. */
#define PATIENCE	60

/* What is no network: page tables, files, the programs themselves. */
#define SLACK		(2 * MIB)

static char group[64];

static void put(const char *file, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", group, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	CHECK_OK(fd);
	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* The number in a file of the group, after @key if that is given. */
static unsigned long long number(const char *file, const char *key)
{
	char path[128], line[256];
	FILE *stream;

	snprintf(path, sizeof(path), "%s/%s", group, file);
	stream = fopen(path, "r");
	CHECK(stream);
	while (fgets(line, sizeof(line), stream)) {
		size_t length = key ? strlen(key) : 0;

		if (key && (strncmp(line, key, length) || line[length] != ' '))
			continue;
		fclose(stream);
		return strtoull(line + length, NULL, 10);
	}
	FAIL("no %s in %s", key, path);
}

/* Memory of networks: all of it comes from vmalloc(). */
static unsigned long long charged(void)
{
	return number("memory.stat", "vmalloc");
}

/* A new group with a limit, without a process in it. */
static void make_group(const char *limit)
{
	static const char *const root = "/tmp/lightos-cgroup";

	if (geteuid())
		SKIP("needs root");
	mkdir(root, 0755);
	snprintf(group, sizeof(group), "%s", root);
	if (access("/tmp/lightos-cgroup/cgroup.procs", F_OK) &&
	    mount("none", root, "cgroup2", 0, NULL))
		SKIP("no cgroup v2");
	if (access("/tmp/lightos-cgroup/cgroup.subtree_control", W_OK))
		SKIP("no control of cgroups");
	if (!number("cgroup.procs", NULL))
		SKIP("no processes in the root of cgroups");
	put("cgroup.subtree_control", "+memory");
	snprintf(group, sizeof(group), "%s/%d", root, (int)getpid());
	CHECK_OK(mkdir(group, 0755));
	put("memory.max", limit);
}

static void enter_group(void)
{
	put("cgroup.procs", "0");
}

/* A network of so many synapses, and 1,024 neurons, that stays silent. */
static struct description big_network(uint64_t synapses)
{
	static const struct lightos_population population[] = {
		{ .count = 1024, .kind = LIGHTOS_KIND_JUMP, .params_count = 1 },
	};
	static const uint32_t delays[] = { 1 };
	static uint32_t starts[1025];
	struct description d = {
		.step_ns = 1000000,
		.tables = {
			[LIGHTOS_TABLE_POPULATIONS] = TABLE(population),
			[LIGHTOS_TABLE_EXACT_PARAMS] = TABLE(relay_params),
			[LIGHTOS_TABLE_DELAYS] = TABLE(delays),
			[LIGHTOS_TABLE_STARTS] = TABLE(starts),
			[LIGHTOS_TABLE_SYNAPSES] = { NULL, synapses },
		},
	};
	size_t i;

	for (i = 1; i < LENGTH(starts); i++)
		starts[i] = (uint32_t)synapses;
	return d;
}

/* Synapses keep their zeros: from each neuron to neuron 0. */
static int try_load_big(int fd, uint64_t synapses)
{
	struct description d = big_network(synapses);
	uint32_t table;

	if (try_begin(fd, &d) < 0)
		return -1;
	d.tables[LIGHTOS_TABLE_SYNAPSES].count = 0;
	for (table = 1; table < TABLES; table++)
		CHECK_OK(try_write(fd, table, 0, d.tables[table].count,
				   d.tables[table].entries, NULL));
	return try_commit(fd, NULL);
}

/* Waits until at most @most of the group's memory is that of networks. */
static void wait_until_free(unsigned long long most)
{
	uint64_t end = now_ns() + PATIENCE * NS_PER_S;

	while (charged() > most) {
		if (now_ns() > end)
			FAIL("%llu bytes are still charged", charged());
		sleep_ms(10);
	}
}

TEST(charged_to_the_group)
{
	struct lightos_network_stats stats;
	unsigned long long before, current;
	int fd;

	make_group("1G");
	enter_group();
	fd = open_node(O_RDWR);
	before = charged();
	current = number("memory.current", NULL);
	CHECK_OK(try_load_big(fd, 8 * MIB));
	stats = network_stats(fd);
	CHECK_GE(stats.bytes, 32 * MIB);
	CHECK_GE(charged() - before, stats.bytes);
	CHECK_LE(charged() - before, stats.bytes + SLACK);
	/* Some pages of a group are kept at each processor. */
	CHECK_GE(number("memory.current", NULL) - current + MIB, stats.bytes);
	/* The next one takes the place of this. */
	load_network(fd, &relay_network);
	CHECK_LE(charged() - before, network_stats(fd).bytes + SLACK);
	/* Other rings, other memory. */
	CHECK_OK(try_rings(fd, 1 << 20, 64, 64));
	CHECK_GE(charged() - before, 16 * MIB);
	CHECK_OK(try_rings(fd, 64, 64, 64));
	CHECK_LE(charged() - before, SLACK);
	close(fd);
	wait_until_free(before);
}

/*
 * The kernel gives back in the background what an allocation had got when it
 * failed. Until then the group is full, and a process in it must not need a
 * page: it waits outside.
 */
static int outside = -1, inside = -1;

static void wait_outside(unsigned long long most)
{
	CHECK_EQ(write(outside, "0", 1), 1);
	wait_until_free(most);
	CHECK_EQ(write(inside, "0", 1), 1);
}

#define CHECK_REFUSED(call, most)					\
	do {								\
		CHECK_ERRNO(call, ENOMEM);				\
		wait_outside(most);					\
	} while (0)

/* Tables and every ring, at a limit that they do not fit under. */
TEST(refused_at_the_limit)
{
	struct lightos_network_stats before, after;
	char path[128];
	int fd;

	make_group("21M");
	outside = open("/tmp/lightos-cgroup/cgroup.procs", O_WRONLY);
	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	inside = open(path, O_WRONLY);
	CHECK_OK(outside);
	CHECK_OK(inside);
	CHECK_OK(mlockall(MCL_CURRENT | MCL_FUTURE));
	enter_group();
	fd = open_network(&loihi_network);
	CHECK_OK(try_rings(fd, 64, 64, 64));
	before = network_stats(fd);
	CHECK_REFUSED(try_load_big(fd, 16 * MIB), MIB);
	CHECK_ERRNO(try_commit(fd, NULL), ENODATA);
	CHECK_REFUSED(try_rings(fd, 1 << 22, 64, 64), MIB);
	CHECK_REFUSED(try_rings(fd, 64, 1 << 22, 64), MIB);
	CHECK_REFUSED(try_rings(fd, 64, 64, 1 << 22), MIB);
	/* The tables fit, the rings do not. */
	CHECK_OK(try_rings(fd, 1 << 18, 64, 64));
	CHECK_REFUSED(try_load_big(fd, 4 * MIB), 20 * MIB + MIB / 2);
	CHECK_OK(try_rings(fd, 64, 64, 64));
	after = network_stats(fd);
	CHECK(!memcmp(&before, &after, sizeof(after)));
	check_loihi_run(fd);
	CHECK_EQ(number("memory.events", "oom_kill"), 0);
}

/* ------------------------------------------------------------------ */
/* The end of a process                                               */
/* ------------------------------------------------------------------ */

static void be_loading(int fd)
{
	struct description d = big_network(4 * MIB);

	CHECK_OK(try_begin(fd, &d));
}

static void be_idle(int fd)
{
	CHECK_OK(try_load_big(fd, 4 * MIB));
}

/* All neurons spike in each step, of long ones. */
static void make_busy(int fd)
{
	static struct lightos_neuron_variables v;

	be_idle(fd);
	v.membrane = 2 * UNIT;
	CHECK_OK(try_state(fd, LIGHTOS_STATE_WRITE, 0, 1, &v));
}

static void run_in_background(int fd)
{
	make_busy(fd);
	CHECK_OK(try_run(fd, 0, FAR, 0));
}

static void run_by_caller(int fd)
{
	make_busy(fd);
	/* Tells that it has begun by what the parent sees charged. */
	(void)try_run(fd, LIGHTOS_RUN_WAIT, FAR, 0);
}

static void run_in_real_time(int fd)
{
	make_busy(fd);
	CHECK_OK(try_run(fd, LIGHTOS_RUN_REAL_TIME, FAR, 20 * NS_PER_MS));
}

static void wait_in_real_time(int fd)
{
	make_busy(fd);
	(void)try_run(fd, LIGHTOS_RUN_REAL_TIME | LIGHTOS_RUN_WAIT, FAR,
		      NEVER_NS);
}

static void wait_in_read(int fd)
{
	char completion[64];

	make_busy(fd);
	start_waiting_run(fd);
	(void)!read(fd, completion, sizeof(completion));
}

static void be_mapped(int fd)
{
	volatile struct lightos_ring *ring;

	run_in_background(fd);
	ring = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(ring != MAP_FAILED);
	close(fd);
	ring->head = ring->head;
}

/* Kills a process in the state that @enter brings it to. */
static void check_kill(void (*enter)(int fd))
{
	pid_t child;
	int status;

	make_group("1G");
	child = fork();
	CHECK_OK(child);
	if (!child) {
		enter_group();
		enter(open_node(O_RDWR));
		pause();
		_exit(HARNESS_FAIL);
	}
	while (charged() < 16 * MIB) {
		CHECK_EQ(waitpid(child, &status, WNOHANG), 0);
		sleep_ms(5);
	}
	sleep_ms(100);
	CHECK_EQ(waitpid(child, &status, WNOHANG), 0);
	CHECK_OK(kill(child, SIGKILL));
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	wait_until_free(0);
	CHECK_OK(rmdir(group));
}

#define KILL_TEST(state)						\
	TEST(killed_##state)						\
	{								\
		check_kill(state);					\
	}

KILL_TEST(be_loading)
KILL_TEST(be_idle)
KILL_TEST(run_in_background)
KILL_TEST(run_by_caller)
KILL_TEST(run_in_real_time)
KILL_TEST(wait_in_real_time)
KILL_TEST(wait_in_read)
KILL_TEST(be_mapped)

/* A mapping holds the file, as any does, and old rings for themselves. */
TEST(mapped)
{
	unsigned long long before, with_mapping;
	void *ring;
	int fd;

	make_group("1G");
	enter_group();
	fd = open_node(O_RDWR);
	before = charged();
	CHECK_OK(try_load_big(fd, 4 * MIB));
	ring = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(ring != MAP_FAILED);
	CHECK_OK(try_rings(fd, 64, 64, 64));
	load_network(fd, &ticker_network);
	CHECK_OK(try_rings(fd, 64, 64, 64));
	memset(ring, 0xff, MIB);
	CHECK_LE(charged() - before, MIB);
	/* Pages of the old ring are none of vmalloc() any more. */
	close(fd);
	memset(ring, 0, MIB);
	with_mapping = number("memory.current", NULL);
	CHECK_OK(munmap(ring, MIB));
	wait_until_free(before);
	CHECK_GE(with_mapping - number("memory.current", NULL), MIB / 2);
}

/* ------------------------------------------------------------------ */
/* Growth                                                             */
/* ------------------------------------------------------------------ */

static void load_many(int rounds)
{
	int i;

	for (i = 0; i < rounds; i++) {
		int fd = open_network(&loihi_network);

		prepare_network(fd, &relay_network);
		CHECK_ERRNO(try_rings(fd, 65, 0, 0), EINVAL);
		advance(fd, 1);
		close(fd);
	}
}

TEST(thousand_loads)
{
	/* A sanitised kernel takes its time. */
	int rounds = access("/proc/self/fail-nth", F_OK) ? 1000 : 100;
	unsigned long long before, after;

	make_group("1G");
	enter_group();
	load_many(20);
	before = number("memory.current", NULL);
	load_many(rounds);
	wait_until_free(0);
	after = number("memory.current", NULL);
	printf("# memory.current: %llu, after %d loads %llu\n", before, rounds,
	       after);
	CHECK_LE(after, before + MIB);
}

int main(void)
{
	return harness_run();
}
