// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "rdma/nldev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/text.h"

/* ---- attributes ---- */

bool nldev_has(uint64_t seen, size_t attribute)
{
	return seen & UINT64_C(1) << attribute;
}

static int take(const struct nlattr *attr, const struct nldev_attribute *known, void *facts)
{
	size_t len = (size_t)nla_len(attr);
	char *to = (char *)facts + known->offset;

	switch (known->kind) {
	case NLDEV_NUMBER:
		if (len != known->size)
			return -EPROTO;
		break;
	case NLDEV_TEXT:
		if (!len || len > known->size || strnlen(nla_data(attr), len) != len - 1)
			return -EPROTO;
		break;
	default:
		memcpy(to, &attr, sizeof(attr));
		return 0;
	}
	memcpy(to, nla_data(attr), len);
	return 0;
}

int nldev_parse(const struct nlattr *attributes, int len, const struct nldev_attribute *known, size_t count,
		void *facts, uint64_t *seen)
{
	const struct nlattr *attr = attributes;
	int left = len;

	*seen = 0;
	for (; nla_ok(attr, left); attr = nla_next(attr, &left))
		for (size_t i = 0; i < count; i++) {
			if (nla_type(attr) != known[i].type)
				continue;
			if (nldev_has(*seen, i) || take(attr, &known[i], facts))
				return -EPROTO;
			*seen |= UINT64_C(1) << i;
		}
	return left > 0 ? -EPROTO : 0;
}

int nldev_parse_message(const struct nlmsghdr *message, const struct nldev_attribute *known, size_t count, void *facts,
			uint64_t *seen)
{
	if (RDMA_NL_GET_CLIENT(message->nlmsg_type) != RDMA_NL_NLDEV)
		return -EPROTO;
	return nldev_parse(nlmsg_data(message), nlmsg_datalen(message), known, count, facts, seen);
}

struct nl_msg *nldev_request(uint16_t command)
{
	return nlmsg_alloc_simple(RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, command), 0);
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
	enum { INDEX, NAME, COUNT };
	static const struct nldev_attribute known[COUNT] = {
		[INDEX] = NLDEV_ATTRIBUTE(nldev_device, DEV_INDEX, NLDEV_NUMBER, index),
		[NAME] = NLDEV_ATTRIBUTE(nldev_device, DEV_NAME, NLDEV_TEXT, name),
	};
	struct nldev *nldev = context;
	struct nldev_device device = { 0 };
	uint64_t seen;
	int err = nldev_parse_message(message, known, COUNT, &device, &seen);

	if (err)
		return err;
	if (!nldev_has(seen, INDEX) || !device.name[0])
		return -EPROTO;
	return array_append(&nldev->devices, &nldev->count, &device, sizeof(device));
}

static int list_devices(struct nldev *nldev)
{
	const struct netlink_reader reader = { devices_restart, device_message, nldev };
	struct nl_msg *request = nldev_request(RDMA_NLDEV_CMD_GET);
	int err = request ? netlink_dump(&nldev->channel, request, &reader) : -ENOMEM;

	nlmsg_free(request);
	return err;
}

const struct nldev_device *nldev_find(const struct nldev *nldev, const char *name)
{
	for (size_t i = 0; i < nldev->count; i++)
		if (!strcmp(nldev->devices[i].name, name))
			return &nldev->devices[i];
	return NULL;
}

/* ---- opening, closing ---- */

void nldev_explain(const struct nldev *nldev, int err, char *error, size_t error_size)
{
	text_format(error, error_size, "RDMA netlink: %s", nldev->error[0] ? nldev->error : strerror(-err));
}

int nldev_open(struct nldev *nldev, const struct netlink_transport *transport, char *error, size_t error_size)
{
	int err;

	*nldev = (struct nldev){ 0 };
	err = netlink_open(&nldev->channel, transport, NETLINK_RDMA, nldev->error, sizeof(nldev->error));
	if (!err) {
		err = list_devices(nldev);
		if (err)
			nldev_close(nldev);
	}
	if (err)
		nldev_explain(nldev, err, error, error_size);
	return err;
}

void nldev_close(struct nldev *nldev)
{
	netlink_close(&nldev->channel);
	devices_restart(nldev);
}
