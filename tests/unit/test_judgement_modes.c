// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The modes of a policy, and the rule that binds a request. All on a port without protection, unless said otherwise. */
#include "judgement_fixture.h"

static const char audit[] = "[default]\nmode = audit\n";
static const char clear[] = "macsec-no-device,outbound-no-policy";

/* ---- audit ---- */

Test(judgement_modes, audit_passes_and_reports_address)
{
	struct judgement answer;

	rxe_on_eth();
	answer = ask(audit, modify(0, PEER));
	EXPECT_AUDITED(answer, clear);
	cr_expect_eq(strncmp(line, "rdmasec: audit: would refuse modify_qp on rxe0 port 1 GID 0", 58), 0, "%s", line);
}

Test(judgement_modes, audit_reports_datagram_qp_at_its_creation)
{
	rxe_on_eth();
	EXPECT_AUDITED(ask(audit, create(IB_UVERBS_QPT_UD)), clear);
}

/* It was reported when its QP was created. */
Test(judgement_modes, audit_reports_no_address_handle)
{
	struct request request = modify(0, PEER);

	rxe_on_eth();
	request.kind = REQUEST_AH_CREATE;
	EXPECT_PASS(ask(audit, request));
}

/* It is reported when it gets its address. */
Test(judgement_modes, audit_reports_no_connected_qp_at_its_creation)
{
	rxe_on_eth();
	EXPECT_PASS(ask(audit, create(IB_UVERBS_QPT_RC)));
}

Test(judgement_modes, audit_reports_no_protected_address)
{
	rxe_on_macsec();
	EXPECT_PASS(ask(audit, modify(0, PEER)));
}

/* ---- off ---- */

Test(judgement_modes, off_passes_every_command)
{
	rxe_on_eth();
	for (int kind = REQUEST_NOTHING + 1; kind < REQUEST_KIND_COUNT; kind++) {
		struct request request = modify(0, PEER);

		request.kind = kind;
		request.qp_type = IB_UVERBS_QPT_RAW_PACKET;
		request.has = UVERBS_HAS_ALT_PATH | UVERBS_HAS_DEVX | UVERBS_HAS_SOURCE_QPN;
		EXPECT_PASS(ask("[default]\nmode = off\n", request));
	}
}

/* ---- a rule that is looser for one remote holds only for what goes there for certain ---- */

#define LAB "[rule lab]\nmatch-remote = 10.0.0.2/32\n"

static const char lab_off[] = LAB "mode = off\n", lab_none[] = LAB "require = none\n",
		  lab_audit[] = LAB "mode = audit\n";
static const char *const loose[] = { lab_off, lab_none, lab_audit };

Test(judgement_modes, loose_rule_passes_its_remote)
{
	rxe_on_eth();
	EXPECT_PASS(ask(lab_off, modify(0, PEER)));
	EXPECT_PASS(ask(lab_none, modify(0, PEER)));
}

Test(judgement_modes, audit_rule_reports_its_remote)
{
	rxe_on_eth();
	EXPECT_AUDITED(ask(lab_audit, modify(0, PEER)), clear);
	cr_expect_str_eq(rule_of_answer, "lab");
}

Test(judgement_modes, loose_rule_does_not_pass_other_remote)
{
	rxe_on_eth();
	for (size_t i = 0; i < COUNT(loose); i++)
		EXPECT_REFUSED(ask(loose[i], modify(0, "::ffff:10.0.0.3")), clear);
}

/* Its address is judged later. */
Test(judgement_modes, loose_rule_passes_creation_of_connected_qp)
{
	rxe_on_eth();
	for (size_t i = 0; i < COUNT(loose); i++)
		EXPECT_PASS(ask(loose[i], create(IB_UVERBS_QPT_RC)));
}

Test(judgement_modes, loose_rule_does_not_pass_creation_of_datagram_qp)
{
	rxe_on_eth();
	for (size_t i = 0; i < COUNT(loose); i++)
		EXPECT_REFUSED(ask(loose[i], create(IB_UVERBS_QPT_UD)), clear);
}

Test(judgement_modes, loose_rule_does_not_pass_raw_packets)
{
	rxe_on_eth();
	EXPECT_REFUSED(ask(lab_off, create(IB_UVERBS_QPT_RAW_PACKET)), "raw-packet");
	EXPECT_REFUSED(ask(lab_audit, create(IB_UVERBS_QPT_RAW_PACKET)), "raw-packet");
}

Test(judgement_modes, loose_rule_does_not_pass_malformed_command)
{
	rxe_on_eth();
	EXPECT_REFUSED(ask(lab_off, of_kind(REQUEST_MALFORMED)), "command-unknown");
}

/* ---- a rule that is stricter for some remotes holds wherever the remote is unknown ---- */

#define FAR "[rule far]\nmatch-remote = 10.9.0.0/16\n"

static const char far_enforced[] = "[default]\nmode = audit\n" FAR "mode = enforce\n";
static const char far_ipsec[] = "[default]\nrequire = none\n" FAR "require = ipsec\n";

