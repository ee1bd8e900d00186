// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The line that a refused program prints: the path, the reason, a better GID. */
#include "judgement_fixture.h"

Test(judgement_text, a_refusal_names_everything)
{
	struct request request = modify(0, "::ffff:10.0.0.2");
	struct engine_answer answer;
	struct estate e;

	rxe_on_eth(&e);
	answer = ask(&e, "[rule storage]\nmatch-device = rxe*\nrequire = macsec\n", &request);
	cr_expect_str_eq(answer.text,
			 "rdmasec: refused modify_qp on rxe0 port 1 GID 0 (10.0.0.1 on eth0) to 10.0.0.2: "
			 "unprotected (reason=macsec-no-device): eth0 is not a MACsec device [rule storage]");
	cr_expect_eq(answer.err, EPERM);
}

Test(judgement_text, a_gid_that_would_be_protected_is_told)
{
	struct request request = modify(0, "::ffff:10.0.1.2");
	struct estate e;

	mlx5_mixed(&e);
	EXPECT_REFUSED(ask(&e, NULL, &request), "(GID 2 would be protected)");
	request = modify(2, "::ffff:10.0.1.2");
	EXPECT_PASS(ask(&e, NULL, &request));
	request = modify(0, "::ffff:10.0.1.2");
	EXPECT_REFUSED(ask(&e, "[default]\nrequire = ipsec\n", &request), "unprotected");
	cr_expect(!strstr(ask(&e, "[default]\nrequire = ipsec\n", &request).text, "would be protected"),
		  "MACsec's GID is no answer to require = ipsec");
	e.w.secy.protect = false;
	cr_expect(!strstr(ask(&e, NULL, &request).text, "would be protected"));
}

Test(judgement_text, a_better_gid_is_searched_with_few_questions)
{
	struct request request = modify(0, "2001:db8::9");
	struct estate e;

	rxe_on_eth(&e);
	e.port.gid_count = 0;
	for (int i = 0; i < GIDS; i++) {
		char address[INET6_ADDRSTRLEN];

		text_format(address, sizeof(address), "2001:db8::1:%x", i);
		add_gid(&e, address, "eth0");
	}
	routes_asked = 0;
	EXPECT_REFUSED(ask(&e, NULL, &request), "unprotected");
	cr_expect_eq(routes_asked, 1 + BETTER_GID_ROUTES_MAX, "%u", routes_asked);
}

/* Names of any make stay on one line and inside the text. */
Test(judgement_text, texts_of_odd_names)
{
	struct request request = modify(0, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
	struct engine_answer answer;
	struct estate e;

	rxe_on_eth(&e);
	memset(e.device.name, 'd', sizeof(e.device.name) - 1);
	e.device.name[3] = '\n';
	e.device.name[4] = '\x1b';
	gid_from("2001:db8:ffff:ffff:ffff:ffff:ffff:fffe", e.gids[0].raw);
	answer = ask(&e, NULL, &request);
	cr_expect(!answer.pass);
	cr_expect(strstr(answer.text, "ddd??ddd"), "%s", answer.text);
	e.w.ev.macsec_state = e.w.xfrm_state = EVIDENCE_BROKEN;
	memset(e.w.ev.macsec_error, 'm', sizeof(e.w.ev.macsec_error) - 1);
	memset(e.w.xfrm_error, 'x', sizeof(e.w.xfrm_error) - 1);
	answer = ask(&e, "[rule a234567890b234567890c234567890d234567890e2345]\nmatch-device = d*\n", &request);
	cr_expect(!answer.pass);
	cr_expect(strstr(answer.text, "e2345]"), "the longest text is whole: %s", answer.text);
}
