// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Reads parts again, and notifies of differences. */
#include <string.h>

#include "evidence/mirror_internal.h"
#include "evidence/private.h"
#include "util/clock.h"

enum {
	/*
	 * The kernel drops an event if it has no memory for it, and two processors may report on one SA in the wrong
	 * order. So everything is read again periodically, which takes at most a hundredth of the time.
	 */
	XFRM_AGAIN_MS = 60000,
	XFRM_PAUSE = 100,
};

static bool same_array(const void *a, size_t a_count, const void *b, size_t b_count, size_t size)
{
	return a_count == b_count && (!a_count || !memcmp(a, b, a_count * size));
}

void mirror_read_links(struct mirror *mirror)
{
	struct evidence *old = &mirror->ev, fresh = { .list_max = old->list_max };
	bool same;

	evidence_read_part(EVIDENCE_PART_LINKS, netns_transport(mirror->netns), &fresh);
	evidence_read_settings_of_all(mirror->netns, &fresh);
	mirror->links_read_ms = clock_ms();
	same = fresh.links_state == old->links_state &&
	       same_array(fresh.links, fresh.link_count, old->links, old->link_count, sizeof(*old->links));
	evidence_free_links(old);
	evidence_take_part(EVIDENCE_PART_LINKS, &fresh, old);
	if (!same)
		mirror_notify_host(mirror);
}

void mirror_read_routes6(struct mirror *mirror)
{
	struct evidence *old = &mirror->ev, fresh = { .list_max = old->list_max };
	int64_t began_ms = clock_ms();
	bool same;

	evidence_read_part(EVIDENCE_PART_ROUTES6, netns_transport(mirror->netns), &fresh);
	same = fresh.routes6_state == old->routes6_state &&
	       same_array(fresh.routes6, fresh.route6_count, old->routes6, old->route6_count, sizeof(*old->routes6));
	evidence_free_routes6(old);
	evidence_take_part(EVIDENCE_PART_ROUTES6, &fresh, old);
	mirror_expiry_plan(mirror, began_ms);
	if (!same)
		mirror_notify_host(mirror);
}

static bool same_secy(const struct macsec_evidence *a, const struct macsec_evidence *b)
{
	struct macsec_evidence other = *b;

	other.rxsc = a->rxsc;
	return !memcmp(a, &other, sizeof(other)) &&
	       same_array(a->rxsc, a->rxsc_count, b->rxsc, b->rxsc_count, sizeof(*a->rxsc));
}

/* Notifies of each SecY of `a` that `b` lacks, and with `also_other` of each that differs. */
static void notify_secys(struct mirror *mirror, const struct evidence *a, const struct evidence *b, bool also_other)
{
	for (size_t i = 0; i < a->secy_count; i++) {
		const struct macsec_evidence *there = evidence_secy(b, a->secys[i].ifindex);

		if (!there || (also_other && !same_secy(&a->secys[i], there)))
			mirror_notify(mirror, &(struct mirror_change){ .kind = MIRROR_CHANGE_SECY,
								       .ifindex = a->secys[i].ifindex });
	}
}

/* Each SecY has a netdev of kind macsec, and links have events. */
static bool may_have_secys(const struct mirror *mirror)
{
	const struct evidence *ev = &mirror->ev;

	bool known = ev->macsec_state == EVIDENCE_READ || ev->macsec_state == EVIDENCE_ABSENT;

	if (ev->links_state != EVIDENCE_READ || !known || ev->secy_count)
		return true;
	for (size_t i = 0; i < ev->link_count; i++)
		if (!strcmp(ev->links[i].kind, "macsec"))
			return true;
	return false;
}

