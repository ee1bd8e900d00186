// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Source: drivers/infiniband/core/nldev.c: res_get_common_dumpit(), fill_res_qp_entry(), fill_res_name_pid(). */
#include "rdma/resources.h"

#include <errno.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/rdma_netlink.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"
#include "uverbs/decode.h"

enum { ERROR_MAX = 128 };

struct device {
	uint32_t index;
	char name[RDMA_DEVICE_NAME_MAX];
};

struct reading {
	struct netlink_channel channel;
	char error[ERROR_MAX];
	struct device *devices;
	size_t device_count;
	size_t now;                  /* which device is being read */
	struct rdma_resources found; /* the first `before` of them are of other devices */
	size_t before, room;
};

/* ---- attributes ---- */

/* One kind of attribute: what is known of it, and where it goes in the struct. */
struct wanted {
	int type;
	enum { A_NUMBER, A_TEXT, A_NEST } kind;
	size_t size, offset; /* a text: the most it may be, with its NUL */
};

struct header_facts {
	uint64_t seen;
	uint32_t index;
	char name[RDMA_DEVICE_NAME_MAX];
	const struct nlattr *table;
};

struct qp_facts {
	uint64_t seen;
	uint32_t port, lqpn, rqpn, pid;
	uint8_t type, state;
	char owner[KERNEL_OWNER_MAX];
};

#define WANTED(struct_type, attribute, of_kind, field)                                             \
	{                                                                                          \
		RDMA_NLDEV_ATTR_##attribute, of_kind, sizeof(((struct struct_type *)NULL)->field), \
			offsetof(struct struct_type, field)                                        \
	}

enum { HEADER_INDEX, HEADER_NAME, HEADER_TABLE, HEADER_FACTS };
static const struct wanted header_wanted[HEADER_FACTS] = {
	[HEADER_INDEX] = WANTED(header_facts, DEV_INDEX, A_NUMBER, index),
	[HEADER_NAME] = WANTED(header_facts, DEV_NAME, A_TEXT, name),
	[HEADER_TABLE] = WANTED(header_facts, RES_QP, A_NEST, table),
};

enum { QP_PORT, QP_LQPN, QP_RQPN, QP_TYPE, QP_STATE, QP_PID, QP_OWNER, QP_FACTS };
static const struct wanted qp_wanted[QP_FACTS] = {
	[QP_PORT] = WANTED(qp_facts, PORT_INDEX, A_NUMBER, port),
	[QP_LQPN] = WANTED(qp_facts, RES_LQPN, A_NUMBER, lqpn),
	[QP_RQPN] = WANTED(qp_facts, RES_RQPN, A_NUMBER, rqpn),
	[QP_TYPE] = WANTED(qp_facts, RES_TYPE, A_NUMBER, type),
	[QP_STATE] = WANTED(qp_facts, RES_STATE, A_NUMBER, state),
	[QP_PID] = WANTED(qp_facts, RES_PID, A_NUMBER, pid),
	[QP_OWNER] = WANTED(qp_facts, RES_KERN_NAME, A_TEXT, owner),
};

static bool saw(uint64_t seen, size_t fact)
{
	return seen & UINT64_C(1) << fact;
}

static int take(const struct nlattr *attr, const struct wanted *wanted, void *facts)
{
	size_t len = (size_t)nla_len(attr);
	char *to = (char *)facts + wanted->offset;

	switch (wanted->kind) {
	case A_NUMBER:
		if (len != wanted->size)
			return -EPROTO;
		break;
	case A_TEXT:
		if (!len || len > wanted->size || strnlen(nla_data(attr), len) != len - 1)
			return -EPROTO;
		break;
	default:
		memcpy(to, &attr, sizeof(attr));
		return 0;
	}
	memcpy(to, nla_data(attr), len);
	return 0;
}

/* Not netlink_attributes(): nldev has more than the 63 types that it knows. Equally strict. */
static int facts_parse(const struct nlattr *attr, int left, const struct wanted *wanted, size_t count, void *facts,
		       uint64_t *seen)
{
	for (; nla_ok(attr, left); attr = nla_next(attr, &left))
		for (size_t i = 0; i < count; i++) {
			if (nla_type(attr) != wanted[i].type)
				continue;
			if (saw(*seen, i) || take(attr, &wanted[i], facts))
				return -EPROTO;
			*seen |= UINT64_C(1) << i;
		}
	return left > 0 ? -EPROTO : 0;
}

