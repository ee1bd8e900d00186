// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Connections by librdmacm, which knows addresses only. */
#include "judgement_fixture.h"

static struct request cm(enum request_kind kind, const char *local, const char *remote)
{
	struct request request = modify(0, remote);

	request.kind = kind;
	request.address.sgid_index = 0;
	gid_from(local, request.sgid);
	return request;
}

Test(judgement_cm, librdmacm_before_it_sends)
{
	static const char any[] = "[default]\ncm = any\n";
	struct estate macsec, ipsec, bare;

	rxe_on_macsec(&macsec);
	rxe_on_eth(&bare);
	for (enum request_kind kind = REQUEST_CM_CONNECT; kind <= REQUEST_CM_ROUTE; kind++) {
		struct request request = cm(kind, "::ffff:10.0.0.1", "::ffff:10.0.0.2");

		EXPECT_PASS(ask(&macsec, NULL, &request));
		EXPECT_REFUSED(ask(&bare, NULL, &request), "10.0.0.2: unprotected");
		EXPECT_REFUSED(ask(&bare, NULL, &request), request_kind_name(kind));
		EXPECT_PASS(ask(&bare, any, &request));
		EXPECT_AUDITED(ask(&bare, "[default]\nmode = audit\n", &request), request_kind_name(kind));
		request.want.granularity = WANT_QP; /* of the QP to come, not of what all share */
		rxe_with_ipsec(&ipsec);
		EXPECT_PASS(ask(&ipsec, NULL, &request));
		request = cm(kind, "::ffff:10.0.0.77", "::ffff:10.0.0.2");
		EXPECT_REFUSED(ask(&macsec, NULL, &request), "(reason=no-local-gid)");
	}
}

/* Several entries have one address: the kernel takes one of RoCE v2, and nobody knows which. */
Test(judgement_cm, librdmacm_knows_only_addresses)
{
	struct request request = cm(REQUEST_CM_CONNECT, "::ffff:10.0.0.1", "::ffff:10.0.0.2");
	struct estate e;

	rxe_on_macsec(&e);
	add_gid(&e, "::ffff:10.0.0.1", "macsec0");
	e.gids[2].type = GID_TYPE_ROCE_V1;
	EXPECT_PASS(ask(&e, NULL, &request));
	add_gid(&e, "::ffff:10.0.0.1", "eth1");
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=netdev-not-stacked)");
	e.gids[0].type = e.gids[3].type = GID_TYPE_ROCE_V1;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=gid-roce-v1)");
}
