// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Refusals for which an SA may be requested, and how long the call may wait for it. */
#include "judgement_fixture.h"

static uint32_t setup_ms(const char *policy, struct request request)
{
	return ask(policy, request).setup_ms;
}

Test(judgement_setup, offers_setup_if_only_sa_is_missing)
{
	struct judgement answer;

	rxe_without_sas();
	answer = ask(NULL, modify(0, PEER));
	EXPECT_REFUSED(answer, "outbound-sa-missing");
	cr_expect_eq(answer.setup_ms, 10000U);
}

Test(judgement_setup, names_flow_of_missing_sa)
{
	struct judgement answer;

	rxe_without_sas();
	answer = ask(NULL, modify(0, PEER));
	cr_expect_eq(answer.verdict.policy_out, 9U);
	cr_expect_eq(answer.path.family, AF_INET);
	cr_expect_not(answer.path.has_sport);
}

Test(judgement_setup, offers_none_if_sa_lives)
{
	rxe_with_ipsec();
	cr_expect_eq(setup_ms(NULL, modify(0, PEER)), 0U);
}

Test(judgement_setup, takes_timeout_of_rule)
{
	rxe_without_sas();
	cr_expect_eq(setup_ms("[default]\nsetup-timeout = 3s\n", modify(0, PEER)), 3000U);
}

Test(judgement_setup, prefers_timeout_of_program)
{
	struct request request = modify(0, PEER);

	rxe_without_sas();
	request.want.setup_timeout_ms = 77;
	cr_expect_eq(setup_ms("[default]\nsetup-timeout = 3s\n", request), 77U);
}

Test(judgement_setup, offers_none_if_rule_forbids_it)
{
	struct request request = modify(0, PEER);

	rxe_without_sas();
	cr_expect_eq(setup_ms("[default]\nsetup = none\n", request), 0U);
	request.want.setup_timeout_ms = 77;
	cr_expect_eq(setup_ms("[default]\nsetup = none\n", request), 0U);
}

Test(judgement_setup, offers_setup_in_audit_mode)
{
	rxe_without_sas();
	cr_expect_eq(setup_ms("[default]\nmode = audit\n", modify(0, PEER)), 10000U);
}

Test(judgement_setup, offers_none_if_policy_is_off)
{
	rxe_without_sas();
	cr_expect_eq(setup_ms("[default]\nmode = off\n", modify(0, PEER)), 0U);
}

Test(judgement_setup, offers_none_if_macsec_is_required)
{
	rxe_without_sas();
	cr_expect_eq(setup_ms("[default]\nrequire = macsec\n", modify(0, PEER)), 0U);
}

Test(judgement_setup, offers_none_if_device_cannot_have_own_sa)
{
	struct request request = modify(0, PEER);

	rxe_without_sas();
	request.want.granularity = WANT_QP;
	cr_expect_eq(setup_ms(NULL, request), 0U);
}

/* The creation passes already, because the SA may come. */
Test(judgement_setup, offers_none_for_creation_of_connected_qp)
{
	rxe_without_sas();
	cr_expect_eq(setup_ms(NULL, create(IB_UVERBS_QPT_RC)), 0U);
}

Test(judgement_setup, offers_none_if_inbound_policy_accepts_clear)
{
	rxe_without_sas();
	e.w.policies[IN].tmpl_count = 0;
	cr_expect_eq(setup_ms(NULL, modify(0, PEER)), 0U);
}

/* ---- an SA has to satisfy every rule that may match ---- */

static const char app_needs_macsec[] = "[rule app]\nmatch-executable = /usr/bin/app\nrequire = macsec\n"
				       "[default]\nsetup-timeout = 2s\n";

Test(judgement_setup, offers_none_if_program_is_unknown_and_one_rule_needs_macsec)
{
	rxe_without_sas();
	e.client.executable_known = false;
	cr_expect_eq(setup_ms(app_needs_macsec, modify(0, PEER)), 0U);
}

Test(judgement_setup, offers_setup_if_rule_with_macsec_is_of_other_program)
{
	rxe_without_sas();
	text_copy(e.client.executable, sizeof(e.client.executable), "/usr/bin/other");
	cr_expect_eq(setup_ms(app_needs_macsec, modify(0, PEER)), 2000U);
}

/* ---- SAs of MACsec, which MKA installs ---- */

static void rxe_without_macsec_sa(void)
{
	rxe_on_macsec();
	e.w.secy.tx_sa[2].present = false;
}

Test(judgement_setup, waits_for_macsec_sa)
{
	struct judgement answer;

	rxe_without_macsec_sa();
	answer = ask(NULL, modify(0, PEER));
	cr_expect(!answer.pass && answer.verdict.missing_macsec_sa);
	cr_expect_not(answer.verdict.missing_sa, "no key manager of IPsec is asked");
	cr_expect_eq(answer.setup_ms, 10000U);
}

Test(judgement_setup, takes_timeout_of_rule_for_macsec_sa)
{
	rxe_without_macsec_sa();
	cr_expect_eq(setup_ms("[default]\nrequire = macsec\nsetup-timeout = 3s\n", modify(0, PEER)), 3000U);
	cr_expect_eq(setup_ms("[default]\nsetup = none\n", modify(0, PEER)), 0U);
}

Test(judgement_setup, offers_none_for_macsec_sa_if_ipsec_is_required)
{
	rxe_without_macsec_sa();
	cr_expect_eq(setup_ms("[default]\nrequire = ipsec\n", modify(0, PEER)), 0U);
}

Test(judgement_setup, offers_none_if_mka_cannot_repair_macsec)
{
	rxe_without_macsec_sa();
	e.w.secy.encrypt = false;
	cr_expect_eq(setup_ms(NULL, modify(0, PEER)), 0U);
}

Test(judgement_setup, waits_at_creation_of_ud_qp_if_every_gid_lacks_macsec_sa)
{
	rxe_without_macsec_sa();
	cr_expect_eq(setup_ms(NULL, create(IB_UVERBS_QPT_UD)), 10000U);
	add_gid("::ffff:10.0.9.1", "eth0");
	cr_expect_eq(setup_ms(NULL, create(IB_UVERBS_QPT_UD)), 0U, "one GID stays in clear");
	cr_expect_eq(setup_ms(NULL, modify(0, PEER)), 10000U);
}

/* Unlike with IPsec: the program may contact its peer by the same netdev. */
Test(judgement_setup, waits_at_creation_of_connected_qp_that_lacks_macsec_sa)
{
	rxe_without_macsec_sa();
	EXPECT_REFUSED(ask(NULL, create(IB_UVERBS_QPT_RC)), "macsec-tx-sa-missing");
	cr_expect_eq(setup_ms(NULL, create(IB_UVERBS_QPT_RC)), 10000U);
}
