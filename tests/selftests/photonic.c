// SPDX-License-Identifier: GPL-2.0
/*
 * Photonic processors that are models: what is shown of them, power and light,
 * phases, products, jobs, measurements, calibrations, thresholds, events.
 * Loads the module with models, and leaves it loaded without. Needs root.
 *
 * A model's laser goes off when the guard is 2 ms late: on a host that is busy
 * this wants a guest in virtual time (scripts/guest.sh -v).
 */
#include <stddef.h>

#include "photonic.h"

/* A job that takes a while. */
#define MANY		8192

/* What is shown. */

TEST(plain_load_shows_none)
{
	struct lightos_query query = { .size = sizeof(query) };
	struct lightos_photonic_status status;
	struct lightos_photonic_info info;
	struct lightos_device_state device = { .device_id = 1 };
	int fd = reload();

	CHECK_ERRNO(try_info(fd, 0, &info), ENODEV);
	CHECK_EQ(info.devices, 0);
	CHECK_ERRNO(try_status(fd, 0, &status), ENODEV);
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_POWER_UP), ENODEV);
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_GET_DEVICE_STATE, &device), ENODEV);
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_QUERY, &query));
	CHECK_EQ(query.photonic_backend, LIGHTOS_BACKEND_NONE);
	CHECK_EQ(query.features & LIGHTOS_FEATURE_PHOTONIC, LIGHTOS_FEATURE_PHOTONIC);
	CHECK(!hwmon_folder("lightos_model") && !hwmon_folder("lightos_photonic"));
	CHECK_ERRNO(access(MODEL_FOLDER, F_OK), ENOENT);
}

TEST(parameters)
{
	struct lightos_photonic_info info;
	int fd;

	need_module_control();
	unload_between_opens();
	CHECK_ERRNO(try_load_with("photonic_models=17"), EINVAL);
	CHECK_ERRNO(try_load_with("photonic_models=1 photonic_model_modes=1"), EINVAL);
	CHECK_ERRNO(try_load_with("photonic_models=1 photonic_model_modes=33"), EINVAL);
	CHECK_ERRNO(try_load_with("photonic_models=1 photonic_model_bits=7"), EINVAL);
	CHECK_ERRNO(try_load_with("photonic_models=1 photonic_model_bits=17"), EINVAL);
	fd = reload_with("photonic_models=2 photonic_model_modes=2 photonic_model_bits=8 "
			 "photonic_model_seed=41");
	info = info_of(fd, 1);
	CHECK_EQ(info.devices, 2);
	CHECK_EQ(info.serial, 42);
	CHECK_EQ(info.modes, 2);
	CHECK_EQ(info.phase_bits, 8);
	CHECK_EQ(info.code_limit, 255);
}

TEST(info_of_a_model)
{
	struct lightos_query query = { .size = sizeof(query) };
	int fd = reload_with(IDEAL);
	struct lightos_photonic_info info = info_of(fd, 0);

	CHECK_EQ(info.size, sizeof(info));
	CHECK_EQ(info.devices, 1);
	CHECK_EQ(info.backend, LIGHTOS_BACKEND_MODEL);
	CHECK_EQ(info.revision >> 16, 1);
	CHECK_EQ(info.modes, MODES);
	CHECK_EQ(info.crossings, CROSSINGS);
	CHECK_EQ(info.channels, CHANNELS);
	CHECK_EQ(info.wavelengths, 1);
	CHECK_EQ(info.phase_bits, 12);
	CHECK_EQ(info.square_law, 1);
	CHECK_EQ(info.full_scale, 65536);
	CHECK_EQ(info.code_limit, 4095);
	CHECK_EQ(info.rails, 6);
	CHECK_EQ(info.sensors, 5);
	CHECK_EQ(info.device_id, 1);
	CHECK_EQ(info.reserved, 0);
	CHECK_EQ(info.capabilities & LIGHTOS_PHOTONIC_CAP_MICRORING, 0);
	CHECK_EQ(info.capabilities & LIGHTOS_PHOTONIC_CAP_MZI, LIGHTOS_PHOTONIC_CAP_MZI);
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_QUERY, &query));
	CHECK_EQ(query.photonic_backend, LIGHTOS_BACKEND_MODEL);
}

TEST(device_states)
{
	struct lightos_device_state device = { .device_id = 2 };
	struct lightos_photonic_info info;
	int fd = reload_with(TWO);

	CHECK_OK(ioctl(fd, LIGHTOS_IOC_GET_DEVICE_STATE, &device));
	CHECK_EQ(device.device_id, 2);
	CHECK_EQ(device.device_type, LIGHTOS_DEVICE_PHOTONIC);
	CHECK_EQ(device.utilization_percent, 0);
	CHECK_EQ(device.power_watts, 0);
	CHECK_EQ(device.memory_used_bytes, 0);
	CHECK_GT(device.memory_total_bytes, 0);
	device.device_id = 3;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_GET_DEVICE_STATE, &device), ENODEV);
	CHECK_ERRNO(try_info(fd, 2, &info), ENODEV);
	CHECK_EQ(info.devices, 2);
	CHECK_ERRNO(try_info(fd, UINT32_MAX, &info), ENODEV);
	device.device_id = 0;
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_GET_DEVICE_STATE, &device));
	CHECK_NE(device.device_type, LIGHTOS_DEVICE_PHOTONIC);
}

static void check_temperature(const char *folder, int number)
{
	char name[32], label[32];
	long mc;

	snprintf(name, sizeof(name), "temp%d_input", number);
	mc = read_number(folder, name);
	CHECK_GT(mc, 15000);
	CHECK_GT(60000, mc);
	snprintf(name, sizeof(name), "temp%d_fault", number);
	CHECK_EQ(read_number(folder, name), 0);
	snprintf(name, sizeof(name), "temp%d_label", number);
	CHECK(read_text(folder, name, label, sizeof(label)) && label[0]);
	snprintf(name, sizeof(name), "temp%d_crit", number);
	/* Sink and air have no thresholds. */
	if (number > 3)
		CHECK(!read_text(folder, name, label, sizeof(label)));
	else
		CHECK_EQ(read_number(folder, name), 85000);
}

TEST(hwmon)
{
	static const long volts[] = { 1000, 1800, 2500, 3300, 5000, 12000 };
	int fd = lit(), i;
	const char *folder = hwmon_folder("lightos_model");
	char name[32];

	CHECK(folder);
	CHECK(!hwmon_folder("lightos_photonic"));
	for (i = 1; i <= 5; i++)
		check_temperature(folder, i);
	CHECK_EQ(read_number(folder, "temp1_max"), 75000);
	CHECK_EQ(read_number(folder, "temp1_max_hyst"), 70000);
	CHECK_EQ(read_number(folder, "temp1_emergency"), 95000);
	CHECK_EQ(read_number(folder, "temp1_emergency_alarm"), 0);
	AWAIT_STATUS(fd, status.rail_mv[5] > 11000 && status.power_mw > 1000);
	for (i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "in%d_input", i);
		CHECK_GT(read_number(folder, name), volts[i] * 95 / 100);
		CHECK_GT(volts[i] * 105 / 100, read_number(folder, name));
		snprintf(name, sizeof(name), "curr%d_input", i + 1);
		CHECK_GE(read_number(folder, name), 0);
		snprintf(name, sizeof(name), "in%d_alarm", i);
		CHECK_EQ(read_number(folder, name), 0);
	}
	/* Microwatts there, milliwatts here. */
	CHECK_GT(read_number(folder, "power1_input"), 1000000);
	CHECK_GE(read_number(folder, "fan1_input"), 0);
	CHECK_GE(255, read_number(folder, "pwm1"));
	CHECK_EQ(read_number(folder, "pwm1_enable"), 2);
	close(fd);
}

TEST(sysfs_and_fdinfo)
{
	static const char folder[] = MODEL_FOLDER "/photonic";
	struct lightos_photonic_wait call = { 0 };
	char text[64];
	int fd = lit_anew();

	CHECK(read_text(folder, "kind", text, sizeof(text)));
	CHECK(!strcmp(text, "model"));
	CHECK(read_text(folder, "state", text, sizeof(text)));
	CHECK(!strcmp(text, "ready"));
	CHECK_EQ(read_number(folder, "armed"), 1);
	CHECK_EQ(read_number(folder, "emission"), 1);
	CHECK_EQ(read_number(folder, "causes"), 0);
	CHECK_EQ(read_number(folder, "rearms"), 1);
	CHECK_EQ(fdinfo(fd, "photonic-0-vectors"), -1);
	CHECK_OK(try_wait(fd, queue_job(fd, 5, NULL), UINT64_MAX, &call));
	CHECK_EQ(call.result, 0);
	CHECK_EQ(fdinfo(fd, "photonic-0-vectors"), 5);
	CHECK_EQ(read_number(folder, "vectors"), 5);
	CHECK_EQ(read_number(folder, "jobs"), 1);
	CHECK_EQ(read_number(folder, "jobs_failed"), 0);
	CHECK_GT(read_number(folder, "ticks"), 0);
	CHECK(read_text(folder, "calibration", text, sizeof(text)));
	CHECK(!strcmp(text, "00000000"));
}

/* Power and light. */

