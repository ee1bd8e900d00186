// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Counting SAs under negotiation: those of a fake kernel, and those of a real network namespace. */
#include <sanitizer/lsan_interface.h>

#include "decide_fixture.h"
#include "netlink/attributes.h"
#include "netns_fixture.h"
#include "skip.h"
#include "util/clock.h"
#include "xfrm/larval.h"
#include "xfrm_messages.h"

static struct world w;
static struct fake_kernel kernel;
static struct xfrm_larval larval;
static char error[128];

static void end(void)
{
	fake_reset(&kernel);
	if (__lsan_do_recoverable_leak_check())
		abort();
}

TestSuite(xfrm_larval, .fini = end, .timeout = 240);

static int count_over(const struct netlink_transport *transport)
{
	larval = (struct xfrm_larval){ 77, 77 };
	return xfrm_census(transport, w.path.family, &w.path.local, &w.path.remote, &larval, error, sizeof(error));
}

static int count(void)
{
	const struct netlink_transport transport = fake_transport(&kernel);
	int err = count_over(&transport);

	cr_expect_eq(kernel.opens, kernel.closes, "a socket was leaked");
	cr_expect(!err || (larval.out == 77 && larval.in == 77 && error[0]), "%zu %zu %s", larval.out, larval.in,
		  error);
	return err;
}

static struct xfrm_sa_evidence larval_sa(uint32_t spi, uint8_t from, uint8_t to)
{
	struct xfrm_sa_evidence sa = esp_sa(&w, spi, from, to);

	sa.has_aead = false;
	sa.algorithm[0] = '\0';
	sa.key_bits = sa.icv_bits = 0;
	return sa;
}

static void say(const struct xfrm_sa_evidence *sas, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fake_say(&kernel, sa_message(XFRM_MSG_NEWSA, &sas[i]));
	fake_done(&kernel, 0);
}

/* The last request is for the inbound direction. */
static void expect_filter(void)
{
	static const struct nla_policy policy_of[XFRMA_ADDRESS_FILTER + 1] = {
		[XFRMA_PROTO] = NETLINK_EXACTLY(1),
		[XFRMA_ADDRESS_FILTER] = NETLINK_EXACTLY(sizeof(struct xfrm_address_filter)),
	};
	const struct nlmsghdr *request = (const struct nlmsghdr *)kernel.request;
	struct nlattr *attrs[XFRMA_ADDRESS_FILTER + 1];
	struct xfrm_address_filter filter;

	cr_assert_eq(request->nlmsg_type, XFRM_MSG_GETSA);
	cr_assert_eq(request->nlmsg_flags & NLM_F_DUMP, NLM_F_DUMP);
	cr_assert_eq(netlink_attributes(request, 0, XFRMA_ADDRESS_FILTER, policy_of, attrs), 0);
	cr_assert(attrs[XFRMA_PROTO] && attrs[XFRMA_ADDRESS_FILTER]);
	cr_expect_eq(nla_get_u8(attrs[XFRMA_PROTO]), IPPROTO_ESP);
	memcpy(&filter, nla_data(attrs[XFRMA_ADDRESS_FILTER]), sizeof(filter));
	cr_expect_eq(filter.family, w.path.family);
	cr_expect(filter.splen == full_prefix(&w) && filter.dplen == full_prefix(&w));
	cr_expect(!memcmp(&filter.saddr, &w.path.remote, 16) && !memcmp(&filter.daddr, &w.path.local, 16));
}

Test(xfrm_larval, counts_by_direction)
{
	static const int families[] = { AF_INET, AF_INET6 };

	for (size_t i = 0; i < 2; i++) {
		world_init(&w, RDMA_DRIVER_RXE, families[i], ETH0);
		const struct xfrm_sa_evidence out[] = { esp_sa(&w, 5, 1, 2), larval_sa(0, 1, 2), larval_sa(0, 1, 3) };
		const struct xfrm_sa_evidence in[] = { larval_sa(9, 2, 1), esp_sa(&w, 6, 2, 1), larval_sa(10, 2, 1) };

		say(out, 3);
		say(in, 3);
		cr_expect_eq(count(), 0, "%s", error);
		cr_expect(larval.out == 1 && larval.in == 2, "%zu %zu", larval.out, larval.in);
		expect_filter();
		fake_reset(&kernel);
	}
}

