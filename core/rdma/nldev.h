/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * RDMA netlink: its strict attributes and its list of devices. Source: drivers/infiniband/core/nldev.c. None of the
 * commands used here needs a privilege (RDMA_NL_ADMIN_PERM is not set).
 */
#ifndef RDMASEC_RDMA_NLDEV_H
#define RDMASEC_RDMA_NLDEV_H

#include <rdma/rdma_netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netlink/dump.h"
#include "rdma/device.h"
#include "util/attributes.h"

/* One attribute that a message may carry, and where it goes in the caller's struct. */
struct nldev_attribute {
	int type; /* RDMA_NLDEV_ATTR_* */
	enum { NLDEV_NUMBER, NLDEV_TEXT, NLDEV_NEST } kind;
	size_t size, offset; /* a number: exactly this size; a text: at most this size, with its NUL */
};

#define NLDEV_ATTRIBUTE(struct_type, attribute, of_kind, field)                                    \
	{                                                                                          \
		RDMA_NLDEV_ATTR_##attribute, of_kind, sizeof(((struct struct_type *)NULL)->field), \
			offsetof(struct struct_type, field)                                        \
	}

/* Whether the attribute of this index was there; its value may be 0. */
bool nldev_has(uint64_t seen, size_t attribute);

/*
 * Fills `facts` from a list of attributes, and sets in *seen the bit of each attribute that was there. Returns 0, or
 * -EPROTO when one is there twice or has a wrong size, or when the list does not end exactly. netlink_attributes()
 * cannot do it: nldev has more than the 63 types that it knows.
 */
RS_MUST_USE int nldev_parse(const struct nlattr *attributes, int len, const struct nldev_attribute *known, size_t count,
			    void *facts, uint64_t *seen);
/* The same for the attributes of a message of RDMA_NL_NLDEV. */
RS_MUST_USE int nldev_parse_message(const struct nlmsghdr *message, const struct nldev_attribute *known, size_t count,
				    void *facts, uint64_t *seen);

struct nldev_device {
	uint32_t index;
	char name[RDMA_DEVICE_NAME_MAX];
};

struct nldev {
	struct netlink_channel channel;
	char error[128];
	struct nldev_device *devices;
	size_t count;
};

/*
 * Opens a channel and lists the devices. Returns 0; -EPROTONOSUPPORT where the kernel has no RDMA; or -errno. Every
 * error has a text in `error`. Blocks as netlink_dump(). Only after 0, nldev_close() is due. The struct must not move
 * while it is open.
 */
RS_MUST_USE int nldev_open(struct nldev *nldev, const struct netlink_transport *transport, char *error,
			   size_t error_size);
void nldev_close(struct nldev *nldev);

/* Writes why the last call on the channel failed. */
void nldev_explain(const struct nldev *nldev, int err, char *error, size_t error_size);

/* Returns the listed device of this name, NULL when there is none. */
const struct nldev_device *nldev_find(const struct nldev *nldev, const char *name);

/* A request without attributes, freed by the caller with nlmsg_free(); NULL without memory. */
struct nl_msg *nldev_request(uint16_t command);

#endif
