// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Changes of the evidence: the queue pairs that are queued, and the SAs that are requested. */
#include <linux/xfrm.h>
#include <sanitizer/lsan_interface.h>

#include "decide_fixture.h"
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

static struct judgement answer_by(enum protection by)
{
	return (struct judgement){
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
	const struct judgement answer = answer_by(by);

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

TestSuite(watch_changes, .init = begin, .fini = end, .timeout = 60);

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
	{ "what leads packets elsewhere", MIRROR_CHANGE_DETOURS, 0, 0, 0, 0, 0, true },
};

static void row_happens(struct namespace *in, const struct change_row *row)
{
	const struct xfrm_change xfrm = sa_change(row->xfrm, row->spi, row->from, row->to);

	happens(in, row->kind, &xfrm, row->ifindex);
}

Test(watch_changes, queues_qp_that_change_concerns)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		row_happens(ufile->in, &changes[i]);
		cr_expect_eq(is_queued(the_qp()), changes[i].queued, "%s", changes[i].name);
	}
}

/* A SecY below a bond or a bridge. */
Test(watch_changes, any_secy_concerns_stacked_qp)
{
	the_qp()->judged.stacked = true;
	happens(ufile->in, MIRROR_CHANGE_SECY, NULL, ETH1);
	cr_expect(is_queued(the_qp()));
}

/* An SA of the packets that a VXLAN netdev sends has other addresses. For its expiry no SA is requested. */
Test(watch_changes, any_sa_concerns_tunnelled_qp)
{
	the_qp()->judged.tunnelled = true;
	sa_happens(XFRM_CHANGE_EXPIRING, SPI_OUT, 1, 2);
	cr_expect_not(is_queued(the_qp()));
	cr_expect_eq(asked_for, 0);
	sa_happens(XFRM_CHANGE_SA, OTHER_SPI, 8, 9);
	cr_expect(is_queued(the_qp()));
}

Test(watch_changes, ignores_change_of_other_namespace)
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

Test(watch_changes, change_queues_only_qps_that_can_send)
{
	for (enum watch_state state = WATCH_UNKNOWN; state <= WATCH_REVOKED; state++) {
		the_qp()->state = state;
		sa_happens(XFRM_CHANGE_SA, SPI_OUT, 1, 2);
		cr_expect_eq(is_queued(the_qp()), can_send[state], "state %d", state);
	}
}

Test(watch_changes, queue_takes_only_qps_that_can_send)
{
	for (enum watch_state state = WATCH_UNKNOWN; state <= WATCH_REVOKED; state++) {
		the_qp()->state = state;
		forget();
		watch_queue(ufile, the_qp());
		cr_expect_eq(is_queued(the_qp()), can_send[state], "state %d", state);
	}
}

/* It may send by every GID. */
Test(watch_changes, any_sa_concerns_qp_without_address)
{
	report_judged(REQUEST_QP_READY, BY_IPSEC);
	sa_happens(XFRM_CHANGE_SA, OTHER_SPI, 1, 3);
	cr_expect(is_queued(the_qp()));
}

Test(watch_changes, any_sa_concerns_qp_whose_rule_requires_nothing)
{
	report_judged(REQUEST_QP_ADDRESS, BY_POLICY_NONE);
	sa_happens(XFRM_CHANGE_SA, OTHER_SPI, 1, 3);
	cr_expect(is_queued(the_qp()));
}

Test(watch_changes, no_sa_concerns_loopback)
{
	report_judged(REQUEST_QP_ADDRESS, BY_LOOPBACK);
	sa_happens(XFRM_CHANGE_SA, SPI_OUT, 1, 2);
	cr_expect_not(is_queued(the_qp()));
}

Test(watch_changes, what_leads_packets_elsewhere_does_not_concern_loopback)
{
	report_judged(REQUEST_QP_ADDRESS, BY_LOOPBACK);
	happens(ufile->in, MIRROR_CHANGE_DETOURS, NULL, 0);
	cr_expect_not(is_queued(the_qp()));
}

