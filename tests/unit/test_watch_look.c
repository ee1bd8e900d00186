// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Looks at queue pairs: the address that the kernel has, and what follows if that is not the judged one; numbers and
 * types of adopted queue pairs. The evidence is that of the test's network namespace: only loopback is protected there.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_verbs.h>
#include <string.h>

#include "rdma/uverbs_call_internal.h"
#include "watch_fixture.h"

enum { FD = 99, RTS = 3, ERR = 6, ONE_ROUND = 100 };

#define INSIDE     "::ffff:127.0.0.1"
#define INSIDE_TOO "::1"
#define OUTSIDE    "::ffff:10.99.0.9"

/* The answer of the kernel, and how often it was asked. */
static struct ib_uverbs_query_qp_resp answer; /* apart: it ends in an array without a size */
static struct {
	int err;
	unsigned asked;
} kernel;

static unsigned records;
static struct wire_record last_record;

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

static void on_record(const struct wire_record *record, void *arg)
{
	(void)arg;
	records++;
	last_record = *record;
}

static void to_gid(const char *text, uint8_t gid[16])
{
	cr_assert_eq(inet_pton(AF_INET6, text, gid), 1);
}

static struct request address_of(uint32_t handle, const char *remote)
{
	struct request request = {
		.kind = REQUEST_QP_ADDRESS,
		.has = UVERBS_HAS_HANDLE | UVERBS_HAS_QPN | UVERBS_HAS_DEST_QPN,
		.driver_id = RDMA_DRIVER_RXE,
		.handle = handle,
		.qpn = 17,
		.dest_qpn = 18,
		.address = { .port = 1, .is_global = true, .flow_label = 7 },
	};

	to_gid(remote, request.address.dgid);
	return request;
}

/* Reported by a door, which was let pass. */
static void known(uint32_t handle, const char *remote)
{
	const struct request request = address_of(handle, remote);

	report_created(handle, IB_UVERBS_QPT_RC, 17);
	report(&request, &(struct judgement){ .pass = true });
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
	to_gid(INSIDE, gids[0].raw);
	to_gid(INSIDE_TOO, gids[1].raw);
	watch_begin(policy_builtin(), &(struct watch_listener){ .record = on_record });
	known(HANDLE, INSIDE);
	kernel_has(INSIDE, RTS);
	watch->checks_left = ONE_ROUND;
	uverbs_call_kernel = fake_kernel;
}

TestSuite(watch_look, .init = begin, .fini = watch_end, .timeout = 60);

static void look(void)
{
	watch_check_qp(ufile, HANDLE, FD, &device);
}

static void next_round(void)
{
	watch->round++;
	watch->checks_left = ONE_ROUND;
	look();
}

static void expect_nothing(const char *when)
{
	cr_expect_eq(records, 0, "%s: %s", when, last_record.text);
	cr_expect_not(is_queued(the_qp()), "%s", when);
	cr_expect_eq(the_qp()->state, WATCH_LIVE, "%s", when);
}

/* ---- addresses ---- */

Test(watch_look, queues_qp_with_unprotected_address)
{
	kernel_has(OUTSIDE, RTS);
	look();
	cr_assert_eq(records, 1);
	cr_expect(last_record.event == WIRE_EVENT_ADOPTED && last_record.outcome == WIRE_OUTCOME_REFUSED);
	cr_expect_str_eq(last_record.remote, "10.99.0.9");
	cr_expect(is_queued(the_qp()), "it is revoked");
}

Test(watch_look, reports_unprotected_address_once)
{
	kernel_has(OUTSIDE, RTS);
	look();
	look();
	next_round();
	cr_expect_eq(records, 1);
}

Test(watch_look, accepts_known_address)
{
	look();
	expect_nothing("first round");
	next_round();
	expect_nothing("second round");
}

Test(watch_look, asks_kernel_once_a_round)
{
	look();
	look();
	cr_expect_eq(kernel.asked, 1);
	next_round();
	cr_expect_eq(kernel.asked, 2);
}