TEST(power_up_and_down)
{
	int fd = reload_with(IDEAL), i;
	struct lightos_photonic_status status = status_of(fd);

	CHECK_EQ(status.size, sizeof(status));
	CHECK_EQ(status.state, LIGHTOS_PHOTONIC_UNINITIALISED);
	CHECK_EQ(status.causes | status.armed | status.emission, 0);
	CHECK_EQ(status.reserved | status.reserved2, 0);
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_ARM), ENETDOWN);
	subscribe(fd, LIGHTOS_PHOTONIC_EVENT_POWER);
	power_up(fd);
	CHECK_GT(await_event(fd, LIGHTOS_PHOTONIC_EVENT_POWER).time_ns, 0);
	status = status_of(fd);
	CHECK_EQ(status.state, LIGHTOS_PHOTONIC_READY);
	for (i = 0; i < 6; i++)
		CHECK_EQ(status.rail_state[i], LIGHTOS_PHOTONIC_RAIL_ON);
	CHECK_EQ(status.rail_state[6] | status.rail_state[7], 0);
	CHECK_EQ(status.emission, 0);
	power_up(fd);
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_POWER_DOWN));
	status = status_of(fd);
	CHECK_EQ(status.state, LIGHTOS_PHOTONIC_UNINITIALISED);
	for (i = 0; i < 6; i++)
		CHECK_EQ(status.rail_state[i], LIGHTOS_PHOTONIC_RAIL_OFF);
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_POWER_DOWN));
	CHECK_EQ(status_of(fd).latches, 0);
}

TEST(arming_and_disarming)
{
	int fd = reload_with(IDEAL);
	struct lightos_photonic_status status;

	power_up(fd);
	subscribe(fd, LIGHTOS_PHOTONIC_EVENT_LASER);
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_ARM));
	status = status_of(fd);
	CHECK_EQ(status.armed, 1);
	CHECK_EQ(status.emission, 1);
	CHECK_EQ(status.rearms, 1);
	/* Of the slow figures one is read in a tick. */
	AWAIT_STATUS(fd, status.laser_uw > 0);
	CHECK_EQ(await_event(fd, LIGHTOS_PHOTONIC_EVENT_LASER).value, 1);
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_DISARM));
	CHECK_EQ(await_event(fd, LIGHTOS_PHOTONIC_EVENT_LASER).value, 0);
	status = status_of(fd);
	CHECK_EQ(status.armed | status.emission, 0);
	CHECK_EQ(status.state, LIGHTOS_PHOTONIC_READY);
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_ARM));
	/* The way down takes the light first. */
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_POWER_DOWN));
	status = status_of(fd);
	CHECK_EQ(status.armed | status.emission | status.causes, 0);
	CHECK_EQ(status.state, LIGHTOS_PHOTONIC_UNINITIALISED);
	CHECK_EQ(status.trips, 0);
}

TEST(clear_without_a_cause)
{
	int fd = lit();

	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_CLEAR));
	CHECK_EQ(status_of(fd).armed, 1);
}

TEST(two_files_do_not_share_the_key)
{
	int fd = lit(), other = open_node(O_RDWR);

	CHECK_ERRNO(control(other, LIGHTOS_PHOTONIC_ARM), EBUSY);
	CHECK_EQ(status_of(fd).emission, 1);
	/* But anyone may turn it back. */
	CHECK_OK(control(other, LIGHTOS_PHOTONIC_DISARM));
	CHECK_EQ(status_of(fd).armed, 0);
	CHECK_OK(control(other, LIGHTOS_PHOTONIC_ARM));
	CHECK_OK(close(fd));
	CHECK_EQ(status_of(other).armed, 1);
}

TEST(light_ends_with_the_file)
{
	int fd = reload_with(IDEAL), other;

	power_up(fd);
	other = open_node(O_RDWR);
	CHECK_OK(control(other, LIGHTOS_PHOTONIC_ARM));
	CHECK_EQ(status_of(fd).armed, 1);
	CHECK_OK(close(other));
	/* Off when close() returns. */
	CHECK_EQ(status_of(fd).armed, 0);
	AWAIT_STATUS(fd, !status.emission);
	CHECK_EQ(status_of(fd).causes, 0);
}

/* A forked child has the file too: it ends with the last of them. */
TEST(light_ends_with_the_last_of_a_family)
{
	int fd = reload_with(IDEAL), other, status;
	pid_t child;

	power_up(fd);
	other = open_node(O_RDWR);
	CHECK_OK(control(other, LIGHTOS_PHOTONIC_ARM));
	child = fork();
	CHECK_OK(child);
	if (!child) {
		pause();
		_exit(HARNESS_FAIL);
	}
	CHECK_OK(close(other));
	CHECK_EQ(status_of(fd).armed, 1);
	CHECK_OK(kill(child, SIGKILL));
	CHECK_EQ(waitpid(child, &status, 0), child);
	AWAIT_STATUS(fd, !status.armed && !status.emission);
}

/* But not where who armed it dies, whoever else has the file. */
TEST(light_ends_with_who_armed_it)
{
	int fd = reload_with(IDEAL), other, status, ready[2];
	pid_t armer;
	char byte;

	power_up(fd);
	other = open_node(O_RDWR);
	CHECK_OK(pipe(ready));
	armer = fork();
	CHECK_OK(armer);
	if (!armer) {
		CHECK_OK(control(other, LIGHTOS_PHOTONIC_ARM));
		CHECK_EQ(write(ready[1], "", 1), 1);
		pause();
		_exit(HARNESS_FAIL);
	}
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	CHECK_EQ(status_of(fd).armed, 1);
	CHECK_OK(kill(armer, SIGKILL));
	CHECK_EQ(waitpid(armer, &status, 0), armer);
	AWAIT_STATUS(fd, !status.armed && !status.emission);
	/* The file is here yet, and of use. */
	CHECK_OK(control(other, LIGHTOS_PHOTONIC_ARM));
}

TEST(light_ends_with_a_killed_program)
{
	int fd = reload_with(IDEAL), status, ready[2];
	pid_t child;
	char byte;

	power_up(fd);
	subscribe(fd, LIGHTOS_PHOTONIC_EVENT_LASER);
	CHECK_OK(pipe(ready));
	child = fork();
	CHECK_OK(child);
	if (!child) {
		int own = open_node(O_RDWR);

		CHECK_OK(control(own, LIGHTOS_PHOTONIC_ARM));
		queue_job(own, MANY, NULL);
		CHECK_EQ(write(ready[1], "", 1), 1);
		pause();
		_exit(HARNESS_FAIL);
	}
	/* Not in the midst of the call, which would take the key back itself. */
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	CHECK_EQ(await_event(fd, LIGHTOS_PHOTONIC_EVENT_LASER).value, 1);
	CHECK_OK(kill(child, SIGKILL));
	CHECK_EQ(await_event(fd, LIGHTOS_PHOTONIC_EVENT_LASER).value, 0);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status_of(fd).armed, 0);
	CHECK_EQ(status_of(fd).causes, 0);
}

TEST(resets)
{
	uint32_t phases[CHANNELS], codes[CHANNELS];
	int fd = lit_anew(), i;

	plain_phases(phases, 180000);
	commit_phases(fd, phases);
	CHECK_EQ(result_of(fd, queue_job(fd, 1, NULL)), 0);
	subscribe(fd, LIGHTOS_PHOTONIC_EVENT_RESET);
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_RESET_SOFT));
	CHECK_EQ(await_event(fd, LIGHTOS_PHOTONIC_EVENT_RESET).value,
		 LIGHTOS_PHOTONIC_RESET_SOFT);
	CHECK_EQ(status_of(fd).emission, 1);
	CHECK_OK(get_phases(fd, 0, CHANNELS, NULL, NULL, codes));
	CHECK_NE(codes[0], 0);
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_RESET_FUNCTION));
	CHECK_EQ(status_of(fd).armed, 0);
	CHECK_EQ(status_of(fd).state, LIGHTOS_PHOTONIC_READY);
	CHECK_OK(get_phases(fd, 0, CHANNELS, NULL, NULL, codes));
	for (i = 0; i < CHANNELS; i++)
		CHECK_EQ(codes[i], 0);
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_ARM));
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_RESET_POWER));
	CHECK_EQ(status_of(fd).armed, 0);
	CHECK_EQ(status_of(fd).state, LIGHTOS_PHOTONIC_READY);
	CHECK_EQ(status_of(fd).resets, 3);
	/* The program is the file's, whatever happens to the heaters. */
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_ARM));
	CHECK_EQ(result_of(fd, queue_job(fd, 1, NULL)), 0);
	CHECK_OK(get_phases(fd, 0, CHANNELS, NULL, NULL, codes));
	CHECK_NE(codes[0], 0);
}

/* Who may do what. */

static int try_calibration(int fd, uint32_t op, void *data, uint64_t *bytes)
{
	struct lightos_photonic_calibration call = {
		.size = sizeof(call), .op = op, .data = user_pointer(data), .bytes = *bytes,
	};
	int result = ioctl(fd, LIGHTOS_IOC_PHOTONIC_CALIBRATION, &call);

	*bytes = call.bytes;
	return result;
}

