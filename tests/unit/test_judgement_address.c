// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* An address of a queue pair, or of an address handle. */
#include "judgement_fixture.h"

static const char remote_is_off[] = "[rule lab]\nmatch-remote = 10.0.0.0/8\nmode = off\n";

/* ---- the path that the address selects ---- */

Test(judgement_address, passes_ipv4_remote_over_macsec)
{
	rxe_on_macsec();
	EXPECT_PASS(ask(NULL, modify(0, PEER)));
}

Test(judgement_address, passes_ipv6_remote_over_macsec)
{
	rxe_on_macsec();
	EXPECT_PASS(ask(NULL, modify(1, "2001:db8::2")));
}

Test(judgement_address, passes_remote_with_ipsec)
{
	rxe_with_ipsec();
	EXPECT_PASS(ask(NULL, modify(0, PEER)));
}

Test(judgement_address, passes_address_handle_with_ipsec)
{
	struct request request = modify(0, PEER);

	rxe_with_ipsec();
	request.kind = REQUEST_AH_CREATE;
	EXPECT_PASS(ask(NULL, request));
}

Test(judgement_address, passes_own_address_without_protection)
{
	rxe_on_macsec();
	e.w.secy.protect = false;
	EXPECT_PASS(ask(NULL, modify(0, "::ffff:10.0.0.1")));
}

Test(judgement_address, refuses_remote_without_policy)
{
	rxe_with_ipsec();
	EXPECT_REFUSED(ask(NULL, modify(0, "::ffff:10.0.0.3")), "macsec-no-device,outbound-no-policy");
}

Test(judgement_address, refuses_address_handle_without_policy)
{
	struct request request = modify(0, "::ffff:10.0.0.3");

	rxe_with_ipsec();
	request.kind = REQUEST_AH_CREATE;
	EXPECT_REFUSED(ask(NULL, request), "macsec-no-device,outbound-no-policy");
}

Test(judgement_address, refuses_empty_gid)
{
	rxe_on_macsec();
	EXPECT_REFUSED(ask(NULL, modify(7, PEER)), "gid-empty");
}

Test(judgement_address, refuses_remote_of_other_family)
{
	rxe_on_macsec();
	EXPECT_REFUSED(ask(NULL, modify(0, "2001:db8::2")), "remote-family");
}

Test(judgement_address, refuses_unknown_port)
{
	struct request request = modify(0, PEER);

	rxe_on_macsec();
	request.address.port = 2;
	EXPECT_REFUSED(ask(NULL, request), "port-unknown");
}

/* ---- no GRH: RoCE refuses it in the kernel, and dgid is what the program left there ---- */

static struct request without_grh(void)
{
	struct request request = modify(0, PEER);

	request.address.is_global = false;
	return request;
}

Test(judgement_address, refuses_address_without_grh)
{
	rxe_on_macsec();
	EXPECT_REFUSED(ask(NULL, without_grh()), "no-grh");
}

Test(judgement_address, refuses_address_without_grh_if_rule_of_remote_is_off)
{
	rxe_on_macsec();
	EXPECT_REFUSED(ask(remote_is_off, without_grh()), "no-grh");
}

Test(judgement_address, audits_address_without_grh)
{
	rxe_on_macsec();
	EXPECT_AUDITED(ask("[default]\nmode = audit\n", without_grh()), "no-grh");
}

Test(judgement_address, passes_address_without_grh_if_rule_of_port_is_off)
{
	rxe_on_macsec();
	EXPECT_PASS(ask("[rule lab]\nmatch-port = 1\nmode = off\n", without_grh()));
}

/* ---- a second path ---- */

static struct request with_alternate_path(void)
{
	struct request request = modify(0, PEER);

	request.has = UVERBS_HAS_ALT_PATH;
	return request;
}

Test(judgement_address, refuses_alternate_path)
{
	rxe_on_macsec();
	EXPECT_REFUSED(ask(NULL, with_alternate_path()), "alternate-path");
}

Test(judgement_address, refuses_alternate_path_if_rule_of_remote_is_off)
{
	rxe_on_macsec();
	EXPECT_REFUSED(ask(remote_is_off, with_alternate_path()), "alternate-path");
}

Test(judgement_address, refuses_alternate_path_without_address)
{
	struct request request = with_alternate_path();

	rxe_on_macsec();
	request.address = (struct uverbs_address){ .port = 0 };
	EXPECT_REFUSED(ask(NULL, request), "alternate-path");
}
