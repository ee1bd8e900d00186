// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* New queue pairs and multicast groups, which have no address of their own. */
#include "judgement_fixture.h"

static const uint32_t connected[] = { IB_UVERBS_QPT_RC, IB_UVERBS_QPT_UC, IB_UVERBS_QPT_XRC_INI,
				      IB_UVERBS_QPT_XRC_TGT };

/* Refused at once only where no GID could ever do. */
Test(judgement_create, a_connected_qp_is_made_where_it_could_be_protected)
{
	struct estate e;

	for (size_t i = 0; i < sizeof(connected) / sizeof(connected[0]); i++) {
		struct request request = create(connected[i]);

		rxe_on_macsec(&e);
		EXPECT_PASS(ask(&e, NULL, &request));
		mlx5_mixed(&e);
		EXPECT_PASS(ask(&e, NULL, &request)); /* by one of its GIDs */
		rxe_on_eth(&e);
		EXPECT_REFUSED(ask(&e, NULL, &request),
			       "to any remote: unprotected (reason=macsec-no-device,outbound-no-policy)");
		rxe_with_ipsec(&e);
		EXPECT_PASS(ask(&e, NULL, &request));
		e.w.sa_count = 0; /* an SA may yet come */
		EXPECT_PASS(ask(&e, NULL, &request));
		EXPECT_REFUSED(ask(&e, "[default]\nrequire = macsec\n", &request),
			       "is not a MACsec device (no other GID of rxe0 is better)");
	}
}

Test(judgement_create, a_port_that_nobody_can_judge)
{
	struct request request = create(IB_UVERBS_QPT_RC);
	struct estate e;

	rxe_on_macsec(&e);
	e.device.driver_known = false;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=driver-unknown)");
	rxe_on_macsec(&e);
	e.device.driver_id = RDMA_DRIVER_SIW; /* iWARP never asks for an address */
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=driver-no-roce)");
	rxe_on_macsec(&e);
	e.device.driver_id = RDMA_DRIVER_IRDMA;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=driver-clear)");
	rxe_on_macsec(&e);
	e.port.gid_count = 0;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=no-gid)");
	rxe_on_macsec(&e);
	e.device.port_count = 0;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=no-gid)");
	rxe_with_ipsec(&e);
	e.w.xfrm_state = EVIDENCE_NO_PRIVILEGE;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=macsec-no-device,xfrm-no-privilege)");
}

/* Their addresses come from the application's own memory: all that it may choose has to be protected. */
Test(judgement_create, a_ud_qp_needs_the_whole_port)
{
	static const uint32_t types[] = { IB_UVERBS_QPT_UD, IB_UVERBS_QPT_DRIVER };
	struct estate e;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct request request = create(types[i]);

		rxe_on_macsec(&e);
		EXPECT_PASS(ask(&e, NULL, &request));
		mlx5_mixed(&e);
		EXPECT_REFUSED(ask(&e, NULL, &request), "GID 0 (10.0.0.1 on eth0) to any remote: unprotected");
		rxe_with_ipsec(&e);
		EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=outbound-policy-gap)");
		e.w.policies[OUT].sel.daddr_prefix = e.w.policies[IN].sel.saddr_prefix = 0;
		EXPECT_PASS(ask(&e, NULL, &request));
		add_gid(&e, "::ffff:10.0.9.1", "eth0"); /* an address of which the policies know nothing */
		EXPECT_REFUSED(ask(&e, NULL, &request), "GID 1 (10.0.9.1 on eth0) to any remote");
		rxe_on_macsec(&e);
		e.gids[1].type = GID_TYPE_ROCE_V1;
		EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=gid-roce-v1)");
		rxe_on_macsec(&e);
		e.port.gid_count = 0;
		EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=no-gid)");
	}
}

/* Where the kernel gives out the address handle, a UD QP is like the connected ones: refused by what its GIDs are. */
Test(judgement_create, a_ud_qp_of_a_driver_with_kernel_handles)
{
	struct request request = create(IB_UVERBS_QPT_UD);
	struct estate e;

	rxe_on_macsec(&e);
	e.device.driver_id = RDMA_DRIVER_BNXT_RE;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=driver-clear)");
}

Test(judgement_create, multicast_needs_the_whole_port)
{
	struct request request = of_kind(REQUEST_MCAST_ATTACH);
	struct estate e;

	rxe_on_macsec(&e);
	EXPECT_PASS(ask(&e, NULL, &request));
	mlx5_mixed(&e);
	EXPECT_REFUSED(ask(&e, NULL, &request), "refused attach_mcast on mlx5_0 port 1 GID 0");
}

Test(judgement_create, qps_that_are_not_understood)
{
	struct request request = create(77);
	struct estate e;

	rxe_on_macsec(&e);
	EXPECT_REFUSED(ask(&e, NULL, &request), "create_qp unknown on rxe0 (reason=qp-type)");
	request = of_kind(REQUEST_QP_OPEN);
	request.qp_type = IB_UVERBS_QPT_XRC_TGT;
	EXPECT_PASS(ask(&e, NULL, &request));
	rxe_on_eth(&e);
	EXPECT_REFUSED(ask(&e, NULL, &request), "open_qp XRC_TGT");
}
