// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The gate: on a netdev that has no other below it, cleartext RoCE goes no further. It looks through VLAN tags, MPLS,
 * IPv6 extension headers, AH, GRE, IP in IP, VXLAN, Geneve and MACsec that does not encrypt, and stops at ESP and
 * MACsec that encrypts.
 *
 * A stopped frame is TC_ACT_STOLEN: a drop would be an error to rxe (rxe_requester() moves the queue pair to ERR, and
 * QP 1 goes the same way), while a stolen frame counts as sent, so that the queue pair retries as on a lossy wire.
 * Sources: net/sched/cls_bpf.c, net/core/dev.c (sch_handle_egress), drivers/infiniband/sw/rxe/rxe_net.c.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "gate/shared.h"

enum {
	ETHERTYPE_ROCE = 0x8915, /* RoCE v1: InfiniBand Architecture annex A16 */
	ROCE_PORT = 4791,        /* RoCE v2: annex A17 */
	PROTOCOL_MPLS = 137,     /* IANA; RFC 4023 */
	HEADERS_MAX = 24,        /* more than any traffic has; a frame with more is stopped */
	EVENT_INTERVAL_NS = 1000000000,
	EVENT_AGAIN_NS = 100000000, /* for a flow whose event was left out */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GATE_FLOWS_MAX);
	__type(key, struct gate_flow);
	__type(value, struct gate_count);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} gate_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, GATE_OPENED_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct gate_prefix);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} gate_opened SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GATE_PORTS_MAX);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} gate_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GATE_FRAGMENTS_MAX);
	__type(key, struct gate_fragment);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} gate_fragments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, GATE_EVENTS_SIZE);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} gate_events SEC(".maps");

/* How many events a sender has had since `began_ns`. Two processors may count one event less: it is a limit of noise.
 */
struct sender {
	__u64 began_ns;
	__u32 events, left_out;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GATE_SENDERS_MAX);
	__type(key, __u64);
	__type(value, struct sender);
} gate_senders SEC(".maps");

#define SENDER_OUTSIDE (1ULL << 32) /* of frames that arrive: no uid */

/* One entry: whether MACsec that authenticates without encrypting passes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} gate_authenticated SEC(".maps");

enum layer { LAYER_ETHER, LAYER_TYPE, LAYER_PROTOCOL, LAYER_MPLS };
enum finding { FINDING_NONE, FINDING_ROCE };

/*
 * A walk over the headers of a frame. It is kept in a map and not on the stack: what is in a map is unknown to the
 * verifier, so that it need not follow every sequence of headers. Programs of clsact run with bottom halves disabled,
 * so no other walk begins on the same processor.
 */
struct walk {
	__u32 offset; /* of the header that comes next */
	__u32 layer;  /* which kind of header that is */
	__u32 next;   /* LAYER_TYPE: its ethertype; LAYER_PROTOCOL: its IP protocol */
	__u32 finding;
	__u32 ended;
	__u32 fragmented; /* the first fragment of `fragment`: later ones can follow */
	struct gate_fragment fragment;
	struct gate_flow flow;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct walk);
} gate_walks SEC(".maps");

struct walking {
	struct __sk_buff *skb;
	struct walk *walk;
};

enum { GO_ON = 0, END = 1 };

static __always_inline int end(struct walk *walk, __u32 finding)
{
	walk->finding = finding;
	walk->ended = 1;
	return END;
}

static __always_inline bool load(struct walking *at, __u32 behind, void *to, __u32 size)
{
	return !bpf_skb_load_bytes(at->skb, at->walk->offset + behind, to, size);
}

static __always_inline int step(struct walk *walk, __u32 size, __u32 layer, __u32 next)
{
	walk->offset += size;
	walk->layer = layer;
	walk->next = next;
	return GO_ON;
}

