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

/* Reads one part over any transport: tests bring their own kernel. The part of *out must be empty. */
void evidence_read_part(enum evidence_part which, const struct netlink_transport *transport, struct evidence *out);

/* Moves one part, but that of xfrm, from one to the other, whose own has been freed. */
void evidence_take_part(enum evidence_part part, struct evidence *from, struct evidence *to);

struct netns;
void evidence_read_host(struct netns *ns, struct evidence *out); /* the kernel's release, and which namespace it is */
/* IN_DEV_ORCONF(): adds what is set for all netdevs to each. When it cannot be read, the links cannot. */
void evidence_read_settings_of_all(struct netns *ns, struct evidence *out);

RS_MUST_USE int evidence_route_get_over(const struct netlink_transport *transport, int family,
					const union ip_address *src, const union ip_address *dst, int oif,
					int *out_ifindex);

/*
 * Read one part into *ev. 0; -ENOPROTOOPT: the kernel has no such facility; else -errno with the channel's text. Unless
 * 0 the part of *ev is empty.
 */
RS_MUST_USE int evidence_read_links(struct netlink_channel *channel, struct evidence *ev);
RS_MUST_USE int evidence_read_routes6(struct netlink_channel *channel, struct evidence *ev);
RS_MUST_USE int evidence_read_macsec(struct netlink_channel *channel, struct evidence *ev);

/* Free and empty one part's arrays. */
void evidence_free_links(struct evidence *ev);
void evidence_free_routes6(struct evidence *ev);
void evidence_free_macsec(struct evidence *ev);

/* What a reader's callbacks work on. */
struct evidence_reading {
	struct netlink_channel *channel;
	struct evidence *ev;
};

#endif
