// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading: the engine of a fresh module, the line in the log,
 * unloading with files open, with timers and work under way, and in a storm of
 * opens, and processes that die in the middle of it. Needs root.
 */
#include <sys/stat.h>

#include "module.h"

#define BANNER		"LightOS Neural Compute Engine v0.2.0 loaded"
#define CYCLES		20
#define STORMERS	4

TEST(node)
{
	struct stat node;

	close(reload());
	CHECK_OK(stat(LIGHTOS_NODE, &node));
	CHECK(S_ISCHR(node.st_mode));
	unload();
	CHECK_ERRNO(stat(LIGHTOS_NODE, &node), ENOENT);
	load();
	CHECK_OK(stat(LIGHTOS_NODE, &node));
}

static void check_fresh_engine(int fd)
{
	struct lightos_spiking_config stats = get_stats(fd);
	struct lightos_spiking_counters counters = get_counters(fd);

	CHECK_EQ(stats.encoding, LIGHTOS_ENCODING_RATE);
	CHECK_EQ(stats.enabled, 0);
	CHECK_EQ(stats.max_events_per_cycle, 1000);
	CHECK_EQ(stats.processing_interval_us, 1000);
	CHECK_EQ(stats.target_sparsity_percent, 69);
	CHECK_EQ(stats.current_sparsity_percent, 100);
	CHECK_EQ(stats.total_events_processed, 0);
	CHECK_EQ(stats.events_dropped, 0);
	CHECK(all_bytes((char *)&counters + sizeof(counters.size),
			sizeof(counters) - sizeof(counters.size), 0));
}

/* Before any CONFIG: the defaults, disabled, and SUBMIT is safe. */
TEST(engine_after_load)
{
	int fd = reload();

	check_fresh_engine(fd);
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_SPIKING_START), EINVAL);
	stop(fd);
	submit(fd, 42, 0, 600);
	CHECK_EQ(get_neuron(fd, 42).membrane_potential_mv, REST_MV);
	CHECK_EQ(get_neuron(fd, 42).state, LIGHTOS_NEURON_RESTING);
	CHECK_EQ(get_counters(fd).events_pending, 1);
}

TEST(reload_forgets)
{
	int fd = reload();

	configure(fd, LIGHTOS_ENCODING_DELTA, 5000);
	start(fd);
	submit(fd, 42, 0, 600);
	CHECK_EQ(spikes_of(fd, 42), 1);
	submit(fd, 43, now_ns() + 30 * NS_PER_S, 600);
	close(fd);
	fd = reload();
	check_fresh_engine(fd);
	CHECK_EQ(spikes_of(fd, 42), 0);
}

/* Closing the last file does not: the engine belongs to the system. */
TEST(engine_outlives_files)
{
	int fd = reload();

	configure(fd, LIGHTOS_ENCODING_RATE, 5000);
	start(fd);
	close(fd);
	fd = open_node(O_RDWR);
	CHECK_EQ(get_counters(fd).running, 1);
	CHECK_EQ(get_stats(fd).processing_interval_us, 5000);
}

/* Lines with the banner between two places in the log. */
static int count_banners(int log)
{
	char record[8192];
	int banners = 0;

	for (;;) {
		ssize_t length = read(log, record, sizeof(record) - 1);

		if (length < 0 && errno == EPIPE)
			FAIL("the log ran over");
		if (length <= 0)
			return banners;
		record[length] = '\0';
		banners += strstr(record, BANNER) != NULL;
	}
}

TEST(one_line_in_the_log_a_load)
{
	int log, i;

	close(reload());
	log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	CHECK_OK(log);
	for (i = 0; i < 3; i++) {
		unload();
		CHECK_OK(lseek(log, 0, SEEK_END));
		load();
		close(open_node(O_RDWR));
		CHECK_EQ(count_banners(log), 1);
	}
}

TEST(second_load_is_refused)
{
	int fd = reload();

	submit(fd, 1, 0, 10);
	CHECK_ERRNO(try_load(), EEXIST);
	CHECK_EQ(get_counters(fd).events_pending, 1);
}

TEST(unload_with_an_open_file_is_refused)
{
	int fd = reload();
	int other;

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	start(fd);
	CHECK_ERRNO(try_unload(), EWOULDBLOCK);
	submit(fd, 1, 0, 600);
	CHECK_EQ(spikes_of(fd, 1), 1);
	other = dup(fd);
	CHECK_OK(other);
	CHECK_OK(close(fd));
	CHECK_ERRNO(try_unload(), EWOULDBLOCK);
	CHECK_EQ(spikes_of(other, 1), 1);
	CHECK_OK(close(other));
	unload();
	load();
}

TEST(unload_and_load_many_times)
{
	int i;

	close(reload());
	for (i = 0; i < CYCLES; i++) {
		unload();
		load();
	}
	check_fresh_engine(open_node(O_RDWR));
}

/* Leaves a running engine with events near and far, and closes its file. */
static void leave_events_behind(int fd)
{
	uint64_t now;
	uint32_t i;

	configure(fd, LIGHTOS_ENCODING_RATE, LIGHTOS_MIN_INTERVAL_US);
	start(fd);
	now = now_ns();
	for (i = 0; i < 100; i++) {
		submit(fd, i, now + NS_PER_MS, 600);
		submit(fd, i, now + 10 * NS_PER_MS, 600);
		submit(fd, i, now + 30 * NS_PER_S, 600);
	}
	CHECK_OK(close(fd));
}