/* The base transport header: the destination queue pair is the low 24 bits of its second word. */
static __always_inline int found(struct walking *at, __u32 behind, __u8 version)
{
	struct walk *walk = at->walk;
	__be32 qpn = 0;

	if (load(at, behind + 4, &qpn, sizeof(qpn)))
		walk->flow.qpn = bpf_ntohl(qpn) & 0xffffff;
	walk->flow.version = version;
	return end(walk, FINDING_ROCE);
}

static __always_inline void map_address(__u8 gid[16], __be32 address)
{
	__builtin_memset(gid, 0, 10);
	gid[10] = gid[11] = 0xff;
	__builtin_memcpy(gid + 12, &address, sizeof(address));
}

/* A global route header has the form of an IPv6 header: annex A16. */
static __always_inline int roce_v1(struct walking *at)
{
	struct walk *walk = at->walk;
	load(at, offsetof(struct ipv6hdr, saddr), walk->flow.source, 16);
	load(at, offsetof(struct ipv6hdr, daddr), walk->flow.destination, 16);
	return found(at, sizeof(struct ipv6hdr), 1);
}

static __always_inline int ether(struct walking *at)
{
	struct walk *walk = at->walk;
	__be16 type;

	if (!load(at, offsetof(struct ethhdr, h_proto), &type, sizeof(type)))
		return end(walk, FINDING_NONE);
	return step(walk, sizeof(struct ethhdr), LAYER_TYPE, bpf_ntohs(type));
}

static __always_inline int vlan(struct walking *at)
{
	struct walk *walk = at->walk;
	__be16 type;

	if (!load(at, 2, &type, sizeof(type)))
		return end(walk, FINDING_NONE);
	return step(walk, 4, LAYER_TYPE, bpf_ntohs(type));
}

/*
 * IEEE 802.1AE 9.3 to 9.5: a SecTAG has the TAG control information first, whose E bit says that the data are
 * encrypted; short length, packet number, and the SCI if the SC bit is set follow. Data that are only authenticated
 * begin with their own ethertype. drivers/net/macsec.c sets E by `encrypt` alone, C also for an ICV of another size.
 */
static __always_inline int macsec(struct walking *at)
{
	struct walk *walk = at->walk;
	__u32 zero = 0, size, *authenticated = bpf_map_lookup_elem(&gate_authenticated, &zero);
	__be16 type;
	__u8 tci;

	if (!load(at, 0, &tci, sizeof(tci)) || tci & 0x08 || (authenticated && *authenticated))
		return end(walk, FINDING_NONE);
	size = 6 + (tci & 0x20 ? 8 : 0);
	if (!load(at, size, &type, sizeof(type)))
		return end(walk, FINDING_NONE);
	return step(walk, size + sizeof(type), LAYER_TYPE, bpf_ntohs(type));
}

/* RFC 3032: the bottom of the stack has bit 8. What follows has no type of its own; its version tells. */
static __always_inline int mpls(struct walking *at)
{
	struct walk *walk = at->walk;
	__u8 label[5];

	if (!load(at, 0, label, sizeof(label)))
		return end(walk, FINDING_NONE);
	if (!(label[2] & 1))
		return step(walk, 4, LAYER_MPLS, 0);
	if (label[4] >> 4 == 4)
		return step(walk, 4, LAYER_TYPE, ETH_P_IP);
	if (label[4] >> 4 == 6)
		return step(walk, 4, LAYER_TYPE, ETH_P_IPV6);
	return end(walk, FINDING_NONE);
}

/* A fragment that is not the first has no header of its protocol: it shares the fate of the first. */
static __always_inline int fragment(struct walk *walk, bool is_first)
{
	if (is_first) {
		walk->fragmented = 1;
		return GO_ON;
	}
	return end(walk, bpf_map_lookup_elem(&gate_fragments, &walk->fragment) ? FINDING_ROCE : FINDING_NONE);
}

