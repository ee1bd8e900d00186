// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Commands that a policy allows, that always pass, or that are refused under every policy. */
#include "judgement_fixture.h"

static const char raw[] = "[default]\nraw-packet = allow\n";
static const char raw_for_app[] = "[rule dpdk]\nmatch-executable = /usr/bin/app\nraw-packet = allow\n";

/* ---- raw packets and flow steering ---- */

Test(judgement_command, refuses_raw_packets)
{
	rxe_on_macsec();
	EXPECT_REFUSED(ask(NULL, create(IB_UVERBS_QPT_RAW_PACKET)), "raw-packet");
}

Test(judgement_command, refuses_raw_packets_if_nothing_is_required)
{
	rxe_on_macsec();
	EXPECT_REFUSED(ask("[default]\nrequire = none\n", create(IB_UVERBS_QPT_RAW_PACKET)), "raw-packet");
}

Test(judgement_command, passes_raw_packets_if_allowed)
{
	rxe_on_macsec();
	EXPECT_PASS(ask(raw, create(IB_UVERBS_QPT_RAW_PACKET)));
}

Test(judgement_command, passes_raw_packets_of_allowed_program)
{
	rxe_on_macsec();
	EXPECT_PASS(ask(raw_for_app, create(IB_UVERBS_QPT_RAW_PACKET)));
}

Test(judgement_command, refuses_raw_packets_of_unknown_program)
{
	rxe_on_macsec();
	e.client.executable_known = false;
	EXPECT_REFUSED(ask(raw_for_app, create(IB_UVERBS_QPT_RAW_PACKET)), "raw-packet");
}

Test(judgement_command, refuses_flow_steering)
{
	rxe_on_macsec();
	EXPECT_REFUSED(ask(NULL, of_kind(REQUEST_FLOW_CREATE)), "flow-steering");
	EXPECT_REFUSED(ask("[default]\ndevx = allow\n", of_kind(REQUEST_FLOW_CREATE)), "flow-steering");
}

Test(judgement_command, passes_flow_steering_if_raw_packets_are_allowed)
{
	rxe_on_macsec();
	EXPECT_PASS(ask(raw, of_kind(REQUEST_FLOW_CREATE)));
}

/* ---- a source QP number chosen by the program needs the right to raw packets ---- */

static struct request create_with_source_qpn(void)
{
	struct request request = create(IB_UVERBS_QPT_UD);

	request.has = UVERBS_HAS_SOURCE_QPN;
	return request;
}

Test(judgement_command, refuses_source_qpn)
{
	rxe_on_macsec();
	EXPECT_REFUSED(ask(NULL, create_with_source_qpn()), "source-qpn");
}

Test(judgement_command, audits_source_qpn)
{
	rxe_on_macsec();
	EXPECT_AUDITED(ask("[default]\nmode = audit\n", create_with_source_qpn()), "source-qpn");
}

Test(judgement_command, passes_source_qpn_if_raw_packets_are_allowed)
{
	rxe_on_macsec();
	EXPECT_PASS(ask(raw, create_with_source_qpn()));
}

Test(judgement_command, judges_path_of_allowed_source_qpn)
{
	rxe_on_eth();
	EXPECT_REFUSED(ask(raw, create_with_source_qpn()), "macsec-no-device,outbound-no-policy");
}

/* ---- malformed and harmless ---- */

Test(judgement_command, refuses_malformed_command)
{
	rxe_on_macsec();
	EXPECT_REFUSED(ask(NULL, of_kind(REQUEST_MALFORMED)), "command-unknown");
}

Test(judgement_command, refuses_malformed_command_under_loosest_enforced_policy)
{
	rxe_on_macsec();
	EXPECT_REFUSED(ask("[default]\nrequire = none\nraw-packet = allow\ndevx = allow\n", of_kind(REQUEST_MALFORMED)),
		       "command-unknown");
}

Test(judgement_command, refuses_kind_out_of_range)
{
	rxe_on_macsec();
	EXPECT_REFUSED(ask(NULL, of_kind(REQUEST_KIND_COUNT)), "command-unknown");
}

Test(judgement_command, passes_destruction)
{
	rxe_on_eth();
	EXPECT_PASS(ask(NULL, of_kind(REQUEST_QP_DESTROY)));
}

/* ---- a door that could not be installed: it has no device, so every rule that may match the program counts ---- */

static struct judgement ask_broken(const char *policy_text)
{
	const struct request request = { .kind = REQUEST_DOOR_BROKEN };

	rxe_on_eth();
	return judge_in(&(struct engine_view){ .policy = NULL }, policy_text, &request);
}

Test(judgement_command, refuses_program_whose_door_failed)
{
	EXPECT_REFUSED(ask_broken(NULL), "door-broken");
}

Test(judgement_command, refuses_program_whose_door_failed_if_nothing_is_required)
{
	EXPECT_REFUSED(ask_broken("[default]\nrequire = none\n"), "door-broken");
}

Test(judgement_command, audits_program_whose_door_failed)
{
	EXPECT_AUDITED(ask_broken("[default]\nmode = audit\n"), "door-broken");
}

Test(judgement_command, passes_program_whose_door_failed_if_policy_is_off)
{
	EXPECT_PASS(ask_broken("[default]\nmode = off\n"));
}

Test(judgement_command, refuses_program_whose_door_failed_if_rule_of_any_device_enforces)
{
	EXPECT_REFUSED(ask_broken("[rule one]\nmatch-device = mlx5_*\nmode = enforce\n[default]\nmode = off\n"),
		       "door-broken");
	cr_expect_str_eq(rule_of_answer, "one");
}

Test(judgement_command, passes_program_whose_door_failed_if_rule_of_other_user_enforces)
{
	EXPECT_PASS(ask_broken("[rule one]\nmatch-uid = 1234\nmode = enforce\n[default]\nmode = off\n"));
}

Test(judgement_command, passes_program_whose_door_failed_if_its_own_rule_is_off)
{
	EXPECT_PASS(ask_broken("[rule one]\nmatch-executable = /usr/bin/app\nmode = off\n"));
}