static void kernel_has_other_protected_address(void)
{
	kernel_has(INSIDE_TOO, RTS);
	answer.dest.sgid_index = 1;
}

Test(watch_look, waits_for_door_to_report_protected_address)
{
	struct request request = address_of(HANDLE, INSIDE_TOO);

	request.address.sgid_index = 1;
	kernel_has_other_protected_address();
	look();
	expect_nothing("a door may be about to report it");
	report(&request, &(struct judgement){ .pass = true });
	next_round();
	expect_nothing("a door has reported it");
}

Test(watch_look, adopts_protected_address_at_second_look)
{
	kernel_has_other_protected_address();
	look();
	next_round();
	cr_assert_eq(records, 1);
	cr_expect(last_record.event == WIRE_EVENT_ADOPTED && last_record.outcome == WIRE_OUTCOME_PASSED);
	cr_expect_str_eq(last_record.remote, "::1");
	cr_expect_not(is_queued(the_qp()));
}

Test(watch_look, reports_protected_address_once)
{
	kernel_has_other_protected_address();
	look();
	next_round();
	next_round();
	cr_expect_eq(records, 1);
}

/* Another change restarts the count of looks. */
Test(watch_look, adopts_protected_address_again_at_second_look)
{
	kernel_has_other_protected_address();
	look();
	next_round();
	kernel_has(INSIDE, RTS);
	answer.dest.sgid_index = 0;
	records = 0;
	next_round();
	expect_nothing("first look");
	next_round();
	cr_assert_eq(records, 1);
	cr_expect_str_eq(last_record.remote, "127.0.0.1");
}

Test(watch_look, keeps_requirement_of_application)
{
	struct request request = address_of(HANDLE, INSIDE);

	request.want.require = WANT_MACSEC;
	report(&request, &(struct judgement){ .pass = true });
	kernel_has(OUTSIDE, RTS);
	look();
	cr_expect_eq(the_qp()->request.want.require, WANT_MACSEC);
}

Test(watch_look, ignores_qp_without_address_in_kernel)
{
	kernel_has("::", RTS);
	look();
	expect_nothing("no address");
}

Test(watch_look, ignores_address_of_qp_that_cannot_send)
{
	kernel_has(OUTSIDE, ERR);
	look();
	expect_nothing("ERR");
}

Test(watch_look, ignores_qp_that_driver_cannot_query)
{
	kernel.err = -EOPNOTSUPP;
	look();
	expect_nothing("not supported");
	cr_expect_eq(kernel.asked, 1);
}

/* Some drivers report no port, peer or flow label. */
Test(watch_look, ignores_what_driver_does_not_report)
{
	answer.dest.port_num = 0;
	answer.dest_qp_num = 0;
	answer.dest.flow_label = 0;
	look();
	expect_nothing("no port, no source port");
	cr_expect_eq(kernel.asked, 1);
}

Test(watch_look, compares_source_port_that_was_judged)
{
	const struct request request = address_of(HANDLE, INSIDE);

	report(&request, &(struct judgement){ .pass = true, .path.has_sport = true });
	answer.dest_qp_num = 0;
	answer.dest.flow_label = 0;
	look();
	next_round();
	cr_expect_eq(records, 1);
}

/* The device has no such port. */
Test(watch_look, queues_qp_with_other_port)
{
	answer.dest.port_num = 2;
	look();
	cr_expect_eq(records, 1);
	cr_expect(is_queued(the_qp()));
}

Test(watch_look, does_not_query_qp_without_address)
{
	report(&(struct request){ .kind = REQUEST_QP_READY, .has = UVERBS_HAS_HANDLE, .handle = HANDLE },
	       &(struct judgement){ .pass = true });
	look();
	cr_expect_eq(kernel.asked, 0);
}

Test(watch_look, queries_qp_in_grace)
{
	the_qp()->state = WATCH_GRACE;
	look();
	cr_expect_eq(kernel.asked, 1);
}

