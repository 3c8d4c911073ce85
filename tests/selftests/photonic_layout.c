// SPDX-License-Identifier: GPL-2.0
/*
 * Sizes, offsets, call codes and values of the calls on photonic processors, as
 * the compiler sees them for this word size, against their published form: the
 * same for 64-bit and 32-bit programs.
 */
#include <stddef.h>

#include "harness.h"
#include "lightos.h"

#define CHECK_FIELD(type, field, offset, bytes)				\
	do {								\
		CHECK_EQ(offsetof(struct type, field), offset);		\
		CHECK_EQ(sizeof(((struct type *)0)->field), bytes);	\
	} while (0)

TEST(codes)
{
	CHECK_EQ(LIGHTOS_IOC_PHOTONIC_INFO, 0xC0684C80);
	CHECK_EQ(LIGHTOS_IOC_PHOTONIC_STATUS, 0xC1704C81);
	CHECK_EQ(LIGHTOS_IOC_PHOTONIC_CONTROL, 0x40104C82);
	CHECK_EQ(LIGHTOS_IOC_PHOTONIC_LIMITS, 0xC0284C83);
	CHECK_EQ(LIGHTOS_IOC_PHOTONIC_SET_PHASES, 0xC0384C84);
	CHECK_EQ(LIGHTOS_IOC_PHOTONIC_GET_PHASES, 0xC0384C85);
	CHECK_EQ(LIGHTOS_IOC_PHOTONIC_SUBMIT, 0xC0504C86);
	CHECK_EQ(LIGHTOS_IOC_PHOTONIC_WAIT, 0xC0384C87);
	CHECK_EQ(LIGHTOS_IOC_PHOTONIC_PROBE, 0xC0504C88);
	CHECK_EQ(LIGHTOS_IOC_PHOTONIC_CALIBRATION, 0xC0204C89);
	CHECK_EQ(LIGHTOS_IOC_PHOTONIC_EVENTS, 0xC0284C8A);
}

TEST(photonic_info)
{
	CHECK_EQ(sizeof(struct lightos_photonic_info), 104);
	CHECK_FIELD(lightos_photonic_info, size, 0, 4);
	CHECK_FIELD(lightos_photonic_info, flags, 4, 4);
	CHECK_FIELD(lightos_photonic_info, device, 8, 4);
	CHECK_FIELD(lightos_photonic_info, devices, 12, 4);
	CHECK_FIELD(lightos_photonic_info, backend, 16, 4);
	CHECK_FIELD(lightos_photonic_info, revision, 20, 4);
	CHECK_FIELD(lightos_photonic_info, serial, 24, 8);
	CHECK_FIELD(lightos_photonic_info, capabilities, 32, 4);
	CHECK_FIELD(lightos_photonic_info, modes, 36, 4);
	CHECK_FIELD(lightos_photonic_info, crossings, 40, 4);
	CHECK_FIELD(lightos_photonic_info, channels, 44, 4);
	CHECK_FIELD(lightos_photonic_info, wavelengths, 48, 4);
	CHECK_FIELD(lightos_photonic_info, phase_bits, 52, 4);
	CHECK_FIELD(lightos_photonic_info, input_bits, 56, 4);
	CHECK_FIELD(lightos_photonic_info, output_bits, 60, 4);
	CHECK_FIELD(lightos_photonic_info, square_law, 64, 4);
	CHECK_FIELD(lightos_photonic_info, settle_us, 68, 4);
	CHECK_FIELD(lightos_photonic_info, full_scale, 72, 4);
	CHECK_FIELD(lightos_photonic_info, code_limit, 76, 4);
	CHECK_FIELD(lightos_photonic_info, rails, 80, 4);
	CHECK_FIELD(lightos_photonic_info, sensors, 84, 4);
	CHECK_FIELD(lightos_photonic_info, device_id, 88, 4);
	CHECK_FIELD(lightos_photonic_info, wavelength_pm, 92, 4);
	CHECK_FIELD(lightos_photonic_info, wavelength_step_pm, 96, 4);
	CHECK_FIELD(lightos_photonic_info, reserved, 100, 4);
}

