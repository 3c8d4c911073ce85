/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of photonic processors share: a module with models, one-line
 * wrappers of the calls, and the matrix that phases stand for, by the formulas of
 * photonic/layout.rs in floating point.
 *
 * Models here have 4 modes: kernels are emulated.
 */
#ifndef LIGHTOS_TEST_PHOTONIC_H
#define LIGHTOS_TEST_PHOTONIC_H

#include <complex.h>
#include <dirent.h>
#include <math.h>
#include <poll.h>

#include "module.h"

#define MODES		4
#define CROSSINGS	(MODES * MODES)
#define CHANNELS	(2 * CROSSINGS + MODES)
/* Vectors that the buffers of a model hold. */
#define DEPTH		64

/* A model without a flaw has one turn at full scale. */
#define IDEAL	"photonic_models=1 photonic_model_modes=4 photonic_model_ideal=1"
#define TWO	"photonic_models=2 photonic_model_modes=4 photonic_model_ideal=1"
#define TYPICAL	"photonic_models=1 photonic_model_modes=4"

#define FULL	0x7fffffff
#define MODEL_FOLDER	"/sys/devices/faux/lightos-model.0"

/* Loads the module anew with parameters; a file on it. */
static inline int reload_with(const char *parameters)
{
	need_module_control();
	if (module_present())
		unload_between_opens();
	CHECK_OK(try_load_with(parameters));
	return open_node(O_RDWR);
}

/* Calls; each returns what ioctl() does. */

static inline int try_info(int fd, uint32_t device, struct lightos_photonic_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	info->device = device;
	return ioctl(fd, LIGHTOS_IOC_PHOTONIC_INFO, info);
}

static inline struct lightos_photonic_info info_of(int fd, uint32_t device)
{
	struct lightos_photonic_info info;

	CHECK_OK(try_info(fd, device, &info));
	return info;
}

static inline int try_status(int fd, uint32_t device, struct lightos_photonic_status *status)
{
	memset(status, 0xaa, sizeof(*status));
	status->size = sizeof(*status);
	status->flags = 0;
	status->device = device;
	return ioctl(fd, LIGHTOS_IOC_PHOTONIC_STATUS, status);
}

static inline struct lightos_photonic_status status_of(int fd)
{
	struct lightos_photonic_status status;

	CHECK_OK(try_status(fd, 0, &status));
	return status;
}

static inline int control_at(int fd, uint32_t device, uint32_t action)
{
	struct lightos_photonic_control control = {
		.size = sizeof(control), .device = device, .action = action,
	};

	return ioctl(fd, LIGHTOS_IOC_PHOTONIC_CONTROL, &control);
}

static inline int control(int fd, uint32_t action)
{
	return control_at(fd, 0, action);
}

static inline void power_up(int fd)
{
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_POWER_UP));
}

static inline void light_up(int fd)
{
	power_up(fd);
	CHECK_OK(control(fd, LIGHTOS_PHOTONIC_ARM));
}


static inline int try_limits(int fd, uint32_t flags, struct lightos_photonic_limits *limits)
{
	limits->size = sizeof(*limits);
	limits->flags = flags;
	return ioctl(fd, LIGHTOS_IOC_PHOTONIC_LIMITS, limits);
}

static inline int set_phases(int fd, uint32_t first, uint32_t count, const uint32_t *phases,
			     uint32_t flags)
{
	struct lightos_photonic_phases call = {
		.size = sizeof(call), .flags = flags, .first = first, .count = count,
		.requested = user_pointer(phases),
	};

	return ioctl(fd, LIGHTOS_IOC_PHOTONIC_SET_PHASES, &call);
}

static inline void commit_phases(int fd, const uint32_t *phases)
{
	CHECK_OK(set_phases(fd, 0, CHANNELS, phases, LIGHTOS_PHOTONIC_COMMIT));
}

static inline int get_phases(int fd, uint32_t first, uint32_t count, uint32_t *requested,
			     uint32_t *applied, uint32_t *codes)
{
	struct lightos_photonic_phases call = {
		.size = sizeof(call), .first = first, .count = count,
		.requested = user_pointer(requested), .applied = user_pointer(applied),
		.codes = user_pointer(codes),
	};

	return ioctl(fd, LIGHTOS_IOC_PHOTONIC_GET_PHASES, &call);
}

/* A job; the fields that are 0 stand for the defaults. */
static inline int try_job(int fd, struct lightos_photonic_submit *job)
{
	job->size = sizeof(*job);
	return ioctl(fd, LIGHTOS_IOC_PHOTONIC_SUBMIT, job);
}

