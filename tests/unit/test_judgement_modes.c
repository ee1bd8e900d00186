// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The modes of a policy, and the rule that binds a request. */
#include "judgement_fixture.h"

Test(judgement_modes, audit_passes_and_tells)
{
	struct request request = modify(0, "::ffff:10.0.0.2"), ud = create(IB_UVERBS_QPT_UD),
		       rc = create(IB_UVERBS_QPT_RC);
	struct engine_answer answer;
	struct estate e;

	rxe_on_eth(&e);
	answer = ask(&e, "[default]\nmode = audit\n", &request);
	cr_expect(answer.pass);
	cr_expect_eq(answer.err, 0);
	cr_expect_eq(strncmp(answer.text, "rdmasec: audit: would refuse modify_qp on rxe0 port 1 GID 0", 58), 0, "%s",
		     answer.text);
	EXPECT_AUDITED(ask(&e, "[default]\nmode = audit\n", &ud), "create_qp UD");
	/* once a QP: of UD at its creation, not again with each handle; else with its address */
	request.kind = REQUEST_AH_CREATE;
	EXPECT_PASS(ask(&e, "[default]\nmode = audit\n", &request));
	request.kind = REQUEST_QP_ADDRESS;
	EXPECT_PASS(ask(&e, "[default]\nmode = audit\n", &rc));
	rxe_on_macsec(&e);
	EXPECT_PASS(ask(&e, "[default]\nmode = audit\n", &request));
}

Test(judgement_modes, off_is_silent)
{
	struct estate e;

	rxe_on_eth(&e);
	for (int kind = REQUEST_NOTHING + 1; kind < REQUEST_KIND_COUNT; kind++) {
		struct request request = modify(0, "::ffff:10.0.0.2");

		request.kind = kind;
		request.qp_type = IB_UVERBS_QPT_RAW_PACKET;
		request.has = UVERBS_HAS_ALT_PATH | UVERBS_HAS_DEVX | UVERBS_HAS_SOURCE_QPN;
		EXPECT_PASS(ask(&e, "[default]\nmode = off\n", &request));
	}
}

/* Off for some remotes: only what surely goes there is passed by. */
Test(judgement_modes, rules_by_remote)
{
	static const char off[] = "[rule lab]\nmatch-remote = 10.0.0.2/32\nmode = off\n";
	static const char none[] = "[rule lab]\nmatch-remote = 10.0.0.2/32\nrequire = none\n";
	static const char audit[] = "[rule lab]\nmatch-remote = 10.0.0.2/32\nmode = audit\n";
	struct request there = modify(0, "::ffff:10.0.0.2"), elsewhere = modify(0, "::ffff:10.0.0.3");
	struct request ud = create(IB_UVERBS_QPT_UD), rc = create(IB_UVERBS_QPT_RC);
	struct request raw = create(IB_UVERBS_QPT_RAW_PACKET), bad = of_kind(REQUEST_MALFORMED);
	struct estate e;

	rxe_on_eth(&e);
	EXPECT_PASS(ask(&e, off, &there));
	EXPECT_PASS(ask(&e, none, &there));
	EXPECT_AUDITED(ask(&e, audit, &there), "[rule lab]");
	EXPECT_REFUSED(ask(&e, off, &elsewhere), "unprotected");
	EXPECT_REFUSED(ask(&e, none, &elsewhere), "unprotected");
	EXPECT_REFUSED(ask(&e, audit, &elsewhere), "unprotected");
	/* the remote is not known yet: what comes later may be asked, what comes never is refused */
	EXPECT_PASS(ask(&e, off, &rc));
	EXPECT_PASS(ask(&e, none, &rc));
	EXPECT_PASS(ask(&e, audit, &rc));
	EXPECT_REFUSED(ask(&e, off, &ud), "unprotected");
	EXPECT_REFUSED(ask(&e, none, &ud), "unprotected");
	EXPECT_REFUSED(ask(&e, audit, &ud), "unprotected");
	EXPECT_REFUSED(ask(&e, off, &raw), "(reason=raw-packet)");
	EXPECT_REFUSED(ask(&e, audit, &raw), "(reason=raw-packet)");
	EXPECT_REFUSED(ask(&e, off, &bad), "(reason=command-unknown)");
}

/* A rule that demands more for some remotes binds wherever the remote is not known. */
Test(judgement_modes, a_stricter_rule_by_remote)
{
	static const char enforced[] =
		"[default]\nmode = audit\n[rule far]\nmatch-remote = 10.9.0.0/16\nmode = enforce\n";
	static const char stricter[] =
		"[default]\nrequire = none\n[rule far]\nmatch-remote = 10.9.0.0/16\nrequire = ipsec\n";
	struct request near = modify(0, "::ffff:10.0.0.2"), far = modify(0, "::ffff:10.9.0.2");
	struct request ud = create(IB_UVERBS_QPT_UD);
	struct estate e;

	rxe_on_eth(&e);
	EXPECT_PASS(ask(&e, stricter, &near));
	EXPECT_REFUSED(ask(&e, stricter, &far), "[rule far]");
	EXPECT_REFUSED(ask(&e, stricter, &ud), "[rule far]");
	/* also where the rule behind it only audits: that both may apply does not make it the milder one */
	EXPECT_REFUSED(ask(&e, enforced, &ud), "[rule far]");
	EXPECT_AUDITED(ask(&e, enforced, &near), "audit");
	EXPECT_REFUSED(ask(&e, enforced, &far), "[rule far]");
}

Test(judgement_modes, rules_by_user_program_device_and_port)
{
	static const struct {
		const char *match;
		bool off;
	} rows[] = {
		{ "match-uid = 1000", true },
		{ "match-uid = 1001", false },
		{ "match-executable = /usr/bin/*", true },
		{ "match-executable = /usr/sbin/*", false },
		{ "match-device = rxe*", true },
		{ "match-device = mlx5_*", false },
		{ "match-port = 1", true },
		{ "match-port = 2", false },
	};
	struct request request = modify(0, "::ffff:10.0.0.2");
	struct estate e;

	rxe_on_eth(&e);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[128];

		text_format(text, sizeof(text), "[rule r]\n%s\nmode = off\n", rows[i].match);
		cr_expect_eq(ask(&e, text, &request).pass, rows[i].off, "%s", rows[i].match);
	}
	/* not known: it may be the program that is off, or not */
	e.client.executable_known = false;
	EXPECT_REFUSED(ask(&e, "[rule r]\nmatch-executable = /usr/bin/*\nmode = off\n", &request), "unprotected");
}
