// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Creates the node of the connection manager before Landlock closes /dev/infiniband to later nodes. */
#include <errno.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <rdma/rdma_netlink.h>
#include <stdint.h>

#include "netlink/dump.h"
#include "supervisor_internal.h"

/* Only the side effect of the request matters. */
static int ignore(const struct nlmsghdr *message, void *context)
{
	(void)message;
	(void)context;
	return 0;
}

void rdma_cm_node_make(void)
{
	struct nl_msg *request = nlmsg_alloc_simple(RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, RDMA_NLDEV_CMD_GET_CHARDEV), 0);
	struct netlink_channel channel;
	char ignored[128];
	int err = -ENOMEM;

	if (!request || nla_put_string(request, RDMA_NLDEV_ATTR_CHARDEV_TYPE, "rdma_cm"))
		goto out;
	err = netlink_open(&channel, &netlink_kernel, NETLINK_RDMA, ignored, sizeof(ignored));
	if (err)
		goto out;
	/* rdma_ucm is loaded before this returns: ib_get_client_nl_info() in drivers/infiniband/core/device.c */
	err = netlink_ask(&channel, request, ignore, NULL);
	netlink_close(&channel);
out:
	nlmsg_free(request);
	(void)err;
}
