// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Source: drivers/infiniband/core/nldev.c. None of these commands needs a privilege (RDMA_NL_ADMIN_PERM is not set). */
#include <errno.h>
#include <limits.h>
#include <rdma/rdma_netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "rdma/inventory_internal.h"
#include "util/text.h"

enum { ERROR_MAX = 128 };

struct nldev_device {
	uint32_t index;
	char name[RDMA_DEVICE_NAME_MAX];
};

struct nldev {
	struct netlink_channel channel;
	char error[ERROR_MAX];
	struct nldev_device *devices;
	size_t count;
};

/* What is read of a message. An index and a driver may be 0: facts_have() tells whether they were there. */
struct nldev_facts {
	uint64_t seen; /* one bit for each of `wanted` */
	uint32_t index, port, netdev, driver_id;
	uint64_t chardev;
	char name[RDMA_DEVICE_NAME_MAX];
};

/* include/uapi calls UVERBS_DRIVER_ID a u64; ib_uverbs_get_nl_info() in uverbs_main.c puts a u32. */
static const struct wanted {
	int type;
	size_t size, offset; /* in struct nldev_facts */
} wanted[] = {
	{ RDMA_NLDEV_ATTR_DEV_INDEX, sizeof(uint32_t), offsetof(struct nldev_facts, index) },
	{ RDMA_NLDEV_ATTR_DEV_NAME, 0, offsetof(struct nldev_facts, name) },
	{ RDMA_NLDEV_ATTR_PORT_INDEX, sizeof(uint32_t), offsetof(struct nldev_facts, port) },
	{ RDMA_NLDEV_ATTR_NDEV_INDEX, sizeof(uint32_t), offsetof(struct nldev_facts, netdev) },
	{ RDMA_NLDEV_ATTR_CHARDEV, sizeof(uint64_t), offsetof(struct nldev_facts, chardev) },
	{ RDMA_NLDEV_ATTR_UVERBS_DRIVER_ID, sizeof(uint32_t), offsetof(struct nldev_facts, driver_id) },
};

enum { WANTED_COUNT = sizeof(wanted) / sizeof(wanted[0]) };

static bool facts_have(const struct nldev_facts *facts, int type)
{
	for (size_t i = 0; i < WANTED_COUNT; i++)
		if (wanted[i].type == type)
			return facts->seen & UINT64_C(1) << i;
	return false;
}

static int facts_take(struct nldev_facts *facts, const struct nlattr *attr, size_t i)
{
	size_t len = (size_t)nla_len(attr);
	char *to = (char *)facts + wanted[i].offset;

	if (facts->seen & UINT64_C(1) << i)
		return -EPROTO;
	facts->seen |= UINT64_C(1) << i;
	if (wanted[i].size && len != wanted[i].size)
		return -EPROTO;
	if (!wanted[i].size && (!len || len > sizeof(facts->name) || strnlen(nla_data(attr), len) != len - 1))
		return -EPROTO;
	memcpy(to, nla_data(attr), len);
	return 0;
}

/* Not netlink_attributes(): nldev has more than the 63 types that it knows. Equally strict. */
static int facts_parse(const struct nlmsghdr *message, struct nldev_facts *out)
{
	const struct nlattr *attr = nlmsg_data(message);
	int left = nlmsg_datalen(message);

	*out = (struct nldev_facts){ 0 };
	if (RDMA_NL_GET_CLIENT(message->nlmsg_type) != RDMA_NL_NLDEV)
		return -EPROTO;
	for (; nla_ok(attr, left); attr = nla_next(attr, &left))
		for (size_t i = 0; i < WANTED_COUNT; i++)
			if (nla_type(attr) == wanted[i].type && facts_take(out, attr, i))
				return -EPROTO;
	return left > 0 ? -EPROTO : 0;
}

/* ---- the list of devices ---- */

static void devices_restart(void *context)
{
	struct nldev *nldev = context;

	free(nldev->devices);
	nldev->devices = NULL;
	nldev->count = 0;
}

static int device_message(const struct nlmsghdr *message, void *context)
{
	struct nldev *nldev = context;
	struct nldev_device *devices;
	struct nldev_facts facts;
	int err = facts_parse(message, &facts);

	if (err)
		return err;
	if (!facts_have(&facts, RDMA_NLDEV_ATTR_DEV_INDEX) || !facts.name[0])
		return -EPROTO;
	devices = reallocarray(nldev->devices, nldev->count + 1, sizeof(*devices));
	if (!devices)
		return -ENOMEM;
	nldev->devices = devices;
	devices[nldev->count].index = facts.index;
	memcpy(devices[nldev->count].name, facts.name, sizeof(facts.name));
	nldev->count++;
	return 0;
}

static const struct nldev_device *device_named(const struct nldev *nldev, const char *name)
{
	for (size_t i = 0; i < nldev->count; i++)
		if (!strcmp(nldev->devices[i].name, name))
			return &nldev->devices[i];
	return NULL;
}