static void check_unprivileged(int fd)
{
	struct lightos_photonic_limits limits = { 0 };
	struct lightos_photonic_probe probe = { .size = sizeof(probe), .inputs = 1, .averages = 1 };
	uint32_t phases[CHANNELS] = { 0 }, action;
	unsigned char blob[8] = { 0 };
	uint64_t bytes = sizeof(blob);

	CHECK_OK(setuid(65534));
	for (action = 1; action <= LIGHTOS_PHOTONIC_RESET_POWER; action++)
		if (action != LIGHTOS_PHOTONIC_DISARM)
			CHECK_ERRNO(control(fd, action), EPERM);
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_PHOTONIC_PROBE, &probe), EPERM);
	CHECK_OK(try_limits(fd, 0, &limits));
	CHECK_ERRNO(try_limits(fd, LIGHTOS_PHOTONIC_LIMITS_SET, &limits), EPERM);
	CHECK_ERRNO(try_calibration(fd, LIGHTOS_PHOTONIC_CALIBRATION_READ, blob, &bytes), ENODATA);
	CHECK_ERRNO(try_calibration(fd, LIGHTOS_PHOTONIC_CALIBRATION_LOAD, blob, &bytes), EPERM);
	CHECK_ERRNO(try_calibration(fd, LIGHTOS_PHOTONIC_CALIBRATION_FIRMWARE, blob, &bytes),
		    EPERM);
	CHECK_ERRNO(try_calibration(fd, LIGHTOS_PHOTONIC_CALIBRATION_DROP, blob, &bytes), EPERM);
	CHECK_EQ(status_of(fd).emission, 1);
	CHECK_EQ(info_of(fd, 0).devices, 1);
	subscribe(fd, LIGHTOS_PHOTONIC_EVENT_LASER);
	commit_phases(fd, phases);
	CHECK_EQ(result_of(fd, queue_job(fd, 1, NULL)), 0);
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_DISARM));
	CHECK_EQ(status_of(fd).armed, 0);
}

TEST(unprivileged)
{
	int fd = lit(), status;
	pid_t child = fork();

	CHECK_OK(child);
	if (!child) {
		check_unprivileged(fd);
		_exit(HARNESS_PASS);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
}

TEST(read_only_file)
{
	struct lightos_photonic_limits limits = { 0 };
	struct lightos_photonic_probe probe = { .size = sizeof(probe) };
	struct lightos_photonic_submit job = { .vectors = 1 };
	struct lightos_photonic_wait wait = { 0 };
	uint32_t phase = 0;
	uint64_t bytes = 4;
	int fd;

	close(reload_with(IDEAL));
	fd = open_node(O_RDONLY);
	CHECK_EQ(info_of(fd, 0).devices, 1);
	CHECK_EQ(status_of(fd).armed, 0);
	CHECK_OK(get_phases(fd, 0, 1, &phase, NULL, NULL));
	CHECK_OK(try_limits(fd, 0, &limits));
	subscribe(fd, LIGHTOS_PHOTONIC_EVENT_POWER);
	CHECK_ERRNO(try_calibration(fd, LIGHTOS_PHOTONIC_CALIBRATION_READ, &phase, &bytes),
		    ENODATA);
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_DISARM), EBADF);
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_POWER_UP), EBADF);
	CHECK_ERRNO(try_limits(fd, LIGHTOS_PHOTONIC_LIMITS_SET, &limits), EBADF);
	CHECK_ERRNO(set_phases(fd, 0, 1, &phase, 0), EBADF);
	CHECK_ERRNO(try_job(fd, &job), EBADF);
	CHECK_ERRNO(try_wait(fd, 1, 0, &wait), EBADF);
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_PHOTONIC_PROBE, &probe), EBADF);
	CHECK_ERRNO(try_calibration(fd, LIGHTOS_PHOTONIC_CALIBRATION_DROP, NULL, &bytes), EBADF);
}

/* Phases. */

TEST(phases_are_taken_or_not)
{
	uint32_t phases[CHANNELS], back[CHANNELS], after[CHANNELS];
	struct lightos_photonic_phases call = {
		.size = sizeof(call), .first = 10, .count = 5, .requested = user_pointer(phases),
	};
	int fd = reload_with(IDEAL);

	some_phases(phases, 1);
	CHECK_OK(set_phases(fd, 0, CHANNELS, phases, 0));
	CHECK_OK(get_phases(fd, 0, CHANNELS, back, NULL, NULL));
	CHECK(!memcmp(phases, back, sizeof(phases)));
	/* A phase that is none: it is named, and no other is changed. */
	memset(phases, 0, sizeof(phases));
	phases[3] = LIGHTOS_PHOTONIC_TURN;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_PHOTONIC_SET_PHASES, &call), EINVAL);
	CHECK_EQ(call.bad_channel, 13);
	CHECK_OK(get_phases(fd, 0, CHANNELS, after, NULL, NULL));
	CHECK(!memcmp(back, after, sizeof(back)));
	phases[3] = LIGHTOS_PHOTONIC_TURN - 1;
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_PHOTONIC_SET_PHASES, &call));
	CHECK_EQ(call.bad_channel, LIGHTOS_PHOTONIC_NO_CHANNEL);
	memcpy(phases, back, sizeof(phases));
	CHECK_OK(get_phases(fd, 0, CHANNELS, back, NULL, NULL));
	CHECK_EQ(back[13], LIGHTOS_PHOTONIC_TURN - 1);
	CHECK_EQ(back[14] | back[10], 0);
	CHECK(!memcmp(phases, back, 10 * sizeof(phases[0])));
	CHECK(!memcmp(phases + 15, back + 15, (CHANNELS - 15) * sizeof(phases[0])));
}

TEST(phases_out_of_range)
{
	uint32_t phases[CHANNELS + 1] = { 0 };
	int fd = reload_with(IDEAL);

	CHECK_ERRNO(set_phases(fd, 0, CHANNELS + 1, phases, 0), EINVAL);
	CHECK_ERRNO(set_phases(fd, CHANNELS, 1, phases, 0), EINVAL);
	CHECK_ERRNO(set_phases(fd, UINT32_MAX, 1, phases, 0), EINVAL);
	CHECK_ERRNO(set_phases(fd, 1, UINT32_MAX, phases, 0), EINVAL);
	CHECK_ERRNO(get_phases(fd, CHANNELS, 1, phases, NULL, NULL), EINVAL);
	CHECK_ERRNO(get_phases(fd, 2, UINT32_MAX, phases, NULL, NULL), EINVAL);
	CHECK_OK(set_phases(fd, CHANNELS - 1, 1, phases, 0));
	CHECK_OK(set_phases(fd, 0, 0, NULL, LIGHTOS_PHOTONIC_COMMIT));
	CHECK_OK(get_phases(fd, 0, CHANNELS, NULL, NULL, NULL));
}

/* Distance of two phases in millidegrees. */
static long apart(uint32_t a, uint32_t b)
{
	long turn = LIGHTOS_PHOTONIC_TURN;
	long distance = labs((long)a - (long)b);

	return distance < turn - distance ? distance : turn - distance;
}

/* Requested, applied and codes agree by the square law and its resolution. */
TEST(phases_requested_and_applied)
{
	uint32_t phases[CHANNELS], requested[CHANNELS], applied[CHANNELS], codes[CHANNELS];
	int fd = lit_anew(), i;

	some_phases(phases, 2);
	commit_phases(fd, phases);
	/* Nothing is applied before a job needs it. */
	CHECK_OK(get_phases(fd, 0, CHANNELS, NULL, NULL, codes));
	for (i = 0; i < CHANNELS; i++)
		CHECK_EQ(codes[i], 0);
	CHECK_EQ(result_of(fd, queue_job(fd, 1, NULL)), 0);
	CHECK_EQ(status_of(fd).commits, 1);
	CHECK_OK(get_phases(fd, 0, CHANNELS, requested, applied, codes));
	CHECK(!memcmp(phases, requested, sizeof(phases)));
	for (i = 0; i < CHANNELS; i++) {
		double turns = codes[i] * (double)codes[i] / (4096.0 * 4096.0);
		/* To the next code, halved. */
		long half = (long)ceil((codes[i] + 1) / (4096.0 * 4096.0) *
				       LIGHTOS_PHOTONIC_TURN);

		CHECK_LE(codes[i], 4095);
		CHECK_LE(apart(applied[i], (uint32_t)lround(turns * LIGHTOS_PHOTONIC_TURN)), 1);
		CHECK_LE(apart(applied[i], requested[i]), half + 1);
	}
	/* The same again is no commit. */
	CHECK_EQ(result_of(fd, queue_job(fd, 1, NULL)), 0);
	CHECK_EQ(status_of(fd).commits, 1);
}

/* Products. */

/* The largest distance of outputs from what @phases make of the inputs. */
static double product_error(const uint32_t *phases, unsigned int vectors, const int32_t *in,
			    const int32_t *in_exp, const int32_t *out, const int32_t *out_exp)
{
	double worst = 0;
	unsigned int v, n;

	for (v = 0; v < vectors; v++) {
		double complex field[MODES];
		double scale = 0;

		for (n = 0; n < MODES; n++) {
			field[n] = number_of(in + 2 * (v * MODES + n), in_exp ? in_exp[v] : 0);
			scale = fmax(scale, cabs(field[n]));
		}
		pass_mesh(phases, field, NULL);
		for (n = 0; n < MODES; n++) {
			double complex got = number_of(out + 2 * (v * MODES + n), out_exp[v]);

			worst = fmax(worst, cabs(got - field[n]) / scale);
		}
	}
	return worst;
}

static void some_vectors(int32_t *numbers, unsigned int vectors, uint32_t seed)
{
	unsigned int i;

	for (i = 0; i < 2 * MODES * vectors; i++)
		numbers[i] = some_number(&seed);
}

/*
 * Against what was asked for, within the resolution of the DACs: at most half a step
 * of 2/4096 turns for each of the heaters that light passes, in vectors of at most
 * twice their largest number. Against the phases that GET says are applied, within
 * millidegrees and what a degree of the laser does, 0.1 nm of 1550.
 */
#define PASSED		(2 * (2 * MODES + 1) + 1)
#define NEAR_REQUESTED	(2 * PASSED * 2 * M_PI / 4096)
#define NEAR_APPLIED	(2 * PASSED * 2 * M_PI * 0.1 / 1550 / 4)

