// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Changes that queue a queue pair, SAs that are requested for it, and routes in clear that software RoCE keeps. */
#include <errno.h>
#include <linux/xfrm.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/mlx5_user_ioctl_cmds.h>
#include <sanitizer/lsan_interface.h>

#include "decide_fixture.h"
#include "rdma/uverbs_call_internal.h"
#include "uverbs/mlx5_prm.h"
#include "watch_fixture.h"

enum { SPI_OUT = 0xc0ffee01, SPI_IN, SPI_OLD, OTHER_SPI = 9, POLICY_INDEX = 17, UID = 1234, SPORT = 0xc001 };

static struct namespace *const elsewhere = (struct namespace *)32; /* only compared */

static struct world w;
static unsigned heard, asked_for;
static struct acquire_flow flow;

static void on_record(const struct wire_record *record, void *arg)
{
	(void)arg;
	cr_expect_fail("nothing is judged here: %s", record->text);
}

static void on_changed(struct namespace *in, const struct mirror_change *change, void *arg)
{
	cr_expect(in && change && arg == &heard);
	heard++;
}

static void on_lack(struct namespace *in, const struct acquire_flow *one, uint32_t policy_index, uid_t uid,
		    uint32_t grace_ms, void *arg)
{
	cr_expect(in == ufile->in && policy_index == POLICY_INDEX && uid == UID && grace_ms == 0 && arg == &heard);
	flow = *one;
	asked_for++;
}

static struct engine_answer answer_by(enum protection by)
{
	return (struct engine_answer){
		.pass = true,
		.path = w.path,
		.verdict = { .kind = VERDICT_PROTECTED,
			     .by = by,
			     .spi_out = SPI_OUT,
			     .spi_in = SPI_IN,
			     .reqid = 7,
			     .policy_out = POLICY_INDEX },
	};
}

static void report_judged(enum request_kind kind, enum protection by)
{
	const struct engine_answer answer = answer_by(by);

	report(&(struct request){ .kind = kind, .has = UVERBS_HAS_HANDLE, .handle = HANDLE }, &answer);
}

/* A queue pair that the good world's SAs protect. */
static void begin(void)
{
	const struct watch_listener listener = {
		.record = on_record, .changed = on_changed, .missing_sa = on_lack, .arg = &heard
	};

	world_init(&w, RDMA_DRIVER_RXE, AF_INET, ETH0);
	watch_begin(NULL, &listener);
	ufile->asker.uid = UID;
	report_judged(REQUEST_QP_ADDRESS, BY_IPSEC);
}

static void end(void)
{
	watch_end();
	if (__lsan_do_recoverable_leak_check())
		abort();
}

TestSuite(watch, .init = begin, .fini = end, .timeout = 60);

/* ---- changes ---- */

static struct xfrm_change sa_change(enum xfrm_change_kind kind, uint32_t spi, uint8_t from, uint8_t to)
{
	return (struct xfrm_change){ .kind = kind,
				     .family = AF_INET,
				     .saddr = host(&w, from),
				     .daddr = host(&w, to),
				     .spi = spi,
				     .reqid = 7,
				     .mode = XFRM_MODE_TRANSPORT };
}

static void forget(void)
{
	the_qp()->work = WATCH_WORK_NONE;
	heard = asked_for = 0;
}

static void happens(struct namespace *in, enum mirror_change_kind kind, const struct xfrm_change *xfrm, int ifindex)
{
	const struct mirror_change change = { .kind = kind, .xfrm = xfrm, .ifindex = ifindex };

	forget();
	watch_on_change(in, &change, watch);
	cr_expect_eq(heard, 1, "the listener hears of every change");
}

static void sa_happens(enum xfrm_change_kind kind, uint32_t spi, uint8_t from, uint8_t to)
{
	const struct xfrm_change change = sa_change(kind, spi, from, to);

	happens(ufile->in, MIRROR_CHANGE_XFRM, &change, 0);
}

