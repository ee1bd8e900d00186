/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What leads packets elsewhere in the engine's own network namespace, kept current: rules of nftables, filters of tc,
 * and whether the gate stands. It is read when a verdict depends on it, and again after the kernel's events
 * (nf_tables_notify() and nfnetlink_send() in net/netfilter, RTNLGRP_TC in net/sched). Programs of tcx have no events:
 * they are counted once a second, and for each question.
 *
 * One thread: that of the event base.
 */
#ifndef RDMASEC_WATCH_DETOURS_H
#define RDMASEC_WATCH_DETOURS_H

#include <event2/event.h>
#include <stdint.h>

#include "judge/bypass.h"
#include "util/attributes.h"

struct detours;
struct mirror;

/*
 * Subscribes to the events of the mirror's namespace, which must be the engine's own, and outlive *out. Without
 * CAP_NET_ADMIN there are no events of nftables, nor rules to read. `changed` is called from the event loop and from
 * the functions below. Returns 0, -ENOMEM, or -errno of event_socket_open().
 */
RS_MUST_USE int detours_new(struct event_base *base, struct mirror *mirror, void (*changed)(void *arg), void *arg,
			    struct detours **out);
void detours_free(struct detours *detours); /* NULL is allowed */

/* Takes all queued events, and drops what they concern. Does not block. */
void detours_follow(struct detours *detours);
/* After detours_follow(): looks for changes without events. Does not block. */
void detours_refresh(struct detours *detours);

/* Counts changes; never decreases. */
uint64_t detours_generation(const struct detours *detours);

/* Makes the view of them, for judging at once. Its functions block as hazards/cache.h and gate_stands() say. */
void detours_view(struct detours *detours, struct bypass_view *out);

/* Whether the gate stands wherever packets of software RoCE on this netdev leave. Blocks like gate_stands(). */
bool detours_are_gated(struct detours *detours, int ifindex);

#endif
