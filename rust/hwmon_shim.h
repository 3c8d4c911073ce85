/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hardware monitoring as functions: what rust/hwmon.rs calls, and what it is
 * called with. Process context; no lock of the module's held.
 */
#ifndef _LIGHTOS_HWMON_SHIM_H
#define _LIGHTOS_HWMON_SHIM_H

#include <linux/types.h>

struct device;
struct lightos_hwmon;

/* enum Kind of rust/hwmon.rs, which has the same numbers. */
enum lightos_hwmon_kind {
	LIGHTOS_HWMON_CHIP		= 0,
	LIGHTOS_HWMON_TEMPERATURE	= 1,
	LIGHTOS_HWMON_VOLTAGE		= 2,
	LIGHTOS_HWMON_CURRENT		= 3,
	LIGHTOS_HWMON_POWER		= 4,
	LIGHTOS_HWMON_FAN		= 5,
	LIGHTOS_HWMON_PWM		= 6,
};

/* enum Attribute of rust/hwmon.rs, which has the same numbers. */
enum lightos_hwmon_attribute {
	LIGHTOS_HWMON_INPUT			= 0,
	LIGHTOS_HWMON_LABEL			= 1,
	LIGHTOS_HWMON_MIN			= 2,
	LIGHTOS_HWMON_MAX			= 3,
	LIGHTOS_HWMON_MAX_HYSTERESIS		= 4,
	LIGHTOS_HWMON_CRITICAL			= 5,
	LIGHTOS_HWMON_CRITICAL_HYSTERESIS	= 6,
	LIGHTOS_HWMON_EMERGENCY			= 7,
	LIGHTOS_HWMON_FAULT			= 8,
	LIGHTOS_HWMON_ALARM			= 9,
	LIGHTOS_HWMON_MAX_ALARM			= 10,
	LIGHTOS_HWMON_CRITICAL_ALARM		= 11,
	LIGHTOS_HWMON_EMERGENCY_ALARM		= 12,
	LIGHTOS_HWMON_ENABLE			= 13,
	LIGHTOS_HWMON_UPDATE_INTERVAL		= 14,
};

/* All but @mode are called with hwmon's lock of the device held. */
struct lightos_hwmon_calls {
	u32 (*mode)(const void *sensors, u32 kind, u32 attribute, u32 channel);
	int (*read)(const void *sensors, u32 kind, u32 attribute, u32 channel,
		    long *value);
	const char *(*label)(const void *sensors, u32 kind, u32 channel);
	int (*write)(const void *sensors, u32 kind, u32 attribute, u32 channel,
		     long value);
};

/*
 * Returns an ERR_PTR() on failure, and NULL on a kernel without hwmon. @name,
 * @calls and @sensors must stay until the device is unregistered.
 */
struct lightos_hwmon *lightos_hwmon_register(struct device *parent,
					     const char *name,
					     const struct lightos_hwmon_calls *calls,
					     const void *sensors);

/* Returns when no call is left. */
void lightos_hwmon_unregister(struct lightos_hwmon *hwmon);

/* -EINVAL if there is no such attribute. May sleep. */
int lightos_hwmon_notify(struct lightos_hwmon *hwmon, u32 kind, u32 attribute,
			 u32 channel);

#endif /* _LIGHTOS_HWMON_SHIM_H */
