// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Whom a change of the evidence has judged again, and for whom an SA is asked for. What follows from judging wants a
 * uverbs fd, and so RDMA: the scenarios have it.
 */
#include <errno.h>
#include <linux/xfrm.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/mlx5_user_ioctl_cmds.h>
#include <sanitizer/lsan_interface.h>
#include <unistd.h>

#include "decide_fixture.h"
#include "rdma/uverbs_call_internal.h"
#include "util/text.h"
#include "uverbs/mlx5_prm.h"
#include "watch/internal.h"

/* Only ever compared. */
static struct namespace *const here = (struct namespace *)16, *const elsewhere = (struct namespace *)32;

static struct event_base *base;
static struct watch *watch;
static struct watch_ufile *ufile;
static struct watch_qp *qp;
static struct world w;
static unsigned heard, asked_for;
static struct acquire_flow flow;

static bool is_queued(const struct watch_qp *it)
{
	return it->work == WATCH_WORK_QUEUED;
}

static void on_record(const struct wire_record *record, void *arg)
{
	(void)arg;
	cr_expect_fail("nothing is judged here: %s", record->reason);
}

static void on_changed(struct namespace *in, const struct mirror_change *change, void *arg)
{
	cr_expect(in && change && arg == &heard);
	heard++;
}

static void on_lack(struct namespace *in, const struct acquire_flow *one, uint32_t policy_index, uid_t uid,
		    uint32_t grace_ms, void *arg)
{
	cr_expect(in == here && policy_index == 17 && uid == 1234 && grace_ms == 0 && arg == &heard);
	flow = *one;
	asked_for++;
}

/* A queue pair that the good world's SAs protect. */
static void begin(void)
{
	const struct watch_listener listener = {
		.record = on_record, .changed = on_changed, .lacks_sa = on_lack, .arg = &heard
	};

	world_init(&w, RDMA_DRIVER_RXE, AF_INET, ETH0);
	base = event_base_new();
	cr_assert(base);
	cr_assert_eq(watch_new(base, NULL, NULL, false, &listener, &watch), 0);
	ufile = calloc(1, sizeof(*ufile));
	cr_assert(ufile);
	ufile->watch = watch;
	ufile->in = here;
	ufile->asker.uid = 1234;
	DL_APPEND(watch->ufiles, ufile);
	qp = watch_qp_make(ufile, 5);
	cr_assert(qp);
	qp->state = WATCH_LIVE;
	qp->question.kind = REQUEST_QP_ADDRESS;
	qp->basis = (struct watch_basis){
		.state = PATH_RESOLVED,
		.scope = REMOTE_ONE,
		.family = AF_INET,
		.local = w.path.local,
		.remote = w.path.remote,
		.gid_ifindex = ETH0,
		.egress_ifindex = ETH0,
		.spi_out = 0xc0ffee01,
		.spi_in = 0xc0ffee02,
		.reqid = 7,
		.policy_out = 17,
		.egress = EGRESS_HOST_STACK,
		.verdict = VERDICT_PROTECTED,
		.by = BY_IPSEC,
	};
}

static void end(void)
{
	ufile->in = NULL;
	watch_ufile_free(ufile);
	watch_free(watch);
	event_base_free(base);
	if (__lsan_do_recoverable_leak_check())
		abort();
}

TestSuite(watch, .init = begin, .fini = end, .timeout = 60);

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
	qp->work = WATCH_WORK_NONE;
	heard = asked_for = 0;
}

static void happens(struct namespace *in, enum mirror_change_kind kind, const struct xfrm_change *xfrm, int ifindex)
{
	const struct mirror_change change = { .kind = kind, .xfrm = xfrm, .ifindex = ifindex };

	forget();
	watch_on_change(in, &change, watch);
	cr_expect_eq(heard, 1, "others hear of it in any case");
	cr_expect_eq(is_queued(qp) && !ufile->queued, false, "dirty, and nobody is going to look");
}

static void sa_happens(enum xfrm_change_kind kind, uint32_t spi, uint8_t from, uint8_t to)
{
	const struct xfrm_change change = sa_change(kind, spi, from, to);

	happens(here, MIRROR_CHANGE_XFRM, &change, 0);
}

