// SPDX-License-Identifier: GPL-2.0
/*
 * GET_DEVICE_STATE and what holds for the node as a whole: unknown calls, open
 * modes, one engine for all processes.
 */
#include "engine.h"

static struct lightos_device_state get_device(int fd)
{
	struct lightos_device_state state;

	memset(&state, 0xaa, sizeof(state));
	state.device_id = 0;
	CHECK_EQ(ioctl(fd, LIGHTOS_IOC_GET_DEVICE_STATE, &state), 0);
	return state;
}

TEST(device_0_is_the_engine)
{
	struct lightos_device_state state = get_device(fresh());

	CHECK_EQ(state.device_id, 0);
	CHECK_EQ(state.device_type, LIGHTOS_DEVICE_NPU);
	CHECK_LE(state.utilization_percent, 100);
	CHECK_EQ(state.power_watts, 0);
	CHECK_GT(state.memory_total_bytes, 0);
	CHECK_LE(state.memory_used_bytes, state.memory_total_bytes);
}

TEST(memory_follows_use)
{
	int fd = fresh();
	uint64_t empty = get_device(fd).memory_used_bytes;
	uint64_t total = get_device(fd).memory_total_bytes;
	uint64_t waiting, one, two;

	CHECK_EQ(empty, 0);
	submit(fd, 1, 0, 10);
	waiting = get_device(fd).memory_used_bytes;
	CHECK_GT(waiting, empty);
	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	apply(fd);
	one = get_device(fd).memory_used_bytes;
	CHECK_GT(one, empty);
	submit(fd, 1, 0, 10);
	apply(fd);
	CHECK_EQ(get_device(fd).memory_used_bytes, one);
	submit(fd, 2, 0, 10);
	apply(fd);
	two = get_device(fd).memory_used_bytes;
	CHECK_EQ(two, 2 * one);
	CHECK_EQ(get_device(fd).memory_total_bytes, total);
	CHECK_LE(two, total);
}

/* GET_DEVICE_STATE of the engine applies what is due, as GET_STATS does. */
TEST(device_0_catches_up)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, LIGHTOS_MAX_INTERVAL_US);
	start(fd);
	submit(fd, 5, 0, 600);
	(void)get_device(fd);
	CHECK_EQ(get_counters(fd).events_processed, 1);
	CHECK_LE(get_device(fd).utilization_percent, 100);
}

TEST(unknown_device)
{
	static const uint32_t unknown[] = {
		LIGHTOS_MAX_DEVICES, LIGHTOS_MAX_DEVICES + 1, 0x7fffffff,
		0x80000000, 0xffffffff,
	};
	int fd = fresh();
	size_t i;

	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		struct lightos_device_state state, before;

		memset(&state, 0xaa, sizeof(state));
		state.device_id = unknown[i];
		before = state;
		CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_GET_DEVICE_STATE, &state),
			    ENODEV);
		CHECK(!memcmp(&state, &before, sizeof(state)));
	}
}

/* Out fields are not read: a poisoned argument gives the same answer. */
TEST(out_fields_are_ignored)
{
	int fd = fresh();
	struct lightos_device_state poisoned = get_device(fd);
	struct lightos_device_state zeroed = { .device_id = 0 };

	CHECK_OK(ioctl(fd, LIGHTOS_IOC_GET_DEVICE_STATE, &zeroed));
	CHECK(!memcmp(&poisoned, &zeroed, sizeof(zeroed)));
}

/* Each code must be refused and leave a poisoned argument alone. */
static void check_unknown(int fd, const unsigned long *codes, size_t count)
{
	struct snapshot before = take_snapshot(fd);
	unsigned char argument[256];
	size_t i;

	for (i = 0; i < count; i++) {
		memset(argument, 0xaa, sizeof(argument));
		errno = 0;
		if (ioctl(fd, codes[i], argument) != -1 || errno != ENOTTY)
			FAIL("code %#lx: %s, expected ENOTTY", codes[i],
			     strerror(errno));
		CHECK(all_bytes(argument, sizeof(argument), 0xaa));
	}
	CHECK_UNCHANGED(fd, &before);
}

