// SPDX-License-Identifier: GPL-2.0
/*
 * Named gates: shared by files and processes, owner and mode, lifetime, how many
 * there may be.
 */
#include "gates.h"

#define CREATE		LIGHTOS_MOE_OPEN_CREATE
#define EXCLUSIVE	LIGHTOS_MOE_OPEN_EXCLUSIVE
#define SOMEBODY	12345

static struct results out;

static void need_root(void)
{
	if (geteuid())
		SKIP("needs root");
}

/* Ends well if @run does, in a process of its own. */
static void in_child(void (*run)(int), int fd)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	CHECK_OK(child);
	if (!child) {
		run(fd);
		fflush(stdout);
		_exit(HARNESS_PASS);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
}

static void route_one(int fd)
{
	const float row[4] = { 0, 1, 0, 0 };
	struct lightos_moe_route request = batch(row, 1, &out);

	CHECK_OK(try_route(fd, &request));
}

static void open_and_route(int unused)
{
	int fd = open_node(O_RDWR);

	(void)unused;
	CHECK_OK(try_open(fd, "shared", 0, 0));
	route_one(fd);
	CHECK_EQ(gate_stats(fd, 0).tokens, 2);
}

TEST(two_processes_share_loads)
{
	struct lightos_moe_layer layer = softmax(4, 1);
	struct lightos_moe_open first = named("shared", CREATE, 0600);
	struct lightos_moe_open second = named("shared", CREATE, 0600);
	int fd = open_node(O_RDWR), other = open_node(O_RDWR);

	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_OPEN, &first));
	CHECK_OK(ioctl(other, LIGHTOS_IOC_MOE_OPEN, &second));
	CHECK_GT(first.gate, 0);
	CHECK_EQ(first.gate, second.gate);
	set_up(other, &layer, 1);
	route_one(fd);
	in_child(open_and_route, -1);
	CHECK_EQ(gate_stats(other, 0).tokens, 2);
	CHECK_EQ(gate_stats(fd, 0).activations, 2);
}

TEST(a_gate_goes_with_its_last_file)
{
	struct lightos_moe_layer layer = softmax(4, 1);
	int fd = open_node(O_RDWR), other = open_node(O_RDWR);

	CHECK_ERRNO(try_open(fd, "brief", 0, 0), ENOENT);
	CHECK_OK(try_open(fd, "brief", CREATE | EXCLUSIVE, 0600));
	set_up(fd, &layer, 1);
	CHECK_OK(try_open(other, "brief", 0, 0));
	close(fd);
	route_one(other);
	fd = open_node(O_RDWR);
	CHECK_ERRNO(try_open(fd, "brief", CREATE | EXCLUSIVE, 0600), EEXIST);
	close(other);
	CHECK_ERRNO(try_open(fd, "brief", 0, 0), ENOENT);
	CHECK_OK(try_open(fd, "brief", CREATE | EXCLUSIVE, 0600));
}

TEST(a_new_gate_is_not_configured)
{
	struct lightos_moe_stats stats = { .size = sizeof(stats) };
	int fd = open_node(O_RDWR);

	CHECK_OK(try_open(fd, "new", CREATE, 0600));
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_STATS, &stats), ENODATA);
}

TEST(one_gate_a_file)
{
	int fd = gate_of(softmax(4, 1));

	CHECK_ERRNO(try_open(fd, "second", CREATE, 0600), EBUSY);
	fd = open_node(O_RDWR);
	CHECK_OK(try_open(fd, "first", CREATE, 0600));
	CHECK_ERRNO(try_open(fd, "first", 0, 0), EBUSY);
	CHECK_ERRNO(try_open(fd, "second", CREATE, 0600), EBUSY);
	close(fd);
	/* The refused calls held nothing. */
	fd = open_node(O_RDWR);
	CHECK_ERRNO(try_open(fd, "first", 0, 0), ENOENT);
	CHECK_ERRNO(try_open(fd, "second", 0, 0), ENOENT);
}

TEST(names_that_are_none)
{
	static const char *const wrong[] = {
		"", "a b", "a/b", "\t", "\x7f", "\xc3\xa4",
	};
	struct lightos_moe_open request = named("x", CREATE, 0600);
	int fd = open_node(O_RDWR);
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK_ERRNO(try_open(fd, wrong[i], CREATE, 0600), EINVAL);
	request.name[2] = 'y';
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_OPEN, &request), EINVAL);
	memset(request.name, 'x', sizeof(request.name));
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_OPEN, &request), EINVAL);
	request.name[31] = 0;
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_OPEN, &request));
}

