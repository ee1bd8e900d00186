// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* What an application requires in addition to the policy. */
#include "judgement_fixture.h"

static const char macsec[] = "[default]\nrequire = macsec\n";
static const char none[] = "[default]\nrequire = none\n", off[] = "[default]\nmode = off\n";
static const char audit[] = "[default]\nmode = audit\n";

static struct request modify_wanting(enum want_require require)
{
	struct request request = modify(0, PEER);

	request.want.require = require;
	return request;
}

/* ---- over MACsec ---- */

static const enum want_require satisfied_by_macsec[] = { WANT_NOTHING, WANT_ANY, WANT_MACSEC };

Test(judgement_want, passes_macsec_unless_ipsec_is_wanted)
{
	rxe_on_macsec();
	for (size_t i = 0; i < COUNT(satisfied_by_macsec); i++) {
		EXPECT_PASS(ask(NULL, modify_wanting(satisfied_by_macsec[i])));
		EXPECT_PASS(ask(macsec, modify_wanting(satisfied_by_macsec[i])));
	}
}

Test(judgement_want, refuses_macsec_if_ipsec_is_wanted)
{
	rxe_on_macsec();
	EXPECT_REFUSED(ask(NULL, modify_wanting(WANT_IPSEC)), "outbound-no-policy");
}

Test(judgement_want, refuses_if_policy_and_program_want_different_mechanisms)
{
	rxe_on_macsec();
	EXPECT_REFUSED(ask(macsec, modify_wanting(WANT_IPSEC)), "requirement-conflict");
}

/* ---- without protection ---- */

static const struct {
	enum want_require require;
	const char *codes;
} refused_in_clear[] = {
	{ WANT_ANY, "macsec-no-device,outbound-no-policy" },
	{ WANT_MACSEC, "macsec-no-device" },
	{ WANT_IPSEC, "outbound-no-policy" },
};

static void expect_binding_under(const char *policy)
{
	rxe_on_eth();
	for (size_t i = 0; i < COUNT(refused_in_clear); i++)
		EXPECT_REFUSED(ask(policy, modify_wanting(refused_in_clear[i].require)), refused_in_clear[i].codes);
}

Test(judgement_want, covers_every_value)
{
	cr_expect_eq(COUNT(refused_in_clear) + 1, WANT_REQUIRE_COUNT);
	cr_expect_eq(COUNT(satisfied_by_macsec) + 1, WANT_REQUIRE_COUNT);
}

Test(judgement_want, binds_under_builtin_policy)
{
	expect_binding_under(NULL);
}

Test(judgement_want, binds_if_policy_requires_nothing)
{
	expect_binding_under(none);
}

Test(judgement_want, binds_if_policy_is_off)
{
	expect_binding_under(off);
}

Test(judgement_want, binds_in_audit_mode)
{
	expect_binding_under(audit);
}

Test(judgement_want, policy_decides_if_nothing_is_wanted)
{
	rxe_on_eth();
	EXPECT_PASS(ask(none, modify_wanting(WANT_NOTHING)));
	EXPECT_PASS(ask(off, modify_wanting(WANT_NOTHING)));
	EXPECT_AUDITED(ask(audit, modify_wanting(WANT_NOTHING)), "macsec-no-device,outbound-no-policy");
	EXPECT_REFUSED(ask(NULL, modify_wanting(WANT_NOTHING)), "macsec-no-device,outbound-no-policy");
}

/* ---- an SA for each queue pair ---- */

static struct request modify_with_own_sa(void)
{
	struct request request = modify(0, PEER);

	request.want.granularity = WANT_QP;
	return request;
}

static void mlx5_with_ipsec(void)
{
	host_with_device("mlx5_0", RDMA_DRIVER_MLX5, ETH0);
	add_gid("::ffff:10.0.0.1", "eth0");
	world_add_ipsec(&e.w);
}

Test(judgement_want, passes_macsec_if_own_sa_is_wanted)
{
	rxe_on_macsec();
	EXPECT_PASS(ask(NULL, modify_with_own_sa()));
}

Test(judgement_want, refuses_own_sa_on_device_with_one_source_port)
{
	rxe_with_ipsec();
	EXPECT_REFUSED(ask(NULL, modify_with_own_sa()), "granularity-no-ports");
}

/* The source port is a function of the flow label, or of both QP numbers (include/rdma/ib_verbs.h). */
Test(judgement_want, source_port_is_unknown_without_number_of_peer)
{
	struct judgement answer;

	mlx5_with_ipsec();
	answer = ask(NULL, modify_with_own_sa());
	cr_expect_not(answer.path.has_sport);
	cr_expect_not(answer.pass);
}

Test(judgement_want, source_port_is_unknown_without_own_number)
{
	struct request request = modify_with_own_sa();

	mlx5_with_ipsec();
	request.has = UVERBS_HAS_DEST_QPN;
	request.dest_qpn = 0x12;
	cr_expect_not(ask(NULL, request).path.has_sport);
}

Test(judgement_want, source_port_comes_from_both_numbers)
{
	struct request request = modify_with_own_sa();
	struct judgement answer;

	mlx5_with_ipsec();
	request.has = UVERBS_HAS_DEST_QPN | UVERBS_HAS_QPN;
	request.dest_qpn = 0x12;
	request.qpn = 0x11;
	answer = ask(NULL, request);
	cr_expect(answer.path.has_sport && answer.setup_ms);
	cr_expect_eq(answer.path.sport, 0xc000 | 0x132);
}

static struct request modify_with_flow_label(void)
{
	struct request request = modify_with_own_sa();

	request.has = UVERBS_HAS_DEST_QPN;
	request.dest_qpn = 0x12;
	request.address.flow_label = 0x54321;
	return request;
}

enum { SPORT_OF_FLOW_LABEL = 0xc000 | (0x0321 ^ 0x15 /* the upper bits */) };

Test(judgement_want, source_port_comes_from_flow_label)
{
	mlx5_with_ipsec();
	cr_expect_eq(ask(NULL, modify_with_flow_label()).path.sport, SPORT_OF_FLOW_LABEL);
}

Test(judgement_want, passes_own_sa_with_policy_for_source_port)
{
	mlx5_with_ipsec();
	e.w.policies[OUT].sel.sport = SPORT_OF_FLOW_LABEL;
	e.w.policies[OUT].sel.sport_mask = 0xffff;
	EXPECT_PASS(ask(NULL, modify_with_flow_label()));
}
