/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Shared by the tests of evidence: a fake kernel, the evidence that is read from it, and link messages. */
#ifndef RDMASEC_TESTS_EVIDENCE_FIXTURE_H
#define RDMASEC_TESTS_EVIDENCE_FIXTURE_H

#include <linux/if_link.h>
#include <sanitizer/lsan_interface.h>

#include "evidence/private.h"
#include "fake_netlink.h"

static struct fake_kernel kernel;
static struct evidence ev;

static inline void forget(void)
{
	evidence_free(&ev);
	fake_reset(&kernel);
}

/*
 * Criterion ignores leaks that LeakSanitizer finds at the end of a test, and failed assertions there; it reports a
 * crash.
 */
static inline void forget_and_check_leaks(void)
{
	forget();
	if (__lsan_do_recoverable_leak_check())
		abort();
}

static inline void read_part(enum evidence_part part)
{
	const struct netlink_transport transport = fake_transport(&kernel);

	evidence_read_part(part, &transport, &ev);
	cr_expect_eq(kernel.opens, kernel.closes, "a socket was leaked");
}

static inline struct nl_msg *link_message(int ifindex, const char *name)
{
	const struct ifinfomsg info = { .ifi_index = ifindex, .ifi_flags = IFF_UP };
	struct nl_msg *message = fake_message(RTM_NEWLINK, &info, sizeof(info));

	if (name)
		cr_assert_eq(nla_put_string(message, IFLA_IFNAME, name), 0);
	return message;
}

static inline struct nl_msg *kind_message(int ifindex, const char *name, const char *kind)
{
	struct nl_msg *message = link_message(ifindex, name);
	struct nlattr *nest = nla_nest_start(message, IFLA_LINKINFO);

	cr_assert(nest && !nla_put_string(message, IFLA_INFO_KIND, kind));
	nla_nest_end(message, nest);
	return message;
}

static inline void say_links(void)
{
	struct nl_msg *message = kind_message(5, "macsec0", "macsec");

	fake_say(&kernel, link_message(1, "lo"));
	nla_put_u32(message, IFLA_LINK, 4);
	nla_put_u32(message, IFLA_MASTER, 9);
	fake_say_too(&kernel, message);
	fake_done(&kernel, 0);
}

static inline void expect_links(const char *name)
{
	cr_expect_eq(ev.links_state, EVIDENCE_READ, "%s: state %d (%s)", name, ev.links_state, ev.links_error);
	cr_expect_eq(ev.link_count, 2, "%s: %zu links", name, ev.link_count);
	cr_expect_str_empty(ev.links_error, "%s", name);
}

#endif
