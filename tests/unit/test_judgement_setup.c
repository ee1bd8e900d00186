// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Refusals for which an SA may be requested. */
#include "judgement_fixture.h"

Test(judgement_setup, an_sa_that_may_be_asked_for)
{
	struct request request = modify(0, "::ffff:10.0.0.2");
	struct engine_answer answer;
	struct estate e;

	rxe_with_ipsec(&e);
	answer = ask(&e, NULL, &request);
	cr_expect_eq(answer.setup_ms, 0U, "there is one");
	e.w.sa_count = 0;
	answer = ask(&e, NULL, &request);
	cr_expect(!answer.pass && answer.err == EPERM);
	cr_expect_eq(answer.setup_ms, 10000U);
	cr_expect_eq(answer.verdict.policy_out, 9U);
	cr_expect_eq(answer.path.family, AF_INET);
	cr_expect(!answer.per_qp);
	cr_expect_eq(ask(&e, "[default]\nsetup-timeout = 3s\n", &request).setup_ms, 3000U);
	cr_expect_eq(ask(&e, "[default]\nsetup = none\n", &request).setup_ms, 0U);
	cr_expect_eq(ask(&e, "[default]\nmode = audit\n", &request).setup_ms, 10000U, "what enforce would do");
	cr_expect_eq(ask(&e, "[default]\nmode = off\n", &request).setup_ms, 0U);
	cr_expect_eq(ask(&e, "[default]\nrequire = macsec\n", &request).setup_ms, 0U, "no SA would help");
	request.want.setup_timeout_ms = 77;
	cr_expect_eq(ask(&e, "[default]\nsetup-timeout = 3s\n", &request).setup_ms, 77U);
	cr_expect_eq(ask(&e, "[default]\nsetup = none\n", &request).setup_ms, 0U);
	request.want = (struct want){ .granularity = WANT_QP };
	cr_expect_eq(ask(&e, NULL, &request).setup_ms, 0U, "not to be had on rxe");
	/* what the port may become is enough to make a QP: nobody waits for that */
	cr_expect_eq(
		ask(&e, NULL, &(struct request){ .kind = REQUEST_QP_CREATE, .qp_type = IB_UVERBS_QPT_RC }).setup_ms,
		0U);
	request.want = (struct want){ 0 };
	e.w.policies[IN].tmpl_count = 0;
	cr_expect_eq(ask(&e, NULL, &request).setup_ms, 0U, "the way in is open");
}

/* One rule may be the one, or another: all have to be content with an SA. */
Test(judgement_setup, an_sa_is_not_asked_for_in_vain)
{
	static const char two[] = "[rule app]\nmatch-executable = /usr/bin/app\nrequire = macsec\n"
				  "[default]\nsetup-timeout = 2s\n";
	struct request request = modify(0, "::ffff:10.0.0.2");
	struct estate e;

	rxe_with_ipsec(&e);
	e.w.sa_count = 0;
	e.client.executable_known = false;
	cr_expect_eq(ask(&e, two, &request).setup_ms, 0U);
	e.client.executable_known = true;
	text_copy(e.client.executable, sizeof(e.client.executable), "/usr/bin/other");
	cr_expect_eq(ask(&e, two, &request).setup_ms, 2000U);
}