TEST(photonic_status)
{
	CHECK_EQ(sizeof(struct lightos_photonic_status), 368);
	CHECK_FIELD(lightos_photonic_status, size, 0, 4);
	CHECK_FIELD(lightos_photonic_status, flags, 4, 4);
	CHECK_FIELD(lightos_photonic_status, device, 8, 4);
	CHECK_FIELD(lightos_photonic_status, state, 12, 4);
	CHECK_FIELD(lightos_photonic_status, causes, 16, 4);
	CHECK_FIELD(lightos_photonic_status, first_cause, 20, 4);
	CHECK_FIELD(lightos_photonic_status, armed, 24, 4);
	CHECK_FIELD(lightos_photonic_status, emission, 28, 4);
	CHECK_FIELD(lightos_photonic_status, laser_uw, 32, 4);
	CHECK_FIELD(lightos_photonic_status, throttle_permille, 36, 4);
	CHECK_FIELD(lightos_photonic_status, temperature_mc, 40, 32);
	CHECK_FIELD(lightos_photonic_status, sensor_faults, 72, 32);
	CHECK_FIELD(lightos_photonic_status, die_mc, 104, 4);
	CHECK_FIELD(lightos_photonic_status, setpoint_mc, 108, 4);
	CHECK_FIELD(lightos_photonic_status, tec_ma, 112, 4);
	CHECK_FIELD(lightos_photonic_status, fan_rpm, 116, 4);
	CHECK_FIELD(lightos_photonic_status, fan_pwm, 120, 4);
	CHECK_FIELD(lightos_photonic_status, rail_state, 124, 32);
	CHECK_FIELD(lightos_photonic_status, rail_mv, 156, 32);
	CHECK_FIELD(lightos_photonic_status, rail_ma, 188, 32);
	CHECK_FIELD(lightos_photonic_status, power_mw, 220, 4);
	CHECK_FIELD(lightos_photonic_status, calibrated, 224, 4);
	CHECK_FIELD(lightos_photonic_status, calibration_id, 228, 4);
	CHECK_FIELD(lightos_photonic_status, reserved, 232, 4);
	CHECK_FIELD(lightos_photonic_status, reserved2, 236, 4);
	CHECK_FIELD(lightos_photonic_status, ticks, 240, 8);
	CHECK_FIELD(lightos_photonic_status, ticks_missed, 248, 8);
	CHECK_FIELD(lightos_photonic_status, trips, 256, 8);
	CHECK_FIELD(lightos_photonic_status, latches, 264, 8);
	CHECK_FIELD(lightos_photonic_status, rearms, 272, 8);
	CHECK_FIELD(lightos_photonic_status, throttled_ns, 280, 8);
	CHECK_FIELD(lightos_photonic_status, tick_ns, 288, 8);
	CHECK_FIELD(lightos_photonic_status, tick_max_ns, 296, 8);
	CHECK_FIELD(lightos_photonic_status, trip_max_ns, 304, 8);
	CHECK_FIELD(lightos_photonic_status, late_max_ns, 312, 8);
	CHECK_FIELD(lightos_photonic_status, jobs, 320, 8);
	CHECK_FIELD(lightos_photonic_status, jobs_failed, 328, 8);
	CHECK_FIELD(lightos_photonic_status, vectors, 336, 8);
	CHECK_FIELD(lightos_photonic_status, busy_ns, 344, 8);
	CHECK_FIELD(lightos_photonic_status, resets, 352, 8);
	CHECK_FIELD(lightos_photonic_status, commits, 360, 8);
}

TEST(photonic_control)
{
	CHECK_EQ(sizeof(struct lightos_photonic_control), 16);
	CHECK_FIELD(lightos_photonic_control, size, 0, 4);
	CHECK_FIELD(lightos_photonic_control, flags, 4, 4);
	CHECK_FIELD(lightos_photonic_control, device, 8, 4);
	CHECK_FIELD(lightos_photonic_control, action, 12, 4);
}

TEST(photonic_limits)
{
	CHECK_EQ(sizeof(struct lightos_photonic_limits), 40);
	CHECK_FIELD(lightos_photonic_limits, size, 0, 4);
	CHECK_FIELD(lightos_photonic_limits, flags, 4, 4);
	CHECK_FIELD(lightos_photonic_limits, device, 8, 4);
	CHECK_FIELD(lightos_photonic_limits, reserved, 12, 4);
	CHECK_FIELD(lightos_photonic_limits, throttle_mc, 16, 4);
	CHECK_FIELD(lightos_photonic_limits, full_mc, 20, 4);
	CHECK_FIELD(lightos_photonic_limits, emergency_mc, 24, 4);
	CHECK_FIELD(lightos_photonic_limits, hysteresis_mc, 28, 4);
	CHECK_FIELD(lightos_photonic_limits, setpoint_mc, 32, 4);
	CHECK_FIELD(lightos_photonic_limits, reserved2, 36, 4);
}