/* Queues vectors of zeros or of @input; the number of the job. */
static inline uint64_t queue_job(int fd, uint32_t vectors, const int32_t *input)
{
	static const int32_t zeros[2 * MODES * 65536];
	struct lightos_photonic_submit job = {
		.vectors = vectors, .input = user_pointer(input ? input : zeros),
	};

	CHECK_OK(try_job(fd, &job));
	return job.job;
}

static inline int try_wait(int fd, uint64_t number, uint64_t timeout_ns,
			   struct lightos_photonic_wait *call)
{
	call->size = sizeof(*call);
	call->job = number;
	call->timeout_ns = timeout_ns;
	return ioctl(fd, LIGHTOS_IOC_PHOTONIC_WAIT, call);
}

/* What became of a job. */
static inline int result_of(int fd, uint64_t number)
{
	struct lightos_photonic_wait call = { .result = -1 };

	CHECK_OK(try_wait(fd, number, UINT64_MAX, &call));
	return call.result;
}

/* One job from input to output: errno of the job. */
static inline int run_job(int fd, struct lightos_photonic_submit *job)
{
	job->flags |= LIGHTOS_PHOTONIC_NOW;
	CHECK_OK(try_job(fd, job));
	return job->result;
}

/* Events. */

static inline void subscribe(int fd, uint32_t kinds)
{
	struct lightos_photonic_events call = {
		.size = sizeof(call), .flags = LIGHTOS_PHOTONIC_EVENTS_SUBSCRIBE,
		.devices = 0xffff, .kinds = kinds,
	};

	CHECK_OK(ioctl(fd, LIGHTOS_IOC_PHOTONIC_EVENTS, &call));
}

static inline int try_event(int fd, struct lightos_photonic_event *event)
{
	struct lightos_photonic_events call = { .size = sizeof(call) };
	int result = ioctl(fd, LIGHTOS_IOC_PHOTONIC_EVENTS, &call);

	*event = call.event;
	return result;
}

/* The next event of a kind, others dropped. Waits for it. */
static inline struct lightos_photonic_event await_event(int fd, uint32_t kind)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLPRI };
	struct lightos_photonic_event event;

	for (;;) {
		if (!try_event(fd, &event)) {
			if (event.kind & kind)
				return event;
			continue;
		}
		CHECK_EQ(errno, EAGAIN);
		/* An interrupted poll is as good as any. */
		if (poll(&poll_fd, 1, 10000) == 0)
			FAIL("no event of kind %#x", kind);
	}
}

/* Waits until @condition of the status; fails where it does not come. */
#define AWAIT_STATUS(fd, condition)					\
	do {								\
		struct lightos_photonic_status status;			\
		int tries_ = 0;						\
									\
		for (;;) {						\
			status = status_of(fd);				\
			if (condition)					\
				break;					\
			if (++tries_ > 2000)				\
				FAIL("never: %s (state %u, causes %#x, die %d)", \
				     #condition, status.state,		\
				     status.causes, status.die_mc);	\
			sleep_ms(5);					\
		}							\
	} while (0)

/*
 * A module with an ideal model that shines, and is as warm as it shall be: the colour
 * of its laser goes with the temperature.
 */
static inline int lit_anew(void)
{
	int fd = reload_with(IDEAL);

	light_up(fd);
	AWAIT_STATUS(fd, abs(status.die_mc - status.setpoint_mc) < 1000);
	return fd;
}

/* Whether the case before has left such a model, but for the light. */
static inline bool is_ready(int fd)
{
	struct lightos_photonic_limits limits = { 0 };
	struct lightos_photonic_status status;
	struct lightos_photonic_info info;

	return !try_info(fd, 0, &info) && info.devices == 1 && info.serial == 1 &&
	       info.modes == MODES && info.full_scale == 65536 &&
	       !try_status(fd, 0, &status) && status.state == LIGHTOS_PHOTONIC_READY &&
	       !status.armed && !status.causes && !status.calibrated &&
	       abs(status.die_mc - status.setpoint_mc) < 1000 &&
	       !try_limits(fd, 0, &limits) && limits.throttle_mc == 75000;
}

/* The same with whatever has been counted before: loading takes long. */
static inline int lit(void)
{
	int fd;

	need_module_control();
	if (!module_present())
		return lit_anew();
	fd = open_node(O_RDWR);
	if (is_ready(fd)) {
		CHECK_OK(control(fd, LIGHTOS_PHOTONIC_ARM));
		return fd;
	}
	close(fd);
	return lit_anew();
}

