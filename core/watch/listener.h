/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef RDMASEC_WATCH_LISTENER_H
#define RDMASEC_WATCH_LISTENER_H

#include <stdint.h>
#include <sys/types.h>

struct acquire_flow;
struct mirror_change;
struct namespace;
struct wire_record;

typedef void (*namespace_changed_fn)(struct namespace *in, const struct mirror_change *change, void *arg);

/* Who hears of what happens. `record` is only valid during the call. */
struct watch_listener {
	void (*record)(const struct wire_record *record, void *arg);
	namespace_changed_fn changed; /* evidence has, after the watch has seen it; NULL: nobody asks */
	/* A living QP lost its SA, and has `grace_ms` to get another; 0: one that it stands on is about to expire. */
	void (*lacks_sa)(struct namespace *in, const struct acquire_flow *flow, uint32_t policy_index, uid_t uid,
			 uint32_t grace_ms, void *arg);
	void *arg;
};

#endif