static const struct change_row {
	const char *name;
	enum mirror_change_kind kind;
	enum xfrm_change_kind xfrm;
	uint32_t spi;
	uint8_t from, to;
	int ifindex;
	bool queued;
} changes[] = {
	{ "its SA", MIRROR_CHANGE_XFRM, XFRM_CHANGE_SA, SPI_OUT, 1, 2, 0, true },
	{ "its inbound SA", MIRROR_CHANGE_XFRM, XFRM_CHANGE_SA, SPI_IN, 2, 1, 0, true },
	{ "another SA between the two hosts", MIRROR_CHANGE_XFRM, XFRM_CHANGE_SA, OTHER_SPI, 1, 2, 0, true },
	{ "an SA of another peer", MIRROR_CHANGE_XFRM, XFRM_CHANGE_SA, OTHER_SPI, 1, 3, 0, false },
	{ "everything", MIRROR_CHANGE_XFRM, XFRM_CHANGE_EVERYTHING, 0, 0, 0, 0, true },
	{ "its SA expires soon", MIRROR_CHANGE_XFRM, XFRM_CHANGE_EXPIRING, SPI_OUT, 1, 2, 0, false },
	{ "the SecY of its netdev", MIRROR_CHANGE_SECY, 0, 0, 0, 0, ETH0, true },
	{ "another SecY", MIRROR_CHANGE_SECY, 0, 0, 0, 0, ETH1, false },
	{ "the host", MIRROR_CHANGE_HOST, 0, 0, 0, 0, 0, true },
};

static void row_happens(struct namespace *in, const struct change_row *row)
{
	const struct xfrm_change xfrm = sa_change(row->xfrm, row->spi, row->from, row->to);

	happens(in, row->kind, &xfrm, row->ifindex);
}

Test(watch, queues_qp_that_change_concerns)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		row_happens(ufile->in, &changes[i]);
		cr_expect_eq(is_queued(the_qp()), changes[i].queued, "%s", changes[i].name);
	}
}

Test(watch, ignores_change_of_other_namespace)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		row_happens(elsewhere, &changes[i]);
		cr_expect_not(is_queued(the_qp()), "%s", changes[i].name);
		cr_expect_eq(asked_for, 0, "%s", changes[i].name);
	}
}

static const bool can_send[] = { [WATCH_UNKNOWN] = false,
				 [WATCH_NO_ADDRESS] = false,
				 [WATCH_LIVE] = true,
				 [WATCH_GRACE] = true,
				 [WATCH_REVOKED] = false };

Test(watch, change_queues_only_qps_that_can_send)
{
	for (enum watch_state state = WATCH_UNKNOWN; state <= WATCH_REVOKED; state++) {
		the_qp()->state = state;
		sa_happens(XFRM_CHANGE_SA, SPI_OUT, 1, 2);
		cr_expect_eq(is_queued(the_qp()), can_send[state], "state %d", state);
	}
}

Test(watch, queue_takes_only_qps_that_can_send)
{
	for (enum watch_state state = WATCH_UNKNOWN; state <= WATCH_REVOKED; state++) {
		the_qp()->state = state;
		forget();
		watch_queue(ufile, the_qp());
		cr_expect_eq(is_queued(the_qp()), can_send[state], "state %d", state);
	}
}

/* It may send by every GID. */
Test(watch, any_sa_concerns_qp_without_address)
{
	report_judged(REQUEST_QP_READY, BY_IPSEC);
	sa_happens(XFRM_CHANGE_SA, OTHER_SPI, 1, 3);
	cr_expect(is_queued(the_qp()));
}

Test(watch, any_sa_concerns_qp_whose_rule_requires_nothing)
{
	report_judged(REQUEST_QP_ADDRESS, BY_POLICY_NONE);
	sa_happens(XFRM_CHANGE_SA, OTHER_SPI, 1, 3);
	cr_expect(is_queued(the_qp()));
}

