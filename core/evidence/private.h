/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Shared by the files that read evidence, and their tests. */
#ifndef RDMASEC_EVIDENCE_PRIVATE_H
#define RDMASEC_EVIDENCE_PRIVATE_H

#include <linux/xfrm.h>

#include "evidence/facts.h"
#include "netlink/dump.h"

enum evidence_part {
	EVIDENCE_PART_LINKS,
	EVIDENCE_PART_ROUTES6,
	EVIDENCE_PART_MACSEC,
	EVIDENCE_PART_XFRM,
	EVIDENCE_PART_COUNT,
};

/* Reads one part over any transport, so that tests can use their own. That part of *out must be empty. */
void evidence_read_part(enum evidence_part which, const struct netlink_transport *transport, struct evidence *out);

/* Moves one part, except xfrm, from `from` to `to`, whose arrays of that part have been freed. */
void evidence_take_part(enum evidence_part part, struct evidence *from, struct evidence *to);

struct netns;
/* Reads the kernel's release, and whether the namespace is the initial one. */
void evidence_read_host(struct netns *ns, struct evidence *out);
/* Adds the settings of "all" to each link, as IN_DEV_ORCONF(). If they cannot be read, the links are BROKEN. */
void evidence_read_settings_of_all(struct netns *ns, struct evidence *out);

/* evidence_route_get() over any transport. */
RS_MUST_USE int evidence_route_get_over(const struct netlink_transport *transport, int family,
					const union ip_address *src, const union ip_address *dst, int oif,
					int *out_ifindex);

/*
 * Each reads one part into *ev. Returns 0; -ENOPROTOOPT: the kernel has no such facility; else -errno and the channel's
 * text, and the part of *ev is empty. Blocks like netlink_dump().
 */
RS_MUST_USE int evidence_read_links(struct netlink_channel *channel, struct evidence *ev);
RS_MUST_USE int evidence_read_routes6(struct netlink_channel *channel, struct evidence *ev);
RS_MUST_USE int evidence_read_macsec(struct netlink_channel *channel, struct evidence *ev);

/* Each frees the arrays of one part. */
void evidence_free_links(struct evidence *ev);
void evidence_free_routes6(struct evidence *ev);
void evidence_free_macsec(struct evidence *ev);

/* Context of a reader's callbacks. */
struct evidence_reading {
	struct netlink_channel *channel;
	struct evidence *ev;
};

#endif