static void check_product(int fd, const uint32_t *phases, unsigned int vectors, uint32_t seed)
{
	int32_t in[2 * MODES * DEPTH], out[2 * MODES * DEPTH], exps[DEPTH];
	uint32_t applied[CHANNELS];
	struct lightos_photonic_submit job = {
		.vectors = vectors, .input = user_pointer(in), .output = user_pointer(out),
		.output_exponents = user_pointer(exps),
	};
	double error;

	some_vectors(in, vectors, seed);
	commit_phases(fd, phases);
	CHECK_EQ(run_job(fd, &job), 0);
	CHECK_EQ(job.saturated, 0);
	error = product_error(phases, vectors, in, NULL, out, exps);
	if (error > NEAR_REQUESTED)
		FAIL("off by %g from what was asked for", error);
	CHECK_OK(get_phases(fd, 0, CHANNELS, NULL, applied, NULL));
	error = product_error(applied, vectors, in, NULL, out, exps);
	if (error > NEAR_APPLIED)
		FAIL("off by %g from what is applied", error);
}

TEST(products_of_plain_meshes)
{
	uint32_t phases[CHANNELS];
	int fd = lit();

	plain_phases(phases, 180000);
	check_product(fd, phases, 3, 3);
	plain_phases(phases, 0);
	check_product(fd, phases, 3, 4);
}

TEST(products_of_any_meshes)
{
	uint32_t phases[CHANNELS], seed;
	int fd = lit();

	for (seed = 10; seed < 14; seed++) {
		some_phases(phases, seed);
		check_product(fd, phases, 5, seed);
	}
}

/* Vectors beyond the buffers, loud ones and faint ones in the same job. */
TEST(products_of_many_vectors)
{
	enum { VECTORS = 2 * DEPTH + 7 };
	int32_t in[2 * MODES * VECTORS], out[2 * MODES * VECTORS];
	int32_t in_exps[VECTORS], out_exps[VECTORS];
	uint32_t phases[CHANNELS], applied[CHANNELS];
	struct lightos_photonic_submit job = {
		.vectors = VECTORS, .input = user_pointer(in), .output = user_pointer(out),
		.input_exponents = user_pointer(in_exps),
		.output_exponents = user_pointer(out_exps),
	};
	int fd = lit_anew(), v, i;
	double error;

	some_phases(phases, 5);
	commit_phases(fd, phases);
	some_vectors(in, VECTORS, 6);
	for (v = 0; v < VECTORS; v++) {
		in_exps[v] = v % 129 - 64;
		for (i = 0; i < 2 * MODES; i++)
			in[2 * MODES * v + i] /= 1 << v % 17;
	}
	CHECK_EQ(run_job(fd, &job), 0);
	CHECK_EQ(job.saturated, 0);
	CHECK_OK(get_phases(fd, 0, CHANNELS, NULL, applied, NULL));
	error = product_error(applied, VECTORS, in, in_exps, out, out_exps);
	if (error > NEAR_APPLIED)
		FAIL("off by %g", error);
	CHECK_EQ(status_of(fd).vectors, VECTORS);
}

TEST(product_of_nothing_is_nothing)
{
	int32_t in[2 * MODES] = { 0 }, out[2 * MODES], exps[1] = { 9 };
	struct lightos_photonic_submit job = {
		.vectors = 1, .input = user_pointer(in), .output = user_pointer(out),
		.output_exponents = user_pointer(exps),
	};
	int fd = lit();

	memset(out, 0xaa, sizeof(out));
	CHECK_EQ(run_job(fd, &job), 0);
	CHECK(all_bytes(out, sizeof(out), 0));
	CHECK_EQ(exps[0], 0);
}

/* The most that an input can be goes through without a cut. */
TEST(full_inputs_do_not_saturate)
{
	int32_t in[2 * MODES], out[2 * MODES], exps[1];
	uint32_t phases[CHANNELS];
	struct lightos_photonic_submit job = {
		.vectors = 1, .input = user_pointer(in), .output = user_pointer(out),
		.output_exponents = user_pointer(exps),
	};
	int fd = lit(), round, i;

	some_phases(phases, 8);
	commit_phases(fd, phases);
	/* A faint one before teaches a gain that is too much for the others. */
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 2 * MODES; i++)
			in[i] = round == 0 ? !i : round == 1 ? INT32_MIN : FULL;
		CHECK_EQ(run_job(fd, &job), 0);
		CHECK_EQ(job.saturated, 0);
		CHECK(product_error(phases, 1, in, NULL, out, exps) < NEAR_REQUESTED);
	}
}

TEST(direct_detection)
{
	int32_t in[2 * MODES], out[2 * MODES], exps[1], in_exps[1] = { -3 };
	uint32_t phases[CHANNELS], applied[CHANNELS];
	struct lightos_photonic_submit job = {
		.flags = LIGHTOS_PHOTONIC_DIRECT, .vectors = 1, .input = user_pointer(in),
		.input_exponents = user_pointer(in_exps), .output = user_pointer(out),
		.output_exponents = user_pointer(exps),
	};
	double complex field[MODES];
	int fd = lit(), n;

	some_phases(phases, 20);
	some_vectors(in, 1, 21);
	commit_phases(fd, phases);
	CHECK_EQ(run_job(fd, &job), 0);
	CHECK_OK(get_phases(fd, 0, CHANNELS, NULL, applied, NULL));
	for (n = 0; n < MODES; n++)
		field[n] = number_of(in + 2 * n, in_exps[0]);
	pass_mesh(applied, field, NULL);
	for (n = 0; n < MODES; n++) {
		double complex got = number_of(out + 2 * n, exps[0]);
		double power = creal(field[n] * conj(field[n]));

		CHECK_EQ(cimag(got), 0);
		if (fabs(creal(got) - power) > NEAR_APPLIED / 64)
			FAIL("power %g, expected %g", creal(got), power);
	}
}

/* All vectors at the lowest wavelength, then at the next. */
TEST(wavelengths)
{
	int32_t in[2 * 2 * MODES], out[3 * 2 * 2 * MODES], exps[6];
	struct lightos_photonic_submit job = {
		.vectors = 2, .wavelengths = 0x83, .input = user_pointer(in),
		.output = user_pointer(out), .output_exponents = user_pointer(exps),
	};
	int fd = reload_with(TYPICAL);

	CHECK_EQ(info_of(fd, 0).wavelengths, 8);
	light_up(fd);
	some_vectors(in, 2, 30);
	memset(exps, 0x55, sizeof(exps));
	CHECK_EQ(run_job(fd, &job), 0);
	CHECK_EQ(status_of(fd).vectors, 6);
	CHECK_NE(exps[5], 0x55555555);
	/* Offsets differ, and so do results. */
	CHECK(memcmp(out, out + 4 * MODES, sizeof(in)));
	job.wavelengths = 0x100;
	CHECK_ERRNO(try_job(fd, &job), EINVAL);
	job.wavelengths = 1ULL << 63;
	CHECK_ERRNO(try_job(fd, &job), EINVAL);
	job.wavelengths = 0;
	CHECK_EQ(run_job(fd, &job), 0);
}

/* Jobs. */

TEST(jobs_need_power_and_light)
{
	int fd = reload_with(IDEAL);

	CHECK_EQ(result_of(fd, queue_job(fd, 1, NULL)), ENETDOWN);
	power_up(fd);
	CHECK_EQ(result_of(fd, queue_job(fd, 1, NULL)), ENETDOWN);
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_ARM));
	CHECK_EQ(result_of(fd, queue_job(fd, 1, NULL)), 0);
	CHECK_EQ(status_of(fd).jobs_failed, 2);
}

TEST(queue_is_bounded)
{
	struct lightos_photonic_submit job = { .vectors = 1 };
	int32_t in[2 * MODES] = { 0 };
	uint64_t numbers[LIGHTOS_PHOTONIC_MAX_JOBS];
	int fd = lit(), other = open_node(O_RDWR), i;

	for (i = 0; i < LIGHTOS_PHOTONIC_MAX_JOBS; i++)
		numbers[i] = queue_job(fd, 1, in);
	job.input = user_pointer(in);
	CHECK_ERRNO(try_job(fd, &job), EAGAIN);
	/* Of each file. */
	CHECK_EQ(result_of(other, queue_job(other, 1, in)), 0);
	for (i = 0; i < LIGHTOS_PHOTONIC_MAX_JOBS; i++) {
		if (i)
			CHECK_EQ(numbers[i], numbers[i - 1] + 1);
		CHECK_EQ(result_of(fd, numbers[i]), 0);
	}
	CHECK_OK(try_job(fd, &job));
}

TEST(waiting)
{
	struct lightos_photonic_wait call = { 0 };
	int fd = lit(), other = open_node(O_RDWR);
	uint64_t number = queue_job(fd, MANY, NULL);

	CHECK_ERRNO(try_wait(fd, number, 0, &call), EAGAIN);
	CHECK_ERRNO(try_wait(fd, number, 1, &call), EAGAIN);
	CHECK_ERRNO(try_wait(fd, number + 1, 0, &call), ENOENT);
	CHECK_ERRNO(try_wait(fd, 0, 0, &call), ENOENT);
	/* Jobs of another file are none. */
	CHECK_ERRNO(try_wait(other, number, 0, &call), ENOENT);
	CHECK_EQ(status_of(fd).state, LIGHTOS_PHOTONIC_BUSY);
	CHECK_EQ(result_of(fd, number), 0);
	CHECK_ERRNO(try_wait(fd, number, 0, &call), ENOENT);
}