TEST(photonic_phases)
{
	CHECK_EQ(sizeof(struct lightos_photonic_phases), 56);
	CHECK_FIELD(lightos_photonic_phases, size, 0, 4);
	CHECK_FIELD(lightos_photonic_phases, flags, 4, 4);
	CHECK_FIELD(lightos_photonic_phases, device, 8, 4);
	CHECK_FIELD(lightos_photonic_phases, first, 12, 4);
	CHECK_FIELD(lightos_photonic_phases, count, 16, 4);
	CHECK_FIELD(lightos_photonic_phases, reserved, 20, 4);
	CHECK_FIELD(lightos_photonic_phases, requested, 24, 8);
	CHECK_FIELD(lightos_photonic_phases, applied, 32, 8);
	CHECK_FIELD(lightos_photonic_phases, codes, 40, 8);
	CHECK_FIELD(lightos_photonic_phases, bad_channel, 48, 4);
	CHECK_FIELD(lightos_photonic_phases, reserved2, 52, 4);
}

TEST(photonic_submit)
{
	CHECK_EQ(sizeof(struct lightos_photonic_submit), 80);
	CHECK_FIELD(lightos_photonic_submit, size, 0, 4);
	CHECK_FIELD(lightos_photonic_submit, flags, 4, 4);
	CHECK_FIELD(lightos_photonic_submit, device, 8, 4);
	CHECK_FIELD(lightos_photonic_submit, vectors, 12, 4);
	CHECK_FIELD(lightos_photonic_submit, wavelengths, 16, 8);
	CHECK_FIELD(lightos_photonic_submit, timeout_ns, 24, 8);
	CHECK_FIELD(lightos_photonic_submit, input, 32, 8);
	CHECK_FIELD(lightos_photonic_submit, input_exponents, 40, 8);
	CHECK_FIELD(lightos_photonic_submit, job, 48, 8);
	CHECK_FIELD(lightos_photonic_submit, result, 56, 4);
	CHECK_FIELD(lightos_photonic_submit, saturated, 60, 4);
	CHECK_FIELD(lightos_photonic_submit, output, 64, 8);
	CHECK_FIELD(lightos_photonic_submit, output_exponents, 72, 8);
}

TEST(photonic_wait)
{
	CHECK_EQ(sizeof(struct lightos_photonic_wait), 56);
	CHECK_FIELD(lightos_photonic_wait, size, 0, 4);
	CHECK_FIELD(lightos_photonic_wait, flags, 4, 4);
	CHECK_FIELD(lightos_photonic_wait, device, 8, 4);
	CHECK_FIELD(lightos_photonic_wait, reserved, 12, 4);
	CHECK_FIELD(lightos_photonic_wait, job, 16, 8);
	CHECK_FIELD(lightos_photonic_wait, timeout_ns, 24, 8);
	CHECK_FIELD(lightos_photonic_wait, output, 32, 8);
	CHECK_FIELD(lightos_photonic_wait, output_exponents, 40, 8);
	CHECK_FIELD(lightos_photonic_wait, result, 48, 4);
	CHECK_FIELD(lightos_photonic_wait, saturated, 52, 4);
}

TEST(photonic_setting)
{
	CHECK_EQ(sizeof(struct lightos_photonic_setting), 8);
	CHECK_FIELD(lightos_photonic_setting, channel, 0, 4);
	CHECK_FIELD(lightos_photonic_setting, code, 4, 4);
}

TEST(photonic_probe)
{
	CHECK_EQ(sizeof(struct lightos_photonic_probe), 80);
	CHECK_FIELD(lightos_photonic_probe, size, 0, 4);
	CHECK_FIELD(lightos_photonic_probe, flags, 4, 4);
	CHECK_FIELD(lightos_photonic_probe, device, 8, 4);
	CHECK_FIELD(lightos_photonic_probe, wavelength, 12, 4);
	CHECK_FIELD(lightos_photonic_probe, settings, 16, 8);
	CHECK_FIELD(lightos_photonic_probe, setting_count, 24, 4);
	CHECK_FIELD(lightos_photonic_probe, inputs, 28, 4);
	CHECK_FIELD(lightos_photonic_probe, input, 32, 8);
	CHECK_FIELD(lightos_photonic_probe, output, 40, 8);
	CHECK_FIELD(lightos_photonic_probe, first_tap, 48, 4);
	CHECK_FIELD(lightos_photonic_probe, tap_count, 52, 4);
	CHECK_FIELD(lightos_photonic_probe, taps, 56, 8);
	CHECK_FIELD(lightos_photonic_probe, averages, 64, 4);
	CHECK_FIELD(lightos_photonic_probe, temperature_mc, 68, 4);
	CHECK_FIELD(lightos_photonic_probe, reserved, 72, 8);
}

