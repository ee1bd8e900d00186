// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* An acquisition steps once a second. It asks for the SA when its time has come and the rates allow it. */
#include "engine/acquirer.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rates.h"
#include "util/clock.h"
#include "util/hash.h"
#include "util/text.h"
#include "xfrm/larval.h"
#include "xfrm/parse.h"
#include "xfrm/selector.h"

enum { STEP_MS = 1000 };

/* Who needs the SA: questions that wait, and the renewal for a living queue pair. A renewal can be over. */
enum need { NEEDED_BY_QUESTIONS = 1 << 0, NEEDED_BY_RENEWAL = 1 << 1 };

/* The interval of the requests. Without a need the acquisition ends. */
static const int again_ms[] = {
	[0] = 0,
	[NEEDED_BY_QUESTIONS] = ACQUIRE_AGAIN_MS,
	[NEEDED_BY_RENEWAL] = RENEW_AGAIN_MS,
	[NEEDED_BY_QUESTIONS | NEEDED_BY_RENEWAL] = ACQUIRE_AGAIN_MS,
};

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded" /* hashed and compared as octets */
struct acquisition_key {
	uint64_t namespace_id;
	struct acquire_flow flow;
	uint32_t policy_index;
	uint32_t reserved;
};
#pragma GCC diagnostic pop

struct acquisition {
	struct acquisition_key key;
	struct acquirer *acquirer;
	struct namespace *in;
	struct event *step;
	unsigned questions; /* that wait for it */
	bool renews;        /* for a living queue pair */
	int64_t renews_until_ms;
	uid_t uid;       /* of the first question or queue pair */
	int64_t next_ms; /* when it asks again */
	unsigned sent;
	bool held_back;  /* by a rate */
	bool negotiates; /* an SA under negotiation was seen between the addresses */
	int failure;     /* -errno of the last request to the kernel */
	char error[128]; /* and the kernel's text */
	UT_hash_handle hh;
};

struct acquirer {
	struct event_base *base;
	struct acquisition *acquisitions;
	acquirer_needed_fn needed;
	void *arg;
	struct rates *rates;
};

/* ---- how often ---- */

static bool may_ask(struct acquisition *a, int64_t now)
{
	static const struct rate_limit per_user = { ACQUIRE_PER_USER_MS, ACQUIRE_PER_USER_BURST };
	static const struct rate_limit per_peer = { ACQUIRE_PER_PEER_MS, ACQUIRE_PER_PEER_BURST };
	const struct rate_key user = { .uid = a->uid };
	const struct rate_key peer = { .namespace_id = a->key.namespace_id, .peer = a->key.flow.remote };

	return rates_take_both(a->acquirer->rates, now, &user, &per_user, &peer, &per_peer);
}

/* ---- asking ---- */

/* Whether the policy wants an SA for the flow, by its addresses and templates. */
static bool wants_sa(const struct xfrm_policy_evidence *policy, const struct acquire_flow *flow)
{
	const struct xfrm_flow looked_up = {
		.family = flow->family,
		.saddr = &flow->local,
		.daddr = &flow->remote,
	};

	return policy->dir == XFRM_POLICY_OUT && policy->tmpl_count &&
	       selector_match_addresses(&policy->sel, &looked_up) == SELECTS_ALL;
}

/*
 * The policy with the index of the key. A key manager that was restarted has installed another with a new index: then
 * the policy that the flow would hit first. A request for the wrong one does no harm.
 */
static const struct xfrm_policy_evidence *find_policy(const struct acquisition *a)
{
	const struct evidence *ev = mirror_last(namespace_mirror(a->in));
	const struct acquire_flow *flow = &a->key.flow;
	const struct xfrm_policy_evidence *policy, *first = NULL;
	struct xfrm_walk walk;

	if (!ev->xfrm)
		return NULL;
	xfrm_table_policies(ev->xfrm, XFRM_POLICY_OUT, flow->family, &flow->local, &flow->remote, &walk);
	while ((policy = xfrm_walk_policy(&walk))) {
		if (!wants_sa(policy, flow))
			continue;
		if (policy->index == a->key.policy_index)
			return policy;
		if (!first || policy->priority < first->priority)
			first = policy;
	}
	return first;
}