TEST(flags_and_modes)
{
	struct lightos_moe_open request = named("x", CREATE, 0600);
	int fd = open_node(O_RDWR), plain = open_node(O_RDONLY);

	CHECK_ERRNO(try_open(fd, "x", EXCLUSIVE, 0), EINVAL);
	CHECK_ERRNO(try_open(fd, "x", 4, 0), EINVAL);
	CHECK_ERRNO(try_open(fd, "x", 0, 0600), EINVAL);
	CHECK_ERRNO(try_open(fd, "x", CREATE, 0640), EINVAL);
	CHECK_ERRNO(try_open(fd, "x", CREATE, 0700), EINVAL);
	CHECK_ERRNO(try_open(fd, "x", CREATE, 01600), EINVAL);
	CHECK_ERRNO(try_open(plain, "x", CREATE, 0600), EBADF);
	request.reserved = 1;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_OPEN, &request), EINVAL);
	CHECK_ERRNO(try_open(fd, "x", 0, 0), ENOENT);
}

/* As somebody else, through files that root opened. */
static int files[4];

static void refused_by_0600(int unused)
{
	(void)unused;
	CHECK_OK(seteuid(SOMEBODY));
	CHECK_ERRNO(try_open(files[0], "owned", 0, 0), EACCES);
	CHECK_ERRNO(try_open(files[1], "owned", 0, 0), EACCES);
}

static void queries_by_0604(int unused)
{
	struct lightos_moe_stats stats = { .size = sizeof(stats) };

	(void)unused;
	CHECK_OK(seteuid(SOMEBODY));
	CHECK_ERRNO(try_open(files[0], "owned", 0, 0), EACCES);
	CHECK_OK(try_open(files[1], "owned", 0, 0));
	CHECK_OK(ioctl(files[1], LIGHTOS_IOC_MOE_STATS, &stats));
}

static void changes_by_0606(int unused)
{
	(void)unused;
	CHECK_OK(seteuid(SOMEBODY));
	CHECK_OK(try_open(files[2], "owned", 0, 0));
	route_one(files[2]);
}

static void check_others(uint32_t mode, void (*run)(int))
{
	struct lightos_moe_layer layer = softmax(4, 1);
	int fd = open_node(O_RDWR);

	need_root();
	files[0] = open_node(O_RDWR);
	files[1] = open_node(O_RDONLY);
	files[2] = open_node(O_RDWR);
	CHECK_OK(try_open(fd, "owned", CREATE | EXCLUSIVE, mode));
	set_up(fd, &layer, 1);
	in_child(run, -1);
}

TEST(mode_0600)
{
	check_others(0600, refused_by_0600);
}

TEST(mode_0604)
{
	check_others(0604, queries_by_0604);
}

TEST(mode_0606)
{
	check_others(0606, changes_by_0606);
}

static void own_gate_without_leave(int unused)
{
	(void)unused;
	CHECK_OK(seteuid(SOMEBODY));
	CHECK_OK(try_open(files[0], "mine", CREATE | EXCLUSIVE, 0400));
	CHECK_ERRNO(try_open(files[2], "mine", 0, 0), EACCES);
	CHECK_OK(try_open(files[1], "mine", 0, 0));
	/* Root may have anything. */
	CHECK_OK(seteuid(0));
	CHECK_OK(try_open(files[2], "mine", 0, 0));
}

TEST(owners_and_root)
{
	need_root();
	files[0] = open_node(O_RDWR);
	files[1] = open_node(O_RDONLY);
	files[2] = open_node(O_RDWR);
	in_child(own_gate_without_leave, -1);
}

TEST(so_many_names_and_no_more)
{
	char name[LIGHTOS_MOE_NAME_SIZE];
	int fds[LIGHTOS_MOE_MAX_NAMED + 1], i;

	for (i = 0; i <= LIGHTOS_MOE_MAX_NAMED; i++) {
		fds[i] = open_node(O_RDWR);
		snprintf(name, sizeof(name), "gate-%d", i);
		if (i < LIGHTOS_MOE_MAX_NAMED)
			CHECK_OK(try_open(fds[i], name, CREATE, 0600));
		else
			CHECK_ERRNO(try_open(fds[i], name, CREATE, 0600),
				    ENOSPC);
	}
	close(fds[0]);
	CHECK_OK(try_open(fds[LIGHTOS_MOE_MAX_NAMED], name, CREATE, 0600));
}

int main(void)
{
	return harness_run();
}
