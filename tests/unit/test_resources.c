// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Valid and invalid lists of QPs from the kernel. */
#include "rdma/resources.h"

#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/rdma_netlink.h>

#include "fake_netlink.h"
#include "record_fixture.h"

static struct fake_kernel kernel;
static struct rdma_resources found;
static char error[192];

static int read_them(void)
{
	const struct netlink_transport transport = fake_transport(&kernel);
	int err;

	error[0] = '\0';
	found = (struct rdma_resources){ .count = 77 };
	err = resources_read_over(&transport, &found, error, sizeof(error));
	cr_expect_eq(kernel.opens, kernel.closes, "a socket leaked");
	if (err)
		cr_expect(found.count == 77 && strstr(error, "RDMA netlink: "), "%zu, %s", found.count, error);
	return err;
}

static void forget(void)
{
	if (found.count != 77)
		resources_free(&found);
	fake_reset(&kernel);
}

static struct nl_msg *message_new(int command)
{
	return fake_message(RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, command), "", 0);
}

static struct nl_msg *device_message(uint32_t index, const char *name)
{
	struct nl_msg *message = message_new(RDMA_NLDEV_CMD_GET);

	nla_put_u32(message, RDMA_NLDEV_ATTR_DEV_INDEX, index);
	nla_put_string(message, RDMA_NLDEV_ATTR_DEV_NAME, name);
	nla_put_u64(message, RDMA_NLDEV_ATTR_NODE_GUID, 1);
	return message;
}

static void say_devices(void)
{
	fake_say(&kernel, device_message(0, "mlx5_0"));
	fake_say_too(&kernel, device_message(3, "rxe0"));
	fake_done(&kernel, 0);
}

/* How an entry deviates from a valid one. */
enum wrong {
	NOTHING_WRONG,
	NO_LQPN,
	NO_TYPE,
	NO_STATE,
	LONG_LQPN,
	SHORT_LQPN,
	LONG_TYPE,
	LQPN_TWICE,
	NAME_AND_PID,
	NAME_WITHOUT_END,
	NAME_WITH_NUL,
	EMPTY_NAME,
	LONG_NAME,
	WRONG_COUNT,
};

static void put_lqpn(struct nl_msg *message, uint32_t qpn, enum wrong wrong)
{
	if (wrong == LONG_LQPN)
		nla_put_u64(message, RDMA_NLDEV_ATTR_RES_LQPN, qpn);
	else if (wrong == SHORT_LQPN)
		nla_put_u16(message, RDMA_NLDEV_ATTR_RES_LQPN, (uint16_t)qpn);
	else if (wrong != NO_LQPN)
		nla_put_u32(message, RDMA_NLDEV_ATTR_RES_LQPN, qpn);
	if (wrong == LQPN_TWICE)
		nla_put_u32(message, RDMA_NLDEV_ATTR_RES_LQPN, qpn);
}

static void put_owner(struct nl_msg *message, const char *owner, uint32_t pid, enum wrong wrong)
{
	char longest[KERNEL_OWNER_MAX + 1];

	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	if (wrong == NAME_WITHOUT_END)
		nla_put(message, RDMA_NLDEV_ATTR_RES_KERN_NAME, 3, "abc");
	else if (wrong == NAME_WITH_NUL)
		nla_put(message, RDMA_NLDEV_ATTR_RES_KERN_NAME, 4, "a\0c");
	else if (wrong == EMPTY_NAME)
		nla_put(message, RDMA_NLDEV_ATTR_RES_KERN_NAME, 0, "");
	else if (wrong == LONG_NAME)
		nla_put_string(message, RDMA_NLDEV_ATTR_RES_KERN_NAME, longest);
	else if (owner)
		nla_put_string(message, RDMA_NLDEV_ATTR_RES_KERN_NAME, owner);
	if (pid || wrong == NAME_AND_PID)
		nla_put_u32(message, RDMA_NLDEV_ATTR_RES_PID, pid);
}

/* fill_res_qp_entry() */
static void put_qp(struct nl_msg *message, uint32_t qpn, uint8_t type, const char *owner, uint32_t pid,
		   enum wrong wrong)
{
	struct nlattr *entry = nla_nest_start(message, RDMA_NLDEV_ATTR_RES_QP_ENTRY);

