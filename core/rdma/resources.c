// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Source: drivers/infiniband/core/nldev.c: res_get_common_dumpit(), fill_res_qp_entry(), fill_res_cm_id_entry(),
 * fill_res_name_pid().
 */
#include "rdma/resources.h"

#include <errno.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <stdlib.h>
#include <string.h>

#include "netlink/attributes.h"
#include "rdma/nldev.h"
#include "util/array.h"
#include "util/text.h"
#include "uverbs/decode.h"

struct reading {
	struct nldev nldev;
	struct nldev_device now;     /* which device is being read */
	struct rdma_resources found; /* the first `before` of them are of other devices */
	size_t before;
};

struct table_facts {
	uint32_t index;
	const struct nlattr *table;
};

enum { TABLE_INDEX, TABLE_QPS, TABLE_COUNT };
static const struct nldev_attribute table_known[TABLE_COUNT] = {
	[TABLE_INDEX] = NLDEV_ATTRIBUTE(table_facts, DEV_INDEX, NLDEV_NUMBER, index),
	[TABLE_QPS] = NLDEV_ATTRIBUTE(table_facts, RES_QP, NLDEV_NEST, table),
};

struct qp_facts {
	uint64_t seen;
	uint32_t port, lqpn, rqpn, pid;
	uint8_t type, state;
	char owner[KERNEL_OWNER_MAX];
};

enum { QP_PORT, QP_LQPN, QP_RQPN, QP_TYPE, QP_STATE, QP_PID, QP_OWNER, QP_COUNT };
static const struct nldev_attribute qp_known[QP_COUNT] = {
	[QP_PORT] = NLDEV_ATTRIBUTE(qp_facts, PORT_INDEX, NLDEV_NUMBER, port),
	[QP_LQPN] = NLDEV_ATTRIBUTE(qp_facts, RES_LQPN, NLDEV_NUMBER, lqpn),
	[QP_RQPN] = NLDEV_ATTRIBUTE(qp_facts, RES_RQPN, NLDEV_NUMBER, rqpn),
	[QP_TYPE] = NLDEV_ATTRIBUTE(qp_facts, RES_TYPE, NLDEV_NUMBER, type),
	[QP_STATE] = NLDEV_ATTRIBUTE(qp_facts, RES_STATE, NLDEV_NUMBER, state),
	[QP_PID] = NLDEV_ATTRIBUTE(qp_facts, RES_PID, NLDEV_NUMBER, pid),
	[QP_OWNER] = NLDEV_ATTRIBUTE(qp_facts, RES_KERN_NAME, NLDEV_TEXT, owner),
};

/* ---- QPs ---- */

/* Back to the first QP of this device. */
static void qps_restart(void *context)
{
	struct reading *reading = context;

	reading->found.count = reading->before;
}

static int qp_add(struct reading *reading, const struct qp_facts *facts)
{
	struct rdma_qp qp = {
		.port = facts->port,
		.qpn = facts->lqpn,
		.has_remote_qpn = nldev_has(facts->seen, QP_RQPN),
		.remote_qpn = facts->rqpn,
		.type = facts->type,
		.state = facts->state,
		.is_kernel = nldev_has(facts->seen, QP_OWNER),
		.pid = facts->pid,
	};

	text_copy(qp.device, sizeof(qp.device), reading->now.name);
	text_copy(qp.kernel_owner, sizeof(qp.kernel_owner), facts->owner);
	text_printable(qp.kernel_owner);
	return array_append(&reading->found.qps, &reading->found.count, &qp, sizeof(qp));
}

static int qp_entry(const struct nlattr *entry, void *context)
{
	struct qp_facts facts = { 0 };

	if (nla_type(entry) != RDMA_NLDEV_ATTR_RES_QP_ENTRY ||
	    nldev_parse(nla_data(entry), nla_len(entry), qp_known, QP_COUNT, &facts, &facts.seen))
		return -EPROTO;
	if (!nldev_has(facts.seen, QP_LQPN) || !nldev_has(facts.seen, QP_TYPE) || !nldev_has(facts.seen, QP_STATE))
		return -EPROTO;
	/* a QP has either a name or a process: fill_res_name_pid() */
	if (nldev_has(facts.seen, QP_OWNER) && nldev_has(facts.seen, QP_PID))
		return -EPROTO;
	return qp_add(context, &facts);
}

