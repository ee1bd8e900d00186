// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* decide() as a whole: the requirement of the policy, the path, and the choice of the reason. */
#include "decide_fixture.h"

enum { NEITHER, MACSEC, IPSEC, BOTH };

/* A path by macsec0, protected by MACsec, IPsec, both or neither. */
static void world_with(struct world *w, int protections, enum policy_require require)
{
	world_init(w, RDMA_DRIVER_RXE, AF_INET, MACSEC0);
	if (protections & MACSEC)
		world_add_macsec(w);
	else
		w->links[MACSEC0 - ETH0].kind[0] = '\0';
	if (protections & IPSEC)
		world_add_ipsec(w);
	w->req.require = require;
}

Test(decide, applies_requirement_of_policy)
{
	static const struct {
		int there;
		enum policy_require require;
		enum verdict_kind kind;
		enum protection by;
		const char *says;
	} rows[] = {
		{ BOTH, REQUIRE_ANY, VERDICT_PROTECTED, BY_MACSEC, "macsec0" },
		{ BOTH, REQUIRE_MACSEC, VERDICT_PROTECTED, BY_MACSEC, "macsec0" },
		{ BOTH, REQUIRE_IPSEC, VERDICT_PROTECTED, BY_IPSEC, "ESP" },
		{ BOTH, REQUIRE_NONE, VERDICT_PROTECTED, BY_POLICY_NONE, "asks for nothing" },
		{ MACSEC, REQUIRE_ANY, VERDICT_PROTECTED, BY_MACSEC, "macsec0" },
		{ MACSEC, REQUIRE_IPSEC, VERDICT_UNPROTECTED, BY_NOTHING, "outbound-no-policy" },
		{ IPSEC, REQUIRE_ANY, VERDICT_PROTECTED, BY_IPSEC, "ESP" },
		{ IPSEC, REQUIRE_MACSEC, VERDICT_UNPROTECTED, BY_NOTHING, "macsec-no-device" },
		{ NEITHER, REQUIRE_ANY, VERDICT_UNPROTECTED, BY_NOTHING, "macsec-no-device,outbound-no-policy" },
		{ NEITHER, REQUIRE_NONE, VERDICT_PROTECTED, BY_POLICY_NONE, "asks for nothing" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct row row = { "require", NULL, rows[i].kind, rows[i].says };
		struct world w;
		struct verdict v;
		char name[16];

		text_format(name, sizeof(name), "row %zu", i);
		world_with(&w, rows[i].there, rows[i].require);
		check_row(&row, &w, name);
		judge(&w, &v);
		cr_expect_eq(v.by, rows[i].by, "%s: by %s", name, protection_name(v.by));
	}
}

CHANGE(loopback, w->path.state = PATH_LOOPBACK)
CHANGE(loopback_unreadable, w->path.state = PATH_LOOPBACK; w->ev = (struct evidence){ 0 })
CHANGE(clear, w->path.state = PATH_CLEAR; w->path.why.reason = REASON_DRIVER_CLEAR)
CHANGE(unknown, w->path.state = PATH_UNKNOWN; w->path.why.reason = REASON_GID_EMPTY)
CHANGE(unknown_without_reason, w->path.state = PATH_UNKNOWN)
CHANGE(state_zeroed, w->path.state = 0)
CHANGE(scope_zeroed, w->path.scope = 0)
CHANGE(state_out_of_range, w->path.state = 77)
CHANGE(driver_clear, w->path.driver = driver_traits(RDMA_DRIVER_IRDMA))
CHANGE(driver_unknown, w->path.driver = driver_traits(4000000))
CHANGE(none_and_unknown, change_unknown(w); w->req.require = REQUIRE_NONE)
CHANGE(nothing_read, w->ev = (struct evidence){ 0 })

/* Protection of macsec0 does not count for an unknown path. */
Test(decide, decides_by_path_state)
{
	static const struct row rows[] = {
		ROW(loopback, PROTECTED, "stays inside the port"),
		ROW(loopback_unreadable, PROTECTED, "stays inside the port"),
		ROW(clear, UNPROTECTED, "driver-clear"),
		ROW(unknown, UNKNOWN, "gid-empty"),
		ROW(unknown_without_reason, UNKNOWN, "path-unknown"),
		ROW(state_zeroed, UNKNOWN, "path-unknown"),
		ROW(scope_zeroed, UNKNOWN, "path-unknown"),
		ROW(state_out_of_range, UNKNOWN, "path-unknown"),
		ROW(driver_clear, UNKNOWN, "driver-unknown"),
		ROW(driver_unknown, UNKNOWN, "driver-unknown"),
		ROW(none_and_unknown, PROTECTED, "asks for nothing"),
		ROW(nothing_read, UNKNOWN, "macsec-unreadable,netdev-xfrm-unknown"),
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;

		world_with(&w, BOTH, REQUIRE_ANY);
		check_row(&rows[i], &w, "both protect");
	}
}

CHANGE(neither_near, (void)w)
CHANGE(macsec_nearer, world_add_macsec(w); w->links[MACSEC0 - ETH0].up = true; w->secy.tx_sa[2].active = false)
CHANGE(ipsec_nearer, world_add_ipsec(w); w->sa_count = 0)
CHANGE(both_as_near, change_macsec_nearer(w); change_ipsec_nearer(w))
CHANGE(macsec_unreadable, w->ev.macsec_state = EVIDENCE_BROKEN)
CHANGE(ipsec_unreadable, w->xfrm_state = EVIDENCE_NO_PRIVILEGE)
CHANGE(macsec_near_ipsec_unreadable, change_macsec_nearer(w); change_ipsec_unreadable(w))
CHANGE(ipsec_near_macsec_unreadable, change_ipsec_nearer(w); change_macsec_unreadable(w))
CHANGE(macsec_unreadable_ipsec_good, change_macsec_unreadable(w); world_add_ipsec(w))
CHANGE(ipsec_unreadable_macsec_good, change_ipsec_unreadable(w); world_add_macsec(w))

/* require = any: the reason of the nearer protection, or both reasons if equally near. One unknown part makes the
 * verdict unknown. */
Test(decide, gives_reason_of_nearer_protection)
{
	static const struct row rows[] = {
		ROW(neither_near, UNPROTECTED, "macsec-no-device,outbound-no-policy"),
		ROW(macsec_nearer, UNPROTECTED, "macsec-tx-sa-inactive"),
		ROW(ipsec_nearer, UNPROTECTED, "outbound-sa-missing"),
		ROW(both_as_near, UNPROTECTED, "macsec-tx-sa-inactive,outbound-sa-missing"),
		ROW(macsec_unreadable, UNKNOWN, "macsec-unreadable,outbound-no-policy"),
		ROW(ipsec_unreadable, UNKNOWN, "macsec-no-device,xfrm-no-privilege"),
		ROW(macsec_near_ipsec_unreadable, UNKNOWN, "macsec-tx-sa-inactive,xfrm-no-privilege"),
		ROW(ipsec_near_macsec_unreadable, UNKNOWN, "macsec-unreadable,outbound-sa-missing"),
		ROW(macsec_unreadable_ipsec_good, PROTECTED, "ESP"),
		ROW(ipsec_unreadable_macsec_good, PROTECTED, "macsec0"),
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;

		world_with(&w, NEITHER, REQUIRE_ANY);
		check_row(&rows[i], &w, "any");
	}
}

static bool could_be_after(void (*change)(struct world *w))
{
	struct world w;
	struct verdict v;

	world_with(&w, NEITHER, REQUIRE_ANY);
	change(&w);
	judge(&w, &v);
	return v.could_be;
}

Test(decide, ipsec_without_policy_cannot_be_set_up)
{
	cr_expect_not(could_be_after(change_macsec_nearer));
}

Test(decide, ipsec_with_policy_can_be_set_up_beside_macsec)
{
	cr_expect(could_be_after(change_both_as_near));
}

/* Either MACsec or IPsec may drop the packets; if one of them is unknown, so is the result. */
Test(decide, reports_whether_kernel_drops)
{
	static const struct {
		void (*change)(struct world *w);
		bool drops;
	} rows[] = {
		{ change_neither_near, false },
		{ change_macsec_nearer, true },
		{ change_ipsec_nearer, true },
		{ change_both_as_near, true },
		{ change_macsec_near_ipsec_unreadable, false },
		{ change_ipsec_near_macsec_unreadable, false },
		{ change_macsec_unreadable_ipsec_good, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;
		struct verdict v;

		world_with(&w, NEITHER, REQUIRE_ANY);
		rows[i].change(&w);
		judge(&w, &v);
		cr_expect_eq(v.kernel_drops, rows[i].drops, "row %zu: %s", i, words_of(&v, &w.path));
	}
}

/* The longest errors of both kinds of evidence: neither is truncated. */
Test(decide, holds_two_longest_reasons)
{
	struct world w;
	struct verdict v;

	world_with(&w, NEITHER, REQUIRE_ANY);
	w.ev.macsec_state = w.xfrm_state = EVIDENCE_BROKEN;
	memset(w.ev.macsec_error, 'm', sizeof(w.ev.macsec_error) - 1);
	memset(w.xfrm_error, 'x', sizeof(w.xfrm_error) - 1);
	judge(&w, &v);
	expect_sound(&v, &w.path, "long");
	cr_expect(strstr(words_of(&v, &w.path), "mmm); "), "%s", words_of(&v, &w.path));
	cr_expect(strstr(words_of(&v, &w.path), "xxx)"), "%s", words_of(&v, &w.path));
}

Test(decide, names_verdicts_and_protections)
{
	cr_expect_str_eq(verdict_name(VERDICT_PROTECTED), "protected");
	cr_expect_str_eq(verdict_name(VERDICT_UNPROTECTED), "unprotected");
	cr_expect_str_eq(verdict_name(VERDICT_UNKNOWN), "unknown");
	cr_expect_str_eq(verdict_name(99), "unknown");
	cr_expect_str_eq(protection_name(BY_MACSEC), "macsec");
	cr_expect_str_eq(protection_name(BY_IPSEC), "ipsec");
	cr_expect_str_eq(protection_name(BY_LOOPBACK), "loopback");
	cr_expect_str_eq(protection_name(BY_POLICY_NONE), "not required");
	cr_expect_str_eq(protection_name(BY_NOTHING), "nothing");
	cr_expect_str_eq(protection_name(99), "nothing");
}
