// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "container_devices.h"

#include <errno.h>
#include <limits.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "netlink/dump.h"
#include "rdma/inventory.h"
#include "util/small_file.h"
#include "util/text.h"

enum { CONFIG_DEPTH = 32 };

static int number_of(json_object *device, const char *name, unsigned int *out)
{
	json_object *value;
	int64_t number;

	if (!json_object_object_get_ex(device, name, &value) || !json_object_is_type(value, json_type_int))
		return -EBADMSG;
	number = json_object_get_int64(value);
	if (number < 0 || number > INT32_MAX)
		return -EBADMSG;
	*out = (unsigned int)number;
	return 0;
}

/* 1 and *out: a character device; 0: another entry; -EBADMSG. */
static int device_of(json_object *device, dev_t *out)
{
	unsigned int device_major, device_minor;
	json_object *type;

	if (!json_object_object_get_ex(device, "type", &type) || !json_object_is_type(type, json_type_string))
		return -EBADMSG;
	/* "u", unbuffered, is the same to the kernel */
	if (strcmp(json_object_get_string(type), "c") && strcmp(json_object_get_string(type), "u"))
		return 0;
	if (number_of(device, "major", &device_major) || number_of(device, "minor", &device_minor))
		return -EBADMSG;
	*out = makedev(device_major, device_minor);
	return 1;
}

int container_devices_from(json_object *config, struct container_devices *out)
{
	struct container_devices devices = { 0 };
	json_object *linux_part, *list;
	int is = 0;

	*out = devices;
	if (!json_object_is_type(config, json_type_object) ||
	    !json_object_object_get_ex(config, "linux", &linux_part) ||
	    !json_object_is_type(linux_part, json_type_object))
		return -EBADMSG;
	if (!json_object_object_get_ex(linux_part, "devices", &list) || json_object_is_type(list, json_type_null))
		return 0;
	if (!json_object_is_type(list, json_type_array))
		return -EBADMSG;
	if (json_object_array_length(list) > CONTAINER_DEVICES_MAX)
		return -E2BIG;
	devices.list = calloc(json_object_array_length(list) + 1, sizeof(*devices.list));
	if (!devices.list)
		return -ENOMEM;
	for (size_t i = 0; i < json_object_array_length(list) && is >= 0; i++) {
		is = device_of(json_object_array_get_idx(list, i), &devices.list[devices.count].rdev);
		devices.count += is > 0;
	}
	if (is < 0)
		container_devices_free(&devices);
	else
		*out = devices;
	return is < 0 ? is : 0;
}

static int parse(const char *octets, size_t len, json_object **out)
{
	json_tokener *tokener = json_tokener_new_ex(CONFIG_DEPTH);

	if (!tokener)
		return -ENOMEM;
	*out = json_tokener_parse_ex(tokener, octets, (int)len);
	json_tokener_free(tokener);
	return *out ? 0 : -EBADMSG;
}

int container_devices_read(const char *bundle, struct container_devices *out)
{
	char path[PATH_MAX + sizeof("/config.json")], *octets = NULL;
	json_object *config;
	size_t len = 0;
	int err;

	*out = (struct container_devices){ 0 };
	text_format(path, sizeof(path), "%s/config.json", bundle);
	err = file_read_whole(path, CONTAINER_CONFIG_MAX, &octets, &len);
	if (err)
		return err;
	err = parse(octets, len, &config);
	free(octets);
	if (err)
		return err;
	err = container_devices_from(config, out);
	json_object_put(config);
	return err;
}

void container_devices_free(struct container_devices *devices)
{
	free(devices->list);
	*devices = (struct container_devices){ 0 };
}

const struct container_device *container_device_find(const struct container_devices *devices, dev_t rdev)
{
	for (size_t i = 0; i < devices->count; i++)
		if (devices->list[i].rdev == rdev)
			return &devices->list[i];
	return NULL;
}

/* providers/rxe/rxe.c post_send_db() and providers/siw/siw.c siw_db() of rdma-core */
static bool driver_rings_by_write(uint32_t driver_id)
{
	return driver_id == RDMA_DRIVER_RXE || driver_id == RDMA_DRIVER_SIW;
}

void container_devices_ask(const char *sysfs, struct container_devices *devices)
{
	for (size_t i = 0; i < devices->count; i++) {
		struct container_device *device = &devices->list[i];
		struct rdma_inventory inventory;
		char ignored[128];

		/* not an RDMA device, or unknown: the supervisor opens it, and write() stays closed */
		if (inventory_read_stable(sysfs, &netlink_kernel, device->rdev, &inventory, ignored, sizeof(ignored)))
			continue;
		device->rings_by_write = inventory.device_count == 1 && inventory.devices[0].driver_known &&
					 driver_rings_by_write(inventory.devices[0].driver_id);
		inventory_free(&inventory);
	}
}
