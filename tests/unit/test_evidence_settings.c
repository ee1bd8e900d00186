// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The settings of netdevs that disable xfrm: their positions in IFLA_AF_SPEC, and arrays that end before them. */
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "evidence_fixture.h"

TestSuite(evidence_settings, .fini = forget_and_check_leaks);

enum { ALL_SETTINGS = 64 };

static void put_settings(struct nl_msg *message, int family, int array, size_t count, size_t on)
{
	uint32_t settings[ALL_SETTINGS] = { 0 };
	struct nlattr *nest = nla_nest_start(message, family);

	if (on < ALL_SETTINGS)
		settings[on] = 1;
	cr_assert(nest && !nla_put(message, array, (int)(count * sizeof(settings[0])), settings));
	nla_nest_end(message, nest);
}

/* Reads one netdev with `count` settings of each family, of which the given one is on. */
static const struct link_evidence *read_link(size_t count, size_t on, size_t on6)
{
	struct nl_msg *message = link_message(5, "eth0");
	struct nlattr *spec = nla_nest_start(message, IFLA_AF_SPEC);

	forget();
	cr_assert_not_null(spec);
	put_settings(message, AF_INET, IFLA_INET_CONF, count, on);
	put_settings(message, AF_INET6, IFLA_INET6_CONF, count, on6);
	nla_nest_end(message, spec);
	fake_say(&kernel, message);
	fake_done(&kernel, 0);
	read_part(EVIDENCE_PART_LINKS);
	cr_assert_eq(ev.links_state, EVIDENCE_READ, "%s", ev.links_error);
	cr_assert_eq(ev.link_count, 1);
	return &ev.links[0];
}

Test(evidence_settings, each_alone)
{
	for (size_t on = 0; on < ALL_SETTINGS; on++) {
		const struct link_evidence *link = read_link(ALL_SETTINGS, on, ALL_SETTINGS);

		cr_expect_eq(link->xfrm_off, on == IPV4_DEVCONF_NOXFRM - 1, "setting %zu", on);
		cr_expect_eq(link->policy_off, on == IPV4_DEVCONF_NOPOLICY - 1, "setting %zu", on);
		cr_expect(!link->policy_off6);
		link = read_link(ALL_SETTINGS, ALL_SETTINGS, on);
		cr_expect(!link->xfrm_off && !link->policy_off);
		cr_expect_eq(link->policy_off6, on == DEVCONF_DISABLE_POLICY, "setting %zu", on);
	}
}

/* A kernel with fewer settings does not have this one. */
Test(evidence_settings, arrays_that_end_early)
{
	for (size_t count = 0; count < ALL_SETTINGS; count++) {
		const struct link_evidence *link = read_link(count, IPV4_DEVCONF_NOXFRM - 1, DEVCONF_DISABLE_POLICY);

		cr_expect_eq(link->xfrm_off, count >= IPV4_DEVCONF_NOXFRM, "%zu settings", count);
		cr_expect_eq(link->policy_off6, count > DEVCONF_DISABLE_POLICY, "%zu settings", count);
	}
}

Test(evidence_settings, none_at_all)
{
	fake_say(&kernel, link_message(5, "eth0"));
	fake_done(&kernel, 0);
	read_part(EVIDENCE_PART_LINKS);
	cr_assert_eq(ev.link_count, 1);
	cr_expect(!ev.links[0].xfrm_off && !ev.links[0].policy_off && !ev.links[0].policy_off6);
}