	cr_assert_not_null(entry);
	nla_put_u32(message, RDMA_NLDEV_ATTR_PORT_INDEX, 1);
	put_lqpn(message, qpn, wrong);
	nla_put_u32(message, RDMA_NLDEV_ATTR_RES_PDN, 9);
	put_owner(message, owner, pid, wrong);
	if (type == IB_UVERBS_QPT_RC)
		nla_put_u32(message, RDMA_NLDEV_ATTR_RES_RQPN, qpn + 1000);
	nla_put_u32(message, RDMA_NLDEV_ATTR_RES_SQ_PSN, 5);
	if (wrong == LONG_TYPE)
		nla_put_u32(message, RDMA_NLDEV_ATTR_RES_TYPE, type);
	else if (wrong != NO_TYPE)
		nla_put_u8(message, RDMA_NLDEV_ATTR_RES_TYPE, type);
	if (wrong != NO_STATE)
		nla_put_u8(message, RDMA_NLDEV_ATTR_RES_STATE, 3);
	nla_nest_end(message, entry);
}

static struct nl_msg *table_message(uint32_t index, struct nlattr **table)
{
	struct nl_msg *message = message_new(RDMA_NLDEV_CMD_RES_QP_GET);

	nla_put_u32(message, RDMA_NLDEV_ATTR_DEV_INDEX, index);
	nla_put_string(message, RDMA_NLDEV_ATTR_DEV_NAME, "unchanged");
	*table = nla_nest_start(message, RDMA_NLDEV_ATTR_RES_QP);
	cr_assert_not_null(*table);
	return message;
}

static void say_one(uint32_t index, uint32_t qpn, uint8_t type, const char *owner, uint32_t pid, enum wrong wrong)
{
	struct nlattr *table;
	struct nl_msg *message = table_message(index, &table);

	put_qp(message, qpn, type, owner, pid, wrong);
	nla_nest_end(message, table);
	fake_say(&kernel, message);
}

Test(resources, lists_qps_of_all_devices)
{
	const struct rdma_qp *qp;

	say_devices();
	say_one(0, 1, QP_TYPE_GSI, "ib_core", 0, NOTHING_WRONG);
	say_one(0, 300, IB_UVERBS_QPT_RC, "nvme_rdma", 0, NOTHING_WRONG);
	fake_done(&kernel, 0);
	say_one(3, 17, IB_UVERBS_QPT_RC, NULL, 4242, NOTHING_WRONG);
	say_one(3, 18, IB_UVERBS_QPT_UD, NULL, 0, NOTHING_WRONG);
	fake_done(&kernel, 0);
	cr_assert_eq(read_them(), 0, "%s", error);
	cr_assert_eq(found.count, 4);
	qp = resources_find(&found, "rxe0", 17);
	cr_assert_not_null(qp);
	cr_expect(qp->pid == 4242 && !qp->is_kernel && qp->port == 1 && qp->state == 3);
	cr_expect(qp->has_remote_qpn && qp->remote_qpn == 1017);
	cr_expect_str_eq(qp_type_name(qp->type), "RC");
	cr_expect_str_eq(qp_state_name(qp->state), "RTS");
	qp = resources_find(&found, "rxe0", 18);
	cr_assert_not_null(qp);
	cr_expect(!qp->pid && !qp->is_kernel && !qp->has_remote_qpn, "a process in an invisible pid namespace");
	qp = resources_find(&found, "mlx5_0", 300);
	cr_assert_not_null(qp);
	cr_expect(qp->is_kernel && !qp->pid && !qp_is_connection_management(qp));
	cr_expect_str_eq(qp->kernel_owner, "nvme_rdma");
	cr_expect_str_eq(qp->device, "mlx5_0");
	cr_expect(qp_is_connection_management(resources_find(&found, "mlx5_0", 1)));
	cr_expect_null(resources_find(&found, "mlx5_0", 17));
	cr_expect_null(resources_find(&found, "rxe1", 17));
	forget();
	expect_no_leak();
}

