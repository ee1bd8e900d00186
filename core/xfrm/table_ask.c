// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Asks the kernel for single SAs, where reading all of them would take long. Sources: net/xfrm/xfrm_user.c
 * (xfrm_get_sa, xfrm_user_state_lookup, build_sadinfo) and net/xfrm/xfrm_state.c (__xfrm_state_lookup,
 * xfrm_hash_resize).
 */
#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "netlink/attributes.h"
#include "netlink/dump.h"
#include "util/text.h"
#include "xfrm/parse.h"
#include "xfrm/table_internal.h"

struct asking {
	struct xfrm_table *table;
	struct netlink_channel channel;
	void (*changed)(const struct xfrm_change *change, void *arg);
	void *arg;
	const struct xfrm_sa_id *id;
	struct xfrm_sa_evidence sa;
	uint32_t buckets;
};

static int send_and_free(struct asking *a, struct nl_msg *request,
			 int (*answer)(const struct nlmsghdr *message, void *context))
{
	int err = netlink_ask(&a->channel, request, answer, a);

	nlmsg_free(request);
	return err;
}

/* Several SAs can have this SPI: the first one with a matching mark may be another SA. */
static int take_sa(const struct nlmsghdr *message, void *context)
{
	struct asking *a = context;
	struct netlink_channel *channel = &a->channel;
	struct xfrm_sa_id id;

	if (message->nlmsg_type != XFRM_MSG_NEWSA)
		return netlink_fail(channel, -EPROTO, "an SA is not understood");
	if (xfrm_parse_sa(message, &a->sa, channel->error, channel->error_size))
		return -EPROTO;
	id = xfrm_sa_id(&a->sa);
	if (memcmp(&id, a->id, sizeof(id)))
		return netlink_fail(channel, -ESTALE, "another SA has the SPI 0x%08x as well", a->id->spi);
	return 0;
}

static int ask_for_sa(struct asking *a)
{
	const struct xfrm_mark mark = { a->id->mark.value, a->id->mark.mask };
	struct xfrm_usersa_id head = { .spi = htonl(a->id->spi),
				       .family = (uint16_t)a->id->family,
				       .proto = (uint8_t)a->id->proto };

	memcpy(&head.daddr, &a->id->daddr, sizeof(head.daddr));
	return send_and_free(
		a, netlink_put(netlink_request(XFRM_MSG_GETSA, &head, sizeof(head)), XFRMA_MARK, &mark, sizeof(mark)),
		take_sa);
}

static int take_buckets(const struct nlmsghdr *message, void *context)
{
	static const struct nla_policy policy_of[XFRMA_SAD_MAX + 1] = {
		[XFRMA_SAD_HINFO] = NETLINK_AT_LEAST(sizeof(struct xfrmu_sadhinfo)),
	};
	struct nlattr *attrs[XFRMA_SAD_MAX + 1];
	struct asking *a = context;
	struct xfrmu_sadhinfo info;

	if (message->nlmsg_type != XFRM_MSG_NEWSADINFO ||
	    netlink_attributes(message, sizeof(uint32_t), XFRMA_SAD_MAX, policy_of, attrs) || !attrs[XFRMA_SAD_HINFO])
		return netlink_fail(&a->channel, -EPROTO, "the number of SAs is not understood");
	memcpy(&info, nla_data(attrs[XFRMA_SAD_HINFO]), sizeof(info));
	a->buckets = info.sadhcnt;
	return 0;
}

static int ask_for_buckets(struct asking *a)
{
	uint32_t flags = UINT32_MAX; /* the kernel only echoes it */

	return send_and_free(a, netlink_request(XFRM_MSG_GETSADINFO, &flags, sizeof(flags)), take_buckets);
}

static int ask_one(struct asking *a, bool *missing)
{
	struct xfrm_change change = { .kind = XFRM_CHANGE_NOTHING };
	int err = ask_for_sa(a);

	if (err == -ESRCH) {
		*missing = true;
		xfrm_table_sa_gone(a->table, a->id, &change);
		err = 0;
	} else if (!err) {
		err = xfrm_table_put_sa(a->table, &a->sa, &change);
	}
	if (!err && change.kind != XFRM_CHANGE_NOTHING)
		a->changed(&change, a->arg);
	return err;
}

/*
 * A lookup takes no lock, and can miss an SA while the kernel enlarges its hash table. The number of buckets, read
 * under the lock, never shrinks: if it is the same before and after, no lookup missed an SA.
 */
static int ask_all(struct asking *a)
{
	const struct xfrm_question *question;
	bool missing = false;
	uint32_t buckets;
	int err = ask_for_buckets(a);

	buckets = a->buckets;
	for (question = a->table->questions; question && !err; question = question->hh.next) {
		a->id = &question->id;
		err = ask_one(a, &missing);
	}
	if (!err && missing)
		err = ask_for_buckets(a);
	if (!err && buckets != a->buckets)
		err = netlink_fail(&a->channel, -ESTALE, "an SA may have been missed");
	return err;
}

static int open_and_ask(struct asking *a, const struct netlink_transport *transport, char *error, size_t error_size)
{
	int err = netlink_open(&a->channel, transport, NETLINK_XFRM, error, error_size);

	if (err)
		return err;
	err = ask_all(a);
	netlink_close(&a->channel);
	return err;
}

int xfrm_table_ask(struct xfrm_table *table, const struct netlink_transport *transport,
		   void (*changed)(const struct xfrm_change *change, void *arg), void *arg)
{
	struct asking asking = { .table = table, .changed = changed, .arg = arg };
	char error[sizeof(table->error)] = "no memory for an answer";
	int err;

	if (!table->questions)
		return 0;
	err = open_and_ask(&asking, transport, error, sizeof(error));
	xfrm_questions_drop(table);
	if (err) {
		text_copy(table->error, sizeof(table->error), error);
		xfrm_table_break(table);
	}
	return err;
}