Test(watch, judged_again_by_what_it_concerns)
{
	static const struct {
		const char *name;
		enum mirror_change_kind kind;
		enum xfrm_change_kind xfrm;
		uint32_t spi;
		uint8_t from, to;
		int ifindex;
		bool judged;
	} rows[] = {
		{ "its SA", MIRROR_CHANGE_XFRM, XFRM_CHANGE_SA, 0xc0ffee01, 1, 2, 0, true },
		{ "the SA of the way back", MIRROR_CHANGE_XFRM, XFRM_CHANGE_SA, 0xc0ffee02, 2, 1, 0, true },
		{ "another between these two", MIRROR_CHANGE_XFRM, XFRM_CHANGE_SA, 9, 1, 2, 0, true },
		{ "of another peer", MIRROR_CHANGE_XFRM, XFRM_CHANGE_SA, 9, 1, 3, 0, false },
		{ "everything", MIRROR_CHANGE_XFRM, XFRM_CHANGE_EVERYTHING, 0, 0, 0, 0, true },
		{ "its SA is expiring", MIRROR_CHANGE_XFRM, XFRM_CHANGE_EXPIRING, 0xc0ffee01, 1, 2, 0, false },
		{ "its netdev's SecY", MIRROR_CHANGE_SECY, 0, 0, 0, 0, ETH0, true },
		{ "another SecY", MIRROR_CHANGE_SECY, 0, 0, 0, 0, ETH1, false },
		{ "the host", MIRROR_CHANGE_HOST, 0, 0, 0, 0, 0, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct xfrm_change xfrm = sa_change(rows[i].xfrm, rows[i].spi, rows[i].from, rows[i].to);

		happens(here, rows[i].kind, &xfrm, rows[i].ifindex);
		cr_expect_eq(is_queued(qp), rows[i].judged, "%s", rows[i].name);
		happens(elsewhere, rows[i].kind, &xfrm, rows[i].ifindex);
		cr_expect_not(is_queued(qp), "%s, in another namespace", rows[i].name);
		cr_expect_eq(asked_for, 0, "%s, in another namespace", rows[i].name);
	}
}

/* One that cannot send is not judged; nor one that has to ask again before it can. */
Test(watch, judged_again_where_it_could_send)
{
	static const bool judged[] = { [WATCH_UNKNOWN] = false,
				       [WATCH_NO_ADDRESS] = false,
				       [WATCH_LIVE] = true,
				       [WATCH_GRACE] = true,
				       [WATCH_REVOKED] = false };

	for (enum watch_state state = WATCH_UNKNOWN; state <= WATCH_REVOKED; state++) {
		qp->state = state;
		sa_happens(XFRM_CHANGE_SA, 0xc0ffee01, 1, 2);
		cr_expect_eq(is_queued(qp), judged[state], "state %d", state);
		forget();
		watch_queue(ufile, qp);
		cr_expect_eq(is_queued(qp), judged[state], "state %d", state);
	}
}

/* One that may send by every GID, or that no rule asks anything of, has no basis to go by. */
Test(watch, judged_again_whatever_it_is)
{
	sa_happens(XFRM_CHANGE_SA, 9, 1, 3);
	cr_expect_not(is_queued(qp));
	qp->question.kind = REQUEST_QP_READY;
	sa_happens(XFRM_CHANGE_SA, 9, 1, 3);
	cr_expect(is_queued(qp));
	qp->question.kind = REQUEST_QP_ADDRESS;
	qp->basis.by = BY_POLICY_NONE;
	sa_happens(XFRM_CHANGE_SA, 9, 1, 3);
	cr_expect(is_queued(qp));
	qp->basis.by = BY_LOOPBACK;
	sa_happens(XFRM_CHANGE_SA, 0xc0ffee01, 1, 2);
	cr_expect_not(is_queued(qp), "nothing leaves the port");
}

/* Asked for before the hard limit, and by nobody who would not miss it. */
Test(watch, an_sa_is_expiring)
{
	qp->basis.of_one_qp = true;
	qp->basis.sport = 0xc001;
	for (int i = 0; i < 2; i++) {
		sa_happens(XFRM_CHANGE_EXPIRING, i ? 0xc0ffee02 : 0xc0ffee01, i ? 2 : 1, i ? 1 : 2);
		cr_expect_eq(asked_for, 1, "%d", i);
		cr_expect_not(is_queued(qp), "a dying SA protects as before");
		cr_expect(!memcmp(&flow.local, &w.path.local, 16) && !memcmp(&flow.remote, &w.path.remote, 16));
		cr_expect(flow.family == AF_INET && flow.has_sport && flow.sport == 0xc001);
	}
	sa_happens(XFRM_CHANGE_EXPIRING, 0xc0ffee03, 1, 2);
	cr_expect_eq(asked_for, 0, "an older one, that has its successor");
	sa_happens(XFRM_CHANGE_EXPIRING, 0xc0ffee01, 1, 3);
	cr_expect_eq(asked_for, 0, "another peer's, of the same SPI");
	for (enum watch_state state = WATCH_UNKNOWN; state <= WATCH_REVOKED; state++) {
		qp->state = state;
		sa_happens(XFRM_CHANGE_EXPIRING, 0xc0ffee01, 1, 2);
		cr_expect_eq(asked_for, state == WATCH_LIVE, "state %d", state);
	}
	qp->state = WATCH_LIVE;
	qp->basis.by = BY_MACSEC;
	sa_happens(XFRM_CHANGE_EXPIRING, 0xc0ffee01, 1, 2);
	cr_expect_eq(asked_for, 0, "MACsec protects it");
	qp->basis.by = BY_IPSEC;
	qp->question.kind = REQUEST_QP_READY;
	sa_happens(XFRM_CHANGE_EXPIRING, 0xc0ffee01, 1, 2);
	cr_expect_eq(asked_for, 0, "of several flows it is not known which");
	sa_happens(XFRM_CHANGE_EXPIRING, 9, 1, 3);
	cr_expect_not(is_queued(qp), "whatever it stands on");
}

/* Also those whose question nobody has answered by now. */
Test(watch, a_new_policy_is_for_all)
{
	struct policy *const policy = (struct policy *)16; /* nothing is judged here */
	struct watch_qp *second = watch_qp_make(ufile, 6);

	cr_assert(second);
	second->state = WATCH_GRACE;
	watch_set_policy(watch, policy);
	cr_expect(is_queued(qp) && is_queued(second) && ufile->queued);
	cr_expect_eq(watch_qp_type(ufile, 6), 0U);
	cr_expect_eq(watch_qp_find(ufile, 5), qp);
	cr_expect_null(watch_qp_find(ufile, 7));
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
				 .handle = 5,
				 .address = { .dgid = { [10] = 0xff, 0xff, 10, 0, 0, remote },
					      .sgid_index = 1,
					      .port = 1,
					      .is_global = true } };
}