static int devices_list(struct nldev *nldev)
{
	const struct netlink_reader reader = {
		.restart = devices_restart,
		.message = device_message,
		.context = nldev,
	};
	struct nl_msg *request = nlmsg_alloc_simple(RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, RDMA_NLDEV_CMD_GET), 0);
	int err;

	if (!request)
		return -ENOMEM;
	err = netlink_dump(&nldev->channel, request, &reader);
	nlmsg_free(request);
	return err;
}

/* ---- one question, one answer ---- */

struct answer {
	const struct nldev_device *device;
	uint32_t port; /* 0: the question was not of a port */
	dev_t uverbs_rdev;
	bool has_value;
	uint32_t value;
};

static int driver_message(const struct nlmsghdr *message, void *context)
{
	struct answer *answer = context;
	struct nldev_facts facts;
	int err = facts_parse(message, &facts);

	if (err)
		return err;
	/* The answer does not repeat the index. huge_encode_dev() makes of a device number what glibc makes of it. */
	if (!facts.chardev || facts.chardev != answer->uverbs_rdev)
		return -EPROTO;
	/* Left out by drivers with uverbs_no_driver_id_binding: hns, mthca. */
	answer->has_value = facts_have(&facts, RDMA_NLDEV_ATTR_UVERBS_DRIVER_ID);
	answer->value = facts.driver_id;
	return 0;
}

static int port_message(const struct nlmsghdr *message, void *context)
{
	struct answer *answer = context;
	struct nldev_facts facts;
	int err = facts_parse(message, &facts);

	if (err)
		return err;
	/* nldev_port_get_doit() answers with the type of RDMA_NLDEV_CMD_GET: only what it repeats tells what it is of.
	 */
	if (!facts_have(&facts, RDMA_NLDEV_ATTR_DEV_INDEX) || facts.index != answer->device->index ||
	    facts.port != answer->port)
		return -EPROTO;
	/* fill_port_info(): only if the netdev is in the network namespace of the socket */
	answer->has_value = facts_have(&facts, RDMA_NLDEV_ATTR_NDEV_INDEX);
	answer->value = facts.netdev;
	return 0;
}

static int ask(struct nldev *nldev, uint16_t command, struct answer *answer,
	       int (*message)(const struct nlmsghdr *message, void *context))
{
	struct nl_msg *request = nlmsg_alloc_simple(RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, command), 0);
	int err = -ENOMEM;

	if (!request)
		return err;
	if (nla_put_u32(request, RDMA_NLDEV_ATTR_DEV_INDEX, answer->device->index) ||
	    (answer->port && nla_put_u32(request, RDMA_NLDEV_ATTR_PORT_INDEX, answer->port)) ||
	    (!answer->port && nla_put_string(request, RDMA_NLDEV_ATTR_CHARDEV_TYPE, "uverbs")))
		goto out;
	err = netlink_ask(&nldev->channel, request, message, answer);
out:
	nlmsg_free(request);
	return err;
}

static int nldev_driver_id(void *context, const char *device, dev_t uverbs_rdev, uint32_t *out_driver_id)
{
	struct nldev *nldev = context;
	struct answer answer = { .device = device_named(nldev, device), .uverbs_rdev = uverbs_rdev };
	int err;

	if (!answer.device)
		return -ENODEV;
	err = ask(nldev, RDMA_NLDEV_CMD_GET_CHARDEV, &answer, driver_message);
	if (err)
		return err;
	if (!answer.has_value)
		return -ENODATA;
	*out_driver_id = answer.value;
	return 0;
}

static int nldev_port_netdev(void *context, const char *device, uint32_t port, int *out_ifindex)
{
	struct nldev *nldev = context;
	struct answer answer = { .device = device_named(nldev, device), .port = port };
	int err;

	if (!answer.device || !port)
		return -ENODEV;
	err = ask(nldev, RDMA_NLDEV_CMD_PORT_GET, &answer, port_message);
	if (err)
		return err;
	if (!answer.has_value)
		return -ENODEV;
	if (answer.value == 0 || answer.value > INT_MAX)
		return -EPROTO;
	*out_ifindex = (int)answer.value;
	return 0;
}

/* ---- opening, closing ---- */

int inventory_netlink_open(const struct netlink_transport *transport, struct inventory_netlink *out, char *error,
			   size_t error_size)
{
	struct nldev *nldev = calloc(1, sizeof(*nldev));
	int err;

	if (!nldev)
		return -ENOMEM;
	err = netlink_open(&nldev->channel, transport, NETLINK_RDMA, nldev->error, sizeof(nldev->error));
	if (err)
		goto out_free;
	err = devices_list(nldev);
	if (err)
		goto out_close;
	*out = (struct inventory_netlink){
		.driver_id = nldev_driver_id,
		.port_netdev = nldev_port_netdev,
		.context = nldev,
	};
	return 0;

out_close:
	netlink_close(&nldev->channel);
out_free:
	text_format(error, error_size, "RDMA netlink: %s", nldev->error[0] ? nldev->error : strerror(-err));
	free(nldev->devices);
	free(nldev);
	return err;
}

void inventory_netlink_close(struct inventory_netlink *netlink)
{
	struct nldev *nldev = netlink->context;

	netlink_close(&nldev->channel);
	free(nldev->devices);
	free(nldev);
	netlink->context = NULL;
}