TEST(photonic_calibration)
{
	CHECK_EQ(sizeof(struct lightos_photonic_calibration), 32);
	CHECK_FIELD(lightos_photonic_calibration, size, 0, 4);
	CHECK_FIELD(lightos_photonic_calibration, flags, 4, 4);
	CHECK_FIELD(lightos_photonic_calibration, device, 8, 4);
	CHECK_FIELD(lightos_photonic_calibration, op, 12, 4);
	CHECK_FIELD(lightos_photonic_calibration, data, 16, 8);
	CHECK_FIELD(lightos_photonic_calibration, bytes, 24, 8);
}

TEST(photonic_event)
{
	CHECK_EQ(sizeof(struct lightos_photonic_event), 24);
	CHECK_FIELD(lightos_photonic_event, time_ns, 0, 8);
	CHECK_FIELD(lightos_photonic_event, device, 8, 4);
	CHECK_FIELD(lightos_photonic_event, kind, 12, 4);
	CHECK_FIELD(lightos_photonic_event, value, 16, 8);
}

TEST(photonic_events)
{
	CHECK_EQ(sizeof(struct lightos_photonic_events), 40);
	CHECK_FIELD(lightos_photonic_events, size, 0, 4);
	CHECK_FIELD(lightos_photonic_events, flags, 4, 4);
	CHECK_FIELD(lightos_photonic_events, devices, 8, 4);
	CHECK_FIELD(lightos_photonic_events, kinds, 12, 4);
	CHECK_FIELD(lightos_photonic_events, event, 16, 24);
}

