// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Sources: drivers/infiniband/core/uverbs_std_types_device.c (UVERBS_METHOD_QUERY_GID_TABLE), cache.c. */
#include <errno.h>
#include <limits.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <stdlib.h>
#include <string.h>

#include "rdma/uverbs_call.h"
#include "rdma/uverbs_call_internal.h"

_Static_assert(sizeof(struct ib_uverbs_gid_entry) == 32, "UVERBS_GIDS_LISTED_MAX counts with it");

/* enum ib_uverbs_gid_type in ib_user_ioctl_verbs.h */
static enum gid_type gid_type(uint32_t type)
{
	switch (type) {
	case IB_UVERBS_GID_TYPE_IB:
		return GID_TYPE_IB;
	case IB_UVERBS_GID_TYPE_ROCE_V1:
		return GID_TYPE_ROCE_V1;
	case IB_UVERBS_GID_TYPE_ROCE_V2:
		return GID_TYPE_ROCE_V2;
	default:
		return GID_TYPE_UNKNOWN;
	}
}

/*
 * Skips entries that no address can choose: an address's index has eight bits. Ports and indices are ascending; a
 * duplicate is refused, since the wrong one of the two could be judged.
 */
static int take(const struct ib_uverbs_gid_entry *from, size_t count, struct gid_entry *out, size_t room,
		size_t *out_count)
{
	size_t taken = 0;

	for (size_t i = 0; i < count; i++) {
		bool ascends = !i || from[i].port_num > from[i - 1].port_num ||
			       (from[i].port_num == from[i - 1].port_num && from[i].gid_index > from[i - 1].gid_index);

		if (!from[i].port_num || !ascends || from[i].netdev_ifindex > INT_MAX)
			return -EPROTO;
		if (from[i].gid_index >= RDMA_GIDS_MAX)
			continue;
		if (taken == room)
			return -ENOSPC;
		out[taken] = (struct gid_entry){ .index = (uint8_t)from[i].gid_index,
						 .port = from[i].port_num,
						 .type = gid_type(from[i].gid_type),
						 .netdev_ifindex = (int)from[i].netdev_ifindex };
		memcpy(out[taken++].raw, from[i].gid, sizeof(out[0].raw));
	}
	*out_count = taken;
	return 0;
}

int uverbs_query_gids(int fd, uint32_t driver_id, struct gid_entry *out, size_t room, size_t *out_count)
{
	struct ib_uverbs_gid_entry *entries = calloc(UVERBS_GIDS_LISTED_MAX, sizeof(*entries));
	struct uverbs_call call;
	uint64_t count = 0;
	int err;

	if (!entries)
		return -ENOMEM;
	uverbs_call_begin(&call, driver_id, UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_GID_TABLE);
	uverbs_call_const(&call, UVERBS_ATTR_QUERY_GID_TABLE_ENTRY_SIZE, sizeof(*entries));
	uverbs_call_const(&call, UVERBS_ATTR_QUERY_GID_TABLE_FLAGS, 0);
	/* the most that an attribute can hold: too little room would give the same EINVAL as other errors */
	uverbs_call_out(&call, UVERBS_ATTR_QUERY_GID_TABLE_RESP_ENTRIES, entries,
			UVERBS_GIDS_LISTED_MAX * sizeof(*entries));
	uverbs_call_out(&call, UVERBS_ATTR_QUERY_GID_TABLE_RESP_NUM_ENTRIES, &count, sizeof(count));
	err = uverbs_call_do(&call, fd);
	if (!err && count > UVERBS_GIDS_LISTED_MAX)
		err = -EPROTO;
	if (!err)
		err = take(entries, count, out, room, out_count);
	free(entries);
	return err;
}
