// SPDX-License-Identifier: GPL-2.0
/*
 * Photonic processors that break: a model is told to, by its file in debugfs. What
 * ends the light, what it takes to have it again, what becomes of jobs, and what calls
 * do that get no memory. Needs root and a build with LIGHTOS_FAULTS=y.
 */
#include <linux/netlink.h>
#include <sys/socket.h>

#include "faults.h"
#include "photonic.h"

#define PHOTONIC_DEBUGFS	DEBUGFS "/lightos/photonic/0"
#define TRACING			"/sys/kernel/tracing"
#define LIGHTOS_EVENTS		TRACING "/events/lightos"

#define MANY		8192
/* Loads of the module with a site that fails. */
#define LOADS		12

static int try_inject(const char *command)
{
	int file = open(PHOTONIC_DEBUGFS "/inject", O_WRONLY | O_CLOEXEC);
	ssize_t written;
	int error;

	CHECK_OK(file);
	written = write(file, command, strlen(command));
	error = errno;
	close(file);
	errno = error;
	return written < 0 ? -1 : 0;
}

static void inject(const char *command)
{
	if (try_inject(command))
		FAIL("%s: %s", command, strerror(errno));
}

/* An ideal model with light and all events. */
static int lit_to_break(void)
{
	int fd = lit_anew();

	if (access(PHOTONIC_DEBUGFS "/inject", F_OK))
		SKIP("this build breaks no models");
	subscribe(fd, 0x1ff);
	return fd;
}

/* Waits for light that has ended by @cause. */
static void check_latched(int fd, uint32_t cause)
{
	uint64_t causes = 0;

	while (!(causes & cause))
		causes = await_event(fd, LIGHTOS_PHOTONIC_EVENT_LATCHED).value;
	AWAIT_STATUS(fd, !status.emission);
	CHECK_EQ(status_of(fd).armed, 0);
	CHECK_EQ(status_of(fd).causes & cause, cause);
	CHECK_EQ(status_of(fd).state, LIGHTOS_PHOTONIC_ERROR);
	CHECK_GE(status_of(fd).latches, 1);
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_ARM), EUCLEAN);
	CHECK_EQ(result_of(fd, queue_job(fd, 1, NULL)), EHOSTDOWN);
}

/* Clears until nothing is left; what is mended may take its time. */
static void clear_all(int fd)
{
	int tries;

	for (tries = 0; tries < 1000; tries++) {
		if (!control(fd, LIGHTOS_PHOTONIC_CLEAR)) {
			/* A device that was gone has more to say. */
			sleep_ms(10);
			if (!status_of(fd).causes)
				return;
		} else {
			CHECK_EQ(errno, EAGAIN);
		}
		sleep_ms(10);
	}
	FAIL("causes %#x stay", status_of(fd).causes);
}

/* Light again takes clearing, power where it went, and arming. */
static void check_light_again(int fd)
{
	clear_all(fd);
	CHECK_GT(await_event(fd, LIGHTOS_PHOTONIC_EVENT_CLEARED).time_ns, 0);
	/* Rails that are found on go down first. */
	AWAIT_STATUS(fd, status.state != LIGHTOS_PHOTONIC_INITIALISING);
	CHECK_EQ(status_of(fd).armed | status_of(fd).emission, 0);
	if (status_of(fd).state != LIGHTOS_PHOTONIC_READY)
		power_up(fd);
	CHECK_EQ(status_of(fd).emission, 0);
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_ARM));
	CHECK_EQ(status_of(fd).emission, 1);
	CHECK_EQ(result_of(fd, queue_job(fd, 1, NULL)), 0);
}

static void check_powerless(int fd)
{
	int i;

	AWAIT_STATUS(fd, status.rail_state[0] == LIGHTOS_PHOTONIC_RAIL_OFF);
	for (i = 0; i < 6; i++)
		CHECK_NE(status_of(fd).rail_state[i], LIGHTOS_PHOTONIC_RAIL_ON);
}

