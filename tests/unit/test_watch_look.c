// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * What the kernel says of a QP's address, and what follows from it where that is not what was judged. The evidence is
 * this process's own network namespace: what stays inside the port is protected there, and nothing else is.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_verbs.h>
#include <string.h>
#include <unistd.h>

#include "rdma/uverbs_call_internal.h"
#include "watch/internal.h"

enum { FD = 99, HANDLE = 5, RTS = 3, ERR = 6, ONE_ROUND = 100 };

#define INSIDE     "::ffff:127.0.0.1"
#define INSIDE_TOO "::1"
#define OUTSIDE    "::ffff:10.99.0.9"

static struct event_base *base;
static struct watch *watch;
static struct watch_ufile *ufile;
static struct watch_qp *qp;

/* What the kernel answers, and how often it was asked. */
static struct ib_uverbs_query_qp_resp answer; /* apart: it ends in an array without a size */
static struct {
	int err;
	unsigned asked;
} kernel;

static unsigned records;
static struct wire_record told;

static struct rdma_gid gids[] = {
	{ .valid = true, .index = 0, .type = GID_TYPE_ROCE_V2, .netdev = "lo" },
	{ .valid = true, .index = 1, .type = GID_TYPE_ROCE_V2, .netdev = "lo" },
};
static struct rdma_port port = { .number = 1,
				 .link_layer = LINK_LAYER_ETHERNET,
				 .active = true,
				 .netdev_ifindex = 1,
				 .gids = gids,
				 .gid_count = 2 };
static const struct rdma_device device = {
	.name = "rxe0", .driver_known = true, .driver_id = RDMA_DRIVER_RXE, .ports = &port, .port_count = 1
};

static int fake_kernel(int fd, struct ib_uverbs_ioctl_hdr *request)
{
	cr_expect_eq(fd, FD);
	cr_assert(request->object_id == UVERBS_OBJECT_DEVICE && request->method_id == UVERBS_METHOD_INVOKE_WRITE);
	kernel.asked++;
	for (int i = 0; i < request->num_attrs; i++) {
		request->attrs[i].flags |= UVERBS_ATTR_F_VALID_OUTPUT;
		if (request->attrs[i].attr_id == UVERBS_ATTR_CORE_OUT)
			memcpy((void *)(uintptr_t)request->attrs[i].data, &answer, sizeof(answer));
	}
	return kernel.err;
}

static bool is_queued(const struct watch_qp *it)
{
	return it->work == WATCH_WORK_QUEUED;
}

static void on_record(const struct wire_record *record, void *arg)
{
	(void)arg;
	records++;
	told = *record;
}

static void to_gid(const char *text, uint8_t gid[16])
{
	cr_assert_eq(inet_pton(AF_INET6, text, gid), 1);
}

/* A QP that was judged by this address, and is let pass. */
static void known(struct watch_qp *it, const char *remote)
{
	it->state = WATCH_LIVE;
	it->check = WATCH_CHECK_AGREED;
	it->question = (struct request){
		.kind = REQUEST_QP_ADDRESS,
		.has = UVERBS_HAS_HANDLE | UVERBS_HAS_QPN | UVERBS_HAS_DEST_QPN,
		.driver_id = RDMA_DRIVER_RXE,
		.qp_type = IB_UVERBS_QPT_RC,
		.handle = it->handle,
		.qpn = 17,
		.dest_qpn = 18,
		.address = { .port = 1, .is_global = true, .flow_label = 7 },
	};
	to_gid(remote, it->question.address.dgid);
}

static void kernel_has(const char *remote, unsigned state)
{
	answer.qp_state = (uint8_t)state;
	answer.dest_qp_num = 18;
	answer.dest.port_num = 1;
	answer.dest.is_global = 1;
	answer.dest.flow_label = 7;
	to_gid(remote, answer.dest.dgid);
}

static void begin(void)
{
	const struct watch_listener listener = { .record = on_record };
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	to_gid(INSIDE, gids[0].raw);
	to_gid(INSIDE_TOO, gids[1].raw);
	base = event_base_new();
	cr_assert_eq(watch_new(base, policy_builtin(), NULL, false, &listener, &watch), 0);
	ufile = calloc(1, sizeof(*ufile));
	cr_assert(ufile);
	ufile->watch = watch;
	cr_assert_eq(namespace_get(watch_namespaces(watch), own, &ufile->in), 0);
	close(own);
	DL_APPEND(watch->ufiles, ufile);
	qp = watch_qp_make(ufile, HANDLE);
	cr_assert(qp);
	known(qp, INSIDE);
	kernel_has(INSIDE, RTS);
	watch->looks_left = ONE_ROUND;
	uverbs_call_kernel = fake_kernel;
}

static void end(void)
{
	watch_ufile_free(ufile);
	watch_free(watch);
	event_base_free(base);
}

TestSuite(watch_look, .init = begin, .fini = end, .timeout = 60);

static void look(void)
{
	watch_look_at(ufile, HANDLE, FD, &device);
}