/* Unloads before, at and after the first timer; nothing fires later. */
TEST(unload_with_timers_pending)
{
	int i;

	for (i = 0; i < CYCLES; i++) {
		leave_events_behind(reload());
		sleep_ns((uint64_t)i * 150 * NS_PER_US);
		unload();
		sleep_ms(15);
		load();
	}
	check_fresh_engine(open_node(O_RDWR));
}

/* A full queue, one event a cycle: work is queued all the time. */
static void leave_work_behind(int fd)
{
	const struct lightos_spiking_config config = {
		.enabled = 1, .max_events_per_cycle = 1,
		.processing_interval_us = LIGHTOS_MIN_INTERVAL_US,
	};
	uint32_t i;

	CHECK_OK(try_config(fd, &config));
	for (i = 0; i < LIGHTOS_MAX_PENDING_EVENTS; i++)
		submit(fd, i, 0, 600);
	start(fd);
	CHECK_OK(close(fd));
}

TEST(unload_with_work_pending)
{
	int i;

	for (i = 0; i < CYCLES; i++) {
		leave_work_behind(reload());
		sleep_ns((uint64_t)i * 70 * NS_PER_US);
		unload();
		sleep_ms(1);
		load();
	}
	check_fresh_engine(open_node(O_RDWR));
}

struct storm {
	volatile bool over;
	volatile unsigned int opens[STORMERS];
};

/* What opening a node may say whose module is just coming or going. */
static bool transient(int error)
{
	return error == ENOENT || error == ENODEV || error == ENXIO;
}

static void open_and_close(struct storm *storm, int number)
{
	while (!storm->over) {
		int fd = open(LIGHTOS_NODE, O_RDWR);

		if (fd < 0) {
			if (!transient(errno))
				FAIL("open: %s", strerror(errno));
		} else {
			(void)get_stats(fd);
			if (try_submit(fd, (uint32_t)number, 0, 600) < 0)
				CHECK_EQ(errno, ENOSPC);
			CHECK_OK(close(fd));
			storm->opens[number]++;
		}
		sleep_ns(NS_PER_MS);
	}
}

static struct storm *begin_storm(pid_t *children)
{
	struct storm *storm = mmap(NULL, sizeof(*storm),
				   PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int i;

	CHECK(storm != MAP_FAILED);
	memset((void *)storm, 0, sizeof(*storm));
	for (i = 0; i < STORMERS; i++) {
		children[i] = fork();
		CHECK_OK(children[i]);
		if (!children[i]) {
			open_and_close(storm, i);
			_exit(HARNESS_PASS);
		}
	}
	return storm;
}

static void end_storm(struct storm *storm, const pid_t *children)
{
	int i, status;

	storm->over = true;
	for (i = 0; i < STORMERS; i++) {
		CHECK_EQ(waitpid(children[i], &status, 0), children[i]);
		CHECK_EQ(status, 0);
		CHECK_GT(storm->opens[i], 0);
	}
}

static unsigned int opens_in(const struct storm *storm)
{
	unsigned int sum = 0;
	int i;

	for (i = 0; i < STORMERS; i++)
		sum += storm->opens[i];
	return sum;
}

/* Each load lasts until somebody has used it, or it would prove nothing. */
TEST(load_and_unload_in_a_storm_of_opens)
{
	pid_t children[STORMERS];
	struct storm *storm;
	int i;

	close(reload());
	storm = begin_storm(children);
	for (i = 0; i < CYCLES; i++) {
		unsigned int opens = opens_in(storm);

		while (opens_in(storm) < opens + STORMERS)
			sleep_ms(1);
		unload_between_opens();
		load();
	}
	while (!storm->opens[0] || !storm->opens[1] || !storm->opens[2] ||
	       !storm->opens[3])
		sleep_ms(1);
	end_storm(storm, children);
	unload();
	load();
}

/* Submits without end; killed in the midst of it. */
static void submit_for_ever(void)
{
	int fd = open_node(O_RDWR);
	uint32_t i;

	for (i = 0;; i++)
		(void)try_submit(fd, i % LIGHTOS_MAX_NEURONS, 0, 600);
}

TEST(killed_submitter_leaves_nothing_open)
{
	int fd = reload();
	struct lightos_spiking_counters counters;
	int i, status;

	configure(fd, LIGHTOS_ENCODING_RATE, LIGHTOS_MIN_INTERVAL_US);
	start(fd);
	for (i = 0; i < CYCLES; i++) {
		uint64_t before = get_counters(fd).events_submitted;
		pid_t child = fork();

		CHECK_OK(child);
		if (!child)
			submit_for_ever();
		while (get_counters(fd).events_submitted < before + 100)
			sleep_ms(1);
		CHECK_OK(kill(child, SIGKILL));
		CHECK_EQ(waitpid(child, &status, 0), child);
		counters = get_counters(fd);
		CHECK_EQ(counters.events_submitted,
			 counters.events_processed + counters.events_pending);
	}
	CHECK_OK(close(fd));
	unload();
	load();
}

int main(void)
{
	int status = harness_run();

	leave_loaded();
	return status;
}
