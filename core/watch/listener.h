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

/* Callbacks of the watch. Arguments are valid during the call only. */
struct watch_listener {
	void (*record)(const struct wire_record *record, void *arg);
	namespace_changed_fn changed; /* the evidence of `in`, which the watch has handled; may be NULL */
	/*
	 * A living QP has lost its SA and has `grace_ms` to get another. 0: an SA that it uses is about to expire. May
	 * be NULL.
	 */
	void (*missing_sa)(struct namespace *in, const struct acquire_flow *flow, uint32_t policy_index, uid_t uid,
			   uint32_t grace_ms, void *arg);
	void *arg;
};

#endif