/* fill_res_cm_id_entry(); qpn 0: a listener */
static void say_cm_id(uint32_t index, uint32_t qpn, const char *owner)
{
	struct nl_msg *message = message_new(RDMA_NLDEV_CMD_RES_CM_ID_GET);
	struct nlattr *table, *entry;

	nla_put_u32(message, RDMA_NLDEV_ATTR_DEV_INDEX, index);
	table = nla_nest_start(message, RDMA_NLDEV_ATTR_RES_CM_ID);
	entry = nla_nest_start(message, RDMA_NLDEV_ATTR_RES_CM_ID_ENTRY);
	nla_put_u32(message, RDMA_NLDEV_ATTR_PORT_INDEX, 1);
	if (qpn)
		nla_put_u32(message, RDMA_NLDEV_ATTR_RES_LQPN, qpn);
	nla_put_u32(message, RDMA_NLDEV_ATTR_RES_PS, 0x106);
	if (owner)
		nla_put_string(message, RDMA_NLDEV_ATTR_RES_KERN_NAME, owner);
	else
		nla_put_u32(message, RDMA_NLDEV_ATTR_RES_PID, 4);
	nla_nest_end(message, entry);
	nla_nest_end(message, table);
	fake_say(&kernel, message);
}

static void say_qps_of_rdma_cm(void)
{
	say_devices();
	say_one(0, 300, IB_UVERBS_QPT_RC, "rdma_cm", 0, NOTHING_WRONG);
	fake_done(&kernel, 0);
	say_one(3, 300, IB_UVERBS_QPT_RC, "rdma_cm", 0, NOTHING_WRONG);
	say_one(3, 301, IB_UVERBS_QPT_RC, "rdma_cm", 0, NOTHING_WRONG);
	say_one(3, 302, IB_UVERBS_QPT_RC, NULL, 77, NOTHING_WRONG);
	fake_done(&kernel, 0);
}

static void expect_owner(const char *device, uint32_t qpn, const char *owner)
{
	const struct rdma_qp *qp = resources_find(&found, device, qpn);

	cr_assert_not_null(qp, "%s %u", device, qpn);
	cr_expect_str_eq(qp->kernel_owner, owner, "%s %u", device, qpn);
}

Test(resources, names_owners_of_connections)
{
	say_qps_of_rdma_cm();
	say_cm_id(0, 300, "nvme_rdma");
	fake_done(&kernel, 0);
	say_cm_id(3, 0, "nvmet_rdma");
	say_cm_id(3, 301, "rds_rdma");
	say_cm_id(3, 302, "nvme_rdma");
	say_cm_id(3, 300, NULL);
	fake_done(&kernel, 0);
	cr_assert_eq(read_them(), 0, "%s", error);
	expect_owner("mlx5_0", 300, "nvme_rdma");
	expect_owner("rxe0", 301, "rds_rdma");
	expect_owner("rxe0", 300, "rdma_cm");
	expect_owner("rxe0", 302, "");
	forget();
	expect_no_leak();
}

Test(resources, lists_qps_without_names_of_owners)
{
	say_qps_of_rdma_cm();
	fake_error(&kernel, -EINVAL);
	cr_assert_eq(read_them(), 0, "%s", error);
	cr_expect_eq(found.count, 4);
	expect_owner("mlx5_0", 300, "rdma_cm");
	forget();
	say_qps_of_rdma_cm();
	say_one(0, 1, 0, "ib_core", 0, NOTHING_WRONG); /* not an answer to this request */
	fake_done(&kernel, 0);
	cr_assert_eq(read_them(), 0, "%s", error);
	cr_expect_eq(found.count, 4);
	expect_owner("mlx5_0", 300, "rdma_cm");
	forget();
	expect_no_leak();
}

Test(resources, sends_dump_request)
{
	struct nlattr *index;

	fake_say(&kernel, device_message(3, "rxe0"));
	fake_done(&kernel, 0);
	fake_done(&kernel, 0);
	cr_assert_eq(read_them(), 0, "%s", error);
	cr_expect_eq(found.count, 0);
	index = nla_find((struct nlattr *)(kernel.request + NLMSG_HDRLEN),
			 (int)(((struct nlmsghdr *)kernel.request)->nlmsg_len - NLMSG_HDRLEN),
			 RDMA_NLDEV_ATTR_DEV_INDEX);
	cr_assert_not_null(index);
	cr_expect_eq(nla_get_u32(index), 3);
	cr_expect_eq(((struct nlmsghdr *)kernel.request)->nlmsg_type,
		     RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, RDMA_NLDEV_CMD_RES_QP_GET));
	cr_expect(((struct nlmsghdr *)kernel.request)->nlmsg_flags & NLM_F_DUMP);
	forget();
	expect_no_leak();
}

