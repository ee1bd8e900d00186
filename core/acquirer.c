// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "acquirer.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "clock.h"
#include "text.h"

enum {
	STEP_MS = 1000, /* how often is looked what has become of it */
	RATES_MAX = 4096,
};

/* Hashed with its padding, which is zero. */
struct acquisition_key {
	uint64_t namespace_id;
	struct acquire_flow flow;
	uint32_t policy_index;
};

struct acquisition {
	struct acquisition_key key;
	struct acquirer *acquirer;
	struct namespace *in;
	struct event *step;
	unsigned joined;
	uid_t uid;       /* of whoever came first */
	int64_t next_ms; /* when it is asked again */
	unsigned sent;
	bool held_back;  /* by a rate */
	int failure;     /* -errno of the last asking */
	char error[128]; /* and the kernel's words */
	UT_hash_handle hh;
};

/* Of a user, or of a peer in a namespace. Hashed with its padding, which is zero. */
struct rate_key {
	uint64_t namespace_id; /* 0: a user */
	union ip_address peer;
	uid_t uid;
};

/* As a token bucket: `full_ms` is when it would be full again (the generic cell rate algorithm, ITU-T I.371). */
struct rate {
	struct rate_key key;
	int64_t full_ms;
	UT_hash_handle hh;
};

struct acquirer {
	struct event_base *base;
	struct acquisition *acquisitions;
	struct rate *rates;
	uint64_t sent;
};

/* ---- how often ---- */

static void forget_full_rates(struct acquirer *acquirer, int64_t now)
{
	struct rate *rate, *next;

	HASH_ITER (hh, acquirer->rates, rate, next) {
		if (rate->full_ms > now)
			continue;
		HASH_DEL(acquirer->rates, rate);
		free(rate);
	}
}

/* NULL: no memory, or too many users and peers at once. */
static struct rate *rate_of(struct acquirer *acquirer, const struct rate_key *key, int64_t now)
{
	struct rate *rate;

	HASH_FIND(hh, acquirer->rates, key, sizeof(*key), rate);
	if (rate)
		return rate;
	if (HASH_COUNT(acquirer->rates) >= RATES_MAX)
		forget_full_rates(acquirer, now);
	rate = HASH_COUNT(acquirer->rates) < RATES_MAX ? calloc(1, sizeof(*rate)) : NULL;
	if (!rate)
		return NULL;
	rate->key = *key;
	HASH_ADD(hh, acquirer->rates, key, sizeof(rate->key), rate);
	return rate;
}

static struct rate *rate_of_user(struct acquisition *a, int64_t now)
{
	struct rate_key key;

	memset(&key, 0, sizeof(key));
	key.uid = a->uid;
	return rate_of(a->acquirer, &key, now);
}

static struct rate *rate_of_peer(struct acquisition *a, int64_t now)
{
	struct rate_key key;

	memset(&key, 0, sizeof(key));
	key.namespace_id = a->key.namespace_id;
	key.peer = a->key.flow.remote;
	return rate_of(a->acquirer, &key, now);
}

static bool rate_allows(const struct rate *rate, int64_t now, int interval_ms, int burst)
{
	return rate->full_ms + interval_ms <= now + (int64_t)interval_ms * burst;
}

static void rate_take(struct rate *rate, int64_t now, int interval_ms)
{
	rate->full_ms = (rate->full_ms > now ? rate->full_ms : now) + interval_ms;
}

static bool may_ask(struct acquisition *a, int64_t now)
{
	struct rate *user = rate_of_user(a, now), *peer = rate_of_peer(a, now);

	if (!user || !peer || !rate_allows(user, now, ACQUIRE_PER_USER_MS, ACQUIRE_PER_USER_BURST) ||
	    !rate_allows(peer, now, ACQUIRE_PER_PEER_MS, ACQUIRE_PER_PEER_BURST))
		return false;
	rate_take(user, now, ACQUIRE_PER_USER_MS);
	rate_take(peer, now, ACQUIRE_PER_PEER_MS);
	return true;
}

/* ---- asking ---- */

static const struct xfrm_policy_evidence *find_policy(const struct acquisition *a)
{
	const struct evidence *ev = mirror_last(namespace_mirror(a->in));
	const struct acquire_flow *flow = &a->key.flow;
	const struct xfrm_policy_evidence *policy;
	struct xfrm_walk walk;

	if (!ev->xfrm)
		return NULL;
	xfrm_table_policies(ev->xfrm, XFRM_POLICY_OUT, flow->family, &flow->local, &flow->remote, &walk);
	while ((policy = xfrm_walk_policy(&walk)))
		if (policy->dir == XFRM_POLICY_OUT && policy->index == a->key.policy_index)
			return policy;
	return NULL;
}