static void was_sent_to(uint8_t remote, const struct engine_answer *answer)
{
	uint32_t qp_type = qp->question.qp_type;

	qp->question = address_of(remote);
	qp->question.qp_type = qp_type;
	watch_keep_answer(qp, answer);
}

/* What software RoCE would still send in clear is not given an address that is protected. */
Test(watch, a_route_in_clear_is_kept)
{
	static const struct {
		const char *name;
		bool pass;
		enum verdict_kind kind;
		enum protection by;
		bool kept;
	} rows[] = {
		{ "a rule asks for nothing", true, VERDICT_PROTECTED, BY_POLICY_NONE, true },
		{ "off", true, VERDICT_UNKNOWN, BY_NOTHING, true },
		{ "audited", true, VERDICT_UNPROTECTED, BY_NOTHING, true },
		{ "MACsec", true, VERDICT_PROTECTED, BY_MACSEC, false },
		{ "IPsec", true, VERDICT_PROTECTED, BY_IPSEC, false },
		{ "loopback", true, VERDICT_PROTECTED, BY_LOOPBACK, false },
		{ "refused, in grace", false, VERDICT_UNPROTECTED, BY_NOTHING, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct engine_answer before = answer_for(rows[i].pass, rows[i].kind, rows[i].by);
		struct engine_answer now = answer_for(true, VERDICT_PROTECTED, BY_IPSEC);
		struct request request = address_of(2);

		qp->clear_routes = CLEAR_ROUTE_NONE;
		qp->question.qp_type = IB_UVERBS_QPT_RC;
		was_sent_to(3, &before);
		watch_refuse_kept_route(ufile, &request, &now);
		cr_expect_eq(now.pass, !rows[i].kept, "%s", rows[i].name);
		if (!rows[i].kept)
			continue;
		cr_expect_eq(now.err, EPERM, "%s", rows[i].name);
		cr_expect_eq(now.verdict.kind, VERDICT_UNPROTECTED, "%s", rows[i].name);
		cr_expect(strstr(now.text, "refused modify_qp on rxe0 port 1 GID 0 (eth0) to 10.0.0.2: unprotected"),
			  "%s: %s", rows[i].name, now.text);
	}
}

Test(watch, whom_a_kept_route_concerns)
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
		{ "of a type that is not known", 0, RDMA_DRIVER_RXE, BY_IPSEC, 3, 2, true },
		/* rxe_find_route(): only RC keeps it */
		{ "UC", IB_UVERBS_QPT_UC, RDMA_DRIVER_RXE, BY_IPSEC, 3, 2, false },
		{ "a NIC", IB_UVERBS_QPT_RC, RDMA_DRIVER_MLX5, BY_IPSEC, 3, 2, false },
		{ "in clear again", IB_UVERBS_QPT_RC, RDMA_DRIVER_RXE, BY_POLICY_NONE, 3, 2, false },
		{ "to itself", IB_UVERBS_QPT_RC, RDMA_DRIVER_RXE, BY_LOOPBACK, 3, 2, false },
		{ "the same address, protected by now", IB_UVERBS_QPT_RC, RDMA_DRIVER_RXE, BY_IPSEC, 3, 3, false },
		{ "the same, but another between", IB_UVERBS_QPT_RC, RDMA_DRIVER_RXE, BY_IPSEC, 4, 4, true },
		{ "the first again", IB_UVERBS_QPT_RC, RDMA_DRIVER_RXE, BY_IPSEC, 4, 3, true },
	};
	const struct engine_answer none = answer_for(true, VERDICT_PROTECTED, BY_POLICY_NONE);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct engine_answer now = answer_for(true, VERDICT_PROTECTED, rows[i].by);
		struct request request = address_of(rows[i].now);

		now.path.driver = driver_traits(rows[i].driver);
		qp->clear_routes = CLEAR_ROUTE_NONE;
		qp->question.qp_type = rows[i].qp_type;
		was_sent_to(3, &none);
		was_sent_to(rows[i].second, &none);
		watch_refuse_kept_route(ufile, &request, &now);
		cr_expect_eq(now.pass, !rows[i].refused, "%s", rows[i].name);
	}
}