Test(watch, no_sa_concerns_loopback)
{
	report_judged(REQUEST_QP_ADDRESS, BY_LOOPBACK);
	sa_happens(XFRM_CHANGE_SA, SPI_OUT, 1, 2);
	cr_expect_not(is_queued(the_qp()));
}

Test(watch, new_policy_queues_all_qps)
{
	struct policy *const policy = (struct policy *)16; /* nothing is judged here */

	report(&(struct request){ .kind = REQUEST_QP_ADDRESS, .has = UVERBS_HAS_HANDLE, .handle = 6 },
	       &(struct engine_answer){ .pass = true });
	watch_qp_find(ufile, 6)->state = WATCH_GRACE;
	watch_set_policy(watch, policy);
	cr_expect(is_queued(the_qp()));
	cr_expect(is_queued(watch_qp_find(ufile, 6)));
}

Test(watch, finds_qp_by_handle)
{
	report_created(6, 0, 0);
	cr_expect_eq(the_qp()->handle, HANDLE);
	cr_expect_null(watch_qp_find(ufile, 7));
	cr_expect_eq(watch_qp_type(ufile, 6), 0U);
}

/* ---- SAs that expire ---- */

Test(watch, requests_sa_when_outbound_sa_expires)
{
	sa_happens(XFRM_CHANGE_EXPIRING, SPI_OUT, 1, 2);
	cr_expect_eq(asked_for, 1);
	cr_expect_not(is_queued(the_qp()), "an expiring SA still protects");
}

Test(watch, requests_sa_when_inbound_sa_expires)
{
	sa_happens(XFRM_CHANGE_EXPIRING, SPI_IN, 2, 1);
	cr_expect_eq(asked_for, 1);
	cr_expect_not(is_queued(the_qp()), "an expiring SA still protects");
}

Test(watch, requests_sa_for_flow_of_qp)
{
	w.path.has_sport = true;
	w.path.sport = SPORT;
	report_judged(REQUEST_QP_ADDRESS, BY_IPSEC);
	sa_happens(XFRM_CHANGE_EXPIRING, SPI_OUT, 1, 2);
	cr_assert_eq(asked_for, 1);
	cr_expect_eq(flow.family, AF_INET);
	cr_expect_arr_eq(flow.local.bytes, w.path.local.bytes, sizeof(flow.local.bytes));
	cr_expect_arr_eq(flow.remote.bytes, w.path.remote.bytes, sizeof(flow.remote.bytes));
	cr_expect(flow.has_sport && flow.sport == SPORT);
}

Test(watch, ignores_expiry_of_replaced_sa)
{
	sa_happens(XFRM_CHANGE_EXPIRING, SPI_OLD, 1, 2);
	cr_expect_eq(asked_for, 0);
}

Test(watch, ignores_expiry_of_same_spi_to_other_peer)
{
	sa_happens(XFRM_CHANGE_EXPIRING, SPI_OUT, 1, 3);
	cr_expect_eq(asked_for, 0);
}

Test(watch, requests_sa_only_for_live_qp)
{
	for (enum watch_state state = WATCH_UNKNOWN; state <= WATCH_REVOKED; state++) {
		the_qp()->state = state;
		sa_happens(XFRM_CHANGE_EXPIRING, SPI_OUT, 1, 2);
		cr_expect_eq(asked_for, state == WATCH_LIVE, "state %d", state);
	}
}

Test(watch, requests_no_sa_for_qp_with_macsec)
{
	report_judged(REQUEST_QP_ADDRESS, BY_MACSEC);
	sa_happens(XFRM_CHANGE_EXPIRING, SPI_OUT, 1, 2);
	cr_expect_eq(asked_for, 0);
}

/* Which of its flows needs the SA is unknown. */
Test(watch, requests_no_sa_for_qp_without_address)
{
	report_judged(REQUEST_QP_READY, BY_IPSEC);
	sa_happens(XFRM_CHANGE_EXPIRING, SPI_OUT, 1, 2);
	cr_expect_eq(asked_for, 0);
}

