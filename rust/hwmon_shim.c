// SPDX-License-Identifier: GPL-2.0
/*
 * Hardware monitoring: one fixed table of channels, of which each device shows
 * those that it has. Process context; the core takes a lock of the device around
 * each reading and writing, and unregistering waits for those.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/hwmon.h>
#include <linux/slab.h>

#include "hwmon_shim.h"

struct lightos_hwmon {
	struct device *device;
	const struct lightos_hwmon_calls *calls;
	const void *sensors;
};

#if IS_REACHABLE(CONFIG_HWMON)

/* What the core calls an attribute, and what we do. */
static const struct name {
	enum hwmon_sensor_types type;
	u32 their_attribute;
	u32 kind;
	u32 attribute;
} names[] = {
	{ hwmon_chip, hwmon_chip_update_interval, LIGHTOS_HWMON_CHIP, LIGHTOS_HWMON_UPDATE_INTERVAL },
	{ hwmon_temp, hwmon_temp_input, LIGHTOS_HWMON_TEMPERATURE, LIGHTOS_HWMON_INPUT },
	{ hwmon_temp, hwmon_temp_label, LIGHTOS_HWMON_TEMPERATURE, LIGHTOS_HWMON_LABEL },
	{ hwmon_temp, hwmon_temp_max, LIGHTOS_HWMON_TEMPERATURE, LIGHTOS_HWMON_MAX },
	{ hwmon_temp, hwmon_temp_max_hyst, LIGHTOS_HWMON_TEMPERATURE, LIGHTOS_HWMON_MAX_HYSTERESIS },
	{ hwmon_temp, hwmon_temp_crit, LIGHTOS_HWMON_TEMPERATURE, LIGHTOS_HWMON_CRITICAL },
	{ hwmon_temp, hwmon_temp_crit_hyst, LIGHTOS_HWMON_TEMPERATURE, LIGHTOS_HWMON_CRITICAL_HYSTERESIS },
	{ hwmon_temp, hwmon_temp_emergency, LIGHTOS_HWMON_TEMPERATURE, LIGHTOS_HWMON_EMERGENCY },
	{ hwmon_temp, hwmon_temp_fault, LIGHTOS_HWMON_TEMPERATURE, LIGHTOS_HWMON_FAULT },
	{ hwmon_temp, hwmon_temp_max_alarm, LIGHTOS_HWMON_TEMPERATURE, LIGHTOS_HWMON_MAX_ALARM },
	{ hwmon_temp, hwmon_temp_crit_alarm, LIGHTOS_HWMON_TEMPERATURE, LIGHTOS_HWMON_CRITICAL_ALARM },
	{ hwmon_temp, hwmon_temp_emergency_alarm, LIGHTOS_HWMON_TEMPERATURE, LIGHTOS_HWMON_EMERGENCY_ALARM },
	{ hwmon_in, hwmon_in_input, LIGHTOS_HWMON_VOLTAGE, LIGHTOS_HWMON_INPUT },
	{ hwmon_in, hwmon_in_label, LIGHTOS_HWMON_VOLTAGE, LIGHTOS_HWMON_LABEL },
	{ hwmon_in, hwmon_in_min, LIGHTOS_HWMON_VOLTAGE, LIGHTOS_HWMON_MIN },
	{ hwmon_in, hwmon_in_max, LIGHTOS_HWMON_VOLTAGE, LIGHTOS_HWMON_MAX },
	{ hwmon_in, hwmon_in_alarm, LIGHTOS_HWMON_VOLTAGE, LIGHTOS_HWMON_ALARM },
	{ hwmon_curr, hwmon_curr_input, LIGHTOS_HWMON_CURRENT, LIGHTOS_HWMON_INPUT },
	{ hwmon_curr, hwmon_curr_label, LIGHTOS_HWMON_CURRENT, LIGHTOS_HWMON_LABEL },
	{ hwmon_curr, hwmon_curr_alarm, LIGHTOS_HWMON_CURRENT, LIGHTOS_HWMON_ALARM },
	{ hwmon_power, hwmon_power_input, LIGHTOS_HWMON_POWER, LIGHTOS_HWMON_INPUT },
	{ hwmon_power, hwmon_power_label, LIGHTOS_HWMON_POWER, LIGHTOS_HWMON_LABEL },
	{ hwmon_fan, hwmon_fan_input, LIGHTOS_HWMON_FAN, LIGHTOS_HWMON_INPUT },
	{ hwmon_fan, hwmon_fan_label, LIGHTOS_HWMON_FAN, LIGHTOS_HWMON_LABEL },
	{ hwmon_fan, hwmon_fan_fault, LIGHTOS_HWMON_FAN, LIGHTOS_HWMON_FAULT },
	{ hwmon_fan, hwmon_fan_alarm, LIGHTOS_HWMON_FAN, LIGHTOS_HWMON_ALARM },
	{ hwmon_pwm, hwmon_pwm_input, LIGHTOS_HWMON_PWM, LIGHTOS_HWMON_INPUT },
	{ hwmon_pwm, hwmon_pwm_enable, LIGHTOS_HWMON_PWM, LIGHTOS_HWMON_ENABLE },
};

static const struct name *by_theirs(enum hwmon_sensor_types type, u32 attribute)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].type == type && names[i].their_attribute == attribute)
			return &names[i];
	return NULL;
}

static const struct name *by_ours(u32 kind, u32 attribute)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].kind == kind && names[i].attribute == attribute)
			return &names[i];
	return NULL;
}

