/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * SAs that are being asked for. Whoever needs one for a flow joins the asking for it: one negotiation, however many
 * wait. How often is asked is bounded for each user and for each peer. Nothing is answered from here: an SA that has
 * come is told by the namespace's mirror, and whether it protects is for decide() to say.
 *
 * One thread: that of the event base.
 */
#ifndef RDMASEC_ENGINE_ACQUIRER_H
#define RDMASEC_ENGINE_ACQUIRER_H

#include <event2/event.h>

#include "watch/namespaces.h"
#include "xfrm/acquire.h"

struct acquirer;
struct acquisition;

enum {
	ACQUIRE_AGAIN_MS = 3000,    /* a key manager that is busy with it takes no notice of a second asking */
	ACQUIRE_PER_PEER_MS = 1000, /* asking one peer, on average no more often than that ... */
	ACQUIRE_PER_PEER_BURST = 8, /* ... but so many at once */
	ACQUIRE_PER_USER_MS = 100,  /* the same for whom it is done */
	ACQUIRE_PER_USER_BURST = 64,
	/* An SA that reached a soft limit is its key manager's to replace. Who is this late is not there any more. */
	RENEW_AFTER_MS = 5000,
	RENEW_AGAIN_MS = 15000,
	RENEW_FOR_MS = 10 * 60 * 1000,
};

/* Does a queue pair live that such an SA would serve? */
typedef bool (*acquirer_needed_fn)(struct namespace *in, const struct acquire_flow *flow, void *arg);

RS_MUST_USE int acquirer_new(struct event_base *base, acquirer_needed_fn needed, void *arg, struct acquirer **out);
void acquirer_free(struct acquirer *acquirer); /* after everybody has left; NULL is fine */

/*
 * Has the SA asked for that the outbound policy of this index wants for this flow, on behalf of a user, until
 * acquisition_leave(). `in` is held meanwhile. 0; -ESRCH: no key manager listens in that namespace, so that waiting is
 * vain; -ENOMEM.
 */
RS_MUST_USE int acquirer_join(struct acquirer *acquirer, struct namespace *in, const struct acquire_flow *flow,
			      uint32_t policy_index, uid_t uid, struct acquisition **out);
void acquisition_leave(struct acquisition *acquisition);

/*
 * Has it asked for with nobody waiting, for a queue pair that lives: after `after_ms`, if there is no SA then that is
 * to last, until there is one, as long as it is needed, and for `for_ms` at most. Whether anybody listens does not
 * matter: a key manager may come back. Without memory nothing is done.
 */
void acquirer_renew(struct acquirer *acquirer, struct namespace *in, const struct acquire_flow *flow,
		    uint32_t policy_index, uid_t uid, int after_ms, int for_ms);

/* What has been seen of it so far, for an operator: where to look. Appends to `text`. */
void acquisition_explain(const struct acquisition *acquisition, char *text, size_t size);

#endif