TEST(commands)
{
	static const char *const nonsense[] = {
		"", "x", "sensor", "sensor 0", "sensor 0 open 1", "sensor x open", "fan",
		"fan 2 2", "rail 0 sag", "heat -1", "ambient", "gone maybe",
	};
	char longer[4096];
	int fd = lit_to_break();
	size_t i;

	for (i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++)
		CHECK_ERRNO(try_inject(nonsense[i]), EINVAL);
	memset(longer, ' ', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	CHECK_ERRNO(try_inject(longer), EINVAL);
	/* Sensors and rails that are not there are nobody's fault. */
	inject("sensor 99 open");
	inject("rail 99 never");
	CHECK_EQ(status_of(fd).emission, 1);
}

/* Figures of the guard in this kernel; a failure is a missed tick alone. */
TEST(guard_keeps_time)
{
	int fd = lit_to_break();
	struct lightos_photonic_status before, after;
	uint64_t begin = now_ns(), ticks;

	before = status_of(fd);
	sleep_ms(2000);
	after = status_of(fd);
	ticks = after.ticks - before.ticks;
	CHECK_GT(ticks, 0);
	CHECK_EQ(after.ticks_missed, before.ticks_missed);
	printf("# guard: period %.1f us over %llu ticks, latest %.1f us, a tick %.1f us, longest %.1f us\n",
	       (double)(now_ns() - begin) / 1e3 / (double)ticks, (unsigned long long)ticks,
	       (double)after.late_max_ns / 1e3,
	       (double)(after.tick_ns - before.tick_ns) / 1e3 / (double)ticks,
	       (double)after.tick_max_ns / 1e3);
	inject("heat 100000");
	check_latched(fd, LIGHTOS_PHOTONIC_CAUSE_OVERTEMP);
	printf("# guard: from the sample to the write that turned the laser off %.1f us\n",
	       (double)status_of(fd).trip_max_ns / 1e3);
}

/* Temperature. */

TEST(heat_ends_light_and_jobs)
{
	int fd = lit_to_break(), other = open_node(O_RDWR);
	struct lightos_photonic_probe probe = { .size = sizeof(probe), .inputs = 1, .averages = 1 };
	int32_t numbers[2 * MODES] = { 0 };
	uint64_t job = queue_job(fd, LIGHTOS_PHOTONIC_MAX_VECTORS, NULL);
	char text[32];

	inject("heat 100000");
	CHECK_EQ(result_of(fd, job), EHOSTDOWN);
	check_latched(fd, LIGHTOS_PHOTONIC_CAUSE_OVERTEMP);
	CHECK_EQ(status_of(fd).first_cause, LIGHTOS_PHOTONIC_CAUSE_OVERTEMP);
	CHECK_EQ(status_of(fd).trips, 1);
	CHECK_GT(status_of(fd).trip_max_ns, 0);
	probe.input = probe.output = user_pointer(numbers);
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_PHOTONIC_PROBE, &probe), EHOSTDOWN);
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_POWER_UP), EUCLEAN);
	CHECK_EQ(read_number(hwmon_folder("lightos_model"), "temp1_emergency_alarm"), 1);
	CHECK(read_text(MODEL_FOLDER "/photonic", "state", text, sizeof(text)));
	CHECK(!strcmp(text, "error"));
	CHECK_EQ(read_number(MODEL_FOLDER "/photonic", "trips"), 1);
	CHECK(read_text(PHOTONIC_DEBUGFS, "faults", text, sizeof(text)));
	check_powerless(fd);
	inject("heat 0");
	clear_all(fd);
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_ARM), ENETDOWN);
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_POWER_UP));
	/* The key is nobody's. */
	CHECK_OK(control(other, LIGHTOS_PHOTONIC_ARM));
	CHECK_EQ(status_of(fd).rearms, 2);
}

