// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The driver of a device, and the netdev of a port, from RDMA netlink. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "rdma/inventory_internal.h"
#include "rdma/nldev.h"

/* A netdev index and a driver may be 0: `seen` says which attributes were there. */
struct facts {
	uint64_t seen;
	uint32_t index, port, netdev, driver_id;
	uint64_t chardev;
};

/* include/uapi calls UVERBS_DRIVER_ID a u64; ib_uverbs_get_nl_info() in uverbs_main.c puts a u32. */
enum { FACT_INDEX, FACT_PORT, FACT_NETDEV, FACT_CHARDEV, FACT_DRIVER_ID, FACT_COUNT };
static const struct nldev_attribute known[FACT_COUNT] = {
	[FACT_INDEX] = NLDEV_ATTRIBUTE(facts, DEV_INDEX, NLDEV_NUMBER, index),
	[FACT_PORT] = NLDEV_ATTRIBUTE(facts, PORT_INDEX, NLDEV_NUMBER, port),
	[FACT_NETDEV] = NLDEV_ATTRIBUTE(facts, NDEV_INDEX, NLDEV_NUMBER, netdev),
	[FACT_CHARDEV] = NLDEV_ATTRIBUTE(facts, CHARDEV, NLDEV_NUMBER, chardev),
	[FACT_DRIVER_ID] = NLDEV_ATTRIBUTE(facts, UVERBS_DRIVER_ID, NLDEV_NUMBER, driver_id),
};

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
	struct facts facts = { 0 };
	int err = nldev_parse_message(message, known, FACT_COUNT, &facts, &facts.seen);

	if (err)
		return err;
	/* The answer does not repeat the index. huge_encode_dev() and glibc encode a device number alike. */
	if (!facts.chardev || facts.chardev != answer->uverbs_rdev)
		return -EPROTO;
	/* Absent for drivers with uverbs_no_driver_id_binding: hns, mthca. */
	answer->has_value = nldev_has(facts.seen, FACT_DRIVER_ID);
	answer->value = facts.driver_id;
	return 0;
}

static int port_message(const struct nlmsghdr *message, void *context)
{
	struct answer *answer = context;
	struct facts facts = { 0 };
	int err = nldev_parse_message(message, known, FACT_COUNT, &facts, &facts.seen);

	if (err)
		return err;
	/* nldev_port_get_doit() answers with the type of RDMA_NLDEV_CMD_GET: the repeated index and port identify it.
	 */
	if (!nldev_has(facts.seen, FACT_INDEX) || facts.index != answer->device->index || facts.port != answer->port)
		return -EPROTO;
	/* fill_port_info(): only if the netdev is in the network namespace of the socket */
	answer->has_value = nldev_has(facts.seen, FACT_NETDEV);
	answer->value = facts.netdev;
	return 0;
}

static int ask(struct nldev *nldev, uint16_t command, struct answer *answer,
	       int (*message)(const struct nlmsghdr *message, void *context))
{
	struct nl_msg *request = nldev_request(command);
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

static bool nldev_is_here(void *context, const char *device)
{
	return nldev_find(context, device);
}

static int nldev_index(void *context, const char *device, uint32_t *out_index)
{
	const struct nldev_device *found = nldev_find(context, device);

	if (!found)
		return -ENODEV;
	*out_index = found->index;
	return 0;
}

static int nldev_driver_id(void *context, const char *device, dev_t uverbs_rdev, uint32_t *out_driver_id)
{
	struct nldev *nldev = context;
	struct answer answer = { .device = nldev_find(nldev, device), .uverbs_rdev = uverbs_rdev };
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
	struct answer answer = { .device = nldev_find(nldev, device), .port = port };
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
	struct nldev *nldev = malloc(sizeof(*nldev));
	int err = nldev ? nldev_open(nldev, transport, error, error_size) : -ENOMEM;

	if (err) {
		free(nldev);
		return err;
	}
	*out = (struct inventory_netlink){
		.is_here = nldev_is_here,
		.index = nldev_index,
		.driver_id = nldev_driver_id,
		.port_netdev = nldev_port_netdev,
		.context = nldev,
	};
	return 0;
}

void inventory_netlink_close(struct inventory_netlink *netlink)
{
	nldev_close(netlink->context);
	free(netlink->context);
	netlink->context = NULL;
}