/* Several datagrams, unordered, with duplicates and with a QP number that every port has. */
Test(resources, lists_many_qps_without_duplicates)
{
	enum { EACH = 90, DATAGRAMS = 10 };
	struct nlattr *table, *entry;
	struct nl_msg *message;

	fake_say(&kernel, device_message(3, "rxe0"));
	fake_done(&kernel, 0);
	for (uint32_t d = 0; d < DATAGRAMS; d++) {
		message = table_message(3, &table);
		for (uint32_t i = 0; i < EACH; i++)
			put_qp(message, 16 + (d * EACH + EACH - i), IB_UVERBS_QPT_RC, NULL, 1 + i, NOTHING_WRONG);
		put_qp(message, 16 + 1, IB_UVERBS_QPT_RC, NULL, EACH, NOTHING_WRONG);
		nla_nest_end(message, table);
		fake_say(&kernel, message);
	}
	message = table_message(3, &table);
	for (uint32_t port = 1; port <= 2; port++) {
		entry = nla_nest_start(message, RDMA_NLDEV_ATTR_RES_QP_ENTRY);
		nla_put_u32(message, RDMA_NLDEV_ATTR_PORT_INDEX, port);
		nla_put_u32(message, RDMA_NLDEV_ATTR_RES_LQPN, 1);
		nla_put_string(message, RDMA_NLDEV_ATTR_RES_KERN_NAME, "ib_core");
		nla_put_u8(message, RDMA_NLDEV_ATTR_RES_TYPE, QP_TYPE_GSI);
		nla_put_u8(message, RDMA_NLDEV_ATTR_RES_STATE, 3);
		nla_nest_end(message, entry);
	}
	nla_nest_end(message, table);
	fake_say(&kernel, message);
	fake_done(&kernel, 0);
	cr_assert_eq(read_them(), 0, "%s", error);
	cr_expect_eq(found.count, EACH * DATAGRAMS + 2, "%zu", found.count);
	for (size_t i = 1; i < found.count; i++)
		cr_expect(found.qps[i - 1].qpn < found.qps[i].qpn || (i == 1 && found.qps[0].port == 1));
	for (uint32_t i = 1; i <= EACH * DATAGRAMS; i++)
		cr_expect_not_null(resources_find(&found, "rxe0", 16 + i), "%u", 16 + i);
	forget();
	expect_no_leak();
}

Test(resources, rejects_invalid_entries)
{
	for (enum wrong wrong = NO_LQPN; wrong < WRONG_COUNT; wrong++) {
		say_devices();
		say_one(0, 300, IB_UVERBS_QPT_RC, NULL, 1, NOTHING_WRONG);
		say_one(0, 301, IB_UVERBS_QPT_RC, wrong == NAME_AND_PID ? "nvme_rdma" : NULL, 0, wrong);
		fake_done(&kernel, 0);
		fake_done(&kernel, 0);
		cr_expect_eq(read_them(), -EPROTO, "case %d: %s", wrong, error);
		forget();
	}
	expect_no_leak();
}

static void other_device(void)
{
	say_one(3, 300, IB_UVERBS_QPT_RC, NULL, 1, NOTHING_WRONG);
}
static void other_client(void)
{
	struct nl_msg *message = fake_message(RDMA_NL_GET_TYPE(RDMA_NL_LS, 1), "", 0);

	nla_put_u32(message, RDMA_NLDEV_ATTR_DEV_INDEX, 0);
	fake_say(&kernel, message);
}
static void no_index(void)
{
	struct nl_msg *message = message_new(RDMA_NLDEV_CMD_RES_QP_GET);

	nla_put(message, RDMA_NLDEV_ATTR_RES_QP, 0, "");
	fake_say(&kernel, message);
}
static void no_table(void)
{
	fake_say(&kernel, device_message(0, "mlx5_0"));
}
static void no_entry(void)
{
	struct nlattr *table;
	struct nl_msg *message = table_message(0, &table);

	nla_put_u32(message, RDMA_NLDEV_ATTR_RES_CQ_ENTRY, 1);
	nla_nest_end(message, table);
	fake_say(&kernel, message);
}
static void two_tables(void)
{
	struct nl_msg *message = message_new(RDMA_NLDEV_CMD_RES_QP_GET);

	nla_put_u32(message, RDMA_NLDEV_ATTR_DEV_INDEX, 0);
	nla_put(message, RDMA_NLDEV_ATTR_RES_QP, 0, "");
	nla_put(message, RDMA_NLDEV_ATTR_RES_QP, 0, "");
	fake_say(&kernel, message);
}
static void cut_in_the_entry(void)
{
	struct nlattr *table;
	struct nl_msg *message = table_message(0, &table);
	struct nlattr *entry = nla_nest_start(message, RDMA_NLDEV_ATTR_RES_QP_ENTRY);

	nla_put_u32(message, RDMA_NLDEV_ATTR_RES_LQPN, 1);
	nla_put_u8(message, RDMA_NLDEV_ATTR_RES_TYPE, 2);
	nla_put_u8(message, RDMA_NLDEV_ATTR_RES_STATE, 2);
	nla_put(message, RDMA_NLDEV_ATTR_RES_SQ_PSN, 4, "abcd");
	nla_nest_end(message, entry);
	/* the last attribute is longer than its entry */
	((struct nlattr *)((char *)entry + entry->nla_len - 8))->nla_len = 12;
	nla_nest_end(message, table);
	fake_say(&kernel, message);
}

