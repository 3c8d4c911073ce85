// SPDX-License-Identifier: GPL-2.0
/*
 * Before the system sleeps: light off, rails down, jobs ended, and nothing of it
 * comes back by itself. With "hold" as its argument: light, until somebody ends it.
 * Needs root, and a kernel with CONFIG_PM_DEBUG.
 */
#include "photonic.h"

#define MANY	8192

static void write_file(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);

	if (file < 0 || write(file, text, strlen(text)) < 0)
		FAIL("%s to %s: %s", text, path, strerror(errno));
	close(file);
}

/* All the way to where programs are frozen, and back. */
static void suspend_to_idle(void)
{
	if (access("/sys/power/pm_test", W_OK))
		SKIP("this kernel does not test how it sleeps");
	write_file("/sys/module/suspend/parameters/pm_test_delay", "0");
	write_file("/sys/power/pm_test", "freezer");
	write_file("/sys/power/state", "freeze");
}

static void check_dark(int fd)
{
	struct lightos_photonic_status status = status_of(fd);
	int i;

	CHECK_EQ(status.armed | status.emission | status.causes, 0);
	CHECK_EQ(status.state, LIGHTOS_PHOTONIC_UNINITIALISED);
	for (i = 0; i < 6; i++)
		CHECK_EQ(status.rail_state[i], LIGHTOS_PHOTONIC_RAIL_OFF);
}

TEST(suspend_takes_light_and_power)
{
	int fd = lit_anew(), result;
	uint64_t running, waiting;

	subscribe(fd, LIGHTOS_PHOTONIC_EVENT_LASER | LIGHTOS_PHOTONIC_EVENT_POWER);
	running = queue_job(fd, LIGHTOS_PHOTONIC_MAX_VECTORS, NULL);
	waiting = queue_job(fd, MANY, NULL);
	suspend_to_idle();
	check_dark(fd);
	CHECK_EQ(await_event(fd, UINT32_MAX).kind, LIGHTOS_PHOTONIC_EVENT_LASER);
	/* The light may be seen to go before the reason is. */
	result = result_of(fd, running);
	CHECK(result == EHOSTDOWN || result == ENETDOWN);
	CHECK_EQ(result_of(fd, waiting), EHOSTDOWN);
	/* Neither comes back by itself, and both do when asked for. */
	sleep_ms(50);
	check_dark(fd);
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_ARM), ENETDOWN);
	light_up(fd);
	CHECK_EQ(result_of(fd, queue_job(fd, 1, NULL)), 0);
}

TEST(suspend_without_power)
{
	int fd = reload_with(IDEAL);

	suspend_to_idle();
	check_dark(fd);
	light_up(fd);
}

int main(int count, char **arguments)
{
	if (count > 1 && !strcmp(arguments[1], "hold")) {
		(void)lit_anew();
		printf("lit\n");
		fflush(stdout);
		pause();
		return HARNESS_FAIL;
	}
	return harness_run();
}