static void next_round(void)
{
	watch->round++;
	watch->looks_left = ONE_ROUND;
	look();
}

static void expect_nothing(const char *what)
{
	cr_expect_eq(records, 0, "%s: %s", what, told.reason);
	cr_expect_not(is_queued(qp), "%s", what);
	cr_expect_eq(qp->state, WATCH_LIVE, "%s", what);
}

Test(watch_look, an_address_that_is_not_protected_is_taken_down)
{
	kernel_has(OUTSIDE, RTS);
	look();
	cr_expect_eq(kernel.asked, 1);
	cr_assert_eq(records, 1);
	cr_expect(told.event == WIRE_EVENT_ADOPTED && told.outcome == WIRE_OUTCOME_REFUSED);
	cr_expect_str_eq(told.remote, "10.99.0.9");
	cr_expect(is_queued(qp) && ufile->queued, "it is taken down");
	/* by what it is judged from now on, so that it is told once */
	look();
	next_round();
	cr_expect_eq(records, 1);
}

Test(watch_look, the_same_address_is_nothing_to_tell)
{
	look();
	cr_expect_eq(kernel.asked, 1);
	expect_nothing("the same");
	look();
	cr_expect_eq(kernel.asked, 1, "once a round");
	next_round();
	cr_expect_eq(kernel.asked, 2);
	expect_nothing("the same");
}

Test(watch_look, what_is_protected_may_be_its_owners)
{
	kernel_has(INSIDE_TOO, RTS);
	answer.dest.sgid_index = 1;
	look();
	expect_nothing("its owner may be about to say so");
	/* he has */
	known(qp, INSIDE_TOO);
	qp->question.address.sgid_index = 1;
	next_round();
	expect_nothing("its owner has said so");
	kernel_has(INSIDE, RTS);
	answer.dest.sgid_index = 0;
	next_round();
	expect_nothing("another one");
	next_round();
	cr_assert_eq(records, 1, "nobody has");
	cr_expect(told.event == WIRE_EVENT_ADOPTED && told.outcome == WIRE_OUTCOME_PASSED);
	cr_expect_str_eq(told.remote, "127.0.0.1");
	cr_expect_not(is_queued(qp));
	next_round();
	cr_expect_eq(records, 1);
}

Test(watch_look, what_the_application_wants_stays)
{
	qp->question.want = (struct want){ .require = WANT_MACSEC };
	kernel_has(OUTSIDE, RTS);
	look();
	cr_expect_eq(qp->question.want.require, WANT_MACSEC);
}

/* Drivers do not tell all; a source port counts where it was looked at. */
Test(watch_look, from_what_is_not_told_nothing_follows)
{
	kernel_has("::", RTS);
	look();
	expect_nothing("no address");
	kernel_has(OUTSIDE, ERR);
	next_round();
	expect_nothing("it cannot send");
	kernel_has(INSIDE, RTS);
	kernel.err = -EOPNOTSUPP;
	next_round();
	expect_nothing("it cannot be asked");
	kernel.err = 0;
	answer.dest.port_num = 0;
	next_round();
	expect_nothing("no port");
	answer.dest_qp_num = 0;
	answer.dest.flow_label = 0;
	next_round();
	expect_nothing("no source port");
	cr_expect_eq(kernel.asked, 5);
	qp->basis.of_one_qp = true;
	for (int i = 0; i < 2; i++)
		next_round();
	cr_expect_eq(records, 1, "its source port is what it was judged by");
}

Test(watch_look, another_port_is_another_address)
{
	answer.dest.port_num = 2;
	look();
	cr_expect_eq(records, 1);
	cr_expect(is_queued(qp), "the device has no such port: it is unknown");
}

/* Of those that need no address nothing is asked: their kind is what was judged. */
Test(watch_look, only_those_that_have_an_address)
{
	qp->question.kind = REQUEST_QP_READY;
	look();
	cr_expect_eq(kernel.asked, 0);
	qp->question.kind = REQUEST_QP_ADDRESS;
	qp->state = WATCH_GRACE;
	look();
	cr_expect_eq(kernel.asked, 1);
}

/* However many there are, each has its turn. */
Test(watch_look, so_many_at_a_time)
{
	enum { MANY = 1200, AT_ONCE = 500 };
	static const unsigned asked[] = { 500, 1000, 1200, 1700 };
	struct watch_qp *one, *next;

	watch_qp_forget(ufile, qp);
	for (uint32_t i = 0; i < MANY; i++) {
		one = watch_qp_make(ufile, i);
		cr_assert(one);
		known(one, INSIDE);
	}
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		watch->looks_left = AT_ONCE;
		HASH_ITER (hh, ufile->qps, one, next)
			watch_look_at(ufile, one->handle, FD, &device);
		if (watch->looks_left)
			watch->round++;
		cr_expect_eq(kernel.asked, asked[i], "%zu: %u", i, kernel.asked);
	}
	cr_expect_eq(records, 0);
}