Test(watch, expiring_sa_queues_nothing)
{
	report_judged(REQUEST_QP_READY, BY_IPSEC);
	sa_happens(XFRM_CHANGE_EXPIRING, OTHER_SPI, 1, 3);
	cr_expect_not(is_queued(the_qp()));
}

/* ---- the route that software RoCE keeps ---- */

static struct engine_answer answer_for(bool pass, enum verdict_kind kind, enum protection by)
{
	return (struct engine_answer){
		.pass = pass,
		.path = { .device = "rxe0", .port = 1, .netdev = "eth0", .driver = driver_traits(RDMA_DRIVER_RXE) },
		.verdict = { .kind = kind, .by = by }
	};
}

static struct request address_of(uint8_t remote)
{
	return (struct request){ .kind = REQUEST_QP_ADDRESS,
				 .has = UVERBS_HAS_HANDLE,
				 .handle = HANDLE,
				 .address = { .dgid = { [10] = 0xff, 0xff, 10, 0, 0, remote },
					      .sgid_index = 1,
					      .port = 1,
					      .is_global = true } };
}

static void was_sent_to(uint8_t remote, const struct engine_answer *answer)
{
	const struct request request = address_of(remote);

	report(&request, answer);
}

static const struct {
	const char *name;
	bool pass;
	enum verdict_kind kind;
	enum protection by;
	bool clear;
} routes[] = {
	{ "a rule requires nothing", true, VERDICT_PROTECTED, BY_POLICY_NONE, true },
	{ "off", true, VERDICT_UNKNOWN, BY_NOTHING, true },
	{ "audited", true, VERDICT_UNPROTECTED, BY_NOTHING, true },
	{ "MACsec", true, VERDICT_PROTECTED, BY_MACSEC, false },
	{ "IPsec", true, VERDICT_PROTECTED, BY_IPSEC, false },
	{ "loopback", true, VERDICT_PROTECTED, BY_LOOPBACK, false },
	{ "refused, in grace", false, VERDICT_UNPROTECTED, BY_NOTHING, false },
};

Test(watch, refuses_protected_address_after_route_in_clear)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		struct engine_answer before = answer_for(routes[i].pass, routes[i].kind, routes[i].by);
		struct engine_answer now = answer_for(true, VERDICT_PROTECTED, BY_IPSEC);
		struct request request = address_of(2);

		report_created(HANDLE, IB_UVERBS_QPT_RC, 0);
		was_sent_to(3, &before);
		watch_refuse_kept_route(ufile, &request, &now);
		cr_expect_eq(now.pass, !routes[i].clear, "%s", routes[i].name);
	}
}

Test(watch, refusal_of_kept_route_names_path)
{
	struct engine_answer before = answer_for(true, VERDICT_PROTECTED, BY_POLICY_NONE);
	struct engine_answer now = answer_for(true, VERDICT_PROTECTED, BY_IPSEC);
	struct request request = address_of(2);

	was_sent_to(3, &before);
	watch_refuse_kept_route(ufile, &request, &now);
	cr_expect_eq(now.err, EPERM);
	cr_expect_eq(now.verdict.kind, VERDICT_UNPROTECTED);
	cr_expect(strstr(now.text, "refused modify_qp on rxe0 port 1 GID 0 (eth0) to 10.0.0.2: unprotected"), "%s",
		  now.text);
}

