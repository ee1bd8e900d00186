// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Valid and invalid answers of RDMA netlink. */
#include <criterion/criterion.h>
#include <errno.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <rdma/rdma_netlink.h>
#include <sanitizer/lsan_interface.h>
#include <stdbool.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "rdma/inventory_internal.h"

enum { PORT_ID = 4242, INDEX_MLX5_0 = 0, INDEX_RXE0 = 3 };

/* How the kernel's answers deviate from valid ones. */
enum wrong {
	NOTHING_WRONG,
	REFUSED,
	OTHER_CLIENT,
	OTHER_CHARDEV,
	NO_CHARDEV,
	NO_VALUE, /* no driver id; no netdev */
	LONG_VALUE,
	SHORT_VALUE,
	TWICE,
	ZERO_VALUE,
	NEGATIVE_VALUE,
	OTHER_INDEX,
	NO_INDEX,
	OTHER_PORT,
	CUT_OFF,
	NO_NAME,
	LONG_NAME,
	NAME_WITHOUT_END,
	NAME_WITH_NUL,
};

static struct {
	enum wrong wrong;
	bool during_dump;
	struct nlmsghdr request;
	char attrs[256];
	int opened, closed;
} kernel;

static int fake_open(void *context, int protocol, int *out_handle, uint32_t *out_port)
{
	(void)context;
	cr_assert_eq(protocol, NETLINK_RDMA);
	kernel.opened++;
	*out_handle = 1;
	*out_port = PORT_ID;
	return 0;
}

static void fake_close(void *context, int handle)
{
	(void)context;
	(void)handle;
	kernel.closed++;
}

static int fake_send(void *context, int handle, const struct nlmsghdr *request)
{
	size_t len = request->nlmsg_len - NLMSG_HDRLEN;

	(void)context;
	(void)handle;
	cr_assert_leq(len, sizeof(kernel.attrs));
	kernel.request = *request;
	memcpy(kernel.attrs, NLMSG_DATA(request), len);
	return 0;
}

/* An attribute of the last request. */
static const struct nlattr *asked(int type)
{
	return nla_find((struct nlattr *)kernel.attrs, (int)(kernel.request.nlmsg_len - NLMSG_HDRLEN), type);
}

static bool wrong(enum wrong what)
{
	bool is_dump = kernel.request.nlmsg_flags & NLM_F_DUMP;

	return kernel.wrong == what && kernel.during_dump == is_dump;
}

static struct nl_msg *answer_new(int command, int flags)
{
	struct nl_msg *message = nlmsg_alloc();
	int client = wrong(OTHER_CLIENT) ? RDMA_NL_LS : RDMA_NL_NLDEV;

	cr_assert_not_null(
		nlmsg_put(message, PORT_ID, kernel.request.nlmsg_seq, RDMA_NL_GET_TYPE(client, command), 0, flags));
	return message;
}

static void put_value(struct nl_msg *message, int type, uint32_t value)
{
	const uint64_t longer = value;

	if (wrong(NO_VALUE))
		return;
	if (wrong(LONG_VALUE))
		nla_put(message, type, sizeof(longer), &longer);
	else if (wrong(SHORT_VALUE))
		nla_put(message, type, 2, &value);
	else
		nla_put_u32(message, type, wrong(ZERO_VALUE) ? 0 : wrong(NEGATIVE_VALUE) ? UINT32_MAX : value);
	if (wrong(TWICE))
		nla_put_u32(message, type, value);
}

static void put_name(struct nl_msg *message, const char *name)
{
	char longest[RDMA_DEVICE_NAME_MAX + 1];

	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	if (wrong(NO_NAME))
		return;
	if (wrong(LONG_NAME))
		nla_put_string(message, RDMA_NLDEV_ATTR_DEV_NAME, longest);
	else if (wrong(NAME_WITH_NUL))
		nla_put(message, RDMA_NLDEV_ATTR_DEV_NAME, 6, "rx\0e0");
	else
		nla_put(message, RDMA_NLDEV_ATTR_DEV_NAME, (int)strlen(name) + !wrong(NAME_WITHOUT_END), name);
}

/* nldev_get_dumpit() */
static struct nl_msg *device_answer(uint32_t index, const char *name)
{
	struct nl_msg *message = answer_new(RDMA_NLDEV_CMD_GET, NLM_F_MULTI);

	if (!wrong(NO_INDEX))
		nla_put_u32(message, RDMA_NLDEV_ATTR_DEV_INDEX, index);
	put_name(message, name);
	nla_put_u64(message, RDMA_NLDEV_ATTR_NODE_GUID, 1);
	nla_put_string(message, RDMA_NLDEV_ATTR_MAX + 7, "from a later kernel");
	return message;
}

