/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Evidence: the kernel's report, at one moment and in one network namespace, about everything that could protect a
 * packet. Plain structs without behaviour: the netlink code fills them, decide() judges them, and every unit test of
 * decide() writes them by hand.
 *
 * A part that could not be read completely is not empty but unknown: see enum evidence_state. No struct here ever holds
 * key material.
 */
#ifndef RDMASEC_EVIDENCE_FACTS_H
#define RDMASEC_EVIDENCE_FACTS_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/address.h"
#include "util/attributes.h"
#include "util/evidence_state.h"
#include "xfrm/facts.h"

/* Compared with memcmp(), so these structs have no padding, on 64 or 32 bits. */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"

/* ---- links (rtnetlink) ---- */

enum { LINK_KIND_MAX = 32 };

struct link_evidence {
	int ifindex;
	char name[IF_NAMESIZE];
	char kind[LINK_KIND_MAX];  /* IFLA_INFO_KIND: "macsec", "vlan", "vrf"...; "" if absent */
	int lower_ifindex;         /* IFLA_LINK in this namespace, 0: none */
	int master_ifindex;        /* IFLA_MASTER (bond, bridge, vrf), 0: none */
	bool lower_in_other_netns; /* IFLA_LINK_NETNSID was present: the lower device is not visible here */
	bool up;                   /* IFF_UP */
	/*
	 * net.ipv4.conf.{DEVICE,all}.disable_xfrm: packets leave without xfrm; disable_policy: arriving ones are not
	 * checked
	 */
	bool xfrm_off, policy_off;
	bool policy_off6; /* net.ipv6.conf.{DEVICE,all}.disable_policy; there is no disable_xfrm */
	/* VXLAN: the ends of its packets, zero: not set. The family is 0 if neither is set, or they are not clear. */
	bool tunnel_external; /* remotes come with each packet (collect metadata) */
	uint16_t tunnel_port; /* UDP, host order */
	uint8_t tunnel_family;
	bool loopback; /* IFF_LOOPBACK */
	uint8_t reserved[2];
	union ip_address tunnel_local, tunnel_remote;
};

/* ---- MACsec (generic netlink, drivers/net/macsec.c) ---- */

enum { MACSEC_AN_COUNT = 4 }; /* IEEE 802.1AE-2018 9.5: the association number has two bits */

struct macsec_sa_evidence {
	bool present;
	bool active;
};

struct macsec_rxsc_evidence {
	uint64_t sci; /* as on the wire, network byte order */
	struct macsec_sa_evidence sa[MACSEC_AN_COUNT];
	bool active;
	uint8_t reserved[7];
};

struct macsec_evidence {
	struct macsec_rxsc_evidence *rxsc;
	size_t rxsc_count;
	uint64_t sci;          /* as on the wire, network byte order */
	uint64_t cipher_suite; /* MACSEC_CIPHER_ID_* or the 802.1AE default alias 0x0080020001000001 */
	int ifindex;
	uint8_t icv_len; /* octets */
	uint8_t encoding_an;
	uint8_t validate; /* enum macsec_validation_type */
	uint8_t offload;  /* enum macsec_offload */
	struct macsec_sa_evidence tx_sa[MACSEC_AN_COUNT];
	bool protect;
	bool encrypt;
	bool operational;
	uint8_t reserved[5];
};

/* ---- routes (rtnetlink) ---- */

/* An IPv6 route. These are read because an IPv6 lookup with a source address is not bound to its output interface. */
struct route6_evidence {
	union ip_address dst;
	union ip_address gateway; /* zero: none */
	int ifindex; /* 0 if `discards` is set, or if the route is not understood, such as one that encapsulates */
	uint8_t dst_prefix;
	bool discards; /* blackhole, unreachable, prohibit */
	bool local;    /* RTN_LOCAL, RTN_ANYCAST: delivered on this host */
	bool multicast;
	bool expired; /* no packet takes it (fib6_check_expired()); the kernel removes it up to half a minute later */
	uint8_t reserved[3];
};

#pragma GCC diagnostic pop

struct xfrm_table;

/* The behaviour of drivers depends on the release. 0: not known. */
#define KERNEL_RELEASE(major, minor) ((uint32_t)(major) << 16 | (uint32_t)(minor) << 8)

struct evidence {
	uint32_t kernel;  /* KERNEL_RELEASE() of uname(2) */
	bool child_netns; /* this is not the initial network namespace */

	enum evidence_state links_state, macsec_state, routes6_state;
	char links_error[128], macsec_error[128], routes6_error[128]; /* the reason, if BROKEN */

	/* links, IPv6 routes and SecYs, of each at most so many; 0: any number. With more, the part is BROKEN. */
	size_t list_max;

	struct link_evidence *links;
	size_t link_count;
	struct macsec_evidence *secys;
	size_t secy_count;
	struct route6_evidence *routes6;
	size_t route6_count;
	/* When the first of those with a lifetime expires, as the kernel's clock ticks, after it was read. 0: none. */
	int64_t routes6_expire_ms;
	struct xfrm_table *xfrm; /* policies and SAs, with their state; NULL: EVIDENCE_UNREAD */
};

/*
 * Reads all parts, in the calling thread's network namespace. Never fails as a whole: each part has a state.
 * Interrupted dumps (NLM_F_DUMP_INTR) and overruns (ENOBUFS) are read again a few times; then the part is BROKEN. Free
 * with evidence_free(). Blocks for at most two seconds for each datagram, and ten for each part (xfrm: five minutes).
 * One thread at a time for each `out`. Sources: net/xfrm/xfrm_user.c, drivers/net/macsec.c, net/core/rtnetlink.c,
 * net/ipv6/route.c.
 */
void evidence_read(struct evidence *out);

/* The same for another network namespace; NULL: the thread's own. */
struct netns;
void evidence_read_in(struct netns *ns, struct evidence *out);

/* Reads links only, without the settings of "all"; the other parts stay unread. Else as evidence_read(). */
void evidence_read_links_only(struct evidence *out);

/* Frees the memory that evidence_read() allocated and zeroes the struct. */
void evidence_free(struct evidence *ev);

/* Return the entry, owned by `ev`, or NULL. */
const struct link_evidence *evidence_link(const struct evidence *ev, int ifindex);
const struct link_evidence *evidence_link_by_name(const struct evidence *ev, const char *name);
const struct macsec_evidence *evidence_secy(const struct evidence *ev, int ifindex);

/*
 * Asks the kernel (RTM_GETROUTE) which netdev sends UDP from `src` to `dst` with the output interface `oif` (0: any),
 * as rxe does. `netns` is a struct netns or NULL for the thread's own (a path_route_get_fn). Returns 0 and
 * *out_ifindex; -ENETUNREACH, -EPERM... from the kernel; -EXDEV if the route encapsulates (RTA_ENCAP: SRv6, MPLS...),
 * so that other packets leave, by other routes; or -EPROTO for an answer that is not understood. Blocks like
 * netlink_ask().
 */
RS_MUST_USE int evidence_route_get(void *netns, int family, const union ip_address *src, const union ip_address *dst,
				   int oif, int *out_ifindex);

#endif