/* What a file of sysfs says, without its line end; false where it cannot be read. */
static inline bool read_text(const char *folder, const char *name, char *text, size_t size)
{
	char path[512];
	ssize_t length;
	int file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	length = read(file, text, size - 1);
	close(file);
	if (length < 0)
		return false;
	text[length] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return true;
}

static inline long read_number(const char *folder, const char *name)
{
	char text[64];

	if (!read_text(folder, name, text, sizeof(text)))
		FAIL("%s/%s: %s", folder, name, strerror(errno));
	return strtol(text, NULL, 0);
}

/* The folder of the hwmon device with that name; NULL if there is none. */
static inline const char *hwmon_folder(const char *name)
{
	static char path[300];
	struct dirent *entry;
	DIR *all = opendir("/sys/class/hwmon");
	char text[64];

	while (all && (entry = readdir(all))) {
		snprintf(path, sizeof(path), "/sys/class/hwmon/%s", entry->d_name);
		if (entry->d_name[0] != '.' && read_text(path, "name", text, sizeof(text)) &&
		    !strcmp(text, name)) {
			closedir(all);
			return path;
		}
	}
	if (all)
		closedir(all);
	return NULL;
}

/* The mesh in floating point. */

struct column {
	unsigned int first, count, top, stride;
};

static inline struct column column_of(unsigned int index)
{
	const unsigned int n = MODES, mesh = n * (n - 1) / 2;
	unsigned int base = index < n ? 0 : mesh + n;
	unsigned int k = index < n ? index : index - n - 1;

	if (index == n)
		return (struct column){ mesh, n, 0, 1 };
	return (struct column){
		.first = base + (k + 1) / 2 * (n / 2) + k / 2 * ((n - 1) / 2),
		.count = k % 2 ? (n - 1) / 2 : n / 2,
		.top = k % 2,
		.stride = 2,
	};
}

static inline double radians(uint32_t millidegrees)
{
	return millidegrees * (2 * M_PI / LIGHTOS_PHOTONIC_TURN);
}

/*
 * Sends @field through the mesh with these phases in millidegrees. @taps, where it
 * is not NULL, gets the powers at both outputs of every crossing.
 */
static inline void pass_mesh(const uint32_t *phases, double complex *field, double (*taps)[2])
{
	unsigned int index, nth;

	for (index = 0; index <= 2 * MODES; index++) {
		struct column column = column_of(index);

		for (nth = 0; nth < column.count; nth++) {
			unsigned int c = column.first + nth;
			unsigned int top = column.top + nth * column.stride;
			bool attenuator = index == MODES;
			double theta = radians(phases[2 * c]);
			double complex phi = cexp(I * radians(phases[2 * c + 1]));
			double complex all = I * cexp(I * theta / 2);
			double complex a = field[top] * phi;
			double complex b = attenuator ? 0 : field[top + 1];
			double complex over = all * (a * sin(theta / 2) + b * cos(theta / 2));
			double complex under = all * (a * cos(theta / 2) - b * sin(theta / 2));

			field[top] = over;
			if (!attenuator)
				field[top + 1] = under;
			if (taps) {
				taps[c][0] = creal(over * conj(over));
				taps[c][1] = creal(under * conj(under));
			}
		}
	}
	for (nth = 0; nth < MODES; nth++)
		field[nth] *= cexp(I * radians(phases[2 * CROSSINGS + nth]));
}

/* A number of the ABI with its exponent. */
static inline double complex number_of(const int32_t *parts, int exponent)
{
	return (ldexp(parts[0], exponent - 31)) + I * ldexp(parts[1], exponent - 31);
}

static inline int32_t some_number(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return (int32_t)*seed;
}

static inline void some_phases(uint32_t *phases, uint32_t seed)
{
	unsigned int i;

	for (i = 0; i < CHANNELS; i++)
		phases[i] = ((uint32_t)some_number(&seed) >> 8) % LIGHTOS_PHOTONIC_TURN;
}

/* All crossings lead light straight on, or across, and change no phase but by that. */
static inline void plain_phases(uint32_t *phases, uint32_t theta)
{
	unsigned int c;

	memset(phases, 0, CHANNELS * sizeof(*phases));
	for (c = 0; c < CROSSINGS; c++)
		phases[2 * c] = theta;
	/* Attenuators pass everything. */
	for (c = 0; c < MODES; c++)
		phases[2 * (column_of(MODES).first + c)] = 180000;
}

#endif /* LIGHTOS_TEST_PHOTONIC_H */
