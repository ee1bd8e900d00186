// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* What an application requires in addition to the policy. */
#include "judgement_fixture.h"

Test(judgement_want, an_application_may_ask_for_more)
{
	static const char macsec[] = "[default]\nrequire = macsec\n", none[] = "[default]\nrequire = none\n";
	struct request request = modify(0, "::ffff:10.0.0.2");
	struct estate e, bare;

	rxe_on_macsec(&e);
	rxe_on_eth(&bare);
	for (uint32_t want = WANT_NOTHING; want < WANT_REQUIRE_COUNT; want++) {
		bool ipsec = want == WANT_IPSEC;

		request.want.require = want;
		if (ipsec)
			EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=outbound-no-policy)");
		else
			EXPECT_PASS(ask(&e, NULL, &request));
		if (ipsec)
			EXPECT_REFUSED(ask(&e, macsec, &request), "(reason=requirement-conflict)");
		else
			EXPECT_PASS(ask(&e, macsec, &request));
		/* it binds whoever asks for it, where the host's policy does not */
		if (want == WANT_NOTHING) {
			EXPECT_PASS(ask(&bare, none, &request));
			EXPECT_PASS(ask(&bare, "[default]\nmode = off\n", &request));
			EXPECT_AUDITED(ask(&bare, "[default]\nmode = audit\n", &request),
				       "(reason=macsec-no-device,outbound-no-policy)");
		} else {
			EXPECT_REFUSED(ask(&bare, none, &request), "unprotected");
			EXPECT_REFUSED(ask(&bare, "[default]\nmode = off\n", &request), "unprotected");
			EXPECT_REFUSED(ask(&bare, "[default]\nmode = audit\n", &request), "unprotected");
		}
		EXPECT_REFUSED(ask(&bare, NULL, &request), "unprotected");
	}
	request.want = (struct want){ .granularity = WANT_QP };
	EXPECT_PASS(ask(&e, NULL, &request));
	rxe_with_ipsec(&e);
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=granularity-no-ports)");
}

/* A QP of its own port: what the flow label and the QP numbers make of it (include/rdma/ib_verbs.h). */
Test(judgement_want, the_source_port_of_a_qp)
{
	struct request request = modify(0, "::ffff:10.0.0.2");
	struct engine_answer answer;
	struct estate e;

	make_estate(&e, "mlx5_0", RDMA_DRIVER_MLX5, ETH0);
	add_gid(&e, "::ffff:10.0.0.1", "eth0");
	world_add_ipsec(&e.w);
	request.want.granularity = WANT_QP;
	answer = ask(&e, NULL, &request);
	cr_expect(!answer.path.has_sport && !answer.pass, "its peer's QP is not known");
	request.has |= UVERBS_HAS_DEST_QPN;
	request.dest_qpn = 0x12;
	answer = ask(&e, NULL, &request);
	cr_expect(!answer.path.has_sport, "its own number is not known");
	request.has |= UVERBS_HAS_QPN;
	request.qpn = 0x11;
	answer = ask(&e, NULL, &request);
	cr_expect(answer.per_qp && answer.path.has_sport && answer.setup_ms);
	cr_expect_eq(answer.path.sport, 0xc000 | 0x132);
	request.has = UVERBS_HAS_DEST_QPN;
	request.address.flow_label = 0x54321; /* 0x0321 ^ 0x15 of its upper bits */
	answer = ask(&e, NULL, &request);
	cr_expect_eq(answer.path.sport, 0xc000 | (0x0321 ^ 0x15));
	e.w.policies[OUT].sel.sport = answer.path.sport;
	e.w.policies[OUT].sel.sport_mask = 0xffff;
	answer = ask(&e, NULL, &request);
	cr_expect(answer.pass, "%s", answer.text);
}
