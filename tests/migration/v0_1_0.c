// SPDX-License-Identifier: GPL-2.0
/*
 * The example program of LightOS v0.1.0, from the migration guide: asks for
 * the state of the first device.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <lightos.h>

int main(void)
{
	struct lightos_device_state state = { 0 };
	int fd = open("/dev/lightos", O_RDWR);

	if (fd < 0) {
		perror("open /dev/lightos");
		return 1;
	}
	if (ioctl(fd, LIGHTOS_IOC_GET_DEVICE_STATE, &state) < 0) {
		perror("GET_DEVICE_STATE");
		return 1;
	}
	printf("device %u\n", state.device_id);
	printf("type %u\n", state.device_type);
	printf("utilization %u %%\n", state.utilization_percent);
	printf("power %u W\n", state.power_watts);
	printf("memory %llu of %llu bytes\n",
	       (unsigned long long)state.memory_used_bytes,
	       (unsigned long long)state.memory_total_bytes);
	close(fd);
	return 0;
}
