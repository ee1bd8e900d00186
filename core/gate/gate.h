/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The gate: BPF programs on the way out and in of netdevs, which stop cleartext RoCE (gate.bpf.c). They are filters of
 * clsact and stay when the process that installed them ends; their maps are pinned below GATE_PINS.
 *
 * All functions act in the calling thread's network namespace and may block for the kernel. One thread at a time.
 * Errors have a text in `error`. Sources: net/sched/sch_ingress.c, net/sched/cls_bpf.c, kernel/bpf/syscall.c.
 */
#ifndef RDMASEC_GATE_GATE_H
#define RDMASEC_GATE_GATE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gate/shared.h"
#include "util/attributes.h"

#define GATE_PINS "/sys/fs/bpf/rdmasec"

struct gate;
struct gate_opening;

/*
 * Loads the programs, and the maps or those that are pinned already. Returns 0 and *out, freed with gate_free(); or
 * -errno: -EPERM without CAP_BPF and CAP_NET_ADMIN, -ENOTDIR where no BPF file system is mounted, -EOPNOTSUPP in a
 * build without BPF, -EEXIST where the pinned maps are those of another version (gate_remove_pins() removes them).
 */
RS_MUST_USE int gate_load(struct gate **out, char *error, size_t error_size);
void gate_free(struct gate *gate);

/* Returns the fd of the program of a direction (GATE_DIRECTION_*), which the gate owns. For tests. */
int gate_program(const struct gate *gate, unsigned int direction);

/*
 * Puts both programs on a netdev, before the filters of others, in place of older ones of the gate. Returns 0 or
 * -errno; -EEXIST: the netdev has an ingress qdisc other than clsact, which stays.
 */
RS_MUST_USE int gate_attach(struct gate *gate, int ifindex, char *error, size_t error_size);

/*
 * Takes the gate's filters off a netdev, and clsact if no filter is left. Returns 0 (also if there was none), or -errno
 * with the rest in place.
 */
RS_MUST_USE int gate_detach(int ifindex, char *error, size_t error_size);

/* Removes the pinned maps, and with them the counts. Returns 0, also if there are none, or -errno. */
RS_MUST_USE int gate_remove_pins(char *error, size_t error_size);

/*
 * Replaces what the gate lets pass. New prefixes are added before old ones are removed. Returns 0, or -errno with a
 * mixture of both; -E2BIG for more than GATE_OPENED_MAX prefixes.
 */
RS_MUST_USE int gate_set_opened(struct gate *gate, const struct gate_opening *opening, char *error, size_t error_size);

/* Makes the gate look into UDP datagrams to this port. Returns 0 or -errno. */
RS_MUST_USE int gate_add_port(struct gate *gate, uint16_t port, enum gate_port_kind kind, char *error,
			      size_t error_size);

/* Which of the two programs stand on a netdev. The zero value is unknown. */
enum gate_place { GATE_PLACE_UNKNOWN = 0, GATE_ABSENT, GATE_FIRST, GATE_BEHIND_OTHERS };

struct gate_standing {
	enum gate_place out, in;
	size_t others; /* filters that the gate did not install */
};

/* Reads the filters of a netdev. Any user can. Returns 0, or -errno with both places unknown. */
RS_MUST_USE int gate_standing(int ifindex, struct gate_standing *out, char *error, size_t error_size);

struct gate_stopped {
	struct gate_flow flow;
	uint64_t frames;
};

/*
 * Calls `each` for every flow that was stopped since the maps were made, in no order. Returns 0; the first result of
 * `each` that is not 0; -ENOENT if no maps are pinned; or -errno.
 */
RS_MUST_USE int gate_stopped(int (*each)(const struct gate_stopped *stopped, void *context), void *context, char *error,
			     size_t error_size);

/* ---- what is stopped, as it happens ---- */

struct gate_events;
typedef void (*gate_event_fn)(const struct gate_event *event, void *arg);

/*
 * Opens the ring of events and forgets what it holds. One reader at a time. Needs CAP_BPF; what follows needs no
 * privilege and makes no bpf(2). Returns 0 and *out, which gate_events_close() frees before the gate; or -errno.
 */
RS_MUST_USE int gate_events_open(struct gate *gate, gate_event_fn event, void *arg, struct gate_events **out,
				 char *error, size_t error_size);
void gate_events_close(struct gate_events *events); /* NULL is allowed */
/* Returns an fd that is readable while there are events. */
int gate_events_fd(const struct gate_events *events);
/* Takes at most `max` events. Does not block. */
void gate_events_take(struct gate_events *events, unsigned int max);

#endif
