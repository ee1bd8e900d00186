// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The request for an SA, as xfrm_add_acquire() in net/xfrm/xfrm_user.c reads it. */
#include <arpa/inet.h>
#include <linux/xfrm.h>

#include "fake_netlink.h"
#include "xfrm/acquire.h"

static struct fake_kernel fake;
static struct netlink_transport transport;
static char error[128];

static void setup(void)
{
	memset(&fake, 0, sizeof(fake));
	transport = fake_transport(&fake);
}

static void teardown(void)
{
	fake_reset(&fake);
}

TestSuite(xfrm_acquire, .init = setup, .fini = teardown);

static const struct acquire_flow flow = {
	.family = AF_INET,
	.local = { .bytes = { 10, 0, 0, 1 } },
	.remote = { .bytes = { 10, 0, 0, 2 } },
};

static const struct xfrm_policy_evidence policy = {
	.dir = XFRM_POLICY_OUT,
	.action = XFRM_POLICY_ALLOW,
	.priority = 366976,
	.index = 73,
	.tmpl = { { .family = AF_INET, .reqid = 7, .proto = IPPROTO_ESP, .mode = XFRM_MODE_TRANSPORT } },
	.tmpl_count = 1,
};

static const struct xfrm_user_acquire *sent(void)
{
	const struct nlmsghdr *request = (const struct nlmsghdr *)fake.request;

	cr_assert_eq(fake.sends, 1);
	cr_assert_eq(request->nlmsg_type, XFRM_MSG_ACQUIRE);
	cr_assert(request->nlmsg_flags & NLM_F_ACK, "a refusal by the kernel must be reported");
	cr_assert_not(request->nlmsg_flags & NLM_F_DUMP);
	return NLMSG_DATA(request);
}

static const struct nlattr *attribute(int type)
{
	return nlmsg_find_attr((struct nlmsghdr *)fake.request, sizeof(struct xfrm_user_acquire), type);
}

Test(xfrm_acquire, asks_once_for_all_qps_of_two_hosts)
{
	const struct xfrm_user_acquire *acquire;
	const struct xfrm_user_tmpl *tmpl;

	fake_error(&fake, 0);
	cr_assert_eq(xfrm_acquire_send(&transport, &flow, &policy, error, sizeof(error)), 0, "%s", error);
	acquire = sent();
	cr_expect_eq(acquire->sel.saddr.a4, inet_addr("10.0.0.1"));
	cr_expect_eq(acquire->sel.daddr.a4, inet_addr("10.0.0.2"));
	cr_expect(acquire->sel.prefixlen_s == 32 && acquire->sel.prefixlen_d == 32);
	cr_expect(acquire->sel.proto == IPPROTO_UDP && !acquire->sel.dport_mask && !acquire->sel.sport_mask);
	cr_expect_eq(acquire->policy.index, 73U);
	cr_expect_eq(acquire->policy.dir, XFRM_POLICY_OUT);
	cr_expect_eq(acquire->policy.action, XFRM_POLICY_ALLOW);
	cr_expect_eq(acquire->id.daddr.a4, inet_addr("10.0.0.2"));
	cr_assert_not_null(attribute(XFRMA_TMPL));
	cr_assert_eq(nla_len(attribute(XFRMA_TMPL)), (int)sizeof(*tmpl));
	tmpl = nla_data(attribute(XFRMA_TMPL));
	cr_expect_eq(tmpl->reqid, 7U, "charon finds its policy by the reqid");
	cr_expect(tmpl->id.proto == IPPROTO_ESP && tmpl->mode == XFRM_MODE_TRANSPORT && tmpl->family == AF_INET);
	cr_expect_eq(tmpl->saddr.a4, inet_addr("10.0.0.1"), "in transport mode the packet's addresses");
	cr_expect_eq(tmpl->id.daddr.a4, inet_addr("10.0.0.2"));
	cr_expect_null(attribute(XFRMA_OFFLOAD_DEV), "it would offload the temporary policy permanently");
	cr_expect_null(attribute(XFRMA_SEC_CTX));
	cr_expect_eq(fake.closes, 1);
}

Test(xfrm_acquire, asks_for_one_qp)
{
	struct acquire_flow own = flow;
	const struct xfrm_user_acquire *acquire;

	own.has_sport = true;
	own.sport = 0xc123;
	fake_error(&fake, 0);
	cr_assert_eq(xfrm_acquire_send(&transport, &own, &policy, error, sizeof(error)), 0, "%s", error);
	acquire = sent();
	cr_expect(acquire->sel.sport == htons(0xc123) && acquire->sel.sport_mask == UINT16_MAX);
	cr_expect(acquire->sel.dport == htons(4791) && acquire->sel.dport_mask == UINT16_MAX);
}

Test(xfrm_acquire, asks_for_addresses_of_tunnel)
{
	struct xfrm_policy_evidence tunnel = policy;
	const struct xfrm_user_tmpl *tmpl;

	tunnel.tmpl[0].mode = XFRM_MODE_TUNNEL;
	tunnel.tmpl[0].saddr = (union ip_address){ .bytes = { 192, 0, 2, 1 } };
	tunnel.tmpl[0].daddr = (union ip_address){ .bytes = { 192, 0, 2, 2 } };
	fake_error(&fake, 0);
	cr_assert_eq(xfrm_acquire_send(&transport, &flow, &tunnel, error, sizeof(error)), 0, "%s", error);
	cr_expect_eq(sent()->id.daddr.a4, inet_addr("192.0.2.2"));
	tmpl = nla_data(attribute(XFRMA_TMPL));
	cr_expect_eq(tmpl->saddr.a4, inet_addr("192.0.2.1"));
	cr_expect_eq(sent()->sel.daddr.a4, inet_addr("10.0.0.2"), "the flow is unchanged");
}

Test(xfrm_acquire, returns_refusal_of_kernel)
{
	struct xfrm_policy_evidence bad = policy;

	fake_error(&fake, -EPERM);
	cr_expect_eq(xfrm_acquire_send(&transport, &flow, &policy, error, sizeof(error)), -EPERM);
	cr_expect(strstr(error, "Operation not permitted"), "%s", error);
	bad.tmpl_count = 0;
	cr_expect_eq(xfrm_acquire_send(&transport, &flow, &bad, error, sizeof(error)), -EINVAL);
	bad = policy;
	bad.dir = XFRM_POLICY_IN;
	cr_expect_eq(xfrm_acquire_send(&transport, &flow, &bad, error, sizeof(error)), -EINVAL);
	cr_expect_eq(fake.sends, 1, "only the first request was sent");
}

/* No answer, or one that is not an acknowledgement, is an error. */
Test(xfrm_acquire, accepts_acknowledgement_only)
{
	cr_expect_eq(xfrm_acquire_send(&transport, &flow, &policy, error, sizeof(error)), -ETIMEDOUT);
	fake_say(&fake, fake_message(XFRM_MSG_NEWSA, &flow, sizeof(flow)));
	cr_expect_eq(xfrm_acquire_send(&transport, &flow, &policy, error, sizeof(error)), -EPROTO);
}