TEST(heat_cannot_be_cleared_away)
{
	int fd = lit_to_break(), i;

	/* All say the same, and none jumps. */
	inject("sensor 0 drift 50000");
	inject("sensor 1 drift 50000");
	inject("sensor 2 drift 50000");
	check_latched(fd, LIGHTOS_PHOTONIC_CAUSE_OVERTEMP);
	check_powerless(fd);
	for (i = 0; i < 3; i++)
		CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_CLEAR), EAGAIN);
	CHECK_EQ(status_of(fd).causes & LIGHTOS_PHOTONIC_CAUSE_OVERTEMP,
		 LIGHTOS_PHOTONIC_CAUSE_OVERTEMP);
	inject("sensor 0 none");
	inject("sensor 1 none");
	inject("sensor 2 none");
	check_light_again(fd);
}

TEST(throttled_jobs)
{
	struct lightos_photonic_submit job = { .vectors = 1 };
	struct lightos_photonic_event event;
	int32_t numbers[2 * MODES] = { 0 };
	int fd = lit_to_break();

	job.input = user_pointer(numbers);
	job.flags = LIGHTOS_PHOTONIC_UNTHROTTLED;
	CHECK_EQ(run_job(fd, &job), 0);
	/* One that is at odds with the others still counts as a warning. */
	inject("sensor 2 drift 20000");
	event = await_event(fd, LIGHTOS_PHOTONIC_EVENT_THROTTLE);
	CHECK_GT(event.value, 0);
	AWAIT_STATUS(fd, status.state == LIGHTOS_PHOTONIC_THERMAL_LIMIT);
	CHECK_EQ(read_number(hwmon_folder("lightos_model"), "temp1_max_alarm"), 1);
	job.flags = LIGHTOS_PHOTONIC_UNTHROTTLED;
	CHECK_EQ(run_job(fd, &job), EBUSY);
	job.flags = 0;
	CHECK_EQ(run_job(fd, &job), 0);
	CHECK_GT(status_of(fd).throttled_ns, 0);
	check_latched(fd, LIGHTOS_PHOTONIC_CAUSE_OVERTEMP);
}

/* Sensors. */

TEST(one_sensor_may_fail)
{
	static const struct {
		const char *command;
		uint32_t fault;
	} faults[] = {
		{ "sensor 1 open", 1 },
		{ "sensor 1 short", 2 },
		{ "sensor 1 stale", 3 },
		{ "sensor 1 stuck", 4 },
		{ "sensor 1 jump 60000", 5 },
	};
	int fd = lit_to_break();
	const char *folder = hwmon_folder("lightos_model");
	char text[32];
	size_t i;

	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		inject(faults[i].command);
		CHECK_EQ(await_event(fd, LIGHTOS_PHOTONIC_EVENT_SENSOR).value, 1 << 1);
		AWAIT_STATUS(fd, status.sensor_faults[1] == faults[i].fault);
		CHECK_EQ(read_number(folder, "temp2_fault"), 1);
		CHECK(!read_text(folder, "temp2_input", text, sizeof(text)));
		CHECK_EQ(errno, ENODATA);
		inject("sensor 1 none");
		AWAIT_STATUS(fd, !status.sensor_faults[1]);
		CHECK_EQ(await_event(fd, LIGHTOS_PHOTONIC_EVENT_SENSOR).value, 0);
	}
	CHECK_EQ(status_of(fd).causes, 0);
	CHECK_EQ(status_of(fd).emission, 1);
}

TEST(no_sensor_is_no_light)
{
	int fd = lit_to_break();

	inject("sensor 0 open");
	inject("sensor 1 stuck");
	inject("sensor 2 stale");
	check_latched(fd, LIGHTOS_PHOTONIC_CAUSE_SENSORS);
	check_powerless(fd);
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_CLEAR), EAGAIN);
	inject("sensor 0 none");
	inject("sensor 1 none");
	inject("sensor 2 none");
	check_light_again(fd);
}

/* Fan and cooler. */

/* So warm by its thresholds that all the cooling that there is has to work. */
static void make_warm(int fd, const char *heat)
{
	struct lightos_photonic_limits limits = {
		.throttle_mc = 40000, .full_mc = 42000, .emergency_mc = 95000,
		.hysteresis_mc = 1000, .setpoint_mc = 30000,
	};

	CHECK_OK(try_limits(fd, LIGHTOS_PHOTONIC_LIMITS_SET, &limits));
	inject(heat);
}

