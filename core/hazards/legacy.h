/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Tables of iptables-legacy and ip6tables-legacy in the network namespace of the calling thread. Their rules are not
 * followed: a table that has any at output or postrouting may lead packets elsewhere. There are no events of them.
 *
 * A table that was only listed exists without rules, and counts as none. Sources: get_info() in
 * net/ipv4/netfilter/ip_tables.c and net/ipv6/netfilter/ip6_tables.c, xt_table_seq_show() in net/netfilter/x_tables.c.
 */
#ifndef RDMASEC_HAZARDS_LEGACY_H
#define RDMASEC_HAZARDS_LEGACY_H

#include <stdbool.h>

enum { LEGACY_TABLE_MAX = 32 }; /* XT_TABLE_MAXNAMELEN */

enum legacy_state {
	LEGACY_UNKNOWN = 0, /* see `err` */
	LEGACY_NONE,
	LEGACY_HAS_RULES,
};

struct legacy_family {
	enum legacy_state state;
	int err;                      /* LEGACY_UNKNOWN: of errno; -EPERM and -EACCES without the privilege */
	char table[LEGACY_TABLE_MAX]; /* LEGACY_HAS_RULES: the first such table, printable */
};

struct legacy_rules {
	struct legacy_family ip, ip6;
};

/*
 * Opens the sockets by which tables are asked for, and keeps them until the process ends. Call it before a filter of
 * system calls forbids sockets of the internet; without it, legacy_read() opens them for each call. They cannot send:
 * sock_alloc_send_pskb() in net/core/sock.c fails with EPIPE. What is missing, legacy_read() reports. For one thread.
 */
void legacy_prepare(void);

/*
 * Needs root's read permission for /proc/thread-self/net/ip_tables_names, and CAP_NET_ADMIN once there is a table. Does
 * not have modules loaded: it asks for tables that exist only. Blocks for the kernel's answers: one for each table.
 */
void legacy_read(struct legacy_rules *out);
bool legacy_same(const struct legacy_rules *a, const struct legacy_rules *b);

#endif
