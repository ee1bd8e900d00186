// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* An address of a queue pair, or of an address handle. */
#include "judgement_fixture.h"

Test(judgement_address, an_address_is_judged_on_its_own_path)
{
	struct request request;
	struct estate e;

	rxe_on_macsec(&e);
	request = modify(0, "::ffff:10.0.0.2");
	EXPECT_PASS(ask(&e, NULL, &request));
	request = modify(1, "2001:db8::2");
	EXPECT_PASS(ask(&e, NULL, &request));
	request = modify(7, "::ffff:10.0.0.2");
	EXPECT_REFUSED(ask(&e, NULL, &request), "port 1 GID 7 to 10.0.0.2: unknown (reason=gid-empty)");
	request = modify(0, "2001:db8::2");
	EXPECT_REFUSED(ask(&e, NULL, &request), "to 2001:db8::2: unknown (reason=remote-family)");
	request = modify(0, "::ffff:10.0.0.2");
	request.address.port = 2;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=port-unknown)");
	request = modify(0, "::ffff:10.0.0.1");
	e.w.secy.protect = false;
	EXPECT_PASS(ask(&e, NULL, &request)); /* to itself */

	rxe_with_ipsec(&e);
	request = modify(0, "::ffff:10.0.0.2");
	EXPECT_PASS(ask(&e, NULL, &request));
	request.kind = REQUEST_AH_CREATE;
	EXPECT_PASS(ask(&e, NULL, &request));
	request = modify(0, "::ffff:10.0.0.3");
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=macsec-no-device,outbound-no-policy)");
	request.kind = REQUEST_AH_CREATE;
	EXPECT_REFUSED(ask(&e, NULL, &request), "refused create_ah on rxe0");
}

Test(judgement_address, an_address_without_a_grh)
{
	/* RoCE refuses it in the kernel; what stands in dgid is then whatever the program wrote there */
	static const char remote_is_off[] = "[rule lab]\nmatch-remote = 10.0.0.0/8\nmode = off\n";
	struct request request = modify(0, "::ffff:10.0.0.2");
	struct estate e;

	rxe_on_macsec(&e);
	request.address.is_global = false;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=no-grh)");
	EXPECT_REFUSED(ask(&e, remote_is_off, &request), "(reason=no-grh)");
	EXPECT_AUDITED(ask(&e, "[default]\nmode = audit\n", &request), "(reason=no-grh)");
	EXPECT_PASS(ask(&e, "[rule lab]\nmatch-port = 1\nmode = off\n", &request)); /* its port is what it says */
}

Test(judgement_address, an_alternate_path)
{
	static const char remote_is_off[] = "[rule lab]\nmatch-remote = 10.0.0.0/8\nmode = off\n";
	struct request request = modify(0, "::ffff:10.0.0.2");
	struct estate e;

	rxe_on_macsec(&e);
	request.has = UVERBS_HAS_ALT_PATH;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=alternate-path)");
	EXPECT_REFUSED(ask(&e, remote_is_off, &request), "(reason=alternate-path)");
	request.address = (struct uverbs_address){ .port = 0 }; /* the bit alone, without an address */
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=alternate-path)");
}
