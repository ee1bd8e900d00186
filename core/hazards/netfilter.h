/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * nftables rules that lead a packet elsewhere after its route and its protection were chosen: chains of type route at
 * output (ip_route_me_harder()), address translation (nf_xfrm_me_harder()), copies and redirections. Rules that
 * iptables-nft made are among them; those of iptables-legacy are not (legacy.h).
 *
 * Reads by nfnetlink, with CAP_NET_ADMIN in the network namespace. Sources: net/netfilter/nf_tables_api.c and the
 * expressions, net/netfilter/nft_*.c.
 */
#ifndef RDMASEC_HAZARDS_NETFILTER_H
#define RDMASEC_HAZARDS_NETFILTER_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/address.h"
#include "util/attributes.h"

struct netfilter;
struct netlink_transport;

/*
 * Reads the chains and rules. Returns 0 and *out, freed with netfilter_free(); without nftables in the kernel *out has
 * no rules. Else -errno and a text in `error`: -EPERM without the privilege, -E2BIG for more than NETFILTER_RULES_MAX
 * rules or chains. Sets whose elements cannot be read, or are more than NFT_ELEMENTS_MAX, are not known. Blocks like
 * netlink_dump(), four times and once for each set.
 */
enum { NETFILTER_RULES_MAX = 1 << 17 };
RS_MUST_USE int netfilter_read(const struct netlink_transport *transport, struct netfilter **out, char *error,
			       size_t error_size);
void netfilter_free(struct netfilter *netfilter);

/* A packet of software RoCE: UDP to port 4791, without a mark. */
struct netfilter_flow {
	int family;
	const union ip_address *local;
	const union ip_address *remote; /* NULL: every remote, except one that a rule names with its whole address */
	bool each_remote;               /* without `remote`: also such a one */
	int ifindex;                    /* the netdev by which its route leads */
	char netdev[IF_NAMESIZE];       /* its name, "": not known, as `ifindex` 0 */
	bool by_address;                /* its protection is chosen by its addresses: IPsec */
};

/* The zero value is the careful one. */
enum netfilter_verdict {
	NETFILTER_MAY_HIT = 0, /* depends on what is not known here */
	NETFILTER_HITS,        /* every such packet */
	NETFILTER_CANNOT_HIT,
};

enum { NETFILTER_CHAIN_MAX = 96 };

/*
 * Returns whether rules lead such packets elsewhere. `chain` gets the family, table and chain of the first such rule
 * ("ip nat POSTROUTING"), printable and cut off; "" with NETFILTER_CANNOT_HIT. Does not block.
 */
enum netfilter_verdict netfilter_judge(const struct netfilter *netfilter, const struct netfilter_flow *flow,
				       char chain[NETFILTER_CHAIN_MAX]);

#endif
