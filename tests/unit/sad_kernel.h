/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A fake kernel with some SAs. It answers requests for single SAs like net/xfrm/xfrm_user.c (xfrm_get_sa,
 * xfrm_get_sadinfo), over a fake transport.
 */
#ifndef RDMASEC_TESTS_SAD_KERNEL_H
#define RDMASEC_TESTS_SAD_KERNEL_H

#include "xfrm_messages.h"

struct sad_kernel {
	struct fake_kernel fake; /* first */
	const struct xfrm_sa_evidence *sas;
	size_t count;
	uint32_t buckets, grows_by; /* size of its hash table, and its growth at each request for an SA */
	size_t asked;               /* number of requests for SAs */
};

static inline void sad_forget(struct fake_kernel *fake)
{
	for (size_t i = 0; i < fake->count; i++)
		free(fake->queue[i].data);
	fake->count = fake->next = 0;
}

/* __xfrm_state_lookup() */
static inline bool sad_matches(const struct xfrm_sa_evidence *sa, const struct xfrm_usersa_id *id, uint32_t mark)
{
	return sa->family == id->family && htonl(sa->spi) == id->spi && sa->proto == id->proto &&
	       !memcmp(&sa->daddr, &id->daddr, sa->family == AF_INET ? 4 : 16) &&
	       (mark & sa->mark.mask) == sa->mark.value;
}

static inline void sad_answer_sa(struct sad_kernel *kernel, const struct nlmsghdr *request)
{
	const struct nlattr *attr =
		nlmsg_find_attr((struct nlmsghdr *)request, sizeof(struct xfrm_usersa_id), XFRMA_MARK);
	struct xfrm_usersa_id id;
	struct xfrm_mark mark = { 0 };

	cr_assert_geq(request->nlmsg_len, NLMSG_LENGTH(sizeof(id)));
	memcpy(&id, NLMSG_DATA(request), sizeof(id));
	if (attr)
		memcpy(&mark, nla_data(attr), sizeof(mark));
	kernel->asked++;
	kernel->buckets += kernel->grows_by;
	for (size_t i = 0; i < kernel->count; i++) {
		if (!sad_matches(&kernel->sas[i], &id, mark.v & mark.m))
			continue;
		fake_say(&kernel->fake, sa_message(XFRM_MSG_NEWSA, &kernel->sas[i]));
		return;
	}
	fake_error(&kernel->fake, -ESRCH);
}

static inline void sad_answer_info(struct sad_kernel *kernel)
{
	const struct xfrmu_sadhinfo info = { .sadhcnt = kernel->buckets, .sadhmcnt = 1 << 20 };
	struct nl_msg *message = fake_message(XFRM_MSG_NEWSADINFO, &(const uint32_t){ 0 }, sizeof(uint32_t));

	cr_assert(!nla_put_u32(message, XFRMA_SAD_CNT, (uint32_t)kernel->count));
	cr_assert(!nla_put(message, XFRMA_SAD_HINFO, sizeof(info), &info));
	fake_say(&kernel->fake, message);
}

static inline int sad_send(void *context, int handle, const struct nlmsghdr *request)
{
	struct sad_kernel *kernel = context;
	int err = fake_send(&kernel->fake, handle, request);

	if (err)
		return err;
	cr_assert_not(request->nlmsg_flags & NLM_F_DUMP);
	if (kernel->fake.next == kernel->fake.count)
		sad_forget(&kernel->fake);
	if (request->nlmsg_type == XFRM_MSG_GETSA)
		sad_answer_sa(kernel, request);
	else if (request->nlmsg_type == XFRM_MSG_GETSADINFO)
		sad_answer_info(kernel);
	else
		fake_error(&kernel->fake, -EINVAL);
	return 0;
}

static inline struct netlink_transport sad_transport(struct sad_kernel *kernel)
{
	struct netlink_transport transport = fake_transport(&kernel->fake);

	transport.send = sad_send;
	return transport;
}

#endif