Test(resources, rejects_invalid_messages)
{
	static const struct {
		const char *name;
		void (*say)(void);
	} rows[] = {
		{ "other device", other_device },
		{ "other client", other_client },
		{ "no index", no_index },
		{ "no table", no_table },
		{ "no entry", no_entry },
		{ "two tables", two_tables },
		{ "truncated within the entry", cut_in_the_entry },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		say_devices();
		rows[i].say();
		fake_done(&kernel, 0);
		fake_done(&kernel, 0);
		cr_expect_eq(read_them(), -EPROTO, "%s: %s", rows[i].name, error);
		forget();
	}
	expect_no_leak();
}

/* Only the dump of the second device restarts; the QPs of the first one stay. */
Test(resources, restarts_interrupted_dump)
{
	say_devices();
	say_one(0, 300, IB_UVERBS_QPT_RC, NULL, 1, NOTHING_WRONG);
	fake_done(&kernel, 0);
	say_one(3, 17, IB_UVERBS_QPT_RC, NULL, 2, NOTHING_WRONG);
	fake_fails(&kernel, -ENOBUFS);
	say_one(3, 18, IB_UVERBS_QPT_RC, NULL, 2, NOTHING_WRONG);
	fake_done(&kernel, 0);
	cr_assert_eq(read_them(), 0, "%s", error);
	cr_expect_eq(found.count, 2);
	cr_expect_not_null(resources_find(&found, "mlx5_0", 300));
	cr_expect_not_null(resources_find(&found, "rxe0", 18));
	cr_expect_null(resources_find(&found, "rxe0", 17), "from the failed attempt");
	forget();
	expect_no_leak();
}

Test(resources, returns_error_when_kernel_refuses)
{
	kernel.open_error = -EPROTONOSUPPORT;
	cr_expect_eq(read_them(), 0, "a kernel without RDMA has no QPs");
	cr_expect(found.count == 0 && !found.qps);
	forget();
	kernel.open_error = -EMFILE;
	cr_expect_eq(read_them(), -EMFILE);
	forget();
	say_devices();
	fake_error(&kernel, -EINVAL); /* the device went away */
	cr_expect_eq(read_them(), -EINVAL);
	forget();
	say_devices();
	say_one(0, 300, IB_UVERBS_QPT_RC, NULL, 1, NOTHING_WRONG);
	fake_done(&kernel, -ENOMEM);
	cr_expect_eq(read_them(), -ENOMEM, "earlier entries are dropped");
	forget();
	expect_no_leak();
}

Test(resources, names_types_and_states)
{
	const struct rdma_qp mlx5 = { .is_kernel = true, .type = IB_UVERBS_QPT_UD, .kernel_owner = "mlx5_ib" };
	const struct rdma_qp user = { .type = QP_TYPE_GSI };

	cr_expect_str_eq(qp_type_name(QP_TYPE_SMI), "SMI");
	cr_expect_str_eq(qp_type_name(QP_TYPE_GSI), "GSI");
	cr_expect_str_eq(qp_type_name(77), "unknown");
	cr_expect_str_eq(qp_state_name(0), "RESET");
	cr_expect_str_eq(qp_state_name(6), "ERR");
	cr_expect_str_eq(qp_state_name(7), "unknown");
	cr_expect(qp_is_connection_management(&mlx5));
	cr_expect_not(qp_is_connection_management(&user), "a QP of a process has no kernel name");
}
