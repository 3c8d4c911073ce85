// SPDX-License-Identifier: GPL-2.0
/*
 * Read-only files in sysfs. Process context; sysfs holds the file while it is
 * shown, and removal waits for that.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "attributes_shim.h"

struct entry {
	struct device_attribute attribute;
	struct lightos_attributes *owner;
	u32 index;
};

struct lightos_attributes {
	struct device *device;
	struct attribute_group group;
	/* What the group names, NULL at the end. */
	struct attribute **list;
	lightos_show_t show;
	const void *data;
	struct entry entries[];
};

static ssize_t show(struct device *device, struct device_attribute *attribute,
		    char *page)
{
	struct entry *entry = container_of(attribute, struct entry, attribute);

	/* Sysfs takes a full page for an overflow, and warns. */
	return entry->owner->show(entry->owner->data, entry->index, page,
				  PAGE_SIZE - 1);
}

static void fill_in(struct lightos_attributes *attributes, u32 index,
		    const char *name)
{
	struct entry *entry = &attributes->entries[index];

	sysfs_attr_init(&entry->attribute.attr);
	entry->attribute.attr.name = name;
	entry->attribute.attr.mode = 0444;
	entry->attribute.show = show;
	entry->owner = attributes;
	entry->index = index;
	attributes->list[index] = &entry->attribute.attr;
}

static void free_all(struct lightos_attributes *attributes)
{
	kfree(attributes->list);
	kfree(attributes);
}

struct lightos_attributes *lightos_attributes_add(struct device *device,
						  const char *folder,
						  const char *const *names,
						  u32 count,
						  lightos_show_t show_file,
						  const void *data)
{
	struct lightos_attributes *attributes;
	int error;

	attributes = kzalloc(struct_size(attributes, entries, count), GFP_KERNEL);
	if (!attributes)
		return ERR_PTR(-ENOMEM);
	attributes->list = kcalloc((size_t)count + 1, sizeof(*attributes->list),
				   GFP_KERNEL);
	if (!attributes->list) {
		kfree(attributes);
		return ERR_PTR(-ENOMEM);
	}
	attributes->device = device;
	attributes->show = show_file;
	attributes->data = data;
	for (u32 i = 0; i < count; i++)
		fill_in(attributes, i, names[i]);
	attributes->group.name = folder;
	attributes->group.attrs = attributes->list;
	error = device_add_group(device, &attributes->group);
	if (error) {
		free_all(attributes);
		return ERR_PTR(error);
	}
	get_device(device);
	return attributes;
}

void lightos_attributes_remove(struct lightos_attributes *attributes)
{
	struct device *device = attributes->device;

	/* The folder of a device that is gone took the files with it. */
	if (device_is_registered(device))
		device_remove_group(device, &attributes->group);
	put_device(device);
	free_all(attributes);
}