/* What cannot be handed over stays. */
TEST(waiting_with_a_bad_pointer)
{
	int32_t in[2 * MODES], out[2 * MODES], exps[1];
	struct lightos_photonic_wait call = { .output = 8 };
	int fd = lit();
	uint64_t number;

	some_vectors(in, 1, 40);
	number = queue_job(fd, 1, in);
	CHECK_ERRNO(try_wait(fd, number, UINT64_MAX, &call), EFAULT);
	call.output = user_pointer(out);
	call.output_exponents = 8;
	CHECK_ERRNO(try_wait(fd, number, UINT64_MAX, &call), EFAULT);
	call.output_exponents = user_pointer(exps);
	CHECK_OK(try_wait(fd, number, 0, &call));
	CHECK_EQ(call.result, 0);
	CHECK_ERRNO(try_wait(fd, number, 0, &call), ENOENT);
}

TEST(time_runs_out)
{
	static int32_t in[2 * MODES * MANY];
	struct lightos_photonic_submit job = {
		.vectors = MANY, .timeout_ns = NS_PER_MS, .input = user_pointer(in),
	};
	int fd = lit();

	CHECK_OK(try_job(fd, &job));
	CHECK_EQ(result_of(fd, job.job), ETIME);
	/* It has left the mesh to others. */
	CHECK_EQ(result_of(fd, queue_job(fd, 1, NULL)), 0);
}

TEST(soft_reset_cancels)
{
	struct lightos_photonic_event event;
	uint64_t first, second, ended = 0;
	int fd = lit_anew();

	subscribe(fd, LIGHTOS_PHOTONIC_EVENT_JOB);
	first = queue_job(fd, MANY, NULL);
	second = queue_job(fd, MANY, NULL);
	AWAIT_STATUS(fd, status.state == LIGHTOS_PHOTONIC_BUSY);
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_RESET_SOFT));
	CHECK_EQ(result_of(fd, first), ECANCELED);
	CHECK_EQ(result_of(fd, second), ECANCELED);
	CHECK_EQ(status_of(fd).jobs_failed, 2);
	CHECK_EQ(status_of(fd).emission, 1);
	while (ended != first + second) {
		event = await_event(fd, LIGHTOS_PHOTONIC_EVENT_JOB);
		ended += event.value;
	}
	CHECK_EQ(result_of(fd, queue_job(fd, 1, NULL)), 0);
}

TEST(disarming_ends_jobs)
{
	int fd = lit();
	uint64_t number = queue_job(fd, MANY, NULL);

	AWAIT_STATUS(fd, status.state == LIGHTOS_PHOTONIC_BUSY);
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_DISARM));
	CHECK_EQ(result_of(fd, number), ENETDOWN);
}

TEST(close_with_jobs)
{
	int fd = lit_anew(), other = open_node(O_RDWR), i;
	uint64_t number;

	for (i = 0; i < 10; i++)
		queue_job(other, MANY, NULL);
	number = queue_job(fd, 1, NULL);
	CHECK_OK(close(other));
	CHECK_EQ(result_of(fd, number), 0);
	AWAIT_STATUS(fd, status.state == LIGHTOS_PHOTONIC_READY);
	/* Those that had not begun never did. */
	CHECK_GT(2 * MANY, status_of(fd).vectors);
}

TEST(two_programs_do_not_mix)
{
	uint32_t phases[2][CHANNELS];
	int32_t in[2 * MODES], out[2 * MODES], exps[1];
	struct lightos_photonic_wait call = {
		.output = user_pointer(out), .output_exponents = user_pointer(exps),
	};
	uint64_t numbers[2][4];
	int fds[2] = { lit_anew(), open_node(O_RDWR) }, round, which;

	some_vectors(in, 1, 50);
	for (which = 0; which < 2; which++) {
		some_phases(phases[which], 51 + (uint32_t)which);
		commit_phases(fds[which], phases[which]);
	}
	for (round = 0; round < 4; round++)
		for (which = 0; which < 2; which++)
			numbers[which][round] = queue_job(fds[which], 1, in);
	for (round = 0; round < 4; round++)
		for (which = 0; which < 2; which++) {
			CHECK_OK(try_wait(fds[which], numbers[which][round], UINT64_MAX, &call));
			CHECK_EQ(call.result, 0);
			CHECK(product_error(phases[which], 1, in, NULL, out, exps) <
			      NEAR_REQUESTED);
		}
	CHECK_EQ(status_of(fds[0]).commits, 8);
}

/* Jobs run with the program as it was committed, not as it was edited since. */
TEST(edits_wait_for_a_commit)
{
	uint32_t phases[CHANNELS], edited[CHANNELS];
	int32_t in[2 * MODES], out[2 * MODES], exps[1];
	struct lightos_photonic_submit job = {
		.vectors = 1, .input = user_pointer(in), .output = user_pointer(out),
		.output_exponents = user_pointer(exps),
	};
	int fd = lit();

	some_vectors(in, 1, 60);
	some_phases(phases, 61);
	some_phases(edited, 62);
	commit_phases(fd, phases);
	CHECK_OK(set_phases(fd, 0, CHANNELS, edited, 0));
	CHECK_EQ(run_job(fd, &job), 0);
	CHECK(product_error(phases, 1, in, NULL, out, exps) < NEAR_REQUESTED);
	CHECK_OK(set_phases(fd, 0, 0, NULL, LIGHTOS_PHOTONIC_COMMIT));
	CHECK_EQ(run_job(fd, &job), 0);
	CHECK(product_error(edited, 1, in, NULL, out, exps) < NEAR_REQUESTED);
}

TEST(jobs_refused)
{
	int32_t in[2 * MODES] = { 0 }, exps[1] = { 65 };
	struct lightos_photonic_submit job = { .vectors = 1, .input = user_pointer(in) };
	int fd = lit_anew();

	job.vectors = 0;
	CHECK_ERRNO(try_job(fd, &job), EINVAL);
	job.vectors = LIGHTOS_PHOTONIC_MAX_VECTORS + 1;
	CHECK_ERRNO(try_job(fd, &job), EINVAL);
	job.vectors = 1;
	job.input_exponents = user_pointer(exps);
	CHECK_ERRNO(try_job(fd, &job), EINVAL);
	exps[0] = -65;
	CHECK_ERRNO(try_job(fd, &job), EINVAL);
	exps[0] = INT32_MIN;
	CHECK_ERRNO(try_job(fd, &job), EINVAL);
	exps[0] = -64;
	job.output = user_pointer(in);
	CHECK_ERRNO(try_job(fd, &job), EINVAL);
	job.output = 0;
	job.input = 8;
	CHECK_ERRNO(try_job(fd, &job), EFAULT);
	job.input = user_pointer(in);
	job.input_exponents = 8;
	CHECK_ERRNO(try_job(fd, &job), EFAULT);
	CHECK_EQ(status_of(fd).jobs, 0);
}

/* Measuring. */

static int try_probe(int fd, struct lightos_photonic_probe *probe)
{
	probe->size = sizeof(*probe);
	return ioctl(fd, LIGHTOS_IOC_PHOTONIC_PROBE, probe);
}

/* Outputs and taps of raw codes are those of the phases that codes stand for. */
TEST(probe)
{
	int32_t in[2 * 2 * MODES], out[2 * 2 * MODES];
	uint32_t phases[CHANNELS] = { 0 }, taps[2][CROSSINGS][2];
	struct lightos_photonic_setting settings[CHANNELS];
	struct lightos_photonic_probe probe = {
		.flags = LIGHTOS_PHOTONIC_PROBE_CLEAR, .settings = user_pointer(settings),
		.setting_count = CHANNELS - 2, .inputs = 2, .input = user_pointer(in),
		.output = user_pointer(out), .tap_count = CROSSINGS, .taps = user_pointer(taps),
		.averages = 2,
	};
	int fd = lit(), v, n;

	some_vectors(in, 2, 70);
	for (n = 0; n < CHANNELS - 2; n++) {
		/* 4096 / 64: whole millidegrees. */
		settings[n] = (struct lightos_photonic_setting){ (uint32_t)n, (uint32_t)n % 8 * 512 };
		phases[n] = (uint32_t)n % 8 * (n % 8) * (LIGHTOS_PHOTONIC_TURN / 64);
	}
	CHECK_OK(try_probe(fd, &probe));
	CHECK_GT(probe.temperature_mc, 15000);
	for (v = 0; v < 2; v++) {
		double complex field[MODES];
		double expected[CROSSINGS][2];

		for (n = 0; n < MODES; n++)
			field[n] = number_of(in + 2 * (v * MODES + n), 0);
		pass_mesh(phases, field, expected);
		for (n = 0; n < MODES; n++)
			CHECK(cabs(number_of(out + 2 * (v * MODES + n), 3) - field[n]) <
			      NEAR_APPLIED);
		for (n = 0; n < 2 * CROSSINGS; n++) {
			double power = ldexp(taps[v][n / 2][n % 2], -32);

			/* A tap of more than one full input is cut. */
			if (fabs(power - fmin(expected[n / 2][n % 2], 1)) > NEAR_APPLIED)
				FAIL("tap %d: %g, expected %g", n, power, expected[n / 2][n % 2]);
		}
	}
}