static int qps_message(const struct nlmsghdr *message, void *context)
{
	struct reading *reading = context;
	struct table_facts facts = { 0 };
	uint64_t seen;
	int err = nldev_parse_message(message, table_known, TABLE_COUNT, &facts, &seen);

	if (err)
		return err;
	if (!nldev_has(seen, TABLE_INDEX) || facts.index != reading->now.index || !nldev_has(seen, TABLE_QPS))
		return -EPROTO;
	return netlink_list(facts.table, qp_entry, reading);
}

/* ---- owners ---- */

/*
 * rdma_create_qp() is a function of the module rdma_cm, and ib_create_qp() names the module that calls it: NVMe, RDS
 * and NFS are "rdma_cm". Their connection identifiers name the module itself.
 */
static const char RDMA_CM[] = "rdma_cm";

struct cm_table_facts {
	uint32_t index;
	const struct nlattr *table;
};

static const struct nldev_attribute cm_table_known[TABLE_COUNT] = {
	[TABLE_INDEX] = NLDEV_ATTRIBUTE(cm_table_facts, DEV_INDEX, NLDEV_NUMBER, index),
	[TABLE_QPS] = NLDEV_ATTRIBUTE(cm_table_facts, RES_CM_ID, NLDEV_NEST, table),
};

struct cm_facts {
	uint32_t lqpn;
	char owner[KERNEL_OWNER_MAX];
};

enum { CM_LQPN, CM_OWNER, CM_COUNT };
static const struct nldev_attribute cm_known[CM_COUNT] = {
	[CM_LQPN] = NLDEV_ATTRIBUTE(cm_facts, RES_LQPN, NLDEV_NUMBER, lqpn),
	[CM_OWNER] = NLDEV_ATTRIBUTE(cm_facts, RES_KERN_NAME, NLDEV_TEXT, owner),
};

static bool is_of_rdma_cm(const struct reading *reading, const struct rdma_qp *qp)
{
	return qp->is_kernel && !strcmp(qp->kernel_owner, RDMA_CM) && !strcmp(qp->device, reading->now.name);
}

/* A name changes nothing else, so a dump that ends too early leaves the QPs of the rest to rdma_cm. */
static void cm_restart(void *context)
{
	(void)context;
}

static int cm_entry(const struct nlattr *entry, void *context)
{
	struct reading *reading = context;
	const struct nldev_device *device = &reading->now;
	struct cm_facts facts = { 0 };
	const struct rdma_qp *qp;
	uint64_t seen;

	if (nla_type(entry) != RDMA_NLDEV_ATTR_RES_CM_ID_ENTRY ||
	    nldev_parse(nla_data(entry), nla_len(entry), cm_known, CM_COUNT, &facts, &seen))
		return -EPROTO;
	if (!nldev_has(seen, CM_LQPN) || !nldev_has(seen, CM_OWNER))
		return 0;
	text_printable(facts.owner);
	qp = resources_find(&reading->found, device->name, facts.lqpn);
	if (qp && is_of_rdma_cm(reading, qp))
		text_copy(reading->found.qps[qp - reading->found.qps].kernel_owner, KERNEL_OWNER_MAX, facts.owner);
	return 0;
}

static int cm_message(const struct nlmsghdr *message, void *context)
{
	struct reading *reading = context;
	struct cm_table_facts facts = { 0 };
	uint64_t seen;
	int err = nldev_parse_message(message, cm_table_known, TABLE_COUNT, &facts, &seen);

	if (err)
		return err;
	if (!nldev_has(seen, TABLE_INDEX) || facts.index != reading->now.index || !nldev_has(seen, TABLE_QPS))
		return -EPROTO;
	return netlink_list(facts.table, cm_entry, reading);
}

