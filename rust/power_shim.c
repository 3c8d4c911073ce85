// SPDX-License-Identifier: GPL-2.0
/*
 * Notifiers of sleep and of the end of the system. Process context; the chains
 * hold their locks for reading around a call, for writing around registration.
 */
#include <linux/err.h>
#include <linux/notifier.h>
#include <linux/reboot.h>
#include <linux/slab.h>
#include <linux/suspend.h>

#include "power_shim.h"

/* Before others: what they do takes time, and light is to be off by then. */
#define PRIORITY 1000

struct lightos_power {
	struct notifier_block sleep;
	struct notifier_block end;
	const struct lightos_power_calls *calls;
	const void *data;
};

static int on_sleep(struct notifier_block *block, unsigned long event,
		    void *unused)
{
	struct lightos_power *power =
		container_of(block, struct lightos_power, sleep);

	switch (event) {
	case PM_SUSPEND_PREPARE:
	case PM_HIBERNATION_PREPARE:
	case PM_RESTORE_PREPARE:
		power->calls->suspend(power->data);
		break;
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		power->calls->resume(power->data);
		break;
	}
	return NOTIFY_DONE;
}

static int on_end(struct notifier_block *block, unsigned long event,
		  void *unused)
{
	struct lightos_power *power =
		container_of(block, struct lightos_power, end);

	/* Whichever end it is. A kexec comes as a restart. */
	power->calls->shut_down(power->data);
	return NOTIFY_DONE;
}

struct lightos_power *lightos_power_register(const struct lightos_power_calls *calls,
					     const void *data)
{
	struct lightos_power *power;
	int error;

	power = kzalloc(sizeof(*power), GFP_KERNEL);
	if (!power)
		return ERR_PTR(-ENOMEM);
	power->calls = calls;
	power->data = data;
	power->sleep.notifier_call = on_sleep;
	power->sleep.priority = PRIORITY;
	power->end.notifier_call = on_end;
	power->end.priority = PRIORITY;
	error = register_pm_notifier(&power->sleep);
	if (error)
		goto free;
	error = register_reboot_notifier(&power->end);
	if (error)
		goto unregister;
	return power;

unregister:
	unregister_pm_notifier(&power->sleep);
free:
	kfree(power);
	return ERR_PTR(error);
}

void lightos_power_unregister(struct lightos_power *power)
{
	unregister_reboot_notifier(&power->end);
	unregister_pm_notifier(&power->sleep);
	kfree(power);
}