/* Without CLEAR the other heaters keep their codes; a job brings its own program. */
TEST(probe_and_programs)
{
	struct lightos_photonic_setting setting = { .channel = 5, .code = 1000 };
	int32_t in[2 * MODES] = { FULL }, out[2 * MODES];
	struct lightos_photonic_probe probe = {
		.inputs = 1, .input = user_pointer(in), .output = user_pointer(out),
		.settings = user_pointer(&setting), .setting_count = 1, .averages = 1,
	};
	uint32_t phases[CHANNELS], before[CHANNELS], codes[CHANNELS];
	int fd = lit(), i;

	some_phases(phases, 80);
	check_product(fd, phases, 1, 81);
	CHECK_OK(get_phases(fd, 0, CHANNELS, NULL, NULL, before));
	CHECK_OK(try_probe(fd, &probe));
	CHECK_OK(get_phases(fd, 0, CHANNELS, NULL, NULL, codes));
	for (i = 0; i < CHANNELS; i++)
		CHECK_EQ(codes[i], i == 5 ? 1000 : before[i]);
	check_product(fd, phases, 1, 82);
	probe.flags = LIGHTOS_PHOTONIC_PROBE_CLEAR;
	CHECK_OK(try_probe(fd, &probe));
	CHECK_OK(get_phases(fd, 0, CHANNELS, NULL, NULL, codes));
	for (i = 0; i < CHANNELS; i++)
		CHECK_EQ(codes[i], i == 5 ? 1000 : 0);
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_DISARM));
	CHECK_ERRNO(try_probe(fd, &probe), ENETDOWN);
}

TEST(probe_refused)
{
	struct lightos_photonic_setting setting = { 0 };
	int32_t in[2 * MODES] = { 0 }, out[2 * MODES];
	const struct lightos_photonic_probe good = {
		.inputs = 1, .input = user_pointer(in), .output = user_pointer(out),
		.settings = user_pointer(&setting), .setting_count = 1, .averages = 1,
	};
	struct lightos_photonic_probe probe;
	int fd = lit();

#define REFUSED(field, value, error) do {				\
		probe = good;						\
		probe.field = (value);					\
		CHECK_ERRNO(try_probe(fd, &probe), error);		\
	} while (0)

	REFUSED(inputs, 0, EINVAL);
	REFUSED(inputs, 65, EINVAL);
	REFUSED(averages, 0, EINVAL);
	REFUSED(averages, 257, EINVAL);
	REFUSED(wavelength, 1, EINVAL);
	REFUSED(first_tap, CROSSINGS + 1, EINVAL);
	REFUSED(tap_count, CROSSINGS + 1, EINVAL);
	REFUSED(tap_count, UINT32_MAX, EINVAL);
	REFUSED(setting_count, CHANNELS + 1, EINVAL);
	REFUSED(device, 1, ENODEV);
	REFUSED(input, 8, EFAULT);
	REFUSED(output, 8, EFAULT);
	REFUSED(settings, 8, EFAULT);
	probe = good;
	probe.tap_count = 1;
	CHECK_ERRNO(try_probe(fd, &probe), EFAULT);
	setting.channel = CHANNELS;
	REFUSED(flags, 0, EINVAL);
	setting.channel = 0;
	setting.code = 4096;
	REFUSED(flags, 0, EINVAL);
	setting.code = 0;
	probe = good;
	CHECK_OK(try_probe(fd, &probe));
#undef REFUSED
}

/* Calibrations. */

#define BLOB_HEADER	96
#define BLOB_BYTES	(BLOB_HEADER + 16 * CHANNELS + 8 * CROSSINGS + 4)