void mirror_read_macsec(struct mirror *mirror)
{
	struct evidence fresh = { .list_max = mirror->ev.list_max }, old = { 0 };

	if (!may_have_secys(mirror))
		return;
	evidence_read_part(EVIDENCE_PART_MACSEC, netns_transport(mirror->netns), &fresh);
	evidence_take_part(EVIDENCE_PART_MACSEC, &mirror->ev, &old);
	evidence_take_part(EVIDENCE_PART_MACSEC, &fresh, &mirror->ev);
	if (old.macsec_state != mirror->ev.macsec_state) {
		mirror_notify_host(mirror);
	} else {
		notify_secys(mirror, &old, &mirror->ev, true);
		notify_secys(mirror, &mirror->ev, &old, false);
	}
	evidence_free_macsec(&old);
}

static void xfrm_is_read(struct mirror *mirror)
{
	static const struct xfrm_change everything = { .kind = XFRM_CHANGE_EVERYTHING };
	int64_t now = clock_ms(), pause = (now - mirror->load_began_ms) * XFRM_PAUSE;

	if (mirror->load)
		xfrm_load_end(mirror->load);
	mirror->load = NULL;
	mirror->xfrm = mirror->doubted_in_load ? MIRROR_DOUBTED : MIRROR_CURRENT;
	mirror->doubted_in_load = false;
	mirror->xfrm_due_ms = now + (pause > XFRM_AGAIN_MS ? pause : XFRM_AGAIN_MS);
	mirror_notify_xfrm(&everything, mirror);
}

/* During a load events wait in their socket; they are applied after it. */
static void go_on_later(struct mirror *mirror)
{
	/* that of another namespace takes half of the time at most */
	const struct timeval pause = clock_timeval(netns_is_initial(mirror->netns) ? 0 : mirror->load_at_once_ms);

	if (mirror->xfrm_event)
		event_del(mirror->xfrm_event);
	event_add(mirror->load_more, &pause);
}

static bool read_some_xfrm(struct mirror *mirror)
{
	if (!xfrm_load_go_on(mirror->load, clock_ms() + mirror->load_at_once_ms)) {
		go_on_later(mirror);
		return false;
	}
	xfrm_is_read(mirror);
	return true;
}

void mirror_read_xfrm(struct mirror *mirror)
{
	mirror->xfrm = MIRROR_LOADING;
	mirror->load_began_ms = clock_ms();
	mirror->load = xfrm_load_begin(mirror->ev.xfrm, netns_transport(mirror->netns));
	mirror->generation++; /* decisions based on the old entries are no longer valid */
	if (mirror->load)
		(void)read_some_xfrm(mirror);
	else
		xfrm_is_read(mirror);
}

bool mirror_read_more_xfrm(struct mirror *mirror)
{
	if (!read_some_xfrm(mirror))
		return false;
	if (mirror->xfrm_event && !mirror->rests)
		event_add(mirror->xfrm_event, NULL);
	return true;
}

bool mirror_ask_xfrm(struct mirror *mirror)
{
	return !xfrm_table_ask(mirror->ev.xfrm, netns_transport(mirror->netns), mirror_notify_xfrm, mirror);
}

/* A setting that cannot be read counts as on. */
static struct netns_settings settings_of(struct mirror *mirror, const char *netdev)
{
	const struct netns_settings unreadable = { true, true, true };
	struct netns_settings own, all;

	if (netns_settings(mirror->netns, netdev, &own) || netns_settings(mirror->netns, "all", &all))
		return unreadable;
	return (struct netns_settings){ own.xfrm_off || all.xfrm_off, own.policy_off || all.policy_off,
					own.policy_off6 || all.policy_off6 };
}

void mirror_read_settings(struct mirror *mirror, const char *netdev)
{
	struct evidence *ev = &mirror->ev;

	for (size_t i = 0; i < ev->link_count; i++) {
		struct link_evidence *link = &ev->links[i];
		struct netns_settings now;

		if (strcmp(link->name, netdev))
			continue;
		now = settings_of(mirror, netdev);
		if (now.xfrm_off == link->xfrm_off && now.policy_off == link->policy_off &&
		    now.policy_off6 == link->policy_off6)
			return;
		link->xfrm_off = now.xfrm_off;
		link->policy_off = now.policy_off;
		link->policy_off6 = now.policy_off6;
		mirror_notify_host(mirror);
		return;
	}
}