static __always_inline void set_fragment(struct walk *walk, __u32 identification, __u32 protocol)
{
	__builtin_memcpy(walk->fragment.source, walk->flow.source, 16);
	__builtin_memcpy(walk->fragment.destination, walk->flow.destination, 16);
	walk->fragment.identification = identification;
	walk->fragment.protocol = protocol;
}

static __always_inline int ipv4(struct walking *at)
{
	struct walk *walk = at->walk;
	struct iphdr ip;
	__u32 size;

	if (!load(at, 0, &ip, sizeof(ip)))
		return end(walk, FINDING_NONE);
	size = ip.ihl * 4;
	if (size < sizeof(ip))
		return end(walk, FINDING_NONE);
	map_address(walk->flow.source, ip.saddr);
	map_address(walk->flow.destination, ip.daddr);
	if (ip.frag_off & bpf_htons(0x3fff)) { /* more fragments, or an offset: RFC 791 3.1 */
		if (!walk->fragmented)
			set_fragment(walk, ip.id, ip.protocol);
		if (fragment(walk, !(ip.frag_off & bpf_htons(0x1fff))))
			return END;
	}
	return step(walk, size, LAYER_PROTOCOL, ip.protocol);
}

static __always_inline int ipv6(struct walking *at)
{
	struct walk *walk = at->walk;
	struct ipv6hdr ip;

	if (!load(at, 0, &ip, sizeof(ip)))
		return end(walk, FINDING_NONE);
	__builtin_memcpy(walk->flow.source, &ip.saddr, 16);
	__builtin_memcpy(walk->flow.destination, &ip.daddr, 16);
	return step(walk, sizeof(ip), LAYER_PROTOCOL, ip.nexthdr);
}

/* Hop-by-hop, routing and destination options: RFC 8200 4.3 to 4.6. */
static __always_inline int ipv6_extension(struct walking *at)
{
	struct walk *walk = at->walk;
	__u8 header[2]; /* next header, length in units of 8 octets without the first */

	if (!load(at, 0, header, sizeof(header)))
		return end(walk, FINDING_NONE);
	return step(walk, (header[1] + 1) * 8, LAYER_PROTOCOL, header[0]);
}

static __always_inline int ipv6_fragment(struct walking *at)
{
	struct walk *walk = at->walk;
	struct {
		__u8 next, reserved;
		__be16 offset;
		__be32 identification;
	} header;

	if (!load(at, 0, &header, sizeof(header)))
		return end(walk, FINDING_NONE);
	if (!walk->fragmented)
		set_fragment(walk, header.identification, 0);
	if (header.offset & bpf_htons(0xfff9) && fragment(walk, !(header.offset & bpf_htons(0xfff8))))
		return END;
	return step(walk, sizeof(header), LAYER_PROTOCOL, header.next);
}

/* An authentication header hides nothing: RFC 4302 2. Its length counts units of 4 octets, minus 2. */
static __always_inline int authentication(struct walking *at)
{
	struct walk *walk = at->walk;
	__u8 header[2];

	if (!load(at, 0, header, sizeof(header)))
		return end(walk, FINDING_NONE);
	return step(walk, (header[1] + 2) * 4, LAYER_PROTOCOL, header[0]);
}

/* RFC 2784, RFC 2890: checksum, key and sequence number are there if their bits are set. */
static __always_inline int gre(struct walking *at)
{
	struct walk *walk = at->walk;
	__be16 header[2];
	__u32 flags, size = 4;

	if (!load(at, 0, header, sizeof(header)))
		return end(walk, FINDING_NONE);
	flags = bpf_ntohs(header[0]);
	size += (flags & 0x8000 ? 4 : 0) + (flags & 0x2000 ? 4 : 0) + (flags & 0x1000 ? 4 : 0);
	return step(walk, size, LAYER_TYPE, bpf_ntohs(header[1]));
}