static uint32_t crc32(const unsigned char *data, size_t bytes)
{
	uint32_t crc = UINT32_MAX;
	size_t i;
	int bit;

	for (i = 0; i < bytes; i++) {
		crc ^= data[i];
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void put(unsigned char *blob, size_t at, uint64_t value, int bytes)
{
	int i;

	for (i = 0; i < bytes; i++)
		blob[at + (size_t)i] = (unsigned char)(value >> 8 * i);
}

static void seal(unsigned char *blob)
{
	put(blob, BLOB_BYTES - 4, crc32(blob, BLOB_BYTES - 4), 4);
}

/* Of an ideal chip, but that every heater is off by @offset (2^-32 turns). */
static void make_blob(unsigned char *blob, uint32_t offset)
{
	int i;

	memset(blob, 0, BLOB_BYTES);
	put(blob, 0, 0x434e504c, 4);
	put(blob, 4, 1, 2);
	put(blob, 6, BLOB_HEADER, 2);
	put(blob, 8, 1, 8);
	put(blob, 16, 1700000000, 8);
	put(blob, 24, 45000, 4);
	put(blob, 28, BLOB_BYTES, 4);
	put(blob, 32, MODES, 2);
	put(blob, 36, 12, 2);
	put(blob, 40, 1U << 31, 4);
	put(blob, 44, 65536, 4);
	for (i = 0; i < CHANNELS; i++) {
		put(blob, BLOB_HEADER + 16 * (size_t)i, offset, 4);
		put(blob, BLOB_HEADER + 16 * (size_t)i + 4, 1U << 28, 4);
		put(blob, BLOB_HEADER + 16 * (size_t)i + 12, 4095, 2);
	}
	seal(blob);
}

static int load_blob(int fd, unsigned char *blob, uint64_t bytes)
{
	return try_calibration(fd, LIGHTOS_PHOTONIC_CALIBRATION_LOAD, blob, &bytes);
}

TEST(calibration)
{
	unsigned char blob[BLOB_BYTES], back[BLOB_BYTES + 16];
	uint32_t phases[CHANNELS], codes[CHANNELS], crc;
	uint64_t bytes = 16;
	int fd = lit(), i;

	make_blob(blob, 1U << 30);
	crc = crc32(blob, BLOB_BYTES - 4);
	subscribe(fd, LIGHTOS_PHOTONIC_EVENT_CALIBRATION);
	CHECK_EQ(status_of(fd).calibrated, 0);
	CHECK_OK(load_blob(fd, blob, BLOB_BYTES));
	CHECK_EQ(await_event(fd, LIGHTOS_PHOTONIC_EVENT_CALIBRATION).value, crc);
	CHECK_EQ(status_of(fd).calibrated, 1);
	CHECK_EQ(status_of(fd).calibration_id, crc);
	CHECK_ERRNO(try_calibration(fd, LIGHTOS_PHOTONIC_CALIBRATION_READ, back, &bytes),
		    EMSGSIZE);
	CHECK_EQ(bytes, BLOB_BYTES);
	bytes = sizeof(back);
	CHECK_OK(try_calibration(fd, LIGHTOS_PHOTONIC_CALIBRATION_READ, back, &bytes));
	CHECK_EQ(bytes, BLOB_BYTES);
	CHECK(!memcmp(blob, back, BLOB_BYTES));
	/* A quarter of a turn is there already. */
	for (i = 0; i < CHANNELS; i++)
		phases[i] = 90000;
	commit_phases(fd, phases);
	CHECK_EQ(result_of(fd, queue_job(fd, 1, NULL)), 0);
	CHECK_OK(get_phases(fd, 0, CHANNELS, NULL, phases, codes));
	for (i = 0; i < CHANNELS; i++) {
		CHECK_EQ(codes[i], 0);
		CHECK_EQ(phases[i], 90000);
	}
	CHECK_OK(try_calibration(fd, LIGHTOS_PHOTONIC_CALIBRATION_DROP, NULL, &bytes));
	CHECK_EQ(await_event(fd, LIGHTOS_PHOTONIC_EVENT_CALIBRATION).value, 0);
	CHECK_EQ(status_of(fd).calibrated | status_of(fd).calibration_id, 0);
	CHECK_EQ(result_of(fd, queue_job(fd, 1, NULL)), 0);
	CHECK_OK(get_phases(fd, 0, CHANNELS, NULL, NULL, codes));
	CHECK_EQ(codes[0], 2048);
}

/* The one in use stays, whatever is refused. */
TEST(calibrations_refused)
{
	static const struct {
		size_t at;
		uint64_t value;
		int bytes, error;
	} wrong[] = {
		{ 0, 0x434e504d, 4, EINVAL },		/* magic */
		{ 4, 2, 2, EPROTONOSUPPORT },		/* version */
		{ 6, 95, 2, EINVAL },			/* header */
		{ 8, 2, 8, EXDEV },			/* serial number */
		{ 24, 126000, 4, EINVAL },		/* temperature */
		{ 28, BLOB_BYTES + 4, 4, EBADMSG },	/* length */
		{ 32, 5, 2, EXDEV },			/* modes */
		{ 34, 1, 2, EINVAL },			/* wavelength records */
		{ 36, 14, 2, EXDEV },			/* bits */
		{ 38, 2, 2, EINVAL },			/* flags */
		{ 40, 0, 4, EINVAL },			/* transmission */
		{ 44, 65535, 4, EXDEV },		/* full scale */
		{ 48, 1U << 30, 4, EINVAL },		/* crosstalk */
		{ 95, 1, 1, EINVAL },			/* padding */
		{ BLOB_HEADER + 4, (1ULL << 30) + 1, 4, EINVAL },	/* efficiency */
		{ BLOB_HEADER + 8, 1U << 29, 4, EINVAL },	/* temperature coefficient */
		{ BLOB_HEADER + 12, 4096, 2, EINVAL },	/* greatest code */
		{ BLOB_HEADER + 14, 1, 2, EINVAL },	/* padding */
	};
	unsigned char good[BLOB_BYTES], blob[BLOB_BYTES + 4];
	int fd = reload_with(IDEAL);
	size_t i;

	make_blob(good, 0);
	CHECK_OK(load_blob(fd, good, BLOB_BYTES));
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		make_blob(blob, 0);
		put(blob, wrong[i].at, wrong[i].value, wrong[i].bytes);
		seal(blob);
		errno = 0;
		if (load_blob(fd, blob, BLOB_BYTES) != -1 || errno != wrong[i].error)
			FAIL("byte %zu: %s, expected %s", wrong[i].at, strerror(errno),
			     strerror(wrong[i].error));
	}
	/* Any bit that flips. */
	for (i = 8; i < BLOB_BYTES; i += 37) {
		make_blob(blob, 0);
		blob[i] ^= 1 << i % 8;
		CHECK_ERRNO(load_blob(fd, blob, BLOB_BYTES), EBADMSG);
	}
	make_blob(blob, 0);
	CHECK_ERRNO(load_blob(fd, blob, BLOB_BYTES - 1), EBADMSG);
	CHECK_ERRNO(load_blob(fd, blob, BLOB_BYTES + 4), EBADMSG);
	CHECK_ERRNO(load_blob(fd, blob, 4), EBADMSG);
	CHECK_ERRNO(load_blob(fd, blob, 1), EBADMSG);
	CHECK_ERRNO(load_blob(fd, blob, 0), EINVAL);
	CHECK_ERRNO(load_blob(fd, blob, LIGHTOS_PHOTONIC_MAX_BLOB + 1), EINVAL);
	CHECK_ERRNO(load_blob(fd, blob, UINT64_MAX), EINVAL);
	CHECK_ERRNO(load_blob(fd, NULL, BLOB_BYTES), EFAULT);
	CHECK_EQ(status_of(fd).calibration_id, crc32(good, BLOB_BYTES - 4));
}

TEST(calibration_files)
{
	uint64_t bytes = 0;
	int fd = reload_with(IDEAL);

	CHECK_ERRNO(try_calibration(fd, LIGHTOS_PHOTONIC_CALIBRATION_FIRMWARE, NULL, &bytes),
		    ENOENT);
	CHECK_ERRNO(try_calibration(fd, 4, NULL, &bytes), EINVAL);
	CHECK_ERRNO(try_calibration(fd, UINT32_MAX, NULL, &bytes), EINVAL);
}

/* Thresholds. */

static void check_limits(int fd, const struct lightos_photonic_limits *expected)
{
	struct lightos_photonic_limits limits = { 0 };

	CHECK_OK(try_limits(fd, 0, &limits));
	CHECK_EQ(limits.throttle_mc, expected->throttle_mc);
	CHECK_EQ(limits.full_mc, expected->full_mc);
	CHECK_EQ(limits.emergency_mc, expected->emergency_mc);
	CHECK_EQ(limits.hysteresis_mc, expected->hysteresis_mc);
	CHECK_EQ(limits.setpoint_mc, expected->setpoint_mc);
}

TEST(limits)
{
	static const struct lightos_photonic_limits defaults = {
		.throttle_mc = 75000, .full_mc = 85000, .emergency_mc = 95000,
		.hysteresis_mc = 5000, .setpoint_mc = 45000,
	};
	static const struct lightos_photonic_limits sound[] = {
		{ .throttle_mc = 40000, .full_mc = 42000, .emergency_mc = 44000,
		  .hysteresis_mc = 1000, .setpoint_mc = 15000 },
		{ .throttle_mc = 91000, .full_mc = 93000, .emergency_mc = 95000,
		  .hysteresis_mc = 20000, .setpoint_mc = 81000 },
		{ .throttle_mc = 70000, .full_mc = 80000, .emergency_mc = 95000,
		  .hysteresis_mc = 5000, .setpoint_mc = 45000 },
	};
	static const struct lightos_photonic_limits senseless[] = {
		{ .throttle_mc = 39999, .full_mc = 42000, .emergency_mc = 44000,
		  .hysteresis_mc = 1000, .setpoint_mc = 15000 },
		{ .throttle_mc = 75000, .full_mc = 76999, .emergency_mc = 95000,
		  .hysteresis_mc = 5000, .setpoint_mc = 45000 },
		{ .throttle_mc = 75000, .full_mc = 85000, .emergency_mc = 86999,
		  .hysteresis_mc = 5000, .setpoint_mc = 45000 },
		{ .throttle_mc = 75000, .full_mc = 85000, .emergency_mc = 95001,
		  .hysteresis_mc = 5000, .setpoint_mc = 45000 },
		{ .throttle_mc = 75000, .full_mc = 85000, .emergency_mc = 95000,
		  .hysteresis_mc = 999, .setpoint_mc = 45000 },
		{ .throttle_mc = 75000, .full_mc = 85000, .emergency_mc = 95000,
		  .hysteresis_mc = 20001, .setpoint_mc = 45000 },
		{ .throttle_mc = 75000, .full_mc = 85000, .emergency_mc = 95000,
		  .hysteresis_mc = 5000, .setpoint_mc = 14999 },
		{ .throttle_mc = 75000, .full_mc = 85000, .emergency_mc = 95000,
		  .hysteresis_mc = 5000, .setpoint_mc = 65001 },
		{ .throttle_mc = INT32_MAX, .full_mc = INT32_MIN, .emergency_mc = INT32_MIN,
		  .hysteresis_mc = INT32_MAX, .setpoint_mc = INT32_MIN },
	};
	struct lightos_photonic_limits limits;
	int fd = reload_with(IDEAL);
	size_t i;

	check_limits(fd, &defaults);
	for (i = 0; i < sizeof(sound) / sizeof(sound[0]); i++) {
		limits = sound[i];
		CHECK_OK(try_limits(fd, LIGHTOS_PHOTONIC_LIMITS_SET, &limits));
		check_limits(fd, &sound[i]);
	}
	for (i = 0; i < sizeof(senseless) / sizeof(senseless[0]); i++) {
		limits = senseless[i];
		CHECK_ERRNO(try_limits(fd, LIGHTOS_PHOTONIC_LIMITS_SET, &limits), EINVAL);
		check_limits(fd, &sound[2]);
	}
	CHECK_EQ(read_number(hwmon_folder("lightos_model"), "temp2_crit"), 80000);
}

/* Events. */

TEST(events)
{
	struct pollfd poll_fd = { .events = POLLPRI };
	struct lightos_photonic_event event;
	int fd = reload_with(TWO), other = open_node(O_RDWR);
	uint64_t last = 0;

	poll_fd.fd = fd;
	CHECK_ERRNO(try_event(fd, &event), EAGAIN);
	subscribe(fd, LIGHTOS_PHOTONIC_EVENT_LASER | LIGHTOS_PHOTONIC_EVENT_RESET);
	CHECK_EQ(poll(&poll_fd, 1, 0), 0);
	CHECK_OK(control_at(other, 1, LIGHTOS_PHOTONIC_RESET_SOFT));
	CHECK_EQ(poll(&poll_fd, 1, -1), 1);
	CHECK_EQ(poll_fd.revents, POLLPRI);
	light_up(other);
	event = await_event(fd, UINT32_MAX);
	CHECK_EQ(event.kind, LIGHTOS_PHOTONIC_EVENT_RESET);
	CHECK_EQ(event.device, 1);
	CHECK_EQ(event.value, LIGHTOS_PHOTONIC_RESET_SOFT);
	CHECK_GT(event.time_ns, last);
	last = event.time_ns;
	event = await_event(fd, UINT32_MAX);
	CHECK_EQ(event.kind, LIGHTOS_PHOTONIC_EVENT_LASER);
	CHECK_EQ(event.device, 0);
	CHECK_GT(event.time_ns, last);
	CHECK_GT(now_ns(), event.time_ns);
	/* A new mask drops what waits. */
	CHECK_OK(control(other, LIGHTOS_PHOTONIC_RESET_SOFT));
	subscribe(fd, 0);
	CHECK_ERRNO(try_event(fd, &event), EAGAIN);
	CHECK_OK(control(other, LIGHTOS_PHOTONIC_RESET_SOFT));
	CHECK_ERRNO(try_event(fd, &event), EAGAIN);
	CHECK_ERRNO(try_event(other, &event), EAGAIN);
}

TEST(events_that_nobody_takes)
{
	struct lightos_photonic_event event;
	int fd = reload_with(IDEAL), i;

	subscribe(fd, LIGHTOS_PHOTONIC_EVENT_RESET);
	for (i = 0; i < 260; i++)
		CHECK_OK(control(fd, LIGHTOS_PHOTONIC_RESET_SOFT));
	for (i = 0; i < 256; i++) {
		CHECK_OK(try_event(fd, &event));
		CHECK_EQ(event.kind, LIGHTOS_PHOTONIC_EVENT_RESET);
	}
	CHECK_OK(try_event(fd, &event));
	CHECK_EQ(event.kind, LIGHTOS_PHOTONIC_EVENT_LOST);
	CHECK_EQ(event.value, 4);
	CHECK_ERRNO(try_event(fd, &event), EAGAIN);
}

/* A file is told of its own jobs alone. */
TEST(events_of_jobs)
{
	struct lightos_photonic_event event;
	int fd = lit(), other = open_node(O_RDWR);
	uint64_t number;

	subscribe(fd, LIGHTOS_PHOTONIC_EVENT_JOB);
	CHECK_EQ(result_of(other, queue_job(other, 1, NULL)), 0);
	number = queue_job(fd, 1, NULL);
	CHECK_EQ(result_of(fd, number), 0);
	event = await_event(fd, LIGHTOS_PHOTONIC_EVENT_JOB);
	CHECK_EQ(event.value, number);
	CHECK_ERRNO(try_event(fd, &event), EAGAIN);
}

/* Arguments of all calls. */

union argument {
	struct {
		uint32_t size, flags, device;
	} head;
	struct lightos_photonic_info info;
	struct lightos_photonic_status status;
	struct lightos_photonic_control control;
	struct lightos_photonic_limits limits;
	struct lightos_photonic_phases phases;
	struct lightos_photonic_submit submit;
	struct lightos_photonic_wait wait;
	struct lightos_photonic_probe probe;
	struct lightos_photonic_calibration calibration;
	struct lightos_photonic_events events;
	unsigned char bytes[8192];
};

static int32_t zeros[2 * MODES];

static void fill_none(union argument *argument)
{
	(void)argument;
}

static void fill_control(union argument *argument)
{
	argument->control.action = LIGHTOS_PHOTONIC_RESET_SOFT;
}

static void fill_submit(union argument *argument)
{
	argument->submit.vectors = 1;
	argument->submit.input = user_pointer(zeros);
}

static void fill_probe(union argument *argument)
{
	argument->probe.inputs = 1;
	argument->probe.averages = 1;
	argument->probe.input = user_pointer(zeros);
	argument->probe.output = user_pointer(zeros);
}

static void fill_drop(union argument *argument)
{
	argument->calibration.op = LIGHTOS_PHOTONIC_CALIBRATION_DROP;
}

#define CALL(name, type, fill, flags, ...)				\
	{ #name, LIGHTOS_IOC_PHOTONIC_##name, sizeof(struct lightos_photonic_##type), \
	  fill, flags, { __VA_ARGS__ } }
#define RESERVED(type, field)	offsetof(struct lightos_photonic_##type, field)

/* Fields that must be 0; an offset of 0 is none. */
static const struct call {
	const char *name;
	unsigned long code;
	uint32_t size;
	void (*fill)(union argument *argument);
	uint32_t flags;
	size_t reserved[4];
} calls[] = {
	CALL(INFO, info, fill_none, 0, 0),
	CALL(STATUS, status, fill_none, 0, 0),
	CALL(CONTROL, control, fill_control, 0, 0),
	CALL(LIMITS, limits, fill_none, 1, RESERVED(limits, reserved),
	     RESERVED(limits, reserved2)),
	CALL(SET_PHASES, phases, fill_none, 1, RESERVED(phases, reserved),
	     RESERVED(phases, reserved2), RESERVED(phases, applied), RESERVED(phases, codes)),
	CALL(GET_PHASES, phases, fill_none, 0, RESERVED(phases, reserved),
	     RESERVED(phases, reserved2)),
	CALL(SUBMIT, submit, fill_submit, 7, RESERVED(submit, output),
	     RESERVED(submit, output_exponents)),
	CALL(PROBE, probe, fill_probe, 1, RESERVED(probe, reserved)),
	CALL(CALIBRATION, calibration, fill_drop, 0, 0),
};

#define CALLS	(sizeof(calls) / sizeof(calls[0]))

static void expect(int fd, const struct call *call, union argument *argument, int error,
		   const char *what)
{
	int result;

	errno = 0;
	result = ioctl(fd, call->code, argument);
	if ((result < 0 ? errno : 0) != error)
		FAIL("%s, %s: %s, expected %s", call->name, what, strerror(errno),
		     strerror(error));
}

static void fill(const struct call *call, union argument *argument)
{
	memset(argument, 0, sizeof(*argument));
	argument->head.size = call->size;
	call->fill(argument);
}

static void check_call(int fd, const struct call *call)
{
	union argument argument;
	uint32_t bit;
	size_t i;

	fill(call, &argument);
	expect(fd, call, &argument, 0, "as it should be");
	for (bit = 0; bit < 32; bit++) {
		if (call->flags >> bit & 1)
			continue;
		fill(call, &argument);
		argument.head.flags = 1U << bit;
		expect(fd, call, &argument, EINVAL, "unknown flag");
	}
	for (i = 0; i < 4 && call->reserved[i]; i++) {
		fill(call, &argument);
		argument.bytes[call->reserved[i]] = 1;
		expect(fd, call, &argument, EINVAL, "reserved field");
	}
	fill(call, &argument);
	argument.head.device = 1;
	expect(fd, call, &argument, ENODEV, "no such device");
	argument.head.device = UINT32_MAX;
	expect(fd, call, &argument, ENODEV, "no such device");
}

TEST(arguments)
{
	int fd = lit();
	size_t i;

	for (i = 0; i < CALLS; i++)
		check_call(fd, &calls[i]);
}

/* Callers that know less or more than the module. */
TEST(sizes)
{
	union argument argument;
	int fd = lit();
	size_t i;

	for (i = 0; i < CALLS; i++) {
		const struct call *call = &calls[i];

		fill(call, &argument);
		argument.head.size = call->size - 1;
		expect(fd, call, &argument, EINVAL, "short");
		argument.head.size = 0;
		expect(fd, call, &argument, EINVAL, "no size");
		fill(call, &argument);
		argument.head.size = call->size + 8;
		expect(fd, call, &argument, 0, "long and zero");
		fill(call, &argument);
		argument.head.size = call->size + 8;
		argument.bytes[call->size + 7] = 1;
		expect(fd, call, &argument, E2BIG, "long and not zero");
		argument.head.size = 4097;
		expect(fd, call, &argument, E2BIG, "too long");
	}
}

TEST(bad_pointers)
{
	long page = sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	union argument argument;
	int fd = lit();
	size_t i;

	CHECK(pages != MAP_FAILED);
	CHECK_OK(munmap(pages + page, (size_t)page));
	for (i = 0; i < CALLS; i++) {
		char *cut = pages + page - calls[i].size + 1;

		fill(&calls[i], &argument);
		CHECK_ERRNO(ioctl(fd, calls[i].code, NULL), EFAULT);
		CHECK_ERRNO(ioctl(fd, calls[i].code, pages + page), EFAULT);
		/* Its last byte is not there. */
		memcpy(cut, &argument, calls[i].size - 1);
		CHECK_ERRNO(ioctl(fd, calls[i].code, cut), EFAULT);
	}
	CHECK_ERRNO(set_phases(fd, 0, 1, (uint32_t *)8, 0), EFAULT);
	CHECK_ERRNO(get_phases(fd, 0, 1, (uint32_t *)8, NULL, NULL), EFAULT);
	CHECK_ERRNO(get_phases(fd, 0, 1, NULL, (uint32_t *)8, NULL), EFAULT);
	CHECK_ERRNO(get_phases(fd, 0, 1, NULL, NULL, (uint32_t *)8), EFAULT);
	CHECK_EQ(status_of(fd).emission, 1);
}

/* The structure can be read, but not written: the call fails, and nothing is lost. */
TEST(faults_on_the_way_out)
{
	static const int32_t zeros[2 * MODES];
	const struct lightos_photonic_submit job = {
		.size = sizeof(job), .vectors = 1, .input = user_pointer(zeros),
	};
	const struct lightos_photonic_events take = { .size = sizeof(take) };
	int fd = lit_anew(), i;
	char *page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	memcpy(page, &job, sizeof(job));
	CHECK_OK(mprotect(page, sizeof(job), PROT_READ));
	/* Each would keep a slot of the file if its number had been lost. */
	for (i = 0; i < LIGHTOS_PHOTONIC_MAX_JOBS + 1; i++)
		CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_PHOTONIC_SUBMIT, page), EFAULT);
	CHECK_EQ(result_of(fd, queue_job(fd, 1, NULL)), 0);
	subscribe(fd, LIGHTOS_PHOTONIC_EVENT_RESET);
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_RESET_SOFT));
	CHECK_OK(mprotect(page, sizeof(job), PROT_READ | PROT_WRITE));
	memcpy(page, &take, sizeof(take));
	CHECK_OK(mprotect(page, sizeof(take), PROT_READ));
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_PHOTONIC_EVENTS, page), EFAULT);
	CHECK_EQ(await_event(fd, LIGHTOS_PHOTONIC_EVENT_RESET).value,
		 LIGHTOS_PHOTONIC_RESET_SOFT);
}

