/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The firmware loader as functions: what rust/firmware.rs calls. Process
 * context; may sleep.
 */
#ifndef _LIGHTOS_FIRMWARE_SHIM_H
#define _LIGHTOS_FIRMWARE_SHIM_H

#include <linux/types.h>

struct device;
struct firmware;

/*
 * Returns an ERR_PTR() on failure: -ENOENT without such a file or without a
 * loader. Does not warn of a file that is missing.
 */
const struct firmware *lightos_firmware_request(const char *name,
						struct device *device);
const u8 *lightos_firmware_data(const struct firmware *firmware);
size_t lightos_firmware_size(const struct firmware *firmware);
void lightos_firmware_release(const struct firmware *firmware);

#endif /* _LIGHTOS_FIRMWARE_SHIM_H */