TEST(fan_stands_still)
{
	int fd = lit_to_break();

	make_warm(fd, "heat 40000");
	AWAIT_STATUS(fd, status.fan_rpm > 1000);
	inject("fan 1");
	check_latched(fd, LIGHTOS_PHOTONIC_CAUSE_FAN);
	CHECK_EQ(read_number(hwmon_folder("lightos_model"), "fan1_alarm"), 1);
	CHECK_EQ(status_of(fd).rail_state[0], LIGHTOS_PHOTONIC_RAIL_ON);
}

TEST(cooler_does_not_cool)
{
	int fd = lit_to_break();

	inject("tec limited 0");
	make_warm(fd, "heat 8000");
	check_latched(fd, LIGHTOS_PHOTONIC_CAUSE_TEC);
	CHECK_EQ(status_of(fd).rail_state[0], LIGHTOS_PHOTONIC_RAIL_ON);
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_CLEAR), EAGAIN);
}

/* Rails. */

static long rails_enabled(void)
{
	FILE *file = fopen(PHOTONIC_DEBUGFS "/registers", "r");
	char line[128], name[32];
	unsigned int value;

	CHECK(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%*x %31s %x", name, &value) == 2 &&
		    !strcmp(name, "rail_enable")) {
			fclose(file);
			return value;
		}
	FAIL("no rail_enable among the registers");
}

TEST(rail_is_never_good)
{
	int fd = lit_to_break();

	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_POWER_DOWN));
	CHECK_EQ(rails_enabled(), 0);
	inject("rail 3 never");
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_POWER_UP), ETIMEDOUT);
	CHECK_EQ(status_of(fd).causes, LIGHTOS_PHOTONIC_CAUSE_RAIL_TIMEOUT);
	/* What was up is down again. */
	check_powerless(fd);
	CHECK_EQ(rails_enabled(), 0);
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_POWER_UP), EUCLEAN);
	inject("rail 3 none");
	check_light_again(fd);
}

static void check_rail(const char *fault, uint32_t cause)
{
	int fd = lit_to_break();

	inject(fault);
	check_latched(fd, cause);
	CHECK_EQ(status_of(fd).first_cause, cause);
	check_powerless(fd);
	CHECK_EQ(rails_enabled(), 0);
	inject("rail 4 none");
	check_light_again(fd);
}

TEST(rail_draws_too_much)
{
	check_rail("rail 4 overcurrent", LIGHTOS_PHOTONIC_CAUSE_OVERCURRENT);
}

TEST(rail_sags)
{
	check_rail("rail 4 sag 700", LIGHTOS_PHOTONIC_CAUSE_UNDERVOLTAGE);
}

TEST(rail_does_not_go_off)
{
	int fd = lit_to_break();

	inject("rail 2 stuck");
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_POWER_DOWN), EIO);
	CHECK_EQ(status_of(fd).emission, 0);
	CHECK_EQ(status_of(fd).causes, LIGHTOS_PHOTONIC_CAUSE_RAIL_STUCK);
	CHECK_EQ(status_of(fd).rail_state[2], LIGHTOS_PHOTONIC_RAIL_FAULT);
	/* Those under it stay. */
	CHECK_EQ(rails_enabled(), 3);
	inject("rail 2 none");
	check_powerless(fd);
	check_light_again(fd);
}

/* Interlock. */

static int open_uevents(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	struct timeval patience = { .tv_sec = 10 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	CHECK_OK(fd);
	CHECK_OK(bind(fd, (struct sockaddr *)&address, sizeof(address)));
	CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)));
	return fd;
}