Test(xfrm_larval, restarts_interrupted_reading)
{
	struct xfrm_sa_evidence one;

	world_init(&w, RDMA_DRIVER_RXE, AF_INET, ETH0);
	one = larval_sa(9, 2, 1);
	say(NULL, 0);
	fake_header(fake_say(&kernel, sa_message(XFRM_MSG_NEWSA, &one)))->nlmsg_flags |= NLM_F_DUMP_INTR;
	say(&one, 1);
	cr_expect_eq(count(), 0, "%s", error);
	cr_expect(larval.out == 0 && larval.in == 1, "%zu %zu", larval.out, larval.in);
}

Test(xfrm_larval, reports_unreadable_sad)
{
	static const char zeros[512];

	world_init(&w, RDMA_DRIVER_RXE, AF_INET, ETH0);
	kernel.open_error = -EPROTONOSUPPORT;
	cr_expect_eq(count(), -EPROTONOSUPPORT);
	fake_reset(&kernel);
	fake_error(&kernel, -EPERM);
	cr_expect_eq(count(), -EPERM);
	fake_reset(&kernel);
	say(NULL, 0);
	fake_say(&kernel, fake_message(XFRM_MSG_NEWSA, zeros, sizeof(struct xfrm_usersa_info)));
	cr_expect_eq(count(), -EPROTO);
	fake_reset(&kernel);
	fake_say(&kernel, fake_message(XFRM_MSG_NEWPOLICY, zeros, 256));
	cr_expect_eq(count(), -EPROTO);
	fake_reset(&kernel);
	fake_fails(&kernel, -EBADF);
	cr_expect_eq(count(), -EBADF);
}

/* ---- in a real network namespace ---- */

static void expect_there(size_t out, size_t in)
{
	int64_t began = clock_ms();
	int err = count_over(&netlink_kernel);

	if (err == -EPROTONOSUPPORT)
		skip_test("this kernel has no xfrm");
	cr_assert_eq(err, 0, "%s", error);
	cr_expect(larval.out == out && larval.in == in, "%zu %zu, not %zu %zu", larval.out, larval.in, out, in);
	cr_log_info("counted in %d ms", (int)(clock_ms() - began));
}

enum { OTHERS = 10000 };

/* Adds SAs to and from either of the two hosts. */
static void add_others(void)
{
	struct ip_batch batch = ip_begin();

	for (unsigned i = 0; i < OTHERS; i++) {
		const char *end = i & 1 ? "10.0.0.1" : "10.0.0.2";
		char other[INET_ADDRSTRLEN];

		text_format(other, sizeof(other), "10.1.%u.%u", i / 4 / 250, i / 4 % 250 + 1);
		ip_say(&batch, "xfrm state allocspi src %s dst %s proto esp reqid 7 mode transport min %u max %u",
		       i & 2 ? end : other, i & 2 ? other : end, 0x10000 + i, 0x10000 + i);
	}
	ip_end(&batch);
}

Test(xfrm_larval, counts_in_namespace)
{
	netns_enter();
	world_init(&w, RDMA_DRIVER_RXE, AF_INET, ETH0);
	expect_there(0, 0);
	shell("sysctl -q net.core.xfrm_acq_expires=3600");
	shell("ip xfrm state allocspi src 10.0.0.2 dst 10.0.0.1 proto esp reqid 7 mode transport min 257 max 257 "
	      ">/dev/null");
	expect_there(0, 1);
	shell("ip xfrm state allocspi src 10.0.0.2 dst 10.0.0.1 proto comp reqid 7 mode transport min 300 max 300 "
	      ">/dev/null");
	expect_there(0, 1);
	add_others();
	expect_there(0, 1);
	shell("ip xfrm state allocspi src 10.0.0.1 dst 10.0.0.2 proto esp reqid 8 mode transport min 258 max 258 "
	      ">/dev/null");
	expect_there(1, 1);
	shell("ip xfrm state delete src 10.0.0.2 dst 10.0.0.1 proto esp spi 257");
	expect_there(1, 0);
}

Test(xfrm_larval, counts_until_sa_lives)
{
	netns_enter();
	world_init(&w, RDMA_DRIVER_RXE, AF_INET6, ETH0);
	expect_there(0, 0);
	shell("ip xfrm state allocspi src 2001:db8::2 dst 2001:db8::1 proto esp reqid 7 mode transport min 257 max 257 "
	      ">/dev/null");
	expect_there(0, 1);
	if (!netns_has_esp())
		skip_test("this kernel has no ESP: nothing can be negotiated");
	shell("ip xfrm state update src 2001:db8::2 dst 2001:db8::1 proto esp spi 257 reqid 7 mode "
	      "transport " NETNS_AEAD);
	expect_there(0, 0);
}