static void ask(struct acquisition *a)
{
	const struct xfrm_policy_evidence *policy = find_policy(a);

	if (!policy)
		return; /* gone: this change has the waiting questions judged again */
	a->failure = xfrm_acquire_send(namespace_transport(a->in), &a->key.flow, policy, a->error, sizeof(a->error));
	a->sent++;
}

/* Looks for a larval SA: the kernel sends no event when a key manager begins to negotiate. */
static void look_at_negotiation(struct acquisition *a)
{
	const struct acquire_flow *flow = &a->key.flow;
	struct xfrm_larval larval;
	char error[128];

	if (a->negotiates || !a->sent)
		return;
	if (!xfrm_census(namespace_transport(a->in), flow->family, &flow->local, &flow->remote, &larval, error,
			 sizeof(error)))
		a->negotiates = larval.in || larval.out;
}

/* Whether an SA between the addresses is not about to expire. */
static bool has_lasting_sa(const struct acquisition *a, const union ip_address *from, const union ip_address *to,
			   const uint32_t *reqid)
{
	const struct xfrm_sa_query query = {
		.family = a->key.flow.family,
		.saddr = from,
		.daddr = to,
		.any_reqid = !reqid,
		.reqid = reqid ? *reqid : 0,
	};
	const struct xfrm_sa_evidence *sa;
	struct xfrm_walk walk;

	xfrm_table_sas(mirror_last(namespace_mirror(a->in))->xfrm, &query, &walk);
	while ((sa = xfrm_walk_sa(&walk)))
		if (!sa_is_larval(sa) && !sa->expired && !sa->dying)
			return true;
	return false;
}

/*
 * In both directions, because charon sets soft limits on inbound SAs only. The addresses of tunnels are not known here:
 * they are asked for until their time is over.
 */
static bool is_answered(const struct acquisition *a)
{
	const struct xfrm_policy_evidence *policy = find_policy(a);
	const struct acquire_flow *flow = &a->key.flow;

	if (!policy) /* no policy wants the SA any more, unless evidence is still being read */
		return !mirror_is_reading(namespace_mirror(a->in));
	return has_lasting_sa(a, &flow->local, &flow->remote, &policy->tmpl[0].reqid) &&
	       has_lasting_sa(a, &flow->remote, &flow->local, NULL);
}

static bool renewal_is_over(const struct acquisition *a, int64_t now)
{
	return now >= a->renews_until_ms || is_answered(a) ||
	       !a->acquirer->needed(a->in, &a->key.flow, a->acquirer->arg);
}

static void acquisition_free(struct acquisition *a)
{
	HASH_DEL(a->acquirer->acquisitions, a);
	if (a->step)
		event_free(a->step);
	namespace_put(a->in);
	free(a);
}

static int interval_ms(const struct acquisition *a)
{
	return again_ms[(a->questions ? NEEDED_BY_QUESTIONS : 0) | (a->renews ? NEEDED_BY_RENEWAL : 0)];
}

static void on_step(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval again = clock_timeval(STEP_MS);
	struct acquisition *a = arg;
	int64_t now = clock_ms();

	(void)fd;
	(void)what;
	if (a->renews && now >= a->next_ms && renewal_is_over(a, now))
		a->renews = false;
	if (!interval_ms(a)) {
		acquisition_free(a);
		return;
	}
	look_at_negotiation(a);
	if (now >= a->next_ms) {
		a->held_back = !may_ask(a, now);
		if (!a->held_back) {
			ask(a);
			a->next_ms = now + interval_ms(a);
		}
	}
	event_add(a->step, &again);
}

/* ---- joining ---- */