/* Its packets do not pass netfilter and tc of the host. */
Test(watch_changes, what_leads_packets_elsewhere_does_not_concern_nic)
{
	the_qp()->judged.egress = EGRESS_NIC_MACSEC_IPSEC;
	happens(ufile->in, MIRROR_CHANGE_DETOURS, NULL, 0);
	cr_expect_not(is_queued(the_qp()));
}

/* In audit mode: the reason may change. */
Test(watch_changes, what_leads_packets_elsewhere_concerns_unprotected_qp)
{
	the_qp()->judged.egress = EGRESS_NIC_MACSEC_IPSEC;
	the_qp()->judged.verdict = VERDICT_UNPROTECTED;
	happens(ufile->in, MIRROR_CHANGE_DETOURS, NULL, 0);
	cr_expect(is_queued(the_qp()));
}

Test(watch_changes, new_policy_queues_all_qps)
{
	struct policy *const policy = (struct policy *)16; /* nothing is judged here */

	report(&(struct request){ .kind = REQUEST_QP_ADDRESS, .has = UVERBS_HAS_HANDLE, .handle = 6 },
	       &(struct judgement){ .pass = true });
	watch_qp_find(ufile, 6)->state = WATCH_GRACE;
	watch_set_policy(watch, policy);
	cr_expect(is_queued(the_qp()));
	cr_expect(is_queued(watch_qp_find(ufile, 6)));
}

Test(watch_changes, finds_qp_by_handle)
{
	report_created(6, 0, 0);
	cr_expect_eq(the_qp()->handle, HANDLE);
	cr_expect_null(watch_qp_find(ufile, 7));
	cr_expect_eq(watch_qp_type(ufile, 6), 0U);
}

/* ---- SAs that expire ---- */

Test(watch_changes, requests_sa_when_outbound_sa_expires)
{
	sa_happens(XFRM_CHANGE_EXPIRING, SPI_OUT, 1, 2);
	cr_expect_eq(asked_for, 1);
	cr_expect_not(is_queued(the_qp()), "an expiring SA still protects");
}

Test(watch_changes, requests_sa_when_inbound_sa_expires)
{
	sa_happens(XFRM_CHANGE_EXPIRING, SPI_IN, 2, 1);
	cr_expect_eq(asked_for, 1);
	cr_expect_not(is_queued(the_qp()), "an expiring SA still protects");
}

Test(watch_changes, requests_sa_for_flow_of_qp)
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

Test(watch_changes, ignores_expiry_of_replaced_sa)
{
	sa_happens(XFRM_CHANGE_EXPIRING, SPI_OLD, 1, 2);
	cr_expect_eq(asked_for, 0);
}

Test(watch_changes, ignores_expiry_of_same_spi_to_other_peer)
{
	sa_happens(XFRM_CHANGE_EXPIRING, SPI_OUT, 1, 3);
	cr_expect_eq(asked_for, 0);
}

Test(watch_changes, requests_sa_only_for_live_qp)
{
	for (enum watch_state state = WATCH_UNKNOWN; state <= WATCH_REVOKED; state++) {
		the_qp()->state = state;
		sa_happens(XFRM_CHANGE_EXPIRING, SPI_OUT, 1, 2);
		cr_expect_eq(asked_for, state == WATCH_LIVE, "state %d", state);
	}
}

Test(watch_changes, requests_no_sa_for_qp_with_macsec)
{
	report_judged(REQUEST_QP_ADDRESS, BY_MACSEC);
	sa_happens(XFRM_CHANGE_EXPIRING, SPI_OUT, 1, 2);
	cr_expect_eq(asked_for, 0);
}

/* Which of its flows needs the SA is unknown. */
Test(watch_changes, requests_no_sa_for_qp_without_address)
{
	report_judged(REQUEST_QP_READY, BY_IPSEC);
	sa_happens(XFRM_CHANGE_EXPIRING, SPI_OUT, 1, 2);
	cr_expect_eq(asked_for, 0);
}

