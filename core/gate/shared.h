/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What gate.bpf.c and user space have in common: keys and values of the gate's maps. No padding anywhere. */
#ifndef RDMASEC_GATE_SHARED_H
#define RDMASEC_GATE_SHARED_H

#include <linux/types.h>

enum {
	GATE_DIRECTION_OUT = 1,
	GATE_DIRECTION_IN = 2,

	GATE_FLOWS_MAX = 4096,     /* of which the gate remembers counts; it stops every flow */
	GATE_OPENED_MAX = 4096,    /* prefixes of addresses that the policy lets go in clear */
	GATE_FRAGMENTS_MAX = 4096, /* datagrams of which later fragments can follow */
	GATE_PORTS_MAX = 64,       /* UDP ports of VXLAN and Geneve netdevs */
	GATE_EVENTS_SIZE = 256 * 1024,
	GATE_SENDERS_MAX = 1024, /* whose events are counted, see GATE_EVENTS_PER_S */
	/*
	 * Of the frames of one user, of those without a socket, and of those that arrive: a flood of one kind leaves
	 * room for the events of the others.
	 */
	GATE_EVENTS_PER_S = 200,
	GATE_UID_UNKNOWN = 65534, /* overflowuid, which bpf_get_socket_uid() returns (net/core/filter.c) */
};

/* A flow of cleartext RoCE. IPv4 addresses are mapped (::ffff:a.b.c.d), as in a GID. */
struct gate_flow {
	__u8 source[16], destination[16];
	__u32 ifindex;
	__u32 qpn;      /* the destination queue pair of the base transport header */
	__u8 direction; /* GATE_DIRECTION_* */
	__u8 version;   /* RoCE 1 or 2 */
	__u8 reserved[6];
};

struct gate_count {
	__u64 frames;
	__u64 last_ns; /* CLOCK_MONOTONIC: when the flow's last event was written */
};

/* An entry of the ring: the first frame of a flow, and then at most one a second; of all flows GATE_EVENTS_PER_S. */
struct gate_event {
	struct gate_flow flow;
	__u64 frames; /* of this flow until now */
	/*
	 * Whose socket sent the frame (GATE_DIRECTION_OUT). A queue pair of rxe has a socket of the user who made it.
	 * GATE_UID_UNKNOWN: the frame has none, as one that was forwarded, or copied by tc.
	 */
	__u32 uid;
	__u32 from;     /* ifindex by which the frame arrived, or from which tc led it here; 0: neither */
	__u32 left_out; /* of this sender since its last event: those beyond GATE_EVENTS_PER_S */
	__u32 reserved;
};

/* The key of an opened prefix: struct bpf_lpm_trie_key with a GID as its data. */
struct gate_prefix {
	__u32 bits; /* of address; 96 more than the prefix of an IPv4 address */
	__u8 address[16];
};

/* What the fragments of a datagram have in common: RFC 791 3.2, RFC 8200 4.5. */
struct gate_fragment {
	__u8 source[16], destination[16];
	__u32 identification;
	__u32 protocol;
};

enum gate_port_kind { GATE_PORT_VXLAN = 1, GATE_PORT_GENEVE };

#endif