static struct acquisition *begin(struct acquirer *acquirer, struct namespace *in, const struct acquisition_key *key,
				 uid_t uid)
{
	const struct timeval now = { 0 };
	struct acquisition *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->key = *key;
	a->acquirer = acquirer;
	a->in = namespace_hold(in);
	a->uid = uid;
	HASH_ADD(hh, acquirer->acquisitions, key, sizeof(a->key), a);
	if (!a->hh.tbl) {
		namespace_put(a->in);
		free(a);
		return NULL;
	}
	a->step = evtimer_new(acquirer->base, on_step, a);
	if (!a->step || event_add(a->step, &now)) {
		acquisition_free(a);
		return NULL;
	}
	return a;
}

/* NULL: there is no memory. */
static struct acquisition *find_or_begin(struct acquirer *acquirer, struct namespace *in,
					 const struct acquire_flow *flow, uint32_t policy_index, uid_t uid)
{
	const struct acquisition_key key = { .namespace_id = namespace_id(in),
					     .flow = *flow,
					     .policy_index = policy_index };
	struct acquisition *a;

	HASH_FIND(hh, acquirer->acquisitions, &key, sizeof(key), a);
	return a ? a : begin(acquirer, in, &key, uid);
}

int acquirer_join(struct acquirer *acquirer, struct namespace *in, const struct acquire_flow *flow,
		  uint32_t policy_index, uid_t uid, struct acquisition **out)
{
	struct acquisition *a;

	if (netns_key_manager(mirror_netns(namespace_mirror(in))) == NETNS_LISTENS_NOT)
		return -ESRCH;
	a = find_or_begin(acquirer, in, flow, policy_index, uid);
	if (!a)
		return -ENOMEM;
	a->questions++;
	a->next_ms = a->sent ? a->next_ms : 0; /* a question does not wait for the time of a renewal */
	*out = a;
	return 0;
}

void acquirer_renew(struct acquirer *acquirer, struct namespace *in, const struct acquire_flow *flow,
		    uint32_t policy_index, uid_t uid, int after_ms, int for_ms)
{
	struct acquisition *a = find_or_begin(acquirer, in, flow, policy_index, uid);
	int64_t now = clock_ms();

	if (!a)
		return;
	if (!a->questions && !a->renews)
		a->next_ms = now + after_ms;
	a->renews = true;
	a->renews_until_ms = now + for_ms;
}

void acquisition_leave(struct acquisition *acquisition)
{
	acquisition->questions--;
	if (!interval_ms(acquisition))
		acquisition_free(acquisition);
}

/* ---- why no SA came ---- */

void acquisition_explain(const struct acquisition *a, struct why *out)
{
	*out = (struct why){ .other = a->sent, .err = -a->failure };
	if (a->failure)
		out->reason = REASON_SETUP_NOT_ASKED;
	else if (!a->sent)
		out->reason = a->held_back ? REASON_SETUP_HELD_BACK : REASON_SETUP_POLICY_GONE;
	else
		out->reason = a->negotiates ? REASON_SETUP_NEGOTIATES : REASON_SETUP_TIMEOUT;
	text_copy(out->detail, sizeof(out->detail), a->error);
}

int acquirer_new(struct event_base *base, acquirer_needed_fn needed, void *arg, struct acquirer **out)
{
	struct acquirer *acquirer = calloc(1, sizeof(*acquirer));

	if (!acquirer)
		return -ENOMEM;
	acquirer->base = base;
	acquirer->needed = needed;
	acquirer->arg = arg;
	acquirer->rates = rates_new();
	if (!acquirer->rates) {
		free(acquirer);
		return -ENOMEM;
	}
	*out = acquirer;
	return 0;
}

void acquirer_free(struct acquirer *acquirer)
{
	struct acquisition *a, *next;

	if (!acquirer)
		return;
	HASH_ITER (hh, acquirer->acquisitions, a, next)
		acquisition_free(a);
	rates_free(acquirer->rates);
	free(acquirer);
}