/* nldev_get_chardev() */
static struct nl_msg *chardev_answer(void)
{
	struct nl_msg *message = answer_new(RDMA_NLDEV_CMD_GET_CHARDEV, 0);

	cr_assert_str_eq(nla_get_string((struct nlattr *)asked(RDMA_NLDEV_ATTR_CHARDEV_TYPE)), "uverbs");
	cr_assert_eq(nla_get_u32(asked(RDMA_NLDEV_ATTR_DEV_INDEX)), INDEX_RXE0);
	put_value(message, RDMA_NLDEV_ATTR_UVERBS_DRIVER_ID, 14);
	if (!wrong(NO_CHARDEV))
		nla_put_u64(message, RDMA_NLDEV_ATTR_CHARDEV, 231 << 8 | (wrong(OTHER_CHARDEV) ? 193 : 192));
	nla_put_u64(message, RDMA_NLDEV_ATTR_CHARDEV_ABI, 1);
	return message;
}

/* nldev_port_get_doit(), whose header has RDMA_NLDEV_CMD_GET */
static struct nl_msg *port_answer(void)
{
	struct nl_msg *message = answer_new(RDMA_NLDEV_CMD_GET, 0);
	uint32_t index = nla_get_u32(asked(RDMA_NLDEV_ATTR_DEV_INDEX));

	if (!wrong(NO_INDEX))
		nla_put_u32(message, RDMA_NLDEV_ATTR_DEV_INDEX, index + wrong(OTHER_INDEX));
	nla_put_u32(message, RDMA_NLDEV_ATTR_PORT_INDEX,
		    nla_get_u32(asked(RDMA_NLDEV_ATTR_PORT_INDEX)) + wrong(OTHER_PORT));
	put_value(message, RDMA_NLDEV_ATTR_NDEV_INDEX, 7 + index);
	nla_put_string(message, RDMA_NLDEV_ATTR_NDEV_NAME, "eth0");
	return message;
}

static struct nl_msg *error_answer(int error)
{
	const struct nlmsgerr refusal = { .error = error, .msg = kernel.request };
	struct nl_msg *message = nlmsg_alloc();

	nlmsg_put(message, PORT_ID, kernel.request.nlmsg_seq, NLMSG_ERROR, 0, NLM_F_CAPPED);
	nlmsg_append(message, (void *)&refusal, sizeof(refusal), NLMSG_ALIGNTO);
	return message;
}

static struct nl_msg *done_answer(void)
{
	struct nl_msg *message = nlmsg_alloc();
	int zero = 0;

	nlmsg_put(message, PORT_ID, kernel.request.nlmsg_seq, NLMSG_DONE, 0, NLM_F_MULTI);
	nlmsg_append(message, &zero, sizeof(zero), NLMSG_ALIGNTO);
	return message;
}

static size_t append(char *to, size_t size, size_t len, struct nl_msg *message)
{
	struct nlmsghdr *header = nlmsg_hdr(message);

	if (wrong(CUT_OFF) && header->nlmsg_type >= NLMSG_MIN_TYPE)
		header->nlmsg_len -= 8; /* fewer octets could be padding */
	cr_assert_leq(len + NLMSG_ALIGN(header->nlmsg_len), size);
	memcpy(to + len, header, header->nlmsg_len);
	len += NLMSG_ALIGN(header->nlmsg_len);
	nlmsg_free(message);
	return len;
}

static ssize_t fake_receive(void *context, int handle, struct msghdr *message, int timeout_ms)
{
	const struct sockaddr_nl from = { .nl_family = AF_NETLINK };
	char *to = message->msg_iov->iov_base;
	size_t size = message->msg_iov->iov_len, len = 0;

	(void)context;
	(void)handle;
	(void)timeout_ms;
	memcpy(message->msg_name, &from, sizeof(from));
	message->msg_namelen = sizeof(from);
	if (wrong(REFUSED))
		return (ssize_t)append(to, size, 0, error_answer(-EOPNOTSUPP));
	if (kernel.request.nlmsg_flags & NLM_F_DUMP) {
		len = append(to, size, len, device_answer(INDEX_MLX5_0, "mlx5_0"));
		len = append(to, size, len, device_answer(INDEX_RXE0, "rxe0"));
		return (ssize_t)append(to, size, len, done_answer());
	}
	return (ssize_t)append(to, size, 0, asked(RDMA_NLDEV_ATTR_PORT_INDEX) ? port_answer() : chardev_answer());
}

static const struct netlink_transport transport = {
	.open = fake_open,
	.send = fake_send,
	.receive = fake_receive,
	.close = fake_close,
};

/*
 * Called at the end of each test: Criterion ignores LeakSanitizer's report at the exit of a worker, and failures in a
 * .fini.
 */