TEST(unknown_numbers)
{
	static const unsigned long codes[] = {
		_IO('L', 0x00), _IO('L', 0x08), _IOWR('L', 0x08, int),
		_IO('L', 0x1f), _IO('L', 0x22), _IO('L', 0x3f),
		_IO('L', 0x42), _IOWR('L', 0x43, int), _IO('L', 0x60),
		_IOWR('L', 0x70, struct lightos_query), _IO('L', 0xe0),
		_IO('L', 0xff), 0,
	};

	check_unknown(fresh(), codes, sizeof(codes) / sizeof(codes[0]));
}

TEST(unknown_types)
{
	static const unsigned long codes[] = {
		_IO('M', 0x03), _IO('M', 0x04), _IO('l', 0x03), _IO(0, 0x03),
		_IOW('K', 0x05, struct lightos_spike_event),
		_IOR('M', 0x06, struct lightos_spiking_config),
		_IOWR('M', 0x20, struct lightos_query),
	};

	check_unknown(fresh(), codes, sizeof(codes) / sizeof(codes[0]));
}

/* The calls of v0.2.0 are known by their whole code. */
TEST(legacy_numbers_with_another_size_or_direction)
{
	static const unsigned long codes[] = {
		_IO('L', 0x01), _IOR('L', 0x01, struct lightos_device_state),
		_IOW('L', 0x01, struct lightos_device_state),
		_IOWR('L', 0x01, int),
		_IOW('L', 0x02, struct lightos_spiking_config),
		_IOR('L', 0x02, struct lightos_spiking_config),
		_IOC(_IOC_READ | _IOC_WRITE, 'L', 0x02, 44),
		_IOW('L', 0x03, int), _IOR('L', 0x04, int),
		_IOWR('L', 0x05, struct lightos_spike_event),
		_IOR('L', 0x05, struct lightos_spike_event),
		_IOC(_IOC_WRITE, 'L', 0x05, 28),
		_IOWR('L', 0x06, struct lightos_spiking_config),
		_IOC(_IOC_READ, 'L', 0x06, 36),
		_IOR('L', 0x07, struct lightos_neuron_state),
		_IOC(_IOC_READ | _IOC_WRITE, 'L', 0x07, 28),
		/* The codes of the other word size. */
#ifdef __i386__
		0x40184C05, 0xC0204C07,
#else
		0x40144C05, 0xC0184C07,
#endif
	};

	check_unknown(fresh(), codes, sizeof(codes) / sizeof(codes[0]));
}

static void check_legacy_calls(int flags)
{
	int fd = open_node(flags);
	struct lightos_spiking_config config = { .enabled = 1 };

	stop(fd);
	CHECK_EQ(ioctl(fd, LIGHTOS_IOC_SPIKING_CONFIG, &config), 0);
	start(fd);
	submit(fd, 42, 0, 600);
	CHECK_EQ(get_stats(fd).enabled, 1);
	CHECK_EQ(get_neuron(fd, 42).total_spikes, 1);
	(void)get_device(fd);
	stop(fd);
	close(fd);
}

/* v0.2.0 did not look at the open mode; its calls still do not. */
TEST(legacy_calls_ignore_the_open_mode)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	int fd = fresh();
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		reset(fd, RESET_ALL);
		check_legacy_calls(modes[i]);
	}
}

static void in_another_process(void (*work)(void))
{
	int status;
	pid_t child = fork();

	CHECK_OK(child);
	if (!child) {
		work();
		_exit(HARNESS_PASS);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
}

static void configure_and_submit(void)
{
	int fd = open_node(O_RDWR);

	configure(fd, LIGHTOS_ENCODING_RATE, 7777);
	start(fd);
	submit(fd, 9, 0, 600);
}

TEST(one_engine_for_all_processes)
{
	int fd = fresh();

	in_another_process(configure_and_submit);
	CHECK_EQ(get_stats(fd).processing_interval_us, 7777);
	CHECK_EQ(get_counters(fd).running, 1);
	CHECK_EQ(spikes_of(fd, 9), 1);
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_SPIKING_START), EALREADY);
}

int main(void)
{
	return harness_run();
}
