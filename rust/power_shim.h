/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sleep and end of the system as functions: what rust/power.rs calls. Process
 * context.
 */
#ifndef _LIGHTOS_POWER_SHIM_H
#define _LIGHTOS_POWER_SHIM_H

#include <linux/types.h>

struct lightos_power;

/* Called in process context with the lock of a chain of notifiers held. */
struct lightos_power_calls {
	/* Before suspend, hibernation, or the return to a saved image. */
	void (*suspend)(const void *data);
	/* After them, or when they did not come about. */
	void (*resume)(const void *data);
	/* Before restart, halt, power off or kexec. */
	void (*shut_down)(const void *data);
};

/* Returns an ERR_PTR() on failure. @calls and @data must stay until removal. */
struct lightos_power *lightos_power_register(const struct lightos_power_calls *calls,
					     const void *data);

/* Returns when no call is left. */
void lightos_power_unregister(struct lightos_power *power);

#endif /* _LIGHTOS_POWER_SHIM_H */