static umode_t is_visible(const void *data, enum hwmon_sensor_types type,
			  u32 attribute, int channel)
{
	const struct lightos_hwmon *hwmon = data;
	const struct name *name = by_theirs(type, attribute);

	if (!name)
		return 0;
	return hwmon->calls->mode(hwmon->sensors, name->kind, name->attribute,
				  channel);
}

static int read(struct device *dev, enum hwmon_sensor_types type, u32 attribute,
		int channel, long *value)
{
	const struct lightos_hwmon *hwmon = dev_get_drvdata(dev);
	const struct name *name = by_theirs(type, attribute);

	if (!name)
		return -EOPNOTSUPP;
	return hwmon->calls->read(hwmon->sensors, name->kind, name->attribute,
				  channel, value);
}

static int read_string(struct device *dev, enum hwmon_sensor_types type,
		       u32 attribute, int channel, const char **text)
{
	const struct lightos_hwmon *hwmon = dev_get_drvdata(dev);
	const struct name *name = by_theirs(type, attribute);

	if (!name)
		return -EOPNOTSUPP;
	*text = hwmon->calls->label(hwmon->sensors, name->kind, channel);
	return 0;
}

static int write(struct device *dev, enum hwmon_sensor_types type,
		 u32 attribute, int channel, long value)
{
	const struct lightos_hwmon *hwmon = dev_get_drvdata(dev);
	const struct name *name = by_theirs(type, attribute);

	if (!name)
		return -EOPNOTSUPP;
	return hwmon->calls->write(hwmon->sensors, name->kind, name->attribute,
				   channel, value);
}

static const struct hwmon_ops operations = {
	.is_visible = is_visible,
	.read = read,
	.read_string = read_string,
	.write = write,
};

#define TEMPERATURE							\
	(HWMON_T_INPUT | HWMON_T_LABEL | HWMON_T_MAX | HWMON_T_MAX_HYST | \
	 HWMON_T_CRIT | HWMON_T_CRIT_HYST | HWMON_T_EMERGENCY |		\
	 HWMON_T_FAULT | HWMON_T_MAX_ALARM | HWMON_T_CRIT_ALARM |	\
	 HWMON_T_EMERGENCY_ALARM)
#define VOLTAGE								\
	(HWMON_I_INPUT | HWMON_I_LABEL | HWMON_I_MIN | HWMON_I_MAX |	\
	 HWMON_I_ALARM)
#define CURRENT (HWMON_C_INPUT | HWMON_C_LABEL | HWMON_C_ALARM)

static const struct hwmon_channel_info *const channels[] = {
	HWMON_CHANNEL_INFO(chip, HWMON_C_UPDATE_INTERVAL),
	HWMON_CHANNEL_INFO(temp, TEMPERATURE, TEMPERATURE, TEMPERATURE,
			   TEMPERATURE, TEMPERATURE),
	HWMON_CHANNEL_INFO(in, VOLTAGE, VOLTAGE, VOLTAGE, VOLTAGE, VOLTAGE,
			   VOLTAGE),
	HWMON_CHANNEL_INFO(curr, CURRENT, CURRENT, CURRENT, CURRENT, CURRENT,
			   CURRENT),
	HWMON_CHANNEL_INFO(power, HWMON_P_INPUT | HWMON_P_LABEL),
	HWMON_CHANNEL_INFO(fan, HWMON_F_INPUT | HWMON_F_LABEL | HWMON_F_FAULT |
			   HWMON_F_ALARM),
	HWMON_CHANNEL_INFO(pwm, HWMON_PWM_INPUT | HWMON_PWM_ENABLE),
	NULL
};

static const struct hwmon_chip_info chip = {
	.ops = &operations,
	.info = channels,
};

struct lightos_hwmon *lightos_hwmon_register(struct device *parent,
					     const char *name,
					     const struct lightos_hwmon_calls *calls,
					     const void *sensors)
{
	struct lightos_hwmon *hwmon;
	struct device *device;

	hwmon = kzalloc(sizeof(*hwmon), GFP_KERNEL);
	if (!hwmon)
		return ERR_PTR(-ENOMEM);
	hwmon->calls = calls;
	hwmon->sensors = sensors;
	device = hwmon_device_register_with_info(parent, name, hwmon, &chip,
						 NULL);
	if (IS_ERR(device)) {
		kfree(hwmon);
		return ERR_CAST(device);
	}
	hwmon->device = device;
	return hwmon;
}

void lightos_hwmon_unregister(struct lightos_hwmon *hwmon)
{
	hwmon_device_unregister(hwmon->device);
	kfree(hwmon);
}

int lightos_hwmon_notify(struct lightos_hwmon *hwmon, u32 kind, u32 attribute,
			 u32 channel)
{
	const struct name *name = by_ours(kind, attribute);

	if (!name)
		return -EINVAL;
	return hwmon_notify_event(hwmon->device, name->type,
				  name->their_attribute, channel);
}

#else /* !IS_REACHABLE(CONFIG_HWMON) */

struct lightos_hwmon *lightos_hwmon_register(struct device *parent,
					     const char *name,
					     const struct lightos_hwmon_calls *calls,
					     const void *sensors)
{
	return NULL;
}

void lightos_hwmon_unregister(struct lightos_hwmon *hwmon)
{
}

int lightos_hwmon_notify(struct lightos_hwmon *hwmon, u32 kind, u32 attribute,
			 u32 channel)
{
	return 0;
}

#endif
