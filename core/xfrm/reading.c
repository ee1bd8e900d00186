// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Source: net/xfrm/xfrm_user.c (xfrm_dump_policy, build_spdinfo, xfrm_dump_sa). */
#include "xfrm/reading.h"

#include <errno.h>
#include <string.h>

#include "netlink/attributes.h"
#include "xfrm/parse.h"

/* For all of it: of a million SAs, each of which took a fifth of a millisecond on an emulated processor. */
enum { XFRM_LONGEST_MS = 5 * 60 * 1000 };

static int taken(struct xfrm_reading *reading, int err)
{
	if (err == -EEXIST) /* replaced during the dump, of whose ways each finds the one or the other */
		return netlink_fail(reading->channel, -EAGAIN, "an SA or policy is there twice");
	return err ? netlink_fail(reading->channel, err, "no memory for policies and SAs") : 0;
}

/* ---- policies ---- */

static void restart_policies(void *context)
{
	struct xfrm_reading *reading = context;

	reading->sink->restart_policies(reading->sink->context);
	memset(reading->seen, 0, sizeof(reading->seen));
}

static int take_policy(const struct nlmsghdr *message, void *context)
{
	struct xfrm_reading *reading = context;
	struct netlink_channel *channel = reading->channel;
	struct xfrm_policy_evidence policy;
	int err;

	if (message->nlmsg_type != XFRM_MSG_NEWPOLICY)
		return netlink_fail(channel, -EPROTO, "a policy is not understood");
	err = xfrm_parse_policy(message, &policy, channel->error, channel->error_size);
	if (err || policy.dir >= XFRM_POLICY_MAX)
		return err;
	reading->seen[policy.dir]++;
	return taken(reading, reading->sink->policy(&policy, reading->sink->context));
}

static int take_policy_count(const struct nlmsghdr *message, void *context)
{
	static const struct nla_policy policy_of[XFRMA_SPD_MAX + 1] = {
		[XFRMA_SPD_INFO] = NETLINK_AT_LEAST(sizeof(struct xfrmu_spdinfo)),
	};
	struct nlattr *attrs[XFRMA_SPD_MAX + 1];
	struct xfrm_reading *reading = context;
	struct xfrmu_spdinfo info;

	if (message->nlmsg_type != XFRM_MSG_NEWSPDINFO ||
	    netlink_attributes(message, sizeof(uint32_t), XFRMA_SPD_MAX, policy_of, attrs) || !attrs[XFRMA_SPD_INFO])
		return netlink_fail(reading->channel, -EPROTO, "the number of policies is not understood");
	memcpy(&info, nla_data(attrs[XFRMA_SPD_INFO]), sizeof(info));
	reading->counted[XFRM_POLICY_IN] = info.incnt;
	reading->counted[XFRM_POLICY_OUT] = info.outcnt;
	reading->counted[XFRM_POLICY_FWD] = info.fwdcnt;
	return 0;
}

static int ask(struct xfrm_reading *reading, int type, const void *payload, size_t size,
	       int (*message)(const struct nlmsghdr *message, void *context))
{
	struct nl_msg *request = nlmsg_alloc_simple(type, 0);
	int err;

	if (!request || nlmsg_append(request, (void *)payload, size, NLMSG_ALIGNTO))
		err = netlink_fail(reading->channel, -ENOMEM, "no memory for a request");
	else
		err = netlink_ask(reading->channel, request, message, reading);
	nlmsg_free(request);
	return err;
}

static int ask_for_count(struct xfrm_reading *reading)
{
	const uint32_t flags = UINT32_MAX; /* all counts; only echoed */

	return ask(reading, XFRM_MSG_GETSPDINFO, &flags, sizeof(flags), take_policy_count);
}

/* ---- SAs ---- */

static void restart_sas(void *context)
{
	const struct xfrm_reading *reading = context;

	reading->sink->restart_sas(reading->sink->context);
}

static int take_sa(const struct nlmsghdr *message, void *context)
{
	struct xfrm_reading *reading = context;
	struct netlink_channel *channel = reading->channel;
	struct xfrm_sa_evidence sa;
	int err;

	if (message->nlmsg_type != XFRM_MSG_NEWSA)
		return netlink_fail(channel, -EPROTO, "an SA is not understood");
	err = xfrm_parse_sa(message, &sa, channel->error, channel->error_size);
	return err ? err : taken(reading, reading->sink->sa(&sa, reading->sink->context));
}

/* ---- one after the other ---- */

static int begin_dump(struct xfrm_reading *reading, int type)
{
	static const struct {
		void (*restart)(void *context);
		int (*message)(const struct nlmsghdr *message, void *context);
	} of[] = { { restart_policies, take_policy }, { restart_sas, take_sa } };

	nlmsg_free(reading->dumping.request);
	reading->dumping.request = nlmsg_alloc_simple(type, 0);
	if (!reading->dumping.request)
		return netlink_fail(reading->channel, -ENOMEM, "no memory for a request");
	reading->reads_sas = type == XFRM_MSG_GETSA;
	reading->reader =
		(struct netlink_reader){ of[reading->reads_sas].restart, of[reading->reads_sas].message, reading };
	reading->dumping.reader = &reading->reader;
	return netlink_dump_begin(reading->channel, &reading->dumping);
}

/*
 * xfrm dumps never say NLM_F_DUMP_INTR, and xfrm_policy_walk() does not see what was put in front of it meanwhile: a
 * policy that is being replaced (xfrm_policy_insert()) is then in the dump neither old nor new. The counts tell.
 */
static int policies_are_read(struct xfrm_reading *reading)
{
	int err = ask_for_count(reading);

	if (err)
		return err;
	if (memcmp(reading->seen, reading->counted, sizeof(reading->seen))) {
		if (++reading->rounds == NETLINK_TRIES)
			return netlink_fail(reading->channel, -EAGAIN, "the policies changed while they were read");
		return begin_dump(reading, XFRM_MSG_GETPOLICY);
	}
	return begin_dump(reading, XFRM_MSG_GETSA);
}

static void forget(struct xfrm_reading *reading)
{
	restart_policies(reading);
	restart_sas(reading);
}

int xfrm_reading_begin(struct xfrm_reading *reading, struct netlink_channel *channel, const struct xfrm_sink *sink)
{
	*reading = (struct xfrm_reading){ .channel = channel, .sink = sink };
	netlink_allow(channel, XFRM_LONGEST_MS);
	return begin_dump(reading, XFRM_MSG_GETPOLICY);
}

int xfrm_reading_step(struct xfrm_reading *reading)
{
	int rc = netlink_dump_step(reading->channel, &reading->dumping);

	if (!rc && !reading->reads_sas) {
		rc = policies_are_read(reading);
		rc = rc ? rc : NETLINK_MORE;
	}
	if (rc < 0)
		forget(reading);
	return rc;
}

void xfrm_reading_end(struct xfrm_reading *reading)
{
	nlmsg_free(reading->dumping.request);
	reading->dumping.request = NULL;
}