static __always_inline int geneve(struct walking *at)
{
	struct walk *walk = at->walk;
	__u8 header[4]; /* RFC 8926 3.4: the low 6 bits count units of 4 octets of options */

	if (!load(at, sizeof(struct udphdr), header, sizeof(header)))
		return end(walk, FINDING_NONE);
	return step(walk, sizeof(struct udphdr) + 8 + (header[0] & 0x3f) * 4, LAYER_TYPE, header[2] << 8 | header[3]);
}

static __always_inline int udp(struct walking *at)
{
	struct walk *walk = at->walk;
	__be16 destination;
	__u32 port, *kind;

	if (!load(at, offsetof(struct udphdr, dest), &destination, sizeof(destination)))
		return end(walk, FINDING_NONE);
	port = bpf_ntohs(destination);
	if (port == ROCE_PORT)
		return found(at, sizeof(struct udphdr), 2);
	kind = bpf_map_lookup_elem(&gate_ports, &port);
	if (kind && *kind == GATE_PORT_VXLAN)
		return step(walk, sizeof(struct udphdr) + 8, LAYER_ETHER, 0); /* RFC 7348 5 */
	if (kind && *kind == GATE_PORT_GENEVE)
		return geneve(at);
	return end(walk, FINDING_NONE);
}

static __always_inline int by_type(struct walking *at)
{
	struct walk *walk = at->walk;
	switch (walk->next) {
	case ETHERTYPE_ROCE:
		return roce_v1(at);
	case ETH_P_8021Q:
	case ETH_P_8021AD:
	case ETH_P_QINQ1:
		return vlan(at);
	case ETH_P_IP:
		return ipv4(at);
	case ETH_P_IPV6:
		return ipv6(at);
	case ETH_P_MPLS_UC:
	case ETH_P_MPLS_MC:
		return mpls(at);
	case ETH_P_TEB:
		return ether(at);
	case ETH_P_MACSEC:
		return macsec(at);
	default:
		return end(walk, FINDING_NONE);
	}
}

static __always_inline int by_protocol(struct walking *at)
{
	struct walk *walk = at->walk;
	switch (walk->next) {
	case IPPROTO_UDP:
		return udp(at);
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return ipv6_extension(at);
	case IPPROTO_FRAGMENT:
		return ipv6_fragment(at);
	case IPPROTO_AH:
		return authentication(at);
	case IPPROTO_IPIP:
		return step(walk, 0, LAYER_TYPE, ETH_P_IP);
	case IPPROTO_IPV6:
		return step(walk, 0, LAYER_TYPE, ETH_P_IPV6);
	case IPPROTO_ETHERNET:
		return step(walk, 0, LAYER_ETHER, 0);
	case PROTOCOL_MPLS:
		return step(walk, 0, LAYER_MPLS, 0);
	case IPPROTO_GRE:
		return gre(at);
	default: /* IPPROTO_ESP is one of them */
		return end(walk, FINDING_NONE);
	}
}

static long one_header(__u32 index, void *context)
{
	struct walking *at = context;

	(void)index;
	switch (at->walk->layer) {
	case LAYER_ETHER:
		return ether(at);
	case LAYER_TYPE:
		return by_type(at);
	case LAYER_PROTOCOL:
		return by_protocol(at);
	default:
		return mpls(at);
	}
}

static __always_inline bool is_opened(const __u8 address[16])
{
	struct gate_prefix key = { .bits = 128 };

	__builtin_memcpy(key.address, address, sizeof(key.address));
	return bpf_map_lookup_elem(&gate_opened, &key);
}

/* Returns whether the sender may have another event, and how many it could not have before. */
static __always_inline bool may_notify(__u32 uid, __u8 direction, __u64 now, __u32 *left_out)
{
	__u64 key = direction == GATE_DIRECTION_OUT ? uid : SENDER_OUTSIDE;
	struct sender first = { .began_ns = now, .events = 1 };
	struct sender *sender = bpf_map_lookup_elem(&gate_senders, &key);

	*left_out = 0;
	if (!sender) {
		bpf_map_update_elem(&gate_senders, &key, &first, BPF_ANY);
		return true;
	}
	if (now - sender->began_ns >= EVENT_INTERVAL_NS) {
		sender->began_ns = now;
		sender->events = 0;
	}
	if (sender->events >= GATE_EVENTS_PER_S) {
		__sync_fetch_and_add(&sender->left_out, 1);
		return false;
	}
	sender->events++;
	*left_out = sender->left_out;
	sender->left_out = 0;
	return true;
}

