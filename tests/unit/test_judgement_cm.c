// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Connections by librdmacm, which knows addresses only. */
#include "judgement_fixture.h"

static const char clear[] = "macsec-no-device,outbound-no-policy";

static struct request cm(enum request_kind kind, const char *local)
{
	struct request request = modify(0, PEER);

	request.kind = kind;
	gid_from(local, request.sgid);
	return request;
}

#define LOCAL "::ffff:10.0.0.1"

#define FOR_EACH_KIND(kind) for (enum request_kind kind = REQUEST_CM_CONNECT; (kind) <= REQUEST_CM_ROUTE; (kind)++)

Test(judgement_cm, passes_messages_over_macsec)
{
	rxe_on_macsec();
	FOR_EACH_KIND(kind)
	EXPECT_PASS(ask(NULL, cm(kind, LOCAL)));
}

Test(judgement_cm, refuses_messages_without_protection)
{
	rxe_on_eth();
	FOR_EACH_KIND(kind)
	{
		struct judgement answer = ask(NULL, cm(kind, LOCAL));

		EXPECT_REFUSED(answer, clear);
		cr_expect(strstr(line, request_kind_name(kind)), "%s", line);
	}
}

Test(judgement_cm, audits_messages_without_protection)
{
	rxe_on_eth();
	FOR_EACH_KIND(kind)
	EXPECT_AUDITED(ask("[default]\nmode = audit\n", cm(kind, LOCAL)), clear);
}

Test(judgement_cm, passes_messages_in_clear_if_allowed)
{
	rxe_on_eth();
	FOR_EACH_KIND(kind)
	EXPECT_PASS(ask("[default]\ncm = any\n", cm(kind, LOCAL)));
}

/* The messages travel between the hosts; an SA of its own is for the queue pair that comes later. */
Test(judgement_cm, passes_messages_by_shared_sa_if_own_sa_is_wanted)
{
	rxe_with_ipsec();
	FOR_EACH_KIND(kind)
	{
		struct request request = cm(kind, LOCAL);

		request.want.granularity = WANT_QP;
		EXPECT_PASS(ask(NULL, request));
	}
}

Test(judgement_cm, refuses_local_address_without_gid)
{
	rxe_on_macsec();
	FOR_EACH_KIND(kind)
	EXPECT_REFUSED(ask(NULL, cm(kind, "::ffff:10.0.0.77")), "no-local-gid");
}

/* ---- several GIDs with the same address: the kernel takes any of them that is RoCE v2 ---- */

static void rxe_with_second_gid(const char *netdev)
{
	rxe_on_macsec();
	add_gid(LOCAL, netdev);
}

Test(judgement_cm, ignores_roce_v1_gid_of_same_address)
{
	rxe_with_second_gid("macsec0");
	e.gids[2].type = GID_TYPE_ROCE_V1;
	EXPECT_PASS(ask(NULL, cm(REQUEST_CM_CONNECT, LOCAL)));
}

Test(judgement_cm, refuses_if_one_gid_of_same_address_is_unprotected)
{
	rxe_with_second_gid("eth1");
	EXPECT_REFUSED(ask(NULL, cm(REQUEST_CM_CONNECT, LOCAL)), "netdev-not-stacked");
}

Test(judgement_cm, refuses_if_all_gids_of_same_address_are_roce_v1)
{
	rxe_with_second_gid("eth1");
	e.gids[0].type = e.gids[2].type = GID_TYPE_ROCE_V1;
	EXPECT_REFUSED(ask(NULL, cm(REQUEST_CM_CONNECT, LOCAL)), "gid-roce-v1");
}
