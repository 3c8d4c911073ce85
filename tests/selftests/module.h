/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loading and unloading lightos.ko by the bare system calls.
 *
 * The file is the one that LIGHTOS_KO names, or that "make install" put under
 * /lib/modules. A test that leaves the module unloaded spoils the following
 * ones: each begins with load_if_absent().
 */
#ifndef LIGHTOS_TEST_MODULE_H
#define LIGHTOS_TEST_MODULE_H

#include <sys/syscall.h>
#include <sys/utsname.h>

#include "engine.h"

#define MODULE_NAME	"lightos"
#define MODULE_SYSFS	"/sys/module/lightos"

/* Tries of an unload that others' open files get in the way of. */
#define UNLOAD_TRIES	20000

static inline const char *module_path(void)
{
	static char path[512];
	const char *named = getenv("LIGHTOS_KO");
	struct utsname system;

	if (named)
		return named;
	uname(&system);
	snprintf(path, sizeof(path), "/lib/modules/%s/updates/lightos.ko",
		 system.release);
	return path;
}

static inline bool module_present(void)
{
	return !access(MODULE_SYSFS, F_OK);
}

/* Skips the case where modules cannot be loaded by this user or at all. */
static inline void need_module_control(void)
{
	if (geteuid())
		SKIP("needs root");
	if (module_present() && access(MODULE_SYSFS "/initstate", F_OK))
		SKIP("lightos is built into this kernel");
	if (access(module_path(), R_OK))
		FAIL("%s: %s (LIGHTOS_KO names another file)", module_path(),
		     strerror(errno));
}

static inline int module_file(void)
{
	int file = open(module_path(), O_RDONLY | O_CLOEXEC);

	if (file < 0)
		FAIL("%s: %s", module_path(), strerror(errno));
	return file;
}

/* Loads the module with parameters as on modprobe's command line. */
static inline int try_load_with(const char *parameters)
{
	int file = module_file();
	int result = (int)syscall(SYS_finit_module, file, parameters, 0);
	int error = errno;

	close(file);
	errno = error;
	return result;
}

static inline int try_load(void)
{
	return try_load_with("");
}

static inline int try_unload(void)
{
	return (int)syscall(SYS_delete_module, MODULE_NAME, O_NONBLOCK);
}

static inline void load(void)
{
	CHECK_OK(try_load());
}

static inline void unload(void)
{
	CHECK_OK(try_unload());
}

/* Unloads although others keep opening the node for moments. */
static inline void unload_between_opens(void)
{
	int i;

	for (i = 0; i < UNLOAD_TRIES; i++) {
		if (!try_unload())
			return;
		CHECK_EQ(errno, EWOULDBLOCK);
		sleep_ns(200 * NS_PER_US);
	}
	FAIL("the module stays in use");
}

static inline void load_if_absent(void)
{
	if (!module_present())
		load();
}

/* Ends with the engine of a module loaded just now; returns a file on it. */
static inline int reload(void)
{
	need_module_control();
	load_if_absent();
	unload_between_opens();
	load();
	return open_node(O_RDWR);
}

/* For the end of a program: the ones after it need the module. */
static inline void leave_loaded(void)
{
	if (geteuid() || module_present() || access(module_path(), R_OK))
		return;
	if (try_load())
		perror("loading the module again");
}

#endif /* LIGHTOS_TEST_MODULE_H */