/* ---- numbers and types of what was found ---- */

static struct rdma_qp listed(const char *device, uint32_t qpn, uint8_t type, uint32_t remote_qpn)
{
	struct rdma_qp it = { .qpn = qpn,
			      .type = type,
			      .has_remote_qpn = remote_qpn,
			      .remote_qpn = remote_qpn,
			      .state = UVERBS_QPS_RTS,
			      .pid = (uint32_t)getpid() };

	text_copy(it.device, sizeof(it.device), device);
	return it;
}

/* The fixture's QP as one that was found, in this process. */
static void found(enum request_kind kind, uint32_t dest_qpn)
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
	text_copy(ufile->device, sizeof(ufile->device), "rxe0");
	qp->question = (struct request){ .kind = kind, .dest_qpn = dest_qpn };
}

static void name_by(const struct rdma_qp *qps, size_t count)
{
	watch_name_by(watch, &(struct rdma_resources){ .qps = (struct rdma_qp *)qps, .count = count });
}

Test(watch, a_found_qp_gets_its_peers_number_and_type)
{
	const struct rdma_qp all[] = { listed("rxe1", 16, IB_UVERBS_QPT_UC, 70),
				       listed("rxe0", 17, IB_UVERBS_QPT_UC, 71),
				       listed("rxe0", 18, IB_UVERBS_QPT_RC, 70) };

	found(REQUEST_QP_ADDRESS, 70);
	name_by(all, 2);
	cr_expect(!qp->qpn && !qp->question.qp_type, "another device's, and another peer's");
	name_by(all, 3);
	cr_expect_eq(qp->qpn, 18);
	cr_expect_eq(watch_qp_type(ufile, 5), IB_UVERBS_QPT_RC);
	cr_expect_eq(qp->question.qp_type, IB_UVERBS_QPT_RC);
	cr_expect_eq(watch_qp_number(ufile, 5), 0, "shown, and not believed");
	cr_expect_not(is_queued(qp), "nothing hangs on it");
}

/* A type is believed where all that it could be have it. */
Test(watch, a_found_qp_without_an_address_is_judged_by_its_type)
{
	struct rdma_qp all[] = { listed("rxe0", 16, IB_UVERBS_QPT_RC, 70), listed("rxe1", 17, IB_UVERBS_QPT_UD, 0),
				 listed("rxe0", 18, IB_UVERBS_QPT_RAW_PACKET, 0),
				 listed("rxe0", 19, IB_UVERBS_QPT_UD, 0), listed("rxe0", 1, QP_TYPE_GSI, 0) };

	all[4].is_kernel = true;
	found(REQUEST_QP_READY, 0);
	name_by(all, 2);
	cr_expect_eq(qp->question.qp_type, 0, "none that it could be");
	name_by(all, 5);
	cr_expect_eq(qp->question.qp_type, 0, "one of two");
	cr_expect_not(is_queued(qp));
	all[3].type = IB_UVERBS_QPT_RAW_PACKET;
	name_by(all, 5);
	cr_expect_eq(watch_qp_type(ufile, 5), IB_UVERBS_QPT_RAW_PACKET);
	cr_expect_eq(qp->question.qp_type, IB_UVERBS_QPT_RAW_PACKET);
	cr_expect(is_queued(qp) && ufile->queued);
}