static int header_parse(const struct nlmsghdr *message, struct header_facts *out)
{
	*out = (struct header_facts){ 0 };
	if (RDMA_NL_GET_CLIENT(message->nlmsg_type) != RDMA_NL_NLDEV)
		return -EPROTO;
	return facts_parse(nlmsg_data(message), nlmsg_datalen(message), header_wanted, HEADER_FACTS, out, &out->seen);
}

/* ---- devices ---- */

static void devices_restart(void *context)
{
	struct reading *reading = context;

	free(reading->devices);
	reading->devices = NULL;
	reading->device_count = 0;
}

static int device_message(const struct nlmsghdr *message, void *context)
{
	struct reading *reading = context;
	struct device *devices;
	struct header_facts facts;
	int err = header_parse(message, &facts);

	if (err)
		return err;
	if (!saw(facts.seen, HEADER_INDEX) || !facts.name[0])
		return -EPROTO;
	devices = reallocarray(reading->devices, reading->device_count + 1, sizeof(*devices));
	if (!devices)
		return -ENOMEM;
	reading->devices = devices;
	devices[reading->device_count].index = facts.index;
	memcpy(devices[reading->device_count].name, facts.name, sizeof(facts.name));
	reading->device_count++;
	return 0;
}

/* ---- QPs ---- */

/* To where this device began. */
static void qps_restart(void *context)
{
	struct reading *reading = context;

	reading->found.count = reading->before;
}

static int qp_add(struct reading *reading, const struct qp_facts *facts)
{
	struct rdma_resources *found = &reading->found;
	struct rdma_qp *qp;

	if (found->count == reading->room) {
		size_t room = reading->room ? 2 * reading->room : 64;
		struct rdma_qp *qps = reallocarray(found->qps, room, sizeof(*qps));

		if (!qps)
			return -ENOMEM;
		found->qps = qps;
		reading->room = room;
	}
	qp = &found->qps[found->count++];
	*qp = (struct rdma_qp){
		.port = facts->port,
		.qpn = facts->lqpn,
		.has_remote_qpn = saw(facts->seen, QP_RQPN),
		.remote_qpn = facts->rqpn,
		.type = facts->type,
		.state = facts->state,
		.is_kernel = saw(facts->seen, QP_OWNER),
		.pid = facts->pid,
	};
	text_copy(qp->device, sizeof(qp->device), reading->devices[reading->now].name);
	text_copy(qp->kernel_owner, sizeof(qp->kernel_owner), facts->owner);
	text_printable(qp->kernel_owner);
	return 0;
}

static int qp_entry(struct reading *reading, const struct nlattr *entry)
{
	struct qp_facts facts = { 0 };
	int err = facts_parse(nla_data(entry), nla_len(entry), qp_wanted, QP_FACTS, &facts, &facts.seen);

	if (err)
		return err;
	if (!saw(facts.seen, QP_LQPN) || !saw(facts.seen, QP_TYPE) || !saw(facts.seen, QP_STATE))
		return -EPROTO;
	/* either has a name or a process: fill_res_name_pid() */
	if (saw(facts.seen, QP_OWNER) && saw(facts.seen, QP_PID))
		return -EPROTO;
	return qp_add(reading, &facts);
}

static int qps_message(const struct nlmsghdr *message, void *context)
{
	struct reading *reading = context;
	struct header_facts facts;
	const struct nlattr *entry;
	int err = header_parse(message, &facts), left;

	if (err)
		return err;
	if (!saw(facts.seen, HEADER_INDEX) || facts.index != reading->devices[reading->now].index ||
	    !saw(facts.seen, HEADER_TABLE))
		return -EPROTO;
	entry = nla_data(facts.table);
	left = nla_len(facts.table);
	for (; nla_ok(entry, left); entry = nla_next(entry, &left)) {
		if (nla_type(entry) != RDMA_NLDEV_ATTR_RES_QP_ENTRY)
			return -EPROTO;
		err = qp_entry(reading, entry);
		if (err)
			return err;
	}
	return left > 0 ? -EPROTO : 0;
}

