/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Read-only files in sysfs as functions: what rust/attributes.rs calls. Process
 * context; no lock of the module's held.
 */
#ifndef _LIGHTOS_ATTRIBUTES_SHIM_H
#define _LIGHTOS_ATTRIBUTES_SHIM_H

#include <linux/types.h>

struct device;
struct lightos_attributes;

/*
 * Writes the content of the file @index into @page, of @size bytes, and returns
 * its length or a negative errno. Process context.
 */
typedef ssize_t (*lightos_show_t)(const void *data, u32 index, char *page,
				  size_t size);

/*
 * Files called @names[0] to @names[@count - 1], in the folder @folder of the
 * device's, or right in it if NULL. Returns an ERR_PTR() on failure. Holds a
 * reference to @device; the strings and @data must stay until removal.
 */
struct lightos_attributes *lightos_attributes_add(struct device *device,
						  const char *folder,
						  const char *const *names,
						  u32 count,
						  lightos_show_t show,
						  const void *data);

/* Returns when no call is left. */
void lightos_attributes_remove(struct lightos_attributes *attributes);

#endif /* _LIGHTOS_ATTRIBUTES_SHIM_H */
