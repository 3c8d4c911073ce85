// SPDX-License-Identifier: GPL-2.0
/*
 * How long it takes to load and to unload the module, by the bare system
 * calls, on a module file that is in the page cache. Prints one JSON object:
 * microseconds as median and quartiles over the rounds.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS		21
#define NS_PER_S	1000000000ULL

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void check(long result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "load_time: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static int module_file(void)
{
	struct utsname system;
	char path[512];
	int file;

	check(uname(&system), "uname");
	snprintf(path, sizeof(path), "/lib/modules/%s/updates/lightos.ko",
		 system.release);
	file = open(path, O_RDONLY | O_CLOEXEC);
	check(file, path);
	return file;
}

static double timed(long (*operation)(int), int file, const char *what)
{
	uint64_t begin = now_ns();

	check(operation(file), what);
	return (double)(now_ns() - begin) / 1000;
}

static long load(int file)
{
	return syscall(SYS_finit_module, file, "", 0);
}

static long unload(int file)
{
	(void)file;
	return syscall(SYS_delete_module, "lightos", O_NONBLOCK);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_quartiles(const char *name, double *us, const char *end)
{
	qsort(us, ROUNDS, sizeof(*us), ascending);
	printf("  \"%s\": {\"median_us\": %.1f, \"p25_us\": %.1f, \"p75_us\": %.1f}%s\n",
	       name, us[ROUNDS / 2], us[ROUNDS / 4], us[ROUNDS * 3 / 4], end);
}

int main(void)
{
	double load_us[ROUNDS], unload_us[ROUNDS];
	int file = module_file();
	int round;

	/* Whether the module is loaded now or not; this is not timed. */
	if (unload(file) < 0 && errno != ENOENT)
		check(-1, "delete_module");
	for (round = 0; round < ROUNDS; round++) {
		load_us[round] = timed(load, file, "finit_module");
		unload_us[round] = timed(unload, file, "delete_module");
	}
	check(load(file), "finit_module");
	close(file);
	printf("{\n  \"rounds\": %d,\n", ROUNDS);
	print_quartiles("load", load_us, ",");
	print_quartiles("unload", unload_us, "");
	printf("}\n");
	return 0;
}
