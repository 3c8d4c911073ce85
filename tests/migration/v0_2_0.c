// SPDX-License-Identifier: GPL-2.0
/*
 * The example program of LightOS v0.2.0, from the migration guide: configures
 * and starts the spiking engine, makes a neuron spike and reads the results.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <lightos.h>

int main(void)
{
	struct lightos_device_state state = { 0 };
	struct lightos_spiking_config config = {
		.encoding = 2,
		.enabled = 1,
		.target_sparsity_percent = 69,
	};
	struct lightos_spike_event event = {
		.neuron_id = 42,
		.amplitude_mv = 600,
	};
	struct lightos_spiking_config stats = { 0 };
	struct lightos_neuron_state neuron = { .neuron_id = 42 };
	int fd = open("/dev/lightos", O_RDWR);

	if (fd < 0) {
		perror("open /dev/lightos");
		return 1;
	}
	if (ioctl(fd, LIGHTOS_IOC_GET_DEVICE_STATE, &state) < 0) {
		perror("GET_DEVICE_STATE");
		return 1;
	}
	printf("device %u type %u\n", state.device_id, state.device_type);

	if (ioctl(fd, LIGHTOS_IOC_SPIKING_CONFIG, &config) < 0) {
		perror("SPIKING_CONFIG");
		return 1;
	}
	if (ioctl(fd, LIGHTOS_IOC_SPIKING_START) < 0) {
		perror("SPIKING_START");
		return 1;
	}
	if (ioctl(fd, LIGHTOS_IOC_SPIKING_SUBMIT_EVENT, &event) < 0) {
		perror("SPIKING_SUBMIT_EVENT");
		return 1;
	}
	if (ioctl(fd, LIGHTOS_IOC_SPIKING_GET_STATS, &stats) < 0) {
		perror("SPIKING_GET_STATS");
		return 1;
	}
	printf("processed %llu\n",
	       (unsigned long long)stats.total_events_processed);
	printf("dropped %llu\n", (unsigned long long)stats.events_dropped);
	printf("sparsity %u %%\n", stats.current_sparsity_percent);

	if (ioctl(fd, LIGHTOS_IOC_GET_NEURON_STATE, &neuron) < 0) {
		perror("GET_NEURON_STATE");
		return 1;
	}
	printf("neuron %u\n", neuron.neuron_id);
	printf("state %u\n", neuron.state);
	printf("membrane %d mV\n", neuron.membrane_potential_mv);
	printf("spikes %llu\n", (unsigned long long)neuron.total_spikes);
	printf("rate %u Hz\n", neuron.current_rate_hz);
	close(fd);
	return 0;
}