Test(watch, kept_route_concerns)
{
	static const struct {
		const char *name;
		uint32_t qp_type, driver;
		enum protection by;
		uint8_t second, now; /* remotes */
		bool refused;
	} rows[] = {
		{ "RC", IB_UVERBS_QPT_RC, RDMA_DRIVER_RXE, BY_IPSEC, 3, 2, true },
		{ "RC, MACsec", IB_UVERBS_QPT_RC, RDMA_DRIVER_RXE, BY_MACSEC, 3, 2, true },
		{ "unknown type", 0, RDMA_DRIVER_RXE, BY_IPSEC, 3, 2, true },
		/* rxe_find_route(): only RC keeps it */
		{ "UC", IB_UVERBS_QPT_UC, RDMA_DRIVER_RXE, BY_IPSEC, 3, 2, false },
		{ "a NIC", IB_UVERBS_QPT_RC, RDMA_DRIVER_MLX5, BY_IPSEC, 3, 2, false },
		{ "in clear again", IB_UVERBS_QPT_RC, RDMA_DRIVER_RXE, BY_POLICY_NONE, 3, 2, false },
		{ "loopback", IB_UVERBS_QPT_RC, RDMA_DRIVER_RXE, BY_LOOPBACK, 3, 2, false },
		{ "the same address, protected by now", IB_UVERBS_QPT_RC, RDMA_DRIVER_RXE, BY_IPSEC, 3, 3, false },
		{ "the second of two addresses", IB_UVERBS_QPT_RC, RDMA_DRIVER_RXE, BY_IPSEC, 4, 4, true },
		{ "the first of two addresses", IB_UVERBS_QPT_RC, RDMA_DRIVER_RXE, BY_IPSEC, 4, 3, true },
	};
	const struct engine_answer none = answer_for(true, VERDICT_PROTECTED, BY_POLICY_NONE);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct engine_answer now = answer_for(true, VERDICT_PROTECTED, rows[i].by);
		struct request request = address_of(rows[i].now);

		now.path.driver = driver_traits(rows[i].driver);
		report_created(HANDLE, rows[i].qp_type, 0);
		was_sent_to(3, &none);
		was_sent_to(rows[i].second, &none);
		watch_refuse_kept_route(ufile, &request, &now);
		cr_expect_eq(now.pass, !rows[i].refused, "%s", rows[i].name);
	}
}

/* ---- records ---- */

Test(watch, record_of_decision_has_known_qp_number)
{
	struct request request = { .kind = REQUEST_QP_ADDRESS, .has = UVERBS_HAS_QPN, .qpn = 17 };
	const struct engine_answer answer = { .pass = true };
	struct wire_record record;

	watch_describe(NULL, &request, "rxe0", &answer, &record);
	cr_expect(record.has & WIRE_RECORD_HAS_QPN && record.qpn == 17);
}

Test(watch, record_of_decision_lacks_unknown_qp_number)
{
	struct request request = { .kind = REQUEST_QP_ADDRESS, .qpn = 17 };
	const struct engine_answer answer = { .pass = true };
	struct wire_record record;

	watch_describe(NULL, &request, "rxe0", &answer, &record);
	cr_expect_not(record.has & WIRE_RECORD_HAS_QPN);
}

/* ---- calls on a QP of the kernel, or on an object of DEVX ---- */

/* The listed handles of each kind, and whether that of DEVX is still the queue pair that it once was. */
static struct {
	uint32_t qp, devx;
	bool is_still;
	unsigned writes, to_error, destroyed; /* of the kernel's QPs; of DEVX */
} kernel;

static int list_one(struct ib_uverbs_ioctl_hdr *request)
{
	uint32_t handle = request->attrs[0].data == UVERBS_OBJECT_QP ? kernel.qp : kernel.devx, total = 1;

	memcpy((void *)(uintptr_t)request->attrs[1].data, &total, sizeof(total));
	memcpy((void *)(uintptr_t)request->attrs[2].data, &handle, sizeof(handle));
	return 0;
}