/* ---- all of it ---- */

static int dump(struct reading *reading, uint16_t command, const struct device *device,
		const struct netlink_reader *reader)
{
	struct nl_msg *request = nlmsg_alloc_simple(RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, command), 0);
	int err = -ENOMEM;

	if (!request)
		return err;
	if (!device || !nla_put_u32(request, RDMA_NLDEV_ATTR_DEV_INDEX, device->index))
		err = netlink_dump(&reading->channel, request, reader);
	nlmsg_free(request);
	return err;
}

static int read_all(struct reading *reading)
{
	const struct netlink_reader devices = { devices_restart, device_message, reading };
	const struct netlink_reader qps = { qps_restart, qps_message, reading };
	int err = dump(reading, RDMA_NLDEV_CMD_GET, NULL, &devices);

	for (; !err && reading->now < reading->device_count; reading->now++) {
		reading->before = reading->found.count;
		err = dump(reading, RDMA_NLDEV_CMD_RES_QP_GET, &reading->devices[reading->now], &qps);
	}
	return err;
}

/* GSI and SMI QPs have the same number on every port: restrack.c tells them apart by it. */
static int compare(const void *a, const void *b)
{
	const struct rdma_qp *p = a, *q = b;
	int names = strcmp(p->device, q->device);

	if (names)
		return names;
	if (p->qpn != q->qpn)
		return p->qpn < q->qpn ? -1 : 1;
	return p->port < q->port ? -1 : p->port > q->port;
}

/* A QP is told twice when others came before its position between two datagrams. */
static void sort_and_unite(struct rdma_resources *found)
{
	size_t kept = 0;

	if (!found->count)
		return;
	qsort(found->qps, found->count, sizeof(found->qps[0]), compare);
	for (size_t i = 1; i < found->count; i++)
		if (compare(&found->qps[kept], &found->qps[i]))
			found->qps[++kept] = found->qps[i];
	found->count = kept + 1;
}

int resources_read_over(const struct netlink_transport *transport, struct rdma_resources *out, char *error,
			size_t error_size)
{
	struct reading reading = { 0 };
	int err = netlink_open(&reading.channel, transport, NETLINK_RDMA, reading.error, sizeof(reading.error));

	if (err == -EPROTONOSUPPORT) {
		*out = (struct rdma_resources){ 0 };
		return 0;
	}
	if (!err) {
		err = read_all(&reading);
		netlink_close(&reading.channel);
	}
	free(reading.devices);
	if (err) {
		text_format(error, error_size, "RDMA netlink: %s", reading.error[0] ? reading.error : strerror(-err));
		resources_free(&reading.found);
		return err;
	}
	sort_and_unite(&reading.found);
	*out = reading.found;
	return 0;
}

int resources_read(struct rdma_resources *out, char *error, size_t error_size)
{
	return resources_read_over(&netlink_kernel, out, error, error_size);
}

void resources_free(struct rdma_resources *resources)
{
	free(resources->qps);
	*resources = (struct rdma_resources){ 0 };
}

const struct rdma_qp *resources_find(const struct rdma_resources *resources, const char *device, uint32_t qpn)
{
	size_t low = 0, high = resources->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct rdma_qp *qp = &resources->qps[middle];
		int names = strcmp(qp->device, device);

		if (!names && qp->qpn == qpn)
			return qp;
		if (names < 0 || (!names && qp->qpn < qpn))
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool qp_is_connection_management(const struct rdma_qp *qp)
{
	if (!qp->is_kernel)
		return false;
	/* create_gsi_ud_qp() in drivers/infiniband/hw/mlx5/gsi.c: sends as QP 1, by one UD QP a P_Key */
	return qp->type == QP_TYPE_SMI || qp->type == QP_TYPE_GSI ||
	       (qp->type == IB_UVERBS_QPT_UD && !strcmp(qp->kernel_owner, "mlx5_ib"));
}

const char *qp_type_name(uint8_t type)
{
	return type == QP_TYPE_SMI ? "SMI" : type == QP_TYPE_GSI ? "GSI" : uverbs_qp_type_name(type);
}

const char *qp_state_name(uint8_t state)
{
	static const char *const names[] = { "RESET", "INIT", "RTR", "RTS", "SQD", "SQE", "ERR" };

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}
