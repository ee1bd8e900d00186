// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The inventory of the running kernel. */
#include "rdma/inventory.h"

#include <errno.h>

#include "rdma/inventory_internal.h"
#include "util/text.h"

/* Without netlink the devices are listed with unknown drivers. */
static int read_over(const struct netlink_transport *transport, const char *sysfs, dev_t only,
		     struct rdma_inventory *out, char *error, size_t error_size)
{
	struct inventory_netlink netlink;
	char ignored[128];
	int has_netlink = !inventory_netlink_open(transport, &netlink, ignored, sizeof(ignored));
	int err = inventory_read_with(sysfs, only, has_netlink ? &netlink : NULL, out, error, error_size);

	if (has_netlink)
		inventory_netlink_close(&netlink);
	return err;
}

int inventory_read_over(const char *sysfs, const struct netlink_transport *transport, struct rdma_inventory *out,
			char *error, size_t error_size)
{
	return read_over(transport, sysfs, 0, out, error, error_size);
}

int inventory_read(const char *sysfs, struct rdma_inventory *out, char *error, size_t error_size)
{
	return inventory_read_over(sysfs, &netlink_kernel, out, error, error_size);
}

int inventory_read_stable(const char *sysfs, const struct netlink_transport *transport, dev_t uverbs_rdev,
			  struct rdma_inventory *out, char *error, size_t error_size)
{
	if (!uverbs_rdev) {
		text_copy(error, error_size, "not a character device");
		return -ENODEV;
	}
	return read_over(transport, sysfs, uverbs_rdev, out, error, error_size);
}