/* Returns false if the event is left out; the count is in gate_flows all the same. */
static __always_inline bool notify(struct __sk_buff *skb, const struct gate_flow *flow, __u64 frames, __u64 now)
{
	__u32 uid = flow->direction == GATE_DIRECTION_OUT ? bpf_get_socket_uid(skb) : GATE_UID_UNKNOWN;
	struct gate_event *event;
	__u32 left_out;

	if (!may_notify(uid, flow->direction, now, &left_out))
		return false;
	event = bpf_ringbuf_reserve(&gate_events, sizeof(*event), 0);
	if (!event) /* full */
		return false;
	event->flow = *flow;
	event->frames = frames;
	event->uid = uid;
	event->from = skb->ingress_ifindex;
	event->left_out = left_out;
	event->reserved = 0;
	bpf_ringbuf_submit(event, 0);
	return true;
}

/* When the flow had its last event, or as if it had it so long ago that the next attempt comes soon. */
static __always_inline __u64 notified_at(bool notified, __u64 now)
{
	return notified ? now : now - EVENT_INTERVAL_NS + EVENT_AGAIN_NS;
}

static __always_inline void count(struct __sk_buff *skb, const struct gate_flow *flow)
{
	__u64 now = bpf_ktime_get_ns();
	struct gate_count first = { .frames = 1 };
	struct gate_count *known = bpf_map_lookup_elem(&gate_flows, flow);

	if (!known) {
		first.last_ns = notified_at(notify(skb, flow, 1, now), now);
		bpf_map_update_elem(&gate_flows, flow, &first, BPF_ANY);
		return;
	}
	__sync_fetch_and_add(&known->frames, 1);
	if (now - known->last_ns < EVENT_INTERVAL_NS)
		return;
	known->last_ns = notified_at(notify(skb, flow, known->frames, now), now);
}

static __always_inline int judge(struct __sk_buff *skb, __u8 direction)
{
	__u32 zero = 0, one = 1;
	struct walk *walk = bpf_map_lookup_elem(&gate_walks, &zero);
	struct walking at = { .skb = skb, .walk = walk };

	if (!walk)
		return TC_ACT_STOLEN;
	__builtin_memset(walk, 0, sizeof(*walk));
	walk->flow.ifindex = skb->ifindex;
	walk->flow.direction = direction;
	bpf_loop(HEADERS_MAX, one_header, &at, 0);
	if (walk->ended && walk->finding != FINDING_ROCE)
		return TC_ACT_UNSPEC;
	if (is_opened(direction == GATE_DIRECTION_OUT ? walk->flow.destination : walk->flow.source))
		return TC_ACT_UNSPEC;
	if (walk->fragmented)
		bpf_map_update_elem(&gate_fragments, &walk->fragment, &one, BPF_ANY);
	count(skb, &walk->flow);
	return TC_ACT_STOLEN;
}

SEC("tc")
int gate_egress(struct __sk_buff *skb)
{
	return judge(skb, GATE_DIRECTION_OUT);
}

/* Packets that xfrm has decrypted in tunnel mode arrive on the same netdev once more; their secpath tells. */
SEC("tc")
int gate_ingress(struct __sk_buff *skb)
{
	struct bpf_xfrm_state state;

	if (!bpf_skb_get_xfrm_state(skb, 0, &state, sizeof(state), 0))
		return TC_ACT_UNSPEC;
	return judge(skb, GATE_DIRECTION_IN);
}

/* bpf_loop() and bpf_skb_get_xfrm_state() are open to GPL programs only. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";