Test(watch_changes, expiring_sa_queues_nothing)
{
	report_judged(REQUEST_QP_READY, BY_IPSEC);
	sa_happens(XFRM_CHANGE_EXPIRING, OTHER_SPI, 1, 3);
	cr_expect_not(is_queued(the_qp()));
}

/* ---- what the gate stops ---- */

enum { DEST_QPN = 0x123, OTHER_USER = UID + 1, FROM = 77 };

/* As the queue pair's own packets. */
static struct watch_stopped own_packets(void)
{
	struct watch_stopped stopped = { .dest_qpn = DEST_QPN, .netdev = "eth0", .uid_known = true, .uid = UID };
	const struct judgement answer = answer_by(BY_IPSEC);
	struct request request = { .kind = REQUEST_QP_ADDRESS,
				   .has = UVERBS_HAS_HANDLE | UVERBS_HAS_DEST_QPN,
				   .handle = HANDLE,
				   .dest_qpn = DEST_QPN };

	gid_from_address(AF_INET, &w.path.remote, request.address.dgid);
	report(&request, &answer);
	gid_from_address(AF_INET, &w.path.remote, stopped.destination);
	gid_from_address(AF_INET, &w.path.local, stopped.source);
	return stopped;
}

static void expect_accused(const struct watch_stopped *stopped, size_t count)
{
	cr_expect_eq(watch_stopped(watch, stopped), count);
	cr_expect_eq(is_queued(the_qp()), count > 0);
	cr_expect_str_eq(the_qp()->stopped_at, count ? "eth0" : "");
}

Test(watch_changes, stopped_packets_queue_their_qp)
{
	const struct watch_stopped stopped = own_packets();

	expect_accused(&stopped, 1);
}

Test(watch_changes, stopped_packets_with_translated_source_queue_their_qp)
{
	struct watch_stopped stopped = own_packets();

	stopped.source[15] ^= 1;
	expect_accused(&stopped, 1);
}

Test(watch_changes, stopped_packets_with_translated_destination_queue_their_qp)
{
	struct watch_stopped stopped = own_packets();

	stopped.destination[15] ^= 1;
	expect_accused(&stopped, 1);
}

Test(watch_changes, stopped_packets_of_other_addresses_or_number_concern_no_qp)
{
	struct watch_stopped stopped = own_packets();

	stopped.dest_qpn++;
	expect_accused(&stopped, 0);
	stopped = own_packets();
	stopped.source[15] ^= 1;
	stopped.destination[15] ^= 1;
	expect_accused(&stopped, 0);
}

Test(watch_changes, stopped_packets_of_another_user_are_no_evidence)
{
	struct watch_stopped stopped = own_packets();

	stopped.uid = OTHER_USER;
	expect_accused(&stopped, 0);
	stopped.uid = 0;
	expect_accused(&stopped, 1);
}

Test(watch_changes, stopped_packets_without_socket_are_evidence_only_from_own_path)
{
	struct watch_stopped stopped = own_packets();

	stopped.uid_known = false;
	stopped.from = FROM;
	expect_accused(&stopped, 0);
	stopped.from = w.path.egress_ifindex;
	expect_accused(&stopped, 1);
}

Test(watch_changes, stopped_packets_concern_no_qp_that_cannot_send)
{
	struct watch_stopped stopped = own_packets();

	the_qp()->state = WATCH_REVOKED;
	expect_accused(&stopped, 0);
}

/* Else its owner would keep the engine busy with them. */
Test(watch_changes, more_stopped_packets_queue_their_qp_no_more)
{
	const struct watch_stopped stopped = own_packets();

	expect_accused(&stopped, 1);
	the_qp()->work = WATCH_WORK_NONE;
	cr_expect_eq(watch_stopped(watch, &stopped), 1);
	cr_expect_not(is_queued(the_qp()));
}

Test(watch_changes, new_address_ends_evidence_of_the_gate)
{
	struct watch_stopped stopped = own_packets();

	expect_accused(&stopped, 1);
	own_packets();
	cr_expect_str_eq(the_qp()->stopped_at, "");
}
