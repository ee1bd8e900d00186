// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The line that a refused program prints: the command, the path, the reason, a better GID, the rule. */
#include "judgement_fixture.h"

#define EXPECT_TEXT(answer, part)                            \
	do {                                                 \
		(void)(answer);                              \
		cr_expect(strstr(line, part), "'%s'", line); \
	} while (0)

Test(judgement_text, names_path_reason_and_rule)
{
	rxe_on_eth();
	(void)ask("[rule storage]\nmatch-device = rxe*\nrequire = macsec\n", modify(0, PEER));
	cr_expect_str_eq(line, "rdmasec: refused modify_qp on rxe0 port 1 GID 0 (10.0.0.1 on eth0) to 10.0.0.2: "
			       "unprotected (reason=macsec-no-device): eth0 is not a MACsec device [rule storage]");
}

Test(judgement_text, names_gid_and_remote_of_unknown_path)
{
	rxe_on_macsec();
	EXPECT_TEXT(ask(NULL, modify(7, PEER)), "port 1 GID 7 to 10.0.0.2: unknown (reason=");
	EXPECT_TEXT(ask(NULL, modify(0, "2001:db8::2")), "to 2001:db8::2: unknown (reason=");
}

Test(judgement_text, names_gid_without_remote)
{
	mlx5_mixed();
	EXPECT_TEXT(ask(NULL, create(IB_UVERBS_QPT_UD)), "GID 0 (10.0.0.1 on eth0) to any remote: unprotected");
}

Test(judgement_text, names_type_of_new_queue_pair)
{
	rxe_on_eth();
	EXPECT_TEXT(ask(NULL, create(IB_UVERBS_QPT_RC)), "refused create_qp RC on rxe0");
	EXPECT_TEXT(ask(NULL, create(77)), "refused create_qp unknown on rxe0");
}

Test(judgement_text, names_type_of_opened_queue_pair)
{
	struct request request = of_kind(REQUEST_QP_OPEN);

	rxe_on_eth();
	request.qp_type = IB_UVERBS_QPT_XRC_TGT;
	EXPECT_TEXT(ask(NULL, request), "refused open_qp XRC_TGT on rxe0");
}

Test(judgement_text, names_command_of_address_handle)
{
	struct request request = modify(0, PEER);

	rxe_on_eth();
	request.kind = REQUEST_AH_CREATE;
	EXPECT_TEXT(ask(NULL, request), "refused create_ah on rxe0 port 1 GID 0");
}

Test(judgement_text, names_command_of_multicast)
{
	mlx5_mixed();
	EXPECT_TEXT(ask(NULL, of_kind(REQUEST_MCAST_ATTACH)), "refused attach_mcast on mlx5_0 port 1 GID 0");
}

Test(judgement_text, names_malformed_command)
{
	rxe_on_eth();
	EXPECT_TEXT(ask(NULL, of_kind(REQUEST_MALFORMED)), "refused malformed command on rxe0 (reason=");
}

Test(judgement_text, names_device_of_devx_address)
{
	struct request request = modify(0, "::ffff:10.0.1.2");

	mlx5_mixed();
	request.has |= UVERBS_HAS_DEVX;
	EXPECT_TEXT(ask("[default]\ndevx = allow\n", request), "refused modify_qp on mlx5_0 port 1 GID 0");
}

/* ---- a GID that would be protected ---- */

Test(judgement_text, names_gid_that_would_be_protected)
{
	mlx5_mixed();
	EXPECT_TEXT(ask(NULL, modify(0, "::ffff:10.0.1.2")), "(GID 2 would be protected)");
	EXPECT_PASS(ask(NULL, modify(2, "::ffff:10.0.1.2")));
}

static void expect_no_better_gid(const char *policy, const char *codes)
{
	struct judgement answer = ask(policy, modify(0, "::ffff:10.0.1.2"));

	EXPECT_REFUSED(answer, codes);
	cr_expect_not(strstr(line, "would be protected"), "%s", line);
}

Test(judgement_text, names_no_gid_with_macsec_if_ipsec_is_required)
{
	mlx5_mixed();
	expect_no_better_gid("[default]\nrequire = ipsec\n", "outbound-no-policy");
}

Test(judgement_text, names_no_unprotected_gid)
{
	mlx5_mixed();
	e.w.secy.protect = false;
	expect_no_better_gid(NULL, "macsec-no-device,outbound-no-policy");
}

Test(judgement_text, says_that_no_gid_is_better)
{
	rxe_with_ipsec();
	EXPECT_TEXT(ask("[default]\nrequire = macsec\n", create(IB_UVERBS_QPT_RC)), "(no other GID of rxe0 is better)");
}

Test(judgement_text, asks_few_routes_for_better_gid)
{
	rxe_on_eth();
	e.port.gid_count = 0;
	for (int i = 0; i < GIDS; i++) {
		char address[INET6_ADDRSTRLEN];

		text_format(address, sizeof(address), "2001:db8::1:%x", i);
		add_gid(address, "eth0");
	}
	routes_asked = 0;
	EXPECT_REFUSED(ask(NULL, modify(0, "2001:db8::9")), "macsec-no-device,outbound-no-policy");
	cr_expect_eq(routes_asked, 1 + BETTER_GID_ROUTES_MAX, "%u", routes_asked);
}

/* ---- names of any form stay on one line and inside the text ---- */

#define LONGEST_IPV6 "2001:db8:ffff:ffff:ffff:ffff:ffff:fff"

static void rxe_with_odd_name(void)
{
	rxe_on_eth();
	memset(e.device.name, 'd', sizeof(e.device.name) - 1);
	e.device.name[3] = '\n';
	e.device.name[4] = '\x1b';
	gid_from(LONGEST_IPV6 "e", e.gids[0].raw);
}

Test(judgement_text, replaces_control_characters_of_device_name)
{
	rxe_with_odd_name();
	EXPECT_TEXT(ask(NULL, modify(0, LONGEST_IPV6 "f")), "ddd??ddd");
}

Test(judgement_text, longest_text_keeps_name_of_rule)
{
	rxe_with_odd_name();
	e.w.ev.macsec_state = e.w.xfrm_state = EVIDENCE_BROKEN;
	memset(e.w.ev.macsec_error, 'm', sizeof(e.w.ev.macsec_error) - 1);
	memset(e.w.xfrm_error, 'x', sizeof(e.w.xfrm_error) - 1);
	EXPECT_TEXT(ask("[rule a234567890b234567890c234567890d234567890e2345]\nmatch-device = d*\n",
			modify(0, LONGEST_IPV6 "f")),
		    "[rule a234567890b234567890c234567890d234567890e2345]");
}
