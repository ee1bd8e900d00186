/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Acquisitions: asks key managers for missing SAs. All questions about one flow share one acquisition. The rate is
 * limited for each user and each peer. The acquirer does not report a new SA: the namespace's mirror does, and decide()
 * judges whether the SA protects.
 *
 * All functions run in the thread of the event base and do not block.
 */
#ifndef RDMASEC_ENGINE_ACQUIRER_H
#define RDMASEC_ENGINE_ACQUIRER_H

#include <event2/event.h>

#include "judge/why.h"
#include "watch/namespaces.h"
#include "xfrm/acquire.h"

struct acquirer;
struct acquisition;

enum {
	ACQUIRE_AGAIN_MS = 3000,    /* interval of repeated requests; a busy key manager ignores them */
	ACQUIRE_PER_PEER_MS = 1000, /* interval of requests about one peer, on average */
	ACQUIRE_PER_PEER_BURST = 8, /* requests about one peer at once */
	ACQUIRE_PER_USER_MS = 100,  /* the same limits for one user */
	ACQUIRE_PER_USER_BURST = 64,
	/* The key manager replaces an SA at its soft limit. After this delay the acquirer asks for a new one. */
	RENEW_AFTER_MS = 5000,
	RENEW_AGAIN_MS = 15000,
	RENEW_FOR_MS = 10 * 60 * 1000,
};

/* Returns true if a living queue pair needs an SA for this flow. */
typedef bool (*acquirer_needed_fn)(struct namespace *in, const struct acquire_flow *flow, void *arg);

/* Returns 0 or -errno. The caller frees *out with acquirer_free(). */
RS_MUST_USE int acquirer_new(struct event_base *base, acquirer_needed_fn needed, void *arg, struct acquirer **out);
void acquirer_free(struct acquirer *acquirer); /* after all acquisitions have been left; NULL is allowed */

/*
 * Asks for the SA that the outbound policy of this index requires for this flow, on behalf of a user, until
 * acquisition_leave(). Holds a reference to `in` until then. Returns 0; -ESRCH if no key manager listens in that
 * namespace; -ENOMEM.
 */
RS_MUST_USE int acquirer_join(struct acquirer *acquirer, struct namespace *in, const struct acquire_flow *flow,
			      uint32_t policy_index, uid_t uid, struct acquisition **out);
void acquisition_leave(struct acquisition *acquisition);

/*
 * Asks for an SA for a living queue pair, without a waiting question. Starts after `after_ms` if no lasting SA exists
 * then, and stops when one exists, when no queue pair needs it, or after `for_ms`. It also asks while no key manager
 * listens, because one may start. Does nothing without memory.
 */
void acquirer_renew(struct acquirer *acquirer, struct namespace *in, const struct acquire_flow *flow,
		    uint32_t policy_index, uid_t uid, int after_ms, int for_ms);

/* Writes why no SA has come yet, but for the milliseconds that this took. */
void acquisition_explain(const struct acquisition *acquisition, struct why *out);

#endif