/* What a door has told stays as it is. */
Test(watch, a_type_that_is_known_stays)
{
	const struct rdma_qp all[] = { listed("rxe0", 18, IB_UVERBS_QPT_RAW_PACKET, 0) };

	found(REQUEST_QP_READY, 0);
	qp->question.qp_type = IB_UVERBS_QPT_UD;
	qp->qpn = 7;
	qp->qpn_source = WATCH_QPN_REPORTED;
	name_by(all, 1);
	cr_expect_eq(watch_qp_type(ufile, 5), IB_UVERBS_QPT_UD);
	cr_expect_eq(watch_qp_number(ufile, 5), 7);
	qp->question.qp_type = 0;
	qp->state = WATCH_NO_ADDRESS;
	name_by(all, 1);
	cr_expect_eq(qp->question.qp_type, 0, "it cannot send");
}

/* The line of a decision names the queue pair where its number is known. */
Test(watch, a_decision_names_its_qp)
{
	struct request request = { .kind = REQUEST_QP_ADDRESS, .has = UVERBS_HAS_QPN, .qpn = 17 };
	const struct engine_answer answer = { .pass = true };
	struct wire_record record;

	watch_describe(NULL, &request, "rxe0", &answer, &record);
	cr_expect(record.has & WIRE_RECORD_HAS_QPN && record.qpn == 17);
	request.has = 0;
	watch_describe(NULL, &request, "rxe0", &answer, &record);
	cr_expect_not(record.has & WIRE_RECORD_HAS_QPN);
}

/* ---- what is watched: a QP of the kernel's, or an object of DEVX's ---- */

/* Which handles the kernel lists of each kind, and which of DEVX's is the QP that it once was. */
static struct {
	uint32_t qp, devx;
	bool still;
	unsigned calls[3]; /* of the kernel's QPs, of DEVX: to ERR, destroyed */
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
	if (request->object_id != MLX5_IB_OBJECT_DEVX_OBJ) {
		kernel.calls[0]++;
		return 0;
	}
	if (request->method_id == MLX5_IB_METHOD_DEVX_OBJ_QUERY)
		return kernel.still ? 0 : -EINVAL;
	kernel.calls[request->method_id == MLX5_IB_METHOD_DEVX_OBJ_DESTROY ? 2 : 1]++;
	return 0;
}

Test(watch, an_object_is_what_made_it)
{
	struct uverbs_qp_facts facts;

	uverbs_call_kernel = fake_kernel;
	memset(&kernel, 0, sizeof(kernel));
	qp->qpn = 0x123;
	kernel.qp = qp->handle;
	cr_expect(watch_object_lives(99, RDMA_DRIVER_MLX5, qp));
	cr_expect_eq(watch_object_to_error(99, RDMA_DRIVER_MLX5, qp), 0);
	cr_expect_eq(watch_object_destroy(99, RDMA_DRIVER_MLX5, qp), 0);
	cr_expect_arr_eq(kernel.calls, ((unsigned[]){ 2, 0, 0 }), sizeof(kernel.calls));
	kernel.qp = qp->handle + 1;
	cr_expect_not(watch_object_lives(99, RDMA_DRIVER_MLX5, qp));

	qp->devx_created = PRM_CREATE_QP;
	cr_expect_not(watch_object_lives(99, RDMA_DRIVER_MLX5, qp), "it is in no list");
	kernel.devx = qp->handle;
	cr_expect_not(watch_object_lives(99, RDMA_DRIVER_MLX5, qp), "its handle is that of a memory key by now");
	kernel.still = true;
	cr_expect(watch_object_lives(99, RDMA_DRIVER_MLX5, qp));
	cr_expect_eq(watch_object_to_error(99, RDMA_DRIVER_MLX5, qp), 0);
	cr_expect_eq(watch_object_query(99, RDMA_DRIVER_MLX5, qp, &facts), 0);
	cr_expect_eq(facts.state, UVERBS_QPS_RESET);
	qp->devx_created = PRM_CREATE_DCT;
	cr_expect_eq(watch_object_to_error(99, RDMA_DRIVER_MLX5, qp), -EOPNOTSUPP);
	cr_expect_eq(watch_object_query(99, RDMA_DRIVER_MLX5, qp, &facts), -EOPNOTSUPP);
	cr_expect_eq(watch_object_destroy(99, RDMA_DRIVER_MLX5, qp), 0);
	cr_expect_arr_eq(kernel.calls, ((unsigned[]){ 2, 1, 1 }), sizeof(kernel.calls));
}