Test(watch_look, queries_each_qp_in_turn)
{
	enum { MANY = 1200, AT_ONCE = 500 };
	static const unsigned asked[] = { 500, 1000, 1200, 1700 };
	struct watch_qp *one, *next;

	watch_qp_remove(ufile, the_qp());
	for (uint32_t i = 0; i < MANY; i++)
		known(i, INSIDE);
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		watch->checks_left = AT_ONCE;
		HASH_ITER (hh, ufile->qps, one, next)
			watch_check_qp(ufile, one->handle, FD, &device);
		if (watch->checks_left)
			watch->round++;
		cr_expect_eq(kernel.asked, asked[i], "%zu: %u", i, kernel.asked);
	}
	cr_expect_eq(records, 0);
}

/* ---- outcomes that are unknown ---- */

static void outcome_is_unknown(void)
{
	the_qp()->check = WATCH_CHECK_DUE; /* watch_outcome_unknown() would sweep, which needs a holder */
	look();
}

Test(watch_look, keeps_qp_whose_address_is_unchanged_after_unknown_outcome)
{
	outcome_is_unknown();
	expect_nothing("same address");
	cr_expect_eq(the_qp()->check, WATCH_CHECK_AGREED);
}

Test(watch_look, adopts_other_address_after_unknown_outcome)
{
	kernel_has_other_protected_address();
	outcome_is_unknown();
	cr_expect_eq(records, 1);
}

Test(watch_look, clears_state_of_qp_that_cannot_send_after_unknown_outcome)
{
	kernel_has(INSIDE, ERR);
	outcome_is_unknown();
	cr_expect_eq(records, 0);
	cr_expect_eq(the_qp()->state, WATCH_NO_ADDRESS);
}

/* It may send to anyone. */
Test(watch_look, queues_unknown_qp_that_kernel_cannot_query)
{
	watch_qp_remove(ufile, the_qp());
	kernel.err = -EIO;
	look();
	cr_expect_eq(records, 1);
	cr_expect(is_queued(the_qp()));
}

Test(watch_look, revoked_qp_stays_revoked_while_it_cannot_send)
{
	the_qp()->state = WATCH_REVOKED;
	kernel_has(INSIDE, ERR);
	look();
	cr_expect_eq(the_qp()->state, WATCH_REVOKED);
	cr_expect_eq(records, 0);
}

/* ---- numbers and types of adopted queue pairs ---- */

static struct rdma_qp listed(const char *name, uint32_t qpn, uint8_t type, uint32_t remote_qpn)
{
	struct rdma_qp it = { .qpn = qpn,
			      .type = type,
			      .has_remote_qpn = remote_qpn,
			      .remote_qpn = remote_qpn,
			      .state = UVERBS_QPS_RTS,
			      .pid = (uint32_t)getpid() };

	text_copy(it.device, sizeof(it.device), name);
	return it;
}

/* This process holds the open file. */
static void hold(void)
{
	struct watch_holder *holder = calloc(1, sizeof(*holder));
	struct process process;

	cr_assert(holder);
	cr_assert_eq(process_open(getpid(), &process), 0);
	cr_assert_eq(watch_client_get(watch, &process, &holder->client), 0);
	process_close(&process);
	holder->ufile = ufile;
	DL_APPEND(ufile->holders, holder);
	DL_APPEND2(holder->client->holders, holder, client_prev, client_next);
}

/* A sweep found it, with this remote. */
static void adopted(const char *remote, uint32_t dest_qpn)
{
	hold();
	watch_qp_remove(ufile, the_qp());
	kernel_has(remote, RTS);
	answer.dest_qp_num = dest_qpn;
	look();
	the_qp()->work = WATCH_WORK_NONE;
}

static void identify_by(const struct rdma_qp *qps, size_t count)
{
	watch_identify_by(watch, &(struct rdma_resources){ .qps = (struct rdma_qp *)qps, .count = count });
}

