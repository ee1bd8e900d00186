/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Keeps the gate (gate/gate.h) where the policy wants it, on all netdevs of the daemon's network namespace that need
 * it, also on later ones. The gate stays when the daemon ends.
 *
 * The BPF programs are loaded before privileges are dropped. After that their filters are installed by rtnetlink, which
 * takes CAP_NET_ADMIN only, and their maps are changed by the fds that are open.
 *
 * One thread: that of the event base. Errors go to stderr, and nothing here stops the daemon.
 */
#ifndef RDMASECD_GATE_KEEPER_H
#define RDMASECD_GATE_KEEPER_H

#include <event2/event.h>

#include "engine/server.h"
#include "policy/policy.h"
#include "util/attributes.h"

struct gate_keeper;

/*
 * Loads the programs, for which it needs CAP_BPF or CAP_SYS_ADMIN, and CAP_NET_ADMIN. Without them, and in a build
 * without BPF, it keeps the reason instead of a gate. Returns NULL if there is no memory; gate_keeper_free() is due.
 */
struct gate_keeper *gate_keeper_new(void);

/*
 * Puts the gate up or removes it, as the policy says, and follows changes of netdevs and RDMA devices from now on.
 * Tells the server what the gate stops; it is borrowed until gate_keeper_free().
 */
void gate_keeper_start(struct gate_keeper *keeper, struct event_base *base, struct engine_server *server,
		       const struct policy *policy);

/* Another policy holds. It is borrowed for the call. Blocks for the kernel. */
void gate_keeper_set_policy(struct gate_keeper *keeper, const struct policy *policy);

/* Leaves the gate as it is. Call it before the server and the event base are freed. NULL is allowed. */
void gate_keeper_free(struct gate_keeper *keeper);

#endif