static int fake_kernel(int fd, struct ib_uverbs_ioctl_hdr *request)
{
	cr_expect_eq(fd, 99);
	for (int i = 0; i < request->num_attrs; i++)
		request->attrs[i].flags |= UVERBS_ATTR_F_VALID_OUTPUT;
	if (request->object_id == UVERBS_OBJECT_DEVICE && request->method_id == UVERBS_METHOD_INFO_HANDLES)
		return list_one(request);
	if (request->object_id != MLX5_IB_OBJECT_DEVX_OBJ)
		kernel.writes++;
	else if (request->method_id == MLX5_IB_METHOD_DEVX_OBJ_QUERY)
		return kernel.is_still ? 0 : -EINVAL;
	else if (request->method_id == MLX5_IB_METHOD_DEVX_OBJ_DESTROY)
		kernel.destroyed++;
	else
		kernel.to_error++;
	return 0;
}

static struct watch_qp object(uint32_t created)
{
	uverbs_call_kernel = fake_kernel;
	memset(&kernel, 0, sizeof(kernel));
	return (struct watch_qp){ .handle = HANDLE, .qpn = 0x123, .devx_created = created };
}

Test(watch, qp_lives_while_it_is_listed)
{
	const struct watch_qp qp = object(0);

	kernel.qp = HANDLE;
	cr_expect(watch_object_lives(99, RDMA_DRIVER_MLX5, &qp));
	kernel.qp = HANDLE + 1;
	cr_expect_not(watch_object_lives(99, RDMA_DRIVER_MLX5, &qp));
}

Test(watch, qp_is_revoked_by_uverbs)
{
	const struct watch_qp qp = object(0);

	cr_expect_eq(watch_object_to_error(99, RDMA_DRIVER_MLX5, &qp), 0);
	cr_expect_eq(watch_object_destroy(99, RDMA_DRIVER_MLX5, &qp), 0);
	cr_expect_eq(kernel.writes, 2);
	cr_expect_eq(kernel.to_error + kernel.destroyed, 0);
}

Test(watch, devx_object_does_not_live_as_qp)
{
	const struct watch_qp qp = object(PRM_CREATE_QP);

	kernel.qp = HANDLE;
	cr_expect_not(watch_object_lives(99, RDMA_DRIVER_MLX5, &qp));
}

Test(watch, devx_object_does_not_live_after_reuse_of_handle)
{
	const struct watch_qp qp = object(PRM_CREATE_QP);

	kernel.devx = HANDLE;
	cr_expect_not(watch_object_lives(99, RDMA_DRIVER_MLX5, &qp));
	kernel.is_still = true;
	cr_expect(watch_object_lives(99, RDMA_DRIVER_MLX5, &qp));
}

Test(watch, devx_qp_is_revoked_by_devx)
{
	const struct watch_qp qp = object(PRM_CREATE_QP);

	cr_expect_eq(watch_object_to_error(99, RDMA_DRIVER_MLX5, &qp), 0);
	cr_expect_eq(kernel.to_error, 1);
	cr_expect_eq(kernel.writes, 0);
}

Test(watch, devx_qp_is_queried_by_devx)
{
	const struct watch_qp qp = object(PRM_CREATE_QP);
	struct uverbs_qp_facts facts;

	kernel.is_still = true;
	cr_expect_eq(watch_object_query(99, RDMA_DRIVER_MLX5, &qp, &facts), 0);
	cr_expect_eq(facts.state, UVERBS_QPS_RESET);
	cr_expect_eq(kernel.writes, 0);
}

/* A DCT has no state ERR and cannot be queried. */
Test(watch, dct_can_only_be_destroyed)
{
	const struct watch_qp qp = object(PRM_CREATE_DCT);
	struct uverbs_qp_facts facts;

	cr_expect_eq(watch_object_to_error(99, RDMA_DRIVER_MLX5, &qp), -EOPNOTSUPP);
	cr_expect_eq(watch_object_query(99, RDMA_DRIVER_MLX5, &qp, &facts), -EOPNOTSUPP);
	cr_expect_eq(watch_object_destroy(99, RDMA_DRIVER_MLX5, &qp), 0);
	cr_expect_eq(kernel.destroyed, 1);
	cr_expect_eq(kernel.writes, 0);
}
