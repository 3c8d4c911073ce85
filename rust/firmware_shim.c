// SPDX-License-Identifier: GPL-2.0
/*
 * The firmware loader, which a kernel may lack. Process context; may sleep.
 */
#include <linux/err.h>
#include <linux/firmware.h>

#include "firmware_shim.h"

const struct firmware *lightos_firmware_request(const char *name,
						struct device *device)
{
	const struct firmware *firmware = NULL;
	int error;

	if (!IS_REACHABLE(CONFIG_FW_LOADER))
		return ERR_PTR(-ENOENT);
	error = firmware_request_nowarn(&firmware, name, device);
	return error ? ERR_PTR(error) : firmware;
}

const u8 *lightos_firmware_data(const struct firmware *firmware)
{
	return firmware->data;
}

size_t lightos_firmware_size(const struct firmware *firmware)
{
	return firmware->size;
}

void lightos_firmware_release(const struct firmware *firmware)
{
	release_firmware(firmware);
}