TEST(values)
{
	CHECK_EQ(LIGHTOS_FEATURE_PHOTONIC, 4);
	CHECK_EQ(LIGHTOS_BACKEND_MODEL, 2);
	CHECK_EQ(LIGHTOS_BACKEND_SILICON, 3);
	CHECK_EQ(LIGHTOS_PHOTONIC_MAX_DEVICES, 16);
	CHECK_EQ(LIGHTOS_PHOTONIC_MAX_MODES, 32);
	CHECK_EQ(LIGHTOS_PHOTONIC_MAX_CHANNELS, 2080);
	CHECK_EQ(LIGHTOS_PHOTONIC_MAX_WAVELENGTHS, 64);
	CHECK_EQ(LIGHTOS_PHOTONIC_MAX_RAILS, 8);
	CHECK_EQ(LIGHTOS_PHOTONIC_MAX_SENSORS, 8);
	CHECK_EQ(LIGHTOS_PHOTONIC_MAX_VECTORS, 65536);
	CHECK_EQ(LIGHTOS_PHOTONIC_MAX_JOBS, 64);
	CHECK_EQ(LIGHTOS_PHOTONIC_MAX_BLOB, 1048576);
	CHECK_EQ(LIGHTOS_PHOTONIC_TURN, 360000);
	CHECK_EQ(LIGHTOS_PHOTONIC_CAP_MZI, 1);
	CHECK_EQ(LIGHTOS_PHOTONIC_CAP_MICRORING, 2);
	CHECK_EQ(LIGHTOS_PHOTONIC_CAP_COHERENT, 4);
	CHECK_EQ(LIGHTOS_PHOTONIC_CAP_WDM, 8);
	CHECK_EQ(LIGHTOS_PHOTONIC_CAP_THERMAL_CTRL, 16);
	CHECK_EQ(LIGHTOS_PHOTONIC_UNINITIALISED, 0);
	CHECK_EQ(LIGHTOS_PHOTONIC_INITIALISING, 1);
	CHECK_EQ(LIGHTOS_PHOTONIC_READY, 2);
	CHECK_EQ(LIGHTOS_PHOTONIC_BUSY, 3);
	CHECK_EQ(LIGHTOS_PHOTONIC_THERMAL_LIMIT, 4);
	CHECK_EQ(LIGHTOS_PHOTONIC_ERROR, 5);
	CHECK_EQ(LIGHTOS_PHOTONIC_SHUTDOWN, 6);
	CHECK_EQ(LIGHTOS_PHOTONIC_RAIL_OFF, 0);
	CHECK_EQ(LIGHTOS_PHOTONIC_RAIL_RAMPING_UP, 1);
	CHECK_EQ(LIGHTOS_PHOTONIC_RAIL_ON, 2);
	CHECK_EQ(LIGHTOS_PHOTONIC_RAIL_RAMPING_DOWN, 3);
	CHECK_EQ(LIGHTOS_PHOTONIC_RAIL_FAULT, 4);
	CHECK_EQ(LIGHTOS_PHOTONIC_CAUSE_OVERTEMP, 1);
	CHECK_EQ(LIGHTOS_PHOTONIC_CAUSE_SENSORS, 2);
	CHECK_EQ(LIGHTOS_PHOTONIC_CAUSE_RAIL_TIMEOUT, 4);
	CHECK_EQ(LIGHTOS_PHOTONIC_CAUSE_OVERCURRENT, 8);
	CHECK_EQ(LIGHTOS_PHOTONIC_CAUSE_UNDERVOLTAGE, 16);
	CHECK_EQ(LIGHTOS_PHOTONIC_CAUSE_RAIL_STUCK, 32);
	CHECK_EQ(LIGHTOS_PHOTONIC_CAUSE_INTERLOCK, 64);
	CHECK_EQ(LIGHTOS_PHOTONIC_CAUSE_WATCHDOG, 128);
	CHECK_EQ(LIGHTOS_PHOTONIC_CAUSE_COMPARATOR, 256);
	CHECK_EQ(LIGHTOS_PHOTONIC_CAUSE_MISSED_TICKS, 512);
	CHECK_EQ(LIGHTOS_PHOTONIC_CAUSE_FAN, 1024);
	CHECK_EQ(LIGHTOS_PHOTONIC_CAUSE_TEC, 2048);
	CHECK_EQ(LIGHTOS_PHOTONIC_CAUSE_GONE, 4096);
	CHECK_EQ(LIGHTOS_PHOTONIC_CAUSE_EMISSION, 8192);
	CHECK_EQ(LIGHTOS_PHOTONIC_POWER_UP, 1);
	CHECK_EQ(LIGHTOS_PHOTONIC_POWER_DOWN, 2);
	CHECK_EQ(LIGHTOS_PHOTONIC_ARM, 3);
	CHECK_EQ(LIGHTOS_PHOTONIC_DISARM, 4);
	CHECK_EQ(LIGHTOS_PHOTONIC_CLEAR, 5);
	CHECK_EQ(LIGHTOS_PHOTONIC_RESET_SOFT, 6);
	CHECK_EQ(LIGHTOS_PHOTONIC_RESET_FUNCTION, 7);
	CHECK_EQ(LIGHTOS_PHOTONIC_RESET_POWER, 8);
	CHECK_EQ(LIGHTOS_PHOTONIC_LIMITS_SET, 1);
	CHECK_EQ(LIGHTOS_PHOTONIC_COMMIT, 1);
	CHECK_EQ(LIGHTOS_PHOTONIC_NO_CHANNEL, 4294967295LL);
	CHECK_EQ(LIGHTOS_PHOTONIC_DIRECT, 1);
	CHECK_EQ(LIGHTOS_PHOTONIC_UNTHROTTLED, 2);
	CHECK_EQ(LIGHTOS_PHOTONIC_NOW, 4);
	CHECK_EQ(LIGHTOS_PHOTONIC_PROBE_CLEAR, 1);
	CHECK_EQ(LIGHTOS_PHOTONIC_CALIBRATION_READ, 0);
	CHECK_EQ(LIGHTOS_PHOTONIC_CALIBRATION_LOAD, 1);
	CHECK_EQ(LIGHTOS_PHOTONIC_CALIBRATION_FIRMWARE, 2);
	CHECK_EQ(LIGHTOS_PHOTONIC_CALIBRATION_DROP, 3);
	CHECK_EQ(LIGHTOS_PHOTONIC_EVENT_LATCHED, 1);
	CHECK_EQ(LIGHTOS_PHOTONIC_EVENT_CLEARED, 2);
	CHECK_EQ(LIGHTOS_PHOTONIC_EVENT_THROTTLE, 4);
	CHECK_EQ(LIGHTOS_PHOTONIC_EVENT_POWER, 8);
	CHECK_EQ(LIGHTOS_PHOTONIC_EVENT_LASER, 16);
	CHECK_EQ(LIGHTOS_PHOTONIC_EVENT_SENSOR, 32);
	CHECK_EQ(LIGHTOS_PHOTONIC_EVENT_RESET, 64);
	CHECK_EQ(LIGHTOS_PHOTONIC_EVENT_JOB, 128);
	CHECK_EQ(LIGHTOS_PHOTONIC_EVENT_CALIBRATION, 256);
	CHECK_EQ(LIGHTOS_PHOTONIC_EVENT_LOST, 2147483648LL);
	CHECK_EQ(LIGHTOS_PHOTONIC_EVENTS_SUBSCRIBE, 1);
}

int main(void)
{
	return harness_run();
}
