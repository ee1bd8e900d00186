// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Commands that a policy allows, that always pass, or that are refused under every policy. */
#include "judgement_fixture.h"

Test(judgement_command, raw_packets)
{
	struct request request = create(IB_UVERBS_QPT_RAW_PACKET);
	struct request flow = of_kind(REQUEST_FLOW_CREATE);
	struct estate e;

	rxe_on_macsec(&e);
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=raw-packet)");
	EXPECT_REFUSED(ask(&e, "[default]\nrequire = none\n", &request), "(reason=raw-packet)");
	EXPECT_PASS(ask(&e, "[default]\nraw-packet = allow\n", &request));
	EXPECT_REFUSED(ask(&e, NULL, &flow), "(reason=flow-steering)");
	EXPECT_PASS(ask(&e, "[default]\nraw-packet = allow\n", &flow));
	EXPECT_REFUSED(ask(&e, "[default]\ndevx = allow\n", &flow), "(reason=flow-steering)");
	/* allowed for one program only, and nobody knows which one this is */
	e.client.executable_known = false;
	EXPECT_REFUSED(ask(&e, "[rule dpdk]\nmatch-executable = /usr/bin/app\nraw-packet = allow\n", &request),
		       "(reason=raw-packet)");
	e.client.executable_known = true;
	EXPECT_PASS(ask(&e, "[rule dpdk]\nmatch-executable = /usr/bin/app\nraw-packet = allow\n", &request));
}

/* A source QP number of one's own choice is a raw-packet right; what the QP then sends is judged all the same. */
Test(judgement_command, a_source_qpn)
{
	struct request request = create(IB_UVERBS_QPT_UD);
	struct estate e;

	request.has = UVERBS_HAS_SOURCE_QPN;
	rxe_on_macsec(&e);
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=source-qpn)");
	EXPECT_PASS(ask(&e, "[default]\nraw-packet = allow\n", &request));
	EXPECT_AUDITED(ask(&e, "[default]\nmode = audit\n", &request), "(reason=source-qpn)");
	rxe_on_eth(&e);
	EXPECT_REFUSED(ask(&e, "[default]\nraw-packet = allow\n", &request),
		       "(reason=macsec-no-device,outbound-no-policy)");
}

Test(judgement_command, what_is_malformed)
{
	struct request request = of_kind(REQUEST_MALFORMED);
	struct estate e;

	rxe_on_macsec(&e);
	EXPECT_REFUSED(ask(&e, NULL, &request), "malformed command on rxe0 (reason=command-unknown)");
	EXPECT_REFUSED(ask(&e, "[default]\nrequire = none\nraw-packet = allow\ndevx = allow\n", &request),
		       "(reason=command-unknown)");
	request.kind = REQUEST_KIND_COUNT;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=command-unknown)");
}

Test(judgement_command, destroying_is_free)
{
	struct request request = of_kind(REQUEST_QP_DESTROY);
	struct estate e;

	rxe_on_eth(&e);
	EXPECT_PASS(ask(&e, NULL, &request));
}

/* Of no device and no namespace: whatever rule could be the one for what the program does then. */
static struct engine_answer ask_broken(const char *policy_text)
{
	const struct policy *policy = policy_text ? parse(policy_text) : policy_builtin();
	const struct engine_client client = {
		.pid = 1, .uid = 1000, .executable_known = true, .executable = "/usr/bin/app"
	};
	const struct request request = { .kind = REQUEST_DOOR_BROKEN };
	struct engine_answer answer;

	engine_judge(&(struct engine_view){ .policy = policy }, &client, &request, &answer);
	expect_sound_answer(&answer);
	policy_free(policy);
	return answer;
}

Test(judgement_command, a_door_that_cannot_stand)
{
	EXPECT_REFUSED(ask_broken(NULL), "(reason=door-broken)");
	EXPECT_REFUSED(ask_broken("[default]\nrequire = none\n"), "(reason=door-broken)");
	EXPECT_AUDITED(ask_broken("[default]\nmode = audit\n"), "(reason=door-broken)");
	EXPECT_PASS(ask_broken("[default]\nmode = off\n"));
	EXPECT_REFUSED(ask_broken("[rule one]\nmatch-device = mlx5_*\nmode = enforce\n[default]\nmode = off\n"),
		       "[rule one]");
	EXPECT_PASS(ask_broken("[rule one]\nmatch-uid = 1234\nmode = enforce\n[default]\nmode = off\n"));
	EXPECT_PASS(ask_broken("[rule one]\nmatch-executable = /usr/bin/app\nmode = off\n"));
}
