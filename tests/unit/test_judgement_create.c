// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* New queue pairs and multicast groups, which have no address of their own. */
#include "judgement_fixture.h"

/* ---- connected: refused now only if no GID could ever be protected ---- */

static const uint32_t connected[] = { IB_UVERBS_QPT_RC, IB_UVERBS_QPT_UC, IB_UVERBS_QPT_XRC_INI,
				      IB_UVERBS_QPT_XRC_TGT };

static void expect_connected_pass(const char *policy)
{
	for (size_t i = 0; i < COUNT(connected); i++)
		EXPECT_PASS(ask(policy, create(connected[i])));
}

static void expect_connected_refused(const char *policy, const char *codes)
{
	for (size_t i = 0; i < COUNT(connected); i++)
		EXPECT_REFUSED(ask(policy, create(connected[i])), codes);
}

Test(judgement_create, passes_connected_qp_on_macsec)
{
	rxe_on_macsec();
	expect_connected_pass(NULL);
}

Test(judgement_create, passes_connected_qp_if_one_gid_is_protected)
{
	mlx5_mixed();
	expect_connected_pass(NULL);
}

Test(judgement_create, passes_connected_qp_with_ipsec)
{
	rxe_with_ipsec();
	expect_connected_pass(NULL);
}

Test(judgement_create, passes_connected_qp_whose_sa_is_missing)
{
	rxe_without_sas();
	expect_connected_pass(NULL);
}

Test(judgement_create, refuses_connected_qp_without_protection)
{
	rxe_on_eth();
	expect_connected_refused(NULL, "macsec-no-device,outbound-no-policy");
}

Test(judgement_create, refuses_connected_qp_with_ipsec_if_macsec_is_required)
{
	rxe_without_sas();
	expect_connected_refused("[default]\nrequire = macsec\n", "macsec-no-device");
}

/* ---- ports without a protected path ---- */

Test(judgement_create, refuses_qp_of_unknown_driver)
{
	rxe_on_macsec();
	e.device.driver_known = false;
	EXPECT_REFUSED(ask(NULL, create(IB_UVERBS_QPT_RC)), "driver-unknown");
}

/* iWARP never sets an address. */
Test(judgement_create, refuses_qp_of_driver_without_roce)
{
	rxe_on_macsec();
	e.device.driver_id = RDMA_DRIVER_SIW;
	EXPECT_REFUSED(ask(NULL, create(IB_UVERBS_QPT_RC)), "driver-no-roce");
}

Test(judgement_create, refuses_qp_of_driver_that_sends_in_clear)
{
	rxe_on_macsec();
	e.device.driver_id = RDMA_DRIVER_IRDMA;
	EXPECT_REFUSED(ask(NULL, create(IB_UVERBS_QPT_RC)), "driver-clear");
}

Test(judgement_create, refuses_qp_of_port_without_gids)
{
	rxe_on_macsec();
	e.port.gid_count = 0;
	EXPECT_REFUSED(ask(NULL, create(IB_UVERBS_QPT_RC)), "no-gid");
}

Test(judgement_create, refuses_qp_of_device_without_ports)
{
	rxe_on_macsec();
	e.device.port_count = 0;
	EXPECT_REFUSED(ask(NULL, create(IB_UVERBS_QPT_RC)), "no-gid");
}

Test(judgement_create, refuses_qp_if_xfrm_is_unreadable)
{
	rxe_with_ipsec();
	e.w.xfrm_state = EVIDENCE_NO_PRIVILEGE;
	EXPECT_REFUSED(ask(NULL, create(IB_UVERBS_QPT_RC)), "macsec-no-device,xfrm-no-privilege");
}

/* ---- datagrams: the program chooses their remotes in its own memory, so every possible path must be protected ---- */

static const uint32_t datagrams[] = { IB_UVERBS_QPT_UD, IB_UVERBS_QPT_DRIVER };

static void expect_datagrams_pass(void)
{
	for (size_t i = 0; i < COUNT(datagrams); i++)
		EXPECT_PASS(ask(NULL, create(datagrams[i])));
}

