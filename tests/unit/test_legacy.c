// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Real tables of iptables-legacy in a network namespace. Needs root and iptables; otherwise the tests are skipped. */
#include <arpa/inet.h> /* before the kernel's, which leave out what it defines */

#include <errno.h>
#include <sys/socket.h>

#include "hazards/cache.h"
#include "netlink/dump.h"
#include "netns_fixture.h"

static struct legacy_rules rules;

static void begin(void)
{
	netns_enter();
	/* connect(2) to the host itself needs it */
	if (system("ip link set lo up && iptables-legacy -t nat -S >/dev/null 2>&1 && "
		   "ip6tables-legacy -t mangle -S >/dev/null 2>&1"))
		skip_test("no iptables-legacy, or not in this kernel");
}

TestSuite(legacy, .init = begin, .timeout = 60);

Test(legacy, tables_without_rules_are_none)
{
	legacy_read(&rules);
	cr_expect_eq(rules.ip.state, LEGACY_NONE, "%d", rules.ip.err);
	cr_expect_eq(rules.ip6.state, LEGACY_NONE, "%d", rules.ip6.err);
}

static const struct rule_case {
	const char *command;
	enum legacy_state ip, ip6;
	const char *table;
} rule_cases[] = {
	{ "iptables-legacy -t nat -A POSTROUTING -j ACCEPT", LEGACY_HAS_RULES, LEGACY_NONE, "nat" },
	{ "iptables-legacy -t nat -A OUTPUT -j ACCEPT", LEGACY_HAS_RULES, LEGACY_NONE, "nat" },
	{ "ip6tables-legacy -t mangle -A OUTPUT -j ACCEPT", LEGACY_NONE, LEGACY_HAS_RULES, "mangle" },
	/* what sent packets do not pass */
	{ "iptables-legacy -t nat -A PREROUTING -j ACCEPT", LEGACY_NONE, LEGACY_NONE, "" },
	{ "iptables-legacy -t nat -N KUBE-HINT; iptables-legacy -t nat -A KUBE-HINT -j ACCEPT", LEGACY_NONE,
	  LEGACY_NONE, "" },
	{ "iptables-legacy -P OUTPUT DROP", LEGACY_NONE, LEGACY_NONE, "" },
};

Test(legacy, rules_that_sent_packets_pass_count)
{
	for (size_t i = 0; i < sizeof(rule_cases) / sizeof(rule_cases[0]); i++) {
		const struct rule_case *row = &rule_cases[i];

		shell(row->command);
		legacy_read(&rules);
		cr_expect_eq(rules.ip.state, row->ip, "%s: %d", row->command, rules.ip.err);
		cr_expect_eq(rules.ip6.state, row->ip6, "%s: %d", row->command, rules.ip6.err);
		cr_expect_str_eq(row->ip6 == LEGACY_HAS_RULES ? rules.ip6.table : rules.ip.table, row->table, "%s",
				 row->command);
		shell("iptables-legacy -t nat -F; iptables-legacy -t nat -X; ip6tables-legacy -t mangle -F");
	}
}

Test(legacy, reads_by_sockets_of_before)
{
	legacy_prepare();
	shell("iptables-legacy -t nat -A OUTPUT -j ACCEPT; ip6tables-legacy -t mangle -A OUTPUT -j ACCEPT");
	legacy_read(&rules);
	cr_expect_eq(rules.ip.state, LEGACY_HAS_RULES, "%d", rules.ip.err);
	cr_expect_eq(rules.ip6.state, LEGACY_HAS_RULES, "%d", rules.ip6.err);
}

static bool is_of_internet(int fd)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);

	return !getsockname(fd, (struct sockaddr *)&name, &len) &&
	       (name.ss_family == AF_INET || name.ss_family == AF_INET6);
}

Test(legacy, sockets_of_before_cannot_send)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(9),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
					  .sin6_port = htons(9),
					  .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	unsigned int found = 0;

	legacy_prepare();
	for (int fd = 3; fd < 256; fd++) {
		if (!is_of_internet(fd))
			continue;
		found++;
		cr_expect(send(fd, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE, "%d", errno);
		cr_expect(sendto(fd, "x", 1, MSG_NOSIGNAL, (const struct sockaddr *)&to, sizeof(to)) < 0);
		cr_expect(sendto(fd, "x", 1, MSG_NOSIGNAL, (const struct sockaddr *)&to6, sizeof(to6)) < 0);
		/* another connection does not open it again */
		(void)!connect(fd, &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr));
		cr_expect(sendto(fd, "x", 1, MSG_NOSIGNAL, (const struct sockaddr *)&to, sizeof(to)) < 0);
		cr_expect(sendto(fd, "x", 1, MSG_NOSIGNAL, (const struct sockaddr *)&to6, sizeof(to6)) < 0);
	}
	cr_expect_eq(found, 2u);
}

Test(legacy, cache_notices_difference)
{
	struct hazard_cache *cache = hazard_cache_new(&netlink_kernel, true);
	const struct legacy_rules *read = hazard_cache_legacy(cache);

	cr_assert(read && read->ip.state == LEGACY_NONE);
	cr_expect_not(hazard_cache_legacy_differs(cache));
	shell("iptables-legacy -t nat -A OUTPUT -j ACCEPT");
	cr_expect(hazard_cache_legacy_differs(cache));
	hazard_cache_drop_netfilter(cache);
	cr_expect_eq(hazard_cache_legacy(cache)->ip.state, LEGACY_HAS_RULES);
	cr_expect_not(hazard_cache_legacy_differs(cache));
	hazard_cache_free(cache);
}

/* It cannot be read by this thread, and nobody says that there is none. */
Test(legacy, cache_of_another_namespace_does_not_look)
{
	struct hazard_cache *cache = hazard_cache_new(&netlink_kernel, false);

	cr_expect_null(hazard_cache_legacy(cache));
	hazard_cache_free(cache);
}