TEST(wait_and_events_arguments)
{
	struct lightos_photonic_wait wait = { .size = sizeof(wait), .job = 1 };
	struct lightos_photonic_events events = { .size = sizeof(events) };
	int fd = lit();

	wait.flags = 1;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_PHOTONIC_WAIT, &wait), EINVAL);
	wait.flags = 0;
	wait.reserved = 1;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_PHOTONIC_WAIT, &wait), EINVAL);
	wait.reserved = 0;
	wait.device = 1;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_PHOTONIC_WAIT, &wait), ENODEV);
	wait.size--;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_PHOTONIC_WAIT, &wait), EINVAL);
	events.flags = 2;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_PHOTONIC_EVENTS, &events), EINVAL);
	events.flags = LIGHTOS_PHOTONIC_EVENTS_SUBSCRIBE;
	events.kinds = 1U << 9;
	events.devices = 1;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_PHOTONIC_EVENTS, &events), EINVAL);
	events.kinds = 1;
	events.devices = 1U << 16;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_PHOTONIC_EVENTS, &events), EINVAL);
	events.flags = 0;
	events.devices = 0;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_PHOTONIC_EVENTS, &events), EINVAL);
	CHECK_ERRNO(control(fd, 0), EINVAL);
	CHECK_ERRNO(control(fd, 9), EINVAL);
	CHECK_ERRNO(control(fd, UINT32_MAX), EINVAL);
	CHECK_ERRNO(ioctl(fd, _IO(LIGHTOS_IOC_MAGIC, 0x8b), &wait), ENOTTY);
}

/* The module's end. */

TEST(unloading_with_light)
{
	int fd = lit();

	queue_job(fd, MANY, NULL);
	CHECK_ERRNO(try_unload(), EWOULDBLOCK);
	CHECK_EQ(status_of(fd).emission, 1);
	CHECK_OK(close(fd));
	unload();
	CHECK(!hwmon_folder("lightos_model"));
	CHECK_ERRNO(access(MODEL_FOLDER, F_OK), ENOENT);
	load();
}

int main(void)
{
	int status = harness_run();

	/* Without models, for the programs after this one. */
	if (!geteuid() && module_present() && !access(module_path(), R_OK))
		(void)try_unload();
	leave_loaded();
	return status;
}