static void expect_datagrams_refused(uint8_t gid, const char *codes)
{
	for (size_t i = 0; i < COUNT(datagrams); i++) {
		struct judgement answer = ask(NULL, create(datagrams[i]));

		EXPECT_REFUSED(answer, codes);
		cr_expect_eq(answer.path.sgid_index, gid, "%u", answer.path.sgid_index);
	}
}

static void policies_for_all_remotes(void)
{
	e.w.policies[OUT].sel.daddr_prefix = e.w.policies[IN].sel.saddr_prefix = 0;
}

Test(judgement_create, passes_datagram_qp_on_macsec)
{
	rxe_on_macsec();
	expect_datagrams_pass();
}

Test(judgement_create, passes_datagram_qp_with_policies_for_all_remotes)
{
	rxe_with_ipsec();
	policies_for_all_remotes();
	expect_datagrams_pass();
}

Test(judgement_create, refuses_datagram_qp_if_one_gid_is_unprotected)
{
	mlx5_mixed();
	expect_datagrams_refused(0, "macsec-no-device,outbound-no-policy");
}

Test(judgement_create, refuses_datagram_qp_with_policies_for_one_remote)
{
	rxe_with_ipsec();
	expect_datagrams_refused(0, "outbound-policy-gap");
}

Test(judgement_create, refuses_datagram_qp_if_policies_omit_one_gid)
{
	rxe_with_ipsec();
	policies_for_all_remotes();
	add_gid("::ffff:10.0.9.1", "eth0");
	expect_datagrams_refused(1, "macsec-no-device,outbound-no-policy");
}

Test(judgement_create, refuses_datagram_qp_if_one_gid_is_roce_v1)
{
	rxe_on_macsec();
	e.gids[1].type = GID_TYPE_ROCE_V1;
	expect_datagrams_refused(1, "gid-roce-v1");
}

Test(judgement_create, refuses_datagram_qp_of_port_without_gids)
{
	rxe_on_macsec();
	e.port.gid_count = 0;
	for (size_t i = 0; i < COUNT(datagrams); i++)
		EXPECT_REFUSED(ask(NULL, create(datagrams[i])), "no-gid");
}

/* The kernel makes the address handles of this driver, so its datagram QPs are judged like connected ones. */
Test(judgement_create, refuses_ud_qp_of_driver_with_kernel_handles)
{
	rxe_on_macsec();
	e.device.driver_id = RDMA_DRIVER_BNXT_RE;
	EXPECT_REFUSED(ask(NULL, create(IB_UVERBS_QPT_UD)), "driver-clear");
}

Test(judgement_create, passes_multicast_on_macsec)
{
	rxe_on_macsec();
	EXPECT_PASS(ask(NULL, of_kind(REQUEST_MCAST_ATTACH)));
}

Test(judgement_create, refuses_multicast_if_one_gid_is_unprotected)
{
	struct judgement answer;

	mlx5_mixed();
	answer = ask(NULL, of_kind(REQUEST_MCAST_ATTACH));
	EXPECT_REFUSED(answer, "macsec-no-device,outbound-no-policy");
	cr_expect_eq(answer.path.sgid_index, 0);
}

/* ---- other queue pairs ---- */

static struct request open_xrc(void)
{
	return (struct request){ .kind = REQUEST_QP_OPEN, .qp_type = IB_UVERBS_QPT_XRC_TGT };
}

Test(judgement_create, refuses_unknown_type)
{
	rxe_on_macsec();
	EXPECT_REFUSED(ask(NULL, create(77)), "qp-type");
}

Test(judgement_create, passes_opened_qp_on_macsec)
{
	rxe_on_macsec();
	EXPECT_PASS(ask(NULL, open_xrc()));
}

Test(judgement_create, refuses_opened_qp_without_protection)
{
	rxe_on_eth();
	EXPECT_REFUSED(ask(NULL, open_xrc()), "macsec-no-device,outbound-no-policy");
}