/* Waits for a uevent that has the string among its own. */
static void await_uevent(int fd, const char *wanted)
{
	char text[4096];

	for (;;) {
		ssize_t length = recv(fd, text, sizeof(text) - 1, 0), at;

		if (length < 0)
			FAIL("no uevent with %s: %s", wanted, strerror(errno));
		text[length] = '\0';
		for (at = 0; at < length; at += (ssize_t)strlen(text + at) + 1)
			if (!strcmp(text + at, wanted))
				return;
	}
}

TEST(interlock)
{
	int fd = lit_to_break(), uevents = open_uevents();

	inject("interlock 1");
	check_latched(fd, LIGHTOS_PHOTONIC_CAUSE_INTERLOCK);
	await_uevent(uevents, "LIGHTOS_ACTION=latched");
	/* The chip keeps its power. */
	CHECK_EQ(status_of(fd).rail_state[5], LIGHTOS_PHOTONIC_RAIL_ON);
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_CLEAR), EAGAIN);
	inject("interlock 0");
	CHECK_EQ(status_of(fd).emission, 0);
	check_light_again(fd);
	await_uevent(uevents, "LIGHTOS_ACTION=cleared");
	/* Open before: nothing is latched, and nothing armed. */
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_DISARM));
	inject("interlock 1");
	sleep_ms(10);
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_ARM), ENOLCK);
	CHECK_EQ(status_of(fd).causes, 0);
}

/* The device. */

TEST(device_goes_and_comes)
{
	int fd = lit_to_break();
	struct lightos_photonic_event event;
	uint64_t job = queue_job(fd, LIGHTOS_PHOTONIC_MAX_VECTORS, NULL);
	int result;

	AWAIT_STATUS(fd, status.state == LIGHTOS_PHOTONIC_BUSY);
	inject("gone 1");
	result = result_of(fd, job);
	CHECK(result == EHOSTDOWN || result == ESHUTDOWN);
	event = await_event(fd, LIGHTOS_PHOTONIC_EVENT_LATCHED);
	CHECK_EQ(event.value & LIGHTOS_PHOTONIC_CAUSE_GONE, LIGHTOS_PHOTONIC_CAUSE_GONE);
	CHECK_EQ(status_of(fd).state, LIGHTOS_PHOTONIC_SHUTDOWN);
	CHECK_EQ(status_of(fd).armed | status_of(fd).emission, 0);
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_ARM), EUCLEAN);
	CHECK_EQ(result_of(fd, queue_job(fd, 1, NULL)), EHOSTDOWN);
	CHECK_EQ(info_of(fd, 0).modes, MODES);
	inject("gone 0");
	check_light_again(fd);
}

TEST(unloading_a_device_that_is_gone)
{
	int fd = lit_to_break();

	inject("gone 1");
	(void)await_event(fd, LIGHTOS_PHOTONIC_EVENT_LATCHED);
	CHECK_OK(close(fd));
	unload();
	load();
}

TEST(unloading_a_hot_device)
{
	int fd = lit_to_break();

	inject("heat 100000");
	(void)await_event(fd, LIGHTOS_PHOTONIC_EVENT_LATCHED);
	CHECK_OK(close(fd));
	unload();
	load();
}

/* Order, by the tracepoints. */

static void write_file(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	CHECK_OK(file);
	CHECK_EQ(write(file, text, strlen(text)), (ssize_t)strlen(text));
	close(file);
}

/* The first place in the trace where both words stand in a line; 0 for none. */
static int trace_line(const char *event, const char *word)
{
	FILE *file = fopen(TRACING "/trace", "r");
	char line[512];
	int number = 0, found = 0;

	CHECK(file);
	while (!found && fgets(line, sizeof(line), file)) {
		number++;
		if (strstr(line, event) && strstr(line, word))
			found = number;
	}
	fclose(file);
	return found;
}