Test(watch_look, ignores_number_of_other_device_and_peer)
{
	const struct rdma_qp all[] = { listed("rxe1", 16, IB_UVERBS_QPT_UC, 70),
				       listed("rxe0", 17, IB_UVERBS_QPT_UC, 71) };

	adopted(INSIDE, 70);
	identify_by(all, 2);
	cr_expect_eq(the_qp()->qpn_source, WATCH_QPN_UNKNOWN);
	cr_expect_eq(watch_qp_type(ufile, HANDLE), 0U);
}

Test(watch_look, takes_number_and_type_from_peer)
{
	const struct rdma_qp all[] = { listed("rxe0", 18, IB_UVERBS_QPT_RC, 70) };

	adopted(INSIDE, 70);
	identify_by(all, 1);
	cr_expect_eq(the_qp()->qpn, 18);
	cr_expect_eq(watch_qp_type(ufile, HANDLE), IB_UVERBS_QPT_RC);
	cr_expect_not(is_queued(the_qp()), "no verdict depends on it");
}

Test(watch_look, believes_no_guessed_number)
{
	const struct rdma_qp all[] = { listed("rxe0", 18, IB_UVERBS_QPT_RC, 70) };

	adopted(INSIDE, 70);
	identify_by(all, 1);
	cr_expect_eq(watch_qp_number(ufile, HANDLE), 0U);
}

/* Without an address, the type is that of all queue pairs that it could be. */
Test(watch_look, takes_no_type_of_connected_or_other_device)
{
	const struct rdma_qp all[] = { listed("rxe0", 16, IB_UVERBS_QPT_RC, 70),
				       listed("rxe1", 17, IB_UVERBS_QPT_UD, 0) };

	adopted("::", 0);
	identify_by(all, 2);
	cr_expect_eq(watch_qp_type(ufile, HANDLE), 0U);
}

Test(watch_look, takes_no_type_that_is_ambiguous)
{
	const struct rdma_qp all[] = { listed("rxe0", 18, IB_UVERBS_QPT_RAW_PACKET, 0),
				       listed("rxe0", 19, IB_UVERBS_QPT_UD, 0) };

	adopted("::", 0);
	identify_by(all, 2);
	cr_expect_eq(watch_qp_type(ufile, HANDLE), 0U);
	cr_expect_not(is_queued(the_qp()));
}

Test(watch_look, type_of_qp_without_address_has_it_judged)
{
	struct rdma_qp all[] = { listed("rxe0", 18, IB_UVERBS_QPT_RAW_PACKET, 0),
				 listed("rxe0", 19, IB_UVERBS_QPT_RAW_PACKET, 0), listed("rxe0", 1, QP_TYPE_GSI, 0) };

	all[2].is_kernel = true;
	adopted("::", 0);
	identify_by(all, 3);
	cr_expect_eq(watch_qp_type(ufile, HANDLE), IB_UVERBS_QPT_RAW_PACKET);
	cr_expect(is_queued(the_qp()));
}

Test(watch_look, keeps_reported_number_and_type)
{
	const struct rdma_qp all[] = { listed("rxe0", 18, IB_UVERBS_QPT_RAW_PACKET, 0) };

	hold();
	report_created(HANDLE, IB_UVERBS_QPT_UD, 7);
	report(&(struct request){ .kind = REQUEST_QP_READY, .has = UVERBS_HAS_HANDLE, .handle = HANDLE },
	       &(struct judgement){ .pass = true });
	identify_by(all, 1);
	cr_expect_eq(watch_qp_type(ufile, HANDLE), IB_UVERBS_QPT_UD);
	cr_expect_eq(watch_qp_number(ufile, HANDLE), 7U);
}

Test(watch_look, takes_no_type_for_qp_that_cannot_send)
{
	const struct rdma_qp all[] = { listed("rxe0", 18, IB_UVERBS_QPT_RAW_PACKET, 0) };

	hold();
	report_created(HANDLE, 0, 0);
	identify_by(all, 1);
	cr_expect_eq(watch_qp_type(ufile, HANDLE), 0U);
}
