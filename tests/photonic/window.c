// SPDX-License-Identifier: GPL-2.0
/*
 * The driver over memory of a PCI device: a window that is plain memory (QEMU's
 * ivshmem-plain), with the identity of a chip of 4 modes and the rest as somebody left
 * it: key turned, rails enabled. The host looks at what the driver wrote (window.sh).
 * Its sensors do not convert, so that it must not get power. Needs root.
 */
#include "photonic.h"

#define DEVICES		"/sys/bus/pci/devices"
#define DRIVER		"/sys/bus/pci/drivers/lightos"

/* The address of the device of QEMU. */
static const char *address(void)
{
	static char name[64];
	struct dirent *entry;
	DIR *all = opendir(DEVICES);
	char path[300], text[32];

	CHECK(all);
	while ((entry = readdir(all))) {
		snprintf(path, sizeof(path), DEVICES "/%s", entry->d_name);
		if (entry->d_name[0] != '.' && read_text(path, "device", text, sizeof(text)) &&
		    !strcmp(text, "0x1110")) {
			snprintf(name, sizeof(name), "%.63s", entry->d_name);
			closedir(all);
			return name;
		}
	}
	SKIP("no such device: see window.sh");
}

static const char *folder(void)
{
	static char path[128];

	snprintf(path, sizeof(path), DEVICES "/%s", address());
	return path;
}

static int try_write(const char *where, const char *name, const char *text)
{
	char path[300];
	ssize_t written;
	int file, error;

	snprintf(path, sizeof(path), "%s/%s", where, name);
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return -1;
	written = write(file, text, strlen(text));
	error = errno;
	close(file);
	errno = error;
	return written < 0 ? -1 : 0;
}

static void bind_device(void)
{
	CHECK_OK(try_write(folder(), "driver_override", "lightos"));
	CHECK_OK(try_write(DRIVER, "bind", address()));
}

static void unbind_device(void)
{
	CHECK_OK(try_write(DRIVER, "unbind", address()));
}

/* No ID is claimed: a device is bound by name alone. */
TEST(bound_by_name_alone)
{
	(void)address();
	CHECK_EQ(try_write(DRIVER, "bind", address()), -1);
	bind_device();
	unbind_device();
}

TEST(shown_as_silicon)
{
	struct lightos_photonic_info info;
	char path[300], text[32];
	int fd = open_node(O_RDWR);

	(void)address();
	CHECK_ERRNO(try_info(fd, 0, &info), ENODEV);
	bind_device();
	info = info_of(fd, 0);
	CHECK_EQ(info.backend, LIGHTOS_BACKEND_SILICON);
	CHECK_EQ(info.serial, 0x1122334455667788);
	CHECK_EQ(info.modes, MODES);
	CHECK(hwmon_folder("lightos_photonic"));
	CHECK(!hwmon_folder("lightos_model"));
	snprintf(path, sizeof(path), "%s/photonic", folder());
	CHECK(read_text(path, "kind", text, sizeof(text)));
	CHECK(!strcmp(text, "silicon"));
	unbind_device();
	CHECK_ERRNO(try_info(fd, 0, &info), ENODEV);
	CHECK(!hwmon_folder("lightos_photonic"));
}

/* Rails that somebody left on go off; sensors that stand are faults. */
TEST(taken_over_and_kept_dark)
{
	int fd = open_node(O_RDWR), i;

	bind_device();
	AWAIT_STATUS(fd, status.state == LIGHTOS_PHOTONIC_UNINITIALISED &&
		     status.sensor_faults[0] && status.sensor_faults[4]);
	CHECK_EQ(status_of(fd).armed, 0);
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_ARM), ENETDOWN);
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_POWER_UP), EIO);
	CHECK_EQ(status_of(fd).causes, LIGHTOS_PHOTONIC_CAUSE_SENSORS);
	AWAIT_STATUS(fd, status.rail_state[0] == LIGHTOS_PHOTONIC_RAIL_OFF);
	for (i = 0; i < 6; i++)
		CHECK_EQ(status_of(fd).rail_state[i], LIGHTOS_PHOTONIC_RAIL_OFF);
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_CLEAR), EAGAIN);
	CHECK_EQ(result_of(fd, queue_job(fd, 1, NULL)), EHOSTDOWN);
	unbind_device();
}

TEST(unplugged_under_an_open_file)
{
	struct lightos_photonic_status status;
	struct lightos_photonic_wait wait = { 0 };
	int fd = open_node(O_RDWR);
	uint32_t phase = 1;

	bind_device();
	CHECK_OK(set_phases(fd, 0, 1, &phase, LIGHTOS_PHOTONIC_COMMIT));
	(void)queue_job(fd, 1, NULL);
	unbind_device();
	CHECK_ERRNO(try_status(fd, 0, &status), ENODEV);
	CHECK_ERRNO(control(fd, LIGHTOS_PHOTONIC_DISARM), ENODEV);
	/* What became of the job can be taken, once. */
	CHECK_OK(try_wait(fd, 1, 0, &wait));
	CHECK_NE(wait.result, 0);
	CHECK_ERRNO(try_wait(fd, 1, 0, &wait), ENOENT);
	CHECK_ERRNO(set_phases(fd, 0, 1, &phase, 0), ENODEV);
	/* What comes after has a program of its own. */
	bind_device();
	CHECK_OK(get_phases(fd, 0, 1, &phase, NULL, NULL));
	CHECK_EQ(phase, 0);
	unbind_device();
	CHECK_OK(close(fd));
}

TEST(module_goes_with_the_device_bound)
{
	bind_device();
	unload();
	CHECK(!hwmon_folder("lightos_photonic"));
	/* The name is still there. */
	load();
	CHECK_EQ(info_of(open_node(O_RDWR), 0).devices, 1);
}

int main(void)
{
	return harness_run();
}