/* ---- all of it ---- */

static int dump_of_device(struct reading *reading, uint16_t command, const struct netlink_reader *reader)
{
	struct nl_msg *request = nldev_request(command);
	int err = -ENOMEM;

	if (request && !nla_put_u32(request, RDMA_NLDEV_ATTR_DEV_INDEX, reading->now.index))
		err = netlink_dump(&reading->nldev.channel, request, reader);
	nlmsg_free(request);
	return err;
}

static int read_device(struct reading *reading)
{
	const struct netlink_reader reader = { qps_restart, qps_message, reading };

	reading->before = reading->found.count;
	return dump_of_device(reading, RDMA_NLDEV_CMD_RES_QP_GET, &reader);
}

/* GSI and SMI QPs have the same number on every port: restrack.c distinguishes them by the port. */
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

/* A QP is reported twice when others were created before its position between two datagrams. */
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

/* Last, because the channel cannot be used after a failure. The QPs are sorted. */
static void read_owners(struct reading *reading)
{
	const struct netlink_reader reader = { cm_restart, cm_message, reading };
	int err = 0;

	for (size_t d = 0; !err && d < reading->nldev.count; d++) {
		reading->now = reading->nldev.devices[d];
		for (size_t i = 0; i < reading->found.count; i++)
			if (is_of_rdma_cm(reading, &reading->found.qps[i])) {
				err = dump_of_device(reading, RDMA_NLDEV_CMD_RES_CM_ID_GET, &reader);
				break;
			}
	}
}

int resources_read_over(const struct netlink_transport *transport, struct rdma_resources *out, char *error,
			size_t error_size)
{
	struct reading reading = { 0 };
	int err = nldev_open(&reading.nldev, transport, error, error_size);

	if (err == -EPROTONOSUPPORT) {
		*out = (struct rdma_resources){ 0 };
		return 0;
	}
	if (err)
		return err;
	for (size_t i = 0; !err && i < reading.nldev.count; i++) {
		reading.now = reading.nldev.devices[i];
		err = read_device(&reading);
	}
	if (!err) {
		sort_and_unite(&reading.found);
		read_owners(&reading);
		*out = reading.found;
	} else {
		nldev_explain(&reading.nldev, err, error, error_size);
		resources_free(&reading.found);
	}
	nldev_close(&reading.nldev);
	return err;
}

static bool is_listed(const struct nldev *nldev, uint32_t index)
{
	for (size_t i = 0; i < nldev->count; i++)
		if (nldev->devices[i].index == index)
			return true;
	return false;
}

/* res_get_common_dumpit() answers EINVAL where ib_device_get_by_index() finds none. */
int resources_read_device(const struct netlink_transport *transport, uint32_t index, struct rdma_resources *out,
			  char *error, size_t error_size)
{
	struct reading reading = { .now = { .index = index } };
	int err = nldev_open(&reading.nldev, transport, error, error_size);

	if (err)
		return err == -EPROTONOSUPPORT ? -ENODEV : err;
	err = read_device(&reading);
	if (err)
		nldev_explain(&reading.nldev, err, error, error_size);
	if (err == -EINVAL && !is_listed(&reading.nldev, index))
		err = -ENODEV;
	nldev_close(&reading.nldev);
	if (err) {
		resources_free(&reading.found);
		return err;
	}
	sort_and_unite(&reading.found);
	*out = reading.found;
	return 0;
}

int resources_device_index(const struct netlink_transport *transport, const char *name, uint32_t *out)
{
	const struct nldev_device *device;
	struct nldev nldev;
	char error[128];
	int err = nldev_open(&nldev, transport, error, sizeof(error));

	if (err)
		return err;
	device = nldev_find(&nldev, name);
	if (device)
		*out = device->index;
	nldev_close(&nldev);
	return device ? 0 : -ENODEV;
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
	/* create_gsi_ud_qp() in drivers/infiniband/hw/mlx5/gsi.c: sends as QP 1 by one UD QP for each P_Key */
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