static void expect_no_leak(void)
{
	cr_expect_eq(__lsan_do_recoverable_leak_check(), 0, "memory leaked");
}

static struct inventory_netlink opened(void)
{
	struct inventory_netlink netlink;
	char error[160] = "";

	kernel.wrong = NOTHING_WRONG;
	cr_assert_eq(inventory_netlink_open(&transport, &netlink, error, sizeof(error)), 0, "%s", error);
	return netlink;
}

Test(inventory_netlink, returns_driver_and_netdev)
{
	struct inventory_netlink netlink = opened();
	uint32_t driver = 0;
	int ifindex = 0;

	cr_expect_eq(netlink.driver_id(netlink.context, "rxe0", makedev(231, 192), &driver), 0);
	cr_expect_eq(driver, 14);
	cr_expect_eq(netlink.port_netdev(netlink.context, "rxe0", 1, &ifindex), 0);
	cr_expect_eq(ifindex, 10);
	cr_expect_eq(netlink.port_netdev(netlink.context, "mlx5_0", 2, &ifindex), 0, "index 0 is valid");
	cr_expect_eq(ifindex, 7);
	cr_expect_eq(netlink.port_netdev(netlink.context, "mlx5_9", 1, &ifindex), -ENODEV);
	cr_expect_eq(netlink.port_netdev(netlink.context, "rxe0", 0, &ifindex), -ENODEV);
	cr_expect_eq(netlink.driver_id(netlink.context, "rxe", makedev(231, 192), &driver), -ENODEV);
	inventory_netlink_close(&netlink);
	cr_expect_eq(kernel.opened, kernel.closed);
	expect_no_leak();
}

static const struct {
	enum wrong wrong;
	int driver, netdev; /* the result; 1: the query succeeds nevertheless */
} answers[] = {
	{ REFUSED, -EOPNOTSUPP, -EOPNOTSUPP },
	{ OTHER_CLIENT, -EPROTO, -EPROTO },
	{ OTHER_CHARDEV, -EPROTO, 1 },
	{ NO_CHARDEV, -EPROTO, 1 },
	{ NO_VALUE, -ENODATA, -ENODEV },
	{ LONG_VALUE, -EPROTO, -EPROTO },
	{ SHORT_VALUE, -EPROTO, -EPROTO },
	{ TWICE, -EPROTO, -EPROTO },
	{ ZERO_VALUE, 1, -EPROTO },
	{ NEGATIVE_VALUE, 1, -EPROTO },
	{ OTHER_INDEX, 1, -EPROTO },
	{ NO_INDEX, 1, -EPROTO },
	{ OTHER_PORT, 1, -EPROTO },
	{ CUT_OFF, -EPROTO, -EPROTO },
};

Test(inventory_netlink, rejects_invalid_answers)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct inventory_netlink netlink = opened();
		uint32_t driver = 77;
		int ifindex = 77, err;

		kernel.wrong = answers[i].wrong;
		err = netlink.driver_id(netlink.context, "rxe0", makedev(231, 192), &driver);
		cr_expect_eq(err, answers[i].driver == 1 ? 0 : answers[i].driver, "case %zu: driver %d", i, err);
		if (err)
			cr_expect_eq(driver, 77, "case %zu", i);
		err = netlink.port_netdev(netlink.context, "rxe0", 1, &ifindex);
		cr_expect_eq(err, answers[i].netdev == 1 ? 0 : answers[i].netdev, "case %zu: netdev %d", i, err);
		if (err)
			cr_expect_eq(ifindex, 77, "case %zu", i);
		inventory_netlink_close(&netlink);
	}
	expect_no_leak();
}

static const struct {
	enum wrong wrong;
	int expected;
} dumps[] = {
	{ REFUSED, -EOPNOTSUPP }, { OTHER_CLIENT, -EPROTO }, { NO_INDEX, -EPROTO },         { NO_NAME, -EPROTO },
	{ LONG_NAME, -EPROTO },   { CUT_OFF, -EPROTO },      { NAME_WITHOUT_END, -EPROTO }, { NAME_WITH_NUL, -EPROTO },
};

Test(inventory_netlink, fails_to_open_on_invalid_device_list)
{
	kernel.during_dump = true;
	for (size_t i = 0; i < sizeof(dumps) / sizeof(dumps[0]); i++) {
		struct inventory_netlink netlink;
		char error[160] = "";
		int err;

		kernel.wrong = dumps[i].wrong;
		err = inventory_netlink_open(&transport, &netlink, error, sizeof(error));
		cr_expect_eq(err, dumps[i].expected, "case %zu: %d", i, err);
		cr_expect(strstr(error, "RDMA netlink: "), "case %zu: %s", i, error);
		cr_expect_eq(kernel.opened, kernel.closed, "case %zu", i);
	}
	expect_no_leak();
}