TEST(light_goes_before_power)
{
	int fd = lit_to_break(), dark;

	if (access(LIGHTOS_EVENTS "/lightos_photonic_laser", F_OK))
		SKIP("this kernel has no tracepoints");
	write_file(TRACING "/trace", "\n");
	write_file(LIGHTOS_EVENTS "/lightos_photonic_laser/enable", "1");
	write_file(LIGHTOS_EVENTS "/lightos_photonic_power/enable", "1");
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_POWER_DOWN));
	AWAIT_STATUS(fd, trace_line("lightos_photonic_power", "state=uninitialised"));
	dark = trace_line("lightos_photonic_laser", "on=0");
	CHECK_GT(dark, 0);
	CHECK_GT(trace_line("lightos_photonic_power", "state=uninitialised"), dark);
}

/* Signals. */

static void on_alarm(int signal)
{
	(void)signal;
}

/* An alarm soon and again, as one may come before the call. */
static void ring(bool on)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval soon = {
		.it_value.tv_usec = on ? 20000 : 0, .it_interval.tv_usec = on ? 20000 : 0,
	};

	CHECK_OK(sigaction(SIGALRM, &action, NULL));
	CHECK_OK(setitimer(ITIMER_REAL, &soon, NULL));
}

TEST(signals_end_waiting)
{
	struct lightos_photonic_wait call = { 0 };
	int fd = lit_to_break();
	uint64_t job = queue_job(fd, LIGHTOS_PHOTONIC_MAX_VECTORS, NULL);

	ring(true);
	CHECK_ERRNO(try_wait(fd, job, UINT64_MAX, &call), EINTR);
	ring(false);
	/* The job goes on. */
	AWAIT_STATUS(fd, status.state == LIGHTOS_PHOTONIC_BUSY);
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_RESET_SOFT));
	CHECK_EQ(result_of(fd, job), ECANCELED);
}

/* The number is there, so that the job can be waited for. */
TEST(signals_end_jobs_at_once)
{
	static int32_t numbers[2 * MODES * LIGHTOS_PHOTONIC_MAX_VECTORS];
	struct lightos_photonic_submit job = {
		.flags = LIGHTOS_PHOTONIC_NOW, .vectors = LIGHTOS_PHOTONIC_MAX_VECTORS,
		.input = user_pointer(numbers),
	};
	int fd = lit_to_break();

	ring(true);
	CHECK_ERRNO(try_job(fd, &job), EINTR);
	ring(false);
	CHECK_GT(job.job, 0);
	/* The signal may have come before the worker. */
	AWAIT_STATUS(fd, status.state == LIGHTOS_PHOTONIC_BUSY);
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_RESET_SOFT));
	CHECK_EQ(result_of(fd, job.job), ECANCELED);
}

TEST(signals_end_powering_up)
{
	int fd = lit_to_break();

	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_POWER_DOWN));
	inject("rail 5 never");
	ring(true);
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_POWER_UP), EINTR);
	ring(false);
	/* It goes on, and fails, by itself. */
	AWAIT_STATUS(fd, status.causes == LIGHTOS_PHOTONIC_CAUSE_RAIL_TIMEOUT);
	check_powerless(fd);
}

/* Memory. */

static int32_t vectors[2 * MODES * DEPTH];
static int32_t exponents[DEPTH];
static uint32_t some[CHANNELS];
static uint64_t queued;

static int run_set(int fd)
{
	return set_phases(fd, 0, CHANNELS, some, LIGHTOS_PHOTONIC_COMMIT);
}

static int run_get(int fd)
{
	return get_phases(fd, 0, CHANNELS, some, some, some);
}

static int run_queue(int fd)
{
	struct lightos_photonic_submit job = {
		.vectors = DEPTH, .input = user_pointer(vectors),
		.input_exponents = user_pointer(exponents),
	};
	int result = try_job(fd, &job);

	/* A job whose number got lost is in the queue all the same. */
	queued += !result;
	return result;
}

static int run_measure(int fd)
{
	struct lightos_photonic_probe probe = {
		.size = sizeof(probe), .inputs = 2, .averages = 1,
		.input = user_pointer(vectors), .output = user_pointer(vectors),
	};

	return ioctl(fd, LIGHTOS_IOC_PHOTONIC_PROBE, &probe);
}