Test(judgement_modes, strict_rule_refuses_its_remote)
{
	rxe_on_eth();
	EXPECT_REFUSED(ask(far_ipsec, modify(0, "::ffff:10.9.0.2")), "outbound-no-policy");
	cr_expect_str_eq(rule_of_answer, "far");
}

Test(judgement_modes, enforced_rule_refuses_its_remote)
{
	rxe_on_eth();
	EXPECT_REFUSED(ask(far_enforced, modify(0, "::ffff:10.9.0.2")), clear);
	cr_expect_str_eq(rule_of_answer, "far");
}

Test(judgement_modes, strict_rule_does_not_hold_for_other_remote)
{
	rxe_on_eth();
	EXPECT_PASS(ask(far_ipsec, modify(0, PEER)));
	EXPECT_AUDITED(ask(far_enforced, modify(0, PEER)), clear);
}

Test(judgement_modes, strict_rule_refuses_datagram_qp)
{
	rxe_on_eth();
	EXPECT_REFUSED(ask(far_ipsec, create(IB_UVERBS_QPT_UD)), "outbound-no-policy");
	cr_expect_str_eq(rule_of_answer, "far");
}

/* That the rule behind it may match as well does not make it the looser one. */
Test(judgement_modes, enforced_rule_refuses_datagram_qp)
{
	rxe_on_eth();
	EXPECT_REFUSED(ask(far_enforced, create(IB_UVERBS_QPT_UD)), clear);
	cr_expect_str_eq(rule_of_answer, "far");
}

/* ---- the other keys by which a rule matches ---- */

static const struct {
	const char *match;
	bool off;
} matches[] = {
	{ "match-uid = 1000", true },
	{ "match-uid = 1001", false },
	{ "match-executable = /usr/bin/*", true },
	{ "match-executable = /usr/sbin/*", false },
	{ "match-device = rxe*", true },
	{ "match-device = mlx5_*", false },
	{ "match-port = 1", true },
	{ "match-port = 2", false },
};

Test(judgement_modes, rule_matches_user_program_device_and_port)
{
	rxe_on_eth();
	for (size_t i = 0; i < COUNT(matches); i++) {
		char text[128];

		text_format(text, sizeof(text), "[rule r]\n%s\nmode = off\n", matches[i].match);
		cr_expect_eq(ask(text, modify(0, PEER)).pass, matches[i].off, "%s", matches[i].match);
	}
}

Test(judgement_modes, loose_rule_of_program_does_not_pass_unknown_program)
{
	rxe_on_eth();
	e.client.executable_known = false;
	EXPECT_REFUSED(ask("[rule r]\nmatch-executable = /usr/bin/*\nmode = off\n", modify(0, PEER)), clear);
}

/* ---- what the gate has stopped ---- */

static struct judgement stopped(const char *policy)
{
	static const struct policy_rule audited = { .mode = MODE_AUDIT }, enforced = { .mode = MODE_ENFORCE };
	struct judgement answer = ask(policy, modify(0, PEER));

	answer.rule = policy == audit ? &audited : &enforced;
	judgement_stopped(&answer, &(struct want){ .require = WANT_NOTHING }, "eth7");
	return answer;
}

Test(judgement_modes, stopped_packets_refuse_what_passed)
{
	struct judgement answer;
	char text[320];

	rxe_on_macsec();
	answer = stopped("");
	cr_expect(!answer.pass && answer.err == EPERM && !answer.grace_ms &&
		  answer.verdict.kind == VERDICT_UNPROTECTED);
	cr_expect_eq(answer.verdict.why[0].reason, REASON_GATE_STOPPED);
	judgement_text(&answer, text, sizeof(text));
	cr_expect(strstr(text, "leave eth7 in clear"), "%s", text);
}

Test(judgement_modes, stopped_packets_are_audited_in_audit_mode)
{
	struct judgement answer;

	rxe_on_macsec();
	answer = stopped(audit);
	cr_expect(answer.pass && answer.audited && answer.reported && !answer.err);
	cr_expect_eq(answer.verdict.kind, VERDICT_UNPROTECTED);
}

/* The application's own requirement binds it in every mode. */
Test(judgement_modes, stopped_packets_refuse_what_application_requires_in_audit_mode)
{
	static const struct policy_rule audited = { .mode = MODE_AUDIT };
	struct judgement answer;

	rxe_on_macsec();
	answer = ask(audit, modify(0, PEER));
	answer.rule = &audited;
	judgement_stopped(&answer, &(struct want){ .require = WANT_ANY }, "eth7");
	cr_expect(!answer.pass && !answer.audited && answer.err == EPERM);
}

Test(judgement_modes, stopped_packets_change_no_answer_that_requires_nothing)
{
	struct judgement answer;

	rxe_on_eth();
	answer = stopped("[default]\nrequire = none\n");
	cr_expect(answer.pass && !answer.audited);
	answer = stopped("");
	cr_expect(!answer.pass && answer.verdict.why[0].reason != REASON_GATE_STOPPED, "refused for its own reason");
}
