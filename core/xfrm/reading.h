/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Reading the SPD and the SAD of a network namespace: whole, consistent, and a datagram at a time, since on a host with
 * very many SAs it takes longer than others can wait.
 */
#ifndef RDMASEC_XFRM_READING_H
#define RDMASEC_XFRM_READING_H

#include <linux/xfrm.h>

#include "netlink/dump.h"
#include "xfrm/facts.h"

/* Who takes in what is read. policy() and sa(): 0, -ENOMEM, or -EEXIST, and it is all read anew. */
struct xfrm_sink {
	/* Forget those that came: they will come anew, or not at all. */
	void (*restart_policies)(void *context);
	void (*restart_sas)(void *context);
	int (*policy)(const struct xfrm_policy_evidence *policy, void *context);
	int (*sa)(const struct xfrm_sa_evidence *sa, void *context);
	void *context;
};

/* Fields are private. */
struct xfrm_reading {
	struct netlink_channel *channel;
	const struct xfrm_sink *sink;
	struct netlink_dumping dumping; /* the request is this reading's */
	struct netlink_reader reader;
	bool reads_sas;
	int rounds;
	uint32_t seen[XFRM_POLICY_MAX], counted[XFRM_POLICY_MAX]; /* policies, by direction */
};

/* 0, or -errno and the channel's text. Channel and sink have to stay until the end. End it in any case. */
RS_MUST_USE int xfrm_reading_begin(struct xfrm_reading *reading, struct netlink_channel *channel,
				   const struct xfrm_sink *sink);
/*
 * NETLINK_MORE: it goes on. 0: the sink has everything. Else -errno and the channel's text, and the sink has been told
 * to forget everything. Waits for the kernel to make a datagram, NETLINK_DEADLINE_MS at most.
 */
RS_MUST_USE int xfrm_reading_step(struct xfrm_reading *reading);
void xfrm_reading_end(struct xfrm_reading *reading);

#endif