static void ask(struct acquisition *a)
{
	const struct xfrm_policy_evidence *policy = find_policy(a);

	if (!policy)
		return; /* gone: whoever waits is judged anew for that */
	a->failure = xfrm_acquire_send(namespace_transport(a->in), &a->key.flow, policy, a->error, sizeof(a->error));
	a->sent++;
	a->acquirer->sent++;
}

static void on_step(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval again = { .tv_sec = STEP_MS / 1000, .tv_usec = STEP_MS % 1000 * 1000 };
	struct acquisition *a = arg;
	int64_t now = clock_ms();

	(void)fd;
	(void)what;
	if (now >= a->next_ms) {
		a->held_back = !may_ask(a, now);
		if (!a->held_back) {
			ask(a);
			a->next_ms = now + ACQUIRE_AGAIN_MS;
		}
	}
	event_add(a->step, &again);
}

/* ---- joining ---- */

static void acquisition_free(struct acquisition *a)
{
	HASH_DEL(a->acquirer->acquisitions, a);
	if (a->step)
		event_free(a->step);
	namespace_put(a->in);
	free(a);
}

static struct acquisition *begin(struct acquirer *acquirer, struct namespace *in, const struct acquisition_key *key,
				 uid_t uid)
{
	const struct timeval now = { 0 };
	struct acquisition *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->key = *key;
	a->acquirer = acquirer;
	a->in = namespace_again(in);
	a->uid = uid;
	HASH_ADD(hh, acquirer->acquisitions, key, sizeof(a->key), a);
	a->step = evtimer_new(acquirer->base, on_step, a);
	if (!a->step || event_add(a->step, &now)) {
		acquisition_free(a);
		return NULL;
	}
	return a;
}

/* Without what stood in the padding, or in the unused part of an address. */
static void key_make(struct namespace *in, const struct acquire_flow *flow, uint32_t policy_index,
		     struct acquisition_key *out)
{
	size_t octets = flow->family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);

	memset(out, 0, sizeof(*out));
	out->namespace_id = namespace_id(in);
	out->flow.family = flow->family;
	memcpy(&out->flow.local, &flow->local, octets);
	memcpy(&out->flow.remote, &flow->remote, octets);
	out->flow.has_sport = flow->has_sport;
	out->flow.sport = flow->has_sport ? flow->sport : 0;
	out->policy_index = policy_index;
}

int acquirer_join(struct acquirer *acquirer, struct namespace *in, const struct acquire_flow *flow,
		  uint32_t policy_index, uid_t uid, struct acquisition **out)
{
	struct acquisition_key key;
	struct acquisition *a;

	key_make(in, flow, policy_index, &key);
	HASH_FIND(hh, acquirer->acquisitions, &key, sizeof(key), a);
	if (!a && netns_key_manager(mirror_netns(namespace_mirror(in))) == NETNS_LISTENS_NOT)
		return -ESRCH;
	if (!a)
		a = begin(acquirer, in, &key, uid);
	if (!a)
		return -ENOMEM;
	a->joined++;
	*out = a;
	return 0;
}

void acquisition_leave(struct acquisition *acquisition)
{
	if (--acquisition->joined == 0)
		acquisition_free(acquisition);
}

/* ---- what is known of it ---- */

void acquisition_explain(const struct acquisition *a, char *text, size_t size)
{
	if (a->failure)
		text_append(text, size, "it cannot be asked for: %s", a->error[0] ? a->error : strerror(-a->failure));
	else if (!a->sent)
		text_append(text, size, "too much is being asked for just now, by this user or of this peer");
	else
		text_append(text, size,
			    "the key manager was asked %u times; see its log (has it a connection for these addresses, "
			    "does its peer answer?)",
			    a->sent);
}

uint64_t acquirer_sent(const struct acquirer *acquirer)
{
	return acquirer->sent;
}

int acquirer_new(struct event_base *base, struct acquirer **out)
{
	struct acquirer *acquirer = calloc(1, sizeof(*acquirer));

	if (!acquirer)
		return -ENOMEM;
	acquirer->base = base;
	*out = acquirer;
	return 0;
}

void acquirer_free(struct acquirer *acquirer)
{
	struct acquisition *a, *next_acquisition;
	struct rate *rate, *next_rate;

	if (!acquirer)
		return;
	HASH_ITER (hh, acquirer->acquisitions, a, next_acquisition)
		acquisition_free(a);
	HASH_ITER (hh, acquirer->rates, rate, next_rate) {
		HASH_DEL(acquirer->rates, rate);
		free(rate);
	}
	free(acquirer);
}