static int run_subscribe(int fd)
{
	struct lightos_photonic_events call = {
		.size = sizeof(call), .flags = LIGHTOS_PHOTONIC_EVENTS_SUBSCRIBE,
		.devices = 1, .kinds = 0x1ff,
	};

	return ioctl(fd, LIGHTOS_IOC_PHOTONIC_EVENTS, &call);
}

static int run_status(int fd)
{
	static struct lightos_photonic_status status;

	return try_status(fd, 0, &status);
}

static int run_firmware(int fd)
{
	struct lightos_photonic_calibration call = {
		.size = sizeof(call), .op = LIGHTOS_PHOTONIC_CALIBRATION_FIRMWARE,
	};
	int result = ioctl(fd, LIGHTOS_IOC_PHOTONIC_CALIBRATION, &call);

	/* There is none: the answer where nothing fails. */
	return result < 0 && errno == ENOENT ? 0 : result;
}

/* Each site fails once, on a file that knows nothing yet; the processor goes on. */
static void check_sites(const char *name, int (*run)(int fd))
{
	unsigned int n = 0, left = 0;

	while (!left) {
		int fd = open_node(O_RDWR), result, error;

		CHECK_LE(++n, MAX_SITES);
		arm(n);
		errno = 0;
		result = run(fd);
		error = errno;
		left = disarm();
		if (result < 0 && error != ENOMEM && error != EFAULT)
			FAIL("%s, site %u: %s", name, n, strerror(error));
		if (result < 0 && left)
			FAIL("%s fails without a fault: %s", name, strerror(error));
		CHECK_OK(close(fd));
	}
	printf("# %s: %u sites\n", name, n - 1);
	CHECK_GT(n, 1);
}

TEST(calls_without_memory)
{
	int fd = lit_to_break();

	need_faults();
	check_sites("SET_PHASES", run_set);
	check_sites("GET_PHASES", run_get);
	check_sites("SUBMIT", run_queue);
	check_sites("PROBE", run_measure);
	check_sites("EVENTS", run_subscribe);
	check_sites("STATUS", run_status);
	check_sites("CALIBRATION", run_firmware);
	AWAIT_STATUS(fd, status.state == LIGHTOS_PHOTONIC_READY);
	CHECK_EQ(status_of(fd).emission, 1);
	CHECK_GE(status_of(fd).jobs, 1);
	CHECK_EQ(result_of(fd, queue_job(fd, 1, NULL)), 0);
}

/* Loading with the n-th site failing: whole, or not at all. */
static unsigned int load_with_fault(unsigned int n)
{
	int file = module_file(), result;
	unsigned int left;

	arm(n);
	result = (int)syscall(SYS_finit_module, file, IDEAL, 0);
	left = disarm();
	close(file);
	if (result) {
		CHECK(!left);
		CHECK(!module_present());
	} else {
		int fd = open(LIGHTOS_NODE, O_RDWR | O_CLOEXEC);

		/* The driver core loads on where it cannot make the node. */
		if (fd < 0)
			CHECK_EQ(errno, ENOENT);
		else
			CHECK_EQ(info_of(fd, 0).devices, 1);
		if (fd >= 0)
			close(fd);
		unload_between_opens();
	}
	return left;
}

TEST_TIMEOUT(loading_without_memory, 3 * HARNESS_TIMEOUT)
{
	unsigned int total, n;

	need_faults();
	if (sizeof(long) == 4)
		SKIP("the same for both words");
	need_module_control();
	if (module_present())
		unload_between_opens();
	total = 1000000 - load_with_fault(1000000);
	printf("# loading with a model has %u sites\n", total);
	CHECK_GT(total, LOADS);
	/* The last ones are those of the model and what shows it. */
	for (n = 1; n <= LOADS; n++)
		(void)load_with_fault(total - (total / 2 * (n - 1)) / LOADS);
	close(reload_with(IDEAL));
}

int main(void)
{
	int status = harness_run();

	if (!geteuid() && module_present() && !access(module_path(), R_OK))
		(void)try_unload();
	leave_loaded();
	return status;
}
