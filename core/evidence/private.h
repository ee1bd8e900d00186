/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What the files that read evidence share. Nobody else includes it, but their tests. */
#ifndef RDMASEC_EVIDENCE_PRIVATE_H
#define RDMASEC_EVIDENCE_PRIVATE_H

#include <linux/xfrm.h>

#include "evidence/facts.h"
#include "netlink/dump.h"

/* Since kernel 6.2; Debian 12's headers have it only since a point release. */
#ifndef XFRM_OFFLOAD_PACKET
#define XFRM_OFFLOAD_PACKET 4
#endif

enum evidence_part {
	EVIDENCE_PART_LINKS,
	EVIDENCE_PART_ROUTES6,
	EVIDENCE_PART_MACSEC,
	EVIDENCE_PART_XFRM,
	EVIDENCE_PART_COUNT,
};

/* One part, over any transport: the seam by which tests let the kernel say what they like. The part of *out is empty.
 */
void evidence_read_part(enum evidence_part part, const struct netlink_transport *transport, struct evidence *out);

/* What a part is whose reading ended with `err`, 0 or -errno, over this netlink protocol. */
enum evidence_state evidence_state_after(int err, int protocol);

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
RS_MUST_USE int evidence_read_xfrm(struct netlink_channel *channel, struct evidence *ev);

/* Free and empty one part's arrays. */
void evidence_free_links(struct evidence *ev);
void evidence_free_routes6(struct evidence *ev);
void evidence_free_macsec(struct evidence *ev);
void evidence_free_policies(struct evidence *ev);
void evidence_free_sas(struct evidence *ev);

/* What a reader's callbacks work on. */
struct evidence_reading {
	struct netlink_channel *channel;
	struct evidence *ev;
};

/*
 * The array with room for one element more than `count`, or NULL, and the old one stands. Sizes are powers of two, so
 * no capacity is kept: always append one at a time.
 */
void *evidence_array_room(void *array, size_t count, size_t element_size);

/* ---- xfrm ---- */

/*
 * The attributes that are read; XFRMA_SA_PCPU, of kernel 6.13 and of stable ones before it, is the last. An enumerator
 * of the kernel's cannot be asked for with #ifdef, hence a name of our own.
 */
enum { EVIDENCE_XFRMA_SA_PCPU = 35, EVIDENCE_XFRMA_MAX = EVIDENCE_XFRMA_SA_PCPU };

/*
 * One SA, or policy, as a dump and the messages of NEWSA and UPDSA, NEWPOLICY and UPDPOLICY tell it. 0, or -EPROTO and
 * a text. Of a policy of a socket (dir >= XFRM_POLICY_MAX) only `dir` is told: no QP sends by a socket. Nothing of the
 * keys is copied.
 */
RS_MUST_USE int xfrm_parse_sa(const struct nlmsghdr *message, struct xfrm_sa_evidence *out, char *error,
			      size_t error_size);
RS_MUST_USE int xfrm_parse_policy(const struct nlmsghdr *message, struct xfrm_policy_evidence *out, char *error,
				  size_t error_size);
/* 0, or -EPROTO for what no kernel can mean. */
RS_MUST_USE int xfrm_address_evidence(int family, const xfrm_address_t *from, union ip_address *out);
RS_MUST_USE int xfrm_selector_evidence(const struct xfrm_selector *from, struct xfrm_selector_evidence *out);
/* NULL for an attribute that is not there. */
struct xfrm_mark_evidence xfrm_mark_evidence(const struct nlattr *attr);
struct xfrm_offload_evidence xfrm_offload_evidence(const struct nlattr *attr);

#endif
