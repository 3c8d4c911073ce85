// SPDX-License-Identifier: GPL-2.0
/*
 * SPIKING_CONFIG and the configuration part of GET_STATS: defaults, bounds,
 * refused values, and what a new configuration does to a running engine.
 */
#include "engine.h"

static const struct lightos_spiking_config valid = {
	.encoding = LIGHTOS_ENCODING_TEMPORAL,
	.enabled = 1,
	.max_events_per_cycle = 77,
	.processing_interval_us = 12345,
	.target_sparsity_percent = 33,
};

static void check_settings(const struct lightos_spiking_config *got,
			   const struct lightos_spiking_config *expected)
{
	CHECK_EQ(got->encoding, expected->encoding);
	CHECK_EQ(got->enabled, expected->enabled);
	CHECK_EQ(got->max_events_per_cycle, expected->max_events_per_cycle);
	CHECK_EQ(got->processing_interval_us,
		 expected->processing_interval_us);
	CHECK_EQ(got->target_sparsity_percent,
		 expected->target_sparsity_percent);
}

/* Both the answer of the call and GET_STATS show the settings. */
static void check_accepted(int fd, struct lightos_spiking_config config,
			   const struct lightos_spiking_config *expected)
{
	struct lightos_spiking_config stats;

	CHECK_EQ(ioctl(fd, LIGHTOS_IOC_SPIKING_CONFIG, &config), 0);
	stats = get_stats(fd);
	check_settings(&config, expected);
	check_settings(&stats, expected);
	CHECK_EQ(config.total_events_processed, stats.total_events_processed);
	CHECK_EQ(config.events_dropped, stats.events_dropped);
	CHECK_LE(config.current_sparsity_percent, 100);
}

static void check_refused(int fd, struct lightos_spiking_config config)
{
	struct lightos_spiking_config argument = config;
	struct snapshot before = take_snapshot(fd);

	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_SPIKING_CONFIG, &argument), EINVAL);
	CHECK(!memcmp(&argument, &config, sizeof(config)));
	CHECK_UNCHANGED(fd, &before);
}

TEST(normal_use)
{
	check_accepted(fresh(), valid, &valid);
}

TEST(zero_means_default)
{
	const struct lightos_spiking_config defaults = {
		.max_events_per_cycle = 1000,
		.processing_interval_us = 1000,
		.target_sparsity_percent = 69,
	};
	const struct lightos_spiking_config zeros = { .enabled = 0 };
	int fd = fresh();

	check_accepted(fd, valid, &valid);
	check_accepted(fd, zeros, &defaults);
}

TEST(each_encoding)
{
	struct lightos_spiking_config config = valid;
	int fd = fresh();

	for (config.encoding = 0; config.encoding <= 2; config.encoding++)
		check_accepted(fd, config, &config);
}

TEST(enabled_reads_back_as_one)
{
	static const uint32_t values[] = { 1, 2, 0x80000000, 0xffffffff };
	struct lightos_spiking_config config = valid;
	int fd = fresh();
	size_t i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		config.enabled = values[i];
		check_accepted(fd, config, &valid);
	}
}

TEST(bounds_are_accepted)
{
	struct lightos_spiking_config config = valid;
	int fd = fresh();

	config.processing_interval_us = LIGHTOS_MIN_INTERVAL_US;
	config.target_sparsity_percent = 1;
	config.max_events_per_cycle = 1;
	check_accepted(fd, config, &config);
	config.processing_interval_us = LIGHTOS_MAX_INTERVAL_US;
	config.target_sparsity_percent = 100;
	config.max_events_per_cycle = 0xffffffff;
	check_accepted(fd, config, &config);
}

TEST(unknown_encoding)
{
	static const uint32_t values[] = { 3, 4, 255, 0x80000000, 0xffffffff };
	struct lightos_spiking_config config = valid;
	int fd = fresh();
	size_t i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		config.encoding = values[i];
		check_refused(fd, config);
	}
}

TEST(interval_out_of_range)
{
	static const uint32_t values[] = {
		1, LIGHTOS_MIN_INTERVAL_US - 1, LIGHTOS_MAX_INTERVAL_US + 1,
		0x80000000, 0xffffffff,
	};
	struct lightos_spiking_config config = valid;
	int fd = fresh();
	size_t i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		config.processing_interval_us = values[i];
		check_refused(fd, config);
	}
}

TEST(sparsity_out_of_range)
{
	static const uint32_t values[] = { 101, 256, 0x80000000, 0xffffffff };
	struct lightos_spiking_config config = valid;
	int fd = fresh();
	size_t i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		config.target_sparsity_percent = values[i];
		check_refused(fd, config);
	}
}

/* A refused call does not disable or stop the engine either. */
TEST(refused_config_leaves_the_engine_running)
{
	struct lightos_spiking_config config = valid;
	int fd = fresh();

	check_accepted(fd, valid, &valid);
	start(fd);
	config.enabled = 0;
	config.encoding = 3;
	CHECK_ERRNO(try_config(fd, &config), EINVAL);
	CHECK_EQ(get_counters(fd).running, 1);
	CHECK_EQ(get_stats(fd).enabled, 1);
}

/* Out fields of the argument are not read. */
TEST(out_fields_are_ignored)
{
	struct lightos_spiking_config config = valid;
	int fd = fresh();

	config.current_sparsity_percent = 0xaaaaaaaa;
	config.total_events_processed = ~0ULL;
	config.events_dropped = ~0ULL;
	check_accepted(fd, config, &valid);
	CHECK_EQ(get_stats(fd).total_events_processed, 0);
	CHECK_EQ(get_stats(fd).events_dropped, 0);
}

TEST(totals_survive_config)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	submit(fd, 1, 0, 600);
	apply(fd);
	check_accepted(fd, valid, &valid);
	CHECK_EQ(get_stats(fd).total_events_processed, 1);
	CHECK_EQ(spikes_of(fd, 1), 1);
}

TEST(pending_events_survive_config)
{
	int fd = fresh();

	submit(fd, 1, 0, 600);
	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	CHECK_EQ(get_counters(fd).events_pending, 1);
	apply(fd);
	CHECK_EQ(spikes_of(fd, 1), 1);
}

TEST(disabling_stops)
{
	const struct lightos_spiking_config disabled = { .enabled = 0 };
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	start(fd);
	CHECK_EQ(get_counters(fd).running, 1);
	CHECK_OK(try_config(fd, &disabled));
	CHECK_EQ(get_counters(fd).running, 0);
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_SPIKING_START), EINVAL);
	configure(fd, LIGHTOS_ENCODING_RATE, 1000);
	CHECK_EQ(get_counters(fd).running, 0);
}

TEST(config_keeps_an_enabled_engine_running)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, LIGHTOS_MAX_INTERVAL_US);
	start(fd);
	configure(fd, LIGHTOS_ENCODING_RATE, 100);
	CHECK_EQ(get_counters(fd).running, 1);
	submit(fd, 3, 0, 600);
	CHECK_EQ(spikes_of(fd, 3), 1);
}

/* A shorter interval reaches an event that waits for the next cycle. */
TEST(config_moves_the_next_cycle)
{
	int fd = fresh();

	configure(fd, LIGHTOS_ENCODING_RATE, LIGHTOS_MAX_INTERVAL_US);
	start(fd);
	submit(fd, 3, 0, 600);
	configure(fd, LIGHTOS_ENCODING_RATE, 100);
	while (!get_counters(fd).events_processed)
		sleep_ms(1);
	CHECK_GE(get_counters(fd).timer_fires, 1);
}

int main(void)
{
	return harness_run();
}
